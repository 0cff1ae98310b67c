//! Reading a workbook that came back: finding the sheet, the headers and the rows, and writing cells so that what was sent
//! and what came back can be compared. Whether a row is accepted is not decided here.

use std::collections::HashMap;
use std::path::Path;

use calamine::{Data, Range, Reader, Xlsx, open_workbook};
use chrono::NaiveDate;

use crate::columns::{Cell, KEY_COLUMN, list_columns};
use crate::evidence::{self, EVIDENCE_SHEET, ITEM_CONCLUSION};
use crate::feedback::feedback_columns;
use crate::workbook::{LIST_SHEET, month_text, serial};

/// Rows in which headers are looked for.
const HEADER_WITHIN: usize = 20;

/// A cell as a sheet holds it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw {
    Empty,
    Text(String),
    Number(f64),
    /// A date: days as a spreadsheet counts them.
    Day(f64),
    /// A formula nobody calculated, or one that shows an error: what stands there.
    Unusable(String),
}

impl Raw {
    fn of(data: &Data) -> Self {
        match data {
            Data::Empty => Self::Empty,
            Data::Int(number) => Self::Number(*number as f64),
            Data::Float(number) => Self::Number(*number),
            Data::DateTime(moment) => Self::Day(moment.as_f64()),
            Data::Bool(yes) => Self::Text(yes.to_string()),
            Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => {
                Self::Text(text.clone())
            }
            Data::Error(error) => Self::Unusable(error.to_string()),
        }
    }

    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.trim().is_empty(),
            Self::Number(_) | Self::Day(_) | Self::Unusable(_) => false,
        }
    }

    /// As it is shown.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) | Self::Unusable(text) => text.trim().to_owned(),
            Self::Number(number) => format!("{number}"),
            Self::Day(number) => crate::date_text((number.floor() - serial(0)) as i32),
        }
    }

    /// The same for equal content, whatever program wrote the sheet.
    pub(super) fn plain(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) | Self::Unusable(text) => plain_text(text),
            Self::Number(number) | Self::Day(number) => plain_number(*number),
        }
    }
}

/// As [`Raw::plain`], of a cell as it is sent.
pub(super) fn plain(cell: &Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => plain_text(text),
        Cell::Count(count) => plain_number(*count as f64),
        Cell::Hundredths(value) => plain_number(*value as f64 / 100.0),
        Cell::Share(share) => plain_number(*share),
        Cell::Month(month) => plain_text(&month_text(*month)),
        Cell::Date(day) => plain_number(serial(*day)),
    }
}

/// Programs store numbers and days as texts, and texts that read like them as numbers and days: both read the same here.
fn plain_text(text: &str) -> String {
    let text = text.trim();
    let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let number = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b','));
    if let Some(date) = day(text).or_else(|| day(&format!("{text}-01"))) {
        return plain_number(serial(crate::days(date)));
    }
    // Longer runs of digits are numbers of documents, which a number of a spreadsheet would spoil.
    match text.replace(',', "").parse() {
        Ok(value) if number && (1..=15).contains(&digits) => plain_number(value),
        _ => text.replace("\r\n", "\n"),
    }
}

/// Fifteen digits, what every spreadsheet keeps.
fn plain_number(number: f64) -> String {
    // Zero has no sign on a sheet.
    format!("{:.14e}", if number == 0.0 { 0.0 } else { number })
}

/// Eight hex digits that tell a cell's content.
fn digest(plain: &str) -> String {
    blake3::hash(plain.as_bytes()).to_hex()[..8].to_owned()
}

/// Digests of the cells of a row as they are sent, eight characters each.
pub(super) fn sent_digests(cells: &[Cell]) -> String {
    cells.iter().map(|cell| digest(&plain(cell))).collect()
}

/// One digest of a whole row as it is sent.
pub(super) fn sent_digest(cells: &[Cell]) -> String {
    digest(&cells.iter().map(plain).collect::<Vec<_>>().join("\u{1f}"))
}

/// How a cell that was sent reads.
pub(super) fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Date(day) => crate::date_text(*day),
        Cell::Hundredths(value) => crate::text::plain_hundredths(*value),
        Cell::Count(count) => count.to_string(),
        Cell::Share(share) => share.to_string(),
        Cell::Month(month) => month_text(*month),
        Cell::Text(text) => text.clone(),
        Cell::Empty => String::new(),
    }
}

/// A row of the list that came back.
#[derive(Debug, Clone)]
pub(super) struct ReturnedRow {
    /// Row of the sheet, 1 first.
    pub(super) row: usize,
    pub(super) row_key: String,
    /// The given columns, in their order.
    pub(super) given: Vec<Raw>,
    /// The columns to fill in, in their order.
    pub(super) feedback: Vec<Raw>,
}

