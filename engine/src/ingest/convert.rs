//! Records of a feed to rows of a canonical table, column by column; what does not fit is set aside with a reason.

mod failures;
pub(super) mod ids;
mod plan;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
    StringBuilder,
};
use arrow::compute::{CastOptions, cast, cast_with_options, filter_record_batch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Int32Type, Schema, SchemaRef, TimestampMillisecondType,
};
use assay_datasets::mapping::{Feed, Transform};
use assay_datasets::schema::{Column, ColumnType, PeriodSource, Table};
use datafusion::common::DFSchema;
use datafusion::execution::context::SessionContext;
use datafusion::physical_expr::PhysicalExpr;

use self::failures::Failures;
use self::ids::{has_lost_digits, is_taxpayer_id};
use self::plan::{Origin, Plan, physical, plan, reads};
use super::constant::nulls;
use super::parse::{self, Parsed};
use super::reject::Reject;
use super::repair::{self, Log, Repaired, Repairer, Repairs};
use super::source::{FILE_COLUMN, ROW_COLUMN, RawBatch};
use crate::{EngineError, Result};

/// How one feed's columns become one table's, for files with one particular header.
pub struct Converter {
    table: &'static Table,
    feed: Feed,
    header: Vec<String>,
    text_schema: SchemaRef,
    plans: Vec<Plan>,
    repairer: Repairer,
    rules: Vec<Rule>,
    canonical: SchemaRef,
}

struct Rule {
    name: String,
    zh: String,
    en: String,
    expr: Arc<dyn PhysicalExpr>,
    /// Canonical columns it reads, by place.
    reads: Vec<usize>,
}

/// Rows of a canonical table, with what was set aside.
pub struct Converted {
    /// Good rows, in the table's canonical schema (personal data still in clear).
    pub batch: RecordBatch,
    /// Row number in the file of each good row.
    pub rows: Int64Array,
    /// File of each good row, from a source of many files.
    pub files: Option<StringArray>,
    /// Bad rows.
    pub rejects: Vec<Reject>,
    /// Cells of the good rows that were repaired.
    pub repaired: Option<Repaired>,
    /// Records read.
    pub read: usize,
}

