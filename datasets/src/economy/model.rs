//! The world: months, offices, industries, firms, the parties around them, and their people.
//!
//! A party is a `u32`: taxpayers are `0..taxpayers`, then come sellers and buyers outside the province, then farmers,
//! then customs houses.
//! Ids and names of parties lie in memory (the hot path copies them); persons, addresses, phones and devices are
//! numbers, and their texts functions of these numbers.

use std::ops::Range;

use super::EconomySpec;
use super::balance::Orders;
use super::calendar::Month;
use super::flows::Flows;
use super::ids;
use super::imports::House;
use super::industries::{Good, Industry};
use super::invoices::FARM;
use super::links::Links;
use super::moments::Moments;
use super::names;
use super::population::outsider_industry;
use super::schemes::SchemePlan;

/// Yearly sales, in cents, above which a firm is a general taxpayer.
pub const GENERAL_LINE: i64 = 500_000_000;
/// Monthly sales, in cents, up to which a small-scale taxpayer is exempt, and nobody pays the education surcharges.
pub const EXEMPT_LINE: i64 = 10_000_000;

/// Legal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FirmKind {
    /// Company.
    Enterprise,
    /// Individual business (个体工商户).
    Individual,
    /// Partnership.
    Partnership,
    /// Public institution.
    Institution,
}

impl FirmKind {
    /// As in `taxpayer.kind`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Enterprise => "enterprise",
            Self::Individual => "individual_business",
            Self::Partnership => "partnership",
            Self::Institution => "institution",
        }
    }
}

/// How a firm ends within the months of the economy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It does not.
    Lives,
    /// Deregistered in good order.
    Deregistered,
    /// Vanished: cannot be reached, files nothing (非正常户).
    Abnormal,
    /// Out of business for a time, still on the register.
    Suspended,
}

/// Habits and properties of a firm, each true or false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traits {
    /// Issues from the old paper system: a mistake is voided in its month. Otherwise it is reversed by a red invoice.
    pub paper: bool,
    /// Sells abroad under exemption, credit and refund (免抵退).
    pub exporter: bool,
    /// Buys abroad.
    pub importer: bool,
    /// Sells over an online platform too.
    pub platform: bool,
    /// Files late now and then.
    pub late: bool,
    /// Corrects returns now and then.
    pub corrects: bool,
    /// Its books are kept by a bookkeeping agency.
    pub agency: bool,
    /// At an address shared with many others (incubator, market).
    pub shared_address: bool,
    /// A holding company: dividends, no staff.
    pub holding: bool,
    /// Certified high-tech enterprise.
    pub high_tech: bool,
    /// Its high-tech certificate ended before the economy begins and was not renewed.
    pub lapsed: bool,
    /// On the list of integrated-circuit firms, or of machine-tool firms.
    pub listed: bool,
    /// Certified software enterprise.
    pub software: bool,
    /// Employs disabled persons beyond the line of the relief.
    pub welfare: bool,
    /// Buys from farmers (farm produce processing).
    pub agri: bool,
    /// Pays late now and then.
    pub slow_payer: bool,
    /// Owns its premises (otherwise it rents).
    pub owns_premises: bool,
    /// Taxed on assessed, not audited, income.
    pub assessed: bool,
    /// Its sales are exempt from VAT by nature (e.g. its own farm produce).
    pub exempt: bool,
    /// Grows what it sells, which is exempt by nature.
    pub grower: bool,
    /// In an encouraged industry of a city that has the reliefs of the western regions.
    pub encouraged: bool,
}

/// A registered taxpayer.
#[derive(Debug, Clone, PartialEq)]
pub struct Firm {
    /// Index into [`World::industries`].
    pub industry: u8,
    /// Index into [`World::offices`], a grassroots office.
    pub office: u16,
    /// Legal form.
    pub kind: FirmKind,
    /// General VAT taxpayer; small-scale otherwise.
    pub general: bool,
    /// Day of registration, days since 1970.
    pub registered_on: i32,
    /// First month (index) in which it can sell; 0 for firms older than the economy.
    pub opens: u16,
    /// First month (index) in which it sells nothing any more; the number of months when it goes on.
    pub closes: u16,
    /// How it ends.
    pub fate: Fate,
    /// True sales of an ordinary year without tax, cents, before season and growth.
    pub annual: i64,
    /// Growth of sales, fraction a month.
    pub growth: f32,
    /// Purchases of goods and services, as a share of sales.
    pub purchases: f32,
    /// Wages, as a share of sales.
    pub wage_share: f32,
    /// Share of sales for which it issues invoices; the rest are consumers who ask for none.
    pub invoiced: f32,
    /// Mean number of invoices in an ordinary month.
    pub invoices: f32,
    /// Mean sales of an invoice, cents.
    pub ticket: i64,
    /// Registered capital, cents.
    pub capital: i64,
    /// Paid-in capital, cents.
    pub paid_in: i64,
    /// Headcount in an ordinary month.
    pub employees: u32,
    /// Legal representative, head of finance, tax agent: person numbers.
    pub people: [u32; 3],
    /// Number of its address.
    pub address: u32,
    /// Number of its telephone.
    pub phone: u32,
    /// Number of the device it issues invoices from.
    pub device: u32,
    /// Credit rating: index into `A B M C D`.
    pub rating: u8,
    /// Habits and properties.
    pub traits: Traits,
    /// Farmers it buys from, as party indexes; empty unless `traits.agri`.
    pub farmers: (u32, u32),
}

