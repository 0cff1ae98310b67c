//! `assay sql`: one query, a file, or what comes on standard input.

use std::fs::File;
use std::io::{BufWriter, Read, Write};

use anyhow::{Context, Result, bail};
use assay_engine::warehouse::session::{self, Access};
use assay_sql::{OutputOptions, write_stream};
use datafusion::execution::context::SQLOptions;

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
    let stream = context.sql_with_options(&query, read_only).await?.execute_stream().await?;
    let options = OutputOptions { table_rows: args.limit, ..OutputOptions::default() };
    let Some(path) = &args.output else {
        print::stream(stream, cli.format, &options).await?;
        return Ok(());
    };
    // Written beside and renamed: a failed query leaves no half of a file.
    let folder =
        path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| std::path::Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)
        .with_context(|| format!("cannot write to {}", folder.display()))?;
    let mut out = BufWriter::new(file.as_file_mut());
    let rows = write_stream(stream, cli.format, &options, &mut out).await?;
    out.flush()?;
    drop(out);
    file.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
    print::error(&format!("{}: {rows} rows", path.display()));
    Ok(())
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
