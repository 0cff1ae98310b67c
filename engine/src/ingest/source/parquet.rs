//! Parquet files, streamed batch by batch in their own types.

use std::fs::File;
use std::path::Path;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{BATCH_ROWS, RawBatch, RecordSink};
use crate::{EngineError, Result};

/// Reads the file into `sink`; `_row` is the record's number.
pub(super) fn read(path: &Path, shown: &str, sink: &mut dyn RecordSink) -> Result<()> {
    let broken = |e: &dyn std::fmt::Display| {
        EngineError::input(format!("{shown} cannot be read as Parquet ({e}); ask for the file again"))
    };
    let file = File::open(path).map_err(EngineError::file(path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| broken(&e))?;
    let names: Vec<String> = builder.schema().fields().iter().map(|f| f.name().clone()).collect();
    sink.header(&names)?;
    let mut row = 0;
    for batch in builder.with_batch_size(BATCH_ROWS).build().map_err(|e| broken(&e))? {
        let batch = batch.map_err(|e| broken(&e))?;
        let rows: Vec<i64> = (0..batch.num_rows())
            .map(|_| {
                row += 1;
                row
            })
            .collect();
        sink.batch(RawBatch { columns: batch.columns().to_vec(), rows, bad: Vec::new() })?;
    }
    Ok(())
}
