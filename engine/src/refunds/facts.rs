//! What the queue reads as of a day: applications, times they were held, rows that decide over the reasons to hold, and which sources
//! are loaded at all.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, ArrowPrimitiveType, AsArray, PrimitiveArray, RecordBatch};
use arrow::datatypes::{Date32Type, Decimal128Type, Int64Type};
use chrono::NaiveDate;
use datafusion::prelude::SessionContext;

use super::Suspicions;
use super::reason::{Reason, State};
use crate::scan::rows;
use crate::{EngineError, Result};

const APPLICATIONS: &str = include_str!("../../../sql/refunds/applications.sql");
const SUSPENSIONS: &str = include_str!("../../../sql/refunds/suspensions.sql");
const EVIDENCE: &str = include_str!("../../../sql/refunds/evidence.sql");
const SUSPECTED: &str = include_str!("../../../sql/refunds/suspected.sql");
const LOADED: &str = include_str!("../../../sql/refunds/loaded.sql");

/// A high suspicion of VAT against a taxpayer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    /// Taxpayer.
    pub taxpayer_key: i64,
    /// Task it belongs to.
    pub task_no: String,
    /// Indicator and its name.
    pub what: String,
    /// Month of the scan.
    pub as_of: i32,
}

/// Indicators that judge the refund itself, which the queue does on its own.
const JUDGE_REFUNDS: [&str; 5] = ["V57", "V58", "V59", "V60", "V61"];

impl Suspicion {
    /// Whether an indicator judges refunds of credit, and so is no suspicion to hold one for.
    #[must_use]
    pub fn judges_refunds(indicator: &str) -> bool {
        JUDGE_REFUNDS.contains(&indicator)
    }
}

/// An application for a refund of credit. Money in fen.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Application {
    pub no: String,
    pub taxpayer_key: i64,
    pub taxpayer_id: String,
    pub name: Option<String>,
    pub office_code: Option<String>,
    pub office_name: Option<String>,
    pub branch: Option<String>,
    pub decision: Option<String>,
    /// Month whose closing credit is asked for.
    pub period: i32,
    /// Last month with a general return by the day.
    pub latest: Option<i32>,
    pub amount: i128,
    pub granted: Option<i128>,
    pub applied_on: Option<NaiveDate>,
    pub received_on: Option<NaiveDate>,
    pub decided_on: Option<NaiveDate>,
    /// Times it was held, in order.
    pub held: Vec<Suspension>,
}

/// A time for which an application was held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suspension {
    pub reason: Option<String>,
    pub from: NaiveDate,
    pub to: Option<NaiveDate>,
}

/// A row that decides over a reason.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Evidence {
    pub reason: Reason,
    pub state: State,
    pub source: String,
    pub number: String,
    pub detail: Option<String>,
    pub day: Option<NaiveDate>,
    pub cleared_on: Option<NaiveDate>,
    pub amount: Option<i128>,
    /// A case that found refund fraud or false invoices.
    pub fraud: bool,
    /// File and row it was loaded from; none of a task.
    pub place: Option<(String, i64)>,
}

/// Which sources say anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Loaded {
    pub cases: bool,
    pub mismatches: bool,
    pub invoices: bool,
    pub deductions: bool,
    /// Month of the last scan.
    pub scanned: Option<i32>,
}

/// Everything read.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub applications: Vec<Application>,
    /// By taxpayer.
    pub evidence: HashMap<i64, Vec<Evidence>>,
    pub loaded: Loaded,
}

impl Facts {
    pub(super) async fn read(
        context: &SessionContext,
        (day, since): (NaiveDate, NaiveDate),
        suspicions: Suspicions,
    ) -> Result<Self> {
        let as_of = |sql: &str| sql.replace("$day", &day.to_string()).replace("$since", &since.to_string());
        let mut held: BTreeMap<String, Vec<Suspension>> = BTreeMap::new();
        for row in read(context, &as_of(SUSPENSIONS)).await? {
            let (Some(no), Some(from)) = (row.text("application_no")?, row.day("suspended_on")?) else {
                continue;
            };
            let one = Suspension { reason: row.text("reason")?, from, to: row.day("resumed_on")? };
            held.entry(no).or_default().push(one);
        }
        let mut applications = Vec::new();
        for row in read(context, &as_of(APPLICATIONS)).await? {
            let mut one = application(&row)?;
            one.held = held.remove(&one.no).unwrap_or_default();
            // Decided after the day: on the day nobody knew.
            if one.decided_on.is_some_and(|decided| decided > day) {
                (one.decided_on, one.decision, one.granted) = (None, None, None);
            }
            applications.push(one);
        }
        let mut evidence: HashMap<i64, Vec<Evidence>> = HashMap::new();
        for row in read(context, &as_of(EVIDENCE)).await? {
            if let Some(key) = row.int("taxpayer_key")? {
                evidence.entry(key).or_default().push(found(&row)?);
            }
        }
        let mut loaded = Loaded::default();
        for row in read(context, &as_of(LOADED)).await? {
            let flag = |name: &str| Ok::<_, EngineError>(row.flag(name)?.unwrap_or(false));
            loaded = Loaded {
                cases: flag("cases")?,
                mismatches: flag("mismatches")?,
                invoices: flag("invoices")?,
                deductions: flag("deductions")?,
                scanned: row.int("scanned")?.and_then(|month| i32::try_from(month).ok()),
            };
        }
        let mut suspected = suspicions.open;
        if loaded.scanned > suspicions.taken_in {
            // The ledger has not seen the last scan: what that suspects is open too.
            for row in read(context, &as_of(SUSPECTED)).await? {
                let indicator = row.text("indicator")?.unwrap_or_default();
                if !Suspicion::judges_refunds(&indicator) {
                    suspected.push(suspicion(&row, &indicator)?);
                }
            }
        }
        for one in suspected {
            evidence.entry(one.taxpayer_key).or_default().push(Evidence {
                reason: Reason::Risk,
                state: State::Open,
                source: "task".to_owned(),
                number: one.task_no,
                detail: Some(one.what),
                day: None,
                cleared_on: None,
                amount: None,
                fraud: false,
                place: None,
            });
        }
        Ok(Self { applications, evidence, loaded })
    }
}

