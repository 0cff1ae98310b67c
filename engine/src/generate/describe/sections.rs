//! What the statistics say, part by part: a table with Chinese and English headers, a remark, a chart.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use assay_datasets::schema::catalog;

use super::charts;
use super::query::{Month, Statistics};
use super::tail::Distribution;
use super::{Background, BurdenRange};
use crate::{EngineError, Result};

/// One part of a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Short name.
    pub id: &'static str,
    /// Title in Chinese.
    pub zh: &'static str,
    /// Title in English.
    pub en: &'static str,
    /// Headers, Chinese and English.
    pub header: Vec<(&'static str, &'static str)>,
    /// Rows as text.
    pub rows: Vec<Vec<String>>,
    /// What to make of it, Chinese and English.
    pub notes: Vec<(String, String)>,
    /// The chart as SVG.
    pub chart: Option<String>,
}

/// Shares of invoices by first digit after Benford's law.
pub(super) fn benford_law() -> [f64; 9] {
    std::array::from_fn(|i| (1.0 + 1.0 / (i as f64 + 1.0)).log10())
}

/// All parts.
pub(super) fn sections(statistics: &Statistics, background: &Background) -> Result<Vec<Section>> {
    let mut sections = vec![
        counts(statistics),
        sizes(statistics)?,
        partners(statistics)?,
        benford(statistics)?,
        months(&statistics.months)?,
        kinds(statistics),
    ];
    if !statistics.burdens.is_empty() {
        sections.push(burdens(statistics, &background.burdens)?);
    }
    if let Some(truth) = &background.truth {
        sections.push(schemes(truth)?);
    }
    Ok(sections)
}

fn counts(statistics: &Statistics) -> Section {
    let rows = statistics
        .counts
        .iter()
        .map(|(name, n)| {
            let zh = catalog().table(name).map(|t| t.zh.clone()).unwrap_or_default();
            vec![name.clone(), zh, count(*n)]
        })
        .collect();
    Section {
        id: "counts",
        zh: "各表记录数",
        en: "Rows of each table",
        header: vec![("表", "table"), ("名称", "name"), ("记录数", "rows")],
        rows,
        notes: Vec::new(),
        chart: None,
    }
}

/// Quantiles shown of a distribution.
const QUANTILES: [(f64, &str); 6] =
    [(0.1, "10%"), (0.25, "25%"), (0.5, "50%"), (0.9, "90%"), (0.99, "99%"), (1.0, "100%")];

fn quantile_rows(distributions: &[(&str, &Distribution)], digits: usize) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (name, distribution) in distributions {
        let mut row = vec![(*name).to_owned(), count(distribution.count() as i64)];
        row.extend(
            QUANTILES
                .iter()
                .map(|(q, _)| distribution.quantile(*q).map_or(String::new(), |v| number(v, digits))),
        );
        row.push(distribution.share_of_top(0.01).map_or(String::new(), percent));
        row.push(distribution.tail_exponent().map_or(String::new(), |a| format!("{a:.2}")));
        rows.push(row);
    }
    rows
}

fn quantile_header(what: (&'static str, &'static str)) -> Vec<(&'static str, &'static str)> {
    let mut header = vec![what, ("数量", "number")];
    header.extend(QUANTILES.iter().map(|(_, name)| ("分位", *name)));
    header.extend([("前1%占比", "share of top 1%"), ("尾部指数", "tail exponent")]);
    header
}

fn sizes(statistics: &Statistics) -> Result<Section> {
    let yuan = Distribution::clone(&statistics.sizes);
    Ok(Section {
        id: "sizes",
        zh: "企业规模（不含税开票额，元）",
        en: "Sizes of firms (issued, yuan without tax)",
        header: quantile_header(("口径", "measure")),
        rows: quantile_rows(&[("销售额 sales", &yuan)], 0),
        notes: vec![(
            "尾部指数为Hill估计（最大的5%企业）；公开研究中企业规模约为1，数值越小尾部越重。".into(),
            "The tail exponent is Hill's estimate over the largest 5 percent; published studies of firm sizes find \
             about 1, and smaller is heavier."
                .into(),
        )],
        chart: Some(charts::curves("不含税开票额（元）", &[("销售额", &yuan)])?),
    })
}

