//! Which rollups there are, and which of their units are stale.
//!
//! A unit of a rollup is a month and a bucket of its own key. One on the seller's side depends on the unit of its base (invoices, or their
//! lines) of the same month and bucket; one on the buyer's side on all units of its month, as buyers are spread over
//! all of them. `source` files are named in each rollup unit's file name by a fingerprint, so that staleness is read
//! from the log without opening anything.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::{DataType, Field};

use crate::warehouse::{TableFiles, TableSpec, UnitFile};

/// What rollups are built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// Table.
    pub table: &'static str,
    /// The columns its rollups may read; `period` and `seller_key` come first.
    pub columns: &'static [&'static str],
}

/// Invoices.
pub const INVOICE: Base = Base {
    table: "invoice",
    columns: &[
        "period",
        "seller_key",
        "buyer_key",
        "issued_at",
        "amount",
        "tax",
        "total",
        "status",
        "kind",
        "original_invoice_id",
    ],
};

/// Their lines.
pub const INVOICE_LINE: Base = Base {
    table: "invoice_line",
    columns: &[
        "period",
        "seller_key",
        "buyer_key",
        "goods_code",
        "rate",
        "preference",
        "amount",
        "tax",
        "quantity",
        "unit",
    ],
};

/// All bases.
pub const BASES: [Base; 2] = [INVOICE, INVOICE_LINE];

/// Which units of its base a unit depends on.
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
    /// What it is built from.
    pub base: Base,
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
pub const ROLLUPS: [Rollup; 5] = [
    Rollup {
        name: "rollup_sold",
        base: INVOICE,
        sql: include_str!("../../../sql/rollups/rollup_sold.sql"),
        key: "taxpayer_key",
        then: &[],
        side: Side::Seller,
    },
    Rollup {
        name: "rollup_bought",
        base: INVOICE,
        sql: include_str!("../../../sql/rollups/rollup_bought.sql"),
        key: "taxpayer_key",
        then: &[],
        side: Side::Buyer,
    },
    Rollup {
        name: "rollup_trade",
        base: INVOICE,
        sql: include_str!("../../../sql/rollups/rollup_trade.sql"),
        key: "seller_key",
        then: &["buyer_key"],
        side: Side::Seller,
    },
    Rollup {
        name: "rollup_goods_sold",
        base: INVOICE_LINE,
        sql: include_str!("../../../sql/rollups/rollup_goods_sold.sql"),
        key: "taxpayer_key",
        then: &["goods_code", "rate", "preference"],
        side: Side::Seller,
    },
    Rollup {
        name: "rollup_goods_bought",
        base: INVOICE_LINE,
        sql: include_str!("../../../sql/rollups/rollup_goods_bought.sql"),
        key: "taxpayer_key",
        then: &["goods_code"],
        side: Side::Buyer,
    },
];

/// The rollups of lines as stored: a warehouse without lines has them too, empty, for scans read them all the same.
pub fn goods_specs() -> Vec<TableSpec> {
    let key =
        [("taxpayer_key", DataType::Int64), ("period", DataType::Int32), ("goods_code", DataType::Utf8)];
    let sold = [("rate", DataType::Decimal128(6, 4)), ("preference", DataType::Utf8)];
    let sum = DataType::Decimal128(28, 2);
    let figures = |side: &str, names: &[&str]| -> Vec<Field> {
        let kind = |name: &str| if name.ends_with('n') { DataType::Int64 } else { sum.clone() };
        names.iter().map(|name| Field::new(format!("goods_{side}_{name}"), kind(name), true)).collect()
    };
    let spec = |name: &str, columns: Vec<(&str, DataType)>, figures: Vec<Field>| {
        let order: Vec<&str> =
            columns.iter().map(|(name, _)| *name).filter(|name| *name != "period").collect();
        let mut fields: Vec<Field> =
            columns.into_iter().map(|(name, kind)| Field::new(name, kind, true)).collect();
        fields.extend(figures);
        fields.push(Field::new("bucket", DataType::Int32, false));
        let mut spec = TableSpec::appended(name, &order, fields);
        spec.partition_by = vec!["period".into(), "bucket".into()];
        spec
    };
    let (common, own) = (["n", "amount", "tax"], ["own_n", "own_amount"]);
    vec![
        spec(
            "rollup_goods_sold",
            key.iter().cloned().chain(sold).collect(),
            figures("sold", &[&common[..], &own, &["bare_n"]].concat()),
        ),
        spec("rollup_goods_bought", key.to_vec(), figures("bought", &[&common[..], &own].concat())),
    ]
}

/// A group of units of one rollup that are built from the same units of the base.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Month.
    pub period: i32,
    /// Bucket of the base; `None`: all of the month.
    pub bucket: Option<i32>,
}

/// Fingerprint of what a rollup is built from: the SQL and the files of its base.
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
    /// Sources to build again, with their fingerprint and files of the base.
    pub sources: BTreeMap<Source, (String, Vec<UnitFile>)>,
    /// Rollup files to remove.
    pub old: Vec<UnitFile>,
    /// Rollup units that stay.
    pub kept: usize,
}

/// Compares a rollup with the base it should be built from.
pub fn stale(rollup: &Rollup, base: &TableFiles, present: Option<&TableFiles>) -> Stale {
    let mut sources: BTreeMap<Source, Vec<&UnitFile>> = BTreeMap::new();
    for file in &base.files {
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
