//! The arguments of every command, with examples.

use assay_indicators::period;
use assay_sql::{Format, SessionOptions};
use clap::{Parser, Subcommand};

mod cases;
mod cross_audit;
mod generate;
mod indicators;
mod ingest;
mod links;
mod mapping;
mod policies;
mod quality;
mod sql;
mod tasks;
mod taxpayer;

pub use cases::CasesCommand;
pub use cross_audit::{CrossAuditCommand, Finding};
pub use generate::GenerateArgs;
pub use indicators::{EffectPeriod, IndicatorsCommand, LabelColumns};
pub use ingest::IngestArgs;
pub use links::{DecisionArgs, LinksCommand, LinksListArgs};
pub use mapping::MappingCommand;
pub use policies::{PoliciesCommand, PolicyGroup, RefundProposal};
pub use quality::{QualityArgs, QualityBy, QualityPart};
pub use sql::SqlArgs;
pub use tasks::{
    ExemptCommand, ExportKind, Grade, KindArg, OfficeArg, StateArg, TaskArgs, TasksCommand, Who,
};
pub use taxpayer::TaxpayerArgs;

/// Columnar tax risk analytics: invoices and filings in, one explained task per taxpayer out.
#[derive(Debug, Parser)]
#[command(name = "assay", version, propagate_version = true, max_term_width = 110)]
#[command(after_help = "Examples:\n  assay demo\n  assay init ./wh && export ASSAY_WAREHOUSE=./wh\n  \
assay ingest all --mapping cumcm2020c data/*.csv\n  assay scan --as-of 202002\n  assay tasks export --to ./lists\n\n\
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done with rejected rows.")]
pub struct Cli {
    /// Warehouse directory [or ASSAY_WAREHOUSE, or `warehouse` in an assay.toml found upwards]
    #[arg(long, short = 'w', global = true, env = "ASSAY_WAREHOUSE", hide_env_values = true)]
    pub warehouse: Option<String>,
    /// Ledger of tasks: postgres://USER@HOST/DB or a SQLite file [or ASSAY_LEDGER, or `ledger` in assay.toml; default: beside the warehouse]
    #[arg(long, global = true, env = "ASSAY_LEDGER", hide_env_values = true)]
    pub ledger: Option<String>,
    /// How results are written to stdout
    #[arg(long, global = true, default_value = "table", value_parser = parse_format, value_name = "table|csv|json|parquet")]
    pub format: Format,
    /// Threads [default: all cores]
    #[arg(long, global = true)]
    threads: Option<usize>,
    /// Memory to work in before spilling to disk, e.g. 512M or 4G [default: half the machine]
    #[arg(long, global = true, value_parser = parse_bytes)]
    memory: Option<usize>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What a load holds at most when nobody says otherwise: more is not faster, run files lie in the page cache.
const LOAD_MEMORY: usize = 384 << 20;

impl Cli {
    /// Threads to use.
    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| SessionOptions::default().threads).max(1)
    }

    /// Session options as asked for.
    pub fn session(&self) -> SessionOptions {
        let mut options = SessionOptions { threads: self.threads(), ..SessionOptions::default() };
        if let Some(memory) = self.memory {
            options.memory_bytes = memory;
        }
        options
    }

    /// Bytes of rows a load holds before spilling: a quarter of the memory, as encoding needs some too.
    pub fn load_memory(&self) -> usize {
        match self.memory {
            Some(memory) => memory / 4,
            None => (SessionOptions::default().memory_bytes / 4).min(LOAD_MEMORY),
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create an empty warehouse
    #[command(after_help = "Examples:\n  assay init ./wh\n  assay init ./wh --bucket-width 100000")]
    Init {
        /// A directory, or s3://BUCKET/PREFIX
        location: String,
        /// Taxpayer keys per bucket; a unit (month × bucket) should hold 1 to 4 million rows
        #[arg(long, default_value_t = 262_144)]
        bucket_width: i64,
    },
    /// Load files; prints rows read, kept, replaced, duplicate, rejected
    #[command(after_help = ingest::HELP)]
    Ingest(IngestArgs),
    /// Generate a synthetic economy with planted, labelled schemes: into an empty warehouse, or as files
    #[command(
        after_help = "Examples:\n  assay generate -w ./wh --taxpayers 10000 --start 202401 --months 24\n  \
assay generate -w ./wh --taxpayers 10000 --describe --report economy.html\n  \
assay generate --taxpayers 1000 --files ./files --dirty 0.02\n  \
assay generate --taxpayers 1000 --files ./files --as csv --encoding gb18030\n\n\
The same seed gives the same economy, whatever the number of threads. Labels lie in the table truth, or in truth/truth.csv."
    )]
    Generate(GenerateArgs),
    /// How good the data is: scores, failing rows and why, loads, rejected rows
    #[command(
        after_help = "Examples:\n  assay quality                            loads, rejected rows, scores by table\n  \
assay quality --by rule                  scores by rule, worst first\n  \
assay quality invoice --show failures    every failing row of invoices, with the reason\n  \
assay quality --report quality.html      a page to read and to print\n  \
assay quality --rules                    the rules; --check-rules checks and tests them, the warehouse's own too\n\n\
A warehouse's own rules lie in its definitions/quality/*.toml. Results lie in the tables quality_score, quality_failure,\n\
quality_alert and quality_history."
    )]
    Quality(QualityArgs),
    /// Judge every taxpayer by every indicator; writes hits, scores and tasks
    #[command(
        after_help = "Examples:\n  assay scan                        as of the last month with invoices\n  \
assay scan --as-of 202002\n  assay scan --only I05,I18 --as-of 202002"
    )]
    Scan {
        /// Month, YYYYMM
        #[arg(long, value_parser = parse_month)]
        as_of: Option<i32>,
        /// Only these indicators, comma-separated; results there are for the month are replaced with --force only
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
        /// Scan even if data, definitions and code are those of the last scan
        #[arg(long)]
        force: bool,
    },
    /// Deduction claims held against their documents (交叉稽核), and requests to sellers' offices (协查)
    #[command(subcommand)]
    CrossAudit(CrossAuditCommand),
    /// Tasks: opened, planned, sent to offices, answered, closed
    #[command(subcommand)]
    Tasks(TasksCommand),
    /// Closed tasks and how they ended (案例库)
    #[command(subcommand)]
    Cases(CasesCommand),
    /// Everything about one taxpayer on one page (一户式)
    #[command(after_help = taxpayer::HELP)]
    Taxpayer(TaxpayerArgs),
    /// The catalogue of indicators
    #[command(subcommand)]
    Indicators(IndicatorsCommand),
    /// Preferential policies: who is due what, who claims what (税收优惠)
    #[command(subcommand)]
    Policies(PoliciesCommand),
    /// Records that name a taxpayer without its number, linked to the register
    #[command(subcommand)]
    Links(LinksCommand),
    /// Run SQL over all tables
    #[command(after_help = "Examples:\n  assay sql \"select status, count(*) from invoice group by 1\"\n  \
assay sql -f query.sql --format csv > out.csv\n  assay sql \"select * from hit\" --format parquet -o hits.parquet\n  \
echo 'show tables' | assay sql\n\nThe vault (names of people, phones, addresses) is seen with --personal only.")]
    Sql(SqlArgs),
    /// Mappings: how files with headers of their own become tables
    #[command(subcommand)]
    Mapping(MappingCommand),
    /// The tables and their columns
    #[command(after_help = "Examples:\n  assay schema\n  assay schema invoice\n  \
assay schema --markdown > tables.md")]
    Schema {
        /// A table; all of them when absent
        table: Option<String>,
        /// As a page in Markdown, Chinese and English
        #[arg(long)]
        markdown: bool,
    },
    /// The whole job on a small synthetic economy: generate, load, scan, task lists
    #[command(after_help = "Examples:\n  assay demo\n  assay demo /tmp/demo --seed 7")]
    Demo {
        /// Where to put it
        #[arg(default_value = "assay-demo")]
        location: String,
        /// Another seed, another economy
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Shell completions
    #[command(after_help = "Example:\n  assay completions bash > /etc/bash_completion.d/assay")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

fn parse_format(text: &str) -> Result<Format, String> {
    text.parse()
}

/// A month of the calendar as YYYYMM.
fn parse_month(text: &str) -> Result<i32, String> {
    let month = text.parse().ok().filter(|month| period::start(*month).is_some());
    month.ok_or_else(|| format!("`{text}` is no month; write it as YYYYMM, e.g. 202006"))
}

fn parse_bytes(text: &str) -> Result<usize, String> {
    let lower = text.to_lowercase();
    let lower = lower.trim_end_matches("ib").trim_end_matches('b');
    let (digits, unit) = match lower.strip_suffix(['k', 'm', 'g', 't']) {
        Some(digits) => (digits, lower.as_bytes()[lower.len() - 1]),
        None => (lower, b' '),
    };
    let number: usize =
        digits.trim().parse().map_err(|_| format!("{text} is no size; write it like 512M or 4G"))?;
    let shift = match unit {
        b'k' => 10,
        b'm' => 20,
        b'g' => 30,
        b't' => 40,
        _ => 0,
    };
    number.checked_shl(shift).filter(|n| n >> shift == number).ok_or_else(|| format!("{text} is too large"))
}
