//! Numbers and messages as an officer reads them, in Chinese and English. Rendering only: what is a hit is decided
//! elsewhere.

use std::fmt::Write as _;

use arrow::array::{Array, cast::AsArray};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type};
use chrono::NaiveDate;

use crate::definition::{Line, LineKind, PeerFigure, Unit};
use crate::words::word_zh;

/// Language of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Chinese
    Zh,
    /// English
    En,
}

/// One value of a fact.
#[derive(Debug, Clone, PartialEq)]
pub enum FactValue<'a> {
    /// Unknown
    Null,
    /// A count, days or a period.
    Integer(i64),
    /// Fen (hundredths of a yuan).
    Cents(i128),
    /// A share, ratio or score.
    Double(f64),
    /// A text.
    Text(&'a str),
    /// A boolean.
    Bool(bool),
    /// A date.
    Date(NaiveDate),
}

impl<'a> FactValue<'a> {
    /// Reads a row of a fact column; types other than those of [`crate::verdict::arrow_type`] read as null.
    pub fn at(array: &'a dyn Array, row: usize) -> Self {
        if array.is_null(row) {
            return Self::Null;
        }
        match array.data_type() {
            DataType::Int64 => Self::Integer(array.as_primitive::<Int64Type>().value(row)),
            DataType::Int32 => Self::Integer(i64::from(array.as_primitive::<Int32Type>().value(row))),
            DataType::Float64 => Self::Double(array.as_primitive::<Float64Type>().value(row)),
            DataType::Decimal128(_, 2) => Self::Cents(array.as_primitive::<Decimal128Type>().value(row)),
            DataType::Utf8 => Self::Text(array.as_string::<i32>().value(row)),
            DataType::Utf8View => Self::Text(array.as_string_view().value(row)),
            DataType::Boolean => Self::Bool(array.as_boolean().value(row)),
            DataType::Date32 => Date32Type::to_naive_date_opt(array.as_primitive::<Date32Type>().value(row))
                .map_or(Self::Null, Self::Date),
            _ => Self::Null,
        }
    }

    /// The value as JSON: numbers with exactly their digits, dates as text, unknown as null.
    pub fn json(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Integer(n) => n.to_string(),
            Self::Cents(n) => decimal(*n, false),
            Self::Double(x) if x.is_finite() => x.to_string(),
            Self::Double(_) => "null".to_owned(),
            Self::Text(text) => serde_json::Value::from(*text).to_string(),
            Self::Bool(flag) => flag.to_string(),
            Self::Date(day) => format!("\"{day}\""),
        }
    }

    /// The value in words, in its unit.
    pub fn show(&self, unit: Unit, language: Language) -> String {
        match (self, language) {
            (Self::Null, Language::Zh) => "不详".to_owned(),
            (Self::Null, Language::En) => "unknown".to_owned(),
            (Self::Bool(true), Language::Zh) => "是".to_owned(),
            (Self::Bool(false), Language::Zh) => "否".to_owned(),
            (Self::Bool(flag), Language::En) => if *flag { "yes" } else { "no" }.to_owned(),
            (Self::Integer(n), Language::Zh) if unit == Unit::Period => format!("{}年{}月", n / 100, n % 100),
            (Self::Integer(n), Language::En) if unit == Unit::Period => format!("{}-{:02}", n / 100, n % 100),
            (Self::Integer(n), _) => grouped(&n.to_string()),
            (Self::Cents(n), _) => money(*n, language),
            (Self::Double(x), _) => number(*x, unit, language),
            (Self::Text(text), Language::Zh) => word_zh(text).to_owned(),
            (Self::Text(text), Language::En) => (*text).to_owned(),
            (Self::Date(day), _) => day.to_string(),
        }
    }
}

/// A double in a unit: `12.3%`, `1,234`, `1.23`, `12.35万元`.
pub fn number(x: f64, unit: Unit, language: Language) -> String {
    match unit {
        Unit::Share => format!("{}%", grouped(&format!("{:.1}", x * 100.0))),
        Unit::Money => money(cents_of(x), language),
        Unit::Count | Unit::Days | Unit::Period if x.fract() == 0.0 => grouped(&format!("{x:.0}")),
        _ => grouped(&format!("{x:.2}")),
    }
}

