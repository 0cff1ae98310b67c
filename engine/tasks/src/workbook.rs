//! The workbook of one office: the task list (下发 columns locked, 反馈 columns to fill in), its evidence, and how to
//! fill it in.
//!
//! Sheets of many rows are written row by row in the writer's low-memory mode, which keeps one row and the shared strings in
//! memory. Its constant-memory mode would need less, but stores each text within its cell: files grow, and the legal
//! bases and documents repeated in every row are exactly what shared strings save.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::Datelike;
use rust_xlsxwriter::{
    DataValidation, DataValidationErrorStyle, DataValidationRule, DocProperties, ExcelDateTime, Format,
    IgnoreError, Workbook, Worksheet, XlsxError,
};

use super::columns::{Cell, ColumnKind, Width, list_columns, list_row};
use super::export::{Begun, Filled};
use super::feedback::{FeedbackColumn, FeedbackKind, MONEY_MAX, feedback_columns};
use super::model::{Task, TaskItem};
use super::sheet::{Formats, margins, page_setup, protect, row_height};
use super::text::{month_zh, yuan};
use super::{evidence, guide};

/// Title of the list.
const LIST_TITLE: &str = "税收风险应对任务清单";
/// Name of the sheet with the list.
pub const LIST_SHEET: &str = "任务清单";
/// Row of the headers on every list sheet, 0-based; the rows above hold title, summary and bands.
pub const HEADER_ROW: u32 = 3;
/// Data rows a list sheet has.
pub(super) const DATA_ROWS_MAX: usize = 1_048_576 - HEADER_ROW as usize - 1;

/// Suspicions of an office up to which its sheets are made in memory: some hundred megabytes.
const ROWS_IN_MEMORY: usize = 20_000;

/// Columns that stay in view: up to the name of the taxpayer.
const FROZEN_COLUMNS: u16 = 8;
/// Page widths a row is printed on.
const PRINTED_PAGES: u16 = 4;
/// First columns of the bands above the headers, the frozen ones aside.
const BANDS: [u16; 4] = [0, 20, 27, 34];
/// Columns repeated on each printed page: id and name of the taxpayer.
const REPEATED: (u16, u16) = (6, 7);

/// The part of a list that goes to one office.
pub(super) struct OfficeList<'a> {
    /// As the title shows it.
    pub(super) office: String,
    /// Whether nobody knows the office.
    pub(super) unknown: bool,
    /// Tasks in rank order, each with its hits.
    pub(super) tasks: Vec<(&'a Task, &'a [TaskItem])>,
    /// What was filled in before.
    pub(super) begun: &'a Begun,
}

impl OfficeList<'_> {
    pub(super) fn title(&self, what: &str) -> String {
        let note = if self.unknown {
            "（登记数据中没有主管税务机关，须先认领再分派）"
        } else {
            ""
        };
        format!("{what} — {}{note}", self.office)
    }

    /// As of when, how many of which grade, how much.
    pub(super) fn summary(&self) -> String {
        let count = |grade: &str| self.tasks.iter().filter(|(task, _)| task.grade == grade).count();
        let amounts: Vec<i128> = self.tasks.iter().filter_map(|(task, _)| task.amount).collect();
        let total = if amounts.is_empty() { "无法估算".to_owned() } else { yuan(amounts.iter().sum()) };
        let (as_of, batch) = (self.as_of(), self.batch());
        let since = |(task, _): &&(&Task, &[TaskItem])| {
            self.begun.get(&task.task_no).is_some_and(|filled| !filled.since.is_empty())
        };
        let joined = match self.tasks.iter().filter(since).count() {
            0 => String::new(),
            n => format!(
                " ｜ {n}户上次反馈后有新增疑点（核实结论标红），请在「{}」逐项填写",
                evidence::EVIDENCE_SHEET
            ),
        };
        format!(
            "数据截至{} ｜ 批次{batch} ｜ 共{}户：高{}、中{}、低{} ｜ 预估税款合计{total} ｜ 黄色各列由应对人员填写，其余各列锁定{joined}",
            month_zh(as_of),
            self.tasks.len(),
            count("high"),
            count("medium"),
            count("low"),
        )
    }

    /// Batches of the tasks, none twice.
    pub(super) fn batch(&self) -> String {
        let batches: BTreeSet<&str> = self.tasks.iter().map(|(task, _)| task.batch.as_str()).collect();
        batches.into_iter().collect::<Vec<_>>().join("、")
    }

    /// The latest month the tasks are as of: that of the scan that opened one, or of hits that joined it.
    pub(super) fn as_of(&self) -> i32 {
        self.tasks.iter().map(|(task, _)| task.as_of.max(task.period_to)).max().unwrap_or(0)
    }

    fn issued_on(&self) -> i32 {
        self.tasks.iter().map(|(task, _)| task.issued_on).min().unwrap_or(0)
    }
}

