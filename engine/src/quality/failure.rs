//! Rows of `quality_failure`: which row broke which rule, where it came from, what to tell an officer.
//!
//! Only open columns come here; a personal value goes to the vault under the finding's id.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, StringArray, StringBuilder,
    TimestampMillisecondArray,
};
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use assay_datasets::schema::Table;

use super::rule::Rule;
use super::tables;
use super::template::display;
use crate::Result;

/// Name of a query's column with a personal value.
pub const CLEAR: &str = "_clear";
/// Lineage that is kept of a failing row.
pub const LINEAGE: [&str; 4] = ["_source", "_file", "_row", "_batch"];

/// Findings, and personal values behind them.
pub type Findings = (RecordBatch, Option<RecordBatch>);

/// The stored columns needed to say which row it is and what is wrong with it, over several rules.
pub fn columns<'r>(table: &Table, rules: impl IntoIterator<Item = &'r Rule>) -> Vec<String> {
    let mut names = table.stored_key();
    let mut add = |name: &str| {
        if !names.iter().any(|n| n == name) {
            names.push(name.to_owned());
        }
    };
    LINEAGE.into_iter().for_each(&mut add);
    if table.period.is_some() {
        add("period");
    }
    table.bucket_by.iter().for_each(|party| add(party));
    let stored = table.stored_schema();
    for rule in rules {
        rule.shown().for_each(&mut add);
        for name in rule.message.iter().flat_map(|m| m.names()) {
            if stored.field_with_name(name).is_ok() {
                add(name);
            }
        }
    }
    names.retain(|name| stored.field_with_name(name).is_ok());
    names
}

/// Those columns of the stored schema, all of them nullable.
pub fn schema(table: &Table, rules: &[Arc<Rule>]) -> SchemaRef {
    let stored = table.stored_schema();
    let fields = columns(table, rules.iter().map(Arc::as_ref))
        .iter()
        .filter_map(|name| stored.field_with_name(name).ok().map(|f| f.clone().with_nullable(true)))
        .collect::<Vec<_>>();
    Arc::new(Schema::new(fields))
}

/// Findings are numbered within what was measured.
#[derive(Debug)]
pub struct Numbering {
    /// Fingerprint of what was measured.
    pub unit: String,
    /// The next number.
    pub next: usize,
    /// When, in milliseconds.
    pub at: i64,
}

impl Numbering {
    /// Numbers from zero.
    pub fn new(unit: &str, at: i64) -> Self {
        Self { unit: unit.to_owned(), next: 0, at }
    }

    /// The findings of `rule` on `rows`, which have [`columns`] and what the rule's query shows.
    pub fn findings(&mut self, rule: &Rule, rows: &RecordBatch) -> Result<Findings> {
        let n = rows.num_rows();
        let same = |text: &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, n)))
        };
        let column = |name: &str| rows.column_by_name(name).cloned();
        let texts = |name: &str| -> Result<ArrayRef> {
            match column(name) {
                Some(values) => Ok(cast(&values, &DataType::Utf8)?),
                None => Ok(Arc::new(StringArray::new_null(n))),
            }
        };
        let first = rule.columns.first().map_or("", |c| c.value.as_str());
        let value: ArrayRef = match column(first) {
            Some(values) => nulls_of(&display(&values, "")?, &values),
            None => Arc::new(StringArray::new_null(n)),
        };
        let start = self.next;
        self.next += n;
        let ids: ArrayRef = Arc::new(StringArray::from_iter_values(
            (start..start + n).map(|i| format!("{}-{i:07}", self.unit)),
        ));
        let period: ArrayRef = match column("period").filter(|_| rule.table.period.is_some()) {
            Some(period) => cast(&period, &DataType::Int32)?,
            None => Arc::new(Int32Array::new_null(n)),
        };
        let row: ArrayRef = match column("_row") {
            Some(row) => cast(&row, &DataType::Int64)?,
            None => Arc::new(Int64Array::new_null(n)),
        };
        let open = RecordBatch::try_new(
            tables::failure().schema,
            vec![
                Arc::clone(&ids),
                same(&rule.id),
                same(rule.dimension.word()),
                same(rule.severity.word()),
                same(&rule.table.name),
                period,
                row_key(rule.table, rows)?,
                texts(rule.table.bucket_by.as_deref().unwrap_or_default())?,
                same(first),
                value,
                Arc::new(rule.message[0].render(n, "空", column)?),
                Arc::new(rule.message[1].render(n, "nothing", column)?),
                same(&self.unit),
                Arc::new(TimestampMillisecondArray::from_iter_values(std::iter::repeat_n(self.at, n))),
                texts("_source")?,
                texts("_file")?,
                row,
                texts("_batch")?,
                same(rule.claim.word()),
            ],
        )?;
        let clear = match column(CLEAR) {
            Some(values) if rule.reads_vault() => Some(RecordBatch::try_new(
                tables::value().schema,
                vec![ids, cast(&values, &DataType::Utf8)?, same(&self.unit)],
            )?),
            _ => None,
        };
        Ok((open, clear))
    }
}

