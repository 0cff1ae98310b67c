//! A synthetic economy straight into a warehouse: rows are made part by part, keyed like any load's, and written as
//! finished units. Nothing is sorted or merged: parts arrive in the order of their units.
//!
//! ```text
//! threads: make parts (pure) ──▶ one: keys, in order ──▶ one per unit at work: encode, put ──▶ one commit
//! ```
//!
//! What it writes is what generating files and ingesting them would give, but for lineage; a test holds the two
//! together.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Int32Type, Int64Type, SchemaRef};
use assay_datasets::economy::{Economy, EconomyError, Part};
use assay_datasets::schema::Table;
use tokio::runtime::Handle;

use super::replaced::{Replaced, Versions, versions};
use crate::ingest::keying::{Keyer, Lineage, staged_schema};
use crate::ingest::load::table_spec;
use crate::ingest::records::made_row;
use crate::ingest::select::find_table;
use crate::ingest::{IngestSummary, Progress, TableSummary, system};
use crate::warehouse::dictionary::{PARTY, VAULT};
use crate::warehouse::{TableSpec, Transaction, UnitEncoder, UnitFile, UnitKey, Warehouse, clock};
use crate::{EngineError, Result};

/// Parts made ahead of the one being keyed, per thread: each is at most a few hundred megabytes.
const AHEAD: usize = 1;

/// Parties keyed at a time.
const PARTIES_AT_ONCE: u32 = 1 << 16;

/// Writes all tables of `economy` and its truth into an empty warehouse, in one commit.
///
/// # Errors
/// When one of the tables has rows already, or something cannot be written; nothing is then visible.
pub async fn write_warehouse(
    warehouse: &Warehouse,
    economy: Arc<Economy>,
    threads: usize,
    progress: Arc<dyn Progress>,
) -> Result<IngestSummary> {
    let started = Instant::now();
    let parts = economy.parts();
    let mut names: Vec<&str> = parts.iter().map(|p| p.table).collect();
    names.dedup();
    refuse_loaded(warehouse, &names).await?;
    let tables = names.iter().map(|name| find_table(name)).collect::<Result<Vec<_>>>()?;
    let replaced: Vec<String> = tables.into_iter().map(|table| system::replaced(table).name).collect();
    let mut allowed = names.clone();
    allowed.extend(replaced.iter().map(String::as_str));
    allowed.extend([
        system::INGEST_BATCH,
        system::INGEST_FILE,
        system::TRUTH,
        system::TRUTH_RELIEF,
        PARTY.table,
    ]);
    allowed.extend(VAULT.iter().map(|k| k.table));
    allowed.sort_unstable();
    allowed.dedup();
    let transaction = warehouse.begin("generate", &allowed).await?;
    let keyer = Keyer::load(warehouse, transaction.base()).await?;
    let batch = batch_id(&economy);
    let run = Run {
        handle: Handle::current(),
        warehouse: warehouse.clone(),
        economy,
        parts,
        threads: threads.max(1),
        progress,
        batch,
        at: clock::now_ms(),
    };
    let written = tokio::task::spawn_blocking(move || run.write(transaction, keyer, started));
    written.await.map_err(|e| EngineError::internal(format!("generation stopped: {e}")))?
}

async fn refuse_loaded(warehouse: &Warehouse, tables: &[&str]) -> Result<()> {
    let head = warehouse.head().await?;
    for name in tables {
        let rows = warehouse.table(&head, name).await?.map_or(0, |t| t.rows());
        if rows > 0 {
            return Err(EngineError::input(format!(
                "table {name} has {rows} rows already; an economy is generated into an empty warehouse only: name \
                 another place with --warehouse, or generate files with --files DIR and load those"
            )));
        }
    }
    Ok(())
}

/// The same economy gives the same id.
fn batch_id(economy: &Economy) -> String {
    blake3::hash(format!("economy {:?}", economy.spec()).as_bytes()).to_hex()[..16].to_owned()
}

struct Run {
    handle: Handle,
    warehouse: Warehouse,
    economy: Arc<Economy>,
    parts: Vec<Part>,
    threads: usize,
    progress: Arc<dyn Progress>,
    batch: String,
    at: i64,
}

type Made = (usize, Result<Vec<RecordBatch>>);

