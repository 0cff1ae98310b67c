//! What a returned row asks for: whether it is as it was sent, what was filled in, and what that means where its task stands.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::{Answer, Missing, read as read_cell, same_person};
use super::error::{LedgerError, Result};
use super::held::{Held, put_answer, stored_answers};
use super::import::{FileReport, StillOpen};
use super::offices::Scope;
use super::returned::{ReturnedBook, ReturnedItem, ReturnedRow, shown};
use super::rows::{all, word};
use super::send::{SentRow, sent};
use super::state::{Action, State};
use super::store::{Stored, change, read_by, read_items};
use super::{By, Tx};
use crate::TaskItem;
use crate::columns::{Width, list_columns, list_row};
use crate::evidence::{self, ITEM_CONCLUSION, ITEM_CONCLUSIONS};
use crate::feedback::feedback_columns;

/// Characters of a cell that a message tells.
const TOLD_MAX: usize = 60;

/// What is wrong with a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Problem {
    /// Row of the second sheet, where it is there and not in the list.
    pub(super) item_row: Option<usize>,
    /// Header; empty where no single column is wrong.
    pub(super) column: String,
    pub(super) value: String,
    pub(super) zh: String,
    pub(super) en: String,
}

pub(super) fn problem(zh: impl Into<String>, en: impl Into<String>) -> Vec<Problem> {
    vec![Problem { zh: zh.into(), en: en.into(), ..Problem::default() }]
}

/// What a row asks for.
pub(super) enum Step {
    Answer { answer: Answer, review: bool },
    Draft(Answer),
    Supplement { answer: Answer, review: bool },
    Review(Answer),
    Unchanged,
    Blank,
}

/// The tasks of a workbook, and what the ledger knows of them.
pub(super) struct Desk {
    tasks: BTreeMap<String, Stored>,
    sent: BTreeMap<String, Vec<SentRow>>,
    held: BTreeMap<String, Held>,
    /// Suspicions that stood in the workbook, by row key: what joined later nobody looked at.
    seen: BTreeMap<String, BTreeSet<String>>,
    /// Offices and months of the lists the rows were sent in.
    lists: BTreeSet<(Option<String>, i32)>,
}

impl Desk {
    pub(super) async fn read(tx: &mut Tx, book: &ReturnedBook) -> Result<Self> {
        let keys: BTreeSet<String> = book.rows.iter().map(|row| row.row_key.clone()).collect();
        let keys: Vec<String> = keys.into_iter().filter(|key| !key.is_empty()).collect();
        let mut tasks = read_by(tx, "row_key", &keys).await?;
        read_items(tx, &mut tasks).await?;
        let numbers: Vec<String> = tasks.iter().map(|one| one.task.task_no.clone()).collect();
        let sent = sent(tx, &keys).await?;
        let held = stored_answers(tx, &numbers).await?;
        let tasks = tasks.into_iter().map(|one| (one.task.row_key.clone(), one)).collect();
        Ok(Self { tasks, sent, held, seen: BTreeMap::new(), lists: BTreeSet::new() })
    }

    /// What a row asks for, or why it is refused.
    pub(super) fn weigh(
        &mut self,
        row: &ReturnedRow,
        book: &ReturnedBook,
        scope: &Scope,
        by: &By,
    ) -> std::result::Result<Step, Vec<Problem>> {
        if row.row_key.is_empty() {
            return Err(problem(
                "行标识为空；请在下发的行内填写",
                "has no row key; fill in the rows that were sent",
            ));
        }
        let (Some(one), Some(sent)) = (self.tasks.get(&row.row_key), self.sent.get(&row.row_key)) else {
            return Err(problem(
                "行标识不在台账中；是否被改动，或来自另一套台账",
                "its row key is not in this ledger; was it changed, or is it of another ledger",
            ));
        };
        if !scope.holds(one.task.office_code.as_deref()) {
            return Err(problem("不属于本机关及其下级机关的任务", "is a task of another office"));
        }
        if one.state == State::Recalled {
            return Err(problem("任务已撤回，不再接受反馈", "the task is recalled and takes no answer"));
        }
        let matched = untouched(one, sent, row);
        let list = matched.as_ref().ok().copied().or_else(|| sent.last());
        self.lists.extend(list.map(|sent| (sent.office_code.clone(), one.task.as_of)));
        let matched = matched?;
        if matched.office_code != one.task.office_code {
            let now = one.task.office_name.as_deref().or(one.task.office_code.as_deref()).unwrap_or("?");
            return Err(problem(
                format!("任务已移送{now}，由其反馈"),
                format!("the task was transferred to {now}"),
            ));
        }
        let answer = read_answer(one, matched, row, book, by)?;
        let held = self.held.get(&one.task.task_no);
        self.seen.insert(row.row_key.clone(), matched.items.keys().cloned().collect());
        decide((one, held), answer, &self.seen[&row.row_key], by)
    }

