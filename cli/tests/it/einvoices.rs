//! Fully digital invoices as XML: alone, in folders and zips, clean and dirty; and lines that take their parties from
//! their invoice.

use crate::support::{BUYER, Place, SELLER, gb18030};
use crate::workbooks::zip;

/// One invoice with two lines.
fn invoice(n: u32, colour: &str, original: &str) -> String {
    let sign = if colour == "N" { "-" } else { "" };
    let red = if original.is_empty() {
        String::new()
    } else {
        format!("<RedEInvoice><OriginalInvoiceCode>{original}</OriginalInvoiceCode></RedEInvoice>")
    };
    let item = |name: &str, amount: &str, rate: &str, tax: &str| {
        format!(
            "<IssuItemInformation><ItemName>{name}</ItemName><SpecMod/><MeaUnits>套</MeaUnits><Quantity>{sign}3</Quantity>\
             <UnPrice>33.3333333333333</UnPrice><Amount>{sign}{amount}</Amount><TaxRate>{rate}</TaxRate><ComTaxAm>{sign}{tax}</ComTaxAm>\
             <TotaltaxIncludedAmount>{sign}0.00</TotaltaxIncludedAmount><TaxClassificationCode>3040201010000000000</TaxClassificationCode></IssuItemInformation>"
        )
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<EInvoice><Header><EIid>{id}</EIid><EInvoiceTag>SWEI3200</EInvoiceTag><Version>1.0</Version>\
         <InherentLabel><InIssuType><LabelCode>{colour}</LabelCode><LabelName>x</LabelName></InIssuType>\
         <EInvoiceType><LabelCode>01</LabelCode><LabelName>电子发票</LabelName></EInvoiceType>\
         <GeneralOrSpecialVAT><LabelCode>01</LabelCode><LabelName>增值税专用发票</LabelName></GeneralOrSpecialVAT></InherentLabel></Header>\
         <EInvoiceData><SellerInformation><SellerIdNum>{SELLER}</SellerIdNum><SellerName>甲&amp;乙软件有限公司</SellerName><SellerAddr>上海</SellerAddr></SellerInformation>\
         <BuyerInformation><BuyerIdNum>{BUYER}</BuyerIdNum><BuyerName><![CDATA[丙&公司]]></BuyerName></BuyerInformation>\
         <BasicInformation><TotalAmWithoutTax>{sign}150.00</TotalAmWithoutTax><TotalTaxAm>{sign}13.00</TotalTaxAm>\
         <TotalTax-includedAmount>{sign}163.00</TotalTax-includedAmount><Drawer>张三</Drawer><RequestTime>2024-03-05 10:11:00</RequestTime></BasicInformation>\
         {}{}<SpecificInformation>{red}</SpecificInformation><AdditionalInformation><Remark>备注{n}</Remark></AdditionalInformation></EInvoiceData>\
         <TaxSupervisionInfo><InvoiceNumber>{id}</InvoiceNumber><IssueTime>2024-03-05 10:11:12</IssueTime><TaxBureauCode>13100</TaxBureauCode><TaxBureauName>上海</TaxBureauName></TaxSupervisionInfo></EInvoice>",
        item("*软件*ERP", "100.00", "0.13", "13.00"),
        item("*蔬菜*白菜", "50.00", "免税", "0.00"),
        id = id(n),
    )
}

fn id(n: u32) -> String {
    format!("243120000001234{n:05}")
}

/// Three files as senders write them: with a mark, in GBK, with a namespace.
fn write_clean(place: &Place) -> Option<()> {
    std::fs::create_dir_all(place.path("all/more")).unwrap();
    place.file("all/1.xml", format!("\u{feff}{}", invoice(1, "Y", "")));
    let gbk = gb18030(place, &invoice(2, "Y", "").replace("UTF-8", "GBK"))?;
    place.file("all/2.xml", gbk);
    let spaced = invoice(3, "N", &id(1)).replace("</", "</e:").replace('<', "<e:").replace("<e:/e:", "</e:");
    let spaced = spaced.replace("<e:?xml", "<?xml").replace("<e:![CDATA", "<![CDATA");
    let spaced = spaced.replacen("<e:EInvoice>", "<e:EInvoice xmlns:e=\"urn:einvoice\">", 1);
    place.file("all/more/3.XML", spaced);
    Some(())
}

