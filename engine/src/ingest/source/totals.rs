//! Totals that a file states about its own rows, compared with the rows read.

use arrow::array::{Array, StringArray};

use super::shape::Skipped;
use crate::ingest::parse::parse_decimal;
use crate::{EngineError, Result};

/// Decimals kept while adding: senders' rows may have more than cents.
const SCALE: i8 = 6;
/// Half a cent in these units: below it two figures are the same money.
const HALF_CENT: i128 = 5_000;

/// Running sums of a file's money columns.
pub struct Totals {
    /// Place and name of each column.
    columns: Vec<(usize, String)>,
    /// Sum of all rows, and of those since the last total.
    sums: Vec<(i128, i128)>,
    refuse: bool,
}

impl Totals {
    /// Sums of these columns; `refuse`: a total that differs is an error.
    pub fn new(columns: Vec<(usize, String)>, refuse: bool) -> Self {
        let sums = vec![(0, 0); columns.len()];
        Self { columns, sums, refuse }
    }

    /// Adds a record. A value that is no number adds nothing (and is rejected as a record later on).
    pub fn add(&mut self, texts: &[Option<&StringArray>], row: usize) {
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
            let Some(stated) = amount(texts, *column, row) else { continue };
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
