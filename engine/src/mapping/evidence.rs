//! What a column's values say: dates, money, rates, taxpayer ids by their check character, codes of an enum.

use assay_datasets::schema::{Column, ColumnType, Table};
use assay_sql::{resident_id_is_valid, uscc_is_valid};

use super::names::synonyms;
use crate::ingest::parse::{parse_decimal, parse_instant, parse_period};

/// Share of values that must fit before a type is believed: real columns have some dirt.
const MOST: f64 = 0.9;
/// Rates of value-added tax and of the levies seen since 1994, in hundredths of a percent.
const RATES: [i128; 13] = [0, 50, 100, 150, 300, 500, 600, 900, 1000, 1100, 1300, 1600, 1700];

/// Shares of the filled values that have a form.
#[derive(Debug, Default, Clone)]
pub struct Evidence {
    /// Filled values, without texts for "missing".
    pub filled: usize,
    /// Values that say "missing", as `--`.
    pub missing: Vec<String>,
    /// Different values, up to a few.
    pub distinct: Vec<String>,
    /// A taxpayer's id by its form.
    pub taxpayer: f64,
    /// One that passes its check.
    pub checked: f64,
    /// A short code of letters and digits.
    pub code: f64,
    /// A decimal number.
    pub decimal: f64,
    /// A whole number.
    pub integer: f64,
    /// A rate known from tax law.
    pub rate: f64,
    /// A word in place of a rate.
    pub rate_words: f64,
    /// A date, with or without a time.
    pub date: f64,
    /// One with a time.
    pub time: f64,
    /// A month.
    pub month: f64,
    /// Yes or no.
    pub yes_no: f64,
    /// 18 or 20 digits: an invoice's whole number.
    pub invoice_number: f64,
    /// 19 digits: a code of goods and services.
    pub goods: f64,
    /// Text with Chinese characters.
    pub chinese: f64,
    /// Most decimals after the point.
    pub scale: usize,
    /// Digits of the longest number.
    pub digits: usize,
}

/// Different values kept: enough for any enum.
const DISTINCT: usize = 60;

impl Evidence {
    /// Looks at the values of a column.
    pub fn of(values: &[String]) -> Self {
        let mut found = Self::default();
        let mut counts = [0_usize; 14];
        for value in values {
            if synonyms().missing.contains(value) {
                if !found.missing.contains(value) {
                    found.missing.push(value.clone());
                }
                continue;
            }
            found.filled += 1;
            if found.distinct.len() < DISTINCT && !found.distinct.contains(value) {
                found.distinct.push(value.clone());
            }
            for (count, holds) in counts.iter_mut().zip(forms(value)) {
                *count += usize::from(holds);
            }
            if parse_decimal(value, 38, 8, true).is_some() {
                found.digits = found.digits.max(value.chars().filter(char::is_ascii_digit).count());
                let decimals = value.split_once('.').map_or(0, |(_, d)| d.trim_end_matches(['0', '%']).len());
                found.scale = found.scale.max(decimals);
            }
        }
        let share = |i: usize| counts[i] as f64 / found.filled.max(1) as f64;
        (found.taxpayer, found.checked, found.code, found.decimal) = (share(0), share(1), share(2), share(3));
        (found.integer, found.rate, found.rate_words, found.date) = (share(4), share(5), share(6), share(7));
        (found.time, found.month, found.yes_no, found.invoice_number) =
            (share(8), share(9), share(10), share(11));
        (found.goods, found.chinese) = (share(12), share(13));
        found
    }

    /// How well the values suit the column, and why; `None` when they cannot stand in it.
    pub fn score(&self, table: &Table, column: &Column) -> Option<(f64, String)> {
        if self.filled == 0 {
            return Some((0.3, "没有取值 no values".into()));
        }
        let percent = |share: f64| format!("{:.0}%", share * 100.0);
        let when = |share: f64, score: f64, zh: &str, en: &str| {
            (share >= MOST).then(|| (score, format!("{}是{zh} {} are {en}", percent(share), percent(share))))
        };
        match column.ty {
            ColumnType::Money | ColumnType::Quantity if self.digits > 17 => None,
            ColumnType::Money => {
                when(self.decimal, if self.scale == 2 { 1.0 } else { 0.7 }, "金额", "amounts")
            }
            ColumnType::Quantity => when(self.decimal, 0.7, "数值", "numbers"),
            ColumnType::Int | ColumnType::Count => when(self.integer, 0.7, "整数", "whole numbers"),
            ColumnType::Rate | ColumnType::Share => {
                let known = when(self.rate + self.rate_words, 1.0, "税率", "known rates");
                known.or_else(|| when(self.decimal, 0.4, "数值", "numbers"))
            }
            ColumnType::Date => when(self.date, if self.time >= MOST { 0.7 } else { 1.0 }, "日期", "dates"),
            ColumnType::Timestamp => {
                when(self.date, if self.time >= MOST { 1.0 } else { 0.8 }, "日期", "dates")
            }
            ColumnType::Period => {
                when(self.month, 1.0, "年月", "months").or_else(|| when(self.date, 0.5, "日期", "dates"))
            }
            ColumnType::Bool => when(self.yes_no, 0.9, "是否标志", "yes or no"),
            ColumnType::Enum => self.enum_score(table, column),
            ColumnType::Text => self.text_score(column),
        }
    }

