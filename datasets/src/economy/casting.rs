//! Who plays which part: firms are taken from the population for a scheme, or as honest firms that look like one, and
//! their conduct is set accordingly. The plan of each part is the truth that detection is measured against.

use super::EconomyError;
use super::claimants::Search;
use super::definitions::{self, SchemeEntry};
use super::dice::{Dice, Purpose, mix};
use super::flows::{Flow, FlowFate, Style};
use super::model::{EXEMPT_LINE, Fate, Firm, FirmKind, GENERAL_LINE};
use super::parts_played::Scene;
use super::schemes::{Role, SchemeKind, SchemePlan};

/// What came of casting.
#[derive(Debug, Default)]
pub(super) struct Cast {
    pub plans: Vec<SchemePlan>,
    pub plan_of: Vec<u32>,
    pub flows: Vec<Flow>,
}

/// What casting needs to know of the world.
pub(super) struct Stage<'a> {
    pub seed: u64,
    pub months: &'a [super::calendar::Month],
    pub industries: &'a [super::industries::Industry],
    pub firms: &'a mut Vec<Firm>,
}

/// Gives out the parts.
pub(super) fn cast(stage: Stage<'_>) -> Result<Cast, EconomyError> {
    let entries = definitions::schemes()?;
    let mut order: Vec<u32> = (0..stage.firms.len() as u32).collect();
    order.sort_unstable_by_key(|firm| mix(stage.seed, [Purpose::Schemes as u64, u64::from(*firm), 1]));
    let free = vec![true; stage.firms.len()];
    let (search, cast) = (Search::default(), Cast::default());
    let mut director = Director { stage, order, free, cursor: 0, group: 0, search, cast };
    director.cast.plan_of = vec![0; director.free.len()];
    for entry in &entries {
        let kind = SchemeKind::named(&entry.name).ok_or_else(|| EconomyError::Definition {
            file: "schemes.toml",
            problem: format!("`{}` is no scheme; correct its name", entry.name),
        })?;
        let wanted = (entry.rate * director.free.len() as f64 / 1_000.0).round().max(1.0) as usize;
        director.cursor = 0;
        for _ in 0..wanted {
            director.instance(kind, entry);
        }
    }
    Ok(director.cast)
}

/// Takes firms for parts.
pub(super) struct Director<'a> {
    pub stage: Stage<'a>,
    pub order: Vec<u32>,
    pub free: Vec<bool>,
    cursor: usize,
    group: u32,
    pub search: Search,
    pub cast: Cast,
}

