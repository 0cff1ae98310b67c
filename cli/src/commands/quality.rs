//! `assay quality`: how good the data is, what was loaded, and what was rejected and why.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use assay_engine::quality::{self, By, Kind, Rules, check, load_rules, report};
use assay_engine::warehouse::session::{self, Access};
use assay_engine::warehouse::{Commit, Warehouse};
use assay_sql::{Format, OutputOptions, new_session};
use datafusion::prelude::SessionContext;

use crate::args::{Cli, QualityArgs, QualityBy, QualityPart};
use crate::progress::progress;
use crate::{print, settings};

/// Measures what is stale and prints what is asked for.
pub async fn run(cli: &Cli, args: &QualityArgs) -> Result<ExitCode> {
    if args.rules {
        return list(cli, args).await;
    }
    if args.check_rules {
        return check_all(cli).await;
    }
    if let Some(table) = &args.table {
        assay_engine::ingest::select::find_table(table)?;
    }
    let warehouse = super::open(cli).await?;
    let measured = [QualityPart::Loads, QualityPart::Rejected, QualityPart::Repairs];
    let needs = args.report.is_some() || args.show.is_none_or(|part| !measured.contains(&part));
    if needs && !args.no_refresh {
        refresh(cli, &warehouse).await?;
    }
    let commit = warehouse.head().await?;
    let context = session::open(&warehouse, &commit, Access::Open, &cli.session()).await?;
    if let Some(file) = &args.report {
        let page = report::html(&context, load_rules(Some(&warehouse))?, args.table.as_deref()).await?;
        std::fs::write(file, page).with_context(|| format!("cannot write {}", file.display()))?;
        print::error(&format!("wrote {}", file.display()));
        if args.show.is_none() && args.by.is_none() {
            return Ok(ExitCode::SUCCESS);
        }
    }
    show(cli, args, &context, &commit).await?;
    Ok(ExitCode::SUCCESS)
}

/// Says in one line what was measured.
async fn refresh(cli: &Cli, warehouse: &Warehouse) -> Result<()> {
    let summary = quality::refresh(warehouse, &cli.session(), progress())
        .await
        .context("data quality was not measured; --no-refresh shows what was measured last")?;
    if !summary.is_empty() {
        print::error(&format!(
            "measured {} units ({} rows) and ran {} queries in {:.1} s; {} were up to date; {} failing rows added",
            summary.units,
            print::count(usize::try_from(summary.rows).unwrap_or(usize::MAX)),
            summary.queries,
            summary.seconds,
            summary.kept,
            print::count(summary.findings)
        ));
    }
    Ok(())
}

async fn show(cli: &Cli, args: &QualityArgs, context: &SessionContext, commit: &Commit) -> Result<()> {
    let options = OutputOptions::default();
    // Several results make no valid CSV, JSON or Parquet.
    let parts = match (args.show, args.by, cli.format) {
        (Some(part), _, _) => vec![part],
        (None, Some(_), _) => vec![QualityPart::Scores],
        (None, None, Format::Table) => vec![QualityPart::Loads, QualityPart::Rejected, QualityPart::Scores],
        (None, None, _) => vec![QualityPart::Rejected],
    };
    for part in parts {
        let Some(query) = query(part, args, commit, cli.format == Format::Table) else {
            print::error("no value was repaired while loading");
            continue;
        };
        print::stream(context.sql(&query).await?.execute_stream().await?, cli.format, &options).await?;
    }
    Ok(())
}

