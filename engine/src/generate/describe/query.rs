//! The statistics of a warehouse that a description is made of, each one SQL query over its open tables.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use assay_datasets::schema::catalog;
use datafusion::execution::context::SessionContext;

use super::tail::Distribution;
use crate::{EngineError, Result};

const SIZES: &str = include_str!("sql/sizes.sql");
const CUSTOMERS: &str = include_str!("sql/customers.sql");
const SUPPLIERS: &str = include_str!("sql/suppliers.sql");
const BENFORD: &str = include_str!("sql/benford.sql");
const MONTHS: &str = include_str!("sql/months.sql");
const BURDEN: &str = include_str!("sql/burden.sql");
const KINDS: &str = include_str!("sql/kinds.sql");
const NEAR: &str = include_str!("sql/near.sql");

/// Invoices of one month.
#[derive(Debug, Clone, PartialEq)]
pub struct Month {
    /// YYYYMM.
    pub period: i64,
    /// Invoices, voids and reds among them.
    pub invoices: i64,
    /// Yuan without tax, voids apart, reds taken off.
    pub sales: f64,
    /// Voided invoices.
    pub voids: i64,
    /// Red invoices.
    pub reds: i64,
    /// What they take back, yuan, positive.
    pub red_amount: f64,
    /// Blue invoices, yuan.
    pub blue_amount: f64,
}

/// VAT burden of an industry.
#[derive(Debug, Clone, PartialEq)]
pub struct Burden {
    /// Industry code.
    pub industry: String,
    /// General taxpayers with taxed sales and no exports.
    pub firms: i64,
    /// Taxed sales, yuan.
    pub sales: f64,
    /// VAT, yuan.
    pub tax: f64,
}

/// Everything asked of a warehouse.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// Rows of each canonical table that has any.
    pub counts: Vec<(String, i64)>,
    /// Sales of sellers, yuan.
    pub sizes: Distribution,
    /// Customers of sellers.
    pub customers: Distribution,
    /// Suppliers of buyers.
    pub suppliers: Distribution,
    /// Invoices whose amount begins with 1 to 9.
    pub digits: [i64; 9],
    /// By month.
    pub months: Vec<Month>,
    /// By industry.
    pub burdens: Vec<Burden>,
    /// By kind: kind, invoices, yuan.
    pub kinds: Vec<(String, i64, f64)>,
    /// Of trade between registered firms: within the city, within the county.
    pub near: Option<(f64, f64)>,
}

impl Statistics {
    /// Runs all queries.
    pub async fn collect(context: &SessionContext) -> Result<Self> {
        Ok(Self {
            counts: counts(context).await?,
            sizes: distribution(context, SIZES).await?,
            customers: distribution(context, CUSTOMERS).await?,
            suppliers: distribution(context, SUPPLIERS).await?,
            digits: digits(context).await?,
            months: months(context).await?,
            burdens: burdens(context).await?,
            kinds: kinds(context).await?,
            near: near(context).await?,
        })
    }
}