impl Run {
    fn write(
        self,
        mut transaction: Transaction,
        mut keyer: Keyer,
        started: Instant,
    ) -> Result<IngestSummary> {
        let written = self
            .write_units(&mut transaction, &mut keyer)
            .and_then(|tables| self.write_records(&mut transaction, &keyer, tables, started));
        match written {
            Ok(mut summary) => {
                let info = serde_json::json!({ "batch": self.batch });
                self.handle.block_on(transaction.commit(info))?;
                summary.seconds = started.elapsed().as_secs_f64();
                Ok(summary)
            }
            Err(error) => {
                // What cannot be removed now (a full disk, say) the next writer removes.
                let _ = self.handle.block_on(transaction.abort());
                Err(error)
            }
        }
    }

    fn write_units(
        &self,
        transaction: &mut Transaction,
        keyer: &mut Keyer,
    ) -> Result<BTreeMap<String, TableSummary>> {
        self.register(keyer)?;
        self.progress.phase("write", self.parts.len());
        let (sender, receiver) = sync_channel::<Made>(self.threads * AHEAD);
        let window = Window::new(2 * self.threads * AHEAD);
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<Result<(TableSpec, UnitFile)>>> = Mutex::default();
        let keyed = std::thread::scope(|scope| {
            for _ in 0..self.threads {
                let sender = sender.clone();
                let (next, window) = (&next, &window);
                scope.spawn(move || self.make(next, window, &sender));
            }
            drop(sender);
            let (units, encoders) = sync_channel::<OpenUnit>(1);
            let encoders = Arc::new(Mutex::new(encoders));
            for _ in 0..self.threads {
                let (encoders, done) = (Arc::clone(&encoders), &done);
                scope.spawn(move || self.encode(&encoders, done));
            }
            drop(encoders);
            let outcome = self.key(transaction, keyer, receiver, &window, units);
            // An error stops the makers too: those waiting for their turn would wait for ever.
            window.close();
            outcome
        });
        let done =
            done.into_inner().map_err(|_| EngineError::internal("a thread that writes units panicked"))?;
        Self::note_files(transaction, done, keyed)
    }

    /// Parties get their keys in the order in which parts have their rows, so that these come sorted by key.
    fn register(&self, keyer: &mut Keyer) -> Result<()> {
        let world = self.economy.world();
        let mut next = 0;
        while next < world.parties() {
            let end = world.parties().min(next + PARTIES_AT_ONCE);
            let ids = (next..end).map(|party| world.id(party));
            keyer.register(&StringArray::from_iter_values(ids))?;
            next = end;
        }
        Ok(())
    }

    /// Notes the files that were put; the first failure of an encoder is the one to report.
    fn note_files(
        transaction: &mut Transaction,
        done: Vec<Result<(TableSpec, UnitFile)>>,
        keyed: Result<BTreeMap<String, TableSummary>>,
    ) -> Result<BTreeMap<String, TableSummary>> {
        let mut files = done.into_iter().collect::<Result<Vec<_>>>()?;
        let mut tables = keyed?;
        files.sort_by(|a, b| (&a.0.name, &a.1.path).cmp(&(&b.0.name, &b.1.path)));
        for (spec, file) in files {
            tables.entry(spec.name.clone()).or_default().units += 1;
            transaction.note_added(&spec, file)?;
        }
        Ok(tables)
    }

