//! Tasks in the ledger: how they are written and read. Columns hold what is asked for or changes; `content` holds what an
//! officer reads, as it stood when the task was opened.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;

use super::error::{LedgerError, Result};
use super::filter::Filter;
use super::rows::{Value, all, count, insert, int, places, run, text, word};
use super::state::{Action, State};
use super::{By, Ledger, Tx};
use crate::{Task, TaskItem, Tasks};

/// Why a task exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Indicators hit.
    Risk,
    /// Drawn at random, without a hit.
    Sample,
    /// Another office asks (协查).
    Assistance,
    /// A policy found a benefit that is claimed and not due, or due and not claimed.
    Benefit,
}

impl Kind {
    /// The word that is stored and shown.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Risk => "risk",
            Self::Sample => "sample",
            Self::Assistance => "assistance",
            Self::Benefit => "benefit",
        }
    }

    /// The kind of a stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Risk, Self::Sample, Self::Assistance, Self::Benefit]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

/// A task of the ledger.
#[derive(Debug, Clone)]
pub struct Stored {
    /// What an officer reads; office, days, grade, score and amount as they are now.
    pub task: Task,
    /// Its suspicions, most points first; none of a task drawn at random.
    pub items: Vec<TaskItem>,
    /// What was found of each suspicion, by indicator; only those somebody answered.
    pub conclusions: BTreeMap<String, String>,
    /// Why it exists.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// Counts changes; who changes states the number seen.
    pub revision: i64,
    /// Office that asked, of a request for assistance.
    pub from_office: Option<String>,
    /// Officer it was drawn for.
    pub officer: Option<String>,
    /// Whether the last plan takes it; none before a plan.
    pub planned: Option<bool>,
    /// Why the plan leaves it out.
    pub plan_reason: Option<String>,
    /// Whether its taxpayer was drawn at random.
    pub sampled: bool,
    /// When it was opened.
    pub opened_at: String,
    /// When it ended.
    pub closed_at: Option<String>,
}

impl Stored {
    /// Whether it is sent whatever an office can take: a draw that is not visited is no random one, and another office waits
    /// for its answer.
    pub(super) fn is_must(&self) -> bool {
        self.sampled || self.kind == Kind::Assistance
    }
}

impl FromIterator<Stored> for Tasks {
    fn from_iter<I: IntoIterator<Item = Stored>>(stored: I) -> Self {
        let mut list = Self { tasks: Vec::new(), items: Vec::new() };
        for one in stored {
            list.items.extend(one.items);
            list.tasks.push(one.task);
        }
        list
    }
}

/// One change of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: String,
    /// By whom.
    pub who: String,
    /// What was done: a word of [`Action`], or `open`.
    pub action: String,
    /// State before; none at the opening.
    pub from: Option<String>,
    /// State after.
    pub to: String,
    /// What was said about it.
    pub note: Option<String>,
}

impl Event {
    /// What was done, in Chinese.
    #[must_use]
    pub fn action_zh(&self) -> &str {
        match Action::parse(&self.action) {
            Some(action) => action.zh(),
            None if self.action == "open" => "建立",
            None => &self.action,
        }
    }
}

const TASK_COLUMNS: &str = "task_no, kind, row_key, revision, state, taxpayer_key, taxpayer_id, taxpayer_name, \
    industry_code, office_code, from_office, officer, as_of, grade, score, amount, batch, planned, plan_reason, sampled, \
    issued_on, due_on, due_days, content, opened_at, closed_at";
const ITEM_COLUMNS: &str =
    "task_no, indicator, version, family, as_of, amount, points, joined_at, conclusion, content";

/// Fen that fit a column; legal amounts are far smaller.
pub(super) fn fen(amount: i128, task_no: &str) -> Result<i64> {
    i64::try_from(amount).map_err(|_| LedgerError::Stored {
        task_no: task_no.to_owned(),
        problem: format!("an amount of {amount} fen is beyond what a ledger holds"),
    })
}

fn content<T: Serialize>(value: &T, task_no: &str) -> Result<String> {
    serde_json::to_string(value).map_err(|error| stored(task_no, &error.to_string()))
}

