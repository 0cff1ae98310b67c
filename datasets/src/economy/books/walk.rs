//! Walks the months of a firm: trade first, then the taxes on it, people, power, money. Everything that passes from
//! one month to the next (credit, stock, assets, what a quarter adds up) is held here.

use super::{Arrear, CustomsBook, MonthBook, Payment, PlatformBook, PowerBook, Quota, Truth};
use crate::economy::Economy;
use crate::economy::certificates::{Certificate, certificates};
use crate::economy::dice::{Dice, Purpose};
use crate::economy::imports::{imports, split};
use crate::economy::industries::{Document, Industry};
use crate::economy::invoices::{Seller, Sheet};
use crate::economy::law::Size;
use crate::economy::ledger::FirmMonth;
use crate::economy::model::{Fate, Firm, World};
use crate::economy::schemes::{Role, SchemeKind, SchemePlan};
use crate::economy::waivers::waived_from;

/// Farm purchases are deducted at this rate, basis points.
pub(super) const FARM_RATE_BP: i64 = 900;

/// Keeps the books of one firm.
pub(super) struct Keeper<'a> {
    pub economy: &'a Economy,
    pub world: &'a World,
    pub index: u32,
    pub firm: &'a Firm,
    pub industry: &'a Industry,
    pub plan: Option<&'a SchemePlan>,
    /// Traits of the firm that are numbers: efficiency, wage level, terms of payment.
    pub habits: Habits,
    /// What it is certified as, and until when.
    pub certificates: Vec<Certificate>,
    /// The month, by index, from which it gave the exemption of small-scale taxpayers up.
    pub waived_from: Option<usize>,
    pub carried: Carried,
}

/// What is the same all months.
#[derive(Clone)]
pub(in crate::economy) struct Habits {
    /// Power for a given output, around 1.
    pub power: f64,
    /// Monthly wage, cents.
    pub wage: f64,
    /// Months of sales outstanding and of purchases owed.
    pub terms: (f64, f64),
    /// Share of consumer sales over a platform.
    pub platform: f64,
    /// Veterans and members of key groups employed.
    pub helped: (i64, i64),
    /// Share of purchases that is services, not goods.
    pub services: f64,
    /// Profit aimed at, as a share of sales.
    pub margin: f64,
}

impl Habits {
    /// Those of a firm.
    pub(in crate::economy) fn of(seed: u64, firm: u32, industry: &Industry) -> Self {
        let dice = &mut Dice::of(seed, Purpose::Books, u64::from(firm), 0);
        let services = if industry.stock_months > 0.3 { dice.range(0.1, 0.16) } else { 0.75 };
        Self {
            power: dice.lognormal(1.0, 0.18),
            wage: dice.lognormal(720_000.0, 0.2),
            terms: (dice.range(0.4, 2.2), dice.range(0.4, 1.8)),
            platform: dice.range(0.25, 0.6),
            helped: (i64::from(dice.chance(0.03)), i64::from(dice.chance(0.03)) * dice.between(1, 3)),
            services,
            margin: (0.055 + dice.normal() * 0.03).clamp(-0.03, 0.16),
        }
    }
}

/// What passes from month to month.
#[derive(Default, Clone)]
pub(super) struct Carried {
    /// Credit of input tax at the end of the month before.
    pub credit: i64,
    /// Export refund approved last month, to be taken off this month's credit.
    pub refundable: i64,
    /// Refund of credit paid last month, to be taken off likewise.
    pub refunded: i64,
    /// Months with a credit above half a million in a row.
    pub months_in_credit: u32,
    /// That credit at the end of the last December.
    pub year_end_credit: Option<i64>,
    /// Input tax so far, and of it what no refund of credit counts.
    pub inputs: (i64, i64),
    /// Sales of a small-scale taxpayer's quarter so far.
    pub quarter: super::vat::Quarter,
    /// The quarter it filed last.
    pub filed: super::vat::Quarter,
    /// Income tax relief of the year wrongly claimed or forgone so far: the year and the sum.
    pub relief_at_stake: (i32, i64),
    /// VAT and stamp bases of the quarter.
    pub stamp_base: i64,
    pub balance: super::BalanceBook,
    pub retained: i64,
    /// Income of the year so far, months, headcount and assets for averages.
    pub year: super::cit::Year,
    pub started: bool,
    /// Income tax of a year's quarters already due: the year and the sum.
    pub cit_settled: (i32, i64),
    /// The last year of which income tax is unpaid.
    pub cit_owed: i32,
    /// How large each settled year showed the firm to be.
    pub settled: Vec<(i32, Size)>,
}

