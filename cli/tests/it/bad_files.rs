//! Files that cannot be used as a whole: an error that names the file and the remedy, exit code 1, nothing loaded.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::{
    BUYER, HEADER, Place, Run, SELLER, gb18030, invoice, invoices, small_economy, tool, write_files,
};

/// Columns of the files of the real set.
const REAL_HEADER: &str = "企业代号,发票号码,开票日期,销方单位代号,金额,税额,价税合计,发票状态";

/// A load that must fail with this message, in a warehouse that must stay as it is.
#[track_caller]
fn refused(place: &Place, args: &[&str], message: &str) -> Run {
    let before = place.state();
    let run = place.run(&[&["ingest"], args].concat()).code(1).says(message);
    assert!(run.err.starts_with("error: "), "{}", run.err);
    assert_eq!(run.err.lines().filter(|l| l.starts_with("error: ")).count(), 1, "{}", run.err);
    assert_eq!(run.out, "");
    assert_eq!(place.state(), before, "something was written");
    run
}

#[test]
fn a_missing_column() {
    let place = Place::with_an_invoice();
    place.file("missing.csv", format!("invoice_id,issued_at,buyer_id,amount\nA,2020-01-05,{BUYER},1.00\n"));
    let run = refused(&place, &["invoice", "missing.csv"], "missing.csv: missing column seller_id, status");
    assert!(run.err.contains("the file has: invoice_id, issued_at, buyer_id, amount."), "{}", run.err);
}

#[test]
fn a_missing_column_of_a_mapping() {
    let place = Place::with_an_invoice();
    let name = "附件2_进项发票信息.csv";
    let columns = REAL_HEADER.replace("金额", "价款");
    let Some(bytes) = gb18030(&place, &format!("{columns}\nE124,1,2017/9/1,A1,1,0.1,1.1,有效发票\n"))
    else {
        return;
    };
    place.file(name, bytes);
    let args = ["all", "--mapping", "cumcm2020c", name];
    let run = refused(&place, &args, "附件2_进项发票信息.csv: missing column");
    assert!(
        run.err.contains("the file has: 企业代号, 发票号码, 开票日期, 销方单位代号, 价款, 税额"),
        "{}",
        run.err
    );
    assert!(run.err.contains("cumcm2020c.2.received"), "{}", run.err);
}

#[test]
fn a_repeated_column() {
    let place = Place::with_an_invoice();
    place.file("twice.csv", format!("{HEADER},amount\n{},2.00\n", invoice("A", "2020-01-05", "1.00")));
    refused(
        &place,
        &["invoice", "twice.csv"],
        "twice.csv: column amount stands twice in the header (columns 5 and 7)",
    );
}

#[test]
fn a_wrong_encoding_stated() {
    let place = Place::with_an_invoice();
    let name = "附件2_进项发票信息.csv";
    let Some(bytes) = gb18030(&place, &format!("{REAL_HEADER}\nE124,1,2017/9/1,A1,1,0.1,1.1,有效发票\n"))
    else {
        return;
    };
    place.file(name, bytes);
    let args = ["all", "--mapping", "cumcm2020c", "--encoding", "utf-8", name];
    refused(&place, &args, "附件2_进项发票信息.csv: the header is not utf-8 text");
    let args = ["all", "--mapping", "cumcm2020c", "--encoding", "latin1", name];
    refused(&place, &args, "unknown encoding latin1; use utf-8, gb18030");
    // As it is, it loads.
    place.run(&["ingest", "all", "--mapping", "cumcm2020c", name]).ok();
    assert_eq!(place.number("select count(*) from invoice where _source = 'cumcm2020c.2.received'"), 1);
}

