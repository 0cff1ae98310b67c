//! What the functions over one text column share: which types they take, and the loop.

use std::sync::Arc;

use arrow::array::{Array, ArrayAccessor, ArrayRef, AsArray, BooleanArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use datafusion::common::{Result, internal_err, plan_err};

/// The type a text argument is brought to: all three text types are taken as they are.
pub(super) fn coerce(function: &str, given: &[DataType]) -> Result<Vec<DataType>> {
    super::check_count(function, given, 1)?;
    match &given[0] {
        kind @ (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => Ok(vec![kind.clone()]),
        DataType::Null => Ok(vec![DataType::Utf8]),
        DataType::Dictionary(_, value) => coerce(function, std::slice::from_ref(value.as_ref())),
        other => plan_err!("{function} takes text, not {other}; cast it to text first"),
    }
}

/// Tests each text of a column; null stays null.
pub(super) fn test(column: &ArrayRef, holds: fn(&str) -> bool) -> Result<ArrayRef> {
    fn run<'a>(texts: impl ArrayAccessor<Item = &'a str> + Copy, holds: fn(&str) -> bool) -> ArrayRef {
        let bits = BooleanBuffer::collect_bool(texts.len(), |row| holds(texts.value(row)));
        Arc::new(BooleanArray::new(bits, texts.nulls().cloned()))
    }
    match column.data_type() {
        DataType::Utf8 => Ok(run(column.as_string::<i32>(), holds)),
        DataType::LargeUtf8 => Ok(run(column.as_string::<i64>(), holds)),
        DataType::Utf8View => Ok(run(column.as_string_view(), holds)),
        other => internal_err!("expected a text column, got {other}"),
    }
}