impl ReturnedRow {
    /// Places of the given columns that are not as they were sent. The place in the list is none of them: people sort.
    pub(super) fn changed(&self, sent: &str) -> Vec<usize> {
        let was = |at: usize| sent.get(at * 8..at * 8 + 8);
        (0..self.given.len())
            .filter(|at| list_columns()[*at].id != "number")
            .filter(|at| was(*at) != Some(digest(&self.given[*at].plain()).as_str()))
            .collect()
    }

    /// What stands in a given column.
    pub(super) fn shown(&self, id: &str) -> String {
        let place = list_columns().iter().position(|column| column.id == id);
        place.and_then(|place| self.given.get(place)).map(Raw::text).unwrap_or_default()
    }

    pub(super) fn is_blank(&self) -> bool {
        self.row_key.is_empty() && self.given.iter().chain(&self.feedback).all(Raw::is_blank)
    }
}

/// A row of the second sheet that came back.
#[derive(Debug, Clone)]
pub(super) struct ReturnedItem {
    pub(super) row: usize,
    /// Its locked cells, in their order.
    pub(super) locked: Vec<Raw>,
    pub(super) conclusion: Raw,
}

impl ReturnedItem {
    /// Of its locked cells, as [`sent_digest`].
    pub(super) fn digest(&self) -> String {
        digest(&self.locked.iter().map(Raw::plain).collect::<Vec<_>>().join("\u{1f}"))
    }

    /// Places of the locked cells that are not these.
    pub(super) fn changed(&self, cells: &[Cell]) -> Vec<usize> {
        (0..cells.len())
            .filter(|at| self.locked.get(*at).is_none_or(|raw| raw.plain() != plain(&cells[*at])))
            .collect()
    }
}

/// A workbook that came back.
#[derive(Debug, Default)]
pub(super) struct ReturnedBook {
    pub(super) rows: Vec<ReturnedRow>,
    /// By task number and indicator.
    pub(super) items: HashMap<(String, String), ReturnedItem>,
}

/// Reads a workbook.
///
/// # Errors
/// Why it is no list that can be taken in, in Chinese and English.
pub(super) fn read_book(path: &Path) -> Result<ReturnedBook, (String, String)> {
    // What the reader says of it is for those who read English.
    let mut book: Xlsx<_> = open_workbook(path).map_err(|error: calamine::XlsxError| {
        (
            "不是可读的xlsx工作簿；请打开后另存为xlsx格式（不设打开密码）再回传".to_owned(),
            format!(
                "is no readable xlsx workbook ({error}); open it and save it as xlsx, without a password"
            ),
        )
    })?;
    let range = sheet(&mut book, LIST_SHEET)?;
    let formulas = book.worksheet_formula(LIST_SHEET).unwrap_or_default();
    let headers: Vec<&str> =
        list_columns().iter().map(|c| c.zh).chain(feedback_columns().iter().map(|c| c.zh)).collect();
    let (top, at) = columns(&range, KEY_COLUMN, &headers, LIST_SHEET)?;
    let given = list_columns().len();
    let mut rows = Vec::new();
    for row in top + 1..range.height() {
        let cell = |place: usize| cell_of(&range, &formulas, (row, at[place]));
        let one = ReturnedRow {
            row: number(&range, row),
            row_key: cell(0).text(),
            given: (0..given).map(cell).collect(),
            feedback: (given..headers.len()).map(cell).collect(),
        };
        if !one.is_blank() {
            rows.push(one);
        }
    }
    Ok(ReturnedBook { rows, items: items(&mut book)? })
}

type Book = Xlsx<std::io::BufReader<std::fs::File>>;

fn sheet(book: &mut Book, name: &str) -> Result<Range<Data>, (String, String)> {
    let present = book.sheet_names().join("、");
    book.worksheet_range(name).map_err(|_| {
        (
            format!("没有工作表「{name}」（有：{present}）；请用下发的工作簿反馈"),
            format!("has no sheet {name} (it has: {present}); answer in the workbook that was sent"),
        )
    })
}

