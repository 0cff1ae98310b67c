//! `assay ingest --inbox`: what became of every file of a landing zone.

use std::process::ExitCode;

use anyhow::Result;
use assay_engine::ingest::IngestRequest;
use assay_engine::ingest::inbox::{FileState, InboxFile, InboxRequest, take};
use assay_engine::warehouse::Warehouse;

use crate::args::{Cli, IngestArgs};
use crate::print;
use crate::progress::progress;

/// Takes what is there. Exit code 1 when a file failed, 3 when rows were rejected or nobody takes a file.
pub async fn run(
    cli: &Cli,
    warehouse: &Warehouse,
    place: &str,
    args: &IngestArgs,
    load: IngestRequest,
) -> Result<ExitCode> {
    let request = InboxRequest {
        place: place.to_owned(),
        mappings: args.mapping.clone(),
        complete: args.complete.clone(),
        load,
    };
    let summary = take(warehouse, request, progress()).await?;
    let header = ["file", "state", "tables", "rows_read", "kept", "duplicate", "rejected", "note"];
    let rows: Vec<Vec<String>> = summary.files.iter().map(row).collect();
    print::rows(&header, &rows, cli.format).await?;
    for missing in &summary.missing {
        print::error(&format!("missing: {missing}"));
    }
    let mut code = 0;
    for file in &summary.files {
        match &file.state {
            FileState::Failed(why) => {
                print::error(&format!("error: {}: {why}", file.name));
                code = 1;
            }
            FileState::Unmapped => {
                print::error(&format!(
                    "{}: nobody takes a file of this name; add a [[rule]] to definitions/inbox.toml or a pattern to a \
                     feed's files (无对应的映射)",
                    file.name
                ));
                code = if code == 0 { super::REJECTED } else { code };
            }
            FileState::Loaded(done) if done.rejected() > 0 => {
                code = if code == 0 { super::REJECTED } else { code };
            }
            _ => {}
        }
    }
    if code != 1 && summary.files.iter().any(|f| matches!(&f.state, FileState::Loaded(d) if d.rejected() > 0))
    {
        print::error("rejected rows: assay quality, or assay sql --personal \"select * from rejected_row\"");
    }
    Ok(ExitCode::from(code))
}

fn row(file: &InboxFile) -> Vec<String> {
    let mut cells = vec![file.name.clone()];
    let (state, note) = match &file.state {
        FileState::Loaded(done) => ("loaded", format!("batch {}", done.batch)),
        FileState::LoadedWith(batch, first) => ("loaded", format!("batch {batch}, with {first}")),
        FileState::Known(batch) => ("already loaded", format!("batch {batch}")),
        FileState::Waiting(why) => ("waiting", why.clone()),
        FileState::Unmapped => ("unmapped", String::new()),
        FileState::Failed(_) => ("failed", "see below".to_owned()),
    };
    cells.push(state.to_owned());
    match &file.state {
        FileState::Loaded(done) => {
            let tables: Vec<&str> = done.tables.iter().map(|t| t.table.as_str()).collect();
            let sum = |of: fn(&assay_engine::ingest::TableSummary) -> usize| {
                done.tables.iter().map(of).sum::<usize>().to_string()
            };
            cells.extend([
                tables.join(", "),
                done.read().to_string(),
                sum(|t| t.kept),
                sum(|t| t.duplicate),
                done.rejected().to_string(),
            ]);
        }
        _ => cells.extend(std::iter::repeat_n(String::new(), 5)),
    }
    cells.push(note);
    cells
}
