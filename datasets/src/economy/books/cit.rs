//! Corporate income tax: quarterly prepayments and the annual return, cumulated.

use super::walk::Keeper;
use super::{CitBook, Claim, IncomeBook, MonthBook, ReliefTruth};
use crate::economy::certificates::{high_tech, listed_as};
use crate::economy::invoices::tax_on;
use crate::economy::law::{ONE_YUAN, Size, may_super_deduct, part_of};
use crate::economy::model::FirmKind;
use crate::economy::policies::position;

const RATE_BP: i64 = 2_500;
/// What each relief of the rate takes off taxable income, in basis points, the best first: they exclude each other.
const RATES: [(&str, i64); 3] = [("small_profit", 2_000), ("high_tech", 1_000), ("west", 1_000)];

/// Sums since January.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Year {
    income: IncomeBook,
    /// Quarters so far, and of each what stood at its beginning and at its end: headcount, total assets.
    quarters: i64,
    people: i64,
    assets: i64,
    /// What stood at the end of the month before.
    before: Option<(i64, i64)>,
    wages: i64,
    wages_disabled: i64,
}

impl Year {
    /// Adds a month; a January begins anew.
    pub(super) fn add(&mut self, book: &MonthBook) {
        if book.period % 100 == 1 {
            *self = Self { before: self.before, ..Self::default() };
        }
        let (sum, month) = (&mut self.income, &book.income);
        sum.revenue += month.revenue;
        sum.cost += month.cost;
        sum.surcharges += month.surcharges;
        sum.selling_expense += month.selling_expense;
        sum.admin_expense += month.admin_expense;
        sum.rd_expense += month.rd_expense;
        sum.finance_expense += month.finance_expense;
        sum.asset_disposal_gain += month.asset_disposal_gain;
        sum.operating_profit += month.operating_profit;
        sum.non_operating_income += month.non_operating_income;
        sum.non_operating_expense += month.non_operating_expense;
        sum.profit += month.profit;
        sum.income_tax += month.income_tax;
        sum.net_profit += month.net_profit;
        sum.depreciation += month.depreciation;
        sum.operating_cash_in += month.operating_cash_in;
        let now = (book.staff.persons, book.balance.total_assets);
        // A quarter begins in January, April, July, October, or with the firm (or the economy) itself.
        if book.period % 3 == 1 || self.before.is_none() {
            let (people, assets) = self.before.unwrap_or(now);
            (self.people, self.assets, self.quarters) =
                (self.people + people, self.assets + assets, self.quarters + 1);
        }
        if book.period % 100 % 3 == 0 {
            (self.people, self.assets) = (self.people + now.0, self.assets + now.1);
        }
        self.before = Some(now);
        self.wages += book.staff.wages;
        if book.staff.persons > 0 {
            self.wages_disabled += book.staff.wages / book.staff.persons * book.staff.disabled;
        }
    }
}

