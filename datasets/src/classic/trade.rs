//! Honest trade: who buys from whom, each month's invoices, purchases from outside, and the mistakes that are voided
//! or reversed. Schemes are added by `schemes`.

use std::collections::HashSet;

use chrono::{Duration, NaiveDate, NaiveDateTime};

use super::calendar::{Rhythm, business_time, month_weights, night_time};
use super::firms::{Firm, World};
use super::industries::Stage;
use super::rng::Rng;

/// One side of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Party {
    /// Index into the firms.
    Firm(usize),
    /// Index into the outsiders.
    Outsider(usize),
    /// Someone without an id.
    Consumer,
}

/// An invoice before it has a number.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub seller: Party,
    pub buyer: Party,
    pub at: NaiveDateTime,
    /// Index into the months.
    pub month: usize,
    /// Without tax, cents; negative on a red invoice.
    pub amount: i64,
    /// Cents, always the amount times the rate, rounded half away from zero.
    pub tax: i64,
    pub rate_bp: i64,
    pub kind: &'static str,
    pub status: &'static str,
    /// Position of the invoice a red one reverses.
    pub original: Option<usize>,
    /// Belongs to a planted scheme.
    pub planted: bool,
}

impl Draft {
    /// Counts in the books: not void.
    pub(super) fn in_force(&self) -> bool {
        self.status != "void"
    }
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

/// The rate a firm sells at, basis points: small-scale taxpayers pay 1 percent.
pub(super) fn rate_of(firm: &Firm) -> i64 {
    if firm.small { 100 } else { firm.industry.rate_bp }
}

/// Writes invoices for one purpose, from one stream of random numbers.
pub(super) struct Trader<'a> {
    pub world: &'a World,
    pub rng: Rng,
    pub drafts: Vec<Draft>,
    /// Who sells to whom in the province, seller first.
    linked: HashSet<(usize, usize)>,
}

/// What a planned invoice says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deal {
    pub seller: usize,
    pub buyer: Party,
    pub month: usize,
    /// Without tax, cents.
    pub amount: i64,
    pub at: NaiveDateTime,
    pub planted: bool,
}

/// Customers of a firm, each with a share of its sales.
type Links = Vec<(Party, f64)>;

impl<'a> Trader<'a> {
    /// A trader with nothing written yet.
    pub(super) fn new(world: &'a World, rng: Rng) -> Self {
        Self { world, rng, drafts: Vec::new(), linked: HashSet::new() }
    }

    /// Writes an invoice; returns its position.
    pub(super) fn write(&mut self, deal: Deal) -> usize {
        let seller = &self.world.firms[deal.seller];
        let deducts = match deal.buyer {
            Party::Firm(index) => !self.world.firms[index].small,
            Party::Outsider(_) => true,
            Party::Consumer => false,
        };
        let special = deducts && (!seller.small || self.rng.chance(0.5));
        let kind = match (seller.conduct.paper, special) {
            (true, true) => "special",
            (true, false) => "ordinary",
            (false, true) => "e_special",
            (false, false) => "e_ordinary",
        };
        let rate_bp = rate_of(seller);
        let (amount, tax) = (deal.amount, tax_on(deal.amount, rate_bp));
        self.drafts.push(Draft {
            seller: Party::Firm(deal.seller),
            buyer: deal.buyer,
            at: deal.at,
            month: deal.month,
            amount,
            tax,
            rate_bp,
            kind,
            status: "valid",
            original: None,
            planted: deal.planted,
        });
        self.drafts.len() - 1
    }

    /// Everything the firms sell in the ordinary way, month by month.
    pub(super) fn sell(&mut self) {
        for seller in 0..self.world.firms.len() {
            let links = self.customers(seller);
            for month in 0..self.world.months.len() {
                if self.world.firms[seller].conduct.fixed_fees {
                    self.bill_fees(seller, month, &links);
                } else {
                    self.sell_month(seller, month, &links);
                }
            }
        }
    }

