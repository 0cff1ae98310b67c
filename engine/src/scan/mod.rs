//! The scan: every taxpayer judged by every indicator, scored, and merged into one task each.
//!
//! Rollups are brought up to date first; everything after reads only them and the register. A scan of the same
//! data with the same definitions and code is not run again. The language of indicators is not here (see the
//! `indicators` crate), nor is what happens to a task afterwards.

mod backtest;
mod effect;
mod evaluate;
mod explain;
pub(crate) mod gather;
pub(crate) mod judge;
#[cfg(test)]
mod judge_tests;
pub(crate) mod judged;
mod kept;
mod labels;
mod new;
mod peers;
mod profile;
pub(crate) mod render;
mod run;
mod standing;
pub(crate) mod tables;
mod tasks;
mod versions;
mod weigh;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use assay_sql::session::SessionOptions;

pub use backtest::{BacktestRow, backtest};
pub use effect::{Change, Effect, OfficeCost, Overlap, Share, effect};
pub use evaluate::{Found, evaluate};
pub use explain::{Explained, TimedPass, explain};
pub use judged::load_catalogue;
pub use labels::{Labels, read_labels};
pub use new::new_indicator;
pub use run::scan;
pub use tasks::{ExportFormat, export, load as load_tasks};
pub(crate) use tasks::{Handover, hand_over, month_and_card, rows};
pub use weigh::{GradeChange, Weighed, Weighing, weigh, write_weights};

use crate::cross_audit::{AuditSummary, Issued};
use crate::policy::Reopened;
use crate::rollup::RollupSummary;
use crate::warehouse::TableSpec;
use assay_tasks::Tasks;

/// One row a scan: what it read and what it found.
pub const SCAN_RUN: &str = "scan_run";

/// What to scan.
#[derive(Debug, Clone)]
pub struct ScanRequest {
    /// Month as YYYYMM; `None`: the last month with invoices.
    pub as_of: Option<i32>,
    /// Indicator codes; none: all.
    pub only: Vec<String>,
    /// Scan even if nothing changed since the same scan was last run.
    pub force: bool,
    /// Threads and memory.
    pub session: SessionOptions,
}

/// What a scan found.
#[derive(Debug, Clone, Default)]
pub struct ScanSummary {
    /// Month scanned.
    pub as_of: i32,
    /// Id: the same data, definitions and code give the same id.
    pub run: String,
    /// Whether the same scan had been run before and was not run again.
    pub up_to_date: bool,
    /// Rollup units built.
    pub rollups: RollupSummary,
    /// Claims held against their documents.
    pub audit: AuditSummary,
    /// Requests made to sellers' offices.
    pub requests: Issued,
    /// Indicators judged.
    pub indicators: usize,
    /// Indicators without a line in force.
    pub not_in_force: Vec<String>,
    /// Taxpayers judged.
    pub taxpayers: usize,
    /// Hits.
    pub hits: usize,
    /// Tasks by grade: high, medium, low.
    pub tasks: [usize; 3],
    /// Other months whose policies were asked again, because of facts that came in late.
    pub reopened: Vec<Reopened>,
    /// Wall time of the rollups.
    pub rollup_seconds: f64,
    /// Wall time in all.
    pub seconds: f64,
}

pub(crate) fn spec(name: &str, schema: Arc<Schema>) -> TableSpec {
    // Ordered by month of the scan, so that the log tells which file holds which scan.
    TableSpec { name: name.into(), schema, partition_by: Vec::new(), order: vec!["as_of".into()] }
}

/// `scan_run`.
fn scan_run_spec() -> TableSpec {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let count = |name: &str| Field::new(name, DataType::Int64, false);
    let fields = vec![
        Field::new("as_of", DataType::Int32, false),
        text("run"),
        text("code"),
        text("definitions"),
        text("tables"),
        count("indicators"),
        count("taxpayers"),
        count("hits"),
        count("tasks_high"),
        count("tasks_medium"),
        count("tasks_low"),
        Field::new("seconds", DataType::Float64, false),
        Field::new("finished_at", DataType::Timestamp(TimeUnit::Millisecond, None), false),
    ];
    spec(SCAN_RUN, Arc::new(Schema::new(fields)))
}

/// Tables a scan writes.
pub fn specs() -> Vec<TableSpec> {
    let mut specs = vec![
        spec("hit", tables::hit_schema()),
        spec("score", tables::score_schema()),
        spec("scan_indicator", tables::scan_indicator_schema()),
        scan_run_spec(),
        versions::spec(),
    ];
    let none = Tasks { tasks: Vec::new(), items: Vec::new() };
    if let (Ok(tasks), Ok(items)) = (none.task_batch(), none.item_batch()) {
        specs.push(spec("task", tasks.schema()));
        specs.push(spec("task_item", items.schema()));
    }
    specs
}
