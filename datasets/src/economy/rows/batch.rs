//! Builds batches column by column, by canonical name; columns nobody gives a value are null.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Date32Array, Decimal128Array, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use crate::economy::EconomyError;
use crate::schema::{Table, catalog};

/// A batch in the making.
pub(in crate::economy) struct Batch {
    schema: SchemaRef,
    columns: Vec<Option<ArrayRef>>,
    rows: usize,
}

/// Canonical schema of a table.
pub(in crate::economy) fn schema(table: &str) -> Result<SchemaRef, EconomyError> {
    let missing = || EconomyError::Table(table.to_owned());
    catalog().table(table).map(Table::canonical_schema).ok_or_else(missing)
}

impl Batch {
    /// An empty batch of a canonical table with this many rows.
    pub(in crate::economy) fn of(table: &str, rows: usize) -> Result<Self, EconomyError> {
        let schema = schema(table)?;
        Ok(Self { columns: vec![None; schema.fields().len()], schema, rows })
    }

    /// Sets a column.
    pub(in crate::economy) fn set(
        &mut self,
        name: &str,
        array: impl Array + 'static,
    ) -> Result<(), EconomyError> {
        let index = self.schema.index_of(name)?;
        self.columns[index] = Some(Arc::new(array));
        Ok(())
    }

    /// Sets a text column.
    pub(in crate::economy) fn text<S: AsRef<str>>(
        &mut self,
        name: &str,
        values: impl Iterator<Item = Option<S>>,
    ) -> Result<(), EconomyError> {
        self.set(name, values.collect::<StringArray>())
    }

    /// Sets a money column from cents.
    pub(in crate::economy) fn money(
        &mut self,
        name: &str,
        cents: impl Iterator<Item = Option<i64>>,
    ) -> Result<(), EconomyError> {
        self.decimal(name, cents, 18, 2)
    }

    /// Sets a decimal column from unscaled values.
    pub(in crate::economy) fn decimal(
        &mut self,
        name: &str,
        values: impl Iterator<Item = Option<i64>>,
        precision: u8,
        scale: i8,
    ) -> Result<(), EconomyError> {
        let array: Decimal128Array = values.map(|value| value.map(i128::from)).collect();
        self.set(name, array.with_precision_and_scale(precision, scale)?)
    }

    /// Sets a date column from days since 1970.
    pub(in crate::economy) fn date(
        &mut self,
        name: &str,
        days: impl Iterator<Item = Option<i32>>,
    ) -> Result<(), EconomyError> {
        self.set(name, days.collect::<Date32Array>())
    }

    /// Sets a column of 32-bit integers (also periods).
    pub(in crate::economy) fn int(
        &mut self,
        name: &str,
        values: impl Iterator<Item = Option<i32>>,
    ) -> Result<(), EconomyError> {
        self.set(name, values.collect::<Int32Array>())
    }

    /// The finished batch.
    pub(in crate::economy) fn finish(self) -> Result<RecordBatch, ArrowError> {
        let fields = self.schema.fields().iter().zip(self.columns);
        let columns = fields
            .map(|(field, column)| {
                column.unwrap_or_else(|| arrow::array::new_null_array(field.data_type(), self.rows))
            })
            .collect();
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}
