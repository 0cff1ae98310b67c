//! What is proposed for an application, from what may be refunded, the reasons to hold and the clock; and what changed since the night
//! before.

use std::collections::{BTreeSet, HashMap};

use assay_datasets::calendar::{CalendarError, WorkCalendar};
use assay_indicators::policy::Parameters;
use chrono::NaiveDate;

use super::clock::{Clock, Held, Terms};
use super::eligible::Eligible;
use super::facts::{Application, Facts};
use super::reason::{Verdict, verdicts};
use super::store::Before;
use super::{Queue, words};
use crate::{EngineError, Result};

/// Fen by which the refund asked for may exceed what may be refunded: one yuan, as policies allow.
const TOLERANCE: i128 = 100;

/// What is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proposal {
    /// 准予: nothing stands against it.
    Release,
    /// 核减: nothing holds it, but less may be refunded than is asked for.
    Adjust,
    /// 暂停: a reason to hold holds.
    Hold,
    /// 不予: the conditions are not met, or there is nothing to refund.
    Refuse,
    /// 终止: refund fraud or false invoices were found since it was accepted.
    Terminate,
    /// 待补数据: what is missing decides.
    CannotTell,
    /// 已办结 since the night before.
    Decided,
}

impl Proposal {
    const ALL: [Self; 7] = [
        Self::Release,
        Self::Adjust,
        Self::Hold,
        Self::Refuse,
        Self::Terminate,
        Self::CannotTell,
        Self::Decided,
    ];

    /// The word that is stored.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Adjust => "adjust",
            Self::Hold => "hold",
            Self::Refuse => "refuse",
            Self::Terminate => "terminate",
            Self::CannotTell => "cannot_tell",
            Self::Decided => "decided",
        }
    }

    /// The proposal of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }

    /// The same in Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Release => "准予退税",
            Self::Adjust => "核减后退税",
            Self::Hold => "暂停办理",
            Self::Refuse => "不予退税",
            Self::Terminate => "终止办理",
            Self::CannotTell => "待补数据",
            Self::Decided => "已办结",
        }
    }

    fn releases(self) -> bool {
        matches!(self, Self::Release | Self::Adjust)
    }
}

/// What changed since the night before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Not in the queue then.
    New,
    /// Not held then.
    NewlyHeld,
    /// Held, or not to be told, then; to be released now.
    NewlyReleased,
    /// Proposed otherwise.
    Changed,
    /// As then.
    Same,
    /// Decided since.
    Left,
}

impl Change {
    /// The word that is stored.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::NewlyHeld => "newly_held",
            Self::NewlyReleased => "newly_released",
            Self::Changed => "changed",
            Self::Same => "same",
            Self::Left => "left",
        }
    }

    pub(super) fn of(before: Option<Proposal>, now: Proposal) -> Self {
        match (before, now) {
            (_, Proposal::Decided) => Self::Left,
            (None, _) => Self::New,
            (Some(before), now) if before == now => Self::Same,
            (_, Proposal::Hold) => Self::NewlyHeld,
            (Some(before), now) if now.releases() && !before.releases() => Self::NewlyReleased,
            _ => Self::Changed,
        }
    }
}

/// One application on a day. Money in fen.
#[derive(Debug, Clone)]
pub struct Row {
    pub(super) application: Application,
    pub(super) eligible: Eligible,
    /// Where the clock stands; none where it cannot be told.
    pub clock: Option<Clock>,
    /// What is known of each reason.
    pub verdicts: Vec<Verdict>,
    /// What is proposed.
    pub proposal: Proposal,
    /// What changed since the night before.
    pub change: Change,
    /// What is missing, in words; empty where everything can be told.
    pub missing: String,
    /// In Chinese: what, why, by when.
    pub message_zh: String,
    /// The same in English, shorter.
    pub message_en: String,
    /// What to do.
    pub advice_zh: String,
}

impl Row {
    /// Number of the application.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.application.no
    }

    /// Office that manages the taxpayer.
    #[must_use]
    pub fn office_code(&self) -> Option<&str> {
        self.application.office_code.as_deref()
    }

    /// Refund asked for less what may be refunded; positive: too much is asked for.
    #[must_use]
    pub fn difference(&self) -> Option<i128> {
        self.eligible.amount.map(|eligible| self.application.amount - eligible)
    }

    /// Words of the reasons that hold.
    pub(super) fn reasons(&self) -> String {
        let held = self.verdicts.iter().filter(|verdict| verdict.holds == Some(true));
        held.map(|verdict| verdict.reason.word()).collect::<Vec<_>>().join(",")
    }
}

