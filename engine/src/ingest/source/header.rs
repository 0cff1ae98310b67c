//! Finding the header of a table and matching its names with those a feed asks for, whatever habits the sender has:
//! titles above it, columns in another order, blanks and line breaks inside names, full-width characters, `*` and `：`.
//!
//! What a matched column means is the mapping's business; other rows that are no records are `shape`'s.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

use crate::ingest::convert::ids::is_taxpayer_id;
use crate::ingest::parse::{parse_decimal, parse_instant, parse_period};
use crate::{EngineError, Result};

/// Rows looked at for a header.
pub const HEADER_ROWS: usize = 20;

/// A name as names are compared: compatibility forms unified (full-width to half-width), lower case, no blanks, one
/// kind of bracket, no `*` before and no `*`, `:` or `.` after it.
pub fn normal(name: &str) -> String {
    let unify = |c: char| match c {
        '【' | '〔' | '[' | '［' => '(',
        '】' | '〕' | ']' | '］' => ')',
        c => c,
    };
    let invisible = |c: &char| !c.is_whitespace() && !matches!(c, '\u{feff}' | '\u{200b}'..='\u{200d}');
    let text: String = name.nfkc().filter(invisible).flat_map(char::to_lowercase).map(unify).collect();
    text.trim_start_matches('*').trim_end_matches(['*', ':', '.', '。']).to_owned()
}

/// The names a feed asks for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Normal form → (name as the feed writes it, column it belongs to).
    normal: HashMap<String, (String, usize)>,
    /// Every name as the feed writes it, in order, each once.
    names: Vec<String>,
    /// Columns that count as evidence for a header.
    evidence: Vec<bool>,
}

impl Wanted {
    /// Adds a column known by any of `names`; `evidence`: a header is expected to have it.
    pub fn add<'a>(&mut self, names: impl IntoIterator<Item = &'a str>, evidence: bool) {
        let column = self.evidence.len();
        let mut new = false;
        for name in names {
            if !self.names.iter().any(|n| n == name) {
                self.names.push(name.to_owned());
            }
            self.normal.entry(normal(name)).or_insert_with(|| {
                new = true;
                (name.to_owned(), column)
            });
        }
        self.evidence.push(evidence && new);
    }

    /// Every name, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Columns a header is expected to have.
    fn expected(&self) -> usize {
        self.evidence.iter().filter(|e| **e).count()
    }

    /// How many of the expected columns these cells name.
    pub fn matches<'a>(&self, cells: impl IntoIterator<Item = &'a str>) -> usize {
        let mut found = vec![false; self.evidence.len()];
        for cell in cells {
            if let Some((_, column)) = self.normal.get(&normal(cell)) {
                found[*column] = self.evidence[*column];
            }
        }
        found.iter().filter(|f| **f).count()
    }

    /// A file's header under the names the feed uses: names written exactly so first, then those that differ in
    /// blanks, width or decoration only. Names nobody asks for stay, trimmed.
    ///
    /// # Errors
    /// When two columns read as the same name.
    pub fn rename(&self, file: &str, header: &[String]) -> Result<Vec<String>> {
        let exact = |name: &str| self.names.iter().any(|n| n == name);
        let mut names: Vec<String> = header.iter().map(|n| n.trim().to_owned()).collect();
        let taken: Vec<String> = names.iter().filter(|n| exact(n)).cloned().collect();
        let mut renamed: HashMap<String, usize> = HashMap::new();
        for (i, name) in names.iter_mut().enumerate() {
            if name.is_empty() || exact(name) {
                continue;
            }
            let Some((wanted, _)) = self.normal.get(&normal(name)) else { continue };
            if taken.contains(wanted) {
                continue;
            }
            if let Some(other) = renamed.insert(wanted.clone(), i) {
                return Err(EngineError::input(format!(
                    "{file}: columns {} ({}) and {} ({}) both read as {wanted}; rename or remove one of them",
                    other + 1,
                    header[other].trim(),
                    i + 1,
                    header[i].trim()
                )));
            }
            name.clone_from(wanted);
        }
        Ok(names)
    }
}

