//! Rows that cannot be used: each is set aside with place, value and reason, the rest loads, and the exit code is 3.

use crate::support::{BUYER, HEADER, Place, SELLER, gb18030, invoice, invoices};

/// Where and why rows were set aside, by row.
fn rejected(place: &Place) -> String {
    place.sql_personal("select _row, column_name, rule, value from rejected_row order by _row")
}

#[test]
fn every_bad_row_is_set_aside_and_the_rest_loads() {
    let place = Place::new();
    let row = |id: &str, day: &str, seller: &str, amount: &str, status: &str| {
        format!("{id},{day},{seller},{BUYER},{amount},{status}")
    };
    let rows = [
        invoice("A1", "2020-01-05", "1.00"),
        row("A2", "2020-01-05", SELLER, "abc", "valid"),
        row("A3", "2017/13/40", SELLER, "1.00", "valid"),
        row("A4", "2020-01-05", SELLER, "1.00", "valid,more"),
        format!("A5,2020-01-05,{SELLER},{BUYER},1.00"),
        row("A6", "2020-01-05", SELLER, "", "valid"),
        row("A7", "2020-01-05", SELLER, "1.00", "退票"),
        row("A8", "2020-01-05", "E17", "1.00", "valid"),
        row("A9", "2020-01-05", SELLER, "1.005", "valid"),
        row("B1", "2019-02-29", SELLER, "twelve", "valid"),
        row("B2", "2020/2/29", SELLER, "\"1,234.50\"", "valid"),
    ];
    place.file("bad.csv", invoices(&rows));
    let run = place.run(&["ingest", "invoice", "bad.csv"]).code(3);
    assert_eq!(
        rejected(&place),
        "3,amount,type,abc\n4,issued_at,type,2017/13/40\n5,,fields,\n6,,fields,\n7,amount,missing,\n\
         8,status,code,退票\n9,seller_id,taxpayer_id,E17\n10,amount,type,1.005\n11,issued_at,type,2019-02-29\n"
    );
    assert_eq!(
        place.sql("select invoice_id, period, amount from invoice order by 1"),
        "A1,202001,1.00\nB2,202002,1234.50\n"
    );
    // The person who loads sees file, row, column, value, in both languages.
    let run = run.says("bad.csv, row 3: amount is not an amount (like 1234.56, at most two decimals): correct it and load again, or");
    let run =
        run.says("第3行：“amount”（金额）不是有效的金额（形如1234.56，最多两位小数）；请更正后重新装载，或");
    let run = run.says(
        "bad.csv, row 4: issued_at is not a time (like 2020-02-29 13:45:00): correct it and load again, or",
    );
    run.says("bad.csv, row 5: wrong number of fields (7 instead of 6)")
        .says("invoice: 4 rows rejected by rule type");
    // All of what was read is accounted for, and a row with two faults says so.
    let counts = "select rows_read, rows_kept, rows_rejected, rejected_by_rule from ingest_batch";
    assert_eq!(
        place.sql(counts),
        "11,2,9,\"{\"\"code\"\":1,\"\"fields\"\":2,\"\"missing\"\":1,\"\"taxpayer_id\"\":1,\"\"type\"\":4}\"\n"
    );
    let both = place.sql("select message_en from rejected_row where _row = 11");
    assert!(both.contains("1 more columns of the row are bad"), "{both}");
    let decimals = place.sql("select message_en from rejected_row where _row = 10");
    assert!(decimals.contains("more than 2 decimals") && decimals.contains("round = true"), "{decimals}");
    assert_eq!(place.pending(), 0);
}

