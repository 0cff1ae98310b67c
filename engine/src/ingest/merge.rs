//! One unit's stored rows and the rows arriving for it, merged into the unit's new content: exact duplicates
//! dropped, later versions of a key in place of earlier ones, sorted.

use std::sync::Arc;

use ahash::{AHashMap, AHashSet};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, interleave};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use arrow::row::{RowConverter, SortField};
use assay_datasets::schema::{Table, lineage_fields};

use super::constant::{constant, is_void, repeat};
use super::stage::{KeyHash, UnitRows};
use crate::{EngineError, Result};

/// A row dropped because an equal one is there.
pub struct Duplicate {
    /// Position in the merged input.
    pub row: (usize, usize),
    /// The row kept.
    pub kept: (usize, usize),
}

/// The unit's new content.
pub struct Merged {
    /// Where its rows stand in the merged input, sorted; [`Gatherer`] makes batches of them.
    pub order: Vec<(usize, usize)>,
    /// Dropped as exact duplicates.
    pub duplicates: Vec<Duplicate>,
    /// Where versions displaced by a later one stand in the merged input.
    pub replaced: Vec<(usize, usize)>,
    /// Whether anything differs from what was stored.
    pub changed: bool,
}

/// Merges. The first `stored` rows of `input` are the unit's present content; `moved` are keys whose newest version
/// now lies in another unit.
pub fn merge(
    table: &Table,
    input: &UnitRows,
    stored: usize,
    moved: Option<&AHashSet<KeyHash>>,
) -> Result<Merged> {
    let schema = input.batches.first().map(RecordBatch::schema);
    let content = schema.as_ref().map(content_columns).unwrap_or_default();
    let version = version_column(table, schema.as_ref());
    let mut winners: AHashMap<KeyHash, usize> = AHashMap::with_capacity(input.rows.len());
    let (mut duplicates, mut replaced, mut changed) = (Vec::new(), Vec::new(), false);
    for (i, hash) in input.hashes.iter().enumerate() {
        if moved.is_some_and(|m| m.contains(hash)) {
            replaced.push(input.rows[i]);
            changed |= i < stored;
            continue;
        }
        let Some(winner) = winners.get_mut(hash) else {
            winners.insert(*hash, i);
            changed |= i >= stored;
            continue;
        };
        let (row, kept) = (input.rows[i], input.rows[*winner]);
        if equal(&input.batches, &content, row, kept) {
            duplicates.push(Duplicate { row, kept });
        } else {
            if version.is_some_and(|v| newer(&input.batches, v, kept, row)) {
                replaced.push(row);
            } else {
                replaced.push(kept);
                *winner = i;
                changed = true;
            }
        }
    }
    let mut keep: Vec<usize> = winners.into_values().collect();
    keep.sort_unstable();
    let order = sorted(table, input, &keep)?;
    Ok(Merged { order, duplicates, replaced, changed })
}

fn content_columns(schema: &SchemaRef) -> Vec<usize> {
    let lineage = lineage_fields();
    let own = |name: &str| name == "bucket" || lineage.iter().any(|f| f.name() == name);
    schema.fields().iter().enumerate().filter(|(_, f)| !own(f.name())).map(|(i, _)| i).collect()
}

fn equal(batches: &[RecordBatch], columns: &[usize], a: (usize, usize), b: (usize, usize)) -> bool {
    columns.iter().all(|c| batches[a.0].column(*c).slice(a.1, 1) == batches[b.0].column(*c).slice(b.1, 1))
}

fn version_column(table: &Table, schema: Option<&SchemaRef>) -> Option<usize> {
    schema?.index_of(table.version_by.as_deref()?).ok()
}

/// Whether `a` has a later source time than `b`; unknown times decide nothing.
fn newer(batches: &[RecordBatch], column: usize, a: (usize, usize), b: (usize, usize)) -> bool {
    let time = |(batch, row): (usize, usize)| {
        let array = batches[batch].column(column);
        let values = cast(array, &DataType::Int64).ok()?;
        values.is_valid(row).then(|| values.as_primitive::<Int64Type>().value(row))
    };
    matches!((time(a), time(b)), (Some(a), Some(b)) if a > b)
}