/// Yuan as a double to fen, for showing only.
fn cents_of(yuan: f64) -> i128 {
    (yuan * 100.0).round() as i128
}

/// Fen as money: Chinese switches to 万元 from 100,000 yuan on.
pub fn money(cents: i128, language: Language) -> String {
    const TEN_THOUSAND_YUAN: i128 = 1_000_000;
    match language {
        Language::En => format!("{} yuan", decimal(cents, true)),
        Language::Zh if cents.abs() < 10 * TEN_THOUSAND_YUAN => format!("{}元", decimal(cents, true)),
        Language::Zh => {
            // Hundredths of 万元, rounded half away from zero.
            let hundredths = (cents.abs() + 5_000) / 10_000 * cents.signum();
            format!("{}万元", decimal(hundredths, true))
        }
    }
}

/// Fen as yuan to the cent, `1,234,567.89`: for who holds it against the row it comes from.
pub fn yuan_exact(cents: i128) -> String {
    decimal(cents, true)
}

fn decimal(hundredths: i128, commas: bool) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    let whole = (hundredths.unsigned_abs() / 100).to_string();
    let whole = if commas { grouped(&whole) } else { whole };
    format!("{sign}{whole}.{:02}", hundredths.unsigned_abs() % 100)
}

/// Commas between groups of three digits of the whole part.
fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut out = String::from(sign);
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + fraction
}

/// How a value stands to the line it crossed, e.g. `超过预警线10.0%` or `高于同业P90（12.3%，同业45户）`.
pub fn line_phrase(
    line: &Line,
    at: f64,
    value: f64,
    peers: Option<usize>,
    unit: Unit,
    language: Language,
) -> String {
    let shown = number(at, unit, language);
    let n = peers.unwrap_or(0);
    let up = line.op.upward();
    if let LineKind::Absolute(_) = line.kind {
        return match (language, value == at, up) {
            (Language::Zh, true, _) => format!("达到预警线{shown}"),
            (Language::Zh, false, true) => format!("超过预警线{shown}"),
            (Language::Zh, false, false) => format!("低于预警线{shown}"),
            (Language::En, true, _) => format!("at the warning line of {shown}"),
            (Language::En, false, true) => format!("above the warning line of {shown}"),
            (Language::En, false, false) => format!("below the warning line of {shown}"),
        };
    }
    let side = match (language, value == at, up) {
        (Language::Zh, true, _) => "达到",
        (Language::Zh, false, true) => "高于",
        (Language::Zh, false, false) => "低于",
        (Language::En, true, _) => "at",
        (Language::En, false, true) => "above",
        (Language::En, false, false) => "below",
    };
    let figure = peer_phrase(line.kind, language);
    match language {
        Language::Zh => format!("{side}同业{figure}（{shown}，同业{n}户）"),
        Language::En => format!("{side} the peers' {figure} ({shown}, {n} peers)"),
    }
}

fn peer_phrase(kind: LineKind, language: Language) -> String {
    let (figure, factor) = match kind {
        LineKind::Peer { figure, factor } => (figure, factor),
        LineKind::RobustZ(z) if language == Language::Zh => {
            return format!("中位数{}{}个稳健标准差", if z < 0.0 { "减" } else { "加" }, z.abs());
        }
        LineKind::RobustZ(z) => {
            return format!(
                "median {} {} robust deviations",
                if z < 0.0 { "minus" } else { "plus" },
                z.abs()
            );
        }
        LineKind::Absolute(_) => return String::new(),
    };
    let name = match (figure, language) {
        (PeerFigure::P90, _) => "P90",
        (PeerFigure::P10, _) => "P10",
        (PeerFigure::Median, Language::Zh) => "中位数",
        (PeerFigure::Median, Language::En) => "median",
    };
    match language {
        _ if factor == 1.0 => name.to_owned(),
        Language::Zh => format!("{name}的{factor}倍"),
        Language::En => format!("{name} times {factor}"),
    }
}

/// A message cut into its literal and its named pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Name(String),
}

