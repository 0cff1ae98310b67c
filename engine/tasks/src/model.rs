//! What a task and its items are, as rows and as record batches of the tables `task` and `task_item`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray,
};

use serde::{Deserialize, Serialize};

use super::error::TaskError;

/// The tasks of one scan and the hits each was merged from.
#[derive(Debug, Clone, PartialEq)]
pub struct Tasks {
    /// One row per task, in rank order.
    pub tasks: Vec<Task>,
    /// One row per task and hit, in rank order of the tasks, most points first within a task.
    pub items: Vec<TaskItem>,
}

/// One task: one taxpayer, all its hits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Task number: office, month, type, sequence, check character.
    pub task_no: String,
    /// Stable key of the row in the list that travels to the office and back.
    pub row_key: String,
    /// Rank in the list: 1 is the most urgent of the scan.
    pub sequence: i64,
    /// As-of month, YYYYMM.
    pub as_of: i32,
    /// Integer key of the taxpayer.
    pub taxpayer_key: i64,
    /// 纳税人识别号.
    pub taxpayer_id: String,
    /// 纳税人名称; none when the taxpayer is not registered here.
    pub taxpayer_name: Option<String>,
    /// Office that manages the taxpayer; none when unknown.
    pub office_code: Option<String>,
    /// 主管税务所 (the office itself); none when unknown.
    pub office_name: Option<String>,
    /// 主管税务机关 (the county office above it, or itself); none when unknown.
    pub county_name: Option<String>,
    /// Names from the top office down, joined with ` › `.
    pub office_path: Option<String>,
    /// 行业代码.
    pub industry_code: Option<String>,
    /// 纳税人状态, the registration's word.
    pub taxpayer_status: Option<String>,
    /// 纳税信用级别.
    pub credit_rating: Option<String>,
    /// `high`, `medium` or `low`.
    pub grade: String,
    /// 风险积分 in hundredths.
    pub score: i128,
    /// Hits merged into the task.
    pub hit_count: i64,
    /// Tax codes of the hits, comma separated, most points first.
    pub tax: String,
    /// First month covered, YYYYMM.
    pub period_from: i32,
    /// Last month covered, YYYYMM.
    pub period_to: i32,
    /// All hits in one numbered paragraph, most points first.
    pub suspicion_zh: String,
    /// The same in English.
    pub suspicion_en: String,
    /// What the office is asked beside the hits: the question of another office, how a random check is done and by whom.
    /// None where the hits say everything.
    #[serde(default)]
    pub request_zh: Option<String>,
    /// 预估税款 in fen: the largest amount of each family, summed; none when no hit has an amount.
    pub amount: Option<i128>,
    /// 应对方式.
    pub response: String,
    /// Calendar days to respond.
    pub due_days: i32,
    /// Last day to respond, days since 1970-01-01.
    pub due_on: i32,
    /// 下发日期, days since 1970-01-01.
    pub issued_on: i32,
    /// 批次.
    pub batch: String,
    /// 任务来源.
    pub source: String,
    /// 推送单位; none when not stated.
    pub pushed_by: Option<String>,
    /// State of the task: `created` here.
    pub status: String,
}

/// Why an item stands in a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// An indicator hit: a suspicion.
    #[default]
    Hit,
    /// A benefit was claimed that is not due, or more than is due: to be verified.
    Verify,
    /// A benefit is due and was not claimed, or less than is due: to be told.
    Remind,
    /// Whether a benefit is due, only documents tell: to be looked at on occasion.
    Confirm,
}