fn partners(statistics: &Statistics) -> Result<Section> {
    let pairs = [("客户 customers", &statistics.customers), ("供应商 suppliers", &statistics.suppliers)];
    let mut notes = Vec::new();
    if let Some((city, county)) = statistics.near {
        notes.push((
            format!("登记企业之间的交易有{}在同一地市、{}在同一区县之内。", percent(city), percent(county)),
            format!(
                "Of the trade between registered firms {} stays in one city and {} in one county.",
                percent(city),
                percent(county)
            ),
        ));
    }
    Ok(Section {
        id: "partners",
        zh: "交易对手数量",
        en: "Trading partners",
        header: quantile_header(("口径", "measure")),
        rows: quantile_rows(&pairs, 0),
        notes,
        chart: Some(charts::curves(
            "交易对手（户）",
            &[("客户", &statistics.customers), ("供应商", &statistics.suppliers)],
        )?),
    })
}

fn benford(statistics: &Statistics) -> Result<Section> {
    let total: i64 = statistics.digits.iter().sum();
    let share = |n: i64| if total == 0 { 0.0 } else { n as f64 / total as f64 };
    let law = benford_law();
    let shares: Vec<f64> = statistics.digits.iter().map(|n| share(*n)).collect();
    let rows = (0..9)
        .map(|i| {
            vec![
                (i + 1).to_string(),
                count(statistics.digits[i]),
                percent(shares[i]),
                percent(law[i]),
                format!("{:+.2}", (shares[i] - law[i]) * 100.0),
            ]
        })
        .collect();
    let deviation = (0..9).map(|i| (shares[i] - law[i]).abs()).sum::<f64>() / 9.0;
    Ok(Section {
        id: "benford",
        zh: "金额首位数字与本福特定律",
        en: "First digits of amounts and Benford's law",
        header: vec![
            ("首位", "digit"),
            ("发票", "invoices"),
            ("占比", "share"),
            ("定律", "law"),
            ("差（百分点）", "difference, points"),
        ],
        rows,
        notes: vec![(
            format!("平均绝对偏差{:.4}（Nigrini：0.006以下为吻合，0.015以上为不吻合）。", deviation),
            format!(
                "Mean absolute deviation {deviation:.4} (Nigrini: below 0.006 close conformity, above 0.015 none)."
            ),
        )],
        chart: Some(charts::digits(&shares, &law)?),
    })
}

fn months(months: &[Month]) -> Result<Section> {
    let share = |part: f64, whole: f64| if whole > 0.0 { percent(part / whole) } else { String::new() };
    let rows = months
        .iter()
        .map(|m| {
            vec![
                m.period.to_string(),
                count(m.invoices),
                number(m.sales / 10_000.0, 0),
                share(m.voids as f64, m.invoices as f64),
                share(m.reds as f64, m.invoices as f64),
                share(m.red_amount, m.blue_amount),
            ]
        })
        .collect();
    Ok(Section {
        id: "months",
        zh: "各月开票、作废与红冲",
        en: "Invoices, voids and reds by month",
        header: vec![
            ("月份", "month"),
            ("发票", "invoices"),
            ("销售额（万元）", "sales, 10,000 yuan"),
            ("作废份数", "voids"),
            ("红字份数", "reds"),
            ("红字金额", "red amount"),
        ],
        rows,
        notes: Vec::new(),
        chart: Some(charts::months(months)?),
    })
}

fn kinds(statistics: &Statistics) -> Section {
    let total: i64 = statistics.kinds.iter().map(|(_, n, _)| n).sum();
    let column = catalog().table("invoice").and_then(|t| t.column("kind"));
    let zh = |code: &str| {
        let value = column.and_then(|c| c.values.iter().find(|v| v.code == code));
        value.map(|v| v.zh.clone()).unwrap_or_default()
    };
    let rows = statistics
        .kinds
        .iter()
        .map(|(kind, n, amount)| {
            let share = if total > 0 { percent(*n as f64 / total as f64) } else { String::new() };
            vec![kind.clone(), zh(kind), count(*n), share, number(amount / 10_000.0, 0)]
        })
        .collect();
    Section {
        id: "kinds",
        zh: "票种",
        en: "Kinds of invoices",
        header: vec![
            ("票种", "kind"),
            ("名称", "name"),
            ("发票", "invoices"),
            ("占比", "share"),
            ("金额（万元）", "amount, 10,000 yuan"),
        ],
        rows,
        notes: Vec::new(),
        chart: None,
    }
}

