//! How the tasks of a scan meet the labels of a synthetic economy.

use assay_sql::session::SessionOptions;
use datafusion::prelude::DataFrame;

use super::tasks::scanned;
use crate::warehouse::Warehouse;
use crate::warehouse::session::{self, Access};
use crate::{EngineError, Result};

const BY_SCHEME: &str = include_str!("../../../sql/reports/tasks_by_scheme.sql");
const BY_GRADE: &str = include_str!("../../../sql/reports/tasks_by_grade.sql");

/// What a scan found of what was planted.
pub struct Found {
    /// Month of the scan.
    pub as_of: i32,
    /// One row a scheme: how many are guilty, how many of them have a task, by grade; innocents, and those graded high.
    pub schemes: DataFrame,
    /// One row a grade: taxpayers, guilty, innocent, others, precision.
    pub grades: DataFrame,
}

/// Holds the tasks of a scan (the latest, if no month is given) against table `truth`.
///
/// # Errors
/// When there was no such scan, or the warehouse holds no labels.
pub async fn evaluate(warehouse: &Warehouse, as_of: Option<i32>, options: &SessionOptions) -> Result<Found> {
    let head = warehouse.head().await?;
    let labelled = warehouse.table(&head, crate::ingest::system::TRUTH).await?.is_some_and(|t| t.rows() > 0);
    if !labelled {
        return Err(EngineError::input(
            "table truth is empty: only a generated economy has labels (assay generate); with labels of your own: \
             assay indicators backtest --labels FILE",
        ));
    }
    let context = session::open(warehouse, &head, Access::Open, options).await?;
    let as_of = scanned(&context, as_of).await?;
    let query = |sql: &str| sql.replace("$as_of", &as_of.to_string());
    let schemes = context.sql(&query(BY_SCHEME)).await?;
    let grades = context.sql(&query(BY_GRADE)).await?;
    Ok(Found { as_of, schemes, grades })
}
