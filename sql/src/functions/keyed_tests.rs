//! The shared table of totals against naive maps: batches, merged states, groups taken from the front.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use arrow::array::{Decimal128Array, Float64Array, StringViewArray};
use arrow::datatypes::{Float64Type, i256};
use proptest::prelude::*;

use super::*;

/// Shows all totals of a group, sorted: a fingerprint of everything a measure could see.
#[derive(Debug)]
struct Fingerprint;

impl<T: Total> Measure<T> for Fingerprint {
    fn measure(&self, totals: &mut [T], offsets: &[usize]) -> Result<ArrayRef> {
        let shown: StringArray = offsets
            .windows(2)
            .map(|ends| {
                let group = &mut totals[ends[0]..ends[1]];
                group.sort();
                Some(format!("{group:?}"))
            })
            .collect();
        Ok(Arc::new(shown))
    }
}

type Row = (usize, Option<i64>, Option<i128>, Option<bool>);

const GROUPS: usize = 5;

fn naive(rows: &[Row]) -> Vec<String> {
    let mut groups = vec![BTreeMap::<i64, i128>::new(); GROUPS];
    for row in rows {
        if let (group, Some(key), Some(amount), Some(true)) = row {
            *groups[*group].entry(*key).or_default() += amount;
        }
    }
    groups
        .iter()
        .map(|totals| {
            let mut totals: Vec<i128> = totals.values().copied().collect();
            totals.sort_unstable();
            format!("{totals:?}")
        })
        .collect()
}

fn columns(rows: &[Row], text: bool) -> (Vec<ArrayRef>, Vec<usize>, BooleanArray) {
    let keys: ArrayRef = if text {
        let keys = rows.iter().map(|row| row.1.map(|key| format!("纳税人{key} with a long name")));
        Arc::new(keys.collect::<StringViewArray>())
    } else {
        Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>())
    };
    let amounts: Decimal128Array = rows.iter().map(|row| row.2).collect();
    let amounts = amounts.with_precision_and_scale(18, 2).unwrap();
    let filter = rows.iter().map(|row| row.3).collect();
    (vec![keys, Arc::new(amounts)], rows.iter().map(|row| row.0).collect(), filter)
}

fn accumulator(text: bool) -> KeyedGroups<i128, Fingerprint> {
    let key = if text { DataType::Utf8View } else { DataType::Int64 };
    KeyedGroups::new(&key, Fingerprint)
}

fn shown(column: &ArrayRef) -> Vec<String> {
    column.as_string::<i32>().iter().map(|text| text.unwrap().to_owned()).collect()
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        0..GROUPS,
        prop::option::weighted(0.9, 0_i64..6),
        prop::option::weighted(0.9, -1000_i128..1000),
        prop::option::weighted(0.9, prop::bool::weighted(0.8)),
    );
    prop::collection::vec(row, 0..60)
}