impl Keeper<'_> {
    /// Individual businesses and partnerships pay personal income tax instead.
    pub(super) fn taxed_as_company(&self) -> bool {
        !matches!(self.firm.kind, FirmKind::Individual | FirmKind::Partnership)
    }

    /// Files the quarter's prepayment and in December the year's return, which may put a claim right.
    pub(super) fn file_cit(&mut self, book: &mut MonthBook) {
        let month = book.period % 100;
        if !self.taxed_as_company() || month % 3 != 0 {
            return;
        }
        let late = book.vat.map_or(0, |vat| vat.days_late.max(0));
        let quarter = CitBook { days_late: late, ..self.cit(book, false) };
        self.claim_cit(book, &quarter, false);
        book.cit_quarter = Some(quarter);
        if month == 12 {
            let year = CitBook { days_late: late, ..self.cit(book, true) };
            self.claim_cit(book, &year, true);
            self.carried.settled.push((book.period / 100, size(&year)));
            book.cit_year = Some(year);
        }
    }

    /// Whether it claims this policy of income tax without title in this return.
    fn claims_income_wrongly(&self, key: &str, book: &MonthBook, annual: bool) -> bool {
        self.claims_wrongly(key, book) && !(annual && self.puts_right())
    }

    /// Whether it leaves this policy of income tax out of this return.
    fn forgets_income(&self, key: &str, annual: bool) -> bool {
        self.forgets(key) && !(annual && self.puts_right())
    }

    /// Whether it puts its claims right with the settlement of the year: one in four does.
    fn puts_right(&self) -> bool {
        self.plan.is_some_and(|plan| plan.group % 4 == 0)
    }

    /// Whether it has a title to this relief of income tax, by its return before reliefs of the rate.
    fn entitled_cit(&self, key: &str, book: &MonthBook, cit: &CitBook) -> bool {
        match key {
            "small_profit" => size(cit).is_small(),
            "high_tech" => high_tech(&self.certificates, self.world, book.month),
            "west" => self.holds("west_encouraged", book),
            "rd_listed" => self.holds(listed_as(&self.industry.code), book) && self.may_deduct_research(cit),
            "rd_super" => self.may_deduct_research(cit),
            _ => false,
        }
    }

    fn may_deduct_research(&self, cit: &CitBook) -> bool {
        !cit.assessed && may_super_deduct(&self.industry.code)
    }

    fn cit(&self, book: &MonthBook, annual: bool) -> CitBook {
        let year = &self.carried.year;
        let income = year.income;
        let sales = income.revenue.max(0) as f64;
        let entertainment = (sales * 0.004) as i64;
        let donations = (sales * 0.0004) as i64;
        // Of entertainment 40 percent is not deductible.
        let adjust_up = if annual { entertainment * 4 / 10 + donations / 5 } else { 0 };
        let mut cit = CitBook {
            income,
            rd_expense: income.rd_expense,
            adjust_up,
            rate_bp: RATE_BP,
            employees_avg: part_of(year.people, 100, 2 * year.quarters.max(1)),
            assets_avg: part_of(year.assets, 1, 2 * year.quarters.max(1)),
            wages: year.wages,
            wages_disabled: year.wages_disabled,
            entertainment,
            advertising: (income.selling_expense as f64 * 0.2) as i64,
            donations,
            commissions: (income.selling_expense as f64 * 0.03) as i64,
            assessed: self.firm.traits.assessed,
            ..CitBook::default()
        };
        cit.rd_super_deduction = self.super_deduction(book, &cit, annual);
        cit.taxable_income = (income.profit + adjust_up - cit.rd_super_deduction).max(0);
        cit.tax_before_relief = tax_on(cit.taxable_income, RATE_BP);
        let (key, relief) = self.rate_relief(book, &cit, annual).unwrap_or_default();
        match key {
            "small_profit" => cit.small_profit_relief = relief,
            "high_tech" => cit.high_tech_relief = relief,
            _ => cit.region_relief = relief,
        }
        cit.tax_relief = relief;
        cit.tax_due = cit.tax_before_relief - relief;
        cit
    }

    /// Research deducted once more: all of it, 120 percent by who is on a list (2023年第7号, 2023年第44号).
    fn super_deduction(&self, book: &MonthBook, cit: &CitBook, annual: bool) -> i64 {
        let listed = self.entitled_cit("rd_listed", book, cit);
        let key = if listed { "rd_listed" } else { "rd_super" };
        let (all, more) = (cit.rd_expense, part_of(cit.rd_expense, 12, 10));
        match self.entitled_cit(key, book, cit) {
            true if self.forgets_income(key, annual) => 0,
            true if listed || self.claims_income_wrongly("rd_listed", book, annual) => more,
            true => all,
            false if self.claims_income_wrongly("rd_super", book, annual) => all,
            false => 0,
        }
    }

    /// The relief of the rate it takes: of those it has a title to the best, or the one it claims without.
    fn rate_relief(&self, book: &MonthBook, cit: &CitBook, annual: bool) -> Option<(&'static str, i64)> {
        let entitled = |key: &str| self.entitled_cit(key, book, cit) && !self.forgets_income(key, annual);
        let wrong = |key: &str| self.claims_income_wrongly(key, book, annual);
        let found = match size(cit).is_small() {
            true => RATES.into_iter().find(|(key, _)| entitled(key)),
            false => RATES.into_iter().find(|(key, _)| entitled(key) || wrong(key)),
        };
        found.map(|(key, share)| (key, tax_on(cit.taxable_income, share)))
    }

    /// The claims a prepayment makes, and of every return what is claimed without title or forgotten.
    fn claim_cit(&mut self, book: &mut MonthBook, cit: &CitBook, annual: bool) {
        let (income, rd) = (cit.taxable_income, cit.income.rd_expense);
        // What exceeds all of it is claimed as one on a list.
        let listed = cit.rd_super_deduction > rd;
        let research = if listed { "rd_listed" } else { "rd_super" };
        let claims = [
            ("small_profit", income, cit.small_profit_relief),
            ("high_tech", income, cit.high_tech_relief),
            ("west", income, cit.region_relief),
            (research, rd, tax_on(cit.rd_super_deduction, RATE_BP)),
        ];
        for (key, base, relief) in claims.into_iter().filter(|(_, _, relief)| *relief > 0) {
            let Some(policy) = position(key, "cit") else { continue };
            let entitled = self.entitled_cit(key, book, cit);
            if !entitled {
                // Of research everybody may deduct all, only the rest is without title.
                let due = if key == "rd_listed" { rd } else { 0 };
                let relief = if due > 0 { tax_on(cit.rd_super_deduction - due, RATE_BP) } else { relief };
                self.stake_relief(book, ReliefTruth { policy, settled: annual, base, relief });
            }
            if !annual {
                book.claims.push(Claim { policy, base, relief, entitled, days_late: cit.days_late });
            }
        }
        let forgone = [
            ("small_profit", true, income, tax_on(income, 2_000)),
            // Better off as a small one.
            ("high_tech", !size(cit).is_small(), income, tax_on(income, 1_000)),
            // Who has nothing to pay yet may deduct with a later return: only the settlement is the last one.
            ("rd_super", annual || income > 0, rd, tax_on(rd, RATE_BP)),
            ("rd_listed", annual || income > 0, rd, part_of(rd, 3, 10)),
        ];
        for (key, counts, base, relief) in forgone {
            let Some(policy) = position(key, "cit") else { continue };
            if counts && self.forgets_income(key, annual) && self.entitled_cit(key, book, cit) {
                self.stake_relief(book, ReliefTruth { policy, settled: annual, base, relief });
            }
        }
    }

    /// Notes what a claim (or its omission) is worth; of the year, the most that was.
    fn stake_relief(&mut self, book: &mut MonthBook, truth: ReliefTruth) {
        if truth.relief <= ONE_YUAN {
            return;
        }
        book.reliefs.push(truth);
        let year = book.period / 100;
        let (of, sum) = self.carried.relief_at_stake;
        let before = if of == year { sum } else { 0 };
        book.truth.at_stake += (truth.relief - before).max(0);
        self.carried.relief_at_stake = (year, truth.relief.max(before));
    }
}

/// How large a return shows the enterprise to be.
fn size(cit: &CitBook) -> Size {
    Size { income: cit.taxable_income, people: cit.employees_avg, assets: cit.assets_avg }
}
