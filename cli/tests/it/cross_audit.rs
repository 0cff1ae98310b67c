//! The cross-audit: every outcome, documents that come late, requests to sellers' offices and their workbooks.

use crate::support::Place;

/// A taxpayer id with its check character (GB 32100).
pub fn id(n: usize) -> String {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    let body = format!("91330100{n:09}");
    let sum: usize = body
        .bytes()
        .zip(0_u32..)
        .map(|(c, i)| ALPHABET.iter().position(|a| *a == c).unwrap() * (3_usize.pow(i) % 31))
        .sum();
    format!("{body}{}", char::from(ALPHABET[(31 - sum % 31) % 31]))
}

const INVOICE: &str = "invoice_id,kind,issued_at,seller_id,buyer_id,amount,tax,total,status";
const CLAIM: &str = "buyer_id,invoice_id,claimed_period,seller_id,issued_on,amount,tax,use,withdrawn_on";

fn invoice(no: &str, day: &str, seller: usize, buyer: usize, status: &str) -> String {
    format!("{no},e_special,{day} 10:00:00,{},{},1000.00,130.00,1130.00,{status}", id(seller), id(buyer))
}

fn claim(buyer: usize, no: &str, month: &str, seller: usize, day: &str, money: &str) -> String {
    format!("{},{no},{month},{},{day},{money},deduct,", id(buyer), id(seller))
}

fn load(place: &Place, table: &str, header: &str, rows: &[String]) {
    let name = format!("{table}-{}.csv", place.files().len());
    place.file(&name, format!("{header}\n{}\n", rows.join("\n")));
    place.run(&["ingest", table, &name]).ok();
}

/// Sellers 1 and 2, buyers 11 to 13, two offices; one claim or more of every outcome.
pub fn place() -> Place {
    let place = Place::new();
    place.file(
        "office.csv",
        "office_code,name,level,parent_code\n1330,省局,1,\n1331,甲市一所,4,1330\n1332,乙市二所,4,1330\n",
    );
    place.run(&["ingest", "office", "office.csv"]).ok();
    let firm = |n: usize, office: &str| format!("{},第{n}公司,enterprise,general,{office},2020-01-01", id(n));
    let firms = [firm(1, "1331"), firm(11, "1332"), firm(12, "1332"), firm(13, "1331")];
    let header = "taxpayer_id,name,kind,vat_status,office_code,valid_from";
    load(&place, "taxpayer", header, &firms);
    let documents = [
        invoice("A1", "2025-01-10", 1, 11, "valid"),
        invoice("A2", "2025-01-11", 1, 11, "void"),
        invoice("A3", "2025-01-12", 1, 11, "lost_control"),
        invoice("A4", "2025-01-13", 1, 11, "valid"),
        invoice("A5", "2025-01-14", 1, 11, "valid"),
        invoice("A6", "2025-01-15", 2, 12, "valid"),
        invoice("A7", "2025-02-15", 2, 12, "valid"),
        invoice("A8", "2025-01-16", 1, 11, "valid"),
    ];
    load(&place, "invoice", INVOICE, &documents);
    let same = "1000.00,130.00";
    let claims = [
        claim(11, "A1", "202501", 1, "2025-01-10", same),
        claim(11, "A2", "202501", 1, "2025-01-11", same),
        claim(11, "A3", "202501", 1, "2025-01-12", same),
        // The buyer's copy says more than the seller's, by another seller.
        claim(11, "A4", "202501", 2, "2025-01-13", "9000.00,1170.00"),
        // Twice: by its buyer and by another one, who is not its buyer.
        claim(11, "A5", "202501", 1, "2025-01-14", same),
        claim(11, "A5", "202503", 1, "2025-01-14", same),
        // The document lies in another month than the one stated.
        claim(12, "A7", "202502", 2, "2025-01-15", same),
        claim(12, "A6", "202501", 2, "2025-01-15", same),
        // No document, though others of that month are there; the second by a buyer of whom there is nothing else.
        claim(11, "B1", "202501", 1, "2025-01-20", same),
        claim(13, "B2", "202501", 1, "2025-01-20", same),
        // A tax that nobody states.
        claim(11, "A8", "202501", 1, "2025-01-16", "1000.00,"),
        format!("{},A1,202502,{},2025-01-10,{same},deduct,2025-02-20", id(11), id(1)),
    ];
    load(&place, "deduction_claim", CLAIM, &claims);
    place
}

