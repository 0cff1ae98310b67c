//! Periods: months written as the integer YYYYMM, as every monthly table carries them.
//!
//! `period_add(period, months)`, `period_diff(a, b)` (months from b to a), `period_of(date | timestamp)`,
//! `period_start(period)` and `period_end(period)` (first and last day). A number that is no period (month 0 or
//! 13, year 0 or beyond 9999) is unknown: the result is null, one bad row does not stop a scan.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array, PrimitiveArray};
use arrow::datatypes::{
    ArrowTimestampType, DataType, Date32Type, Int32Type, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use datafusion::common::{Result, internal_err, plan_err};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use super::{SECTION, by_column, check_count, documentation};

/// Months since year 0 of a period; `None` when it is none.
pub fn month_index(period: i32) -> Option<i64> {
    let (year, month) = (i64::from(period / 100), i64::from(period % 100));
    ((1..=9999).contains(&year) && (1..=12).contains(&month)).then_some(year * 12 + month - 1)
}

/// The period of a count of months since year 0; `None` outside the years 1 … 9999.
pub fn period_at(index: i64) -> Option<i32> {
    let (year, month) = (index.div_euclid(12), index.rem_euclid(12) + 1);
    (1..=9999).contains(&year).then_some((year * 100 + month) as i32)
}

/// `period` moved by `months`, which may be negative.
pub fn period_add(period: i32, months: i32) -> Option<i32> {
    period_at(month_index(period)? + i64::from(months))
}

/// Months from `b` to `a`: positive when `a` is later.
pub fn period_diff(a: i32, b: i32) -> Option<i32> {
    // Both lie within 10,000 years, so the difference fits.
    Some((month_index(a)? - month_index(b)?) as i32)
}

/// First day of a period, in days since 1970-01-01.
pub fn period_start(period: i32) -> Option<i32> {
    let index = month_index(period)?;
    Some(first_day(index))
}

/// Last day of a period, in days since 1970-01-01.
pub fn period_end(period: i32) -> Option<i32> {
    let index = month_index(period)?;
    Some(first_day(index + 1) - 1)
}

/// The period in which a day lies. Grows with the day for all days, also before year 1.
pub fn period_of_day(day: i32) -> i32 {
    // Days to civil date after Howard Hinnant: years begin in March, in eras of 400 years.
    let day = i64::from(day) + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    // An i32 of days spans under six million years: times 100 it still fits.
    (year * 100 + month) as i32
}

/// How many days a month (1 … 12) has.
pub(super) fn days_of_month(year: i64, month: i64) -> i64 {
    let index = year * 12 + month - 1;
    i64::from(first_day(index + 1) - first_day(index))
}

/// First day of a month counted since year 0, in days since 1970-01-01; for the years 0 … 10,000.
fn first_day(index: i64) -> i32 {
    let (year, month) = (index.div_euclid(12), index.rem_euclid(12) + 1);
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * march_month + 2) / 5;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    (era * 146_097 + of_era - 719_468) as i32
}

/// All integers are taken as 32 bits: a period that does not fit is an error of the cast.
fn coerce_integers(usage: &str, given: &[DataType], count: usize) -> Result<Vec<DataType>> {
    check_count(usage, given, count)?;
    for kind in given {
        if !kind.is_integer() && !kind.is_null() {
            return plan_err!("{usage} takes integers such as 202506, not {kind}");
        }
    }
    Ok(vec![DataType::Int32; count])
}

fn one_int(columns: &[ArrayRef], each: fn(i32) -> Option<i32>) -> PrimitiveArray<Date32Type> {
    columns[0].as_primitive::<Int32Type>().unary_opt(each)
}

fn two_ints(columns: &[ArrayRef], each: fn(i32, i32) -> Option<i32>) -> ArrayRef {
    let (a, b) = (columns[0].as_primitive::<Int32Type>(), columns[1].as_primitive::<Int32Type>());
    let result: Int32Array = a.iter().zip(b).map(|(a, b)| each(a?, b?)).collect();
    Arc::new(result)
}

