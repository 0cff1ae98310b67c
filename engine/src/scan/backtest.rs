//! How well each indicator, and the score, finds labelled taxpayers: hits, precision, lift and AUC. Reads a judged
//! profile; runs nothing and stores nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use assay_indicators::Layout;
use assay_risk_models::measures::{HitCounts, auc};
use assay_sql::session::SessionOptions;
use serde::Serialize;

use super::judge::{Columns, Judgement, keys};
use super::judged::{Look, labels_by_key, look};
use super::labels::Labels;
use super::profile::Profile;
use crate::error::Result;
use crate::ingest::Progress;
use crate::warehouse::Warehouse;

/// One line of a backtest: an indicator, or the score (code `score`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BacktestRow {
    /// Code of the indicator, or `score`, whose hits are the taxpayers with any hit at all.
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Labelled taxpayers of the profile.
    pub labelled: usize,
    /// Positives among them.
    pub positives: usize,
    /// Labelled taxpayers the indicator could tell about.
    pub known: usize,
    /// Hits among the labelled.
    pub hits: usize,
    /// Hits among the positives.
    pub true_hits: usize,
    /// Share of the hits that are positive.
    pub precision: Option<f64>,
    /// Precision over the share of positives among the labelled.
    pub lift: Option<f64>,
    /// Area under the ROC curve by value in the direction of the first line (unknown ranks lowest), or by score (no
    /// hit is 0).
    pub auc: Option<f64>,
}

/// The values of every indicator (by place) for chosen taxpayers; a taxpayer whom it does not concern or who lacks a
/// fact is `None`, one who is not in the profile is absent.
fn values_of<P: Profile>(
    layout: &Layout,
    profile: &P,
    wanted: &HashSet<i64>,
) -> Result<BTreeMap<i64, Vec<Option<f64>>>> {
    let parts = profile.parts(&|_| true, |part| {
        let columns: Vec<Columns<'_>> = layout
            .indicators
            .iter()
            .map(|compiled| Columns::of(part.batch, compiled))
            .collect::<Result<_>>()?;
        let rows = keys(part.batch)?.values().iter().enumerate().filter(|(_, key)| wanted.contains(key));
        let told = |row: usize| columns.iter().map(|columns| columns.told(row)).collect();
        Ok(rows.map(|(row, key)| (*key, told(row))).collect::<Vec<_>>())
    })?;
    Ok(parts.into_iter().flatten().collect())
}

/// Judges labelled taxpayers without storing anything: for each indicator and the score, hits, precision, lift, AUC.
///
/// # Errors
/// When no labelled taxpayer is in the register, a definition is wrong, or a table cannot be read.
pub async fn backtest(
    warehouse: &Warehouse,
    as_of: Option<i32>,
    only: &[String],
    labels: &Labels,
    options: &SessionOptions,
    progress: Arc<dyn Progress>,
) -> Result<(i32, Vec<BacktestRow>)> {
    let Look { as_of, judged, .. } = look(warehouse, as_of, only, options, progress).await?;
    let keyed = labels_by_key(&judged.profile, labels)?;
    Ok((as_of, hold(&judged.layout, &judged.profile, &judged.judgement, &keyed)?))
}

/// Holds a judged profile against labels (taxpayer key to positive). Labelled taxpayers who are not in the profile
/// are left out of every count. The rows are by code, the score last.
///
/// # Errors
/// When the columns are not those of the layout.
pub(super) fn hold<P: Profile>(
    layout: &Layout,
    profile: &P,
    judgement: &Judgement,
    labels: &HashMap<i64, bool>,
) -> Result<Vec<BacktestRow>> {
    let values = values_of(layout, profile, &labels.keys().copied().collect())?;
    let hits = judgement.taxpayers_hit();
    let mut rows = Vec::new();
    for (n, compiled) in layout.indicators.iter().enumerate() {
        let definition = &compiled.definition;
        let code = &definition.code.value;
        let upward = compiled.lines.first().is_none_or(|line| line.op.upward());
        let rank = |value: f64| if upward { value } else { -value };
        let subjects: Vec<Subject> = values
            .iter()
            .map(|(key, values)| Subject {
                rank: values[n].map(rank),
                hit: hits[n].contains(key),
                positive: labels[key],
            })
            .collect();
        rows.push(row(code, &definition.name.zh, &definition.name.en, &subjects));
    }
    let scores = score_subjects(values.keys().copied(), judgement, labels);
    rows.push(row("score", "综合评分", "score", &scores));
    Ok(rows)
}

/// One labelled taxpayer.
struct Subject {
    rank: Option<f64>,
    hit: bool,
    positive: bool,
}

fn row(code: &str, name_zh: &str, name_en: &str, subjects: &[Subject]) -> BacktestRow {
    let counts = HitCounts::of(subjects.iter().map(|s| (s.hit, s.positive)));
    let ranked: Vec<(Option<f64>, bool)> = subjects.iter().map(|s| (s.rank, s.positive)).collect();
    BacktestRow {
        code: code.to_owned(),
        name_zh: name_zh.to_owned(),
        name_en: name_en.to_owned(),
        labelled: counts.labelled,
        positives: counts.positives,
        known: subjects.iter().filter(|s| s.rank.is_some()).count(),
        hits: counts.hits,
        true_hits: counts.true_hits,
        precision: counts.precision(),
        lift: counts.lift(),
        auc: auc(&ranked),
    }
}

fn score_subjects(
    taxpayers: impl Iterator<Item = i64>,
    judgement: &Judgement,
    labels: &HashMap<i64, bool>,
) -> Vec<Subject> {
    let scores: HashMap<i64, f64> =
        judgement.scored.iter().map(|one| (one.taxpayer_key, one.score.total as f64 / 100.0)).collect();
    let subject = |key: i64| {
        let score = scores.get(&key).copied();
        Subject { rank: Some(score.unwrap_or(0.0)), hit: score.is_some(), positive: labels[&key] }
    };
    taxpayers.map(subject).collect()
}
