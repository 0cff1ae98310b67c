//! Repairs: applied where declared, each noted with the text before and after, nothing clean touched, and undone by
//! loading without them.

use crate::support::{BUYER, Place, SELLER};

const HEADER: &str = "invoice_id,invoice_no,issued_at,seller_id,seller_name,amount,status,remark\n";

fn noted(place: &Place) -> String {
    place.sql("select _row, column_name, rule, before, after from repaired_value order by repair_id")
}

#[test]
fn every_repair_is_noted_and_nothing_clean_is_touched() {
    let place = Place::new();
    let clean = format!(
        "{HEADER}A1,12345678,2024-03-05,{SELLER},Ａ公司（华东）,1.00,valid,１号\nA2,,2024/3/5,{SELLER},b公司,\"-1,234.50\",void,\n"
    );
    place.file("clean.csv", clean);
    let run = place.run(&["ingest", "invoice", "clean.csv"]).ok();
    assert!(!run.err.contains("repaired"), "{}", run.err);
    assert_eq!(place.number("select count(*) from repaired_value"), 0);
    // Names and remarks keep what they are written with.
    assert_eq!(
        place.sql("select seller_name, remark from invoice where invoice_id = 'A1'"),
        "Ａ公司（华东）,１号\n"
    );

    let small = SELLER.to_lowercase();
    let dirty = format!(
        "{HEADER}B1,1234,２０２４－０３－０５, {small}\u{3000},b公司 ,１００．５０,valid,\n\
         B2,12345678,2024-03-05,{SELLER},乙公司,1.00, 作 废,\n\
         B3,12345678,2024-03-05,{SELLER},乙公司,1.00,已作癈,\u{3000}\n\
         B4,12345678,2024-03-05,{SELLER},乙公司,1.00,VALID,\n\
         B5, 12x,2024-03-05,{SELLER},乙公司,y ,作废发票,\n"
    );
    place.file("dirty.csv", dirty);
    let run = place.run(&["ingest", "invoice", "dirty.csv"]).code(3);
    // What lies in a rejected row was not loaded, so nothing of it was repaired.
    assert_eq!(
        place.sql("select _row, column_name, rule, before, after from repaired_value where column_name not like 'seller%' order by 1, 2, 3"),
        "2,amount,half_width,１００．５０,100.50\n2,invoice_no,zero_pad,1234,00001234\n2,issued_at,half_width,２０２４－０３－０５,2024-03-05\n\
         3,status,spelling,作 废,void\n3,status,trim, 作 废,作 废\n4,remark,trim,\u{3000},\n4,status,spelling,已作癈,void\n\
         5,status,spelling,VALID,valid\n"
    );
    assert_eq!(
        place.sql("select invoice_no, issued_at = timestamp '2024-03-05', seller_id, amount, status from invoice where invoice_id = 'B1'"),
        format!("00001234,true,{SELLER},100.50,valid\n")
    );
    let run = run
        .says("invoice: 2 values repaired by rule half_width")
        .says("invoice: 3 values repaired by rule spelling");
    run.says("invoice: 1 values repaired by rule zero_pad")
        .says("invoice: 1 values repaired by rule upper_case");
    // A rejected row is shown as the file has it.
    assert_eq!(place.sql_personal("select value from rejected_row"), "y \n");
}

/// Ids and names of parties may be a person's: what was repaired in them lies in the vault.
#[test]
fn texts_that_may_be_personal_lie_in_the_vault() {
    let place = Place::new();
    let id = format!(" {}", SELLER.to_lowercase());
    place.file(
        "r.csv",
        format!("taxpayer_id,name,phone,industry_code\n{id}, 甲公司,１３８１２３４５６７８, F5111\n"),
    );
    place.run(&["ingest", "taxpayer", "r.csv"]).ok();
    assert_eq!(
        noted(&place),
        "2,taxpayer_id,trim,,\n2,name,trim,,\n2,industry_code,trim, F5111,F5111\n2,taxpayer_id,upper_case,,\n2,phone,half_width,,\n"
    );
    let clear =
        place.sql_personal("select column_name, rule, before, after from repaired_value order by repair_id");
    assert_eq!(
        clear,
        format!(
            "taxpayer_id,trim,{id},{0}\nname,trim, 甲公司,甲公司\nindustry_code,trim, F5111,F5111\n\
             taxpayer_id,upper_case,{0},{SELLER}\nphone,half_width,１３８１２３４５６７８,13812345678\n",
            SELLER.to_lowercase()
        )
    );
    assert_eq!(place.sql_personal("select phone from taxpayer"), "13812345678\n");
}

