//! How an indicator speaks to an officer: its texts, and how its numbers, facts and lines are written in Chinese.
//! Numbers look as they do in messages, because the same functions write both.

use std::fmt;

use assay_indicators::{Basis, FactValue, Indicator, Language, Mark, Unit, money, number};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::words;

/// Shown where nothing an officer may quote stands behind an indicator.
pub const NO_LEGAL_BASIS: &str = "无法定依据，经验指标";

/// The texts of one indicator, handed over by whoever loaded the catalogue.
#[derive(Debug, Clone, Default)]
pub struct IndicatorText {
    /// Code, such as `I05`.
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Unit of the value: a word of [`Unit`].
    pub unit: String,
    /// Months the indicator looks at, the as-of month included; none when it does not say.
    pub months: Option<u32>,
    /// 正当理由: innocent explanations to rule out.
    pub innocent_zh: Vec<String>,
    /// 所需资料: what to ask the taxpayer for.
    pub ask_zh: Vec<String>,
    /// Legal or other basis: text and source mark (`V`, `K`, `P`, `D`). Only `V` and `K` are shown.
    pub basis: Vec<(String, String)>,
    /// What an officer should know when reading a hit.
    pub note_zh: Option<String>,
}

impl IndicatorText {
    /// The texts of a definition.
    #[must_use]
    pub fn of(indicator: &Indicator) -> Self {
        let basis = indicator.basis.iter().map(basis_of);
        Self {
            code: indicator.code.value.clone(),
            name_zh: indicator.name.zh.clone(),
            name_en: indicator.name.en.clone(),
            unit: indicator.unit.as_str().to_owned(),
            months: None,
            innocent_zh: indicator.innocent.zh.clone(),
            ask_zh: indicator.ask.zh.clone(),
            basis: basis.collect(),
            note_zh: indicator.notes.as_ref().map(|notes| notes.zh.clone()),
        }
    }

    /// 政策依据, one per line: verified rules, and recalled ones with the request to check them; else that there is none.
    pub(super) fn basis_zh(&self) -> String {
        legal_basis(&self.basis)
    }
}

/// A legal text with its article, and its mark.
#[must_use]
pub fn basis_of(basis: &Basis) -> (String, String) {
    let article = basis.article.as_deref().unwrap_or_default();
    (format!("{}{article}", basis.doc), basis.source.as_str().to_owned())
}

/// 政策依据, one a line, of texts and their marks: published rules alone, never practice.
#[must_use]
pub fn legal_basis(basis: &[(String, String)]) -> String {
    let shown = basis.iter().filter_map(|(text, mark)| match mark {
        mark if mark == Mark::Verified.as_str() => Some(text.clone()),
        mark if mark == Mark::Known.as_str() => Some(format!("{text}（引用前请核对原文）")),
        _ => None,
    });
    let texts: Vec<_> = shown.collect();
    if texts.is_empty() { NO_LEGAL_BASIS.to_owned() } else { texts.join("\n") }
}

/// A fact of a hit as the scan writes it, with its label and unit.
#[derive(serde::Deserialize)]
struct Fact {
    unit: String,
    zh: String,
    value: Value,
}

/// The facts of a hit in the order of the definition, which is the order they are written in.
struct Facts(Vec<Fact>);

