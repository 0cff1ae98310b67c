//! The firms: who they are as registered, and how they do business. Parties outside the province are only an id and
//! a name.

use chrono::{Duration, NaiveDate};

use super::calendar::{Month, Rhythm};
use super::ids;
use super::industries::{INDUSTRIES, Industry};
use super::names::{self, Names};
use super::offices::{Office, offices};
use super::rng::Rng;

/// Yearly sales, in yuan, above which a firm is a general taxpayer.
pub(super) const GENERAL_LINE: f64 = 5_000_000.0;

/// A natural person, made up.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub name: String,
    pub id: String,
}

/// A registered taxpayer.
#[derive(Debug, Clone)]
pub(super) struct Firm {
    pub id: String,
    pub name: String,
    pub industry: &'static Industry,
    /// Small-scale taxpayer; general otherwise.
    pub small: bool,
    /// Individual business; a company otherwise.
    pub individual: bool,
    pub office: Office,
    pub registered: NaiveDate,
    /// Registered and paid-in capital, cents.
    pub capital: (i64, i64),
    /// Code of the status and its first day.
    pub status: (&'static str, NaiveDate),
    pub rep: Person,
    pub finance: Person,
    pub agent: Person,
    pub phone: String,
    pub address: String,
    pub mac: String,
    pub ip: String,
    pub rating: &'static str,
    pub employees: i32,
    pub conduct: Conduct,
}

/// How a firm does business.
#[derive(Debug, Clone)]
pub(super) struct Conduct {
    /// Sales of an ordinary year, yuan without tax.
    pub annual: f64,
    /// Median amount of an invoice, yuan.
    pub ticket: f64,
    /// Multiplier of each month's sales; 0 where the firm is not (or no longer) in business.
    pub activity: Vec<f64>,
    /// Purchases with an invoice, as a share of sales.
    pub purchases: f64,
    /// Uses paper: a mistake is voided. Fully digital otherwise: a mistake is reversed by a red invoice.
    pub paper: bool,
    /// Share of invoices with a mistake.
    pub mistakes: f64,
    /// Share of invoices issued at night.
    pub nights: f64,
    /// How much busier the last three days of a month are.
    pub rush: f64,
    /// Sales of every month end just below this, yuan without tax.
    pub ceiling: Option<f64>,
    /// Share of sales that goes to the biggest customer, when it is not left to chance.
    pub top_customer: Option<f64>,
    /// Bills each customer the same fee every month, floor by floor.
    pub fixed_fees: bool,
    /// Invoices issued at month end only to be voided, as a share of the month's invoices.
    pub sham_voids: f64,
}

/// A party outside the province.
#[derive(Debug, Clone)]
pub(super) struct Outsider {
    pub id: String,
    pub name: String,
}

/// Everyone who trades, and when.
#[derive(Debug)]
pub(super) struct World {
    pub offices: Vec<Office>,
    pub firms: Vec<Firm>,
    pub outsiders: Vec<Outsider>,
    pub months: Vec<Month>,
}

impl World {
    /// Draws the population.
    pub(super) fn new(seed: u64, taxpayers: usize, months: Vec<Month>) -> Self {
        let mut rng = Rng::stream(seed, 1);
        let mut names = Names::default();
        let offices = offices();
        let grassroots: Vec<Office> = offices.iter().filter(|office| office.level == 4).cloned().collect();
        let bookkeepers: Vec<Person> = (0..taxpayers / 25 + 2).map(|_| person(&mut rng, "990102")).collect();
        let mut maker = Maker { rng: &mut rng, names: &mut names, grassroots, bookkeepers, months: &months };
        let firms = (0..taxpayers).map(|_| maker.firm()).collect();
        let outsiders = (0..taxpayers / 4 + 10).map(|_| outsider(&mut rng, &mut names)).collect();
        Self { offices, firms, outsiders, months }
    }
}

/// What drawing a firm needs.
struct Maker<'a> {
    rng: &'a mut Rng,
    names: &'a mut Names,
    grassroots: Vec<Office>,
    bookkeepers: Vec<Person>,
    months: &'a [Month],
}

