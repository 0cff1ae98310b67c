//! Anonymised codes resolved by invoices both sides hold.
//!
//! Where a source gives its own firms by number and their counterparties by code, one invoice stands there twice: the
//! seller's copy names the seller and a code for the buyer, the buyer's copy the buyer and a code for the seller. Two
//! copies are known by number, day and total. So each pair tells what two codes mean; a code's firm is the one most of
//! its pairs tell. Nothing here knows a feed: a firm is who is in the register, a code is a party that is not and whose
//! number has no form of a taxpayer's.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::execution::context::SessionContext;

use super::definition::{Definition, SharedInvoice};
use super::records::{integers, texts};
use super::score::Method;
use super::tables::{Link, Part};
use crate::Result;

/// Forms of numbers that are no codes: credit code, old numbers, organisation code, pseudonyms of persons.
const NO_CODE: &str =
    "^([0-9A-Za-z]{2}[0-9]{6}[0-9A-Za-z]{10}|[0-9]{6}[0-9A-Za-z]{9}|[0-9]{6}[0-9A-Za-z]{11}|NP[0-9]+)$";

/// What was found beside the links.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SharedSummary {
    /// Pairs of rows that are two copies of one invoice.
    pub pairs: i64,
    /// The same, rows dropped at loading as equal to another counted again.
    pub pairs_in_files: i64,
    /// Pairs under shifted days, a shift: what chance brings.
    pub accidents: f64,
    /// Codes in all.
    pub codes: i64,
    /// Codes with at least one pair.
    pub codes_met: usize,
}

/// Links of codes to firms.
///
/// # Errors
/// When the warehouse cannot be read.
pub async fn links(context: &SessionContext, definition: &Definition) -> Result<(Vec<Link>, SharedSummary)> {
    let mut links = Vec::new();
    let mut summary = SharedSummary::default();
    for shared in &definition.shared_invoice {
        let (found, part) = one(context, definition, shared).await?;
        links.extend(found);
        summary.pairs += part.pairs;
        summary.pairs_in_files += part.pairs_in_files;
        summary.accidents += part.accidents;
        summary.codes += part.codes;
        summary.codes_met += part.codes_met;
    }
    Ok((links, summary))
}

/// One code and one firm its pairs tell of.
struct Told {
    space: String,
    code: String,
    code_key: i64,
    firm: i64,
    firm_id: String,
    /// Different invoices.
    invoices: i64,
    /// The same, an invoice that tells of several firms divided among them.
    weight: f64,
    rows: i64,
}

async fn one(
    context: &SessionContext,
    definition: &Definition,
    shared: &SharedInvoice,
) -> Result<(Vec<Link>, SharedSummary)> {
    let mut summary = counts(context, shared).await?;
    if summary.pairs == 0 {
        return Ok((Vec::new(), summary));
    }
    let mut told: BTreeMap<(String, String), Vec<Told>> = BTreeMap::new();
    for batch in context.sql(&told_sql(shared)).await?.collect().await? {
        for row in read(&batch)? {
            told.entry((row.space.clone(), row.code.clone())).or_default().push(row);
        }
    }
    summary.codes_met = told.len();
    let chance = Chance::of(shared, &summary, told.values().map(Vec::as_slice));
    let mut links: Vec<Link> =
        told.into_values().flat_map(|rows| of_code(definition, chance, rows)).collect();
    links.extend(twins(context, definition, shared, chance).await?);
    Ok((links, summary))
}

/// How likely agreements come by chance.
#[derive(Debug, Clone, Copy)]
struct Chance {
    /// The only one of a code.
    alone: f64,
    /// Each of several.
    each: f64,
}

