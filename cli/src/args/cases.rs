//! The commands of `assay cases`.

use clap::Subcommand;

/// `cases`.
#[derive(Debug, Subcommand)]
pub enum CasesCommand {
    /// Closed tasks that fit, the latest first
    #[command(
        after_help = "Examples:\n  assay cases search 虚开\n  assay cases search --indicator I05 --conclusion 属实 --industry F51"
    )]
    Search {
        /// Words in suspicions, facts, explanations or names; all of them must stand there
        text: Option<String>,
        /// An indicator that hit
        #[arg(long)]
        indicator: Option<String>,
        /// Beginning of the industry code
        #[arg(long)]
        industry: Option<String>,
        /// 属实, 部分属实 or 排除
        #[arg(long)]
        conclusion: Option<String>,
    },
    /// The closed tasks most like a task, and how they ended
    #[command(after_help = "Example:\n  assay cases like 19901020100202512FX00000121")]
    Like {
        /// Task number
        task: String,
        /// How many
        #[arg(long, default_value_t = 10)]
        most: usize,
    },
}
