//! Answers as the ledger holds them: writing and reading their rows. What an answer must say is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::{Answer, EXCLUDED, Given, PARTLY, TRUE};
use super::error::Result;
use super::rows::{Value, all, count, insert, int, places, run, text, word};
use super::store::Stored;
use super::{By, Ledger, Tx};
use crate::feedback::{FeedbackKind, feedback_columns};

/// An answer the ledger holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    pub(super) answer: Answer,
    pub(super) complete: bool,
    /// Sent back to be mended.
    pub(super) returned: bool,
    /// Suspicions that whoever answered saw.
    pub(super) seen: BTreeSet<String>,
    pub(super) by: String,
    pub(super) at: String,
}
const ANSWER_COLUMNS: &str = "conclusion, exclusion_reason, explanation, handling, tax_recovered, late_fee, fine, \
    credit_reduced, loss_reduced, paid_on, handler, completed_on, reviewer, review_opinion, delay_reason";

/// Writes an answer over the one before; of a whole one also what it says of each suspicion that was seen.
pub(super) async fn put_answer(
    tx: &mut Tx,
    (one, seen): (&Stored, &BTreeSet<String>),
    (answer, whole): (&Answer, bool),
    file: &str,
    by: &By,
) -> Result<()> {
    let no = one.task.task_no.as_str();
    run(tx, "replace an answer", "DELETE FROM answer WHERE task_no = $1", vec![no.into()]).await?;
    let items: Vec<String> = answer.items.iter().map(|(code, said)| format!("{code}={said}")).collect();
    let mut row: Vec<Value> = vec![no.into(), whole.into()];
    row.extend(feedback_columns().iter().map(|column| match (answer.values.get(column.id), column.kind) {
        (Some(Given::Text(text)), _) => text.as_str().into(),
        (Some(Given::Money(fen)), _) => (*fen).into(),
        (Some(Given::Day(day)), _) => crate::date_text(*day).into(),
        (None, FeedbackKind::Money) => Value::Int(None),
        (None, _) => Value::Text(None),
    }));
    let saw: Vec<&str> = seen.iter().map(String::as_str).collect();
    row.extend([items.join("\n").into(), by.who.as_str().into(), by.moment().into(), file.into()]);
    row.push(saw.join("\n").into());
    let columns = format!("task_no, complete, {ANSWER_COLUMNS}, items, answered_by, answered_at, file, seen");
    insert(tx, "answer", &columns, vec![row]).await?;
    if whole {
        for item in one.items.iter().filter(|item| seen.contains(&item.indicator)) {
            let said = conclusion_of(answer, &item.indicator);
            let sql = "UPDATE task_item SET conclusion = $1 WHERE task_no = $2 AND indicator = $3";
            let values = vec![said.map(str::to_owned).into(), no.into(), item.indicator.as_str().into()];
            run(tx, "note a conclusion", sql, values).await?;
        }
    }
    Ok(())
}

/// What an answer says of one suspicion: what stands beside it, else what the whole task came to.
fn conclusion_of<'a>(answer: &'a Answer, indicator: &str) -> Option<&'a str> {
    match (answer.items.get(indicator), answer.conclusion()) {
        (Some(said), _) => Some(said),
        (None, Some(TRUE | PARTLY)) => Some(TRUE),
        (None, Some(EXCLUDED)) => Some(EXCLUDED),
        (None, _) => None,
    }
}

/// The answers the ledger holds to tasks.
pub(super) async fn stored_answers(tx: &mut Tx, task_nos: &[String]) -> Result<BTreeMap<String, Held>> {
    let mut found = BTreeMap::new();
    for chunk in task_nos.chunks(1000) {
        let sql = format!(
            "SELECT task_no, complete, answered_by, answered_at, items, {ANSWER_COLUMNS}, seen FROM answer WHERE task_no IN ({})",
            places(chunk.len())
        );
        let values = chunk.iter().map(|no| no.as_str().into()).collect();
        for row in all(tx, "read answers", &sql, values).await? {
            let mut answer = Answer::default();
            for (at, column) in feedback_columns().iter().enumerate() {
                let given = match column.kind {
                    FeedbackKind::Money => int(&row, at + 5)?.map(Given::Money),
                    FeedbackKind::List(_) | FeedbackKind::Text(_) => text(&row, at + 5)?.map(Given::Text),
                    FeedbackKind::Date | FeedbackKind::DateSinceIssue => text(&row, at + 5)?
                        .and_then(|day| day.parse().ok())
                        .map(|day| Given::Day(crate::days(day))),
                };
                if let Some(given) = given {
                    answer.values.insert(column.id, given);
                }
            }
            let items = word(&row, 4)?;
            let pairs = items.lines().filter_map(|line| line.split_once('='));
            answer.items = pairs.map(|(code, said)| (code.to_owned(), said.to_owned())).collect();
            let stands = count(&row, 1)?;
            let (complete, returned) = (stands == 1, stands == 2);
            let (by, at) = (word(&row, 2)?, word(&row, 3)?);
            let saw = text(&row, 5 + feedback_columns().len())?.unwrap_or_default();
            let seen = saw.lines().map(str::to_owned).collect();
            found.insert(word(&row, 0)?, Held { answer, complete, returned, seen, by, at });
        }
    }
    Ok(found)
}

impl Held {
    /// Suspicions of a task that joined after it was answered, in part or before the answer was sent back.
    pub(super) fn since<'a>(&self, one: &'a Stored) -> Vec<&'a str> {
        // Nothing is known of what was seen where an older build noted the answer, or only money and days were filled in.
        if self.seen.is_empty() || self.answer.conclusion().is_none() {
            return Vec::new();
        }
        let codes = one.items.iter().map(|item| item.indicator.as_str());
        codes.filter(|code| !self.seen.contains(*code)).collect()
    }
}

impl Ledger {
    /// What an office said of a task, and whether nothing is missing; none when it said nothing yet.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn answer(&self, task_no: &str) -> Result<Option<(Answer, bool)>> {
        let mut tx = self.look().await?;
        let mut found = stored_answers(&mut tx, &[task_no.to_owned()]).await?;
        Ok(found.remove(task_no).map(|held| (held.answer, held.complete)))
    }
}