/// Declares a function over integers; the five differ in name, arguments and kernel only.
macro_rules! integer_function {
    ($type:ident, $name:literal, $usage:literal, $count:literal, $returns:expr, $kernel:expr, $about:literal) => {
        #[doc = concat!("The SQL function `", $usage, "`.")]
        #[derive(Debug, PartialEq, Eq, Hash)]
        pub struct $type {
            signature: Signature,
        }

        impl $type {
            /// The function, ready to register.
            #[allow(clippy::new_without_default)]
            pub fn new() -> Self {
                Self { signature: Signature::user_defined(Volatility::Immutable) }
            }
        }

        impl ScalarUDFImpl for $type {
            fn name(&self) -> &str {
                $name
            }

            fn signature(&self) -> &Signature {
                &self.signature
            }

            fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
                coerce_integers($usage, given, $count)
            }

            fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
                Ok($returns)
            }

            fn is_strict(&self) -> bool {
                true
            }

            fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
                by_column(&args, |columns| Ok($kernel(columns)))
            }

            documentation!(SECTION, $about, $usage);
        }
    };
}

integer_function!(
    PeriodAdd,
    "period_add",
    "period_add(period, months)",
    2,
    DataType::Int32,
    |columns: &[ArrayRef]| two_ints(columns, period_add),
    "The period (YYYYMM) so many months later, or earlier when negative. Null when the first argument is no period."
);
integer_function!(
    PeriodDiff,
    "period_diff",
    "period_diff(a, b)",
    2,
    DataType::Int32,
    |columns: &[ArrayRef]| two_ints(columns, period_diff),
    "Months from period b to period a (YYYYMM): positive when a is later. Null when one is no period."
);
integer_function!(
    PeriodStart,
    "period_start",
    "period_start(period)",
    1,
    DataType::Date32,
    |columns: &[ArrayRef]| Arc::new(one_int(columns, period_start)) as ArrayRef,
    "First day of a period (YYYYMM). Null when the argument is no period."
);
integer_function!(
    PeriodEnd,
    "period_end",
    "period_end(period)",
    1,
    DataType::Date32,
    |columns: &[ArrayRef]| Arc::new(one_int(columns, period_end)) as ArrayRef,
    "Last day of a period (YYYYMM). Null when the argument is no period."
);

/// The SQL function `period_of(date | timestamp)`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct PeriodOf {
    signature: Signature,
}

impl PeriodOf {
    /// The function, ready to register.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for PeriodOf {
    fn name(&self) -> &str {
        "period_of"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        check_count("period_of(date)", given, 1)?;
        match &given[0] {
            kind @ (DataType::Date32 | DataType::Timestamp(_, None)) => Ok(vec![kind.clone()]),
            DataType::Date64 | DataType::Null => Ok(vec![DataType::Date32]),
            DataType::Timestamp(_, Some(zone)) => plan_err!(
                "period_of takes a local date or timestamp, not one with time zone {zone}; cast it to timestamp first"
            ),
            other => plan_err!("period_of takes a date or timestamp, not {other}; cast it to date first"),
        }
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn is_strict(&self) -> bool {
        true
    }

    /// Later days never lie in earlier periods, so that data sorted by day is sorted by period.
    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        Ok(inputs.first().map_or(SortProperties::Unordered, |input| input.sort_properties))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        by_column(&args, |columns| periods_of(&columns[0]))
    }

    documentation!(
        SECTION,
        "The period (YYYYMM) in which a date or timestamp lies. Null for null.",
        "period_of(date)"
    );
}

fn periods_of(column: &ArrayRef) -> Result<ArrayRef> {
    let periods: Int32Array = match column.data_type() {
        DataType::Date32 => column.as_primitive::<Date32Type>().unary(period_of_day),
        DataType::Timestamp(TimeUnit::Second, _) => of_timestamps::<TimestampSecondType>(column)?,
        DataType::Timestamp(TimeUnit::Millisecond, _) => of_timestamps::<TimestampMillisecondType>(column)?,
        DataType::Timestamp(TimeUnit::Microsecond, _) => of_timestamps::<TimestampMicrosecondType>(column)?,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => of_timestamps::<TimestampNanosecondType>(column)?,
        other => return internal_err!("period_of: unexpected type {other}"),
    };
    Ok(Arc::new(periods))
}

