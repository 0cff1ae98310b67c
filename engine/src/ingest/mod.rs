//! Ingestion: files of any supported shape into the canonical tables, in one commit.
//!
//! [`select`] finds what to read, [`source`] reads it, [`convert`] maps it column by column, [`keying`] replaces ids
//! by keys and personal data by vault keys, [`stage`] sorts rows into units, [`merge`] merges each unit with what is
//! stored. Rows that do not fit lie in `rejected_row`, equal ones are counted in `duplicate_row`: records read are
//! always kept + duplicate + rejected.

mod constant;
pub(crate) mod convert;
mod feeds;
#[cfg(test)]
mod fuzz;
pub mod inbox;
pub(crate) mod keying;
pub(crate) mod load;
mod lookup;
mod merge;
mod moved;
pub mod parse;
mod pipeline;
pub(crate) mod records;
mod reject;
mod remote;
mod repair;
pub mod select;
pub mod source;
mod stage;
mod summary;
pub mod system;

use std::path::PathBuf;
use std::sync::Arc;

use assay_datasets::mapping::Feed;
use assay_datasets::schema::Table;

pub(crate) use load::table_spec as stored_spec;
pub use reject::Reject;
pub use summary::{IngestSummary, TableSummary};

use crate::Result;
use crate::warehouse::Warehouse;

/// A query on a database, whose result is loaded.
#[derive(Clone)]
pub struct DatabaseQuery {
    /// `postgres://user@host:port/database`; may hold a password, so it is never shown.
    pub url: String,
    /// One select.
    pub sql: String,
}

impl std::fmt::Debug for DatabaseQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DatabaseQuery({})", self.sql)
    }
}

/// What to load, and how.
#[derive(Debug, Clone, Default)]
pub struct IngestRequest {
    /// Canonical table; `None`: every table the mapping has feeds for.
    pub table: Option<String>,
    /// Files and shell patterns, `s3://` addresses among them.
    pub files: Vec<String>,
    /// A query whose result is loaded, instead of files.
    pub database: Option<DatabaseQuery>,
    /// Only this feed of the mapping; `None`: every one that takes the files.
    pub feed: Option<String>,
    /// A feed may mean something else than when it was last loaded; that it does is recorded.
    pub accept_mapping_change: bool,
    /// Mapping name or path; `None`: headers are the dictionary's own.
    pub mapping: Option<String>,
    /// Overrides the mapping's or detected encoding.
    pub encoding: Option<String>,
    /// Overrides the mapping's or detected delimiter.
    pub delimiter: Option<String>,
    /// Overrides the mapping's sheet.
    pub sheet: Option<String>,
    /// Threads.
    pub threads: usize,
    /// Bytes of rows held in memory before they are spilled.
    pub memory: usize,
}

/// Told how far a load is.
pub trait Progress: Send + Sync {
    /// A phase begins: `read`, `write`, `commit`.
    fn phase(&self, name: &str, total: usize);
    /// So many more records or units are done.
    fn advance(&self, n: usize);
}

/// No progress shown.
pub struct Silent;

impl Progress for Silent {
    fn phase(&self, _: &str, _: usize) {}
    fn advance(&self, _: usize) {}
}

/// One thing to read: a feed's sheet or member of a file.
#[derive(Debug, Clone)]
pub struct Input {
    pub(crate) path: PathBuf,
    pub(crate) member: source::Member,
    pub(crate) feed: Arc<Feed>,
    pub(crate) table: &'static Table,
    pub(crate) options: source::ReadOptions,
}

impl Input {
    /// Name stored in `_file`: the file and, for a workbook, its sheet.
    pub(crate) fn label(&self) -> String {
        match &self.options.sheet {
            Some(sheet) => format!("{} [{sheet}]", self.member.display()),
            None => self.member.display(),
        }
    }
}

/// Loads files.
///
/// # Errors
/// When anything is wrong with a file as a whole; nothing is then loaded from any of them. Bad rows are no error.
pub async fn ingest(
    warehouse: &Warehouse,
    request: IngestRequest,
    progress: Arc<dyn Progress>,
) -> Result<IngestSummary> {
    load::run(warehouse.clone(), request, progress).await
}
