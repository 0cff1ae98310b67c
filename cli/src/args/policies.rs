//! The commands of `assay policies`.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Subcommand, ValueEnum};

/// What taxpayers are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PolicyGroup {
    /// Everybody together
    All,
    /// Section letter and first two digits of the industry
    Industry,
    /// Region code
    Region,
    /// Employees: up to 20, 300, 1,000, above
    Size,
    /// Registration type
    Ownership,
}

/// What is proposed for a refund of credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum RefundProposal {
    /// Nothing stands against it
    Release,
    /// Less may be refunded than is asked for
    Adjust,
    /// A reason to hold it holds
    Hold,
    /// The conditions are not met
    Refuse,
    /// Fraud was found since
    Terminate,
    /// What is missing decides
    CannotTell,
    /// Decided since the night before
    Decided,
}

/// `policies`.
#[derive(Debug, Subcommand)]
pub enum PoliciesCommand {
    /// All versions of all policies: when, whether they hold, under which text
    List {
        /// Day their state is told of [default: today]
        #[arg(long)]
        on: Option<NaiveDate>,
    },
    /// One policy in words: versions, conditions, benefit, legal texts
    #[command(after_help = "Example:\n  assay policies show B17")]
    Show {
        /// Code
        code: String,
    },
    /// Check every definition, the warehouse's own among them; all problems at once
    Check,
    /// Run the test rows that stand beside the definitions
    Test {
        /// Only this policy
        code: Option<String>,
    },
    /// What no test row reaches: conditions, boundaries, dates, answers
    Coverage {
        /// Only this policy
        code: Option<String>,
    },
    /// Ask policies of everyone and keep the answers (tables `policy_finding`, `policy_count`)
    #[command(
        after_help = "Policies by the quarter or the year are asked for the last complete one; with --from and --to, for every one that ends in \
these months, all in one pass. With --only, --from and --to other answers stay as they are, and late facts are not followed up.\n\nExamples:\n  \
assay policies answer\n  assay policies answer --as-of 202512\n  assay policies answer --only B04,B10 --from 202501 --to 202512\n  assay sql \"select * from policy_finding where answer = 'due_not_claimed'\""
    )]
    Answer {
        /// Month [default: the last with invoices]
        #[arg(long, value_parser = super::parse_month, conflicts_with_all = ["from", "to"])]
        as_of: Option<i32>,
        /// Only these policies, comma-separated
        #[arg(long, value_delimiter = ',', value_name = "CODES")]
        only: Vec<String>,
        /// First month of periods to ask for
        #[arg(long, value_parser = super::parse_month, value_name = "YYYYMM", requires = "to")]
        from: Option<i32>,
        /// Last month of periods to ask for
        #[arg(long, value_parser = super::parse_month, value_name = "YYYYMM", requires = "from")]
        to: Option<i32>,
    },
    /// What policies were worth: entitled, reached (享受面), worth, forgone, wrongly claimed; of answers that were kept
    #[command(
        after_help = "Examples:\n  assay policies effect\n  assay policies effect --by industry --as-of 202512 --format csv\n  assay policies effect --over-time"
    )]
    Effect {
        /// Groups
        #[arg(long, value_enum, default_value_t = PolicyGroup::All)]
        by: PolicyGroup,
        /// Month policies were asked as of [default: the latest]
        #[arg(long, value_parser = super::parse_month, conflicts_with = "over_time")]
        as_of: Option<i32>,
        /// Every period that was asked, one below the other
        #[arg(long)]
        over_time: bool,
    },
    /// A changed parameter, date, condition or benefit over everybody: revenue, winners and losers, who crosses the line
    #[command(
        after_help = "Stores nothing. CHANGE.toml, any of:\n  [parameters]\n  small_exempt_month = 150000\n  [policies.B17]\n  to = 2030-12-31\n  benefit = \"taxable_income * 0.15\"\n  limits = { income = \"5000000\" }\n  conditions = { industry = \"true\" }\n\nExample:\n  assay policies simulate change.toml --by size --as-of 202509"
    )]
    Simulate {
        /// The changes
        change: PathBuf,
        /// Groups
        #[arg(long, value_enum, default_value_t = PolicyGroup::All)]
        by: PolicyGroup,
        /// Month [default: the last with invoices]
        #[arg(long, value_parser = super::parse_month)]
        as_of: Option<i32>,
    },
    /// Which findings change between two versions of a policy, and why
    #[command(
        after_help = "Both are asked of the same period, each with the parameters of its own time.\n\nExample:\n  assay policies diff B06 1 3 --as-of 202503"
    )]
    Diff {
        /// Code
        code: String,
        /// One version
        before: i32,
        /// The other
        after: i32,
        /// Month [default: the last with invoices]
        #[arg(long, value_parser = super::parse_month)]
        as_of: Option<i32>,
    },
    /// Refunds of credit under way (留抵退税): what may be refunded, the clock, what holds them, what is proposed
    #[command(
        after_help = "The night's list, kept in tables `refund_queue` and `refund_reason` and compared with the night before; again on the same day \
it replaces that day's, or changes nothing.\nExit code 0. Refunds nobody can tell about are listed with what is missing.\n\nExamples:\n  \
assay policies refunds\n  assay policies refunds --as-of 2026-01-20 --only hold\n  assay policies refunds --office 13301 --format csv --to queue.csv\n  \
assay sql \"select reason, holds, count(*) from refund_reason where as_of = date '2026-01-20' group by 1, 2\""
    )]
    Refunds {
        /// Day [default: today]
        #[arg(long)]
        as_of: Option<NaiveDate>,
        /// Only taxpayers of this office and of those below it
        #[arg(long)]
        office: Option<String>,
        /// Only what is proposed so
        #[arg(long, value_enum)]
        only: Option<RefundProposal>,
        /// Write the list into this file, all columns
        #[arg(long)]
        to: Option<PathBuf>,
    },
    /// How the answers meet the reliefs a generated economy has wrongly claimed or forgotten
    Evaluate {
        /// Month policies were asked as of [default: the latest]
        #[arg(long, value_parser = super::parse_month)]
        as_of: Option<i32>,
    },
    /// Why a policy answers as it does for one taxpayer: each condition, the facts, their rows, the legal text
    #[command(after_help = "Example:\n  assay policies explain B34 91440300MA5FXT2K0Q 202506")]
    Explain {
        /// Code
        code: String,
        /// Taxpayer's number
        taxpayer: String,
        /// Last month of the period, YYYYMM
        #[arg(value_parser = super::parse_month)]
        period: i32,
        /// Write it as a page to print
        #[arg(long)]
        report: Option<PathBuf>,
    },
}
