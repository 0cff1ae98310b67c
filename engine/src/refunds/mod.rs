//! The queue of refunds of credit (留抵退税): every application under way as of a day with what may be refunded, the legal clock in working
//! days, the reasons to hold it, and what is proposed. Who decides is the office; nothing here changes an application.
//!
//! [`facts`] reads, [`clock`] counts, [`reason`] tells which reasons hold, [`eligible`] asks the policies, [`propose`] puts them together,
//! [`words`] says it, [`store`] keeps it night by night.

mod calendar;
mod clock;
mod eligible;
mod facts;
mod propose;
mod reason;
mod store;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use assay_sql::session::SessionOptions;
use chrono::{Days, NaiveDate};

pub use clock::{Clock, ClockState, Held, Terms};
pub use facts::Suspicion;
pub use propose::{Change, Proposal, Row};
pub use reason::{Reason, Verdict};
pub(crate) use store::specs;
pub use store::{REFUND_QUEUE, REFUND_REASON};

use crate::ingest::Progress;
use crate::policy::load_rulebook;
use crate::warehouse::Warehouse;
use crate::warehouse::session::{self, Access};
use crate::{EngineError, Result};

/// What the ledger of tasks knows of those who applied.
#[derive(Debug, Clone, Default)]
pub struct Suspicions {
    /// Suspicions of open tasks.
    pub open: Vec<Suspicion>,
    /// The last month of a scan that was taken in: up to it the ledger says what is open, not the scan.
    pub taken_in: Option<i32>,
}

/// A night's queue.
#[derive(Debug, Default)]
pub struct Queue {
    /// The day it is of.
    pub day: NaiveDate,
    /// One row an application, by number.
    pub rows: Vec<Row>,
    /// The night it is compared with.
    pub previous: Option<NaiveDate>,
    /// Whether the stored queue of the day was another one, or none.
    pub changed: bool,
    /// What kept clocks from being counted, each once.
    pub warnings: Vec<String>,
}

impl Queue {
    /// How many rows there are of each proposal.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Proposal, usize> {
        let mut counts = BTreeMap::new();
        for row in &self.rows {
            *counts.entry(row.proposal).or_default() += 1;
        }
        counts
    }
}

/// Makes the queue of a day and keeps it in `refund_queue` and `refund_reason`, in place of an earlier one of that day; does nothing
/// where it says the same.
///
/// # Errors
/// When there are no applications, a definition is wrong, or the warehouse cannot be read or written.
pub async fn queue(
    warehouse: &Warehouse,
    day: NaiveDate,
    suspicions: Suspicions,
    options: &SessionOptions,
    progress: Arc<dyn Progress>,
) -> Result<Queue> {
    warehouse.heal().await?;
    let (book, _) = load_rulebook(Some(warehouse))?;
    let head = warehouse.head().await?;
    let context = session::open(warehouse, &head, Access::Open, options).await?;
    if facts::nothing_loaded(&context).await? {
        return Err(EngineError::input(
            "there are no applications for a refund of credit; load them first: assay ingest refund_application FILE…",
        ));
    }
    let before = store::before(&context, day).await?;
    let since = before.as_ref().map_or(day - Days::new(1), |before| before.day);
    let facts = facts::Facts::read(&context, (day, since), suspicions).await?;
    let calendar = calendar::load(warehouse, &context).await?;
    let asked = eligible::ask(warehouse, &facts.applications, day, options, progress).await?;
    let mut queue = propose::queue(&facts, &asked, (&calendar, &book.parameters), before.as_ref(), day)?;
    queue.changed = store::keep(warehouse, &context, &queue).await?;
    Ok(queue)
}
