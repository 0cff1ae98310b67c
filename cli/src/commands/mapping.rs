//! `assay mapping`: the mappings there are, one's text, a first draft for a file, and what one makes of a file.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use assay_engine::mapping::{self, FeedPreview, InferRequest};
use assay_engine::warehouse::Warehouse;

use crate::args::{Cli, MappingCommand};
use crate::{print, settings};

/// Runs the command. No warehouse is needed; where one is named, its own mappings count too.
pub async fn run(cli: &Cli, command: &MappingCommand) -> Result<ExitCode> {
    let warehouse = match settings::warehouse(cli.warehouse.as_deref()) {
        Ok(location) => Some(Warehouse::open(&location).await?),
        Err(_) => None,
    };
    match command {
        MappingCommand::List => list(cli, warehouse.as_ref()).await,
        MappingCommand::Show { mapping } => {
            print::line(mapping::text(warehouse.as_ref(), mapping)?.1.trim_end())?;
            Ok(ExitCode::SUCCESS)
        }
        MappingCommand::Infer { file, table, sheet, name, output } => {
            let request = InferRequest {
                path: file.clone(),
                table: table.clone(),
                sheet: sheet.clone(),
                name: name.clone(),
            };
            infer(&request, output.as_deref())
        }
        MappingCommand::Check { mapping, file } => check(cli, warehouse.as_ref(), mapping, file).await,
    }
}

async fn list(cli: &Cli, warehouse: Option<&Warehouse>) -> Result<ExitCode> {
    let mut rows = Vec::new();
    for known in mapping::known(warehouse)? {
        let (tables, zh) = match assay_datasets::mapping::parse(&known.place, &known.text) {
            Ok(read) => {
                let mut tables: Vec<String> = read.feeds.iter().map(|f| f.table.clone()).collect();
                tables.dedup();
                tables.sort();
                tables.dedup();
                (tables.join(", "), read.zh)
            }
            Err(problems) => ("?".into(), problems.first().cloned().unwrap_or_default()),
        };
        rows.push(vec![known.name, known.place, tables, zh]);
    }
    print::rows(&["mapping", "place", "tables", "name_zh"], &rows, cli.format).await?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the draft; exit code 3 when it does not load as it is.
fn infer(request: &InferRequest, output: Option<&Path>) -> Result<ExitCode> {
    let draft = mapping::infer(request)?;
    if draft.text.is_empty() {
        draft.missing.iter().for_each(|missing| print::error(missing));
        print::error("没有写出草稿 no draft was written");
        return Ok(ExitCode::from(super::REJECTED));
    }
    match output {
        Some(path) => std::fs::write(path, &draft.text)?,
        None => print::line(draft.text.trim_end())?,
    }
    let sure = draft.guesses.iter().filter(|g| g.confidence >= 0.8).count();
    print::error(&format!(
        "{} columns mapped, {sure} of them with a confidence of 0.8 or more",
        draft.guesses.len()
    ));
    for guess in draft.guesses.iter().filter(|g| g.confidence < 0.8) {
        print::error(&format!(
            "  check {}.{} = {} ({:.2}: {})",
            guess.feed, guess.column, guess.source, guess.confidence, guess.why
        ));
    }
    for guess in &draft.questions {
        print::error(&format!(
            "  not mapped, decide: {}.{} = {} ({:.2}: {})",
            guess.feed, guess.column, guess.source, guess.confidence, guess.why
        ));
    }
    if draft.missing.is_empty() {
        let shown = request.path.display();
        let name = output.unwrap_or_else(|| Path::new("DRAFT.toml")).display().to_string();
        print::error(&format!(
            "the draft loads; look at what it makes of the file: assay mapping check {name} {shown}"
        ));
        return Ok(ExitCode::SUCCESS);
    }
    print::error("the draft does not load everything yet:");
    for missing in &draft.missing {
        print::error(&format!("  {missing}"));
    }
    Ok(ExitCode::from(super::REJECTED))
}

async fn check(cli: &Cli, warehouse: Option<&Warehouse>, name: &str, file: &Path) -> Result<ExitCode> {
    let (shown, text) = mapping::text(warehouse, name)?;
    let previews = mapping::check(&shown, &text, file)?;
    let mut bad = false;
    for preview in &previews {
        bad |= preview.rejected > 0 || preview.error.is_some();
        show(cli, preview).await?;
    }
    Ok(ExitCode::from(if bad { super::REJECTED } else { 0 }))
}

async fn show(cli: &Cli, preview: &FeedPreview) -> Result<()> {
    let title = format!("{} → {} ({})", preview.file, preview.table, preview.feed);
    if let Some(error) = &preview.error {
        print::error(&format!("{title}: {error}"));
        return Ok(());
    }
    let part = if preview.whole { "" } else { " (the beginning of the file)" };
    print::error(&format!(
        "{title}: {} records{part}, {} load, {} rejected, {} rows are no records",
        preview.read,
        preview.kept,
        preview.rejected,
        preview.skipped.len()
    ));
    for row in &preview.skipped {
        print::error(&format!("  row {}: {} / {}", row.row, row.zh, row.en));
    }
    if !preview.unused.is_empty() {
        print::error(&format!("  columns not mapped: {}", preview.unused.join(", ")));
    }
    if !preview.cells.is_empty() {
        let cell = |c: &mapping::PreviewCell| {
            vec![c.row.to_string(), c.source.clone(), c.before.clone(), c.column.clone(), c.after.clone()]
        };
        let rows: Vec<Vec<String>> = preview.cells.iter().map(cell).collect();
        print::rows(&["row", "source", "before", "column", "after"], &rows, cli.format).await?;
    }
    if !preview.rejects.is_empty() {
        let rows: Vec<Vec<String>> = preview
            .rejects
            .iter()
            .map(|r| {
                let file = r.file.clone().unwrap_or_default();
                vec![
                    file,
                    r.row.to_string(),
                    r.column.clone(),
                    r.value.clone(),
                    r.rule.clone(),
                    r.zh.clone(),
                    r.en.clone(),
                ]
            })
            .collect();
        print::rows(&["file", "row", "column", "value", "rule", "reason_zh", "reason"], &rows, cli.format)
            .await?;
    }
    Ok(())
}
