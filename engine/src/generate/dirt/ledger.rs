//! What was planted, row by row: `defects.csv` and `identity_truth.csv`.

use std::path::{Path, PathBuf};

use super::Kind;
use crate::{EngineError, Result};

/// Folder for what is known about the files, beside them: patterns that name the files do not take it.
pub const TRUTH_FOLDER: &str = "truth";
/// File name of the ledger of defects.
pub const LEDGER: &str = "defects.csv";
/// File name of the truth about records whose party is not named by its id.
pub const IDENTITY_TRUTH: &str = "identity_truth.csv";

/// One changed cell, one added or one missing row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// File as lineage names it: `file`, `archive!entry` or `file [sheet]`.
    pub file: String,
    /// Number of the row in the file; `None` for a missing row.
    pub row: Option<i64>,
    /// Canonical table.
    pub table: String,
    /// The row's key, columns in the table's order, joined by `|`.
    pub key: String,
    /// Canonical column, or the header where the dictionary has none; empty when the whole row is at fault.
    pub column: String,
    /// What kind.
    pub kind: &'static Kind,
    /// Text of the clean cell.
    pub clean: String,
    /// Text of the dirty one.
    pub dirty: String,
}

/// A record whose party must be found by something other than its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Canonical table.
    pub table: String,
    /// The record's key.
    pub key: String,
    /// The party column.
    pub column: String,
    /// What stands there instead: `name`, `old_number`.
    pub by: &'static str,
    /// The text that stands there.
    pub value: String,
    /// Who it is.
    pub taxpayer_id: String,
}

/// Writes both files; their places and numbers of rows. `defect_id` counts in the order of the files.
pub(crate) fn write_ledgers(
    folder: &Path,
    defects: &[Defect],
    identities: &[Identity],
) -> Result<[(PathBuf, usize); 2]> {
    let folder = folder.join(TRUTH_FOLDER);
    std::fs::create_dir_all(&folder).map_err(EngineError::file(&folder))?;
    let (ledger, truth) = (folder.join(LEDGER), folder.join(IDENTITY_TRUTH));
    let failed = |path: &Path, e: csv::Error| EngineError::input(format!("{}: {e}", path.display()));
    let mut out = csv::Writer::from_path(&ledger).map_err(|e| failed(&ledger, e))?;
    let header = [
        "defect_id",
        "file",
        "row",
        "table",
        "key",
        "column",
        "defect",
        "defect_zh",
        "action",
        "clean",
        "dirty",
        "expected",
        "also",
    ];
    out.write_record(header).map_err(|e| failed(&ledger, e))?;
    for (number, defect) in (1..).zip(defects) {
        let (id, row) = (format!("D{number:07}"), defect.row.map(|row| row.to_string()).unwrap_or_default());
        let record = [
            &id,
            &defect.file,
            &row,
            &defect.table,
            &defect.key,
            &defect.column,
            defect.kind.name,
            defect.kind.zh,
            defect.kind.action.name(),
            &defect.clean,
            &defect.dirty,
            defect.kind.expected,
            defect.kind.also,
        ];
        out.write_record(record).map_err(|e| failed(&ledger, e))?;
    }
    out.flush()?;
    let mut out = csv::Writer::from_path(&truth).map_err(|e| failed(&truth, e))?;
    out.write_record(["table", "key", "column", "by", "value", "taxpayer_id"])
        .map_err(|e| failed(&truth, e))?;
    for one in identities {
        let record = [&one.table, &one.key, &one.column, one.by, &one.value, &one.taxpayer_id];
        out.write_record(record).map_err(|e| failed(&truth, e))?;
    }
    out.flush()?;
    Ok([(ledger, defects.len()), (truth, identities.len())])
}
