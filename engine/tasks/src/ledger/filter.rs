//! Which tasks to read.

use super::offices::Scope;
use super::rows::Value;
use super::state::State;
use super::store::Kind;

/// Which tasks to read; what is none does not restrict.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Only these offices' tasks.
    pub scope: Scope,
    /// Only these states.
    pub states: Option<Vec<State>>,
    /// Only this grade.
    pub grade: Option<String>,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only this taxpayer or task number.
    pub id: Option<String>,
}

impl Filter {
    /// Every task that has not ended.
    #[must_use]
    pub fn open() -> Self {
        let states = State::ALL.into_iter().filter(|state| !state.is_ended()).collect();
        Self { states: Some(states), ..Self::everything() }
    }

    /// Every task.
    #[must_use]
    pub fn everything() -> Self {
        Self { scope: Scope::All, states: None, grade: None, kind: None, id: None }
    }

    /// The condition on the row of a task, and its values; offices are not in it.
    pub(super) fn terms(&self) -> (String, Vec<Value>) {
        let mut values: Vec<Value> = Vec::new();
        let mut terms: Vec<String> = Vec::new();
        let mut term = |sql: &str, value: &str| {
            values.push(value.into());
            terms.push(sql.replace('?', &format!("${}", values.len())));
        };
        if let Some(grade) = &self.grade {
            term("grade = ?", grade);
        }
        if let Some(kind) = self.kind {
            term("kind = ?", kind.word());
        }
        if let Some(id) = &self.id {
            term("(task_no = ? OR taxpayer_id = ?)", id);
        }
        if let Some(states) = &self.states {
            // Words of this build, not of a user.
            let words: Vec<String> = states.iter().map(|state| format!("'{}'", state.word())).collect();
            terms
                .push(format!("state IN ({})", if words.is_empty() { "''".into() } else { words.join(",") }));
        }
        let wanted = if terms.is_empty() { "1 = 1".to_owned() } else { terms.join(" AND ") };
        (wanted, values)
    }
}
