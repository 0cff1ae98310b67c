//! The tables of answers, `policy_finding`, `policy_count`, `policy_run` and `policy_change`: their schemas, and answers as their rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, SchemaRef};
use assay_indicators::policy::Answer;
use assay_indicators::{CompiledPolicy, Grain, period};

use super::answers::{Count, Finding};
use super::store::AnswerSummary;
use crate::Result;
use crate::scan::spec;
use crate::scan::tables::schema;
use crate::warehouse::TableSpec;

/// One row a taxpayer, policy and period that says something.
pub const POLICY_FINDING: &str = "policy_finding";
/// One row a policy, version, period and answer: taxpayers and sums.
pub const POLICY_COUNT: &str = "policy_count";
/// One row a month that was asked: of which state of the warehouse.
pub const POLICY_RUN: &str = "policy_run";
/// One row an answer that late facts changed.
pub const POLICY_CHANGE: &str = "policy_change";

const AMOUNT: DataType = DataType::Decimal128(18, 2);
/// Rows of a file of findings.
pub(super) const PIECE: usize = 1 << 17;

pub(super) fn finding_schema() -> SchemaRef {
    schema(&[
        ("as_of", DataType::Int32, false),
        ("period", DataType::Int32, false),
        ("period_type", DataType::Utf8, false),
        ("policy", DataType::Utf8, false),
        ("version", DataType::Int32, false),
        ("part", DataType::Utf8, true),
        ("tax", DataType::Utf8, false),
        ("taxpayer_key", DataType::Int64, false),
        ("taxpayer_id", DataType::Utf8, true),
        ("answer", DataType::Utf8, false),
        ("claimed", AMOUNT, true),
        ("benefit", AMOUNT, true),
        ("amount", AMOUNT, true),
        ("failed", DataType::Utf8, false),
        ("missing", DataType::Utf8, false),
        ("needs_reverify", DataType::Boolean, false),
        ("facts", DataType::Utf8, true),
    ])
}

fn count_schema() -> SchemaRef {
    schema(&[
        ("as_of", DataType::Int32, false),
        ("period", DataType::Int32, false),
        ("period_type", DataType::Utf8, false),
        ("policy", DataType::Utf8, false),
        ("version", DataType::Int32, false),
        ("part", DataType::Utf8, true),
        ("answer", DataType::Utf8, false),
        ("taxpayers", DataType::Int64, false),
        ("claimed", DataType::Decimal128(28, 2), false),
        ("benefit", DataType::Decimal128(28, 2), false),
        ("amount", DataType::Decimal128(28, 2), false),
    ])
}

fn run_schema() -> SchemaRef {
    schema(&[
        ("as_of", DataType::Int32, false),
        ("commit_id", DataType::Int64, false),
        ("taxpayers", DataType::Int64, false),
        ("findings", DataType::Int64, false),
    ])
}

/// `policy_change`, a file for each time a month was asked again.
pub(super) fn change_spec() -> TableSpec {
    let fields = schema(&[
        ("found_as_of", DataType::Int32, false),
        ("as_of", DataType::Int32, false),
        ("period", DataType::Int32, false),
        ("period_type", DataType::Utf8, false),
        ("policy", DataType::Utf8, false),
        ("part", DataType::Utf8, true),
        ("tax", DataType::Utf8, false),
        ("taxpayer_key", DataType::Int64, false),
        ("taxpayer_id", DataType::Utf8, true),
        ("version_before", DataType::Int32, true),
        ("answer_before", DataType::Utf8, false),
        ("amount_before", AMOUNT, true),
        ("version", DataType::Int32, true),
        ("answer", DataType::Utf8, false),
        ("amount", AMOUNT, true),
    ]);
    spec(POLICY_CHANGE, fields)
}

/// Tables of answers.
#[must_use]
pub fn specs() -> Vec<TableSpec> {
    vec![
        spec(POLICY_FINDING, finding_schema()),
        spec(POLICY_COUNT, count_schema()),
        spec(POLICY_RUN, run_schema()),
        change_spec(),
    ]
}

/// Makes rows of answers of some versions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    /// The versions, in the order answers number them.
    pub(super) policies: &'a [CompiledPolicy],
    /// The month answers are kept under. None: the one their period ends with.
    pub(super) as_of: Option<i32>,
}

