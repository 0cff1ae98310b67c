//! Whether rules are right, without a warehouse: every expression and query planned over the dictionary's tables,
//! every name in a message known, every test row run. All problems at once.

use std::sync::Arc;

use assay_indicators::{At, Problem};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::{ExprSchemable, cast};
use datafusion::prelude::SessionContext;

use super::catalogue::Rules;
use super::compile::{plan, reading_schema};
use super::rule::{Bins, Kind, Rule};
use super::{query, testrow};
use crate::Result;

/// Checks all rules; `tests` runs their test rows too.
///
/// # Errors
/// When a session cannot be made.
pub async fn check(context: &SessionContext, rules: &Rules, tests: bool) -> Result<Vec<Problem>> {
    let empty = query::empty_session(context)?;
    query::register_empty(&empty)?;
    let mut problems = Vec::new();
    for rule in &rules.rules {
        let before = problems.len();
        expressions(&empty, rule, &mut problems)?;
        names(rule, &mut problems);
        queries(&empty, rule, &mut problems).await;
        if tests && problems.len() == before {
            problems.extend(testrow::run(context, rule).await);
        }
    }
    for distribution in &rules.distributions {
        let schema = reading_schema(distribution.table);
        let frame = DFSchema::try_from(schema.as_ref().clone())?;
        let (expr, fits) = match &distribution.bins {
            Bins::Column(column) => {
                let text = schema.field_with_name(&column.value);
                (column, text.is_ok_and(|f| matches!(f.data_type(), DataType::Dictionary(..))))
            }
            Bins::Number(number) => {
                let whole =
                    plan(&empty, &frame, number).and_then(|e| Ok(cast(e, DataType::Int64).get_type(&frame)?));
                (number, whole.is_ok())
            }
        };
        if !fits {
            problems.push(distribution.source.problem(
                &expr.span,
                format!("`{}` of {} is no value to count", expr.value, distribution.table.name),
                "name an enum or a code column with `column`, or give a whole number with `number`",
            ));
        }
    }
    problems.sort();
    problems.dedup();
    Ok(problems)
}

/// Conditions fit the table and are conditions.
fn expressions(context: &SessionContext, rule: &Rule, problems: &mut Vec<Problem>) -> Result<()> {
    let frame = DFSchema::try_from(reading_schema(rule.table).as_ref().clone())?;
    let ok = match &rule.kind {
        Kind::Row { ok } => Some(ok),
        _ => None,
    };
    for condition in rule.when.iter().chain(ok) {
        let found = plan(context, &frame, condition).and_then(|expr| Ok(expr.get_type(&frame)?));
        match found {
            Ok(DataType::Boolean) => {}
            Ok(other) => problems.push(rule.source.problem(
                &condition.span,
                format!("`{}` over {} gives {other}", condition.value, rule.table.name),
                "write a condition that is true or false",
            )),
            Err(error) => problems.push(rule.source.problem(
                &condition.span,
                format!("`{}` over {}: {}", condition.value, rule.table.name, first_line(&error.to_string())),
                "correct the expression; the columns are shown by: assay schema TABLE",
            )),
        }
    }
    Ok(())
}

/// Columns and placeholders exist.
fn names(rule: &Rule, problems: &mut Vec<Problem>) {
    let stored = rule.table.stored_schema();
    let unique: Vec<At<String>> = match &rule.kind {
        Kind::Unique { columns } => columns.clone(),
        _ => Vec::new(),
    };
    for column in rule.columns.iter().chain(&unique) {
        if stored.field_with_name(&column.value).is_err() {
            let near = rule.table.nearest_column(&column.value).join(", ");
            problems.push(rule.source.problem(
                &column.span,
                format!("{} has no stored column `{}`", rule.table.name, column.value),
                format!("did you mean {near}? personal columns are stored as keys"),
            ));
        }
    }
    for name in rule.message.iter().flat_map(|m| m.names()) {
        if stored.field_with_name(name).is_err() && !rule.show.contains_key(name) {
            problems.push(rule.source.problem(
                &rule.span,
                format!("the message of `{}` names `{{{name}}}`, which {} has not", rule.id, rule.table.name),
                "name a stored column, or a value of `show`",
            ));
        }
    }
    if rule.columns.is_empty() {
        problems.push(rule.source.problem(
            &rule.span,
            format!("rule `{}` names no column at fault", rule.id),
            "add at least one to `columns`",
        ));
    }
}

