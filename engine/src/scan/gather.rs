//! Runs the sources of a scan, two at a time, those aside that were kept from an earlier one, and keeps their rows on disk, cut by
//! ranges of taxpayers, until a range is put together and judged. So memory holds two sources' aggregations, then one range of all sources, however
//! many taxpayers there are. What the rows mean is not known here.

use std::ops::Range;
use std::time::Instant;

use arrow::array::{AsArray, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use assay_indicators::{Evaluation, Source};
use datafusion::logical_expr::col;
use datafusion::prelude::DataFrame;
use futures::{StreamExt, TryStreamExt, stream};
use rayon::prelude::*;

use super::judge::{column, keys};
use super::kept::{Kept, Shelf, range_of};
use super::profile::{Part, Profile};
use crate::ingest::Progress;
use crate::ingest::system::REPLACED;
use crate::warehouse::{Commit, Warehouse, session};
use crate::{EngineError, Result};

/// Sources read at a time: planning one and putting its rows away leaves threads idle that another can use.
const AT_ONCE: usize = 2;
/// Taxpayers judged at a time by one thread.
const PART: usize = 1 << 12;

/// All that is known of the taxpayers of a scan.
pub(crate) struct Gathered {
    /// By key.
    taxpayers: RecordBatch,
    /// Ranges of keys in which there are taxpayers, with the rows of these.
    ranges: Vec<(i64, Range<usize>)>,
    evaluation: Evaluation,
    sources: Vec<Kept>,
}

/// Reads everything a scan needs to know.
///
/// # Errors
/// When a source cannot be read, has two rows for a taxpayer, or there is no room for its rows.
pub(crate) async fn gather(
    (warehouse, commit): (&Warehouse, &Commit),
    profile: (&DataFrame, &[Source]),
    evaluation: Evaluation,
    progress: &dyn Progress,
) -> Result<Gathered> {
    let (taxpayers, sources) = profile;
    progress.phase("read", sources.len() + 1);
    let taxpayers =
        session::rows(taxpayers.clone().sort(vec![col("taxpayer_key").sort(true, true)])?).await?;
    progress.advance(1);
    let ranges = ranges(&taxpayers)?;
    let (shelf, versions) = (Shelf::of(warehouse.local_path())?, Versions::of(warehouse, commit));
    let read = |source| {
        let (shelf, versions) = (&shelf, &versions);
        async move {
            let started = Instant::now();
            let kept = rows_of(source, shelf, versions).await?;
            tracing::debug!(source = %source.name, seconds = started.elapsed().as_secs_f64(), "read");
            progress.advance(1);
            Ok::<Kept, EngineError>(kept)
        }
    };
    let kept = stream::iter(sources).map(read).buffered(AT_ONCE).try_collect().await?;
    shelf.tidy()?;
    Ok(Gathered { taxpayers, ranges, evaluation, sources: kept })
}

/// A source's rows: those kept, or asked for and kept.
async fn rows_of(source: &Source, shelf: &Shelf, versions: &Versions<'_>) -> Result<Kept> {
    let print = versions.print(source).await?;
    if let Some(print) = &print
        && let Some(kept) = shelf.get(print)?
    {
        return Ok(kept);
    }
    let mut stream = source.frame.clone().execute_stream().await?;
    let mut draft = shelf.draft(&stream.schema(), print)?;
    while let Some(batch) = stream.try_next().await? {
        draft.take(&batch)?;
    }
    draft.finish()
}

/// What the tables of a commit are made of, as far as a source reads them.
struct Versions<'a> {
    warehouse: &'a Warehouse,
    commit: &'a Commit,
    /// This very program: another one may compute something else.
    program: String,
}

impl<'a> Versions<'a> {
    fn of(warehouse: &'a Warehouse, commit: &'a Commit) -> Self {
        let about = std::env::current_exe().and_then(std::fs::metadata);
        let program = about.map(|about| format!("{} {:?}", about.len(), about.modified().ok()));
        Self { warehouse, commit, program: program.unwrap_or_default() }
    }

    /// Fingerprint of a source: program, plan, and the files of every table it reads. None where a table is none of the warehouse's, so that
    /// nobody can say when it changes.
    async fn print(&self, source: &Source) -> Result<Option<String>> {
        let plan = source.frame.logical_plan();
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.program.as_bytes());
        hasher.update(plan.display_indent_schema().to_string().as_bytes());
        for table in source.tables() {
            let name = match table.schema() {
                // They are part of the program.
                Some(assay_sql::codes::SCHEMA) => continue,
                Some("replaced") => format!("{REPLACED}{}", table.table()),
                _ => table.table().to_owned(),
            };
            let known = self.commit.tables.contains_key(&name) || session::empty_schema(&name).is_some();
            if !known || self.program.is_empty() {
                return Ok(None);
            }
            hasher.update(name.as_bytes()).update(&[0]);
            let files = self.warehouse.table(self.commit, &name).await?.map(|t| t.files).unwrap_or_default();
            for file in files {
                hasher.update(file.path.as_bytes()).update(&[0]);
            }
        }
        Ok(Some(hasher.finalize().to_hex()[..32].to_owned()))
    }
}

