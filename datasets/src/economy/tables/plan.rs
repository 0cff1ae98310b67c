//! Revenue plans, and what makes revenue of two periods not comparable.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use super::budget::Taxes;
use super::rows::{Rows, push_digits};
use super::totals::{Measure, chain};
use crate::economy::dice::{mix, unit};
use crate::economy::model::World;
use crate::economy::{Economy, EconomyError, Part};

/// Planned growth over last year.
const GROWTH: f64 = 0.06;
/// Sums of a county and month, in cents, from which they are noted as a factor.
const FACTOR_LINE: i64 = 1_000_000;

/// Rows of `revenue_plan`: last year's revenue and planned growth, by grassroots office and upwards by sums. Last
/// year's is what this year's months would give for twelve, less a growth that differs by office and tax, for the
/// economy has no year before its own. Version `1` is the plan of January, `2` the one of July, which moves by some
/// per cent towards or away from what comes in.
pub(super) fn revenue_plans(economy: &Economy) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("revenue_plan")?;
    let (world, taxes, totals) = (economy.world(), Taxes::embedded()?, economy.cache.totals.of(economy)?);
    let mut plans: BTreeMap<(&str, &str, i32, &str), i64> = BTreeMap::new();
    for office in 0..world.offices().len() {
        for (tax, definition) in taxes.all().iter().enumerate() {
            for (year, months) in years(world) {
                let sum: i64 = months.iter().map(|month| totals.revenue(office, tax, *month)).sum();
                let base = sum as f64 * 12.0 / months.len() as f64;
                let dice = |version| {
                    unit(mix(economy.spec().seed, [office as u64, tax as u64 * 10 + version, year as u64]))
                };
                let first = base / (0.98 + 0.14 * dice(1)) * (1.0 + GROWTH);
                for (version, amount) in [("1", first), ("2", first * (0.97 + 0.06 * dice(2)))] {
                    let amount = full_thousands(amount);
                    for above in chain(world, office).filter(|_| amount > 0) {
                        let code = world.offices()[above].code.as_str();
                        *plans.entry((code, &definition.code, year, version)).or_default() += amount;
                    }
                }
            }
        }
    }
    for ((office, tax, year, version), amount) in plans {
        rows.text(office).text(tax).int(year).text(version).units(amount).end();
    }
    rows.finish()
}

/// Plans are made in thousands of yuan.
fn full_thousands(cents: f64) -> i64 {
    (cents / 100_000.0).round() as i64 * 100_000
}

/// Years of revenue with the months (by index) whose tax is due in them.
fn years(world: &World) -> BTreeMap<i32, Vec<usize>> {
    let mut years: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for month in 0..world.months() {
        let period = world.period(month);
        years.entry(period / 100 + i32::from(period % 100 == 12)).or_default().push(month);
    }
    years
}

/// Rows of `revenue_adjustment` for the month of the part: what in the VAT of a county does not repeat itself.
pub(super) fn revenue_adjustments(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    const FACTORS: [(Measure, &str, &str, i64); 3] = [
        (Measure::Deferred, "deferral", "申报未缴税款，见欠税台账", -1),
        (Measure::Recovered, "one_off", "查补、清欠及滞纳金入库", 1),
        (Measure::Refunds, "refund", "留抵退税及即征即退退库", -1),
    ];
    let mut rows = Rows::of("revenue_adjustment")?;
    let (world, totals) = (economy.world(), economy.cache.totals.of(economy)?);
    let Some(month) = part.period.and_then(|period| world.month_of(period)) else { return rows.finish() };
    let (period, mut id) = (world.period(month), String::new());
    let counties = world.offices().iter().enumerate().filter(|(_, office)| office.level == 3);
    for (ordinal, (county, office)) in counties.enumerate() {
        for (index, (measure, kind, evidence, sign)) in FACTORS.into_iter().enumerate() {
            let below =
                (0..world.offices().len()).filter(|below| chain(world, *below).any(|above| above == county));
            let sum: i64 = below.map(|below| totals.measure(below, measure, month)).sum();
            if sum < FACTOR_LINE {
                continue;
            }
            id.clear();
            id.push_str("TZ");
            push_digits(&mut id, period as u64, 6);
            push_digits(&mut id, ordinal as u64 * 10 + index as u64, 6);
            // One official of each county approves; no firm has a person with such a number.
            let name = world.person_name(u32::MAX - county as u32);
            rows.text(&id).text("vat").nulls(1).text(&office.region).int(period).units(sign * sum);
            rows.text(kind).text(evidence).text(&name).date(world.first_day(month + 1) + 19).end();
        }
    }
    rows.finish()
}
