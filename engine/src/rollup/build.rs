//! Building stale rollup units: the rows of a base (invoices, or their lines) of a chunk of units are read once into memory, in the columns its
//! rollups need, and every rollup that is stale there is computed from them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use assay_sql::session::{SessionOptions, new_session};
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider, TableProvider};
use datafusion::datasource::MemTable;
use datafusion::logical_expr::col;
use datafusion::prelude::SessionContext;
use futures::{StreamExt, TryStreamExt, stream};
use url::Url;

use super::RollupSummary;
use super::plan::{BASES, Base, ROLLUPS, Rollup, Side, Source, Stale, goods_specs, stale};
use crate::ingest::Progress;
use crate::warehouse::{
    Commit, Config, STORE_URL, TableFiles, TableSpec, Transaction, UnitFile, UnitTable, Warehouse, cut,
    encode, session,
};
use crate::{EngineError, Result};

/// Rollups of a chunk asked at a time.
const AT_ONCE: usize = 2;
/// Rows of a base held in memory at a time (about 100 bytes each in the columns rollups read).
const CHUNK_ROWS: usize = 4 << 20;

pub(super) async fn refresh(
    warehouse: &Warehouse,
    options: &SessionOptions,
    progress: Arc<dyn Progress>,
) -> Result<RollupSummary> {
    // Looking needs no lock; only when something is stale a transaction begins, and looks again.
    let head = warehouse.head().await?;
    let work = look(warehouse, &head).await?;
    if work.iter().all(|base| base.is_done()) {
        return Ok(summary(&work, 0));
    }
    let names: Vec<&str> = ROLLUPS.iter().map(|r| r.name).collect();
    let mut transaction = warehouse.begin("rollup", &names).await?;
    let built = build(warehouse, &mut transaction, options, progress).await;
    transaction.finish(built, |summary| serde_json::json!({ "rollups": summary.built })).await
}

/// What must be done for the rollups of a base.
struct Work {
    base: Base,
    files: TableFiles,
    rollups: Vec<(Rollup, Stale)>,
}

impl Work {
    fn is_done(&self) -> bool {
        self.rollups.iter().all(|(_, s)| s.sources.is_empty() && s.old.is_empty())
    }
}

async fn look(warehouse: &Warehouse, commit: &Commit) -> Result<Vec<Work>> {
    let mut work = Vec::new();
    for base in BASES {
        let Some(files) = warehouse.table(commit, base.table).await? else { continue };
        let mut rollups = Vec::new();
        for rollup in ROLLUPS.into_iter().filter(|rollup| rollup.base == base) {
            let present = warehouse.table(commit, rollup.name).await?;
            rollups.push((rollup, stale(&rollup, &files, present.as_ref())));
        }
        work.push(Work { base, files, rollups });
    }
    Ok(work)
}

fn summary(work: &[Work], rows: usize) -> RollupSummary {
    let rollups = || work.iter().flat_map(|base| &base.rollups);
    RollupSummary {
        built: rollups().map(|(r, s)| (r.name.to_owned(), s.sources.len())).collect(),
        kept: rollups().map(|(_, s)| s.kept).sum(),
        rows,
    }
}

async fn build(
    warehouse: &Warehouse,
    transaction: &mut Transaction,
    options: &SessionOptions,
    progress: Arc<dyn Progress>,
) -> Result<RollupSummary> {
    let work = look(warehouse, &transaction.base().clone()).await?;
    let mut read = 0;
    let chunks: Vec<(&Work, Chunk)> =
        work.iter().flat_map(|base| chunks(&base.rollups).into_iter().map(move |c| (base, c))).collect();
    progress.phase("rollup", chunks.len());
    for (work, chunk) in chunks {
        let context = new_session(options)?;
        let url = Url::parse(STORE_URL).map_err(|e| EngineError::internal(e.to_string()))?;
        context.register_object_store(&url, Arc::clone(warehouse.store()));
        read += load(&context, work, chunk.files).await?;
        // One is asked for while another is encoded.
        let asked = chunk.rollups.into_iter().map(|(rollup, sources)| {
            let (context, config) = (context.clone(), warehouse.config().clone());
            let asking = tokio::spawn(async move { ask(&context, &config, &rollup, &sources).await });
            async move { asking.await.map_err(|e| EngineError::internal(e.to_string()))? }
        });
        let mut asked = stream::iter(asked).buffered(AT_ONCE);
        while let Some(made) = asked.try_next().await? {
            put(transaction, made).await?;
        }
        progress.advance(1);
    }
    for (rollup, found) in work.iter().flat_map(|base| &base.rollups) {
        if let Some(spec) = known_spec(warehouse, transaction, rollup).await? {
            for old in &found.old {
                transaction.remove(&spec, old.clone())?;
            }
        }
    }
    Ok(summary(&work, read))
}

