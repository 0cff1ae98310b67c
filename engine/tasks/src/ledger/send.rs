//! Sending tasks to offices: the change of state, the workbooks, and what left in them.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::Days;

use super::error::Result;
use super::offices::Scope;
use super::returned::{sent_digest, sent_digests};
use super::rows::{Value, all, insert, places, text, word};
use super::state::{Action, State};
use super::store::{Filter, Stored, change, read, read_items};
use super::{By, Ledger, Tx, commit, patiently};
use crate::columns::{Width, list_row};
use crate::{ExportedFile, Tasks, evidence, export_xlsx};

impl Ledger {
    /// Sends what the plan takes, or everything where nothing was planned: tasks that were only made go to their offices
    /// today, and their days run. Workbooks are written by [`Ledger::send`].
    ///
    /// # Errors
    /// When the ledger cannot be written; nothing is sent then.
    pub async fn dispatch(&self, scope: &Scope, by: &By) -> Result<usize> {
        patiently(async || self.dispatch_once(scope, by).await).await
    }

    async fn dispatch_once(&self, scope: &Scope, by: &By) -> Result<usize> {
        let mut tx = self.begin_in_turn().await?;
        let filter =
            Filter { scope: scope.clone(), states: Some(vec![State::Created]), ..Filter::everything() };
        let mut due = read(&mut tx, &filter).await?;
        due.retain(|one| one.planned != Some(false) && scope.holds(one.task.office_code.as_deref()));
        due.sort_by(|a, b| a.task.task_no.cmp(&b.task.task_no));
        let today = by.at.date_naive();
        for one in &mut due {
            let days = u64::try_from(one.task.due_days).unwrap_or(0);
            one.task.issued_on = crate::days(today);
            one.task.due_on = crate::days(today.checked_add_days(Days::new(days)).unwrap_or(today));
            change(&mut tx, one, Action::Dispatch, by, None).await?;
        }
        commit(tx).await?;
        Ok(due.len())
    }

    /// Writes a workbook for each office with the tasks it is to answer, and notes what left in each row. Sending again
    /// what did not change notes nothing.
    ///
    /// # Errors
    /// When the ledger or the folder cannot be written. Workbooks written before the error stay.
    pub async fn send(&self, folder: &Path, scope: &Scope, by: &By) -> Result<Vec<ExportedFile>> {
        // Noted before anything is written: a workbook that nobody noted could not come back.
        let tasks = patiently(async || self.note_sent(scope, by).await).await?;
        Ok(export_xlsx(&Tasks::from_iter(tasks), folder)?)
    }

    async fn note_sent(&self, scope: &Scope, by: &By) -> Result<Vec<Stored>> {
        let mut tx = self.begin_in_turn().await?;
        let states = vec![State::Dispatched, State::InProgress];
        let filter = Filter { scope: scope.clone(), states: Some(states), ..Filter::everything() };
        let mut tasks = read(&mut tx, &filter).await?;
        // Whoever asked sees the task; only the office that is to answer gets it in a workbook.
        tasks.retain(|one| scope.holds(one.task.office_code.as_deref()));
        read_items(&mut tx, &mut tasks).await?;
        let keys: Vec<String> = tasks.iter().map(|one| one.task.row_key.clone()).collect();
        let before = sent(&mut tx, &keys).await?;
        let mut rows: Vec<Vec<Value>> = Vec::new();
        for one in &tasks {
            let leaves = SentRow::of(one);
            let noted = before.get(&one.task.row_key).map_or(&[][..], Vec::as_slice);
            if noted.last() == Some(&leaves) {
                continue;
            }
            rows.push(leaves.row(&one.task.row_key, noted.len() + 1, by));
        }
        insert(&mut tx, "sent_row", "row_key, sent_no, office_code, items, cells, sent_at", rows).await?;
        commit(tx).await?;
        Ok(tasks)
    }
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
