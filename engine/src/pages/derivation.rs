//! The page of a policy's answer taken apart: each condition with its facts, the benefit, the claim, and the rows behind them.

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use assay_datasets::schema::catalog;
use assay_indicators::policy::Answer;
use minijinja::{Value, context};

use super::render::render;
use crate::Result;
use crate::policy::{Derivation, Step, yuan, yuan_if_known};

/// Columns of evidence that no table of the catalogue has.
const OWN_COLUMNS: [(&str, &str); 6] = [
    ("source", "数据表"),
    ("kind", "类别"),
    ("number", "编号"),
    ("_file", "文件"),
    ("_row", "行号"),
    ("amount", "金额"),
];

/// The page of an answer as HTML, one part for each version in force: complete in itself.
///
/// # Errors
/// When the template cannot be filled or a row shown: a mistake in this crate.
pub fn derivation_page(derivations: &[Derivation]) -> Result<String> {
    let parts = derivations.iter().map(part).collect::<Result<Vec<Value>>>()?;
    let title = derivations.first().map(|one| {
        let policy = &one.compiled.policy;
        format!("{} {} · {} · {}", policy.code.value, policy.name.zh, one.taxpayer_id, one.compiled.period)
    });
    let values = context! { style => super::STYLE, title, parts };
    render(include_str!("derivation.html"), values)
}

fn part(one: &Derivation) -> Result<Value> {
    let (policy, version) = (&one.compiled.policy, one.compiled.version());
    let papers: Vec<&str> = version.documents.iter().map(|paper| paper.zh.as_str()).collect();
    let (columns, rows) = table(&one.evidence)?;
    Ok(context! {
        code => policy.code.value.clone(),
        name => one.name(),
        taxpayer => one.taxpayer_id.clone(),
        period => one.compiled.period,
        answer => one.answer.map_or("与该户无关", Answer::zh),
        colour => colour(one.answer),
        head => head(one),
        warning => one.warning(),
        steps => one.steps.iter().map(step).collect::<Vec<_>>(),
        missing => one.missing.join("、"),
        benefit => yuan_if_known(one.benefit),
        formula => version.benefit.value.trim(),
        benefit_facts => one.benefit_facts.clone(),
        claimed => yuan_if_known(one.claimed),
        claim_lines => policy.claim_lines.zh.clone(),
        columns,
        rows,
        sql => one.evidence_sql.trim(),
        advice => policy.advice.zh.clone(),
        papers => papers.join("、"),
        notes => policy.notes.as_ref().map(|notes| notes.zh.clone()),
    })
}

/// What is to be looked into is red, what is to be told or confirmed yellow, what is in order green.
fn colour(answer: Option<Answer>) -> &'static str {
    match answer {
        Some(Answer::ClaimedNotDue | Answer::OverClaimed) => "high",
        Some(Answer::DueClaimed) => "low",
        Some(Answer::NotDue | Answer::Waived) | None => "",
        Some(_) => "medium",
    }
}

fn head(one: &Derivation) -> Vec<(&'static str, String)> {
    let version = one.compiled.version();
    let mut head = vec![
        ("结论", one.conclusion().to_owned()),
        ("涉及金额", one.amount.map_or_else(|| "—".to_owned(), yuan)),
        ("执行期限", one.term()),
        ("依据", one.basis()),
    ];
    if let Some(phrase) = &version.phrase {
        head.push(("原文", format!("「{phrase}」")));
    }
    if one.waived {
        head.push(("放弃", "已声明放弃本项优惠".to_owned()));
    }
    head
}

fn step(step: &Step) -> Value {
    let (mark, colour) = step.mark();
    context! {
        mark,
        colour,
        zh => step.zh.clone(),
        facts => step.facts.clone(),
        test => step.test.clone().unwrap_or_else(|| "凭资料".to_owned()),
    }
}

/// Headers in Chinese, and cells.
fn table(rows: &RecordBatch) -> Result<(Vec<String>, Vec<Vec<String>>)> {
    let options = FormatOptions::default().with_null("—");
    let cells = rows
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options))
        .collect::<Result<Vec<_>, _>>()?;
    let shown =
        (0..rows.num_rows()).map(|row| cells.iter().map(|cell| cell.value(row).to_string()).collect());
    let headers = rows.schema().fields().iter().map(|field| header(field.name())).collect();
    Ok((headers, shown.collect()))
}

/// The Chinese name of a column of evidence; its own where nobody named it.
fn header(name: &str) -> String {
    if let Some((_, zh)) = OWN_COLUMNS.iter().find(|(own, _)| *own == name) {
        return (*zh).to_owned();
    }
    let named = catalog().tables().iter().find_map(|table| table.column(name));
    named.map_or_else(|| name.to_owned(), |column| column.zh.clone())
}
