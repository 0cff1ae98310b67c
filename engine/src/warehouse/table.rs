//! One Delta table: creating it, opening it at a version, committing files to it, rolling it back.
//!
//! Delta is used as the transaction log only. Data files are written by `super::unit` and scanned by
//! `super::provider`; deletion vectors and column mapping never occur, and a table that has them is refused.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{
    Action, Add, LogicalFileView, Metadata, MetadataExt, Remove, StructField, StructType,
};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use serde::{Deserialize, Serialize};

use super::Warehouse;
use super::evolution::{self, Forward, Meaning};
use crate::{EngineError, Result};

const SCHEMA_PROPERTY: &str = "assay.schema";
const ORDER_PROPERTY: &str = "assay.order";
const MEANING_PROPERTY: &str = "assay.meaning";
/// Commits between checkpoints of a log. Every reader opens what came after the last one, and most tables get a commit
/// with each of a night's hundreds of loads.
const CHECKPOINT_INTERVAL: (&str, &str) = ("delta.checkpointInterval", "10");

/// What a new table is made of.
#[derive(Debug, Clone)]
pub struct TableSpec {
    /// Name, `vault/…` in the vault.
    pub name: String,
    /// Columns as stored, partition columns among them.
    pub schema: SchemaRef,
    /// Partition columns, a subset of `period`, `bucket`.
    pub partition_by: Vec<String>,
    /// Columns the rows of a file are sorted by, after `period`; the first is the party key.
    pub order: Vec<String>,
}

impl TableSpec {
    /// A table each commit appends a file to, its rows sorted by `order`.
    pub fn appended(name: &str, order: &[&str], fields: Vec<Field>) -> Self {
        Self {
            name: name.into(),
            schema: Arc::new(Schema::new(fields)),
            partition_by: Vec::new(),
            order: order.iter().map(|column| (*column).to_owned()).collect(),
        }
    }
}

/// One data file: a unit, or part of an unpartitioned table.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitFile {
    /// Path relative to the table.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Rows.
    pub rows: usize,
    /// Month, when the table is partitioned by it.
    pub period: Option<i32>,
    /// Bucket, when the table is partitioned by it.
    pub bucket: Option<i32>,
    /// Smallest and largest values of the ordering columns, as JSON from the Delta log.
    pub bounds: Bounds,
}

impl UnitFile {
    /// Whether the file holds results of the scan of that month (result tables have one file a scan).
    pub fn is_of(&self, as_of: i32) -> bool {
        self.bounds.min_values.get("as_of").and_then(serde_json::Value::as_i64) == Some(i64::from(as_of))
    }
}

/// Column statistics in Delta's own JSON form.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bounds {
    /// Rows in the file.
    pub num_records: u64,
    /// Column → smallest value.
    #[serde(default)]
    pub min_values: BTreeMap<String, serde_json::Value>,
    /// Column → largest value.
    #[serde(default)]
    pub max_values: BTreeMap<String, serde_json::Value>,
    /// Column → number of nulls.
    #[serde(default)]
    pub null_count: BTreeMap<String, u64>,
}

impl Bounds {
    /// Bounds of these rows and `more` ones.
    pub(super) fn widen(&mut self, more: Self) {
        self.num_records += more.num_records;
        for (column, nulls) in more.null_count {
            *self.null_count.entry(column).or_default() += nulls;
        }
        let outward =
            |own: &mut BTreeMap<String, serde_json::Value>, more: BTreeMap<_, _>, side: Ordering| {
                for (column, value) in more {
                    let beyond = own.get(&column).is_none_or(|o| compare(&value, o) == side);
                    if beyond {
                        own.insert(column, value);
                    }
                }
            };
        outward(&mut self.min_values, more.min_values, Ordering::Less);
        outward(&mut self.max_values, more.max_values, Ordering::Greater);
    }
}

/// Numbers by size; dates and instants as their ISO texts, which sort by time.
fn compare(a: &serde_json::Value, b: &serde_json::Value) -> Ordering {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.as_str().cmp(&b.as_str()),
    }
}

