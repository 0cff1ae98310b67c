//! The canonical tables: names, types, keys, Chinese names, personal-data marks, and the Arrow schemas that follow.
//!
//! The one definition lies in `schemas/*.toml` and is embedded in the binary. A table has two forms: the canonical
//! one, which analysts see, and the stored one, which lies in the open files: party keys beside party ids, vault
//! keys instead of personal data, lineage and bucket at the end. How files become rows is not here (see `mapping`).

mod nearest;
mod parse;
#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

pub use nearest::nearest_words;
pub use parse::SchemaError;

/// Name of the stored column with the month of a row (`Int32` YYYYMM).
pub const PERIOD: &str = "period";
/// Name of the stored column with the range of taxpayer keys a row belongs to (`Int32`).
pub const BUCKET: &str = "bucket";

const SOURCES: [(&str, &str); 5] = [
    ("registration", include_str!("../schemas/registration.toml")),
    ("invoices", include_str!("../schemas/invoices.toml")),
    ("filings", include_str!("../schemas/filings.toml")),
    ("third_party", include_str!("../schemas/third_party.toml")),
    ("oversight", include_str!("../schemas/oversight.toml")),
];

/// The embedded catalogue, read once. That it reads without an error is kept by a test, not by its users.
pub fn catalog() -> &'static Catalog {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::parse(&SOURCES).unwrap_or_default());
    &CATALOG
}

/// All canonical tables.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    tables: Vec<Table>,
}

impl Catalog {
    /// Reads definitions given as (group, TOML text).
    ///
    /// # Errors
    /// Everything that is wrong in any of them, each with group, line and remedy.
    pub fn parse(sources: &[(&str, &str)]) -> Result<Self, Vec<SchemaError>> {
        Ok(Self { tables: parse::tables(sources)? })
    }

    /// The tables in the order of their definition.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The table of this exact name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// Up to three table names that someone who typed `name` may have meant, best first.
    pub fn nearest(&self, name: &str) -> Vec<&str> {
        nearest_words(name, self.tables.iter().map(|table| table.name.as_str()))
    }
}

/// One canonical table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Name in SQL.
    pub name: String,
    /// Chinese name.
    pub zh: String,
    /// English note.
    pub en: String,
    /// Definition file: `registration`, `invoices`, `filings`, `third_party` or `oversight`.
    pub group: String,
    /// Canonical columns that identify a row.
    pub key: Vec<String>,
    /// Columns in canonical order.
    pub columns: Vec<Column>,
    /// Where the month of a row comes from; `None`: the table is not kept by month.
    pub period: Option<PeriodSource>,
    /// The party id column whose key decides the bucket; `None`: the table has no party and one bucket.
    pub bucket_by: Option<String>,
    /// Stored columns a unit is sorted by, after the party key.
    pub sort: Vec<String>,
    /// Column with the source's own time: of two rows with one key the later counts. `None`: arrival decides.
    pub version_by: Option<String>,
}

/// Where the `period` of a row comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeriodSource {
    /// The source states it.
    Column,
    /// The month of this date or timestamp column.
    Derived(String),
}

/// One canonical column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Name in SQL.
    pub name: String,
    /// Type of the values.
    pub ty: ColumnType,
    /// Chinese name.
    pub zh: String,
    /// English note; the name in words where nothing more is to be said.
    pub en: String,
    /// Codes of an enum; empty for every other type.
    pub values: Vec<EnumValue>,
    /// An open enum: codes that are not in `values` are allowed too.
    pub open: bool,
    /// Set when the clear value belongs into the vault.
    pub personal: Option<Personal>,
    /// A row without it is meaningless and rejected.
    pub required: bool,
    /// Holds a taxpayer id: the stored table has the integer key beside it (see [`Column::party_key`]).
    pub party: bool,
}

