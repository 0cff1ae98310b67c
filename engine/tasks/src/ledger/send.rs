//! Sending tasks to offices: the change of state, the workbooks, and what left in them. A sending is whole or did not happen:
//! workbooks are made aside, stand in their folder before the ledger says that they left, and an answer the ledger does not
//! know is never written over.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::Days;

use super::error::{LedgerError, Result};
use super::held::stored_answers;
use super::limits::{Spared, exempt_on, spare};
use super::offices::Scope;
use super::returned::{plain, read_book, sent_digest, sent_digests};
use super::rows::{Value, all, insert, number, places, text, word};
use super::state::{Action, State};
use super::store::{Filter, Stored, change, put_items, read, read_by, read_items};
use super::{By, Ledger, Tx, commit, patiently};
use crate::columns::{Cell, Width, list_row};
use crate::export::{Begun, Filled};
use crate::{ExportedFile, TaskError, Tasks, evidence, export_xlsx};

/// What was sent, and what stayed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dispatched {
    /// Tasks sent for the first time.
    pub sent: usize,
    /// Tasks opened after the last plan, which has not weighed them.
    pub unplanned: usize,
    /// Tasks whose taxpayer is exempt by now: task, taxpayer and why.
    pub exempt: Vec<(String, String, String)>,
    /// The workbooks.
    pub files: Vec<ExportedFile>,
}

impl Ledger {
    /// Sends what the plan takes, or everything where nothing was ever planned: tasks that were only made go to their offices
    /// today, their days run, and a workbook for each office holds all it is to answer. `unplanned` sends tasks no plan has
    /// weighed as well. Taxpayers exempt by now get none.
    ///
    /// # Errors
    /// When the ledger or the folder cannot be written, or a workbook there holds answers the ledger does not know. Nothing is
    /// sent then, and what lies in the folder stays.
    pub async fn dispatch(
        &self,
        folder: &Path,
        scope: &Scope,
        unplanned: bool,
        by: &By,
    ) -> Result<Dispatched> {
        patiently(async || {
            let mut tx = self.begin_in_turn().await?;
            let mut done = dispatch_due(&mut tx, scope, unplanned, by).await?;
            done.files = write_books(&mut tx, folder, scope, by).await?;
            commit(tx).await?;
            Ok(done)
        })
        .await
    }

    /// Writes a workbook for each office with the tasks it is to answer, and notes what left in each row. Sending again
    /// what did not change notes nothing.
    ///
    /// # Errors
    /// As [`Ledger::dispatch`].
    pub async fn send(&self, folder: &Path, scope: &Scope, by: &By) -> Result<Vec<ExportedFile>> {
        patiently(async || {
            let mut tx = self.begin_in_turn().await?;
            let files = write_books(&mut tx, folder, scope, by).await?;
            commit(tx).await?;
            Ok(files)
        })
        .await
    }
}

async fn dispatch_due(tx: &mut Tx, scope: &Scope, unplanned: bool, by: &By) -> Result<Dispatched> {
    let mut done = Dispatched::default();
    let filter = Filter { scope: scope.clone(), states: Some(vec![State::Created]), ..Filter::everything() };
    let mut due = read(tx, &filter).await?;
    let sql = "SELECT count(*) FROM task WHERE planned IS NOT NULL";
    let plans = number(tx, "look for a plan", sql, vec![]).await? > 0;
    due.retain(|one| scope.holds(one.task.office_code.as_deref()) && one.planned != Some(false));
    due.retain(|one| {
        // A plan always takes draws and requests.
        let goes = !plans || one.planned == Some(true) || unplanned || one.is_must();
        done.unplanned += usize::from(!goes);
        goes
    });
    due.sort_by(|a, b| a.task.task_no.cmp(&b.task.task_no));
    read_items(tx, &mut due).await?;
    let exempt = exempt_on(tx, &by.day()).await?;
    let today = by.at.date_naive();
    for mut one in due {
        let note = match spare(&mut one, &exempt) {
            Spared::Nothing => None,
            Spared::Whole(why) => {
                done.exempt.push((one.task.task_no, one.task.taxpayer_id, why));
                continue;
            }
            Spared::Items(codes) => {
                put_items(tx, &one, by).await?;
                Some(format!("剔除免打扰的疑点：{}", codes.join("、")))
            }
        };
        let days = u64::try_from(one.task.due_days).unwrap_or(0);
        one.task.issued_on = crate::days(today);
        one.task.due_on = crate::days(today.checked_add_days(Days::new(days)).unwrap_or(today));
        change(tx, &mut one, Action::Dispatch, by, note.as_deref()).await?;
        done.sent += 1;
    }
    Ok(done)
}

