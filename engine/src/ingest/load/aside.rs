//! What is written beside the rows: records that are none, rows refused, cells repaired.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;

use super::Load;
use crate::ingest::pipeline::Done;
use crate::ingest::reject::{self, Origin};
use crate::ingest::source::shape::Skipped;
use crate::ingest::{Input, records, repair, system};
use crate::warehouse::{TableSpec, Transaction};
use crate::{EngineError, Result};

/// Rejected rows held before they are written as a file.
const REJECTS_A_FILE: usize = 100_000;
/// Repaired cells held before they are written as a file.
const REPAIRS_A_FILE: usize = 500_000;
/// Rejected rows shown at the end of a load.
const EXAMPLES: usize = 5;

/// Rows of two tables that belong together, one open and one of the vault, held until there are enough for a file.
pub(super) struct Aside {
    specs: fn() -> [TableSpec; 2],
    held: Vec<(RecordBatch, RecordBatch)>,
    rows: usize,
    enough: usize,
    /// Rows taken so far, written or not: they are numbered through.
    taken: usize,
}

impl Aside {
    pub(super) fn rejects() -> Self {
        Self::new(|| [system::rejected_row(), system::rejected_value()], REJECTS_A_FILE)
    }

    pub(super) fn repairs() -> Self {
        Self::new(|| [system::repaired_value(), system::repaired_clear()], REPAIRS_A_FILE)
    }

    fn new(specs: fn() -> [TableSpec; 2], enough: usize) -> Self {
        Self { specs, held: Vec::new(), rows: 0, enough, taken: 0 }
    }

    /// Takes rows; whether there are now enough for a file.
    fn take(&mut self, rows: (RecordBatch, RecordBatch)) -> bool {
        self.rows += rows.0.num_rows();
        self.taken += rows.0.num_rows();
        self.held.push(rows);
        self.rows >= self.enough
    }

    /// Writes what is held.
    pub(super) async fn write(&mut self, transaction: &mut Transaction) -> Result<()> {
        let (open, vault): (Vec<_>, Vec<_>) = std::mem::take(&mut self.held).into_iter().unzip();
        self.rows = 0;
        let [of_open, of_vault] = (self.specs)();
        transaction.append(&of_open, &open).await?;
        transaction.append(&of_vault, &vault).await
    }
}

impl Load {
    /// Counts the rows that are no records and writes them down.
    pub(super) fn take_skipped(&mut self, inputs: &[Input], skipped: &[(usize, Skipped)]) -> Result<()> {
        if skipped.is_empty() {
            return Ok(());
        }
        for (input, row) in skipped {
            let summary = self.summaries.entry(inputs[*input].table.name.clone()).or_default();
            *summary.skipped.entry(row.kind.to_owned()).or_default() += 1;
        }
        let rows = records::skipped_rows(inputs, skipped, &self.batch, self.at)?;
        let handle = self.handle.clone();
        handle.block_on(self.tx()?.append(&system::skipped_row(), &[rows]))
    }

    pub(super) fn take_rejects(&mut self, input: &Input, label: &str, done: &Done) -> Result<()> {
        let summary = self.summaries.entry(input.table.name.clone()).or_default();
        summary.read += done.converted.read;
        let rejects = &done.converted.rejects;
        if rejects.is_empty() {
            return Ok(());
        }
        for reject in rejects {
            *summary.rejected.entry(reject.rule.clone()).or_default() += 1;
            if self.examples.len() < EXAMPLES {
                self.examples.push((label.to_owned(), reject.clone()));
            }
        }
        let origin = Origin {
            table: &input.table.name,
            source: &input.feed.name,
            file: label,
            batch: &self.batch.clone(),
            at: self.at,
        };
        let full = self.rejects.take(reject::batches(rejects, &origin, self.rejects.taken)?);
        if full { self.write_aside() } else { Ok(()) }
    }

    pub(super) fn take_repairs(&mut self, input: &Input, label: &str, done: &Done) -> Result<()> {
        let Some(repaired) = &done.converted.repaired else { return Ok(()) };
        let summary = self.summaries.entry(input.table.name.clone()).or_default();
        for (rule, cells) in repaired.by_rule() {
            *summary.repaired.entry(rule.to_owned()).or_default() += cells;
        }
        let origin = Origin {
            table: &input.table.name,
            source: &input.feed.name,
            file: label,
            batch: &self.batch,
            at: self.at,
        };
        let full = self.repaired.take(repair::batches(repaired, &origin, self.repaired.taken)?);
        if full { self.write_aside() } else { Ok(()) }
    }

    /// Warns where rows that have no number of their own replaced others: one file's third line of an invoice may be
    /// another's first.
    pub(super) fn tell_lines_replaced(&self, inputs: &[Input]) {
        let numbered = inputs.iter().filter(|input| input.feed.number.is_some());
        let tables: BTreeSet<&str> = numbered.map(|input| input.table.name.as_str()).collect();
        for table in tables {
            let replaced = self.summaries.get(table).map_or(0, |summary| summary.replaced);
            if replaced > 0 {
                tracing::warn!(
                    "{table}: {replaced} rows replaced others. They are numbered as they come in a file: where lines of one invoice \
                     stand in two files, put these into one and load it (明细按文件内顺序编号，同一发票的明细分在两个文件里会互相替换，请合并后导入)"
                );
            }
        }
    }

    /// Writes the rows refused and the cells repaired so far.
    pub(super) fn write_aside(&mut self) -> Result<()> {
        let transaction =
            self.transaction.as_mut().ok_or_else(|| EngineError::internal("the transaction is over"))?;
        self.handle.block_on(self.rejects.write(transaction))?;
        self.handle.block_on(self.repaired.write(transaction))
    }
}