const FINDINGS: &str = "select invoice_id, claimed_period, outcome, since, differs, \"unknown\", document_period from claim_audit \
                        order by invoice_id, claimed_period";

#[test]
fn every_outcome_is_told() {
    let place = place();
    let run = place.run(&["cross-audit", "run", "--as-of", "202501"]).ok();
    run.says("cross-audit: 12 claims of 1 months compared, 0 months as before");
    assert_eq!(
        place.sql(FINDINGS),
        "A1,202502,withdrawn,202502,,,202501\n\
         A2,202501,voided,202501,,,202501\n\
         A3,202501,lost_control,202501,,,202501\n\
         A4,202501,mismatch,202501,\"seller_id,amount,tax\",,202501\n\
         A5,202501,duplicate,202503,,,202501\n\
         A5,202503,duplicate,202503,,,202501\n\
         A7,202502,mismatch,202502,issued_on,,202502\n\
         A8,202501,cannot_tell,202501,,tax,202501\n\
         B1,202501,missing,202504,,,\n\
         B2,202501,missing,202504,,,\n"
    );
    let table = |month: &str| {
        let out = place.run(&["cross-audit", "run", "--as-of", month, "--format", "csv"]).ok().out;
        out.lines().filter(|line| !line.contains(",0,")).map(str::to_owned).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        table("202501"),
        "outcome,zh,en,claims,amount,tax\nmatch,相符,match,3,3000.00,390.00\n\
         missing_pending,滞留,no document yet,2,2000.00,260.00\nvoided,属于作废,voided,1,1000.00,130.00\n\
         lost_control,属于失控,lost control,1,1000.00,130.00\nmismatch,不符,mismatch,1,9000.00,1170.00\n\
         cannot_tell,无法比对,cannot tell,1,1000.00,\noutcome,buyer_months,reds,red_tax,shortfall"
    );
    assert_eq!(
        table("202504"),
        "outcome,zh,en,claims,amount,tax\nmatch,相符,match,2,2000.00,260.00\n\
         missing,缺联,no such document,2,2000.00,260.00\nvoided,属于作废,voided,1,1000.00,130.00\n\
         lost_control,属于失控,lost control,1,1000.00,130.00\nmismatch,不符,mismatch,2,10000.00,1300.00\n\
         duplicate,重号,claimed twice,2,2000.00,260.00\ncannot_tell,无法比对,cannot tell,1,1000.00,\n\
         withdrawn,已撤销勾选,withdrawn,1,1000.00,130.00\noutcome,buyer_months,reds,red_tax,shortfall"
    );
    let listed =
        place.run(&["cross-audit", "list", "--as-of", "202504", "--outcome", "missing", "--format", "csv"]);
    listed.ok().shows(&format!("missing,{},B1,202501", id(11)));
    place
        .run(&["cross-audit", "list", "--outcome", "wrong"])
        .code(2)
        .says("missing_pending, missing, voided");
    for command in ["run", "list"] {
        place.run(&["cross-audit", command, "--as-of", "202513"]).code(2).says("`202513` is no month");
    }
}