/// The query for a part, `shown` to people or read by programs; `None` when there is nothing of it.
fn query(part: QualityPart, args: &QualityArgs, commit: &Commit, shown: bool) -> Option<String> {
    let table = args.table.as_deref();
    let only = table.map_or_else(String::new, |t| format!("WHERE table_name = '{t}'"));
    Some(match part {
        QualityPart::Loads => format!(
            "SELECT ingested_at, table_name, source, rows_read, rows_kept, rows_replaced, rows_duplicate, rows_rejected, \
             round(100.0 * rows_rejected / nullif(rows_read, 0), 3) AS rejected_percent \
             FROM ingest_batch {only} ORDER BY ingested_at, table_name"
        ),
        QualityPart::Rejected => format!(
            "SELECT table_name, _source AS source, column_name, rule, count(*) AS rows, min(_file) AS first_file, \
             min(_row) AS first_row, min(message_zh) AS what FROM rejected_row {only} \
             GROUP BY 1, 2, 3, 4 ORDER BY rows DESC, 1, 2, 3, 4"
        ),
        QualityPart::Scores => {
            let by = match args.by {
                Some(QualityBy::Source) => By::Source,
                Some(QualityBy::Rule) => By::Rule,
                Some(QualityBy::Month) => By::Month,
                Some(QualityBy::Table) | None => By::Table,
            };
            if shown { quality::shown_score_sql(by, table) } else { quality::score_sql(by, table) }
        }
        QualityPart::Failures => format!(
            "SELECT rule, severity, claim, table_name, row_key, column_name, value, message_zh, message_en, _source AS source, \
             _file AS file, _row AS row FROM quality_failure {only} ORDER BY table_name, rule, _file, _row"
        ),
        QualityPart::Alerts => format!(
            "SELECT rule, severity, claim, table_name, source, period, batch, round(value, 3) AS value, line, message_zh, message_en \
             FROM quality_alert {only} ORDER BY table_name, source, period, rule"
        ),
        QualityPart::Repairs if !commit.tables.contains_key("repaired_value") => return None,
        QualityPart::Repairs => format!("SELECT * FROM repaired_value {only} ORDER BY _file, _row"),
        QualityPart::History => format!(
            "SELECT measured_at, table_name, source, dimension, rules, checked, failed, unknown, round(score, 3) AS score \
             FROM quality_history {only} ORDER BY measured_at, table_name, source, dimension"
        ),
    })
}

/// The warehouse, when one is named: rules can be read without any.
async fn own(cli: &Cli) -> Result<Option<Warehouse>> {
    match settings::warehouse(cli.warehouse.as_deref()) {
        Ok(location) => Ok(Some(Warehouse::open(&location).await?)),
        Err(_) => Ok(None),
    }
}

async fn list(cli: &Cli, args: &QualityArgs) -> Result<ExitCode> {
    let rules = load_rules(own(cli).await?.as_ref())?;
    let rows: Vec<Vec<String>> = rules
        .rules
        .iter()
        .filter(|r| args.table.as_ref().is_none_or(|t| *t == r.table.name))
        .map(|r| {
            let kind = match &r.kind {
                Kind::Row { .. } => "row",
                Kind::Unique { .. } => "unique",
                Kind::Between { .. } => "between",
            };
            vec![
                r.id.clone(),
                r.table.name.clone(),
                r.dimension.word().into(),
                r.severity.word().into(),
                r.claim.word().into(),
                kind.into(),
                r.owner.word().into(),
                r.name.zh.clone(),
                r.name.en.clone(),
                r.when.as_ref().map(|w| w.value.clone()).unwrap_or_default(),
                match &r.kind {
                    Kind::Row { ok } => ok.value.clone(),
                    _ => quality::query_sql(r).unwrap_or_default(),
                },
            ]
        })
        .collect();
    if rows.is_empty() {
        bail!("no rule for table {}; all tables: assay schema", args.table.as_deref().unwrap_or_default());
    }
    let mut header = vec![
        "rule",
        "table",
        "dimension",
        "severity",
        "claim",
        "kind",
        "owner",
        "name_zh",
        "name_en",
        "applies",
        "condition",
    ];
    let mut rows = rows;
    if cli.format == Format::Table {
        // Conditions and queries are too long to stand in columns.
        header.truncate(9);
        rows.iter_mut().for_each(|row| row.truncate(9));
    }
    print::rows(&header, &rows, cli.format).await?;
    Ok(ExitCode::SUCCESS)
}

async fn check_all(cli: &Cli) -> Result<ExitCode> {
    let warehouse = own(cli).await?;
    let folder = warehouse.as_ref().and_then(|w| w.definitions("quality"));
    let (rules, mut problems) = Rules::load(folder.as_deref())?;
    problems.extend(check(&new_session(&cli.session())?, &rules, true).await?);
    problems.sort();
    problems.dedup();
    for problem in &problems {
        print::error(&problem.to_string());
    }
    let tests: usize = rules.rules.iter().map(|r| r.tests.len()).sum();
    print::line(&format!("{} rules, {tests} tests, {} problems", rules.rules.len(), problems.len()))?;
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
