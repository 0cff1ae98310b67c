//! Aggregation without GROUP BY, and over windows, by an accumulator written for many groups.

use std::fmt::Debug;

use arrow::array::ArrayRef;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

/// A grouped accumulator whose results can be looked at without taking them out, as windows demand.
pub(super) trait Peek: GroupsAccumulator + Debug + Sync {
    /// The results of the first `groups` groups; groups never seen are null.
    fn peek(&self, groups: usize) -> Result<ArrayRef>;
}

/// One group of a grouped accumulator.
#[derive(Debug)]
pub(super) struct OneGroup<G> {
    groups: G,
    /// Group number of each row: all zero.
    zeros: Vec<usize>,
}

impl<G: Peek> OneGroup<G> {
    pub(super) fn new(groups: G) -> Self {
        Self { groups, zeros: Vec::new() }
    }

    fn rows(&mut self, columns: &[ArrayRef]) -> usize {
        let rows = columns.first().map_or(0, |column| column.len());
        self.zeros.resize(rows.max(self.zeros.len()), 0);
        rows
    }
}

impl<G: Peek> Accumulator for OneGroup<G> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = self.rows(values);
        self.groups.update_batch(values, &self.zeros[..rows], None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.groups.peek(1)?, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.zeros.capacity() * size_of::<usize>() + self.groups.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let columns = self.groups.state(EmitTo::First(1))?;
        columns.iter().map(|column| ScalarValue::try_from_array(column, 0)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = self.rows(states);
        self.groups.merge_batch(states, &self.zeros[..rows], 1)
    }
}
