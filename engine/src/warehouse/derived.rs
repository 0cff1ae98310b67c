//! Rows of a derived table cut into its units and encoded, and the fingerprint of what a unit was made from, kept in its file's name. What
//! the rows mean and when they are stale is not known here.

use std::sync::Arc;

use arrow::array::{AsArray, Int32Array, RecordBatch};
use arrow::compute::{SortColumn, cast, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, SchemaRef};
use rayon::prelude::*;

use super::{Config, EncodedUnit, TableSpec, UnitFile, UnitKey, conform, encode_unit, plain_text};
use crate::Result;

impl UnitFile {
    /// The fingerprint a file was made from, from its name `part-…_<fingerprint>.parquet`; empty when it has none.
    pub(crate) fn made_from(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('_').map_or("", |(_, print)| print.trim_end_matches(".parquet"))
    }
}

/// Rows cut into units.
pub(crate) struct Cut {
    /// Columns of all of them.
    pub(crate) schema: SchemaRef,
    /// Month and bucket, and the rows of that unit.
    pub(crate) units: Vec<((i32, i32), RecordBatch)>,
}

/// Rows with `period` as units, each sorted by `order`, the first of which is the party key. Text becomes plain, `bucket` is
/// added, and every column but that may be null.
///
/// # Errors
/// When a column of `order` or `period` is missing.
pub(crate) fn cut(batch: &RecordBatch, config: &Config, order: &[&str]) -> Result<Cut> {
    let whole = with_bucket(batch, config, order[0])?;
    // By unit first, which is two whole numbers, then within the units side by side.
    let units = split(&sort(&whole, &["period", "bucket"])?);
    let sorted = units.into_par_iter().map(|(unit, rows)| Ok((unit, sort(&rows, order)?)));
    Ok(Cut { schema: whole.schema(), units: sorted.collect::<Result<_>>()? })
}

/// Encodes units side by side; `name` gives each its file name, in their order.
///
/// # Errors
/// When one cannot be encoded, or has no name.
pub(crate) fn encode(
    spec: &TableSpec,
    units: Vec<((i32, i32), RecordBatch)>,
    mut name: impl FnMut((i32, i32)) -> Result<String>,
) -> Result<Vec<EncodedUnit>> {
    let named = units.into_iter().map(|(unit, rows)| Ok((unit, rows, name(unit)?)));
    let named = named.collect::<Result<Vec<_>>>()?;
    let encoded = named.into_par_iter().map(|((period, bucket), rows, name)| {
        let key = UnitKey { period: Some(period), bucket: Some(bucket) };
        let rows = conform(&rows, &spec.schema)?;
        encode_unit(&spec.schema, &spec.order, key, &name, &[rows], true)
    });
    encoded.collect()
}

fn with_bucket(batch: &RecordBatch, config: &Config, key: &str) -> Result<RecordBatch> {
    let keys = batch.column(batch.schema().index_of(key)?).as_primitive::<Int64Type>();
    let buckets: Int32Array = keys.iter().map(|k| Some(config.bucket_of(k))).collect();
    let plain = |field: &Field| Field::new(field.name(), plain_text(field.data_type()), true);
    let mut fields: Vec<Field> = batch.schema().fields().iter().map(|f| plain(f)).collect();
    fields.push(Field::new("bucket", DataType::Int32, false));
    let mut columns = batch
        .columns()
        .iter()
        .zip(&fields)
        .map(|(c, f)| cast(c, f.data_type()))
        .collect::<Result<Vec<_>, _>>()?;
    columns.push(Arc::new(buckets));
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

fn sort(batch: &RecordBatch, order: &[&str]) -> Result<RecordBatch> {
    let column = |name: &&str| {
        let values = Arc::clone(batch.column(batch.schema().index_of(name)?));
        Ok(SortColumn { values, options: None })
    };
    let columns = order.iter().map(column).collect::<Result<Vec<_>>>()?;
    Ok(take_record_batch(batch, &lexsort_to_indices(&columns, None)?)?)
}

/// Splits rows sorted by period and bucket.
fn split(batch: &RecordBatch) -> Vec<((i32, i32), RecordBatch)> {
    let periods = batch["period"].as_primitive::<Int32Type>();
    let buckets = batch["bucket"].as_primitive::<Int32Type>();
    let mut units = Vec::new();
    let mut start = 0;
    for row in 1..=batch.num_rows() {
        let unit = (periods.value(start), buckets.value(start));
        if row == batch.num_rows() || (periods.value(row), buckets.value(row)) != unit {
            units.push((unit, batch.slice(start, row - start)));
            start = row;
        }
    }
    units
}
