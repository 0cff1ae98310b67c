//! What was measured, as it is kept in `quality_measure`: counts small enough to be read whole, from which scores and
//! alerts of all months are made again after a few units were measured anew.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMillisecondType};

use super::pass::Measured;
use super::rule::{Distribution, Rule};
use super::tables::{self, QUALITY_MEASURE};
use crate::Result;
use crate::warehouse::{Commit, Warehouse, get_rows};

/// `measure` of the row that says a unit was measured; its part is the file or the rule.
pub const UNIT: &str = "unit";
/// `measure` of the rows of a batch; its part is the batch.
pub const ROWS: &str = "rows";
/// `part` of the rows a query's rule concerns.
pub const CONCERNED: &str = "concerned";
/// `part` of the rows its query found.
pub const FOUND: &str = "found";
/// `part` where a table the query needs has no rows: nothing can be told.
pub const CANNOT: &str = "cannot";

/// `measure` of rows that fail because their feed does not bring what a rule asks for; its part is rule and columns.
pub const UNDELIVERED: &str = "undelivered";

/// One row of `quality_measure`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// Fingerprint of files and rules.
    pub unit: String,
    /// Table.
    pub table: String,
    /// Month, where the table has one.
    pub period: Option<i32>,
    /// Feed.
    pub source: String,
    /// Rule, distribution, [`UNIT`] or [`ROWS`].
    pub measure: String,
    /// See the constants above; the bin of a distribution.
    pub part: String,
    /// Rows that pass; rows at all.
    pub passed: i64,
    /// Rows that fail.
    pub failed: i64,
    /// Rows of which it cannot be told.
    pub unknown: i64,
    /// Arrival in milliseconds, of [`ROWS`].
    pub at: Option<i64>,
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The measures of a unit.
pub fn of_unit(
    unit: &str,
    path: &str,
    period: Option<i32>,
    rules: &[Arc<Rule>],
    distributions: &[Arc<Distribution>],
    table: &str,
    found: &Measured,
) -> Vec<Measure> {
    let blank = |source: &str, measure: &str, part: &str| Measure {
        unit: unit.to_owned(),
        table: table.to_owned(),
        period,
        source: source.to_owned(),
        measure: measure.to_owned(),
        part: part.to_owned(),
        passed: 0,
        failed: 0,
        unknown: 0,
        at: None,
    };
    let mut all = vec![Measure { passed: signed(found.rows), ..blank("", UNIT, path) }];
    for (source, counts) in &found.counts {
        for (rule, count) in rules.iter().zip(counts) {
            let part = if rule.is_query() { CONCERNED } else { "" };
            all.push(Measure {
                passed: signed(count.passed),
                failed: signed(count.failed),
                unknown: signed(count.unknown),
                ..blank(source, &rule.id, part)
            });
        }
    }
    for (source, bins) in &found.bins {
        for (distribution, bins) in distributions.iter().zip(bins) {
            for (label, rows) in bins {
                all.push(Measure { passed: signed(*rows), ..blank(source, &distribution.id, label) });
            }
        }
    }
    for ((source, rule, columns), rows) in &found.undelivered {
        let Some(rule) = rules.get(*rule) else { continue };
        let part = format!("{} {columns}", rule.id);
        all.push(Measure { failed: signed(*rows), ..blank(source, UNDELIVERED, &part) });
    }
    for ((source, batch), (rows, at)) in &found.arrivals {
        all.push(Measure { passed: signed(*rows), at: Some(*at), ..blank(source, ROWS, batch) });
    }
    all
}

/// All stored measures.
pub async fn load(warehouse: &Warehouse, commit: &Commit) -> Result<Vec<Measure>> {
    let mut all = Vec::new();
    let Some(table) = warehouse.table(commit, QUALITY_MEASURE).await? else { return Ok(all) };
    for batch in get_rows(warehouse, QUALITY_MEASURE, &table.files).await? {
        read(&batch, &mut all)?;
    }
    Ok(all)
}

fn read(batch: &RecordBatch, all: &mut Vec<Measure>) -> Result<()> {
    let schema = batch.schema();
    let column = |name: &str| -> Result<&ArrayRef> { Ok(batch.column(schema.index_of(name)?)) };
    let texts = |name: &str| -> Result<&StringArray> { Ok(column(name)?.as_string::<i32>()) };
    let counts = |name: &str| -> Result<&Int64Array> { Ok(column(name)?.as_primitive::<Int64Type>()) };
    let (unit, table, source) = (texts("unit")?, texts("table_name")?, texts("source")?);
    let (measure, part) = (texts("measure")?, texts("part")?);
    let period = column("period")?.as_primitive::<Int32Type>();
    let (passed, failed, unknown) = (counts("passed")?, counts("failed")?, counts("unknown")?);
    let at = column("at")?.as_primitive::<TimestampMillisecondType>();
    let text = |column: &StringArray, row: usize| {
        if column.is_null(row) { String::new() } else { column.value(row).to_owned() }
    };
    for row in 0..batch.num_rows() {
        all.push(Measure {
            unit: text(unit, row),
            table: text(table, row),
            period: period.is_valid(row).then(|| period.value(row)),
            source: text(source, row),
            measure: text(measure, row),
            part: text(part, row),
            passed: passed.value(row),
            failed: failed.value(row),
            unknown: unknown.value(row),
            at: at.is_valid(row).then(|| at.value(row)),
        });
    }
    Ok(())
}

/// Measures as rows.
pub fn to_batch(all: &[Measure]) -> Result<RecordBatch> {
    let text =
        |f: fn(&Measure) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(all.iter().map(f))) };
    let count =
        |f: fn(&Measure) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(all.iter().map(f))) };
    Ok(RecordBatch::try_new(
        tables::measure().schema,
        vec![
            text(|m| &m.unit),
            text(|m| &m.table),
            Arc::new(Int32Array::from_iter(all.iter().map(|m| m.period))),
            text(|m| &m.source),
            text(|m| &m.measure),
            text(|m| &m.part),
            count(|m| m.passed),
            count(|m| m.failed),
            count(|m| m.unknown),
            Arc::new(TimestampMillisecondArray::from_iter(all.iter().map(|m| m.at))),
        ],
    )?)
}
