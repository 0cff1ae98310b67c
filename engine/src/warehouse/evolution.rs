//! What may change in the definition of a table that already lies in a warehouse.
//!
//! A table may gain columns that may be null: units written before read them as null, and with the next change the
//! stored definition moves forward. Everything that would alter what stored values mean (a column removed, renamed or
//! of another type, another key, another order of rows, another mark of personal data) is refused with what to do.
//! Tables computed from others are free to change where a change replaces all of their files.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use assay_datasets::schema::{self, Condition, PeriodSource, Personal};
use serde::{Deserialize, Serialize};

use super::table::{TableFiles, TableSpec};
use crate::ingest::{stored_spec, system};
use crate::{EngineError, Result};

/// What a stored table's values mean beyond their types; kept in the table's properties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meaning {
    /// Columns that identify a row.
    key: Vec<String>,
    /// Where the month comes from.
    period: Option<String>,
    /// Column → where its clear values lie.
    personal: BTreeMap<String, String>,
}

/// What a table becomes with a change.
pub(super) struct Forward {
    /// Columns.
    pub schema: SchemaRef,
    /// Order of rows.
    pub order: Vec<String>,
}

/// How this build defines the table of that name; `None` for tables whose columns follow from a computation.
pub(super) fn defined(name: &str) -> Option<TableSpec> {
    if let Some(table) = schema::catalog().table(name) {
        return Some(stored_spec(table));
    }
    system::all_specs().into_iter().find(|s| s.name == name)
}

/// The meaning of a canonical table's values; `None` for all others.
pub(super) fn meaning(name: &str) -> Option<Meaning> {
    let table = schema::catalog().table(name)?;
    let personal = table.columns.iter().filter_map(|c| Some((c.name.clone(), mark(c.personal.as_ref()?))));
    Some(Meaning {
        key: table.key.clone(),
        period: table.period.as_ref().map(|p| match p {
            PeriodSource::Column => "stated".to_owned(),
            PeriodSource::Derived(column) => format!("month of {column}"),
        }),
        personal: personal.collect(),
    })
}

fn mark(personal: &Personal) -> String {
    let when = match &personal.when {
        None => String::new(),
        Some(Condition::Is { column, values }) => format!(" when {column} is {}", values.join(" or ")),
        Some(Condition::Missing { column }) => format!(" when {column} is missing"),
    };
    format!("{}.{} by {}{when}", personal.dictionary.name(), personal.field, personal.key_column)
}

/// The table with the columns of its definition.
///
/// # Errors
/// When the definition contradicts what is stored.
pub(super) fn lifted(mut stored: TableFiles, spec: &TableSpec) -> Result<TableFiles> {
    let meaning = meaning(&spec.name);
    stored.schema = merged(&stored, spec, meaning.as_ref())?;
    Ok(stored)
}

/// What the stored table's properties must become when `spec` is written to it; `None` when they are right. A change
/// that replaces all files of a computed table may change everything but its partitions.
///
/// # Errors
/// When the definition contradicts what is stored.
pub(super) fn forward(stored: &TableFiles, spec: &TableSpec, replaced: bool) -> Result<Option<Forward>> {
    let meaning = meaning(&spec.name);
    let computed = defined(&spec.name).is_none();
    let forward = if computed && replaced {
        refuse(&partition_problems(stored, spec), &spec.name)?;
        Forward { schema: Arc::clone(&spec.schema), order: spec.order.clone() }
    } else {
        Forward { schema: merged(stored, spec, meaning.as_ref())?, order: stored.order.clone() }
    };
    let same = forward.schema == stored.schema && forward.order == stored.order && meaning == stored.meaning;
    Ok((!same).then_some(forward))
}

fn merged(stored: &TableFiles, spec: &TableSpec, meaning: Option<&Meaning>) -> Result<SchemaRef> {
    let canonical = meaning.is_some();
    let mut problems = partition_problems(stored, spec);
    if stored.order != spec.order {
        problems.push(format!(
            "its rows lie in the order {} and are now to lie in the order {}",
            stored.order.join(", "),
            spec.order.join(", ")
        ));
    }
    let mut fields: Vec<Field> = Vec::with_capacity(spec.schema.fields().len());
    for field in spec.schema.fields() {
        let name = field.name();
        let Ok(old) = stored.schema.field_with_name(name) else {
            if canonical && !field.is_nullable() {
                problems.push(format!(
                    "column {name} is new and required, and the rows that lie there have none"
                ));
            }
            fields.push(field.as_ref().clone().with_nullable(true));
            continue;
        };
        if !same_type(old.data_type(), field.data_type()) {
            problems.push(format!(
                "column {name} is stored as {} and now defined as {}",
                old.data_type(),
                field.data_type()
            ));
        }
        if canonical && old.is_nullable() && !field.is_nullable() {
            problems.push(format!("column {name} is now required, and rows that lie there may have none"));
        }
        fields.push(old.clone().with_nullable(old.is_nullable() || field.is_nullable()));
    }
    for old in stored.schema.fields() {
        if spec.schema.field_with_name(old.name()).is_ok() {
            continue;
        }
        if canonical {
            problems
                .push(format!("column {} is stored and no longer defined (removed or renamed)", old.name()));
        } else {
            fields.push(old.as_ref().clone());
        }
    }
    if let Some(now) = meaning {
        problems.extend(meaning_problems(stored, now));
    }
    refuse(&problems, &spec.name)?;
    let merged = Schema::new(fields);
    Ok(if merged == *stored.schema { Arc::clone(&stored.schema) } else { Arc::new(merged) })
}

