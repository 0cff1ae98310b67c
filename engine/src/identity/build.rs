//! The course of a build: what is stale is found anew, decisions are put in, all is committed at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use assay_sql::session::SessionOptions;
use datafusion::execution::context::SessionContext;

use super::block::{Bigrams, Blocks, Keys, id_keys, name_keys};
use super::decision::{Decisions, mark};
use super::definition::{Definition, load};
use super::records::{Record, Register, parser, read_records};
use super::tables::{LINK, Link, Part, RUN, link_batch, link_spec, run_spec};
use super::{contacts, people, resolve, shared_invoice};
use crate::ingest::Progress;
use crate::warehouse::session::{self, Access};
use crate::warehouse::{Commit, TableSpec, Transaction, Warehouse, clock, get_rows};
use crate::{EngineError, Result};

/// Records whose candidates are looked for together: bounds the memory a build takes.
const CHUNK: usize = 100_000;

/// What to build.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// Build what is up to date too.
    pub whole: bool,
    /// Threads and memory.
    pub session: SessionOptions,
}

/// What one part of a build did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PartSummary {
    /// `names`, `invoices`, `people` or `contacts`.
    pub part: String,
    /// Nothing it reads had changed; its links stay.
    pub up_to_date: bool,
    /// Records looked at.
    pub records: usize,
    /// Links stored.
    pub links: usize,
    /// Wall time.
    pub seconds: f64,
    /// What else there is to say, in words.
    pub note: String,
}

/// What a build did.
#[derive(Debug, Clone, Default)]
pub struct BuildSummary {
    /// Its parts.
    pub parts: Vec<PartSummary>,
    /// Score from which a link counts as decided.
    pub cut_off: f64,
}

/// One part, built.
struct Built {
    part: Part,
    fingerprint: String,
    batches: Vec<RecordBatch>,
    summary: PartSummary,
}

/// Builds the links that are not up to date.
///
/// # Errors
/// When a definition is wrong or the warehouse cannot be read or written; links then stay as they were.
pub async fn build(
    warehouse: &Warehouse,
    request: &BuildRequest,
    progress: Arc<dyn Progress>,
) -> Result<BuildSummary> {
    warehouse.heal().await?;
    let (definition, text) = load(warehouse)?;
    let mut transaction = warehouse.begin("links", &[LINK, RUN]).await?;
    let parts = run(warehouse, &mut transaction, request, &definition, &text, progress.as_ref()).await;
    let made = parts.map(|parts| BuildSummary { parts, cut_off: definition.cut_off });
    let info = |made: &BuildSummary| {
        let built = made.parts.iter().filter(|p| !p.up_to_date).map(|p| p.part.as_str());
        serde_json::json!({ "parts": built.collect::<Vec<_>>() })
    };
    transaction.finish(made, info).await
}

async fn run(
    warehouse: &Warehouse,
    transaction: &mut Transaction,
    request: &BuildRequest,
    definition: &Definition,
    text: &str,
    progress: &dyn Progress,
) -> Result<Vec<PartSummary>> {
    let base = transaction.base().clone();
    let before = fingerprints(warehouse, &base).await?;
    let decisions = Decisions::read(warehouse, &base).await?;
    let context = session::open(warehouse, &base, Access::Open, &request.session).await?;
    progress.phase("links", Part::ALL.len());
    let mut summaries = Vec::new();
    for part in Part::ALL {
        let fingerprint = fingerprint(definition, text, &base, part)?;
        if !request.whole && before.get(&(part as i32)) == Some(&fingerprint) {
            summaries.push(PartSummary {
                part: part.code().into(),
                up_to_date: true,
                ..PartSummary::default()
            });
            progress.advance(1);
            continue;
        }
        let started = Instant::now();
        let mut built = match part {
            Part::Names => names(&context, definition, &request.session, &decisions, fingerprint).await?,
            Part::Invoices => invoices(&context, definition, &decisions, fingerprint).await?,
            Part::Contacts => {
                let mut links = contacts::links(&context, definition).await?;
                let records = links.iter().filter(|l| l.rank == 1).count();
                finish(part, fingerprint, records, &mut links, &decisions, String::new())?
            }
            Part::People => {
                let clear = session::open(warehouse, &base, Access::Personal, &request.session).await?;
                persons(&clear, definition, &decisions, fingerprint).await?
            }
        };
        built.summary.seconds = started.elapsed().as_secs_f64();
        store(warehouse, transaction, &base, &built).await?;
        summaries.push(built.summary);
        progress.advance(1);
    }
    Ok(summaries)
}

