//! A page on the quality of the data for whoever runs the department: grade, trend, sources, worst rules, what to do.
//!
//! One file without anything outside it, in Chinese with small English. It reads the `quality_*` tables; measuring is
//! done before. It shows no personal data: only open tables are read.

mod charts;

use minijinja::{Value, context};

use super::catalogue::Rules;
use super::loads::LOADED;
use super::measure::UNDELIVERED;
use super::months::{ARRIVAL, GAP};
use super::rule::{Dimension, Owner};
use super::score::{By, GRADES, grade, sql};
use crate::pages::figures::count;
use crate::pages::render::render;
use crate::pages::rows::{Rows, literal, read};
use crate::{EngineError, Result};
use datafusion::prelude::SessionContext;

/// Rules listed as worst.
const WORST: usize = 12;
/// What rules are ranked by: severity, rows and share together (severity times rows over the root of the rows concerned, squared: ordering
/// by a root trips the planner).
const GRAVITY: &str = "CAST(max(weight) * sum(failed) AS DOUBLE) * CAST(max(weight) * sum(failed) AS DOUBLE) / sum(checked + unknown)";
/// Reasons of rejection shown of a table.
const REASONS: usize = 3;
/// Examples of a rule, and rows they are picked from.
const EXAMPLES: usize = 3;
const LOOKED_AT: usize = 60;
/// Months and findings listed under what is late or unlike.
const ALERTS: usize = 15;

/// The page, of one table or all.
///
/// # Errors
/// When nothing was measured yet, or a query fails.
#[allow(clippy::needless_pass_by_value, reason = "the rules are read for this page")]
pub async fn html(context: &SessionContext, rules: Rules, table: Option<&str>) -> Result<String> {
    let page = Page { context, rules: &rules, table };
    render(include_str!("page.html"), page.values().await?)
}

/// Rows with at least one fault, and the share of those without in percent.
struct AtFault {
    faulty: f64,
    clean: f64,
}

struct Page<'a> {
    context: &'a SessionContext,
    rules: &'a Rules,
    table: Option<&'a str>,
}

