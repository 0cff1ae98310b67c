#![allow(clippy::unwrap_used)]
use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn built_in() -> &'static WorkCalendar {
    WorkCalendar::built_in().unwrap()
}

/// Every day of the years announced.
fn days() -> impl Iterator<Item = NaiveDate> {
    day("2019-01-01").iter_days().take_while(|day| day.year() <= 2026)
}

#[test]
fn a_year_has_as_many_days_off_as_the_law_gives() {
    // 全国年节及纪念日放假办法: 11 days, from 2025 13. What falls on a weekend is made up for, what is moved is worked instead, so
    // days off from Monday to Friday less weekend days worked are just these. In 2020 the Spring Festival was longer by 31 January,
    // and 1 February was not worked as announced.
    for (year, given) in (2019..=2026).zip([11, 13, 11, 11, 11, 11, 13, 13]) {
        let named = &built_in().years[&year].named;
        let off = named.iter().filter(|(day, worked)| !**worked && !is_weekend(**day)).count();
        let worked = named.values().filter(|worked| **worked).count();
        assert_eq!(off - worked, given, "{year}");
    }
}

#[test]
fn years_have_the_working_days_the_published_calendars_count() {
    for (year, count) in (2019..=2026).zip([250, 249, 250, 249, 249, 251, 248, 248]) {
        let worked = days().filter(|day| day.year() == year && built_in().is_workday(*day).unwrap());
        assert_eq!(worked.count(), count, "{year}");
        assert!(built_in().notice(year).unwrap().contains("国办发明电"));
    }
}

#[test]
fn days_are_what_the_notices_say() {
    let worked = |text: &str| built_in().is_workday(day(text)).unwrap();
    // National Day 2025 with Mid-Autumn: 1 to 8 October off, Sunday 28 September and Saturday 11 October worked.
    assert!(worked("2025-09-28") && worked("2025-09-30") && worked("2025-10-09") && worked("2025-10-11"));
    assert!(!worked("2025-10-01") && !worked("2025-10-08") && !worked("2025-10-12"));
    // The Labour Day of 2019 was set anew in March; the New Year's holiday begins in the December before.
    assert!(worked("2019-04-28") && !worked("2019-05-03") && worked("2019-05-05"));
    assert_eq!(built_in().named(day("2018-12-31")), Some(false));
    // 2020: longer by an emergency.
    assert!(!worked("2020-01-31") && !worked("2020-02-01") && worked("2020-02-03"));
    assert!(worked("2026-02-14") && !worked("2026-02-23") && worked("2026-02-28"));
}

#[test]
fn terms_counted_by_hand() {
    let after = |from: &str, n: u32| built_in().after(day(from), n).unwrap().to_string();
    // 28, 29, 30 September, then 9, 10, 11 (a Saturday), 13, 14, 15, 16 October.
    assert_eq!(after("2025-09-26", 10), "2025-10-16");
    assert_eq!(after("2025-09-30", 1), "2025-10-09");
    // Received on the Saturday that is worked: the Monday counts first.
    assert_eq!(after("2025-10-11", 1), "2025-10-13");
    // Received in the holiday: the first day counted is the first one worked.
    assert_eq!(after("2025-10-03", 1), "2025-10-09");
    assert_eq!(after("2025-12-24", 10), "2026-01-08");
    assert_eq!(after("2026-02-13", 5), "2026-02-27");
    assert_eq!(after("2025-10-04", 0), "2025-10-04");
    let between = |from: &str, to: &str| built_in().between(day(from), day(to)).unwrap();
    assert_eq!(between("2025-09-26", "2025-10-16"), 10);
    assert_eq!(between("2025-09-30", "2025-10-08"), 0);
    assert_eq!(between("2025-10-16", "2025-09-26"), -10);
    assert_eq!(built_in().on_or_after(day("2025-10-01")).unwrap().to_string(), "2025-10-09");
    assert_eq!(built_in().on_or_after(day("2025-10-11")).unwrap().to_string(), "2025-10-11");
}

#[test]
fn adding_and_counting_undo_each_other_on_every_day() {
    for from in days().filter(|from| *from <= day("2026-11-30")) {
        let mut before = from;
        for n in 1..=15 {
            let to = built_in().after(from, n).unwrap();
            assert!(built_in().is_workday(to).unwrap() && to > before, "{from} + {n}");
            assert_eq!(built_in().between(from, to).unwrap(), i64::from(n), "{from} + {n}");
            // One day at a time comes to the same, and nothing between is worked.
            assert_eq!(built_in().after(before, 1).unwrap(), to);
            assert_eq!(built_in().between(before, to).unwrap(), 1);
            before = to;
        }
    }
}

#[test]
fn an_unknown_year_is_named_and_not_guessed() {
    let unknown = built_in().after(day("2026-12-30"), 3).unwrap_err();
    assert_eq!(unknown, CalendarError::UnknownYear(2027));
    assert!(unknown.to_string().contains("[year.2027]"), "{unknown}");
    assert_eq!(
        built_in().between(day("2018-12-01"), day("2019-01-02")),
        Err(CalendarError::UnknownYear(2018))
    );
    // What is stated day by day is known.
    let mut calendar = built_in().clone();
    calendar.state(day("2027-01-01"), false);
    calendar.state(day("2027-01-04"), true);
    assert_eq!(calendar.is_workday(day("2027-01-04")), Ok(true));
    assert_eq!(calendar.is_workday(day("2027-01-05")), Err(CalendarError::UnknownYear(2027)));
}

#[test]
fn a_year_stated_again_takes_the_place_of_the_old_one() {
    let mut calendar = built_in().clone();
    let own = "[year.2025]\nnotice = \"ours\"\nsource = \"V\"\nholidays = [{ zh = \"国庆节\", from = 2025-10-01, to = 2025-10-03, days = 3 }]\nworked = [2025-10-12]\n";
    calendar.replace_years(WorkCalendar::parse("definitions/calendar.toml", own).unwrap());
    let worked = |text: &str| calendar.is_workday(day(text)).unwrap();
    assert!(worked("2025-10-06") && worked("2025-10-12") && !worked("2025-10-11") && worked("2025-01-28"));
    // The New Year's day of 2026 belongs to another notice.
    assert!(!worked("2026-01-02"));
    assert_eq!(calendar.notice(2025), Some("ours"));
}

#[test]
fn wrong_files_are_told_what_is_wrong() {
    let head = "[year.2025]\nnotice = \"n\"\nsource = \"V\"\n";
    let wrong = |text: &str| WorkCalendar::parse("c.toml", text).unwrap_err().to_string();
    let with = |rest: &str| wrong(&format!("{head}{rest}"));
    assert!(
        wrong("[year.soon]\nnotice = \"\"\nsource = \"V\"\nholidays = []\nworked = []")
            .contains("write a year")
    );
    let two = "holidays = [{ zh = \"元旦\", from = 2025-01-01, to = 2025-01-02, days = 1 }]\nworked = []";
    assert!(with(two).contains("are 2 days, not 1"), "{}", with(two));
    assert!(with("holidays = []\nworked = [2025-01-02]").contains("2025-01-02 is worked anyway"));
    assert!(with("holidays = []\nworked = [2025-01-04, 2025-01-04]").contains("named twice"));
    assert!(with("holidays = []\nworked = [2024-06-01]").contains("another year"));
    assert!(with("holidays = []\nworked = [08:00:00]").contains("is no day"));
    assert!(
        wrong(&format!("{}holidays = []\nworked = []", head.replace("\"V\"", "\"X\"")))
            .contains("source is `X`")
    );
    assert!(with("holidays = []\nworked = []\nother = 1").contains("other"));
}
