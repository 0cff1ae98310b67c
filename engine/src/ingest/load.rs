//! The course of one load: fingerprint, read, merge, write, commit.

mod aside;
mod known;
mod late;
mod write;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use assay_datasets::schema::{Table, catalog};
use assay_sql::session::{SessionOptions, new_session};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::runtime::Handle;

use self::aside::Aside;
pub(super) use self::known::{Loaded, loaded, loaded_key};
use super::feeds::FeedDefinitions;
use super::keying::{Keyer, Lineage};
use super::lookup::Lookup;
use super::pipeline::{self, Done};
use super::records::{self, InputRead};
use super::repair::{self, Repairs};
use super::select::{self, Fingerprint};
use super::stage::Stage;
use super::{IngestRequest, IngestSummary, Input, Progress, TableSummary, remote, system};
use crate::warehouse::dictionary::{PARTY, VAULT};
use crate::warehouse::{TableSpec, Transaction, UnitFile, Warehouse, clock};
use crate::{EngineError, Result};

pub(super) async fn run(
    warehouse: Warehouse,
    mut request: IngestRequest,
    progress: Arc<dyn Progress>,
) -> Result<IngestSummary> {
    let started = Instant::now();
    let fetched = remote::fetch(&mut request.files).await?;
    run_here(warehouse, request, progress, started).await.map_err(|e| fetched.explain(e))
}

/// Every input is a file of this machine, or a query.
async fn run_here(
    warehouse: Warehouse,
    request: IngestRequest,
    progress: Arc<dyn Progress>,
    started: Instant,
) -> Result<IngestSummary> {
    let mut inputs = select::inputs(&warehouse, &request)?;
    let repairs = repair::load(&warehouse)?;
    // Lines come after the invoices whose parties they may take.
    inputs.sort_by_key(|i| i.table.follows_invoice());
    // Rows that were loaded before their invoice take its parties when it comes.
    let written = catalog()
        .tables()
        .iter()
        .filter(|table| table.follows_invoice() || inputs.iter().any(|input| input.table.name == table.name));
    let written: Vec<[String; 2]> = written.map(|t| [t.name.clone(), system::replaced(t).name]).collect();
    let mut tables: Vec<&str> = written.iter().flatten().map(String::as_str).collect();
    tables.extend([
        system::REJECTED_ROW,
        system::REJECTED_VALUE,
        system::REPAIRED_VALUE,
        system::REPAIRED_CLEAR,
        system::DUPLICATE_ROW,
        system::SKIPPED_ROW,
        system::INGEST_BATCH,
        system::INGEST_FILE,
        system::FEED_DEFINITION,
    ]);
    tables.push(PARTY.table);
    tables.extend(VAULT.iter().map(|k| k.table));
    tables.sort_unstable();
    tables.dedup();
    let transaction = warehouse.begin("ingest", &tables).await?;
    let handle = Handle::current();
    // Reading, converting and merging are work for threads of their own, not for the I/O runtime.
    let load = tokio::task::spawn_blocking(move || {
        let mut load = Load::new(handle, transaction, request, repairs, progress)?;
        match load.run(inputs, started) {
            Ok(summary) => Ok(summary),
            Err(error) => {
                load.give_up();
                Err(error)
            }
        }
    });
    load.await.map_err(|e| EngineError::internal(format!("ingestion stopped: {e}")))?
}

struct Load {
    handle: Handle,
    warehouse: Warehouse,
    transaction: Option<Transaction>,
    request: IngestRequest,
    /// Spills, merges and encodes.
    pool: Arc<ThreadPool>,
    repairs: Repairs,
    progress: Arc<dyn Progress>,
    at: i64,
    batch: String,
    spill: PathBuf,
    /// Holds `spill` when the warehouse is not on this machine.
    _scratch: Option<tempfile::TempDir>,
    summaries: BTreeMap<String, TableSummary>,
    rejects: Aside,
    repaired: Aside,
    examples: Vec<(String, super::Reject)>,
}

