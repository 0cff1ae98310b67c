//! Results of the page's queries: small, read whole, by row and column name.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::prelude::SessionContext;

use crate::Result;

/// Rows of a query.
pub struct Rows {
    batch: RecordBatch,
}

/// Runs a query.
pub async fn read(context: &SessionContext, sql: &str) -> Result<Rows> {
    let frame = context.sql(sql).await?;
    let schema = std::sync::Arc::new(frame.schema().as_arrow().clone());
    let batches = frame.collect().await?;
    let schema = batches.first().map_or(schema, RecordBatch::schema);
    Ok(Rows { batch: concat_batches(&schema, &batches)? })
}

impl Rows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    fn value(&self, row: usize, column: &str, kind: &DataType) -> Option<ArrayRef> {
        let values = self.batch.column_by_name(column)?;
        (row < values.len() && values.is_valid(row)).then(|| cast(&values.slice(row, 1), kind).ok()).flatten()
    }

    /// A value as text; empty where there is none.
    pub fn text(&self, row: usize, column: &str) -> String {
        self.value(row, column, &DataType::Utf8)
            .map_or_else(String::new, |v| v.as_string::<i32>().value(0).to_owned())
    }

    /// A value as a number.
    pub fn number(&self, row: usize, column: &str) -> Option<f64> {
        self.value(row, column, &DataType::Float64).map(|v| v.as_primitive::<Float64Type>().value(0))
    }

    /// A label and a number of each row that has both.
    pub fn series(&self, label: &str, number: &str) -> Vec<(String, f64)> {
        (0..self.len()).filter_map(|row| Some((self.text(row, label), self.number(row, number)?))).collect()
    }
}

/// A text in SQL.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `1234567` → `1,234,567`; nothing is 0.
pub fn count(n: Option<f64>) -> String {
    let digits = format!("{:.0}", n.unwrap_or_default());
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && digits.as_bytes()[at - 1] != b'-' {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
