//! An economy as a source of rows for files, and what is known about it beside its tables.

use arrow::array::RecordBatch;
use assay_datasets::economy::{Economy, EconomyError, Part};

use super::describe::{Background, BurdenRange};
use super::files::{RowPart, Rows};
use crate::{EngineError, Result};

/// The rows of an economy, part by part.
pub struct EconomyRows<'a> {
    economy: &'a Economy,
    parts: Vec<Part>,
}

impl<'a> EconomyRows<'a> {
    /// All tables of `economy`.
    pub fn new(economy: &'a Economy) -> Self {
        Self { economy, parts: economy.parts() }
    }
}

impl Rows for EconomyRows<'_> {
    fn parts(&self) -> Vec<RowPart> {
        let numbered = self.parts.iter().enumerate();
        numbered
            .map(|(number, part)| RowPart { table: part.table.to_owned(), period: part.period, number })
            .collect()
    }

    fn rows(&self, part: &RowPart) -> Result<Vec<RecordBatch>> {
        let known = self.parts.get(part.number);
        let known = known.ok_or_else(|| EngineError::internal(format!("no part {}", part.number)))?;
        // Departments deliver what was filed first, and later what was corrected: in that order.
        let failed = |e: EconomyError| EngineError::internal(e.to_string());
        let mut rows = self.economy.superseded(known).map_err(failed)?;
        rows.extend(self.economy.rows(known).map_err(failed)?);
        Ok(rows)
    }
}

/// Published burdens of the economy's industries and its planted schemes.
///
/// # Errors
/// When the truth cannot be told: a mistake in the economy.
pub fn background(economy: &Economy) -> Result<Background> {
    let burdens = economy.world().industries().iter().map(|industry| BurdenRange {
        industry: industry.code.clone(),
        low: industry.burden_bp.0 as f64 / 10_000.0,
        high: industry.burden_bp.1 as f64 / 10_000.0,
    });
    let truth = economy.truth().map_err(|e| EngineError::internal(e.to_string()))?;
    Ok(Background { burdens: burdens.collect(), truth: Some(truth) })
}
