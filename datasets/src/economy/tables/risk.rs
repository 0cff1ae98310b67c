//! External risk lists.

use arrow::array::{Array, AsArray, RecordBatch};

use super::control::closed_on;
use super::due::workday_from;
use super::rows::Rows;
use crate::economy::model::Fate;
use crate::economy::schemes::{Role, SchemeKind, SchemePlan};
use crate::economy::{Economy, EconomyError, Part};

/// Days after a firm vanished on which the office noticed: three months of returns that did not come.
const NOTICED: i32 = 75;

/// A row: list, subject, kind, first and last day, reason.
type Entry = (&'static str, String, &'static str, i32, Option<i32>, &'static str);

/// Rows of `risk_list`, in the order of its key: taxpayers who vanished (some of them, honest, came back), mills among
/// them with their invoices and the people who ran them. Lists know of a firm only after the economy's own tables show
/// that it is gone.
pub(super) fn risk_list(economy: &Economy) -> Result<Vec<RecordBatch>, EconomyError> {
    let world = economy.world();
    let mut entries: Vec<Entry> = Vec::new();
    for index in 0..world.taxpayers() {
        let plan = economy.scheme(index).filter(|plan| plan.role != Role::Innocent);
        if world.firm(index).fate == Fate::Abnormal {
            vanished(economy, index, plan, &mut entries)?;
        }
        if plan.is_some_and(|plan| plan.role == Role::Organiser) {
            invoices(economy, index, &mut entries)?;
        }
    }
    let end = world.first_day(world.months());
    entries.retain(|entry| entry.3 < end);
    entries.sort();
    // One person may have run several mills found on one day.
    entries.dedup_by(|one, two| (one.0, &one.1, one.3) == (two.0, &two.1, two.3));
    let mut rows = Rows::of("risk_list")?;
    for (list, subject, kind, listed, delisted, reason) in entries {
        rows.text(list).text(&subject).date(listed).text(kind);
        match delisted.filter(|day| *day < end) {
            Some(day) => rows.date(day),
            None => rows.nulls(1),
        };
        rows.text(reason).end();
    }
    rows.finish()
}

fn vanished(
    economy: &Economy,
    index: u32,
    plan: Option<&SchemePlan>,
    entries: &mut Vec<Entry>,
) -> Result<(), EconomyError> {
    let world = economy.world();
    let id = || world.id(index).to_owned();
    let mut dice = economy.dice(u64::from(index) << 8 | 7, 0);
    let listed = workday_from(closed_on(economy, index).min(i32::MAX / 4) + NOTICED)?;
    let back = (plan.is_none() && dice.chance(0.15)).then(|| listed + dice.between(20, 120) as i32);
    entries.push(("非正常户", id(), "taxpayer", listed, back, "未按规定申报且无法联系"));
    let mill = plan.is_some_and(|plan| {
        let kind = matches!(plan.kind, SchemeKind::InvoiceMill | SchemeKind::AbnormalUpstream);
        kind && plan.role == Role::Organiser
    });
    let runaway = listed + dice.between(5, 30) as i32;
    if mill {
        let fraud = runaway + 60;
        let person = world.person_id(world.firm(index).people[0]);
        entries.push(("走逃失联", id(), "taxpayer", runaway, None, "虚开发票后走逃"));
        entries.push(("重大违法", id(), "taxpayer", fraud, None, "虚开增值税专用发票"));
        entries.push(("重大违法", person, "person", fraud, None, "虚开发票企业的法定代表人"));
    } else if back.is_none() && dice.chance(0.3) {
        entries.push(("走逃失联", id(), "taxpayer", runaway, None, "查无下落"));
    }
    Ok(())
}

/// Invoices of a firm that the invoice table itself marks as lost control or abnormal.
fn invoices(economy: &Economy, index: u32, entries: &mut Vec<Entry>) -> Result<(), EconomyError> {
    let world = economy.world();
    // The invoice table shows what is known at the end of the economy; so the list knows it by then at the latest.
    let noticed = closed_on(economy, index).min(i32::MAX / 4) + NOTICED + 20;
    let listed = workday_from(noticed)?.min(world.first_day(world.months()) - 1);
    for month in 0..world.months() {
        let part = Part { table: "invoice", period: Some(world.period(month)), firms: index..index + 1 };
        for batch in economy.rows(&part)? {
            let column =
                |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
            let (Some(ids), Some(states)) = (column("invoice_id"), column("status")) else { continue };
            for row in 0..ids.len() {
                let (list, reason) = match states.value(row) {
                    "lost_control" => ("失控发票", "开票方走逃，未抄报"),
                    "abnormal" => ("异常凭证", "走逃（失联）企业开具"),
                    _ => continue,
                };
                entries.push((list, ids.value(row).to_owned(), "invoice", listed, None, reason));
            }
        }
    }
    Ok(())
}
