//! Asking all policies as of a month and keeping what they answer: `policy_finding`, a row a taxpayer, policy and period that is
//! not simply «not due», and `policy_count`.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, SchemaRef};
use assay_indicators::policy::Answer;
use assay_indicators::{CompiledPolicy, Grain, period};
use assay_sql::session::SessionOptions;

use super::answers::{Answered, Finding, ask};
use super::desk::Desk;
use super::late::{Reopened, reopen};
use super::load_rulebook;
use crate::Result;
use crate::ingest::Progress;
use crate::scan::gather::Gathered;
use crate::scan::spec;
use crate::scan::tables::schema;
use crate::warehouse::{TableSpec, Transaction, Warehouse};

/// One row a taxpayer, policy and period that says something.
pub const POLICY_FINDING: &str = "policy_finding";
/// One row a policy, version, period and answer: taxpayers and sums.
pub const POLICY_COUNT: &str = "policy_count";
/// One row a month that was asked: of which state of the warehouse.
pub const POLICY_RUN: &str = "policy_run";
/// One row an answer that late facts changed.
pub const POLICY_CHANGE: &str = "policy_change";

const AMOUNT: DataType = DataType::Decimal128(18, 2);
/// Rows of a file written at once.
const PIECE: usize = 1 << 17;

/// What to ask.
#[derive(Debug, Clone)]
pub struct AnswerRequest {
    /// Month as YYYYMM: policies by the quarter or year are asked for the last complete one. None: the last with invoices.
    pub as_of: Option<i32>,
    /// Threads and memory.
    pub session: SessionOptions,
}

/// What policies answered.
#[derive(Debug, Default)]
pub struct AnswerSummary {
    /// Month asked as of.
    pub as_of: i32,
    /// State of the warehouse that was asked.
    pub commit: u64,
    /// Months asked again, because of facts that came in late.
    pub reopened: Vec<Reopened>,
    /// Versions in force, in the order of the counts.
    pub policies: Vec<CompiledPolicy>,
    /// Taxpayers asked about.
    pub taxpayers: usize,
    /// Findings and counts.
    pub answered: Answered,
    /// Wall time.
    pub seconds: f64,
}

