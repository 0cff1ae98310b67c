//! The result tables of a scan: their schemas, and findings as their rows.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use assay_indicators::{CompiledIndicator, Layout};
use assay_risk_models::scorecard::Grade;
use rayon::prelude::*;

use super::judge::{Hit, Judgement, Scored, Tally, column};
use super::render::{HitTexts, Texts, quoted};
use crate::error::{EngineError, Result};

const AMOUNT: DataType = DataType::Decimal128(18, 2);
const POINTS: DataType = DataType::Decimal128(9, 2);

/// A schema of names, types and whether they may be null.
pub(crate) fn schema(fields: &[(&str, DataType, bool)]) -> SchemaRef {
    Arc::new(Schema::new(
        fields.iter().map(|(name, kind, null)| Field::new(*name, kind.clone(), *null)).collect::<Vec<_>>(),
    ))
}

/// Table `hit`: one row for each taxpayer and indicator whose line was crossed.
pub fn hit_schema() -> SchemaRef {
    schema(&[
        ("as_of", DataType::Int32, false),
        ("taxpayer_key", DataType::Int64, false),
        ("taxpayer_id", DataType::Utf8, true),
        ("indicator", DataType::Utf8, false),
        ("version", DataType::Int32, false),
        ("family", DataType::Utf8, false),
        ("tax", DataType::Utf8, false),
        ("severity", DataType::Utf8, false),
        ("value", DataType::Float64, false),
        ("op", DataType::Utf8, false),
        ("line", DataType::Float64, false),
        ("line_kind", DataType::Utf8, false),
        ("line_source", DataType::Utf8, false),
        ("peer_group", DataType::Utf8, true),
        ("peer_n", DataType::Int64, true),
        ("deviation", DataType::Float64, false),
        ("amount", AMOUNT, true),
        ("points", POINTS, false),
        ("message_zh", DataType::Utf8, false),
        ("message_en", DataType::Utf8, false),
        ("facts", DataType::Utf8, false),
        ("evidence_sql", DataType::Utf8, false),
    ])
}

/// Table `score`: one row for each taxpayer with a hit; `grade` is null where the score is too low for a task. `standing_*` say
/// what is known of the taxpayer beside its hits, and by which factor that multiplied all their points; null where by none.
pub fn score_schema() -> SchemaRef {
    schema(&[
        ("as_of", DataType::Int32, false),
        ("taxpayer_key", DataType::Int64, false),
        ("taxpayer_id", DataType::Utf8, true),
        ("score", POINTS, false),
        ("grade", DataType::Utf8, true),
        ("hits", DataType::Int64, false),
        ("families", DataType::Int64, false),
        ("amount", AMOUNT, true),
        ("standing_factor", DataType::Float64, true),
        ("standing_zh", DataType::Utf8, true),
        ("standing_en", DataType::Utf8, true),
    ])
}

/// Table `scan_indicator`: one row for each indicator of the scan. `missing_facts` is JSON, fact to count.
pub fn scan_indicator_schema() -> SchemaRef {
    schema(&[
        ("as_of", DataType::Int32, false),
        ("indicator", DataType::Utf8, false),
        ("version", DataType::Int32, false),
        ("applicable", DataType::Int64, false),
        ("hits", DataType::Int64, false),
        ("unknown", DataType::Int64, false),
        ("not_applicable", DataType::Int64, false),
        ("missing_facts", DataType::Utf8, false),
    ])
}

/// Hits of a piece of the table: texts of a column of millions of them would not fit into one array, nor all into memory.
const HITS_A_PIECE: usize = 1 << 16;

/// Makes rows of result tables of a judgement.
pub(super) struct Findings<'a> {
    layout: &'a Layout,
    judgement: &'a Judgement,
    texts: Vec<Texts<'a>>,
    /// Readable ids of who is hit, by place of indicator.
    ids: Vec<StringArray>,
}

impl<'a> Findings<'a> {
    pub(super) fn of(layout: &'a Layout, judgement: &'a Judgement) -> Result<Self> {
        let ids = judgement.kept.iter().map(ids).collect::<Result<Vec<_>>>()?;
        Ok(Self { layout, judgement, texts: Texts::of(layout)?, ids })
    }