/// The queue of a day.
pub(super) fn queue(
    facts: &Facts,
    asked: &HashMap<String, Eligible>,
    rules: (&WorkCalendar, &Parameters),
    before: Option<&Before>,
    day: NaiveDate,
) -> Result<Queue> {
    let mut warnings = BTreeSet::new();
    let mut rows = Vec::with_capacity(facts.applications.len());
    for application in &facts.applications {
        let none = Vec::new();
        let evidence = facts.evidence.get(&application.taxpayer_key).unwrap_or(&none);
        let decided = application.decided_on.is_some();
        let verdicts = if decided { Vec::new() } else { verdicts(application, evidence, &facts.loaded) };
        let eligible = asked.get(&application.no).cloned().unwrap_or_default();
        let clock = match clock(application, &verdicts, rules, application.decided_on.unwrap_or(day))? {
            Ok(clock) => clock,
            Err(unknown) => {
                warnings.insert(unknown.to_string());
                None
            }
        };
        let mut row = Row {
            application: application.clone(),
            proposal: if decided {
                Proposal::Decided
            } else {
                proposal(application, &eligible, &verdicts, evidence)
            },
            eligible,
            clock,
            verdicts,
            change: Change::Same,
            missing: String::new(),
            message_zh: String::new(),
            message_en: String::new(),
            advice_zh: String::new(),
        };
        let then = before.and_then(|before| before.proposals.get(&application.no).copied());
        row.change = Change::of(then, row.proposal);
        row.missing = words::missing(&row);
        row.advice_zh = words::advice_zh(&row);
        row.message_zh = words::message_zh(&row, day);
        row.message_en = words::message_en(&row);
        rows.push(row);
    }
    let previous = before.map(|before| before.day);
    Ok(Queue { day, rows, previous, changed: false, warnings: warnings.into_iter().collect() })
}

/// The clock of an application; none where the day of acceptance is not known.
fn clock(
    one: &Application,
    verdicts: &[Verdict],
    (calendar, parameters): (&WorkCalendar, &Parameters),
    day: NaiveDate,
) -> Result<Result<Option<Clock>, CalendarError>> {
    let Some(received) = one.received_on else { return Ok(Ok(None)) };
    let days = |name: &str| {
        let value = parameters.on(name, received).and_then(|dated| dated.value.parse::<u32>().ok());
        value.ok_or_else(|| {
            EngineError::input(format!(
                "parameter `{name}` has no whole number of days on {received}; correct parameters.toml"
            ))
        })
    };
    let terms = Terms { review: days("refund_review_days")?, resumed: days("refund_resumed_days")? };
    let cleared_on = verdicts.iter().filter_map(|verdict| verdict.cleared_on).max();
    let mut held: Vec<Held> = one.held.iter().map(|held| Held { from: held.from, to: held.to }).collect();
    if let Some(last) = held.last_mut().filter(|last| last.to.is_none()) {
        // The office has not noted it yet, but the rows show that what it holds the application for is over.
        last.to = cleared_on.filter(|_| verdicts.iter().all(|verdict| verdict.holds == Some(false)));
    }
    Ok(Clock::on(calendar, terms, received, &held, day).map(Some))
}

/// The first that fits: fraud found ends it; who is not entitled is refused, for only who meets the conditions is held; a reason that
/// holds holds it; what is missing must be known before anything is released.
fn proposal(
    one: &Application,
    eligible: &Eligible,
    verdicts: &[Verdict],
    evidence: &[super::facts::Evidence],
) -> Proposal {
    let since = one.received_on.or(one.applied_on);
    let fraud = evidence
        .iter()
        .any(|row| row.fraud && row.cleared_on.zip(since).is_some_and(|(on, since)| on >= since));
    if fraud {
        return Proposal::Terminate;
    }
    if eligible.amount.is_some_and(|amount| amount <= 0) {
        return Proposal::Refuse;
    }
    if verdicts.iter().any(|verdict| verdict.holds == Some(true)) {
        return Proposal::Hold;
    }
    match eligible.amount {
        Some(amount) if verdicts.iter().all(|verdict| verdict.holds == Some(false)) => {
            if one.amount > amount + TOLERANCE { Proposal::Adjust } else { Proposal::Release }
        }
        _ => Proposal::CannotTell,
    }
}
