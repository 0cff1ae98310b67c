//! Writing and reading one unit: the sorted Parquet file of one (table, period, bucket).
//!
//! Raw canonical tables are compressed with zstd 1, derived tables with LZ4 (measured: zstd is 40–80 % of a
//! narrow scan's time). Files carry their sort order and bounds of the ordering columns.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::compute::{cast, max, min};
use arrow::datatypes::{
    DataType, Date32Type, Int32Type, Int64Type, SchemaRef, TimeUnit, TimestampMillisecondType,
};
use bytes::Bytes;
use futures::TryStreamExt;
use futures::future::BoxFuture;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::table::{Bounds, UnitFile};
use crate::{EngineError, Result};

/// Bytes of a unit's end read at once; its footer is in them, as a rule.
const FOOTER_HINT: usize = 64 << 10;

/// Which unit of a table: month (where the table has one) and bucket of taxpayer keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitKey {
    /// Month as YYYYMM.
    pub period: Option<i32>,
    /// Bucket; `None` in tables that are not bucketed.
    pub bucket: Option<i32>,
}

impl UnitKey {
    /// The unit of a table without partitions.
    pub const WHOLE: Self = Self { period: None, bucket: None };

    /// The unit a file belongs to.
    pub fn of(file: &UnitFile) -> Self {
        Self { period: file.period, bucket: file.bucket }
    }

    fn folder(self) -> String {
        let mut path = String::new();
        if let Some(period) = self.period {
            path.push_str(&format!("period={period}/"));
        }
        if let Some(bucket) = self.bucket {
            path.push_str(&format!("bucket={bucket}/"));
        }
        path
    }
}

/// A unit encoded in memory, ready to be put.
pub struct EncodedUnit {
    /// Its entry in the table; the path is final.
    pub file: UnitFile,
    /// Parquet bytes.
    pub bytes: Bytes,
}

/// Encodes sorted `batches` as the file of `key`.
///
/// `order` names the ordering columns (leading `period` excluded); `hot` marks derived tables read by every scan.
pub fn encode_unit(
    schema: &SchemaRef,
    order: &[String],
    key: UnitKey,
    file_name: &str,
    batches: &[RecordBatch],
    hot: bool,
) -> Result<EncodedUnit> {
    let mut encoder = UnitEncoder::new(schema, order, key, file_name, hot)?;
    for batch in batches {
        encoder.push(batch)?;
    }
    encoder.finish()
}

/// Encodes a unit whose sorted rows arrive batch by batch; only encoded bytes and one row group are in memory.
pub struct UnitEncoder {
    writer: ArrowWriter<Vec<u8>>,
    schema: SchemaRef,
    order: Vec<String>,
    key: UnitKey,
    file_name: String,
    bounds: Bounds,
}

impl UnitEncoder {
    /// An empty unit; parameters as of [`encode_unit`].
    pub fn new(
        schema: &SchemaRef,
        order: &[String],
        key: UnitKey,
        file_name: &str,
        hot: bool,
    ) -> Result<Self> {
        let properties = writer_properties(schema, order, hot)?;
        // Readers take the table's schema from the log; leaving Arrow's own out keeps views and dictionaries used
        // while loading from becoming part of the format.
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer =
            ArrowWriter::try_new_with_options(Vec::with_capacity(1 << 20), Arc::clone(schema), options)?;
        let (schema, order, file_name) = (Arc::clone(schema), order.to_vec(), file_name.to_owned());
        Ok(Self { writer, schema, order, key, file_name, bounds: Bounds::default() })
    }

    /// Adds rows, which sort after all before.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch)?;
        let found = bounds(&self.schema, &self.order, std::slice::from_ref(batch), batch.num_rows())?;
        self.bounds.widen(found);
        Ok(())
    }

    /// The finished file.
    pub fn finish(self) -> Result<EncodedUnit> {
        let bytes = Bytes::from(self.writer.into_inner()?);
        let path = format!("{}{}.parquet", self.key.folder(), self.file_name);
        let (period, bucket) = (self.key.period, self.key.bucket);
        let rows = usize::try_from(self.bounds.num_records).unwrap_or(usize::MAX);
        let file = UnitFile { path, size: bytes.len() as u64, rows, period, bucket, bounds: self.bounds };
        Ok(EncodedUnit { file, bytes })
    }
}

fn writer_properties(schema: &SchemaRef, order: &[String], hot: bool) -> Result<WriterProperties> {
    let compression = if hot { Compression::LZ4_RAW } else { Compression::ZSTD(ZstdLevel::try_new(1)?) };
    let mut builder = WriterProperties::builder()
        .set_compression(compression)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_max_row_group_row_count(Some(1 << 20))
        .set_created_by(format!("assay {}", env!("CARGO_PKG_VERSION")));
    let sorting: Option<Vec<SortingColumn>> = order
        .iter()
        .map(|name| {
            let index = schema.index_of(name).ok()?;
            Some(SortingColumn {
                column_idx: i32::try_from(index).ok()?,
                descending: false,
                nulls_first: true,
            })
        })
        .collect();
    if let Some(sorting) = sorting.filter(|s| !s.is_empty()) {
        builder = builder.set_sorting_columns(Some(sorting));
    }
    for field in schema.fields() {
        let name = field.name().as_str();
        // Near-unique values gain nothing from a dictionary and pay for building one.
        let money = matches!(field.data_type(), DataType::Decimal128(..));
        if money || ["invoice_id", "invoice_no", "row_key", "_row"].contains(&name) {
            builder = builder.set_column_dictionary_enabled(name.into(), false);
        }
        // Texts lie in no order, so every page has the least and the greatest of them: nothing is pruned by bounds, and
        // comparing them costs more than storing them.
        let text = matches!(field.data_type(), DataType::Utf8 | DataType::Utf8View);
        if text && !order.iter().any(|o| o == name) {
            builder = builder.set_column_statistics_enabled(name.into(), EnabledStatistics::None);
        }
    }
    Ok(builder.build())
}

