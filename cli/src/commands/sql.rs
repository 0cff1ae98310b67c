//! `assay sql`: one query, a file, or what comes on standard input.

use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result, anyhow, bail};
use assay_datasets::schema::nearest_words;
use assay_engine::warehouse::session::{self, Access};
use assay_sql::OutputOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::context::{SQLOptions, SessionContext};

use crate::args::{Cli, SqlArgs};
use crate::print;

/// Runs the query and writes its result.
pub async fn run(cli: &Cli, args: &SqlArgs) -> Result<()> {
    let query = query(args)?;
    let warehouse = super::open(cli).await?;
    let commit = warehouse.head().await?;
    let access = if args.personal { Access::Personal } else { Access::Open };
    let context = session::open(&warehouse, &commit, access, &cli.session()).await?;
    // Queries read; tables change by ingest and scan only.
    let read_only =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let planned = context.sql_with_options(&query, read_only).await.map_err(|e| explain(&context, e));
    let stream = planned?.execute_stream().await?;
    let options = OutputOptions { table_rows: args.limit, ..OutputOptions::default() };
    match &args.output {
        Some(path) => print::file(path, stream, cli.format, &options).await,
        None => print::stream(stream, cli.format, &options).await.map(|_| ()),
    }
}

/// A query that names no table of the warehouse is told which tables come near.
fn explain(context: &SessionContext, error: DataFusionError) -> anyhow::Error {
    let text = error.strip_backtrace();
    let missing = text.split_once("table 'assay.").and_then(|(_, rest)| rest.split_once("' not found"));
    let Some((schema, table)) = missing.and_then(|(name, _)| name.split_once('.')) else {
        return error.into();
    };
    let found = context.catalog("assay").and_then(|catalog| catalog.schema(schema));
    if schema == "vault" && found.is_none() {
        return anyhow!("no table vault.{table} here; the vault is seen with --personal only");
    }
    let names = found.map(|schema| schema.table_names()).unwrap_or_default();
    let near = nearest_words(table, names.iter().map(String::as_str)).join(", ");
    let hint = if near.is_empty() { ".".to_owned() } else { format!("; did you mean {near}?") };
    anyhow!("no table {table}{hint} All of them: assay sql \"show tables\"")
}

fn query(args: &SqlArgs) -> Result<String> {
    let mut text = String::new();
    match (&args.query, &args.file) {
        (Some(query), _) => text.clone_from(query),
        (None, Some(file)) => {
            File::open(file)
                .and_then(|mut f| f.read_to_string(&mut text))
                .with_context(|| format!("cannot read {}", file.display()))?;
        }
        (None, None) => {
            std::io::stdin().read_to_string(&mut text)?;
        }
    }
    if text.trim().is_empty() {
        bail!("no query; for example: assay sql \"select count(*) from invoice\"");
    }
    Ok(text)
}
