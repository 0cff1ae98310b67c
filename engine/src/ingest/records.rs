//! What a load writes down about itself: which rows were duplicates of which, and which files it read.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::compute::cast;
use arrow::datatypes::Int64Type;
use assay_datasets::schema::Table;

use super::merge::Merged;
use super::select::Fingerprint;
use super::source::shape::Skipped;
use super::stage::UnitRows;
use super::{Input, system};
use crate::Result;
use crate::warehouse::{TableSpec, conform};

/// What was read of one input.
#[derive(Debug, Clone, Default)]
pub struct InputRead {
    /// Records.
    pub records: usize,
    /// Columns of its table for which it delivers anything.
    pub delivered: BTreeSet<&'static str>,
}

/// The `ingest_file` rows of a load; `read` says what was read of each input.
pub fn file_rows(
    inputs: &[Input],
    prints: &HashMap<PathBuf, Fingerprint>,
    read: &[InputRead],
    batch: &str,
    at: i64,
) -> Result<RecordBatch> {
    let n = inputs.len();
    let text = |f: &dyn Fn(&Input) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(inputs.iter().map(f)))
    };
    let number = |v: u64| i64::try_from(v).unwrap_or(i64::MAX);
    let columns: Vec<ArrayRef> = vec![
        text(&|_| batch.to_owned()),
        text(&|i| i.table.name.clone()),
        text(&|i| i.feed.name.clone()),
        text(&Input::label),
        Arc::new(Int64Array::from_iter_values(inputs.iter().map(|i| number(prints[&i.path].bytes)))),
        text(&|i| prints[&i.path].hash.clone()),
        Arc::new(Int64Array::from_iter_values(read.iter().map(|r| number(r.records as u64)))),
        Arc::new(TimestampMillisecondArray::from_iter_values(std::iter::repeat_n(at, n))),
        Arc::new(StringArray::from_iter_values(read.iter().map(|r| {
            let columns: Vec<&str> = r.delivered.iter().copied().collect();
            columns.join(",")
        }))),
    ];
    Ok(RecordBatch::try_new(system::ingest_file().schema, columns)?)
}

/// The `ingest_file` row of a table that was made, not read from a file.
pub fn made_row(
    batch: &str,
    table: &str,
    source: &str,
    origin: &str,
    rows: usize,
    at: i64,
) -> Result<RecordBatch> {
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let columns: Vec<ArrayRef> = vec![
        text(batch),
        text(table),
        text(source),
        text(origin),
        Arc::new(Int64Array::from(vec![0])),
        text(batch),
        Arc::new(Int64Array::from_iter_values(i64::try_from(rows))),
        Arc::new(TimestampMillisecondArray::from(vec![at])),
        Arc::new(StringArray::new_null(1)),
    ];
    Ok(RecordBatch::try_new(system::ingest_file().schema, columns)?)
}

/// The `skipped_row` rows of a load: rows that are no records, each with the index of its input.
pub fn skipped_rows(
    inputs: &[Input],
    skipped: &[(usize, Skipped)],
    batch: &str,
    at: i64,
) -> Result<RecordBatch> {
    let text = |f: &dyn Fn(&Input, &Skipped) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(skipped.iter().map(|(i, s)| f(&inputs[*i], s))))
    };
    let columns: Vec<ArrayRef> = vec![
        text(&|i, _| i.table.name.clone()),
        text(&|_, s| s.kind.to_owned()),
        text(&|_, s| s.zh.clone()),
        text(&|_, s| s.en.clone()),
        text(&|i, _| i.feed.name.clone()),
        text(&|i, _| i.label()),
        Arc::new(Int64Array::from_iter_values(skipped.iter().map(|(_, s)| s.row))),
        text(&|_, _| batch.to_owned()),
        Arc::new(TimestampMillisecondArray::from_iter_values(std::iter::repeat_n(at, skipped.len()))),
    ];
    Ok(RecordBatch::try_new(system::skipped_row().schema, columns)?)
}

/// Rows as the table of replaced versions has them: what replaced them came with `batch`.
pub fn replaced_rows(history: &TableSpec, rows: &RecordBatch, batch: &str, at: i64) -> Result<RecordBatch> {
    let names = history.schema.fields().iter().map(|field| field.name().as_str());
    let stored =
        names.enumerate().filter(|(_, name)| ![system::REPLACED_BY, system::REPLACED_AT].contains(name));
    let stored: Vec<usize> = stored.map(|(place, _)| place).collect();
    let mut columns = conform(rows, &Arc::new(history.schema.project(&stored)?))?.columns().to_vec();
    let n = rows.num_rows();
    columns.push(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(batch, n))));
    columns.push(Arc::new(TimestampMillisecondArray::from_iter_values(std::iter::repeat_n(at, n))));
    Ok(RecordBatch::try_new(Arc::clone(&history.schema), columns)?)
}

/// The `duplicate_row` rows of a unit.
pub fn duplicate_rows(
    table: &Table,
    input: &UnitRows,
    merged: &Merged,
    at: i64,
) -> Result<Option<RecordBatch>> {
    if merged.duplicates.is_empty() {
        return Ok(None);
    }
    let batches: Vec<&RecordBatch> = input.batches.iter().collect();
    let dropped: Vec<_> = merged.duplicates.iter().map(|d| d.row).collect();
    let kept: Vec<_> = merged.duplicates.iter().map(|d| d.kept).collect();
    let dropped = arrow::compute::interleave_record_batch(&batches, &dropped)?;
    let kept = arrow::compute::interleave_record_batch(&batches, &kept)?;
    let column = |batch: &RecordBatch, name: &str| -> Result<ArrayRef> {
        Ok(Arc::clone(batch.column(batch.schema().index_of(name)?)))
    };
    let text = |batch: &RecordBatch, name: &str| -> Result<ArrayRef> {
        Ok(cast(&column(batch, name)?, &arrow::datatypes::DataType::Utf8)?)
    };
    let mut keys: Vec<String> = vec![String::new(); dropped.num_rows()];
    for (i, name) in table.stored_key().iter().enumerate() {
        let values = text(&dropped, name)?;
        for (key, value) in keys.iter_mut().zip(values.as_string::<i32>()) {
            if i > 0 {
                key.push('|');
            }
            key.push_str(value.unwrap_or_default());
        }
    }
    let n = dropped.num_rows();
    let rows = |batch: &RecordBatch| -> Result<ArrayRef> {
        Ok(Arc::new(column(batch, "_row")?.as_primitive::<Int64Type>().iter().collect::<Int64Array>()))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(&table.name, n))),
        Arc::new(StringArray::from(keys)),
        text(&kept, "_file")?,
        rows(&kept)?,
        text(&dropped, "_source")?,
        text(&dropped, "_file")?,
        rows(&dropped)?,
        text(&dropped, "_batch")?,
        Arc::new(TimestampMillisecondArray::from_iter_values(std::iter::repeat_n(at, n))),
    ];
    Ok(Some(RecordBatch::try_new(system::duplicate_row().schema, columns)?))
}
