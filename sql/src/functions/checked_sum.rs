//! `checked_sum(decimal) -> decimal`: a sum that fails where SQL's `sum` would wrap around.
//!
//! DataFusion 55 adds decimals modulo 2^128 and says nothing when a sum leaves its type (apache/datafusion
//! #16406). This aggregate adds in 256 bits and compares the result with its type once, at the end: an
//! intermediate sum may be out of range, and the outcome does not depend on the order of rows. The result has ten
//! digits more than the argument, 38 at most. Nulls are left out; null where nothing is left.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Decimal256Array};
use arrow::datatypes::{DataType, Decimal128Type, Decimal256Type, DecimalType, Field, FieldRef, i256};
use datafusion::common::{Result, exec_datafusion_err, internal_err, not_impl_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use super::one_group::{OneGroup, Peek};
use super::totals::sum_type;
use super::{SECTION, check_count, documentation};

const USAGE: &str = "checked_sum(amount)";

/// The SQL aggregate `checked_sum`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct CheckedSum {
    signature: Signature,
}

impl CheckedSum {
    /// The aggregate, ready to register.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &str {
        "checked_sum"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        check_count(USAGE, given, 1)?;
        let kind = match &given[0] {
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale) => DataType::Decimal128(*precision, *scale),
            kind if kind.is_integer() => DataType::Decimal128(20, 0),
            DataType::Null => DataType::Decimal128(18, 2),
            other => {
                return plan_err!(
                    "{USAGE} takes decimals of up to 38 digits and integers, not {other}; cast to decimal(18,2) first"
                );
            }
        };
        Ok(vec![kind])
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        Ok(sum_type(&given[0]))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let kind = wide_type(args.return_field.data_type())?;
        Ok(vec![Arc::new(Field::new(format_state_name(args.name, "sum"), kind, true))])
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return not_impl_err!("{USAGE} does not take DISTINCT: it would drop equal amounts");
        }
        Ok(Box::new(OneGroup::new(WideSums::new(args.return_field.data_type())?)))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(WideSums::new(args.return_field.data_type())?))
    }

    documentation!(
        SECTION,
        "Exact sum of decimals that fails instead of wrapping around when the result does not fit its type.",
        "checked_sum(amount)"
    );
}

/// The type sums travel in between partitions.
fn wide_type(returns: &DataType) -> Result<DataType> {
    match returns {
        DataType::Decimal128(_, scale) => Ok(DataType::Decimal256(Decimal256Type::MAX_PRECISION, *scale)),
        other => internal_err!("checked_sum cannot return {other}"),
    }
}

/// Sums of many groups, in 256 bits: 2^128 of the largest decimals fit, so that adding cannot overflow.
#[derive(Debug)]
struct WideSums {
    sums: Vec<i256>,
    /// Whether a group had a value: without one its sum is null.
    seen: Vec<bool>,
    precision: u8,
    scale: i8,
    wide: DataType,
}

impl WideSums {
    fn new(returns: &DataType) -> Result<Self> {
        let wide = wide_type(returns)?;
        let DataType::Decimal128(precision, scale) = *returns else {
            return internal_err!("checked_sum cannot return {returns}");
        };
        Ok(Self { sums: Vec::new(), seen: Vec::new(), precision, scale, wide })
    }

    fn grow(&mut self, groups: usize) {
        self.sums.resize(groups.max(self.sums.len()), i256::ZERO);
        self.seen.resize(groups.max(self.seen.len()), false);
    }

    fn add(&mut self, group: usize, amount: i256) {
        self.sums[group] = self.sums[group].wrapping_add(amount);
        self.seen[group] = true;
    }

    fn narrow(&self, sum: i256) -> Result<i128> {
        let fits = |sum: &i128| Decimal128Type::is_valid_decimal_precision(*sum, self.precision);
        sum.to_i128().filter(fits).ok_or_else(|| {
            let shown = Decimal256Type::format_decimal(sum, Decimal256Type::MAX_PRECISION, self.scale);
            exec_datafusion_err!(
                "checked_sum: the sum {shown} does not fit decimal({},{})",
                self.precision,
                self.scale
            )
        })
    }
}

