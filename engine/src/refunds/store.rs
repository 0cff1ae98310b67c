//! The tables of the queue, a night's rows at a time: `refund_queue`, a row an application, and `refund_reason`, a row an application and
//! reason with the rows that decide.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Date32Type, SchemaRef};
use chrono::NaiveDate;
use datafusion::prelude::SessionContext;

use super::Queue;
use super::eligible::policy;
use super::facts::{Evidence, read};
use super::propose::{Proposal, Row};
use super::reason::Verdict;
use super::words::basis;
use crate::Result;
use crate::scan::tables::schema;
use crate::scan::{rows, spec};
use crate::warehouse::{TableSpec, Transaction, UnitFile, Warehouse};

/// One row a night and application.
pub const REFUND_QUEUE: &str = "refund_queue";
/// One row a night, application and reason to hold.
pub const REFUND_REASON: &str = "refund_reason";

const AMOUNT: DataType = DataType::Decimal128(18, 2);

/// The queue of an earlier night.
#[derive(Debug)]
pub(super) struct Before {
    pub day: NaiveDate,
    /// By number of application.
    pub proposals: HashMap<String, Proposal>,
}

fn queue_schema() -> SchemaRef {
    schema(&[
        ("as_of", DataType::Date32, false),
        ("application_no", DataType::Utf8, false),
        ("taxpayer_key", DataType::Int64, false),
        ("taxpayer_id", DataType::Utf8, true),
        ("taxpayer_name", DataType::Utf8, true),
        ("office_code", DataType::Utf8, true),
        ("office_name", DataType::Utf8, true),
        ("period", DataType::Int32, false),
        ("branch", DataType::Utf8, true),
        ("proposal", DataType::Utf8, false),
        ("change", DataType::Utf8, false),
        ("reasons", DataType::Utf8, false),
        ("amount", AMOUNT, true),
        ("eligible", AMOUNT, true),
        ("difference", AMOUNT, true),
        ("received_on", DataType::Date32, true),
        ("clock", DataType::Utf8, true),
        ("suspended_on", DataType::Date32, true),
        ("resumed_on", DataType::Date32, true),
        ("days_used", DataType::Int64, true),
        ("due_on", DataType::Date32, true),
        ("days_left", DataType::Int64, true),
        ("policy", DataType::Utf8, false),
        ("policy_month", DataType::Int32, true),
        ("part", DataType::Utf8, true),
        ("answer", DataType::Utf8, true),
        ("failed", DataType::Utf8, false),
        ("missing", DataType::Utf8, false),
        ("basis", DataType::Utf8, false),
        ("message_zh", DataType::Utf8, false),
        ("message_en", DataType::Utf8, false),
        ("advice_zh", DataType::Utf8, false),
    ])
}

fn reason_schema() -> SchemaRef {
    schema(&[
        ("as_of", DataType::Date32, false),
        ("application_no", DataType::Utf8, false),
        ("taxpayer_key", DataType::Int64, false),
        ("reason", DataType::Utf8, false),
        ("reason_zh", DataType::Utf8, false),
        ("holds", DataType::Boolean, true),
        ("missing", DataType::Utf8, false),
        ("cleared_on", DataType::Date32, true),
        ("rows", DataType::Int64, false),
        ("evidence", DataType::Utf8, false),
    ])
}

/// The tables of the queue.
pub(crate) fn specs() -> Vec<TableSpec> {
    vec![spec(REFUND_QUEUE, queue_schema()), spec(REFUND_REASON, reason_schema())]
}

/// The last queue kept of a day before this one.
pub(super) async fn before(context: &SessionContext, day: NaiveDate) -> Result<Option<Before>> {
    let sql = format!(
        "SELECT as_of, application_no, proposal FROM {REFUND_QUEUE} \
         WHERE as_of = (SELECT max(as_of) FROM {REFUND_QUEUE} WHERE as_of < DATE '{day}')"
    );
    let mut found: Option<Before> = None;
    for row in read(context, &sql).await? {
        let Some(day) = row.day("as_of")? else { continue };
        let before = found.get_or_insert_with(|| Before { day, proposals: HashMap::new() });
        let proposal = row.text("proposal")?.as_deref().and_then(Proposal::parse);
        if let (Some(no), Some(proposal)) = (row.text("application_no")?, proposal) {
            before.proposals.insert(no, proposal);
        }
    }
    Ok(found)
}