#[test]
fn a_truncated_gzip() {
    let place = Place::with_an_invoice();
    write_files(&place, small_economy());
    let Some(packed) = tool("gzip", &["-c", "files/invoice_202511.csv"], &place.path("")) else { return };
    // Cut late, so that many rows were read before; cut early, so that none was.
    for kept in [packed.len() - 4, packed.len() / 2, 30] {
        place.file("cut.csv.gz", &packed[..kept]);
        refused(
            &place,
            &["invoice", "cut.csv.gz"],
            "cut.csv.gz: it ends too early: the file is truncated; ask for it again",
        );
    }
    place.file("whole.csv.gz", &packed);
    place.run(&["ingest", "invoice", "whole.csv.gz"]).ok();
}

#[test]
fn an_empty_file() {
    let place = Place::with_an_invoice();
    place.file("empty.csv", "");
    refused(&place, &["invoice", "empty.csv"], "empty.csv is empty (0 bytes); ask for the file again");
    place.file("blank.csv", "\n\n");
    refused(&place, &["invoice", "blank.csv"], "blank.csv is empty; ask for the file again");
    if let Some(packed) = tool("gzip", &["-c", "empty.csv"], &place.path("")) {
        place.file("empty.csv.gz", packed);
        refused(&place, &["invoice", "empty.csv.gz"], "empty.csv.gz is empty; ask for the file again");
    }
}

/// A header without rows is a month in which nothing happened: no error, and on record.
#[test]
fn a_file_with_a_header_only() {
    let place = Place::with_an_invoice();
    place.file("header.csv", format!("{HEADER}\n"));
    place.run(&["ingest", "invoice", "header.csv"]).ok();
    assert_eq!(
        place.sql("select file, rows_read from ingest_file where file = 'header.csv'"),
        "header.csv,0\n"
    );
    assert_eq!(place.number("select count(*) from invoice"), 1);
    place.run(&["ingest", "invoice", "header.csv"]).ok().says("header.csv: already loaded");
}