    /// Draws the customers of a firm: firms that use what it sells, outsiders, consumers.
    fn customers(&mut self, seller: usize) -> Links {
        let firm = &self.world.firms[seller];
        let consumers = firm.industry.consumers;
        let mut links = self.local_customers(seller, (1.0 - consumers) * 0.62);
        let local: f64 = links.iter().map(|(_, share)| share).sum();
        let outside = self.shares(5, 11);
        for share in outside {
            let party = self.outside_customer();
            links.push((party, share * (1.0 - consumers - local)));
        }
        if consumers > 0.0 {
            links.push((Party::Consumer, consumers));
        }
        if let Some(top) = firm.conduct.top_customer {
            let total: f64 = links[1..].iter().map(|(_, share)| share).sum();
            links[0].1 = total * top / (1.0 - top);
        }
        links
    }

    /// A customer outside the province. The first half of the outsiders buys, the second half sells.
    pub(super) fn outside_customer(&mut self) -> Party {
        Party::Outsider(self.rng.below(self.world.outsiders.len() / 2))
    }

    fn outside_supplier(&mut self) -> usize {
        let half = self.world.outsiders.len() / 2;
        half + self.rng.below(self.world.outsiders.len() - half)
    }

    /// Customers in the province. None takes more than half of its purchases from one seller.
    fn local_customers(&mut self, seller: usize, part: f64) -> Links {
        let firm = &self.world.firms[seller];
        let mut readiness: Vec<f64> =
            self.world.firms.iter().map(|buyer| readiness(firm.industry.stage, buyer)).collect();
        readiness[seller] = 0.0;
        // A firm seldom buys from its own customers.
        for (index, readiness) in readiness.iter_mut().enumerate() {
            *readiness *= if self.linked.contains(&(index, seller)) { 0.1 } else { 1.0 };
        }
        let most = 6 + (firm.conduct.annual / 8_000_000.0).min(24.0) as usize;
        let mut links: Links = Vec::new();
        for share in self.shares(4, most) {
            if readiness.iter().sum::<f64>() <= 0.0 {
                break;
            }
            let index = self.rng.weighted(&readiness);
            readiness[index] = 0.0;
            self.linked.insert((seller, index));
            let buyer = &self.world.firms[index].conduct;
            let limit = 0.5 * buyer.annual * buyer.purchases / firm.conduct.annual.max(1.0);
            links.push((Party::Firm(index), (share * part).min(limit)));
        }
        links
    }

    /// Between `low` and `high` uneven shares that add up to 1.
    fn shares(&mut self, low: usize, high: usize) -> Vec<f64> {
        let count = self.rng.between(low, high.max(low));
        let raw: Vec<f64> = (0..count).map(|_| self.rng.lognormal(1.0, 0.7)).collect();
        let total: f64 = raw.iter().sum();
        raw.into_iter().map(|share| share / total).collect()
    }

    fn sell_month(&mut self, seller: usize, month: usize, links: &Links) {
        let firm = &self.world.firms[seller];
        let season = firm.industry.season[self.world.months[month].of_year()];
        let usual = firm.conduct.annual / 12.0 * season * firm.conduct.activity[month];
        let sales = match firm.conduct.ceiling {
            Some(ceiling) => ceiling * self.rng.range(0.945, 0.996),
            None => usual * self.rng.lognormal(1.0, 0.12),
        };
        if sales < 500.0 {
            return;
        }
        let count = (sales / firm.conduct.ticket * self.rng.lognormal(1.0, 0.12)).round().max(1.0) as usize;
        let weights: Vec<f64> = links.iter().map(|(_, share)| *share).collect();
        for amount in self.split(sales, count) {
            let (buyer, _) = links[self.rng.weighted(&weights)];
            let at = self.moment(seller, month);
            self.write(Deal { seller, buyer, month, amount, at, planted: false });
        }
        self.sham_voids(seller, month, links, count);
    }

