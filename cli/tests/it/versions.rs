//! Rows that come again: exact copies are counted, later versions replace, and what was read is always accounted for.

use crate::support::{Place, SELLER, invoice, invoices};

/// The counts of the newest load: read, kept, replaced, duplicate, rejected.
fn last_load(place: &Place) -> String {
    place.sql(
        "select rows_read, rows_kept, rows_replaced, rows_duplicate, rows_rejected from ingest_batch \
         where ingested_at = (select max(ingested_at) from ingest_batch)",
    )
}

fn stored(place: &Place) -> String {
    place.sql("select invoice_id, period, amount, _file, _row from invoice order by invoice_id")
}

#[test]
fn a_later_version_replaces_an_earlier_one_and_copies_are_counted() {
    let place = Place::new();
    let first = [
        invoice("A", "2020-01-05", "1.00"),
        invoice("B", "2020-01-06", "2.00"),
        invoice("C", "2020-01-07", "3.00"),
    ];
    place.file("first.csv", invoices(&first));
    place.run(&["ingest", "invoice", "first.csv"]).ok();
    assert_eq!(last_load(&place), "3,3,0,0,0\n");

    let second = [
        invoice("C", "2020-01-07", "3.00"),
        invoice("A", "2020-01-05", "1.50"),
        invoice("B", "2020-02-06", "2.00"),
        invoice("D", "2020-02-07", "4.00"),
    ];
    place.file("second.csv", invoices(&second));
    place.run(&["ingest", "invoice", "second.csv"]).ok();
    assert_eq!(last_load(&place), "4,3,2,1,0\n");
    let after = "A,202001,1.50,second.csv,3\nB,202002,2.00,second.csv,4\nC,202001,3.00,first.csv,4\nD,202002,4.00,second.csv,5\n";
    assert_eq!(stored(&place), after);
    let replaced = "select r.invoice_id, r.period, r.amount, r._file, r._row, f.file from replaced.invoice r \
                    join ingest_file f on f.batch = r.replaced_by order by 1";
    assert_eq!(
        place.sql(replaced),
        "A,202001,1.00,first.csv,2,second.csv\nB,202001,2.00,first.csv,3,second.csv\n"
    );
    let duplicate = "select table_name, row_key, kept_file, kept_row, _file, _row from duplicate_row";
    assert_eq!(place.sql(duplicate), "invoice,C,first.csv,4,second.csv,2\n");
}

#[test]
fn a_correction_moves_an_invoice_to_another_month_and_back() {
    let place = Place::new();
    for (file, day) in [("1.csv", "2020-01-31"), ("2.csv", "2020-02-01"), ("3.csv", "2020-01-31")] {
        // The neighbour keeps the month's unit in being.
        place.file(
            file,
            invoices(&[invoice("A", day, file.trim_end_matches(".csv")), invoice("N", "2020-01-02", "9")]),
        );
        place.run(&["ingest", "invoice", file]).ok();
    }
    assert_eq!(stored(&place), "A,202001,3.00,3.csv,2\nN,202001,9.00,1.csv,3\n");
    assert_eq!(place.number("select count(*) from invoice where period = 202002"), 0);
    assert_eq!(last_load(&place), "2,1,1,1,0\n");
    // What was built from the months follows.
    place.run(&["scan", "--as-of", "202001"]).ok();
    assert_eq!(place.sql("select period, sold_n, sold_amount from rollup_sold"), "202001,2,12.00\n");
}

#[test]
fn the_last_of_several_versions_in_one_file_counts() {
    let place = Place::new();
    let rows = [
        invoice("A", "2020-01-05", "1.00"),
        invoice("A", "2020-01-05", "1.00"),
        invoice("A", "2020-03-05", "2.00"),
        invoice("A", "2020-01-05", "3.00"),
        invoice("B", "2020-01-05", "1.00"),
    ];
    place.file("a.csv", invoices(&rows));
    place.run(&["ingest", "invoice", "a.csv"]).ok();
    assert_eq!(stored(&place), "A,202001,3.00,a.csv,5\nB,202001,1.00,a.csv,6\n");
    let counts = last_load(&place);
    let [read, kept, replaced, duplicate, rejected] =
        counts.trim().split(',').map(|n| n.parse().unwrap()).collect::<Vec<i64>>()[..]
    else {
        panic!("{counts}")
    };
    assert_eq!((read, rejected), (5, 0));
    assert_eq!(kept + duplicate, read);
    assert_eq!(replaced + duplicate, 3, "of five rows two are left: {counts}");
    // What never was in the table is kept as well.
    assert_eq!(place.sql("select amount, _row from replaced.invoice order by _row"), "1.00,2\n2.00,4\n");
}

#[test]
fn a_registration_gives_way_to_a_later_one_only() {
    let place = Place::new();
    let register = |name: &str, from: &str| format!("taxpayer_id,name,valid_from\n{SELLER},{name},{from}\n");
    for (file, name, from) in [
        ("1.csv", "甲", "2020-01-01"),
        ("2.csv", "乙", "2022-01-01"),
        ("3.csv", "丙", "2021-01-01"),
        ("4.csv", "丁", "2022-01-01"),
    ] {
        place.file(file, register(&format!("{name}公司"), from));
        place.run(&["ingest", "taxpayer", file]).ok();
        if file == "3.csv" {
            assert_eq!(place.sql("select name from taxpayer"), "乙公司\n");
        }
    }
    assert_eq!(
        place.sql("select name, _file from replaced.taxpayer order by replaced_at"),
        "甲公司,1.csv\n丙公司,3.csv\n乙公司,2.csv\n"
    );
    assert_eq!(place.number("select count(*) from replaced.invoice"), 0);
    // Of two with the same date the one that came later counts.
    assert_eq!(place.sql("select name, valid_from from taxpayer"), "丁公司,2022-01-01\n");
}

#[test]
fn the_same_content_again_changes_nothing() {
    let place = Place::new();
    let text = invoices(&[invoice("A", "2020-01-05", "1.00"), format!("B,x,{SELLER},,1,valid")]);
    place.file("a.csv", &text);
    place.run(&["ingest", "invoice", "a.csv"]).code(3);
    let before = place.state();
    let again = place.run(&["ingest", "invoice", "a.csv"]).ok();
    assert!(again.says("a.csv: already loaded in batch").out.is_empty());
    // Its content decides, not its name.
    place.file("b.csv", &text);
    place.run(&["ingest", "invoice", "b.csv"]).ok().says("b.csv: already loaded in batch");
    assert_eq!(place.state(), before);
    // A file that differs is another file: its equal rows are duplicates, and no unit is written again.
    place.file("c.csv", format!("{text}\n"));
    place.run(&["ingest", "invoice", "c.csv"]).code(3);
    assert_eq!(last_load(&place), "2,0,0,1,1\n");
    assert_eq!(place.sql("select units_written from ingest_batch order by ingested_at"), "1\n0\n");
}

#[test]
fn several_files_in_one_load_are_one_batch_in_the_order_named() {
    let place = Place::new();
    place.file("z.csv", invoices(&[invoice("A", "2020-01-05", "1.00")]));
    place.file("a.csv", invoices(&[invoice("A", "2020-01-05", "2.00")]));
    place.run(&["ingest", "invoice", "z.csv", "a.csv"]).ok();
    assert_eq!(stored(&place), "A,202001,2.00,a.csv,2\n");
    assert_eq!(place.sql("select count(distinct batch), count(*) from ingest_file"), "1,2\n");
    assert_eq!(place.sql("select table_name, files from ingest_batch"), "invoice,2\n");
}
