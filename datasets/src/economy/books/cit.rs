//! Corporate income tax: quarterly prepayments and the annual return, cumulated.

use super::walk::Keeper;
use super::{CitBook, Claim, IncomeBook, MonthBook, ReliefTruth};
use crate::economy::model::FirmKind;

/// Lines of the small-profit relief: taxable income and assets in cents, people.
const SMALL_INCOME: i64 = 300_000_000;
const SMALL_ASSETS: i64 = 5_000_000_000;
const SMALL_PEOPLE: i64 = 300;
const RATE_BP: i64 = 2_500;

/// Sums since January.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Year {
    income: IncomeBook,
    months: i64,
    people: i64,
    assets: i64,
    wages: i64,
    wages_disabled: i64,
}

impl Year {
    /// Adds a month; a January begins anew.
    pub(super) fn add(&mut self, book: &MonthBook) {
        if book.period % 100 == 1 {
            *self = Self::default();
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
        self.months += 1;
        self.people += book.staff.persons;
        self.assets += book.balance.total_assets;
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

    /// Files the quarter's prepayment and in December the year's return.
    pub(super) fn file_cit(&mut self, book: &mut MonthBook) {
        let month = book.period % 100;
        if !self.taxed_as_company() || month % 3 != 0 {
            return;
        }
        let late = book.vat.map_or(0, |vat| vat.days_late.max(0));
        let mut quarter = self.cit(book, false);
        quarter.days_late = late;
        self.claim_cit(book, &quarter);
        book.cit_quarter = Some(quarter);
        if month == 12 {
            let mut year = self.cit(book, true);
            year.days_late = late;
            book.cit_year = Some(year);
        }
    }

    fn cit(&self, book: &MonthBook, annual: bool) -> CitBook {
        let year = &self.carried.year;
        let income = year.income;
        let sales = income.revenue.max(0) as f64;
        let entertainment = (sales * 0.004) as i64;
        let donations = (sales * 0.0004) as i64;
        // Of entertainment 40 percent is not deductible.
        let adjust_up = if annual { entertainment * 4 / 10 + donations / 5 } else { 0 };
        let super_deduction = if self.may_claim("rd_super", book) { income.rd_expense } else { 0 };
        let taxable = (income.profit + adjust_up - super_deduction).max(0);
        let mut cit = CitBook {
            income,
            rd_expense: income.rd_expense,
            adjust_up,
            rd_super_deduction: super_deduction,
            taxable_income: taxable,
            rate_bp: RATE_BP,
            tax_before_relief: taxable * RATE_BP / 10_000,
            employees_avg: year.people * 100 / year.months.max(1),
            assets_avg: year.assets / year.months.max(1),
            wages: year.wages,
            wages_disabled: year.wages_disabled,
            entertainment,
            advertising: (income.selling_expense as f64 * 0.2) as i64,
            donations,
            commissions: (income.selling_expense as f64 * 0.03) as i64,
            assessed: self.firm.traits.assessed,
            ..CitBook::default()
        };
        let small = is_small(&cit) && self.may_claim("small_profit", book);
        if self.claims_wrongly("high_tech", book) || self.claims_wrongly("west", book) {
            let relief = taxable * 1_000 / 10_000;
            match self.claims_policy("west") {
                true => cit.region_relief = relief,
                false => cit.high_tech_relief = relief,
            }
        } else if small || self.claims_wrongly("small_profit", book) {
            cit.small_profit_relief = taxable * 2_000 / 10_000;
        } else if self.may_claim("high_tech", book) {
            cit.high_tech_relief = taxable * 1_000 / 10_000;
        } else if self.may_claim("west", book) {
            cit.region_relief = taxable * 1_000 / 10_000;
        }
        cit.tax_relief = cit.small_profit_relief + cit.high_tech_relief + cit.region_relief;
        cit.tax_due = cit.tax_before_relief - cit.tax_relief;
        cit
    }

    /// The claims a prepayment makes, and what a forgotten one is worth.
    fn claim_cit(&mut self, book: &mut MonthBook, cit: &CitBook) {
        let claims = [
            ("small_profit", cit.taxable_income, cit.small_profit_relief),
            ("high_tech", cit.taxable_income, cit.high_tech_relief),
            ("west", cit.taxable_income, cit.region_relief),
            ("rd_super", cit.income.rd_expense, cit.rd_super_deduction * RATE_BP / 10_000),
        ];
        for (key, base, relief) in claims {
            let small = key == "small_profit" && is_small(cit);
            let wrong = self.claims_wrongly(key, book) && !small;
            if relief > 0 {
                let days_late = cit.days_late;
                let claim = Claim { entitled: !wrong, days_late, ..self.claimed(key, base, relief) };
                book.claims.push(claim);
                if wrong {
                    self.stake_relief(book, claim);
                }
            }
        }
        let forgone = [
            ("small_profit", is_small(cit), cit.taxable_income, cit.taxable_income * 2_000 / 10_000),
            ("high_tech", !is_small(cit), cit.taxable_income, cit.taxable_income * 1_000 / 10_000),
            (
                "rd_super",
                cit.taxable_income > 0,
                cit.income.rd_expense,
                cit.income.rd_expense * RATE_BP / 10_000,
            ),
        ];
        for (key, due, base, relief) in forgone {
            if due && relief > 0 && self.forgets(key) {
                let claim = self.claimed(key, base, relief);
                self.stake_relief(book, claim);
            }
        }
    }

    /// Notes what a claim (or its omission) is worth; of the year, the most that was.
    fn stake_relief(&mut self, book: &mut MonthBook, claim: Claim) {
        let Claim { policy, base, relief, .. } = claim;
        book.truth.relief = Some(ReliefTruth { policy, base, relief });
        let year = book.period / 100;
        let (of, sum) = self.carried.relief_at_stake;
        let before = if of == year { sum } else { 0 };
        book.truth.at_stake = (relief - before).max(0);
        self.carried.relief_at_stake = (year, relief.max(before));
    }
}

/// Whether a return shows a small enterprise of low profit (小型微利企业).
fn is_small(cit: &CitBook) -> bool {
    cit.taxable_income <= SMALL_INCOME
        && cit.employees_avg <= SMALL_PEOPLE * 100
        && cit.assets_avg <= SMALL_ASSETS
}
