//! A SQL session over one state of the warehouse: every table under its own name, opened when first used.
//!
//! Without the right to personal data a session sees the open tables only, with keys in place of people. With it,
//! the vault appears as schema `vault` and tables with personal columns become views that show them in clear.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use assay_datasets::schema;
use assay_sql::session::{SessionOptions, new_session};
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, SchemaProvider, TableProvider};
use datafusion::datasource::{MemTable, ViewTable};
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::context::SessionContext;
use datafusion::prelude::DataFrame;
use url::Url;

use super::dictionary::{DictionaryKind, PERSON};
use super::provider::{STORE_URL, UnitTable};
use super::{Commit, Warehouse};
use crate::identity;
use crate::ingest::system;
use crate::{EngineError, Result};

/// What a session may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Open tables: no personal data.
    #[default]
    Open,
    /// Personal data in clear.
    Personal,
}

/// Opens a session on `commit` with all domain functions.
pub async fn open(
    warehouse: &Warehouse,
    commit: &Commit,
    access: Access,
    options: &SessionOptions,
) -> Result<SessionContext> {
    let context = new_session(options)?;
    identity::name::register(&context);
    let url = Url::parse(STORE_URL).map_err(|e| EngineError::internal(e.to_string()))?;
    context.register_object_store(&url, Arc::clone(warehouse.store()));
    let catalog = Arc::new(MemoryCatalogProvider::new());
    let schema = |prefix: &'static str| {
        Arc::new(WarehouseSchema { warehouse: warehouse.clone(), commit: commit.clone(), prefix })
    };
    match access {
        Access::Open => {
            catalog.register_schema("public", schema(""))?;
        }
        Access::Personal => {
            catalog.register_schema("open", schema(""))?;
            catalog.register_schema("vault", schema("vault/"))?;
        }
    }
    catalog.register_schema("replaced", schema(system::REPLACED))?;
    catalog.register_schema(assay_sql::codes::SCHEMA, assay_sql::codes::schema()?)?;
    context.register_catalog("assay", Arc::clone(&catalog) as Arc<dyn CatalogProvider>);
    set_default(&context, "open")?;
    if access == Access::Personal {
        let clear = Arc::new(datafusion::catalog::MemorySchemaProvider::new());
        for name in table_names(commit, "") {
            let provider = match clear_view(&context, commit, &name).await? {
                Some(view) => view,
                None => context.table_provider(format!("assay.open.\"{name}\"")).await?,
            };
            clear.register_table(name, provider)?;
        }
        catalog.register_schema("public", clear)?;
    }
    set_default(&context, "public")?;
    Ok(context)
}

/// All rows of a frame as one batch, in the columns its plan comes to.
///
/// # Errors
/// When the plan fails.
pub(crate) async fn rows(frame: DataFrame) -> Result<RecordBatch> {
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let batches = frame.collect().await?;
    Ok(concat_batches(&batches.first().map_or(schema, RecordBatch::schema), &batches)?)
}

fn set_default(context: &SessionContext, schema: &str) -> Result<()> {
    let state = context.state_ref();
    let mut state = state.write();
    let options = state.config_mut().options_mut();
    options.catalog.default_catalog = "assay".into();
    options.catalog.default_schema = schema.into();
    Ok(())
}

/// Tables of the commit and of the dictionary under `prefix`; tables never loaded are there, empty.
fn table_names(commit: &Commit, prefix: &str) -> Vec<String> {
    let mut names: Vec<String> = commit
        .tables
        .keys()
        .filter_map(|t| {
            if prefix.is_empty() { (!t.contains('/')).then_some(t.as_str()) } else { t.strip_prefix(prefix) }
        })
        .map(str::to_owned)
        .collect();
    if prefix.is_empty() {
        names.extend(schema::catalog().tables().iter().map(|t| t.name.clone()));
        names.extend(system::open_specs().into_iter().map(|s| s.name));
        names.push(identity::BEST.to_owned());
    }
    names.sort();
    names.dedup();
    names
}

/// The stored columns of a table that has no rows yet.
pub(crate) fn empty_schema(name: &str) -> Option<arrow::datatypes::SchemaRef> {
    if let Some(table) = schema::catalog().table(name) {
        return Some(table.stored_schema());
    }
    system::all_specs().into_iter().find(|s| s.name == name).map(|s| s.schema)
}

/// `SELECT` that shows a table's personal columns in clear, when it has any.
async fn clear_view(
    context: &SessionContext,
    commit: &Commit,
    name: &str,
) -> Result<Option<Arc<dyn TableProvider>>> {
    let sql = if name == system::REJECTED_ROW {
        if !commit.tables.contains_key(system::REJECTED_VALUE) {
            return Ok(None);
        }
        "SELECT r.*, v.value, v.record FROM assay.open.rejected_row r \
         LEFT JOIN assay.vault.rejected_value v ON v.reject_id = r.reject_id"
            .to_owned()
    } else if name == system::REPAIRED_VALUE {
        if !commit.tables.contains_key(system::REPAIRED_CLEAR) {
            return Ok(None);
        }
        "SELECT r.* EXCEPT (before, after), coalesce(r.before, v.before) AS before, coalesce(r.after, v.after) AS after \
         FROM assay.open.repaired_value r LEFT JOIN assay.vault.repaired_value v ON v.repair_id = r.repair_id"
            .to_owned()
    } else {
        match clear_select(commit, name) {
            Some(sql) => sql,
            None => return Ok(None),
        }
    };
    let plan = context.state().create_logical_plan(&sql).await?;
    Ok(Some(Arc::new(ViewTable::new(plan, Some(sql)))))
}

