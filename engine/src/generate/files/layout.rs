//! What a file of a table looks like: its format, its name, and its columns with their headers and notation.
//!
//! A layout describes; rendering and writing follow it, and the mapping that reads the file back is made from it.

use std::collections::{BTreeMap, HashSet};

use assay_datasets::schema::{Column, ColumnType, Table, catalog};
use serde::Deserialize;

use super::{FileOptions, Format, Headers, TextEncoding};
use crate::{EngineError, Result};

/// What the departments send, table by table.
const DEPARTMENTS: &str = include_str!("departments.toml");
/// DBF allows so many bytes of a field's name.
const DBF_NAME: usize = 10;

/// How the values of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Notation {
    /// As the dictionary has them.
    #[default]
    Plain,
    /// Enum codes by their Chinese names.
    Label,
    /// Dates as `20250131`.
    Compact,
    /// Dates as `2025/1/31`.
    Slash,
    /// Rates as `13%`.
    Percent,
}

/// One column of a file.
#[derive(Debug, Clone)]
pub(crate) struct LayoutColumn {
    /// Its header.
    pub name: String,
    /// The canonical column its values come from; `None` where the file has something the dictionary has not.
    pub column: Option<&'static Column>,
    /// How values are written.
    pub notation: Notation,
    /// Bytes of a fixed-width or DBF field.
    pub width: usize,
    /// The mapping makes the canonical value by an expression, so that repairs do not see the cell itself.
    pub derived: bool,
    /// The cell has a type of its own (a DBF number, a Parquet column), so that no other text can stand in it.
    pub typed: bool,
}

/// A kind of file.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The table.
    pub table: &'static Table,
    /// Feed of the mapping that reads it.
    pub feed: String,
    /// Format.
    pub format: Format,
    /// Encoding of text.
    pub encoding: TextEncoding,
    /// File name without ending; a month's file has the month appended.
    pub stem: String,
    /// Columns in the file's order.
    pub columns: Vec<LayoutColumn>,
}

impl Layout {
    /// The layout of a document with headers of its own: each with the canonical column it shows, if any. Of `derived`
    /// columns the mapping makes the canonical values by expressions.
    pub(super) fn of_document(
        (table, feed): (&str, &str),
        (format, stem): (Format, &str),
        headers: &[(&str, Option<&str>)],
        derived: &[&str],
    ) -> Result<Self> {
        let table =
            catalog().table(table).ok_or_else(|| EngineError::internal(format!("no table {table}")))?;
        let columns = headers
            .iter()
            .map(|(header, name)| LayoutColumn {
                name: (*header).to_owned(),
                column: name.and_then(|name| table.column(name)),
                notation: Notation::Plain,
                width: 0,
                derived: name.is_some_and(|name| derived.contains(&name)),
                typed: false,
            })
            .collect();
        let (feed, stem) = (feed.to_owned(), stem.to_owned());
        Ok(Self { table, feed, format, encoding: TextEncoding::Utf8, stem, columns })
    }

    /// Name of the file of a month, or of the only one.
    pub fn file_name(&self, period: Option<i32>) -> String {
        let ending = self.format.ending();
        match period {
            Some(period) => format!("{}_{period}.{ending}", self.stem),
            None => format!("{}.{ending}", self.stem),
        }
    }

    /// Place of a canonical column in the file.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.column.is_some_and(|known| known.name == column))
    }

    /// Whether files need no mapping: text or Parquet with the dictionary's own names and notation.
    pub fn is_canonical(&self) -> bool {
        matches!(self.format, Format::Csv | Format::Parquet)
            && self
                .columns
                .iter()
                .all(|c| c.notation == Notation::Plain && c.column.is_some_and(|known| known.name == c.name))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Departments {
    feed: Vec<Sent>,
}

/// How one table is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    table: String,
    /// Who sends it, for the reader of the file.
    from: String,
    format: Format,
    stem: String,
    #[serde(default)]
    encoding: TextEncoding,
    /// Headers: the dictionary's names, or its Chinese ones.
    #[serde(default)]
    headers: Headers,
    /// Headers of single columns, by canonical name.
    #[serde(default)]
    columns: BTreeMap<String, String>,
    /// Dates: `2025-01-31` unless said otherwise.
    #[serde(default)]
    dates: Dates,
    /// Enum columns show Chinese names instead of codes.
    #[serde(default)]
    labels: bool,
    /// Rates as percents.
    #[serde(default)]
    percent: bool,
}

#[derive(Debug, Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Dates {
    #[default]
    Iso,
    Compact,
    Slash,
}

/// The layout of every table as the departments send it, in the order of the definition.
pub(crate) fn departments() -> Result<Vec<Layout>> {
    let read: Departments = toml::from_str(DEPARTMENTS)
        .map_err(|e| EngineError::internal(format!("departments.toml: {}", e.message())))?;
    read.feed.iter().map(sent).collect()
}

/// Every table in one format.
pub(crate) fn single(format: Format, options: &FileOptions) -> Vec<Layout> {
    let tables = catalog().tables().iter();
    tables.map(|table| one(table, format, options.headers, options.encoding)).collect()
}

fn one(table: &'static Table, format: Format, headers: Headers, encoding: TextEncoding) -> Layout {
    let sent = Sent {
        table: table.name.clone(),
        from: String::new(),
        format,
        stem: table.name.clone(),
        encoding,
        headers,
        columns: BTreeMap::new(),
        dates: Dates::Iso,
        labels: headers == Headers::Chinese,
        percent: false,
    };
    layout(table, &sent)
}

