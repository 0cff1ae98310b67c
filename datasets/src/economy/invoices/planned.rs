//! Planned invoices: flows of schemes and look-alikes, and orders that a seller outside the province fills.

use super::outcome::Outcome;
use super::write::{Draft, amount_for_total};
use super::{BAND, Buyer, FLOWS_FROM, Head, ORDERS_FROM, RED_LAG_MAX, Seller, Sheet, state};
use crate::economy::dice::Purpose;
use crate::economy::flows::{Flow, FlowFate, Style};

impl Seller<'_> {
    /// Planned invoices of a month; with `lag` only those reversed that many months later.
    pub(super) fn planned(&self, month: usize, sheet: &mut Sheet, lag: Option<usize>) {
        let mut ordinal = FLOWS_FROM;
        for flow in self.flows {
            let Some(planned) = flow.planned(month) else { continue };
            let month_dice = &mut self.dice(Purpose::Month, month, ordinal);
            let level =
                planned * if flow.style == Style::Round { 1.0 } else { month_dice.lognormal(1.0, 0.08) };
            let count = (level / flow.ticket as f64).round().clamp(1.0, 3_000.0) as u32;
            for number in 0..count.min(ORDERS_FROM - ordinal) {
                let place = ordinal + number;
                let outcome = self.flow_outcome(flow, month, place);
                let wanted = lag.is_none_or(
                    |lag| matches!(outcome, Outcome::Reversed { lag: found, .. } if found == lag),
                );
                if wanted {
                    self.flow_invoice(flow, month, place, level / f64::from(count), outcome, sheet);
                }
            }
            ordinal = (ordinal + count).min(ORDERS_FROM);
        }
    }

    /// Sham sales and tax planned to one buyer (all buyers: `None`) in a month, void ones left out, reversals of earlier
    /// ones taken off.
    pub(in crate::economy) fn sham(&self, month: usize, buyer: Option<u32>) -> (i64, i64) {
        if !self.flows.iter().any(|flow| flow.sham) {
            return (0, 0);
        }
        let mut sheet = Sheet::default();
        self.planned(month, &mut sheet, None);
        let counts = |head: &&Head| {
            let to = buyer.is_none_or(|buyer| head.buyer == Buyer::Party(buyer));
            head.sham && to && head.status != state::VOID
        };
        let sum = |sheet: &Sheet| {
            let planned = sheet.heads.iter().filter(counts);
            planned.fold((0, 0), |sum, head| (sum.0 + head.amount, sum.1 + head.tax))
        };
        let mut found = sum(&sheet);
        for lag in 1..=RED_LAG_MAX.min(month) {
            sheet.clear();
            self.planned(month - lag, &mut sheet, Some(lag));
            let reversed = sum(&sheet);
            found = (found.0 - reversed.0, found.1 - reversed.1);
        }
        found
    }

    /// Orders of firms of the province that a seller outside it fills.
    pub(in crate::economy) fn orders(&self, month: usize, sheet: &mut Sheet) {
        let outsider = self.party.checked_sub(self.world.taxpayers()).filter(|_| self.processor.is_none());
        let Some(outsider) = outsider else { return };
        let mut ordinal = ORDERS_FROM;
        for (buyer, amount) in self.world.orders.filled_by(outsider, month) {
            let count = (amount / 80_000_000).clamp(1, 6);
            let mut rest = amount;
            for number in 0..count {
                let dice = &mut self.dice(Purpose::Invoice, month, ordinal);
                let left = count - number;
                let part =
                    if left == 1 { rest } else { (rest as f64 / left as f64 * dice.range(0.6, 1.4)) as i64 };
                rest -= part;
                ordinal = (ordinal + 1).min(BAND);
                if self.skips(Buyer::Party(buyer)) || ordinal == BAND || part <= 0 {
                    continue;
                }
                let at = self.world.moments.draw(month, self.industry.rhythm, 1, false, dice);
                let good = dice.below(self.industry.goods.len()) as u8;
                let draft = Draft {
                    buyer: Buyer::Party(buyer),
                    at,
                    amount: part,
                    ordinal: ordinal - 1,
                    good,
                    industry: self.industry_index,
                    lines: 1 + dice.below(3) as u32,
                };
                self.write(month, &draft, Outcome::Valid, false, dice, sheet);
            }
        }
    }

    fn flow_outcome(&self, flow: &Flow, month: usize, ordinal: u32) -> Outcome {
        match flow.fate {
            FlowFate::Stays => Outcome::Valid,
            FlowFate::VoidAfterClaim => Outcome::Void { again: false, claimed: true },
            FlowFate::Reversed => {
                let lag = if self.lot(Purpose::Fate, month, ordinal) < 0.7 { 1 } else { 2 };
                let lag = if month + lag < self.world.months.len() { lag } else { 1 };
                self.if_still_there(month, lag, Outcome::Reversed { lag, part: None })
            }
            FlowFate::LostControl => self.once_gone(state::LOST_CONTROL),
            FlowFate::Abnormal => self.once_gone(state::ABNORMAL),
        }
    }

    /// A mark that invoices of a seller get when it has vanished.
    fn once_gone(&self, status: u8) -> Outcome {
        let gone = self.firm.is_some_and(|firm| usize::from(firm.closes) < self.world.months.len());
        if gone { Outcome::Flagged(status) } else { Outcome::Valid }
    }

    fn flow_invoice(
        &self,
        flow: &Flow,
        month: usize,
        ordinal: u32,
        mean: f64,
        outcome: Outcome,
        sheet: &mut Sheet,
    ) {
        let dice = &mut self.dice(Purpose::Invoice, month, ordinal);
        let buyer = match flow.buyers.len() {
            0 => Buyer::Foreign(dice.below(12) as u8),
            count => Buyer::Party(flow.buyers[(ordinal as usize + dice.below(2)) % count]),
        };
        if self.skips(buyer) {
            return;
        }
        let shell = flow.style == Style::NearLimit;
        let night = dice.chance(if shell { 0.2 } else { 0.002 });
        let rush = if flow.fate == FlowFate::VoidAfterClaim { 4 } else { self.rush };
        let at = self.world.moments.draw(month, self.industry.rhythm, rush, night, dice);
        let industry = flow.goods.unwrap_or(self.industry_index);
        let good = dice.below(self.world.industries[usize::from(industry)].goods.len()) as u8;
        let (amount, lines) = match flow.style {
            Style::Usual => ((mean * dice.lognormal(1.0, 0.18)) as i64, 1 + dice.below(3) as u32),
            Style::NearLimit => {
                ((flow.ticket as f64 * dice.range(0.955, 0.9995)) as i64, 1 + dice.below(2) as u32)
            }
            Style::Round => {
                let rate = self.rate(industry, good, buyer).0;
                // A few totals cannot be reached at a rate; then the next thousand yuan.
                let mut totals = (0..10).map(|step| flow.ticket + step * 100_000);
                let reached = totals.find_map(|total| amount_for_total(total, rate));
                (reached.unwrap_or(flow.ticket), 1)
            }
        };
        let draft = Draft { buyer, at, amount: amount.max(100), ordinal, good, industry, lines };
        self.write(month, &draft, outcome, flow.sham, dice, sheet);
    }
}
