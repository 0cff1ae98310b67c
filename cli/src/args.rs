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

/// What a load holds at most when nobody says otherwise: more is not faster, run files lie in the page cache.
const LOAD_MEMORY: usize = 384 << 20;

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
    /// Generate a synthetic economy with planted, labelled schemes: into an empty warehouse, or as files
    #[command(
        after_help = "Examples:\n  assay generate -w ./wh --taxpayers 10000 --start 202401 --months 24\n  \
assay generate -w ./wh --taxpayers 10000 --describe --report economy.html\n  \
assay generate --taxpayers 1000 --files ./files --dirty 0.02\n  \
assay generate --taxpayers 1000 --files ./files --as csv --encoding gb18030\n\n\
The same seed gives the same economy, whatever the number of threads. Labels lie in the table truth, or in truth.csv."
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
    /// Only these tables, comma-separated
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

/// `mapping`.
#[derive(Debug, Subcommand)]
pub enum MappingCommand {
    /// All mappings that can be named
    List,
    /// A mapping's text
    #[command(after_help = "Example:\n  assay mapping show etax_invoice > mine.toml")]
    Show {
        /// A name or a .toml file
        mapping: String,
    },
    /// Write a first draft for a file, each column with its confidence
    #[command(after_help = "Examples:\n  assay mapping infer 开票明细.xlsx -o mine.toml\n  \
assay mapping infer power.csv --table electricity\n\nExit code 3: something required was not found; the draft says what.")]
    Infer {
        /// A file of any kind ingestion reads, or a folder of XML files
        file: PathBuf,
        /// The table it fills [default: the one that fits best]
        #[arg(long)]
        table: Option<String>,
        /// Only this sheet of a workbook
        #[arg(long)]
        sheet: Option<String>,
        /// Write the draft to a file instead of stdout
        #[arg(long, short = 'o')]
        output: Option<PathBuf>,
    },
    /// What a mapping makes of a file: ten rows of each feed before and after, and rejected ones with the reason
    #[command(
        after_help = "Example:\n  assay mapping check mine.toml 开票明细.xlsx\n\nNothing is stored. Exit code 3: rows are rejected."
    )]
    Check {
        /// A name or a .toml file
        mapping: String,
        /// A file
        file: PathBuf,
    },
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
