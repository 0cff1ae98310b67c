//! The scorecard: hits to points, points to a score, a score to a grade. Everything is in centipoints (hundredths of
//! a point, integers), so that the points of the hits add up to the score exactly.

mod gate;
mod standing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::gate::Gate;
pub use self::standing::{Known, RepeatRule, StandingRule};

/// How grave a hit or a score is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// 高
    High,
    /// 中
    Medium,
    /// 低
    Low,
}

impl Grade {
    /// The word in result tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// One figure for each grade.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerGrade<T> {
    /// 高
    pub high: T,
    /// 中
    pub medium: T,
    /// 低
    pub low: T,
}

impl<T: Copy> PerGrade<T> {
    /// The figure of a grade.
    pub fn of(&self, grade: Grade) -> T {
        match grade {
            Grade::High => self.high,
            Grade::Medium => self.medium,
            Grade::Low => self.low,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviationRule {
    max_factor: f64,
    half_at: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct AmountRule {
    unknown: f64,
    steps: Vec<AmountStep>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct AmountStep {
    /// Yuan.
    from: i64,
    factor: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct RarityRule {
    enabled: bool,
    /// Share of hits at which a hit has its full points.
    neutral_share: f64,
    /// Weight of the neutral share, in taxpayers.
    prior: f64,
    min_factor: f64,
    max_factor: f64,
}

impl RarityRule {
    /// Self-information of being hit over that of being hit at the neutral share, within the bounds.
    fn factor(&self, held: HeldAgainst) -> f64 {
        let share = (held.hits as f64 + self.prior * self.neutral_share) / (held.told as f64 + self.prior);
        // More hits than taxpayers told about, or nobody at all, is a caller's slip and must not turn the sign.
        let share = if share.is_finite() { share.clamp(f64::MIN_POSITIVE, 1.0) } else { self.neutral_share };
        (share.ln() / self.neutral_share.ln()).clamp(self.min_factor, self.max_factor)
    }

    fn sensible(&self) -> bool {
        let share = self.neutral_share > 0.0 && self.neutral_share < 1.0;
        let prior = self.prior.is_finite() && self.prior >= 0.0;
        share
            && prior
            && self.min_factor > 0.0
            && self.max_factor.is_finite()
            && self.min_factor <= self.max_factor
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Caps {
    family: f64,
    total: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct GradeLines {
    high: f64,
    medium: f64,
    low: f64,
}

/// How peers are chosen.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerRules {
    /// Fewest members of a group a line is drawn from, unless the line says otherwise.
    pub min_peers: usize,
    /// Lower bounds of the sales bands in yuan, ascending.
    pub size_bands: Vec<i64>,
    /// Leading digits of the region code that make a region.
    pub region_digits: usize,
}

impl PeerRules {
    /// The name of the band of sales (yuan in twelve months), e.g. `5000000+`; below the lowest bound it is
    /// `<` that bound. `None` for NaN.
    pub fn band(&self, sales: f64) -> Option<String> {
        if sales.is_nan() {
            return None;
        }
        let reached = self.size_bands.iter().rev().find(|bound| sales >= **bound as f64);
        Some(match (reached, self.size_bands.first()) {
            (Some(bound), _) => format!("{bound}+"),
            (None, Some(lowest)) => format!("<{lowest}"),
            (None, None) => "any".to_owned(),
        })
    }
}

/// The parameters of scoring, from `scorecard.toml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scorecard {
    /// Version of the parameters.
    pub version: i32,
    base: PerGrade<f64>,
    deviation: DeviationRule,
    amount: AmountRule,
    rarity: RarityRule,
    caps: Caps,
    grades: GradeLines,
    /// Factor by indicator; 1 for those not named.
    #[serde(default)]
    weights: BTreeMap<String, f64>,
    #[serde(default)]
    gate: Vec<Gate>,
    standing: Option<StandingRule>,
    /// Days an office has to respond.
    pub response_days: PerGrade<i32>,
    /// How peers are chosen.
    pub peers: PeerRules,
}

/// The text of the parameters shipped with the product.
pub const EMBEDDED: &str = include_str!("../scorecard.toml");

/// A scorecard that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScorecardError {
    /// It is no valid TOML of the known keys.
    #[error("scorecard: {0}")]
    Form(#[from] toml::de::Error),
    /// Its figures make no sense.
    #[error("scorecard: {}", .0.join("; "))]
    Figures(Vec<String>),
}

/// How many taxpayers a line was held against in a scan, and how many of them crossed it or a graver one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldAgainst {
    /// Those the indicator concerned and could tell about.
    pub told: usize,
    /// Those who crossed the line or a graver one of the same indicator.
    pub hits: usize,
}

/// A hit as the scorecard sees it.
#[derive(Debug, Clone, Copy)]
pub struct HitFigures<'a> {
    /// Code of the indicator.
    pub indicator: &'a str,
    /// Points of a family are capped together.
    pub family: &'a str,
    /// Severity of the line crossed.
    pub severity: Grade,
    /// How far beyond the line, relative to it, ≥ 0.
    pub deviation: f64,
    /// Tax at stake in fen, if known.
    pub amount: Option<i128>,
    /// How common the hit is; `None` where that does not matter (a line of law).
    pub held: Option<HeldAgainst>,
}

/// What one taxpayer's hits come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// Centipoints of each hit, in the order given; they add up to `total`.
    pub points: Vec<i64>,
    /// Centipoints of all hits after both caps.
    pub total: i64,
    /// Grade of the total; none where it is too low for a task.
    pub grade: Option<Grade>,
    /// Families hit.
    pub families: i64,
    /// Tax at stake in fen: the largest of each family, summed (indicators of a family look at the same money).
    /// `None` when no hit knows its amount.
    pub amount: Option<i128>,
}

impl Scorecard {
    /// The parameters shipped with the product.
    ///
    /// # Errors
    /// Never for a released build; a test reads them.
    pub fn embedded() -> Result<Self, ScorecardError> {
        Self::parse(EMBEDDED)
    }

    /// Reads parameters.
    ///
    /// # Errors
    /// When the text is no scorecard, or its figures make no sense (all of them named).
    pub fn parse(text: &str) -> Result<Self, ScorecardError> {
        let card: Self = toml::from_str(text)?;
        let wrong = card.wrong();
        if wrong.is_empty() { Ok(card) } else { Err(ScorecardError::Figures(wrong)) }
    }

    fn wrong(&self) -> Vec<String> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let ascending = |list: &[i64]| list.windows(2).all(|pair| pair[0] < pair[1]);
        let steps: Vec<i64> = self.amount.steps.iter().map(|step| step.from).collect();
        let rules = [
            (
                [self.base.high, self.base.medium, self.base.low].into_iter().all(positive),
                "base: every figure must be above 0",
            ),
            (
                self.deviation.max_factor.is_finite() && self.deviation.max_factor >= 1.0,
                "deviation.max_factor must be at least 1",
            ),
            (positive(self.deviation.half_at), "deviation.half_at must be above 0"),
            (
                positive(self.amount.unknown) && self.amount.steps.iter().all(|step| positive(step.factor)),
                "amount: every factor must be above 0",
            ),
            (
                !steps.is_empty() && ascending(&steps) && steps[0] <= 0,
                "amount.steps must ascend and begin at 0",
            ),
            (
                self.rarity.sensible(),
                "rarity: neutral_share must lie between 0 and 1, prior be at least 0, min_factor above 0 and not above max_factor",
            ),
            (positive(self.caps.family) && positive(self.caps.total), "caps must be above 0"),
            (
                self.grades.high > self.grades.medium
                    && self.grades.medium > self.grades.low
                    && self.grades.low >= 0.0,
                "grades.high must be above grades.medium, that above grades.low, and that be at least 0",
            ),
            (
                self.weights.values().all(|weight| weight.is_finite() && *weight >= 0.0),
                "weights must be at least 0",
            ),
            (
                self.standing.as_ref().is_none_or(StandingRule::sensible),
                "standing: repeat.months must be 1 to 120, repeat.conclusions name some, and every factor lie between 0 and 10",
            ),
            (ascending(&self.peers.size_bands), "peers.size_bands must ascend"),
            (self.peers.min_peers >= 3, "peers.min_peers must be at least 3"),
            ((2..=6).contains(&self.peers.region_digits), "peers.region_digits must be 2 to 6"),
        ];
        rules.into_iter().filter(|(good, _)| !good).map(|(_, rule)| rule.to_owned()).collect()
    }

    /// Centipoints of a hit before any cap.
    pub fn raw_points(&self, hit: &HitFigures<'_>) -> i64 {
        let beyond = if hit.deviation.is_finite() {
            hit.deviation.max(0.0) / (hit.deviation.max(0.0) + self.deviation.half_at)
        } else {
            1.0
        };
        let deviation = 1.0 + (self.deviation.max_factor - 1.0) * beyond;
        let factors = self.weight(hit.indicator)
            * deviation
            * self.amount_factor(hit.amount)
            * self.rarity_factor(hit.held);
        (self.base.of(hit.severity) * factors * 100.0).round() as i64
    }

    /// The factor of an indicator.
    pub fn weight(&self, indicator: &str) -> f64 {
        self.weights.get(indicator).copied().unwrap_or(1.0)
    }

    /// What is known of a taxpayer beside its hits, and what it counts; `None` where nothing does.
    pub fn standing(&self) -> Option<&StandingRule> {
        self.standing.as_ref()
    }

    /// The same card with other weights.
    pub fn with_weights(&self, weights: BTreeMap<String, f64>) -> Self {
        Self { weights, ..self.clone() }
    }

    fn rarity_factor(&self, held: Option<HeldAgainst>) -> f64 {
        held.filter(|_| self.rarity.enabled).map_or(1.0, |held| self.rarity.factor(held))
    }

    fn amount_factor(&self, cents: Option<i128>) -> f64 {
        let Some(cents) = cents else { return self.amount.unknown };
        let reached = self.amount.steps.iter().rev().find(|step| cents >= i128::from(step.from) * 100);
        reached.or_else(|| self.amount.steps.first()).map_or(self.amount.unknown, |step| step.factor)
    }

    /// Codes of indicators it names, in weights and gates.
    pub fn indicators(&self) -> impl Iterator<Item = &str> {
        let gated = self.gate.iter().flat_map(Gate::members);
        self.weights.keys().map(String::as_str).chain(gated)
    }

    /// Scores the hits of one taxpayer, whose standing multiplies them by `factor`.
    pub fn score(&self, hits: &[HitFigures<'_>], factor: f64) -> Score {
        let opens = |hit: &HitFigures<'_>| self.gate.iter().all(|gate| gate.opens(hit.indicator, hits));
        let points = hits
            .iter()
            .map(|hit| if opens(hit) { of_standing(self.raw_points(hit), factor) } else { 0 })
            .collect();
        let families = members(hits.iter().map(|hit| hit.family));
        let points = self.caps_on(points, &families);
        let total = points.iter().sum();
        let amounts = families.values().filter_map(|of| of.iter().filter_map(|n| hits[*n].amount).max());
        let amount = amounts.reduce(|a, b| a + b);
        let families = i64::try_from(families.len()).unwrap_or(i64::MAX);
        Score { points, total, grade: self.grade(total), families, amount }
    }

    /// Centipoints of hits, each with its family, with the caps on: those of a family, then all, scaled down to what they may
    /// come to. The same twice changes nothing.
    pub fn capped(&self, hits: &[(&str, i64)]) -> Vec<i64> {
        let families = members(hits.iter().map(|(family, _)| *family));
        self.caps_on(hits.iter().map(|(_, points)| *points).collect(), &families)
    }

    fn caps_on(&self, mut points: Vec<i64>, families: &BTreeMap<&str, Vec<usize>>) -> Vec<i64> {
        for members in families.values() {
            let of_family: Vec<i64> = members.iter().map(|n| points[*n]).collect();
            for (n, capped) in members.iter().zip(cap(&of_family, centipoints(self.caps.family))) {
                points[*n] = capped;
            }
        }
        cap(&points, centipoints(self.caps.total))
    }

    /// The grade of a score in centipoints; none where it is too low for a task.
    pub fn grade(&self, total: i64) -> Option<Grade> {
        let GradeLines { high, medium, low } = self.grades;
        let lines = [(high, Grade::High), (medium, Grade::Medium), (low, Grade::Low)];
        lines.into_iter().find(|(line, _)| total >= centipoints(*line)).map(|(_, grade)| grade)
    }
}

/// Places of each family.
fn members<'a>(families: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, Vec<usize>> {
    let mut found: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (n, family) in families.enumerate() {
        found.entry(family).or_default().push(n);
    }
    found
}

fn of_standing(points: i64, factor: f64) -> i64 {
    (points as f64 * factor).round() as i64
}

fn centipoints(points: f64) -> i64 {
    (points * 100.0).round() as i64
}

/// Scales non-negative points down in proportion so that they add up to exactly `limit`, if they exceed it. What
/// rounding down leaves goes, a centipoint each, to the largest remainders, earlier ones first.
fn cap(points: &[i64], limit: i64) -> Vec<i64> {
    let sum: i64 = points.iter().sum();
    if sum <= limit {
        return points.to_vec();
    }
    let scaled = |p: i64| i128::from(p) * i128::from(limit);
    let whole = i128::from(sum);
    let mut shares: Vec<i64> =
        points.iter().map(|p| i64::try_from(scaled(*p) / whole).unwrap_or(limit)).collect();
    let mut left = limit - shares.iter().sum::<i64>();
    let mut by_remainder: Vec<usize> = (0..points.len()).collect();
    by_remainder.sort_by_key(|n| (std::cmp::Reverse(scaled(points[*n]) % whole), *n));
    for n in by_remainder {
        if left == 0 {
            break;
        }
        shares[n] += 1;
        left -= 1;
    }
    shares
}
