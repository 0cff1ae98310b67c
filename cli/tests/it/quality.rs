//! Data quality as its users meet it: planted defects are found and named, nothing clean is accused, only what changed
//! is measured, and the page can be read.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{BUYER, Place, SELLER, small_economy, walk, write_files};

const TAXPAYER: &str = "taxpayer_id,name,kind,vat_status,industry_code,ownership_code,region_code,office_code,registered_on,\
registered_capital,status,status_since,legal_rep_name,legal_rep_id,phone,employees,valid_from";
const INVOICE: &str =
    "invoice_id,kind,issued_at,seller_id,buyer_id,amount,tax,total,status,original_invoice_id";
const LINE: &str =
    "invoice_id,line_no,period,seller_id,buyer_id,goods_code,goods_name,quantity,unit_price,amount,rate,tax";
const RETURN: &str = "taxpayer_id,period,form,filed_on,taxable_sales,output_tax,input_tax,opening_credit,deducted_tax,\
tax_payable,closing_credit,tax_total";
const GOODS: &str = "1010101010000000000";

/// An invoice from [`SELLER`] to [`BUYER`] on a day of January 2024.
fn invoice(id: &str, day: u32, amount: i64, tax: i64, status: &str, original: &str) -> String {
    let total = amount + tax;
    format!("{id},special,2024-01-{day:02},{SELLER},{BUYER},{amount},{tax},{total},{status},{original}")
}

fn line(invoice: &str, number: u32, amount: i64) -> String {
    let tax = amount * 13 / 100;
    format!("{invoice},{number},202401,{SELLER},{BUYER},{GOODS},稻谷,1,{amount},{amount},0.13,{tax}")
}

/// A small bureau's data: register, offices, invoices with lines, returns, electricity; `dirty` plants defects.
fn bureau(dirty: bool) -> Place {
    let place = Place::new();
    let load = |table: &str, header: &str, clean: &[String], bad: &[String]| {
        let rows: Vec<&String> = clean.iter().chain(if dirty { bad } else { &[] }).collect();
        let text: Vec<String> = rows.into_iter().map(|r| format!("{r}\n")).collect();
        place.file(&format!("{table}.csv"), format!("{header}\n{}", text.concat()));
        place.run(&["ingest", table, &format!("{table}.csv")]).ok();
    };
    let office = |code: &str, level: u32, parent: &str| format!("{code},{code}局,{level},{parent},310115");
    load(
        "office",
        "office_code,name,level,parent_code,region_code",
        &[
            office("13100000000", 1, ""),
            office("13101150000", 3, "13100000000"),
            office("13101150100", 4, "13101150000"),
        ],
        &[office("13101150200", 4, "13109990000")],
    );
    let register = |id: &str, name: &str, industry: &str, person: &str, phone: &str| {
        format!(
            "{id},{name},enterprise,general,{industry},173,310115,13101150100,2020-01-01,1000000,normal,2020-01-01,\
             {person},{phone},10,2020-01-01"
        )
    };
    let wrong_person = "林冲,110105194912310021";
    load(
        "taxpayer",
        TAXPAYER,
        &[
            register(SELLER, "甲贸易有限公司", "F5111", "宋江,11010519491231002X", "13800138000"),
            register(BUYER, "乙贸易有限公司", "C1311", "吴用,440524188001010014", "021-55556666"),
        ],
        &[register("91350100M000100Y43", "丙贸易有限公司", "5111", wrong_person, "12345")],
    );
    load(
        "invoice",
        INVOICE,
        &[
            invoice("A1", 3, 1000, 130, "part_reversed", ""),
            invoice("A2", 4, -400, -52, "red", "A1"),
            invoice("A3", 5, 100, 13, "reversed", ""),
            invoice("A4", 6, 500, 65, "void", ""),
            invoice("A5", 7, 2000, 0, "valid", ""),
        ],
        &[
            invoice("D1", 8, 300, 39, "valid", "").replace(",339,", ",340,"),
            invoice("D2", 8, -300, -39, "valid", ""),
            invoice("D3", 8, 10, 1, "red", "A1"),
            invoice("D4", 8, 300, 39, "valid", "").replace(BUYER, ""),
            invoice("D5", 8, -150, -13, "red", "A3"),
            invoice("D6", 8, 100, 60, "valid", ""),
            invoice("D7", 8, -100, -13, "red", ""),
            invoice("D8", 8, 300, -39, "valid", ""),
        ],
    );
    load(
        "invoice_line",
        LINE,
        &[line("A1", 1, 400), line("A1", 2, 600), line("A3", 1, 100)],
        &[
            line("A5", 1, 1900),
            line("Z9", 1, 100),
            line("D4", 1, 300).replace(BUYER, "").replace("0.13,39", "0.12,36"),
            line("D6", 1, 100).replace(GOODS, "99999"),
            line("D1", 1, 300).replace(",1,300,300,", ",2,300,300,"),
        ],
    );
    let filed = |period: u32, opening: i64, closing: i64| {
        format!(
            "{SELLER},{period},general,2024-12-15,1000,130,{},{opening},130,0,{closing},0",
            130 + closing - opening
        )
    };
    load(
        "vat_return",
        RETURN,
        &[filed(202_401, 0, 50), filed(202_402, 50, 70)],
        &[filed(202_403, 75, 80), filed(202_406, 80, 80)],
    );
    load(
        "electricity",
        "taxpayer_id,period,meter_no,kwh,amount",
        &[format!("{SELLER},202401,M1,1000,700"), format!("{BUYER},202401,M2,1000,700")],
        &[format!("{BUYER},202401,M1,-5,700"), format!("{SELLER},199301,M3,1000,700")],
    );
    place
}