fn sorted(table: &Table, input: &UnitRows, keep: &[usize]) -> Result<Vec<(usize, usize)>> {
    let batches: Vec<&RecordBatch> = input.batches.iter().collect();
    let Some(schema) = batches.first().map(|b| b.schema()) else { return Ok(Vec::new()) };
    let mut order: Vec<(usize, usize)> = keep.iter().map(|i| input.rows[*i]).collect();
    let names: Vec<String> = table.bucket_key().into_iter().chain(table.sort.iter().cloned()).collect();
    let mut keys = Vec::with_capacity(names.len());
    for name in &names {
        let column = schema.index_of(name)?;
        let arrays: Vec<&dyn Array> = batches.iter().map(|b| b.column(column).as_ref()).collect();
        keys.push(interleave(&arrays, &order)?);
    }
    if !keys.is_empty() {
        order = positions(&keys)?.into_iter().map(|p| order[p]).collect();
    }
    Ok(order)
}

/// The order of rows by `keys`, nulls first. Rows with equal keys keep their order of arrival, whatever the number
/// of threads.
fn positions(keys: &[ArrayRef]) -> Result<Vec<usize>> {
    let fields = keys.iter().map(|k| SortField::new(k.data_type().clone())).collect();
    let rows = RowConverter::new(fields)?.convert_columns(keys)?;
    // The first bytes of a row decide most comparisons (the taxpayer key); they are compared as one number.
    let head = |row: usize| {
        let bytes = rows.row(row);
        let bytes = bytes.as_ref();
        let mut first = [0_u8; 16];
        let n = bytes.len().min(16);
        first[..n].copy_from_slice(&bytes[..n]);
        u128::from_be_bytes(first)
    };
    let rows_total = keys.first().map_or(0, |k| k.len());
    let mut sortable: Vec<(u128, u32)> = Vec::with_capacity(rows_total);
    for row in 0..rows_total {
        let number =
            u32::try_from(row).map_err(|_| EngineError::internal("a unit of over 4 billion rows"))?;
        sortable.push((head(row), number));
    }
    sortable.sort_unstable_by(|(a, i), (b, j)| {
        a.cmp(b).then_with(|| rows.row(*i as usize).cmp(&rows.row(*j as usize))).then(i.cmp(j))
    });
    Ok(sortable.into_iter().map(|(_, row)| row as usize).collect())
}

/// Gathers rows of a unit's batches, chunk by chunk.
pub struct Gatherer {
    schema: SchemaRef,
    columns: Vec<Gathered>,
}

enum Gathered {
    /// All rows are this one.
    Made(ArrayRef),
    /// One array a batch.
    Picked(Vec<ArrayRef>),
}

impl Gatherer {
    /// For about `rows` rows of `batches`, which have `schema`.
    pub fn new(schema: &SchemaRef, batches: &[RecordBatch], rows: usize) -> Self {
        // Batches that hold many units' rows are not looked through again for every unit.
        let own = batches.iter().map(RecordBatch::num_rows).sum::<usize>() <= 2 * rows;
        let column = |i: usize| {
            let arrays: Vec<&dyn Array> = batches.iter().map(|b| b.column(i).as_ref()).collect();
            let worth_it = own || arrays.iter().all(|a| is_void(*a));
            match worth_it.then(|| constant(&arrays)).flatten() {
                Some(row) => Gathered::Made(row),
                None => Gathered::Picked(batches.iter().map(|b| Arc::clone(b.column(i))).collect()),
            }
        };
        Self { schema: Arc::clone(schema), columns: (0..schema.fields().len()).map(column).collect() }
    }

    /// The rows at these places, as (batch, row).
    pub fn rows(&self, order: &[(usize, usize)]) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            columns.push(match column {
                Gathered::Made(row) => repeat(row, order.len())?,
                Gathered::Picked(arrays) => {
                    let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
                    interleave(&arrays, order)?
                }
            });
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}
