//! Reliefs: what a firm is entitled to, what it claims of it, what it claims without title, what it forgets.

use super::vat::Quarter;
use super::walk::{Keeper, Trade};
use super::{Claim, MonthBook, OtherTax, ReliefTruth, VatBook};
use crate::economy::calendar::year_of;
use crate::economy::certificates::held;
use crate::economy::dice::Dice;
use crate::economy::industries::Document;
use crate::economy::invoices::tax_on;
use crate::economy::law::{ONE_YUAN, Size, Yardstick, free_of_fees, half, part_of, yardstick};
use crate::economy::model::FirmKind;
use crate::economy::policies::{policies, position};
use crate::economy::schemes::SchemeKind;

/// Relief for a disabled employee, a member of a key group, a veteran: cents a month.
const DISABLED: i64 = 800_000;
const KEY_GROUP: i64 = 65_000;
const VETERAN: i64 = 75_000;
/// Employees invented by who claims for such people without employing any.
const INVENTED: i64 = 4;

/// A relief a firm might claim.
#[derive(Clone, Copy)]
struct Candidate {
    key: &'static str,
    entitled: bool,
    base: i64,
    relief: i64,
}

impl Keeper<'_> {
    /// Whether the firm's scheme is about this policy.
    pub(super) fn claims_policy(&self, key: &str) -> bool {
        let policy = self.plan.and_then(|plan| plan.policy);
        policy.and_then(|index| policies().get(usize::from(index))).is_some_and(|policy| policy.key == key)
    }

    /// Whether it claims this policy without title.
    pub(super) fn claims_wrongly(&self, key: &str, book: &MonthBook) -> bool {
        self.acts(SchemeKind::WrongClaim, book.month).is_some() && self.claims_policy(key)
    }

    /// Whether it does not claim this policy though it might.
    pub(super) fn forgets(&self, key: &str) -> bool {
        self.plan.is_some_and(|plan| plan.kind == SchemeKind::ForgottenClaim) && self.claims_policy(key)
    }

    /// Sales of this month declared exempt without title.
    pub(super) fn exempted_wrongly(&self, book: &MonthBook, sales: i64) -> i64 {
        let claims = ["own_produce", "tech_transfer"].into_iter().any(|key| self.claims_wrongly(key, book));
        if claims { (sales.max(0) as f64 * 0.3 * self.strength()) as i64 } else { 0 }
    }

    fn strength(&self) -> f64 {
        self.plan.map_or(1.0, |plan| f64::from(plan.strength))
    }

    /// Reliefs of VAT for this period.
    pub(super) fn claim_vat(&mut self, book: &mut MonthBook) {
        let Some(vat) = book.vat else { return };
        let mut left = vat.tax_total.max(0);
        for candidate in self.vat_candidates(book, &vat) {
            // These are taken off the same tax, which can go to nothing but not below.
            let deducts = matches!(candidate.key, "key_groups" | "veterans");
            let relief = if deducts { candidate.relief.min(left) } else { candidate.relief };
            let claimed = self.claim(book, "vat", Candidate { relief, ..candidate });
            left -= if deducts { claimed } else { 0 };
        }
    }

    /// Claims what the firm claims of a relief, and notes what it claims wrongly or forgets. Comes to the relief claimed.
    fn claim(&self, book: &mut MonthBook, tax_code: &str, candidate: Candidate) -> i64 {
        let Candidate { key, entitled, base, relief } = candidate;
        let (wrong, forgets) = (!entitled && self.claims_wrongly(key, book), self.forgets(key));
        let Some(policy) = position(key, tax_code).filter(|_| relief > 0 && (entitled || wrong)) else {
            return 0;
        };
        if (wrong || forgets) && relief > ONE_YUAN {
            book.truth.at_stake += relief;
            book.reliefs.push(ReliefTruth { policy, settled: false, base, relief });
        }
        if forgets {
            return 0;
        }
        if policies()[usize::from(policy)].has_details() {
            let days_late = book.vat.map_or(0, |vat| vat.days_late);
            book.claims.push(Claim { policy, base, relief, entitled, days_late });
        }
        relief
    }

    /// Relief claimed of one of the smaller taxes. `halving` is the policy that halves them for this firm, if any.
    pub(super) fn claim_local(
        &self,
        book: &mut MonthBook,
        tax: &OtherTax,
        halving: Option<&'static str>,
    ) -> i64 {
        let (code, base) = (tax.tax_code, tax.tax);
        let fee = matches!(code, "education" | "local_education");
        let free = fee && self.pays_no_fees(book);
        let waived = match fee {
            true => self.claim(
                book,
                code,
                Candidate { key: "fees_under_line", entitled: free, base, relief: base },
            ),
            false => 0,
        };
        // What is not levied is not halved.
        let entitled = halving.filter(|_| !free);
        let wrongly =
            || ["six_taxes_small", "six_taxes_micro"].into_iter().find(|key| self.claims_wrongly(key, book));
        let Some(key) = entitled.or_else(wrongly) else { return waived };
        let (entitled, base) = (entitled.is_some(), base - waived);
        waived + self.claim(book, code, Candidate { key, entitled, base, relief: half(base) })
    }

    /// The policy by which the six taxes and two fees are halved for this firm in this month.
    pub(super) fn halving(&self, book: &MonthBook, trade: &Trade, dice: &Dice) -> Option<&'static str> {
        if !self.firm.general || self.firm.kind == FirmKind::Individual {
            return Some("six_taxes_small");
        }
        if !self.taxed_as_company() {
            return None;
        }
        let size = match yardstick(book.period, year_of(self.firm.registered_on)) {
            Yardstick::MonthEnd => self.size_at_month_end(book, trade, dice),
            Yardstick::Settlement(year) => {
                let settled = self.carried.settled.iter().find(|(of, _)| *of == year);
                settled.map_or_else(|| self.size_before(), |(_, size)| *size)
            }
        };
        size.is_small().then_some("six_taxes_micro")
    }

    /// Headcount and assets at the end of the month, as its books will close.
    fn size_at_month_end(&self, book: &MonthBook, trade: &Trade, dice: &Dice) -> Size {
        let (carried, habits) = (self.carried.clone(), self.habits.clone());
        let mut ahead = Keeper { carried, habits, certificates: Vec::new(), ..*self };
        let mut closed = book.clone();
        ahead.keep_accounts(&mut closed, trade, &mut dice.clone());
        let people = book.staff.persons.max(book.staff.insured) * 100;
        Size { income: 0, people, assets: closed.balance.total_assets }
    }

    /// How large the settlements of years before the economy showed the firm to be: about as large as it is, with a month's sales lent,
    /// paid ahead and in the bank.
    fn size_before(&self) -> Size {
        let annual = self.firm.annual as f64;
        let stock = f64::from(self.firm.purchases) * self.industry.stock_months / 12.0;
        let assets = annual * (0.7 * self.industry.fixed_assets + stock + (self.habits.terms.0 + 1.0) / 12.0);
        let income = (annual * (self.habits.margin.max(0.0) + 0.01)) as i64;
        Size { income, people: i64::from(self.firm.employees) * 100, assets: assets as i64 }
    }

    /// Whether the sales of the return leave the education surcharges unpaid.
    fn pays_no_fees(&self, book: &MonthBook) -> bool {
        book.vat.is_some_and(|vat| {
            let invoiced = vat.invoiced_special_sales + vat.invoiced_ordinary_sales + vat.uninvoiced_sales;
            let own = if vat.small { invoiced } else { vat.taxable_sales };
            let months = if vat.small { self.carried.filed.months } else { 1 };
            free_of_fees(own + vat.exempt_sales + vat.export_sales, months)
        })
    }

    fn vat_candidates(&self, book: &MonthBook, vat: &VatBook) -> [Candidate; 8] {
        let (traits, staff) = (self.firm.traits, book.staff);
        let paid = vat.tax_total.max(0);
        let filed = match vat.small {
            true => self.carried.filed,
            false => Quarter {
                months: 1,
                key_group: staff.key_group,
                veterans: staff.veterans,
                ..Quarter::default()
            },
        };
        let sales = if vat.small { vat.small_sales_3pct } else { vat.taxable_sales };
        let rate = if vat.small { 100 } else { self.industry.rate_bp };
        let reduced = if vat.small { part_of(sales, 2, 100) } else { vat.tax_reduction };
        // The rate of used cars is a relief of its own.
        let small = vat.small && sales > 0 && self.industry.document == Document::Usual;
        // Who forgets to be exempt has declared it as taxed.
        let loose = match self.forgets("small_exempt") {
            true => vat.invoiced_ordinary_sales + vat.uninvoiced_sales,
            false => vat.small_exempt_sales,
        };
        let wrong = |key| self.claims_wrongly(key, book);
        let above = part_of(paid * 100 - sales * 3, 1, 100).max(0);
        let software = match wrong("software") {
            true => above.max((paid as f64 * 0.5 * self.strength()) as i64).min(paid),
            false => above,
        };
        let people = |key, months: i64, amount: i64| {
            (amount * if wrong(key) { INVENTED * filed.months } else { months }).min(paid)
        };
        let employed = staff.persons.max(staff.insured);
        let fair = self.firm.rating <= 2 && staff.disabled >= 10 && staff.disabled * 4 >= employed;
        // Who forgets that it is exempt has charged the tax.
        let grown = if self.forgets("own_produce") { sales } else { vat.exempt_sales };
        let of = |key, entitled, base, relief| Candidate { key, entitled, base, relief };
        [
            of("small_exempt", vat.small && filed.free, loose, part_of(loose, 3, 100)),
            of("small_1pct", small, sales, reduced),
            of("software", self.holds("software", book), sales, software),
            of("disabled", traits.welfare && fair, paid, people("disabled", staff.disabled, DISABLED)),
            of("key_groups", filed.key_group > 0, paid, people("key_groups", filed.key_group, KEY_GROUP)),
            of("veterans", filed.veterans > 0, paid, people("veterans", filed.veterans, VETERAN)),
            of("own_produce", self.holds("agriculture", book), grown, tax_on(grown, rate)),
            of("tech_transfer", false, vat.exempt_sales, tax_on(vat.exempt_sales, rate)),
        ]
    }

    /// Whether it holds a certificate of this kind at the end of the month.
    pub(super) fn holds(&self, kind: &str, book: &MonthBook) -> bool {
        held(&self.certificates, kind, self.world, book.month)
    }

    /// Relief claimed under these policies this period.
    pub(super) fn relief_of(&self, book: &MonthBook, keys: &[&str]) -> i64 {
        let counts =
            |claim: &&Claim| policies().get(usize::from(claim.policy)).is_some_and(|p| keys.contains(&p.key));
        book.claims.iter().filter(counts).map(|claim| claim.relief).sum()
    }
}
