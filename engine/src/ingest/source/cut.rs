//! How a file is cut into records, as a feed states it, in the form readers use; and what kind of file one is.

use std::collections::BTreeSet;
use std::io::Read;

use assay_datasets::mapping::{Feed, FileFormat, LayoutField, LayoutUnit, Trailer};
use assay_datasets::schema::Table;

use super::Member;
use super::shape::sql_names;
use crate::{EngineError, Result};

/// What a feed says about its files beside encoding, delimiter and sheet.
#[derive(Debug, Clone, Default)]
pub struct Cut {
    /// Stated format.
    pub format: Option<FileFormat>,
    /// JSON: keys that lead to the array of records.
    pub records: Vec<String>,
    /// Fixed width: fields.
    pub layout: Vec<LayoutField>,
    /// Fixed width: what the layout counts.
    pub unit: LayoutUnit,
    /// Lines before the header or first record.
    pub skip_first: usize,
    /// Lines at the end that are no records.
    pub skip_last: usize,
    /// Where the last line states the number of records.
    pub trailer: Option<Trailer>,
    /// Column names the file does not state.
    pub header: Vec<String>,
    /// Quotation mark: not stated, stated as none, or a character.
    pub quote: Option<Option<u8>>,
    /// Escape character.
    pub escape: Option<u8>,
    /// Names a column that may be missing goes by, one list a canonical column: sources whose records need not have
    /// every column offer these even where the first records lack them.
    pub optional: Vec<Vec<String>>,
    /// Every source column the feed names.
    pub named: BTreeSet<String>,
}

impl Cut {
    /// How a feed's files are cut.
    pub fn of(feed: &Feed, table: &Table) -> Self {
        let (mut optional, mut named) = (Vec::new(), BTreeSet::new());
        for (name, source) in &feed.columns {
            let transform = source.get_ref().transform();
            let mut names: Vec<String> = transform.names().into_iter().map(str::to_owned).collect();
            let direct = !names.is_empty();
            names.extend(transform.sql.as_deref().map(sql_names).unwrap_or_default());
            named.extend(names.iter().cloned());
            if !table.column(name).is_some_and(|c| c.required) {
                if direct {
                    optional.push(names);
                } else {
                    optional.extend(names.into_iter().map(|n| vec![n]));
                }
            }
        }
        let byte = |text: &String| text.bytes().next();
        Self {
            format: feed.format,
            records: feed.records.iter().flat_map(|p| p.split('.')).map(str::to_owned).collect(),
            layout: feed.layout.clone(),
            unit: feed.layout_unit,
            skip_first: feed.skip_first,
            skip_last: feed.skip_last,
            trailer: feed.trailer,
            header: feed.header.clone(),
            quote: feed.quote.as_ref().map(byte),
            escape: feed.escape.as_ref().and_then(byte),
            optional,
            named,
        }
    }

    /// The format of `member`: as stated, by its layout, or by content where its name says nothing.
    pub(super) fn format_of(&self, member: &Member, by_name: Option<FileFormat>) -> Result<FileFormat> {
        if let Some(stated) = self.format {
            return Ok(stated);
        }
        if !self.layout.is_empty() {
            return Ok(FileFormat::Fixed);
        }
        if let Some(known) = by_name.or_else(|| by_ending(&member.name)) {
            return Ok(known);
        }
        let mut head = Vec::with_capacity(1024);
        member.open()?.take(1024).read_to_end(&mut head).map_err(|e| member.broken(&e))?;
        Ok(by_content(&head))
    }

    /// Compares the number of records read with what the trailer states.
    pub(super) fn verify(&self, shown: &str, stated: &str, read: i64) -> Result<()> {
        match stated.trim().parse::<i64>() {
            Ok(n) if n == read => Ok(()),
            Ok(n) => Err(EngineError::input(format!(
                "{shown}: its last line states {n} records, but there are {read}; the file is incomplete, ask for it again"
            ))),
            Err(_) => Err(EngineError::input(format!(
                "{shown}: its last line states no number of records ({}); the file is truncated, or trailer in the mapping is wrong",
                stated.trim()
            ))),
        }
    }
}

/// Endings that tell the format of what is neither workbook nor Parquet nor XML.
fn by_ending(name: &str) -> Option<FileFormat> {
    let lower = name.to_lowercase();
    let is = |endings: &[&str]| endings.iter().any(|e| lower.ends_with(e));
    if is(&[".json", ".jsonl", ".ndjson"]) {
        Some(FileFormat::Json)
    } else if is(&[".dbf"]) {
        Some(FileFormat::Dbf)
    } else if is(&[".csv", ".tsv"]) {
        Some(FileFormat::Csv)
    } else {
        None
    }
}

/// What the first bytes of a file with no telling name look like.
fn by_content(head: &[u8]) -> FileFormat {
    if head.starts_with(b"PAR1") {
        return FileFormat::Parquet;
    }
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let mut signs = text.chars().filter(|c| !c.is_whitespace());
    match (signs.next(), signs.next()) {
        (Some('{'), Some('"' | '}') | None) | (Some('['), Some('{' | ']') | None) => FileFormat::Json,
        _ => FileFormat::Csv,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_tell() {
        for (head, format) in [
            ("\u{feff} [\n {\"a\":1}", FileFormat::Json),
            ("{\"a\":1}\n", FileFormat::Json),
            ("{a},b\n", FileFormat::Csv),
            ("a,b\n", FileFormat::Csv),
            ("PAR1xx", FileFormat::Parquet),
        ] {
            assert_eq!(by_content(head.as_bytes()), format, "{head}");
        }
    }
}
