//! The commands of `assay indicators`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
    /// The columns facts may use: name, source, unit, meaning
    Features,
    /// The form of a definition as JSON Schema, for editors
    #[command(
        after_help = "Example:\n  assay indicators schema > indicator.schema.json\n  and as first line of a definition: #:schema ./indicator.schema.json"
    )]
    Schema,
    /// What an indicator costs: its facts, the passes over the data, who shares them, measured times
    #[command(after_help = "Example:\n  assay indicators explain I05")]
    Explain {
        /// Code
        code: String,
        /// Month [default: the last with invoices]
        #[arg(long, value_parser = super::parse_month)]
        as_of: Option<i32>,
        /// Print the plan of each pass too
        #[arg(long)]
        plan: bool,
    },
    /// Begin an indicator of one's own: a commented template that passes its tests
    #[command(after_help = "Example:\n  assay indicators new J01")]
    New {
        /// Its code, e.g. J01: one to three capitals and two to four digits
        code: String,
    },
    /// Check every definition, the warehouse's own among them; all problems at once
    Check,
    /// Run the test rows that stand beside the definitions
    Test {
        /// Only this indicator
        code: Option<String>,
    },
    /// What an indicator, or a change of it, does before it is published: hits, overlap, tasks of each office; or, with
    /// labels, how well each indicator and the score find the labelled taxpayers: hits, lift, AUC
    #[command(
        after_help = "Stores nothing. Without --change an indicator is compared with its absence.\n\nExamples:\n  \
assay indicators backtest I05\n  assay indicators backtest I05 --change line=0.3 --change severity=low\n  \
assay indicators backtest I05 --change line.2=1.5 --labels known.csv\n  assay indicators backtest --labels known.csv\n  assay indicators backtest --labels 附件1.xlsx --sheet 企业信息 --id-column 企业代号 --label-column 是否违约 --as-of 202002"
    )]
    Backtest {
        /// Restrict to these indicators
        codes: Vec<String>,
        /// Judge as if it were so: line=0.3 (the value, factor or z of the first line in force), line.2=1.5, severity=low
        #[arg(long, value_name = "WHAT=VALUE")]
        change: Vec<String>,
        /// File of taxpayer ids and yes/no
        #[arg(long)]
        labels: Option<PathBuf>,
        #[command(flatten)]
        columns: LabelColumns,
        /// Month [default: the last with invoices]
        #[arg(long, value_parser = super::parse_month)]
        as_of: Option<i32>,
    },
    /// What indicators were worth, by the answers to their tasks: rates of true and false alarms, accuracy of estimates,
    /// lift over taxpayers drawn at random, each with its 95 percent interval
    #[command(
        after_help = "Examples:\n  assay indicators effect\n  assay indicators effect I05 --by month --format csv"
    )]
    Effect {
        /// Only this indicator
        code: Option<String>,
        /// Count by version alone, or by month or year of the scans too
        #[arg(long, default_value = "all")]
        by: EffectPeriod,
    },
    /// Learn the indicators' weights from labelled taxpayers, or from the answers to tasks; shows what they would change
    #[command(
        after_help = "Without --labels the labels are those of a generated economy (table truth).\n\nExamples:\n  \
assay indicators weigh\n  assay indicators weigh --labels known.csv --write\n  assay indicators weigh --answers"
    )]
    Weigh {
        /// File of taxpayer ids and yes/no
        #[arg(long)]
        labels: Option<PathBuf>,
        /// Learn from what officers answered
        #[arg(long, conflicts_with = "labels")]
        answers: bool,
        #[command(flatten)]
        columns: LabelColumns,
        /// Month [default: the last with invoices]
        #[arg(long, value_parser = super::parse_month)]
        as_of: Option<i32>,
        /// Write the weights into the warehouse's definitions/scorecard.toml; the next scan uses them
        #[arg(long)]
        write: bool,
    },
}

/// What the effect of indicators is counted by, beside their versions.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum EffectPeriod {
    /// Nothing
    All,
    /// Month of the scan
    Month,
    /// Year of the scan
    Year,
}

/// Where a file of labels has what.
#[derive(Debug, Args)]
pub struct LabelColumns {
    /// Its sheet
    #[arg(long, requires = "labels")]
    pub sheet: Option<String>,
    /// Its id column [default: the first]
    #[arg(long, requires = "labels")]
    pub id_column: Option<String>,
    /// Its label column [default: the last]
    #[arg(long, requires = "labels")]
    pub label_column: Option<String>,
}
