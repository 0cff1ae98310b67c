//! The scorecard: hits to points, points to a score, a score to a grade. Everything is in centipoints (hundredths of
//! a point, integers), so that the points of the hits add up to the score exactly.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
    /// Grade of the total.
    pub grade: Grade,
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
                self.grades.high > self.grades.medium && positive(self.grades.medium),
                "grades.high must be above grades.medium, and that above 0",
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
        let factors = deviation * self.amount_factor(hit.amount) * self.rarity_factor(hit.held);
        (self.base.of(hit.severity) * factors * 100.0).round() as i64
    }

    fn rarity_factor(&self, held: Option<HeldAgainst>) -> f64 {
        held.filter(|_| self.rarity.enabled).map_or(1.0, |held| self.rarity.factor(held))
    }

    fn amount_factor(&self, cents: Option<i128>) -> f64 {
        let Some(cents) = cents else { return self.amount.unknown };
        let reached = self.amount.steps.iter().rev().find(|step| cents >= i128::from(step.from) * 100);
        reached.or_else(|| self.amount.steps.first()).map_or(self.amount.unknown, |step| step.factor)
    }

    /// Scores the hits of one taxpayer.
    pub fn score(&self, hits: &[HitFigures<'_>]) -> Score {
        let mut points: Vec<i64> = hits.iter().map(|hit| self.raw_points(hit)).collect();
        let mut families: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (n, hit) in hits.iter().enumerate() {
            families.entry(hit.family).or_default().push(n);
        }
        for members in families.values() {
            let of_family: Vec<i64> = members.iter().map(|n| points[*n]).collect();
            for (n, capped) in members.iter().zip(cap(&of_family, centipoints(self.caps.family))) {
                points[*n] = capped;
            }
        }
        let points = cap(&points, centipoints(self.caps.total));
        let total = points.iter().sum();
        let amounts = families.values().filter_map(|of| of.iter().filter_map(|n| hits[*n].amount).max());
        let amount = amounts.reduce(|a, b| a + b);
        let families = i64::try_from(families.len()).unwrap_or(i64::MAX);
        Score { points, total, grade: self.grade(total), families, amount }
    }

    /// The grade of a score in centipoints.
    pub fn grade(&self, total: i64) -> Grade {
        if total >= centipoints(self.grades.high) {
            Grade::High
        } else if total >= centipoints(self.grades.medium) {
            Grade::Medium
        } else {
            Grade::Low
        }
    }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn hit(family: &str, severity: Grade, deviation: f64, yuan: Option<i128>) -> HitFigures<'_> {
        HitFigures { family, severity, deviation, amount: yuan.map(|yuan| yuan * 100), held: None }
    }

    #[test]
    fn one_hit_is_base_times_factors() {
        let card = Scorecard::embedded().unwrap();
        let points = |severity, deviation, yuan| card.raw_points(&hit("f", severity, deviation, yuan));
        assert_eq!(points(Grade::High, 0.0, Some(20_000)), 3000);
        assert_eq!(points(Grade::High, 1.0, Some(20_000)), 3750);
        assert_eq!(points(Grade::High, f64::INFINITY, Some(20_000)), 4500);
        assert_eq!(points(Grade::Medium, 0.0, None), 1800);
        assert_eq!(points(Grade::Low, 0.0, Some(9_999)), 720);
        assert_eq!(points(Grade::Low, 0.0, Some(100_000)), 1080);
        assert_eq!(points(Grade::Low, 0.0, Some(2_000_000)), 1260);
        assert_eq!(points(Grade::Low, 0.0, Some(-5)), 720);
    }

    #[test]
    fn a_common_hit_says_less_and_a_rare_one_no_more() {
        let card = Scorecard::embedded().unwrap();
        let points = |hits, told| {
            let held = Some(HeldAgainst { told, hits });
            card.raw_points(&HitFigures { held, ..hit("f", Grade::High, 0.0, Some(20_000)) })
        };
        // A tenth is neutral whatever the number of firms; rarer is not worth more.
        assert_eq!([points(10, 100), points(1_000, 10_000), points(1, 10_000)], [3000, 3000, 3000]);
        // (97 + 3) / (170 + 30) = a half: one bit of log2(10).
        assert_eq!(points(97, 170), (3000.0 / 10_f64.log2()).round() as i64);
        assert_eq!([points(9_000, 10_000), points(10_000, 10_000)], [750, 750]);
        // One firm of one, and nobody known at all: hardly off the neutral share.
        assert_eq!(points(1, 1), (3000.0 * (4.0_f64 / 31.0).log10().abs()).round() as i64);
        assert_eq!(points(0, 0), 3000);
        let falling: Vec<i64> = (0..=100).map(|hits| points(hits * 10, 1_000)).collect();
        assert!(falling.windows(2).all(|pair| pair[0] >= pair[1]), "{falling:?}");
        let off = include_str!("../scorecard.toml").replace("enabled = true", "enabled = false");
        let off = Scorecard::parse(&off).unwrap();
        let held = Some(HeldAgainst { told: 100, hits: 100 });
        assert_eq!(off.raw_points(&HitFigures { held, ..hit("f", Grade::High, 0.0, Some(20_000)) }), 3000);
    }

    #[test]
    fn families_are_capped_in_proportion_and_the_total_too() {
        let card = Scorecard::embedded().unwrap();
        let alike = [hit("void", Grade::High, 0.0, Some(20_000)); 3];
        let score = card.score(&alike);
        assert_eq!((score.points.clone(), score.total), (vec![1500, 1500, 1500], 4500));
        assert_eq!((score.grade, score.families, score.amount), (Grade::Medium, 1, Some(2_000_000)));
        let many: Vec<HitFigures<'_>> = ["a", "b", "c", "d"]
            .into_iter()
            .flat_map(|family| {
                [hit(family, Grade::High, 1.0, Some(20_000)), hit(family, Grade::Low, 0.3, None)]
            })
            .collect();
        let score = card.score(&many);
        assert_eq!((score.total, score.grade, score.families), (10_000, Grade::High, 4));
        assert_eq!(score.points.iter().sum::<i64>(), 10_000);
    }

    #[test]
    fn capping_is_exact_and_nearly_proportional() {
        assert_eq!(cap(&[1, 1, 1], 2), [1, 1, 0]);
        assert_eq!(cap(&[10, 20], 30), [10, 20]);
        let mut seed = 3_u64;
        for n in 1..40_usize {
            let points: Vec<i64> = (0..n)
                .map(|_| {
                    seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1);
                    i64::try_from(seed >> 50).unwrap()
                })
                .collect();
            let sum: i64 = points.iter().sum();
            let limit = sum / 3;
            let capped = cap(&points, limit);
            assert_eq!(capped.iter().sum::<i64>(), limit);
            for (p, c) in points.iter().zip(&capped) {
                let exact = *p as f64 * limit as f64 / sum as f64;
                assert!((*c as f64 - exact).abs() < 1.0);
            }
        }
    }

    #[test]
    fn amounts_of_a_family_do_not_add_up() {
        let card = Scorecard::embedded().unwrap();
        let hits = [
            hit("void", Grade::Low, 0.0, Some(100)),
            hit("void", Grade::Low, 0.0, Some(300)),
            hit("peers", Grade::Low, 0.0, Some(50)),
            hit("peers", Grade::Low, 0.0, None),
        ];
        assert_eq!(card.score(&hits).amount, Some(35_000));
        assert_eq!(card.score(&hits[3..]).amount, None);
        assert_eq!(
            card.score(&[]),
            Score { points: vec![], total: 0, grade: Grade::Low, families: 0, amount: None }
        );
    }

    #[test]
    fn grades_begin_on_their_lines() {
        let card = Scorecard::embedded().unwrap();
        let grades = [6100, 6099, 3100, 3099].map(|total| card.grade(total));
        assert_eq!(grades, [Grade::High, Grade::Medium, Grade::Medium, Grade::Low]);
    }

    #[test]
    fn senseless_figures_are_all_named() {
        let text = include_str!("../scorecard.toml")
            .replace("half_at = 1.0", "half_at = 0.0")
            .replace("high = 61.0", "high = 3.0")
            .replace("neutral_share = 0.10", "neutral_share = 1.0");
        let error = Scorecard::parse(&text).unwrap_err().to_string();
        for part in ["half_at", "grades.high", "neutral_share"] {
            assert!(error.contains(part), "{error}");
        }
        assert!(Scorecard::parse("version = 1\nbogus = 2").is_err());
    }
}
