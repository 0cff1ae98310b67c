//! Late facts: months about which rows came in after they were asked are asked again. What is answered otherwise takes the place of
//! what was, and is noted (`policy_change`); all else stays as it is. How tasks follow is the ledger's business.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use assay_datasets::schema::{ColumnType, PERIOD, Table, catalog};
use assay_indicators::{Asked, period};
use assay_sql::session::SessionOptions;
use datafusion::catalog::{MemTable, SchemaProvider};
use datafusion::prelude::SessionContext;

use super::desk::{self, Desk};
use super::load_rulebook;
use super::reports::asked;
use super::store::{AnswerSummary, put};
use super::tables::{POLICY_CHANGE, POLICY_COUNT, POLICY_FINDING, POLICY_RUN, change_spec};
use crate::Result;
use crate::ingest::Progress;
use crate::scan::rows as rows_of;
use crate::warehouse::Warehouse;
use crate::warehouse::session::{self, Access};

const CHANGES: &str = include_str!("../../../sql/policies/changes.sql");
/// Months back that are asked again: tax is paid back, and collected, for three years (税收征收管理法第五十一、五十二条).
const LOOK_BACK: i32 = 36;
/// A row speaks of the month it is about and of those after it, so far as facts of policies look back.
const REACH: i32 = 24;

/// A month that was asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reopened {
    /// Which.
    pub as_of: i32,
    /// Answers that are others now.
    pub changed: usize,
}

/// Asks again what rows that came in late are about, but not `as_of`, which is asked anyway.
///
/// # Errors
/// When the warehouse cannot be read or written; months before the one that failed are done.
pub(crate) async fn reopen(
    warehouse: &Warehouse,
    as_of: i32,
    options: &SessionOptions,
    progress: Arc<dyn Progress>,
) -> Result<Vec<Reopened>> {
    let head = warehouse.head().await?;
    let context = session::open(warehouse, &head, Access::Open, options).await?;
    let news = News::of(warehouse, &context, as_of).await?;
    let mut reopened = Vec::new();
    let touched = news.touched(&context).await?;
    if touched.is_empty() {
        return Ok(reopened);
    }
    let definitions = load_rulebook(Some(warehouse))?;
    for (month, tables) in touched {
        let definitions = definitions.clone();
        let desk = Desk::open(warehouse, definitions, Some(month), options, Arc::clone(&progress)).await?;
        let plan = desk.plan(Asked { book: &desk.book, only: &[], span: None }).await?;
        if desk::tables(&plan).is_disjoint(&tables) {
            continue;
        }
        let summary = desk.answers(plan).await?;
        let changes = changes(&desk.context, &summary, as_of).await?;
        store(warehouse, &summary, &changes).await?;
        reopened.push(Reopened { as_of: month, changed: changes.num_rows() });
    }
    Ok(reopened)
}

/// A table and a batch that brought rows to it.
type Load = (String, String);

/// What came in since months were asked.
struct News {
    /// By month: loads it knows nothing of.
    unknown: BTreeMap<i32, BTreeSet<Load>>,
}

impl News {
    async fn of(warehouse: &Warehouse, context: &SessionContext, as_of: i32) -> Result<Self> {
        let since = period::add(as_of, -LOOK_BACK);
        let sql = format!(
            "SELECT as_of, commit_id FROM {POLICY_RUN} WHERE as_of <> {as_of} AND as_of >= {since} ORDER BY as_of"
        );
        let mut asked: Vec<(i32, u64)> = Vec::new();
        for batch in rows_of(context, &sql).await? {
            let months = batch.column(0).as_primitive::<Int32Type>();
            let commits = batch.column(1).as_primitive::<Int64Type>();
            let rows = months.values().iter().zip(commits.values());
            asked.extend(rows.map(|(month, commit)| (*month, u64::try_from(*commit).unwrap_or(0))));
        }
        let mut unknown = BTreeMap::new();
        if asked.is_empty() {
            return Ok(Self { unknown });
        }
        let now = loads(context).await?;
        let mut known: BTreeMap<u64, BTreeSet<Load>> = BTreeMap::new();
        for (month, commit) in asked {
            let known = match known.entry(commit) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(loads_then(warehouse, commit).await?),
            };
            let news: BTreeSet<Load> = now.difference(known).cloned().collect();
            if !news.is_empty() {
                unknown.insert(month, news);
            }
        }
        Ok(Self { unknown })
    }

    /// Months that rows they know nothing of are about, with the tables of these.
    async fn touched(&self, context: &SessionContext) -> Result<BTreeMap<i32, BTreeSet<String>>> {
        let mut by_table: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (table, batch) in self.unknown.values().flatten() {
            by_table.entry(table).or_default().insert(batch);
        }
        let mut about: BTreeMap<Load, BTreeSet<Option<i32>>> = BTreeMap::new();
        for (name, batches) in by_table {
            let Some(table) = catalog().table(name) else { continue };
            for (batch, month) in months_of(context, table, &batches).await? {
                about.entry((name.to_owned(), batch)).or_default().insert(month);
            }
        }
        let mut touched: BTreeMap<i32, BTreeSet<String>> = BTreeMap::new();
        for (asked, loads) in &self.unknown {
            let from = period::add(*asked, 1 - REACH);
            // What no month is known of may be about any.
            let bears = |month: &Option<i32>| month.is_none_or(|month| (from..=*asked).contains(&month));
            for load in loads.iter().filter(|load| about.get(*load).is_some_and(|m| m.iter().any(bears))) {
                touched.entry(*asked).or_default().insert(load.0.clone());
            }
        }
        Ok(touched)
    }
}

