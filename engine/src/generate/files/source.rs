//! Where rows to be written come from: any set of tables that can be delivered part by part.
//!
//! Writers depend on this trait alone, so that they write an economy, a few batches in a test, or anything else.

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::Int32Type;
use assay_datasets::schema::{self, PERIOD};

use crate::{EngineError, Result};

/// A share of one table's rows that is made at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPart {
    /// Canonical table.
    pub table: String,
    /// Month of all its rows; `None` for a table that is not kept by month.
    pub period: Option<i32>,
    /// Which part it is, for the source alone.
    pub number: usize,
}

/// Tables that deliver their rows part by part, in canonical schema, personal data in clear.
pub trait Rows: Sync {
    /// All parts. Parts of one table and month stand together in the order their rows are to be written; rows of
    /// `invoice` and `invoice_line` of a month name their sellers in the same order.
    fn parts(&self) -> Vec<RowPart>;

    /// The rows of one part: the same whenever and wherever it is called.
    fn rows(&self, part: &RowPart) -> Result<Vec<RecordBatch>>;
}

/// Rows held in memory.
#[derive(Debug, Default)]
pub struct MemoryRows {
    parts: Vec<(RowPart, RecordBatch)>,
}

impl MemoryRows {
    /// Adds rows of a table. Tables kept by month are cut into their months; the order of rows within a month stays.
    ///
    /// # Errors
    /// When the table is unknown or the rows are not in its canonical schema.
    pub fn add(&mut self, table: &str, rows: &RecordBatch) -> Result<()> {
        let known = schema::catalog()
            .table(table)
            .ok_or_else(|| EngineError::input(format!("no table {table}; all of them: assay schema")))?;
        let schema = known.canonical_schema();
        if rows.schema().fields().len() != schema.fields().len() {
            return Err(EngineError::internal(format!("rows of {table} are not in its canonical schema")));
        }
        if known.period.is_none() && known.column(PERIOD).is_none() {
            self.push(table, None, rows.clone());
            return Ok(());
        }
        let periods = rows.column(schema.index_of(PERIOD)?).as_primitive::<Int32Type>();
        let mut months: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
        for (row, period) in periods.iter().enumerate() {
            months.entry(period.unwrap_or(0)).or_default().push(u32::try_from(row).unwrap_or(u32::MAX));
        }
        for (period, rows_of) in months {
            let taken = take_record_batch(rows, &UInt32Array::from(rows_of))?;
            self.push(table, Some(period), taken);
        }
        Ok(())
    }

    fn push(&mut self, table: &str, period: Option<i32>, rows: RecordBatch) {
        let part = RowPart { table: table.to_owned(), period, number: self.parts.len() };
        self.parts.push((part, rows));
    }
}

impl Rows for MemoryRows {
    fn parts(&self) -> Vec<RowPart> {
        self.parts.iter().map(|(part, _)| part.clone()).collect()
    }

    fn rows(&self, part: &RowPart) -> Result<Vec<RecordBatch>> {
        let missing = || EngineError::internal(format!("no part {} of {}", part.number, part.table));
        Ok(vec![self.parts.get(part.number).ok_or_else(missing)?.1.clone()])
    }
}
