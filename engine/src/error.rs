//! The engine's one error type. What a person did wrong or can mend is told apart from what failed beneath.

use std::path::PathBuf;

/// Result of every fallible engine call.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;

/// Why an engine call failed. Nothing is half-written after one: a transaction either committed or left no trace.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The user's input (file, mapping, argument) cannot be used; the message says what to do.
    #[error("{0}")]
    Input(String),
    /// The warehouse cannot be used as it is (missing, newer, locked); the message says what to do.
    #[error("{0}")]
    Warehouse(String),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Definition files with problems, every one of them.
    #[error("{}", .0.join("\n"))]
    Definitions(Vec<String>),
    /// Reading or writing without a file name at hand.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Arrow kernels.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
    /// Parquet files.
    #[error(transparent)]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Queries.
    #[error(transparent)]
    DataFusion(#[from] datafusion::error::DataFusionError),
    /// The Delta log.
    #[error(transparent)]
    Delta(#[from] deltalake_core::DeltaTableError),
    /// The object store.
    #[error(transparent)]
    Store(#[from] object_store::Error),
    /// JSON files of the warehouse.
    #[error("invalid JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The SQL session and its functions.
    #[error(transparent)]
    Sql(#[from] assay_sql::Error),
    /// Making or writing tasks.
    #[error(transparent)]
    Tasks(#[from] assay_tasks::TaskError),
    /// The ledger of tasks.
    #[error(transparent)]
    Ledger(#[from] assay_tasks::ledger::LedgerError),
    /// A bug in Assay: an invariant does not hold.
    #[error("internal error: {0} (this is a bug in Assay, please report it)")]
    Internal(String),
}

impl EngineError {
    /// An error about the user's input.
    pub fn input(message: impl Into<String>) -> Self {
        Self::Input(message.into())
    }

    /// A broken invariant.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::Internal(message.into())
    }

    /// Names the file an I/O error came from.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
