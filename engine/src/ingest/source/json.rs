//! JSON: an object a line, an array of objects, or a document that holds such an array under a path.
//!
//! Nested objects become columns `a.b`; arrays inside a record stay JSON text, for SQL to take apart. A number keeps
//! the very digits it is written with. Which columns there are is read off the first batch of records, together with
//! those the mapping names; keys that first appear later are reported.

mod columns;

use std::io::{BufReader, Read};

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use self::columns::Columns;
use super::lines::Lines;
use super::text;
use super::{Member, ReadOptions, RecordSink};
use crate::{EngineError, Result};

/// Reads `member` into `sink`; `_row` is the line's number, or the record's in its array.
pub(super) fn read(member: &Member, options: &ReadOptions, sink: &mut dyn RecordSink) -> Result<()> {
    let cut = &options.cut;
    let opened = text::open(member, options.encoding)?;
    let encoding = opened.encoding;
    let first = opened.head().chars().find(|c| !c.is_whitespace() && *c != '\u{feff}');
    let mut columns = Columns::new(member.display(), cut, encoding, sink)?;
    if first == Some('[') || !cut.records.is_empty() {
        // A byte that is no text must cost its record, not the file: it becomes U+FFFD, which is then found.
        document(member, opened.replaced(), &cut.records, &mut columns)?;
    } else {
        let mut lines = Lines::new(member, opened.decoded(), cut.skip_first, cut.skip_last)?;
        while let Some((number, line)) = lines.next()? {
            if !line.trim_ascii().is_empty() {
                columns.line(number, line)?;
            }
        }
        lines.rest()?;
    }
    columns.finish()
}

fn document(member: &Member, input: Box<dyn Read>, path: &[String], columns: &mut Columns<'_>) -> Result<()> {
    let mut failed = None;
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 18, input));
    let walk = Walk { path, columns: &mut *columns, failed: &mut failed };
    let outcome = walk.deserialize(&mut json).and_then(|()| json.end());
    if let Some(error) = failed {
        return Err(error);
    }
    let Err(e) = outcome else { return Ok(()) };
    let shown = member.display();
    let (records, place) = (columns.count(), format!("line {} column {}", e.line(), e.column()));
    if e.is_io() {
        return Err(member.broken(&std::io::Error::from(e)));
    }
    Err(EngineError::input(if e.is_eof() {
        format!(
            "{shown} ends too early, at {place}, after {records} records: it is truncated; ask for it again"
        )
    } else {
        format!(
            "{shown}: no JSON at {place}, after {records} records ({e}); ask for it again, or correct the mapping"
        )
    }))
}

/// Goes down a path of keys to an array, and through it.
struct Walk<'w, 'a> {
    path: &'w [String],
    columns: &'w mut Columns<'a>,
    /// An error of the receiving side, which a JSON error cannot carry.
    failed: &'w mut Option<EngineError>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.path.is_empty() {
            deserializer.deserialize_seq(self)
        } else {
            deserializer.deserialize_map(self)
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.path.first() {
            None => f.write_str("an array of records"),
            Some(key) => write!(f, "an object with the key {key}"),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((wanted, rest)) = self.path.split_first() else {
            return Err(A::Error::custom("an object where the array of records was expected"));
        };
        let (mut found, mut seen) = (false, Vec::new());
        while let Some(key) = map.next_key::<String>()? {
            if &key != wanted {
                map.next_value::<IgnoredAny>()?;
                seen.push(key);
            } else if found {
                return Err(A::Error::custom(format!("the key {key} stands twice")));
            } else {
                found = true;
                let inner = Walk { path: rest, columns: &mut *self.columns, failed: &mut *self.failed };
                map.next_value_seed(inner)?;
            }
        }
        if found {
            return Ok(());
        }
        seen.truncate(20);
        Err(A::Error::custom(format!("no key {wanted}; there are {}", seen.join(", "))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut records: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(record) = records.next_element::<Box<RawValue>>()? {
            number += 1;
            if let Err(error) = self.columns.record(number, record.get()) {
                *self.failed = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}
