//! Who gave up an exemption, and when: a function of the firm. The table of waivers prints it, the books go by it.

use super::Economy;
use super::model::EXEMPT_LINE;

/// The month, by index, from which a small-scale taxpayer gave the exemption up altogether: one below the line whose customers want
/// special invoices. (To give it up for single sales needs no declaration.)
pub(super) fn waived_from(economy: &Economy, index: u32) -> Option<usize> {
    let (world, ledger) = (economy.world(), economy.ledger());
    let firm = world.firm(index);
    if firm.general || firm.annual / 12 > EXEMPT_LINE {
        return None;
    }
    let special = |month: &usize| {
        let sums = ledger.of(index, *month);
        sums.special > sums.other
    };
    let mut dice = economy.dice(u64::from(index) << 8 | 3, 0);
    (0..world.months()).find(special).filter(|_| dice.chance(0.08))
}