fn finding_schema() -> SchemaRef {
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

/// Asks all policies of everyone and keeps the answers in place of those of the same month, then those of other months about which facts came in
/// late.
///
/// # Errors
/// When a definition is wrong or the warehouse cannot be read or written; answers then stay as they were.
pub async fn answer(
    warehouse: &Warehouse,
    request: &AnswerRequest,
    progress: Arc<dyn Progress>,
) -> Result<AnswerSummary> {
    let started = Instant::now();
    warehouse.heal().await?;
    let definitions = load_rulebook(Some(warehouse))?;
    let desk =
        Desk::open(warehouse, definitions, request.as_of, &request.session, Arc::clone(&progress)).await?;
    let mut summary = desk.ask(&desk.book, &[]).await?;
    store(warehouse, &summary).await?;
    summary.reopened = reopen(warehouse, summary.as_of, &request.session, progress).await?;
    summary.seconds = started.elapsed().as_secs_f64();
    Ok(summary)
}

/// Asks some policies of everyone as of a month, and stores nothing.
pub(crate) async fn ask_as_of(
    warehouse: &Warehouse,
    as_of: i32,
    codes: &[&str],
    options: &SessionOptions,
    progress: Arc<dyn Progress>,
) -> Result<AnswerSummary> {
    let definitions = load_rulebook(Some(warehouse))?;
    let desk = Desk::open(warehouse, definitions, Some(as_of), options, progress).await?;
    let codes: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
    desk.ask(&desk.book, &codes).await
}

impl AnswerSummary {
    /// Asks the policies of a layout of a profile that was gathered for them.
    pub(crate) fn of(
        (as_of, commit): (i32, u64),
        policies: &[CompiledPolicy],
        profile: &Gathered,
    ) -> Result<Self> {
        let started = Instant::now();
        let answered = ask(policies, profile)?;
        tracing::debug!(seconds = started.elapsed().as_secs_f64(), "policies answered");
        let policies = policies.to_vec();
        let taxpayers = profile.taxpayers();
        Ok(Self { as_of, commit, policies, taxpayers, answered, ..Self::default() })
    }
}

async fn store(warehouse: &Warehouse, summary: &AnswerSummary) -> Result<()> {
    let mut transaction = warehouse.begin("policies", &[POLICY_FINDING, POLICY_COUNT, POLICY_RUN]).await?;
    match put(warehouse, &mut transaction, summary).await {
        Ok(()) => transaction.commit(serde_json::json!({ "as_of": summary.as_of })).await.map(|_| ()),
        Err(error) => {
            // What cannot be removed now, the next writer removes.
            let _ = transaction.abort().await;
            Err(error)
        }
    }
}

/// Puts answers in place of those of their month.
pub(crate) async fn put(
    warehouse: &Warehouse,
    transaction: &mut Transaction,
    summary: &AnswerSummary,
) -> Result<()> {
    let specs = specs();
    for spec in specs.iter().filter(|spec| spec.name != POLICY_CHANGE) {
        if let Some(present) = warehouse.table(transaction.base(), &spec.name).await? {
            // A file holds rows of one month.
            for file in present.files.into_iter().filter(|file| file.is_of(summary.as_of)) {
                transaction.remove(spec, file)?;
            }
        }
    }
    for piece in summary.answered.findings.chunks(PIECE) {
        transaction.append(&specs[0], &[finding_rows(summary, piece)?]).await?;
    }
    transaction.append(&specs[1], &[count_rows(summary)?]).await?;
    transaction.append(&specs[2], &[run_row(summary)?]).await
}

fn run_row(summary: &AnswerSummary) -> Result<RecordBatch> {
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

/// The letter of the dictionary's `period_type`.
fn period_type(grain: Grain) -> &'static str {
    match grain {
        Grain::Month => "M",
        Grain::Quarter => "Q",
        Grain::Year => "Y",
    }
}

fn money(values: impl Iterator<Item = Option<i128>>, kind: &DataType) -> Result<ArrayRef> {
    Ok(Arc::new(values.collect::<Decimal128Array>().with_data_type(kind.clone())))
}

pub(super) fn finding_rows(summary: &AnswerSummary, findings: &[Finding]) -> Result<RecordBatch> {
    let of = |finding: &Finding| &summary.policies[finding.ruling];
    let text = |get: &dyn Fn(&Finding) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(findings.iter().map(get)))
    };
    let unverified = |finding: &Finding| {
        let compiled = of(finding);
        period::end(compiled.period).is_some_and(|day| compiled.version().unverified(day))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![summary.as_of; findings.len()])),
        Arc::new(Int32Array::from_iter_values(findings.iter().map(|f| of(f).period))),
        text(&|f| period_type(of(f).policy.grain).to_owned()),
        text(&|f| of(f).policy.code.value.clone()),
        Arc::new(Int32Array::from_iter_values(findings.iter().map(|f| of(f).version().number))),
        Arc::new(findings.iter().map(|f| of(f).version().part.as_deref()).collect::<StringArray>()),
        text(&|f| of(f).policy.tax.clone()),
        Arc::new(Int64Array::from_iter_values(findings.iter().map(|f| f.taxpayer_key))),
        Arc::new(findings.iter().map(|f| f.taxpayer_id.as_deref()).collect::<StringArray>()),
        text(&|f| f.answer.as_str().to_owned()),
        money(findings.iter().map(|f| f.claimed), &AMOUNT)?,
        money(findings.iter().map(|f| f.benefit), &AMOUNT)?,
        money(findings.iter().map(|f| f.amount), &AMOUNT)?,
        text(&|f| f.failed.clone()),
        text(&|f| f.missing.clone()),
        Arc::new(BooleanArray::from(findings.iter().map(unverified).collect::<Vec<_>>())),
        Arc::new(findings.iter().map(|f| f.facts.as_deref()).collect::<StringArray>()),
    ];
    Ok(RecordBatch::try_new(finding_schema(), columns)?)
}

fn count_rows(summary: &AnswerSummary) -> Result<RecordBatch> {
    let counts: Vec<_> = summary.answered.counts.iter().collect();
    let of = |ruling: usize| &summary.policies[ruling];
    let text = |get: &dyn Fn(&(usize, Answer)) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(counts.iter().map(|(key, _)| get(key))))
    };
    let sum = DataType::Decimal128(28, 2);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![summary.as_of; counts.len()])),
        Arc::new(Int32Array::from_iter_values(counts.iter().map(|((ruling, _), _)| of(*ruling).period))),
        text(&|(ruling, _)| period_type(of(*ruling).policy.grain).to_owned()),
        text(&|(ruling, _)| of(*ruling).policy.code.value.clone()),
        Arc::new(Int32Array::from_iter_values(
            counts.iter().map(|((ruling, _), _)| of(*ruling).version().number),
        )),
        Arc::new(
            counts
                .iter()
                .map(|((ruling, _), _)| of(*ruling).version().part.as_deref())
                .collect::<StringArray>(),
        ),
        text(&|(_, answer)| answer.as_str().to_owned()),
        Arc::new(Int64Array::from_iter_values(counts.iter().map(|(_, count)| count.n))),
        money(counts.iter().map(|(_, count)| Some(count.claimed)), &sum)?,
        money(counts.iter().map(|(_, count)| Some(count.benefit)), &sum)?,
        money(counts.iter().map(|(_, count)| Some(count.amount)), &sum)?,
    ];
    Ok(RecordBatch::try_new(count_schema(), columns)?)
}
