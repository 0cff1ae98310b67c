//! The rules by which tasks are opened and planned, read from `rules.toml` or from a file that takes its place.

use serde::Deserialize;

use super::error::{LedgerError, Result};

/// Quarters in a standard task, in which work and capacities are counted.
pub const QUARTERS: i32 = 4;

/// The text of the rules that come with Assay.
pub const RULES: &str = include_str!("rules.toml");

/// Which tasks are opened, what they take and what they are expected to bring in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Months in which a family that was dealt with opens no other task.
    pub cool_down_months: u32,
    /// Growth of the amount, as a share, that ends the cool-down before its time.
    pub cool_down_growth: f64,
    /// Whom to leave alone.
    pub undisturbed: Undisturbed,
    /// Standard tasks that a task counts as.
    pub effort: Effort,
    /// What a suspicion is expected to bring in.
    pub expected: Expected,
    /// Which findings of policies become part of tasks.
    pub benefits: Benefits,
}

/// Which findings of policies become part of tasks.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Benefits {
    /// Yuan from which a benefit claimed and not due is verified.
    pub verify_from: i64,
    /// Yuan from which a benefit due and not claimed is told.
    pub remind_from: i64,
}

/// Taxpayers that get no task of some grades.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undisturbed {
    /// Credit ratings.
    pub ratings: Vec<String>,
    /// Grades.
    pub grades: Vec<String>,
}

/// Standard tasks that a task of each kind counts as.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effort {
    /// Grade high.
    pub high: f64,
    /// Grade medium.
    pub medium: f64,
    /// Grade low.
    pub low: f64,
    /// Drawn at random, without a suspicion.
    pub sample: f64,
    /// A request of another office.
    pub assistance: f64,
    /// A benefit to be verified or told of, without a suspicion.
    pub benefit: f64,
}

/// Assumed shares of suspicions that are true, by grade, and of the estimate that is recovered.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Grade high.
    pub high: f64,
    /// Grade medium.
    pub medium: f64,
    /// Grade low.
    pub low: f64,
    /// Recovered of what was estimated.
    pub recovered: f64,
    /// Answers the assumptions weigh as much as.
    pub answers: f64,
}

impl Rules {
    /// Reads rules; `origin` is the file that errors speak of.
    ///
    /// # Errors
    /// Everything that is wrong in them.
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        let rules: Self =
            toml::from_str(text).map_err(|error| LedgerError::input(format!("{origin}: {error}")))?;
        let problems = rules.problems();
        if problems.is_empty() {
            return Ok(rules);
        }
        Err(LedgerError::input(format!("{origin}: {}", problems.join("; "))))
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.cool_down_months > 120 {
            problems.push(format!("cool_down_months is {}; write 0 to 120", self.cool_down_months));
        }
        if !(0.0..=100.0).contains(&self.cool_down_growth) {
            problems
                .push(format!("cool_down_growth is {}; write a share, such as 0.5", self.cool_down_growth));
        }
        for grade in &self.undisturbed.grades {
            if !["high", "medium", "low"].contains(&grade.as_str()) {
                problems.push(format!("undisturbed.grades: `{grade}` is none of high, medium, low"));
            }
        }
        let Effort { high, medium, low, sample, assistance, benefit } = self.effort;
        let efforts = [
            ("high", high),
            ("medium", medium),
            ("low", low),
            ("sample", sample),
            ("assistance", assistance),
            ("benefit", benefit),
        ];
        for (kind, effort) in efforts {
            // Plans count quarters of a standard task.
            if !(0.25..=100.0).contains(&effort) || (effort * f64::from(QUARTERS)).fract() != 0.0 {
                problems.push(format!("effort.{kind} is {effort}; write quarters from 0.25 to 100"));
            }
        }
        let Expected { high, medium, low, recovered, answers } = self.expected;
        for (what, share) in [("high", high), ("medium", medium), ("low", low), ("recovered", recovered)] {
            if !(0.0..=1.0).contains(&share) {
                problems.push(format!("expected.{what} is {share}; write a share from 0 to 1"));
            }
        }
        if !(0.0..=100_000.0).contains(&answers) || answers == 0.0 {
            problems.push(format!("expected.answers is {answers}; write how many answers, above 0"));
        }
        let Benefits { verify_from, remind_from } = self.benefits;
        for (what, yuan) in [("verify_from", verify_from), ("remind_from", remind_from)] {
            if yuan < 0 {
                problems.push(format!("benefits.{what} is {yuan}; write yuan, 0 for all"));
            }
        }
        problems
    }

    /// Assumed share of true suspicions of a grade.
    pub(super) fn assumed(&self, grade: &str) -> f64 {
        match grade {
            "high" => self.expected.high,
            "medium" => self.expected.medium,
            _ => self.expected.low,
        }
    }

    /// Quarters of a standard task that a task takes.
    pub(super) fn quarters(&self, kind: super::Kind, grade: &str) -> u32 {
        let effort = match (kind, grade) {
            (super::Kind::Sample, _) => self.effort.sample,
            (super::Kind::Assistance, _) => self.effort.assistance,
            (super::Kind::Benefit, _) => self.effort.benefit,
            (_, "high") => self.effort.high,
            (_, "medium") => self.effort.medium,
            _ => self.effort.low,
        };
        // Checked when read: at most 400.
        (effort * f64::from(QUARTERS)).round() as u32
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_rules_that_come_with_it_are_valid() {
        let rules = Rules::parse(RULES, "rules.toml").unwrap();
        assert_eq!(rules.quarters(super::super::Kind::Risk, "high"), 8);
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let text = RULES.replace("high = 2.0", "high = 0.3").replace("\"low\"", "\"small\"");
        let error = Rules::parse(&text, "tasks.toml").unwrap_err().to_string();
        assert!(
            error.contains("tasks.toml") && error.contains("effort.high") && error.contains("small"),
            "{error}"
        );
    }
}
