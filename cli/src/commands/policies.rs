//! `assay policies`.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use assay_engine::ingest::Silent;
use assay_engine::pages::derivation_page;
use assay_engine::policy::{
    AnswerRequest, AnswerSummary, Count, Group, Months, Span, SpanRequest, SpanSummary, answer, answer_span,
    by_truth, diff, explain, load_rulebook, policy_effect, read_rulebook, simulate,
};
use assay_engine::warehouse::Warehouse;
use assay_indicators::policy::{
    Answer, PolicyChange, PolicyEntry, Rulebook, check_policy, gaps, list_policies, run_policy_tests,
    show_policy,
};
use assay_indicators::{CompiledPolicy, Language, money};
use assay_sql::{OutputOptions, new_session};
use chrono::NaiveDate;
use datafusion::prelude::DataFrame;

use crate::args::{Cli, PoliciesCommand, PolicyGroup};
use crate::print;

/// Lists, shows, checks and tests policies, asks them, explains their answers.
pub async fn run(cli: &Cli, command: &PoliciesCommand) -> Result<ExitCode> {
    match command {
        PoliciesCommand::List { on } => {
            let book = book(cli).await?;
            list(cli, &book, on.unwrap_or_else(today)).await?;
        }
        PoliciesCommand::Show { code } => {
            let book = book(cli).await?;
            print::line(&show_policy(entry(&book, code)?, today()))?;
        }
        PoliciesCommand::Check => return check(cli).await,
        PoliciesCommand::Test { code } => return test(cli, code.as_deref()).await,
        PoliciesCommand::Coverage { code } => return coverage(cli, code.as_deref()).await,
        PoliciesCommand::Answer { as_of, only, from, to } => {
            let warehouse = super::open(cli).await?;
            match from.zip(*to) {
                None if only.is_empty() => {
                    let request = AnswerRequest { as_of: *as_of, session: cli.session() };
                    report(cli, &answer(&warehouse, &request, Arc::new(Silent)).await?).await?;
                }
                ends => {
                    let months = ends.map_or(Span::AsOf(*as_of), |(from, to)| Span::Ends(from, to));
                    let request = SpanRequest { only: only.clone(), months, session: cli.session() };
                    report_span(cli, &answer_span(&warehouse, &request, Arc::new(Silent)).await?).await?;
                }
            }
        }
        PoliciesCommand::Effect { by, as_of, over_time } => {
            let warehouse = super::open(cli).await?;
            let months = match (as_of, over_time) {
                (_, true) => Months::All,
                (Some(as_of), _) => Months::One(*as_of),
                (None, _) => Months::Latest,
            };
            show(cli, policy_effect(&warehouse, months, group(*by), &cli.session()).await?).await?;
        }
        PoliciesCommand::Simulate { change, by, as_of } => {
            let shown = change.display().to_string();
            let text = std::fs::read_to_string(change).with_context(|| format!("cannot read {shown}"))?;
            let change = PolicyChange::parse(&shown, &text).map_err(anyhow::Error::msg)?;
            let warehouse = super::open(cli).await?;
            let what = (&change, group(*by));
            show(cli, simulate(&warehouse, what, *as_of, &cli.session(), Arc::new(Silent)).await?).await?;
        }
        PoliciesCommand::Diff { code, before, after, as_of } => {
            let warehouse = super::open(cli).await?;
            let what = (code.as_str(), *before, *after);
            show(cli, diff(&warehouse, what, *as_of, &cli.session(), Arc::new(Silent)).await?).await?;
        }
        PoliciesCommand::Refunds { as_of, office, only, to } => {
            super::refunds::run(cli, *as_of, office.as_deref(), *only, to.as_deref()).await?;
        }
        PoliciesCommand::Evaluate { as_of } => {
            let warehouse = super::open(cli).await?;
            show(cli, by_truth(&warehouse, *as_of, &cli.session()).await?).await?;
        }
        PoliciesCommand::Explain { code, taxpayer, period, report } => {
            let warehouse = super::open(cli).await?;
            let about = (code.as_str(), taxpayer.as_str(), *period);
            let derivations = explain(&warehouse, about, &cli.session(), Arc::new(Silent)).await?;
            if let Some(path) = report {
                assay_tasks::write_text(path, &derivation_page(&derivations)?)?;
                print::line(&path.display().to_string())?;
                return Ok(ExitCode::SUCCESS);
            }
            for derivation in derivations {
                print::line(&derivation.text())?;
                print::line("四、依据的数据")?;
                print::batch(derivation.evidence, cli.format).await?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(cli: &Cli, frame: DataFrame) -> Result<()> {
    let options = OutputOptions { table_rows: usize::MAX, cell_width: 100 };
    print::stream(frame.execute_stream().await?, cli.format, &options).await.map(|_| ())
}

fn group(by: PolicyGroup) -> Group {
    match by {
        PolicyGroup::All => Group::All,
        PolicyGroup::Industry => Group::Industry,
        PolicyGroup::Region => Group::Region,
        PolicyGroup::Size => Group::Size,
        PolicyGroup::Ownership => Group::Ownership,
    }
}

fn today() -> NaiveDate {
    chrono::Local::now().date_naive()
}

fn entry<'a>(book: &'a Rulebook, code: &str) -> Result<&'a PolicyEntry> {
    match book.get(code) {
        Some(entry) => Ok(entry),
        None => bail!("no policy {code}; all of them: assay policies list"),
    }
}

/// One policy, or all.
fn chosen<'a>(book: &'a Rulebook, code: Option<&str>) -> Result<Vec<&'a PolicyEntry>> {
    match code {
        Some(code) => Ok(vec![entry(book, code)?]),
        None => Ok(book.entries().iter().collect()),
    }
}