impl Carried {
    /// Income tax already due for the quarters of a year.
    pub(super) fn cit_settled_of(&self, year: i32) -> i64 {
        if self.cit_settled.0 == year { self.cit_settled.1 } else { 0 }
    }
}

/// What a month's trade comes to, all without tax.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Trade {
    /// On special invoices, on others, with their tax.
    pub special: (i64, i64),
    pub other: (i64, i64),
    pub exempt: i64,
    pub exports: i64,
    /// Without invoice, declared.
    pub uninvoiced: (i64, i64),
    /// Without invoice, not declared.
    pub hidden: i64,
    /// Sham sales and purchases.
    pub sham_sold: i64,
    pub sham_bought: i64,
    /// Purchases that arrived, farm and imports included.
    pub purchases: i64,
    pub farm: i64,
}

impl Trade {
    /// Sales as declared.
    pub(super) fn declared(&self) -> i64 {
        self.special.0 + self.other.0 + self.exempt + self.exports + self.uninvoiced.0
    }

    /// What was really sold.
    pub(super) fn real(&self) -> i64 {
        (self.declared() + self.hidden - self.sham_sold).max(0)
    }
}

impl<'a> Keeper<'a> {
    pub(super) fn new(economy: &'a Economy, index: u32) -> Self {
        let world = economy.world();
        let (firm, industry) = (world.firm(index), world.industry(index));
        let habits = Habits::of(world.spec().seed, index, industry);
        let plan = economy.scheme(index);
        let certificates = certificates(world, index);
        let (waived_from, carried) = (waived_from(economy, index), Carried::default());
        let mut keeper =
            Self { economy, world, index, firm, industry, plan, habits, certificates, waived_from, carried };
        // Who forgets a relief for people it employs employs some; who claims it wrongly none.
        if keeper.claims_policy("veterans") {
            keeper.habits.helped.0 = 2 * i64::from(keeper.forgets("veterans"));
        }
        if keeper.claims_policy("key_groups") {
            keeper.habits.helped.1 = 2 * i64::from(keeper.forgets("key_groups"));
        }
        keeper
    }

    /// All months.
    pub(super) fn months(mut self) -> Vec<MonthBook> {
        (0..self.world.months()).map(|month| self.month(month)).collect()
    }

    /// The generator of one month.
    pub(super) fn dice(&self, month: usize) -> Dice {
        Dice::of(self.world.spec().seed, Purpose::MonthBooks, u64::from(self.index), month as u64)
    }

    /// Whether this firm's scheme is of this kind and acts, and how strongly.
    pub(super) fn acts(&self, kind: SchemeKind, month: usize) -> Option<f64> {
        let plan = self.plan.filter(|plan| plan.is(kind, month) && plan.role == Role::Organiser)?;
        Some(f64::from(plan.strength))
    }

    fn month(&mut self, month: usize) -> MonthBook {
        let period = self.world.period(month);
        let mut book = MonthBook { month, period, ..MonthBook::default() };
        let gone = month >= usize::from(self.firm.closes);
        book.registered = self.firm.registered_on < self.world.first_day(month + 1)
            && !(gone && self.firm.fate == Fate::Deregistered);
        book.vanished = book.registered && gone && self.firm.fate == Fate::Abnormal;
        if !book.registered {
            return book;
        }
        let dice = &mut self.dice(month);
        let trade = if book.vanished { Trade::default() } else { self.trade(month, dice) };
        book.truth = Truth {
            sales: trade.real(),
            hidden_sales: trade.hidden,
            purchases: trade.purchases - trade.sham_bought,
            sham_purchases: trade.sham_bought,
            sham_sales: trade.sham_sold,
            ..Truth::default()
        };
        book.truth.at_stake = trade.hidden;
        if book.vanished {
            // Nobody answers, files or pays; the meter stands still.
            book.balance = self.carried.balance;
            return book;
        }
        self.staff(&mut book, &trade, dice);
        self.customs(&mut book, &trade, dice);
        self.file_vat(&mut book, &trade, dice);
        self.surcharges(&mut book, &trade, dice);
        self.keep_accounts(&mut book, &trade, dice);
        self.file_cit(&mut book);
        self.pay(&mut book, dice);
        self.meter(&mut book, &trade, dice);
        self.bank(&mut book, &trade, dice);
        self.quota(&mut book, &trade);
        self.stake(&mut book, &trade);
        book
    }

