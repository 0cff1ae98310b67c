//! The workbook of requests an office receives: one row a document, the answer's columns to fill in, the others locked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Int32Type};
use assay_sql::session::SessionOptions;
use rust_xlsxwriter::{
    DataValidation, DataValidationErrorStyle, IgnoreError, Workbook, Worksheet, XlsxError,
};

use super::bench::Bench;
use super::outcome::Outcomes;
use crate::warehouse::Warehouse;
use crate::{EngineError, Result};
use assay_tasks::book::{
    Cell, Formats, UNKNOWN_NAME, column_number, free_path, margins, page_setup, protect, row_height,
    row_number, safe_name, write_cell, write_whole,
};
use assay_tasks::{TaskError, UNKNOWN_OFFICE};

/// Answers to a document asked about.
const ANSWERS: [&str; 6] = [
    "与抵扣联一致",
    "存根联不一致，以存根联为准",
    "未开具该凭证",
    "已开具，数据漏报或迟报",
    "已作废或红冲",
    "销方走逃（失联），无法核实",
];
/// Row of the headers, 0-based.
const HEADER: u32 = 3;
/// Columns repeated on each printed page: number of the letter and the document.
const REPEATED: (u16, u16) = (0, 1);
/// Page widths a row is printed on.
const PAGES: u16 = 3;

/// A workbook that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestFile {
    /// Where it is.
    pub path: PathBuf,
    /// Documents in it.
    pub documents: usize,
}

/// Columns of the sheet: header, width, and whether the office fills it in.
const COLUMNS: [(&str, f64, bool); 24] = [
    ("协查编号", 28.0, false),
    ("发票号码", 22.0, false),
    ("比对结果", 10.0, false),
    ("现在结果", 10.0, false),
    ("不符项目", 12.0, false),
    ("委托机关", 13.0, false),
    ("销方识别号", 20.0, false),
    ("销方名称", 18.0, false),
    ("购方识别号", 20.0, false),
    ("购方名称", 18.0, false),
    ("抵扣所属期", 9.0, false),
    ("抵扣联开票日期", 11.0, false),
    ("抵扣联金额", 13.0, false),
    ("抵扣联税额", 12.0, false),
    ("存根联开票日期", 11.0, false),
    ("存根联销方", 20.0, false),
    ("存根联购方", 20.0, false),
    ("存根联金额", 13.0, false),
    ("存根联税额", 12.0, false),
    ("协查要求", 34.0, false),
    ("回复期限", 11.0, false),
    ("协查结果", 18.0, true),
    ("情况说明", 28.0, true),
    ("协查人", 9.0, true),
];

const QUERY: &str = "
SELECT i.request_no, i.invoice_id, i.outcome, i.differs, coalesce(f.name, r.from_office) AS from_office, r.seller_id, r.seller_name, r.buyer_id, r.buyer_name,
    i.claimed_period, i.issued_on, i.amount, i.tax, i.document_amount, i.document_tax, r.due_on, r.addressee, r.to_office, coalesce(o.name, r.to_office) AS to_name,
    i.document_issued_on, i.document_seller_id, i.document_buyer_id, coalesce(a.outcome, 'match') AS outcome_now
FROM assistance_item AS i
JOIN assistance_request AS r ON r.request_no = i.request_no
LEFT JOIN claim_audit AS a ON a.buyer_id = i.buyer_id AND a.invoice_id = i.invoice_id AND a.claimed_period = i.claimed_period
LEFT JOIN office AS f ON f.office_code = r.from_office
LEFT JOIN office AS o ON o.office_code = r.to_office
WHERE i.as_of = $as_of
ORDER BY i.request_no, i.item_no";

