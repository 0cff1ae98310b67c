//! Rows that stand twice: the same, or in an earlier version.

use assay_datasets::schema::ColumnType;

use super::super::Dirt;
use super::super::kinds;
use super::super::soil::Trait;
use super::{Change, Planned, Row, done, yuan};
use crate::Result;

pub(super) fn duplicate(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
    if !row.may_add()? && !row.may(Trait::Documents) {
        return Ok(None);
    }
    done(kinds::DUPLICATE, Change::Copy(Vec::new()))
}

/// An earlier version of the row, with another amount: the row itself, which follows, replaces it.
pub(super) fn same_key(row: &Row<'_>, _: &Dirt) -> Result<Option<Planned>> {
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
