//! Runs the sources of a scan one after the other and keeps their rows on disk, cut by ranges of taxpayers, until a
//! range is put together and judged. So memory holds one source's aggregation, then one range of all sources, however
//! many taxpayers there are. What the rows mean is not known here.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type};
use arrow::ipc::CompressionType;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use assay_indicators::{Evaluation, Source};
use datafusion::logical_expr::col;
use datafusion::prelude::DataFrame;
use futures::TryStreamExt;
use rayon::prelude::*;

use super::judge::{column, keys};
use super::profile::{Part, Profile};
use crate::ingest::Progress;
use crate::warehouse::{Warehouse, plain_text};
use crate::{EngineError, Result};

/// Taxpayers put together at a time.
const RANGE: usize = 1 << 15;
/// Taxpayers judged at a time by one thread.
const PART: usize = 1 << 12;
/// Rows of a range held before they are written.
const HELD: usize = 1 << 13;
/// Column of a kept row: where its taxpayer stands in the range.
const PLACE: &str = "place";

/// All that is known of the taxpayers of a scan.
pub(super) struct Gathered {
    /// By key.
    taxpayers: RecordBatch,
    evaluation: Evaluation,
    sources: Vec<Kept>,
}

/// Reads everything a scan needs to know.
///
/// # Errors
/// When a source cannot be read, has two rows for a taxpayer, or there is no room for its rows.
pub(super) async fn gather(
    warehouse: &Warehouse,
    profile: (&DataFrame, &[Source]),
    evaluation: Evaluation,
    progress: &dyn Progress,
) -> Result<Gathered> {
    let (taxpayers, sources) = profile;
    progress.phase("read", sources.len() + 1);
    let taxpayers = whole(taxpayers.clone().sort(vec![col("taxpayer_key").sort(true, true)])?).await?;
    progress.advance(1);
    let places = Places::of(&taxpayers)?;
    let mut kept = Vec::with_capacity(sources.len());
    for source in sources {
        let started = Instant::now();
        kept.push(keep(source, &places, warehouse.local_path()).await?);
        tracing::debug!(source = %source.name, seconds = started.elapsed().as_secs_f64(), "read");
        progress.advance(1);
    }
    Ok(Gathered { taxpayers, evaluation, sources: kept })
}

/// Runs a source and keeps its rows.
async fn keep(source: &Source, places: &Places, folder: Option<&Path>) -> Result<Kept> {
    let mut stream = source.frame.clone().execute_stream().await?;
    let mut kept = Kept::new(&stream.schema(), folder)?;
    while let Some(batch) = stream.try_next().await? {
        kept.take(&batch, places)?;
    }
    kept.finish()?;
    Ok(kept)
}

async fn whole(frame: DataFrame) -> Result<RecordBatch> {
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let batches = frame.collect().await?;
    Ok(concat_batches(&batches.first().map_or(schema, RecordBatch::schema), &batches)?)
}

/// Where each taxpayer stands among all, by key. Keys are dense numbers.
struct Places {
    first: i64,
    /// `u32::MAX`: no taxpayer.
    places: Vec<u32>,
}

impl Places {
    fn of(taxpayers: &RecordBatch) -> Result<Self> {
        let keys = keys(taxpayers)?;
        let first = keys.values().first().copied().unwrap_or(0);
        let last = keys.values().last().copied().unwrap_or(first);
        let span =
            usize::try_from(last - first).map_err(|_| EngineError::internal("taxpayers are not sorted"))?;
        let mut places = vec![u32::MAX; span + 1];
        for (key, place) in keys.values().iter().zip(0..) {
            places[(key - first) as usize] = place;
        }
        Ok(Self { first, places })
    }

    fn find(&self, key: i64) -> Option<usize> {
        let place = usize::try_from(key - self.first).ok().and_then(|at| self.places.get(at))?;
        (*place != u32::MAX).then_some(*place as usize)
    }
}

impl Gathered {
    /// How many taxpayers there are.
    pub(super) fn taxpayers(&self) -> usize {
        self.taxpayers.num_rows()
    }

    /// Keys and ids of those that have an id.
    pub(super) fn ids(&self) -> Result<Vec<(i64, String)>> {
        let ids = cast(column(&self.taxpayers, "taxpayer_id")?, &DataType::Utf8)?;
        let pairs = keys(&self.taxpayers)?.values().iter().zip(ids.as_string::<i32>());
        Ok(pairs.filter_map(|(key, id)| Some((*key, id?.to_owned()))).collect())
    }

    /// A range of taxpayers with all that is known of them.
    fn range(&self, range: usize) -> Result<RecordBatch> {
        let start = range * RANGE;
        let taxpayers = self.taxpayers.slice(start, RANGE.min(self.taxpayers.num_rows() - start));
        let sources: Vec<(RecordBatch, UInt32Array)> = self
            .sources
            .par_iter()
            .map(|source| {
                let found = source.read(range)?;
                let rows = stand(found.column(0).as_primitive::<UInt32Type>(), taxpayers.num_rows())?;
                let columns: Vec<usize> = (1..found.num_columns()).collect();
                Ok((found.project(&columns)?, rows))
            })
            .collect::<Result<_>>()?;
        Ok(self.evaluation.inputs(&taxpayers, &sources)?)
    }
}

