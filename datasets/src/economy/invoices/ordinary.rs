//! Ordinary invoices: who buys, when, for how much.

use super::write::{Draft, line_count, parked, round_total};
use super::{Buyer, FARM, SPREAD, Seller, Sheet};
use crate::economy::dice::{Dice, Purpose, mix};
use crate::economy::schemes::SchemeKind;

impl Seller<'_> {
    pub(super) fn ordinary(&self, month: usize, ordinal: u32, count: u32, sheet: &mut Sheet) {
        let dice = &mut self.dice(Purpose::Invoice, month, ordinal);
        let selling = &self.world.links.selling[self.party as usize];
        let buyer = self.buyer(month, selling.linked, dice);
        if self.skips(buyer) {
            return;
        }
        let night = self.mistakes > 0.0 && dice.unit() < 0.002;
        let at = self.world.moments.draw(month, self.industry.rhythm, self.rush, night, dice);
        let outcome = self.outcome(month, ordinal);
        let good = dice.below(self.industry.goods.len()) as u8;
        let service = self.good(self.industry_index, good).unit.is_empty();
        let ceiling = self.ceiling(month);
        let amount = match ceiling {
            Some(ceiling) => {
                parked(ceiling, ordinal, count, self.lot(Purpose::Month, month, ordinal / 2 + 1))
            }
            None => (selling.ticket as f64 * (dice.normal() * SPREAD - SPREAD * SPREAD / 2.0).exp()) as i64,
        };
        let mut draft = Draft {
            buyer,
            at,
            amount: amount.max(100),
            ordinal,
            good,
            industry: self.industry_index,
            lines: 1,
        };
        if let Some(plan) = self.plan
            && plan.is(SchemeKind::GoodsSwitch, month)
            && dice.unit() < f64::from(plan.strength)
        {
            draft.industry = self.world.switched;
            draft.good = dice.below(self.world.industries[usize::from(draft.industry)].goods.len()) as u8;
        }
        if self.processor.is_some() {
            draft.good = FARM;
        } else if service && ceiling.is_none() && dice.chance(0.4) {
            draft.amount = round_total(draft.amount, self.rate(draft.industry, good, buyer).0);
        } else {
            draft.lines = line_count(self.industry.lines, dice.unit());
        }
        self.write(month, &draft, outcome, false, dice, sheet);
    }

    /// Who buys, by channel; a linked firm that is not yet (or no longer) open is replaced by one from outside.
    fn buyer(&self, month: usize, linked: f32, dice: &mut Dice) -> Buyer {
        let (consumers, abroad) = self.channels;
        let (point, linked) = (dice.unit(), f64::from(linked));
        if point < linked {
            let buyer = self.world.links.buyer(self.party, (dice.bits() >> 32) as u32);
            if let Some(buyer) = buyer {
                let activity = self.world.presence(self.world.firm(buyer), month);
                if activity >= 1.0 || dice.unit() < activity || self.processor.is_some() {
                    return Buyer::Party(buyer);
                }
            }
            // A seller outside the province sells to somebody outside; that invoice is nobody's business here, so
            // the consumer stands for it.
            return if self.firm.is_some() { self.outside(dice) } else { Buyer::Consumer };
        }
        if point < linked + consumers {
            return if dice.chance(0.12) {
                Buyer::Person(dice.below(2 * self.world.firms.len()) as u32)
            } else {
                Buyer::Consumer
            };
        }
        if point < linked + consumers + abroad {
            return Buyer::Foreign(dice.below(12) as u8);
        }
        self.outside(dice)
    }

    /// One of this seller's few customers outside the province.
    fn outside(&self, dice: &mut Dice) -> Buyer {
        let own =
            mix(self.world.spec.seed, [Purpose::Links as u64, u64::from(self.party), dice.below(6) as u64]);
        Buyer::Party(self.world.taxpayers() + (own % u64::from(self.world.outsiders)) as u32)
    }
}
