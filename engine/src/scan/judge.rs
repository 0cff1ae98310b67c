//! Judges a profile: every indicator's lines against every taxpayer's value, the hits scored, three result tables.
//! Columnar until a hit is found; texts are made for hits only. Where the profile comes from and where the
//! tables go is `mod.rs`'s business.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch};
use arrow::compute::kernels::boolean::{and, and_not, is_not_null, is_null, not, or};
use arrow::compute::kernels::cmp::{gt, gt_eq, lt, lt_eq};
use arrow::datatypes::{Decimal128Type, Float64Type, Int64Type};
use assay_indicators::{
    CompiledIndicator, Layout, Line, LineKind, Mark, Op, PeerFigures, SIZE_COLUMN, Severity, deviation,
    threshold,
};
use assay_risk_models::peers::{GroupFigures, PeerGroups, Traits};
use assay_risk_models::scorecard::{Grade, HeldAgainst, HitFigures, Score, Scorecard};
use rayon::prelude::*;

use super::tables::{hit_batch, score_batch, tally_batch};
use crate::error::{EngineError, Result};

/// What a scan finds, as the rows of its result tables.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// Table `hit`, by taxpayer key, then indicator.
    pub hits: RecordBatch,
    /// Table `score`, by taxpayer key: one row for each taxpayer with a hit.
    pub scores: RecordBatch,
    /// Table `scan_indicator`, by indicator.
    pub indicators: RecordBatch,
}

/// One taxpayer on the wrong side of one line.
#[derive(Debug, Clone)]
pub(super) struct Hit {
    pub(super) taxpayer_key: i64,
    /// Place in [`Layout::indicators`].
    pub(super) indicator: usize,
    /// Place in the indicator's lines in force.
    pub(super) line: usize,
    pub(super) batch: usize,
    pub(super) row: usize,
    pub(super) value: f64,
    /// The line in the unit of the value.
    pub(super) at: f64,
    pub(super) deviation: f64,
    /// Fen.
    pub(super) amount: Option<i128>,
    /// Group and number of the peers a peer line was drawn from.
    pub(super) peers: Option<(String, usize)>,
}

impl Hit {
    pub(super) fn severity(&self, compiled: &CompiledIndicator) -> Severity {
        compiled.lines[self.line].severity.unwrap_or(compiled.definition.severity)
    }
}

/// How many taxpayers an indicator could tell about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// It concerned them and could tell.
    pub(super) applicable: usize,
    pub(super) hits: usize,
    /// It could not tell.
    pub(super) unknown: usize,
    pub(super) not_applicable: usize,
    /// Among the unknown: how often each fact was missing; `peers` = too few to draw a line.
    pub(super) missing: BTreeMap<String, usize>,
}

/// The columns of one indicator in one batch of the profile.
pub(super) struct Columns<'a> {
    pub(super) applies: &'a BooleanArray,
    pub(super) value: &'a Float64Array,
    pub(super) amount: Option<&'a Decimal128Array>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(batch: &'a RecordBatch, compiled: &CompiledIndicator) -> Result<Self> {
        let wrong = |name: &str| EngineError::internal(format!("profile column {name} has another type"));
        Ok(Self {
            applies: column(batch, &compiled.applies)?
                .as_boolean_opt()
                .ok_or_else(|| wrong(&compiled.applies))?,
            value: column(batch, &compiled.value)?
                .as_primitive_opt::<Float64Type>()
                .ok_or_else(|| wrong(&compiled.value))?,
            amount: match &compiled.amount {
                Some(name) => Some(
                    column(batch, name)?.as_primitive_opt::<Decimal128Type>().ok_or_else(|| wrong(name))?,
                ),
                None => None,
            },
        })
    }

    /// The value where the indicator concerns the taxpayer and can tell.
    pub(super) fn told(&self, row: usize) -> Option<f64> {
        let applies = self.applies.is_valid(row) && self.applies.value(row);
        (applies && self.value.is_valid(row)).then(|| self.value.value(row))
    }
}

pub(super) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a dyn Array> {
    batch
        .column_by_name(name)
        .map(AsRef::as_ref)
        .ok_or_else(|| EngineError::internal(format!("the profile has no column {name}")))
}

pub(super) fn keys(batch: &RecordBatch) -> Result<&Int64Array> {
    column(batch, "taxpayer_key")?
        .as_primitive_opt::<Int64Type>()
        .ok_or_else(|| EngineError::internal("profile column taxpayer_key is no Int64"))
}

