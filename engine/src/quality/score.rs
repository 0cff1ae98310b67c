//! From counts to scores.
//!
//! A rule's pass rate is the share of judged rows that pass; a score is the mean of the pass rates of all rules with
//! judged rows, weighted by severity, times 100. So a small table counts like a large one, and one bad rule shows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};

use super::catalogue::Rules;
use super::delivered;
use super::loads;
use super::measure::{CANNOT, CONCERNED, FOUND, Measure};
use super::months::{self, ARRIVAL, Alert, COUNT, GAP, Tally};
use super::rule::{Claim, Dimension, Owner, Severity};
use super::tables;
use crate::Result;

/// One row of `quality_score`.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// Table.
    pub table: String,
    /// Feed.
    pub source: String,
    /// Month.
    pub period: Option<i32>,
    /// Rule or distribution.
    pub rule: String,
    /// What it is about.
    pub dimension: Dimension,
    /// How much it matters.
    pub severity: Severity,
    /// What it says of rows that fail.
    pub claim: Claim,
    /// What holds for a good row.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// Who mends it.
    pub owner: Owner,
    /// Rows judged.
    pub checked: i64,
    /// Rows that fail.
    pub failed: i64,
    /// Rows of which it cannot be told.
    pub unknown: i64,
}

/// Grades by least score, best first.
pub const GRADES: [(f64, &str, &str); 4] =
    [(99.5, "优", "excellent"), (98.0, "良", "good"), (95.0, "中", "fair"), (0.0, "差", "poor")];

/// The grade of a score.
pub fn grade(score: f64) -> (&'static str, &'static str) {
    GRADES.iter().find(|(least, _, _)| score >= *least).map_or(("差", "poor"), |(_, zh, en)| (*zh, *en))
}

type Place = (String, Option<i32>);

/// The scores of row rules and queries, then of months.
pub fn scores(measures: &[Measure], rules: &Rules) -> (Vec<Score>, Vec<Alert>) {
    let mut counts: BTreeMap<(&str, &str), Vec<&Measure>> = BTreeMap::new();
    for measure in measures {
        counts.entry((&measure.table, &measure.measure)).or_default().push(measure);
    }
    let mut scores = Vec::new();
    for rule in &rules.rules {
        let Some(mine) = counts.get(&(rule.table.name.as_str(), rule.id.as_str())) else { continue };
        for ((source, period), (checked, failed, unknown)) in judged(mine) {
            scores.push(Score {
                table: rule.table.name.clone(),
                source,
                period,
                rule: rule.id.clone(),
                dimension: rule.dimension,
                severity: rule.severity,
                claim: rule.claim,
                zh: rule.name.zh.clone(),
                en: rule.name.en.clone(),
                owner: rule.owner,
                checked,
                failed,
                unknown,
            });
        }
    }
    let (mut alerts, tallies) = months::judge(measures, rules);
    alerts.extend(delivered::alerts(measures, rules));
    scores.extend(tallies.into_iter().map(|tally| of_tally(tally, rules)));
    scores.extend(loads::scores(measures));
    (scores, alerts)
}

/// Checked, failed and unknown rows by source and month.
fn judged(measures: &[&Measure]) -> BTreeMap<Place, (i64, i64, i64)> {
    let mut found: BTreeMap<Place, (i64, i64, i64)> = BTreeMap::new();
    let mut lost: Vec<Option<i32>> = Vec::new();
    for m in measures {
        let place = (m.source.clone(), m.period);
        match m.part.as_str() {
            CANNOT => lost.push(m.period),
            FOUND => {
                let entry = found.entry(place).or_default();
                entry.0 -= m.unknown;
                entry.1 += m.failed;
                entry.2 += m.unknown;
            }
            CONCERNED => found.entry(place).or_default().0 += m.passed,
            _ => {
                let entry = found.entry(place).or_default();
                entry.0 += m.passed + m.failed;
                entry.1 += m.failed;
                entry.2 += m.unknown;
            }
        }
    }
    for ((_, period), entry) in &mut found {
        if lost.iter().any(|l| l.is_none() || l == period) {
            *entry = (0, 0, entry.0 + entry.2);
        }
    }
    found
}

