//! What lies between a file's rows and a feed's records, whatever the format: names of columns, rows that are no
//! records (titles, repeated headers, blank rows, totals), running numbers, columns turned into rows.
//!
//! [`Shaped`] stands between a reader and whoever takes its records. Rows that are no records are reported, each with
//! its number: rows of a file are always records and these.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray, UInt32Array};
use arrow::compute::{filter, interleave, take};
use arrow::datatypes::DataType;
use assay_datasets::mapping::{ColumnSource, Feed, Number, Unpivot};
use assay_datasets::schema::{ColumnType, PeriodSource, Table};
use assay_sql::resident_id_is_valid;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::header::{Wanted, normal};
use super::numbering::Numbering;
use super::totals::{TotalRows, Totals};
use super::{RawBatch, RecordSink};
use crate::{EngineError, Result};

/// A row of a file that is no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its number in the file; in an archive, the number of the entry.
    pub row: i64,
    /// `title`, `header`, `blank`, `total`, `total_differs`, `empty` or `other_file`.
    pub kind: &'static str,
    /// What it is, for an officer.
    pub zh: String,
    /// The same in English.
    pub en: String,
}

impl Skipped {
    /// A row of that kind.
    pub fn new(row: i64, kind: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { row, kind, zh: zh.into(), en: en.into() }
    }

    /// A row above the header.
    pub fn title(row: i64) -> Self {
        Self::new(row, "title", "表头之前的标题行", "a title above the header")
    }
}

/// What a feed expects of the rows of its files.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    /// Names of source columns.
    pub wanted: Wanted,
    /// Words that tell a total, in normal form.
    total_rows: Vec<String>,
    /// A total that differs refuses the file.
    refuse: bool,
    /// Source columns that are mapped.
    uses: Vec<String>,
    /// Those with money, whose sums a total states.
    money: Vec<String>,
    /// Those that name or describe, which a total leaves empty.
    naming: Vec<String>,
    /// What each required column of that kind is made from.
    keys: Vec<Vec<String>>,
    number: Option<Number>,
    unpivot: Option<Unpivot>,
    /// The workbook may lack the sheet.
    pub optional: bool,
    /// XML: path of the record's element.
    pub record: Option<String>,
    /// Names left out on purpose.
    pub ignore: Vec<String>,
}

impl Shape {
    /// The shape `feed` expects, which fills `table`.
    pub fn of(feed: &Feed, table: &Table) -> Self {
        let mut shape = Self {
            total_rows: feed.total_rows.iter().map(|t| normal(t)).collect(),
            refuse: feed.total_differs.as_deref() == Some("refuse"),
            number: feed.number.clone(),
            unpivot: feed.unpivot.clone(),
            optional: feed.optional,
            record: feed.record.clone(),
            ignore: feed.ignore.clone(),
            ..Self::default()
        };
        let made = shape.made_names();
        let is_made = |name: &String| made.contains(name);
        let mut wanted = Wanted::default();
        let (mut money, mut naming, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        for column in &table.columns {
            let Some(source) = feed.columns.get(&column.name) else { continue };
            let derived = matches!(&table.period, Some(PeriodSource::Derived(_))) && column.name == "period";
            // A canonical file may lack what is not required; a mapped one is expected to have what is mapped.
            let evidence = !feed.is_canonical() || (column.required && !derived);
            let names = source_names(source.get_ref());
            shape.uses.extend_from_slice(&names);
            if column.ty.is_number() {
                numbers.extend_from_slice(&names);
            } else {
                naming.extend_from_slice(&names);
                if column.required && !names.iter().any(is_made) {
                    shape.keys.push(names.clone());
                }
            }
            if matches!(source.get_ref(), ColumnSource::Full(t) if t.sql.is_some()) {
                // Each name in an expression is a column of its own.
                names.iter().filter(|n| !is_made(n)).for_each(|n| wanted.add([n.as_str()], evidence));
            } else if !names.iter().any(is_made) {
                wanted.add(names.iter().map(String::as_str), evidence);
                if column.ty == ColumnType::Money {
                    money.extend(names);
                }
            }
        }
        let others = shape.number.iter().flat_map(|n| n.within.iter().chain(&n.by));
        let kept = shape.unpivot.iter().flat_map(|u| &u.except);
        for name in others.chain(kept).chain(&feed.ignore) {
            wanted.add([name.as_str()], false);
        }
        // A rate may also tell a preference: it is a number still.
        naming.retain(|n| !numbers.contains(n));
        (shape.wanted, shape.money, shape.naming) = (wanted, money, naming);
        shape
    }

    /// A shape that only knows names, any of which a header may have.
    pub fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut wanted = Wanted::default();
        names.into_iter().for_each(|n| wanted.add([n], true));
        Self { wanted, ..Self::default() }
    }

