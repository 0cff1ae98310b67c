//! Counter-based randomness: every draw comes from a generator seeded by what is drawn, never from a stream shared
//! between firms. So any firm, month or invoice can be made again without making the others, on any thread.

use rand_distr::{Distribution, Poisson, StandardNormal};
use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// What a generator is for. Two purposes never share a stream, so that adding draws to one leaves the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Who a firm is.
    Firm = 1,
    /// Who its people are.
    Person,
    /// From whom it buys.
    Links,
    /// How many invoices it issues in a month.
    Month,
    /// Header of an invoice.
    Invoice,
    /// Whether an invoice is voided or reversed.
    Fate,
    /// When a buyer claims the tax.
    Claim,
    /// Lines of an invoice.
    Lines,
    /// Books of a firm.
    Books,
    /// Books of a firm and month.
    MonthBooks,
    /// Casting of schemes.
    Schemes,
    /// Registration history.
    Register,
    /// Presentation in derived tables: days in a month, meter numbers.
    Presentation,
    /// Names and other words.
    Words,
    /// What a firm imports in a month.
    Imports,
}

/// A generator of random numbers (SplitMix64); not for cryptography.
#[derive(Debug, Clone)]
pub struct Dice(SplitMix64);

/// Mixes words into one (the finaliser of SplitMix64 over each).
pub fn mix(seed: u64, words: [u64; 3]) -> u64 {
    words.into_iter().fold(seed, |state, word| scramble(state ^ word.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
}

fn scramble(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A hash as a number in `0..1`.
pub fn unit(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1u64 << 53) as f64
}

impl Dice {
    /// The generator of one thing: `one` and `two` say which, e.g. firm and month.
    pub fn of(seed: u64, purpose: Purpose, one: u64, two: u64) -> Self {
        Self(SplitMix64::seed_from_u64(mix(seed, [purpose as u64, one, two])))
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0..n`; 0 when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// Uniform in `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).max(1) as usize) as i64
    }

    /// Uniform in `0..1`.
    pub fn unit(&mut self) -> f64 {
        unit(self.bits())
    }

    /// Uniform in `low..high`.
    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Normal with mean 0 and deviation 1.
    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }

    /// Lognormal around a median.
    pub fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (self.normal() * sigma).exp()
    }

    /// Poisson with this mean; 0 for a mean that is not positive.
    pub fn poisson(&mut self, mean: f64) -> u32 {
        Poisson::new(mean).map_or(0, |distribution| distribution.sample(&mut self.0) as u32)
    }

    /// An element; the slice must not be empty.
    pub fn pick<'a, T: ?Sized>(&mut self, from: &'a [&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// A position, likelier where the weight is greater.
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut rest = self.unit() * weights.iter().sum::<f64>();
        let found = weights.iter().position(|weight| {
            rest -= weight;
            rest < 0.0
        });
        found.unwrap_or_else(|| weights.len().saturating_sub(1))
    }
}