fn of_tally(tally: Tally, rules: &Rules) -> Score {
    let (dimension, severity, zh, en, owner) = match tally.rule.as_str() {
        ARRIVAL => (
            Dimension::Timeliness,
            Severity::Medium,
            "各月数据按期到达".to_owned(),
            "a month's data arrive when they are due".to_owned(),
            Owner::Source,
        ),
        COUNT => (
            Dimension::Drift,
            Severity::Low,
            "各月行数与前几个月相当".to_owned(),
            "a month has about as many rows as those before".to_owned(),
            Owner::Source,
        ),
        GAP => (
            Dimension::Completeness,
            Severity::Medium,
            "各月都有数据".to_owned(),
            "no month is missing".to_owned(),
            Owner::Source,
        ),
        id => {
            let name = rules.distributions.iter().find(|d| d.id == id && d.table.name == tally.table);
            let (zh, en) = name.map(|d| (d.name.zh.clone(), d.name.en.clone())).unwrap_or_default();
            let zh = format!("{zh}与此前月份相似");
            (Dimension::Drift, Severity::Low, zh, format!("{en}: like the months before"), Owner::Data)
        }
    };
    Score {
        table: tally.table,
        source: tally.source,
        period: Some(tally.period),
        rule: tally.rule,
        dimension,
        severity,
        claim: Claim::Notice,
        zh,
        en,
        owner,
        checked: tally.checked,
        failed: tally.failed,
        unknown: tally.unknown,
    }
}

/// Rows of `quality_score`.
pub fn to_batch(scores: &[Score], at: i64) -> Result<RecordBatch> {
    let text = |f: &dyn Fn(&Score) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(scores.iter().map(f)))
    };
    let count = |f: &dyn Fn(&Score) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(scores.iter().map(f)))
    };
    Ok(RecordBatch::try_new(
        tables::score().schema,
        vec![
            text(&|s| s.table.clone()),
            text(&|s| s.source.clone()),
            Arc::new(Int32Array::from_iter(scores.iter().map(|s| s.period))),
            text(&|s| s.rule.clone()),
            text(&|s| s.dimension.word().into()),
            text(&|s| s.severity.word().into()),
            count(&|s| i64::from(s.severity.weight())),
            text(&|s| s.zh.clone()),
            text(&|s| s.en.clone()),
            text(&|s| s.owner.word().into()),
            count(&|s| s.checked),
            count(&|s| s.failed),
            count(&|s| s.unknown),
            Arc::new(TimestampMillisecondArray::from_iter_values(std::iter::repeat_n(at, scores.len()))),
            text(&|s| s.claim.word().into()),
        ],
    )?)
}

/// Rows of `quality_alert`.
pub fn alerts_to_batch(alerts: &[Alert], at: i64) -> Result<RecordBatch> {
    let text = |f: &dyn Fn(&Alert) -> Option<String>| -> ArrayRef {
        Arc::new(StringArray::from_iter(alerts.iter().map(f)))
    };
    Ok(RecordBatch::try_new(
        tables::alert().schema,
        vec![
            text(&|a| Some(a.rule.clone())),
            text(&|a| Some(a.dimension.word().into())),
            text(&|a| Some(a.severity.word().into())),
            text(&|a| Some(a.table.clone())),
            text(&|a| Some(a.source.clone())),
            Arc::new(Int32Array::from_iter(alerts.iter().map(|a| a.period))),
            text(&|a| a.batch.clone()),
            Arc::new(Float64Array::from_iter_values(alerts.iter().map(|a| a.value))),
            Arc::new(Float64Array::from_iter_values(alerts.iter().map(|a| a.line))),
            text(&|a| Some(a.zh.clone())),
            text(&|a| Some(a.en.clone())),
            Arc::new(TimestampMillisecondArray::from_iter_values(std::iter::repeat_n(at, alerts.len()))),
            text(&|a| Some(a.claim.word().into())),
        ],
    )?)
}

/// Rows checked, failed and unknown of each rule, by its name and weight.
type RuleCounts<'a> = BTreeMap<(&'a str, i32), (i64, i64, i64)>;

/// Rows of `quality_history`: one a table, source and dimension.
pub fn history(scores: &[Score], at: i64) -> Result<RecordBatch> {
    let mut rules: BTreeMap<(&str, &str, Dimension), RuleCounts<'_>> = BTreeMap::new();
    for score in scores {
        let place = rules.entry((&score.table, &score.source, score.dimension)).or_default();
        let count = place.entry((&score.rule, score.severity.weight())).or_default();
        count.0 += score.checked;
        count.1 += score.failed;
        count.2 += score.unknown;
    }
    let rows: Vec<_> = rules.into_iter().collect();
    let n = rows.len();
    let sum = |f: fn(&(i64, i64, i64)) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|(_, r)| r.values().map(f).sum::<i64>())))
    };
    let judged = |r: &RuleCounts<'_>| {
        let (mut passed, mut weights) = (0.0, 0.0);
        for ((_, weight), (checked, failed, _)) in r.iter().filter(|(_, c)| c.0 > 0) {
            passed += f64::from(*weight) * (1.0 - *failed as f64 / *checked as f64);
            weights += f64::from(*weight);
        }
        (weights > 0.0).then(|| 100.0 * passed / weights)
    };
    let texts = |f: &dyn Fn(&(&str, &str, Dimension)) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|(key, _)| f(key))))
    };
    Ok(RecordBatch::try_new(
        tables::history().schema,
        vec![
            Arc::new(TimestampMillisecondArray::from_iter_values(std::iter::repeat_n(at, n))),
            texts(&|key| key.0.to_owned()),
            texts(&|key| key.1.to_owned()),
            texts(&|key| key.2.word().to_owned()),
            Arc::new(Int64Array::from_iter_values(
                rows.iter().map(|(_, r)| i64::try_from(r.len()).unwrap_or(i64::MAX)),
            )),
            sum(|c| c.0),
            sum(|c| c.1),
            sum(|c| c.2),
            Arc::new(Float64Array::from_iter(rows.iter().map(|(_, r)| judged(r)))),
        ],
    )?)
}

