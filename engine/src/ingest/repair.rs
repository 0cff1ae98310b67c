//! Declared repairs at work: how a value is written is put right where that cannot change what it says, and every
//! cell touched is noted with the text before and after, so that it can be undone.
//!
//! A column is looked over in one pass; only one that needs something is written anew. Nothing is repaired that is
//! not declared (`datasets/repairs.toml`, a feed's `repairs` and `[[feed.repair]]`).

mod log;
mod text;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, StringArray, StringBuilder};
use assay_datasets::mapping::{Feed, Transform};
pub use assay_datasets::repairs::Repairs;
use assay_datasets::repairs::{self, Repair, Rule, Side};
use assay_datasets::schema::{Column, ColumnType, Table};

use self::log::{Kind, Shown};
pub use self::log::{Log, Repaired, batches};
use super::parse;
use crate::warehouse::Warehouse;
use crate::warehouse::session::party_name_column;
use crate::{EngineError, Result};

/// The repairs in force for all feeds: the warehouse's own, or those that come with Assay.
pub fn load(warehouse: &Warehouse) -> Result<Repairs> {
    let own = warehouse.local_path().map(|root| root.join("definitions").join("repairs.toml"));
    let (shown, text) = match own.filter(|path| path.is_file()) {
        Some(path) => {
            (path.display().to_string(), std::fs::read_to_string(&path).map_err(EngineError::file(&path))?)
        }
        None => ("repairs.toml".to_owned(), repairs::EMBEDDED.to_owned()),
    };
    repairs::parse(&shown, &text).map_err(EngineError::Definitions)
}

/// Repairs of one feed's columns, for files with one header.
pub struct Repairer {
    table: &'static Table,
    header: Vec<String>,
    /// By source column: whether blanks are trimmed, and which canonical columns read it.
    sources: Vec<Source>,
    /// By canonical column.
    columns: Vec<Wanted>,
    /// Texts that stand for a missing value.
    nulls: Vec<String>,
    /// Whether trimming is noted: not where blanks are the file's way of filling up.
    note_trims: bool,
}

#[derive(Default)]
struct Source {
    trim: bool,
    readers: Vec<(usize, bool)>,
}

/// What is done to one canonical column.
#[derive(Default)]
struct Wanted {
    trim: bool,
    half_width: bool,
    upper_case: bool,
    pads: Vec<Pad>,
    spelling: bool,
    words: Vec<(String, String)>,
    /// Spelling in its plain form → code.
    codes: HashMap<String, String>,
    /// Source column, where it is read directly.
    source: Option<usize>,
}

#[derive(Clone, Copy)]
struct Pad {
    width: usize,
    side: Side,
    /// Bit n: a value of n digits is filled up.
    from: u64,
}

