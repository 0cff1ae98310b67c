//! The economies under test and shorthands for reading columns.

use std::sync::LazyLock;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Date32Type, Decimal128Type, Int32Type, TimestampMillisecondType};

use crate::economy::{Economy, EconomySpec};

/// Seed of the economies under test: `ECONOMY_SEED`, to hold the tests against another, or the usual one.
pub(in crate::economy) fn seed() -> u64 {
    let given = std::env::var("ECONOMY_SEED").ok().and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| EconomySpec::default().seed)
}

/// The economy of the demo.
pub(super) static DEMO: LazyLock<Economy> =
    LazyLock::new(|| Economy::build(&EconomySpec::demo(seed())).unwrap());

/// All rows of a table in one batch.
pub(super) fn table(economy: &Economy, name: &str) -> RecordBatch {
    let parts = economy.parts().into_iter().filter(|part| part.table == name);
    let batches: Vec<RecordBatch> = parts.flat_map(|part| economy.rows(&part).unwrap()).collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

pub(super) fn texts(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    batch
        .column_by_name(name)
        .unwrap()
        .as_string::<i32>()
        .iter()
        .map(|value| value.map(str::to_owned))
        .collect()
}

pub(super) fn words(batch: &RecordBatch, name: &str) -> Vec<String> {
    texts(batch, name).into_iter().map(Option::unwrap).collect()
}

pub(super) fn cents(batch: &RecordBatch, name: &str) -> Vec<i64> {
    let column = batch.column_by_name(name).unwrap().as_primitive::<Decimal128Type>();
    column.values().iter().map(|value| i64::try_from(*value).unwrap()).collect()
}

pub(super) fn maybe_cents(batch: &RecordBatch, name: &str) -> Vec<Option<i64>> {
    let column = batch.column_by_name(name).unwrap().as_primitive::<Decimal128Type>();
    column.iter().map(|value| value.map(|value| i64::try_from(value).unwrap())).collect()
}

pub(super) fn ints(batch: &RecordBatch, name: &str) -> Vec<Option<i32>> {
    batch.column_by_name(name).unwrap().as_primitive::<Int32Type>().iter().collect()
}

pub(super) fn days(batch: &RecordBatch, name: &str) -> Vec<Option<i32>> {
    batch.column_by_name(name).unwrap().as_primitive::<Date32Type>().iter().collect()
}

pub(super) fn instants(batch: &RecordBatch, name: &str) -> Vec<i64> {
    batch.column_by_name(name).unwrap().as_primitive::<TimestampMillisecondType>().values().to_vec()
}

/// GB 32100, written down independently of the generator.
pub(super) fn credit_code_is_valid(code: &str) -> bool {
    let alphabet: Vec<char> = "0123456789ABCDEFGHJKLMNPQRTUWXY".chars().collect();
    let values: Vec<usize> = code.chars().filter_map(|c| alphabet.iter().position(|a| *a == c)).collect();
    let (mut sum, mut weight) = (0, 1);
    for value in values.iter().take(17) {
        sum += value * weight;
        weight = weight * 3 % 31;
    }
    values.len() == 18 && (sum + values[17]).is_multiple_of(31)
}

/// GB 11643, likewise.
pub(super) fn person_id_is_valid(id: &str) -> bool {
    let value = |c: char| if c == 'X' { Some(10) } else { c.to_digit(10) };
    let digits: Vec<u32> = id.chars().filter_map(value).collect();
    let sum: u32 =
        digits.iter().rev().enumerate().map(|(place, digit)| digit * (2u32.pow(place as u32) % 11)).sum();
    digits.len() == 18 && sum % 11 == 1
}
