//! Reads TOML tables with positions, collecting every problem instead of stopping at the first.
//! Knows nothing of indicators: `parse.rs` says which keys a definition has.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::{Problem, SourceFile, did_you_mean};

/// A value read from a file together with where it stands there.
#[derive(Debug, Clone, PartialEq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Byte range in the source file.
    pub span: Range<usize>,
}

impl<T> At<T> {
    /// A value at a place.
    pub fn new(value: T, span: Range<usize>) -> Self {
        Self { value, span }
    }
}

/// Where problems gather while one file is read.
#[derive(Debug)]
pub struct Sink<'f> {
    /// The file being read.
    pub file: &'f SourceFile,
    /// What was wrong so far.
    pub problems: Vec<Problem>,
}

impl<'f> Sink<'f> {
    /// An empty sink for a file.
    pub fn new(file: &'f SourceFile) -> Self {
        Self { file, problems: Vec::new() }
    }

    /// Notes one problem.
    pub fn add(&mut self, at: &Range<usize>, message: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push(self.file.problem(at, message, remedy));
    }

    /// Parses the file as TOML; syntax errors are noted and what could be read is returned.
    pub fn parse(&mut self) -> Spanned<DeTable<'f>> {
        let (table, errors) = DeTable::parse_recoverable(&self.file.text);
        for error in errors {
            let at = error.span().unwrap_or(0..0);
            self.add(&at, format!("not valid TOML: {}", error.message()), "correct the syntax");
        }
        table
    }
}

/// One TOML table being read: remembers which keys were asked for, so that the others can be reported.
#[derive(Debug)]
pub struct TableReader<'t, 'i> {
    table: &'t DeTable<'i>,
    span: Range<usize>,
    /// How the table is called in messages, e.g. `[message]`.
    what: String,
    asked: BTreeSet<&'static str>,
}

impl<'t, 'i> TableReader<'t, 'i> {
    /// Starts reading a table called `what` in messages.
    pub fn new(table: &'t DeTable<'i>, span: Range<usize>, what: impl Into<String>) -> Self {
        Self { table, span, what: what.into(), asked: BTreeSet::new() }
    }

    /// Reads a value as a table, noting a problem when it is none.
    pub fn of(value: &'t Spanned<DeValue<'i>>, what: &str, sink: &mut Sink<'_>) -> Option<Self> {
        match value.get_ref().as_table() {
            Some(table) => Some(Self::new(table, value.span(), what)),
            None => {
                sink.add(&value.span(), format!("{what} is {}", a(value.get_ref())), "write a table");
                None
            }
        }
    }

    /// Where the table stands.
    pub fn span(&self) -> &Range<usize> {
        &self.span
    }

    /// All entries in the order of the file.
    pub fn entries(&self) -> Vec<(At<String>, &'t Spanned<DeValue<'i>>)> {
        let mut all: Vec<_> =
            self.table.iter().map(|(k, v)| (At::new(k.get_ref().to_string(), k.span()), v)).collect();
        all.sort_by_key(|(key, _)| key.span.start);
        all
    }

    /// The raw value of a key, if it is there.
    pub fn get(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.asked.insert(key);
        self.table.iter().find(|(k, _)| k.get_ref().as_ref() == key).map(|(_, v)| v)
    }

    /// The raw value of a key that must be there.
    pub fn need(&mut self, key: &'static str, sink: &mut Sink<'_>) -> Option<&'t Spanned<DeValue<'i>>> {
        let found = self.get(key);
        if found.is_none() {
            sink.add(
                &self.span.clone(),
                format!("`{key}` is missing from {}", self.what),
                format!("add `{key} = …`"),
            );
        }
        found
    }

    /// A required, non-empty string.
    pub fn string(&mut self, key: &'static str, sink: &mut Sink<'_>) -> Option<At<String>> {
        let value = self.need(key, sink)?;
        as_string(value, key, sink)
    }

    /// An optional string; an empty one is a problem.
    pub fn optional_string(&mut self, key: &'static str, sink: &mut Sink<'_>) -> Option<At<String>> {
        let value = self.get(key)?;
        as_string(value, key, sink)
    }

