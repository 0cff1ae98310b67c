//! Rows of a load on their way to their units, in memory up to a limit and beyond it on disk.
//!
//! Batches stay as they arrived; only (batch, row) pairs are sorted into units. Past the limit every unit's rows
//! are written to a run file and the memory is given back, so a file larger than memory loads; what must fit is one
//! unit a thread, and 20 bytes a row for finding keys that moved between units.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ahash::{AHashMap, AHashSet, RandomState};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::Buffer;
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamWriter;
use arrow::row::{RowConverter, SortField};
use assay_datasets::schema::Table;
use rayon::ThreadPool;
use rayon::prelude::*;

use super::constant::{constant, is_void, repeat};
use super::keying::{VIEWS, staged_schema};
use super::moved::{Homes, KeyLog};
use crate::warehouse::{UnitKey, conform};
use crate::{EngineError, Result};

/// Bytes written to a run file at once.
const RUN_BUFFER: usize = 1 << 18;
/// Bytes a staged row takes beside its columns: key hash and place in its unit.
const ROW_BYTES: usize = 24;

/// Hash of a row's key. 128 bits: among a trillion rows two keys collide with probability 10⁻¹⁵.
pub type KeyHash = u128;

/// Hashes the key columns of batches.
pub struct KeyHasher {
    names: Vec<String>,
    columns: Vec<usize>,
    converter: RowConverter,
    halves: [RandomState; 2],
}

impl KeyHasher {
    /// For rows of `schema` (staged form) of `table`.
    pub fn new(table: &Table, schema: &SchemaRef) -> Result<Self> {
        let mut columns = Vec::new();
        let names = table.stored_key();
        for name in &names {
            columns.push(schema.index_of(name)?);
        }
        let fields = columns.iter().map(|i| SortField::new(schema.field(*i).data_type().clone())).collect();
        // Fixed seeds: the same rows meet in the same order in every run.
        let halves = [RandomState::with_seeds(11, 12, 13, 14), RandomState::with_seeds(21, 22, 23, 24)];
        Ok(Self { names, columns, converter: RowConverter::new(fields)?, halves })
    }

    fn hash_bytes(&self, key: &[u8]) -> KeyHash {
        let [high, low] = &self.halves;
        (u128::from(high.hash_one(key)) << 64) | u128::from(low.hash_one(key))
    }

    /// One hash a row of a batch that has the key columns only, in their stored order.
    pub fn hash_columns(&self, batch: &RecordBatch) -> Result<Vec<KeyHash>> {
        let mut columns = Vec::with_capacity(self.names.len());
        for name in &self.names {
            columns.push(Arc::clone(batch.column(batch.schema().index_of(name)?)));
        }
        let rows = self.converter.convert_columns(&columns)?;
        Ok(rows.iter().map(|r| self.hash_bytes(r.as_ref())).collect())
    }

    /// One hash a row.
    pub fn hash(&self, batch: &RecordBatch) -> Result<Vec<KeyHash>> {
        let columns: Vec<_> = self.columns.iter().map(|i| Arc::clone(batch.column(*i))).collect();
        let rows = self.converter.convert_columns(&columns)?;
        Ok(rows.iter().map(|r| self.hash_bytes(r.as_ref())).collect())
    }
}

/// Rows of one unit: which rows of which batches, in order of arrival.
pub struct UnitRows {
    /// Batches the rows stand in, in the schema for merging.
    pub batches: Vec<RecordBatch>,
    /// (batch, row).
    pub rows: Vec<(usize, usize)>,
    /// Key hash of each row.
    pub hashes: Vec<KeyHash>,
}

/// Rows of one unit on disk, as they arrived.
struct Run {
    path: PathBuf,
    /// Columns whose rows are all the same are not written: (place in the schema, the row).
    left_out: Arc<[(usize, ArrayRef)]>,
}

/// All rows of a load for one table.
pub struct Stage {
    /// The table.
    pub table: &'static Table,
    /// Staged schema.
    pub schema: SchemaRef,
    /// The same with views for texts: merging moves rows about, but their bytes only into the file.
    pub merging: SchemaRef,
    hasher: KeyHasher,
    batches: Vec<RecordBatch>,
    hashes: Vec<Vec<KeyHash>>,
    /// Units met so far, in that order, and their numbers in it.
    met: Vec<UnitKey>,
    numbers: AHashMap<UnitKey, u32>,
    /// By number of the unit: its rows in memory, as (batch, row).
    units: Vec<Vec<(u32, u32)>>,
    keys: KeyLog,
    bytes: usize,
    limit: usize,
    spill: PathBuf,
    pool: Arc<ThreadPool>,
    runs: HashMap<UnitKey, Vec<Run>>,
}