/// One hit of a task, with everything an officer reads about it as it stood when the task was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskItem {
    /// Task number.
    pub task_no: String,
    /// Row key of the task.
    pub row_key: String,
    /// Number within the task: 1 has the most points.
    pub item_no: i32,
    /// As-of month, YYYYMM.
    pub as_of: i32,
    /// Integer key of the taxpayer.
    pub taxpayer_key: i64,
    /// 纳税人识别号.
    pub taxpayer_id: String,
    /// Why it stands there.
    #[serde(default)]
    pub kind: ItemKind,
    /// 疑点编号: an indicator, a policy, or the document another office asks about.
    pub indicator: String,
    /// Version of the indicator.
    pub version: i32,
    /// 疑点名称.
    pub name_zh: String,
    /// The same in English.
    pub name_en: String,
    /// Family within which points are capped and amounts do not add up.
    pub family: String,
    /// Tax code.
    pub tax: String,
    /// `high`, `medium` or `low`.
    pub severity: String,
    /// Unit of value and line.
    pub unit: String,
    /// 指标值.
    #[serde(with = "exact")]
    pub value: f64,
    /// Comparison of the line.
    pub op: String,
    /// 预警值.
    #[serde(with = "exact")]
    pub line: f64,
    /// `absolute`, `peer_p90`, …
    pub line_kind: String,
    /// Source mark of the line.
    pub line_source: String,
    /// Group of peers, where the line is one of peers.
    pub peer_group: Option<String>,
    /// Peers in that group.
    pub peer_n: Option<i64>,
    /// 偏离度: how far beyond the line, relative to it.
    #[serde(with = "exact::optional")]
    pub deviation: Option<f64>,
    /// Tax at stake in fen; none when the indicator states none.
    pub amount: Option<i128>,
    /// Whether the amount is the one of its family that counts in the task's amount.
    pub amount_counted: bool,
    /// Points in hundredths.
    pub points: i128,
    /// 疑点描述.
    pub message_zh: String,
    /// The same in English.
    pub message_en: String,
    /// The facts used, JSON.
    pub facts: String,
    /// The facts as an officer reads them, one per line.
    pub facts_zh: String,
    /// What to know when reading the hit.
    pub note_zh: Option<String>,
    /// 正当理由, one per line.
    pub innocent_zh: String,
    /// 所需资料, one per line.
    pub ask_zh: String,
    /// 政策依据, one per line, or the note that there is none.
    pub basis_zh: String,
    /// Query that returns the evidence.
    pub evidence_sql: String,
}

impl TaskItem {
    /// Fen of tax at stake; none of what would be paid back or is only to be confirmed.
    #[must_use]
    pub fn at_stake(&self) -> Option<i128> {
        self.amount.filter(|_| matches!(self.kind, ItemKind::Hit | ItemKind::Verify))
    }
}

/// Floating-point numbers in JSON as texts: JSON knows no NaN, and its reader may miss a number by its last bit.
mod exact {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(super) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }

    pub(super) mod optional {
        use serde::de::Error;
        use serde::{Deserialize, Deserializer, Serializer};

        pub(in super::super) fn serialize<S: Serializer>(
            number: &Option<f64>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match number {
                Some(number) => serializer.collect_str(number),
                None => serializer.serialize_none(),
            }
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<f64>, D::Error> {
            let text: Option<String> = Option::deserialize(deserializer)?;
            text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
        }
    }
}

type NamedColumn = (&'static str, ArrayRef, bool);

fn texts<'a, R: 'a>(rows: &'a [R], get: impl Fn(&'a R) -> &'a str) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(rows.iter().map(get)))
}

fn optional_texts<'a, R: 'a>(rows: &'a [R], get: impl Fn(&'a R) -> &'a Option<String>) -> ArrayRef {
    Arc::new(StringArray::from_iter(rows.iter().map(|row| get(row).as_deref())))
}

fn int32s<R>(rows: &[R], get: impl Fn(&R) -> i32) -> ArrayRef {
    Arc::new(Int32Array::from_iter_values(rows.iter().map(get)))
}

fn int64s<R>(rows: &[R], get: impl Fn(&R) -> Option<i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter(rows.iter().map(get)))
}

fn float64s<R>(rows: &[R], get: impl Fn(&R) -> Option<f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter(rows.iter().map(get)))
}

fn dates<R>(rows: &[R], get: impl Fn(&R) -> i32) -> ArrayRef {
    Arc::new(Date32Array::from_iter_values(rows.iter().map(get)))
}

fn decimals<R>(rows: &[R], precision: u8, get: impl Fn(&R) -> Option<i128>) -> Result<ArrayRef, TaskError> {
    let array = rows.iter().map(get).collect::<Decimal128Array>();
    Ok(Arc::new(array.with_precision_and_scale(precision, 2)?))
}

fn batch_of(columns: Vec<NamedColumn>) -> Result<RecordBatch, TaskError> {
    Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
}

