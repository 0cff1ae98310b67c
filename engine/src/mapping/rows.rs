//! What whole rows say that no column says by itself: which amounts add up, and whether something stands once a row.

use super::sample::Sample;
use crate::ingest::parse::parse_decimal;

/// Least rows that must be complete, and the share of them that must agree.
const LEAST: usize = 3;
const AGREE: f64 = 0.95;
/// Rows from which on repeated values tell anything.
const FEW: usize = 10;
/// Share of rows with a value met before from which on a column is no key.
const REPEATED: f64 = 0.05;

/// Columns with an amount before tax, the tax and their sum, whatever they are called; the tax is the smaller part.
pub fn amount_tax_total(sample: &Sample) -> Option<[usize; 3]> {
    let columns: Vec<(usize, Vec<Option<i128>>)> = sample
        .columns()
        .into_iter()
        .map(|place| (place, numbers(&sample.cells[place])))
        .filter(|(_, values)| values.iter().flatten().filter(|v| **v != 0).count() >= LEAST)
        .collect();
    let mut best: Option<(usize, [usize; 3])> = None;
    for (amount_at, amounts) in &columns {
        for (tax_at, taxes) in columns.iter().filter(|(at, _)| at != amount_at) {
            for (total_at, totals) in columns.iter().filter(|(at, _)| at != amount_at && at != tax_at) {
                let agreeing = agreeing(amounts, taxes, totals);
                if let Some(rows) = agreeing.filter(|rows| best.is_none_or(|(most, _)| *rows > most)) {
                    best = Some((rows, [*amount_at, *tax_at, *total_at]));
                }
            }
        }
    }
    best.map(|(_, places)| places)
}

/// In fen.
fn numbers(cells: &[Option<String>]) -> Vec<Option<i128>> {
    cells.iter().map(|cell| parse_decimal(cell.as_deref()?, 38, 2, true)).collect()
}

/// Rows in which amount and tax come to the total, if nearly all do and the tax is mostly the smaller.
fn agreeing(amounts: &[Option<i128>], taxes: &[Option<i128>], totals: &[Option<i128>]) -> Option<usize> {
    let (mut complete, mut sums, mut smaller) = (0_usize, 0_usize, 0_usize);
    // Nearly every choice of three columns fails within a few rows.
    let most_misses = (1.0 - AGREE) * amounts.len() as f64;
    for ((amount, tax), total) in amounts.iter().zip(taxes).zip(totals) {
        let (Some(amount), Some(tax), Some(total)) = (amount, tax, total) else { continue };
        if *amount == 0 || *tax == 0 {
            continue;
        }
        complete += 1;
        sums += usize::from((amount + tax - total).abs() <= 1);
        smaller += usize::from(tax.abs() < amount.abs());
        if (complete - sums.min(smaller)) as f64 > most_misses + 1.0 {
            return None;
        }
    }
    let share = |n: usize| n as f64 / complete as f64;
    (complete >= LEAST && share(sums) >= AGREE && share(smaller) >= AGREE).then_some(sums)
}

/// Whether rows repeat the values of these columns, so that they are no key of a row.
pub fn repeats(sample: &Sample, places: &[usize]) -> bool {
    let mut seen = std::collections::HashSet::new();
    let (mut rows, mut again) = (0_usize, 0_usize);
    for row in 0..sample.records {
        let key: Vec<&str> = places
            .iter()
            .filter_map(|place| sample.cells[*place].get(row)?.as_deref())
            .filter(|text| !super::names::synonyms().missing.iter().any(|m| m == text))
            .collect();
        if key.len() < places.len() {
            continue;
        }
        rows += 1;
        again += usize::from(!seen.insert(key));
    }
    rows >= FEW && again as f64 > rows as f64 * REPEATED
}
