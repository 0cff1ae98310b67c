//! The test rows beside a policy, run through the expressions that are shipped.

use std::collections::HashMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int8Type;
use datafusion::execution::SessionState;

use super::definition::{Answer, Expected, PolicyTest, RELIEF, Test, Version, WAIVED};
use super::parameters::Parameters;
use super::parse::days;
use super::rulebook::PolicyEntry;
use super::ruling::{Ruled, Ruler};
use crate::definition::TestValue;
use crate::expression::Fault;
use crate::message::{Language, money};
use crate::reader::At;
use crate::testrow::{TestReport, cents, exact_cents, fact_batch};
use crate::verdict::{PartFault, first_line};

/// What running one test row found, for the report on what rows reach.
#[derive(Debug, Clone)]
pub(crate) struct Reached {
    /// Number of the version it ran; none: no version is in force.
    pub(crate) version: Option<i32>,
    /// Of each condition: whether it held; none where it cannot be told or nobody can tell.
    pub(crate) conditions: Vec<Option<bool>>,
    /// What it came to; none for whom the policy does not concern.
    pub(crate) answer: Option<Answer>,
    pub(crate) period: i32,
}

/// Rulers of a policy, made once for each version and month.
pub(crate) struct Bench<'a> {
    state: &'a SessionState,
    entry: &'a PolicyEntry,
    parameters: &'a Parameters,
    rulers: HashMap<(i32, i32), Result<Ruler, Vec<PartFault>>>,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(state: &'a SessionState, entry: &'a PolicyEntry, parameters: &'a Parameters) -> Self {
        Self { state, entry, parameters, rulers: HashMap::new() }
    }

    fn ruler(&mut self, version: &Version, at: i32) -> Result<&Ruler, Fault> {
        let made = self
            .rulers
            .entry((version.number, at))
            .or_insert_with(|| Ruler::new(self.state, &self.entry.policy, version, self.parameters, at));
        match made {
            Ok(ruler) => Ok(ruler),
            Err(faults) => Err(faults.first().map_or_else(
                || Fault::new("", "the version does not compile", "correct it"),
                |(_, fault)| fault.clone(),
            )),
        }
    }

    /// The version a row asks; none: no version is in force.
    fn version(&self, test: &PolicyTest) -> Result<Option<&'a Version>, Fault> {
        let (first, last) = days(test.period, self.entry.policy.months())
            .ok_or_else(|| Fault::new("", "the period is no month", "write it as YYYYMM"))?;
        let mut versions = self.entry.versions(first, last);
        if let Some(part) = &test.part {
            versions.retain(|version| version.part.as_ref() == Some(part));
        }
        if versions.len() > 1 {
            let message = format!("{} versions are in force side by side", versions.len());
            return Err(Fault::new("", message, "name one with `part`"));
        }
        Ok(versions.first().copied())
    }

    /// Runs a row: what it reached, and what differs.
    pub(crate) fn run(&mut self, test: &PolicyTest) -> Result<(Reached, Vec<Fault>), Fault> {
        let Some(version) = self.version(test)? else {
            let reached =
                Reached { version: None, conditions: Vec::new(), answer: None, period: test.period };
            let met = test.answer == Expected::NotInForce;
            let differs = || differ("the answer", Expected::NotInForce.as_str(), test.answer.as_str());
            return Ok((reached, if met { Vec::new() } else { vec![differs()] }));
        };
        let facts = &self.entry.policy.facts;
        let given = given(test);
        let ruler = self.ruler(version, test.period)?;
        let batch = fact_batch(&ruler.schema, facts, &given)?;
        let ruled = ruler
            .rule(&batch)
            .map_err(|error| Fault::new("", first_line(&error), "correct the expression or the facts"))?;
        let missing = ruler.missing(&batch, &ruled, 0);
        let answer = answer(&ruled);
        let truth = |column: &Option<arrow::array::ArrayRef>| {
            column.as_ref().map(|c| c.as_boolean()).filter(|c| c.is_valid(0)).map(|c| c.value(0))
        };
        let conditions: Vec<Option<bool>> = ruled.conditions.iter().map(truth).collect();
        let mut faults = Vec::new();
        if test.answer != answer.map_or(Expected::NotConcerned, Expected::Answer) {
            let got = told(&ruled, &conditions, version, answer);
            faults.push(differ("the answer", &got, test.answer.as_str()));
        }
        for (what, column, expected) in
            [("the benefit", &ruled.benefit, &test.benefit), ("the amount", &ruled.amount, &test.amount)]
        {
            let Some(expected) = expected else { continue };
            if cents(column) != exact_cents(&expected.value) {
                faults.push(differ(what, &yuan(cents(column)), &expected.value));
            }
        }
        faults.extend(names_differ("failed conditions", test.failed.as_ref(), || {
            version
                .conditions
                .iter()
                .zip(&conditions)
                .filter(|(_, c)| **c == Some(false))
                .map(|(c, _)| c.name.value.clone())
                .collect()
        }));
        faults.extend(names_differ("missing facts", test.missing.as_ref(), || {
            missing.iter().map(|fact| facts[*fact].name.value.clone()).collect()
        }));
        let reached = Reached { version: Some(version.number), conditions, answer, period: test.period };
        Ok((reached, faults))
    }
}