    /// What schemes come to that neither plan invoices nor hide sales.
    fn stake(&self, book: &mut MonthBook, trade: &Trade) {
        let Some(plan) = self.plan.filter(|plan| plan.acts(book.month)) else { return };
        book.truth.at_stake = match plan.kind {
            SchemeKind::SplitBusiness | SchemeKind::UnderGeneralLine | SchemeKind::MonthEndConcentration => {
                trade.declared().max(0)
            }
            SchemeKind::InflatedFarmPurchases => {
                (trade.farm as f64 * (1.0 - 1.0 / f64::from(plan.strength))) as i64
            }
            SchemeKind::DeregisterAndReturn => book.arrears.iter().map(|arrear| arrear.amount).sum(),
            _ => return,
        };
    }

    fn trade(&self, month: usize, dice: &mut Dice) -> Trade {
        let sums: &FirmMonth = self.economy.ledger().of(self.index, month);
        let level = self.world.level(self.index, month);
        let rate = match (self.firm.general, self.industry.document) {
            (true, _) => self.industry.rate_bp,
            (false, Document::UsedCar) => 50,
            _ => 100,
        };
        let hide = self
            .acts(SchemeKind::OffTheBooks, month)
            .or_else(|| self.acts(SchemeKind::PowerWithoutOutput, month))
            .unwrap_or(0.0);
        let loose = level * f64::from(1.0 - self.firm.invoiced).max(0.0) * dice.lognormal(1.0, 0.08);
        let uninvoiced = (loose * (1.0 - hide)) as i64;
        let taxed =
            if self.firm.traits.exempt { 0 } else { crate::economy::invoices::tax_on(uninvoiced, rate) };
        let hidden = (hide * (loose + level * f64::from(self.firm.invoiced))) as i64;
        let declared = imports(self.world, self.index, month);
        let (value, duty) = declared.iter().fold((0, 0), |sum, one| (sum.0 + one.value, sum.1 + one.duty));
        let (sham_sold, sham_bought) = self.sham(month);
        let farm = self.farm(month);
        let exports = if self.firm.traits.exempt { 0 } else { sums.exempt };
        Trade {
            special: (sums.special, sums.special_tax),
            other: (sums.other, sums.other_tax),
            exempt: sums.exempt - exports + if self.firm.traits.exempt { uninvoiced } else { 0 },
            exports,
            uninvoiced: if self.firm.traits.exempt { (0, 0) } else { (uninvoiced, taxed) },
            hidden,
            sham_sold,
            sham_bought,
            purchases: sums.received_special + sums.received_other + value + duty,
            farm,
        }
    }

    /// Sham sales and purchases of a firm that plays a part.
    fn sham(&self, month: usize) -> (i64, i64) {
        let Some(plan) = self.plan.filter(|plan| plan.role != Role::Innocent) else { return (0, 0) };
        let sold = Seller::new(self.world, self.index).sham(month, None).0;
        let others = plan.members.iter().filter(|member| **member != self.index);
        let bought =
            others.map(|seller| Seller::new(self.world, *seller).sham(month, Some(self.index)).0).sum();
        (sold, bought)
    }

    /// Purchases from farmers.
    fn farm(&self, month: usize) -> i64 {
        let mut sheet = Sheet::default();
        self.firm.farmers().map(|farmer| Seller::new(self.world, farmer).sold(month, &mut sheet)).sum()
    }

    fn customs(&self, book: &mut MonthBook, trade: &Trade, dice: &mut Dice) {
        book.imports = imports(self.world, self.index, book.month);
        let circulated = self.acts(SchemeKind::CirculatingExports, book.month).is_some();
        let rate = self.industry.rate_bp;
        for (value, items, good) in split(trade.exports, self.industry.goods.len(), dice) {
            book.exports.push(CustomsBook {
                items,
                value,
                good,
                circulated,
                refund_rate_bp: rate,
                input_tax: crate::economy::invoices::tax_on(value, rate),
                ..Default::default()
            });
        }
    }

    fn meter(&self, book: &mut MonthBook, trade: &Trade, dice: &mut Dice) {
        if self.plan.is_some_and(|plan| plan.kind == SchemeKind::InvoiceMill && plan.role == Role::Organiser)
        {
            book.power =
                PowerBook { kwh: dice.between(15, 60), meters: 1, power_cost: 4_000, ..PowerBook::default() };
            return;
        }
        // Ten thousand yuan of output, and a base load of lights and offices.
        let usual = self.firm.annual as f64 / 12.0 * self.world.presence(self.firm, book.month);
        let output = (0.85 * trade.real() as f64 + 0.15 * usual) / 1_000_000.0;
        let amount =
            |per: f64, dice: &mut Dice| (output * per * self.habits.power * dice.range(0.92, 1.08)) as i64;
        let kwh = amount(self.industry.kwh, dice) + book.truth.headcount * 35;
        let water = amount(self.industry.water, dice) + book.truth.headcount;
        let gas = amount(self.industry.gas, dice);
        book.power = PowerBook {
            kwh,
            meters: if kwh == 0 { 0 } else { 1 + (kwh > 200_000) as u8 + (kwh > 2_000_000) as u8 },
            power_cost: kwh * 68,
            water,
            water_cost: water * 410,
            gas,
            gas_cost: gas * 340,
        };
    }

