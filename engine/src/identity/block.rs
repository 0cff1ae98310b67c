//! Candidates: pairs of record and register entry that share a blocking key, found by one join.
//!
//! A key is 64 bits of hash and names its kind in the lowest three; the cap of its kind bounds how many entries it may
//! bring. A pair that meets by accident of hashing is thrown out by the score.

use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type};
use assay_sql::session::{SessionOptions, new_session};
use datafusion::datasource::MemTable;
use datafusion::execution::context::SessionContext;
use hashbrown::HashMap;

use super::definition::BlockCaps;
use super::id;
use super::name::Name;
use crate::Result;

/// Seeds are fixed: the same input gives the same pairs.
const HASHER: RandomState = RandomState::with_seeds(11, 12, 13, 14);

#[derive(Debug, Clone, Copy)]
enum Kind {
    Id = 0,
    Whole = 1,
    Edit = 2,
    Bigram = 3,
}

/// Longest core that gets keys for misspellings; beyond it bigrams do.
const LONGEST_EDIT: usize = 24;
/// Rarest bigrams of a register entry that become keys.
const RARE: usize = 2;

fn key(kind: Kind, salt: u8, text: &str) -> u64 {
    HASHER.hash_one((salt, text)) << 3 | kind as u64
}

/// Keys of a number in its normal form.
pub fn id_keys(number: &str, out: &mut Vec<u64>) {
    if number.is_empty() {
        return;
    }
    out.push(key(Kind::Id, b'i', number));
    if let Some(old) = id::old_number(number) {
        out.push(key(Kind::Id, b'o', old));
    }
    if let Some(organisation) = id::organisation(number) {
        out.push(key(Kind::Id, b'g', organisation));
    }
}

/// Keys of a name under which equal and nearly equal names meet. Bigrams are not among them.
pub fn name_keys(name: &Name, out: &mut Vec<u64>) {
    if name.clean.is_empty() {
        return;
    }
    out.push(key(Kind::Whole, b'n', &name.clean));
    out.push(key(Kind::Whole, b'c', &name.core));
    out.push(key(
        Kind::Whole,
        b'r',
        &format!("{}|{}", name.places.last().map_or("", |p| &p.short), name.core),
    ));
    if !name.places.is_empty() {
        out.push(key(Kind::Whole, b'c', &format!("{}{}", name.region(), name.core)));
        out.extend(name.regional_core().map(|core| key(Kind::Whole, b'c', &core)));
    }
    edit_keys(&name.core, out);
}

/// The core and every text one character shorter: two cores one edit apart share one of them.
fn edit_keys(core: &str, out: &mut Vec<u64>) {
    let starts: Vec<usize> = core.char_indices().map(|(at, _)| at).chain([core.len()]).collect();
    if !(4..=LONGEST_EDIT + 1).contains(&starts.len()) {
        return;
    }
    out.push(key(Kind::Edit, b'e', core));
    let mut shorter = String::with_capacity(core.len());
    for pair in starts.windows(2) {
        shorter.clear();
        shorter.push_str(&core[..pair[0]]);
        shorter.push_str(&core[pair[1]..]);
        out.push(key(Kind::Edit, b'e', &shorter));
    }
}

fn bigrams(core: &str) -> impl Iterator<Item = u64> {
    let starts: Vec<usize> = core.char_indices().map(|(at, _)| at).chain([core.len()]).collect();
    let texts: Vec<u64> = starts.windows(3).map(|w| key(Kind::Bigram, b'b', &core[w[0]..w[2]])).collect();
    texts.into_iter()
}

/// How many entries of the register have each pair of neighbouring characters.
#[derive(Debug, Default)]
pub struct Bigrams(HashMap<u64, u32>);

impl Bigrams {
    /// Counts a core.
    pub fn count(&mut self, core: &str) {
        for bigram in bigrams(core) {
            *self.0.entry(bigram).or_default() += 1;
        }
    }