impl Chance {
    /// From the definition, and from what shifted days bring: at most so many of the codes that agree in one invoice only
    /// can owe it to chance. Where few agree in one only, that says nothing and the definition holds; and one agreement is
    /// never surer than two.
    #[allow(clippy::cast_precision_loss)]
    fn of<'t>(
        shared: &SharedInvoice,
        summary: &SharedSummary,
        told: impl Iterator<Item = &'t [Told]>,
    ) -> Self {
        let each = shared.accident.max(summary.accidents / summary.pairs as f64).min(1.0);
        let alone = told.filter(|rows| matches!(rows, [row] if row.invoices == 1)).count();
        let shifts = shared.shift_days.iter().filter(|days| **days != 0).count().max(1) as f64;
        let met = summary.accidents * shifts;
        // The most that may be behind a count, with a certainty of about 95 percent; 3 behind none.
        let most = (met + 2.0 * met.sqrt() + 3.0) / shifts;
        let measured = if alone == 0 { each } else { most / alone as f64 };
        Self { alone: measured.max(each * each).min(each), each }
    }

    /// Of all of `n` agreements.
    fn of_all(self, n: i64) -> f64 {
        if n == 1 { self.alone } else { self.each.powi(i32::try_from(n).unwrap_or(i32::MAX)) }
    }
}

/// Taxpayers of the register that hold the same invoices: one invoice has one buyer and one seller, so two who both say
/// it is theirs are one firm listed twice. They are also why a code may stay undecided.
async fn twins(
    context: &SessionContext,
    definition: &Definition,
    shared: &SharedInvoice,
    chance: Chance,
) -> Result<Vec<Link>> {
    let sql = format!(
        "WITH {}, held AS (SELECT DISTINCT 'r' AS side, firm, firm_id, number, day, total FROM received \
           UNION ALL SELECT DISTINCT 'i', firm, firm_id, number, day, total FROM issued), \
         size AS (SELECT firm, count(*) AS n FROM held GROUP BY firm), \
         pair AS (SELECT b.firm AS later, b.firm_id AS later_id, a.firm AS earlier, a.firm_id AS earlier_id, count(*) AS n \
           FROM held a JOIN held b ON a.side = b.side AND a.number = b.number AND a.day = b.day AND a.total = b.total \
           WHERE a.firm < b.firm GROUP BY 1, 2, 3, 4) \
         SELECT later, later_id, earlier, earlier_id, p.n, least(x.n, y.n) AS smaller FROM pair p \
         JOIN size x ON x.firm = p.later JOIN size y ON y.firm = p.earlier ORDER BY later, p.n DESC, earlier",
        copies(shared)
    );
    let mut links: Vec<Link> = Vec::new();
    for batch in context.sql(&sql).await?.collect().await? {
        let (laters, later_ids) = (integers(&batch, 0)?, texts(&batch, 1)?);
        let (earliers, earlier_ids) = (integers(&batch, 2)?, texts(&batch, 3)?);
        let (counts, sizes) = (integers(&batch, 4)?, integers(&batch, 5)?);
        for row in 0..batch.num_rows() {
            let (n, smaller) = (counts.value(row), sizes.value(row).max(1));
            let by_chance = chance.each.powi(i32::try_from(n).unwrap_or(i32::MAX));
            #[allow(clippy::cast_precision_loss)]
            let share = n as f64 / smaller as f64;
            let score = share.min(1.0) * (1.0 - by_chance);
            if score < definition.floor {
                continue;
            }
            let (later, earlier) = (later_ids.value(row), earlier_ids.value(row));
            let percent = share * 100.0;
            let known = links.iter().filter(|l| l.from_value == later).count();
            links.push(Link {
                part: Part::Invoices as i32,
                from_kind: "party".to_owned(),
                from_space: "taxpayer".to_owned(),
                from_value: later.to_owned(),
                from_key: Some(laters.value(row)),
                taxpayer_key: earliers.value(row),
                taxpayer_id: earlier.to_owned(),
                rank: i32::try_from(known + 1).unwrap_or(i32::MAX),
                method: Method::SharedInvoice.code().to_owned(),
                score,
                support: n,
                runner_up: None,
                role: None,
                rows: smaller,
                explanation_zh: format!("{later}与{earlier}持有{n}张相同的发票，占较少一方的{percent:.1}%，疑为同一主体重复登记"),
                explanation_en: format!(
                    "{later} and {earlier} hold the same {n} invoices, {percent:.1}% of the smaller's: perhaps one firm listed twice"
                ),
                decided: "auto".to_owned(),
                at: 0,
            });
        }
    }
    Ok(links)
}

