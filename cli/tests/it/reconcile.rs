//! The real data set, 1,099,441 invoices of 425 firms: everything that is known about it comes out of `assay sql`.
//!
//! The figures are those its publisher's readers counted in the files themselves; the source is not in the
//! repository. `ASSAY_REAL_DATA` names its folder.

use std::path::PathBuf;

use crate::support::{BUYER, HEADER, Place, Run, SELLER, invoice, invoices, skipped};

/// What is known of the four feeds of invoices: rows, valid, void, negative, valid sum in bn yuan, rows equal to an
/// earlier one, kept valid, kept void, totals that differ from amount and tax by more than 0.01.
const FIGURES: &str = "\
cumcm2020c.1.issued,162484,151278,11206,8556,13.249,4436,147186,10862,1
cumcm2020c.1.received,210947,203339,7608,1881,9.254,803,202581,7563,2
cumcm2020c.2.issued,330835,303280,27555,5697,15.332,1745,301773,27317,0
cumcm2020c.2.received,395175,377939,17236,3630,8.501,4681,373381,17113,2
";

/// Every row that was in the files: those kept, and those dropped as equal to a kept one.
const RECONCILE: &str = "
with raw as (
  select _source, status, amount, tax, total, false as again from invoice
  union all
  select d._source, i.status, i.amount, i.tax, i.total, true
  from duplicate_row d join invoice i on d.row_key = i.invoice_id where d.table_name = 'invoice'
)
select _source, count(*),
  count(*) filter (where status in ('valid', 'red')),
  count(*) filter (where status = 'void'),
  count(*) filter (where amount < 0),
  cast(sum(amount) filter (where status in ('valid', 'red')) / 1000000000 as decimal(18, 3)),
  count(*) filter (where again),
  count(*) filter (where not again and status in ('valid', 'red')),
  count(*) filter (where not again and status = 'void'),
  count(*) filter (where abs(total - amount - tax) > 0.01)
from raw group by 1 order by 1";

/// The files of the data set, when it is there.
pub fn real_files() -> Option<Vec<PathBuf>> {
    let folder = match std::env::var_os("ASSAY_REAL_DATA") {
        Some(stated) => PathBuf::from(stated),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/cumcm2020c"),
    };
    let Ok(entries) = std::fs::read_dir(&folder) else {
        skipped(&format!("real data set not found at {} (ASSAY_REAL_DATA names it)", folder.display()));
        return None;
    };
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    files.sort();
    Some(files)
}

#[test]
fn the_real_set() {
    let Some(files) = real_files() else { return };
    let place = Place::new();
    load(&place, &files).ok();
    figures(&place);
    reloading_changes_nothing(&place, &files);
    scanning_twice(&place);
    a_later_month_rebuilds_that_month(&place);
    an_earlier_month_rebuilds_that_month(&place);
}

/// Loads the files of the data set.
pub fn load(place: &Place, files: &[PathBuf]) -> Run {
    let mut args: Vec<String> = ["ingest", "all", "--mapping", "cumcm2020c"].map(String::from).to_vec();
    args.extend(files.iter().map(|f| f.display().to_string()));
    place.run(&args)
}

fn figures(place: &Place) {
    assert_eq!(place.sql(RECONCILE), FIGURES);
    // Nothing was set aside, and what was read is what was kept and what was counted as equal.
    assert_eq!(place.sql("select count(*) from rejected_row"), "0\n");
    let summary = "select table_name, files, rows_read, rows_kept, rows_duplicate, rows_replaced from ingest_batch order by 1";
    assert_eq!(place.sql(summary), "invoice,4,1099441,1087776,11665,0\ntaxpayer,2,425,425,0,0\n");
    assert_eq!(place.number("select count(*) from invoice"), 1_087_776);
    // Each of the 425 firms stands once in the register, under the name of its file, trailing spaces gone.
    assert_eq!(
        place.sql("select count(*), count(distinct taxpayer_id), count(*) filter (where name <> trim(name)) from taxpayer"),
        "425,425,0\n"
    );
    assert_eq!(
        place.sql("select min(issued_at), max(issued_at) from invoice"),
        "2016-10-04T00:00:00,2020-02-21T00:00:00\n"
    );
}

