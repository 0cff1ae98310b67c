//! Real estate: premises bought by those who own them, leases of those who let, as the land registry has them.

use arrow::array::RecordBatch;

use super::rows::{Rows, push_digits};
use crate::economy::dice::Dice;
use crate::economy::{Economy, EconomyError, Part};

/// Letting of real estate as a business (房地产租赁经营).
const LANDLORD: &str = "K7040";

/// Rows of `real_estate`. For a lease `taxpayer_id` is the owner and `price` a year's rent.
pub(super) fn deals(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("real_estate")?;
    let world = economy.world();
    let mut deal_no = String::new();
    let end = world.first_day(world.months());
    for index in part.firms.clone() {
        let firm = world.firm(index);
        let landlord = world.industry(index).code == LANDLORD;
        if !firm.traits.owns_premises && !landlord {
            continue;
        }
        let mut dice = economy.dice(u64::from(index) << 8 | 4, 0);
        let mut ordinal = 0;
        let mut deal = |dice: &mut Dice, kind: &str, signed_on: i32, price: i64, yuan_a_metre: f64| {
            number(&mut deal_no, index, ordinal);
            ordinal += 1;
            let hundredths = (price as f64 / yuan_a_metre * dice.range(0.9, 1.1)).max(1_000.0) as i64;
            // The firm will move in when the months are over.
            if signed_on >= end {
                return;
            }
            rows.text(&deal_no).text(world.id(index)).text(kind).date(signed_on);
            rows.units(hundredths.saturating_mul(1_000_000)).units(price).end();
        };
        // Premises are worth about half a year's sales, more with those whose business they are.
        let worth = firm.annual as f64 * dice.range(0.3, 0.8) * if landlord { 12.0 } else { 1.0 };
        let bought = firm.registered_on + dice.between(20, 400) as i32;
        deal(&mut dice, "purchase", bought, full_yuan(worth), 6_800.0);
        if landlord {
            let leases = dice.between(2, 8);
            for _ in 0..leases {
                let rent = firm.annual as f64 / leases as f64 * dice.range(0.9, 1.1);
                let signed = world.first_day(0) - dice.between(0, 900) as i32;
                deal(&mut dice, "lease", signed.max(bought + 30), full_yuan(rent), 420.0);
            }
        }
    }
    rows.finish()
}

fn full_yuan(cents: f64) -> i64 {
    ((cents / 100.0) as i64).max(1_000) * 100
}

/// Fourteen characters, another number for each deal, ascending within a firm.
fn number(text: &mut String, firm: u32, ordinal: u64) {
    text.clear();
    text.push_str("BDC9");
    push_digits(text, (u64::from(firm) * 9_999_991 + 4_669_201) % 10_000_000, 7);
    push_digits(text, ordinal, 3);
}
