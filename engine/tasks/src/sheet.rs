//! What the sheets of a workbook share: formats, heights of wrapped rows, protection and page setup.

use rust_xlsxwriter::{Color, Format, FormatAlign, FormatBorder, ProtectionOptions, Worksheet, XlsxError};

/// Fonts every Chinese office has; a computer without them falls back to its own.
const FONT: &str = "等线";
const FONT_SIZE: f64 = 10.0;
const FONT_CODE: &str = "Consolas";

/// Height of a text line in points, with room for fonts taller than the named one.
const LINE_HEIGHT: f64 = 14.5;
/// The tallest row a spreadsheet has.
const ROW_HEIGHT_MAX: f64 = 409.0;
const BORDER: Color = Color::RGB(0x00BF_BFBF);
const PLAIN_HEADER: Color = Color::RGB(0x001F_4E79);
const FEEDBACK_HEADER: Color = Color::RGB(0x00BF_6A00);
const FEEDBACK_CELL: Color = Color::RGB(0x00FF_F8DC);
const SINCE_CELL: Color = Color::RGB(0x00FF_9999);

/// Every format of a workbook.
pub struct Formats {
    /// Title of a sheet.
    pub title: Format,
    /// Line below the title.
    pub subtitle: Format,
    /// Band above the headers.
    pub band: Format,
    /// Band above the columns to fill in.
    pub band_feedback: Format,
    /// Header of a given column.
    pub header: Format,
    /// Header of a column to fill in.
    pub header_feedback: Format,
    /// Row key, small.
    pub key: Format,
    /// Wrapped text.
    pub text: Format,
    /// Short text in the middle.
    pub centred: Format,
    /// Whole number.
    pub count: Format,
    /// Points, two decimals.
    pub points: Format,
    /// Yuan with separators.
    pub money: Format,
    /// Share in percent.
    pub share: Format,
    /// Day.
    pub date: Format,
    /// Query text.
    pub sql: Format,
    grades: [Format; 3],
    /// Text to fill in.
    pub feedback_text: Format,
    /// Choice to fill in.
    pub feedback_list: Format,
    /// Yuan to fill in.
    pub feedback_money: Format,
    /// Day to fill in.
    pub feedback_date: Format,
    /// Choice to fill in for what joined after the office answered.
    pub feedback_since: Format,
}

impl Formats {
    /// All of them.
    #[must_use]
    pub fn all() -> Self {
        let base = || Format::new().set_font_name(FONT).set_font_size(FONT_SIZE);
        let cell = || {
            base()
                .set_border(FormatBorder::Thin)
                .set_border_color(BORDER)
                .set_text_wrap()
                .set_align(FormatAlign::VerticalCenter)
        };
        let centred = || cell().set_align(FormatAlign::Center);
        let right = || cell().set_align(FormatAlign::Right);
        let head = |color: Color| {
            centred()
                .set_align(FormatAlign::VerticalCenter)
                .set_bold()
                .set_font_color("#FFFFFF")
                .set_background_color(color)
        };
        let feedback = || cell().set_background_color(FEEDBACK_CELL).set_unlocked();
        let grade =
            |fill: &str, font: &str| centred().set_bold().set_background_color(fill).set_font_color(font);
        Self {
            title: base().set_bold().set_font_size(16.0).set_font_color(PLAIN_HEADER),
            subtitle: base().set_font_color("#595959"),
            band: head(Color::RGB(0x002E_75B6)),
            band_feedback: head(Color::RGB(0x00E0_8A00)),
            header: head(PLAIN_HEADER),
            header_feedback: head(FEEDBACK_HEADER),
            key: cell().set_font_size(8.0).set_font_color("#8C8C8C"),
            text: cell(),
            centred: centred(),
            count: centred().set_num_format("#,##0"),
            points: right().set_num_format("0.00"),
            money: right().set_num_format("#,##0.00"),
            share: right().set_num_format("0.0%"),
            date: centred().set_num_format("yyyy-mm-dd"),
            sql: cell().set_font_name(FONT_CODE).set_font_size(8.0).set_font_color("#404040"),
            grades: [grade("#FFC7CE", "#9C0006"), grade("#FFEB9C", "#7F4F00"), grade("#C6EFCE", "#006100")],
            feedback_text: feedback(),
            feedback_since: feedback().set_align(FormatAlign::Center).set_background_color(SINCE_CELL),
            feedback_list: feedback().set_align(FormatAlign::Center),
            feedback_money: feedback().set_align(FormatAlign::Right).set_num_format("#,##0.00"),
            feedback_date: feedback().set_align(FormatAlign::Center).set_num_format("yyyy-mm-dd"),
        }
    }

