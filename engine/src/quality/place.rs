//! Reading columns and rows of one unit where it lies, on a disk or in an object store: only byte ranges that hold
//! them are fetched.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt, TryStreamExt};
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, RowSelection};
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use super::compile::adapt;
use crate::Result;
use crate::warehouse::{UnitFile, Warehouse};

/// Rows of a batch: what a dozen bitmaps and columns of it take stays in a core's cache.
pub const BATCH_ROWS: usize = 16_384;

/// Where a unit lies.
#[derive(Debug, Clone)]
pub struct Place {
    store: Arc<dyn ObjectStore>,
    path: object_store::path::Path,
    size: u64,
}

impl AsyncFileReader for Place {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        self.store.get_range(&self.path, range).map_err(external).boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        async move { self.store.get_ranges(&self.path, &ranges).await.map_err(external) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        async move {
            let size = self.size;
            let reader = ParquetMetaDataReader::new().with_arrow_reader_options(options);
            Ok(Arc::new(reader.load_and_finish(self, size).await?))
        }
        .boxed()
    }
}

fn external(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

impl Place {
    /// A table's file.
    pub fn of(warehouse: &Warehouse, table: &str, file: &UnitFile) -> Self {
        let path = object_store::path::Path::from(format!("{}/{}", Warehouse::table_path(table), file.path));
        Self { store: Arc::clone(warehouse.store()), path, size: file.size }
    }

    /// Opens the file for the columns of `wanted` it has, text as dictionaries where it is wanted so.
    pub async fn open(
        &self,
        wanted: &SchemaRef,
        pages: bool,
    ) -> Result<ParquetRecordBatchStreamBuilder<Self>> {
        let policy = if pages { PageIndexPolicy::Optional } else { PageIndexPolicy::Skip };
        let options = ArrowReaderOptions::new().with_page_index_policy(policy);
        let mut reader = self.clone();
        let found = ArrowReaderMetadata::load_async(&mut reader, options.clone()).await?;
        let schema = with_dictionaries(found.schema(), wanted);
        let metadata =
            ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options.with_schema(schema))?;
        let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, metadata);
        let names = wanted.fields().iter().map(|f| f.name().as_str());
        let mask = ProjectionMask::columns(builder.parquet_schema(), names);
        Ok(builder.with_projection(mask).with_batch_size(BATCH_ROWS))
    }

    /// Rows at the given ascending positions, in the columns of `wanted`.
    pub async fn rows_at(&self, wanted: &SchemaRef, positions: &[u32]) -> Result<Vec<RecordBatch>> {
        let builder = self.open(wanted, true).await?;
        let total = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or_default();
        let selection = RowSelection::from_consecutive_ranges(runs(positions).into_iter(), total);
        let stream = builder.with_row_selection(selection).build()?;
        let batches: Vec<RecordBatch> = stream.try_collect().await?;
        batches.iter().map(|batch| adapt(batch, wanted)).collect()
    }
}

/// Ascending positions as ranges of neighbours.
fn runs(positions: &[u32]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for at in positions.iter().map(|p| *p as usize) {
        match runs.last_mut() {
            Some(run) if run.end == at => run.end = at + 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

/// The file's schema, with text as dictionaries where it is wanted so.
fn with_dictionaries(found: &Schema, wanted: &Schema) -> SchemaRef {
    let fields = found.fields().iter().map(|field| match wanted.field_with_name(field.name()) {
        Ok(want)
            if field.data_type() == &DataType::Utf8
                && matches!(want.data_type(), DataType::Dictionary(..)) =>
        {
            Field::new(field.name(), want.data_type().clone(), field.is_nullable())
        }
        _ => field.as_ref().clone(),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::single_range_in_vec_init)]
    use super::*;

    #[test]
    fn neighbours_are_read_together() {
        assert_eq!(runs(&[0, 1, 2, 7, 9, 10]), [0..3, 7..8, 9..11]);
        assert!(runs(&[]).is_empty());
    }
}
