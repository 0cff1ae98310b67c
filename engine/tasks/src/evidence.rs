//! The second sheet: each hit with its value, line, facts, what may explain it, what to ask for, what it rests on,
//! and the query that returns the evidence.

use rust_xlsxwriter::{
    DataValidation, DataValidationErrorStyle, Format, IgnoreError, Note, Worksheet, XlsxError,
};

use super::columns::{Cell, share};
use super::model::{Task, TaskItem};
use super::sheet::{Formats, margins, page_setup, protect, row_height};
use super::suspicions::told_zh;
use super::text::{circled, quantity, warning_line};
use super::words;
use super::workbook::{HEADER_ROW, OfficeList, column_number, row_number, write_cell};

/// Name of the sheet.
pub(crate) const EVIDENCE_SHEET: &str = "疑点明细及证据";

/// Header of the one column to fill in: what was found of a single suspicion.
pub(crate) const ITEM_CONCLUSION: &str = "该疑点核实结论";
/// What it accepts.
pub(crate) const ITEM_CONCLUSIONS: [&str; 2] = ["属实", "排除"];
const ITEM_CONCLUSION_WIDTH: f64 = 12.0;

/// Headers and widths of the given columns.
const COLUMNS: [(&str, f64); 22] = [
    ("任务编号", 14.0),
    ("疑点序号", 8.0),
    ("纳税人名称", 17.0),
    ("疑点编号", 8.0),
    ("疑点名称", 15.0),
    ("税种", 9.0),
    ("严重程度", 8.0),
    ("积分", 7.0),
    ("指标值", 14.0),
    ("预警值", 14.0),
    ("偏离度", 8.0),
    ("预估税款", 13.0),
    ("计入合计", 8.0),
    ("疑点描述", 40.0),
    ("计算依据（事实）", 34.0),
    ("应排除的正当理由", 32.0),
    ("所需资料", 30.0),
    ("政策依据", 26.0),
    ("预警值来源", 11.0),
    ("同业组（户数）", 13.0),
    ("统一社会信用代码", 13.0),
    ("证据查询（SQL）", 64.0),
];
/// Page widths a row is printed on.
const PRINTED_PAGES: u16 = 3;
/// Columns that stay in view and are repeated in print: number and name.
const REPEATED: (u16, u16) = (1, 3);
const FROZEN_COLUMNS: u16 = 4;

/// The headers of the given columns, in their order.
pub(crate) fn headers() -> impl Iterator<Item = &'static str> {
    COLUMNS.iter().map(|(header, _)| *header)
}

/// The cells of one hit, in the order of the headers.
pub(crate) fn cells(task: &Task, item: &TaskItem) -> Vec<Cell> {
    let text = |text: &str| if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) };
    let number = usize::try_from(item.item_no).unwrap_or(0);
    let peers = item.peer_group.as_deref().map(words::peer_group).map(|group| match item.peer_n {
        Some(count) => format!("{group}（{count}户）"),
        None => group,
    });
    let counted = match item.amount {
        None => "",
        Some(_) if item.amount_counted => "是",
        Some(_) => "否",
    };
    vec![
        text(&item.task_no),
        Cell::Text(circled(number)),
        text(task.taxpayer_name.as_deref().unwrap_or_default()),
        text(&item.indicator),
        text(&item.name_zh),
        text(words::tax(&item.tax)),
        text(words::grade(&item.severity)),
        Cell::Hundredths(item.points),
        Cell::Text(quantity(item.value, &item.unit)),
        Cell::Text(warning_line(&item.op, item.line, &item.unit, &item.line_kind, item.peer_n)),
        share(item.deviation),
        item.amount.map_or(Cell::Empty, Cell::Hundredths),
        text(counted),
        Cell::Text(description(task, item)),
        text(&item.facts_zh),
        text(&bulleted(&item.innocent_zh)),
        text(&bulleted(&item.ask_zh)),
        text(&item.basis_zh),
        text(words::line_source(&item.line_source)),
        text(peers.as_deref().unwrap_or_default()),
        text(&item.taxpayer_id),
        text(&item.evidence_sql),
    ]
}

/// The message, of which month it is where the task goes on to a later one, and what to know when reading it.
fn description(task: &Task, item: &TaskItem) -> String {
    let mut text = told_zh(item, task.period_to);
    if let Some(note) = &item.note_zh {
        text.push_str(&format!("\n提示：{note}"));
    }
    text
}

/// Lines numbered, when there are several.
fn bulleted(lines: &str) -> String {
    if !lines.contains('\n') {
        return lines.to_owned();
    }
    let numbered = lines.lines().enumerate().map(|(at, line)| format!("{}. {line}", at + 1));
    numbered.collect::<Vec<_>>().join("\n")
}

/// Hits an office's sheet would hold.
pub(super) fn rows(list: &OfficeList<'_>) -> usize {
    list.tasks.iter().map(|(_, items)| items.len()).sum()
}