/// What was planted: rule, table and key of the row.
const PLANTED: &str = "\
Q-ALL-03,electricity,91310115MA1K39423D|199301|M3
Q-ALL-06,taxpayer,91350100M000100Y43
Q-ALL-12,invoice_line,D6|1
Q-ELE-01,electricity,91530000291993988P|202401|M1
Q-ELE-05,electricity,91310115MA1K39423D|202401|M1
Q-ELE-05,electricity,91530000291993988P|202401|M1
Q-INV-01,invoice,D1
Q-INV-03,invoice,D8
Q-INV-04,invoice,D6
Q-INV-05,invoice,D3
Q-INV-06,invoice,D2
Q-INV-10,invoice,D4
Q-INV-12,invoice,D7
Q-INV-19,invoice,D5
Q-INV-21,invoice,A5
Q-LIN-02,invoice_line,D4|1
Q-LIN-04,invoice_line,D1|1
Q-LIN-09,invoice_line,Z9|1
Q-OFF-03,office,13101150200
Q-TXP-16,taxpayer,91350100M000100Y43
Q-TXP-17,taxpayer,91350100M000100Y43
Q-VAT-11,vat_return,91310115MA1K39423D|202403|general
Q-VAT-12,vat_return,91310115MA1K39423D|202406|general
";

fn failures(place: &Place) -> String {
    place.sql("select rule, table_name, row_key from quality_failure order by 1, 2, 3")
}

#[test]
fn shipped_rules_and_their_tests_are_right() {
    Place::new().run(&["quality", "--check-rules"]).ok().shows(" 0 problems");
    let rules = Place::new().run(&["quality", "--rules", "--format", "json"]).ok().out;
    let rules: Vec<Value> = serde_json::from_str(&rules).unwrap();
    assert!(rules.len() > 200, "{}", rules.len());
}

#[test]
fn every_planted_defect_is_found_and_named_and_nothing_else() {
    let place = bureau(true);
    place.run(&["quality"]).ok().shows("table_name").shows("taxpayer");
    assert_eq!(failures(&place), PLANTED);
    let one = place.sql(
        "select message_zh, message_en, column_name, value, taxpayer_id, _file, _row, severity from quality_failure where rule = 'Q-INV-01'",
    );
    assert_eq!(
        one,
        format!(
            "价税合计 340.00 ≠ 金额 300.00 + 税额 39.00,total 340.00 is not amount 300.00 plus tax 39.00,total,340.00,{SELLER},invoice.csv,7,high\n"
        )
    );
    // Counts say the same as rows.
    let counts = place.sql(
        "select rule, table_name, sum(failed) from quality_score where rule like 'Q-%' group by 1, 2 having sum(failed) > 0 order by 1, 2",
    );
    let rows =
        place.sql("select rule, table_name, count(*) from quality_failure group by 1, 2 order by 1, 2");
    assert_eq!(counts, rows);
    // The worst come first, and one table can be asked for.
    place
        .run(&["quality", "--by", "rule", "--format", "csv"])
        .ok()
        .shows("Q-ELE-05,electricity,uniqueness,medium,");
    place.run(&["quality", "electricity", "--show", "failures"]).ok().shows("用电量是 -5");
}

