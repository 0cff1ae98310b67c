//! 第三方: what others report, by month in little and as a table. Sources with nothing of the taxpayer are named in one line.

use super::source::Source;
use crate::Result;
use crate::pages::charts;
use crate::pages::figures::{last_year, month};
use crate::pages::rows::Rows;
use crate::pages::section::{Column, Kind, Section, State, col};

const SOCIAL: &str = include_str!("../../../../sql/pages/social.sql");
const ELECTRICITY: &str = include_str!("../../../../sql/pages/electricity.sql");
const WATER_GAS: &str = include_str!("../../../../sql/pages/water_gas.sql");
const CUSTOMS: &str = include_str!("../../../../sql/pages/customs.sql");
const BANK: &str = include_str!("../../../../sql/pages/bank.sql");
const PLATFORM: &str = include_str!("../../../../sql/pages/platform.sql");
const REAL_ESTATE: &str = include_str!("../../../../sql/pages/real_estate.sql");
const COURT: &str = include_str!("../../../../sql/pages/court.sql");
const LISTS: &str = include_str!("../../../../sql/pages/lists.sql");

/// A source: its table, query, columns, and what is drawn of it.
struct Reported {
    id: &'static str,
    zh: &'static str,
    table: &'static str,
    sql: &'static str,
    /// Column drawn by month: name, what it is divided by, unit.
    drawn: Option<(&'static str, f64, &'static str)>,
    columns: &'static [Column],
    half: bool,
    note: &'static str,
}

const REPORTED: [Reported; 9] = [
    Reported {
        id: "bank",
        zh: "银行账户",
        table: "bank_flow",
        sql: BANK,
        drawn: Some(("inflow", 1e4, "万元（流入）")),
        columns: &[
            col("period", "月份", Kind::Month),
            col("accounts", "账户数", Kind::Count),
            col("inflow", "流入", Kind::Wan).total(),
            col("outflow", "流出", Kind::Wan).total(),
            col("private_inflow", "个人账户转入", Kind::Wan).total(),
            col("private_outflow", "转出到个人", Kind::Wan).total(),
            col("round_trip", "7日内回流", Kind::Wan).total(),
        ],
        half: false,
        note: "单位：万元。",
    },
    Reported {
        id: "customs",
        zh: "海关报关",
        table: "customs_declaration",
        sql: CUSTOMS,
        drawn: None,
        columns: &[
            col("period", "月份", Kind::Month),
            col("direction", "进出口", Kind::Word("customs_declaration", "direction")),
            col("declarations", "报关单", Kind::Count).total(),
            col("currency_zh", "币种", Kind::Text),
            col("fob", "离岸价（万，原币）", Kind::Wan),
            col("duty", "关税（元）", Kind::Yuan),
            col("import_vat", "进口增值税（元）", Kind::Yuan),
        ],
        half: false,
        note: "",
    },
    Reported {
        id: "social",
        zh: "社会保险",
        table: "social_insurance",
        sql: SOCIAL,
        drawn: Some(("persons", 1.0, "人")),
        columns: &[
            col("period", "月份", Kind::Month),
            col("persons", "参保人数", Kind::Count),
            col("base", "基数（万元）", Kind::Wan).total(),
            col("paid", "缴费（万元）", Kind::Wan).total(),
        ],
        half: true,
        note: "",
    },
    Reported {
        id: "electricity",
        zh: "用电",
        table: "electricity",
        sql: ELECTRICITY,
        drawn: Some(("kwh", 1.0, "千瓦时")),
        columns: &[
            col("period", "月份", Kind::Month),
            col("meters", "电表", Kind::Count),
            col("kwh", "用电量（千瓦时）", Kind::Count).total(),
            col("amount", "电费（万元）", Kind::Wan).total(),
        ],
        half: true,
        note: "",
    },
    Reported {
        id: "water_gas",
        zh: "用水、用气",
        table: "water_gas",
        sql: WATER_GAS,
        drawn: Some(("water", 1.0, "立方米（水）")),
        columns: &[
            col("period", "月份", Kind::Month),
            col("water", "水（立方米）", Kind::Count).total(),
            col("water_amount", "水费（元）", Kind::Yuan).total(),
            col("gas", "气（立方米）", Kind::Count).total(),
            col("gas_amount", "气费（元）", Kind::Yuan).total(),
        ],
        half: true,
        note: "",
    },
    Reported {
        id: "platform",
        zh: "电商平台",
        table: "platform_sales",
        sql: PLATFORM,
        drawn: Some(("gross", 1e4, "万元（成交）")),
        columns: &[
            col("period", "月份", Kind::Month),
            col("orders", "订单数", Kind::Count).total(),
            col("gross", "成交（万元）", Kind::Wan).total(),
            col("refunded", "退款（万元）", Kind::Wan).total(),
            col("platforms", "平台", Kind::Text),
        ],
        half: true,
        note: "",
    },
    Reported {
        id: "real_estate",
        zh: "不动产",
        table: "real_estate",
        sql: REAL_ESTATE,
        drawn: None,
        columns: &[
            col("signed_on", "签约日期", Kind::Text),
            col("kind", "类型", Kind::Word("real_estate", "kind")),
            col("area", "面积（平方米）", Kind::Number),
            col("price", "价款（万元）", Kind::Wan),
        ],
        half: true,
        note: "租赁的价款为年租金，本户为出租方。",
    },
    Reported {
        id: "court",
        zh: "司法与行政处罚",
        table: "court_case",
        sql: COURT,
        drawn: None,
        columns: &[
            col("decided_on", "日期", Kind::Text),
            col("kind", "类型", Kind::Text),
            col("case_no", "案号", Kind::Text),
            col("amount", "金额（元）", Kind::Yuan),
        ],
        half: true,
        note: "",
    },
    Reported {
        id: "lists",
        zh: "外部风险名单",
        table: "risk_list",
        sql: LISTS,
        drawn: None,
        columns: &[
            col("list", "名单", Kind::Word("risk_list", "list")),
            col("subject_kind", "对象", Kind::Word("risk_list", "subject_kind")),
            col("subject_id", "对象标识", Kind::Text),
            col("listed_on", "列入日期", Kind::Text),
            col("delisted_on", "移出日期", Kind::Text),
            col("reason", "原因", Kind::Text),
        ],
        half: false,
        note: "本户、本户开具或抵扣的发票、法定代表人（不显示姓名）。",
    },
];

