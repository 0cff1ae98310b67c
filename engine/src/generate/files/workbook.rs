//! Writes the e-tax bureau's workbooks: row by row, a new one when the last is full, each with its 合计行.

use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Decimal128Type;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook, Worksheet, XlsxError};

use super::business::{BUSINESSES, business, particular};
use super::etax::{INVOICES_SHEET, LINES_SHEET, invoices_layout, lines_layout, shared_columns};
use super::invoices::{Group, text};
use super::render::TextRows;
use super::{WrittenFile, layout::Layout};
use crate::{EngineError, Result};

/// What the last row of 发票基础信息 has in 序号.
const TOTAL: &str = "合计行";
/// Columns that hold numbers; all others hold text.
const NUMBERS: [&str; 3] = ["金额", "税额", "价税合计"];
/// Day the workbooks claim to be of: a fixed one, for the same rows make the same file.
const CREATED: (u16, u8, u8) = (2025, 1, 1);
/// Sheets before those by business.
const MAIN_SHEETS: usize = 2;

/// Which of the two main sheets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sheet {
    /// 信息汇总表.
    Lines,
    /// 发票基础信息.
    Invoices,
}

impl Sheet {
    fn index(self) -> usize {
        match self {
            Self::Lines => 0,
            Self::Invoices => 1,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lines => LINES_SHEET,
            Self::Invoices => INVOICES_SHEET,
        }
    }
}

/// The workbooks of one month.
pub(super) struct Workbooks {
    folder: PathBuf,
    stem: String,
    invoices: Layout,
    lines: Layout,
    open: Option<Book>,
    number: usize,
    /// Workbooks that are finished.
    pub files: Vec<WrittenFile>,
}

struct Book {
    workbook: Workbook,
    name: String,
    /// Next row of each sheet, 0-based.
    next: Vec<u32>,
    /// Σ金额, Σ税额, Σ价税合计 of the invoices, in cents.
    totals: [i128; 3],
}

impl Workbooks {
    /// Workbooks named `<stem>_<n>.xlsx` in `folder`.
    pub fn new(folder: &Path, stem: String) -> Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            stem,
            invoices: invoices_layout()?,
            lines: lines_layout()?,
            open: None,
            number: 0,
            files: Vec::new(),
        })
    }

    /// Invoices and lines already in the workbook that is open.
    pub fn rows(&self) -> (usize, usize) {
        self.open.as_ref().map_or((0, 0), |book| (book.next[1] as usize - 1, book.next[0] as usize - 1))
    }

    /// Writes rows to a main sheet; returns how lineage names the sheet, and the number of the first row.
    pub fn write(&mut self, sheet: Sheet, rows: &TextRows) -> Result<(String, i64)> {
        let layout = match sheet {
            Sheet::Lines => self.lines.clone(),
            Sheet::Invoices => self.invoices.clone(),
        };
        let book = self.book()?;
        let first = book.next[sheet.index()];
        let label = format!("{} [{}]", book.name, sheet.name());
        let failed = xlsx(&label);
        let numbers: Vec<bool> = layout.columns.iter().map(|c| NUMBERS.contains(&c.name.as_str())).collect();
        let worksheet = book.workbook.worksheet_from_index(sheet.index()).map_err(&failed)?;
        for row in 0..rows.len() {
            let at = first + u32::try_from(row).unwrap_or(u32::MAX);
            for (column, number) in numbers.iter().enumerate() {
                if let Some(value) = rows.cell(row, column) {
                    cell(worksheet, at, column, value, *number).map_err(&failed)?;
                }
            }
        }
        book.next[sheet.index()] = first + u32::try_from(rows.len()).unwrap_or(u32::MAX);
        Ok((label, i64::from(first) + 1))
    }

    /// Adds invoices to the totals and, where they belong to such a business, to its sheet. `rows` are the invoices
    /// as on 发票基础信息, without defects.
    pub fn add_particulars(&mut self, group: &Group, rows: &TextRows) -> Result<()> {
        let shared = shared_columns();
        let (kinds, ids) = (text(&group.invoices, "kind")?, text(&group.invoices, "invoice_id")?);
        let goods = text(&group.lines, "goods_code")?;
        let sums = totals(&group.invoices)?;
        let issued = self.invoices.position("issued_at").unwrap_or(0);
        let book = self.book()?;
        for (total, sum) in book.totals.iter_mut().zip(sums) {
            *total += sum;
        }
        for row in 0..ids.len() {
            let first = group.starts[row];
            let code =
                if group.starts[row + 1] > first && goods.is_valid(first) { goods.value(first) } else { "" };
            let Some(found) = business(kinds.value(row), code) else { continue };
            let failed = xlsx(&book.name);
            let at = book.next[MAIN_SHEETS + found];
            let sheet = book.workbook.worksheet_from_index(MAIN_SHEETS + found).map_err(&failed)?;
            for (column, from) in shared.iter().enumerate() {
                if let Some(value) = rows.cell(row, *from) {
                    let number = (9..12).contains(from);
                    cell(sheet, at, column, value, number).map_err(&failed)?;
                }
            }
            let day = rows.cell(row, issued).unwrap_or_default();
            for (i, (name, how)) in BUSINESSES[found].columns.iter().enumerate() {
                let value = particular(*how, ids.value(row), name, day);
                cell(sheet, at, shared.len() + i, &value, false).map_err(&failed)?;
            }
            book.next[MAIN_SHEETS + found] += 1;
        }
        Ok(())
    }

    fn book(&mut self) -> Result<&mut Book> {
        if self.open.is_none() {
            self.number += 1;
            let name = format!("{}_{:02}.xlsx", self.stem, self.number);
            self.open = Some(Book::new(name, &self.folder, &self.invoices, &self.lines)?);
        }
        self.open.as_mut().ok_or_else(|| EngineError::internal("no workbook is open"))
    }

    /// Closes the workbook that is open.
    pub fn close(&mut self) -> Result<()> {
        let Some(mut book) = self.open.take() else { return Ok(()) };
        let (invoices, lines) = (book.next[1] as usize - 1, book.next[0] as usize - 1);
        book.total_row()?;
        let path = self.folder.join(&book.name);
        book.workbook.save(&path).map_err(xlsx(&book.name))?;
        self.files.push(WrittenFile {
            path,
            rows: vec![("invoice".to_owned(), invoices), ("invoice_line".to_owned(), lines)],
        });
        Ok(())
    }
}

