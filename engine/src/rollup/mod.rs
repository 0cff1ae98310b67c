//! Rollups: invoices and their lines condensed by taxpayer and month. The one place where most of a scan touches invoices, and where it touches lines.
//!
//! Every rollup is a SELECT in `sql/rollups/` over its base, `invoice` or `invoice_line`. Only units whose source changed are built
//! again: a rollup remembers, in the commit, which version of which source files each of its units was built from.
//! What counts as an indicator's fact is not decided here.

mod build;
mod plan;

use std::sync::Arc;

use assay_sql::session::SessionOptions;

pub(crate) use plan::goods_specs;
pub use plan::{Base, ROLLUPS, Rollup};

use crate::Result;
use crate::ingest::Progress;
use crate::warehouse::Warehouse;

/// What a rollup run did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RollupSummary {
    /// Rollup name and the number of its units built.
    pub built: Vec<(String, usize)>,
    /// Units left as they were.
    pub kept: usize,
    /// Invoices and lines read.
    pub rows: usize,
}

impl RollupSummary {
    /// Whether nothing was stale.
    pub fn is_empty(&self) -> bool {
        self.built.iter().all(|(_, n)| *n == 0)
    }
}

/// Brings all rollups up to date with their bases, in one commit; does nothing when nothing is stale.
///
/// # Errors
/// When a rollup's SQL fails or the warehouse cannot be written; the rollups then stay as they were.
pub async fn refresh(
    warehouse: &Warehouse,
    options: &SessionOptions,
    progress: Arc<dyn Progress>,
) -> Result<RollupSummary> {
    build::refresh(warehouse, options, progress).await
}
