//! The warehouse: Delta tables in an object store (today a local directory), tied together by one commit log.
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
//! ```

pub mod clock;
pub mod dictionary;
mod log;
mod provider;
pub mod session;
mod table;
#[cfg(test)]
mod tests;
mod transaction;
mod unit;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use serde::{Deserialize, Serialize};
use url::Url;

pub use log::Commit;
pub(crate) use provider::STORE_URL;
pub use provider::UnitTable;
pub use table::{TableFiles, TableSpec, UnitFile};
pub use transaction::Transaction;
pub(crate) use transaction::{get, put};
pub use unit::{EncodedUnit, UnitEncoder, UnitKey, encode_unit, read_unit};

use crate::{EngineError, Result};

/// The newest warehouse format this build reads and writes.
pub const FORMAT: u32 = 1;

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
    config: Config,
}

impl Warehouse {
    /// Creates an empty warehouse at `location` (a directory) and opens it.
    ///
    /// # Errors
    /// When one is already there, or the place cannot be written.
    pub async fn init(location: &str, bucket_width: i64) -> Result<Self> {
        if bucket_width < 1 {
            return Err(EngineError::input("bucket width must be at least 1 taxpayer key"));
        }
        let (url, store, local) = connect(location)?;
        let config = Config::new(bucket_width);
        let body = serde_json::to_vec_pretty(&config)?;
        match store.put_opts(&"assay.json".into(), body.into(), PutMode::Create.into()).await {
            Ok(_) => {}
            Err(object_store::Error::AlreadyExists { .. }) => {
                return Err(EngineError::Warehouse(format!(
                    "{location} already is a warehouse; choose another place, or use it as it is"
                )));
            }
            Err(e) => return Err(e.into()),
        }
        if let Some(root) = &local {
            for folder in ["definitions/mappings", "definitions/indicators"] {
                let path = root.join(folder);
                std::fs::create_dir_all(&path).map_err(EngineError::file(path))?;
            }
        }
        Ok(Self { url, store, local, config })
    }

    /// Opens a warehouse.
    ///
    /// # Errors
    /// When there is none at `location`, or it was written by a newer Assay.
    pub async fn open(location: &str) -> Result<Self> {
        if !location.contains("://") && !Path::new(location).exists() {
            return Err(no_warehouse(location));
        }
        let (url, store, local) = connect(location)?;
        let body = match store.get(&"assay.json".into()).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Err(no_warehouse(location)),
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
        Ok(Self { url, store, local, config })
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

    /// The user's own definitions of one kind (`mappings`, `indicators`), when the warehouse is local.
    pub fn definitions(&self, kind: &str) -> Option<PathBuf> {
        self.local.as_ref().map(|root| root.join("definitions").join(kind)).filter(|p| p.is_dir())
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

    /// A table's files as of `commit`; `None` when the table has never been written.
    pub async fn table(&self, commit: &Commit, name: &str) -> Result<Option<TableFiles>> {
        match commit.tables.get(name) {
            None => Ok(None),
            Some(version) => table::open(self, name, *version).await.map(Some),
        }
    }

    /// Cleans up after killed runs, if there are any and nobody is writing. Writers do so by themselves; a command
    /// that may find nothing to write calls it.
    pub async fn heal(&self) -> Result<()> {
        transaction::heal(self).await
    }

    /// Starts a transaction that may change `tables`; one writer at a time.
    pub async fn begin(&self, operation: &str, tables: &[&str]) -> Result<Transaction> {
        Transaction::begin(self.clone(), operation, tables).await
    }
}

fn no_warehouse(location: &str) -> EngineError {
    EngineError::Warehouse(format!("no warehouse at {location}; create one with: assay init {location}"))
}

type Connected = (Url, Arc<dyn ObjectStore>, Option<PathBuf>);

fn connect(location: &str) -> Result<Connected> {
    if location.contains("://") && !location.starts_with("file://") {
        return Err(EngineError::input(format!(
            "{location}: this build keeps warehouses in local directories only; give a directory"
        )));
    }
    let plain = location.strip_prefix("file://").unwrap_or(location);
    let path = std::path::absolute(plain).map_err(EngineError::file(plain))?;
    std::fs::create_dir_all(&path).map_err(EngineError::file(path.clone()))?;
    let url = Url::from_directory_path(&path)
        .map_err(|()| EngineError::input(format!("{} cannot be written as a URL", path.display())))?;
    let store = object_store::local::LocalFileSystem::new_with_prefix(&path)?;
    Ok((url, Arc::new(store), Some(path)))
}
