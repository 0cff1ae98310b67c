//! Sums over all books: what the treasury received by office and what a statistics bureau would count by county.
//! Made once, from the packed books; sums of integers, so that the order of adding does not show.

use std::sync::OnceLock;

use rayon::prelude::*;

use super::budget::Taxes;
use super::sections::{Section, blocks, each_of_block};
use crate::economy::books::{Arrear, Payment, Truth};
use crate::economy::model::World;
use crate::economy::{Economy, EconomyError};

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
    /// Adds up all firms and months.
    fn of(economy: &Economy, taxes: &Taxes) -> Self {
        let world = economy.world();
        let empty = || Self::empty(world, taxes.all().len());
        let add = |mut totals: Self, block: u32| {
            for month in 0..world.months() {
                totals.count(economy, taxes, (block, month));
            }
            totals
        };
        (0..blocks(economy)).into_par_iter().fold(empty, add).reduce(empty, |sum, more| sum.plus(&more))
    }

    fn empty(world: &World, taxes: usize) -> Self {
        let cells = world.offices().len() * world.months();
        let (revenue, measures) = (vec![0; cells * taxes], vec![0; cells * MEASURES]);
        Self { months: world.months(), taxes, revenue, measures }
    }

    fn plus(mut self, other: &Self) -> Self {
        let add =
            |into: &mut [i64], from: &[i64]| into.iter_mut().zip(from).for_each(|(sum, more)| *sum += more);
        add(&mut self.revenue, &other.revenue);
        add(&mut self.measures, &other.measures);
        self
    }

    fn count(&mut self, economy: &Economy, taxes: &Taxes, at: (u32, usize)) {
        let office = |firm: u32| usize::from(economy.world().firm(firm).office);
        each_of_block(economy, Section::Payment, at, |firm, payments: &mut Vec<Payment>| {
            payments.iter().for_each(|payment| self.payment(taxes, office(firm), at.1, payment));
        });
        each_of_block(economy, Section::Arrear, at, |firm, arrears: &mut Vec<Arrear>| {
            let unpaid = arrears.iter().filter(|arrear| arrear.tax_code == "vat").map(|arrear| arrear.amount);
            *self.cell(office(firm), Measure::Deferred, at.1) += unpaid.sum::<i64>();
        });
        each_of_block(economy, Section::Truth, at, |firm, truths: &mut Vec<Truth>| {
            truths.iter().for_each(|truth| self.activity(economy.world(), firm, at.1, truth));
        });
    }

    fn payment(&mut self, taxes: &Taxes, office: usize, month: usize, payment: &Payment) {
        let refund = payment.kind == "refund";
        let export = payment.refund_kind == Some("export") || payment.kind == "credit_offset";
        let charge = matches!(payment.kind, "late_fee" | "fine");
        if let Some(tax) = taxes.position(payment.tax_code).filter(|_| !export && !charge) {
            let signed = if refund { -payment.amount } else { payment.amount };
            self.revenue[(office * self.taxes + tax) * self.months + month] += signed;
        }
        if payment.tax_code == "vat" && !export {
            let recovered = charge || matches!(payment.kind, "audit" | "arrears");
            *self.cell(office, Measure::Refunds, month) += if refund { payment.amount } else { 0 };
            *self.cell(office, Measure::Recovered, month) += if recovered { payment.amount } else { 0 };
        }
    }

    fn activity(&mut self, world: &World, index: u32, month: usize, truth: &Truth) {
        let (firm, industry) = (world.firm(index), world.industry(index));
        let office = usize::from(firm.office);
        let added = (truth.sales - truth.purchases).max(truth.wages).max(0);
        *self.cell(office, Measure::ValueAdded, month) += added;
        if industry.code.starts_with(['B', 'C', 'D']) && firm.annual >= DESIGNATED {
            *self.cell(office, Measure::Industry, month) += added;
        }
        if industry.code.starts_with("F52") || industry.code.starts_with('H') {
            *self.cell(office, Measure::Retail, month) += (truth.sales as f64 * industry.consumers) as i64;
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
