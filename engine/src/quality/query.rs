//! Rules between rows and tables: a query that returns the failing rows, over the tables of one month or all of them.
//!
//! The query's FROM is the rule's; which columns are selected is decided here: key, lineage, what messages show.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use assay_datasets::schema::catalog;
use datafusion::catalog::{MemorySchemaProvider, TableProvider};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::SessionContext;
use futures::StreamExt;

use super::compile::present;
use super::failure::{self, CLEAR, row_key};
use super::rule::{Kind, Rule};
use crate::{EngineError, Result};

/// Name of the column that is true where it cannot be told.
const UNKNOWN: &str = "_unknown";

/// The query of a rule.
pub fn sql(rule: &Rule) -> Option<String> {
    let table = rule.table;
    let own = failure::columns(table, [rule]);
    let mut columns: Vec<String> = own.iter().map(|name| format!("t.{name}")).collect();
    columns.extend(rule.show.iter().map(|(name, sql)| format!("{} AS {name}", sql.value)));
    match &rule.kind {
        Kind::Row { .. } => None,
        Kind::Unique { columns: unique } => {
            let names: Vec<&str> = unique.iter().map(|c| c.value.as_str()).collect();
            let list = names.join(", ");
            let same: Vec<String> = names.iter().map(|n| format!("t.{n} = d.{n}")).collect();
            let all = present(unique);
            let wanted = match &rule.when {
                Some(when) => format!("{all} AND ({})", when.value),
                None => all,
            };
            // Rows of which the rule says nothing are no twins of those of which it does. What stands twice is little and
            // comes first: it is the side a join holds in memory. Ordering by something of both sides keeps the planner from
            // sorting the whole table before the join.
            let own = columns.join(", ");
            Some(format!(
                "SELECT {own} FROM (SELECT {list}, count(*) AS twins FROM {0} WHERE {wanted} GROUP BY {list} \
                 HAVING count(*) > 1) d JOIN (SELECT * FROM {0} WHERE {wanted}) t ON {1} \
                 ORDER BY t._file, t._row, d.twins",
                table.name,
                same.join(" AND ")
            ))
        }
        Kind::Between { with, from, unknown, clear } => {
            columns.extend(unknown.iter().map(|sql| format!("({}) AS {UNKNOWN}", sql.value)));
            columns.extend(clear.iter().map(|sql| format!("{} AS {CLEAR}", sql.value)));
            let with = with.as_ref().map_or_else(String::new, |w| format!("WITH {} ", w.value));
            let own = columns.join(", ");
            Some(format!("{with}SELECT {own} FROM {} ORDER BY t._file, t._row", from.value))
        }
    }
}

/// The tables a rule's query reads, `vault.…` among them.
pub fn tables(context: &SessionContext, rule: &Rule) -> Result<BTreeSet<String>> {
    let Some(sql) = sql(rule) else { return Ok(BTreeSet::new()) };
    let state = context.state();
    let statement = state.sql_to_statement(&sql, &state.config_options().sql_parser.dialect.clone())?;
    let references = state.resolve_table_references(&statement)?;
    let names = references.into_iter().map(|r| match r.schema() {
        Some(schema) => format!("{schema}.{}", r.table()),
        None => r.table().to_owned(),
    });
    Ok(names.filter(|name| !name.starts_with("codes.")).collect())
}

/// A session with the settings of `context`, the code lists, a vault, and no tables.
pub fn empty_session(context: &SessionContext) -> Result<SessionContext> {
    let session = SessionContext::new_with_config_rt(context.copied_config(), context.runtime_env());
    assay_sql::register_all(&session);
    let Some(catalog) = session.catalog("datafusion") else {
        return Err(EngineError::internal("a session has no catalog"));
    };
    catalog.register_schema("codes", assay_sql::codes::schema()?)?;
    catalog.register_schema("vault", Arc::new(MemorySchemaProvider::new()))?;
    Ok(session)
}

/// Registers a table under its name, `vault.…` in the vault's schema.
pub fn register(context: &SessionContext, name: &str, table: Arc<dyn TableProvider>) -> Result<()> {
    let reference = datafusion::common::TableReference::parse_str(&name.replace('/', "."));
    context.register_table(reference, table)?;
    Ok(())
}