/// Some months of a base and what is built from them.
struct Chunk {
    files: Vec<UnitFile>,
    rollups: Vec<(Rollup, BTreeMap<Source, String>)>,
}

/// Months are taken together until a chunk is full. A month is never split: the buyers' side needs all of it.
fn chunks(work: &[(Rollup, Stale)]) -> Vec<Chunk> {
    let mut months: BTreeMap<i32, BTreeMap<String, UnitFile>> = BTreeMap::new();
    for (_, found) in work {
        for (source, (_, files)) in &found.sources {
            let month = months.entry(source.period).or_default();
            month.extend(files.iter().map(|f| (f.path.clone(), f.clone())));
        }
    }
    let mut chunks = Vec::new();
    let (mut periods, mut rows) = (BTreeSet::new(), 0);
    for (period, files) in &months {
        let size: usize = files.values().map(|f| f.rows).sum();
        if !periods.is_empty() && rows + size > CHUNK_ROWS {
            chunks.push(chunk(work, &months, &std::mem::take(&mut periods)));
            rows = 0;
        }
        periods.insert(*period);
        rows += size;
    }
    if !periods.is_empty() {
        chunks.push(chunk(work, &months, &periods));
    }
    chunks
}

fn chunk(
    work: &[(Rollup, Stale)],
    months: &BTreeMap<i32, BTreeMap<String, UnitFile>>,
    periods: &BTreeSet<i32>,
) -> Chunk {
    let files = periods.iter().filter_map(|p| months.get(p)).flat_map(|m| m.values().cloned()).collect();
    let rollups = work
        .iter()
        .map(|(rollup, found)| {
            let mine = found.sources.iter().filter(|(s, _)| periods.contains(&s.period));
            (*rollup, mine.map(|(s, (print, _))| (s.clone(), print.clone())).collect::<BTreeMap<_, _>>())
        })
        .filter(|(_, sources)| !sources.is_empty())
        .collect();
    Chunk { files, rollups }
}

/// Reads the files' columns once and registers them as `all_rows`, in the order they are stored in.
async fn load(context: &SessionContext, work: &Work, files: Vec<UnitFile>) -> Result<usize> {
    let rows = files.iter().map(|f| f.rows).sum();
    let table = UnitTable::with_files(&work.files, files);
    let mut names: Vec<&str> = work.base.columns.to_vec();
    names.push("bucket");
    let frame = context.read_table(Arc::new(table))?.select_columns(&names)?;
    let schema: SchemaRef = Arc::new(frame.schema().as_arrow().clone());
    let partitions = frame.collect_partitioned().await?;
    let memory = MemTable::try_new(schema, partitions)?;
    let order = vec![vec![col("period").sort(true, true), col("seller_key").sort(true, true)]];
    context.register_table("all_rows", Arc::new(memory.with_sort_order(order)))?;
    Ok(rows)
}

/// A rollup's units of a chunk, not yet encoded.
struct Made {
    rollup: Rollup,
    /// What they were made from, with its fingerprint.
    sources: BTreeMap<Source, String>,
    spec: TableSpec,
    units: Vec<((i32, i32), RecordBatch)>,
}