/// A number that does not fit is told from what is none, and a rate in percent from one as a fraction.
#[test]
fn a_number_that_does_not_fit_is_told_as_such() {
    let place = Place::new();
    place.file("big.csv", invoices(&[invoice("A1", "2020-01-05", "12345678901234567890.00")]));
    let run = place.run(&["ingest", "invoice", "big.csv"]).code(3);
    run.says("amount is too large: 16 digits before the point at most").says("过大：小数点前最多16位");

    let line = |id: &str, rate: &str| format!("{id},1,2020-01-05,100.00,13.00,{rate}");
    let rows = [line("A1", "13"), line("A2", "13%"), line("A3", "0.13"), line("A4", "1")];
    let header = "invoice_id,line_no,issued_at,amount,tax,rate";
    place.file("lines.csv", format!("{header}\n{}\n", rows.join("\n")));
    place.file(
        "lines.toml",
        "name = \"lines\"\nzh = \"明细\"\nen = \"lines\"\n[[feed]]\nname = \"lines.line\"\ntable = \"invoice_line\"\n\
         files = [\"lines*.csv\"]\nignore = [\"issued_at\"]\n[feed.columns]\ninvoice_id = \"invoice_id\"\nline_no = \"line_no\"\n\
         amount = \"amount\"\ntax = \"tax\"\nrate = \"rate\"\n",
    );
    let run = place.run(&["ingest", "invoice_line", "--mapping", "lines.toml", "lines.csv"]).code(3);
    run.says("rate is above 1: 13 percent is written 0.13 or 13%").says("大于1：13%应写作0.13或13%");
    assert_eq!(place.sql("select distinct rate from invoice_line order by 1"), "0.1300\n1.0000\n");
}

#[test]
fn a_file_without_records_is_not_passed_over_in_silence() {
    let place = Place::new();
    place.file("empty.csv", format!("{HEADER}\n"));
    place.run(&["ingest", "invoice", "empty.csv"]).ok().says("empty.csv holds no record; if it should,");
}

#[test]
fn a_file_of_bad_rows_only() {
    let place = Place::new();
    place.file("bad.csv", invoices(&[invoice("A", "2020-02-30", "1"), invoice("B", "", "1")]));
    place.run(&["ingest", "invoice", "bad.csv"]).code(3);
    assert_eq!(rejected(&place), "2,issued_at,type,2020-02-30\n3,issued_at,missing,\n");
    assert_eq!(place.number("select count(*) from invoice"), 0);
    // Corrected, it loads; what was wrong before stays on record.
    place.file("good.csv", invoices(&[invoice("A", "2020-02-29", "1"), invoice("B", "2020-02-28", "1")]));
    place.run(&["ingest", "invoice", "good.csv"]).ok();
    assert_eq!(place.number("select count(*) from invoice"), 2);
    assert_eq!(place.number("select count(*) from rejected_row"), 2);
}

/// A value the register cannot hold is told from one an invoice cannot: there a check character must be right.
#[test]
fn a_register_checks_the_check_character() {
    let place = Place::new();
    let wrong = "91310115MA1K39423E";
    place.file("register.csv", format!("taxpayer_id,name\n{SELLER},甲公司\n{wrong},乙公司\n"));
    place.run(&["ingest", "taxpayer", "register.csv"]).code(3);
    assert_eq!(rejected(&place), format!("3,taxpayer_id,taxpayer_id,{wrong}\n"));
    assert_eq!(place.sql("select taxpayer_id from taxpayer"), format!("{SELLER}\n"));
}

/// UTF-8 with one row in another encoding, as when somebody pasted two exports together.
fn mixed(place: &Place) -> Option<Vec<u8>> {
    let row = |id: &str| format!("{},临江市新信商贸公司\n", invoice(id, "2020-01-05", "1.00"));
    let mut bytes = format!("{HEADER},seller_name\n{}", row("A1")).into_bytes();
    bytes.extend(gb18030(place, &row("A2"))?);
    bytes.extend((3..=40).map(|i| row(&format!("A{i}"))).collect::<String>().into_bytes());
    Some(bytes)
}

#[test]
fn foreign_bytes_amid_utf8_that_was_stated() {
    let place = Place::new();
    let Some(bytes) = mixed(&place) else { return };
    place.file("mixed.csv", bytes);
    let run = place.run(&["ingest", "invoice", "mixed.csv", "--encoding", "utf-8"]).code(3);
    run.says("mixed.csv, row 3: bytes that are not utf-8 text: state the encoding (encoding in the feed, or --encoding) or");
    assert_eq!(rejected(&place), "3,,encoding,\n");
    assert_eq!(place.sql("select seller_name, count(*) from invoice group by 1"), "临江市新信商贸公司,39\n");
}

