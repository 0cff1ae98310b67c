//! The night after a change: what did not change is not asked for again, and nobody can tell from the results.

use std::collections::BTreeSet;

use assay_datasets::economy::write_csv;

use crate::support::{Place, assay, small_economy, tool};

/// Results of the last scan of a warehouse, in no particular order.
fn results(place: &Place, warehouse: &str) -> Vec<Vec<String>> {
    let query = |table: &&str| {
        let sql = format!("select * from {table}");
        let out = assay(&place.path(""), &["-w", warehouse, "sql", "--format", "csv", &sql]).ok().out;
        let mut lines: Vec<String> = out.lines().map(str::to_owned).collect();
        lines.sort();
        assert!(lines.len() > 20, "{table} has few rows");
        lines
    };
    ["hit", "score", "scan_indicator", "task_item"].iter().map(query).collect()
}

fn kept(place: &Place) -> BTreeSet<String> {
    let files = std::fs::read_dir(place.path("wh/.sources")).unwrap();
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_night_gives_what_a_scan_from_scratch_gives() {
    let place = Place::new();
    let tables = [
        "office",
        "taxpayer",
        "invoice",
        "invoice_line",
        "deduction_claim",
        "vat_return",
        "payroll",
        "electricity",
        "bank_flow",
        "social_insurance",
        "cit_return",
    ];
    write_csv(small_economy(), &place.path("files"), &tables).unwrap();
    for table in tables.iter().filter(|table| **table != "invoice") {
        place.run(&["ingest", table, &format!("files/{table}*.csv")]).ok();
    }
    let mut months: Vec<_> = std::fs::read_dir(place.path("files"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("invoice_2"))
        .collect();
    months.sort();
    let last = months.pop().unwrap();
    // All invoices but those of the last day of the last month.
    let text = std::fs::read_to_string(place.path(&format!("files/{last}"))).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let at = header.split(',').position(|column| column == "issued_at").unwrap();
    let day = |row: &&str| row.split(',').nth(at).unwrap()[..10].to_owned();
    let latest = rows.lines().map(|row| day(&row)).max().unwrap();
    let (late, early): (Vec<&str>, Vec<&str>) = rows.lines().partition(|row| day(row) == latest);
    assert!(!late.is_empty() && early.len() > late.len());
    place.file("early.csv", format!("{header}\n{}\n", early.join("\n")));
    place.file("late.csv", format!("{header}\n{}\n", late.join("\n")));
    for month in &months {
        place.run(&["ingest", "invoice", &format!("files/{month}")]).ok();
    }
    place.run(&["ingest", "invoice", "early.csv"]).ok();
    place.run(&["scan"]).ok();
    let before = kept(&place);

    place.run(&["ingest", "invoice", "late.csv"]).ok();
    if tool("cp", &["-r", "wh", "scratch"], &place.path("")).is_none() {
        return;
    }
    std::fs::remove_dir_all(place.path("scratch/.sources")).unwrap();
    place.run(&["scan"]).ok();
    assay(&place.path(""), &["-w", "scratch", "scan"]).ok();
    assert_eq!(results(&place, "wh"), results(&place, "scratch"));

    // Some were asked for anew, and most were not.
    let after = kept(&place);
    let (new, all) = (after.difference(&before).count(), before.len());
    assert!(new > 5 && new * 3 < all * 2, "{new} of {all} sources were asked for anew");
    // A source cut short is asked for anew, not believed.
    for name in &after {
        let path = place.path(&format!("wh/.sources/{name}"));
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    }
    place.run(&["scan", "--force"]).ok();
    assert_eq!(results(&place, "wh"), results(&place, "scratch"));
}
