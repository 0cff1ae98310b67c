//! `assay links`: records linked to taxpayers, decisions about them, and how good they are.

use std::collections::HashMap;

use anyhow::{Result, bail};
use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type};
use assay_engine::identity::{
    self, BuildRequest, Decision, LINK, Measure, PartSummary, Truth, decide, measure, read_truth,
};
use assay_engine::warehouse::Warehouse;
use assay_engine::warehouse::session::{self, Access};
use assay_sql::{Format, OutputOptions};
use datafusion::execution::context::SessionContext;

use crate::args::{Cli, DecisionArgs, LinksCommand, LinksListArgs};
use crate::print;
use crate::progress::progress;

/// Runs the command.
pub async fn run(cli: &Cli, command: &LinksCommand) -> Result<()> {
    let warehouse = super::open(cli).await?;
    match command {
        LinksCommand::Build { whole } => build(cli, &warehouse, *whole).await,
        LinksCommand::List(args) => list(cli, &warehouse, args).await,
        LinksCommand::Show { from } => show(cli, &warehouse, from).await,
        LinksCommand::Confirm(args) => decided(&warehouse, args, Decision::Confirm).await,
        LinksCommand::Reject(args) => decided(&warehouse, args, Decision::Reject).await,
        LinksCommand::Reset(args) => decided(&warehouse, args, Decision::Withdraw).await,
        LinksCommand::Report => report(cli, &warehouse).await,
        LinksCommand::Evaluate { truth, record_column, id_column, errors } => {
            let truth = read_truth(truth, record_column.as_deref(), id_column)?;
            evaluate(cli, &warehouse, &truth, *errors).await
        }
    }
}

async fn build(cli: &Cli, warehouse: &Warehouse, whole: bool) -> Result<()> {
    let request = BuildRequest { whole, session: cli.session() };
    let summary = identity::build(warehouse, &request, progress()).await?;
    for part in &summary.parts {
        print::error(&part_text(part));
    }
    report(cli, warehouse).await
}

fn part_text(part: &PartSummary) -> String {
    if part.up_to_date {
        return format!("{}: nothing changed since they were linked", part.part);
    }
    let (records, links) = (print::count(part.records), print::count(part.links));
    let note = if part.note.is_empty() { String::new() } else { format!("; {}", part.note) };
    format!("{}: {records} records, {links} links kept, {:.2} s{note}", part.part, part.seconds)
}

async fn context(cli: &Cli, warehouse: &Warehouse) -> Result<SessionContext> {
    let commit = warehouse.head().await?;
    if !commit.tables.contains_key(identity::RUN) {
        bail!("there are no links yet; run: assay links build");
    }
    Ok(session::open(warehouse, &commit, Access::Open, &cli.session()).await?)
}

async fn query(cli: &Cli, context: &SessionContext, sql: &str, rows: usize) -> Result<()> {
    let options = OutputOptions { table_rows: rows, ..OutputOptions::default() };
    let stream = context.sql(sql).await?.execute_stream().await?;
    print::stream(stream, cli.format, &options).await.map(|_| ())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

async fn list(cli: &Cli, warehouse: &Warehouse, args: &LinksListArgs) -> Result<()> {
    let context = context(cli, warehouse).await?;
    let mut only = vec![format!("score BETWEEN {} AND {}", args.min_score, args.max_score)];
    for (column, value) in [("method", &args.method), ("from_kind", &args.kind), ("taxpayer_id", &args.id)] {
        only.extend(value.as_ref().map(|v| format!("{column} = {}", quoted(v))));
    }
    let table = if args.all { LINK } else { identity::BEST };
    let sql = format!(
        "SELECT link_id, from_kind, from_space, from_value, taxpayer_id, method, score, support, runner_up, rows, decided, \
         explanation_zh, explanation_en FROM {table} WHERE {} \
         ORDER BY score DESC, support DESC, from_kind, from_space, from_value, taxpayer_id",
        only.join(" AND ")
    );
    query(cli, &context, &sql, args.limit).await
}

async fn show(cli: &Cli, warehouse: &Warehouse, from: &str) -> Result<()> {
    let context = context(cli, warehouse).await?;
    let value = quoted(from);
    let sql = format!(
        "SELECT l.link_id, l.from_kind, l.from_space, l.from_value, l.taxpayer_id, t.name, l.rank, l.method, l.score, \
         l.support, l.runner_up, l.role, l.rows, l.decided, l.explanation_zh, l.explanation_en \
         FROM {LINK} l LEFT JOIN taxpayer t ON l.taxpayer_key = t.taxpayer_key \
         WHERE l.from_value = {value} OR l.taxpayer_id = {value} OR l.link_id = {value} \
         ORDER BY l.from_kind, l.from_space, l.from_value, l.rank, l.taxpayer_id"
    );
    if cli.format != Format::Table {
        return query(cli, &context, &sql, usize::MAX).await;
    }
    let batches = context.sql(&sql).await?.collect().await?;
    let mut shown = 0;
    for batch in &batches {
        let column = |at: usize| arrow::compute::cast(batch.column(at), &DataType::Utf8);
        let columns = (0..batch.num_columns()).map(column).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let text = |at: usize| {
                let column = columns[at].as_string::<i32>();
                if column.is_null(row) { "" } else { column.value(row) }
            };
            print::line(&one(&text))?;
            shown += 1;
        }
    }
    if shown == 0 {
        bail!(
            "nothing links {from} to a taxpayer, and nothing is linked to it; values stand in: assay links list --all"
        );
    }
    Ok(())
}

