//! The rows of a source of a scan on disk, cut by ranges of taxpayer keys. A warehouse on this machine keeps them: the next scan or
//! backtest that asks the same of unchanged tables reads them instead of asking again. What the rows mean is not known here.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::ipc::CompressionType;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use serde::{Deserialize, Serialize};

use super::judge::keys;
use crate::warehouse::plain_text;
use crate::{EngineError, Result};

/// Keys of a range: 32,768.
const RANGE_BITS: u32 = 15;
/// Rows of a range held before they are written.
const HELD: usize = 1 << 13;
/// Folder of kept sources, below the warehouse.
const FOLDER: &str = ".sources";
/// Kept sources nobody read for so long are deleted.
const UNREAD: Duration = Duration::from_secs(7 * 24 * 3600);
/// Together they take no more than this; those read longest ago go first.
const MOST_BYTES: u64 = 8 << 30;
/// Ends a file that was written to its end.
const MARK: &[u8; 8] = b"assaysrc";

/// The range a taxpayer key lies in.
pub(super) fn range_of(key: i64) -> i64 {
    key >> RANGE_BITS
}

/// A source's rows on disk: `taxpayer_key`, then its columns.
pub(super) struct Kept {
    schema: SchemaRef,
    /// By range, until there are enough to be written.
    held: BTreeMap<i64, Vec<RecordBatch>>,
    file: File,
    index: Index,
}

/// Where the written rows of each range stand: offset and length. The schema is that of an empty stream at `empty`.
#[derive(Default, Serialize, Deserialize)]
struct Index {
    ranges: BTreeMap<i64, Vec<(u64, usize)>>,
    empty: (u64, usize),
    end: u64,
}

impl Kept {
    /// For rows of these columns in `file`.
    fn new(source: &SchemaRef, file: File) -> Self {
        let plain = |field: &Arc<Field>| field.as_ref().clone().with_data_type(plain_text(field.data_type()));
        let fields: Vec<Field> = source.fields().iter().map(plain).collect();
        Self { schema: Arc::new(Schema::new(fields)), held: BTreeMap::new(), file, index: Index::default() }
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut ranges: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        for (row, key) in (0_u32..).zip(keys(batch)?) {
            if let Some(key) = key {
                ranges.entry(range_of(key)).or_default().push(row);
            }
        }
        for (range, rows) in ranges {
            let rows = take_record_batch(batch, &UInt32Array::from(rows))?;
            let columns = rows.columns().iter().zip(self.schema.fields());
            let columns = columns.map(|(column, field)| cast(column, field.data_type()));
            let rows = RecordBatch::try_new(Arc::clone(&self.schema), columns.collect::<Result<_, _>>()?)?;
            let held = self.held.entry(range).or_default();
            held.push(rows);
            if held.iter().map(RecordBatch::num_rows).sum::<usize>() >= HELD {
                self.write(range)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, range: i64) -> Result<()> {
        let Some(held) = self.held.remove(&range) else { return Ok(()) };
        let place = self.put(Some(&concat_batches(&self.schema, &held)?))?;
        self.index.ranges.entry(range).or_default().push(place);
        Ok(())
    }

    fn put(&mut self, rows: Option<&RecordBatch>) -> Result<(u64, usize)> {
        let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), &self.schema, options)?;
        if let Some(rows) = rows {
            writer.write(rows)?;
        }
        let bytes = writer.into_inner()?;
        self.file.write_all(&bytes)?;
        let place = (self.index.end, bytes.len());
        self.index.end += bytes.len() as u64;
        Ok(place)
    }

    /// Writes what is still held, then the index.
    fn finish(&mut self) -> Result<()> {
        let ranges: Vec<i64> = self.held.keys().copied().collect();
        ranges.into_iter().try_for_each(|range| self.write(range))?;
        self.index.empty = self.put(None)?;
        let index = serde_json::to_vec(&self.index)?;
        self.file.write_all(&index)?;
        self.file.write_all(&(index.len() as u64).to_le_bytes())?;
        self.file.write_all(MARK)?;
        Ok(())
    }

