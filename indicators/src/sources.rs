//! The inputs of a profile as DataFrames: the frame of taxpayers, one aggregation for each rollup, one sub-query
//! for each as-of feature file. Knows nothing of indicators.

use std::collections::HashMap;

use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::execution::SessionState;
use datafusion::functions_aggregate::expr_fn::{avg, count, max, min, sum};
use datafusion::logical_expr::{Expr, ExprFunctionExt, ident, lit, try_cast};
use datafusion::prelude::{DataFrame, SessionContext};

use crate::compile::CompileError;
use crate::expression::{AsOfColumn, Fold, Window, parse};
use crate::verdict::{plan, type_of};

/// The key by which sources belong together.
pub(crate) const KEY: &str = "taxpayer_key";

/// Current rows of `taxpayer`: key, id, the registration columns used (as `r_{name}`), and what peers are chosen by.
pub(crate) async fn taxpayer_frame(
    ctx: &SessionContext,
    registration: &[String],
    needs_peers: bool,
) -> Result<DataFrame, CompileError> {
    let wrong = || CompileError::plan("the frame of taxpayers");
    let table = ctx.table("taxpayer").await.map_err(wrong())?;
    let mut columns = vec![ident(KEY), ident("taxpayer_id")];
    if needs_peers {
        columns.extend(["industry_code", "region_code"].map(|name| {
            // A feed without the column leaves the taxpayer among all others as peers.
            let known = table.schema().has_column_with_unqualified_name(name);
            let value = if known { ident(name) } else { lit(ScalarValue::Utf8(None)) };
            try_cast(value, DataType::Utf8).alias(name)
        }));
    }
    columns.extend(registration.iter().map(|name| ident(name).alias(format!("r_{name}"))));
    table.filter(ident("valid_to").is_null()).and_then(|current| current.select(columns)).map_err(wrong())
}

/// One aggregation over a monthly source (a rollup, or the query `sql`) by `taxpayer_key` with every window that reads
/// it: window n is column `a{n}`.
pub(crate) async fn monthly_frame(
    (ctx, state): (&SessionContext, &SessionState),
    (rollup, sql): (&str, Option<&str>),
    windows: &[Window],
) -> Result<DataFrame, CompileError> {
    let wrong = || CompileError::plan(format!("the aggregation of {rollup}"));
    let table = match sql {
        Some(sql) => ctx.sql(sql).await,
        None => ctx.table(rollup).await,
    };
    let table = table.map_err(wrong())?;
    let mine: Vec<(usize, &Window)> =
        windows.iter().enumerate().filter(|(_, window)| window.rollup == rollup).collect();
    let first = mine.iter().map(|(_, w)| w.from).min().unwrap_or(0);
    let last = mine.iter().map(|(_, w)| w.to).max().unwrap_or(0);
    let mut rows = RowColumns::default();
    let mut aggregates = Vec::new();
    for (n, window) in &mine {
        let (inner, kind) = rows.inner(state, &table, window).map_err(wrong())?;
        let aggregate = match window.fold {
            Fold::Sum => sum(ident(inner)),
            Fold::Max => max(ident(inner)),
            Fold::Min => min(ident(inner)),
            Fold::Avg => avg(ident(inner)),
            Fold::Months => count(lit(1_i64)),
        };
        check_fold(window, &kind).map_err(wrong())?;
        let whole = (window.from, window.to) == (first, last) && window.fold != Fold::Months;
        let aggregate = if whole {
            aggregate
        } else {
            aggregate.filter(rows.mask(window, inner_condition(window, &rows))).build().map_err(wrong())?
        };
        aggregates.push(aggregate.alias(format!("a{n}")));
    }
    let mut columns = vec![ident(KEY)];
    columns.extend(rows.columns);
    table
        .filter(in_months(first, last))
        .and_then(|rows| rows.select(columns))
        .and_then(|rows| rows.aggregate(vec![ident(KEY)], aggregates))
        .map_err(wrong())
}

