//! Bringing quality results up to date: measure what is stale, unit by unit, run stale queries, and put all results in
//! place in one commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use assay_datasets::schema::Table;
use assay_sql::session::{SessionOptions, new_session};
use datafusion::prelude::SessionContext;
use futures::{StreamExt, stream};
use url::Url;

use super::catalogue::{Rules, load_checked};
use super::compile::{Compiled, adapt, reading_schema};
use super::delivered::{Delivered, Void};
use super::failure::{self, Numbering};
use super::loads;
use super::measure::{self, CANNOT, FOUND, Measure, UNIT};
use super::pass::measure as pass;
use super::place::Place;
use super::rule::{Distribution, Rule};
use super::stale::{Query, Unit, Work, look};
use super::tables::{self, ALL};
use super::{query, score};
use crate::ingest::Progress;
use crate::warehouse::{
    STORE_URL, TableSpec, Transaction, UnitFile, UnitTable, Warehouse, clock, get, read_unit,
};
use crate::{EngineError, Result};

/// Findings held before they are written as a file.
const FINDINGS_A_FILE: usize = 500_000;

/// Failing rows of a unit read at once: what is kept of them takes about half a kilobyte each.
const FINDINGS_AT_ONCE: usize = 100_000;

/// What a refresh did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QualitySummary {
    /// Units measured.
    pub units: usize,
    /// Their rows.
    pub rows: u64,
    /// Queries run.
    pub queries: usize,
    /// Units and queries that stayed as they were.
    pub kept: usize,
    /// Findings added.
    pub findings: usize,
    /// Wall time.
    pub seconds: f64,
}

impl QualitySummary {
    /// Whether nothing was stale.
    pub fn is_empty(&self) -> bool {
        self.units == 0 && self.queries == 0
    }
}

/// Brings quality results up to date with the tables and rules; does nothing when nothing is stale.
///
/// # Errors
/// When a definition is wrong (with every problem), a query fails, or the warehouse cannot be written; results then
/// stay as they were.
pub async fn refresh(
    warehouse: &Warehouse,
    options: &SessionOptions,
    progress: Arc<dyn Progress>,
) -> Result<QualitySummary> {
    let started = Instant::now();
    let context = new_session(options)?;
    let rules = load_checked(warehouse, &context).await?;
    // Looking needs no lock; only when something is stale a transaction begins, and looks again.
    let head = warehouse.head().await?;
    let measured = measure::load(warehouse, &head).await?;
    let work = look(warehouse, &head, &rules, &context, &measured).await?;
    if work.is_empty() {
        return Ok(QualitySummary { kept: work.kept, ..QualitySummary::default() });
    }
    let transaction = warehouse.begin("quality", &ALL).await?;
    let mut run = Run {
        warehouse,
        options,
        rules: &rules,
        context,
        progress,
        at: clock::now_ms(),
        output: Output { transaction, waiting: Vec::new(), values: Vec::new(), rows: 0 },
        summary: QualitySummary::default(),
    };
    match run.all().await {
        Ok(()) => {
            let Run { output, mut summary, .. } = run;
            let info =
                serde_json::json!({ "quality": { "units": summary.units, "queries": summary.queries } });
            output.transaction.commit(info).await?;
            summary.seconds = started.elapsed().as_secs_f64();
            Ok(summary)
        }
        Err(error) => {
            // What cannot be removed now, the next writer removes.
            let _ = run.output.transaction.abort().await;
            Err(error)
        }
    }
}

struct Run<'w> {
    warehouse: &'w Warehouse,
    options: &'w SessionOptions,
    rules: &'w Rules,
    context: SessionContext,
    progress: Arc<dyn Progress>,
    at: i64,
    output: Output,
    summary: QualitySummary,
}

/// What a unit's pass and the reading of its failing rows gave.
struct Outcome {
    measures: Vec<Measure>,
    rows: u64,
    findings: Vec<RecordBatch>,
    /// Failing rows still to be read, where they are too many to hold.
    rest: Option<Failing>,
}

/// Failing rows of a unit: by rule, and all of them.
struct Failing {
    ready: Arc<Ready>,
    place: Place,
    by_rule: Vec<Vec<u32>>,
    union: Vec<u32>,
    numbering: Numbering,
}

