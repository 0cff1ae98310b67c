//! Invoices of trades with a kind of their own, and payment books of customs.

use std::collections::{HashMap, HashSet};

use super::support::*;
use crate::economy::industries::Document;

#[test]
fn every_kind_of_invoice_occurs_and_special_trades_stay_small() {
    let heads = table(&DEMO, "invoice");
    let mut counts: HashMap<String, usize> = HashMap::new();
    words(&heads, "kind").into_iter().for_each(|kind| *counts.entry(kind).or_default() += 1);
    let column = crate::schema::catalog().table("invoice").unwrap().column("kind").unwrap();
    assert_eq!(counts.len(), column.values.len(), "{counts:?}");
    for kind in ["vehicle", "used_car", "toll", "passenger", "customs"] {
        assert!(counts[kind] >= 5 && counts[kind] * 20 < heads.num_rows(), "{kind}: {counts:?}");
    }
}

#[test]
fn a_vehicle_has_an_invoice_of_its_own() {
    let (heads, lines) = (table(&DEMO, "invoice"), table(&DEMO, "invoice_line"));
    let (ids, quantities) = (words(&lines, "invoice_id"), cents(&lines, "quantity"));
    let rates = maybe_cents(&lines, "rate");
    let mut of: HashMap<&String, Vec<usize>> = HashMap::new();
    (0..ids.len()).for_each(|row| of.entry(&ids[row]).or_default().push(row));
    let (kinds, heads_ids) = (words(&heads, "kind"), words(&heads, "invoice_id"));
    let codes = texts(&heads, "invoice_code");
    for row in (0..kinds.len()).filter(|row| matches!(kinds[*row].as_str(), "vehicle" | "used_car")) {
        let own = &of[&heads_ids[row]];
        assert_eq!(own.len(), 1);
        assert!(quantities[own[0]].abs() <= 100_000_000, "{}", heads_ids[row]);
        assert_eq!(codes[row].as_deref(), Some(&heads_ids[row][..12]));
        if kinds[row] == "used_car" {
            assert_eq!(rates[own[0]], Some(50));
        }
    }
}

#[test]
fn dealers_and_travellers_get_the_right_kind() {
    let heads = table(&DEMO, "invoice");
    let world = DEMO.world();
    let parties: HashMap<&str, u32> = (0..world.traders()).map(|party| (world.id(party), party)).collect();
    let document = |id: &str| parties.get(id).map(|party| world.industry_of(*party).document);
    let (kinds, sellers, buyers) =
        (words(&heads, "kind"), words(&heads, "seller_id"), texts(&heads, "buyer_id"));
    let names = words(&heads, "seller_name");
    let mut dealt = 0;
    for row in 0..kinds.len() {
        let buyer = buyers[row].as_deref().and_then(document);
        match kinds[row].as_str() {
            "vehicle" => {
                assert_eq!(document(&sellers[row]), Some(Document::Vehicle));
                assert_ne!(buyer, Some(Document::Vehicle), "dealers give each other special invoices");
            }
            "used_car" => assert_eq!(document(&sellers[row]), Some(Document::UsedCar)),
            "toll" => assert_eq!(document(&sellers[row]), Some(Document::Toll)),
            "passenger" => {
                assert_eq!(document(&sellers[row]), Some(Document::Passenger));
                assert_eq!(buyer, None, "a traveller is a person");
            }
            "customs" => assert!(names[row].ends_with("海关")),
            _ => dealt += usize::from(document(&sellers[row]) == Some(Document::Vehicle)),
        }
    }
    assert!(dealt > 10, "{dealt}");
}

#[test]
fn payment_books_of_customs_are_what_was_declared_and_deducted() {
    let (heads, customs) = (table(&DEMO, "invoice"), table(&DEMO, "customs_declaration"));
    let (returns, claims) = (table(&DEMO, "vat_return"), table(&DEMO, "deduction_claim"));
    let sums = |rows: &arrow::array::RecordBatch, id: &str, tax: &str, wanted: &dyn Fn(usize) -> bool| {
        let (ids, periods) = (texts(rows, id), ints(rows, "period"));
        let taxes = maybe_cents(rows, tax);
        let mut found: HashMap<(String, i32), i64> = HashMap::new();
        for row in (0..ids.len()).filter(|row| wanted(*row) && taxes[*row].is_some_and(|tax| tax != 0)) {
            *found.entry((ids[row].clone().unwrap(), periods[row].unwrap())).or_default() +=
                taxes[row].unwrap();
        }
        found
    };
    let kinds = words(&heads, "kind");
    let directions = words(&customs, "direction");
    let paid = sums(&heads, "buyer_id", "tax", &|row| kinds[row] == "customs");
    assert!(paid.len() > 20, "{}", paid.len());
    assert_eq!(paid, sums(&customs, "taxpayer_id", "import_vat", &|row| directions[row] == "import"));
    assert_eq!(paid, sums(&returns, "taxpayer_id", "deducted_customs_tax", &|_| true));
    let claimed: HashSet<String> = words(&claims, "invoice_id").into_iter().collect();
    let ids = words(&heads, "invoice_id");
    assert!((0..ids.len()).filter(|row| kinds[*row] == "customs").all(|row| claimed.contains(&ids[row])));
}
