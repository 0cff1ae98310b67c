//! The arguments of `assay taxpayer`.

use std::path::PathBuf;

use clap::Args;

/// Examples of `taxpayer`.
pub const HELP: &str = "Examples:\n  assay taxpayer 91990203MAUJNKPC6Q\n  \
assay taxpayer 91990203MAUJNKPC6Q --report page.html     a page to read and to print on A4\n  \
assay taxpayer 91990203MAUJNKPC6Q --as-of 202512 --format json\n\n\
It shows no personal data: people, phones, addresses and devices appear by their keys. Scan first: invoices are shown\n\
from what scans sum up.";

/// `taxpayer`.
#[derive(Debug, Args)]
pub struct TaxpayerArgs {
    /// Taxpayer id
    pub id: String,
    /// Month, YYYYMM [default: that of the latest scan]
    #[arg(long, value_parser = super::parse_month)]
    pub as_of: Option<i32>,
    /// Write a page (HTML, Chinese, nothing outside it) instead of printing
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}
