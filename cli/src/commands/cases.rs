//! `assay cases`: the case base.

use anyhow::Result;
use assay_tasks::ledger::{Case, CaseQuery};

use super::tasks::{hundredths, open_ledger};
use crate::args::{CasesCommand, Cli};
use crate::print;

/// Searches cases, or finds those like a task.
pub async fn run(cli: &Cli, command: &CasesCommand) -> Result<()> {
    let warehouse = super::open(cli).await?;
    let ledger = open_ledger(cli, &warehouse).await?;
    let found = match command {
        CasesCommand::Search { text, indicator, industry, conclusion } => {
            let query = CaseQuery {
                text: text.clone(),
                indicator: indicator.clone(),
                industry: industry.clone(),
                conclusion: conclusion.clone(),
            };
            ledger.search_cases(&query).await?
        }
        CasesCommand::Like { task, most } => ledger.similar_cases(task, *most).await?,
    };
    if found.is_empty() {
        print::error("no such case; closed tasks become cases: assay tasks close");
    }
    let header = [
        "task_no",
        "likeness",
        "shared",
        "taxpayer_name",
        "industry",
        "indicators",
        "conclusion",
        "recovered",
        "closed_on",
        "explanation",
    ];
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    print::rows(&header, &rows, cli.format).await
}

fn row(case: &Case) -> Vec<String> {
    let task = &case.stored.task;
    let codes: Vec<&str> = case.stored.items.iter().map(|item| item.indicator.as_str()).collect();
    vec![
        task.task_no.clone(),
        if case.likeness > 0.0 { format!("{:.2}", case.likeness) } else { String::new() },
        case.shared.join(" "),
        task.taxpayer_name.clone().unwrap_or_else(|| task.taxpayer_id.clone()),
        task.industry_code.clone().unwrap_or_default(),
        codes.join(" "),
        case.answer.conclusion().unwrap_or_default().to_owned(),
        case.answer.money("tax_recovered").map(|fen| hundredths(i128::from(fen))).unwrap_or_default(),
        closed_on(case),
        case.answer.text("explanation").unwrap_or_default().to_owned(),
    ]
}

/// The day a case was closed.
pub fn closed_on(case: &Case) -> String {
    let at = case.stored.closed_at.clone().unwrap_or_default();
    at.get(..10).unwrap_or_default().to_owned()
}

/// A case in a line.
pub fn line(case: &Case) -> String {
    let task = &case.stored.task;
    let recovered = case.answer.money("tax_recovered").map(|fen| assay_tasks::money_zh(i128::from(fen)));
    format!(
        "{} {} 相似度{:.0}%（{}）：{}{}，{}办结",
        task.task_no,
        task.taxpayer_name.as_deref().unwrap_or(&task.taxpayer_id),
        100.0 * case.likeness,
        case.shared.join("、"),
        case.answer.conclusion().unwrap_or("无结论"),
        recovered.map(|sum| format!("，查补{sum}")).unwrap_or_default(),
        closed_on(case)
    )
}
