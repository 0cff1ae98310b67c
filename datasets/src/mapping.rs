//! The mapping language: how the files of a feed become rows of a canonical table.
//!
//! A mapping is a TOML file with one or more feeds. It says which files and sheets belong to a feed, how they are
//! encoded, and where each canonical column comes from. It describes; reading files and evaluating expressions is
//! the engine's job.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::repairs::{self, Repair};
use crate::schema::{self, ColumnType, Table};

mod shape;

pub use shape::{FileFormat, LayoutField, LayoutUnit, Trailer};

/// The mappings that come with Assay: name and TOML text.
pub const EMBEDDED: &[(&str, &str)] = &[
    ("cumcm2020c", include_str!("../mappings/cumcm2020c.toml")),
    ("etax_invoice", include_str!("../mappings/etax_invoice.toml")),
    ("einvoice_xml", include_str!("../mappings/einvoice_xml.toml")),
];

/// Names columns go by in other systems and words that stand for codes, for drafting mappings (TOML).
pub const SYNONYMS: &str = include_str!("../mappings/synonyms.toml");

/// One mapping file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Name used with `--mapping`.
    pub name: String,
    /// What it is, in Chinese.
    pub zh: String,
    /// What it is, in English.
    pub en: String,
    /// Its feeds.
    #[serde(rename = "feed")]
    pub feeds: Vec<Feed>,
}

/// One kind of file (or one sheet of it) and the table it fills.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// Stored as `_source` on every row.
    pub name: String,
    /// The canonical table.
    pub table: String,
    /// Shell patterns on the file's name; empty for a feed chosen explicitly.
    #[serde(default)]
    pub files: Vec<String>,
    /// The workbook's sheet; its first one when absent.
    pub sheet: Option<String>,
    /// `utf-8`, `gb18030`, `utf-16le`, `utf-16be`; detected when absent.
    pub encoding: Option<String>,
    /// `,` `tab` `|` `;`, a control character as `\001`, or several characters as `|+|`; detected from the header
    /// when absent.
    pub delimiter: Option<String>,
    /// The file's format; told from its name and content when absent.
    pub format: Option<FileFormat>,
    /// JSON: path of the array that holds the records, as `data.list`.
    pub records: Option<String>,
    /// Fixed width: where each field stands.
    #[serde(default)]
    pub layout: Vec<LayoutField>,
    /// Fixed width: what starts and widths count.
    #[serde(default)]
    pub layout_unit: LayoutUnit,
    /// Lines before the header (or, without one, the first record).
    #[serde(default)]
    pub skip_first: usize,
    /// Lines at the end that are no records.
    #[serde(default)]
    pub skip_last: usize,
    /// Where the last of these states the number of records, which is then verified.
    pub trailer: Option<Trailer>,
    /// Column names of delimited text that has none; of JSON, the keys to read whether or not the first records have
    /// them.
    #[serde(default)]
    pub header: Vec<String>,
    /// Texts that stand for a missing value; `\N` alone when absent.
    pub nulls: Option<Vec<String>>,
    /// What encloses fields; `""` for nothing, which is the default with a control character as delimiter.
    pub quote: Option<String>,
    /// What makes the next character an ordinary one, as `\`.
    pub escape: Option<String>,
    /// Values are padded with blanks, as in reports spooled by a database: trimming them is no repair.
    #[serde(default)]
    pub padded: bool,
    /// Repairs that are applied, by rule; all of them when absent, none for `[]`.
    pub repairs: Option<Vec<String>>,
    /// Repairs of this feed beside those for all.
    #[serde(default, rename = "repair")]
    pub more_repairs: Vec<Repair>,
    /// Taxpayer ids are anonymised codes: their form is not checked.
    #[serde(default)]
    pub anonymised_ids: bool,
    /// Source columns that are left out on purpose.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// Canonical column → where it comes from.
    #[serde(default)]
    pub columns: BTreeMap<String, Spanned<ColumnSource>>,
    /// Conditions every row must meet, as SQL over the canonical columns.
    #[serde(default, rename = "rule")]
    pub rules: Vec<RowRule>,
    /// What its rows mean, as normalised TOML: the feed as written, without comments and without what only says how
    /// files are found and read. Empty for a canonical feed, whose meaning is the dictionary's.
    #[serde(skip)]
    pub definition: String,
    /// Texts that, in the first filled cell of a row, make it a total of the rows above and no record.
    #[serde(default)]
    pub total_rows: Vec<String>,
    /// What a total that is not the sum of its rows does: `warn` (default) or `refuse` the file.
    pub total_differs: Option<String>,
    /// A workbook may lack the sheet: it then has no records for this feed.
    #[serde(default)]
    pub optional: bool,
    /// A source column that is made: the running number of a record among those it belongs to.
    pub number: Option<Number>,
    /// Turns columns into rows: one record for each filled cell beside the columns named in it.
    pub unpivot: Option<Unpivot>,
    /// XML: path of the element that is one record, from the document element, as `EInvoice` or
    /// `EInvoice/EInvoiceData/IssuItemInformation`. Source columns are then paths of elements: `ItemName` below the
    /// record, `/TaxSupervisionInfo/InvoiceNumber` below the document element.
    pub record: Option<String>,
}

