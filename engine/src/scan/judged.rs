//! From a warehouse to a judged profile: definitions, sources, judgement. What is stored of it is `run.rs`'s business.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use assay_indicators::{Asked, Catalogue, Layout, compile_with};
use assay_risk_models::scorecard::{EMBEDDED, Scorecard};
use assay_sql::session::SessionOptions;
use datafusion::execution::context::SessionContext;

use super::gather::{Gathered, gather};
use super::judge::{Judgement, judge};
use super::labels::Labels;
use super::standing::standings;
use crate::cross_audit;
use crate::ingest::Progress;
use crate::rollup;
use crate::warehouse::session::{self, Access};
use crate::warehouse::{Commit, Warehouse};
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

/// File of the scorecard among a warehouse's own definitions.
pub(super) const SCORECARD: &str = "scorecard.toml";

/// Name and text of the scorecard of a warehouse, or of the one that comes with Assay.
pub(super) fn scorecard_text(warehouse: &Warehouse) -> Result<(String, String)> {
    match warehouse.definition_file(SCORECARD) {
        Some(path) => {
            let text = std::fs::read_to_string(&path).map_err(EngineError::file(path.clone()))?;
            Ok((path.display().to_string(), text))
        }
        None => Ok((SCORECARD.to_owned(), EMBEDDED.to_owned())),
    }
}

/// The scorecard of a warehouse, and its text.
pub(super) fn load_scorecard(warehouse: &Warehouse, catalogue: &Catalogue) -> Result<(Scorecard, String)> {
    let (shown, text) = scorecard_text(warehouse)?;
    let card =
        Scorecard::parse(&text).map_err(|e| EngineError::Definitions(vec![format!("{shown}: {e}")]))?;
    let unknown: Vec<String> = card
        .indicators()
        .filter(|code| catalogue.get(code).is_none())
        .map(|code| {
            format!("{shown}: names indicator {code}, which nobody defines; correct the code or take it out")
        })
        .collect();
    if unknown.is_empty() { Ok((card, text)) } else { Err(EngineError::Definitions(unknown)) }
}

/// A session for the sources of a scan. A source has many operators that can spill, most of them small: an even share of
/// memory would be little for the large one.
pub(crate) async fn scan_session(
    warehouse: &Warehouse,
    head: &Commit,
    options: &SessionOptions,
) -> Result<SessionContext> {
    let options = SessionOptions { first_come: true, ..options.clone() };
    session::open(warehouse, head, Access::Open, &options).await
}

/// A month, judged.
pub(super) struct Judged {
    pub(super) layout: Layout,
    pub(super) profile: Gathered,
    pub(super) judgement: Judgement,
}

/// Reads and judges a month; policies asked are read with it, and answered by whoever asks.
pub(super) async fn profile_and_judge(
    (warehouse, head, context): (&Warehouse, &Commit, &SessionContext),
    (catalogue, asked): (&Catalogue, Option<Asked<'_>>),
    only: &[String],
    as_of: i32,
    card: &Scorecard,
    progress: &dyn Progress,
) -> Result<Judged> {
    let started = Instant::now();
    let compiled = compile_with(context, catalogue, Some(only), asked, as_of)
        .await
        .map_err(|e| EngineError::input(e.to_string()))?;
    tracing::debug!(seconds = started.elapsed().as_secs_f64(), "planned");
    let layout = compiled.layout;
    let read = (&compiled.taxpayers, compiled.sources.as_slice());
    let profile = gather((warehouse, head), read, compiled.evaluation, progress).await?;
    progress.phase("judge", 1);
    let started = Instant::now();
    let standings = standings(context, card, as_of).await?;
    let judgement = judge(&layout, &profile, card, standings)?;
    tracing::debug!(seconds = started.elapsed().as_secs_f64(), "judged");
    Ok(Judged { layout, profile, judgement })
}

/// A month judged for a look, nothing stored.
pub(super) struct Look {
    pub(super) as_of: i32,
    pub(super) card: Scorecard,
    pub(super) context: SessionContext,
    pub(super) judged: Judged,
}

/// Judges a month (the last with invoices, if none is given) without storing anything but rollups and the cross-audit.
pub(super) async fn look(
    warehouse: &Warehouse,
    as_of: Option<i32>,
    only: &[String],
    options: &SessionOptions,
    progress: Arc<dyn Progress>,
) -> Result<Look> {
    let catalogue = load_catalogue(Some(warehouse))?;
    let (card, _) = load_scorecard(warehouse, &catalogue)?;
    rollup::refresh(warehouse, options, Arc::clone(&progress)).await?;
    cross_audit::refresh(warehouse, options, Arc::clone(&progress)).await?;
    let head = warehouse.head().await?;
    let as_of = month(warehouse, &head, as_of).await?;
    let context = scan_session(warehouse, &head, options).await?;
    let place = (warehouse, &head, &context);
    let judged = profile_and_judge(place, (&catalogue, None), only, as_of, &card, progress.as_ref()).await?;
    Ok(Look { as_of, card, context, judged })
}

/// Labels of taxpayers of a profile, by key.
pub(super) fn labels_by_key(profile: &Gathered, labels: &Labels) -> Result<HashMap<i64, bool>> {
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

/// The month to scan: the one asked for, or the last with invoices.
pub(crate) async fn month(warehouse: &Warehouse, head: &Commit, as_of: Option<i32>) -> Result<i32> {
    if let Some(as_of) = as_of {
        return Ok(as_of);
    }
    let invoices = warehouse.table(head, "invoice").await?;
    let last = invoices.and_then(|t| t.files.iter().filter_map(|f| f.period).max());
    last.ok_or_else(|| {
        EngineError::input("there are no invoices to scan; load some with: assay ingest invoice FILE…")
    })
}