/// Type of a canonical column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Any text.
    Text,
    /// A code of a short list.
    Enum,
    /// 32-bit integer.
    Int,
    /// 64-bit integer.
    Count,
    /// True or false.
    Bool,
    /// Yuan, decimal(18,2).
    Money,
    /// Tax rate as a fraction, decimal(6,4).
    Rate,
    /// Share as a fraction, decimal(9,6).
    Share,
    /// Physical quantity or unit price, decimal(24,8).
    Quantity,
    /// Calendar day.
    Date,
    /// Instant in milliseconds, local time of Asia/Shanghai.
    Timestamp,
    /// Month, YYYYMM.
    Period,
}

impl ColumnType {
    /// Whether values are numbers. A month is a code.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Count | Self::Money | Self::Rate | Self::Share | Self::Quantity)
    }

    /// Whether values are numbers of something, and no rates or shares.
    pub fn is_amount(self) -> bool {
        self.is_number() && !matches!(self, Self::Rate | Self::Share)
    }

    /// The Arrow type values are held in.
    pub fn arrow_type(self) -> DataType {
        match self {
            Self::Text | Self::Enum => DataType::Utf8,
            Self::Int | Self::Period => DataType::Int32,
            Self::Count => DataType::Int64,
            Self::Bool => DataType::Boolean,
            Self::Money => DataType::Decimal128(18, 2),
            Self::Rate => DataType::Decimal128(6, 4),
            Self::Share => DataType::Decimal128(9, 6),
            Self::Quantity => DataType::Decimal128(24, 8),
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Millisecond, None),
        }
    }
}

/// One code of an enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumValue {
    /// Code as stored and queried.
    pub code: String,
    /// Chinese name.
    pub zh: String,
}

/// Mark of a column with personal data: where its clear value lies, and what is stored instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Personal {
    /// Stored `Int64` column with the key into the vault's dictionary. Columns that share it form one entry.
    pub key_column: String,
    /// Dictionary of the vault.
    pub dictionary: Dictionary,
    /// Field of the dictionary's entry, one of [`Dictionary::fields`].
    pub field: String,
    /// `None`: personal in every row, and the column is not in the stored table. Otherwise the column stays, null in
    /// rows where the condition holds, with the key in `key_column`.
    pub when: Option<Condition>,
}

/// When a value is personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The other column has one of these values.
    Is {
        /// Other column of the same table.
        column: String,
        /// Its values.
        values: Vec<String>,
    },
    /// The other column is null.
    Missing {
        /// Other column of the same table.
        column: String,
    },
}

/// A dictionary of the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dictionary {
    /// Natural persons.
    Person,
    /// Telephone numbers.
    Phone,
    /// Addresses.
    Address,
    /// Devices and network addresses.
    Device,
    /// Texts that may name persons, as the old and new value of a changed registration.
    Text,
}

impl Dictionary {
    /// Every dictionary.
    pub const ALL: [Self; 5] = [Self::Person, Self::Phone, Self::Address, Self::Device, Self::Text];

    /// Name of the dictionary's table in the vault.
    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Phone => "phone",
            Self::Address => "address",
            Self::Device => "device",
            Self::Text => "text",
        }
    }

    /// Fields of an entry; an entry is identified by all of them, and any of them may be null.
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Person => &["name", "id_no"],
            Self::Phone => &["phone"],
            Self::Address => &["address"],
            Self::Device => &["mac", "ip"],
            Self::Text => &["text"],
        }
    }
}

impl Column {
    /// Name of the stored `Int64` column with the taxpayer key, for a party column: `seller_id` → `seller_key`.
    pub fn party_key(&self) -> Option<String> {
        self.party.then(|| format!("{}_key", self.name.strip_suffix("_id").unwrap_or(&self.name)))
    }

    /// Whether a code may stand in this column. Always true unless the column is a closed enum.
    pub fn allows(&self, code: &str) -> bool {
        self.ty != ColumnType::Enum || self.open || self.values.iter().any(|value| value.code == code)
    }

    /// Whether the clear value is personal data in every row, so that the stored table has no such column.
    pub fn always_personal(&self) -> bool {
        self.personal.as_ref().is_some_and(|personal| personal.when.is_none())
    }

