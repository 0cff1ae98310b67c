//! Which purchases an export refund names: of each exporter and month a few of the largest special invoices whose tax
//! was claimed then. Gathered while the ledger is summed, because nobody else reads invoices by their buyer.

use std::sync::atomic::{AtomicU64, Ordering};

use super::invoices::{Buyer, Head, kind, state};
use super::model::World;

/// Invoices kept of an exporter and month.
const SLOTS: usize = 4;
/// Bits of an ordinal, and of a party.
const ORDINAL_BITS: u32 = 20;
const PARTY_BITS: u32 = 24;

/// An invoice by its seller, month and ordinal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Input {
    pub seller: u32,
    pub month: u16,
    pub ordinal: u32,
}

/// The invoices of all exporters. 32 bytes an exporter and month.
#[derive(Debug)]
pub(super) struct Inputs {
    months: usize,
    /// Exporters in order.
    exporters: Vec<u32>,
    /// Amount (coarsely), seller, ordinal in one number each; 0 for none. The greatest stays, whoever comes first.
    slots: Vec<AtomicU64>,
}

impl Inputs {
    /// None yet.
    pub(super) fn new(world: &World) -> Self {
        let exports = |firm: &u32| world.firm(*firm).traits.exporter;
        let exporters: Vec<u32> = (0..world.taxpayers()).filter(exports).collect();
        let slots = exporters.len() * world.months() * SLOTS;
        let slots = (0..slots).map(|_| AtomicU64::new(0)).collect();
        Self { months: world.months(), exporters, slots }
    }

    /// Notes an invoice of a month if it is one an exporter may name.
    pub(super) fn note(&self, world: &World, seller: u32, month: usize, head: &Head) {
        let Buyer::Party(buyer) = head.buyer else { return };
        let exports = world.firms.get(buyer as usize).is_some_and(|firm| firm.traits.exporter);
        // Claimed in its month: the number needs no other.
        let claimed = head.claimed == Some(month as u16);
        if !exports
            || !claimed
            || head.status != state::VALID
            || !matches!(head.kind, kind::SPECIAL | kind::E_SPECIAL)
            || head.amount <= 0
        {
            return;
        }
        let Ok(place) = self.exporters.binary_search(&buyer) else { return };
        let slot = (place * self.months + month) * SLOTS + head.ordinal as usize % SLOTS;
        let rank = u64::from(rank(head.amount as u64));
        let value = (rank << PARTY_BITS | u64::from(seller)) << ORDINAL_BITS | u64::from(head.ordinal);
        self.slots[slot].fetch_max(value, Ordering::Relaxed);
    }

    /// An invoice whose tax an exporter claimed in a month, or else before it; others for other numbers.
    pub(super) fn of(&self, exporter: u32, month: usize, number: usize) -> Option<Input> {
        let place = self.exporters.binary_search(&exporter).ok()?;
        (0..=month).rev().find_map(|month| {
            let first = (place * self.months + month) * SLOTS;
            let at = |step: usize| self.slots[first + (number + step) % SLOTS].load(Ordering::Relaxed);
            let value = (0..SLOTS).map(at).find(|value| *value > 0)?;
            let seller = (value >> ORDINAL_BITS & ((1 << PARTY_BITS) - 1)) as u32;
            let ordinal = (value & ((1 << ORDINAL_BITS) - 1)) as u32;
            Some(Input { seller, month: month as u16, ordinal })
        })
    }
}

/// A number in the order of amounts: the place of the highest bit and the ten bits below it.
fn rank(amount: u64) -> u16 {
    let bits = 64 - amount.leading_zeros();
    let below = if bits > 11 { amount >> (bits - 11) } else { amount << (11 - bits) };
    (bits as u16) << 10 | (below as u16 & 0x3ff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greater_amounts_rank_higher() {
        let amounts = [1u64, 2, 3, 700, 1_023, 1_024, 2_047, 2_048, 100_000, 101_000, 9_000_000_000];
        assert!(amounts.windows(2).all(|pair| rank(pair[0]) < rank(pair[1])), "{:?}", amounts.map(rank));
    }
}
