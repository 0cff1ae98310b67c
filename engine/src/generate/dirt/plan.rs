//! What is done to one row that was drawn: one of the defects that this row can have, each as likely as another.

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::Decimal128Type;
use assay_datasets::schema::{Column, ColumnType, PeriodSource};
use assay_sql::uscc_is_valid;

use super::faults::{
    implausible_date, name_only, red_original, sign, tax_differs, total_differs, unknown_goods,
    unknown_party, unknown_region, yuan,
};
use super::kinds::{self, Kind, check_character};
use super::soil::{Sheet, Trait};
use super::{Dirt, Identity, integers};
use crate::Result;
use crate::generate::files::{Broken, LayoutColumn, TextRows, plain_text, text_column};

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
    check_character_wrong,
    bad_id,
    missing,
    bad_number,
    bad_date,
    unknown_code,
    fields,
    encoding,
    duplicate,
    same_key,
    blanks,
    full_width,
    small_letters,
    lost_zeros,
    misspelt,
    total_differs,
    tax_differs,
    sign,
    red_original,
    implausible_date,
    unknown_region,
    unknown_goods,
    name_only,
];

/// Those among them that few rows can have.
const RARE: [Way; 5] = [sign, red_original, implausible_date, unknown_region, name_only];

impl Row<'_> {
    /// What is done to it; `None` when nothing can be.
    pub fn plan(&self, dirt: &Dirt) -> Result<Option<Planned>> {
        if self.sheet.layout.table.group == "third_party" && self.draws[3].is_multiple_of(5) {
            if let Some(planned) = unknown_party(self, dirt)? {
                return Ok(Some(planned));
            }
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
    pub(super) fn may_add(&self) -> Result<bool> {
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
            if let (Some(column), Some(value)) = (layout.column, self.text.cell(self.row, at)) {
                if fits(column, layout, value) {
                    found.push((at, column, value));
                }
            }
        }
        let (at, column, value) = *found.get((self.draws[2] % found.len().max(1) as u64) as usize)?;
        Some((at, column, value.to_owned()))
    }

    pub(super) fn value(&self, column: &str) -> Result<Option<String>> {
        let array: &StringArray = text_column(self.batch, column)?;
        Ok(array.is_valid(self.row).then(|| array.value(self.row).to_owned()))
    }

    /// An amount in cents.
    pub(super) fn cents(&self, column: &str) -> Option<i128> {
        let array = self.batch.column_by_name(column)?.as_primitive_opt::<Decimal128Type>()?;
        array.is_valid(self.row).then(|| array.value(self.row))
    }

    /// Month of the row.
    pub(super) fn period(&self) -> Result<Option<i32>> {
        let periods = integers(self.batch, "period")?;
        Ok(periods.is_valid(self.row).then(|| periods.value(self.row)))
    }

    pub(super) fn table(&self) -> &str {
        &self.sheet.layout.table.name
    }

    /// A registration that no later one replaces: what is wrong with an earlier one nobody sees after a load.
    pub(super) fn is_current_registration(&self) -> Result<bool> {
        if self.table() != "taxpayer" {
            return Ok(false);
        }
        let ends = self.batch.column_by_name("valid_to");
        Ok(ends.is_none_or(|ends| ends.is_null(self.row)) && self.value("taxpayer_id")?.is_some())
    }
}

pub(super) fn done(kind: &'static Kind, change: Change) -> Result<Option<Planned>> {
    Ok(Some(Planned { kind, change, identity: None }))
}

fn copy(kind: &'static Kind, at: usize, value: Option<String>) -> Result<Option<Planned>> {
    done(kind, Change::Copy(vec![(at, value)]))
}

pub(super) fn cell(kind: &'static Kind, at: usize, value: String) -> Result<Option<Planned>> {
    done(kind, Change::Cells(vec![(at, Some(value))]))
}