    /// The colour of a grade's Chinese word.
    /// The format of a grade, by its Chinese word.
    #[must_use]
    pub fn grade(&self, word: &str) -> &Format {
        match word {
            "高" => &self.grades[0],
            "中" => &self.grades[1],
            "低" => &self.grades[2],
            _ => &self.centred,
        }
    }
}

/// Lines a text takes in a column: a Chinese character is about two digits wide.
fn lines(text: &str, width: f64) -> f64 {
    let room = (width - 1.0).max(2.0);
    let of_line = |line: &str| {
        let size: f64 = line.chars().map(|character| if character.is_ascii() { 1.0 } else { 1.95 }).sum();
        (size / room).ceil().max(1.0)
    };
    text.split('\n').map(of_line).sum()
}

/// Height in points of a row whose cells hold these texts in columns of these widths.
///
/// Stated, not left to the program that opens the file: some do not measure wrapped rows when opening.
pub fn row_height<'a>(cells: impl Iterator<Item = (&'a str, f64)>, least: f64) -> f64 {
    let tallest = cells.map(|(text, width)| lines(text, width)).fold(1.0, f64::max);
    (tallest * LINE_HEIGHT + 6.0).clamp(least, ROW_HEIGHT_MAX)
}

/// Locks the sheet without a password: it guards against slips, and whoever reads a returned list checks it anyway.
/// Filtering and changing widths and heights stay allowed.
pub fn protect(sheet: &mut Worksheet) {
    let options = ProtectionOptions {
        use_autofilter: true,
        format_columns: true,
        format_rows: true,
        ..ProtectionOptions::default()
    };
    sheet.protect_with_options(&options);
}

/// A4 landscape, the rows `header` (bands and headers) repeated on each page, what stands above them not printed.
///
/// The columns are spread over `pages` page widths, because dozens of them on one could not be read; `repeat` columns
/// name the row on each. The scale is left to the program: it knows how wide its fonts run, and never cuts a column.
pub fn page_setup(
    sheet: &mut Worksheet,
    columns: usize,
    pages: u16,
    repeat: (u16, u16),
    header: (u32, u32),
    last_row: u32,
) -> Result<(), XlsxError> {
    let end = u16::try_from(columns).unwrap_or(u16::MAX);
    sheet.set_print_fit_to_pages(pages, 0).set_repeat_rows(header.0, header.1)?;
    sheet.set_repeat_columns(repeat.0, repeat.1)?.set_print_area(header.0, 0, last_row, end - 1)?;
    sheet.set_landscape().set_paper_size(9).set_margins(0.4, 0.4, 0.6, 0.5, 0.25, 0.25);
    // Over, then down: the pages of the same taxpayers follow each other.
    sheet.set_page_order(false);
    Ok(())
}

/// Title above each printed page, page number and batch below. Titles of the sheet itself run over many columns and
/// would be torn at the page edge, so list sheets print from their bands on.
pub fn margins(sheet: &mut Worksheet, title: &str, batch: &str) {
    sheet.set_header(format!("&L&\"{FONT},Bold\"&12{}", escaped(title)));
    sheet.set_footer(format!("&C第 &P 页 共 &N 页&R{}", escaped(batch)));
}

/// `&` is a command in headers and is doubled; a header holds 255 characters. A digit at the start would be read as
/// part of the font size, so a space keeps them apart.
fn escaped(text: &str) -> String {
    let text: String = text.chars().take(80).collect();
    format!(" {}", text.replace('&', "&&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_grow_with_the_text_and_stay_within_a_sheet() {
        let short = row_height([("短", 10.0)].into_iter(), 24.0);
        let long = row_height([("作废率偏高".repeat(20).as_str(), 21.0)].into_iter(), 20.0);
        assert!((short - 24.0).abs() < f64::EPSILON);
        assert!((long - (10.0 * LINE_HEIGHT + 6.0)).abs() < f64::EPSILON, "{long}");
        let endless = row_height([("\n".repeat(500).as_str(), 21.0)].into_iter(), 20.0);
        assert!((endless - ROW_HEIGHT_MAX).abs() < f64::EPSILON);
    }
}
