//! The course of a scan: rollups, definitions, profile, judgement, answers of policies, tasks, one commit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::Int64Type;
use assay_datasets::schema::catalog;
use assay_indicators::policy::Rulebook;
use assay_indicators::{Asked, Catalogue};

use super::judged::{load_scorecard, month, profile_and_judge, scan_session};
use super::tables::Findings;
use super::tasks::Merger;
use super::versions::{INDICATOR_VERSION, Versions};
use super::{SCAN_RUN, ScanRequest, ScanSummary, scan_run_spec, specs};
use crate::cross_audit;
use crate::ingest::Progress;
use crate::policy::{self, AnswerSummary, POLICY_COUNT, POLICY_FINDING, POLICY_RUN};
use crate::rollup::{self, ROLLUPS};
use crate::warehouse::{Commit, TableSpec, Transaction, Warehouse, clock, read_unit};
use crate::{EngineError, Result};

/// Runs a scan.
///
/// # Errors
/// When there is nothing to scan, a definition is wrong, or the warehouse cannot be written; results then stay as
/// they were.
pub async fn scan(
    warehouse: &Warehouse,
    request: &ScanRequest,
    progress: Arc<dyn Progress>,
) -> Result<ScanSummary> {
    let started = Instant::now();
    warehouse.heal().await?;
    let (book, catalogue) = policy::load_rulebook(Some(warehouse))?;
    let (card, card_text) = load_scorecard(warehouse, &catalogue)?;
    let rollups = rollup::refresh(warehouse, &request.session, Arc::clone(&progress)).await?;
    let rollup_seconds = started.elapsed().as_secs_f64();
    let audit = cross_audit::refresh(warehouse, &request.session, Arc::clone(&progress)).await?;
    tracing::debug!(seconds = started.elapsed().as_secs_f64() - rollup_seconds, "cross-audited");
    let head = warehouse.head().await?;
    let as_of = month(warehouse, &head, request.as_of).await?;
    let identity = Identity::of((&catalogue, &book), &card_text, &head, as_of, &request.only)?;
    let run = identity.run.clone();
    let mut summary = ScanSummary { as_of, run, rollups, rollup_seconds, audit, ..ScanSummary::default() };
    if !request.force && recall(warehouse, &head, &identity, &mut summary).await? {
        summary.up_to_date = true;
        // It may have ended before it came to this.
        if request.only.is_empty() {
            summary.reopened = policy::reopen(warehouse, as_of, &request.session, progress).await?;
        }
        summary.seconds = started.elapsed().as_secs_f64();
        return Ok(summary);
    }
    if !request.only.is_empty() && !request.force {
        refuse_to_narrow(warehouse, &head, as_of).await?;
    }
    let versions = Versions::check(warehouse, &head, &catalogue, &request.only).await?;
    // Before the results: a scan that is stored has made its letters.
    summary.requests = cross_audit::issue(warehouse, as_of, &request.session).await?;
    let context = scan_session(warehouse, &head, &request.session).await?;
    let place = (warehouse, &head, &context);
    // A scan of a few indicators is a look at these: what policies answered stays as it is.
    let asked = request.only.is_empty().then_some(Asked { book: &book, only: &[], span: None });
    let definitions = (&catalogue, asked);
    let judged =
        profile_and_judge(place, definitions, &request.only, as_of, &card, progress.as_ref()).await?;
    let answers = asked
        .map(|_| AnswerSummary::of((as_of, head.id), &judged.layout.policies, &judged.profile))
        .transpose()?;
    summary.indicators = judged.layout.indicators.len();
    summary.not_in_force = judged.layout.not_in_force.clone();
    summary.taxpayers = judged.profile.taxpayers();
    summary.hits = judged.judgement.hits.len();
    summary.tasks = judged.judgement.graded();
    let merger = Merger::new(&context, &catalogue, &card, as_of).await?;
    progress.phase("commit", 1);
    summary.seconds = started.elapsed().as_secs_f64();
    let rows = Rows {
        findings: Findings::of(&judged.layout, &judged.judgement)?,
        merger,
        run: identity.row(&summary)?,
        versions: versions.rows(&judged.layout, &summary.run, clock::now_ms())?,
        answers,
    };
    let storing = Instant::now();
    store(warehouse, as_of, &summary.run, &rows).await?;
    tracing::debug!(seconds = storing.elapsed().as_secs_f64(), "stored");
    if asked.is_some() {
        summary.reopened = policy::reopen(warehouse, as_of, &request.session, progress).await?;
    }
    summary.seconds = started.elapsed().as_secs_f64();
    Ok(summary)
}

/// A scan replaces the results of its month; one of a few indicators must not do so unasked.
async fn refuse_to_narrow(warehouse: &Warehouse, head: &Commit, as_of: i32) -> Result<()> {
    let Some(runs) = warehouse.table(head, SCAN_RUN).await? else { return Ok(()) };
    if runs.files.iter().any(|f| f.is_of(as_of)) {
        return Err(EngineError::input(format!(
            "there are results as of {as_of}, and this scan of some indicators would take their place, tasks included; \
             add --force if that is meant, or see what an indicator finds with: assay indicators backtest"
        )));
    }
    Ok(())
}

/// What makes two scans the same scan.
struct Identity {
    run: String,
    definitions: String,
    tables: String,
    as_of: i32,
}