/// The row of the headers and the column of each.
fn columns(
    range: &Range<Data>,
    first: &str,
    wanted: &[&str],
    sheet: &str,
) -> Result<(usize, Vec<usize>), (String, String)> {
    let text = |row: usize, column: usize| {
        range.get((row, column)).map_or_else(String::new, |data| Raw::of(data).text())
    };
    let found = (0..range.height().min(HEADER_WITHIN))
        .find(|row| (0..range.width()).any(|column| text(*row, column) == first));
    let Some(top) = found else {
        return Err((
            format!("工作表「{sheet}」没有表头「{first}」；表头不得删改"),
            format!("sheet {sheet} has no header {first}; headers must stay"),
        ));
    };
    let place = |header: &&str| (0..range.width()).find(|column| text(top, *column) == **header);
    let missing: Vec<&str> = wanted.iter().filter(|header| place(header).is_none()).copied().collect();
    if !missing.is_empty() {
        return Err((
            format!("工作表「{sheet}」缺少列：{}；列不得删除或改名", missing.join("、")),
            format!("sheet {sheet} lacks columns: {}; columns must stay", missing.join(", ")),
        ));
    }
    Ok((top, wanted.iter().filter_map(place).collect()))
}

/// The row of the sheet, 1 first; a range may begin below the top.
fn number(range: &Range<Data>, row: usize) -> usize {
    row + 1 + range.start().map_or(0, |(first, _)| first as usize)
}

/// The cell at a place of the range. A formula that no program calculated shows nothing, and is not the same as nothing.
fn cell_of(range: &Range<Data>, formulas: &Range<String>, (row, column): (usize, usize)) -> Raw {
    let found = range.get((row, column)).map_or(Raw::Empty, Raw::of);
    let start = range.start().unwrap_or_default();
    let place = (start.0 + u32::try_from(row).unwrap_or(0), start.1 + u32::try_from(column).unwrap_or(0));
    match formulas.get_value(place).filter(|formula| !formula.is_empty()) {
        Some(formula) if found.is_blank() => Raw::Unusable(format!("={formula}")),
        _ => found,
    }
}

fn items(book: &mut Book) -> Result<HashMap<(String, String), ReturnedItem>, (String, String)> {
    let range = sheet(book, EVIDENCE_SHEET)?;
    let formulas = book.worksheet_formula(EVIDENCE_SHEET).unwrap_or_default();
    let headers: Vec<&str> = evidence::headers().chain([ITEM_CONCLUSION]).collect();
    let (top, at) = columns(&range, headers[0], &headers, EVIDENCE_SHEET)?;
    let place = |header: &str| headers.iter().position(|known| *known == header).unwrap_or(0);
    let (task, indicator) = (place("任务编号"), place("疑点编号"));
    let mut found = HashMap::new();
    for row in top + 1..range.height() {
        let cell = |place: usize| cell_of(&range, &formulas, (row, at[place]));
        let locked: Vec<Raw> = (0..headers.len() - 1).map(cell).collect();
        if locked.iter().all(Raw::is_blank) {
            continue;
        }
        let conclusion = cell(headers.len() - 1);
        let item = ReturnedItem { row: number(&range, row), locked, conclusion };
        found.insert((cell(task).text(), cell(indicator).text()), item);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;
    use crate::columns::share;

    #[test]
    fn what_a_program_stores_as_text_reads_the_same() {
        let text = |text: &str| Raw::Text(text.to_owned()).plain();
        assert_eq!(text("5"), plain(&Cell::Count(5)));
        assert_eq!(text("1,234.50"), plain(&Cell::Hundredths(123_450)));
        assert_eq!(text("2026-12-01"), plain(&Cell::Date(20_788)));
        assert_eq!(Raw::Day(46_357.0).plain(), plain(&Cell::Month(202_612)));
        assert_eq!(Raw::Number(19_901_020_100.0).plain(), plain(&Cell::Text("19901020100".to_owned())));
        for (one, other) in [("123456789012345678", "123456789012345679"), ("1-2", "-1"), ("", "0")] {
            assert_ne!(text(one), text(other));
        }
    }

    #[test]
    fn a_number_comes_back_as_it_left() {
        // Written with sixteen digits, as workbooks are, these come back as other numbers.
        for number in [15.725_358_499_999_999, 0.1 + 0.2, 2.219_999_999_999_999_8, 1e3 / 3.0, -7.0e-9 / 3.0] {
            let cell = share(Some(number));
            let Cell::Share(sent) = cell else { panic!("{number} is no fraction") };
            let back: f64 = format!("{sent:.15e}").parse().unwrap_or(f64::NAN);
            assert_eq!(digest(&plain(&cell)), digest(&Raw::Number(back).plain()), "{number}");
        }
        assert_eq!(plain_number(-0.0), plain_number(0.0));
        assert_ne!(plain_number(9_999_999_999_999.98), plain_number(9_999_999_999_999.99));
    }
}