/// The answer in the first row.
fn answer(ruled: &Ruled) -> Option<Answer> {
    let codes = ruled.answer.as_primitive::<Int8Type>();
    if codes.is_valid(0) { Answer::of(codes.value(0)) } else { None }
}

/// The answer with what led to it, so that a row that differs can be understood.
fn told(ruled: &Ruled, conditions: &[Option<bool>], version: &Version, answer: Option<Answer>) -> String {
    let mut parts: Vec<String> = version
        .conditions
        .iter()
        .zip(conditions)
        .filter(|(condition, _)| !matches!(condition.test, Test::Document))
        .map(|(condition, truth)| {
            format!("{} {}", condition.name.value, truth.map_or("unknown".to_owned(), |t| t.to_string()))
        })
        .collect();
    parts.push(format!("claimed {}", yuan(cents(&ruled.claimed))));
    parts.push(format!("benefit {}", yuan(cents(&ruled.benefit))));
    format!("{} ({})", answer.map_or(Expected::NotConcerned, Expected::Answer).as_str(), parts.join(", "))
}

fn differ(what: &str, got: &str, expected: &str) -> Fault {
    Fault::new("", format!("{what} is {got}, expected {expected}"), "correct the test row or the definition")
}

fn names_differ(
    what: &str,
    expected: Option<&Vec<String>>,
    got: impl FnOnce() -> Vec<String>,
) -> Option<Fault> {
    let mut expected = expected?.clone();
    let mut got = got();
    expected.sort();
    got.sort();
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    (expected != got).then(|| {
        let message = format!("{what}: {}, expected {}", list(&got), list(&expected));
        Fault::new("", message, "correct the test row or the definition")
    })
}

fn yuan(cents: Option<i128>) -> String {
    cents.map_or_else(|| "unknown".to_owned(), |cents| money(cents, Language::En))
}

/// The facts of a row with the built-in ones: nothing claimed, nothing given up, unless it says so.
fn given(test: &PolicyTest) -> Vec<(At<String>, At<TestValue>)> {
    let mut facts = test.facts.clone();
    for (name, value) in [(RELIEF, TestValue::Number("0".to_owned())), (WAIVED, TestValue::Bool(false))] {
        let said =
            facts.iter().any(|(known, _)| known.value == name) || test.unknown.iter().any(|u| u == name);
        if !said {
            facts.push((At::new(name.to_owned(), 0..0), At::new(value, 0..0)));
        }
    }
    facts
}

/// Runs the test rows of a policy.
pub fn run_policy_tests(state: &SessionState, entry: &PolicyEntry, parameters: &Parameters) -> TestReport {
    let mut report = TestReport::default();
    let mut bench = Bench::new(state, entry, parameters);
    for test in &entry.policy.tests {
        let differences = bench.run(test).map_or_else(|fault| vec![fault], |(_, differences)| differences);
        report.note(&test.name, &test.span, &differences, |part, fault| entry.problem(part, fault));
    }
    report
}

/// What each row that runs reaches.
pub(crate) fn reached(state: &SessionState, entry: &PolicyEntry, parameters: &Parameters) -> Vec<Reached> {
    let mut bench = Bench::new(state, entry, parameters);
    entry.policy.tests.iter().filter_map(|test| bench.run(test).ok()).map(|(reached, _)| reached).collect()
}
