//! Writes an invoice's lines and header: rates, taxes, quantities, kinds; every amount to the cent.

use super::outcome::Outcome;
use super::{Buyer, FARM, Head, Line, Seller, Sheet, kind, state};
use crate::economy::dice::{Dice, unit};
use crate::economy::industries::Document;

/// An invoice before it has lines.
pub(super) struct Draft {
    pub(super) buyer: Buyer,
    pub(super) at: i64,
    pub(super) amount: i64,
    pub(super) ordinal: u32,
    pub(super) good: u8,
    pub(super) industry: u8,
    pub(super) lines: u32,
}

impl Seller<'_> {
    /// Rate in basis points and preference of a good for a buyer.
    pub(super) fn rate(&self, industry: u8, good: u8, buyer: Buyer) -> (i64, u8) {
        if matches!(buyer, Buyer::Foreign(_)) {
            return (0, 2);
        }
        if self.document(industry) == Document::UsedCar {
            return (50, 0);
        }
        let item = self.good(industry, good);
        if good == FARM || (item.exempt && self.firm.is_some_and(|firm| firm.traits.exempt)) {
            return (0, 1);
        }
        match (self.general, self.industry.code == "K7040") {
            (true, _) => (item.rate_bp, 0),
            (false, true) => (500, 0),
            (false, false) => (100, 0),
        }
    }

    pub(super) fn write(
        &self,
        month: usize,
        draft: &Draft,
        outcome: Outcome,
        sham: bool,
        dice: &mut Dice,
        sheet: &mut Sheet,
    ) {
        let first = sheet.lines.len() as u32;
        let (rate, preference) = self.rate(draft.industry, draft.good, draft.buyer);
        let mut rest = draft.amount;
        let mut tax = 0;
        let document = self.document(draft.industry);
        let lines = if document.is_one_vehicle() { 1 } else { draft.lines };
        for number in 0..lines {
            let left = i64::from(lines - number);
            // Uneven shares; every later line keeps at least a cent.
            let amount = if left == 1 || rest < 2 * left {
                rest - (left - 1).min(rest - 1)
            } else {
                ((rest as f64 / left as f64 * dice.range(0.25, 1.75)) as i64).clamp(1, rest - left)
            };
            let line = self.line(draft, number, amount, rate, preference, dice);
            rest -= amount;
            tax += line.tax;
            sheet.lines.push(line);
            if rest == 0 {
                break;
            }
        }
        let special =
            rate > 0 && self.deducts(draft.buyer) && (self.general || draft.ordinal.is_multiple_of(2));
        let kind = match (preference, self.paper, special) {
            _ if self.processor.is_some() => kind::AGRI_PURCHASE,
            (1, _, _) if matches!(draft.buyer, Buyer::Party(_)) => kind::AGRI_OWN,
            (_, true, true) => kind::SPECIAL,
            (_, true, false) => kind::ORDINARY,
            (_, false, true) => kind::E_SPECIAL,
            (_, false, false) => kind::E_ORDINARY,
        };
        let kind = self.of_trade(document, draft.buyer).unwrap_or(kind);
        let status = match outcome {
            Outcome::Valid => state::VALID,
            Outcome::Void { .. } => state::VOID,
            Outcome::Reversed { part: None, .. } => state::REVERSED,
            Outcome::Reversed { part: Some(_), .. } => state::PART_REVERSED,
            Outcome::Flagged(status) => status,
        };
        let mut head = Head {
            ordinal: draft.ordinal,
            buyer: draft.buyer,
            kind,
            status,
            at: draft.at,
            amount: draft.amount,
            tax,
            lines: (first, sheet.lines.len() as u32 - first),
            claimed: None,
            original: None,
            sham,
        };
        head.claimed = self.claimed(month, &head, outcome);
        sheet.heads.push(head);
    }

    /// What the trade asks for where goods of this industry are the seller's own.
    fn document(&self, industry: u8) -> Document {
        if industry == self.industry_index { self.industry.document } else { Document::Usual }
    }

    /// The kind a trade has for an invoice to this buyer, if any of its own.
    fn of_trade(&self, document: Document, buyer: Buyer) -> Option<u8> {
        let dealer = || match buyer {
            Buyer::Party(party) => self.world.industry_of(party).document == document,
            _ => false,
        };
        match document {
            Document::Usual => None,
            Document::Vehicle => (!dealer()).then_some(kind::VEHICLE),
            Document::UsedCar => Some(kind::USED_CAR),
            Document::Toll => Some(kind::TOLL),
            Document::Passenger => {
                matches!(buyer, Buyer::Consumer | Buyer::Person(_)).then_some(kind::PASSENGER)
            }
        }
    }

    fn line(
        &self,
        draft: &Draft,
        number: u32,
        amount: i64,
        rate: i64,
        preference: u8,
        dice: &mut Dice,
    ) -> Line {
        let goods = self.world.industries[usize::from(draft.industry)].goods.len() as u32;
        let good = if draft.good == FARM { FARM } else { ((u32::from(draft.good) + number) % goods) as u8 };
        // All lines of an invoice carry the first one's rate unless their goods have another.
        let (rate, preference) = if number == 0 || draft.good == FARM {
            (rate, preference)
        } else {
            self.rate(draft.industry, good, draft.buyer)
        };
        let item = self.good(draft.industry, good);
        let bits = dice.bits();
        let price = item.price as f64 * self.price_level * (0.94 + 0.12 * unit(bits));
        let quantity_e8 = match item.unit.as_str() {
            "" => 100_000_000,
            _ if self.document(draft.industry).is_one_vehicle() => 100_000_000,
            "吨" | "千克" | "立方米" | "米" | "平方米" | "吉焦" | "千瓦时" | "升" => {
                ((amount as f64 / price * 1_000.0).round().max(1.0) as i64) * 100_000
            }
            _ => ((amount as f64 / price).round().max(1.0) as i64) * 100_000_000,
        };
        let spec = if item.specs.is_empty() { 0 } else { (bits & 0xFFFF) as usize % item.specs.len() };
        let tax = tax_on(amount, rate);
        Line {
            industry: draft.industry,
            good,
            spec: spec as u8,
            quantity_e8,
            amount,
            tax,
            rate_bp: rate as i16,
            preference,
        }
    }

    /// Whether a buyer is one that asks for a special invoice.
    fn deducts(&self, buyer: Buyer) -> bool {
        match buyer {
            Buyer::Party(party) => self.world.firms.get(party as usize).is_none_or(|firm| firm.general),
            _ => false,
        }
    }
}