pub(super) fn stored(task_no: &str, problem: &str) -> LedgerError {
    LedgerError::Stored { task_no: task_no.to_owned(), problem: problem.to_owned() }
}

fn task_row(one: &Stored) -> Result<Vec<Value>> {
    let task = &one.task;
    let no = &task.task_no;
    let sent = one.state != State::Created;
    Ok(vec![
        no.as_str().into(),
        one.kind.word().into(),
        task.row_key.as_str().into(),
        one.revision.into(),
        one.state.word().into(),
        task.taxpayer_key.into(),
        task.taxpayer_id.as_str().into(),
        (&task.taxpayer_name).into(),
        (&task.industry_code).into(),
        (&task.office_code).into(),
        (&one.from_office).into(),
        (&one.officer).into(),
        task.as_of.into(),
        task.grade.as_str().into(),
        fen(task.score, no)?.into(),
        task.amount.map(|amount| fen(amount, no)).transpose()?.into(),
        task.batch.as_str().into(),
        one.planned.map(i64::from).into(),
        (&one.plan_reason).into(),
        one.sampled.into(),
        sent.then(|| crate::date_text(task.issued_on)).into(),
        sent.then(|| crate::date_text(task.due_on)).into(),
        task.due_days.into(),
        content(task, no)?.into(),
        one.opened_at.as_str().into(),
        (&one.closed_at).into(),
    ])
}

fn item_row(one: &Stored, item: &TaskItem, joined_at: &str) -> Result<Vec<Value>> {
    let no = &one.task.task_no;
    Ok(vec![
        no.as_str().into(),
        item.indicator.as_str().into(),
        item.version.into(),
        item.family.as_str().into(),
        item.as_of.into(),
        item.amount.map(|amount| fen(amount, no)).transpose()?.into(),
        fen(item.points, no)?.into(),
        joined_at.into(),
        one.conclusions.get(&item.indicator).cloned().into(),
        content(item, no)?.into(),
    ])
}

/// Adds new tasks with their suspicions and the event of their opening.
pub(super) async fn add(tx: &mut Tx, tasks: &[Stored], by: &By, note: &str) -> Result<()> {
    let moment = by.moment();
    let rows = tasks.iter().map(task_row).collect::<Result<_>>()?;
    insert(tx, "task", TASK_COLUMNS, rows).await?;
    let items = tasks.iter().flat_map(|one| one.items.iter().map(|item| item_row(one, item, &moment)));
    insert(tx, "task_item", ITEM_COLUMNS, items.collect::<Result<_>>()?).await?;
    let events = tasks.iter().map(|one| {
        vec![
            one.task.task_no.as_str().into(),
            1_i64.into(),
            moment.as_str().into(),
            by.who.as_str().into(),
            "open".into(),
            Value::Text(None),
            one.state.word().into(),
            note.into(),
        ]
    });
    insert(tx, "event", EVENT_COLUMNS, events.collect()).await
}

const EVENT_COLUMNS: &str = "task_no, event_no, at, who, action, state_from, state_to, note";

/// Writes a changed task over the one read before, and says what was done to it.
///
/// # Errors
/// [`LedgerError::Conflict`] when somebody changed it since it was read; [`LedgerError::Refused`] when its state does not
/// allow the action.
pub(super) async fn change(
    tx: &mut Tx,
    one: &mut Stored,
    action: Action,
    by: &By,
    note: Option<&str>,
) -> Result<()> {
    let from = one.state;
    one.state = after(one, action)?;
    if one.state.is_ended() {
        one.closed_at = Some(by.moment());
    }
    let seen = one.revision;
    one.revision += 1;
    let mut values = task_row(one)?;
    let sets: Vec<String> = TASK_COLUMNS
        .split(", ")
        .enumerate()
        .map(|(at, name)| format!("{} = ${}", name.trim(), at + 1))
        .collect();
    let key = values.len();
    let sql = format!(
        "UPDATE task SET {} WHERE task_no = ${} AND revision = ${}",
        sets.join(", "),
        key + 1,
        key + 2
    );
    values.push(one.task.task_no.as_str().into());
    values.push(seen.into());
    if run(tx, "change a task", &sql, values).await? == 0 {
        return Err(conflict(tx, &one.task.task_no).await?);
    }
    let event = vec![
        one.task.task_no.as_str().into(),
        // Counts like revisions: the opening is 1, and each change one more.
        (one.revision).into(),
        by.moment().into(),
        by.who.as_str().into(),
        action.word().into(),
        from.word().into(),
        one.state.word().into(),
        note.map(str::to_owned).into(),
    ];
    insert(tx, "event", EVENT_COLUMNS, vec![event]).await
}

