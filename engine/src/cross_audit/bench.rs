//! Where a run works: a session over one state of the warehouse, with a schema `audit` for what exists only while it goes on.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use assay_sql::session::SessionOptions;
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider};
use datafusion::datasource::MemTable;
use datafusion::execution::context::SessionContext;
use datafusion::prelude::DataFrame;

use crate::warehouse::session::{self, Access};
use crate::warehouse::{Commit, Warehouse};
use crate::{EngineError, Result};

pub(super) struct Bench {
    context: SessionContext,
    scratch: Arc<MemorySchemaProvider>,
}

impl Bench {
    pub(super) async fn open(
        warehouse: &Warehouse,
        commit: &Commit,
        options: &SessionOptions,
    ) -> Result<Self> {
        let options = SessionOptions { first_come: true, ..options.clone() };
        let context = session::open(warehouse, commit, Access::Open, &options).await?;
        let scratch = Arc::new(MemorySchemaProvider::new());
        let catalog = context.catalog("assay").ok_or_else(|| EngineError::internal("no catalog"))?;
        catalog.register_schema("audit", Arc::clone(&scratch) as Arc<dyn SchemaProvider>)?;
        Ok(Self { context, scratch })
    }

    pub(super) async fn frame(&self, sql: &str) -> Result<DataFrame> {
        Ok(self.context.sql(sql).await?)
    }

    /// All rows of a query.
    pub(super) async fn rows(&self, sql: &str) -> Result<RecordBatch> {
        session::rows(self.frame(sql).await?).await
    }

    /// Keeps the rows of a query as `audit.NAME`.
    pub(super) async fn keep(&self, name: &str, sql: &str) -> Result<()> {
        let frame = self.frame(sql).await?;
        let schema: Arc<Schema> = Arc::new(frame.schema().as_arrow().clone());
        let partitions = frame.collect_partitioned().await?;
        let schema = partitions.iter().flatten().next().map_or(schema, RecordBatch::schema);
        self.put(name, Arc::new(MemTable::try_new(schema, partitions)?))
    }

    /// Keeps rows as `audit.NAME`.
    pub(super) fn keep_rows(&self, name: &str, rows: &RecordBatch) -> Result<()> {
        self.put(name, Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows.clone()]])?))
    }

    /// Makes a query readable as `audit.NAME`.
    pub(super) async fn view(&self, name: &str, sql: &str) -> Result<()> {
        let view = self.frame(sql).await?.into_view();
        self.put(name, view)
    }

    fn put(&self, name: &str, table: Arc<dyn datafusion::catalog::TableProvider>) -> Result<()> {
        self.scratch.deregister_table(name)?;
        self.scratch.register_table(name.to_owned(), table)?;
        Ok(())
    }
}