/// Numbers records in the order of the file, from 1, within those that share some columns.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// The source column that is made.
    pub name: String,
    /// Columns whose values are the same in all records numbered together.
    pub within: Vec<String>,
    /// The source's own number of a record in the file: a record equal to an earlier one in every column, this one
    /// among them and filled, is a copy of it and gets its number again, so that it is found as a duplicate.
    pub by: Option<String>,
}

/// Turns columns into rows.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unpivot {
    /// The source column that is made for a column's name.
    pub name: String,
    /// The source column that is made for its value.
    pub value: String,
    /// Columns that stay as they are, beside every row made from a record.
    pub except: Vec<String>,
    /// The source column that is made to tell personal data (`personal`) from other values (`open`).
    pub flag: Option<String>,
    /// Shell patterns on the names of columns with personal data.
    #[serde(default)]
    pub personal: Vec<String>,
}

/// Where a canonical column comes from.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum ColumnSource {
    /// A source column.
    Name(String),
    /// The first of these source columns that the file has.
    Aliases(Vec<String>),
    /// With transforms.
    Full(Transform),
}

/// A column source with transforms; exactly one of `from`, `const`, `sql` is given.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transform {
    /// A source column, or several names it goes by.
    pub from: Option<OneOrMany>,
    /// The same text in every row.
    #[serde(rename = "const")]
    pub constant: Option<String>,
    /// A SQL expression over the source columns (all text, trimmed; empty is null).
    pub sql: Option<String>,
    /// Source text → canonical text; other values are tried as they are.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// Round amounts with more decimals than the column holds, half away from zero; otherwise they are rejected.
    #[serde(default)]
    pub round: bool,
    /// Pad a code on the left with zeros to this many characters.
    pub pad: Option<usize>,
    /// How dates are written where that could be read in two ways, as `%d/%m/%Y` (the directives of strftime); no
    /// other form is then accepted.
    pub date_format: Option<String>,
}

/// One name or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several, tried in order.
    Many(Vec<String>),
}

/// A condition every row must meet; rows where it is false are rejected, unknown passes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowRule {
    /// Short name, stored with the rejected row.
    pub name: String,
    /// SQL over the canonical columns.
    pub sql: String,
    /// What is wrong, in Chinese.
    pub zh: String,
    /// What is wrong, in English.
    pub en: String,
}

impl ColumnSource {
    /// The transform in its full form.
    pub fn transform(&self) -> Transform {
        match self {
            Self::Name(name) => {
                Transform { from: Some(OneOrMany::One(name.clone())), ..Transform::default() }
            }
            Self::Aliases(names) => {
                Transform { from: Some(OneOrMany::Many(names.clone())), ..Transform::default() }
            }
            Self::Full(transform) => transform.clone(),
        }
    }
}

