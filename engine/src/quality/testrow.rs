//! The test rows beside a rule, run through the very expressions and queries that judge stored rows.
//!
//! `[rule.test]` has lists of rows of the rule's table that are `good`, `bad`, `unknown` or not concerned (`skip`).
//! `[[rule.case]]` has rows of several tables and the keys of those that fail. What a row leaves out is null; a party
//! named by its id gets a key.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::FormatOptions;
use assay_datasets::schema::{Table, catalog};
use assay_indicators::{At, Problem, Sink, TableReader};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use toml::Spanned;
use toml::de::DeValue;

use super::compile::{Compiled, Counts};
use super::query;
use super::rule::{Kind, Rule};
use crate::{EngineError, Result};

/// What is expected of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It passes.
    Good,
    /// It fails.
    Bad,
    /// It cannot be told.
    Unknown,
    /// The rule does not concern it.
    Skip,
}

/// Values of a row by column.
pub type Values = Vec<(At<String>, String)>;

/// One test.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// One row and its verdict.
    Row(Expected, At<Values>),
    /// Rows of several tables.
    Case {
        /// Rows by table.
        tables: Vec<(At<String>, Vec<Values>)>,
        /// Keys of the rows that fail.
        fails: Vec<String>,
        /// Number of found rows of which it cannot be told.
        unknown: usize,
        /// Where it stands.
        span: Range<usize>,
    },
}

/// Reads the tests of a rule.
pub fn read(reader: &mut TableReader<'_, '_>, sink: &mut Sink<'_>) -> Vec<Test> {
    let mut tests = Vec::new();
    if let Some(value) = reader.get("test")
        && let Some(mut inner) = TableReader::of(value, "test", sink)
    {
        let kinds = [
            ("good", Expected::Good),
            ("bad", Expected::Bad),
            ("unknown", Expected::Unknown),
            ("skip", Expected::Skip),
        ];
        for (key, expected) in kinds {
            for row in inner.tables(key, sink) {
                let span = row.span().clone();
                tests.push(Test::Row(expected, At::new(values(&row, sink), span)));
            }
        }
        inner.finish(sink);
    }
    for mut case in reader.tables("case", sink) {
        let span = case.span().clone();
        let mut tables = Vec::new();
        if let Some(value) = case.need("rows", sink)
            && let Some(inner) = TableReader::of(value, "rows", sink)
        {
            for (name, list) in inner.entries() {
                let Some(items) = list.get_ref().as_array() else {
                    sink.add(&list.span(), "not a list of rows", "write TABLE = [{ … }]");
                    continue;
                };
                let rows = items.iter().filter_map(|item| TableReader::of(item, "row", sink));
                let rows: Vec<TableReader<'_, '_>> = rows.collect();
                tables.push((name, rows.iter().map(|r| values(r, sink)).collect()));
            }
        }
        let fails = match case.need("fails", sink).and_then(|v| v.get_ref().as_array()) {
            Some(items) => items.iter().filter_map(text).collect(),
            None => Vec::new(),
        };
        let unknown = case.optional_integer("unknown", 0..=1000, sink).unwrap_or(0);
        case.finish(sink);
        let unknown = usize::try_from(unknown).unwrap_or(0);
        tests.push(Test::Case { tables, fails, unknown, span });
    }
    tests
}

fn values(row: &TableReader<'_, '_>, sink: &mut Sink<'_>) -> Values {
    row.entries()
        .into_iter()
        .filter_map(|(name, value)| match text(value) {
            Some(text) => Some((name, text)),
            None => {
                sink.add(&value.span(), "not a plain value", "write a text, a number, a date, true or false");
                None
            }
        })
        .collect()
}

fn text(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(n) => Some(n.as_str().to_owned()),
        DeValue::Float(n) => Some(n.as_str().to_owned()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Datetime(at) => Some(at.to_string()),
        _ => None,
    }
}

/// Runs the tests of a rule; what does not come out as expected is a problem.
pub async fn run(context: &SessionContext, rule: &Arc<Rule>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let missing = match &rule.kind {
        Kind::Row { .. } => {
            let has = |wanted| rule.tests.iter().any(|t| matches!(t, Test::Row(e, _) if *e == wanted));
            !has(Expected::Good) || !has(Expected::Bad)
        }
        Kind::Between { .. } => {
            !rule.tests.iter().any(|t| matches!(t, Test::Case { fails, .. } if !fails.is_empty()))
        }
        Kind::Unique { .. } => false,
    };
    if missing {
        problems.push(rule.source.problem(
            &rule.span,
            format!("rule `{}` has no test that it can fail", rule.id),
            "add [rule.test] with `good` and `bad` rows, or [[rule.case]] with `rows` and `fails`",
        ));
    }
    // A rule over many tables has cases with rows of some of them.
    let concerned = |test: &&Test| match test {
        Test::Case { tables, .. } => tables.iter().any(|(name, _)| name.value == rule.table.name),
        Test::Row(..) => true,
    };
    for test in rule.tests.iter().filter(concerned) {
        let (span, outcome) = match test {
            Test::Row(expected, row) => (&row.span, run_row(context, rule, *expected, &row.value)),
            Test::Case { tables, fails, unknown, span } => {
                (span, run_case(context, rule, tables, fails, *unknown).await)
            }
        };
        if let Err(error) = outcome {
            problems.push(rule.source.problem(
                span,
                format!("test of `{}` on {}: {error}", rule.id, rule.table.name),
                "correct the test or the rule",
            ));
        }
    }
    problems
}

