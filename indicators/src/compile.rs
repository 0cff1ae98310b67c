//! All facts and verdicts of a scan as one plan: one aggregation for each rollup, one query for each as-of feature
//! file, joined to the frame of taxpayers, then one projection for the facts and one for the verdicts.
//! Planning only; nothing is read here.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{DFSchema, DataFusionError};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, ident, lit, try_cast, when};
use datafusion::prelude::{DataFrame, SessionContext};

use crate::catalogue::{Catalogue, Entry};
use crate::definition::{Indicator, Line, Unit};
use crate::expression::{Fault, Fold, Inputs, Window, resolve};
use crate::period;
use crate::problem::{Problem, Problems, did_you_mean};
use crate::reader::At;
use crate::rewrite::Arithmetic;
use crate::sources::{as_of_frame, monthly_frame, taxpayer_frame};
use crate::verdict::{arrow_type, finite, plan, verdict_exprs};

/// Column of the profile with the sales of the last twelve months, by which peers are banded.
pub const SIZE_COLUMN: &str = "size_amount";

/// Why a scan could not be planned.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The definitions are wrong.
    #[error(transparent)]
    Definitions(#[from] Problems),
    /// A code nobody defined.
    #[error("no indicator `{code}`; {remedy}")]
    UnknownCode {
        /// The code asked for.
        code: String,
        /// What to do.
        remedy: String,
    },
    /// The as-of month is none.
    #[error("`{0}` is no month; write it as YYYYMM, e.g. 202006")]
    NotAMonth(i32),
    /// DataFusion refused the plan or a table is missing.
    #[error("planning {what} failed: {source}")]
    Plan {
        /// Which part.
        what: String,
        /// DataFusion's error.
        source: Box<DataFusionError>,
    },
}

impl CompileError {
    pub(crate) fn plan(what: impl Into<String>) -> impl FnOnce(DataFusionError) -> Self {
        let what = what.into();
        move |source| Self::Plan { what, source: Box::new(source) }
    }
}

/// A compiled scan: the plan and what its columns are.
#[derive(Debug, Clone)]
pub struct Profile {
    /// One row a taxpayer: `taxpayer_key`, `taxpayer_id`, and the columns [`Layout`] names. In no particular order.
    pub frame: DataFrame,
    /// What its columns are.
    pub layout: Layout,
}

/// Which column of the profile belongs to which indicator.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Month of the scan.
    pub as_of: i32,
    /// The indicators in force, by code.
    pub indicators: Vec<CompiledIndicator>,
    /// Indicators left out because none of their lines is in force at `as_of`.
    pub not_in_force: Vec<String>,
    /// Whether any line needs peers; the profile then has `industry_code`, `region_code` (Utf8) and
    /// [`SIZE_COLUMN`] (Decimal(28,2)).
    pub needs_peers: bool,
}

/// One indicator of a compiled scan.
#[derive(Debug, Clone)]
pub struct CompiledIndicator {
    /// The definition.
    pub definition: Arc<Indicator>,
    /// The month it is read at (the scan's, or the end of the last complete quarter or year).
    pub as_of: i32,
    /// The lines in force, most severe first.
    pub lines: Vec<Line>,
    /// Boolean column: whether it concerns the taxpayer.
    pub applies: String,
    /// Float64 column: the value.
    pub value: String,
    /// Decimal(18,2) column: tax at stake.
    pub amount: Option<String>,
    /// Column of each fact, in the order of the definition; facts that are the same share one.
    pub facts: Vec<String>,
}

/// Plans a scan of the selected indicators (none selected = all) at a month.
///
/// `ctx` has the domain functions and the tables `taxpayer` and the rollups the facts read.
///
/// # Errors
/// Unknown codes, wrong definitions (all at once), missing tables or columns.
pub async fn compile(
    ctx: &SessionContext,
    catalogue: &Catalogue,
    selected: &[String],
    as_of: i32,
) -> Result<Profile, CompileError> {
    if !period::is_period(as_of) {
        return Err(CompileError::NotAMonth(as_of));
    }
    let mut chosen = choose(catalogue, selected)?;
    let in_force = |entry: &&Entry| lines_in_force(&entry.indicator, as_of).next().is_some();
    let (kept, left): (Vec<&Entry>, Vec<&Entry>) = chosen.drain(..).partition(in_force);
    let facts = Facts::resolve(catalogue, &kept, as_of)?;
    let needs_peers =
        kept.iter().any(|entry| lines_in_force(&entry.indicator, as_of).any(|line| line.kind.needs_peers()));
    let state = ctx.state();
    let Facts { mut inputs, trees, columns } = facts;
    let size = needs_peers.then(|| size_window(&mut inputs, as_of));
    let joined = join_sources(ctx, &state, catalogue, &inputs, needs_peers).await?;
    let profile = project_facts(&state, joined, &trees, size.as_deref(), needs_peers)?;
    let (frame, indicators) = project_verdicts(&state, profile, &kept, &columns, as_of)?;
    let not_in_force = left.iter().map(|entry| entry.indicator.code.value.clone()).collect();
    Ok(Profile { frame, layout: Layout { as_of, indicators, not_in_force, needs_peers } })
}

