//! The legal clock of an application: ten working days from the day after it was accepted; while it is held the clock stands; once what
//! held it is cleared and dealt with, five working days from the day after (国家税务总局公告2025年第20号; how many days is a parameter).

use assay_datasets::calendar::{CalendarError, WorkCalendar};
use chrono::NaiveDate;

/// Working days the office has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// From acceptance.
    pub review: u32,
    /// From the day what held it was cleared.
    pub resumed: u32,
}

/// A time for which an application was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// First day.
    pub from: NaiveDate,
    /// Day what held it was cleared and dealt with; none: it is still held.
    pub to: Option<NaiveDate>,
}

/// What the clock does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClockState {
    /// Runs from acceptance.
    Running,
    /// Stands.
    Suspended,
    /// Runs from the day what held it was cleared.
    Resumed,
}

impl ClockState {
    /// The word that is stored.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Suspended => "suspended",
            Self::Resumed => "resumed",
        }
    }

    /// The same in Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Running => "审核中",
            Self::Suspended => "暂停中",
            Self::Resumed => "恢复办理",
        }
    }
}

/// Where the clock stands on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// What it does.
    pub state: ClockState,
    /// First day of the last time it was held.
    pub suspended_on: Option<NaiveDate>,
    /// Day from which it runs again.
    pub resumed_on: Option<NaiveDate>,
    /// Working days used of the term that runs, or ran when it was held.
    pub used: i64,
    /// The last day; none while it stands.
    pub due_on: Option<NaiveDate>,
    /// Working days left: 0 on the last day, negative after it; none while it stands.
    pub left: Option<i64>,
}

impl Clock {
    /// The clock of an application accepted on `received`, on `day`. Times it was held come in the order of their first days; what begins
    /// after `day` is left out, what ends after it is still open.
    ///
    /// # Errors
    /// When the working days of a year on the way are not known.
    pub fn on(
        calendar: &WorkCalendar,
        terms: Terms,
        received: NaiveDate,
        held: &[Held],
        day: NaiveDate,
    ) -> Result<Self, CalendarError> {
        let mut start = (received, terms.review, ClockState::Running);
        let mut last = None;
        for one in held.iter().filter(|one| one.from <= day) {
            last = Some(one.from);
            match one.to.filter(|to| *to <= day) {
                Some(to) => start = (to, terms.resumed, ClockState::Resumed),
                None => {
                    let used = calendar.between(start.0, one.from.max(start.0))?;
                    let resumed_on = (start.2 == ClockState::Resumed).then_some(start.0);
                    let state = ClockState::Suspended;
                    return Ok(Self {
                        state,
                        suspended_on: last,
                        resumed_on,
                        used,
                        due_on: None,
                        left: None,
                    });
                }
            }
        }
        let (from, days, state) = start;
        let due = calendar.after(from, days)?;
        Ok(Self {
            state,
            suspended_on: last,
            resumed_on: (state == ClockState::Resumed).then_some(from),
            used: calendar.between(from, day)?,
            due_on: Some(due),
            left: Some(left(calendar, day, due)?),
        })
    }

    /// Whether the last day is over.
    #[must_use]
    pub fn overdue(&self) -> bool {
        self.left.is_some_and(|left| left < 0)
    }
}

/// Working days from a day to the last one. After the last day it is below 0 even where no working day has passed since.
fn left(calendar: &WorkCalendar, day: NaiveDate, due: NaiveDate) -> Result<i64, CalendarError> {
    let left = calendar.between(day, due)?;
    Ok(if day > due { left.min(-1) } else { left })
}
