//! Reading files as batches of records, whatever their format: text, workbooks, Parquet, plain or compressed.
//!
//! A source delivers column names once and then batches; it knows nothing of canonical tables. Text and workbooks
//! deliver text columns, Parquet its own types.

mod batch;
mod bundle;
mod compress;
mod cut;
mod dbf;
mod excel;
mod fixed;
mod guard;
pub mod header;
mod json;
mod lines;
mod numbering;
mod parquet;
pub mod postgres;
pub mod shape;
mod text;
mod totals;
mod xml;

use std::path::{Path, PathBuf};

use arrow::array::ArrayRef;
use assay_datasets::mapping::FileFormat;

pub use bundle::{bundle, hash_folder};
pub use compress::{Member, members};
pub use cut::Cut;
pub use dbf::is_memo;
use shape::{Shape, Shaped, Skipped};
pub use text::{Delimiter, Encoding};
pub use xml::discover;

use crate::{EngineError, Result};

/// Records per batch.
pub const BATCH_ROWS: usize = 32_768;

/// Source column with the file a record stands in, from readers that read many files as one: it becomes the record's
/// `_file`.
pub const FILE_COLUMN: &str = "_file";
/// Source column with the number of a record in its document; it also is the record's `_row`.
pub const ROW_COLUMN: &str = "_row";

/// How a file is to be read; what is `None` is detected.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// Stated encoding of text.
    pub encoding: Option<Encoding>,
    /// Stated delimiter of text.
    pub delimiter: Option<Delimiter>,
    /// Sheet of a workbook.
    pub sheet: Option<String>,
    /// What the feed expects of the rows.
    pub shape: std::sync::Arc<Shape>,
    /// How the feed's files are cut into records.
    pub cut: std::sync::Arc<Cut>,
}

/// Some records of a file.
#[derive(Debug)]
pub struct RawBatch {
    /// One array per source column.
    pub columns: Vec<ArrayRef>,
    /// 1-based number of each record in its file, the header being row 1 where there is one.
    pub rows: Vec<i64>,
    /// Records that could not be split into columns at all.
    pub bad: Vec<BadRecord>,
}

/// A record that is not even a record.
#[derive(Debug, Clone)]
pub struct BadRecord {
    /// Its number in the file.
    pub row: i64,
    /// `fields`, `quote`, `length`, `encoding`, `json`, `mark`, `memo` or `instant`.
    pub rule: &'static str,
    /// Expected and found, for the message.
    pub detail: String,
    /// The record as read.
    pub record: String,
}

/// Takes what a source delivers.
pub trait RecordSink {
    /// Column names, once per member and before any batch.
    fn header(&mut self, columns: &[String]) -> Result<()>;
    /// The next records.
    fn batch(&mut self, batch: RawBatch) -> Result<()>;
    /// A row that is no record.
    fn skipped(&mut self, _row: Skipped) -> Result<()> {
        Ok(())
    }
}

/// What kind of file a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Workbook,
    Parquet,
}

fn kind_of(name: &str) -> Kind {
    let lower = name.to_lowercase();
    let is = |endings: &[&str]| endings.iter().any(|e| lower.ends_with(e));
    if is(&[".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"]) {
        Kind::Workbook
    } else if is(&[".parquet", ".pq"]) {
        Kind::Parquet
    } else {
        Kind::Text
    }
}

/// Reads one member of a file into `sink`.
///
/// # Errors
/// When the member cannot be read to its end; the error names the file.
pub fn read(member: &Member, options: &ReadOptions, sink: &mut dyn RecordSink) -> Result<()> {
    let shown = match &options.sheet {
        Some(sheet) => format!("{} [{sheet}]", member.display()),
        None => member.display(),
    };
    let sink = &mut Shaped::new(shown, &options.shape, sink);
    if let Some(record) = &options.shape.record {
        return xml::read(member, record, &options.shape, sink);
    }
    let by_name = match kind_of(&member.name) {
        Kind::Text => None,
        Kind::Workbook => Some(FileFormat::Xlsx),
        Kind::Parquet => Some(FileFormat::Parquet),
    };
    let shown = member.display();
    match options.cut.format_of(member, by_name)? {
        FileFormat::Csv => text::read(member, options, sink),
        FileFormat::Json => json::read(member, options, sink),
        FileFormat::Fixed => fixed::read(member, options, sink),
        FileFormat::Dbf => dbf::read(member, options, sink),
        FileFormat::Xlsx => {
            let plain = member.plain_file()?;
            let sheet = options.sheet.as_deref();
            let form = (options.shape.as_ref(), options.cut.as_ref());
            guard::guarded(&shown, || excel::read(plain.path(), &shown, sheet, form, sink))
        }
        FileFormat::Parquet => {
            let plain = member.plain_file()?;
            guard::guarded(&shown, || parquet::read(plain.path(), &shown, sink))
        }
        FileFormat::Xml => Err(EngineError::input(format!(
            "{shown}: to read XML, a feed names the element that is one record: record = \"EInvoice\"; e-invoices are read by \
             --mapping einvoice_xml"
        ))),
    }
}

/// Whether the member is a workbook (its sheets are feeds of their own).
pub fn is_workbook(member: &Member) -> bool {
    kind_of(&member.name) == Kind::Workbook
}

/// Whether the file is an XML document.
pub fn is_xml(path: &Path) -> bool {
    path.file_name().is_some_and(|n| n.to_string_lossy().to_lowercase().ends_with(".xml"))
}

/// The sheets of a workbook.
///
/// # Errors
/// When it cannot be read as one.
pub fn sheets(member: &Member) -> Result<Vec<String>> {
    let plain = member.plain_file()?;
    excel::sheets(plain.path(), &member.display())
}

/// A file on disk, perhaps a temporary one that vanishes when dropped.
pub enum PlainFile {
    /// The user's own file.
    Own(PathBuf),
    /// An unpacked copy.
    Unpacked(tempfile::NamedTempFile),
}

impl PlainFile {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        match self {
            Self::Own(path) => path,
            Self::Unpacked(file) => file.path(),
        }
    }
}

/// Trims header names, refuses empty and repeated ones.
fn clean_header(file: &str, names: Vec<String>) -> Result<Vec<String>> {
    let names: Vec<String> =
        names.into_iter().map(|n| n.trim().trim_start_matches('\u{feff}').to_owned()).collect();
    for (i, name) in names.iter().enumerate() {
        if !name.is_empty() && names[..i].contains(name) {
            return Err(EngineError::input(format!(
                "{file}: column {name} stands twice in the header (columns {} and {}); remove or rename one",
                names.iter().position(|n| n == name).unwrap_or(0) + 1,
                i + 1
            )));
        }
    }
    if names.iter().all(String::is_empty) {
        return Err(EngineError::input(format!(
            "{file}: the first row is empty; a header with column names is expected"
        )));
    }
    Ok(names)
}
