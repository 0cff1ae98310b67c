//! Who sells to whom: each firm draws its suppliers by what its industry buys, mostly near and mostly big; what no
//! firm of the province can supply comes from outside. Kept by seller, as a list of buyers with shares.
//!
//! Size: about seven links a firm, 8 bytes each, and 16 bytes a party: 75 MB for a million taxpayers.

use rayon::prelude::*;

use super::calendar::Rhythm;
use super::dice::{Dice, Purpose};
use super::flows::Flows;
use super::industries::{Document, Industry};
use super::model::{Firm, Office};
use super::population::outsider_industry;

/// Share of purchases an importer makes abroad.
pub(super) const IMPORTED: f64 = 0.25;
/// Most ordinary invoices of a seller in a month: six digits of an invoice number less what is reserved.
pub(super) const INVOICES_MAX: u32 = 119_000;
/// Share of a general taxpayer's purchases that comes from standing suppliers.
const STANDING: f64 = 0.62;
/// Share of standing suppliers outside the province.
const OUTSIDE: f64 = 0.1;
/// Months of a year.
const YEAR: f64 = 12.0;

/// How a party sells in the ordinary way.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Selling {
    /// Mean number of invoices in an ordinary month.
    pub invoices: f32,
    /// Share of its invoiced sales that goes to linked buyers.
    pub linked: f32,
    /// Mean amount of an invoice, cents.
    pub ticket: i64,
}

/// All trade links.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Where each seller's buyers begin; one more than sellers.
    starts: Vec<u32>,
    buyers: Vec<u32>,
    /// Shares of a seller's linked sales, cumulated to the whole range of `u32`.
    cumulated: Vec<u32>,
    pub selling: Vec<Selling>,
}

/// What drawing links needs.
pub(super) struct Market<'a> {
    pub seed: u64,
    pub industries: &'a [Industry],
    pub offices: &'a [Office],
    pub firms: &'a [Firm],
    pub outsiders: u32,
    pub farmers: &'a [u32],
    pub months: usize,
}

/// What one firm buys from one party in an ordinary year, cents.
#[derive(Debug, Clone, Copy)]
struct Slot {
    seller: u32,
    buyer: u32,
    amount: f32,
}

impl Links {
    /// The buyer at this point (of the whole range of `u32`) of a seller's linked sales.
    pub(super) fn buyer(&self, seller: u32, point: u32) -> Option<u32> {
        let range = self.starts[seller as usize] as usize..self.starts[seller as usize + 1] as usize;
        let found = self.cumulated[range.clone()].partition_point(|end| *end <= point);
        self.buyers[range].get(found).copied()
    }

    /// Everyone a seller sells to in the ordinary way.
    pub(super) fn buyers(&self, seller: u32) -> &[u32] {
        &self.buyers[self.starts[seller as usize] as usize..self.starts[seller as usize + 1] as usize]
    }

    /// Number of a seller's buyers.
    pub(super) fn degree(&self, seller: u32) -> usize {
        self.buyers(seller).len()
    }

    /// Draws all links.
    pub(super) fn draw(market: &Market<'_>) -> Self {
        let suppliers = Suppliers::index(market);
        let buyers = 0..market.firms.len() as u32;
        let mut slots: Vec<Slot> =
            buyers.into_par_iter().flat_map_iter(|b| market.slots(b, &suppliers)).collect();
        market.ration(&mut slots);
        for (number, buyer) in (0u32..).zip(market.farmers) {
            let firm = &market.firms[*buyer as usize];
            let farm = market.industries[usize::from(firm.industry)].farm.as_ref().map_or(0.0, |f| f.share);
            let amount = market.budget(firm) * farm / firm.farmers().len().max(1) as f64;
            let seller = market.firms.len() as u32 + market.outsiders + number;
            slots.push(Slot { seller, buyer: *buyer, amount: amount as f32 });
        }
        Self::by_seller(market, &slots)
    }

    /// Counting sort by seller; links of a seller stay in the order of buyers.
    fn by_seller(market: &Market<'_>, slots: &[Slot]) -> Self {
        let parties = market.firms.len() + market.outsiders as usize + market.farmers.len();
        let mut starts = vec![0u32; parties + 1];
        let mut sums = vec![0.0f64; parties];
        for slot in slots {
            starts[slot.seller as usize + 1] += 1;
            sums[slot.seller as usize] += f64::from(slot.amount);
        }
        for seller in 0..parties {
            starts[seller + 1] += starts[seller];
        }
        let mut next = starts.clone();
        let mut running = vec![0.0f64; parties];
        let (mut buyers, mut cumulated) = (vec![0; slots.len()], vec![0; slots.len()]);
        for slot in slots {
            let seller = slot.seller as usize;
            let place = next[seller] as usize;
            next[seller] += 1;
            running[seller] += f64::from(slot.amount);
            buyers[place] = slot.buyer;
            let last = next[seller] == starts[seller + 1];
            let end = running[seller] / sums[seller].max(1e-9) * f64::from(u32::MAX);
            cumulated[place] = if last { u32::MAX } else { end as u32 };
        }
        let selling = (0..parties).map(|party| market.selling(party, sums[party])).collect();
        Self { starts, buyers, cumulated, selling }
    }

