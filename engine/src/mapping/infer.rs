//! Guessing which table a file fills and which of its columns are which, from names, types and values.

use std::path::{Path, PathBuf};

use assay_datasets::mapping;
use assay_datasets::schema::{Column, PeriodSource, Table, catalog};

use super::assign::assign;
use super::draft::{self, FeedDraft};
use super::evidence::Evidence;
use super::names::name_score;
use super::rows::{amount_tax_total, repeats};
use super::sample::{Sample, samples};
use crate::Result;
use crate::ingest::select::find_table;

/// Weight of the name in a score; the rest is the values'.
const NAME: f64 = 0.7;
/// Score of the very same name when the values speak against it; no other name stands against its values.
const AGAINST: f64 = 0.6;
/// Least score of a column that is guessed at.
const LEAST: f64 = 0.45;
/// Least score of a column that is mapped; the draft asks about those below. A little less than the 0.6 of a list's
/// own taxpayer known by codes.
const SURE: f64 = 0.59;
/// Most for a column in another unit: enough to ask, too little to map.
const ANOTHER_UNIT: f64 = 0.5;
/// What a required column that is missing costs a table among the candidates.
const MISSING: f64 = 0.5;
/// What a column of the whole document counts in choosing a table for an element that repeats in it.
const WHOLE: f64 = 0.1;
/// Least total with which a table is believed without being named.
const BELIEVED: f64 = 1.2;
/// Least share of the file's columns that must be placed for that.
const PLACED: f64 = 0.5;
/// Least share when this many are placed: wide exports have much that no table keeps.
const PLACED_OF_MANY: (f64, usize) = (0.25, 6);
/// What it costs a table that the file repeats its key.
const REPEATED: f64 = 4.0;
/// Confidence of amounts that add up.
const ADDS_UP: f64 = 0.95;
/// Tables named when none is believed.
const NEAREST: usize = 3;

/// What to draft a mapping for.
#[derive(Debug, Clone)]
pub struct InferRequest {
    /// A file or folder.
    pub path: PathBuf,
    /// The table it fills; guessed when `None`.
    pub table: Option<String>,
    /// Only this sheet of a workbook.
    pub sheet: Option<String>,
    /// What the mapping is called; made from the file's name when `None`.
    pub name: Option<String>,
}

/// One column as guessed.
#[derive(Debug, Clone)]
pub struct Guess {
    /// What the draft's feed is called.
    pub feed: String,
    /// Table.
    pub table: String,
    /// Its column.
    pub column: String,
    /// The file's column.
    pub source: String,
    /// 0 to 1.
    pub confidence: f64,
    /// Why.
    pub why: String,
}

/// A drafted mapping.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Its text; empty when no table is certain enough to draft anything.
    pub text: String,
    /// Every column that is mapped, with its confidence.
    pub guesses: Vec<Guess>,
    /// Columns too uncertain to be mapped, which the draft asks about.
    pub questions: Vec<Guess>,
    /// Required columns no source was found for, and tables of the file nothing fits; empty when the draft loads.
    pub missing: Vec<String>,
}