/// The section.
pub(super) async fn section(source: &Source<'_>) -> Result<Section> {
    let mut blocks = Vec::new();
    for reported in &REPORTED {
        let mut rows = source.rows(reported.sql).await?;
        if reported.id == "customs" {
            let names = (0..rows.len()).map(|row| currency(&rows.text(row, "currency")).to_owned()).collect();
            rows = rows.with("currency_zh", names)?;
        }
        let block = source.block_of(reported.id, reported.zh, reported.table, rows).await?;
        let mut block = block.chart(|rows| drawn(reported, rows, source.as_of))?.table(reported.columns);
        block.half = reported.half;
        if !reported.note.is_empty() {
            block = block.note(reported.note);
        }
        blocks.push(block);
    }
    // What has rows first; the rest stays, in one line each.
    blocks.sort_by_key(|block| block.state != State::Filled);
    Ok(Section { id: "third_party", zh: "第三方信息", blocks })
}

/// A currency by its code; an unknown code is shown as it is.
fn currency(code: &str) -> &str {
    match code {
        "CNY" => "人民币",
        "USD" => "美元",
        "EUR" => "欧元",
        "JPY" => "日元",
        "HKD" => "港元",
        "GBP" => "英镑",
        other => other,
    }
}

fn drawn(reported: &Reported, rows: &Rows, as_of: i32) -> Result<Option<String>> {
    let Some((column, unit_size, unit)) = reported.drawn else { return Ok(None) };
    let periods = last_year(as_of);
    let labels: Vec<String> = periods.iter().copied().map(month).collect();
    let values: Vec<Option<f64>> =
        rows.by_period(&periods, column).into_iter().map(|v| v.map(|v| v / unit_size)).collect();
    charts::spark(&labels, &values, unit)
}
