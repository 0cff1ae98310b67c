//! Builds an economy step by step: population, cast, links, ledger.

use super::balance::Orders;
use super::calendar::Month;
use super::casting::{self, Stage};
use super::definitions;
use super::flows::Flows;
use super::imports;
use super::ledger::Ledger;
use super::links::{Links, Market};
use super::model::{Firm, World};
use super::moments::Moments;
use super::offices::offices;
use super::population::{self, Population};
use super::{Economy, EconomyError, EconomySpec, MONTHS_MAX, MONTHS_MIN, TAXPAYERS_MAX, TAXPAYERS_MIN};

pub(super) fn build(spec: &EconomySpec) -> Result<Economy, EconomyError> {
    let mut world = world(spec)?;
    let (mut ledger, real) = Ledger::sum(&world);
    world.orders = Orders::of(&world, &real);
    ledger.add_orders(&world);
    Ok(Economy { world, ledger, cache: Default::default() })
}

fn world(spec: &EconomySpec) -> Result<World, EconomyError> {
    let months = months(spec)?;
    let industries = definitions::industries()?;
    let offices = offices(spec.taxpayers);
    let population = Population::new(spec, &months, &industries, &offices);
    let mut firms = population.firms();
    let cast = casting::cast(Stage {
        seed: spec.seed,
        months: &months,
        industries: &industries,
        firms: &mut firms,
    })?;
    let outsiders = population::outsiders(spec, &industries);
    let farmers = farmers(&mut firms, outsiders, &population);
    let houses = imports::houses(&firms, &offices);
    let (ids, names) = population::texts(&population, &firms, &farmers, &houses);
    let mut world = World {
        moments: Moments::new(&months),
        switched: industries.iter().position(|industry| industry.code == "F5176").unwrap_or(0) as u8,
        counties: counties(&offices),
        flows: Flows::new(cast.flows),
        links: Links::default(),
        orders: Orders::default(),
        plan_of: cast.plan_of,
        plans: cast.plans,
        spec: spec.clone(),
        months: months.clone(),
        outsiders,
        industries: Vec::new(),
        offices: Vec::new(),
        firms: Vec::new(),
        farmers: Vec::new(),
        houses,
        ids,
        names,
    };
    let activity: Vec<f32> =
        firms.iter().map(|firm| busy_months(&world, &months, &industries, firm)).collect();
    let market = Market {
        seed: spec.seed,
        industries: &industries,
        offices: &offices,
        firms: &firms,
        outsiders,
        farmers: &farmers,
        months: months.len(),
    };
    let mut links = Links::draw(&market);
    let lines = spec.lines_per_taxpayer_month * spec.taxpayers as f64 * spec.months as f64;
    links.calibrate(&market, &world.flows, lines, &activity);
    for (firm, selling) in firms.iter_mut().zip(&links.selling) {
        (firm.invoices, firm.ticket) = (selling.invoices, selling.ticket);
    }
    (world.links, world.industries, world.offices) = (links, industries, offices);
    (world.firms, world.farmers) = (firms, farmers);
    Ok(world)
}

/// Sales of all months relative to those of an ordinary one.
fn busy_months(
    world: &World,
    months: &[Month],
    industries: &[super::industries::Industry],
    firm: &Firm,
) -> f32 {
    let season = &industries[usize::from(firm.industry)].season;
    let busy = |(index, month): (usize, &Month)| world.activity(firm, index) * season[month.of_year()];
    months.iter().enumerate().map(busy).sum::<f64>() as f32
}

/// Farmers of the firms that buy from them, by firm.
fn farmers(firms: &mut [Firm], outsiders: u32, population: &Population<'_>) -> Vec<u32> {
    let first = firms.len() as u32 + outsiders;
    let mut farmers = Vec::new();
    for (index, firm) in (0u32..).zip(firms.iter_mut()) {
        let industry = &population.industries[usize::from(firm.industry)];
        firm.traits.agri = industry.farm.is_some() && firm.annual > 0;
        let Some(farm) = industry.farm.as_ref().filter(|_| firm.annual > 0) else { continue };
        let bought = firm.annual as f64 * f64::from(firm.purchases) * farm.share;
        // About 40,000 yuan a farmer and month.
        let count = (bought / 12.0 / 4_000_000.0).clamp(3.0, 400.0) as u32;
        let start = first + farmers.len() as u32;
        firm.farmers = (start, start + count);
        farmers.extend(std::iter::repeat_n(index, count as usize));
    }
    farmers
}

fn counties(offices: &[super::model::Office]) -> Vec<u16> {
    (0u16..).zip(offices).filter(|(_, office)| office.level == 3).map(|(index, _)| index).collect()
}

fn months(spec: &EconomySpec) -> Result<Vec<Month>, EconomyError> {
    let wrong =
        |parameter, value: String, range: String| Err(EconomyError::Parameter { parameter, value, range });
    if !(TAXPAYERS_MIN..=TAXPAYERS_MAX).contains(&spec.taxpayers) {
        return wrong("taxpayers", spec.taxpayers.to_string(), format!("{TAXPAYERS_MIN} to {TAXPAYERS_MAX}"));
    }
    if !(MONTHS_MIN..=MONTHS_MAX).contains(&spec.months) {
        return wrong("months", spec.months.to_string(), format!("{MONTHS_MIN} to {MONTHS_MAX}"));
    }
    let lines = spec.lines_per_taxpayer_month;
    if !(1.0..=2_000.0).contains(&lines) {
        return wrong("lines_per_taxpayer_month", lines.to_string(), "1 to 2000".to_owned());
    }
    let Some(first) = Month::new(spec.start) else {
        return wrong("start", spec.start.to_string(), "a month as YYYYMM, e.g. 202511".to_owned());
    };
    Ok((0..spec.months).map(|count| first.plus(count)).collect())
}