    /// Does what a row asks for. Somebody else may have been faster: then the row is refused.
    pub(super) async fn take(
        &mut self,
        tx: &mut Tx,
        row: &ReturnedRow,
        step: Step,
        file: &str,
        by: &By,
    ) -> Result<std::result::Result<Step, Vec<Problem>>> {
        let Some(one) = self.tasks.get_mut(&row.row_key) else { return Ok(Ok(step)) };
        let (action, answer, review) = match &step {
            Step::Unchanged | Step::Blank => return Ok(Ok(step)),
            Step::Answer { answer, review } => (Action::Answer, answer, *review),
            Step::Draft(answer) => (Action::Draft, answer, false),
            Step::Supplement { answer, review } => (Action::Supplement, answer, *review),
            Step::Review(answer) => (Action::Supplement, answer, true),
        };
        match change(tx, one, action, by, Some(file)).await {
            Err(LedgerError::Conflict { who, at, .. }) => {
                return Ok(Err(problem(
                    format!("{who}刚刚（{at}）变更了该任务，本行未采用；请重新导出后再填"),
                    format!("{who} changed the task just now ({at}); this row is not taken, export again"),
                )));
            }
            done => done?,
        }
        let whole = !matches!(step, Step::Draft(_));
        // A suspicion that joined counts as seen once it has a conclusion of its own.
        let mut seen = self.seen.get(&row.row_key).cloned().unwrap_or_default();
        if let Some(held) = self.held.get(&one.task.task_no) {
            let since: BTreeSet<&str> = held.since(one).into_iter().collect();
            seen.retain(|code| !since.contains(code.as_str()) || answer.items.contains_key(code));
        }
        put_answer(tx, (one, &seen), (answer, whole), file, by).await?;
        let held = Held {
            answer: answer.clone(),
            complete: whole,
            returned: false,
            seen,
            by: by.who.clone(),
            at: by.moment(),
        };
        if review && one.state == State::Answered {
            // Whoever takes the workbook in vouches for what it says of its reviewer.
            let [reviewer, opinion] =
                ["reviewer", "review_opinion"].map(|id| answer.text(id).unwrap_or_default());
            let note = format!("复核人{reviewer}：{opinion}（{file}）");
            change(tx, one, Action::Review, by, Some(&note)).await?;
        }
        self.held.insert(one.task.task_no.clone(), held);
        Ok(Ok(step))
    }

    /// Tasks that were sent to the offices of the file in its months, await an answer, and are not in it.
    pub(super) async fn absent(&self, tx: &mut Tx, scope: &Scope) -> Result<Vec<(String, String)>> {
        let mut absent = Vec::new();
        for (office, as_of) in &self.lists {
            let (office, as_of) = (office.as_deref(), *as_of);
            let sql = "SELECT t.task_no, coalesce(t.taxpayer_name, t.taxpayer_id), t.row_key FROM task AS t \
                WHERE coalesce(t.office_code, '') = $1 AND t.as_of = $2 AND t.state IN ('dispatched', 'in_progress') \
                AND EXISTS (SELECT 1 FROM sent_row AS s WHERE s.row_key = t.row_key                     AND coalesce(s.office_code, '') = coalesce(t.office_code, '')) ORDER BY t.task_no";
            let values = vec![office.unwrap_or_default().into(), as_of.into()];
            for row in all(tx, "look for rows left out", sql, values).await? {
                if scope.holds(office) && !self.tasks.contains_key(&word(&row, 2)?) {
                    absent.push((word(&row, 0)?, word(&row, 1)?));
                }
            }
        }
        Ok(absent)
    }

    /// Tasks of the file that are still to be answered.
    pub(super) fn still_open(&self, report: &mut FileReport) {
        for one in self.tasks.values().filter(|one| one.state.awaits_answer()) {
            let mut still = StillOpen { task_no: one.task.task_no.clone(), taxpayer: who(one), begun: None };
            if let Some(held) = self.held.get(&one.task.task_no).filter(|held| !held.answer.is_empty()) {
                still.begun = Some(self.missing(one, held));
            }
            report.open.push(still);
        }
    }

