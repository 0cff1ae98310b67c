//! The arguments of `assay quality`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `quality`.
#[derive(Debug, Args)]
pub struct QualityArgs {
    /// Only this table
    pub table: Option<String>,
    /// Only this part [default: loads, rejected and scores; in csv, json and parquet rejected, or scores with --by]
    #[arg(long)]
    pub show: Option<QualityPart>,
    /// What scores are by [default: table]
    #[arg(long)]
    pub by: Option<QualityBy>,
    /// Show what was measured last, measure nothing
    #[arg(long)]
    pub no_refresh: bool,
    /// Write a page (HTML, Chinese) with grades, trend, worst rules and what to do
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// List the rules instead
    #[arg(long, conflicts_with_all = ["report", "show", "by"])]
    pub rules: bool,
    /// Check all rules and run their test rows instead; all problems at once
    #[arg(long, conflicts_with_all = ["report", "show", "by", "rules"])]
    pub check_rules: bool,
}

/// A part of the quality report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QualityPart {
    /// One row a batch and table
    Loads,
    /// One row a table, source, column and rule
    Rejected,
    /// Scores, see --by
    Scores,
    /// Every failing row with its reason
    Failures,
    /// Months that are late, missing, or unlike those before
    Alerts,
    /// Values that were repaired while loading
    Repairs,
    /// Scores after each measuring
    History,
}

/// What scores are by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QualityBy {
    /// The feed
    Source,
    /// The table
    Table,
    /// The rule, worst first
    Rule,
    /// The month of the data
    Month,
}