impl Transform {
    /// Names the source column goes by, in order.
    pub fn names(&self) -> Vec<&str> {
        match &self.from {
            None => Vec::new(),
            Some(OneOrMany::One(name)) => vec![name],
            Some(OneOrMany::Many(names)) => names.iter().map(String::as_str).collect(),
        }
    }
}

impl Feed {
    /// The feed of a canonical file: headers are named as in the data dictionary, no mapping needed.
    pub fn canonical(table: &Table) -> Self {
        let columns = table
            .columns
            .iter()
            .map(|c| (c.name.clone(), Spanned::new(0..0, ColumnSource::Name(c.name.clone()))))
            .collect();
        Self {
            name: format!("canonical.{}", table.name),
            table: table.name.clone(),
            columns,
            ..Self::default()
        }
    }

    /// Whether files are XML documents.
    pub fn is_xml(&self) -> bool {
        self.record.is_some()
    }

    /// Whether this is [`Self::canonical`]: columns a file lacks are then null, not an error.
    pub fn is_canonical(&self) -> bool {
        self.name.starts_with("canonical.")
    }
}

/// Reads a mapping; everything wrong with it is returned at once, each with file, line and remedy.
pub fn parse(file: &str, text: &str) -> Result<Mapping, Vec<String>> {
    let mut mapping: Mapping = toml::from_str(text).map_err(|e| {
        let line = e.span().map_or(1, |s| line_of(text, s.start));
        vec![format!("{file}:{line}: {}; the README shows a mapping with every key", e.message())]
    })?;
    let definitions = definitions(text);
    for (feed, definition) in mapping.feeds.iter_mut().zip(definitions) {
        feed.definition = definition;
    }
    let mut problems = Vec::new();
    for feed in &mapping.feeds {
        check_feed(file, text, feed, &mut problems);
    }
    if mapping.feeds.is_empty() {
        problems.push(format!("{file}:1: no feed; add at least one [[feed]] with a table and columns"));
    }
    if problems.is_empty() { Ok(mapping) } else { Err(problems) }
}

/// Encodings a feed may name.
const ENCODINGS: [&str; 6] = ["utf-8", "gb18030", "gbk", "gb2312", "utf-16le", "utf-16be"];

/// Keys of a feed that say how its files are found and read, and words for people: rows mean the same without them.
const NO_MEANING: [&str; 20] = [
    "files",
    "sheet",
    "encoding",
    "delimiter",
    "ignore",
    "zh",
    "en",
    "note",
    "description",
    "format",
    "records",
    "layout",
    "layout_unit",
    "skip_first",
    "skip_last",
    "trailer",
    "header",
    "quote",
    "escape",
    "padded",
];

/// What each feed of a mapping means, in their order. Keys of the mapping itself that are not words for people count
/// as every feed's.
fn definitions(text: &str) -> Vec<String> {
    let Ok(mut mapping) = text.parse::<toml::Table>() else { return Vec::new() };
    let Some(toml::Value::Array(feeds)) = mapping.remove("feed") else { return Vec::new() };
    mapping.retain(|key, _| key != "name" && !NO_MEANING.contains(&key));
    feeds
        .into_iter()
        .map(|feed| {
            let toml::Value::Table(mut feed) = feed else { return String::new() };
            feed.retain(|key, _| !NO_MEANING.contains(&key));
            if !mapping.is_empty() {
                feed.insert("mapping".into(), toml::Value::Table(mapping.clone()));
            }
            toml::to_string(&feed).unwrap_or_default()
        })
        .collect()
}

fn line_of(text: &str, offset: usize) -> usize {
    text.get(..offset).map_or(1, |t| t.matches('\n').count() + 1)
}

