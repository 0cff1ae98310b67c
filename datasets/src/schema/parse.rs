//! Reads the table definitions (TOML) and checks them. Everything wrong is reported at once; nothing is repaired.

use std::collections::HashSet;

use serde::Deserialize;
use toml::Spanned;

use super::{Column, ColumnType, Condition, Dictionary, EnumValue, PERIOD, PeriodSource, Personal, Table};

/// Something wrong in a table definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("schemas/{group}.toml:{line}: {problem}")]
pub struct SchemaError {
    /// Definition file, without `.toml`.
    pub group: String,
    /// 1-based line.
    pub line: usize,
    /// What is wrong and what to do.
    pub problem: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    table: Vec<RawTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    name: Spanned<String>,
    zh: String,
    en: String,
    key: Vec<String>,
    sort: Option<Vec<String>>,
    period_from: Option<String>,
    version_by: Option<String>,
    columns: Vec<RawColumn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawColumn {
    name: Spanned<String>,
    r#type: String,
    zh: String,
    en: Option<String>,
    #[serde(default)]
    values: Vec<String>,
    #[serde(default)]
    open: bool,
    personal: Option<RawPersonal>,
    required: Option<bool>,
    #[serde(default)]
    party: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPersonal {
    key: String,
    dictionary: String,
    field: String,
    when: Option<RawCondition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCondition {
    column: String,
    #[serde(default)]
    is: Vec<String>,
    #[serde(default)]
    missing: bool,
}

/// All tables of all sources, or everything that is wrong with them.
pub(super) fn tables(sources: &[(&str, &str)]) -> Result<Vec<Table>, Vec<SchemaError>> {
    let mut tables: Vec<Table> = Vec::new();
    let mut errors = Vec::new();
    for (group, text) in sources {
        let mut reader = Reader { group, text, errors: &mut errors };
        for table in reader.file() {
            if tables.iter().any(|other| other.name == table.name) {
                let problem = format!("table `{}` is defined twice; remove one of them", table.name);
                reader.errors.push(SchemaError { group: group.to_string(), line: 1, problem });
            }
            tables.push(table);
        }
    }
    if errors.is_empty() { Ok(tables) } else { Err(errors) }
}

/// Reads one definition file.
struct Reader<'a> {
    group: &'a str,
    text: &'a str,
    errors: &'a mut Vec<SchemaError>,
}

impl Reader<'_> {
    fn file(&mut self) -> Vec<Table> {
        match toml::from_str::<RawFile>(self.text) {
            Ok(file) => file.table.into_iter().map(|table| self.table(table)).collect(),
            Err(error) => {
                let offset = error.span().map_or(0, |span| span.start);
                self.report(offset, error.message().to_owned());
                Vec::new()
            }
        }
    }

    fn report(&mut self, offset: usize, problem: String) {
        let line = 1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
        self.errors.push(SchemaError { group: self.group.to_owned(), line, problem });
    }

    fn table(&mut self, raw: RawTable) -> Table {
        let offset = raw.name.span().start;
        let name = raw.name.into_inner();
        let columns: Vec<Column> =
            raw.columns.into_iter().map(|column| self.column(column, &raw.key)).collect();
        let bucket_by = columns.iter().find(|column| column.party).map(|column| column.name.clone());
        let period = columns.iter().any(|column| column.name == PERIOD).then(|| match &raw.period_from {
            Some(column) => PeriodSource::Derived(column.clone()),
            None => PeriodSource::Column,
        });
        let default_sort = || {
            let led = |column: &String| Some(column) == bucket_by.as_ref() || column == PERIOD;
            raw.key.iter().filter(|column| !led(column)).cloned().collect()
        };
        let sort = raw.sort.clone().unwrap_or_else(default_sort);
        let (group, version_by) = (self.group.to_owned(), raw.version_by);
        let table = Table {
            name,
            zh: raw.zh,
            en: raw.en,
            group,
            key: raw.key,
            columns,
            period,
            bucket_by,
            sort,
            version_by,
        };
        for problem in table_problems(&table, raw.period_from.as_deref()) {
            self.report(offset, format!("table `{}`: {problem}", table.name));
        }
        table
    }

    fn column(&mut self, raw: RawColumn, key: &[String]) -> Column {
        let offset = raw.name.span().start;
        let name = raw.name.into_inner();
        let ty = column_type(&raw.r#type).unwrap_or_else(|| {
            let problem = format!("column `{name}`: unknown type `{}`; see schemas/README.md", raw.r#type);
            self.report(offset, problem);
            ColumnType::Text
        });
        let mut values = Vec::new();
        for value in &raw.values {
            match value.split_once(' ') {
                Some((code, zh)) => values.push(EnumValue { code: code.to_owned(), zh: zh.to_owned() }),
                None => self.report(offset, format!("column `{name}`: write `{value}` as \"code 中文\"")),
            }
        }
        let personal = raw.personal.and_then(|personal| self.personal(offset, &name, personal));
        let required = raw.required.unwrap_or_else(|| key.contains(&name));
        let en = raw.en.unwrap_or_else(|| name.replace('_', " "));
        let column =
            Column { name, ty, zh: raw.zh, en, values, open: raw.open, personal, required, party: raw.party };
        for problem in column_problems(&column) {
            self.report(offset, format!("column `{}`: {problem}", column.name));
        }
        column
    }

    fn personal(&mut self, offset: usize, column: &str, raw: RawPersonal) -> Option<Personal> {
        let found = Dictionary::ALL.into_iter().find(|dictionary| dictionary.name() == raw.dictionary);
        let Some(dictionary) = found else {
            self.report(
                offset,
                format!("column `{column}`: no dictionary `{}` in the vault", raw.dictionary),
            );
            return None;
        };
        if !dictionary.fields().contains(&raw.field.as_str()) {
            let fields = dictionary.fields().join("`, `");
            let problem = format!("column `{column}`: `{}` has the fields `{fields}`", dictionary.name());
            self.report(offset, problem);
        }
        let when = raw.when.map(|when| match when.missing {
            true => Condition::Missing { column: when.column },
            false => Condition::Is { column: when.column, values: when.is },
        });
        Some(Personal { key_column: raw.key, dictionary, field: raw.field, when })
    }
}

fn column_type(name: &str) -> Option<ColumnType> {
    Some(match name {
        "text" => ColumnType::Text,
        "enum" => ColumnType::Enum,
        "int" => ColumnType::Int,
        "count" => ColumnType::Count,
        "bool" => ColumnType::Bool,
        "money" => ColumnType::Money,
        "rate" => ColumnType::Rate,
        "share" => ColumnType::Share,
        "quantity" => ColumnType::Quantity,
        "date" => ColumnType::Date,
        "timestamp" => ColumnType::Timestamp,
        "period" => ColumnType::Period,
        _ => return None,
    })
}

fn column_problems(column: &Column) -> Vec<String> {
    let mut problems = Vec::new();
    let is_enum = column.ty == ColumnType::Enum;
    if is_enum == column.values.is_empty() {
        problems.push("an enum lists its `values`, and nothing else does".to_owned());
    }
    let mut codes = HashSet::new();
    for value in &column.values {
        if !codes.insert(&value.code) {
            problems.push(format!("the code `{}` stands there twice", value.code));
        }
    }
    if column.zh.trim().is_empty() {
        problems.push("give its Chinese name in `zh`".to_owned());
    }
    if column.party && !column.name.ends_with("_id") {
        problems.push("a party column is named `…_id`".to_owned());
    }
    if column.name == PERIOD && !(column.required && column.ty == ColumnType::Period) {
        problems.push("units are kept by it: it must be `required` and of type `period`".to_owned());
    }
    problems
}

fn table_problems(table: &Table, period_from: Option<&str>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut names = HashSet::new();
    for field in table.stored_schema().fields() {
        if !names.insert(field.name().clone()) {
            problems.push(format!("the stored column `{}` stands there twice", field.name()));
        }
    }
    for column in table.columns.iter().filter(|column| column.always_personal()) {
        if !names.insert(column.name.clone()) {
            problems.push(format!("the column `{}` stands there twice", column.name));
        }
    }
    let named = table.key.iter().map(String::as_str).chain(table.version_by.as_deref()).chain(period_from);
    for name in named.filter(|name| table.column(name).is_none()) {
        problems.push(format!("names a column `{name}` that it does not have"));
    }
    for name in table.sort.iter().filter(|name| table.stored_schema().field_with_name(name).is_err()) {
        problems.push(format!("is sorted by `{name}`, which is not stored"));
    }
    for column in &table.columns {
        let condition = column.personal.as_ref().and_then(|personal| personal.when.as_ref());
        problems.extend(condition.and_then(|condition| condition_problem(table, condition)));
    }
    if table.key.is_empty() || table.zh.trim().is_empty() || table.en.trim().is_empty() {
        problems.push("needs a `key`, `zh` and `en`".to_owned());
    }
    problems
}

fn condition_problem(table: &Table, condition: &Condition) -> Option<String> {
    let (name, values) = match condition {
        Condition::Is { column, values } => (column, values.as_slice()),
        Condition::Missing { column } => (column, [].as_slice()),
    };
    let Some(column) = table.column(name) else {
        return Some(format!("a condition names a column `{name}` that it does not have"));
    };
    let unknown = values.iter().find(|value| !column.values.iter().any(|known| known.code == **value));
    match condition {
        Condition::Is { .. } if values.is_empty() => Some(format!("a condition on `{name}` lists no values")),
        _ => unknown.map(|value| format!("a condition asks for `{value}`, no code of `{name}`")),
    }
}