const INVOICES: &str = "select invoice_id, kind, issued_at, amount, tax, total, status, original_invoice_id, seller_name, buyer_name, remark from invoice order by 1";
const LINES: &str = "select invoice_id, line_no, period, seller_id, buyer_id, goods_name, quantity, unit_price, amount, rate, tax, preference from invoice_line order by 1, 2";

#[test]
fn a_folder_and_a_zip_load_the_same() {
    let place = Place::new();
    if write_clean(&place).is_none() {
        return;
    }
    let run = place.run(&["ingest", "all", "--mapping", "einvoice_xml", "all"]).ok();
    assert!(!run.err.contains("not mapped"), "{}", run.err);
    let invoices = place.sql(INVOICES);
    assert_eq!(
        invoices,
        format!(
            "{},e_special,2024-03-05T10:11:12,150.00,13.00,163.00,valid,,甲&乙软件有限公司,丙&公司,备注1\n\
             {},e_special,2024-03-05T10:11:12,150.00,13.00,163.00,valid,,甲&乙软件有限公司,丙&公司,备注2\n\
             {},e_special,2024-03-05T10:11:12,-150.00,-13.00,-163.00,red,{},甲&乙软件有限公司,丙&公司,备注3\n",
            id(1),
            id(2),
            id(3),
            id(1)
        )
    );
    let lines = place.sql(LINES);
    assert!(
        lines.starts_with(&format!(
            "{0},1,202403,{SELLER},{BUYER},*软件*ERP,3.00000000,33.33333333,100.00,0.1300,13.00,\n\
         {0},2,202403,{SELLER},{BUYER},*蔬菜*白菜,3.00000000,33.33333333,50.00,,0.00,exempt\n",
            id(1)
        )),
        "{lines}"
    );
    assert_eq!(lines.lines().count(), 6);
    assert_eq!(
        place.sql("select _file, _row from invoice_line order by 1, 2"),
        "1.xml,1\n1.xml,2\n2.xml,1\n2.xml,2\nmore/3.XML,1\nmore/3.XML,2\n"
    );
    place.run(&["ingest", "all", "--mapping", "einvoice_xml", "all"]).ok().says("already loaded");

    let other = Place::new();
    for name in ["all/1.xml", "all/2.xml", "all/more/3.XML"] {
        let short = name.rsplit('/').next().unwrap();
        other.file(short, std::fs::read(place.path(name)).unwrap());
    }
    zip(&other, "three.zip", &["1.xml", "2.xml", "3.XML"]).unwrap();
    other.run(&["ingest", "all", "--mapping", "einvoice_xml", "three.zip"]).ok();
    assert_eq!((other.sql(INVOICES), other.sql(LINES)), (invoices, lines));
    assert_eq!(
        other.sql("select distinct _file from invoice order by 1"),
        "three.zip!1.xml\nthree.zip!2.xml\nthree.zip!3.XML\n"
    );
    // One document is a file like any other.
    let single = Place::new();
    single.file("1.xml", invoice(1, "Y", ""));
    single.run(&["ingest", "all", "--mapping", "einvoice_xml", "1.xml"]).ok();
    assert_eq!(single.number("select count(*) from invoice_line"), 2);
}