impl Stage {
    /// An empty stage holding at most about `limit` bytes in memory and runs, which `pool` writes, in `spill`.
    pub fn new(table: &'static Table, limit: usize, spill: PathBuf, pool: Arc<ThreadPool>) -> Result<Self> {
        let schema = staged_schema(&table.stored_schema());
        let hasher = KeyHasher::new(table, &schema)?;
        Ok(Self {
            table,
            merging: viewed(&schema),
            schema,
            hasher,
            batches: Vec::new(),
            hashes: Vec::new(),
            met: Vec::new(),
            numbers: AHashMap::new(),
            units: Vec::new(),
            keys: KeyLog::default(),
            bytes: 0,
            limit,
            spill,
            pool,
            runs: HashMap::new(),
        })
    }

    /// Hashes keys as this stage does.
    pub fn hasher(&self) -> &KeyHasher {
        &self.hasher
    }

    /// Keys of the rows so far.
    pub fn arrived(&self) -> AHashSet<KeyHash> {
        self.keys.hashes()
    }

    /// Adds rows in the staged schema.
    pub fn push(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let hashes = self.hasher.hash(&batch)?;
        let number =
            u32::try_from(self.batches.len()).map_err(|_| EngineError::internal("too many batches"))?;
        let periods = match self.table.period {
            Some(_) => {
                Some(batch.column(self.schema.index_of("period")?).as_primitive::<Int32Type>().clone())
            }
            None => None,
        };
        let buckets = batch.column(self.schema.index_of("bucket")?).as_primitive::<Int32Type>();
        let mut units = Vec::with_capacity(batch.num_rows());
        let mut last: Option<(UnitKey, u32)> = None;
        for row in 0..batch.num_rows() {
            let period = periods.as_ref().map(|p| p.value(row));
            let unit = UnitKey { period, bucket: Some(buckets.value(row)) };
            let unit_number = match last.filter(|(key, _)| *key == unit) {
                Some((_, number)) => number,
                None => self.number(unit)?,
            };
            last = Some((unit, unit_number));
            units.push(unit_number);
            let row =
                u32::try_from(row).map_err(|_| EngineError::internal("a batch of over 4 billion rows"))?;
            self.units[unit_number as usize].push((number, row));
        }
        self.keys.extend(&hashes, &units);
        let own = self.schema.fields().iter().zip(batch.columns());
        // Columns without a value and lineage texts are shared by all batches.
        let own = own.filter(|(f, c)| !is_void(c) && !VIEWS.contains(&f.name().as_str()));
        self.bytes +=
            own.map(|(_, c)| c.get_array_memory_size()).sum::<usize>() + batch.num_rows() * ROW_BYTES;
        self.batches.push(batch);
        self.hashes.push(hashes);
        if self.bytes > self.limit { self.flush() } else { Ok(()) }
    }

    fn number(&mut self, unit: UnitKey) -> Result<u32> {
        if let Some(number) = self.numbers.get(&unit) {
            return Ok(*number);
        }
        let number =
            u32::try_from(self.met.len()).map_err(|_| EngineError::internal("more than 4 billion units"))?;
        self.met.push(unit);
        self.numbers.insert(unit, number);
        self.units.push(Vec::new());
        Ok(number)
    }