/// Notes that a task's taxpayer was drawn at random, and for whom. Its state stays, and whoever has it in hand is not in
/// conflict.
pub(super) async fn mark_drawn(tx: &mut Tx, one: &Stored) -> Result<()> {
    let no = one.task.task_no.as_str();
    let sql = "UPDATE task SET sampled = 1, officer = $1, content = $2 WHERE task_no = $3";
    let values = vec![(&one.officer).into(), content(&one.task, no)?.into(), no.into()];
    run(tx, "mark a draw", sql, values).await.map(drop)
}

/// The state after an action.
///
/// # Errors
/// [`LedgerError::Refused`], saying what would be possible.
pub(super) fn after(one: &Stored, action: Action) -> Result<State> {
    one.state.after(action).ok_or_else(|| {
        let possible: Vec<&str> = Action::ALL
            .into_iter()
            .filter(|a| a.is_command() && one.state.after(*a).is_some())
            .map(Action::word)
            .collect();
        LedgerError::Refused {
            task_no: one.task.task_no.clone(),
            state: one.state,
            action,
            possible: if possible.is_empty() { "nothing".to_owned() } else { possible.join(", ") },
        }
    })
}

async fn conflict(tx: &mut Tx, task_no: &str) -> Result<LedgerError> {
    let sql = "SELECT who, at, action FROM event WHERE task_no = $1 ORDER BY event_no DESC LIMIT 1";
    let rows = all(tx, "read the last change", sql, vec![task_no.into()]).await?;
    Ok(match rows.first() {
        Some(row) => LedgerError::Conflict {
            task_no: task_no.to_owned(),
            who: word(row, 0)?,
            at: word(row, 1)?,
            action: word(row, 2)?,
        },
        None => LedgerError::input(format!("no task {task_no}")),
    })
}

/// Replaces the suspicions of a task.
pub(super) async fn put_items(tx: &mut Tx, one: &Stored, by: &By) -> Result<()> {
    let no = one.task.task_no.as_str();
    let sql = "SELECT indicator, joined_at FROM task_item WHERE task_no = $1";
    let mut joined = BTreeMap::new();
    for row in all(tx, "read suspicions", sql, vec![no.into()]).await? {
        joined.insert(word(&row, 0)?, word(&row, 1)?);
    }
    run(tx, "replace suspicions", "DELETE FROM task_item WHERE task_no = $1", vec![no.into()]).await?;
    let moment = by.moment();
    let rows = one.items.iter().map(|item| {
        let since = joined.get(&item.indicator).unwrap_or(&moment);
        item_row(one, item, since)
    });
    insert(tx, "task_item", ITEM_COLUMNS, rows.collect::<Result<_>>()?).await
}

fn read_task(row: &AnyRow) -> Result<Stored> {
    let no = word(row, 0)?;
    let mut task: Task =
        serde_json::from_str(&word(row, 23)?).map_err(|error| stored(&no, &error.to_string()))?;
    let kind = Kind::parse(&word(row, 1)?).ok_or_else(|| stored(&no, "its kind is unknown"))?;
    let state = State::parse(&word(row, 4)?).ok_or_else(|| stored(&no, "its state is unknown"))?;
    task.status = state.word().to_owned();
    Ok(Stored {
        items: Vec::new(),
        conclusions: BTreeMap::new(),
        kind,
        state,
        revision: count(row, 3)?,
        from_office: text(row, 10)?,
        officer: text(row, 11)?,
        planned: int(row, 17)?.map(|yes| yes != 0),
        plan_reason: text(row, 18)?,
        sampled: count(row, 19)? != 0,
        opened_at: word(row, 24)?,
        closed_at: text(row, 25)?,
        task,
    })
}