impl Run<'_> {
    async fn all(&mut self) -> Result<()> {
        let base = self.output.transaction.base().clone();
        let measured = measure::load(self.warehouse, &base).await?;
        let work = look(self.warehouse, &base, self.rules, &self.context, &measured).await?;
        self.summary.kept = work.kept;
        let mut measures: Vec<Measure> =
            measured.into_iter().filter(|m| work.current.contains(&m.unit)).collect();
        self.progress.phase("quality", work.units.len() + work.queries.len());
        self.measure_units(&work, &mut measures).await?;
        for query in &work.queries {
            measures.extend(self.query(&work, query).await?);
            self.summary.queries += 1;
            self.progress.advance(1);
        }
        if let Some(print) = &work.loads {
            measures.extend(loads::measures(self.warehouse, &base, print).await?);
        }
        self.output.flush().await?;
        if work.gone {
            self.drop_gone(&work.current).await?;
        }
        self.results(&mut measures).await
    }

    /// One pass over each stale unit, as many side by side as there are threads.
    async fn measure_units(&mut self, work: &Work, measures: &mut Vec<Measure>) -> Result<()> {
        let delivered = Delivered::load(self.warehouse, self.output.transaction.base()).await?;
        let mut tables: BTreeMap<&str, Arc<Ready>> = BTreeMap::new();
        for unit in &work.units {
            if !tables.contains_key(unit.table.name.as_str()) {
                let ready = Ready::new(&self.context, self.rules, &delivered, unit.table)?;
                tables.insert(&unit.table.name, Arc::new(ready));
            }
        }
        let (warehouse, at) = (self.warehouse.clone(), self.at);
        let mut outcomes = stream::iter(work.units.iter().cloned().filter_map(|unit| {
            let ready = Arc::clone(tables.get(unit.table.name.as_str())?);
            let place = Place::of(&warehouse, &unit.table.name, &unit.file);
            Some(tokio::spawn(ready.run(place, unit, at)))
        }))
        .buffered(self.options.threads.max(1));
        while let Some(outcome) = outcomes.next().await {
            let outcome = outcome.map_err(|e| EngineError::internal(format!("a pass stopped: {e}")))??;
            measures.extend(outcome.measures);
            self.summary.units += 1;
            self.summary.rows += outcome.rows;
            for findings in outcome.findings {
                self.summary.findings += findings.num_rows();
                self.output.push(findings, None).await?;
            }
            if let Some(mut failing) = outcome.rest {
                for at in (0..failing.union.len()).step_by(FINDINGS_AT_ONCE) {
                    for findings in failing.read(at).await? {
                        self.summary.findings += findings.num_rows();
                        self.output.push(findings, None).await?;
                    }
                }
            }
            self.progress.advance(1);
        }
        Ok(())
    }

    async fn query(&mut self, work: &Work, query: &Query) -> Result<Vec<Measure>> {
        let rule = &query.rule;
        let blank = Measure {
            unit: query.print.clone(),
            table: rule.table.name.clone(),
            period: query.period,
            source: String::new(),
            measure: rule.id.clone(),
            part: FOUND.into(),
            passed: 0,
            failed: 0,
            unknown: 0,
            at: None,
        };
        let mut measures = vec![Measure { measure: UNIT.into(), part: rule.id.clone(), ..blank.clone() }];
        if query.cannot {
            measures.push(Measure { part: CANNOT.into(), ..blank });
            return Ok(measures);
        }
        let context = self.session(work, query)?;
        let mut numbering = Numbering::new(&query.print, self.at);
        let mut found = query::stream(&context, rule).await?;
        while let Some(batch) = found.next().await {
            let (failing, unknown) = query::split(&batch?)?;
            let (open, clear) = numbering.findings(rule, &failing)?;
            for ((source, period), n) in failure::by_source(&open)? {
                let failed = i64::try_from(n).unwrap_or(i64::MAX);
                measures.push(Measure { source, period, failed, ..blank.clone() });
            }
            if let Some(unknown) = unknown.filter(|u| u.num_rows() > 0) {
                let (open, _) = Numbering::new(&query.print, self.at).findings(rule, &unknown)?;
                for ((source, period), n) in failure::by_source(&open)? {
                    let unknown = i64::try_from(n).unwrap_or(i64::MAX);
                    measures.push(Measure { source, period, unknown, ..blank.clone() });
                }
            }
            self.summary.findings += open.num_rows();
            self.output.push(open, clear).await?;
        }
        Ok(measures)
    }

    /// A session with the files of a query's month.
    fn session(&self, work: &Work, query: &Query) -> Result<SessionContext> {
        let context = query::empty_session(&self.context)?;
        let url = Url::parse(STORE_URL).map_err(|e| EngineError::internal(e.to_string()))?;
        context.register_object_store(&url, Arc::clone(self.warehouse.store()));
        for (name, files) in &query.files {
            if let Some(table) = work.tables.get(name) {
                query::register(&context, name, Arc::new(UnitTable::with_files(table, files.clone())))?;
            }
        }
        query::register_empty(&context)?;
        Ok(context)
    }

    /// Takes findings out that no current measure made.
    async fn drop_gone(&mut self, current: &BTreeSet<String>) -> Result<()> {
        for spec in [tables::failure(), tables::value()] {
            let base = self.output.transaction.base().clone();
            let Some(table) = self.warehouse.table(&base, &spec.name).await? else { continue };
            for file in table.files {
                self.drop_gone_of(&spec, file, current).await?;
            }
        }
        Ok(())
    }

    async fn drop_gone_of(
        &mut self,
        spec: &TableSpec,
        file: UnitFile,
        current: &BTreeSet<String>,
    ) -> Result<()> {
        let bytes = get(self.warehouse, &spec.name, &file).await?;
        let stays = |batch: &RecordBatch| -> Result<BooleanArray> {
            let units = batch.column(batch.schema_ref().index_of("unit")?).as_string::<i32>();
            Ok(units.iter().map(|u| Some(u.is_some_and(|u| current.contains(u)))).collect())
        };
        let units = read_unit(bytes.clone(), Some(&["unit"]))?;
        let masks = units.iter().map(stays).collect::<Result<Vec<_>>>()?;
        if masks.iter().all(|mask| mask.false_count() == 0) {
            return Ok(());
        }
        let rest = read_unit(bytes, None)?
            .iter()
            .map(|batch| adapt(&filter_record_batch(batch, &stays(batch)?)?, &spec.schema))
            .collect::<Result<Vec<_>>>()?;
        self.output.transaction.remove(spec, file)?;
        self.output.transaction.append(spec, &rest).await
    }

    /// The small tables, made anew.
    async fn results(&mut self, measures: &mut [Measure]) -> Result<()> {
        measures.sort_by(|a, b| {
            (&a.table, a.period, &a.source, &a.measure, &a.part, &a.unit)
                .cmp(&(&b.table, b.period, &b.source, &b.measure, &b.part, &b.unit))
        });
        let (scores, alerts) = score::scores(measures, self.rules);
        let transaction = &mut self.output.transaction;
        transaction.replace(&tables::measure(), &[measure::to_batch(measures)?]).await?;
        transaction.replace(&tables::score(), &[score::to_batch(&scores, self.at)?]).await?;
        transaction.replace(&tables::alert(), &[score::alerts_to_batch(&alerts, self.at)?]).await?;
        transaction.append(&tables::history(), &[score::history(&scores, self.at)?]).await
    }
}

