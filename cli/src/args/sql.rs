//! The arguments of `assay sql`.

use std::path::PathBuf;

use clap::Args;

/// `sql`.
#[derive(Debug, Args)]
pub struct SqlArgs {
    /// The query; read from standard input when absent
    // A query may begin with a comment (`-- …`).
    #[arg(allow_hyphen_values = true)]
    pub query: Option<String>,
    /// A file with the query
    #[arg(long, short = 'f', conflicts_with = "query")]
    pub file: Option<PathBuf>,
    /// Write to a file instead of stdout
    #[arg(long, short = 'o')]
    pub output: Option<PathBuf>,
    /// Show personal data in clear
    #[arg(long)]
    pub personal: bool,
    /// Rows a table shows
    #[arg(long, default_value_t = 100)]
    pub limit: usize,
}
