//! The course of one load: fingerprint, read, merge, write, commit.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use ahash::AHashSet;
use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use assay_datasets::schema::{PERIOD, PeriodSource, Table, catalog};
use assay_sql::session::{SessionOptions, new_session};
use rayon::prelude::*;
use tokio::runtime::Handle;

use super::feeds::FeedDefinitions;
use super::keying::{Keyer, Lineage};
use super::lookup::{Lookup, NO_MONTH};
use super::merge;
use super::moved::{Homes, KeyLog, Moved};
use super::pipeline::{self, Done};
use super::records::{self, InputRead};
use super::reject::{self, Origin};
use super::remote;
use super::repair::{self, Repairs};
use super::select::{self, Fingerprint};
use super::source::shape::Skipped;
use super::stage::{KeyHash, Stage, UnitRows};
use super::{IngestRequest, IngestSummary, Input, Progress, TableSummary, system};
use crate::warehouse::dictionary::{PARTY, VAULT};
use crate::warehouse::{
    Commit, TableFiles, TableSpec, Transaction, UnitEncoder, UnitFile, UnitKey, Warehouse, clock, conform,
    read_unit,
};
use crate::{EngineError, Result};

/// Rejected rows held before they are written as a file.
const REJECTS_A_FILE: usize = 100_000;
/// Rows gathered at once when a unit is written: enough for the kernels, little beside the unit.
const GATHER_ROWS: usize = 1 << 16;
/// Repaired cells held before they are written as a file.
const REPAIRS_A_FILE: usize = 500_000;
/// Rejected rows shown at the end of a load.
const EXAMPLES: usize = 5;

/// Unit → keys whose rows must go from it.

