//! Whether definitions mean something: every expression is planned and typed against the declared profile
//! columns, every message and test row is tried. Needs no warehouse.

use std::collections::BTreeSet;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::DFSchema;
use datafusion::execution::SessionState;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::catalogue::{Catalogue, Entry};
use crate::compile::arithmetic;
use crate::definition::{Fact, Unit, Verdict};
use crate::expression::{Fault, Inputs, parse, resolve};
use crate::features::FeatureCatalogue;
use crate::message::Template;
use crate::problem::{Problem, did_you_mean};
use crate::reader::At;
use crate::sources::check_fold;
use crate::testrow::run_tests;
use crate::verdict::{arrow_type, facts_used, first_line, plan, type_of};

/// A month to resolve windows at; any would do.
const SOME_MONTH: i32 = 202_012;

/// Everything wrong with the meaning of a catalogue, by file and place.
pub fn check(ctx: &SessionContext, catalogue: &Catalogue) -> Vec<Problem> {
    let state = ctx.state();
    let mut problems = Vec::new();
    for entry in catalogue.entries() {
        problems.extend(check_entry(&state, &catalogue.features, entry));
    }
    problems.sort();
    problems.dedup();
    problems
}

/// Everything wrong with the meaning of one definition.
pub fn check_entry(state: &SessionState, features: &FeatureCatalogue, entry: &Entry) -> Vec<Problem> {
    let mut problems = Vec::new();
    for fact in &entry.indicator.facts {
        if let Err(faults) = check_fact(state, features, fact, SOME_MONTH) {
            problems.extend(faults.iter().map(|fault| entry.problem(&fact.expr, fault)));
        }
    }
    check_messages(entry, &mut problems);
    check_use(entry, &mut problems);
    check_evidence(entry, &mut problems);
    check_test_coverage(entry, &mut problems);
    problems.extend(run_tests(state, entry).problems);
    problems
}

pub(crate) fn check_fact(
    state: &SessionState,
    features: &FeatureCatalogue,
    fact: &Fact,
    at: i32,
) -> Result<(), Vec<Fault>> {
    let one = |fault| vec![fault];
    let mut inputs = Inputs::default();
    let tree = resolve(&fact.expr.value, arithmetic(fact.unit), at, features, &mut inputs)?;
    let mut fields = Vec::new();
    for (n, window) in inputs.windows.iter().enumerate() {
        let kind = inner_type(state, features, &window.rollup, &window.inner).map_err(one)?;
        check_fold(window, &kind).map_err(|error| one(Fault::new("", first_line(&error), "correct it")))?;
        fields.push(Field::new(format!("a{n}"), folded(window.fold, kind), true));
    }
    for (n, column) in inputs.as_of_columns.iter().enumerate() {
        fields.push(Field::new(format!("x{n}"), declared_type(features, &column.column), true));
    }
    for name in &inputs.registration {
        fields.push(Field::new(format!("r_{name}"), declared_type(features, name), true));
    }
    let schema = DFSchema::try_from(Schema::new(fields))
        .map_err(|error| one(Fault::new("", first_line(&error), "correct it")))?;
    let expr = plan(state, tree, &schema).map_err(one)?;
    let found = type_of(state, &expr, &schema).map_err(one)?;
    fits(fact.unit, &found).map_err(one)
}

fn inner_type(
    state: &SessionState,
    features: &FeatureCatalogue,
    rollup: &str,
    inner: &str,
) -> Result<DataType, Fault> {
    let schema = DFSchema::try_from(features.monthly_schema(rollup))
        .map_err(|error| Fault::new("", first_line(&error), "correct sql/features.toml"))?;
    let expr = plan(state, parse(inner)?, &schema)?;
    type_of(state, &expr, &schema)
}

/// The type an aggregate over a type comes to, as DataFusion has it.
fn folded(fold: crate::expression::Fold, inner: DataType) -> DataType {
    use crate::expression::Fold;
    match (fold, inner) {
        (Fold::Months, _) => DataType::Int64,
        (Fold::Sum, DataType::Decimal128(precision, scale)) => {
            DataType::Decimal128(precision.saturating_add(10).min(38), scale)
        }
        (Fold::Sum, inner) if inner.is_integer() => DataType::Int64,
        (Fold::Avg, DataType::Decimal128(precision, scale)) => {
            DataType::Decimal128(precision.saturating_add(4).min(38), scale.saturating_add(4).min(38))
        }
        (Fold::Avg, _) => DataType::Float64,
        (_, inner) => inner,
    }
}

fn declared_type(features: &FeatureCatalogue, name: &str) -> DataType {
    features.get(name).map_or(DataType::Null, |feature| arrow_type(feature.unit))
}

