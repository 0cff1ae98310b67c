//! The one pass over a unit: every row rule of its table on every batch, counts by source, bins of distributions,
//! arrivals by batch, and the positions of failing rows. Only columns the rules use are decoded; what is kept of
//! failing rows is read afterwards, those rows alone (`place`, `failure`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use arrow::array::{Array, AsArray, DictionaryArray, Int64Array, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Int32Type, Int64Type, TimestampMillisecondType};
use futures::StreamExt;

use super::compile::{Compiled, Counts, Judged, Values};
use super::delivered::Void;
use super::place::Place;
use crate::Result;

/// Bins of a distribution beyond which values are counted together.
const MOST_BINS: usize = 256;
/// The bin of what does not fit.
const OTHER: &str = "…";

/// What a pass found in one unit.
#[derive(Debug, Default)]
pub struct Measured {
    /// Rows.
    pub rows: u64,
    /// By source: verdicts of each rule.
    pub counts: BTreeMap<String, Vec<Counts>>,
    /// By source: rows in each bin of each distribution.
    pub bins: BTreeMap<String, Vec<BTreeMap<String, u64>>>,
    /// By source and batch: rows and time of arrival in milliseconds.
    pub arrivals: BTreeMap<(String, String), (u64, i64)>,
    /// For each rule the positions of failing rows, ascending.
    pub failing: Vec<Vec<u32>>,
    /// By source, rule and the columns it does not bring: rows that fail for nothing but that, not among `failing`.
    pub undelivered: BTreeMap<(String, usize, String), u64>,
}

/// Runs the rules over a unit.
pub async fn measure(place: &Place, compiled: &Compiled, void: &Void, rules: usize) -> Result<Measured> {
    let builder = place.open(compiled.schema(), false).await?;
    let mut stream = builder.build()?;
    let mut found = Measured { failing: vec![Vec::new(); rules], ..Measured::default() };
    while let Some(batch) = stream.next().await {
        let batch = compiled.narrow(&batch?)?;
        found.add(compiled, void, &batch)?;
    }
    Ok(found)
}