/// Drafts a mapping for a file.
///
/// # Errors
/// When the file cannot be read, the table named does not exist, or the name is none for a mapping.
pub fn infer(request: &InferRequest) -> Result<Draft> {
    let table = request.table.as_deref().map(find_table).transpose()?;
    if let Some(name) = &request.name {
        draft::check_name(name)?;
    }
    let samples = samples(&request.path, request.sheet.as_deref())?;
    let mut found: Vec<(&Sample, Vec<Evidence>, Fit)> = Vec::new();
    let mut missing = Vec::new();
    for sample in &samples {
        let evidence: Vec<Evidence> =
            (0..sample.header.len()).map(|i| Evidence::of(&sample.values(i))).collect();
        let sums = amount_tax_total(sample);
        let fit = match table {
            Some(table) => Ok(fit(sample, &evidence, sums, table)),
            None => best(sample, &evidence, sums),
        };
        match fit {
            Ok(fit) => found.push((sample, evidence, fit)),
            Err(nearest) => missing.push(nothing_fits(sample, &nearest)),
        }
    }
    let Some((_, _, first)) = found.first() else {
        return Ok(Draft { text: String::new(), guesses: Vec::new(), questions: Vec::new(), missing });
    };
    let name = request.name.clone().unwrap_or_else(|| draft::mapping_name(&request.path, &first.table.name));
    let mut feeds: Vec<FeedDraft<'_>> = Vec::new();
    for (sample, evidence, fit) in found {
        let again = feeds.iter().filter(|f| f.fit.table.name == fit.table.name).count();
        let number = if again > 0 { format!(".{}", again + 1) } else { String::new() };
        let feed_name = format!("{name}.{}{number}", fit.table.name);
        feeds.push(FeedDraft { name: feed_name, sample, evidence, fit });
    }
    let text = draft::write(&name, &request.path, &feeds, &missing);
    if let Err(problems) = mapping::parse("draft", &text) {
        missing.extend(problems);
    }
    let guesses = feeds.iter().flat_map(FeedDraft::guesses).collect();
    let questions = feeds.iter().flat_map(FeedDraft::questions).collect();
    Ok(Draft { text, guesses, questions, missing })
}

/// Says that no table is certain, which come nearest, and what decides.
fn nothing_fits(sample: &Sample, nearest: &[Fit]) -> String {
    let own = sample.columns().len();
    let nearest: Vec<&Fit> = nearest.iter().filter(|f| f.columns.len() + f.weak.len() > 0).collect();
    let shown = |f: &&Fit| {
        let sure = f.columns.len();
        format!("{} {}（{own}列中{sure}列 {sure} of {own} columns）", f.table.name, f.table.zh)
    };
    let names: Vec<String> = nearest.iter().map(shown).collect();
    let (nearest, example) = match nearest.first() {
        Some(first) => (
            format!("；最接近的是 / nearest are: {}", names.join(", ")),
            format!(", e.g. --table {}", first.table.name),
        ),
        None => (String::new(), String::new()),
    };
    format!(
        "{}: 没有合适的表 no table fits its columns ({}); name one with --table{example}{nearest}",
        sample.shown(),
        sample.header.join(", ")
    )
}

/// (the table's column, the file's, confidence, why).
type Mapped = (usize, usize, f64, String);

/// A table with the file's columns that are its own.
#[derive(Debug)]
pub struct Fit {
    /// The table.
    pub table: &'static Table,
    /// Those that are mapped.
    pub columns: Vec<Mapped>,
    /// Those too uncertain to be mapped.
    pub weak: Vec<Mapped>,
    /// Share of the file's columns that are mapped.
    pub placed: f64,
    /// How well it fits, to compare tables by.
    pub total: f64,
}

impl Fit {
    /// Whether the table may be claimed without being named.
    fn is_believed(&self) -> bool {
        let (share, many) = PLACED_OF_MANY;
        let enough = self.placed >= PLACED || (self.columns.len() >= many && self.placed >= share);
        self.total >= BELIEVED && self.columns.len() > 1 && enough
    }
}

/// The table that fits best (`Ok`), or the nearest when none is believed.
fn best(
    sample: &Sample,
    evidence: &[Evidence],
    sums: Option<[usize; 3]>,
) -> std::result::Result<Fit, Vec<Fit>> {
    let mut fits: Vec<Fit> =
        catalog().tables().iter().map(|table| fit(sample, evidence, sums, table)).collect();
    fits.sort_by(|a, b| b.total.total_cmp(&a.total));
    if fits.first().is_some_and(Fit::is_believed) {
        return Ok(fits.swap_remove(0));
    }
    fits.truncate(NEAREST);
    Err(fits)
}

