//! The invoices of a party and month: numbers only, no texts. A pure function of (seller, month), and every single
//! invoice of (seller, month, ordinal): a red invoice makes its original again to reverse it.
//!
//! # Ordinals
//! Six digits number the invoices of a seller and month, in bands: ordinary ones from 0, planned ones (flows) behind
//! them, then re-issues of voided ones, then red invoices by how many months back their original lies.

mod ordinary;
mod outcome;
mod planned;
mod reds;
mod write;

pub(super) use write::tax_on;

use super::dice::{Dice, Purpose, mix, unit};
use super::flows::{FLOW_INVOICES_MAX, Flow};
use super::industries::{Good, Industry};
use super::links::{INVOICES_MAX, other_channels};
use super::model::{Firm, World};
use super::moments::rush_class;
use super::population::outsider_industry;
use super::schemes::{SchemeKind, SchemePlan};

/// Ordinals of one band; ordinary and planned invoices share the first.
pub(super) const BAND: u32 = 140_000;
const FLOWS_FROM: u32 = BAND - FLOW_INVOICES_MAX;
/// Orders filled from outside have the last half of the planned ones' ordinals.
const ORDERS_FROM: u32 = BAND - FLOW_INVOICES_MAX / 2;
/// Most months between an invoice and its reversal.
const RED_LAG_MAX: usize = 2;
/// Deviation of the logarithm of amounts.
const SPREAD: f64 = 0.95;

/// Who receives an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Buyer {
    /// A party by index.
    Party(u32),
    /// A consumer without name.
    Consumer,
    /// A natural person with identity number, by person number.
    Person(u32),
    /// A customer abroad.
    Foreign(u8),
}

/// As in `invoice.kind`.
pub(super) const KINDS: [&str; 11] = [
    "special",
    "ordinary",
    "e_special",
    "e_ordinary",
    "agri_purchase",
    "agri_own",
    "vehicle",
    "used_car",
    "toll",
    "passenger",
    "customs",
];
/// Positions in [`KINDS`].
pub(super) mod kind {
    pub(crate) const SPECIAL: u8 = 0;
    pub(crate) const ORDINARY: u8 = 1;
    pub(crate) const E_SPECIAL: u8 = 2;
    pub(crate) const E_ORDINARY: u8 = 3;
    pub(crate) const AGRI_PURCHASE: u8 = 4;
    pub(crate) const AGRI_OWN: u8 = 5;
    pub(crate) const VEHICLE: u8 = 6;
    pub(crate) const USED_CAR: u8 = 7;
    pub(crate) const TOLL: u8 = 8;
    pub(crate) const PASSENGER: u8 = 9;
    pub(crate) const CUSTOMS: u8 = 10;
}

/// As in `invoice.status`.
pub(super) const STATES: [&str; 7] =
    ["valid", "void", "red", "reversed", "part_reversed", "lost_control", "abnormal"];
/// Positions in [`STATES`].
pub(super) mod state {
    pub(crate) const VALID: u8 = 0;
    pub(crate) const VOID: u8 = 1;
    pub(crate) const RED: u8 = 2;
    pub(crate) const REVERSED: u8 = 3;
    pub(crate) const PART_REVERSED: u8 = 4;
    pub(crate) const LOST_CONTROL: u8 = 5;
    pub(crate) const ABNORMAL: u8 = 6;
}

/// As in `invoice_line.preference`.
pub(super) const PREFERENCES: [&str; 3] = ["none", "exempt", "zero_rated"];

/// An invoice without its texts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Head {
    pub ordinal: u32,
    pub buyer: Buyer,
    /// Position in [`KINDS`].
    pub kind: u8,
    /// Position in [`STATES`].
    pub status: u8,
    /// Milliseconds since 1970, local time.
    pub at: i64,
    /// Without tax, cents; negative on a red invoice.
    pub amount: i64,
    pub tax: i64,
    /// First line in [`Sheet::lines`] and their number.
    pub lines: (u32, u32),
    /// Month in which the buyer claims the tax.
    pub claimed: Option<u16>,
    /// Month and ordinal of the invoice a red one reverses.
    pub original: Option<(u16, u32)>,
    /// Planned in a scheme.
    pub sham: bool,
}

