//! Tables that follow from the books: filings, statements, third parties, oversight. Pure printing: what is random
//! here is only presentation (days within a month, numbers of meters and cases) and the cases of the past.
//!
//! What each table shows stands at its function. [`sections`] says how one walk through the books serves them all.

mod budget;
mod cases;
mod control;
mod customs;
mod due;
mod filings;
mod items;
mod pack;
mod plan;
mod property;
mod refunds;
mod risk;
mod rows;
mod sections;
mod staff;
mod statistics;
mod taxes;
mod totals;
mod utilities;

use arrow::array::RecordBatch;

use super::{Cut, Economy, EconomyError, Part, TableShape};

#[cfg(test)]
mod tests;

pub(super) use customs::imported_on;
pub(super) use sections::Cache;

/// The derived tables in the order in which they are written, and how they are cut. Tables of one walk through the
/// books stand together (see [`sections`]). Rows of a firm are set higher than there are where rows are wide, so that
/// a part takes at most about 150 MB.
pub(super) const SHAPES: &[TableShape] = &[
    shape("vat_return", Cut::FirmMonths(4.0)),
    shape("refund_application", Cut::FirmMonths(0.1)),
    shape("refund_suspension", Cut::FirmMonths(0.1)),
    shape("vat_mismatch", Cut::FirmMonths(0.1)),
    shape("invoice_quota", Cut::FirmMonths(1.5)),
    shape("cit_return", Cut::FirmMonths(4.0)),
    shape("financial_statement", Cut::FirmMonths(4.0)),
    shape("payroll", Cut::FirmMonths(2.0)),
    shape("social_insurance", Cut::FirmMonths(2.0)),
    shape("electricity", Cut::FirmMonths(2.0)),
    shape("water_gas", Cut::FirmMonths(2.0)),
    shape("bank_flow", Cut::FirmMonths(2.0)),
    shape("platform_sales", Cut::FirmMonths(1.0)),
    shape("other_tax_return", Cut::FirmMonths(5.0)),
    shape("benefit_claim", Cut::FirmMonths(3.0)),
    shape("tax_payment", Cut::FirmMonths(5.0)),
    shape("arrears", Cut::FirmMonths(1.0)),
    shape("customs_declaration", Cut::FirmMonths(2.0)),
    shape("export_refund", Cut::FirmMonths(1.0)),
    shape("waiver", Cut::Firms(0.3)),
    shape("tax_assessment", Cut::Firms(1.0)),
    shape("real_estate", Cut::Firms(1.0)),
    shape("court_case", Cut::Firms(0.1)),
    shape("enforcement_case", Cut::Firms(0.1)),
    shape("key_source", Cut::Firms(0.1)),
    shape("risk_list", Cut::Once),
    shape("revenue_plan", Cut::Once),
    shape("revenue_adjustment", Cut::OnceAMonth),
    shape("budget_split", Cut::Once),
    shape("industry_cluster", Cut::Once),
    shape("tax_calendar", Cut::OnceAMonth),
    shape("workday", Cut::Once),
    shape("economic_series", Cut::OnceAMonth),
];

const fn shape(table: &'static str, cut: Cut) -> TableShape {
    TableShape { table, cut }
}

/// Rows of a derived table, in its canonical schema.
///
/// # Errors
/// The table is none of [`SHAPES`], or a definition in `datasets/economy/*.toml` is wrong.
pub(super) fn rows(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    match part.table {
        "vat_return" => filings::vat_returns(economy, part),
        "refund_application" => refunds::applications(economy, part),
        "refund_suspension" => refunds::suspensions(economy, part),
        "vat_mismatch" => refunds::mismatches(economy, part),
        "cit_return" => filings::cit_returns(economy, part),
        "financial_statement" => filings::statements(economy, part),
        "payroll" => staff::payroll(economy, part),
        "social_insurance" => staff::social_insurance(economy, part),
        "electricity" => utilities::electricity(economy, part),
        "water_gas" => utilities::water_gas(economy, part),
        "bank_flow" => utilities::bank_flow(economy, part),
        "platform_sales" => utilities::platform_sales(economy, part),
        "other_tax_return" => taxes::other_tax_returns(economy, part),
        "benefit_claim" => taxes::benefit_claims(economy, part),
        "tax_payment" => taxes::tax_payments(economy, part),
        "arrears" => taxes::arrears(economy, part),
        "customs_declaration" => customs::declarations(economy, part),
        "export_refund" => customs::export_refunds(economy, part),
        "invoice_quota" => control::invoice_quotas(economy, part),
        "waiver" => control::waivers(economy, part),
        "tax_assessment" => control::assessments(economy, part),
        "key_source" => control::key_sources(economy, part),
        "real_estate" => property::deals(economy, part),
        "court_case" => cases::court_cases(economy, part),
        "enforcement_case" => cases::enforcement_cases(economy, part),
        _ => rows_about_no_firm(economy, part),
    }
}

fn rows_about_no_firm(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    match part.table {
        "risk_list" => risk::risk_list(economy),
        "revenue_plan" => plan::revenue_plans(economy),
        "revenue_adjustment" => plan::revenue_adjustments(economy, part),
        "budget_split" => budget::budget_splits(economy.world()),
        "industry_cluster" => statistics::clusters(),
        "tax_calendar" => due::tax_calendar(part),
        "workday" => due::workdays(economy.world()),
        "economic_series" => statistics::economic_series(economy, part),
        other => Err(EconomyError::Table(other.to_owned())),
    }
}

/// Earlier versions of rows of a table that was corrected since, under the same keys; none for most tables. They are
/// not in the table (which holds the last version), but in files as they were delivered month by month.
pub(super) fn superseded(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    match part.table {
        "vat_return" => filings::corrected_vat_returns(economy, part),
        _ => Ok(Vec::new()),
    }
}
