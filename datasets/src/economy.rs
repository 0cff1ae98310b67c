//! A synthetic economy: firms that trade with each other, most of them honest, some in planted and labelled schemes.
//! It feeds `assay demo`, `assay generate` and end-to-end tests; it is plausible, not calibrated, and nobody in it
//! exists: region codes, phones, addresses and devices are ones that are not given out.
//!
//! # Shape
//! A small world is held in memory; everything else is a pure function of it. [`Economy::build`] draws the offices,
//! industries, firms and persons ([`model::World`]), who buys from whom, who plays which part in a scheme
//! ([`schemes`]), and, in one pass over all invoices, the monthly sums of every firm ([`ledger`]). Any row of any
//! table can then be made on any thread in any order ([`Economy::rows`]), because every firm, month and invoice has
//! its own random generator ([`dice`]). The same spec gives the same rows whatever the number of threads.
//!
//! # Memory
//! At 1,000,000 taxpayers × 12 months: firms 150 MB with their ids and names, trade links about 100 MB, ledger
//! 72 bytes a firm and month, 864 MB. Invoices, lines and books are never held: a part of rows at a time.

mod balance;
pub mod books;
mod build;
mod calendar;
mod casting;
mod certificates;
mod claimants;
mod csv;
mod definitions;
pub mod dice;
mod drawn_in;
mod flows;
mod history;
mod ids;
mod imports;
pub mod industries;
mod inputs;
mod invoices;
mod law;
pub mod ledger;
mod links;
pub mod model;
mod moments;
mod names;
mod offices;
mod parts_played;
pub mod policies;
mod population;
mod rows;
pub mod schemes;
mod tables;
#[cfg(test)]
mod tests;
mod truth;
mod waivers;

use std::ops::Range;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;

pub use csv::write_csv;

use books::MonthBook;
use dice::{Dice, Purpose};
use model::World;
use schemes::SchemePlan;

/// The fewest taxpayers the schemes can be cast from.
pub const TAXPAYERS_MIN: usize = 100;
/// The most taxpayers: seven digits of an invoice number name the seller.
pub const TAXPAYERS_MAX: usize = 3_000_000;
/// The fewest months in which a firm can be born, burst and vanish.
pub const MONTHS_MIN: usize = 8;
/// The most months.
pub const MONTHS_MAX: usize = 60;

/// What to generate.
#[derive(Debug, Clone, PartialEq)]
pub struct EconomySpec {
    /// Another seed, another economy.
    pub seed: u64,
    /// Registered taxpayers, [`TAXPAYERS_MIN`] to [`TAXPAYERS_MAX`].
    pub taxpayers: usize,
    /// Months, [`MONTHS_MIN`] to [`MONTHS_MAX`].
    pub months: usize,
    /// First month, YYYYMM.
    pub start: i32,
    /// Invoice lines per taxpayer and month on average, those of sellers outside the province included.
    pub lines_per_taxpayer_month: f64,
}

impl Default for EconomySpec {
    fn default() -> Self {
        Self { seed: 20_261_121, taxpayers: 300, months: 12, start: 202511, lines_per_taxpayer_month: 8.4 }
    }
}

impl EconomySpec {
    /// The economy of `assay demo`: few taxpayers, so more invoices of each.
    pub fn demo(seed: u64) -> Self {
        Self { seed, lines_per_taxpayer_month: 60.0, ..Self::default() }
    }
}

/// Why there is no economy, or no rows.
#[derive(Debug, thiserror::Error)]
pub enum EconomyError {
    /// A parameter is out of range.
    #[error("`{parameter}` is {value}; it must be {range}")]
    Parameter {
        /// Field of [`EconomySpec`].
        parameter: &'static str,
        /// What it was.
        value: String,
        /// What it may be.
        range: String,
    },
    /// A definition in `datasets/economy/*.toml` is wrong.
    #[error("datasets/economy/{file}: {problem}")]
    Definition {
        /// File name.
        file: &'static str,
        /// What is wrong, with its remedy.
        problem: String,
    },
    /// Rows were asked for that no generator makes.
    #[error("the economy has no table `{0}`")]
    Table(String),
    /// The rows do not fit the canonical schema: a mistake in this crate.
    #[error("the generated rows do not fit the canonical schema: {0}")]
    Schema(#[from] ArrowError),
}

/// A range of rows of one table, made at once by [`Economy::rows`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Part {
    /// Canonical table.
    pub table: &'static str,
    /// Month of every row (its column `period`), for tables kept by month.
    pub period: Option<i32>,
    /// Parties whose rows these are, by index (see [`World`]): taxpayers first, then sellers outside the province,
    /// then farmers, then customs houses. Only invoices and their lines have rows of parties that are no taxpayers. Tables that are not
    /// about taxpayers have one part with an empty range.
    pub firms: Range<u32>,
}

