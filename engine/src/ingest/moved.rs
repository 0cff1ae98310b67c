//! Keys that move between units: a corrected row may arrive with another month or seller than the row it corrects, and
//! a key must live in one unit only.
//!
//! Every arriving row's key hash and unit are kept until the load is written: 20 bytes a row, in shards by hash, so
//! that growing and sorting never copy more than one shard.

use std::collections::HashMap;

use ahash::AHashSet;
use rayon::prelude::*;

use super::stage::KeyHash;
use crate::warehouse::UnitKey;
use crate::{EngineError, Result};

const SHARD_BITS: u32 = 6;

/// The keys of one unit whose rows must go.
pub type Moved = HashMap<UnitKey, AHashSet<KeyHash>>;

/// Every arriving row's key and unit, in order of arrival.
#[derive(Default)]
pub struct KeyLog {
    shards: Vec<Shard>,
}

#[derive(Default)]
struct Shard {
    /// Two halves, because a `u128` is aligned to 16 bytes.
    hashes: Vec<[u64; 2]>,
    units: Vec<u32>,
}

fn halves(hash: KeyHash) -> [u64; 2] {
    // Truncation is meant: the two halves.
    [(hash >> 64) as u64, hash as u64]
}

fn shard_of(halves: [u64; 2]) -> usize {
    usize::try_from(halves[0] >> (64 - SHARD_BITS)).unwrap_or(0)
}

impl KeyLog {
    /// Notes rows by key hash and number of their unit.
    pub fn extend(&mut self, hashes: &[KeyHash], units: &[u32]) {
        if self.shards.is_empty() {
            self.shards.resize_with(1 << SHARD_BITS, Shard::default);
        }
        for (hash, unit) in hashes.iter().zip(units) {
            let hash = halves(*hash);
            let shard = &mut self.shards[shard_of(hash)];
            shard.hashes.push(hash);
            shard.units.push(*unit);
        }
    }

    /// Every key noted so far.
    pub fn hashes(&self) -> AHashSet<KeyHash> {
        let halves = self.shards.iter().flat_map(|s| &s.hashes);
        halves.map(|[high, low]| (u128::from(*high) << 64) | u128::from(*low)).collect()
    }

    /// In which unit each arriving key lives from now on; `units` are those noted, by number.
    pub fn homes(self, units: &[UnitKey]) -> Result<Homes> {
        let orders = self.shards.par_iter().map(Shard::order).collect::<Result<_>>()?;
        Ok(Homes { log: self, units: units.to_vec(), orders })
    }
}

/// In which unit each arriving key lives from now on: that of its newest version.
pub struct Homes {
    log: KeyLog,
    units: Vec<UnitKey>,
    /// Of each shard, its rows by key and then by arrival.
    orders: Vec<Vec<u32>>,
}

impl Homes {
    /// For each unit the keys that arrive there and, in a newer version, in another.
    pub fn earlier(&self) -> Moved {
        let shards = self.log.shards.par_iter().zip(&self.orders);
        let found: Vec<Vec<(u32, KeyHash)>> = shards.map(|(shard, order)| shard.moved(order)).collect();
        let mut moved = Moved::new();
        for (unit, hash) in found.into_iter().flatten() {
            moved.entry(self.units[unit as usize]).or_default().insert(hash);
        }
        moved
    }

    /// Those of the keys stored in `here` that live elsewhere from now on.
    pub fn away(&self, here: UnitKey, stored: &[KeyHash]) -> Vec<KeyHash> {
        let lives_elsewhere = |hash: &&KeyHash| {
            let halves = halves(**hash);
            let shard = shard_of(halves);
            let home = self.orders.get(shard).and_then(|order| self.log.shards[shard].home(order, halves));
            home.is_some_and(|unit| self.units[unit as usize] != here)
        };
        stored.iter().filter(lives_elsewhere).copied().collect()
    }
}

impl Shard {
    /// Rows sorted by key, then by arrival.
    fn order(&self) -> Result<Vec<u32>> {
        let rows = u32::try_from(self.hashes.len())
            .map_err(|_| EngineError::input("too many rows in one load; load fewer files at a time"))?;
        let mut order: Vec<u32> = (0..rows).collect();
        order.sort_unstable_by_key(|row| (self.hashes[*row as usize], *row));
        Ok(order)
    }

    /// (unit, key) of rows whose key's newest version arrived in another unit.
    fn moved(&self, order: &[u32]) -> Vec<(u32, KeyHash)> {
        let mut moved = Vec::new();
        for same in order.chunk_by(|a, b| self.hashes[*a as usize] == self.hashes[*b as usize]) {
            let [earlier @ .., newest] = same else { continue };
            // The newest version's unit is the key's home; it may have been away and come back.
            let home = self.units[*newest as usize];
            let [high, low] = self.hashes[*newest as usize];
            let hash = (u128::from(high) << 64) | u128::from(low);
            let away = earlier.iter().map(|row| self.units[*row as usize]).filter(|unit| *unit != home);
            moved.extend(away.map(|unit| (unit, hash)));
        }
        moved
    }

    /// The unit in which the newest version of a key arrived.
    fn home(&self, order: &[u32], hash: [u64; 2]) -> Option<u32> {
        let after = order.partition_point(|row| self.hashes[*row as usize] <= hash);
        let newest = *order.get(after.checked_sub(1)?)? as usize;
        (self.hashes[newest] == hash).then(|| self.units[newest])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn unit(period: i32) -> UnitKey {
        UnitKey { period: Some(period), bucket: Some(0) }
    }

    #[test]
    fn a_key_lives_where_it_last_arrived() {
        let arriving = [(1, 1), (1, 2), (2, 1), (3, 1), (3, 2), (3, 1)];
        let mut log = KeyLog::default();
        for (hash, unit) in arriving {
            log.extend(&[hash], &[unit]);
        }
        let homes = log.homes(&[unit(0), unit(1), unit(2)]).unwrap();
        let moved = homes.earlier();
        assert_eq!(moved[&unit(1)], AHashSet::from_iter([1]));
        assert_eq!(moved[&unit(2)], AHashSet::from_iter([3]));
        assert_eq!(homes.away(unit(7), &[2, 9]), [2]);
        assert_eq!(homes.away(unit(1), &[2]), [0; 0]);
    }
}
