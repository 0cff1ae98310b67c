//! Text columns to typed columns: money, dates, instants, months, codes. Each parser is a loop over one Arrow
//! array that notes which rows it could not read; nothing is guessed and nothing is rounded unasked.

mod oracle;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Int32Builder, Int64Builder,
    StringArray, StringBuilder, TimestampMillisecondBuilder,
};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Timelike};

/// A parsed column and the rows whose text could not be read.
pub struct Parsed {
    /// The typed column; null where the text was missing or unreadable.
    pub array: ArrayRef,
    /// Unreadable rows.
    pub failed: Vec<usize>,
}

/// Text in its plain form: blanks around a value go when `trim` says so, nothing and the texts in `nulls` become
/// null. `trimmed` is told which rows had blanks. Columns that need nothing are returned as they are.
pub fn clean(
    values: &StringArray,
    trim: bool,
    nulls: &[&str],
    mut trimmed: impl FnMut(usize),
) -> StringArray {
    let blank = |v: &str| trim && (v.starts_with(is_blank) || v.ends_with(is_blank));
    let dirty = |v: &str| v.is_empty() || blank(v) || nulls.contains(&v);
    let Some(first) = (0..values.len()).find(|i| values.is_valid(*i) && dirty(values.value(*i))) else {
        return values.clone();
    };
    let mut out = StringBuilder::with_capacity(values.len(), values.value_data().len());
    for (row, value) in values.iter().enumerate() {
        let Some(value) = value else {
            out.append_null();
            continue;
        };
        let mut plain = value;
        if row >= first && blank(value) {
            plain = value.trim_matches(is_blank);
            trimmed(row);
        }
        if plain.is_empty() || nulls.contains(&plain) {
            out.append_null();
        } else {
            out.append_value(plain);
        }
    }
    out.finish()
}

/// Blanks of any width, a byte order mark among them.
pub fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{3000}' || c == '\u{feff}' || c == '\u{200b}'
}

fn each<T>(
    values: &StringArray,
    mut parse: impl FnMut(&str) -> Option<T>,
    mut append: impl FnMut(Option<T>),
) -> Vec<usize> {
    let mut failed = Vec::new();
    for row in 0..values.len() {
        if values.is_null(row) {
            append(None);
            continue;
        }
        let parsed = parse(values.value(row));
        if parsed.is_none() {
            failed.push(row);
        }
        append(parsed);
    }
    failed
}

/// Decimals with `scale` digits after the point and `precision` in all. More decimals are refused unless zero, or
/// rounded half away from zero with `round`. Thousands separators, a currency sign and a trailing `%` are understood.
pub fn decimal(values: &StringArray, precision: u8, scale: i8, round: bool) -> Parsed {
    let mut out = Decimal128Builder::with_capacity(values.len());
    let failed = each(values, |v| parse_decimal(v, precision, scale, round), |v| out.append_option(v));
    let array = out.finish();
    // The precision was checked value by value, so this only sets the type.
    let array = array.clone().with_precision_and_scale(precision, scale).unwrap_or(array);
    Parsed { array: Arc::new(array), failed }
}

