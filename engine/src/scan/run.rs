//! The course of a scan: rollups, definitions, profile, judgement, tasks, one commit.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::Int64Type;
use assay_datasets::schema::catalog;
use assay_indicators::{Catalogue, Layout, compile};
use assay_risk_models::scorecard::{EMBEDDED, Scorecard};
use assay_sql::session::SessionOptions;
use datafusion::execution::context::SessionContext;

use super::backtest::{self, BacktestRow};
use super::gather::{Gathered, gather};
use super::judge::{Judgement, judge};
use super::labels::Labels;
use super::{SCAN_RUN, ScanRequest, ScanSummary, scan_run_spec, specs, tasks};
use crate::ingest::Progress;
use crate::rollup::{self, ROLLUPS};
use crate::warehouse::session::{self, Access};
use crate::warehouse::{Commit, TableSpec, Transaction, Warehouse, clock, read_unit};
use crate::{EngineError, Result};

/// The indicators of a warehouse: those that come with Assay, and its own over them.
///
/// # Errors
/// All that is wrong in any definition, each with file, line and remedy.
pub fn load_catalogue(warehouse: Option<&Warehouse>) -> Result<Catalogue> {
    let own = warehouse.and_then(Warehouse::definitions_root);
    let (catalogue, problems) =
        Catalogue::load(own.as_deref()).map_err(|e| EngineError::input(e.to_string()))?;
    if problems.is_empty() {
        Ok(catalogue)
    } else {
        Err(EngineError::Definitions(problems.iter().map(ToString::to_string).collect()))
    }
}

/// The scorecard of a warehouse (`definitions/scorecard.toml`) or the one that comes with Assay, and its text.
fn load_scorecard(warehouse: &Warehouse) -> Result<(Scorecard, String)> {
    let own = warehouse.definition_file("scorecard.toml");
    let (shown, text) = match own {
        Some(path) => {
            let text = std::fs::read_to_string(&path).map_err(EngineError::file(path.clone()))?;
            (path.display().to_string(), text)
        }
        None => ("scorecard.toml".to_owned(), EMBEDDED.to_owned()),
    };
    let card =
        Scorecard::parse(&text).map_err(|e| EngineError::Definitions(vec![format!("{shown}: {e}")]))?;
    Ok((card, text))
}

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
    let catalogue = load_catalogue(Some(warehouse))?;
    let (card, card_text) = load_scorecard(warehouse)?;
    let rollups = rollup::refresh(warehouse, &request.session, Arc::clone(&progress)).await?;
    let rollup_seconds = started.elapsed().as_secs_f64();
    let head = warehouse.head().await?;
    let as_of = match request.as_of {
        Some(as_of) => as_of,
        None => last_month(warehouse, &head).await?,
    };
    let identity = Identity::of(&catalogue, &card_text, &head, as_of, &request.only)?;
    let mut summary =
        ScanSummary { as_of, run: identity.run.clone(), rollups, rollup_seconds, ..ScanSummary::default() };
    if !request.force && recall(warehouse, &head, &identity, &mut summary).await? {
        summary.up_to_date = true;
        summary.seconds = started.elapsed().as_secs_f64();
        return Ok(summary);
    }
    if !request.only.is_empty() && !request.force {
        refuse_to_narrow(warehouse, &head, as_of).await?;
    }
    let context = session::open(warehouse, &head, Access::Open, &many_operators(&request.session)).await?;
    let place = (warehouse, &context);
    let judged = profile_and_judge(place, &catalogue, &request.only, as_of, &card, progress.as_ref()).await?;
    let list = tasks::merge(&context, &catalogue, &card, &judged.judgement, as_of).await?;
    summary.indicators = judged.layout.indicators.len();
    summary.not_in_force = judged.layout.not_in_force.clone();
    summary.taxpayers = judged.profile.taxpayers();
    summary.hits = judged.judgement.hits.iter().map(RecordBatch::num_rows).sum();
    for task in &list.tasks {
        let grade = ["high", "medium", "low"].iter().position(|g| *g == task.grade).unwrap_or(2);
        summary.tasks[grade] += 1;
    }
    progress.phase("commit", 1);
    summary.seconds = started.elapsed().as_secs_f64();
    let results = [
        ("hit", judged.judgement.hits),
        ("score", vec![judged.judgement.scores]),
        ("scan_indicator", vec![judged.judgement.indicators]),
        ("task", vec![list.task_batch()?]),
        ("task_item", vec![list.item_batch()?]),
        (SCAN_RUN, vec![identity.row(&summary)?]),
    ];
    store(warehouse, as_of, &summary.run, &results).await?;
    summary.seconds = started.elapsed().as_secs_f64();
    Ok(summary)
}

