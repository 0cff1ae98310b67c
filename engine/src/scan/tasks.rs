//! Between scans and the task module: what a merge needs from the warehouse, and reading stored tasks back for export.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{Field, Schema};
use assay_indicators::Catalogue;
use assay_risk_models::scorecard::Scorecard;
use assay_sql::session::SessionOptions;
use datafusion::execution::context::SessionContext;
use rayon::prelude::*;
use std::sync::Arc;

use super::judge::Scored;
use super::judged::{load_catalogue, load_scorecard, month};
use super::tables::Findings;
use crate::warehouse::session::{self, Access};
use crate::warehouse::{Commit, Warehouse, clock, plain_text};
use crate::{EngineError, Result};
use assay_tasks::{
    ExportedFile, GradeDays, IndicatorText, MergeInput, ResponsePolicy, TaskOptions, Tasks, export_csv,
    export_parquet,
};

/// How a task list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// One list, UTF-8 with a byte order mark.
    Csv,
    /// One list, typed.
    Parquet,
}

/// Taxpayers whose tasks are made at once.
const TASKS_A_PIECE: usize = 1 << 14;

/// Makes tasks of findings: registrations, offices and texts are read once, tasks made piece by piece.
pub(super) struct Merger {
    taxpayers: Vec<RecordBatch>,
    offices: Vec<RecordBatch>,
    texts: BTreeMap<String, IndicatorText>,
    options: TaskOptions,
}

impl Merger {
    pub(super) async fn new(
        context: &SessionContext,
        catalogue: &Catalogue,
        card: &Scorecard,
        as_of: i32,
    ) -> Result<Self> {
        let taxpayers = rows(
            context,
            "SELECT taxpayer_key, name, industry_code, office_code, status, credit_rating, valid_from, valid_to FROM taxpayer",
        )
        .await?;
        let offices = rows(context, "SELECT office_code, name, level, parent_code FROM office").await?;
        let texts = catalogue
            .entries()
            .iter()
            .map(|e| (e.indicator.code.value.clone(), IndicatorText::of(&e.indicator)))
            .collect();
        let days = card.response_days;
        let options = TaskOptions {
            issued_on: clock::now().date(),
            batch: format!("{as_of}-01"),
            pushed_by: None,
            first_sequence: 1,
            due_days: GradeDays { high: days.high, medium: days.medium, low: days.low },
            policy: ResponsePolicy::built_in()?,
        };
        Ok(Self { taxpayers, offices, texts, options })
    }

    /// Tasks of everybody with a grade and their items, most urgent first, in pieces, some of them made side by side.
    pub(super) fn tasks<'a>(
        &'a self,
        findings: &'a Findings<'a>,
    ) -> impl Iterator<Item = Result<Vec<(RecordBatch, RecordBatch)>>> + 'a {
        let graded = findings.by_urgency();
        let places: Vec<usize> = (0..graded.len()).step_by(TASKS_A_PIECE).collect();
        let some = places.chunks(rayon::current_num_threads()).map(<[_]>::to_vec).collect::<Vec<_>>();
        some.into_iter().map(move |places| {
            let piece = |place: usize| {
                let end = graded.len().min(place + TASKS_A_PIECE);
                self.piece(findings, place, &graded[place..end])
            };
            places.into_par_iter().map(piece).collect()
        })
    }

    /// Tasks of some who stand after `before` others, and their items.
    fn piece(
        &self,
        findings: &Findings<'_>,
        before: usize,
        scored: &[&Scored],
    ) -> Result<(RecordBatch, RecordBatch)> {
        let (hits, scores) = ([findings.hits_of(scored.iter().copied())?], [findings.scores(scored)?]);
        let input = MergeInput {
            hits: &hits,
            scores: &scores,
            taxpayers: &self.taxpayers,
            offices: &self.offices,
            texts: &self.texts,
        };
        let before = u32::try_from(before).unwrap_or(u32::MAX);
        let first_sequence = self.options.first_sequence.saturating_add(before);
        let options = TaskOptions { first_sequence, ..self.options.clone() };
        let tasks = assay_tasks::merge(input, &options)?;
        Ok((tasks.task_batch()?, tasks.item_batch()?))
    }
}

