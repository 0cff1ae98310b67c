//! Sums over all books: what the treasury received by office and what a statistics bureau would count by county.
//! Made once, by walking every firm; sums of integers, so that the order of adding does not show.

use std::sync::OnceLock;

use rayon::prelude::*;

use super::budget::Taxes;
use crate::economy::books::MonthBook;
use crate::economy::model::{Firm, World};
use crate::economy::{Economy, EconomyError};

/// Firms summed up at a time.
const CHUNK: u32 = 4_096;
/// Yearly sales, in cents, from which an industrial firm is above the designated size (规模以上).
const DESIGNATED: i64 = 2_000_000_000;

/// What is counted by county and month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// Value added: sales less purchases, at least the wages.
    ValueAdded,
    /// That of industrial firms above the designated size.
    Industry,
    /// Sales of trade and restaurants to consumers.
    Retail,
    /// VAT refunded other than on exports.
    Refunds,
    /// VAT found by audits, of old debts, late fees and fines.
    Recovered,
    /// VAT due and not paid.
    Deferred,
}

const MEASURES: usize = 6;

/// Sums over all firms.
#[derive(Debug, PartialEq)]
pub(super) struct Totals {
    months: usize,
    taxes: usize,
    /// Office × tax × month, cents.
    revenue: Vec<i64>,
    /// Office × measure × month, cents.
    measures: Vec<i64>,
}

impl Totals {
    /// Walks the books of all firms.
    fn of(economy: &Economy, taxes: &Taxes) -> Self {
        let world = economy.world();
        let empty = || Self::empty(world, taxes.all().len());
        let chunks = (0..world.taxpayers().div_ceil(CHUNK)).into_par_iter();
        chunks
            .fold(empty, |mut totals, chunk| {
                for firm in chunk * CHUNK..((chunk + 1) * CHUNK).min(world.taxpayers()) {
                    for book in economy.books(firm).iter().filter(|book| book.registered) {
                        totals.count(economy, taxes, firm, book);
                    }
                }
                totals
            })
            .reduce(empty, Self::plus)
    }

    fn empty(world: &World, taxes: usize) -> Self {
        let cells = world.offices().len() * world.months();
        let (revenue, measures) = (vec![0; cells * taxes], vec![0; cells * MEASURES]);
        Self { months: world.months(), taxes, revenue, measures }
    }

    fn plus(mut self, other: Self) -> Self {
        let add =
            |into: &mut [i64], from: &[i64]| into.iter_mut().zip(from).for_each(|(sum, more)| *sum += more);
        add(&mut self.revenue, &other.revenue);
        add(&mut self.measures, &other.measures);
        self
    }

    fn count(&mut self, economy: &Economy, taxes: &Taxes, index: u32, book: &MonthBook) {
        let firm = economy.world().firm(index);
        let office = usize::from(firm.office);
        for payment in &book.payments {
            let refund = payment.kind == "refund";
            let export = payment.refund_kind == Some("export") || payment.kind == "credit_offset";
            let charge = matches!(payment.kind, "late_fee" | "fine");
            if let Some(tax) = taxes.position(payment.tax_code).filter(|_| !export && !charge) {
                let signed = if refund { -payment.amount } else { payment.amount };
                self.revenue[(office * self.taxes + tax) * self.months + book.month] += signed;
            }
            if payment.tax_code == "vat" && !export {
                let recovered = charge || matches!(payment.kind, "audit" | "arrears");
                *self.cell(office, Measure::Refunds, book.month) += if refund { payment.amount } else { 0 };
                *self.cell(office, Measure::Recovered, book.month) +=
                    if recovered { payment.amount } else { 0 };
            }
        }
        let unpaid =
            book.arrears.iter().filter(|arrear| arrear.tax_code == "vat").map(|arrear| arrear.amount);
        *self.cell(office, Measure::Deferred, book.month) += unpaid.sum::<i64>();
        self.activity(economy, firm, index, book);
    }

    fn activity(&mut self, economy: &Economy, firm: &Firm, index: u32, book: &MonthBook) {
        let (truth, industry) = (&book.truth, economy.world().industry(index));
        let office = usize::from(firm.office);
        let added = (truth.sales - truth.purchases).max(truth.wages).max(0);
        *self.cell(office, Measure::ValueAdded, book.month) += added;
        if industry.code.starts_with(['B', 'C', 'D']) && firm.annual >= DESIGNATED {
            *self.cell(office, Measure::Industry, book.month) += added;
        }
        if industry.code.starts_with("F52") || industry.code.starts_with('H') {
            let share = industry.consumers;
            *self.cell(office, Measure::Retail, book.month) += (truth.sales as f64 * share) as i64;
        }
    }

    fn cell(&mut self, office: usize, measure: Measure, month: usize) -> &mut i64 {
        &mut self.measures[(office * MEASURES + measure as usize) * self.months + month]
    }

    /// Revenue of an office (by index) without those below it, of a tax by position, for a month by index: what was
    /// paid for the month, less what was refunded other than on exports; without late fees and fines.
    pub(super) fn revenue(&self, office: usize, tax: usize, month: usize) -> i64 {
        self.revenue[(office * self.taxes + tax) * self.months + month]
    }

    /// A measure of an office without those below it.
    pub(super) fn measure(&self, office: usize, measure: Measure, month: usize) -> i64 {
        self.measures[(office * MEASURES + measure as usize) * self.months + month]
    }
}

/// The sums, once they were asked for.
#[derive(Debug, Default)]
pub(super) struct KeptTotals(OnceLock<Totals>);

impl KeptTotals {
    /// The sums of this economy. Two threads that ask at once may both make them; neither waits for the other, for a
    /// thread of a pool that waits inside a lock can wait for itself.
    ///
    /// # Errors
    /// `taxes.toml` is wrong.
    pub(super) fn of(&self, economy: &Economy) -> Result<&Totals, EconomyError> {
        let taxes = Taxes::embedded()?;
        if self.0.get().is_none() {
            let totals = Totals::of(economy, taxes);
            return Ok(self.0.get_or_init(|| totals));
        }
        Ok(self.0.get_or_init(|| Totals::of(economy, taxes)))
    }
}

/// Positions of the offices above each office, itself first.
pub(super) fn chain(world: &World, office: usize) -> impl Iterator<Item = usize> {
    let parent = |at: &usize| world.offices().get(*at).and_then(|office| office.parent).map(usize::from);
    std::iter::successors(Some(office), parent)
}
