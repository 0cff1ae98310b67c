//! What tasks are made from, read from the stored tables `hit`, `score` and `taxpayer`.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, RecordBatch};

use super::error::TaskError;
use super::read::{Reader, optional, optional_text};

/// One row of `hit`.
#[derive(Debug, Clone)]
pub(super) struct Hit {
    pub(super) as_of: i32,
    pub(super) taxpayer_key: i64,
    pub(super) taxpayer_id: String,
    pub(super) indicator: String,
    pub(super) version: i32,
    pub(super) family: String,
    pub(super) tax: String,
    pub(super) severity: String,
    pub(super) value: f64,
    pub(super) op: String,
    pub(super) line: f64,
    pub(super) line_kind: String,
    pub(super) line_source: String,
    pub(super) peer_group: Option<String>,
    pub(super) peer_n: Option<i64>,
    pub(super) deviation: Option<f64>,
    pub(super) amount: Option<i128>,
    pub(super) points: i128,
    pub(super) message_zh: String,
    pub(super) message_en: String,
    pub(super) facts: String,
    pub(super) evidence_sql: String,
}

/// One row of `score`, as far as tasks need it.
#[derive(Debug, Clone)]
pub(super) struct Score {
    pub(super) as_of: i32,
    pub(super) score: i128,
    pub(super) grade: String,
    pub(super) hits: i64,
    /// What is known of the taxpayer beside its hits, where that changed their points.
    pub(super) standing: Option<Standing>,
}

/// A taxpayer's standing, in words and as a factor.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) factor: f64,
    pub(super) zh: String,
    pub(super) en: String,
}

/// The registration of a taxpayer in force on a day.
#[derive(Debug, Clone, Default)]
pub(super) struct Registration {
    pub(super) name: Option<String>,
    pub(super) industry_code: Option<String>,
    pub(super) office_code: Option<String>,
    pub(super) status: Option<String>,
    pub(super) credit_rating: Option<String>,
}

pub(super) fn read_hits(batches: &[RecordBatch]) -> Result<Vec<Hit>, TaskError> {
    let mut hits = Vec::new();
    for batch in batches {
        read_hit_batch(batch, &mut hits)?;
    }
    Ok(hits)
}

fn read_hit_batch(batch: &RecordBatch, hits: &mut Vec<Hit>) -> Result<(), TaskError> {
    let table = Reader::new("hit", batch);
    let (as_of, taxpayer_key) = (table.int32("as_of")?, table.int64("taxpayer_key")?);
    let (taxpayer_id, indicator) = (table.text("taxpayer_id")?, table.text("indicator")?);
    let (version, family, tax) = (table.int32("version")?, table.text("family")?, table.text("tax")?);
    let (severity, value, op) = (table.text("severity")?, table.float64("value")?, table.text("op")?);
    let (line, line_kind) = (table.float64("line")?, table.text("line_kind")?);
    let (line_source, peer_group) = (table.text("line_source")?, table.text("peer_group")?);
    let (peer_n, deviation) = (table.int64("peer_n")?, table.float64("deviation")?);
    let (amount, points) = (table.hundredths("amount")?, table.hundredths("points")?);
    let (message_zh, message_en) = (table.text("message_zh")?, table.text("message_en")?);
    let (facts, evidence_sql) = (table.text("facts")?, table.text("evidence_sql")?);
    hits.extend((0..batch.num_rows()).map(|row| Hit {
        as_of: as_of.value(row),
        taxpayer_key: taxpayer_key.value(row),
        taxpayer_id: taxpayer_id.value(row).to_owned(),
        indicator: indicator.value(row).to_owned(),
        version: version.value(row),
        family: family.value(row).to_owned(),
        tax: tax.value(row).to_owned(),
        severity: severity.value(row).to_owned(),
        value: value.value(row),
        op: op.value(row).to_owned(),
        line: line.value(row),
        line_kind: line_kind.value(row).to_owned(),
        line_source: line_source.value(row).to_owned(),
        peer_group: optional_text(&peer_group, row),
        peer_n: optional(&peer_n, row),
        deviation: optional(&deviation, row),
        amount: optional(&amount, row),
        points: points.value(row),
        message_zh: message_zh.value(row).to_owned(),
        message_en: message_en.value(row).to_owned(),
        facts: facts.value(row).to_owned(),
        evidence_sql: evidence_sql.value(row).to_owned(),
    }));
    Ok(())
}

/// Scores by taxpayer key; a second score of a taxpayer is a problem.
pub(super) fn read_scores(
    batches: &[RecordBatch],
    problems: &mut Vec<String>,
) -> Result<HashMap<i64, Score>, TaskError> {
    let mut scores = HashMap::new();
    for batch in batches {
        let table = Reader::new("score", batch);
        let (as_of, keys) = (table.int32("as_of")?, table.int64("taxpayer_key")?);
        let (ids, score) = (table.text("taxpayer_id")?, table.hundredths("score")?);
        let (grade, hits) = (table.text("grade")?, table.int64("hits")?);
        let factor = table.float64("standing_factor")?;
        let (zh, en) = (table.text("standing_zh")?, table.text("standing_en")?);
        for row in 0..batch.num_rows() {
            let read = Score {
                as_of: as_of.value(row),
                score: score.value(row),
                grade: grade.value(row).to_owned(),
                hits: hits.value(row),
                standing: factor.is_valid(row).then(|| Standing {
                    factor: factor.value(row),
                    zh: zh.value(row).to_owned(),
                    en: en.value(row).to_owned(),
                }),
            };
            if scores.insert(keys.value(row), read).is_some() {
                let id = ids.value(row);
                problems.push(format!("taxpayer {id} has two rows in `score`; pass the scores of one scan"));
            }
        }
    }
    Ok(scores)
}

/// Registrations of the wanted taxpayers: the version in force on `day` (days since 1970-01-01), else the latest.
pub(super) fn read_registrations(
    batches: &[RecordBatch],
    wanted: &HashSet<i64>,
    day: i32,
) -> Result<HashMap<i64, Registration>, TaskError> {
    // In force beats not in force; then the later start; an unknown start is the earliest.
    let mut best: HashMap<i64, ((bool, Option<i32>), Registration)> = HashMap::new();
    for batch in batches {
        let table = Reader::new("taxpayer", batch);
        let keys = table.int64("taxpayer_key")?;
        let (names, industries) = (table.text("name")?, table.text("industry_code")?);
        let (offices, states) = (table.text("office_code")?, table.text("status")?);
        let (ratings, froms) = (table.text("credit_rating")?, table.date("valid_from")?);
        let tos = table.date("valid_to")?;
        for row in
            (0..batch.num_rows()).filter(|row| keys.is_valid(*row) && wanted.contains(&keys.value(*row)))
        {
            let (from, to) = (optional(&froms, row), optional(&tos, row));
            let rank = (from.is_none_or(|from| from <= day) && to.is_none_or(|to| to >= day), from);
            let read = Registration {
                name: optional_text(&names, row),
                industry_code: optional_text(&industries, row),
                office_code: optional_text(&offices, row),
                status: optional_text(&states, row),
                credit_rating: optional_text(&ratings, row),
            };
            let known = best.get(&keys.value(row));
            if known.is_none_or(|(known, _)| rank > *known) {
                best.insert(keys.value(row), (rank, read));
            }
        }
    }
    Ok(best.into_iter().map(|(key, (_, registration))| (key, registration)).collect())
}
