//! What bounds the work: `tasks capacity`, `tasks officers`, `tasks exempt`.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use assay_engine::ledger;
use assay_engine::warehouse::Warehouse;
use assay_indicators::Catalogue;
use assay_tasks::ledger::{Exemption, Filter, Ledger, OfficeLimit, QUARTERS};

use super::{Place, by};
use crate::args::{Cli, ExemptCommand, Who};
use crate::print;

/// Shows capacities, or states those of a file.
pub async fn capacity((cli, _, ledger): Place<'_>, from: Option<&Path>, who: &Who) -> Result<()> {
    if let Some(file) = from {
        let mut limits = Vec::new();
        for (line, row) in read(file, &["office_code", "own", "whole"])? {
            let work = |text: &str, column: &str| -> Result<Option<i64>> {
                if text.is_empty() {
                    return Ok(None);
                }
                let number: Option<f64> = text.parse().ok().filter(|n: &f64| (0.0..=1e9).contains(n));
                match number.map(|n| n * f64::from(QUARTERS)) {
                    Some(quarters) => Ok(Some(quarters.floor() as i64)),
                    None => bail!(
                        "{} line {line}, {column}: `{text}` is no number of tasks; write one such as 15 or 7.5, or nothing for no limit",
                        file.display()
                    ),
                }
            };
            let (own, whole) = (work(&row[1], "own")?, work(&row[2], "whole")?);
            limits.push(OfficeLimit { office_code: row[0].clone(), own, whole });
        }
        let stated = ledger.state_capacities(&limits, &by(who)?).await;
        stated.with_context(|| format!("nothing of {} was stated", file.display()))?;
        return print::line(&format!("capacities of {} offices stated", limits.len()));
    }
    let number = |quarters: Option<i64>| {
        quarters.map(|q| format!("{:.2}", q as f64 / f64::from(QUARTERS))).unwrap_or_default()
    };
    let rows: Vec<Vec<String>> = ledger
        .capacities()
        .await?
        .into_iter()
        .map(|limit| vec![limit.office_code, number(limit.own), number(limit.whole)])
        .collect();
    print::rows(&["office_code", "own", "whole"], &rows, cli.format).await
}

/// Shows the officers of offices, or states those of a file.
pub async fn officers((cli, _, ledger): Place<'_>, from: Option<&Path>, who: &Who) -> Result<()> {
    let Some(from) = from else {
        let known = ledger.officers().await?;
        let rows: Vec<Vec<String>> = known
            .into_iter()
            .flat_map(|(code, names)| names.into_iter().map(move |name| vec![code.clone(), name]))
            .collect();
        return print::rows(&["office_code", "name"], &rows, cli.format).await;
    };
    let rows = read(from, &["office_code", "name"])?;
    for (line, row) in &rows {
        if row[1].is_empty() {
            bail!("{} line {line}: name is empty; take the line out or fill it in", from.display());
        }
    }
    let officers: Vec<(String, String)> =
        rows.into_iter().map(|(_, row)| (row[0].clone(), row[1].clone())).collect();
    let stated = ledger.state_officers(&officers, &by(who)?).await;
    stated.with_context(|| format!("nothing of {} was stated", from.display()))?;
    print::line(&format!("{} officers stated", officers.len()))
}

/// Rows of a CSV file with a header, in the order of the columns asked for; with the line of each.
fn read(file: &Path, columns: &[&str]) -> Result<Vec<(usize, Vec<String>)>> {
    let shown = file.display();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
    // Spreadsheets here save CSV as GBK unless told otherwise.
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let (text, _, broken) = encoding_rs::GB18030.decode(error.as_bytes());
            if broken {
                bail!("{shown} is neither UTF-8 nor GB18030; save it as CSV UTF-8");
            }
            text.into_owned()
        }
    };
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let header = reader.headers().with_context(|| format!("cannot read {shown}"))?.clone();
    let mut places = Vec::new();
    for column in columns {
        match header.iter().position(|name| name == *column) {
            Some(place) => places.push(place),
            None => bail!("{shown} has no column {column}; it must have: {}", columns.join(", ")),
        }
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.with_context(|| format!("cannot read {shown}"))?;
        let line = record.position().map_or(0, |p| usize::try_from(p.line()).unwrap_or(0));
        let row: Vec<String> =
            places.iter().map(|at| record.get(*at).unwrap_or_default().to_owned()).collect();
        if row[0].is_empty() {
            bail!("{shown} line {line}: {} is empty; take the line out or fill it in", columns[0]);
        }
        rows.push((line, row));
    }
    Ok(rows)
}

