//! Which rows of a batch fail, and at what first.

use std::collections::BTreeMap;

/// Rows that fail, each with its first failing column (or row rule, numbered after the columns).
#[derive(Default)]
pub(super) struct Failures {
    /// By row of the batch.
    pub rows: BTreeMap<usize, Failure>,
}

/// What is wrong with a row.
pub(super) struct Failure {
    /// Column and rule found first.
    pub first: (usize, &'static str),
    columns: Vec<usize>,
}

impl Failure {
    /// Bad columns beside the first.
    pub(super) fn more(&self) -> usize {
        self.columns.len() - 1
    }
}

impl Failures {
    pub(super) fn add(&mut self, row: usize, column: usize, rule: &'static str) {
        let found =
            self.rows.entry(row).or_insert_with(|| Failure { first: (column, rule), columns: Vec::new() });
        // An unreadable value is null and so also missing: one fault, not two.
        if !found.columns.contains(&column) {
            found.columns.push(column);
        }
    }
}