/// Links of one code, best first.
fn of_code(definition: &Definition, chance: Chance, mut rows: Vec<Told>) -> Vec<Link> {
    let total: f64 = rows.iter().map(|r| r.weight).sum();
    rows.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.firm.cmp(&b.firm)));
    let score = |row: &Told| row.weight / total * (1.0 - chance.of_all(row.invoices));
    let scored: Vec<f64> = rows.iter().map(score).collect();
    let firms = rows.len();
    let mut links = Vec::new();
    for ((at, row), rank) in rows.into_iter().enumerate().zip(1..).take(definition.candidates) {
        let runner_up = scored.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, s)| *s).reduce(f64::max);
        // A firm that few pairs tell of is kept where it is the best there is: it shows what is not resolved.
        if rank > 1 && scored[at] < 0.01 {
            continue;
        }
        let share = row.weight / total * 100.0;
        let (zh, en) = match firms {
            1 => (String::new(), String::new()),
            n => (
                format!("，占该代码全部匹配的{share:.1}%（共涉及{n}户）"),
                format!(", {share:.1}% of the code's matches ({n} firms)"),
            ),
        };
        links.push(Link {
            part: Part::Invoices as i32,
            from_kind: "code".to_owned(),
            explanation_zh: format!(
                "代码{}与{}有{}张发票的号码、开票日期、价税合计在双方记录中一致{zh}",
                row.code, row.firm_id, row.invoices
            ),
            explanation_en: format!(
                "{} invoices of {} and of the code {} agree in number, day and total{en}",
                row.invoices, row.firm_id, row.code
            ),
            from_space: row.space,
            from_value: row.code,
            from_key: Some(row.code_key),
            taxpayer_key: row.firm,
            taxpayer_id: row.firm_id,
            rank,
            method: Method::SharedInvoice.code().to_owned(),
            score: scored[at],
            support: row.invoices,
            runner_up,
            role: None,
            rows: row.rows,
            decided: "auto".to_owned(),
            at: 0,
        });
    }
    links
}

/// The two kinds of copies: `issued` by a firm to a code, `received` by a firm from a code.
fn copies(shared: &SharedInvoice) -> String {
    let SharedInvoice { table, id, number, issued, total, seller, buyer, .. } = shared;
    let key = |column: &str| format!("{}_key", column.strip_suffix("_id").unwrap_or(column));
    let (seller_key, buyer_key) = (key(seller), key(buyer));
    let side = |firm_key: &str, code: &str, code_key: &str| {
        format!(
            "SELECT m.{number} AS number, CAST(m.{issued} AS DATE) AS day, m.{total} AS total, t.taxpayer_key AS firm, \
             t.taxpayer_id AS firm_id, c.party_key AS code_key, c.party_id AS code, m._source || '.{code}' AS space, \
             1 + coalesce(d.copies, 0) AS copies \
             FROM {table} m JOIN code c ON m.{code_key} = c.party_key JOIN taxpayer t ON m.{firm_key} = t.taxpayer_key \
             LEFT JOIN dropped d ON d.row_key = m.{id} \
             WHERE m.{number} IS NOT NULL AND m.{total} IS NOT NULL AND m.{issued} IS NOT NULL"
        )
    };
    format!(
        "code AS (SELECT p.party_key, p.party_id FROM party p LEFT ANTI JOIN taxpayer t ON p.party_key = t.taxpayer_key \
         WHERE NOT regexp_like(p.party_id, '{NO_CODE}')), \
         dropped AS (SELECT row_key, count(*) AS copies FROM duplicate_row WHERE table_name = '{table}' GROUP BY row_key), \
         issued AS ({}), received AS ({})",
        side(&seller_key, buyer, &buyer_key),
        side(&buyer_key, seller, &seller_key)
    )
}

