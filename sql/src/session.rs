//! Builds the DataFusion session: threads, memory, spilling, settings, and the domain's functions.
//!
//! Every setting that differs from DataFusion's default is set here and says why. Tables are registered by
//! whoever owns them, not here.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::common::config::SpillCompression;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, GreedyMemoryPool, MemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::error::{Error, Result};
use crate::few_rows_first;
use crate::functions::register_all;

/// Memory limit used where the machine does not tell its size.
const FALLBACK_MEMORY: usize = 2 << 30;
/// Below this, for each thread, spilled runs cannot be merged any more: each sort reserves 10 MB for its merge.
const LEAST_MEMORY: usize = 32 << 20;
/// How many consumers an out-of-memory message names.
const NAMED_CONSUMERS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4);

/// What a session may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOptions {
    /// Partitions that run at the same time; at least 1.
    pub threads: usize,
    /// Bytes that sorts, joins and aggregations may hold together before they spill; at least 32 MB a thread.
    pub memory_bytes: usize,
    /// Where to spill; `None` is the system's directory for temporary files. Made when missing.
    pub spill_dir: Option<PathBuf>,
    /// Rows of a batch; at least 1.
    pub batch_size: usize,
    /// For plans of hundreds of operators: memory goes to whoever asks first, as even shares would be too small for any.
    pub first_come: bool,
}

impl Default for SessionOptions {
    /// All cores, half the memory of the machine (or of its container), the system's temporary directory.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let memory_bytes = machine_memory().map_or(FALLBACK_MEMORY, |bytes| bytes / 2).max(LEAST_MEMORY);
        Self {
            // Many cores with little memory: rather fewer threads than failing sorts.
            threads: cores.min(memory_bytes / LEAST_MEMORY),
            memory_bytes,
            spill_dir: None,
            batch_size: 8192,
            first_come: false,
        }
    }
}

/// Makes a session with the domain's functions registered and no tables.
///
/// # Errors
/// When an option makes no sense, or the spill directory cannot be made.
pub fn new_session(options: &SessionOptions) -> Result<SessionContext> {
    check(options)?;
    let state = SessionStateBuilder::new()
        .with_config(config(options))
        .with_runtime_env(runtime(options)?)
        .with_default_features()
        .with_physical_optimizer_rules(few_rows_first::rules())
        .build();
    let context = SessionContext::new_with_state(state);
    register_all(&context);
    Ok(context)
}

/// What the optimizer makes of an expression in a plan: some functions (`coalesce`) only run once it has. For
/// expressions that are evaluated on their own.
///
/// # Errors
/// When the expression does not fit the schema.
pub fn simplified(state: &SessionState, expr: Expr, schema: &DFSchema) -> datafusion::common::Result<Expr> {
    let context = SimplifyContext::builder()
        .with_schema(Arc::new(schema.clone()))
        .with_config_options(Arc::clone(state.config_options()))
        .build();
    let simplifier = ExprSimplifier::new(context);
    simplifier.simplify(simplifier.coerce(expr, schema)?)
}

fn check(options: &SessionOptions) -> Result<()> {
    let wrong =
        |option, value: usize, remedy| Err(Error::Option { option, value: value.to_string(), remedy });
    if options.threads == 0 {
        return wrong("threads", options.threads, "give 1 or more");
    }
    if options.batch_size == 0 {
        return wrong("batch_size", options.batch_size, "give 1 or more, normally 8192");
    }
    if options.memory_bytes / options.threads < LEAST_MEMORY {
        return wrong("memory_bytes", options.memory_bytes, "give at least 33554432 (32 MB) for each thread");
    }
    Ok(())
}