impl Head {
    /// A special invoice or one that counts as such in the return (机动车销售统一发票).
    pub(super) fn special(&self) -> bool {
        matches!(self.kind, kind::SPECIAL | kind::E_SPECIAL | kind::VEHICLE)
    }

    /// Carries input tax that a general taxpayer may deduct.
    pub(super) fn deductible(&self) -> bool {
        self.special() || self.kind == kind::TOLL
    }

    /// Of the older kinds, which have a code beside the number.
    pub(super) fn paper(&self) -> bool {
        is_paper(self.kind)
    }
}

/// Whether a kind is of the older ones.
pub(super) fn is_paper(of: u8) -> bool {
    matches!(of, kind::SPECIAL | kind::ORDINARY | kind::VEHICLE | kind::USED_CAR)
}

/// A line of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub industry: u8,
    /// Position in the industry's goods; [`FARM`] for what its firms buy from farmers.
    pub good: u8,
    pub spec: u8,
    /// Times 10^8.
    pub quantity_e8: i64,
    pub amount: i64,
    pub tax: i64,
    pub rate_bp: i16,
    /// Position in [`PREFERENCES`].
    pub preference: u8,
}

/// Number of the good that farmers sell.
pub(super) const FARM: u8 = u8::MAX;

/// Invoices of one seller and month.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    pub heads: Vec<Head>,
    pub lines: Vec<Line>,
}

impl Sheet {
    fn clear(&mut self) {
        self.heads.clear();
        self.lines.clear();
    }

    /// Lines of an invoice.
    pub(super) fn lines_of(&self, head: &Head) -> &[Line] {
        &self.lines[head.lines.0 as usize..(head.lines.0 + head.lines.1) as usize]
    }
}

/// Whether the invoices of a party are wanted.
pub(super) type Wanted<'a> = &'a dyn Fn(u32) -> bool;

/// Everything about a seller that its invoices need.
pub(super) struct Seller<'a> {
    world: &'a World,
    party: u32,
    firm: Option<&'a Firm>,
    industry: &'a Industry,
    industry_index: u8,
    /// The firm a farmer sells to.
    processor: Option<u32>,
    plan: Option<&'a SchemePlan>,
    flows: &'a [Flow],
    general: bool,
    paper: bool,
    /// Shares of sales to consumers and abroad.
    channels: (f64, f64),
    /// Share of invoices with a mistake.
    mistakes: f64,
    rush: usize,
    price_level: f64,
    /// Where set, only blue invoices to these parties are made.
    only: Option<Wanted<'a>>,
}

impl<'a> Seller<'a> {
    pub(super) fn new(world: &'a World, party: u32) -> Self {
        let firms = world.taxpayers();
        let firm = world.firms.get(party as usize);
        let farmer = party.checked_sub(firms + world.outsiders);
        let processor = farmer.and_then(|number| world.farmers.get(number as usize)).copied();
        let industry_index = match (firm, processor) {
            (Some(firm), _) => firm.industry,
            (None, Some(processor)) => world.firm(processor).industry,
            _ => outsider_industry(party - firms, world.industries.len()),
        };
        let industry = &world.industries[usize::from(industry_index)];
        let mut dice = Dice::of(world.spec.seed, Purpose::Invoice, u64::from(party), u64::MAX);
        let plan = world.scheme(party);
        let rush = match plan.map(|plan| (plan.kind, plan.strength)) {
            Some((SchemeKind::MonthEndConcentration | SchemeKind::MonthEndSettlement, strength)) => {
                rush_class(f64::from(strength))
            }
            _ => dice.weighted(&[0.4, 0.4, 0.2]),
        };
        // A correction would carry sales of a parked month off its line.
        let parked = plan.is_some_and(|plan| {
            matches!(
                plan.kind,
                SchemeKind::SplitBusiness | SchemeKind::UnderGeneralLine | SchemeKind::FixedRent
            )
        });
        Self {
            world,
            party,
            firm,
            industry,
            industry_index,
            processor,
            plan,
            flows: world.flows.of(party),
            general: firm.is_none_or(|firm| firm.general),
            paper: firm.is_some_and(|firm| firm.traits.paper),
            channels: firm.map_or((0.0, 0.0), |firm| other_channels(firm, industry)),
            mistakes: if parked || processor.is_some() { 0.0 } else { dice.range(0.004, 0.03) },
            rush,
            price_level: dice.range(0.85, 1.2),
            only: None,
        }
    }

