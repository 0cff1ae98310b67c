//! What looks like something it is not: numbers that lost digits, decimal commas, computed cells, encodings and identity
//! numbers that show late, files and sheets nobody reads.

use serde_json::{Value, json};

use crate::support::{BUYER, HEADER, Place, SELLER, gb18030, invoice, invoices};
use crate::workbooks::workbook;

/// A sheet with the header of the small files and a row for each id and amount.
fn sheet<Id: Into<Value>>(rows: impl IntoIterator<Item = (Id, f64)>) -> Vec<Vec<Value>> {
    let header = HEADER.split(',').map(|name| json!(name)).collect();
    let row = |(id, amount): (Id, f64)| {
        vec![id.into(), json!("2025-03-02"), json!(SELLER), json!(BUYER), json!(amount), json!("valid")]
    };
    std::iter::once(header).chain(rows.into_iter().map(row)).collect()
}

#[test]
fn numbers_in_exponent_form_are_no_ids() {
    let place = Place::new();
    // Three fully digital numbers typed into numeric cells: a double keeps 15 of their 20 digits.
    let rows =
        sheet([24_312_000_000_000_000_001.0, 24_312_000_000_000_000_002.0, 20_250_302.0].map(|id| (id, 1.5)));
    if workbook(&place, "a.xlsx", &[("Sheet1", rows)]).is_some() {
        place.run(&["ingest", "invoice", "a.xlsx"]).code(3).says(
            "invoice_id is a number in exponent form, its last digits are lost: export the column as text",
        );
        assert_eq!(place.sql("select invoice_id from invoice"), "20250302\n");
        assert_eq!(
            place.sql("select _row, rule from rejected_row order by 1"),
            "2,lost_digits\n3,lost_digits\n"
        );
    }
    let place = Place::new();
    let rows =
        ["2.4312E+19", "1E+19", "2.43E+9", "1E12", "A.4E+12"].map(|id| invoice(id, "2025-03-02", "1.00"));
    place.file("a.csv", invoices(&rows));
    place.run(&["ingest", "invoice", "a.csv"]).code(3);
    assert_eq!(place.sql("select invoice_id from invoice order by 1"), "1E12\n2.43E+9\nA.4E+12\n");
}

#[test]
fn a_decimal_comma_is_no_separator_of_thousands() {
    let place = Place::new();
    let rows = [
        ("A", "\"1,234,567.50\""),
        ("B", "\"100,00\""),
        ("C", "\"1,2,3\""),
        ("D", "\"1234,567\""),
        ("E", "5%"),
        ("F", "\"-12,345\""),
    ];
    place.file("a.csv", invoices(&rows.map(|(id, amount)| invoice(id, "2025-03-02", amount))));
    place.run(&["ingest", "invoice", "a.csv"]).code(3);
    let stored = place.sql("select invoice_id, amount from invoice order by 1");
    assert_eq!(stored, "A,1234567.50\nF,-12345.00\n");
    assert_eq!(
        place.sql("select _row, column_name from rejected_row order by 1"),
        "3,amount\n4,amount\n5,amount\n6,amount\n"
    );
}

#[test]
fn computed_cells_are_what_the_spreadsheet_shows() {
    let place = Place::new();
    let amounts =
        [6.300000000000001, 56.99999999999999, 0.1 + 0.2, -1234.5600000000002, 999_999_999_999.99, 0.005];
    let rows = sheet((0..).zip(amounts).map(|(n, amount): (usize, f64)| (format!("A{n}"), amount)));
    if workbook(&place, "a.xlsx", &[("Sheet1", rows)]).is_none() {
        return;
    }
    // Half a cent is what the cell holds, and no amount.
    place.run(&["ingest", "invoice", "a.xlsx"]).code(3);
    let stored = place.sql("select amount from invoice order by invoice_id");
    assert_eq!(stored, "6.30\n57.00\n0.30\n-1234.56\n999999999999.99\n");
}

#[test]
fn an_encoding_that_shows_late_is_found() {
    let place = Place::new();
    let rows: Vec<String> =
        (0..16_000).map(|n| format!("{},", invoice(&format!("A{n:06}"), "2025-03-02", "1.00"))).collect();
    let last = format!("{},新信商贸公司", invoice("Z", "2025-03-02", "1.00"));
    let text = format!("{HEADER},buyer_name\n{}\n{last}\n", rows.join("\n"));
    assert!(text.len() > 3 << 18);
    let Some(bytes) = gb18030(&place, &text) else { return };
    place.file("a.csv", bytes);
    place.run(&["ingest", "invoice", "a.csv"]).ok();
    assert_eq!(place.sql("select buyer_name from invoice where invoice_id = 'Z'"), "新信商贸公司\n");
}