    /// The same shape, with totals told by one of these words.
    pub fn with_totals(mut self, texts: &[String]) -> Self {
        self.total_rows = texts.iter().map(|t| normal(t)).collect();
        self
    }

    /// Source columns that are made here and stand in no file.
    fn made_names(&self) -> Vec<String> {
        let number = self.number.iter().map(|n| n.name.clone());
        let unpivot =
            self.unpivot.iter().flat_map(|u| [Some(u.name.clone()), Some(u.value.clone()), u.flag.clone()]);
        number.chain(unpivot.flatten()).collect()
    }
}

/// The source columns a canonical column is made from.
fn source_names(source: &ColumnSource) -> Vec<String> {
    let transform = source.transform();
    match &transform.sql {
        Some(sql) => sql_names(sql),
        None => transform.names().into_iter().map(str::to_owned).collect(),
    }
}

/// Names an expression may take from its source: identifiers that are neither keywords nor functions. One too many
/// does no harm (it is only looked for), one too few costs a header its evidence.
pub(crate) fn sql_names(sql: &str) -> Vec<String> {
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize() else { return Vec::new() };
    let tokens: Vec<Token> = tokens.into_iter().filter(|t| !matches!(t, Token::Whitespace(_))).collect();
    let mut names: Vec<String> = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        let Token::Word(word) = token else { continue };
        let function = matches!(tokens.get(i + 1), Some(Token::LParen));
        let keyword = word.quote_style.is_none() && word.keyword != Keyword::NoKeyword;
        if !function && !keyword && !names.contains(&word.value) {
            names.push(word.value.clone());
        }
    }
    names
}

/// Passes records on in the shape the feed expects.
pub struct Shaped<'a> {
    shown: String,
    shape: &'a Shape,
    inner: &'a mut dyn RecordSink,
    /// The header in normal form.
    header: Vec<String>,
    /// The first column that has a name, and the name as it stands in the file.
    lead: usize,
    lead_name: String,
    total_rows: TotalRows,
    totals: Option<Totals>,
    numbering: Option<Numbering>,
    pivot: Option<Pivot>,
}

/// Places of an unpivoted feed's columns.
struct Pivot {
    kept: Vec<usize>,
    turned: Vec<(usize, String, bool)>,
    flagged: bool,
}

impl<'a> Shaped<'a> {
    /// Stands before `inner`; `shown` names the file in messages.
    pub fn new(shown: String, shape: &'a Shape, inner: &'a mut dyn RecordSink) -> Self {
        let (header, lead, lead_name) = (Vec::new(), 0, String::new());
        let total_rows = TotalRows::default();
        Self {
            shown,
            shape,
            inner,
            header,
            lead,
            lead_name,
            total_rows,
            totals: None,
            numbering: None,
            pivot: None,
        }
    }

    fn place(&self, names: &[String], name: &str, key: &str) -> Result<usize> {
        names.iter().position(|n| n == name).ok_or_else(|| {
            EngineError::input(format!(
                "{}: missing column {name} (named by the mapping's {key}); the file has: {}",
                self.shown,
                names.join(", ")
            ))
        })
    }

    fn numbering_of(&self, names: &[String]) -> Result<Option<Numbering>> {
        let Some(number) = &self.shape.number else { return Ok(None) };
        let mut within = Vec::with_capacity(number.within.len());
        for name in &number.within {
            within.push(self.place(names, name, "number")?);
        }
        let by = number.by.as_ref().and_then(|by| names.iter().position(|n| n == by));
        Ok(Some(Numbering::new(within, by)))
    }

