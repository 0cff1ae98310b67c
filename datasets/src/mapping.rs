//! The mapping language: how the files of a feed become rows of a canonical table.
//!
//! A mapping is a TOML file with one or more feeds. It says which files and sheets belong to a feed, how they are
//! encoded, and where each canonical column comes from. It describes; reading files and evaluating expressions is
//! the engine's job.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::repairs::Repair;
use crate::schema::Table;

mod parse;
mod shape;

pub use parse::parse;
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
    /// Column names of delimited text or a sheet that has none; of JSON, the keys to read whether or not the first records have
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
