//! What a file's name says: a pattern with places for day, month, time and sequence number.
//!
//! `invoices_{date}_{seq}.csv*` takes `invoices_20200105_0003.csv.gz` as number 3 of 2020-01-05. `*` and `?` are as in
//! the shell. A pattern with a `/` is held against the path inside the landing zone, any other against the name.

use std::fmt;

use arrow::array::{Array, AsArray, Scalar, StringArray};
use arrow::compute::regexp_match;
use assay_datasets::mapping::Feed;

use crate::Result;

/// A place in a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Date,
    Month,
    Time,
    Sequence,
}

impl Place {
    const ALL: [(&'static str, Place, &'static str); 4] = [
        ("date", Place::Date, r"(\d{4}-?\d{2}-?\d{2})"),
        ("month", Place::Month, r"(\d{4}-?\d{2})"),
        ("time", Place::Time, r"(\d{4}(?:\d{2})?)"),
        ("seq", Place::Sequence, r"(\d{1,18})"),
    ];
}

/// A pattern, compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    written: String,
    regex: String,
    places: Vec<Place>,
    whole_path: bool,
}

/// What a name says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// Digits of day or month and time; as text they sort by time.
    pub day: String,
    /// Sequence number.
    pub sequence: Option<u64>,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Name {
    /// Compiles a pattern; the error says what is wrong with it.
    pub fn parse(written: &str) -> Result<Self, String> {
        let mut regex = String::from("^");
        let mut places = Vec::new();
        let mut rest = written;
        while let Some(c) = rest.chars().next() {
            if c == '{' {
                let Some((name, after)) = rest[1..].split_once('}') else {
                    return Err(format!("{written}: a {{ without }}"));
                };
                let Some((_, place, part)) = Place::ALL.into_iter().find(|(n, _, _)| *n == name) else {
                    return Err(format!(
                        "{written}: no place {{{name}}}; known are {{date}} (YYYYMMDD), {{month}} (YYYYMM), {{time}} (HHMM or HHMMSS) and {{seq}} (a number)"
                    ));
                };
                if places.contains(&place) {
                    return Err(format!("{written}: {{{name}}} stands there twice"));
                }
                places.push(place);
                regex.push_str(part);
                rest = after;
                continue;
            }
            match c {
                '*' => regex.push_str("[^/]*"),
                '?' => regex.push_str("[^/]"),
                _ if c.is_alphanumeric() || matches!(c, '_' | '<' | '>') || !c.is_ascii() => regex.push(c),
                _ => {
                    regex.push('\\');
                    regex.push(c);
                }
            }
            rest = &rest[c.len_utf8()..];
        }
        regex.push('$');
        Ok(Self { written: written.to_owned(), regex, places, whole_path: written.contains('/') })
    }

    /// Whether names carry a sequence number.
    pub fn has_sequence(&self) -> bool {
        self.places.contains(&Place::Sequence)
    }

    /// Whether names say in which order the files belong: by a day, a time or a number.
    pub fn has_order(&self) -> bool {
        !self.places.is_empty()
    }

    /// What each name says; `None` where the pattern does not take it.
    pub fn read(&self, names: &[&str]) -> Result<Vec<Option<Parts>>> {
        let held = names.iter().map(|n| if self.whole_path { n } else { file_name(n) });
        let held = StringArray::from_iter_values(held);
        let regex = Scalar::new(StringArray::from(vec![self.regex.as_str()]));
        let found = regexp_match(&held, &regex, None)?;
        let found = found.as_list::<i32>();
        let mut all = Vec::with_capacity(names.len());
        for row in 0..names.len() {
            if found.is_null(row) {
                all.push(None);
                continue;
            }
            let groups = found.value(row);
            let groups = groups.as_string::<i32>();
            let mut parts = Parts::default();
            for (i, place) in self.places.iter().enumerate() {
                let text = groups.value(i);
                match place {
                    Place::Sequence => parts.sequence = text.parse().ok(),
                    // Day before time, wherever they stand.
                    Place::Time => parts.day.push_str(text),
                    Place::Date | Place::Month => parts.day.insert_str(0, &text.replace('-', "")),
                }
            }
            all.push(Some(parts));
        }
        Ok(all)
    }
}

/// Whether a feed takes a file by its name, packed or not.
pub fn takes(feed: &Feed, name: &str) -> bool {
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
    feed.files.iter().any(|p| glob::Pattern::new(p).is_ok_and(|g| g.matches(name) || g.matches(plain)))
}

/// The last part of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parts(day: &str, sequence: Option<u64>) -> Option<Parts> {
        Some(Parts { day: day.into(), sequence })
    }

    #[test]
    fn a_name_says_day_and_number() {
        let name = Name::parse("发票_{date}_{seq}.csv*").unwrap();
        let names = [
            "发票_20200105_0003.csv.gz",
            "x/发票_2020-01-05_12.csv",
            "发票_2020015_1.csv",
            "发票_20200105_1.xlsx",
        ];
        let read = name.read(&names).unwrap();
        assert_eq!(read, [parts("20200105", Some(3)), parts("20200105", Some(12)), None, None]);
        assert!(name.has_sequence());
        let plain = Name::parse("register.csv").unwrap();
        assert_eq!(plain.read(&["register.csv", "registerXcsv"]).unwrap(), [parts("", None), None]);
        let timed = Name::parse("p_{time}_{month}.dat").unwrap();
        assert_eq!(timed.read(&["p_0930_202001.dat"]).unwrap(), [parts("2020010930", None)]);
        let deep = Name::parse("bank/{date}/*.txt").unwrap();
        assert_eq!(deep.read(&["bank/20200105/a.txt", "a.txt"]).unwrap(), [parts("20200105", None), None]);
    }

    #[test]
    fn a_wrong_pattern_says_what_is_wrong() {
        assert!(Name::parse("a_{day}.csv").unwrap_err().contains("no place {day}"));
        assert!(Name::parse("a_{date.csv").unwrap_err().contains("without }"));
        assert!(Name::parse("{seq}_{seq}").unwrap_err().contains("twice"));
    }
}
