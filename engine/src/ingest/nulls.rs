//! Columns without a value: wide tables have many, and every batch of a load needs them. One array a type is shared
//! by all, instead of being allocated and cleared again and again.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::datatypes::DataType;

/// Rows of the shared arrays; more are made anew.
const SHARED_ROWS: usize = 1 << 16;

/// `rows` nulls of a type.
pub fn nulls(data_type: &DataType, rows: usize) -> ArrayRef {
    static SHARED: LazyLock<Mutex<HashMap<DataType, ArrayRef>>> = LazyLock::new(Mutex::default);
    match SHARED.lock() {
        Ok(mut shared) if rows <= SHARED_ROWS => {
            let make = || new_null_array(data_type, SHARED_ROWS);
            shared.entry(data_type.clone()).or_insert_with(make).slice(0, rows)
        }
        _ => new_null_array(data_type, rows),
    }
}

/// Whether an array has no value at all.
pub fn is_void(array: &dyn Array) -> bool {
    array.null_count() == array.len()
}
