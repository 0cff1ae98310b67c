//! `assay quality`: what was loaded, and what was rejected and why.

use anyhow::Result;
use assay_engine::warehouse::session::{self, Access};
use assay_sql::{Format, OutputOptions};

use crate::args::{Cli, QualityPart};
use crate::print;

/// Prints loads and rejected rows, of one table or all.
pub async fn run(cli: &Cli, table: Option<&str>, show: Option<QualityPart>) -> Result<()> {
    let warehouse = super::open(cli).await?;
    let commit = warehouse.head().await?;
    let context = session::open(&warehouse, &commit, Access::Open, &cli.session()).await?;
    if let Some(table) = table {
        assay_engine::ingest::select::find_table(table)?;
    }
    let only = table.map_or_else(String::new, |t| format!("WHERE table_name = '{t}'"));
    let loads = format!(
        "SELECT ingested_at, table_name, source, rows_read, rows_kept, rows_replaced, rows_duplicate, rows_rejected, \
         round(100.0 * rows_rejected / nullif(rows_read, 0), 3) AS rejected_percent \
         FROM ingest_batch {only} ORDER BY ingested_at, table_name"
    );
    let faults = format!(
        "SELECT table_name, _source AS source, column_name, rule, count(*) AS rows, min(_file) AS first_file, \
         min(_row) AS first_row, min(message_zh) AS what FROM rejected_row {only} \
         GROUP BY 1, 2, 3, 4 ORDER BY rows DESC, 1, 2, 3, 4"
    );
    let options = OutputOptions::default();
    // Two results make no valid CSV, JSON or Parquet.
    let parts = match (show, cli.format) {
        (Some(part), _) => vec![part],
        (None, Format::Table) => vec![QualityPart::Loads, QualityPart::Rejected],
        (None, _) => vec![QualityPart::Rejected],
    };
    for part in parts {
        let query = if part == QualityPart::Loads { &loads } else { &faults };
        print::stream(context.sql(query).await?.execute_stream().await?, cli.format, &options).await?;
    }
    Ok(())
}
