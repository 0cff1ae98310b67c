//! The test rows beside a definition, run through the expressions and lines that are shipped.

use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    StringArray, cast::AsArray,
};
use arrow::datatypes::{Date32Type, Decimal128Type, Float64Type, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use chrono::NaiveDate;
use datafusion::execution::SessionState;

use crate::catalogue::Entry;
use crate::compile::lines_in_force;
use crate::definition::{Fact, Line, PeerFigures, TestRow, TestValue, Unit, Verdict};
use crate::expression::Fault;
use crate::line::{Crossing, first_crossed};
use crate::period;
use crate::problem::{Problem, did_you_mean};
use crate::reader::At;
use crate::verdict::{Evaluated, Evaluator, first_line, place_of};

/// Fewest peers a line of a test row may be drawn from when the line does not say.
const TEST_MIN_PEERS: usize = 1;
/// Expected values are written with a few digits; this much of them may be off.
const VALUE_TOLERANCE: f64 = 1e-6;
/// Until this month a definition is tested unless a row or a newer line says otherwise.
const TEST_MONTH: i32 = 202_512;

/// What running the test rows of one definition came to.
#[derive(Debug, Clone, Default)]
pub struct TestReport {
    /// Rows that came out as written.
    pub passed: usize,
    /// Rows that did not, or could not be run.
    pub failed: usize,
    /// One problem for each difference.
    pub problems: Vec<Problem>,
}

impl TestReport {
    /// Notes what came of a row.
    pub(crate) fn note(
        &mut self,
        name: &str,
        span: &Range<usize>,
        differences: &[Fault],
        problem: impl Fn(&At<String>, &Fault) -> Problem,
    ) {
        if differences.is_empty() {
            self.passed += 1;
        } else {
            self.failed += 1;
            let part = At::new(format!("test: {name}"), span.clone());
            self.problems.extend(differences.iter().map(|fault| problem(&part, fault)));
        }
    }
}

/// Runs the test rows of a definition.
pub fn run_tests(state: &SessionState, entry: &Entry) -> TestReport {
    let mut report = TestReport::default();
    let tests = &entry.indicator.tests;
    let evaluator = match Evaluator::new(state, &entry.indicator) {
        Ok(evaluator) => evaluator,
        Err(faults) => {
            report.failed = tests.len();
            report.problems = faults.iter().map(|(part, fault)| entry.problem(part, fault)).collect();
            return report;
        }
    };
    // Row by row: a division or cast that fails in one row must not hide the others.
    for test in tests {
        let differences = run_test(&evaluator, entry, test).unwrap_or_else(|fault| vec![fault]);
        report.note(&test.name, &test.span, &differences, |part, fault| entry.problem(part, fault));
    }
    report
}

fn or_unknown(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| value.to_string())
}

fn run_test(evaluator: &Evaluator, entry: &Entry, test: &TestRow) -> Result<Vec<Fault>, Fault> {
    let batch = fact_batch(&evaluator.schema, &entry.indicator.facts, &test.facts)?;
    let evaluated = evaluator
        .evaluate(&batch)
        .map_err(|error| Fault::new("", first_line(&error), "correct the expression or the facts"))?;
    let as_of = test.as_of.unwrap_or_else(|| test_month(entry));
    let lines: Vec<Line> = lines_in_force(&entry.indicator, as_of).cloned().collect();
    let mut differences = Vec::new();
    let mut differ = |what: &str, got: String, expected: String| {
        let message = format!("{what} is {got}, expected {expected}");
        differences.push(Fault::new("", message, "correct the test row or the definition"));
    };
    let (verdict, value) = judge(&evaluated, &lines, test.peers.as_ref());
    if verdict != test.verdict {
        let got = format!("{verdict} (value {}, at {as_of})", or_unknown(value));
        differ("the verdict", got, test.verdict.to_string());
    }
    if let Some(expected) = &test.value {
        let near = |got: f64| (got - expected.value).abs() <= VALUE_TOLERANCE * expected.value.abs().max(1.0);
        if !value.is_some_and(near) {
            differ("the value", or_unknown(value), expected.value.to_string());
        }
    }
    if let Some(expected) = &test.amount {
        let got = evaluated.amount.as_ref().and_then(cents);
        if got != exact_cents(&expected.value) {
            let got = got.map(|cents| crate::message::money(cents, crate::message::Language::En));
            differ("the amount", or_unknown(got), expected.value.clone());
        }
    }
    Ok(differences)
}

fn judge(evaluated: &Evaluated, lines: &[Line], peers: Option<&PeerFigures>) -> (Verdict, Option<f64>) {
    let applies = evaluated.applies.as_boolean();
    let values = evaluated.value.as_primitive::<Float64Type>();
    let value = values.is_valid(0).then(|| values.value(0));
    if applies.is_valid(0) && !applies.value(0) {
        return (Verdict::NotApplicable, value);
    }
    let verdict = match value {
        Some(value) if applies.is_valid(0) => match first_crossed(lines, value, peers, TEST_MIN_PEERS) {
            Crossing::Crossed(..) => Verdict::Hit,
            Crossing::Clear => Verdict::Clear,
            Crossing::Undrawn => Verdict::Unknown,
        },
        _ => Verdict::Unknown,
    };
    (verdict, value)
}