async fn rows(context: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>> {
    Ok(context.sql(sql).await?.collect().await?)
}

fn column(batch: &RecordBatch, name: &str) -> Result<ArrayRef> {
    let missing = || EngineError::internal(format!("a description's query has no column {name}"));
    batch.column_by_name(name).map(Arc::clone).ok_or_else(missing)
}

fn floats(batch: &RecordBatch, name: &str) -> Result<Vec<f64>> {
    let array = cast(&column(batch, name)?, &DataType::Float64)?;
    Ok(array.as_primitive::<Float64Type>().iter().map(|v| v.unwrap_or(0.0)).collect())
}

fn integers(batch: &RecordBatch, name: &str) -> Result<Vec<i64>> {
    let array = cast(&column(batch, name)?, &DataType::Int64)?;
    Ok(array.as_primitive::<Int64Type>().iter().map(|v| v.unwrap_or(0)).collect())
}

fn texts(batch: &RecordBatch, name: &str) -> Result<Vec<String>> {
    let array = cast(&column(batch, name)?, &DataType::Utf8)?;
    Ok(array.as_string::<i32>().iter().map(|v| v.unwrap_or_default().to_owned()).collect())
}

async fn counts(context: &SessionContext) -> Result<Vec<(String, i64)>> {
    let each: Vec<String> = catalog()
        .tables()
        .iter()
        .map(|table| format!("SELECT '{0}' AS name, count(*) AS n FROM {0}", table.name))
        .collect();
    let mut found = std::collections::HashMap::new();
    for batch in rows(context, &each.join(" UNION ALL ")).await? {
        found.extend(texts(&batch, "name")?.into_iter().zip(integers(&batch, "n")?));
    }
    let of = |name: &String| found.get(name).copied().filter(|n| *n > 0);
    Ok(catalog().tables().iter().filter_map(|t| of(&t.name).map(|n| (t.name.clone(), n))).collect())
}

async fn distribution(context: &SessionContext, sql: &str) -> Result<Distribution> {
    let mut sizes = Vec::new();
    for batch in rows(context, sql).await? {
        sizes.extend(floats(&batch, "size")?);
    }
    Ok(Distribution::new(sizes))
}

async fn digits(context: &SessionContext) -> Result<[i64; 9]> {
    let mut found = [0; 9];
    for batch in rows(context, BENFORD).await? {
        for (digit, n) in integers(&batch, "digit")?.into_iter().zip(integers(&batch, "invoices")?) {
            if let Some(slot) = usize::try_from(digit - 1).ok().and_then(|at| found.get_mut(at)) {
                *slot += n;
            }
        }
    }
    Ok(found)
}

async fn months(context: &SessionContext) -> Result<Vec<Month>> {
    let mut found = Vec::new();
    for batch in rows(context, MONTHS).await? {
        let (periods, invoices) = (integers(&batch, "period")?, integers(&batch, "invoices")?);
        let (voids, reds) = (integers(&batch, "voids")?, integers(&batch, "reds")?);
        let (sales, red_amount) = (floats(&batch, "sales")?, floats(&batch, "red_amount")?);
        let blue_amount = floats(&batch, "blue_amount")?;
        found.extend((0..batch.num_rows()).map(|row| Month {
            period: periods[row],
            invoices: invoices[row],
            sales: sales[row],
            voids: voids[row],
            reds: reds[row],
            red_amount: red_amount[row],
            blue_amount: blue_amount[row],
        }));
    }
    Ok(found)
}

async fn burdens(context: &SessionContext) -> Result<Vec<Burden>> {
    let mut found = Vec::new();
    for batch in rows(context, BURDEN).await? {
        let (industries, firms) = (texts(&batch, "industry")?, integers(&batch, "firms")?);
        let (sales, tax) = (floats(&batch, "sales")?, floats(&batch, "tax")?);
        found.extend(industries.into_iter().enumerate().map(|(row, industry)| Burden {
            industry,
            firms: firms[row],
            sales: sales[row],
            tax: tax[row],
        }));
    }
    Ok(found)
}

async fn kinds(context: &SessionContext) -> Result<Vec<(String, i64, f64)>> {
    let mut found = Vec::new();
    for batch in rows(context, KINDS).await? {
        let rows = texts(&batch, "kind")?.into_iter().zip(integers(&batch, "invoices")?);
        found.extend(rows.zip(floats(&batch, "amount")?).map(|((kind, n), amount)| (kind, n, amount)));
    }
    Ok(found)
}

async fn near(context: &SessionContext) -> Result<Option<(f64, f64)>> {
    for batch in rows(context, NEAR).await? {
        if batch.num_rows() > 0 && column(&batch, "amount")?.is_valid(0) {
            let total = floats(&batch, "amount")?[0];
            let (city, county) = (floats(&batch, "city")?[0], floats(&batch, "county")?[0]);
            return Ok((total > 0.0).then_some((city / total, county / total)));
        }
    }
    Ok(None)
}
