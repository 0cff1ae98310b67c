//! Declared repairs: which ways of writing a value may be put right, and in which columns. The definitions are
//! `datasets/repairs.toml`; applying and recording them is the engine's job.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::schema::{self, Column, ColumnType, Table};

/// The definitions that come with Assay.
pub const EMBEDDED: &str = include_str!("../repairs.toml");

/// What a repair does; its name as stored and counted is [`Rule::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Blanks around the value go.
    Trim,
    /// Full-width letters, digits and signs become ASCII.
    HalfWidth,
    /// Small letters become capitals.
    UpperCase,
    /// Digits are filled up with zeros.
    ZeroPad,
    /// Spellings of a code become the code.
    Spelling,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 5] = [Self::Trim, Self::HalfWidth, Self::UpperCase, Self::ZeroPad, Self::Spelling];

    /// Its name in definitions, summaries and `repaired_value`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trim => "trim",
            Self::HalfWidth => "half_width",
            Self::UpperCase => "upper_case",
            Self::ZeroPad => "zero_pad",
            Self::Spelling => "spelling",
        }
    }
}

/// The end zeros are added at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// In front.
    #[default]
    Left,
    /// Behind.
    Right,
}

/// One declared repair.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repair {
    /// What is done.
    pub rule: Rule,
    /// Tables it is for; empty: all.
    #[serde(default)]
    pub tables: Vec<String>,
    /// Column types it is for, by their names in the schemas.
    #[serde(default)]
    pub types: Vec<String>,
    /// Column names or patterns (`*_code`) it is for.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Also columns with taxpayer ids.
    #[serde(default)]
    pub party: bool,
    /// [`Rule::ZeroPad`]: length of a whole code.
    pub width: Option<usize>,
    /// [`Rule::ZeroPad`]: where the zeros go.
    #[serde(default)]
    pub side: Side,
    /// [`Rule::ZeroPad`]: lengths a code can have been cut to.
    #[serde(default)]
    pub from: Vec<usize>,
    /// [`Rule::Spelling`]: code → ways it is spelt.
    #[serde(default)]
    pub words: BTreeMap<String, Vec<String>>,
}

impl Repair {
    /// Whether it is for this column.
    pub fn concerns(&self, table: &Table, column: &Column) -> bool {
        if !self.tables.is_empty() && !self.tables.contains(&table.name) {
            return false;
        }
        (self.party && column.party)
            || self.types.iter().any(|t| t == type_name(column.ty))
            || self.columns.iter().any(|pattern| matches(pattern, &column.name))
    }
}

/// A set of declared repairs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repairs {
    /// In the order they are declared.
    #[serde(rename = "repair", default)]
    pub repairs: Vec<Repair>,
}

/// Reads definitions; everything wrong is returned at once.
pub fn parse(file: &str, text: &str) -> Result<Repairs, Vec<String>> {
    let set: Repairs = toml::from_str(text).map_err(|e| {
        let line = e.span().and_then(|s| text.get(..s.start)).map_or(1, |t| t.matches('\n').count() + 1);
        vec![format!("{file}:{line}: {}; datasets/repairs.toml shows every key", e.message())]
    })?;
    let problems: Vec<String> =
        problems(&[], &set.repairs).into_iter().map(|p| format!("{file}: {p}")).collect();
    if problems.is_empty() { Ok(set) } else { Err(problems) }
}

/// What is wrong with rules switched on by name (`wanted`) and with `repairs`.
pub(crate) fn problems(wanted: &[String], repairs: &[Repair]) -> Vec<String> {
    let mut found = Vec::new();
    for name in wanted {
        if !Rule::ALL.iter().any(|r| r.name() == name) {
            let known: Vec<&str> = Rule::ALL.iter().map(|r| r.name()).collect();
            found.push(format!("no repair {name}; there are {}", known.join(", ")));
        }
    }
    for (number, repair) in repairs.iter().enumerate() {
        let shown = format!("repair {} ({})", number + 1, repair.rule.name());
        problems_of(&shown, repair, &mut found);
    }
    found
}

