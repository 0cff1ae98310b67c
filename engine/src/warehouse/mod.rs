//! The warehouse: Delta tables in a local directory or an object store, tied together by one commit log.
//!
//! A warehouse commit names the Delta version of every table, so that a change to several tables becomes
//! visible at once or not at all: readers only ever open the versions the newest commit names. It is not a
//! query engine ([`session`] hands its tables to DataFusion) and knows nothing of what the tables mean.
//!
//! ```text
//! WAREHOUSE/
//!   assay.json            format version and settings
//!   commits/<n>.json      the commit log
//!   tables/<name>/        Delta tables
//!   vault/<name>/         Delta tables with personal data in clear
//!   pending/<tx>.json     what a running (or killed) transaction touches
//!   definitions/          the user's own mappings and indicators
//!   writer.lock           local: locked by the writer; `writer.lease` on an object store
//! ```

pub mod clock;
mod derived;
pub mod dictionary;
mod evolution;
mod lease;
mod location;
mod log;
mod provider;
pub(crate) mod s3;
pub mod session;
mod table;
#[cfg(test)]
mod tests;
mod transaction;
mod unit;
mod unite;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use serde::{Deserialize, Serialize};
use url::Url;

use self::location::Place;

pub(crate) use derived::{cut, encode};
pub use log::Commit;
pub(crate) use provider::STORE_URL;
pub use provider::UnitTable;
pub use table::{TableFiles, TableSpec, UnitFile};
pub use transaction::Transaction;
pub(crate) use transaction::{get, get_columns, get_rows, put};
pub use unit::{EncodedUnit, UnitEncoder, UnitKey, encode_unit, read_unit};
pub(crate) use unit::{conform, plain_text};

use crate::{EngineError, Result};

/// The newest warehouse format this build reads and writes. Format 2 came with tables that may gain columns: a build
/// that knows format 1 only would leave them out of the units it rewrites. A warehouse of format 1 opens as it is
/// and becomes one of format 2 with the first change.
pub const FORMAT: u32 = 2;

/// Settings written once by `assay init`.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Config {
    /// Layout version; a build refuses a newer one.
    pub format: u32,
    /// Version of Assay that created the warehouse.
    pub created_by: String,
    /// Taxpayer keys per bucket. A unit (month × bucket) should hold 1–4 million rows; it is sorted in memory.
    pub bucket_width: i64,
}

impl Config {
    /// A new warehouse's settings.
    pub fn new(bucket_width: i64) -> Self {
        Self { format: FORMAT, created_by: env!("CARGO_PKG_VERSION").into(), bucket_width }
    }

    /// The bucket of a taxpayer key; rows without one lie in bucket 0.
    pub fn bucket_of(&self, key: Option<i64>) -> i32 {
        key.map_or(0, |k| i32::try_from(k / self.bucket_width).unwrap_or(i32::MAX))
    }
}

/// An open warehouse. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Warehouse {
    url: Url,
    store: Arc<dyn ObjectStore>,
    local: Option<PathBuf>,
    /// What a remote warehouse has in `definitions/`, copied to this machine.
    fetched: Option<Arc<tempfile::TempDir>>,
    config: Config,
    /// Tables as last opened, by name: a version never changes, and a log takes long to read.
    opened: Arc<Mutex<HashMap<String, TableFiles>>>,
}

impl Warehouse {
    /// Creates an empty warehouse at `location` (a directory, or `s3://bucket/prefix`) and opens it.
    ///
    /// # Errors
    /// When one is already there, or the place cannot be written.
    pub async fn init(location: &str, bucket_width: i64) -> Result<Self> {
        if bucket_width < 1 {
            return Err(EngineError::input("bucket width must be at least 1 taxpayer key"));
        }
        let Place { url, store, local } = location::connect(location)?;
        let config = Config::new(bucket_width);
        let body = serde_json::to_vec_pretty(&config)?;
        match store.put_opts(&"assay.json".into(), body.into(), PutMode::Create.into()).await {
            Ok(_) => {}
            Err(object_store::Error::AlreadyExists { .. }) => {
                return Err(EngineError::Warehouse(format!(
                    "{location} already is a warehouse; choose another place, or use it as it is"
                )));
            }
            Err(e) if local.is_none() => return Err(s3::explain(location, &e)),
            Err(e) => return Err(e.into()),
        }
        if let Some(root) = &local {
            for folder in ["definitions/mappings", "definitions/indicators"] {
                let path = root.join(folder);
                std::fs::create_dir_all(&path).map_err(EngineError::file(path))?;
            }
        }
        Ok(Self { url, store, local, fetched: None, config, opened: Arc::default() })
    }

