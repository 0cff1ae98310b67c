//! Totals per key within each group: what `hhi` and `top_sum` measure.
//!
//! All groups share one table of (group, key) → total, so that a million small groups cost no million small
//! maps. Totals are exact ([`Total`]); the order of rows and the number of partitions do not show in results.
//! Rows whose key or amount is null are left out: they say nothing about any key.

use std::fmt::Debug;
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, PrimitiveArray, StringArray,
};
use arrow::buffer::{BooleanBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::{cast, filter};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, i256};
use datafusion::common::{Result, exec_datafusion_err, internal_err, not_impl_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use hashbrown::{HashMap, HashTable};

use super::one_group::{OneGroup, Peek};
use super::totals::Total;

/// What an aggregate makes of the totals of each group.
pub(super) trait Measure<T>: Debug + Send + Sync + 'static {
    /// One result per group; group `g` owns `totals[offsets[g]..offsets[g + 1]]`, one total per key, in no
    /// particular order. A group without totals has no result: null.
    fn measure(&self, totals: &mut [T], offsets: &[usize]) -> Result<ArrayRef>;
}

/// The accumulator of many groups for `(key, amount, …)`; doubles are added exactly in 256 bits, all else in 128.
pub(super) fn groups<M>(args: &AccumulatorArgs, measure: M) -> Box<dyn GroupsAccumulator>
where
    M: Measure<i128> + Measure<i256>,
{
    let key = args.expr_fields[0].data_type();
    match args.expr_fields[1].data_type() {
        DataType::Float64 => Box::new(KeyedGroups::<i256, _>::new(key, measure)),
        _ => Box::new(KeyedGroups::<i128, _>::new(key, measure)),
    }
}

/// The same of one group.
pub(super) fn one_group<M>(args: &AccumulatorArgs, measure: M) -> Box<dyn Accumulator>
where
    M: Measure<i128> + Measure<i256>,
{
    let key = args.expr_fields[0].data_type();
    match args.expr_fields[1].data_type() {
        DataType::Float64 => Box::new(OneGroup::new(KeyedGroups::<i256, _>::new(key, measure))),
        _ => Box::new(OneGroup::new(KeyedGroups::<i128, _>::new(key, measure))),
    }
}

/// One key of one group.
#[derive(Debug, Clone, Copy)]
struct Entry<T> {
    group: usize,
    key: i64,
    total: T,
}

/// Totals per key of many groups.
#[derive(Debug)]
pub(super) struct KeyedGroups<T, M> {
    measure: M,
    keys: Keys,
    entries: Vec<Entry<T>>,
    /// Positions in `entries`, by group and key.
    index: HashTable<usize>,
    hasher: RandomState,
    groups: usize,
}

impl<T: Total, M: Measure<T>> KeyedGroups<T, M> {
    /// An accumulator for keys of type `key`, as [`coerce_key`] gives them.
    pub(super) fn new(key: &DataType, measure: M) -> Self {
        let keys = if *key == DataType::Int64 { Keys::Int } else { Keys::Text(Texts::default()) };
        Self { measure, keys, entries: Vec::new(), index: HashTable::new(), hasher: hasher(), groups: 0 }
    }

    fn add(&mut self, group: usize, key: i64, amount: T) -> Result<()> {
        let Self { entries, index, hasher, .. } = self;
        let hash = hasher.hash_one((group, key));
        let found = index.find(hash, |at| entries[*at].group == group && entries[*at].key == key);
        if let Some(&at) = found {
            let entry = &mut entries[at];
            entry.total = entry.total.plus(amount).ok_or_else(|| {
                exec_datafusion_err!(
                    "the total of one key exceeds 38 digits; cast the amounts to decimal(18,2)"
                )
            })?;
        } else {
            index.insert_unique(hash, entries.len(), |at| {
                hasher.hash_one((entries[*at].group, entries[*at].key))
            });
            entries.push(Entry { group, key, total: amount });
        }
        Ok(())
    }

    /// Where the entries of the first `groups` groups stand: offsets per group, and positions in that order.
    fn by_group(&self, groups: usize) -> (Vec<usize>, Vec<usize>) {
        let mut offsets = vec![0; groups + 1];
        for entry in self.entries.iter().filter(|entry| entry.group < groups) {
            offsets[entry.group + 1] += 1;
        }
        for group in 0..groups {
            offsets[group + 1] += offsets[group];
        }
        let mut next = offsets.clone();
        let mut order = vec![0; offsets[groups]];
        for (at, entry) in self.entries.iter().enumerate().filter(|(_, entry)| entry.group < groups) {
            order[next[entry.group]] = at;
            next[entry.group] += 1;
        }
        (offsets, order)
    }