impl Converter {
    /// Resolves `feed` against a file's `header`; `repairs` are those declared for all feeds.
    ///
    /// # Errors
    /// When a column the mapping names is missing, naming it and what the file has instead.
    pub fn new(
        context: &SessionContext,
        table: &'static Table,
        feed: &Feed,
        repairs: &Repairs,
        shown: &str,
        header: &[String],
    ) -> Result<Self> {
        let text_schema: SchemaRef = Arc::new(Schema::new(
            header.iter().map(|h| Field::new(h, DataType::Utf8, true)).collect::<Vec<_>>(),
        ));
        let mut missing = Vec::new();
        let mut plans = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            plans.push(plan(context, &text_schema, feed, header, column, &mut missing)?);
        }
        if feed.is_canonical() {
            let derived = matches!(&table.period, Some(PeriodSource::Derived(_)));
            let absent = |c: &&Column| {
                let made = (derived && c.name == "period") || looked_up(table, c);
                c.required && !made && !header.contains(&c.name)
            };
            missing.extend(table.columns.iter().filter(absent).map(|c| c.name.clone()));
        }
        if !missing.is_empty() {
            return Err(EngineError::input(format!(
                "{shown}: missing column {} (needed by feed {}); the file has: {}. Correct the file, or the mapping",
                missing.join(", "),
                feed.name,
                header.join(", ")
            )));
        }
        let canonical = nullable(&table.canonical_schema());
        let schema = DFSchema::try_from(canonical.as_ref().clone())?;
        let mut rules = Vec::with_capacity(feed.rules.len());
        for rule in &feed.rules {
            let logical = context.parse_sql_expr(&rule.sql, &schema)?;
            let expr = physical(context, logical, &schema)?;
            let reads = reads(&expr);
            rules.push(Rule {
                name: rule.name.clone(),
                zh: rule.zh.clone(),
                en: rule.en.clone(),
                expr,
                reads,
            });
        }
        let mut repairer = Repairer::new(table, feed, repairs, header);
        for (index, plan) in plans.iter().enumerate() {
            let direct = matches!(plan.origin, Origin::Column(_));
            for source in plan.reads() {
                repairer.reads(index, source, direct);
            }
            repairer.spellings(index, &plan.transform);
        }
        let (feed, header) = (feed.clone(), header.to_vec());
        Ok(Self { table, feed, header, text_schema, plans, repairer, rules, canonical })
    }

    /// The source columns that the table's column of this number is made from, as places in the header.
    pub fn sources(&self, column: usize) -> Vec<usize> {
        self.plans[column].reads()
    }

    /// Whether anything is delivered for the table's column of this number.
    pub fn delivers(&self, column: usize) -> bool {
        !matches!(self.plans[column].origin, Origin::Absent)
    }

    /// The table's columns for which anything is delivered.
    pub fn delivered(&self) -> impl Iterator<Item = &'static str> {
        let columns = self.table.columns.iter().enumerate();
        columns.filter(|(index, _)| self.delivers(*index)).map(|(_, column)| column.name.as_str())
    }

    /// Columns of the file that go nowhere.
    pub fn unused(&self) -> Vec<&str> {
        let used = |i: usize| self.plans.iter().any(|p| p.reads().contains(&i));
        let header = self.header.iter().enumerate();
        header
            .filter(|(_, h)| ![FILE_COLUMN, ROW_COLUMN].contains(&h.as_str()))
            .filter(|(i, h)| !h.is_empty() && !used(*i) && !self.feed.ignore.contains(h))
            .map(|(_, h)| h.as_str())
            .collect()
    }

    /// Converts one batch.
    pub fn convert(&self, raw: &RawBatch) -> Result<Converted> {
        let read = raw.rows.len() + raw.bad.len();
        let mut log = Log::default();
        let texts = self.texts(raw, &mut log)?;
        let mut failures = Failures::default();
        let mut columns = Vec::with_capacity(self.plans.len());
        // Codes that are none, by column; they count after what could not be read at all.
        let mut codes = Vec::with_capacity(self.plans.len());
        for (index, (column, plan)) in self.table.columns.iter().zip(&self.plans).enumerate() {
            let (array, unknown) = self.column(index, column, plan, raw, &texts, &mut failures, &mut log)?;
            columns.push(array);
            codes.push(unknown);
        }
        self.derive_period(&mut columns)?;
        for (index, column) in self.table.columns.iter().enumerate() {
            let source = self.derived_from(column).map(|i| &columns[i]);
            self.check(index, column, &columns[index], source, &mut failures);
            codes[index].iter().for_each(|r| failures.add(*r, index, "code"));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(raw.rows.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.canonical), columns, &options)?;
        self.apply_rules(&batch, &mut failures)?;
        let mut rejects = self.rejects(raw, &failures)?;
        let rows = Int64Array::from(raw.rows.clone());
        let files = self.header.iter().position(|h| h == FILE_COLUMN).map(|i| &texts[i]);
        if let Some(files) = files.and_then(|f| f.as_string_opt::<i32>()) {
            // Bad records come first and say their file's name instead of a record.
            for reject in rejects.iter_mut().take(raw.bad.len()) {
                reject.file = Some(reject.record.clone());
            }
            for (reject, row) in rejects.iter_mut().skip(raw.bad.len()).zip(failures.rows.keys()) {
                reject.file = files.is_valid(*row).then(|| files.value(*row).to_owned());
            }
        }
        let rejected = |r: usize| failures.rows.contains_key(&r);
        let repaired = self.repairer.repaired(log, &rows, files, rejected)?;
        if failures.rows.is_empty() {
            let files = files.map(|f| f.as_string().clone());
            return Ok(Converted { batch, rows, files, rejects, repaired, read });
        }
        let keep: BooleanArray = (0..raw.rows.len()).map(|r| Some(!rejected(r))).collect();
        let kept = arrow::compute::filter(&rows, &keep)?.as_primitive().clone();
        let files = match files {
            Some(files) => Some(arrow::compute::filter(files, &keep)?.as_string().clone()),
            None => None,
        };
        Ok(Converted {
            batch: filter_record_batch(&batch, &keep)?,
            rows: kept,
            files,
            rejects,
            repaired,
            read,
        })
    }

    /// Source columns as trimmed text; the columns of Parquet files that are not text stay as they are.
    fn texts(&self, raw: &RawBatch, log: &mut Log) -> Result<Vec<ArrayRef>> {
        let mut texts = Vec::with_capacity(raw.columns.len());
        for (source, array) in raw.columns.iter().enumerate() {
            texts.push(match array.data_type() {
                DataType::Utf8 => self.repairer.source(source, array.as_string::<i32>(), log),
                DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
                    let text = cast(array, &DataType::Utf8)?;
                    match text.as_string_opt::<i32>() {
                        Some(text) => self.repairer.source(source, text, log),
                        None => text,
                    }
                }
                _ => Arc::clone(array),
            });
        }
        Ok(texts)
    }

    /// One canonical column, and the rows whose code is none.
    #[allow(clippy::too_many_arguments)]
    fn column(
        &self,
        index: usize,
        column: &Column,
        plan: &Plan,
        raw: &RawBatch,
        texts: &[ArrayRef],
        failures: &mut Failures,
        log: &mut Log,
    ) -> Result<(ArrayRef, Vec<usize>)> {
        let rows = raw.rows.len();
        let source = match &plan.origin {
            Origin::Absent => return Ok((nulls(&column.ty.arrow_type(), rows), Vec::new())),
            Origin::Column(i) => Arc::clone(&texts[*i]),
            Origin::Constant(text) => {
                Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows)))
            }
            Origin::Computed(expr) => self.compute(expr, texts, rows)?,
        };
        let target = column.ty.arrow_type();
        if source.data_type() != &DataType::Utf8 {
            let array = typed(&source, &target, index, failures)?;
            let unknown = if column.ty == ColumnType::Enum {
                repair::unknown_codes(column, array.as_string::<i32>())
            } else {
                Vec::new()
            };
            return Ok((array, unknown));
        }
        let before = source.as_string::<i32>();
        let text = vocabulary(before, &plan.transform);
        if column.ty == ColumnType::Enum {
            let (codes, unknown) = self.repairer.codes(index, column, before, text, log);
            return Ok((Arc::new(codes), unknown));
        }
        let text = self.repairer.values(index, text, log);
        let parsed = parse_as(column.ty, &text, &plan.transform);
        for row in parsed.failed {
            failures.add(row, index, "type");
        }
        Ok((parsed.array, Vec::new()))
    }

    fn compute(&self, expr: &Arc<dyn PhysicalExpr>, texts: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let columns: Vec<ArrayRef> =
            texts
                .iter()
                .map(|a| {
                    if a.data_type() == &DataType::Utf8 {
                        Ok(Arc::clone(a))
                    } else {
                        cast(a, &DataType::Utf8)
                    }
                })
                .collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.text_schema), columns, &options)?;
        Ok(cast(&expr.evaluate(&batch)?.into_array(rows)?, &DataType::Utf8)?)
    }

    /// Place of the column a derived `period` comes from.
    fn derived_from(&self, column: &Column) -> Option<usize> {
        match &self.table.period {
            Some(PeriodSource::Derived(from)) if column.name == "period" => {
                self.table.columns.iter().position(|c| &c.name == from)
            }
            _ => None,
        }
    }

    fn derive_period(&self, columns: &mut [ArrayRef]) -> Result<()> {
        let Some(PeriodSource::Derived(from)) = &self.table.period else { return Ok(()) };
        let position = |name: &str| self.table.columns.iter().position(|c| c.name == name);
        let (Some(from), Some(period)) = (position(from), position("period")) else { return Ok(()) };
        let days: Box<dyn Iterator<Item = Option<i32>>> = match columns[from].data_type() {
            DataType::Date32 => Box::new(columns[from].as_primitive::<Date32Type>().iter()),
            _ => Box::new(
                columns[from]
                    .as_primitive::<TimestampMillisecondType>()
                    .iter()
                    .map(|v| v.and_then(|ms| i32::try_from(ms.div_euclid(86_400_000)).ok())),
            ),
        };
        let mut last = (i32::MIN, None);
        let derived: arrow::array::Int32Array = days
            .map(|day| {
                let day = day?;
                if last.0 != day {
                    last = (day, month_of(day));
                }
                last.1
            })
            .collect();
        let stated = columns[period].as_primitive::<Int32Type>();
        let merged: arrow::array::Int32Array =
            derived.iter().zip(stated.iter()).map(|(d, s)| d.or(s)).collect();
        columns[period] = Arc::new(merged);
        Ok(())
    }

    /// What the dictionary demands of a value: present where required, a plausible taxpayer id.
    /// A month derived from a bad date (`source`) is the date's fault, not one of its own.
    fn check(
        &self,
        index: usize,
        column: &Column,
        array: &ArrayRef,
        source: Option<&ArrayRef>,
        failures: &mut Failures,
    ) {
        if column.required && array.null_count() > 0 && !looked_up(self.table, column) {
            (0..array.len())
                .filter(|r| array.is_null(*r) && source.is_none_or(|s| s.is_valid(*r)))
                .for_each(|r| failures.add(r, index, "missing"));
        }
        if column.ty == ColumnType::Rate {
            above_one(array).into_iter().for_each(|r| failures.add(r, index, "percent"));
        }
        let Some(values) = array.as_string_opt::<i32>() else { return };
        let mut refuse = |rule: &'static str, is_bad: &dyn Fn(&str) -> bool| {
            (0..values.len())
                .filter(|r| values.is_valid(*r) && is_bad(values.value(*r)))
                .for_each(|r| failures.add(r, index, rule));
        };
        let numbered = ["_id", "_no", "_code"].iter().any(|end| column.name.ends_with(end));
        let has = |byte: u8| values.value_data().contains(&byte);
        if numbered && has(b'\n') {
            // Two stray quotation marks make one record of several lines: no number runs over a line end.
            refuse("line_break", &|value| value.contains('\n'));
        }
        if numbered && has(b'+') {
            // Others with the same first digits would come out as the same number.
            refuse("lost_digits", &has_lost_digits);
        }
        if column.party && !self.feed.anonymised_ids {
            let strict = self.table.bucket_by.as_deref() == Some(column.name.as_str())
                && self.table.group == "registration";
            refuse("taxpayer_id", &|value| !is_taxpayer_id(value, strict));
        }
    }

    fn apply_rules(&self, batch: &RecordBatch, failures: &mut Failures) -> Result<()> {
        for (index, rule) in self.rules.iter().enumerate() {
            let verdict = rule.expr.evaluate(batch)?.into_array(batch.num_rows())?;
            let Some(verdict) = verdict.as_boolean_opt() else {
                return Err(EngineError::input(format!(
                    "rule {} of feed {} is not a condition",
                    rule.name, self.feed.name
                )));
            };
            (0..verdict.len())
                .filter(|r| verdict.is_valid(*r) && !verdict.value(*r))
                .for_each(|r| failures.add(r, self.plans.len() + index, "rule"));
        }
        Ok(())
    }

    /// What was wrong with which rows, with their values as the file has them.
    fn rejects(&self, raw: &RawBatch, failures: &Failures) -> Result<Vec<Reject>> {
        let mut rejects = Vec::with_capacity(raw.bad.len() + failures.rows.len());
        rejects.extend(raw.bad.iter().map(Reject::of_record));
        for (&row, found) in &failures.rows {
            let record: Vec<String> = raw.columns.iter().map(|c| display(c, row)).collect::<Result<_>>()?;
            let (index, rule) = found.first;
            let line = raw.rows[row];
            rejects.push(match self.rules.get(index.wrapping_sub(self.plans.len())) {
                Some(r) => {
                    let shown: Vec<&str> = r.reads.iter().map(|i| self.plans[*i].shown.as_str()).collect();
                    let values: Vec<String> = r.reads.iter().map(|i| self.plans[*i].value(&record)).collect();
                    let place = (shown.join(", "), values.join(" | "));
                    Reject::of_rule(line, (&r.name, &r.zh, &r.en), place, &record)
                }
                None => Reject::of_value(
                    line,
                    &self.table.columns[index],
                    &self.plans[index].shown,
                    self.plans[index].value(&record),
                    rule,
                    found.more(),
                    &record,
                ),
            });
        }
        Ok(rejects)
    }
}

