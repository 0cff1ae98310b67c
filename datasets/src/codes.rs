//! Published code lists: industries, divisions, goods and services, ownership. Codes, names and in which editions
//! they stand; `codes/README.md` says where they come from. What a table requires of a code is a quality rule's
//! business, not decided here.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;

/// A code list that comes with Assay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodeList {
    /// Industries, GB/T 4754-2017, with the section's letter (`F5111`).
    Industry,
    /// Administrative divisions, GB/T 2260, abolished ones and zones among them.
    Region,
    /// Goods and services, 19 digits.
    Goods,
    /// Kinds of ownership, three digits.
    Ownership,
}

impl CodeList {
    /// Every list.
    pub const ALL: [Self; 4] = [Self::Industry, Self::Region, Self::Goods, Self::Ownership];

    /// Its name in SQL and in rules.
    pub fn name(self) -> &'static str {
        match self {
            Self::Industry => "industry",
            Self::Region => "region",
            Self::Goods => "goods",
            Self::Ownership => "ownership",
        }
    }

    /// The list of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.name() == name)
    }

    /// The list as it is embedded: tab-separated lines below a header, sorted by code.
    pub fn text(self) -> &'static str {
        match self {
            Self::Industry => include_str!("../codes/industry.tsv"),
            Self::Region => include_str!("../codes/region.tsv"),
            Self::Goods => include_str!("../codes/goods.tsv"),
            Self::Ownership => include_str!("../codes/ownership.tsv"),
        }
    }

    /// The codes, read once.
    pub fn codes(self) -> &'static Codes {
        static LISTS: LazyLock<HashMap<CodeList, Codes>> = LazyLock::new(|| {
            CodeList::ALL.into_iter().map(|list| (list, Codes::read(list.text()))).collect()
        });
        static NONE: LazyLock<Codes> = LazyLock::new(Codes::default);
        LISTS.get(&self).unwrap_or(&NONE)
    }
}

/// The entries of one list.
#[derive(Debug, Default)]
pub struct Codes {
    header: Vec<&'static str>,
    lines: Vec<Vec<&'static str>>,
    by_code: HashMap<&'static str, usize>,
}

impl Codes {
    fn read(text: &'static str) -> Self {
        let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let header = lines.next().unwrap_or_default();
        let lines: Vec<Vec<&'static str>> = lines.collect();
        let by_code = lines.iter().enumerate().filter_map(|(at, l)| Some((*l.first()?, at))).collect();
        Self { header, lines, by_code }
    }

    /// Number of codes.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Every code, in the list's order.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.lines.iter().filter_map(|line| line.first().copied())
    }

    /// Whether `code` stands in the list, abolished or not.
    pub fn contains(&self, code: &str) -> bool {
        self.by_code.contains_key(code)
    }

    /// A field of a code: `name`, `kind`, …; `None` when the code, the field or its value is not there.
    pub fn field(&self, code: &str, field: &str) -> Option<&'static str> {
        let line = self.lines.get(*self.by_code.get(code)?)?;
        let at = self.header.iter().position(|h| *h == field)?;
        line.get(at).copied().filter(|value| !value.is_empty())
    }

    /// The list as a table: every column text, but `level`, which counts.
    ///
    /// # Errors
    /// None in practice; Arrow checks what it builds.
    pub fn table(&self) -> Result<RecordBatch, ArrowError> {
        let mut fields = Vec::with_capacity(self.header.len());
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.header.len());
        for (at, name) in self.header.iter().enumerate() {
            let values = self.lines.iter().map(|line| line.get(at).copied().filter(|v| !v.is_empty()));
            if *name == "level" {
                fields.push(Field::new(*name, DataType::Int32, true));
                columns.push(Arc::new(Int32Array::from_iter(values.map(|v| v.and_then(|v| v.parse().ok())))));
            } else {
                fields.push(Field::new(*name, DataType::Utf8, true));
                columns.push(Arc::new(StringArray::from_iter(values)));
            }
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn lists_have_what_was_published() {
        let size = |list: CodeList| list.codes().len();
        assert_eq!(size(CodeList::Industry), 20 + 97 + 473 + 1381);
        assert_eq!(size(CodeList::Goods), 4227);
        assert_eq!(size(CodeList::Region), 3733);
        let goods = CodeList::Goods.codes();
        let leaves = goods.lines.iter().filter(|l| l.get(3) == Some(&"leaf")).count();
        assert_eq!(leaves, 3551);
        for list in CodeList::ALL {
            let codes = list.codes();
            assert_eq!(codes.by_code.len(), codes.len(), "{} has a code twice", list.name());
            assert_eq!(codes.table().unwrap().num_rows(), codes.len());
            assert_eq!(CodeList::named(list.name()), Some(list));
        }
    }

    #[test]
    fn codes_have_names_rates_and_editions() {
        let industry = CodeList::Industry.codes();
        assert_eq!(industry.field("F5111", "name"), Some("谷物、豆及薯类批发"));
        assert!(!industry.contains("5111"));
        let region = CodeList::Region.codes();
        assert_eq!(region.field("310115", "name"), Some("浦东新区"));
        // 太谷县 became 太谷区 in 2019; 三元区 of 2018 went in 2021.
        assert_eq!(region.field("140726", "last_edition"), Some("2018"));
        assert_eq!(region.field("140703", "first_edition"), Some("2020"));
        assert_eq!(region.field("130171", "kind"), Some("zone"));
        let goods = CodeList::Goods.codes();
        assert_eq!(goods.field("1010101010000000000", "rate_201904"), Some("9"));
        assert_eq!(goods.field("1000000000000000000", "node"), Some("summary"));
        assert_eq!(goods.field("1010101010000000000", "nothing"), None);
    }
}
