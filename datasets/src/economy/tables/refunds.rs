//! Refunds of credit (留抵退税) as offices handle them: applications, times for which they were held, and returns that did not agree
//! when compared. Who asks, and how much, stands in the books; here only days and what becomes of an application are drawn.
//!
//! An application about a month is made with its return, so those about the last month of the economy are still open.

use arrow::array::RecordBatch;

use super::due::{due_on, workday_from, workdays_after};
use super::rows::{Rows, push_digits};
use super::sections::{Section, each};
use crate::economy::books::VatBook;
use crate::economy::schemes::Role;
use crate::economy::{Economy, EconomyError, Part};

/// Of returns that agree, so many are found not to: clerical differences.
const CLERICAL: f64 = 0.006;
/// States of a mismatch nobody has cleared.
const OPEN_STATES: [&str; 4] = ["mismatched", "at_desk", "at_source_office", "at_audit"];

/// An application.
struct Application {
    firm: u32,
    period: i32,
    amount: i64,
    applied_on: i32,
    received_on: i32,
    decided_on: Option<i32>,
    suspension: Option<Suspension>,
}

/// A time for which an application was held.
struct Suspension {
    suspended_on: i32,
    reason: &'static str,
    resumed_on: Option<i32>,
}

/// A return that did not agree.
struct Mismatch {
    found_on: i32,
    rule: &'static str,
    difference: i64,
    state: &'static str,
    cleared_on: Option<i32>,
}

fn number(firm: u32, period: i32) -> String {
    let mut text = format!("LDTS{period}");
    push_digits(&mut text, (u64::from(firm) * 9_176_263 + 41) % 10_000_000, 7);
    text
}

/// Whether a period is the last of the economy.
fn is_last(economy: &Economy, period: i32) -> bool {
    let world = economy.world();
    world.period(world.months() - 1) == period
}

fn schemes(economy: &Economy, firm: u32) -> bool {
    economy.scheme(firm).is_some_and(|plan| plan.role != Role::Innocent && !plan.kind.honest())
}

/// What came of comparing a return; `None` where it agreed.
fn mismatch(
    economy: &Economy,
    firm: u32,
    period: i32,
    vat: &VatBook,
) -> Result<Option<Mismatch>, EconomyError> {
    let mut dice = economy.dice(u64::from(firm) << 8 | 8, period as u64);
    let declared = vat.taxable_sales + vat.simple_sales + vat.export_sales + vat.exempt_sales;
    let gap = vat.invoiced_special_sales + vat.invoiced_ordinary_sales - declared;
    let clerical = dice.chance(CLERICAL);
    if vat.small || (gap <= 0 && !clerical) {
        return Ok(None);
    }
    let found_on = workday_from(due_on(period)? + vat.days_late.max(0) + 1)?;
    let open = dice.chance(if is_last(economy, period) { 0.5 } else { 0.1 });
    let days = dice.between(2, 20) as u32;
    let (rule, difference) = if gap > 0 {
        ("发票销售额与申报销售额", gap)
    } else {
        ("进项抵扣税额与认证税额", dice.between(100, 90_000) * 100)
    };
    let state = if open { OPEN_STATES[dice.below(OPEN_STATES.len())] } else { "cleared" };
    let cleared_on = if open { None } else { Some(workdays_after(found_on, days)?) };
    Ok(Some(Mismatch { found_on, rule, difference, state, cleared_on }))
}

