//! Defects on request: what is wrong in real deliveries, planted into clean rows and written down.
//!
//! A share of the rows gets one defect each, chosen by a hash of seed, table and the row's key: the same rows
//! whatever the format, the threads, or how the rows are cut into parts. Every planted defect stands in a ledger with
//! the place, the text before and after, and what a load is expected to make of it; what is not in the ledger is
//! clean. So that this stays true, a record that will be rejected is an additional one, a broken copy of a good
//! neighbour: nothing that depends on the good one is accused because of it.

mod faults;
mod kinds;
mod ledger;
mod names;
mod plan;
mod returns;
mod soil;
#[cfg(test)]
mod tests;

pub use kinds::{Action, KINDS, Kind};
pub use ledger::{Defect, IDENTITY_TRUTH, Identity, LEDGER, TRUTH_FOLDER};

pub(crate) use ledger::write_ledgers;
pub(crate) use soil::{Sheet, Soiled, Trait};

use std::collections::HashSet;

use ahash::RandomState;
use arrow::array::{AsArray, Int32Array, RecordBatch};
use arrow::datatypes::Int32Type;
use assay_datasets::mapping::EMBEDDED as EMBEDDED_MAPPINGS;
use assay_datasets::repairs::{self, Repair, Rule};
use assay_sql::uscc_is_valid;

use super::files::{RowPart, Rows, text_column};
use crate::{EngineError, Result};
use returns::ReturnPlan;

pub(crate) use kinds::credit_code;

/// How much dirt, and which.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DirtOptions {
    /// Share of the rows that get a defect, 0 to 0.5.
    pub rate: f64,
    /// Another seed, other defects.
    pub seed: u64,
}

impl DirtOptions {
    /// Checks the rate.
    ///
    /// # Errors
    /// When it is no share between 0 and 0.5.
    pub fn check(&self) -> Result<()> {
        if (0.0..=0.5).contains(&self.rate) {
            return Ok(());
        }
        Err(EngineError::input(format!(
            "a dirt rate of {} is not possible; give the share of rows that get a defect, 0 to 0.5",
            self.rate
        )))
    }
}

/// Everything that must be known of all rows before the first one is soiled.
#[derive(Debug)]
pub(crate) struct Dirt {
    options: DirtOptions,
    /// Ids of registered taxpayers.
    registered: HashSet<String, RandomState>,
    /// Declared spellings of codes.
    spellings: Vec<Repair>,
    /// Text of the mapping of the e-tax export, for the words it knows.
    etax_words: &'static str,
    /// First month with invoices.
    first_month: Option<i32>,
    /// Defects that concern several months of a taxpayer's returns.
    returns: ReturnPlan,
}

impl Dirt {
    /// Reads the register and the returns once.
    pub fn prepare(options: DirtOptions, source: &dyn Rows) -> Result<Self> {
        options.check()?;
        let mut registered = HashSet::with_hasher(RandomState::with_seeds(1, 2, 3, 4));
        for part in source.parts().iter().filter(|part| part.table == "taxpayer") {
            for batch in source.rows(part)? {
                let ids = text_column(&batch, "taxpayer_id")?;
                registered.extend(ids.iter().flatten().map(str::to_owned));
            }
        }
        let returns = ReturnPlan::draw(&options, source)?;
        let first_month = parts_of(source, "invoice").iter().filter_map(|part| part.period).min();
        let etax = EMBEDDED_MAPPINGS.iter().find(|(name, _)| *name == "etax_invoice");
        let declared = repairs::parse("repairs.toml", repairs::EMBEDDED).map_err(EngineError::Definitions)?;
        Ok(Self {
            options,
            registered,
            spellings: declared.repairs.into_iter().filter(|r| r.rule == Rule::Spelling).collect(),
            etax_words: etax.map_or("", |(_, text)| text),
            first_month,
            returns,
        })
    }

    /// A taxpayer id that nobody has, correct in form.
    fn stranger(&self, number: u64) -> String {
        let mut number = number;
        loop {
            let id = credit_code(number);
            if !self.registered.contains(&id) && uscc_is_valid(&id) {
                return id;
            }
            number = number.wrapping_add(1);
        }
    }
}

/// A hash of what names a row, as four numbers: the same in every run on every machine.
pub(crate) fn draws(seed: u64, purpose: &str, key: &[u8]) -> [u64; 4] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(purpose.as_bytes());
    hasher.update(&[0]);
    hasher.update(key);
    let hash = hasher.finalize();
    let mut numbers = [0; 4];
    for (number, bytes) in numbers.iter_mut().zip(hash.as_bytes().chunks_exact(8)) {
        *number = bytes.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte));
    }
    numbers
}

/// Whether a share of all draws holds this one.
pub(crate) fn within(draw: u64, share: f64) -> bool {
    ((draw >> 11) as f64) < share * (1_u64 << 53) as f64
}

/// Parts of one table.
pub(crate) fn parts_of(source: &dyn Rows, table: &str) -> Vec<RowPart> {
    source.parts().into_iter().filter(|part| part.table == table).collect()
}

/// A 32-bit column of a batch.
pub(crate) fn integers(batch: &RecordBatch, name: &str) -> Result<Int32Array> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_primitive_opt::<Int32Type>().cloned())
        .ok_or_else(|| EngineError::internal(format!("the rows have no whole numbers in {name}")))
}
