//! Reliefs: what a firm is entitled to, what it claims of it, what it claims without title, what it forgets.

use super::walk::{Keeper, Trade};
use super::{Claim, MonthBook};
use crate::economy::invoices::tax_on;
use crate::economy::policies::policies;
use crate::economy::schemes::SchemeKind;

/// Relief for a disabled employee, a member of a key group, a veteran: cents a month.
const DISABLED: i64 = 800_000;
const KEY_GROUP: i64 = 65_000;
const VETERAN: i64 = 75_000;

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

    fn forgets(&self, key: &str) -> bool {
        self.plan.is_some_and(|plan| plan.kind == SchemeKind::ForgottenClaim) && self.claims_policy(key)
    }

    /// Whether it takes this relief, with title or without.
    pub(super) fn may_claim(&self, key: &str, book: &MonthBook) -> bool {
        let entitled = match key {
            "high_tech" | "rd_super" => self.firm.traits.high_tech,
            _ => true,
        };
        (entitled || self.claims_wrongly(key, book)) && !self.forgets(key)
    }

    /// A claim with title.
    pub(super) fn claimed(&self, key: &str, base: i64, relief: i64) -> Claim {
        let policy = policies().iter().position(|policy| policy.key == key).unwrap_or(0) as u8;
        Claim { policy, base, relief, entitled: true, days_late: 0 }
    }

    /// Reliefs of VAT and its surcharges for this period. `city` and `education` are the surcharges before relief.
    pub(super) fn claim_vat(&self, book: &mut MonthBook, trade: &Trade, city: i64, education: i64) {
        let Some(vat) = book.vat else { return };
        let traits = self.firm.traits;
        let small = !self.firm.general;
        let staff = book.staff;
        let paid = vat.tax_total.max(0);
        let sales = if small { vat.small_sales_3pct } else { vat.taxable_sales };
        let micro = self.firm.general && self.firm.employees <= 300 && self.firm.annual < 1_500_000_000;
        let below = trade.declared() <= crate::economy::model::EXEMPT_LINE;
        // Key, whether there is a title, base and relief as the firm would claim them.
        let candidates = [
            ("small_1pct", small && vat.tax_reduction > 0, sales, vat.tax_reduction.max(tax_on(sales, 200))),
            ("software", traits.software, sales, (paid - tax_on(sales, 300)).max(tax_on(sales, 100))),
            (
                "disabled",
                traits.welfare && staff.disabled >= 10,
                paid,
                (DISABLED * staff.disabled.max(3)).min(paid),
            ),
            ("key_groups", staff.key_group > 0, paid, (KEY_GROUP * staff.key_group.max(4)).min(paid)),
            ("veterans", staff.veterans > 0, paid, (VETERAN * staff.veterans.max(3)).min(paid)),
            (
                "own_produce",
                traits.exempt,
                trade.exempt.max(sales / 3),
                tax_on(trade.exempt.max(sales / 3), 900),
            ),
            ("tech_transfer", false, sales / 4, tax_on(sales / 4, 600)),
            ("half_city_small", small, city, city / 2),
            ("half_city_micro", micro, city, city / 2),
            ("half_education_small", small, education, education / 2),
            ("education_under_line", below, education, education),
        ];
        let mut left = paid;
        for (key, entitled, base, relief) in candidates {
            let wrong = self.claims_wrongly(key, book) && !entitled;
            let strength = self.plan.map_or(1.0, |plan| f64::from(plan.strength));
            let relief = if wrong { (relief as f64 * strength) as i64 } else { relief };
            // Both are taken off the same tax, which can go to nothing but not below.
            let deducts = matches!(key, "key_groups" | "veterans");
            let relief = if deducts { relief.min(left) } else { relief };
            if relief <= 0 || !(entitled || wrong) {
                continue;
            }
            if self.forgets(key) {
                book.truth.at_stake = relief;
                continue;
            }
            left -= if deducts { relief } else { 0 };
            book.claims.push(Claim { entitled, days_late: vat.days_late, ..self.claimed(key, base, relief) });
            if wrong {
                book.truth.at_stake = relief;
            }
        }
    }

    /// Relief claimed under these keys this period.
    pub(super) fn relief_of(&self, book: &MonthBook, keys: &[&str]) -> i64 {
        let counts =
            |claim: &&Claim| policies().get(usize::from(claim.policy)).is_some_and(|p| keys.contains(&p.key));
        book.claims.iter().filter(counts).map(|claim| claim.relief).sum()
    }
}
