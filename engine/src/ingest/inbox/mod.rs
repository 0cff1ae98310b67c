//! A landing zone: a folder (or a prefix of a bucket) into which others put files whenever they like.
//!
//! A run takes what has arrived and is complete, in the order the names say, each file as a load of its own, and moves
//! nothing: what was loaded is known by content from `ingest_file`, so the next run leaves it alone. One bad file does
//! not keep the others out. What a file's name means is in `rules`, when it is complete in `complete`; what rows mean
//! is the mapping's business.

mod complete;
mod naming;
mod rules;
mod zone;

use std::collections::BTreeMap;
use std::sync::Arc;

use assay_datasets::mapping::Feed;

use self::complete::{Completeness, Verdict};
use self::rules::{Rule, Rules};
use self::zone::{Arrival, Zone};
use super::load::{Loaded, loaded, loaded_key};
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
    /// Loaded now in one load with others, as its rule wants it: batch, and the file that stands for all of them.
    LoadedWith(String, String),
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
    let mut candidates = candidates(&rules, &arrivals)?;
    candidates.sort_by(|a, b| (&a.order, &a.arrival.name).cmp(&(&b.order, &b.arrival.name)));
    let mut summary = InboxSummary { missing: gaps(&rules, &candidates), ..InboxSummary::default() };
    let known = loaded(warehouse, &warehouse.head().await?).await?;
    let completeness = Completeness::new(&zone, &arrivals, &rules);
    let mut judge = Judge { warehouse, load: &request.load, feeds: &feeds, zone: &zone, known, completeness };
    let loader = Loader { warehouse, progress: &progress };
    let mut group = Group::default();
    let mut decisions = Vec::with_capacity(candidates.len());
    for candidate in &candidates {
        let rule = candidate.rule.map(|r| &rules.rules[r]);
        decisions.push(judge.decide(&candidate.arrival, rule).await?);
    }
    keep_order(&rules, &candidates, &mut decisions);
    for (candidate, decision) in candidates.into_iter().zip(decisions) {
        let rule = candidate.rule.map(|r| &rules.rules[r]);
        let together = rule.is_some_and(|r| r.together);
        if matches!(decision, Decision::Load(_)) && !(together && group.rule == candidate.rule) {
            loader.load_group(&mut group, &mut summary.files).await?;
        }
        let state = match decision {
            Decision::Done(state) => state,
            Decision::Load(load) if together => {
                group.rule = candidate.rule;
                group.members.push((summary.files.len(), load));
                FileState::Waiting(String::new())
            }
            Decision::Load(load) => loader.load_one(load).await?,
        };
        summary.files.push(InboxFile { name: candidate.arrival.name, state });
    }
    loader.load_group(&mut group, &mut summary.files).await?;
    summary.missing.extend(judge.completeness.missing());
    Ok(summary)
}

/// Where names say an order, rows of later files replace those of earlier ones: a file waits for one before it that is
/// not complete, and one that arrives after later ones were loaded is not loaded unasked.
fn keep_order(rules: &Rules, candidates: &[Candidate], decisions: &mut [Decision]) {
    let ordered =
        |c: &Candidate| c.rule.filter(|r| rules.rules[*r].name.has_order() && !rules.rules[*r].late);
    let mut waits: BTreeMap<usize, (&(String, u64), &str)> = BTreeMap::new();
    let mut newest: BTreeMap<usize, (&(String, u64), &str)> = BTreeMap::new();
    for (candidate, decision) in candidates.iter().zip(decisions.iter()) {
        let (Some(rule), Decision::Done(FileState::Known(_))) = (ordered(candidate), decision) else {
            continue;
        };
        newest.insert(rule, (&candidate.order, &candidate.arrival.name));
    }
    for (candidate, decision) in candidates.iter().zip(decisions) {
        let Some(rule) = ordered(candidate) else { continue };
        match decision {
            Decision::Done(FileState::Waiting(_)) => {
                waits.entry(rule).or_insert((&candidate.order, &candidate.arrival.name));
            }
            Decision::Load(_) => {
                let before = waits.get(&rule).filter(|(order, _)| *order < &candidate.order);
                let after = newest.get(&rule).filter(|(order, _)| *order > &candidate.order);
                if let Some((_, name)) = before {
                    let why = format!("comes after {name}, which is not complete yet (前面的文件尚未到齐)");
                    *decision = Decision::Done(FileState::Waiting(why));
                } else if let Some((_, name)) = after {
                    *decision = Decision::Done(FileState::Failed(late(&candidate.arrival.name, name)));
                }
            }
            Decision::Done(_) => {}
        }
    }
}

