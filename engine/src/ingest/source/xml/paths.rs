//! The paths a feed asks for, and where their values go.

use std::collections::HashMap;

use super::super::shape::Shape;
use super::super::{FILE_COLUMN, ROW_COLUMN};

/// Where a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// A column of the whole document.
    Whole(usize),
    /// A column of the record.
    Record(usize),
}

/// The paths a feed asks for, below the document element and joined by `/`.
pub(super) struct Paths {
    /// Name of the document element.
    pub root: String,
    /// Path of the record below it; empty when the document is the record.
    pub record: String,
    pub columns: Vec<String>,
    pub targets: HashMap<String, Target>,
    ignore: Vec<String>,
}

impl Paths {
    pub fn new(record: &str, shape: &Shape) -> Self {
        let (root, record) = record.split_once('/').unwrap_or((record, ""));
        let own = |n: &&String| *n != FILE_COLUMN && *n != ROW_COLUMN && !shape.ignore.contains(n);
        let columns: Vec<String> = shape.wanted.names().iter().filter(own).cloned().collect();
        let mut targets = HashMap::new();
        for (i, column) in columns.iter().enumerate() {
            match column.strip_prefix('/') {
                Some(path) => targets.insert(path.to_owned(), Target::Whole(i)),
                None if record.is_empty() => targets.insert(column.clone(), Target::Record(i)),
                None => targets.insert(format!("{record}/{column}"), Target::Record(i)),
            };
        }
        let ignore = shape.ignore.iter().map(|p| p.trim_start_matches('/').to_owned()).collect();
        Self { root: root.to_owned(), record: record.to_owned(), columns, targets, ignore }
    }

    pub fn ignored(&self, path: &str) -> bool {
        let below =
            |p: &String| path.strip_prefix(p.as_str()).is_some_and(|r| r.is_empty() || r.starts_with('/'));
        self.ignore.iter().any(below)
    }
}