#[test]
fn every_bad_document_is_named_and_no_good_one_accused() {
    let place = Place::new();
    let good = invoice(1, "Y", "");
    place.file("a-good.xml", &good);
    place.file("b-copy.xml", &good);
    place.file("c-cut.xml", invoice(3, "Y", "").split_once("<Drawer>").unwrap().0);
    place.file("d-mixed.xml", invoice(4, "Y", "").replace("</SellerName>", "</SellerNome>"));
    place.file("e-colour.xml", invoice(5, "X", ""));
    place.file("f-nameless.xml", invoice(6, "Y", "").replace("InvoiceNumber>", "InvoiceNummer>"));
    place.file("g-amount.xml", invoice(7, "Y", "").replace("<Amount>100.00", "<Amount>1OO.00"));
    place.file("h-empty.xml", "");
    place.file("i-other.xml", "<html><body>登录超时</body></html>");
    place.file("j-view.pdf", "%PDF");
    let Some(gbk) = gb18030(&place, &invoice(8, "Y", "")) else { return };
    place.file("k-wrong.xml", gbk);
    place.file("l-good.xml", invoice(9, "Y", "").replace("<Version>", "<New>1</New><Version>"));
    let names = [
        "a-good.xml",
        "b-copy.xml",
        "c-cut.xml",
        "d-mixed.xml",
        "e-colour.xml",
        "f-nameless.xml",
        "g-amount.xml",
        "h-empty.xml",
        "i-other.xml",
        "j-view.pdf",
        "k-wrong.xml",
        "l-good.xml",
    ];
    if zip(&place, "all.zip", &names).is_none() {
        return;
    }
    let run = place.run(&["ingest", "all", "--mapping", "einvoice_xml", "all.zip"]).code(3);
    // What nobody asked for is counted, not silently dropped: the element of l-good, and f-nameless' misspelt one.
    run.says("elements not mapped and left out: Header/New (1), TaxSupervisionInfo/InvoiceNummer (1)");
    let bad = place.sql("select _file, rule, _row from rejected_row where table_name = 'invoice' and rule in ('xml', 'encoding') order by 1");
    assert_eq!(
        bad,
        "all.zip!c-cut.xml,xml,1\nall.zip!d-mixed.xml,xml,1\nall.zip!h-empty.xml,xml,1\nall.zip!i-other.xml,xml,1\n\
         all.zip!k-wrong.xml,encoding,1\n"
    );
    assert_eq!(
        place.sql("select table_name, _file, column_name, rule, _row from rejected_row where rule not in ('xml', 'encoding') order by 1, 2, 5"),
        "invoice,all.zip!e-colour.xml,Header/InherentLabel/InIssuType/LabelCode,code,1\n\
         invoice,all.zip!f-nameless.xml,TaxSupervisionInfo/InvoiceNumber,missing,1\n\
         invoice_line,all.zip!f-nameless.xml,/TaxSupervisionInfo/InvoiceNumber,missing,1\n\
         invoice_line,all.zip!f-nameless.xml,/TaxSupervisionInfo/InvoiceNumber,missing,2\n\
         invoice_line,all.zip!g-amount.xml,Amount,type,1\n"
    );
    assert_eq!(
        place.sql("select invoice_id from invoice order by 1"),
        format!("{}\n{}\n{}\n", id(1), id(7), id(9))
    );
    assert_eq!(place.sql("select kind, _row, count(*) from skipped_row group by 1, 2"), "other_file,10,2\n");
    // The copy is one invoice and two lines seen twice.
    assert_eq!(
        place.sql("select table_name, _file, count(*) from duplicate_row group by 1, 2 order by 1"),
        "invoice,all.zip!b-copy.xml,1\ninvoice_line,all.zip!b-copy.xml,2\n"
    );
    assert_eq!(
        place.sql("select table_name, rows_read, rows_kept, rows_duplicate, rows_rejected from ingest_batch order by 1"),
        "invoice,11,3,1,7\ninvoice_line,17,7,2,8\n"
    );
}

#[test]
fn an_archive_cut_off_inside_a_document_names_it() {
    let place = Place::new();
    for n in 1..=3 {
        place.file(&format!("{n}.xml"), invoice(n, "Y", ""));
    }
    if zip(&place, "a.zip", &["1.xml", "2.xml", "3.xml"]).is_none() {
        return;
    }
    let mut bytes = std::fs::read(place.path("a.zip")).unwrap();
    // A byte of the second document's data, behind its header.
    let start = bytes.windows(5).position(|w| w == b"2.xml").unwrap();
    bytes[start + 60] ^= 0xff;
    place.file("b.zip", bytes);
    place.run(&["ingest", "all", "--mapping", "einvoice_xml", "b.zip"]).code(3);
    assert_eq!(place.sql("select invoice_id from invoice order by 1"), format!("{}\n{}\n", id(1), id(3)));
    assert_eq!(place.sql("select distinct _file from rejected_row"), "b.zip!2.xml\n");
}

const HEADS: &str = "invoice_id,issued_at,seller_id,buyer_id,amount,status";
const PARTS: &str = "invoice_id,line_no,goods_name,amount";
const SHOWN: &str = "select invoice_id, line_no, period, seller_id, buyer_id, seller_key is null from invoice_line order by 1, 2";

