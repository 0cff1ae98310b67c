//! A table in memory, read by column name.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Int32Type, Int64Type};

use crate::schema::{Table, catalog};

/// All rows of a table.
pub(super) struct Frame {
    pub(super) table: &'static Table,
    rows: RecordBatch,
}

impl Frame {
    pub(super) fn new(name: &str, batches: impl IntoIterator<Item = RecordBatch>) -> Self {
        let table = catalog().table(name).unwrap();
        let batches: Vec<_> = batches.into_iter().collect();
        Self { table, rows: concat_batches(&table.canonical_schema(), &batches).unwrap() }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.num_rows()
    }

    /// A text; `None` when null.
    pub(super) fn text(&self, column: &str, row: usize) -> Option<&str> {
        let column = self.rows.column_by_name(column).unwrap().as_string::<i32>();
        column.is_valid(row).then(|| column.value(row))
    }

    /// Any number, in units of its last place; `None` when null.
    pub(super) fn number(&self, column: &str, row: usize) -> Option<i64> {
        let column = self.rows.column_by_name(column).unwrap();
        if column.is_null(row) {
            return None;
        }
        Some(match column.data_type() {
            DataType::Int32 => i64::from(column.as_primitive::<Int32Type>().value(row)),
            DataType::Int64 => column.as_primitive::<Int64Type>().value(row),
            DataType::Date32 => i64::from(column.as_primitive::<Date32Type>().value(row)),
            DataType::Boolean => i64::from(column.as_boolean().value(row)),
            _ => i64::try_from(column.as_primitive::<Decimal128Type>().value(row)).unwrap(),
        })
    }

    /// A number that must be there.
    pub(super) fn get(&self, column: &str, row: usize) -> i64 {
        self.number(column, row).unwrap_or_else(|| panic!("{}.{column} is null", self.table.name))
    }

    /// Several numbers that must be there.
    pub(super) fn all<const N: usize>(&self, columns: [&str; N], row: usize) -> [i64; N] {
        columns.map(|column| self.get(column, row))
    }

    /// Taxpayer of a row, by index.
    pub(super) fn firm(&self, row: usize) -> u32 {
        super::firm(self.text(self.table.bucket_by.as_deref().unwrap(), row).unwrap())
    }

    /// A value as text, for keys and comparison; texts sort as they are, numbers as numbers.
    pub(super) fn sortable(&self, column: &str, row: usize) -> (Option<String>, Option<i64>) {
        match self.table.column(column).unwrap().ty.arrow_type() {
            DataType::Utf8 => (self.text(column, row).map(str::to_owned), None),
            _ => (None, self.number(column, row)),
        }
    }
}
