//! Results of a page's queries: small, read whole, by row and column name.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Field, Float64Type, Int64Type, Schema};
use assay_sql::{Format, OutputOptions, write_stream};
use datafusion::physical_plan::memory::MemoryStream;
use datafusion::prelude::SessionContext;

use crate::warehouse::session;
use crate::{EngineError, Result};

/// Rows of a query.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    batch: RecordBatch,
}

/// Runs a query.
pub(crate) async fn read(context: &SessionContext, sql: &str) -> Result<Rows> {
    Ok(Rows { batch: session::rows(context.sql(sql).await?).await? })
}

impl Rows {
    /// No rows and no columns.
    pub(crate) fn none() -> Self {
        Self { batch: RecordBatch::new_empty(Arc::new(Schema::empty())) }
    }

    /// Rows that come from no query.
    pub(crate) fn from_columns(columns: Vec<(&str, ArrayRef)>) -> Result<Self> {
        Ok(Self {
            batch: RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))?,
        })
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A value as this type; none where it is null or none of that type.
    fn value(&self, row: usize, column: &str, kind: &DataType) -> Option<ArrayRef> {
        let values = self.batch.column_by_name(column)?;
        if row >= values.len() || values.is_null(row) {
            return None;
        }
        cast(&values.slice(row, 1), kind).ok().filter(|value| value.is_valid(0))
    }

    /// A value as text; empty where there is none.
    pub(crate) fn text(&self, row: usize, column: &str) -> String {
        self.value(row, column, &DataType::Utf8)
            .map_or_else(String::new, |v| v.as_string::<i32>().value(0).to_owned())
    }

    /// A value as a number.
    pub(crate) fn number(&self, row: usize, column: &str) -> Option<f64> {
        self.value(row, column, &DataType::Float64).map(|v| v.as_primitive::<Float64Type>().value(0))
    }

    /// A value as a whole number.
    pub(crate) fn integer(&self, row: usize, column: &str) -> Option<i64> {
        self.value(row, column, &DataType::Int64).map(|v| v.as_primitive::<Int64Type>().value(0))
    }

    /// A decimal in hundredths, exactly: money in fen.
    pub(crate) fn hundredths(&self, row: usize, column: &str) -> Option<i128> {
        let value = self.value(row, column, &DataType::Decimal128(38, 2))?;
        Some(value.as_primitive::<Decimal128Type>().value(0))
    }

    /// A truth; unknown is false.
    pub(crate) fn is(&self, row: usize, column: &str) -> bool {
        self.value(row, column, &DataType::Boolean).is_some_and(|v| v.as_boolean().value(0))
    }

    /// A label and a number of each row that has both.
    pub(crate) fn series(&self, label: &str, number: &str) -> Vec<(String, f64)> {
        (0..self.len()).filter_map(|row| Some((self.text(row, label), self.number(row, number)?))).collect()
    }

    /// A number of each of these periods; none where there is no row of it.
    pub(crate) fn by_period(&self, periods: &[i64], number: &str) -> Vec<Option<f64>> {
        let row = |period: &i64| (0..self.len()).find(|row| self.integer(*row, "period") == Some(*period));
        periods.iter().map(|period| self.number(row(period)?, number)).collect()
    }

    /// The rows with a text column more.
    pub(crate) fn with(&self, name: &str, values: Vec<String>) -> Result<Self> {
        let mut fields: Vec<Arc<Field>> = self.batch.schema().fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(name, DataType::Utf8, true)));
        if fields.len() == 1 {
            return Self::from_columns(vec![(name, texts(values))]);
        }
        let mut columns = self.batch.columns().to_vec();
        columns.push(Arc::new(StringArray::from(values)));
        Ok(Self { batch: RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)? })
    }

    /// All rows as a JSON array, numbers with exactly their digits.
    pub(crate) async fn json(&self) -> Result<String> {
        if self.is_empty() {
            return Ok("[]".to_owned());
        }
        let memory = MemoryStream::try_new(vec![self.batch.clone()], self.batch.schema(), None)?;
        let mut out = Vec::new();
        write_stream(Box::pin(memory), Format::Json, &OutputOptions::default(), &mut out).await?;
        String::from_utf8(out)
            .map(|text| text.trim().to_owned())
            .map_err(|e| EngineError::internal(format!("JSON is not UTF-8: {e}")))
    }
}

/// Text column of rows that come from no query.
pub(crate) fn texts(values: impl IntoIterator<Item = String>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// Money column in fen of rows that come from no query.
pub(crate) fn money(values: impl IntoIterator<Item = Option<i128>>) -> Result<ArrayRef> {
    Ok(Arc::new(values.into_iter().collect::<Decimal128Array>().with_precision_and_scale(38, 2)?))
}

/// A text in SQL.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A query with its parameters (`$key`) filled in. Values are SQL: a text must be a [`literal`]. One pass, so that no value is
/// read for parameters, and without the comments, where a value would not be what it is in the query.
pub(crate) fn fill(sql: &str, parameters: &[(&str, String)]) -> String {
    let code: Vec<&str> = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let code = code.join("\n");
    let mut out = String::with_capacity(code.len());
    let mut rest = code.as_str();
    while let Some(at) = rest.find('$') {
        let (before, named) = rest.split_at(at);
        out.push_str(before);
        let end =
            named[1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(named.len(), |n| n + 1);
        let (name, after) = named.split_at(end);
        match parameters.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => out.push_str(value),
            None => out.push_str(name),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn money_keeps_its_digits() {
        let rows = Rows::from_columns(vec![
            ("name", texts(["甲\"".to_owned(), "乙".to_owned()])),
            ("amount", money([Some(900_719_925_474_099_301), None]).unwrap()),
        ])
        .unwrap();
        assert_eq!(rows.hundredths(0, "amount"), Some(900_719_925_474_099_301));
        assert_eq!(rows.hundredths(1, "amount"), None);
        assert_eq!(rows.integer(0, "name"), None);
        let json = rows.json().await.unwrap();
        assert!(json.contains("9007199254740993.01") && json.contains("null"), "{json}");
        assert_eq!(Rows::none().json().await.unwrap(), "[]");
        assert_eq!(literal("O'Brien"), "'O''Brien'");
    }

    #[test]
    fn a_parameter_is_filled_once_and_never_in_a_comment() {
        let sql = "-- By $id.\nSELECT $key FROM t WHERE id = $id AND key_2 = $key_2";
        let parameters = [("$key", "7".to_owned()), ("$id", literal("$key\n--'"))];
        let filled = fill(sql, &parameters);
        assert_eq!(filled, "SELECT 7 FROM t WHERE id = '$key\n--''' AND key_2 = $key_2");
    }
}
