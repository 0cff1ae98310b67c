//! What a page is made of: sections of blocks, a block being facts, charts, one table and notes.
//!
//! A block that shows nothing says why: there is no record of the taxpayer, or the warehouse has no such data at all.

use assay_datasets::schema::catalog;
use serde_json::value::RawValue;

use super::figures::{UNKNOWN, grouped, hundredths, month, percent, wan};
use super::rows::Rows;
use crate::Result;
use assay_tasks::{grade_zh, tax_zh};

/// Whether there is anything to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Something is shown.
    Filled,
    /// The data are there, of others.
    NoRecord,
    /// The warehouse has no such data.
    NotConnected,
}

impl State {
    /// What is said in place of content.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Filled => "",
            Self::NoRecord => "无记录",
            Self::NotConnected => "未接入该数据",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Filled => "filled",
            Self::NoRecord => "no_record",
            Self::NotConnected => "not_connected",
        }
    }
}

/// A part of a page with a title.
#[derive(Debug, Clone)]
pub struct Section {
    /// Short name.
    pub id: &'static str,
    /// Title.
    pub zh: &'static str,
    /// Its content.
    pub blocks: Vec<Block>,
}

/// One subject of a section.
#[derive(Debug, Clone)]
pub struct Block {
    /// Short name.
    pub id: &'static str,
    /// Title.
    pub zh: String,
    /// Whether there is anything.
    pub state: State,
    /// Label and value of what is no table.
    pub facts: Vec<(String, String)>,
    /// Charts, SVG.
    pub charts: Vec<String>,
    /// Rows, if any are shown.
    pub table: Option<Table>,
    /// What to know when reading it.
    pub notes: Vec<String>,
    /// Takes half the width of the page.
    pub(super) half: bool,
    /// What was read, as it was read.
    pub(super) rows: Rows,
}

/// A table as it is shown.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Column heads.
    pub header: Vec<&'static str>,
    /// Which columns hold text, which stands to the left.
    pub text: Vec<bool>,
    /// Cells.
    pub rows: Vec<Vec<String>>,
    /// Sums, if any column has one.
    pub foot: Option<Vec<String>>,
}

/// How a value is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// A number of things.
    Count,
    /// Money, yuan.
    Yuan,
    /// Money, 10,000 yuan.
    Wan,
    /// A plain decimal number with two digits.
    Number,
    Percent,
    Month,
    Grade,
    /// A tax or levy.
    Tax,
    /// A code of this column of the dictionary.
    Word(&'static str, &'static str),
}

/// A column of a table: which value, under which head, written how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    name: &'static str,
    zh: &'static str,
    kind: Kind,
    total: bool,
}

/// A column.
pub(super) const fn col(name: &'static str, zh: &'static str, kind: Kind) -> Column {
    Column { name, zh, kind, total: false }
}

impl Column {
    /// With the sum of the column below the table.
    pub(super) const fn total(self) -> Self {
        Self { total: true, ..self }
    }

    fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::Grade | Kind::Tax | Kind::Word(..) | Kind::Month)
    }

    fn cell(&self, rows: &Rows, row: usize) -> String {
        cell(rows, row, self.name, self.kind)
    }

    fn sum(&self, rows: &Rows) -> String {
        if !self.total {
            return String::new();
        }
        let all = 0..rows.len();
        let sum: Option<i128> = match self.kind {
            Kind::Count => sum(all.map(|row| rows.integer(row, self.name).map(i128::from))),
            _ => sum(all.map(|row| rows.hundredths(row, self.name))),
        };
        sum.map_or_else(
            || UNKNOWN.to_owned(),
            |sum| match self.kind {
                Kind::Count => grouped(sum),
                Kind::Wan => wan(sum),
                _ => hundredths(sum),
            },
        )
    }
}

/// The sum of what is known; none where nothing is.
fn sum(values: impl Iterator<Item = Option<i128>>) -> Option<i128> {
    values.flatten().fold(None, |sum, value| Some(sum.unwrap_or_default() + value))
}

/// A value as it is shown; unknown is a dash.
pub(super) fn cell(rows: &Rows, row: usize, name: &str, kind: Kind) -> String {
    let known = match kind {
        Kind::Count => rows.integer(row, name).map(|n| grouped(n.into())),
        Kind::Yuan | Kind::Number => rows.hundredths(row, name).map(hundredths),
        Kind::Wan => rows.hundredths(row, name).map(wan),
        Kind::Percent => rows.number(row, name).map(percent),
        Kind::Month => rows.integer(row, name).map(month),
        Kind::Text | Kind::Grade | Kind::Tax | Kind::Word(..) => {
            Some(rows.text(row, name)).filter(|t| !t.is_empty()).map(|t| worded(&t, kind))
        }
    };
    known.unwrap_or_else(|| UNKNOWN.to_owned())
}

fn worded(text: &str, kind: Kind) -> String {
    match kind {
        Kind::Grade => grade_zh(text).to_owned(),
        Kind::Tax => levy(text),
        Kind::Word(table, column) => word(table, column, text),
        _ => text.to_owned(),
    }
}