/// What a part reads; equal fingerprints mean equal links.
fn fingerprint(definition: &Definition, text: &str, base: &Commit, part: Part) -> Result<String> {
    let mut tables: BTreeSet<&str> = ["taxpayer", "party"].into();
    match part {
        Part::Names => {
            tables.extend(["registration_change", "office"]);
            tables.extend(definition.mention.iter().map(|m| m.table.as_str()));
        }
        Part::Invoices => {
            tables.insert("duplicate_row");
            tables.extend(definition.shared_invoice.iter().map(|s| s.table.as_str()));
        }
        Part::Contacts => {}
        Part::People => {
            tables.insert("vault/person");
            tables.extend(definition.role.iter().map(|r| r.table.as_str()));
        }
    }
    let versions: BTreeMap<&str, Option<&u64>> =
        tables.into_iter().map(|t| (t, base.tables.get(t))).collect();
    let mut hasher = blake3::Hasher::new();
    hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
    hasher.update(text.as_bytes());
    for list in super::word_lists() {
        hasher.update(list.as_bytes());
    }
    hasher.update(&serde_json::to_vec(&versions)?);
    Ok(hasher.finalize().to_hex()[..16].to_owned())
}

/// Part → fingerprint of its last build.
async fn fingerprints(warehouse: &Warehouse, base: &Commit) -> Result<BTreeMap<i32, String>> {
    let mut found = BTreeMap::new();
    let Some(table) = warehouse.table(base, RUN).await? else { return Ok(found) };
    for batch in get_rows(warehouse, RUN, &table.files).await? {
        let parts = batch.column(0).as_primitive::<arrow::datatypes::Int32Type>();
        let prints = batch.column(2).as_string::<i32>();
        found.extend(parts.values().iter().copied().zip(prints.iter().flatten().map(str::to_owned)));
    }
    Ok(found)
}

async fn names(
    context: &SessionContext,
    definition: &Definition,
    options: &SessionOptions,
    decisions: &Decisions,
    fingerprint: String,
) -> Result<Built> {
    let parser = parser(context).await?;
    let register = Register::read(context, &parser).await?;
    let records = read_records(context, definition, &parser).await?;
    let (mut links, oversize) = link_names(definition, &register, &records, options).await?;
    let note = if oversize > 0 {
        format!("{oversize} blocking keys shared by too many taxpayers were left aside")
    } else {
        String::new()
    };
    finish(Part::Names, fingerprint, records.len(), &mut links, decisions, note)
}

/// Links records to the register: candidates by blocking keys, scored, the best first. Also the number of keys left
/// aside for being too common.
///
/// # Errors
/// When the join fails.
pub async fn link_names(
    definition: &Definition,
    register: &Register,
    records: &[Record],
    options: &SessionOptions,
) -> Result<(Vec<Link>, usize)> {
    let mut bigrams = Bigrams::default();
    for (_, name) in register.entries.iter().filter_map(|e| e.name.as_ref()) {
        bigrams.count(&name.core);
    }
    let mut keys = Keys::default();
    let mut own = Vec::new();
    for (entry, at) in register.entries.iter().zip(0..) {
        if let Some(number) = &entry.number {
            id_keys(number, &mut own);
        }
        if let Some((_, name)) = &entry.name {
            name_keys(name, &mut own);
            bigrams.rarest(&name.core, &mut own);
        }
        keys.add(at, &mut own);
    }
    let blocks = Blocks::new(keys, &definition.block, options).await?;
    let mut links = Vec::new();
    for (chunk, first) in records.chunks(CHUNK).zip((0..).step_by(CHUNK)) {
        let mut keys = Keys::default();
        for (record, at) in chunk.iter().zip(0..) {
            if let Some(number) = &record.number {
                id_keys(number, &mut own);
            }
            for (_, name) in &record.names {
                name_keys(name, &mut own);
                bigrams.all(&name.core, definition.block.bigram, &mut own);
            }
            keys.add(at, &mut own);
        }
        let pairs = blocks.pairs(keys).await?;
        tracing::debug!(first, records = chunk.len(), pairs = pairs.len(), "candidates");
        links.extend(resolve::resolve(definition, register, chunk, &pairs));
    }
    Ok((links, blocks.oversize))
}

