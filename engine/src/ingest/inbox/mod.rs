//! A landing zone: a folder (or a prefix of a bucket) into which others put files whenever they like.
//!
//! A run takes what has arrived and is complete, in the order the names say, each file as a load of its own, and moves
//! nothing: what was loaded is known by content from `ingest_file`, so the next run leaves it alone. One bad file does
//! not keep the others out. What a file's name means is in `rules`, when it is complete in `complete`; what rows mean
//! is the mapping's business.

mod complete;
mod md5;
mod naming;
mod rules;
mod zone;

use std::collections::BTreeMap;
use std::sync::Arc;

use assay_datasets::mapping::Feed;

use self::complete::{Completeness, Verdict};
use self::rules::{Rule, Rules};
use self::zone::{Arrival, Zone};
use super::load::{loaded, loaded_key};
use super::select::{self, Fingerprint};
use super::source;
use super::{IngestRequest, IngestSummary, Progress, ingest};
use crate::warehouse::Warehouse;
use crate::{EngineError, Result};

/// Missing numbers of a sequence shown.
const SHOWN: usize = 20;

/// What to take from where.
#[derive(Debug, Clone, Default)]
pub struct InboxRequest {
    /// A folder, or `s3://bucket/prefix`.
    pub place: String,
    /// Mappings whose feeds take files by their own patterns, beside the rules of `definitions/inbox.toml`.
    pub mappings: Vec<String>,
    /// When a file is complete, unless its rule says otherwise: `stable:60s`, `done-file`, `manifest`.
    pub complete: Option<String>,
    /// How each file is loaded; its files, mapping, table and feed are set for each.
    pub load: IngestRequest,
}

/// What became of a file.
#[derive(Debug)]
pub enum FileState {
    /// Loaded now.
    Loaded(Box<IngestSummary>),
    /// Loaded before, in this batch.
    Known(String),
    /// Not complete yet, and why.
    Waiting(String),
    /// No rule and no feed takes a file of this name.
    Unmapped,
    /// It could not be loaded, and why.
    Failed(String),
}

/// A file of the landing zone.
#[derive(Debug)]
pub struct InboxFile {
    /// Its path inside the landing zone.
    pub name: String,
    /// What became of it.
    pub state: FileState,
}

/// A run's outcome.
#[derive(Debug, Default)]
pub struct InboxSummary {
    /// Every file but markers and manifests, in the order taken.
    pub files: Vec<InboxFile>,
    /// What is missing in sequences of names, and files a manifest names that are not there.
    pub missing: Vec<String>,
}

/// A file and what takes it.
struct Candidate {
    arrival: Arrival,
    order: (String, u64),
    rule: Option<usize>,
}

/// Takes what is there.
///
/// # Errors
/// When the landing zone cannot be read, its rules are wrong, or the warehouse cannot be written; what is wrong with a
/// single file is in its state.
pub async fn take(
    warehouse: &Warehouse,
    request: InboxRequest,
    progress: Arc<dyn Progress>,
) -> Result<InboxSummary> {
    let rules = Rules::load(warehouse, request.complete.as_deref())?;
    let feeds = feeds(warehouse, &request, &rules)?;
    let zone = Zone::open(&request.place)?;
    let arrivals = zone.list().await?;
    let mut completeness = Completeness::new(&zone, &arrivals, &rules);
    let mut candidates = candidates(&rules, &arrivals)?;
    candidates.sort_by(|a, b| (&a.order, &a.arrival.name).cmp(&(&b.order, &b.arrival.name)));
    let known = loaded(warehouse, &warehouse.head().await?).await?;
    let mut summary = InboxSummary { missing: gaps(&rules, &candidates), ..InboxSummary::default() };
    for candidate in candidates {
        let rule = candidate.rule.map(|r| &rules.rules[r]);
        let arrival = &candidate.arrival;
        let state = match route(rule, &feeds, &zone, arrival) {
            None => FileState::Unmapped,
            Some((mapping, table, feed)) => match completeness.of(arrival, rule).await? {
                Verdict::Waiting(why) => FileState::Waiting(why),
                Verdict::Broken(why) => FileState::Failed(why),
                Verdict::Complete => {
                    let mut load = IngestRequest { mapping, feed, ..request.load.clone() };
                    load.table = table.or(load.table);
                    load.files = vec![zone.address(&arrival.name)];
                    match known_batch(warehouse, &zone, &load, &known) {
                        Ok(Some(batch)) => FileState::Known(batch),
                        Ok(None) => load_one(warehouse, load, &progress).await?,
                        Err(error) => FileState::Failed(error.to_string()),
                    }
                }
            },
        };
        summary.files.push(InboxFile { name: candidate.arrival.name, state });
    }
    summary.missing.extend(completeness.missing());
    Ok(summary)
}

async fn load_one(
    warehouse: &Warehouse,
    load: IngestRequest,
    progress: &Arc<dyn Progress>,
) -> Result<FileState> {
    match Box::pin(ingest(warehouse, load, Arc::clone(progress))).await {
        Ok(mut done) if done.tables.is_empty() => {
            let batch = done.already_loaded.pop().map(|(_, batch)| batch).unwrap_or_default();
            Ok(FileState::Known(batch))
        }
        Ok(done) => Ok(FileState::Loaded(Box::new(done))),
        // The next file would meet the same: a locked warehouse, a store out of reach, a full disk, a bug.
        Err(error @ (EngineError::Warehouse(_) | EngineError::Store(_) | EngineError::Internal(_))) => {
            Err(error)
        }
        Err(error) => Ok(FileState::Failed(error.to_string())),
    }
}

