//! A change to several tables that happens at once or not at all.
//!
//! Order of steps: lock → note in `pending/` which tables may change → put data files (invisible) → commit to each
//! Delta log (still invisible: readers open pinned versions) → append to the commit log (visible, one conditional
//! put) → drop the note. Killed before the append, the next writer finds the note, rolls the Delta logs back to
//! the pinned versions and deletes the files; killed after it, only the note is left.
//!
//! On an object store nobody can know that the former writer is dead. So whoever cleans up after it first appends a
//! commit of the present state: the former writer's own append, should it come after all, then fails, and nothing
//! that is cleaned up can become visible.

use std::collections::BTreeMap;
use std::fs::File;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::lease::Lease;
use super::log::{self, Commit};
use super::table::{self, TableSpec, UnitFile};
use super::unit::{EncodedUnit, UnitKey, encode_unit, read_columns, read_unit};
use super::{Warehouse, clock};
use crate::{EngineError, Result};

/// Tables whose logs are committed to at a time: a store answers slowly, each takes several answers.
const LOGS_AT_ONCE: usize = 8;
/// Files fetched at a time.
const FILES_AT_ONCE: usize = 8;

#[derive(Debug, Default)]
struct Change {
    spec: Option<TableSpec>,
    adds: Vec<UnitFile>,
    removes: Vec<UnitFile>,
}

#[derive(Serialize, Deserialize)]
struct Pending {
    transaction: String,
    base: u64,
    tables: Vec<String>,
}

/// A running change. Dropped without [`Transaction::commit`], it leaves only invisible files, which the next
/// writer removes.
#[derive(Debug)]
pub struct Transaction {
    warehouse: Warehouse,
    base: Commit,
    id: String,
    operation: String,
    allowed: Vec<String>,
    changes: BTreeMap<String, Change>,
    files: u32,
    lock: Lock,
}

/// The right to write.
#[derive(Debug)]
enum Lock {
    /// Advisory, released by the system when the process dies.
    Local { _file: File },
    /// On an object store; runs out when it is not renewed.
    Remote(Lease),
}

impl Lock {
    async fn take(warehouse: &Warehouse) -> Result<Self> {
        match warehouse.local_path() {
            Some(root) => Ok(Self::Local { _file: lock_file(root)? }),
            None => Ok(Self::Remote(Lease::take(warehouse.store(), warehouse.url().as_str()).await?)),
        }
    }

    /// Whether it is still ours.
    async fn check(&self) -> Result<()> {
        match self {
            Self::Local { .. } => Ok(()),
            Self::Remote(lease) => lease.check().await,
        }
    }

    async fn release(&self) {
        if let Self::Remote(lease) = self {
            lease.release().await;
        }
    }
}

impl Transaction {
    pub(super) async fn begin(warehouse: Warehouse, operation: &str, tables: &[&str]) -> Result<Self> {
        let lock = Lock::take(&warehouse).await?;
        recover(&warehouse).await?;
        warehouse.move_format_forward().await?;
        let base = warehouse.head().await?;
        let nanos = chrono::Utc::now().timestamp_nanos_opt().unwrap_or_default();
        let id = format!("{nanos:016x}{:08x}", std::process::id());
        let allowed: Vec<String> = tables.iter().map(|t| (*t).to_owned()).collect();
        let pending = Pending { transaction: id.clone(), base: base.id, tables: allowed.clone() };
        warehouse.store().put(&pending_path(&id), serde_json::to_vec(&pending)?.into()).await?;
        let changes = BTreeMap::new();
        Ok(Self { warehouse, base, id, operation: operation.into(), allowed, changes, files: 0, lock })
    }

    /// The state this transaction starts from.
    pub fn base(&self) -> &Commit {
        &self.base
    }

    /// The warehouse.
    pub fn warehouse(&self) -> &Warehouse {
        &self.warehouse
    }

    /// A new file name, unique to this transaction.
    pub fn file_name(&mut self) -> String {
        self.files += 1;
        file_name(&self.id, self.files)
    }

    /// Puts an encoded unit; it becomes visible with the commit.
    pub async fn add(&mut self, spec: &TableSpec, unit: EncodedUnit) -> Result<()> {
        let file = put(&self.warehouse, &spec.name, unit).await?;
        self.note_added(spec, file)
    }

    /// Notes a unit that was already put with [`put`].
    pub fn note_added(&mut self, spec: &TableSpec, file: UnitFile) -> Result<()> {
        let change = self.change(&spec.name)?;
        // What is written says what the table is from now on; what is removed may be of an older form.
        change.spec = Some(spec.clone());
        change.adds.push(file);
        Ok(())
    }

