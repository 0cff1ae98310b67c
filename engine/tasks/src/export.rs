//! The files of a list: one workbook per office, or the whole list as CSV or Parquet. A file is whole or absent.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::columns::{Cell, Column, ColumnKind, Width, list_columns, list_row, office_label};
use super::error::TaskError;
use super::evidence::{self, EVIDENCE_SHEET};
use super::files::{free_path, safe_name, write_whole};
use super::model::{Task, TaskItem, Tasks};
use super::number::UNKNOWN_OFFICE;
use super::text::plain_hundredths;
use super::workbook::{DATA_ROWS_MAX, LIST_SHEET, OfficeList, build, month_text};

/// What stands for the name of an office nobody knows.
pub const UNKNOWN_NAME: &str = "主管机关不明";
/// Rows written to Parquet at a time.
const BATCH_ROWS: usize = 65_536;

/// What was filled in before, by task number: an answer begun, or one sent back, travels with its row.
pub type Begun = BTreeMap<String, Filled>;

/// The cells of a task somebody filled in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filled {
    /// A cell for each of [`crate::feedback_columns`].
    pub cells: Vec<Cell>,
    /// What was found of single suspicions, by indicator.
    pub items: BTreeMap<String, String>,
    /// Suspicions that joined since, and want a conclusion of their own.
    pub since: BTreeSet<String>,
}

/// A workbook that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Office it is for; none when unknown.
    pub office_code: Option<String>,
    /// Tasks in it.
    pub tasks: usize,
    /// Hits in it.
    pub items: usize,
}

/// Writes one workbook per office into `folder`: `<office code>_<office name>_<latest as of>.xlsx`, in order of office code,
/// the list without a known office last. A file of the same name is replaced. Without tasks nothing is written. Rows of tasks in
/// `begun` are filled in as it says.
///
/// # Errors
/// A folder that cannot be written; a list longer than a sheet. Workbooks written before the error stay.
pub fn export_xlsx(tasks: &Tasks, begun: &Begun, folder: &Path) -> Result<Vec<ExportedFile>, TaskError> {
    std::fs::create_dir_all(folder).map_err(|source| TaskError::Io { path: folder.to_path_buf(), source })?;
    let mut lists: BTreeMap<(bool, &str), OfficeList<'_>> = BTreeMap::new();
    for (task, items) in with_items(tasks) {
        let code = task.office_code.as_deref();
        let list = lists.entry((code.is_none(), code.unwrap_or(UNKNOWN_OFFICE))).or_insert_with(|| {
            OfficeList { office: list_name(task), unknown: code.is_none(), tasks: Vec::new(), begun }
        });
        list.tasks.push((task, items));
    }
    let mut taken = Vec::new();
    let mut written = Vec::with_capacity(lists.len());
    for ((unknown, code), list) in &lists {
        let name = if *unknown { UNKNOWN_NAME } else { file_label(list) };
        let stem = format!("{}_{}_{}", safe_name(code), safe_name(name), list.as_of());
        let path = free_path(folder, &stem, "xlsx", &mut taken);
        write_workbook(list, &path, folder)?;
        let office_code = (!unknown).then(|| (*code).to_owned());
        written.push(ExportedFile {
            path,
            office_code,
            tasks: list.tasks.len(),
            items: evidence::rows(list),
        });
    }
    Ok(written)
}

fn file_label<'a>(list: &OfficeList<'a>) -> &'a str {
    list.tasks.first().and_then(|(task, _)| task.office_name.as_deref()).unwrap_or("名称未登记")
}

/// The office as the title shows it: with the offices above it when known.
fn list_name(task: &Task) -> String {
    match (&task.office_path, &task.office_code) {
        (Some(path), _) => path.clone(),
        (None, Some(_)) => office_label(task).to_owned(),
        (None, None) => UNKNOWN_NAME.to_owned(),
    }
}

fn write_workbook(list: &OfficeList<'_>, path: &Path, folder: &Path) -> Result<(), TaskError> {
    for (sheet, rows) in [(LIST_SHEET, list.tasks.len()), (EVIDENCE_SHEET, evidence::rows(list))] {
        if rows > DATA_ROWS_MAX {
            return Err(TaskError::TooManyRows {
                sheet,
                office: list.office.clone(),
                rows,
                limit: DATA_ROWS_MAX,
            });
        }
    }
    let failed = |source| TaskError::Workbook { path: path.to_path_buf(), source };
    write_whole(path, |file| {
        let write = || build(list, folder).and_then(|mut book| book.save_to_writer(file)).map_err(failed);
        // The writer panics where the temporary files of a large workbook cannot be written.
        std::panic::catch_unwind(AssertUnwindSafe(write)).unwrap_or_else(|_| {
            let source = std::io::Error::other("the workbook's temporary files could not be written");
            Err(TaskError::Io { path: folder.to_path_buf(), source })
        })
    })
}