/// How a table is cut into parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TableShape {
    /// Canonical table.
    pub table: &'static str,
    /// Grain and size.
    pub cut: Cut,
}

/// Grain of a table's parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cut {
    /// One part: rows about offices, days, statistics.
    Once,
    /// One part a month, not about firms (e.g. `economic_series`).
    OnceAMonth,
    /// Parts of firms, all months together; expected rows of a firm.
    Firms(f64),
    /// Parts of firms for each month; expected rows of a firm and month.
    FirmMonths(f64),
    /// Like `FirmMonths`, for parties outside the register too.
    PartyMonths(f64),
}

/// A generated economy: all that is needed to make any of its rows.
#[derive(Debug)]
pub struct Economy {
    world: World,
    ledger: ledger::Ledger,
    /// What derived tables keep between calls.
    cache: tables::Cache,
}

impl Economy {
    /// What it was built from.
    pub fn spec(&self) -> &EconomySpec {
        self.world.spec()
    }

    /// Offices, industries, firms, persons.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Monthly sums of what each firm issued and received.
    pub fn ledger(&self) -> &ledger::Ledger {
        &self.ledger
    }

    /// The part a firm plays in a scheme (or as an honest firm that looks like one).
    pub fn scheme(&self, firm: u32) -> Option<&SchemePlan> {
        self.world.scheme(firm)
    }

    /// The books of a firm, one for each month of the economy in order; also for months in which it did not exist
    /// (then `registered` is false and all is zero).
    pub fn books(&self, firm: u32) -> Vec<MonthBook> {
        books::walk(self, firm)
    }

    /// A random generator for presentation (a day within a month, a meter number) of one thing.
    pub fn dice(&self, one: u64, two: u64) -> Dice {
        Dice::of(self.spec().seed, Purpose::Presentation, one, two)
    }
}

impl Economy {
    /// Draws an economy. Threads are rayon's; the result does not depend on their number.
    ///
    /// # Errors
    /// A parameter is out of its range, or a definition in `datasets/economy/*.toml` is wrong.
    pub fn build(spec: &EconomySpec) -> Result<Self, EconomyError> {
        build::build(spec)
    }

    /// All parts in canonical order: register tables, then invoices, lines and claims, then the derived tables, each
    /// by month and ascending firms.
    pub fn parts(&self) -> Vec<Part> {
        rows::parts(self)
    }

    /// Rows of a part: pure, on any thread, in any order. Canonical schema of the table, personal data in clear;
    /// sorted by firm index, then by the table's `sort` columns; at most about 250,000 rows a batch.
    ///
    /// # Errors
    /// The table is unknown, or the rows do not fit its schema (a mistake in this crate).
    pub fn rows(&self, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
        rows::rows(self, part)
    }

    /// The labels, one row a part played: `taxpayer_id`, `scheme`, `role`, `from_period`, `to_period`, `amount` (yuan
    /// without tax that belongs to it). Roles are `organiser`, `user`, and `innocent`:
    ///
    /// - under the name of a scheme: an honest counterparty of that scheme, in the months in which they traded, with
    ///   the amount of that trade; a firm may be drawn into several schemes;
    /// - under the name of an honest look-alike ([`schemes`]), and for `forgotten_claim`: without amount.
    ///
    /// Who is guilty of anything is nowhere innocent.
    ///
    /// # Errors
    /// The rows do not fit their schema: a mistake in this crate.
    pub fn truth(&self) -> Result<RecordBatch, EconomyError> {
        truth::truth(self)
    }

    /// The labels of reliefs, one row a relief wrongly claimed or forgone in a return: `taxpayer_id`, `scheme`
    /// (`wrong_claim` or `forgotten_claim`), `policy_code` (e.g. `B34`), `policy`, `tax_code`, `relief_code`, `period`,
    /// `period_type` (`M` month, `Q` quarter, `Y` the settlement of a year), `base`, `relief`: to the cent what stands in
    /// `benefit_claim` for the period, or in the line of the return it is claimed in, or would stand there. Income tax is
    /// cumulated since January, as its prepayments are; the settlement of the year shows a claim again, or not any more
    /// where it was put right. What comes to one yuan or less is none.
    ///
    /// # Errors
    /// The rows do not fit their schema: a mistake in this crate.
    pub fn truth_reliefs(&self) -> Result<RecordBatch, EconomyError> {
        truth::reliefs(self)
    }

    /// Earlier versions of rows that were corrected since (e.g. a VAT return filed first), under the keys of rows of
    /// this part; for most tables none. They belong into files as delivered, not into the table.
    ///
    /// # Errors
    /// As [`rows`](Self::rows).
    pub fn superseded(&self, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
        tables::superseded(self, part)
    }
}
