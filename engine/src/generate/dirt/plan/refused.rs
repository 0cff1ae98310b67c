//! Copies of a row that loading refuses: values that cannot be, and records that are none.

use assay_datasets::schema::{Column, ColumnType, PeriodSource};
use assay_sql::uscc_is_valid;

use super::super::Dirt;
use super::super::kinds::{self, check_character};
use super::super::soil::Trait;
use super::{Change, Planned, Row, copy, done};
use crate::Result;
use crate::generate::files::Broken;

/// The register's own ids must pass their check.
pub(super) fn check_character_wrong(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
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

pub(super) fn bad_id(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    if !row.may_add()? {
        return Ok(None);
    }
    let found = row.pick(|column, _, value| column.party && column.personal.is_none() && value.len() >= 15);
    let Some((at, _, id)) = found else { return Ok(None) };
    copy(kinds::BAD_ID, at, Some(id.chars().take(9).collect()))
}

pub(super) fn missing(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
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

pub(super) fn bad_number(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    if !row.may_add()? {
        return Ok(None);
    }
    let found = row.pick(|column, layout, _| column.ty.is_amount() && !layout.typed);
    let Some((at, _, value)) = found else { return Ok(None) };
    let bad = match row.draws[3] % 3 {
        0 => "#REF!".to_owned(),
        1 => value.replacen(|c: char| c.is_ascii_digit(), "x", 1),
        _ => format!("{value}.1.2"),
    };
    copy(kinds::BAD_NUMBER, at, Some(bad))
}

pub(super) fn bad_date(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
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

pub(super) fn unknown_code(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    if !row.may_add()? {
        return Ok(None);
    }
    let found = row.pick(|column, _, _| column.ty == ColumnType::Enum && !column.open);
    let Some((at, ..)) = found else { return Ok(None) };
    copy(kinds::UNKNOWN_CODE, at, Some("其他情形".to_owned()))
}

pub(super) fn fields(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    if !row.may(Trait::Records) || !row.may_add()? {
        return Ok(None);
    }
    done(kinds::FIELDS, Change::Broken(Broken::Fields))
}

pub(super) fn encoding(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    if !row.may(Trait::Records) || !row.may_add()? {
        return Ok(None);
    }
    done(kinds::ENCODING, Change::Broken(Broken::Encoding))
}
