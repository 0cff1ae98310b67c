//! The arguments of `assay generate`.

use std::path::PathBuf;

use clap::Args;

/// `generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Registered taxpayers, 100 to 3,000,000
    #[arg(long, default_value_t = 1000)]
    pub taxpayers: usize,
    /// Months, 8 to 60
    #[arg(long, default_value_t = 12)]
    pub months: usize,
    /// First month, YYYYMM
    #[arg(long, default_value_t = 202501)]
    pub start: i32,
    /// Invoice lines in all [default: 8.4 a taxpayer and month]
    #[arg(long)]
    pub lines: Option<u64>,
    /// Another seed, another economy
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Write files into this folder instead of a warehouse
    #[arg(long, value_name = "DIR")]
    pub files: Option<PathBuf>,
    /// All files in one format instead of as the departments send them: csv, parquet, json_lines, json_array, fixed, hive,
    /// dbf, etax or einvoice
    #[arg(long = "as", requires = "files", value_name = "FORMAT")]
    pub kind: Option<String>,
    /// Encoding of text files in one format: utf-8 or gb18030
    #[arg(long, requires = "files")]
    pub encoding: Option<String>,
    /// Chinese headers and code names in one format
    #[arg(long, requires = "files")]
    pub chinese: bool,
    /// Only these tables, comma-separated; an etax or einvoice file of invoices holds their lines too
    #[arg(long, requires = "files", value_delimiter = ',')]
    pub tables: Vec<String>,
    /// Plant defects into this share of the rows; a ledger of them is written to defects.csv
    #[arg(long, requires = "files", value_name = "SHARE")]
    pub dirty: Option<f64>,
    /// Print whether it looks like an economy
    #[arg(long, conflicts_with = "files")]
    pub describe: bool,
    /// The same as a page with charts
    #[arg(long, conflicts_with = "files", value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Taxpayer keys per bucket of a new warehouse
    #[arg(long, default_value_t = 262_144)]
    pub bucket_width: i64,
}
