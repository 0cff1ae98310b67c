//! Rates measured from a few answers, each with its 95 % confidence interval: shares, how true estimates came, and how
//! much oftener the hit are guilty than a random taxpayer. Knows nothing of who answered or why.

/// Standard normal quantile of 97.5 %: all intervals are two-sided at 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// A 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether a value is within, the ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// A ratio and its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// The estimate.
    pub value: f64,
    /// `None` where too little is known for one.
    pub interval: Option<Interval>,
}

/// The share of successes and its score interval (E. B. Wilson, Probable inference, the law of succession, and
/// statistical inference, 1927). `None` without trials or with more successes than trials.
pub fn wilson(successes: u64, trials: u64) -> Option<(f64, Interval)> {
    let share = share(successes, trials)?;
    Some((share, score(share, trials as f64)))
}

fn share(successes: u64, trials: u64) -> Option<f64> {
    (trials > 0 && successes <= trials).then(|| successes as f64 / trials as f64)
}

fn score(share: f64, trials: f64) -> Interval {
    let z2 = Z * Z / trials;
    let centre = share + z2 / 2.0;
    let half = Z * (share * (1.0 - share) / trials + z2 / (4.0 * trials)).sqrt();
    // Rounding must not put an end beyond the share itself, as it does where the share is 0 or 1.
    let low = ((centre - half) / (1.0 + z2)).clamp(0.0, share);
    let high = ((centre + half) / (1.0 + z2)).clamp(share, 1.0);
    Interval { low, high }
}

/// What was found over what was estimated (查补/预估), of pairs (estimated, found) in one currency: 1 = the estimates
/// came true as a whole. Pairs that are not finite are left out; `None` unless the estimates add up to more than 0.
///
/// The interval is that of the linearised ratio of means (W. G. Cochran, Sampling Techniques, 3rd ed., 1977, ch. 6)
/// with Student's t, from two pairs on. It reaches below 0 only where something found is below 0.
pub fn accuracy(pairs: &[(f64, f64)]) -> Option<Ratio> {
    let known = || pairs.iter().filter(|(estimated, found)| estimated.is_finite() && found.is_finite());
    let n = known().count();
    let estimated: f64 = known().map(|(estimated, _)| estimated).sum();
    let value = known().map(|(_, found)| found).sum::<f64>() / estimated;
    if estimated <= 0.0 || !value.is_finite() {
        return None;
    }
    let interval = (n >= 2).then(|| {
        let residuals: f64 = known().map(|(estimated, found)| (found - value * estimated).powi(2)).sum();
        let error = (residuals * n as f64 / (n - 1) as f64).sqrt() / estimated;
        let half = student(n - 1) * error;
        let least = if known().all(|(_, found)| *found >= 0.0) { 0.0 } else { f64::NEG_INFINITY };
        Interval { low: (value - half).max(least), high: value + half }
    });
    Some(Ratio { value, interval })
}

/// Quantile of 97.5 % of Student's t: from tables for few degrees of freedom, beyond by the expansion of
/// Abramowitz and Stegun (Handbook of Mathematical Functions, 1964, 26.7.5), less than 0.004 off there.
fn student(freedom: usize) -> f64 {
    match freedom {
        0 => f64::INFINITY,
        1 => 12.706,
        2 => 4.303,
        3 => 3.182,
        4 => 2.776,
        _ => {
            let v = freedom as f64;
            let (z3, z5, z7) = (Z.powi(3), Z.powi(5), Z.powi(7));
            Z + (z3 + Z) / (4.0 * v)
                + (5.0 * z5 + 16.0 * z3 + 3.0 * Z) / (96.0 * v * v)
                + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * Z) / (384.0 * v * v * v)
        }
    }
}

