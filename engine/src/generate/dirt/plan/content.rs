//! Values that loading takes and that contradict others: arithmetic, signs, originals, codes nobody gave out, returns.

use arrow::array::AsArray;
use arrow::datatypes::Decimal128Type;

use super::super::Dirt;
use super::super::kinds::{self, Kind};
use super::{Change, Planned, Row, cell, done, values, yuan};
use crate::Result;
use crate::generate::files::text_column;

pub(super) fn total_differs(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    let Some(total) = row.cents("total").filter(|_| row.table() == "invoice") else { return Ok(None) };
    values(kinds::TOTAL_DIFFERS, vec![("total", Some(yuan(total + 10_000)))])
}

/// Another rate of the law, so that only the arithmetic is wrong.
pub(super) fn tax_differs(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    let Some(amount) = row.cents("amount").filter(|_| row.table() == "invoice_line") else { return Ok(None) };
    let Some(rate) = row.cents("rate") else { return Ok(None) };
    let plain = row.value("preference")?.is_none_or(|preference| preference == "none");
    if !plain || rate == 0 || amount.abs() < 100_000 {
        return Ok(None);
    }
    let other = if rate == 1300 { "0.06" } else { "0.13" };
    values(kinds::TAX_DIFFERS, vec![("rate", Some(other.to_owned()))])
}

/// A red invoice that calls itself blue.
pub(super) fn sign(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    if row.table() != "invoice" || row.value("status")?.as_deref() != Some("red") {
        return Ok(None);
    }
    let flag = row.sheet.layout.columns.iter().position(|column| column.name == "是否正数发票");
    match flag {
        Some(at) => cell(kinds::SIGN, at, "是".to_owned()),
        None => values(kinds::SIGN, vec![("status", Some("valid".to_owned()))]),
    }
}

/// A red invoice whose original nobody knows, or is smaller than what is reversed.
pub(super) fn red_original(row: &Row<'_>, dirt: &Dirt) -> Result<Option<Planned>> {
    if row.table() != "invoice" || row.value("status")?.as_deref() != Some("red") {
        return Ok(None);
    }
    let Some(original) = row.value("original_invoice_id")? else { return Ok(None) };
    if row.draws[3].is_multiple_of(2)
        && let Some(smaller) = smaller_original(row)?
    {
        return values(kinds::EXCEEDS_ORIGINAL, vec![("original_invoice_id", Some(smaller))]);
    }
    // That an original is unknown shows only where it would have to be on file: within a year of its reversal.
    let on_file = row.period()?.zip(dirt.first_month).is_some_and(|(period, first)| period >= first + 100);
    if !on_file {
        return values(kinds::NO_ORIGINAL, vec![("original_invoice_id", None)]);
    }
    // The same form, a serial number that is not given out.
    let stem: String = original.chars().take(original.chars().count().saturating_sub(6)).collect();
    values(kinds::UNKNOWN_ORIGINAL, vec![("original_invoice_id", Some(format!("{stem}999999")))])
}

/// A valid invoice of the same seller, earlier and smaller than what the red one reverses.
fn smaller_original(row: &Row<'_>) -> Result<Option<String>> {
    let (sellers, statuses) = (text_column(row.batch, "seller_id")?, text_column(row.batch, "status")?);
    let ids = text_column(row.batch, "invoice_id")?;
    let Some(amounts) =
        row.batch.column_by_name("amount").and_then(|c| c.as_primitive_opt::<Decimal128Type>())
    else {
        return Ok(None);
    };
    let reversed = amounts.value(row.row).abs();
    let smaller = (0..row.row).rev().take(500).find(|other| {
        sellers.value(*other) == sellers.value(row.row)
            && statuses.value(*other) == "valid"
            && amounts.value(*other) > 0
            && amounts.value(*other) * 2 < reversed
    });
    Ok(smaller.map(|other| ids.value(other).to_owned()))
}

pub(super) fn implausible_date(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    if !row.is_current_registration()? {
        return Ok(None);
    }
    let date = if row.draws[3].is_multiple_of(2) { "1899-12-30" } else { "2099-01-01" };
    values(kinds::IMPLAUSIBLE_DATE, vec![("registered_on", Some(date.to_owned()))])
}

pub(super) fn unknown_region(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    if !row.is_current_registration()? || row.value("region_code")?.is_none() {
        return Ok(None);
    }
    // Neither is or ever was a division; 99…, which is not given out either, stands for the made-up places.
    let code = if row.draws[3].is_multiple_of(2) { "123456" } else { "888888" };
    values(kinds::UNKNOWN_REGION, vec![("region_code", Some(code.to_owned()))])
}

pub(super) fn unknown_goods(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    if row.table() != "invoice_line" || row.value("goods_code")?.is_none() {
        return Ok(None);
    }
    values(kinds::UNKNOWN_GOODS, vec![("goods_code", Some("9990101000000000000".to_owned()))])
}

/// What happens to a return, by [`super::super::returns`].
pub(in crate::generate::dirt) fn of_return(row: &Row<'_>, kind: &'static Kind) -> Result<Option<Planned>> {
    if kind == kinds::MONTH_GAP {
        return done(kind, Change::Remove);
    }
    if kind == kinds::OPENING_CREDIT {
        let opening = row.cents("opening_credit").unwrap_or(0);
        return values(kind, vec![("opening_credit", Some(yuan(opening + 1_234_500)))]);
    }
    // Sales in fen where yuan belong. Far more than was invoiced, also by those who declare only some of it.
    let fen = |column| (column, row.cents(column).map(|cents| yuan(cents * 100)));
    values(kind, vec![fen("invoiced_special_sales"), fen("invoiced_ordinary_sales")])
}