    /// Up to three codes of this enum that someone who typed `code` may have meant, best first.
    pub fn nearest_code(&self, code: &str) -> Vec<&str> {
        nearest_words(code, self.values.iter().map(|value| value.code.as_str()))
    }

    fn canonical_field(&self) -> Field {
        Field::new(&self.name, self.ty.arrow_type(), !self.required)
    }

    /// The stored fields this column becomes; `seen` holds the vault keys an earlier column already brought.
    fn stored_fields(&self, seen: &mut Vec<String>) -> Vec<Field> {
        let mut fields = Vec::new();
        if !self.always_personal() {
            let nullable = !self.required || self.personal.is_some();
            fields.push(Field::new(&self.name, self.ty.arrow_type(), nullable));
            fields.extend(self.party_key().map(|key| Field::new(key, DataType::Int64, nullable)));
        }
        if let Some(personal) = &self.personal
            && !seen.contains(&personal.key_column)
        {
            seen.push(personal.key_column.clone());
            fields.push(Field::new(&personal.key_column, DataType::Int64, true));
        }
        fields
    }
}

impl Table {
    /// The column of this exact name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Up to three column names that someone who typed `name` may have meant, best first.
    pub fn nearest_column(&self, name: &str) -> Vec<&str> {
        nearest_words(name, self.columns.iter().map(|column| column.name.as_str()))
    }

    /// The columns that hold taxpayer ids, in canonical order.
    pub fn parties(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.party)
    }

    /// The stored `Int64` column that decides the bucket and leads the sort order, e.g. `seller_key`.
    pub fn bucket_key(&self) -> Option<String> {
        self.column(self.bucket_by.as_deref()?)?.party_key()
    }

    /// The stored columns that identify a row: the key, with vault keys in place of (or, where data are personal
    /// only in some rows, beside) personal columns. Compare them null-safe.
    pub fn stored_key(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for column in self.key.iter().filter_map(|name| self.column(name)) {
            if !column.always_personal() {
                names.push(column.name.clone());
            }
            if let Some(personal) = &column.personal
                && !names.contains(&personal.key_column)
            {
                names.push(personal.key_column.clone());
            }
        }
        names
    }

    /// Whether rows are parts of an invoice and carry its parties and month: what a source leaves out of them is taken
    /// from the invoice when they are loaded.
    pub fn follows_invoice(&self) -> bool {
        let optional_party = |name: &str| self.column(name).is_some_and(|c| c.party && !c.required);
        self.key.first().is_some_and(|k| k == "invoice_id")
            && self.period == Some(PeriodSource::Column)
            && optional_party("seller_id")
            && optional_party("buyer_id")
    }

    /// What analysts see: every column under its name, personal ones clear, without keys and lineage.
    pub fn canonical_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(Column::canonical_field).collect::<Vec<_>>()))
    }

    /// What lies in the open files: party keys after party ids, vault keys instead of personal data, then lineage,
    /// then `bucket`. `period` stands where the dictionary has it.
    pub fn stored_schema(&self) -> SchemaRef {
        let mut seen = Vec::new();
        let mut fields: Vec<Field> =
            self.columns.iter().flat_map(|column| column.stored_fields(&mut seen)).collect();
        fields.extend(lineage_fields());
        fields.push(Field::new(BUCKET, DataType::Int32, false));
        Arc::new(Schema::new(fields))
    }
}

/// The lineage that ends every stored row: feed, file, 1-based row in the file, ingest id, time of ingestion.
pub fn lineage_fields() -> Vec<Field> {
    vec![
        Field::new("_source", DataType::Utf8, false),
        Field::new("_file", DataType::Utf8, false),
        Field::new("_row", DataType::Int64, false),
        Field::new("_batch", DataType::Utf8, false),
        Field::new("_ingested_at", DataType::Timestamp(TimeUnit::Millisecond, None), false),
    ]
}
