//! What one indicator costs in a scan of all: its passes are run and timed, nothing is stored.

use std::sync::Arc;
use std::time::Instant;

use assay_indicators::{Pass, explain as take_apart};
use assay_sql::session::SessionOptions;
use datafusion::physical_plan::{displayable, execute_stream};
use futures::TryStreamExt;

use super::judged::{load_catalogue, month, scan_session};
use crate::cross_audit;
use crate::ingest::Progress;
use crate::rollup;
use crate::warehouse::Warehouse;
use crate::{EngineError, Result};

/// An indicator taken apart and its passes timed.
#[derive(Debug)]
pub struct Explained {
    /// Month it is read at.
    pub as_of: i32,
    /// Each fact: its name and what is made of the passes' columns.
    pub facts: Vec<(String, String)>,
    /// Its passes.
    pub passes: Vec<TimedPass>,
}

/// A pass that was run.
#[derive(Debug)]
pub struct TimedPass {
    /// The pass.
    pub pass: Pass,
    /// Rows of the tables it reads, in their order.
    pub table_rows: Vec<usize>,
    /// Taxpayers it says something of.
    pub rows: usize,
    /// Wall time of planning and running it.
    pub seconds: f64,
    /// The physical plan.
    pub plan: String,
}

/// Takes an indicator apart and runs its passes.
///
/// # Errors
/// An unknown code, a wrong definition, or a table that cannot be read.
pub async fn explain(
    warehouse: &Warehouse,
    code: &str,
    as_of: Option<i32>,
    options: &SessionOptions,
    progress: Arc<dyn Progress>,
) -> Result<Explained> {
    let catalogue = load_catalogue(Some(warehouse))?;
    rollup::refresh(warehouse, options, Arc::clone(&progress)).await?;
    cross_audit::refresh(warehouse, options, progress).await?;
    let head = warehouse.head().await?;
    let as_of = month(warehouse, &head, as_of).await?;
    let context = scan_session(warehouse, &head, options).await?;
    let apart =
        take_apart(&context, &catalogue, code, as_of).await.map_err(|e| EngineError::input(e.to_string()))?;
    let mut passes = Vec::new();
    for pass in apart.passes {
        let mut table_rows = Vec::new();
        for name in &pass.tables {
            table_rows.push(warehouse.table(&head, name).await?.map_or(0, |table| table.rows()));
        }
        let started = Instant::now();
        let plan = pass.frame.clone().create_physical_plan().await?;
        let stream = execute_stream(Arc::clone(&plan), context.task_ctx())?;
        let rows: Vec<usize> = stream.map_ok(|batch| batch.num_rows()).try_collect().await?;
        passes.push(TimedPass {
            pass,
            table_rows,
            rows: rows.iter().sum(),
            seconds: started.elapsed().as_secs_f64(),
            plan: displayable(plan.as_ref()).indent(false).to_string(),
        });
    }
    Ok(Explained { as_of, facts: apart.facts, passes })
}
