//! Taking answered workbooks back: row by row, once, and nothing that was tampered with. A file is taken in one transaction;
//! rows that cannot be taken are refused by name and do not stop the others.

use std::collections::BTreeMap;
use std::path::Path;

use super::answer::Missing;
use super::desk::{Desk, Problem, Step, problem};
use super::error::{LedgerError, Result};
use super::offices::Scope;
use super::returned::{ReturnedBook, ReturnedRow, read_book};
use super::rows::{Value, number, run};
use super::{By, Ledger, commit, patiently};
use crate::evidence::EVIDENCE_SHEET;
use crate::workbook::LIST_SHEET;

/// A row, or a file, that was not taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRow {
    /// The workbook.
    pub file: String,
    /// The sheet; empty where the whole file is refused.
    pub sheet: String,
    /// Row of the sheet, 1 first; none where the whole file is refused.
    pub row: Option<usize>,
    /// Row key, as it came.
    pub row_key: String,
    /// Task number: the ledger's, or as it came where it knows no such row.
    pub task_no: String,
    /// Name of the taxpayer, likewise.
    pub taxpayer: String,
    /// Header of the column; empty where no single one is wrong.
    pub column: String,
    /// What stands there.
    pub value: String,
    /// What is wrong and what to do, in Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
}

/// What became of a workbook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileReport {
    /// The workbook.
    pub file: String,
    /// Whether this very file was taken in before, so that nothing was done; what it leaves open is told nevertheless.
    pub known: bool,
    /// Tasks answered whole.
    pub answered: usize,
    /// Tasks answered in part.
    pub drafted: usize,
    /// Answers that money or days were added to.
    pub supplemented: usize,
    /// Answers confirmed by a reviewer.
    pub reviewed: usize,
    /// Rows that say what the ledger knows already.
    pub unchanged: usize,
    /// Rows nobody filled in.
    pub blank: usize,
    /// Rows that repeat an earlier row of the file.
    pub repeated: usize,
    /// Rows that were not taken in, once for each thing that is wrong with one.
    pub refused: Vec<RefusedRow>,
    /// How many rows these are.
    pub refused_rows: usize,
    /// Tasks sent to the same offices in the same month that the file does not hold: number and taxpayer.
    pub absent: Vec<(String, String)>,
    /// Tasks of the file that are still to be answered.
    pub open: Vec<StillOpen>,
}

/// A task that is still to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StillOpen {
    /// Its number.
    pub task_no: String,
    /// Whose.
    pub taxpayer: String,
    /// What is missing of an answer that was begun or sent back; none: nothing was said yet.
    pub begun: Option<Vec<Missing>>,
}

impl Ledger {
    /// Takes an answered workbook in. Of a scope, only its own tasks.
    ///
    /// # Errors
    /// When the file cannot be opened or the ledger cannot be written; nothing of the file is taken in then. A file or a row
    /// that is wrong is no error: the report names it.
    pub async fn import(&self, path: &Path, scope: &Scope, by: &By) -> Result<FileReport> {
        let file = path.display().to_string();
        let bytes = std::fs::read(path)
            .map_err(|source| crate::TaskError::Io { path: path.to_path_buf(), source })?;
        let digest = blake3::hash(&bytes).to_hex()[..32].to_owned();
        let opened = path.to_path_buf();
        let read = tokio::task::spawn_blocking(move || read_book(&opened)).await;
        let read = read.map_err(|_| LedgerError::input(format!("{file} could not be read to its end")))?;
        let book = match read {
            Ok(book) => book,
            Err((zh, en)) => {
                let whole = RefusedRow {
                    file: file.clone(),
                    sheet: String::new(),
                    row: None,
                    row_key: String::new(),
                    task_no: String::new(),
                    taxpayer: String::new(),
                    column: String::new(),
                    value: String::new(),
                    zh,
                    en,
                };
                return Ok(FileReport {
                    file,
                    refused: vec![whole],
                    refused_rows: 1,
                    ..FileReport::default()
                });
            }
        };
        patiently(async || self.take_book(&file, &digest, &book, scope, by).await).await
    }

