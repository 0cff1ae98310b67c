//! Everything about one taxpayer on one page (一户式): register, risk, invoices, returns, burden among peers, reliefs,
//! third parties, neighbours, cross-audit, and the history of cases and tasks.
//!
//! The taxpayer is looked up first; every query after that asks by its integer key, which tables are sorted by.

mod filings;
mod history;
mod invoices;
mod network;
mod peers;
mod register;
mod risk;
mod source;
mod third_party;

use std::collections::BTreeMap;

use assay_sql::SessionOptions;
use datafusion::prelude::SessionContext;
use minijinja::context;
use serde_json::value::RawValue;

pub use history::PastTask;

use super::render::render;
use super::rows::{Rows, fill, literal, read};
use super::section::{Section, State};
use crate::warehouse::session::{self, Access};
use crate::warehouse::{Warehouse, clock};
use crate::{EngineError, Result};
use source::Source;

const FIND: &str = include_str!("../../../../sql/pages/find.sql");
const NEAR: &str = include_str!("../../../../sql/pages/near.sql");
const MONTH: &str = include_str!("../../../../sql/pages/month.sql");
const LAST_MONTH: &str = include_str!("../../../../sql/pages/last_month.sql");

/// What the page of a taxpayer shows.
#[derive(Debug, Clone)]
pub struct TaxpayerPage {
    /// 纳税人识别号.
    pub taxpayer_id: String,
    /// 纳税人名称; none when the taxpayer only stands on invoices.
    pub name: Option<String>,
    /// The month it is as of, YYYYMM.
    pub as_of: i32,
    /// The few figures to see first: label and value.
    pub headline: Vec<(String, String)>,
    /// Grade of the latest scan: `high`, `medium`, `low`; none without one.
    pub grade: Option<String>,
    /// The content.
    pub sections: Vec<Section>,
}

/// The page of a taxpayer as HTML: complete in itself.
///
/// # Errors
/// As [`taxpayer`].
pub async fn taxpayer_page(
    warehouse: &Warehouse,
    id: &str,
    as_of: Option<i32>,
    past: &[PastTask],
    options: &SessionOptions,
) -> Result<String> {
    taxpayer(warehouse, id, as_of, past, options).await?.html()
}

/// What the page of a taxpayer shows: by its number, as of a month, which is the latest scan's when none is given. `past`
/// are the tasks of its history, in any order.
///
/// # Errors
/// When no such taxpayer is known (the message names the nearest), the month is none, or a query fails.
pub async fn taxpayer(
    warehouse: &Warehouse,
    id: &str,
    as_of: Option<i32>,
    past: &[PastTask],
    options: &SessionOptions,
) -> Result<TaxpayerPage> {
    let head = warehouse.head().await?;
    let context = session::open(warehouse, &head, Access::Open, options).await?;
    drill_down(&context);
    let as_of = month(&context, as_of).await?;
    let found = find(&context, id).await?;
    let source = Source::new(&context, &head, &found, as_of)?;

    let (register, registration) = register::sections(&source).await?;
    let (risk, judged) = risk::section(&source, warehouse).await?;
    let (invoices, traded) = invoices::section(&source).await?;
    let filings = filings::section(&source).await?;
    let (peers, burden) = peers::section(&source, &registration).await?;
    let mut sections = vec![register, risk, invoices, filings, peers];
    sections.push(filings::benefits(&source).await?);
    sections.push(third_party::section(&source).await?);
    sections.push(network::section(&source).await?);
    sections.push(network::cross_audit(&source).await?);
    sections.push(history::section(&source, past).await?);

    let state = source::shown(&registration, "status", source::STATUS);
    let mut headline = vec![("登记状态".to_owned(), state)];
    headline.extend(judged.figures);
    headline.extend(traded);
    headline.extend(burden);
    Ok(TaxpayerPage {
        taxpayer_id: found.text(0, "taxpayer_id"),
        name: Some(registration.text(0, "name")).filter(|name| !name.is_empty()),
        as_of,
        headline,
        grade: judged.grade,
        sections,
    })
}

/// Lets the decoder of files skip the rows of others: worth it where one taxpayer is asked for.
fn drill_down(context: &SessionContext) {
    let state = context.state_ref();
    state.write().config_mut().options_mut().execution.parquet.pushdown_filters = true;
}

