//! Tests of the derived tables over whole economies.

#![allow(clippy::unwrap_used, clippy::panic)]

mod frame;
mod identities;
mod schemes;
mod shape;
mod speed;

use std::sync::LazyLock;

use super::SHAPES;
use crate::economy::schemes::Role;
use crate::economy::{Cut, Economy, EconomySpec, Part};
use frame::Frame;

/// Every scheme has several cases in it, and a year has its end.
fn economy() -> &'static Economy {
    static ECONOMY: LazyLock<Economy> = LazyLock::new(|| {
        let seed = crate::economy::tests::support::seed();
        let spec =
            EconomySpec { seed, taxpayers: 2_500, months: 14, start: 202_506, ..EconomySpec::default() };
        Economy::build(&spec).unwrap()
    });
    &ECONOMY
}

/// All parts of a table, `chunk` firms each.
fn parts(economy: &Economy, table: &'static str, chunk: u32) -> Vec<Part> {
    let cut = SHAPES.iter().find(|shape| shape.table == table).unwrap().cut;
    let taxpayers = economy.world().taxpayers();
    let months = || (0..economy.world().months()).map(|month| Some(economy.world().period(month)));
    let ranges = || (0..taxpayers.div_ceil(chunk)).map(|at| at * chunk..((at + 1) * chunk).min(taxpayers));
    match cut {
        Cut::Once => vec![Part { table, period: None, firms: 0..0 }],
        Cut::OnceAMonth => months().map(|period| Part { table, period, firms: 0..0 }).collect(),
        Cut::Firms(_) => ranges().map(|firms| Part { table, period: None, firms }).collect(),
        Cut::FirmMonths(_) | Cut::PartyMonths(_) => {
            months().flat_map(|period| ranges().map(move |firms| Part { table, period, firms })).collect()
        }
    }
}

/// All rows of a table.
fn table(name: &'static str) -> Frame {
    let economy = economy();
    let parts = parts(economy, name, u32::MAX / 2);
    Frame::new(name, parts.iter().flat_map(|part| economy.rows(part).unwrap()))
}

/// Whether a firm plays no dishonest part in anything.
fn honest(firm: u32) -> bool {
    economy().scheme(firm).is_none_or(|plan| plan.role == Role::Innocent || plan.kind.honest())
}

/// Position of the taxpayer with this id.
fn firm(id: &str) -> u32 {
    static FIRMS: LazyLock<std::collections::HashMap<String, u32>> = LazyLock::new(|| {
        let world = economy().world();
        (0..world.taxpayers()).map(|firm| (world.id(firm).to_owned(), firm)).collect()
    });
    FIRMS[id]
}