/// How much oftener the hit are guilty than a random taxpayer: the share of guilty among the hit that were answered,
/// over the share among a random sample that was answered. 1 = no better than chance. `None` where nobody of either
/// was answered, or more are guilty than answered.
///
/// The plain ratio of shares is too high on average, and infinite with no guilty in the sample, because the mean of
/// one over a share is more than one over its mean. With x guilty among m, (m + 1) / (x + 1) stands for one over the
/// share p instead: its mean is (1 − (1 − p)^(m + 1)) / p; in a sample drawn without replacement from N with K guilty
/// about (N + 1) / (K + 1) (D. G. Chapman's estimate of 1951, turned round). So the estimate is too low by the factor
/// 1 − (1 − p)^(m + 1): by 5 % where 3 guilty are expected in the sample, by less than 1 % from 5 on.
///
/// The interval is that of the logarithm of a ratio of shares (Katz, Baptista, Azen and Pise 1978) with half a guilty
/// and half an innocent added to both, so that it is there without any guilty too. It is widened to hold the estimate.
/// Both samples are taken to be small parts of what they are drawn from; of larger parts the interval is too wide.
pub fn lift(hit_guilty: u64, hit_answered: u64, sample_guilty: u64, sample_answered: u64) -> Option<Ratio> {
    let precision = share(hit_guilty, hit_answered)?;
    share(sample_guilty, sample_answered)?;
    let value = precision * (sample_answered + 1) as f64 / (sample_guilty + 1) as f64;
    let (hit, hit_of) = (hit_guilty as f64 + 0.5, hit_answered as f64 + 1.0);
    let (base, base_of) = (sample_guilty as f64 + 0.5, sample_answered as f64 + 1.0);
    let centre = (hit / hit_of / (base / base_of)).ln();
    let half = Z * (1.0 / hit - 1.0 / hit_of + 1.0 / base - 1.0 / base_of).sqrt();
    let interval = Interval { low: (centre - half).exp().min(value), high: (centre + half).exp().max(value) };
    Some(Ratio { value, interval: Some(interval) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use rand::seq::SliceRandom;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    fn close(interval: Interval, low: f64, high: f64) -> bool {
        (interval.low - low).abs() < 5e-5 && (interval.high - high).abs() < 5e-5
    }

    #[test]
    fn wilson_agrees_with_published_intervals() {
        // R. G. Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I, method 3.
        for (successes, trials, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let (share, interval) = wilson(successes, trials).unwrap();
            assert!(close(interval, low, high), "{successes}/{trials}: {interval:?}");
            assert!(interval.contains(share));
        }
        let (share, interval) = wilson(7, 7).unwrap();
        assert!(share == 1.0 && interval.high == 1.0 && interval.low < 0.7);
        assert_eq!((wilson(0, 0), wilson(3, 2)), (None, None));
    }

    #[test]
    fn wilson_covers() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let (mut covered, mut all) = (0, 0);
        for share in [0.03, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9] {
            for trials in [20, 50, 100, 300, 1_000] {
                let here = (0..400).filter(|_| {
                    let successes = (0..trials).filter(|_| rng.random_bool(share)).count() as u64;
                    wilson(successes, trials).unwrap().1.contains(share)
                });
                let here = here.count();
                // Discrete counts make single cells waver around 95 %.
                assert!(here >= 352, "{share} of {trials}: {here} of 400");
                covered += here;
                all += 400;
            }
        }
        let coverage = f64::from(covered as u32) / f64::from(all);
        println!("Wilson covers {coverage:.4}");
        assert!(coverage >= 0.93, "{coverage}");
    }

    #[test]
    fn accuracy_agrees_with_a_calculation_by_hand() {
        // Ratio 12/10; residuals 1 − 2.4, 5 − 4.8, 6 − 4.8; their squares add up to 3.44.
        let ratio = accuracy(&[(2.0, 1.0), (4.0, 5.0), (4.0, 6.0), (f64::NAN, 9.0)]).unwrap();
        let half = 4.303 * (3.44_f64 * 3.0 / 2.0).sqrt() / 10.0;
        assert!((ratio.value - 1.2).abs() < 1e-12);
        let interval = ratio.interval.unwrap();
        assert!((interval.high - 1.2 - half).abs() < 1e-9 && (interval.low - (1.2 - half)).abs() < 1e-9);
        assert_eq!(accuracy(&[(2.0, 1.0)]), Some(Ratio { value: 0.5, interval: None }));
        assert_eq!((accuracy(&[]), accuracy(&[(0.0, 4.0)])), (None, None));
        assert_eq!(accuracy(&[(1.0, 0.0), (9.0, 1.0)]).unwrap().interval.unwrap().low, 0.0);
    }

    #[test]
    fn student_agrees_with_tables() {
        for (freedom, table) in [(5, 2.571), (6, 2.447), (10, 2.228), (30, 2.042), (120, 1.980)] {
            assert!((student(freedom) - table).abs() < 4e-3, "{freedom}: {}", student(freedom));
        }
    }

    #[test]
    fn accuracy_covers_skewed_amounts() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        // Sums of uniforms are near enough to normal to make amounts and findings about lognormal.
        let mut normal = || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
        let mut draw = || {
            let estimated = (11.0 + normal()).exp();
            // A third is not found at all, the rest is found 0.9 times on the median, give or take.
            let found = if normal() < -0.43 { 0.0 } else { 0.9 * estimated * (0.5 * normal()).exp() };
            (estimated, found)
        };
        let many: Vec<(f64, f64)> = (0..400_000).map(|_| draw()).collect();
        let truth = accuracy(&many).unwrap().value;
        let covered = (0..1_000).filter(|_| {
            let pairs: Vec<(f64, f64)> = (0..50).map(|_| draw()).collect();
            accuracy(&pairs).unwrap().interval.unwrap().contains(truth)
        });
        let coverage = covered.count() as f64 / 1_000.0;
        println!("accuracy covers {coverage:.3} around {truth:.3}");
        assert!(coverage >= 0.90, "{coverage}");
    }

    #[test]
    fn lift_agrees_with_a_calculation_by_hand() {
        // 20 of 40 hit, 9 of 199 at random: 0.5 × 200 / 10.
        let ratio = lift(20, 40, 9, 199).unwrap();
        assert!((ratio.value - 10.0).abs() < 1e-12);
        let centre = 20.5 / 41.0 / (9.5 / 200.0);
        let spread = (Z * (1.0 / 20.5_f64 - 1.0 / 41.0 + 1.0 / 9.5 - 1.0 / 200.0).sqrt()).exp();
        assert!(close(ratio.interval.unwrap(), centre / spread, centre * spread));
        let none = lift(5, 10, 0, 99).unwrap();
        assert!(none.value == 50.0 && none.interval.unwrap().contains(50.0));
        let zero = lift(0, 10, 3, 99).unwrap();
        assert!(
            zero.value == 0.0 && zero.interval.unwrap().contains(0.0) && zero.interval.unwrap().high > 1.0
        );
        assert_eq!((lift(0, 0, 1, 9), lift(1, 9, 0, 0), lift(3, 2, 1, 9)), (None, None, None));
    }

    /// Taxpayers, how many of them are hit, and how many of these are guilty.
    const POPULATION: usize = 20_000;
    const HIT: usize = 400;
    const HIT_GUILTY: usize = 160;
    /// Guilty taxpayers and sizes of samples: 30, 30, 30 and 10 guilty are expected in them.
    const CASES: [(usize, usize); 4] = [(600, 1_000), (1_000, 600), (2_000, 300), (1_000, 200)];

    /// The chance of x guilty in a sample drawn without replacement, for x from 0.
    fn chances(guilty: usize, sampled: usize) -> Vec<f64> {
        let log_choose =
            |n: usize, k: usize| (0..k).map(|i| ((n - i) as f64 / (k - i) as f64).ln()).sum::<f64>();
        let all = log_choose(POPULATION, sampled);
        let chance = |x| log_choose(guilty, x) + log_choose(POPULATION - guilty, sampled - x) - all;
        (0..=sampled.min(guilty)).map(|x| chance(x).exp()).collect()
    }

    #[test]
    fn the_mean_of_the_lift_is_the_true_one() {
        for (guilty, sampled) in CASES {
            let truth = (HIT_GUILTY as f64 / HIT as f64) / (guilty as f64 / POPULATION as f64);
            let chances = chances(guilty, sampled);
            let (mut mean, mut plain) = (0.0, 0.0);
            for (x, chance) in chances.iter().enumerate() {
                let answered = (HIT_GUILTY as u64, HIT as u64);
                mean += chance * lift(answered.0, answered.1, x as u64, sampled as u64).unwrap().value;
                // The plain ratio is infinite with none in the sample: its mean over the other samples.
                let share = x as f64 / sampled as f64;
                plain += if x > 0 { chance / (1.0 - chances[0]) * 0.4 / share } else { 0.0 };
            }
            println!("{sampled} of {guilty}: {:+.5}, plain {:+.4}", mean / truth - 1.0, plain / truth - 1.0);
            // Without replacement 1 / K is missing, with K the guilty: 0.2 % of 600. The plain ratio is 3 % too high where 30 guilty are expected, 12 % where 10 are.
            assert!((mean / truth - 1.0).abs() < 2e-3 && plain / truth > 1.03);
        }
    }

    #[test]
    fn lift_is_unbiased_and_covers() {
        const DRAWS: u64 = 2_000;
        for (guilty, sampled) in CASES {
            // The first are hit, and of these the first are guilty; the other guilty are not hit.
            let is_guilty = |at: &usize| *at < HIT_GUILTY || (HIT..HIT + guilty - HIT_GUILTY).contains(at);
            let truth = (HIT_GUILTY as f64 / HIT as f64) / (guilty as f64 / POPULATION as f64);
            let (mut hit, mut all): (Vec<usize>, Vec<usize>) =
                ((0..HIT).collect(), (0..POPULATION).collect());
            let (mut values, mut covered) = (Vec::new(), 0);
            for seed in 0..DRAWS {
                let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
                let mut draw = |from: &mut [usize], amount: usize| {
                    let drawn = from.partial_shuffle(&mut rng, amount).0;
                    drawn.iter().filter(|at| is_guilty(at)).count() as u64
                };
                let ratio = lift(draw(&mut hit, 150), 150, draw(&mut all, sampled), sampled as u64).unwrap();
                covered += u64::from(ratio.interval.unwrap().contains(truth));
                values.push(ratio.value);
            }
            let mean = values.iter().sum::<f64>() / DRAWS as f64;
            let variance =
                values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (DRAWS - 1) as f64;
            let (error, bias) = ((variance / DRAWS as f64).sqrt() / truth, mean / truth - 1.0);
            let coverage = covered as f64 / DRAWS as f64;
            println!("lift {truth:.1}, {sampled} drawn: bias {bias:+.4} ± {error:.4}, covers {coverage:.4}");
            assert!(bias.abs() <= 2.0 * error && bias.abs() <= 0.02, "{bias}");
            assert!(coverage >= 0.92, "{coverage}");
        }
    }
}