pub(crate) fn cents(amount: &ArrayRef) -> Option<i128> {
    let amount = amount.as_primitive::<Decimal128Type>();
    amount.is_valid(0).then(|| amount.value(0))
}

/// The month the lines are read at when a row does not say: the newest the lines cover.
fn test_month(entry: &Entry) -> i32 {
    let lines = &entry.indicator.lines;
    let newest =
        lines.iter().filter_map(|line| line.from).max().map_or(TEST_MONTH, period::of).max(TEST_MONTH);
    if lines.iter().any(|line| line.to.is_none()) {
        return newest;
    }
    // Ends inside a month count for the month before, whose last day they still cover.
    let whole = |day: NaiveDate| {
        let month = period::of(day);
        if period::end(month) == Some(day) { month } else { period::add(month, -1) }
    };
    lines.iter().filter_map(|line| line.to).max().map_or(newest, |last| newest.min(whole(last)))
}

/// The facts of a test row as a batch of one row; facts left out are null.
pub(crate) fn fact_batch(
    schema: &Arc<Schema>,
    facts: &[Fact],
    given_facts: &[(At<String>, At<TestValue>)],
) -> Result<RecordBatch, Fault> {
    let mut given: BTreeMap<&str, &TestValue> = BTreeMap::new();
    for (name, value) in given_facts {
        if place_of(facts, &name.value).is_none() {
            let known = facts.iter().map(|fact| fact.name.value.as_str());
            let remedy = did_you_mean(&name.value, known, "[facts]");
            return Err(Fault::new(&name.value, format!("unknown fact `{}`", name.value), remedy));
        }
        given.insert(&name.value, &value.value);
    }
    let columns = facts
        .iter()
        .map(|fact| {
            let name = &fact.name.value;
            column(fact.unit, given.get(name.as_str()).copied()).ok_or_else(|| {
                let message = format!("fact `{name}` cannot have this value with unit `{}`", fact.unit);
                Fault::new(name, message, "write a value of that unit, or leave the fact out for unknown")
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|error| Fault::new("", error.to_string(), "correct the facts"))
}

fn column(unit: Unit, value: Option<&TestValue>) -> Option<ArrayRef> {
    fn number<T: FromStr>(value: Option<&TestValue>) -> Option<Option<T>> {
        match value {
            None => Some(None),
            Some(TestValue::Number(text)) => text.parse().ok().map(Some),
            Some(_) => None,
        }
    }
    Some(match (unit, value) {
        (Unit::Count | Unit::Days, value) => {
            Arc::new(Int64Array::from(vec![number::<i64>(value)?])) as ArrayRef
        }
        (Unit::Period, value) => Arc::new(Int32Array::from(vec![number::<i32>(value)?])),
        (Unit::Share | Unit::Ratio | Unit::Score, value) => {
            Arc::new(Float64Array::from(vec![number::<f64>(value)?]))
        }
        (Unit::Money, value) => {
            let cents = match value {
                Some(TestValue::Number(text)) => Some(exact_cents(text)?),
                Some(_) => return None,
                None => None,
            };
            Arc::new(Decimal128Array::from(vec![cents]).with_precision_and_scale(28, 2).ok()?)
        }
        (Unit::Text, Some(TestValue::Text(text))) => Arc::new(StringArray::from(vec![text.as_str()])),
        (Unit::Text, None) => Arc::new(StringArray::from(vec![None::<&str>])),
        (Unit::Bool, Some(TestValue::Bool(flag))) => Arc::new(BooleanArray::from(vec![*flag])),
        (Unit::Bool, None) => Arc::new(BooleanArray::from(vec![None])),
        (Unit::Date, Some(TestValue::Date(day))) => {
            Arc::new(Date32Array::from(vec![Date32Type::from_naive_date(*day)]))
        }
        (Unit::Date, None) => Arc::new(Date32Array::from(vec![None])),
        _ => return None,
    })
}

/// A number as written, in hundredths; `None` when it has more than two decimals or is no plain number.
pub(crate) fn exact_cents(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 2 || !fraction.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let cents: i128 = format!("{whole}{fraction:0<2}").parse().ok()?;
    Some(cents)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn money_is_read_exactly() {
        assert_eq!(exact_cents("1300.00"), Some(130_000));
        assert_eq!(exact_cents("-0.5"), Some(-50));
        assert_eq!(exact_cents("12"), Some(1200));
        assert_eq!(exact_cents("0.005"), None);
        assert_eq!(exact_cents("1e3"), None);
    }

    #[test]
    fn a_value_of_another_kind_is_refused() {
        assert!(column(Unit::Count, Some(&TestValue::Number("1.5".into()))).is_none());
        assert!(column(Unit::Money, Some(&TestValue::Text("1".into()))).is_none());
        assert_eq!(column(Unit::Count, None).unwrap().null_count(), 1);
    }
}