    /// Makes parts until none is left.
    fn make(&self, next: &AtomicUsize, window: &Window, sender: &SyncSender<Made>) {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= self.parts.len() || !window.wait_for(index) {
                return;
            }
            let rows =
                self.economy.rows(&self.parts[index]).map_err(|e| EngineError::internal(e.to_string()));
            if sender.send((index, rows)).is_err() {
                return;
            }
        }
    }

    /// Keys the parts in order and hands batches to the unit they belong to.
    fn key(
        &self,
        transaction: &mut Transaction,
        keyer: &mut Keyer,
        made: Receiver<Made>,
        window: &Window,
        units: SyncSender<OpenUnit>,
    ) -> Result<BTreeMap<String, TableSummary>> {
        let mut waiting: BTreeMap<usize, Result<Vec<RecordBatch>>> = BTreeMap::new();
        let mut tables: BTreeMap<String, TableSummary> = BTreeMap::new();
        let mut router = Router { units, open: None };
        let mut replaced = Replaced::default();
        let mut next = 0;
        for (index, rows) in made {
            waiting.insert(index, rows);
            while let Some(rows) = waiting.remove(&next) {
                let part = &self.parts[next];
                let table = find_table(part.table)?;
                let summary = tables.entry(part.table.to_owned()).or_default();
                for batch in rows? {
                    let first = i64::try_from(summary.read).unwrap_or(i64::MAX);
                    summary.read += batch.num_rows();
                    summary.kept += batch.num_rows();
                    let Versions { newest, replaced: earlier } = versions(table, &batch)?;
                    let stored = self.stored(keyer, table, &newest, first)?;
                    router.route(table, &stored, transaction)?;
                    if let Some(earlier) = earlier {
                        summary.replaced += earlier.num_rows();
                        let first = first + i64::try_from(newest.num_rows()).unwrap_or(i64::MAX);
                        let stored = self.stored(keyer, table, &earlier, first)?;
                        replaced.take(table, &stored, &self.batch, self.at, transaction, &self.handle)?;
                    }
                }
                next += 1;
                window.advance(next);
                self.progress.advance(1);
            }
        }
        drop(router);
        if next < self.parts.len() {
            return Err(EngineError::internal("a thread that makes rows stopped without a result"));
        }
        replaced.finish(transaction, &self.handle)?;
        for (name, summary) in &mut tables {
            summary.table.clone_from(name);
            summary.source = source(name);
        }
        Ok(tables)
    }

    fn stored(
        &self,
        keyer: &mut Keyer,
        table: &'static Table,
        batch: &RecordBatch,
        first: i64,
    ) -> Result<RecordBatch> {
        let rows = i64::try_from(batch.num_rows()).unwrap_or(i64::MAX);
        let numbers = Int64Array::from_iter_values(first + 1..=first + rows);
        let schema = staged_schema(&table.stored_schema());
        let lineage =
            Lineage { source: &source(&table.name), file: "economy", batch: &self.batch, at: self.at };
        keyer.stored_rows(table, self.warehouse.config(), &schema, batch, &numbers, &lineage)
    }

    /// Encodes units until none is left.
    fn encode(&self, units: &Mutex<Receiver<OpenUnit>>, done: &Mutex<Vec<Result<(TableSpec, UnitFile)>>>) {
        loop {
            let unit = match units.lock() {
                Ok(receiver) => receiver.recv(),
                Err(_) => return,
            };
            let Ok(unit) = unit else { return };
            let outcome = self.encode_one(unit);
            if let Ok(mut done) = done.lock() {
                done.push(outcome);
            }
        }
    }

    fn encode_one(&self, unit: OpenUnit) -> Result<(TableSpec, UnitFile)> {
        let OpenUnit { spec, schema, key, name, batches } = unit;
        let mut encoder = UnitEncoder::new(&schema, &spec.order, key, &name, false)?;
        for batch in batches {
            encoder.push(&batch)?;
        }
        let put = crate::warehouse::put(&self.warehouse, &spec.name, encoder.finish()?);
        let file = self.handle.block_on(put)?;
        Ok((spec, file))
    }

    /// Truth, dictionaries, and what a load writes down about itself.
    fn write_records(
        &self,
        transaction: &mut Transaction,
        keyer: &Keyer,
        tables: BTreeMap<String, TableSummary>,
        started: Instant,
    ) -> Result<IngestSummary> {
        let failed = |e: EconomyError| EngineError::internal(e.to_string());
        let truth = self.economy.truth().map_err(failed)?;
        let reliefs = self.economy.truth_reliefs().map_err(failed)?;
        let mut summary = IngestSummary { batch: self.batch.clone(), ..IngestSummary::default() };
        summary.tables = tables.into_values().collect();
        summary.seconds = started.elapsed().as_secs_f64();
        let record = summary.to_batch(self.at)?;
        self.progress.phase("commit", 1);
        self.handle.block_on(async {
            transaction.append(&system::truth(), &[truth]).await?;
            transaction.append(&system::truth_relief(), &[reliefs]).await?;
            transaction.append(&system::ingest_file(), &[self.file_rows(&summary)?]).await?;
            transaction.append(&system::ingest_batch(), &[record]).await?;
            keyer.save(transaction).await
        })?;
        Ok(summary)
    }

    fn file_rows(&self, summary: &IngestSummary) -> Result<RecordBatch> {
        let rows: Vec<_> = summary
            .tables
            .iter()
            .map(|t| made_row(&self.batch, &t.table, &t.source, "economy", t.read, self.at))
            .collect::<Result<_>>()?;
        let schema = system::ingest_file().schema;
        Ok(arrow::compute::concat_batches(&schema, &rows)?)
    }
}

fn source(table: &str) -> String {
    format!("economy.{table}")
}