impl Profile for Gathered {
    fn parts<T: Send>(
        &self,
        wanted: &(dyn Fn(usize) -> bool + Sync),
        see: impl Fn(Part<'_>) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let mut seen = Vec::new();
        for range in 0..self.taxpayers.num_rows().div_ceil(RANGE) {
            let inputs = self.range(range)?;
            let parts: Vec<T> = (0..inputs.num_rows().div_ceil(PART))
                .into_par_iter()
                .map(|part| {
                    let start = part * PART;
                    let rows = inputs.slice(start, PART.min(inputs.num_rows() - start));
                    let batch = self.evaluation.evaluate(&rows, wanted)?;
                    see(Part { first_row: range * RANGE + start, batch: &batch })
                })
                .collect::<Result<_>>()?;
            seen.extend(parts);
        }
        Ok(seen)
    }
}

/// Where each taxpayer of a range has its row, from where each row has its taxpayer.
fn stand(places: &UInt32Array, taxpayers: usize) -> Result<UInt32Array> {
    let mut rows: Vec<Option<u32>> = vec![None; taxpayers];
    for (place, row) in places.values().iter().zip(0..) {
        if rows[*place as usize].replace(row).is_some() {
            return Err(EngineError::internal("a source of the scan has two rows for one taxpayer"));
        }
    }
    Ok(rows.into())
}

/// A source's rows on disk, in a file without a name: a scan that is killed leaves nothing behind.
struct Kept {
    schema: SchemaRef,
    /// By range, until there are enough to be written.
    held: BTreeMap<usize, Vec<RecordBatch>>,
    file: File,
    /// Where the written rows of each range stand: offset and length.
    written: BTreeMap<usize, Vec<(u64, usize)>>,
    end: u64,
}

impl Kept {
    fn new(source: &SchemaRef, folder: Option<&Path>) -> Result<Self> {
        let plain = |field: &Arc<Field>| field.as_ref().clone().with_data_type(plain_text(field.data_type()));
        let mut fields: Vec<Field> = source.fields().iter().map(plain).collect();
        fields[0] = Field::new(PLACE, DataType::UInt32, false);
        let file = match folder {
            Some(folder) => tempfile::tempfile_in(folder).map_err(EngineError::file(folder))?,
            None => tempfile::tempfile()?,
        };
        let schema = Arc::new(Schema::new(fields));
        Ok(Self { schema, held: BTreeMap::new(), file, written: BTreeMap::new(), end: 0 })
    }

    fn take(&mut self, batch: &RecordBatch, places: &Places) -> Result<()> {
        let keys: &Int64Array = keys(batch)?;
        let mut ranges: BTreeMap<usize, (Vec<u32>, Vec<u32>)> = BTreeMap::new();
        for (row, key) in (0_u32..).zip(keys) {
            // Parties that are no taxpayers, and rows of nobody known, are not judged.
            if let Some(place) = key.and_then(|key| places.find(key)) {
                let (rows, within) = ranges.entry(place / RANGE).or_default();
                rows.push(row);
                within.push((place % RANGE) as u32);
            }
        }
        for (range, (rows, within)) in ranges {
            let rows = take_record_batch(batch, &UInt32Array::from(rows))?;
            let mut columns: Vec<ArrayRef> = vec![Arc::new(UInt32Array::from(within))];
            for (field, column) in self.schema.fields().iter().zip(rows.columns()).skip(1) {
                columns.push(cast(column, field.data_type())?);
            }
            let held = self.held.entry(range).or_default();
            held.push(RecordBatch::try_new(Arc::clone(&self.schema), columns)?);
            if held.iter().map(RecordBatch::num_rows).sum::<usize>() >= HELD {
                self.write(range)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, range: usize) -> Result<()> {
        let Some(held) = self.held.remove(&range) else { return Ok(()) };
        let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), &self.schema, options)?;
        writer.write(&concat_batches(&self.schema, &held)?)?;
        let bytes = writer.into_inner()?;
        self.file.write_all(&bytes)?;
        self.written.entry(range).or_default().push((self.end, bytes.len()));
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let ranges: Vec<usize> = self.held.keys().copied().collect();
        ranges.into_iter().try_for_each(|range| self.write(range))
    }

    /// Rows of a range.
    fn read(&self, range: usize) -> Result<RecordBatch> {
        let mut file = &self.file;
        let mut batches = Vec::new();
        for (offset, length) in self.written.get(&range).into_iter().flatten() {
            let mut bytes = vec![0; *length];
            file.seek(SeekFrom::Start(*offset))?;
            file.read_exact(&mut bytes)?;
            for batch in StreamReader::try_new(Cursor::new(bytes), None)? {
                batches.push(batch?);
            }
        }
        Ok(concat_batches(&self.schema, &batches)?)
    }
}