/// A table's columns as stored, with those that are personal in clear.
#[derive(Default)]
struct ClearSelect<'a> {
    columns: String,
    joins: String,
    joined: Vec<&'a str>,
    replaced: Vec<&'a str>,
}

impl<'a> ClearSelect<'a> {
    /// Adds a column the open table lacks.
    fn add(&mut self, column: &str, value: &str) {
        self.columns.push_str(&format!(", {value} AS {column}"));
    }

    /// Shows `value` in place of a column the open table has.
    fn replace(&mut self, column: &'a str, value: &str) {
        self.replaced.push(column);
        self.add(column, value);
    }

    /// Joins a dictionary as `alias` where its key is `value`.
    fn join(&mut self, dictionary: &str, alias: &str, key: &str, value: &str) {
        self.joins
            .push_str(&format!(" LEFT JOIN assay.vault.{dictionary} {alias} ON {alias}.{key} = {value}"));
    }

    /// The select; none where no column is personal.
    fn finish(&self, table: &str) -> Option<String> {
        let Self { columns, joins, replaced, .. } = self;
        let except =
            if replaced.is_empty() { String::new() } else { format!(" EXCEPT ({})", replaced.join(", ")) };
        (!columns.is_empty()).then(|| format!("SELECT t.*{except}{columns} FROM assay.open.{table} t{joins}"))
    }
}

fn clear_select(commit: &Commit, name: &str) -> Option<String> {
    let table = schema::catalog().table(name)?;
    let pseudonyms = pseudonym_columns(table);
    let mut select = ClearSelect::default();
    for column in &table.columns {
        let Some(personal) = &column.personal else { continue };
        let kind = DictionaryKind::from(personal.dictionary);
        // A column that is personal in some rows only stands in the open table; its clear value fills the gaps.
        let stays = personal.when.is_some();
        if !commit.tables.contains_key(kind.table) {
            if !stays {
                select.add(&column.name, "CAST(NULL AS VARCHAR)");
            }
            continue;
        }
        let alias = format!("v_{}", personal.key_column);
        if !select.joined.contains(&personal.key_column.as_str()) {
            select.joined.push(&personal.key_column);
            let stored = format!("t.{}", personal.key_column);
            select.join(personal.dictionary.name(), &alias, kind.key, &stored);
        }
        let clear = format!("{alias}.{}", personal.field);
        if stays {
            select.replace(&column.name, &format!("coalesce(t.{}, {clear})", column.name));
        } else {
            select.add(&column.name, &clear);
        }
    }
    if commit.tables.contains_key(PERSON.table) {
        for name in &pseudonyms {
            // `NP12` stands for person 12 of the vault.
            let clear = if name.ends_with("_id") { "id_no" } else { "name" };
            let person = format!(
                "TRY_CAST(CASE WHEN starts_with(t.{name}, 'NP') THEN substr(t.{name}, 3) END AS BIGINT)"
            );
            select.join("person", &format!("np_{name}"), PERSON.key, &person);
            select.replace(name, &format!("coalesce(np_{name}.{clear}, t.{name})"));
        }
    }
    select.finish(name)
}

/// Columns in which a natural person's pseudonym may stand: party ids without a mark of their own, and their names.
fn pseudonym_columns(table: &schema::Table) -> Vec<String> {
    let mut names = Vec::new();
    for column in table.parties().filter(|c| c.personal.is_none()) {
        names.push(column.name.clone());
        let name = party_name_column(&column.name);
        if table.column(&name).is_some_and(|c| c.personal.is_none()) {
            names.push(name);
        }
    }
    names
}

/// The column with a party's name: `seller_id` → `seller_name`, `taxpayer_id` → `name`.
pub(crate) fn party_name_column(id: &str) -> String {
    match id.strip_suffix("_id") {
        Some("taxpayer") | None => "name".to_owned(),
        Some(prefix) => format!("{prefix}_name"),
    }
}

struct WarehouseSchema {
    warehouse: Warehouse,
    commit: Commit,
    prefix: &'static str,
}

impl fmt::Debug for WarehouseSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WarehouseSchema({:?}, commit {})", self.prefix, self.commit.id)
    }
}

#[async_trait]
impl SchemaProvider for WarehouseSchema {
    fn table_names(&self) -> Vec<String> {
        table_names(&self.commit, self.prefix)
    }

    async fn table(&self, name: &str) -> DfResult<Option<Arc<dyn TableProvider>>> {
        if self.prefix.is_empty() && name == identity::BEST {
            let links = self.table(identity::LINK).await?;
            return links.map(identity::best_link).transpose();
        }
        let full = format!("{}{name}", self.prefix);
        let opened = self
            .warehouse
            .table(&self.commit, &full)
            .await
            .map_err(|e| DataFusionError::External(Box::new(e)))?;
        match opened {
            Some(files) => Ok(Some(Arc::new(UnitTable::new(&files)))),
            None => match empty_schema(&full) {
                Some(schema) => Ok(Some(Arc::new(MemTable::try_new(schema, vec![vec![]])?))),
                None => Ok(None),
            },
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|t| t == name)
    }
}