/// Looks for the header among a file's first rows: the first that names most of the expected columns; failing that,
/// the one that names the most; failing that, the first row that is not empty.
pub struct Search<'a> {
    wanted: &'a Wanted,
    rows: usize,
    best: Option<(usize, usize)>,
    first: Option<usize>,
}

impl<'a> Search<'a> {
    /// A search for a header with these names.
    pub fn new(wanted: &'a Wanted) -> Self {
        Self { wanted, rows: 0, best: None, first: None }
    }

    /// Offers the next row; `true` once the search is over.
    pub fn offer<'c>(&mut self, cells: impl IntoIterator<Item = &'c str> + Clone) -> bool {
        let row = self.rows;
        self.rows += 1;
        if cells.clone().into_iter().all(|c| c.trim().is_empty()) {
            return self.rows >= HEADER_ROWS;
        }
        self.first.get_or_insert(row);
        let expected = self.wanted.expected();
        if expected == 0 {
            return true;
        }
        let found = self.wanted.matches(cells);
        if found > self.best.map_or(0, |(_, n)| n) {
            self.best = Some((row, found));
        }
        2 * found > expected || self.rows >= HEADER_ROWS
    }

    /// Which of the offered rows is the header, counted from 0; `None` when all are empty.
    pub fn found(&self) -> Option<usize> {
        self.best.map(|(row, _)| row).or(self.first)
    }
}

/// Refuses a row taken for the header that holds values: the file has no header.
///
/// # Errors
/// When the row looks more like data than like names anybody asks for.
pub fn refuse_data<'a>(file: &str, wanted: &Wanted, cells: &[&'a str]) -> Result<()> {
    let cells: Vec<&'a str> = cells.iter().map(|c| c.trim()).filter(|c| !c.is_empty()).collect();
    // A line that nothing separates may be one of fixed width.
    let whole = |c: &&str| cells.len() == 1 && c.len() >= 20 && longest_number(c) >= 8;
    // Days also stand above the columns of a calendar: alone they prove nothing.
    let sure = cells.iter().filter(|c| is_value(c) || whole(c)).count();
    let days = cells.iter().filter(|c| parse_instant(c).is_some()).count();
    let xml = cells.iter().any(|cell| cell.starts_with("<?xml"));
    if !xml && (sure == 0 || wanted.matches(cells.iter().copied()) > sure + days) {
        return Ok(());
    }
    if xml {
        return Err(EngineError::input(format!(
            "{file} is XML, which needs a mapping; for electronic invoices: --mapping einvoice_xml; for others a draft: assay mapping infer {file}"
        )));
    }
    Err(EngineError::input(format!(
        "{file}: 没有表头：第一行是数据，不是列名。no header: its first row has values in place of names ({} of {} cells). \
         Name the columns in a mapping's feed: header = [\"纳税人识别号\", \"所属期\", \"金额\"], or for fixed-width text \
         layout = [{{ name = \"纳税人识别号\", start = 1, width = 18 }}, {{ name = \"所属期\", start = 19, width = 6 }}]",
        (sure + days).min(cells.len()),
        cells.len()
    )))
}

/// Whether a cell is what no column is called: an amount with decimals, an id of 15 to 20 characters, a null of Hive.
fn is_value(cell: &str) -> bool {
    let id = is_taxpayer_id(cell, false) && cell.bytes().filter(u8::is_ascii_digit).count() >= 6;
    id || cell == "\\N"
        || (cell.contains('.') && !is_month(cell) && parse_decimal(cell, 38, 8, true).is_some())
}

/// Whether a cell names a month as `2024.01`, as columns of a year do.
fn is_month(cell: &str) -> bool {
    parse_period(cell).is_some_and(|period| (190_000..220_000).contains(&period))
}

/// Digits of the longest number in a text.
fn longest_number(text: &str) -> usize {
    text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0)
}

