//! Working days in China: public holidays and the weekend days worked in their place, from `calendar.toml`; counting with them. What
//! a term is, and from which day it runs, is not known here.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use chrono::{Datelike, Days, NaiveDate, Weekday};
use serde::Deserialize;
use toml::value::Datetime;

/// Name of the file, also among a warehouse's own definitions.
pub const CALENDAR: &str = "calendar.toml";
const SOURCE: &str = include_str!("../calendar.toml");

/// What can be wrong with a calendar, or with a question to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// The file says something impossible.
    #[error("{file}: {problem}")]
    Definition {
        /// The file.
        file: String,
        /// What and where, with the remedy.
        problem: String,
    },
    /// Nobody announced the holidays of a year.
    #[error(
        "the working days of {0} are not known: no notice of the State Council for that year; add [year.{0}] to \
         definitions/calendar.toml of the warehouse, or load the days into table workday"
    )]
    UnknownYear(i32),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    year: BTreeMap<String, RawYear>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawYear {
    notice: String,
    source: String,
    holidays: Vec<RawHoliday>,
    worked: Vec<Datetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHoliday {
    zh: String,
    from: Datetime,
    to: Datetime,
    days: i64,
}

/// One year's notice.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Year {
    notice: String,
    /// Of every day named: whether it is worked.
    named: BTreeMap<NaiveDate, bool>,
}

/// Which days are working days.
#[derive(Debug, Clone, Default)]
pub struct WorkCalendar {
    years: BTreeMap<i32, Year>,
    /// Of every day a notice names: whether it is worked, and the year of the notice.
    named: HashMap<NaiveDate, (bool, i32)>,
    /// Days stated one by one, over everything else.
    stated: HashMap<NaiveDate, bool>,
}

impl WorkCalendar {
    /// The calendar that comes with Assay.
    ///
    /// # Errors
    /// When its file is wrong.
    pub fn built_in() -> Result<&'static Self, CalendarError> {
        static BUILT_IN: LazyLock<Result<WorkCalendar, CalendarError>> =
            LazyLock::new(|| WorkCalendar::parse(CALENDAR, SOURCE));
        BUILT_IN.as_ref().map_err(Clone::clone)
    }

    /// A calendar from the text of a file.
    ///
    /// # Errors
    /// The first thing that is wrong in it.
    pub fn parse(file: &str, text: &str) -> Result<Self, CalendarError> {
        let wrong = |problem: String| CalendarError::Definition { file: file.to_owned(), problem };
        let raw: RawFile = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let mut calendar = Self::default();
        for (name, raw) in raw.year {
            let number =
                name.parse().map_err(|_| wrong(format!("[year.{name}]: write a year, e.g. [year.2026]")))?;
            let year =
                Year::read(number, raw).map_err(|problem| wrong(format!("[year.{name}]: {problem}")))?;
            calendar.put(number, year);
        }
        Ok(calendar)
    }

    /// Puts the years of another calendar in place of these.
    pub fn replace_years(&mut self, other: Self) {
        for (number, year) in other.years {
            self.put(number, year);
        }
    }

    fn put(&mut self, number: i32, year: Year) {
        self.named.retain(|_, (_, of)| *of != number);
        self.named.extend(year.named.iter().map(|(day, worked)| (*day, (*worked, number))));
        self.years.insert(number, year);
    }

    /// States of a single day whether it is worked, whatever the notices say.
    pub fn state(&mut self, day: NaiveDate, worked: bool) {
        self.stated.insert(day, worked);
    }

    /// Number of the notice a year rests on.
    #[must_use]
    pub fn notice(&self, year: i32) -> Option<&str> {
        self.years.get(&year).map(|year| year.notice.as_str())
    }

    /// Whether the holidays of a year are known.
    #[must_use]
    pub fn knows(&self, year: i32) -> bool {
        self.years.contains_key(&year)
    }

    /// Whether a day is worked, where it is named: a holiday (weekends inside it too), a weekend day worked, a day stated.
    #[must_use]
    pub fn named(&self, day: NaiveDate) -> Option<bool> {
        self.stated.get(&day).copied().or_else(|| self.named.get(&day).map(|(worked, _)| *worked))
    }

    /// Whether a day is a working day.
    ///
    /// # Errors
    /// When the holidays of its year are not known and it is not stated.
    pub fn is_workday(&self, day: NaiveDate) -> Result<bool, CalendarError> {
        match self.named(day) {
            Some(worked) => Ok(worked),
            None if self.knows(day.year()) => Ok(!is_weekend(day)),
            None => Err(CalendarError::UnknownYear(day.year())),
        }
    }

    /// The `count`th working day after a day, which is not counted itself; with 0 the day itself.
    ///
    /// # Errors
    /// When the holidays of a year on the way are not known.
    pub fn after(&self, day: NaiveDate, count: u32) -> Result<NaiveDate, CalendarError> {
        let (mut day, mut left) = (day, count);
        while left > 0 {
            day = day + Days::new(1);
            left -= u32::from(self.is_workday(day)?);
        }
        Ok(day)
    }

    /// The first working day on or after a day.
    ///
    /// # Errors
    /// When the holidays of a year on the way are not known.
    pub fn on_or_after(&self, day: NaiveDate) -> Result<NaiveDate, CalendarError> {
        let mut day = day;
        while !self.is_workday(day)? {
            day = day + Days::new(1);
        }
        Ok(day)
    }

    /// Working days after `from` up to and with `to`; negative where `to` is the earlier one.
    ///
    /// # Errors
    /// When the holidays of a year on the way are not known.
    pub fn between(&self, from: NaiveDate, to: NaiveDate) -> Result<i64, CalendarError> {
        if to < from {
            return Ok(-self.between(to, from)?);
        }
        let mut count = 0;
        for day in from.iter_days().skip(1).take_while(|day| *day <= to) {
            count += i64::from(self.is_workday(day)?);
        }
        Ok(count)
    }
}

