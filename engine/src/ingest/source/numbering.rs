//! Running numbers of records within those that share some columns, as lines within their invoice.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use ahash::{AHashMap, RandomState};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use crate::Result;

/// Numbers records as they come. Holds 20 bytes a group and, where copies are told, 20 a record.
pub struct Numbering {
    within: Vec<usize>,
    by: Option<usize>,
    next: AHashMap<u128, u32>,
    seen: AHashMap<u128, u32>,
    halves: [RandomState; 2],
}

impl Numbering {
    /// Numbers within these columns; `by` is the column with the source's own number (see the mapping's `number`).
    pub fn new(within: Vec<usize>, by: Option<usize>) -> Self {
        // Fixed seeds: the same file gives the same numbers in every run.
        let halves = [RandomState::with_seeds(31, 32, 33, 34), RandomState::with_seeds(41, 42, 43, 44)];
        Self { within, by, next: AHashMap::new(), seen: AHashMap::new(), halves }
    }

    /// The numbers of the next records.
    pub fn number(&mut self, columns: &[ArrayRef]) -> Result<ArrayRef> {
        let mut texts = Vec::with_capacity(columns.len());
        for column in columns {
            texts.push(cast(column, &DataType::Utf8)?);
        }
        let texts: Vec<&StringArray> = texts.iter().map(|t| t.as_string::<i32>()).collect();
        let group: Vec<&StringArray> = self.within.iter().map(|i| texts[*i]).collect();
        let rows = texts.first().map_or(0, |t| t.len());
        let mut out = Vec::with_capacity(rows);
        for row in 0..rows {
            let own =
                self.by.map(|i| texts[i]).filter(|t| t.is_valid(row) && !t.value(row).trim().is_empty());
            let whole = own.map(|_| self.hash(&texts, row));
            let number = match whole.and_then(|w| self.seen.get(&w)) {
                Some(number) => *number,
                None => {
                    let group = self.hash(&group, row);
                    let next = self.next.entry(group).or_default();
                    *next += 1;
                    let number = *next;
                    if let Some(whole) = whole {
                        self.seen.insert(whole, number);
                    }
                    number
                }
            };
            out.push(i64::from(number));
        }
        Ok(Arc::new(Int64Array::from(out)))
    }

    fn hash(&self, texts: &[&StringArray], row: usize) -> u128 {
        let half = |state: &RandomState| {
            let mut hasher = state.build_hasher();
            for text in texts {
                let cell = if text.is_valid(row) { text.value(row).trim() } else { "" };
                hasher.write(cell.as_bytes());
                // Ends a cell: this byte stands in no UTF-8 text.
                hasher.write_u8(0xff);
            }
            hasher.finish()
        };
        let [high, low] = &self.halves;
        (u128::from(half(high)) << 64) | u128::from(half(low))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::datatypes::Int64Type;

    use super::*;

    fn column(values: &[&str]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    #[test]
    fn lines_are_numbered_within_their_invoice_across_batches() {
        let mut numbering = Numbering::new(vec![1], Some(0));
        let numbers = |n: &mut Numbering, own: &[&str], id: &[&str], goods: &[&str]| {
            let found = n.number(&[column(own), column(id), column(goods)]).unwrap();
            found.as_primitive::<Int64Type>().values().to_vec()
        };
        let first = numbers(&mut numbering, &["1", "2", "3"], &["a", "b", "a"], &["x", "x", "x"]);
        assert_eq!(first, [1, 1, 2]);
        // A copy of row 3, another line under the same number, and lines without a number.
        let more = numbers(&mut numbering, &["3", "3", "", ""], &["a", "a", "b", "b"], &["x", "y", "z", "z"]);
        assert_eq!(more, [2, 3, 2, 3]);
    }
}