impl Measured {
    fn add(&mut self, compiled: &Compiled, void: &Void, batch: &RecordBatch) -> Result<()> {
        let judged = compiled.judge(batch)?;
        let of_feed = self.of_feed(void, batch, &judged)?;
        for (rule, (positions, judged)) in self.failing.iter_mut().zip(&judged).enumerate() {
            // Units have far fewer rows than 2^32: a unit must fit into memory when it is merged.
            let start = u32::try_from(self.rows).unwrap_or(u32::MAX);
            let own =
                of_feed.get(&rule).map_or_else(|| judged.failed.clone(), |rows| &judged.failed & &!rows);
            positions.extend(own.set_indices_u32().map(|at| start.saturating_add(at)));
        }
        let values = values(compiled, batch)?;
        for (source, mask) in groups(batch, "_source")? {
            self.count(&source, mask.as_ref(), &judged, &values);
            self.arrive(&source, mask.as_ref(), batch)?;
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    fn count(&mut self, source: &str, mask: Option<&BooleanBuffer>, judged: &[Judged], values: &[Labels]) {
        let counts =
            self.counts.entry(source.to_owned()).or_insert_with(|| vec![Counts::default(); judged.len()]);
        for (count, judged) in counts.iter_mut().zip(judged) {
            count.add(mask.map_or_else(|| judged.counts(), |mask| judged.counts_of(mask)));
        }
        let bins = self.bins.entry(source.to_owned()).or_insert_with(|| vec![BTreeMap::new(); values.len()]);
        for (bins, labels) in bins.iter_mut().zip(values) {
            labels.count(mask, bins);
        }
    }

    /// By rule: failing rows of feeds that bring nothing the rule could judge; they are counted here.
    fn of_feed(
        &mut self,
        void: &Void,
        batch: &RecordBatch,
        judged: &[Judged],
    ) -> Result<BTreeMap<usize, BooleanBuffer>> {
        let mut found: BTreeMap<usize, BooleanBuffer> = BTreeMap::new();
        if void.is_empty() {
            return Ok(found);
        }
        let loads = groups(batch, "_batch")?;
        for (source, of_source) in groups(batch, "_source")? {
            for (load, of_load) in &loads {
                let here = among(of_source.as_ref(), of_load.as_ref(), batch.num_rows());
                for (rule, columns) in void.of(&source, load) {
                    let failed = &judged[*rule].failed & &here;
                    if failed.count_set_bits() == 0 {
                        continue;
                    }
                    *self.undelivered.entry((source.clone(), *rule, columns.clone())).or_default() +=
                        failed.count_set_bits() as u64;
                    let all =
                        found.entry(*rule).or_insert_with(|| BooleanBuffer::new_unset(batch.num_rows()));
                    *all = &*all | &failed;
                }
            }
        }
        Ok(found)
    }

    fn arrive(&mut self, source: &str, mask: Option<&BooleanBuffer>, batch: &RecordBatch) -> Result<()> {
        let at = batch.column(batch.schema_ref().index_of("_ingested_at")?);
        let at = at.as_primitive::<TimestampMillisecondType>();
        for (name, rows) in groups(batch, "_batch")? {
            let rows = among(rows.as_ref(), mask, batch.num_rows());
            let Some(first) = rows.set_indices().next() else { continue };
            let entry =
                self.arrivals.entry((source.to_owned(), name)).or_insert_with(|| (0, at.value(first)));
            entry.0 += rows.count_set_bits() as u64;
        }
        Ok(())
    }
}

/// The rows two masks have in common; no mask has all of them.
fn among(one: Option<&BooleanBuffer>, other: Option<&BooleanBuffer>, rows: usize) -> BooleanBuffer {
    match (one, other) {
        (Some(one), Some(other)) => one & other,
        (Some(only), None) | (None, Some(only)) => only.clone(),
        (None, None) => BooleanBuffer::new_set(rows),
    }
}

/// The distinct values of a dictionary column with the rows of each; no mask where one value has all rows.
fn groups(batch: &RecordBatch, column: &str) -> Result<Vec<(String, Option<BooleanBuffer>)>> {
    let column = batch.column(batch.schema_ref().index_of(column)?);
    let dictionary = column.as_dictionary::<Int32Type>();
    let texts = dictionary.values().as_string::<i32>();
    let keys = dictionary.keys();
    let mut seen: Vec<i32> = Vec::new();
    for key in keys.values() {
        if seen.last() != Some(key) && !seen.contains(key) {
            seen.push(*key);
        }
    }
    let name =
        |key: i32| usize::try_from(key).ok().filter(|k| *k < texts.len()).map(|k| texts.value(k).to_owned());
    if let [only] = seen[..] {
        return Ok(vec![(name(only).unwrap_or_default(), None)]);
    }
    Ok(seen
        .into_iter()
        .map(|wanted| {
            let rows = BooleanBuffer::collect_bool(keys.len(), |row| keys.values()[row] == wanted);
            (name(wanted).unwrap_or_default(), Some(rows))
        })
        .collect())
}

/// Number of a row without a value.
const NOTHING: u32 = u32::MAX;

/// The values of a distribution over a batch: for each row the number of its label.
struct Labels<'b> {
    labels: Vec<&'b str>,
    rows: Vec<u32>,
}

impl Labels<'_> {
    fn count(&self, mask: Option<&BooleanBuffer>, bins: &mut BTreeMap<String, u64>) {
        // One more than there are labels: what has no value is counted there and forgotten.
        let mut counts = vec![0_u64; self.labels.len() + 1];
        let last = self.labels.len();
        match mask {
            None => self.rows.iter().for_each(|label| counts[(*label as usize).min(last)] += 1),
            Some(mask) => {
                mask.set_indices().for_each(|row| counts[(self.rows[row] as usize).min(last)] += 1);
            }
        }
        for (label, n) in self.labels.iter().zip(counts).filter(|(_, n)| *n > 0) {
            let full = bins.len() >= MOST_BINS && !bins.contains_key(*label);
            *bins.entry(if full { OTHER } else { label }.to_owned()).or_default() += n;
        }
    }
}

fn values<'b>(compiled: &Compiled, batch: &'b RecordBatch) -> Result<Vec<Labels<'b>>> {
    compiled
        .values
        .iter()
        .map(|values| match values {
            Values::Column(at) => Ok(of_texts(batch.column(*at).as_dictionary::<Int32Type>())),
            Values::Number(expr) => {
                let numbers = expr.evaluate(batch)?.into_array(batch.num_rows())?;
                Ok(of_numbers(numbers.as_primitive::<Int64Type>()))
            }
        })
        .collect()
}

fn of_texts(dictionary: &DictionaryArray<Int32Type>) -> Labels<'_> {
    let texts = dictionary.values().as_string::<i32>();
    let number = |key: Option<i32>| key.and_then(|key| u32::try_from(key).ok()).unwrap_or(NOTHING);
    Labels {
        labels: texts.iter().map(Option::unwrap_or_default).collect(),
        rows: dictionary.keys().iter().map(number).collect(),
    }
}

/// Whole numbers between -128 and 127; what lies beyond counts with the last.
fn of_numbers(numbers: &Int64Array) -> Labels<'static> {
    static LABELS: LazyLock<Vec<String>> =
        LazyLock::new(|| (-128..128).map(|n: i32| n.to_string()).collect());
    let number =
        |n: Option<i64>| n.and_then(|n| u32::try_from(n.clamp(-128, 127) + 128).ok()).unwrap_or(NOTHING);
    Labels { labels: LABELS.iter().map(String::as_str).collect(), rows: numbers.iter().map(number).collect() }
}