/// The delimiter under which some line of `sample` reads most like a header of `wanted`; `None` when none does.
pub fn delimiter(sample: &str, wanted: &Wanted) -> Option<u8> {
    let mut best: Option<(usize, u8)> = None;
    for line in sample.lines().take(HEADER_ROWS) {
        for delimiter in [b',', b'\t', b'|', b';'] {
            let cells = line.split(char::from(delimiter)).map(|c| c.trim_matches(['"', ' ']));
            let found = wanted.matches(cells);
            if found > best.map_or(0, |(n, _)| n) {
                best = Some((found, delimiter));
            }
        }
    }
    best.filter(|(n, _)| *n > 1).map(|(_, d)| d)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn wanted() -> Wanted {
        let mut wanted = Wanted::default();
        for names in [&["销方识别号"][..], &["金额", "不含税金额"], &["税额"], &["备注（说明）"]]
        {
            wanted.add(names.iter().copied(), true);
        }
        wanted
    }

    fn header(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn names_that_differ_in_habit_only_are_one() {
        for name in ["金额", " 金 额 ", "*金额", "金额：", "金\n额*", "金　额"] {
            assert_eq!(normal(name), "金额", "{name}");
        }
        assert_eq!(normal("ＳＰＢＭ（编码）"), "spbm(编码)");
        assert_eq!(normal("【备注】"), normal("(备注)"));
        assert_ne!(normal("金额(元)"), normal("金额(万元)"));
    }

    #[test]
    fn exact_names_come_first_and_two_of_one_are_refused() {
        let wanted = wanted();
        let renamed = wanted.rename("f", &header(&["税 额", "金额：", "备注(说明)", "别的 列"])).unwrap();
        assert_eq!(renamed, ["税额", "金额", "备注（说明）", "别的 列"]);
        // One is written exactly so: the other stays what it is.
        assert_eq!(wanted.rename("f", &header(&["金 额", "金额"])).unwrap(), ["金 额", "金额"]);
        let error = wanted.rename("f.csv", &header(&["金 额", "税额", "金额*"])).unwrap_err().to_string();
        assert!(error.contains("columns 1 (金 额) and 3 (金额*) both read as 金额"), "{error}");
    }

    #[test]
    fn the_header_is_the_first_row_with_most_names() {
        let wanted = wanted();
        let mut search = Search::new(&wanted);
        assert!(!search.offer(["全量发票查询导出结果", ""]));
        assert!(!search.offer(["", ""]));
        assert!(!search.offer(["金额", "说明"]));
        assert!(search.offer(["税额", "金 额", "销方识别号"]));
        assert_eq!(search.found(), Some(3));
        // A header that lacks most columns still is the best there is; without any, the first row is taken.
        let mut search = Search::new(&wanted);
        search.offer(["标题"]);
        search.offer(["金额", "x"]);
        search.offer(["1", "2"]);
        assert_eq!(search.found(), Some(1));
        let mut search = Search::new(&wanted);
        search.offer([" "]);
        search.offer(["标题"]);
        assert_eq!(search.found(), Some(1));
    }

    #[test]
    fn values_in_place_of_names_are_no_header() {
        let refused = |cells: &[&str]| refuse_data("f.txt", &wanted(), cells).err().map(|e| e.to_string());
        for row in [
            &["91310115MA1K39423D", "2025-05-03", "金额", "abnormal"][..],
            &["1", "甲公司", "13950.80", "13950.80"],
            &["A", "\\N"],
            &["91310115MA1K39423D甲公司          202501  130000.00"],
        ] {
            let said = refused(row).unwrap();
            assert!(said.starts_with("f.txt: ") && said.contains("no header"), "{said}");
            assert!(said.contains("header = [") && said.contains("layout = [{ name = "), "{said}");
            assert!(!said.contains("13950.80"), "values stay out of messages: {said}");
        }
        for row in [
            &["销方识别号", "金额", "x1"][..],
            &["日期", "2024", "2025"],
            &["纳税人识别号", "2024.01", "2024.2", "2024.12"],
            &["项目", "2024-01-01", "2024-01-02"],
            &["qq", "ww"],
            &["NSRSBH", "SHXYDM_ZCDZ_BH"],
            &["a.b", "v1.0"],
        ] {
            assert_eq!(refused(row), None, "{row:?}");
        }
    }

    #[test]
    fn a_delimiter_is_told_below_a_title() {
        let text = "导出结果, 共2行\n\n销方识别号\t金额\t税额\n1\t2\t3\n";
        assert_eq!(delimiter(text, &wanted()), Some(b'\t'));
        assert_eq!(delimiter("a,b\n", &wanted()), None);
    }
}
