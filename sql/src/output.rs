//! Writes the result of a query as a table, CSV, JSON or Parquet while it streams in.
//!
//! Nothing but the rows shown in a table is held. Null is an empty field in CSV (an empty text too: the formats
//! that keep them apart are JSON and Parquet), `null` in JSON, `∅` in a table. CSV is UTF-8 without byte order
//! mark. JSON is one array of objects; decimals are numbers with all their digits, dates and
//! timestamps ISO 8601. Parquet is compressed with zstd.

mod table;

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use arrow::array::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use futures::TryStreamExt;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::error::Result;

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Aligned columns for people; long results are cut.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// One array of objects.
    Json,
    /// One Parquet file.
    Parquet,
}

impl Format {
    /// All formats, as their names are typed.
    pub const ALL: [Self; 4] = [Self::Table, Self::Csv, Self::Json, Self::Parquet];

    /// The name people type, also a usual file ending for all but `table`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Parquet => "parquet",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|format| format.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("unknown format {text}; give table, csv, json or parquet"))
    }
}

/// What a reader may want different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputOptions {
    /// How many rows a table shows before "… n more rows".
    pub table_rows: usize,
    /// How wide a cell of a table may get, in columns of the terminal; longer text ends in `…`. At least 1.
    pub cell_width: usize,
}

impl Default for OutputOptions {
    fn default() -> Self {
        Self { table_rows: 40, cell_width: 60 }
    }
}

/// Writes a stream of batches to `out` and gives the number of rows it had (in a table: shown or not).
///
/// # Errors
/// When the query fails on the way, a value cannot be written in the format, or `out` cannot be written.
pub async fn write_stream(
    stream: SendableRecordBatchStream,
    format: Format,
    options: &OutputOptions,
    out: impl Write + Send,
) -> Result<u64> {
    match format {
        Format::Table => write_table(stream, options, out).await,
        Format::Csv => write_csv(stream, out).await,
        Format::Json => write_json(stream, out).await,
        Format::Parquet => write_parquet(stream, out).await,
    }
}

async fn write_table(
    mut stream: SendableRecordBatchStream,
    options: &OutputOptions,
    mut out: impl Write + Send,
) -> Result<u64> {
    let mut table = table::Table::new(&stream.schema(), options);
    while let Some(batch) = stream.try_next().await? {
        table.push(&batch)?;
    }
    table.write(&mut out)?;
    out.flush()?;
    Ok(table.rows())
}

async fn write_csv(mut stream: SendableRecordBatchStream, out: impl Write + Send) -> Result<u64> {
    let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(out);
    // Writes the header also where no batch follows.
    writer.write(&RecordBatch::new_empty(stream.schema()))?;
    let mut rows = 0;
    while let Some(batch) = stream.try_next().await? {
        writer.write(&batch)?;
        rows += batch.num_rows() as u64;
    }
    writer.into_inner().flush()?;
    Ok(rows)
}

async fn write_json(mut stream: SendableRecordBatchStream, out: impl Write + Send) -> Result<u64> {
    let mut writer = arrow::json::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, arrow::json::writer::JsonArray>(out);
    let mut rows = 0;
    while let Some(batch) = stream.try_next().await? {
        writer.write(&batch)?;
        rows += batch.num_rows() as u64;
    }
    writer.finish()?;
    let mut out = writer.into_inner();
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(rows)
}

async fn write_parquet(mut stream: SendableRecordBatchStream, out: impl Write + Send) -> Result<u64> {
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(out, stream.schema(), Some(properties))?;
    let mut rows = 0;
    while let Some(batch) = stream.try_next().await? {
        writer.write(&batch)?;
        rows += batch.num_rows() as u64;
    }
    writer.close()?;
    Ok(rows)
}

#[cfg(test)]
#[path = "output/tests.rs"]
mod tests;