impl Page<'_> {
    /// `WHERE …` restricting to the table, with a further condition.
    fn only(&self, more: &str) -> String {
        let table = self.table.map(|t| format!("table_name = {}", literal(t)));
        let all: Vec<String> = table.into_iter().chain((!more.is_empty()).then(|| more.to_owned())).collect();
        if all.is_empty() { String::new() } else { format!("WHERE {}", all.join(" AND ")) }
    }

    async fn scores(&self, by: By) -> Result<Rows> {
        read(self.context, &sql(by, self.table)).await
    }

    async fn values(&self) -> Result<Value> {
        let all = self.scores(By::All).await?;
        let Some(score) = all.number(0, "score") else {
            return Err(EngineError::input(
                "nothing was measured yet; load data first, then run assay quality without --no-refresh",
            ));
        };
        let size = self.size().await?;
        let months = self.scores(By::Month).await?;
        let undelivered = self.undelivered().await?;
        let rows = self.rows_at_fault().await?;
        let score = score.min(rows.clean);
        let (grade_zh, grade_en) = grade(score);
        let dimensions = self.dimensions().await?;
        let judged = |d: &Dimension| dimensions.iter().any(|(name, _)| name == d.zh());
        let silent: Vec<&str> = Dimension::ALL.iter().filter(|d| !judged(d)).map(|d| d.zh()).collect();
        Ok(context! {
            table => self.table,
            score => points(score),
            grade => grade_zh,
            grade_en,
            level => level(score),
            rules => count(all.number(0, "rules")),
            checked => count(all.number(0, "checked")),
            failed => count(all.number(0, "failed")),
            undelivered => count(undelivered),
            any_undelivered => undelivered.unwrap_or_default() > 0.0,
            faulty => count(Some(rows.faulty)),
            clean => points(rows.clean),
            size,
            trend => charts::trend(&months.series("period", "score"))?,
            dimensions => charts::bars(&dimensions)?,
            silent,
            history => charts::history(&self.history().await?)?,
            sources => self.groups(By::Source, "source").await?,
            tables => self.groups(By::Table, "table_name").await?,
            worst => self.worst().await?,
            todo => self.todo().await?,
            alerts => self.alerts().await?,
            loads => self.loads().await?,
            grades => GRADES.iter().map(|(least, zh, en)| context! { least => format!("{least:.1}"), zh => *zh, en => *en }).collect::<Vec<_>>(),
        })
    }

    /// How often rows fail because their feed does not bring what a rule asks for.
    async fn undelivered(&self) -> Result<Option<f64>> {
        let only = self.only(&format!("measure = '{UNDELIVERED}'"));
        let sql = format!("SELECT sum(failed) AS failed FROM quality_measure {only}");
        Ok(read(self.context, &sql).await?.number(0, "failed"))
    }

    /// Rows with a defect or rejected by their feed's latest load.
    async fn rows_at_fault(&self) -> Result<AtFault> {
        let defects = self.only("claim = 'defect'");
        let (stored, rejected) = (self.only("measure = 'rows'"), self.only(&format!("measure = '{LOADED}'")));
        let found = read(
            self.context,
            &format!(
                "SELECT (SELECT count(*) FROM (SELECT DISTINCT table_name, _file, _row FROM quality_failure {defects})) AS failing, \
                 (SELECT sum(failed) FROM quality_measure {rejected}) AS rejected, \
                 (SELECT sum(passed) FROM quality_measure {stored}) AS stored"
            ),
        )
        .await?;
        let of = |column: &str| found.number(0, column).unwrap_or_default();
        let faulty = of("failing") + of("rejected");
        let all = (of("stored") + of("rejected")).max(1.0);
        Ok(AtFault { faulty, clean: 100.0 * (1.0 - faulty / all).max(0.0) })
    }

    async fn size(&self) -> Result<Value> {
        let only = self.only("measure = 'rows'");
        let found = read(
            self.context,
            &format!(
                "SELECT sum(passed) AS rows, count(DISTINCT table_name) AS tables, count(DISTINCT source) AS sources, \
                 min(period) AS first, max(period) AS last FROM quality_measure {only}"
            ),
        )
        .await?;
        let at =
            read(self.context, "SELECT CAST(max(measured_at) AS VARCHAR) AS at FROM quality_score").await?;
        Ok(context! {
            rows => count(found.number(0, "rows")),
            tables => count(found.number(0, "tables")),
            sources => count(found.number(0, "sources")),
            first => found.text(0, "first"),
            last => found.text(0, "last"),
            at => at.text(0, "at").replace('T', " ").chars().take(16).collect::<String>(),
        })
    }

    async fn dimensions(&self) -> Result<Vec<(String, f64)>> {
        let only = self.only("");
        let found = read(
            self.context,
            &format!(
                "SELECT dimension, 100 * sum(weight * (1 - CAST(failed AS DOUBLE) / checked)) / sum(weight) AS score FROM \
                 (SELECT dimension, rule, table_name, max(weight) AS weight, sum(checked) AS checked, sum(failed) AS failed \
                 FROM quality_score {only} GROUP BY dimension, rule, table_name) WHERE checked > 0 GROUP BY dimension"
            ),
        )
        .await?;
        let of = |dimension: Dimension| {
            let row = (0..found.len()).find(|row| found.text(*row, "dimension") == dimension.word())?;
            Some((dimension.zh().to_owned(), found.number(row, "score")?))
        };
        Ok(Dimension::ALL.into_iter().filter_map(of).collect())
    }

    /// Scores after each measuring.
    async fn history(&self) -> Result<Vec<(String, f64)>> {
        let only = self.only("score IS NOT NULL");
        let found = read(
            self.context,
            &format!(
                "SELECT CAST(CAST(measured_at AS DATE) AS VARCHAR) AS day, avg(score) AS score \
                 FROM quality_history {only} GROUP BY measured_at ORDER BY measured_at"
            ),
        )
        .await?;
        Ok(found.series("day", "score"))
    }

    async fn groups(&self, by: By, key: &str) -> Result<Vec<Value>> {
        let found = self.scores(by).await?;
        let group = if by == By::Table { "" } else { "source, " };
        let group = format!("{group}rule, table_name, name_zh");
        let worst = read(
            self.context,
            &format!(
                "SELECT {key}, name_zh, failed FROM (SELECT *, row_number() OVER (PARTITION BY {key} ORDER BY gravity DESC, name_zh) AS n \
                 FROM (SELECT {key}, name_zh, sum(failed) AS failed, {GRAVITY} AS gravity \
                 FROM quality_score {} GROUP BY {group} HAVING sum(failed) > 0)) WHERE n = 1",
                self.only("checked > 0")
            ),
        )
        .await?;
        let tables = assay_datasets::schema::catalog();
        Ok((0..found.len())
            .filter_map(|row| {
                let score = found.number(row, "score")?;
                let name = found.text(row, key);
                let mark = (0..worst.len()).find(|at| worst.text(*at, key) == name);
                let zh = tables.table(&name).map_or(String::new(), |t| t.zh.clone());
                Some(context! {
                    name,
                    zh,
                    score => points(score),
                    grade => grade(score).0,
                    level => level(score),
                    rules => count(found.number(row, "rules")),
                    checked => count(found.number(row, "checked")),
                    failed => count(found.number(row, "failed")),
                    unknown => count(found.number(row, "unknown")),
                    worst => mark.map(|at| format!("{}（{}）", worst.text(at, "name_zh"), count(worst.number(at, "failed")))),
                })
            })
            .collect())
    }

    async fn worst(&self) -> Result<Vec<Value>> {
        // Findings on months have a section of their own.
        let drift = Dimension::Drift.word();
        let only = self.only("");
        let found = read(
            self.context,
            &format!(
                "SELECT * FROM (SELECT rule, table_name, name_zh, name_en, severity, dimension, owner, \
                 count(DISTINCT source) AS sources, min(period) FILTER (WHERE failed > 0) AS first, \
                 max(period) FILTER (WHERE failed > 0) AS last, sum(checked) AS checked, sum(failed) AS failed, {GRAVITY} AS gravity \
                 FROM quality_score {only} GROUP BY rule, table_name, name_zh, name_en, severity, dimension, owner) AS s \
                 WHERE failed > 0 AND rule NOT IN ('{LOADED}', '{ARRIVAL}', '{GAP}') AND dimension <> '{drift}' AND NOT EXISTS (SELECT 1 FROM quality_measure AS u \
                 WHERE u.measure = '{UNDELIVERED}' AND u.table_name = s.table_name AND split_part(u.part, ' ', 1) = s.rule) \
                 ORDER BY gravity DESC, failed DESC, rule, table_name LIMIT {WORST}"
            ),
        )
        .await?;
        let mut rules = Vec::with_capacity(found.len());
        for row in 0..found.len() {
            let (id, table) = (found.text(row, "rule"), found.text(row, "table_name"));
            let share = 100.0 * found.number(row, "failed").unwrap_or_default()
                / found.number(row, "checked").unwrap_or(1.0);
            rules.push(context! {
                examples => self.examples(&id, &table).await?,
                zh => found.text(row, "name_zh"),
                en => found.text(row, "name_en"),
                table_zh => table_zh(&table),
                severity => severity_zh(&found.text(row, "severity")),
                dimension => dimension_zh(&found.text(row, "dimension")),
                owner => owner_zh(&found.text(row, "owner")),
                failed => count(found.number(row, "failed")),
                checked => count(found.number(row, "checked")),
                share => percent(share),
                first => found.text(row, "first"),
                last => found.text(row, "last"),
                id,
                table,
            });
        }
        Ok(rules)
    }

    /// A few failing rows, each with something else to say.
    async fn examples(&self, rule: &str, table: &str) -> Result<Vec<Value>> {
        let found = read(
            self.context,
            &format!(
                "SELECT row_key, message_zh, _file AS file, _row AS row FROM quality_failure \
                 WHERE rule = {} AND table_name = {} ORDER BY _file, _row LIMIT {LOOKED_AT}",
                literal(rule),
                literal(table)
            ),
        )
        .await?;
        let mut said: Vec<String> = Vec::new();
        let mut examples = Vec::new();
        for row in 0..found.len() {
            let message = found.text(row, "message_zh");
            if said.contains(&message) || said.len() == EXAMPLES {
                continue;
            }
            examples.push(context! {
                key => found.text(row, "row_key"),
                file => found.text(row, "file"),
                row => found.text(row, "row"),
                message => message.as_str(),
            });
            said.push(message);
        }
        Ok(examples)
    }

    /// What to do, by who does it: every rule that fails, most weight first.
    async fn todo(&self) -> Result<Vec<Value>> {
        let only = self.only("");
        let found = read(
            self.context,
            &format!(
                "SELECT rule, table_name, name_zh, owner, sum(failed) AS failed, sum(checked) AS checked, max(weight) AS weight \
                 FROM quality_score {only} GROUP BY rule, table_name, name_zh, owner HAVING sum(failed) > 0 \
                 ORDER BY weight DESC, failed DESC, rule, table_name"
            ),
        )
        .await?;
        let owners = [Owner::Source, Owner::Registration, Owner::Invoices, Owner::Filings, Owner::Data];
        Ok(owners
            .into_iter()
            .filter_map(|owner| {
                let steps: Vec<Value> = (0..found.len())
                    .filter(|row| found.text(*row, "owner") == owner.word())
                    .filter_map(|row| {
                        let (id, table) = (found.text(row, "rule"), found.text(row, "table_name"));
                        // Loads and months as a whole have sections of their own, with what to do.
                        let rule = self.rules.rules.iter().find(|r| r.id == id && r.table.name == table)?;
                        Some(context! {
                            zh => found.text(row, "name_zh"),
                            table_zh => table_zh(&table),
                            failed => count(found.number(row, "failed")),
                            fix => rule.fix.zh.as_str(),
                            id,
                        })
                    })
                    .collect();
                (!steps.is_empty()).then(|| context! { who => owner.zh(), steps })
            })
            .collect())
    }

    async fn alerts(&self) -> Result<Value> {
        let only = self.only("");
        let found = read(
            self.context,
            &format!(
                "SELECT table_name, source, dimension, message_zh FROM quality_alert {only} \
                 ORDER BY period DESC, table_name, source, rule LIMIT {ALERTS}"
            ),
        )
        .await?;
        let all = read(self.context, &format!("SELECT count(*) AS n FROM quality_alert {only}")).await?;
        let rows: Vec<Value> = (0..found.len())
            .map(|row| {
                context! {
                    table_zh => table_zh(&found.text(row, "table_name")),
                    source => found.text(row, "source"),
                    dimension => dimension_zh(&found.text(row, "dimension")),
                    message => found.text(row, "message_zh"),
                }
            })
            .collect();
        Ok(context! { rows, n => count(all.number(0, "n")) })
    }

    async fn loads(&self) -> Result<Value> {
        let only = self.only("");
        let found = read(
            self.context,
            &format!(
                "SELECT table_name, sum(rows_read) AS read, sum(rows_kept) AS kept, sum(rows_duplicate) AS duplicate, \
                 sum(rows_rejected) AS rejected FROM ingest_batch {only} GROUP BY table_name ORDER BY rejected DESC, table_name"
            ),
        )
        .await?;
        let reasons = self.reasons().await?;
        let rows: Vec<Value> = (0..found.len())
            .map(|row| {
                let table = found.text(row, "table_name");
                let why = (0..reasons.len()).filter(|at| reasons.text(*at, "table_name") == table);
                let why: Vec<String> = why
                    .map(|at| {
                        let (why, n) = (reasons.text(at, "why"), count(reasons.number(at, "n")));
                        format!("{why}（{n}行，如{}）", reasons.text(at, "place"))
                    })
                    .collect();
                context! {
                    table_zh => table_zh(&table),
                    table,
                    why,
                    read => count(found.number(row, "read")),
                    kept => count(found.number(row, "kept")),
                    duplicate => count(found.number(row, "duplicate")),
                    rejected => count(found.number(row, "rejected")),
                    bad => found.number(row, "rejected").unwrap_or_default() > 0.0,
                }
            })
            .collect();
        let sum = |column: &str| (0..found.len()).filter_map(|row| found.number(row, column)).sum::<f64>();
        let (read, rejected) = (sum("read"), sum("rejected"));
        Ok(context! {
            rows,
            bad => rejected > 0.0,
            read => count(Some(read)),
            rejected => count(Some(rejected)),
            share => percent(100.0 * rejected / read.max(1.0)),
        })
    }

    /// Why rows were rejected, by table, the most frequent first.
    async fn reasons(&self) -> Result<Rows> {
        let only = self.only("");
        let sql = format!(
            "SELECT table_name, why, n, place FROM (SELECT *, row_number() OVER (PARTITION BY table_name ORDER BY n DESC, why) AS at \
             FROM (SELECT table_name, min(message_zh) AS why, count(*) AS n, min(concat(_file, '第', _row, '行')) AS place FROM rejected_row {only} \
             GROUP BY table_name, rule, column_name)) WHERE at <= {REASONS} ORDER BY table_name, at"
        );
        read(self.context, &sql).await
    }
}