    /// A required word out of a list.
    pub fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&str, T)],
        sink: &mut Sink<'_>,
    ) -> Option<T> {
        let text = self.string(key, sink)?;
        pick(&text, key, words, sink)
    }

    /// An optional word out of a list.
    pub fn optional_word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&str, T)],
        sink: &mut Sink<'_>,
    ) -> Option<T> {
        let text = self.optional_string(key, sink)?;
        pick(&text, key, words, sink)
    }

    /// An optional finite number, integer or float.
    pub fn optional_number(&mut self, key: &'static str, sink: &mut Sink<'_>) -> Option<At<f64>> {
        let value = self.get(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(i) => i.as_str().parse::<f64>().ok().filter(|_| i.radix() == 10),
            DeValue::Float(x) => x.as_str().parse().ok(),
            _ => None,
        };
        match number.filter(|x: &f64| x.is_finite()) {
            Some(x) => Some(At::new(x, value.span())),
            None => {
                sink.add(
                    &value.span(),
                    format!("`{key}` is {}, not a number", a(value.get_ref())),
                    "write a number",
                );
                None
            }
        }
    }

    /// An optional whole number between two bounds.
    pub fn optional_integer(
        &mut self,
        key: &'static str,
        range: std::ops::RangeInclusive<i64>,
        sink: &mut Sink<'_>,
    ) -> Option<i64> {
        let value = self.get(key)?;
        let number =
            value.get_ref().as_integer().and_then(|i| i64::from_str_radix(i.as_str(), i.radix()).ok());
        match number.filter(|n| range.contains(n)) {
            Some(n) => Some(n),
            None => {
                let remedy = format!("write a whole number from {} to {}", range.start(), range.end());
                sink.add(&value.span(), format!("`{key}` is not a whole number in range"), remedy);
                None
            }
        }
    }

    /// A list of tables (`[[key]]` or `key = [{…}]`); absent is empty.
    pub fn tables(&mut self, key: &'static str, sink: &mut Sink<'_>) -> Vec<TableReader<'t, 'i>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            sink.add(
                &value.span(),
                format!("`{key}` is {}", a(value.get_ref())),
                format!("write `[[{key}]]`"),
            );
            return Vec::new();
        };
        items.iter().filter_map(|item| TableReader::of(item, key, sink)).collect()
    }

    /// Notes every key nobody asked for.
    pub fn finish(self, sink: &mut Sink<'_>) {
        for (key, _) in self.entries() {
            if !self.asked.contains(key.value.as_str()) {
                let known: Vec<&str> = self.asked.iter().copied().collect();
                let listed = format!("{}: {}", self.what, known.join(", "));
                let remedy = did_you_mean(&key.value, known.iter().copied(), &listed);
                sink.add(&key.span, format!("unknown key `{}` in {}", key.value, self.what), remedy);
            }
        }
    }
}

/// A string value, trimmed; noted when it is none or empty.
pub fn as_string(value: &Spanned<DeValue<'_>>, key: &str, sink: &mut Sink<'_>) -> Option<At<String>> {
    match value.get_ref().as_str().map(str::trim) {
        Some("") => {
            sink.add(&value.span(), format!("`{key}` is empty"), "fill it in or leave the key out");
            None
        }
        Some(text) => Some(At::new(text.to_owned(), value.span())),
        None => {
            sink.add(
                &value.span(),
                format!("`{key}` is {}, not a text", a(value.get_ref())),
                "put it in quotes",
            );
            None
        }
    }
}

fn pick<T: Copy>(text: &At<String>, key: &str, words: &[(&str, T)], sink: &mut Sink<'_>) -> Option<T> {
    let found = words.iter().find(|(word, _)| *word == text.value).map(|(_, value)| *value);
    if found.is_none() {
        let list = words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        sink.add(&text.span, format!("`{key}` is `{}`", text.value), format!("write one of {list}"));
    }
    found
}

/// The kind of a TOML value with its article, for messages.
pub fn a(value: &DeValue<'_>) -> String {
    let kind = value.type_str();
    format!("{} {kind}", if kind.starts_with(['a', 'i']) { "an" } else { "a" })
}