impl Firm {
    /// `A`, `B`, `M`, `C` or `D`.
    pub fn rating(&self) -> &'static str {
        ["A", "B", "M", "C", "D"][usize::from(self.rating).min(4)]
    }

    /// Party indexes of the farmers it buys from.
    pub fn farmers(&self) -> Range<u32> {
        self.farmers.0..self.farmers.1
    }
}

/// One tax office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Office {
    /// Eleven digits: 1, the region code, a number within the region.
    pub code: String,
    /// Chinese name.
    pub name: String,
    /// 1 province, 2 city, 3 county, 4 grassroots.
    pub level: i32,
    /// Index of the office above.
    pub parent: Option<u16>,
    /// Six digits, of a province that does not exist.
    pub region: String,
    /// City in words.
    pub city: String,
    /// County or district in words; empty above that level.
    pub county: String,
    /// Tasks it can take in one cycle.
    pub capacity: i32,
}

/// Texts one after the other, without an allocation each.
#[derive(Debug, Default)]
pub struct Texts {
    pub(super) bytes: String,
    pub(super) ends: Vec<u32>,
}

impl Texts {
    /// The text with this number; empty when there is none.
    pub fn get(&self, index: u32) -> &str {
        let index = index as usize;
        let Some(end) = self.ends.get(index) else { return "" };
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.bytes[start..*end as usize]
    }

    pub(super) fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len() as u32);
    }
}

/// Everyone who trades, and when.
#[derive(Debug)]
pub struct World {
    pub(super) spec: EconomySpec,
    pub(super) months: Vec<Month>,
    pub(super) industries: Vec<Industry>,
    pub(super) offices: Vec<Office>,
    /// Indexes of one office of each county.
    pub(super) counties: Vec<u16>,
    pub(super) firms: Vec<Firm>,
    /// Parties outside the province.
    pub(super) outsiders: u32,
    /// For each farmer the firm it sells to.
    pub(super) farmers: Vec<u32>,
    pub(super) houses: Vec<House>,
    pub(super) ids: Texts,
    pub(super) names: Texts,
    /// Of each firm, the position of its plan plus one; 0 for none.
    pub(super) plan_of: Vec<u32>,
    pub(super) plans: Vec<SchemePlan>,
    pub(super) links: Links,
    pub(super) flows: Flows,
    pub(super) orders: Orders,
    pub(super) moments: Moments,
    /// Industry whose goods stand on invoices that hide what was sold.
    pub(super) switched: u8,
}

impl World {
    /// What it was drawn from.
    pub fn spec(&self) -> &EconomySpec {
        &self.spec
    }

    /// Number of months.
    pub fn months(&self) -> usize {
        self.months.len()
    }

    /// Month by index, as YYYYMM.
    pub fn period(&self, month: usize) -> i32 {
        self.months[month].period()
    }

    /// Index of a month given as YYYYMM.
    pub fn month_of(&self, period: i32) -> Option<usize> {
        self.months.iter().position(|month| month.period() == period)
    }

    /// First day of a month (by index, may lie beyond the last), days since 1970.
    pub fn first_day(&self, month: usize) -> i32 {
        self.months[0].plus(month).first_day()
    }

    /// All offices, from the province down; a parent stands before its children.
    pub fn offices(&self) -> &[Office] {
        &self.offices
    }

    /// All industries.
    pub fn industries(&self) -> &[Industry] {
        &self.industries
    }

    /// Number of registered taxpayers; firm indexes are below it.
    pub fn taxpayers(&self) -> u32 {
        self.firms.len() as u32
    }

    /// Number of parties: taxpayers, outsiders, farmers, customs houses.
    pub fn parties(&self) -> u32 {
        self.traders() + self.houses.len() as u32
    }

    /// Number of parties that trade: all but customs houses.
    pub(super) fn traders(&self) -> u32 {
        self.taxpayers() + self.outsiders + self.farmers.len() as u32
    }

    /// The customs house a party is, if it is one.
    pub(super) fn house(&self, party: u32) -> Option<&House> {
        self.houses.get(party.checked_sub(self.traders())? as usize)
    }

    /// A registered taxpayer.
    pub fn firm(&self, index: u32) -> &Firm {
        &self.firms[index as usize]
    }

    /// All registered taxpayers.
    pub fn firms(&self) -> &[Firm] {
        &self.firms
    }