/// Writes one workbook per addressee into `folder`: the requests made as of a month, each with how its claim came out when last compared.
/// A file of the same name is replaced.
///
/// # Errors
/// When there are no such requests, or the folder cannot be written.
pub async fn export(
    warehouse: &Warehouse,
    as_of: i32,
    folder: &Path,
    options: &SessionOptions,
) -> Result<Vec<RequestFile>> {
    let bench = Bench::open(warehouse, &warehouse.head().await?, options).await?;
    let rows = Rows::of(bench.rows(&super::as_of_month(QUERY, as_of)).await?)?;
    if rows.len() == 0 {
        return Err(EngineError::input(format!(
            "there are no requests as of {as_of}; make them with: assay cross-audit run --as-of {as_of}"
        )));
    }
    std::fs::create_dir_all(folder).map_err(EngineError::file(folder))?;
    let mut lists: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for row in 0..rows.len() {
        lists.entry(rows.addressee(row)).or_default().push(row);
    }
    let mut taken = Vec::new();
    let mut written = Vec::new();
    for ((code, name), list) in &lists {
        let stem = format!("协查_{}_{}_{as_of}", safe_name(code), safe_name(name));
        let path = free_path(folder, &stem, "xlsx", &mut taken);
        let failed = |source| TaskError::Workbook { path: path.clone(), source };
        write_whole(&path, |file| {
            build(&rows, list, name, as_of, folder)
                .and_then(|mut book| book.save_to_writer(file))
                .map_err(failed)
        })?;
        written.push(RequestFile { path, documents: list.len() });
    }
    Ok(written)
}

fn build(
    rows: &Rows,
    list: &[usize],
    name: &str,
    as_of: i32,
    folder: &Path,
) -> std::result::Result<Workbook, XlsxError> {
    let formats = Formats::all();
    let mut workbook = Workbook::new();
    workbook.set_tempdir(folder)?;
    let sheet = workbook.add_worksheet_with_low_memory()?;
    sheet.set_name("协查函")?;
    let title = format!("增值税抵扣凭证协查函 — {name}");
    top(sheet, &formats, &title, rows, list, as_of)?;
    for (at, row) in list.iter().enumerate() {
        write_row(sheet, HEADER + 1 + row_number(at), &rows.cells(*row), &formats)?;
    }
    let last = HEADER + row_number(list.len());
    let answer = column_number(COLUMNS.len() - 3);
    let rule = DataValidation::new()
        .allow_list_strings(&ANSWERS)?
        .ignore_blank(true)
        .set_error_style(DataValidationErrorStyle::Stop)
        .set_error_title("协查结果")?
        .set_error_message("请从下拉列表选择。")?;
    sheet.add_data_validation(HEADER + 1, answer, last, answer, &rule)?;
    sheet.ignore_error_range(HEADER + 1, 0, last, answer - 1, IgnoreError::NumberStoredAsText)?;
    sheet.autofilter(HEADER, 0, last, column_number(COLUMNS.len()) - 1)?;
    sheet.set_freeze_panes(HEADER + 1, 2)?;
    page_setup(sheet, COLUMNS.len(), PAGES, REPEATED, (HEADER, HEADER), last)?;
    margins(sheet, &title, &as_of.to_string());
    protect(sheet);
    Ok(workbook)
}

fn top(
    sheet: &mut Worksheet,
    formats: &Formats,
    title: &str,
    rows: &Rows,
    list: &[usize],
    as_of: i32,
) -> std::result::Result<(), XlsxError> {
    for (at, (_, width, _)) in COLUMNS.iter().enumerate() {
        sheet.set_column_width(column_number(at), *width)?;
    }
    sheet.set_row_height(0, 26.0)?;
    sheet.write_string_with_format(0, 0, title, &formats.title)?;
    let mut letters: Vec<&str> = list.iter().map(|row| rows.text(0, *row)).collect();
    letters.dedup();
    let (year, month) = (as_of / 100, as_of % 100);
    let summary = format!(
        "数据截至{year}年{month}月 ｜ 协查函{}件，凭证{}份 ｜ 黄色各列由受托机关填写，其余各列锁定 ｜ 比对结果不等于定性；「现在结果」已相符或已撤销勾选的，不必再查",
        letters.len(),
        list.len()
    );
    sheet.write_string_with_format(1, 0, summary, &formats.subtitle)?;
    sheet.set_row_height(HEADER, 34.0)?;
    for (at, (header, _, filled_in)) in COLUMNS.iter().enumerate() {
        let format = if *filled_in { &formats.header_feedback } else { &formats.header };
        sheet.write_string_with_format(HEADER, column_number(at), *header, format)?;
    }
    Ok(())
}

