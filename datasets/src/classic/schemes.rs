//! The invoices of the planted schemes that ordinary conduct does not bring about: mills, rings, repeated amounts.

use super::casting::Cast;
use super::trade::{Deal, Party, Trader, amount_for_total, rate_of};

/// Writes the planted invoices, and those of the honest partners that look like a ring.
pub(super) fn plant(trader: &mut Trader<'_>, cast: &Cast) {
    mills(trader, cast);
    ring(trader, cast);
    repeated_amounts(trader, cast);
    partners(trader, cast);
}

/// Dozens of invoices a month, each just below 100,000 yuan, to firms that never saw the goods.
fn mills(trader: &mut Trader<'_>, cast: &Cast) {
    let (mills, users) = &cast.mills;
    for label in cast.labels.iter().filter(|label| mills.contains(&label.firm)) {
        for month in label.months.0..=label.months.1 {
            for _ in 0..trader.rng.between(35, 80) {
                let buyer = Party::Firm(users[trader.rng.below(users.len())]);
                let amount = trader.rng.between(9_300_000, 9_998_000) as i64;
                let at = trader.moment(label.firm, month);
                let position =
                    trader.write(Deal { seller: label.firm, buyer, month, amount, at, planted: true });
                if trader.rng.chance(0.04) {
                    trader.drafts[position].status = "void";
                }
            }
        }
    }
}

/// Each month the same goods go round, and part of the way back, at almost the same amount.
fn ring(trader: &mut Trader<'_>, cast: &Cast) {
    let from = trader.world.months.len() / 4;
    for month in from..trader.world.months.len() {
        let round = trader.rng.range(1_200_000.0, 2_600_000.0);
        for (position, seller) in cast.ring.iter().enumerate() {
            let next = cast.ring[(position + 1) % cast.ring.len()];
            let previous = cast.ring[(position + cast.ring.len() - 1) % cast.ring.len()];
            series(trader, *seller, next, month, round, true);
            if position % 2 == 1 {
                series(trader, *seller, previous, month, round * 0.6, true);
            }
        }
    }
}

/// Sales of about `yuan` in a few invoices.
fn series(trader: &mut Trader<'_>, seller: usize, buyer: usize, month: usize, yuan: f64, planted: bool) {
    let count = trader.rng.between(4, 8);
    for _ in 0..count {
        let share = yuan / count as f64 * trader.rng.range(0.96, 1.02);
        let at = trader.moment(seller, month);
        let (amount, buyer) = ((share * 100.0) as i64, Party::Firm(buyer));
        trader.write(Deal { seller, buyer, month, amount, at, planted });
    }
}

/// Consulting or transport that was never given, billed to one customer in the same round totals.
fn repeated_amounts(trader: &mut Trader<'_>, cast: &Cast) {
    for (position, seller) in cast.repeaters.iter().enumerate() {
        let rate = rate_of(&trader.world.firms[*seller]);
        let start = 50_000 + 10_000 * position as i64;
        let total =
            (0..20).map(|step| (start + 1_000 * step) * 100).find_map(|cents| amount_for_total(cents, rate));
        let Some(amount) = total else { continue };
        let buyer = trader.outside_customer();
        for month in 0..trader.world.months.len() {
            for _ in 0..trader.rng.between(5, 10) {
                let at = trader.moment(*seller, month);
                trader.write(Deal { seller: *seller, buyer, month, amount, at, planted: true });
            }
        }
    }
}

/// Honest: material goes one way, parts made of it the other, at a third of the value.
fn partners(trader: &mut Trader<'_>, cast: &Cast) {
    let [one, other] = cast.partners[..] else { return };
    for month in 0..trader.world.months.len() {
        series(trader, one, other, month, 300_000.0, false);
        series(trader, other, one, month, 100_000.0, false);
    }
}
