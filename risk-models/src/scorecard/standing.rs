//! Factors of what is known of a taxpayer beside its hits.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The section `[standing]` of a scorecard.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingRule {
    /// Repeat offenders.
    pub repeat: RepeatRule,
    /// Factor by credit rating (纳税信用级别); 1 for those not named.
    #[serde(default)]
    pub credit_rating: BTreeMap<String, f64>,
    /// Factor by kind of a case that is open; 1 for those not named.
    #[serde(default)]
    pub under_way: BTreeMap<String, f64>,
}

/// What makes a repeat offender.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepeatRule {
    /// Months before the scan in which the case was closed.
    pub months: u16,
    /// Conclusions that count.
    pub conclusions: Vec<String>,
    /// Its factor.
    pub factor: f64,
}

/// What is known of a taxpayer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Credit rating.
    pub credit_rating: Option<&'a str>,
    /// Whether a case of its own was closed as the rule says.
    pub offended: bool,
    /// Kind of a case that is open.
    pub under_way: Option<&'a str>,
}

impl StandingRule {
    /// What all points of the taxpayer are multiplied by.
    pub fn factor(&self, known: &Known<'_>) -> f64 {
        let of = |factors: &BTreeMap<String, f64>, key: Option<&str>| {
            key.and_then(|key| factors.get(key)).copied().unwrap_or(1.0)
        };
        let repeat = if known.offended { self.repeat.factor } else { 1.0 };
        repeat * of(&self.credit_rating, known.credit_rating) * of(&self.under_way, known.under_way)
    }

    pub(super) fn sensible(&self) -> bool {
        let factors = self.credit_rating.values().chain(self.under_way.values());
        let months = (1..=120).contains(&self.repeat.months);
        months
            && !self.repeat.conclusions.is_empty()
            && factors.chain([&self.repeat.factor]).all(|f| f.is_finite() && (0.0..=10.0).contains(f))
    }
}