/// Builds the workbook; `folder` takes the writer's temporary files, which have no name and vanish with the process.
pub(super) fn build(list: &OfficeList<'_>, folder: &Path) -> Result<Workbook, XlsxError> {
    let formats = Formats::all();
    let mut workbook = Workbook::new();
    workbook.set_tempdir(folder)?;
    // The date of issue, not the clock: the same list gives the same file.
    let created = calendar_day(list.issued_on())?;
    workbook.set_properties(
        &DocProperties::new().set_title(list.title(LIST_TITLE)).set_creation_datetime(&created),
    );
    let large = evidence::rows(list) > ROWS_IN_MEMORY;
    write_list(add_sheet(&mut workbook, large)?, list, &formats)?;
    evidence::write(add_sheet(&mut workbook, large)?, list, &formats)?;
    guide::write(workbook.add_worksheet(), list, &formats)?;
    Ok(workbook)
}

/// Sheets within memory say what is wrong when a disk is full; the temporary files of large ones make the writer panic.
fn add_sheet(workbook: &mut Workbook, large: bool) -> Result<&mut Worksheet, XlsxError> {
    if large { workbook.add_worksheet_with_low_memory() } else { Ok(workbook.add_worksheet()) }
}

/// A day since 1970-01-01 as a spreadsheet counts it.
pub(crate) fn serial(day: i32) -> f64 {
    f64::from(day) + 25_569.0
}

/// A day for the document's properties, which know no serial numbers.
fn calendar_day(day: i32) -> Result<ExcelDateTime, XlsxError> {
    let date = arrow::temporal_conversions::date32_to_datetime(day).unwrap_or_default().date();
    let part = |n: u32| u8::try_from(n).unwrap_or(1);
    ExcelDateTime::from_ymd(u16::try_from(date.year()).unwrap_or(1970), part(date.month()), part(date.day()))
}

fn write_list(sheet: &mut Worksheet, list: &OfficeList<'_>, formats: &Formats) -> Result<(), XlsxError> {
    sheet.set_name(LIST_SHEET)?;
    let feedback_from = column_number(list_columns().len());
    let widths: Vec<f64> = list_columns()
        .iter()
        .map(|column| column.width)
        .chain(feedback_columns().iter().map(|column| column.width))
        .collect();
    write_top(sheet, list, formats, &widths, feedback_from)?;
    for (at, (task, items)) in list.tasks.iter().enumerate() {
        let cells = list_row(at + 1, task, items, Width::Sheet);
        let filled = list.begun.get(&task.task_no);
        write_list_row(sheet, HEADER_ROW + 1 + row_number(at), (&cells, filled), &widths, formats)?;
    }
    let last_row = HEADER_ROW + row_number(list.tasks.len().max(1));
    let last_column = column_number(widths.len()) - 1;
    for (at, column) in feedback_columns().iter().enumerate() {
        let number = feedback_from + column_number(at);
        let rule = validation(column, list.issued_on())?;
        sheet.add_data_validation(HEADER_ROW + 1, number, last_row, number, &rule)?;
    }
    sheet.ignore_error_range(
        HEADER_ROW + 1,
        0,
        last_row,
        feedback_from - 1,
        IgnoreError::NumberStoredAsText,
    )?;
    sheet.autofilter(HEADER_ROW, 0, last_row, last_column)?;
    sheet.set_freeze_panes(HEADER_ROW + 1, FROZEN_COLUMNS)?;
    sheet.set_zoom(90);
    page_setup(sheet, widths.len(), PRINTED_PAGES, REPEATED, (HEADER_ROW - 1, HEADER_ROW), last_row)?;
    margins(sheet, &list.title(LIST_TITLE), &list.batch());
    protect(sheet);
    Ok(())
}

