//! Canonical rows as the text that stands in a file, column by column, in the layout's notation.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, StringBuilder};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;
use arrow::util::display::FormatOptions;
use assay_datasets::schema::{Column, ColumnType};

use super::layout::{Layout, LayoutColumn, Notation};
use crate::Result;

/// Rows as text, in the order of the layout's columns; null where the file has nothing.
#[derive(Debug, Clone)]
pub(crate) struct TextRows {
    /// One array a column.
    pub columns: Vec<StringArray>,
    /// Rows that are broken as records, by position, in order.
    pub broken: Vec<(usize, Broken)>,
}

/// How a record is broken as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A field too many: an unquoted delimiter.
    Fields,
    /// Bytes of another encoding.
    Encoding,
}

impl TextRows {
    /// Rows.
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, Array::len)
    }

    /// A cell; `None` for an empty one.
    pub fn cell(&self, row: usize, column: usize) -> Option<&str> {
        let array = &self.columns[column];
        array.is_valid(row).then(|| array.value(row))
    }

    /// How a row is broken, if it is.
    pub fn broken(&self, row: usize) -> Option<Broken> {
        let found = self.broken.binary_search_by_key(&row, |(at, _)| *at).ok()?;
        Some(self.broken[found].1)
    }
}

/// The rows of a canonical batch as text.
pub(crate) fn render(layout: &Layout, batch: &RecordBatch) -> Result<TextRows> {
    let mut columns = Vec::with_capacity(layout.columns.len());
    for column in &layout.columns {
        let Some(known) = column.column else { continue };
        columns.push(text(batch.column(batch.schema().index_of(&known.name)?), known, column)?);
    }
    Ok(TextRows { columns, broken: Vec::new() })
}

/// One column as text.
pub(crate) fn text(array: &ArrayRef, column: &Column, layout: &LayoutColumn) -> Result<StringArray> {
    let plain = plain(array, column.ty)?;
    Ok(match layout.notation {
        Notation::Plain => plain,
        Notation::Label => each(&plain, |code, out| {
            let label = column.values.iter().find(|v| v.code == code).map(|v| v.zh.as_str());
            out.push_str(label.unwrap_or(code));
        }),
        Notation::Compact => each(&plain, |day, out| out.extend(day.chars().filter(|c| *c != '-'))),
        Notation::Slash => each(&plain, |day, out| {
            for (i, part) in day.split('-').enumerate() {
                if i > 0 {
                    out.push('/');
                }
                out.push_str(part.trim_start_matches('0'));
            }
        }),
        Notation::Percent => each(&plain, percent),
    })
}

/// Values in the dictionary's own notation: shortest decimals (money with two), ISO dates.
pub(crate) fn plain(array: &ArrayRef, ty: ColumnType) -> Result<StringArray> {
    if let Some(text) = array.as_string_opt::<i32>() {
        return Ok(text.clone());
    }
    let options = CastOptions {
        safe: false,
        format_options: FormatOptions::new().with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f")),
    };
    let text = cast_with_options(array, &DataType::Utf8, &options)?;
    let text = text.as_string::<i32>();
    Ok(match ty {
        ColumnType::Rate | ColumnType::Share | ColumnType::Quantity => {
            each(text, |value, out| out.push_str(shortest(value)))
        }
        _ => text.clone(),
    })
}

/// A decimal without zeros at its end.
fn shortest(value: &str) -> &str {
    if value.contains('.') { value.trim_end_matches('0').trim_end_matches('.') } else { value }
}

/// `0.13` → `13%`: the point moves two places.
fn percent(fraction: &str, out: &mut String) {
    let (sign, digits) = fraction.strip_prefix('-').map_or(("", fraction), |rest| ("-", rest));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let mut moved = format!("{whole}{decimals:0<2}");
    moved.insert(whole.len() + 2, '.');
    let moved = moved.trim_end_matches('.').trim_start_matches('0');
    out.push_str(sign);
    if moved.is_empty() || moved.starts_with('.') {
        out.push('0');
    }
    out.push_str(moved);
    out.push('%');
}

fn each(values: &StringArray, mut write: impl FnMut(&str, &mut String)) -> StringArray {
    let mut out = StringBuilder::with_capacity(values.len(), values.value_data().len());
    let mut buffer = String::new();
    for value in values {
        match value {
            None => out.append_null(),
            Some(value) => {
                buffer.clear();
                write(value, &mut buffer);
                out.append_value(&buffer);
            }
        }
    }
    out.finish()
}

/// A text column as the canonical type it was rendered from, for formats that keep types.
pub(crate) fn typed(text: &StringArray, column: &Column) -> Result<ArrayRef> {
    let source: ArrayRef = Arc::new(text.clone());
    let options = CastOptions { safe: false, ..CastOptions::default() };
    Ok(cast_with_options(&source, &column.ty.arrow_type(), &options)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents() {
        for (fraction, want) in [
            ("0.13", "13%"),
            ("0", "0%"),
            ("0.005", "0.5%"),
            ("1", "100%"),
            ("0.0625", "6.25%"),
            ("-0.1", "-10%"),
        ] {
            let mut out = String::new();
            percent(fraction, &mut out);
            assert_eq!(out, want, "{fraction}");
        }
        assert_eq!(shortest("12.50000000"), "12.5");
        assert_eq!(shortest("1200.00000000"), "1200");
        assert_eq!(shortest("1200"), "1200");
    }
}
