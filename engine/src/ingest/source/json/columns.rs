//! JSON records as columns of text. Until the first batch is full any key makes a column; then they are fixed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringBuilder};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::ingest::source::text::Encoding;
use crate::ingest::source::{BATCH_ROWS, BadRecord, Cut, RawBatch, RecordSink, clean_header};
use crate::{EngineError, Result};

/// Columns at most; more is data in the place of keys.
const MOST_COLUMNS: usize = 4096;
/// Objects in objects at most.
const DEEPEST: usize = 32;
/// Late keys that are counted each on its own.
const MOST_LATE: usize = 100;

/// Records under way.
pub(super) struct Columns<'a> {
    shown: String,
    cut: &'a Cut,
    encoding: Encoding,
    sink: &'a mut dyn RecordSink,
    /// Whether the header was delivered, so that no column can be added.
    fixed: bool,
    cells: Cells,
    builders: Vec<StringBuilder>,
    rows: Vec<i64>,
    bad: Vec<BadRecord>,
    count: i64,
    /// Keys without a column: first record and how many.
    late: BTreeMap<String, (i64, u64)>,
}

/// The values of one record.
#[derive(Default)]
struct Cells {
    names: Vec<String>,
    places: HashMap<String, usize>,
    texts: Vec<String>,
    filled: Vec<Filled>,
    /// Whether new keys make columns.
    open: bool,
    /// Keys whose value is read as a whole, an object as its text.
    whole: BTreeSet<String>,
    /// Keys of this record that have no column.
    unknown: Vec<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Filled {
    No,
    Null,
    Text,
}

impl<'a> Columns<'a> {
    pub(super) fn new(
        shown: String,
        cut: &'a Cut,
        encoding: Encoding,
        sink: &'a mut dyn RecordSink,
    ) -> Result<Self> {
        let mut columns = Self {
            shown,
            cut,
            encoding,
            sink,
            fixed: false,
            cells: Cells { open: cut.header.is_empty(), whole: cut.named.clone(), ..Cells::default() },
            builders: Vec::new(),
            rows: Vec::new(),
            bad: Vec::new(),
            count: 0,
            late: BTreeMap::new(),
        };
        for name in &cut.header {
            columns.cells.add(name);
        }
        Ok(columns)
    }

    /// Records taken so far.
    pub(super) fn count(&self) -> i64 {
        self.count
    }

    /// A line that should hold one record.
    pub(super) fn line(&mut self, number: i64, line: &[u8]) -> Result<()> {
        match std::str::from_utf8(line) {
            Ok(text) => self.record(number, text),
            Err(_) => self.reject(number, "encoding", self.encoding.name().to_owned(), line),
        }
    }

    /// The text of one record.
    pub(super) fn record(&mut self, number: i64, text: &str) -> Result<()> {
        if text.contains('\u{fffd}') {
            return self.reject(number, "encoding", self.encoding.name().to_owned(), text.as_bytes());
        }
        let columns = self.cells.names.len();
        if let Err(e) = self.cells.read(text) {
            self.cells.clear(columns);
            // The column is the place in this record's text; the record's own number is given beside it.
            let detail = if e.is_eof() { "it ends too early".to_owned() } else { e.to_string() };
            return self.reject(number, "json", detail, text.as_bytes());
        }
        if self.cells.names.len() > MOST_COLUMNS {
            return Err(EngineError::input(format!(
                "{}: over {MOST_COLUMNS} different keys up to record {number}: keys that are data cannot be columns; \
                 name the keys to read in the mapping's header",
                self.shown
            )));
        }
        for key in std::mem::take(&mut self.cells.unknown) {
            self.note_late(number, key)?;
        }
        self.count += 1;
        let before = self.rows.len();
        self.builders.resize_with(self.cells.names.len(), || nulls(before));
        for (i, builder) in self.builders.iter_mut().enumerate() {
            match self.cells.filled[i] {
                Filled::Text => builder.append_value(&self.cells.texts[i]),
                Filled::Null | Filled::No => builder.append_null(),
            }
        }
        self.cells.clear(self.cells.names.len());
        self.rows.push(number);
        self.emit_full()
    }

    fn reject(&mut self, row: i64, rule: &'static str, detail: String, record: &[u8]) -> Result<()> {
        self.count += 1;
        let record = String::from_utf8_lossy(record).into_owned();
        self.bad.push(BadRecord { row, rule, detail, record });
        self.emit_full()
    }

    /// A key after the header was fixed. One the mapping reads must not be lost.
    fn note_late(&mut self, number: i64, key: String) -> Result<()> {
        if self.cut.named.contains(&key) {
            return Err(EngineError::input(format!(
                "{}: key {key}, which the mapping reads, first appears in record {number}; name all keys to read in the \
                 mapping: header = [\"{key}\", …]",
                self.shown
            )));
        }
        if self.late.len() < MOST_LATE || self.late.contains_key(&key) {
            self.late.entry(key).or_insert((number, 0)).1 += 1;
        }
        Ok(())
    }

    fn emit_full(&mut self) -> Result<()> {
        if self.rows.len() >= BATCH_ROWS || self.bad.len() >= BATCH_ROWS { self.emit() } else { Ok(()) }
    }

