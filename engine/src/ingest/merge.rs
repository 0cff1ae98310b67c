//! One unit's stored rows and the rows arriving for it, merged into the unit's new content: exact duplicates
//! dropped, later versions of a key in place of earlier ones, sorted.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::{AHashMap, AHashSet};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::datatypes::{Int64Type, SchemaRef};
use arrow::row::{RowConverter, SortField};
use assay_datasets::schema::{Table, lineage_fields};
use rayon::prelude::*;

use super::stage::{KeyHash, UnitRows};
use crate::warehouse::UnitKey;
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
    /// Sorted rows.
    pub batch: RecordBatch,
    /// Dropped as exact duplicates.
    pub duplicates: Vec<Duplicate>,
    /// Versions displaced by a later one.
    pub replaced: usize,
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
    let (mut duplicates, mut replaced, mut changed) = (Vec::new(), 0, false);
    for (i, hash) in input.hashes.iter().enumerate() {
        if moved.is_some_and(|m| m.contains(hash)) {
            replaced += 1;
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
            replaced += 1;
            if !version.is_some_and(|v| newer(&input.batches, v, kept, row)) {
                *winner = i;
                changed = true;
            }
        }
    }
    let mut keep: Vec<usize> = winners.into_values().collect();
    keep.sort_unstable();
    let batch = sorted(table, input, &keep)?;
    Ok(Merged { batch, duplicates, replaced, changed })
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
        let values = arrow::compute::cast(array, &arrow::datatypes::DataType::Int64).ok()?;
        values.is_valid(row).then(|| values.as_primitive::<Int64Type>().value(row))
    };
    matches!((time(a), time(b)), (Some(a), Some(b)) if a > b)
}

fn sorted(table: &Table, input: &UnitRows, keep: &[usize]) -> Result<RecordBatch> {
    let batches: Vec<&RecordBatch> = input.batches.iter().collect();
    let Some(schema) = batches.first().map(|b| b.schema()) else {
        return Ok(RecordBatch::new_empty(super::keying::staged_schema(&table.stored_schema())));
    };
    let mut order: Vec<(usize, usize)> = keep.iter().map(|i| input.rows[*i]).collect();
    let names: Vec<String> = table.bucket_key().into_iter().chain(table.sort.iter().cloned()).collect();
    let mut keys = Vec::with_capacity(names.len());
    for name in &names {
        let column = schema.index_of(name)?;
        let arrays: Vec<&dyn Array> = batches.iter().map(|b| b.column(column).as_ref()).collect();
        keys.push(arrow::compute::interleave(&arrays, &order)?);
    }
    if !keys.is_empty() {
        order = positions(&keys)?.into_iter().map(|p| order[p]).collect();
    }
    gather(&schema, &batches, &order)
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

/// Rows of several batches as one. Columns no batch has a value in, of which wide tables have many, are not
/// gathered but made.
fn gather(schema: &SchemaRef, batches: &[&RecordBatch], order: &[(usize, usize)]) -> Result<RecordBatch> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for (i, field) in schema.fields().iter().enumerate() {
        let arrays: Vec<&dyn Array> = batches.iter().map(|b| b.column(i).as_ref()).collect();
        if arrays.iter().all(|a| a.null_count() == a.len()) {
            columns.push(new_null_array(field.data_type(), order.len()));
        } else {
            columns.push(arrow::compute::interleave(&arrays, order)?);
        }
    }
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// In which unit each arriving key lives from now on: that of its newest version.
pub struct Homes<'a> {
    arriving: &'a [(KeyHash, UnitKey)],
    /// Keys with the number of their arrival, by key and then by arrival.
    order: Vec<(KeyHash, u32)>,
}

impl<'a> Homes<'a> {
    /// Of rows in order of arrival. Sorting runs on all threads, a map of every key would not.
    pub fn new(arriving: &'a [(KeyHash, UnitKey)]) -> Result<Self> {
        let mut order: Vec<(KeyHash, u32)> = Vec::with_capacity(arriving.len());
        for (number, (hash, _)) in arriving.iter().enumerate() {
            let number = u32::try_from(number).map_err(|_| {
                EngineError::input("more than 4 billion rows in one load; load fewer files at a time")
            })?;
            order.push((*hash, number));
        }
        order.par_sort_unstable();
        Ok(Self { arriving, order })
    }

    fn unit(&self, place: usize) -> UnitKey {
        self.arriving[self.order[place].1 as usize].1
    }

    /// For each unit the keys that arrive there and, in a newer version, in another.
    pub fn earlier(&self) -> HashMap<UnitKey, AHashSet<KeyHash>> {
        let mut moved: HashMap<UnitKey, AHashSet<KeyHash>> = HashMap::new();
        let mut start = 0;
        for place in 1..=self.order.len() {
            if place < self.order.len() && self.order[place].0 == self.order[start].0 {
                continue;
            }
            // The newest version's unit is the key's home; it may have been away and come back.
            let home = self.unit(place - 1);
            for earlier in start..place {
                if self.unit(earlier) != home {
                    moved.entry(self.unit(earlier)).or_default().insert(self.order[start].0);
                }
            }
            start = place;
        }
        moved
    }

    /// Those of the keys stored in `here` that live elsewhere from now on.
    pub fn away(&self, here: UnitKey, stored: &[KeyHash]) -> Vec<KeyHash> {
        let lives_elsewhere = |hash: &KeyHash| {
            let after = self.order.partition_point(|(h, _)| h <= hash);
            after > 0 && self.order[after - 1].0 == *hash && self.unit(after - 1) != here
        };
        stored.iter().filter(|h| lives_elsewhere(h)).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn unit(period: i32) -> UnitKey {
        UnitKey { period: Some(period), bucket: Some(0) }
    }

    #[test]
    fn a_key_lives_where_it_last_arrived() {
        let arriving = [(1, unit(1)), (1, unit(2)), (2, unit(1)), (3, unit(1)), (3, unit(2)), (3, unit(1))];
        let homes = Homes::new(&arriving).unwrap();
        let moved = homes.earlier();
        assert_eq!(moved[&unit(1)], AHashSet::from_iter([1]));
        assert_eq!(moved[&unit(2)], AHashSet::from_iter([3]));
        assert_eq!(homes.away(unit(7), &[2, 9]), [2]);
        assert_eq!(homes.away(unit(1), &[2]), [0; 0]);
    }
}
