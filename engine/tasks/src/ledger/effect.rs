//! What indicators are worth, by what officers said: shares of true and false alarms, how good the estimates were, and the
//! lift over taxpayers drawn at random, each with its 95 percent interval.

use std::collections::BTreeMap;

use assay_risk_models::rates::{Interval, Ratio, accuracy, lift, wilson};

use super::answer::{EXCLUDED, TRUE};
use super::error::Result;
use super::rows::{all, count, int, text, word};
use super::rules::Rules;
use super::{Ledger, Tx};

/// What hits are counted by, beside indicator and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectBy {
    /// Nothing more.
    Version,
    /// Month of the scan.
    Month,
    /// Year of the scan.
    Year,
}

/// A share with its interval.
pub type Share = (f64, Interval);

/// What an indicator was worth.
#[derive(Debug, Clone)]
pub struct Effect {
    /// Its code.
    pub indicator: String,
    /// Its Chinese name, as it was when it hit.
    pub name_zh: String,
    /// Its version.
    pub version: i64,
    /// Month (YYYYMM) or year of the scans; none when not asked for.
    pub period: Option<i64>,
    /// Hits in tasks, recalled ones apart.
    pub hits: u64,
    /// Hits somebody answered.
    pub answered: u64,
    /// Of these, true (属实).
    pub confirmed: u64,
    /// Of these, excluded (排除).
    pub excluded: u64,
    /// 属实率, of what was answered; the interval is about hits to come, so that few answers say little even where they are all.
    pub rate: Option<Share>,
    /// 排除率.
    pub excluded_rate: Option<Share>,
    /// 查补/预估: tax recovered and credit reduced, over the estimate, where both are known. What a task brought in is
    /// shared among its true hits by their estimates.
    pub accuracy: Option<Ratio>,
    /// Share of answered hits whose task changed nothing at all.
    pub no_change: Option<Share>,
    /// 属实率 over that of taxpayers drawn at random; none without a draw that was answered.
    pub lift: Option<Ratio>,
}

/// One answered or unanswered hit.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) task_no: String,
    pub(super) indicator: String,
    pub(super) version: i64,
    pub(super) as_of: i64,
    pub(super) name_zh: String,
    /// Fen.
    pub(super) estimate: Option<i64>,
    pub(super) conclusion: Option<String>,
    /// Tax recovered and credit reduced of the whole task, fen; none when not known.
    pub(super) found: Option<i64>,
    /// Whether anything came of the whole task.
    pub(super) changed: bool,
}

/// All hits of tasks that were not recalled, with what was said of them.
pub(super) async fn heard(tx: &mut Tx) -> Result<Vec<Heard>> {
    let sql = "SELECT i.task_no, i.indicator, i.version, i.as_of, i.content, i.amount, i.conclusion, \
        a.tax_recovered, a.credit_reduced, a.late_fee, a.fine, a.loss_reduced \
        FROM task_item AS i JOIN task AS t ON t.task_no = i.task_no \
        LEFT JOIN answer AS a ON a.task_no = t.task_no AND a.complete = 1 \
        WHERE t.state <> 'recalled' AND t.kind <> 'assistance' ORDER BY i.task_no, i.indicator";
    let mut found = Vec::new();
    for row in all(tx, "read what was answered", sql, vec![]).await? {
        let sums = [int(&row, 7)?, int(&row, 8)?, int(&row, 9)?, int(&row, 10)?, int(&row, 11)?];
        let item: serde_json::Value = serde_json::from_str(&word(&row, 4)?).unwrap_or_default();
        found.push(Heard {
            task_no: word(&row, 0)?,
            indicator: word(&row, 1)?,
            version: count(&row, 2)?,
            as_of: count(&row, 3)?,
            name_zh: item["name_zh"].as_str().unwrap_or_default().to_owned(),
            estimate: int(&row, 5)?,
            conclusion: text(&row, 6)?,
            found: sums[0].map(|tax| tax + sums[1].unwrap_or(0)).or(sums[1]),
            changed: sums.iter().any(|sum| sum.unwrap_or(0) > 0),
        });
    }
    Ok(found)
}

/// Answered taxpayers drawn at random: how many were guilty, and how many answered.
async fn baseline(tx: &mut Tx) -> Result<(u64, u64)> {
    let sql = "SELECT a.conclusion, t.kind, a.tax_recovered, a.credit_reduced, a.loss_reduced, a.late_fee, a.fine FROM drawn AS d \
        JOIN task AS t ON t.task_no = d.task_no JOIN answer AS a ON a.task_no = d.task_no AND a.complete = 1";
    let (mut guilty, mut answered) = (0, 0);
    for row in all(tx, "read the random sample", sql, vec![]).await? {
        answered += 1;
        let confirmed = text(&row, 0)?.is_some_and(|said| said != EXCLUDED);
        // That a benefit is due and was not claimed is confirmed and nobody's guilt.
        let benefit = word(&row, 1)? == "benefit";
        let mut changed = false;
        for at in 2..7 {
            changed |= int(&row, at)?.is_some_and(|fen| fen > 0);
        }
        guilty += u64::from(confirmed && (!benefit || changed));
    }
    Ok((guilty, answered))
}

