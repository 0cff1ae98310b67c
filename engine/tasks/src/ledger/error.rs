//! What can go wrong with the ledger, each with what to do about it.

use super::state::{Action, State};

/// Why something could not be read from or written to the ledger. After any of them the ledger is as it was.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database cannot be reached.
    #[error("cannot open the ledger {place}: {source}; is the place right, and may this user write there?")]
    Open {
        /// The ledger, without a password.
        place: String,
        /// What the driver said.
        source: sqlx::Error,
    },
    /// The ledger was written by another build.
    #[error(
        "the ledger {place} cannot be brought to this build's form: {source}; a newer Assay may have written it"
    )]
    Migrate {
        /// The ledger, without a password.
        place: String,
        /// What the migration said.
        source: sqlx::migrate::MigrateError,
    },
    /// A statement failed.
    #[error("the ledger refused `{what}`: {source}")]
    Database {
        /// What was being done.
        what: &'static str,
        /// What the driver said.
        source: sqlx::Error,
    },
    /// A stored value is not what this build writes.
    #[error("task {task_no} in the ledger cannot be read: {problem}")]
    Stored {
        /// The task.
        task_no: String,
        /// What is wrong.
        problem: String,
    },
    /// The state does not allow the action.
    #[error("task {task_no} is {} ({}) and cannot be {}; possible now: {possible}", .state.word(), .state.zh(), .action.done())]
    Refused {
        /// The task.
        task_no: String,
        /// Its state.
        state: State,
        /// What was asked.
        action: Action,
        /// What the state allows.
        possible: String,
    },
    /// Somebody else changed the task in between.
    #[error("task {task_no} was changed by {who} at {at} ({action}) in the meantime; look at it again")]
    Conflict {
        /// The task.
        task_no: String,
        /// Who.
        who: String,
        /// When.
        at: String,
        /// What they did.
        action: String,
    },
    /// What was asked for cannot be done as it was asked.
    #[error("{0}")]
    Input(String),
    /// A list could not be made or read.
    #[error(transparent)]
    Task(#[from] crate::TaskError),
}

impl LedgerError {
    /// Wraps what the driver said.
    pub(super) fn on(what: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { what, source }
    }

    /// An error of usage.
    pub(super) fn input(text: impl Into<String>) -> Self {
        Self::Input(text.into())
    }

    /// Whether another transaction stood in the way, so that doing the same again may work.
    pub(super) fn is_passing(&self) -> bool {
        let Self::Database { source: sqlx::Error::Database(error), .. } = self else { return false };
        // Serialization failure and deadlock of PostgreSQL; busy and locked of SQLite, extended codes too.
        let code = error.code().unwrap_or_default().into_owned();
        ["40001", "40P01"].contains(&code.as_str())
            || code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6))
    }
}

/// What the ledger returns.
pub type Result<T> = std::result::Result<T, LedgerError>;
