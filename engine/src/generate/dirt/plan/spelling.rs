//! Values spelt otherwise, as loading puts them right.

use std::sync::LazyLock;

use assay_datasets::repairs::{self, Repair, Rule};
use assay_datasets::schema::{Column, ColumnType, Table};

use super::super::Dirt;
use super::super::kinds;
use super::super::soil::Trait;
use super::{Planned, Row, cell};
use crate::Result;

pub(super) fn blanks(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    if !row.may(Trait::Blanks) {
        return Ok(None);
    }
    let Some((at, _, value)) = row.pick(|_, layout, _| !layout.typed && !layout.derived) else {
        return Ok(None);
    };
    let dirty = match row.draws[3] % 3 {
        0 => format!(" {value}"),
        1 => format!("{value}  "),
        _ => format!("\u{3000}{value}"),
    };
    cell(kinds::BLANKS, at, dirty)
}

/// Whether full-width characters of the column are put right, as declared.
fn is_made_half_width(table: &Table, column: &Column) -> bool {
    static DECLARED: LazyLock<Vec<Repair>> = LazyLock::new(|| {
        let declared = repairs::parse("repairs.toml", repairs::EMBEDDED).map(|set| set.repairs);
        declared.unwrap_or_default()
    });
    DECLARED.iter().any(|repair| repair.rule == Rule::HalfWidth && repair.concerns(table, column))
}

pub(super) fn full_width(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    let found = row.pick(|column, layout, value| {
        is_made_half_width(row.sheet.layout.table, column)
            && column.ty != ColumnType::Bool
            && !layout.typed
            && !layout.derived
            && value.bytes().any(|b| b.is_ascii_digit())
    });
    let Some((at, _, value)) = found else { return Ok(None) };
    // Some characters only: a field of fixed width has room for a few wide ones.
    let mut left = 3;
    let wide = |c: char| match char::from_u32(c as u32 + 0xFEE0) {
        Some(wide) if c.is_ascii_alphanumeric() && left > 0 => {
            left -= 1;
            wide
        }
        _ => c,
    };
    let dirty = value.chars().map(wide).collect();
    cell(kinds::FULL_WIDTH, at, dirty)
}

pub(super) fn small_letters(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    let found = row.pick(|column, layout, value| {
        column.party
            && column.personal.is_none()
            && !layout.derived
            && value.bytes().any(|b| b.is_ascii_uppercase())
    });
    let Some((at, _, value)) = found else { return Ok(None) };
    cell(kinds::SMALL_LETTERS, at, value.to_lowercase())
}

/// What is left of a code that a spreadsheet took for a number, or that was cut to the level it names.
fn without_zeros(column: &Column, value: &str) -> Option<String> {
    if !value.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (left, from): (&str, &[usize]) = match (column.name.as_str(), value.len()) {
        ("invoice_no", 8) => (value.trim_start_matches('0'), &[1, 2, 3, 4, 5, 6, 7]),
        ("invoice_code", 12) => (value.trim_start_matches('0'), &[11]),
        ("relief_code", 10) => (value.trim_start_matches('0'), &[6, 7, 8, 9]),
        ("hs_code", 8) => (value.trim_start_matches('0'), &[7]),
        ("hs_code", 10) => (value.trim_start_matches('0'), &[9]),
        ("region_code", 6) if value.ends_with("0000") => (&value[..2], &[2]),
        ("region_code", 6) if value.ends_with("00") => (&value[..4], &[4]),
        ("goods_code", 19) if value.ends_with("00") => (&value[..17], &[17]),
        _ => return None,
    };
    (left.len() < value.len() && from.contains(&left.len())).then(|| left.to_owned())
}

pub(super) fn lost_zeros(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    let found = row.pick(|column, layout, value| {
        !layout.typed && !layout.derived && without_zeros(column, value).is_some()
    });
    let Some((at, column, value)) = found else { return Ok(None) };
    let Some(dirty) = without_zeros(column, &value) else { return Ok(None) };
    cell(kinds::LOST_ZEROS, at, dirty)
}

/// A spelling of the code that is declared to mean nothing else.
pub(super) fn misspelt(row: &Row<'_>, dirt: &Dirt) -> Result<Option<Planned>> {
    let table = row.sheet.layout.table;
    for (at, layout) in row.sheet.layout.columns.iter().enumerate() {
        let Some(column) = layout.column.filter(|c| c.ty == ColumnType::Enum) else { continue };
        let Some(code) = row.value(&column.name)? else { continue };
        let several = row.may(Trait::SeveralNumbers);
        // The e-tax export says 正常 of red invoices too, and has no word for some codes.
        let doubtful = several && matches!(code.as_str(), "valid" | "lost_control" | "abnormal");
        if doubtful || row.may(Trait::Documents) || row.text.cell(row.row, at).is_none() {
            continue;
        }
        let declared = dirt.spellings.iter().filter(|repair| repair.concerns(table, column));
        let words: Vec<&String> = declared
            .filter_map(|repair| repair.words.get(&code))
            .flatten()
            // What the mapping knows is no misspelling.
            .filter(|word| !column.values.iter().any(|v| &v.zh == *word || &v.code == *word))
            .filter(|word| !several || !dirt.etax_words.contains(word.as_str()))
            .collect();
        if let Some(word) = words.get((row.draws[2] % words.len().max(1) as u64) as usize) {
            return cell(kinds::MISSPELT, at, (*word).clone());
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_lost_where_they_can_be_found_again() {
        let line = assay_datasets::schema::catalog().table("invoice_line");
        let goods = line.and_then(|t| t.column("goods_code"));
        let lost = |value: &str| goods.and_then(|column| without_zeros(column, value));
        assert_eq!(lost("1090511010000000000").as_deref(), Some("10905110100000000"));
        assert_eq!(lost("1090511010000000001"), None);
    }
}
