//! The tables of links: `identity_link`, `identity_decision`, `identity_run`, and the view `best_link`.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::{
    DataType, Decimal128Type, Field, Int32Type, Int64Type, TimeUnit, TimestampMillisecondType,
};
use datafusion::common::ScalarValue;
use datafusion::datasource::{TableProvider, ViewTable, provider_as_source};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{LogicalPlanBuilder, cast, col, lit, when};

use crate::warehouse::TableSpec;
use crate::{EngineError, Result};

/// Scored links; one row a record and candidate.
pub const LINK: &str = "identity_link";
/// What people decided; one row a decision, the last of a link counts.
pub const DECISION: &str = "identity_decision";
/// One row a part of a build.
pub const RUN: &str = "identity_run";
/// The view of each record's best link, decisions heeded.
pub const BEST: &str = "best_link";

/// Scores have four decimals.
const SCORE: DataType = DataType::Decimal128(5, 4);
const UNIT: f64 = 10_000.0;

/// Which part of a build a link comes from; each is built anew for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Numbers and names.
    Names = 1,
    /// Invoices both sides hold.
    Invoices = 2,
    /// People and their firms.
    People = 3,
    /// Telephones and addresses.
    Contacts = 4,
}

impl Part {
    /// All parts, in the order they are built.
    pub const ALL: [Self; 4] = [Self::Names, Self::Invoices, Self::People, Self::Contacts];

    /// Code as stored and printed.
    pub fn code(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::Invoices => "invoices",
            Self::People => "people",
            Self::Contacts => "contacts",
        }
    }
}

/// A link as stored.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Link {
    pub part: i32,
    pub from_kind: String,
    pub from_space: String,
    pub from_value: String,
    pub from_key: Option<i64>,
    pub taxpayer_key: i64,
    pub taxpayer_id: String,
    /// 1: the best candidate of its record.
    pub rank: i32,
    pub method: String,
    /// 0 to 1.
    pub score: f64,
    /// Facts, or invoices, that agree.
    pub support: i64,
    /// Score of the best other candidate.
    pub runner_up: Option<f64>,
    pub role: Option<String>,
    /// Rows that have the value.
    pub rows: i64,
    pub explanation_zh: String,
    pub explanation_en: String,
    /// `auto`, `confirmed` or `rejected`.
    pub decided: String,
    pub at: i64,
}

impl Link {
    /// Identity of the link: the record and the taxpayer, whatever led from one to the other.
    pub fn id(&self) -> String {
        link_id(&self.from_kind, &self.from_space, &self.from_value, &self.taxpayer_id)
    }

    /// The record linked.
    pub fn record(&self) -> (&str, &str, &str) {
        (&self.from_kind, &self.from_space, &self.from_value)
    }
}

/// See [`Link::id`].
pub fn link_id(kind: &str, space: &str, value: &str, taxpayer_id: &str) -> String {
    let whole = [kind, space, value, taxpayer_id].join("\u{1f}");
    blake3::hash(whole.as_bytes()).to_hex()[..16].to_owned()
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn instant(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Millisecond, None), false)
}

/// `identity_link`: one file a part, so that the log tells which file holds which.
pub fn link_spec() -> TableSpec {
    let fields = vec![
        Field::new("part", DataType::Int32, false),
        text("link_id"),
        text("from_kind"),
        text("from_space"),
        text("from_value"),
        Field::new("from_key", DataType::Int64, true),
        Field::new("taxpayer_key", DataType::Int64, false),
        text("taxpayer_id"),
        Field::new("rank", DataType::Int32, false),
        text("method"),
        Field::new("score", SCORE, false),
        Field::new("support", DataType::Int64, false),
        Field::new("runner_up", SCORE, true),
        Field::new("role", DataType::Utf8, true),
        Field::new("rows", DataType::Int64, false),
        text("explanation_zh"),
        text("explanation_en"),
        text("decided"),
        text("run"),
        instant("at"),
    ];
    TableSpec::appended(LINK, &["part"], fields)
}

/// `identity_decision`: who and why lie in the vault, for they name people.
pub fn decision_spec() -> TableSpec {
    let fields = vec![
        Field::new("seq", DataType::Int64, false),
        text("link_id"),
        text("decision"),
        Field::new("by_key", DataType::Int64, true),
        Field::new("why_key", DataType::Int64, true),
        Field::new("part", DataType::Int32, false),
        text("from_kind"),
        text("from_space"),
        text("from_value"),
        Field::new("from_key", DataType::Int64, true),
        Field::new("taxpayer_key", DataType::Int64, false),
        text("taxpayer_id"),
        text("method"),
        Field::new("score", SCORE, false),
        instant("at"),
    ];
    TableSpec::appended(DECISION, &["seq"], fields)
}

/// `identity_run`.
pub fn run_spec() -> TableSpec {
    let count = |name: &str| Field::new(name, DataType::Int64, false);
    let fields = vec![
        Field::new("part", DataType::Int32, false),
        text("run"),
        text("fingerprint"),
        count("records"),
        count("links"),
        Field::new("seconds", DataType::Float64, false),
        text("note"),
        instant("at"),
    ];
    TableSpec::appended(RUN, &["part"], fields)
}

/// Tables of this module.
pub fn specs() -> Vec<TableSpec> {
    vec![link_spec(), decision_spec(), run_spec()]
}

pub(super) fn scores(values: impl Iterator<Item = Option<f64>>) -> Result<ArrayRef> {
    #[allow(clippy::cast_possible_truncation)]
    let units = |score: f64| (score.clamp(0.0, 1.0) * UNIT).round() as i128;
    let array: Decimal128Array = values.map(|v| v.map(units)).collect();
    Ok(Arc::new(array.with_precision_and_scale(5, 4)?))
}