    /// Sets the mean numbers of invoices so that lines come to what was asked for, and the tickets that follow.
    pub(super) fn calibrate(&mut self, market: &Market<'_>, flows: &Flows, lines: f64, activity: &[f32]) {
        let farmers = market.firms.len() + market.outsiders as usize;
        let count = |sales: i64, shop: bool| (sales as f64 / 100.0).powf(0.6) * if shop { 1.6 } else { 1.0 };
        let mut weight = 0.0;
        for party in 0..farmers {
            let industry = market.industry(party);
            let selling = &mut self.selling[party];
            // `ticket` holds the month's invoiced sales until here.
            let share = count(selling.ticket, industry.rhythm == Rhythm::Shop);
            selling.invoices = share as f32;
            weight += share
                * industry.lines
                * f64::from(activity.get(party).copied().unwrap_or(market.months as f32));
        }
        let planned: f64 = flows
            .all()
            .iter()
            .map(|flow| {
                let months = f64::from(flow.months.1 - flow.months.0 + 1);
                1.5 * months * (flow.monthly as f64 / flow.ticket.max(1) as f64).max(1.0)
            })
            .sum();
        // A general taxpayer's orders outside: most months one invoice of two lines.
        let general = market.firms.iter().filter(|firm| firm.general && firm.annual > 0).count() as f64;
        let bought = (market.farmers.len() as f64 + general * 1.6) * market.months as f64;
        let factor = (lines - planned - bought).max(0.4 * lines) / weight.max(1.0);
        for (party, selling) in self.selling.iter_mut().enumerate() {
            let sales = selling.ticket as f64;
            let mean = if party < farmers { f64::from(selling.invoices) * factor } else { 1.0 };
            let industry = market.industry(party.min(farmers - 1));
            // No more invoices than there are vehicles.
            let vehicles = sales / industry.goods[0].price as f64;
            let mean = if industry.document.is_one_vehicle() { mean.min(vehicles) } else { mean };
            selling.invoices = mean.min(f64::from(INVOICES_MAX) * 0.6) as f32;
            selling.ticket = (sales / f64::from(selling.invoices).max(1e-6)) as i64;
        }
    }
}

impl Market<'_> {
    fn industry(&self, party: usize) -> &Industry {
        let index = match self.firms.get(party) {
            Some(firm) => firm.industry,
            None => outsider_industry((party - self.firms.len()) as u32, self.industries.len()),
        };
        &self.industries[usize::from(index)]
    }

    /// Purchases of an ordinary year within the country, cents.
    fn budget(&self, firm: &Firm) -> f64 {
        let home = if firm.traits.importer { 1.0 - IMPORTED } else { 1.0 };
        firm.annual as f64 * f64::from(firm.purchases) * home
    }

    /// Of these, what is bought through standing links. A general taxpayer orders the rest as its business goes
    /// (see [`super::balance`]).
    fn standing(&self, firm: &Firm) -> f64 {
        self.budget(firm) * if firm.general { STANDING } else { 1.0 }
    }

    /// Sales of an ordinary year on invoices to firms, cents.
    fn capacity(&self, firm: &Firm) -> f64 {
        let industry = &self.industries[usize::from(firm.industry)];
        let (consumers, exports) = other_channels(firm, industry);
        firm.annual as f64 * f64::from(firm.invoiced) * (1.0 - consumers - exports).max(0.05)
    }

    fn selling(&self, party: usize, linked: f64) -> Selling {
        let Some(firm) = self.firms.get(party) else {
            return Selling { invoices: 0.0, linked: 1.0, ticket: (linked / YEAR) as i64 };
        };
        let sales = firm.annual as f64 * f64::from(firm.invoiced);
        let share = if sales > 0.0 { linked / sales } else { 0.0 };
        Selling { invoices: 0.0, linked: share as f32, ticket: (sales / YEAR) as i64 }
    }

    /// What a firm buys, from whom: systematic over its inputs, so that every large input is there.
    fn slots(&self, buyer: u32, suppliers: &Suppliers) -> Vec<Slot> {
        let firm = &self.firms[buyer as usize];
        let industry = &self.industries[usize::from(firm.industry)];
        let farm = industry.farm.as_ref().map_or(0.0, |farm| farm.share);
        let budget = self.standing(firm) * (1.0 - farm);
        if budget < 100.0 {
            return Vec::new();
        }
        let dice = &mut Dice::of(self.seed, Purpose::Links, u64::from(buyer), 0);
        let size = (firm.annual as f64 / 300_000_000.0).powf(0.35);
        let count = (3 + dice.poisson(2.2 * size)).min(48) as usize;
        let weights: Vec<f64> = (0..count).map(|_| dice.lognormal(1.0, 0.5)).collect();
        let total: f64 = weights.iter().sum();
        let offset = dice.unit();
        let city = city_of(&self.offices[usize::from(firm.office)]);
        let slot = |(number, weight): (usize, &f64)| {
            let input = input_at(industry, (number as f64 + offset) / count as f64);
            let amount = budget * weight / total;
            let seller = suppliers.pick(dice, input, city, buyer, amount);
            Slot { seller: seller.unwrap_or_else(|| self.outside(dice, input)), buyer, amount: amount as f32 }
        };
        weights.iter().enumerate().map(slot).collect()
    }

    /// A supplier outside the province, the first ones of an industry far oftener.
    fn outside(&self, dice: &mut Dice, industry: u8) -> u32 {
        let all = self.industries.len() as u32;
        let count = (self.outsiders - u32::from(industry)).div_ceil(all).max(1);
        let number = (f64::from(count) * dice.unit().powi(3)) as u32;
        self.firms.len() as u32 + u32::from(industry) + number.min(count - 1) * all
    }

    /// Sellers asked for more than they can supply give everyone less; the rest comes from outside.
    fn ration(&self, slots: &mut Vec<Slot>) {
        let mut asked = vec![0.0f64; self.firms.len()];
        for slot in slots.iter() {
            if let Some(sum) = asked.get_mut(slot.seller as usize) {
                *sum += f64::from(slot.amount);
            }
        }
        let mut outside = Vec::new();
        for slot in slots.iter_mut() {
            let Some(firm) = self.firms.get(slot.seller as usize) else { continue };
            let factor = 0.85 * self.capacity(firm) / asked[slot.seller as usize];
            if factor < 1.0 {
                let amount = slot.amount * (1.0 - factor) as f32;
                slot.amount -= amount;
                let dice = &mut Dice::of(
                    self.seed,
                    Purpose::Links,
                    u64::from(slot.buyer),
                    u64::from(slot.seller) + 1,
                );
                outside.push(Slot { seller: self.outside(dice, firm.industry), buyer: slot.buyer, amount });
            }
        }
        slots.append(&mut outside);
    }
}

