//! `applies`, `value` and `amount` as DataFusion expressions over the facts of one indicator. The compiler puts
//! them into the projection of a scan; the test rows of a definition run through the very same expressions.

use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Float64Array, cast::AsArray};
use arrow::datatypes::{DataType, Field, Float64Type, Schema};
use datafusion::common::{DFSchema, DataFusionError, Result as DataFusionResult};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarUDF, Volatility, cast, create_udf, try_cast};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{self, ExprWithAlias, Value, VisitMut, VisitorMut};

use crate::definition::{Fact, Indicator, Unit};
use crate::expression::{Fault, name_of, parse, refused};
use crate::problem::did_you_mean;
use crate::reader::At;
use crate::rewrite::{Arithmetic, exact_literal, identifier, parse_fragment, rewrite_operation};

/// The Arrow type of a fact or feature of a unit.
pub fn arrow_type(unit: Unit) -> DataType {
    match unit {
        Unit::Count | Unit::Days => DataType::Int64,
        Unit::Money => DataType::Decimal128(28, 2),
        Unit::Share | Unit::Ratio | Unit::Score => DataType::Float64,
        Unit::Date => DataType::Date32,
        Unit::Text => DataType::Utf8,
        Unit::Period => DataType::Int32,
        Unit::Bool => DataType::Boolean,
    }
}

/// The legal amount of the result tables.
pub const AMOUNT: DataType = DataType::Decimal128(18, 2);

/// The three expressions of an indicator over its fact columns.
#[derive(Debug, Clone)]
pub struct VerdictExprs {
    /// Boolean; null = cannot tell.
    pub applies: Expr,
    /// Float64, finite or null.
    pub value: Expr,
    /// Decimal(18,2), if the indicator has an amount.
    pub amount: Option<Expr>,
}

/// A fault together with the part of the definition it is in.
pub type PartFault = (At<String>, Fault);

/// Builds the three expressions; `columns[n]` is the column of the n-th fact in `schema`.
pub fn verdict_exprs(
    state: &SessionState,
    indicator: &Indicator,
    columns: &[String],
    schema: &DFSchema,
) -> Result<VerdictExprs, Vec<PartFault>> {
    let mut faults = Vec::new();
    let mut part = |text: &At<String>, arithmetic, wanted: Wanted| {
        facts_to_columns(&text.value, &indicator.facts, columns, arithmetic)
            .and_then(|tree| plan(state, tree, schema).map_err(|fault| vec![fault]))
            .and_then(|expr| typed(state, expr, schema, wanted).map_err(|fault| vec![fault]))
            .map_err(|found| faults.extend(found.into_iter().map(|fault| (text.clone(), fault))))
            .ok()
    };
    let applies = match &indicator.applies {
        Some(text) => part(text, Arithmetic::Double, Wanted::Boolean),
        None => Some(datafusion::logical_expr::lit(true)),
    };
    let value = part(&indicator.value, Arithmetic::Double, Wanted::Number);
    let amount = indicator.amount.as_ref().map(|text| part(text, Arithmetic::Exact, Wanted::Exact));
    match (applies, value, amount) {
        (Some(applies), Some(value), Some(Some(amount))) => {
            Ok(VerdictExprs { applies, value: finite(value), amount: Some(try_cast(amount, AMOUNT)) })
        }
        (Some(applies), Some(value), None) => {
            Ok(VerdictExprs { applies, value: finite(value), amount: None })
        }
        _ => Err(faults),
    }
}

/// What type an expression must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Boolean.
    Boolean,
    /// Any number.
    Number,
    /// A decimal or an integer.
    Exact,
}

/// The type an expression comes to after DataFusion's coercions.
pub fn type_of(state: &SessionState, expr: &Expr, schema: &DFSchema) -> Result<DataType, Fault> {
    state
        .create_physical_expr(expr.clone(), schema)
        .and_then(|physical| physical.data_type(schema.as_arrow()))
        .map_err(|error| Fault::new("", first_line(&error), "correct the expression"))
}