fn reloading_changes_nothing(place: &Place, files: &[PathBuf]) {
    let before = place.state();
    let again = load(place, files).ok();
    assert_eq!(again.err.matches("already loaded in batch").count(), 6, "{}", again.err);
    assert_eq!(again.err.matches("nothing changed").count(), 6, "{}", again.err);
    assert_eq!(again.out, "");
    assert_eq!(place.state(), before);
}

fn scanning_twice(place: &Place) {
    let first = place.run(&["scan", "--as-of", "202002"]).ok().shows("as of 202002: 425 taxpayers");
    for rollup in ["sold", "bought", "trade"] {
        assert!(first.err.contains(&format!("rollup_{rollup}: 41 units built\n")), "{}", first.err);
    }
    assert!(place.number("select count(*) from hit where as_of = 202002") > 0);
    let before = place.state();
    let second =
        place.run(&["scan", "--as-of", "202002"]).ok().says("nothing changed since this scan was run");
    assert!(!second.err.contains("units built"), "{}", second.err);
    assert_eq!(second.out, first.out);
    assert_eq!(place.state(), before);
}

/// Only the new month is built, and a scan as of an earlier month does not see it.
fn a_later_month_rebuilds_that_month(place: &Place) {
    let hits = "select * from hit where as_of = 202002 order by taxpayer_key, indicator";
    let before = place.sql(hits);
    // One invoice is from a firm of the set, as a later month's file of the same feed would have it.
    place.file(
        "202003.csv",
        invoices(&[invoice("M1", "2020-03-05", "100.00"), invoice("M2", "2020-03-06", "70.00")]),
    );
    place.file(
        "附件2_202003_销项发票信息.csv",
        "企业代号,发票号码,开票日期,购方单位代号,金额,税额,价税合计,发票状态\nE124,77,2020/3/9,D77,100000000,13000000,113000000,有效发票\n",
    );
    place.run(&["ingest", "invoice", "202003.csv"]).ok();
    let mapped =
        ["ingest", "all", "--mapping", "cumcm2020c", "--encoding", "utf-8", "附件2_202003_销项发票信息.csv"];
    place.run(&mapped).ok();
    one_unit_of_each(&place.run(&["scan", "--as-of", "202002"]).ok());
    assert_eq!(place.sql(hits), before, "a scan as of 202002 must not know of 202003");
    assert_eq!(
        place.sql(
            "select taxpayer_key, sold_n, sold_amount from rollup_sold where period = 202003 order by 3"
        ),
        {
            let key =
                |id: &str| place.number(&format!("select party_key from party where party_id = '{id}'"));
            format!("{},2,170.00\n{},1,100000000.00\n", key(SELLER), key("E124"))
        }
    );
}

fn an_earlier_month_rebuilds_that_month(place: &Place) {
    let sums = "select period, sum(sold_n), sum(sold_amount) from rollup_sold where period <> 201905 group by 1 order by 1";
    let before = place.sql(sums);
    let may = "select sum(bought_n) from rollup_bought where period = 201905";
    let bought = place.number(may);
    place.file("201905.csv", format!("{HEADER}\nM3,2019-05-31,{SELLER},{BUYER},1.00,valid\n"));
    place.run(&["ingest", "invoice", "201905.csv"]).ok();
    one_unit_of_each(&place.run(&["scan", "--as-of", "202002"]).ok());
    assert_eq!(place.sql(sums), before);
    assert_eq!(place.number(may), bought + 1);
}

#[track_caller]
fn one_unit_of_each(scan: &Run) {
    let built: Vec<&str> = scan.err.lines().filter(|l| l.ends_with("units built")).collect();
    let wanted =
        ["rollup_sold: 1 units built", "rollup_bought: 1 units built", "rollup_trade: 1 units built"];
    assert_eq!(built, wanted, "{}", scan.err);
}
