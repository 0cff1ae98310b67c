//! Workbooks: XLSX streamed cell by cell; XLS, XLSB and ODS, which have no streaming form, sheet by sheet.
//!
//! Cells become text: numbers in their shortest exact form, dates as `2020-02-29 13:45:00`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringBuilder};
use calamine::{Data, DataRef, Reader, Sheets, open_workbook_auto};

use super::cut::Cut;
use super::header::{self, Search};
use super::shape::{Shape, Skipped};
use super::{BATCH_ROWS, RawBatch, RecordSink, clean_header};
use crate::{EngineError, Result};

/// From here on a cell's double does not hold every whole number a sender may have typed: a spreadsheet keeps 15
/// digits.
const EXACT: f64 = 1e15;
/// Significant digits a spreadsheet keeps.
const DIGITS: usize = 15;

/// Reads one sheet (the first, when none is named) into `sink`.
pub(super) fn read(
    path: &Path,
    shown: &str,
    sheet: Option<&str>,
    (shape, cut): (&Shape, &Cut),
    sink: &mut dyn RecordSink,
) -> Result<()> {
    let broken = |e: calamine::Error| unreadable(shown, &e);
    let mut book: Sheets<BufReader<File>> = open_workbook_auto(path).map_err(broken)?;
    let names = book.sheet_names();
    let sheet = match sheet {
        None => names.first().cloned().ok_or_else(|| EngineError::input(format!("{shown} has no sheet")))?,
        Some(wanted) => {
            let found = names.iter().find(|n| n.trim() == wanted.trim()).cloned();
            if found.is_none() && shape.optional {
                return Ok(());
            }
            found.ok_or_else(|| {
                EngineError::input(format!(
                    "{shown} has no sheet {wanted}; its sheets are {}",
                    names.join(", ")
                ))
            })?
        }
    };
    let shown = format!("{shown} [{sheet}]");
    let mut rows = Rows::new(&shown, (shape, cut), sink)?;
    if let Sheets::Xlsx(xlsx) = &mut book {
        let damaged = |e: calamine::XlsxError| {
            EngineError::input(format!("{shown} is damaged ({e}); ask for it again"))
        };
        let mut cells = xlsx.worksheet_cells_reader(&sheet).map_err(damaged)?;
        while let Some(cell) = cells.next_cell().map_err(damaged)? {
            let (row, column) = cell.get_position();
            rows.cell(row, column as usize, |text| write_ref(text, cell.get_value()))?;
        }
    } else {
        let range = book.worksheet_range(&sheet).map_err(broken)?;
        let (top, left) = range.start().unwrap_or((0, 0));
        for (row, column, value) in range.used_cells() {
            let row = top + u32::try_from(row).unwrap_or(u32::MAX);
            rows.cell(row, left as usize + column, |text| write_owned(text, value))?;
        }
    }
    rows.finish()
}

/// The sheets of a workbook, in order.
pub(super) fn sheets(path: &Path, shown: &str) -> Result<Vec<String>> {
    Ok(open_workbook_auto(path).map_err(|e| unreadable(shown, &e))?.sheet_names())
}

fn unreadable(shown: &str, error: &calamine::Error) -> EngineError {
    EngineError::input(format!(
        "{shown} cannot be read as a workbook ({error}); save it again as .xlsx or ask for it again"
    ))
}

/// Gathers cells, which arrive row by row, into batches.
struct Rows<'a> {
    shown: &'a str,
    sink: &'a mut dyn RecordSink,
    shape: &'a Shape,
    /// Rows at the top that are no records.
    skip_first: usize,
    search: Option<Search<'a>>,
    /// Rows seen while the header is not found yet.
    early: Vec<(u32, Vec<String>)>,
    width: usize,
    current: Vec<String>,
    filled: Vec<bool>,
    row: Option<u32>,
    /// Where the last cell stood.
    last: Option<(u32, usize)>,
    builders: Vec<StringBuilder>,
    rows: Vec<i64>,
    /// Filled cells to the right of the header, which belong to no column.
    outside: usize,
}