    /// Removes a file of the base state.
    pub fn remove(&mut self, spec: &TableSpec, file: UnitFile) -> Result<()> {
        let change = self.change(&spec.name)?;
        change.spec.get_or_insert_with(|| spec.clone());
        change.removes.push(file);
        Ok(())
    }

    /// Appends rows to an unpartitioned table as one new file. No rows, no file.
    pub async fn append(&mut self, spec: &TableSpec, batches: &[arrow::array::RecordBatch]) -> Result<()> {
        if batches.iter().all(|b| b.num_rows() == 0) {
            return Ok(());
        }
        let name = self.file_name();
        self.put_whole(spec, &name, batches).await
    }

    /// Puts each batch into a file of its own, encoded side by side.
    pub async fn append_each(
        &mut self,
        spec: &TableSpec,
        batches: Vec<arrow::array::RecordBatch>,
    ) -> Result<()> {
        let named: Vec<_> = batches
            .into_iter()
            .filter(|batch| batch.num_rows() > 0)
            .map(|batch| (self.file_name(), batch))
            .collect();
        let encoded = named.into_par_iter().map(|(name, batch)| {
            encode_unit(&spec.schema, &spec.order, UnitKey::WHOLE, &name, &[batch], true)
        });
        for unit in encoded.collect::<Result<Vec<_>>>()? {
            self.add(spec, unit).await?;
        }
        Ok(())
    }

    /// Puts rows of an unpartitioned table in a file that lists before all others of this transaction.
    pub(super) async fn put_first(
        &mut self,
        spec: &TableSpec,
        batches: &[arrow::array::RecordBatch],
    ) -> Result<()> {
        self.files = self.files.max(1);
        let name = file_name(&self.id, 0);
        self.put_whole(spec, &name, batches).await
    }

    async fn put_whole(
        &mut self,
        spec: &TableSpec,
        name: &str,
        batches: &[arrow::array::RecordBatch],
    ) -> Result<()> {
        let unit = encode_unit(&spec.schema, &spec.order, UnitKey::WHOLE, name, batches, true)?;
        self.add(spec, unit).await
    }

    /// Replaces all rows of an unpartitioned table.
    pub async fn replace(&mut self, spec: &TableSpec, batches: &[arrow::array::RecordBatch]) -> Result<()> {
        if let Some(current) = self.warehouse.table(&self.base, &spec.name).await? {
            for file in current.files {
                self.remove(spec, file)?;
            }
        }
        self.append(spec, batches).await
    }

    /// The unpartitioned tables that gained files and lost none.
    pub(super) fn appended(&self) -> Vec<TableSpec> {
        let appended = self.changes.values().filter(|change| change.removes.is_empty());
        let specs = appended.filter_map(|change| change.spec.clone());
        specs.filter(|spec| spec.partition_by.is_empty()).collect()
    }

    fn change(&mut self, table: &str) -> Result<&mut Change> {
        if !self.allowed.iter().any(|t| t == table) {
            return Err(EngineError::internal(format!(
                "table {table} was not announced when the transaction began"
            )));
        }
        Ok(self.changes.entry(table.to_owned()).or_default())
    }

    /// Makes the change visible. Without any change nothing is written and the base commit is returned.
    ///
    /// # Errors
    /// When a log cannot be written; the warehouse then stays in the base state.
    pub async fn commit(self, info: serde_json::Value) -> Result<Commit> {
        self.lock.check().await?;
        let (tables, changed) = self.commit_logs().await?;
        if !changed {
            self.abort().await?;
            return self.warehouse.head().await;
        }
        let commit = Commit {
            id: self.base.id + 1,
            at: clock::now().format("%Y-%m-%dT%H:%M:%S").to_string(),
            operation: self.operation.clone(),
            transaction: self.id.clone(),
            code: env!("CARGO_PKG_VERSION").into(),
            tables,
            info,
        };
        self.lock.check().await?;
        log::append(self.warehouse.store().as_ref(), &commit).await?;
        self.warehouse.store().delete(&pending_path(&self.id)).await?;
        self.lock.release().await;
        Ok(commit)
    }

