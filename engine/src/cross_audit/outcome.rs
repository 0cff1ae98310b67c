//! What outcomes are called, and which of them ask the seller's office.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::{EngineError, Result};

const TEXT: &str = include_str!("outcomes.toml");

/// An outcome of the cross-audit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Code as stored.
    pub code: String,
    /// Official name.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// Whether the seller's office is asked.
    pub ask: bool,
    pub(super) check: Option<Words>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    pub(super) zh: String,
    pub(super) en: String,
}

/// How requests are made.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestRule {
    pub(super) task_type: String,
    pub(super) days_office: i32,
    pub(super) days_customs: i32,
    /// What customs are to look at, whatever the outcome.
    check_customs: Words,
}

/// All outcomes, in the order in which they are decided.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcomes {
    pub(super) request: RequestRule,
    outcome: Vec<Outcome>,
}

impl Outcomes {
    /// Those that come with Assay.
    ///
    /// # Errors
    /// Never, but for a bug.
    pub fn built_in() -> Result<&'static Self> {
        static READ: OnceLock<std::result::Result<Outcomes, String>> = OnceLock::new();
        let read = READ.get_or_init(|| toml::from_str(TEXT).map_err(|e| e.to_string()));
        read.as_ref().map_err(|e| EngineError::internal(format!("outcomes.toml: {e}")))
    }

    /// All, in order.
    pub fn all(&self) -> &[Outcome] {
        &self.outcome
    }

    /// What the addressee of a request is to look at.
    pub(super) fn check<'a>(&'a self, outcome: &'a Outcome, addressee: &str) -> Option<&'a Words> {
        let asked = outcome.check.as_ref()?;
        Some(if addressee == "customs" { &self.request.check_customs } else { asked })
    }

    /// An outcome by its code.
    pub fn get(&self, code: &str) -> Option<&Outcome> {
        self.outcome.iter().find(|outcome| outcome.code == code)
    }
}
