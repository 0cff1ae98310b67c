//! What others meter and book: electricity, water and gas, bank accounts, online platforms.

use arrow::array::RecordBatch;

use super::rows::{Rows, cut, numbered, push_hex};
use super::sections::{Section, each};
use crate::economy::books::{BankBook, PlatformBook, PowerBook};
use crate::economy::dice::{mix, unit};
use crate::economy::{Economy, EconomyError, Part};

/// Names of the platforms by number.
const PLATFORMS: [&str; 4] = ["云购商城", "万集网", "拼享购", "外卖到家"];
/// Meters of a firm are numbered from its index times this.
const METERS: u64 = 16;

/// Rows of `electricity`, a row for each meter. How a firm's use is spread over its meters stays the same for life,
/// but for some per cent each month.
pub(super) fn electricity(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("electricity")?;
    let (mut meter_no, mut weights) = (String::new(), Vec::new());
    let (mut kwh, mut cost) = (Vec::new(), Vec::new());
    let period = part.period.unwrap_or_default();
    let seed = economy.spec().seed;
    each(economy, part, Section::Power, |firm, power: PowerBook| {
        if power.kwh <= 0 {
            return;
        }
        let meters = u64::from(power.meters.max(1)).min(METERS - 2);
        weights.clear();
        weights.extend((0..meters).map(|meter| {
            let usual = unit(mix(seed, [u64::from(firm), meter, 1]));
            let month = unit(mix(seed, [u64::from(firm), meter, period as u64]));
            (0.2 + usual) * (0.97 + 0.06 * month)
        }));
        cut(power.kwh, &weights, &mut kwh);
        cut(power.power_cost, &weights, &mut cost);
        for (meter, (kwh, cost)) in kwh.iter().zip(&cost).enumerate() {
            meter_number(&mut meter_no, "37", firm, meter as u64);
            rows.text(economy.world().id(firm)).int(period).text(&meter_no).whole(*kwh).units(*cost).end();
        }
    });
    rows.finish()
}

/// Rows of `water_gas`: at most one meter of each kind, gas before water, for so their numbers sort.
pub(super) fn water_gas(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("water_gas")?;
    let mut meter_no = String::new();
    let period = part.period.unwrap_or_default();
    each(economy, part, Section::Power, |firm, power: PowerBook| {
        let used = [("gas", "62", power.gas, power.gas_cost), ("water", "81", power.water, power.water_cost)];
        for (kind, prefix, volume, cost) in used.into_iter().filter(|used| used.2 > 0) {
            meter_number(&mut meter_no, prefix, firm, 0);
            rows.text(economy.world().id(firm)).int(period).text(&meter_no).text(kind);
            rows.whole(volume).units(cost).end();
        }
    });
    rows.finish()
}

/// Twelve digits, another number for each meter, ascending by meter within a firm.
fn meter_number(text: &mut String, prefix: &str, firm: u32, meter: u64) {
    // Seven digits of a firm may be scattered; the meters of a firm stay together.
    let scattered = (u64::from(firm) * 7_654_321 + 1_234_567) % 10_000_000;
    numbered(text, prefix, scattered * METERS + meter, 10);
}

/// Rows of `bank_flow`: the sums of a firm's main account.
pub(super) fn bank_flow(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("bank_flow")?;
    let mut account = String::new();
    let period = part.period.unwrap_or_default();
    let seed = economy.spec().seed;
    each(economy, part, Section::Bank, |firm, bank: BankBook| {
        account.clear();
        push_hex(&mut account, mix(seed, [u64::from(firm), 11, 1]));
        push_hex(&mut account, mix(seed, [u64::from(firm), 11, 2]));
        rows.text(economy.world().id(firm)).int(period).text(&account);
        rows.units(bank.inflow).units(bank.outflow).count(bank.inflow_count);
        rows.all_units([bank.private_inflow, bank.private_outflow, bank.round_trip]).end();
    });
    rows.finish()
}

/// Rows of `platform_sales`, of months with an order.
pub(super) fn platform_sales(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("platform_sales")?;
    let period = part.period.unwrap_or_default();
    each(economy, part, Section::Platform, |firm, sales: PlatformBook| {
        if sales.orders == 0 && sales.refunded == 0 {
            return;
        }
        let platform = PLATFORMS[usize::from(sales.platform) % PLATFORMS.len()];
        rows.text(economy.world().id(firm)).int(period).text(platform);
        rows.count(sales.orders).units(sales.gross).units(sales.refunded).end();
    });
    rows.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn meters_have_numbers_of_their_own() {
        let mut text = String::new();
        let mut all = HashSet::new();
        for firm in (0..50_000).chain(4_950_000..5_000_000) {
            for meter in 0..2 {
                meter_number(&mut text, "37", firm, meter);
                assert_eq!(text.len(), 12);
                assert!(all.insert(text.clone()), "{firm} {meter}");
            }
        }
    }
}