/// By what scores are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// One row a feed.
    Source,
    /// One row a table.
    Table,
    /// One row a rule and table.
    Rule,
    /// One row a month.
    Month,
    /// One row in all.
    All,
}

/// The same for people: a score that rounds to 100 although rows fail is `>99.9`, a text.
pub fn shown_sql(by: By, table: Option<&str>) -> String {
    query(
        by,
        table,
        "* REPLACE (CASE WHEN score >= 100 AND failed > 0 THEN '>99.9' ELSE CAST(score AS VARCHAR) END AS score)",
    )
}

/// The query for scores; `table` restricts it. Columns: what it is by, then rules, checked, failed, unknown, score,
/// grade.
pub fn sql(by: By, table: Option<&str>) -> String {
    query(by, table, "*")
}

fn query(by: By, table: Option<&str>, shown: &str) -> String {
    let key = match by {
        By::Source => "source",
        By::Table => "table_name",
        By::Rule => "rule, table_name, dimension, severity, name_zh",
        By::Month => "period",
        By::All => "'all'",
    };
    let own = match by {
        By::All => String::new(),
        _ => format!("{key}, "),
    };
    let order = match by {
        By::Rule => "failed DESC, rule, table_name",
        By::All => "rules",
        By::Source => "source",
        By::Table => "table_name",
        By::Month => "period",
    };
    let mut only = table.map_or_else(String::new, |t| format!("WHERE table_name = '{t}'"));
    if by == By::Month {
        only = if only.is_empty() { "WHERE".to_owned() } else { format!("{only} AND") };
        only.push_str(" period IS NOT NULL");
    }
    let cases: Vec<String> =
        GRADES.iter().map(|(least, zh, _)| format!("WHEN score >= {least:.1} THEN '{zh}'")).collect();
    // Rules are counted apart in every table before they are weighed.
    let (rule, group) = match by {
        By::Rule => ("", key.to_owned()),
        By::Table => (", rule", format!("{key}, rule")),
        By::All => (", rule, table_name AS its_table", "rule, table_name".to_owned()),
        By::Source | By::Month => (", rule, table_name AS its_table", format!("{key}, rule, table_name")),
    };
    let outer = if by == By::All { String::new() } else { format!("GROUP BY {key}") };
    format!(
        "SELECT {shown}, CASE WHEN score IS NULL THEN NULL {} END AS grade FROM (SELECT {own}count(*) AS rules, sum(checked) AS checked, \
         sum(failed) AS failed, sum(unknown) AS unknown, \
         round(100 * sum(weight * (1 - CAST(failed AS DOUBLE) / checked)) FILTER (WHERE checked > 0) \
         / nullif(sum(weight) FILTER (WHERE checked > 0), 0), 3) AS score \
         FROM (SELECT {own}max(weight) AS weight, sum(checked) AS checked, sum(failed) AS failed, sum(unknown) AS unknown{rule} \
         FROM quality_score {only} GROUP BY {group}) {outer}) ORDER BY {order}",
        cases.join(" ")
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::util::pretty::pretty_format_batches;
    use datafusion::prelude::SessionContext;

    #[tokio::test]
    async fn a_score_with_failures_is_not_shown_as_100() {
        let context = SessionContext::new();
        let rows = "VALUES ('a', 'r', 3, 100000000, 5, 0), ('b', 'r', 3, 100, 0, 0), ('c', 'r', 3, 1000, 1, 0), ('d', 'r', 3, 0, 0, 9)";
        let view = format!(
            "CREATE VIEW quality_score AS SELECT * FROM ({rows}) AS v(table_name, rule, weight, checked, failed, unknown)"
        );
        context.sql(&view).await.unwrap().collect().await.unwrap();
        let shown = |sql: String| {
            let context = context.clone();
            async move {
                let batches = context.sql(&sql).await.unwrap().collect().await.unwrap();
                pretty_format_batches(&batches).unwrap().to_string()
            }
        };
        let text = shown(shown_sql(By::Table, None)).await;
        assert_eq!(text.matches(">99.9").count(), 1, "{text}");
        assert!(text.contains("| 100.0") && text.contains("| 99.9 "), "{text}");
        // For programs it stays a number.
        let text = shown(sql(By::Table, None)).await;
        assert!(!text.contains('>') && text.contains("99.9 "), "{text}");
    }
}
