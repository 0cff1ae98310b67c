//! People: individual income tax withheld, social insurance paid.

use arrow::array::RecordBatch;

use super::rows::Rows;
use super::sections::{Section, each};
use crate::economy::books::StaffBook;
use crate::economy::{Economy, EconomyError, Part};

/// Rows of `payroll`.
pub(super) fn payroll(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("payroll")?;
    let period = part.period.unwrap_or_default();
    each(economy, part, Section::Staff, |firm, staff: StaffBook| {
        if staff.persons == 0 && staff.labour_service_pay == 0 && staff.dividends == 0 {
            return;
        }
        rows.text(economy.world().id(firm)).int(period);
        rows.count(staff.persons).units(staff.wages).count(staff.zero_tax_persons);
        rows.all_units([staff.iit_withheld, staff.labour_service_pay, staff.dividends]);
        rows.all_units([staff.annual_bonus, staff.special_deductions]).end();
    });
    rows.finish()
}

/// Rows of `social_insurance`: of firms that insure someone.
pub(super) fn social_insurance(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("social_insurance")?;
    let period = part.period.unwrap_or_default();
    each(economy, part, Section::Staff, |firm, staff: StaffBook| {
        if staff.insured == 0 {
            return;
        }
        rows.text(economy.world().id(firm)).int(period);
        rows.count(staff.insured).units(staff.insurance_base).units(staff.insurance_paid);
        rows.count(staff.disabled).count(staff.veterans).count(staff.key_group).end();
    });
    rows.finish()
}