    /// The same seller, of whose invoices only those to certain parties matter (red ones not at all): much cheaper
    /// where these are few.
    pub(super) fn only_to(mut self, wanted: Wanted<'a>) -> Self {
        self.only = Some(wanted);
        self
    }

    fn skips(&self, buyer: Buyer) -> bool {
        self.only.is_some_and(|wanted| !matches!(buyer, Buyer::Party(party) if wanted(party)))
    }

    fn dice(&self, purpose: Purpose, month: usize, ordinal: u32) -> Dice {
        Dice::of(self.world.spec.seed, purpose, self.key(month), u64::from(ordinal))
    }

    fn key(&self, month: usize) -> u64 {
        u64::from(self.party) << 8 | month as u64
    }

    /// A number in `0..1` that decides something about one invoice.
    fn lot(&self, purpose: Purpose, month: usize, ordinal: u32) -> f64 {
        unit(mix(self.world.spec.seed, [purpose as u64, self.key(month), u64::from(ordinal)]))
    }

    fn good(&self, industry: u8, good: u8) -> &'a Good {
        self.world.good(industry, good)
    }

    /// Number of ordinary invoices in a month.
    fn count(&self, month: usize) -> u32 {
        let selling = &self.world.links.selling[self.party as usize];
        let season = self.industry.season[self.world.months[month].of_year()];
        let activity = self.firm.map_or(1.0, |firm| self.world.activity(firm, month));
        let mean = f64::from(selling.invoices) * season * activity * self.scale(month);
        if mean <= 0.0 {
            return 0;
        }
        let mut dice = self.dice(Purpose::Month, month, 0);
        if self.ceiling(month).is_some() {
            return mean.round().clamp(2.0, 60.0) as u32;
        }
        let busy = dice.lognormal(1.0, 0.12);
        dice.poisson(mean * busy).min(INVOICES_MAX)
    }

    /// What a scheme makes of the number of ordinary invoices.
    fn scale(&self, month: usize) -> f64 {
        if let Some(processor) = self.processor {
            let plan =
                self.world.scheme(processor).filter(|plan| plan.is(SchemeKind::InflatedFarmPurchases, month));
            let activity = self.world.activity(self.world.firm(processor), month);
            return activity * plan.map_or(1.0, |plan| f64::from(plan.strength));
        }
        match self.plan {
            Some(plan) if plan.is(SchemeKind::OffTheBooks, month) => 1.0 - f64::from(plan.strength),
            Some(plan) if plan.is(SchemeKind::PowerWithoutOutput, month) => 1.0 - f64::from(plan.strength),
            _ => 1.0,
        }
    }

    /// Sales of a month that is parked under a line.
    fn ceiling(&self, month: usize) -> Option<i64> {
        let plan = self.plan.filter(|plan| plan.acts(month))?;
        let parks = matches!(plan.kind, SchemeKind::SplitBusiness | SchemeKind::UnderGeneralLine);
        let short = 1.0 - 0.012 * self.lot(Purpose::Month, month, 0);
        parks.then(|| self.firm.map(|firm| (firm.annual as f64 / 12.0 * short) as i64)).flatten()
    }

    /// All invoices of a month, into a cleared sheet, in the order of ordinals.
    pub(super) fn month(&self, month: usize, sheet: &mut Sheet) {
        sheet.clear();
        let count = self.count(month);
        for ordinal in 0..count {
            self.ordinary(month, ordinal, count, sheet);
        }
        self.planned(month, sheet, None);
        self.orders(month, sheet);
        self.again(month, count, sheet);
        if self.only.is_some() {
            return;
        }
        let mut scratch = Sheet::default();
        for lag in 0..=RED_LAG_MAX.min(month) {
            self.reds(month, lag, &mut scratch, sheet);
        }
    }

    /// Everything sold in a month, red invoices taken off.
    pub(super) fn sold(&self, month: usize, sheet: &mut Sheet) -> i64 {
        self.month(month, sheet);
        sheet.heads.iter().filter(|head| head.status != state::VOID).map(|head| head.amount).sum()
    }
}
