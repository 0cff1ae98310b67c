//! What every feed meant when it was last loaded. A feed that keeps its name and changes its meaning would put rows
//! of two meanings under one source; it is refused, or accepted aloud and recorded in `feed_definition`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, TimestampMillisecondArray};
use assay_datasets::mapping::Feed;
use bytes::Bytes;

use super::{Input, system};
use crate::warehouse::read_unit;
use crate::{EngineError, Result};

/// Differences shown of a changed feed.
const SHOWN: usize = 6;

/// A definition as recorded.
#[derive(Debug, Clone)]
struct Recorded {
    hash: String,
    definition: String,
    batch: String,
}

/// The newest recorded definition of every feed.
#[derive(Debug, Default)]
pub struct FeedDefinitions {
    newest: HashMap<String, Recorded>,
}

impl FeedDefinitions {
    /// From the files of `feed_definition`, oldest first.
    pub fn read(files: impl Iterator<Item = Result<Bytes>>) -> Result<Self> {
        let mut newest = HashMap::new();
        for file in files {
            for batch in read_unit(file?, None)? {
                let text = |i: usize| batch.column(i).as_string::<i32>();
                for r in 0..batch.num_rows() {
                    let recorded = Recorded {
                        hash: text(2).value(r).to_owned(),
                        definition: text(4).value(r).to_owned(),
                        batch: text(5).value(r).to_owned(),
                    };
                    newest.insert(text(0).value(r).to_owned(), recorded);
                }
            }
        }
        Ok(Self { newest })
    }

    /// Whether the feed means something else than when it was last loaded. A feed never recorded does not.
    pub fn changed(&self, feed: &Feed) -> bool {
        self.newest.get(&feed.name).is_some_and(|r| {
            let differs = !feed.definition.is_empty() && r.hash != hash(feed);
            differs && without_order(&feed.definition) != r.definition
        })
    }

    /// Refuses feeds that changed.
    pub fn check(&self, inputs: &[Input]) -> Result<()> {
        let mut problems: BTreeMap<&str, String> = BTreeMap::new();
        for input in inputs.iter().filter(|i| self.changed(&i.feed)) {
            let Some(recorded) = self.newest.get(&input.feed.name) else { continue };
            problems.entry(&input.feed.name).or_insert_with(|| {
                format!(
                    "feed {} is not what it was when it was last recorded (batch {}): {}",
                    input.feed.name,
                    recorded.batch,
                    differences(&recorded.definition, &input.feed.definition)
                )
            });
        }
        if problems.is_empty() {
            return Ok(());
        }
        let problems: Vec<String> = problems.into_values().collect();
        Err(EngineError::input(format!(
            "{}. Rows of one source would mean two things, so nothing was loaded. Give the changed feed another name in \
             the mapping; or, if the change only corrects it, load with --accept-mapping-change: the change is then \
             recorded in feed_definition, and files loaded before may be loaded again with it",
            problems.join(".\n")
        )))
    }

    /// Rows of `feed_definition` for the feeds that are new or changed; `None` when there is none.
    pub fn rows(&self, inputs: &[Input], batch: &str, at: i64) -> Result<Option<RecordBatch>> {
        let mut seen = BTreeSet::new();
        let fresh: Vec<&Feed> = inputs
            .iter()
            .map(|i| i.feed.as_ref())
            .filter(|f| {
                !f.definition.is_empty() && self.newest.get(&f.name).is_none_or(|r| r.hash != hash(f))
            })
            .filter(|f| seen.insert(f.name.clone()))
            .collect();
        if fresh.is_empty() {
            return Ok(None);
        }
        let text = |value: &dyn Fn(&Feed) -> Option<String>| -> ArrayRef {
            Arc::new(fresh.iter().map(|f| value(f)).collect::<StringArray>())
        };
        let times = std::iter::repeat_n(at, fresh.len());
        let columns: Vec<ArrayRef> = vec![
            text(&|f| Some(f.name.clone())),
            text(&|f| Some(f.table.clone())),
            text(&|f| Some(hash(f))),
            text(&|f| self.newest.get(&f.name).map(|r| r.hash.clone())),
            text(&|f| Some(f.definition.clone())),
            text(&|_| Some(batch.to_owned())),
            Arc::new(TimestampMillisecondArray::from_iter_values(times)),
        ];
        Ok(Some(RecordBatch::try_new(system::feed_definition().schema, columns)?))
    }
}

/// A definition as it was recorded before the order of columns counted as part of what a feed means.
fn without_order(definition: &str) -> String {
    let mut table = definition.parse::<toml::Table>().unwrap_or_default();
    table.retain(|key, _| !["header", "layout", "layout_unit"].contains(&key));
    toml::to_string(&table).unwrap_or_default()
}

fn hash(feed: &Feed) -> String {
    blake3::hash(feed.definition.as_bytes()).to_hex()[..16].to_owned()
}

/// What differs between two definitions, key by key.
fn differences(before: &str, now: &str) -> String {
    let (before, now) = (flat(before), flat(now));
    let keys: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let mut found: Vec<String> = Vec::new();
    for key in keys {
        match (before.get(key), now.get(key)) {
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) => found.push(format!("{key} was {a} and is {b}")),
            (Some(a), None) => found.push(format!("{key} was {a} and is gone")),
            (None, Some(b)) => found.push(format!("{key} is new, {b}")),
            (None, None) => {}
        }
    }
    let more = found.len().saturating_sub(SHOWN);
    found.truncate(SHOWN);
    if more > 0 {
        found.push(format!("and {more} more"));
    }
    found.join("; ")
}

/// `columns.amount` → its value, one level deep.
fn flat(definition: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (key, value) in definition.parse::<toml::Table>().unwrap_or_default() {
        match value {
            toml::Value::Table(inner) => {
                all.extend(inner.into_iter().map(|(k, v)| (format!("{key}.{k}"), v.to_string())));
            }
            other => {
                all.insert(key, other.to_string());
            }
        }
    }
    all
}
