//! Draws the firms: who they are as registered and how big. Each firm is a function of the seed and its index; only
//! names are given out in order, so that no two are the same.

use rayon::prelude::*;

use super::EconomySpec;
use super::calendar::{Month, Rhythm};
use super::dice::{Dice, Purpose};
use super::ids;
use super::imports::House;
use super::industries::{Document, Industry};
use super::model::{EXEMPT_LINE, Fate, Firm, FirmKind, GENERAL_LINE, Office, Texts, Traits};
use super::names;

/// Region and place of parties outside the province; the codes are not assigned.
const PLACES: [(&str, &str); 4] =
    [("980100", "海宁川市"), ("980300", "北原市"), ("970100", "南屏市"), ("960200", "西岭市")];
/// Region of the city to which the reliefs of the western regions extend, as they do to a few cities of other provinces.
const WESTERN: &str = "9902";
const INDIVIDUAL_FORMS: [&str; 4] = ["经营部", "商行", "店", "服务部"];

/// What drawing a firm needs.
pub(super) struct Population<'a> {
    pub spec: &'a EconomySpec,
    pub months: &'a [Month],
    pub industries: &'a [Industry],
    pub offices: &'a [Office],
    /// Indexes of the grassroots offices and how many firms each looks after, relative.
    pub grassroots: Vec<(u16, f64)>,
}

/// Parties outside the province: two of each industry at least.
pub(super) fn outsiders(spec: &EconomySpec, industries: &[Industry]) -> u32 {
    (spec.taxpayers / 20 + 2 * industries.len()) as u32
}

/// Industry of an outsider: they take turns.
pub(super) fn outsider_industry(number: u32, industries: usize) -> u8 {
    (number as usize % industries) as u8
}

impl<'a> Population<'a> {
    pub(super) fn new(
        spec: &'a EconomySpec,
        months: &'a [Month],
        industries: &'a [Industry],
        offices: &'a [Office],
    ) -> Self {
        let grassroots = (0u16..).zip(offices).filter(|(_, office)| office.level == 4);
        // Cities come in the order of their size.
        let weight = |office: &Office| 1.0 / office.region[2..4].parse::<f64>().unwrap_or(1.0).sqrt();
        let grassroots = grassroots.map(|(index, office)| (index, weight(office))).collect();
        Self { spec, months, industries, offices, grassroots }
    }

    /// All firms.
    pub(super) fn firms(&self) -> Vec<Firm> {
        (0..self.spec.taxpayers as u32).into_par_iter().map(|index| self.firm(index)).collect()
    }