    /// Forgets the first `groups` groups; the others move down.
    fn forget(&mut self, groups: usize) {
        if groups >= self.groups {
            self.entries = Vec::new();
            self.keys.clear();
            self.groups = 0;
        } else {
            self.entries.retain(|entry| entry.group >= groups);
            self.keys.keep_only(&mut self.entries);
            for entry in &mut self.entries {
                entry.group -= groups;
            }
            self.groups -= groups;
        }
        let Self { entries, index, hasher, .. } = self;
        let hash = |at: &usize| hasher.hash_one((entries[*at].group, entries[*at].key));
        *index = HashTable::with_capacity(entries.len());
        for at in 0..entries.len() {
            index.insert_unique(hash(&at), at, hash);
        }
    }

    fn count(&self, emit_to: EmitTo) -> usize {
        match emit_to {
            EmitTo::All => self.groups,
            EmitTo::First(groups) => groups,
        }
    }
}

impl<T: Total, M: Measure<T>> Peek for KeyedGroups<T, M> {
    fn peek(&self, groups: usize) -> Result<ArrayRef> {
        let (offsets, order) = self.by_group(groups);
        let mut totals: Vec<T> = order.iter().map(|at| self.entries[*at].total).collect();
        self.measure.measure(&mut totals, &offsets)
    }
}

impl<T: Total, M: Measure<T>> GroupsAccumulator for KeyedGroups<T, M> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups = self.groups.max(total_num_groups);
        let wanted = wanted_rows(values, opt_filter);
        let keys = self.keys.numbers(&values[0])?;
        let amounts = T::column(&values[1])?;
        for row in wanted.set_indices() {
            self.add(group_indices[row], keys.value(row), amounts.value(row))?;
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = self.count(emit_to);
        let results = self.peek(groups)?;
        self.forget(groups);
        Ok(results)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = self.count(emit_to);
        let (offsets, order) = self.by_group(groups);
        let keys = self.keys.column(order.iter().map(|at| self.entries[*at].key));
        let totals: Vec<T> = order.iter().map(|at| self.entries[*at].total).collect();
        self.forget(groups);
        lists(&offsets, keys, PrimitiveArray::<T::State>::new(totals.into(), None))
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups = self.groups.max(total_num_groups);
        let (keys, totals) = (values[0].as_list::<i32>(), values[1].as_list::<i32>());
        let key_numbers = self.keys.numbers(keys.values())?;
        let amounts = totals.values().as_primitive::<T::State>();
        for (row, &group) in group_indices.iter().enumerate() {
            if keys.is_null(row) {
                continue;
            }
            // Both lists are built with the same lengths, but a slice may have shifted one of them.
            let first_key = keys.value_offsets()[row] as usize;
            let first_total = totals.value_offsets()[row] as usize;
            for at in 0..keys.value_length(row) as usize {
                self.add(group, key_numbers.value(first_key + at), amounts.value(first_total + at))?;
            }
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let wanted = wanted_rows(values, opt_filter);
        let mut offsets = Vec::with_capacity(wanted.len() + 1);
        offsets.push(0);
        offsets.extend(wanted.iter().scan(0, |end, keep| {
            *end += usize::from(keep);
            Some(*end)
        }));
        let wanted = BooleanArray::new(wanted, None);
        let keys = filter(&values[0], &wanted)?;
        let keys = if *keys.data_type() == DataType::Int64 { keys } else { cast(&keys, &DataType::Utf8)? };
        let totals = filter(&T::column(&values[1])?, &wanted)?;
        lists(&offsets, keys, totals.as_primitive::<T::State>().clone())
    }

    fn size(&self) -> usize {
        self.entries.capacity() * size_of::<Entry<T>>() + self.index.allocation_size() + self.keys.size()
    }
}