impl Director<'_> {
    fn instance(&mut self, kind: SchemeKind, entry: &SchemeEntry) {
        self.group += 1;
        if matches!(kind, SchemeKind::WrongClaim | SchemeKind::ForgottenClaim) {
            self.claimant(kind, entry);
            return;
        }
        let mut dice = Dice::of(self.stage.seed, Purpose::Schemes, u64::from(self.group), 2);
        let count = dice.between(entry.members.0 as i64, entry.members.1 as i64) as usize;
        let last = self.stage.months.len() as u16 - 1;
        let Some(months) = self.window(kind, entry, last, &mut dice) else { return };
        let industries = self.stage.industries;
        let members =
            self.take(count, |firm| fits(kind, firm, &industries[usize::from(firm.industry)].code, last));
        if members.len() < count {
            members.iter().for_each(|firm| self.free[*firm as usize] = true);
            return;
        }
        let users = match entry.users {
            0 => Vec::new(),
            users => {
                self.cursor = 0;
                self.take(users, |firm| fits_user(kind, firm, &industries[usize::from(firm.industry)].code))
            }
        };
        let strength = dice.range(entry.strength.0, entry.strength.1);
        self.plan(kind, &members, &users, months, strength, None);
        let scene = Scene { kind, members, users, months, strength, last };
        scene.play(self, &mut dice);
    }

    /// Number of this instance.
    pub(super) fn group(&self) -> u32 {
        self.group
    }

    /// How strongly this instance acts.
    pub(super) fn strength(&self, entry: &SchemeEntry) -> f64 {
        let mut dice = Dice::of(self.stage.seed, Purpose::Schemes, u64::from(self.group), 3);
        dice.range(entry.strength.0, entry.strength.1)
    }

    /// First and last month of a claim.
    pub(super) fn claim_months(&self, kind: SchemeKind, entry: &SchemeEntry) -> Option<(u16, u16)> {
        let last = self.stage.months.len() as u16 - 1;
        self.window(
            kind,
            entry,
            last,
            &mut Dice::of(self.stage.seed, Purpose::Schemes, u64::from(self.group), 4),
        )
    }

    /// First and last month; `None` where the scheme finds no place in the months of the economy.
    fn window(
        &self,
        kind: SchemeKind,
        entry: &SchemeEntry,
        last: u16,
        dice: &mut Dice,
    ) -> Option<(u16, u16)> {
        if kind == SchemeKind::RedAcrossYears {
            let december = self.stage.months.iter().position(|month| month.of_year() == 11)? as u16;
            return (december < last).then(|| (december, (december + 2).min(last)));
        }
        let length = entry.months as u16;
        if length == 0 {
            return Some((0, last));
        }
        // Not before the third month: a shell must be founded, a sleeper must sleep.
        let latest = (last + 1).saturating_sub(length + 1).max(2);
        let start = dice.between(2, i64::from(latest)) as u16;
        Some((start, (start + length - 1).min(last)))
    }

    /// Up to `count` free firms that fit, in the order of the seed.
    pub(super) fn take(&mut self, count: usize, fits: impl Fn(&Firm) -> bool) -> Vec<u32> {
        let mut taken = Vec::new();
        let start = self.cursor;
        while taken.len() < count && self.cursor < self.order.len() {
            let firm = self.order[self.cursor];
            if self.free[firm as usize] && fits(&self.stage.firms[firm as usize]) {
                self.free[firm as usize] = false;
                taken.push(firm);
            }
            self.cursor += 1;
        }
        if taken.is_empty() && count > 0 {
            self.cursor = start;
        }
        taken
    }

    pub(super) fn plan(
        &mut self,
        kind: SchemeKind,
        members: &[u32],
        users: &[u32],
        months: (u16, u16),
        strength: f64,
        policy: Option<u8>,
    ) {
        let all: Vec<u32> = members.iter().chain(users).copied().collect();
        for firm in &all {
            let role = match (kind.honest() || kind == SchemeKind::ForgottenClaim, members.contains(firm)) {
                (true, _) => Role::Innocent,
                (_, true) => Role::Organiser,
                _ => Role::User,
            };
            self.cast.plans.push(SchemePlan {
                kind,
                role,
                group: self.group,
                members: all.clone(),
                months: months.0..=months.1,
                strength: strength as f32,
                policy,
            });
            self.cast.plan_of[*firm as usize] = self.cast.plans.len() as u32;
        }
    }

    /// A firm to set up for its part.
    pub(super) fn firm(&mut self, firm: u32) -> &mut Firm {
        &mut self.stage.firms[firm as usize]
    }

    /// Any firms that buy with a special invoice and play no part, e.g. as customers.
    pub(super) fn bystanders(&self, count: usize, dice: &mut Dice) -> Vec<u32> {
        let start = dice.below(self.order.len());
        let firms = self.order[start..].iter().chain(&self.order[..start]);
        let fits = |index: &&u32| {
            let firm = &self.stage.firms[**index as usize];
            self.free[**index as usize] && established(firm) && firm.annual > 100_000_000
        };
        firms.filter(fits).take(count).copied().collect()
    }

    /// A party outside the province, of an industry.
    pub(super) fn outsider(&self, industry: u8) -> u32 {
        self.stage.firms.len() as u32 + u32::from(industry)
    }

    /// Adds a flow of the usual kind.
    pub(super) fn flow(
        &mut self,
        seller: u32,
        buyers: &[u32],
        months: (u16, u16),
        monthly: f64,
    ) -> &mut Flow {
        let ticket = (monthly / 6.0).clamp(2_000_000.0, 90_000_000.0) as i64;
        self.cast.flows.push(Flow {
            seller,
            buyers: buyers.to_vec(),
            months,
            monthly: monthly as i64,
            growth: 0.0,
            ticket,
            goods: None,
            style: Style::Usual,
            fate: FlowFate::Stays,
            sham: true,
        });
        let last = self.cast.flows.len() - 1;
        &mut self.cast.flows[last]
    }
}

/// In business throughout, a general taxpayer and a company.
fn established(firm: &Firm) -> bool {
    firm.general
        && firm.kind == FirmKind::Enterprise
        && firm.opens == 0
        && firm.fate == Fate::Lives
        && !firm.traits.holding
        && !firm.traits.exempt
}

