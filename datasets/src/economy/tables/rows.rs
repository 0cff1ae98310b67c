//! Writing rows of a canonical table, value by value in the order of its columns. The types come from the canonical
//! schema, so a table that gains a column fails its tests here instead of shifting values.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Int32Builder, Int64Builder, RecordBatch,
    StringBuilder,
};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;

use crate::economy::EconomyError;
use crate::schema::{Table, catalog};

/// Rows of a batch. A batch of the widest table then takes about 60 MB.
const BATCH_ROWS: usize = 131_072;

/// Units of a `quantity` (decimal(24,8)) in one.
pub(super) const E8: i64 = 100_000_000;

/// One column being written.
enum Column {
    Text(StringBuilder),
    Int(Int32Builder),
    Count(Int64Builder),
    Flag(BooleanBuilder),
    Date(Date32Builder),
    Decimal(Decimal128Builder),
}

impl Column {
    fn new(ty: &DataType) -> Result<Self, ArrowError> {
        Ok(match ty {
            DataType::Utf8 => Self::Text(StringBuilder::new()),
            DataType::Int32 => Self::Int(Int32Builder::new()),
            DataType::Int64 => Self::Count(Int64Builder::new()),
            DataType::Boolean => Self::Flag(BooleanBuilder::new()),
            DataType::Date32 => Self::Date(Date32Builder::new()),
            DataType::Decimal128(_, _) => Self::Decimal(Decimal128Builder::new().with_data_type(ty.clone())),
            other => {
                return Err(ArrowError::SchemaError(format!("no derived table has a column of {other}")));
            }
        })
    }

