//! Makes facts and verdicts of what the sources of a scan say of some taxpayers. Expressions over batches only: what
//! the sources are is planned in `compile.rs`, and how their rows are kept until they are put together is the
//! engine's business.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{cast, filter_record_batch, take};
use arrow::datatypes::{Field, Int64Type, Schema, SchemaRef};
use datafusion::common::{DFSchema, DataFusionError, Result as DataFusionResult};
use datafusion::execution::SessionState;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::prelude::DataFrame;
use datafusion::sql::sqlparser::ast;

use crate::compile::{CompileError, FactTree, SIZE_COLUMN, Source, typed_fact};
use crate::definition::Unit;
use crate::expression::{name_of, parse};
use crate::policy::{Ruled, Ruler};
use crate::sources::KEY;
use crate::verdict::{Evaluator, plan};

/// Columns of taxpayers that stay as they are, where there are any.
const PASSED: [&str; 4] = [KEY, "taxpayer_id", "industry_code", "region_code"];

/// The column of the n-th fact.
pub(crate) fn fact_name(n: usize) -> String {
    format!("f{n}")
}

/// The expressions of a scan, ready to run.
#[derive(Debug)]
pub struct Evaluation {
    /// The taxpayers' columns, then those of each source without its key.
    inputs: SchemaRef,
    /// How many of these are the taxpayers'.
    registered: usize,
    /// By place among the inputs: a source's column that is 0 for who has no row.
    zeros: Vec<bool>,
    passed: Vec<usize>,
    size: Option<Fact>,
    facts: Vec<Fact>,
    verdicts: Vec<Verdict>,
    rulings: Vec<Ruling>,
}

/// One fact: an expression over some inputs.
#[derive(Debug)]
struct Fact {
    name: String,
    expr: Arc<dyn PhysicalExpr>,
    /// Places of the inputs it reads, in its own order.
    reads: Vec<usize>,
}

/// The expressions of one indicator over its facts.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// Columns: applies, value, and amount if it has one.
    pub(crate) names: Vec<String>,
    /// Its facts, by number.
    pub(crate) facts: Vec<usize>,
    pub(crate) evaluator: Evaluator,
}

/// The expressions of one version of a policy over its facts.
#[derive(Debug)]
pub(crate) struct Ruling {
    /// Its facts, by number.
    pub(crate) facts: Vec<usize>,
    pub(crate) ruler: Ruler,
}

impl Evaluation {
    pub(crate) fn new(
        state: &SessionState,
        taxpayers: &DataFrame,
        sources: &[Source],
        trees: Vec<FactTree>,
        (verdicts, rulings): (Vec<Verdict>, Vec<Ruling>),
        size: Option<&str>,
    ) -> Result<Self, CompileError> {
        let mut fields = fields(state, taxpayers)?;
        let registered = fields.len();
        let mut zeros = vec![false; registered];
        for source in sources {
            let known = self::fields(state, &source.frame)?;
            for field in known.into_iter().filter(|field| field.name() != KEY) {
                zeros.push(source.zeros.contains(field.name()));
                fields.push(field);
            }
        }
        let inputs = Arc::new(Schema::new(fields));
        let mut facts = Vec::with_capacity(trees.len());
        for (n, fact) in trees.into_iter().enumerate() {
            facts.push(Fact::new(state, &inputs, fact_name(n), fact)?);
        }
        let size = match size {
            Some(column) => {
                let tree = parse(column).map_err(|fault| refused(column, &fault.message))?;
                let fact = FactTree { tree, unit: Unit::Money, text: column.to_owned() };
                Some(Fact::new(state, &inputs, SIZE_COLUMN.to_owned(), fact)?)
            }
            None => None,
        };
        let passed = PASSED.iter().filter_map(|name| inputs.index_of(name).ok()).collect();
        Ok(Self { inputs, registered, zeros, passed, size, facts, verdicts, rulings })
    }