fn check_feed(file: &str, text: &str, feed: &Feed, problems: &mut Vec<String>) {
    let at = line_of(text, text.find(&format!("\"{}\"", feed.name)).unwrap_or(0));
    let catalog = schema::catalog();
    let Some(table) = catalog.table(&feed.table) else {
        let near = catalog.nearest(&feed.table).join(", ");
        problems
            .push(format!("{file}:{at}: feed {}: no table {}; did you mean {near}?", feed.name, feed.table));
        return;
    };
    problems.extend(shape::problems(feed).iter().map(|p| format!("{file}:{at}: feed {}: {p}", feed.name)));
    for problem in repairs::problems(feed.repairs.as_deref().unwrap_or_default(), &feed.more_repairs) {
        problems.push(format!("{file}:{at}: feed {}: {problem}", feed.name));
    }
    for (name, source) in &feed.columns {
        let line = line_of(text, source.span().start);
        let Some(column) = table.column(name) else {
            let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
            problems.push(format!(
                "{file}:{line}: table {} has no column {name}; its columns are {}",
                feed.table,
                names.join(", ")
            ));
            continue;
        };
        let transform = source.get_ref().transform();
        let given = [transform.from.is_some(), transform.constant.is_some(), transform.sql.is_some()];
        if given.iter().filter(|g| **g).count() != 1 {
            problems.push(format!("{file}:{line}: column {name}: give exactly one of from, const, sql"));
        }
        if let Some(format) = &transform.date_format {
            let dated = matches!(column.ty, ColumnType::Date | ColumnType::Timestamp | ColumnType::Period);
            if !dated {
                problems.push(format!("{file}:{line}: column {name} holds no date; remove date_format"));
            } else if chrono::format::StrftimeItems::new(format).any(|i| i == chrono::format::Item::Error) {
                problems.push(format!(
                    "{file}:{line}: column {name}: date_format {format} is no strftime pattern; for 29/02/2020 it is %d/%m/%Y"
                ));
            }
        }
        if column.ty == ColumnType::Enum {
            for (from, to) in &transform.values {
                if !column.values.iter().any(|v| &v.code == to) {
                    let known: Vec<&str> = column.values.iter().map(|v| v.code.as_str()).collect();
                    problems.push(format!(
                        "{file}:{line}: column {name}: {from} maps to {to}, which is none of {}",
                        known.join(", ")
                    ));
                }
            }
        }
    }
    for column in table.columns.iter().filter(|c| c.required && !feed.columns.contains_key(&c.name)) {
        let derived =
            matches!(&table.period, Some(schema::PeriodSource::Derived(_))) && column.name == "period";
        // An invoice's lines may take their month from the invoice.
        let looked_up = table.follows_invoice() && column.name == "period";
        if !derived && !looked_up {
            problems.push(format!(
                "{file}:{at}: feed {}: required column {} of table {} is not mapped; add it under [feed.columns]",
                feed.name, column.name, feed.table
            ));
        }
    }
    problems
        .extend(shape_problems(feed).into_iter().map(|p| format!("{file}:{at}: feed {}: {p}", feed.name)));
    if let Some(encoding) = &feed.encoding
        && !ENCODINGS.contains(&encoding.as_str())
    {
        problems.push(format!("{file}:{at}: encoding {encoding} is none of {}", ENCODINGS.join(", ")));
    }
}