fn bounds(schema: &SchemaRef, order: &[String], batches: &[RecordBatch], rows: usize) -> Result<Bounds> {
    let mut found = Bounds { num_records: rows as u64, ..Bounds::default() };
    let names = ["period", "bucket"].into_iter().chain(order.iter().map(String::as_str));
    for name in names {
        let Ok(index) = schema.index_of(name) else { continue };
        let arrays: Vec<&ArrayRef> = batches.iter().map(|b| b.column(index)).collect();
        let nulls: usize = arrays.iter().map(|a| a.null_count()).sum();
        found.null_count.insert(name.to_owned(), nulls as u64);
        insert_bounds(&mut found.min_values, &mut found.max_values, name, &arrays)?;
    }
    Ok(found)
}

type Values = BTreeMap<String, serde_json::Value>;

fn insert_bounds(mins: &mut Values, maxs: &mut Values, name: &str, arrays: &[&ArrayRef]) -> Result<()> {
    let Some(first) = arrays.first() else { return Ok(()) };
    let mut ends: Option<(i64, i64)> = None;
    for array in arrays {
        let pair = match array.data_type() {
            DataType::Int32 => {
                let a = array.as_primitive::<Int32Type>();
                min(a).zip(max(a)).map(|(l, h)| (i64::from(l), i64::from(h)))
            }
            DataType::Int64 => {
                let a = array.as_primitive::<Int64Type>();
                min(a).zip(max(a))
            }
            DataType::Date32 => {
                let a = array.as_primitive::<Date32Type>();
                min(a).zip(max(a)).map(|(l, h)| (i64::from(l), i64::from(h)))
            }
            DataType::Timestamp(TimeUnit::Millisecond, None) => {
                let a = array.as_primitive::<TimestampMillisecondType>();
                min(a).zip(max(a))
            }
            _ => return Ok(()),
        };
        ends = match (ends, pair) {
            (Some((l, h)), Some((l2, h2))) => Some((l.min(l2), h.max(h2))),
            (a, b) => a.or(b),
        };
    }
    if let Some((low, high)) = ends {
        mins.insert(name.to_owned(), to_json(first.data_type(), low)?);
        maxs.insert(name.to_owned(), to_json(first.data_type(), high)?);
    }
    Ok(())
}

/// Delta's text form of a bound.
fn to_json(data_type: &DataType, value: i64) -> Result<serde_json::Value> {
    let bad = || EngineError::internal(format!("{value} is not a valid {data_type}"));
    Ok(match data_type {
        DataType::Date32 => {
            let days = i32::try_from(value).map_err(|_| bad())?;
            let date = arrow::temporal_conversions::date32_to_datetime(days).ok_or_else(bad)?;
            date.format("%Y-%m-%d").to_string().into()
        }
        DataType::Timestamp(..) => {
            let at = arrow::temporal_conversions::timestamp_ms_to_datetime(value).ok_or_else(bad)?;
            at.format("%Y-%m-%dT%H:%M:%S%.3f").to_string().into()
        }
        _ => value.into(),
    })
}

/// Reads `columns` of a unit; only their parts of the object are fetched.
pub(super) async fn read_columns(
    store: &Arc<dyn ObjectStore>,
    path: Path,
    size: u64,
    columns: &[&str],
) -> Result<Vec<RecordBatch>> {
    let reader = StoredUnit { store: Arc::clone(store), path, size };
    let builder = ParquetRecordBatchStreamBuilder::new(reader).await?.with_batch_size(1 << 16);
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    Ok(builder.with_projection(mask).build()?.try_collect().await?)
}

/// A unit where it lies, for readers that take some of its bytes.
struct StoredUnit {
    store: Arc<dyn ObjectStore>,
    path: Path,
    size: u64,
}

fn external(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

impl AsyncFileReader for StoredUnit {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        Box::pin(async move { self.store.get_range(&self.path, range).await.map_err(external) })
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        Box::pin(async move { self.store.get_ranges(&self.path, &ranges).await.map_err(external) })
    }

    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        Box::pin(async move {
            let size = self.size;
            let reader = ParquetMetaDataReader::new().with_prefetch_hint(Some(FOOTER_HINT));
            Ok(Arc::new(reader.load_and_finish(self, size).await?))
        })
    }
}

/// The type in which text leaves a query: views are for queries, a few rows of them would take the texts of all others
/// along.
pub(crate) fn plain_text(kind: &DataType) -> DataType {
    match kind {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        other => other.clone(),
    }
}

/// A stored batch in the columns of `schema`, by name: those it lacks, because the table gained them later, are null.
pub(crate) fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = schema
        .fields()
        .iter()
        .map(|f| match batch.column_by_name(f.name()) {
            Some(column) => Ok(cast(column, f.data_type())?),
            None => Ok(new_null_array(f.data_type(), batch.num_rows())),
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// Decodes a unit's bytes; `columns` restricts it to some of them.
pub fn read_unit(bytes: Bytes, columns: Option<&[&str]>) -> Result<Vec<RecordBatch>> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?.with_batch_size(1 << 16);
    let builder = match columns {
        None => builder,
        Some(names) => {
            let mask = ProjectionMask::columns(builder.parquet_schema(), names.iter().copied());
            builder.with_projection(mask)
        }
    };
    Ok(builder.build()?.collect::<Result<Vec<_>, _>>()?)
}
