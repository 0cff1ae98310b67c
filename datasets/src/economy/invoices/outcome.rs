//! What becomes of an invoice: voided, reversed, flagged, claimed by its buyer and when.

use super::{Buyer, Head, Seller};
use crate::economy::dice::Purpose;
/// What becomes of an invoice, as known at the end of the economy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Outcome {
    Valid,
    Void { again: bool, claimed: bool },
    Reversed { lag: usize, part: Option<f64> },
    Flagged(u8),
}

impl Seller<'_> {
    /// What becomes of an ordinary invoice.
    pub(super) fn outcome(&self, month: usize, ordinal: u32) -> Outcome {
        let lot = self.lot(Purpose::Fate, month, ordinal);
        if lot >= self.mistakes {
            return Outcome::Valid;
        }
        // The lot is uniform below the rate: what is left of it decides the rest.
        let rest = lot / self.mistakes;
        if self.paper {
            return Outcome::Void { again: rest < 0.8, claimed: false };
        }
        let lag = if rest < 0.5 {
            0
        } else if rest < 0.9 {
            1
        } else {
            2
        };
        let digits = (rest * 10.0).fract();
        let part = (digits < 0.2).then_some(0.1 + digits * 2.5);
        self.if_still_there(month, lag, Outcome::Reversed { lag, part })
    }

    pub(super) fn if_still_there(&self, month: usize, lag: usize, outcome: Outcome) -> Outcome {
        let closes = self.firm.map_or(usize::MAX, |firm| usize::from(firm.closes));
        if month + lag < self.world.months.len().min(closes) { outcome } else { Outcome::Valid }
    }

    pub(super) fn claimed(&self, month: usize, head: &Head, outcome: Outcome) -> Option<u16> {
        match outcome {
            Outcome::Valid | Outcome::Flagged(_) => self.claim(month, head, 0.9),
            // Claimed at once, before it is voided.
            Outcome::Void { claimed: true, .. } => self.claim(month, head, 1.0),
            Outcome::Void { .. } => None,
            Outcome::Reversed { lag, part: None } => {
                self.claim(month, head, 0.9).filter(|claimed| usize::from(*claimed) < month + lag)
            }
            Outcome::Reversed { part: Some(_), .. } => self.claim(month, head, 1.0),
        }
    }

    /// Month in which a firm of the province claims the tax: most at once (with the probability given), some a month
    /// or two later, a few never.
    pub(super) fn claim(&self, month: usize, head: &Head, at_once: f64) -> Option<u16> {
        let Buyer::Party(party) = head.buyer else { return None };
        let firm = self.world.firms.get(party as usize)?;
        if !firm.general || !head.deductible() {
            return None;
        }
        let lot = self.lot(Purpose::Claim, month, head.ordinal);
        let lag = if lot < at_once {
            0
        } else if lot < at_once + 0.08 {
            1
        } else if lot < at_once + 0.095 {
            2
        } else {
            return None;
        };
        let claimed = month + lag;
        let open = claimed < self.world.months.len() && claimed < usize::from(firm.closes);
        (open && claimed >= usize::from(firm.opens)).then_some(claimed as u16)
    }
}
