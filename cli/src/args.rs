//! The arguments of every command, with examples.

use std::path::PathBuf;

use assay_sql::{Format, SessionOptions};
use clap::{Args, Parser, Subcommand, ValueEnum};

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

impl Cli {
    /// Threads to use.
    pub fn threads(&self) -> usize {
        self.threads.unwrap_or(SessionOptions::default().threads).max(1)
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
            None => (SessionOptions::default().memory_bytes / 4).min(1 << 30),
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
    #[command(
        after_help = "Examples:\n  assay ingest taxpayer register.csv              headers as in the dictionary\n  \
assay ingest invoice 'inbox/2020-02/*.csv.gz'\n  assay ingest all --mapping cumcm2020c 附件1*.xlsx 附件2*.csv\n  \
assay ingest invoice export.txt --encoding gb18030 --delimiter tab\n  \
assay ingest invoice 's3://tax/inbox/2020-02/*.csv'\n  \
assay ingest invoice --from postgres://reader@db/tax --query \"select * from fp\"\n  \
assay ingest --inbox /data/inbox --mapping etax\n\n\
Loading the same file again changes nothing. Bad rows go to the table rejected_row; the exit code is then 3."
    )]
    Ingest(IngestArgs),
    /// What is wrong with the data: batches, and rejected rows by table, source, column and rule
    #[command(
        after_help = "Examples:\n  assay quality\n  assay quality invoice --show rejected --format json"
    )]
    Quality {
        /// Only this table
        table: Option<String>,
        /// Only the loads, or only the rejected rows [default: both; in csv, json and parquet the rejected rows]
        #[arg(long)]
        show: Option<QualityPart>,
    },
    /// Judge every taxpayer by every indicator; writes hits, scores and tasks
    #[command(
        after_help = "Examples:\n  assay scan                        as of the last month with invoices\n  \
assay scan --as-of 202002\n  assay scan --only I05,I18 --as-of 202002"
    )]
    Scan {
        /// Month, YYYYMM
        #[arg(long)]
        as_of: Option<i32>,
        /// Only these indicators, comma-separated; results there are for the month are replaced with --force only
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
        /// Scan even if data, definitions and code are those of the last scan
        #[arg(long)]
        force: bool,
    },
    /// Task lists for offices
    #[command(subcommand)]
    Tasks(TasksCommand),
    /// The catalogue of indicators
    #[command(subcommand)]
    Indicators(IndicatorsCommand),
    /// Run SQL over all tables
    #[command(after_help = "Examples:\n  assay sql \"select status, count(*) from invoice group by 1\"\n  \
assay sql -f query.sql --format csv > out.csv\n  assay sql \"select * from hit\" --format parquet -o hits.parquet\n  \
echo 'show tables' | assay sql\n\nThe vault (names of people, phones, addresses) is seen with --personal only.")]
    Sql(SqlArgs),
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

/// A part of the quality report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QualityPart {
    /// One row a batch and table
    Loads,
    /// One row a table, source, column and rule
    Rejected,
}

/// `ingest`.
#[derive(Debug, Args)]
pub struct IngestArgs {
    /// A table of the dictionary, or `all` for every table the mapping fills
    #[arg(required_unless_present = "inbox")]
    pub table: Option<String>,
    /// Files and patterns, s3:// addresses among them: CSV, XLSX, XLS, Parquet; plain, .gz, .zst or .zip
    #[arg(required_unless_present_any = ["from", "inbox"], conflicts_with_all = ["from", "inbox"])]
    pub files: Vec<String>,
    /// Mapping: a name or a .toml file; none when headers are the dictionary's own. With --inbox it may stand several times
    #[arg(long, short = 'm')]
    pub mapping: Vec<String>,
    /// Only this feed of the mapping
    #[arg(long)]
    pub feed: Option<String>,
    /// A PostgreSQL server, postgres://USER@HOST:PORT/DATABASE; the password is best given in PGPASSWORD or ~/.pgpass
    #[arg(long, value_name = "URL", conflicts_with = "inbox")]
    pub from: Option<String>,
    /// The select whose result is loaded
    #[arg(long, value_name = "SQL", requires = "from", conflicts_with = "query_file")]
    pub query: Option<String>,
    /// A file with the select
    #[arg(long, value_name = "FILE", requires = "from")]
    pub query_file: Option<PathBuf>,
    /// A landing zone, a folder or s3://BUCKET/PREFIX: takes what has arrived and is complete, in order, once
    #[arg(long, value_name = "DIR")]
    pub inbox: Option<String>,
    /// With --inbox: when a file is complete, unless its rule in definitions/inbox.toml says otherwise
    #[arg(long, requires = "inbox", value_name = "stable:60s|done-file|manifest")]
    pub complete: Option<String>,
    /// Load though a feed means something else than when it was last loaded; the change is recorded
    #[arg(long)]
    pub accept_mapping_change: bool,
    /// utf-8, gb18030, utf-16le, utf-16be [default: detected]
    #[arg(long)]
    pub encoding: Option<String>,
    /// One character, or comma, tab, pipe, semicolon [default: detected]
    #[arg(long)]
    pub delimiter: Option<String>,
    /// Sheet of a workbook [default: the mapping's, or the first]
    #[arg(long)]
    pub sheet: Option<String>,
}

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

fn parse_format(text: &str) -> Result<Format, String> {
    text.parse()
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