impl Template {
    /// Cuts a message at its `{name}`s; an error says which brace has no partner.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            let (literal, tail) = rest.split_at(open);
            let Some((name, after)) = tail.strip_prefix('{').and_then(|tail| tail.split_once('}')) else {
                return Err(format!("a brace without its partner at `{tail}`"));
            };
            pieces.extend([Piece::Literal(literal.to_owned()), Piece::Name(name.trim().to_owned())]);
            rest = after;
        }
        pieces.push(Piece::Literal(rest.to_owned()));
        Ok(Self { pieces })
    }

    /// The names in the message, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Name(name) => Some(name.as_str()),
            Piece::Literal(_) => None,
        })
    }

    /// Fills the message in; `show` gives the text of a name.
    pub fn render(&self, mut show: impl FnMut(&str) -> String) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            // Writing to a String cannot fail.
            let _ = match piece {
                Piece::Literal(text) => out.write_str(text),
                Piece::Name(name) => out.write_str(&show(name)),
            };
        }
        out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::definition::{Mark, Op};

    #[test]
    fn numbers_read_as_officers_write_them() {
        let zh = Language::Zh;
        assert_eq!(number(0.123, Unit::Share, zh), "12.3%");
        assert_eq!(number(12.5, Unit::Share, zh), "1,250.0%");
        assert_eq!(money(123_456, zh), "1,234.56元");
        assert_eq!(money(12_345_000, zh), "12.35万元");
        assert_eq!(money(-12_345_000, zh), "-12.35万元");
        assert_eq!(money(9_999_999, zh), "99,999.99元");
        assert_eq!(money(123_456, Language::En), "1,234.56 yuan");
        assert_eq!(number(1234.0, Unit::Count, zh), "1,234");
        assert_eq!(number(-1234.5, Unit::Ratio, zh), "-1,234.50");
        assert_eq!(FactValue::Integer(202002).show(Unit::Period, zh), "2020年2月");
        assert_eq!(FactValue::Null.show(Unit::Money, zh), "不详");
    }

    #[test]
    fn json_keeps_money_exact() {
        assert_eq!(FactValue::Cents(-5).json(), "-0.05");
        assert_eq!(FactValue::Cents(123_456_789_012_345_678).json(), "1234567890123456.78");
        assert_eq!(FactValue::Text("a\"b").json(), "\"a\\\"b\"");
        assert_eq!(FactValue::Double(f64::NAN).json(), "null");
    }

    #[test]
    fn lines_read_as_phrases() {
        let line = |op, kind| Line {
            op,
            kind,
            source: Mark::Default,
            from: None,
            to: None,
            severity: None,
            min_peers: None,
            span: 0..0,
        };
        let show =
            |line: &Line, at, value, language| line_phrase(line, at, value, Some(45), Unit::Share, language);
        let absolute = line(Op::Ge, LineKind::Absolute(0.1));
        assert_eq!(show(&absolute, 0.1, 0.2, Language::Zh), "超过预警线10.0%");
        assert_eq!(show(&absolute, 0.1, 0.1, Language::Zh), "达到预警线10.0%");
        let p90 = line(Op::Gt, LineKind::Peer { figure: PeerFigure::P90, factor: 1.0 });
        assert_eq!(show(&p90, 0.123, 0.2, Language::Zh), "高于同业P90（12.3%，同业45户）");
        let median = line(Op::Lt, LineKind::Peer { figure: PeerFigure::Median, factor: 0.5 });
        assert_eq!(show(&median, 0.1, 0.05, Language::Zh), "低于同业中位数的0.5倍（10.0%，同业45户）");
        let z = line(Op::Ge, LineKind::RobustZ(3.5));
        assert_eq!(
            show(&z, 0.1, 0.2, Language::En),
            "above the peers' median plus 3.5 robust deviations (10.0%, 45 peers)"
        );
    }

    #[test]
    fn templates_fill_names_and_refuse_lone_braces() {
        let template = Template::parse("开票{n}份，{line}。").unwrap();
        assert_eq!(template.names().collect::<Vec<_>>(), ["n", "line"]);
        assert_eq!(template.render(|name| format!("<{name}>")), "开票<n>份，<line>。");
        assert!(Template::parse("a{b").is_err());
        assert!(Template::parse("a}b{c}").is_err());
    }
}
