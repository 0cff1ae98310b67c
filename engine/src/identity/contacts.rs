//! Taxpayers of the register that may be one business under two registrations: the same telephone or address, and more.
//!
//! A telephone or an address alone says little: bookkeeping agents and office towers lend theirs to many. So keys that
//! many share are left aside, a pair needs at least two facts, and few pairs come near certainty. Keys of the vault are
//! compared, never what they stand for.

use datafusion::execution::context::SessionContext;

use super::definition::{Contact, Definition};
use super::records::{integers, texts};
use super::score::Method;
use super::tables::{Link, Part};
use crate::Result;

/// Facts a pair needs.
const LEAST_FACTS: usize = 2;

/// Links between taxpayers, from the one with the higher key (registered or met later) to the other.
///
/// # Errors
/// When the warehouse cannot be read.
pub async fn links(context: &SessionContext, definition: &Definition) -> Result<Vec<Link>> {
    if !definition.contact.iter().any(|c| c.blocking) {
        return Ok(Vec::new());
    }
    let mut links: Vec<Link> = Vec::new();
    for batch in context.sql(&sql(definition)).await?.collect().await? {
        let (laters, later_ids) = (integers(&batch, 0)?, texts(&batch, 1)?);
        let (earliers, earlier_ids) = (integers(&batch, 2)?, texts(&batch, 3)?);
        let facts = (4..batch.num_columns()).map(|at| integers(&batch, at)).collect::<Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            let agreeing: Vec<&Contact> = definition
                .contact
                .iter()
                .zip(&facts)
                .filter(|(_, f)| f.value(row) == 1)
                .map(|(c, _)| c)
                .collect();
            let score = 1.0 - agreeing.iter().map(|c| 1.0 - c.worth).product::<f64>();
            if agreeing.len() < LEAST_FACTS || score < definition.floor {
                continue;
            }
            let (later, earlier) = (later_ids.value(row), earlier_ids.value(row));
            links.push(link(&agreeing, score, (laters.value(row), later), (earliers.value(row), earlier)));
        }
    }
    rank(definition, &mut links);
    Ok(links)
}

fn link(agreeing: &[&Contact], score: f64, later: (i64, &str), earlier: (i64, &str)) -> Link {
    let said = |text: fn(&Contact) -> &str, between: &str| {
        agreeing.iter().map(|c| text(c)).collect::<Vec<_>>().join(between)
    };
    let method = if agreeing.iter().any(|c| c.fact == "phone") { Method::Phone } else { Method::Address };
    Link {
        part: Part::Contacts as i32,
        from_kind: "party".to_owned(),
        from_space: "taxpayer.contacts".to_owned(),
        from_value: later.1.to_owned(),
        from_key: Some(later.0),
        taxpayer_key: earlier.0,
        taxpayer_id: earlier.1.to_owned(),
        rank: 1,
        method: method.code().to_owned(),
        score,
        support: i64::try_from(agreeing.len()).unwrap_or(i64::MAX),
        runner_up: None,
        role: None,
        rows: 1,
        explanation_zh: format!(
            "{}与{}的{}相同，疑为同一经营主体",
            later.1,
            earlier.1,
            said(|c| &c.zh, "、")
        ),
        explanation_en: format!(
            "{} and {} have the same {}: perhaps one business under two registrations",
            later.1,
            earlier.1,
            said(|c| &c.en, ", ")
        ),
        decided: "auto".to_owned(),
        at: 0,
    }
}

/// Best first within each taxpayer; those beyond the number kept fall away.
fn rank(definition: &Definition, links: &mut Vec<Link>) {
    links.sort_by(|a, b| {
        a.from_value
            .cmp(&b.from_value)
            .then(b.score.total_cmp(&a.score))
            .then(a.taxpayer_key.cmp(&b.taxpayer_key))
    });
    for group in links.chunk_by_mut(|a, b| a.from_value == b.from_value) {
        let scores: Vec<f64> = group.iter().map(|l| l.score).collect();
        for (at, link) in group.iter_mut().enumerate() {
            link.rank = i32::try_from(at + 1).unwrap_or(i32::MAX);
            link.runner_up =
                scores.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, s)| *s).reduce(f64::max);
        }
    }
    links.retain(|l| usize::try_from(l.rank).unwrap_or(usize::MAX) <= definition.candidates);
}

/// Pairs that share a blocking key, and in which facts they agree (1) or not (0).
fn sql(definition: &Definition) -> String {
    let blocking: Vec<String> = definition
        .contact
        .iter()
        .filter(|c| c.blocking)
        .map(|c| {
            let (value, cap) = (&c.value, c.cap);
            format!(
                "SELECT '{fact}' AS fact, {value} AS shared FROM taxpayer WHERE {value} IS NOT NULL GROUP BY {value} \
                 HAVING count(*) BETWEEN 2 AND {cap}",
                fact = c.fact
            )
        })
        .collect();
    let pairs: Vec<String> = definition
        .contact
        .iter()
        .filter(|c| c.blocking)
        .map(|c| {
            let fact = &c.fact;
            format!(
                "SELECT a.taxpayer_key AS earlier, b.taxpayer_key AS later FROM few f JOIN side a ON a.{fact} = f.shared \
                 JOIN side b ON b.{fact} = f.shared WHERE f.fact = '{fact}' AND a.taxpayer_key < b.taxpayer_key"
            )
        })
        .collect();
    let values: Vec<String> =
        definition.contact.iter().map(|c| format!("{} AS {}", c.value, c.fact)).collect();
    let facts: Vec<String> = definition
        .contact
        .iter()
        .map(|c| format!("CASE WHEN a.{0} = b.{0} THEN 1 ELSE 0 END AS {0}", c.fact))
        .collect();
    format!(
        "WITH side AS (SELECT taxpayer_key, taxpayer_id, {values} FROM taxpayer), few AS ({blocking}), \
         pair AS (SELECT DISTINCT earlier, later FROM ({pairs})) \
         SELECT b.taxpayer_key, b.taxpayer_id, a.taxpayer_key, a.taxpayer_id, {facts} FROM pair p \
         JOIN side a ON a.taxpayer_key = p.earlier JOIN side b ON b.taxpayer_key = p.later",
        values = values.join(", "),
        blocking = blocking.join(" UNION ALL "),
        pairs = pairs.join(" UNION ALL "),
        facts = facts.join(", ")
    )
}
