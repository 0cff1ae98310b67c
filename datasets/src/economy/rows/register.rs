//! Rows of `office`, `taxpayer` (with the states before each change), `registration_change` and `qualification`.

use std::ops::Range;

use arrow::array::RecordBatch;

use super::batch::Batch;
use crate::economy::EconomyError;
use crate::economy::certificates::{Certificate, certificates};
use crate::economy::history::{Change, Item, changes as history};
use crate::economy::model::{Firm, FirmKind, World};

/// Firms of a batch of the register.
pub(super) const FIRMS_A_BATCH: usize = 32_768;

/// Ranges of a part's firms, one a batch; one empty range for an empty part.
pub(super) fn batches(
    firms: Range<u32>,
    make: impl Fn(Range<u32>) -> Result<RecordBatch, EconomyError>,
) -> Result<Vec<RecordBatch>, EconomyError> {
    if firms.is_empty() {
        return Ok(vec![make(firms)?]);
    }
    let ends = firms.clone().step_by(FIRMS_A_BATCH);
    ends.map(|start| make(start..firms.end.min(start + FIRMS_A_BATCH as u32))).collect()
}

/// The table `office`.
pub(super) fn offices(world: &World) -> Result<Vec<RecordBatch>, EconomyError> {
    let rows = world.offices();
    let mut table = Batch::of("office", rows.len())?;
    table.text("office_code", rows.iter().map(|office| Some(&office.code)))?;
    table.text("name", rows.iter().map(|office| Some(&office.name)))?;
    table.int("level", rows.iter().map(|office| Some(office.level)))?;
    let parent = |office: &crate::economy::model::Office| office.parent.map(|p| &rows[usize::from(p)].code);
    table.text("parent_code", rows.iter().map(parent))?;
    table.text("region_code", rows.iter().map(|office| Some(&office.region)))?;
    table.int("capacity", rows.iter().map(|office| Some(office.capacity)))?;
    Ok(vec![table.finish()?])
}

/// A registration as it stood for a time.
struct State {
    firm: u32,
    people: [u32; 3],
    phone: u32,
    address: u32,
    capital: i64,
    status: &'static str,
    status_since: i32,
    from: i32,
    to: Option<i32>,
}

/// States of a firm, the earliest first: the last is what stands in [`Firm`].
fn states(world: &World, firm: u32, found: &mut Vec<State>) {
    let own = world.firm(firm);
    let changes = history(world, firm);
    let status = changes.iter().rev().find_map(|change| match change.item {
        Item::Status(status) => Some((status, change.day)),
        _ => None,
    });
    let (status, status_since) = status.unwrap_or(("normal", own.registered_on));
    let mut state = State {
        firm,
        people: own.people,
        phone: own.phone,
        address: own.address,
        capital: own.capital,
        status,
        status_since,
        from: own.registered_on,
        to: None,
    };
    let first = found.len();
    let mut day = None;
    for change in changes.iter().rev() {
        // Changes of one day make one new state.
        if day != Some(change.day) {
            found.push(State { from: change.day, ..copy(&state) });
            state.to = Some(change.day - 1);
            day = Some(change.day);
        }
        undo(&mut state, change, own);
    }
    found.push(state);
    found[first..].reverse();
}

fn copy(state: &State) -> State {
    State { ..*state }
}

fn undo(state: &mut State, change: &Change, own: &Firm) {
    match change.item {
        Item::Representative(before) => state.people[0] = before,
        Item::Finance(before) => state.people[1] = before,
        Item::Agent(before) => state.people[2] = before,
        Item::Phone(before) => state.phone = before,
        Item::Address(before) => state.address = before,
        Item::Capital(before) => state.capital = before,
        Item::Status(_) => (state.status, state.status_since) = ("normal", own.registered_on),
        Item::Shareholder(_) => {}
    }
}

/// The table `taxpayer`.
pub(super) fn taxpayers(world: &World, firms: Range<u32>) -> Result<Vec<RecordBatch>, EconomyError> {
    batches(firms, |firms| {
        let mut found = Vec::new();
        firms.for_each(|firm| states(world, firm, &mut found));
        taxpayer_batch(world, &found)
    })
}

