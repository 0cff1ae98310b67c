//! What policies are asked with: definitions, a month, and a session on one state of the warehouse.

use std::collections::BTreeSet;
use std::sync::Arc;

use assay_indicators::policy::Rulebook;
use assay_indicators::{Asked, Catalogue, CompiledPolicy, Profile as Plan, compile_with};
use assay_sql::session::SessionOptions;
use datafusion::prelude::SessionContext;

use super::store::AnswerSummary;
use crate::ingest::Progress;
use crate::rollup;
use crate::scan::gather::{Gathered, gather};
use crate::scan::judged::{month, scan_session};
use crate::warehouse::{Commit, Warehouse};
use crate::{EngineError, Result};

/// Policies of a warehouse, ready to be asked as of a month.
pub(super) struct Desk<'a> {
    warehouse: &'a Warehouse,
    head: Commit,
    catalogue: Catalogue,
    progress: Arc<dyn Progress>,
    pub(super) context: SessionContext,
    pub(super) book: Rulebook,
    pub(super) as_of: i32,
}

impl<'a> Desk<'a> {
    /// Brings the rollups up to date and opens a session. No month: the last with invoices.
    pub(super) async fn open(
        warehouse: &'a Warehouse,
        (book, catalogue): (Rulebook, Catalogue),
        as_of: Option<i32>,
        options: &SessionOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<Self> {
        rollup::refresh(warehouse, options, Arc::clone(&progress)).await?;
        let head = warehouse.head().await?;
        let as_of = month(warehouse, &head, as_of).await?;
        let context = scan_session(warehouse, &head, options).await?;
        Ok(Self { warehouse, head, catalogue, progress, context, book, as_of })
    }

    /// Plans what is asked.
    pub(super) async fn plan(&self, asked: Asked<'_>) -> Result<Plan> {
        let compiled = compile_with(&self.context, &self.catalogue, None, Some(asked), self.as_of).await;
        compiled.map_err(|e| EngineError::input(e.to_string()))
    }

    /// Everything a plan reads of everyone, and the policies it asks.
    pub(super) async fn gather(&self, plan: Plan) -> Result<(Vec<CompiledPolicy>, Gathered)> {
        let read = (&plan.taxpayers, plan.sources.as_slice());
        let place = (self.warehouse, &self.head);
        let profile = gather(place, read, plan.evaluation, self.progress.as_ref()).await?;
        Ok((plan.layout.policies, profile))
    }

    /// What the policies of a plan answer about everyone; stores nothing.
    pub(super) async fn answers(&self, plan: Plan) -> Result<AnswerSummary> {
        let (policies, profile) = self.gather(plan).await?;
        AnswerSummary::of((self.as_of, self.head.id), &policies, &profile)
    }

    /// Asks policies of a rulebook (none named: all) of everyone, and stores nothing.
    pub(super) async fn ask(&self, book: &Rulebook, only: &[String]) -> Result<AnswerSummary> {
        self.answers(self.plan(Asked { book, only, span: None }).await?).await
    }
}

/// Tables a plan reads; where it reads what is rolled up, what it is rolled up from.
pub(super) fn tables(plan: &Plan) -> BTreeSet<String> {
    let mut tables: BTreeSet<String> = BTreeSet::from(["taxpayer".to_owned()]);
    for table in plan.sources.iter().flat_map(|source| source.tables()) {
        match rollup::ROLLUPS.iter().find(|rollup| rollup.name == table.table()) {
            Some(_) => tables.extend(["invoice".to_owned(), "invoice_line".to_owned()]),
            None => drop(tables.insert(table.table().to_owned())),
        }
    }
    tables
}
