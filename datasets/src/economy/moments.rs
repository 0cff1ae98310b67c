//! When invoices are issued: days of a month by their weight, times of the day by the rhythm of the business.
//! Tables of cumulated day weights are made once for all months.

use super::calendar::{Month, Rhythm, month_weights};
use super::dice::Dice;

const DAY_MS: i64 = 86_400_000;
/// How much busier the last three days of a month are: ordinary firms, firms that settle at month end, extremes.
const RUSHES: [f64; 5] = [1.0, 1.3, 1.7, 18.0, 45.0];

/// Index of the rush nearest to a strength above ordinary.
pub(super) fn rush_class(strength: f64) -> usize {
    if strength >= 25.0 { 4 } else { 3 }
}

/// Cumulated day weights of every month, rhythm and rush.
#[derive(Debug)]
pub(super) struct Moments {
    months: Vec<MonthDays>,
}

#[derive(Debug)]
struct MonthDays {
    first_ms: i64,
    days: usize,
    /// By rhythm, then rush.
    cumulated: [[Vec<f32>; RUSHES.len()]; 2],
}

impl Moments {
    pub(super) fn new(months: &[Month]) -> Self {
        Self { months: months.iter().map(|month| MonthDays::new(*month)).collect() }
    }

    /// First instant of a month, milliseconds since 1970 in local time.
    pub(super) fn start(&self, month: usize) -> i64 {
        self.months[month].first_ms
    }

    /// First instant after a month.
    pub(super) fn end(&self, month: usize) -> i64 {
        self.months[month].first_ms + self.months[month].days as i64 * DAY_MS
    }

    /// A moment in a month, by a firm of this rhythm and rush.
    pub(super) fn draw(
        &self,
        month: usize,
        rhythm: Rhythm,
        rush: usize,
        night: bool,
        dice: &mut Dice,
    ) -> i64 {
        let days = &self.months[month];
        let table = &days.cumulated[usize::from(rhythm == Rhythm::Shop)][rush];
        let point = dice.unit() as f32;
        let day = table.partition_point(|end| *end <= point).min(days.days - 1) as i64;
        days.first_ms + day * DAY_MS + second(rhythm, night, dice) * 1_000
    }
}

/// Second of the day: around half past ten or half past three, later in shops; between one and five at night.
fn second(rhythm: Rhythm, night: bool, dice: &mut Dice) -> i64 {
    if night {
        return dice.between(3_600, 5 * 3_600 - 1);
    }
    let (open, close, afternoon) = match rhythm {
        Rhythm::Office => (8.25, 19.5, 15.4),
        Rhythm::Shop => (9.5, 22.0, 17.5),
    };
    let bits = dice.bits();
    let hour = if bits & 1023 < 491 { 10.4 + dice.normal() * 0.9 } else { afternoon + dice.normal() * 1.3 };
    (hour.clamp(open, close - 0.02) * 60.0) as i64 * 60 + (bits >> 32) as i64 % 60
}

impl MonthDays {
    fn new(month: Month) -> Self {
        let days = month.days();
        let table = |rhythm: Rhythm, rush: f64| {
            let weights = month_weights(&days, rhythm, rush);
            let total: f64 = weights.iter().sum();
            let mut sum = 0.0;
            weights
                .iter()
                .map(|weight| {
                    sum += weight / total;
                    sum as f32
                })
                .collect()
        };
        let tables = |rhythm| RUSHES.map(|rush| table(rhythm, rush));
        Self {
            first_ms: i64::from(month.first_day()) * DAY_MS,
            days: days.len(),
            cumulated: [tables(Rhythm::Office), tables(Rhythm::Shop)],
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::economy::dice::Purpose;

    #[test]
    fn business_stays_in_its_month_and_hours() {
        let months: Vec<Month> = (0..3).map(|n| Month::new(202512).unwrap().plus(n)).collect();
        let moments = Moments::new(&months);
        let mut dice = Dice::of(3, Purpose::Invoice, 3, 3);
        for month in 0..3 {
            for _ in 0..2_000 {
                let at = moments.draw(month, Rhythm::Office, 1, false, &mut dice);
                assert!((moments.start(month)..moments.end(month)).contains(&at));
                let hour = at.rem_euclid(DAY_MS) / 3_600_000;
                assert!((8..=19).contains(&hour), "{hour}");
            }
        }
    }
}
