//! All row rules of a table as one set of expressions over one narrow batch.
//!
//! The batch has the columns the rules use and nothing else. Verdicts come out as bitmaps, three to a rule.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use assay_datasets::schema::{ColumnType, Table};
use assay_indicators::At;
use assay_sql::simplified;
use datafusion::common::DFSchema;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::prelude::SessionContext;

use super::rule::{Bins, Distribution, Kind, Rule};
use crate::{EngineError, Result};

/// Lineage every pass reads.
pub const LINEAGE: [&str; 3] = ["_source", "_batch", "_ingested_at"];
/// Text columns with few values that are no enums and end in no `_code`.
const FEW_VALUES: [&str; 7] = ["_source", "_batch", "unit", "currency", "level", "platform", "list"];

/// The stored columns of a table as they are read for measuring: text with few values as dictionaries, so that a
/// condition looks at each value once and not at each row.
pub fn reading_schema(table: &Table) -> SchemaRef {
    let few = |name: &str| {
        let enumeration = table.column(name).is_some_and(|c| c.ty == ColumnType::Enum);
        enumeration || FEW_VALUES.contains(&name) || (name.ends_with("_code") && name != "invoice_code")
    };
    let stored = table.stored_schema();
    let fields = stored.fields().iter().map(|field| {
        if field.data_type() == &DataType::Utf8 && few(field.name()) {
            let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Field::new(field.name(), dictionary, true)
        } else {
            Field::new(field.name(), field.data_type().clone(), true)
        }
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// An expression that fits the schema, or what is wrong with it.
pub fn plan(context: &SessionContext, schema: &DFSchema, sql: &At<String>) -> Result<Expr> {
    Ok(context.parse_sql_expr(&sql.value, schema)?)
}

/// How many rows a rule judged how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// They pass; of a query's rule, they are concerned.
    pub passed: u64,
    /// They fail.
    pub failed: u64,
    /// It cannot be told.
    pub unknown: u64,
}

impl Counts {
    /// Adds another count.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.unknown += other.unknown;
    }
}

/// The rows of a batch that a rule judged one way or another.
#[derive(Debug)]
pub struct Judged {
    /// They pass.
    pub passed: BooleanBuffer,
    /// They fail.
    pub failed: BooleanBuffer,
    /// It cannot be told.
    pub unknown: BooleanBuffer,
}

impl Judged {
    /// How many there are.
    pub fn counts(&self) -> Counts {
        let count = |bits: &BooleanBuffer| bits.count_set_bits() as u64;
        Counts { passed: count(&self.passed), failed: count(&self.failed), unknown: count(&self.unknown) }
    }

    /// How many there are among the rows of `mask`.
    pub fn counts_of(&self, mask: &BooleanBuffer) -> Counts {
        let count = |bits: &BooleanBuffer| (bits & mask).count_set_bits() as u64;
        Counts { passed: count(&self.passed), failed: count(&self.failed), unknown: count(&self.unknown) }
    }
}

struct Judge {
    when: Option<Arc<dyn PhysicalExpr>>,
    /// `None` for a rule with a query of its own: only the rows it concerns are counted here.
    ok: Option<Arc<dyn PhysicalExpr>>,
}

/// The values of a distribution.
pub enum Values {
    /// A dictionary column of the narrow batch.
    Column(usize),
    /// A whole number.
    Number(Arc<dyn PhysicalExpr>),
}

/// Rules and distributions of one table, ready to run.
pub struct Compiled {
    schema: SchemaRef,
    judges: Vec<Judge>,
    /// Where the values of each distribution come from.
    pub values: Vec<Values>,
    /// Of each rule the columns its condition `ok` is over; none for a rule with a query of its own.
    pub judged_by: Vec<Vec<String>>,
}

impl Compiled {
    /// Compiles the rules over the columns of `schema`.
    ///
    /// # Errors
    /// When an expression does not fit; `check` says so for every rule at once.
    pub fn new(
        context: &SessionContext,
        schema: &SchemaRef,
        rules: &[Arc<Rule>],
        distributions: &[Arc<Distribution>],
    ) -> Result<Self> {
        let whole = DFSchema::try_from(schema.as_ref().clone())?;
        let mut used: BTreeSet<String> = LINEAGE.iter().map(|n| (*n).to_owned()).collect();
        let mut read = |sql: &At<String>| -> Result<Expr> {
            let expr = plan(context, &whole, sql)?;
            used.extend(expr.column_refs().into_iter().map(|c| c.name.clone()));
            Ok(expr)
        };
        let mut wanted = Vec::with_capacity(rules.len());
        let mut judged_by = Vec::with_capacity(rules.len());
        for rule in rules {
            let when = rule.when.as_ref().map(&mut read).transpose()?;
            let (when, ok) = match &rule.kind {
                Kind::Row { ok } => (when, Some(read(ok)?)),
                Kind::Between { .. } => (when, None),
                Kind::Unique { columns } => {
                    let all = present(columns);
                    let concerned = read(&At::new(all, rule.span.clone()))?;
                    (
                        Some(match when {
                            Some(when) => when.and(concerned),
                            None => concerned,
                        }),
                        None,
                    )
                }
            };
            judged_by.push(ok.as_ref().map(column_names).unwrap_or_default());
            wanted.push((when, ok));
        }
        let mut bins = Vec::with_capacity(distributions.len());
        for distribution in distributions {
            bins.push(match &distribution.bins {
                Bins::Column(column) => {
                    read(column)?;
                    None
                }
                Bins::Number(number) => Some(read(number)?),
            });
        }
        let keep: Vec<usize> =
            (0..schema.fields().len()).filter(|i| used.contains(schema.field(*i).name())).collect();
        let narrow = Arc::new(schema.project(&keep)?);
        let frame = DFSchema::try_from(narrow.as_ref().clone())?;
        let state = context.state();
        let physical = |expr: Expr| -> Result<Arc<dyn PhysicalExpr>> {
            Ok(context.create_physical_expr(simplified(&state, expr, &frame)?, &frame)?)
        };
        let judges = wanted
            .into_iter()
            .map(|(when, ok)| {
                Ok(Judge { when: when.map(&physical).transpose()?, ok: ok.map(&physical).transpose()? })
            })
            .collect::<Result<_>>()?;
        let values = bins
            .into_iter()
            .zip(distributions)
            .map(|(number, distribution)| match (number, &distribution.bins) {
                (Some(number), _) => {
                    let whole = datafusion::logical_expr::cast(number, DataType::Int64);
                    Ok(Values::Number(physical(whole)?))
                }
                (None, Bins::Column(name) | Bins::Number(name)) => {
                    Ok(Values::Column(narrow.index_of(&name.value)?))
                }
            })
            .collect::<Result<_>>()?;
        Ok(Self { schema: narrow, judges, values, judged_by })
    }

    /// The columns a pass reads.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// `batch` in exactly these columns: what it lacks is null, what has another type is cast.
    pub fn narrow(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        adapt(batch, &self.schema)
    }

    /// The verdict of every rule on every row of a narrow batch.
    pub fn judge(&self, batch: &RecordBatch) -> Result<Vec<Judged>> {
        self.judges.iter().map(|judge| judge.run(batch)).collect()
    }
}

/// The columns of an expression, in order of name.
fn column_names(expr: &Expr) -> Vec<String> {
    let names: BTreeSet<String> = expr.column_refs().into_iter().map(|c| c.name.clone()).collect();
    names.into_iter().collect()
}

/// `a IS NOT NULL AND b IS NOT NULL`.
pub fn present(columns: &[At<String>]) -> String {
    columns.iter().map(|c| format!("{} IS NOT NULL", c.value)).collect::<Vec<_>>().join(" AND ")
}

/// A batch in the columns of `schema`.
pub fn adapt(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    let columns = schema
        .fields()
        .iter()
        .map(|field| match batch.column_by_name(field.name()) {
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
            Some(column) if column.data_type() == field.data_type() => Ok(Arc::clone(column)),
            Some(column) => Ok(arrow::compute::cast(column, field.data_type())?),
        })
        .collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

impl Judge {
    fn run(&self, batch: &RecordBatch) -> Result<Judged> {
        let rows = batch.num_rows();
        // As in a WHERE, a row of which it is unknown whether the rule concerns it is not concerned.
        let concerned = match &self.when {
            None => BooleanBuffer::new_set(rows),
            Some(when) => {
                let when = booleans(when, batch)?;
                when.values() & &known(&when)
            }
        };
        let Some(ok) = &self.ok else {
            let none = || BooleanBuffer::new_unset(rows);
            return Ok(Judged { passed: concerned, failed: none(), unknown: none() });
        };
        let ok = booleans(ok, batch)?;
        let known = known(&ok);
        let judged = &concerned & &known;
        Ok(Judged {
            passed: &judged & ok.values(),
            failed: &judged & &!ok.values(),
            unknown: &concerned & &!&known,
        })
    }
}

fn known(values: &BooleanArray) -> BooleanBuffer {
    values.nulls().map_or_else(|| BooleanBuffer::new_set(values.len()), |n| n.inner().clone())
}

/// The expression over a batch, as booleans.
pub fn booleans(expr: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<BooleanArray> {
    let values: ArrayRef = expr.evaluate(batch)?.into_array(batch.num_rows())?;
    values.as_boolean_opt().cloned().ok_or_else(|| {
        EngineError::input(format!("a condition gives {}, not true or false", values.data_type()))
    })
}