    /// What an answer that was begun, or sent back, still lacks.
    fn missing(&self, one: &Stored, held: &Held) -> Vec<Missing> {
        let mut missing = Vec::new();
        if held.returned {
            let why = held.answer.text("review_opinion").unwrap_or("退回");
            missing.push(format!("按退回意见修改（{why}）"));
        }
        let codes: Vec<&str> = one.items.iter().map(|item| item.indicator.as_str()).collect();
        let seen = self.seen.get(&one.task.row_key);
        let sheet = |code: &&str| seen.is_none_or(|seen| seen.contains(*code));
        let (since, joined): (Vec<&str>, Vec<&str>) = held.since(one).into_iter().partition(sheet);
        missing.extend(held.answer.missing(&codes, &since, one.task.due_on));
        if !joined.is_empty() {
            missing.push(format!("下发后新增的疑点（{}），请用重新导出的工作簿核实", joined.join("、")));
        }
        missing
    }
}

impl Desk {
    /// Number and taxpayer of the task of a row key, as the ledger has them.
    pub(super) fn whose(&self, row_key: &str) -> Option<(String, String)> {
        self.tasks.get(row_key).map(|one| (one.task.task_no.clone(), who(one)))
    }
}

/// Whose task it is, for people.
fn who(one: &Stored) -> String {
    one.task.taxpayer_name.clone().unwrap_or_else(|| one.task.taxpayer_id.clone())
}

/// The sending whose locked cells a row still has.
fn untouched<'a>(
    one: &Stored,
    sent: &'a [SentRow],
    row: &ReturnedRow,
) -> std::result::Result<&'a SentRow, Vec<Problem>> {
    let mut nearest: Option<Vec<usize>> = None;
    // The last sending is the one an office most likely answered.
    for candidate in sent.iter().rev() {
        let changed = row.changed(&candidate.cells);
        if changed.is_empty() {
            return Ok(candidate);
        }
        if nearest.as_ref().is_none_or(|known| changed.len() < known.len()) {
            nearest = Some(changed);
        }
    }
    let cells = list_row(0, &one.task, &one.items, Width::Sheet);
    let told = nearest
        .unwrap_or_default()
        .into_iter()
        .map(|at| locked(None, list_columns()[at].zh, &shown(&cells[at]), &row.given[at].text()));
    Err(told.collect())
}