/// Judges all batches of a profile. The result does not depend on how rows are spread over batches, nor on the
/// number of threads.
///
/// # Errors
/// When a taxpayer stands in the profile twice, or the batches are not those of the layout.
pub fn judge(layout: &Layout, batches: &[RecordBatch], card: &Scorecard) -> Result<Judgement> {
    refuse_duplicates(batches)?;
    let peers = if layout.needs_peers { Some(peer_groups(batches, card)?) } else { None };
    let outcomes: Vec<(Vec<Hit>, Tally)> = (0..layout.indicators.len())
        .into_par_iter()
        .map(|n| judge_indicator(layout, n, batches, peers.as_ref(), card))
        .collect::<Result<_>>()?;
    let (hits, tallies): (Vec<Vec<Hit>>, Vec<Tally>) = outcomes.into_iter().unzip();
    let mut hits: Vec<Hit> = hits.into_iter().flatten().collect();
    // Indicators stand in the layout by code, so their place orders them like their code.
    hits.par_sort_unstable_by_key(|hit| (hit.taxpayer_key, hit.indicator));
    let held = held_against(layout, &hits, &tallies);
    let scored = score(layout, &hits, &held, card);
    Ok(Judgement {
        hits: hit_batch(layout, batches, &hits, &scored)?,
        scores: score_batch(layout, batches, &scored)?,
        indicators: tally_batch(layout, &tallies)?,
    })
}

fn refuse_duplicates(batches: &[RecordBatch]) -> Result<()> {
    let mut all = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for batch in batches {
        all.extend_from_slice(keys(batch)?.values());
    }
    all.par_sort_unstable();
    match all.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(EngineError::Warehouse(format!(
            "taxpayer_key {} has two current registrations (valid_to empty) in table taxpayer; \
             load a corrected registration that ends one of them",
            pair[0]
        ))),
        None => Ok(()),
    }
}

/// Peer groups over all rows of all batches, in their order.
fn peer_groups(batches: &[RecordBatch], card: &Scorecard) -> Result<PeerGroups> {
    let wrong = |name: &str| EngineError::internal(format!("profile column {name} has another type"));
    let mut traits = Vec::new();
    for batch in batches {
        let text = |name: &'static str| {
            column(batch, name).and_then(|c| c.as_string_opt::<i32>().ok_or_else(|| wrong(name)))
        };
        let (industry, region) = (text("industry_code")?, text("region_code")?);
        let sales = column(batch, SIZE_COLUMN)?
            .as_primitive_opt::<Decimal128Type>()
            .ok_or_else(|| wrong(SIZE_COLUMN))?;
        traits.extend((0..batch.num_rows()).map(|row| Traits {
            industry: industry.is_valid(row).then(|| industry.value(row)),
            region: region.is_valid(row).then(|| region.value(row)),
            sales: sales.is_valid(row).then(|| sales.value(row) as f64 / 100.0),
        }));
    }
    Ok(PeerGroups::new(traits, &card.peers))
}

/// The peers' figures for one indicator.
struct Peers<'a> {
    groups: &'a PeerGroups,
    figures: GroupFigures,
    default_min: usize,
}

impl Peers<'_> {
    /// The group and figures a line is drawn from for a row.
    fn of(&self, row: usize, line: &Line) -> Option<(&str, PeerFigures)> {
        let min_peers = line.min_peers.unwrap_or(self.default_min);
        let (group, f) = self.groups.peers_of(&self.figures, row, min_peers)?;
        Some((group, PeerFigures { median: f.median, p10: f.p10, p90: f.p90, mad: f.mad, n: f.n }))
    }
}

fn judge_indicator(
    layout: &Layout,
    indicator: usize,
    batches: &[RecordBatch],
    groups: Option<&PeerGroups>,
    card: &Scorecard,
) -> Result<(Vec<Hit>, Tally)> {
    let compiled = &layout.indicators[indicator];
    let needs_peers = compiled.lines.iter().any(|line| line.kind.needs_peers());
    let columns = batches.iter().map(|batch| Columns::of(batch, compiled)).collect::<Result<Vec<_>>>()?;
    let peers = groups.filter(|_| needs_peers).map(|groups| {
        let values: Vec<Option<f64>> =
            columns.iter().flat_map(|c| (0..c.value.len()).map(|row| c.told(row))).collect();
        Peers { groups, figures: groups.figures(&values), default_min: card.peers.min_peers }
    });
    let mut hits = Vec::new();
    let mut tally = Tally::default();
    let mut first_row = 0;
    for (n, (batch, columns)) in batches.iter().zip(&columns).enumerate() {
        let mut found = judge_batch(compiled, batch, columns, peers.as_ref(), first_row, &mut tally)?;
        for hit in &mut found {
            (hit.batch, hit.indicator) = (n, indicator);
        }
        hits.append(&mut found);
        first_row += batch.num_rows();
    }
    Ok((hits, tally))
}