fn choose<'c>(catalogue: &'c Catalogue, selected: &[String]) -> Result<Vec<&'c Entry>, CompileError> {
    for code in selected {
        if catalogue.get(code).is_none() {
            let known = catalogue.entries().iter().map(|entry| entry.indicator.code.value.as_str());
            let remedy = did_you_mean(code, known, "`assay indicators list`");
            return Err(CompileError::UnknownCode { code: code.clone(), remedy });
        }
    }
    let wanted = |entry: &&Entry| selected.is_empty() || selected.contains(&entry.indicator.code.value);
    Ok(catalogue.entries().iter().filter(wanted).collect())
}

pub(crate) fn lines_in_force(indicator: &Indicator, as_of: i32) -> impl Iterator<Item = &Line> {
    let day = period::end(period::at_grain(as_of, indicator.grain));
    indicator.lines.iter().filter(move |line| day.is_some_and(|day| line.in_force(day)))
}

/// The column of sales over twelve months, if the profile knows sales.
fn size_window(inputs: &mut Inputs, as_of: i32) -> String {
    inputs.window(Window {
        rollup: "rollup_sold".to_owned(),
        fold: Fold::Sum,
        inner: "sold_amount".to_owned(),
        from: period::add(as_of, -11),
        to: as_of,
    })
}

/// One distinct fact: its resolved SQL and how it is typed.
struct FactTree {
    tree: datafusion::sql::sqlparser::ast::Expr,
    unit: Unit,
    /// For messages: file, place and text of its first use.
    at: (usize, At<String>),
}

/// All facts of a scan, each distinct one once.
struct Facts {
    inputs: Inputs,
    /// The n-th is column `f{n}`.
    trees: Vec<FactTree>,
    /// Fact columns of each indicator.
    columns: Vec<Vec<String>>,
}

impl Facts {
    fn resolve(catalogue: &Catalogue, entries: &[&Entry], as_of: i32) -> Result<Self, Problems> {
        let mut facts = Self { inputs: Inputs::default(), trees: Vec::new(), columns: Vec::new() };
        let mut known: HashMap<(String, Unit), usize> = HashMap::new();
        let mut problems = Vec::new();
        for (n, entry) in entries.iter().enumerate() {
            let at = period::at_grain(as_of, entry.indicator.grain);
            let mut columns = Vec::new();
            for fact in &entry.indicator.facts {
                let resolved = resolve(
                    &fact.expr.value,
                    arithmetic(fact.unit),
                    at,
                    &catalogue.features,
                    &mut facts.inputs,
                );
                match resolved {
                    Ok(tree) => {
                        let index = *known.entry((tree.to_string(), fact.unit)).or_insert_with(|| {
                            facts.trees.push(FactTree { tree, unit: fact.unit, at: (n, fact.expr.clone()) });
                            facts.trees.len() - 1
                        });
                        columns.push(format!("f{index}"));
                    }
                    Err(faults) => {
                        problems.extend(faults.into_iter().map(|fault| entry.problem(&fact.expr, &fault)));
                    }
                }
            }
            facts.columns.push(columns);
        }
        if problems.is_empty() { Ok(facts) } else { Err(Problems(problems)) }
    }
}

/// Money stays decimal; everything else that is divided becomes a double.
pub(crate) fn arithmetic(unit: Unit) -> Arithmetic {
    if unit == Unit::Money { Arithmetic::Exact } else { Arithmetic::Double }
}

async fn join_sources(
    ctx: &SessionContext,
    state: &SessionState,
    catalogue: &Catalogue,
    inputs: &Inputs,
    needs_peers: bool,
) -> Result<DataFrame, CompileError> {
    let mut frame = taxpayer_frame(ctx, &inputs.registration, needs_peers).await?;
    let mut keys = 0;
    let mut rollups: Vec<&str> = inputs.windows.iter().map(|window| window.rollup.as_str()).collect();
    rollups.sort_unstable();
    rollups.dedup();
    for rollup in rollups {
        let source = (rollup, catalogue.features.monthly_sql(rollup));
        let right = monthly_frame((ctx, state), source, &inputs.windows, &format!("k{keys}")).await?;
        frame = left_join(frame, right, keys, rollup)?;
        keys += 1;
    }
    let mut runs: Vec<(&str, i32)> =
        inputs.as_of_columns.iter().map(|column| (column.file.as_str(), column.as_of)).collect();
    runs.sort_unstable();
    runs.dedup();
    for (file, at) in runs {
        let sql = catalogue.features.sql(file, at).ok_or_else(|| CompileError::Plan {
            what: format!("feature file {file}.sql"),
            source: Box::new(DataFusionError::Plan("the file does not exist".to_owned())),
        })?;
        let right = as_of_frame(ctx, &sql, file, at, &inputs.as_of_columns, &format!("k{keys}")).await?;
        frame = left_join(frame, right, keys, file)?;
        keys += 1;
    }
    no_month_is_zero(frame, &inputs.windows)
}