#[test]
fn clean_data_is_not_accused() {
    let place = bureau(false);
    place.run(&["quality"]).ok();
    assert_eq!(failures(&place), "");
    assert_eq!(place.sql("select * from quality_alert"), "");
    // It was looked at: rules judged rows in every table.
    assert_eq!(place.number("select count(distinct table_name) from quality_score where checked > 0"), 6);
    let scores = place.run(&["quality", "--by", "table", "--format", "csv"]).ok().out;
    assert_eq!(scores.matches(",100.0,优").count(), 6, "{scores}");
}

#[test]
fn personal_values_lie_in_the_vault_only() {
    let place = bureau(true);
    place.run(&["quality"]).ok();
    let open = place.sql("select * from quality_failure where table_name = 'taxpayer'");
    assert!(!open.contains("110105194912310021") && !open.contains("林冲"), "{open}");
    let clear = place.sql_personal(
        "select f.rule, v.value from quality_failure f join vault.quality_value v on v.failure_id = f.failure_id order by 1",
    );
    assert_eq!(clear, "Q-TXP-16,110105194912310021\nQ-TXP-17,12345\n");
    place.run(&["quality", "--no-refresh", "--report", "q.html"]).ok();
    let page = std::fs::read(place.path("q.html")).unwrap();
    for name in ["林冲", "110105194912310021", "12345<"] {
        assert!(!String::from_utf8_lossy(&page).contains(name), "{name}");
    }
    walk(&place.path("wh/tables"), &mut |path| {
        let bytes = std::fs::read(path).unwrap();
        let found = bytes.windows(18).any(|w| w == b"110105194912310021");
        assert!(!found, "{}", path.display());
    });
}

/// One query a rule over the stored rows gives what the one pass counted, for every row rule and every source and
/// month, and names the same rows.
#[test]
fn one_pass_counts_what_one_query_a_rule_counts() {
    let place = bureau(true);
    write_files(&place, small_economy());
    place.run(&["ingest", "office", "files/office.csv"]).ok();
    place.run(&["ingest", "taxpayer", "files/taxpayer.csv"]).ok();
    place.run(&["ingest", "invoice", "files/invoice_*.csv"]).ok();
    place.run(&["quality"]).ok();
    let rules = place.run(&["quality", "--rules", "--format", "json"]).ok().out;
    let rules: Vec<Value> = serde_json::from_str(&rules).unwrap();
    let text = |rule: &Value, key: &str| rule[key].as_str().unwrap_or_default().to_owned();
    let mut by_table: BTreeMap<String, Vec<(String, String, String)>> = BTreeMap::new();
    for rule in rules.iter().filter(|r| text(r, "kind") == "row") {
        let applies = Some(text(rule, "applies")).filter(|w| !w.is_empty()).unwrap_or_else(|| "true".into());
        by_table.entry(text(rule, "table")).or_default().push((
            text(rule, "rule"),
            applies,
            text(rule, "condition"),
        ));
    }
    let mut compared = 0;
    for (table, rules) in by_table {
        if place.number(&format!("select count(*) from {table}")) == 0 {
            continue;
        }
        let period = if place.run(&["sql", &format!("select period from {table} limit 1")]).code == 0 {
            "period"
        } else {
            "null"
        };
        let naive: Vec<String> = rules
            .iter()
            .map(|(id, applies, condition)| {
                format!(
                    "select '{id}' as rule, _source as source, {period} as period, \
                     count(*) filter (where ({applies}) and ({condition}) is not null) as checked, \
                     count(*) filter (where ({applies}) and not ({condition})) as failed, \
                     count(*) filter (where ({applies}) and ({condition}) is null) as unknown \
                     from {table} group by 2, 3"
                )
            })
            .collect();
        let order = "order by 1, 2, 3";
        let naive = place.sql(&format!("select * from ({}) {order}", naive.join(" union all ")));
        let ids: Vec<String> = rules.iter().map(|(id, _, _)| format!("'{id}'")).collect();
        let fused = place.sql(&format!(
            "select rule, source, period, checked, failed, unknown from quality_score \
             where table_name = '{table}' and rule in ({}) {order}",
            ids.join(", ")
        ));
        assert_eq!(fused, naive, "{table}");
        compared += rules.len();
        for (id, applies, condition) in &rules {
            let rows = place.sql(&format!(
                "select _file, _row from {table} where ({applies}) and not ({condition}) \
                 except select _file, _row from quality_failure where rule = '{id}' and table_name = '{table}'"
            ));
            assert_eq!(rows, "", "{id} of {table}");
        }
    }
    assert!(compared > 60, "{compared} rules compared");
}