fn judge_batch(
    compiled: &CompiledIndicator,
    batch: &RecordBatch,
    columns: &Columns<'_>,
    peers: Option<&Peers<'_>>,
    first_row: usize,
    tally: &mut Tally,
) -> Result<Vec<Hit>> {
    let applies = columns.applies;
    let yes = true_bits(applies);
    let told = and(&yes, &is_not_null(columns.value)?)?;
    let mut unknown = or(&is_null(applies)?, &and(&yes, &is_null(columns.value)?)?)?;
    let mut open = told.clone();
    let mut undrawn = BooleanArray::from(vec![false; batch.num_rows()]);
    let mut hits = Vec::new();
    for (n, line) in compiled.lines.iter().enumerate() {
        let (crossed, missing) = match line.kind {
            LineKind::Absolute(at) => (beyond(columns.value, line.op, at)?, None),
            _ => {
                let (crossed, missing) = beyond_peers(columns.value, &open, line, peers, first_row);
                (crossed, Some(missing))
            }
        };
        let crossed = and(&open, &true_bits(&crossed))?;
        open = and_not(&open, &crossed)?;
        if let Some(missing) = missing {
            undrawn = or(&undrawn, &missing)?;
        }
        for row in crossed.values().set_indices() {
            hits.push(hit_at(batch, columns, line, n, row, peers, first_row)?);
        }
    }
    let undrawn = and(&undrawn, &open)?;
    unknown = or(&unknown, &undrawn)?;
    count(compiled, batch, columns, &yes, &unknown, &undrawn, tally)?;
    tally.hits += hits.len();
    Ok(hits)
}

/// True where the array is true; null counts as false.
fn true_bits(array: &BooleanArray) -> BooleanArray {
    match array.nulls() {
        Some(nulls) => BooleanArray::new(array.values() & nulls.inner(), None),
        None => array.clone(),
    }
}

fn beyond(values: &Float64Array, op: Op, at: f64) -> Result<BooleanArray> {
    let line = Float64Array::new_scalar(at);
    Ok(match op {
        Op::Ge => gt_eq(values, &line)?,
        Op::Gt => gt(values, &line)?,
        Op::Le => lt_eq(values, &line)?,
        Op::Lt => lt(values, &line)?,
    })
}

/// Where a value lies beyond the line drawn from its own peers, and where there were too few to draw one.
fn beyond_peers(
    values: &Float64Array,
    open: &BooleanArray,
    line: &Line,
    peers: Option<&Peers<'_>>,
    first_row: usize,
) -> (BooleanArray, BooleanArray) {
    let mut crossed = vec![false; values.len()];
    let mut missing = vec![false; values.len()];
    for row in open.values().set_indices() {
        match peer_line(line, peers, first_row + row) {
            Some((at, _)) => crossed[row] = line.op.crossed(values.value(row), at),
            None => missing[row] = true,
        }
    }
    (crossed.into(), missing.into())
}

/// The line of a row and the group and size of the peers it is drawn from.
fn peer_line<'p>(line: &Line, peers: Option<&'p Peers<'_>>, row: usize) -> Option<(f64, (&'p str, usize))> {
    let (group, figures) = peers?.of(row, line)?;
    // The number of peers was checked when the group was chosen.
    Some((threshold(line, Some(&figures), 1)?, (group, figures.n)))
}

fn hit_at(
    batch: &RecordBatch,
    columns: &Columns<'_>,
    line: &Line,
    line_index: usize,
    row: usize,
    peers: Option<&Peers<'_>>,
    first_row: usize,
) -> Result<Hit> {
    let (at, group) = match line.kind {
        LineKind::Absolute(at) => (at, None),
        _ => {
            let (at, (group, n)) = peer_line(line, peers, first_row + row)
                .ok_or_else(|| EngineError::internal("a peer line was crossed and cannot be drawn"))?;
            (at, Some((group.to_owned(), n)))
        }
    };
    let value = columns.value.value(row);
    Ok(Hit {
        taxpayer_key: keys(batch)?.value(row),
        indicator: 0,
        line: line_index,
        batch: 0,
        row,
        value,
        at,
        deviation: deviation(line.op, value, at),
        amount: columns.amount.filter(|amount| amount.is_valid(row)).map(|amount| amount.value(row)),
        peers: group,
    })
}