/// One decimal as its unscaled integer; `None` when it is no number or does not fit.
pub fn parse_decimal(text: &str, precision: u8, scale: i8, round: bool) -> Option<i128> {
    if let Some(value) = plain_decimal(text.as_bytes(), precision, scale) {
        return Some(i128::from(value));
    }
    let scale = u32::try_from(scale).ok()?;
    let (text, percent) = match text.strip_suffix(['%', '％']) {
        Some(rest) => (rest.trim_end(), 2),
        None => (text, 0),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((m, e)) => (m, e.parse::<i32>().ok().filter(|e| e.abs() < 40)?),
        None => (text, 0),
    };
    let (negative, digits) = sign(mantissa);
    // Digits after the point still to be kept, once exponent and percent moved it.
    let mut left = i64::from(scale) + i64::from(exponent) - percent;
    // A share may be in percent, money cannot.
    if percent > 0 && scale <= 2 {
        return None;
    }
    let (mut value, mut seen, mut point, mut next) = (0_i128, false, false, None);
    // Digits since the last separator of thousands; before the first, as many as there are.
    let (mut group, mut grouped) = (0, false);
    for c in digits.chars() {
        match c {
            '0'..='9' => {
                seen = true;
                group += u32::from(!point);
                let digit = i128::from(c as u32 - '0' as u32);
                if point && left <= 0 {
                    if next.is_none() {
                        next = Some(digit);
                    }
                    if digit != 0 && !round {
                        return None;
                    }
                    continue;
                }
                value = value.checked_mul(10)?.checked_add(digit)?;
                left -= i64::from(point);
            }
            '.' if !point => point = true,
            // 1,234,567: what has other groups may be a decimal comma.
            ',' | '，' if !point && (1..=3).contains(&group) && (!grouped || group == 3) => {
                (group, grouped) = (0, true);
            }
            _ => return None,
        }
    }
    if !seen || (grouped && group != 3) {
        return None;
    }
    value = shift(value, left, round)?;
    if round && left >= 0 && next.is_some_and(|d| d >= 5) {
        value = value.checked_add(1)?;
    }
    let limit = 10_i128.checked_pow(u32::from(precision))?;
    (value < limit).then_some(if negative { -value } else { value })
}

/// [`parse_decimal`] of what most numbers look like: a sign, digits, a point and no more decimals than are kept, of
/// at most 18 digits in all. Anything else is left to the careful way.
fn plain_decimal(text: &[u8], precision: u8, scale: i8) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (mut value, mut point, mut decimals) = (0_i64, false, 0_u32);
    if digits.len() > 18 || !digits.last()?.is_ascii_digit() {
        return None;
    }
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                value = value * 10 + i64::from(byte - b'0');
                decimals += u32::from(point);
            }
            b'.' if !point => point = true,
            _ => return None,
        }
    }
    let missing = u32::try_from(scale).ok()?.checked_sub(decimals)?;
    let value = value.checked_mul(10_i64.checked_pow(missing)?)?;
    let limit = 10_i64.checked_pow(u32::from(precision)).unwrap_or(i64::MAX);
    (value < limit).then_some(if negative { -value } else { value })
}