/// The month asked for, or that of the latest scan, or the last with data, or this one.
async fn month(context: &SessionContext, asked: Option<i32>) -> Result<i32> {
    let mut month = asked.map(i64::from);
    for sql in [MONTH, LAST_MONTH] {
        if month.is_none() {
            month = read(context, sql).await?.integer(0, "as_of");
        }
    }
    let today = clock::now().format("%Y%m").to_string().parse().unwrap_or_default();
    checked(month.unwrap_or(today))
}

fn checked(month: i64) -> Result<i32> {
    match i32::try_from(month) {
        Ok(month) if (1..=12).contains(&(month % 100)) && (190_000..=999_912).contains(&month) => Ok(month),
        _ => Err(EngineError::input(format!("{month} is no month; write it as YYYYMM, e.g. 202512"))),
    }
}

/// Key, number, and whether it is registered.
async fn find(context: &SessionContext, id: &str) -> Result<Rows> {
    let id = id.trim();
    if id.is_empty() {
        return Err(EngineError::input("which taxpayer? Give its number (纳税人识别号)"));
    }
    let found = read(context, &fill(FIND, &[("$id", literal(id))])).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    let near = read(context, &fill(NEAR, &[("$id", literal(id))])).await?;
    let names: Vec<String> = (0..near.len())
        .map(|row| format!("{} {}", near.text(row, "taxpayer_id"), near.text(row, "name")))
        .collect();
    let nearest = if names.is_empty() {
        "none has a number or name like it".to_owned()
    } else {
        format!("nearest: {}", names.join("; "))
    };
    Err(EngineError::input(format!(
        "no taxpayer {id} in the register or on any invoice; {nearest}. To search by name: \
         assay sql \"select taxpayer_id, name from taxpayer where name like '%…%'\""
    )))
}

impl TaxpayerPage {
    /// The page as HTML.
    ///
    /// # Errors
    /// When the template cannot be filled: a mistake in this crate.
    pub fn html(&self) -> Result<String> {
        let sections: Vec<minijinja::Value> = self
            .sections
            .iter()
            .map(|s| {
                let blocks: Vec<minijinja::Value> = s.blocks.iter().map(super::Block::value).collect();
                context! { id => s.id, zh => s.zh, blocks }
            })
            .collect();
        render(
            include_str!("../taxpayer.html"),
            context! {
                style => super::STYLE,
                taxpayer_id => self.taxpayer_id.clone(),
                name => self.name.as_deref().unwrap_or("未登记纳税人"),
                registered => self.name.is_some(),
                as_of => super::figures::month(i64::from(self.as_of)),
                made_on => clock::now().format("%Y-%m-%d %H:%M").to_string(),
                grade => self.grade.clone(),
                grade_zh => self.grade.as_deref().map(assay_tasks::grade_zh),
                headline => self.headline.clone(),
                sections,
            },
        )
    }

    /// All of it as one JSON object: by section and block, state and rows as they were read.
    ///
    /// # Errors
    /// When a row cannot be written as JSON.
    pub async fn json(&self) -> Result<String> {
        let mut sections = BTreeMap::new();
        for section in &self.sections {
            let mut blocks: BTreeMap<&str, Box<RawValue>> = BTreeMap::new();
            for block in &section.blocks {
                blocks.insert(block.id, block.json().await?);
            }
            sections.insert(section.id, blocks);
        }
        let page = Json {
            taxpayer_id: &self.taxpayer_id,
            name: self.name.as_deref(),
            as_of: self.as_of,
            grade: self.grade.as_deref(),
            sections,
        };
        Ok(serde_json::to_string(&page)?)
    }
}

#[derive(serde::Serialize)]
struct Json<'a> {
    taxpayer_id: &'a str,
    name: Option<&'a str>,
    as_of: i32,
    grade: Option<&'a str>,
    sections: BTreeMap<&'a str, BTreeMap<&'a str, Box<RawValue>>>,
}

impl Section {
    /// Whether any of its blocks shows something.
    pub fn is_filled(&self) -> bool {
        self.blocks.iter().any(|block| block.state == State::Filled)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_month_is_one() {
        assert_eq!(checked(202_512).unwrap(), 202_512);
        for wrong in [202_513, 202_500, 12, 99_999_999_999] {
            assert!(checked(wrong).unwrap_err().to_string().contains("YYYYMM"), "{wrong}");
        }
    }
}
