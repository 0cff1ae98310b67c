//! Weights of indicators learnt from labelled taxpayers, and what they would change. Nothing changes until they are
//! written into the warehouse's scorecard.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use assay_risk_models::scorecard::Grade;
use assay_risk_models::weigh::Evidence;
use assay_sql::session::SessionOptions;

use super::judged::{Look, SCORECARD, labels_by_key, look, scorecard_text};
use super::labels::{Labels, of_truth};
use crate::ingest::Progress;
use crate::warehouse::Warehouse;
use crate::{EngineError, Result};
use assay_tasks::write_text;

/// One indicator weighed.
#[derive(Debug, Clone)]
pub struct Weighed {
    /// Code.
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// Whom it hits.
    pub evidence: Evidence,
    /// Its weight in the scorecard.
    pub now: f64,
    /// Its weight by the labels; none where there are too few hits.
    pub learnt: Option<f64>,
}

/// Labelled taxpayers of one grade, before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GradeChange {
    /// All, and the guilty among them, by the scorecard as it is.
    pub now: (usize, usize),
    /// The same with the learnt weights.
    pub then: (usize, usize),
}

/// What the labels teach.
#[derive(Debug, Clone)]
pub struct Weighing {
    /// Month judged.
    pub as_of: i32,
    /// By code.
    pub indicators: Vec<Weighed>,
    /// By grade: high, medium, low, none.
    pub grades: [(&'static str, GradeChange); 4],
}

/// Learns weights from labels; from table `truth` of a synthetic economy when none are given.
///
/// # Errors
/// When there are no labels of both kinds, a definition is wrong, or a table cannot be read.
pub async fn weigh(
    warehouse: &Warehouse,
    as_of: Option<i32>,
    labels: Option<&Labels>,
    options: &SessionOptions,
    progress: Arc<dyn Progress>,
) -> Result<Weighing> {
    let Look { as_of, card, context, judged } = look(warehouse, as_of, &[], options, progress).await?;
    let planted = match labels {
        Some(_) => None,
        None => Some(of_truth(&context).await?),
    };
    let labels = labels.or(planted.as_ref()).ok_or_else(|| EngineError::internal("no labels"))?;
    let keyed = labels_by_key(&judged.profile, labels)?;
    let guilty = keyed.values().filter(|label| **label).count();
    let honest = keyed.len() - guilty;
    if guilty == 0 || honest == 0 {
        return Err(EngineError::input(format!(
            "{}: {guilty} guilty and {honest} honest taxpayers of the register; weights need both",
            labels.file
        )));
    }
    let hit = judged.judgement.taxpayers_hit();
    let indicators: Vec<Weighed> = judged
        .layout
        .indicators
        .iter()
        .zip(&hit)
        .map(|(compiled, hit)| {
            let code = compiled.definition.code.value.clone();
            let count = |label: bool| hit.iter().filter(|key| keyed.get(key) == Some(&label)).count();
            let evidence = Evidence { guilty, honest, guilty_hits: count(true), honest_hits: count(false) };
            let (now, learnt) = (card.weight(&code), evidence.weight());
            Weighed { code, name_zh: compiled.definition.name.zh.clone(), evidence, now, learnt }
        })
        .collect();
    let now = judged.judgement.grades(&judged.layout, &card);
    let then = judged.judgement.grades(&judged.layout, &card.with_weights(weights(&indicators)));
    let counted = |grades: &HashMap<i64, Option<Grade>>, grade: Option<Grade>| {
        let of_grade = keyed.iter().filter(|(key, _)| grades.get(key).copied().flatten() == grade);
        of_grade.fold((0, 0), |(all, guilty), (_, label)| (all + 1, guilty + usize::from(*label)))
    };
    let grades = [Some(Grade::High), Some(Grade::Medium), Some(Grade::Low), None].map(|grade| {
        let change = GradeChange { now: counted(&now, grade), then: counted(&then, grade) };
        (grade.map_or("none", Grade::as_str), change)
    });
    Ok(Weighing { as_of, indicators, grades })
}

/// What is learnt, and what is there where nothing is.
fn weights(indicators: &[Weighed]) -> BTreeMap<String, f64> {
    let weight = |one: &Weighed| (one.code.clone(), one.learnt.unwrap_or(one.now));
    indicators.iter().map(weight).filter(|(_, weight)| *weight != 1.0).collect()
}

/// Writes the weights into the warehouse's own scorecard, which begins as a copy of the one that comes with Assay.
///
/// # Errors
/// When the warehouse has no folder of definitions on this machine, or the file cannot be written.
pub fn write_weights(warehouse: &Warehouse, weighing: &Weighing) -> Result<PathBuf> {
    let folder = warehouse.writable_definitions().ok_or_else(|| {
        EngineError::input(
            "definitions of a warehouse in an object store are changed there; copy the weights by hand",
        )
    })?;
    let path = folder.join(SCORECARD);
    let (_, text) = scorecard_text(warehouse)?;
    write_text(&path, &with_weights(&text, &weights(&weighing.indicators)))?;
    Ok(path)
}

/// A scorecard's text with other weights: table `[weights]` is replaced, everything else stays as it is written.
fn with_weights(text: &str, weights: &BTreeMap<String, f64>) -> String {
    let mut kept = String::new();
    let mut inside = false;
    for line in text.lines() {
        if line.trim_start().starts_with('[') {
            inside = line.trim() == "[weights]";
        }
        if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    let mut written = format!("{}\n\n[weights]\n", kept.trim_end());
    for (code, weight) in weights {
        // A string takes everything.
        let _ = writeln!(written, "{code} = {weight}");
    }
    written
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use assay_risk_models::scorecard::{EMBEDDED, Scorecard};

    use super::*;

    #[test]
    fn weights_are_replaced_and_nothing_else() {
        let once = with_weights(EMBEDDED, &[("I05".to_owned(), 0.25), ("V38".to_owned(), 1.5)].into());
        let card = Scorecard::parse(&once).unwrap();
        assert_eq!((card.weight("I05"), card.weight("V38"), card.weight("I01")), (0.25, 1.5, 1.0));
        let twice = with_weights(&once, &[("I01".to_owned(), 0.5)].into());
        let card = Scorecard::parse(&twice).unwrap();
        assert_eq!((card.weight("I05"), card.weight("I01")), (1.0, 0.5));
        assert_eq!(twice.matches("[weights]").count(), 1);
        assert_eq!(
            card.with_weights(BTreeMap::new()),
            Scorecard::parse(EMBEDDED).unwrap().with_weights(BTreeMap::new())
        );
    }
}
