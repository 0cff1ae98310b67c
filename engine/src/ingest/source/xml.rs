//! XML documents: one record for each element of a given path, its columns the texts of elements below it or below
//! the document element. Documents come alone, or many in a folder or archive.
//!
//! A document is read once, event by event; what is kept of it are the values asked for, until its end, as parts of
//! the whole (an invoice's number) may follow the records (its lines). A document that cannot be read to its end is
//! one bad record with its name. Elements nobody asked for are counted and named once; entities of a document's own
//! are not resolved.

use std::collections::BTreeMap;

use self::document::{Broken, Document};
use self::paths::Paths;
use self::rows::Rows;
use super::bundle::parts;
use super::shape::{Shape, Skipped};
use super::{FILE_COLUMN, Member, ROW_COLUMN, RecordSink};
use crate::Result;

mod discover;
mod document;
mod encoding;
mod paths;
mod rows;
#[cfg(test)]
mod tests;

pub use discover::discover;

/// Elements inside one another; real documents have a handful.
const DEPTH: usize = 64;
/// Unknown elements named in the message about them.
const NAMED: usize = 10;

/// Reads all documents of `member`; `record` is the path of the element that is one record.
pub(super) fn read(member: &Member, record: &str, shape: &Shape, sink: &mut dyn RecordSink) -> Result<()> {
    let paths = Paths::new(record, shape);
    let mut header: Vec<String> = paths.columns.clone();
    header.extend([FILE_COLUMN.to_owned(), ROW_COLUMN.to_owned()]);
    sink.header(&header)?;
    let mut rows = Rows::new(paths.columns.len(), sink);
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    for (number, part) in parts(member)?.iter().enumerate() {
        let number = i64::try_from(number + 1).unwrap_or(i64::MAX);
        if !is_document(&part.member.name) && !is_document(&part.name) {
            rows.sink.skipped(other_file(number, &part.name))?;
            continue;
        }
        let mut document = Document::new(&paths, &part.name);
        let outcome = document.read(part, &mut rows);
        for (path, n) in std::mem::take(&mut document.unknown) {
            *unknown.entry(path).or_default() += n;
        }
        match outcome {
            Ok(0) => rows.bad(&part.name, "xml", format!("no element {record}"))?,
            Ok(_) => {}
            Err(Broken::Engine(error)) => return Err(error),
            Err(Broken::Document(rule, reason)) => rows.bad(&part.name, rule, reason)?,
        }
    }
    report(member, &unknown);
    rows.emit()
}

fn is_document(name: &str) -> bool {
    name.to_lowercase().ends_with(".xml")
}

fn other_file(number: i64, name: &str) -> Skipped {
    let zh = format!("{name}不是XML文件");
    Skipped::new(number, "other_file", zh, format!("{name} is no XML file"))
}

fn report(member: &Member, unknown: &BTreeMap<String, usize>) {
    if unknown.is_empty() {
        return;
    }
    let named: Vec<String> = unknown.iter().take(NAMED).map(|(path, n)| format!("{path} ({n})")).collect();
    let more =
        if unknown.len() > NAMED { format!(" and {} more", unknown.len() - NAMED) } else { String::new() };
    tracing::warn!("{}: elements not mapped and left out: {}{more}", member.display(), named.join(", "));
}
