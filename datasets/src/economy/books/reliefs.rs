//! Reliefs: what a firm is entitled to, what it claims of it, what it claims without title, what it forgets.

use super::walk::{Keeper, Trade};
use super::{Claim, MonthBook, ReliefTruth, VatBook};
use crate::economy::industries::Document;
use crate::economy::invoices::tax_on;
use crate::economy::model::EXEMPT_LINE;
use crate::economy::policies::{policies, position};
use crate::economy::schemes::SchemeKind;

/// Relief for a disabled employee, a member of a key group, a veteran: cents a month.
const DISABLED: i64 = 800_000;
const KEY_GROUP: i64 = 65_000;
const VETERAN: i64 = 75_000;
/// Employees invented by who claims for such people without employing any.
const INVENTED: i64 = 4;

/// A relief a firm might claim.
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

    /// Whether it takes this relief, with title or without.
    pub(super) fn may_claim(&self, key: &str, book: &MonthBook) -> bool {
        let entitled = match key {
            "high_tech" | "rd_super" => self.firm.traits.high_tech,
            "west" => self.firm.traits.encouraged,
            _ => true,
        };
        (entitled || self.claims_wrongly(key, book)) && !self.forgets(key)
    }

    /// A claim with title.
    pub(super) fn claimed(&self, key: &str, base: i64, relief: i64) -> Claim {
        Claim { policy: position(key).unwrap_or(0), base, relief, entitled: true, days_late: 0 }
    }

    /// Sales of this month declared exempt without title.
    pub(super) fn exempted_wrongly(&self, book: &MonthBook, sales: i64) -> i64 {
        let claims = ["own_produce", "tech_transfer"].into_iter().any(|key| self.claims_wrongly(key, book));
        if claims { (sales.max(0) as f64 * 0.3 * self.strength()) as i64 } else { 0 }
    }

    fn strength(&self) -> f64 {
        self.plan.map_or(1.0, |plan| f64::from(plan.strength))
    }

    /// Reliefs of VAT and its surcharges for this period. `city` and `education` are the surcharges before relief.
    pub(super) fn claim_vat(&self, book: &mut MonthBook, trade: &Trade, city: i64, education: i64) {
        let Some(vat) = book.vat else { return };
        let surcharges = self.surcharge_candidates(&vat, trade, city, education);
        let mut left = vat.tax_total.max(0);
        for candidate in self.vat_candidates(book, &vat).into_iter().chain(surcharges) {
            let Candidate { key, entitled, base, relief } = candidate;
            let wrong = self.claims_wrongly(key, book) && !entitled;
            // These are taken off the same tax, which can go to nothing but not below.
            let deducts = matches!(key, "key_groups" | "veterans");
            let relief = if deducts { relief.min(left) } else { relief };
            if relief <= 0 || !(entitled || wrong) {
                continue;
            }
            if wrong || self.forgets(key) {
                book.truth.at_stake = relief;
                let policy = position(key).unwrap_or(0);
                book.truth.relief = Some(ReliefTruth { policy, base, relief });
            }
            if self.forgets(key) {
                continue;
            }
            left -= if deducts { relief } else { 0 };
            book.claims.push(Claim { entitled, days_late: vat.days_late, ..self.claimed(key, base, relief) });
        }
    }

    fn vat_candidates(&self, book: &MonthBook, vat: &VatBook) -> [Candidate; 7] {
        let (traits, staff) = (self.firm.traits, book.staff);
        let paid = vat.tax_total.max(0);
        let months = if vat.small { self.carried.filed_months } else { 1 };
        let sales = if vat.small { vat.small_sales_3pct } else { vat.taxable_sales };
        let rate = if vat.small { 100 } else { self.industry.rate_bp };
        let reduced = if vat.small { tax_on(sales, 200) } else { vat.tax_reduction };
        // The rate of used cars is a relief of its own.
        let small = vat.small && sales > 0 && self.industry.document == Document::Usual;
        let wrong = |key| self.claims_wrongly(key, book);
        let above = (paid - tax_on(sales, 300)).max(0);
        let software = match wrong("software") {
            true => above.max((paid as f64 * 0.5 * self.strength()) as i64).min(paid),
            false => above,
        };
        let people = |key, employed: i64, amount: i64| {
            (amount * months * if wrong(key) { INVENTED } else { employed }).min(paid)
        };
        let fair = self.firm.rating <= 2 && staff.disabled >= 10 && staff.disabled * 4 >= staff.persons;
        // Who forgets that it is exempt has charged the tax.
        let grown = if self.forgets("own_produce") { sales } else { vat.exempt_sales };
        let of = |key, entitled, base, relief| Candidate { key, entitled, base, relief };
        [
            of("small_1pct", small, sales, reduced),
            of("software", traits.software, sales, software),
            of("disabled", traits.welfare && fair, paid, people("disabled", staff.disabled, DISABLED)),
            of("key_groups", staff.key_group > 0, paid, people("key_groups", staff.key_group, KEY_GROUP)),
            of("veterans", staff.veterans > 0, paid, people("veterans", staff.veterans, VETERAN)),
            of("own_produce", traits.grower, grown, tax_on(grown, rate)),
            of("tech_transfer", false, vat.exempt_sales, tax_on(vat.exempt_sales, rate)),
        ]
    }

    fn surcharge_candidates(
        &self,
        vat: &VatBook,
        trade: &Trade,
        city: i64,
        education: i64,
    ) -> [Candidate; 4] {
        let micro = self.firm.general && self.firm.employees <= 300 && self.firm.annual < 1_500_000_000;
        let invoiced = vat.invoiced_special_sales + vat.invoiced_ordinary_sales;
        let below = match vat.small {
            true => {
                let sales = invoiced + vat.uninvoiced_sales + vat.exempt_sales + vat.export_sales;
                sales <= EXEMPT_LINE * self.carried.filed_months
            }
            false => trade.declared() <= EXEMPT_LINE,
        };
        let of = |key, entitled, base, relief| Candidate { key, entitled, base, relief };
        [
            of("half_city_small", vat.small, city, city / 2),
            of("half_city_micro", micro, city, city / 2),
            // What is not levied is not halved.
            of("half_education_small", vat.small && !below, education, education / 2),
            of("education_under_line", below, education, education),
        ]
    }

    /// Relief claimed under these keys this period.
    pub(super) fn relief_of(&self, book: &MonthBook, keys: &[&str]) -> i64 {
        let counts =
            |claim: &&Claim| policies().get(usize::from(claim.policy)).is_some_and(|p| keys.contains(&p.key));
        book.claims.iter().filter(counts).map(|claim| claim.relief).sum()
    }
}