/// Registers every table of the dictionary and of the vault, empty, under names that are still free.
pub fn register_empty(context: &SessionContext) -> Result<()> {
    use datafusion::datasource::MemTable;
    let vault =
        crate::warehouse::dictionary::VAULT.iter().map(|k| (k.table.replace('/', "."), k.spec().schema));
    let open = catalog().tables().iter().map(|t| (t.name.clone(), t.stored_schema()));
    for (name, schema) in open.chain(vault) {
        if !context.table_exist(name.as_str())? {
            register(context, &name, Arc::new(MemTable::try_new(schema, vec![vec![]])?))?;
        }
    }
    Ok(())
}

/// Runs a rule's query.
pub async fn stream(context: &SessionContext, rule: &Rule) -> Result<SendableRecordBatchStream> {
    let sql = sql(rule).ok_or_else(|| EngineError::internal(format!("rule {} has no query", rule.id)))?;
    Ok(context.sql(&sql).await?.execute_stream().await?)
}

/// Found rows that fail, and those of which it cannot be told.
pub fn split(batch: &RecordBatch) -> Result<(RecordBatch, Option<RecordBatch>)> {
    let Some(unknown) = batch.column_by_name(UNKNOWN) else { return Ok((batch.clone(), None)) };
    let unknown = unknown
        .as_boolean_opt()
        .ok_or_else(|| EngineError::input("`unknown` of a rule gives no true or false"))?;
    // A null is no reason not to tell.
    let known = unknown.nulls().map_or_else(|| BooleanBuffer::new_set(unknown.len()), |n| n.inner().clone());
    let cannot = BooleanArray::new(unknown.values() & &known, None);
    let certain = arrow::compute::not(&cannot)?;
    Ok((filter_record_batch(batch, &certain)?, Some(filter_record_batch(batch, &cannot)?)))
}

/// What a rule's query found in a test.
#[derive(Debug, Default)]
pub struct Found {
    /// Keys of failing rows, sorted.
    pub failing: Vec<String>,
    /// Rows of which it cannot be told.
    pub unknown: usize,
}

/// Runs a rule over small tables: the keys of failing rows. Rows the rule does not concern must not be found.
pub async fn run_for_keys(context: &SessionContext, rule: &Arc<Rule>) -> Result<Found> {
    let mut found = Found::default();
    let concerned = concerned(context, rule).await?;
    let mut stream = stream(context, rule).await?;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let mut numbering = failure::Numbering::new("test", 0);
        let (failing, unknown) = split(&batch)?;
        numbering.findings(rule, &failing)?;
        let keys = row_key(rule.table, &failing)?;
        found.failing.extend(keys.as_string::<i32>().iter().flatten().map(str::to_owned));
        found.unknown += unknown.map_or(0, |u| u.num_rows());
        let all = row_key(rule.table, &batch)?;
        for key in all.as_string::<i32>().iter().flatten() {
            if !concerned.contains(key) {
                return Err(EngineError::input(format!(
                    "the query finds {key}, which `when` does not concern; add the condition to both"
                )));
            }
        }
    }
    found.failing.sort();
    let mut once = found.failing.clone();
    once.dedup();
    if once.len() != found.failing.len() {
        return Err(EngineError::input("the query finds a row twice; group what it is joined to"));
    }
    Ok(found)
}

/// Keys of the rows `when` concerns.
async fn concerned(context: &SessionContext, rule: &Arc<Rule>) -> Result<BTreeSet<String>> {
    let mut keys = BTreeSet::new();
    let schema = super::compile::reading_schema(rule.table);
    let compiled = super::compile::Compiled::new(context, &schema, std::slice::from_ref(rule), &[])?;
    for batch in context.table(rule.table.name.as_str()).await?.collect().await? {
        let narrow = compiled.narrow(&batch)?;
        let judged = compiled.judge(&narrow)?;
        let all = row_key(rule.table, &batch)?;
        let all = all.as_string::<i32>();
        for judged in judged {
            keys.extend(
                (&judged.passed | &judged.unknown).set_indices().map(|row| all.value(row).to_owned()),
            );
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use arrow::array::ArrayRef;

    #[test]
    fn only_what_is_said_to_be_unknown_is() {
        let found = |values: Vec<Option<bool>>| {
            let unknown: ArrayRef = Arc::new(BooleanArray::from(values));
            let batch = RecordBatch::try_from_iter_with_nullable([(UNKNOWN, unknown, true)]).unwrap();
            let (failing, unknown) = split(&batch).unwrap();
            (failing.num_rows(), unknown.unwrap().num_rows())
        };
        assert_eq!(found(vec![Some(true), Some(false), None]), (2, 1));
        assert_eq!(found(vec![Some(true), Some(false)]), (1, 1));
        assert_eq!(found(vec![]), (0, 0));
    }
}