    /// Prepares for merging, after the last row: a load that did not fit in memory gives all of it back.
    pub fn settle(&mut self) -> Result<()> {
        if !self.runs.is_empty() && !self.batches.is_empty() {
            return self.flush();
        }
        for batch in &mut self.batches {
            *batch = conform(batch, &self.merging)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        std::fs::create_dir_all(&self.spill).map_err(EngineError::file(&self.spill))?;
        let (mut kept, mut left_out) = (Vec::new(), Vec::new());
        for column in 0..self.schema.fields().len() {
            let arrays: Vec<&dyn Array> = self.batches.iter().map(|b| b.column(column).as_ref()).collect();
            match constant(&arrays) {
                Some(row) => left_out.push((column, row)),
                None => kept.push(column),
            }
        }
        let left_out: Arc<[(usize, ArrayRef)]> = left_out.into();
        let batches: Vec<RecordBatch> =
            self.batches.iter().map(|b| b.project(&kept)).collect::<Result<_, _>>()?;
        let mut work = Vec::with_capacity(self.units.len());
        for (key, rows) in self.met.iter().zip(&mut self.units).filter(|(_, rows)| !rows.is_empty()) {
            let rows = std::mem::take(rows);
            let runs = self.runs.entry(*key).or_default();
            let (period, bucket) = (key.period.unwrap_or(0), key.bucket.unwrap_or(0));
            let path = self.spill.join(format!("{}-{period}-{bucket}-{}.arrow", self.table.name, runs.len()));
            runs.push(Run { path: path.clone(), left_out: Arc::clone(&left_out) });
            work.push((path, rows));
        }
        self.pool.install(|| {
            work.into_par_iter().try_for_each(|(path, rows)| write_run(&path, &batches, &rows))
        })?;
        self.batches.clear();
        self.hashes.clear();
        self.bytes = 0;
        Ok(())
    }

    /// Units with rows, in order.
    pub fn unit_keys(&self) -> Vec<UnitKey> {
        let mut keys = self.met.clone();
        keys.sort_unstable();
        keys
    }

    /// In which unit each arriving key lives from now on. Asked once: what it is told from is large and given away.
    pub fn homes(&mut self) -> Result<Homes> {
        std::mem::take(&mut self.keys).homes(&self.met)
    }

    /// A batch of a run file with the columns that were left out.
    fn whole(&self, run: &Run, batch: &RecordBatch) -> Result<RecordBatch> {
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        let (mut left_out, mut written) = (run.left_out.iter().peekable(), batch.columns().iter());
        for place in 0..self.schema.fields().len() {
            columns.push(match left_out.next_if(|(column, _)| *column == place) {
                Some((_, row)) => repeat(row, batch.num_rows())?,
                None => {
                    Arc::clone(written.next().ok_or_else(|| EngineError::internal("a run lacks columns"))?)
                }
            });
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// Rows of one unit, in the schema for merging, after [`Self::settle`]: those in run files first, as they arrived
    /// first.
    pub fn rows(&self, key: UnitKey) -> Result<UnitRows> {
        let mut found = UnitRows { batches: Vec::new(), rows: Vec::new(), hashes: Vec::new() };
        for run in self.runs.get(&key).into_iter().flatten() {
            // Read whole, so that columns stand in the bytes read instead of in copies of them.
            let mut bytes = Buffer::from(std::fs::read(&run.path).map_err(EngineError::file(&run.path))?);
            let mut decoder = StreamDecoder::new();
            while let Some(batch) = decoder.decode(&mut bytes)? {
                found.push(&self.whole(run, &batch)?, self)?;
            }
            decoder.finish()?;
        }
        let base = found.batches.len();
        if let Some(number) = self.numbers.get(&key) {
            let rows = &self.units[*number as usize];
            found.batches.extend(self.batches.iter().cloned());
            for (b, r) in rows {
                found.rows.push((base + *b as usize, *r as usize));
                found.hashes.push(self.hashes[*b as usize][*r as usize]);
            }
        }
        Ok(found)
    }
}

fn viewed(schema: &SchemaRef) -> SchemaRef {
    let field = |f: &Arc<Field>| match f.data_type() {
        DataType::Utf8 => f.as_ref().clone().with_data_type(DataType::Utf8View),
        _ => f.as_ref().clone(),
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

fn write_run(path: &Path, batches: &[RecordBatch], rows: &[(u32, u32)]) -> Result<()> {
    let Some(first) = batches.first() else { return Ok(()) };
    let batches: Vec<&RecordBatch> = batches.iter().collect();
    let file = File::create(path).map_err(EngineError::file(path))?;
    let mut writer = StreamWriter::try_new(BufWriter::with_capacity(RUN_BUFFER, file), &first.schema())?;
    for chunk in rows.chunks(1 << 16) {
        let picked: Vec<(usize, usize)> = chunk.iter().map(|(b, r)| (*b as usize, *r as usize)).collect();
        writer.write(&interleave_record_batch(&batches, &picked)?)?;
    }
    Ok(writer.finish()?)
}

impl UnitRows {
    /// Adds the rows of another, after one's own.
    pub fn extend(&mut self, other: Self) {
        let base = self.batches.len();
        self.batches.extend(other.batches);
        self.rows.extend(other.rows.into_iter().map(|(b, r)| (base + b, r)));
        self.hashes.extend(other.hashes);
    }

    /// Adds all rows of a batch in the staged schema of `stage`.
    pub fn push(&mut self, batch: &RecordBatch, stage: &Stage) -> Result<()> {
        self.hashes.extend(stage.hasher.hash(batch)?);
        let number = self.batches.len();
        self.rows.extend((0..batch.num_rows()).map(|r| (number, r)));
        self.batches.push(conform(batch, &stage.merging)?);
        Ok(())
    }
}
