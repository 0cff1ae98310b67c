//! Plain, `.gz`, `.zst` and `.zip` files as streams of their members; a database query as a stream of text.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::PlainFile;
use super::postgres::{Query, Streamed};
use crate::{EngineError, Result};

/// One readable thing inside a file: the file itself, what it compresses, or one entry of an archive.
#[derive(Debug, Clone)]
pub struct Member {
    /// The file on disk; of a query its name, which is no file.
    pub path: PathBuf,
    /// Name that tells the format: the file's, without the compression's ending, or the entry's.
    pub name: String,
    pub(super) packing: Packing,
}

#[derive(Debug, Clone)]
pub(super) enum Packing {
    /// A folder or archive read as one input (see `bundle`).
    Bundle,
    Plain,
    Gzip,
    Zstd,
    Zip {
        offset: u64,
        packed: u64,
        deflated: bool,
        crc: u32,
    },
    Query(Arc<Query>),
}

impl Member {
    /// The result of a query, read as CSV text.
    pub fn query(query: Query) -> Self {
        Self {
            path: PathBuf::from(query.label()),
            name: "query.csv".into(),
            packing: Packing::Query(Arc::new(query)),
        }
    }

    /// Whether it is the result of a query, which is not known before it has been read.
    pub fn is_query(&self) -> bool {
        matches!(self.packing, Packing::Query(_))
    }

    /// Size and hash of what a query gave; `None` for files, and before the end of the query's result.
    pub fn streamed(&self) -> Option<Streamed> {
        match &self.packing {
            Packing::Query(query) => query.streamed(),
            _ => None,
        }
    }

    /// A file as it lies there.
    pub(super) fn plain(path: &Path) -> Self {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        Self { path: path.to_owned(), name, packing: Packing::Plain }
    }

    /// The name users see: `file` or `file!entry`.
    pub fn display(&self) -> String {
        if let Packing::Query(query) = &self.packing {
            return query.label().to_owned();
        }
        let file = self
            .path
            .file_name()
            .map_or_else(|| self.path.display().to_string(), |n| n.to_string_lossy().into());
        match self.packing {
            Packing::Zip { .. } => format!("{file}!{}", self.name),
            _ => file,
        }
    }

    /// Its bytes, unpacked.
    pub fn open(&self) -> Result<Box<dyn Read + Send>> {
        if let Packing::Query(query) = &self.packing {
            return Ok(Box::new(query.open()));
        }
        let mut file = File::open(&self.path).map_err(EngineError::file(&self.path))?;
        Ok(match &self.packing {
            Packing::Plain | Packing::Bundle | Packing::Query(_) => Box::new(file),
            Packing::Gzip => {
                Box::new(flate2::read::MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file)))
            }
            Packing::Zstd => Box::new(zstd::Decoder::new(file).map_err(EngineError::file(&self.path))?),
            Packing::Zip { offset, packed, deflated, crc } => {
                file.seek(SeekFrom::Start(*offset)).map_err(EngineError::file(&self.path))?;
                let packed = BufReader::with_capacity(1 << 16, file).take(*packed);
                let plain: Box<dyn Read + Send> = if *deflated {
                    Box::new(flate2::read::DeflateDecoder::new(packed))
                } else {
                    Box::new(packed)
                };
                Box::new(Checked { inner: plain, crc: flate2::Crc::new(), expected: *crc })
            }
        })
    }

    /// A file on disk with its bytes, for readers that need to seek.
    pub fn plain_file(&self) -> Result<PlainFile> {
        if matches!(self.packing, Packing::Plain) {
            return Ok(PlainFile::Own(self.path.clone()));
        }
        let suffix = Path::new(&self.name)
            .extension()
            .map(|e| format!(".{}", e.to_string_lossy()))
            .unwrap_or_default();
        let mut copy = tempfile::Builder::new().suffix(&suffix).tempfile()?;
        std::io::copy(&mut self.open()?, &mut copy).map_err(|e| self.broken(&e))?;
        Ok(PlainFile::Unpacked(copy))
    }

    /// A read error as the user should see it.
    pub fn broken(&self, error: &std::io::Error) -> EngineError {
        if self.is_query() {
            return EngineError::input(error.to_string());
        }
        let reason = match error.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                "it ends too early: the file is truncated; ask for it again".to_owned()
            }
            std::io::ErrorKind::InvalidData
            | std::io::ErrorKind::InvalidInput
            | std::io::ErrorKind::Other => {
                format!("it is damaged ({error}); ask for it again")
            }
            _ => error.to_string(),
        };
        EngineError::input(format!("{}: {reason}", self.display()))
    }
}

/// Compares a zip entry's checksum at its end.
struct Checked {
    inner: Box<dyn Read + Send>,
    crc: flate2::Crc,
    expected: u32,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.crc.update(&buffer[..n]);
        if n == 0 && !buffer.is_empty() && self.crc.sum() != self.expected {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "checksum differs"));
        }
        Ok(n)
    }
}

/// What can be read from the file at `path`.
///
/// # Errors
/// When it does not exist, is empty, or is not the archive its name says.
pub fn members(path: &Path) -> Result<Vec<Member>> {
    let shown = path.display();
    let meta = std::fs::metadata(path).map_err(EngineError::file(path))?;
    if meta.is_dir() {
        return Err(EngineError::input(format!(
            "{shown} is a folder; name its files, for example {shown}/*.csv"
        )));
    }
    if meta.len() == 0 {
        return Err(EngineError::input(format!("{shown} is empty (0 bytes); ask for the file again")));
    }
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let lower = name.to_lowercase();
    let stem = |ending: &str| name[..name.len() - ending.len()].to_owned();
    if lower.ends_with(".zip") {
        return zip_members(path);
    }
    let (name, packing) = if lower.ends_with(".gz") {
        (stem(".gz"), Packing::Gzip)
    } else if lower.ends_with(".zst") {
        (stem(".zst"), Packing::Zstd)
    } else {
        (name.clone(), Packing::Plain)
    };
    Ok(vec![Member { path: path.to_owned(), name, packing }])
}

fn zip_members(path: &Path) -> Result<Vec<Member>> {
    let shown = path.display();
    let file = File::open(path).map_err(EngineError::file(path))?;
    let damaged = |e: zip::result::ZipError| {
        EngineError::input(format!("{shown} is not a readable zip archive ({e}); ask for the file again"))
    };
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
    let mut found = Vec::new();
    for i in 0..archive.len() {
        let entry = archive.by_index_raw(i).map_err(damaged)?;
        if entry.is_dir() {
            continue;
        }
        let name = entry.name().map_err(damaged)?.into_owned();
        if entry.encrypted() {
            return Err(EngineError::input(format!("{shown}: entry {name} is encrypted; unpack it first")));
        }
        let deflated = match entry.compression() {
            zip::CompressionMethod::Stored => false,
            zip::CompressionMethod::Deflated => true,
            other => {
                return Err(EngineError::input(format!(
                    "{shown}: entry {name} is packed with {other}; only stored and deflated entries are read, pack it again"
                )));
            }
        };
        let offset = entry
            .data_start()
            .ok_or_else(|| EngineError::input(format!("{shown}: entry {name} has no data")))?;
        let packing = Packing::Zip { offset, packed: entry.compressed_size(), deflated, crc: entry.crc32() };
        found.push(Member { path: path.to_owned(), name, packing });
    }
    if found.is_empty() {
        return Err(EngineError::input(format!("{shown} is an archive without files")));
    }
    Ok(found)
}
