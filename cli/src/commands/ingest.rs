//! `assay ingest`.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use assay_engine::ingest::{DatabaseQuery, IngestRequest, IngestSummary, ingest};
use assay_sql::Format;

use crate::args::{Cli, IngestArgs};
use crate::print;
use crate::progress::progress;

/// Loads files, a query's result or what a landing zone holds, and prints what became of every row.
pub async fn run(cli: &Cli, args: &IngestArgs) -> Result<ExitCode> {
    let warehouse = super::open(cli).await?;
    let request = IngestRequest {
        table: args.table.clone().filter(|t| t != "all"),
        files: args.files.clone(),
        mapping: None,
        database: database(args)?,
        feed: args.feed.clone(),
        accept_mapping_change: args.accept_mapping_change,
        encoding: args.encoding.clone(),
        delimiter: args.delimiter.clone(),
        sheet: args.sheet.clone(),
        threads: cli.threads(),
        memory: cli.load_memory(),
    };
    if let Some(place) = &args.inbox {
        return super::inbox::run(cli, &warehouse, place, args, request).await;
    }
    let mapping = match args.mapping.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        _ => bail!("a load has one mapping; several are for --inbox"),
    };
    let summary = ingest(&warehouse, IngestRequest { mapping, ..request }, progress()).await?;
    report(cli.format, &summary).await?;
    let code = if summary.rejected() > 0 { super::REJECTED } else { 0 };
    Ok(ExitCode::from(code))
}

fn database(args: &IngestArgs) -> Result<Option<DatabaseQuery>> {
    let Some(url) = args.from.clone() else { return Ok(None) };
    let sql = match (&args.query, &args.query_file) {
        (Some(sql), _) => sql.clone(),
        (None, Some(file)) => {
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
        }
        (None, None) => {
            bail!("--from needs the select whose result is loaded: --query \"select …\" or --query-file FILE")
        }
    };
    Ok(Some(DatabaseQuery { url, sql }))
}

/// Prints a load's summary.
pub async fn report(format: Format, summary: &IngestSummary) -> Result<()> {
    for (file, batch) in &summary.already_loaded {
        print::error(&format!("{file}: already loaded in batch {batch}; nothing changed"));
    }
    if summary.tables.is_empty() {
        return Ok(());
    }
    let header = ["table", "files", "rows_read", "kept", "replaced", "duplicate", "rejected", "units"];
    let rows: Vec<Vec<String>> = summary
        .tables
        .iter()
        .map(|t| {
            let numbers = [t.files, t.read, t.kept, t.replaced, t.duplicate, t.rejected_total(), t.units];
            std::iter::once(t.table.clone()).chain(numbers.iter().map(|n| show(*n, format))).collect()
        })
        .collect();
    print::rows(&header, &rows, format).await?;
    for table in &summary.tables {
        for (kind, n) in &table.skipped {
            print::error(&format!("{}: {} rows are no records: {kind}", table.table, print::count(*n)));
        }
        for (rule, n) in &table.rejected {
            print::error(&format!("{}: {} rows rejected by rule {rule}", table.table, print::count(*n)));
        }
    }
    for table in &summary.tables {
        for (rule, n) in &table.repaired {
            print::error(&format!(
                "{}: {} values repaired by rule {rule} (assay sql --personal \"select * from repaired_value\")",
                table.table,
                print::count(*n)
            ));
        }
    }
    for (file, reject) in &summary.examples {
        let file = reject.file.as_ref().unwrap_or(file);
        let value = if reject.value.is_empty() { String::new() } else { format!(" [{}]", reject.value) };
        print::error(&format!("  {file}, row {}: {}{value}", reject.row, reject.en));
        print::error(&format!("    第{}行：{}{value}", reject.row, reject.zh));
    }
    if summary.rejected() > summary.examples.len() {
        print::error("  … all of them: assay sql --personal \"select * from rejected_row\"");
    }
    print::error(&format!(
        "batch {}: {} rows in {:.2} s ({} rows/s)",
        summary.batch,
        print::count(summary.read()),
        summary.seconds,
        print::count(summary.rows_per_second() as usize)
    ));
    Ok(())
}

fn show(n: usize, format: Format) -> String {
    if format == Format::Table { print::count(n) } else { n.to_string() }
}