/// The beginning of a cell, on one line: some hold paragraphs.
fn short(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(TOLD_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// A locked cell that was changed.
fn locked(item_row: Option<usize>, column: &str, was: &str, is: &str) -> Problem {
    let was = short(was);
    Problem {
        item_row,
        column: column.to_owned(),
        value: short(is),
        zh: format!("原始表与汇总表数据不一致：锁定列「{column}」应为「{was}」；请恢复后再反馈"),
        en: format!("a locked cell was changed: {column} should be `{was}`; put it back and send again"),
    }
}

/// Reads what an office filled in.
fn read_answer(
    one: &Stored,
    sent: &SentRow,
    row: &ReturnedRow,
    book: &ReturnedBook,
    by: &By,
) -> std::result::Result<Answer, Vec<Problem>> {
    let (mut answer, mut problems) = (Answer::default(), Vec::new());
    for (column, raw) in feedback_columns().iter().zip(&row.feedback) {
        match read_cell(column, raw) {
            Ok(Some(given)) => {
                answer.values.insert(column.id, given);
            }
            Ok(None) => {}
            Err((zh, en)) => problems.push(Problem {
                column: column.zh.to_owned(),
                value: raw.text(),
                zh,
                en,
                ..Problem::default()
            }),
        }
    }
    for item in one.items.iter().filter(|item| sent.items.contains_key(&item.indicator)) {
        let key = (one.task.task_no.clone(), item.indicator.clone());
        let Some(returned) = book.items.get(&key) else { continue };
        if sent.items.get(&item.indicator).is_some_and(|digest| *digest != returned.digest()) {
            problems.extend(changed_item(one, item, returned));
        }
        read_conclusion(&item.indicator, returned, &mut answer, &mut problems);
    }
    let codes: Vec<&str> = sent.items.keys().map(String::as_str).collect();
    for (id, zh, en) in answer.contradictions(&codes, one.task.issued_on, by.at.date_naive()) {
        let at = feedback_columns().iter().position(|column| column.id == id);
        let (header, value) = at.map_or_else(Default::default, |at| {
            (feedback_columns()[at].zh.to_owned(), row.feedback[at].text())
        });
        problems.push(Problem { column: header, value, zh, en, ..Problem::default() });
    }
    if problems.is_empty() { Ok(answer) } else { Err(problems) }
}

/// The locked cells of a suspicion's row that were changed, by what stands in the task now.
fn changed_item(one: &Stored, item: &TaskItem, returned: &ReturnedItem) -> Vec<Problem> {
    let cells = evidence::cells(&one.task, item);
    let headers: Vec<&str> = evidence::headers().collect();
    let told: Vec<Problem> = returned
        .changed(&cells)
        .into_iter()
        .map(|at| locked(Some(returned.row), headers[at], &shown(&cells[at]), &returned.locked[at].text()))
        .collect();
    if !told.is_empty() {
        return told;
    }
    // The task has changed since it was sent, and now says what the row was changed to.
    vec![Problem {
        item_row: Some(returned.row),
        value: item.indicator.clone(),
        zh: "原始表与汇总表数据不一致：本行的锁定列被改动；请用重新导出的工作簿反馈".to_owned(),
        en: "locked cells of this row were changed; answer in a workbook that is exported again".to_owned(),
        ..Problem::default()
    }]
}

fn read_conclusion(
    indicator: &str,
    returned: &ReturnedItem,
    answer: &mut Answer,
    problems: &mut Vec<Problem>,
) {
    if returned.conclusion.is_blank() {
        return;
    }
    let said = returned.conclusion.text();
    if ITEM_CONCLUSIONS.contains(&said.as_str()) {
        answer.items.insert(indicator.to_owned(), said);
        return;
    }
    let words = ITEM_CONCLUSIONS;
    problems.push(Problem {
        item_row: Some(returned.row),
        column: ITEM_CONCLUSION.to_owned(),
        value: said,
        zh: format!("请填写下列之一：{}", words.join("、")),
        en: format!("write one of: {}", words.join(", ")),
    });
}

/// What an answer asks for, given where the task stands, what was answered before and which suspicions it could see.
fn decide(
    (one, held): (&Stored, Option<&Held>),
    answer: Answer,
    seen: &BTreeSet<String>,
    by: &By,
) -> std::result::Result<Step, Vec<Problem>> {
    let codes: Vec<&str> = seen.iter().map(String::as_str).collect();
    // What joined since the row was sent has not been looked at, and is not to be buried under an answer to the rest.
    let joined = one.items.iter().any(|item| !seen.contains(&item.indicator));
    let since = held.map(|held| held.since(one)).unwrap_or_default();
    let whole = answer.missing(&codes, &since, one.task.due_on).is_empty() && !joined;
    let agreed = answer.text("review_opinion").is_some_and(|opinion| opinion.starts_with("同意"));
    // Nobody vouches for the review of an answer of one's own.
    let other = answer.text("handler").is_none_or(|handler| !same_person(handler, &by.who));
    let review = agreed && answer.text("reviewer").is_some() && other;
    if answer.is_empty() {
        return Ok(Step::Blank);
    }
    match one.state {
        State::Dispatched | State::InProgress => {
            // What was sent back must be mended: the same once more is no answer.
            let same = held.is_some_and(|held| {
                held.answer.without_review() == answer.without_review() && (held.returned || !whole)
            });
            Ok(match (same, whole) {
                (true, _) => Step::Unchanged,
                (false, true) => Step::Answer { answer, review },
                (false, false) => Step::Draft(answer),
            })
        }
        State::Answered | State::Reviewed => {
            let Some(held) = held else { return Ok(Step::Unchanged) };
            let review = review && one.state == State::Answered;
            let same = held.answer.without_review() == answer.without_review();
            if same && !review {
                return Ok(Step::Unchanged);
            }
            if same {
                return Ok(Step::Review(answer));
            }
            if held.answer.is_supplemented_by(&answer) {
                return Ok(Step::Supplement { answer, review });
            }
            let (who, at) = (held.answer.text("handler").unwrap_or(&held.by), &held.at);
            Err(problem(
                format!("该任务已由{who}反馈（{at}），内容与本行不同，本行未采用；如需更正，请先由上级退回"),
                format!(
                    "{who} answered this task at {at}, otherwise than this row; to change an answer it must be returned first"
                ),
            ))
        }
        State::Closed if held.is_some_and(|held| held.answer == answer) => Ok(Step::Unchanged),
        State::Created | State::Closed | State::Recalled => {
            let zh = one.state.zh();
            Err(problem(
                format!("任务{zh}，不再接受反馈"),
                format!("the task is {} and takes no answer", one.state.word()),
            ))
        }
    }
}