fn write_top(
    sheet: &mut Worksheet,
    list: &OfficeList<'_>,
    formats: &Formats,
    widths: &[f64],
    feedback_from: u16,
) -> Result<(), XlsxError> {
    for (at, width) in widths.iter().enumerate() {
        sheet.set_column_width(column_number(at), *width)?;
    }
    sheet.set_row_height(0, 26.0)?;
    sheet.write_string_with_format(0, 0, list.title(LIST_TITLE), &formats.title)?;
    sheet.set_row_height(1, 18.0)?;
    sheet.write_string_with_format(1, 0, list.summary(), &formats.subtitle)?;
    sheet.set_row_height(2, 20.0)?;
    // The first band ends at the frozen columns: a merged cell across the edge would be torn when scrolling.
    let last = column_number(widths.len()) - 1;
    let bands = [
        (0, FROZEN_COLUMNS - 1, "任务"),
        (FROZEN_COLUMNS, BANDS[1] - 1, "纳税人与风险"),
        (BANDS[1], BANDS[2] - 1, "疑点"),
        (BANDS[2], BANDS[3] - 1, "依据与应对要求"),
    ];
    for (from, to, label) in bands {
        sheet.merge_range(2, from, 2, to, label, &formats.band)?;
    }
    sheet.merge_range(2, feedback_from, 2, last, "反馈（由应对人员填写）", &formats.band_feedback)?;
    sheet.set_row_height(HEADER_ROW, 34.0)?;
    for (at, column) in list_columns().iter().enumerate() {
        sheet.write_string_with_format(HEADER_ROW, column_number(at), column.zh, &formats.header)?;
    }
    for (at, column) in feedback_columns().iter().enumerate() {
        let number = feedback_from + column_number(at);
        sheet.write_string_with_format(HEADER_ROW, number, column.zh, &formats.header_feedback)?;
    }
    Ok(())
}

fn write_list_row(
    sheet: &mut Worksheet,
    row: u32,
    (cells, filled): (&[Cell], Option<&Filled>),
    widths: &[f64],
    formats: &Formats,
) -> Result<(), XlsxError> {
    let texts = cells.iter().zip(widths).filter_map(|(cell, width)| match cell {
        Cell::Text(text) => Some((text.as_str(), *width)),
        _ => None,
    });
    sheet.set_row_height(row, row_height(texts, 48.0))?;
    for (at, (cell, column)) in cells.iter().zip(list_columns()).enumerate() {
        write_cell(sheet, row, column_number(at), cell, format_of(column.kind, cell, formats))?;
    }
    for (at, column) in feedback_columns().iter().enumerate() {
        let since = filled.is_some_and(|filled| column.id == "conclusion" && !filled.since.is_empty());
        let format = match column.kind {
            FeedbackKind::List(_) if since => &formats.feedback_since,
            FeedbackKind::List(_) => &formats.feedback_list,
            FeedbackKind::Text(_) => &formats.feedback_text,
            FeedbackKind::Money => &formats.feedback_money,
            FeedbackKind::Date | FeedbackKind::DateSinceIssue => &formats.feedback_date,
        };
        let number = column_number(cells.len() + at);
        match filled.and_then(|filled| filled.cells.get(at)) {
            None | Some(Cell::Empty) => {
                sheet.write_blank(row, number, format)?;
            }
            Some(cell) => write_cell(sheet, row, number, cell, format)?,
        }
    }
    Ok(())
}

