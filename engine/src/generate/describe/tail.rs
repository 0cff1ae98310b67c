//! Distributions with a heavy tail: quantiles, concentration, and how fast the tail falls.

/// What is said of a distribution of positive sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Sizes, ascending.
    sizes: Vec<f64>,
}

/// Share of the sizes that counts as the tail.
const TAIL: f64 = 0.05;
/// Fewest sizes a tail is estimated from.
const TAIL_MIN: usize = 20;
/// Points of the curve that is drawn.
const POINTS: usize = 120;

impl Distribution {
    /// Of these sizes; what is not positive is left out.
    pub fn new(mut sizes: Vec<f64>) -> Self {
        sizes.retain(|size| *size > 0.0 && size.is_finite());
        sizes.sort_unstable_by(f64::total_cmp);
        Self { sizes }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.sizes.len()
    }

    /// The size below which the share `q` lies (nearest rank); `None` without sizes.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let rank = (q * self.sizes.len() as f64).ceil() as usize;
        self.sizes.get(rank.saturating_sub(1).min(self.sizes.len().saturating_sub(1))).copied()
    }

    /// Share of the sum that the largest `q` of all sizes have.
    pub fn share_of_top(&self, q: f64) -> Option<f64> {
        let total: f64 = self.sizes.iter().sum();
        let top = ((q * self.sizes.len() as f64).ceil() as usize).min(self.sizes.len());
        let sum: f64 = self.sizes.iter().rev().take(top).sum();
        (total > 0.0).then(|| sum / total)
    }

    /// Exponent α of the tail P(X > x) ~ x^-α, by Hill's estimator over the largest 5 percent (Hill 1975,
    /// Annals of Statistics 3(5)); `None` where they are too few. Firm sizes in published studies lie near 1
    /// (Axtell 2001, Science 293).
    pub fn tail_exponent(&self) -> Option<f64> {
        let k = (self.sizes.len() as f64 * TAIL) as usize;
        if k < TAIL_MIN {
            return None;
        }
        let threshold = self.sizes[self.sizes.len() - k - 1];
        let logs: f64 = self.sizes.iter().rev().take(k).map(|size| (size / threshold).ln()).sum();
        (logs > 0.0).then(|| k as f64 / logs)
    }

    /// The complementary distribution, (size, share of sizes at least as large), for a chart with two log scales.
    pub fn curve(&self) -> Vec<(f64, f64)> {
        let n = self.sizes.len();
        let mut points: Vec<(f64, f64)> = Vec::with_capacity(POINTS);
        // Equally spaced in the logarithm of the rank: the tail has as many points as the body.
        for i in 0..POINTS {
            let rank = (n as f64).powf(1.0 - i as f64 / (POINTS - 1) as f64).round() as usize;
            let Some(at) = n.checked_sub(rank.max(1)) else { continue };
            let point = (self.sizes[at], rank.max(1) as f64 / n as f64);
            if points.last() != Some(&point) {
                points.push(point);
            }
        }
        points
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pareto_tail_is_found() {
        // The quantiles of a Pareto distribution with exponent 1.2.
        let n = 20_000;
        let sizes = (1..=n).map(|i| ((f64::from(i) - 0.5) / f64::from(n)).powf(-1.0 / 1.2)).collect();
        let found = Distribution::new(sizes);
        assert!((found.tail_exponent().unwrap() - 1.2).abs() < 0.05, "{:?}", found.tail_exponent());
        let (first, last) = (found.curve()[0], *found.curve().last().unwrap());
        assert!((first.1 - 1.0).abs() < 1e-9 && last.1 < 1e-3);
    }

    #[test]
    fn quantiles_and_shares() {
        let found = Distribution::new((1..=100).map(f64::from).chain([-5.0, f64::NAN]).collect());
        assert_eq!(found.count(), 100);
        assert_eq!(found.quantile(0.5), Some(50.0));
        assert_eq!(found.quantile(1.0), Some(100.0));
        assert!((found.share_of_top(0.01).unwrap() - 100.0 / 5050.0).abs() < 1e-12);
        assert_eq!(found.tail_exponent(), None);
        assert_eq!(Distribution::new(Vec::new()).quantile(0.5), None);
    }
}