/// Puts taxpayers on the list of those left alone, shows it, ends entries.
pub async fn exempt((cli, warehouse, ledger): Place<'_>, command: &ExemptCommand) -> Result<()> {
    match command {
        ExemptCommand::Add { taxpayer, family, owner, reason, from, until, who } => {
            let by = by(who)?;
            let from_on = from.unwrap_or_else(|| by.at.date_naive()).to_string();
            let one = Exemption {
                exemption_no: 0,
                taxpayer_id: taxpayer.clone(),
                family: family.clone(),
                owner: owner.clone(),
                reason: reason.clone(),
                from_on,
                until_on: until.to_string(),
                stated_by: None,
                ended_by: None,
            };
            known(cli, warehouse, &one).await?;
            let number = ledger.exempt(&one, &by).await?;
            print::line(&format!("exemption {number}: {taxpayer} until {until}"))?;
            if one.holds_on(&by.at.date_naive().to_string()) {
                out_already(ledger, &one).await?;
            }
            Ok(())
        }
        ExemptCommand::End { number, who } => {
            ledger.end_exemption(*number, &by(who)?).await?;
            print::line(&format!("exemption {number} ended"))
        }
        ExemptCommand::List => {
            let today = ledger::by("").at.date_naive().to_string();
            let rows: Vec<Vec<String>> = ledger
                .exemptions()
                .await?
                .into_iter()
                .map(|one| {
                    let holds = if one.holds_on(&today) { "yes" } else { "no" };
                    vec![
                        one.exemption_no.to_string(),
                        one.taxpayer_id,
                        one.family.unwrap_or_default(),
                        one.owner,
                        one.reason,
                        one.from_on,
                        one.until_on,
                        one.stated_by.unwrap_or_default(),
                        holds.to_owned(),
                        one.ended_by.unwrap_or_default(),
                    ]
                })
                .collect();
            let header = [
                "number",
                "taxpayer_id",
                "family",
                "owner",
                "reason",
                "from",
                "until",
                "stated_by",
                "holds",
                "ended_by",
            ];
            print::rows(&header, &rows, cli.format).await
        }
    }
}

/// Refuses an exemption of a taxpayer nobody registered, or in a family no indicator is of: it would never hold.
async fn known(cli: &Cli, warehouse: &Warehouse, one: &Exemption) -> Result<()> {
    if !ledger::is_registered(warehouse, &one.taxpayer_id, &cli.session()).await? {
        bail!(
            "no taxpayer {} in the register; find it by name with: assay sql \"select taxpayer_id, name from taxpayer where \
             name like '%…%'\"",
            one.taxpayer_id
        );
    }
    let Some(family) = &one.family else { return Ok(()) };
    let (catalogue, _) = Catalogue::load(warehouse.definitions_root().as_deref())?;
    let families: BTreeSet<&str> =
        catalogue.entries().iter().map(|entry| entry.indicator.family.as_str()).collect();
    if !families.contains(family.as_str()) {
        bail!("no indicator is of family {family}{}", alike(family, &families));
    }
    Ok(())
}

/// Words that resemble one nobody knows, and where all of them stand.
fn alike(word: &str, known: &BTreeSet<&str>) -> String {
    let start: String = word.to_lowercase().chars().take(3).collect();
    let near: Vec<&str> = known.iter().filter(|one| one.starts_with(&start)).copied().collect();
    let near = if near.is_empty() { String::new() } else { format!("; near it: {}", near.join(", ")) };
    format!("{near}; all families: assay indicators list")
}

/// Says which task of a taxpayer was sent before it was exempt: the list holds back what is not sent yet.
async fn out_already(ledger: &Ledger, one: &Exemption) -> Result<()> {
    let filter = Filter { id: Some(one.taxpayer_id.clone()), ..Filter::open() };
    let covers = |family: &str| one.family.as_deref().is_none_or(|covered| covered == family);
    for task in ledger.tasks(&filter).await?.iter().filter(|task| task.state.awaits_answer()) {
        let (no, items) = (&task.task.task_no, &task.items);
        if one.family.is_none() || items.iter().any(|item| covers(&item.family)) {
            print::error(&format!(
                "task {no} is out already ({}); to take it back: assay tasks recall {no} --why TEXT",
                task.state.zh()
            ));
        }
    }
    Ok(())
}
