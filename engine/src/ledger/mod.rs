//! Between the warehouse and the ledger of tasks: where the ledger lies, what a scan hands over to it, whom a draw may
//! choose. What happens to tasks afterwards is the ledger's own business.

mod findings;
mod letters;

use std::collections::{BTreeSet, HashMap};

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{Decimal128Type, Int32Type, Int64Type};
use assay_risk_models::scorecard::Scorecard;
use assay_sql::session::SessionOptions;
use assay_tasks::ResponsePolicy;
use assay_tasks::ledger::office_and_below;
use assay_tasks::ledger::{By, Draw, DrawOrder, Frame, Intake, Ledger, OfficeRow, Opened, RULES, Rules};
use datafusion::prelude::{SessionContext, col, lit};

use crate::scan::{Handover, hand_over, month_and_card, rows as rows_of};
use crate::warehouse::session::{self, Access};
use crate::warehouse::{Warehouse, clock};
use crate::{EngineError, Result};

const OFFICES: &str = include_str!("../../../sql/ledger/offices.sql");
const AUDITS: &str = include_str!("../../../sql/ledger/audits.sql");
const FRAME: &str = include_str!("../../../sql/ledger/frame.sql");
/// What [`FRAME`] chooses, in words; recorded with each draw.
const FRAME_WORDS: &str = "register: valid_to is null and status = 'normal' (登记有效且状态正常的全部纳税人)";

/// File of the ledger in a local warehouse.
const FILE: &str = "ledger.db";
/// File of the rules among a warehouse's own definitions.
const RULES_FILE: &str = "tasks.toml";

/// Opens the ledger of a warehouse: where it is stated to be (`postgres://…` or a path), else beside a local warehouse. A file
/// that is not there is made where `make` says so: who only reads leaves nothing behind.
///
/// # Errors
/// When it cannot be opened, is not there, or a remote warehouse states none.
pub async fn open(warehouse: &Warehouse, stated: Option<&str>, make: bool) -> Result<Ledger> {
    let place = match (stated, warehouse.local_path()) {
        (Some(place), _) => place.to_owned(),
        (None, Some(root)) => root.join(FILE).display().to_string(),
        (None, None) => {
            return Err(EngineError::input(
                "a warehouse in an object store has no place for a ledger; give --ledger postgres://… or --ledger FILE, \
                 set ASSAY_LEDGER, or write ledger = \"…\" into assay.toml",
            ));
        }
    };
    if !make && !Ledger::is_there(&place) {
        return Err(EngineError::input(format!(
            "there are no tasks yet (no ledger at {place}); run: assay scan, then: assay tasks open"
        )));
    }
    Ok(Ledger::open(&place).await?)
}

/// Who changes something, now.
pub fn by(who: &str) -> By {
    By { who: who.to_owned(), at: clock::moment() }
}

/// The rules of a warehouse, or those that come with Assay.
///
/// # Errors
/// Everything that is wrong in them.
pub fn rules(warehouse: &Warehouse) -> Result<Rules> {
    match warehouse.definition_file(RULES_FILE) {
        Some(path) => {
            let text = std::fs::read_to_string(&path).map_err(EngineError::file(path.clone()))?;
            Ok(Rules::parse(&text, &path.display().to_string())?)
        }
        None => Ok(Rules::parse(RULES, RULES_FILE)?),
    }
}

/// Whether a taxpayer is in the register, in force or not.
///
/// # Errors
/// When the register cannot be read.
pub async fn is_registered(
    warehouse: &Warehouse,
    taxpayer_id: &str,
    options: &SessionOptions,
) -> Result<bool> {
    let head = warehouse.head().await?;
    let context = session::open(warehouse, &head, Access::Open, options).await?;
    let found = context.table("taxpayer").await?.filter(col("taxpayer_id").eq(lit(taxpayer_id)))?;
    Ok(found.count().await? > 0)
}

