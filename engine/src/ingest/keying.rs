//! Canonical rows to stored rows: integer keys for parties, vault keys instead of personal data, lineage, bucket.
//!
//! This is the one writer of the vault: after it no clear personal value is left in a row.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray,
    StringViewArray, TimestampMillisecondArray,
};
use arrow::compute::nullif;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use assay_datasets::schema::{Column, Condition, Table};
use assay_sql::{resident_id_is_plausible, uscc_is_valid};

use super::constant::{is_void, nulls, repeat};
use super::convert::Converted;
use crate::warehouse::dictionary::{Dictionary, DictionaryKind, PARTY, PERSON, VAULT};
use crate::warehouse::session::party_name_column;
use crate::warehouse::{Commit, Config, Transaction, Warehouse};
use crate::{EngineError, Result};

/// The dictionaries of a load.
pub struct Keyer {
    party: Dictionary,
    vault: Vec<(DictionaryKind, Dictionary)>,
    lineage: LineageTexts,
}

/// Lineage of a batch of rows.
pub struct Lineage<'a> {
    /// Feed.
    pub source: &'a str,
    /// File.
    pub file: &'a str,
    /// Batch id.
    pub batch: &'a str,
    /// Time of ingestion, ms.
    pub at: i64,
}

/// Lineage texts are the same in every row of a batch: views hold them once, whatever the number of rows.
pub(super) const VIEWS: [&str; 3] = ["_source", "_file", "_batch"];

/// Columns of one lineage text, by text; batches share them. Many rows of views stand on a single copy of the text:
/// rows that are gathered take along every copy their batches have, and a load gathers thousands of times.
#[derive(Default)]
struct LineageTexts(HashMap<String, ArrayRef>);

impl LineageTexts {
    /// Rows of a shared column; longer ones are made anew.
    const ROWS: usize = 1 << 16;
    /// Texts kept: a source of many files names a hundred thousand of them, each for few rows.
    const TEXTS: usize = 64;

    fn repeat(&mut self, text: &str, rows: usize) -> Result<ArrayRef> {
        if let Some(column) = self.0.get(text).filter(|c| rows <= c.len()) {
            return Ok(column.slice(0, rows));
        }
        let row: ArrayRef = Arc::new(StringViewArray::from_iter_values([text]));
        let column = repeat(&row, rows.max(Self::ROWS))?;
        if self.0.len() >= Self::TEXTS {
            self.0.clear();
        }
        self.0.insert(text.to_owned(), Arc::clone(&column));
        Ok(column.slice(0, rows))
    }
}

/// The stored schema as held in memory while loading.
pub fn staged_schema(stored: &Schema) -> SchemaRef {
    let field = |f: &Arc<Field>| {
        if VIEWS.contains(&f.name().as_str()) {
            f.as_ref().clone().with_data_type(DataType::Utf8View)
        } else {
            f.as_ref().clone()
        }
    };
    Arc::new(Schema::new(stored.fields().iter().map(field).collect::<Vec<_>>()))
}

impl Keyer {
    /// Loads the dictionaries as of `commit`.
    pub async fn load(warehouse: &Warehouse, commit: &Commit) -> Result<Self> {
        let party = Dictionary::load(warehouse, commit, PARTY).await?;
        let mut vault = Vec::with_capacity(VAULT.len());
        for kind in VAULT {
            vault.push((kind, Dictionary::load(warehouse, commit, kind).await?));
        }
        Ok(Self { party, vault, lineage: LineageTexts::default() })
    }

    /// The taxpayer id of a party key.
    pub fn party(&self, key: i64) -> Option<&str> {
        self.party.text(key)
    }

    /// Writes what is new.
    pub async fn save(&self, transaction: &mut Transaction) -> Result<()> {
        self.party.save(transaction).await?;
        for (_, dictionary) in &self.vault {
            dictionary.save(transaction).await?;
        }
        Ok(())
    }

    fn clear(&mut self, kind: DictionaryKind) -> Result<&mut Dictionary> {
        let found = self.vault.iter_mut().find(|(k, _)| *k == kind);
        found.map(|(_, d)| d).ok_or_else(|| EngineError::internal(format!("no dictionary {}", kind.table)))
    }

    /// The stored form of `converted`, in [`staged_schema`].
    pub fn stored(
        &mut self,
        table: &Table,
        config: &Config,
        schema: &SchemaRef,
        converted: &Converted,
        lineage: &Lineage<'_>,
    ) -> Result<RecordBatch> {
        let stored = self.stored_rows(table, config, schema, &converted.batch, &converted.rows, lineage)?;
        let Some(files) = &converted.files else { return Ok(stored) };
        let mut columns = stored.columns().to_vec();
        columns[schema.index_of("_file")?] = arrow::compute::cast(files, &DataType::Utf8View)?;
        Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
    }