/// Loads that brought anything.
async fn loads(context: &SessionContext) -> Result<BTreeSet<Load>> {
    let sql = "SELECT DISTINCT table_name, batch FROM ingest_batch WHERE rows_kept + rows_replaced > 0";
    let mut found = BTreeSet::new();
    for batch in rows_of(context, sql).await? {
        let (tables, batches) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        for row in 0..batch.num_rows() {
            found.insert((tables.value(row).to_owned(), batches.value(row).to_owned()));
        }
    }
    Ok(found)
}

async fn loads_then(warehouse: &Warehouse, commit: u64) -> Result<BTreeSet<Load>> {
    let then = warehouse.commit(commit).await?;
    let context = session::open(warehouse, &then, Access::Open, &SessionOptions::default()).await?;
    loads(&context).await
}

/// Months that rows of some batches are about; none where a row does not say.
async fn months_of(
    context: &SessionContext,
    table: &Table,
    batches: &BTreeSet<&str>,
) -> Result<Vec<(String, Option<i32>)>> {
    let quoted: Vec<String> = batches.iter().map(|batch| format!("'{batch}'")).collect();
    let sql = format!(
        "SELECT DISTINCT _batch, {} AS month FROM \"{}\" WHERE _batch IN ({})",
        month_of(table),
        table.name,
        quoted.join(", ")
    );
    let mut found = Vec::new();
    for batch in rows_of(context, &sql).await? {
        let months = cast(batch.column(1), &DataType::Int32)?;
        let months = months.as_primitive::<Int32Type>();
        let names = batch.column(0).as_string::<i32>();
        for row in 0..batch.num_rows() {
            let month = months.is_valid(row).then(|| months.value(row));
            found.push((names.value(row).to_owned(), month));
        }
    }
    Ok(found)
}

/// The month a row is about: the one it is kept by, else that of its earliest day.
fn month_of(table: &Table) -> String {
    if table.period.is_some() || table.column(PERIOD).is_some() {
        return PERIOD.to_owned();
    }
    let days: Vec<&str> = table
        .columns
        .iter()
        .filter(|column| column.ty == ColumnType::Date)
        .map(|column| column.name.as_str())
        .collect();
    match days.as_slice() {
        [] => "CAST(NULL AS INT)".to_owned(),
        [one] => format!("period_of({one})"),
        several => format!("period_of(least({}))", several.join(", ")),
    }
}

/// What is answered otherwise than what is kept of the month.
async fn changes(context: &SessionContext, summary: &AnswerSummary, found: i32) -> Result<RecordBatch> {
    let rows = summary.rows(&summary.answered.findings)?;
    let table = MemTable::try_new(rows.schema(), vec![vec![rows]])?;
    asked(context)?.register_table("now".to_owned(), Arc::new(table))?;
    let sql = CHANGES.replace("$found", &found.to_string()).replace("$as_of", &summary.as_of.to_string());
    let rows = session::rows(context.sql(&sql).await?).await?;
    let schema = change_spec().schema;
    let columns = rows.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| cast(column, field.data_type()));
    Ok(RecordBatch::try_new(Arc::clone(&schema), columns.collect::<std::result::Result<_, _>>()?)?)
}

async fn store(warehouse: &Warehouse, summary: &AnswerSummary, changes: &RecordBatch) -> Result<()> {
    let names = [POLICY_FINDING, POLICY_COUNT, POLICY_RUN, POLICY_CHANGE];
    let mut transaction = warehouse.begin("policies", &names).await?;
    let put = async {
        put(warehouse, &mut transaction, summary).await?;
        transaction.append(&change_spec(), std::slice::from_ref(changes)).await
    };
    let put = put.await;
    transaction.finish(put, |()| serde_json::json!({ "as_of": summary.as_of })).await
}
