//! Columns whose rows are all the same: those without a value, of which wide tables have many, and those a load gives
//! every row. They are made when they are needed instead of being held, gathered and spilled.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array, new_null_array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Int32Type, TimeUnit, TimestampMillisecondType};

use crate::Result;

/// Rows of the shared arrays; more are made anew.
const SHARED_ROWS: usize = 1 << 16;

/// `rows` nulls of a type. One array a type is shared by all, instead of being allocated and cleared again and again.
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

/// The one row that all rows of `arrays` are equal to, if they are. Told only of types that have such columns and
/// where telling is cheap.
pub fn constant(arrays: &[&dyn Array]) -> Option<ArrayRef> {
    let first = *arrays.iter().find(|a| !a.is_empty())?;
    if arrays.iter().all(|a| is_void(*a)) {
        return Some(nulls(first.data_type(), 1));
    }
    if arrays.iter().any(|a| a.null_count() > 0) {
        return None;
    }
    let same = match first.data_type() {
        DataType::Utf8View => {
            let text = first.as_string_view().value(0);
            arrays.iter().filter(|a| !a.is_empty()).all(|array| {
                let array = array.as_string_view();
                // Equal views of one array are equal texts; only one of them needs comparing.
                let views = array.views();
                views.iter().all(|v| *v == views[0]) && array.value(0) == text
            })
        }
        DataType::Int32 => {
            let value = first.as_primitive::<Int32Type>().value(0);
            arrays.iter().all(|a| a.as_primitive::<Int32Type>().values().iter().all(|v| *v == value))
        }
        DataType::Timestamp(TimeUnit::Millisecond, None) => {
            let value = first.as_primitive::<TimestampMillisecondType>().value(0);
            let same = |a: &&dyn Array| {
                a.as_primitive::<TimestampMillisecondType>().values().iter().all(|v| *v == value)
            };
            arrays.iter().all(same)
        }
        _ => false,
    };
    same.then(|| first.slice(0, 1))
}

/// The one row of `row`, `rows` times.
pub fn repeat(row: &ArrayRef, rows: usize) -> Result<ArrayRef> {
    if is_void(row) {
        return Ok(nulls(row.data_type(), rows));
    }
    // Many rows of views stand on a single copy of the text.
    Ok(take(row, &UInt32Array::from_value(0, rows), None)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::array::{Int32Array, Int64Array, StringViewArray};

    use super::*;

    #[test]
    fn rows_that_are_all_the_same_are_one() {
        let long = "a text of more than twelve bytes";
        let column = |rows| {
            let row: ArrayRef = Arc::new(StringViewArray::from(vec![long]));
            repeat(&row, rows).unwrap()
        };
        let found = constant(&[&column(3), &column(2)]).unwrap();
        assert_eq!(found.as_string_view().iter().collect::<Vec<_>>(), [Some(long)]);
        assert_eq!(repeat(&found, 5).unwrap().as_string_view(), &StringViewArray::from(vec![long; 5]));
        let void = Int64Array::new_null(4);
        assert_eq!(repeat(&constant(&[&void, &void]).unwrap(), 2).unwrap().null_count(), 2);
    }

    #[test]
    fn any_difference_tells() {
        let sevens = Int32Array::from(vec![7, 7]);
        assert!(constant(&[&sevens, &Int32Array::from(vec![7, 8])]).is_none());
        assert!(constant(&[&sevens, &Int32Array::from(vec![Some(7), None])]).is_none());
        let texts = StringViewArray::from(vec!["x", "x"]);
        assert!(constant(&[&texts, &StringViewArray::from(vec!["x", "y"])]).is_none());
        assert!(constant(&[&texts, &StringViewArray::from(vec!["y", "y"])]).is_none());
        assert!(constant(&[]).is_none());
    }
}