impl Load {
    fn new(
        handle: Handle,
        transaction: Transaction,
        request: IngestRequest,
        repairs: Repairs,
        progress: Arc<dyn Progress>,
    ) -> Result<Self> {
        let warehouse = transaction.warehouse().clone();
        let scratch = match warehouse.local_path() {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("assay-spill-").tempdir()?),
        };
        let root = scratch.as_ref().map(tempfile::TempDir::path).or_else(|| warehouse.local_path());
        let spill = root.map_or_else(std::env::temp_dir, std::path::Path::to_owned).join(".spill");
        if spill.exists() {
            // Left by a killed load: the lock is ours, so nobody else uses it.
            std::fs::remove_dir_all(&spill).map_err(EngineError::file(&spill))?;
        }
        let pool = ThreadPoolBuilder::new()
            .num_threads(request.threads.max(1))
            .build()
            .map_err(|e| EngineError::internal(e.to_string()))?;
        Ok(Self {
            handle,
            warehouse,
            transaction: Some(transaction),
            request,
            pool: Arc::new(pool),
            repairs,
            progress,
            at: clock::now_ms(),
            batch: String::new(),
            spill,
            _scratch: scratch,
            summaries: BTreeMap::new(),
            rejects: Aside::rejects(),
            repaired: Aside::repairs(),
            examples: Vec::new(),
        })
    }

    fn tx(&mut self) -> Result<&mut Transaction> {
        self.transaction.as_mut().ok_or_else(|| EngineError::internal("the transaction is over"))
    }

    fn stage(&self, table: &'static Table) -> Result<Stage> {
        Stage::new(table, self.request.memory, self.spill.clone(), Arc::clone(&self.pool))
    }

    fn give_up(&mut self) {
        let _ = std::fs::remove_dir_all(&self.spill);
        if let Some(transaction) = self.transaction.take() {
            // What cannot be removed now (a full disk, say) the next writer removes.
            let _ = self.handle.block_on(transaction.abort());
        }
    }

    fn run(&mut self, inputs: Vec<Input>, started: Instant) -> Result<IngestSummary> {
        let mut prints = self.fingerprints(&inputs)?;
        let definitions = self.definitions()?;
        let known = self.loaded()?;
        let refusal = match self.request.accept_mapping_change {
            true => None,
            false => definitions.check(&inputs).err(),
        };
        let all = inputs.clone();
        let (inputs, already_loaded) = self.skip_loaded(inputs, &prints, &known, &definitions);
        let mut summary = IngestSummary { already_loaded, ..IngestSummary::default() };
        // A change is refused where there is something to load. Files loaded before stay as they are, but not silently.
        if let Some(refusal) = refusal {
            if inputs.iter().any(|input| definitions.changed(&input.feed)) {
                return Err(refusal);
            }
            tracing::warn!("{refusal}");
        }
        if inputs.is_empty() {
            self.give_up();
            summary.seconds = started.elapsed().as_secs_f64();
            return Ok(summary);
        }
        let fresh: HashSet<&PathBuf> = inputs.iter().map(|input| &input.path).collect();
        select::tell_unread_sheets(all.iter().filter(|input| fresh.contains(&input.path)))?;
        self.batch = batch_id(&inputs, &prints, &definitions);
        let base = self.tx()?.base().clone();
        let mut keyer = self.handle.block_on(Keyer::load(&self.warehouse, &base))?;
        let (stages, read) = self.read(&inputs, &mut keyer)?;
        for input in &inputs {
            if let Some(streamed) = input.member.streamed() {
                let print = Fingerprint::of_stream(&input.path, streamed.bytes, streamed.hash);
                prints.insert(input.path.clone(), print);
            }
        }
        // What a query gives is known only now. The same again: nothing to do, as for a file.
        let queries: Vec<Input> = inputs.iter().filter(|i| i.member.is_query()).cloned().collect();
        if !queries.is_empty() && queries.len() == inputs.len() {
            let (fresh, again) = self.skip_loaded(queries, &prints, &known, &definitions);
            if fresh.is_empty() {
                self.give_up();
                summary.already_loaded.extend(again);
                summary.seconds = started.elapsed().as_secs_f64();
                return Ok(summary);
            }
        }
        self.write_aside()?;
        for print in prints.values() {
            print.check_unchanged()?;
        }
        for mut stage in stages {
            stage.settle()?;
            self.write(&mut stage)?;
        }
        self.tell_lines_replaced(&inputs);
        let handle = self.handle.clone();
        let files = records::file_rows(&inputs, &prints, &read, &self.batch, self.at)?;
        handle.block_on(self.tx()?.append(&system::ingest_file(), &[files]))?;
        if let Some(rows) = definitions.rows(&inputs, &self.batch, self.at)? {
            handle.block_on(self.tx()?.append(&system::feed_definition(), &[rows]))?;
        }
        handle.block_on(keyer.save(self.tx()?))?;
        summary.batch.clone_from(&self.batch);
        summary.tables = std::mem::take(&mut self.summaries).into_values().collect();
        summary.examples = std::mem::take(&mut self.examples);
        summary.seconds = started.elapsed().as_secs_f64();
        let record = summary.to_batch(self.at)?;
        handle.block_on(self.tx()?.append(&system::ingest_batch(), &[record]))?;
        handle.block_on(self.tx()?.unite_small_files())?;
        self.progress.phase("commit", 1);
        let Some(transaction) = self.transaction.take() else {
            return Err(EngineError::internal("the transaction is over"));
        };
        handle.block_on(transaction.commit(serde_json::json!({ "batch": summary.batch })))?;
        let _ = std::fs::remove_dir_all(&self.spill);
        summary.seconds = started.elapsed().as_secs_f64();
        Ok(summary)
    }

    fn get(&self, table: &str, file: &UnitFile) -> Result<bytes::Bytes> {
        self.handle.block_on(crate::warehouse::get(&self.warehouse, table, file))
    }

    /// Reads and converts every input; returns the staged rows by table, and of every input what was read.
    fn read(&mut self, inputs: &[Input], keyer: &mut Keyer) -> Result<(Vec<Stage>, Vec<InputRead>)> {
        self.progress.phase("read", 0);
        let context = new_session(&SessionOptions { threads: 1, ..SessionOptions::default() })?;
        let mut stages: BTreeMap<&str, Stage> = BTreeMap::new();
        for input in inputs {
            let name = input.table.name.as_str();
            if !stages.contains_key(name) {
                stages.insert(name, self.stage(input.table)?);
            }
            let summary = self.summaries.entry(name.to_owned()).or_default();
            summary.table = name.to_owned();
            summary.files += 1;
            if !summary.source.split(',').any(|s| s == input.feed.name) {
                let comma = if summary.source.is_empty() { "" } else { "," };
                summary.source.push_str(&format!("{comma}{}", input.feed.name));
            }
        }
        let mut read = vec![0; inputs.len()];
        let threads = self.request.threads;
        let config = self.warehouse.config().clone();
        let repairs = self.repairs.clone();
        let orphans = self.orphans(inputs)?;
        let following = inputs.iter().any(|i| i.table.follows_invoice());
        let mut lookup = Lookup::new(following || !orphans.is_empty(), self.spill.clone());
        let met = pipeline::run(&context, inputs, &repairs, threads, |mut done: Done| {
            let input = &inputs[done.input];
            let label = input.label();
            read[done.input] += done.converted.read;
            self.progress.advance(done.converted.read);
            self.take_rejects(input, &label, &done)?;
            self.take_repairs(input, &label, &done)?;
            let Some(stage) = stages.get_mut(input.table.name.as_str()) else {
                return Err(EngineError::internal("input without a stage"));
            };
            if input.table.follows_invoice() && !lookup.fill(done.input, &mut done.converted, keyer)? {
                return Ok(());
            }
            let lineage = Lineage { source: &input.feed.name, file: &label, batch: &self.batch, at: self.at };
            let schema = Arc::clone(&stage.schema);
            let stored = keyer.stored(input.table, &config, &schema, &done.converted, &lineage)?;
            if input.table.name == "invoice" {
                lookup.note(&stored)?;
            }
            stage.push(stored)
        })?;
        self.take_skipped(inputs, &met.skipped)?;
        for (table, files) in orphans {
            self.adopt(table, &files, &lookup, keyer, &mut stages)?;
        }
        if lookup.holds() {
            self.find_stored(&mut lookup)?;
            lookup.release(keyer, |number, converted, keyer| {
                let input = &inputs[number];
                let Some(stage) = stages.get_mut(input.table.name.as_str()) else {
                    return Err(EngineError::internal("input without a stage"));
                };
                let label = input.label();
                let lineage =
                    Lineage { source: &input.feed.name, file: &label, batch: &self.batch, at: self.at };
                let schema = Arc::clone(&stage.schema);
                stage.push(keyer.stored(input.table, &config, &schema, &converted, &lineage)?)
            })?;
        }
        if lookup.alone > 0 {
            tracing::warn!(
                "{} rows name an invoice that is in no file loaded yet: kept without parties until it comes",
                lookup.alone
            );
        }
        for (input, _) in inputs.iter().zip(&read).filter(|(i, read)| **read == 0 && !i.feed.optional) {
            tracing::warn!("{} holds no record; if it should, ask for it again", input.label());
        }
        let read = read.into_iter().zip(met.delivered);
        let read = read.map(|(records, delivered)| InputRead { records, delivered }).collect();
        Ok((stages.into_values().collect(), read))
    }
}

/// How a canonical table is stored.
pub(crate) fn table_spec(table: &Table) -> TableSpec {
    let mut partition_by = Vec::new();
    if table.period.is_some() {
        partition_by.push("period".to_owned());
    }
    partition_by.push("bucket".to_owned());
    let order = table.bucket_key().into_iter().chain(table.sort.iter().cloned()).collect();
    TableSpec { name: table.name.clone(), schema: table.stored_schema(), partition_by, order }
}

/// The same inputs give the same id, on any machine. Files loaded again because their feed means something else now are
/// another batch than they were before.
fn batch_id(
    inputs: &[Input],
    prints: &HashMap<PathBuf, Fingerprint>,
    definitions: &FeedDefinitions,
) -> String {
    let mut hasher = blake3::Hasher::new();
    for input in inputs {
        for part in [&input.table.name, &input.feed.name, &input.label(), &prints[&input.path].hash] {
            hasher.update(part.as_bytes());
            hasher.update(b"\0");
        }
        if definitions.changed(&input.feed) {
            hasher.update(input.feed.definition.as_bytes());
            hasher.update(b"\0");
        }
    }
    hasher.finalize().to_hex()[..16].to_owned()
}