fn format_of<'a>(kind: ColumnKind, cell: &Cell, formats: &'a Formats) -> &'a Format {
    match (kind, cell) {
        (ColumnKind::Grade, Cell::Text(word)) => formats.grade(word),
        (ColumnKind::Key, _) => &formats.key,
        (ColumnKind::Text, _) => &formats.text,
        (ColumnKind::Code | ColumnKind::Grade | ColumnKind::Month, _) => &formats.centred,
        (ColumnKind::Count, _) => &formats.count,
        (ColumnKind::Points, _) => &formats.points,
        (ColumnKind::Money, _) => &formats.money,
        (ColumnKind::Share, _) => &formats.share,
        (ColumnKind::Date, _) => &formats.date,
    }
}

/// Writes a cell. A spreadsheet knows binary numbers only: up to 15 digits, so yuan below ten thousand billion, hold
/// their fen exactly; the exact amount is the one stored in the table.
pub fn write_cell(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    cell: &Cell,
    format: &Format,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Empty => sheet.write_blank(row, column, format),
        // Always as text: a name that opens with `=` must not become a formula.
        Cell::Text(text) => sheet.write_string_with_format(row, column, text, format),
        Cell::Count(count) => sheet.write_number_with_format(row, column, *count as f64, format),
        Cell::Hundredths(value) => sheet.write_number_with_format(row, column, *value as f64 / 100.0, format),
        Cell::Share(share) => sheet.write_number_with_format(row, column, *share, format),
        Cell::Month(month) => sheet.write_string_with_format(row, column, month_text(*month), format),
        Cell::Date(day) => sheet.write_number_with_format(row, column, serial(*day), format),
    }?;
    Ok(())
}

/// `2025-06`.
pub(crate) fn month_text(month: i32) -> String {
    format!("{:04}-{:02}", month / 100, month % 100)
}

/// The rule of a feedback column: what it does not allow cannot be entered.
fn validation(column: &FeedbackColumn, issued_on: i32) -> Result<DataValidation, XlsxError> {
    let date = |day: f64| ExcelDateTime::from_serial_datetime(day);
    let last_day = date(73_050.0)?;
    let since = |first: ExcelDateTime| DataValidationRule::Between(first, last_day.clone());
    let (rule, expected) = match column.kind {
        FeedbackKind::List(words) => (
            DataValidation::new().allow_list_strings(words)?,
            format!("请从下拉列表选择：{}。", words.join("、")),
        ),
        FeedbackKind::Text(most) => (
            DataValidation::new().allow_text_length(DataValidationRule::LessThanOrEqualTo(most)),
            format!("最多{most}个字。"),
        ),
        FeedbackKind::Money => (
            DataValidation::new().allow_decimal_number(DataValidationRule::Between(0.0, MONEY_MAX)),
            "请填写金额（元），不填负数和文字。".to_owned(),
        ),
        FeedbackKind::Date => (
            DataValidation::new().allow_date(since(date(36_526.0)?)),
            "请填写日期，格式如2026-12-01。".to_owned(),
        ),
        FeedbackKind::DateSinceIssue => (
            DataValidation::new().allow_date(since(date(serial(issued_on))?)),
            "请填写日期，格式如2026-12-01，不早于下发日期。".to_owned(),
        ),
    };
    rule.ignore_blank(true)
        .set_error_style(DataValidationErrorStyle::Stop)
        .set_error_title(column.zh)?
        .set_error_message(expected)
}

/// A column number of a spreadsheet; lists have far fewer columns than it holds.
pub fn column_number(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

/// A row number; lists longer than a sheet are refused before.
pub fn row_number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
