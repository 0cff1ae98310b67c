//! Which rollups there are, and which of their units are stale.
//!
//! A unit of a rollup is a month and a bucket of its own key. One on the seller's side depends on the invoice unit
//! of the same month and bucket; one on the buyer's side on all invoice units of its month, as buyers are spread over
//! all of them. `source` files are named in each rollup unit's file name by a fingerprint, so that staleness is read
//! from the log without opening anything.

use std::collections::{BTreeMap, BTreeSet};

use crate::warehouse::{TableFiles, UnitFile};

/// Which units of `invoice` a unit depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The same month and bucket.
    Seller,
    /// The same month, all buckets.
    Buyer,
}

/// One rollup.
#[derive(Debug, Clone, Copy)]
pub struct Rollup {
    /// Table.
    pub name: &'static str,
    /// Its SELECT.
    pub sql: &'static str,
    /// Its party key, first in its order.
    pub key: &'static str,
    /// Further columns of its order.
    pub then: &'static [&'static str],
    /// Units it depends on.
    pub side: Side,
}

/// All rollups.
pub const ROLLUPS: [Rollup; 3] = [
    Rollup {
        name: "rollup_sold",
        sql: include_str!("../../../sql/rollups/rollup_sold.sql"),
        key: "taxpayer_key",
        then: &[],
        side: Side::Seller,
    },
    Rollup {
        name: "rollup_bought",
        sql: include_str!("../../../sql/rollups/rollup_bought.sql"),
        key: "taxpayer_key",
        then: &[],
        side: Side::Buyer,
    },
    Rollup {
        name: "rollup_trade",
        sql: include_str!("../../../sql/rollups/rollup_trade.sql"),
        key: "seller_key",
        then: &["buyer_key"],
        side: Side::Seller,
    },
];

/// A group of units of one rollup that are built from the same invoice units.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Month.
    pub period: i32,
    /// Bucket of the invoices; `None`: all of the month.
    pub bucket: Option<i32>,
}

/// Fingerprint of what a rollup is built from: the SQL and the invoice files.
pub fn fingerprint(rollup: &Rollup, files: &[&UnitFile]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(rollup.sql.as_bytes());
    for file in files {
        hasher.update(file.path.as_bytes());
        hasher.update(&[0]);
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

/// What must be done for one rollup.
#[derive(Debug, Default)]
pub struct Stale {
    /// Sources to build again, with their fingerprint and invoice files.
    pub sources: BTreeMap<Source, (String, Vec<UnitFile>)>,
    /// Rollup files to remove.
    pub old: Vec<UnitFile>,
    /// Rollup units that stay.
    pub kept: usize,
}

/// Compares a rollup with the invoices it should be built from.
pub fn stale(rollup: &Rollup, invoices: &TableFiles, present: Option<&TableFiles>) -> Stale {
    let mut sources: BTreeMap<Source, Vec<&UnitFile>> = BTreeMap::new();
    for file in &invoices.files {
        let Some(period) = file.period else { continue };
        let bucket = if rollup.side == Side::Seller { file.bucket } else { None };
        sources.entry(Source { period, bucket }).or_default().push(file);
    }
    let mut found = Stale::default();
    let mut current: BTreeSet<String> = BTreeSet::new();
    let prints: BTreeMap<Source, String> =
        sources.iter().map(|(s, f)| (s.clone(), fingerprint(rollup, f))).collect();
    let present = present.map(|p| p.files.as_slice()).unwrap_or_default();
    for file in present {
        let print = file.made_from();
        if prints.values().any(|p| p == print) {
            current.insert(print.to_owned());
            found.kept += 1;
        } else {
            found.old.push(file.clone());
        }
    }
    for (source, files) in sources {
        let print = &prints[&source];
        if !current.contains(print) {
            found.sources.insert(source, (print.clone(), files.into_iter().cloned().collect()));
        }
    }
    found
}
