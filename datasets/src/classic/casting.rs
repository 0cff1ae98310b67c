//! Who plays which part: firms are taken from the population for a scheme, or as honest firms that look like one, and
//! their conduct is set accordingly. The label of each part is the truth the detection is measured against.

use chrono::Duration;

use super::firms::{Conduct, Firm, World, person};
use super::industries::Stage;
use super::rng::Rng;

/// One row of the truth.
#[derive(Debug, Clone)]
pub(super) struct Label {
    /// Index of the firm.
    pub firm: usize,
    pub scheme: &'static str,
    pub role: Role,
    /// First and last month, as indexes.
    pub months: (usize, usize),
    pub measure: Measure,
}

/// Part in a scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Runs it.
    Organiser,
    /// Profits from it: takes the invoices.
    User,
    /// Looks like it, honestly.
    Innocent,
}

/// What the amount of a label adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// No amount: nothing is wrong.
    Nothing,
    /// Everything sold in the months.
    Sold,
    /// The planted invoices it issued, voided ones too.
    PlantedSold,
    /// The planted invoices it received.
    PlantedBought,
}

/// Parts given to firms, by scheme.
#[derive(Debug, Default)]
pub(super) struct Cast {
    pub labels: Vec<Label>,
    /// Mills, and the firms that take their invoices.
    pub mills: (Vec<usize>, Vec<usize>),
    /// Members of the ring, in order.
    pub ring: Vec<usize>,
    /// Firms that bill one customer the same round amounts.
    pub repeaters: Vec<usize>,
    /// Two honest firms that work for each other.
    pub partners: Vec<usize>,
}

/// Gives out the parts. Needs a population of at least 100.
pub(super) fn cast(world: &mut World, rng: &mut Rng) -> Cast {
    let mut free: Vec<usize> = (0..world.firms.len()).collect();
    rng.shuffle(&mut free);
    let size = (world.firms.len() / 75).clamp(3, 6);
    let mut director = Director { world, rng, free, size, cast: Cast::default() };
    // Honest parts that only certain industries can play are given out first, while such firms are free.
    director.seasonal();
    director.landlords();
    director.mills();
    director.sham_voids();
    director.ring();
    director.under_exemption_line();
    director.under_general_line();
    director.sleepers();
    director.repeaters();
    director.month_end();
    director.big_customer();
    director.fast_growers();
    director.partners();
    director.settlers();
    director.cast
}

struct Director<'a> {
    world: &'a mut World,
    rng: &'a mut Rng,
    free: Vec<usize>,
    size: usize,
    cast: Cast,
}