/// Rows of `identity_link`.
pub fn link_batch(run: &str, links: &[Link]) -> Result<RecordBatch> {
    let texts = |get: fn(&Link) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(links.iter().map(get)))
    };
    let numbers =
        |get: fn(&Link) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(links.iter().map(get))) };
    let small =
        |get: fn(&Link) -> i32| -> ArrayRef { Arc::new(Int32Array::from_iter_values(links.iter().map(get))) };
    let columns: Vec<ArrayRef> = vec![
        small(|l| l.part),
        Arc::new(StringArray::from_iter_values(links.iter().map(Link::id))),
        texts(|l| &l.from_kind),
        texts(|l| &l.from_space),
        texts(|l| &l.from_value),
        Arc::new(links.iter().map(|l| l.from_key).collect::<Int64Array>()),
        numbers(|l| l.taxpayer_key),
        texts(|l| &l.taxpayer_id),
        small(|l| l.rank),
        texts(|l| &l.method),
        scores(links.iter().map(|l| Some(l.score)))?,
        numbers(|l| l.support),
        scores(links.iter().map(|l| l.runner_up))?,
        Arc::new(links.iter().map(|l| l.role.as_deref()).collect::<StringArray>()),
        numbers(|l| l.rows),
        texts(|l| &l.explanation_zh),
        texts(|l| &l.explanation_en),
        texts(|l| &l.decided),
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(run, links.len()))),
        Arc::new(TimestampMillisecondArray::from_iter_values(links.iter().map(|l| l.at))),
    ];
    Ok(RecordBatch::try_new(link_spec().schema, columns)?)
}

/// Reads rows of `identity_link` back; columns by name, so that a query may give them in any order.
pub fn links_of(batch: &RecordBatch) -> Result<Vec<Link>> {
    let column = |name: &str, kind: &DataType| -> Result<ArrayRef> {
        let found = batch.column_by_name(name);
        let found = found.ok_or_else(|| EngineError::internal(format!("{LINK} has no column {name}")))?;
        Ok(arrow::compute::cast(found, kind)?)
    };
    let text = |name: &str| Ok::<_, EngineError>(column(name, &DataType::Utf8)?.as_string::<i32>().clone());
    let long = |name: &str| {
        Ok::<_, EngineError>(column(name, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
    };
    let int = |name: &str| {
        Ok::<_, EngineError>(column(name, &DataType::Int32)?.as_primitive::<Int32Type>().clone())
    };
    let score =
        |name: &str| Ok::<_, EngineError>(column(name, &SCORE)?.as_primitive::<Decimal128Type>().clone());
    let (part, rank) = (int("part")?, int("rank")?);
    let (kind, space, value, id) =
        (text("from_kind")?, text("from_space")?, text("from_value")?, text("taxpayer_id")?);
    let (method, role, decided) = (text("method")?, text("role")?, text("decided")?);
    let (zh, en) = (text("explanation_zh")?, text("explanation_en")?);
    let (from_key, key, support, rows) =
        (long("from_key")?, long("taxpayer_key")?, long("support")?, long("rows")?);
    let (scored, runner_up) = (score("score")?, score("runner_up")?);
    let at = column("at", &DataType::Timestamp(TimeUnit::Millisecond, None))?;
    let at = at.as_primitive::<TimestampMillisecondType>();
    #[allow(clippy::cast_precision_loss)]
    let share = |units: i128| units as f64 / UNIT;
    Ok((0..batch.num_rows())
        .map(|r| Link {
            part: part.value(r),
            from_kind: kind.value(r).to_owned(),
            from_space: space.value(r).to_owned(),
            from_value: value.value(r).to_owned(),
            from_key: from_key.is_valid(r).then(|| from_key.value(r)),
            taxpayer_key: key.value(r),
            taxpayer_id: id.value(r).to_owned(),
            rank: rank.value(r),
            method: method.value(r).to_owned(),
            score: share(scored.value(r)),
            support: support.value(r),
            runner_up: runner_up.is_valid(r).then(|| share(runner_up.value(r))),
            role: role.is_valid(r).then(|| role.value(r).to_owned()),
            rows: rows.value(r),
            explanation_zh: zh.value(r).to_owned(),
            explanation_en: en.value(r).to_owned(),
            decided: decided.value(r).to_owned(),
            at: at.value(r),
        })
        .collect())
}

/// The view `best_link` over `identity_link`: of each record the best candidate that nobody rejected. A confirmed link
/// has the score 1, so that any cut-off keeps it. The cut-off is the reader's: `WHERE score >= 0.95`.
pub fn best_link(links: Arc<dyn TableProvider>) -> DfResult<Arc<dyn TableProvider>> {
    let score = when(col("decided").eq(lit("confirmed")), cast(lit(1), SCORE)).otherwise(col("score"))?;
    let columns = [
        "link_id",
        "from_kind",
        "from_space",
        "from_value",
        "from_key",
        "taxpayer_key",
        "taxpayer_id",
        "method",
    ];
    let rest = ["support", "runner_up", "role", "rows", "decided", "explanation_zh", "explanation_en"];
    let mut select: Vec<_> = columns.iter().map(|c| col(*c)).collect();
    select.push(score.alias("score"));
    select.extend(rest.iter().map(|c| col(*c)));
    let first = lit(ScalarValue::Int32(Some(1)));
    let plan = LogicalPlanBuilder::scan(LINK, provider_as_source(links), None)?
        .filter(col("rank").eq(first).and(col("decided").not_eq(lit("rejected"))))?
        .project(select)?
        .build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}
