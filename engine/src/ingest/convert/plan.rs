//! Where each canonical column of a feed comes from in files with one particular header.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use assay_datasets::mapping::{Feed, Transform};
use assay_datasets::schema::Column;
use assay_sql::simplified;
use datafusion::common::{DFSchema, DataFusionError, Result as DfResult};
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::utils::collect_columns;

use crate::ingest::source::shape::sql_names;
use crate::{EngineError, Result};

/// Where one canonical column comes from in this header.
pub(super) struct Plan {
    /// Its source.
    pub origin: Origin,
    /// What is done with it.
    pub transform: Transform,
    /// What the column is called in the file, for messages.
    pub shown: String,
}

/// The source of a canonical column.
pub(super) enum Origin {
    /// A source column.
    Column(usize),
    /// A text the mapping states.
    Constant(String),
    /// An expression over source columns.
    Computed(Arc<dyn PhysicalExpr>),
    /// None.
    Absent,
}

impl Plan {
    /// The source columns this one is made from.
    pub(super) fn reads(&self) -> Vec<usize> {
        match &self.origin {
            Origin::Column(i) => vec![*i],
            Origin::Computed(expr) => reads(expr),
            Origin::Constant(_) | Origin::Absent => Vec::new(),
        }
    }
}

impl Plan {
    /// What a record has for the column, in the order of the header, as are the names shown with it.
    pub(super) fn value(&self, record: &[String]) -> String {
        match &self.origin {
            Origin::Constant(text) => text.clone(),
            _ => self.reads().iter().map(|i| record[*i].as_str()).collect::<Vec<_>>().join(" | "),
        }
    }
}

/// The columns an expression reads, by place.
pub(super) fn reads(expr: &Arc<dyn PhysicalExpr>) -> Vec<usize> {
    let mut read: Vec<usize> = collect_columns(expr).iter().map(|c| c.index()).collect();
    read.sort_unstable();
    read
}

/// Resolves one column; what the header lacks goes to `missing`.
pub(super) fn plan(
    context: &SessionContext,
    text_schema: &SchemaRef,
    feed: &Feed,
    header: &[String],
    column: &Column,
    missing: &mut Vec<String>,
) -> Result<Plan> {
    let Some(source) = feed.columns.get(&column.name) else {
        return Ok(Plan {
            origin: Origin::Absent,
            transform: Transform::default(),
            shown: column.name.clone(),
        });
    };
    let transform = source.get_ref().transform();
    let mut shown = column.name.clone();
    let origin = if let Some(sql) = &transform.sql {
        let schema = DFSchema::try_from(text_schema.as_ref().clone())?;
        let expr = context.parse_sql_expr(sql, &schema).and_then(|e| physical(context, e, &schema));
        match expr {
            Ok(expr) => {
                // In the order of the header, as are the values shown with them.
                let read = reads(&expr);
                if !read.is_empty() {
                    shown = read.iter().map(|i| header[*i].as_str()).collect::<Vec<_>>().join(", ");
                }
                Origin::Computed(expr)
            }
            Err(e) => {
                let lacking = lacking(sql, header);
                if lacking.is_empty() {
                    return Err(unusable(feed, column, sql, &e));
                }
                let named = lacking.into_iter().filter(|name| !missing.contains(name)).collect::<Vec<_>>();
                missing.extend(named);
                Origin::Absent
            }
        }
    } else if let Some(text) = &transform.constant {
        Origin::Constant(text.clone())
    } else {
        let names = transform.names();
        match names.iter().find_map(|n| header.iter().position(|h| h == n)) {
            Some(i) => {
                shown.clone_from(&header[i]);
                Origin::Column(i)
            }
            None => {
                if !feed.is_canonical() {
                    missing.push(names.join(" / "));
                }
                Origin::Absent
            }
        }
    };
    Ok(Plan { origin, transform, shown })
}

/// Names in an expression that the header does not have.
fn lacking(sql: &str, header: &[String]) -> Vec<String> {
    sql_names(sql).into_iter().filter(|name| !header.contains(name)).collect()
}

/// All columns are there, but the expression is none that can be evaluated.
fn unusable(feed: &Feed, column: &Column, sql: &str, error: &DataFusionError) -> EngineError {
    let why = match error.find_root() {
        DataFusionError::SchemaError(..) => {
            "a name in it is written otherwise than in the file; put names in double quotes".to_owned()
        }
        other => other.strip_backtrace(),
    };
    EngineError::input(format!(
        "feed {}: the expression of {} cannot be used: {sql}: {why}. Correct the mapping",
        feed.name, column.name
    ))
}

/// An expression in the form that is evaluated.
pub(super) fn physical(
    context: &SessionContext,
    expr: Expr,
    schema: &DFSchema,
) -> DfResult<Arc<dyn PhysicalExpr>> {
    context.create_physical_expr(simplified(&context.state(), expr, schema)?, schema)
}
