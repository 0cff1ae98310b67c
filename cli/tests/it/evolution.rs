//! What lies in a warehouse keeps its meaning: older warehouses open, tables gain columns, feeds that change are seen,
//! and the page that documents the tables says what they are.

use std::path::Path;

use crate::support::{Place, assay, invoice, invoices, tool};

/// A warehouse of format 1, as the assay before formats could change wrote it: two offices, two taxpayers with people
/// and phones, invoices of two months with a correction and a rejected row, and a scan.
fn old_warehouse() -> Option<Place> {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/warehouse-v1.tar.gz");
    let place = Place::new();
    std::fs::remove_dir_all(place.path("wh")).unwrap();
    tool("tar", &["xzf", &packed.display().to_string()], &place.path(""))?;
    Some(place)
}

#[test]
fn a_warehouse_of_format_1_opens_and_grows() {
    let Some(place) = old_warehouse() else { return };
    assert!(std::fs::read_to_string(place.path("wh/assay.json")).unwrap().contains("\"format\": 1"));
    let before = place.files();
    let stored = "select invoice_id, period, amount, status, _file, _row from invoice order by 1";
    let old = "A1,202001,100.00,valid,invoice_1.csv,2\nA2,202001,250.00,valid,invoice_2.csv,2\n\
               A3,202002,300.00,void,invoice_1.csv,4\nA5,202002,500.00,valid,invoice_2.csv,3\n";
    assert_eq!(place.sql(stored), old);
    let people = "select name, legal_rep_name, phone from taxpayer order by taxpayer_id";
    assert_eq!(
        place.sql_personal(people),
        "甲贸易有限公司,张三,13800000001\n乙制造有限公司,李四,13800000002\n"
    );
    assert_eq!(place.number("select count(*) from rejected_row"), 1);
    assert_eq!(
        place.number("select count(*) from feed_definition"),
        0,
        "a table it did not have is there, empty"
    );
    assert_eq!(place.number("select count(*) from scan_run"), 1);
    // Every table opens, in every column it is defined with.
    for table in
        place.sql("select table_name from information_schema.tables where table_schema = 'public'").lines()
    {
        place.sql(&format!("select * from \"{table}\" limit 1"));
    }
    assert_eq!(place.files(), before, "reading changes nothing");

    // What was loaded is known, what is new is merged with it.
    let again = "invoice_id,issued_at,seller_id,buyer_id,amount,tax,total,status,issuer,remark\n\
                 A2,2020-01-20,91310115MA1K39423D,91530000291993988P,250.00,32.50,282.50,valid,王五,更正\n\
                 A5,2020-02-09,91310115MA1K39423D,91530000291993988P,500.00,65.00,565.00,valid,,\n";
    place.file("copy.csv", again);
    place.run(&["ingest", "invoice", "copy.csv"]).ok().says("already loaded in batch");
    let more = [invoice("A1", "2020-03-05", "111.00"), invoice("A6", "2020-02-05", "6.00")];
    place.file("more.csv", invoices(&more));
    place.run(&["ingest", "invoice", "more.csv"]).ok();
    assert_eq!(
        place.sql(stored),
        "A1,202003,111.00,valid,more.csv,2\nA2,202001,250.00,valid,invoice_2.csv,2\n\
         A3,202002,300.00,void,invoice_1.csv,4\nA5,202002,500.00,valid,invoice_2.csv,3\n\
         A6,202002,6.00,valid,more.csv,3\n"
    );
    place.run(&["scan", "--as-of", "202003"]).ok();
    assert_eq!(place.number("select count(*) from scan_run"), 2);
    // From now on an assay that knows format 1 only stays out of it.
    assert!(std::fs::read_to_string(place.path("wh/assay.json")).unwrap().contains("\"format\": 2"));
    assert_eq!(place.pending(), 0);
}

const MAPPING: &str = "name = 'site'\nzh = '甲地'\nen = 'site'\n[[feed]]\nname = 'site.invoice'\ntable = 'invoice'\n\
    files = ['*.csv']\n[feed.columns]\ninvoice_id = 'invoice_id'\nissued_at = 'issued_at'\nseller_id = 'seller_id'\n\
    buyer_id = 'buyer_id'\namount = 'amount'\nstatus = 'status'\n";