pub(super) fn write(
    sheet: &mut Worksheet,
    list: &OfficeList<'_>,
    formats: &Formats,
) -> Result<(), XlsxError> {
    sheet.set_name(EVIDENCE_SHEET)?;
    let widths: Vec<f64> = COLUMNS.iter().map(|(_, width)| *width).chain([ITEM_CONCLUSION_WIDTH]).collect();
    for (at, width) in widths.iter().enumerate() {
        sheet.set_column_width(column_number(at), *width)?;
    }
    write_top(sheet, list, formats)?;
    let hits = list.tasks.iter().flat_map(|(task, items)| items.iter().map(move |item| (*task, item)));
    for (at, (task, item)) in hits.enumerate() {
        let filled = list.begun.get(&task.task_no);
        let said = filled.and_then(|filled| filled.items.get(&item.indicator));
        let since = filled.is_some_and(|filled| filled.since.contains(&item.indicator));
        write_row(sheet, HEADER_ROW + 1 + row_number(at), (&cells(task, item), said, since), formats)?;
    }
    let last_row = HEADER_ROW + row_number(rows(list).max(1));
    let last_column = column_number(COLUMNS.len());
    let choice = DataValidation::new()
        .allow_list_strings(&ITEM_CONCLUSIONS)?
        .ignore_blank(true)
        .set_error_style(DataValidationErrorStyle::Stop)
        .set_error_title(ITEM_CONCLUSION)?
        .set_error_message(format!("请从下拉列表选择：{}。", ITEM_CONCLUSIONS.join("、")))?;
    sheet.add_data_validation(HEADER_ROW + 1, last_column, last_row, last_column, &choice)?;
    sheet.ignore_error_range(HEADER_ROW + 1, 0, last_row, last_column, IgnoreError::NumberStoredAsText)?;
    sheet.autofilter(HEADER_ROW, 0, last_row, last_column)?;
    sheet.set_freeze_panes(HEADER_ROW + 1, FROZEN_COLUMNS)?;
    sheet.set_zoom(90);
    page_setup(sheet, widths.len(), PRINTED_PAGES, REPEATED, (HEADER_ROW, HEADER_ROW), last_row)?;
    margins(sheet, &list.title(EVIDENCE_SHEET), &list.batch());
    protect(sheet);
    Ok(())
}

fn write_top(sheet: &mut Worksheet, list: &OfficeList<'_>, formats: &Formats) -> Result<(), XlsxError> {
    sheet.set_row_height(0, 26.0)?;
    sheet.write_string_with_format(0, 0, list.title(EVIDENCE_SHEET), &formats.title)?;
    sheet.set_row_height(1, 18.0)?;
    let summary = "每个疑点一行，与任务清单的任务编号、疑点序号对应；疑点是待核实的线索，不是结论。最后一列可逐项填写核实结论；任务结论为「部分属实」且疑点多于一项的必填，红色的为上次反馈后新增的疑点，也必填。";
    sheet.write_string_with_format(1, 0, summary, &formats.subtitle)?;
    let note = "「计入合计」：同类疑点的预估税款取最大一项计入任务的预估税款，其余不重复累加。「证据查询」可在系统中原样执行，返回所依据的原始记录。";
    sheet.set_row_height(2, 18.0)?;
    sheet.write_string_with_format(2, 0, note, &formats.subtitle)?;
    sheet.set_row_height(HEADER_ROW, 34.0)?;
    for (at, (header, _)) in COLUMNS.iter().enumerate() {
        sheet.write_string_with_format(HEADER_ROW, column_number(at), *header, &formats.header)?;
    }
    let last = column_number(COLUMNS.len());
    sheet.write_string_with_format(HEADER_ROW, last, ITEM_CONCLUSION, &formats.header_feedback)?;
    Ok(())
}

fn write_row(
    sheet: &mut Worksheet,
    row: u32,
    (cells, said, since): (&[Cell], Option<&String>, bool),
    formats: &Formats,
) -> Result<(), XlsxError> {
    // The query is set in smaller type, so the same text takes fewer lines.
    let room = |at: usize, width: f64| if at + 1 == COLUMNS.len() { width * 1.2 } else { width };
    let texts = cells.iter().enumerate().filter_map(|(at, cell)| match cell {
        Cell::Text(text) => Some((text.as_str(), room(at, COLUMNS[at].1))),
        _ => None,
    });
    sheet.set_row_height(row, row_height(texts, 30.0))?;
    for (at, cell) in cells.iter().enumerate() {
        write_cell(sheet, row, column_number(at), cell, format_of(at, cell, formats))?;
    }
    let last = column_number(cells.len());
    let format = if since { &formats.feedback_since } else { &formats.feedback_list };
    if since {
        sheet.insert_note(
            row,
            last,
            &Note::new("上次反馈后新增的疑点，须单独填写核实结论。").add_author_prefix(false),
        )?;
    }
    match said {
        Some(said) => sheet.write_string_with_format(row, last, said, format)?,
        None => sheet.write_blank(row, last, format)?,
    };
    Ok(())
}

fn format_of<'a>(at: usize, cell: &Cell, formats: &'a Formats) -> &'a Format {
    match (COLUMNS[at].0, cell) {
        ("严重程度", Cell::Text(word)) => formats.grade(word),
        ("积分", _) => &formats.points,
        ("偏离度", _) => &formats.share,
        ("预估税款", _) => &formats.money,
        ("证据查询（SQL）", _) => &formats.sql,
        (_, _) if COLUMNS[at].1 < 15.0 => &formats.centred,
        _ => &formats.text,
    }
}
