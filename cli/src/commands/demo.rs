//! `assay demo`: the whole job on a small synthetic economy, every step the one a user would type.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::AsArray;
use assay_datasets::economy::{Economy, EconomySpec, write_csv};
use assay_engine::ingest::{IngestRequest, Silent, ingest};
use assay_engine::ledger;
use assay_engine::scan::{Labels, ScanRequest, backtest, scan};
use assay_engine::warehouse::Warehouse;
use assay_tasks::ledger::{Scope, Sending};

use crate::args::Cli;
use crate::commands::{indicators, ingest as ingest_command, scan as scan_command};
use crate::print;
use crate::progress::progress;

/// Generates, loads, scans, exports.
pub async fn run(cli: &Cli, location: &str, seed: u64) -> Result<()> {
    let root = PathBuf::from(location);
    let files = root.join("files");
    print::error(
        "1/4 generating 300 taxpayers and 12 months of their invoices, filings and all else, with labelled schemes among them",
    );
    let economy = Economy::build(&EconomySpec::demo(seed))?;
    let written =
        write_csv(&economy, &files, &[]).with_context(|| format!("cannot write to {}", files.display()))?;
    print::error(&format!("    {} files in {}", written.len(), files.display()));

    let place = root.join("warehouse");
    let shown = place.display().to_string();
    let warehouse = if place.join("assay.json").exists() {
        Warehouse::open(&shown).await?
    } else {
        Warehouse::init(&shown, 262_144).await?
    };
    print::error(&format!("2/4 loading them into the warehouse {shown}"));
    load(cli, &warehouse, &written).await?;

    print::error("3/4 judging every taxpayer by every indicator");
    let request = ScanRequest { as_of: None, only: Vec::new(), force: false, session: cli.session() };
    let summary = scan(&warehouse, &request, progress()).await?;
    scan_command::report(&summary)?;

    print::error("4/4 taking the tasks into the ledger, sending them to their offices: one workbook each");
    let ledger = ledger::open(&warehouse, None, true).await?;
    let by = ledger::by("demo");
    let month = ledger::take_in(&warehouse, &ledger, None, &by, &cli.session()).await?.as_of;
    let lists = root.join("tasks");
    let files = ledger.dispatch(&lists, &Scope::All, &Sending::default(), &by).await?.files;
    honest(cli, &warehouse, &economy, month).await?;
    conclude(&lists, &files.iter().map(|f| f.path.as_path()).collect::<Vec<_>>(), &shown)
}

/// Loads the files, one table after the other; with a report of each.
async fn load(cli: &Cli, warehouse: &Warehouse, written: &[(&'static str, PathBuf)]) -> Result<()> {
    for files in written.chunk_by(|one, next| one.0 == next.0).filter(|files| files[0].0 != "truth") {
        let table = files[0].0;
        let request = IngestRequest {
            table: Some(table.into()),
            files: files.iter().map(|(_, path)| path.display().to_string()).collect(),
            threads: cli.threads(),
            memory: cli.load_memory(),
            ..IngestRequest::default()
        };
        ingest_command::report(cli.format, &ingest(warehouse, request, progress()).await?).await?;
    }
    Ok(())
}

/// How well the scan found what was planted: nobody should believe a demo that does not say.
async fn honest(cli: &Cli, warehouse: &Warehouse, economy: &Economy, month: i32) -> Result<()> {
    let labels = Labels { file: "truth.csv".into(), by_id: guilty(economy)? };
    let (_, rows) = backtest(warehouse, Some(month), &[], &labels, &cli.session(), Arc::new(Silent)).await?;
    print::error("    against the planted truth (hits, lift and AUC of each indicator, and of the score):");
    indicators::report(cli.format, &rows).await
}

/// Every registered taxpayer, guilty when the truth names it in any role but innocent.
fn guilty(economy: &Economy) -> Result<HashMap<String, bool>> {
    let text = |batch: &arrow::array::RecordBatch, name: &str| -> Result<Vec<String>> {
        let column = batch
            .column_by_name(name)
            .with_context(|| format!("the generated tables have no column {name}"))?;
        Ok(column.as_string::<i32>().iter().map(|v| v.unwrap_or_default().to_owned()).collect())
    };
    let world = economy.world();
    let mut labels: HashMap<String, bool> =
        (0..world.taxpayers()).map(|firm| (world.id(firm).to_owned(), false)).collect();
    let truth = economy.truth()?;
    for (id, role) in text(&truth, "taxpayer_id")?.into_iter().zip(text(&truth, "role")?) {
        if role != "innocent" {
            labels.insert(id, true);
        }
    }
    Ok(labels)
}

fn conclude(lists: &Path, files: &[&Path], warehouse: &str) -> Result<()> {
    print::line("")?;
    for file in files {
        print::line(&format!("workbook: {}", file.display()))?;
    }
    print::line(&format!(
        "\n{} workbooks in {}. Go on with:\n  assay -w {warehouse} tasks list --grade high\n  \
         assay -w {warehouse} sql \"select grade, count(*), sum(amount) from task group by grade\"",
        files.len(),
        lists.display()
    ))
}
