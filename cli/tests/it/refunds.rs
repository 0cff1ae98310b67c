//! The queue of refunds of credit: a few applications made by hand to the fen and the day, and all of a generated economy.

use std::collections::BTreeMap;

use crate::cross_audit::id;
use crate::support::Place;

fn load(place: &Place, table: &str, header: &str, rows: &[String]) {
    let name = format!("{table}-{}.csv", place.files().len());
    place.file(&name, format!("{header}\n{}\n", rows.join("\n")));
    place.run(&["ingest", table, &name]).ok();
}

const APPLICATION: &str =
    "application_no,taxpayer_id,period,branch,amount,applied_on,received_on,decided_on,decision,granted";
const CASE: &str = "case_no,taxpayer_id,kind,opened_on,closed_on,conclusion";

/// Manufacturers 1 to 5 with a credit of 800,000 yuan in August and September 2025, all of it asked for on 13 October; number 2 owes
/// 200,000 of VAT, 3 is under audit, 4 is rated M, 5 has a return that did not agree.
fn place() -> Place {
    let place = Place::new();
    load(
        &place,
        "office",
        "office_code,name,level,parent_code",
        &["1330,省局,1,", "1331,一所,4,1330", "1332,二所,4,1330"].map(str::to_owned),
    );
    let firm = |n: usize| {
        let (rating, office) = (if n == 4 { "M" } else { "A" }, if n == 1 { "1331" } else { "1332" });
        format!("{},第{n}公司,enterprise,general,C2511,{office},2020-01-01,normal,{rating},2020-01-01", id(n))
    };
    let header = "taxpayer_id,name,kind,vat_status,industry_code,office_code,registered_on,status,credit_rating,valid_from";
    load(&place, "taxpayer", header, &(1..=6).map(firm).collect::<Vec<_>>());
    let filed = |n: usize, month: usize| {
        format!(
            "{},{},general,2025-{:02}-15,0,0,100000,800000,0,0,800000,100000,0,0,0",
            id(n),
            202_500 + month,
            month + 1
        )
    };
    let header = "taxpayer_id,period,form,filed_on,taxable_sales,output_tax,input_tax,opening_credit,input_transfer_out,deducted_tax,\
                  closing_credit,deducted_special_tax,deducted_agri_tax,deducted_transport_tax,refund_of_credit";
    let returns: Vec<String> = (1..=5).flat_map(|n| (3..=9).map(move |month| filed(n, month))).collect();
    load(&place, "vat_return", header, &returns);
    load(
        &place,
        "arrears",
        "taxpayer_id,tax_code,period,due_on,amount",
        &[format!("{},vat,202506,2025-07-15,200000.00", id(2))],
    );
    load(&place, "enforcement_case", CASE, &[format!("AJ3,{},audit,2025-10-10,,", id(3))]);
    let payment = format!("{},vat,202508,P1,2025-09-15,100.00,declared,", id(6));
    load(
        &place,
        "tax_payment",
        "taxpayer_id,tax_code,period,voucher_no,paid_on,amount,kind,refund_kind",
        &[payment],
    );
    let mismatch = format!("{},202508,2025-09-16,发票销售额与申报销售额,1000.00,at_desk,", id(5));
    load(&place, "vat_mismatch", "taxpayer_id,period,found_on,rule,difference,state,cleared_on", &[mismatch]);
    let invoice =
        format!("I1,e_special,2025-09-10 10:00:00,{},{},1000.00,130.00,1130.00,valid,202509", id(6), id(1));
    load(
        &place,
        "invoice",
        "invoice_id,kind,issued_at,seller_id,buyer_id,amount,tax,total,status,deducted_period",
        &[invoice],
    );
    let asked = |n: usize| format!("A{n},{},202509,ind4,800000.00,2025-10-13,2025-10-13,,,", id(n));
    load(&place, "refund_application", APPLICATION, &(1..=5).map(asked).collect::<Vec<_>>());
    place.run(&["scan", "--as-of", "202509"]).ok();
    place
}