/// Keeps a queue in place of an earlier one of its day; false where that said the same.
pub(super) async fn keep(warehouse: &Warehouse, context: &SessionContext, queue: &Queue) -> Result<bool> {
    let (applications, reasons) = (queue_rows(queue)?, reason_rows(queue)?);
    let same = |said: Option<RecordBatch>, now: &RecordBatch| {
        said.map_or_else(|| now.num_rows() == 0, |said| said == *now)
    };
    let said = |table, order| stored(context, table, order, queue.day);
    if same(said(REFUND_QUEUE, "application_no").await?, &applications)
        && same(said(REFUND_REASON, "application_no, reason").await?, &reasons)
    {
        return Ok(false);
    }
    let mut transaction = warehouse.begin("refunds", &[REFUND_QUEUE, REFUND_REASON]).await?;
    let put = put(warehouse, &mut transaction, queue.day, [applications, reasons]).await;
    transaction.finish(put, |()| serde_json::json!({ "day": queue.day.to_string() })).await?;
    Ok(true)
}

/// Rows kept of a day; none where there is no queue of it.
async fn stored(
    context: &SessionContext,
    table: &str,
    order: &str,
    day: NaiveDate,
) -> Result<Option<RecordBatch>> {
    let sql = format!("SELECT * FROM {table} WHERE as_of = DATE '{day}' ORDER BY {order}");
    let batches = rows(context, &sql).await?;
    let Some(first) = batches.first() else { return Ok(None) };
    let all = concat_batches(&first.schema(), &batches)?;
    let schema = if table == REFUND_QUEUE { queue_schema() } else { reason_schema() };
    Ok(RecordBatch::try_new(schema, all.columns().to_vec()).ok())
}

async fn put(
    warehouse: &Warehouse,
    transaction: &mut Transaction,
    day: NaiveDate,
    batches: [RecordBatch; 2],
) -> Result<()> {
    for (spec, batch) in specs().iter().zip(batches) {
        if let Some(present) = warehouse.table(transaction.base(), &spec.name).await? {
            for file in present.files.into_iter().filter(|file| is_of(file, day)) {
                transaction.remove(spec, file)?;
            }
        }
        if batch.num_rows() > 0 {
            transaction.append(spec, &[batch]).await?;
        }
    }
    Ok(())
}

/// A file holds rows of one night.
fn is_of(file: &UnitFile, day: NaiveDate) -> bool {
    let first = file.bounds.min_values.get("as_of").and_then(serde_json::Value::as_str);
    first == Some(day.to_string().as_str())
}

fn money(values: impl Iterator<Item = Option<i128>>) -> Result<ArrayRef> {
    Ok(Arc::new(values.collect::<Decimal128Array>().with_data_type(AMOUNT)))
}

