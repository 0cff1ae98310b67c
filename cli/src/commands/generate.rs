//! `assay generate`: a synthetic economy, into a warehouse or as files, and what it looks like.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use assay_datasets::economy::{Economy, EconomySpec};
use assay_engine::generate::{
    DirtOptions, EconomyRows, FileOptions, Format as FileFormat, Headers, Selection, TRUTH_FOLDER,
    TextEncoding, Written, background, describe, write_files, write_warehouse,
};
use assay_engine::warehouse::Warehouse;
use assay_sql::Format;

use crate::args::{Cli, GenerateArgs};
use crate::commands::ingest;
use crate::progress::progress;
use crate::{print, settings};

/// Generates, and describes when asked.
pub async fn run(cli: &Cli, args: &GenerateArgs) -> Result<()> {
    let months = args.taxpayers as f64 * args.months as f64;
    let default = EconomySpec::default().lines_per_taxpayer_month;
    let spec = EconomySpec {
        seed: args.seed,
        taxpayers: args.taxpayers,
        months: args.months,
        start: args.start,
        lines_per_taxpayer_month: args.lines.map_or(default, |lines| lines as f64 / months),
    };
    // What is asked for is checked before anything is made.
    let files =
        args.files.as_deref().map(|folder| Ok::<_, anyhow::Error>((folder, options(args)?))).transpose()?;
    let pool = rayon_pool(cli.threads())?;
    let economy = tokio::task::block_in_place(|| pool.install(|| Economy::build(&spec)))?;
    match files {
        Some((folder, options)) => {
            let written =
                tokio::task::block_in_place(|| pool.install(|| files_of(&economy, folder, &options)))?;
            report_files(cli, folder, &written).await
        }
        None => into_warehouse(cli, args, Arc::new(economy)).await,
    }
}

fn rayon_pool(threads: usize) -> Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("cannot start threads")
}

fn options(args: &GenerateArgs) -> Result<FileOptions> {
    let encoding = match args.encoding.as_deref() {
        None | Some("utf-8" | "utf8") => TextEncoding::Utf8,
        Some("gb18030" | "gbk") => TextEncoding::Gb18030,
        Some(other) => bail!("unknown encoding {other}; use utf-8 or gb18030"),
    };
    if args.kind.is_none() && (args.encoding.is_some() || args.chinese) {
        bail!("--encoding and --chinese are for files in one format; name it with --as");
    }
    Ok(FileOptions {
        selection: match &args.kind {
            Some(kind) => Selection::Single(FileFormat::parse(kind)?),
            None => Selection::Departments,
        },
        encoding,
        headers: if args.chinese { Headers::Chinese } else { Headers::Canonical },
        tables: args.tables.clone(),
        dirt: args.dirty.map(|rate| DirtOptions { rate, seed: args.seed }),
        ..FileOptions::default()
    })
}

fn files_of(economy: &Economy, folder: &Path, options: &FileOptions) -> Result<Written> {
    if std::fs::read_dir(folder).is_ok_and(|mut found| found.next().is_some()) {
        bail!(
            "{} is not empty: files of another economy would be loaded with these. Choose another folder, or remove what \
             an earlier run left",
            folder.display()
        );
    }
    let written = write_files(&EconomyRows::new(economy), folder, options)?;
    // Beside the files, not among them: a pattern for the files must not take it.
    let place = folder.join(TRUTH_FOLDER);
    std::fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    for (name, rows) in [("truth.csv", economy.truth()?), ("truth_relief.csv", economy.truth_reliefs()?)] {
        let path = place.join(name);
        let file =
            std::fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(file);
        writer.write(&rows).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(written)
}

async fn report_files(cli: &Cli, folder: &Path, written: &Written) -> Result<()> {
    let rows: Vec<Vec<String>> = written
        .files
        .iter()
        .flat_map(|file| {
            let name = file.path.strip_prefix(folder).unwrap_or(&file.path).display().to_string();
            file.rows.iter().map(move |(table, rows)| vec![name.clone(), table.clone(), rows.to_string()])
        })
        .collect();
    print::rows(&["file", "table", "rows"], &rows, cli.format).await?;
    if let Some(mapping) = &written.mapping {
        print::error(&format!("mapping of these files: {}", mapping.display()));
        print::error(&format!(
            "load them with: assay ingest all --mapping {} {}/*.*",
            mapping.display(),
            folder.display()
        ));
    }
    for (what, ledger) in [("defects", &written.defects), ("hidden parties", &written.identities)] {
        if let Some((path, entries)) = ledger {
            print::error(&format!("{} {what}, listed in {}", print::count(*entries), path.display()));
        }
    }
    print::error(&format!("planted schemes: {}", folder.join(TRUTH_FOLDER).join("truth.csv").display()));
    Ok(())
}

async fn into_warehouse(cli: &Cli, args: &GenerateArgs, economy: Arc<Economy>) -> Result<()> {
    let location = settings::warehouse(cli.warehouse.as_deref())?;
    let there = location.contains("://") || Path::new(&location).join("assay.json").exists();
    let opened = if there {
        Warehouse::open(&location).await
    } else {
        Warehouse::init(&location, args.bucket_width).await
    };
    let warehouse = opened?;
    let written = write_warehouse(&warehouse, Arc::clone(&economy), cli.threads(), progress()).await?;
    ingest::report(cli.format, &written).await?;
    if !args.describe && args.report.is_none() {
        return Ok(());
    }
    let description = describe(&warehouse, &background(&economy)?, &cli.session()).await?;
    if args.describe {
        for section in &description.sections {
            if cli.format == Format::Table {
                print::line(&format!("\n{}  {}", section.zh, section.en))?;
            }
            let header: Vec<String> = section.header.iter().map(|(zh, en)| format!("{zh} {en}")).collect();
            let header: Vec<&str> = header.iter().map(String::as_str).collect();
            print::rows(&header, &section.rows, cli.format).await?;
            for (zh, en) in &section.notes {
                print::error(&format!("{zh}\n{en}"));
            }
        }
    }
    if let Some(path) = &args.report {
        std::fs::write(path, description.html()?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        print::error(&format!("page: {}", path.display()));
    }
    Ok(())
}
