//! Writes an economy as canonical CSV files: UTF-8, headers named as in the dictionary, one invoice file per month.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::csv::WriterBuilder;
use arrow::datatypes::Int32Type;

use super::Economy;
use crate::schema::PERIOD;

/// Writes `office.csv`, `taxpayer.csv`, `invoice_<period>.csv` for each month, and `truth.csv` into `dir`, which is
/// made where it does not exist. Returns the files in that order.
///
/// # Errors
/// What the file system says.
pub fn write_csv(economy: &Economy, dir: &Path) -> io::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(dir)?;
    let mut files = vec![
        write(dir.join("office.csv"), &economy.office)?,
        write(dir.join("taxpayer.csv"), &economy.taxpayer)?,
    ];
    for (period, month) in by_period(&economy.invoice)? {
        files.push(write(dir.join(format!("invoice_{period}.csv")), &month)?);
    }
    files.push(write(dir.join("truth.csv"), &economy.truth)?);
    Ok(files)
}

/// Cuts invoices, which are in the order of time, into months without copying them.
fn by_period(invoices: &RecordBatch) -> io::Result<Vec<(i32, RecordBatch)>> {
    let index = invoices.schema().index_of(PERIOD).map_err(io::Error::other)?;
    let periods = invoices.column(index).as_primitive::<Int32Type>().values();
    let mut months = Vec::new();
    let mut start = 0;
    for run in periods.chunk_by(|one, next| one == next) {
        months.push((run[0], invoices.slice(start, run.len())));
        start += run.len();
    }
    Ok(months)
}

fn write(path: PathBuf, batch: &RecordBatch) -> io::Result<PathBuf> {
    let mut out = BufWriter::new(File::create(&path)?);
    let format = WriterBuilder::new().with_header(true).with_timestamp_format("%Y-%m-%d %H:%M:%S".to_owned());
    let mut writer = format.build(&mut out);
    writer.write(batch).map_err(io::Error::other)?;
    drop(writer);
    out.flush()?;
    Ok(path)
}
