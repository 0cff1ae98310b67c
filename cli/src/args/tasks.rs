//! The commands of `assay tasks`.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};

/// `tasks`.
#[derive(Debug, Subcommand)]
pub enum TasksCommand {
    /// Take the tasks of a scan into the ledger: one open task a taxpayer, what was dealt with lately left out
    #[command(
        after_help = "Hits join the open task of their taxpayer. Withheld, with the reason: taxpayers exempt or under audit, families a task \
dealt with in the last 12 months, well rated taxpayers without a serious suspicion (rules: definitions/tasks.toml). Requests of \
other offices (协查) become tasks too.\n\nExample:\n  assay tasks open"
    )]
    Open {
        /// Month of the scan [default: the latest]
        #[arg(long, value_parser = super::parse_month)]
        as_of: Option<i32>,
        #[command(flatten)]
        who: Who,
    },
    /// Hits that became no task, and why
    Withheld {
        /// Month of the scan [default: all]
        #[arg(long, value_parser = super::parse_month)]
        as_of: Option<i32>,
    },
    /// Draw taxpayers, and officers where they are known, at random (双随机)
    #[command(
        after_help = "Examples:\n  assay tasks draw --share 0.01 --seed 2026-11\n  assay tasks draw --count 200 --seed 20261122"
    )]
    Draw {
        /// Share of the taxpayers in normal operation, above 0 and at most 1
        #[arg(long, conflicts_with = "count", required_unless_present = "count")]
        share: Option<f64>,
        /// Number of taxpayers
        #[arg(long)]
        count: Option<usize>,
        /// What the draw follows from; drawn in public, it can be repeated
        #[arg(long)]
        seed: String,
        /// Month [default: the last with invoices]
        #[arg(long, value_parser = super::parse_month)]
        as_of: Option<i32>,
        #[command(flatten)]
        who: Who,
    },
    /// What offices can take: show it, or state it from a CSV file
    #[command(
        after_help = "The file has the columns office_code, own, whole: standard tasks a cycle that an office itself, and an office with all \
below it, can take; blank: no limit. Without a file the register's capacities hold.\n\nExamples:\n  assay tasks capacity\n  \
assay tasks capacity --from capacity.csv"
    )]
    Capacity {
        /// CSV with office_code, own, whole
        #[arg(long)]
        from: Option<PathBuf>,
        #[command(flatten)]
        who: Who,
    },
    /// The officers of offices, for random draws: show them, or state them from a CSV file with the columns office_code, name
    Officers {
        /// CSV with office_code, name; the officers of the offices named take the place of those stated before
        #[arg(long)]
        from: Option<PathBuf>,
        #[command(flatten)]
        who: Who,
    },
    /// Random draws: seed, frame and method of each, or whom one of them chose
    #[command(after_help = "Examples:\n  assay tasks draws\n  assay tasks draws 3 --format csv")]
    Draws {
        /// Number of a draw
        number: Option<i64>,
    },
    /// Choose, of the tasks not sent yet, those that bring in most within the capacities
    #[command(
        after_help = "Examples:\n  assay tasks plan                 show it\n  assay tasks plan --write         and remember it: only what is taken is sent\n  \
assay tasks plan --left-out      what is left out, and why"
    )]
    Plan {
        /// Remember it
        #[arg(long)]
        write: bool,
        /// Show the tasks left out instead of the offices
        #[arg(long)]
        left_out: bool,
        #[command(flatten)]
        who: Who,
    },
    /// Send tasks to their offices: their days run from today, and workbooks are written
    #[command(
        after_help = "After `plan --write` only what the plan takes is sent, beside random checks and requests of other offices. Taxpayers exempt by \
now are left out. All workbooks are written, or nothing is sent; one that holds answers nobody took in is never written over.\n\nExample:\n  \
assay tasks dispatch --to ./lists"
    )]
    Dispatch {
        /// Folder for the workbooks
        #[arg(long, default_value = "tasks")]
        to: PathBuf,
        /// Send tasks opened after the last plan too
        #[arg(long)]
        unplanned: bool,
        #[command(flatten)]
        office: OfficeArg,
        #[command(flatten)]
        who: Who,
    },
    /// Write one workbook an office with the tasks it is to answer, or one CSV or Parquet list of all open tasks
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
        #[command(flatten)]
        office: OfficeArg,
        #[command(flatten)]
        who: Who,
    },
    /// Take answered workbooks back
    #[command(
        after_help = "Rows are known by their key; taking the same in twice changes nothing. A row whose locked cells changed is refused by name, one \
that is filled in partly is kept and told. Exit code 3: something was refused.\n\nExamples:\n  assay tasks import ./answers\n  \
assay tasks import 19901020100.xlsx --by 李四 --refused refused.csv"
    )]
    Import {
        /// Workbooks, and folders of them with all folders below
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Write what was refused into a CSV file
        #[arg(long)]
        refused: Option<PathBuf>,
        #[command(flatten)]
        office: OfficeArg,
        #[command(flatten)]
        who: Who,
    },
    /// Tasks of the ledger, most urgent first; open ones, unless a state is named
    #[command(
        after_help = "Examples:\n  assay tasks list --grade high\n  assay tasks list --office 19901020000 --state answered --format csv"
    )]
    List {
        /// high, medium or low
        #[arg(long)]
        grade: Option<Grade>,
        /// Only tasks in this state
        #[arg(long)]
        state: Option<StateArg>,
        /// Only tasks of this kind
        #[arg(long)]
        kind: Option<KindArg>,
        #[command(flatten)]
        office: OfficeArg,
    },
    /// A taxpayer's task with every suspicion, answer, history and the closed cases most like it
    #[command(
        after_help = "Examples:\n  assay tasks show 91990105MA9NPA8U46\n  assay tasks show 19901020100202512FX00000121 --report task.html"
    )]
    Show {
        /// Task number or taxpayer id
        id: String,
        /// Write it as a page to print
        #[arg(long)]
        report: Option<PathBuf>,
        #[command(flatten)]
        office: OfficeArg,
    },
    /// Note that an office has taken tasks up
    Start {
        #[command(flatten)]
        tasks: TaskArgs,
    },
    /// Give more time
    Extend {
        #[command(flatten)]
        tasks: TaskArgs,
        /// The new last day, such as 2026-12-31
        #[arg(long)]
        until: NaiveDate,
        /// Why
        #[arg(long)]
        why: String,
    },
    /// Hand tasks to another office
    Transfer {
        #[command(flatten)]
        tasks: TaskArgs,
        /// The office
        #[arg(long = "to-office")]
        to: String,
        /// Why
        #[arg(long)]
        why: String,
    },
    /// Take tasks back before they are answered
    Recall {
        #[command(flatten)]
        tasks: TaskArgs,
        /// With --all: do it, there is no way back
        #[arg(long)]
        yes: bool,
        /// Why
        #[arg(long)]
        why: String,
    },
    /// Send answers back to be mended
    Return {
        #[command(flatten)]
        tasks: TaskArgs,
        /// Why
        #[arg(long)]
        why: String,
    },
    /// Confirm answers; not by who handled the task
    Review {
        #[command(flatten)]
        tasks: TaskArgs,
        /// What the reviewer says
        #[arg(long)]
        opinion: Option<String>,
    },
    /// End reviewed tasks; they become cases
    Close {
        #[command(flatten)]
        tasks: TaskArgs,
    },
    /// Leave taxpayers alone for a time
    #[command(subcommand)]
    Exempt(ExemptCommand),
    /// What a scan found of the schemes planted in a generated economy: recall by scheme, precision by grade
    #[command(after_help = "Example:\n  assay tasks evaluate")]
    Evaluate {
        /// Month of the scan [default: the latest]
        #[arg(long, value_parser = super::parse_month)]
        as_of: Option<i32>,
    },
}