/// One link in words; `text` gives the columns of the query in [`show`].
fn one<'a>(text: &impl Fn(usize) -> &'a str) -> String {
    let decided = match text(13) {
        "confirmed" => "已确认 confirmed",
        "rejected" => "已否定 rejected",
        _ => "自动 auto",
    };
    let runner_up =
        if text(10).is_empty() { String::new() } else { format!("，次优 runner-up {}", text(10)) };
    format!(
        "{} → {} {}\n  关联 link {}：第{}候选，{}，得分 score {}{runner_up}，支持 support {}，{decided}\n  \
         记录 record {} {}，{}行 rows\n  {}\n  {}\n",
        text(3),
        text(4),
        text(5),
        text(0),
        text(6),
        text(7),
        text(8),
        text(9),
        text(1),
        text(2),
        text(12),
        text(14),
        text(15)
    )
}

async fn decided(warehouse: &Warehouse, args: &DecisionArgs, decision: Decision) -> Result<()> {
    let link = decide(warehouse, &args.link, decision, &args.by, &args.why).await?;
    print::line(&format!(
        "{} {} → {}: {} (link {})",
        link.from_kind,
        link.from_value,
        link.taxpayer_id,
        link.decided,
        link.id()
    ))
}

async fn report(cli: &Cli, warehouse: &Warehouse) -> Result<()> {
    let context = context(cli, warehouse).await?;
    let cut_off = cut_off(warehouse)?;
    let sql = format!(
        "SELECT from_kind, method, count(*) AS records, \
         count(*) FILTER (WHERE score >= {cut_off} AND decided <> 'rejected' OR decided = 'confirmed') AS linked, \
         count(*) FILTER (WHERE score < {cut_off} AND score - runner_up < 0.06 AND decided = 'auto') AS ambiguous, \
         count(*) FILTER (WHERE decided <> 'auto') AS decided, count(DISTINCT taxpayer_key) AS taxpayers, \
         min(support) AS least_support, approx_median(support) AS median_support, max(support) AS most_support, \
         CAST(avg(score) AS DECIMAL(5, 4)) AS mean_score, sum(rows) AS rows \
         FROM {LINK} WHERE rank = 1 GROUP BY 1, 2 ORDER BY 1, 2"
    );
    query(cli, &context, &sql, usize::MAX).await
}

fn cut_off(warehouse: &Warehouse) -> Result<f64> {
    Ok(identity::definition::load(warehouse)?.0.cut_off)
}

/// Best link of every record, over all places it stands.
async fn best(context: &SessionContext) -> Result<HashMap<String, (String, f64)>> {
    let sql = "SELECT from_value, taxpayer_id, CAST(score AS DOUBLE) AS score FROM best_link WHERE from_kind <> 'person' \
               ORDER BY score, from_value, taxpayer_id DESC";
    let mut best = HashMap::new();
    for batch in context.sql(sql).await?.collect().await? {
        let text = |at: usize| arrow::compute::cast(batch.column(at), &DataType::Utf8);
        let (values, ids) = (text(0)?, text(1)?);
        let scores = batch.column(2).as_primitive::<Float64Type>();
        for ((value, id), score) in
            values.as_string::<i32>().iter().zip(ids.as_string::<i32>()).zip(scores.values())
        {
            // Ordered by score: the last one stays.
            if let (Some(value), Some(id)) = (value, id) {
                best.insert(value.trim().to_owned(), (id.to_owned(), *score));
            }
        }
    }
    Ok(best)
}

async fn evaluate(cli: &Cli, warehouse: &Warehouse, truth: &Truth, errors: Option<usize>) -> Result<()> {
    let context = context(cli, warehouse).await?;
    let best = best(&context).await?;
    if let Some(limit) = errors {
        return wrong(cli, truth, &best, cut_off(warehouse)?, limit).await;
    }
    let header = ["cut_off", "records", "not_in_register", "right", "wrong", "missed", "precision", "recall"];
    let row = |m: &Measure| {
        vec![
            format!("{:.2}", m.cut_off),
            m.known.to_string(),
            m.foreign.to_string(),
            m.right.to_string(),
            m.wrong.to_string(),
            (m.known - m.right).to_string(),
            format!("{:.4}", m.precision()),
            format!("{:.4}", m.recall()),
        ]
    };
    let rows: Vec<Vec<String>> = measure(truth, &best).iter().map(row).collect();
    print::rows(&header, &rows, cli.format).await
}

/// Records that are linked wrongly or not at all.
async fn wrong(
    cli: &Cli,
    truth: &Truth,
    best: &HashMap<String, (String, f64)>,
    cut_off: f64,
    limit: usize,
) -> Result<()> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (record, real) in truth {
        let linked = best.get(record);
        let kept = linked.filter(|(_, score)| *score >= cut_off).map(|(id, _)| id);
        if kept == real.as_ref() {
            continue;
        }
        let (id, score) =
            linked.map_or((String::new(), String::new()), |(id, s)| (id.clone(), format!("{s:.4}")));
        let what = if kept.is_some() { "wrong" } else { "missed" };
        rows.push(vec![what.to_owned(), record.clone(), real.clone().unwrap_or_default(), id, score]);
    }
    rows.sort_by(|a, b| b.cmp(a));
    rows.truncate(limit);
    print::rows(&["fault", "record", "taxpayer_id", "linked", "score"], &rows, cli.format).await
}
