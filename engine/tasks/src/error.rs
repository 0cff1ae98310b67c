//! What can go wrong when tasks are made or written, each with what to do about it.

use std::path::PathBuf;

use arrow::error::ArrowError;

/// Why tasks could not be made or a list could not be written.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A table handed in lacks a column.
    #[error("table `{table}` has no column `{column}` (it has: {present}); pass the stored table unchanged")]
    MissingColumn {
        /// Name of the table.
        table: &'static str,
        /// The column that is missing.
        column: &'static str,
        /// The columns it has, comma separated.
        present: String,
    },
    /// A column has a type that does not convert.
    #[error("table `{table}`, column `{column}`: {source}; the stored type is expected")]
    ColumnType {
        /// Name of the table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What the conversion said.
        source: ArrowError,
    },
    /// The tables contradict each other or themselves; every contradiction found is listed.
    #[error("tasks cannot be made, {} problem(s):\n{}", .0.len(), .0.join("\n"))]
    Input(Vec<String>),
    /// The response policy (TOML) is wrong; every mistake found is listed.
    #[error("{origin}: {}", .problems.join("\n"))]
    Policy {
        /// The file, or what stands for it.
        origin: String,
        /// What is wrong and what to write instead.
        problems: Vec<String>,
    },
    /// A file or folder could not be written.
    #[error("cannot write {}: {source}; check that the folder exists, is writable and has space", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The workbook could not be written.
    #[error("cannot write the workbook {}: {source}; check that the folder is writable and has space", .path.display())]
    Workbook {
        /// The workbook.
        path: PathBuf,
        /// What the writer said.
        source: rust_xlsxwriter::XlsxError,
    },
    /// A list is longer than a sheet can hold.
    #[error(
        "{sheet} of office {office} would have {rows} rows, a sheet holds {limit}; export Parquet, or fewer tasks"
    )]
    TooManyRows {
        /// The sheet.
        sheet: &'static str,
        /// The office.
        office: String,
        /// Rows needed.
        rows: usize,
        /// Rows a sheet has left for data.
        limit: usize,
    },
    /// The Parquet file could not be written.
    #[error("cannot write {}: {source}", .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the writer said.
        source: parquet::errors::ParquetError,
    },
    /// Arrow refused to put columns together: a fault of this program.
    #[error("internal: columns do not fit together: {0}")]
    Arrow(#[from] ArrowError),
}
