//! The VAT return: lines of the general form month by month, the small form by quarter.

use super::walk::{FARM_RATE_BP, Keeper, Trade};
use super::{MonthBook, VatBook};
use crate::economy::dice::Dice;
use crate::economy::industries::Document;
use crate::economy::invoices::tax_on;
use crate::economy::law::{CreditRefund, credit_refund, free_of_vat, part_of};
use crate::economy::schemes::SchemeKind;

/// Credit above which a refund of credit is asked for, cents.
const CREDIT_LINE: i64 = 50_000_000;

/// Sums of a small-scale taxpayer's quarter.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Quarter {
    /// Months by which its lines are counted.
    pub months: i64,
    /// Its sales stay under the line to VAT.
    pub free: bool,
    /// Months that members of key groups and veterans were employed.
    pub key_group: i64,
    pub veterans: i64,
    /// Sales on special invoices, on others, exempt ones, exports, without invoice.
    pub special: i64,
    pub other: i64,
    pub exempt: i64,
    pub exports: i64,
    pub uninvoiced: i64,
}

impl Keeper<'_> {
    /// Files the return, late or with a correction where that is the firm's habit.
    pub(super) fn file_vat(&mut self, book: &mut MonthBook, trade: &Trade, dice: &mut Dice) {
        let filed =
            if self.firm.general { Some(self.general(book, trade, dice)) } else { self.small(book, trade) };
        let Some(mut vat) = filed else { return };
        vat.days_late = -(dice.between(0, 11) as i32);
        if self.firm.traits.late && dice.chance(0.3) {
            vat.days_late = dice.between(1, 25) as i32;
        }
        let corrects = self.firm.traits.corrects && dice.chance(0.1);
        let forgotten = (vat.uninvoiced_sales as f64 * dice.range(0.3, 1.0)) as i64;
        if corrects && forgotten > 0 {
            book.vat_first = Some(self.before_correction(&vat, forgotten));
            vat.days_late = vat.days_late.max(0) + dice.between(10, 60) as i32;
        }
        book.vat = Some(vat);
    }

    /// The return as first filed: some sales without invoice were left out.
    fn before_correction(&self, vat: &VatBook, forgotten: i64) -> VatBook {
        let mut first = *vat;
        first.uninvoiced_sales -= forgotten;
        if vat.small {
            if vat.small_exempt_sales > 0 {
                first.small_exempt_sales -= forgotten.min(vat.small_exempt_sales);
                return first;
            }
            let rent = vat.small_sales_5pct != 0;
            let sales = if rent { &mut first.small_sales_5pct } else { &mut first.small_sales_3pct };
            *sales = (*sales - forgotten).max(0);
            (first.simple_tax, first.tax_reduction) = self.small_tax(*sales);
            first.tax_total = first.simple_tax - first.tax_reduction;
            return first;
        }
        first.taxable_sales -= forgotten;
        first.output_tax -= tax_on(forgotten, self.industry.rate_bp).min(first.output_tax);
        let available =
            first.input_tax + first.opening_credit - first.input_transfer_out - first.refundable_tax;
        first.deducted_tax = available.min(first.output_tax);
        first.tax_payable = first.output_tax - first.deducted_tax;
        first.closing_credit = available - first.deducted_tax;
        first.tax_reduction = vat.tax_reduction.min(first.tax_payable.max(0));
        first.tax_total = first.tax_payable - first.tax_reduction;
        first
    }

    fn general(&mut self, book: &mut MonthBook, trade: &Trade, dice: &mut Dice) -> VatBook {
        let sums = *self.economy.ledger().of(self.index, book.month);
        let transport = (book.truth.headcount as f64 * dice.range(0.0, 1_800.0)) as i64;
        // Expressways send invoices; bridges and ferries give slips.
        let other = if self.industry.code.starts_with('G') { trade.real() * 3 / 10_000 } else { 0 };
        let agri = tax_on(trade.farm, FARM_RATE_BP);
        let customs: i64 = book.imports.iter().map(|declaration| declaration.import_vat).sum();
        let input_tax = sums.claimed_tax + customs + agri + transport + other;
        self.carried.inputs.0 += input_tax;
        self.carried.inputs.1 += agri + transport;
        // Who sells exempt cannot deduct what it bought for that.
        let exempt_inputs = if self.firm.traits.exempt { input_tax } else { 0 };
        let mut transfer_out = sums.red_tax.max(0) + exempt_inputs + self.carried.refunded;
        let sales = trade.special.0 + trade.other.0 + trade.uninvoiced.0;
        let exempted = self.exempted_wrongly(book, sales);
        let charged = trade.special.1 + trade.other.1 + trade.uninvoiced.1;
        let output_tax = charged - tax_on(exempted, self.industry.rate_bp).min(charged.max(0));
        let opening = self.carried.credit;
        let refundable = self.carried.refundable;
        // Never more than there is to take from.
        transfer_out = transfer_out.min(input_tax + opening - refundable).max(0);
        let available = input_tax + opening - transfer_out - refundable;
        // Line 18 of the form: the smaller one, also where red invoices make the output tax negative.
        let deducted = available.min(output_tax);
        let payable = output_tax - deducted;
        let closing = available - deducted;
        let approved = closing.min(tax_on(trade.exports.max(0), self.industry.rate_bp));
        self.share_refund(book, approved);
        (self.carried.credit, self.carried.refundable) = (closing, approved);
        let refund = self.refund_of_credit(book, closing - approved, dice);
        self.carried.refunded = refund;
        // Line 23, of who takes the relief of small-scale taxpayers without being one.
        let claims = self.claims_wrongly("small_1pct", book);
        let reduction = if claims { tax_on(sales.max(0), 200).min(payable.max(0)) } else { 0 };
        VatBook {
            small: false,
            taxable_sales: sales - exempted,
            export_sales: trade.exports,
            exempt_sales: trade.exempt + exempted,
            output_tax,
            input_tax,
            opening_credit: opening,
            input_transfer_out: transfer_out,
            refundable_tax: refundable,
            deducted_tax: deducted,
            tax_payable: payable,
            closing_credit: closing,
            tax_reduction: reduction,
            tax_total: payable - reduction,
            uninvoiced_sales: trade.uninvoiced.0,
            invoiced_special_sales: trade.special.0,
            invoiced_ordinary_sales: trade.other.0,
            deducted_special_tax: sums.claimed_tax,
            deducted_customs_tax: customs,
            deducted_agri_tax: agri,
            deducted_transport_tax: transport,
            deducted_other_tax: other,
            refund_of_credit: refund,
            ..VatBook::default()
        }
    }

    /// Deals an approved refund out to the month's export declarations.
    fn share_refund(&self, book: &mut MonthBook, approved: i64) {
        let total: i64 = book.exports.iter().map(|declaration| declaration.value).sum();
        let mut rest = approved;
        let last = book.exports.len().saturating_sub(1);
        for (index, declaration) in book.exports.iter_mut().enumerate() {
            let part =
                (i128::from(approved) * i128::from(declaration.value) / i128::from(total.max(1))) as i64;
            declaration.refund = if index == last { rest } else { part };
            rest -= declaration.refund;
        }
    }

    /// Who has had a large credit for half a year may have it refunded, if well rated and not refunded otherwise; schemes do not wait.
    fn refund_of_credit(&mut self, book: &MonthBook, credit: i64, dice: &mut Dice) -> i64 {
        let driven = self.acts(SchemeKind::IdleCreditRefundPurchases, book.month).is_some();
        let before = self.carried.year_end_credit;
        if book.period % 100 == 12 {
            self.carried.year_end_credit = Some(credit);
        }
        if credit <= if driven { CREDIT_LINE / 10 } else { CREDIT_LINE } {
            self.carried.months_in_credit = 0;
            return 0;
        }
        self.carried.months_in_credit += 1;
        let asks = driven || (self.carried.months_in_credit >= 6 && dice.chance(0.25));
        let traits = self.firm.traits;
        if !asks || self.firm.rating > 1 || traits.software || traits.welfare {
            return 0;
        }
        let due = match (credit_refund(&self.industry.code, book.period), before) {
            (Some(CreditRefund::Whole), _) => credit,
            (Some(CreditRefund::Increase), Some(before)) if credit - before >= CREDIT_LINE => {
                part_of(credit - before, 6, 10)
            }
            _ => 0,
        };
        // Tax on what farmers sold and on travel is left out, in proportion. Nobody asks for the last yuan.
        let (all, left_out) = self.carried.inputs;
        (part_of(due, (all - left_out).max(0), all.max(1)) as f64 * if driven { 0.95 } else { 0.9 }) as i64
    }

    /// A return for the quarter in its last month; nothing is due in the others.
    fn small(&mut self, book: &MonthBook, trade: &Trade) -> Option<VatBook> {
        let quarter = &mut self.carried.quarter;
        quarter.key_group += book.staff.key_group;
        quarter.veterans += book.staff.veterans;
        quarter.special += trade.special.0;
        quarter.other += trade.other.0;
        quarter.exempt += trade.exempt;
        quarter.exports += trade.exports;
        quarter.uninvoiced += trade.uninvoiced.0;
        if book.period % 100 % 3 != 0 {
            return None;
        }
        let mut quarter = std::mem::take(quarter);
        let loose = quarter.other + quarter.uninvoiced;
        let sales = quarter.special + loose;
        // Who begins within a quarter has the line of all of it; but what was before the economy is not in the return.
        quarter.months = (book.month as i64 + 1).min(3);
        quarter.free = free_of_vat(sales, quarter.months, book.period) && !self.waives(book);
        self.carried.filed = quarter;
        // Under the line only what carries a special invoice is taxed.
        let exempt = match quarter.free {
            true => !self.forgets("small_exempt"),
            false => self.claims_wrongly("small_exempt", book),
        };
        let taxed = if exempt { quarter.special } else { sales };
        let rent = self.industry.code == "K7040";
        let (simple_tax, reduction) = self.small_tax(taxed);
        Some(VatBook {
            small: true,
            export_sales: quarter.exports,
            exempt_sales: quarter.exempt,
            small_exempt_sales: if exempt { loose } else { 0 },
            small_sales_3pct: if rent { 0 } else { taxed },
            small_sales_5pct: if rent { taxed } else { 0 },
            simple_tax,
            tax_reduction: reduction,
            tax_total: simple_tax - reduction,
            uninvoiced_sales: quarter.uninvoiced,
            invoiced_special_sales: quarter.special,
            invoiced_ordinary_sales: quarter.other,
            ..VatBook::default()
        })
    }

    /// Whether it has given the exemption up: what was given up under the law until 2025 is not under that of 2026.
    fn waives(&self, book: &MonthBook) -> bool {
        let since = self.waived_from.filter(|first| *first <= book.month);
        since.is_some_and(|first| self.world.period(first) >= 202_601 || book.period < 202_601)
    }

    /// Tax of a small-scale taxpayer at the levy rate, and what it is reduced by.
    fn small_tax(&self, taxed: i64) -> (i64, i64) {
        match self.industry.document {
            _ if self.industry.code == "K7040" => (tax_on(taxed, 500), 0),
            _ if self.forgets("small_1pct") => (tax_on(taxed, 300), 0),
            Document::UsedCar => (tax_on(taxed, 300), tax_on(taxed, 250)),
            _ => (tax_on(taxed, 300), tax_on(taxed, 200)),
        }
    }
}