/// Writes the whole list as CSV: UTF-8 with a byte order mark and CRLF, so that a spreadsheet opens it as it is.
///
/// Cells a spreadsheet would spoil or execute open with a tab: long runs of digits (it would round them) and texts that
/// open with `=`, `+`, `-` or `@` (it would calculate them). Programs read Parquet, or trim.
///
/// # Errors
/// A file that cannot be written.
pub fn export_csv(tasks: &Tasks, path: &Path) -> Result<(), TaskError> {
    write_whole(path, |file| {
        let failed = |source| TaskError::Io { path: path.to_path_buf(), source };
        file.write_all("\u{feff}".as_bytes()).map_err(failed)?;
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(file);
        let failed = |source: csv::Error| TaskError::Io { path: path.to_path_buf(), source: source.into() };
        writer.write_record(list_columns().iter().map(|column| column.zh)).map_err(failed)?;
        for (at, (task, items)) in with_items(tasks).enumerate() {
            let cells = list_row(at + 1, task, items, Width::Full);
            writer.write_record(cells.iter().map(csv_cell)).map_err(failed)?;
        }
        writer.flush().map_err(|source| TaskError::Io { path: path.to_path_buf(), source })
    })
}

fn csv_cell(cell: &Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => {
            let rounded = text.len() > 11 && text.bytes().all(|byte| byte.is_ascii_digit());
            let tab = if rounded || text.starts_with(['=', '+', '-', '@']) { "\t" } else { "" };
            format!("{tab}{text}")
        }
        Cell::Count(count) => count.to_string(),
        Cell::Hundredths(value) => plain_hundredths(*value),
        Cell::Share(share) => format!("{share:.4}"),
        Cell::Month(month) => month_text(*month),
        Cell::Date(day) => date_text(*day),
    }
}

/// `2026-11-21`, or nothing for a day no calendar has.
/// A stored day (since 1970-01-01) as `2020-02-29`.
pub fn date_text(day: i32) -> String {
    let date = chrono::NaiveDate::default().checked_add_signed(chrono::Duration::days(i64::from(day)));
    date.map(|date| date.format("%Y-%m-%d").to_string()).unwrap_or_default()
}

/// Writes the whole list as Parquet (zstd): the columns of [`list_columns`] under their English names, money as
/// `decimal(18,2)`, months as `int` YYYYMM, dates as `date`.
///
/// # Errors
/// A file that cannot be written.
pub fn export_parquet(tasks: &Tasks, path: &Path) -> Result<(), TaskError> {
    write_whole(path, |file| {
        let failed = |source| TaskError::Parquet { path: path.to_path_buf(), source };
        let level = ZstdLevel::try_new(3).map_err(failed)?;
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
        let schema = list_batch(&[])?.schema();
        let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(failed)?;
        let mut rows = Vec::new();
        for (at, (task, items)) in with_items(tasks).enumerate() {
            rows.push(list_row(at + 1, task, items, Width::Full));
            if rows.len() == BATCH_ROWS {
                writer.write(&list_batch(&rows)?).map_err(failed)?;
                rows.clear();
            }
        }
        writer.write(&list_batch(&rows)?).map_err(failed)?;
        writer.close().map_err(failed)?;
        Ok(())
    })
}

fn list_batch(rows: &[Vec<Cell>]) -> Result<RecordBatch, TaskError> {
    let columns: Result<Vec<_>, TaskError> = list_columns()
        .iter()
        .enumerate()
        .map(|(at, column)| Ok((column.id, array(column, rows.iter().map(|row| &row[at]))?, true)))
        .collect();
    Ok(RecordBatch::try_from_iter_with_nullable(columns?)?)
}

fn array<'a>(column: &Column, cells: impl Iterator<Item = &'a Cell>) -> Result<ArrayRef, TaskError> {
    Ok(match column.kind {
        ColumnKind::Count => Arc::new(Int64Array::from_iter(cells.map(|cell| match cell {
            Cell::Count(count) => Some(*count),
            _ => None,
        }))),
        ColumnKind::Points | ColumnKind::Money => {
            let values: Decimal128Array = cells
                .map(|cell| match cell {
                    Cell::Hundredths(value) => Some(*value),
                    _ => None,
                })
                .collect();
            Arc::new(values.with_precision_and_scale(18, 2)?)
        }
        ColumnKind::Share => Arc::new(Float64Array::from_iter(cells.map(|cell| match cell {
            Cell::Share(share) => Some(*share),
            _ => None,
        }))),
        ColumnKind::Month => Arc::new(Int32Array::from_iter(cells.map(|cell| match cell {
            Cell::Month(month) => Some(*month),
            _ => None,
        }))),
        ColumnKind::Date => Arc::new(Date32Array::from_iter(cells.map(|cell| match cell {
            Cell::Date(day) => Some(*day),
            _ => None,
        }))),
        ColumnKind::Key | ColumnKind::Text | ColumnKind::Code | ColumnKind::Grade => {
            Arc::new(StringArray::from_iter(cells.map(|cell| match cell {
                Cell::Text(text) => Some(text.as_str()),
                _ => None,
            })))
        }
    })
}

/// Each task with its hits; items lie in the order of the tasks.
fn with_items(tasks: &Tasks) -> impl Iterator<Item = (&Task, &[TaskItem])> {
    let mut rest = tasks.items.as_slice();
    tasks.tasks.iter().map(move |task| {
        let count = rest.iter().take_while(|item| item.task_no == task.task_no).count();
        let (items, later) = rest.split_at(count);
        rest = later;
        (task, items)
    })
}