    /// The rarest pairs of a core in the register.
    pub fn rarest(&self, core: &str, out: &mut Vec<u64>) {
        let mut counted: Vec<(u32, u64)> =
            bigrams(core).map(|b| (self.0.get(&b).copied().unwrap_or_default(), b)).collect();
        counted.sort_unstable();
        counted.dedup();
        out.extend(counted.into_iter().take(RARE).map(|(_, b)| b));
    }

    /// All pairs of a record's core that could bring a candidate.
    pub fn all(&self, core: &str, cap: u32, out: &mut Vec<u64>) {
        out.extend(bigrams(core).filter(|b| self.0.get(b).is_some_and(|n| *n <= cap)));
    }
}

fn schema(entry: &str) -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("block", DataType::UInt64, false),
        Field::new(entry, DataType::UInt32, false),
    ]))
}

/// Keys with the entry each belongs to.
#[derive(Debug, Default)]
pub struct Keys {
    keys: Vec<u64>,
    entries: Vec<u32>,
}

impl Keys {
    /// Adds an entry's keys, once each.
    pub fn add(&mut self, entry: u32, keys: &mut Vec<u64>) {
        keys.sort_unstable();
        keys.dedup();
        self.entries.extend(std::iter::repeat_n(entry, keys.len()));
        self.keys.append(keys);
    }

    fn table(self, name: &str) -> Result<MemTable> {
        let columns: Vec<ArrayRef> =
            vec![Arc::new(UInt64Array::from(self.keys)), Arc::new(UInt32Array::from(self.entries))];
        let batch = RecordBatch::try_new(schema(name), columns)?;
        Ok(MemTable::try_new(schema(name), vec![vec![batch]])?)
    }
}

/// The register's keys, ready to be joined.
pub struct Blocks {
    context: SessionContext,
    /// Keys left aside because too many taxpayers share them.
    pub oversize: usize,
}

impl Blocks {
    /// Keeps the keys of the register that are not over the cap of their kind.
    pub async fn new(register: Keys, caps: &BlockCaps, options: &SessionOptions) -> Result<Self> {
        let context = new_session(options)?;
        context.register_table("every", Arc::new(register.table("entry")?))?;
        let cap = format!(
            "CASE block % 8 WHEN {} THEN {} WHEN {} THEN {} WHEN {} THEN {} ELSE {} END",
            Kind::Id as u64,
            caps.id,
            Kind::Whole as u64,
            caps.whole,
            Kind::Edit as u64,
            caps.edit,
            caps.bigram
        );
        let over = format!("SELECT block FROM every GROUP BY block HAVING count(*) > {cap}");
        let over = context.sql(&over).await?.collect().await?;
        let oversize = over.iter().map(RecordBatch::num_rows).sum();
        let schema = Arc::new(Schema::new(vec![Field::new("block", DataType::UInt64, false)]));
        context.register_table("over", Arc::new(MemTable::try_new(schema, vec![over])?))?;
        let kept = context
            .sql("SELECT e.block, e.entry FROM every e LEFT ANTI JOIN over o ON e.block = o.block")
            .await?;
        let kept = kept.collect().await?;
        context.deregister_table("every")?;
        context.register_table("register", Arc::new(MemTable::try_new(schema_of(&kept), vec![kept])?))?;
        Ok(Self { context, oversize })
    }

    /// Pairs (record, entry) that share a key, sorted, each once.
    pub async fn pairs(&self, records: Keys) -> Result<Vec<(u32, u32)>> {
        self.context.register_table("record", Arc::new(records.table("record")?))?;
        let joined = self
            .context
            .sql("SELECT DISTINCT r.record, e.entry FROM record r JOIN register e ON r.block = e.block")
            .await?
            .collect()
            .await?;
        self.context.deregister_table("record")?;
        let mut pairs = Vec::with_capacity(joined.iter().map(RecordBatch::num_rows).sum());
        for batch in &joined {
            let (records, entries) =
                (batch.column(0).as_primitive::<UInt32Type>(), batch.column(1).as_primitive::<UInt32Type>());
            pairs.extend(records.values().iter().copied().zip(entries.values().iter().copied()));
        }
        pairs.sort_unstable();
        Ok(pairs)
    }
}

