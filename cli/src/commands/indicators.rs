//! `assay indicators`.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use assay_engine::ingest::Silent;
use assay_engine::scan::{
    BacktestRow, Change, Effect, Explained, Labels, Weighing, backtest, effect, explain, load_catalogue,
    new_indicator, read_labels, weigh, write_weights,
};
use assay_engine::warehouse::Warehouse;
use assay_indicators::{Catalogue, FeatureSource, Problem, check, json_schema, list, show, test};
use assay_sql::{Format, new_session};
use std::sync::Arc;

use crate::args::{Cli, IndicatorsCommand, LabelColumns};
use crate::{print, settings};

/// Lists, shows, checks, tests or backtests indicators.
pub async fn run(cli: &Cli, command: &IndicatorsCommand) -> Result<ExitCode> {
    match command {
        IndicatorsCommand::List => list_all(cli, &load_catalogue(own(cli).await?.as_ref())?).await?,
        IndicatorsCommand::Show { code } => match show(&load_catalogue(own(cli).await?.as_ref())?, code) {
            Some(text) => print::line(&text)?,
            None => bail!("no indicator {code}; all of them: assay indicators list"),
        },
        IndicatorsCommand::Features => {
            list_features(cli, &load_catalogue(own(cli).await?.as_ref())?).await?;
        }
        IndicatorsCommand::Schema => print::line(&serde_json::to_string_pretty(&json_schema())?)?,
        IndicatorsCommand::Explain { code, as_of, plan } => {
            let warehouse = super::open(cli).await?;
            let explained = explain(&warehouse, code, *as_of, &cli.session(), Arc::new(Silent)).await?;
            print::line(&explanation(code, &explained, *plan))?;
        }
        IndicatorsCommand::New { code } => {
            let warehouse = super::open(cli).await?;
            let path = new_indicator(&warehouse, code)?;
            print::line(&format!("{}", path.display()))?;
            print::error(&format!(
                "edit it, then: assay indicators check; assay indicators test {code}; assay indicators explain {code}"
            ));
        }
        IndicatorsCommand::Check => return check_all(cli).await,
        IndicatorsCommand::Test { code } => return test_all(cli, code.as_deref()).await,
        IndicatorsCommand::Backtest { codes, change, labels, columns, as_of } => {
            let labels = labels.as_deref().map(|file| read(file, columns)).transpose()?;
            let warehouse = super::open(cli).await?;
            let Some(labels) = labels.as_ref().filter(|_| change.is_empty()) else {
                let effect = one_effect(cli, &warehouse, (codes, change), labels.as_ref(), *as_of).await?;
                return super::effect::show(cli.format, &effect).await.map(|()| ExitCode::SUCCESS);
            };
            let (month, rows) =
                backtest(&warehouse, *as_of, codes, labels, &cli.session(), Arc::new(Silent)).await?;
            let positives = labels.by_id.values().filter(|l| **l).count();
            print::error(&format!(
                "as of {month}: {} labelled taxpayers, {positives} positive",
                labels.by_id.len()
            ));
            report(cli.format, &rows).await?;
        }
        IndicatorsCommand::Effect { code, by } => {
            let warehouse = super::open(cli).await?;
            let ledger = super::tasks::open_ledger(cli, &warehouse).await?;
            super::worth::show(cli.format, &ledger, code.as_deref(), *by).await?;
        }
        IndicatorsCommand::Weigh { labels, answers, columns, as_of, write } => {
            let mut labels = labels.as_deref().map(|file| read(file, columns)).transpose()?;
            let warehouse = super::open(cli).await?;
            if *answers {
                let ledger = super::tasks::open_ledger(cli, &warehouse).await?;
                let by_id: HashMap<String, bool> = ledger.judged().await?.into_iter().collect();
                if by_id.is_empty() {
                    bail!(
                        "no task has been answered whole yet; answered workbooks come in with: assay tasks import"
                    );
                }
                labels = Some(Labels { file: format!("answers in {}", ledger.place()), by_id });
            }
            let weighing =
                weigh(&warehouse, *as_of, labels.as_ref(), &cli.session(), Arc::new(Silent)).await?;
            show_weights(cli.format, &weighing).await?;
            let by = labels.as_ref().map_or("table truth", |labels| labels.file.as_str());
            if let Some(all) = weighing.indicators.first().map(|one| one.evidence) {
                print::error(&format!(
                    "by {} taxpayers of {by}: {} guilty, {} honest",
                    print::count(all.guilty + all.honest),
                    print::count(all.guilty),
                    print::count(all.honest)
                ));
            }
            if !*write {
                print::error("nothing was written; to let the next scan use these weights: --write");
            } else {
                let path = write_weights(&warehouse, &weighing)?;
                print::error(&format!("{}: weights written; the next scan uses them", path.display()));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What one indicator, or a change of it, would do.
async fn one_effect(
    cli: &Cli,
    warehouse: &Warehouse,
    (codes, changes): (&[String], &[String]),
    labels: Option<&Labels>,
    as_of: Option<i32>,
) -> Result<Effect> {
    let [code] = codes else {
        bail!(
            "name one indicator to see what it does (assay indicators backtest I05), or labels to hold all against (--labels FILE)"
        );
    };
    let changes = changes.iter().map(|text| Change::parse(text)).collect::<Result<Vec<_>, _>>()?;
    Ok(effect(warehouse, as_of, code, &changes, labels, &cli.session(), Arc::new(Silent)).await?)
}

fn read(file: &Path, columns: &LabelColumns) -> Result<Labels> {
    let LabelColumns { sheet, id_column, label_column } = columns;
    Ok(read_labels(file, sheet.as_deref(), id_column.as_deref(), label_column.as_deref())?)
}

/// An indicator taken apart, as text.
fn explanation(code: &str, explained: &Explained, plan: bool) -> String {
    let mut text = format!("{code} as of {}\nfacts:", explained.as_of);
    for (name, made) in &explained.facts {
        text.push_str(&format!("\n  {name} = {made}"));
    }
    for timed in &explained.passes {
        let pass = &timed.pass;
        let tables = pass.tables.iter().zip(&timed.table_rows);
        let tables: Vec<String> =
            tables.map(|(name, rows)| format!("{name} ({} rows)", print::count(*rows))).collect();
        text.push_str(&format!(
            "\npass {}: {} of its {} columns, shared with {} other indicators\n  reads {}\n  {:.2} s for all of them, {} taxpayers",
            pass.name,
            pass.columns.len(),
            pass.all_columns,
            pass.shared_with.len(),
            tables.join(", "),
            timed.seconds,
            print::count(timed.rows)
        ));
        for (column, meaning) in &pass.columns {
            text.push_str(&format!("\n  {column} = {meaning}"));
        }
        if !pass.shared_with.is_empty() {
            text.push_str(&format!("\n  shared with {}", pass.shared_with.join(" ")));
        }
        if plan {
            text.push_str(&format!("\n{}", timed.plan.trim_end()));
        }
    }
    text
}

/// Prints learnt weights, then what they would change.
async fn show_weights(format: Format, weighing: &Weighing) -> Result<()> {
    let header = ["code", "name", "guilty_hit", "honest_hit", "ratio", "weight_now", "weight_learnt"];
    let share = |hits: usize, of: usize| format!("{:.4}", hits as f64 / of as f64);
    let rows: Vec<Vec<String>> = weighing
        .indicators
        .iter()
        .map(|one| {
            let found = &one.evidence;
            vec![
                one.code.clone(),
                one.name_zh.clone(),
                share(found.guilty_hits, found.guilty),
                share(found.honest_hits, found.honest),
                found.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
                format!("{:.2}", one.now),
                one.learnt.map(|weight| format!("{weight:.2}")).unwrap_or_default(),
            ]
        })
        .collect();
    print::rows(&header, &rows, format).await?;
    let header = ["grade", "now", "guilty_now", "precision_now", "then", "guilty_then", "precision_then"];
    let side = |(all, guilty): (usize, usize)| {
        let precision = if all == 0 { String::new() } else { format!("{:.3}", guilty as f64 / all as f64) };
        [all.to_string(), guilty.to_string(), precision]
    };
    let rows: Vec<Vec<String>> = weighing
        .grades
        .iter()
        .map(|(grade, change)| {
            let figures = side(change.now).into_iter().chain(side(change.then));
            std::iter::once((*grade).to_owned()).chain(figures).collect()
        })
        .collect();
    print::rows(&header, &rows, format).await
}

/// The warehouse, when one is named: the catalogue can be read without any.
pub async fn own(cli: &Cli) -> Result<Option<Warehouse>> {
    match settings::warehouse(cli.warehouse.as_deref()) {
        Ok(location) => Ok(Some(Warehouse::open(&location).await?)),
        Err(_) => Ok(None),
    }
}

async fn list_all(cli: &Cli, catalogue: &Catalogue) -> Result<()> {
    let header = ["code", "version", "name_zh", "name_en", "family", "severity", "tax", "lines"];
    let rows: Vec<Vec<String>> = list(catalogue)
        .into_iter()
        .map(|s| {
            vec![s.code, s.version.to_string(), s.name_zh, s.name_en, s.family, s.severity, s.tax, s.lines]
        })
        .collect();
    print::rows(&header, &rows, cli.format).await
}

async fn list_features(cli: &Cli, catalogue: &Catalogue) -> Result<()> {
    let header = ["name", "source", "unit", "name_zh", "name_en", "definition"];
    let rows: Vec<Vec<String>> = catalogue
        .features
        .names()
        .filter_map(|name| {
            let feature = catalogue.features.get(name)?;
            let source = match &feature.source {
                FeatureSource::Monthly(source) => format!("{source} (monthly)"),
                FeatureSource::AsOf(file) => format!("{file} (as of)"),
                FeatureSource::Registration => "taxpayer".to_owned(),
            };
            let definition = feature.definition.clone().unwrap_or_default();
            let unit = feature.unit.to_string();
            Some(vec![
                name.to_owned(),
                source,
                unit,
                feature.label.zh.clone(),
                feature.label.en.clone(),
                definition,
            ])
        })
        .collect();
    print::rows(&header, &rows, cli.format).await
}

async fn check_all(cli: &Cli) -> Result<ExitCode> {
    let warehouse = own(cli).await?;
    let folder = warehouse.as_ref().and_then(Warehouse::definitions_root);
    let (catalogue, mut problems) = Catalogue::load(folder.as_deref())?;
    problems.extend(check(&new_session(&cli.session())?, &catalogue));
    let problems = told(problems);
    print::line(&format!("{} indicators, {problems} problems", catalogue.entries().len()))?;
    Ok(if problems == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Tells problems, each once, by file and place; how many.
pub fn told(mut problems: Vec<Problem>) -> usize {
    problems.sort();
    problems.dedup();
    for problem in &problems {
        print::error(&problem.to_string());
    }
    problems.len()
}

async fn test_all(cli: &Cli, code: Option<&str>) -> Result<ExitCode> {
    let catalogue = load_catalogue(own(cli).await?.as_ref())?;
    let mut summaries = test(&new_session(&cli.session())?, &catalogue);
    if let Some(code) = code {
        summaries.retain(|s| s.code == code);
        if summaries.is_empty() {
            bail!("no indicator {code}; all of them: assay indicators list");
        }
    }
    for difference in summaries.iter().flat_map(|s| &s.differences) {
        print::error(difference);
    }
    let rows: Vec<Vec<String>> =
        summaries.iter().map(|s| vec![s.code.clone(), s.passed.to_string(), s.failed.to_string()]).collect();
    print::rows(&["code", "passed", "failed"], &rows, cli.format).await?;
    let failed = summaries.iter().any(|s| s.failed > 0);
    Ok(if failed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Prints a backtest.
pub async fn report(format: Format, rows: &[BacktestRow]) -> Result<()> {
    let header = ["code", "name", "known", "hits", "true_hits", "precision", "lift", "auc"];
    let figure = |f: Option<f64>, digits: usize| f.map(|f| format!("{f:.digits$}")).unwrap_or_default();
    let table: Vec<Vec<String>> = rows
        .iter()
        .map(|r| {
            vec![
                r.code.clone(),
                r.name_zh.clone(),
                r.known.to_string(),
                r.hits.to_string(),
                r.true_hits.to_string(),
                figure(r.precision, 3),
                figure(r.lift, 2),
                figure(r.auc, 3),
            ]
        })
        .collect();
    print::rows(&header, &table, format).await
}
