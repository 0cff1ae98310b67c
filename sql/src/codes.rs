//! The schema `codes`: the published code lists as tables, `codes.industry`, `codes.region`, `codes.goods`,
//! `codes.ownership`.

use std::sync::Arc;

use assay_datasets::codes::CodeList;
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider};
use datafusion::common::Result;
use datafusion::datasource::MemTable;

/// Name of the schema.
pub const SCHEMA: &str = "codes";

/// The schema with one table a list.
///
/// # Errors
/// None in practice; DataFusion checks tables as they are registered.
pub fn schema() -> Result<Arc<dyn SchemaProvider>> {
    let schema = MemorySchemaProvider::new();
    for list in CodeList::ALL {
        let batch = list.codes().table()?;
        schema.register_table(
            list.name().into(),
            Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?),
        )?;
    }
    Ok(Arc::new(schema))
}
