//! Rows of `shareholder`: persons, companies, chains of companies, and owners that change with a takeover.

use std::ops::Range;

use arrow::array::RecordBatch;

use super::batch::Batch;
use super::register::batches;
use crate::economy::EconomyError;
use crate::economy::dice::{Dice, Purpose};
use crate::economy::history::{Item, changes};
use crate::economy::model::{FirmKind, World};
use crate::economy::schemes::{Role, SchemeKind};

/// Who holds a share.
#[derive(Clone, Copy)]
enum Holder {
    Person(u32),
    Company(u32),
}

struct Row {
    firm: u32,
    holder: Holder,
    /// Millionths.
    share: i64,
    from: i32,
    to: Option<i32>,
}

const WHOLE: i64 = 1_000_000;

/// The table `shareholder`.
pub(super) fn shareholders(world: &World, firms: Range<u32>) -> Result<Vec<RecordBatch>, EconomyError> {
    batches(firms, |firms| {
        let rows: Vec<Row> = firms.flat_map(|firm| holders(world, firm)).collect();
        let company = |row: &Row| matches!(row.holder, Holder::Company(_));
        let mut table = Batch::of("shareholder", rows.len())?;
        table.text("taxpayer_id", rows.iter().map(|row| Some(world.id(row.firm))))?;
        let id = |row: &Row| match row.holder {
            Holder::Person(person) => world.person_id(person),
            Holder::Company(firm) => world.id(firm).to_owned(),
        };
        table.text("holder_id", rows.iter().map(|row| Some(id(row))))?;
        let name = |row: &Row| match row.holder {
            Holder::Person(person) => world.person_name(person),
            Holder::Company(firm) => world.name(firm).to_owned(),
        };
        table.text("holder_name", rows.iter().map(|row| Some(name(row))))?;
        let kind = |row: &Row| Some(if company(row) { "company" } else { "person" });
        table.text("holder_kind", rows.iter().map(kind))?;
        table.decimal("share", rows.iter().map(|row| Some(row.share)), 9, 6)?;
        table.date("valid_from", rows.iter().map(|row| Some(row.from)))?;
        table.date("valid_to", rows.iter().map(|row| row.to))?;
        Ok(table.finish()?)
    })
}

fn holders(world: &World, firm: u32) -> Vec<Row> {
    let own = world.firm(firm);
    let from = own.registered_on;
    let dice = &mut Dice::of(world.spec.seed, Purpose::Register, u64::from(firm), 7);
    let row = |holder, share| Row { firm, holder, share, from, to: None };
    if own.kind == FirmKind::Individual {
        return vec![row(Holder::Person(own.people[0]), WHOLE)];
    }
    // A company is held by one registered before it in the list, so that chains end.
    let parent = match world.scheme(firm) {
        // The affiliate belongs to who shifts its profit there.
        Some(plan) if plan.kind == SchemeKind::ProfitShifting && plan.role == Role::User => {
            plan.members.first().copied()
        }
        _ if firm > 0 && dice.chance(0.14) => Some(dice.below(firm as usize) as u32),
        _ => None,
    };
    let mut rest = WHOLE;
    let mut rows = Vec::new();
    if let Some(parent) = parent {
        let share = dice.between(20, 80) * 10_000;
        rows.push(row(Holder::Company(parent), share));
        rest -= share;
    }
    let sold = changes(world, firm).into_iter().find_map(|change| match change.item {
        Item::Shareholder(before) => Some((change.day, before)),
        _ => None,
    });
    // Nobody holds two shares of a firm at once, whoever owned it before included.
    let mut known = vec![own.people[0]];
    known.extend(sold.map(|(_, before)| before));
    let partners = dice.weighted(&[0.5, 0.3, 0.15, 0.05]);
    for _ in 0..partners {
        let share = (rest * dice.between(10, 45) / 100 / 1_000) * 1_000;
        let persons = world.firms.len() as u32 * 2;
        let mut partner = dice.below(persons as usize) as u32;
        while known.contains(&partner) {
            partner = (partner + 1) % persons;
        }
        known.push(partner);
        rows.push(row(Holder::Person(partner), share));
        rest -= share;
    }
    rows.push(row(Holder::Person(own.people[0]), rest));
    if let Some((day, before)) = sold
        && let Some(owner) = rows.pop()
    {
        rows.push(Row { holder: Holder::Person(before), to: Some(day - 1), ..owner });
        rows.push(Row { firm, holder: owner.holder, share: owner.share, from: day, to: None });
    }
    rows
}
