//! Imports of a firm and month, a pure function of the two, and the payment books (海关进口增值税专用缴款书) that customs
//! houses issue for them. A customs house is a party of its own, one for each city.

use std::ops::Range;

use super::books::CustomsBook;
use super::dice::{Dice, Purpose};
use super::invoices::{Buyer, Head, Line, Seller, Sheet, kind, state, tax_on};
use super::links::IMPORTED;
use super::model::{Firm, Office, World};
use super::schemes::{Role, SchemeKind};
use super::tables::imported_on;

const DUTY: f64 = 0.06;
/// VAT on imports, basis points.
const RATE_BP: i64 = 1_300;
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;
/// Most declarations of a firm and month in one direction.
const DECLARATIONS_MAX: i64 = 40;

/// A customs house: its city and who imports there, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct House {
    pub city: String,
    pub importers: Vec<u32>,
}

/// One house for each city.
pub(super) fn houses(firms: &[Firm], offices: &[Office]) -> Vec<House> {
    let city_of = |office: u16| {
        let above = |at: &usize| offices[*at].parent.map(usize::from);
        std::iter::successors(Some(usize::from(office)), above).find(|at| offices[*at].level == 2)
    };
    let cities = offices.iter().enumerate().filter(|(_, office)| office.level == 2);
    let house = |(place, office): (usize, &Office)| {
        let importers = (0u32..).zip(firms).filter(|(_, firm)| firm.traits.importer);
        let here = importers.filter(|(_, firm)| city_of(firm.office) == Some(place));
        House { city: office.city.clone(), importers: here.map(|(index, _)| index).collect() }
    };
    cities.map(house).collect()
}

/// Declarations of what a firm imports in a month.
pub(super) fn imports(world: &World, index: u32, month: usize) -> Vec<CustomsBook> {
    let firm = world.firm(index);
    if !firm.traits.importer {
        return Vec::new();
    }
    let dice = &mut Dice::of(world.spec().seed, Purpose::Imports, u64::from(index), month as u64);
    let usual = world.level(index, month) * f64::from(firm.purchases) * IMPORTED * dice.lognormal(1.0, 0.25);
    let circulated = world
        .scheme(index)
        .is_some_and(|plan| plan.is(SchemeKind::CirculatingExports, month) && plan.role == Role::Organiser);
    // What went out comes back.
    let back = if circulated { Seller::new(world, index).sham(month, None).0 * 9 / 10 } else { 0 };
    let value = (usual as i64).max(back);
    let goods = world.industry(index).goods.len();
    let declaration = |(value, items, good): (i64, u8, u8)| {
        let duty = (value as f64 * DUTY) as i64;
        let import_vat = tax_on(value + duty, RATE_BP);
        CustomsBook { items, value, duty, import_vat, good, circulated, ..CustomsBook::default() }
    };
    split(value, goods, dice).into_iter().map(declaration).collect()
}

/// Spreads a value over declarations: of each its value, items and goods. None for no value.
pub(super) fn split(value: i64, goods: usize, dice: &mut Dice) -> Vec<(i64, u8, u8)> {
    if value <= 0 {
        return Vec::new();
    }
    let count = (value / 150_000_000).clamp(1, DECLARATIONS_MAX);
    let mut rest = value;
    let mut part = |number: i64| {
        let left = count - number;
        let part = if left == 1 { rest } else { (rest as f64 / left as f64 * dice.range(0.6, 1.4)) as i64 };
        rest -= part;
        (part, dice.between(1, 3) as u8, dice.below(goods) as u8)
    };
    (0..count).map(&mut part).collect()
}

/// Payment books of a house and month, into a cleared sheet; with `only`, those of certain importers.
pub(super) fn payment_books(
    world: &World,
    house: &House,
    month: usize,
    only: Option<&Range<u32>>,
    sheet: &mut Sheet,
) {
    sheet.heads.clear();
    sheet.lines.clear();
    for (place, importer) in (0u32..).zip(&house.importers) {
        if only.is_some_and(|only| !only.contains(importer)) {
            continue;
        }
        for (number, declaration) in (0u32..).zip(imports(world, *importer, month)) {
            // Numbers are given out in bands, so that leaving some importers out leaves the others theirs.
            let ordinal = place * DECLARATIONS_MAX as u32 + number;
            payment_book(world, *importer, month, (ordinal, number), &declaration, sheet);
        }
    }
}

fn payment_book(
    world: &World,
    importer: u32,
    month: usize,
    (ordinal, number): (u32, u32),
    declaration: &CustomsBook,
    sheet: &mut Sheet,
) {
    let firm = world.firm(importer);
    let amount = declaration.value + declaration.duty;
    let price = world.good(firm.industry, declaration.good).price.max(1);
    let day = imported_on(world, importer, month, number as usize, declaration.items);
    sheet.heads.push(Head {
        ordinal,
        buyer: Buyer::Party(importer),
        kind: kind::CUSTOMS,
        status: state::VALID,
        at: i64::from(day) * DAY_MS + 15 * HOUR_MS,
        amount,
        tax: declaration.import_vat,
        lines: (sheet.lines.len() as u32, 1),
        claimed: firm.general.then_some(month as u16),
        original: None,
        sham: declaration.circulated,
    });
    sheet.lines.push(Line {
        industry: firm.industry,
        good: declaration.good,
        spec: 0,
        quantity_e8: (declaration.value.saturating_mul(100) / price).max(1).saturating_mul(1_000_000),
        amount,
        tax: declaration.import_vat,
        rate_bp: RATE_BP as i16,
        preference: 0,
    });
}
