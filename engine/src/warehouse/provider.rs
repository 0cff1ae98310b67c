//! A warehouse table as DataFusion sees it: plain Parquet scans over the files of one Delta version.
//!
//! Unlike the Delta library's own provider it declares the order the files are written in, so that grouping by
//! taxpayer streams, prunes files by the bounds in the log before opening any, and yields plans that other
//! machines can run.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PrunableStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, DFSchema, ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result as DfResult;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use super::Warehouse;
use super::table::{TableFiles, UnitFile};

/// The URL under which a session finds the warehouse's store.
pub(crate) const STORE_URL: &str = "assay://warehouse/";

/// A table at one version, or some of its units.
#[derive(Debug)]
pub struct UnitTable {
    schema: SchemaRef,
    ordering: Vec<String>,
    files: Vec<(UnitFile, String, Arc<Statistics>)>,
}

impl UnitTable {
    /// The whole table.
    pub fn new(table: &TableFiles) -> Self {
        Self::with_files(table, table.files.clone())
    }

    /// Only `files` of the table.
    pub fn with_files(table: &TableFiles, files: Vec<UnitFile>) -> Self {
        let root = Warehouse::table_path(&table.name);
        let ordering = declared_order(table);
        let files = files
            .into_iter()
            .map(|f| {
                let path = format!("{root}/{}", f.path);
                let statistics = Arc::new(statistics(&table.schema, &f));
                (f, path, statistics)
            })
            .collect();
        Self { schema: Arc::clone(&table.schema), ordering, files }
    }

    fn pruned(&self, predicate: Option<&Arc<dyn PhysicalExpr>>) -> DfResult<Vec<usize>> {
        let all = || (0..self.files.len()).collect();
        let Some(predicate) = predicate else { return Ok(all()) };
        let pruning = PruningPredicateBuilder::new()
            .with_file_schema(Arc::clone(&self.schema))
            .try_build(Arc::clone(predicate))?;
        if pruning.always_true() {
            return Ok(all());
        }
        let statistics = self.files.iter().map(|(_, _, s)| Arc::clone(s)).collect();
        let keep = pruning.prune(&PrunableStatistics::new(statistics, Arc::clone(&self.schema)))?;
        Ok(keep.iter().enumerate().filter(|(_, k)| **k).map(|(i, _)| i).collect())
    }

    /// Contiguous runs of files, about equal in rows, one a partition: contiguity is what keeps the order valid.
    fn groups(&self, kept: &[usize], partitions: usize) -> Vec<FileGroup> {
        let total: usize = kept.iter().map(|i| self.files[*i].0.rows).sum();
        let target = total.div_ceil(partitions.max(1)).max(1);
        let mut groups: Vec<Vec<PartitionedFile>> = vec![Vec::new()];
        let mut rows = 0;
        for &i in kept {
            let (file, path, statistics) = &self.files[i];
            if rows >= target && groups.len() < partitions {
                groups.push(Vec::new());
                rows = 0;
            }
            rows += file.rows;
            let part = PartitionedFile::new(path.clone(), file.size).with_statistics(Arc::clone(statistics));
            if let Some(group) = groups.last_mut() {
                group.push(part);
            }
        }
        groups.into_iter().filter(|g| !g.is_empty()).map(FileGroup::new).collect()
    }

    fn lex_ordering(&self) -> DfResult<Option<LexOrdering>> {
        let mut keys = Vec::with_capacity(self.ordering.len());
        for name in &self.ordering {
            let column = Column::new_with_schema(name, &self.schema)?;
            keys.push(PhysicalSortExpr::new(Arc::new(column), arrow::compute::SortOptions::new(false, true)));
        }
        Ok(LexOrdering::new(keys))
    }
}

/// `period`, then the order inside files as far as the log has bounds for it.
fn declared_order(table: &TableFiles) -> Vec<String> {
    let has_bounds = |name: &str| match table.schema.field_with_name(name) {
        Ok(f) => matches!(
            f.data_type(),
            DataType::Int32
                | DataType::Int64
                | DataType::Date32
                | DataType::Timestamp(TimeUnit::Millisecond, None)
        ),
        Err(_) => false,
    };
    let mut order = Vec::new();
    if table.files.iter().all(|f| f.period.is_some()) && !table.files.is_empty() {
        order.push("period".to_owned());
    }
    order.extend(table.order.iter().take_while(|c| has_bounds(c)).cloned());
    order
}

fn statistics(schema: &SchemaRef, file: &UnitFile) -> Statistics {
    let column_statistics = schema
        .fields()
        .iter()
        .map(|field| {
            let bound = |values: &std::collections::BTreeMap<String, serde_json::Value>| {
                values
                    .get(field.name())
                    .and_then(|v| scalar(field.data_type(), v))
                    .map_or(Precision::Absent, Precision::Exact)
            };
            let nulls = file.bounds.null_count.get(field.name()).and_then(|n| usize::try_from(*n).ok());
            ColumnStatistics {
                null_count: nulls.map_or(Precision::Absent, Precision::Exact),
                min_value: bound(&file.bounds.min_values),
                max_value: bound(&file.bounds.max_values),
                ..ColumnStatistics::new_unknown()
            }
        })
        .collect();
    Statistics {
        num_rows: Precision::Exact(file.rows),
        total_byte_size: Precision::Absent,
        column_statistics,
    }
}

fn scalar(data_type: &DataType, value: &serde_json::Value) -> Option<ScalarValue> {
    match data_type {
        DataType::Int32 => Some(ScalarValue::Int32(Some(i32::try_from(value.as_i64()?).ok()?))),
        DataType::Int64 => Some(ScalarValue::Int64(Some(value.as_i64()?))),
        DataType::Date32 | DataType::Timestamp(TimeUnit::Millisecond, None) => {
            ScalarValue::try_from_string(value.as_str()?.to_owned(), data_type).ok()
        }
        _ => None,
    }
}

#[async_trait]
impl TableProvider for UnitTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DfResult<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let predicate = match conjunction(filters.to_vec()) {
            None => None,
            Some(filter) => {
                let schema = DFSchema::try_from(self.schema.as_ref().clone())?;
                Some(state.create_physical_expr(filter, &schema)?)
            }
        };
        let kept = self.pruned(predicate.as_ref())?;
        let groups = self.groups(&kept, state.config().target_partitions());
        if groups.is_empty() {
            let schema = match projection {
                Some(p) => Arc::new(self.schema.project(p)?),
                None => Arc::clone(&self.schema),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let mut source = ParquetSource::new(Arc::clone(&self.schema))
            .with_table_parquet_options(state.default_table_options().parquet)
            .with_metadata_size_hint(512 * 1024);
        if let Some(predicate) = predicate {
            source = source.with_predicate(predicate);
        }
        let mut config = FileScanConfigBuilder::new(ObjectStoreUrl::parse(STORE_URL)?, Arc::new(source))
            .with_file_groups(groups)
            .with_limit(limit)
            .with_projection_indices(projection.cloned())?;
        if let Some(ordering) = self.lex_ordering()? {
            config = config.with_output_ordering(vec![ordering]);
        }
        Ok(DataSourceExec::from_data_source(config.build()))
    }
}