    /// Table `hit`, in pieces, some of them made side by side.
    pub(super) fn hits(&self) -> impl Iterator<Item = Result<Vec<RecordBatch>>> + '_ {
        let scored = &self.judgement.scored;
        let mut pieces: Vec<Range<usize>> = Vec::new();
        for (n, one) in scored.iter().enumerate() {
            match pieces.last_mut() {
                Some(piece) if one.hits.end - scored[piece.start].hits.start <= HITS_A_PIECE => {
                    piece.end = n + 1
                }
                _ => pieces.push(n..n + 1),
            }
        }
        let some = pieces.chunks(rayon::current_num_threads()).map(<[_]>::to_vec).collect::<Vec<_>>();
        some.into_iter()
            .map(|pieces| pieces.into_par_iter().map(|piece| self.hits_of(&scored[piece])).collect())
    }

    /// Hits of some taxpayers.
    pub(super) fn hits_of<'s>(&self, scored: impl IntoIterator<Item = &'s Scored>) -> Result<RecordBatch> {
        let (mut hits, mut points) = (Vec::new(), Vec::new());
        for one in scored {
            hits.extend(&self.judgement.hits[one.hits.clone()]);
            points.extend(one.score.points.iter().map(|p| i128::from(*p)));
        }
        self.hit_batch(&hits, &points)
    }

    /// Everybody with a hit, by taxpayer key.
    pub(super) fn all(&self) -> Vec<&'a Scored> {
        self.judgement.scored.iter().collect()
    }

    /// Who gets a task, most urgent first: by score, then amount at stake, then id.
    pub(super) fn by_urgency(&self) -> Vec<&'a Scored> {
        let mut graded: Vec<&Scored> =
            self.judgement.scored.iter().filter(|s| s.score.grade.is_some()).collect();
        graded.par_sort_by_key(|s| {
            (Reverse(s.score.total), Reverse(s.score.amount), self.id(&self.judgement.hits[s.hits.start]))
        });
        graded
    }

    fn id(&self, hit: &Hit) -> Option<&str> {
        let ids = &self.ids[hit.indicator];
        ids.is_valid(hit.row).then(|| ids.value(hit.row))
    }

    fn hit_batch(&self, hits: &[&Hit], points: &[i128]) -> Result<RecordBatch> {
        let (layout, kept) = (self.layout, &self.judgement.kept);
        let rendered: Vec<HitTexts> = hits
            .iter()
            .map(|hit| self.texts[hit.indicator].render(hit, &kept[hit.indicator]))
            .collect::<Result<_>>()?;
        let of = |hit: &Hit| -> &CompiledIndicator { &layout.indicators[hit.indicator] };
        let text = |get: &dyn Fn(&Hit) -> String| -> ArrayRef {
            Arc::new(hits.iter().map(|hit| Some(get(hit))).collect::<StringArray>())
        };
        let from_text = |get: &dyn Fn(&HitTexts) -> &String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(rendered.iter().map(get)))
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from_value(layout.as_of, hits.len())),
            Arc::new(Int64Array::from_iter_values(hits.iter().map(|hit| hit.taxpayer_key))),
            Arc::new(hits.iter().map(|hit| self.id(hit)).collect::<StringArray>()),
            text(&|hit| of(hit).definition.code.value.clone()),
            Arc::new(Int32Array::from_iter_values(hits.iter().map(|hit| of(hit).definition.version))),
            text(&|hit| of(hit).definition.family.clone()),
            text(&|hit| of(hit).definition.tax.clone()),
            text(&|hit| hit.severity(of(hit)).to_string()),
            Arc::new(Float64Array::from_iter_values(hits.iter().map(|hit| hit.value))),
            text(&|hit| of(hit).lines[hit.line].op.to_string()),
            Arc::new(Float64Array::from_iter_values(hits.iter().map(|hit| hit.at))),
            text(&|hit| of(hit).lines[hit.line].kind.as_str().to_owned()),
            text(&|hit| of(hit).lines[hit.line].source.to_string()),
            Arc::new(
                hits.iter().map(|hit| hit.peers.as_ref().map(|p| p.0.as_str())).collect::<StringArray>(),
            ),
            Arc::new(hits.iter().map(|hit| hit.peers.as_ref().map(|p| as_i64(p.1))).collect::<Int64Array>()),
            Arc::new(Float64Array::from_iter_values(hits.iter().map(|hit| hit.deviation))),
            decimals(hits.iter().map(|hit| hit.amount), 18)?,
            decimals(points.iter().copied().map(Some), 9)?,
            from_text(&|t| &t.message_zh),
            from_text(&|t| &t.message_en),
            from_text(&|t| &t.facts),
            from_text(&|t| &t.evidence_sql),
        ];
        Ok(RecordBatch::try_new(hit_schema(), columns)?)
    }

    /// Table `score`, of some taxpayers.
    pub(super) fn scores(&self, scored: &[&Scored]) -> Result<RecordBatch> {
        let standings = || scored.iter().map(|s| self.judgement.standings.get(&s.taxpayer_key));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from_value(self.layout.as_of, scored.len())),
            Arc::new(Int64Array::from_iter_values(scored.iter().map(|s| s.taxpayer_key))),
            Arc::new(
                scored.iter().map(|s| self.id(&self.judgement.hits[s.hits.start])).collect::<StringArray>(),
            ),
            decimals(scored.iter().map(|s| Some(i128::from(s.score.total))), 9)?,
            Arc::new(scored.iter().map(|s| s.score.grade.map(Grade::as_str)).collect::<StringArray>()),
            Arc::new(Int64Array::from_iter_values(scored.iter().map(|s| as_i64(s.hits.len())))),
            Arc::new(Int64Array::from_iter_values(scored.iter().map(|s| s.score.families))),
            decimals(scored.iter().map(|s| s.score.amount), 18)?,
            Arc::new(standings().map(|s| s.map(|s| s.factor)).collect::<Float64Array>()),
            Arc::new(standings().map(|s| s.map(|s| s.zh.as_str())).collect::<StringArray>()),
            Arc::new(standings().map(|s| s.map(|s| s.en.as_str())).collect::<StringArray>()),
        ];
        Ok(RecordBatch::try_new(score_schema(), columns)?)
    }

    /// Table `scan_indicator`.
    pub(super) fn indicators(&self) -> Result<RecordBatch> {
        let (layout, tallies) = (self.layout, &self.judgement.tallies);
        let numbers = |get: fn(&Tally) -> usize| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(tallies.iter().map(|tally| as_i64(get(tally)))))
        };
        let missing = |tally: &Tally| {
            let pairs: Vec<String> =
                tally.missing.iter().map(|(fact, n)| format!("{}:{n}", quoted(fact))).collect();
            format!("{{{}}}", pairs.join(","))
        };
        let definitions = || layout.indicators.iter().map(|compiled| &compiled.definition);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from_value(layout.as_of, tallies.len())),
            Arc::new(StringArray::from_iter_values(definitions().map(|d| d.code.value.as_str()))),
            Arc::new(Int32Array::from_iter_values(definitions().map(|d| d.version))),
            numbers(|tally| tally.applicable),
            numbers(|tally| tally.hits),
            numbers(|tally| tally.unknown),
            numbers(|tally| tally.not_applicable),
            Arc::new(StringArray::from_iter_values(tallies.iter().map(missing))),
        ];
        Ok(RecordBatch::try_new(scan_indicator_schema(), columns)?)
    }
}

/// The readable ids of who is hit by an indicator.
fn ids(kept: &RecordBatch) -> Result<StringArray> {
    if kept.num_rows() == 0 {
        return Ok(StringArray::new_null(0));
    }
    let texts = arrow::compute::cast(column(kept, "taxpayer_id")?, &DataType::Utf8)?;
    texts.as_string_opt::<i32>().cloned().ok_or_else(|| EngineError::internal("taxpayer_id is no text"))
}

/// Hundredths as a decimal column; a value that does not fit is an error, never cut.
fn decimals(values: impl Iterator<Item = Option<i128>>, precision: u8) -> Result<ArrayRef> {
    let array: Decimal128Array = values.collect();
    let array = array.with_precision_and_scale(precision, 2)?;
    array.validate_decimal_precision(precision)?;
    Ok(Arc::new(array))
}

fn as_i64(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
