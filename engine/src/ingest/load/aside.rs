//! What is written beside the rows: records that are none, rows refused, cells repaired.

use super::Load;
use crate::Result;
use crate::ingest::pipeline::Done;
use crate::ingest::reject::{self, Origin};
use crate::ingest::source::shape::Skipped;
use crate::ingest::{Input, records, repair, system};

/// Rejected rows held before they are written as a file.
const REJECTS_A_FILE: usize = 100_000;
/// Repaired cells held before they are written as a file.
const REPAIRS_A_FILE: usize = 500_000;
/// Rejected rows shown at the end of a load.
const EXAMPLES: usize = 5;

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
        self.waiting.push(reject::batches(rejects, &origin, self.rejects)?);
        self.rejects += rejects.len();
        self.waiting_rows += rejects.len();
        if self.waiting_rows >= REJECTS_A_FILE { self.write_rejects() } else { Ok(()) }
    }

    pub(super) fn write_rejects(&mut self) -> Result<()> {
        let (open, clear): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting).into_iter().unzip();
        self.waiting_rows = 0;
        let handle = self.handle.clone();
        handle.block_on(self.tx()?.append(&system::rejected_row(), &open))?;
        handle.block_on(self.tx()?.append(&system::rejected_value(), &clear))
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
        self.mended.push(repair::batches(repaired, &origin, self.repaired)?);
        self.repaired += repaired.len();
        self.mended_rows += repaired.len();
        if self.mended_rows >= REPAIRS_A_FILE { self.write_repairs() } else { Ok(()) }
    }

    pub(super) fn write_repairs(&mut self) -> Result<()> {
        let (open, clear): (Vec<_>, Vec<_>) = std::mem::take(&mut self.mended).into_iter().unzip();
        self.mended_rows = 0;
        let handle = self.handle.clone();
        handle.block_on(self.tx()?.append(&system::repaired_value(), &open))?;
        handle.block_on(self.tx()?.append(&system::repaired_clear(), &clear))
    }
}
