//! Totals that a file states about its own rows: telling them from records, and comparing them with the rows read.

use arrow::array::{Array, StringArray};

use super::header::normal;
use super::shape::Skipped;
use crate::ingest::parse::parse_decimal;
use crate::{EngineError, Result};

/// Decimals kept while adding: senders' rows may have more than cents.
const SCALE: i8 = 6;
/// Half a cent in these units: below it two figures are the same money.
const HALF_CENT: i128 = 5_000;

/// Tells totals from records, wherever the word stands among the columns.
///
/// A row that begins with the word is a total unless it has all a record must have (a remark may say 合计 too). Where
/// the word stands further on, the row is one when nothing beside it names or describes anything.
#[derive(Debug, Default)]
pub struct TotalRows {
    /// The words in normal form.
    words: Vec<String>,
    /// Places of columns that name or describe: ids, dates, texts, codes.
    naming: Vec<usize>,
    /// Places of what each required column of that kind is made from.
    keys: Vec<Vec<usize>>,
}

impl TotalRows {
    /// Totals by these words (in normal form) among columns of these kinds.
    pub fn new(words: Vec<String>, naming: Vec<usize>, keys: Vec<Vec<usize>>) -> Self {
        Self { words, naming, keys }
    }

    /// Whether the text is one of the words.
    pub fn is_word(&self, cell: &str) -> bool {
        let Some(first) = cell.chars().next() else { return false };
        // Most cells begin with what no word begins with: they need not be brought to normal form.
        let plain = first.is_ascii_alphanumeric() || ('\u{4e00}'..='\u{9fff}').contains(&first);
        let may = !plain || self.words.iter().any(|w| w.starts_with(first.to_ascii_lowercase()));
        may && cell.len() < 64 && self.words.contains(&normal(cell))
    }

    /// Whether the row of `texts` is a total; a column that is no text (`None`) counts as filled with a number.
    pub fn is_total(&self, texts: &[Option<&StringArray>], row: usize) -> bool {
        if self.words.is_empty() {
            return false;
        }
        let cell = |column: usize| match texts.get(column) {
            Some(Some(text)) if text.is_valid(row) => text.value(row).trim(),
            Some(Some(_)) => "",
            _ => "0",
        };
        let has = |key: &Vec<usize>| key.iter().any(|c| !is_blank(cell(*c)) && !self.is_word(cell(*c)));
        let whole = !self.keys.is_empty() && self.keys.iter().all(has);
        if whole {
            return false;
        }
        let mut filled = (0..texts.len()).filter(|c| texts[*c].is_some() && !cell(*c).is_empty());
        if filled.next().is_some_and(|first| self.is_word(cell(first))) {
            return true;
        }
        let beside = |c: usize| {
            is_blank(cell(c))
                || self.is_word(cell(c))
                || (!self.naming.contains(&c) && (!self.naming.is_empty() || is_number(cell(c))))
        };
        (0..texts.len()).any(|c| self.is_word(cell(c))) && (0..texts.len()).all(beside)
    }

    /// The same of a record that could not be split as the header is.
    pub fn is_total_record(&self, record: &str) -> bool {
        let cells: Vec<&str> = record.split([',', '\t', '|', ';']).map(str::trim).collect();
        let begins = cells.first().is_some_and(|c| self.is_word(c));
        let beside = |c: &&str| is_blank(c) || self.is_word(c) || is_number(c);
        begins || (cells.iter().any(|c| self.is_word(c)) && cells.iter().all(beside))
    }
}

/// Whether a cell says nothing.
fn is_blank(cell: &str) -> bool {
    matches!(cell, "" | "-" | "--" | "—" | "——" | "/" | "*" | "***")
}

fn is_number(cell: &str) -> bool {
    parse_decimal(cell, 38, SCALE, true).is_some()
}

/// Running sums of a file's money columns.
pub struct Totals {
    /// Place and name of each column.
    columns: Vec<(usize, String)>,
    /// Sum of all rows, and of those since the last total.
    sums: Vec<(i128, i128)>,
    /// A record was added.
    any: bool,
    refuse: bool,
}

impl Totals {
    /// Sums of these columns; `refuse`: a total that differs is an error.
    pub fn new(columns: Vec<(usize, String)>, refuse: bool) -> Self {
        let sums = vec![(0, 0); columns.len()];
        Self { columns, sums, any: false, refuse }
    }

    /// Adds a record. A value that is no number adds nothing (and is rejected as a record later on).
    pub fn add(&mut self, texts: &[Option<&StringArray>], row: usize) {
        self.any = true;
        for ((column, _), (all, part)) in self.columns.iter().zip(&mut self.sums) {
            if let Some(value) = amount(texts, *column, row) {
                *all += value;
                *part += value;
            }
        }
    }