    fn append_null(&mut self) {
        match self {
            Self::Text(builder) => builder.append_null(),
            Self::Int(builder) => builder.append_null(),
            Self::Count(builder) => builder.append_null(),
            Self::Flag(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Decimal(builder) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Int(builder) => Arc::new(builder.finish()),
            Self::Count(builder) => Arc::new(builder.finish()),
            Self::Flag(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Rows of one table being written: give each row its values from the first column to the last, then call
/// [`end`](Self::end). A value of the wrong type, or too few of them, is reported by [`finish`](Self::finish).
pub(super) struct Rows {
    schema: SchemaRef,
    columns: Vec<Column>,
    at: usize,
    rows: usize,
    fault: Option<String>,
    done: Vec<RecordBatch>,
}

impl Rows {
    /// Rows of the canonical table of this name.
    pub(super) fn of(table: &str) -> Result<Self, EconomyError> {
        let found = catalog().table(table).map(Table::canonical_schema);
        let schema = found.ok_or_else(|| EconomyError::Table(table.to_owned()))?;
        let columns = schema.fields().iter().map(|field| Column::new(field.data_type()));
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(Self { schema, columns, at: 0, rows: 0, fault: None, done: Vec::new() })
    }

    fn mistake(&mut self, what: &str) {
        let column = self.schema.fields().get(self.at).map_or("(past the last)", |field| field.name());
        self.fault.get_or_insert_with(|| format!("{what} given for column `{column}`"));
    }

    /// A text.
    pub(super) fn text(&mut self, value: &str) -> &mut Self {
        match self.columns.get_mut(self.at) {
            Some(Column::Text(builder)) => builder.append_value(value),
            _ => self.mistake("a text"),
        }
        self.at += 1;
        self
    }

    /// A 32-bit integer, or a month YYYYMM.
    pub(super) fn int(&mut self, value: i32) -> &mut Self {
        match self.columns.get_mut(self.at) {
            Some(Column::Int(builder)) => builder.append_value(value),
            _ => self.mistake("an integer"),
        }
        self.at += 1;
        self
    }

    /// A 64-bit count.
    pub(super) fn count(&mut self, value: i64) -> &mut Self {
        match self.columns.get_mut(self.at) {
            Some(Column::Count(builder)) => builder.append_value(value),
            _ => self.mistake("a count"),
        }
        self.at += 1;
        self
    }

    /// True or false.
    pub(super) fn flag(&mut self, value: bool) -> &mut Self {
        match self.columns.get_mut(self.at) {
            Some(Column::Flag(builder)) => builder.append_value(value),
            _ => self.mistake("a flag"),
        }
        self.at += 1;
        self
    }

    /// A day, days since 1970.
    pub(super) fn date(&mut self, day: i32) -> &mut Self {
        match self.columns.get_mut(self.at) {
            Some(Column::Date(builder)) => builder.append_value(day),
            _ => self.mistake("a day"),
        }
        self.at += 1;
        self
    }

    /// A decimal in units of its last place: cents of money, basis points of a rate, [`E8`]ths of a quantity,
    /// millionths of a share.
    pub(super) fn units(&mut self, value: i64) -> &mut Self {
        match self.columns.get_mut(self.at) {
            Some(Column::Decimal(builder)) => builder.append_value(i128::from(value)),
            _ => self.mistake("a decimal"),
        }
        self.at += 1;
        self
    }

    /// Several decimals, each for a column of its own.
    pub(super) fn all_units<const N: usize>(&mut self, values: [i64; N]) -> &mut Self {
        for value in values {
            self.units(value);
        }
        self
    }

    /// A whole quantity (decimal(24,8)).
    pub(super) fn whole(&mut self, value: i64) -> &mut Self {
        match self.columns.get_mut(self.at) {
            Some(Column::Decimal(builder)) => builder.append_value(i128::from(value) * i128::from(E8)),
            _ => self.mistake("a quantity"),
        }
        self.at += 1;
        self
    }

    /// Nothing is known, for `count` columns.
    pub(super) fn nulls(&mut self, count: usize) -> &mut Self {
        for _ in 0..count {
            match self.columns.get_mut(self.at) {
                Some(column) => column.append_null(),
                None => self.mistake("a null"),
            }
            self.at += 1;
        }
        self
    }

    /// The row is complete.
    pub(super) fn end(&mut self) {
        if self.at != self.columns.len() {
            self.mistake("the end of the row");
        }
        self.at = 0;
        self.rows += 1;
        if self.rows == BATCH_ROWS {
            self.close();
        }
    }

    fn close(&mut self) {
        if self.rows == 0 || self.fault.is_some() {
            return;
        }
        let columns = self.columns.iter_mut().map(Column::finish).collect();
        match RecordBatch::try_new(Arc::clone(&self.schema), columns) {
            Ok(batch) => self.done.push(batch),
            Err(error) => self.fault = Some(error.to_string()),
        }
        self.rows = 0;
    }

    /// The batches; none when there were no rows.
    pub(super) fn finish(mut self) -> Result<Vec<RecordBatch>, EconomyError> {
        self.close();
        match self.fault {
            Some(fault) => Err(ArrowError::SchemaError(fault).into()),
            None => Ok(self.done),
        }
    }
}

/// Overwrites `text` with `prefix` and `value` in decimal, zero-padded to `width` digits; higher digits are cut.
pub(super) fn numbered(text: &mut String, prefix: &str, value: u64, width: usize) {
    text.clear();
    text.push_str(prefix);
    push_digits(text, value, width);
}

/// Appends `value` in decimal, zero-padded to `width` digits (at most 20); higher digits are cut.
pub(super) fn push_digits(text: &mut String, value: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let from = digits.len().saturating_sub(width);
    let mut rest = value;
    for digit in digits[from..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text.extend(digits[from..].iter().map(|digit| char::from(*digit)));
}

/// Appends `value` as 16 hexadecimal digits.
pub(super) fn push_hex(text: &mut String, value: u64) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = (0..16).rev().map(|place| DIGITS[(value >> (4 * place)) as usize & 15]);
    text.extend(nibbles.map(char::from));
}

/// `total` cut into `parts` with these weights; the parts add up to it exactly. No part where the weights are empty.
pub(super) fn cut(total: i64, weights: &[f64], parts: &mut Vec<i64>) {
    parts.clear();
    let sum: f64 = weights.iter().sum();
    let mut rest = total;
    for (index, weight) in weights.iter().enumerate() {
        let last = index + 1 == weights.len();
        let part = if last || sum <= 0.0 { rest } else { (total as f64 * weight / sum) as i64 };
        let part = if last { rest } else { part.clamp(total.min(0), total.max(0)) };
        parts.push(part);
        rest -= part;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn wrong_values_are_reported_with_their_column() {
        let mut rows = Rows::of("workday").unwrap();
        rows.date(20_000).text("yes").end();
        let message = rows.finish().unwrap_err().to_string();
        assert!(message.contains("a text given for column `is_workday`"), "{message}");
        let mut rows = Rows::of("workday").unwrap();
        rows.date(20_000).end();
        let message = rows.finish().unwrap_err().to_string();
        assert!(message.contains("the end of the row given for column `is_workday`"), "{message}");
    }

    #[test]
    fn digits_are_padded_and_cut() {
        let mut text = String::new();
        numbered(&mut text, "E", 42, 5);
        assert_eq!(text, "E00042");
        numbered(&mut text, "", 1_234_567, 3);
        assert_eq!(text, "567");
        text.clear();
        push_hex(&mut text, 0x0123_4567_89ab_cdef);
        assert_eq!(text, "0123456789abcdef");
    }

    #[test]
    fn cuts_add_up() {
        let mut parts = Vec::new();
        cut(1_000_001, &[0.2, 0.3, 0.5], &mut parts);
        assert_eq!(parts, [200_000, 300_000, 500_001]);
        cut(-7, &[1.0, 1.0], &mut parts);
        assert_eq!(parts.iter().sum::<i64>(), -7);
        cut(7, &[], &mut parts);
        assert!(parts.is_empty());
    }
}
