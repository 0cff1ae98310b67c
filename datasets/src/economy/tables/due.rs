//! Days on which taxes are due: the 15th after the period, moved as 税收征收管理法实施细则 article 109 says, over the
//! holidays of the calendar.
//!
//! When the last day is a day off, the next working day is the last; when three or more holidays in a row fall into
//! the term (the 1st to the 15th), it is longer by as many working days. So it was in the calendars the State
//! Taxation Administration published for 2024 and 2025, by which the tests go.

use arrow::array::RecordBatch;
use chrono::{Datelike, Days, NaiveDate, Weekday};

use super::rows::Rows;
use crate::calendar::{CALENDAR, CalendarError, WorkCalendar};
use crate::economy::model::World;
use crate::economy::{EconomyError, Part};

/// Taxes in the calendar, by whether a period of theirs ends with every month or only with every quarter.
const TAXES: [(&str, bool); 13] = [
    ("cit", true),
    // The settlement of the year, which ends in May and has no holiday rule worth the name.
    ("cit_settlement", true),
    ("city_maintenance", false),
    ("consumption", false),
    ("education", false),
    ("environment", true),
    ("iit", false),
    ("land_use", true),
    ("local_education", false),
    ("property", true),
    ("resource", false),
    ("stamp", true),
    ("vat", false),
];

/// The calendar, with what the generator takes of years nobody announced: the days that 全国年节及纪念日放假办法 itself fixes to the
/// solar calendar are holidays then, and no weekend is worked.
#[derive(Clone, Copy)]
struct Holidays(&'static WorkCalendar);

impl Holidays {
    fn is_holiday(self, day: NaiveDate) -> bool {
        let fixed = || matches!((day.month(), day.day()), (1, 1) | (5, 1..=2) | (10, 1..=3));
        match self.0.named(day) {
            Some(worked) => !worked,
            None => !self.0.knows(day.year()) && fixed(),
        }
    }

    fn is_workday(self, day: NaiveDate) -> bool {
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        self.0.is_workday(day).unwrap_or_else(|_| !weekend && !self.is_holiday(day))
    }

    /// The last day of a term that runs from the 1st to the 15th of the month that begins with `first`.
    fn end_of_term(self, first: NaiveDate) -> NaiveDate {
        let (mut run, mut longer) = (0, 0);
        for day in first.iter_days().take(16) {
            if day.day() <= 15 && self.is_holiday(day) {
                run += 1;
            } else {
                longer += if run >= 3 { run } else { 0 };
                run = 0;
            }
        }
        let mut end = first + Days::new(14);
        while longer > 0 {
            end = end + Days::new(1);
            longer -= i32::from(self.is_workday(end));
        }
        while !self.is_workday(end) {
            end = end + Days::new(1);
        }
        end
    }
}

fn holidays() -> Result<Holidays, EconomyError> {
    let wrong =
        |problem: CalendarError| EconomyError::Definition { file: CALENDAR, problem: problem.to_string() };
    WorkCalendar::built_in().map(Holidays).map_err(wrong)
}

fn number(day: NaiveDate) -> i32 {
    day.num_days_from_ce() - 719_163
}

fn date(day: i32) -> NaiveDate {
    NaiveDate::from_num_days_from_ce_opt(day + 719_163).unwrap_or_default()
}

fn month_after(period: i32) -> NaiveDate {
    let months = period / 100 * 12 + period % 100;
    NaiveDate::from_ymd_opt(months / 12, months.rem_euclid(12) as u32 + 1, 1).unwrap_or_default()
}

/// The day (since 1970) by which a tax of this month, or of the quarter that ends with it, is declared and paid.
///
/// # Errors
/// the calendar is wrong.
pub(super) fn due_on(period: i32) -> Result<i32, EconomyError> {
    Ok(number(holidays()?.end_of_term(month_after(period))))
}

/// The last day (since 1970) to settle corporate income tax of the year: 31 May of the next.
pub(super) fn settlement_due_on(period: i32) -> i32 {
    number(NaiveDate::from_ymd_opt(period / 100 + 1, 5, 31).unwrap_or_default())
}

/// The first working day (since 1970) on or after this one.
pub(super) fn workday_from(day: i32) -> Result<i32, EconomyError> {
    let holidays = holidays()?;
    let mut found = date(day);
    while !holidays.is_workday(found) {
        found = found + Days::new(1);
    }
    Ok(number(found))
}

/// The working day (since 1970) so many working days after this one, which does not count.
pub(super) fn workdays_after(day: i32, count: u32) -> Result<i32, EconomyError> {
    let mut found = day;
    for _ in 0..count {
        found = workday_from(found + 1)?;
    }
    Ok(found)
}

/// Rows of `tax_calendar` for the month of the part.
pub(super) fn tax_calendar(part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("tax_calendar")?;
    let period = part.period.unwrap_or_default();
    let (quarter, december) = (period % 100 % 3 == 0, period % 100 == 12);
    for (tax, by_quarter) in TAXES {
        let settlement = tax == "cit_settlement";
        if (by_quarter && !quarter) || (settlement && !december) {
            continue;
        }
        let due = if settlement { settlement_due_on(period) } else { due_on(period)? };
        rows.text(tax).int(period).date(due).end();
    }
    rows.finish()
}

/// Rows of `workday`: from the first day of the economy to the end of the third month after it, in which the last
/// returns are due.
pub(super) fn workdays(world: &World) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("workday")?;
    let holidays = holidays()?;
    for day in world.first_day(0)..world.first_day(world.months() + 3) {
        rows.date(day).flag(holidays.is_workday(date(day))).end();
    }
    rows.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn due_days_are_those_the_administration_published() {
        let due = |period: i32| holidays().unwrap().end_of_term(month_after(period)).to_string();
        let published = [
            (202401, "2024-02-23"),
            (202403, "2024-04-18"),
            (202404, "2024-05-22"),
            (202405, "2024-06-19"),
            (202408, "2024-09-18"),
            (202409, "2024-10-24"),
            (202411, "2024-12-16"),
            (202501, "2025-02-20"),
            (202503, "2025-04-18"),
            (202504, "2025-05-22"),
            (202505, "2025-06-16"),
            (202509, "2025-10-27"),
            (202510, "2025-11-17"),
            (202512, "2026-01-20"),
        ];
        for (period, day) in published {
            assert_eq!(due(period), day, "{period}");
        }
    }

    #[test]
    fn years_not_announced_have_their_fixed_holidays() {
        let holidays = holidays().unwrap();
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
        assert!(!holidays.is_workday(day(2030, 10, 2)) && holidays.is_workday(day(2030, 10, 4)));
        assert!(holidays.is_workday(day(2026, 2, 28)) && !holidays.is_workday(day(2026, 2, 20)));
    }
}
