//! Weights of indicators learnt from labelled taxpayers: how much oftener the guilty are hit than others.
//!
//! The weight of evidence of a hit is the logarithm of its likelihood ratio, P(hit | guilty) / P(hit | honest)
//! (I. J. Good, Probability and the Weighing of Evidence, 1950). The factor of an indicator in the scorecard is that
//! logarithm over the logarithm of the ratio at which a hit has its full points.

/// Ratio from which a hit has its full points.
const FULL_RATIO: f64 = 40.0;
/// The least factor: a sign that tells nothing about the labels may still tell something else.
const LEAST: f64 = 0.1;
/// Hits that are added to those counted, spread as taxpayers are: a ratio of few hits is taken with caution.
const PRIOR_HITS: f64 = 2.0;
/// With fewer hits nothing is learnt.
const FEWEST_HITS: usize = 5;

/// Hits of one indicator among labelled taxpayers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evidence {
    /// Guilty taxpayers, hit or not.
    pub guilty: usize,
    /// Of these hit.
    pub guilty_hits: usize,
    /// Honest taxpayers, hit or not.
    pub honest: usize,
    /// Of these hit.
    pub honest_hits: usize,
}

impl Evidence {
    /// The likelihood ratio of a hit; `None` without taxpayers of both kinds or with too few hits.
    pub fn ratio(&self) -> Option<f64> {
        let known = self.guilty > 0 && self.honest > 0 && self.guilty_hits + self.honest_hits >= FEWEST_HITS;
        let all = (self.guilty + self.honest) as f64;
        let rate =
            |hits: usize, of: usize| (hits as f64 + PRIOR_HITS * of as f64 / all) / (of as f64 + PRIOR_HITS);
        known.then(|| rate(self.guilty_hits, self.guilty) / rate(self.honest_hits, self.honest))
    }

    /// The factor of the indicator, from 0.1 to 1 in steps of a hundredth; `None` where nothing can be learnt.
    pub fn weight(&self) -> Option<f64> {
        let weight = self.ratio()?.ln() / FULL_RATIO.ln();
        Some((weight.clamp(LEAST, 1.0) * 100.0).round() / 100.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn evidence(guilty_hits: usize, honest_hits: usize) -> Evidence {
        Evidence { guilty: 100, guilty_hits, honest: 9_900, honest_hits }
    }

    #[test]
    fn what_hits_the_guilty_only_weighs_full_and_what_hits_all_alike_little() {
        assert_eq!(evidence(50, 0).weight(), Some(1.0));
        assert_eq!(evidence(10, 990).weight(), Some(LEAST));
        assert_eq!(evidence(0, 500).weight(), Some(LEAST));
        let ratio = evidence(40, 396).ratio().unwrap();
        assert!((ratio - 10.0).abs() < 0.3, "{ratio}");
        assert_eq!(evidence(40, 396).weight(), Some(0.62));
    }

    #[test]
    fn few_hits_teach_nothing() {
        assert_eq!(evidence(2, 2).ratio(), None);
        assert_eq!(Evidence { honest: 0, honest_hits: 0, ..evidence(50, 0) }.weight(), None);
    }

    #[test]
    fn more_guilty_hits_never_weigh_less() {
        let weights: Vec<f64> = (5..=100).map(|hits| evidence(hits, 60).weight().unwrap()).collect();
        assert!(weights.windows(2).all(|pair| pair[0] <= pair[1]), "{weights:?}");
    }
}