/// A table at one version.
#[derive(Debug, Clone)]
pub struct TableFiles {
    /// Name.
    pub name: String,
    /// Delta version.
    pub version: u64,
    /// Stored columns.
    pub schema: SchemaRef,
    /// Order of rows inside a file.
    pub order: Vec<String>,
    /// Columns that decide which file a row lies in.
    pub partition_by: Vec<String>,
    /// Key, month and personal data as they were when the table was last defined.
    pub(super) meaning: Option<Meaning>,
    /// Files, by period, bucket and path.
    pub files: Vec<UnitFile>,
}

impl TableFiles {
    /// Rows of all files.
    pub fn rows(&self) -> usize {
        self.files.iter().map(|f| f.rows).sum()
    }
}

#[derive(Serialize, Deserialize)]
struct StoredField {
    name: String,
    r#type: String,
    nullable: bool,
}

fn schema_to_text(schema: &Schema) -> Result<String> {
    let fields: Vec<StoredField> = schema
        .fields()
        .iter()
        .map(|f| StoredField {
            name: f.name().clone(),
            r#type: f.data_type().to_string(),
            nullable: f.is_nullable(),
        })
        .collect();
    Ok(serde_json::to_string(&fields)?)
}

fn schema_from_text(text: &str) -> Result<SchemaRef> {
    let stored: Vec<StoredField> = serde_json::from_str(text)?;
    let mut fields = Vec::with_capacity(stored.len());
    for f in stored {
        let data_type: DataType = f.r#type.parse()?;
        fields.push(Field::new(f.name, data_type, f.nullable));
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn table_url(warehouse: &Warehouse, name: &str) -> Result<url::Url> {
    let path = format!("{}/", Warehouse::table_path(name));
    warehouse.url().join(&path).map_err(|e| EngineError::internal(format!("table name {name}: {e}")))
}

async fn load(warehouse: &Warehouse, name: &str, version: Option<u64>) -> Result<DeltaTable> {
    let mut builder = DeltaTableBuilder::from_url(table_url(warehouse, name)?)?;
    if let Some(version) = version {
        builder = builder.with_version(version);
    }
    Ok(builder.load().await?)
}

/// Whether a Delta log exists for `name`, committed or not.
async fn exists(warehouse: &Warehouse, name: &str) -> Result<bool> {
    let table = DeltaTableBuilder::from_url(table_url(warehouse, name)?)?.build()?;
    Ok(table.log_store().is_delta_table_location().await?)
}

/// Opens `name` at `version`.
pub(super) async fn open(warehouse: &Warehouse, name: &str, version: u64) -> Result<TableFiles> {
    let table = load(warehouse, name, Some(version)).await?;
    read(name, &table)
}

/// What a Delta table says of itself.
pub(super) fn read(name: &str, table: &DeltaTable) -> Result<TableFiles> {
    let snapshot = table.snapshot()?;
    let config = snapshot.metadata().configuration();
    let text = config.get(SCHEMA_PROPERTY).ok_or_else(|| {
        EngineError::Warehouse(format!("table {name} was not written by assay; it cannot be read"))
    })?;
    let order = config.get(ORDER_PROPERTY).map(String::as_str).unwrap_or_default();
    let mut files = Vec::new();
    for view in snapshot.log_data().iter() {
        if view.deletion_vector_descriptor().is_some() {
            return Err(EngineError::Warehouse(format!(
                "table {name}: {} has a deletion vector, which assay never writes; another program changed this table",
                view.path()
            )));
        }
        files.push(unit_file(name, &view)?);
    }
    files.sort_by(|a, b| (a.period, a.bucket, &a.path).cmp(&(b.period, b.bucket, &b.path)));
    let version =
        table.version().ok_or_else(|| EngineError::internal(format!("table {name} has no version")))?;
    Ok(TableFiles {
        name: name.into(),
        version,
        schema: schema_from_text(text)?,
        order: order.split(',').filter(|s| !s.is_empty()).map(str::to_owned).collect(),
        partition_by: snapshot.metadata().partition_columns().to_vec(),
        meaning: config.get(MEANING_PROPERTY).map(|text| serde_json::from_str(text)).transpose()?,
        files,
    })
}

fn unit_file(table: &str, view: &LogicalFileView) -> Result<UnitFile> {
    let partitions = view.partition_values_map();
    let part = |column: &str| partitions.get(column).and_then(Option::as_ref).and_then(|v| v.parse().ok());
    let bounds: Bounds = match view.stats() {
        Some(text) => serde_json::from_str(&text)?,
        None => Bounds::default(),
    };
    let size = u64::try_from(view.size())
        .map_err(|_| EngineError::internal(format!("table {table}: negative file size")))?;
    Ok(UnitFile {
        path: view.path().into_owned(),
        size,
        rows: usize::try_from(bounds.num_records).unwrap_or(usize::MAX),
        period: part("period"),
        bucket: part("bucket"),
        bounds,
    })
}

fn partition_values(file: &UnitFile) -> HashMap<String, Option<String>> {
    let mut values = HashMap::new();
    if let Some(period) = file.period {
        values.insert("period".to_owned(), Some(period.to_string()));
    }
    if let Some(bucket) = file.bucket {
        values.insert("bucket".to_owned(), Some(bucket.to_string()));
    }
    values
}

fn add_action(file: &UnitFile, at_ms: i64) -> Result<Action> {
    Ok(Action::Add(Add {
        path: file.path.clone(),
        partition_values: partition_values(file),
        size: i64::try_from(file.size).unwrap_or(i64::MAX),
        modification_time: at_ms,
        data_change: true,
        stats: Some(serde_json::to_string(&file.bounds)?),
        ..Default::default()
    }))
}

fn remove_action(file: &UnitFile, at_ms: i64) -> Action {
    Action::Remove(Remove {
        path: file.path.clone(),
        data_change: true,
        deletion_timestamp: Some(at_ms),
        extended_file_metadata: Some(true),
        partition_values: Some(partition_values(file)),
        size: i64::try_from(file.size).ok(),
        ..Default::default()
    })
}

/// The columns as Delta knows them. It has no NOT NULL for what another engine may append; nullability is kept in our
/// own property.
fn delta_columns(schema: &SchemaRef) -> Result<Vec<StructField>> {
    let kernel: StructType = schema.as_ref().try_into_kernel().map_err(EngineError::Arrow)?;
    Ok(kernel.fields().map(|f| StructField::nullable(f.name(), f.data_type().clone())).collect())
}

/// What a table's properties say of it, beside Delta's own.
fn properties(name: &str, schema: &SchemaRef, order: &[String]) -> Result<Vec<(String, String)>> {
    let mut properties = vec![
        (SCHEMA_PROPERTY.to_owned(), schema_to_text(schema)?),
        (ORDER_PROPERTY.to_owned(), order.join(",")),
    ];
    if let Some(meaning) = evolution::meaning(name) {
        properties.push((MEANING_PROPERTY.to_owned(), serde_json::to_string(&meaning)?));
    }
    Ok(properties)
}

/// The metadata with which `table` goes on as `spec` defines it; `None` when they are right already. `removes` counts
/// the files the change takes out.
///
/// # Errors
/// When the definition contradicts what is stored.
pub(super) fn metadata_forward(
    table: &DeltaTable,
    spec: &TableSpec,
    removes: usize,
    pinned: Option<u64>,
) -> Result<Option<Metadata>> {
    let stored = read(&spec.name, table)?;
    let forward = match pinned {
        // Created by a transaction that never came to be: nothing in it has a meaning yet.
        None => {
            let changed = stored.schema != spec.schema || stored.order != spec.order;
            changed.then(|| Forward { schema: Arc::clone(&spec.schema), order: spec.order.clone() })
        }
        Some(_) => evolution::forward(&stored, spec, removes >= stored.files.len())?,
    };
    let Some(forward) = forward else { return Ok(None) };
    let columns = StructType::try_new(delta_columns(&forward.schema)?).map_err(DeltaTableError::from)?;
    let mut metadata =
        table.snapshot()?.metadata().clone().with_schema(&columns).map_err(DeltaTableError::from)?;
    for (key, value) in properties(&spec.name, &forward.schema, &forward.order)? {
        metadata = metadata.add_config_key(key, value).map_err(DeltaTableError::from)?;
    }
    Ok(Some(metadata))
}

async fn create(warehouse: &Warehouse, spec: &TableSpec) -> Result<DeltaTable> {
    let columns = delta_columns(&spec.schema)?;
    if let Some(root) = warehouse.local_path() {
        let folder = root.join(Warehouse::table_path(&spec.name).as_ref());
        std::fs::create_dir_all(&folder).map_err(EngineError::file(folder))?;
    }
    let url = table_url(warehouse, &spec.name)?;
    let log_store = DeltaTableBuilder::from_url(url)?.build_storage()?;
    Ok(CreateBuilder::new()
        .with_log_store(log_store)
        .with_table_name(&spec.name)
        .with_columns(columns)
        .with_partition_columns(spec.partition_by.clone())
        .with_configuration(
            properties(&spec.name, &spec.schema, &spec.order)?
                .into_iter()
                .chain([(CHECKPOINT_INTERVAL.0.to_owned(), CHECKPOINT_INTERVAL.1.to_owned())])
                .map(|(k, v)| (k, Some(v))),
        )
        .with_raise_if_key_not_exists(false)
        .await?)
}

/// Brings the Delta log back to `pinned` when a killed transaction left it ahead, and returns the table ready
/// for a commit. A table the killed transaction created is emptied.
pub(super) async fn open_for_write(
    warehouse: &Warehouse,
    spec: &TableSpec,
    pinned: Option<u64>,
) -> Result<DeltaTable> {
    if !exists(warehouse, &spec.name).await? {
        return match pinned {
            None => create(warehouse, spec).await,
            Some(_) => Err(EngineError::Warehouse(format!(
                "table {} is named by the warehouse but its files are gone; restore them from a backup",
                spec.name
            ))),
        };
    }
    roll_back(warehouse, &spec.name, pinned).await
}

/// See [`open_for_write`]; a no-op when the log stands at `pinned`.
pub(super) async fn roll_back(warehouse: &Warehouse, name: &str, pinned: Option<u64>) -> Result<DeltaTable> {
    let table = load(warehouse, name, None).await?;
    if table.version() == pinned {
        return Ok(table);
    }
    let now = read(name, &table)?;
    let (before, metadata) = match pinned {
        Some(version) => {
            let pinned = load(warehouse, name, Some(version)).await?;
            let metadata = pinned.snapshot()?.metadata().clone();
            (read(name, &pinned)?.files, Some(metadata).filter(|m| is_other(m, &table)))
        }
        None => (Vec::new(), None),
    };
    let removes: Vec<UnitFile> =
        now.files.iter().filter(|f| !before.iter().any(|b| b.path == f.path)).cloned().collect();
    let adds: Vec<UnitFile> =
        before.iter().filter(|b| !now.files.iter().any(|f| f.path == b.path)).cloned().collect();
    if removes.is_empty() && adds.is_empty() && metadata.is_none() {
        return Ok(table);
    }
    commit(table, &adds, &removes, metadata).await
}

/// Whether the table's properties differ from `metadata`, as they do when a killed transaction moved them forward.
fn is_other(metadata: &Metadata, table: &DeltaTable) -> bool {
    table.snapshot().is_ok_and(|now| now.metadata().configuration() != metadata.configuration())
}

/// Whether a Delta log exists at all (used by recovery).
pub(super) async fn has_log(warehouse: &Warehouse, name: &str) -> Result<bool> {
    exists(warehouse, name).await
}

/// One Delta commit adding and removing files, and moving the table's definition forward where `metadata` says so; the
/// returned table stands at the new version.
pub(super) async fn commit(
    table: DeltaTable,
    adds: &[UnitFile],
    removes: &[UnitFile],
    metadata: Option<Metadata>,
) -> Result<DeltaTable> {
    let at_ms = chrono::Utc::now().timestamp_millis();
    let mut actions = Vec::with_capacity(adds.len() + removes.len() + 1);
    actions.extend(metadata.map(Action::Metadata));
    actions.extend(removes.iter().map(|f| remove_action(f, at_ms)));
    for file in adds {
        actions.push(add_action(file, at_ms)?);
    }
    let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
    // A checkpoint would have logs of a month ago deleted, and with them the version readers are pinned to when a
    // writer is killed before the commit log names the new one.
    let properties = CommitProperties::default().with_max_retries(0).with_cleanup_expired_logs(Some(false));
    let finalized = CommitBuilder::from(properties)
        .with_actions(actions)
        .build(Some(table.snapshot()?), table.log_store(), operation)
        .await?;
    let mut table = table;
    table.load_version(finalized.version()).await?;
    Ok(table)
}