    /// What a file holds; none where it was not written to its end.
    fn open(mut file: File) -> Result<Option<Self>> {
        let tail = 8 + MARK.len() as u64;
        let length = file.metadata()?.len();
        if length < tail {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(length - tail))?;
        let (mut size, mut mark) = ([0; 8], [0; 8]);
        file.read_exact(&mut size)?;
        file.read_exact(&mut mark)?;
        let size = u64::from_le_bytes(size);
        if &mark != MARK || size > length - tail {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(length - tail - size))?;
        let mut text = vec![0; usize::try_from(size).unwrap_or(0)];
        file.read_exact(&mut text)?;
        let Ok(index) = serde_json::from_slice::<Index>(&text) else { return Ok(None) };
        let mut kept = Self { schema: Arc::new(Schema::empty()), held: BTreeMap::new(), file, index };
        kept.schema = StreamReader::try_new(Cursor::new(kept.bytes(kept.index.empty)?), None)?.schema();
        Ok(Some(kept))
    }

    fn bytes(&self, (offset, length): (u64, usize)) -> Result<Vec<u8>> {
        let mut file = &self.file;
        let mut bytes = vec![0; length];
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Rows of a range.
    pub(super) fn read(&self, range: i64) -> Result<RecordBatch> {
        let mut batches = Vec::new();
        for place in self.index.ranges.get(&range).into_iter().flatten() {
            for batch in StreamReader::try_new(Cursor::new(self.bytes(*place)?), None)? {
                batches.push(batch?);
            }
        }
        Ok(concat_batches(&self.schema, &batches)?)
    }
}

/// A source that is being written.
pub(super) struct Draft {
    kept: Kept,
    /// Its file, and what it will be called.
    part: Option<(tempfile::NamedTempFile, PathBuf)>,
}

impl Draft {
    /// Adds rows; those without a key belong to nobody.
    pub(super) fn take(&mut self, batch: &RecordBatch) -> Result<()> {
        self.kept.take(batch)
    }

    /// The whole source.
    pub(super) fn finish(mut self) -> Result<Kept> {
        self.kept.finish()?;
        if let Some((part, path)) = self.part {
            part.persist(&path).map_err(|e| EngineError::File { path, source: e.error })?;
        }
        Ok(self.kept)
    }
}

/// Kept sources of a warehouse. One that is elsewhere keeps none: its sources lie in files without a name while a scan runs.
pub(super) struct Shelf {
    folder: Option<PathBuf>,
}

impl Shelf {
    /// The shelf of a warehouse in this folder.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(super) fn of(warehouse: Option<&Path>) -> Result<Self> {
        let folder = warehouse.map(|root| root.join(FOLDER));
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder).map_err(EngineError::file(folder))?;
        }
        Ok(Self { folder })
    }

    /// The source of this fingerprint, if it is kept.
    pub(super) fn get(&self, print: &str) -> Result<Option<Kept>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let Ok(file) = File::options().read(true).append(true).open(folder.join(print)) else {
            return Ok(None);
        };
        // Read now: so it is not the one that was read longest ago. Nothing depends on it.
        let _ = file.set_modified(SystemTime::now());
        Kept::open(file)
    }

    /// A source to be filled; kept under its fingerprint once it is whole, if it has one.
    ///
    /// # Errors
    /// When there is no room for a file.
    pub(super) fn draft(&self, schema: &SchemaRef, print: Option<String>) -> Result<Draft> {
        let Some((folder, print)) = self.folder.as_ref().zip(print) else {
            return Ok(Draft { kept: Kept::new(schema, tempfile::tempfile()?), part: None });
        };
        let part = tempfile::Builder::new().prefix(".part-").tempfile_in(folder);
        let part = part.map_err(EngineError::file(folder))?;
        Ok(Draft { kept: Kept::new(schema, part.reopen()?), part: Some((part, folder.join(print))) })
    }

    /// Deletes what nobody read for long, and what is too much; also parts of scans that were killed.
    pub(super) fn tidy(&self) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            // Another scan may have deleted it meanwhile.
            let Ok(about) = entry.metadata() else { continue };
            files.push((about.modified()?, about.len(), entry.path()));
        }
        files.sort_by(|a, b| b.cmp(a));
        let (now, mut bytes) = (SystemTime::now(), 0);
        for (read, size, path) in files {
            bytes += size;
            let unread = now.duration_since(read).unwrap_or_default();
            if unread > UNREAD || bytes > MOST_BYTES {
                let _ = std::fs::remove_file(path);
            }
        }
        Ok(())
    }
}
