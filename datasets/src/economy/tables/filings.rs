//! What a taxpayer declares of its business: VAT and corporate income tax returns, financial statements.

use arrow::array::RecordBatch;

use super::due::{due_on, settlement_due_on, workday_from};
use super::items::{CitItem, StatementItem};
use super::rows::Rows;
use super::sections::{Section, each};
use crate::economy::books::VatBook;
use crate::economy::{Economy, EconomyError, Part};

/// Rows of `vat_return`: of each return its last version.
pub(super) fn vat_returns(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    vat(economy, part, Section::Vat)
}

/// Rows of `vat_return` that were filed first and corrected since: the same keys as in [`vat_returns`], filed earlier.
/// They are no rows of the table, which holds the last version, but come with files that are delivered month by month.
pub(super) fn corrected_vat_returns(
    economy: &Economy,
    part: &Part,
) -> Result<Vec<RecordBatch>, EconomyError> {
    vat(economy, part, Section::VatFirst)
}

fn vat(economy: &Economy, part: &Part, section: Section) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("vat_return")?;
    let period = part.period.unwrap_or_default();
    let due = due_on(period)?;
    each(economy, part, section, |firm, vat: VatBook| {
        rows.text(economy.world().id(firm)).int(period);
        rows.text(if vat.small { "small" } else { "general" }).date(due + vat.days_late);
        if vat.small {
            small_lines(&mut rows, &vat)
        } else {
            general_lines(&mut rows, &vat)
        };
        rows.end();
    });
    rows.finish()
}

/// Lines of the form for general taxpayers.
fn general_lines(rows: &mut Rows, vat: &VatBook) {
    rows.all_units([vat.taxable_sales, vat.simple_sales, vat.export_sales, vat.exempt_sales]);
    rows.all_units([vat.output_tax, vat.input_tax, vat.opening_credit, vat.input_transfer_out]);
    rows.all_units([vat.refundable_tax, vat.deducted_tax, vat.tax_payable, vat.closing_credit]);
    rows.all_units([vat.simple_tax, vat.tax_reduction, vat.tax_total, vat.extra_deduction]);
    rows.all_units([vat.uninvoiced_sales, vat.invoiced_special_sales, vat.invoiced_ordinary_sales]);
    rows.all_units([vat.deducted_special_tax, vat.deducted_customs_tax, vat.deducted_agri_tax]);
    rows.all_units([vat.deducted_transport_tax, vat.deducted_other_tax]).nulls(3).units(vat.refund_of_credit);
}

/// Lines of the form for small-scale taxpayers; it has none of the others.
fn small_lines(rows: &mut Rows, vat: &VatBook) {
    rows.nulls(2).units(vat.export_sales).units(vat.exempt_sales).nulls(8);
    rows.all_units([vat.simple_tax, vat.tax_reduction, vat.tax_total]).nulls(1);
    rows.all_units([vat.uninvoiced_sales, vat.invoiced_special_sales, vat.invoiced_ordinary_sales]).nulls(5);
    rows.all_units([vat.small_exempt_sales, vat.small_sales_3pct, vat.small_sales_5pct]).nulls(1);
}

/// Rows of `cit_return`: prepayment of a quarter, settlement of the year. What only the settlement asks for is null
/// in a prepayment.
pub(super) fn cit_returns(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("cit_return")?;
    let period = part.period.unwrap_or_default();
    let due = [due_on(period)?, workday_from(settlement_due_on(period))?];
    each(economy, part, Section::Cit, |firm, item: CitItem| {
        let (cit, income) = (&item.book, &item.book.income);
        rows.text(economy.world().id(firm)).int(period).text(if item.year { "Y" } else { "Q" });
        rows.date(due[usize::from(item.year)] + cit.days_late);
        rows.all_units([income.revenue, income.cost, income.surcharges, income.selling_expense]);
        rows.all_units([income.admin_expense, income.finance_expense, cit.rd_expense]);
        rows.all_units([income.asset_disposal_gain, income.non_operating_income]);
        rows.all_units([income.non_operating_expense, income.profit]);
        settled(&mut rows, &item, [cit.adjust_up, cit.adjust_down]);
        rows.all_units([cit.exempt_income, cit.rd_super_deduction, cit.accelerated_depreciation]);
        rows.all_units([cit.loss_offset, cit.taxable_income, cit.rate_bp, cit.tax_before_relief]);
        rows.all_units([cit.tax_relief, cit.small_profit_relief, cit.high_tech_relief, cit.region_relief]);
        // Hundredths of a person, in units of the eighth decimal.
        rows.units(cit.tax_due).units(cit.employees_avg * 1_000_000).units(cit.assets_avg).flag(false);
        settled(&mut rows, &item, [cit.wages, cit.wages_disabled, cit.entertainment]);
        settled(&mut rows, &item, [cit.advertising, cit.donations, cit.commissions]);
        rows.text(if cit.assessed { "assessed" } else { "audit" }).end();
    });
    rows.finish()
}

/// Lines of the settlement; null in a prepayment.
fn settled<const N: usize>(rows: &mut Rows, item: &CitItem, values: [i64; N]) {
    if item.year {
        rows.all_units(values)
    } else {
        rows.nulls(N)
    };
}

/// Rows of `financial_statement`. Flows are those of the period alone (本期金额), not since January; balances stand at
/// its end, the opening stock at its beginning.
pub(super) fn statements(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("financial_statement")?;
    let period = part.period.unwrap_or_default();
    each(economy, part, Section::Statement, |firm, item: StatementItem| {
        let (balance, income) = (&item.balance, &item.income);
        let period_type = match item.months {
            1 => "M",
            3 => "Q",
            _ => "Y",
        };
        rows.text(economy.world().id(firm)).int(period).text(period_type);
        rows.all_units([balance.cash, balance.receivables, balance.prepayments, balance.other_receivables]);
        rows.all_units([balance.inventory, balance.inventory_opening, balance.fixed_assets]);
        rows.all_units([balance.total_assets, balance.payables, balance.advance_receipts]);
        rows.all_units([balance.other_payables, balance.total_liabilities, balance.paid_in_capital]);
        rows.all_units([balance.equity, income.revenue, income.cost, income.surcharges]);
        rows.all_units([income.selling_expense, income.admin_expense, income.finance_expense]);
        rows.all_units([income.operating_profit, income.non_operating_income, income.profit]);
        rows.all_units([income.income_tax, income.net_profit, income.depreciation, income.operating_cash_in]);
        rows.end();
    });
    rows.finish()
}
