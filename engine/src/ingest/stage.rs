//! Rows of a load on their way to their units, in memory up to a limit and beyond it on disk.
//!
//! Batches stay as they arrived; only (batch, row) pairs are sorted into units. Past the limit every unit's rows
//! are written to a run file and the memory is given back, so a file larger than memory loads; what must fit is one
//! unit a thread, and 20 bytes a row for finding keys that moved between units.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::PathBuf;
use std::sync::Arc;

use ahash::{AHashSet, RandomState};
use arrow::array::{AsArray, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{Int32Type, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow::row::{RowConverter, SortField};
use assay_datasets::schema::Table;

use super::keying::staged_schema;
use super::moved::KeyLog;
use super::nulls::{is_void, nulls};
use crate::warehouse::UnitKey;
use crate::{EngineError, Result};

/// Bytes written to or read from a run file at once.
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
        let columns: Vec<_> = self.columns.iter().map(|i| batch.column(*i).clone()).collect();
        let rows = self.converter.convert_columns(&columns)?;
        Ok(rows.iter().map(|r| self.hash_bytes(r.as_ref())).collect())
    }
}

/// Rows of one unit: which rows of which batches, in order of arrival.
pub struct UnitRows {
    /// Batches the rows stand in.
    pub batches: Vec<RecordBatch>,
    /// (batch, row).
    pub rows: Vec<(usize, usize)>,
    /// Key hash of each row.
    pub hashes: Vec<KeyHash>,
}

/// All rows of a load for one table.
pub struct Stage {
    /// The table.
    pub table: &'static Table,
    /// Staged schema.
    pub schema: SchemaRef,
    hasher: KeyHasher,
    batches: Vec<RecordBatch>,
    hashes: Vec<Vec<KeyHash>>,
    units: HashMap<UnitKey, Vec<(u32, u32)>>,
    keys: KeyLog,
    bytes: usize,
    limit: usize,
    spill: PathBuf,
    runs: HashMap<UnitKey, Vec<PathBuf>>,
}

impl Stage {
    /// An empty stage holding at most about `limit` bytes in memory and runs in `spill`.
    pub fn new(table: &'static Table, limit: usize, spill: PathBuf) -> Result<Self> {
        let schema = staged_schema(&table.stored_schema());
        let hasher = KeyHasher::new(table, &schema)?;
        Ok(Self {
            table,
            schema,
            hasher,
            batches: Vec::new(),
            hashes: Vec::new(),
            units: HashMap::new(),
            keys: KeyLog::default(),
            bytes: 0,
            limit,
            spill,
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
        let unit = |row: usize| UnitKey {
            period: periods.as_ref().map(|p| p.value(row)),
            bucket: Some(buckets.value(row)),
        };
        let mut start = 0;
        while start < batch.num_rows() {
            let key = unit(start);
            let end = (start + 1..batch.num_rows()).find(|row| unit(*row) != key).unwrap_or(batch.num_rows());
            let list = self.units.entry(key).or_default();
            list.extend((start..end).map(|row| (number, u32::try_from(row).unwrap_or(u32::MAX))));
            self.keys.extend(key, hashes[start..end].iter().copied())?;
            start = end;
        }
        let filled = batch.columns().iter().filter(|c| !is_void(c));
        self.bytes += filled.map(|c| c.get_array_memory_size()).sum::<usize>() + batch.num_rows() * ROW_BYTES;
        self.batches.push(batch);
        self.hashes.push(hashes);
        if self.bytes > self.limit { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        std::fs::create_dir_all(&self.spill).map_err(EngineError::file(&self.spill))?;
        // Columns without a value, of which wide tables have many, are not written.
        let filled: Vec<usize> = (0..self.schema.fields().len())
            .filter(|c| !self.batches.iter().all(|b| is_void(b.column(*c))))
            .collect();
        let written: Vec<RecordBatch> =
            self.batches.iter().map(|b| b.project(&filled)).collect::<Result<_, _>>()?;
        let batches: Vec<&RecordBatch> = written.iter().collect();
        let schema = Arc::new(self.schema.project(&filled)?);
        for (key, rows) in &self.units {
            let runs = self.runs.entry(*key).or_default();
            let (period, bucket) = (key.period.unwrap_or(0), key.bucket.unwrap_or(0));
            let path = self.spill.join(format!("{}-{period}-{bucket}-{}.arrow", self.table.name, runs.len()));
            let file = File::create(&path).map_err(EngineError::file(&path))?;
            let mut writer = StreamWriter::try_new(BufWriter::with_capacity(RUN_BUFFER, file), &schema)?;
            for chunk in rows.chunks(1 << 16) {
                let picked: Vec<(usize, usize)> =
                    chunk.iter().map(|(b, r)| (*b as usize, *r as usize)).collect();
                writer.write(&interleave_record_batch(&batches, &picked)?)?;
            }
            writer.finish()?;
            runs.push(path);
        }
        self.batches.clear();
        self.hashes.clear();
        self.units.clear();
        self.bytes = 0;
        Ok(())
    }

    /// Units with rows, in order.
    pub fn unit_keys(&self) -> Vec<UnitKey> {
        let mut keys: Vec<UnitKey> = self.units.keys().chain(self.runs.keys()).copied().collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Every row's key and unit; taken, for they are needed once and are large.
    pub fn take_keys(&mut self) -> KeyLog {
        std::mem::take(&mut self.keys)
    }

    /// A batch of a run file with the columns that were left out.
    fn whole(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = self.schema.fields().iter().map(|f| match batch.column_by_name(f.name()) {
            Some(column) => Arc::clone(column),
            None => nulls(f.data_type(), batch.num_rows()),
        });
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns.collect())?)
    }

    /// Rows of one unit: those in run files first, as they arrived first.
    pub fn rows(&self, key: UnitKey) -> Result<UnitRows> {
        let mut found = UnitRows { batches: Vec::new(), rows: Vec::new(), hashes: Vec::new() };
        for path in self.runs.get(&key).into_iter().flatten() {
            let file = File::open(path).map_err(EngineError::file(path))?;
            for batch in StreamReader::try_new(BufReader::with_capacity(RUN_BUFFER, file), None)? {
                found.push(self.whole(&batch?)?, &self.hasher)?;
            }
        }
        let base = found.batches.len();
        if let Some(rows) = self.units.get(&key) {
            found.batches.extend(self.batches.iter().cloned());
            for (b, r) in rows {
                found.rows.push((base + *b as usize, *r as usize));
                found.hashes.push(self.hashes[*b as usize][*r as usize]);
            }
        }
        Ok(found)
    }
}

impl UnitRows {
    /// Adds the rows of another, after one's own.
    pub fn extend(&mut self, other: Self) {
        let base = self.batches.len();
        self.batches.extend(other.batches);
        self.rows.extend(other.rows.into_iter().map(|(b, r)| (base + b, r)));
        self.hashes.extend(other.hashes);
    }

    /// Adds all rows of a batch.
    pub fn push(&mut self, batch: RecordBatch, hasher: &KeyHasher) -> Result<()> {
        self.hashes.extend(hasher.hash(&batch)?);
        let number = self.batches.len();
        self.rows.extend((0..batch.num_rows()).map(|r| (number, r)));
        self.batches.push(batch);
        Ok(())
    }
}