/// What came of taking a scan in.
#[derive(Debug, Clone, Default)]
pub struct TakenIn {
    /// Month of the scan.
    pub as_of: i32,
    /// What became of its tasks.
    pub opened: Opened,
    /// Requests of other offices that became tasks.
    pub letters: usize,
}

/// Takes the tasks of a scan (the latest, if no month is given) and the requests to offices into the ledger.
///
/// # Errors
/// When there was no such scan, or the ledger cannot be written.
pub async fn take_in(
    warehouse: &Warehouse,
    ledger: &Ledger,
    as_of: Option<i32>,
    by: &By,
    options: &SessionOptions,
) -> Result<TakenIn> {
    let Handover { as_of, run, tasks, card } = hand_over(warehouse, as_of, options).await?;
    let head = warehouse.head().await?;
    let context = session::open(warehouse, &head, Access::Open, options).await?;
    let offices = offices(&context).await?;
    let audits = audits(&context, by).await?;
    let days = assay_tasks::GradeDays {
        high: card.response_days.high,
        medium: card.response_days.medium,
        low: card.response_days.low,
    };
    let policy = ResponsePolicy::built_in()?;
    let rules = rules(warehouse)?;
    let found = findings::read(&context, warehouse, as_of, &rules).await?;
    let settled = findings::settled(&context, as_of).await?;
    let intake = Intake {
        run: &run,
        as_of,
        candidates: &tasks,
        findings: &found,
        settled: &settled,
        offices: &offices,
        audits: &audits,
        grade_of: &|score| card.grade(i64::try_from(score).unwrap_or(i64::MAX)).map(|grade| grade.as_str()),
        capped: &|points| capped(&card, points),
        days_of: &|grade| days.of(grade).unwrap_or(days.low),
        response_of: &|grade| policy.response_of(grade).unwrap_or_default().to_owned(),
        rules: &rules,
    };
    let opened = ledger.open_tasks(&intake, by).await?;
    let letters = letters::read(&context).await?;
    let letters = ledger.open_letters(&letters, by).await?;
    Ok(TakenIn { as_of, opened, letters })
}

/// Hundredths as the scorecard caps them.
fn capped(card: &Scorecard, points: &[(&str, i128)]) -> Vec<i128> {
    let narrow = |points: i128| i64::try_from(points).unwrap_or(i64::MAX);
    let points: Vec<(&str, i64)> = points.iter().map(|(family, points)| (*family, narrow(*points))).collect();
    card.capped(&points).into_iter().map(i128::from).collect()
}

/// How many taxpayers a draw takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DrawSize {
    /// A share of the frame, above 0 and at most 1.
    Share(f64),
    /// A number.
    Count(usize),
}

/// Draws taxpayers at random (双随机) from those of the register in normal operation.
///
/// # Errors
/// When there is nobody to draw, the seed was drawn before, or the ledger cannot be written.
pub async fn draw(
    warehouse: &Warehouse,
    ledger: &Ledger,
    as_of: Option<i32>,
    size: DrawSize,
    seed: &str,
    by: &By,
    options: &SessionOptions,
) -> Result<Draw> {
    let head = warehouse.head().await?;
    let context = session::open(warehouse, &head, Access::Open, options).await?;
    let (as_of, card) = month_and_card(warehouse, &head, as_of).await?;
    let frame = frame(&context).await?;
    let size = match size {
        DrawSize::Count(n) => n.min(frame.len()),
        DrawSize::Share(share) => ((frame.len() as f64 * share).ceil() as usize).min(frame.len()),
    };
    let audits = audits(&context, by).await?;
    let order = DrawOrder {
        as_of,
        seed,
        size,
        frame: FRAME_WORDS,
        due_days: card.response_days.medium,
        audits: &audits,
    };
    ledger.renew_offices(&offices(&context).await?).await?;
    Ok(ledger.draw(&frame, &order, by).await?)
}

