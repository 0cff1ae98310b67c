//! What one indicator costs in a scan of all: its passes are run and timed, nothing is stored.

use std::sync::Arc;
use std::time::Instant;

use assay_indicators::explain as take_apart;
use assay_sql::session::SessionOptions;
use datafusion::physical_plan::displayable;
use futures::TryStreamExt;

use super::judged::{last_month, load_catalogue, many_operators};
use crate::ingest::Progress;
use crate::rollup;
use crate::warehouse::Warehouse;
use crate::warehouse::session::{self, Access};
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

/// One pass over one source, as a scan of all indicators runs it.
#[derive(Debug)]
pub struct TimedPass {
    /// Rollup or feature file.
    pub name: String,
    /// What the indicator reads of it: column and meaning.
    pub columns: Vec<(String, String)>,
    /// Columns it computes for all indicators.
    pub all_columns: usize,
    /// Other indicators that read it.
    pub shared_with: Vec<String>,
    /// Tables it reads, with their rows.
    pub tables: Vec<(String, usize)>,
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
    rollup::refresh(warehouse, options, progress).await?;
    let head = warehouse.head().await?;
    let as_of = match as_of {
        Some(as_of) => as_of,
        None => last_month(warehouse, &head).await?,
    };
    let context = session::open(warehouse, &head, Access::Open, &many_operators(options)).await?;
    let apart =
        take_apart(&context, &catalogue, code, as_of).await.map_err(|e| EngineError::input(e.to_string()))?;
    let mut passes = Vec::new();
    for pass in apart.passes {
        let mut tables = Vec::new();
        for name in pass.tables {
            let rows = warehouse.table(&head, &name).await?.map_or(0, |table| table.rows());
            tables.push((name, rows));
        }
        let started = Instant::now();
        let plan = pass.frame.clone().create_physical_plan().await?;
        let rows: Vec<usize> =
            pass.frame.execute_stream().await?.map_ok(|batch| batch.num_rows()).try_collect().await?;
        passes.push(TimedPass {
            name: pass.name,
            columns: pass.columns,
            all_columns: pass.all_columns,
            shared_with: pass.shared_with,
            tables,
            rows: rows.iter().sum(),
            seconds: started.elapsed().as_secs_f64(),
            plan: displayable(plan.as_ref()).indent(false).to_string(),
        });
    }
    Ok(Explained { as_of, facts: apart.facts, passes })
}