/// The batch in which all of the file was loaded, found without a transaction. Remote files would have to be fetched
/// for it; their load finds out.
fn known_batch(
    warehouse: &Warehouse,
    zone: &Zone,
    load: &IngestRequest,
    known: &super::load::Loaded,
) -> Result<Option<String>> {
    if !zone.is_local() || load.accept_mapping_change {
        return Ok(None);
    }
    let inputs = select::inputs(warehouse, load)?;
    let mut batch = None;
    let Some(first) = inputs.first() else { return Ok(None) };
    let hash = Fingerprint::take(&first.path)?.hash;
    for input in &inputs {
        match known.get(&loaded_key(input, &hash)) {
            Some(found) => batch = Some(found.clone()),
            None => return Ok(None),
        }
    }
    Ok(batch)
}

/// Feeds by mapping, for files no rule takes.
fn feeds(warehouse: &Warehouse, request: &InboxRequest, rules: &Rules) -> Result<Vec<(String, Vec<Feed>)>> {
    let mut feeds = Vec::new();
    for name in &request.mappings {
        feeds.push((name.clone(), select::find_mapping(warehouse, name)?.feeds));
    }
    if feeds.is_empty() && rules.rules.is_empty() {
        return Err(EngineError::input(
            "nothing says what the files of the landing zone are: name mappings with --mapping, or write \
             definitions/inbox.toml into the warehouse with a [[rule]] for each kind of file, for example\n  \
             [[rule]]\n  files = \"invoices_{date}_{seq}.csv\"\n  mapping = \"etax\"",
        ));
    }
    Ok(feeds)
}

type Route = (Option<String>, Option<String>, Option<String>);

/// Mapping, table and feed that take the file.
fn route(
    rule: Option<&Rule>,
    feeds: &[(String, Vec<Feed>)],
    zone: &Zone,
    arrival: &Arrival,
) -> Option<Route> {
    if let Some(rule) = rule {
        return Some((rule.mapping.clone(), rule.table.clone(), rule.feed.clone()));
    }
    let packed = arrival.name.to_lowercase().ends_with(".zip");
    let members = match zone.local(&arrival.name) {
        Some(path) if packed => source::members(&path).unwrap_or_default(),
        _ => Vec::new(),
    };
    let takes = |feed: &Feed| {
        naming::takes(feed, arrival.file_name()) || members.iter().any(|m| select::takes(feed, m))
    };
    let (mapping, _) = feeds.iter().find(|(_, feeds)| feeds.iter().any(takes))?;
    Some((Some(mapping.clone()), None, None))
}

/// Files that are neither markers nor manifests, with their place in the order.
fn candidates(rules: &Rules, arrivals: &[Arrival]) -> Result<Vec<Candidate>> {
    let data: Vec<&Arrival> = arrivals.iter().filter(|a| !rules.is_marker(a, arrivals)).collect();
    let names: Vec<&str> = data.iter().map(|a| a.name.as_str()).collect();
    let mut found: Vec<Candidate> = data
        .iter()
        .map(|a| Candidate { arrival: (*a).clone(), order: Default::default(), rule: None })
        .collect();
    for (index, rule) in rules.rules.iter().enumerate() {
        for (candidate, parts) in found.iter_mut().zip(rule.name.read(&names)?) {
            if let (None, Some(parts)) = (candidate.rule, parts) {
                candidate.rule = Some(index);
                candidate.order = (parts.day, parts.sequence.unwrap_or_default());
            }
        }
    }
    Ok(found)
}

/// Numbers missing in the sequences of names. A sequence starts anew every day where the name has a day, unless the rule
/// says that it runs on.
fn gaps(rules: &Rules, candidates: &[Candidate]) -> Vec<String> {
    let mut sequences: BTreeMap<(usize, String), Vec<u64>> = BTreeMap::new();
    for candidate in candidates {
        let Some(index) = candidate.rule.filter(|r| rules.rules[*r].name.has_sequence()) else { continue };
        let day = if rules.rules[index].running { String::new() } else { candidate.order.0.clone() };
        sequences.entry((index, day)).or_default().push(candidate.order.1);
    }
    let mut missing = Vec::new();
    for ((index, day), mut numbers) in sequences {
        numbers.sort_unstable();
        let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { continue };
        let absent: Vec<String> = (*first..*last)
            .filter(|n| numbers.binary_search(n).is_err())
            .take(SHOWN)
            .map(|n| n.to_string())
            .collect();
        if absent.is_empty() {
            continue;
        }
        let of = if day.is_empty() { String::new() } else { format!(" of {day}") };
        missing.push(format!(
            "{}: number {}{of} is missing between {first} and {last}; ask the sender for it \
             (序号不连续，请向报送方索取)",
            rules.rules[index].name,
            absent.join(", ")
        ));
    }
    missing
}
