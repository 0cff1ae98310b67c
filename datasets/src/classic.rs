//! A small synthetic economy: firms that trade with each other through a year, most of them honest, some in planted
//! and labelled schemes. It feeds `assay demo` and end-to-end tests; it is plausible, not calibrated, and nobody in
//! it exists: region codes, phones, addresses and devices are ones that are not given out.
//!
//! The same spec gives the same rows, byte for byte.

mod calendar;
mod casting;
mod csv;
mod firms;
mod ids;
mod industries;
mod names;
mod offices;
mod rng;
mod schemes;
mod tables;
#[cfg(test)]
mod tests;
mod trade;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;

pub use csv::write_csv;

use calendar::Month;
use firms::World;
use rng::Rng;
use trade::Trader;

/// The fewest taxpayers the schemes can be cast from.
pub const TAXPAYERS_MIN: usize = 100;
/// The fewest months in which a firm can be born, burst and vanish.
pub const MONTHS_MIN: usize = 8;
/// The most months.
pub const MONTHS_MAX: usize = 60;

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EconomySpec {
    /// Another seed, another economy.
    pub seed: u64,
    /// Registered taxpayers, at least [`TAXPAYERS_MIN`].
    pub taxpayers: usize,
    /// Months, [`MONTHS_MIN`] to [`MONTHS_MAX`].
    pub months: usize,
    /// First month, YYYYMM.
    pub start: i32,
}

impl Default for EconomySpec {
    fn default() -> Self {
        Self { seed: 20_261_121, taxpayers: 300, months: 12, start: 202511 }
    }
}

/// Why there is no economy.
#[derive(Debug, thiserror::Error)]
pub enum EconomyError {
    /// A parameter is out of range.
    #[error("`{parameter}` is {value}; it must be {range}")]
    Parameter {
        /// Field of [`EconomySpec`].
        parameter: &'static str,
        /// What it was.
        value: i64,
        /// What it may be.
        range: String,
    },
    /// The rows do not fit the canonical schema: a mistake in this crate.
    #[error("the generated rows do not fit the canonical schema: {0}")]
    Schema(#[from] ArrowError),
}

/// The generated tables, with the columns of their canonical schemas.
#[derive(Debug, Clone, PartialEq)]
pub struct Economy {
    /// Tax offices, from the province down.
    pub office: RecordBatch,
    /// Registered taxpayers.
    pub taxpayer: RecordBatch,
    /// Invoices in the order of time. Parties outside the province have no row in `taxpayer`.
    pub invoice: RecordBatch,
    /// Labels: `taxpayer_id`, `scheme`, `role` (`organiser`, `user`, or `innocent`: an honest firm that looks like a
    /// scheme), `from_period`, `to_period`, `amount` (yuan without tax that belongs to it; null for the innocent).
    pub truth: RecordBatch,
}

/// Generates an economy.
///
/// # Errors
/// A parameter is out of its range.
pub fn generate(spec: &EconomySpec) -> Result<Economy, EconomyError> {
    let months = months(spec)?;
    let mut world = World::new(spec.seed, spec.taxpayers, months);
    let cast = casting::cast(&mut world, &mut Rng::stream(spec.seed, 2));
    let mut trader = Trader::new(&world, Rng::stream(spec.seed, 3));
    trader.sell();
    schemes::plant(&mut trader, &cast);
    trader.correct_mistakes();
    trader.buy_outside();
    Ok(Economy {
        office: tables::offices(&world)?,
        taxpayer: tables::taxpayers(&world)?,
        invoice: tables::invoices(&world, &trader.drafts)?,
        truth: tables::truth(&world, &cast.labels, &trader.drafts)?,
    })
}

fn months(spec: &EconomySpec) -> Result<Vec<Month>, EconomyError> {
    let parameter = |parameter, value, range: String| EconomyError::Parameter { parameter, value, range };
    if spec.taxpayers < TAXPAYERS_MIN {
        let range = format!("at least {TAXPAYERS_MIN}, so that every scheme finds its firms");
        return Err(parameter("taxpayers", spec.taxpayers as i64, range));
    }
    if !(MONTHS_MIN..=MONTHS_MAX).contains(&spec.months) {
        return Err(parameter("months", spec.months as i64, format!("{MONTHS_MIN} to {MONTHS_MAX}")));
    }
    let unknown = || parameter("start", i64::from(spec.start), "a month as YYYYMM, e.g. 202511".to_owned());
    let first = Month::new(spec.start).ok_or_else(unknown)?;
    Ok((0..spec.months).map(|count| first.plus(count)).collect())
}