fn mapping(place: &Place, file: &str, feed: &str, keys: &str) {
    place.file(
        file,
        format!(
            "name = 'm'\nzh = ''\nen = ''\n[[feed]]\nname = '{feed}'\ntable = 'invoice'\n{keys}\n[feed.columns]\n\
             invoice_id = 'id'\ninvoice_no = 'no'\nissued_at = 'day'\nseller_id = 'seller'\nbuyer_id = {{ sql = 'buyer' }}\n\
             amount = 'amount'\nstatus = 'status'\nremark = 'remark'\n"
        ),
    );
}

/// The text before is in the notes; loaded again without repairs, under another name, it stands in the table.
#[test]
fn repairs_are_chosen_by_feed_and_undone() {
    let place = Place::new();
    place.file(
        "a.csv",
        format!("id,no,day,seller,buyer,amount,status,remark\nA1,123,2024-03-05,{SELLER}, {BUYER},1.00,valid, 甲 \n"),
    );
    mapping(&place, "all.toml", "feed", "");
    place.run(&["ingest", "all", "a.csv", "--mapping", "all.toml"]).ok();
    assert_eq!(
        place.sql("select invoice_no, remark, buyer_id from invoice"),
        format!("00000123,甲,{BUYER}\n")
    );
    // The stored row leads to the text it was made from.
    let before = "select r.column_name, r.before from invoice i join repaired_value r on r.table_name = 'invoice' \
                  and r._batch = i._batch and r._file = i._file and r._row = i._row where i.invoice_id = 'A1' \
                  and r.before is not null order by 1";
    assert_eq!(place.sql(before), "invoice_no,123\nremark, 甲 \n");
    mapping(&place, "trim.toml", "feed.trim", "repairs = ['trim']");
    place.run(&["ingest", "all", "a.csv", "--mapping", "trim.toml"]).ok();
    assert_eq!(place.sql("select invoice_no, remark from invoice"), "123,甲\n");
    mapping(&place, "none.toml", "feed.none", "repairs = []");
    // Without repairs a blank before an id is a fault.
    place.run(&["ingest", "all", "a.csv", "--mapping", "none.toml"]).code(3);
    assert_eq!(place.sql("select column_name, rule from rejected_row"), "buyer,taxpayer_id\n");
    place.file(
        "b.csv",
        format!("id,no,day,seller,buyer,amount,status,remark\nA1,123,2024-03-05,{SELLER},,1.00,valid, 甲 \n"),
    );
    place.run(&["ingest", "all", "b.csv", "--mapping", "none.toml"]).ok();
    assert_eq!(place.sql("select invoice_no, remark from invoice"), "123, 甲 \n");
}

/// A feed's own spellings, and a warehouse's own set of repairs.
#[test]
fn repairs_are_added_and_replaced() {
    let place = Place::new();
    let own = "[[feed.repair]]\nrule = 'spelling'\ntables = ['invoice']\ncolumns = ['status']\nwords.void = ['销毁']\n";
    place.file(
        "m.toml",
        format!(
            "name = 'm'\nzh = ''\nen = ''\n[[feed]]\nname = 'feed'\ntable = 'invoice'\n[feed.columns]\ninvoice_id = 'id'\n\
             issued_at = 'day'\nseller_id = 'seller'\namount = 'amount'\nstatus = 'status'\n{own}"
        ),
    );
    place.file("a.csv", format!("id,day,seller,amount,status\nA1,2024-03-05,{SELLER},1.00,销毁\n"));
    place.run(&["ingest", "all", "a.csv", "--mapping", "m.toml"]).ok();
    assert_eq!(noted(&place), "2,status,spelling,销毁,void\n");

    std::fs::create_dir_all(place.path("wh/definitions")).unwrap();
    place.file("wh/definitions/repairs.toml", "[[repair]]\nrule = 'trim'\ntypes = ['text', 'enumm']\n");
    let run = place.run(&["ingest", "all", "a.csv", "--mapping", "m.toml"]).code(1);
    run.says("repairs.toml").says("no type enumm");
    place.file("wh/definitions/repairs.toml", "[[repair]]\nrule = 'trim'\ntypes = ['text']\n");
    place.file(
        "b.csv",
        format!("invoice_id,issued_at,seller_id,amount,status\nB1 ,2024-03-05,{SELLER},1.00,作废\n"),
    );
    place.run(&["ingest", "invoice", "b.csv"]).code(3);
    assert_eq!(place.sql("select rule from rejected_row"), "code\n");
}