fn run_row(context: &SessionContext, rule: &Arc<Rule>, expected: Expected, row: &Values) -> Result<()> {
    let schema = super::compile::reading_schema(rule.table);
    // A test of a rule over many tables may name columns only some of them have.
    if row.iter().any(|(name, _)| schema.field_with_name(&name.value).is_err()) {
        let names: Vec<&str> = row.iter().map(|(n, _)| n.value.as_str()).collect();
        return Err(EngineError::input(format!(
            "{} has not all of the columns {}",
            rule.table.name,
            names.join(", ")
        )));
    }
    let compiled = Compiled::new(context, &schema, std::slice::from_ref(rule), &[])?;
    let batch = batch(&schema, std::slice::from_ref(row), &mut Parties::default(), &rule.table.name)?;
    let narrow = compiled.narrow(&batch)?;
    let judged = compiled.judge(&narrow)?;
    let got = judged.first().map(|j| j.counts()).unwrap_or_default();
    let verdict = match got {
        Counts { passed: 1, .. } => Expected::Good,
        Counts { failed: 1, .. } => Expected::Bad,
        Counts { unknown: 1, .. } => Expected::Unknown,
        _ => Expected::Skip,
    };
    if verdict == expected {
        return Ok(());
    }
    Err(EngineError::input(format!("the row comes out as {verdict:?}, expected {expected:?}")))
}

async fn run_case(
    context: &SessionContext,
    rule: &Arc<Rule>,
    tables: &[(At<String>, Vec<Values>)],
    fails: &[String],
    unknown: usize,
) -> Result<()> {
    let mut parties = Parties::default();
    let context = query::empty_session(context)?;
    for (name, rows) in tables {
        let (table, schema) = known(&name.value)?;
        let schema = all_nullable(&schema);
        let batch = batch(&schema, rows, &mut parties, table)?;
        query::register(&context, &name.value, Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))?;
    }
    for table in catalog().tables() {
        if !tables.iter().any(|(n, _)| n.value == table.name) {
            let empty = MemTable::try_new(table.stored_schema(), vec![vec![]])?;
            query::register(&context, &table.name, Arc::new(empty))?;
        }
    }
    let found = query::run_for_keys(&context, rule).await?;
    let mut wanted = fails.to_vec();
    wanted.sort();
    if found.failing != wanted || found.unknown != unknown {
        return Err(EngineError::input(format!(
            "failing rows are {:?} ({} unknown), expected {wanted:?} ({unknown} unknown)",
            found.failing, found.unknown
        )));
    }
    Ok(())
}

/// A table of the dictionary, or one of the vault's.
fn known(name: &str) -> Result<(&str, SchemaRef)> {
    if let Some(table) = catalog().table(name) {
        return Ok((&table.name, table.stored_schema()));
    }
    let vault = crate::warehouse::dictionary::VAULT.iter().find(|k| k.table == name.replace('.', "/"));
    match vault {
        Some(kind) => Ok((name, kind.spec().schema)),
        None => Err(EngineError::input(format!("no table {name}"))),
    }
}

fn all_nullable(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(
        schema.fields().iter().map(|f| Field::new(f.name(), f.data_type().clone(), true)).collect::<Vec<_>>(),
    ))
}

/// Keys given to party ids in the order they appear.
#[derive(Default)]
struct Parties(BTreeMap<String, usize>);

impl Parties {
    fn key(&mut self, id: &str) -> String {
        let next = self.0.len();
        self.0.entry(id.to_owned()).or_insert(next).to_string()
    }
}

/// Rows given as text, in the types of `schema`; what is not given is null, but lineage.
fn batch(schema: &SchemaRef, rows: &[Values], parties: &mut Parties, table: &str) -> Result<RecordBatch> {
    let nullable = all_nullable(schema);
    for (name, _) in rows.iter().flatten() {
        if nullable.field_with_name(&name.value).is_err() {
            return Err(EngineError::input(format!("table {table} has no stored column {}", name.value)));
        }
    }
    let definition = catalog().table(table);
    let mut columns: Vec<ArrayRef> = Vec::new();
    for field in nullable.fields() {
        let mut texts: Vec<Option<String>> = Vec::with_capacity(rows.len());
        for (at, row) in rows.iter().enumerate() {
            let given = row.iter().find(|(n, _)| n.value == *field.name()).map(|(_, v)| v.clone());
            texts.push(match given {
                Some(text) => Some(text),
                None => party_key(definition, field.name(), row, parties)
                    .or_else(|| lineage(field.name(), at, table)),
            });
        }
        columns.push(typed(field, texts)?);
    }
    Ok(RecordBatch::try_new(nullable, columns)?)
}

fn party_key(table: Option<&Table>, field: &str, row: &Values, parties: &mut Parties) -> Option<String> {
    let column = table?.parties().find(|c| c.party_key().as_deref() == Some(field))?;
    let id = row.iter().find(|(n, _)| n.value == column.name).map(|(_, v)| v)?;
    Some(parties.key(id))
}

fn lineage(field: &str, at: usize, table: &str) -> Option<String> {
    match field {
        "_row" => Some((at + 1).to_string()),
        "_source" | "_batch" => Some("test".to_owned()),
        "_file" => Some(table.to_owned()),
        "_ingested_at" => Some("2026-01-01T00:00:00".to_owned()),
        "bucket" => Some("0".to_owned()),
        _ => None,
    }
}

fn typed(field: &Field, texts: Vec<Option<String>>) -> Result<ArrayRef> {
    let texts: ArrayRef = Arc::new(StringArray::from(texts));
    let options = CastOptions { safe: false, format_options: FormatOptions::default() };
    let plain = match field.data_type() {
        DataType::Dictionary(..) => DataType::Utf8,
        other => other.clone(),
    };
    let values = cast_with_options(&texts, &plain, &options)
        .map_err(|e| EngineError::input(format!("column {}: {e}", field.name())))?;
    Ok(arrow::compute::cast(&values, field.data_type())?)
}
