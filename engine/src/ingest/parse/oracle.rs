//! Dates as Oracle writes them by default (`05-MAR-24`, `05-3月 -24 10.11.12.000000 上午`) and instants written
//! without any sign between their parts (`20240305101112`). Only forms that can be read in one way.

use chrono::{NaiveDate, NaiveTime};

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// The date and milliseconds since midnight.
pub(super) fn parse_instant(text: &str) -> Option<(NaiveDate, i64)> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return digits(text);
    }
    let (day, rest) = text.split_once('-')?;
    let (month, rest) = rest.split_once('-')?;
    let (year, time) = match rest.split_once(' ') {
        Some((year, time)) => (year, time.trim()),
        None => (rest, ""),
    };
    let date = NaiveDate::from_ymd_opt(full_year(year)?, month_of(month.trim())?, number(day, 2)?)?;
    let ms = if time.is_empty() { 0 } else { clock(time)? };
    Some((date, ms))
}

/// `YYYYMMDDHH24MISS`, perhaps with milliseconds.
fn digits(text: &str) -> Option<(NaiveDate, i64)> {
    if text.len() != 14 && text.len() != 17 {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    let date = NaiveDate::from_ymd_opt(i32::try_from(part(0, 4)?).ok()?, part(4, 6)?, part(6, 8)?)?;
    let time = NaiveTime::from_hms_opt(part(8, 10)?, part(10, 12)?, part(12, 14)?)?;
    let ms = if text.len() == 17 { i64::from(part(14, 17)?) } else { 0 };
    Some((date, super::since_midnight(time) + ms))
}

/// `MAR`, `3月`, `十二月`.
fn month_of(text: &str) -> Option<u32> {
    const CHINESE: [&str; 12] = ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二"];
    let at = |place: Option<usize>| place.and_then(|i| u32::try_from(i + 1).ok());
    match text.strip_suffix('月') {
        Some(name) => number(name, 2).or_else(|| at(CHINESE.iter().position(|c| *c == name))),
        None => at(MONTHS.iter().position(|m| m.eq_ignore_ascii_case(text))),
    }
}

/// Two digits by Oracle's own rule (RR): 00 to 49 are of this century, the others of the last.
fn full_year(text: &str) -> Option<i32> {
    let year = i32::try_from(number(text, 4)?).ok()?;
    match text.len() {
        4 => Some(year),
        2 if year < 50 => Some(2000 + year),
        2 => Some(1900 + year),
        _ => None,
    }
}

/// `10.11.12.000000 AM`, `10:11:12`, `10.11.12 下午`; without a half of the day, of 24 hours.
fn clock(text: &str) -> Option<i64> {
    let halves = [("AM", false), ("PM", true), ("上午", false), ("下午", true)];
    let half =
        halves.iter().find_map(|(mark, late)| text.strip_suffix(mark).map(|rest| (rest.trim_end(), *late)));
    let (digits, late) = half.map_or((text, None), |(rest, late)| (rest, Some(late)));
    let mut parts = digits.split(['.', ':']);
    let (hour, minute, second) =
        (number(parts.next()?, 2)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let fraction = parts.next().unwrap_or_default();
    if parts.next().is_some() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let hour = match late {
        None => hour,
        Some(late) if (1..=12).contains(&hour) => hour % 12 + if late { 12 } else { 0 },
        Some(_) => return None,
    };
    let ms: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some(super::since_midnight(NaiveTime::from_hms_opt(hour, minute, second)?) + ms)
}

fn number(text: &str, longest: usize) -> Option<u32> {
    let fits = !text.is_empty() && text.len() <= longest && text.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn forms_that_say_one_thing() {
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
        let at = |h: i64, m: i64, s: i64| ((h * 60 + m) * 60 + s) * 1000;
        for (text, want) in [
            ("05-MAR-24", Some((day(2024, 3, 5), 0))),
            ("05-mar-1999", Some((day(1999, 3, 5), 0))),
            ("01-1月 -24", Some((day(2024, 1, 1), 0))),
            ("31-12月-99", Some((day(1999, 12, 31), 0))),
            ("01-十一月-24", Some((day(2024, 11, 1), 0))),
            ("05-MAR-24 12.11.12.000000000 AM", Some((day(2024, 3, 5), at(0, 11, 12)))),
            ("05-3月 -24 10.11.12.250000 下午", Some((day(2024, 3, 5), at(22, 11, 12) + 250))),
            ("05-MAR-24 23:11:12", Some((day(2024, 3, 5), at(23, 11, 12)))),
            ("20240305101112", Some((day(2024, 3, 5), at(10, 11, 12)))),
            ("20240305101112007", Some((day(2024, 3, 5), at(10, 11, 12) + 7))),
            ("05-03-24", None),
            ("32-MAR-24", None),
            ("05-MAR-124", None),
            ("05-MAR-24 13.00.00 PM", None),
            ("20240305251112", None),
            ("2024030510111", None),
            ("-", None),
        ] {
            assert_eq!(parse_instant(text), want, "{text}");
        }
    }
}