    /// The stored form of canonical rows that stand at `numbers` of their file, in [`staged_schema`].
    pub fn stored_rows(
        &mut self,
        table: &Table,
        config: &Config,
        schema: &SchemaRef,
        batch: &RecordBatch,
        numbers: &Int64Array,
        lineage: &Lineage<'_>,
    ) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let mut columns: BTreeMap<String, ArrayRef> =
            table.columns.iter().zip(batch.columns()).map(|(c, a)| (c.name.clone(), Arc::clone(a))).collect();
        self.hide_natural_persons(table, &mut columns)?;
        self.hide_personal(table, &mut columns)?;
        for column in table.parties().filter(|c| !c.always_personal()) {
            if let Some(key) = column.party_key() {
                let keys = self.party.keys(columns[&column.name].as_string::<i32>())?;
                columns.insert(key, Arc::new(keys));
            }
        }
        columns.insert("bucket".into(), Arc::new(buckets(table, config, &columns, rows)));
        for (name, text) in VIEWS.into_iter().zip([lineage.source, lineage.file, lineage.batch]) {
            columns.insert(name.into(), self.lineage.repeat(text, rows)?);
        }
        columns.insert("_row".into(), Arc::new(numbers.clone()));
        let at = TimestampMillisecondArray::from_iter_values(std::iter::repeat_n(lineage.at, rows));
        columns.insert("_ingested_at".into(), Arc::new(at));
        let arrays = schema
            .fields()
            .iter()
            .map(|f| {
                columns.get(f.name()).map(Arc::clone).ok_or_else(|| {
                    EngineError::internal(format!("table {}: no value for {}", table.name, f.name()))
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(RecordBatch::try_new(Arc::clone(schema), arrays)?)
    }

    /// Gives parties their keys in this order, before any row names them.
    pub fn register(&mut self, ids: &StringArray) -> Result<()> {
        let people = self.clear(PERSON)?;
        let mut known = Vec::with_capacity(ids.len());
        for id in ids.iter().flatten() {
            known.push(if is_person_id(id) { pseudonym(people, [None, Some(id)])? } else { id.to_owned() });
        }
        self.party.keys(&StringArray::from(known)).map(|_| ())
    }

    /// A taxpayer id that is a person's identity number, and the name of a consumer, are personal data wherever
    /// they stand: both become `NP<key>`, the key being the person's in the vault.
    fn hide_natural_persons(
        &mut self,
        table: &Table,
        columns: &mut BTreeMap<String, ArrayRef>,
    ) -> Result<()> {
        for column in table.parties().filter(|c| c.personal.is_none()) {
            let name_column = party_name_column(&column.name);
            let ids = columns[&column.name].as_string::<i32>().clone();
            let names = columns.get(&name_column).map(|a| a.as_string::<i32>().clone());
            let name_at = |r: usize| names.as_ref().filter(|n| n.is_valid(r)).map(|n| n.value(r));
            let person = |r: usize| {
                if ids.is_valid(r) {
                    is_person_id(ids.value(r))
                } else {
                    name_at(r).is_some_and(is_person_name)
                }
            };
            if !(0..ids.len()).any(person) {
                continue;
            }
            let people = self.clear(PERSON)?;
            let mut new_ids: Vec<Option<String>> = Vec::with_capacity(ids.len());
            let mut new_names: Vec<Option<String>> = Vec::with_capacity(ids.len());
            for r in 0..ids.len() {
                let id = ids.is_valid(r).then(|| ids.value(r));
                if !person(r) {
                    new_ids.push(id.map(str::to_owned));
                    new_names.push(name_at(r).map(str::to_owned));
                    continue;
                }
                // The id's pseudonym depends on the number alone, however the name is spelt; the name has its own.
                let name = name_at(r);
                new_ids.push(id.map(|id| pseudonym(people, [None, Some(id)])).transpose()?);
                new_names.push(name.map(|name| pseudonym(people, [Some(name), id])).transpose()?);
            }
            columns.insert(column.name.clone(), Arc::new(StringArray::from(new_ids)));
            if names.is_some() {
                columns.insert(name_column, Arc::new(StringArray::from(new_names)));
            }
        }
        Ok(())
    }

    /// Replaces marked columns by vault keys. Columns that share a key column form one entry.
    fn hide_personal(&mut self, table: &Table, columns: &mut BTreeMap<String, ArrayRef>) -> Result<()> {
        let mut groups: BTreeMap<&str, Vec<&Column>> = BTreeMap::new();
        for column in &table.columns {
            if let Some(personal) = &column.personal {
                groups.entry(&personal.key_column).or_default().push(column);
            }
        }
        let mut stored: Vec<(String, ArrayRef)> = Vec::new();
        for (key_column, members) in groups {
            let Some(kind) =
                members.first().and_then(|c| c.personal.as_ref()).map(|p| DictionaryKind::from(p.dictionary))
            else {
                continue;
            };
            let mut values: Vec<Option<StringArray>> = vec![None; kind.fields.len()];
            for column in &members {
                let Some(personal) = &column.personal else { continue };
                let text = columns[&column.name].as_string::<i32>().clone();
                let clear = match &personal.when {
                    None => text.clone(),
                    Some(condition) => {
                        let personal_rows = holds(condition, columns);
                        let open = nullif(&text, &personal_rows)?;
                        stored.push((column.name.clone(), open));
                        let not = arrow::compute::not(&personal_rows)?;
                        nullif(&text, &not)?.as_string::<i32>().clone()
                    }
                };
                if let Some(i) = kind.fields.iter().position(|f| *f == personal.field) {
                    values[i] = Some(clear);
                }
            }
            let keys = entry_keys(self.clear(kind)?, &values)?;
            stored.push((key_column.to_owned(), Arc::new(keys)));
        }
        columns.extend(stored);
        Ok(())
    }
}

/// `NP<key>` for a person of the vault.
fn pseudonym(people: &mut Dictionary, fields: [Option<&str>; 2]) -> Result<String> {
    let entry = Dictionary::join(&fields).unwrap_or_default();
    Ok(format!("NP{}", people.key(&entry)?))
}

fn entry_keys(dictionary: &mut Dictionary, fields: &[Option<StringArray>]) -> Result<Int64Array> {
    if let [Some(only)] = fields {
        return dictionary.keys(only);
    }
    let rows = fields.iter().flatten().map(Array::len).next().unwrap_or(0);
    if fields.iter().flatten().all(|f| is_void(f)) {
        return Ok(nulls(&DataType::Int64, rows).as_primitive().clone());
    }
    let entries: StringArray = (0..rows)
        .map(|r| {
            let parts: Vec<Option<&str>> =
                fields.iter().map(|f| f.as_ref().filter(|a| a.is_valid(r)).map(|a| a.value(r))).collect();
            Dictionary::join(&parts)
        })
        .collect();
    dictionary.keys(&entries)
}

fn holds(condition: &Condition, columns: &BTreeMap<String, ArrayRef>) -> BooleanArray {
    match condition {
        Condition::Is { column, values } => {
            let array = columns[column].as_string::<i32>();
            array.iter().map(|v| Some(v.is_some_and(|v| values.iter().any(|w| w == v)))).collect()
        }
        Condition::Missing { column } => {
            let array = &columns[column];
            (0..array.len()).map(|r| Some(array.is_null(r))).collect()
        }
    }
}

fn buckets(table: &Table, config: &Config, columns: &BTreeMap<String, ArrayRef>, rows: usize) -> Int32Array {
    let keys = table
        .bucket_key()
        .and_then(|k| columns.get(&k).cloned())
        .unwrap_or_else(|| nulls(&DataType::Int64, rows));
    keys.as_primitive::<Int64Type>().iter().map(|k| Some(config.bucket_of(k))).collect()
}

/// A citizen's number, mistyped or not, also with the two digits that tell several businesses of one owner apart.
fn is_person_id(id: &str) -> bool {
    let number = id.get(..18).unwrap_or_default();
    let more = id.get(18..).unwrap_or_default();
    let is_number = |number: &str| resident_id_is_plausible(number) && !uscc_is_valid(number);
    (more.is_empty() || (more.len() == 2 && more.bytes().all(|b| b.is_ascii_digit()))) && is_number(number)
}

/// Short names without any word of an organisation.
fn is_person_name(name: &str) -> bool {
    const ORGANISATION: [char; 24] = [
        '司', '厂', '店', '社', '所', '院', '校', '部', '会', '局', '团', '行', '站', '场', '馆', '中', '队',
        '处', '户', '坊', '园', '室', '铺', '业',
    ];
    // What tills print for a buyer who gave no name.
    if ["个人", "消费者", "散户", "顾客"].contains(&name) {
        return false;
    }
    let length = name.chars().count();
    (2..=4).contains(&length) && !name.chars().any(|c| ORGANISATION.contains(&c) || c.is_ascii())
}
