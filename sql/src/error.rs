//! What can go wrong in this crate.

use std::path::PathBuf;

/// Result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure while making a session, running a query, or writing its result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Planning or running a query failed; DataFusion's message says where.
    #[error(transparent)]
    Query(#[from] datafusion::error::DataFusionError),
    /// A batch could not be turned into the wanted format.
    #[error("cannot format the result: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// The Parquet writer failed.
    #[error("cannot write the result as Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Writing to the output failed (a closed pipe is `std::io::ErrorKind::BrokenPipe`).
    #[error("cannot write the result: {0}")]
    Io(#[from] std::io::Error),
    /// The spill directory is missing and cannot be made.
    #[error("cannot use {} for spilling: {source}; name a writable directory", path.display())]
    SpillDir {
        /// The directory asked for.
        path: PathBuf,
        /// Why it cannot be used.
        source: std::io::Error,
    },
    /// An option has a value that makes no sense.
    #[error("session option {option}: {value} is not usable; {remedy}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// The value given.
        value: String,
        /// What to give instead.
        remedy: &'static str,
    },
}