fn heads() -> String {
    format!("{HEADS}\nI1,2024-03-05,{SELLER},{BUYER},1.00,valid\nI2,2024-04-05,{SELLER},,2.00,valid\n")
}

#[test]
fn lines_take_parties_and_month_from_stored_invoices() {
    let place = Place::new();
    place.file("heads.csv", heads());
    place.file("lines.csv", format!("{PARTS}\nI1,1,甲,0.50\nI2,1,乙,2.00\nI1,2,丙,0.50\n"));
    place.run(&["ingest", "invoice", "heads.csv"]).ok();
    place.run(&["ingest", "invoice_line", "lines.csv"]).ok();
    let wanted = format!(
        "I1,1,202403,{SELLER},{BUYER},false\nI1,2,202403,{SELLER},{BUYER},false\nI2,1,202404,{SELLER},,false\n"
    );
    assert_eq!(place.sql(SHOWN), wanted);
    // What a line states itself is never replaced.
    place.file(
        "own.csv",
        format!("{PARTS},seller_id,period\nI1,3,甲,0.50,{BUYER},202401\nI1,4,甲,0.50,,202402\n"),
    );
    place.run(&["ingest", "invoice_line", "own.csv"]).ok();
    assert_eq!(
        place.sql(
            "select line_no, period, seller_id, buyer_id from invoice_line where line_no > 2 order by 1"
        ),
        format!("3,202401,{BUYER},\n4,202402,{SELLER},{BUYER}\n")
    );
}

#[test]
fn lines_loaded_before_their_invoice_are_kept_and_take_their_place_later() {
    let place = Place::new();
    place.file("lines.csv", format!("{PARTS}\nI1,1,甲,0.50\nI9,1,乙,2.00\nI1,2,丙,0.50\n"));
    let run = place.run(&["ingest", "invoice_line", "lines.csv"]).ok();
    run.says("3 rows name an invoice that is in no file loaded yet");
    assert_eq!(place.sql(SHOWN), "I1,1,0,,,true\nI1,2,0,,,true\nI9,1,0,,,true\n");
    assert_eq!(place.sql("select rows_read, rows_kept from ingest_batch"), "3,3\n");
    place.file("heads.csv", heads());
    place.run(&["ingest", "invoice", "heads.csv"]).ok();
    let wanted =
        format!("I1,1,202403,{SELLER},{BUYER},false\nI1,2,202403,{SELLER},{BUYER},false\nI9,1,0,,,true\n");
    assert_eq!(place.sql(SHOWN), wanted);
    // Their lineage is the file they came from.
    assert_eq!(place.sql("select distinct _file from invoice_line"), "lines.csv\n");
    // And again: nothing more to take, nothing changed.
    place.file("more.csv", format!("{HEADS}\nI3,2024-03-05,{SELLER},{BUYER},1.00,valid\n"));
    place.run(&["ingest", "invoice", "more.csv"]).ok();
    assert_eq!(place.sql(SHOWN), wanted);
}

#[test]
fn lines_and_invoices_of_one_load_in_either_order() {
    let place = Place::new();
    let mapping = "name = 'm'\nzh = 'm'\nen = 'm'\n[[feed]]\nname = 'm.line'\ntable = 'invoice_line'\nfiles = ['lines*']\n\
        [feed.columns]\ninvoice_id = 'invoice_id'\nline_no = 'line_no'\namount = 'amount'\n\
        [[feed]]\nname = 'm.head'\ntable = 'invoice'\nfiles = ['heads*']\n[feed.columns]\ninvoice_id = 'invoice_id'\nissued_at = 'issued_at'\n\
        seller_id = 'seller_id'\nbuyer_id = 'buyer_id'\namount = 'amount'\nstatus = 'status'\n";
    place.file("m.toml", mapping);
    place.file("heads.csv", heads());
    place.file("lines.csv", format!("{PARTS}\nI1,1,甲,0.50\nI2,1,乙,2.00\n"));
    place.run(&["ingest", "all", "--mapping", "m.toml", "lines.csv", "heads.csv"]).ok();
    assert_eq!(
        place.sql(SHOWN),
        format!("I1,1,202403,{SELLER},{BUYER},false\nI2,1,202404,{SELLER},,false\n")
    );
}
