//! What must be measured: units and queries whose files or rules are not those of the last time.
//!
//! As with rollups, staleness is read from paths: a data file's path is unique to the transaction that wrote it, so
//! equal paths mean equal content. Nobody keeps a list, and changing a rule makes what it judged stale.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use assay_datasets::schema::{Table, catalog};
use datafusion::prelude::SessionContext;

use super::catalogue::Rules;
use super::loads::{self, LOADED};
use super::measure::{Measure, UNIT};
use super::query;
use super::rule::{Rule, Window};
use crate::Result;
use crate::warehouse::{Commit, TableFiles, UnitFile, Warehouse};

/// Part of every fingerprint: raise it when measuring the same files by the same rules gives something else.
const MEASURING: &[u8] = b"2";

/// A unit to measure.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Its table.
    pub table: &'static Table,
    /// Its file.
    pub file: UnitFile,
    /// Fingerprint.
    pub print: String,
}

/// A query to run.
#[derive(Debug, Clone)]
pub struct Query {
    /// Its rule.
    pub rule: Arc<Rule>,
    /// The month it looks at; `None`: all of them.
    pub period: Option<i32>,
    /// Fingerprint.
    pub print: String,
    /// The files of the tables it reads, by name.
    pub files: BTreeMap<String, Vec<UnitFile>>,
    /// A table it needs has no rows: nothing can be told.
    pub cannot: bool,
}

/// What there is to do.
#[derive(Debug, Default)]
pub struct Work {
    /// The tables as they are.
    pub tables: BTreeMap<String, TableFiles>,
    /// Units to measure.
    pub units: Vec<Unit>,
    /// Queries to run.
    pub queries: Vec<Query>,
    /// Every fingerprint that is right now.
    pub current: BTreeSet<String>,
    /// Units and queries that need no measuring.
    pub kept: usize,
    /// Whether something measured before is gone.
    pub gone: bool,
    /// Fingerprint of what loads noted, where it must be measured: one that rejects every row changes no table.
    pub loads: Option<String>,
}

impl Work {
    /// Whether results are as they should be.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty() && self.queries.is_empty() && !self.gone && self.loads.is_none()
    }
}

/// Compares what was measured with what there is.
pub async fn look(
    warehouse: &Warehouse,
    commit: &Commit,
    rules: &Rules,
    context: &SessionContext,
    measured: &[Measure],
) -> Result<Work> {
    let known: BTreeSet<&str> =
        measured.iter().filter(|m| m.measure == UNIT).map(|m| m.unit.as_str()).collect();
    let mut work = Work { tables: open(warehouse, commit).await?, ..Work::default() };
    for table in catalog().tables() {
        let Some(files) = work.tables.get(&table.name) else { continue };
        if rules.of(table).next().is_none() {
            continue;
        }
        let print = rules_print(rules, table);
        for file in &files.files {
            let print = finish(blake3::Hasher::new().update(print.as_bytes()).update(file.path.as_bytes()));
            if !known.contains(print.as_str()) {
                work.units.push(Unit { table, file: file.clone(), print: print.clone() });
            } else {
                work.kept += 1;
            }
            work.current.insert(print);
        }
    }
    for rule in rules.rules.iter().filter(|r| r.is_query() && work.tables.contains_key(&r.table.name)) {
        for query in queries(context, rule, &work.tables)? {
            if !known.contains(query.print.as_str()) {
                work.current.insert(query.print.clone());
                work.queries.push(query);
            } else {
                work.kept += 1;
                work.current.insert(query.print);
            }
        }
    }
    work.gone = known.iter().any(|unit| !work.current.contains(*unit));
    if let Some(print) = loads::fingerprint(warehouse, commit).await? {
        let measured = measured.iter().any(|m| m.measure == LOADED && m.unit == print);
        work.loads = (!measured).then(|| print.clone());
        work.current.insert(print);
    }
    Ok(work)
}

async fn open(warehouse: &Warehouse, commit: &Commit) -> Result<BTreeMap<String, TableFiles>> {
    let vault = crate::warehouse::dictionary::VAULT.iter().map(|kind| kind.table);
    let mut tables = BTreeMap::new();
    for name in catalog().tables().iter().map(|t| t.name.as_str()).chain(vault) {
        if let Some(files) = warehouse.table(commit, name).await? {
            tables.insert(name.replace('/', "."), files);
        }
    }
    Ok(tables)
}

pub(super) fn finish(hasher: &blake3::Hasher) -> String {
    hasher.finalize().to_hex()[..16].to_owned()
}

/// Everything but the file that decides a unit's measures.
fn rules_print(rules: &Rules, table: &Table) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(MEASURING);
    for field in table.stored_schema().fields() {
        hasher.update(field.name().as_bytes());
        hasher.update(field.data_type().to_string().as_bytes());
    }
    for rule in rules.of(table) {
        hasher.update(rule.fingerprint().as_bytes());
    }
    for distribution in rules.distributions_of(table) {
        let text = distribution.source.text.get(distribution.span.clone()).unwrap_or_default();
        hasher.update(text.as_bytes());
    }
    finish(&hasher)
}

/// A rule's queries: one a month of its table, or one.
fn queries(
    context: &SessionContext,
    rule: &Arc<Rule>,
    tables: &BTreeMap<String, TableFiles>,
) -> Result<Vec<Query>> {
    let reads = query::tables(context, rule)?;
    let own = tables.get(&rule.table.name).map(|t| t.files.as_slice()).unwrap_or_default();
    let months: BTreeSet<Option<i32>> = match rule.window {
        Window::Month => own.iter().map(|f| f.period).collect(),
        Window::All => BTreeSet::from([None]),
    };
    Ok(months
        .into_iter()
        .map(|period| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(MEASURING).update(rule.fingerprint().as_bytes());
            hasher.update(&period.unwrap_or(0).to_le_bytes());
            let mut files = BTreeMap::new();
            let mut cannot = false;
            for name in &reads {
                let all = tables.get(name).map(|t| t.files.as_slice()).unwrap_or_default();
                let mine: Vec<UnitFile> = all
                    .iter()
                    .filter(|f| period.is_none() || f.period.is_none() || f.period == period)
                    .cloned()
                    .collect();
                hasher.update(name.as_bytes());
                for file in &mine {
                    hasher.update(file.path.as_bytes());
                    hasher.update(&[0]);
                }
                cannot |= mine.iter().all(|f| f.rows == 0);
                files.insert(name.clone(), mine);
            }
            Query { rule: Arc::clone(rule), period, print: finish(&hasher), files, cannot }
        })
        .collect())
}
