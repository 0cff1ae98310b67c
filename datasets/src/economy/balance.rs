//! Purchases from outside the province that make up for what a general taxpayer did not buy inside: a firm buys what
//! it sells, and its suppliers here do not know how business goes. 8 bytes a firm and month.

use rayon::prelude::*;

use super::dice::{Dice, Purpose, mix};
use super::links::IMPORTED;
use super::model::{Firm, World};

/// Shortage, in months of purchases, from which a firm orders outside.
const PATIENCE: f64 = 0.06;
/// Suppliers outside among which a firm's orders change.
const SUPPLIERS: u32 = 4;

/// What each firm orders outside, by month, and from whom.
#[derive(Debug, Default)]
pub(super) struct Orders {
    seed: u64,
    months: usize,
    /// Cents, by firm and month.
    amounts: Vec<i64>,
    /// Where each outsider's customers begin in `customers`; one more than outsiders.
    starts: Vec<u32>,
    /// Customer, and which of its suppliers this one is.
    customers: Vec<(u32, u32)>,
}

/// What a firm really sold (declared, sham left out) and really received in each month; by firm and month, cents.
pub(super) struct Flows {
    pub sold: Vec<i64>,
    pub received: Vec<i64>,
}

impl Orders {
    /// Orders of what is missing.
    pub(super) fn of(world: &World, flows: &Flows) -> Self {
        let months = world.months();
        let mut amounts = vec![0i64; world.firms.len() * months];
        amounts.par_chunks_mut(months).zip(&world.firms).enumerate().for_each(|(index, (own, firm))| {
            let range = index * months..(index + 1) * months;
            missing(world, index as u32, firm, &flows.sold[range.clone()], &flows.received[range], own);
        });
        let mut starts = vec![0u32; world.outsiders as usize + 1];
        let orders = |firm: u32| {
            let firm = firm as usize * months;
            amounts[firm..firm + months].iter().any(|amount| *amount > 0)
        };
        let each = |firm: u32| (0..SUPPLIERS).map(move |number| (firm, number));
        let entries: Vec<(u32, u32)> =
            (0..world.taxpayers()).filter(|firm| orders(*firm)).flat_map(each).collect();
        let suppliers: Vec<u32> =
            entries.par_iter().map(|(firm, number)| supplier(world, *firm, *number)).collect();
        suppliers.iter().for_each(|supplier| starts[*supplier as usize + 1] += 1);
        (0..world.outsiders as usize).for_each(|outsider| starts[outsider + 1] += starts[outsider]);
        let mut next = starts.clone();
        let mut customers = vec![(0, 0); entries.len()];
        for (entry, supplier) in entries.into_iter().zip(suppliers) {
            customers[next[supplier as usize] as usize] = entry;
            next[supplier as usize] += 1;
        }
        Self { seed: world.spec.seed, months, amounts, starts, customers }
    }

    /// Orders an outsider (by number) fills in a month: customer and cents.
    pub(super) fn filled_by(&self, outsider: u32, month: usize) -> impl Iterator<Item = (u32, i64)> {
        let range = match self.starts.get(outsider as usize + 1) {
            Some(end) => self.starts[outsider as usize] as usize..*end as usize,
            None => 0..0,
        };
        let now = move |(firm, number): &&(u32, u32)| {
            // A firm turns to one of its suppliers each month.
            mix(self.seed, [Purpose::Links as u64, u64::from(*firm), month as u64]) % u64::from(SUPPLIERS)
                == u64::from(*number)
        };
        let amount = move |firm: u32| self.amounts[firm as usize * self.months + month];
        let orders = self.customers[range].iter().filter(now).map(move |(firm, _)| (*firm, amount(*firm)));
        orders.filter(|(_, amount)| *amount > 0)
    }
}

fn missing(world: &World, index: u32, firm: &Firm, sold: &[i64], received: &[i64], orders: &mut [i64]) {
    if !firm.general || firm.annual == 0 || firm.traits.holding {
        return;
    }
    let industry = world.industry(index);
    let home = if firm.traits.importer { 1.0 - IMPORTED } else { 1.0 };
    let farm = industry.farm.as_ref().map_or(0.0, |farm| farm.share);
    let share = f64::from(firm.purchases).min(0.995) * home * (1.0 - farm);
    let mut short = 0.0;
    for month in 0..orders.len() {
        let dice = &mut Dice::of(world.spec.seed, Purpose::Links, u64::from(index), 1_000 + month as u64);
        let needed = sold[month] as f64 * share;
        short += needed - received[month] as f64;
        if needed > 0.0 && short > PATIENCE * needed && short > 100_000.0 {
            orders[month] = (short * dice.range(0.92, 1.04)) as i64;
            short -= orders[month] as f64;
        }
    }
}

/// One of a firm's suppliers outside (by number), of what it buys most.
fn supplier(world: &World, firm: u32, which: u32) -> u32 {
    let dice = &mut Dice::of(world.spec.seed, Purpose::Links, u64::from(firm), 990 + u64::from(which));
    let inputs = &world.industry(firm).inputs;
    let weights: Vec<f64> = inputs.iter().map(|(_, share)| share * share).collect();
    let industry = u32::from(inputs[dice.weighted(&weights)].0);
    let all = world.industries.len() as u32;
    let count = (world.outsiders - industry).div_ceil(all).max(1);
    let number = (f64::from(count) * dice.unit().powi(2)) as u32;
    industry + number.min(count - 1) * all
}