fn taxpayer_batch(world: &World, states: &[State]) -> Result<RecordBatch, EconomyError> {
    let mut table = Batch::of("taxpayer", states.len())?;
    let rows = || states.iter().map(|state| (state, world.firm(state.firm)));
    table.text("taxpayer_id", states.iter().map(|state| Some(world.id(state.firm))))?;
    table.text("name", states.iter().map(|state| Some(world.name(state.firm))))?;
    table.text("kind", rows().map(|(_, firm)| Some(firm.kind.code())))?;
    table.text(
        "vat_status",
        rows().map(|(_, firm)| Some(if firm.general { "general" } else { "small_scale" })),
    )?;
    table.text("industry_code", states.iter().map(|state| Some(&world.industry(state.firm).code)))?;
    table.text("ownership_code", rows().map(|(_, firm)| Some(ownership(firm))))?;
    table.text("region_code", states.iter().map(|state| Some(&world.office(state.firm).region)))?;
    table.text("office_code", states.iter().map(|state| Some(&world.office(state.firm).code)))?;
    table.date("registered_on", rows().map(|(_, firm)| Some(firm.registered_on)))?;
    table.money("registered_capital", states.iter().map(|state| Some(state.capital)))?;
    table.money("paid_in_capital", rows().map(|(state, firm)| Some(firm.paid_in.min(state.capital))))?;
    table.text("status", states.iter().map(|state| Some(state.status)))?;
    table.date("status_since", states.iter().map(|state| Some(state.status_since)))?;
    let roles = [("legal_rep", 0), ("finance", 1), ("agent", 2)];
    for (role, index) in roles {
        let name = |state: &State| Some(world.person_name(state.people[index]));
        table.text(&format!("{role}_name"), states.iter().map(name))?;
        let id = |state: &State| Some(world.person_id(state.people[index]));
        table.text(&format!("{role}_id"), states.iter().map(id))?;
    }
    table.text("phone", states.iter().map(|state| Some(world.phone(state.phone))))?;
    table.text(
        "address",
        states.iter().map(|state| Some(world.address_by_number(state.firm, state.address))),
    )?;
    table.text("mac_address", rows().map(|(_, firm)| Some(world.mac(firm.device))))?;
    table.text("credit_rating", rows().map(|(_, firm)| Some(firm.rating())))?;
    table.int("employees", rows().map(|(_, firm)| Some(firm.employees as i32)))?;
    table.date("valid_from", states.iter().map(|state| Some(state.from)))?;
    table.date("valid_to", states.iter().map(|state| state.to))?;
    Ok(table.finish()?)
}

/// 登记注册类型: individual 410, partnership 172, institution 120, limited company 173 or 160.
fn ownership(firm: &Firm) -> &'static str {
    match firm.kind {
        FirmKind::Individual => "410",
        FirmKind::Partnership => "172",
        FirmKind::Institution => "120",
        FirmKind::Enterprise if firm.capital > 5_000_000_000 => "160",
        FirmKind::Enterprise => "173",
    }
}

/// The table `registration_change`.
pub(super) fn changes(world: &World, firms: Range<u32>) -> Result<Vec<RecordBatch>, EconomyError> {
    batches(firms, |firms| {
        let rows: Vec<ChangeRow> = firms.flat_map(|firm| change_rows(world, firm)).collect();
        let mut table = Batch::of("registration_change", rows.len())?;
        table.text("taxpayer_id", rows.iter().map(|row| Some(world.id(row.firm))))?;
        table.date("changed_on", rows.iter().map(|row| Some(row.day)))?;
        table.text("item", rows.iter().map(|row| Some(row.item)))?;
        table.text("before", rows.iter().map(|row| Some(&row.before)))?;
        table.text("after", rows.iter().map(|row| Some(&row.after)))?;
        Ok(table.finish()?)
    })
}

struct ChangeRow {
    firm: u32,
    day: i32,
    item: &'static str,
    before: String,
    after: String,
}

fn change_rows(world: &World, firm: u32) -> Vec<ChangeRow> {
    let own = world.firm(firm);
    let person = |person: u32| format!("{} {}", world.person_name(person), world.person_id(person));
    let row = |change: Change| {
        let (item, before, after) = match change.item {
            Item::Representative(before) => ("legal_rep", person(before), person(own.people[0])),
            Item::Finance(before) => ("finance", person(before), person(own.people[1])),
            Item::Agent(before) => ("agent", person(before), person(own.people[2])),
            Item::Shareholder(before) => ("shareholder", person(before), person(own.people[0])),
            Item::Phone(before) => ("phone", world.phone(before), world.phone(own.phone)),
            Item::Address(before) => ("address", world.address_by_number(firm, before), world.address(firm)),
            Item::Capital(before) => ("capital", yuan(before), yuan(own.capital)),
            Item::Status(after) => ("status", "normal".to_owned(), after.to_owned()),
        };
        ChangeRow { firm, day: change.day, item, before, after }
    };
    history(world, firm).into_iter().map(row).collect()
}

fn yuan(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// The table `qualification`.
pub(super) fn qualifications(world: &World, firms: Range<u32>) -> Result<Vec<RecordBatch>, EconomyError> {
    batches(firms, |firms| {
        let rows: Vec<(u32, Certificate)> = firms
            .flat_map(|firm| {
                certificates(world, firm).into_iter().map(move |certificate| (firm, certificate))
            })
            .collect();
        let number = |one: &Certificate| format!("{}{:08}", one.kind[..2].to_uppercase(), one.number);
        let mut table = Batch::of("qualification", rows.len())?;
        table.text("taxpayer_id", rows.iter().map(|row| Some(world.id(row.0))))?;
        table.text("kind", rows.iter().map(|row| Some(row.1.kind)))?;
        table.text("certificate_no", rows.iter().map(|row| Some(number(&row.1))))?;
        table.date("valid_from", rows.iter().map(|row| Some(row.1.from)))?;
        table.date("valid_to", rows.iter().map(|row| row.1.to))?;
        Ok(table.finish()?)
    })
}