/// The dictionary's Chinese for a code; an unknown code is shown as it is.
pub(super) fn word(table: &str, column: &str, code: &str) -> String {
    let column = catalog().table(table).and_then(|table| table.column(column));
    let value = column.and_then(|column| column.values.iter().find(|value| value.code == code));
    value.map_or_else(|| code.to_owned(), |value| value.zh.clone())
}

/// A tax or levy.
fn levy(code: &str) -> String {
    let zh = word("other_tax_return", "tax_code", code);
    if zh == code { tax_zh(code).to_owned() } else { zh }
}

impl Table {
    /// Which of many columns hold sentences, which want more of the width than they would get.
    fn long(&self) -> Vec<bool> {
        const SENTENCE: usize = 36;
        const MANY: usize = 4;
        let of = |row: &Vec<String>, at: usize| row.get(at).map_or(0, |cell| cell.chars().count());
        let long = |at| self.header.len() >= MANY && self.rows.iter().any(|row| of(row, at) > SENTENCE);
        (0..self.header.len()).map(long).collect()
    }

    /// Rows under these columns.
    pub(super) fn of(rows: &Rows, columns: &[Column]) -> Self {
        let any_sum = rows.len() > 1 && columns.iter().any(|column| column.total);
        let foot = any_sum.then(|| {
            let mut foot: Vec<String> = columns.iter().map(|column| column.sum(rows)).collect();
            if let Some(first) = foot.first_mut().filter(|first| first.is_empty()) {
                "合计".clone_into(first);
            }
            foot
        });
        Self {
            header: columns.iter().map(|column| column.zh).collect(),
            text: columns.iter().map(Column::is_text).collect(),
            rows: (0..rows.len())
                .map(|row| columns.iter().map(|column| column.cell(rows, row)).collect())
                .collect(),
            foot,
        }
    }
}

impl Block {
    /// A block of these rows, as a table where columns are given; `absent` is said where there are none.
    pub(super) fn new(id: &'static str, zh: impl Into<String>, rows: Rows, absent: State) -> Self {
        let state = if rows.is_empty() { absent } else { State::Filled };
        Self {
            id,
            zh: zh.into(),
            state,
            facts: Vec::new(),
            charts: Vec::new(),
            table: None,
            notes: Vec::new(),
            half: false,
            rows,
        }
    }

    /// With its rows as a table.
    pub(super) fn table(mut self, columns: &[Column]) -> Self {
        self.table = (self.state == State::Filled).then(|| Table::of(&self.rows, columns));
        self
    }

    /// With a note, where there is something to note it of.
    pub(super) fn note(mut self, text: impl Into<String>) -> Self {
        if self.state == State::Filled {
            self.notes.push(text.into());
        }
        self
    }

    /// With a chart above, where there is something to draw.
    pub(super) fn chart(mut self, chart: impl FnOnce(&Rows) -> Result<Option<String>>) -> Result<Self> {
        if self.state == State::Filled {
            self.charts.extend(chart(&self.rows)?);
        }
        Ok(self)
    }

    /// Beside another.
    pub(super) fn half(mut self) -> Self {
        self.half = true;
        self
    }

    /// The block as JSON: state and rows as they were read.
    pub(super) async fn json(&self) -> Result<Box<RawValue>> {
        let rows = self.rows.json().await?;
        Ok(RawValue::from_string(format!("{{\"state\":\"{}\",\"rows\":{rows}}}", self.state.word()))?)
    }

    /// The block as the template reads it.
    pub(super) fn value(&self) -> minijinja::Value {
        minijinja::context! {
            id => self.id,
            zh => self.zh.as_str(),
            absent => self.state.zh(),
            facts => self.facts.clone(),
            charts => self.charts.clone(),
            half => self.half,
            notes => self.notes.clone(),
            table => self.table.as_ref().map(|table| minijinja::context! {
                header => table.header.clone(),
                text => table.text.clone(),
                long => table.long(),
                rows => table.rows.clone(),
                foot => table.foot.clone(),
                wide => table.header.len() > 9,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::pages::rows::{money, texts};

    #[test]
    fn a_table_sums_and_says_what_is_unknown() {
        let rows = Rows::from_columns(vec![
            ("tax_code", texts(["vat".to_owned(), "stamp".to_owned()])),
            ("tax", money([Some(123_450_000), None]).unwrap()),
        ])
        .unwrap();
        let columns = [col("tax_code", "税种", Kind::Tax), col("tax", "税额（万元）", Kind::Wan).total()];
        let block = Block::new("x", "甲", rows, State::NoRecord).table(&columns);
        let table = block.table.unwrap();
        assert_eq!(table.rows, [["增值税", "123.45"], ["印花税", "—"]]);
        assert_eq!(table.foot.unwrap(), ["合计", "123.45"]);
        assert_eq!(table.text, [true, false]);
        assert_eq!((sum([None, None].into_iter()), sum([None, Some(3)].into_iter())), (None, Some(3)));
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        let block = Block::new("x", "甲", Rows::none(), State::NotConnected).table(&[]).note("说明");
        assert_eq!((block.state.zh(), block.table.is_none(), block.notes.len()), ("未接入该数据", true, 0));
    }
}