async fn offices(context: &SessionContext) -> Result<Vec<OfficeRow>> {
    let mut found = Vec::new();
    for batch in rows_of(context, OFFICES).await? {
        let (codes, names) = (text(&batch, 0), text(&batch, 1));
        let (levels, above) = (whole(&batch, 2)?, text(&batch, 3));
        let capacities = whole(&batch, 4)?;
        for row in 0..batch.num_rows() {
            found.push(OfficeRow {
                office_code: codes.value(row).to_owned(),
                name: some(names, row),
                level: levels[row],
                parent_code: some(above, row),
                capacity: capacities[row],
            });
        }
    }
    Ok(found)
}

/// Codes of an office and all below it.
///
/// # Errors
/// When there is no such office, or the offices cannot be read.
pub async fn offices_below(context: &SessionContext, code: &str) -> Result<BTreeSet<String>> {
    office_and_below(offices(context).await?, code).ok_or_else(|| {
        EngineError::input(format!(
            "no office {code}; all of them: assay sql \"select office_code, name from office\""
        ))
    })
}

/// Open audits of a warehouse's taxpayers: taxpayer and case number.
///
/// # Errors
/// When the cases cannot be read.
pub async fn open_audits(
    warehouse: &Warehouse,
    by: &By,
    options: &SessionOptions,
) -> Result<HashMap<String, String>> {
    let head = warehouse.head().await?;
    let context = session::open(warehouse, &head, Access::Open, options).await?;
    audits(&context, by).await
}

async fn audits(context: &SessionContext, by: &By) -> Result<HashMap<String, String>> {
    let sql = AUDITS.replace("$today", &by.at.date_naive().to_string());
    let mut found = HashMap::new();
    for batch in rows_of(context, &sql).await? {
        let (ids, cases) = (text(&batch, 0), text(&batch, 1));
        for row in 0..batch.num_rows() {
            found.insert(ids.value(row).to_owned(), cases.value(row).to_owned());
        }
    }
    Ok(found)
}

async fn frame(context: &SessionContext) -> Result<Vec<Frame>> {
    let mut found = Vec::new();
    for batch in rows_of(context, FRAME).await? {
        let keys = whole(&batch, 0)?;
        let columns: Vec<&StringArray> = (1..7).map(|at| text(&batch, at)).collect();
        for (row, key) in keys.into_iter().enumerate() {
            found.push(Frame {
                taxpayer_key: key.unwrap_or(0),
                taxpayer_id: columns[0].value(row).to_owned(),
                name: some(columns[1], row),
                office_code: some(columns[2], row),
                industry_code: some(columns[3], row),
                status: some(columns[4], row),
                credit_rating: some(columns[5], row),
            });
        }
    }
    Ok(found)
}

/// A column of text; [`rows_of`] delivers plain strings.
fn text(batch: &RecordBatch, column: usize) -> &StringArray {
    batch.column(column).as_string::<i32>()
}

fn some(column: &StringArray, row: usize) -> Option<String> {
    column.is_valid(row).then(|| column.value(row).to_owned())
}

/// A column of whole numbers of any width.
fn whole(batch: &RecordBatch, column: usize) -> Result<Vec<Option<i64>>> {
    let wide = arrow::compute::cast(batch.column(column), &arrow::datatypes::DataType::Int64)?;
    Ok(wide.as_primitive::<Int64Type>().iter().collect())
}

/// A column of days.
fn days(batch: &RecordBatch, column: usize) -> Result<Vec<Option<i32>>> {
    let days = arrow::compute::cast(batch.column(column), &arrow::datatypes::DataType::Date32)?;
    let days = arrow::compute::cast(&days, &arrow::datatypes::DataType::Int32)?;
    Ok(days.as_primitive::<Int32Type>().iter().collect())
}

/// A column of money in fen.
fn fen(batch: &RecordBatch, column: usize) -> Result<Vec<Option<i128>>> {
    let money = arrow::compute::cast(batch.column(column), &arrow::datatypes::DataType::Decimal128(18, 2))?;
    Ok(money.as_primitive::<Decimal128Type>().iter().collect())
}
