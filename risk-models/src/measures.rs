//! How well a ranking or a set of hits finds the labelled: precision, lift, area under the ROC curve.

/// Hits against labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HitCounts {
    /// Labelled subjects.
    pub labelled: usize,
    /// Positives among them.
    pub positives: usize,
    /// Hits among the labelled.
    pub hits: usize,
    /// Hits among the positives.
    pub true_hits: usize,
}

impl HitCounts {
    /// Counts subjects given as (hit, positive).
    pub fn of(subjects: impl IntoIterator<Item = (bool, bool)>) -> Self {
        let mut counts = Self::default();
        for (hit, positive) in subjects {
            counts.labelled += 1;
            counts.positives += usize::from(positive);
            counts.hits += usize::from(hit);
            counts.true_hits += usize::from(hit && positive);
        }
        counts
    }

    /// Share of the hits that are positive; `None` without hits.
    pub fn precision(&self) -> Option<f64> {
        (self.hits > 0).then(|| self.true_hits as f64 / self.hits as f64)
    }

    /// Precision over the share of positives among all labelled: 1 = no better than chance. `None` without hits or
    /// without positives.
    pub fn lift(&self) -> Option<f64> {
        let base = (self.positives > 0).then(|| self.positives as f64 / self.labelled as f64)?;
        Some(self.precision()? / base)
    }
}

/// Area under the ROC curve of a ranking where higher is worse: the chance that a random positive ranks above a
/// random negative, ties counting half (Mann–Whitney). Unknown ranks below everything known; NaN counts as unknown.
/// `None` unless there are both positives and negatives.
pub fn auc(subjects: &[(Option<f64>, bool)]) -> Option<f64> {
    let positives = subjects.iter().filter(|(_, positive)| *positive).count();
    let negatives = subjects.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let key = |rank: Option<f64>| rank.filter(|x| !x.is_nan()).map_or((false, 0.0), |x| (true, x + 0.0));
    let mut sorted: Vec<((bool, f64), bool)> =
        subjects.iter().map(|(rank, pos)| (key(*rank), *pos)).collect();
    sorted.sort_by(|(a, _), (b, _)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    // Twice the number of (positive, negative) pairs in the right order, so that half pairs stay whole numbers.
    let (mut twice, mut negatives_below) = (0_u128, 0_u128);
    for tied in sorted.chunk_by(|(a, _), (b, _)| a == b) {
        let positive = tied.iter().filter(|(_, positive)| *positive).count() as u128;
        let negative = tied.len() as u128 - positive;
        twice += positive * (2 * negatives_below + negative);
        negatives_below += negative;
    }
    Some(twice as f64 / (2.0 * positives as f64 * negatives as f64))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    /// Every pair compared.
    fn naive(subjects: &[(Option<f64>, bool)]) -> f64 {
        let (mut sum, mut pairs) = (0.0, 0.0);
        for (a, _) in subjects.iter().filter(|s| s.1) {
            for (b, _) in subjects.iter().filter(|s| !s.1) {
                let (a, b) = (a.unwrap_or(f64::NEG_INFINITY), b.unwrap_or(f64::NEG_INFINITY));
                sum += if a > b {
                    1.0
                } else if a == b {
                    0.5
                } else {
                    0.0
                };
                pairs += 1.0;
            }
        }
        sum / pairs
    }

    #[test]
    fn auc_agrees_with_comparing_every_pair() {
        let mut seed = 7_u64;
        for n in 2..60 {
            let mut next = || {
                seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                seed >> 33
            };
            // Few distinct values, so that ties and unknowns are common; a negative zero ties with zero.
            let mut subjects: Vec<(Option<f64>, bool)> = (0..n)
                .map(|_| {
                    let value = [None, Some(-0.0), Some(0.0), Some(1.5), Some(-2.0)][(next() % 5) as usize];
                    (value, next() % 3 == 0)
                })
                .collect();
            subjects[0].1 = true;
            subjects[1].1 = false;
            assert!((auc(&subjects).unwrap() - naive(&subjects)).abs() < 1e-12);
        }
    }

    #[test]
    fn auc_needs_both_classes_and_takes_nan_for_unknown() {
        assert_eq!(auc(&[(Some(1.0), true)]), None);
        assert_eq!(auc(&[]), None);
        assert_eq!(auc(&[(Some(1.0), true), (Some(f64::NAN), false)]), Some(1.0));
        assert_eq!(auc(&[(Some(f64::NAN), true), (None, false)]), Some(0.5));
    }

    #[test]
    fn lift_compares_with_the_base_rate() {
        let counts = HitCounts::of([
            (true, true),
            (true, false),
            (false, true),
            (false, false),
            (false, false),
            (false, false),
        ]);
        assert_eq!(counts, HitCounts { labelled: 6, positives: 2, hits: 2, true_hits: 1 });
        assert_eq!(counts.precision(), Some(0.5));
        assert!((counts.lift().unwrap() - 1.5).abs() < 1e-12);
        assert_eq!(HitCounts::of([(false, true)]).lift(), None);
        assert_eq!(HitCounts::of([(true, false)]).lift(), None);
    }
}