    fn firm(&self, index: u32) -> Firm {
        let dice = &mut Dice::of(self.spec.seed, Purpose::Firm, u64::from(index), 0);
        let count = self.spec.taxpayers as u64;
        // Every industry has a firm where the population allows it; the first ones are the big ones.
        let first =
            self.spec.taxpayers >= 4 * self.industries.len() && (index as usize) < self.industries.len();
        let weights: Vec<f64> = self.industries.iter().map(|industry| industry.weight).collect();
        let industry = if first { index as usize } else { dice.weighted(&weights) };
        let trade = &self.industries[industry];
        let chance = dice.chance(if trade.rhythm == Rhythm::Shop { 0.3 } else { 0.46 });
        // Used cars are traded by small dealers at the reduced rate.
        let used = trade.document == Document::UsedCar;
        let first = first && !used;
        let general = !used && (first || chance || trade.document != Document::Usual);
        let kind = match dice.unit() {
            _ if general => FirmKind::Enterprise,
            share if share < 0.5 => FirmKind::Individual,
            share if share < 0.53 => FirmKind::Partnership,
            share if share < 0.54 => FirmKind::Institution,
            _ => FirmKind::Enterprise,
        };
        let annual = annual_sales(dice, general, first, trade);
        let weights: Vec<f64> = self.grassroots.iter().map(|(_, weight)| *weight).collect();
        let office = self.grassroots[dice.weighted(&weights)].0;
        let life = self.life(dice);
        let west = self.offices[usize::from(office)].region.starts_with(WESTERN);
        let mut traits = traits(dice, trade, general, kind, west);
        let lists = &mut Dice::of(self.spec.seed, Purpose::Register, u64::from(index), 1);
        traits.listed = general && matches!(trade.code.as_str(), "C3983" | "C3451") && lists.chance(0.1);
        let number = u64::from(index);
        let agencies = (count / 400).max(2);
        let agency = dice.below(agencies as usize) as u64;
        let owner = match dice.chance(0.12) {
            // People who own several firms.
            true => 2 * count + dice.below((count / 15).max(3) as usize) as u64,
            false => number,
        };
        let people = match (kind, traits.agency) {
            (FirmKind::Individual, false) => [owner, owner, owner],
            (_, true) => [owner, count + count * 2 / 15 + 2 * count + agency, count * 17 / 5 + agency],
            _ => [owner, count + number, if dice.chance(0.7) { count + number } else { owner }],
        };
        // Firms differ in their margin, not in their purchases by a percentage.
        let purchases = (1.0 - (1.0 - trade.purchases) * dice.range(0.7, 1.3)).max(0.08);
        // Wages come out of what purchases leave.
        let wages = (trade.wages * dice.range(0.8, 1.2)).min((1.0 - purchases) * 0.7);
        let wage_bill = annual as f64 * wages;
        let employees = (wage_bill / 9_000_000.0 * dice.lognormal(1.0, 0.25)).round().max(1.0) as u32;
        let capital = round_capital(annual as f64 / 100.0 * dice.range(0.08, 0.5));
        let paid = if dice.chance(0.55) { 1.0 } else { dice.range(0.1, 0.8) };
        let incubator = count + u64::from(office) * 3 + dice.below(3) as u64;
        let device = if traits.agency { count + agency } else { number };
        Firm {
            industry: industry as u8,
            office,
            kind,
            general,
            registered_on: life.registered_on,
            opens: life.opens,
            closes: life.closes,
            fate: life.fate,
            annual,
            growth: (dice.normal() * 0.008).clamp(-0.02, 0.03) as f32,
            purchases: purchases as f32,
            wage_share: wages as f32,
            invoiced: invoiced(dice, trade) as f32,
            invoices: 0.0,
            ticket: 0,
            capital,
            paid_in: (capital as f64 * paid) as i64 / 1_000_000 * 1_000_000,
            employees,
            people: people.map(|person| person as u32),
            address: if traits.shared_address { incubator as u32 } else { index },
            phone: if traits.agency { device as u32 } else { index },
            device: device as u32,
            rating: rating(dice, life.opens > 0, traits.late),
            traits,
            farmers: (0, 0),
        }
    }

    fn life(&self, dice: &mut Dice) -> Life {
        let months = self.months.len();
        let years = months as f64 / 12.0;
        let first = self.months[0].first_day();
        let (mut registered_on, mut opens) = (first - dice.between(200, 7_000) as i32, 0);
        if dice.chance(0.07 * years) {
            opens = dice.below(months) as u16;
            // A new firm first needs customers: it opens the month after it registers.
            let month = self.months[0].minus(1).plus(usize::from(opens)).first_day();
            registered_on = month + dice.below(20) as i32;
        }
        let (ends, fate) = match dice.unit() / years {
            share if share < 0.022 => (true, Fate::Deregistered),
            share if share < 0.030 => (true, Fate::Abnormal),
            share if share < 0.036 => (true, Fate::Suspended),
            _ => (false, Fate::Lives),
        };
        let earliest = usize::from(opens) + 3;
        if !ends || earliest >= months {
            return Life { registered_on, opens, closes: months as u16, fate: Fate::Lives };
        }
        let closes = (earliest + dice.below(months - earliest)) as u16;
        Life { registered_on, opens, closes, fate }
    }
}