async fn invoices(
    context: &SessionContext,
    definition: &Definition,
    decisions: &Decisions,
    fingerprint: String,
) -> Result<Built> {
    let (mut links, found) = shared_invoice::links(context, definition).await?;
    let sure: BTreeSet<(&str, &str)> = links
        .iter()
        .filter(|l| l.from_kind == "code" && l.rank == 1 && l.score >= definition.cut_off)
        .map(|l| (l.from_space.as_str(), l.from_value.as_str()))
        .collect();
    let note = if found.pairs == 0 {
        String::new()
    } else {
        format!(
            "{} pairs of copies of one invoice ({} counting rows dropped as equal; by chance {:.2}); {} codes meet a firm, \
             {} at {} or more",
            found.pairs,
            found.pairs_in_files,
            found.accidents,
            found.codes_met,
            sure.len(),
            definition.cut_off
        )
    };
    let records = usize::try_from(found.codes).unwrap_or(usize::MAX);
    finish(Part::Invoices, fingerprint, records, &mut links, decisions, note)
}

fn finish(
    part: Part,
    fingerprint: String,
    records: usize,
    links: &mut Vec<Link>,
    decisions: &Decisions,
    note: String,
) -> Result<Built> {
    decisions.apply(part as i32, links);
    let at = clock::now_ms();
    for link in links.iter_mut() {
        link.at = at;
    }
    let batch = link_batch(&fingerprint, links)?;
    let summary =
        PartSummary { part: part.code().into(), records, links: links.len(), note, ..PartSummary::default() };
    Ok(Built { part, fingerprint, batches: vec![batch], summary })
}

async fn persons(
    context: &SessionContext,
    definition: &Definition,
    decisions: &Decisions,
    fingerprint: String,
) -> Result<Built> {
    let mut batches = people::links(context, definition, &fingerprint, clock::now_ms()).await?;
    if decisions.any(Part::People as i32) {
        batches = mark(&batches, decisions)?;
    }
    let links = batches.iter().map(RecordBatch::num_rows).sum();
    let people: BTreeSet<i64> = batches
        .iter()
        .flat_map(|b| {
            b.column(5).as_primitive::<arrow::datatypes::Int64Type>().iter().flatten().collect::<Vec<_>>()
        })
        .collect();
    let summary = PartSummary {
        part: Part::People.code().into(),
        records: people.len(),
        links,
        ..PartSummary::default()
    };
    Ok(Built { part: Part::People, fingerprint, batches, summary })
}

/// Puts a part's rows in the place of its last ones.
async fn store(
    warehouse: &Warehouse,
    transaction: &mut Transaction,
    base: &Commit,
    built: &Built,
) -> Result<()> {
    let part = built.part as i32;
    replace(warehouse, transaction, base, &link_spec(), part, &built.batches).await?;
    replace(warehouse, transaction, base, &run_spec(), part, &[run_row(built)?]).await
}

async fn replace(
    warehouse: &Warehouse,
    transaction: &mut Transaction,
    base: &Commit,
    spec: &TableSpec,
    part: i32,
    batches: &[RecordBatch],
) -> Result<()> {
    if let Some(table) = warehouse.table(base, &spec.name).await? {
        for file in table.files {
            let of = file.bounds.min_values.get("part").and_then(serde_json::Value::as_i64);
            if of == Some(i64::from(part)) {
                transaction.remove(spec, file)?;
            }
        }
    }
    transaction.append(spec, batches).await
}

fn run_row(built: &Built) -> Result<RecordBatch> {
    let text = |t: &str| -> ArrayRef { Arc::new(StringArray::from(vec![t])) };
    let count =
        |n: usize| -> ArrayRef { Arc::new(Int64Array::from(vec![i64::try_from(n).unwrap_or(i64::MAX)])) };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![built.part as i32])),
        text(&built.fingerprint),
        text(&built.fingerprint),
        count(built.summary.records),
        count(built.summary.links),
        Arc::new(Float64Array::from(vec![built.summary.seconds])),
        text(&built.summary.note),
        Arc::new(TimestampMillisecondArray::from(vec![clock::now_ms()])),
    ];
    RecordBatch::try_new(run_spec().schema, columns).map_err(EngineError::from)
}