impl Repairer {
    /// What `feed` and `declared` want done to `table`.
    pub fn new(table: &'static Table, feed: &Feed, declared: &Repairs, header: &[String]) -> Self {
        let on =
            |rule: Rule| feed.repairs.as_ref().is_none_or(|names| names.iter().any(|n| n == rule.name()));
        let all: Vec<&Repair> =
            declared.repairs.iter().chain(&feed.more_repairs).filter(|r| on(r.rule)).collect();
        let mut columns: Vec<Wanted> = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            let mut wanted = Wanted::default();
            for repair in all.iter().filter(|r| r.concerns(table, column)) {
                wanted.add(repair);
            }
            // Codes a feed made up may tell a from A.
            wanted.upper_case &= !(column.party && feed.anonymised_ids);
            columns.push(wanted);
        }
        let nulls = feed.nulls.clone().unwrap_or_else(|| vec!["\\N".to_owned()]);
        let sources = header.iter().map(|_| Source::default()).collect();
        Self { table, header: header.to_vec(), sources, columns, nulls, note_trims: !feed.padded }
    }

    /// Canonical column `index` is made from source column `source`, `direct`ly or by an expression.
    pub fn reads(&mut self, index: usize, source: usize, direct: bool) {
        let Some(read) = self.sources.get_mut(source) else { return };
        read.trim |= self.columns[index].trim;
        read.readers.push((index, direct));
        if direct {
            self.columns[index].source = Some(source);
        }
    }

    /// Gathers the spellings of column `index`: its codes and their names, the mapping's texts, the declared words.
    pub fn spellings(&mut self, index: usize, transform: &Transform) {
        let (column, wanted) = (&self.table.columns[index], &mut self.columns[index]);
        if column.ty != ColumnType::Enum || !wanted.spelling {
            return;
        }
        let mapped = transform.values.iter().map(|(from, to)| (from.as_str(), to.as_str()));
        let named = column.values.iter().flat_map(|v| [(v.code.as_str(), v.code.as_str()), (&v.zh, &v.code)]);
        let worded = wanted.words.iter().map(|(code, word)| (word.as_str(), code.as_str()));
        let mut codes: HashMap<String, String> = HashMap::new();
        // The first to name a spelling has it: the mapping, then the dictionary, then the declared words.
        for (spelt, code) in mapped.chain(named).chain(worded) {
            codes.entry(text::plain(spelt)).or_insert_with(|| code.to_owned());
        }
        wanted.codes = codes;
    }

    /// A source column in its plain form.
    pub fn source(&self, source: usize, values: &StringArray, log: &mut Log) -> ArrayRef {
        let trim = self.sources.get(source).is_some_and(|s| s.trim);
        let mut trimmed = Vec::new();
        // Texts whose first byte is nowhere in the batch need no looking for.
        let bytes = values.value_data();
        let held = |text: &&String| text.as_bytes().first().is_some_and(|b| bytes.contains(b));
        let nulls: Vec<&str> = self.nulls.iter().filter(held).map(String::as_str).collect();
        let plain = parse::clean(values, trim, &nulls, |row| {
            if self.note_trims {
                trimmed.push(row);
            }
        });
        for row in trimmed {
            let after = plain.is_valid(row).then(|| plain.value(row));
            log.push(row, Kind::source(source), values.value(row), after);
        }
        Arc::new(plain)
    }

    /// The values of column `index`, which is no code, put right.
    pub fn values(&self, index: usize, values: StringArray, log: &mut Log) -> StringArray {
        let wanted = &self.columns[index];
        if !wanted.concerns(&values) {
            return values;
        }
        let mut out = StringBuilder::with_capacity(values.len(), values.value_data().len());
        for (row, value) in values.iter().enumerate() {
            let Some(value) = value else {
                out.append_null();
                continue;
            };
            let mut now = Cow::Borrowed(value);
            if let Some(better) = wanted.half_width.then(|| text::half_width(&now)).flatten() {
                log.push(row, Kind::column(index, Rule::HalfWidth), &now, Some(&better));
                now = better.into();
            }
            if wanted.upper_case && now.bytes().any(|b| b.is_ascii_lowercase()) {
                let better = now.to_ascii_uppercase();
                log.push(row, Kind::column(index, Rule::UpperCase), &now, Some(&better));
                now = better.into();
            }
            if let Some(better) = wanted.pads.iter().find_map(|p| p.fill(&now)) {
                log.push(row, Kind::column(index, Rule::ZeroPad), &now, Some(&better));
                now = better.into();
            }
            out.append_value(&now);
        }
        out.finish()
    }

    /// The codes of column `index`: `mapped` by the mapping's own values, from the texts in `before`. Returns them
    /// with the rows whose text is no code in any spelling.
    pub fn codes(
        &self,
        index: usize,
        column: &Column,
        before: &StringArray,
        mapped: StringArray,
        log: &mut Log,
    ) -> (StringArray, Vec<usize>) {
        let mut unknown = unknown_texts(column, &mapped);
        let codes = &self.columns[index].codes;
        if unknown.is_empty() || codes.is_empty() {
            return (mapped, if column.open { Vec::new() } else { unknown });
        }
        let mut better: HashMap<usize, &str> = HashMap::new();
        unknown.retain(|row| {
            let text = if before.is_valid(*row) { before.value(*row) } else { mapped.value(*row) };
            match codes.get(&text::plain(text)) {
                None => true,
                Some(code) => {
                    log.push(*row, Kind::column(index, Rule::Spelling), text, Some(code));
                    better.insert(*row, code);
                    false
                }
            }
        });
        let spelt = if better.is_empty() {
            mapped
        } else {
            mapped.iter().enumerate().map(|(row, value)| better.get(&row).copied().or(value)).collect()
        };
        (spelt, if column.open { Vec::new() } else { unknown })
    }

    /// What was repaired in the rows that are kept; `rows` are their numbers in the file, `files` the files they
    /// stand in, from a source of many.
    pub fn repaired(
        &self,
        log: Log,
        rows: &Int64Array,
        files: Option<&ArrayRef>,
        rejected: impl Fn(usize) -> bool,
    ) -> Result<Option<Repaired>> {
        log.finish(rows, files, rejected, |kind| self.shown(kind))
    }

    /// Names of a kind of repair, and whether its texts may be shown openly.
    fn shown(&self, kind: Kind) -> Shown {
        match kind.place() {
            log::Place::Source(source) => {
                let mut readers = self.sources[source].readers.clone();
                if readers.iter().any(|(_, direct)| *direct) {
                    readers.retain(|(_, direct)| *direct);
                } else {
                    // What an expression reads may be anything.
                    return self.named(&readers, source, false);
                }
                let open = readers.iter().all(|(index, _)| self.is_open(*index));
                self.named(&readers, source, open)
            }
            log::Place::Column(index, rule) => {
                let column = &self.table.columns[index];
                let source = self.columns[index].source.map_or(String::new(), |s| self.header[s].clone());
                Shown { column: column.name.clone(), source, rule: rule.name(), open: self.is_open(index) }
            }
        }
    }

    fn named(&self, readers: &[(usize, bool)], source: usize, open: bool) -> Shown {
        let names: Vec<&str> = readers.iter().map(|(i, _)| self.table.columns[*i].name.as_str()).collect();
        Shown { column: names.join(","), source: self.header[source].clone(), rule: Rule::Trim.name(), open }
    }

    /// Whether a column can hold nobody's name, number or address.
    fn is_open(&self, index: usize) -> bool {
        let column = &self.table.columns[index];
        let names_party = self.table.parties().any(|p| party_name_column(&p.name) == column.name);
        column.personal.is_none() && !column.party && !names_party
    }
}