/// Keeps the makers of parts from running far ahead of the one who keys them.
struct Window {
    state: Mutex<(usize, bool)>,
    moved: Condvar,
    width: usize,
}

impl Window {
    fn new(width: usize) -> Self {
        Self { state: Mutex::new((0, true)), moved: Condvar::new(), width }
    }

    /// Waits until part `index` may be made; `false` when nobody wants it any more.
    fn wait_for(&self, index: usize) -> bool {
        let Ok(mut state) = self.state.lock() else { return false };
        while state.1 && index >= state.0 + self.width {
            state = match self.moved.wait(state) {
                Ok(state) => state,
                Err(_) => return false,
            };
        }
        state.1
    }

    fn advance(&self, next: usize) {
        if let Ok(mut state) = self.state.lock() {
            state.0 = next;
        }
        self.moved.notify_all();
    }

    fn close(&self) {
        if let Ok(mut state) = self.state.lock() {
            state.1 = false;
        }
        self.moved.notify_all();
    }
}

/// A unit and the batches an encoder thread still gets for it.
struct OpenUnit {
    spec: TableSpec,
    schema: SchemaRef,
    key: UnitKey,
    name: String,
    batches: Receiver<RecordBatch>,
}

/// Sends batches to the encoder of their unit; units come one after the other.
struct Router {
    units: SyncSender<OpenUnit>,
    open: Option<Target>,
}

struct Target {
    table: &'static str,
    key: UnitKey,
    /// Largest party key so far: rows must come in its order.
    last: i64,
    batches: SyncSender<RecordBatch>,
}

impl Router {
    fn route(
        &mut self,
        table: &'static Table,
        batch: &RecordBatch,
        transaction: &mut Transaction,
    ) -> Result<()> {
        let mut start = 0;
        while start < batch.num_rows() {
            let (key, end) = run_of(table, batch, start);
            let rows = batch.slice(start, end - start);
            let stopped = || EngineError::internal("a thread that writes units stopped");
            let target = self.target(table, key, &batch.schema(), transaction)?;
            target.check_order(table, &rows)?;
            target.batches.send(rows).map_err(|_| stopped())?;
            start = end;
        }
        Ok(())
    }

    fn target(
        &mut self,
        table: &'static Table,
        key: UnitKey,
        schema: &SchemaRef,
        transaction: &mut Transaction,
    ) -> Result<&mut Target> {
        let same = self.open.as_ref().is_some_and(|t| t.table == table.name && t.key == key);
        if !same {
            let (sender, batches) = sync_channel(2);
            self.open = None;
            let unit = OpenUnit {
                spec: table_spec(table),
                schema: Arc::clone(schema),
                key,
                name: transaction.file_name(),
                batches,
            };
            self.units.send(unit).map_err(|_| EngineError::internal("a thread that writes units stopped"))?;
            self.open = Some(Target { table: &table.name, key, last: i64::MIN, batches: sender });
        }
        self.open.as_mut().ok_or_else(|| EngineError::internal("no unit is open"))
    }
}

impl Target {
    /// A unit's file says that it is sorted; a part that is not would make every later group-by wrong.
    fn check_order(&mut self, table: &Table, rows: &RecordBatch) -> Result<()> {
        let Some(column) = table.bucket_key() else { return Ok(()) };
        let keys = rows.column(rows.schema().index_of(&column)?).as_primitive::<Int64Type>();
        for key in keys.iter() {
            // Rows without a party come first.
            let key = key.unwrap_or(i64::MIN);
            if key < self.last {
                return Err(EngineError::internal(format!(
                    "generated rows of {} are not in the order of {column}: {key} after {}",
                    table.name, self.last
                )));
            }
            self.last = key;
        }
        Ok(())
    }
}

/// The unit of row `start` and the end of the run of rows that share it.
fn run_of(table: &Table, batch: &RecordBatch, start: usize) -> (UnitKey, usize) {
    let column = |name: &str| batch.column_by_name(name).map(|a| a.as_primitive::<Int32Type>());
    let (periods, buckets) = (table.period.as_ref().and_then(|_| column("period")), column("bucket"));
    let at = |row: usize| UnitKey {
        period: periods.filter(|p| p.is_valid(row)).map(|p| p.value(row)),
        bucket: buckets.filter(|b| b.is_valid(row)).map(|b| b.value(row)),
    };
    let key = at(start);
    let end = (start + 1..batch.num_rows()).find(|row| at(*row) != key).unwrap_or_else(|| batch.num_rows());
    (key, end)
}
