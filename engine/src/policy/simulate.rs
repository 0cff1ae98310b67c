//! What if: two rulebooks asked of the same population and compared. Nothing is stored, nothing in force is touched.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, RecordBatch};
use assay_indicators::period;
use assay_indicators::policy::{Answer, PolicyChange, Rulebook};
use assay_sql::session::SessionOptions;
use chrono::NaiveDate;
use datafusion::catalog::SchemaProvider;
use datafusion::datasource::MemTable;
use datafusion::prelude::DataFrame;

use super::desk::Desk;
use super::load_rulebook;
use super::reports::{Group, asked, put_names};
use super::store::AnswerSummary;
use crate::ingest::Progress;
use crate::warehouse::Warehouse;
use crate::{EngineError, Result};

const SIMULATION: &str = include_str!("../../../sql/reports/policy_simulation.sql");
const DIFFERENCE: &str = include_str!("../../../sql/reports/policy_difference.sql");

/// A rulebook with a change, over everybody: revenue, winners and losers by group, who crosses the line.
///
/// # Errors
/// A change of what is not there, a definition that does not compile, or a warehouse that cannot be read.
pub async fn simulate(
    warehouse: &Warehouse,
    (change, by): (&PolicyChange, Group),
    as_of: Option<i32>,
    options: &SessionOptions,
    progress: Arc<dyn Progress>,
) -> Result<DataFrame> {
    let definitions = load_rulebook(Some(warehouse))?;
    let desk = Desk::open(warehouse, definitions, as_of, options, progress).await?;
    let changed = desk.book.changed(change, last_day(desk.as_of)?).map_err(EngineError::input)?;
    ask_both(&desk, [&desk.book, &changed], &[]).await?;
    let (name, group) = by.sql();
    let sql = SIMULATION.replace("$group_name", name).replace("$group", group);
    Ok(desk.context.sql(&sql).await?)
}

/// Which findings of a policy would change if one version of it were in force instead of another.
///
/// # Errors
/// No such policy or version, or a warehouse that cannot be read.
pub async fn diff(
    warehouse: &Warehouse,
    (code, before, after): (&str, i32, i32),
    as_of: Option<i32>,
    options: &SessionOptions,
    progress: Arc<dyn Progress>,
) -> Result<DataFrame> {
    let definitions = load_rulebook(Some(warehouse))?;
    let desk = Desk::open(warehouse, definitions, as_of, options, progress).await?;
    let day = last_day(desk.as_of)?;
    let with = |version| desk.book.with_version(code, version, day).map_err(EngineError::input);
    ask_both(&desk, [&with(before)?, &with(after)?], &[code.to_owned()]).await?;
    Ok(desk.context.sql(DIFFERENCE).await?)
}

fn last_day(month: i32) -> Result<NaiveDate> {
    period::end(month).ok_or_else(|| EngineError::input(format!("{month} is no month")))
}

/// Asks two rulebooks and keeps the answers as tables `asked.before` and `asked.after` of the session, with what is due to whom.
async fn ask_both(desk: &Desk<'_>, books: [&Rulebook; 2], only: &[String]) -> Result<()> {
    let schema = asked(&desk.context)?;
    put_names(&schema, &desk.book)?;
    for (table, book) in ["before", "after"].into_iter().zip(books) {
        let rows = with_due(&desk.ask(book, only).await?)?;
        let rows = MemTable::try_new(rows.schema(), vec![vec![rows]])?;
        schema.register_table(table.to_owned(), Arc::new(rows))?;
    }
    Ok(())
}

/// Findings with a column of what is due: the benefit of who is entitled.
fn with_due(summary: &AnswerSummary) -> Result<RecordBatch> {
    let rows = summary.rows(&summary.answered.findings)?;
    let entitled = |answer: Answer| {
        matches!(
            answer,
            Answer::DueClaimed
                | Answer::DueNotClaimed
                | Answer::OverClaimed
                | Answer::UnderClaimed
                | Answer::ToBeConfirmed
                | Answer::Waived
        )
    };
    let due: Decimal128Array = summary
        .answered
        .findings
        .iter()
        .map(|finding| Some(finding.benefit.filter(|_| entitled(finding.answer)).unwrap_or(0)))
        .collect();
    let due: ArrayRef = Arc::new(due.with_precision_and_scale(18, 2)?);
    let schema = rows.schema();
    let names = schema.fields().iter().map(|field| field.name().clone());
    let columns = names.zip(rows.columns().iter().cloned()).chain([("due".to_owned(), due)]);
    Ok(RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))?)
}