/// A query's rows with text as plain strings, as the task module reads them.
pub(crate) async fn rows(context: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>> {
    let batches = context.sql(sql).await?.collect().await?;
    batches.iter().map(plain).collect()
}

fn plain(batch: &RecordBatch) -> Result<RecordBatch> {
    let field = |f: &Arc<Field>| f.as_ref().clone().with_data_type(plain_text(f.data_type()));
    let fields: Vec<Field> = batch.schema().fields().iter().map(field).collect();
    let columns = batch
        .columns()
        .iter()
        .zip(&fields)
        .map(|(c, f)| cast(c, f.data_type()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// The stored tasks of a scan; of the latest one when no month is given.
///
/// # Errors
/// When there was no such scan.
pub async fn load(
    warehouse: &Warehouse,
    as_of: Option<i32>,
    options: &SessionOptions,
) -> Result<(i32, Tasks)> {
    let head = warehouse.head().await?;
    let context = session::open(warehouse, &head, Access::Open, options).await?;
    let month = scanned(&context, as_of).await?;
    let tasks = rows(&context, &format!("SELECT * FROM task WHERE as_of = {month}")).await?;
    let items = rows(&context, &format!("SELECT * FROM task_item WHERE as_of = {month}")).await?;
    Ok((month, Tasks::from_batches(&tasks, &items)?))
}

/// The tasks of a scan, and what the ledger wants to know of it.
pub(crate) struct Handover {
    pub(crate) as_of: i32,
    pub(crate) run: String,
    pub(crate) tasks: Tasks,
    pub(crate) card: Scorecard,
}

/// What a scan (the latest, if no month is given) hands over to the ledger.
///
/// # Errors
/// When there was no such scan.
pub(crate) async fn hand_over(
    warehouse: &Warehouse,
    as_of: Option<i32>,
    options: &SessionOptions,
) -> Result<Handover> {
    let (as_of, tasks) = load(warehouse, as_of, options).await?;
    let head = warehouse.head().await?;
    let context = session::open(warehouse, &head, Access::Open, options).await?;
    let runs = rows(&context, &format!("SELECT run FROM scan_run WHERE as_of = {as_of}")).await?;
    let run = runs.iter().find(|batch| batch.num_rows() > 0).map(|batch| {
        use arrow::array::AsArray;
        batch.column(0).as_string::<i32>().value(0).to_owned()
    });
    let run = run.ok_or_else(|| EngineError::internal(format!("the scan as of {as_of} has no run")))?;
    let (_, card) = month_and_card(warehouse, &head, Some(as_of)).await?;
    Ok(Handover { as_of, run, tasks, card })
}

/// A month (the last with invoices, if none is given) and the scorecard of a warehouse.
///
/// # Errors
/// When there are no invoices, or the scorecard is wrong.
pub(crate) async fn month_and_card(
    warehouse: &Warehouse,
    head: &Commit,
    as_of: Option<i32>,
) -> Result<(i32, Scorecard)> {
    let catalogue = load_catalogue(Some(warehouse))?;
    let (card, _) = load_scorecard(warehouse, &catalogue)?;
    Ok((month(warehouse, head, as_of).await?, card))
}

/// The month of a scan: the one asked for, or the latest.
///
/// # Errors
/// When there was no such scan.
pub(super) async fn scanned(context: &SessionContext, as_of: Option<i32>) -> Result<i32> {
    let scans = rows(context, "SELECT DISTINCT as_of FROM scan_run ORDER BY as_of").await?;
    let mut months: Vec<i32> = Vec::new();
    for batch in &scans {
        use arrow::array::AsArray;
        months.extend(batch.column(0).as_primitive::<arrow::datatypes::Int32Type>().values());
    }
    let chosen = as_of.or_else(|| months.last().copied());
    chosen.filter(|m| months.contains(m)).ok_or_else(|| {
        let known: Vec<String> = months.iter().map(ToString::to_string).collect();
        EngineError::input(match as_of {
            Some(m) if !known.is_empty() => {
                format!("no scan as of {m}; there are scans as of {}", known.join(", "))
            }
            _ => "there are no tasks yet; run: assay scan".to_owned(),
        })
    })
}

/// Writes a task list into `folder`, as one file.
pub fn export(tasks: &Tasks, as_of: i32, folder: &Path, format: ExportFormat) -> Result<Vec<ExportedFile>> {
    std::fs::create_dir_all(folder).map_err(EngineError::file(folder))?;
    let whole = |extension: &str| folder.join(format!("tasks_{as_of}.{extension}"));
    let one = |path| {
        vec![ExportedFile { path, office_code: None, tasks: tasks.tasks.len(), items: tasks.items.len() }]
    };
    Ok(match format {
        ExportFormat::Csv => {
            export_csv(tasks, &whole("csv"))?;
            one(whole("csv"))
        }
        ExportFormat::Parquet => {
            export_parquet(tasks, &whole("parquet"))?;
            one(whole("parquet"))
        }
    })
}
