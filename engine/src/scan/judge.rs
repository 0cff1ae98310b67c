//! Judges a profile: every indicator's lines against every taxpayer's value, the hits scored, three result tables.
//! Columnar until a hit is found; of those hit the facts are kept, and texts are made of them. Where the profile comes from and where the
//! tables go is `mod.rs`'s business.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    Array, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    UInt32Array,
};
use arrow::compute::kernels::boolean::{and, and_not, is_not_null, is_null, not, or};
use arrow::compute::kernels::cmp::{gt, gt_eq, lt, lt_eq};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{Decimal128Type, Float64Type, Int64Type, Schema};
use assay_indicators::{CompiledIndicator, Layout, Line, LineKind, Mark, Op, Severity, deviation};
use assay_risk_models::scorecard::{Grade, HeldAgainst, HitFigures, Score, Scorecard};
use rayon::prelude::*;

use super::peers::{AllPeers, Peers, peer_line};
use super::profile::{Part, Profile};
use super::standing::Standings;
use crate::error::{EngineError, Result};

/// What a scan finds. The rows of its result tables, with their texts, are made piece by piece (`tables.rs`): all of them
/// at once are many times as large.
#[derive(Debug, Clone)]
pub(super) struct Judgement {
    /// By taxpayer key, then indicator.
    pub(super) hits: Vec<Hit>,
    /// By taxpayer key: everybody with a hit.
    pub(super) scored: Vec<Scored>,
    /// By place of indicator.
    pub(super) tallies: Vec<Tally>,
    /// By place of indicator.
    pub(super) kept: Kept,
    /// By place of indicator and line.
    held: Vec<Vec<Option<HeldAgainst>>>,
    /// What is known of taxpayers beside their hits.
    pub(super) standings: Standings,
}

impl Judgement {
    /// Taxpayers by grade, in the order high, medium, low.
    pub(super) fn graded(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for grade in self.scored.iter().filter_map(|one| one.score.grade) {
            counts[grade as usize] += 1;
        }
        counts
    }

    /// Keys of the taxpayers each indicator hits, by its place.
    pub(super) fn taxpayers_hit(&self) -> Vec<HashSet<i64>> {
        let mut hit = vec![HashSet::new(); self.held.len()];
        self.hits.iter().for_each(|one| {
            hit[one.indicator].insert(one.taxpayer_key);
        });
        hit
    }

    /// Grade of each taxpayer hit, by key, by a scorecard other than that of the judgement.
    pub(super) fn grades(&self, layout: &Layout, card: &Scorecard) -> HashMap<i64, Option<Grade>> {
        let scored = score(layout, (&self.hits, &self.standings), &self.held, card);
        scored.into_iter().map(|one| (one.taxpayer_key, one.score.grade)).collect()
    }
}