/// Text types differ in memory only.
fn same_type(a: &DataType, b: &DataType) -> bool {
    let text = |t: &DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    a == b || (text(a) && text(b))
}

fn partition_problems(stored: &TableFiles, spec: &TableSpec) -> Vec<String> {
    if stored.partition_by == spec.partition_by {
        return Vec::new();
    }
    let shown = |columns: &[String]| if columns.is_empty() { "nothing".into() } else { columns.join(", ") };
    vec![format!(
        "its files are kept by {} and are now to be kept by {}",
        shown(&stored.partition_by),
        shown(&spec.partition_by)
    )]
}

fn meaning_problems(stored: &TableFiles, now: &Meaning) -> Vec<String> {
    // Tables of format 1 do not say; their columns do, as far as they can.
    let Some(then) = &stored.meaning else { return Vec::new() };
    let mut problems = Vec::new();
    if then.key != now.key {
        problems.push(format!(
            "its rows are identified by {} and now by {}",
            then.key.join(", "),
            now.key.join(", ")
        ));
    }
    if then.period != now.period {
        let shown = |p: &Option<String>| p.clone().unwrap_or_else(|| "nowhere".into());
        problems.push(format!(
            "the month of its rows came from: {}, now from: {}",
            shown(&then.period),
            shown(&now.period)
        ));
    }
    for (column, mark) in &then.personal {
        match now.personal.get(column) {
            Some(same) if same == mark => {}
            Some(other) => problems
                .push(format!("the personal data of column {column} lie in {mark}, now defined as {other}")),
            None => problems.push(format!("column {column} held personal data ({mark}) and now does not")),
        }
    }
    for column in now.personal.keys().filter(|c| !then.personal.contains_key(*c)) {
        if stored.schema.field_with_name(column).is_ok() {
            problems.push(format!(
                "column {column} now holds personal data, and its values lie there in the open"
            ));
        }
    }
    problems
}

