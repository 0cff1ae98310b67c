//! All facts and verdicts of a scan: one aggregation for each rollup, one query for each as-of feature file, and the
//! expressions that make facts and verdicts of what these give. Planning only; nothing is read here.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, TableReference};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, try_cast};
use datafusion::prelude::{DataFrame, SessionContext};

use crate::catalogue::{Catalogue, Entry};
use crate::definition::{Fact, Indicator, Line, Unit};
use crate::evaluation::{Evaluation, Ruling, Verdict, fact_name};
use crate::expression::{Fold, Inputs, Window, resolve};
use crate::features::FeatureCatalogue;
use crate::period;
use crate::policy::{Policy, PolicyEntry, Rulebook, Ruler, Version, days, facts_at};
use crate::problem::{Problem, Problems, did_you_mean};
use crate::rewrite::Arithmetic;
use crate::sources::{as_of_frame, monthly_frame, taxpayer_frame};
use crate::verdict::{Evaluator, PartFault, arrow_type, finite};

/// Column of the profile with the sales of the last twelve months, by which peers are banded.
pub const SIZE_COLUMN: &str = "size_amount";

/// Why a scan could not be planned.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The definitions are wrong.
    #[error(transparent)]
    Definitions(#[from] Problems),
    /// A code nobody defined.
    #[error("no {what} `{code}`; {remedy}")]
    UnknownCode {
        /// Indicator or policy.
        what: &'static str,
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

/// A compiled scan: what it reads, and what is made of that.
#[derive(Debug)]
pub struct Profile {
    /// One row a taxpayer: `taxpayer_key`, `taxpayer_id`, and what is used of the registration. In no particular order.
    pub taxpayers: DataFrame,
    /// What is known of them besides.
    pub sources: Vec<Source>,
    /// Makes facts and verdicts of a taxpayer's row in all of these.
    pub evaluation: Evaluation,
    /// What the columns of the result are.
    pub layout: Layout,
}

/// One thing a scan reads: at most one row a taxpayer.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its rollup or feature file, for messages.
    pub name: String,
    /// `taxpayer_key`, then the columns facts read. In no particular order; may hold keys that are no taxpayer's.
    pub frame: DataFrame,
    /// Columns that are 0, not unknown, for a taxpayer without a row.
    pub zeros: Vec<String>,
}

impl Source {
    /// The tables it reads, none twice.
    pub fn tables(&self) -> Vec<TableReference> {
        let mut found = Vec::new();
        // The closure never fails.
        let _ = self.frame.logical_plan().apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node
                && !found.contains(&scan.table_name)
            {
                found.push(scan.table_name.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        });
        found
    }
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
    /// Versions of policies, in the order of their rulings.
    pub policies: Vec<CompiledPolicy>,
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

/// One version of a policy of a compiled scan.
#[derive(Debug, Clone)]
pub struct CompiledPolicy {
    /// The policy.
    pub policy: Arc<Policy>,
    /// Place of the version among the policy's.
    pub version: usize,
    /// Last month of the period it is asked for.
    pub period: i32,
}

impl CompiledPolicy {
    /// The version.
    pub fn version(&self) -> &Version {
        &self.policy.versions[self.version]
    }
}

/// Policies to ask, some or all of a rulebook.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The rulebook; its columns are declared.
    pub book: &'a Rulebook,
    /// Codes; none: all.
    pub only: &'a [String],
    /// First and last month: every period that ends in them is asked for. None: the last one that is complete at the month of the
    /// scan.
    pub span: Option<(i32, i32)>,
}

/// Plans a scan of the selected indicators (none selected = all) at a month; see [`compile_with`].
///
/// # Errors
/// As [`compile_with`].
pub async fn compile(
    ctx: &SessionContext,
    catalogue: &Catalogue,
    selected: &[String],
    as_of: i32,
) -> Result<Profile, CompileError> {
    compile_with(ctx, catalogue, Some(selected), None, as_of).await
}

/// Plans a scan of the selected indicators (none selected = all; `None`: no indicator) and of the policies asked, together, so that
/// they share what they read.
///
/// `ctx` has the domain functions and the tables `taxpayer` and the rollups the facts read.
///
/// # Errors
/// Unknown codes, wrong definitions (all at once), missing tables or columns.
pub async fn compile_with(
    ctx: &SessionContext,
    catalogue: &Catalogue,
    selected: Option<&[String]>,
    asked: Option<Asked<'_>>,
    as_of: i32,
) -> Result<Profile, CompileError> {
    if !period::is_period(as_of) {
        return Err(CompileError::NotAMonth(as_of));
    }
    let mut chosen = selected.map(|codes| choose(catalogue, codes)).transpose()?.unwrap_or_default();
    let in_force = |entry: &&Entry| lines_in_force(&entry.indicator, as_of).next().is_some();
    let (kept, left): (Vec<&Entry>, Vec<&Entry>) = chosen.drain(..).partition(in_force);
    let mut facts = Facts::resolve(catalogue, &kept, as_of)?;
    let state = ctx.state();
    let (policies, rulings) = match asked {
        Some(asked) => rulings(&state, catalogue, asked, as_of, &mut facts)?,
        None => (Vec::new(), Vec::new()),
    };
    let needs_peers =
        kept.iter().any(|entry| lines_in_force(&entry.indicator, as_of).any(|line| line.kind.needs_peers()));
    let Facts { mut inputs, trees, columns, .. } = facts;
    let size = needs_peers.then(|| size_window(&mut inputs, as_of));
    let taxpayers = taxpayer_frame(ctx, &inputs.registration, needs_peers).await?;
    let sources = plan_sources(ctx, &state, catalogue, &inputs).await?;
    let (indicators, verdicts) = judge_exprs(&state, &kept, &columns, as_of)?;
    let judged = (verdicts, rulings);
    let evaluation = Evaluation::new(&state, &taxpayers, &sources, trees, judged, size.as_deref())?;
    let not_in_force = left.iter().map(|entry| entry.indicator.code.value.clone()).collect();
    Ok(Profile {
        taxpayers,
        sources,
        evaluation,
        layout: Layout { as_of, indicators, not_in_force, needs_peers, policies },
    })
}

pub(crate) fn choose<'c>(
    catalogue: &'c Catalogue,
    selected: &[String],
) -> Result<Vec<&'c Entry>, CompileError> {
    for code in selected {
        if catalogue.get(code).is_none() {
            let known = catalogue.entries().iter().map(|entry| entry.indicator.code.value.as_str());
            let remedy = did_you_mean(code, known, "`assay indicators list`");
            return Err(CompileError::UnknownCode { what: "indicator", code: code.clone(), remedy });
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
pub(crate) struct FactTree {
    pub(crate) tree: datafusion::sql::sqlparser::ast::Expr,
    pub(crate) unit: Unit,
    /// For messages: its text where it is used first.
    pub(crate) text: String,
}

/// All facts of a scan, each distinct one once.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) inputs: Inputs,
    pub(crate) trees: Vec<FactTree>,
    /// Facts of each indicator, by place in `trees`.
    pub(crate) columns: Vec<Vec<usize>>,
    known: HashMap<(String, Unit), usize>,
}

impl Facts {
    pub(crate) fn resolve(catalogue: &Catalogue, entries: &[&Entry], as_of: i32) -> Result<Self, Problems> {
        let mut facts = Self::default();
        let mut problems = Vec::new();
        for entry in entries {
            let at = period::at_grain(as_of, entry.indicator.grain);
            match facts.add(&catalogue.features, &entry.indicator.facts, at) {
                Ok(columns) => facts.columns.push(columns),
                Err(faults) => problems.extend(faults.iter().map(|(part, fault)| entry.problem(part, fault))),
            }
        }
        if problems.is_empty() { Ok(facts) } else { Err(Problems(problems)) }
    }

    /// Adds facts at a month; their places in `trees`.
    fn add(
        &mut self,
        features: &FeatureCatalogue,
        facts: &[Fact],
        at: i32,
    ) -> Result<Vec<usize>, Vec<PartFault>> {
        let (mut columns, mut faults) = (Vec::new(), Vec::new());
        for fact in facts {
            match resolve(&fact.expr.value, arithmetic(fact.unit), at, features, &mut self.inputs) {
                Ok(tree) => {
                    let trees = &mut self.trees;
                    let index = *self.known.entry((tree.to_string(), fact.unit)).or_insert_with(|| {
                        trees.push(FactTree { tree, unit: fact.unit, text: fact.expr.value.clone() });
                        trees.len() - 1
                    });
                    columns.push(index);
                }
                Err(found) => faults.extend(found.into_iter().map(|fault_at| (fact.expr.clone(), fault_at))),
            }
        }
        if faults.is_empty() { Ok(columns) } else { Err(faults) }
    }
}

/// The versions of the policies asked that govern the latest complete periods, and what rules them.
fn rulings(
    state: &SessionState,
    catalogue: &Catalogue,
    asked: Asked<'_>,
    as_of: i32,
    facts: &mut Facts,
) -> Result<(Vec<CompiledPolicy>, Vec<Ruling>), CompileError> {
    let (mut policies, mut rulings, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    let parameters = &asked.book.parameters;
    for entry in asked.entries()? {
        let policy = &entry.policy;
        for (at, version) in asked.versions(entry, as_of) {
            let made = facts_at(policy, version, parameters, at)
                .and_then(|own| facts.add(&catalogue.features, &own, at))
                .and_then(|columns| Ok((columns, Ruler::new(state, policy, version, parameters, at)?)));
            match made {
                Ok((columns, ruler)) => {
                    let place = policy.versions.iter().position(|v| v.number == version.number).unwrap_or(0);
                    policies.push(CompiledPolicy { policy: Arc::clone(policy), version: place, period: at });
                    rulings.push(Ruling { facts: columns, ruler });
                }
                Err(faults) => problems.extend(faults.iter().map(|(part, fault)| entry.problem(part, fault))),
            }
        }
    }
    if problems.is_empty() { Ok((policies, rulings)) } else { Err(Problems(problems).into()) }
}

impl<'a> Asked<'a> {
    /// Last months of the periods to ask a policy for, with the versions that govern them.
    fn versions(self, entry: &PolicyEntry, as_of: i32) -> impl Iterator<Item = (i32, &Version)> {
        let (grain, months) = (entry.policy.grain, entry.policy.months());
        let (first, last) = match self.span {
            Some((from, to)) => (period::span_end(from, grain), to),
            None => (period::at_grain(as_of, grain), as_of),
        };
        let ends = std::iter::successors(Some(first), move |at| Some(period::add(*at, grain.months())));
        ends.take_while(move |at| *at <= last)
            .filter_map(move |at| days(at, months).map(|span| (at, span)))
            .flat_map(|(at, (first, last))| {
                entry.versions(first, last).into_iter().map(move |version| (at, version))
            })
    }

    /// The policies asked, by code.
    fn entries(&self) -> Result<Vec<&'a PolicyEntry>, CompileError> {
        for code in self.only {
            if self.book.get(code).is_none() {
                let known = self.book.entries().iter().map(|entry| entry.policy.code.value.as_str());
                let remedy = did_you_mean(code, known, "`assay policies list`");
                return Err(CompileError::UnknownCode { what: "policy", code: code.clone(), remedy });
            }
        }
        let wanted =
            |entry: &&PolicyEntry| self.only.is_empty() || self.only.contains(&entry.policy.code.value);
        Ok(self.book.entries().iter().filter(wanted).collect())
    }
}

/// Money stays decimal; everything else that is divided becomes a double.
pub(crate) fn arithmetic(unit: Unit) -> Arithmetic {
    if unit == Unit::Money { Arithmetic::Exact } else { Arithmetic::Double }
}

/// The name of an as-of feature query run at a month.
pub(crate) fn as_of_source(file: &str, as_of: i32) -> String {
    format!("{file} at {as_of}")
}

/// Plans every source of a scan, each by itself: one plan of them all takes longer to plan than to run.
async fn plan_sources(
    ctx: &SessionContext,
    state: &SessionState,
    catalogue: &Catalogue,
    inputs: &Inputs,
) -> Result<Vec<Source>, CompileError> {
    let mut sources = Vec::new();
    let mut rollups: Vec<&str> = inputs.windows.iter().map(|window| window.rollup.as_str()).collect();
    rollups.sort_unstable();
    rollups.dedup();
    for rollup in rollups {
        let source = (rollup, catalogue.features.monthly_sql(rollup));
        let frame = monthly_frame((ctx, state), source, &inputs.windows).await?;
        let counts = |(n, window): (usize, &Window)| {
            (window.rollup == rollup && window.fold == Fold::Months).then(|| format!("a{n}"))
        };
        let zeros = inputs.windows.iter().enumerate().filter_map(counts).collect();
        sources.push(Source { name: rollup.to_owned(), frame, zeros });
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
        let frame = as_of_frame(ctx, &sql, file, at, &inputs.as_of_columns).await?;
        sources.push(Source { name: as_of_source(file, at), frame, zeros: Vec::new() });
    }
    Ok(sources)
}

/// A fact in the type of its unit; what does not fit is unknown.
pub(crate) fn typed_fact(expr: Expr, unit: Unit) -> Expr {
    match arrow_type(unit) {
        DataType::Float64 => finite(expr),
        other => try_cast(expr, other),
    }
}

/// The indicators in force with the expressions that judge them.
fn judge_exprs(
    state: &SessionState,
    entries: &[&Entry],
    columns: &[Vec<usize>],
    as_of: i32,
) -> Result<(Vec<CompiledIndicator>, Vec<Verdict>), CompileError> {
    let (mut compiled, mut verdicts) = (Vec::new(), Vec::new());
    let mut problems: Vec<Problem> = Vec::new();
    for (n, (entry, facts)) in entries.iter().zip(columns).enumerate() {
        let indicator = &entry.indicator;
        let evaluator = match Evaluator::new(state, indicator) {
            Ok(evaluator) => evaluator,
            Err(faults) => {
                problems.extend(faults.iter().map(|(at, fault)| entry.problem(at, fault)));
                continue;
            }
        };
        let name = |part: &str| format!("i{n}_{part}");
        let amount = indicator.amount.is_some().then(|| name("amount"));
        compiled.push(CompiledIndicator {
            definition: Arc::clone(indicator),
            as_of: period::at_grain(as_of, indicator.grain),
            lines: lines_in_force(indicator, as_of).cloned().collect(),
            applies: name("applies"),
            value: name("value"),
            amount: amount.clone(),
            facts: facts.iter().map(|fact| fact_name(*fact)).collect(),
        });
        let names = [name("applies"), name("value")].into_iter().chain(amount).collect();
        verdicts.push(Verdict { names, facts: facts.clone(), evaluator });
    }
    if problems.is_empty() { Ok((compiled, verdicts)) } else { Err(Problems(problems).into()) }
}