impl<'a> Rows<'a> {
    fn new(shown: &'a str, (shape, cut): (&'a Shape, &Cut), sink: &'a mut dyn RecordSink) -> Result<Self> {
        let mut rows = Self {
            shown,
            sink,
            shape,
            skip_first: cut.skip_first,
            search: Some(Search::new(&shape.wanted)),
            early: Vec::new(),
            width: 0,
            current: Vec::new(),
            filled: Vec::new(),
            row: None,
            last: None,
            builders: Vec::new(),
            rows: Vec::new(),
            outside: 0,
        };
        // A sheet without one has the header its feed states; should it stand there after all, it is no record.
        if !cut.header.is_empty() {
            rows.search = None;
            rows.header(cut.header.clone())?;
        }
        Ok(rows)
    }

    fn header(&mut self, names: Vec<String>) -> Result<()> {
        let names = clean_header(self.shown, names)?;
        self.sink.header(&names)?;
        self.width = names.len();
        self.builders = names.iter().map(|_| StringBuilder::new()).collect();
        self.current = vec![String::new(); self.width];
        self.filled = vec![false; self.width];
        Ok(())
    }

    fn cell(&mut self, row: u32, column: usize, write: impl FnOnce(&mut String) -> bool) -> Result<()> {
        // A cell that says it stands elsewhere than it does would take another's place, and leave its own empty.
        if self.last.is_some_and(|last| (row, column) <= last) {
            return Err(EngineError::input(format!(
                "{} is damaged: a cell of row {}, column {} comes after cells that stand behind it; ask for it again",
                self.shown,
                u64::from(row) + 1,
                column + 1
            )));
        }
        self.last = Some((row, column));
        if self.row != Some(row) {
            self.end_row()?;
            self.row = Some(row);
        }
        if self.search.is_none() && column >= self.width {
            let mut text = String::new();
            let counts = row as usize >= self.skip_first && write(&mut text) && !text.trim().is_empty();
            self.outside += usize::from(counts);
            return Ok(());
        }
        while self.current.len() <= column {
            self.current.push(String::new());
            self.filled.push(false);
        }
        let text = &mut self.current[column];
        text.clear();
        self.filled[column] = write(text);
        Ok(())
    }

    fn end_row(&mut self) -> Result<()> {
        let Some(row) = self.row.take() else { return Ok(()) };
        if !self.filled.iter().any(|f| *f) {
            return Ok(());
        }
        if (row as usize) < self.skip_first {
            self.filled.fill(false);
            return self.sink.skipped(Skipped::title(i64::from(row) + 1));
        }
        let Some(search) = &mut self.search else { return self.record(row) };
        self.filled.clear();
        let cells = std::mem::take(&mut self.current);
        let over = search.offer(cells.iter().map(String::as_str));
        self.early.push((row, cells));
        if over { self.begin() } else { Ok(()) }
    }

    /// The header is found, or there will be no better: takes it, and the rows after it as records.
    fn begin(&mut self) -> Result<()> {
        let Some(place) = self.search.take().and_then(|s| s.found()) else { return Ok(()) };
        let mut early = std::mem::take(&mut self.early).into_iter();
        for (row, _) in early.by_ref().take(place) {
            self.sink.skipped(Skipped::title(i64::from(row) + 1))?;
        }
        let Some((_, mut names)) = early.next() else { return Ok(()) };
        while names.last().is_some_and(|n| n.trim().is_empty()) {
            names.pop();
        }
        let cells: Vec<&str> = names.iter().map(String::as_str).collect();
        header::refuse_data(self.shown, &self.shape.wanted, &cells)?;
        self.header(names)?;
        for (row, mut cells) in early {
            self.outside += cells.iter().skip(self.width).filter(|c| !c.trim().is_empty()).count();
            cells.resize(self.width, String::new());
            self.filled = cells.iter().map(|c| !c.is_empty()).collect();
            self.current = cells;
            self.record(row)?;
        }
        self.current = vec![String::new(); self.width];
        self.filled = vec![false; self.width];
        Ok(())
    }

    fn record(&mut self, row: u32) -> Result<()> {
        for (i, builder) in self.builders.iter_mut().enumerate() {
            if self.filled[i] {
                builder.append_value(&self.current[i]);
            } else {
                builder.append_null();
            }
        }
        self.filled.fill(false);
        self.rows.push(i64::from(row) + 1);
        if self.rows.len() == BATCH_ROWS { self.emit() } else { Ok(()) }
    }

    fn emit(&mut self) -> Result<()> {
        let columns = self.builders.iter_mut().map(|b| Arc::new(b.finish()) as ArrayRef).collect();
        self.sink.batch(RawBatch { columns, rows: std::mem::take(&mut self.rows), bad: Vec::new() })
    }

    fn finish(mut self) -> Result<()> {
        self.end_row()?;
        if self.search.is_some() {
            self.begin()?;
        }
        if self.width == 0 {
            return Err(EngineError::input(format!(
                "{} is empty; a header and rows are expected",
                self.shown
            )));
        }
        if self.outside > 0 {
            tracing::warn!(
                "{}: {} filled cells stand to the right of the header's last name and were left out",
                self.shown,
                self.outside
            );
        }
        if self.rows.is_empty() { Ok(()) } else { self.emit() }
    }
}

