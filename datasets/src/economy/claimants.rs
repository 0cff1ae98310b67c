//! Who claims a relief without title, and who forgets one it has a title to: firms for which it makes a difference,
//! that is, which pay the tax that is relieved, and of which the return itself shows that the conditions fail (or hold).

use super::books::Habits;
use super::casting::Director;
use super::definitions::SchemeEntry;
use super::dice::mix;
use super::industries::Document;
use super::law::{may_super_deduct, research_share};
use super::model::{EXEMPT_LINE, Fate, Firm, FirmKind, GENERAL_LINE};
use super::policies::{Policy, firsts, policies};
use super::schemes::SchemeKind;

/// Yearly sales, in cents, of firms whose assets and profit are beyond those of a small one.
const BIG: i64 = 6_000_000_000;
/// Profit of a year, in cents, well beyond that of a small enterprise.
const PROFIT: f64 = 420_000_000.0;
/// Yearly sales, in cents, well within those of a small one.
const MICRO: i64 = 1_200_000_000;

/// Where the search for the claimants of each policy stands: positions in the order of the seed, so that no search
/// begins anew. First those who claim, then those who forget.
#[derive(Debug)]
pub(super) struct Search {
    cursors: [Vec<usize>; 2],
    turns: [usize; 2],
}

impl Default for Search {
    fn default() -> Self {
        let cursors = vec![0; policies().len()];
        Self { cursors: [cursors.clone(), cursors], turns: [0; 2] }
    }
}

impl Director<'_> {
    /// One firm that claims (or forgets) a relief: policies take turns, from one that depends on the seed; where nobody
    /// is left for one, the next one's turn comes.
    pub(super) fn claimant(&mut self, kind: SchemeKind, entry: &SchemeEntry) {
        let forgets = kind == SchemeKind::ForgottenClaim;
        let (firsts, side) = (firsts(), usize::from(forgets));
        let count = firsts.len();
        let start = (mix(self.stage.seed, [77, side as u64, 0]) % count as u64) as usize;
        let turn = start + self.search.turns[side];
        let found = (0..count).find_map(|step| {
            let policy = firsts[(turn + step) % count];
            Some((step, policy, self.next_claimant(policy, forgets)?))
        });
        let Some((step, policy, firm)) = found else { return };
        self.search.turns[side] += step + 1;
        let last = self.stage.months.len() as u16 - 1;
        // Income tax runs up over the year: who claims a relief of it claims it to the end.
        let months = match policies()[policy].tax_code {
            "cit" => Some((0, last)),
            _ => self.claim_months(kind, entry),
        };
        let Some(months) = months else { return };
        let strength = self.strength(entry);
        let group = self.group();
        set_up(&policies()[policy], forgets, group, self.firm(firm));
        self.plan(kind, &[firm], &[], months, strength, Some(policy as u8));
    }

    fn next_claimant(&mut self, policy: usize, forgets: bool) -> Option<u32> {
        let last = self.stage.months.len() as u16 - 1;
        let mut cursor = self.search.cursors[usize::from(forgets)][policy];
        let mut found = None;
        while found.is_none() && cursor < self.order.len() {
            let index = self.order[cursor];
            let firm = &self.stage.firms[index as usize];
            let industry = &self.stage.industries[usize::from(firm.industry)];
            let fits = self.free[index as usize]
                && industry.document == Document::Usual
                && ordinary(firm, last)
                && fits(&policies()[policy], forgets, firm, &industry.code)
                && (policies()[policy].tax_code != "cit"
                    || earns(
                        policies()[policy].key,
                        forgets,
                        firm,
                        &Habits::of(self.stage.seed, index, industry),
                    ));
            found = fits.then_some(index);
            cursor += 1;
        }
        self.search.cursors[usize::from(forgets)][policy] = cursor;
        if let Some(index) = found {
            self.free[index as usize] = false;
        }
        found
    }
}

/// In business throughout, without what would leave it no tax to pay.
fn ordinary(firm: &Firm, last: u16) -> bool {
    let traits = firm.traits;
    firm.kind == FirmKind::Enterprise
        && firm.opens == 0
        && firm.closes > last
        && firm.fate == Fate::Lives
        && !(traits.holding || traits.exporter || traits.importer || traits.assessed || traits.agri)
        && !(traits.high_tech || traits.software || traits.welfare || traits.encouraged || traits.listed)
}