/// The rules of a table, compiled.
struct Ready {
    rules: Vec<Arc<Rule>>,
    distributions: Vec<Arc<Distribution>>,
    compiled: Compiled,
    void: Void,
}

impl Ready {
    fn new(
        context: &SessionContext,
        rules: &Rules,
        delivered: &Delivered,
        table: &'static Table,
    ) -> Result<Self> {
        let distributions: Vec<Arc<Distribution>> = rules.distributions_of(table).cloned().collect();
        let rules: Vec<Arc<Rule>> = rules.of(table).cloned().collect();
        let compiled = Compiled::new(context, &reading_schema(table), &rules, &distributions)?;
        let void = delivered.void(table, &compiled.judged_by);
        Ok(Self { rules, distributions, compiled, void })
    }

    async fn run(self: Arc<Self>, place: Place, unit: Unit, at: i64) -> Result<Outcome> {
        let found = pass(&place, &self.compiled, &self.void, self.rules.len()).await?;
        let measures = measure::of_unit(
            &unit.print,
            &unit.file.path,
            unit.file.period,
            &self.rules,
            &self.distributions,
            &unit.table.name,
            &found,
        );
        let mut outcome = Outcome { measures, rows: found.rows, findings: Vec::new(), rest: None };
        let union = failure::union(&found.failing);
        if union.is_empty() {
            return Ok(outcome);
        }
        let numbering = Numbering::new(&unit.print, at);
        let mut failing = Failing { ready: self, place, by_rule: found.failing, union, numbering };
        if failing.union.len() <= FINDINGS_AT_ONCE {
            outcome.findings = failing.read(0).await?;
        } else {
            outcome.rest = Some(failing);
        }
        Ok(outcome)
    }
}

impl Failing {
    /// The findings on some rows, from the `at`th failing one.
    async fn read(&mut self, at: usize) -> Result<Vec<RecordBatch>> {
        let rows = &self.union[at..(at + FINDINGS_AT_ONCE).min(self.union.len())];
        let rules = &self.ready.rules;
        let Some(table) = rules.first().map(|rule| rule.table) else { return Ok(Vec::new()) };
        let batches = self.place.rows_at(&failure::schema(table, rules), rows).await?;
        failure::of_unit(rules, &self.by_rule, rows, &batches, &mut self.numbering)
    }
}

/// Findings on their way into the transaction, a file for every half million.
struct Output {
    transaction: Transaction,
    waiting: Vec<RecordBatch>,
    values: Vec<RecordBatch>,
    rows: usize,
}

impl Output {
    async fn push(&mut self, findings: RecordBatch, values: Option<RecordBatch>) -> Result<()> {
        self.rows += findings.num_rows();
        self.waiting.push(findings);
        self.values.extend(values);
        if self.rows >= FINDINGS_A_FILE { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<()> {
        self.rows = 0;
        let findings = std::mem::take(&mut self.waiting);
        self.transaction.append(&tables::failure(), &findings).await?;
        let values = std::mem::take(&mut self.values);
        self.transaction.append(&tables::value(), &values).await
    }
}