fn application(
    economy: &Economy,
    firm: u32,
    period: i32,
    vat: &VatBook,
) -> Result<Option<Application>, EconomyError> {
    if vat.small || vat.refund_of_credit <= 0 {
        return Ok(None);
    }
    let mut dice = economy.dice(u64::from(firm) << 8 | 9, period as u64);
    let applied_on = workday_from(due_on(period)? + vat.days_late + dice.between(0, 2) as i32)?;
    let received_on = workdays_after(applied_on, u32::from(dice.chance(0.3)))?;
    let open = is_last(economy, period);
    let mismatched = mismatch(economy, firm, period, vat)?;
    let reason =
        if mismatched.is_some_and(|found| dice.chance(if found.cleared_on.is_none() { 0.7 } else { 0.3 })) {
            Some("mismatch")
        } else if dice.chance(if schemes(economy, firm) { 0.2 } else { 0.05 }) {
            Some(["risk", "risk", "audit", "voucher"][dice.below(4)])
        } else {
            None
        };
    let suspension = match reason {
        Some(reason) => {
            let suspended_on = workdays_after(received_on, dice.between(1, 6) as u32)?;
            let cleared_on = workdays_after(suspended_on, dice.between(5, 30) as u32)?;
            let resumed_on = (!open || dice.chance(0.3)).then_some(cleared_on);
            Some(Suspension { suspended_on, reason, resumed_on })
        }
        None => None,
    };
    // One in thirty is decided a little late.
    let late = if dice.chance(1.0 / 30.0) { dice.between(1, 4) as u32 } else { 0 };
    let decided_on = match suspension.as_ref().map(|one| one.resumed_on) {
        _ if open => None,
        Some(None) => None,
        Some(Some(resumed_on)) => Some(workdays_after(resumed_on, dice.between(1, 5) as u32 + late)?),
        None if late > 0 => Some(workdays_after(received_on, 10 + late)?),
        None => Some(workdays_after(received_on, dice.between(2, 10) as u32)?),
    };
    let amount = vat.refund_of_credit;
    Ok(Some(Application { firm, period, amount, applied_on, received_on, decided_on, suspension }))
}

fn each_application(
    economy: &Economy,
    part: &Part,
    mut row: impl FnMut(Application),
) -> Result<(), EconomyError> {
    let period = part.period.unwrap_or_default();
    let mut fault = None;
    each(economy, part, Section::Vat, |firm, vat: VatBook| match application(economy, firm, period, &vat) {
        Ok(Some(found)) => row(found),
        Ok(None) => {}
        Err(error) => fault = Some(error),
    });
    fault.map_or(Ok(()), Err)
}

/// What an industry may ask for, by the rules from September 2025; before, the application does not say.
fn branch(economy: &Economy, firm: u32, period: i32) -> Option<&'static str> {
    let code = economy.world().industry(firm).code.as_str();
    match code {
        // About August's credit is applied for in the filing term of September.
        _ if period < 202_508 => None,
        _ if code.starts_with("K701") => Some("real_estate"),
        _ if code.starts_with('C') || code.starts_with('M') => Some("ind4"),
        _ if code.starts_with("I65") || code.starts_with("N77") => Some("ind4"),
        _ => Some("other"),
    }
}

/// Rows of `refund_application`: one for each refund of credit in the returns, granted as asked for, open about the last month.
pub(super) fn applications(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("refund_application")?;
    each_application(economy, part, |one| {
        rows.text(&number(one.firm, one.period)).text(economy.world().id(one.firm)).int(one.period);
        match branch(economy, one.firm, one.period) {
            Some(branch) => rows.text(branch),
            None => rows.nulls(1),
        };
        rows.units(one.amount).date(one.applied_on).date(one.received_on);
        match one.decided_on {
            Some(day) => rows.date(day).text("granted").units(one.amount),
            None => rows.nulls(3),
        };
        rows.end();
    })?;
    rows.finish()
}

/// Rows of `refund_suspension`: at most one for an application.
pub(super) fn suspensions(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("refund_suspension")?;
    each_application(economy, part, |one| {
        let Some(suspension) = &one.suspension else { return };
        rows.text(&number(one.firm, one.period)).date(suspension.suspended_on);
        rows.text(economy.world().id(one.firm)).int(one.period).text(suspension.reason);
        match suspension.resumed_on {
            Some(day) => rows.date(day),
            None => rows.nulls(1),
        };
        rows.end();
    })?;
    rows.finish()
}

/// Rows of `vat_mismatch`: returns of general taxpayers with more sales invoiced than declared, and a few clerical ones.
pub(super) fn mismatches(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("vat_mismatch")?;
    let period = part.period.unwrap_or_default();
    let mut fault = None;
    each(economy, part, Section::Vat, |firm, vat: VatBook| match mismatch(economy, firm, period, &vat) {
        Ok(Some(found)) => {
            rows.text(economy.world().id(firm)).int(period).date(found.found_on).text(found.rule);
            rows.units(found.difference).text(found.state);
            match found.cleared_on {
                Some(day) => rows.date(day),
                None => rows.nulls(1),
            };
            rows.end();
        }
        Ok(None) => {}
        Err(error) => fault = Some(error),
    });
    fault.map_or_else(|| rows.finish(), Err)
}
