//! Monthly sums of what each firm issued and received: computed once over all invoices when an economy is built, so
//! that books need not read invoices again. 72 bytes a firm and month.

use std::sync::atomic::{AtomicI64, Ordering};

use rayon::prelude::*;

use super::balance;
use super::inputs::Inputs;
use super::invoices::{Buyer, Head, Seller, Sheet, state};
use super::model::World;

/// Sums of one firm and month in cents, net of red invoices and without void ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FirmMonth {
    /// Issued with a special invoice, without tax.
    pub special: i64,
    /// Tax on it.
    pub special_tax: i64,
    /// Issued with any other invoice, taxed, without tax.
    pub other: i64,
    /// Tax on it.
    pub other_tax: i64,
    /// Issued exempt or at rate zero.
    pub exempt: i64,
    /// Received on invoices issued this month whose tax may be deducted (special ones, of vehicles, of tolls), without tax.
    pub received_special: i64,
    /// Received on other invoices issued this month: tax included, for it is cost; farm purchases too.
    pub received_other: i64,
    /// Tax of invoices claimed for deduction in this period (`deduction_claim.claimed_period`).
    pub claimed_tax: i64,
    /// Tax of red invoices received this month on claimed invoices; positive, to be transferred out.
    pub red_tax: i64,
}

/// All sums.
#[derive(Debug)]
pub struct Ledger {
    pub(super) months: usize,
    pub(super) sums: Vec<FirmMonth>,
    /// Purchases that export refunds name.
    pub(super) inputs: Inputs,
}

impl Ledger {
    /// Sums of a firm and month, both by index.
    pub fn of(&self, firm: u32, month: usize) -> &FirmMonth {
        &self.sums[firm as usize * self.months + month]
    }
}

/// Sums of what a firm received: added to by all sellers at once. Sums of integers do not depend on the order.
#[derive(Default)]
struct Received {
    special: AtomicI64,
    other: AtomicI64,
    claimed: AtomicI64,
    red: AtomicI64,
    /// Special and other without what is planned in schemes.
    real: AtomicI64,
}

impl Ledger {
    /// Reads all invoices once; payment books of customs are in the books. Also says what firms really sold and received, from which their orders outside follow;
    /// these are not yet in the sums.
    pub(super) fn sum(world: &World) -> (Self, balance::Flows) {
        let months = world.months();
        let firms = world.firms.len();
        let received: Vec<Received> = (0..firms * months).map(|_| Received::default()).collect();
        let inputs = Inputs::new(world);
        let mut sums = vec![FirmMonth::default(); firms * months];
        let mut sold = vec![0i64; firms * months];
        let own = sums.par_chunks_mut(months).zip(sold.par_chunks_mut(months));
        own.enumerate().for_each(|(firm, (own, sold))| {
            let seller = Seller::new(world, firm as u32);
            let mut sheet = Sheet::default();
            for month in 0..months {
                seller.month(month, &mut sheet);
                for head in counting(&sheet) {
                    issue(&mut own[month], head, &sheet);
                    if !head.sham && head.status != state::VOID {
                        sold[month] += head.amount;
                    }
                    receive(&received, months, month, head);
                    inputs.note(world, firm as u32, month, head);
                }
                sold[month] += uninvoiced(world, firm as u32, month);
            }
        });
        (world.taxpayers()..world.traders()).into_par_iter().for_each(|party| {
            let seller = Seller::new(world, party);
            let mut sheet = Sheet::default();
            for month in 0..months {
                seller.month(month, &mut sheet);
                for head in counting(&sheet) {
                    receive(&received, months, month, head);
                    inputs.note(world, party, month, head);
                }
            }
        });
        let real = received.iter().map(|received| received.real.load(Ordering::Relaxed)).collect();
        let mut ledger = Self { months, sums, inputs };
        ledger.add(received);
        (ledger, balance::Flows { sold, received: real })
    }

    /// Adds the orders outside.
    pub(super) fn add_orders(&mut self, world: &World) {
        let received: Vec<Received> = (0..self.sums.len()).map(|_| Received::default()).collect();
        let outsiders = world.taxpayers()..world.taxpayers() + world.outsiders;
        outsiders.into_par_iter().for_each(|party| {
            let seller = Seller::new(world, party);
            let mut sheet = Sheet::default();
            for month in 0..self.months {
                sheet.heads.clear();
                sheet.lines.clear();
                seller.orders(month, &mut sheet);
                for head in &sheet.heads {
                    receive(&received, self.months, month, head);
                    self.inputs.note(world, party, month, head);
                }
            }
        });
        self.add(received);
    }

    fn add(&mut self, received: Vec<Received>) {
        for (sum, received) in self.sums.iter_mut().zip(received) {
            sum.received_special += received.special.into_inner();
            sum.received_other += received.other.into_inner();
            sum.claimed_tax += received.claimed.into_inner();
            sum.red_tax += received.red.into_inner();
        }
    }
}

/// Invoices that are in force or were claimed.
fn counting(sheet: &Sheet) -> impl Iterator<Item = &Head> {
    sheet.heads.iter().filter(|head| head.status != state::VOID || head.claimed.is_some())
}

/// Declared sales without invoice that are to be expected.
fn uninvoiced(world: &World, firm: u32, month: usize) -> i64 {
    let own = world.firm(firm);
    (world.level(firm, month) * f64::from(1.0 - own.invoiced).max(0.0)) as i64
}

fn issue(own: &mut FirmMonth, head: &Head, sheet: &Sheet) {
    if head.status == state::VOID {
        return;
    }
    if head.special() {
        own.special += head.amount;
        own.special_tax += head.tax;
        return;
    }
    for line in sheet.lines_of(head) {
        match line.preference {
            0 => {
                own.other += line.amount;
                own.other_tax += line.tax;
            }
            _ => own.exempt += line.amount,
        }
    }
}

fn receive(received: &[Received], months: usize, month: usize, head: &Head) {
    let Buyer::Party(buyer) = head.buyer else { return };
    let at = |month: usize| received.get(buyer as usize * months + month);
    let add = |sum: &AtomicI64, cents: i64| sum.fetch_add(cents, Ordering::Relaxed);
    let Some(own) = at(month) else { return };
    if head.status != state::VOID {
        match head.deductible() {
            true => add(&own.special, head.amount),
            false => add(&own.other, head.amount + head.tax),
        };
        if !head.sham {
            add(&own.real, if head.deductible() { head.amount } else { head.amount + head.tax });
        }
    }
    if head.original.is_some() {
        if head.claimed.is_some() {
            add(&own.red, -head.tax);
        }
    } else if let Some(claimed) = head.claimed.and_then(|claimed| at(usize::from(claimed))) {
        add(&claimed.claimed, head.tax);
    }
}
