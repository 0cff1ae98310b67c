//! Requests to sellers' offices (协查): one letter for each seller and buyer whose claims must be looked at on the seller's side. A claim is
//! asked about once for each outcome. What becomes of a letter is not decided here.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, Int32Array, RecordBatch, StringArray};
use arrow::compute::{cast, max};
use arrow::datatypes::{DataType, Decimal128Type, Field, Int64Type, Schema};
use assay_sql::session::SessionOptions;

use super::bench::Bench;
use super::outcome::{Outcome, Outcomes};
use super::tables::{self, REQUEST, REQUEST_ITEM};
use super::{as_of_month, check_month, sql};
use crate::warehouse::{Warehouse, clock, conform};
use crate::{EngineError, Result};
use assay_tasks::{days, money_en, money_zh, task_no};

/// Requests made by one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Issued {
    /// Letters.
    pub letters: usize,
    /// Claims in them.
    pub claims: usize,
}

/// Makes the requests that are due as of a month and were not made yet, in one commit.
///
/// # Errors
/// When the warehouse cannot be read or written; nothing is made then.
pub async fn issue(warehouse: &Warehouse, as_of: i32, options: &SessionOptions) -> Result<Issued> {
    check_month(as_of)?;
    if asked(warehouse, as_of, options).await?.0.num_rows() == 0 {
        return Ok(Issued::default());
    }
    let mut transaction = warehouse.begin("assistance", &[REQUEST, REQUEST_ITEM]).await?;
    let made: Result<Issued> = async {
        // Another writer may have been faster.
        let (items, letters) = asked(warehouse, as_of, options).await?;
        transaction.append(&tables::request(), std::slice::from_ref(&letters)).await?;
        transaction.append(&tables::item(), std::slice::from_ref(&items)).await?;
        Ok(Issued { letters: letters.num_rows(), claims: items.num_rows() })
    }
    .await;
    transaction.finish(made, |made| serde_json::json!({ "as_of": as_of, "letters": made.letters })).await
}

/// Rows of `assistance_item` and `assistance_request` to be made.
async fn asked(
    warehouse: &Warehouse,
    as_of: i32,
    options: &SessionOptions,
) -> Result<(RecordBatch, RecordBatch)> {
    let outcomes = Outcomes::built_in()?;
    let asking: Vec<String> =
        outcomes.all().iter().filter(|o| o.ask).map(|o| format!("'{}'", o.code)).collect();
    let bench = Bench::open(warehouse, &warehouse.head().await?, options).await?;
    let query = as_of_month(sql::REQUEST, as_of).replace("$asking", &asking.join(", "));
    bench.keep("asked", &query).await?;
    let first = next_number(&bench, as_of).await?;
    let items = bench.rows("SELECT * FROM audit.asked ORDER BY letter, item_no").await?;
    let letters = bench.rows(sql::LETTER).await?;
    let numbers = numbers(&letters, as_of, first, &outcomes.request.task_type)?;
    Ok((item_rows(&items, as_of, &numbers)?, letter_rows(&letters, as_of, numbers, outcomes)?))
}

/// The number after the last one given out for the month.
async fn next_number(bench: &Bench, as_of: i32) -> Result<u32> {
    let rows = bench.rows(&format!("SELECT count(*) FROM assistance_request WHERE as_of = {as_of}")).await?;
    let given = max(rows.column(0).as_primitive::<Int64Type>()).unwrap_or(0);
    u32::try_from(given + 1).map_err(|_| EngineError::internal("too many requests in a month"))
}

/// The number of each letter; letters stand in order of their place, from 1.
fn numbers(letters: &RecordBatch, as_of: i32, first: u32, task_type: &str) -> Result<Vec<String>> {
    let offices = texts(letters, "to_office")?;
    let sequence = first..;
    Ok(offices.iter().zip(sequence).map(|(office, n)| task_no(office, as_of, task_type, n)).collect())
}

fn item_rows(items: &RecordBatch, as_of: i32, numbers: &[String]) -> Result<RecordBatch> {
    let places = cast(column(items, "letter")?, &DataType::Int64)?;
    let number = |place: Option<i64>| {
        let at = usize::try_from(place? - 1).ok()?;
        numbers.get(at).map(String::as_str)
    };
    let numbered: StringArray = places.as_primitive::<Int64Type>().iter().map(number).collect();
    let month = Int32Array::from(vec![as_of; items.num_rows()]);
    with(items, vec![("as_of", Arc::new(month)), ("request_no", Arc::new(numbered))], &tables::item().schema)
}