impl Tasks {
    /// The table `task`: money `decimal(18,2)`, score `decimal(9,2)`, dates `date`, periods `int`.
    ///
    /// # Errors
    /// [`TaskError::Arrow`] when a number does not fit its decimal.
    pub fn task_batch(&self) -> Result<RecordBatch, TaskError> {
        let rows = &self.tasks;
        batch_of(vec![
            ("task_no", texts(rows, |row| &row.task_no), false),
            ("row_key", texts(rows, |row| &row.row_key), false),
            ("sequence", int64s(rows, |row| Some(row.sequence)), false),
            ("as_of", int32s(rows, |row| row.as_of), false),
            ("taxpayer_key", int64s(rows, |row| Some(row.taxpayer_key)), false),
            ("taxpayer_id", texts(rows, |row| &row.taxpayer_id), false),
            ("taxpayer_name", optional_texts(rows, |row| &row.taxpayer_name), true),
            ("office_code", optional_texts(rows, |row| &row.office_code), true),
            ("office_name", optional_texts(rows, |row| &row.office_name), true),
            ("county_name", optional_texts(rows, |row| &row.county_name), true),
            ("office_path", optional_texts(rows, |row| &row.office_path), true),
            ("industry_code", optional_texts(rows, |row| &row.industry_code), true),
            ("taxpayer_status", optional_texts(rows, |row| &row.taxpayer_status), true),
            ("credit_rating", optional_texts(rows, |row| &row.credit_rating), true),
            ("grade", texts(rows, |row| &row.grade), false),
            ("score", decimals(rows, 9, |row| Some(row.score))?, false),
            ("hit_count", int64s(rows, |row| Some(row.hit_count)), false),
            ("tax", texts(rows, |row| &row.tax), false),
            ("period_from", int32s(rows, |row| row.period_from), false),
            ("period_to", int32s(rows, |row| row.period_to), false),
            ("suspicion_zh", texts(rows, |row| &row.suspicion_zh), false),
            ("suspicion_en", texts(rows, |row| &row.suspicion_en), false),
            ("amount", decimals(rows, 18, |row| row.amount)?, true),
            ("response", texts(rows, |row| &row.response), false),
            ("due_days", int32s(rows, |row| row.due_days), false),
            ("due_on", dates(rows, |row| row.due_on), false),
            ("issued_on", dates(rows, |row| row.issued_on), false),
            ("batch", texts(rows, |row| &row.batch), false),
            ("source", texts(rows, |row| &row.source), false),
            ("pushed_by", optional_texts(rows, |row| &row.pushed_by), true),
            ("status", texts(rows, |row| &row.status), false),
        ])
    }

    /// The table `task_item`: money `decimal(18,2)`, points `decimal(9,2)`.
    ///
    /// # Errors
    /// [`TaskError::Arrow`] when a number does not fit its decimal.
    pub fn item_batch(&self) -> Result<RecordBatch, TaskError> {
        let rows = &self.items;
        let counted: ArrayRef =
            Arc::new(rows.iter().map(|row| Some(row.amount_counted)).collect::<BooleanArray>());
        batch_of(vec![
            ("task_no", texts(rows, |row| &row.task_no), false),
            ("row_key", texts(rows, |row| &row.row_key), false),
            ("item_no", int32s(rows, |row| row.item_no), false),
            ("as_of", int32s(rows, |row| row.as_of), false),
            ("taxpayer_key", int64s(rows, |row| Some(row.taxpayer_key)), false),
            ("taxpayer_id", texts(rows, |row| &row.taxpayer_id), false),
            ("indicator", texts(rows, |row| &row.indicator), false),
            ("version", int32s(rows, |row| row.version), false),
            ("name_zh", texts(rows, |row| &row.name_zh), false),
            ("name_en", texts(rows, |row| &row.name_en), false),
            ("family", texts(rows, |row| &row.family), false),
            ("tax", texts(rows, |row| &row.tax), false),
            ("severity", texts(rows, |row| &row.severity), false),
            ("unit", texts(rows, |row| &row.unit), false),
            ("value", float64s(rows, |row| Some(row.value)), false),
            ("op", texts(rows, |row| &row.op), false),
            ("line", float64s(rows, |row| Some(row.line)), false),
            ("line_kind", texts(rows, |row| &row.line_kind), false),
            ("line_source", texts(rows, |row| &row.line_source), false),
            ("peer_group", optional_texts(rows, |row| &row.peer_group), true),
            ("peer_n", int64s(rows, |row| row.peer_n), true),
            ("deviation", float64s(rows, |row| row.deviation), true),
            ("amount", decimals(rows, 18, |row| row.amount)?, true),
            ("amount_counted", counted, false),
            ("points", decimals(rows, 9, |row| Some(row.points))?, false),
            ("message_zh", texts(rows, |row| &row.message_zh), false),
            ("message_en", texts(rows, |row| &row.message_en), false),
            ("facts", texts(rows, |row| &row.facts), false),
            ("facts_zh", texts(rows, |row| &row.facts_zh), false),
            ("note_zh", optional_texts(rows, |row| &row.note_zh), true),
            ("innocent_zh", texts(rows, |row| &row.innocent_zh), false),
            ("ask_zh", texts(rows, |row| &row.ask_zh), false),
            ("basis_zh", texts(rows, |row| &row.basis_zh), false),
            ("evidence_sql", texts(rows, |row| &row.evidence_sql), false),
        ])
    }
}