    pub(super) async fn take_book(
        &self,
        file: &str,
        digest: &str,
        book: &ReturnedBook,
        scope: &Scope,
        by: &By,
    ) -> Result<FileReport> {
        let mut tx = self.begin().await?;
        let mut report = FileReport { file: file.to_owned(), ..FileReport::default() };
        // First of all, and whoever is second waits here: of two who take the same file in at once one finds it known.
        let sql = "INSERT INTO returned_file (digest, name, who, at, accepted, refused) VALUES ($1, $2, $3, $4, 0, 0) \
                   ON CONFLICT (digest) DO NOTHING";
        let noted = vec![digest.into(), file.into(), by.who.as_str().into(), by.moment().into()];
        if run(&mut tx, "note a file", sql, noted).await? == 0 {
            // What was refused once may be right now: the task was returned, the office is another, the day has come.
            let sql = "SELECT count(*) FROM returned_file WHERE digest = $1 AND refused = 0";
            if number(&mut tx, "look for a file", sql, vec![digest.into()]).await? > 0 {
                report.known = true;
                Desk::read(&mut tx, book).await?.still_open(&mut report);
                return Ok(report);
            }
        }
        let mut desk = Desk::read(&mut tx, book).await?;
        let repeats = repeats(book);
        for row in &book.rows {
            let outcome = match repeats.get(&row.row) {
                Some(Repeat::Same) => {
                    report.repeated += 1;
                    continue;
                }
                Some(Repeat::Other(first)) => Err(problem(
                    format!("与第{first}行的行标识相同而内容不同，两行均未采用；请只保留一行"),
                    format!(
                        "has the row key of row {first} with another content; neither is taken, keep one of them"
                    ),
                )),
                None => desk.weigh(row, book, scope, by),
            };
            let outcome = match outcome {
                Ok(step) => desk.take(&mut tx, row, step, file, by).await?,
                Err(problems) => Err(problems),
            };
            match outcome {
                Ok(step) => report.count(&step),
                Err(problems) => report.refuse(row, desk.whose(&row.row_key), problems),
            }
        }
        desk.still_open(&mut report);
        report.absent = desk.absent(&mut tx, scope).await?;
        let size = |n: usize| -> Value { i64::try_from(n).unwrap_or(i64::MAX).into() };
        let accepted = report.answered + report.drafted + report.supplemented + report.reviewed;
        let sql = "UPDATE returned_file SET accepted = $1, refused = $2 WHERE digest = $3";
        run(&mut tx, "count a file", sql, vec![size(accepted), size(report.refused_rows), digest.into()])
            .await?;
        commit(tx).await?;
        Ok(report)
    }
}

impl FileReport {
    fn count(&mut self, step: &Step) {
        let place = match step {
            Step::Answer { .. } => &mut self.answered,
            Step::Draft(_) => &mut self.drafted,
            Step::Supplement { .. } => &mut self.supplemented,
            Step::Review(_) => {
                self.reviewed += 1;
                return;
            }
            Step::Unchanged => &mut self.unchanged,
            Step::Blank => &mut self.blank,
        };
        *place += 1;
        if let Step::Answer { review: true, .. } | Step::Supplement { review: true, .. } = step {
            self.reviewed += 1;
        }
    }

    fn refuse(&mut self, row: &ReturnedRow, whose: Option<(String, String)>, problems: Vec<Problem>) {
        self.refused_rows += 1;
        // A row nobody sent says itself what it is about.
        let (task_no, taxpayer) = whose.unwrap_or_else(|| (row.shown("task_no"), row.shown("taxpayer_name")));
        for one in problems {
            let (sheet, place) = match one.item_row {
                Some(place) => (EVIDENCE_SHEET, place),
                None => (LIST_SHEET, row.row),
            };
            self.refused.push(RefusedRow {
                file: self.file.clone(),
                sheet: sheet.to_owned(),
                row: Some(place),
                row_key: row.row_key.clone(),
                task_no: task_no.clone(),
                taxpayer: taxpayer.clone(),
                column: one.column,
                value: one.value,
                zh: one.zh,
                en: one.en,
            });
        }
    }
}

/// How a row relates to an earlier one with its key.
enum Repeat {
    Same,
    /// Another content than this row's.
    Other(usize),
}

fn repeats(book: &ReturnedBook) -> BTreeMap<usize, Repeat> {
    let mut first: BTreeMap<&str, &ReturnedRow> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for row in book.rows.iter().filter(|row| !row.row_key.is_empty()) {
        let Some(earlier) = first.get(row.row_key.as_str()) else {
            first.insert(&row.row_key, row);
            continue;
        };
        // Places in the list differ when a row was copied.
        if earlier.feedback == row.feedback && earlier.given[2..] == row.given[2..] {
            found.insert(row.row, Repeat::Same);
        } else {
            found.insert(row.row, Repeat::Other(earlier.row));
            found.insert(earlier.row, Repeat::Other(row.row));
        }
    }
    found
}