fn is_weekend(day: NaiveDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

impl Year {
    fn read(number: i32, raw: RawYear) -> Result<Self, String> {
        if !["V", "K"].contains(&raw.source.as_str()) {
            return Err(format!("source is `{}`; write V (read) or K (recalled)", raw.source));
        }
        let mut named = BTreeMap::new();
        let mut put = |day: NaiveDate, worked: bool| match named.insert(day, worked) {
            Some(_) => Err(format!("{day} is named twice; leave one out")),
            None => Ok(()),
        };
        for holiday in raw.holidays {
            let (from, to) = (day_near(number, holiday.from)?, day_near(number, holiday.to)?);
            let length = (to - from).num_days() + 1;
            if length != holiday.days || length < 1 {
                let (zh, days) = (holiday.zh, holiday.days);
                return Err(format!(
                    "{zh}: {from} to {to} are {length} days, not {days}; correct one of them"
                ));
            }
            for day in from.iter_days().take_while(|day| *day <= to) {
                put(day, false)?;
            }
        }
        for day in raw.worked {
            let day = day_near(number, day)?;
            if !is_weekend(day) {
                return Err(format!("{day} is worked anyway; `worked` names weekend days only"));
            }
            put(day, true)?;
        }
        Ok(Self { notice: raw.notice, named })
    }
}

/// A day of the year, or of the December before.
fn day_near(year: i32, day: Datetime) -> Result<NaiveDate, String> {
    let found = day.date.filter(|_| day.time.is_none() && day.offset.is_none());
    let found = found.and_then(|d| NaiveDate::from_ymd_opt(d.year.into(), d.month.into(), d.day.into()));
    let found = found.ok_or_else(|| format!("`{day}` is no day; write YYYY-MM-DD"))?;
    let near = found.year() == year || (found.year() == year - 1 && found.month() == 12);
    if near {
        Ok(found)
    } else {
        Err(format!("{found} lies in another year; put it under that year's notice"))
    }
}

#[cfg(test)]
mod tests;
