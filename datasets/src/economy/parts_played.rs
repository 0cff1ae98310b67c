//! How each scheme (and each honest look-alike) sets up its firms and what they invoice. What touches only the books
//! is done there, by the plan.

use super::casting::{Director, line_of};
use super::dice::Dice;
use super::flows::{FlowFate, Style};
use super::model::{Fate, Firm, FirmKind};
use super::schemes::SchemeKind as K;

/// One instance with its cast.
pub(super) struct Scene {
    pub kind: K,
    pub members: Vec<u32>,
    pub users: Vec<u32>,
    pub months: (u16, u16),
    pub strength: f64,
    pub last: u16,
}

/// Cents in a million yuan.
const MILLION: f64 = 100_000_000.0;
/// Yearly sales, in cents, from which a firm's profit and assets are not those of a small one.
const LARGE: f64 = 120.0 * MILLION;

impl Scene {
    /// Sets up the firms and adds the flows.
    pub(super) fn play(&self, stage: &mut Director<'_>, dice: &mut Dice) {
        match self.kind {
            K::InvoiceMill => self.mill(stage, dice),
            K::AbnormalUpstream => self.upstream(stage, dice),
            K::CircularInvoicing => self.circle(stage),
            K::PassThroughChain => self.chain(stage),
            K::OutputWithoutPower => self.sold_to_users(stage, FlowFate::Stays),
            K::VoidAfterDeduction => self.sold_to_users(stage, FlowFate::VoidAfterClaim),
            K::RedAcrossYears => self.sold_to_users(stage, FlowFate::Reversed),
            K::SplitBusiness | K::UnderGeneralLine => self.park(stage),
            K::TakeoverSurge => self.takeover(stage, dice),
            K::IdleCreditRefundPurchases => self.bought_from_user(stage),
            K::CirculatingExports => self.exports(stage),
            K::ProfitShifting => self.shift(stage),
            K::DeregisterAndReturn => self.return_under_another_name(stage, dice),
            K::RepeatedRoundAmounts => self.repeat(stage),
            K::FixedRent => self.rent(stage, dice),
            K::OneBigCustomer => self.big_customer(stage),
            K::MutualProcessing => self.work_for_each_other(stage),
            K::FastGrower => self.grow(stage),
            K::SharedAddress => self.share_an_address(stage),
            K::LossMakingStartUp => self.start_up(stage, dice),
            K::HonestExporter => self.each(stage, |firm| firm.traits.exporter = true),
            _ => {}
        }
    }

    fn each(&self, stage: &mut Director<'_>, set: impl Fn(&mut Firm)) {
        self.members.iter().for_each(|firm| set(stage.firm(*firm)));
    }

    /// A shell: founded shortly before it acts, one person, one address with the others, gone soon after.
    fn shells(&self, stage: &mut Director<'_>, firms: &[u32], dice: &mut Dice) {
        let Some(origin) = firms.first().map(|firm| stage.firm(*firm).clone()) else { return };
        let first = stage.stage.months[usize::from(self.months.0)].minus(2).first_day();
        for index in firms {
            let firm = stage.firm(*index);
            firm.general = true;
            firm.registered_on = first + dice.below(50) as i32;
            (firm.opens, firm.closes) = (self.months.0, self.months.1 + 1);
            firm.fate = if self.months.1 < self.last { Fate::Abnormal } else { Fate::Lives };
            (firm.capital, firm.paid_in, firm.employees, firm.rating) = (1_000_000_000, 0, 1, 2);
            (firm.phone, firm.address, firm.device) = (origin.phone, origin.address, origin.device);
            firm.office = origin.office;
            (firm.people[1], firm.people[2]) = (origin.people[1], origin.people[1]);
            idle(firm);
        }
    }