#[test]
fn a_queue_to_the_fen_and_the_day() {
    let place = place();
    let first = place.run(&["policies", "refunds", "--as-of", "2025-10-20", "--format", "csv"]).ok();
    first.says("2025-10-20: 5 applications under way, 0 overdue").says("2 hold (暂停办理)");
    let rows = "select application_no, proposal, change, reasons, amount, eligible, difference, clock, days_used, due_on, days_left, part, answer, failed, missing \
                from refund_queue where as_of = date '2025-10-20' order by 1";
    let wanted = "\
A1,release,new,,800000.00,800000.00,0.00,running,5,2025-10-27,5,ind4,to_be_confirmed,,
A2,adjust,new,,800000.00,600000.00,200000.00,running,5,2025-10-27,5,ind4,over_claimed,,
A3,hold,new,audit,800000.00,800000.00,0.00,running,5,2025-10-27,5,ind4,to_be_confirmed,,
A4,refuse,new,,800000.00,0.00,800000.00,running,5,2025-10-27,5,ind4,claimed_not_due,rating,
A5,hold,new,mismatch,800000.00,800000.00,0.00,running,5,2025-10-27,5,ind4,to_be_confirmed,,
";
    assert_eq!(place.sql(rows), wanted);
    let why = "select reason, holds, evidence from refund_reason where application_no = 'A3' order by reason = 'audit', reason";
    let why = place.sql(why);
    assert!(
        why.lines().count() == 5 && why.matches(",false,").count() == 4 && why.contains("audit,true"),
        "{why}"
    );
    assert!(why.contains("AJ3") && why.contains("enforcement_case-"), "the row that decides is named: {why}");
    place.run(&["policies", "explain", "B29", &id(2), "202510"]).ok().shows("抵减的增值税欠税 200,000.00元");

    // The same night again changes nothing, and leaves no trace.
    let files = place.files();
    place.run(&["policies", "refunds", "--as-of", "2025-10-20"]).ok().says("nothing changed");
    assert_eq!(place.files(), files);
    assert_eq!(place.sql(rows), wanted);

    // One is decided, of one the audit ends, one is held by its office; two nights later.
    load(
        &place,
        "refund_application",
        APPLICATION,
        &[format!("A1,{},202509,ind4,800000.00,2025-10-13,2025-10-13,2025-10-21,granted,800000.00", id(1))],
    );
    load(&place, "enforcement_case", CASE, &[format!("AJ3,{},audit,2025-10-10,2025-10-21,no_issue", id(3))]);
    let held = format!("A5,2025-10-21,{},202509,mismatch,", id(5));
    load(
        &place,
        "refund_suspension",
        "application_no,suspended_on,taxpayer_id,period,reason,resumed_on",
        &[held],
    );
    let second = place.run(&["policies", "refunds", "--as-of", "2025-10-22"]).ok();
    second.says("since 2025-10-20: 0 new, 0 newly held, 1 newly released, 0 changed, 1 left");
    let rows = rows.replace("10-20", "10-22");
    let wanted = "\
A1,decided,left,,800000.00,,,running,6,2025-10-27,4,,,,
A2,adjust,same,,800000.00,600000.00,200000.00,running,7,2025-10-27,3,ind4,over_claimed,,
A3,release,newly_released,,800000.00,800000.00,0.00,running,7,2025-10-27,3,ind4,to_be_confirmed,,
A4,refuse,same,,800000.00,0.00,800000.00,running,7,2025-10-27,3,ind4,claimed_not_due,rating,
A5,hold,same,mismatch,800000.00,800000.00,0.00,suspended,6,,,ind4,to_be_confirmed,,
";
    assert_eq!(place.sql(&rows), wanted);
    // Both nights are kept; the next one does not tell of what left before.
    assert_eq!(place.number("select count(distinct as_of) from refund_queue"), 2);
    place
        .run(&["policies", "refunds", "--as-of", "2025-10-28"])
        .ok()
        .says("4 applications under way, 3 overdue")
        .says("0 left");

    // An office sees its own; a file has all columns.
    let own = place
        .run(&["policies", "refunds", "--as-of", "2025-10-20", "--office", "1331", "--format", "csv"])
        .ok()
        .out;
    assert!(
        own.lines().count() == 2 && own.contains("A1,") && own.contains("release"),
        "decided since, not by that day: {own}"
    );
    place
        .run(&[
            "policies",
            "refunds",
            "--as-of",
            "2025-10-22",
            "--office",
            "1330",
            "--only",
            "hold",
            "--format",
            "csv",
            "--to",
            "held.csv",
        ])
        .ok();
    let file = std::fs::read_to_string(place.path("held.csv")).unwrap();
    assert!(file.lines().count() == 2 && file.contains("国家税务总局公告2025年第20号第七条"), "{file}");
    place.run(&["policies", "refunds", "--office", "9"]).code(1).says("no office 9");
}

