//! Reports on answers that were kept: what policies were worth, by group; and how answers meet the truth of a generated economy.

use assay_sql::session::SessionOptions;
use datafusion::prelude::{DataFrame, SessionContext};

use super::store::{POLICY_COUNT, POLICY_FINDING};
use crate::warehouse::Warehouse;
use crate::warehouse::session::{self, Access};
use crate::{EngineError, Result};

const EFFECT: &str = include_str!("../../../sql/reports/policy_effect.sql");
const BY_TRUTH: &str = include_str!("../../../sql/reports/policies_by_truth.sql");

/// What taxpayers are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Everybody together.
    All,
    /// Section letter and first two digits of the industry.
    Industry,
    /// Region code.
    Region,
    /// Employees: up to 20, 300, 1,000, and above.
    Size,
    /// Registration type.
    Ownership,
}

impl Group {
    /// Name, and what makes the group of a row `t` of the register.
    pub(super) fn sql(self) -> (&'static str, &'static str) {
        match self {
            Self::All => ("everybody", "'all'"),
            Self::Industry => ("industry", "coalesce(substr(t.industry_code, 1, 3), '?')"),
            Self::Region => ("region", "coalesce(t.region_code, '?')"),
            Self::Size => (
                "size",
                "CASE WHEN t.employees IS NULL THEN '?' WHEN t.employees <= 20 THEN '1 微型(≤20人)' WHEN t.employees <= 300 THEN '2 小型(≤300人)' \
                 WHEN t.employees <= 1000 THEN '3 中型(≤1000人)' ELSE '4 大型' END",
            ),
            Self::Ownership => ("ownership", "coalesce(t.ownership_code, '?')"),
        }
    }
}

/// The month of answers that were kept: the one asked for, or the latest.
async fn answered(context: &SessionContext, as_of: Option<i32>) -> Result<i32> {
    let rows = context.sql(&format!("SELECT DISTINCT as_of FROM {POLICY_COUNT} ORDER BY as_of")).await?;
    let rows = session::rows(rows).await?;
    let months = crate::scan::judge::column(&rows, "as_of")?;
    let months = arrow::array::AsArray::as_primitive::<arrow::datatypes::Int32Type>(months);
    let found = match as_of {
        Some(as_of) => months.values().contains(&as_of).then_some(as_of),
        None => months.values().last().copied(),
    };
    found.ok_or_else(|| {
        let known: Vec<String> = months.values().iter().map(ToString::to_string).collect();
        let known = if known.is_empty() { "none yet".to_owned() } else { known.join(", ") };
        EngineError::input(format!(
            "policies were not asked as of that month (asked: {known}); do: assay policies answer"
        ))
    })
}

/// What policies were worth (the latest month asked, if none is given).
///
/// # Errors
/// When policies were not asked as of that month.
pub async fn policy_effect(
    warehouse: &Warehouse,
    as_of: Option<i32>,
    by: Group,
    options: &SessionOptions,
) -> Result<DataFrame> {
    let context = open(warehouse, options).await?;
    let as_of = answered(&context, as_of).await?;
    let (name, group) = by.sql();
    let sql =
        EFFECT.replace("$as_of", &as_of.to_string()).replace("$group_name", name).replace("$group", group);
    Ok(context.sql(&sql).await?)
}

/// How the answers meet the reliefs a generated economy has wrongly claimed or forgotten.
///
/// # Errors
/// When policies were not asked as of that month, or the warehouse holds no truth.
pub async fn by_truth(
    warehouse: &Warehouse,
    as_of: Option<i32>,
    options: &SessionOptions,
) -> Result<DataFrame> {
    let head = warehouse.head().await?;
    let truth =
        warehouse.table(&head, crate::ingest::system::TRUTH_RELIEF).await?.is_some_and(|t| t.rows() > 0);
    if !truth {
        return Err(EngineError::input(
            "table truth_relief is empty: only a generated economy has labels (assay generate)",
        ));
    }
    let context = open(warehouse, options).await?;
    let as_of = answered(&context, as_of).await?;
    Ok(context.sql(&BY_TRUTH.replace("$as_of", &as_of.to_string())).await?)
}

async fn open(warehouse: &Warehouse, options: &SessionOptions) -> Result<SessionContext> {
    let head = warehouse.head().await?;
    if warehouse.table(&head, POLICY_FINDING).await?.is_none() {
        return Err(EngineError::input(
            "no policy was asked here, or none concerns anybody: most read returns (vat_return, cit_return, …) and reliefs \
             (benefit_claim); load them, then: assay policies answer",
        ));
    }
    session::open(warehouse, &head, Access::Open, options).await
}
