//! Planted schemes and the honest firms that look like them: kinds, and the part a firm plays. Rates and strengths lie
//! in `datasets/economy/schemes.toml`.
//!
//! # Labels
//! What is planted, its name in `truth.scheme`, and who is `innocent` under that name: honest firms that traded with
//! its organisers and users while it acted, as far as they are close to them (see `drawn_in.rs`).
//!
//! | Scheme | Label | Innocent counterparties |
//! |---|---|---|
//! | invoice mills that burst and vanish | `invoice_mill` | of the users: a mill itself buys nothing and sells to users only |
//! | circular invoicing of three to six firms | `circular_invoicing` | suppliers, customers |
//! | pass-through chains | `pass_through_chain` | suppliers, customers |
//! | goods switched between input and output (变名销售) | `goods_switch` | suppliers, customers |
//! | sales off the books: platform, private account | `off_the_books` | suppliers |
//! | power without output | `power_without_output` | suppliers |
//! | output without power | `output_without_power` | suppliers, customers |
//! | inflated farm purchases | `inflated_farm_purchases` | none: farmers are no taxpayers |
//! | one business split over several small ones below the line | `split_business` | none |
//! | sales parked just under the line | `under_general_line` | none |
//! | takeover, then surge | `takeover_surge` | the customers, who hold its invoices in good faith |
//! | void after deduction | `void_after_deduction` | suppliers, customers |
//! | red invoices across years; needs months in which December is followed by January | `red_across_years` | suppliers, customers |
//! | idle credit (留抵) and refund-driven purchases | `idle_credit_refund_purchases` | suppliers, customers |
//! | export refund on circulating goods | `circulating_exports` | suppliers, customers |
//! | wages against insurance | `wages_against_insurance` | none |
//! | fake employees | `fake_employees` | none |
//! | related-party profit shifting to a low-rate affiliate | `profit_shifting` | none |
//! | wrong claims | `wrong_claim` | none |
//! | forgotten claims | `forgotten_claim` | the firm itself is innocent: it is owed money |
//! | abnormal upstream vouchers passed down | `abnormal_upstream` | suppliers, customers |
//! | deregister and return under the same people | `deregister_and_return` | none |
//! | invoices at month end, to reach a line | `month_end_concentration` | none |
//! | the same round amounts again and again | `repeated_round_amounts` | none |
//!
//! Honest firms that look like one of these are `innocent` under names of their own: `seasonal`, `fixed_rent`,
//! `one_big_customer`, `fast_grower`, `mutual_processing`, `month_end_settlement`, `shared_address`, `holding`,
//! `honest_exporter`, `loss_making_start_up`.

use std::ops::RangeInclusive;

/// A kind of scheme, or of honest look-alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SchemeKind {
    /// A shell registered months ago bursts with invoices and vanishes; users deduct them.
    InvoiceMill,
    /// Three to six firms invoice each other in a circle.
    CircularInvoicing,
    /// Invoices pass through a chain of firms without margin, staff or power.
    PassThroughChain,
    /// What is sold is not what was bought (变名销售).
    GoodsSwitch,
    /// Sales over a platform and private accounts that are not declared.
    OffTheBooks,
    /// Production without declared output: power stands against sales.
    PowerWithoutOutput,
    /// Invoiced output that power, staff and purchases cannot have made.
    OutputWithoutPower,
    /// Purchases from farmers inflated for the computed deduction.
    InflatedFarmPurchases,
    /// One business split over several small ones below the exemption line.
    SplitBusiness,
    /// Sales parked every month just under the line to a general taxpayer.
    UnderGeneralLine,
    /// A silent firm is taken over and issues millions.
    TakeoverSurge,
    /// Invoices voided after their tax was deducted.
    VoidAfterDeduction,
    /// Sales lifted in December and reversed by red invoices in the next year: cast only where the months of the economy
    /// cross a year.
    RedAcrossYears,
    /// Idle credit (留抵税额) blown up by purchases that are made for its refund.
    IdleCreditRefundPurchases,
    /// Export refund on goods that circulate.
    CirculatingExports,
    /// Wages in the books far above the base of social insurance.
    WagesAgainstInsurance,
    /// Employees who do not exist.
    FakeEmployees,
    /// Profit shifted to an affiliate taxed low.
    ProfitShifting,
    /// A relief claimed without its conditions.
    WrongClaim,
    /// A relief not claimed though its conditions are met: money the taxpayer is owed.
    ForgottenClaim,
    /// Vouchers of a vanished upstream firm, passed down.
    AbnormalUpstream,
    /// Deregistered with debts, back under another name with the same people.
    DeregisterAndReturn,
    /// Most invoices on the last days of a month, to reach a line.
    MonthEndConcentration,
    /// The same round amounts to one customer again and again.
    RepeatedRoundAmounts,
    /// Honest: sells in one season.
    Seasonal,
    /// Honest: bills the same rent every month.
    FixedRent,
    /// Honest: supplies one big customer.
    OneBigCustomer,
    /// Honest: young and growing fast, with the staff and purchases to match.
    FastGrower,
    /// Honest: two factories that work for each other.
    MutualProcessing,
    /// Honest: settles accounts at month end.
    MonthEndSettlement,
    /// Honest: many firms at one address (incubator, market).
    SharedAddress,
    /// Honest: a holding company without staff.
    Holding,
    /// Honest: an exporter in refund position.
    HonestExporter,
    /// Honest: a start-up that loses money.
    LossMakingStartUp,
}