#[test]
fn the_number_of_an_owners_second_business_is_personal_too() {
    let place = Place::new();
    let person = "11010519491231002X01";
    place.file("a.csv", format!("{HEADER}\nA,2025-03-02,{SELLER},{person},1.00,valid\n"));
    place.run(&["ingest", "invoice", "a.csv"]).ok();
    assert!(place.sql("select buyer_id from invoice").starts_with("NP"));
    assert!(!place.sql("select * from party").contains("110105"));
    assert_eq!(place.sql_personal("select buyer_id from invoice"), format!("{person}\n"));
}

#[test]
fn files_and_sheets_nobody_reads_are_named() {
    let place = Place::new();
    // A mapping for documents takes documents only, also beside other feeds.
    let csv = "[[feed]]\nname = 'm.csv'\ntable = 'invoice'\nfiles = ['one*.csv']\n[feed.columns]\ninvoice_id = 'invoice_id'\n\
               issued_at = 'issued_at'\nseller_id = 'seller_id'\nbuyer_id = 'buyer_id'\namount = 'amount'\nstatus = 'status'\n";
    let xml = "[[feed]]\nname = 'm.xml'\ntable = 'invoice'\nfiles = ['doc*.xml']\nrecord = 'Invoice'\n[feed.columns]\n\
               invoice_id = 'Id'\nissued_at = 'Day'\nseller_id = 'Seller'\nbuyer_id = 'Buyer'\namount = 'Amount'\nstatus = 'Status'\n";
    place.file("m.toml", format!("name = 'm'\nzh = '混合'\nen = 'mixed'\n{csv}{xml}"));
    let document = format!(
        "<Invoice><Id>X</Id><Day>2025-03-02</Day><Seller>{SELLER}</Seller><Buyer>{BUYER}</Buyer><Amount>1.00</Amount>\
         <Status>valid</Status></Invoice>"
    );
    place.file("doc1.xml", &document);
    place.file("other.xml", &document);
    place.file("one.csv", invoices(&[invoice("A", "2025-03-02", "1.00")]));
    place.file("nobody.csv", invoices(&[invoice("B", "2025-03-02", "1.00")]));
    for name in ["nobody.csv", "other.xml"] {
        place
            .run(&["ingest", "all", "--mapping", "m.toml", "one.csv", name])
            .code(1)
            .says(&format!("{name}: no feed of the mapping takes a file of this name"));
    }
    place.run(&["ingest", "all", "--mapping", "m.toml", "one.csv", "doc1.xml"]).ok();
    assert_eq!(place.sql("select invoice_id from invoice order by 1"), "A\nX\n");
    assert_eq!(place.number("select count(*) from skipped_row"), 0);
    place.run(&["ingest", "all", "--mapping", "einvoice_xml", "one.csv"]).code(1).says("holds none");

    let feed = csv.replace("one*.csv", "*.xlsx").replace("[feed.columns]", "sheet = '发票'\n[feed.columns]");
    place.file("s.toml", format!("name = 's'\nzh = '表'\nen = 'sheet'\n{feed}"));
    let sheets = [("发票", sheet([("S", 1.5)])), ("光伏收购", sheet([("S", 1.5)]))];
    if workbook(&place, "a.xlsx", &sheets).is_some() {
        place
            .run(&["ingest", "all", "--mapping", "s.toml", "a.xlsx"])
            .ok()
            .says("a.xlsx: no feed of the mapping reads [光伏收购]");
    }
}

#[test]
fn a_column_in_ten_thousands_is_asked_about() {
    let place = Place::new();
    let text = format!(
        "户号,纳税人识别号,用电月份,用电量(千瓦时),电费（万元）\n001,{SELLER},2024-03,1500.5,1200.25\n"
    );
    place.file("a.csv", text);
    let run = place.run(&["mapping", "infer", "a.csv", "--table", "electricity"]).ok();
    run.shows("\n# amount = ").shows("须换算").shows("\nkwh = ");
}

#[test]
fn lines_of_one_invoice_in_two_files_are_told() {
    let place = Place::new();
    place.file(
        "m.toml",
        "name = 'm'\nzh = '明细'\nen = 'lines'\n[[feed]]\nname = 'm.line'\ntable = 'invoice_line'\nfiles = ['*.csv']\n\
         number = { name = '行号', within = ['发票'], by = '序号' }\n[feed.columns]\ninvoice_id = '发票'\nline_no = '行号'\n\
         goods_name = '货物'\namount = '金额'\n",
    );
    place.file("1.csv", "序号,发票,货物,金额\n1,A,甲,1.00\n2,A,乙,2.00\n");
    place.file("2.csv", "序号,发票,货物,金额\n1,A,丙,3.00\n2,B,丁,4.00\n");
    let run = place.run(&["ingest", "all", "--mapping", "m.toml", "1.csv", "2.csv"]).ok();
    run.says("invoice_line: 1 rows replaced others").says("put these into one");
}
