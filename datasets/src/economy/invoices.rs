//! The invoices of a party and month: numbers only, no texts. A pure function of (seller, month), and every single
//! invoice of (seller, month, ordinal): a red invoice makes its original again to reverse it.
//!
//! # Ordinals
//! Six digits number the invoices of a seller and month, in bands: ordinary ones from 0, planned ones (flows) behind
//! them, then re-issues of voided ones, then red invoices by how many months back their original lies.

use std::ops::Range;

use super::dice::{Dice, Purpose, mix, unit};
use super::flows::{FLOW_INVOICES_MAX, Flow, FlowFate, Style};
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
pub(super) const KINDS: [&str; 6] =
    ["special", "ordinary", "e_special", "e_ordinary", "agri_purchase", "agri_own"];
const AGRI_PURCHASE: u8 = 4;
const AGRI_OWN: u8 = 5;

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
    /// Carries input tax that a general taxpayer may deduct.
    pub(super) fn special(&self) -> bool {
        matches!(self.kind, 0 | 2)
    }
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

/// What becomes of an invoice, as known at the end of the economy.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    Valid,
    Void { again: bool, claimed: bool },
    Reversed { lag: usize, part: Option<f64> },
    Flagged(u8),
}

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
    /// Where set, only blue invoices to these firms are made.
    only: Option<Range<u32>>,
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

    /// The same seller, of whose invoices only those to certain firms matter (red ones not at all): much cheaper
    /// where these are few.
    pub(super) fn only_to(mut self, firms: Range<u32>) -> Self {
        self.only = Some(firms);
        self
    }

    fn skips(&self, buyer: Buyer) -> bool {
        self.only.as_ref().is_some_and(|only| !matches!(buyer, Buyer::Party(party) if only.contains(&party)))
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
        let plan = self.plan?;
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

    /// Re-issues of invoices voided in the same month.
    fn again(&self, month: usize, count: u32, sheet: &mut Sheet) {
        if !self.paper {
            return;
        }
        for ordinal in 0..count {
            if matches!(self.outcome(month, ordinal), Outcome::Void { again: true, .. }) {
                let position = sheet.heads.len();
                self.ordinary(month, ordinal, count, sheet);
                let end = self.world.moments.end(month);
                let Some(head) = sheet.heads.get_mut(position) else { continue };
                // Minutes later; before the month ends, whatever the hour.
                let later = 180_000 + i64::from(ordinal % 37) * 60_000;
                head.at += later.min((end - head.at) / 2) / 1_000 * 1_000;
                (head.ordinal, head.status) = (BAND + ordinal, state::VALID);
                head.claimed = self.claim(month, head, 0.95);
            }
        }
    }

    /// Red invoices of this month for originals `lag` months back.
    fn reds(&self, month: usize, lag: usize, scratch: &mut Sheet, sheet: &mut Sheet) {
        let back = month - lag;
        let count = self.count(back);
        for ordinal in 0..count {
            if let Outcome::Reversed { lag: found, part } = self.outcome(back, ordinal)
                && found == lag
            {
                scratch.clear();
                self.ordinary(back, ordinal, count, scratch);
                self.reverse(back, month, part, scratch, sheet);
            }
        }
        if !self.flows.iter().any(|flow| flow.fate == FlowFate::Reversed && flow.planned(back).is_some()) {
            return;
        }
        scratch.clear();
        self.planned(back, scratch, Some(lag));
        let originals = std::mem::take(&mut scratch.heads);
        let mut one = Sheet { heads: Vec::new(), lines: std::mem::take(&mut scratch.lines) };
        for head in originals {
            one.heads = vec![head];
            self.reverse(back, month, None, &one, sheet);
        }
    }

    /// Appends the red invoice of the only invoice in `from`.
    fn reverse(&self, back: usize, month: usize, part: Option<f64>, from: &Sheet, sheet: &mut Sheet) {
        let original = from.heads[0];
        let lines = from.lines_of(&original);
        let first = sheet.lines.len() as u32;
        match part {
            // A return: some of the first goods come back.
            Some(part) => {
                let line = lines[0];
                let amount = (line.amount as f64 * part).round().max(1.0) as i64;
                let tax = tax_on(amount, i64::from(line.rate_bp)).min(line.tax);
                let quantity_e8 = -((line.quantity_e8 as f64 * part / 1e6).round() as i64).max(1) * 1_000_000;
                sheet.lines.push(Line { amount: -amount, tax: -tax, quantity_e8, ..line });
            }
            None => sheet.lines.extend(lines.iter().map(|line| Line {
                amount: -line.amount,
                tax: -line.tax,
                quantity_e8: -line.quantity_e8,
                ..*line
            })),
        }
        let lines = &sheet.lines[first as usize..];
        let (amount, tax) = lines.iter().fold((0, 0), |sum, line| (sum.0 + line.amount, sum.1 + line.tax));
        let from = original.at.max(self.world.moments.start(month));
        let span = self.world.moments.end(month) - from;
        let lot = self.lot(Purpose::Month, back, original.ordinal);
        let at = from + (1 + (span as f64 * 0.9 * lot) as i64) / 1_000 * 1_000;
        let lag = (month - back) as u32;
        sheet.heads.push(Head {
            ordinal: (2 + lag) * BAND + original.ordinal,
            status: state::RED,
            at: at.max(original.at + 1_000).min(self.world.moments.end(month) - 1_000),
            amount,
            tax,
            lines: (first, sheet.lines.len() as u32 - first),
            original: Some((back as u16, original.ordinal)),
            // On a red invoice: whether there is a claim to take back.
            ..original
        });
    }

    /// What becomes of an ordinary invoice.
    fn outcome(&self, month: usize, ordinal: u32) -> Outcome {
        let lot = self.lot(Purpose::Fate, month, ordinal);
        if lot >= self.mistakes {
            return Outcome::Valid;
        }
        // The lot is uniform below the rate: what is left of it decides the rest.
        let rest = lot / self.mistakes;
        if self.paper {
            return Outcome::Void { again: rest < 0.8, claimed: false };
        }
        let lag = if rest < 0.5 {
            0
        } else if rest < 0.9 {
            1
        } else {
            2
        };
        let digits = (rest * 10.0).fract();
        let part = (digits < 0.2).then_some(0.1 + digits * 2.5);
        self.if_still_there(month, lag, Outcome::Reversed { lag, part })
    }

    fn if_still_there(&self, month: usize, lag: usize, outcome: Outcome) -> Outcome {
        let closes = self.firm.map_or(usize::MAX, |firm| usize::from(firm.closes));
        if month + lag < self.world.months.len().min(closes) { outcome } else { Outcome::Valid }
    }

    fn ordinary(&self, month: usize, ordinal: u32, count: u32, sheet: &mut Sheet) {
        let dice = &mut self.dice(Purpose::Invoice, month, ordinal);
        let selling = &self.world.links.selling[self.party as usize];
        let buyer = self.buyer(month, selling.linked, dice);
        if self.skips(buyer) {
            return;
        }
        let night = self.mistakes > 0.0 && dice.unit() < 0.002;
        let at = self.world.moments.draw(month, self.industry.rhythm, self.rush, night, dice);
        let outcome = self.outcome(month, ordinal);
        let good = dice.below(self.industry.goods.len()) as u8;
        let service = self.good(self.industry_index, good).unit.is_empty();
        let ceiling = self.ceiling(month);
        let amount = match ceiling {
            Some(ceiling) => {
                parked(ceiling, ordinal, count, self.lot(Purpose::Month, month, ordinal / 2 + 1))
            }
            None => (selling.ticket as f64 * (dice.normal() * SPREAD - SPREAD * SPREAD / 2.0).exp()) as i64,
        };
        let mut draft = Draft {
            buyer,
            at,
            amount: amount.max(100),
            ordinal,
            good,
            industry: self.industry_index,
            lines: 1,
        };
        if let Some(plan) = self.plan
            && plan.is(SchemeKind::GoodsSwitch, month)
            && dice.unit() < f64::from(plan.strength)
        {
            draft.industry = self.world.switched;
            draft.good = dice.below(self.world.industries[usize::from(draft.industry)].goods.len()) as u8;
        }
        if self.processor.is_some() {
            draft.good = FARM;
        } else if service && ceiling.is_none() && dice.chance(0.4) {
            draft.amount = round_total(draft.amount, self.rate(draft.industry, good, buyer).0);
        } else {
            draft.lines = line_count(self.industry.lines, dice.unit());
        }
        self.write(month, draft, outcome, false, dice, sheet);
    }

    /// Planned invoices of a month; with `lag` only those reversed that many months later.
    fn planned(&self, month: usize, sheet: &mut Sheet, lag: Option<usize>) {
        let mut ordinal = FLOWS_FROM;
        for flow in self.flows {
            let Some(planned) = flow.planned(month) else { continue };
            let month_dice = &mut self.dice(Purpose::Month, month, ordinal);
            let level =
                planned * if flow.style == Style::Round { 1.0 } else { month_dice.lognormal(1.0, 0.08) };
            let count = (level / flow.ticket as f64).round().clamp(1.0, 3_000.0) as u32;
            for number in 0..count.min(ORDERS_FROM - ordinal) {
                let place = ordinal + number;
                let outcome = self.flow_outcome(flow, month, place);
                let wanted = lag.is_none_or(
                    |lag| matches!(outcome, Outcome::Reversed { lag: found, .. } if found == lag),
                );
                if wanted {
                    self.flow_invoice(flow, month, place, level / f64::from(count), outcome, sheet);
                }
            }
            ordinal = (ordinal + count).min(ORDERS_FROM);
        }
    }

    /// Sham sales and tax planned to one buyer (all buyers: `None`) in a month, voided ones left out.
    pub(super) fn sham(&self, month: usize, buyer: Option<u32>) -> (i64, i64) {
        if !self.flows.iter().any(|flow| flow.sham && flow.planned(month).is_some()) {
            return (0, 0);
        }
        let mut sheet = Sheet::default();
        self.planned(month, &mut sheet, None);
        let counts = |head: &&Head| {
            let to = buyer.is_none_or(|buyer| head.buyer == Buyer::Party(buyer));
            head.sham && to && head.status != state::VOID
        };
        sheet.heads.iter().filter(counts).fold((0, 0), |sum, head| (sum.0 + head.amount, sum.1 + head.tax))
    }

    /// Everything sold in a month, red invoices taken off.
    pub(super) fn sold(&self, month: usize, sheet: &mut Sheet) -> i64 {
        self.month(month, sheet);
        sheet.heads.iter().filter(|head| head.status != state::VOID).map(|head| head.amount).sum()
    }

    /// Orders of firms of the province that a seller outside it fills.
    pub(super) fn orders(&self, month: usize, sheet: &mut Sheet) {
        let outsider = self.party.checked_sub(self.world.taxpayers()).filter(|_| self.processor.is_none());
        let Some(outsider) = outsider else { return };
        let mut ordinal = ORDERS_FROM;
        for (buyer, amount) in self.world.orders.filled_by(outsider, month) {
            let count = (amount / 80_000_000).clamp(1, 6);
            let mut rest = amount;
            for number in 0..count {
                let dice = &mut self.dice(Purpose::Invoice, month, ordinal);
                let left = count - number;
                let part =
                    if left == 1 { rest } else { (rest as f64 / left as f64 * dice.range(0.6, 1.4)) as i64 };
                rest -= part;
                ordinal = (ordinal + 1).min(BAND);
                if self.skips(Buyer::Party(buyer)) || ordinal == BAND || part <= 0 {
                    continue;
                }
                let at = self.world.moments.draw(month, self.industry.rhythm, 1, false, dice);
                let good = dice.below(self.industry.goods.len()) as u8;
                let draft = Draft {
                    buyer: Buyer::Party(buyer),
                    at,
                    amount: part,
                    ordinal: ordinal - 1,
                    good,
                    industry: self.industry_index,
                    lines: 1 + dice.below(3) as u32,
                };
                self.write(month, draft, Outcome::Valid, false, dice, sheet);
            }
        }
    }

    fn flow_outcome(&self, flow: &Flow, month: usize, ordinal: u32) -> Outcome {
        match flow.fate {
            FlowFate::Stays => Outcome::Valid,
            FlowFate::VoidAfterClaim => Outcome::Void { again: false, claimed: true },
            FlowFate::Reversed => {
                let lag = if self.lot(Purpose::Fate, month, ordinal) < 0.7 { 1 } else { 2 };
                let lag = if month + lag < self.world.months.len() { lag } else { 1 };
                self.if_still_there(month, lag, Outcome::Reversed { lag, part: None })
            }
            FlowFate::LostControl => self.once_gone(state::LOST_CONTROL),
            FlowFate::Abnormal => self.once_gone(state::ABNORMAL),
        }
    }

    /// A mark that invoices of a seller get when it has vanished.
    fn once_gone(&self, status: u8) -> Outcome {
        let gone = self.firm.is_some_and(|firm| usize::from(firm.closes) < self.world.months.len());
        if gone { Outcome::Flagged(status) } else { Outcome::Valid }
    }

    fn flow_invoice(
        &self,
        flow: &Flow,
        month: usize,
        ordinal: u32,
        mean: f64,
        outcome: Outcome,
        sheet: &mut Sheet,
    ) {
        let dice = &mut self.dice(Purpose::Invoice, month, ordinal);
        let buyer = match flow.buyers.len() {
            0 => Buyer::Foreign(dice.below(12) as u8),
            count => Buyer::Party(flow.buyers[(ordinal as usize + dice.below(2)) % count]),
        };
        let shell = flow.style == Style::NearLimit;
        let night = dice.chance(if shell { 0.2 } else { 0.002 });
        let rush = if flow.fate == FlowFate::VoidAfterClaim { 4 } else { self.rush };
        let at = self.world.moments.draw(month, self.industry.rhythm, rush, night, dice);
        let industry = flow.goods.unwrap_or(self.industry_index);
        let good = dice.below(self.world.industries[usize::from(industry)].goods.len()) as u8;
        let (amount, lines) = match flow.style {
            Style::Usual => ((mean * dice.lognormal(1.0, 0.18)) as i64, 1 + dice.below(3) as u32),
            Style::NearLimit => {
                ((flow.ticket as f64 * dice.range(0.955, 0.9995)) as i64, 1 + dice.below(2) as u32)
            }
            Style::Round => {
                let rate = self.rate(industry, good, buyer).0;
                (amount_for_total(flow.ticket, rate).unwrap_or(flow.ticket), 1)
            }
        };
        let draft = Draft { buyer, at, amount: amount.max(100), ordinal, good, industry, lines };
        self.write(month, draft, outcome, flow.sham, dice, sheet);
    }

    /// Who buys, by channel; a linked firm that is not yet (or no longer) open is replaced by one from outside.
    fn buyer(&self, month: usize, linked: f32, dice: &mut Dice) -> Buyer {
        let (consumers, abroad) = self.channels;
        let (point, linked) = (dice.unit(), f64::from(linked));
        if point < linked {
            let buyer = self.world.links.buyer(self.party, (dice.bits() >> 32) as u32);
            if let Some(buyer) = buyer {
                let activity = self.world.presence(self.world.firm(buyer), month);
                if activity >= 1.0 || dice.unit() < activity || self.processor.is_some() {
                    return Buyer::Party(buyer);
                }
            }
            // A seller outside the province sells to somebody outside; that invoice is nobody's business here, so
            // the consumer stands for it.
            return if self.firm.is_some() { self.outside(dice) } else { Buyer::Consumer };
        }
        if point < linked + consumers {
            return if dice.chance(0.12) {
                Buyer::Person(dice.below(2 * self.world.firms.len()) as u32)
            } else {
                Buyer::Consumer
            };
        }
        if point < linked + consumers + abroad {
            return Buyer::Foreign(dice.below(12) as u8);
        }
        self.outside(dice)
    }

    /// One of this seller's few customers outside the province.
    fn outside(&self, dice: &mut Dice) -> Buyer {
        let own =
            mix(self.world.spec.seed, [Purpose::Links as u64, u64::from(self.party), dice.below(6) as u64]);
        Buyer::Party(self.world.taxpayers() + (own % u64::from(self.world.outsiders)) as u32)
    }

    /// Rate in basis points and preference of a good for a buyer.
    fn rate(&self, industry: u8, good: u8, buyer: Buyer) -> (i64, u8) {
        if matches!(buyer, Buyer::Foreign(_)) {
            return (0, 2);
        }
        let item = self.good(industry, good);
        if good == FARM || (item.exempt && self.firm.is_some_and(|firm| firm.traits.exempt)) {
            return (0, 1);
        }
        match (self.general, self.industry.code == "K7040") {
            (true, _) => (item.rate_bp, 0),
            (false, true) => (500, 0),
            (false, false) => (100, 0),
        }
    }

    fn write(
        &self,
        month: usize,
        draft: Draft,
        outcome: Outcome,
        sham: bool,
        dice: &mut Dice,
        sheet: &mut Sheet,
    ) {
        let first = sheet.lines.len() as u32;
        let (rate, preference) = self.rate(draft.industry, draft.good, draft.buyer);
        let mut rest = draft.amount;
        let mut tax = 0;
        for number in 0..draft.lines {
            let left = i64::from(draft.lines - number);
            // Uneven shares; every later line keeps at least a cent.
            let amount = if left == 1 || rest < 2 * left {
                rest - (left - 1).min(rest - 1)
            } else {
                ((rest as f64 / left as f64 * dice.range(0.25, 1.75)) as i64).clamp(1, rest - left)
            };
            let line = self.line(&draft, number, amount, rate, preference, dice);
            rest -= amount;
            tax += line.tax;
            sheet.lines.push(line);
            if rest == 0 {
                break;
            }
        }
        let special = rate > 0 && self.deducts(draft.buyer) && (self.general || draft.ordinal % 2 == 0);
        let kind = match (preference, self.paper, special) {
            _ if self.processor.is_some() => AGRI_PURCHASE,
            (1, _, _) if matches!(draft.buyer, Buyer::Party(_)) => AGRI_OWN,
            (_, true, true) => 0,
            (_, true, false) => 1,
            (_, false, true) => 2,
            (_, false, false) => 3,
        };
        let status = match outcome {
            Outcome::Valid => state::VALID,
            Outcome::Void { .. } => state::VOID,
            Outcome::Reversed { part: None, .. } => state::REVERSED,
            Outcome::Reversed { part: Some(_), .. } => state::PART_REVERSED,
            Outcome::Flagged(status) => status,
        };
        let mut head = Head {
            ordinal: draft.ordinal,
            buyer: draft.buyer,
            kind,
            status,
            at: draft.at,
            amount: draft.amount,
            tax,
            lines: (first, sheet.lines.len() as u32 - first),
            claimed: None,
            original: None,
            sham,
        };
        head.claimed = self.claimed(month, &head, outcome);
        sheet.heads.push(head);
    }

    fn line(
        &self,
        draft: &Draft,
        number: u32,
        amount: i64,
        rate: i64,
        preference: u8,
        dice: &mut Dice,
    ) -> Line {
        let goods = self.world.industries[usize::from(draft.industry)].goods.len() as u32;
        let good = if draft.good == FARM { FARM } else { ((u32::from(draft.good) + number) % goods) as u8 };
        // All lines of an invoice carry the first one's rate unless their goods have another.
        let (rate, preference) = if number == 0 || draft.good == FARM {
            (rate, preference)
        } else {
            self.rate(draft.industry, good, draft.buyer)
        };
        let item = self.good(draft.industry, good);
        let bits = dice.bits();
        let price = item.price as f64 * self.price_level * (0.94 + 0.12 * unit(bits));
        let quantity_e8 = match item.unit.as_str() {
            "" => 100_000_000,
            "吨" | "千克" | "立方米" | "米" | "平方米" | "吉焦" | "千瓦时" | "升" => {
                ((amount as f64 / price * 1_000.0).round().max(1.0) as i64) * 100_000
            }
            _ => ((amount as f64 / price).round().max(1.0) as i64) * 100_000_000,
        };
        let spec = if item.specs.is_empty() { 0 } else { (bits & 0xFFFF) as usize % item.specs.len() };
        let tax = tax_on(amount, rate);
        Line {
            industry: draft.industry,
            good,
            spec: spec as u8,
            quantity_e8,
            amount,
            tax,
            rate_bp: rate as i16,
            preference,
        }
    }

    /// Whether a buyer is one that asks for a special invoice.
    fn deducts(&self, buyer: Buyer) -> bool {
        match buyer {
            Buyer::Party(party) => self.world.firms.get(party as usize).is_none_or(|firm| firm.general),
            _ => false,
        }
    }

    fn claimed(&self, month: usize, head: &Head, outcome: Outcome) -> Option<u16> {
        match outcome {
            Outcome::Valid | Outcome::Flagged(_) => self.claim(month, head, 0.9),
            // Claimed at once, before it is voided.
            Outcome::Void { claimed: true, .. } => self.claim(month, head, 1.0),
            Outcome::Void { .. } => None,
            Outcome::Reversed { lag, part: None } => {
                self.claim(month, head, 0.9).filter(|claimed| usize::from(*claimed) < month + lag)
            }
            Outcome::Reversed { part: Some(_), .. } => self.claim(month, head, 1.0),
        }
    }

    /// Month in which a firm of the province claims the tax: most at once (with the probability given), some a month
    /// or two later, a few never.
    fn claim(&self, month: usize, head: &Head, at_once: f64) -> Option<u16> {
        let Buyer::Party(party) = head.buyer else { return None };
        let firm = self.world.firms.get(party as usize)?;
        if !firm.general || !head.special() {
            return None;
        }
        let lot = self.lot(Purpose::Claim, month, head.ordinal);
        let lag = if lot < at_once {
            0
        } else if lot < at_once + 0.08 {
            1
        } else if lot < at_once + 0.095 {
            2
        } else {
            return None;
        };
        let claimed = month + lag;
        let open = claimed < self.world.months.len() && claimed < usize::from(firm.closes);
        (open && claimed >= usize::from(firm.opens)).then_some(claimed as u16)
    }
}