    /// Puts the rows of sources beside those of taxpayers. `rows[n]` of a source says where the n-th taxpayer's row
    /// stands in its batch, null where it has none.
    ///
    /// # Errors
    /// When the batches are not those of the sources.
    pub fn inputs(
        &self,
        taxpayers: &RecordBatch,
        sources: &[(RecordBatch, UInt32Array)],
    ) -> DataFusionResult<RecordBatch> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.inputs.fields().len());
        for (field, column) in self.inputs.fields()[..self.registered].iter().zip(taxpayers.columns()) {
            columns.push(cast(column, field.data_type())?);
        }
        for (batch, rows) in sources {
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                if field.name() == KEY {
                    continue;
                }
                let place = columns.len();
                let found = cast(&take(column, rows, None)?, self.inputs.field(place).data_type())?;
                columns.push(if self.zeros[place] { or_zero(&found) } else { found });
            }
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.inputs), columns)?)
    }

    /// Facts and verdicts of the indicators wanted (by place in the layout), as columns: key, id and what peers are
    /// chosen by, then the columns the layout names.
    ///
    /// # Errors
    /// When an expression fails, which those of the language do not.
    pub fn evaluate(
        &self,
        inputs: &RecordBatch,
        wanted: impl Fn(usize) -> bool,
    ) -> DataFusionResult<RecordBatch> {
        let mut columns: Vec<(String, ArrayRef)> = Vec::new();
        for place in &self.passed {
            columns.push((self.inputs.field(*place).name().clone(), Arc::clone(inputs.column(*place))));
        }
        if let Some(size) = &self.size {
            columns.push((size.name.clone(), size.evaluate(inputs)?));
        }
        let verdicts = || self.verdicts.iter().enumerate().filter(|(n, _)| wanted(*n)).map(|(_, v)| v);
        let mut facts = FactsOf::new(self, inputs);
        for verdict in verdicts() {
            facts.of(&verdict.facts)?;
        }
        columns.extend(facts.named());
        for verdict in verdicts() {
            let mine = facts.batch(&verdict.facts, &verdict.evaluator.schema)?;
            let done = verdict.evaluator.evaluate(&mine)?;
            let done = [Some(done.applies), Some(done.value), done.amount].into_iter().flatten();
            columns.extend(verdict.names.iter().cloned().zip(done));
        }
        Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))?)
    }
}

/// Facts of some taxpayers, each computed when it is first asked for.
struct FactsOf<'a> {
    evaluation: &'a Evaluation,
    inputs: &'a RecordBatch,
    known: Vec<Option<ArrayRef>>,
}

impl<'a> FactsOf<'a> {
    fn new(evaluation: &'a Evaluation, inputs: &'a RecordBatch) -> Self {
        Self { evaluation, inputs, known: vec![None; evaluation.facts.len()] }
    }

    /// Facts by number.
    fn of(&mut self, facts: &[usize]) -> DataFusionResult<Vec<ArrayRef>> {
        let mut found = Vec::with_capacity(facts.len());
        for fact in facts {
            let values = match &self.known[*fact] {
                Some(known) => Arc::clone(known),
                None => self.evaluation.facts[*fact].evaluate(self.inputs)?,
            };
            self.known[*fact] = Some(Arc::clone(&values));
            found.push(values);
        }
        Ok(found)
    }

    /// Facts by number as a batch of a schema.
    fn batch(&mut self, facts: &[usize], schema: &SchemaRef) -> DataFusionResult<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(self.inputs.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), self.of(facts)?, &options)?)
    }

    /// Those computed so far, with their names.
    fn named(&self) -> impl Iterator<Item = (String, ArrayRef)> + '_ {
        let known = self.evaluation.facts.iter().zip(&self.known);
        known.filter_map(|(fact, values)| Some((fact.name.clone(), Arc::clone(values.as_ref()?))))
    }
}

impl Evaluation {
    /// Shows what each version of the policies in the layout comes to: its place, its ruler, its facts and the rulings, a row for
    /// each of `inputs`.
    ///
    /// # Errors
    /// When an expression fails, which those of the language do not; or `see` does.
    pub fn rule<E: From<DataFusionError>>(
        &self,
        inputs: &RecordBatch,
        mut see: impl FnMut(usize, &Ruler, &RecordBatch, &Ruled) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut facts = FactsOf::new(self, inputs);
        for (n, ruling) in self.rulings.iter().enumerate() {
            let mine = facts.batch(&ruling.facts, &ruling.ruler.schema)?;
            see(n, &ruling.ruler, &mine, &ruling.ruler.rule(&mine)?)?;
        }
        Ok(())
    }