    fn pivot_of(&self, names: &[String]) -> Result<Option<(Pivot, Vec<String>)>> {
        let Some(unpivot) = &self.shape.unpivot else { return Ok(None) };
        let number = self.shape.number.as_ref().map(|n| n.name.as_str());
        let mut patterns = Vec::with_capacity(unpivot.personal.len());
        for pattern in &unpivot.personal {
            let compiled = glob::Pattern::new(pattern);
            patterns.push(compiled.map_err(|e| EngineError::input(format!("unpivot: {pattern}: {e}")))?);
        }
        let (mut kept, mut turned) = (Vec::new(), Vec::new());
        for (i, name) in names.iter().enumerate() {
            if Some(name.as_str()) == number
                || (unpivot.except.contains(name) && self.shape.uses.contains(name))
            {
                kept.push(i);
            } else if unpivot.except.contains(name) {
                // Shared with the other sheets, and read from them.
            } else if !name.is_empty() && !self.shape.ignore.contains(name) {
                let personal = patterns.iter().any(|p| p.matches(name));
                turned.push((i, name.replace(['\n', '\r'], ""), personal));
            }
        }
        let mut header: Vec<String> = kept.iter().map(|i| names[*i].clone()).collect();
        header.extend([unpivot.name.clone(), unpivot.value.clone()]);
        header.extend(unpivot.flag.clone());
        Ok(Some((Pivot { kept, turned, flagged: unpivot.flag.is_some() }, header)))
    }

    /// Takes out the rows that are no records, reporting each.
    fn records_only(&mut self, raw: RawBatch) -> Result<RawBatch> {
        let RawBatch { mut columns, mut rows, bad } = raw;
        let mut kept_bad = Vec::with_capacity(bad.len());
        for record in bad {
            // A total often has fewer fields than a record.
            if self.total_rows.is_total_record(&record.record) {
                let (zh, en) = (
                    "合计行（列数与表头不符，未核对）",
                    "a total; its columns do not fit the header, so it was not compared",
                );
                self.inner.skipped(Skipped::new(record.row, "total", zh, en))?;
            } else {
                kept_bad.push(record);
            }
        }
        let texts: Vec<Option<&StringArray>> = columns.iter().map(|c| c.as_string_opt::<i32>()).collect();
        let mut keep: Vec<bool> = Vec::new();
        if let Some(Some(lead)) = texts.get(self.lead) {
            for row in 0..rows.len() {
                let kind = self.kind_of(lead, &texts, row);
                let Some(kind) = kind else {
                    if let Some(totals) = &mut self.totals {
                        totals.add(&texts, row);
                    }
                    continue;
                };
                if keep.is_empty() {
                    keep = vec![true; rows.len()];
                }
                keep[row] = false;
                let skipped = match (kind, &mut self.totals) {
                    ("total", Some(totals)) => totals.compare(&self.shown, &texts, row, rows[row])?,
                    ("header", _) => Skipped::new(rows[row], "header", "重复的表头行", "the header again"),
                    _ => Skipped::new(rows[row], "blank", "空行", "a blank row"),
                };
                self.inner.skipped(skipped)?;
            }
        }
        if !keep.is_empty() {
            let mask = BooleanArray::from(keep.clone());
            columns = columns.iter().map(|c| filter(c, &mask)).collect::<Result<_, _>>()?;
            let mut keep = keep.into_iter();
            rows.retain(|_| keep.next().unwrap_or(true));
        }
        Ok(RawBatch { columns, rows, bad: kept_bad })
    }

    /// Why the row is no record; `None` when it is one. Looks at a few cells of most rows.
    fn kind_of<'c>(
        &self,
        lead: &StringArray,
        texts: &[Option<&'c StringArray>],
        row: usize,
    ) -> Option<&'static str> {
        let cell =
            |c: Option<&'c StringArray>| c.filter(|c| c.is_valid(row)).map_or("", |c| c.value(row).trim());
        let value = if lead.is_valid(row) { lead.value(row).trim() } else { "" };
        // A column that is no text has a value or is null.
        if value.is_empty() && texts.iter().all(|t| t.is_some() && cell(*t).is_empty()) {
            return Some("blank");
        }
        if self.total_rows.is_total(texts, row) {
            return Some("total");
        }
        // The header again is the header as it was.
        let again = !value.is_empty()
            && value == self.lead_name
            && texts.iter().zip(&self.header).all(|(t, h)| normal(cell(*t)) == *h);
        again.then_some("header")
    }

    /// How totals are told under this header.
    fn total_rows_of(&self, names: &[String]) -> TotalRows {
        let place = |name: &String| names.iter().position(|n| n == name);
        let places = |wanted: &[String]| wanted.iter().filter_map(place).collect::<Vec<usize>>();
        let keys = self.shape.keys.iter().map(|k| places(k)).filter(|k| !k.is_empty()).collect();
        TotalRows::new(self.shape.total_rows.clone(), places(&self.shape.naming), keys)
    }
}

