//! What tables print that no single month of the books says: statements of a quarter or year, late fees.

use super::pack::packed;
use crate::economy::Economy;
use crate::economy::books::{BalanceBook, CitBook, IncomeBook, MonthBook, Payment};
use crate::economy::model::FirmKind;

/// Yearly sales, in cents, from which a firm hands in statements every month.
const MONTHLY_STATEMENTS: i64 = 5_000_000_000;

/// A corporate income tax return.
#[derive(Debug, Clone, Default)]
pub(super) struct CitItem {
    /// The annual settlement; a quarter's prepayment otherwise.
    pub year: bool,
    /// Its lines.
    pub book: CitBook,
}

packed!(CitItem: year, book);

impl CitItem {
    /// Returns for periods that end with this month; the quarter's first.
    pub(super) fn of_month(book: &MonthBook) -> Vec<Self> {
        let quarter = book.cit_quarter.map(|book| Self { year: false, book });
        let year = book.cit_year.map(|book| Self { year: true, book });
        quarter.into_iter().chain(year).collect()
    }
}

/// How often a firm hands in statements.
mod rhythm {
    pub(super) const NEVER: u8 = 0;
    pub(super) const MONTHLY: u8 = 1;
    pub(super) const QUARTERLY: u8 = 2;
}

/// A financial statement of a month, quarter or year.
#[derive(Debug, Clone, Default)]
pub(super) struct StatementItem {
    /// Its months: 1, 3 or 12.
    pub months: u8,
    /// Sums over its months.
    pub income: IncomeBook,
    /// At its end; `inventory_opening` at its beginning.
    pub balance: BalanceBook,
}

packed!(StatementItem: months, income, balance);

impl StatementItem {
    /// How often this firm hands in statements, to be given to [`of_month`](Self::of_month). Individual businesses
    /// below the line to a general taxpayer keep no accounts to hand in.
    pub(super) fn rhythm(economy: &Economy, firm: u32) -> u8 {
        let firm = economy.world().firm(firm);
        if firm.kind == FirmKind::Individual && !firm.general {
            rhythm::NEVER
        } else if firm.general && firm.annual >= MONTHLY_STATEMENTS {
            rhythm::MONTHLY
        } else {
            rhythm::QUARTERLY
        }
    }

    /// Statements of periods that end with month `at`: month or quarter, then year.
    pub(super) fn of_month(books: &[MonthBook], at: usize, statements: u8) -> Vec<Self> {
        let of_year = (books[at].period % 100) as usize;
        let usual = match statements {
            rhythm::MONTHLY => Some(1),
            rhythm::QUARTERLY if of_year.is_multiple_of(3) => Some(3),
            _ => None,
        };
        let year = (of_year == 12 && statements != rhythm::NEVER).then_some(12);
        usual.into_iter().chain(year).map(|months| Self::over(books, at, months)).collect()
    }

    /// The months of the period that lie in the economy and in which the firm was registered.
    fn over(books: &[MonthBook], at: usize, months: usize) -> Self {
        let period = &books[(at + 1).saturating_sub(months)..=at];
        let registered = || period.iter().filter(|book| book.registered);
        let mut income = IncomeBook::default();
        for book in registered() {
            add(&mut income, &book.income);
        }
        let mut balance = books[at].balance;
        balance.inventory_opening = registered().next().map_or(0, |first| first.balance.inventory_opening);
        Self { months: months as u8, income, balance }
    }
}

/// Adds the figures of a month.
fn add(sum: &mut IncomeBook, month: &IncomeBook) {
    macro_rules! add {
        ($($field:ident),*) => { $(sum.$field += month.$field;)* };
    }
    add!(
        revenue,
        cost,
        surcharges,
        selling_expense,
        admin_expense,
        rd_expense,
        finance_expense,
        asset_disposal_gain,
        operating_profit,
        non_operating_income,
        non_operating_expense,
        profit,
        income_tax,
        net_profit,
        depreciation,
        operating_cash_in
    );
}

/// The late fee a payment brings with it: 0.05 per cent a day (税收征收管理法 article 32), none below one yuan. The
/// settlement of a year's income tax is not late before June; books count its days from the prepayment.
pub(super) fn late_fee(payment: &Payment, period: i32) -> Option<Payment> {
    let settlement = payment.tax_code == "cit" && period % 100 == 12 && payment.days_late >= 60;
    if payment.kind == "refund" || payment.days_late <= 0 || settlement {
        return None;
    }
    let amount = (i128::from(payment.amount) * 5 * i128::from(payment.days_late) / 10_000) as i64;
    (amount >= 100).then_some(Payment { kind: "late_fee", amount, ..*payment })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn books(from: i32, count: usize) -> Vec<MonthBook> {
        let month = |at: usize| {
            let months = from / 100 * 12 + from % 100 - 1 + at as i32;
            let mut book = MonthBook { month: at, registered: at > 0, ..MonthBook::default() };
            book.period = months / 12 * 100 + months % 12 + 1;
            book.income.revenue = 10i64.pow(at as u32);
            book.balance.inventory_opening = at as i64;
            book.balance.cash = 7 * at as i64;
            book
        };
        (0..count).map(month).collect()
    }

    #[test]
    fn statements_sum_the_months_of_their_period() {
        let books = books(202510, 6);
        let at = |at, rhythm| -> Vec<(u8, i64, i64, i64)> {
            let items = StatementItem::of_month(&books, at, rhythm);
            let facts = |item: &StatementItem| {
                (item.months, item.income.revenue, item.balance.inventory_opening, item.balance.cash)
            };
            items.iter().map(facts).collect()
        };
        // Not registered in October: its figures count nowhere.
        assert_eq!(at(2, rhythm::QUARTERLY), [(3, 110, 1, 14), (12, 110, 1, 14)]);
        assert_eq!(at(3, rhythm::QUARTERLY), []);
        assert_eq!(at(3, rhythm::MONTHLY), [(1, 1_000, 3, 21)]);
        assert_eq!(at(5, rhythm::QUARTERLY), [(3, 111_000, 3, 35)]);
        assert_eq!(at(2, rhythm::NEVER), []);
    }

    #[test]
    fn late_payments_cost_a_fee() {
        let paid = |tax_code, kind, days_late, amount| {
            let payment = Payment { tax_code, kind, days_late, amount, ..Payment::default() };
            late_fee(&payment, 202_512).map(|fee| (fee.kind, fee.amount))
        };
        assert_eq!(paid("vat", "declared", 20, 1_000_000), Some(("late_fee", 10_000)));
        assert_eq!(paid("vat", "declared", 0, 1_000_000), None);
        assert_eq!(paid("vat", "refund", 20, 1_000_000), None);
        assert_eq!(paid("vat", "declared", 1, 100_000), None);
        assert_eq!(paid("cit", "declared", 80, 1_000_000), None);
    }
}
