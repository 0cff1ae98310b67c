//! 税负与同业: the VAT burden beside that of firms of the same industry that file the same form.
//!
//! The group is the narrowest of class, group, division and section (小类、中类、大类、门类) with enough firms, else
//! everybody; where it had to be widened the page says so.

use assay_datasets::codes::CodeList;

use super::source::{Source, text};
use crate::Result;
use crate::pages::charts::{self, Band};
use crate::pages::figures::{UNKNOWN, grouped, month, percent};
use crate::pages::rows::Rows;
use crate::pages::section::{Block, Kind, Section, State, col};

const LATEST: &str = include_str!("../../../../sql/pages/latest_form.sql");
const GROUPS: &str = include_str!("../../../../sql/pages/peer_groups.sql");
const MONTHS: &str = include_str!("../../../../sql/pages/peer_months.sql");
const YEAR: &str = include_str!("../../../../sql/pages/peer_year.sql");

/// Fewest firms a group is shown of.
const LEAST: i64 = 30;
/// Taxed sales by form, as SQL over rows of `vat_return`.
const GENERAL_SALES: &str = "sum(coalesce(taxable_sales, 0) + coalesce(simple_sales, 0))";
const SMALL_SALES: &str =
    "sum(coalesce(small_sales_3pct, 0) + coalesce(small_sales_5pct, 0) + coalesce(small_exempt_sales, 0))";
/// Groups: digits of the industry code, column of their count, name.
const GROUPS_BY_WIDTH: [(usize, &str, &str); 5] =
    [(5, "n5", "小类"), (4, "n4", "中类"), (3, "n3", "大类"), (1, "n1", "门类"), (0, "n0", "全部行业")];

/// Whom the taxpayer is compared with.
#[derive(Debug, PartialEq)]
struct Group {
    prefix: String,
    zh: String,
    /// Why it is not a narrower one.
    widened: Option<String>,
}

/// The section, and what the head of the page says of it.
pub(super) async fn section(
    source: &Source<'_>,
    registration: &Rows,
) -> Result<(Section, Vec<(String, String)>)> {
    let latest = source.rows(LATEST).await?;
    let titled = |blocks| Section { id: "peers", zh: "税负与同业", blocks };
    if latest.is_empty() {
        let block = source.block_of("burden", "增值税税负", "vat_return", latest).await?;
        return Ok((titled(vec![block]), Vec::new()));
    }
    let form = latest.text(0, "form");
    let sales = if form == "small" { SMALL_SALES } else { GENERAL_SALES };
    let industry = registration.text(0, "industry_code");
    let mut parameters =
        vec![("$form", text(&form)), ("$industry", text(&industry)), ("$sales", sales.to_owned())];
    let group = group(&industry, &source.rows_with(GROUPS, &parameters).await?);
    parameters.push(("$prefix", text(&group.prefix)));
    let year = source.rows_with(YEAR, &parameters).await?;
    let months = source.rows_with(MONTHS, &parameters).await?;
    let head = match (year.number(0, "own"), year.number(0, "median")) {
        (Some(own), Some(median)) => {
            let value = format!("{}（同业中位数{}）", percent(own), percent(median));
            vec![("近12个月增值税税负率".to_owned(), value)]
        }
        _ => Vec::new(),
    };
    Ok((titled(vec![burden(year, &form, &group), by_month(months)?]), head))
}

/// The narrowest group with enough firms.
fn group(industry: &str, counts: &Rows) -> Group {
    let count = |column: &str| counts.integer(0, column).unwrap_or_default();
    let depth = industry.len();
    let fits = |width: usize| width == 0 || (industry.is_ascii() && depth >= width);
    let narrowest = GROUPS_BY_WIDTH.iter().find(|(width, ..)| fits(*width));
    let chosen = GROUPS_BY_WIDTH
        .iter()
        .find(|(width, column, _)| *width == 0 || (fits(*width) && count(column) >= LEAST));
    let (width, _, level) = chosen.copied().unwrap_or((0, "n0", "全部行业"));
    let prefix = industry.get(..width).unwrap_or_default().to_owned();
    let name = CodeList::Industry.codes().field(&prefix, "name").unwrap_or_default();
    let zh = if width == 0 { level.to_owned() } else { format!("{prefix} {name}（{level}）") };
    let widened = match narrowest {
        Some((least, column, least_zh)) if *least > width => {
            Some(format!("本户所在{least_zh}只有{}户可比，不足{LEAST}户，已放宽到{level}。", count(column)))
        }
        _ if industry.is_empty() => Some("登记信息没有行业，与全部行业比较。".to_owned()),
        _ => None,
    };
    Group { prefix, zh, widened }
}

