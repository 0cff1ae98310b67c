//! Asking some policies for all periods of several months at once: what they read is read once for all of these, and answers of other policies
//! stay as they are. A month as a whole is asked by `store.rs`, and only that is looked at again when facts come in late.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::Int32Type;
use assay_indicators::policy::Answer;
use assay_indicators::{Asked, CompiledPolicy, period};
use assay_sql::session::SessionOptions;
use bytes::Bytes;
use rayon::prelude::*;

use super::answers::{Answered, Count, Finding, ask_range};
use super::desk::Desk;
use super::load_rulebook;
use super::tables::{POLICY_COUNT, POLICY_FINDING, Rows, specs};
use crate::ingest::Progress;
use crate::scan::gather::Gathered;
use crate::scan::judge::column;
use crate::warehouse::{TableSpec, Transaction, UnitFile, Warehouse, get, read_unit};
use crate::{EngineError, Result};

/// Policies times months that are read together; each brings some twenty columns.
const AT_ONCE: usize = 64;
/// Findings of a month held before they are written.
const HELD: usize = 1 << 16;

/// Which policies to ask for which periods.
#[derive(Debug, Clone)]
pub struct SpanRequest {
    /// Codes; none: all.
    pub only: Vec<String>,
    /// Months to keep answers under.
    pub months: Span,
    /// Threads and memory.
    pub session: SessionOptions,
}

/// Periods that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// The last complete ones as of a month, YYYYMM; none: the last month with invoices. Answers are kept under that month.
    AsOf(Option<i32>),
    /// All that end from one month to another, YYYYMM. Answers are kept under the month their period ends with.
    Ends(i32, i32),
}

/// What policies answered for several periods.
#[derive(Debug, Default)]
pub struct SpanSummary {
    /// First and last month answers are kept under.
    pub months: (i32, i32),
    /// Versions asked, one for each period, in the order of the counts.
    pub policies: Vec<CompiledPolicy>,
    /// By place of the version, and answer.
    pub counts: BTreeMap<(usize, Answer), Count>,
    /// Taxpayers asked about.
    pub taxpayers: usize,
    /// Findings kept.
    pub findings: usize,
    /// Wall time.
    pub seconds: f64,
}

/// Asks some policies of everyone and keeps the answers in place of what they answered for the same periods.
///
/// # Errors
/// Unknown codes, a span that is none, wrong definitions, a warehouse that cannot be read or written; answers then stay as they were.
pub async fn answer_span(
    warehouse: &Warehouse,
    request: &SpanRequest,
    progress: Arc<dyn Progress>,
) -> Result<SpanSummary> {
    let started = Instant::now();
    warehouse.heal().await?;
    let definitions = load_rulebook(Some(warehouse))?;
    let as_of = match request.months {
        Span::AsOf(as_of) => as_of,
        Span::Ends(from, to) => {
            check(from, to)?;
            Some(to)
        }
    };
    let desk = Desk::open(warehouse, definitions, as_of, &request.session, progress).await?;
    let mut transaction = warehouse.begin("policies", &[POLICY_FINDING, POLICY_COUNT]).await?;
    let asked = ask_all(warehouse, &desk, request, &mut transaction).await;
    let info = |made: &SpanSummary| serde_json::json!({ "from": made.months.0, "to": made.months.1, "only": request.only });
    let mut summary = transaction.finish(asked, info).await?;
    summary.seconds = started.elapsed().as_secs_f64();
    Ok(summary)
}

fn check(from: i32, to: i32) -> Result<()> {
    match [from, to].into_iter().find(|month| !period::is_period(*month)) {
        Some(month) => Err(EngineError::input(format!("{month} is no month; write it as YYYYMM"))),
        None if from > to => {
            Err(EngineError::input(format!("from {from} to {to} is no span; give the earlier month first")))
        }
        None => Ok(()),
    }
}

async fn ask_all(
    warehouse: &Warehouse,
    desk: &Desk<'_>,
    request: &SpanRequest,
    transaction: &mut Transaction,
) -> Result<SpanSummary> {
    let (spans, as_of) = match request.months {
        Span::AsOf(_) => (vec![None], Some(desk.as_of)),
        Span::Ends(from, to) => (pieces(from, to, asked(desk, request)), None),
    };
    let months = match request.months {
        Span::AsOf(_) => (desk.as_of, desk.as_of),
        Span::Ends(from, to) => (from, to),
    };
    take_out(warehouse, transaction, request, months).await?;
    let mut summary = SpanSummary { months, ..SpanSummary::default() };
    for span in spans {
        let asked = Asked { book: &desk.book, only: &request.only, span };
        let (policies, profile) = desk.gather(desk.plan(asked).await?).await?;
        let mut keeper = Keeper::new(transaction, Rows { policies: &policies, as_of });
        keeper.take_all(&profile).await?;
        let (counts, findings) = keeper.finish().await?;
        let before = summary.policies.len();
        summary.counts.extend(counts.into_iter().map(|((n, answer), count)| ((before + n, answer), count)));
        summary.findings += findings;
        summary.taxpayers = profile.taxpayers();
        summary.policies.extend(policies);
    }
    let rows = Rows { policies: &summary.policies, as_of };
    for month in of_months(months) {
        let mine = summary.counts.iter().filter(|((n, _), _)| rows.month(*n) == month);
        let counts = mine.map(|(key, count)| (*key, *count)).collect();
        transaction.append(&specs()[1], &[rows.counts(&counts)?]).await?;
    }
    Ok(summary)
}