    /// Splits yuan into `count` amounts in cents that add up exactly, none below one yuan.
    fn split(&mut self, yuan: f64, count: usize) -> Vec<i64> {
        let raw: Vec<f64> = (0..count).map(|_| self.rng.lognormal(1.0, 0.95)).collect();
        let total: f64 = raw.iter().sum();
        let cents = (yuan * 100.0).round() as i64;
        let mut amounts: Vec<i64> =
            raw.iter().map(|part| ((part / total * cents as f64) as i64).max(100)).collect();
        let rest = cents - amounts.iter().sum::<i64>();
        if let Some(largest) = amounts.iter_mut().max() {
            *largest = (*largest + rest).max(100);
        }
        amounts
    }

    /// A moment in the month at which this firm may issue an invoice.
    pub(super) fn moment(&mut self, seller: usize, month: usize) -> NaiveDateTime {
        let firm = &self.world.firms[seller];
        let days = self.world.months[month].days();
        let weights = month_weights(&days, firm.industry.rhythm, firm.conduct.rush);
        let day = days[self.rng.weighted(&weights)];
        if self.rng.chance(firm.conduct.nights) {
            return night_time(&mut self.rng, day);
        }
        business_time(&mut self.rng, day, firm.industry.rhythm)
    }

    /// The same fee for every floor a tenant rents, in the first days of each month.
    fn bill_fees(&mut self, seller: usize, month: usize, links: &Links) {
        let firm = &self.world.firms[seller];
        let rate = rate_of(firm);
        for (tenant, (buyer, share)) in links.iter().enumerate() {
            let floors = 1 + tenant % 4;
            let fee = firm.conduct.annual / 12.0 * share / floors as f64;
            let total = ((fee / 1_000.0).round() as i64).max(1) * 100_000;
            let Some(amount) = amount_for_total(total, rate) else { continue };
            for _ in 0..floors {
                let day = self.world.months[month].days()[self.rng.between(0, 7)];
                let at = business_time(&mut self.rng, day, Rhythm::Office);
                self.write(Deal { seller, buyer: *buyer, month, amount, at, planted: false });
            }
        }
    }

    /// Invoices that lift the month's sales on its last days and are voided again.
    fn sham_voids(&mut self, seller: usize, month: usize, links: &Links, count: usize) {
        let firm = &self.world.firms[seller];
        let shams = (count as f64 * firm.conduct.sham_voids).round() as usize;
        for _ in 0..shams {
            let amount = (firm.conduct.ticket * 100.0 * self.rng.range(1.5, 4.0)) as i64;
            let at = self.last_days(month);
            let (buyer, _) = links[self.rng.below(links.len())];
            let position = self.write(Deal { seller, buyer, month, amount, at, planted: true });
            self.drafts[position].status = "void";
        }
    }

    /// A moment on the last three days of a month.
    pub(super) fn last_days(&mut self, month: usize) -> NaiveDateTime {
        let days = self.world.months[month].days();
        let day = days[days.len() - self.rng.between(1, 3)];
        business_time(&mut self.rng, day, Rhythm::Office)
    }

    /// Mistakes: on paper voided the same day and issued again; digital ones reversed within weeks, mostly in full.
    pub(super) fn correct_mistakes(&mut self) {
        for position in 0..self.drafts.len() {
            let Party::Firm(seller) = self.drafts[position].seller else { continue };
            let conduct = &self.world.firms[seller].conduct;
            let wrong = !self.drafts[position].planted && self.rng.chance(conduct.mistakes);
            if !wrong || self.drafts[position].status != "valid" {
                continue;
            }
            if conduct.paper { self.void(position) } else { self.reverse(position) }
        }
    }

    fn void(&mut self, position: usize) {
        let again = self.drafts[position].clone();
        self.drafts[position].status = "void";
        let later = again.at + Duration::minutes(self.rng.between(3, 40) as i64);
        // A mistake found just before midnight is issued again the moment before the day ends.
        let at = if later.date() == again.at.date() { later } else { again.at };
        self.drafts.push(Draft { at, ..again });
    }