fn fit(sample: &Sample, evidence: &[Evidence], sums: Option<[usize; 3]>, table: &'static Table) -> Fit {
    let own = sample.columns();
    let mut reasons = Vec::with_capacity(own.len());
    let mut scores = Vec::with_capacity(own.len());
    for place in &own {
        let header = &sample.header[*place];
        let names: Vec<_> = table.columns.iter().map(|column| name_of(header, table, column)).collect();
        // What bears the very name of one column is no other, however similar.
        let exact = names.iter().any(|(name, _)| *name >= 1.0);
        let named = table.columns.iter().zip(names);
        let cells: Vec<(f64, String)> = named
            .map(|(column, name)| score(header, (name, exact), &evidence[*place], table, column))
            .collect();
        scores.push(cells.iter().map(|(s, _)| *s).collect::<Vec<f64>>());
        reasons.push(cells);
    }
    let mut columns: Vec<Mapped> = assign_surely(&scores)
        .into_iter()
        .map(|(row, column)| {
            let (score, why) = &reasons[row][column];
            (column, own[row], *score, why.clone())
        })
        .collect();
    by_sums(&mut columns, sums, table);
    columns.sort_by_key(|(column, ..)| *column);
    let lacking =
        table.columns.iter().enumerate().filter(|(i, c)| {
            c.required && !made(table, c) && !columns.iter().any(|(column, ..)| column == i)
        });
    let weight = |place: usize| if sample.header[place].starts_with('/') { WHOLE } else { 1.0 };
    let found: f64 = columns.iter().map(|(_, place, score, _)| score * weight(*place)).sum();
    let total = found
        - MISSING * lacking.count() as f64
        - if key_repeats(sample, table, &columns) { REPEATED } else { 0.0 };
    let (columns, weak): (Vec<_>, Vec<_>) = columns.into_iter().partition(|(_, _, score, _)| *score >= SURE);
    let all: f64 = own.iter().map(|place| weight(*place)).sum();
    let placed = columns.iter().map(|(_, place, ..)| weight(*place)).sum::<f64>() / all.max(WHOLE);
    Fit { table, columns, weak, placed, total }
}

/// Row by row the column given to it: the sure ones first, so that two doubtful columns do not outweigh a sure one.
fn assign_surely(scores: &[Vec<f64>]) -> Vec<(usize, usize)> {
    let sure: Vec<Vec<f64>> =
        scores.iter().map(|row| row.iter().map(|s| if *s >= SURE { *s } else { 0.0 }).collect()).collect();
    let mut given: Vec<(usize, usize)> =
        assign(&sure).into_iter().enumerate().filter_map(|(row, column)| Some((row, column?))).collect();
    let free = |row: usize, column: usize| given.iter().all(|(r, c)| *r != row && *c != column);
    let rest: Vec<Vec<f64>> = scores
        .iter()
        .enumerate()
        .map(|(row, all)| {
            all.iter().enumerate().map(|(column, s)| if free(row, column) { *s } else { 0.0 }).collect()
        })
        .collect();
    given.extend(assign(&rest).into_iter().enumerate().filter_map(|(row, column)| Some((row, column?))));
    given
}

/// Amount, tax and total by what adds up, where some name speaks for one of them.
fn by_sums(columns: &mut Vec<Mapped>, sums: Option<[usize; 3]>, table: &Table) {
    let Some(sums) = sums else { return };
    let place = |name: &str| table.columns.iter().position(|c| c.name == name);
    let (Some(amount), Some(tax)) = (place("amount"), place("tax")) else { return };
    let wanted: Vec<(usize, usize)> = [Some(amount), Some(tax), place("total")]
        .into_iter()
        .zip(sums)
        .filter_map(|(c, at)| Some((c?, at)))
        .collect();
    let is_of = |(column, at, ..): &Mapped| wanted.iter().any(|(c, p)| c == column || p == at);
    if !columns.iter().any(|one| is_of(one) && one.2 >= LEAST) {
        return;
    }
    columns.retain(|one| !is_of(one));
    let why = "金额＋税额＝价税合计 they add up";
    columns.extend(wanted.into_iter().map(|(column, at)| (column, at, ADDS_UP, why.to_owned())));
}