#[test]
fn a_workbook_without_the_sheet() {
    let place = Place::new();
    write_files(&place, small_economy());
    place.run(&["ingest", "taxpayer", "files/taxpayer.csv"]).ok();
    place.run(&["ingest", "invoice", "files/invoice_*.csv"]).ok();
    place.run(&["scan"]).ok();
    // A workbook at hand that is not the one asked for: a task list.
    place.run(&["tasks", "open"]).ok();
    place.run(&["tasks", "dispatch", "--to", "lists"]).ok();
    let list = std::fs::read_dir(place.path("lists")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(list.extension().unwrap(), "xlsx");
    std::fs::copy(&list, place.path("附件1x.xlsx")).unwrap();
    let args = ["invoice", "--mapping", "cumcm2020c", "附件1x.xlsx"];
    let run = refused(&place, &args, "附件1x.xlsx has no sheet 进项发票信息; its sheets are ");
    assert!(run.err.contains("任务"), "the sheets it has are named: {}", run.err);
    refused(&place, &["invoice", "--sheet", "Sheet1", "附件1x.xlsx"], "附件1x.xlsx has no sheet Sheet1");
}

#[test]
fn a_file_that_is_not_what_its_name_says() {
    let place = Place::with_an_invoice();
    for (name, message) in [
        ("fake.csv.gz", "fake.csv.gz: it is damaged (invalid gzip header); ask for it again"),
        ("fake.csv.zst", "fake.csv.zst: it is damaged"),
        ("fake.zip", "fake.zip is not a readable zip archive"),
        ("fake.xlsx", "fake.xlsx cannot be read as a workbook"),
        ("fake.parquet", "fake.parquet cannot be read as Parquet"),
    ] {
        place.file(name, invoices(&[invoice("A", "2020-01-05", "1.00")]));
        refused(&place, &["invoice", name], message);
    }
}

#[test]
fn no_such_file_a_folder_and_a_pattern_that_fits_nothing() {
    let place = Place::with_an_invoice();
    std::fs::create_dir(place.path("inbox")).unwrap();
    refused(&place, &["invoice", "nowhere.csv"], "nowhere.csv: no such file");
    refused(&place, &["invoice", "inbox/*.csv"], "inbox/*.csv: no such file");
    refused(&place, &["invoice", "inbox"], "inbox is a folder; name its files, for example inbox/*.csv");
}

/// One bad file among good ones: none of them is loaded.
#[test]
fn a_bad_file_keeps_the_good_ones_out() {
    let place = Place::with_an_invoice();
    place.file("a.csv", invoices(&[invoice("A", "2020-01-05", "1.00")]));
    place.file("b.csv", "invoice_id\nB\n");
    refused(&place, &["invoice", "a.csv", "b.csv"], "b.csv: missing column");
    refused(&place, &["invoice", "a.csv", "nowhere.csv"], "nowhere.csv: no such file");
}

#[test]
fn a_mapping_that_does_not_fit() {
    let place = Place::with_an_invoice();
    place.file("a.csv", invoices(&[invoice("A", "2020-01-05", "1.00")]));
    refused(&place, &["invoice", "a.csv", "--mapping", "nope"], "no mapping nope; known are cumcm2020c");
    refused(
        &place,
        &["invoice", "a.csv", "--mapping", "cumcm2020c"],
        "a.csv: no feed of the mapping takes a file of this name",
    );
    refused(
        &place,
        &["office", "a.csv", "--mapping", "cumcm2020c"],
        "mapping cumcm2020c has no feed for table office",
    );
    refused(&place, &["all", "a.csv"], "name a table");
    refused(
        &place,
        &["invoice", "a.csv", "--delimiter", "delimiter"],
        "delimiter delimiter: use one or a few characters, comma, tab, pipe",
    );
}

/// An error met while rows are being converted ends the load, however many rows are still to be read.
#[test]
fn a_mapping_with_a_rule_that_is_no_condition() {
    let place = Place::with_an_invoice();
    let columns: String = HEADER.split(',').map(|c| format!("{c} = \"{c}\"\n")).collect();
    place.file(
        "own.toml",
        format!(
            "name = \"own\"\nzh = \"自有\"\nen = \"own\"\n[[feed]]\nname = \"own.invoice\"\ntable = \"invoice\"\n\
             files = [\"*.csv\"]\n[feed.columns]\n{columns}[[feed.rule]]\nname = \"sum\"\nsql = \"amount + 1\"\n\
             zh = \"和\"\nen = \"sum\"\n"
        ),
    );
    let rows: Vec<String> =
        (0..500_000).map(|i| invoice(&format!("L{i:06}"), "2020-02-05", "1.00")).collect();
    place.file("long.csv", invoices(&rows));
    refused(
        &place,
        &["invoice", "--mapping", "own.toml", "long.csv"],
        "rule sum of feed own.invoice is not a condition",
    );
}

/// A file somebody is still writing: rows are added for as long as it is being read.
#[test]
fn a_file_that_changes_while_it_is_being_read() {
    let place = Place::with_an_invoice();
    let rows: Vec<String> =
        (0..200_000).map(|i| invoice(&format!("L{i:06}"), "2020-02-05", "1.00")).collect();
    let path = place.file("growing.csv", invoices(&rows));
    let done = AtomicBool::new(false);
    let before = place.state();
    let run = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                writeln!(file, "{}", invoice(&format!("M{number:06}"), "2020-02-06", "1.00")).unwrap();
                number += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let run = place.run(&["ingest", "invoice", "growing.csv"]);
        done.store(true, Ordering::Relaxed);
        run
    });
    run.code(1).says("growing.csv changed while it was being read; nothing was loaded");
    assert_eq!(place.state(), before, "something was written");
    // Now it is complete.
    place.run(&["ingest", "invoice", "growing.csv"]).ok();
    assert_eq!(place.number("select count(*) from invoice where invoice_id like 'L%'"), 200_000);
    assert_eq!(place.number(&format!("select count(*) from invoice where seller_id <> '{SELLER}'")), 0);
}
