//! What the test rows of a policy leave untried: conditions that never hold or never fail, boundaries nobody stands on, dates
//! nobody asks for, answers nobody gets.

use datafusion::execution::SessionState;

use super::definition::{Answer, Test, Version};
use super::parameters::Parameters;
use super::rulebook::PolicyEntry;
use super::testrow::{Reached, reached};
use crate::definition::Grain;
use crate::period;

/// Something no test row reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Policy.
    pub code: String,
    /// Version; none: the policy as a whole.
    pub version: Option<i32>,
    /// What is not reached.
    pub what: String,
}

/// Everything no test row of a policy reaches.
#[must_use]
pub fn gaps(state: &SessionState, entry: &PolicyEntry, parameters: &Parameters) -> Vec<Gap> {
    let policy = &entry.policy;
    let rows = reached(state, entry, parameters);
    let mut gaps = Vec::new();
    let mut gap = |version: Option<i32>, what: String| {
        gaps.push(Gap { code: policy.code.value.clone(), version, what });
    };
    for version in &policy.versions {
        let mine: Vec<&Reached> = rows.iter().filter(|row| row.version == Some(version.number)).collect();
        for (n, condition) in version.conditions.iter().enumerate() {
            if matches!(condition.test, Test::Document) {
                continue;
            }
            for (truth, word) in [(Some(true), "holds"), (Some(false), "fails"), (None, "cannot be told")] {
                if !mine.iter().any(|row| row.conditions.get(n) == Some(&truth)) {
                    gap(Some(version.number), format!("no row in which `{}` {word}", condition.name.value));
                }
            }
        }
        for (month, word) in ends(version, policy.grain) {
            if !mine.iter().any(|row| row.period == month) {
                gap(Some(version.number), format!("no row for its {word} period, {month}"));
            }
        }
        for answer in owed(version) {
            if !mine.iter().any(|row| row.answer == Some(answer)) {
                gap(Some(version.number), format!("no row that comes to {}", answer.as_str()));
            }
        }
    }
    for month in outside(entry) {
        if !rows.iter().any(|row| row.version.is_none() && row.period == month) {
            gap(None, format!("no row for {month}, when no version is in force"));
        }
    }
    gaps
}

/// The answers a version's rows must come to.
fn owed(version: &Version) -> Vec<Answer> {
    let documents = version.conditions.iter().any(|c| matches!(c.test, Test::Document));
    let mut owed = vec![Answer::ClaimedNotDue, Answer::CannotTell];
    if documents {
        owed.push(Answer::ToBeConfirmed);
    } else {
        owed.extend([Answer::DueClaimed, Answer::DueNotClaimed]);
    }
    // Without a condition that a table can fail, nobody claims without title.
    if version.conditions.iter().all(|c| matches!(c.test, Test::Document)) {
        owed.retain(|answer| *answer != Answer::ClaimedNotDue);
    }
    owed
}

/// The first period of a version, and the last whole one.
fn ends(version: &Version, grain: Grain) -> Vec<(i32, &'static str)> {
    let mut ends = vec![(period::span_end(period::of(version.from), grain), "first")];
    ends.extend(version.to.map(|to| (period::at_grain(period::of(to), grain), "last")));
    ends
}

/// The period before a policy began and, where it ended, the one after: those of its limbs that leave no version in force.
fn outside(entry: &PolicyEntry) -> Vec<i32> {
    let months = entry.policy.months();
    let versions = &entry.policy.versions;
    let covered = |month: i32| {
        super::days(month, months).is_some_and(|(first, last)| !entry.versions(first, last).is_empty())
    };
    let mut found: Vec<i32> = Vec::new();
    for version in versions {
        for (month, word) in ends(version, entry.policy.grain) {
            let beside =
                if word == "first" { period::add(month, -months) } else { period::add(month, months) };
            if !covered(beside) && !found.contains(&beside) {
                found.push(beside);
            }
        }
    }
    found
}
