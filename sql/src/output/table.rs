//! A table for the terminal: columns aligned by display width, so that Chinese text (two columns a character)
//! stands straight; numbers to the right; long results and long cells cut.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::OutputOptions;
use crate::error::Result;

/// How a table shows null, which is not an empty text.
const NULL: &str = "∅";
const GAP: &str = "  ";

/// Rows to show, and the count of all.
pub(super) struct Table {
    names: Vec<String>,
    to_the_right: Vec<bool>,
    cells: Vec<Vec<String>>,
    rows: u64,
    most_rows: usize,
    cell_width: usize,
}

impl Table {
    pub(super) fn new(schema: &Schema, options: &OutputOptions) -> Self {
        let cell_width = options.cell_width.max(1);
        let fields = schema.fields();
        Self {
            names: fields.iter().map(|field| fit(field.name(), cell_width)).collect(),
            to_the_right: fields.iter().map(|field| is_number(field.data_type())).collect(),
            cells: Vec::new(),
            rows: 0,
            most_rows: options.table_rows,
            cell_width,
        }
    }

    /// How many rows came, shown or not.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes over what is still to be shown of a batch.
    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        let wanted = batch.num_rows().min(self.most_rows - self.cells.len());
        if wanted == 0 {
            return Ok(());
        }
        let options = FormatOptions::new().with_null(NULL).with_display_error(true);
        let columns = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<Vec<_>, _>>()?;
        for row in 0..wanted {
            let cell = |column: &ArrayFormatter| fit(&column.value(row).to_string(), self.cell_width);
            self.cells.push(columns.iter().map(cell).collect());
        }
        Ok(())
    }

    /// Writes header, rows, and how many rows there are.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let widths = self.widths();
        self.write_row(out, &self.names, &widths)?;
        let rules: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        self.write_row(out, &rules, &widths)?;
        for row in &self.cells {
            self.write_row(out, row, &widths)?;
        }
        let hidden = self.rows - self.cells.len() as u64;
        if hidden > 0 {
            writeln!(out, "… {} more {}", grouped(hidden), row_or_rows(hidden))?;
        }
        writeln!(out, "({} {})", grouped(self.rows), row_or_rows(self.rows))
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.names.iter().map(|name| name.width()).collect();
        for row in &self.cells {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        widths
    }

    fn write_row(&self, out: &mut impl Write, cells: &[String], widths: &[usize]) -> io::Result<()> {
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate() {
            if column > 0 {
                line.push_str(GAP);
            }
            let blanks = " ".repeat(widths[column] - cell.width());
            let (before, after) =
                if self.to_the_right[column] { (blanks.as_str(), "") } else { ("", blanks.as_str()) };
            line.push_str(before);
            line.push_str(cell);
            line.push_str(after);
        }
        writeln!(out, "{}", line.trim_end())
    }
}

/// Text on one line and not wider than `width` columns; control characters, which could move the cursor or
/// colour the terminal, become blanks.
fn fit(text: &str, width: usize) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.width() <= width {
        return text;
    }
    let mut left = width - 1;
    let kept = text.chars().take_while(|c| {
        let wide = c.width().unwrap_or(0);
        let fits = wide <= left;
        left = left.saturating_sub(wide);
        fits
    });
    kept.chain(['…']).collect()
}

fn is_number(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, value) => is_number(value),
        other => other.is_numeric(),
    }
}

fn row_or_rows(count: u64) -> &'static str {
    if count == 1 { "row" } else { "rows" }
}

/// `1234567` as `1,234,567`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn counts_are_grouped() {
        let shown: Vec<String> = [0, 12, 123, 1234, 123_456, 1_234_567].into_iter().map(grouped).collect();
        assert_eq!(shown, ["0", "12", "123", "1,234", "123,456", "1,234,567"]);
    }

    #[test]
    fn text_is_cut_by_width_not_by_characters() {
        assert_eq!(fit("虚开发票", 8), "虚开发票");
        assert_eq!(fit("虚开发票", 7), "虚开发…");
        assert_eq!(fit("虚开发票", 6), "虚开…");
        assert_eq!(fit("a\nb\u{1b}[31m", 20), "a b [31m");
        assert_eq!(fit("abc", 1), "…");
    }
}
