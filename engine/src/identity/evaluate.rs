//! How good the links are, measured on records whose taxpayer is known.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use crate::ingest::source::{self, RawBatch, ReadOptions, RecordSink};
use crate::{EngineError, Result};

/// Cut-offs at which links are measured.
pub const CUT_OFFS: [f64; 8] = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99];

/// Records with their true taxpayer; `None`: it has none in the register. Two firms may be written the same way.
pub type Truth = BTreeSet<(String, Option<String>)>;

/// Links at one cut-off beside the truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measure {
    /// Score from which a link counts.
    pub cut_off: f64,
    /// Records with a true taxpayer.
    pub known: usize,
    /// Records without.
    pub foreign: usize,
    /// Linked to the true one.
    pub right: usize,
    /// Linked to another, or to one though they have none.
    pub wrong: usize,
}

impl Measure {
    /// Share of links that are right; 1 when there is none.
    pub fn precision(&self) -> f64 {
        share(self.right, self.right + self.wrong)
    }

    /// Share of records with a taxpayer that are linked to it.
    pub fn recall(&self) -> f64 {
        share(self.right, self.known)
    }
}

#[allow(clippy::cast_precision_loss)]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// Measures the best link of each record (taxpayer id and score) at every cut-off.
pub fn measure(truth: &Truth, best: &HashMap<String, (String, f64)>) -> Vec<Measure> {
    let known = truth.iter().filter(|(_, real)| real.is_some()).count();
    let at = |cut_off: f64| {
        let mut measure = Measure { cut_off, known, foreign: truth.len() - known, right: 0, wrong: 0 };
        for (record, real) in truth {
            let Some((linked, _)) = best.get(record).filter(|(_, score)| *score >= cut_off) else { continue };
            if real.as_ref() == Some(linked) {
                measure.right += 1;
            } else {
                measure.wrong += 1;
            }
        }
        measure
    };
    CUT_OFFS.into_iter().map(at).collect()
}

/// Reads a truth file: one row a record with its taxpayer's id, empty where it has none. Rows that say the same count
/// once. Without a name the record's column is `record` or `value`.
///
/// # Errors
/// When the file cannot be read or lacks a column.
pub fn read_truth(path: &Path, record: Option<&str>, id: &str) -> Result<Truth> {
    let mut reader =
        Reader { record, id, columns: None, file: path.display().to_string(), truth: Truth::new() };
    for member in source::members(path)? {
        source::read(&member, &ReadOptions::default(), &mut reader)?;
    }
    if reader.truth.is_empty() {
        return Err(EngineError::input(format!("{} has no records", reader.file)));
    }
    Ok(reader.truth)
}

struct Reader<'a> {
    record: Option<&'a str>,
    id: &'a str,
    columns: Option<(usize, usize)>,
    file: String,
    truth: Truth,
}

impl RecordSink for Reader<'_> {
    fn header(&mut self, columns: &[String]) -> Result<()> {
        let find = |name: &str| {
            columns.iter().position(|c| c == name).ok_or_else(|| {
                EngineError::input(format!(
                    "{} has no column {name}; it has {} (name them with --record-column and --id-column)",
                    self.file,
                    columns.join(", ")
                ))
            })
        };
        let record = match self.record {
            Some(name) => find(name)?,
            None => find("record").or_else(|error| find("value").map_err(|_| error))?,
        };
        self.columns = Some((record, find(self.id)?));
        Ok(())
    }

    fn batch(&mut self, batch: RawBatch) -> Result<()> {
        let Some((record, id)) = self.columns else { return Ok(()) };
        let records = cast(&batch.columns[record], &DataType::Utf8)?;
        let ids = cast(&batch.columns[id], &DataType::Utf8)?;
        let (records, ids) = (records.as_string::<i32>(), ids.as_string::<i32>());
        for row in 0..records.len() {
            if records.is_null(row) || records.value(row).trim().is_empty() {
                continue;
            }
            let real =
                ids.is_valid(row).then(|| ids.value(row).trim().to_owned()).filter(|id| !id.is_empty());
            self.truth.insert((records.value(row).trim().to_owned(), real));
        }
        Ok(())
    }
}