/// Tasks that fit a filter, without their suspicions: most urgent first.
pub(super) async fn read(tx: &mut Tx, filter: &Filter) -> Result<Vec<Stored>> {
    let (wanted, values) = filter.terms();
    let sql = format!(
        "SELECT {TASK_COLUMNS} FROM task WHERE {wanted} ORDER BY score DESC, CASE WHEN amount IS NULL THEN 1 ELSE 0 END, amount DESC, task_no"
    );
    let mut found = Vec::new();
    for row in all(tx, "read tasks", &sql, values).await? {
        let one = read_task(&row)?;
        let seen = filter.scope.holds(one.task.office_code.as_deref())
            || one.from_office.as_deref().is_some_and(|office| filter.scope.holds(Some(office)));
        if seen {
            found.push(one);
        }
    }
    Ok(found)
}

/// Tasks by a key, in the order of the keys' numbers; those there are none of are left out.
pub(super) async fn read_by(tx: &mut Tx, column: &'static str, keys: &[String]) -> Result<Vec<Stored>> {
    let mut found = Vec::new();
    for chunk in keys.chunks(1000) {
        // In one order whoever asks, so that two writers never hold what the other wants.
        let sql = format!(
            "SELECT {TASK_COLUMNS} FROM task WHERE {column} IN ({}) ORDER BY task_no",
            places(chunk.len())
        );
        for row in all(tx, "read tasks", &sql, chunk.iter().map(|key| key.as_str().into()).collect()).await? {
            found.push(read_task(&row)?);
        }
    }
    Ok(found)
}

/// Reads the suspicions of tasks into them.
pub(super) async fn read_items(tx: &mut Tx, tasks: &mut [Stored]) -> Result<()> {
    let places_of: BTreeMap<String, usize> =
        tasks.iter().enumerate().map(|(at, one)| (one.task.task_no.clone(), at)).collect();
    let numbers: Vec<&String> = places_of.keys().collect();
    for chunk in numbers.chunks(1000) {
        let sql = format!(
            "SELECT task_no, indicator, conclusion, content FROM task_item WHERE task_no IN ({}) \
             ORDER BY task_no, points DESC, CASE WHEN amount IS NULL THEN 1 ELSE 0 END, amount DESC, indicator",
            places(chunk.len())
        );
        let values = chunk.iter().map(|no| no.as_str().into()).collect();
        for row in all(tx, "read suspicions", &sql, values).await? {
            let no = word(&row, 0)?;
            let mut item: TaskItem =
                serde_json::from_str(&word(&row, 3)?).map_err(|error| stored(&no, &error.to_string()))?;
            let Some(one) = places_of.get(&no).map(|at| &mut tasks[*at]) else { continue };
            item.task_no = no;
            item.row_key.clone_from(&one.task.row_key);
            item.item_no = i32::try_from(one.items.len() + 1).unwrap_or(i32::MAX);
            if let Some(conclusion) = text(&row, 2)? {
                one.conclusions.insert(word(&row, 1)?, conclusion);
            }
            one.items.push(item);
        }
    }
    Ok(())
}

impl Ledger {
    /// Tasks with their suspicions, most urgent first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn tasks(&self, filter: &Filter) -> Result<Vec<Stored>> {
        let mut tx = self.look().await?;
        let mut found = read(&mut tx, filter).await?;
        read_items(&mut tx, &mut found).await?;
        Ok(found)
    }

    /// The tasks of a taxpayer or of a number, without their suspicions.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Stored>> {
        let mut tx = self.look().await?;
        read(&mut tx, filter).await
    }

    /// Everything that was done to a task, oldest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn history(&self, task_no: &str) -> Result<Vec<Event>> {
        let mut tx = self.look().await?;
        let sql = "SELECT at, who, action, state_from, state_to, note FROM event WHERE task_no = $1 ORDER BY event_no";
        let mut events = Vec::new();
        for row in all(&mut tx, "read a history", sql, vec![task_no.into()]).await? {
            events.push(Event {
                at: word(&row, 0)?,
                who: word(&row, 1)?,
                action: word(&row, 2)?,
                from: text(&row, 3)?,
                to: word(&row, 4)?,
                note: text(&row, 5)?,
            });
        }
        Ok(events)
    }
}