/// The catalogue as one plan has a thousand operators that can spill: an even share of memory would be a few megabytes.
fn many_operators(options: &SessionOptions) -> SessionOptions {
    SessionOptions { first_come: true, ..options.clone() }
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

struct Judged {
    layout: Layout,
    profile: Gathered,
    judgement: Judgement,
}

async fn profile_and_judge(
    (warehouse, context): (&Warehouse, &SessionContext),
    catalogue: &Catalogue,
    only: &[String],
    as_of: i32,
    card: &Scorecard,
    progress: &dyn Progress,
) -> Result<Judged> {
    let compiled =
        compile(context, catalogue, only, as_of).await.map_err(|e| EngineError::input(e.to_string()))?;
    let layout = compiled.layout;
    let read = (&compiled.taxpayers, compiled.sources.as_slice());
    let profile = gather(warehouse, read, compiled.evaluation, progress).await?;
    progress.phase("judge", 1);
    let judgement = judge(&layout, &profile, card)?;
    Ok(Judged { layout, profile, judgement })
}

/// Judges labelled taxpayers without storing anything: for each indicator and the score, hits, precision, lift, AUC.
pub async fn backtest(
    warehouse: &Warehouse,
    as_of: Option<i32>,
    only: &[String],
    labels: &Labels,
    options: &SessionOptions,
    progress: Arc<dyn Progress>,
) -> Result<(i32, Vec<BacktestRow>)> {
    let catalogue = load_catalogue(Some(warehouse))?;
    rollup::refresh(warehouse, options, Arc::clone(&progress)).await?;
    let head = warehouse.head().await?;
    let as_of = match as_of {
        Some(as_of) => as_of,
        None => last_month(warehouse, &head).await?,
    };
    let context = session::open(warehouse, &head, Access::Open, &many_operators(options)).await?;
    let (card, _) = load_scorecard(warehouse)?;
    let place = (warehouse, &context);
    let judged = profile_and_judge(place, &catalogue, only, as_of, &card, progress.as_ref()).await?;
    let keyed = labels_by_key(&judged.profile, labels)?;
    Ok((as_of, backtest::backtest(&judged.layout, &judged.profile, &judged.judgement, &keyed)?))
}

fn labels_by_key(profile: &Gathered, labels: &Labels) -> Result<HashMap<i64, bool>> {
    let label = |(key, id): (i64, String)| Some((key, *labels.by_id.get(&id)?));
    let keyed: HashMap<i64, bool> = profile.ids()?.into_iter().filter_map(label).collect();
    if keyed.is_empty() {
        return Err(EngineError::input(format!(
            "none of the {} labelled taxpayers is in the register; check the id column of {}",
            labels.by_id.len(),
            labels.file
        )));
    }
    Ok(keyed)
}

async fn last_month(warehouse: &Warehouse, commit: &Commit) -> Result<i32> {
    let invoices = warehouse.table(commit, "invoice").await?;
    let last = invoices.and_then(|t| t.files.iter().filter_map(|f| f.period).max());
    last.ok_or_else(|| {
        EngineError::input("there are no invoices to scan; load some with: assay ingest invoice FILE…")
    })
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
        catalogue: &Catalogue,
        scorecard: &str,
        head: &Commit,
        as_of: i32,
        only: &[String],
    ) -> Result<Self> {
        let mut hasher = blake3::Hasher::new();
        for (name, text) in catalogue.texts() {
            hasher.update(name.as_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.update(scorecard.as_bytes());
        hasher.update(crate::tasks::RESPONSE_POLICY.as_bytes());
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

/// Replaces the results of the month by new ones, all tables in one commit.
async fn store(
    warehouse: &Warehouse,
    as_of: i32,
    run: &str,
    results: &[(&str, Vec<RecordBatch>)],
) -> Result<()> {
    let specs: Vec<TableSpec> = specs();
    let names: Vec<&str> = results.iter().map(|(n, _)| *n).collect();
    let mut transaction = warehouse.begin("scan", &names).await?;
    match put_results(warehouse, &mut transaction, &specs, as_of, results).await {
        Ok(()) => transaction.commit(serde_json::json!({ "as_of": as_of, "run": run })).await.map(|_| ()),
        Err(error) => {
            // What cannot be removed now, the next writer removes.
            let _ = transaction.abort().await;
            Err(error)
        }
    }
}

async fn put_results(
    warehouse: &Warehouse,
    transaction: &mut Transaction,
    specs: &[TableSpec],
    as_of: i32,
    results: &[(&str, Vec<RecordBatch>)],
) -> Result<()> {
    for (name, batches) in results {
        let spec = specs.iter().find(|s| s.name == *name);
        let spec = spec.ok_or_else(|| EngineError::internal(format!("no specification of table {name}")))?;
        if let Some(present) = warehouse.table(transaction.base(), name).await? {
            // One file a scan, all of one month.
            for file in present.files {
                if file.is_of(as_of) {
                    transaction.remove(spec, file)?;
                }
            }
        }
        transaction.append(spec, batches).await?;
    }
    Ok(())
}