proptest! {
    #[test]
    fn one_batch_at_a_time(rows in rows(), size in 1_usize..20, text: bool) {
        let mut totals = accumulator(text);
        for batch in rows.chunks(size) {
            let (values, groups, filter) = columns(batch, text);
            totals.update_batch(&values, &groups, Some(&filter), GROUPS).unwrap();
        }
        totals.groups = GROUPS;
        prop_assert_eq!(shown(&totals.peek(GROUPS).unwrap()), naive(&rows));
        prop_assert_eq!(shown(&totals.evaluate(EmitTo::All).unwrap()), naive(&rows));
        prop_assert_eq!(totals.entries.len(), 0);
    }

    #[test]
    fn merged_from_partitions(rows in rows(), partitions in 1_usize..6, text: bool, row_by_row: bool) {
        let mut merged = accumulator(text);
        for partition in rows.chunks(rows.len().div_ceil(partitions).max(1)) {
            let (values, groups, filter) = columns(partition, text);
            if row_by_row {
                let state = merged.convert_to_state(&values, Some(&filter)).unwrap();
                merged.merge_batch(&state, &groups, GROUPS).unwrap();
            } else {
                let mut part = accumulator(text);
                part.update_batch(&values, &groups, Some(&filter), GROUPS).unwrap();
                let state = part.state(EmitTo::All).unwrap();
                // The other side numbers the groups in its own order, and may get a slice.
                let slices: Vec<ArrayRef> = state.iter().map(|column| column.slice(1, GROUPS - 1)).collect();
                merged.merge_batch(&slices, &(1..GROUPS).collect::<Vec<_>>(), GROUPS).unwrap();
                let first: Vec<ArrayRef> = state.iter().map(|column| column.slice(0, 1)).collect();
                merged.merge_batch(&first, &[0], GROUPS).unwrap();
            }
        }
        merged.groups = GROUPS;
        prop_assert_eq!(shown(&merged.evaluate(EmitTo::All).unwrap()), naive(&rows));
    }

    #[test]
    fn groups_leave_from_the_front(rows in rows(), more in rows(), first in 1_usize..GROUPS, text: bool) {
        let mut totals = accumulator(text);
        let (values, groups, filter) = columns(&rows, text);
        totals.update_batch(&values, &groups, Some(&filter), GROUPS).unwrap();
        let before = shown(&totals.evaluate(EmitTo::First(first)).unwrap());
        prop_assert_eq!(&before[..], &naive(&rows)[..first]);
        // Later rows only reach groups that stayed, under their new numbers.
        let more: Vec<Row> = more.into_iter().filter(|row| row.0 >= first).collect();
        let (values, groups, filter) = columns(&more, text);
        let groups: Vec<usize> = groups.iter().map(|group| group - first).collect();
        totals.update_batch(&values, &groups, Some(&filter), GROUPS - first).unwrap();
        let all: Vec<Row> = rows.iter().chain(&more).copied().collect();
        prop_assert_eq!(&shown(&totals.evaluate(EmitTo::All).unwrap())[..], &naive(&all)[first..]);
    }
}

#[test]
fn state_has_the_declared_types() {
    for text in [false, true] {
        let rows: [Row; 1] = [(0, Some(1), Some(5), Some(true))];
        let (values, groups, _) = columns(&rows, text);
        let fields: Vec<FieldRef> =
            values.iter().map(|column| Arc::new(Field::new("a", column.data_type().clone(), true))).collect();
        let args = StateFieldsArgs {
            name: "hhi",
            input_fields: &fields,
            return_field: Arc::clone(&fields[1]),
            ordering_fields: &[],
            is_distinct: false,
        };
        let declared: Vec<DataType> =
            state_fields(&args).iter().map(|field| field.data_type().clone()).collect();
        let mut totals = accumulator(text);
        let by_row = totals.convert_to_state(&values, None).unwrap();
        totals.update_batch(&values, &groups, None, 1).unwrap();
        let state = totals.state(EmitTo::All).unwrap();
        for given in [by_row, state] {
            assert_eq!(given.iter().map(|column| column.data_type().clone()).collect::<Vec<_>>(), declared);
        }
    }
}

#[test]
fn memory_is_counted_and_given_back() {
    let rows: Vec<Row> = (0..1000).map(|row| (0, Some(row), Some(1), Some(true))).collect();
    let mut totals = accumulator(true);
    let (values, groups, _) = columns(&rows, true);
    totals.update_batch(&values, &groups, None, 1).unwrap();
    // A thousand entries of 32 bytes and a thousand texts of 30.
    assert!(totals.size() > 62_000, "{}", totals.size());
    totals.evaluate(EmitTo::All).unwrap();
    assert!(totals.size() < 1000, "{}", totals.size());
}

#[test]
fn doubles_keep_their_cents_in_any_order() {
    #[derive(Debug)]
    struct Sum;
    impl Measure<i256> for Sum {
        fn measure(&self, totals: &mut [i256], _offsets: &[usize]) -> Result<ArrayRef> {
            i256::emit(&[totals.iter().copied().reduce(|a, b| a.wrapping_add(b))], &DataType::Float64)
        }
    }
    let amounts: [f64; 4] = [1e16, 0.25, -1e16, 0.5];
    assert_ne!(amounts.iter().sum::<f64>(), 0.75, "plain addition loses the cents");
    let mut sums = KeyedGroups::<i256, _>::new(&DataType::Int64, Sum);
    let keys: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 1, 2]));
    sums.update_batch(&[keys, Arc::new(Float64Array::from(amounts.to_vec()))], &[0; 4], None, 1).unwrap();
    assert_eq!(sums.evaluate(EmitTo::All).unwrap().as_primitive::<Float64Type>().value(0), 0.75);
}