fn burden(year: Rows, form: &str, group: &Group) -> Block {
    let share = |name: &str| year.number(0, name).map_or_else(|| UNKNOWN.to_owned(), percent);
    let firms = year.integer(0, "firms").unwrap_or_default();
    let money =
        |name: &str| year.hundredths(0, name).map_or_else(|| UNKNOWN.to_owned(), assay_tasks::money_zh);
    let who = if form == "small" { "小规模纳税人" } else { "一般纳税人" };
    let pair = |label: &str, value: String| (label.to_owned(), value);
    let facts = vec![
        pair("同业组", format!("{}，{who}，{}户", group.zh, grouped(firms.into()))),
        pair("本户应税销售额", money("own_sales")),
        pair("本户应纳税额", money("own_tax")),
        pair("本户税负率", share("own")),
        pair("同业P10", share("p10")),
        pair("同业中位数", share("median")),
        pair("同业P90", share("p90")),
        pair("税负低于本户的同业", share("below")),
    ];
    let exporter = year.is(0, "exporter");
    let mut block = Block::new("burden", "近12个月增值税税负率", year, State::NoRecord);
    if block.state == State::Filled {
        block.facts = facts;
        block.notes.extend(group.widened.clone());
        if exporter {
            block.notes.push(
                "本户出口销售额超过应税销售额的10%，税负率与同业不可直接比较；同业组不含此类企业。".into(),
            );
        }
        block.notes.push("税负率＝应纳税额合计÷应税销售额（小规模纳税人为全部申报销售额）；同业不含出口超过应税销售额10%的企业。".into());
    }
    block
}

fn by_month(rows: Rows) -> Result<Block> {
    let labels = (0..rows.len()).filter_map(|row| rows.integer(row, "period").map(month)).collect();
    let peers = |row| Some((rows.number(row, "p10")?, rows.number(row, "median")?, rows.number(row, "p90")?));
    let band = Band {
        labels,
        peers: (0..rows.len()).map(peers).collect(),
        own: (0..rows.len()).map(|row| rows.number(row, "own")).collect(),
    };
    let chart = charts::band(&band)?;
    Ok(Block::new("months", "各月税负率与同业", rows, State::NoRecord)
        .chart(|_| Ok(chart))?
        .table(&[
            col("period", "所属期", Kind::Month),
            col("own", "本户", Kind::Percent),
            col("p10", "同业P10", Kind::Percent),
            col("median", "同业中位数", Kind::Percent),
            col("p90", "同业P90", Kind::Percent),
            col("firms", "同业户数", Kind::Count),
        ])
        .note("按月税负受进项集中认证影响波动大，以近12个月合计为准；按季申报的只在季末月有数。"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};

    use super::*;

    fn counts(of: [i64; 5]) -> Rows {
        let columns = GROUPS_BY_WIDTH.iter().zip(of);
        let column = |n: i64| Arc::new(Int64Array::from(vec![n])) as ArrayRef;
        Rows::from_columns(columns.map(|((_, name, _), n)| (*name, column(n))).collect()).unwrap()
    }

    #[test]
    fn a_group_is_widened_until_it_is_large_enough_and_says_so() {
        let narrow = group("F5132", &counts([30, 40, 50, 60, 70]));
        assert_eq!((narrow.prefix.as_str(), &narrow.widened), ("F5132", &None));
        let wide = group("F5132", &counts([3, 29, 50, 60, 70]));
        assert_eq!(wide.prefix, "F51");
        assert!(wide.zh.contains("批发业") && wide.widened.unwrap().contains("只有3户"));
        let all = group("F5132", &counts([1, 2, 3, 4, 5]));
        assert_eq!((all.prefix.as_str(), all.zh.as_str()), ("", "全部行业"));
        assert!(group("", &counts([0, 0, 0, 0, 99])).widened.unwrap().contains("没有行业"));
    }
}
