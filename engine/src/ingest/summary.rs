//! What a load did, as printed and as stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};

use super::reject::Reject;
use super::system;
use crate::{EngineError, Result};

/// The outcome for one table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TableSummary {
    /// Table.
    pub table: String,
    /// Feeds, comma-separated.
    pub source: String,
    /// Files read.
    pub files: usize,
    /// Records read.
    pub read: usize,
    /// Rows that are new; with duplicates and rejected rows they add up to the records read.
    pub kept: usize,
    /// Versions displaced by later ones.
    pub replaced: usize,
    /// Rows equal to one already there.
    pub duplicate: usize,
    /// Rows set aside, by rule.
    pub rejected: BTreeMap<String, usize>,
    /// Units written.
    pub units: usize,
    /// Cells repaired in the rows read, by rule.
    pub repaired: BTreeMap<String, usize>,
    /// Rows of the files that are no records, by kind; they are not among the records read.
    pub skipped: BTreeMap<String, usize>,
}

impl TableSummary {
    /// Rows set aside.
    pub fn rejected_total(&self) -> usize {
        self.rejected.values().sum()
    }
}

/// The outcome of a load.
#[derive(Debug, Clone, Default)]
pub struct IngestSummary {
    /// Batch id: the same input gives the same id.
    pub batch: String,
    /// One entry a table.
    pub tables: Vec<TableSummary>,
    /// Files that were loaded before and are left alone: name and earlier batch.
    pub already_loaded: Vec<(String, String)>,
    /// The first rejected rows, with file, for the person who loads.
    pub examples: Vec<(String, Reject)>,
    /// Wall time.
    pub seconds: f64,
}

impl IngestSummary {
    /// Records read in all tables.
    pub fn read(&self) -> usize {
        self.tables.iter().map(|t| t.read).sum()
    }

    /// Records per second.
    pub fn rows_per_second(&self) -> f64 {
        if self.seconds > 0.0 { self.read() as f64 / self.seconds } else { 0.0 }
    }

    /// Rows set aside in all tables.
    pub fn rejected(&self) -> usize {
        self.tables.iter().map(TableSummary::rejected_total).sum()
    }

    /// The rows of `ingest_batch`.
    pub fn to_batch(&self, at: i64) -> Result<RecordBatch> {
        let tables = &self.tables;
        let text = |f: &dyn Fn(&TableSummary) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(tables.iter().map(f)))
        };
        let count = |f: &dyn Fn(&TableSummary) -> usize| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(
                tables.iter().map(|t| i64::try_from(f(t)).unwrap_or(i64::MAX)),
            ))
        };
        let mut by_rule = Vec::with_capacity(tables.len());
        for table in tables {
            by_rule.push(serde_json::to_string(&table.rejected)?);
        }
        let n = tables.len();
        let columns: Vec<ArrayRef> = vec![
            text(&|_| self.batch.clone()),
            text(&|t| t.table.clone()),
            text(&|t| t.source.clone()),
            count(&|t| t.files),
            count(&|t| t.read),
            count(&|t| t.kept),
            count(&|t| t.replaced),
            count(&|t| t.duplicate),
            count(&TableSummary::rejected_total),
            Arc::new(StringArray::from(by_rule)),
            count(&|t| t.units),
            Arc::new(Float64Array::from_iter_values(std::iter::repeat_n(self.seconds, n))),
            Arc::new(Float64Array::from_iter_values(std::iter::repeat_n(self.rows_per_second(), n))),
            Arc::new(TimestampMillisecondArray::from_iter_values(std::iter::repeat_n(at, n))),
        ];
        RecordBatch::try_new(system::ingest_batch().schema, columns).map_err(EngineError::from)
    }
}