fn queue_rows(queue: &Queue) -> Result<RecordBatch> {
    let rows = &queue.rows;
    let text = |get: &dyn Fn(&Row) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(get)))
    };
    let some = |get: &dyn Fn(&Row) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(get).collect::<StringArray>())
    };
    let day = |get: &dyn Fn(&Row) -> Option<NaiveDate>| -> ArrayRef {
        Arc::new(rows.iter().map(|row| get(row).map(Date32Type::from_naive_date)).collect::<Date32Array>())
    };
    let count = |get: &dyn Fn(&Row) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.iter().map(get).collect::<Int64Array>())
    };
    let judged = |row: &Row| row.proposal != Proposal::Decided;
    let columns: Vec<ArrayRef> = vec![
        day(&|_| Some(queue.day)),
        text(&|row| row.application.no.clone()),
        count(&|row| Some(row.application.taxpayer_key)),
        text(&|row| row.application.taxpayer_id.clone()),
        some(&|row| row.application.name.clone()),
        some(&|row| row.application.office_code.clone()),
        some(&|row| row.application.office_name.clone()),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.application.period))),
        some(&|row| row.application.branch.clone()),
        text(&|row| row.proposal.word().to_owned()),
        text(&|row| row.change.word().to_owned()),
        text(&Row::reasons),
        money(rows.iter().map(|row| Some(row.application.amount)))?,
        money(rows.iter().map(|row| row.eligible.amount))?,
        money(rows.iter().map(Row::difference))?,
        day(&|row| row.application.received_on),
        some(&|row| row.clock.map(|clock| clock.state.word().to_owned())),
        day(&|row| row.clock.and_then(|clock| clock.suspended_on)),
        day(&|row| row.clock.and_then(|clock| clock.resumed_on)),
        count(&|row| row.clock.map(|clock| clock.used)),
        day(&|row| row.clock.and_then(|clock| clock.due_on)),
        count(&|row| row.clock.and_then(|clock| clock.left)),
        text(&|_| policy().to_owned()),
        Arc::new(rows.iter().map(|row| judged(row).then_some(row.eligible.month)).collect::<Int32Array>()),
        some(&|row| row.eligible.part.clone()),
        some(&|row| judged(row).then(|| row.eligible.answer.to_owned())),
        text(&|row| row.eligible.failed.clone()),
        text(&|row| row.missing.clone()),
        text(&basis),
        text(&|row| row.message_zh.clone()),
        text(&|row| row.message_en.clone()),
        text(&|row| row.advice_zh.clone()),
    ];
    Ok(RecordBatch::try_new(queue_schema(), columns)?)
}

fn reason_rows(queue: &Queue) -> Result<RecordBatch> {
    let mut pairs: Vec<(&Row, &Verdict)> =
        queue.rows.iter().flat_map(|row| row.verdicts.iter().map(move |verdict| (row, verdict))).collect();
    pairs.sort_by_key(|(row, verdict)| (row.number(), verdict.reason.word()));
    let text = |get: &dyn Fn(&Verdict) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(pairs.iter().map(|(_, verdict)| get(verdict))))
    };
    let size = |verdict: &Verdict| i64::try_from(verdict.evidence.len()).unwrap_or(i64::MAX);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from(vec![Date32Type::from_naive_date(queue.day); pairs.len()])),
        Arc::new(StringArray::from_iter_values(pairs.iter().map(|(row, _)| row.number()))),
        Arc::new(Int64Array::from_iter_values(pairs.iter().map(|(row, _)| row.application.taxpayer_key))),
        text(&|verdict| verdict.reason.word().to_owned()),
        text(&|verdict| verdict.reason.zh().to_owned()),
        Arc::new(pairs.iter().map(|(_, verdict)| verdict.holds).collect::<BooleanArray>()),
        text(&|verdict| verdict.missing.clone()),
        Arc::new(
            pairs
                .iter()
                .map(|(_, verdict)| verdict.cleared_on.map(Date32Type::from_naive_date))
                .collect::<Date32Array>(),
        ),
        Arc::new(Int64Array::from_iter_values(pairs.iter().map(|(_, verdict)| size(verdict)))),
        text(&|verdict| evidence_json(&verdict.evidence)),
    ];
    Ok(RecordBatch::try_new(reason_schema(), columns)?)
}

/// The rows that decide, as JSON: source, number, what, day, amount in yuan, file and row.
fn evidence_json(rows: &[Evidence]) -> String {
    let one = |row: &Evidence| {
        serde_json::json!({
            "source": row.source,
            "number": row.number,
            "detail": row.detail,
            "day": row.day.map(|day| day.to_string()),
            "cleared_on": row.cleared_on.map(|day| day.to_string()),
            "amount": row.amount.map(|fen| assay_indicators::yuan_exact(fen).replace(',', "")),
            "file": row.place.as_ref().map(|(file, _)| file),
            "row": row.place.as_ref().map(|(_, row)| row),
        })
    };
    serde_json::Value::from(rows.iter().map(one).collect::<Vec<_>>()).to_string()
}