fn typed(state: &SessionState, expr: Expr, schema: &DFSchema, wanted: Wanted) -> Result<Expr, Fault> {
    let found = type_of(state, &expr, schema)?;
    let good = match wanted {
        Wanted::Boolean => found == DataType::Boolean,
        Wanted::Number => found.is_numeric(),
        Wanted::Exact => found.is_integer() || found.is_decimal(),
    };
    if good {
        return Ok(expr);
    }
    let (what, remedy) = match wanted {
        Wanted::Boolean => ("a condition", "write a comparison"),
        Wanted::Number => ("a number", "write an expression over number facts"),
        Wanted::Exact => ("an exact amount", "leave out functions that give doubles; decimals stay exact"),
    };
    Err(Fault::new("", format!("comes to {found}, not to {what}"), remedy))
}

/// A parsed expression as a DataFusion expression over a schema.
pub fn plan(state: &SessionState, tree: ast::Expr, schema: &DFSchema) -> Result<Expr, Fault> {
    state
        .create_logical_expr_from_sql_expr(ExprWithAlias { expr: tree, alias: None }, schema)
        .map_err(|error| Fault::new("", first_line(&error), "correct the expression"))
}

/// A number that is finite, or null: infinities and NaN are unknown.
pub fn finite(expr: Expr) -> Expr {
    Expr::ScalarFunction(datafusion::logical_expr::expr::ScalarFunction::new_udf(
        Arc::clone(&FINITE),
        vec![cast(expr, DataType::Float64)],
    ))
}

static FINITE: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    let null_unless_finite = |x: Option<f64>| x.filter(|x| x.is_finite());
    let kernel = move |args: &[ColumnarValue]| -> DataFusionResult<ColumnarValue> {
        match args {
            [ColumnarValue::Scalar(ScalarValue::Float64(x))] => {
                Ok(ColumnarValue::Scalar(ScalarValue::Float64(null_unless_finite(*x))))
            }
            [ColumnarValue::Array(values)] => {
                let values = values.as_primitive::<Float64Type>();
                let kept: Float64Array = values.iter().map(null_unless_finite).collect();
                Ok(ColumnarValue::Array(Arc::new(kept)))
            }
            _ => Err(DataFusionError::Internal("finite takes one double".to_owned())),
        }
    };
    Arc::new(create_udf(
        "assay_finite",
        vec![DataType::Float64],
        DataType::Float64,
        Volatility::Immutable,
        Arc::new(kernel),
    ))
});

/// The names of facts an expression uses; faults when it does not parse.
pub fn facts_used(sql: &str, facts: &[Fact]) -> Vec<String> {
    let mut used = Vec::new();
    if let Ok(tree) = parse(sql) {
        let _ = ast::visit_expressions(&tree, |expr| {
            if let ast::Expr::Identifier(ident) = expr {
                used.push(name_of(ident));
            }
            ControlFlow::<()>::Continue(())
        });
    }
    used.retain(|name| place_of(facts, name).is_some());
    used
}

/// Where a fact stands among others.
pub fn place_of(facts: &[Fact], name: &str) -> Option<usize> {
    facts.iter().position(|fact| fact.name.value == name)
}

/// A parsed expression with the columns of facts in place of their names.
pub fn facts_to_columns(
    sql: &str,
    facts: &[Fact],
    columns: &[String],
    arithmetic: Arithmetic,
) -> Result<ast::Expr, Vec<Fault>> {
    let mut tree = parse(sql).map_err(|fault| vec![fault])?;
    let mut names = FactNames { facts, columns, arithmetic, faults: Vec::new() };
    let _ = tree.visit(&mut names);
    if names.faults.is_empty() { Ok(tree) } else { Err(names.faults) }
}

struct FactNames<'a> {
    facts: &'a [Fact],
    columns: &'a [String],
    arithmetic: Arithmetic,
    faults: Vec<Fault>,
}

impl VisitorMut for FactNames<'_> {
    type Break = ();

    // After the children, so that what is put in place of a name is not visited again.
    fn post_visit_expr(&mut self, expr: &mut ast::Expr) -> ControlFlow<()> {
        if let Some(fault) = refused(expr) {
            self.faults.push(fault);
            return ControlFlow::Break(());
        }
        let new = match expr {
            ast::Expr::Identifier(ident) => self.column(&name_of(ident)),
            ast::Expr::Value(value) => match (&value.value, self.arithmetic) {
                (Value::Number(text, _), Arithmetic::Exact) => exact_literal(text),
                _ => None,
            },
            _ => None,
        };
        match new {
            Some(new) => *expr = new,
            None => rewrite_operation(expr, self.arithmetic),
        }
        ControlFlow::Continue(())
    }
}