fn burdens(statistics: &Statistics, ranges: &[BurdenRange]) -> Result<Section> {
    let mut rows = Vec::new();
    let mut drawn = Vec::new();
    let (mut inside, mut compared) = (0, 0);
    for one in &statistics.burdens {
        let burden = one.tax / one.sales;
        let range = ranges.iter().find(|r| r.industry == one.industry);
        let verdict = match range {
            None => String::new(),
            Some(range) => {
                compared += 1;
                drawn.push((one.industry.clone(), burden, range.low, range.high));
                if (range.low..=range.high).contains(&burden) {
                    inside += 1;
                    "在区间内 within".to_owned()
                } else if burden < range.low {
                    "偏低 below".to_owned()
                } else {
                    "偏高 above".to_owned()
                }
            }
        };
        rows.push(vec![
            one.industry.clone(),
            count(one.firms),
            number(one.sales / 10_000.0, 0),
            percent(burden),
            range.map_or(String::new(), |r| format!("{}–{}", percent(r.low), percent(r.high))),
            verdict,
        ]);
    }
    Ok(Section {
        id: "burden",
        zh: "增值税税负（一般纳税人，分行业）",
        en: "VAT burden of general taxpayers by industry",
        header: vec![
            ("行业", "industry"),
            ("户数", "firms"),
            ("应税销售额（万元）", "taxed sales, 10,000 yuan"),
            ("税负", "burden"),
            ("参照区间", "reference range"),
            ("结果", "result"),
        ],
        rows,
        notes: vec![(
            format!(
                "{compared}个行业有参照区间，{inside}个在区间之内。区间由公开税负率推得：下限×0.5至上限×1.5，适用基本税率的再×13/17。出口企业不计。"
            ),
            format!(
                "{inside} of {compared} industries with a reference range lie within it. Ranges go from half the lowest \
                 published burden to one and a half times the highest, times 13/17 for goods of the standard rate. \
                 Exporters are left out."
            ),
        )],
        chart: if drawn.is_empty() { None } else { Some(charts::ranges(&drawn)?) },
    })
}

/// Taxpayers, amount in cents, first and last month of one scheme and role.
#[derive(Default)]
struct Planted {
    taxpayers: i64,
    yuan: f64,
    from: i64,
    to: i64,
}

fn schemes(truth: &RecordBatch) -> Result<Section> {
    let column = |name: &str, ty: &DataType| {
        let missing = || EngineError::input(format!("the truth has no column {name}"));
        Ok::<_, EngineError>(cast(truth.column_by_name(name).ok_or_else(missing)?, ty)?)
    };
    let (schemes, roles) = (column("scheme", &DataType::Utf8)?, column("role", &DataType::Utf8)?);
    let amounts = column("amount", &DataType::Float64)?;
    let (from, to) = (column("from_period", &DataType::Int64)?, column("to_period", &DataType::Int64)?);
    let mut found: BTreeMap<(String, String), Planted> = BTreeMap::new();
    for row in 0..truth.num_rows() {
        let key = (
            schemes.as_string::<i32>().value(row).to_owned(),
            roles.as_string::<i32>().value(row).to_owned(),
        );
        let one = found.entry(key).or_default();
        one.taxpayers += 1;
        if amounts.is_valid(row) {
            one.yuan += amounts.as_primitive::<Float64Type>().value(row);
        }
        let months = [&from, &to].map(|c| c.is_valid(row).then(|| c.as_primitive::<Int64Type>().value(row)));
        one.from = months[0].map_or(one.from, |m| if one.from == 0 { m } else { one.from.min(m) });
        one.to = months[1].map_or(one.to, |m| one.to.max(m));
    }
    let month = |m: i64| if m == 0 { String::new() } else { m.to_string() };
    let rows = found
        .into_iter()
        .map(|((scheme, role), one)| {
            vec![
                scheme,
                role,
                count(one.taxpayers),
                number(one.yuan / 10_000.0, 0),
                month(one.from),
                month(one.to),
            ]
        })
        .collect();
    Ok(Section {
        id: "schemes",
        zh: "植入的风险模式",
        en: "Planted schemes",
        header: vec![
            ("模式", "scheme"),
            ("角色", "role"),
            ("户数", "taxpayers"),
            ("金额（万元）", "amount, 10,000 yuan"),
            ("最早月份", "first month"),
            ("最晚月份", "last month"),
        ],
        rows,
        notes: vec![(
            "角色innocent：守法企业，或是该模式的交易对方（金额为双方交易额），或只是看着像（无金额）。".into(),
            "The role innocent: honest firms, either counterparties of the scheme (the amount is their trade with it) or \
             such as only look like one (no amount)."
                .into(),
        )],
        chart: None,
    })
}

/// `12,345`.
fn count(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if n < 0 { format!("-{out}") } else { out }
}

fn number(value: f64, digits: usize) -> String {
    if digits == 0 { count(value.round() as i64) } else { format!("{value:.digits$}") }
}

fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_adds_up() {
        let law = benford_law();
        assert!((law.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((law[0] - std::f64::consts::LOG10_2).abs() < 1e-12);
        assert_eq!(count(-1_234_567), "-1,234,567");
        assert_eq!(percent(0.1234), "12.34%");
    }
}