/// Share of sales with an invoice. Of consumers few ask for one, except where every sale has one.
fn invoiced(dice: &mut Dice, industry: &Industry) -> f64 {
    let without = industry.consumers * dice.range(0.7, 0.8);
    let rest = 1.0 - dice.range(0.0, 0.025);
    if industry.document == Document::Usual { rest - without } else { rest }
}

struct Life {
    registered_on: i32,
    opens: u16,
    closes: u16,
    fate: Fate,
}

/// Heavy-tailed, in cents: lognormal in the middle, one firm in thirty from a Pareto tail.
fn annual_sales(dice: &mut Dice, general: bool, first: bool, industry: &Industry) -> i64 {
    let shop = if industry.rhythm == Rhythm::Shop { 0.5 } else { 1.0 };
    let yuan = match (first, general) {
        (true, _) => dice.lognormal(120_000_000.0, 0.7),
        (_, true) if dice.chance(0.035) => {
            (30_000_000.0 / (1.0 - dice.unit()).powf(1.0 / 1.12)).min(12_000_000_000.0)
        }
        (_, true) => (dice.lognormal(6_500_000.0, 1.15) * shop).max(600_000.0),
        (_, false) => {
            (dice.lognormal(620_000.0, 0.95) * shop).clamp(24_000.0, 0.86 * GENERAL_LINE as f64 / 100.0)
        }
    };
    // Rents and holdings are smaller than trade, wholesale is bigger.
    let size: f64 = match industry.code.as_str() {
        "K7040" | "L7241" | "L7212" | "A0141" => 0.35,
        code if code.starts_with("F51") => 1.5,
        "D4420" => 6.0,
        _ => 1.0,
    };
    let size = if general { size } else { size.min(1.0) };
    ((yuan * size * 100.0) as i64).max(EXEMPT_LINE / 5)
}

fn traits(dice: &mut Dice, industry: &Industry, general: bool, kind: FirmKind, west: bool) -> Traits {
    let company = kind == FirmKind::Enterprise;
    let goods = industry.goods.iter().any(|good| !good.hs_code.is_empty());
    let tech = matches!(industry.code.as_bytes()[0], b'C' | b'I' | b'M');
    Traits {
        paper: dice.chance(0.3),
        exporter: general && industry.exports > 0.0 && dice.chance(0.12),
        importer: general && goods && dice.chance(0.04),
        platform: industry.document == Document::Usual
            && ((industry.rhythm == Rhythm::Shop && dice.chance(0.3))
                || (industry.consumers > 0.05 && dice.chance(0.12))),
        late: dice.chance(0.05),
        corrects: dice.chance(0.06),
        agency: !general && dice.chance(0.45),
        shared_address: company && dice.chance(0.06),
        holding: industry.code == "L7212",
        high_tech: general && tech && dice.chance(0.12),
        lapsed: false,
        listed: false,
        software: general && industry.code.starts_with("I65") && dice.chance(0.5),
        welfare: general && dice.chance(0.008),
        agri: industry.farm.is_some(),
        slow_payer: dice.chance(0.03),
        owns_premises: general && dice.chance(0.35),
        assessed: kind == FirmKind::Individual && dice.chance(0.5),
        exempt: industry.goods.iter().all(|good| good.exempt),
        grower: industry.goods.iter().all(|good| good.exempt),
        encouraged: general && tech && west && dice.chance(0.2),
    }
}

fn rating(dice: &mut Dice, new: bool, late: bool) -> u8 {
    match (new, late) {
        (true, _) => 2,
        (_, true) => dice.weighted(&[0.02, 0.4, 0.2, 0.3, 0.08]) as u8,
        _ => dice.weighted(&[0.19, 0.52, 0.2, 0.07, 0.02]) as u8,
    }
}