/// How many policies are asked.
fn asked(desk: &Desk<'_>, request: &SpanRequest) -> usize {
    if request.only.is_empty() { desk.book.entries().len() } else { request.only.len() }
}

fn of_months((from, to): (i32, i32)) -> impl Iterator<Item = i32> {
    std::iter::successors(Some(from), |month| Some(period::add(*month, 1)))
        .take_while(move |month| *month <= to)
}

/// A span in pieces that are read at once.
fn pieces(from: i32, to: i32, policies: usize) -> Vec<Option<(i32, i32)>> {
    let months: Vec<i32> = of_months((from, to)).collect();
    let at_once = (AT_ONCE / policies.max(1)).max(1);
    months.chunks(at_once).filter_map(|some| Some((*some.first()?, *some.last()?))).map(Some).collect()
}

/// Takes out what the policies answered before for the periods that are asked for.
async fn take_out(
    warehouse: &Warehouse,
    transaction: &mut Transaction,
    request: &SpanRequest,
    (from, to): (i32, i32),
) -> Result<()> {
    for spec in specs().iter().filter(|spec| [POLICY_FINDING, POLICY_COUNT].contains(&&*spec.name)) {
        let Some(present) = warehouse.table(transaction.base(), &spec.name).await? else { continue };
        let mine = |file: &&UnitFile| of_months((from, to)).any(|month| file.is_of(month));
        let files: Vec<&UnitFile> = present.files.iter().filter(mine).collect();
        for some in files.chunks(rayon::current_num_threads()) {
            let mut read = Vec::with_capacity(some.len());
            for file in some {
                read.push((*file, get(warehouse, &spec.name, file).await?));
            }
            let stay = |(file, bytes): (&UnitFile, Bytes)| {
                let rows = read_unit(bytes, None)?;
                let stay = rows.iter().map(|batch| others(batch, request)).collect::<Result<Vec<_>>>()?;
                let stay = concat_batches(&spec.schema, &stay)?;
                Ok((stay.num_rows() < file.rows).then(|| (file.clone(), stay)))
            };
            let changed = read.into_par_iter().map(stay).collect::<Result<Vec<_>>>()?;
            let (old, new): (Vec<UnitFile>, Vec<RecordBatch>) = changed.into_iter().flatten().unzip();
            old.into_iter().try_for_each(|file| transaction.remove(spec, file))?;
            transaction.append_each(spec, new).await?;
        }
    }
    Ok(())
}

/// Rows of other policies, and those of other periods than are asked for.
fn others(batch: &RecordBatch, request: &SpanRequest) -> Result<RecordBatch> {
    let policies = column(batch, "policy")?.as_string::<i32>();
    let [periods, months] =
        [column(batch, "period")?, column(batch, "as_of")?].map(|c| c.as_primitive::<Int32Type>().values());
    let stays = (0..batch.num_rows()).map(|row| {
        let asked = request.only.is_empty() || request.only.iter().any(|code| code == policies.value(row));
        let replaced = match request.months {
            Span::AsOf(_) => true,
            Span::Ends(..) => periods[row] == months[row],
        };
        Some(!(asked && replaced))
    });
    Ok(filter_record_batch(batch, &BooleanArray::from_iter(stays))?)
}

/// Writes findings range by range, those of a month into files of their own.
struct Keeper<'a> {
    transaction: &'a mut Transaction,
    rows: Rows<'a>,
    spec: TableSpec,
    held: BTreeMap<i32, Vec<Finding>>,
    counts: BTreeMap<(usize, Answer), Count>,
    findings: usize,
}

impl<'a> Keeper<'a> {
    fn new(transaction: &'a mut Transaction, rows: Rows<'a>) -> Self {
        let spec = specs().swap_remove(0);
        Self { transaction, rows, spec, held: BTreeMap::new(), counts: BTreeMap::new(), findings: 0 }
    }

    async fn take_all(&mut self, profile: &Gathered) -> Result<()> {
        let mut asking = Duration::ZERO;
        for range in 0..profile.ranges() {
            let started = Instant::now();
            let mut answered = ask_range(self.rows.policies, profile, range)?;
            asking += started.elapsed();
            self.findings += answered.findings.len();
            for finding in answered.findings.drain(..) {
                self.held.entry(self.rows.month(finding.ruling)).or_default().push(finding);
            }
            let mut sum = Answered { counts: std::mem::take(&mut self.counts), findings: Vec::new() };
            sum.extend(answered);
            self.counts = sum.counts;
            self.write(HELD).await?;
        }
        tracing::debug!(seconds = asking.as_secs_f64(), "policies answered");
        Ok(())
    }

    /// Writes the findings of months that have at least so many.
    async fn write(&mut self, least: usize) -> Result<()> {
        let full: Vec<Vec<Finding>> =
            self.held.values_mut().filter(|held| held.len() >= least).map(std::mem::take).collect();
        let rows =
            full.par_iter().map(|findings| self.rows.findings(findings)).collect::<Result<Vec<_>>>()?;
        self.transaction.append_each(&self.spec, rows).await
    }

    async fn finish(mut self) -> Result<(BTreeMap<(usize, Answer), Count>, usize)> {
        self.write(1).await?;
        Ok((self.counts, self.findings))
    }
}