fn sent(sent: &Sent) -> Result<Layout> {
    let unknown = |what: &str| {
        EngineError::internal(format!("departments.toml, {} from {}: no {what}", sent.table, sent.from))
    };
    let table = catalog().table(&sent.table).ok_or_else(|| unknown("such table"))?;
    for name in sent.columns.keys() {
        if table.column(name).is_none() {
            return Err(unknown(&format!("column {name}")));
        }
    }
    Ok(layout(table, sent))
}

fn layout(table: &'static Table, sent: &Sent) -> Layout {
    let mut taken = HashSet::new();
    let columns = table.columns.iter().map(|column| layout_column(column, sent, &mut taken)).collect();
    Layout {
        table,
        feed: format!("{}.{}", sent.format.name(), table.name),
        format: sent.format,
        encoding: sent.encoding,
        stem: sent.stem.clone(),
        columns,
    }
}

fn layout_column(column: &'static Column, sent: &Sent, taken: &mut HashSet<String>) -> LayoutColumn {
    let header = match (sent.columns.get(&column.name), sent.headers) {
        (Some(name), _) => name.clone(),
        (None, Headers::Chinese) => column.zh.clone(),
        (None, Headers::Canonical) => column.name.clone(),
    };
    let header = if sent.format == Format::Dbf { dbf_name(&header, taken) } else { header };
    // Two columns of one table may share a Chinese name; a file cannot.
    let name = if taken.insert(header.clone()) { header } else { column.name.clone() };
    let notation = match column.ty {
        ColumnType::Enum if sent.labels => Notation::Label,
        ColumnType::Date if sent.dates == Dates::Compact => Notation::Compact,
        ColumnType::Date if sent.dates == Dates::Slash => Notation::Slash,
        ColumnType::Rate if sent.percent => Notation::Percent,
        _ => Notation::Plain,
    };
    let typed = match sent.format {
        Format::Parquet => !matches!(column.ty, ColumnType::Text | ColumnType::Enum),
        Format::Dbf => dbf_typed(column.ty),
        _ => false,
    };
    LayoutColumn { name, column: Some(column), notation, width: width(column), derived: false, typed }
}

/// Whether a DBF field holds the column's values in a type of its own. Months and exact quantities are characters.
pub(crate) fn dbf_typed(ty: ColumnType) -> bool {
    matches!(
        ty,
        ColumnType::Money
            | ColumnType::Int
            | ColumnType::Count
            | ColumnType::Rate
            | ColumnType::Share
            | ColumnType::Date
            | ColumnType::Bool
    )
}

/// A name DBF takes: capitals, at most ten bytes, given out once.
fn dbf_name(name: &str, taken: &mut HashSet<String>) -> String {
    let upper = name.to_uppercase();
    let mut short = cut(&upper, DBF_NAME);
    let mut number = 1;
    while taken.contains(&short) {
        number += 1;
        let suffix = number.to_string();
        short = format!("{}{suffix}", cut(&upper, DBF_NAME - suffix.len()));
    }
    short
}

/// The longest beginning of `text` that GBK holds in `bytes` bytes.
fn cut(text: &str, bytes: usize) -> String {
    let mut left = bytes;
    let fits = |c: &char| {
        let size = if c.is_ascii() { 1 } else { 2 };
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    };
    text.chars().take_while(fits).collect()
}

/// Bytes a value of the column needs, with room to spare: some characters may be written full-width.
fn width(column: &Column) -> usize {
    match column.ty {
        ColumnType::Text => text_width(&column.name),
        // The longest Chinese name of a code (three bytes a character in UTF-8), or the longest code.
        ColumnType::Enum => {
            let labels = column.values.iter().map(|v| v.code.len().max(v.zh.len()));
            labels.max().unwrap_or(0).max(24)
        }
        ColumnType::Int | ColumnType::Rate | ColumnType::Share => 20,
        ColumnType::Period => 12,
        ColumnType::Count | ColumnType::Money => 28,
        ColumnType::Quantity => 34,
        ColumnType::Bool => 5,
        ColumnType::Date => 16,
        ColumnType::Timestamp => 30,
    }
}

fn text_width(name: &str) -> usize {
    let is = |parts: &[&str]| parts.iter().any(|p| name.contains(p));
    if is(&["address", "before", "after", "remark", "reason", "evidence", "spec"]) {
        250
    } else if is(&["name", "holder", "issuer", "agent"]) && !name.ends_with("_id") {
        160
    } else if is(&["hash", "item", "source", "method", "certificate", "case_no"]) {
        80
    } else {
        48
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn departments_send_every_table_at_most_once() {
        let layouts = departments().unwrap();
        let mut seen = HashSet::new();
        for layout in &layouts {
            assert!(seen.insert(&layout.table.name), "{} twice", layout.table.name);
        }
        assert!(seen.len() >= 38, "{}", seen.len());
    }

    #[test]
    fn headers_are_unique_and_short_enough() {
        let options = FileOptions::default();
        let formats = [Format::Csv, Format::Dbf, Format::Fixed, Format::JsonLines];
        let all = formats.into_iter().flat_map(|format| {
            [Headers::Canonical, Headers::Chinese]
                .into_iter()
                .flat_map(move |headers| single(format, &FileOptions { headers, ..FileOptions::default() }))
        });
        for layout in all.chain(departments().unwrap()).chain(single(Format::Hive, &options)) {
            let mut seen = HashSet::new();
            for column in &layout.columns {
                assert!(seen.insert(&column.name), "{}: {} twice", layout.table.name, column.name);
                let (bytes, _, _) = encoding_rs::GBK.encode(&column.name);
                assert!(layout.format != Format::Dbf || bytes.len() <= DBF_NAME, "{}", column.name);
            }
        }
    }
}