#[test]
fn only_what_changed_is_measured_again() {
    let place = Place::new();
    place.file(
        "a.csv",
        format!("{INVOICE}\n{}\n", invoice("A", 1, 100, 13, "valid", "").replace(",113,", ",114,")),
    );
    let february = invoice("B", 1, 100, 13, "valid", "").replace("2024-01", "2024-02");
    place.file("b.csv", format!("{INVOICE}\n{}\n", february.replace(",113,", ",115,")));
    place.run(&["ingest", "invoice", "a.csv"]).ok();
    place.run(&["ingest", "invoice", "b.csv"]).ok();
    let run = place.run(&["quality", "--by", "month"]).ok();
    run.says("measured 2 units (2 rows)").says("2 failing rows added");
    let state = place.files();
    let again = place.run(&["quality", "--by", "month"]).ok();
    assert_eq!(again.err, "");
    assert_eq!(place.files(), state, "a second run writes nothing");
    // A corrected February: its unit alone is measured, its finding is gone, January's stays.
    place.file("c.csv", format!("{INVOICE}\n{february}\n"));
    place.run(&["ingest", "invoice", "c.csv"]).ok();
    place
        .run(&["quality", "--by", "month"])
        .ok()
        .says("measured 1 units (1 rows)")
        .says("0 failing rows added");
    assert_eq!(place.sql("select row_key, value from quality_failure where rule = 'Q-INV-01'"), "A,114.00\n");
    assert_eq!(
        place.sql("select period, failed from quality_score where rule = 'Q-INV-01' order by 1"),
        "202401,1\n202402,0\n"
    );
    // Looking without measuring changes nothing; every measuring is remembered.
    place.run(&["quality", "--no-refresh", "--show", "scores"]).ok();
    assert_eq!(
        place.number("select count(distinct measured_at) from quality_history where table_name = 'invoice'"),
        2
    );
}

#[test]
fn a_column_nobody_delivers_is_one_finding_about_the_feed() {
    let place = Place::new();
    let load = |name: &str, header: &str, rows: &[&str]| {
        place.file(name, format!("{header}\n{}\n", rows.join("\n")));
        place.run(&["ingest", "invoice", name]).ok();
        place.run(&["quality"]).ok();
    };
    let failing = || place.sql("select rule, row_key from quality_failure order by 1, 2");
    let alerts =
        || place.sql("select rule, claim, severity, source, period, value, message_en from quality_alert");
    let row = |id: &str, tax: &str| format!("{id},2024-01-05,{SELLER},{BUYER},100,{tax},valid");
    let header = "invoice_id,issued_at,seller_id,buyer_id,amount,tax,status";
    load("a.csv", header, &[&row("A", "13"), &row("B", ""), &row("C", "13")]);
    // No file says what kind of invoice it is. That one has no tax is a row's own fault: others have it.
    assert_eq!(failing(), "Q-INV-02,B\n");
    let about = "Q-INV-11,defect,low,canonical.invoice,,3.0,\"the feed does not bring kind: 3 rows fail “the kind is there”\"\n";
    assert_eq!(alerts().replace('\"', ""), about.replace('\"', ""));
    // They count as failing all the same.
    let counted = "select sum(checked), sum(failed) from quality_score where rule = 'Q-INV-11'";
    assert_eq!(place.sql(counted), "3,3\n");
    // Once a file has the column, its rows without it are at fault themselves; the earlier ones still are not.
    let with = |id: &str, kind: &str| format!("{},{kind}", row(id, "13"));
    load("b.csv", &format!("{header},kind"), &[&with("D", "special"), &with("E", "")]);
    assert_eq!(failing(), "Q-INV-02,B\nQ-INV-11,E\n");
    assert_eq!(alerts().replace('\"', ""), about.replace('\"', ""));
    assert_eq!(place.sql(counted), "5,4\n");
}

#[test]
fn a_warehouse_has_rules_of_its_own() {
    let place = bureau(false);
    place.run(&["quality"]).ok();
    std::fs::create_dir_all(place.path("wh/definitions/quality")).unwrap();
    let rule = |ok: &str| {
        format!(
            "table = \"electricity\"\noff = [\"Q-ELE-04\"]\n[[rule]]\nid = \"X-1\"\ndimension = \"validity\"\nseverity = \"high\"\n\
             zh = \"用电量不超过500\"\nen = \"at most 500\"\nok = \"{ok}\"\ncolumns = [\"kwh\"]\n\
             message = {{ zh = \"用电量 {{kwh}}\", en = \"{{kwh}} kWh\" }}\nfix = {{ zh = \"核对\", en = \"check\", by = \"source\" }}\n\
             [rule.test]\ngood = [{{ kwh = 500 }}]\nbad = [{{ kwh = 501 }}]\n"
        )
    };
    place.file("wh/definitions/quality/own.toml", rule("kwh <= 500"));
    place.run(&["quality", "--check-rules"]).ok();
    place.run(&["quality"]).ok();
    let found = place.sql("select rule, message_zh from quality_failure order by 1, 2");
    assert_eq!(found, "X-1,用电量 1000\nX-1,用电量 1000\n");
    assert_eq!(place.number("select count(*) from quality_score where rule = 'Q-ELE-04'"), 0);
    // A wrong one stops the measuring, with file and line; its wrong test is named too.
    place.file(
        "wh/definitions/quality/own.toml",
        rule("khw <= 500").replace("bad = [{ kwh = 501 }]", "bad = []"),
    );
    place.run(&["quality"]).code(1).says("own.toml:9:").says("khw");
    place.run(&["quality", "--check-rules"]).code(1).says("khw");
    place.run(&["quality", "--no-refresh", "--by", "table"]).ok();
}

