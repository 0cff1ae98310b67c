//! Other taxes, reliefs, payments and arrears.

use arrow::array::RecordBatch;

use super::budget::Taxes;
use super::due::due_on;
use super::rows::{Rows, push_digits};
use super::sections::{Section, each_firm};
use crate::economy::books::{Arrear, Claim, OtherTax, Payment};
use crate::economy::policies::policies;
use crate::economy::{Economy, EconomyError, Part};

/// Rows of `other_tax_return`. No tax of the books is by quantity.
pub(super) fn other_tax_returns(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("other_tax_return")?;
    let period = part.period.unwrap_or_default();
    each_firm(economy, part, Section::OtherTax, |firm, items: &mut Vec<OtherTax>| {
        items.sort_by_key(|item| (item.tax_code, item.item));
        for item in items.iter() {
            rows.text(economy.world().id(firm)).text(item.tax_code).int(period).text(item.item);
            rows.units(item.base)
                .nulls(1)
                .all_units([item.rate_e8, item.tax, item.relief, item.tax_due])
                .end();
        }
    });
    rows.finish()
}

/// Rows of `benefit_claim`. Those of the corporate income tax are claimed with the prepayment of a quarter.
pub(super) fn benefit_claims(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("benefit_claim")?;
    let period = part.period.unwrap_or_default();
    let due = due_on(period)?;
    let all = policies();
    let policy_of = |claim: &Claim| all.get(usize::from(claim.policy));
    each_firm(economy, part, Section::Claim, |firm, claims: &mut Vec<Claim>| {
        claims.sort_by_key(|claim| policy_of(claim).map(|policy| (policy.tax_code, policy.relief_code)));
        for claim in claims.iter() {
            let Some(policy) = policy_of(claim) else { continue };
            rows.text(economy.world().id(firm)).text(policy.tax_code).text(policy.relief_code).int(period);
            rows.units(claim.base).units(claim.relief).date(due + claim.days_late).end();
        }
    });
    rows.finish()
}

/// Rows of `tax_payment`. Amounts are positive also where money went back; `kind` says which way.
pub(super) fn tax_payments(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("tax_payment")?;
    let period = part.period.unwrap_or_default();
    let due = due_on(period)?;
    let taxes = Taxes::embedded()?;
    let mut voucher = String::new();
    each_firm(economy, part, Section::Payment, |firm, payments: &mut Vec<Payment>| {
        payments.sort_by_key(|payment| payment.tax_code);
        for (ordinal, payment) in payments.iter().enumerate() {
            rows.text(economy.world().id(firm)).text(payment.tax_code).int(period);
            voucher_number(&mut voucher, firm, period, ordinal);
            rows.text(&voucher).date(due + payment.days_late).units(payment.amount).text(payment.kind);
            match payment.refund_kind {
                Some(kind) => rows.text(kind),
                None => rows.nulls(1),
            };
            match taxes.get(payment.tax_code) {
                Some(tax) => rows.text(&tax.account).text(&tax.level).text(&tax.split),
                None => rows.nulls(3),
            };
            rows.end();
        }
    });
    rows.finish()
}

/// Eighteen digits, another number for each voucher, ascending within a firm and month.
fn voucher_number(text: &mut String, firm: u32, period: i32, ordinal: usize) {
    let scattered = (u64::from(firm) * 3_141_593 + 2_718_281) % 10_000_000;
    text.clear();
    text.push_str("399");
    push_digits(text, period as u64, 6);
    push_digits(text, scattered, 7);
    push_digits(text, ordinal as u64, 2);
}

/// Rows of `arrears`: what was due for the month and is still unpaid.
pub(super) fn arrears(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("arrears")?;
    let period = part.period.unwrap_or_default();
    let due = due_on(period)?;
    each_firm(economy, part, Section::Arrear, |firm, items: &mut Vec<Arrear>| {
        items.sort_by_key(|item| item.tax_code);
        for item in items.iter() {
            rows.text(economy.world().id(firm)).text(item.tax_code).int(period);
            rows.date(due).units(item.amount).date(due + 1).end();
        }
    });
    rows.finish()
}
