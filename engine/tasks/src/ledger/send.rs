//! Sending tasks to offices: the change of state, the workbooks, and what left in them. A sending is whole or did not happen:
//! workbooks are made aside, stand in their folder before the ledger says that they left, and an answer the ledger does not
//! know is never written over.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::time::Duration;

use chrono::Days;

use super::answer::{Answer, read as read_cell};
use super::error::{LedgerError, Result};
use super::filter::Filter;
use super::held::stored_answers;
use super::limits::{Bars, LeftAlone, Spared, spare};
use super::offices::Scope;
use super::returned::{Raw, read_book, sent_digest, sent_digests};
use super::rows::{Value, all, insert, number, places, text, word};
use super::state::{Action, State};
use super::store::{Kind, Stored, change, put_items, read, read_by, read_items};
use super::withheld::Reason;
use super::{By, Ledger, Tx, commit, patiently};
use crate::columns::{Width, list_row};
use crate::export::{Begun, Filled};
use crate::feedback::{FeedbackColumn, feedback_columns};
use crate::{ExportedFile, TaskError, Tasks, evidence, export_xlsx};

/// Beginning of the names of folders in which workbooks are made.
const ASIDE: &str = ".assay-";
/// How old such a folder is when nobody works in it any more.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// How tasks are sent.
#[derive(Debug, Clone, Default)]
pub struct Sending {
    /// Send tasks no plan has weighed as well.
    pub unplanned: bool,
    /// Open audits: taxpayer and case number.
    pub audits: HashMap<String, String>,
}

/// What was sent, and what stayed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dispatched {
    /// Tasks sent for the first time.
    pub sent: usize,
    /// Tasks opened after the last plan, which has not weighed them.
    pub unplanned: usize,
    /// Tasks whose taxpayer is left alone by now.
    pub left_alone: Vec<LeftAlone>,
    /// Tasks that are out, and of whose taxpayer an audit was opened since.
    pub under_audit: Vec<LeftAlone>,
    /// The workbooks.
    pub files: Vec<ExportedFile>,
}

impl Ledger {
    /// Sends what the plan takes, or everything where nothing was ever planned: tasks that were only made go to their offices
    /// today, their days run, and a workbook for each office holds all it is to answer. Taxpayers exempt by now, and those of
    /// whom an audit is open, get none.
    ///
    /// # Errors
    /// When the ledger or the folder cannot be written, or a workbook there holds answers the ledger does not know. Nothing is
    /// sent then, and what lies in the folder stays.
    pub async fn dispatch(
        &self,
        folder: &Path,
        scope: &Scope,
        sending: &Sending,
        by: &By,
    ) -> Result<Dispatched> {
        patiently(async || {
            let mut tx = self.begin_in_turn().await?;
            let mut done = dispatch_due(&mut tx, scope, sending, by).await?;
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

async fn dispatch_due(tx: &mut Tx, scope: &Scope, sending: &Sending, by: &By) -> Result<Dispatched> {
    let mut done = Dispatched::default();
    let filter = Filter { scope: scope.clone(), states: Some(vec![State::Created]), ..Filter::everything() };
    let mut due = read(tx, &filter).await?;
    let sql = "SELECT count(*) FROM task WHERE planned IS NOT NULL";
    let plans = number(tx, "look for a plan", sql, vec![]).await? > 0;
    due.retain(|one| scope.holds(one.task.office_code.as_deref()) && one.planned != Some(false));
    due.retain(|one| {
        // A plan always takes draws and requests.
        let goes = !plans || one.planned == Some(true) || sending.unplanned || one.is_must();
        done.unplanned += usize::from(!goes);
        goes
    });
    due.sort_by(|a, b| a.task.task_no.cmp(&b.task.task_no));
    read_items(tx, &mut due).await?;
    let bars = Bars::on(tx, &by.day(), &sending.audits).await?;
    let today = by.at.date_naive();
    for mut one in due {
        let note = match spare(&mut one, &bars) {
            Spared::Nothing => None,
            Spared::Whole(reason, detail) => {
                let (task_no, taxpayer_id) = (one.task.task_no, one.task.taxpayer_id);
                done.left_alone.push(LeftAlone { task_no, taxpayer_id, reason, detail });
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
    done.under_audit = under_audit(tx, scope, &sending.audits).await?;
    Ok(done)
}

/// Tasks with offices whose taxpayer is audited by now: nobody should be on the way there.
async fn under_audit(tx: &mut Tx, scope: &Scope, audits: &HashMap<String, String>) -> Result<Vec<LeftAlone>> {
    let states = vec![State::Dispatched, State::InProgress];
    let filter = Filter { scope: scope.clone(), states: Some(states), ..Filter::everything() };
    let out = read(tx, &filter).await?.into_iter().filter(|one| one.kind != Kind::Assistance);
    let audited = |one: Stored| {
        let detail = format!("案号{}", audits.get(&one.task.taxpayer_id)?);
        let (task_no, taxpayer_id) = (one.task.task_no, one.task.taxpayer_id);
        Some(LeftAlone { task_no, taxpayer_id, reason: Reason::AuditOpen, detail })
    };
    Ok(out.filter_map(audited).collect())
}

/// Notes what leaves, and puts the workbooks into the folder: all of them, or none.
async fn write_books(tx: &mut Tx, folder: &Path, scope: &Scope, by: &By) -> Result<Vec<ExportedFile>> {
    let tasks = note_sent(tx, scope, by).await?;
    let numbers: Vec<String> = tasks.iter().map(|one| one.task.task_no.clone()).collect();
    let held = stored_answers(tx, &numbers).await?;
    let begun: Begun = tasks
        .iter()
        .filter_map(|one| {
            let held = held.get(&one.task.task_no)?;
            let since = held.since(one).into_iter().map(str::to_owned).collect();
            Some((one.task.task_no.clone(), Filled { since, ..held.answer.filled() }))
        })
        .collect();
    let failed = |source| TaskError::Io { path: folder.to_path_buf(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    sweep(folder);
    // In the same folder, so that putting a workbook in its place is a change of name.
    let aside = tempfile::Builder::new().prefix(ASIDE).tempdir_in(folder).map_err(failed)?;
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

/// Takes away what sendings that were killed left behind. One at a time writes workbooks of a ledger; a folder another ledger
/// is writing into at this moment is younger than an hour.
fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(ASIDE);
        let old = entry.metadata().and_then(|data| data.modified()).ok().and_then(|at| at.elapsed().ok());
        if ours && entry.path().is_dir() && old.is_some_and(|old| old > LEFT_BEHIND) {
            // What cannot be taken away is in nobody's way.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
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
    let known: BTreeMap<&str, &Answer> = tasks
        .iter()
        .filter_map(|one| Some((one.task.row_key.as_str(), &held.get(&one.task.task_no)?.answer)))
        .collect();
    for row in &book.rows {
        let answer = known.get(row.row_key.as_str());
        let stands = |id: &str| answer.and_then(|answer| answer.values.get(id));
        let mut cells = feedback_columns().iter().zip(&row.feedback);
        let new = |(column, raw): (&FeedbackColumn, &Raw)| {
            !raw.is_blank() && read_cell(column, raw).ok().flatten().as_ref() != stands(column.id)
        };
        if cells.any(new) {
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