#[test]
fn documents_that_come_late_change_outcomes_and_only_what_changed_is_compared() {
    let place = place();
    let more = [
        claim(12, "C1", "202503", 2, "2025-03-02", "1000.00,130.00"),
        claim(12, "A7", "202503", 2, "2025-02-15", "1000.00,130.00"),
    ];
    load(&place, "deduction_claim", CLAIM, &more);
    let run = place.run(&["cross-audit", "run", "--as-of", "202503"]).ok();
    // A7 is claimed with the right day in March and with a wrong one in February: both months know of it.
    run.says("14 claims of 3 months compared");
    assert!(place.sql(FINDINGS).contains("A7,202503,duplicate,202503,,,202502\n"));
    place.run(&["cross-audit", "run", "--as-of", "202503"]).ok();
    let files = place.files();
    place.run(&["cross-audit", "run", "--as-of", "202503"]).ok();
    assert_eq!(place.files(), files, "nothing changed, nothing is written");

    load(&place, "invoice", INVOICE, &[invoice("B1", "2025-01-20", 1, 11, "valid")]);
    let run = place.run(&["cross-audit", "run", "--as-of", "202504"]).ok();
    run.says("12 claims of 1 months compared, 2 months as before; 1 findings appeared, changed or went");
    let changes = "select invoice_id, outcome_before, outcome_after from claim_audit_change order by 1";
    assert_eq!(place.sql(changes), "B1,missing,\n");
    assert!(!place.sql(FINDINGS).contains("B1"));

    // The document of the wrongly dated claim changes: the month that states it is compared again as well as its own.
    load(&place, "invoice", INVOICE, &[invoice("A7", "2025-02-15", 2, 12, "void")]);
    let run = place.run(&["cross-audit", "run", "--as-of", "202504"]).ok();
    run.says("13 claims of 2 months compared, 1 months as before; 2 findings appeared, changed or went");
    assert!(place.sql(FINDINGS).contains("A7,202502,voided,202502,,,202502\nA7,202503,voided"));

    // A list names a voucher: on it by the end of the month claimed, and listed later.
    let list = "list,subject_id,listed_on,subject_kind\n异常凭证,A1,2025-01-31,invoice\n异常凭证,A6,2025-02-01,invoice\n";
    place.file("list.csv", list);
    place.run(&["ingest", "risk_list", "list.csv"]).ok();
    place.run(&["cross-audit", "run", "--as-of", "202504"]).ok();
    let found =
        place.sql("select invoice_id, outcome from claim_audit where listed_on is not null order by 1");
    assert_eq!(found, "A1,lost_control\n");
}

#[test]
fn sellers_offices_are_asked_once() {
    let place = place();
    place.run(&["cross-audit", "requests", "--to", "lists"]).code(1).says("there are no requests");
    place.run(&["cross-audit", "run", "--as-of", "202501"]).ok().says("2 new, about 3 claims");
    let letters = "select as_of, addressee, to_office, from_office, documents, tax, outcomes from assistance_request order by request_no";
    assert_eq!(
        place.sql(letters),
        "202501,outside,,1332,1,1170.00,mismatch\n202501,office,1331,1332,2,260.00,\"lost_control,voided\"\n"
    );
    place.run(&["cross-audit", "run", "--as-of", "202501"]).ok();
    assert_eq!(place.number("select count(*) from assistance_item"), 3, "asked about once");
    place.run(&["cross-audit", "run", "--as-of", "202504"]).ok().says("3 new, about 3 claims");
    // Going back to an older month asks nobody again.
    place.run(&["cross-audit", "run", "--as-of", "202503"]).ok();
    place.run(&["scan", "--as-of", "202501", "--only", "I47"]).ok();
    assert_eq!(place.number("select count(*) from assistance_item"), 6);
    let run = place.run(&["cross-audit", "requests", "--as-of", "202501", "--to", "lists"]).ok();
    run.shows("协查_1331_甲市一所_202501.xlsx: 2 documents")
        .shows("协查_外地_销方不在本地登记_202501.xlsx: 1 documents");
    let shown = place.run(&["cross-audit", "requests", "--as-of", "202501", "--format", "csv"]).ok();
    shown
        .shows("请协查：第11公司申报抵扣第1公司开具的凭证2份，税额260.00元，稽核比对未相符。")
        .shows("created");
}

#[test]
fn a_scan_brings_the_audit_up_to_date_and_judges_by_it() {
    let place = place();
    place.run(&["scan", "--as-of", "202504", "--only", "I47"]).ok().says("requests to sellers' offices");
    let facts = place.sql("select taxpayer_id, value, amount from hit where indicator = 'I47' order by 1");
    assert_eq!(facts, format!("{},3.0,1430.00\n{},1.0,130.00\n{},1.0,130.00\n", id(11), id(12), id(13)));
}
