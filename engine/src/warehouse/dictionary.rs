//! Persistent dictionaries: text ↔ dense integer key. The open one names the parties; those of the vault hold
//! personal data in clear and are the only place that does.
//!
//! Keys are given in order of first appearance and never change. A dictionary is held in memory while loading
//! (about 70 bytes an entry): bounded by the number of parties, not by the number of rows.

use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, SchemaRef};
use assay_datasets::schema::Dictionary as Clear;
use hashbrown::HashTable;

use super::transaction;
use super::{Commit, TableSpec, Transaction, Warehouse};
use crate::{EngineError, Result};

/// Separates the fields of an entry with several (ASCII unit separator: cannot stand in a name).
const FIELD: char = '\u{1f}';

/// What a dictionary is called and which fields an entry has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DictionaryKind {
    /// Table name.
    pub table: &'static str,
    /// Its key column.
    pub key: &'static str,
    /// Its clear columns.
    pub fields: &'static [&'static str],
}

/// Every party an invoice or a register names: integer key ↔ taxpayer id.
pub const PARTY: DictionaryKind = DictionaryKind { table: "party", key: "party_key", fields: &["party_id"] };
/// People, in the vault.
pub const PERSON: DictionaryKind =
    DictionaryKind { table: "vault/person", key: "person_key", fields: &["name", "id_no"] };
/// Phone numbers, in the vault.
pub const PHONE: DictionaryKind =
    DictionaryKind { table: "vault/phone", key: "phone_key", fields: &["phone"] };
/// Addresses, in the vault.
pub const ADDRESS: DictionaryKind =
    DictionaryKind { table: "vault/address", key: "address_key", fields: &["address"] };
/// MAC and IP addresses, in the vault.
pub const DEVICE: DictionaryKind =
    DictionaryKind { table: "vault/device", key: "device_key", fields: &["mac", "ip"] };
/// Texts that may name people, in the vault.
pub const TEXT: DictionaryKind = DictionaryKind { table: "vault/text", key: "text_key", fields: &["text"] };
/// The vault's dictionaries.
pub const VAULT: [DictionaryKind; 5] = [PERSON, PHONE, ADDRESS, DEVICE, TEXT];

impl From<Clear> for DictionaryKind {
    fn from(clear: Clear) -> Self {
        match clear {
            Clear::Person => PERSON,
            Clear::Phone => PHONE,
            Clear::Address => ADDRESS,
            Clear::Device => DEVICE,
            Clear::Text => TEXT,
        }
    }
}

impl DictionaryKind {
    /// How it is stored.
    pub fn spec(&self) -> TableSpec {
        let mut fields = vec![Field::new(self.key, DataType::Int64, false)];
        fields.extend(self.fields.iter().map(|f| Field::new(*f, DataType::Utf8, true)));
        TableSpec::appended(self.table, &[self.key], fields)
    }
}

/// Where an entry is found. Short entries, which taxpayers' ids are, are told apart without looking elsewhere: a load
/// asks for tens of millions, and each place looked at is a wait for memory.
#[derive(Debug, Clone, Copy)]
struct Slot {
    key: u32,
    length: u8,
    head: [u8; Self::SHORT],
}

impl Slot {
    /// Bytes of an entry that stand in the slot; longer ones are all marked by one length more.
    const SHORT: usize = 19;

    fn new(key: u32, entry: &str) -> Self {
        let bytes = &entry.as_bytes()[..entry.len().min(Self::SHORT)];
        let mut head = [0; Self::SHORT];
        head[..bytes.len()].copy_from_slice(bytes);
        let length = u8::try_from(entry.len().min(Self::SHORT + 1)).unwrap_or(u8::MAX);
        Self { key, length, head }
    }

    fn is_short(self) -> bool {
        usize::from(self.length) <= Self::SHORT
    }
}

/// A dictionary in memory, with what was added since it was loaded.
#[derive(Debug)]
pub struct Dictionary {
    kind: DictionaryKind,
    hasher: RandomState,
    table: HashTable<Slot>,
    text: String,
    ends: Vec<usize>,
    stored: usize,
}

impl Dictionary {
    /// An empty one.
    pub fn empty(kind: DictionaryKind) -> Self {
        let hasher = RandomState::with_seeds(1, 2, 3, 4);
        Self { kind, hasher, table: HashTable::new(), text: String::new(), ends: Vec::new(), stored: 0 }
    }

    /// Loads the entries of `commit`.
    pub async fn load(warehouse: &Warehouse, commit: &Commit, kind: DictionaryKind) -> Result<Self> {
        let mut dictionary = Self::empty(kind);
        let Some(table) = warehouse.table(commit, kind.table).await? else { return Ok(dictionary) };
        let mut batches = transaction::get_rows(warehouse, kind.table, &table.files).await?;
        // Files are listed by name; keys are what says in which order they were given.
        batches.sort_by_key(first_key);
        for batch in &batches {
            dictionary.load_batch(batch)?;
        }
        dictionary.stored = dictionary.len();
        Ok(dictionary)
    }