/// An invoice before it has lines.
struct Draft {
    buyer: Buyer,
    at: i64,
    amount: i64,
    ordinal: u32,
    good: u8,
    industry: u8,
    lines: u32,
}

/// Tax on an amount in cents at a rate in basis points, rounded half away from zero.
pub(super) fn tax_on(amount: i64, rate_bp: i64) -> i64 {
    let tax = amount * rate_bp;
    (tax + 5_000 * tax.signum()) / 10_000
}

/// The amount whose total with tax is exactly `total` (cents); `None` for the few totals no amount reaches.
pub(super) fn amount_for_total(total: i64, rate_bp: i64) -> Option<i64> {
    let near = total * 10_000 / (10_000 + rate_bp);
    (near - 1..=near + 1).find(|amount| amount + tax_on(*amount, rate_bp) == total)
}

/// The amount nearest to one given whose total with tax is a round number.
fn round_total(amount: i64, rate_bp: i64) -> i64 {
    let total = amount + tax_on(amount, rate_bp);
    let step = if total > 2_000_000 { 100_000 } else { 10_000 };
    let round = ((total + step / 2) / step).max(1) * step;
    amount_for_total(round, rate_bp).unwrap_or(amount)
}

/// The amount of one invoice of a parked month: pairs of invoices above and below the mean add up to the line.
fn parked(ceiling: i64, ordinal: u32, count: u32, lot: f64) -> i64 {
    let mean = ceiling / i64::from(count.max(1));
    let swing = (mean as f64 * 0.8 * lot) as i64;
    match (ordinal % 2, ordinal + 1 == count) {
        (0, true) => mean,
        (0, false) => mean + swing,
        _ => mean - swing,
    }
}

