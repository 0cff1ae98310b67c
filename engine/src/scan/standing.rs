//! What is known of taxpayers beside their hits (past cases, credit rating, cases under way), and the factor the
//! scorecard gives it. What hits come to is `judge`'s business.

use std::collections::HashMap;

use arrow::array::{Array, StringArray};
use assay_datasets::schema::catalog;
use assay_risk_models::scorecard::{Known, Scorecard};
use datafusion::prelude::SessionContext;

use super::judge::{keys, texts};
use super::tasks::rows;
use crate::Result;

const SQL: &str = include_str!("../../../sql/scorecard/standing.sql");

/// What a taxpayer's standing does to its points, and why.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standing {
    /// Multiplies all points.
    pub(super) factor: f64,
    /// Why, for an officer.
    pub(super) zh: String,
    /// The same in English.
    pub(super) en: String,
}

/// Standings by taxpayer key, of those whose points are changed by it.
pub(super) type Standings = HashMap<i64, Standing>;

/// The standings of a month.
///
/// # Errors
/// When a table cannot be read.
pub(super) async fn standings(context: &SessionContext, card: &Scorecard, as_of: i32) -> Result<Standings> {
    let Some(rule) = card.standing() else { return Ok(Standings::new()) };
    let conclusions: Vec<String> =
        rule.repeat.conclusions.iter().map(|word| format!("'{}'", word.replace('\'', "''"))).collect();
    let sql = SQL
        .replace("$as_of", &as_of.to_string())
        .replace("$months", &rule.repeat.months.to_string())
        .replace("$conclusions", &conclusions.join(", "));
    let mut found = Standings::new();
    for batch in rows(context, &sql).await? {
        let (rating, conclusion) = (texts(&batch, "credit_rating")?, texts(&batch, "conclusion")?);
        let (closed_on, kind) = (texts(&batch, "closed_on")?, texts(&batch, "kind")?);
        let case_no = texts(&batch, "case_no")?;
        for (row, key) in keys(&batch)?.values().iter().enumerate() {
            let (rating, conclusion, kind) = (at(rating, row), at(conclusion, row), at(kind, row));
            let known = Known { credit_rating: rating, offended: conclusion.is_some(), under_way: kind };
            let factor = rule.factor(&known);
            if factor == 1.0 {
                continue;
            }
            let mut why = Why::default();
            if let (Some(conclusion), Some(day)) = (conclusion, at(closed_on, row)) {
                let zh = word("conclusion", conclusion);
                why.add(format!("{day}结案，结论{zh}"), format!("a case closed on {day} as {conclusion}"));
            }
            if let Some(rating) = rating.filter(|r| rule.credit_rating.contains_key(*r)) {
                why.add(format!("纳税信用{rating}级"), format!("credit rating {rating}"));
            }
            if let (Some(kind), Some(case)) =
                (kind.filter(|k| rule.under_way.contains_key(*k)), at(case_no, row))
            {
                let zh = word("kind", kind);
                why.add(format!("{zh}在办（案件{case}）"), format!("{kind} under way (case {case})"));
            }
            found.insert(*key, Standing { factor, zh: why.zh.join("，"), en: why.en.join(", ") });
        }
    }
    Ok(found)
}

/// Reasons, in both languages.
#[derive(Default)]
struct Why {
    zh: Vec<String>,
    en: Vec<String>,
}

impl Why {
    fn add(&mut self, zh: String, en: String) {
        self.zh.push(zh);
        self.en.push(en);
    }
}

fn at(texts: &StringArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row))
}

/// The dictionary's Chinese for a code of `enforcement_case`.
fn word(column: &str, code: &str) -> String {
    let column = catalog().table("enforcement_case").and_then(|table| table.column(column));
    let value = column.and_then(|column| column.values.iter().find(|value| value.code == code));
    value.map_or_else(|| code.to_owned(), |value| value.zh.clone())
}
