//! The commands of `assay tasks`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

/// `tasks`.
#[derive(Debug, Subcommand)]
pub enum TasksCommand {
    /// The tasks of a scan
    #[command(
        after_help = "Examples:\n  assay tasks list --grade high\n  assay tasks list --office 15100020300 --format csv"
    )]
    List {
        /// Month of the scan [default: the latest]
        #[arg(long)]
        as_of: Option<i32>,
        /// high, medium or low
        #[arg(long)]
        grade: Option<Grade>,
        /// Only this office
        #[arg(long)]
        office: Option<String>,
    },
    /// One taxpayer's task with every hit and its evidence
    #[command(after_help = "Example:\n  assay tasks show E17")]
    Show {
        /// Taxpayer id or task number
        id: String,
        /// Month of the scan [default: the latest]
        #[arg(long)]
        as_of: Option<i32>,
    },
    /// What a scan found of the schemes planted in a generated economy: recall by scheme, precision by grade
    #[command(after_help = "Example:\n  assay tasks evaluate")]
    Evaluate {
        /// Month of the scan [default: the latest]
        #[arg(long)]
        as_of: Option<i32>,
    },
    /// Write one workbook an office, or one CSV or Parquet list
    #[command(
        after_help = "Examples:\n  assay tasks export --to ./lists\n  assay tasks export --to ./lists --as csv"
    )]
    Export {
        /// Folder
        #[arg(long, default_value = "tasks")]
        to: PathBuf,
        /// xlsx, csv or parquet
        #[arg(long = "as", default_value = "xlsx")]
        kind: ExportKind,
        /// Month of the scan [default: the latest]
        #[arg(long)]
        as_of: Option<i32>,
    },
}

/// Grade of a task.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Grade {
    /// 高
    High,
    /// 中
    Medium,
    /// 低
    Low,
}

/// File kind of an export.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ExportKind {
    /// One workbook an office
    Xlsx,
    /// One list
    Csv,
    /// One typed list
    Parquet,
}
