//! The first records of a file, sheet by sheet, as texts by column.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::names::synonyms;
use crate::ingest::source::shape::Shape;
use crate::ingest::source::{self, FILE_COLUMN, ROW_COLUMN, RawBatch, ReadOptions, RecordSink};
use crate::{EngineError, Result};

/// Records looked at.
const RECORDS: usize = 2_000;

/// A table of a file.
#[derive(Debug)]
pub struct Sample {
    /// The file's name, or its entry's.
    pub file: String,
    /// Its sheet.
    pub sheet: Option<String>,
    /// XML: path of the record.
    pub record: Option<String>,
    /// Column names as they stand in the file.
    pub header: Vec<String>,
    /// JSON: path of the array that holds the records.
    pub records_at: Option<String>,
    /// Values of each column by record, trimmed; `None` where there is none.
    pub cells: Vec<Vec<Option<String>>>,
    /// Records seen.
    pub records: usize,
    /// Records that could not be split into columns.
    pub bad: usize,
}

/// What can be told from the file at `path`, one sample a table.
///
/// # Errors
/// When it cannot be read.
pub fn samples(path: &Path, sheet: Option<&str>) -> Result<Vec<Sample>> {
    let mut found = Vec::new();
    if path.is_dir() || documents(path)? {
        let member = source::bundle(path)?;
        for (record, columns) in source::discover(&member)? {
            let mut shape = Shape::of_names(columns.iter().map(String::as_str));
            shape.record = Some(record.clone());
            let options = ReadOptions { shape: Arc::new(shape), ..ReadOptions::default() };
            let mut sample = read(&member, &options)?;
            sample.record = Some(record);
            found.push(sample);
        }
        return Ok(found);
    }
    let shape = Arc::new(Shape::of_names(synonyms().all_names()).with_totals(&synonyms().total_rows));
    for member in source::members(path)? {
        let mut sheets = vec![None];
        if source::is_workbook(&member) {
            let names = source::sheets(&member)?;
            sheets = names.into_iter().filter(|n| sheet.is_none_or(|s| s == n)).map(Some).collect();
            if sheets.is_empty() {
                return Err(EngineError::input(format!(
                    "{} has no sheet {}",
                    member.display(),
                    sheet.unwrap_or_default()
                )));
            }
        }
        let several = sheets.len() > 1;
        for sheet in sheets {
            let options =
                ReadOptions { sheet: sheet.clone(), shape: Arc::clone(&shape), ..ReadOptions::default() };
            match read(&member, &options) {
                Ok(mut sample) => {
                    if let Some(at) = sample.held_at() {
                        sample = read(&member, &at_path(&options, &at))?;
                        sample.records_at = Some(at);
                    }
                    sample.sheet = sheet;
                    found.push(sample);
                }
                // A workbook may have an empty sheet, or one of notes.
                Err(EngineError::Input(why)) if several => tracing::warn!("{why}"),
                Err(other) => return Err(other),
            }
        }
    }
    Ok(found)
}

/// Whether a file is a document of XML, or an archive of mostly such.
fn documents(path: &Path) -> Result<bool> {
    let archive = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("zip"));
    if !archive {
        return Ok(source::is_xml(path));
    }
    let members = source::members(path)?;
    Ok(members.iter().filter(|m| source::is_xml(Path::new(&m.display()))).count() * 2 > members.len())
}

/// The same reading, of records in an array below the document.
fn at_path(options: &ReadOptions, path: &str) -> ReadOptions {
    let mut cut = source::Cut::clone(&options.cut);
    cut.records = path.split('.').map(str::to_owned).collect();
    ReadOptions { cut: Arc::new(cut), ..options.clone() }
}

fn read(member: &source::Member, options: &ReadOptions) -> Result<Sample> {
    let sample = Sample {
        file: member.name.clone(),
        sheet: None,
        record: None,
        records_at: None,
        header: Vec::new(),
        cells: Vec::new(),
        records: 0,
        bad: 0,
    };
    let mut keep = Keep { sample, full: false };
    match source::read(member, options, &mut keep) {
        Err(_) if keep.full => {}
        outcome => outcome?,
    }
    Ok(keep.sample)
}

/// Takes records until it has enough.
struct Keep {
    sample: Sample,
    full: bool,
}

impl RecordSink for Keep {
    fn header(&mut self, columns: &[String]) -> Result<()> {
        self.sample.header = columns.to_vec();
        self.sample.cells = vec![Vec::new(); columns.len()];
        Ok(())
    }

    fn batch(&mut self, batch: RawBatch) -> Result<()> {
        let rows = batch.rows.len().min(RECORDS - self.sample.records);
        for (column, cells) in batch.columns.iter().zip(&mut self.sample.cells) {
            let text = cast(&column.slice(0, rows), &DataType::Utf8)?;
            let trimmed = text.as_string::<i32>().iter().map(|v| v.map(str::trim).filter(|v| !v.is_empty()));
            cells.extend(trimmed.map(|v| v.map(str::to_owned)));
        }
        self.sample.records += rows;
        self.sample.bad += batch.bad.len();
        if self.sample.records >= RECORDS {
            self.full = true;
            // There is no gentler way to tell a reader to stop; `full` tells this from an error.
            return Err(EngineError::internal("enough"));
        }
        Ok(())
    }
}

impl Sample {
    /// Columns that have a name and come from the file.
    pub fn columns(&self) -> Vec<usize> {
        let own = |i: &usize| !["", FILE_COLUMN, ROW_COLUMN].contains(&self.header[*i].as_str());
        (0..self.header.len()).filter(own).collect()
    }

    /// Filled values of a column, in order.
    pub fn values(&self, place: usize) -> Vec<String> {
        self.cells[place].iter().flatten().cloned().collect()
    }

    /// JSON: where the records are, when the only record read holds an array of objects.
    fn held_at(&self) -> Option<String> {
        let array = |cells: &Vec<Option<String>>| {
            cells.first().and_then(Option::as_deref).is_some_and(|text| text.starts_with("[{"))
        };
        let place = self.cells.iter().position(array).filter(|_| self.records == 1)?;
        Some(self.header[place].clone())
    }

    /// What to call it in messages.
    pub fn shown(&self) -> String {
        match (&self.sheet, &self.record) {
            (Some(sheet), _) => format!("{} [{sheet}]", self.file),
            (None, Some(record)) => format!("{} <{record}>", self.file),
            (None, None) => self.file.clone(),
        }
    }
}