impl FactNames<'_> {
    fn column(&mut self, name: &str) -> Option<ast::Expr> {
        let Some(index) = place_of(self.facts, name) else {
            let known = self.facts.iter().map(|fact| fact.name.value.as_str());
            let remedy = did_you_mean(name, known, "[facts], or add it there");
            self.faults.push(Fault::new(name, format!("unknown fact `{name}`"), remedy));
            return None;
        };
        let column = &self.columns[index];
        match (self.arithmetic, self.facts[index].unit) {
            (Arithmetic::Double, Unit::Count | Unit::Days | Unit::Money) => {
                parse_fragment(&format!("CAST({column} AS DOUBLE)"))
            }
            (Arithmetic::Exact, Unit::Share | Unit::Ratio | Unit::Score) => {
                parse_fragment(&format!("TRY_CAST({column} AS DECIMAL(28, 9))"))
            }
            _ => Some(identifier(column)),
        }
    }
}

/// The columns `f0`, `f1`, … of facts.
pub fn fact_columns(facts: &[Fact]) -> Vec<String> {
    (0..facts.len()).map(|n| format!("f{n}")).collect()
}

/// A batch with one column for each fact.
pub fn fact_schema(facts: &[Fact]) -> Arc<Schema> {
    let columns = fact_columns(facts);
    let fields =
        columns.iter().zip(facts).map(|(column, fact)| Field::new(column, arrow_type(fact.unit), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The three expressions ready to run over a batch of facts.
#[derive(Debug)]
pub struct Evaluator {
    /// Columns `f0`, `f1`, … in the order of the facts.
    pub schema: Arc<Schema>,
    applies: Arc<dyn PhysicalExpr>,
    value: Arc<dyn PhysicalExpr>,
    amount: Option<Arc<dyn PhysicalExpr>>,
}

/// What the three expressions came to, a row each.
#[derive(Debug)]
pub struct Evaluated {
    /// Boolean.
    pub applies: ArrayRef,
    /// Float64.
    pub value: ArrayRef,
    /// Decimal(18,2), if the indicator has an amount.
    pub amount: Option<ArrayRef>,
}

impl Evaluator {
    /// Prepares an indicator's expressions over a batch with one column for each fact.
    pub fn new(state: &SessionState, indicator: &Indicator) -> Result<Self, Vec<PartFault>> {
        let columns = fact_columns(&indicator.facts);
        let schema = fact_schema(&indicator.facts);
        let whole = |error: &DataFusionError| {
            let fault = Fault::new("", first_line(error), "correct the expression");
            vec![(indicator.value.clone(), fault)]
        };
        let frame = DFSchema::try_from(Arc::clone(&schema)).map_err(|e| whole(&e))?;
        let exprs = verdict_exprs(state, indicator, &columns, &frame)?;
        let physical = |expr: Expr| {
            assay_sql::simplified(state, expr, &frame)
                .and_then(|expr| state.create_physical_expr(expr, &frame))
                .map_err(|e| whole(&e))
        };
        let amount = exprs.amount.map(physical).transpose()?;
        Ok(Self { schema, applies: physical(exprs.applies)?, value: physical(exprs.value)?, amount })
    }

    /// Runs the expressions over a batch of [`Self::schema`].
    pub fn evaluate(&self, batch: &arrow::record_batch::RecordBatch) -> DataFusionResult<Evaluated> {
        let run = |expr: &Arc<dyn PhysicalExpr>| expr.evaluate(batch)?.into_array(batch.num_rows());
        Ok(Evaluated {
            applies: run(&self.applies)?,
            value: run(&self.value)?,
            amount: self.amount.as_ref().map(run).transpose()?,
        })
    }
}

/// The first line of a DataFusion error, without its back trace.
pub fn first_line(error: &DataFusionError) -> String {
    error.strip_backtrace().lines().next().unwrap_or("error").to_owned()
}
