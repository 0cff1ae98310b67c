//! Trade abroad: customs declarations and the refunds on exports.

use arrow::array::RecordBatch;

use super::due::{due_on, workday_from};
use super::rows::{E8, Rows, cut, push_digits};
use super::sections::{Section, each, each_firm};
use crate::economy::books::CustomsBook;
use crate::economy::dice::{Dice, Purpose, mix, unit};
use crate::economy::industries::Good;
use crate::economy::inputs::Input;
use crate::economy::model::World;
use crate::economy::rows::invoices::{self, invoice_id};
use crate::economy::{Economy, EconomyError, Part};

/// Yuan of a US dollar in a month, in ten-thousandths: what `economic_series` publishes and declarations convert with.
pub(super) fn dollar_e4(seed: u64, period: i32) -> i64 {
    71_000 + (unit(mix(seed, [71, period as u64, 3])) * 1_500.0) as i64
}

/// Whether a firm declares in dollars; otherwise in yuan.
fn in_dollars(seed: u64, firm: u32) -> bool {
    unit(mix(seed, [72, u64::from(firm), 5])) < 0.85
}

#[derive(Clone, Copy)]
enum Direction {
    Import,
    Export,
}

/// Rows of `customs_declaration`, in the order of their numbers.
pub(super) fn declarations(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("customs_declaration")?;
    let period = part.period.unwrap_or_default();
    let mut all: Vec<(u32, String, Direction, CustomsBook)> = Vec::new();
    for (section, direction) in [(Section::Import, Direction::Import), (Section::Export, Direction::Export)] {
        each_firm(economy, part, section, |firm, items| {
            for (ordinal, item) in items.drain(..).enumerate() {
                all.push((firm, number(firm, period, direction, ordinal), direction, item));
            }
        });
    }
    all.sort_by(|one, two| (one.0, &one.1).cmp(&(two.0, &two.1)));
    let mut parts = Parts::default();
    for (firm, number, direction, declaration) in &all {
        let mut dice = dice_of(economy.world(), *firm, period, number);
        parts.cut(&mut dice, declaration);
        let month = economy.world().month_of(period).unwrap_or_default();
        let day = declared_on(economy.world(), month, &mut dice);
        for item in 0..parts.value.len() {
            item_row(
                economy,
                &mut rows,
                (*firm, *direction),
                (number, item, day, period),
                &parts,
                declaration,
            );
        }
    }
    rows.finish()
}

/// A declaration spread over its items.
#[derive(Default)]
struct Parts {
    weights: Vec<f64>,
    value: Vec<i64>,
    duty: Vec<i64>,
    vat: Vec<i64>,
}

impl Parts {
    fn weigh(dice: &mut Dice, items: u8) -> impl Iterator<Item = f64> {
        (0..items.max(1)).map(|_| dice.range(0.3, 1.0))
    }

    fn cut(&mut self, dice: &mut Dice, declaration: &CustomsBook) {
        self.weights.clear();
        self.weights.extend(Self::weigh(dice, declaration.items));
        cut(declaration.value, &self.weights, &mut self.value);
        cut(declaration.duty, &self.weights, &mut self.duty);
        cut(declaration.import_vat, &self.weights, &mut self.vat);
    }
}

fn item_row(
    economy: &Economy,
    rows: &mut Rows,
    (firm, direction): (u32, Direction),
    (number, item, day, period): (&str, usize, i32, i32),
    parts: &Parts,
    declaration: &CustomsBook,
) {
    let seed = economy.spec().seed;
    let dollars = in_dollars(seed, firm);
    let value = parts.value[item];
    rows.text(number).int(item as i32 + 1).text(economy.world().id(firm));
    rows.text(match direction {
        Direction::Import => "import",
        Direction::Export => "export",
    });
    rows.date(day).int(period);
    match good(economy, firm, declaration.good, item) {
        Some(good) => {
            rows.text(&good.hs_code).text(&good.name);
            // Hundredths of the unit, which is how fine goods are declared.
            let hundredths = value.saturating_mul(100) / good.price.max(1);
            rows.units(hundredths.max(1).saturating_mul(E8 / 100)).text(&good.unit);
        }
        None => {
            rows.nulls(4);
        }
    }
    let rate = if dollars { dollar_e4(seed, period) } else { 10_000 };
    rows.units(value * 10_000 / rate).text(if dollars { "USD" } else { "CNY" });
    match direction {
        Direction::Import => rows.units(parts.duty[item]).units(parts.vat[item]),
        Direction::Export => rows.nulls(2),
    };
    rows.end();
}