/// Rows that count: key and amount known, and let through by the filter.
fn wanted_rows(values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> BooleanBuffer {
    let mut wanted = BooleanBuffer::new_set(values[0].len());
    for nulls in values[..2].iter().filter_map(|column| column.nulls()) {
        wanted = &wanted & nulls.inner();
    }
    if let Some(let_through) = opt_filter {
        wanted = &wanted & let_through.values();
        if let Some(nulls) = let_through.nulls() {
            wanted = &wanted & nulls.inner();
        }
    }
    wanted
}

/// State columns: a list of keys and a list of totals per group.
fn lists<S: arrow::datatypes::DecimalType>(
    offsets: &[usize],
    keys: ArrayRef,
    totals: PrimitiveArray<S>,
) -> Result<Vec<ArrayRef>> {
    let offsets = offsets.iter().map(|offset| i32::try_from(*offset)).collect::<Result<Vec<_>, _>>();
    let Ok(offsets) = offsets else {
        return internal_err!("more than 2^31 keys in one batch of groups");
    };
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let totals: ArrayRef = Arc::new(totals.with_data_type(total_type::<S>()));
    let list = |column: ArrayRef| -> Result<ArrayRef> {
        let field = Arc::new(Field::new_list_field(column.data_type().clone(), true));
        Ok(Arc::new(ListArray::try_new(field, offsets.clone(), column, None)?))
    };
    Ok(vec![list(keys)?, list(totals)?])
}

/// Totals travel as whole numbers of units, whatever scale the amounts have.
fn total_type<S: arrow::datatypes::DecimalType>() -> DataType {
    S::TYPE_CONSTRUCTOR(S::MAX_PRECISION, 0)
}

/// The state fields of an aggregate whose first two arguments are key and amount.
pub(super) fn state_fields(args: &StateFieldsArgs) -> Vec<FieldRef> {
    let key = match args.input_fields[0].data_type() {
        DataType::Int64 => DataType::Int64,
        _ => DataType::Utf8,
    };
    let total = match args.input_fields[1].data_type() {
        DataType::Float64 => total_type::<<i256 as Total>::State>(),
        _ => total_type::<<i128 as Total>::State>(),
    };
    [("keys", key), ("totals", total)]
        .into_iter()
        .map(|(part, kind)| {
            let list = DataType::List(Arc::new(Field::new_list_field(kind, true)));
            Arc::new(Field::new(format_state_name(args.name, part), list, true))
        })
        .collect()
}

/// The type keys are brought to: whole numbers as they are, everything else by its text.
pub(super) fn coerce_key(function: &str, given: &DataType) -> Result<DataType> {
    match given {
        DataType::UInt64 => Ok(DataType::Utf8View),
        kind if kind.is_integer() || kind.is_null() => Ok(DataType::Int64),
        kind if kind.is_nested() => plan_err!("{function}: the key must be a number or text, not {kind}"),
        _ => Ok(DataType::Utf8View),
    }
}

/// DISTINCT over keys and amounts would silently drop equal invoices.
pub(super) fn refuse_distinct(function: &str, args: &AccumulatorArgs) -> Result<()> {
    if args.is_distinct {
        return not_impl_err!("{function} does not take DISTINCT: it would drop equal amounts of one key");
    }
    Ok(())
}

/// Hashing need not resist attackers here, but must not differ between runs.
fn hasher() -> RandomState {
    RandomState::with_seeds(0x9E37, 0x79B9, 0x7F4A, 0x7C15)
}

/// Keys as numbers.
#[derive(Debug)]
enum Keys {
    Int,
    Text(Texts),
}

/// Texts numbered in the order they were first seen.
#[derive(Debug)]
struct Texts {
    numbers: HashMap<Arc<str>, i64, RandomState>,
    texts: Vec<Arc<str>>,
    bytes: usize,
}

impl Default for Texts {
    fn default() -> Self {
        Self { numbers: HashMap::with_hasher(hasher()), texts: Vec::new(), bytes: 0 }
    }
}

impl Texts {
    fn number(&mut self, text: &str) -> i64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len() as i64;
        let text: Arc<str> = Arc::from(text);
        // Two reference counts stand before the text.
        self.bytes += text.len() + 2 * size_of::<usize>();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }
}

impl Keys {
    /// A column of keys as numbers; nulls stay null.
    fn numbers(&mut self, column: &ArrayRef) -> Result<Int64Array> {
        match self {
            Self::Int => Ok(column.as_primitive::<Int64Type>().clone()),
            Self::Text(texts) => match column.data_type() {
                DataType::Utf8View => {
                    Ok(column.as_string_view().iter().map(|key| key.map(|key| texts.number(key))).collect())
                }
                DataType::Utf8 => {
                    Ok(column.as_string::<i32>().iter().map(|key| key.map(|key| texts.number(key))).collect())
                }
                other => internal_err!("expected text keys, got {other}"),
            },
        }
    }

    /// Numbers as a column of the keys they stand for.
    fn column(&self, numbers: impl Iterator<Item = i64>) -> ArrayRef {
        match self {
            Self::Int => Arc::new(Int64Array::from_iter_values(numbers)),
            Self::Text(texts) => {
                Arc::new(StringArray::from_iter_values(numbers.map(|number| &*texts.texts[number as usize])))
            }
        }
    }

    fn clear(&mut self) {
        if let Self::Text(texts) = self {
            *texts = Texts::default();
        }
    }

    /// Forgets texts no entry uses, so that a stream of sorted groups does not pile them up.
    fn keep_only<T>(&mut self, entries: &mut [Entry<T>]) {
        if let Self::Text(texts) = self {
            let old = std::mem::take(texts);
            for entry in entries {
                entry.key = texts.number(&old.texts[entry.key as usize]);
            }
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Int => 0,
            Self::Text(texts) => {
                texts.bytes + texts.texts.capacity() * size_of::<Arc<str>>() + texts.numbers.allocation_size()
            }
        }
    }
}

#[cfg(test)]
#[path = "keyed_tests.rs"]
mod tests;
