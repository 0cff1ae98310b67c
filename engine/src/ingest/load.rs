//! The course of one load: fingerprint, read, merge, write, commit.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use ahash::AHashSet;
use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use assay_datasets::schema::Table;
use assay_sql::session::{SessionOptions, new_session};
use rayon::prelude::*;
use tokio::runtime::Handle;

use super::keying::{Keyer, Lineage};
use super::merge;
use super::pipeline::{self, Done};
use super::records;
use super::reject::{self, Origin};
use super::repair::{self, Repairs};
use super::select::{self, Fingerprint};
use super::stage::{KeyHash, Stage, UnitRows};
use super::{IngestRequest, IngestSummary, Input, Progress, TableSummary, system};
use crate::warehouse::dictionary::{PARTY, VAULT};
use crate::warehouse::{
    TableFiles, TableSpec, Transaction, UnitFile, UnitKey, Warehouse, clock, encode_unit, read_unit,
};
use crate::{EngineError, Result};

/// Rejected rows held before they are written as a file.
const REJECTS_A_FILE: usize = 100_000;
/// Repaired cells held before they are written as a file.
const REPAIRS_A_FILE: usize = 500_000;
/// Rejected rows shown at the end of a load.
const EXAMPLES: usize = 5;

pub(super) async fn run(
    warehouse: Warehouse,
    request: IngestRequest,
    progress: Arc<dyn Progress>,
) -> Result<IngestSummary> {
    let started = Instant::now();
    let inputs = select::inputs(&warehouse, &request)?;
    let repairs = repair::load(&warehouse)?;
    let mut tables: Vec<&str> = inputs.iter().map(|i| i.table.name.as_str()).collect();
    tables.extend([
        system::REJECTED_ROW,
        system::REJECTED_VALUE,
        system::REPAIRED_VALUE,
        system::REPAIRED_CLEAR,
        system::DUPLICATE_ROW,
        system::INGEST_BATCH,
        system::INGEST_FILE,
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
    repairs: Repairs,
    progress: Arc<dyn Progress>,
    at: i64,
    batch: String,
    spill: PathBuf,
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
        let root = warehouse.local_path().map_or_else(std::env::temp_dir, std::path::Path::to_owned);
        let spill = root.join(".spill");
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
        let mut prints: HashMap<PathBuf, Fingerprint> = HashMap::new();
        for input in &inputs {
            if !prints.contains_key(&input.path) {
                prints.insert(input.path.clone(), Fingerprint::take(&input.path)?);
            }
        }
        let (inputs, already_loaded) = self.skip_loaded(inputs, &prints)?;
        let mut summary = IngestSummary { already_loaded, ..IngestSummary::default() };
        if inputs.is_empty() {
            self.give_up();
            summary.seconds = started.elapsed().as_secs_f64();
            return Ok(summary);
        }
        self.batch = batch_id(&inputs, &prints);
        let base = self.tx()?.base().clone();
        let mut keyer = self.handle.block_on(Keyer::load(&self.warehouse, &base))?;
        let (stages, read) = self.read(&inputs, &mut keyer)?;
        self.write_rejects()?;
        self.write_repairs()?;
        for print in prints.values() {
            print.check_unchanged()?;
        }
        for stage in &stages {
            self.write(stage)?;
        }
        let handle = self.handle.clone();
        let files = records::file_rows(&inputs, &prints, &read, &self.batch, self.at)?;
        handle.block_on(self.tx()?.append(&system::ingest_file(), &[files]))?;
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

    /// Leaves out inputs whose very content was loaded by the same feed before.
    fn skip_loaded(
        &mut self,
        inputs: Vec<Input>,
        prints: &HashMap<PathBuf, Fingerprint>,
    ) -> Result<(Vec<Input>, Vec<(String, String)>)> {
        let base = self.tx()?.base().clone();
        let mut known: HashMap<(String, String, String), String> = HashMap::new();
        if let Some(table) = self.handle.block_on(self.warehouse.table(&base, system::INGEST_FILE))? {
            for file in &table.files {
                for batch in read_unit(self.get(&table.name, file)?, None)? {
                    let text = |i: usize| batch.column(i).as_string::<i32>();
                    for r in 0..batch.num_rows() {
                        let key = (
                            text(2).value(r).to_owned(),
                            text(5).value(r).to_owned(),
                            member_part(text(3).value(r)),
                        );
                        known.insert(key, text(0).value(r).to_owned());
                    }
                }
            }
        }
        let (mut fresh, mut skipped) = (Vec::new(), Vec::new());
        for input in inputs {
            let key =
                (input.feed.name.clone(), prints[&input.path].hash.clone(), member_part(&input.label()));
            match known.get(&key) {
                Some(batch) => skipped.push((input.label(), batch.clone())),
                None => fresh.push(input),
            }
        }
        Ok((fresh, skipped))
    }

    fn get(&self, table: &str, file: &UnitFile) -> Result<bytes::Bytes> {
        self.handle.block_on(crate::warehouse::get(&self.warehouse, table, file))
    }

    /// Reads and converts every input; returns the staged rows by table and the records read by input.
    fn read(&mut self, inputs: &[Input], keyer: &mut Keyer) -> Result<(Vec<Stage>, Vec<usize>)> {
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
        let skipped = pipeline::run(&context, inputs, &repairs, threads, |done: Done| {
            let input = &inputs[done.input];
            let label = input.label();
            read[done.input] += done.converted.read;
            self.progress.advance(done.converted.read);
            self.take_rejects(input, &label, &done)?;
            self.take_repairs(input, &label, &done)?;
            let Some(stage) = stages.get_mut(input.table.name.as_str()) else {
                return Err(EngineError::internal("input without a stage"));
            };
            let lineage = Lineage { source: &input.feed.name, file: &label, batch: &self.batch, at: self.at };
            let schema = Arc::clone(&stage.schema);
            let stored = keyer.stored(input.table, &config, &schema, &done.converted, &lineage)?;
            stage.push(stored)
        })?;
        for (input, what, count) in skipped {
            let summary = self.summaries.entry(inputs[input].table.name.clone()).or_default();
            *summary.skipped.entry(what.to_owned()).or_default() += count;
        }
        Ok((stages.into_values().collect(), read))
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
    fn write(&mut self, stage: &Stage) -> Result<()> {
        let base = self.tx()?.base().clone();
        let stored = self.handle.block_on(self.warehouse.table(&base, &stage.table.name))?;
        let moved = self.moved(stage, stored.as_ref())?;
        let mut units: Vec<UnitKey> = stage.unit_keys();
        units.extend(moved.keys().copied());
        units.sort_unstable();
        units.dedup();
        self.progress.phase("write", units.len());
        let spec = table_spec(stage.table);
        let mut work = Vec::with_capacity(units.len());
        for unit in units {
            work.push((unit, self.tx()?.file_name()));
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.request.threads.max(1))
            .build()
            .map_err(|e| EngineError::internal(e.to_string()))?;
        let this: &Self = self;
        let outcomes: Vec<Result<UnitOutcome>> = pool.install(|| {
            work.into_par_iter()
                .map(|(unit, name)| {
                    this.write_unit(stage, stored.as_ref(), &spec, unit, &name, moved.get(&unit))
                })
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

    /// Keys whose earlier version lies in another unit than the one now arriving.
    fn moved(
        &self,
        stage: &Stage,
        stored: Option<&TableFiles>,
    ) -> Result<HashMap<UnitKey, AHashSet<KeyHash>>> {
        let files = stored.map(|s| s.files.clone()).unwrap_or_default();
        let key_columns = stage.table.stored_key();
        let names: Vec<&str> = key_columns.iter().map(String::as_str).collect();
        let hashes = files.into_iter().map(|file| {
            let batches = read_unit(self.get(&stage.table.name, &file)?, Some(&names))?;
            let mut found = Vec::with_capacity(file.rows);
            for batch in batches {
                found.extend(stage.hasher().hash_columns(&batch)?);
            }
            Ok((UnitKey::of(&file), found))
        });
        merge::moved_keys(stage.keys(), hashes)
    }

    fn write_unit(
        &self,
        stage: &Stage,
        stored: Option<&TableFiles>,
        spec: &TableSpec,
        unit: UnitKey,
        name: &str,
        moved: Option<&AHashSet<KeyHash>>,
    ) -> Result<UnitOutcome> {
        let old: Vec<UnitFile> = stored
            .map(|s| s.files.iter().filter(|f| UnitKey::of(f) == unit).cloned().collect())
            .unwrap_or_default();
        let mut input = UnitRows { batches: Vec::new(), rows: Vec::new(), hashes: Vec::new() };
        for file in &old {
            for batch in read_unit(self.get(&spec.name, file)?, None)? {
                input.push(to_staged(&batch, &stage.schema)?, stage.hasher())?;
            }
        }
        let stored_rows = input.rows.len();
        input.extend(stage.rows(unit)?);
        let merged = merge::merge(stage.table, &input, stored_rows, moved)?;
        let duplicates = records::duplicate_rows(stage.table, &input, &merged, self.at)?;
        let mut outcome =
            UnitOutcome { old, new: None, duplicates, replaced: merged.replaced, changed: merged.changed };
        if merged.changed && merged.batch.num_rows() > 0 {
            let encoded = encode_unit(&stage.schema, &spec.order, unit, name, &[merged.batch], false)?;
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

fn to_staged(batch: &RecordBatch, schema: &arrow::datatypes::SchemaRef) -> Result<RecordBatch> {
    let columns = schema
        .fields()
        .iter()
        .map(|f| Ok(cast(batch.column(batch.schema().index_of(f.name())?), f.data_type())?))
        .collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
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