/// What each hit brought in, fen: a task's sum, shared among its true hits by their estimates.
fn shared(hits: &[Heard]) -> Vec<Option<f64>> {
    let mut by_task: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, hit) in hits.iter().enumerate() {
        by_task.entry(&hit.task_no).or_default().push(at);
    }
    let mut found = vec![None; hits.len()];
    for places in by_task.values() {
        let Some(sum) = hits[places[0]].found else { continue };
        let held: Vec<usize> =
            places.iter().copied().filter(|at| hits[*at].conclusion.as_deref() == Some(TRUE)).collect();
        let weights: f64 = held.iter().filter_map(|at| hits[*at].estimate).map(|fen| fen as f64).sum();
        for at in places {
            found[*at] = Some(match (held.contains(at), hits[*at].estimate) {
                (true, Some(estimate)) if weights > 0.0 => sum as f64 * estimate as f64 / weights,
                (true, _) if weights == 0.0 => sum as f64 / held.len() as f64,
                _ => 0.0,
            });
        }
    }
    found
}

impl Ledger {
    /// What each indicator was worth, by code and version.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn effect(&self, by: EffectBy) -> Result<Vec<Effect>> {
        let mut tx = self.look().await?;
        let hits = heard(&mut tx).await?;
        let base = baseline(&mut tx).await?;
        Ok(effects(&hits, base, by))
    }

    /// Taxpayers that officers judged, and whether something was wrong: of every task answered whole.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn judged(&self) -> Result<BTreeMap<String, bool>> {
        let mut tx = self.look().await?;
        let sql = "SELECT t.taxpayer_id, a.conclusion FROM answer AS a JOIN task AS t ON t.task_no = a.task_no \
            WHERE a.complete = 1 AND t.kind IN ('risk', 'sample') ORDER BY a.answered_at";
        let mut judged = BTreeMap::new();
        for row in all(&mut tx, "read answers", sql, vec![]).await? {
            // The last answer counts: a taxpayer may mend its ways, or fall.
            judged.insert(word(&row, 0)?, text(&row, 1)?.is_some_and(|said| said != EXCLUDED));
        }
        Ok(judged)
    }
}

fn effects(hits: &[Heard], base: (u64, u64), by: EffectBy) -> Vec<Effect> {
    let brought = shared(hits);
    let mut groups: BTreeMap<(&str, i64, Option<i64>), Vec<usize>> = BTreeMap::new();
    for (at, hit) in hits.iter().enumerate() {
        let period = match by {
            EffectBy::Version => None,
            EffectBy::Month => Some(hit.as_of),
            EffectBy::Year => Some(hit.as_of / 100),
        };
        groups.entry((&hit.indicator, hit.version, period)).or_default().push(at);
    }
    let effect = |((indicator, version, period), places): ((&str, i64, Option<i64>), Vec<usize>)| {
        let heard: Vec<&Heard> = places.iter().map(|at| &hits[*at]).collect();
        let total = |test: &dyn Fn(&Heard) -> bool| heard.iter().filter(|hit| test(hit)).count() as u64;
        let said = |hit: &Heard, word: &str| hit.conclusion.as_deref() == Some(word);
        let answered = total(&|hit| hit.conclusion.is_some());
        let (confirmed, excluded) = (total(&|hit| said(hit, TRUE)), total(&|hit| said(hit, EXCLUDED)));
        let still = total(&|hit| hit.conclusion.is_some() && !hit.changed);
        let pairs: Vec<(f64, f64)> = places
            .iter()
            .filter(|at| hits[**at].conclusion.is_some())
            .filter_map(|at| Some((hits[*at].estimate? as f64, brought[*at]?)))
            .collect();
        Effect {
            indicator: indicator.to_owned(),
            name_zh: heard.last().map(|hit| hit.name_zh.clone()).unwrap_or_default(),
            version,
            period,
            hits: places.len() as u64,
            answered,
            confirmed,
            excluded,
            rate: wilson(confirmed, answered),
            excluded_rate: wilson(excluded, answered),
            accuracy: accuracy(&pairs),
            no_change: wilson(still, answered),
            lift: lift(confirmed, answered, base.0, base.1),
        }
    };
    groups.into_iter().map(effect).collect()
}

/// How often hits are expected to be true and what is then recovered, from answers and, where they are few, from what the
/// rules assume.
pub(super) struct Hopes {
    by_indicator: BTreeMap<String, (u64, u64)>,
    recovered: f64,
    weight: f64,
}

impl Hopes {
    pub(super) async fn read(tx: &mut Tx, rules: &Rules) -> Result<Self> {
        let hits = heard(tx).await?;
        let brought = shared(&hits);
        let weight = rules.expected.answers;
        let mut by_indicator: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let (mut estimated, mut found, mut n) = (0.0, 0.0, 0.0);
        for (hit, brought) in hits.iter().zip(&brought) {
            let Some(said) = &hit.conclusion else { continue };
            let entry = by_indicator.entry(hit.indicator.clone()).or_default();
            entry.1 += 1;
            entry.0 += u64::from(said == TRUE);
            if let (true, Some(estimate), Some(brought)) = (said == TRUE, hit.estimate, brought) {
                estimated += estimate as f64;
                found += brought;
                n += 1.0;
            }
        }
        let seen = if estimated > 0.0 { found / estimated } else { 0.0 };
        let recovered = (seen * n + rules.expected.recovered * weight) / (n + weight);
        Ok(Self { by_indicator, recovered, weight })
    }

    /// Fen an estimate is expected to bring in, when nothing but `assumed` speaks for its being true.
    pub(super) fn of(&self, indicator: &str, estimate: i128, assumed: f64) -> f64 {
        let (confirmed, answered) = self.by_indicator.get(indicator).copied().unwrap_or_default();
        let share = (confirmed as f64 + assumed * self.weight) / (answered as f64 + self.weight);
        estimate as f64 * share * self.recovered
    }
}