/// Computes a rollup of what is in `all_rows`.
async fn ask(
    context: &SessionContext,
    config: &Config,
    rollup: &Rollup,
    sources: &BTreeMap<Source, String>,
) -> Result<Made> {
    let rows = format!("SELECT * FROM all_rows WHERE {}", wanted(sources));
    let view = context.sql(&rows).await?.into_view();
    let started = Instant::now();
    let whole = session::rows(beside(context, rollup, view)?.sql(rollup.sql).await?).await?;
    tracing::debug!(rollup = rollup.name, seconds = started.elapsed().as_secs_f64(), "aggregated");
    let order: Vec<&str> = std::iter::once(rollup.key).chain(rollup.then.iter().copied()).collect();
    let cut = cut(&whole, config, &order)?;
    tracing::debug!(rollup = rollup.name, seconds = started.elapsed().as_secs_f64(), "cut");
    let spec = spec_of(rollup, &cut.schema);
    let mut units = cut.units;
    // A source without rows leaves an empty unit, or it would look stale for ever.
    let covered = |s: &Source, units: &[((i32, i32), RecordBatch)]| {
        units.iter().any(|((p, b), _)| *p == s.period && s.bucket.is_none_or(|bucket| bucket == *b))
    };
    for source in sources.keys() {
        if !covered(source, &units) {
            units.push((
                (source.period, source.bucket.unwrap_or(0)),
                RecordBatch::new_empty(Arc::clone(&spec.schema)),
            ));
        }
    }
    Ok(Made { rollup: *rollup, sources: sources.clone(), spec, units })
}

/// A session of the same memory in which the base of a rollup is this view: rollups asked side by side read other units of it.
fn beside(context: &SessionContext, rollup: &Rollup, view: Arc<dyn TableProvider>) -> Result<SessionContext> {
    let catalog = context.state().config_options().catalog.default_catalog.clone();
    let catalog = context.catalog(&catalog);
    let catalog = catalog.ok_or_else(|| EngineError::internal("a session without a catalog"))?;
    let schema = MemorySchemaProvider::new();
    schema.register_table(rollup.base.table.to_owned(), view)?;
    catalog.register_schema(rollup.name, Arc::new(schema))?;
    let mut state = context.state();
    state.config_mut().options_mut().catalog.default_schema = rollup.name.to_owned();
    Ok(SessionContext::new_with_state(state))
}

async fn put(transaction: &mut Transaction, made: Made) -> Result<()> {
    let Made { rollup, sources, spec, units } = made;
    let encoded = encode(&spec, units, |(period, bucket)| {
        let source = Source { period, bucket: (rollup.side == Side::Seller).then_some(bucket) };
        let print = sources.get(&source).ok_or_else(|| {
            EngineError::internal(format!("{} built a unit nobody asked for: {source:?}", rollup.name))
        })?;
        Ok(format!("{}_{print}", transaction.file_name()))
    })?;
    for unit in encoded {
        transaction.add(&spec, unit).await?;
    }
    Ok(())
}

/// The months (and buckets) to read from the chunk, as SQL.
fn wanted(sources: &BTreeMap<Source, String>) -> String {
    let mut by_bucket: BTreeMap<Option<i32>, Vec<String>> = BTreeMap::new();
    for source in sources.keys() {
        by_bucket.entry(source.bucket).or_default().push(source.period.to_string());
    }
    let parts: Vec<String> = by_bucket
        .into_iter()
        .map(|(bucket, periods)| {
            let months = format!("period IN ({})", periods.join(", "));
            match bucket {
                Some(bucket) => format!("({months} AND bucket = {bucket})"),
                None => months,
            }
        })
        .collect();
    parts.join(" OR ")
}

fn spec_of(rollup: &Rollup, schema: &SchemaRef) -> TableSpec {
    if let Some(declared) = goods_specs().into_iter().find(|spec| spec.name == rollup.name) {
        return declared;
    }
    let order = std::iter::once(rollup.key).chain(rollup.then.iter().copied()).map(str::to_owned).collect();
    TableSpec {
        name: rollup.name.into(),
        schema: Arc::clone(schema),
        partition_by: vec!["period".into(), "bucket".into()],
        order,
    }
}

async fn known_spec(
    warehouse: &Warehouse,
    transaction: &Transaction,
    rollup: &Rollup,
) -> Result<Option<TableSpec>> {
    let present = warehouse.table(transaction.base(), rollup.name).await?;
    Ok(present.map(|p| spec_of(rollup, &p.schema)))
}