/// `texts` with the nulls of `values`.
fn nulls_of(texts: &StringArray, values: &ArrayRef) -> ArrayRef {
    let nulls = values.logical_nulls();
    Arc::new(StringArray::new(texts.offsets().clone(), texts.values().clone(), nulls))
}

/// The key of each row as one text.
pub fn row_key(table: &Table, rows: &RecordBatch) -> Result<ArrayRef> {
    let columns = table
        .stored_key()
        .iter()
        .filter_map(|name| rows.column_by_name(name))
        .map(|values| display(values, ""))
        .collect::<Result<Vec<_>>>()?;
    let mut keys = StringBuilder::with_capacity(rows.num_rows(), rows.num_rows() * 24);
    let mut key = String::new();
    for row in 0..rows.num_rows() {
        key.clear();
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                key.push('|');
            }
            key.push_str(column.value(row));
        }
        keys.append_value(&key);
    }
    Ok(Arc::new(keys.finish()))
}

/// The findings of all row rules of a unit: `positions` of failing rows by rule, `union` of them all, whose rows
/// `batches` are, in order.
pub fn of_unit(
    rules: &[Arc<Rule>],
    positions: &[Vec<u32>],
    union: &[u32],
    batches: &[RecordBatch],
    numbering: &mut Numbering,
) -> Result<Vec<RecordBatch>> {
    let mut found = Vec::new();
    let mut start = 0;
    for batch in batches {
        let here = &union[start..(start + batch.num_rows()).min(union.len())];
        start += batch.num_rows();
        for (rule, failing) in rules.iter().zip(positions) {
            let rows = among(failing, here);
            if !rows.is_empty() {
                let rows = take_record_batch(batch, &arrow::array::UInt32Array::from(rows))?;
                found.push(numbering.findings(rule, &rows)?.0);
            }
        }
    }
    Ok(found)
}

/// Where in `here` those of `failing` stand that are there; both ascending.
fn among(failing: &[u32], here: &[u32]) -> Vec<u32> {
    let (Some(low), Some(high)) = (here.first(), here.last()) else { return Vec::new() };
    let from = failing.partition_point(|p| p < low);
    let to = failing.partition_point(|p| p <= high);
    let mut at = 0_usize;
    failing[from..to]
        .iter()
        .filter_map(|position| {
            while here.get(at).is_some_and(|p| p < position) {
                at += 1;
            }
            u32::try_from(at).ok()
        })
        .collect()
}

/// All failing positions of a unit, ascending, each once.
pub fn union(positions: &[Vec<u32>]) -> Vec<u32> {
    let mut all: Vec<u32> = positions.concat();
    all.sort_unstable();
    all.dedup();
    all
}

/// The sources of findings of a query, with the number of rows each has, by month.
pub fn by_source(open: &RecordBatch) -> Result<BTreeMap<(String, Option<i32>), u64>> {
    let schema = open.schema();
    let sources = open.column(schema.index_of("_source")?).as_string::<i32>();
    let periods = open.column(schema.index_of("period")?).as_primitive::<arrow::datatypes::Int32Type>();
    let mut counts = BTreeMap::new();
    for (source, period) in sources.iter().zip(periods.iter()) {
        *counts.entry((source.unwrap_or_default().to_owned(), period)).or_default() += 1;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever rules failed on whatever rows, each finds its own rows among those read again.
        #[test]
        fn failing_rows_are_found_again(lists in proptest::collection::vec(proptest::collection::btree_set(0_u32..200, 0..40), 1..5), width in 1_usize..50) {
            let lists: Vec<Vec<u32>> = lists.into_iter().map(|l| l.into_iter().collect()).collect();
            let all = union(&lists);
            for list in &lists {
                let mut found = Vec::new();
                for here in all.chunks(width) {
                    found.extend(among(list, here).into_iter().map(|at| here[at as usize]));
                }
                prop_assert_eq!(&found, list);
            }
        }
    }
}
