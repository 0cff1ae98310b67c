//! Months as YYYYMM integers: arithmetic, last days, and which month a coarser grain reads.

use chrono::{Datelike, NaiveDate};

use crate::definition::Grain;

/// Whether an integer is a month YYYYMM between 1900 and 2999.
pub fn is_period(period: i32) -> bool {
    (190_001..=299_912).contains(&period) && (1..=12).contains(&(period % 100))
}

/// The month `months` later (earlier when negative).
pub fn add(period: i32, months: i32) -> i32 {
    let total = (period / 100) * 12 + period % 100 - 1 + months;
    total.div_euclid(12) * 100 + total.rem_euclid(12) + 1
}

/// The first day of a month; `None` when `period` is no month.
pub fn start(period: i32) -> Option<NaiveDate> {
    is_period(period).then(|| NaiveDate::from_ymd_opt(period / 100, u32::try_from(period % 100).ok()?, 1))?
}

/// The last day of a month; `None` when `period` is no month.
pub fn end(period: i32) -> Option<NaiveDate> {
    let next = add(period, 1);
    is_period(period)
        .then(|| NaiveDate::from_ymd_opt(next / 100, u32::try_from(next % 100).ok()?, 1))??
        .pred_opt()
}

/// The month a day lies in.
pub fn of(day: NaiveDate) -> i32 {
    day.year() * 100 + i32::try_from(day.month()).unwrap_or(1)
}

/// The month an indicator of this grain reads at `as_of`: the end of the latest complete quarter or year.
pub fn at_grain(as_of: i32, grain: Grain) -> i32 {
    add(as_of, -((as_of % 100) % grain.months()))
}

/// The last month of the span of this grain that a month lies in.
pub fn span_end(month: i32, grain: Grain) -> i32 {
    at_grain(add(month, grain.months() - 1), grain)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn months_add_across_years() {
        assert_eq!(add(202002, -11), 201903);
        assert_eq!(add(202002, -2), 201912);
        assert_eq!(add(201912, 1), 202001);
        assert_eq!(add(202006, 0), 202006);
    }

    #[test]
    fn a_month_ends_on_its_last_day() {
        assert_eq!(end(202002).unwrap().to_string(), "2020-02-29");
        assert_eq!(end(202112).unwrap().to_string(), "2021-12-31");
        assert_eq!(end(202113), None);
    }

    #[test]
    fn coarser_grains_read_the_last_complete_span() {
        assert_eq!(at_grain(202005, Grain::Month), 202005);
        assert_eq!(at_grain(202005, Grain::Quarter), 202003);
        assert_eq!(at_grain(202006, Grain::Quarter), 202006);
        assert_eq!(at_grain(202011, Grain::Year), 201912);
        assert_eq!(at_grain(202012, Grain::Year), 202012);
    }

    #[test]
    fn a_month_lies_in_the_span_that_ends_at_or_after_it() {
        assert_eq!(span_end(202005, Grain::Month), 202005);
        assert_eq!(span_end(202005, Grain::Quarter), 202006);
        assert_eq!(span_end(202006, Grain::Quarter), 202006);
        assert_eq!(span_end(202011, Grain::Year), 202012);
        assert_eq!(span_end(202101, Grain::Year), 202112);
    }
}
