//! Surcharges and small taxes, and what is paid, refunded or owed of all taxes.

use super::walk::{Keeper, Trade};
use super::{MonthBook, OtherTax, Payment};
use crate::economy::dice::Dice;
use crate::economy::law::part_of;
use crate::economy::model::Fate;
use crate::economy::schemes::{Role, SchemeKind};

/// One percent as a rate × 10^8.
const PERCENT: i64 = 1_000_000;

impl Keeper<'_> {
    /// Surcharges on the VAT paid, stamp duty by quarter, property and land-use tax by half-year, less their reliefs.
    pub(super) fn surcharges(&mut self, book: &mut MonthBook, trade: &Trade, dice: &Dice) {
        self.carried.stamp_base += trade.declared().max(0) + (trade.purchases - trade.farm).max(0);
        self.claim_vat(book);
        let mut taxes = self.levied(book);
        taxes.retain(|tax| tax.base > 0);
        let halving = self.halving(book, trade, dice);
        for tax in &mut taxes {
            tax.relief = self.claim_local(book, tax, halving);
            tax.tax_due = tax.tax - tax.relief;
        }
        book.other_taxes = taxes;
    }

    /// The smaller taxes of the month before relief.
    fn levied(&mut self, book: &MonthBook) -> Vec<OtherTax> {
        // Those on VAT are counted before what is set off from it for employing certain people.
        let paid = book.vat.map_or(0, |vat| vat.tax_total.max(0));
        let county = self.world.office(self.index).county.ends_with('县');
        let item = if county { "县城、镇（增值税附征）" } else { "市区（增值税附征）" };
        let mut taxes = vec![
            of("city_maintenance", item, paid, if county { 5 } else { 7 } * PERCENT),
            of("education", "增值税教育费附加", paid, 3 * PERCENT),
            of("local_education", "增值税地方教育附加", paid, 2 * PERCENT),
        ];
        let month = book.period % 100;
        if month % 3 == 0 {
            let base = std::mem::take(&mut self.carried.stamp_base);
            taxes.push(of("stamp", "买卖合同", base, 3 * PERCENT / 100));
        }
        if month % 6 == 0 && self.firm.traits.owns_premises {
            let value = self.carried.balance.fixed_assets * 4 / 10;
            let base = value * 7 / 10;
            // Half of the year's 1.2 percent.
            let property = OtherTax {
                tax: part_of(base, 6, 1_000),
                ..of("property", "从价计征", base, 12 * PERCENT / 10)
            };
            let land = OtherTax {
                tax: part_of(value, 1, 2_000),
                ..of("land_use", "城镇土地使用税", value / 100, 0)
            };
            taxes.extend([property, land]);
        }
        taxes
    }

    /// Pays what is due; who is slow, vanishes or runs from its debts does not.
    pub(super) fn pay(&mut self, book: &mut MonthBook, dice: &mut Dice) {
        let closing = usize::from(self.firm.closes).saturating_sub(book.month) <= 2;
        let runs = closing
            && (self.firm.fate == Fate::Abnormal
                || self.plan.is_some_and(|plan| {
                    plan.kind == SchemeKind::DeregisterAndReturn && self.firm.fate == Fate::Deregistered
                }));
        let shell = self.plan.is_some_and(|plan| {
            matches!(plan.kind, SchemeKind::InvoiceMill | SchemeKind::AbnormalUpstream)
                && plan.role == Role::Organiser
        });
        let slow = self.firm.traits.slow_payer && dice.chance(0.15);
        let pays = !(runs || shell || (slow && dice.chance(0.4)));
        let late = match (slow, book.vat) {
            (true, _) => dice.between(5, 50) as i32,
            (_, Some(vat)) => vat.days_late,
            _ => -(dice.between(0, 10) as i32),
        };
        if let Some(vat) = book.vat {
            // Reliefs deducted from what is payable; those refunded after payment are not.
            let deducted = self.relief_of(book, &["key_groups", "veterans"]);
            self.settle(book, "vat", (vat.tax_total - deducted).max(0), late, pays);
            self.refunds(book, vat.refundable_tax, vat.refund_of_credit);
            if vat.tax_total < 0 {
                // More reversed in the quarter than sold: the tax paid on it before comes back.
                let (tax_code, refund_kind) = ("vat", Some("mistaken"));
                let amount = -vat.tax_total;
                book.payments.push(Payment { tax_code, kind: "refund", refund_kind, days_late: 30, amount });
            }
        }
        let due = self.cit_quarter_due(book);
        if due > 0 && !pays {
            self.carried.cit_owed = book.period / 100;
        }
        self.settle(book, "cit", due, late, pays);
        self.settle_year(book, late, pays);
        self.settle(book, "iit", book.staff.iit_withheld, late, pays);
        for tax in book.other_taxes.clone() {
            self.settle(book, tax.tax_code, tax.tax_due, late, pays);
        }
        if book.truth.vat_gap == 0 {
            let rate = if self.firm.general { self.industry.rate_bp } else { 100 };
            book.truth.vat_gap = crate::economy::invoices::tax_on(book.truth.hidden_sales, rate).max(0);
        }
    }

    fn cit_quarter_due(&mut self, book: &MonthBook) -> i64 {
        let Some(quarter) = book.cit_quarter else { return 0 };
        let before = self.carried.cit_settled_of(book.period / 100);
        let due = (quarter.tax_due - before).max(0);
        self.carried.cit_settled = (book.period / 100, before + due);
        due
    }

    /// The settlement of the year by the end of May: what is missing is paid, what was paid too much comes back.
    fn settle_year(&self, book: &mut MonthBook, late: i32, pays: bool) {
        let Some(year) = book.cit_year else { return };
        let missing = year.tax_due - self.carried.cit_settled_of(book.period / 100);
        // Settled between March and May.
        let days = 60 + late.clamp(0, 60);
        self.settle(book, "cit", missing, days, pays);
        // Nothing comes back to who still owes it.
        if missing < 0 && self.carried.cit_owed != book.period / 100 {
            let refund_kind = Some("mistaken");
            let (tax_code, amount) = ("cit", -missing);
            book.payments.push(Payment {
                tax_code,
                kind: "refund",
                refund_kind,
                days_late: days + 30,
                amount,
            });
        }
    }

    fn refunds(&self, book: &mut MonthBook, export: i64, credit: i64) {
        let on_collection = self.relief_of(book, &["software", "disabled"]);
        for (amount, kind, days) in
            [(export, "export", 20), (credit, "credit", 15), (on_collection, "on_collection", 35)]
        {
            if amount > 0 {
                book.payments.push(Payment {
                    tax_code: "vat",
                    kind: "refund",
                    refund_kind: Some(kind),
                    days_late: days,
                    amount,
                });
            }
        }
    }
}

/// A tax at a rate × 10^8, before relief.
fn of(tax_code: &'static str, item: &'static str, base: i64, rate_e8: i64) -> OtherTax {
    OtherTax {
        tax_code,
        item,
        base,
        rate_e8,
        tax: part_of(base, rate_e8, 100 * PERCENT),
        ..OtherTax::default()
    }
}