/// Tax on an amount in cents at a rate in basis points, rounded half away from zero.
pub(in crate::economy) fn tax_on(amount: i64, rate_bp: i64) -> i64 {
    let tax = amount * rate_bp;
    (tax + 5_000 * tax.signum()) / 10_000
}

/// The amount whose total with tax is exactly `total` (cents); `None` for the few totals no amount reaches.
pub(super) fn amount_for_total(total: i64, rate_bp: i64) -> Option<i64> {
    let near = total * 10_000 / (10_000 + rate_bp);
    (near - 1..=near + 1).find(|amount| amount + tax_on(*amount, rate_bp) == total)
}

/// The amount nearest to one given whose total with tax is a round number.
pub(super) fn round_total(amount: i64, rate_bp: i64) -> i64 {
    let total = amount + tax_on(amount, rate_bp);
    let step = if total > 2_000_000 { 100_000 } else { 10_000 };
    let round = ((total + step / 2) / step).max(1) * step;
    amount_for_total(round, rate_bp).unwrap_or(amount)
}

/// The amount of one invoice of a parked month: pairs of invoices above and below the mean add up to the line.
pub(super) fn parked(ceiling: i64, ordinal: u32, count: u32, lot: f64) -> i64 {
    let mean = ceiling / i64::from(count.max(1));
    let swing = (mean as f64 * 0.8 * lot) as i64;
    match (ordinal % 2, ordinal + 1 == count) {
        (0, true) => mean,
        (0, false) => mean + swing,
        _ => mean - swing,
    }
}

/// Number of lines: geometric with this mean, at most 40.
pub(super) fn line_count(mean: f64, unit: f64) -> u32 {
    if mean <= 1.0 {
        return 1;
    }
    let count = 1.0 + ((1.0 - unit).ln() / (1.0 - 1.0 / mean).ln()).floor();
    count.min(40.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::economy::dice::Purpose;

    #[test]
    fn tax_rounds_half_away_from_zero() {
        assert_eq!(tax_on(10_000, 1300), 1_300);
        assert_eq!(tax_on(50, 100), 1);
        assert_eq!(tax_on(-50, 100), -1);
        assert_eq!(tax_on(49, 100), 0);
    }

    #[test]
    fn a_round_total_is_reached_exactly() {
        assert_eq!(amount_for_total(113_000, 1300), Some(100_000));
        // 88,495.57 and its tax make 99,999.99, one cent more makes 100,000.01.
        assert_eq!(amount_for_total(10_000_000, 1300), None);
    }

    #[test]
    fn a_parked_month_stays_just_below_its_line() {
        for count in [2, 7, 30] {
            let sum: i64 = (0..count).map(|ordinal| parked(10_000_000, ordinal, count, 0.7)).sum();
            assert!(sum <= 10_000_000 && sum > 9_999_000, "{count}: {sum}");
        }
    }

    #[test]
    fn lines_have_the_mean_asked_for() {
        let mut dice = Dice::of(1, Purpose::Lines, 1, 1);
        let mean = (0..50_000).map(|_| f64::from(line_count(3.0, dice.unit()))).sum::<f64>() / 50_000.0;
        assert!((mean - 3.0).abs() < 0.05, "{mean}");
    }
}