    /// Industry of a firm.
    pub fn industry(&self, firm: u32) -> &Industry {
        &self.industries[usize::from(self.firm(firm).industry)]
    }

    /// Industry of any party that trades; of a farmer, that of the firm it sells to.
    pub fn industry_of(&self, party: u32) -> &Industry {
        let firms = self.taxpayers();
        let index = match party.checked_sub(firms + self.outsiders) {
            Some(farmer) => self.firm(self.farmers[farmer as usize]).industry,
            None if party < firms => self.firm(party).industry,
            None => outsider_industry(party - firms, self.industries.len()),
        };
        &self.industries[usize::from(index)]
    }

    /// Office in charge of a firm.
    pub fn office(&self, firm: u32) -> &Office {
        &self.offices[usize::from(self.firm(firm).office)]
    }

    /// How much a firm is in business: 0 before it opens and after it closes, growing to 1 in its first months.
    pub fn presence(&self, firm: &Firm, month: usize) -> f64 {
        let (month, opens) = (month as u16, firm.opens);
        if month < opens || month >= firm.closes {
            return 0.0;
        }
        if opens == 0 { 1.0 } else { (f64::from(month - opens + 1) / 4.0).min(1.0) }
    }

    /// Sales of a month relative to an ordinary one, season aside: presence and growth.
    pub fn activity(&self, firm: &Firm, month: usize) -> f64 {
        let since = i32::from((month as u16).saturating_sub(firm.opens));
        self.presence(firm, month) * (1.0 + f64::from(firm.growth)).powi(since)
    }

    /// Sales to be expected of a firm in a month, season, growth and presence included, cents.
    pub fn level(&self, firm: u32, month: usize) -> f64 {
        let own = self.firm(firm);
        let season = self.industry(firm).season[self.months[month].of_year()];
        own.annual as f64 / 12.0 * season * self.activity(own, month)
    }

    /// A good by industry and position; what the industry buys from farmers for [`FARM`].
    pub(super) fn good(&self, industry: u8, good: u8) -> &Good {
        let industry = &self.industries[usize::from(industry)];
        match (&industry.farm, good) {
            (Some(farm), FARM) => &farm.good,
            _ => &industry.goods[usize::from(good).min(industry.goods.len() - 1)],
        }
    }

    /// Number of firms (and buyers from outside sellers) a party sells to in the ordinary way.
    pub fn customers(&self, party: u32) -> usize {
        self.links.degree(party)
    }

    /// Taxpayer id of a party; for a farmer the number of an identity card.
    pub fn id(&self, party: u32) -> &str {
        self.ids.get(party)
    }

    /// Name of a party.
    pub fn name(&self, party: u32) -> &str {
        self.names.get(party)
    }

    /// The part a firm plays in a scheme, or as an honest look-alike.
    pub fn scheme(&self, firm: u32) -> Option<&SchemePlan> {
        let position = *self.plan_of.get(firm as usize)?;
        self.plans.get((position as usize).checked_sub(1)?)
    }

    /// All plans, in the order in which they were cast.
    pub fn plans(&self) -> &[SchemePlan] {
        &self.plans
    }
}

/// Persons and places by number: their texts are functions of the number.
impl World {
    /// Name of a person.
    pub fn person_name(&self, person: u32) -> String {
        let mut text = String::new();
        names::person(self.spec.seed, u64::from(person), &mut text);
        text
    }

    /// Identity number of a person.
    pub fn person_id(&self, person: u32) -> String {
        let mut text = String::new();
        ids::person_id(u64::from(person), self.birthplace(person), &mut text);
        text
    }

    /// Region code of the county a person comes from.
    pub(super) fn birthplace(&self, person: u32) -> &str {
        let counties = &self.counties;
        &self.offices[usize::from(counties[person as usize % counties.len()])].region
    }

    /// Business address of a firm.
    pub fn address(&self, firm: u32) -> String {
        self.address_by_number(firm, self.firm(firm).address)
    }

    /// The address with this number, in the county of a firm.
    pub(super) fn address_by_number(&self, firm: u32, number: u32) -> String {
        let office = self.office(firm);
        let mut text = String::with_capacity(64);
        text.push_str(&office.city);
        text.push_str(&office.county);
        names::street(self.spec.seed, u64::from(number), &mut text);
        text
    }

    /// The telephone with this number.
    pub fn phone(&self, number: u32) -> String {
        let mut text = String::new();
        ids::phone(u64::from(number), &mut text);
        text
    }

    /// Hardware address of the device with this number.
    pub fn mac(&self, device: u32) -> String {
        let mut text = String::new();
        ids::mac(u64::from(device), &mut text);
        text
    }

    /// Network address of the device with this number.
    pub fn ip(&self, device: u32) -> String {
        let mut text = String::new();
        ids::ip(u64::from(device), &mut text);
        text
    }
}
