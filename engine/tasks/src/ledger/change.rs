//! The rest of a task's life: taking up, more time, another office, taking back, reviewing and closing. Sending and
//! answering are done elsewhere.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};

use super::answer::same_person;
use super::error::{LedgerError, Result};
use super::held::stored_answers;
use super::offices::Scope;
use super::rows::{all, run, word};
use super::state::Action;
use super::store::{Stored, after, change, read_by};
use super::{By, Ledger, Tx, commit, patiently};
use crate::office::Tree;

/// Days from today beyond which nobody gives more time at once.
const EXTENDED_AT_MOST: u64 = 366;

/// What is to be done to a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Take it up.
    Start,
    /// Give more time.
    Extend {
        /// The new last day.
        until: NaiveDate,
        /// Why.
        why: String,
    },
    /// Hand it to another office.
    Transfer {
        /// The office.
        to: String,
        /// Why.
        why: String,
    },
    /// Take it back.
    Recall {
        /// Why.
        why: String,
    },
    /// Send the answer back to be mended.
    Return {
        /// Why.
        why: String,
    },
    /// Confirm the answer.
    Review {
        /// What the reviewer says.
        opinion: Option<String>,
    },
    /// End it.
    Close,
}

impl Change {
    fn action(&self) -> Action {
        match self {
            Self::Start => Action::Start,
            Self::Extend { .. } => Action::Extend,
            Self::Transfer { .. } => Action::Transfer,
            Self::Recall { .. } => Action::Recall,
            Self::Return { .. } => Action::Return,
            Self::Review { .. } => Action::Review,
            Self::Close => Action::Close,
        }
    }
}

impl Ledger {
    /// Tasks whose answer somebody handled, who cannot review them.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn handled_by(&self, who: &str) -> Result<BTreeSet<String>> {
        let mut tx = self.look().await?;
        let sql = "SELECT task_no, handler FROM answer WHERE handler IS NOT NULL";
        let mut own = BTreeSet::new();
        for row in all(&mut tx, "read who handled what", sql, vec![]).await? {
            if same_person(&word(&row, 1)?, who) {
                own.insert(word(&row, 0)?);
            }
        }
        Ok(own)
    }

    /// Changes tasks, all or none of them. Of a scope, only its own tasks.
    ///
    /// # Errors
    /// An unknown task, one outside the scope, a state that does not allow the change, a reason that is missing, a day that
    /// is not later, an unknown office, a reviewer who handled the task.
    pub async fn change(
        &self,
        task_nos: &[String],
        what: &Change,
        scope: &Scope,
        by: &By,
    ) -> Result<Vec<Stored>> {
        patiently(async || self.change_once(task_nos, what, scope, by).await).await
    }

    async fn change_once(
        &self,
        task_nos: &[String],
        what: &Change,
        scope: &Scope,
        by: &By,
    ) -> Result<Vec<Stored>> {
        let mut tx = self.begin().await?;
        let mut tasks = read_by(&mut tx, "task_no", task_nos).await?;
        for no in task_nos {
            let found = tasks.iter().find(|one| &one.task.task_no == no);
            if !found.is_some_and(|one| scope.holds(one.task.office_code.as_deref())) {
                let seen = if *scope == Scope::All { "" } else { " of this office" };
                return Err(LedgerError::input(format!("no task {no}{seen}; open ones: assay tasks list")));
            }
        }
        for one in &mut tasks {
            let note = apply(&mut tx, one, what, by).await?;
            change(&mut tx, one, what.action(), by, note.as_deref()).await?;
        }
        commit(tx).await?;
        Ok(tasks)
    }
}

/// Does to a task what does not follow from its state; the note of the change.
async fn apply(tx: &mut Tx, one: &mut Stored, what: &Change, by: &By) -> Result<Option<String>> {
    // A state that does not allow it is the more useful thing to hear.
    after(one, what.action())?;
    let reason = |why: &str| match why.trim() {
        "" => Err(LedgerError::input("a reason is wanted: --why TEXT")),
        why => Ok(Some(why.to_owned())),
    };
    match what {
        Change::Start | Change::Close => Ok(None),
        Change::Recall { why } => reason(why),
        Change::Extend { until, why } => {
            let day = crate::days(*until);
            if *until > by.at.date_naive() + Days::new(EXTENDED_AT_MOST) {
                return Err(LedgerError::input(format!(
                    "{until} is more than {EXTENDED_AT_MOST} days away; give an earlier --until, and extend again if need be"
                )));
            }
            if day <= one.task.due_on {
                return Err(LedgerError::input(format!(
                    "task {} is due on {} anyway; give a later --until",
                    one.task.task_no,
                    crate::date_text(one.task.due_on)
                )));
            }
            let before = crate::date_text(one.task.due_on);
            one.task.due_on = day;
            Ok(reason(why)?.map(|why| format!("{before} → {until}: {why}")))
        }
        Change::Transfer { to, why } => {
            let note = reason(why)?;
            let before = one.task.office_code.clone().unwrap_or_else(|| "?".to_owned());
            route(tx, one, to).await?;
            Ok(note.map(|why| format!("{before} → {to}: {why}")))
        }
        Change::Return { why } => {
            // The answer stays as a draft: the office mends it, it does not begin anew.
            // Why stands where the list has it, and travels with the row.
            let note = reason(why)?;
            let sql = "UPDATE answer SET complete = 2, reviewer = $1, review_opinion = $2 WHERE task_no = $3";
            let opinion = format!("退回：{}", why.trim());
            let values = vec![by.who.as_str().into(), opinion.into(), one.task.task_no.as_str().into()];
            run(tx, "return an answer", sql, values).await?;
            Ok(note)
        }
        Change::Review { opinion } => {
            let answers = stored_answers(tx, std::slice::from_ref(&one.task.task_no)).await?;
            let handler = answers
                .get(&one.task.task_no)
                .and_then(|held| held.answer.text("handler").map(str::to_owned));
            if handler.is_some_and(|handler| same_person(&handler, &by.who)) {
                return Err(LedgerError::input(format!(
                    "{} handled task {} and cannot review it; another person must",
                    by.who, one.task.task_no
                )));
            }
            Ok(opinion.clone())
        }
    }
}

async fn route(tx: &mut Tx, one: &mut Stored, to: &str) -> Result<()> {
    let tree = Tree::read(tx).await?;
    tree.get(to)?;
    if one.task.office_code.as_deref() == Some(to) {
        return Err(LedgerError::input(format!("task {} is with {to} already", one.task.task_no)));
    }
    let route = tree.route(Some(to.to_owned()));
    one.task.office_code = route.office_code;
    one.task.office_name = route.office_name;
    one.task.county_name = route.county_name;
    one.task.office_path = route.path;
    Ok(())
}