    /// Commits to every changed table's Delta log; returns the new versions and whether there was a change. Readers
    /// still see the old ones.
    async fn commit_logs(&self) -> Result<(BTreeMap<String, u64>, bool)> {
        let changes =
            self.changes.iter().filter_map(|(name, change)| Some((name, change, change.spec.as_ref()?)));
        let commits = changes.map(|(name, change, spec)| async move {
            let pinned = self.base.tables.get(name).copied();
            let opened = table::open_for_write(&self.warehouse, spec, pinned).await?;
            let metadata = table::metadata_forward(&opened, spec, change.removes.len(), pinned)?;
            let after = table::commit(opened, &change.adds, &change.removes, metadata).await?;
            let after = table::read(name, &after)?;
            let version = after.version;
            self.warehouse.remember(after);
            Ok::<_, EngineError>((name.clone(), version))
        });
        let committed: Vec<(String, u64)> =
            stream::iter(commits).buffered(LOGS_AT_ONCE).try_collect().await?;
        let changed = !committed.is_empty();
        let mut tables = self.base.tables.clone();
        tables.extend(committed);
        Ok((tables, changed))
    }

    /// All of a commit but its last step, for tests of what a kill leaves behind.
    /// Commits what was made, noting `info` of it; where making it failed, gives up instead.
    ///
    /// # Errors
    /// The failure, or that of the commit.
    pub async fn finish<T>(self, made: Result<T>, info: impl FnOnce(&T) -> serde_json::Value) -> Result<T> {
        match made {
            Ok(made) => {
                self.commit(info(&made)).await?;
                Ok(made)
            }
            Err(error) => {
                // What cannot be removed now (a full disk, say), the next writer removes.
                let _ = self.abort().await;
                Err(error)
            }
        }
    }

    #[cfg(test)]
    pub(super) async fn commit_logs_only(&self) -> Result<()> {
        self.commit_logs().await.map(|_| ())
    }

    /// Gives up: deletes what was put, noted here or not. Also safe to skip (the next writer does it).
    pub async fn abort(&self) -> Result<()> {
        if self.files > 0 {
            for name in &self.allowed {
                delete_files_of(&self.warehouse, name, &self.id).await?;
            }
        }
        let deleted = self.warehouse.store().delete(&pending_path(&self.id)).await;
        self.lock.release().await;
        match deleted {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}

/// Puts a unit under its table. Invisible until a transaction notes and commits it.
pub(crate) async fn put(warehouse: &Warehouse, table: &str, unit: EncodedUnit) -> Result<UnitFile> {
    let EncodedUnit { file, bytes } = unit;
    warehouse.store().put(&file_path(table, &file.path), PutPayload::from_bytes(bytes)).await?;
    Ok(file)
}

/// Reads some columns of a unit, and of its bytes only what they need.
pub(crate) async fn get_columns(
    warehouse: &Warehouse,
    table: &str,
    file: &UnitFile,
    columns: &[&str],
) -> Result<Vec<arrow::array::RecordBatch>> {
    read_columns(warehouse.store(), file_path(table, &file.path), file.size, columns).await
}

/// Reads a unit's bytes.
pub(crate) async fn get(warehouse: &Warehouse, table: &str, file: &UnitFile) -> Result<Bytes> {
    Ok(warehouse.store().get(&file_path(table, &file.path)).await?.bytes().await?)
}

/// Reads all rows of units, in their order.
pub(crate) async fn get_rows(
    warehouse: &Warehouse,
    table: &str,
    files: &[UnitFile],
) -> Result<Vec<arrow::array::RecordBatch>> {
    let mut rows = Vec::with_capacity(files.len());
    let mut units = stream::iter(files).map(|file| get(warehouse, table, file)).buffered(FILES_AT_ONCE);
    while let Some(bytes) = units.try_next().await? {
        rows.extend(read_unit(bytes, None)?);
    }
    Ok(rows)
}

/// Files of a transaction list in the order of their numbers, and after those of the transactions before.
fn file_name(transaction: &str, number: u32) -> String {
    format!("part-{transaction}-{number:06}")
}

fn file_path(table: &str, file: &str) -> Path {
    Path::from(format!("{}/{file}", Warehouse::table_path(table)))
}

fn pending_path(id: &str) -> Path {
    Path::from(format!("pending/{id}.json"))
}

/// One writer at a time in a directory.
fn lock_file(root: &std::path::Path) -> Result<File> {
    let path = root.join("writer.lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(EngineError::file(path.clone()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(EngineError::Warehouse(format!(
            "another assay process is writing to {}; wait until it is done and run the command again",
            root.display()
        ))),
        Err(std::fs::TryLockError::Error(e)) => Err(EngineError::file(path)(e)),
    }
}