/// Number of lines: geometric with this mean, at most 40.
fn line_count(mean: f64, unit: f64) -> u32 {
    if mean <= 1.0 {
        return 1;
    }
    let count = 1.0 + ((1.0 - unit).ln() / (1.0 - 1.0 / mean).ln()).floor();
    count.min(40.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tax_rounds_half_away_from_zero() {
        assert_eq!(tax_on(10_000, 1300), 1_300);
        assert_eq!(tax_on(50, 100), 1);
        assert_eq!(tax_on(-50, 100), -1);
        assert_eq!(tax_on(49, 100), 0);
    }

    #[test]
    fn a_round_total_is_reached_exactly() {
        assert_eq!(amount_for_total(113_000, 1300), Some(100_000));
        // 88,495.57 and its tax make 99,999.99, one cent more makes 100,000.01.
        assert_eq!(amount_for_total(10_000_000, 1300), None);
    }

    #[test]
    fn a_parked_month_stays_just_below_its_line() {
        for count in [2, 7, 30] {
            let sum: i64 = (0..count).map(|ordinal| parked(10_000_000, ordinal, count, 0.7)).sum();
            assert!(sum <= 10_000_000 && sum > 9_999_000, "{count}: {sum}");
        }
    }

    #[test]
    fn lines_have_the_mean_asked_for() {
        let mut dice = Dice::of(1, Purpose::Lines, 1, 1);
        let mean = (0..50_000).map(|_| f64::from(line_count(3.0, dice.unit()))).sum::<f64>() / 50_000.0;
        assert!((mean - 3.0).abs() < 0.05, "{mean}");
    }
}
