//! What the office sets or notes of a taxpayer: invoice quotas, waivers, assessments, key sources of revenue.

use arrow::array::RecordBatch;
use chrono::{Datelike, NaiveDate};

use super::rows::Rows;
use super::sections::{Section, each};
use crate::economy::books::Quota;
use crate::economy::model::{EXEMPT_LINE, FirmKind};
use crate::economy::waivers::waived_from;
use crate::economy::{Economy, EconomyError, Part};

/// Yearly sales, in cents, from which a taxpayer is a key source of the city, and of the province.
const KEY_LINES: [(i64, &str); 2] = [(20_000_000_000, "省级重点税源"), (5_000_000_000, "市级重点税源")];

/// Rows of `invoice_quota`.
pub(super) fn invoice_quotas(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("invoice_quota")?;
    let period = part.period.unwrap_or_default();
    each(economy, part, Section::Quota, |firm, quota: Quota| {
        rows.text(economy.world().id(firm)).int(period);
        rows.units(quota.invoice_limit).units(quota.monthly).int(quota.raises).end();
    });
    rows.finish()
}

/// Rows of `waiver`: exemptions given up. The code is that of the list of policies.
pub(super) fn waivers(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("waiver")?;
    let world = economy.world();
    for index in part.firms.clone() {
        let Some(first) = waived_from(economy, index) else { continue };
        let from = world.first_day(first);
        let policy = if world.period(first) >= 202_601 { "B05" } else { "B04" };
        let told = economy.dice(u64::from(index) << 8 | 3, 1).between(0, 6) as i32;
        rows.text(world.id(index)).text(policy).date(from).nulls(1).date(from + told).end();
    }
    rows.finish()
}

/// Rows of `tax_assessment`, one for each year: a fixed amount of VAT a month for an individual business, an assessed
/// share of income otherwise.
pub(super) fn assessments(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("tax_assessment")?;
    let world = economy.world();
    let years = world.period(0) / 100..=world.period(world.months() - 1) / 100;
    for index in part.firms.clone().filter(|index| world.firm(*index).traits.assessed) {
        let firm = world.firm(index);
        let individual = firm.kind == FirmKind::Individual;
        for year in years.clone() {
            let (from, to) = (day(year, 1, 1).max(firm.registered_on), day(year, 12, 31));
            if from > to || from >= closed_on(economy, index) {
                continue;
            }
            rows.text(world.id(index)).text(if individual { "vat" } else { "cit" }).date(from);
            if individual {
                // One per cent of an ordinary month's sales, in full ten yuan; nothing below the line.
                let sales = firm.annual / 12;
                let tax = if sales < EXEMPT_LINE { 0 } else { sales / 100 / 1_000 * 1_000 };
                rows.text("定期定额征收").units(tax).nulls(1);
            } else {
                rows.text("核定应税所得率").nulls(1).units(assessed_rate_bp(&world.industry(index).code));
            }
            rows.date(to).end();
        }
    }
    rows.finish()
}

/// Assessed share of income by industry, basis points: low ends of the ranges in 国税发〔2008〕30号.
pub(super) fn assessed_rate_bp(industry: &str) -> i64 {
    match industry.as_bytes().first() {
        Some(b'A') => 300,
        Some(b'C' | b'D') => 500,
        Some(b'F') => 400,
        Some(b'G') => 700,
        Some(b'E' | b'H') => 800,
        _ => 1_000,
    }
}

/// Rows of `key_source`: by size, from the beginning of the first year (or from registration).
pub(super) fn key_sources(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("key_source")?;
    let world = economy.world();
    let since = day(world.period(0) / 100, 1, 1);
    for index in part.firms.clone() {
        let firm = world.firm(index);
        let Some((_, list)) = KEY_LINES.iter().find(|(line, _)| firm.annual >= *line) else { continue };
        rows.text(list).text(world.id(index)).date(since.max(firm.registered_on));
        let closed = closed_on(economy, index);
        if closed < world.first_day(world.months()) {
            rows.date(closed)
        } else {
            rows.nulls(1)
        };
        rows.end();
    }
    rows.finish()
}

/// The first day on which a firm sells nothing any more; beyond the economy for one that goes on.
pub(super) fn closed_on(economy: &Economy, firm: u32) -> i32 {
    let world = economy.world();
    let closes = usize::from(world.firm(firm).closes);
    if closes >= world.months() { i32::MAX } else { world.first_day(closes) }
}

/// Days since 1970.
pub(super) fn day(year: i32, month: u32, day: u32) -> i32 {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default().num_days_from_ce() - 719_163
}