    fn emit(&mut self) -> Result<()> {
        if !self.fixed {
            self.fix()?;
        }
        let columns = self.builders.iter_mut().map(|b| Arc::new(b.finish()) as ArrayRef).collect();
        let (rows, bad) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.bad));
        self.sink.batch(RawBatch { columns, rows, bad })
    }

    /// Fixes the columns and delivers the header.
    fn fix(&mut self) -> Result<()> {
        if self.rows.is_empty() {
            let first = self.bad.first().map(|b| format!("record {}: {}", b.row, b.detail));
            return Err(EngineError::input(format!(
                "{}: none of the first {} records is a JSON object ({}). One object a line and an array of objects are \
                 read; for a document that holds its records in an array, state records = \"path.of.keys\" in the mapping",
                self.shown,
                self.bad.len(),
                first.unwrap_or_default()
            )));
        }
        if self.cells.open {
            for names in &self.cut.optional {
                if let Some(first) = names.first()
                    && !names.iter().any(|n| self.cells.places.contains_key(n))
                {
                    self.cells.add(first);
                }
            }
        }
        self.cells.open = false;
        self.fixed = true;
        let rows = self.rows.len();
        self.builders.resize_with(self.cells.names.len(), || nulls(rows));
        let header = clean_header(&self.shown, self.cells.names.clone())?;
        self.sink.header(&header)
    }

    /// Delivers what is left and says which keys were left out.
    pub(super) fn finish(mut self) -> Result<()> {
        if !self.fixed || !self.rows.is_empty() || !self.bad.is_empty() {
            if self.count == 0 {
                return Err(EngineError::input(format!("{} holds no record; ask for it again", self.shown)));
            }
            self.emit()?;
        }
        if !self.late.is_empty() {
            let keys: Vec<String> = self
                .late
                .iter()
                .map(|(key, (first, n))| format!("{key} ({n} records, the first is {first})"))
                .collect();
            tracing::warn!(
                "{}: keys that first appear late were left out; name them in the mapping's header to read them: {}",
                self.shown,
                keys.join(", ")
            );
        }
        Ok(())
    }
}

fn nulls(rows: usize) -> StringBuilder {
    let mut builder = StringBuilder::new();
    for _ in 0..rows {
        builder.append_null();
    }
    builder
}

impl Cells {
    fn add(&mut self, name: &str) -> usize {
        let place = self.names.len();
        self.places.insert(name.to_owned(), place);
        self.names.push(name.to_owned());
        self.texts.push(String::new());
        self.filled.push(Filled::No);
        place
    }

    /// Forgets the record, and the columns it brought beyond the first `columns`.
    fn clear(&mut self, columns: usize) {
        for name in self.names.drain(columns..) {
            self.places.remove(&name);
        }
        self.texts.truncate(columns);
        self.filled.truncate(columns);
        self.filled.fill(Filled::No);
        self.unknown.clear();
    }

    fn read(&mut self, text: &str) -> Result<(), serde_json::Error> {
        let mut json = serde_json::Deserializer::from_str(text);
        Object { cells: self, path: String::new(), depth: 0 }.deserialize(&mut json)?;
        json.end()
    }

    /// Where the value under `path` goes; `None`: nowhere.
    fn place<E: serde::de::Error>(&mut self, path: &str) -> Result<Option<usize>, E> {
        let place = match self.places.get(path) {
            Some(place) => *place,
            None if self.open => self.add(path),
            None => {
                self.unknown.push(path.to_owned());
                return Ok(None);
            }
        };
        if self.filled[place] != Filled::No {
            return Err(E::custom(format!("the key {path} stands twice")));
        }
        Ok(Some(place))
    }

    fn value<E: serde::de::Error>(&mut self, path: &str, value: &str) -> Result<(), E> {
        let Some(place) = self.place(path)? else { return Ok(()) };
        let text = &mut self.texts[place];
        text.clear();
        self.filled[place] = match value.as_bytes().first() {
            Some(b'n') => Filled::Null,
            Some(b'"') => {
                let mut json = serde_json::Deserializer::from_str(value);
                Text(text).deserialize(&mut json).map_err(E::custom)?;
                Filled::Text
            }
            _ => {
                text.push_str(value);
                Filled::Text
            }
        };
        Ok(())
    }
}

/// An object whose values go into the cells under `path`.
struct Object<'c> {
    cells: &'c mut Cells,
    path: String,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let stem = self.path.len();
        while map.next_key_seed(Text(&mut self.path))?.is_some() {
            let value: &RawValue = map.next_value()?;
            let text = value.get();
            // An object that the mapping reads as a value is its text, as an array is.
            if text.starts_with('{') && !self.cells.whole.contains(&self.path) {
                if self.depth == DEEPEST {
                    return Err(A::Error::custom(format!("objects nested more than {DEEPEST} deep")));
                }
                let path = format!("{}.", self.path);
                let inner = Object { cells: &mut *self.cells, path, depth: self.depth + 1 };
                let mut json = serde_json::Deserializer::from_str(text);
                inner.deserialize(&mut json).map_err(A::Error::custom)?;
            } else {
                self.cells.value(&self.path, text)?;
            }
            self.path.truncate(stem);
        }
        Ok(())
    }
}

/// Appends a JSON text to a string.
struct Text<'t>(&'t mut String);

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Text<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.0.push_str(text);
        Ok(())
    }
}