/// Whether its profit, large enough to be worth shifting, bears the full rate.
fn taxed_in_full(firm: &Firm) -> bool {
    let (traits, recorded) = (firm.traits, firm.purchases + firm.wage_share);
    let relieved = traits.high_tech || traits.encouraged || traits.agri || traits.software;
    firm.annual >= 3_000_000_000 && recorded < 0.8 && !relieved
}

/// Whether a firm can organise a scheme of this kind (or look like one), by what it is before it is cast.
fn fits(kind: SchemeKind, firm: &Firm, code: &str, last: u16) -> bool {
    use SchemeKind as K;
    // Every sale of theirs is documented.
    if matches!(code, "F5261" | "F5262" | "G5421" | "G5443") {
        return false;
    }
    let (trade, making) = (code.starts_with("F51"), code.starts_with('C'));
    let lives = firm.opens == 0 && firm.closes > last;
    let middling = (200_000_000..20_000_000_000).contains(&firm.annual);
    let small = !firm.general && lives && !firm.traits.exempt && !firm.traits.assessed;
    match kind {
        K::InvoiceMill | K::AbnormalUpstream => trade && firm.kind == FirmKind::Enterprise,
        K::CircularInvoicing | K::PassThroughChain => established(firm) && trade,
        // Who sells what the switched invoices name hides nothing by it.
        K::GoodsSwitch => established(firm) && trade && middling && code != "F5176",
        K::OffTheBooks => lives && (firm.traits.platform || code.starts_with('H') || code.starts_with("F52")),
        K::PowerWithoutOutput | K::OutputWithoutPower => established(firm) && making && middling,
        K::InflatedFarmPurchases => established(firm) && firm.traits.agri,
        K::SplitBusiness | K::UnderGeneralLine => small && !code.starts_with('K'),
        K::TakeoverSurge => established(firm) && !making,
        K::VoidAfterDeduction | K::RedAcrossYears | K::MonthEndConcentration => established(firm) && middling,
        K::IdleCreditRefundPurchases => established(firm) && making && middling,
        K::CirculatingExports => established(firm) && (making || trade) && !firm.traits.agri,
        K::WagesAgainstInsurance | K::FakeEmployees => established(firm) && firm.employees >= 8,
        K::ProfitShifting => established(firm) && taxed_in_full(firm),
        // Their firms are sought by policy.
        K::WrongClaim | K::ForgottenClaim => false,
        K::DeregisterAndReturn => {
            let abroad = firm.traits.exporter || firm.traits.importer;
            let taxed = firm.general && firm.annual >= GENERAL_LINE / 2 && !firm.traits.exempt && !abroad;
            lives && firm.kind == FirmKind::Enterprise && !making && !firm.traits.holding && taxed
        }
        K::RepeatedRoundAmounts => established(firm) && matches!(code.as_bytes()[0], b'L' | b'I' | b'M'),
        K::Seasonal => {
            lives && firm.general && matches!(code, "C1530" | "D4430" | "A0141" | "C1311" | "D4511")
        }
        K::FixedRent => lives && code == "K7040",
        K::OneBigCustomer | K::MutualProcessing => established(firm) && making && middling,
        K::FastGrower => established(firm) && (making || code.starts_with('I')),
        K::MonthEndSettlement => established(firm) && code.starts_with('E'),
        K::SharedAddress => lives && firm.kind == FirmKind::Enterprise,
        K::Holding => firm.traits.holding,
        K::HonestExporter => established(firm) && making,
        K::LossMakingStartUp => established(firm) && matches!(code.as_bytes()[0], b'I' | b'M' | b'H'),
    }
}

/// Whether a firm can be a user of a scheme.
fn fits_user(kind: SchemeKind, firm: &Firm, code: &str) -> bool {
    match kind {
        // The affiliate that takes the fees.
        SchemeKind::ProfitShifting => established(firm) && matches!(code.as_bytes()[0], b'L' | b'I' | b'M'),
        SchemeKind::IdleCreditRefundPurchases | SchemeKind::CirculatingExports => {
            established(firm) && code.starts_with("F51")
        }
        _ => established(firm) && firm.annual > 1_000_000_000,
    }
}

/// Sales a month that stay under a line.
pub(super) fn line_of(kind: SchemeKind) -> i64 {
    if kind == SchemeKind::SplitBusiness { EXEMPT_LINE } else { GENERAL_LINE / 12 }
}