/// One taxpayer on the wrong side of one line.
#[derive(Debug, Clone)]
pub(super) struct Hit {
    pub(super) taxpayer_key: i64,
    /// Place in [`Layout::indicators`].
    pub(super) indicator: usize,
    /// Place in the indicator's lines in force.
    pub(super) line: usize,
    /// Its facts, as a row of what is [`Kept`] of the indicator.
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

impl Tally {
    fn add(&mut self, other: Self) {
        self.applicable += other.applicable;
        self.hits += other.hits;
        self.unknown += other.unknown;
        self.not_applicable += other.not_applicable;
        for (fact, n) in other.missing {
            *self.missing.entry(fact).or_default() += n;
        }
    }
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

pub(crate) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a dyn Array> {
    batch
        .column_by_name(name)
        .map(AsRef::as_ref)
        .ok_or_else(|| EngineError::internal(format!("the profile has no column {name}")))
}

/// A column of plain text.
pub(super) fn texts<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b StringArray> {
    let texts = column(batch, name)?.as_string_opt::<i32>();
    texts.ok_or_else(|| EngineError::internal(format!("column {name} is no text")))
}

pub(crate) fn keys(batch: &RecordBatch) -> Result<&Int64Array> {
    column(batch, "taxpayer_key")?
        .as_primitive_opt::<Int64Type>()
        .ok_or_else(|| EngineError::internal("profile column taxpayer_key is no Int64"))
}

/// Ids and facts of the taxpayers an indicator hits, by place of the indicator: `taxpayer_id`, then its facts.
pub(super) type Kept = Vec<RecordBatch>;

/// Judges all parts of a profile. The result does not depend on how rows are spread over parts, nor on the number of
/// threads.
///
/// # Errors
/// When a taxpayer stands in the profile twice, or the columns are not those of the layout.
pub(super) fn judge<P: Profile>(
    layout: &Layout,
    profile: &P,
    card: &Scorecard,
    standings: Standings,
) -> Result<Judgement> {
    let peers = AllPeers::of(layout, profile, card)?;
    let judged = profile.parts(&|_| true, |part| {
        let indicators = layout.indicators.iter().enumerate();
        let indicators = indicators.map(|(n, compiled)| {
            judge_part(compiled, &part, peers.as_ref().and_then(|p| p.indicator(n)).as_ref())
        });
        Ok((keys(part.batch)?.clone(), indicators.collect::<Result<Vec<_>>>()?))
    })?;
    let (parts_keys, judged): (Vec<Int64Array>, Vec<Vec<Judged>>) = judged.into_iter().unzip();
    refuse_duplicates(&parts_keys)?;
    let (mut hits, tallies, kept) = join(layout, judged)?;
    // Indicators stand in the layout by code, so their place orders them like their code.
    hits.par_sort_unstable_by_key(|hit| (hit.taxpayer_key, hit.indicator));
    let held = held_against(layout, &hits, &tallies);
    let scored = score(layout, (&hits, &standings), &held, card);
    Ok(Judgement { hits, scored, tallies, kept, held, standings })
}

fn refuse_duplicates(parts: &[Int64Array]) -> Result<()> {
    let mut all: Vec<i64> = parts.iter().flat_map(|keys| keys.values()).copied().collect();
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

/// What one part says of one indicator.
struct Judged {
    hits: Vec<Hit>,
    tally: Tally,
    kept: Option<RecordBatch>,
}

/// The parts' findings as one.
fn join(layout: &Layout, parts: Vec<Vec<Judged>>) -> Result<(Vec<Hit>, Vec<Tally>, Kept)> {
    let mut hits = Vec::new();
    let mut tallies = vec![Tally::default(); layout.indicators.len()];
    let mut kept: Vec<Vec<RecordBatch>> = vec![Vec::new(); layout.indicators.len()];
    let mut rows = vec![0; layout.indicators.len()];
    for judged in parts {
        for (n, judged) in judged.into_iter().enumerate() {
            let moved =
                judged.hits.into_iter().map(|hit| Hit { indicator: n, row: hit.row + rows[n], ..hit });
            hits.extend(moved);
            tallies[n].add(judged.tally);
            rows[n] += judged.kept.as_ref().map_or(0, RecordBatch::num_rows);
            kept[n].extend(judged.kept);
        }
    }
    let whole = |batches: Vec<RecordBatch>| match batches.first() {
        Some(first) => Ok(concat_batches(&first.schema(), &batches)?),
        None => Ok(RecordBatch::new_empty(Arc::new(Schema::empty()))),
    };
    Ok((hits, tallies, kept.into_iter().map(whole).collect::<Result<_>>()?))
}

fn judge_part(compiled: &CompiledIndicator, part: &Part<'_>, peers: Option<&Peers<'_>>) -> Result<Judged> {
    let (batch, first_row) = (part.batch, part.first_row);
    let columns = &Columns::of(batch, compiled)?;
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
    let mut tally = count(compiled, batch, columns, &yes, &unknown, &undrawn)?;
    tally.hits = hits.len();
    let kept = keep(compiled, batch, &mut hits)?;
    Ok(Judged { hits, tally, kept })
}

/// The ids and facts of hits, which from then on are rows of these.
fn keep(compiled: &CompiledIndicator, batch: &RecordBatch, hits: &mut [Hit]) -> Result<Option<RecordBatch>> {
    if hits.is_empty() {
        return Ok(None);
    }
    let schema = batch.schema();
    let mut columns = vec![schema.index_of("taxpayer_id")?];
    for fact in &compiled.facts {
        let place = schema.index_of(fact)?;
        if !columns.contains(&place) {
            columns.push(place);
        }
    }
    let rows = hits.iter().map(|hit| u32::try_from(hit.row).unwrap_or(u32::MAX));
    let kept = take_record_batch(&batch.project(&columns)?, &UInt32Array::from_iter_values(rows))?;
    hits.iter_mut().zip(0..).for_each(|(hit, row)| hit.row = row);
    Ok(Some(kept))
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
) -> Result<Tally> {
    let mut tally = Tally {
        applicable: and_not(yes, unknown)?.true_count(),
        unknown: unknown.true_count(),
        not_applicable: true_bits(&not(columns.applies)?).true_count(),
        ..Tally::default()
    };
    if tally.unknown == 0 {
        return Ok(tally);
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
    Ok(tally)
}

/// The score of one taxpayer and the range of its hits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scored {
    pub(super) hits: std::ops::Range<usize>,
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
fn score(
    layout: &Layout,
    (hits, standings): (&[Hit], &Standings),
    held: &[Vec<Option<HeldAgainst>>],
    card: &Scorecard,
) -> Vec<Scored> {
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
                        indicator: &compiled.definition.code.value,
                        family: &compiled.definition.family,
                        severity: grade_of(hit.severity(compiled)),
                        deviation: hit.deviation,
                        amount: hit.amount,
                        held: held[hit.indicator][hit.line],
                    }
                })
                .collect();
            let taxpayer_key = run[0].taxpayer_key;
            let factor = standings.get(&taxpayer_key).map_or(1.0, |standing| standing.factor);
            Scored { hits, taxpayer_key, score: card.score(&figures, factor) }
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