#[test]
fn the_page_says_what_to_do_and_shows_it() {
    let place = bureau(true);
    place.run(&["quality", "invoice", "--report", "quality.html"]).ok().says("wrote quality.html");
    let page = std::fs::read_to_string(place.path("quality.html")).unwrap();
    for part in [
        "数据质量报告",
        "<svg",
        "价税合计 = 金额 + 税额",
        "价税合计 340.00 ≠ 金额 300.00 + 税额 39.00",
        "与开票系统原始数据核对，更正后重新报送",
        "数据提供方",
        "invoice.csv 第 7 行",
    ] {
        assert!(page.contains(part), "the page lacks {part}");
    }
    assert!(
        !page.contains("http://")
            || page.matches("http://").count() == page.matches("http://www.w3.org").count()
    );
    Place::new().run(&["quality", "--report", "empty.html"]).code(1).says("nothing was measured yet");
}

/// 价税合计 ≠ 金额 + 税额 in 2 + 1 + 2 + 0 rows of the files, of which the repeated ones are kept once.
#[test]
fn the_real_set_has_the_known_faults() {
    let Some(files) = crate::reconcile::real_files() else { return };
    let place = Place::new();
    let mut args = vec!["ingest".to_owned(), "all".into(), "--mapping".into(), "cumcm2020c".into()];
    args.extend(files.iter().map(|f| f.display().to_string()));
    place.run(&args).ok();
    place.run(&["quality", "--by", "source"]).ok();
    let found = place.sql(
        "select source, sum(checked) > 0, sum(failed) from quality_score where rule = 'Q-INV-01' group by 1 order by 1",
    );
    assert_eq!(
        found,
        "cumcm2020c.1.issued,true,1\ncumcm2020c.1.received,true,2\ncumcm2020c.2.issued,true,0\ncumcm2020c.2.received,true,2\n"
    );
    // No file says the kind of an invoice or what a red one reverses: findings about feeds, not about rows.
    let rules = "('Q-INV-11', 'Q-INV-12', 'Q-TXP-03', 'Q-TXP-05', 'Q-TXP-09')";
    assert_eq!(place.number(&format!("select count(*) from quality_failure where rule in {rules}")), 0);
    let found = place.sql(&format!(
        "select rule, count(*), sum(value) from quality_alert where period is null and rule in {rules} group by 1 order by 1"
    ));
    assert_eq!(
        found,
        "Q-INV-11,4,1087776.0\nQ-INV-12,4,19287.0\nQ-TXP-03,2,425.0\nQ-TXP-05,2,425.0\nQ-TXP-09,2,369.0\n"
    );
    assert!(place.number("select count(*) from quality_failure") < 100);
    // Signs and states were mapped right: no clean row is accused of them.
    let wrong = place.sql(
        "select rule, count(*) from quality_failure where rule in ('Q-INV-05', 'Q-INV-06', 'Q-INV-07', 'Q-ALL-03') group by 1",
    );
    assert_eq!(wrong, "");
}

#[test]
fn codes_are_tables_and_functions() {
    let place = Place::new();
    assert_eq!(
        place.sql("select code_valid('region', '310115'), code_valid('region', '999999'), code_valid('goods', null), code_name('industry', 'F5111')"),
        "true,false,,谷物、豆及薯类批发\n"
    );
    assert_eq!(place.number("select count(*) from codes.goods where node = 'leaf'"), 3551);
    assert_eq!(
        place.sql("select name from codes.region where code = '140726' and last_edition = '2018'"),
        "太谷县\n"
    );
    place
        .run(&["sql", "select code_valid('colour', 'x')"])
        .code(1)
        .says("no code list colour; there are industry, region");
}
