//! Exact sums of amounts, whatever order they come in.
//!
//! Decimals and integers are summed as integers of their last place. Doubles are summed as 256-bit integers of
//! 2^-100, which holds every double from 1e-15 up to 1e37 without rounding: floating-point addition would make
//! the result depend on how rows fall into partitions.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, PrimitiveArray};
use arrow::datatypes::{
    ArrowNativeType, DataType, Decimal128Type, Decimal256Type, DecimalType, Float64Type, Int64Type, i256,
};
use datafusion::common::{Result, exec_datafusion_err, exec_err, internal_err, plan_err};

/// 2^100, the number of units in 1.0.
const UNITS: f64 = (1_u128 << 100) as f64;
/// Doubles of this size and more are refused: sums of 2^29 of them still fit.
const LARGEST: f64 = (1_u128 << 126) as f64;

/// A sum as an integer of units.
pub(super) trait Total: ArrowNativeType + Ord {
    /// The column type such sums travel in between partitions.
    type State: DecimalType<Native = Self>;

    /// Nothing.
    const ZERO: Self;

    /// The sum, or `None` where it does not fit.
    fn plus(self, other: Self) -> Option<Self>;

    /// The sum as a double, in units.
    fn units(self) -> f64;

    /// A column of amounts, each as a sum.
    fn column(amounts: &ArrayRef) -> Result<PrimitiveArray<Self::State>>;

    /// Sums as a column of the type a query sees.
    fn emit(totals: &[Option<Self>], kind: &DataType) -> Result<ArrayRef>;
}

impl Total for i128 {
    type State = Decimal128Type;

    const ZERO: Self = 0;

    fn plus(self, other: Self) -> Option<Self> {
        self.checked_add(other)
    }

    fn units(self) -> f64 {
        self as f64
    }

    fn column(amounts: &ArrayRef) -> Result<PrimitiveArray<Decimal128Type>> {
        match amounts.data_type() {
            DataType::Decimal128(_, _) => Ok(amounts.as_primitive::<Decimal128Type>().clone()),
            DataType::Int64 => Ok(amounts.as_primitive::<Int64Type>().unary(Self::from)),
            other => internal_err!("expected decimals or integers, got {other}"),
        }
    }

    fn emit(totals: &[Option<Self>], kind: &DataType) -> Result<ArrayRef> {
        match kind {
            DataType::Decimal128(precision, scale) => {
                for total in totals.iter().flatten() {
                    Decimal128Type::validate_decimal_precision(*total, *precision, *scale)?;
                }
                let column = totals.iter().copied().collect::<PrimitiveArray<Decimal128Type>>();
                Ok(Arc::new(column.with_precision_and_scale(*precision, *scale)?))
            }
            DataType::Int64 => {
                let fit = |total: Self| {
                    i64::try_from(total).map_err(|_| {
                        exec_datafusion_err!(
                            "the sum {total} does not fit a 64-bit integer; cast the amounts to decimal"
                        )
                    })
                };
                let column =
                    totals.iter().map(|total| total.map(fit).transpose()).collect::<Result<Int64Array>>()?;
                Ok(Arc::new(column))
            }
            other => internal_err!("cannot give exact sums as {other}"),
        }
    }
}

impl Total for i256 {
    type State = Decimal256Type;

    const ZERO: Self = Self::ZERO;

    fn plus(self, other: Self) -> Option<Self> {
        self.checked_add(other)
    }

    fn units(self) -> f64 {
        let (low, high) = self.wrapping_abs().to_parts();
        let size = (high as f64).mul_add(2_f64.powi(128), low as f64);
        if self.is_negative() { -size } else { size }
    }

    fn column(amounts: &ArrayRef) -> Result<PrimitiveArray<Decimal256Type>> {
        let DataType::Float64 = amounts.data_type() else {
            return internal_err!("expected doubles, got {}", amounts.data_type());
        };
        amounts.as_primitive::<Float64Type>().iter().map(|amount| amount.map(units_of).transpose()).collect()
    }

    fn emit(totals: &[Option<Self>], kind: &DataType) -> Result<ArrayRef> {
        let DataType::Float64 = kind else {
            return internal_err!("cannot give sums of doubles as {kind}");
        };
        let column: Float64Array =
            totals.iter().map(|total| total.map(|total| total.units() / UNITS)).collect();
        Ok(Arc::new(column))
    }
}

