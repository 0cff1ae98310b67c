//! Typed, checked access to the columns of a record batch: a reader may deliver strings as views or dictionaries,
//! money in another precision, and batches in any column order.

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    PrimitiveArray, RecordBatch, StringArray,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type,
};

use super::error::TaskError;

/// A batch and the name under which errors speak of it.
pub(super) struct Reader<'a> {
    table: &'static str,
    batch: &'a RecordBatch,
}

impl<'a> Reader<'a> {
    pub(super) fn new(table: &'static str, batch: &'a RecordBatch) -> Self {
        Self { table, batch }
    }

    fn cast(&self, column: &'static str, wanted: &DataType) -> Result<ArrayRef, TaskError> {
        let array = self.batch.column_by_name(column).ok_or_else(|| {
            let schema = self.batch.schema();
            let present: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            TaskError::MissingColumn { table: self.table, column, present: present.join(", ") }
        })?;
        // Not "safe": a value that does not fit must be an error, not a null that reads as unknown.
        let options = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(array, wanted, &options).map_err(|source| TaskError::ColumnType {
            table: self.table,
            column,
            source,
        })
    }

    fn primitive<T: ArrowPrimitiveType>(
        &self,
        column: &'static str,
        wanted: &DataType,
    ) -> Result<PrimitiveArray<T>, TaskError> {
        Ok(self.cast(column, wanted)?.as_primitive::<T>().clone())
    }

    pub(super) fn text(&self, column: &'static str) -> Result<StringArray, TaskError> {
        Ok(self.cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
    }

    /// A column of yes and no.
    pub(super) fn boolean(&self, column: &'static str) -> Result<ArrayRef, TaskError> {
        self.cast(column, &DataType::Boolean)
    }

    pub(super) fn int32(&self, column: &'static str) -> Result<Int32Array, TaskError> {
        self.primitive::<Int32Type>(column, &DataType::Int32)
    }

    pub(super) fn int64(&self, column: &'static str) -> Result<Int64Array, TaskError> {
        self.primitive::<Int64Type>(column, &DataType::Int64)
    }

    pub(super) fn float64(&self, column: &'static str) -> Result<Float64Array, TaskError> {
        self.primitive::<Float64Type>(column, &DataType::Float64)
    }

    pub(super) fn date(&self, column: &'static str) -> Result<Date32Array, TaskError> {
        self.primitive::<Date32Type>(column, &DataType::Date32)
    }

    /// A decimal column in hundredths (fen, centipoints).
    pub(super) fn hundredths(&self, column: &'static str) -> Result<Decimal128Array, TaskError> {
        self.primitive::<Decimal128Type>(column, &DataType::Decimal128(18, 2))
    }
}

/// The text of a row, none when unknown. An empty text is unknown too: a missing fact is never "".
pub(super) fn optional_text(array: &StringArray, row: usize) -> Option<String> {
    (array.is_valid(row) && !array.value(row).trim().is_empty()).then(|| array.value(row).to_owned())
}

/// The value of a row, none when unknown.
pub(super) fn optional<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    array.is_valid(row).then(|| array.value(row))
}
