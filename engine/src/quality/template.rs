//! Messages of rules: text with `{column}` in it, filled per failing row.

use std::fmt::Write;

use arrow::array::{ArrayRef, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::Result;

/// A message, split at its placeholders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(String),
}

impl Template {
    /// Splits a text; an opening brace without its closing one is the error.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            let (before, after) = rest.split_at(start);
            let Some(end) = after.find('}') else {
                return Err(format!("`{{` without `}}` in `{text}`"));
            };
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Value(after[1..end].trim().to_owned()));
            rest = &after[end + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The names it needs.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Value(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The message of every row; `column` finds a column by name. A null reads as `empty`.
    pub fn render(
        &self,
        rows: usize,
        empty: &str,
        column: impl Fn(&str) -> Option<ArrayRef>,
    ) -> Result<StringArray> {
        let texts: Vec<(Option<StringArray>, &str)> = self
            .parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => Ok((None, text.as_str())),
                Part::Value(name) => match column(name) {
                    Some(values) => Ok((Some(display(&values, empty)?), "")),
                    None => Ok((None, empty)),
                },
            })
            .collect::<Result<_>>()?;
        let mut messages = StringBuilder::with_capacity(rows, rows * 64);
        let mut message = String::new();
        for row in 0..rows {
            message.clear();
            for (values, text) in &texts {
                message.push_str(values.as_ref().map_or(text, |v| v.value(row)));
            }
            messages.append_value(&message);
        }
        Ok(messages.finish())
    }
}

/// Every value as a person writes it: no trailing zeros of a quantity, a date for midnight; null as `empty`.
pub fn display(values: &ArrayRef, empty: &str) -> Result<StringArray> {
    let options = FormatOptions::new().with_null(empty).with_timestamp_format(Some("%Y-%m-%d %H:%M:%S"));
    let formatter = ArrayFormatter::try_new(values, &options)?;
    let fraction = matches!(values.data_type(), DataType::Decimal128(_, scale) if *scale > 2);
    let instant = matches!(values.data_type(), DataType::Timestamp(..));
    let mut texts = StringBuilder::with_capacity(values.len(), values.len() * 12);
    let mut text = String::new();
    for row in 0..values.len() {
        text.clear();
        // Writing into a String cannot fail.
        let _ = write!(text, "{}", formatter.value(row));
        let short = if fraction && text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.')
        } else if instant {
            text.strip_suffix(" 00:00:00").unwrap_or(&text)
        } else {
            text.as_str()
        };
        texts.append_value(short);
    }
    Ok(texts.finish())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use arrow::array::{Decimal128Array, TimestampMillisecondArray};
    use std::sync::Arc;

    #[test]
    fn placeholders_are_filled_and_nulls_named() {
        let template = Template::parse("金额 {amount} ≠ {other}元").unwrap();
        assert_eq!(template.names().collect::<Vec<_>>(), ["amount", "other"]);
        let amount: ArrayRef =
            Arc::new(Decimal128Array::from(vec![Some(12345), None]).with_precision_and_scale(18, 2).unwrap());
        let texts = template.render(2, "空", |name| (name == "amount").then(|| Arc::clone(&amount))).unwrap();
        assert_eq!(texts.value(0), "金额 123.45 ≠ 空元");
        assert_eq!(texts.value(1), "金额 空 ≠ 空元");
        assert!(Template::parse("a {b").is_err());
    }

    #[test]
    fn values_read_as_people_write_them() {
        let quantity: ArrayRef =
            Arc::new(Decimal128Array::from(vec![150_000_000]).with_precision_and_scale(24, 8).unwrap());
        assert_eq!(display(&quantity, "").unwrap().value(0), "1.5");
        let at: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![0, 3_600_000]));
        let at = display(&at, "").unwrap();
        assert_eq!((at.value(0), at.value(1)), ("1970-01-01", "1970-01-01 01:00:00"));
    }
}