/// `months(…)` of a taxpayer without any row in the rollup is 0, not unknown.
fn no_month_is_zero(frame: DataFrame, windows: &[Window]) -> Result<DataFrame, CompileError> {
    let wrong = || CompileError::plan("the counts of months");
    let counts = |name: &str| {
        windows.iter().enumerate().any(|(n, window)| window.fold == Fold::Months && name == format!("a{n}"))
    };
    let columns = frame.schema().columns().into_iter().map(|column| {
        if !counts(&column.name) {
            return Ok(Expr::Column(column));
        }
        let (known, name) = (Expr::Column(column.clone()), column.name);
        Ok(when(known.clone().is_null(), lit(0_i64)).otherwise(known)?.alias(name))
    });
    let columns: Vec<Expr> = columns.collect::<Result<_, DataFusionError>>().map_err(wrong())?;
    frame.select(columns).map_err(wrong())
}

fn left_join(left: DataFrame, right: DataFrame, key: usize, what: &str) -> Result<DataFrame, CompileError> {
    let key = format!("k{key}");
    left.join(right, datafusion::common::JoinType::Left, &["taxpayer_key"], &[&key], None)
        .map_err(CompileError::plan(format!("the join with {what}")))
}

/// The first projection: frame columns and one typed column for each distinct fact.
fn project_facts(
    state: &SessionState,
    joined: DataFrame,
    trees: &[FactTree],
    size: Option<&str>,
    needs_peers: bool,
) -> Result<DataFrame, CompileError> {
    let mut columns = vec![ident("taxpayer_key"), ident("taxpayer_id")];
    if needs_peers {
        columns.extend([ident("industry_code"), ident("region_code")]);
    }
    if let Some(size) = size {
        columns.push(try_cast(ident(size), DataType::Decimal128(28, 2)).alias(SIZE_COLUMN));
    }
    for (n, fact) in trees.iter().enumerate() {
        let expr = plan(state, fact.tree.clone(), joined.schema())
            .map_err(|fault| fault_error(&fact.at.1.value, &fault))?;
        columns.push(typed_fact(expr, fact.unit).alias(format!("f{n}")));
    }
    joined.select(columns).map_err(CompileError::plan("the facts"))
}

fn fault_error(text: &str, fault: &Fault) -> CompileError {
    let source = Box::new(DataFusionError::Plan(format!("{}; {}", fault.message, fault.remedy)));
    CompileError::Plan { what: format!("`{text}`"), source }
}

/// A fact in the type of its unit; what does not fit is unknown.
pub(crate) fn typed_fact(expr: Expr, unit: Unit) -> Expr {
    match arrow_type(unit) {
        DataType::Float64 => finite(expr),
        other => try_cast(expr, other),
    }
}

/// The schema of one indicator's fact columns. Planning against these few columns rather than the whole profile
/// keeps the time to plan linear in the number of indicators.
fn fact_schema(indicator: &Indicator, columns: &[String]) -> Result<DFSchema, DataFusionError> {
    let mut fields: Vec<Field> = Vec::new();
    for (fact, column) in indicator.facts.iter().zip(columns) {
        if !fields.iter().any(|field| field.name() == column) {
            fields.push(Field::new(column, arrow_type(fact.unit), true));
        }
    }
    DFSchema::try_from(Schema::new(fields))
}

/// The second projection: applies, value and amount of every indicator beside the facts.
fn project_verdicts(
    state: &SessionState,
    profile: DataFrame,
    entries: &[&Entry],
    columns: &[Vec<String>],
    as_of: i32,
) -> Result<(DataFrame, Vec<CompiledIndicator>), CompileError> {
    let mut select: Vec<Expr> = profile.schema().columns().into_iter().map(Expr::Column).collect();
    let mut compiled = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    for (n, (entry, facts)) in entries.iter().zip(columns).enumerate() {
        let inputs = fact_schema(&entry.indicator, facts).map_err(CompileError::plan("the verdicts"))?;
        let exprs = match verdict_exprs(state, &entry.indicator, facts, &inputs) {
            Ok(exprs) => exprs,
            Err(faults) => {
                problems.extend(faults.iter().map(|(at, fault)| entry.problem(at, fault)));
                continue;
            }
        };
        let name = |part: &str| format!("i{n}_{part}");
        let amount = exprs.amount.is_some().then(|| name("amount"));
        select.push(exprs.applies.alias(name("applies")));
        select.push(exprs.value.alias(name("value")));
        select.extend(exprs.amount.map(|expr| expr.alias(name("amount"))));
        compiled.push(CompiledIndicator {
            definition: Arc::clone(&entry.indicator),
            as_of: period::at_grain(as_of, entry.indicator.grain),
            lines: lines_in_force(&entry.indicator, as_of).cloned().collect(),
            applies: name("applies"),
            value: name("value"),
            amount,
            facts: facts.clone(),
        });
    }
    if !problems.is_empty() {
        return Err(Problems(problems).into());
    }
    let frame = profile.select(select).map_err(CompileError::plan("the verdicts"))?;
    Ok((frame, compiled))
}