#[test]
fn a_feed_that_changes_its_meaning_is_refused_or_accepted_aloud() {
    let place = Place::new();
    let mapping = |text: &str| place.file("wh/definitions/mappings/site.toml", text);
    let load = |file: &str, more: &[&str]| {
        place.run(&[&["ingest", "invoice", "--mapping", "site", file], more].concat())
    };
    mapping(MAPPING);
    for (n, file) in ["1.csv", "2.csv", "3.csv", "4.csv"].into_iter().enumerate() {
        place.file(file, invoices(&[invoice(&format!("A{n}"), "2020-01-05", "1.00")]));
    }
    load("1.csv", &[]).ok();
    let recorded = "select source, previous_hash is null, length(definition_hash) from feed_definition order by ingested_at";
    assert_eq!(place.sql(recorded), "site.invoice,true,16\n");

    // Words, patterns and comments are not its meaning.
    mapping(&format!("# a comment\n{}", MAPPING.replace("*.csv", "*.c?v").replace("甲地", "乙地")));
    load("2.csv", &[]).ok();
    assert_eq!(place.sql(recorded), "site.invoice,true,16\n");

    let changed = MAPPING.replace("amount = 'amount'", "amount = { sql = \"concat('9', amount)\" }");
    mapping(&changed);
    let before = place.state();
    load("3.csv", &[])
        .code(1)
        .says("feed site.invoice is not what it was when it was last recorded (batch ")
        .says("columns.amount was \"amount\" and is")
        .says("another name")
        .says("--accept-mapping-change");
    assert_eq!(place.state(), before);
    // What was loaded before is no news, but it no more says what the mapping says.
    load("1.csv", &[])
        .ok()
        .says("already loaded in batch")
        .says("feed site.invoice is not what it was")
        .says("--accept-mapping-change");
    assert_eq!(place.state(), before);

    load("3.csv", &["--accept-mapping-change"]).ok();
    assert_eq!(place.sql(recorded), "site.invoice,true,16\nsite.invoice,false,16\n");
    let chain = "select count(*) from feed_definition a join feed_definition b on b.previous_hash = a.definition_hash";
    assert_eq!(place.number(chain), 1);
    load("4.csv", &[]).ok();
    assert_eq!(
        place.sql("select invoice_id, amount from invoice order by 1"),
        "A0,1.00\nA1,1.00\nA2,91.00\nA3,91.00\n"
    );
    // A correction of a mapping may be applied to what was loaded with it. That is another batch.
    mapping(MAPPING);
    let batches = place.number("select count(distinct batch) from ingest_batch");
    load("[34].csv", &["--accept-mapping-change"]).ok();
    mapping(&changed);
    load("[34].csv", &["--accept-mapping-change"]).ok();
    mapping(MAPPING);
    load("[34].csv", &["--accept-mapping-change"]).ok();
    assert_eq!(place.number("select count(distinct batch) from ingest_batch"), batches + 2);
    assert_eq!(
        place.sql("select invoice_id, amount from invoice order by 1"),
        "A0,1.00\nA1,1.00\nA2,1.00\nA3,1.00\n"
    );
    // Under another name it is another feed.
    mapping(&changed.replace("site.invoice", "site.invoice_9"));
    place.file("5.csv", invoices(&[invoice("A5", "2020-01-05", "1.00")]));
    load("5.csv", &[]).ok();
    assert_eq!(place.number("select count(distinct source) from feed_definition"), 2);
}

#[test]
fn the_page_of_tables_is_current() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tables.md");
    let written = std::fs::read_to_string(&page).unwrap();
    let now = assay(Path::new("."), &["schema", "--markdown"]).ok().out;
    assert!(
        written == now,
        "docs/tables.md is out of date; write it again: assay schema --markdown > docs/tables.md"
    );
    assert!(now.contains("### `invoice`") && now.contains("个人信息 personal: `person`"));
    let one = assay(Path::new("."), &["schema", "invoice", "--markdown"]).ok().out;
    assert!(one.contains("| `amount` | decimal(18,2) | 金额 |") && !one.contains("### `taxpayer`"), "{one}");
}