/// Goods of an item: the first is what was traded, the others come from the same industry.
fn good(economy: &Economy, firm: u32, first: u8, item: usize) -> Option<&Good> {
    let goods = &economy.world().industry(firm).goods;
    let at = |place: usize| goods.get(place % goods.len().max(1)).filter(|good| !good.hs_code.is_empty());
    at(usize::from(first) + item).or_else(|| at(usize::from(first)))
}

fn dice_of(world: &World, firm: u32, period: i32, number: &str) -> Dice {
    let two = mix(period as u64, [digits(number), 0, 0]);
    Dice::of(world.spec().seed, Purpose::Presentation, u64::from(firm) << 8 | 1, two)
}

fn declared_on(world: &World, month: usize, dice: &mut Dice) -> i32 {
    let (first, next) = (world.first_day(month), world.first_day(month + 1));
    first + dice.below((next - first).max(1) as usize) as i32
}

/// Day on which a firm declared an import of a month (by index), by its place among them and the number of its items.
pub(in crate::economy) fn imported_on(
    world: &World,
    firm: u32,
    month: usize,
    ordinal: usize,
    items: u8,
) -> i32 {
    let period = world.period(month);
    let mut dice = dice_of(world, firm, period, &number(firm, period, Direction::Import, ordinal));
    Parts::weigh(&mut dice, items).for_each(drop);
    declared_on(world, month, &mut dice)
}

/// Eighteen digits: customs office (of a province that does not exist), year, direction, serial; another number for
/// each declaration. Up to 800 declarations a firm and month.
fn number(firm: u32, period: i32, direction: Direction, ordinal: usize) -> String {
    let serial = (u64::from(firm) * 12 + period as u64 % 100 - 1) * 8 + ordinal as u64 % 8;
    let mut text = String::with_capacity(18);
    text.push_str("99");
    push_digits(&mut text, ordinal as u64 / 8, 2);
    push_digits(&mut text, period as u64 / 100, 4);
    text.push(match direction {
        Direction::Import => '1',
        Direction::Export => '0',
    });
    // A number without a common factor with 10^9 scatters serials and keeps them different.
    push_digits(&mut text, serial % 1_000_000_000 * 387_420_489 % 1_000_000_000, 9);
    text
}

fn digits(number: &str) -> u64 {
    number.parse().unwrap_or_default()
}

/// Rows of `export_refund`: exports with a refund, in the order of their declarations. Each names one of the exporter's
/// largest purchases claimed in that month, or in the last month with one.
pub(super) fn export_refunds(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("export_refund")?;
    let period = part.period.unwrap_or_default();
    let due = due_on(period)?;
    let mut refunds: Vec<(u32, String, CustomsBook)> = Vec::new();
    let mut last = (u32::MAX, 0);
    each(economy, part, Section::Export, |firm, export: CustomsBook| {
        last = if last.0 == firm { (firm, last.1 + 1) } else { (firm, 0) };
        if export.refund_rate_bp > 0 {
            refunds.push((firm, number(firm, period, Direction::Export, last.1), export));
        }
    });
    refunds.sort_by(|one, two| (one.0, &one.1).cmp(&(two.0, &two.1)));
    let month = economy.world().month_of(period).unwrap_or_default();
    let mut turn = (u32::MAX, 0);
    for (firm, number, export) in &refunds {
        turn = if turn.0 == *firm { (turn.0, turn.1 + 1) } else { (*firm, 0) };
        let mut dice = economy.dice(u64::from(*firm) << 8 | 2, digits(number));
        rows.text(economy.world().id(*firm)).int(period).text(number);
        match good(economy, *firm, export.good, 0) {
            Some(good) => rows.text(&good.hs_code),
            None => rows.nulls(1),
        };
        rows.units(export.value);
        match economy.ledger().inputs.of(*firm, month, turn.1) {
            Some(input) => rows.text(&input_id(economy, input)),
            None => rows.nulls(1),
        };
        rows.all_units([export.refund_rate_bp, export.input_tax, export.refund]);
        rows.date(workday_from(due + dice.between(3, 20) as i32)?).end();
    }
    rows.finish()
}

/// The number of a special invoice.
fn input_id(economy: &Economy, input: Input) -> String {
    let world = economy.world();
    let paper = world.firms().get(input.seller as usize).is_some_and(|firm| firm.traits.paper);
    let id = invoice_id(world, input.seller, usize::from(input.month), input.ordinal, paper);
    invoices::digits(&id).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn declarations_have_numbers_of_their_own() {
        let mut all = HashSet::new();
        for firm in [0, 1, 299, 999_999, 4_999_999] {
            for period in [202511, 202512, 202601] {
                for ordinal in 0..40 {
                    for direction in [Direction::Import, Direction::Export] {
                        let number = number(firm, period, direction, ordinal);
                        assert_eq!(number.len(), 18);
                        assert!(all.insert(number));
                    }
                }
            }
        }
    }
}
