//! The cross-audit (交叉稽核): every deduction claim against the document it names, with the official outcomes; documents that come late
//! change them. Where the seller's office must look, a request to it (协查) is made. Which fields and lists decide is said in
//! `sql/cross_audit/`; what an office answers is not read here.

mod bench;
mod build;
mod months;
mod outcome;
mod request;
mod sql;
mod tables;
mod workbook;

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use assay_sql::session::SessionOptions;
use datafusion::prelude::DataFrame;

use self::bench::Bench;
pub use self::outcome::{Outcome, Outcomes};
pub use self::request::{Issued, issue};
pub(crate) use self::tables::specs;
pub use self::tables::{CLAIM_AUDIT, CLAIM_AUDIT_CHANGE, CLAIM_TALLY, RED_AUDIT, REQUEST, REQUEST_ITEM};
pub use self::workbook::{RequestFile, export};
use crate::ingest::Progress;
use crate::warehouse::Warehouse;
use crate::{EngineError, Result};

/// What a comparison did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditSummary {
    /// Months of issue compared.
    pub compared: usize,
    /// Months that stayed as they were.
    pub kept: usize,
    /// Claims in the months compared.
    pub claims: usize,
    /// Claims compared before whose outcome is another now.
    pub changed: usize,
}

/// Brings the tables of the cross-audit up to date with claims, invoices, lists of vouchers and returns, in one commit;
/// does nothing when nothing changed.
///
/// # Errors
/// When a query fails or the warehouse cannot be written; the tables then stay as they were.
pub async fn refresh(
    warehouse: &Warehouse,
    options: &SessionOptions,
    progress: Arc<dyn Progress>,
) -> Result<AuditSummary> {
    build::refresh(warehouse, options, progress.as_ref()).await
}

/// How claims made by the end of a month came out, as of that month: one row an outcome, in the order in which they are decided.
///
/// # Errors
/// When the warehouse cannot be read.
pub async fn outcomes(warehouse: &Warehouse, as_of: i32, options: &SessionOptions) -> Result<DataFrame> {
    let word = |(place, o): (usize, &Outcome)| format!("({place}, '{}', '{}', '{}')", o.code, o.zh, o.en);
    let words: Vec<String> = Outcomes::built_in()?.all().iter().enumerate().map(word).collect();
    let sql = format!(
        "SELECT w.outcome, w.zh, w.en, coalesce(o.claims, 0) AS claims, o.amount, o.tax \
         FROM (VALUES {}) AS w(place, outcome, zh, en) LEFT JOIN ({}) AS o ON o.outcome = w.outcome ORDER BY w.place",
        words.join(", "),
        as_of_month(sql::OUTCOMES, as_of)
    );
    Bench::open(warehouse, &warehouse.head().await?, options).await?.frame(&sql).await
}

/// The last month in which anything was claimed.
///
/// # Errors
/// When there are no claims.
pub async fn last_month(warehouse: &Warehouse, options: &SessionOptions) -> Result<i32> {
    let bench = Bench::open(warehouse, &warehouse.head().await?, options).await?;
    let rows = bench.rows("SELECT CAST(max(claimed_period) AS BIGINT) FROM deduction_claim").await?;
    let months = rows.column(0).as_primitive::<Int64Type>();
    let month = months.iter().next().flatten().and_then(|month| i32::try_from(month).ok());
    month.ok_or_else(|| {
        EngineError::input(
            "there are no deduction claims; load them first, see: assay ingest deduction_claim --help",
        )
    })
}

/// A query about a month.
fn as_of_month(sql: &str, as_of: i32) -> String {
    sql.replace("$as_of", &as_of.to_string())
}