impl<'de> Deserialize<'de> for Facts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Facts;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of facts, each with unit, zh and value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Facts, A::Error> {
                let mut facts = Vec::new();
                while let Some((_, fact)) = map.next_entry::<String, Fact>()? {
                    facts.push(fact);
                }
                Ok(Facts(facts))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// The facts of a hit, one per line: «近12个月开票份数：1,200».
///
/// # Errors
/// What is wrong with the JSON.
pub fn facts_zh(json: &str) -> Result<String, serde_json::Error> {
    let facts: Facts = serde_json::from_str(json)?;
    let lines = facts.0.iter().map(|fact| format!("{}：{}", fact.zh, fact_value(&fact.value, &fact.unit)));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

fn fact_value(value: &Value, unit: &str) -> String {
    let shown = match value {
        Value::Null => FactValue::Null,
        Value::Bool(flag) => FactValue::Bool(*flag),
        Value::String(text) => FactValue::Text(text),
        Value::Number(number) => match (unit, number.as_i64(), number.as_f64()) {
            ("period", Some(month), _) => return FactValue::Integer(month).show(Unit::Period, Language::Zh),
            (_, _, Some(number)) => return quantity(number, unit),
            _ => return number.to_string(),
        },
        other => return other.to_string(),
    };
    shown.show(Unit::Text, Language::Zh)
}

/// A number with its unit, as an officer reads it: `12.5%`, `1,234.50元`, `12.35万元`, `37天`.
pub fn quantity(value: f64, unit: &str) -> String {
    if !value.is_finite() {
        return "—".to_owned();
    }
    let known = Unit::WORDS.iter().find(|(word, _)| *word == unit);
    let unit = known.map_or(Unit::Ratio, |(_, unit)| *unit);
    let text = number(value, unit, Language::Zh);
    if unit == Unit::Days { format!("{text}天") } else { text }
}

/// Fen as an officer reads them: `1,234.50元`, from 100,000 yuan on `12.35万元`.
pub fn yuan(fen: i128) -> String {
    money(fen, Language::Zh)
}

/// Fen in English: `1,234.50 yuan`.
pub fn yuan_en(fen: i128) -> String {
    money(fen, Language::En)
}

/// Hundredths as a plain decimal number: `1234.50`.
pub(crate) fn plain_hundredths(value: i128) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let size = value.unsigned_abs();
    format!("{sign}{}.{:02}", size / 100, size % 100)
}

/// 预警值: `≥10%`, with what it was measured against: `≥12.3%（按同业P90，36户）`.
pub fn warning_line(op: &str, line: f64, unit: &str, kind: &str, peers: Option<i64>) -> String {
    let text = format!("{}{}", words::comparison(op), quantity(line, unit));
    match (words::line_kind(kind), peers) {
        (None, _) => text,
        (Some(kind), Some(peers)) => format!("{text}（按{kind}，{peers}户）"),
        (Some(kind), None) => format!("{text}（按{kind}）"),
    }
}

/// `2025年6月`.
pub fn month_zh(month: i32) -> String {
    format!("{}年{}月", month / 100, month % 100)
}

/// ① ② … up to 50, then (51).
pub(crate) fn circled(number: usize) -> String {
    let offset =
        |base: u32, first: usize| u32::try_from(number - first).ok().and_then(|at| char::from_u32(base + at));
    let character = match number {
        1..=20 => offset(0x2460, 1),
        21..=35 => offset(0x3251, 21),
        36..=50 => offset(0x32B1, 36),
        _ => None,
    };
    character.map_or_else(|| format!("({number})"), String::from)
}

/// A sentence without its closing mark and without line breaks, to be joined with others.
pub(crate) fn clause(sentence: &str) -> String {
    let joined = sentence.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.trim_end_matches(['。', '．', '.', '；', ';', '！', '，', ',']).to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn quantities_carry_their_unit() {
        assert_eq!(quantity(0.125, "share"), "12.5%");
        assert_eq!(quantity(1_234_567.0, "money"), "123.46万元");
        assert_eq!(quantity(1200.0, "count"), "1,200");
        assert_eq!(quantity(37.0, "days"), "37天");
        assert_eq!(quantity(f64::NAN, "ratio"), "—");
        assert_eq!(plain_hundredths(-5), "-0.05");
    }

    #[test]
    fn a_peer_line_says_so() {
        assert_eq!(warning_line(">=", 0.1, "share", "absolute", None), "≥10.0%");
        assert_eq!(warning_line(">", 3.0, "ratio", "peer_p90", Some(36)), ">3.00（按同业P90，36户）");
    }

    #[test]
    fn circled_numbers_have_no_gap() {
        let all: Vec<_> = [1, 20, 21, 35, 36, 50, 51].into_iter().map(circled).collect();
        assert_eq!(all, ["①", "⑳", "㉑", "㉟", "㊱", "㊿", "(51)"]);
    }

    #[test]
    fn only_legal_sources_are_a_basis() {
        let mark = |mark: &str| ("某公告".to_owned(), mark.to_owned());
        let mut text = IndicatorText { basis: vec![mark("P"), mark("D")], ..IndicatorText::default() };
        assert_eq!(text.basis_zh(), NO_LEGAL_BASIS);
        text.basis.push(("税总公告2019年38号".to_owned(), "V".to_owned()));
        text.basis.push(("发票管理办法".to_owned(), "K".to_owned()));
        assert_eq!(text.basis_zh(), "税总公告2019年38号\n发票管理办法（引用前请核对原文）");
    }

    #[test]
    fn facts_read_in_the_order_they_are_written() {
        let json = r#"{"n": {"unit": "count", "zh": "开票份数", "en": "n", "value": 1000},
            "first": {"unit": "period", "zh": "首次开票月", "en": "first", "value": 202002},
            "amount": {"unit": "money", "zh": "金额", "en": "amount", "value": 1300.50},
            "b": {"unit": "bool", "zh": "是否新办", "en": "b", "value": null}}"#;
        assert_eq!(
            facts_zh(json).unwrap(),
            "开票份数：1,000\n首次开票月：2020年2月\n金额：1,300.50元\n是否新办：不详"
        );
        assert!(facts_zh("[]").is_err());
        assert!(facts_zh(r#"{"n": 3}"#).is_err());
    }
}