/// A double in units of 2^-100; what is smaller than a unit is cut off.
fn units_of(amount: f64) -> Result<i256> {
    if !amount.is_finite() {
        return exec_err!("cannot sum {amount}: filter what is not a finite number, or make it null");
    }
    if amount.abs() >= LARGEST {
        return exec_err!("cannot sum {amount} exactly: amounts must lie below 8.5e37");
    }
    let bits = amount.to_bits();
    let exponent = ((bits >> 52) & 0x7FF) as i32;
    // The double is mantissa × 2^(exponent - 1075); subnormal ones lie far below a unit.
    let mantissa = (bits & ((1 << 52) - 1)) | (1 << 52);
    let shift = exponent - 1075 + 100;
    let size = match u8::try_from(shift) {
        Ok(left) => i256::from_i128(i128::from(mantissa)) << left,
        Err(_) if shift > -53 => i256::from_i128(i128::from(mantissa >> -shift)),
        Err(_) => i256::ZERO,
    };
    Ok(if amount.is_sign_negative() { size.wrapping_neg() } else { size })
}

/// The type amounts are brought to: decimals stay exact, whole numbers are 64-bit, the rest are doubles.
pub(super) fn coerce_amount(function: &str, given: &DataType) -> Result<DataType> {
    match given {
        kind if kind.is_signed_integer() => Ok(DataType::Int64),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::Null => Ok(DataType::Int64),
        DataType::UInt64 => Ok(DataType::Decimal128(20, 0)),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => Ok(DataType::Decimal128(*precision, *scale)),
        kind if kind.is_floating() => Ok(DataType::Float64),
        other => plan_err!(
            "{function}: the amount must be a decimal of up to 38 digits, an integer or a double, not {other}"
        ),
    }
}

/// The type of a sum of decimals: ten digits more, as SQL's `sum`.
pub(super) fn sum_type(amount: &DataType) -> DataType {
    match amount {
        DataType::Decimal128(precision, scale) => {
            DataType::Decimal128((precision + 10).min(Decimal128Type::MAX_PRECISION), *scale)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn doubles_that_cannot_be_summed_are_refused() {
        assert_eq!(units_of(f64::MIN_POSITIVE / 2.0).unwrap(), i256::ZERO);
        assert_eq!(units_of(-0.0).unwrap(), i256::ZERO);
        for amount in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e38, -1e38] {
            assert!(units_of(amount).is_err(), "{amount}");
        }
    }

    #[test]
    fn sums_that_do_not_fit_are_refused() {
        let error = i128::emit(&[Some(i128::MAX)], &DataType::Int64).unwrap_err().to_string();
        assert!(error.contains("does not fit"), "{error}");
        assert!(i128::emit(&[Some(1000)], &DataType::Decimal128(3, 0)).is_err());
        assert_eq!(i128::MAX.plus(1), None);
    }

    proptest! {
        #[test]
        fn one_double_comes_back_as_it_was(amount in prop_oneof![-1e30..1e30_f64, -1e3..1e3_f64]) {
            // Below 1e-15 the last bits lie under a unit.
            prop_assume!(amount.abs() > 1e-15);
            prop_assert_eq!(units_of(amount).unwrap().units() / UNITS, amount);
        }

        #[test]
        fn units_are_what_the_library_computes(amount in prop_oneof![-1e37..1e37_f64, -1.0..1.0_f64, -1e-28..1e-28_f64]) {
            prop_assert_eq!(units_of(amount).unwrap(), i256::from_f64(amount * UNITS).unwrap());
        }

        #[test]
        fn order_of_doubles_does_not_matter(mut amounts in prop::collection::vec(-1e20..1e20_f64, 0..50)) {
            let sum = |amounts: &[f64]| amounts.iter().fold(i256::ZERO, |sum, a| sum.plus(units_of(*a).unwrap()).unwrap());
            let forwards = sum(&amounts);
            amounts.sort_by(f64::total_cmp);
            prop_assert_eq!(forwards, sum(&amounts));
        }
    }
}
