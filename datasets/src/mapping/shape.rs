//! Feed keys that say how a file is cut into records, where its name and content do not say it all: formats, layouts
//! of fixed-width text, headers that stand in no file, trailers with a count. Only describes; `engine` reads.

use serde::Deserialize;

use super::Feed;

/// A file format a feed can insist on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// Delimited text.
    Csv,
    /// JSON lines, an array of objects, or a document that holds one.
    Json,
    /// Text whose fields stand at fixed places of a line.
    Fixed,
    /// dBASE, FoxPro and their kin.
    Dbf,
    /// Any workbook.
    Xlsx,
    /// Parquet.
    Parquet,
    /// One document a record.
    Xml,
}

/// One field of a fixed-width line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayoutField {
    /// Source column name.
    pub name: String,
    /// Place of its first byte or character, from 1.
    pub start: usize,
    /// Bytes or characters.
    pub width: usize,
}

/// What a layout counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayoutUnit {
    /// Bytes of the file as it lies there: a Chinese character is two in GBK, three in UTF-8.
    #[default]
    Bytes,
    /// Characters.
    Chars,
}

/// Where the last line of a file states how many records it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trailer {
    /// Delimited text: which field, from 1.
    pub field: Option<usize>,
    /// Fixed width: place of the first byte or character, from 1.
    pub start: Option<usize>,
    /// Fixed width: bytes or characters.
    pub width: Option<usize>,
}

/// What is wrong with a feed's shape, each with a remedy.
pub(super) fn problems(feed: &Feed) -> Vec<String> {
    let mut found = Vec::new();
    let fixed = feed.format == Some(FileFormat::Fixed);
    if fixed && feed.layout.is_empty() {
        found.push("format fixed needs layout = [{ name, start, width }, …]".to_owned());
    }
    if !feed.layout.is_empty() && feed.format.is_some() && !fixed {
        found.push("a layout is for format fixed; remove one of them".to_owned());
    }
    layout_problems(&feed.layout, &mut found);
    for (i, name) in feed.header.iter().enumerate() {
        if feed.header[..i].contains(name) {
            found.push(format!("header names {name} twice; rename one"));
        }
    }
    if let Some(quote) = feed.quote.as_ref().filter(|q| q.len() > 1) {
        found.push(format!("quote {quote} is not one ASCII character (or \"\" for none)"));
    }
    if let Some(escape) = feed.escape.as_ref().filter(|e| e.len() != 1) {
        found.push(format!("escape {escape} is not one ASCII character"));
    }
    if let Some(trailer) = &feed.trailer {
        let place = match (trailer.field, trailer.start, trailer.width) {
            (Some(field), None, None) => field > 0 && feed.layout.is_empty(),
            (None, Some(start), Some(width)) => start > 0 && width > 0 && !feed.layout.is_empty(),
            _ => false,
        };
        if !place {
            found.push(
                "trailer: give field = N for delimited text, or start and width for a layout, from 1"
                    .to_owned(),
            );
        }
        if feed.skip_last == 0 {
            found.push("trailer: the line it stands in is no record; add skip_last = 1".to_owned());
        }
    }
    if feed.records.as_ref().is_some_and(|path| path.split('.').any(str::is_empty)) {
        found.push("records is a path of keys like data.list".to_owned());
    }
    record_problems(feed, &mut found);
    found
}

/// What is wrong with the keys that change the shape of a file's records.
fn record_problems(feed: &Feed, found: &mut Vec<String>) {
    if feed.total_differs.as_deref().is_some_and(|t| !["warn", "refuse"].contains(&t)) {
        found.push("total_differs is warn or refuse".to_owned());
    }
    if feed.number.as_ref().is_some_and(|n| n.within.is_empty()) {
        found.push("number: name at least one column in within".to_owned());
    }
    if feed.unpivot.as_ref().is_some_and(|u| u.flag.is_none() && !u.personal.is_empty()) {
        found.push("unpivot: personal needs a flag, the column that tells personal values".to_owned());
    }
    if feed.record.as_deref().is_some_and(|r| r.split('/').any(str::is_empty)) {
        found.push("record is a path of element names, like EInvoice/EInvoiceData".to_owned());
    }
}

fn layout_problems(layout: &[LayoutField], found: &mut Vec<String>) {
    let mut by_place: Vec<&LayoutField> = layout.iter().collect();
    by_place.sort_by_key(|f| f.start);
    for field in layout {
        if field.start == 0 || field.width == 0 {
            found.push(format!("layout field {}: start and width count from 1", field.name));
        }
        if layout.iter().filter(|f| f.name == field.name).count() > 1 {
            found.push(format!("layout names {} twice; rename one", field.name));
        }
    }
    for pair in by_place.windows(2) {
        if pair[0].start + pair[0].width > pair[1].start {
            found.push(format!(
                "layout fields {} ({}–{}) and {} (from {}) overlap; correct start or width",
                pair[0].name,
                pair[0].start,
                pair[0].start + pair[0].width - 1,
                pair[1].name,
                pair[1].start
            ));
        }
    }
}