/// Whole ten thousands of yuan, in cents.
fn round_capital(yuan: f64) -> i64 {
    ((yuan / 10_000.0).ceil() as i64).max(3) * 1_000_000
}

/// Ids and names of all parties: taxpayers, outsiders, farmers, customs houses.
pub(super) fn texts(
    population: &Population<'_>,
    firms: &[Firm],
    farmers: &[u32],
    houses: &[House],
) -> (Texts, Texts) {
    let outsiders = outsiders(population.spec, population.industries);
    let (mut ids, mut names) = (Texts::default(), Texts::default());
    let mut given = Given::default();
    let mut text = String::new();
    for (index, firm) in firms.iter().enumerate() {
        let office = &population.offices[usize::from(firm.office)];
        let category = if firm.kind == FirmKind::Individual { b'2' } else { b'1' };
        text.clear();
        ids::credit_code(index as u64, category, &office.region, &mut text);
        ids.push(&text);
        text.clear();
        let trades = &population.industries[usize::from(firm.industry)].trades;
        given.name(firm, index, office, trades, &mut text);
        names.push(&text);
    }
    for number in 0..outsiders {
        let (region, place) = PLACES[number as usize / population.industries.len() % PLACES.len()];
        text.clear();
        ids::credit_code((firms.len() + number as usize) as u64, b'1', region, &mut text);
        ids.push(&text);
        text.clear();
        let trades = &population.industries[number as usize % population.industries.len()].trades;
        let trade = &trades[number as usize % trades.len()];
        given.company(place, trade, "有限公司", &mut text);
        names.push(&text);
    }
    for (number, buyer) in farmers.iter().enumerate() {
        let office = &population.offices[usize::from(firms[*buyer as usize].office)];
        // Farmers are persons beyond those of the firms.
        let person = 4 * firms.len() as u64 + number as u64;
        text.clear();
        ids::person_id(person, &office.region, &mut text);
        ids.push(&text);
        text.clear();
        names::person(population.spec.seed, person, &mut text);
        names.push(&text);
    }
    for (number, house) in (0u64..).zip(houses) {
        text.clear();
        // The numbers of outsiders go on; customs answer to nobody in the province.
        let number = firms.len() as u64 + u64::from(outsiders) + number;
        ids::credit_code(number, b'1', "980000", &mut text);
        ids.push(&text);
        names.push(&format!("中华人民共和国{}海关", house.city.trim_end_matches('市')));
    }
    (ids, names)
}

/// Counts names given out, by place, trade and form: a brand is used once within them.
#[derive(Default)]
struct Given(std::collections::HashMap<(String, String, &'static str), u64>);

impl Given {
    fn name(&mut self, firm: &Firm, index: usize, office: &Office, trades: &[String], out: &mut String) {
        let trade = &trades[index % trades.len()];
        match firm.kind {
            FirmKind::Individual => self.company(&office.county, trade, INDIVIDUAL_FORMS[index % 4], out),
            FirmKind::Partnership => self.company(&office.city, trade, "合伙企业（有限合伙）", out),
            FirmKind::Institution => self.company(&office.city, trade, "研究所", out),
            FirmKind::Enterprise if index % 19 == 3 => self.company(&office.city, trade, "股份有限公司", out),
            FirmKind::Enterprise => self.company(&office.city, trade, "有限公司", out),
        }
    }

    fn company(&mut self, place: &str, trade: &str, form: &'static str, out: &mut String) {
        let count = self.0.entry((place.to_owned(), trade.to_owned(), form)).or_default();
        out.push_str(place);
        // Different trades of a place start at different brands.
        let offset = trade.bytes().map(u64::from).sum::<u64>() * 131 % 2_000;
        names::brand(if *count < 800 { (*count + offset) % 2_800 } else { *count + 2_862 }, out);
        out.push_str(trade);
        out.push_str(form);
        *count += 1;
    }
}