/// The query plans.
async fn queries(context: &SessionContext, rule: &Arc<Rule>, problems: &mut Vec<Problem>) {
    let Some(sql) = query::sql(rule) else { return };
    if let Err(error) = context.sql(&sql).await {
        let at = match &rule.kind {
            Kind::Between { from, .. } => from.span.clone(),
            _ => rule.span.clone(),
        };
        problems.push(rule.source.problem(
            &at,
            format!(
                "the query of `{}` over {}: {}",
                rule.id,
                rule.table.name,
                first_line(&error.to_string())
            ),
            "correct the query; in it `t` is the rule's table",
        ));
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use assay_indicators::SourceFile;
    use assay_sql::session::{SessionOptions, new_session};

    #[tokio::test(flavor = "multi_thread")]
    async fn shipped_rules_have_no_problem_and_their_tests_pass() {
        let (rules, mut problems) = Rules::load(None).unwrap();
        let context = new_session(&SessionOptions::default()).unwrap();
        problems.extend(check(&context, &rules, true).await.unwrap());
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(all.is_empty(), "{}", all.join("\n"));
        // Every table of the dictionary has rules.
        for table in assay_datasets::schema::catalog().tables() {
            assert!(rules.of(table).count() > 0, "{} has no rule", table.name);
        }
        let ids: std::collections::BTreeSet<&str> = rules.rules.iter().map(|r| r.id.as_str()).collect();
        assert!(ids.len() >= 100, "{} rules", ids.len());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn everything_wrong_is_said_at_once() {
        let text = r#"
table = "invoice"
colour = 1
[[rule]]
id = "X-1"
dimension = "consistancy"
severity = "high"
zh = "a"
en = "a"
ok = "total > 0"
columns = ["total"]
message = { zh = "{total", en = "b" }
fix = { zh = "c", en = "d", by = "nobody" }
[[rule]]
id = "X-2"
dimension = "validity"
severity = "high"
zh = "a"
en = "a"
ok = "totl > 0"
columns = ["amout"]
message = { zh = "{nothing}", en = "b" }
fix = { zh = "c", en = "d", by = "source" }
[rule.test]
good = [{ total = 1 }]
bad = [{ total = 0 }]
[[rule]]
id = "X-3"
dimension = "validity"
severity = "high"
zh = "a"
en = "a"
ok = "total > 0"
columns = ["total"]
message = { zh = "a", en = "b" }
fix = { zh = "c", en = "d", by = "source" }
[rule.test]
good = [{ total = -1 }]
bad = [{ total = 0 }, { total = "x" }]
[[rule]]
id = "X-4"
dimension = "consistency"
severity = "low"
zh = "a"
en = "a"
from = "invoice t JOIN nowhere n ON n.a = t.seller_key"
columns = ["total"]
message = { zh = "a", en = "b" }
fix = { zh = "c", en = "d", by = "source" }
"#;
        let file = SourceFile::new("own.toml", text);
        let (rules, mut problems) = Rules::from_layers(vec![vec![file]]);
        let context = new_session(&SessionOptions::default()).unwrap();
        problems.extend(check(&context, &rules, true).await.unwrap());
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let all = all.join("\n");
        for wanted in [
            "unknown key `colour`",
            "own.toml:6:13: `dimension` is `consistancy`",
            "`{` without `}`",
            "`by` is `nobody`",
            "own.toml:20:6: `totl > 0` over invoice",
            "no stored column `amout`",
            "names `{nothing}`",
            "comes out as Bad, expected Good",
            "column total",
            "the query of `X-4`",
        ] {
            assert!(all.contains(wanted), "no {wanted} in:\n{all}");
        }
    }
}