    fn load_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns: Vec<&StringArray> =
            (1..batch.num_columns()).map(|i| batch.column(i).as_string::<i32>()).collect();
        let mut entry = String::new();
        for row in 0..batch.num_rows() {
            entry.clear();
            for (i, column) in columns.iter().enumerate() {
                if i > 0 {
                    entry.push(FIELD);
                }
                if column.is_valid(row) {
                    entry.push_str(column.value(row));
                }
            }
            self.key(&entry)?;
        }
        Ok(())
    }

    /// Number of entries; also the next key.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn entry(&self, key: usize) -> &str {
        let start = if key == 0 { 0 } else { self.ends[key - 1] };
        &self.text[start..self.ends[key]]
    }

    /// The entry of a key.
    pub fn text(&self, key: i64) -> Option<&str> {
        usize::try_from(key).ok().filter(|k| *k < self.len()).map(|k| self.entry(k))
    }

    /// The key of `entry`, given now if it is new. Fields of an entry are joined by [`Self::join`].
    pub fn key(&mut self, entry: &str) -> Result<i64> {
        self.key_hashed(entry, self.hasher.hash_one(entry))
    }

    fn key_hashed(&mut self, entry: &str, hash: u64) -> Result<i64> {
        let wanted = Slot::new(0, entry);
        let same = |slot: &Slot| {
            slot.length == wanted.length
                && slot.head == wanted.head
                && (slot.is_short() || self.entry(slot.key as usize) == entry)
        };
        if let Some(found) = self.table.find(hash, same) {
            return Ok(i64::from(found.key));
        }
        let key = u32::try_from(self.ends.len()).map_err(|_| {
            EngineError::Warehouse(format!("dictionary {} is full (4 billion entries)", self.kind.table))
        })?;
        self.text.push_str(entry);
        self.ends.push(self.text.len());
        let Self { table, text, ends, hasher, .. } = self;
        table.insert_unique(hash, Slot { key, ..wanted }, |slot| {
            let k = slot.key as usize;
            let start = if k == 0 { 0 } else { ends[k - 1] };
            hasher.hash_one(&text[start..ends[k]])
        });
        Ok(i64::from(key))
    }

    /// Joins the fields of an entry; `None` when all are missing.
    pub fn join(fields: &[Option<&str>]) -> Option<String> {
        if fields.iter().all(Option::is_none) {
            return None;
        }
        let texts: Vec<&str> = fields.iter().map(|f| f.unwrap_or_default()).collect();
        Some(texts.join(&FIELD.to_string()))
    }

    /// Keys of a text column; null stays null.
    pub fn keys(&mut self, values: &StringArray) -> Result<Int64Array> {
        if values.null_count() == values.len() {
            return Ok(Int64Array::new_null(values.len()));
        }
        // All hashes first: the look-ups, one after the other, then wait for memory side by side.
        let hashes: Vec<u64> = values.iter().map(|v| v.map_or(0, |v| self.hasher.hash_one(v))).collect();
        let mut keys: Vec<i64> = Vec::with_capacity(values.len());
        for (row, hash) in hashes.into_iter().enumerate() {
            keys.push(if values.is_valid(row) { self.key_hashed(values.value(row), hash)? } else { 0 });
        }
        Ok(Int64Array::new(keys.into(), values.nulls().cloned()))
    }

    /// Appends the new entries to the transaction.
    pub async fn save(&self, transaction: &mut Transaction) -> Result<()> {
        if self.stored == self.len() {
            return Ok(());
        }
        let spec = self.kind.spec();
        let batch = self.new_entries(&spec.schema)?;
        transaction.append(&spec, &[batch]).await
    }

    fn new_entries(&self, schema: &SchemaRef) -> Result<RecordBatch> {
        let range = self.stored..self.len();
        let keys: Int64Array = range.clone().map(|k| i64::try_from(k).ok()).collect();
        let mut columns: Vec<ArrayRef> = vec![Arc::new(keys)];
        for field in 0..self.kind.fields.len() {
            let values: StringArray = range
                .clone()
                .map(|k| self.entry(k).split(FIELD).nth(field).filter(|v| !v.is_empty()))
                .collect();
            columns.push(Arc::new(values));
        }
        Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
    }
}

fn first_key(batch: &RecordBatch) -> i64 {
    let keys = batch.column(0).as_primitive::<Int64Type>();
    if keys.is_empty() { i64::MAX } else { keys.value(0) }
}
