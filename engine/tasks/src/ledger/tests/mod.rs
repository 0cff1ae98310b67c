//! The ledger on SQLite, with the sample's tasks. The same on PostgreSQL, and with real workbooks, is tested where users
//! meet it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod answers;
mod learning;
mod life;
mod taking_in;

use std::collections::HashMap;

use chrono::{DateTime, FixedOffset};
use tempfile::TempDir;

use super::rules::{RULES, Rules};
use super::{BenefitFinding, By, Intake, Ledger, OfficeRow, Opened, Scope, Sending, Settled};
use crate::sample::{grade, hits, merged};
use crate::{Tasks, sample};

/// A ledger on a disk that vanishes.
pub(super) struct Desk {
    pub(super) ledger: Ledger,
    pub(super) folder: TempDir,
}

impl Desk {
    /// Sends everything that is due into the folder `out`; how many tasks left.
    pub(super) async fn dispatch(&self, by: &By) -> usize {
        let out = self.folder.path().join("out");
        self.ledger.dispatch(&out, &Scope::All, &Sending::default(), by).await.unwrap().sent
    }
}

pub(super) async fn desk() -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&folder.path().join("ledger.db").display().to_string()).await.unwrap();
    Desk { ledger, folder }
}

pub(super) fn by_on(who: &str, day: &str) -> By {
    let at = format!("{day}T09:00:00+08:00");
    By { who: who.to_owned(), at: DateTime::<FixedOffset>::parse_from_rfc3339(&at).unwrap() }
}

pub(super) fn by(who: &str) -> By {
    by_on(who, "2025-07-15")
}

pub(super) fn offices() -> Vec<OfficeRow> {
    let office = |code: &str, above: Option<&str>, level: i64, capacity: Option<i64>| OfficeRow {
        office_code: code.to_owned(),
        name: Some(format!("局{}", &code[5..])),
        level: Some(level),
        parent_code: above.map(str::to_owned),
        capacity,
    };
    vec![
        office("14403000000", None, 2, None),
        office("14403000100", Some("14403000000"), 3, Some(60)),
        office("14403000200", Some("14403000100"), 4, Some(4)),
        office("14403000300", Some("14403000100"), 4, None),
    ]
}

/// A scan to be taken in.
pub(super) struct Scan {
    pub(super) run: &'static str,
    pub(super) tasks: Tasks,
    pub(super) findings: Vec<BenefitFinding>,
    pub(super) settled: Vec<Settled>,
    pub(super) audits: HashMap<String, String>,
    pub(super) rules: Rules,
}

impl Scan {
    pub(super) fn of(run: &'static str, hits: &[sample::SampleHit]) -> Self {
        let rules = Rules::parse(RULES, "rules.toml").unwrap();
        Self {
            run,
            tasks: merged(hits),
            findings: Vec::new(),
            settled: Vec::new(),
            audits: HashMap::new(),
            rules,
        }
    }

    pub(super) fn whole(run: &'static str) -> Self {
        Self::of(run, &hits())
    }

    pub(super) async fn take_in(&self, desk: &Desk, by: &By) -> Opened {
        // The scorecard's cap on all families, so that a sum above it is cut in proportion.
        let capped = |points: &[(&str, i128)]| {
            let sum: i128 = points.iter().map(|(_, points)| points).sum();
            let of = |(_, points): &(&str, i128)| if sum > 10_000 { points * 10_000 / sum } else { *points };
            let mut found: Vec<i128> = points.iter().map(of).collect();
            let rest = sum.min(10_000) - found.iter().sum::<i128>();
            found.iter_mut().take(1).for_each(|first| *first += rest);
            found
        };
        let days = |grade: &str| if grade == "high" { 7 } else { 30 };
        let intake = Intake {
            run: self.run,
            as_of: sample::AS_OF,
            candidates: &self.tasks,
            findings: &self.findings,
            settled: &self.settled,
            offices: &offices(),
            audits: &self.audits,
            grade_of: &|score| (score >= 500).then(|| grade(score)),
            capped: &capped,
            days_of: &days,
            response_of: &|grade| format!("应对{grade}"),
            rules: &self.rules,
        };
        desk.ledger.open_tasks(&intake, by).await.unwrap()
    }
}
