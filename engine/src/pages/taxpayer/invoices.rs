//! 发票: sold and bought by month, and the largest customers and suppliers.

use super::source::{STATUS, Source};
use crate::Result;
use crate::pages::charts;
use crate::pages::figures::{last_year, month};
use crate::pages::rows::Rows;
use crate::pages::section::{Block, Kind, Section, State, col};
use assay_tasks::money_zh;

const INVOICES: &str = include_str!("../../../../sql/pages/invoices.sql");
const PARTNERS: &str = include_str!("../../../../sql/pages/partners_of_year.sql");
const PARTNER_NAMES: &str = include_str!("../../../../sql/pages/partner_names.sql");

/// Parameters of [`PARTNERS`] and [`PARTNER_NAMES`] for a seller's customers.
const CUSTOMERS: [(&str, &str); 5] = [
    ("$own_key", "seller_key"),
    ("$partner_key", "buyer_key"),
    ("$partner_name", "buyer_name"),
    ("$own_rollup", "rollup_sold"),
    ("$own_amount", "sold_amount"),
];
/// The same for a buyer's suppliers.
const SUPPLIERS: [(&str, &str); 5] = [
    ("$own_key", "buyer_key"),
    ("$partner_key", "seller_key"),
    ("$partner_name", "seller_name"),
    ("$own_rollup", "rollup_bought"),
    ("$own_amount", "bought_amount"),
];

/// The section, and what the head of the page says of it.
pub(super) async fn section(source: &Source<'_>) -> Result<(Section, Vec<(String, String)>)> {
    let rows = source.rows(INVOICES).await?;
    let sold: i128 = (0..rows.len()).filter_map(|row| rows.hundredths(row, "sold_amount")).sum();
    let head = (!rows.is_empty()).then(|| ("近12个月开票金额".to_owned(), money_zh(sold)));
    let months = months(source, rows).await?;
    let rows = largest(source, CUSTOMERS).await?;
    let customers = partners(source, "customers", "前10大购方", rows, "占开票金额").await?;
    let rows = largest(source, SUPPLIERS).await?;
    let suppliers = partners(source, "suppliers", "前10大销方", rows, "占受票金额").await?;
    let blocks = vec![months, customers, suppliers];
    Ok((Section { id: "invoices", zh: "发票", blocks }, head.into_iter().collect()))
}

async fn months(source: &Source<'_>, rows: Rows) -> Result<Block> {
    let block = source.block_of("months", "近12个月开票与受票", "invoice", rows).await?;
    let mut block = block.chart(|rows| chart(rows, source.as_of))?.table(&[
        col("period", "月份", Kind::Month),
        col("sold_n", "开具份数", Kind::Count).total(),
        col("sold_amount", "开具金额", Kind::Wan).total(),
        col("sold_tax", "开具税额", Kind::Wan).total(),
        col("sold_void_share", "作废占比", Kind::Percent),
        col("sold_red_share", "红字占比", Kind::Percent),
        col("bought_n", "取得份数", Kind::Count).total(),
        col("bought_amount", "取得金额", Kind::Wan).total(),
        col("bought_tax", "取得税额", Kind::Wan).total(),
        col("bought_void_share", "作废占比", Kind::Percent),
        col("bought_red_share", "红字占比", Kind::Percent),
    ]);
    if block.state == State::NoRecord && !source.rollups {
        block.notes.push("发票已入库，尚未汇总；请先扫描。".to_owned());
    }
    Ok(block
        .note("金额、税额单位：万元，不含税，已减红字、不计作废；份数含作废和红字，作废、红字占比按份数。"))
}

fn chart(rows: &Rows, as_of: i32) -> Result<Option<String>> {
    let periods = last_year(as_of);
    let labels: Vec<String> = periods.iter().copied().map(month).collect();
    let wan = |name| rows.by_period(&periods, name).into_iter().map(|v| v.map(|v| v / 1e4)).collect();
    charts::bars(&labels, "万元", &[("开具金额", wan("sold_amount")), ("取得金额", wan("bought_amount"))])
}

/// The largest partners, with the register's name, or the one the invoices have of those that are not registered here.
async fn largest(source: &Source<'_>, side: [(&'static str, &'static str); 5]) -> Result<Rows> {
    let mut parameters = side.map(|(name, value)| (name, value.to_owned())).to_vec();
    let rows = source.rows_with(PARTNERS, &parameters).await?;
    let unnamed = (0..rows.len()).filter(|row| rows.text(*row, "name").is_empty());
    let keys: Vec<String> =
        unnamed.filter_map(|row| rows.integer(row, "partner_key")).map(|key| key.to_string()).collect();
    let found = match keys.is_empty() {
        true => Rows::none(),
        false => {
            parameters.push(("$keys", keys.join(", ")));
            source.rows_with(PARTNER_NAMES, &parameters).await?
        }
    };
    let of = |key: i64| (0..found.len()).find(|row| found.integer(*row, "partner_key") == Some(key));
    let name = |row: usize| {
        let registered = rows.text(row, "name");
        let other = rows.integer(row, "partner_key").and_then(of).map(|at| found.text(at, "name"));
        if registered.is_empty() { other.unwrap_or_default() } else { registered }
    };
    rows.with("name_zh", (0..rows.len()).map(name).collect())
}

async fn partners(
    source: &Source<'_>,
    id: &'static str,
    zh: &str,
    rows: Rows,
    share: &'static str,
) -> Result<Block> {
    let block = source.block_of(id, zh, "invoice", rows).await?.table(&[
        col("name_zh", "名称", Kind::Text),
        col("partner_id", "纳税人识别号", Kind::Text),
        col("n", "份数", Kind::Count),
        col("months", "月数", Kind::Count),
        col("amount", "金额（万元）", Kind::Wan).total(),
        col("share", share, Kind::Percent),
        col("status", "登记状态", STATUS),
        col("grade", "风险等级", Kind::Grade),
        col("lists", "外部名单", Kind::Text),
    ]);
    Ok(block.note("近12个月，占比以全部金额（含没有识别号的购方）为分母。登记状态为“—”的不在本地登记。"))
}
