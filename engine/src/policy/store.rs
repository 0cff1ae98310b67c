//! Asking all policies as of a month and keeping what they answer: `policy_finding`, a row a taxpayer, policy and period that is
//! not simply «not due», and `policy_count`.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use assay_indicators::CompiledPolicy;
use assay_sql::session::SessionOptions;
use rayon::prelude::*;

use super::answers::{Answered, Finding, ask};
use super::desk::Desk;
use super::late::{Reopened, reopen};
use super::load_rulebook;
use super::tables::{PIECE, POLICY_CHANGE, POLICY_COUNT, POLICY_FINDING, POLICY_RUN, Rows, run_row, specs};
use crate::Result;
use crate::ingest::Progress;
use crate::scan::gather::Gathered;
use crate::warehouse::{Transaction, Warehouse};

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

    /// Some of its findings, as rows of `policy_finding`.
    pub(super) fn rows(&self, findings: &[Finding]) -> Result<RecordBatch> {
        Rows { policies: &self.policies, as_of: Some(self.as_of) }.findings(findings)
    }
}

async fn store(warehouse: &Warehouse, summary: &AnswerSummary) -> Result<()> {
    let mut transaction = warehouse.begin("policies", &[POLICY_FINDING, POLICY_COUNT, POLICY_RUN]).await?;
    let put = put(warehouse, &mut transaction, summary).await;
    transaction.finish(put, |()| serde_json::json!({ "as_of": summary.as_of })).await
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
    for some in summary.answered.findings.chunks(PIECE * rayon::current_num_threads()) {
        let pieces = some.par_chunks(PIECE).map(|piece| summary.rows(piece)).collect::<Result<Vec<_>>>()?;
        transaction.append_each(&specs[0], pieces).await?;
    }
    let rows = Rows { policies: &summary.policies, as_of: Some(summary.as_of) };
    let counts = rows.counts(&summary.answered.counts)?;
    transaction.append(&specs[1], &[counts]).await?;
    transaction.append(&specs[2], &[run_row(summary)?]).await
}