#[test]
fn calendars_of_ones_own_and_years_nobody_knows() {
    let place = place();
    let due = |place: &Place| {
        place.sql("select application_no, due_on, missing from refund_queue where application_no in ('A1', 'L1') order by 1")
    };
    // A warehouse's own year takes the place of the one that ships; a day in the table that of the year.
    std::fs::create_dir_all(place.path("wh/definitions")).unwrap();
    let own = "[year.2025]\nnotice = \"本局\"\nsource = \"V\"\nholidays = [{ zh = \"停办\", from = 2025-10-20, to = 2025-10-21, days = 2 }]\nworked = []\n";
    place.file("wh/definitions/calendar.toml", own);
    place.run(&["policies", "refunds", "--as-of", "2025-10-20"]).ok();
    assert_eq!(due(&place), "A1,2025-10-29,\n");
    load(&place, "workday", "day,is_workday", &["2025-10-18,true".to_owned()]);
    place.run(&["policies", "refunds", "--as-of", "2025-10-20"]).ok();
    assert_eq!(due(&place), "A1,2025-10-28,\n");
    place.file("wh/definitions/calendar.toml", own.replace("days = 2", "days = 3"));
    place.run(&["policies", "refunds", "--as-of", "2025-10-20"]).code(1).says("are 2 days, not 3");
    std::fs::remove_file(place.path("wh/definitions/calendar.toml")).unwrap();
    // The term runs into a year without a notice: the clock is not guessed, the year is named.
    let late = format!("L1,{},202509,ind4,800000.00,2026-12-24,2026-12-24,,,", id(1));
    load(&place, "refund_application", APPLICATION, &[late]);
    let run = place.run(&["policies", "refunds", "--as-of", "2026-12-28"]).ok();
    run.says("the working days of 2027 are not known");
    let last = place.sql(
        "select due_on, missing from refund_queue where as_of = date '2026-12-28' and application_no = 'L1'",
    );
    assert!(last.starts_with(',') && last.contains("工作日历"), "{last}");
}

#[test]
fn nothing_to_judge() {
    Place::new().run(&["policies", "refunds"]).code(1).says("assay ingest refund_application");
}

#[test]
fn applications_of_a_generated_economy() {
    let place = Place::new();
    let generate = ["generate", "--taxpayers", "8000", "--start", "202407", "--months", "18", "--seed", "8"];
    place.run(&generate).ok();
    // Of whom the last month's credit is asked for, all are open; of the others all are decided.
    assert_eq!(
        place.sql("select distinct decision is null from refund_application where period = 202512"),
        "true\n"
    );
    assert_eq!(
        place.sql("select distinct decision from refund_application where period < 202512"),
        "granted\n"
    );
    let run = place.run(&["policies", "refunds", "--as-of", "2026-01-26"]).ok();
    // No scan yet: nobody knows of suspicions, so nothing is released.
    assert!(!run.err.contains("release"), "{}", run.err);
    place.run(&["scan", "--as-of", "202512"]).ok();
    place.run(&["policies", "refunds", "--as-of", "2026-01-26"]).ok();
    let queue = "from refund_queue where as_of = date '2026-01-26'";
    let open = place.number(
        "select count(*) from refund_application where received_on <= date '2026-01-26' and decision is null",
    );
    // Few are owed one: a large credit for half a year, grown since the last year ended or in an industry that gets all of it.
    assert!(open >= 3, "{open}");
    assert_eq!(place.number(&format!("select count(*) {queue}")), open);
    let text = place
        .run(&["sql", "--format", "csv", &format!("select proposal, count(*) as n {queue} group by 1")])
        .ok()
        .out;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let counts: BTreeMap<String, i64> =
        reader.deserialize::<(String, i64)>().map(|row| row.unwrap()).collect();
    assert!(counts.contains_key("hold"), "{counts:?}");
    // Each proposal follows from what stands beside it.
    let wrong = format!(
        "select count(*) {queue} and (\
         (proposal = 'hold') <> (reasons <> '' and coalesce(eligible > 0, true) and proposal <> 'terminate') \
         or (proposal = 'release' and (eligible is null or difference > 1 or missing <> '')) \
         or (proposal = 'refuse' and eligible > 0) \
         or difference <> amount - eligible or (clock = 'suspended') <> (due_on is null))"
    );
    assert_eq!(place.number(&wrong), 0, "{}", place.sql(&format!("select application_no, proposal, reasons, amount, eligible, difference, missing, clock, due_on {queue}")));
    // A second, plain writing of three of the reasons.
    let audits = "select count(*) from refund_reason r where r.as_of = date '2026-01-26' and r.reason = 'audit' and r.holds is distinct from \
                  (exists (select 1 from enforcement_case c where c.taxpayer_key = r.taxpayer_key and c.kind = 'audit' and c.opened_on <= date '2026-01-26' \
                  and (c.closed_on is null or c.closed_on > date '2026-01-26'))) and r.missing not like '%resumed_on%'";
    assert_eq!(place.number(audits), 0);
    assert_eq!(
        place.number(
            &audits
                .replace("'audit' and r.holds", "'mismatch' and r.holds")
                .replace("enforcement_case c", "vat_mismatch c")
                .replace("c.kind = 'audit' and ", "")
                .replace("opened_on", "found_on")
                .replace("closed_on", "cleared_on")
        ),
        0
    );
    // Nothing may be refunded beyond the credit less arrears.
    let beyond = format!(
        "select count(*) from (select application_no, taxpayer_key, period, eligible {queue}) q join vat_return r on r.taxpayer_key = q.taxpayer_key \
         and r.period = q.period and r.form = 'general' where q.eligible > r.closing_credit"
    );
    assert_eq!(place.number(&beyond), 0);
}
