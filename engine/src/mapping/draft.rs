//! Writing a drafted mapping as TOML, each column with its confidence and why it was taken.

use std::fmt::Write as _;
use std::path::Path;

use assay_datasets::schema::{Column, ColumnType};

use super::evidence::Evidence;
use super::infer::{Fit, Guess, made, pattern, with_numbers_as};
use super::names::synonyms;
use super::sample::Sample;
use crate::{EngineError, Result};

/// Confidence of a key made from all columns of a row.
const HASHED: f64 = 0.2;

/// One feed of a draft.
pub struct FeedDraft<'a> {
    /// Its name.
    pub name: String,
    /// The file's table.
    pub sample: &'a Sample,
    /// What its columns' values say.
    pub evidence: Vec<Evidence>,
    /// The dictionary's table.
    pub fit: Fit,
}

impl FeedDraft<'_> {
    /// Its mapped columns as guessed.
    pub fn guesses(&self) -> Vec<Guess> {
        self.as_guesses(&self.fit.columns)
    }

    /// Columns it asks about.
    pub fn questions(&self) -> Vec<Guess> {
        self.as_guesses(&self.fit.weak)
    }

    fn as_guesses(&self, columns: &[(usize, usize, f64, String)]) -> Vec<Guess> {
        let guess = |(column, place, confidence, why): &(usize, usize, f64, String)| Guess {
            feed: self.name.clone(),
            table: self.fit.table.name.clone(),
            column: self.fit.table.columns[*column].name.clone(),
            source: self.sample.header[*place].clone(),
            confidence: *confidence,
            why: why.clone(),
        };
        columns.iter().map(guess).collect()
    }

    fn place_of(&self, name: &str) -> Option<usize> {
        let table = self.fit.table;
        self.fit.columns.iter().find(|(c, ..)| table.columns[*c].name == name).map(|(_, place, ..)| *place)
    }

    fn header(&self, place: usize) -> &str {
        &self.sample.header[place]
    }
}

/// Words in a file's name that tell its format and not what it holds (`gb18030` without its number).
const FORMAT_WORDS: [&str; 17] = [
    "csv", "txt", "tsv", "xls", "xlsx", "xlsb", "ods", "dbf", "json", "jsonl", "xml", "parquet", "gbk", "gb",
    "utf8", "utf", "bom",
];

/// A name for the mapping of a file that fills `table`: the letters of its name without words for formats, the table,
/// and for a name that is not in letters a few hexadecimal digits that tell it from others.
pub fn mapping_name(path: &Path, table: &str) -> String {
    let file = path.file_name().map(|s| s.to_string_lossy().to_lowercase()).unwrap_or_default();
    // Next month's file has the same mapping.
    let stem = with_numbers_as(file.split('.').next().unwrap_or_default(), " ");
    let is_word =
        |w: &&str| w.len() > 1 && w.chars().any(|c| c.is_ascii_alphabetic()) && !FORMAT_WORDS.contains(w);
    let words = stem.split(|c: char| !c.is_ascii_alphanumeric()).filter(is_word);
    let mut parts: Vec<String> = words.map(str::to_owned).collect();
    // Short numbers tell files apart too: 附件1, 附件2.
    let told = |c: &char| c.is_alphanumeric() && !c.is_ascii_alphabetic();
    let other: String = if stem.is_ascii() { String::new() } else { stem.chars().filter(told).collect() };
    if parts.is_empty() || !other.is_empty() {
        if parts.join("_") != table {
            parts.push(table.to_owned());
        }
        if !other.is_empty() {
            let hash = blake3::hash(other.as_bytes()).to_hex();
            parts.push(hash[..6].to_owned());
        }
    }
    parts.join("_")
}

/// Refuses a name that cannot be a mapping's.
///
/// # Errors
/// When it is empty or has other characters than letters, digits, `_` and `-`.
pub fn check_name(name: &str) -> Result<()> {
    let good = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    if !name.is_empty() && name.chars().all(good) {
        return Ok(());
    }
    Err(EngineError::input(format!("--name {name:?}: use letters, digits, _ and -, e.g. --name invoices_in")))
}

