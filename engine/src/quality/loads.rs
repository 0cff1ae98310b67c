//! Rows that loads rejected. They stand in no table a rule looks at, and yet are the first thing to know of a feed: the
//! share of a feed's latest load that could not be read is a rule of its own. Earlier loads do not count, so that
//! putting a feed right shows.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{Int64Type, TimestampMillisecondType};

use super::measure::Measure;
use super::rule::{Claim, Dimension, Owner, Severity};
use super::score::Score;
use super::stale::finish;
use crate::Result;
use crate::ingest::system::{INGEST_FILE, REJECTED_ROW};
use crate::warehouse::{Commit, Warehouse, get, get_rows, read_unit};

/// Rule of rows that can be loaded; also `measure` of its rows, whose part is the batch.
pub const LOADED: &str = "L-01";

/// A table and feed.
type Feed = (String, String);

/// Fingerprint of what loads noted, told from the paths of its files; `None` where nothing was loaded.
pub async fn fingerprint(warehouse: &Warehouse, commit: &Commit) -> Result<Option<String>> {
    let mut hasher = blake3::Hasher::new();
    let Some(files) = warehouse.table(commit, INGEST_FILE).await? else { return Ok(None) };
    let rejected = warehouse.table(commit, REJECTED_ROW).await?;
    for file in files.files.iter().chain(rejected.iter().flat_map(|table| &table.files)) {
        hasher.update(file.path.as_bytes());
        hasher.update(&[0]);
    }
    Ok((!files.files.is_empty()).then(|| finish(&hasher)))
}

/// Rows read and rejected by the latest load of each table and feed; `print` is the fingerprint they are kept under.
pub async fn measures(warehouse: &Warehouse, commit: &Commit, print: &str) -> Result<Vec<Measure>> {
    let mut latest = latest(warehouse, commit, print).await?;
    let Some(table) = warehouse.table(commit, REJECTED_ROW).await? else {
        return Ok(latest.into_values().collect());
    };
    for file in &table.files {
        let bytes = get(warehouse, REJECTED_ROW, file).await?;
        for batch in read_unit(bytes, Some(&["table_name", "_source", "_batch"]))? {
            let (tables, sources) = (texts(&batch, "table_name")?, texts(&batch, "_source")?);
            let batches = texts(&batch, "_batch")?;
            let mut counts: HashMap<(&str, &str, &str), i64> = HashMap::new();
            for row in 0..batch.num_rows() {
                *counts.entry((tables.value(row), sources.value(row), batches.value(row))).or_default() += 1;
            }
            for ((table, source, id), rejected) in counts {
                let feed = (table.to_owned(), source.to_owned());
                if let Some(measure) = latest.get_mut(&feed).filter(|m| m.part == id) {
                    measure.passed -= rejected;
                    measure.failed += rejected;
                }
            }
        }
    }
    Ok(latest.into_values().collect())
}

/// The rows read by the latest load of each table and feed, as if all had passed.
async fn latest(warehouse: &Warehouse, commit: &Commit, print: &str) -> Result<BTreeMap<Feed, Measure>> {
    let mut latest: BTreeMap<Feed, Measure> = BTreeMap::new();
    let Some(table) = warehouse.table(commit, INGEST_FILE).await? else { return Ok(latest) };
    for batch in get_rows(warehouse, INGEST_FILE, &table.files).await? {
        let (ids, tables, sources) =
            (texts(&batch, "batch")?, texts(&batch, "table_name")?, texts(&batch, "source")?);
        let read = column(&batch, "rows_read")?.as_primitive::<Int64Type>();
        let at = column(&batch, "ingested_at")?.as_primitive::<TimestampMillisecondType>();
        for row in 0..batch.num_rows() {
            let feed = (tables.value(row).to_owned(), sources.value(row).to_owned());
            let (id, at) = (ids.value(row), Some(at.value(row)));
            let known = latest.get(&feed);
            let before = match known {
                Some(known) if known.part == id => known.passed,
                Some(known) if known.at > at => continue,
                _ => 0,
            };
            let measure = Measure {
                unit: print.into(),
                table: feed.0.clone(),
                period: None,
                source: feed.1.clone(),
                measure: LOADED.into(),
                part: id.to_owned(),
                passed: before + read.value(row),
                failed: 0,
                unknown: 0,
                at,
            };
            latest.insert(feed, measure);
        }
    }
    Ok(latest)
}

fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b ArrayRef> {
    Ok(batch.column(batch.schema_ref().index_of(name)?))
}

fn texts<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b StringArray> {
    Ok(column(batch, name)?.as_string())
}

/// What the measures of loads say.
pub fn scores(measures: &[Measure]) -> impl Iterator<Item = Score> + '_ {
    measures.iter().filter(|m| m.measure == LOADED).map(|m| Score {
        table: m.table.clone(),
        source: m.source.clone(),
        period: None,
        rule: LOADED.into(),
        dimension: Dimension::Validity,
        severity: Severity::High,
        claim: Claim::Defect,
        zh: "最近一次装载的行都能读入".into(),
        en: "rows of the latest load could all be read".into(),
        owner: Owner::Source,
        checked: m.passed + m.failed,
        failed: m.failed,
        unknown: 0,
    })
}
