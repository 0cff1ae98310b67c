//! How numbers stand on a page: thousands apart, money exactly from fen, nothing unknown shown as zero.

/// Shown where a value is not known.
pub(crate) const UNKNOWN: &str = "—";

/// `1234567` → `1,234,567`.
pub(crate) fn grouped(n: i128) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3 + 1);
    if n < 0 {
        out.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1234567.0` → `1,234,567`; nothing is 0.
pub(crate) fn count(n: Option<f64>) -> String {
    grouped(n.unwrap_or_default().round() as i128)
}

/// Hundredths with both digits: fen as yuan, `1,234.50`.
pub(crate) fn hundredths(value: i128) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let size = value.unsigned_abs();
    format!("{sign}{}.{:02}", grouped((size / 100) as i128), size % 100)
}

/// Fen in 10,000 yuan, rounded half up to two digits: `123.46`. What is not nothing is not shown as nothing.
pub(crate) fn wan(fen: i128) -> String {
    let size = fen.unsigned_abs();
    let rounded = ((size + 5_000) / 10_000) as i128;
    if rounded == 0 && size > 0 {
        return if fen < 0 { ">-0.01".to_owned() } else { "<0.01".to_owned() };
    }
    hundredths(if fen < 0 { -rounded } else { rounded })
}

/// A fraction in percent with two digits; only nothing is 0.
pub(crate) fn percent(share: f64) -> String {
    if share == 0.0 {
        "0%".to_owned()
    } else if share.abs() < 0.000_05 {
        "<0.01%".to_owned()
    } else {
        format!("{:.2}%", share * 100.0)
    }
}

/// `202501` → `2025-01`; what is no month stays as it is.
pub(crate) fn month(period: i64) -> String {
    if (1..=12).contains(&(period % 100)) && period > 100_000 {
        format!("{}-{:02}", period / 100, period % 100)
    } else {
        period.to_string()
    }
}

/// The twelve months up to a month, the oldest first.
pub(crate) fn last_year(as_of: i32) -> Vec<i64> {
    let last = i64::from(as_of / 100) * 12 + i64::from(as_of % 100) - 1;
    (last - 11..=last).map(|n| n / 12 * 100 + n % 12 + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_exact_and_grouped() {
        assert_eq!(hundredths(123_456_789), "1,234,567.89");
        assert_eq!(hundredths(-5), "-0.05");
        assert_eq!(wan(123_456_789), "123.46");
        assert_eq!(wan(-1_234_567_890_000), "-1,234,567.89");
        assert_eq!((wan(0), wan(4_999), wan(5_000)), ("0.00".into(), "<0.01".into(), "0.01".into()));
        assert_eq!(count(Some(-1_234.0)), "-1,234");
        assert_eq!(count(None), "0");
    }

    #[test]
    fn shares_and_months() {
        assert_eq!(percent(0.1234), "12.34%");
        assert_eq!(percent(0.000_01), "<0.01%");
        assert_eq!(month(202_501), "2025-01");
        assert_eq!(month(202_513), "202513");
        let year = last_year(202_503);
        assert_eq!((year.len(), year[0], year[9], year[11]), (12, 202_404, 202_501, 202_503));
    }
}
