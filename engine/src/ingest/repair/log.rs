//! The record of repaired cells, from the batch where they occur to the rows of `repaired_value`.
//!
//! Which cell was repaired by which rule lies open. So do the texts before and after, except those of columns that
//! may hold personal data: these lie in the vault, as those of rejected rows do.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, StringBuilder, TimestampMillisecondArray,
    UInt32Array,
};
use arrow::compute::{filter, filter_record_batch, take};
use assay_datasets::repairs::Rule;

use super::super::reject::Origin;
use super::super::system;
use crate::Result;

/// What was repaired: a source column trimmed, or a canonical column put right by a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind(u32);

/// The two sorts of [`Kind`].
pub(super) enum Place {
    /// A source column.
    Source(usize),
    /// A canonical column.
    Column(usize, Rule),
}

/// Below it are source columns, from it on canonical ones.
const COLUMNS: u32 = 1 << 20;

impl Kind {
    pub(super) fn source(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(COLUMNS - 1))
    }

    pub(super) fn column(index: usize, rule: Rule) -> Self {
        Self(COLUMNS + u32::try_from(index).unwrap_or(0) * 8 + rule as u32)
    }

    pub(super) fn place(self) -> Place {
        match self.0.checked_sub(COLUMNS) {
            None => Place::Source(self.0 as usize),
            Some(code) => Place::Column((code / 8) as usize, Rule::ALL[(code % 8) as usize]),
        }
    }
}

/// A kind of repair as it is written down.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Canonical column, or several that read one source column.
    pub column: String,
    /// Column of the file; empty where an expression made the value.
    pub source: String,
    /// Rule.
    pub rule: &'static str,
    /// Whether the texts may lie open.
    pub open: bool,
}

/// Repairs of one batch, in the order they were made.
#[derive(Default)]
pub struct Log {
    rows: Vec<usize>,
    kinds: Vec<Kind>,
    before: StringBuilder,
    after: StringBuilder,
}

/// Repairs of the rows a batch keeps.
pub struct Repaired {
    /// Kinds, by their place in `kind`.
    pub kinds: Vec<Shown>,
    kind: Vec<usize>,
    rows: Int64Array,
    files: Option<ArrayRef>,
    before: ArrayRef,
    after: ArrayRef,
}

impl Log {
    pub(super) fn push(&mut self, row: usize, kind: Kind, before: &str, after: Option<&str>) {
        self.rows.push(row);
        self.kinds.push(kind);
        self.before.append_value(before);
        self.after.append_option(after);
    }

    pub(super) fn finish(
        mut self,
        numbers: &Int64Array,
        files: Option<&ArrayRef>,
        rejected: impl Fn(usize) -> bool,
        shown: impl Fn(Kind) -> Shown,
    ) -> Result<Option<Repaired>> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        let keep: BooleanArray = self.rows.iter().map(|r| Some(!rejected(*r))).collect();
        if keep.true_count() == 0 {
            return Ok(None);
        }
        let places = |r: &usize| u32::try_from(*r).unwrap_or(u32::MAX);
        let taken: UInt32Array = self.rows.iter().map(places).collect();
        let taken = filter(&taken, &keep)?;
        let mut places: BTreeMap<Kind, usize> = BTreeMap::new();
        for (kind, kept) in self.kinds.iter().zip(&keep) {
            if kept == Some(true) {
                let next = places.len();
                places.entry(*kind).or_insert(next);
            }
        }
        let mut kinds: Vec<(usize, Shown)> =
            places.iter().map(|(kind, place)| (*place, shown(*kind))).collect();
        kinds.sort_by_key(|(place, _)| *place);
        let kept = self.kinds.iter().zip(&keep).filter(|(_, keep)| *keep == Some(true));
        Ok(Some(Repaired {
            kinds: kinds.into_iter().map(|(_, shown)| shown).collect(),
            kind: kept.map(|(kind, _)| places[kind]).collect(),
            rows: arrow::array::AsArray::as_primitive(&take(numbers, &taken, None)?).clone(),
            files: files.map(|f| take(f, &taken, None)).transpose()?,
            before: filter(&self.before.finish(), &keep)?,
            after: filter(&self.after.finish(), &keep)?,
        }))
    }
}

impl Repaired {
    /// Cells.
    pub fn len(&self) -> usize {
        self.kind.len()
    }

    /// Cells by rule.
    pub fn by_rule(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for kind in &self.kind {
            *counts.entry(self.kinds[*kind].rule).or_default() += 1;
        }
        counts
    }
}

/// The open and the vault's rows of some repairs; `first` numbers them within the load.
pub fn batches(repaired: &Repaired, origin: &Origin<'_>, first: usize) -> Result<(RecordBatch, RecordBatch)> {
    let n = repaired.len();
    let same = |text: &str| Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, n))) as ArrayRef;
    let of = |f: fn(&Shown) -> &str| {
        let texts = repaired.kind.iter().map(|k| f(&repaired.kinds[*k]));
        Arc::new(StringArray::from_iter_values(texts)) as ArrayRef
    };
    let mut ids = StringBuilder::with_capacity(n, n * (origin.batch.len() + 11));
    for i in 0..n {
        ids.append_value(format!("{}-{:010}", origin.batch, first + i));
    }
    let ids: ArrayRef = Arc::new(ids.finish());
    let open: BooleanArray = repaired.kind.iter().map(|k| Some(repaired.kinds[*k].open)).collect();
    let hidden = arrow::compute::not(&open)?;
    let at = Arc::new(TimestampMillisecondArray::from_iter_values(std::iter::repeat_n(origin.at, n)));
    let rows = RecordBatch::try_new(
        system::repaired_value().schema,
        vec![
            Arc::clone(&ids),
            same(origin.table),
            of(|k| &k.column),
            of(|k| &k.source),
            of(|k| k.rule),
            arrow::compute::nullif(&repaired.before, &hidden)?,
            arrow::compute::nullif(&repaired.after, &hidden)?,
            same(origin.source),
            repaired.files.clone().unwrap_or_else(|| same(origin.file)),
            Arc::new(repaired.rows.clone()),
            same(origin.batch),
            at,
        ],
    )?;
    let clear = RecordBatch::try_new(
        system::repaired_clear().schema,
        vec![ids, Arc::clone(&repaired.before), Arc::clone(&repaired.after)],
    )?;
    Ok((rows, filter_record_batch(&clear, &hidden)?))
}
