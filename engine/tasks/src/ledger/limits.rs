//! What bounds the work: capacities of offices, officers for random draws, and exemptions.

use std::collections::{BTreeMap, HashMap};

use super::draw::officers;
use super::error::{LedgerError, Result};
use super::retell::retell;
use super::rows::{all, count, insert, int, number, run, text, word};
use super::rules::QUARTERS;
use super::store::{Kind, Stored};
use super::withheld::Reason;
use super::{By, Ledger, Tx, commit};
use crate::TaskItem;
use crate::office::{OfficeRow, Tree};

/// What an office can take a cycle, in quarters of a standard task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfficeLimit {
    /// The office.
    pub office_code: String,
    /// Itself.
    pub own: Option<i64>,
    /// It and all below it.
    pub whole: Option<i64>,
}

/// Somebody who is to be left alone for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    /// Its number.
    pub exemption_no: i64,
    /// Who is left alone.
    pub taxpayer_id: String,
    /// In which family of indicators; none: in all.
    pub family: Option<String>,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// First day.
    pub from_on: String,
    /// Last day.
    pub until_on: String,
    /// Who put it on the list.
    pub stated_by: Option<String>,
    /// Who ended it before its time.
    pub ended_by: Option<String>,
}

/// A task that is not sent, because its taxpayer is left alone by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftAlone {
    /// Its number.
    pub task_no: String,
    /// Its taxpayer.
    pub taxpayer_id: String,
    /// Why.
    pub reason: Reason,
    /// The exemption or the case behind the reason, in Chinese.
    pub detail: String,
}

/// What of a task is spared today.
pub(super) enum Spared {
    /// Nothing of it.
    Nothing,
    /// All of it: why, and the exemption or the case.
    Whole(Reason, String),
    /// These indicators, which were taken out of it.
    Items(Vec<String>),
}

impl Exemption {
    /// Whether it holds on a day (`2026-11-22`).
    #[must_use]
    pub fn holds_on(&self, day: &str) -> bool {
        self.ended_by.is_none() && self.from_on.as_str() <= day && day <= self.until_on.as_str()
    }

    /// Why its taxpayer is left alone.
    pub(super) fn told(&self) -> String {
        format!("{}（{}，至{}）", self.reason, self.owner, self.until_on)
    }
}

/// Exemptions that hold on a day, by taxpayer.
pub(super) type Exempt = HashMap<String, Vec<Exemption>>;

pub(super) async fn exempt_on(tx: &mut Tx, day: &str) -> Result<Exempt> {
    let mut exempt = Exempt::new();
    for one in exemptions(tx).await?.into_iter().filter(|one| one.holds_on(day)) {
        exempt.entry(one.taxpayer_id.clone()).or_default().push(one);
    }
    Ok(exempt)
}

/// What speaks against visits on a day.
pub(super) struct Bars<'a> {
    exempt: Exempt,
    /// Open audits: taxpayer and case number.
    audits: &'a HashMap<String, String>,
}

impl<'a> Bars<'a> {
    pub(super) async fn on(tx: &mut Tx, day: &str, audits: &'a HashMap<String, String>) -> Result<Self> {
        Ok(Self { exempt: exempt_on(tx, day).await?, audits })
    }
}

/// The exemption of a taxpayer that covers a family of indicators; without a family, the one that covers all.
pub(super) fn covering<'a>(exempt: &'a Exempt, id: &str, family: Option<&str>) -> Option<&'a Exemption> {
    let covers = |one: &&Exemption| one.family.is_none() || one.family.as_deref() == family;
    exempt.get(id)?.iter().find(covers)
}

