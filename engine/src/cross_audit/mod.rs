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
use assay_indicators::period::is_period;
use assay_sql::session::SessionOptions;
use datafusion::prelude::DataFrame;

use self::bench::Bench;
pub use self::outcome::{Outcome, Outcomes};
pub use self::request::{Issued, issue};
pub(crate) use self::tables::specs;
pub use self::tables::{CLAIM_AUDIT, CLAIM_AUDIT_CHANGE, CLAIM_TALLY, RED_AUDIT, REQUEST, REQUEST_ITEM};
pub(crate) use self::workbook::fields_zh;
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
    /// Findings that appeared, changed or went in months compared before.
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
    check_month(as_of)?;
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

/// The month asked for, or the last in which anything was claimed.
///
/// # Errors
/// When there are no claims, or it is no month.
pub async fn month(warehouse: &Warehouse, as_of: Option<i32>, options: &SessionOptions) -> Result<i32> {
    let bench = Bench::open(warehouse, &warehouse.head().await?, options).await?;
    let last = last(&bench, "claimed_period", "deduction_claim").await?.ok_or_else(|| {
        EngineError::input(
            "there are no deduction claims; load them first, see: assay ingest deduction_claim --help",
        )
    })?;
    let month = as_of.unwrap_or(last);
    check_month(month)?;
    Ok(month)
}

/// The month asked for, or the last as of which requests were made.
///
/// # Errors
/// When there are no requests, or it is no month.
pub async fn month_of_requests(
    warehouse: &Warehouse,
    as_of: Option<i32>,
    options: &SessionOptions,
) -> Result<i32> {
    let bench = Bench::open(warehouse, &warehouse.head().await?, options).await?;
    let last = last(&bench, "as_of", REQUEST).await?.ok_or_else(|| {
        EngineError::input("there are no requests; what is to be asked finds out: assay cross-audit run")
    })?;
    let month = as_of.unwrap_or(last);
    check_month(month)?;
    Ok(month)
}

async fn last(bench: &Bench, column: &str, table: &str) -> Result<Option<i32>> {
    let rows = bench.rows(&format!("SELECT CAST(max({column}) AS BIGINT) FROM {table}")).await?;
    let months = rows.column(0).as_primitive::<Int64Type>();
    Ok(months.iter().next().flatten().and_then(|month| i32::try_from(month).ok()))
}

/// A month as YYYYMM.
///
/// # Errors
/// When it is none.
fn check_month(as_of: i32) -> Result<()> {
    if is_period(as_of) {
        return Ok(());
    }
    Err(EngineError::input(format!("`{as_of}` is no month; write it as YYYYMM, e.g. 202506")))
}

/// A query about a month.
fn as_of_month(sql: &str, as_of: i32) -> String {
    sql.replace("$as_of", &as_of.to_string())
}