    fn bank(&self, book: &mut MonthBook, trade: &Trade, dice: &mut Dice) {
        let private = (self.industry.consumers * 0.6).min(0.6) * dice.range(0.9, 1.1);
        let tax = trade.special.1 + trade.other.1 + trade.uninvoiced.1;
        let receipts = ((trade.declared() + tax - trade.sham_sold) as f64 * dice.range(0.93, 1.04)).max(0.0);
        // Of what is not declared, two thirds pass through accounts all the same.
        let secret = trade.hidden as f64 * 0.66;
        // With tax. What was reversed in a later month is paid back there.
        let sham = trade.sham_sold.max(0) as f64 * 1.1;
        let sham_bought = trade.sham_bought.max(0) as f64 * 1.1;
        let (undone, undone_bought) =
            ((-trade.sham_sold).max(0) as f64 * 1.1, (-trade.sham_bought).max(0) as f64 * 1.1);
        let bought = (trade.purchases - trade.sham_bought) as f64 * dice.range(0.95, 1.1);
        let paid = bought.max(0.0) + book.staff.wages as f64;
        // Suppliers pay back what was returned.
        let receipts = receipts + (-bought).max(0.0);
        let back = self.plan.filter(|plan| plan.role != Role::Innocent).map_or(0.0, |plan| match plan.kind {
            SchemeKind::CircularInvoicing | SchemeKind::PassThroughChain | SchemeKind::InvoiceMill => 0.92,
            SchemeKind::CirculatingExports | SchemeKind::OutputWithoutPower => 0.8,
            _ => 0.3,
        });
        let returned = (sham + sham_bought) * back;
        book.bank.inflow = (receipts + secret + sham + undone_bought) as i64;
        book.bank.outflow = (paid + sham_bought + undone + sham * 0.97) as i64;
        book.bank.inflow_count =
            1 + (receipts / self.firm.ticket.max(50_000) as f64) as i64 + (secret / 60_000.0) as i64;
        book.bank.private_inflow = (receipts * private + secret) as i64;
        book.bank.private_outflow = book.staff.wages + (sham * 0.9) as i64;
        book.bank.round_trip = returned as i64;
        if self.firm.traits.platform {
            let consumers = trade.uninvoiced.0 as f64 + trade.hidden as f64;
            let gross = (consumers * self.habits.platform).max(0.0)
                + trade.hidden as f64 * (0.9 - self.habits.platform);
            book.platform = Some(PlatformBook {
                platform: (self.index % 4) as u8,
                orders: (gross / 9_000.0) as i64,
                gross: (gross * 1.08) as i64,
                refunded: (gross * dice.range(0.02, 0.08)) as i64,
            });
        }
    }

    fn quota(&self, book: &mut MonthBook, trade: &Trade) {
        let usual = self.firm.annual as f64 / 12.0 * 1.6;
        let invoiced = (trade.special.0 + trade.other.0 + trade.exempt + trade.exports).max(0) as f64;
        let round = |cents: f64| ((cents / 100_000_000.0).ceil().max(1.0) * 100_000_000.0) as i64;
        let above = invoiced > usual;
        book.quota = Quota {
            invoice_limit: if self.firm.ticket > 8_000_000 { 100_000_000 } else { 10_000_000 },
            monthly: round(usual.max(invoiced)),
            raises: if above && invoiced > 2.0 * usual { 2 } else { i32::from(above) },
        };
    }

    /// Adds a payment, or arrears where the firm does not pay.
    pub(super) fn settle(
        &self,
        book: &mut MonthBook,
        tax_code: &'static str,
        amount: i64,
        late: i32,
        pays: bool,
    ) {
        if amount <= 0 {
            return;
        }
        if pays {
            let kind = if tax_code == "iit" { "withheld" } else { "declared" };
            book.payments.push(Payment { tax_code, kind, refund_kind: None, days_late: late, amount });
        } else if let Some(owed) = book.arrears.iter_mut().find(|owed| owed.tax_code == tax_code) {
            owed.amount += amount;
        } else {
            book.arrears.push(Arrear { tax_code, amount });
        }
    }
}
