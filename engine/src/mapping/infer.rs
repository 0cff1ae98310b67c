//! Guessing which table a file fills and which of its columns are which, from names, types and values.

use std::path::{Path, PathBuf};

use assay_datasets::mapping;
use assay_datasets::schema::{Column, PeriodSource, Table, catalog};

use super::assign::assign;
use super::draft::{self, FeedDraft};
use super::evidence::Evidence;
use super::names::name_score;
use super::sample::{Sample, samples};
use crate::ingest::select::find_table;
use crate::{EngineError, Result};

/// Weight of the name in a score; the rest is the values'.
const NAME: f64 = 0.7;
/// What is left of a name's score when the values speak against it: enough for the very same name only.
const AGAINST: f64 = 0.46;
/// Least score of a column that is mapped.
const LEAST: f64 = 0.45;
/// What a required column that is missing costs a table among the candidates.
const MISSING: f64 = 0.5;
/// What a column of the whole document counts in choosing a table for an element that repeats in it.
const WHOLE: f64 = 0.1;
/// Least total with which a table is believed without being named.
const BELIEVED: f64 = 1.2;

/// What to draft a mapping for.
#[derive(Debug, Clone)]
pub struct InferRequest {
    /// A file or folder.
    pub path: PathBuf,
    /// The table it fills; guessed when `None`.
    pub table: Option<String>,
    /// Only this sheet of a workbook.
    pub sheet: Option<String>,
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
    /// Its text.
    pub text: String,
    /// Every column with its confidence.
    pub guesses: Vec<Guess>,
    /// Required columns no source was found for, and tables of the file nothing fits; empty when the draft loads.
    pub missing: Vec<String>,
}

/// Drafts a mapping for a file.
///
/// # Errors
/// When the file cannot be read, or the table named does not exist.
pub fn infer(request: &InferRequest) -> Result<Draft> {
    let table = request.table.as_deref().map(find_table).transpose()?;
    let samples = samples(&request.path, request.sheet.as_deref())?;
    let name = draft::mapping_name(&request.path);
    let mut feeds: Vec<FeedDraft<'_>> = Vec::new();
    let mut missing = Vec::new();
    for sample in &samples {
        let evidence: Vec<Evidence> = sample.values.iter().map(|v| Evidence::of(v)).collect();
        let found = match table {
            Some(table) => Some(fit(sample, &evidence, table)),
            None => best(sample, &evidence),
        };
        let Some(fit) = found.filter(|f| !f.columns.is_empty()) else {
            missing.push(format!(
                "{}: 没有合适的表 no table fits its columns ({}); name one with --table",
                sample.shown(),
                sample.header.join(", ")
            ));
            continue;
        };
        let again = feeds.iter().filter(|f| f.fit.table.name == fit.table.name).count();
        let number = if again > 0 { format!(".{}", again + 1) } else { String::new() };
        let feed_name = format!("{name}.{}{number}", fit.table.name);
        feeds.push(FeedDraft { name: feed_name, sample, evidence, fit });
    }
    if feeds.is_empty() {
        return Err(EngineError::input(missing.join("\n")));
    }
    let text = draft::write(&name, &request.path, &feeds, &missing);
    if let Err(problems) = mapping::parse("draft", &text) {
        missing.extend(problems);
    }
    Ok(Draft { text, guesses: feeds.iter().flat_map(FeedDraft::guesses).collect(), missing })
}

/// A table with the file's columns that are its own.
#[derive(Debug)]
pub struct Fit {
    /// The table.
    pub table: &'static Table,
    /// (the table's column, the file's, confidence, why).
    pub columns: Vec<(usize, usize, f64, String)>,
    /// How well it fits, to compare tables by.
    pub total: f64,
}

fn best(sample: &Sample, evidence: &[Evidence]) -> Option<Fit> {
    let mut best: Option<Fit> = None;
    for table in catalog().tables() {
        let fit = fit(sample, evidence, table);
        if best.as_ref().is_none_or(|b| fit.total > b.total) {
            best = Some(fit);
        }
    }
    best.filter(|b| b.total >= BELIEVED)
}

fn fit(sample: &Sample, evidence: &[Evidence], table: &'static Table) -> Fit {
    let own = sample.columns();
    let mut reasons = Vec::with_capacity(own.len());
    let mut scores = Vec::with_capacity(own.len());
    for place in &own {
        let cells: Vec<(f64, String)> = table
            .columns
            .iter()
            .map(|c| score(&sample.header[*place], &evidence[*place], table, c))
            .collect();
        scores.push(cells.iter().map(|(s, _)| *s).collect::<Vec<f64>>());
        reasons.push(cells);
    }
    let mut columns: Vec<(usize, usize, f64, String)> = assign(&scores)
        .into_iter()
        .enumerate()
        .filter_map(|(row, column)| {
            let column = column?;
            let (score, why) = &reasons[row][column];
            Some((column, own[row], *score, why.clone()))
        })
        .collect();
    columns.sort_by_key(|(column, ..)| *column);
    let lacking =
        table.columns.iter().enumerate().filter(|(i, c)| {
            c.required && !made(table, c) && !columns.iter().any(|(column, ..)| column == i)
        });
    let weight = |place: usize| if sample.header[place].starts_with('/') { WHOLE } else { 1.0 };
    let found: f64 = columns.iter().map(|(_, place, score, _)| score * weight(*place)).sum();
    let total = found - MISSING * lacking.count() as f64;
    Fit { table, columns, total }
}

/// Whether a required column can be made when the file does not have it.
pub fn made(table: &Table, column: &Column) -> bool {
    let derived = matches!(&table.period, Some(PeriodSource::Derived(_))) || table.follows_invoice();
    let numbered = table.name == "invoice_line" && column.name == "line_no";
    (column.name == "period" && derived)
        || numbered
        || (table.name == "invoice" && column.name == "invoice_id")
}

fn score(header: &str, evidence: &Evidence, table: &Table, column: &Column) -> (f64, String) {
    // Of a path its last element is the name.
    let (name, why) = match header.rsplit_once('/') {
        None => name_score(header, table, column),
        Some((_, last)) => {
            let (whole, end) = (name_score(header, table, column), name_score(last, table, column));
            if whole.0 > end.0 { whole } else { end }
        }
    };
    let Some((value, evidence_says)) = evidence.score(table, column) else { return (0.0, String::new()) };
    // Whole invoice numbers are what they are, whatever the column is called.
    let telling = column.name == "invoice_id" && value >= 1.0;
    if name < 0.4 {
        let score = if telling { 0.5 } else { 0.0 };
        return (score, evidence_says);
    }
    let score = if value <= 0.0 { name * AGAINST } else { NAME * name + (1.0 - NAME) * value };
    // Of two columns of one name the record's own is meant, not the whole document's.
    let score = if header.starts_with('/') { score * 0.95 } else { score };
    if score < LEAST { (0.0, String::new()) } else { (score, format!("{why}; {evidence_says}")) }
}

/// The file's name as the draft's pattern has it: digits that look like a date or a number stand for any.
pub fn pattern(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let mut pattern = String::new();
    let mut digits = String::new();
    for c in name.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        pattern.push_str(if digits.len() >= 4 { "*" } else { &digits });
        digits.clear();
        match c {
            '\0' => {}
            '[' | ']' | '*' | '?' => pattern.push('?'),
            c => pattern.push(c),
        }
    }
    Some(pattern)
}