fn sign(text: &str) -> (bool, &str) {
    let text = text.trim_start_matches(['¥', '￥', ' ']);
    match text.strip_prefix(['-', '－', '−']) {
        Some(rest) => (true, rest.trim_start_matches(['¥', '￥', ' '])),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Moves the decimal point: `left` digits are still missing (or, below zero, too many were kept).
fn shift(value: i128, left: i64, round: bool) -> Option<i128> {
    let power = 10_i128.checked_pow(u32::try_from(left.unsigned_abs()).ok()?)?;
    if left >= 0 {
        return value.checked_mul(power);
    }
    let (whole, rest) = (value / power, value % power);
    match (rest == 0, round) {
        (true, _) => Some(whole),
        (false, true) => Some(whole + i128::from(rest * 2 >= power)),
        (false, false) => None,
    }
}

/// Whole numbers; `12.0` is one, `12.5` is not.
pub fn integer(values: &StringArray) -> Parsed {
    let mut out = Int64Builder::with_capacity(values.len());
    let failed = each(
        values,
        |v| parse_decimal(v, 18, 0, false).and_then(|i| i64::try_from(i).ok()),
        |v| out.append_option(v),
    );
    Parsed { array: Arc::new(out.finish()), failed }
}

/// Whole numbers of 32 bits.
pub fn integer32(values: &StringArray) -> Parsed {
    let mut out = Int32Builder::with_capacity(values.len());
    let failed = each(
        values,
        |v| parse_decimal(v, 10, 0, false).and_then(|i| i32::try_from(i).ok()),
        |v| out.append_option(v),
    );
    Parsed { array: Arc::new(out.finish()), failed }
}

/// `true/false`, `1/0`, `Y/N`, `是/否`.
pub fn boolean(values: &StringArray) -> Parsed {
    let mut out = BooleanBuilder::with_capacity(values.len());
    let parse = |v: &str| match v {
        "true" | "TRUE" | "True" | "1" | "Y" | "y" | "是" => Some(true),
        "false" | "FALSE" | "False" | "0" | "N" | "n" | "否" => Some(false),
        _ => None,
    };
    let failed = each(values, parse, |v| out.append_option(v));
    Parsed { array: Arc::new(out.finish()), failed }
}

/// Months as YYYYMM; `format` is the one form dates are in, when they are in none of the usual.
pub fn period(values: &StringArray, format: Option<&str>) -> Parsed {
    use chrono::Datelike;
    let mut out = Int32Builder::with_capacity(values.len());
    let failed = match format {
        None => each(values, parse_period, |v| out.append_option(v)),
        Some(format) => each(
            values,
            |v| {
                // A month alone lacks the day a date needs.
                let day = instant_as(v, format)
                    .or_else(|| instant_as(&format!("{v} 1"), &format!("{format} %d")))
                    .map(|(d, _)| d)?;
                Some(day.year() * 100 + i32::try_from(day.month()).ok()?)
            },
            |v| out.append_option(v),
        ),
    };
    Parsed { array: Arc::new(out.finish()), failed }
}

/// `202002`, `2020-02`, `2020/2`, `2020年2月`, or any date in the month.
pub fn parse_period(text: &str) -> Option<i32> {
    if text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit()) {
        let n: i32 = text.parse().ok()?;
        return (1..=12).contains(&(n % 100)).then_some(n).filter(|n| (1900..2200).contains(&(n / 100)));
    }
    let mut parts = text.trim_end_matches(['月', '日']).split(['-', '/', '.', '年', '月']);
    let (year, month) = (parts.next()?, parts.next()?);
    let day = parts.next();
    let date = ymd(year, month, day.unwrap_or("1"))?;
    use chrono::Datelike;
    Some(date.year() * 100 + i32::try_from(date.month()).ok()?)
}

/// Dates; `format` as for [`period`].
pub fn date(values: &StringArray, format: Option<&str>) -> Parsed {
    let mut out = Date32Builder::with_capacity(values.len());
    let failed = each(values, |v| instant(v, format).map(|(d, _)| days(d)), |v| out.append_option(v));
    Parsed { array: Arc::new(out.finish()), failed }
}

/// Instants in local time, to the millisecond; a date alone is midnight; `format` as for [`period`].
pub fn timestamp(values: &StringArray, format: Option<&str>) -> Parsed {
    let mut out = TimestampMillisecondBuilder::with_capacity(values.len());
    let parse = |v: &str| instant(v, format).map(|(d, ms)| i64::from(days(d)) * 86_400_000 + ms);
    let failed = each(values, parse, |v| out.append_option(v));
    Parsed { array: Arc::new(out.finish()), failed }
}

fn instant(text: &str, format: Option<&str>) -> Option<(NaiveDate, i64)> {
    match format {
        None => parse_instant(text).or_else(|| oracle::parse_instant(text)),
        Some(format) => instant_as(text, format),
    }
}

/// In the one form a mapping states.
fn instant_as(text: &str, format: &str) -> Option<(NaiveDate, i64)> {
    match NaiveDateTime::parse_from_str(text, format) {
        Ok(at) => Some((at.date(), since_midnight(at.time()))),
        Err(_) => NaiveDate::parse_from_str(text, format).ok().map(|d| (d, 0)),
    }
}

fn since_midnight(time: NaiveTime) -> i64 {
    time.signed_duration_since(NaiveTime::MIN).num_milliseconds()
}

fn days(date: NaiveDate) -> i32 {
    use chrono::Datelike;
    date.num_days_from_ce() - 719_163
}

/// A date with an optional time: `2020-02-29`, `2020/2/29`, `20200229`, `2020年2月29日`, then `T` or a space and
/// `13:45`, `13:45:00`, `13:45:00.123`. Returns the date and milliseconds since midnight.
pub fn parse_instant(text: &str) -> Option<(NaiveDate, i64)> {
    plain_instant(text.as_bytes()).or_else(|| any_instant(text))
}

/// `2020-02-29` and `2020-02-29 13:45:00`, which most instants look like.
fn plain_instant(text: &[u8]) -> Option<(NaiveDate, i64)> {
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_u32, |n, d| d.is_ascii_digit().then(|| n * 10 + u32::from(d - b'0')))
    };
    let (day, time) = text.split_at_checked(10)?;
    let [year @ .., b'-', m1, m2, b'-', d1, d2] = day else { return None };
    let date = NaiveDate::from_ymd_opt(
        i32::try_from(number(year)?).ok()?,
        number(&[*m1, *m2])?,
        number(&[*d1, *d2])?,
    )?;
    let seconds = match time {
        [] => 0,
        [b' ' | b'T', h1, h2, b':', m1, m2, b':', s1, s2] => {
            let (h, m, s) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?, number(&[*s1, *s2])?);
            (h < 24 && m < 60 && s < 60).then_some((h * 60 + m) * 60 + s)?
        }
        _ => return None,
    };
    Some((date, i64::from(seconds) * 1000))
}

