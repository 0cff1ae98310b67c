//! Gathers the records of sources whose columns are known beforehand into batches of text columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringBuilder};

use super::shape::Skipped;
use super::{BATCH_ROWS, BadRecord, RawBatch, RecordSink};
use crate::Result;

/// Batches under way.
pub(super) struct Batches<'a> {
    sink: &'a mut dyn RecordSink,
    builders: Vec<StringBuilder>,
    rows: Vec<i64>,
    bad: Vec<BadRecord>,
}

impl<'a> Batches<'a> {
    /// Delivers the header.
    pub(super) fn new(sink: &'a mut dyn RecordSink, header: &[String]) -> Result<Self> {
        sink.header(header)?;
        let builders = header.iter().map(|_| StringBuilder::new()).collect();
        Ok(Self { sink, builders, rows: Vec::new(), bad: Vec::new() })
    }

    /// A record with all its values, in the order of the header.
    pub(super) fn row<'v>(
        &mut self,
        number: i64,
        values: impl IntoIterator<Item = Option<&'v str>>,
    ) -> Result<()> {
        for (builder, value) in self.builders.iter_mut().zip(values) {
            builder.append_option(value);
        }
        self.rows.push(number);
        self.emit_full()
    }

    /// A record that is none.
    pub(super) fn bad(&mut self, bad: BadRecord) -> Result<()> {
        self.bad.push(bad);
        self.emit_full()
    }

    /// A record that its source declares to be none.
    pub(super) fn skipped(&mut self, row: Skipped) -> Result<()> {
        self.sink.skipped(row)
    }

    fn emit_full(&mut self) -> Result<()> {
        if self.rows.len() >= BATCH_ROWS || self.bad.len() >= BATCH_ROWS { self.emit() } else { Ok(()) }
    }

    fn emit(&mut self) -> Result<()> {
        let columns = self.builders.iter_mut().map(|b| Arc::new(b.finish()) as ArrayRef).collect();
        let (rows, bad) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.bad));
        self.sink.batch(RawBatch { columns, rows, bad })
    }

    /// Delivers what is left.
    pub(super) fn finish(mut self) -> Result<()> {
        if self.rows.is_empty() && self.bad.is_empty() { Ok(()) } else { self.emit() }
    }
}