impl Director<'_> {
    /// Up to `count` free firms that fit.
    fn take(&mut self, count: usize, fits: impl Fn(&Firm) -> bool) -> Vec<usize> {
        let firms = &self.world.firms;
        let chosen: Vec<usize> =
            self.free.iter().copied().filter(|index| fits(&firms[*index])).take(count).collect();
        self.free.retain(|index| !chosen.contains(index));
        chosen
    }

    fn last(&self) -> usize {
        self.world.months.len() - 1
    }

    fn label(&mut self, firms: &[usize], scheme: &'static str, months: (usize, usize), measure: Measure) {
        let role = if measure == Measure::Nothing { Role::Innocent } else { Role::Organiser };
        let labels = firms.iter().map(|firm| Label { firm: *firm, scheme, role, months, measure });
        self.cast.labels.extend(labels);
    }

    /// Makes a firm an established general taxpayer of middling size.
    fn establish(&mut self, index: usize, low: f64, high: f64) {
        let months = self.world.months.len();
        let annual = self.rng.range(low, high);
        let firm = &mut self.world.firms[index];
        firm.small = false;
        firm.registered = firm.registered.min(self.world.months[0].first() - Duration::days(700));
        firm.status.1 = firm.registered;
        firm.conduct.annual = annual;
        firm.conduct.ticket = 40_000.0 * (annual / 11_000_000.0).sqrt();
        firm.conduct.activity = vec![1.0; months];
    }

    /// Shells registered months ago: no goods, no staff, one address; they burst for a quarter and vanish.
    fn mills(&mut self) {
        let mills = self.take(self.size, |firm| firm.industry.stage == Stage::Wholesale && !firm.individual);
        let users = self.take(self.size + 2, |firm| {
            !firm.small && matches!(firm.industry.stage, Stage::Product | Stage::Building | Stage::Wholesale)
        });
        let start = self.last() / 2;
        let window = (start, start + 2);
        let agent = person(self.rng, "990102");
        let Some(origin) = mills.first().map(|index| self.world.firms[*index].clone()) else { return };
        for index in &mills {
            let born = self.world.months[start - 1].first() + Duration::days(self.rng.between(2, 24) as i64);
            let gone = self.world.months[start].plus(4).first() + Duration::days(9);
            let firm = &mut self.world.firms[*index];
            (firm.small, firm.registered, firm.capital) = (false, born, (1_000_000_000, 0));
            (firm.employees, firm.rating, firm.status) = (1, "M", ("abnormal", gone));
            (firm.phone, firm.address, firm.mac, firm.ip) =
                (origin.phone.clone(), origin.address.clone(), origin.mac.clone(), origin.ip.clone());
            (firm.agent, firm.finance) = (agent.clone(), agent.clone());
            firm.conduct = silent(&firm.conduct);
        }
        for index in &users {
            self.establish(*index, 12_000_000.0, 40_000_000.0);
        }
        self.label(&mills, "invoice_mill", window, Measure::PlantedSold);
        for firm in users.iter().copied() {
            let (scheme, role, measure) = ("invoice_mill", Role::User, Measure::PlantedBought);
            self.cast.labels.push(Label { firm, scheme, role, months: window, measure });
        }
        self.cast.mills = (mills, users);
    }

    fn sham_voids(&mut self) {
        let firms = self.take(self.size, |firm| firm.industry.consumers == 0.0 && !firm.individual);
        for index in &firms {
            self.establish(*index, 8_000_000.0, 30_000_000.0);
            let share = self.rng.range(0.35, 0.6);
            let conduct = &mut self.world.firms[*index].conduct;
            (conduct.paper, conduct.sham_voids) = (true, share);
        }
        self.label(&firms, "void_after_issue", (0, self.last()), Measure::PlantedSold);
    }

    fn ring(&mut self) {
        let ring = self.take(self.size, |firm| firm.industry.stage == Stage::Wholesale && !firm.individual);
        for index in &ring {
            self.establish(*index, 3_000_000.0, 6_000_000.0);
        }
        self.label(&ring, "circular_invoicing", (self.last() / 4, self.last()), Measure::PlantedSold);
        self.cast.ring = ring;
    }

    /// One owner splits a business over several small firms, each of which stays below the monthly exemption.
    fn under_exemption_line(&mut self) {
        let firms = self.take(self.size, |firm| firm.small && firm.industry.consumers < 0.5);
        let owner = firms.first().map(|index| self.world.firms[*index].rep.clone());
        for index in &firms {
            let firm = &mut self.world.firms[*index];
            firm.rep = owner.clone().unwrap_or_else(|| firm.rep.clone());
            park(&mut firm.conduct, 100_000.0, 6_500.0, self.world.months.len());
        }
        self.label(&firms, "under_exemption_line", (0, self.last()), Measure::Sold);
    }

    /// Sales of twelve months stay just below the line to a general taxpayer.
    fn under_general_line(&mut self) {
        let firms = self.take(self.size, |firm| firm.small && firm.industry.consumers < 0.5);
        for index in &firms {
            let firm = &mut self.world.firms[*index];
            park(&mut firm.conduct, 415_000.0, 16_000.0, self.world.months.len());
        }
        self.label(&firms, "under_general_line", (0, self.last()), Measure::Sold);
    }

    /// Old firms, bought as shells: silent for most of the window, then millions in a quarter.
    fn sleepers(&mut self) {
        let firms = self.take(self.size, |firm| !firm.individual && firm.industry.consumers == 0.0);
        let wake = self.last().saturating_sub(3);
        for index in &firms {
            self.establish(*index, 30_000_000.0, 60_000_000.0);
            let months = self.world.months.len();
            let conduct = &mut self.world.firms[*index].conduct;
            conduct.activity = (0..months).map(|month| if month < wake { 0.0 } else { 1.0 }).collect();
            (conduct.purchases, conduct.ticket) = (0.08, 85_000.0);
            self.world.firms[*index].employees = 2;
        }
        self.label(&firms, "dormant_then_surge", (wake, self.last()), Measure::Sold);
    }

    fn repeaters(&mut self) {
        let firms = self.take(self.size, |firm| !firm.individual && firm.industry.stage == Stage::Service);
        for index in &firms {
            self.establish(*index, 3_000_000.0, 9_000_000.0);
        }
        self.label(&firms, "repeated_round_amounts", (0, self.last()), Measure::PlantedSold);
        self.cast.repeaters = firms;
    }

    fn month_end(&mut self) {
        let firms = self.take(self.size, |firm| firm.industry.consumers == 0.0 && !firm.individual);
        for index in &firms {
            self.establish(*index, 6_000_000.0, 25_000_000.0);
            self.world.firms[*index].conduct.rush = 45.0;
        }
        self.label(&firms, "month_end_concentration", (0, self.last()), Measure::Sold);
    }

    /// Innocent: sells tea in spring or heat in winter.
    fn seasonal(&mut self) {
        let peak = |firm: &Firm| firm.industry.season.iter().copied().fold(0.0, f64::max);
        let firms = self.take(3, |firm| peak(firm) > 2.0 && !firm.small);
        self.label(&firms, "seasonal", (0, self.last()), Measure::Nothing);
    }

    /// Innocent: bills every floor the same rent, in whole thousands.
    fn landlords(&mut self) {
        let firms = self.take(2, |firm| firm.industry.code == "K7040");
        for index in &firms {
            self.establish(*index, 4_000_000.0, 9_000_000.0);
            let conduct = &mut self.world.firms[*index].conduct;
            (conduct.fixed_fees, conduct.mistakes) = (true, 0.0);
        }
        self.label(&firms, "fixed_rent", (0, self.last()), Measure::Nothing);
    }

    /// Innocent: a supplier of one big manufacturer.
    fn big_customer(&mut self) {
        let firms = self.take(2, |firm| firm.industry.stage == Stage::Material);
        for index in &firms {
            self.establish(*index, 8_000_000.0, 20_000_000.0);
            self.world.firms[*index].conduct.top_customer = Some(0.82);
        }
        self.label(&firms, "one_big_customer", (0, self.last()), Measure::Nothing);
    }

    /// Innocent: new, growing by a quarter every month, with the staff and the purchases to match.
    fn fast_growers(&mut self) {
        let firms = self.take(2, |firm| firm.industry.stage == Stage::Product && !firm.individual);
        let start = (self.last() / 4).max(1);
        for index in &firms {
            self.establish(*index, 5_000_000.0, 9_000_000.0);
            let months = self.world.months.len();
            let born = self.world.months[start - 1].first() + Duration::days(12);
            let firm = &mut self.world.firms[*index];
            (firm.registered, firm.status.1, firm.employees, firm.rating) = (born, born, 46, "M");
            firm.capital.1 = firm.capital.0;
            let grown = |month: usize| if month < start { 0.0 } else { 1.25f64.powi((month - start) as i32) };
            firm.conduct.activity = (0..months).map(grown).collect();
        }
        self.label(&firms, "fast_grower", (start, self.last()), Measure::Nothing);
    }

    /// Innocent: two factories that work for each other, each buying what the other makes.
    fn partners(&mut self) {
        let firms = self.take(2, |firm| {
            matches!(firm.industry.stage, Stage::Material | Stage::Product) && !firm.individual
        });
        for index in &firms {
            self.establish(*index, 10_000_000.0, 20_000_000.0);
        }
        self.label(&firms, "mutual_processing", (0, self.last()), Measure::Nothing);
        self.cast.partners = firms;
    }

    /// Innocent: settles accounts with its customers on the last days of the month.
    fn settlers(&mut self) {
        let firms = self.take(1, |firm| firm.industry.stage == Stage::Building && !firm.individual);
        for index in &firms {
            self.establish(*index, 10_000_000.0, 30_000_000.0);
            self.world.firms[*index].conduct.rush = 18.0;
        }
        self.label(&firms, "month_end_settlement", (0, self.last()), Measure::Nothing);
    }
}

/// No ordinary business at all.
fn silent(usual: &Conduct) -> Conduct {
    let activity = vec![0.0; usual.activity.len()];
    Conduct {
        annual: 0.0,
        purchases: 0.0,
        mistakes: 0.0,
        nights: 0.2,
        paper: false,
        activity,
        ..usual.clone()
    }
}

/// Steady sales that end every month just below a line.
fn park(conduct: &mut Conduct, ceiling: f64, ticket: f64, months: usize) {
    conduct.annual = ceiling * 12.0;
    conduct.ticket = ticket;
    conduct.ceiling = Some(ceiling);
    conduct.activity = vec![1.0; months];
    // A correction would carry sales into another month and off the line.
    conduct.mistakes = 0.0;
}
