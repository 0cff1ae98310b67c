//! `top_sum(key, amount, k) -> decimal | double | bigint`: what the k keys with the largest totals amount to.
//!
//! The amounts are summed per key, the k largest totals are added. Fewer keys than k: all of them. The result is
//! of the type SQL's `sum` of the amount has. Null keys and amounts are left out; null where nothing is left.
//! Negative totals count like others: with fewer than k positive keys they lower the result.

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility};
use datafusion::physical_plan::expressions::Literal;

use super::keyed::{Measure, coerce_key, groups, one_group, refuse_distinct, state_fields};
use super::totals::{Total, coerce_amount, sum_type};
use super::{SECTION, check_count, documentation};

const USAGE: &str = "top_sum(key, amount, k)";

/// The SQL aggregate `top_sum`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct TopSum {
    signature: Signature,
}

impl TopSum {
    /// The aggregate, ready to register.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for TopSum {
    fn name(&self) -> &str {
        "top_sum"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        check_count(USAGE, given, 3)?;
        if !given[2].is_integer() {
            return plan_err!("{USAGE}: k must be a whole number, not {}", given[2]);
        }
        Ok(vec![coerce_key(USAGE, &given[0])?, coerce_amount(USAGE, &given[1])?, DataType::Int64])
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        Ok(sum_type(&given[1]))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(state_fields(&args))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        refuse_distinct(USAGE, &args)?;
        Ok(one_group(&args, Largest::new(&args)?))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(groups(&args, Largest::new(&args)?))
    }

    documentation!(
        SECTION,
        "Sum of the k largest totals per key. Exact for decimals; of the type sum(amount) has. Null when there is no key.",
        "top_sum(key, amount, k)"
    );
}

/// Adds the k largest totals.
#[derive(Debug)]
struct Largest {
    k: usize,
    returns: DataType,
}

impl Largest {
    fn new(args: &AccumulatorArgs) -> Result<Self> {
        let k = match args.exprs[2].downcast_ref::<Literal>().map(Literal::value) {
            Some(ScalarValue::Int64(Some(k))) if *k >= 1 => usize::try_from(*k).unwrap_or(usize::MAX),
            _ => return plan_err!("{USAGE}: k must be a constant of 1 or more, not {}", args.exprs[2]),
        };
        Ok(Self { k, returns: args.return_field.data_type().clone() })
    }
}

impl<T: Total> Measure<T> for Largest {
    fn measure(&self, totals: &mut [T], offsets: &[usize]) -> Result<ArrayRef> {
        let sums = offsets
            .windows(2)
            .map(|ends| sum_of_largest(&mut totals[ends[0]..ends[1]], self.k))
            .collect::<Result<Vec<_>>>()?;
        T::emit(&sums, &self.returns)
    }
}

fn sum_of_largest<T: Total>(totals: &mut [T], k: usize) -> Result<Option<T>> {
    let largest = if totals.len() > k {
        totals.select_nth_unstable_by(k - 1, |a, b| b.cmp(a));
        &totals[..k]
    } else {
        &*totals
    };
    let mut sum = None;
    for total in largest {
        let so_far = sum.unwrap_or(T::ZERO);
        sum = Some(so_far.plus(*total).ok_or_else(|| {
            exec_datafusion_err!("top_sum: the sum exceeds 38 digits; cast the amounts to decimal(18,2)")
        })?);
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fewer_keys_than_k_and_none() {
        assert_eq!(sum_of_largest(&mut [3_i128, -5], 3).unwrap(), Some(-2));
        assert_eq!(sum_of_largest::<i128>(&mut [], 3).unwrap(), None);
        assert!(sum_of_largest(&mut [i128::MAX, 1], 2).is_err());
    }

    proptest! {
        #[test]
        fn agrees_with_sorting(mut totals in prop::collection::vec(-1000_i128..1000, 1..40), k in 1_usize..45) {
            let mut sorted = totals.clone();
            sorted.sort_by(|a, b| b.cmp(a));
            let expected: i128 = sorted.iter().take(k).sum();
            prop_assert_eq!(sum_of_largest(&mut totals, k).unwrap(), Some(expected));
        }
    }
}