/// Pairs in all, and by chance: one join on number and total, the days told apart after it.
async fn counts(context: &SessionContext, shared: &SharedInvoice) -> Result<SharedSummary> {
    let shifts: Vec<String> =
        shared.shift_days.iter().filter(|d| **d != 0).map(ToString::to_string).collect();
    let by_chance = match shifts.len() {
        0 => "0".to_owned(),
        n => format!("count(*) FILTER (WHERE apart IN ({})) / {n}.0", shifts.join(", ")),
    };
    let sql = format!(
        "WITH {}, pair AS (SELECT CAST(i.day AS INT) - CAST(r.day AS INT) AS apart, i.copies * r.copies AS copies \
         FROM issued i JOIN received r ON i.number = r.number AND i.total = r.total) \
         SELECT count(*) FILTER (WHERE apart = 0), coalesce(sum(copies) FILTER (WHERE apart = 0), 0), \
         CAST({by_chance} AS DOUBLE), (SELECT count(*) FROM code) FROM pair",
        copies(shared)
    );
    let batches = context.sql(&sql).await?.collect().await?;
    let mut summary = SharedSummary::default();
    for batch in batches.iter().filter(|b| b.num_rows() > 0) {
        summary.pairs = integers(batch, 0)?.value(0);
        summary.pairs_in_files = integers(batch, 1)?.value(0);
        summary.accidents = doubles(batch, 2)?.value(0);
        summary.codes = integers(batch, 3)?.value(0);
    }
    Ok(summary)
}

fn doubles(batch: &RecordBatch, column: usize) -> Result<arrow::array::Float64Array> {
    Ok(cast(batch.column(column), &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

/// What pairs tell: each names the firm of two codes.
fn told_sql(shared: &SharedInvoice) -> String {
    format!(
        "WITH {}, told AS ( \
           SELECT r.space, r.code, r.code_key, i.firm, i.firm_id, r.number, r.day, r.total FROM issued i \
           JOIN received r ON i.number = r.number AND i.total = r.total AND i.day = r.day \
           UNION SELECT i.space, i.code, i.code_key, r.firm, r.firm_id, i.number, i.day, i.total FROM issued i \
           JOIN received r ON i.number = r.number AND i.total = r.total AND i.day = r.day), \
         weighed AS (SELECT *, 1.0 / count(*) OVER (PARTITION BY space, code, number, day, total) AS weight FROM told), \
         stands AS (SELECT space, code_key, count(*) AS rows FROM ( \
           SELECT space, code_key FROM issued UNION ALL SELECT space, code_key FROM received) GROUP BY 1, 2) \
         SELECT w.space, w.code, w.code_key, w.firm, w.firm_id, count(*) AS invoices, sum(w.weight) AS weight, \
         max(s.rows) AS rows FROM weighed w JOIN stands s ON w.space = s.space AND w.code_key = s.code_key \
         GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 4",
        copies(shared)
    )
}

fn read(batch: &RecordBatch) -> Result<Vec<Told>> {
    let (spaces, codes, keys) = (texts(batch, 0)?, texts(batch, 1)?, integers(batch, 2)?);
    let (firms, ids) = (integers(batch, 3)?, texts(batch, 4)?);
    let (invoices, weights, rows) = (integers(batch, 5)?, doubles(batch, 6)?, integers(batch, 7)?);
    debug_assert!(weights.null_count() == 0);
    Ok((0..batch.num_rows())
        .map(|row| Told {
            space: spaces.value(row).to_owned(),
            code: codes.value(row).to_owned(),
            code_key: keys.value(row),
            firm: firms.value(row),
            firm_id: ids.value(row).to_owned(),
            invoices: invoices.value(row),
            weight: weights.value(row),
            rows: rows.value(row),
        })
        .collect())
}