impl Book {
    fn new(name: String, folder: &Path, invoices: &Layout, lines: &Layout) -> Result<Self> {
        let failed = xlsx(&name);
        let mut workbook = Workbook::new();
        workbook.set_tempdir(folder).map_err(&failed)?;
        let created = ExcelDateTime::from_ymd(CREATED.0, CREATED.1, CREATED.2).map_err(&failed)?;
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
        let headers = |layout: &Layout| layout.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
        let shared = shared_columns();
        let mut sheets = vec![(LINES_SHEET, headers(lines)), (INVOICES_SHEET, headers(invoices))];
        for business in &BUSINESSES {
            let mut names: Vec<String> = shared.iter().map(|i| invoices.columns[*i].name.clone()).collect();
            names.extend(business.columns.iter().map(|(name, _)| (*name).to_owned()));
            sheets.push((business.sheet, names));
        }
        for (sheet, headers) in &sheets {
            let worksheet = workbook.add_worksheet_with_low_memory().map_err(&failed)?;
            worksheet.set_name(*sheet).map_err(&failed)?;
            for (column, header) in headers.iter().enumerate() {
                cell(worksheet, 0, column, header, false).map_err(&failed)?;
            }
        }
        Ok(Self { workbook, name, next: vec![1; sheets.len()], totals: [0; 3] })
    }

    fn total_row(&mut self) -> Result<()> {
        let failed = xlsx(&self.name);
        let at = self.next[1];
        let sheet = self.workbook.worksheet_from_index(1).map_err(&failed)?;
        cell(sheet, at, 0, TOTAL, false).map_err(&failed)?;
        for (column, cents) in (9..).zip(self.totals) {
            let sign = if cents < 0 { "-" } else { "" };
            let cents = cents.unsigned_abs();
            let value = format!("{sign}{}.{:02}", cents / 100, cents % 100);
            cell(sheet, at, column, &value, true).map_err(&failed)?;
        }
        Ok(())
    }
}

fn totals(invoices: &RecordBatch) -> Result<[i128; 3]> {
    let mut sums = [0; 3];
    for (sum, name) in sums.iter_mut().zip(["amount", "tax", "total"]) {
        let column = invoices.column(invoices.schema().index_of(name)?);
        *sum = column.as_primitive::<Decimal128Type>().iter().flatten().sum();
    }
    Ok(sums)
}

/// Writes a cell; what is to be a number and is none stands as text.
fn cell(sheet: &mut Worksheet, row: u32, column: usize, value: &str, number: bool) -> Result<(), XlsxError> {
    let column = u16::try_from(column).unwrap_or(u16::MAX);
    match value.parse::<f64>() {
        Ok(parsed) if number && parsed.is_finite() => sheet.write_number(row, column, parsed)?,
        _ => sheet.write_string(row, column, value)?,
    };
    Ok(())
}

fn xlsx(name: &str) -> impl Fn(XlsxError) -> EngineError + use<> {
    let name = name.to_owned();
    move |error| EngineError::internal(format!("{name}: {error}"))
}