/// `tasks exempt`.
#[derive(Debug, Subcommand)]
pub enum ExemptCommand {
    /// Put a taxpayer on the list
    #[command(
        after_help = "Example:\n  assay tasks exempt add 91990105MA9NPA8U46 --owner 王科长 --reason 已纳入大企业管理 --until 2027-06-30"
    )]
    Add {
        /// Taxpayer id
        taxpayer: String,
        /// Only in this family of indicators
        #[arg(long)]
        family: Option<String>,
        /// Who answers for it
        #[arg(long)]
        owner: String,
        /// Why
        #[arg(long)]
        reason: String,
        /// First day [default: today]
        #[arg(long)]
        from: Option<NaiveDate>,
        /// Last day
        #[arg(long)]
        until: NaiveDate,
        #[command(flatten)]
        who: Who,
    },
    /// The list, past entries too
    List,
    /// End an entry before its time
    End {
        /// Its number
        number: i64,
        #[command(flatten)]
        who: Who,
    },
}

/// Who changes something.
#[derive(Debug, Args)]
pub struct Who {
    /// Who does it: name or staff number [or ASSAY_USER; default: this computer's user]
    #[arg(long = "by", env = "ASSAY_USER", hide_env_values = true)]
    pub by: Option<String>,
}

/// Whose tasks.
#[derive(Debug, Args)]
pub struct OfficeArg {
    /// Only tasks this office sees: its own and those of all offices below it
    #[arg(long)]
    pub office: Option<String>,
}

/// Tasks to be changed.
#[derive(Debug, Args)]
pub struct TaskArgs {
    /// Task numbers
    #[arg(required_unless_present = "all")]
    pub tasks: Vec<String>,
    /// All tasks whose state allows it
    #[arg(long, conflicts_with = "tasks")]
    pub all: bool,
    #[command(flatten)]
    pub office: OfficeArg,
    #[command(flatten)]
    pub who: Who,
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

/// State of a task.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum StateArg {
    /// 待下发
    Created,
    /// 已下发
    Dispatched,
    /// 应对中
    #[value(name = "in_progress")]
    InProgress,
    /// 已反馈
    Answered,
    /// 已复核
    Reviewed,
    /// 已办结
    Closed,
    /// 已撤回
    Recalled,
}

/// Kind of a task.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum KindArg {
    /// Indicators hit
    Risk,
    /// Drawn at random
    Sample,
    /// Asked by another office
    Assistance,
    /// A benefit to be verified or told of
    Benefit,
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
