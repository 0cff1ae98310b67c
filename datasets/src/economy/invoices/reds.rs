//! What follows from mistakes: invoices issued again after a void, and red invoices, which make their original again
//! to reverse it.

use super::outcome::Outcome;
use super::write::tax_on;
use super::{BAND, Head, Line, Seller, Sheet, state};
use crate::economy::dice::Purpose;
use crate::economy::flows::FlowFate;

impl Seller<'_> {
    /// Re-issues of invoices voided in the same month.
    pub(super) fn again(&self, month: usize, count: u32, sheet: &mut Sheet) {
        if !self.paper {
            return;
        }
        for ordinal in 0..count {
            if matches!(self.outcome(month, ordinal), Outcome::Void { again: true, .. }) {
                let position = sheet.heads.len();
                self.ordinary(month, ordinal, count, sheet);
                let end = self.world.moments.end(month);
                let Some(head) = sheet.heads.get_mut(position) else { continue };
                // Minutes later; before the month ends, whatever the hour.
                let later = 180_000 + i64::from(ordinal % 37) * 60_000;
                head.at += later.min((end - head.at) / 2) / 1_000 * 1_000;
                (head.ordinal, head.status) = (BAND + ordinal, state::VALID);
                head.claimed = self.claim(month, head, 0.95);
            }
        }
    }

    /// Red invoices of this month for originals `lag` months back.
    pub(super) fn reds(&self, month: usize, lag: usize, scratch: &mut Sheet, sheet: &mut Sheet) {
        let back = month - lag;
        let count = self.count(back);
        for ordinal in 0..count {
            if let Outcome::Reversed { lag: found, part } = self.outcome(back, ordinal)
                && found == lag
            {
                scratch.clear();
                self.ordinary(back, ordinal, count, scratch);
                self.reverse(back, month, part, scratch, sheet);
            }
        }
        if !self.flows.iter().any(|flow| flow.fate == FlowFate::Reversed && flow.planned(back).is_some()) {
            return;
        }
        scratch.clear();
        self.planned(back, scratch, Some(lag));
        let originals = std::mem::take(&mut scratch.heads);
        let mut one = Sheet { heads: Vec::new(), lines: std::mem::take(&mut scratch.lines) };
        for head in originals {
            one.heads = vec![head];
            self.reverse(back, month, None, &one, sheet);
        }
    }

    /// Appends the red invoice of the only invoice in `from`.
    fn reverse(&self, back: usize, month: usize, part: Option<f64>, from: &Sheet, sheet: &mut Sheet) {
        let original = from.heads[0];
        let lines = from.lines_of(&original);
        let first = sheet.lines.len() as u32;
        match part {
            // A return: some of the first goods come back.
            Some(part) => {
                let line = lines[0];
                let amount = (line.amount as f64 * part).round().max(1.0) as i64;
                let tax = tax_on(amount, i64::from(line.rate_bp)).min(line.tax);
                let quantity_e8 = -((line.quantity_e8 as f64 * part / 1e6).round() as i64).max(1) * 1_000_000;
                sheet.lines.push(Line { amount: -amount, tax: -tax, quantity_e8, ..line });
            }
            None => sheet.lines.extend(lines.iter().map(|line| Line {
                amount: -line.amount,
                tax: -line.tax,
                quantity_e8: -line.quantity_e8,
                ..*line
            })),
        }
        let lines = &sheet.lines[first as usize..];
        let (amount, tax) = lines.iter().fold((0, 0), |sum, line| (sum.0 + line.amount, sum.1 + line.tax));
        let from = original.at.max(self.world.moments.start(month));
        let span = self.world.moments.end(month) - from;
        let lot = self.lot(Purpose::Month, back, original.ordinal);
        let at = from + (1 + (span as f64 * 0.9 * lot) as i64) / 1_000 * 1_000;
        let lag = (month - back) as u32;
        sheet.heads.push(Head {
            ordinal: (2 + lag) * BAND + original.ordinal,
            status: state::RED,
            at: at.max(original.at + 1_000).min(self.world.moments.end(month) - 1_000),
            amount,
            tax,
            lines: (first, sheet.lines.len() as u32 - first),
            original: Some((back as u16, original.ordinal)),
            // On a red invoice: whether there is a claim to take back.
            ..original
        });
    }
}