/// The draft's text.
pub fn write(name: &str, path: &Path, feeds: &[FeedDraft<'_>], missing: &[String]) -> String {
    let file = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let mut out = String::new();
    let _ = write!(
        out,
        "# 由 {file} 自动推断的映射草稿：请逐列核对后使用。每列上方为置信度（0–1）及依据。\n\
         # A draft made from {file}. Check every column before use: above each stand the confidence (0 to 1) and why.\n\
         # assay mapping check 此文件 {file}  显示转换前后各十行 / shows ten rows before and after\n\n\
         name = {}\nzh = {}\nen = {}\n",
        quoted(name),
        quoted(&format!("{file}（草稿）")),
        quoted(&format!("draft for {file}"))
    );
    for text in missing {
        let _ = writeln!(out, "\n# {}", text.replace('\n', " "));
    }
    for feed in feeds {
        write_feed(&mut out, path, feed);
    }
    out
}

fn write_feed(out: &mut String, path: &Path, feed: &FeedDraft<'_>) {
    let table = feed.fit.table;
    let used: Vec<usize> = feed.fit.columns.iter().map(|(_, place, ..)| *place).collect();
    let own = feed.sample.columns();
    let _ = write!(
        out,
        "\n# {}: {} 列中 {} 列对应 {} ({}) / {} of {} columns\n[[feed]]\nname = {}\ntable = {}\n",
        feed.sample.shown(),
        own.len(),
        used.len(),
        table.name,
        table.zh,
        used.len(),
        own.len(),
        quoted(&feed.name),
        quoted(&table.name)
    );
    if let Some(pattern) = pattern(path).filter(|_| feed.sample.record.is_none()) {
        let _ = writeln!(out, "files = [{}]", quoted(&pattern));
    }
    if let Some(sheet) = &feed.sample.sheet {
        let _ = writeln!(out, "sheet = {}", quoted(sheet));
    }
    if let Some(path) = &feed.sample.records_at {
        let _ = writeln!(out, "format = \"json\"\nrecords = {}", quoted(path));
    }
    if let Some(record) = &feed.sample.record {
        let _ = writeln!(out, "record = {}", quoted(record));
    } else {
        let _ = writeln!(out, "total_rows = {}", list(synonyms().total_rows.iter()));
    }
    let coded = feed.fit.columns.iter().any(|(c, place, ..)| {
        table.columns[*c].party && feed.evidence[*place].filled > 0 && feed.evidence[*place].taxpayer < 0.9
    });
    if coded {
        let _ = writeln!(
            out,
            "# 识别号不是15至20位：按匿名代号处理 / ids are no taxpayer ids: taken as anonymised codes"
        );
        let _ = writeln!(out, "anonymised_ids = true");
    }
    // XML: what is left out is told by its path below the document element.
    let below = feed.sample.record.as_deref().and_then(|r| r.split_once('/')).map(|(_, below)| below);
    let left_out = |place: &usize| match (feed.header(*place), below) {
        (name, Some(below)) if !name.starts_with('/') => format!("/{below}/{name}"),
        (name, _) => name.to_owned(),
    };
    let asked = |place: &usize| feed.fit.weak.iter().any(|(_, p, ..)| p == place);
    let unused: Vec<String> = own.iter().filter(|p| !used.contains(p) && !asked(p)).map(left_out).collect();
    if !unused.is_empty() {
        let _ = writeln!(out, "# 未找到对应列，不导入 / no column of the table found for these: left out");
        let _ = writeln!(out, "ignore = {}", list(unused.iter()));
    }
    let line_no = table.name == "invoice_line" && feed.place_of("line_no").is_none();
    if let Some(place) = feed.place_of("invoice_id").filter(|_| line_no && feed.sample.record.is_none()) {
        let _ = writeln!(out, "# 明细序号按发票内出现的先后编号 / lines are numbered as they come");
        let _ =
            writeln!(out, "number = {{ name = \"明细行号\", within = [{}] }}", quoted(feed.header(place)));
    }
    let _ = writeln!(out, "[feed.columns]");
    for (index, column) in table.columns.iter().enumerate() {
        match feed.fit.columns.iter().find(|(c, ..)| *c == index) {
            Some((_, place, confidence, why)) => {
                let _ = writeln!(out, "# {confidence:.2} {why}");
                let unknown = unknown_codes(feed, column, *place);
                if !unknown.is_empty() {
                    let _ = writeln!(
                        out,
                        "# 以下取值没有对应代码，所在行会被拒绝 / rows with these values are rejected until they are given a code: {}",
                        unknown.join(", ")
                    );
                }
                let _ = writeln!(out, "{} = {}", column.name, source(feed, column, *place));
            }
            None => {
                write_question(out, feed, index);
                write_missing(out, feed, column);
            }
        }
    }
}

/// The line of a column that is too uncertain to be mapped, as a comment to decide about.
fn write_question(out: &mut String, feed: &FeedDraft<'_>, index: usize) {
    let Some((_, place, confidence, why)) = feed.fit.weak.iter().find(|(c, ..)| *c == index) else { return };
    let column = &feed.fit.table.columns[index];
    let _ = writeln!(
        out,
        "# {confidence:.2} {why}\n# 把握不足，未采用；确认后去掉下一行的 # / not certain, not mapped: remove the # below if it is right\n# {} = {}",
        column.name,
        source(feed, column, *place)
    );
}

/// What stands in place of a required column that was not found.
fn write_missing(out: &mut String, feed: &FeedDraft<'_>, column: &Column) {
    let table = feed.fit.table;
    if table.name == "invoice" && column.name == "invoice_id" {
        if let (Some(code), Some(number)) = (feed.place_of("invoice_code"), feed.place_of("invoice_no")) {
            let _ = writeln!(out, "# 0.90 发票代码+发票号码 code and number");
            let sql = format!("{} || {}", ident(feed.header(code)), ident(feed.header(number)));
            let _ = writeln!(out, "invoice_id = {{ sql = {} }}", quoted(&sql));
            return;
        }
        let all: Vec<String> = feed.sample.columns().iter().map(|p| ident(feed.header(*p))).collect();
        let sql = format!("md5(concat_ws('|', '{}', {}))", feed.name, all.join(", "));
        let _ = writeln!(
            out,
            "# {HASHED:.2} 没有能唯一标识发票的列，以整行内容为标识 / no column names an invoice: a row is known by all its columns"
        );
        let _ = writeln!(out, "invoice_id = {{ sql = {} }}", quoted(&sql));
    } else if table.name == "invoice_line"
        && column.name == "line_no"
        && feed.place_of("invoice_id").is_some()
    {
        let name = if feed.sample.record.is_some() { "_row" } else { "明细行号" };
        let _ = writeln!(
            out,
            "# 0.60 发票内的顺序号 running number within the invoice\nline_no = {}",
            quoted(name)
        );
    } else if column.required && !made(table, column) {
        let _ =
            writeln!(out, "# 缺少必填列 required but not found: {} = \"…\"  ({})", column.name, column.zh);
    }
}

/// Codes for the words of an enum column that are not codes themselves.
fn codes(feed: &FeedDraft<'_>, column: &Column, place: usize) -> Vec<(String, String)> {
    if column.ty != ColumnType::Enum {
        return Vec::new();
    }
    let words = &feed.evidence[place].distinct;
    words
        .iter()
        .filter_map(|w| Some((w.clone(), synonyms().code(feed.fit.table, column, w)?)))
        .filter(|(word, code)| word != code)
        .collect()
}

fn unknown_codes(feed: &FeedDraft<'_>, column: &Column, place: usize) -> Vec<String> {
    if column.ty != ColumnType::Enum || column.open {
        return Vec::new();
    }
    let words = feed.evidence[place].distinct.iter();
    words.filter(|w| synonyms().code(feed.fit.table, column, w).is_none()).cloned().collect()
}

/// The right side of a column's line.
fn source(feed: &FeedDraft<'_>, column: &Column, place: usize) -> String {
    let evidence = &feed.evidence[place];
    let name = feed.header(place);
    let mut sql = None;
    if !evidence.missing.is_empty() {
        let mut text = ident(name);
        for missing in &evidence.missing {
            text = format!("nullif({text}, '{}')", missing.replace('\'', "''"));
        }
        sql = Some(text);
    }
    if matches!(column.ty, ColumnType::Rate) && evidence.rate_words > 0.0 {
        let text = ident(name);
        sql = Some(format!(
            "CASE WHEN {text} IN ('免税', '不征税', '零税率', '***', '*', '--') THEN NULL ELSE {text} END"
        ));
    }
    if column.ty == ColumnType::Period && evidence.time > 0.0 {
        sql = Some(format!("split_part({}, ' ', 1)", sql.unwrap_or_else(|| ident(name))));
    }
    let kept = match column.ty {
        ColumnType::Money => 2,
        ColumnType::Rate => 6,
        ColumnType::Share | ColumnType::Quantity => 8,
        _ => usize::MAX,
    };
    let codes = codes(feed, column, place);
    let round = evidence.scale > kept;
    if sql.is_none() && codes.is_empty() && !round {
        return quoted(name);
    }
    let mut parts = vec![match sql {
        Some(sql) => format!("sql = {}", quoted(&sql)),
        None => format!("from = {}", quoted(name)),
    }];
    if !codes.is_empty() {
        let pairs: Vec<String> =
            codes.iter().map(|(word, code)| format!("{} = {}", quoted(word), quoted(code))).collect();
        parts.push(format!("values = {{ {} }}", pairs.join(", ")));
    }
    if round {
        parts.push("round = true".into());
    }
    format!("{{ {} }}", parts.join(", "))
}

/// A name as SQL writes it.
fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list<'s>(texts: impl Iterator<Item = &'s String>) -> String {
    format!("[{}]", texts.map(|t| quoted(t)).collect::<Vec<_>>().join(", "))
}