fn refuse(problems: &[String], table: &str) -> Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(EngineError::Warehouse(format!(
        "table {table} is not what this assay {} defines: {}. Stored values would change their meaning, so nothing was \
         read or written. Go on with the assay that wrote the warehouse (the newest file of its commits/ \
         names it), or create a new warehouse with this one (assay init) and load the table's files there; \
         whoever changes a definition adds a column under a new name instead",
        env!("CARGO_PKG_VERSION"),
        problems.join("; ")
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn stored(spec: &TableSpec) -> TableFiles {
        TableFiles {
            name: spec.name.clone(),
            version: 0,
            schema: Arc::clone(&spec.schema),
            order: spec.order.clone(),
            partition_by: spec.partition_by.clone(),
            meaning: meaning(&spec.name),
            files: Vec::new(),
        }
    }

    fn without(schema: &Schema, name: &str) -> SchemaRef {
        let fields: Vec<Field> =
            schema.fields().iter().filter(|f| f.name() != name).map(|f| f.as_ref().clone()).collect();
        assert!(fields.len() < schema.fields().len(), "{name}");
        Arc::new(Schema::new(fields))
    }

    fn changed(schema: &Schema, name: &str, change: impl Fn(Field) -> Field) -> SchemaRef {
        let fields: Vec<Field> = schema
            .fields()
            .iter()
            .map(|f| if f.name() == name { change(f.as_ref().clone()) } else { f.as_ref().clone() })
            .collect();
        Arc::new(Schema::new(fields))
    }

    fn refused(stored: &TableFiles, spec: &TableSpec) -> String {
        let reading = lifted(stored.clone(), spec).unwrap_err().to_string();
        let writing = forward(stored, spec, true).err().unwrap().to_string();
        assert_eq!(reading, writing);
        assert!(reading.contains("assay init"), "{reading}");
        reading
    }

    #[test]
    fn a_table_as_defined_stays_as_it_is() {
        for table in schema::catalog().tables() {
            let spec = defined(&table.name).unwrap();
            assert!(forward(&stored(&spec), &spec, false).unwrap().is_none(), "{}", table.name);
        }
        for spec in system::all_specs() {
            assert!(forward(&stored(&spec), &spec, false).unwrap().is_none(), "{}", spec.name);
        }
    }

    #[test]
    fn a_column_gained_is_null_before() {
        let spec = defined("invoice").unwrap();
        let mut old = stored(&spec);
        old.schema = without(&old.schema, "remark");
        let next = forward(&old, &spec, false).unwrap().unwrap();
        assert_eq!(next.schema, spec.schema);
        assert_eq!(lifted(old, &spec).unwrap().schema, spec.schema);
        // Of format 1 nobody wrote down the key: it is from now on.
        let mut old = stored(&spec);
        old.meaning = None;
        assert!(forward(&old, &spec, false).unwrap().is_some());
    }

    #[test]
    fn what_alters_meaning_is_refused() {
        let spec = defined("invoice").unwrap();
        let now = stored(&spec);
        let with = |schema: SchemaRef| TableFiles { schema, ..now.clone() };

        let more = Field::new("colour", DataType::Utf8, true);
        let mut fields: Vec<Field> = spec.schema.fields().iter().map(|f| f.as_ref().clone()).collect();
        fields.push(more);
        let message = refused(&with(Arc::new(Schema::new(fields))), &spec);
        assert!(message.contains("column colour is stored and no longer defined"), "{message}");

        let message =
            refused(&with(changed(&spec.schema, "amount", |f| f.with_data_type(DataType::Int64))), &spec);
        assert!(
            message.contains("column amount is stored as Int64 and now defined as Decimal128(18, 2)"),
            "{message}"
        );

        let message = refused(&with(without(&spec.schema, "issued_at")), &spec);
        assert!(message.contains("column issued_at is new and required"), "{message}");

        let message = refused(&with(changed(&spec.schema, "issued_at", |f| f.with_nullable(true))), &spec);
        assert!(message.contains("column issued_at is now required"), "{message}");

        let message = refused(&TableFiles { order: vec!["buyer_key".into()], ..now.clone() }, &spec);
        assert!(message.contains("the order buyer_key and are now"), "{message}");

        let message = refused(&TableFiles { partition_by: Vec::new(), ..now.clone() }, &spec);
        assert!(message.contains("kept by nothing and are now to be kept by period, bucket"), "{message}");
    }

    #[test]
    fn another_key_and_other_marks_are_refused() {
        let spec = defined("invoice").unwrap();
        let now = stored(&spec);
        let with = |change: &dyn Fn(&mut Meaning)| {
            let mut then = now.meaning.clone().unwrap();
            change(&mut then);
            TableFiles { meaning: Some(then), ..now.clone() }
        };
        let message = refused(&with(&|m| m.key = vec!["invoice_no".into()]), &spec);
        assert!(message.contains("identified by invoice_no and now by"), "{message}");
        let message = refused(&with(&|m| m.period = None), &spec);
        assert!(message.contains("came from: nowhere"), "{message}");
        let message =
            refused(&with(&|m| drop(m.personal.insert("amount".into(), "text.text".into()))), &spec);
        assert!(message.contains("column amount held personal data"), "{message}");
        let spec = defined("taxpayer").unwrap();
        let mut then = stored(&spec);
        let open = then.meaning.as_mut().unwrap();
        let (column, _) = open.personal.pop_first().unwrap();
        let mut fields: Vec<Field> = spec.schema.fields().iter().map(|f| f.as_ref().clone()).collect();
        fields.push(Field::new(&column, DataType::Utf8, true));
        then.schema = Arc::new(Schema::new(fields));
        let message = refused(&then, &spec);
        assert!(message.contains(&format!("column {column} now holds personal data")), "{message}");
    }

    #[test]
    fn a_computed_table_changes_when_it_is_replaced() {
        let spec = TableSpec {
            name: "rollup_x".into(),
            schema: Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, false)])),
            partition_by: Vec::new(),
            order: vec!["a".into()],
        };
        let mut old = stored(&spec);
        old.schema = Arc::new(Schema::new(vec![Field::new("b", DataType::Utf8, true)]));
        assert_eq!(forward(&old, &spec, true).unwrap().unwrap().schema, spec.schema);
        old.schema = changed(&spec.schema, "a", |f| f.with_data_type(DataType::Utf8));
        assert!(forward(&old, &spec, false).is_err());
    }
}
