//! Rows of the register and of invoices, lines and claims as Arrow batches in canonical form.

pub(super) mod batch;
mod claims;
pub(super) mod invoices;
mod register;
mod shareholders;

use arrow::array::RecordBatch;

use super::{Cut, Economy, EconomyError, Part, TableShape, links, tables};

/// Mean rows of a taxpayer in the register tables; they decide how parts are cut, not how many rows there are.
const REGISTER: [TableShape; 5] = [
    TableShape { table: "office", cut: Cut::Once },
    TableShape { table: "taxpayer", cut: Cut::Firms(1.2) },
    TableShape { table: "registration_change", cut: Cut::Firms(0.2) },
    TableShape { table: "qualification", cut: Cut::Firms(0.2) },
    TableShape { table: "shareholder", cut: Cut::Firms(2.0) },
];

/// Rows after which a batch ends.
pub(super) const BATCH_ROWS: usize = 131_072;
/// Rows a part aims at; it may hold half as many again.
const PART_ROWS: f64 = 1_000_000.0;

/// All parts in canonical order.
pub(super) fn parts(economy: &Economy) -> Vec<Part> {
    let trade = [
        TableShape { table: "invoice", cut: Cut::PartyMonths(0.0) },
        TableShape { table: "invoice_line", cut: Cut::PartyMonths(0.0) },
        TableShape { table: "deduction_claim", cut: Cut::Firms(claims_per_firm(economy)) },
    ];
    let shapes = REGISTER.iter().chain(&trade).chain(tables::SHAPES);
    shapes.flat_map(|shape| parts_of(economy, shape)).collect()
}

fn parts_of(economy: &Economy, shape: &TableShape) -> Vec<Part> {
    let world = economy.world();
    let part = |period, firms| Part { table: shape.table, period, firms };
    let monthly = |ranges: Vec<std::ops::Range<u32>>| {
        let periods = (0..world.months()).map(|month| world.period(month));
        periods
            .flat_map(|p| ranges.iter().map(move |firms| part(Some(p), firms.clone())).collect::<Vec<_>>())
            .collect()
    };
    match shape.cut {
        Cut::Once => vec![part(None, 0..0)],
        Cut::OnceAMonth => monthly(std::iter::once(0..0).collect()),
        Cut::Firms(rows) => {
            even(world.taxpayers(), rows).into_iter().map(|firms| part(None, firms)).collect()
        }
        Cut::FirmMonths(rows) => monthly(even(world.taxpayers(), rows)),
        Cut::PartyMonths(_) => monthly(by_weight(economy, shape.table == "invoice_line")),
    }
}

/// Ranges of firms with about the same number each.
fn even(firms: u32, rows: f64) -> Vec<std::ops::Range<u32>> {
    let size = (PART_ROWS / rows.max(0.01)).clamp(1.0, f64::from(u32::MAX / 2)) as u32;
    (0..firms).step_by(size.max(1) as usize).map(|start| start..firms.min(start + size)).collect()
}

/// Ranges of parties with about the same number of invoices (or lines) each.
fn by_weight(economy: &Economy, lines: bool) -> Vec<std::ops::Range<u32>> {
    let world = economy.world();
    let (mut ranges, mut start, mut sum) = (Vec::new(), 0, 0.0);
    for party in 0..world.parties() {
        let rows = match (world.house(party), lines) {
            (Some(house), _) => 2.0 * house.importers.len() as f64,
            (None, true) => {
                f64::from(world.links.selling[party as usize].invoices) * world.industry_of(party).lines
            }
            (None, false) => f64::from(world.links.selling[party as usize].invoices),
        };
        if sum + rows > PART_ROWS && party > start {
            ranges.push(start..party);
            (start, sum) = (party, 0.0);
        }
        sum += rows;
    }
    ranges.push(start..world.parties());
    ranges
}

fn claims_per_firm(economy: &Economy) -> f64 {
    let world = economy.world();
    let invoices: f64 =
        world.links.selling.iter().map(|selling: &links::Selling| f64::from(selling.invoices)).sum();
    0.6 * world.months() as f64 * invoices / f64::from(world.taxpayers().max(1))
}

/// Rows of any part.
pub(super) fn rows(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let world = economy.world();
    let month = part.period.and_then(|period| world.month_of(period));
    match (part.table, month) {
        ("office", _) => register::offices(world),
        ("taxpayer", _) => register::taxpayers(world, part.firms.clone()),
        ("registration_change", _) => register::changes(world, part.firms.clone()),
        ("qualification", _) => register::qualifications(world, part.firms.clone()),
        ("shareholder", _) => shareholders::shareholders(world, part.firms.clone()),
        ("invoice", Some(month)) => invoices::heads(world, month, part.firms.clone()),
        ("invoice_line", Some(month)) => invoices::lines(world, month, part.firms.clone()),
        ("deduction_claim", _) => claims::claims(world, part.firms.clone()),
        _ => tables::rows(economy, part),
    }
}