/// Writes a cell's text; `false` for an empty one.
fn write_ref(text: &mut String, value: &DataRef<'_>) -> bool {
    match value {
        DataRef::Empty => false,
        DataRef::String(s) => push(text, s),
        DataRef::SharedString(s) => push(text, s),
        DataRef::Float(f) => number(text, *f),
        DataRef::Int(i) => write!(text, "{i}").is_ok(),
        DataRef::Bool(b) => write!(text, "{b}").is_ok(),
        DataRef::DateTime(d) => date(text, d),
        DataRef::DateTimeIso(s) | DataRef::DurationIso(s) => push(text, s),
        DataRef::Error(e) => write!(text, "{e}").is_ok(),
        // Formatted text and other kinds a later version of the reader may add.
        #[allow(unreachable_patterns)]
        other => write_owned(text, &Data::from(other.clone())),
    }
}

fn write_owned(text: &mut String, value: &Data) -> bool {
    match value {
        Data::Empty => false,
        Data::String(s) | Data::DateTimeIso(s) | Data::DurationIso(s) => push(text, s),
        Data::Float(f) => number(text, *f),
        Data::Int(i) => write!(text, "{i}").is_ok(),
        Data::Bool(b) => write!(text, "{b}").is_ok(),
        Data::DateTime(d) => date(text, d),
        Data::Error(e) => write!(text, "{e}").is_ok(),
        #[allow(unreachable_patterns)]
        other => write!(text, "{other}").is_ok(),
    }
}

fn push(text: &mut String, value: &str) -> bool {
    text.push_str(value);
    !value.is_empty()
}

/// The shortest decimal that reads back as the same double: 1234.56 stays 1234.56; of one that was computed the 15 digits
/// a spreadsheet keeps and shows: 6.300000000000001 is 6.3. A number too long for a double lost its last digits when it
/// was typed; it is written with an exponent, so that it never passes for the whole.
fn number(text: &mut String, value: f64) -> bool {
    let start = text.len();
    if value.abs() >= EXACT {
        let done = write!(text, "{value:E}").is_ok();
        let exponent = text[start..].find('E').map(|at| start + at + 1);
        exponent.into_iter().for_each(|at| text.insert(at, '+'));
        return done;
    }
    let done = write!(text, "{value}").is_ok();
    let written = text[start..].trim_start_matches(['-', '0', '.']);
    if written.bytes().filter(u8::is_ascii_digit).count() <= DIGITS {
        return done;
    }
    let whole = value.abs().log10().floor().max(-300.0) as i32 + 1;
    let decimals = usize::try_from(DIGITS as i32 - whole).unwrap_or(0);
    text.truncate(start);
    let done = write!(text, "{value:.decimals$}").is_ok();
    if text[start..].contains('.') {
        let kept = text[start..].trim_end_matches('0').trim_end_matches('.').len();
        text.truncate(start + kept);
    }
    done
}

fn date(text: &mut String, value: &calamine::ExcelDateTime) -> bool {
    if value.is_duration() {
        return number(text, value.as_f64());
    }
    let (year, month, day, hour, minute, second, _) = value.to_ymd_hms_milli();
    write!(text, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}").is_ok()
}