/// Every kind with its name, as in `truth.scheme` and `schemes.toml`.
const NAMES: [(SchemeKind, &str); 34] = [
    (SchemeKind::InvoiceMill, "invoice_mill"),
    (SchemeKind::CircularInvoicing, "circular_invoicing"),
    (SchemeKind::PassThroughChain, "pass_through_chain"),
    (SchemeKind::GoodsSwitch, "goods_switch"),
    (SchemeKind::OffTheBooks, "off_the_books"),
    (SchemeKind::PowerWithoutOutput, "power_without_output"),
    (SchemeKind::OutputWithoutPower, "output_without_power"),
    (SchemeKind::InflatedFarmPurchases, "inflated_farm_purchases"),
    (SchemeKind::SplitBusiness, "split_business"),
    (SchemeKind::UnderGeneralLine, "under_general_line"),
    (SchemeKind::TakeoverSurge, "takeover_surge"),
    (SchemeKind::VoidAfterDeduction, "void_after_deduction"),
    (SchemeKind::RedAcrossYears, "red_across_years"),
    (SchemeKind::IdleCreditRefundPurchases, "idle_credit_refund_purchases"),
    (SchemeKind::CirculatingExports, "circulating_exports"),
    (SchemeKind::WagesAgainstInsurance, "wages_against_insurance"),
    (SchemeKind::FakeEmployees, "fake_employees"),
    (SchemeKind::ProfitShifting, "profit_shifting"),
    (SchemeKind::WrongClaim, "wrong_claim"),
    (SchemeKind::ForgottenClaim, "forgotten_claim"),
    (SchemeKind::AbnormalUpstream, "abnormal_upstream"),
    (SchemeKind::DeregisterAndReturn, "deregister_and_return"),
    (SchemeKind::MonthEndConcentration, "month_end_concentration"),
    (SchemeKind::RepeatedRoundAmounts, "repeated_round_amounts"),
    (SchemeKind::Seasonal, "seasonal"),
    (SchemeKind::FixedRent, "fixed_rent"),
    (SchemeKind::OneBigCustomer, "one_big_customer"),
    (SchemeKind::FastGrower, "fast_grower"),
    (SchemeKind::MutualProcessing, "mutual_processing"),
    (SchemeKind::MonthEndSettlement, "month_end_settlement"),
    (SchemeKind::SharedAddress, "shared_address"),
    (SchemeKind::Holding, "holding"),
    (SchemeKind::HonestExporter, "honest_exporter"),
    (SchemeKind::LossMakingStartUp, "loss_making_start_up"),
];

impl SchemeKind {
    /// Every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(kind, _)| *kind)
    }

    /// As in `truth.scheme`.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    /// Whether firms of this kind are honest and only look like a scheme.
    pub fn honest(self) -> bool {
        self >= Self::Seasonal
    }
}

/// Part in a scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Runs it.
    Organiser,
    /// Profits from it, e.g. takes the invoices.
    User,
    /// Honest: an innocent counterparty of the scheme, which traded with its organisers or users; or, under the name
    /// of a look-alike, a firm that only looks like a scheme; or one that forgets a claim.
    Innocent,
}

impl Role {
    /// As in `truth`: `organiser`, `user`, `innocent`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Organiser => "organiser",
            Self::User => "user",
            Self::Innocent => "innocent",
        }
    }
}

/// The part one firm plays. A firm plays at most one.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemePlan {
    /// What it is.
    pub kind: SchemeKind,
    /// Part of this firm in it.
    pub role: Role,
    /// Number of this instance of the scheme; its members share it.
    pub group: u32,
    /// All members of the instance in their order (of a circle or chain: each invoices the next), by firm index.
    pub members: Vec<u32>,
    /// First and last month in which it acts, by index.
    pub months: RangeInclusive<u16>,
    /// How strongly, from `schemes.toml`; the meaning depends on the kind (a share, a factor).
    pub strength: f32,
    /// For claims: index into [`policies::policies`](super::policies::policies).
    pub policy: Option<u8>,
}

impl SchemePlan {
    /// Whether the scheme acts in this month (by index) and this firm is not innocent.
    pub fn acts(&self, month: usize) -> bool {
        self.role != Role::Innocent && self.months.contains(&(month as u16))
    }

    /// Whether it is of this kind and acts in this month.
    pub fn is(&self, kind: SchemeKind, month: usize) -> bool {
        self.kind == kind && self.acts(month)
    }
}
