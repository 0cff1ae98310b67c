//! Writes an economy as canonical CSV files: UTF-8, headers named as in the dictionary, one file per table and, for
//! tables kept by month, per month. For small economies: other formats and sizes are the engine's business.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::csv::WriterBuilder;
use arrow::csv::writer::Writer;

use super::Economy;

/// Writes the given tables (all: none given) into `dir`, which is made where it does not exist: `<table>.csv` or
/// `<table>_<period>.csv`, those without rows left out, and `truth.csv` and `truth_relief.csv`. Returns table and file, in canonical order,
/// the truth last.
///
/// # Errors
/// What the file system says, or rows that cannot be made.
pub fn write_csv(economy: &Economy, dir: &Path, tables: &[&str]) -> io::Result<Vec<(&'static str, PathBuf)>> {
    std::fs::create_dir_all(dir)?;
    let mut files: Vec<(&'static str, PathBuf)> = Vec::new();
    let mut open: Option<Writer<BufWriter<File>>> = None;
    let wanted = |table: &&str| tables.is_empty() || tables.contains(table);
    for part in economy.parts().into_iter().filter(|part| wanted(&part.table)) {
        let name = match part.period {
            Some(period) => format!("{}_{period}.csv", part.table),
            None => format!("{}.csv", part.table),
        };
        let path = dir.join(name);
        let batches = economy.rows(&part).map_err(io::Error::other)?;
        for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
            // Parts of one table and month follow each other.
            if files.last().is_none_or(|(_, last)| *last != path) {
                close(open.take())?;
                open = Some(writer(&path)?);
                files.push((part.table, path.clone()));
            }
            if let Some(writer) = open.as_mut() {
                writer.write(batch).map_err(io::Error::other)?;
            }
        }
    }
    close(open)?;
    let labels = [("truth.csv", economy.truth()), ("truth_relief.csv", economy.truth_reliefs())];
    for (name, rows) in labels {
        let path = dir.join(name);
        write(&path, &rows.map_err(io::Error::other)?)?;
        files.push(("truth", path));
    }
    Ok(files)
}

fn write(path: &Path, batch: &RecordBatch) -> io::Result<()> {
    let mut writer = writer(path)?;
    writer.write(batch).map_err(io::Error::other)?;
    close(Some(writer))
}

fn writer(path: &Path) -> io::Result<Writer<BufWriter<File>>> {
    let format = WriterBuilder::new().with_header(true).with_timestamp_format("%Y-%m-%d %H:%M:%S".to_owned());
    Ok(format.build(BufWriter::new(File::create(path)?)))
}

/// An error on the last bytes must not be lost.
fn close(writer: Option<Writer<BufWriter<File>>>) -> io::Result<()> {
    writer.map_or(Ok(()), |writer| writer.into_inner().flush())
}