    /// What these firms can take a month without drowning their real purchases, up to what is wanted.
    fn affordable(&self, stage: &mut Director<'_>, firms: &[u32], wanted: f64) -> f64 {
        let bought = |stage: &mut Director<'_>, firm: u32| {
            let firm = stage.firm(firm);
            firm.annual as f64 * f64::from(firm.purchases).min(1.0) / 12.0
        };
        let all: f64 = firms.iter().map(|firm| bought(stage, *firm)).sum();
        wanted.min(0.7 * all).max(2.2 * MILLION)
    }

    fn mill(&self, stage: &mut Director<'_>, dice: &mut Dice) {
        self.shells(stage, &self.members, dice);
        for (turn, mill) in self.members.iter().enumerate() {
            let mut users = self.users.clone();
            if users.is_empty() {
                return;
            }
            users.rotate_left(turn % self.users.len());
            let wanted = self.strength * MILLION * self.members.len() as f64;
            let monthly = self.affordable(stage, &users, wanted) / self.members.len() as f64;
            let flow = stage.flow(*mill, &users, self.months, monthly.max(2.2 * MILLION));
            (flow.style, flow.ticket, flow.fate) = (Style::NearLimit, 10_000_000, FlowFate::LostControl);
        }
    }

    fn upstream(&self, stage: &mut Director<'_>, dice: &mut Dice) {
        self.shells(stage, &self.members, dice);
        let path: Vec<u32> = self.members.iter().chain(&self.users).copied().collect();
        let goods = stage.firm(path[0]).industry;
        let first = self.affordable(stage, &path[path.len() - 1..], self.strength * MILLION);
        for (step, pair) in path.windows(2).enumerate() {
            let monthly = first * 1.02f64.powi(step as i32);
            let flow = stage.flow(pair[0], &pair[1..], self.months, monthly);
            flow.goods = Some(goods);
            flow.fate = if step == 0 { FlowFate::Abnormal } else { FlowFate::Stays };
        }
    }

    fn circle(&self, stage: &mut Director<'_>) {
        let count = self.members.len();
        for (index, firm) in self.members.iter().enumerate() {
            let next = self.members[(index + 1) % count];
            let goods = stage.firm(self.members[0]).industry;
            let flow = stage.flow(*firm, &[next], self.months, self.strength * MILLION);
            flow.goods = Some(goods);
        }
    }

    fn chain(&self, stage: &mut Director<'_>) {
        let path: Vec<u32> = self.members.iter().chain(&self.users).copied().collect();
        let goods = stage.firm(path[0]).industry;
        let source = stage.outsider(goods);
        let flow = stage.flow(source, &path[..1], self.months, self.strength * MILLION * 0.99);
        flow.sham = false;
        for (step, pair) in path.windows(2).enumerate() {
            let monthly = self.strength * MILLION * 1.003f64.powi(step as i32);
            stage.flow(pair[0], &pair[1..], self.months, monthly).goods = Some(goods);
        }
        // They live on the chain: little trade of their own, hardly any staff.
        self.each(stage, |firm| {
            firm.employees = firm.employees.min(2);
            shrink(firm, 0.1);
        });
    }

    /// Sham sales in proportion to the real ones.
    fn sold_to_users(&self, stage: &mut Director<'_>, fate: FlowFate) {
        let most = self.affordable(stage, &self.users, f64::MAX);
        let months = if fate == FlowFate::Reversed { (self.months.0, self.months.0) } else { self.months };
        if self.users.is_empty() {
            return;
        }
        for index in &self.members {
            let firm = stage.firm(*index);
            firm.traits.paper = fate == FlowFate::VoidAfterClaim;
            let monthly = (firm.annual as f64 / 12.0 * self.strength).min(most);
            let ticket = firm.ticket.max(3_000_000);
            let flow = stage.flow(*index, &self.users, months, monthly);
            (flow.fate, flow.ticket) = (fate, flow.ticket.max(ticket));
        }
    }

    /// Sales of every month end just under a line.
    fn park(&self, stage: &mut Director<'_>) {
        let origin = stage.firm(self.members[0]).clone();
        let monthly = line_of(self.kind) as f64 * self.strength;
        for index in &self.members {
            let firm = stage.firm(*index);
            firm.annual = (monthly * 12.0) as i64;
            (firm.growth, firm.invoiced) = (0.0, 1.0);
            firm.traits.exempt = false;
            if self.kind == K::SplitBusiness {
                firm.people[0] = origin.people[0];
                (firm.address, firm.phone, firm.office) = (origin.address, origin.phone, origin.office);
                firm.industry = origin.industry;
            }
        }
    }

    fn takeover(&self, stage: &mut Director<'_>, dice: &mut Dice) {
        let customers = stage.bystanders(6, dice);
        for index in &self.members {
            let firm = stage.firm(*index);
            idle(firm);
            firm.opens = self.months.0;
            firm.employees = 2;
            let flow = stage.flow(*index, &customers, self.months, self.strength * MILLION);
            (flow.style, flow.ticket) = (Style::NearLimit, 10_000_000);
        }
    }

    fn bought_from_user(&self, stage: &mut Director<'_>) {
        let (Some(supplier), Some(buyer)) = (self.users.first().copied(), self.members.first().copied())
        else {
            return;
        };
        let firm = stage.firm(buyer);
        // Nobody else gets a refund to drive purchases by.
        firm.rating = firm.rating.min(1);
        (firm.traits.software, firm.traits.welfare) = (false, false);
        let monthly = firm.annual as f64 * f64::from(firm.purchases) / 12.0 * self.strength;
        stage.flow(supplier, &[buyer], self.months, monthly);
    }

    fn exports(&self, stage: &mut Director<'_>) {
        let (Some(supplier), Some(exporter)) = (self.users.first().copied(), self.members.first().copied())
        else {
            return;
        };
        let firm = stage.firm(exporter);
        firm.traits.exporter = true;
        firm.traits.importer = true;
        let goods = firm.industry;
        stage.flow(supplier, &[exporter], self.months, self.strength * MILLION).goods = Some(goods);
        stage.flow(exporter, &[], self.months, self.strength * MILLION * 1.04);
    }

    fn shift(&self, stage: &mut Director<'_>) {
        let (Some(affiliate), Some(payer)) = (self.users.first().copied(), self.members.first().copied())
        else {
            return;
        };
        // Beyond a small enterprise of low profit, which is taxed lower than the affiliate.
        let firm = stage.firm(payer);
        let growth = (LARGE / firm.annual as f64).max(1.0);
        firm.annual = (firm.annual as f64 * growth) as i64;
        firm.employees = (f64::from(firm.employees) * growth) as _;
        let (annual, rep) = (firm.annual, firm.people[0]);
        stage.firm(affiliate).people[0] = rep;
        stage.firm(affiliate).traits.high_tech = true;
        let monthly = annual as f64 / 12.0 * self.strength;
        let flow = stage.flow(affiliate, &[payer], self.months, monthly);
        (flow.style, flow.ticket) = (Style::Round, round_ticket(monthly / 2.0));
    }

    /// The first firm ends with debts, the second opens with its people and its customers.
    fn return_under_another_name(&self, stage: &mut Director<'_>, dice: &mut Dice) {
        let (first, second) = (self.members[0], self.members[1]);
        let end = (self.last / 3 + dice.below(usize::from(self.last / 3).max(1)) as u16).max(3);
        let old = stage.firm(first);
        (old.closes, old.fate) = (end, Fate::Deregistered);
        let old = old.clone();
        let born = stage.stage.months[usize::from(end)].minus(1).first_day() + dice.below(25) as i32;
        let strength = self.strength;
        let new = stage.firm(second);
        (new.opens, new.registered_on, new.closes) = (end, born, self.last + 1);
        (new.people, new.address, new.phone, new.device) = (old.people, old.address, old.phone, old.device);
        (new.office, new.industry, new.general) = (old.office, old.industry, old.general);
        (new.annual, new.invoiced) = ((old.annual as f64 * strength) as i64, old.invoiced);
        (new.purchases, new.wage_share, new.employees) = (old.purchases, old.wage_share, old.employees);
        (new.kind, new.rating, new.traits) = (FirmKind::Enterprise, 2, old.traits);
    }

    fn repeat(&self, stage: &mut Director<'_>) {
        let users = self.users.clone();
        if users.is_empty() {
            return;
        }
        for index in &self.members {
            let monthly = self.strength * MILLION;
            let flow = stage.flow(*index, &users[..1], self.months, monthly);
            (flow.style, flow.ticket) = (Style::Round, round_ticket(monthly / 7.0));
        }
    }

    /// Honest: the same rent for every floor, every month.
    fn rent(&self, stage: &mut Director<'_>, dice: &mut Dice) {
        for index in &self.members {
            let tenants = stage.bystanders(8, dice);
            let firm = stage.firm(*index);
            firm.annual = firm.annual.max(300_000_000);
            let monthly = firm.annual as f64 / 12.0;
            shrink(firm, 0.02);
            firm.purchases *= 50.0;
            for tenant in &tenants {
                let share = monthly / tenants.len() as f64;
                let flow = stage.flow(*index, std::slice::from_ref(tenant), (0, self.last), share);
                (flow.style, flow.ticket, flow.sham) = (Style::Round, round_ticket(share / 2.0), false);
            }
        }
    }

    fn big_customer(&self, stage: &mut Director<'_>) {
        let Some(customer) = self.users.first().copied() else { return };
        for index in &self.members {
            let firm = stage.firm(*index);
            let monthly = firm.annual as f64 / 12.0 * self.strength;
            let share = 1.0 - self.strength;
            shrink(firm, share);
            // It still buys for all it sells.
            firm.purchases /= share as f32;
            stage.flow(*index, &[customer], (0, self.last), monthly).sham = false;
        }
    }

    fn work_for_each_other(&self, stage: &mut Director<'_>) {
        let pair = [self.members[0], self.members[1]];
        let monthly =
            stage.firm(pair[0]).annual.min(stage.firm(pair[1]).annual) as f64 / 12.0 * self.strength;
        for (seller, buyer) in [(pair[0], pair[1]), (pair[1], pair[0])] {
            stage.flow(seller, &[buyer], (0, self.last), monthly).sham = false;
        }
    }

    fn grow(&self, stage: &mut Director<'_>) {
        let start = (self.last / 4).max(1);
        let born = stage.stage.months[usize::from(start)].minus(1).first_day() + 12;
        for index in &self.members {
            let firm = stage.firm(*index);
            (firm.opens, firm.registered_on, firm.rating) = (start, born, 2);
            firm.annual = firm.annual.clamp(500_000_000, 900_000_000);
            (firm.growth, firm.employees, firm.paid_in) = (self.strength as f32, 46, firm.capital);
            let bought = firm.annual as f64 / 12.0 * f64::from(firm.purchases) * 0.8;
            let industry = firm.industry;
            // What it buys grows with what it sells; the ordinary links do not.
            let (from, code) = (start, stage.stage.industries[usize::from(industry)].inputs[0].0);
            let source = stage.outsider(code);
            let flow = stage.flow(source, &[*index], (from, self.last), bought);
            (flow.growth, flow.sham) = (self.strength, false);
        }
    }

    fn share_an_address(&self, stage: &mut Director<'_>) {
        let origin = stage.firm(self.members[0]).clone();
        self.each(stage, |firm| {
            (firm.address, firm.office) = (origin.address, origin.office);
            firm.traits.shared_address = true;
        });
    }

    fn start_up(&self, stage: &mut Director<'_>, dice: &mut Dice) {
        let first = stage.stage.months[0].first_day();
        for index in &self.members {
            let born = first - dice.between(60, 400) as i32;
            let firm = stage.firm(*index);
            (firm.registered_on, firm.rating) = (born, 2);
            firm.annual = firm.annual.clamp(80_000_000, 500_000_000);
            firm.wage_share += self.strength as f32 + 0.3;
            firm.employees = (firm.annual as f64 * f64::from(firm.wage_share) / 9_000_000.0).ceil() as u32;
            firm.paid_in = firm.capital;
        }
    }
}

/// No ordinary trade at all.
fn idle(firm: &mut Firm) {
    (firm.annual, firm.growth, firm.purchases, firm.wage_share) = (0, 0.0, 0.0, 0.0);
    let traits = firm.traits;
    firm.traits = super::model::Traits { agency: traits.agency, ..Default::default() };
}

/// Keeps this share of the ordinary trade.
fn shrink(firm: &mut Firm, share: f64) {
    firm.annual = (firm.annual as f64 * share) as i64;
}

/// A round total in whole thousands of yuan, in cents.
fn round_ticket(cents: f64) -> i64 {
    ((cents / 100_000.0).round() as i64).max(1) * 100_000
}
