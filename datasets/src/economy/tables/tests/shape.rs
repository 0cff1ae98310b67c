//! What holds for every table: schema, codes, keys, order, months, and that rows do not depend on how they are asked.

use std::collections::HashSet;

use arrow::datatypes::DataType;
use rayon::prelude::*;

use super::{economy, parts, table};
use crate::economy::tables::SHAPES;
use crate::economy::{Cut, Economy, EconomySpec};
use crate::schema::{ColumnType, catalog};

#[test]
fn rows_have_the_canonical_schema_and_their_month() {
    for shape in SHAPES {
        let known = catalog().table(shape.table).unwrap();
        let by_month = matches!(shape.cut, Cut::OnceAMonth | Cut::FirmMonths(_) | Cut::PartyMonths(_));
        assert_eq!(
            known.period.is_some(),
            by_month,
            "{}: cut by month exactly when kept by month",
            shape.table
        );
        for part in parts(economy(), shape.table, 1_000) {
            for batch in economy().rows(&part).unwrap() {
                assert_eq!(batch.schema(), known.canonical_schema(), "{}", shape.table);
                assert!(batch.num_rows() > 0 && batch.num_rows() <= 250_000);
                if let Some(period) = part.period {
                    let column =
                        arrow::compute::cast(batch.column_by_name("period").unwrap(), &DataType::Int64);
                    let column = column.unwrap();
                    let column = arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(&column);
                    assert!(column.iter().all(|value| value == Some(i64::from(period))), "{}", shape.table);
                }
            }
        }
    }
}

#[test]
fn every_table_has_rows_with_allowed_codes_and_keys_of_their_own() {
    for shape in SHAPES {
        let rows = table(shape.table);
        assert!(rows.len() > 0, "{} is empty", shape.table);
        let mut keys = HashSet::new();
        for row in 0..rows.len() {
            let key: Vec<_> = rows.table.key.iter().map(|column| rows.sortable(column, row)).collect();
            assert!(keys.insert(key.clone()), "{}: key {key:?} stands twice", shape.table);
        }
        for column in rows.table.columns.iter().filter(|column| column.ty == ColumnType::Enum) {
            for row in 0..rows.len() {
                let code = rows.text(&column.name, row);
                assert!(
                    code.is_none_or(|code| column.allows(code)),
                    "{}.{}: {code:?}",
                    shape.table,
                    column.name
                );
            }
        }
    }
}

#[test]
fn rows_stand_in_the_order_of_firms_and_sort_columns() {
    for shape in SHAPES {
        let rows = table(shape.table);
        let by_firm = rows.table.bucket_by.is_some();
        let place = |row: usize| {
            let month = rows.table.period.is_some().then(|| rows.number("period", row));
            let firm = by_firm.then(|| rows.firm(row));
            let sort: Vec<_> = rows.table.sort.iter().map(|column| rows.sortable(column, row)).collect();
            (month, firm, sort)
        };
        let mut before = place(0);
        for row in 1..rows.len() {
            let now = place(row);
            assert!(before <= now, "{} row {row}: {now:?} after {before:?}", shape.table);
            before = now;
        }
    }
}

#[test]
fn rows_do_not_depend_on_threads_or_the_order_of_asking() {
    let spec = EconomySpec { taxpayers: 400, months: 9, start: 202_508, ..EconomySpec::default() };
    let whole = |threads: usize, backwards: bool| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let economy = Economy::build(&spec).unwrap();
            let mut all: Vec<_> =
                SHAPES.iter().flat_map(|shape| parts(&economy, shape.table, 150)).enumerate().collect();
            if backwards {
                all.reverse();
            }
            let rows = all.par_iter().map(|(at, part)| (*at, economy.rows(part).unwrap()));
            let mut rows: Vec<_> = rows.collect();
            rows.sort_by_key(|(at, _)| *at);
            rows
        })
    };
    assert_eq!(whole(1, false), whole(3, true));
}

#[test]
fn rows_do_not_depend_on_the_memory_there_is() {
    let spec = EconomySpec { taxpayers: 150, months: 8, start: 202_508, ..EconomySpec::default() };
    let whole = |budget: Option<usize>| {
        let mut economy = Economy::build(&spec).unwrap();
        economy.cache.budget = budget.unwrap_or(economy.cache.budget);
        let parts = SHAPES.iter().flat_map(|shape| parts(&economy, shape.table, 70));
        let rows: Vec<_> = parts.map(|part| economy.rows(&part).unwrap()).collect();
        (rows, economy.cache.bytes().len())
    };
    let (all, some, none) = (whole(None), whole(Some(80_000)), whole(Some(1)));
    assert!(all.1 == some.1 && all.0 == some.0, "with several families");
    assert!(all.0 == none.0, "with nothing kept at all");
}

#[test]
fn parts_of_any_cut_give_the_same_rows() {
    for shape in SHAPES {
        let of = |chunk| {
            let parts = parts(economy(), shape.table, chunk);
            super::Frame::new(shape.table, parts.iter().flat_map(|part| economy().rows(part).unwrap()))
        };
        let (one, many) = (of(u32::MAX / 2), of(333));
        assert_eq!(one.len(), many.len(), "{}", shape.table);
        if one.table.period.is_some() || matches!(shape.cut, Cut::Firms(_)) {
            let texts = |frame: &super::Frame| -> Vec<_> {
                (0..frame.len())
                    .map(|row| {
                        frame
                            .table
                            .columns
                            .iter()
                            .map(|column| frame.sortable(&column.name, row))
                            .collect::<Vec<_>>()
                    })
                    .collect()
            };
            assert!(texts(&one) == texts(&many), "{}", shape.table);
        }
    }
}

#[test]
fn corrected_returns_have_an_earlier_version() {
    let last = table("vat_return");
    let mut filed = std::collections::HashMap::new();
    for row in 0..last.len() {
        filed.insert((last.firm(row), last.get("period", row)), last.get("filed_on", row));
    }
    let parts = parts(economy(), "vat_return", u32::MAX / 2);
    let first =
        super::Frame::new("vat_return", parts.iter().flat_map(|part| economy().superseded(part).unwrap()));
    assert!(first.len() > 0);
    for row in 0..first.len() {
        let corrected = filed[&(first.firm(row), first.get("period", row))];
        assert!(first.get("filed_on", row) < corrected);
    }
}