/// Whether no application was ever loaded.
pub(super) async fn nothing_loaded(context: &SessionContext) -> Result<bool> {
    Ok(read(context, "SELECT application_no FROM refund_application LIMIT 1").await?.is_empty())
}

fn application(row: &Cells) -> Result<Application> {
    let month = |name: &str| Ok::<_, EngineError>(row.int(name)?.and_then(|month| i32::try_from(month).ok()));
    Ok(Application {
        no: row.text("application_no")?.unwrap_or_default(),
        taxpayer_key: row.int("taxpayer_key")?.unwrap_or(0),
        taxpayer_id: row.text("taxpayer_id")?.unwrap_or_default(),
        name: row.text("name")?,
        office_code: row.text("office_code")?,
        office_name: row.text("office_name")?,
        branch: row.text("branch")?,
        decision: row.text("decision")?,
        period: month("period")?.unwrap_or(0),
        latest: month("latest")?,
        amount: row.money("amount")?.unwrap_or(0),
        granted: row.money("granted")?,
        applied_on: row.day("applied_on")?,
        received_on: row.day("received_on")?,
        decided_on: row.day("decided_on")?,
        held: Vec::new(),
    })
}

fn found(row: &Cells) -> Result<Evidence> {
    let word = |name: &str| Ok::<_, EngineError>(row.text(name)?.unwrap_or_default());
    let reason = Reason::parse(&word("reason")?);
    let state = State::parse(&word("state")?);
    let (Some(reason), Some(state)) = (reason, state) else {
        return Err(EngineError::internal("evidence.sql names a reason or state nobody knows"));
    };
    Ok(Evidence {
        reason,
        state,
        source: word("source")?,
        number: word("number")?,
        detail: row.text("detail")?,
        day: row.day("day")?,
        cleared_on: row.day("cleared_on")?,
        amount: row.money("amount")?,
        fraud: row.flag("fraud")?.unwrap_or(false),
        place: row.text("_file")?.zip(row.int("_row")?),
    })
}

fn suspicion(row: &Cells, indicator: &str) -> Result<Suspicion> {
    let name = row.text("name_zh")?.unwrap_or_default();
    Ok(Suspicion {
        taxpayer_key: row.int("taxpayer_key")?.unwrap_or(0),
        task_no: row.text("number")?.unwrap_or_default(),
        what: format!("{indicator} {name}"),
        as_of: row.int("as_of")?.and_then(|month| i32::try_from(month).ok()).unwrap_or(0),
    })
}

/// One row of a result, read by column name.
pub(super) struct Cells {
    batch: RecordBatch,
    row: usize,
}

/// The rows of a query; few, for a queue.
pub(super) async fn read(context: &SessionContext, sql: &str) -> Result<Vec<Cells>> {
    let batches = rows(context, sql).await?;
    let cells =
        |batch: RecordBatch| (0..batch.num_rows()).map(move |row| Cells { batch: batch.clone(), row });
    Ok(batches.into_iter().flat_map(cells).collect())
}

impl Cells {
    fn column(&self, name: &str) -> Result<&dyn Array> {
        let column = self.batch.column_by_name(name).map(AsRef::as_ref);
        column
            .ok_or_else(|| EngineError::internal(format!("a query of the refund queue has no column {name}")))
    }

    fn value<T: ArrowPrimitiveType>(&self, name: &str) -> Result<Option<T::Native>> {
        let column: Option<&PrimitiveArray<T>> = self.column(name)?.as_primitive_opt();
        let column = column.ok_or_else(|| wrong_type(name))?;
        Ok(column.is_valid(self.row).then(|| column.value(self.row)))
    }

    pub(super) fn int(&self, name: &str) -> Result<Option<i64>> {
        self.value::<Int64Type>(name)
    }

    /// Fen.
    pub(super) fn money(&self, name: &str) -> Result<Option<i128>> {
        self.value::<Decimal128Type>(name)
    }

    pub(super) fn day(&self, name: &str) -> Result<Option<NaiveDate>> {
        Ok(self.value::<Date32Type>(name)?.and_then(Date32Type::to_naive_date_opt))
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>> {
        let column = self.column(name)?.as_boolean_opt().ok_or_else(|| wrong_type(name))?;
        Ok(column.is_valid(self.row).then(|| column.value(self.row)))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>> {
        let column = self.column(name)?.as_string_opt::<i32>().ok_or_else(|| wrong_type(name))?;
        Ok(column.is_valid(self.row).then(|| column.value(self.row).to_owned()))
    }
}

fn wrong_type(name: &str) -> EngineError {
    EngineError::internal(format!("column {name} of a query of the refund queue has another type"))
}