/// Whether a type can stand for a unit without losing anything.
fn fits(unit: Unit, found: &DataType) -> Result<(), Fault> {
    let whole = found.is_integer() || matches!(found, DataType::Decimal128(_, 0));
    let good = match unit {
        Unit::Count | Unit::Days => whole,
        Unit::Money => found.is_integer() || found.is_decimal(),
        Unit::Share | Unit::Ratio | Unit::Score => found.is_numeric(),
        Unit::Period => whole,
        Unit::Date => matches!(found, DataType::Date32 | DataType::Timestamp(..)),
        Unit::Text => matches!(found, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8),
        Unit::Bool => *found == DataType::Boolean,
    };
    if good {
        return Ok(());
    }
    let remedy = match unit {
        Unit::Count | Unit::Days | Unit::Period => "use unit `ratio`, or cast it to BIGINT where it is whole",
        Unit::Money => "money must stay decimal: leave out functions that give doubles",
        _ => "give it the unit of what it comes to",
    };
    Err(Fault::new("", format!("unit `{unit}` for an expression that comes to {found}"), remedy))
}

fn check_messages(entry: &Entry, problems: &mut Vec<Problem>) {
    let indicator = &entry.indicator;
    for (text, span) in
        [&indicator.message.zh, &indicator.message.en].into_iter().zip(&indicator.message_spans)
    {
        let part = At::new(text.clone(), span.clone());
        match Template::parse(text) {
            Err(wrong) => {
                problems.push(entry.problem(&part, &Fault::new("", wrong, "close every `{` with `}`")));
            }
            Ok(template) => {
                for name in template.names() {
                    if let Some(fault) = unknown_placeholder(entry, name) {
                        problems.push(entry.problem(&part, &fault));
                    }
                }
            }
        }
    }
}

fn unknown_placeholder(entry: &Entry, name: &str) -> Option<Fault> {
    let indicator = &entry.indicator;
    if name == "amount" && indicator.amount.is_none() {
        let remedy = "add `amount = …` or leave it out of the message";
        return Some(Fault::new(name, "`{amount}` in an indicator without `amount`", remedy));
    }
    if ["value", "line", "amount"].contains(&name) || indicator.fact(name).is_some() {
        return None;
    }
    let known =
        indicator.facts.iter().map(|fact| fact.name.value.as_str()).chain(["value", "line", "amount"]);
    let remedy = did_you_mean(name, known, "[facts], or `value`, `line`, `amount`");
    Some(Fault::new(name, format!("unknown placeholder `{{{name}}}`"), remedy))
}

fn check_use(entry: &Entry, problems: &mut Vec<Problem>) {
    let indicator = &entry.indicator;
    let mut used: BTreeSet<String> = BTreeSet::new();
    for text in
        [indicator.applies.as_ref(), Some(&indicator.value), indicator.amount.as_ref()].into_iter().flatten()
    {
        used.extend(facts_used(&text.value, &indicator.facts));
    }
    for text in [&indicator.message.zh, &indicator.message.en] {
        if let Ok(template) = Template::parse(text) {
            used.extend(template.names().map(str::to_owned));
        }
    }
    for fact in indicator.facts.iter().filter(|fact| !used.contains(&fact.name.value)) {
        let fault = Fault::new(
            "",
            "the fact is not used",
            "use it in value, applies, amount or message, or remove it",
        );
        problems.push(entry.problem(&fact.name, &fault));
    }
}

fn check_evidence(entry: &Entry, problems: &mut Vec<Problem>) {
    let evidence = &entry.indicator.evidence;
    let filled = fill_evidence(&evidence.value, 1, SOME_MONTH);
    let faults = evidence_faults(&evidence.value, &filled, "$taxpayer_key and $as_of");
    problems.extend(faults.iter().map(|fault| entry.problem(evidence, fault)));
}

/// What is wrong with an evidence query: it must be about the taxpayer, and parse as one query once its parameters are put in.
pub(crate) fn evidence_faults(written: &str, filled: &str, parameters: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut wrong = |message: String, remedy: String| faults.push(Fault::new("", message, remedy));
    if !written.contains("$taxpayer_key") {
        wrong("the query does not name $taxpayer_key".to_owned(), "restrict it to the taxpayer".to_owned());
    }
    match Parser::parse_sql(&GenericDialect, filled) {
        Ok(statements) if statements.len() == 1 && !filled.contains('$') => {}
        Ok(_) if filled.contains('$') => {
            wrong("an unknown parameter".to_owned(), format!("there are only {parameters}"));
        }
        Ok(_) => wrong("not exactly one query".to_owned(), "write one SELECT".to_owned()),
        Err(error) => wrong(error.to_string(), "correct the SQL".to_owned()),
    }
    faults
}

/// An evidence query with its parameters put in.
pub fn fill_evidence(sql: &str, taxpayer_key: i64, as_of: i32) -> String {
    sql.replace("$taxpayer_key", &taxpayer_key.to_string()).replace("$as_of", &as_of.to_string())
}

fn check_test_coverage(entry: &Entry, problems: &mut Vec<Problem>) {
    for (verdict, what) in
        [(Verdict::Hit, "fires (hit = true)"), (Verdict::Clear, "does not fire (hit = false)")]
    {
        if !entry.indicator.tests.iter().any(|test| test.verdict == verdict) {
            let fault = Fault::new("", format!("no test row that {what}"), "add one under [[tests]]");
            problems.push(entry.problem(&entry.indicator.code, &fault));
        }
    }
}
