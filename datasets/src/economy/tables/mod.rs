//! Tables that follow from the books: filings, statements, third parties, oversight.

use arrow::array::RecordBatch;

use super::{Economy, EconomyError, Part, TableShape};

/// The derived tables in canonical order, and how they are cut.
pub(super) const SHAPES: &[TableShape] = &[];

/// Rows of a derived table, in its canonical schema.
///
/// # Errors
/// The table is none of [`SHAPES`].
pub(super) fn rows(_economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    Err(EconomyError::Table(part.table.to_owned()))
}