/// Shares of a firm's invoiced sales to consumers who ask for an invoice, and abroad.
pub(super) fn other_channels(firm: &Firm, industry: &Industry) -> (f64, f64) {
    let share = if industry.document == Document::Usual { 0.25 } else { 1.0 };
    let asked = industry.consumers * share / f64::from(firm.invoiced).max(0.05);
    (asked.min(0.9), if firm.traits.exporter { industry.exports } else { 0.0 })
}

/// Two digits of the region code.
fn city_of(office: &Office) -> usize {
    office.region[2..4].parse().unwrap_or(0)
}

/// The input industry at this point of the cumulated shares.
fn input_at(industry: &Industry, point: f64) -> u8 {
    let mut rest = point;
    for (input, share) in &industry.inputs {
        rest -= share;
        if rest < 0.0 {
            return *input;
        }
    }
    industry.inputs.last().map_or(0, |(input, _)| *input)
}

/// Firms by industry and city, with cumulated capacity.
struct Suppliers {
    lists: Vec<Vec<(f64, u32)>>,
    cities: usize,
    capacity: Vec<f32>,
}

impl Suppliers {
    fn index(market: &Market<'_>) -> Self {
        let cities = 1 + market.offices.iter().map(city_of).max().unwrap_or(0);
        let mut lists = vec![Vec::<(f64, u32)>::new(); market.industries.len() * cities];
        let mut capacities = Vec::with_capacity(market.firms.len());
        for (index, firm) in (0u32..).zip(market.firms) {
            let capacity = market.capacity(firm);
            capacities.push(capacity as f32);
            let open = f64::from(firm.closes.saturating_sub(firm.opens)) / market.months as f64;
            if capacity * open <= 0.0 {
                continue;
            }
            // City 0 is the whole province.
            for city in [0, city_of(&market.offices[usize::from(firm.office)])] {
                let list = &mut lists[usize::from(firm.industry) * cities + city];
                let before = list.last().map_or(0.0, |(sum, _)| *sum);
                list.push((before + capacity * open, index));
            }
        }
        Self { lists, cities, capacity: capacities }
    }

    /// A firm of the industry, likelier where it is big and near; `None`: from outside.
    fn pick(&self, dice: &mut Dice, industry: u8, city: usize, buyer: u32, amount: f64) -> Option<u32> {
        let place = match dice.unit() {
            far if far < OUTSIDE => return None,
            near if near < 0.72 => city,
            _ => 0,
        };
        let list = &self.lists[usize::from(industry) * self.cities + place];
        let total = list.last()?.0;
        let point = dice.unit() * total;
        let (_, seller) = list.get(list.partition_point(|(sum, _)| *sum <= point))?;
        let too_much = amount > 0.4 * f64::from(self.capacity[*seller as usize]);
        (*seller != buyer && !too_much).then_some(*seller)
    }
}