fn late(name: &str, newer: &str) -> String {
    format!(
        "it arrived late: {newer} was loaded before, and rows of {name} would replace newer ones. Load it by hand, and the \
         later files again, or write late = \"load\" into its rule where rows of different files never meet (迟到文件，未导入)"
    )
}

/// Says of each file whether it is loaded now, and how.
struct Judge<'a> {
    warehouse: &'a Warehouse,
    load: &'a IngestRequest,
    feeds: &'a [(String, Vec<Feed>)],
    zone: &'a Zone,
    known: Loaded,
    completeness: Completeness<'a>,
}

impl Judge<'_> {
    async fn decide(&mut self, arrival: &Arrival, rule: Option<&Rule>) -> Result<Decision> {
        let Some((mapping, table, feed)) = route(rule, self.feeds, self.zone, arrival) else {
            return Ok(Decision::Done(FileState::Unmapped));
        };
        let mut load = IngestRequest { mapping, feed, ..self.load.clone() };
        load.table = table.or(load.table);
        load.files = vec![self.zone.address(&arrival.name)];
        let judged = match self.completeness.of(arrival, rule).await {
            Ok(Verdict::Waiting(why)) => Ok(Some(FileState::Waiting(why))),
            Ok(Verdict::Broken(why)) => Ok(Some(FileState::Failed(why))),
            Ok(Verdict::Complete) => {
                known_batch(self.warehouse, self.zone, &load, &self.known).map(|b| b.map(FileState::Known))
            }
            Err(error) => Err(error),
        };
        match judged {
            Ok(Some(state)) => Ok(Decision::Done(state)),
            Ok(None) => Ok(Decision::Load(load)),
            Err(error) if is_ours(&error) => Err(error),
            Err(error) => Ok(Decision::Done(FileState::Failed(error.to_string()))),
        }
    }
}

enum Decision {
    Done(FileState),
    Load(IngestRequest),
}

/// Files of one rule that follow each other and are loaded together: their places in the summary and their loads.
#[derive(Default)]
struct Group {
    rule: Option<usize>,
    members: Vec<(usize, IngestRequest)>,
}

struct Loader<'a> {
    warehouse: &'a Warehouse,
    progress: &'a Arc<dyn Progress>,
}

impl Loader<'_> {
    async fn load_one(&self, load: IngestRequest) -> Result<FileState> {
        match Box::pin(ingest(self.warehouse, load, Arc::clone(self.progress))).await {
            Ok(mut done) if done.tables.is_empty() => {
                let batch = done.already_loaded.pop().map(|(_, batch)| batch).unwrap_or_default();
                Ok(FileState::Known(batch))
            }
            Ok(done) => Ok(FileState::Loaded(Box::new(done))),
            Err(error) if is_ours(&error) => Err(error),
            Err(error) => Ok(FileState::Failed(error.to_string())),
        }
    }

    /// Loads what has gathered in one load. When that fails, one by one, so that the bad file is known and the others
    /// get in.
    async fn load_group(&self, group: &mut Group, files: &mut [InboxFile]) -> Result<()> {
        let members = std::mem::take(&mut group.members);
        group.rule = None;
        if members.len() > 1 {
            let mut all = members[0].1.clone();
            all.files = members.iter().flat_map(|(_, load)| load.files.clone()).collect();
            match Box::pin(ingest(self.warehouse, all, Arc::clone(self.progress))).await {
                Ok(done) if !done.tables.is_empty() => {
                    let (batch, first) = (done.batch.clone(), files[members[0].0].name.clone());
                    for (place, _) in &members[1..] {
                        files[*place].state = FileState::LoadedWith(batch.clone(), first.clone());
                    }
                    files[members[0].0].state = FileState::Loaded(Box::new(done));
                    return Ok(());
                }
                Err(error) if is_ours(&error) => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        for (place, load) in members {
            files[place].state = self.load_one(load).await?;
        }
        Ok(())
    }
}

/// Whether the next file would meet the same: a locked warehouse, a store out of reach, a full disk, a bug.
fn is_ours(error: &EngineError) -> bool {
    matches!(error, EngineError::Warehouse(_) | EngineError::Store(_) | EngineError::Internal(_))
}

/// The batch in which all of the file was loaded, found without a transaction. Remote files would have to be fetched
/// for it; their load finds out.
fn known_batch(
    warehouse: &Warehouse,
    zone: &Zone,
    load: &IngestRequest,
    known: &Loaded,
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
    let markers = rules.markers(arrivals)?;
    let data: Vec<&Arrival> = arrivals.iter().zip(markers).filter(|(_, m)| !m).map(|(a, _)| a).collect();
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