/// A score as it is shown; only a perfect one is 100.
fn points(score: f64) -> String {
    if (99.95..100.0).contains(&score) { ">99.9".to_owned() } else { format!("{score:.1}") }
}

/// A share in percent as it is shown; only nothing is 0.
fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.01 { "<0.01".to_owned() } else { format!("{share:.2}") }
}

/// Class of a score in the page's style.
fn level(score: f64) -> &'static str {
    grade(score).1
}

fn table_zh(name: &str) -> String {
    assay_datasets::schema::catalog().table(name).map_or_else(|| name.to_owned(), |t| t.zh.clone())
}

fn dimension_zh(word: &str) -> String {
    Dimension::ALL
        .into_iter()
        .find(|d| d.word() == word)
        .map_or_else(|| word.to_owned(), |d| d.zh().to_owned())
}

fn severity_zh(word: &str) -> &'static str {
    use super::rule::Severity;
    [Severity::High, Severity::Medium, Severity::Low]
        .into_iter()
        .find(|s| s.word() == word)
        .map_or("", Severity::zh)
}

fn owner_zh(word: &str) -> &'static str {
    let owners = [Owner::Source, Owner::Registration, Owner::Invoices, Owner::Filings, Owner::Data];
    owners.into_iter().find(|o| o.word() == word).map_or("", Owner::zh)
}
