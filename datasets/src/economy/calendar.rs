//! Months and days on which business is done: working days, holidays, rush before the end of a month.

use chrono::{Datelike, Duration, NaiveDate, Weekday};

/// Spring Festival's first day; years outside have no holiday of that name here.
const SPRING_FESTIVAL: [(i32, u32, u32); 6] =
    [(2023, 1, 22), (2024, 2, 10), (2025, 1, 29), (2026, 2, 17), (2027, 2, 6), (2028, 1, 26)];

/// When a kind of business issues its invoices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rhythm {
    /// Offices: Monday to Friday, in office hours.
    Office,
    /// Shops and restaurants: every day, into the evening.
    Shop,
}

/// A month as year and month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Month {
    year: i32,
    month: u32,
}

impl Month {
    /// From YYYYMM; `None` when that is no month.
    pub(super) fn new(period: i32) -> Option<Self> {
        let (year, month) = (period / 100, period % 100);
        let valid = (1..=12).contains(&month) && (1990..=2200).contains(&year);
        valid.then_some(Self { year, month: month as u32 })
    }

    /// `count` months later.
    pub(super) fn plus(self, count: usize) -> Self {
        let months = self.year * 12 + self.month as i32 - 1 + count as i32;
        Self { year: months.div_euclid(12), month: months.rem_euclid(12) as u32 + 1 }
    }

    /// `count` months earlier.
    pub(super) fn minus(self, count: usize) -> Self {
        let months = self.year * 12 + self.month as i32 - 1 - count as i32;
        Self { year: months.div_euclid(12), month: months.rem_euclid(12) as u32 + 1 }
    }

    /// As YYYYMM.
    pub(super) fn period(self) -> i32 {
        self.year * 100 + self.month as i32
    }

    /// Month of the year, 0 to 11.
    pub(super) fn of_year(self) -> usize {
        self.month as usize - 1
    }

    /// Its first day.
    pub(super) fn first(self) -> NaiveDate {
        NaiveDate::from_ymd_opt(self.year, self.month, 1).unwrap_or_default()
    }

    /// Its first day, days since 1970.
    pub(super) fn first_day(self) -> i32 {
        self.first().num_days_from_ce() - 719_163
    }

    /// All its days.
    pub(super) fn days(self) -> Vec<NaiveDate> {
        let end = self.plus(1).first();
        self.first().iter_days().take_while(|day| *day < end).collect()
    }
}

/// The year of a day given as days since 1970.
pub(super) fn year_of(day: i32) -> i32 {
    NaiveDate::from_num_days_from_ce_opt(day + 719_163).unwrap_or_default().year()
}

/// How much business a day sees, relative to an ordinary working day.
pub(super) fn day_weight(day: NaiveDate, rhythm: Rhythm) -> f64 {
    if rhythm == Rhythm::Shop {
        return if is_spring_festival(day) { 0.4 } else { 1.0 };
    }
    if is_holiday(day) {
        return 0.04;
    }
    match day.weekday() {
        Weekday::Sat => 0.22,
        Weekday::Sun => 0.08,
        _ => 1.0,
    }
}

/// Weights of a month's days for a firm that issues `rush` times as much on the last three days.
pub(super) fn month_weights(days: &[NaiveDate], rhythm: Rhythm, rush: f64) -> Vec<f64> {
    let last = days.len().saturating_sub(3);
    let weight = |(index, day): (usize, &NaiveDate)| {
        // Someone who pushes invoices out before the month closes works weekends for it.
        let usual = day_weight(*day, rhythm);
        if index >= last { usual.max(if rush > 3.0 { 0.8 } else { 0.0 }) * rush } else { usual }
    };
    days.iter().enumerate().map(weight).collect()
}

fn is_spring_festival(day: NaiveDate) -> bool {
    SPRING_FESTIVAL.iter().any(|(year, month, first)| {
        let start = NaiveDate::from_ymd_opt(*year, *month, *first).unwrap_or_default() - Duration::days(1);
        (start..start + Duration::days(9)).contains(&day)
    })
}

fn is_holiday(day: NaiveDate) -> bool {
    let fixed = matches!((day.month(), day.day()), (1, 1) | (5, 1..=3) | (10, 1..=7));
    fixed || is_spring_festival(day)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn months_roll_over_the_year() {
        let month = Month::new(202511).unwrap();
        assert_eq!(month.plus(2).period(), 202601);
        assert_eq!(month.plus(13).period(), 202612);
        assert_eq!(month.plus(3).days().len(), 28);
        assert_eq!(Month::new(202513), None);
    }

    #[test]
    fn a_rush_lifts_the_last_three_days_only() {
        let days = Month::new(202603).unwrap().days();
        let (calm, rushed) =
            (month_weights(&days, Rhythm::Office, 1.0), month_weights(&days, Rhythm::Office, 9.0));
        assert_eq!(calm[..28], rushed[..28]);
        assert!(rushed[28..].iter().sum::<f64>() > 8.0 * calm[28..].iter().sum::<f64>());
    }
}