pub(super) fn values(
    kind: &'static Kind,
    values: Vec<(&'static str, Option<String>)>,
) -> Result<Option<Planned>> {
    done(kind, Change::Values(values))
}

/// The register's own ids must pass their check.
fn check_character_wrong(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    let table = row.sheet.layout.table;
    if table.group != "registration" || !row.may_add()? {
        return Ok(None);
    }
    let leading = |column: &Column| table.bucket_by.as_deref() == Some(column.name.as_str());
    let Some((at, _, id)) = row.pick(|column, _, value| leading(column) && uscc_is_valid(value)) else {
        return Ok(None);
    };
    // Seven places on: never the right one, for there are 31; and of the alphabet, for only the check is wrong.
    let wrong = check_character(&id[..17]).map(|right| if right == '0' { '7' } else { '0' });
    let Some(wrong) = wrong else { return Ok(None) };
    copy(kinds::CHECK_CHARACTER, at, Some(format!("{}{wrong}", &id[..17])))
}

fn bad_id(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    if !row.may_add()? {
        return Ok(None);
    }
    let found = row.pick(|column, _, value| column.party && column.personal.is_none() && value.len() >= 15);
    let Some((at, _, id)) = found else { return Ok(None) };
    copy(kinds::BAD_ID, at, Some(id.chars().take(9).collect()))
}

fn missing(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    if !row.may_add()? {
        return Ok(None);
    }
    // The number of an invoice may stand in one of several columns: its absence is none of this kind.
    // A month follows from the day, and that of a line from its invoice.
    let table = row.sheet.layout.table;
    let derived = |column: &Column| {
        let of_invoice = table.name != "invoice" && table.key.first().is_some_and(|key| key == "invoice_id");
        column.name == "period" && (of_invoice || matches!(table.period, Some(PeriodSource::Derived(_))))
    };
    let several = |column: &Column| {
        row.may(Trait::SeveralNumbers) && matches!(column.name.as_str(), "invoice_id" | "status")
    };
    let found = row.pick(|column, layout, _| {
        column.required
            && !derived(column)
            && !several(column)
            && column.personal.is_none()
            && !(layout.typed && column.ty == ColumnType::Bool)
    });
    let Some((at, ..)) = found else { return Ok(None) };
    copy(kinds::MISSING, at, None)
}

fn bad_number(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    let number = |ty: ColumnType| {
        matches!(ty, ColumnType::Money | ColumnType::Quantity | ColumnType::Int | ColumnType::Count)
    };
    if !row.may_add()? {
        return Ok(None);
    }
    let found = row.pick(|column, layout, _| number(column.ty) && !layout.typed);
    let Some((at, _, value)) = found else { return Ok(None) };
    let bad = match row.draws[3] % 3 {
        0 => "#REF!".to_owned(),
        1 => value.replacen(|c: char| c.is_ascii_digit(), "x", 1),
        _ => format!("{value}.1.2"),
    };
    copy(kinds::BAD_NUMBER, at, Some(bad))
}

fn bad_date(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    let dated = |ty: ColumnType| matches!(ty, ColumnType::Date | ColumnType::Timestamp | ColumnType::Period);
    if !row.may_add()? {
        return Ok(None);
    }
    let found = row.pick(|column, layout, _| dated(column.ty) && !layout.typed);
    let Some((at, column, value)) = found else { return Ok(None) };
    let bad = match column.ty {
        ColumnType::Period => format!("{}13", value.get(..4).unwrap_or("2025")),
        _ => format!("{}-02-30", value.get(..4).unwrap_or("2025")),
    };
    copy(kinds::BAD_DATE, at, Some(bad))
}

fn unknown_code(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    if !row.may_add()? {
        return Ok(None);
    }
    let found = row.pick(|column, _, _| column.ty == ColumnType::Enum && !column.open);
    let Some((at, ..)) = found else { return Ok(None) };
    copy(kinds::UNKNOWN_CODE, at, Some("其他情形".to_owned()))
}

fn fields(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    if !row.may(Trait::Records) || !row.may_add()? {
        return Ok(None);
    }
    done(kinds::FIELDS, Change::Broken(Broken::Fields))
}

fn encoding(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    if !row.may(Trait::Records) || !row.may_add()? {
        return Ok(None);
    }
    done(kinds::ENCODING, Change::Broken(Broken::Encoding))
}

fn duplicate(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    if !row.may_add()? && !row.may(Trait::Documents) {
        return Ok(None);
    }
    done(kinds::DUPLICATE, Change::Copy(Vec::new()))
}

/// An earlier version of the row, with another amount: the row itself, which follows, replaces it.
fn same_key(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    let table = row.sheet.layout.table;
    if !row.may(Trait::SameKey) || !row.may_add()? || table.version_by.is_some() {
        return Ok(None);
    }
    let found = row.pick(|column, _, _| column.ty == ColumnType::Money && !table.key.contains(&column.name));
    let Some((_, column, _)) = found else { return Ok(None) };
    let Some(cents) = row.cents(&column.name) else { return Ok(None) };
    let values = vec![(column.name.as_str(), Some(yuan(cents + 10_000)))];
    done(kinds::SAME_KEY, Change::CopyValues { values, before: true })
}

fn blanks(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
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

/// Whether full-width characters of the column are put right: where values are compared or computed.
fn half_width_column(column: &Column) -> bool {
    !matches!(column.ty, ColumnType::Text | ColumnType::Enum)
        || column.party
        || ["_id", "_code", "_no"].iter().any(|end| column.name.ends_with(end))
}

fn full_width(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    let found = row.pick(|column, layout, value| {
        half_width_column(column)
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

fn small_letters(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
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

fn lost_zeros(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    let found = row.pick(|column, layout, value| {
        !layout.typed && !layout.derived && without_zeros(column, value).is_some()
    });
    let Some((at, column, value)) = found else { return Ok(None) };
    let Some(dirty) = without_zeros(column, &value) else { return Ok(None) };
    cell(kinds::LOST_ZEROS, at, dirty)
}

/// A spelling of the code that is declared to mean nothing else.
fn misspelt(row: &Row<'_>, dirt: &Dirt) -> Result<Option<Planned>> {
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
    fn zeros_are_lost_where_they_can_be_found_again() {
        let line = assay_datasets::schema::catalog().table("invoice_line");
        let goods = line.and_then(|t| t.column("goods_code"));
        let lost = |value: &str| goods.and_then(|column| without_zeros(column, value));
        assert_eq!(lost("1090511010000000000").as_deref(), Some("10905110100000000"));
        assert_eq!(lost("1090511010000000001"), None);
    }
}
