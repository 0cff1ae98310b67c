//! What an indicator would do, as `assay indicators backtest CODE` shows it.

use anyhow::Result;
use assay_engine::scan::{Effect, Share};
use assay_sql::Format;

use crate::print;

/// Other indicators and offices shown in a table.
const SHOWN: usize = 15;

/// Prints an effect: as tables, or whole as JSON.
pub async fn show(format: Format, effect: &Effect) -> Result<()> {
    if format != Format::Table {
        return print::line(&serde_json::to_string_pretty(effect)?);
    }
    let lines = |lines: &[String]| if lines.is_empty() { "—".to_owned() } else { lines.join("; ") };
    print::error(&format!(
        "{} {} as of {}; lines now: {}; then: {}",
        effect.code,
        effect.name_zh,
        effect.as_of,
        lines(&effect.lines_now),
        lines(&effect.lines_then)
    ));
    print::rows(&["", "now", "then"], &figures(effect), format).await?;
    let shared: Vec<Vec<String>> = effect
        .overlap
        .iter()
        .take(SHOWN)
        .map(|one| {
            vec![
                one.code.clone(),
                one.name_zh.clone(),
                one.shared.to_string(),
                share(one.shared, effect.hits.1),
                share(one.shared, one.theirs),
            ]
        })
        .collect();
    print::rows(&["also_hit_by", "name", "shared", "of_these_hits", "of_its_hits"], &shared, format).await?;
    let offices: Vec<Vec<String>> = effect
        .offices
        .iter()
        .take(SHOWN)
        .map(|one| {
            vec![one.office_code.clone(), one.office_name.clone(), one.now.to_string(), one.then.to_string()]
        })
        .collect();
    print::rows(&["office", "name", "tasks_now", "tasks_then"], &offices, format).await?;
    for (all, what) in [(effect.overlap.len(), "indicators"), (effect.offices.len(), "offices")] {
        if all > SHOWN {
            print::error(&format!("{} more {what}; all of them: --format json", all - SHOWN));
        }
    }
    Ok(())
}

fn figures(effect: &Effect) -> Vec<Vec<String>> {
    let row = |what: &str, now: String, then: String| vec![what.to_owned(), now, then];
    let mut rows = vec![
        row("taxpayers hit", effect.hits.0.to_string(), effect.hits.1.to_string()),
        row("hit only then", String::new(), effect.gained.to_string()),
        row("hit only now", effect.lost.to_string(), String::new()),
    ];
    if let Some((now, then)) = effect.labelled {
        let precision = |of: Share| share(of.guilty, of.labelled);
        rows.push(row("labelled hits", now.labelled.to_string(), then.labelled.to_string()));
        rows.push(row("guilty among them", now.guilty.to_string(), then.guilty.to_string()));
        rows.push(row("precision", precision(now), precision(then)));
    }
    for (grade, now, then) in effect.grades {
        rows.push(row(&format!("tasks {grade}"), now.to_string(), then.to_string()));
    }
    rows
}

fn share(part: usize, of: usize) -> String {
    if of == 0 { String::new() } else { format!("{:.3}", part as f64 / of as f64) }
}