    fn enum_score(&self, table: &Table, column: &Column) -> Option<(f64, String)> {
        let known = self.distinct.iter().filter(|v| synonyms().code(table, column, v).is_some()).count();
        let share = known as f64 / self.distinct.len().max(1) as f64;
        let why = format!("{known}/{}个取值在代码表内 values are known codes", self.distinct.len());
        if known > 0 {
            Some((0.5 + share / 2.0, why))
        } else if self.distinct.len() <= 20 || column.open {
            Some((0.2, why))
        } else {
            None
        }
    }

    fn text_score(&self, column: &Column) -> Option<(f64, String)> {
        let percent = |share: f64| format!("{:.0}%", share * 100.0);
        if column.party {
            if self.taxpayer >= MOST {
                let why = format!(
                    "{}符合识别号格式，{}通过校验 are taxpayer ids, {} pass the check",
                    percent(self.taxpayer),
                    percent(self.checked),
                    percent(self.checked)
                );
                return Some((1.0, why));
            }
            return (self.code + self.taxpayer >= MOST).then(|| (0.6, "代号 codes".to_owned()));
        }
        let name = column.name.as_str();
        if name.ends_with("invoice_id") {
            let (share, why) = (self.invoice_number, "18或20位发票号码 whole invoice numbers");
            // A shorter number names no invoice by itself.
            return Some((if share >= 0.5 { 1.0 } else { 0.0 }, format!("{}是{why}", percent(share))));
        }
        if name == "invoice_no" && self.invoice_number >= 0.5 {
            return Some((0.0, "18或20位，是完整的发票号码 whole invoice numbers".into()));
        }
        if name == "goods_code" {
            return Some((
                if self.goods >= 0.5 { 1.0 } else { 0.3 },
                format!("{}是19位编码 19-digit codes", percent(self.goods)),
            ));
        }
        if name.ends_with("name") || name == "remark" || name == "address" {
            let score = if self.chinese >= 0.5 { 0.9 } else { 0.3 };
            return Some((score, format!("{}含汉字 with Chinese characters", percent(self.chinese))));
        }
        let typed = self.date >= MOST || (self.decimal >= MOST && self.scale > 0);
        Some((if typed { 0.1 } else { 0.6 }, "文本 text".into()))
    }
}

/// Which forms a value has, in the order of [`Evidence::of`].
fn forms(value: &str) -> [bool; 14] {
    let all = |test: fn(&u8) -> bool| !value.is_empty() && value.as_bytes().iter().all(test);
    let digits = all(u8::is_ascii_digit);
    let checked = value.len() == 18 && (uscc_is_valid(value) || resident_id_is_valid(value));
    let capital = all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let taxpayer = (15..=20).contains(&value.len()) && capital;
    let decimal = parse_decimal(value, 38, 8, true);
    let instant = parse_instant(value);
    let rate = parse_decimal(value, 18, 4, false);
    [
        taxpayer,
        checked,
        value.len() <= 14 && all(u8::is_ascii_alphanumeric),
        decimal.is_some(),
        parse_decimal(value, 18, 0, false).is_some(),
        rate.is_some_and(|r| RATES.contains(&r)),
        matches!(value, "免税" | "不征税" | "***" | "*" | "零税率"),
        instant.is_some(),
        instant.is_some() && value.contains(':'),
        parse_period(value).is_some() && instant.is_none(),
        matches!(value, "是" | "否" | "Y" | "N" | "y" | "n" | "0" | "1" | "true" | "false"),
        digits && matches!(value.len(), 18 | 20),
        digits && value.len() == 19,
        value.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)),
    ]
}