/// The ranges of keys in which there are taxpayers (sorted by key), with the rows of these.
fn ranges(taxpayers: &RecordBatch) -> Result<Vec<(i64, Range<usize>)>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for run in keys(taxpayers)?.values().chunk_by(|a, b| range_of(*a) == range_of(*b)) {
        ranges.push((range_of(run[0]), start..start + run.len()));
        start += run.len();
    }
    Ok(ranges)
}

impl Gathered {
    /// How many taxpayers there are.
    pub(crate) fn taxpayers(&self) -> usize {
        self.taxpayers.num_rows()
    }

    /// Keys and ids of those that have an id.
    pub(super) fn ids(&self) -> Result<Vec<(i64, String)>> {
        let ids = cast(column(&self.taxpayers, "taxpayer_id")?, &DataType::Utf8)?;
        let pairs = keys(&self.taxpayers)?.values().iter().zip(ids.as_string::<i32>());
        Ok(pairs.filter_map(|(key, id)| Some((*key, id?.to_owned()))).collect())
    }

    /// What makes facts of what is known.
    pub(crate) fn evaluation(&self) -> &Evaluation {
        &self.evaluation
    }

    /// Shows everybody, some taxpayers at a time: how many stand before them, and all that is known of them.
    fn each<T: Send>(&self, see: impl Fn(usize, &RecordBatch) -> Result<T> + Sync) -> Result<Vec<T>> {
        let mut seen = Vec::new();
        for range in 0..self.ranges() {
            seen.extend(self.see(range, &see)?);
        }
        Ok(seen)
    }

    /// How many ranges of taxpayers there are; one of them is in memory at a time.
    pub(crate) fn ranges(&self) -> usize {
        self.ranges.len()
    }

    /// Shows a range, some taxpayers at a time: how many stand before them, and all that is known of them.
    pub(crate) fn see<T: Send>(
        &self,
        range: usize,
        see: impl Fn(usize, &RecordBatch) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let range = &self.ranges[range];
        let (inputs, first) = (self.range(range)?, range.1.start);
        (0..inputs.num_rows().div_ceil(PART))
            .into_par_iter()
            .map(|part| {
                let start = part * PART;
                see(first + start, &inputs.slice(start, PART.min(inputs.num_rows() - start)))
            })
            .collect()
    }

    /// One taxpayer, by its number: its key and all that is known of it.
    pub(crate) fn one(&self, taxpayer_id: &str) -> Result<Option<(i64, RecordBatch)>> {
        let ids = cast(column(&self.taxpayers, "taxpayer_id")?, &DataType::Utf8)?;
        let Some(row) = ids.as_string::<i32>().iter().position(|id| id == Some(taxpayer_id)) else {
            return Ok(None);
        };
        let key = keys(&self.taxpayers)?.value(row);
        let found = self.ranges.iter().find(|(_, rows)| rows.contains(&row));
        let Some(range) = found else { return Ok(None) };
        let inputs = self.range(range)?.slice(row - range.1.start, 1);
        Ok(Some((key, inputs)))
    }

    /// A range of taxpayers with all that is known of them.
    fn range(&self, (range, rows): &(i64, Range<usize>)) -> Result<RecordBatch> {
        let taxpayers = self.taxpayers.slice(rows.start, rows.len());
        let taxpayer_keys = keys(&taxpayers)?;
        let sources: Vec<(RecordBatch, UInt32Array)> = self
            .sources
            .par_iter()
            .map(|source| {
                let found = source.read(*range)?;
                let rows = stand(keys(&found)?, taxpayer_keys)?;
                Ok((found, rows))
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
        self.each(|first_row, inputs| {
            let batch = self.evaluation.evaluate(inputs, wanted)?;
            see(Part { first_row, batch: &batch })
        })
    }
}

/// Where each taxpayer of a range has its row; rows of others (parties that are no taxpayers) belong to nobody.
fn stand(found: &Int64Array, taxpayers: &Int64Array) -> Result<UInt32Array> {
    let mut rows: Vec<Option<u32>> = vec![None; taxpayers.len()];
    for (key, row) in found.values().iter().zip(0..) {
        if let Ok(place) = taxpayers.values().binary_search(key)
            && rows[place].replace(row).is_some()
        {
            return Err(EngineError::internal("a source of the scan has two rows for one taxpayer"));
        }
    }
    Ok(rows.into())
}
