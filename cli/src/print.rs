//! Results on stdout, messages on stderr.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use assay_sql::{Format, OutputOptions, write_stream};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::memory::MemoryStream;

/// One line on stdout.
pub fn line(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}

/// One line on stderr.
pub fn error(text: &str) {
    // Nowhere left to say that this failed.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Streams a result to stdout.
pub async fn stream(
    stream: SendableRecordBatchStream,
    format: Format,
    options: &OutputOptions,
) -> anyhow::Result<u64> {
    let mut out = BufWriter::new(std::io::stdout());
    let rows = write_stream(stream, format, options, &mut out).await?;
    out.flush()?;
    Ok(rows)
}

/// Streams a result into a file. It is written beside and renamed: a failed query leaves no half of a file.
pub async fn file(
    path: &Path,
    stream: SendableRecordBatchStream,
    format: Format,
    options: &OutputOptions,
) -> anyhow::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)
        .with_context(|| format!("cannot write to {}", folder.display()))?;
    let mut out = BufWriter::new(file.as_file_mut());
    let rows = write_stream(stream, format, options, &mut out).await?;
    out.flush()?;
    drop(out);
    file.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
    error(&format!("{}: {rows} rows", path.display()));
    Ok(())
}

/// Rows of text as a table, CSV or JSON.
pub async fn rows(header: &[&str], rows: &[Vec<String>], format: Format) -> anyhow::Result<()> {
    let schema = Arc::new(Schema::new(
        header.iter().map(|h| Field::new(*h, DataType::Utf8, true)).collect::<Vec<_>>(),
    ));
    let columns: Vec<ArrayRef> = (0..header.len())
        .map(|i| Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r[i].as_str()))) as ArrayRef)
        .collect();
    batch(RecordBatch::try_new(schema, columns)?, format).await
}

/// All rows of a batch as a table, CSV or JSON.
pub async fn batch(batch: RecordBatch, format: Format) -> anyhow::Result<()> {
    let schema = batch.schema();
    let memory = MemoryStream::try_new(vec![batch], schema, None)?;
    let options = OutputOptions { table_rows: usize::MAX, cell_width: 100 };
    stream(Box::pin(memory), format, &options).await.map(|_| ())
}

/// `1234567` → `1,234,567`.
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}