fn of_timestamps<T: ArrowTimestampType>(column: &ArrayRef) -> Result<Int32Array> {
    let per_day: i64 = match T::UNIT {
        TimeUnit::Second => 86_400,
        TimeUnit::Millisecond => 86_400_000,
        TimeUnit::Microsecond => 86_400_000_000,
        TimeUnit::Nanosecond => 86_400_000_000_000,
    };
    let periods = column.as_primitive::<T>().try_unary(|at| {
        i32::try_from(at.div_euclid(per_day)).map(period_of_day).map_err(|_| {
            arrow::error::ArrowError::ComputeError(format!(
                "period_of: timestamp {at} lies outside the calendar"
            ))
        })
    })?;
    Ok(periods)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use arrow::array::{Date32Array, TimestampMillisecondArray, TimestampSecondArray};
    use chrono::{Datelike, Months, NaiveDate};
    use proptest::prelude::*;

    fn epoch() -> NaiveDate {
        NaiveDate::from_ymd_opt(1970, 1, 1).unwrap()
    }

    fn period(date: NaiveDate) -> i32 {
        date.year() * 100 + date.month() as i32
    }

    #[test]
    fn examples() {
        assert_eq!(period_add(202501, -1), Some(202412));
        assert_eq!(period_add(202506, -11), Some(202407));
        assert_eq!(period_add(202506, 7), Some(202601));
        assert_eq!(period_diff(202506, 202412), Some(6));
        assert_eq!(period_diff(202412, 202506), Some(-6));
    }

    #[test]
    fn what_is_no_period_is_unknown() {
        for bad in [0, 13, 202500, 202513, -202506, 1_000_001, i32::MIN, i32::MAX] {
            assert_eq!(period_add(bad, 1), None, "{bad}");
            assert_eq!(period_end(bad), None, "{bad}");
            assert_eq!(period_diff(bad, 202506), None, "{bad}");
        }
        assert_eq!(period_add(999_912, 1), None);
        assert_eq!(period_add(101, -1), None);
        assert_eq!(period_add(202506, i32::MIN), None);
    }

    #[test]
    fn period_grows_with_the_day_over_all_days() {
        let ends = [i32::MIN, -800_000, -719_468, -719_162, -1, 0, 1, 20_000, i32::MAX];
        let periods: Vec<i32> = ends.iter().map(|day| period_of_day(*day)).collect();
        assert!(periods.is_sorted(), "{periods:?}");
    }

    #[test]
    fn timestamps_before_1970_and_nulls() {
        let column: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![Some(-1), None, Some(0)]));
        let periods = periods_of(&column).unwrap();
        assert_eq!(
            periods.as_primitive::<Int32Type>(),
            &Int32Array::from(vec![Some(196_912), None, Some(197_001)])
        );
        let beyond: ArrayRef = Arc::new(TimestampSecondArray::from(vec![i64::MAX]));
        assert!(periods_of(&beyond).unwrap_err().to_string().contains("outside the calendar"));
        let days: ArrayRef = Arc::new(Date32Array::from(vec![Some(59), None]));
        let periods = periods_of(&days).unwrap();
        assert_eq!(periods.as_primitive::<Int32Type>(), &Int32Array::from(vec![Some(197_003), None]));
    }

    proptest! {
        #[test]
        fn agrees_with_the_calendar(day in -700_000_i32..2_900_000) {
            let date = epoch() + chrono::Duration::days(i64::from(day));
            prop_assert_eq!(period_of_day(day), period(date));
            let start = date.with_day(1).unwrap();
            let next = start.checked_add_months(Months::new(1)).unwrap();
            let days = |date: NaiveDate| date.signed_duration_since(epoch()).num_days() as i32;
            if date.year() >= 1 && next.year() <= 9999 {
                prop_assert_eq!(period_start(period(date)), Some(days(start)));
                prop_assert_eq!(period_end(period(date)), Some(days(next) - 1));
            }
        }

        #[test]
        fn add_and_diff_are_inverse(year in 1000_i32..9000, month in 1_i32..=12, months in -5000_i32..5000) {
            let start = year * 100 + month;
            let moved = period_add(start, months).unwrap();
            let date = NaiveDate::from_ymd_opt(year, month as u32, 1).unwrap();
            let by_calendar = if months < 0 {
                date.checked_sub_months(Months::new(months.unsigned_abs()))
            } else {
                date.checked_add_months(Months::new(months.unsigned_abs()))
            };
            prop_assert_eq!(moved, period(by_calendar.unwrap()));
            prop_assert_eq!(period_diff(moved, start), Some(months));
        }
    }
}