/// What is wrong with the keys that change the shape of a file's records.
fn shape_problems(feed: &Feed) -> Vec<String> {
    let mut problems = Vec::new();
    if feed.total_differs.as_deref().is_some_and(|t| !["warn", "refuse"].contains(&t)) {
        problems.push("total_differs is warn or refuse".to_owned());
    }
    if feed.number.as_ref().is_some_and(|n| n.within.is_empty()) {
        problems.push("number: name at least one column in within".to_owned());
    }
    if feed.unpivot.as_ref().is_some_and(|u| u.flag.is_none() && !u.personal.is_empty()) {
        problems.push("unpivot: personal needs a flag, the column that tells personal values".to_owned());
    }
    if feed.record.as_deref().is_some_and(|r| r.split('/').any(str::is_empty)) {
        problems.push("record is a path of element names, like EInvoice/EInvoiceData".to_owned());
    }
    problems
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn embedded_mappings_are_right() {
        for (name, text) in EMBEDDED {
            let mapping = parse(name, text).unwrap_or_else(|e| panic!("{}", e.join("\n")));
            assert_eq!(&mapping.name, name);
        }
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let text = "name = 'x'\nzh = ''\nen = ''\n[[feed]]\nname = 'f'\ntable = 'invoice'\nencoding = 'latin9'\n\
                    [feed.columns]\namout = 'a'\nstatus = { from = 's', values = { v = 'gone' } }\ntax = { from = 't', sql = '1' }\n";
        let problems = parse("m.toml", text).unwrap_err();
        let all = problems.join("\n");
        assert!(all.contains("m.toml:9: table invoice has no column amout"), "{all}");
        assert!(all.contains("m.toml:10: column status: v maps to gone"), "{all}");
        assert!(all.contains("m.toml:11: column tax: give exactly one"), "{all}");
        assert!(all.contains("required column issued_at"), "{all}");
        assert!(all.contains("latin9"), "{all}");
    }

    #[test]
    fn shapes_that_cannot_be_are_named() {
        let text = "name = 'x'\nzh = ''\nen = ''\n[[feed]]\nname = 'f'\ntable = 'office'\nformat = 'fixed'\n\
                    layout = [{ name = 'a', start = 1, width = 4 }, { name = 'b', start = 4, width = 2 }]\n\
                    trailer = { field = 1 }\nrepairs = ['trimm']\nescape = '//'\n\
                    [feed.columns]\noffice_code = { from = 'a', date_format = '%d' }\n";
        let all = parse("m.toml", text).unwrap_err().join("\n");
        for part in [
            "layout fields a (1–4) and b (from 4) overlap",
            "trailer: give field",
            "add skip_last = 1",
            "no repair trimm",
            "escape // is not one",
            "office_code holds no date",
        ] {
            assert!(all.contains(part), "{part}: {all}");
        }
    }

    #[test]
    fn a_definition_is_what_rows_mean() {
        let text = |files: &str, amount: &str| {
            format!(
                "name = 'x'\nzh = ''\nen = ''\n# a comment\n[[feed]]\nname = 'f'\ntable = 'invoice'\nfiles = ['{files}']\n\
                 [feed.columns]\ninvoice_id = 'i'\namount = {amount}\nissued_at = 'd'\nseller_id = 's'\n\
                 buyer_id = 'b'\nstatus = 't'\nperiod = 'p'\n"
            )
        };
        let of =
            |text: &str| parse("m", text).unwrap_or_else(|e| panic!("{e:?}")).feeds[0].definition.clone();
        let first = of(&text("a*.csv", "'a'"));
        assert!(first.contains("amount = \"a\"") && !first.contains("a*.csv"), "{first}");
        let moved = text("b*.csv", "'a'").replace("# a comment\n", "").replace("zh = ''", "zh = '新'");
        assert_eq!(of(&moved), first);
        assert_ne!(of(&text("a*.csv", "{ from = 'a', round = true }")), first);
    }

    #[test]
    fn unknown_keys_and_tables_are_refused() {
        let text = "name = 'x'\nzh = ''\nen = ''\n[[feed]]\nname = 'f'\ntable = 'invoice'\ncolour = 1\n";
        assert!(parse("m", text).unwrap_err()[0].starts_with("m:7: unknown field"));
        let text = "name = 'x'\nzh = ''\nen = ''\n[[feed]]\nname = 'f'\ntable = 'invoce'\n";
        assert!(parse("m", text).unwrap_err()[0].contains("invoice"));
    }
}
