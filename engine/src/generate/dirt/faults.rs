//! Faults that a load takes as they are, and only a quality rule or the linking of names notices: what a row says does not
//! fit itself, another row or another table.

use arrow::array::AsArray;
use arrow::datatypes::Decimal128Type;
use assay_sql::uscc_is_valid;

use super::kinds::{self, Kind};
use super::plan::{Change, Planned, Row, cell, done, values};
use super::{Dirt, Identity, names};
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
    if row.draws[3].is_multiple_of(2) {
        if let Some(smaller) = smaller_original(row)? {
            return values(kinds::EXCEEDS_ORIGINAL, vec![("original_invoice_id", Some(smaller))]);
        }
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

pub(super) fn unknown_party(row: &Row<'_>, dirt: &Dirt) -> Result<Option<Planned>> {
    let table = row.sheet.layout.table;
    if !table.key.iter().any(|key| key == "taxpayer_id") || !row.may_add()? {
        return Ok(None);
    }
    let mut values = vec![("taxpayer_id", Some(dirt.stranger(row.draws[2])))];
    // A meter or an account has one user: the stranger has his own.
    for own in ["meter_no", "account_hash"] {
        if table.key.iter().any(|key| key == own) {
            values.push((own, Some(format!("X{:015}", row.draws[1] % 1_000_000_000_000_000))));
        }
    }
    done(kinds::UNKNOWN_PARTY, Change::CopyValues { values, before: false })
}

/// An ordinary invoice that names its registered buyer by name only, or by the number it had before 2015.
pub(super) fn name_only(row: &Row<'_>, dirt: &Dirt) -> Result<Option<Planned>> {
    if row.table() != "invoice" {
        return Ok(None);
    }
    let (Some(buyer), Some(name), Some(kind)) =
        (row.value("buyer_id")?, row.value("buyer_name")?, row.value("kind")?)
    else {
        return Ok(None);
    };
    let ordinary = matches!(kind.as_str(), "ordinary" | "e_ordinary");
    // An invoice that was reversed must have the parties of the red one; and one of its parties must be known.
    let valid = row.value("status")?.as_deref() == Some("valid");
    let seller_known = row.value("seller_id")?.is_some_and(|seller| dirt.registered.contains(&seller));
    if !ordinary || !valid || !seller_known || !dirt.registered.contains(&buyer) || !uscc_is_valid(&buyer) {
        return Ok(None);
    }
    let identity = |by, value: &str| {
        Some(Identity {
            table: "invoice".to_owned(),
            key: String::new(),
            column: "buyer_id".to_owned(),
            by,
            value: value.to_owned(),
            taxpayer_id: buyer.clone(),
        })
    };
    if row.draws[3].is_multiple_of(4) {
        let old = &buyer[2..17];
        let change = Change::Values(vec![("buyer_id", Some(old.to_owned()))]);
        return Ok(Some(Planned { kind: kinds::OLD_NUMBER, change, identity: identity("old_number", old) }));
    }
    let Some(written) = names::variant(&name, row.draws[2])? else { return Ok(None) };
    let truth = identity("name", &written);
    let change = Change::Values(vec![("buyer_id", None), ("buyer_name", Some(written))]);
    Ok(Some(Planned { kind: kinds::NAME_ONLY, change, identity: truth }))
}

/// What happens to a return, by [`super::returns`].
pub(super) fn of_return(row: &Row<'_>, kind: &'static Kind) -> Result<Option<Planned>> {
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

pub(super) fn yuan(cents: i128) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.unsigned_abs() / 100, cents.unsigned_abs() % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_in_yuan() {
        assert_eq!(yuan(-5), "-0.05");
        assert_eq!(yuan(123_456), "1234.56");
    }
}