fn any_instant(text: &str) -> Option<(NaiveDate, i64)> {
    let (day, time) = match text.split_once([' ', 'T']) {
        Some((d, t)) => (d, Some(t.trim())),
        None => (text, None),
    };
    let date = parse_date(day)?;
    let ms = match time {
        None | Some("") => 0,
        Some(t) => {
            let t = t.trim_end_matches('Z');
            let parsed = ["%H:%M:%S%.f", "%H:%M:%S", "%H:%M"]
                .iter()
                .find_map(|f| NaiveTime::parse_from_str(t, f).ok())?;
            // A leap second would become the first of the next minute.
            (parsed.nanosecond() < 1_000_000_000).then(|| since_midnight(parsed))?
        }
    };
    Some((date, ms))
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    if bytes.len() == 8 && bytes.iter().all(u8::is_ascii_digit) {
        return ymd(&text[..4], &text[4..6], &text[6..]);
    }
    let mut parts = text.trim_end_matches('日').split(['-', '/', '.', '年', '月']);
    let date = ymd(parts.next()?, parts.next()?, parts.next()?)?;
    parts.next().is_none().then_some(date)
}

fn ymd(year: &str, month: &str, day: &str) -> Option<NaiveDate> {
    let number = |t: &str, longest: usize| -> Option<u32> {
        (!t.is_empty() && t.len() <= longest && t.bytes().all(|b| b.is_ascii_digit()))
            .then(|| t.parse().ok())
            .flatten()
    };
    if year.len() != 4 {
        return None;
    }
    NaiveDate::from_ymd_opt(i32::try_from(number(year, 4)?).ok()?, number(month, 2)?, number(day, 2)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn cents(text: &str) -> Option<i128> {
        parse_decimal(text, 18, 2, false)
    }

    #[test]
    fn money() {
        for (text, want) in [
            ("1234.56", Some(123_456)),
            ("-1,234.5", Some(-123_450)),
            ("￥1，234", Some(123_400)),
            ("0.10", Some(10)),
            (".5", Some(50)),
            ("1e3", Some(100_000)),
            ("1.5E-1", Some(15)),
            ("12.340", Some(1234)),
            ("12.345", None),
            ("abc", None),
            ("", None),
            ("-", None),
            ("1.2.3", None),
            ("1,234,567.5", Some(123_456_750)),
            ("12,50", None),
            ("1,2,3", None),
            ("1,,234", None),
            ("1234,567", None),
            ("12,3456", None),
            (",123", None),
            ("5%", None),
            ("9999999999999999.99", Some(999_999_999_999_999_999)),
            ("10000000000000000.00", None),
        ] {
            assert_eq!(cents(text), want, "{text}");
        }
        assert_eq!(parse_decimal("12.345", 18, 2, true), Some(1235));
        assert_eq!(parse_decimal("-12.344", 18, 2, true), Some(-1234));
        assert_eq!(parse_decimal("-0.005", 18, 2, true), Some(-1));
        assert_eq!(parse_decimal("13%", 6, 4, false), Some(1300));
    }

    #[test]
    fn instants() {
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
        assert_eq!(parse_instant("2017/9/1"), Some((day(2017, 9, 1), 0)));
        assert_eq!(parse_instant("2020年2月29日"), Some((day(2020, 2, 29), 0)));
        assert_eq!(parse_instant("20200229"), Some((day(2020, 2, 29), 0)));
        assert_eq!(parse_instant("2024-03-05 10:11:12"), Some((day(2024, 3, 5), 36_672_000)));
        for bad in [
            "2017/13/40",
            "2017-02-29",
            "17/9/1",
            "2017-9",
            "2017-9-1-1",
            "2017-01-01 25:00:00",
            "2017-01-01 00:00:60",
            "x",
        ] {
            assert_eq!(parse_instant(bad), None, "{bad}");
        }
        assert_eq!(parse_period("2020年2月"), Some(202_002));
        assert_eq!(parse_period("2020-13"), None);
        assert_eq!(parse_period("202013"), None);
    }

    proptest! {
        #[test]
        fn cents_read_back(value in -99_999_999_999_i64..99_999_999_999) {
            let text = format!("{}{}.{:02}", if value < 0 { "-" } else { "" }, value.abs() / 100, value.abs() % 100);
            prop_assert_eq!(cents(&text), Some(i128::from(value)));
        }

        #[test]
        fn plain_and_careful_agree(text in "-?[0-9]{0,9}\\.?[0-9]{0,5}", precision in 1_u8..20, scale in 0_i8..7) {
            if let Some(value) = plain_decimal(text.as_bytes(), precision, scale) {
                // Blanks after the sign keep the plain way off.
                let careful = match text.strip_prefix('-') {
                    Some(rest) => format!("- {rest}"),
                    None => format!("+{text}"),
                };
                prop_assert_eq!(parse_decimal(&careful, precision, scale, false), Some(i128::from(value)));
            }
        }

        #[test]
        fn plain_and_any_instants_agree(text in "[0-3][0-9]{3}-[01][0-9]-[0-3][0-9]([ T][0-9]{2}:[0-9]{2}:[0-9]{2})?") {
            prop_assert_eq!(plain_instant(text.as_bytes()).is_some(), any_instant(&text).is_some_and(|(_, ms)| ms % 1000 == 0) );
            if let Some(found) = plain_instant(text.as_bytes()) {
                prop_assert_eq!(any_instant(&text), Some(found));
            }
        }

        #[test]
        fn excel_numbers_read_back(value in -9_999_999_999_i64..9_999_999_999) {
            // A cell holds a double; its shortest text must give the same cents.
            let text = format!("{}", value as f64 / 100.0);
            prop_assert_eq!(cents(&text), Some(i128::from(value)));
        }

        #[test]
        fn dates_read_back(days_since in 0_i32..40_000, style in 0_usize..3) {
            let date = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap() + chrono::Days::new(days_since as u64);
            let text = date.format(["%Y-%m-%d", "%Y/%-m/%-d", "%Y%m%d"][style]).to_string();
            prop_assert_eq!(parse_instant(&text), Some((date, 0)));
            prop_assert_eq!(days(date), days_since);
        }

        #[test]
        fn any_text_is_safe(text in "\\PC{0,24}") {
            let _ = (cents(&text), parse_instant(&text), parse_period(&text));
        }
    }
}