/// Takes out of a task what its taxpayer is exempt from by now, all of it where an audit is open. A request of another office
/// is about somebody else's claim, and stays.
pub(super) fn spare(one: &mut Stored, bars: &Bars<'_>) -> Spared {
    let (id, exempt) = (one.task.taxpayer_id.clone(), &bars.exempt);
    if one.kind == Kind::Assistance {
        return Spared::Nothing;
    }
    if let Some(case) = bars.audits.get(&id) {
        return Spared::Whole(Reason::AuditOpen, format!("案号{case}"));
    }
    if !exempt.contains_key(&id) {
        return Spared::Nothing;
    }
    let cover = |item: &TaskItem| covering(exempt, &id, Some(&item.family));
    let whole = covering(exempt, &id, None).or_else(|| {
        one.items.iter().all(|item| cover(item).is_some()).then(|| cover(one.items.first()?)).flatten()
    });
    if let Some(exemption) = whole {
        return Spared::Whole(Reason::Exempt, exemption.told());
    }
    let (out, rest): (Vec<TaskItem>, Vec<TaskItem>) =
        std::mem::take(&mut one.items).into_iter().partition(|item| cover(item).is_some());
    one.items = rest;
    if out.is_empty() {
        return Spared::Nothing;
    }
    retell(&mut one.task, &mut one.items);
    Spared::Items(out.into_iter().map(|item| item.indicator).collect())
}

pub(super) async fn exemptions(tx: &mut Tx) -> Result<Vec<Exemption>> {
    let sql = "SELECT exemption_no, taxpayer_id, family, owner, reason, from_on, until_on, stated_by, ended_by \
               FROM exemption ORDER BY exemption_no";
    let mut found = Vec::new();
    for row in all(tx, "read exemptions", sql, vec![]).await? {
        found.push(Exemption {
            exemption_no: count(&row, 0)?,
            taxpayer_id: word(&row, 1)?,
            family: text(&row, 2)?,
            owner: word(&row, 3)?,
            reason: word(&row, 4)?,
            from_on: word(&row, 5)?,
            until_on: word(&row, 6)?,
            stated_by: text(&row, 7)?,
            ended_by: text(&row, 8)?,
        });
    }
    Ok(found)
}

/// Capacities in force: what was stated, else what the register says an office itself can take. A register that says 0 or
/// nothing states no limit.
pub(super) async fn capacities(tx: &mut Tx, tree: &Tree) -> Result<Vec<OfficeLimit>> {
    let register = tree.0.values().filter_map(|office: &OfficeRow| {
        let own = office.capacity.filter(|tasks| *tasks > 0)?.checked_mul(i64::from(QUARTERS))?;
        Some((office.office_code.clone(), (Some(own), None)))
    });
    let mut limits: BTreeMap<String, (Option<i64>, Option<i64>)> = register.collect();
    for row in all(tx, "read capacities", "SELECT office_code, own, whole FROM capacity", vec![]).await? {
        limits.insert(word(&row, 0)?, (int(&row, 1)?, int(&row, 2)?));
    }
    let limit = |(office_code, (own, whole))| OfficeLimit { office_code, own, whole };
    Ok(limits.into_iter().map(limit).collect())
}

impl Ledger {
    /// States capacities, which take the place of the register's and of those stated before for the same offices.
    ///
    /// # Errors
    /// An office the ledger does not know, or the same one twice; nothing is stated then.
    pub async fn state_capacities(&self, limits: &[OfficeLimit], by: &By) -> Result<()> {
        let mut tx = self.begin_in_turn().await?;
        let tree = Tree::read(&mut tx).await?;
        let mut seen = std::collections::BTreeSet::new();
        for limit in limits {
            tree.get(&limit.office_code)?;
            if !seen.insert(&limit.office_code) {
                return Err(LedgerError::input(format!("office {} stands twice", limit.office_code)));
            }
            let code = limit.office_code.as_str();
            run(
                &mut tx,
                "state a capacity",
                "DELETE FROM capacity WHERE office_code = $1",
                vec![code.into()],
            )
            .await?;
        }
        let rows = limits.iter().map(|limit| {
            vec![
                limit.office_code.as_str().into(),
                limit.own.into(),
                limit.whole.into(),
                by.who.as_str().into(),
                by.moment().into(),
            ]
        });
        insert(&mut tx, "capacity", "office_code, own, whole, stated_by, stated_at", rows.collect()).await?;
        commit(tx).await
    }