impl Rows<'_> {
    /// Month answers of a version are kept under.
    pub(super) fn month(&self, ruling: usize) -> i32 {
        self.as_of.unwrap_or(self.policies[ruling].period)
    }

    /// Table `policy_finding`.
    pub(super) fn findings(&self, findings: &[Finding]) -> Result<RecordBatch> {
        let of = |finding: &Finding| &self.policies[finding.ruling];
        let unverified: Vec<bool> = self.policies.iter().map(unverified).collect();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from_iter_values(findings.iter().map(|f| self.month(f.ruling)))),
            Arc::new(Int32Array::from_iter_values(findings.iter().map(|f| of(f).period))),
            texts(findings.iter().map(|f| period_type(of(f).policy.grain))),
            texts(findings.iter().map(|f| of(f).policy.code.value.as_str())),
            Arc::new(Int32Array::from_iter_values(findings.iter().map(|f| of(f).version().number))),
            Arc::new(findings.iter().map(|f| of(f).version().part.as_deref()).collect::<StringArray>()),
            texts(findings.iter().map(|f| of(f).policy.tax.as_str())),
            Arc::new(Int64Array::from_iter_values(findings.iter().map(|f| f.taxpayer_key))),
            Arc::new(findings.iter().map(|f| f.taxpayer_id.as_deref()).collect::<StringArray>()),
            texts(findings.iter().map(|f| f.answer.as_str())),
            money(findings.iter().map(|f| f.claimed), &AMOUNT),
            money(findings.iter().map(|f| f.benefit), &AMOUNT),
            money(findings.iter().map(|f| f.amount), &AMOUNT),
            texts(findings.iter().map(|f| f.failed.as_str())),
            texts(findings.iter().map(|f| f.missing.as_str())),
            Arc::new(BooleanArray::from_iter(findings.iter().map(|f| Some(unverified[f.ruling])))),
            Arc::new(findings.iter().map(|f| f.facts.as_deref()).collect::<StringArray>()),
        ];
        Ok(RecordBatch::try_new(finding_schema(), columns)?)
    }

    /// Table `policy_count`.
    pub(super) fn counts(&self, counts: &BTreeMap<(usize, Answer), Count>) -> Result<RecordBatch> {
        let of = || counts.keys().map(|(ruling, _)| &self.policies[*ruling]);
        let sum = DataType::Decimal128(28, 2);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from_iter_values(counts.keys().map(|(ruling, _)| self.month(*ruling)))),
            Arc::new(Int32Array::from_iter_values(of().map(|compiled| compiled.period))),
            texts(of().map(|compiled| period_type(compiled.policy.grain))),
            texts(of().map(|compiled| compiled.policy.code.value.as_str())),
            Arc::new(Int32Array::from_iter_values(of().map(|compiled| compiled.version().number))),
            Arc::new(of().map(|compiled| compiled.version().part.as_deref()).collect::<StringArray>()),
            texts(counts.keys().map(|(_, answer)| answer.as_str())),
            Arc::new(Int64Array::from_iter_values(counts.values().map(|count| count.n))),
            money(counts.values().map(|count| Some(count.claimed)), &sum),
            money(counts.values().map(|count| Some(count.benefit)), &sum),
            money(counts.values().map(|count| Some(count.amount)), &sum),
        ];
        Ok(RecordBatch::try_new(count_schema(), columns)?)
    }
}

/// Table `policy_run`, of a month.
pub(super) fn run_row(summary: &AnswerSummary) -> Result<RecordBatch> {
    let count =
        |n: usize| -> ArrayRef { Arc::new(Int64Array::from(vec![i64::try_from(n).unwrap_or(i64::MAX)])) };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![summary.as_of])),
        Arc::new(Int64Array::from(vec![i64::try_from(summary.commit).unwrap_or(0)])),
        count(summary.taxpayers),
        count(summary.answered.findings.len()),
    ];
    Ok(RecordBatch::try_new(run_schema(), columns)?)
}

/// Whether a version is in force on the last day of its period as far as anybody knows, but not confirmed.
fn unverified(compiled: &CompiledPolicy) -> bool {
    period::end(compiled.period).is_some_and(|day| compiled.version().unverified(day))
}

/// The letter of the dictionary's `period_type`.
fn period_type(grain: Grain) -> &'static str {
    match grain {
        Grain::Month => "M",
        Grain::Quarter => "Q",
        Grain::Year => "Y",
    }
}

fn texts<'t>(values: impl Iterator<Item = &'t str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn money(values: impl Iterator<Item = Option<i128>>, kind: &DataType) -> ArrayRef {
    Arc::new(values.collect::<Decimal128Array>().with_data_type(kind.clone()))
}
