//! What if: two rulebooks asked of the same population and compared. Nothing is stored, nothing in force is touched.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, RecordBatch};
use assay_indicators::Catalogue;
use assay_indicators::period;
use assay_indicators::policy::{Answer, PolicyChange, Rulebook};
use assay_sql::session::SessionOptions;
use datafusion::catalog::MemorySchemaProvider;
use datafusion::common::TableReference;
use datafusion::datasource::MemTable;
use datafusion::prelude::{DataFrame, SessionContext};

use super::load_rulebook;
use super::reports::Group;
use super::store::{AnswerSummary, finding_rows, look_with};
use crate::ingest::Progress;
use crate::rollup;
use crate::scan::judged::{month, scan_session};
use crate::warehouse::Warehouse;
use crate::{EngineError, Result};

const SIMULATION: &str = include_str!("../../../sql/reports/policy_simulation.sql");
const DIFFERENCE: &str = include_str!("../../../sql/reports/policy_difference.sql");

/// Schema of the session in which the answers of both rulebooks stand: tables `before` and `after`.
const ASKED: &str = "asked";

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
    let desk = Desk::open(warehouse, as_of, options, progress).await?;
    let changed = desk.book.changed(change, desk.last_day()?).map_err(EngineError::input)?;
    desk.ask("before", &desk.book, &[]).await?;
    desk.ask("after", &changed, &[]).await?;
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
    let desk = Desk::open(warehouse, as_of, options, progress).await?;
    let day = desk.last_day()?;
    let only = [code.to_owned()];
    for (table, version) in [("before", before), ("after", after)] {
        let book = desk.book.with_version(code, version, day).map_err(EngineError::input)?;
        desk.ask(table, &book, &only).await?;
    }
    Ok(desk.context.sql(DIFFERENCE).await?)
}

/// Everything two rulebooks are asked with.
struct Desk<'a> {
    warehouse: &'a Warehouse,
    context: SessionContext,
    book: Rulebook,
    catalogue: Catalogue,
    as_of: i32,
    progress: Arc<dyn Progress>,
}

impl<'a> Desk<'a> {
    async fn open(
        warehouse: &'a Warehouse,
        as_of: Option<i32>,
        options: &SessionOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<Self> {
        let (book, catalogue) = load_rulebook(Some(warehouse))?;
        rollup::refresh(warehouse, options, Arc::clone(&progress)).await?;
        let head = warehouse.head().await?;
        let as_of = month(warehouse, &head, as_of).await?;
        let context = scan_session(warehouse, &head, options).await?;
        let name = context.state().config_options().catalog.default_catalog.clone();
        let catalog =
            context.catalog(&name).ok_or_else(|| EngineError::internal("a session without a catalog"))?;
        catalog.register_schema(ASKED, Arc::new(MemorySchemaProvider::new()))?;
        Ok(Self { warehouse, context, book, catalogue, as_of, progress })
    }

    fn last_day(&self) -> Result<chrono::NaiveDate> {
        period::end(self.as_of).ok_or_else(|| EngineError::input(format!("{} is no month", self.as_of)))
    }

    /// Asks a rulebook and keeps the answers as a table of the session, with what is due to whom.
    async fn ask(&self, table: &str, book: &Rulebook, only: &[String]) -> Result<()> {
        let place = (self.warehouse, &self.context);
        let summary =
            look_with(place, (book, &self.catalogue), only, self.as_of, self.progress.as_ref()).await?;
        let rows = with_due(&summary)?;
        let rows = MemTable::try_new(rows.schema(), vec![vec![rows]])?;
        self.context.register_table(TableReference::partial(ASKED, table), Arc::new(rows))?;
        Ok(())
    }
}

/// Findings with a column of what is due: the benefit of who is entitled.
fn with_due(summary: &AnswerSummary) -> Result<RecordBatch> {
    let rows = finding_rows(summary, &summary.answered.findings)?;
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