    /// Capacities in force, of the register and stated.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn capacities(&self) -> Result<Vec<OfficeLimit>> {
        let mut tx = self.look().await?;
        let tree = Tree::read(&mut tx).await?;
        capacities(&mut tx, &tree).await
    }

    /// Replaces the officers of the offices named: pairs of office and name; each remembers who stated it, and when.
    ///
    /// # Errors
    /// An office the ledger does not know; nothing is stated then.
    pub async fn state_officers(&self, officers: &[(String, String)], by: &By) -> Result<()> {
        let mut tx = self.begin_in_turn().await?;
        let tree = Tree::read(&mut tx).await?;
        for (code, _) in officers {
            tree.get(code)?;
            let sql = "DELETE FROM officer WHERE office_code = $1";
            run(&mut tx, "state officers", sql, vec![code.as_str().into()]).await?;
        }
        if let Some((code, _)) = officers.iter().find(|(_, name)| name.trim().is_empty()) {
            return Err(LedgerError::input(format!("an officer of office {code} has no name")));
        }
        let mut officers = officers.to_vec();
        officers.sort();
        officers.dedup();
        let rows = officers.iter().map(|(code, name)| {
            vec![code.as_str().into(), name.as_str().into(), by.who.as_str().into(), by.moment().into()]
        });
        insert(&mut tx, "officer", "office_code, name, stated_by, stated_at", rows.collect()).await?;
        commit(tx).await
    }

    /// The officers stated, by office.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn officers(&self) -> Result<BTreeMap<String, Vec<String>>> {
        officers(&mut self.look().await?).await
    }

    /// Leaves a taxpayer alone for a time; the exemption's number.
    ///
    /// # Errors
    /// No owner or reason, an end before the beginning or in the past, or an entry that says the same already.
    pub async fn exempt(&self, one: &Exemption, by: &By) -> Result<i64> {
        for (what, text) in [("owner", &one.owner), ("reason", &one.reason)] {
            if text.trim().is_empty() {
                return Err(LedgerError::input(format!(
                    "an exemption needs one who answers for it and a reason: --{what} TEXT"
                )));
            }
        }
        if one.until_on < one.from_on || one.until_on < by.day() {
            return Err(LedgerError::input(format!(
                "an exemption from {} until {} would never hold; give a later --until",
                one.from_on, one.until_on
            )));
        }
        let mut tx = self.begin_in_turn().await?;
        let known = exemptions(&mut tx).await?;
        let same = |old: &&Exemption| {
            old.ended_by.is_none()
                && (&old.taxpayer_id, &old.family) == (&one.taxpayer_id, &one.family)
                && old.from_on <= one.from_on
                && one.until_on <= old.until_on
        };
        if let Some(old) = known.iter().find(same) {
            return Err(LedgerError::input(format!(
                "exemption {} holds for {} from {} until {} already",
                old.exemption_no, old.taxpayer_id, old.from_on, old.until_on
            )));
        }
        let sql = "SELECT coalesce(max(exemption_no), 0) FROM exemption";
        let no = number(&mut tx, "number an exemption", sql, vec![]).await? + 1;
        let row = vec![
            no.into(),
            one.taxpayer_id.as_str().into(),
            (&one.family).into(),
            one.owner.as_str().into(),
            one.reason.as_str().into(),
            one.from_on.as_str().into(),
            one.until_on.as_str().into(),
            by.moment().into(),
            by.who.as_str().into(),
        ];
        let columns =
            "exemption_no, taxpayer_id, family, owner, reason, from_on, until_on, stated_at, stated_by";
        insert(&mut tx, "exemption", columns, vec![row]).await?;
        commit(tx).await?;
        Ok(no)
    }

    /// All exemptions, past ones too.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn exemptions(&self) -> Result<Vec<Exemption>> {
        exemptions(&mut self.look().await?).await
    }

    /// Ends an exemption before its time.
    ///
    /// # Errors
    /// When there is no such exemption, or it has ended.
    pub async fn end_exemption(&self, exemption_no: i64, by: &By) -> Result<()> {
        let mut tx = self.begin_in_turn().await?;
        let sql =
            "UPDATE exemption SET ended_by = $1, ended_at = $2 WHERE exemption_no = $3 AND ended_by IS NULL";
        let values = vec![by.who.as_str().into(), by.moment().into(), exemption_no.into()];
        if run(&mut tx, "end an exemption", sql, values).await? == 0 {
            return Err(LedgerError::input(format!(
                "no exemption {exemption_no} that holds; all of them: assay tasks exempt list"
            )));
        }
        commit(tx).await
    }
}