/// Whether the firm's profit bears the relief: beyond that of a small enterprise, where small ones are taxed lower anyway.
fn earns(policy: &str, forgets: bool, firm: &Firm, habits: &Habits) -> bool {
    let spare = 1.0 - f64::from(firm.purchases) - f64::from(firm.wage_share) - 0.04 - habits.margin;
    let annual = firm.annual as f64;
    let least = match (policy, forgets) {
        ("small_profit" | "west", false) => (PROFIT / annual).max(0.035),
        // What it spends on research comes off first.
        ("high_tech", _) => research_share(firm.annual) as f64 / 100.0 + 0.02,
        _ => 0.035,
    };
    habits.margin >= least && spare > 0.0
}

/// Whether the claim (or its omission) shows and costs something.
fn fits(policy: &Policy, forgets: bool, firm: &Firm, code: &str) -> bool {
    let section = code.as_bytes()[0];
    let technical = matches!(section, b'C' | b'I' | b'M');
    let grows = firm.traits.grower;
    let pays = firm.general && firm.annual >= GENERAL_LINE && !grows;
    // Who adds little to what it buys often has no VAT to pay.
    let pays_vat = pays && firm.purchases <= 0.75;
    let small = !firm.general && firm.annual >= 16 * EXEMPT_LINE && !grows && code != "K7040";
    match (policy.key, forgets) {
        ("small_1pct" | "six_taxes_small", true) | ("small_exempt", false) => small,
        ("small_1pct" | "fees_under_line" | "disabled" | "key_groups" | "veterans", false) => pays_vat,
        ("six_taxes_small" | "six_taxes_micro", false) => pays && firm.annual >= BIG,
        ("six_taxes_micro", true) => pays && firm.annual <= MICRO && firm.employees <= 200,
        ("small_exempt", true) => {
            !firm.general
                && (EXEMPT_LINE..9 * EXEMPT_LINE).contains(&firm.annual)
                && !grows
                && code != "K7040"
        }
        // Below the line only what carries a special invoice is taxed.
        ("fees_under_line", true) => {
            let line = 4 * EXEMPT_LINE..9 * EXEMPT_LINE;
            !firm.general && line.contains(&firm.annual) && !grows && !code.starts_with("F52")
        }
        // Only a burden above three percent is refunded.
        ("software", true) => pays && code.starts_with("I65") && firm.purchases <= 0.5,
        ("software", false) => pays_vat && technical,
        ("tech_transfer", false) => pays && technical,
        ("disabled", true) => pays_vat && firm.employees >= 14 && firm.rating <= 2,
        ("key_groups" | "veterans", true) => pays_vat && firm.employees >= 4,
        ("own_produce", true) => grows && (firm.general || firm.annual >= 16 * EXEMPT_LINE),
        ("own_produce", false) => pays && (code.starts_with("C1") || code.starts_with("F51")),
        ("small_profit", true) => firm.annual <= MICRO && firm.annual >= EXEMPT_LINE && firm.employees <= 200,
        ("small_profit" | "west", false) => pays,
        ("high_tech", _) => pays && technical && firm.annual >= BIG,
        // Whole industries are excluded from the deduction.
        ("rd_super", false) => pays && !may_super_deduct(code),
        ("rd_super", true) | ("rd_listed", false) => pays && technical,
        ("rd_listed", true) => pays && section == b'C',
        _ => false,
    }
}

/// Gives the firm what the relief asks for (or takes it away).
fn set_up(policy: &Policy, forgets: bool, group: u32, firm: &mut Firm) {
    match policy.key {
        // Of those who claim it without title every other one was certified once.
        "high_tech" => {
            firm.traits.lapsed = !forgets && group.is_multiple_of(2);
            firm.traits.high_tech = forgets || firm.traits.lapsed;
        }
        "software" => firm.traits.software = forgets,
        "rd_listed" => firm.traits.listed = forgets,
        "disabled" => firm.traits.welfare = forgets,
        // It sells as if it had to charge the tax.
        "own_produce" => firm.traits.exempt = false,
        _ => {}
    }
}
