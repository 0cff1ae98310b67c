//! The commands of `assay mapping`.

use std::path::PathBuf;

use clap::Subcommand;

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
assay mapping infer power.csv --table electricity --name power\n\nExit code 3: no table is certain (--table decides), or something required was not found; the draft says what.")]
    Infer {
        /// A file of any kind ingestion reads, or a folder of XML files
        file: PathBuf,
        /// The table it fills [default: the one that fits best]
        #[arg(long)]
        table: Option<String>,
        /// Only this sheet of a workbook
        #[arg(long)]
        sheet: Option<String>,
        /// What the mapping is called [default: made from the file's name and the table]
        #[arg(long)]
        name: Option<String>,
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
