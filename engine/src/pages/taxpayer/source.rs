//! Asking the warehouse about one taxpayer as of one month.

use datafusion::prelude::SessionContext;

use crate::pages::rows::{Rows, fill, literal, read};
use crate::pages::section::{Block, Column, Kind, State, cell};
use crate::warehouse::Commit;
use crate::{EngineError, Result};

/// How a taxpayer's state is written.
pub(super) const STATUS: Kind = Kind::Word("taxpayer", "status");

/// Rollups that pages read.
const ROLLUPS: [&str; 3] = ["rollup_sold", "rollup_bought", "rollup_trade"];

/// One taxpayer, one month.
pub(super) struct Source<'a> {
    context: &'a SessionContext,
    key: i64,
    /// Whether invoices were summed up: rollups are made by the first scan.
    pub(super) rollups: bool,
    /// The month, YYYYMM.
    pub(super) as_of: i32,
}

impl<'a> Source<'a> {
    /// Of a taxpayer that was found.
    pub(super) fn new(
        context: &'a SessionContext,
        commit: &Commit,
        found: &Rows,
        as_of: i32,
    ) -> Result<Self> {
        let missing = || EngineError::internal("a taxpayer without a key");
        let key = found.integer(0, "taxpayer_key").ok_or_else(missing)?;
        let rollups = ROLLUPS.iter().all(|table| commit.tables.contains_key(*table));
        Ok(Self { context, key, rollups, as_of })
    }

    /// Runs a query of `sql/pages`.
    pub(super) async fn rows(&self, sql: &str) -> Result<Rows> {
        self.rows_with(sql, &[]).await
    }

    /// Runs a query with parameters beside key and month. Values are SQL: text must be a literal. A query over rollups that were
    /// not made yet has no rows.
    pub(super) async fn rows_with(&self, sql: &str, parameters: &[(&str, String)]) -> Result<Rows> {
        if !self.rollups && ROLLUPS.iter().any(|table| sql.contains(table)) {
            return Ok(Rows::none());
        }
        let mut all = vec![("$key", self.key.to_string()), ("$as_of", self.as_of.to_string())];
        all.extend_from_slice(parameters);
        let started = std::time::Instant::now();
        let rows = read(self.context, &fill(sql, &all)).await?;
        let what = sql.lines().next().unwrap_or_default();
        tracing::debug!(ms = started.elapsed().as_millis(), rows = rows.len(), "{what}");
        Ok(rows)
    }

    /// Whether a table has any row, of whomever.
    pub(super) async fn has(&self, table: &str) -> Result<bool> {
        Ok(!read(self.context, &format!("SELECT 1 AS one FROM \"{table}\" LIMIT 1")).await?.is_empty())
    }

    /// What to say where a table has no row of the taxpayer.
    pub(super) async fn absent(&self, table: &str) -> Result<State> {
        Ok(if self.has(table).await? { State::NoRecord } else { State::NotConnected })
    }

    /// A block of rows, of which it is known why there are none.
    pub(super) async fn block_of(
        &self,
        id: &'static str,
        zh: &str,
        table: &str,
        rows: Rows,
    ) -> Result<Block> {
        let absent = if rows.is_empty() { self.absent(table).await? } else { State::Filled };
        Ok(Block::new(id, zh, rows, absent))
    }

    /// A block with the rows of a query as its table.
    pub(super) async fn block(
        &self,
        id: &'static str,
        zh: &str,
        table: &str,
        sql: &str,
        columns: &[Column],
    ) -> Result<Block> {
        Ok(self.block_of(id, zh, table, self.rows(sql).await?).await?.table(columns))
    }
}

/// A value of the first row as it is shown.
pub(super) fn shown(rows: &Rows, name: &str, kind: Kind) -> String {
    cell(rows, 0, name, kind)
}

/// A text as a parameter.
pub(super) fn text(value: &str) -> String {
    literal(value)
}
