//! The commands of `assay links`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `links`.
#[derive(Debug, Subcommand)]
pub enum LinksCommand {
    /// Find links anew where data or definitions changed: by number, name, shared invoices, and people
    #[command(after_help = "Examples:\n  assay links build\n  assay links build --whole\n\n\
Links lie in the table identity_link, one row a record and candidate; the view best_link has each record's best one,\n\
decisions heeded. The cut-off is yours: assay sql \"select * from best_link where score >= 0.95\"")]
    Build {
        /// Build what is up to date too
        #[arg(long)]
        whole: bool,
    },
    /// The best link of each record
    #[command(
        after_help = "Examples:\n  assay links list --min-score 0.95\n  assay links list --method shared_invoice\n  \
assay links list --id 91310115MA1K39423D --all\n  assay links list --max-score 0.9 --format csv > to-decide.csv"
    )]
    List(LinksListArgs),
    /// Every candidate of a record, or everything linked to a taxpayer, with reasons and decisions
    #[command(after_help = "Examples:\n  assay links show C06972\n  assay links show 恒达钢材公司")]
    Show {
        /// A record's value, a taxpayer id, or a link's id
        from: String,
    },
    /// Say that a link is right; outlasts every build
    #[command(after_help = "Example:\n  assay links confirm 3f9ac2 --by 王敏 --why 营业执照一致")]
    Confirm(DecisionArgs),
    /// Say that a link is wrong; the next candidate takes its place
    #[command(after_help = "Example:\n  assay links reject 3f9ac2 --by 王敏 --why 同名异户")]
    Reject(DecisionArgs),
    /// Take a decision back
    #[command(after_help = "Example:\n  assay links reset 3f9ac2 --by 王敏 --why 误操作")]
    Reset(DecisionArgs),
    /// How many records are linked, by kind and method, and how surely
    Report,
    /// Precision and recall at several cut-offs, against a file of records whose taxpayer is known
    #[command(after_help = "Examples:\n  assay links evaluate identity_truth.csv\n  \
assay links evaluate known.xlsx --record-column 名称 --id-column 纳税人识别号\n\n\
One row a record: the value as it stands in the data, and its taxpayer's id, empty where it is in no register.")]
    Evaluate {
        /// The file: CSV, workbook or Parquet
        truth: PathBuf,
        /// Column with the record's value [default: record, or value]
        #[arg(long)]
        record_column: Option<String>,
        /// Column with the taxpayer id
        #[arg(long, default_value = "taxpayer_id")]
        id_column: String,
        /// Show up to so many wrong and missed records at the default cut-off instead
        #[arg(long, value_name = "ROWS")]
        errors: Option<usize>,
    },
}

/// `links list`.
#[derive(Debug, Args)]
pub struct LinksListArgs {
    /// Least score, 0 to 1
    #[arg(long, default_value_t = 0.0)]
    pub min_score: f64,
    /// Highest score: what somebody should look at
    #[arg(long, default_value_t = 1.0)]
    pub max_score: f64,
    /// exact_id, old_number, exact_name, normal_name, similar_name, shared_invoice, role
    #[arg(long)]
    pub method: Option<String>,
    /// name, old_id, code, person or party
    #[arg(long)]
    pub kind: Option<String>,
    /// Only links to this taxpayer
    #[arg(long)]
    pub id: Option<String>,
    /// All candidates, rejected ones among them
    #[arg(long)]
    pub all: bool,
    /// Rows a table shows
    #[arg(long, default_value_t = 100)]
    pub limit: usize,
}

/// `links confirm`, `reject` and `reset`.
#[derive(Debug, Args)]
pub struct DecisionArgs {
    /// Id of the link, or its beginning
    pub link: String,
    /// Who decides; kept in the vault
    #[arg(long)]
    pub by: String,
    /// The reason; kept in the vault
    #[arg(long)]
    pub why: String,
}