#[test]
fn foreign_bytes_amid_utf8_that_was_detected() {
    let place = Place::new();
    let Some(bytes) = mixed(&place) else { return };
    place.file("mixed.csv", bytes);
    place.run(&["ingest", "invoice", "mixed.csv"]).code(3);
    // One bad row is no reason to read 39 good ones as another encoding's gibberish.
    assert_eq!(rejected(&place), "3,,encoding,\n");
    assert_eq!(place.sql("select seller_name, count(*) from invoice group by 1"), "临江市新信商贸公司,39\n");
}

/// Words of UTF-8 with an even number of characters are well-formed GB18030, of another meaning.
#[test]
fn utf8_rows_amid_gb18030() {
    let place = Place::new();
    let row = |id: &str, name: &str| format!("{},{name}\n", invoice(id, "2020-01-05", "1.00"));
    let start = format!("{HEADER},seller_name\n{}", row("A1", "东湖钢材有限公司"));
    let Some(mut bytes) = gb18030(&place, &start) else { return };
    bytes.extend(row("A2", "东湖钢材公司").bytes());
    bytes.extend(row("A3", "王明").bytes());
    bytes.extend(gb18030(&place, &row("A4", "瑜芳")).unwrap());
    place.file("mixed.csv", bytes);
    place.run(&["ingest", "invoice", "mixed.csv", "--encoding", "gb18030"]).code(3);
    assert_eq!(rejected(&place), "3,,encoding,\n4,,encoding,\n");
    assert_eq!(
        place.sql("select invoice_id, seller_name from invoice order by 1"),
        "A1,东湖钢材有限公司\nA4,瑜芳\n"
    );
}

/// Bytes no encoding has, deep in a GB18030 file.
#[test]
fn broken_bytes_amid_gb18030() {
    let place = Place::new();
    let row = |id: &str| format!("{},甲乙丙公司\n", invoice(id, "2020-01-05", "1.00"));
    let Some(mut bytes) = gb18030(&place, &format!("{HEADER},seller_name\n{}{}", row("A1"), row("A2")))
    else {
        return;
    };
    bytes.extend(format!("{},", invoice("A3", "2020-01-05", "1.00")).bytes());
    bytes.extend([0xFF, 0xFF, b'\n']);
    place.file("broken.csv", bytes);
    place.run(&["ingest", "invoice", "broken.csv"]).code(3);
    assert_eq!(rejected(&place), "4,,encoding,\n");
    assert_eq!(place.sql("select seller_name, count(*) from invoice group by 1"), "甲乙丙公司,2\n");
}

/// Values may be personal data: they lie in the vault, the reasons lie open.
#[test]
fn rejected_values_are_seen_with_personal_access_only() {
    let place = Place::new();
    place.file(
        "bad.csv",
        format!(
            "taxpayer_id,legal_rep_name,registered_capital\n{SELLER},郭小勇,13812345678\n{SELLER}9,韩志,x\n"
        ),
    );
    place.run(&["ingest", "taxpayer", "bad.csv"]).code(3);
    assert_eq!(place.sql("select _row, column_name, rule from rejected_row"), "3,registered_capital,type\n");
    place.run(&["sql", "select value from rejected_row"]).code(1).says("value");
    place.run(&["sql", "select record from rejected_row"]).code(1).says("record");
    let clear = place.sql_personal("select value, record from rejected_row");
    assert_eq!(clear, format!("x,\"{SELLER}9,韩志,x\"\n"));
    let open = place.sql("select * from rejected_row");
    assert!(!open.contains("韩志"), "{open}");
}

#[test]
fn quality_counts_what_was_set_aside() {
    let place = Place::new();
    place.file(
        "bad.csv",
        invoices(&[invoice("A", "x", "1"), invoice("B", "y", "1"), invoice("C", "2020-01-01", "z")]),
    );
    place.run(&["ingest", "invoice", "bad.csv"]).code(3);
    let run = place.run(&["quality", "--format", "csv"]).ok();
    run.shows("invoice,canonical.invoice,issued_at,type,2,bad.csv,2,")
        .shows("invoice,canonical.invoice,amount,type,1,bad.csv,4,");
    place.run(&["quality", "taxpayer"]).ok().shows("(0 rows)");
    place.run(&["quality", "taxpayr"]).code(1).says("no table taxpayr; did you mean taxpayer?");
}
