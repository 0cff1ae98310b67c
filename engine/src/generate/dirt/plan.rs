//! What is done to one row that was drawn: one of the defects that this row can have, each as likely as another.

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::Decimal128Type;
use assay_datasets::schema::Column;

use super::kinds::Kind;
use super::soil::{Sheet, Trait};
use super::{Dirt, Identity, integers};
use crate::Result;
use crate::generate::files::{Broken, LayoutColumn, TextRows, plain_text, text_column};

mod content;
mod party;
mod refused;
mod spelling;
mod twice;

pub(super) use content::of_return;

/// What is done.
pub(super) enum Change {
    /// Cells of this row, as they stand in the file.
    Cells(Vec<(usize, Option<String>)>),
    /// Values of this row, by canonical column, in the dictionary's notation.
    Values(Vec<(&'static str, Option<String>)>),
    /// A copy of this row after it, with these cells.
    Copy(Vec<(usize, Option<String>)>),
    /// A copy of this row, with these values; before it or after it.
    CopyValues { values: Vec<(&'static str, Option<String>)>, before: bool },
    /// A copy of this row after it, broken as a record.
    Broken(Broken),
    /// The row goes.
    Remove,
}

/// A change, what kind it is, and whose record it is where that becomes hard to tell.
pub(super) struct Planned {
    pub kind: &'static Kind,
    pub change: Change,
    pub identity: Option<Identity>,
}

/// One drawn row.
pub(super) struct Row<'a> {
    pub sheet: &'a Sheet<'a>,
    pub batch: &'a RecordBatch,
    pub text: &'a TextRows,
    pub row: usize,
    pub draws: [u64; 4],
}

/// What may be wrong with a row, in a fixed order.
type Way = fn(&Row<'_>, &Dirt) -> Result<Option<Planned>>;

const WAYS: [Way; 23] = [
    refused::check_character_wrong,
    refused::bad_id,
    refused::missing,
    refused::bad_number,
    refused::bad_date,
    refused::unknown_code,
    refused::fields,
    refused::encoding,
    twice::duplicate,
    twice::same_key,
    spelling::blanks,
    spelling::full_width,
    spelling::small_letters,
    spelling::lost_zeros,
    spelling::misspelt,
    content::total_differs,
    content::tax_differs,
    content::sign,
    content::red_original,
    content::implausible_date,
    content::unknown_region,
    content::unknown_goods,
    party::name_only,
];

/// Those among them that few rows can have.
const RARE: [Way; 5] = [
    content::sign,
    content::red_original,
    content::implausible_date,
    content::unknown_region,
    party::name_only,
];

impl Row<'_> {
    /// What is done to it; `None` when nothing can be.
    pub fn plan(&self, dirt: &Dirt) -> Result<Option<Planned>> {
        if self.sheet.layout.table.group == "third_party"
            && self.draws[3].is_multiple_of(5)
            && let Some(planned) = party::unknown_party(self, dirt)?
        {
            return Ok(Some(planned));
        }
        let mut possible = Vec::with_capacity(WAYS.len());
        // Few invoices are red, or have a registered buyer and no need to name it, and the register is small: every second
        // one of these rows gets what only they can have.
        if self.draws[0].is_multiple_of(2) {
            for way in RARE {
                possible.extend(way(self, dirt)?);
            }
        }
        if possible.is_empty() {
            for way in WAYS {
                possible.extend(way(self, dirt)?);
            }
        }
        let chosen = (self.draws[1] % possible.len().max(1) as u64) as usize;
        Ok((chosen < possible.len()).then(|| possible.swap_remove(chosen)))
    }

    fn may(&self, what: Trait) -> bool {
        self.sheet.traits.contains(&what)
    }

    /// Whether a copy of this row may stand beside it.
    fn may_add(&self) -> Result<bool> {
        if !self.may(Trait::Additions) {
            return Ok(false);
        }
        if !self.may(Trait::AdditionsLast) {
            return Ok(true);
        }
        let ids = text_column(self.batch, "invoice_id")?;
        Ok(self.row + 1 == ids.len() || ids.value(self.row + 1) != ids.value(self.row))
    }

    /// A filled cell of a column that fits, drawn among all of them.
    fn pick(
        &self,
        fits: impl Fn(&Column, &LayoutColumn, &str) -> bool,
    ) -> Option<(usize, &'static Column, String)> {
        let mut found = Vec::new();
        for (at, layout) in self.sheet.layout.columns.iter().enumerate() {
            if let (Some(column), Some(value)) = (layout.column, self.text.cell(self.row, at))
                && fits(column, layout, value)
            {
                found.push((at, column, value));
            }
        }
        let (at, column, value) = *found.get((self.draws[2] % found.len().max(1) as u64) as usize)?;
        Some((at, column, value.to_owned()))
    }

    fn value(&self, column: &str) -> Result<Option<String>> {
        let array: &StringArray = text_column(self.batch, column)?;
        Ok(array.is_valid(self.row).then(|| array.value(self.row).to_owned()))
    }

    /// An amount in cents.
    fn cents(&self, column: &str) -> Option<i128> {
        let array = self.batch.column_by_name(column)?.as_primitive_opt::<Decimal128Type>()?;
        array.is_valid(self.row).then(|| array.value(self.row))
    }

    /// Month of the row.
    fn period(&self) -> Result<Option<i32>> {
        let periods = integers(self.batch, "period")?;
        Ok(periods.is_valid(self.row).then(|| periods.value(self.row)))
    }

    fn table(&self) -> &str {
        &self.sheet.layout.table.name
    }

    /// A registration that no later one replaces: what is wrong with an earlier one nobody sees after a load.
    fn is_current_registration(&self) -> Result<bool> {
        if self.table() != "taxpayer" {
            return Ok(false);
        }
        let ends = self.batch.column_by_name("valid_to");
        Ok(ends.is_none_or(|ends| ends.is_null(self.row)) && self.value("taxpayer_id")?.is_some())
    }
}

fn done(kind: &'static Kind, change: Change) -> Result<Option<Planned>> {
    Ok(Some(Planned { kind, change, identity: None }))
}

fn copy(kind: &'static Kind, at: usize, value: Option<String>) -> Result<Option<Planned>> {
    done(kind, Change::Copy(vec![(at, value)]))
}

fn cell(kind: &'static Kind, at: usize, value: String) -> Result<Option<Planned>> {
    done(kind, Change::Cells(vec![(at, Some(value))]))
}

fn values(kind: &'static Kind, values: Vec<(&'static str, Option<String>)>) -> Result<Option<Planned>> {
    done(kind, Change::Values(values))
}

fn yuan(cents: i128) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.unsigned_abs() / 100, cents.unsigned_abs() % 100)
}

/// Key columns of a row as the ledger shows them.
pub(super) fn key_text(sheet: &Sheet<'_>, batch: &RecordBatch, row: usize) -> Result<String> {
    let mut key = String::new();
    for name in &sheet.layout.table.key {
        let Some(column) = sheet.layout.table.column(name) else { continue };
        let slice = batch.column(batch.schema().index_of(name)?).slice(row, 1);
        if !key.is_empty() {
            key.push('|');
        }
        let text = plain_text(&slice, column.ty)?;
        key.push_str(if text.is_valid(0) { text.value(0) } else { "" });
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cents_are_written_as_yuan() {
        assert_eq!(yuan(-5), "-0.05");
        assert_eq!(yuan(123_456), "1234.56");
    }
}
