//! What a judgement reads: facts and verdicts of taxpayers, part by part.

use arrow::array::RecordBatch;

use crate::Result;

/// Some taxpayers of a profile.
pub(super) struct Part<'a> {
    /// How many stand before them.
    pub(super) first_row: usize,
    /// Their facts and verdicts.
    pub(super) batch: &'a RecordBatch,
}

/// Facts and verdicts of all taxpayers of a scan.
pub(super) trait Profile: Sync {
    /// Shows the parts, several at once, with the columns of the indicators wanted (by place in the layout) at least;
    /// the answers come in the order of the parts.
    fn parts<T: Send>(
        &self,
        wanted: &(dyn Fn(usize) -> bool + Sync),
        see: impl Fn(Part<'_>) -> Result<T> + Sync,
    ) -> Result<Vec<T>>;
}

#[cfg(test)]
impl<const N: usize> Profile for [RecordBatch; N] {
    fn parts<T: Send>(
        &self,
        _: &(dyn Fn(usize) -> bool + Sync),
        see: impl Fn(Part<'_>) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let mut first_row = 0;
        let mut seen = Vec::new();
        for batch in self {
            seen.push(see(Part { first_row, batch })?);
            first_row += batch.num_rows();
        }
        Ok(seen)
    }
}