/// Notes what leaves, and puts the workbooks into the folder: all of them, or none.
async fn write_books(tx: &mut Tx, folder: &Path, scope: &Scope, by: &By) -> Result<Vec<ExportedFile>> {
    let tasks = note_sent(tx, scope, by).await?;
    let numbers: Vec<String> = tasks.iter().map(|one| one.task.task_no.clone()).collect();
    let held = stored_answers(tx, &numbers).await?;
    let begun: Begun = held.into_iter().map(|(no, held)| (no, held.answer.filled())).collect();
    let failed = |source| TaskError::Io { path: folder.to_path_buf(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    // In the same folder, so that putting a workbook in its place is a change of name.
    let aside = tempfile::Builder::new().prefix(".assay-").tempdir_in(folder).map_err(failed)?;
    let mut files = export_xlsx(&Tasks::from_iter(tasks), &begun, aside.path())?;
    let mut moves = Vec::with_capacity(files.len());
    for file in &mut files {
        let place = folder.join(file.path.file_name().unwrap_or_default());
        if place.exists() {
            keeps_answers(tx, &place).await?;
        }
        moves.push(std::mem::replace(&mut file.path, place));
    }
    for (from, file) in moves.iter().zip(&files) {
        std::fs::rename(from, &file.path)
            .map_err(|source| TaskError::Io { path: file.path.clone(), source })?;
    }
    Ok(files)
}

/// Refuses to write over a workbook that holds what the ledger does not.
///
/// # Errors
/// Names the row, and what to do.
async fn keeps_answers(tx: &mut Tx, path: &Path) -> Result<()> {
    let refuse = |what: String| {
        Err(LedgerError::input(format!(
            "{} {what}; take it in first (assay tasks import), move it away, or write to another folder: --to DIR",
            path.display()
        )))
    };
    let book = match read_book(path) {
        Ok(book) => book,
        Err((_, en)) => return refuse(format!("would be written over and {en}")),
    };
    let keys: BTreeSet<String> = book.rows.iter().map(|row| row.row_key.clone()).collect();
    let tasks = read_by(tx, "row_key", &keys.into_iter().collect::<Vec<_>>()).await?;
    let numbers: Vec<String> = tasks.iter().map(|one| one.task.task_no.clone()).collect();
    let held = stored_answers(tx, &numbers).await?;
    let known: BTreeMap<&str, Filled> = tasks
        .iter()
        .filter_map(|one| Some((one.task.row_key.as_str(), held.get(&one.task.task_no)?.answer.filled())))
        .collect();
    for row in &book.rows {
        let filled = known.get(row.row_key.as_str());
        let stands = |at: usize| filled.and_then(|filled| filled.cells.get(at)).unwrap_or(&Cell::Empty);
        let new = |at: usize| !row.feedback[at].is_blank() && row.feedback[at].plain() != plain(stands(at));
        if (0..row.feedback.len()).any(new) {
            return refuse(format!("holds an answer in row {} that was not taken in", row.row));
        }
    }
    for ((no, indicator), item) in &book.items {
        let said = held.get(no).and_then(|held| held.answer.items.get(indicator));
        if !item.conclusion.is_blank() && said != Some(&item.conclusion.text()) {
            return refuse(format!(
                "holds a conclusion in row {} of {} that was not taken in",
                item.row,
                evidence::EVIDENCE_SHEET
            ));
        }
    }
    Ok(())
}

async fn note_sent(tx: &mut Tx, scope: &Scope, by: &By) -> Result<Vec<Stored>> {
    let states = vec![State::Dispatched, State::InProgress];
    let filter = Filter { scope: scope.clone(), states: Some(states), ..Filter::everything() };
    let mut tasks = read(tx, &filter).await?;
    // Whoever asked sees the task; only the office that is to answer gets it in a workbook.
    tasks.retain(|one| scope.holds(one.task.office_code.as_deref()));
    read_items(tx, &mut tasks).await?;
    let keys: Vec<String> = tasks.iter().map(|one| one.task.row_key.clone()).collect();
    let before = sent(tx, &keys).await?;
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for one in &tasks {
        let leaves = SentRow::of(one);
        let noted = before.get(&one.task.row_key).map_or(&[][..], Vec::as_slice);
        if noted.last() == Some(&leaves) {
            continue;
        }
        rows.push(leaves.row(&one.task.row_key, noted.len() + 1, by));
    }
    insert(tx, "sent_row", "row_key, sent_no, office_code, items, cells, sent_at", rows).await?;
    Ok(tasks)
}

/// A row as it left in a workbook, in digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SentRow {
    pub(super) office_code: Option<String>,
    /// Of each cell of the list.
    pub(super) cells: String,
    /// Of each row of the second sheet, by indicator.
    pub(super) items: BTreeMap<String, String>,
}

impl SentRow {
    fn of(one: &Stored) -> Self {
        // The place in the list is left out of the comparison: it changes with every list.
        let cells = list_row(0, &one.task, &one.items, Width::Sheet);
        let item = |item| sent_digest(&evidence::cells(&one.task, item));
        Self {
            office_code: one.task.office_code.clone(),
            cells: sent_digests(&cells),
            items: one.items.iter().map(|it| (it.indicator.clone(), item(it))).collect(),
        }
    }

    fn row(&self, row_key: &str, sent_no: usize, by: &By) -> Vec<Value> {
        let items: Vec<String> = self.items.iter().map(|(code, digest)| format!("{code}={digest}")).collect();
        vec![
            row_key.into(),
            i64::try_from(sent_no).unwrap_or(i64::MAX).into(),
            (&self.office_code).into(),
            items.join("\n").into(),
            self.cells.as_str().into(),
            by.moment().into(),
        ]
    }
}

/// Everything that left in workbooks for these rows, oldest first.
pub(super) async fn sent(tx: &mut Tx, row_keys: &[String]) -> Result<BTreeMap<String, Vec<SentRow>>> {
    let mut found: BTreeMap<String, Vec<SentRow>> = BTreeMap::new();
    for chunk in row_keys.chunks(1000) {
        let sql = format!(
            "SELECT row_key, office_code, items, cells FROM sent_row WHERE row_key IN ({}) ORDER BY sent_no",
            places(chunk.len())
        );
        let values = chunk.iter().map(|key| key.as_str().into()).collect();
        for row in all(tx, "read what was sent", &sql, values).await? {
            let items = word(&row, 2)?;
            let pairs = items.lines().filter_map(|line| line.rsplit_once('='));
            let one = SentRow {
                office_code: text(&row, 1)?,
                cells: word(&row, 3)?,
                items: pairs.map(|(code, digest)| (code.to_owned(), digest.to_owned())).collect(),
            };
            found.entry(word(&row, 0)?).or_default().push(one);
        }
    }
    Ok(found)
}
