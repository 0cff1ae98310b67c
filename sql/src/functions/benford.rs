//! `benford_chi2(d1, …, d9) -> double`: how far counts of leading digits stray from Benford's law.
//!
//! The arguments are how often each leading digit 1 … 9 was seen. The result is Pearson's chi-square statistic
//! with 8 degrees of freedom (95 percent point 15.51, 99 percent 20.09). It grows with the number of amounts at
//! equal deviation, so indicators demand a least number and compare with peers.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use super::{SECTION, by_column, check_count, documentation};

/// log10(1 + 1/d) for d = 1 … 9.
const EXPECTED: [f64; 9] = [
    std::f64::consts::LOG10_2,
    0.176_091_259_055_681_24,
    0.124_938_736_608_299_95,
    0.096_910_013_008_056_42,
    0.079_181_246_047_624_82,
    0.066_946_789_630_613_22,
    0.057_991_946_977_686_73,
    0.051_152_522_447_381_29,
    0.045_757_490_560_675_115,
];

/// Chi-square statistic of nine digit counts against Benford's law; `None` when there are none, or a count is
/// negative or not a number.
pub fn benford_chi2(counts: &[f64; 9]) -> Option<f64> {
    if !counts.iter().all(|count| *count >= 0.0 && count.is_finite()) {
        return None;
    }
    let sum: f64 = counts.iter().sum();
    if sum < 1.0 {
        return None;
    }
    Some(
        counts.iter().zip(EXPECTED).map(|(count, share)| (count - share * sum).powi(2) / (share * sum)).sum(),
    )
}

/// The SQL function `benford_chi2`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct BenfordChi2 {
    signature: Signature,
}

impl BenfordChi2 {
    /// The function, ready to register.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for BenfordChi2 {
    fn name(&self) -> &str {
        "benford_chi2"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        check_count("benford_chi2(d1, …, d9)", given, 9)?;
        for (digit, kind) in (1..).zip(given) {
            if !kind.is_numeric() && !kind.is_null() {
                return plan_err!("benford_chi2: the count of digit {digit} must be a number, not {kind}");
            }
        }
        Ok(vec![DataType::Float64; 9])
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        by_column(&args, |columns| Ok(kernel(columns)))
    }

    documentation!(
        SECTION,
        "Chi-square statistic (8 degrees of freedom) of leading digit counts against Benford's law. Null when a count is null or negative, or all are zero.",
        "benford_chi2(d1, d2, d3, d4, d5, d6, d7, d8, d9)"
    );
}

/// Nine columns of doubles to one.
fn kernel(columns: &[ArrayRef]) -> ArrayRef {
    let digits: [&Float64Array; 9] =
        std::array::from_fn(|digit| columns[digit].as_primitive::<Float64Type>());
    let rows = digits[0].len();
    let result: Float64Array = (0..rows)
        .map(|row| {
            if digits.iter().any(|digit| digit.is_null(row)) {
                return None;
            }
            benford_chi2(&std::array::from_fn(|digit| digits[digit].value(row)))
        })
        .collect();
    Arc::new(result)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn expected_shares_are_benfords() {
        for (digit, share) in (1..).zip(EXPECTED) {
            assert!((share - (1.0 + 1.0 / f64::from(digit)).log10()).abs() < 1e-15, "{digit}");
        }
        assert!((EXPECTED.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn perfect_law_gives_zero_and_one_digit_gives_much() {
        let perfect: [f64; 9] = std::array::from_fn(|digit| EXPECTED[digit] * 1000.0);
        assert!(benford_chi2(&perfect).unwrap() < 1e-9);
        // All n amounts begin with 9: the statistic is n (1/p - 1).
        let nines = benford_chi2(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 100.0]).unwrap();
        assert!((nines - 100.0 * (1.0 / EXPECTED[8] - 1.0)).abs() < 1e-9);
    }

    #[test]
    fn nothing_to_count_is_unknown() {
        assert_eq!(benford_chi2(&[0.0; 9]), None);
        let mut counts = [5.0; 9];
        counts[3] = -1.0;
        assert_eq!(benford_chi2(&counts), None);
        counts[3] = f64::NAN;
        assert_eq!(benford_chi2(&counts), None);
    }
}