fn write_row(
    sheet: &mut Worksheet,
    row: u32,
    cells: &[Cell],
    formats: &Formats,
) -> std::result::Result<(), XlsxError> {
    let texts = cells.iter().zip(COLUMNS).filter_map(|(cell, (_, width, _))| match cell {
        Cell::Text(text) => Some((text.as_str(), width)),
        _ => None,
    });
    sheet.set_row_height(row, row_height(texts, 32.0))?;
    for (at, cell) in cells.iter().enumerate() {
        let format = match cell {
            Cell::Hundredths(_) => &formats.money,
            Cell::Date(_) => &formats.date,
            Cell::Month(_) => &formats.centred,
            _ => &formats.text,
        };
        write_cell(sheet, row, column_number(at), cell, format)?;
    }
    for at in cells.len()..COLUMNS.len() {
        let format = if at == cells.len() { &formats.feedback_list } else { &formats.feedback_text };
        sheet.write_blank(row, column_number(at), format)?;
    }
    Ok(())
}

/// What is asked, as [`QUERY`] gives it.
struct Rows {
    rows: RecordBatch,
    texts: Vec<StringArray>,
    outcomes: &'static Outcomes,
}

impl Rows {
    fn of(rows: RecordBatch) -> Result<Self> {
        let text = |column: &ArrayRef| Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone());
        let texts = rows.columns().iter().map(text).collect::<Result<_>>()?;
        Ok(Self { rows, texts, outcomes: Outcomes::built_in()? })
    }

    fn len(&self) -> usize {
        self.rows.num_rows()
    }

    fn text(&self, column: usize, row: usize) -> &str {
        if self.texts[column].is_valid(row) { self.texts[column].value(row) } else { "" }
    }

    /// Code and name of whom a row goes to.
    fn addressee(&self, row: usize) -> (String, String) {
        match self.text(16, row) {
            "customs" => ("海关".to_owned(), "海关".to_owned()),
            "office" if !self.text(17, row).is_empty() => {
                (self.text(17, row).to_owned(), self.text(18, row).to_owned())
            }
            "office" => (UNKNOWN_OFFICE.to_owned(), UNKNOWN_NAME.to_owned()),
            _ => ("外地".to_owned(), "销方不在本地登记".to_owned()),
        }
    }

    fn cells(&self, row: usize) -> Vec<Cell> {
        let text = |column: usize| match self.text(column, row) {
            "" => Cell::Empty,
            text => Cell::Text(text.to_owned()),
        };
        let money = |column: usize| {
            let values = self.rows.column(column).as_primitive::<Decimal128Type>();
            if values.is_valid(row) { Cell::Hundredths(values.value(row)) } else { Cell::Empty }
        };
        let day = |column: usize| {
            let values = self.rows.column(column).as_primitive::<Date32Type>();
            if values.is_valid(row) { Cell::Date(values.value(row)) } else { Cell::Empty }
        };
        let month = self.rows.column(9).as_primitive::<Int32Type>();
        let outcome = self.outcomes.get(self.text(2, row));
        let check = outcome.and_then(|o| Some(self.outcomes.check(o, self.text(16, row))?.zh.clone()));
        let word = |code: &str| self.outcomes.get(code).map_or(Cell::Empty, |o| Cell::Text(o.zh.clone()));
        vec![
            text(0),
            text(1),
            word(self.text(2, row)),
            word(self.text(22, row)),
            cell_of_fields(self.text(3, row)),
            text(4),
            text(5),
            text(6),
            text(7),
            text(8),
            if month.is_valid(row) { Cell::Month(month.value(row)) } else { Cell::Empty },
            day(10),
            money(11),
            money(12),
            day(19),
            text(20),
            text(21),
            money(13),
            money(14),
            check.map_or(Cell::Empty, Cell::Text),
            day(15),
        ]
    }
}

fn cell_of_fields(codes: &str) -> Cell {
    if codes.is_empty() { Cell::Empty } else { Cell::Text(fields_zh(codes)) }
}

/// Compared fields in words.
pub(crate) fn fields_zh(codes: &str) -> String {
    let word = |code: &str| match code {
        "issued_on" => "开票日期",
        "seller_id" => "销方",
        "buyer_id" => "购方",
        "amount" => "金额",
        "tax" => "税额",
        _ => "其他",
    };
    codes.split(',').map(word).collect::<Vec<_>>().join("、")
}
