//! Reports on answers that were kept: what policies were worth, by group; and how answers meet the truth of a generated economy.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use assay_indicators::policy::{Policy, Rulebook, Version};
use assay_sql::session::SessionOptions;
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider};
use datafusion::datasource::MemTable;
use datafusion::prelude::{DataFrame, SessionContext};

use super::tables::{POLICY_COUNT, POLICY_FINDING};
use super::{MICRO, limb_tax_zh, load_rulebook};
use crate::warehouse::Warehouse;
use crate::warehouse::session::{self, Access};
use crate::{EngineError, Result};

const EFFECT: &str = include_str!("../../../sql/reports/policy_effect.sql");
const BY_TRUTH: &str = include_str!("../../../sql/reports/policies_by_truth.sql");

/// Schema of a session in which stands what a report or a comparison puts there.
const ASKED: &str = "asked";

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
            Self::All => ("everybody", "'全部'"),
            Self::Industry => (
                "industry",
                "concat_ws(' ', coalesce(substr(t.industry_code, 1, 3), '?'), code_name('industry', substr(t.industry_code, 1, 3)))",
            ),
            Self::Region => {
                ("region", "concat_ws(' ', coalesce(t.region_code, '?'), code_name('region', t.region_code))")
            }
            Self::Size => (
                "size",
                "CASE WHEN t.employees IS NULL THEN '?' WHEN t.employees <= 20 THEN '1 微型(≤20人)' WHEN t.employees <= 300 THEN '2 小型(≤300人)' \
                 WHEN t.employees <= 1000 THEN '3 中型(≤1000人)' ELSE '4 大型' END",
            ),
            Self::Ownership => (
                "ownership",
                "concat_ws(' ', coalesce(t.ownership_code, '?'), code_name('ownership', t.ownership_code))",
            ),
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

/// Answers of which months a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Months {
    /// Those of the latest month asked.
    Latest,
    /// Those of a month.
    One(i32),
    /// Of all that were asked.
    All,
}

/// Puts the Chinese names of policies and limbs into a session, as table `asked.names`.
pub(super) fn put_names(schema: &MemorySchemaProvider, book: &Rulebook) -> Result<()> {
    let versions: Vec<(&Policy, &Version)> = book
        .entries()
        .iter()
        .flat_map(|entry| entry.policy.versions.iter().map(|version| (&*entry.policy, version)))
        .collect();
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        (
            "policy",
            Arc::new(StringArray::from_iter_values(versions.iter().map(|(p, _)| &p.code.value))),
            false,
        ),
        ("version", Arc::new(Int32Array::from_iter_values(versions.iter().map(|(_, v)| v.number))), false),
        ("name_zh", Arc::new(StringArray::from_iter_values(versions.iter().map(|(p, _)| &p.name.zh))), false),
        ("part_zh", Arc::new(StringArray::from_iter(versions.iter().map(|(_, v)| part_zh(v)))), true),
    ];
    let rows = RecordBatch::try_from_iter_with_nullable(columns)?;
    let table = MemTable::try_new(rows.schema(), vec![vec![rows]])?;
    schema.register_table("names".to_owned(), Arc::new(table))?;
    Ok(())
}

/// What a limb is about, in Chinese: a tax, of small enterprises by settlement where it says so; its own word where that is no tax.
fn part_zh(version: &Version) -> Option<String> {
    let part = version.part.as_deref()?;
    Some(match limb_tax_zh(version) {
        Some(tax) if part.ends_with(MICRO) => format!("{tax}（小型微利）"),
        other => other.unwrap_or(part).to_owned(),
    })
}

/// What policies were worth.
///
/// # Errors
/// When policies were not asked as of that month.
pub async fn policy_effect(
    warehouse: &Warehouse,
    months: Months,
    by: Group,
    options: &SessionOptions,
) -> Result<DataFrame> {
    let context = open(warehouse, options).await?;
    let months = match months {
        Months::All => "true".to_owned(),
        Months::Latest => format!("as_of = {}", answered(&context, None).await?),
        Months::One(as_of) => format!("as_of = {}", answered(&context, Some(as_of)).await?),
    };
    let (book, _) = load_rulebook(Some(warehouse))?;
    put_names(asked(&context)?.as_ref(), &book)?;
    let (name, group) = by.sql();
    let sql = EFFECT.replace("$months", &months).replace("$group_name", name).replace("$group", group);
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

/// A schema of the session for what is asked here: `asked`.
pub(super) fn asked(context: &SessionContext) -> Result<Arc<MemorySchemaProvider>> {
    let name = context.state().config_options().catalog.default_catalog.clone();
    let catalog = context.catalog(&name);
    let catalog = catalog.ok_or_else(|| EngineError::internal("a session without a catalog"))?;
    let schema = Arc::new(MemorySchemaProvider::new());
    catalog.register_schema(ASKED, Arc::clone(&schema) as Arc<dyn SchemaProvider>)?;
    Ok(schema)
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
