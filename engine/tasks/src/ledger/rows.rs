//! Reading and writing rows on both databases: placeholders, many rows at once, typed values.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row};

use super::Tx;
use super::error::{LedgerError, Result};

/// Parameters a statement may have on either database, with room to spare.
const PARAMETERS: usize = 10_000;

/// A value to be stored.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(Option<String>),
    Int(Option<i64>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<&Option<String>> for Value {
    fn from(text: &Option<String>) -> Self {
        Self::Text(text.clone())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(Some(i64::from(number)))
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Int(Some(i64::from(yes)))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

fn bind(query: Query<'_, Any, AnyArguments>, value: Value) -> Query<'_, Any, AnyArguments> {
    match value {
        Value::Text(text) => query.bind(text),
        Value::Int(number) => query.bind(number),
    }
}

/// Runs a statement with values; how many rows it touched.
pub(super) async fn run(tx: &mut Tx, what: &'static str, sql: &str, values: Vec<Value>) -> Result<u64> {
    let query = values.into_iter().fold(sqlx::query(AssertSqlSafe(sql.to_owned())), bind);
    let done = query.execute(&mut **tx).await.map_err(LedgerError::on(what))?;
    Ok(done.rows_affected())
}

/// Rows of a query with values.
pub(super) async fn all(
    tx: &mut Tx,
    what: &'static str,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<AnyRow>> {
    let query = values.into_iter().fold(sqlx::query(AssertSqlSafe(sql.to_owned())), bind);
    query.fetch_all(&mut **tx).await.map_err(LedgerError::on(what))
}

/// A whole number a query says, 0 when it says none.
pub(super) async fn number(tx: &mut Tx, what: &'static str, sql: &str, values: Vec<Value>) -> Result<i64> {
    let rows = all(tx, what, sql, values).await?;
    match rows.first() {
        Some(row) => Ok(int(row, 0)?.unwrap_or(0)),
        None => Ok(0),
    }
}

/// Adds rows, many a statement. `columns` are named in the order of the values.
pub(super) async fn insert(
    tx: &mut Tx,
    table: &'static str,
    columns: &str,
    rows: Vec<Vec<Value>>,
) -> Result<()> {
    let Some(width) = rows.first().map(Vec::len) else { return Ok(()) };
    let mut rows = rows.into_iter();
    loop {
        let chunk: Vec<Vec<Value>> = rows.by_ref().take((PARAMETERS / width).max(1)).collect();
        if chunk.is_empty() {
            return Ok(());
        }
        let mut sql = format!("INSERT INTO {table} ({columns}) VALUES ");
        for row in 0..chunk.len() {
            sql.push_str(if row == 0 { "(" } else { ",(" });
            for column in 0..width {
                sql.push_str(if column == 0 { "$" } else { ",$" });
                sql.push_str(&(row * width + column + 1).to_string());
            }
            sql.push(')');
        }
        run(tx, table, &sql, chunk.into_iter().flatten().collect()).await?;
    }
}

/// `$1,$2,…` for a list of `n` values.
pub(super) fn places(n: usize) -> String {
    (1..=n).map(|at| format!("${at}")).collect::<Vec<_>>().join(",")
}

/// A text of a row, none when null.
pub(super) fn text(row: &AnyRow, column: usize) -> Result<Option<String>> {
    row.try_get(column).map_err(LedgerError::on("read a text"))
}

/// A text of a row that is never null.
pub(super) fn word(row: &AnyRow, column: usize) -> Result<String> {
    Ok(text(row, column)?.unwrap_or_default())
}

/// A number of a row, none when null.
pub(super) fn int(row: &AnyRow, column: usize) -> Result<Option<i64>> {
    row.try_get(column).map_err(LedgerError::on("read a number"))
}

/// A number of a row that is never null.
pub(super) fn count(row: &AnyRow, column: usize) -> Result<i64> {
    Ok(int(row, column)?.unwrap_or(0))
}