fn schema_of(batches: &[RecordBatch]) -> SchemaRef {
    batches.first().map_or_else(|| schema("entry"), RecordBatch::schema)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::identity::name::NameParser;
    use proptest::prelude::*;

    fn keys(text: &str) -> Vec<u64> {
        let mut keys = Vec::new();
        name_keys(&NameParser::shared().parse(text), &mut keys);
        keys
    }

    fn meet(a: &str, b: &str) -> bool {
        let other = keys(b);
        keys(a).iter().any(|k| other.contains(k))
    }

    #[test]
    fn names_one_edit_apart_meet() {
        for (a, b) in [
            ("恒达钢材贸易有限公司", "恒大钢材贸易有限公司"),
            ("恒达钢材贸易有限公司", "恒达钢材贸有限公司"),
            ("恒达钢材贸易有限公司", "恒达钢贸材易有限公司"),
            ("南京市恒达钢材有限公司", "恒达钢材厂"),
            ("昆山恒达钢材有限公司", "昆山市恒达钢材有限公司"),
        ] {
            assert!(meet(a, b), "{a} {b}");
        }
        assert!(!meet("恒达钢材有限公司", "瑞源五金有限公司"));
    }

    #[test]
    fn numbers_meet_by_their_organisation_code() {
        let of = |id: &str| {
            let mut keys = Vec::new();
            id_keys(id, &mut keys);
            keys
        };
        let credit = of("91310115MA1K39423D");
        for old in ["310115MA1K39423", "MA1K39423", "91320500MA1K394231"] {
            assert!(of(old).iter().any(|k| credit.contains(k)), "{old}");
        }
        assert!(!of("C06972").iter().any(|k| credit.contains(k)));
    }

    #[tokio::test]
    async fn what_fits_everybody_brings_nobody() {
        let caps = BlockCaps { id: 100, whole: 2, edit: 100, bigram: 100 };
        let mut register = Keys::default();
        for entry in 0..3 {
            register.add(
                entry,
                &mut vec![key(Kind::Whole, b'c', "钢材"), key(Kind::Whole, b'n', &entry.to_string())],
            );
        }
        let options = SessionOptions { threads: 1, ..SessionOptions::default() };
        let blocks = Blocks::new(register, &caps, &options).await.unwrap();
        assert_eq!(blocks.oversize, 1);
        let mut records = Keys::default();
        records.add(7, &mut vec![key(Kind::Whole, b'c', "钢材"), key(Kind::Whole, b'n', "2")]);
        assert_eq!(blocks.pairs(records).await.unwrap(), [(7, 2)]);
        assert_eq!(blocks.pairs(Keys::default()).await.unwrap(), []);
    }

    proptest! {
        #[test]
        fn any_edit_is_met(core in "[甲乙丙丁戊己庚辛]{3,9}", at in 0_usize..9, new in "[甲乙丙丁戊己庚辛子丑]") {
            let chars: Vec<char> = core.chars().collect();
            let at = at % chars.len();
            let mut replaced = chars.clone();
            replaced[at] = new.chars().next().unwrap();
            let mut dropped = chars.clone();
            dropped.remove(at);
            for other in [replaced, dropped] {
                let other: String = other.into_iter().collect();
                let (mut a, mut b) = (Vec::new(), Vec::new());
                edit_keys(&core, &mut a);
                edit_keys(&other, &mut b);
                // A core of two characters gets no such keys: everything would be near it.
                prop_assert!(other.chars().count() < 3 || a.iter().any(|k| b.contains(k)), "{} {}", core, other);
            }
        }
    }
}