/// Whether the file repeats what should stand once a row.
fn key_repeats(sample: &Sample, table: &Table, columns: &[Mapped]) -> bool {
    let place = |name: &String| {
        columns.iter().find(|(column, ..)| table.columns[*column].name == *name).map(|(_, place, ..)| *place)
    };
    let key: Option<Vec<usize>> = table.key.iter().map(place).collect();
    key.is_some_and(|key| !key.is_empty() && repeats(sample, &key))
}

/// Whether a required column can be made when the file does not have it.
pub fn made(table: &Table, column: &Column) -> bool {
    let derived = matches!(&table.period, Some(PeriodSource::Derived(_))) || table.follows_invoice();
    let numbered = table.name == "invoice_line" && column.name == "line_no";
    (column.name == "period" && derived)
        || numbered
        || (table.name == "invoice" && column.name == "invoice_id")
}

/// How well a name fits; of a path its last element is the name.
fn name_of(header: &str, table: &Table, column: &Column) -> (f64, &'static str) {
    match header.rsplit_once('/') {
        None => name_score(header, table, column),
        Some((_, last)) => {
            let (whole, end) = (name_score(header, table, column), name_score(last, table, column));
            if whole.0 > end.0 { whole } else { end }
        }
    }
}

/// How well a column of the file fits one of the table, whose name fits as [`name_of`] says; `exact` when it bears the
/// very name of some column.
fn score(
    header: &str,
    ((name, why), exact): ((f64, &str), bool),
    evidence: &Evidence,
    table: &Table,
    column: &Column,
) -> (f64, String) {
    let Some((value, evidence_says)) = evidence.score(table, column) else { return (0.0, String::new()) };
    // Whole invoice numbers are what they are, whatever the column is called.
    let telling = column.name == "invoice_id" && value >= 1.0;
    if name < 0.4 {
        let score = if telling { 0.6 } else { 0.0 };
        return (score, evidence_says);
    }
    if exact && name < 1.0 && !telling {
        return (0.0, String::new());
    }
    let score = match value > 0.0 {
        true => NAME * name + (1.0 - NAME) * value,
        false if name >= 1.0 => AGAINST,
        false => 0.0,
    };
    // Of two columns of one name the record's own is meant, not the whole document's.
    let score = if header.starts_with('/') { score * 0.95 } else { score };
    if score < LEAST {
        return (0.0, String::new());
    }
    if column.ty.is_amount() && in_thousands(header) {
        let unit = "单位是万、千或亿，须换算 in thousands or more: write the conversion as sql";
        return (score.min(ANOTHER_UNIT), format!("{unit}; {why}; {evidence_says}"));
    }
    (score, format!("{why}; {evidence_says}"))
}

/// Whether a name says that its figures are in thousands, ten thousands or more of a unit: 电费（万元）, 注册资金(万).
fn in_thousands(header: &str) -> bool {
    let marked = header.split(['(', '（', '[', '【']).nth(1).unwrap_or_default();
    let units = ["万元", "千元", "亿元", "百万"];
    marked.starts_with(['万', '千', '亿'])
        && !marked.starts_with("千瓦")
        && !marked.starts_with("千克")
        && !marked.starts_with("千米")
        || units.iter().any(|unit| header.contains(unit))
}

/// The file's name as the draft's pattern has it: digits that look like a date or a number stand for any.
pub fn pattern(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy().replace(['[', ']', '*', '?'], "?");
    Some(with_numbers_as(&name, "*"))
}

/// The text with numbers that look like a date, those of four and more digits, written as `other`.
pub fn with_numbers_as(text: &str, other: &str) -> String {
    let mut out = String::new();
    let mut digits = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        out.push_str(if digits.len() >= 4 { other } else { &digits });
        digits.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out
}
