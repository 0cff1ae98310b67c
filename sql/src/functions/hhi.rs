//! `hhi(key, amount) -> double`: the Herfindahl–Hirschman index, how concentrated amounts are on few keys.
//!
//! The amounts are summed per key; the index is the sum of the squared shares of the keys, between 1/n (n equal
//! keys) and 1 (one key). Keys whose total is not positive (all sales reversed) have no share and are left out.
//! Null where no key is left. Null keys and amounts are left out.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility};

use super::keyed::{Measure, coerce_key, groups, one_group, refuse_distinct, state_fields};
use super::totals::{Total, coerce_amount};
use super::{SECTION, check_count, documentation};

const USAGE: &str = "hhi(key, amount)";

/// The SQL aggregate `hhi`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Hhi {
    signature: Signature,
}

impl Hhi {
    /// The aggregate, ready to register.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for Hhi {
    fn name(&self) -> &str {
        "hhi"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        check_count(USAGE, given, 2)?;
        Ok(vec![coerce_key(USAGE, &given[0])?, coerce_amount(USAGE, &given[1])?])
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(state_fields(&args))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        refuse_distinct(USAGE, &args)?;
        Ok(one_group(&args, Concentration))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(groups(&args, Concentration))
    }

    documentation!(
        SECTION,
        "Herfindahl-Hirschman index: sum of the squared shares of the keys in the amount, 1/n to 1. Keys with a total of zero or less are left out; null when none is left.",
        "hhi(key, amount)"
    );
}

#[derive(Debug)]
struct Concentration;

impl<T: Total> Measure<T> for Concentration {
    fn measure(&self, totals: &mut [T], offsets: &[usize]) -> Result<ArrayRef> {
        let results: Float64Array =
            offsets.windows(2).map(|ends| concentration(&mut totals[ends[0]..ends[1]])).collect();
        Ok(Arc::new(results))
    }
}

/// The index of one group. Totals are added in ascending order: the same for any order of rows.
fn concentration<T: Total>(totals: &mut [T]) -> Option<f64> {
    totals.sort_unstable();
    let positive = &totals[totals.partition_point(|total| *total <= T::ZERO)..];
    if positive.is_empty() {
        return None;
    }
    let sum: f64 = positive.iter().map(|total| total.units()).sum();
    Some(positive.iter().map(|total| (total.units() / sum).powi(2)).sum())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn known_indices() {
        assert_eq!(concentration(&mut [5_i128]), Some(1.0));
        assert_eq!(concentration(&mut [5_i128, 5, 5, 5]), Some(0.25));
        assert_eq!(concentration(&mut [30_i128, 10]), Some(0.625));
    }

    #[test]
    fn keys_without_a_positive_total_have_no_share() {
        assert_eq!(concentration(&mut [30_i128, 0, -100, 10]), Some(0.625));
        assert_eq!(concentration(&mut [0_i128, -1]), None);
        assert_eq!(concentration::<i128>(&mut []), None);
    }
}