impl Identity {
    fn of(
        (catalogue, book): (&Catalogue, &Rulebook),
        scorecard: &str,
        head: &Commit,
        as_of: i32,
        only: &[String],
    ) -> Result<Self> {
        let mut hasher = blake3::Hasher::new();
        for (name, text) in catalogue.texts().chain(book.texts()) {
            hasher.update(name.as_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.update(scorecard.as_bytes());
        hasher.update(assay_tasks::RESPONSE_POLICY.as_bytes());
        let definitions = hasher.finalize().to_hex()[..16].to_owned();
        let mut read: BTreeMap<&str, u64> = BTreeMap::new();
        // A definition may read any table.
        let canonical = catalog().tables().iter().map(|table| table.name.as_str());
        for name in canonical.chain(ROLLUPS.iter().map(|r| r.name)) {
            if let Some(version) = head.tables.get(name) {
                read.insert(name, *version);
            }
        }
        let tables = serde_json::to_string(&read)?;
        let mut only = only.to_vec();
        only.sort();
        let code = env!("CARGO_PKG_VERSION");
        let whole = format!("{as_of}|{code}|{definitions}|{tables}|{}", only.join(","));
        let run = blake3::hash(whole.as_bytes()).to_hex()[..16].to_owned();
        Ok(Self { run, definitions, tables, as_of })
    }

    fn row(&self, summary: &ScanSummary) -> Result<RecordBatch> {
        let text = |t: &str| -> ArrayRef { Arc::new(StringArray::from(vec![t])) };
        let count =
            |n: usize| -> ArrayRef { Arc::new(Int64Array::from(vec![i64::try_from(n).unwrap_or(i64::MAX)])) };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(vec![self.as_of])),
            text(&self.run),
            text(env!("CARGO_PKG_VERSION")),
            text(&self.definitions),
            text(&self.tables),
            count(summary.indicators),
            count(summary.taxpayers),
            count(summary.hits),
            count(summary.tasks[0]),
            count(summary.tasks[1]),
            count(summary.tasks[2]),
            Arc::new(Float64Array::from(vec![summary.seconds])),
            Arc::new(TimestampMillisecondArray::from(vec![clock::now_ms()])),
        ];
        Ok(RecordBatch::try_new(scan_run_spec().schema, columns)?)
    }
}

/// Fills the summary from `scan_run` when this very scan was the last one of its month.
async fn recall(
    warehouse: &Warehouse,
    head: &Commit,
    identity: &Identity,
    summary: &mut ScanSummary,
) -> Result<bool> {
    let Some(runs) = warehouse.table(head, SCAN_RUN).await? else { return Ok(false) };
    for file in &runs.files {
        for batch in read_unit(crate::warehouse::get(warehouse, SCAN_RUN, file).await?, None)? {
            let run = batch.column(1).as_string::<i32>();
            if let Some(row) = (0..batch.num_rows()).find(|r| run.value(*r) == identity.run) {
                let count = |i: usize| {
                    usize::try_from(batch.column(i).as_primitive::<Int64Type>().value(row)).unwrap_or(0)
                };
                (summary.indicators, summary.taxpayers, summary.hits) = (count(5), count(6), count(7));
                summary.tasks = [count(8), count(9), count(10)];
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// What a scan writes.
struct Rows<'a> {
    findings: Findings<'a>,
    merger: Merger,
    run: RecordBatch,
    versions: Option<RecordBatch>,
    /// None: policies were not asked.
    answers: Option<AnswerSummary>,
}

/// Tables whose rows of a month a scan replaces.
const REPLACED: [&str; 6] = ["hit", "score", "scan_indicator", "task", "task_item", SCAN_RUN];

/// Replaces the results of the month by new ones, all tables in one commit.
async fn store(warehouse: &Warehouse, as_of: i32, run: &str, rows: &Rows<'_>) -> Result<()> {
    let names: Vec<&str> =
        REPLACED.into_iter().chain([INDICATOR_VERSION, POLICY_FINDING, POLICY_COUNT, POLICY_RUN]).collect();
    let mut transaction = warehouse.begin("scan", &names).await?;
    let put = put_results(warehouse, &mut transaction, as_of, rows).await;
    transaction.finish(put, |()| serde_json::json!({ "as_of": as_of, "run": run })).await
}

async fn put_results(
    warehouse: &Warehouse,
    transaction: &mut Transaction,
    as_of: i32,
    rows: &Rows<'_>,
) -> Result<()> {
    let specs: Vec<TableSpec> = specs();
    let spec = |name: &str| {
        let found = specs.iter().find(|s| s.name == name);
        found.ok_or_else(|| EngineError::internal(format!("no specification of table {name}")))
    };
    for name in REPLACED {
        if let Some(present) = warehouse.table(transaction.base(), name).await? {
            // A file holds rows of one month.
            for file in present.files.into_iter().filter(|file| file.is_of(as_of)) {
                transaction.remove(spec(name)?, file)?;
            }
        }
    }
    for hits in rows.findings.hits() {
        transaction.append_each(spec("hit")?, hits?).await?;
    }
    for tasks in rows.merger.tasks(&rows.findings) {
        let (tasks, items) = tasks?.into_iter().unzip();
        transaction.append_each(spec("task")?, tasks).await?;
        transaction.append_each(spec("task_item")?, items).await?;
    }
    transaction.append(spec("score")?, &[rows.findings.scores(&rows.findings.all())?]).await?;
    transaction.append(spec("scan_indicator")?, &[rows.findings.indicators()?]).await?;
    transaction.append(spec(SCAN_RUN)?, std::slice::from_ref(&rows.run)).await?;
    if let Some(answers) = &rows.answers {
        policy::put(warehouse, transaction, answers).await?;
    }
    if let Some(versions) = &rows.versions {
        transaction.append(spec(INDICATOR_VERSION)?, std::slice::from_ref(versions)).await?;
    }
    Ok(())
}