/// Whether a missing value of the column is looked up in the row's invoice later on.
fn looked_up(table: &Table, column: &Column) -> bool {
    column.name == "period" && table.follows_invoice()
}

fn nullable(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(
        schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect::<Vec<_>>(),
    ))
}

fn typed(source: &ArrayRef, target: &DataType, index: usize, failures: &mut Failures) -> Result<ArrayRef> {
    let array = cast_with_options(source, target, &CastOptions { safe: true, ..CastOptions::default() })?;
    if array.null_count() > source.null_count() {
        (0..array.len())
            .filter(|r| array.is_null(*r) && source.is_valid(*r))
            .for_each(|r| failures.add(r, index, "type"));
    }
    Ok(array)
}

fn vocabulary(values: &StringArray, transform: &Transform) -> StringArray {
    if transform.values.is_empty() && transform.pad.is_none() {
        return values.clone();
    }
    let mut out = StringBuilder::with_capacity(values.len(), values.value_data().len());
    for value in values {
        let mapped = value.map(|v| transform.values.get(v).map_or(v, String::as_str));
        match (mapped, transform.pad) {
            (None, _) => out.append_null(),
            (Some(v), Some(width)) => out.append_value(format!("{v:0>width$}")),
            (Some(v), None) => out.append_value(v),
        }
    }
    out.finish()
}