/// The settings of a session; also what a worker of a cluster must run with.
fn config(options: &SessionOptions) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(options.threads)
        .with_batch_size(options.batch_size)
        .with_information_schema(true);
    let settings = config.options_mut();
    // The planner of 55.x refuses a query in which the same CASE over nullable columns stands in two aggregates
    // (apache/datafusion #25369). Indicators are made of such aggregates. `tests/it/planner.rs` pins that the
    // results are right without the check.
    settings.execution.skip_physical_aggregate_schema_check = true;
    // Literals with a decimal point stay doubles, as the indicator language says; money is cast where it is money.
    settings.sql_parser.parse_float_as_decimal = false;
    // Spill files are read back once: fast compression beats small files and beats none on a slow disk.
    settings.execution.spill_compression = SpillCompression::Lz4Frame;

    let parquet = &mut settings.execution.parquet;
    // Pushing filters into the decoder costs more than it saves on our scans; a drill-down to one taxpayer
    // turns it on for its own query.
    parquet.pushdown_filters = false;
    parquet.pruning = true;
    parquet.enable_page_index = true;
    parquet.bloom_filter_on_read = true;
    parquet.statistics_enabled = Some("page".to_owned());
    // Level 1 writes faster than the default 3, and our invoices came out smaller.
    parquet.compression = Some("zstd(1)".to_owned());
    config
}

/// Memory and disk of a session.
///
/// Unless the session says otherwise, the pool is fair: every operator that can spill may hold an even share of what those that cannot have left.
/// A greedy pool spills later and is faster where memory nearly suffices, but lets one operator take what the next
/// one needs to start: an aggregation followed by a sort failed at 128 MB where the fair pool finished in 48 MB
/// (two threads, 3 million rows), at 1.6 times the run time where the greedy one finishes. Finishing goes first. Many partitions
/// over little memory have been reported to hang in the fair pool (apache/datafusion #23447), hence the least
/// memory a thread. Tracking names the largest consumers where nothing can spill any more.
fn runtime(options: &SessionOptions) -> Result<Arc<RuntimeEnv>> {
    let mode = match &options.spill_dir {
        Some(path) => {
            std::fs::create_dir_all(path).map_err(|source| Error::SpillDir { path: path.clone(), source })?;
            DiskManagerMode::Directories(vec![path.clone()])
        }
        None => DiskManagerMode::OsTmpDirectory,
    };
    let bytes = options.memory_bytes;
    let pool: Arc<dyn MemoryPool> = if options.first_come {
        Arc::new(TrackConsumersPool::new(GreedyMemoryPool::new(bytes), NAMED_CONSUMERS))
    } else {
        Arc::new(TrackConsumersPool::new(FairSpillPool::new(bytes), NAMED_CONSUMERS))
    };
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(pool)
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(mode))
        .build_arc()?;
    Ok(runtime)
}

/// Memory of the machine in bytes, or of the container where that is less; `None` where the system does not say.
fn machine_memory() -> Option<usize> {
    let machine = read(Path::new("/proc/meminfo")).as_deref().and_then(total_of_meminfo);
    // Control groups write "max" where there is no limit, which does not parse: no limit.
    let container = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .into_iter()
        .filter_map(|path| read(Path::new(path))?.trim().parse::<usize>().ok())
        .min();
    machine.into_iter().chain(container).min()
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// `MemTotal` of a `/proc/meminfo` text, in bytes (the file counts in KiB).
fn total_of_meminfo(text: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn meminfo_is_read_in_bytes() {
        let text = "Foo: 1 kB\nMemTotal:       16384 kB\nMemFree: 3 kB\n";
        assert_eq!(total_of_meminfo(text), Some(16 << 20));
        assert_eq!(total_of_meminfo("MemFree: 3 kB\n"), None);
        assert_eq!(total_of_meminfo("MemTotal: lots kB\n"), None);
    }

    #[test]
    fn default_is_usable() {
        let options = SessionOptions::default();
        assert!(options.threads >= 1);
        assert!(options.memory_bytes >= options.threads * LEAST_MEMORY);
        new_session(&options).unwrap();
    }

    #[test]
    fn senseless_options_are_refused() {
        let good = SessionOptions::default();
        for bad in [
            SessionOptions { threads: 0, ..good.clone() },
            SessionOptions { batch_size: 0, ..good.clone() },
            SessionOptions { memory_bytes: 1, ..good.clone() },
        ] {
            assert!(matches!(new_session(&bad), Err(Error::Option { .. })), "{bad:?}");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        let bad = SessionOptions { spill_dir: Some(file.path().join("below a file")), ..good };
        assert!(matches!(new_session(&bad), Err(Error::SpillDir { .. })));
    }
}
