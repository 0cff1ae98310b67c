//! The commands of `assay indicators`.

use std::path::PathBuf;

use clap::Subcommand;

/// `indicators`.
#[derive(Debug, Subcommand)]
pub enum IndicatorsCommand {
    /// All indicators
    List,
    /// One indicator with all its parts
    #[command(after_help = "Example:\n  assay indicators show I05")]
    Show {
        /// Code
        code: String,
    },
    /// Check every definition, the warehouse's own among them; all problems at once
    Check,
    /// Run the test rows that stand beside the definitions
    Test {
        /// Only this indicator
        code: Option<String>,
    },
    /// How well each indicator and the score find labelled taxpayers: hits, lift, AUC
    #[command(after_help = "Examples:\n  assay indicators backtest --labels known.csv\n  \
assay indicators backtest --labels 附件1.xlsx --sheet 企业信息 --id-column 企业代号 --label-column 是否违约 --as-of 202002")]
    Backtest {
        /// Restrict to these indicators
        codes: Vec<String>,
        /// File of taxpayer ids and yes/no
        #[arg(long)]
        labels: PathBuf,
        /// Its sheet
        #[arg(long)]
        sheet: Option<String>,
        /// Its id column [default: the first]
        #[arg(long)]
        id_column: Option<String>,
        /// Its label column [default: the last]
        #[arg(long)]
        label_column: Option<String>,
        /// Month [default: the last with invoices]
        #[arg(long)]
        as_of: Option<i32>,
    },
}
