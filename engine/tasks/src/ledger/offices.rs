//! The office tree as the ledger keeps it, and which tasks an office may see.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{LedgerError, Result};
use super::rows::{all, insert, int, run, text, word};
use super::{Ledger, Tx, commit};
use crate::office::{OfficeRow, Tree};

/// The tasks somebody may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    All,
    /// Those of an office and of all below it.
    Of(BTreeSet<String>),
}

impl Scope {
    /// Whether a task of this office is within it. A task whose office nobody knows is within no office's.
    #[must_use]
    pub fn holds(&self, office_code: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Of(codes) => office_code.is_some_and(|code| codes.contains(code)),
        }
    }
}

impl Tree {
    /// The offices the ledger knows.
    pub(super) async fn read(tx: &mut Tx) -> Result<Self> {
        let sql = "SELECT office_code, name, level, parent_code, register_capacity FROM office";
        let mut offices = BTreeMap::new();
        for row in all(tx, "read the offices", sql, vec![]).await? {
            let office = OfficeRow {
                office_code: word(&row, 0)?,
                name: text(&row, 1)?,
                level: int(&row, 2)?,
                parent_code: text(&row, 3)?,
                capacity: int(&row, 4)?,
            };
            offices.insert(office.office_code.clone(), office);
        }
        Ok(Self(offices))
    }

    /// The office of a code; else an error that names those like it.
    pub(super) fn get(&self, code: &str) -> Result<&OfficeRow> {
        self.0.get(code).ok_or_else(|| {
            let like: Vec<String> = self
                .0
                .values()
                .filter(|o| {
                    let shared = o.office_code.bytes().zip(code.bytes()).take_while(|(a, b)| a == b).count();
                    shared >= 5 || o.name.as_deref().is_some_and(|name| name.contains(code))
                })
                .take(5)
                .map(|o| format!("{} {}", o.office_code, o.name.as_deref().unwrap_or_default()))
                .collect();
            let hint = match (like.is_empty(), self.0.is_empty()) {
                (false, _) => format!("; near it: {}", like.join(", ")),
                (true, false) => {
                    "; all of them: assay sql \"select office_code, name from office\"".to_owned()
                }
                (true, true) => "; the ledger knows no offices yet: assay tasks open brings them".to_owned(),
            };
            LedgerError::input(format!("no office {code}{hint}"))
        })
    }
}

/// Puts the register's offices into the ledger; offices that tasks stand with are kept.
pub(super) async fn renew(tx: &mut Tx, offices: &[OfficeRow]) -> Result<()> {
    let codes: BTreeSet<&str> = offices.iter().map(|o| o.office_code.as_str()).collect();
    for old in Tree::read(tx).await?.0.keys().filter(|code| codes.contains(code.as_str())) {
        run(tx, "renew an office", "DELETE FROM office WHERE office_code = $1", vec![old.as_str().into()])
            .await?;
    }
    let rows = offices.iter().map(|o| {
        vec![
            o.office_code.as_str().into(),
            (&o.name).into(),
            o.level.into(),
            (&o.parent_code).into(),
            o.capacity.into(),
        ]
    });
    insert(tx, "office", "office_code, name, level, parent_code, register_capacity", rows.collect()).await
}

impl Ledger {
    /// Puts the register's offices into the ledger.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn renew_offices(&self, offices: &[OfficeRow]) -> Result<()> {
        let mut tx = self.begin_in_turn().await?;
        renew(&mut tx, offices).await?;
        commit(tx).await
    }

    /// What an office may see: its own tasks and those of all offices below it. No office: everything.
    ///
    /// # Errors
    /// When the ledger knows no such office.
    pub async fn scope(&self, office_code: Option<&str>) -> Result<Scope> {
        let Some(code) = office_code else { return Ok(Scope::All) };
        let mut tx = self.look().await?;
        let tree = Tree::read(&mut tx).await?;
        tree.get(code)?;
        Ok(Scope::Of(tree.below(code)))
    }
}