    /// Opens a warehouse.
    ///
    /// # Errors
    /// When there is none at `location`, or it was written by a newer Assay.
    pub async fn open(location: &str) -> Result<Self> {
        if !location.contains("://") && !Path::new(location).exists() {
            return Err(no_warehouse(location));
        }
        let Place { url, store, local } = location::connect(location)?;
        let body = match store.get(&"assay.json".into()).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Err(no_warehouse(location)),
            Err(e) if local.is_none() => return Err(s3::explain(location, &e)),
            Err(e) => return Err(e.into()),
        };
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let damaged = |e: serde_json::Error| {
            EngineError::Warehouse(format!(
                "{location}/assay.json is damaged ({e}); restore it from a backup"
            ))
        };
        let format: Format = serde_json::from_slice(&body).map_err(damaged)?;
        if format.format > FORMAT {
            return Err(EngineError::Warehouse(format!(
                "{location} has warehouse format {}, this assay {} reads up to {FORMAT}; use a newer assay",
                format.format,
                env!("CARGO_PKG_VERSION")
            )));
        }
        let config: Config = serde_json::from_slice(&body).map_err(damaged)?;
        let fetched = match &local {
            Some(_) => None,
            None => location::fetch_definitions(store.as_ref()).await?.map(Arc::new),
        };
        Ok(Self { url, store, local, fetched, config, opened: Arc::default() })
    }

    /// Settings of this warehouse.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where it lies.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Its directory, when it lies on a local disk.
    pub fn local_path(&self) -> Option<&Path> {
        self.local.as_deref()
    }

    /// The user's own definitions of one kind (`mappings`, `indicators`), as a folder on this machine: the warehouse's,
    /// or for a remote warehouse a copy that lives as long as the warehouse is open.
    pub fn definitions(&self, kind: &str) -> Option<PathBuf> {
        self.definitions_root().map(|root| root.join(kind)).filter(|p| p.is_dir())
    }

    /// The user's own definition in one file (`scorecard.toml`, `inbox.toml`), if there is one.
    pub fn definition_file(&self, name: &str) -> Option<PathBuf> {
        self.definitions_root().map(|root| root.join(name)).filter(|p| p.is_file())
    }

    /// The folder of the user's own definitions, on this machine.
    pub fn definitions_root(&self) -> Option<PathBuf> {
        match (&self.local, &self.fetched) {
            (Some(root), _) => Some(root.join("definitions")),
            (None, Some(folder)) => Some(folder.path().to_owned()),
            (None, None) => None,
        }
    }

    /// The folder in which commands may write definitions; none for a warehouse in an object store, whose definitions are
    /// here as a copy only.
    pub(crate) fn writable_definitions(&self) -> Option<PathBuf> {
        self.local.as_ref().and_then(|_| self.definitions_root())
    }

    /// The store, rooted at the warehouse.
    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// The folder of a table, relative to the warehouse; names starting with `vault/` lie in the vault.
    pub(crate) fn table_path(name: &str) -> StorePath {
        if name.starts_with("vault/") {
            StorePath::from(name)
        } else {
            StorePath::from(format!("tables/{name}"))
        }
    }

    /// The newest commit; commit 0, with no tables, before the first.
    pub async fn head(&self) -> Result<Commit> {
        log::newest(self.store.as_ref()).await
    }

    /// A state of the past.
    ///
    /// # Errors
    /// When there was none of that number, or it cannot be read.
    pub async fn commit(&self, id: u64) -> Result<Commit> {
        log::read(self.store.as_ref(), id).await
    }

    /// A table's files as of `commit`, with the columns of its definition: those it gained since it was written read
    /// as null. `None` when the table has never been written.
    ///
    /// # Errors
    /// When the table cannot be read, or its definition has changed in a way that would alter what is stored.
    pub async fn table(&self, commit: &Commit, name: &str) -> Result<Option<TableFiles>> {
        match commit.tables.get(name) {
            None => Ok(None),
            Some(version) => {
                let stored = match self.remembered(name, *version) {
                    Some(stored) => stored,
                    None => {
                        let stored = table::open(self, name, *version).await?;
                        self.remember(stored.clone());
                        stored
                    }
                };
                match evolution::defined(name) {
                    None => Ok(Some(stored)),
                    Some(spec) => evolution::lifted(stored, &spec).map(Some),
                }
            }
        }
    }

    fn remembered(&self, name: &str, version: u64) -> Option<TableFiles> {
        let opened = self.opened.lock().ok()?;
        opened.get(name).filter(|table| table.version == version).cloned()
    }

    /// Keeps a table as it is at its version.
    fn remember(&self, table: TableFiles) {
        if let Ok(mut opened) = self.opened.lock() {
            opened.insert(table.name.clone(), table);
        }
    }

    /// Cleans up after killed runs, if there are any and nobody is writing. Writers do so by themselves; a command
    /// that may find nothing to write calls it.
    pub async fn heal(&self) -> Result<()> {
        transaction::heal(self).await
    }

    /// Marks an older warehouse as one of today's format, before this build changes it for the first time.
    async fn move_format_forward(&self) -> Result<()> {
        if self.config.format < FORMAT {
            let config = Config { format: FORMAT, ..self.config.clone() };
            let body = serde_json::to_vec_pretty(&config)?;
            self.store.put(&"assay.json".into(), body.into()).await?;
        }
        Ok(())
    }

    /// Starts a transaction that may change `tables`; one writer at a time.
    pub async fn begin(&self, operation: &str, tables: &[&str]) -> Result<Transaction> {
        Transaction::begin(self.clone(), operation, tables).await
    }
}

fn no_warehouse(location: &str) -> EngineError {
    EngineError::Warehouse(format!("no warehouse at {location}; create one with: assay init {location}"))
}
