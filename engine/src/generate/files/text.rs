//! Delimited text: CSV with a header, in UTF-8 or GB18030, and the text tables of Oracle exports and Hive (fields
//! parted by `\001`, `\N` for a missing value, nothing quoted, no header).

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::render::{Broken, TextRows};
use super::{FileWriter, TextEncoding};
use crate::{EngineError, Result};

/// Bytes of a missing value in Hive's text tables.
const HIVE_NULL: &str = "\\N";
/// What parts fields in Hive's text tables.
const HIVE_DELIMITER: u8 = 1;
/// Text is encoded and written in pieces of about this size.
const CHUNK: usize = 1 << 18;
/// Records taken together.
const RECORDS: usize = 4096;
/// A byte that begins no character, in UTF-8 as in GB18030.
const FOREIGN: u8 = 0xFF;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Csv,
    Hive,
}

/// Writes one file of delimited text.
pub(super) struct TextWriter {
    path: PathBuf,
    out: BufWriter<File>,
    dialect: Dialect,
    encoding: TextEncoding,
    /// UTF-8 not yet written.
    buffer: Vec<u8>,
}

impl TextWriter {
    /// A CSV file with a header.
    pub fn csv(path: &Path, encoding: TextEncoding, header: &[String]) -> Result<Self> {
        let mut writer = Self::open(path, Dialect::Csv, encoding)?;
        writer.record(header.iter().map(|name| Some(name.as_str())))?;
        Ok(writer)
    }

    /// A Hive text table, which has no header.
    pub fn hive(path: &Path, encoding: TextEncoding) -> Result<Self> {
        Self::open(path, Dialect::Hive, encoding)
    }

    fn open(path: &Path, dialect: Dialect, encoding: TextEncoding) -> Result<Self> {
        let out = BufWriter::with_capacity(CHUNK, File::create(path).map_err(EngineError::file(path))?);
        Ok(Self { path: path.to_owned(), out, dialect, encoding, buffer: Vec::with_capacity(CHUNK + 4096) })
    }

    fn record<'a>(&mut self, cells: impl Iterator<Item = Option<&'a str>>) -> Result<()> {
        match self.dialect {
            Dialect::Csv => {
                let mut csv = csv::Writer::from_writer(&mut self.buffer);
                csv.write_record(cells.map(Option::unwrap_or_default)).map_err(std::io::Error::other)?;
                csv.flush()?;
            }
            Dialect::Hive => self.hive_record(cells)?,
        }
        if self.buffer.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    /// Whole records, many at once.
    fn records(&mut self, rows: &TextRows, range: Range<usize>) -> Result<()> {
        let columns = rows.columns.len();
        match self.dialect {
            Dialect::Csv => {
                let mut csv = csv::Writer::from_writer(&mut self.buffer);
                for row in range {
                    let cells = (0..columns).map(|column| rows.cell(row, column).unwrap_or_default());
                    csv.write_record(cells).map_err(std::io::Error::other)?;
                }
                csv.flush()?;
            }
            Dialect::Hive => {
                for row in range {
                    self.hive_record((0..columns).map(|column| rows.cell(row, column)))?;
                }
            }
        }
        if self.buffer.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    fn hive_record<'a>(&mut self, cells: impl Iterator<Item = Option<&'a str>>) -> Result<()> {
        for (i, cell) in cells.enumerate() {
            if i > 0 {
                self.buffer.push(HIVE_DELIMITER);
            }
            let cell = cell.unwrap_or(HIVE_NULL);
            if cell.bytes().any(|b| matches!(b, HIVE_DELIMITER | b'\n' | b'\r')) {
                return Err(EngineError::input(format!(
                    "{}: {cell:?} holds a line break or \\001, which Hive's text cannot hold; write another format",
                    self.path.display()
                )));
            }
            self.buffer.extend_from_slice(cell.as_bytes());
        }
        self.buffer.push(b'\n');
        Ok(())
    }

    /// Writes what is gathered, in the file's encoding.
    fn flush(&mut self) -> Result<()> {
        let written = match self.encoding {
            TextEncoding::Utf8 => self.out.write_all(&self.buffer),
            TextEncoding::Gb18030 => {
                let text = std::str::from_utf8(&self.buffer).map_err(std::io::Error::other)?;
                self.out.write_all(&encoding_rs::GB18030.encode(text).0)
            }
        };
        self.buffer.clear();
        written.map_err(EngineError::file(&self.path))
    }

    fn broken<'a>(&mut self, how: Broken, cells: impl Iterator<Item = Option<&'a str>>) -> Result<()> {
        match how {
            Broken::Fields => self.record(cells.chain(std::iter::once(Some("1")))),
            Broken::Encoding => {
                self.flush()?;
                self.record(cells)?;
                let record = std::mem::take(&mut self.buffer);
                let foreign = foreign(&record, self.encoding);
                self.out.write_all(&foreign).map_err(EngineError::file(&self.path))
            }
        }
    }
}

/// A record in the other encoding, as when two exports are glued together; where that happens to be readable, with a
/// byte that is not.
fn foreign(record: &[u8], file: TextEncoding) -> Vec<u8> {
    let text = String::from_utf8_lossy(record);
    let (mut bytes, codec) = match file {
        TextEncoding::Utf8 => (encoding_rs::GB18030.encode(&text).0.into_owned(), encoding_rs::UTF_8),
        TextEncoding::Gb18030 => (record.to_vec(), encoding_rs::GB18030),
    };
    let (_, broken) = codec.decode_without_bom_handling(&bytes);
    // Foreign bytes must not swallow a delimiter or the line's end: only whole characters may differ.
    let ends_alike = bytes.iter().filter(|b| **b == b'\n').count() == 1;
    if !broken || !ends_alike || file == TextEncoding::Gb18030 {
        bytes = match file {
            TextEncoding::Utf8 => record.to_vec(),
            TextEncoding::Gb18030 => encoding_rs::GB18030.encode(&text).0.into_owned(),
        };
        bytes.insert(0, FOREIGN);
    }
    bytes
}

impl FileWriter for TextWriter {
    fn write(&mut self, rows: &TextRows) -> Result<()> {
        let mut from = 0;
        while from < rows.len() {
            if let Some(how) = rows.broken(from) {
                self.broken(how, (0..rows.columns.len()).map(|column| rows.cell(from, column)))?;
                from += 1;
                continue;
            }
            let mut to = from + 1;
            while to < rows.len() && to - from < RECORDS && rows.broken(to).is_none() {
                to += 1;
            }
            self.records(rows, from..to)?;
            from = to;
        }
        Ok(())
    }

    fn first_row(&self) -> i64 {
        match self.dialect {
            Dialect::Csv => 2,
            Dialect::Hive => 1,
        }
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.flush()?;
        self.out.flush().map_err(EngineError::file(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_records_cannot_be_read_as_the_file() {
        for (text, file) in [
            ("1,税务\n", TextEncoding::Utf8),
            ("1,abc\n", TextEncoding::Utf8),
            ("1,税务\n", TextEncoding::Gb18030),
            ("1,2\n", TextEncoding::Gb18030),
        ] {
            let bytes = foreign(text.as_bytes(), file);
            let broken = match file {
                TextEncoding::Utf8 => std::str::from_utf8(&bytes).is_err(),
                TextEncoding::Gb18030 => encoding_rs::GB18030.decode_without_bom_handling(&bytes).1,
            };
            assert!(broken, "{text:?}");
            assert_eq!(bytes.iter().filter(|b| **b == b'\n').count(), 1);
        }
    }
}
