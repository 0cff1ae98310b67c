//! The commands of `assay cross-audit`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

/// `cross-audit`.
#[derive(Debug, Subcommand)]
pub enum CrossAuditCommand {
    /// Compare what changed, make the requests that are due, and say how claims came out (a scan does the same first)
    #[command(after_help = "Examples:\n  assay cross-audit run\n  assay cross-audit run --as-of 202506\n\n\
Outcomes, in the order in which they are decided: 缺联 missing (滞留 missing_pending until the audit period is over), 属于作废 voided,\n\
属于失控 lost_control, 不符 mismatch, 重号 duplicate, 相符 match. They lie in the tables claim_audit (what does not match) and claim_tally;\n\
claim_audit_change has findings that appeared, changed or went when something came late, red_audit the run over reds (缺红字抵扣联).")]
    Run {
        /// Month, YYYYMM [default: the last one claimed for]
        #[arg(long, value_parser = super::parse_month)]
        as_of: Option<i32>,
    },
    /// Claims that do not match, largest tax first, with both sides
    #[command(
        after_help = "Examples:\n  assay cross-audit list --outcome mismatch\n  assay cross-audit list --taxpayer 91330000MA27XEXL0T --format csv"
    )]
    List {
        /// Month, YYYYMM [default: the last one claimed for]
        #[arg(long, value_parser = super::parse_month)]
        as_of: Option<i32>,
        /// Only claims that came out so
        #[arg(long)]
        outcome: Option<Finding>,
        /// Only claims of this buyer, or on documents of this seller
        #[arg(long)]
        taxpayer: Option<String>,
        /// Rows shown as a table
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Requests to sellers' offices; with --to, one workbook an office (replacing one of the same name)
    #[command(
        after_help = "Examples:\n  assay cross-audit requests\n  assay cross-audit requests --to ./requests"
    )]
    Requests {
        /// Month as of which they were made [default: the last of these]
        #[arg(long, value_parser = super::parse_month)]
        as_of: Option<i32>,
        /// Folder for the workbooks
        #[arg(long)]
        to: Option<PathBuf>,
        /// Rows shown as a table
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
}

/// How a claim that does not match came out.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Finding {
    /// 滞留
    MissingPending,
    /// 缺联
    Missing,
    /// 属于作废
    Voided,
    /// 属于失控
    LostControl,
    /// 不符
    Mismatch,
    /// 重号
    Duplicate,
    /// 无法比对
    CannotTell,
    /// 已撤销勾选
    Withdrawn,
}

impl Finding {
    /// Code as stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::MissingPending => "missing_pending",
            Self::Missing => "missing",
            Self::Voided => "voided",
            Self::LostControl => "lost_control",
            Self::Mismatch => "mismatch",
            Self::Duplicate => "duplicate",
            Self::CannotTell => "cannot_tell",
            Self::Withdrawn => "withdrawn",
        }
    }
}