fn parse_as(ty: ColumnType, text: &StringArray, transform: &Transform) -> Parsed {
    let round = transform.round;
    let format = transform.date_format.as_deref();
    match ty {
        ColumnType::Text | ColumnType::Enum => Parsed { array: Arc::new(text.clone()), failed: Vec::new() },
        ColumnType::Int => parse::integer32(text),
        ColumnType::Count => parse::integer(text),
        ColumnType::Bool => parse::boolean(text),
        ColumnType::Money => parse::decimal(text, 18, 2, round),
        ColumnType::Rate => parse::decimal(text, 6, 4, round),
        ColumnType::Share => parse::decimal(text, 9, 6, round),
        ColumnType::Quantity => parse::decimal(text, 24, 8, round),
        ColumnType::Date => parse::date(text, format),
        ColumnType::Timestamp => parse::timestamp(text, format),
        ColumnType::Period => parse::period(text, format),
    }
}

/// Rows of a rate above 1: `13` is meant in percent, and there is no tax of 1300 percent.
fn above_one(rates: &ArrayRef) -> Vec<usize> {
    let Some(rates) = rates.as_primitive_opt::<Decimal128Type>() else { return Vec::new() };
    let one = 10_i128.pow(u32::from(rates.scale().unsigned_abs()));
    (0..rates.len()).filter(|r| rates.is_valid(*r) && rates.value(*r) > one).collect()
}

fn month_of(days: i32) -> Option<i32> {
    use chrono::Datelike;
    let date = arrow::temporal_conversions::date32_to_datetime(days)?;
    Some(date.year() * 100 + i32::try_from(date.month()).ok()?)
}

fn display(array: &ArrayRef, row: usize) -> Result<String> {
    if array.is_null(row) {
        return Ok(String::new());
    }
    Ok(arrow::util::display::array_value_to_string(array, row)?)
}
