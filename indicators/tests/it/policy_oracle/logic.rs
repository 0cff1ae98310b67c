//! What the rules are written with: three-valued logic, limits, and money in whole fen.

/// Ten thousand yuan, in fen.
pub const WAN: i128 = 1_000_000;

/// Whether a condition holds, and whether it holds or nearly does.
pub type Truth = (Option<bool>, Option<bool>);

/// A condition without a limit.
pub fn plain(holds: Option<bool>) -> Truth {
    (holds, holds)
}

fn limit(value: Option<i128>, limit: Option<i128>, holds: fn(&i128, &i128) -> bool) -> Truth {
    let pair = value.zip(limit);
    let near = |(v, l): (i128, i128)| holds(&v, &l) || (v - l).abs() * 10 <= l.abs();
    (pair.map(|(v, l)| holds(&v, &l)), pair.map(near))
}

/// A limit in fen (or any other whole number): at or below.
pub fn at_most(value: Option<i128>, line: Option<i128>) -> Truth {
    limit(value, line, i128::le)
}

/// A limit: strictly below.
pub fn below(value: Option<i128>, line: Option<i128>) -> Truth {
    limit(value, line, i128::lt)
}

/// A limit: at or above.
pub fn at_least(value: Option<i128>, line: Option<i128>) -> Truth {
    limit(value, line, i128::ge)
}

pub fn positive(value: Option<i128>) -> Option<bool> {
    value.map(|v| v > 0)
}

/// True where one is, else unknown where one is.
pub fn either(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    not(both(not(one), not(other)))
}

/// False where one is, else unknown where one is.
pub fn both(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    all([one, other].into_iter())
}

pub fn not(truth: Option<bool>) -> Option<bool> {
    truth.map(|t| !t)
}

/// False where one is, else unknown where one is.
pub fn all(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut unknown = false;
    for truth in truths {
        match truth {
            Some(false) => return Some(false),
            Some(true) => {}
            None => unknown = true,
        }
    }
    (!unknown).then_some(true)
}

/// A quotient to the whole, half away from zero.
pub fn quotient(number: i128, divisor: i128) -> i128 {
    (number.abs() + divisor / 2) / divisor * number.signum()
}

/// Fen times a share in millionths, to the fen.
pub fn share(fen: i128, millionths: i128) -> i128 {
    quotient(fen * millionths, 1_000_000)
}