    /// Compares a total with the rows above it: all of them, or those since the last total.
    ///
    /// # Errors
    /// When it differs and the mapping says that such a file is refused.
    pub fn compare(
        &mut self,
        shown: &str,
        texts: &[Option<&StringArray>],
        row: usize,
        number: i64,
    ) -> Result<Skipped> {
        let mut differing = Vec::new();
        let mut compared = 0;
        for ((column, name), (all, part)) in self.columns.iter().zip(&self.sums) {
            // One above its rows cannot be compared with them.
            let Some(stated) = amount(texts, *column, row).filter(|_| self.any) else { continue };
            compared += 1;
            let same = |sum: i128| (stated - sum).abs() < HALF_CENT;
            if !same(*all) && !same(*part) {
                differing.push((name, yuan(stated), yuan(*all)));
            }
        }
        self.sums.iter_mut().for_each(|(_, part)| *part = 0);
        if differing.is_empty() {
            let names: Vec<&str> = self.columns.iter().map(|(_, n)| n.as_str()).collect();
            let (zh, en) = match compared {
                0 => ("合计行（无可核对的金额）".to_owned(), "a total without amounts to compare".to_owned()),
                _ => (
                    format!("合计行，与明细相符（{}）", names.join("、")),
                    format!("a total equal to its rows ({})", names.join(", ")),
                ),
            };
            return Ok(Skipped::new(number, "total", zh, en));
        }
        let list = |between: &str, line: &dyn Fn(&(&String, String, String)) -> String| {
            differing.iter().map(line).collect::<Vec<_>>().join(between)
        };
        let zh = list("；", &|(name, stated, sum)| format!("“{name}”合计行为{stated}，各行之和为{sum}"));
        let en = list("; ", &|(name, stated, sum)| {
            format!("{name}: the total says {stated}, its rows add up to {sum}")
        });
        if self.refuse {
            return Err(EngineError::input(format!(
                "{shown}, row {number}: {en}; rows are missing or the total is wrong, ask for the file again ({zh})"
            )));
        }
        tracing::warn!("{shown}, row {number}: {en}");
        Ok(Skipped::new(number, "total_differs", zh, en))
    }
}

fn amount(texts: &[Option<&StringArray>], column: usize, row: usize) -> Option<i128> {
    let text = texts.get(column).copied().flatten().filter(|t| t.is_valid(row))?;
    parse_decimal(text.value(row).trim(), 38, SCALE, true)
}

fn yuan(value: i128) -> String {
    let cents = (value.abs() + HALF_CENT) / (2 * HALF_CENT);
    format!("{}{}.{:02}", if value < 0 { "-" } else { "" }, cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn compare(values: &[&str], refuse: bool) -> Vec<Result<Skipped>> {
        let text = StringArray::from(values.to_vec());
        let mut totals = Totals::new(vec![(0, "金额".into())], refuse);
        let mut found = Vec::new();
        for (row, value) in values.iter().enumerate() {
            if let Some(stated) = value.strip_prefix('=') {
                let stated = StringArray::from(vec![stated; values.len()]);
                found.push(totals.compare("f", &[Some(&stated)], row, row as i64 + 2));
            } else {
                totals.add(&[Some(&text)], row);
            }
        }
        found
    }

    /// Whether a row with these cells is a total; columns 0 and 4 name or describe, 0 is required, 1 to 3 are numbers.
    fn is_total(cells: [&str; 5]) -> bool {
        let rows = TotalRows::new(vec!["合计".into(), "小计".into()], vec![0, 4], vec![vec![0]]);
        let texts: Vec<StringArray> = cells.iter().map(|c| StringArray::from(vec![*c])).collect();
        let texts: Vec<Option<&StringArray>> = texts.iter().map(Some).collect();
        rows.is_total(&texts, 0)
    }

    #[test]
    fn a_total_is_one_wherever_its_word_stands() {
        assert!(is_total(["合计", "1", "2", "3", ""]));
        assert!(is_total(["", "1", "2", " 合 计：", "--"]));
        assert!(is_total(["", "1", "2", "3", "小计"]));
        assert!(is_total(["--", "合计", "共2张", "3", ""]));
        // A record may say the word in its remark, and one that lacks its id is a bad record, no total.
        assert!(!is_total(["A1", "1", "2", "3", "合计"]));
        assert!(!is_total(["A1", "合计", "2", "3", ""]));
        assert!(!is_total(["", "1", "2", "合计", "办公用品"]));
        assert!(!is_total(["", "1", "2", "3", "合计金额"]));
        assert!(!is_total(["", "1", "2", "3", ""]));
    }

    #[test]
    fn a_total_of_another_width_is_one() {
        let rows = TotalRows::new(vec!["合计".into()], Vec::new(), Vec::new());
        assert!(rows.is_total_record("合计,x,1"));
        assert!(rows.is_total_record("1.5,,合计"));
        assert!(!rows.is_total_record("A1,合计,1"));
    }

    #[test]
    fn totals_and_subtotals_are_compared_to_the_cent() {
        let found = compare(&["1.10", "2.2", "=3.30", "x", "10", "=10", "=13.300000001", "=14"], false);
        let kinds: Vec<&str> = found.iter().map(|f| f.as_ref().unwrap().kind).collect();
        assert_eq!(kinds, ["total", "total", "total", "total_differs"]);
        let last = found[3].as_ref().unwrap();
        assert_eq!(last.en, "金额: the total says 14.00, its rows add up to 13.30");
        let error = compare(&["-1.10", "=1.10"], true).remove(0).unwrap_err().to_string();
        assert!(error.contains("row 3") && error.contains("1.10") && error.contains("-1.10"), "{error}");
    }
}