impl RecordSink for Shaped<'_> {
    fn header(&mut self, columns: &[String]) -> Result<()> {
        let mut names = self.shape.wanted.rename(&self.shown, columns)?;
        self.header = names.iter().map(|n| normal(n)).collect();
        self.lead = self.header.iter().position(|n| !n.is_empty()).unwrap_or(0);
        self.lead_name = columns.get(self.lead).map(|n| n.trim().to_owned()).unwrap_or_default();
        if !self.shape.total_rows.is_empty() {
            let money = names.iter().enumerate().filter(|(_, n)| self.shape.money.contains(n));
            self.totals = Some(Totals::new(money.map(|(i, n)| (i, n.clone())).collect(), self.shape.refuse));
            self.total_rows = self.total_rows_of(&names);
        }
        self.numbering = self.numbering_of(&names)?;
        names.extend(self.shape.number.as_ref().map(|n| n.name.clone()));
        if let Some((pivot, header)) = self.pivot_of(&names)? {
            self.pivot = Some(pivot);
            names = header;
        }
        self.inner.header(&names)
    }

    fn batch(&mut self, raw: RawBatch) -> Result<()> {
        let mut raw = self.records_only(raw)?;
        if let Some(numbering) = &mut self.numbering {
            let numbers = numbering.number(&raw.columns)?;
            raw.columns.push(numbers);
        }
        if let Some(pivot) = &self.pivot {
            let (turned, empty) = pivot.turn(raw)?;
            for row in empty {
                let (zh, en) =
                    ("除公共列外没有内容的行", "a row without any value beside the shared columns");
                self.inner.skipped(Skipped::new(row, "empty", zh, en))?;
            }
            raw = turned;
        }
        if raw.rows.is_empty() && raw.bad.is_empty() { Ok(()) } else { self.inner.batch(raw) }
    }

    fn skipped(&mut self, row: Skipped) -> Result<()> {
        self.inner.skipped(row)
    }
}

impl Pivot {
    /// One row for each filled cell of the turned columns; also the numbers of rows that have none.
    fn turn(&self, raw: RawBatch) -> Result<(RawBatch, Vec<i64>)> {
        let mut texts = Vec::with_capacity(self.turned.len());
        for (i, _, _) in &self.turned {
            texts.push(arrow::compute::cast(&raw.columns[*i], &DataType::Utf8)?);
        }
        let filled = |text: &StringArray, row: usize| {
            text.is_valid(row) && !matches!(text.value(row).trim(), "" | "--" | "-")
        };
        let (mut cells, mut places, mut rows, mut empty) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (row, number) in raw.rows.iter().enumerate() {
            let before = cells.len();
            for (column, text) in texts.iter().enumerate() {
                if filled(text.as_string(), row) {
                    cells.push((column, row));
                    places.push(u32::try_from(row).unwrap_or(u32::MAX));
                    rows.push(*number);
                }
            }
            if cells.len() == before {
                empty.push(*number);
            }
        }
        let places = UInt32Array::from(places);
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.kept.len() + 3);
        for i in &self.kept {
            columns.push(take(&raw.columns[*i], &places, None)?);
        }
        let arrays: Vec<&dyn Array> = texts.iter().map(AsRef::as_ref).collect();
        let values = if arrays.is_empty() {
            Arc::new(StringArray::from(Vec::<&str>::new()))
        } else {
            interleave(&arrays, &cells)?
        };
        columns.push(Arc::new(StringArray::from_iter_values(
            cells.iter().map(|(c, _)| self.turned[*c].1.as_str()),
        )));
        let text = values.as_string::<i32>();
        let flags: StringArray = (0..text.len())
            .map(|r| {
                // Whatever its column is called, a citizen's identity number is personal.
                let personal = self.turned[cells[r].0].2 || resident_id_is_valid(text.value(r).trim());
                Some(if personal { "personal" } else { "open" })
            })
            .collect();
        columns.push(Arc::clone(&values));
        if self.flagged {
            columns.push(Arc::new(flags));
        }
        Ok((RawBatch { columns, rows, bad: raw.bad }, empty))
    }
}
