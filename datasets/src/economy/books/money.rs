//! Accounts: the income statement of a month and the balance sheet at its end, which balances to the cent.

use super::walk::{Keeper, Trade};
use super::{BalanceBook, IncomeBook, MonthBook};
use crate::economy::dice::Dice;
use crate::economy::law::research_share;
use crate::economy::schemes::SchemeKind;

/// Interest on loans, a month.
const INTEREST: f64 = 0.003;

impl Keeper<'_> {
    pub(super) fn keep_accounts(&mut self, book: &mut MonthBook, trade: &Trade, dice: &mut Dice) {
        if !self.carried.started {
            self.open(dice);
        }
        let income = self.income(book, trade, dice);
        self.close_month(book, trade, &income, dice);
        book.income = income;
        self.carried.year.add(book);
    }

    /// The balance at the beginning.
    fn open(&mut self, dice: &mut Dice) {
        self.carried.started = true;
        let annual = self.firm.annual as f64;
        let old = self.firm.opens == 0;
        let bought = annual * f64::from(self.firm.purchases) / 12.0;
        let balance = &mut self.carried.balance;
        balance.fixed_assets = (annual * self.industry.fixed_assets * if old { 0.7 } else { 0.4 }) as i64;
        balance.inventory = if old { (bought * self.industry.stock_months) as i64 } else { 0 };
        balance.paid_in_capital = self.firm.paid_in;
        self.carried.retained = if old {
            (annual * dice.range(-0.02, 0.12)
                + (balance.fixed_assets + balance.inventory) as f64 * dice.range(0.2, 0.6)) as i64
        } else {
            0
        };
    }

    fn income(&mut self, book: &MonthBook, trade: &Trade, dice: &mut Dice) -> IncomeBook {
        let revenue = trade.declared();
        let share = f64::from(self.firm.purchases).min(0.995);
        let sales = (revenue - trade.sham_sold).max(0) as f64;
        // Goods sold at cost; sham purchases go straight into cost.
        let materials = sales * share * (1.0 - self.habits.services) * dice.range(0.98, 1.02);
        let services = sales * share * self.habits.services * dice.range(0.95, 1.05);
        let wages = book.staff.wages as f64;
        let making = matches!(self.industry.code.as_bytes()[0], b'C' | b'E' | b'D' | b'B' | b'A');
        let depreciation = self.carried.balance.fixed_assets as f64
            * if self.industry.fixed_assets > 1.0 { 0.0025 } else { 0.0045 };
        let works = if making { 0.6 } else { 0.1 };
        let traits = self.firm.traits;
        // What the margin would otherwise leave goes to people and markets that write no invoices.
        let spare = 1.0 - share - f64::from(self.firm.wage_share) - 0.04 - self.margin(book);
        let unrecorded = sales * spare.max(0.0);
        // Sham sales need a cost in the books; what sham purchases do not give is entered by estimate.
        let estimated = match trade.sham_sold.min(trade.sham_bought) < 0 {
            true => trade.sham_sold + trade.sham_bought,
            false => trade.sham_sold.max(trade.sham_bought),
        };
        // But an affiliate's fees are profit: for that they are paid.
        let shifts = self.plan.is_some_and(|plan| plan.is(SchemeKind::ProfitShifting, book.month));
        let sham = if shifts && trade.sham_sold > 0 { 0.0 } else { estimated as f64 * 0.96 };
        let cost =
            materials + wages * works + unrecorded * 0.7 + sham + if making { depreciation } else { 0.0 };
        let selling = services * 0.45 + wages * (1.0 - works) * 0.4;
        let admin = unrecorded * 0.3
            + services * 0.55
            + wages * (1.0 - works) * 0.6
            + if making { 0.0 } else { depreciation };
        let research = traits.high_tech
            || traits.listed
            || ["rd_super", "rd_listed"].into_iter().any(|key| self.claims_policy(key));
        let rd = if research { self.research(revenue, (admin, cost), dice) } else { 0.0 };
        // Researchers are paid by the works too: what administration does not hold of their cost comes from there.
        let moved = (rd - admin * 0.7).max(0.0);
        let (admin, cost) = (admin + moved, cost - moved);
        let surcharges: i64 = book.other_taxes.iter().map(|tax| tax.tax_due).sum();
        let finance = self.carried.balance.other_payables as f64 * INTEREST + sales * 0.0004;
        let mut income = IncomeBook {
            revenue,
            cost: cost as i64,
            surcharges,
            selling_expense: selling as i64,
            admin_expense: admin as i64,
            rd_expense: rd as i64,
            finance_expense: finance as i64,
            depreciation: depreciation as i64,
            ..IncomeBook::default()
        };
        if self.firm.traits.holding {
            income.non_operating_income = (self.firm.annual as f64 / 12.0 * dice.range(0.2, 1.2)) as i64;
        } else if dice.chance(0.05) {
            income.non_operating_income = (sales * dice.range(0.001, 0.02)) as i64;
        }
        if dice.chance(0.04) {
            income.non_operating_expense = (sales * dice.range(0.0005, 0.01)) as i64;
        }
        if dice.chance(0.01) {
            income.asset_disposal_gain =
                (self.carried.balance.fixed_assets as f64 * dice.range(-0.01, 0.02)) as i64;
        }
        let expenses = income.cost
            + income.surcharges
            + income.selling_expense
            + income.admin_expense
            + income.finance_expense;
        income.operating_profit = income.revenue - expenses + income.asset_disposal_gain;
        income.profit = income.operating_profit + income.non_operating_income - income.non_operating_expense;
        income.income_tax =
            if self.taxed_as_company() { (income.profit.max(0) as f64 * 0.05) as i64 } else { 0 };
        income.net_profit = income.profit - income.income_tax;
        let tax = trade.special.1 + trade.other.1 + trade.uninvoiced.1;
        income.operating_cash_in = ((revenue + tax) as f64 * dice.range(0.93, 1.04)).max(0.0) as i64;
        income
    }

    /// Cost of research: of who is certified for it, at least what the certificate asks for.
    fn research(&self, revenue: i64, (admin, cost): (f64, f64), dice: &mut Dice) -> f64 {
        let sales = revenue.max(0) as f64;
        if !self.firm.traits.high_tech {
            return (admin * 0.7).min(sales * dice.range(0.035, 0.06));
        }
        let least = research_share(self.firm.annual) as f64 / 100.0;
        (sales * (least + dice.range(0.004, 0.02))).min(admin * 0.7 + cost.max(0.0))
    }

    /// Profit aimed at, as a share of sales. Who shifts profit has some to shift.
    fn margin(&self, book: &MonthBook) -> f64 {
        let margin = self.habits.margin;
        self.acts(SchemeKind::ProfitShifting, book.month).map_or(margin, |fees| margin.max(0.04) + fees)
    }

    fn close_month(&mut self, book: &mut MonthBook, trade: &Trade, income: &IncomeBook, dice: &mut Dice) {
        let before = self.carried.balance;
        let share = f64::from(self.firm.purchases).min(0.995);
        let monthly = self.firm.annual as f64 / 12.0 * share;
        let arrived = (trade.purchases - trade.sham_bought).max(0) as f64 * (1.0 - self.habits.services);
        let used = (income.revenue - trade.sham_sold + trade.hidden).max(0) as f64
            * share
            * (1.0 - self.habits.services);
        let usual = monthly * self.industry.stock_months;
        let mut stock = before.inventory as f64 + arrived - used;
        // What arrives without an invoice yet is entered at an estimate; what lies too long is sold off at cost.
        stock = stock.max(usual * 0.35);
        if stock > usual * 2.5 {
            stock -= (stock - usual * 2.5) * 0.25;
        }
        if self.industry.stock_months == 0.0 {
            stock = 0.0;
        }
        let sales = income.revenue.max(0) as f64;
        let capex = income.depreciation as f64 * dice.range(0.4, 1.6);
        let loan = self.acts(SchemeKind::OffTheBooks, book.month).map_or(0.0, |_| trade.hidden as f64 * 0.3);
        let mut balance = BalanceBook {
            receivables: (sales * self.habits.terms.0) as i64,
            prepayments: (sales * 0.05) as i64,
            other_receivables: (sales * 0.04) as i64 + before.other_receivables / 2,
            inventory: stock as i64,
            inventory_opening: before.inventory,
            fixed_assets: before.fixed_assets - income.depreciation + capex as i64,
            payables: (trade.purchases.max(0) as f64 * self.habits.terms.1) as i64,
            advance_receipts: (sales * 0.03) as i64,
            // The owner lends back what never went through the books.
            other_payables: before.other_payables * 97 / 100 + loan as i64,
            paid_in_capital: self.firm.paid_in,
            ..BalanceBook::default()
        };
        self.carried.retained += income.net_profit - book.staff.dividends;
        balance.equity = balance.paid_in_capital + self.carried.retained;
        let assets = balance.receivables
            + balance.prepayments
            + balance.other_receivables
            + balance.inventory
            + balance.fixed_assets;
        let floor = (sales * 0.08) as i64 + 200_000;
        let owed = balance.payables + balance.advance_receipts + balance.other_payables;
        // A bank lends what is missing.
        let short = (assets + floor - owed - balance.equity).max(0);
        balance.other_payables += short;
        balance.total_liabilities = owed + short;
        balance.cash = balance.total_liabilities + balance.equity - assets;
        balance.total_assets = assets + balance.cash;
        self.carried.balance = balance;
        book.balance = balance;
    }
}