    /// As [`Self::rule`], of those of `inputs` there is an answer for, whose places `see` is told with the version's: a policy concerns few.
    ///
    /// # Errors
    /// As [`Self::rule`].
    pub fn rule_concerned<E: From<DataFusionError>>(
        &self,
        inputs: &RecordBatch,
        mut see: impl FnMut((usize, &[usize]), &Ruler, &RecordBatch, &Ruled) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut facts = FactsOf::new(self, inputs);
        for (n, ruling) in self.rulings.iter().enumerate() {
            let all = facts.batch(&ruling.facts, &ruling.ruler.schema)?;
            let concerned = ruling.ruler.concerned(&all)?;
            let places: Vec<usize> = concerned.values().set_indices().collect();
            if !places.is_empty() {
                let mine = filter_record_batch(&all, &concerned).map_err(DataFusionError::from)?;
                see((n, &places), &ruling.ruler, &mine, &ruling.ruler.rule(&mine)?)?;
            }
        }
        Ok(())
    }
}

/// The columns of a frame as they will come: types are only settled once the plan is analysed (`CASE … THEN 0 ELSE money
/// END` looks like an integer before).
fn fields(state: &SessionState, frame: &DataFrame) -> Result<Vec<Field>, CompileError> {
    let plan = state
        .analyzer()
        .execute_and_check(frame.logical_plan().clone(), state.config_options(), |_, _| {})
        .map_err(CompileError::plan("the columns of a source"))?;
    Ok(plan.schema().fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect())
}

/// Counts with 0 where there is nothing to count.
fn or_zero(counts: &ArrayRef) -> ArrayRef {
    match counts.as_primitive_opt::<Int64Type>() {
        Some(known) => Arc::new(Int64Array::from_iter_values(known.iter().map(Option::unwrap_or_default))),
        None => Arc::clone(counts),
    }
}

fn refused(text: &str, why: &str) -> CompileError {
    CompileError::Plan { what: format!("`{text}`"), source: Box::new(DataFusionError::Plan(why.to_owned())) }
}

impl Fact {
    /// Planned against the columns it reads only: the time to plan stays linear in the number of facts.
    fn new(
        state: &SessionState,
        inputs: &SchemaRef,
        name: String,
        fact: FactTree,
    ) -> Result<Self, CompileError> {
        let mut reads: Vec<usize> = Vec::new();
        let _ = ast::visit_expressions(&fact.tree, |expr| {
            if let ast::Expr::Identifier(column) = expr
                && let Ok(place) = inputs.index_of(&name_of(column))
                && !reads.contains(&place)
            {
                reads.push(place);
            }
            ControlFlow::<()>::Continue(())
        });
        let wrong = |error: DataFusionError| CompileError::plan(format!("`{}`", fact.text))(error);
        let schema = inputs.project(&reads).map_err(|e| wrong(e.into()))?;
        let schema = DFSchema::try_from(schema).map_err(wrong)?;
        let expr = plan(state, fact.tree, &schema)
            .map_err(|fault| refused(&fact.text, &format!("{}; {}", fault.message, fault.remedy)))?;
        let expr = assay_sql::simplified(state, typed_fact(expr, fact.unit), &schema)
            .and_then(|expr| state.create_physical_expr(expr, &schema))
            .map_err(wrong)?;
        Ok(Self { name, expr, reads })
    }

    fn evaluate(&self, inputs: &RecordBatch) -> DataFusionResult<ArrayRef> {
        self.expr.evaluate(&inputs.project(&self.reads)?)?.into_array(inputs.num_rows())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_count_of_nothing_is_zero() {
        let counts: ArrayRef = Arc::new(Int64Array::from(vec![Some(3), None]));
        let counts = or_zero(&counts);
        assert_eq!(counts.as_primitive::<Int64Type>().values(), &[3, 0]);
    }
}