fn problems_of(shown: &str, repair: &Repair, found: &mut Vec<String>) {
    let catalog = schema::catalog();
    for table in &repair.tables {
        if catalog.table(table).is_none() {
            let near = catalog.nearest(table).join(", ");
            found.push(format!("{shown}: no table {table}; did you mean {near}?"));
        }
    }
    for name in &repair.types {
        if !TYPES.iter().any(|(n, _)| n == name) {
            let known: Vec<&str> = TYPES.iter().map(|(n, _)| *n).collect();
            found.push(format!("{shown}: no type {name}; there are {}", known.join(", ")));
        }
    }
    if repair.types.is_empty() && repair.columns.is_empty() && !repair.party {
        found.push(format!("{shown}: say which columns with types, columns or party"));
    }
    let touched: Vec<(&Table, &Column)> = catalog
        .tables()
        .iter()
        .flat_map(|t| t.columns.iter().map(move |c| (t, c)))
        .filter(|(t, c)| repair.concerns(t, c))
        .collect();
    for pattern in &repair.columns {
        if !touched.iter().any(|(_, c)| matches(pattern, &c.name)) {
            found.push(format!("{shown}: no column is called {pattern}; correct the name or the tables"));
        }
    }
    if repair.rule == Rule::ZeroPad {
        match repair.width {
            None => found.push(format!("{shown}: give width, the length of a whole code")),
            Some(width) if repair.from.is_empty() || repair.from.iter().any(|f| *f == 0 || *f >= width) => {
                found.push(format!("{shown}: give from, the lengths below {width} a code can be cut to"));
            }
            Some(_) => {}
        }
    }
    for code in repair.words.keys() {
        if let Some((table, column)) = touched.iter().find(|(_, c)| !c.allows(code)) {
            let near = column.nearest_code(code).join(", ");
            found.push(format!(
                "{shown}: {code} is no code of {}.{}; did you mean {near}?",
                table.name, column.name
            ));
        }
    }
}

const TYPES: [(&str, ColumnType); 12] = [
    ("text", ColumnType::Text),
    ("enum", ColumnType::Enum),
    ("int", ColumnType::Int),
    ("count", ColumnType::Count),
    ("bool", ColumnType::Bool),
    ("money", ColumnType::Money),
    ("rate", ColumnType::Rate),
    ("share", ColumnType::Share),
    ("quantity", ColumnType::Quantity),
    ("date", ColumnType::Date),
    ("timestamp", ColumnType::Timestamp),
    ("period", ColumnType::Period),
];

fn type_name(ty: ColumnType) -> &'static str {
    TYPES.iter().find(|(_, t)| *t == ty).map_or("", |(n, _)| n)
}

/// `*_code` and `invoice_*`; without a star the very name.
fn matches(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_shipped_repairs_are_right() {
        let set = parse("repairs.toml", EMBEDDED).unwrap_or_else(|e| panic!("{}", e.join("\n")));
        for rule in Rule::ALL {
            assert!(set.repairs.iter().any(|r| r.rule == rule), "{rule:?}");
        }
        let table = schema::catalog().table("invoice").unwrap();
        let of = |column: &str| -> Vec<&str> {
            let column = table.column(column).unwrap();
            let mut rules: Vec<&str> =
                set.repairs.iter().filter(|r| r.concerns(table, column)).map(|r| r.rule.name()).collect();
            rules.dedup();
            rules
        };
        assert_eq!(of("seller_id"), ["trim", "half_width", "upper_case"]);
        assert_eq!(of("seller_name"), ["trim"]);
        assert_eq!(of("remark"), ["trim"]);
        assert_eq!(of("invoice_no"), ["trim", "half_width", "zero_pad"]);
        assert_eq!(of("status"), ["trim", "spelling"]);
        assert_eq!(of("amount"), ["trim", "half_width"]);
    }

    #[test]
    fn no_spelling_means_two_codes() {
        let set = parse("repairs.toml", EMBEDDED).unwrap();
        for table in schema::catalog().tables() {
            for column in &table.columns {
                let mut seen = BTreeMap::new();
                let words = set.repairs.iter().filter(|r| r.concerns(table, column)).flat_map(|r| &r.words);
                for (code, spelt) in words {
                    for word in spelt {
                        let other = seen.insert(word, code);
                        assert!(other.is_none_or(|o| o == code), "{}.{} {word}", table.name, column.name);
                    }
                }
            }
        }
    }

    #[test]
    fn problems_are_named() {
        let text = "[[repair]]\nrule = 'zero_pad'\ncolumns = ['invoce_no']\n[[repair]]\nrule = 'spelling'\n\
                    tables = ['invoice']\ncolumns = ['status']\nwords.vod = ['x']\n";
        let all = parse("r.toml", text).unwrap_err().join("\n");
        for part in [
            "no column is called invoce_no",
            "give width",
            "vod is no code of invoice.status; did you mean void",
        ] {
            assert!(all.contains(part), "{part}: {all}");
        }
        assert!(parse("r.toml", "[[repair]]\nrule = 'mend'\n").unwrap_err()[0].starts_with("r.toml:2:"));
    }
}