impl Maker<'_> {
    fn firm(&mut self) -> Firm {
        let rng = &mut *self.rng;
        let weights: Vec<f64> = INDUSTRIES.iter().map(|industry| industry.weight).collect();
        let industry = &INDUSTRIES[rng.weighted(&weights)];
        let small = rng.chance(0.42);
        let individual = small && rng.chance(0.35);
        let office = rng.pick(&self.grassroots).clone();
        let (city, county) = office.place;
        let name = match individual {
            true => self.names.shop(rng, county, industry.trades),
            false => self.names.company(rng, city, industry.trades),
        };
        let annual = annual_sales(rng, small) * if industry.rhythm == Rhythm::Shop { 0.4 } else { 1.0 };
        let (registered, activity) = history(rng, self.months);
        let rep = person(rng, office.region);
        let finance = if individual { rep.clone() } else { person(rng, office.region) };
        // Small firms have their books kept outside; one bookkeeper signs for many of them.
        let agent = if small { rng.pick(&self.bookkeepers).clone() } else { person(rng, office.region) };
        let capital = round_capital(annual * rng.range(0.1, 0.6));
        let paid_in = (capital as f64 * if rng.chance(0.6) { 1.0 } else { rng.range(0.1, 0.8) }) as i64;
        Firm {
            id: ids::credit_code(rng, if individual { '2' } else { '1' }, office.region),
            name,
            industry,
            small,
            individual,
            registered,
            capital: (capital, paid_in / 100_000 * 100_000),
            status: ("normal", registered),
            finance,
            agent,
            phone: ids::phone(rng),
            address: format!("{city}{county}{}", names::street(rng)),
            mac: ids::mac(rng),
            ip: ids::ip(rng),
            rating: if registered > self.months[0].first() { "M" } else { rating(rng) },
            employees: ((annual / 600_000.0).powf(0.85) * rng.range(0.6, 1.5)).ceil() as i32,
            conduct: conduct(rng, industry, small, annual, activity),
            rep,
            office,
        }
    }
}

/// Heavy-tailed: a few firms sell as much as all the others.
fn annual_sales(rng: &mut Rng, small: bool) -> f64 {
    match small {
        true => rng.lognormal(800_000.0, 0.8).clamp(60_000.0, 0.8 * GENERAL_LINE),
        false => rng.lognormal(11_000_000.0, 1.35).clamp(1_200_000.0, 1_500_000_000.0),
    }
}

/// Day of registration and the activity that follows from it: one firm in sixteen is new.
fn history(rng: &mut Rng, months: &[Month]) -> (NaiveDate, Vec<f64>) {
    let first = months[0].first();
    if !rng.chance(0.06) {
        return (first - Duration::days(rng.between(200, 7_000) as i64), vec![1.0; months.len()]);
    }
    let start = rng.below(months.len());
    let registered = months[start].first() + Duration::days(rng.below(20) as i64);
    // A new firm first needs customers: it opens in the next month and reaches its size in half a year.
    let grown = |month: usize| ((month.saturating_sub(start)) as f64 / 6.0).min(1.0);
    (registered, (0..months.len()).map(grown).collect())
}

fn conduct(rng: &mut Rng, industry: &Industry, small: bool, annual: f64, activity: Vec<f64>) -> Conduct {
    let ticket = match small {
        true => 7_000.0 * (annual / 800_000.0).sqrt(),
        false => 55_000.0 * (annual / 11_000_000.0).sqrt(),
    };
    // Shops write many small invoices, and only for the customers who ask for one.
    let ticket = if industry.rhythm == Rhythm::Shop { ticket * 0.4 } else { ticket };
    Conduct {
        annual,
        ticket: ticket * rng.lognormal(1.0, 0.35),
        activity,
        purchases: (industry.purchases * rng.range(0.9, 1.08)).min(0.97),
        paper: rng.chance(0.45),
        mistakes: rng.range(0.004, 0.03),
        nights: 0.002,
        rush: rng.range(1.0, 1.7),
        ceiling: None,
        top_customer: None,
        fixed_fees: false,
        sham_voids: 0.0,
    }
}

fn rating(rng: &mut Rng) -> &'static str {
    ["A", "B", "M", "C", "D"][rng.weighted(&[0.18, 0.52, 0.2, 0.08, 0.02])]
}

/// Whole ten thousands of yuan, in cents.
fn round_capital(yuan: f64) -> i64 {
    ((yuan / 10_000.0).ceil() as i64).max(3) * 1_000_000
}

/// A person registered in this region.
pub(super) fn person(rng: &mut Rng, region: &str) -> Person {
    Person { name: names::person(rng), id: ids::person_id(rng, region) }
}

fn outsider(rng: &mut Rng, names: &mut Names) -> Outsider {
    const PLACES: [(&str, &str); 4] =
        [("980100", "海宁川市"), ("980300", "北原市"), ("970100", "南屏市"), ("960200", "西岭市")];
    let (region, place) = *rng.pick(&PLACES);
    let industry = rng.pick(&INDUSTRIES);
    Outsider { id: ids::credit_code(rng, '1', region), name: names.company(rng, place, industry.trades) }
}
