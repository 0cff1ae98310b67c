//! Rows as the files departments send: every format Assay reads, one table at a time or as the departments mix them.
//!
//! A job writes the files of one table (or of invoices and lines together) for one month: rows are rendered as text
//! in the file's notation, soiled where that is asked for, and handed to a writer, batch by batch. Jobs run in
//! parallel and know nothing of each other, so that the files do not depend on the number of threads.

mod business;
mod dbf;
mod einvoice;
mod etax;
mod fixed;
#[cfg(test)]
mod ingest_tests;
mod invoices;
mod job;
mod json;
mod layout;
mod mapping;
mod parquet;
mod render;
mod source;
#[cfg(test)]
mod tests;
mod text;
mod workbook;

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Deserialize;

pub use source::{MemoryRows, RowPart, Rows};

pub(crate) use invoices::text as text_column;
pub(crate) use layout::{Layout, LayoutColumn};
pub(crate) use render::{Broken, TextRows, plain as plain_text};

use super::dirt::{self, Defect, Dirt, DirtOptions, Identity};
use crate::{EngineError, Result};

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated text with a header.
    Csv,
    /// Parquet.
    Parquet,
    /// One JSON object a line.
    JsonLines,
    /// An array of JSON objects.
    JsonArray,
    /// Fixed-width text.
    Fixed,
    /// Text as Oracle exports and Hive have it: `\001` between fields, `\N` for null, no header.
    Hive,
    /// dBASE.
    Dbf,
    /// The e-tax bureau's workbook, for invoices and their lines.
    Etax,
    /// Fully digital invoices as XML in zip archives, for invoices and their lines.
    Einvoice,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 9] = [
        Self::Csv,
        Self::Parquet,
        Self::JsonLines,
        Self::JsonArray,
        Self::Fixed,
        Self::Hive,
        Self::Dbf,
        Self::Etax,
        Self::Einvoice,
    ];

    /// Its name on the command line and in feeds.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::JsonLines => "json_lines",
            Self::JsonArray => "json_array",
            Self::Fixed => "fixed",
            Self::Hive => "hive",
            Self::Dbf => "dbf",
            Self::Etax => "etax",
            Self::Einvoice => "einvoice",
        }
    }

    /// The format of that name.
    ///
    /// # Errors
    /// When there is none, naming those there are.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|format| format.name()).collect();
            EngineError::input(format!("no format {name}; there are {}", known.join(", ")))
        })
    }

    /// Whether its files hold invoices with their lines, and nothing else.
    fn holds_invoices(self) -> bool {
        matches!(self, Self::Etax | Self::Einvoice)
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::JsonLines => "jsonl",
            Self::JsonArray => "json",
            Self::Fixed | Self::Hive => "txt",
            Self::Dbf => "dbf",
            Self::Etax => "xlsx",
            Self::Einvoice => "zip",
        }
    }
}

/// Encoding of text files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextEncoding {
    /// UTF-8.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// GB18030.
    Gb18030,
}

impl TextEncoding {
    /// As mappings write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Gb18030 => "gb18030",
        }
    }
}

/// Column headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Headers {
    /// The dictionary's names.
    #[default]
    Canonical,
    /// The dictionary's Chinese names; codes are then written by their Chinese names too.
    Chinese,
}

/// Which table goes into which format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Selection {
    /// As the departments send it (`departments.toml`).
    #[default]
    Departments,
    /// All in one. What a format for invoices cannot hold is canonical CSV.
    Single(Format),
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct FileOptions {
    /// Formats.
    pub selection: Selection,
    /// Encoding of text files in a single format.
    pub encoding: TextEncoding,
    /// Headers of files in a single format.
    pub headers: Headers,
    /// Tables; none named: all.
    pub tables: Vec<String>,
    /// Most lines of a workbook; the bureau exports no more at once.
    pub lines_per_workbook: usize,
    /// Most documents of an archive.
    pub documents_per_archive: usize,
    /// Defects.
    pub dirt: Option<DirtOptions>,
}

impl Default for FileOptions {
    fn default() -> Self {
        Self {
            selection: Selection::Departments,
            encoding: TextEncoding::Utf8,
            headers: Headers::Canonical,
            tables: Vec::new(),
            lines_per_workbook: 50_000,
            documents_per_archive: 100_000,
            dirt: None,
        }
    }
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Records by table, defects included.
    pub rows: Vec<(String, usize)>,
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Files with rows, in the order of tables and months.
    pub files: Vec<WrittenFile>,
    /// The mapping that reads those whose headers are not the dictionary's; name it with `--mapping`.
    pub mapping: Option<PathBuf>,
    /// Ledger of defects and number of its entries.
    pub defects: Option<(PathBuf, usize)>,
    /// Truth about hidden parties and number of its entries.
    pub identities: Option<(PathBuf, usize)>,
}

/// Writes one kind of file, batch by batch.
pub(crate) trait FileWriter {
    /// Adds rows.
    fn write(&mut self, rows: &TextRows) -> Result<()>;
    /// Number of the first record, as lineage counts.
    fn first_row(&self) -> i64;
    /// Completes the file.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// What a job made.
#[derive(Debug, Default)]
struct Made {
    files: Vec<WrittenFile>,
    defects: Vec<Defect>,
    identities: Vec<Identity>,
}

/// Writes the rows of `source` into `folder`, which is made where it does not exist, with a mapping in its
/// `mappings/` where one is needed. Files that are there are overwritten.
///
/// # Errors
/// When an option is impossible, a table is unknown, or a file cannot be written.
pub fn write_files(source: &dyn Rows, folder: &Path, options: &FileOptions) -> Result<Written> {
    let layouts = job::layouts(options)?;
    std::fs::create_dir_all(folder).map_err(EngineError::file(folder))?;
    let dirt = options.dirt.map(|dirt| Dirt::prepare(dirt, source)).transpose()?;
    let jobs = job::jobs(source, &layouts, options);
    let made = jobs
        .par_iter()
        .map(|job| job.run(source, folder, options, dirt.as_ref()))
        .collect::<Result<Vec<Made>>>()?;
    let mut written = Written::default();
    let (mut defects, mut identities) = (Vec::new(), Vec::new());
    for one in made {
        written.files.extend(one.files);
        defects.extend(one.defects);
        identities.extend(one.identities);
    }
    written.mapping = mapping::write(folder, &layouts, &written)?;
    if dirt.is_some() {
        let [ledger, truth] = dirt::write_ledgers(folder, &defects, &identities)?;
        written.defects = Some(ledger);
        written.identities = Some(truth);
    }
    Ok(written)
}