/// The policies of the warehouse, when one is named; else those that ship.
async fn book(cli: &Cli) -> Result<Rulebook> {
    let (book, _) = load_rulebook(super::indicators::own(cli).await?.as_ref())?;
    Ok(book)
}

async fn list(cli: &Cli, book: &Rulebook, day: NaiveDate) -> Result<()> {
    let header = [
        "code",
        "version",
        "part",
        "name_zh",
        "name_en",
        "tax",
        "from",
        "to",
        "status",
        "conditions",
        "tests",
        "basis",
    ];
    let rows: Vec<Vec<String>> = list_policies(book, day)
        .into_iter()
        .map(|one| {
            vec![
                one.code,
                one.version.to_string(),
                one.part.unwrap_or_default(),
                one.name_zh,
                one.name_en,
                one.tax,
                one.from.to_string(),
                one.to.map(|to| to.to_string()).unwrap_or_default(),
                one.status.as_str().to_owned(),
                one.conditions.to_string(),
                one.tests.to_string(),
                one.basis,
            ]
        })
        .collect();
    print::rows(&header, &rows, cli.format).await
}

async fn check(cli: &Cli) -> Result<ExitCode> {
    let warehouse: Option<Warehouse> = super::indicators::own(cli).await?;
    let (book, catalogue, mut problems) = read_rulebook(warehouse.as_ref())?;
    let state = new_session(&cli.session())?.state();
    for entry in book.entries() {
        problems.extend(check_policy(&state, &catalogue.features, &book.parameters, entry));
    }
    let problems = super::indicators::told(problems);
    let versions: usize = book.entries().iter().map(|entry| entry.policy.versions.len()).sum();
    print::line(&format!("{} policies, {versions} versions, {} problems", book.entries().len(), problems))?;
    Ok(if problems == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn test(cli: &Cli, code: Option<&str>) -> Result<ExitCode> {
    let book = book(cli).await?;
    let state = new_session(&cli.session())?.state();
    let chosen = chosen(&book, code)?;
    let (mut rows, mut failed) = (Vec::new(), false);
    for entry in chosen {
        let report = run_policy_tests(&state, entry, &book.parameters);
        for problem in &report.problems {
            print::error(&problem.to_string());
        }
        failed |= report.failed > 0;
        rows.push(vec![
            entry.policy.code.value.clone(),
            report.passed.to_string(),
            report.failed.to_string(),
        ]);
    }
    print::rows(&["code", "passed", "failed"], &rows, cli.format).await?;
    Ok(if failed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

async fn coverage(cli: &Cli, code: Option<&str>) -> Result<ExitCode> {
    let book = book(cli).await?;
    let state = new_session(&cli.session())?.state();
    let chosen = chosen(&book, code)?;
    let found: Vec<_> = chosen.iter().flat_map(|entry| gaps(&state, entry, &book.parameters)).collect();
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|gap| {
            vec![gap.code.clone(), gap.version.map(|v| v.to_string()).unwrap_or_default(), gap.what.clone()]
        })
        .collect();
    print::rows(&["code", "version", "not_reached"], &rows, cli.format).await?;
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// What was answered, a row a policy version and answer.
async fn report(cli: &Cli, summary: &AnswerSummary) -> Result<()> {
    counts(cli, &summary.policies, &summary.answered.counts).await?;
    super::scan::asked_again(&summary.reopened);
    print::error(&format!(
        "as of {}: {} versions in force asked of {} taxpayers in {:.1} s; {} findings",
        summary.as_of,
        summary.policies.len(),
        print::count(summary.taxpayers),
        summary.seconds,
        print::count(summary.answered.findings.len())
    ));
    Ok(())
}

async fn report_span(cli: &Cli, summary: &SpanSummary) -> Result<()> {
    counts(cli, &summary.policies, &summary.counts).await?;
    let (from, to) = summary.months;
    print::error(&format!(
        "{from} to {to}: {} periods of versions in force asked of {} taxpayers in {:.1} s; {} findings",
        summary.policies.len(),
        print::count(summary.taxpayers),
        summary.seconds,
        print::count(summary.findings)
    ));
    Ok(())
}

async fn counts(
    cli: &Cli,
    policies: &[CompiledPolicy],
    counts: &BTreeMap<(usize, Answer), Count>,
) -> Result<()> {
    let header = ["policy", "version", "part", "name_zh", "period", "answer", "taxpayers", "amount"];
    let rows: Vec<Vec<String>> = counts
        .iter()
        .map(|((place, answer), count)| {
            let compiled = &policies[*place];
            vec![
                compiled.policy.code.value.clone(),
                compiled.version().number.to_string(),
                compiled.version().part.clone().unwrap_or_default(),
                compiled.policy.name.zh.clone(),
                compiled.period.to_string(),
                answer.as_str().to_owned(),
                count.n.to_string(),
                money(count.amount, Language::En),
            ]
        })
        .collect();
    print::rows(&header, &rows, cli.format).await?;
    if counts.is_empty() {
        print::error(
            "none concerns anybody: most read returns (vat_return, cit_return, …) and reliefs (benefit_claim); load them with: assay ingest",
        );
    }
    Ok(())
}