/// Feed, content hash and member of what was loaded → batch.
pub(super) type Loaded = HashMap<(String, String, String), String>;

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
    let mut tables: Vec<&str> = inputs.iter().map(|i| i.table.name.as_str()).collect();
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
    // Rows that were loaded before their invoice take its parties when it comes.
    tables.extend(catalog().tables().iter().filter(|t| t.follows_invoice()).map(|t| t.name.as_str()));
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
    repairs: Repairs,
    progress: Arc<dyn Progress>,
    at: i64,
    batch: String,
    spill: PathBuf,
    /// Holds `spill` when the warehouse is not on this machine.
    _scratch: Option<tempfile::TempDir>,
    summaries: BTreeMap<String, TableSummary>,
    rejects: usize,
    /// Rejected rows not yet written: open and vault part.
    waiting: Vec<(RecordBatch, RecordBatch)>,
    waiting_rows: usize,
    repaired: usize,
    /// Repaired cells not yet written: open and vault part.
    mended: Vec<(RecordBatch, RecordBatch)>,
    mended_rows: usize,
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
        Ok(Self {
            handle,
            warehouse,
            transaction: Some(transaction),
            request,
            repairs,
            progress,
            at: clock::now_ms(),
            batch: String::new(),
            spill,
            _scratch: scratch,
            summaries: BTreeMap::new(),
            rejects: 0,
            waiting: Vec::new(),
            waiting_rows: 0,
            repaired: 0,
            mended: Vec::new(),
            mended_rows: 0,
            examples: Vec::new(),
        })
    }

    fn tx(&mut self) -> Result<&mut Transaction> {
        self.transaction.as_mut().ok_or_else(|| EngineError::internal("the transaction is over"))
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
        let (inputs, already_loaded) = self.skip_loaded(inputs, &prints, &known, &definitions);
        let mut summary = IngestSummary { already_loaded, ..IngestSummary::default() };
        if inputs.is_empty() {
            self.give_up();
            summary.seconds = started.elapsed().as_secs_f64();
            return Ok(summary);
        }
        if !self.request.accept_mapping_change {
            definitions.check(&inputs)?;
        }
        self.batch = batch_id(&inputs, &prints);
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
        self.write_rejects()?;
        self.write_repairs()?;
        for print in prints.values() {
            print.check_unchanged()?;
        }
        for mut stage in stages {
            let keys = stage.take_keys();
            self.write(&stage, keys)?;
        }
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
        self.progress.phase("commit", 1);
        let Some(transaction) = self.transaction.take() else {
            return Err(EngineError::internal("the transaction is over"));
        };
        handle.block_on(transaction.commit(serde_json::json!({ "batch": summary.batch })))?;
        let _ = std::fs::remove_dir_all(&self.spill);
        summary.seconds = started.elapsed().as_secs_f64();
        Ok(summary)
    }

    /// Of every file once. A query has none yet; its name and the time stand for it, so that every load of it is a
    /// batch of its own.
    fn fingerprints(&self, inputs: &[Input]) -> Result<HashMap<PathBuf, Fingerprint>> {
        let mut prints: HashMap<PathBuf, Fingerprint> = HashMap::new();
        for input in inputs {
            if prints.contains_key(&input.path) {
                continue;
            }
            let print = if input.member.is_query() {
                Fingerprint::of_stream(&input.path, 0, format!("asked at {}", self.at))
            } else {
                Fingerprint::take(&input.path)?
            };
            prints.insert(input.path.clone(), print);
        }
        Ok(prints)
    }

    /// What the feeds meant when they were last loaded.
    fn definitions(&mut self) -> Result<FeedDefinitions> {
        let base = self.tx()?.base().clone();
        let table = self.handle.block_on(self.warehouse.table(&base, system::FEED_DEFINITION))?;
        let files = table.map(|t| t.files).unwrap_or_default();
        FeedDefinitions::read(files.iter().map(|file| self.get(system::FEED_DEFINITION, file)))
    }

    /// What was loaded before.
    fn loaded(&mut self) -> Result<Loaded> {
        let base = self.tx()?.base().clone();
        self.handle.block_on(loaded(&self.warehouse, &base))
    }

    /// Leaves out inputs whose very content was loaded by the same feed before, unless the feed means something else
    /// now and that was accepted: then the files are what the change is for.
    fn skip_loaded(
        &self,
        inputs: Vec<Input>,
        prints: &HashMap<PathBuf, Fingerprint>,
        known: &Loaded,
        definitions: &FeedDefinitions,
    ) -> (Vec<Input>, Vec<(String, String)>) {
        let (mut fresh, mut skipped) = (Vec::new(), Vec::new());
        for input in inputs {
            let again = self.request.accept_mapping_change && definitions.changed(&input.feed);
            match known.get(&loaded_key(&input, &prints[&input.path].hash)) {
                Some(batch) if !again => skipped.push((input.label(), batch.clone())),
                _ => fresh.push(input),
            }
        }
        (fresh, skipped)
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
                stages.insert(name, Stage::new(input.table, self.request.memory, self.spill.clone())?);
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
        let read = read.into_iter().zip(met.delivered);
        let read = read.map(|(records, delivered)| InputRead { records, delivered }).collect();
        Ok((stages.into_values().collect(), read))
    }

    /// Files of stored rows that wait for invoices, when invoices arrive.
    fn orphans(&mut self, inputs: &[Input]) -> Result<Vec<(&'static Table, Vec<UnitFile>)>> {
        let mut found = Vec::new();
        if !inputs.iter().any(|i| i.table.name == "invoice") {
            return Ok(found);
        }
        let base = self.tx()?.base().clone();
        for table in catalog().tables().iter().filter(|t| t.follows_invoice()) {
            let Some(stored) = self.handle.block_on(self.warehouse.table(&base, &table.name))? else {
                continue;
            };
            let files: Vec<UnitFile> =
                stored.files.into_iter().filter(|f| f.period == Some(NO_MONTH)).collect();
            if !files.is_empty() {
                found.push((table, files));
            }
        }
        Ok(found)
    }

    /// Moves stored rows whose invoice has come to where they now belong, as if they had arrived with it.
    fn adopt<'t>(
        &mut self,
        table: &'static Table,
        files: &[UnitFile],
        lookup: &Lookup,
        keyer: &Keyer,
        stages: &mut BTreeMap<&'t str, Stage>,
    ) -> Result<()> {
        let config = self.warehouse.config().clone();
        for file in files {
            for batch in read_unit(self.get(&table.name, file)?, None)? {
                let Some(rows) = lookup.adopt(&batch, keyer, &config)? else { continue };
                let stage = match stages.entry(table.name.as_str()) {
                    Entry::Occupied(stage) => stage.into_mut(),
                    Entry::Vacant(place) => {
                        let summary = self.summaries.entry(table.name.clone()).or_default();
                        summary.table.clone_from(&table.name);
                        place.insert(Stage::new(table, self.request.memory, self.spill.clone())?)
                    }
                };
                let rows = conform(&rows, &stage.schema)?;
                // A row that arrives again is the newer one.
                let arrived = stage.arrived();
                let hashes = stage.hasher().hash(&rows)?;
                let older: BooleanArray = hashes.iter().map(|h| Some(!arrived.contains(h))).collect();
                stage.push(filter_record_batch(&rows, &older)?)?;
            }
        }
        Ok(())
    }

    /// Gives `lookup` the stored invoices its rows ask for.
    fn find_stored(&mut self, lookup: &mut Lookup) -> Result<()> {
        let base = self.tx()?.base().clone();
        let Some(table) = self.handle.block_on(self.warehouse.table(&base, "invoice"))? else {
            return Ok(());
        };
        for file in &table.files {
            for batch in read_unit(self.get(&table.name, file)?, Some(&Lookup::COLUMNS))? {
                lookup.find(&batch)?;
            }
        }
        Ok(())
    }

    /// Counts the rows that are no records and writes them down.
    fn take_skipped(&mut self, inputs: &[Input], skipped: &[(usize, Skipped)]) -> Result<()> {
        if skipped.is_empty() {
            return Ok(());
        }
        for (input, row) in skipped {
            let summary = self.summaries.entry(inputs[*input].table.name.clone()).or_default();
            *summary.skipped.entry(row.kind.to_owned()).or_default() += 1;
        }
        let rows = records::skipped_rows(inputs, skipped, &self.batch, self.at)?;
        let handle = self.handle.clone();
        handle.block_on(self.tx()?.append(&system::skipped_row(), &[rows]))
    }

    fn take_rejects(&mut self, input: &Input, label: &str, done: &Done) -> Result<()> {
        let summary = self.summaries.entry(input.table.name.clone()).or_default();
        summary.read += done.converted.read;
        let rejects = &done.converted.rejects;
        if rejects.is_empty() {
            return Ok(());
        }
        for reject in rejects {
            *summary.rejected.entry(reject.rule.clone()).or_default() += 1;
            if self.examples.len() < EXAMPLES {
                self.examples.push((label.to_owned(), reject.clone()));
            }
        }
        let origin = Origin {
            table: &input.table.name,
            source: &input.feed.name,
            file: label,
            batch: &self.batch.clone(),
            at: self.at,
        };
        self.waiting.push(reject::batches(rejects, &origin, self.rejects)?);
        self.rejects += rejects.len();
        self.waiting_rows += rejects.len();
        if self.waiting_rows >= REJECTS_A_FILE { self.write_rejects() } else { Ok(()) }
    }

    fn write_rejects(&mut self) -> Result<()> {
        let (open, clear): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting).into_iter().unzip();
        self.waiting_rows = 0;
        let handle = self.handle.clone();
        handle.block_on(self.tx()?.append(&system::rejected_row(), &open))?;
        handle.block_on(self.tx()?.append(&system::rejected_value(), &clear))
    }

    fn take_repairs(&mut self, input: &Input, label: &str, done: &Done) -> Result<()> {
        let Some(repaired) = &done.converted.repaired else { return Ok(()) };
        let summary = self.summaries.entry(input.table.name.clone()).or_default();
        for (rule, cells) in repaired.by_rule() {
            *summary.repaired.entry(rule.to_owned()).or_default() += cells;
        }
        let origin = Origin {
            table: &input.table.name,
            source: &input.feed.name,
            file: label,
            batch: &self.batch,
            at: self.at,
        };
        self.mended.push(repair::batches(repaired, &origin, self.repaired)?);
        self.repaired += repaired.len();
        self.mended_rows += repaired.len();
        if self.mended_rows >= REPAIRS_A_FILE { self.write_repairs() } else { Ok(()) }
    }

    fn write_repairs(&mut self) -> Result<()> {
        let (open, clear): (Vec<_>, Vec<_>) = std::mem::take(&mut self.mended).into_iter().unzip();
        self.mended_rows = 0;
        let handle = self.handle.clone();
        handle.block_on(self.tx()?.append(&system::repaired_value(), &open))?;
        handle.block_on(self.tx()?.append(&system::repaired_clear(), &clear))
    }

    /// Merges the staged rows of one table with its stored units and puts the changed ones.
    fn write(&mut self, stage: &Stage, keys: KeyLog) -> Result<()> {
        let base = self.tx()?.base().clone();
        let stored = self.handle.block_on(self.warehouse.table(&base, &stage.table.name))?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.request.threads.max(1))
            .build()
            .map_err(|e| EngineError::internal(e.to_string()))?;
        let mut units: Vec<UnitKey> = stage.unit_keys();
        units.sort_unstable();
        let (moved, homes) = pool.install(|| self.moved(stage, keys, stored.as_ref(), &units))?;
        units.extend(moved.keys().copied());
        units.sort_unstable();
        units.dedup();
        self.progress.phase("write", units.len());
        let spec = table_spec(stage.table);
        let mut work = Vec::with_capacity(units.len());
        for unit in units {
            work.push((unit, self.tx()?.file_name()));
        }
        let this: &Self = self;
        let rewrite = Rewrite { stage, stored: stored.as_ref(), spec: &spec, homes: homes.as_ref() };
        let outcomes: Vec<Result<UnitOutcome>> = pool.install(|| {
            work.into_par_iter()
                .map(|(unit, name)| this.write_unit(&rewrite, unit, &name, moved.get(&unit)))
                .collect()
        });
        let mut duplicates = Vec::new();
        for outcome in outcomes {
            duplicates.extend(self.take_outcome(stage.table, &spec, outcome?)?);
        }
        let handle = self.handle.clone();
        handle.block_on(self.tx()?.append(&system::duplicate_row(), &duplicates))?;
        let summary = self.summaries.entry(stage.table.name.clone()).or_default();
        summary.kept = summary.read - summary.duplicate - summary.rejected_total();
        Ok(())
    }

    /// Notes a unit's files and figures; returns its duplicate rows.
    fn take_outcome(
        &mut self,
        table: &Table,
        spec: &TableSpec,
        outcome: UnitOutcome,
    ) -> Result<Option<RecordBatch>> {
        let summary = self.summaries.entry(table.name.clone()).or_default();
        summary.replaced += outcome.replaced;
        summary.duplicate += outcome.duplicates.as_ref().map_or(0, RecordBatch::num_rows);
        summary.units += usize::from(outcome.changed);
        if outcome.changed {
            for old in outcome.old {
                self.tx()?.remove(spec, old)?;
            }
            if let Some(new) = outcome.new {
                self.tx()?.note_added(spec, new)?;
            }
        }
        Ok(outcome.duplicates)
    }

    /// Keys whose earlier version lies in another unit than the one now arriving, for units that are not read whole
    /// anyway (`rewritten`); for those, where keys live now, if they hold anything.
    fn moved(
        &self,
        stage: &Stage,
        keys: KeyLog,
        stored: Option<&TableFiles>,
        rewritten: &[UnitKey],
    ) -> Result<(Moved, Option<Homes>)> {
        if key_decides_unit(stage.table) {
            return Ok((Moved::new(), None));
        }
        let homes = keys.homes()?;
        let mut moved = homes.earlier();
        let files: &[UnitFile] = stored.map(|s| s.files.as_slice()).unwrap_or_default();
        let key_columns = stage.table.stored_key();
        let names: Vec<&str> = key_columns.iter().map(String::as_str).collect();
        let (whole, others): (Vec<&UnitFile>, Vec<&UnitFile>) =
            files.iter().partition(|f| rewritten.binary_search(&UnitKey::of(f)).is_ok());
        let found: Vec<Result<(UnitKey, AHashSet<KeyHash>)>> = others
            .into_par_iter()
            .map(|file| {
                let unit = UnitKey::of(file);
                let table = &stage.table.name;
                let batches = self.handle.block_on(crate::warehouse::get_columns(
                    &self.warehouse,
                    table,
                    file,
                    &names,
                ))?;
                let mut gone = AHashSet::new();
                for batch in batches {
                    gone.extend(homes.away(unit, &stage.hasher().hash_columns(&batch)?));
                }
                Ok((unit, gone))
            })
            .collect();
        for unit in found {
            let (unit, gone) = unit?;
            if !gone.is_empty() {
                moved.entry(unit).or_default().extend(gone);
            }
        }
        Ok((moved, (!whole.is_empty()).then_some(homes)))
    }

    fn write_unit(
        &self,
        rewrite: &Rewrite,
        unit: UnitKey,
        name: &str,
        moved: Option<&AHashSet<KeyHash>>,
    ) -> Result<UnitOutcome> {
        let Rewrite { stage, stored, spec, homes } = rewrite;
        let old: Vec<UnitFile> = stored
            .map(|s| s.files.iter().filter(|f| UnitKey::of(f) == unit).cloned().collect())
            .unwrap_or_default();
        let mut input = UnitRows { batches: Vec::new(), rows: Vec::new(), hashes: Vec::new() };
        for file in &old {
            for batch in read_unit(self.get(&spec.name, file)?, None)? {
                input.push(conform(&batch, &stage.schema)?, stage.hasher())?;
            }
        }
        let stored_rows = input.rows.len();
        let mut gone = moved.cloned().unwrap_or_default();
        if let Some(homes) = homes {
            gone.extend(homes.away(unit, &input.hashes));
        }
        input.extend(stage.rows(unit)?);
        let merged = merge::merge(stage.table, &input, stored_rows, Some(&gone).filter(|g| !g.is_empty()))?;
        let duplicates = records::duplicate_rows(stage.table, &input, &merged, self.at)?;
        let mut outcome =
            UnitOutcome { old, new: None, duplicates, replaced: merged.replaced, changed: merged.changed };
        if merged.changed && !merged.order.is_empty() {
            let mut encoder = UnitEncoder::new(&stage.schema, &spec.order, unit, name, false)?;
            for rows in merged.order.chunks(GATHER_ROWS) {
                encoder.push(&merge::gather(&stage.schema, &input.batches, rows)?)?;
            }
            // The input is as large as the unit; encoded bytes are a fraction of it.
            drop(input);
            let encoded = encoder.finish()?;
            self.handle.block_on(crate::warehouse::put(
                &self.warehouse,
                &spec.name,
                &encoded.file,
                encoded.bytes,
            ))?;
            outcome.new = Some(encoded.file);
        }
        self.progress.advance(1);
        Ok(outcome)
    }
}