impl Peek for WideSums {
    fn peek(&self, groups: usize) -> Result<ArrayRef> {
        let sums = (0..groups)
            .map(|group| match self.seen.get(group) {
                Some(true) => self.narrow(self.sums[group]).map(Some),
                _ => Ok(None),
            })
            .collect::<Result<Decimal128Array>>()?;
        Ok(Arc::new(sums.with_precision_and_scale(self.precision, self.scale)?))
    }
}

impl GroupsAccumulator for WideSums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let amounts = values[0].as_primitive::<Decimal128Type>();
        for (row, &group) in group_indices.iter().enumerate() {
            let let_through = opt_filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            if let_through && amounts.is_valid(row) {
                self.add(group, i256::from_i128(amounts.value(row)));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = match emit_to {
            EmitTo::All => self.sums.len(),
            EmitTo::First(groups) => groups,
        };
        let results = self.peek(groups)?;
        emit_to.take_needed(&mut self.sums);
        emit_to.take_needed(&mut self.seen);
        Ok(results)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        if let EmitTo::First(groups) = emit_to {
            self.grow(groups);
        }
        let sums = emit_to.take_needed(&mut self.sums);
        let seen = emit_to.take_needed(&mut self.seen);
        let column = Decimal256Array::new(sums.into(), Some(seen.into()));
        Ok(vec![Arc::new(column.with_data_type(self.wide.clone()))])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let sums = values[0].as_primitive::<Decimal256Type>();
        for (row, &group) in group_indices.iter().enumerate() {
            if sums.is_valid(row) {
                self.add(group, sums.value(row));
            }
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let amounts = values[0].as_primitive::<Decimal128Type>();
        let column: Decimal256Array = (0..amounts.len())
            .map(|row| {
                let let_through = opt_filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
                (let_through && amounts.is_valid(row)).then(|| i256::from_i128(amounts.value(row)))
            })
            .collect();
        Ok(vec![Arc::new(column.with_data_type(self.wide.clone()))])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<i256>() + self.seen.capacity()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn decimals(values: &[Option<i128>]) -> ArrayRef {
        let column: Decimal128Array = values.iter().copied().collect();
        Arc::new(column.with_precision_and_scale(38, 0).unwrap())
    }

    #[test]
    fn intermediate_sums_may_be_out_of_range() {
        let nines = 10_i128.pow(38) - 1;
        let mut sums = WideSums::new(&DataType::Decimal128(38, 0)).unwrap();
        let column = decimals(&[Some(nines), Some(nines), Some(-nines), None, Some(1)]);
        sums.update_batch(&[column], &[0, 0, 0, 1, 2], None, 4).unwrap();
        let result = sums.evaluate(EmitTo::All).unwrap();
        assert_eq!(result.as_ref(), decimals(&[Some(nines), None, Some(1), None]).as_ref());
    }

    #[test]
    fn too_large_a_sum_is_named() {
        let nines = 10_i128.pow(38) - 1;
        let mut sums = WideSums::new(&DataType::Decimal128(38, 2)).unwrap();
        sums.update_batch(&[decimals(&[Some(nines); 3])], &[0, 0, 0], None, 1).unwrap();
        let error = sums.evaluate(EmitTo::All).unwrap_err().to_string();
        assert!(
            error.contains("2999999999999999999999999999999999999.97 does not fit decimal(38,2)"),
            "{error}"
        );
    }

    #[test]
    fn states_merge_and_groups_leave_from_the_front() {
        let mut left = WideSums::new(&DataType::Decimal128(38, 0)).unwrap();
        let filter = BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]);
        let column = decimals(&[Some(1), Some(2), Some(4), Some(8)]);
        left.update_batch(&[Arc::clone(&column)], &[0, 0, 1, 2], Some(&filter), 3).unwrap();
        let state = left.state(EmitTo::All).unwrap();
        let mut right = WideSums::new(&DataType::Decimal128(38, 0)).unwrap();
        right.merge_batch(&state, &[2, 1, 0], 3).unwrap();
        let rows = right.convert_to_state(&[column], Some(&filter)).unwrap();
        right.merge_batch(&rows, &[0, 0, 0, 1], 3).unwrap();
        let first = right.evaluate(EmitTo::First(1)).unwrap();
        assert_eq!(first.as_ref(), decimals(&[Some(9)]).as_ref());
        let rest = right.evaluate(EmitTo::All).unwrap();
        assert_eq!(rest.as_ref(), decimals(&[Some(8), Some(1)]).as_ref());
    }
}