    fn reverse(&mut self, position: usize) {
        let blue = self.drafts[position].clone();
        let day = blue.at.date() + Duration::days(self.rng.between(1, 40) as i64);
        let Some(month) = self.month_of(day) else { return };
        let partly = self.rng.chance(0.2);
        let part = if partly { self.rng.range(0.1, 0.6) } else { 1.0 };
        let amount = -((blue.amount as f64 * part).round() as i64).max(1);
        self.drafts[position].status = if partly { "part_reversed" } else { "reversed" };
        let at = business_time(&mut self.rng, day, Rhythm::Office);
        let tax = tax_on(amount, blue.rate_bp);
        let red = Draft { at, month, amount, tax, status: "red", original: Some(position), ..blue.clone() };
        self.drafts.push(red);
        if !partly && self.rng.chance(0.6) {
            self.drafts.push(Draft { at: at + Duration::minutes(5), month, ..blue });
        }
    }

    fn month_of(&self, day: NaiveDate) -> Option<usize> {
        self.world.months.iter().position(|month| month.first() <= day && day < month.plus(1).first())
    }

    /// Purchases from outside: what a firm must have bought to sell what it sold, and did not buy in the province.
    pub(super) fn buy_outside(&mut self) {
        let (sold, bought) = (self.sums(|draft| draft.seller), self.sums(|draft| draft.buyer));
        for (buyer, (sold, bought)) in sold.iter().zip(&bought).enumerate() {
            let count = self.rng.between(3, 8);
            let suppliers: Vec<usize> = (0..count).map(|_| self.outside_supplier()).collect();
            let mut missing = 0.0;
            for (month, (sold, bought)) in sold.iter().zip(bought).enumerate() {
                let needed = sold * self.world.firms[buyer].conduct.purchases;
                missing += (needed - bought) * self.rng.range(0.9, 1.1);
                if missing > 1_000.0 {
                    self.buy_month(buyer, month, missing, &suppliers);
                    missing = 0.0;
                }
            }
        }
    }

    fn buy_month(&mut self, buyer: usize, month: usize, yuan: f64, suppliers: &[usize]) {
        let firm = &self.world.firms[buyer];
        let count = (yuan / (3.0 * firm.conduct.ticket)).ceil().clamp(1.0, 60.0) as usize;
        let days = self.world.months[month].days();
        let weights = month_weights(&days, Rhythm::Office, 1.3);
        for amount in self.split(yuan, count) {
            let seller = Party::Outsider(suppliers[self.rng.below(suppliers.len())]);
            let rate_bp =
                if firm.industry.stage == Stage::Service && self.rng.chance(0.5) { 600 } else { 1300 };
            let kind = if firm.small { "e_ordinary" } else { "e_special" };
            let day = days[self.rng.weighted(&weights)];
            let at = business_time(&mut self.rng, day, Rhythm::Office);
            let (buyer, tax) = (Party::Firm(buyer), tax_on(amount, rate_bp));
            let (status, original, planted) = ("valid", None, false);
            self.drafts.push(Draft {
                seller,
                buyer,
                at,
                month,
                amount,
                tax,
                rate_bp,
                kind,
                status,
                original,
                planted,
            });
        }
    }

    /// Yuan in force per firm and month, on the side `side` picks.
    fn sums(&self, side: impl Fn(&Draft) -> Party) -> Vec<Vec<f64>> {
        let mut sums = vec![vec![0.0; self.world.months.len()]; self.world.firms.len()];
        for draft in self.drafts.iter().filter(|draft| draft.in_force()) {
            if let Party::Firm(index) = side(draft) {
                sums[index][draft.month] += draft.amount as f64 / 100.0;
            }
        }
        sums
    }
}

/// How likely a firm is to buy from a seller at this stage. Firms that are part of no ordinary trade buy nothing.
fn readiness(stage: Stage, buyer: &Firm) -> f64 {
    let budget = buyer.conduct.annual * buyer.conduct.purchases;
    stage.sells_to(buyer.industry.stage) * budget.max(0.0).powf(0.7)
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
        let reached = (1..=200).filter(|step| amount_for_total(step * 100_000, 600).is_some()).count();
        assert!(reached > 150, "{reached}");
    }
}