/// What the units of one table are rewritten from.
struct Rewrite<'a> {
    stage: &'a Stage,
    stored: Option<&'a TableFiles>,
    spec: &'a TableSpec,
    homes: Option<&'a Homes>,
}

/// What was loaded before, as of `commit`.
pub(super) async fn loaded(warehouse: &Warehouse, commit: &Commit) -> Result<Loaded> {
    let mut known = Loaded::new();
    let Some(table) = warehouse.table(commit, system::INGEST_FILE).await? else { return Ok(known) };
    for file in &table.files {
        for batch in read_unit(crate::warehouse::get(warehouse, &table.name, file).await?, None)? {
            let text = |i: usize| batch.column(i).as_string::<i32>();
            for r in 0..batch.num_rows() {
                let key =
                    (text(2).value(r).to_owned(), text(5).value(r).to_owned(), member_part(text(3).value(r)));
                known.insert(key, text(0).value(r).to_owned());
            }
        }
    }
    Ok(known)
}

/// What an input is known by.
pub(super) fn loaded_key(input: &Input, hash: &str) -> (String, String, String) {
    (input.feed.name.clone(), hash.to_owned(), member_part(&input.label()))
}

/// Whether rows of one key always lie in one unit, because the key has what the unit follows from.
fn key_decides_unit(table: &Table) -> bool {
    let in_key = |column: &str| table.key.iter().any(|k| k == column);
    let month = match &table.period {
        None => true,
        Some(PeriodSource::Column) => in_key(PERIOD),
        Some(PeriodSource::Derived(column)) => in_key(column),
    };
    month && table.bucket_by.as_deref().is_none_or(in_key)
}

struct UnitOutcome {
    old: Vec<UnitFile>,
    new: Option<UnitFile>,
    duplicates: Option<RecordBatch>,
    replaced: usize,
    changed: bool,
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

/// The part of a label that tells members of one file apart: `!entry` or `[sheet]`, not the file's name, so that a
/// renamed copy of a loaded file is still known.
fn member_part(label: &str) -> String {
    match label.find(['!']).or_else(|| label.rfind(" [")) {
        Some(i) => label[i..].to_owned(),
        None => String::new(),
    }
}

/// The same inputs give the same id, on any machine.
fn batch_id(inputs: &[Input], prints: &HashMap<PathBuf, Fingerprint>) -> String {
    let mut hasher = blake3::Hasher::new();
    for input in inputs {
        for part in [&input.table.name, &input.feed.name, &input.label(), &prints[&input.path].hash] {
            hasher.update(part.as_bytes());
            hasher.update(b"\0");
        }
    }
    hasher.finalize().to_hex()[..16].to_owned()
}
