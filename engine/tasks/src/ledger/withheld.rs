//! What a scan brought that became no task, and why; which scans were taken in.

use std::collections::HashSet;

use super::error::Result;
use super::intake::{Intake, Opened};
use super::rows::{Value, all, count, insert, number, run, word};
use super::{By, Ledger, Tx};

/// Why a hit became no task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The taxpayer, or the family, is on the exemption list.
    Exempt,
    /// A task dealt with the same family lately.
    CoolDown,
    /// An audit of the taxpayer is open.
    AuditOpen,
    /// A good rating and nothing serious.
    Undisturbed,
    /// The taxpayer's last task is answered and not closed yet.
    InReview,
    /// What remains has too few points for a grade.
    BelowLine,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Exempt, Self::CoolDown, Self::AuditOpen, Self::Undisturbed, Self::InReview, Self::BelowLine];

    /// The word that is stored and shown.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Exempt => "exempt",
            Self::CoolDown => "cool_down",
            Self::AuditOpen => "audit_open",
            Self::Undisturbed => "undisturbed",
            Self::InReview => "in_review",
            Self::BelowLine => "below_line",
        }
    }

    /// The same in Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Exempt => "在免打扰名单内",
            Self::CoolDown => "同类疑点冷却期内",
            Self::AuditOpen => "已立案检查",
            Self::Undisturbed => "信用良好且无重大疑点，不打扰",
            Self::InReview => "上一任务待复核",
            Self::BelowLine => "剔除后积分不足",
        }
    }
}

/// A hit that became no task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    /// Whose.
    pub taxpayer_id: String,
    /// Which indicator.
    pub indicator: String,
    /// Why.
    pub reason: Reason,
    /// The exemption, case or task behind the reason.
    pub detail: String,
}

/// Taxpayers and indicators a scan that was taken in before withheld; none: it is a new one.
pub(super) async fn withheld_before(tx: &mut Tx, run: &str) -> Result<Option<HashSet<(String, String)>>> {
    let sql = "SELECT count(*) FROM intake WHERE run = $1";
    if number(tx, "look for the scan", sql, vec![run.into()]).await? == 0 {
        return Ok(None);
    }
    let sql = "SELECT taxpayer_id, indicator FROM withheld WHERE run = $1";
    let rows = all(tx, "read what was withheld", sql, vec![run.into()]).await?;
    rows.iter().map(|row| Ok((word(row, 0)?, word(row, 1)?))).collect::<Result<_>>().map(Some)
}

/// Notes what became of a scan, in place of what was noted of it before.
pub(super) async fn note(
    tx: &mut Tx,
    intake: &Intake<'_>,
    opened: &Opened,
    withheld: &[Withheld],
    by: &By,
) -> Result<()> {
    let size = |n: usize| -> Value { i64::try_from(n).unwrap_or(i64::MAX).into() };
    if opened.known {
        let sql =
            "UPDATE intake SET opened = opened + $1, joined = joined + $2, withheld = $3 WHERE run = $4";
        let values = vec![size(opened.opened), size(opened.joined), size(withheld.len()), intake.run.into()];
        run(tx, "count what was taken in", sql, values).await?;
        run(tx, "forget what was withheld", "DELETE FROM withheld WHERE run = $1", vec![intake.run.into()])
            .await?;
    } else {
        let row = vec![
            intake.run.into(),
            intake.as_of.into(),
            by.who.as_str().into(),
            by.moment().into(),
            size(opened.opened),
            size(opened.joined),
            size(withheld.len()),
        ];
        insert(tx, "intake", "run, as_of, who, at, opened, joined, withheld", vec![row]).await?;
    }
    let rows = withheld.iter().map(|one| {
        vec![
            intake.run.into(),
            one.taxpayer_id.as_str().into(),
            one.indicator.as_str().into(),
            intake.as_of.into(),
            one.reason.word().into(),
            one.detail.as_str().into(),
        ]
    });
    let columns = "run, taxpayer_id, indicator, as_of, reason, detail";
    insert(tx, "withheld", columns, rows.collect()).await
}

impl Ledger {
    /// The last month of a scan that was taken in; none where none was.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn taken_in(&self) -> Result<Option<i32>> {
        let mut tx = self.look().await?;
        let last = number(
            &mut tx,
            "read the last scan taken in",
            "SELECT coalesce(max(as_of), 0) FROM intake",
            vec![],
        )
        .await?;
        Ok(i32::try_from(last).ok().filter(|month| *month > 0))
    }

    /// Hits of a month that became no task, with the reason.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn withheld(&self, as_of: Option<i32>) -> Result<Vec<Withheld>> {
        let mut tx = self.look().await?;
        let sql = "SELECT taxpayer_id, indicator, reason, detail, as_of FROM withheld ORDER BY run, taxpayer_id, indicator";
        let mut found = Vec::new();
        for row in all(&mut tx, "read what was withheld", sql, vec![]).await? {
            let reason = word(&row, 2)?;
            let reason = Reason::ALL.into_iter().find(|one| one.word() == reason);
            let asked = as_of.is_none_or(|month| count(&row, 4).is_ok_and(|at| at == i64::from(month)));
            if let Some(reason) = reason.filter(|_| asked) {
                let (taxpayer_id, indicator) = (word(&row, 0)?, word(&row, 1)?);
                found.push(Withheld { taxpayer_id, indicator, reason, detail: word(&row, 3)? });
            }
        }
        Ok(found)
    }
}
