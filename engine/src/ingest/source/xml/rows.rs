//! Gathers the records of many documents into batches.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringBuilder};

use super::super::{BATCH_ROWS, BadRecord, RawBatch, RecordSink};
use crate::Result;

/// Gathers records into batches.
pub(super) struct Rows<'a> {
    pub sink: &'a mut dyn RecordSink,
    builders: Vec<StringBuilder>,
    files: StringBuilder,
    rows: Vec<i64>,
    bad: Vec<BadRecord>,
}

impl<'a> Rows<'a> {
    pub fn new(width: usize, sink: &'a mut dyn RecordSink) -> Self {
        let builders = (0..width).map(|_| StringBuilder::new()).collect();
        Self { sink, builders, files: StringBuilder::new(), rows: Vec::new(), bad: Vec::new() }
    }

    pub fn push(
        &mut self,
        whole: &[Option<String>],
        record: &[Option<String>],
        file: &str,
        row: i64,
    ) -> Result<()> {
        for ((builder, whole), own) in self.builders.iter_mut().zip(whole).zip(record) {
            builder.append_option(own.as_ref().or(whole.as_ref()));
        }
        self.files.append_value(file);
        self.rows.push(row);
        self.emit_full()
    }

    /// A document that is no record; its name stands in `record`, where readers of many files put it.
    pub fn bad(&mut self, file: &str, rule: &'static str, reason: String) -> Result<()> {
        let detail = if rule == "xml" { format!("{file}: {reason}") } else { reason };
        self.bad.push(BadRecord { row: 1, rule, detail, record: file.to_owned() });
        self.emit_full()
    }

    fn emit_full(&mut self) -> Result<()> {
        if self.rows.len() < BATCH_ROWS && self.bad.len() < BATCH_ROWS { Ok(()) } else { self.emit() }
    }

    pub fn emit(&mut self) -> Result<()> {
        if self.rows.is_empty() && self.bad.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        let mut columns: Vec<ArrayRef> =
            self.builders.iter_mut().map(|b| Arc::new(b.finish()) as ArrayRef).collect();
        columns.push(Arc::new(self.files.finish()));
        columns.push(Arc::new(Int64Array::from(rows.clone())));
        self.sink.batch(RawBatch { columns, rows, bad: std::mem::take(&mut self.bad) })
    }
}