fn letter_rows(
    letters: &RecordBatch,
    as_of: i32,
    numbers: Vec<String>,
    outcomes: &Outcomes,
) -> Result<RecordBatch> {
    let rows = letters.num_rows();
    let today = days(clock::now().date());
    let addressees = texts(letters, "addressee")?;
    let due = addressees.iter().map(|addressee| {
        let customs = addressee == Some("customs");
        Some(today + if customs { outcomes.request.days_customs } else { outcomes.request.days_office })
    });
    let due: Date32Array = due.collect();
    let (zh, en) = messages(letters, outcomes)?;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("as_of", Arc::new(Int32Array::from(vec![as_of; rows]))),
        ("request_no", Arc::new(StringArray::from(numbers))),
        ("message_zh", Arc::new(StringArray::from(zh))),
        ("message_en", Arc::new(StringArray::from(en))),
        ("issued_on", Arc::new(Date32Array::from(vec![today; rows]))),
        ("due_on", Arc::new(due)),
        ("status", Arc::new(StringArray::from(vec!["created"; rows]))),
    ];
    with(letters, columns, &tables::request().schema)
}

/// What each letter asks, in Chinese and English.
fn messages(letters: &RecordBatch, outcomes: &Outcomes) -> Result<(Vec<String>, Vec<String>)> {
    let (sellers, seller_names) = (texts(letters, "seller_id")?, texts(letters, "seller_name")?);
    let (buyers, buyer_names) = (texts(letters, "buyer_id")?, texts(letters, "buyer_name")?);
    let codes = texts(letters, "outcomes")?;
    let counts = letters.column(letters.schema().index_of("documents")?).as_primitive::<Int64Type>().clone();
    let tax = cast(column(letters, "tax")?, &DataType::Decimal128(38, 2))?;
    let tax = tax.as_primitive::<Decimal128Type>();
    let name = |names: &StringArray, ids: &StringArray, row: usize, unknown: &str| match (
        names.is_valid(row),
        ids.is_valid(row),
    ) {
        (true, _) => names.value(row).to_owned(),
        (false, true) => ids.value(row).to_owned(),
        (false, false) => unknown.to_owned(),
    };
    let addressees = texts(letters, "addressee")?;
    let (mut all_zh, mut all_en) = (Vec::new(), Vec::new());
    for row in 0..letters.num_rows() {
        let found: Vec<_> = codes.value(row).split(',').filter_map(|code| outcomes.get(code)).collect();
        let check = |o: &&Outcome| outcomes.check(o, addressees.value(row)).cloned();
        let checks_zh: Vec<String> =
            found.iter().filter_map(|o| Some(format!("{}：{}", o.zh, check(o)?.zh))).collect();
        let checks_en: Vec<String> =
            found.iter().filter_map(|o| Some(format!("{}: {}", o.en, check(o)?.en))).collect();
        let (fen, n) = (tax.is_valid(row).then(|| tax.value(row)), counts.value(row));
        all_zh.push(format!(
            "请协查：{}申报抵扣{}开具的凭证{n}份，税额{}，稽核比对未相符。{}。",
            name(&buyer_names, &buyers, row, "购方不明"),
            name(&seller_names, &sellers, row, "（凭证未载明销方）"),
            fen.map_or_else(|| "不明".to_owned(), money_zh),
            checks_zh.join("；"),
        ));
        all_en.push(format!(
            "Please look into: {} claimed {n} documents of {}, tax {}, which the cross-audit did not match. {}.",
            name(&buyer_names, &buyers, row, "an unknown buyer"),
            name(&seller_names, &sellers, row, "a seller not stated"),
            fen.map_or_else(|| "unknown".to_owned(), money_en),
            checks_en.join("; "),
        ));
    }
    Ok((all_zh, all_en))
}

/// Rows with further columns, as a table has them.
pub(super) fn with(
    rows: &RecordBatch,
    more: Vec<(&str, ArrayRef)>,
    wanted: &Arc<Schema>,
) -> Result<RecordBatch> {
    let schema = rows.schema();
    let mut fields: Vec<Field> = schema.fields().iter().map(|f| f.as_ref().clone()).collect();
    let mut columns = rows.columns().to_vec();
    for (name, values) in more {
        fields.push(Field::new(name, values.data_type().clone(), true));
        columns.push(values);
    }
    conform(&RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?, wanted)
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| EngineError::internal(format!("the cross-audit lacks {name}")))
}

fn texts(batch: &RecordBatch, name: &str) -> Result<StringArray> {
    Ok(cast(column(batch, name)?, &DataType::Utf8)?.as_string::<i32>().clone())
}