fn count(
    compiled: &CompiledIndicator,
    batch: &RecordBatch,
    columns: &Columns<'_>,
    yes: &BooleanArray,
    unknown: &BooleanArray,
    undrawn: &BooleanArray,
    tally: &mut Tally,
) -> Result<()> {
    let concerned = and_not(yes, unknown)?;
    tally.applicable += concerned.true_count();
    tally.unknown += unknown.true_count();
    tally.not_applicable += true_bits(&not(columns.applies)?).true_count();
    if unknown.true_count() == 0 {
        return Ok(());
    }
    for (fact, name) in compiled.definition.facts.iter().zip(&compiled.facts) {
        let missing = and(unknown, &is_null(column(batch, name)?)?)?.true_count();
        if missing > 0 {
            *tally.missing.entry(fact.name.value.clone()).or_default() += missing;
        }
    }
    if undrawn.true_count() > 0 {
        *tally.missing.entry("peers".to_owned()).or_default() += undrawn.true_count();
    }
    Ok(())
}

/// The score of one taxpayer and the range of its hits.
#[derive(Debug, Clone)]
pub(super) struct Scored {
    pub(super) hits: std::ops::Range<usize>,
    pub(super) batch: usize,
    pub(super) row: usize,
    pub(super) taxpayer_key: i64,
    pub(super) score: Score,
}

/// How common it is to cross each line of each indicator; `None` for a line that stands in a rule, whose breach counts
/// however many commit it.
fn held_against(layout: &Layout, hits: &[Hit], tallies: &[Tally]) -> Vec<Vec<Option<HeldAgainst>>> {
    let mut crossed: Vec<Vec<usize>> =
        layout.indicators.iter().map(|compiled| vec![0; compiled.lines.len()]).collect();
    for hit in hits {
        crossed[hit.indicator][hit.line] += 1;
    }
    let of_law = |line: &Line| matches!(line.source, Mark::Verified | Mark::Known);
    layout
        .indicators
        .iter()
        .zip(tallies)
        .zip(crossed)
        .map(|((compiled, tally), crossed)| {
            // Graver lines come first: who crossed one of them is at least as bad.
            let mut hits = 0;
            let mut of_line = |line: &Line, crossed: usize| {
                hits += crossed;
                (!of_law(line)).then_some(HeldAgainst { told: tally.applicable, hits })
            };
            compiled.lines.iter().zip(crossed).map(|(line, crossed)| of_line(line, crossed)).collect()
        })
        .collect()
}

/// Scores runs of hits of the same taxpayer.
fn score(layout: &Layout, hits: &[Hit], held: &[Vec<Option<HeldAgainst>>], card: &Scorecard) -> Vec<Scored> {
    let mut start = 0;
    let runs: Vec<&[Hit]> = hits.chunk_by(|a, b| a.taxpayer_key == b.taxpayer_key).collect();
    let ranges: Vec<std::ops::Range<usize>> = runs
        .iter()
        .map(|run| {
            let range = start..start + run.len();
            start = range.end;
            range
        })
        .collect();
    runs.par_iter()
        .zip(ranges)
        .map(|(run, hits)| {
            let figures: Vec<HitFigures<'_>> = run
                .iter()
                .map(|hit| {
                    let compiled = &layout.indicators[hit.indicator];
                    HitFigures {
                        family: &compiled.definition.family,
                        severity: grade_of(hit.severity(compiled)),
                        deviation: hit.deviation,
                        amount: hit.amount,
                        held: held[hit.indicator][hit.line],
                    }
                })
                .collect();
            let (batch, row, taxpayer_key) = (run[0].batch, run[0].row, run[0].taxpayer_key);
            Scored { hits, batch, row, taxpayer_key, score: card.score(&figures) }
        })
        .collect()
}

fn grade_of(severity: Severity) -> Grade {
    match severity {
        Severity::High => Grade::High,
        Severity::Medium => Grade::Medium,
        Severity::Low => Grade::Low,
    }
}