/// Cleans up after killed transactions, if there are any and nobody is writing.
pub(super) async fn heal(warehouse: &Warehouse) -> Result<()> {
    if !has_leftovers(warehouse).await? {
        return Ok(());
    }
    match Lock::take(warehouse).await {
        Ok(lock) => {
            let recovered = recover(warehouse).await;
            lock.release().await;
            recovered
        }
        // A writer at work owns the notes.
        Err(EngineError::Warehouse(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether a note stands in `pending/`, or the beginnings of one.
async fn has_leftovers(warehouse: &Warehouse) -> Result<bool> {
    match warehouse.local_path() {
        Some(root) => {
            Ok(std::fs::read_dir(root.join("pending")).is_ok_and(|mut entries| entries.next().is_some()))
        }
        None => {
            let mut notes = warehouse.store().list(Some(&Path::from("pending")));
            Ok(notes.try_next().await?.is_some())
        }
    }
}

/// Deletes what a killed put leaves on a local disk: the store writes `NAME#1`, renames it when it is complete, and
/// never lists it. Done while the lock is held, so no put is under way.
fn delete_staged(folder: &std::path::Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(EngineError::file(folder))? {
        let entry = entry.map_err(EngineError::file(folder))?;
        let path = entry.path();
        if entry.file_type().map_err(EngineError::file(&path))?.is_dir() {
            delete_staged(&path)?;
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let staged = name
            .rsplit_once('#')
            .is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        if staged {
            std::fs::remove_file(&path).map_err(EngineError::file(&path))?;
        }
    }
    Ok(())
}

/// Cleans up after transactions that were killed.
async fn recover(warehouse: &Warehouse) -> Result<()> {
    if !has_leftovers(warehouse).await? {
        return Ok(());
    }
    if let Some(root) = warehouse.local_path() {
        for folder in ["tables", "vault", "commits", "pending"] {
            let folder = root.join(folder);
            if folder.is_dir() {
                delete_staged(&folder)?;
            }
        }
    }
    let notes: Vec<_> = warehouse.store().list(Some(&Path::from("pending"))).try_collect().await?;
    for note in notes {
        let body = warehouse.store().get(&note.location).await?.bytes().await?;
        // A note cut short by a full disk was written before any data file: nothing else to clean.
        if let Ok(pending) = serde_json::from_slice::<Pending>(&body) {
            clean(warehouse, &pending).await?;
        }
        match warehouse.store().delete(&note.location).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

async fn clean(warehouse: &Warehouse, pending: &Pending) -> Result<()> {
    let head = match warehouse.local_path() {
        Some(_) => warehouse.head().await?,
        None => fence(warehouse, pending).await?,
    };
    if head.transaction == pending.transaction {
        return Ok(());
    }
    tracing::info!(transaction = %pending.transaction, "cleaning up after an interrupted run");
    let mut tables = head.tables.clone();
    for name in &pending.tables {
        let pinned = head.tables.get(name).copied();
        if table::has_log(warehouse, name).await? {
            let version = table::roll_back(warehouse, name, pinned).await?.version();
            if let (Some(_), Some(version)) = (pinned, version) {
                tables.insert(name.clone(), version);
            }
        }
        delete_files_of(warehouse, name, &pending.transaction).await?;
    }
    if tables != head.tables {
        let commit = Commit {
            id: head.id + 1,
            at: clock::now().format("%Y-%m-%dT%H:%M:%S").to_string(),
            operation: "recover".into(),
            transaction: format!("recover-{}", pending.transaction),
            code: env!("CARGO_PKG_VERSION").into(),
            tables,
            info: head.info,
        };
        log::append(warehouse.store().as_ref(), &commit).await?;
    }
    Ok(())
}

/// Appends a commit that changes nothing, so that the transaction of the note cannot be committed any more. Returns the
/// head: the transaction's own commit, when it was faster.
async fn fence(warehouse: &Warehouse, pending: &Pending) -> Result<Commit> {
    let name = format!("fence-{}", pending.transaction);
    loop {
        let head = warehouse.head().await?;
        if head.transaction == pending.transaction || head.transaction == name {
            return Ok(head);
        }
        let commit = Commit {
            id: head.id + 1,
            at: clock::now().format("%Y-%m-%dT%H:%M:%S").to_string(),
            operation: "recover".into(),
            transaction: name.clone(),
            code: env!("CARGO_PKG_VERSION").into(),
            tables: head.tables,
            info: head.info,
        };
        if log::try_append(warehouse.store().as_ref(), &commit).await? {
            return Ok(commit);
        }
    }
}

async fn delete_files_of(warehouse: &Warehouse, table: &str, transaction: &str) -> Result<()> {
    let marker = format!("part-{transaction}-");
    let found: Vec<_> = warehouse.store().list(Some(&Warehouse::table_path(table))).try_collect().await?;
    for object in found {
        if object.location.filename().is_some_and(|f| f.starts_with(&marker)) {
            warehouse.store().delete(&object.location).await?;
        }
    }
    Ok(())
}
