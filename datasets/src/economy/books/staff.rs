//! People: who works there, what they are paid, what is withheld and insured, and what schemes make of it.

use super::MonthBook;
use super::walk::{Keeper, Trade};
use crate::economy::dice::Dice;
use crate::economy::model::FirmKind;
use crate::economy::schemes::{Role, SchemeKind};

/// Pay below which nobody pays income tax, cents a month; invented employees earn a little less.
const FREE_OF_TAX: f64 = 500_000.0;
/// Insurance paid by employer and employee, share of the base.
const INSURANCE: f64 = 0.36;

impl Keeper<'_> {
    pub(super) fn staff(&self, book: &mut MonthBook, trade: &Trade, dice: &mut Dice) {
        let presence = self.world.presence(self.firm, book.month);
        let shell = self.plan.is_some_and(|plan| {
            matches!(plan.kind, SchemeKind::InvoiceMill | SchemeKind::AbnormalUpstream)
                && plan.role == Role::Organiser
        });
        if presence <= 0.0 || shell || self.firm.traits.holding {
            book.truth.headcount = i64::from(shell);
            return;
        }
        let grown = (1.0 + f64::from(self.firm.growth).max(0.0) * 0.4)
            .powi(i32::try_from(book.month).unwrap_or(0) - i32::from(self.firm.opens));
        let headcount =
            (f64::from(self.firm.employees) * presence * grown * dice.range(0.97, 1.03)).round().max(1.0);
        // What the business bears: in small ones the owner and the family work without a wage.
        let bill = self.firm.annual as f64 * f64::from(self.firm.wage_share) / 12.0;
        let level = (bill / f64::from(self.firm.employees.max(1))).clamp(250_000.0, 2.5 * self.habits.wage);
        let alone = !self.firm.general && headcount < 2.0 && bill < 300_000.0;
        let wages = if alone { 0.0 } else { headcount * level * dice.range(0.97, 1.03) };
        book.truth.headcount = headcount as i64;
        book.truth.wages = wages as i64;
        // An owner alone is nobody's employee.
        if alone || (self.firm.kind == FirmKind::Individual && headcount < 2.0) {
            return;
        }
        let staff = &mut book.staff;
        staff.persons = headcount as i64;
        staff.wages = wages as i64;
        let mean = wages / headcount;
        let untaxed = (1.15 - 0.55 * mean / FREE_OF_TAX).clamp(0.25, 0.97);
        staff.zero_tax_persons = (headcount * untaxed) as i64;
        staff.iit_withheld = ((wages * (mean / FREE_OF_TAX - 0.6).clamp(0.05, 2.0) * 0.011) as i64).max(0);
        staff.special_deductions = (headcount * 110_000.0 * dice.range(0.7, 1.1)) as i64;
        let month = book.period % 100;
        if month == 1 && dice.chance(0.6) {
            staff.annual_bonus = (wages * dice.range(0.4, 1.6)) as i64;
        }
        if month == 6 && dice.chance(0.12) {
            staff.dividends = (self.firm.annual as f64 * dice.range(0.003, 0.02)) as i64;
        }
        if matches!(self.industry.code.as_bytes()[0], b'E' | b'L' | b'M') {
            staff.labour_service_pay = (trade.real() as f64 * dice.range(0.0, 0.012)) as i64;
        }
        // New people are insured a month later.
        staff.insured = (headcount * dice.range(0.96, 1.0)).round() as i64;
        let base = wages * staff.insured as f64 / headcount * dice.range(0.9, 1.0);
        (staff.veterans, staff.key_group) = self.habits.helped;
        if self.firm.traits.welfare {
            staff.disabled = ((headcount * 0.3).ceil() as i64).max(10).min(staff.insured);
        }
        let mut base = base as i64;
        self.distort(book, &mut base, headcount);
        book.staff.insurance_base = base;
        book.staff.insurance_paid = (base as f64 * INSURANCE) as i64;
    }

    fn distort(&self, book: &mut MonthBook, base: &mut i64, headcount: f64) {
        if let Some(share) = self.acts(SchemeKind::WagesAgainstInsurance, book.month) {
            *base = (book.staff.wages as f64 * share) as i64;
            book.staff.insured = (headcount * (0.4 + 0.5 * share)).ceil() as i64;
            book.truth.at_stake = book.staff.wages - *base;
        }
        if let Some(factor) = self.acts(SchemeKind::FakeEmployees, book.month) {
            let invented = (headcount * factor).ceil();
            let paid = (invented * FREE_OF_TAX * 0.97) as i64;
            book.staff.persons += invented as i64;
            book.staff.zero_tax_persons += invented as i64;
            book.staff.wages += paid;
            book.truth.at_stake = paid;
        }
    }
}
