//! Whose row it is, made hard to tell or wrong.

use assay_sql::uscc_is_valid;

use super::super::{Dirt, Identity, kinds, names};
use super::{Change, Planned, Row, done};
use crate::Result;

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