fn in_months(from: i32, to: i32) -> Expr {
    if from == to { ident("period").eq(lit(from)) } else { ident("period").between(lit(from), lit(to)) }
}

/// What is computed once a row before aggregating: each inner expression and each mask of months once, so that
/// many aggregates share them and no aggregate holds a CASE of its own (DataFusion #25369).
#[derive(Default)]
struct RowColumns {
    columns: Vec<Expr>,
    inner: HashMap<String, (String, DataType)>,
    masks: HashMap<(i32, i32, Option<String>), String>,
}

impl RowColumns {
    fn inner(
        &mut self,
        state: &SessionState,
        table: &DataFrame,
        window: &Window,
    ) -> Result<(String, DataType), DataFusionError> {
        if let Some(known) = self.inner.get(&window.inner) {
            return Ok(known.clone());
        }
        let fail = |fault: crate::expression::Fault| {
            DataFusionError::Plan(format!("`{}`: {}", window.inner, fault.message))
        };
        let tree = parse(&window.inner).map_err(fail)?;
        let expr = plan(state, tree, table.schema()).map_err(fail)?;
        let kind = type_of(state, &expr, table.schema()).map_err(fail)?;
        let name = format!("e{}", self.inner.len());
        self.columns.push(expr.alias(&name));
        self.inner.insert(window.inner.clone(), (name.clone(), kind.clone()));
        Ok((name, kind))
    }

    /// The mask column of a window, made when new.
    fn mask(&mut self, window: &Window, condition: Option<String>) -> Expr {
        let next = format!("w{}", self.masks.len());
        let key = (window.from, window.to, condition.clone());
        if let Some(known) = self.masks.get(&key) {
            return ident(known);
        }
        let months = in_months(window.from, window.to);
        let mask = match condition.and_then(|inner| self.expression(&inner)) {
            Some(inner) => months.and(inner),
            None => months,
        };
        self.columns.push(mask.alias(&next));
        self.masks.insert(key, next.clone());
        ident(next)
    }

    /// The expression behind an inner column: masks stand in the same projection and cannot name it.
    fn expression(&self, name: &str) -> Option<Expr> {
        self.columns.iter().find_map(|column| match column {
            Expr::Alias(alias) if alias.name == name => Some(alias.expr.as_ref().clone()),
            _ => None,
        })
    }
}

/// The column whose truth `months` counts.
fn inner_condition(window: &Window, rows: &RowColumns) -> Option<String> {
    (window.fold == Fold::Months)
        .then(|| rows.inner.get(&window.inner).map(|(name, _)| name.clone()))
        .flatten()
}

/// Refuses what would not come out the same on every run or makes no sense.
pub(crate) fn check_fold(window: &Window, kind: &DataType) -> Result<(), DataFusionError> {
    let inner = &window.inner;
    let fail = |why: &str| Err(DataFusionError::Plan(format!("`{inner}` {why}")));
    match window.fold {
        Fold::Sum | Fold::Avg if kind.is_floating() => {
            fail("is a double, whose sum depends on the order of adding; cast it to DECIMAL(28, 6)")
        }
        Fold::Sum | Fold::Avg if !kind.is_numeric() => fail("is no number; it cannot be summed"),
        Fold::Months if *kind != DataType::Boolean => {
            fail("is no condition; months(…) counts where one holds")
        }
        _ => Ok(()),
    }
}

/// The columns a scan needs of one as-of feature query beside `taxpayer_key`: column n is `x{n}`.
pub(crate) async fn as_of_frame(
    ctx: &SessionContext,
    sql: &str,
    file: &str,
    as_of: i32,
    columns: &[AsOfColumn],
) -> Result<DataFrame, CompileError> {
    let wrong = || CompileError::plan(format!("feature file {file}.sql"));
    let query = ctx.sql(sql).await.map_err(wrong())?;
    let mut select = vec![ident(KEY)];
    select.extend(
        columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.file == file && column.as_of == as_of)
            .map(|(n, column)| ident(&column.column).alias(format!("x{n}"))),
    );
    query.select(select).map_err(wrong())
}