impl Wanted {
    fn add(&mut self, repair: &Repair) {
        match repair.rule {
            Rule::Trim => self.trim = true,
            Rule::HalfWidth => self.half_width = true,
            Rule::UpperCase => self.upper_case = true,
            Rule::ZeroPad => {
                let from = repair.from.iter().filter(|n| **n < 64).fold(0, |bits, n| bits | (1 << n));
                self.pads.push(Pad { width: repair.width.unwrap_or(0), side: repair.side, from });
            }
            Rule::Spelling => {
                self.spelling = true;
                let words =
                    repair.words.iter().flat_map(|(c, ws)| ws.iter().map(move |w| (c.clone(), w.clone())));
                self.words.extend(words);
            }
        }
    }

    /// Whether any value may need something: one pass over the bytes, or over the lengths.
    fn concerns(&self, values: &StringArray) -> bool {
        (self.half_width && !values.value_data().is_ascii())
            || (self.upper_case && text::has_small(values.value_data()))
            || (!self.pads.is_empty() && self.pads.iter().any(|p| p.concerns(values)))
    }
}

impl Pad {
    fn takes(self, length: usize) -> bool {
        length < 64 && self.from & (1 << length) != 0
    }

    fn concerns(self, values: &StringArray) -> bool {
        let lengths = values.value_offsets().windows(2).map(|w| usize::try_from(w[1] - w[0]).unwrap_or(0));
        lengths.into_iter().any(|length| self.takes(length))
    }

    fn fill(self, value: &str) -> Option<String> {
        if !self.takes(value.len()) || !value.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let width = self.width;
        Some(match self.side {
            Side::Left => format!("{value:0>width$}"),
            Side::Right => format!("{value:0<width$}"),
        })
    }
}

/// Rows of a closed list whose code is none of it.
pub fn unknown_codes(column: &Column, values: &StringArray) -> Vec<usize> {
    if column.open { Vec::new() } else { unknown_texts(column, values) }
}

fn unknown_texts(column: &Column, values: &StringArray) -> Vec<usize> {
    let mut unknown = Vec::new();
    // Neighbours mostly have the same code.
    let mut known = "";
    for (row, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        if value == known && !known.is_empty() {
            continue;
        }
        match column.values.iter().find(|v| v.code == value) {
            Some(found) => known = &found.code,
            None => unknown.push(row),
        }
    }
    unknown
}
