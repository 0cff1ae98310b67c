//! `assay taxpayer`: the page of a taxpayer says what SQL says; nobody unknown gets a page.

use serde_json::Value;

use crate::support::{Place, SELLER, invoice, invoices};

/// One row of a query as JSON.
fn one(place: &Place, query: &str) -> Value {
    let run = place.run(&["sql", query, "--format", "json"]).ok();
    let rows: Vec<Value> = serde_json::from_str(&run.out).unwrap();
    rows.into_iter().next().unwrap_or_else(|| panic!("no row: {query}"))
}

fn text(row: &Value, column: &str) -> String {
    match &row[column] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `1234567.5` yuan as the page shows them in 10,000 yuan: `123.46`.
fn wan(yuan: f64) -> String {
    let shown = format!("{:.2}", yuan / 10_000.0);
    let (whole, rest) = shown.split_once('.').unwrap();
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped}.{rest}")
}

fn generated() -> Place {
    let place = Place::new();
    place.run(&["generate", "--taxpayers", "300", "--start", "202501", "--months", "12", "--seed", "7"]).ok();
    place
}

#[test]
fn the_page_says_what_sql_says() {
    let place = generated();
    place.run(&["scan"]).ok();
    place.run(&["tasks", "open"]).ok();
    let worst = one(
        &place,
        "select t.task_no, t.taxpayer_id, t.taxpayer_key, t.hit_count, t.taxpayer_name, r.legal_rep_key from task t \
         join taxpayer r on r.taxpayer_key = t.taxpayer_key and r.valid_to is null where t.hit_count > 1 and t.taxpayer_id not in (select taxpayer_id from enforcement_case where kind = 'audit' \
         and closed_on is null) order by t.sequence limit 1",
    );
    let (id, key) = (text(&worst, "taxpayer_id"), text(&worst, "taxpayer_key"));
    let sums = one(
        &place,
        &format!(
            "select count(*) as n, cast(sum(amount) filter (where status <> 'void') as double) as amount from invoice \
             where seller_key = {key} and period between 202501 and 202512"
        ),
    );

    let file = place.path("page.html");
    place.run(&["taxpayer", &id, "--report", file.to_str().unwrap()]).ok().shows(".html");
    let page = std::fs::read_to_string(&file).unwrap();
    for shown in [
        text(&worst, "taxpayer_name"),
        text(&worst, "task_no"),
        wan(sums["amount"].as_f64().unwrap()),
        format!("人员编号 {}", text(&worst, "legal_rep_key")),
        format!("命中疑点</span><b>{}项", text(&worst, "hit_count")),
    ] {
        assert!(page.contains(&shown), "the page does not show {shown}");
    }
    for absent in ["http://", "https://", "<script", "legal_rep"] {
        let found = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!found.contains(absent), "the page has {absent}");
    }

    let run = place.run(&["taxpayer", &id, "--format", "json"]).ok();
    let json: Value = serde_json::from_str(&run.out).unwrap();
    let rows = json["sections"]["invoices"]["months"]["rows"].as_array().unwrap();
    let sold: i64 = rows.iter().filter_map(|row| row["sold_n"].as_i64()).sum();
    assert_eq!(sold, sums["n"].as_i64().unwrap());
    let hits = json["sections"]["risk"]["hits"]["rows"].as_array().unwrap().len();
    assert_eq!(hits.to_string(), text(&worst, "hit_count"));
    assert_eq!(json["taxpayer_id"], worst["taxpayer_id"]);

    place.run(&["taxpayer", &id]).ok().shows("【税负与同业】").shows("合计");
    place.run(&["taxpayer", &id, "--format", "csv"]).code(1).says("json");
    place.run(&["taxpayer", &id, "--as-of", "202513"]).code(2).says("no month");
}

#[test]
fn nobody_unknown_gets_a_page() {
    let place = generated();
    let file = place.path("nobody.html");
    let known = one(
        &place,
        "select taxpayer_id, name from taxpayer where valid_to is null order by taxpayer_id limit 1",
    );
    let id = text(&known, "taxpayer_id");
    let wrong = format!("{}{}", &id[..17], if id.ends_with('0') { '1' } else { '0' });
    let run = place.run(&["taxpayer", &wrong, "--report", file.to_str().unwrap()]).code(1);
    run.says(&id).says("assay sql");
    assert!(!file.exists());
    place.run(&["taxpayer", "x' or '1'='1"]).code(1).says("no taxpayer");
}

#[test]
fn what_is_not_there_is_said() {
    let place = Place::new();
    place.file("i.csv", invoices(&[invoice("1", "2024-03-01", "100.00")]));
    place.run(&["ingest", "invoice", "i.csv"]).ok();
    let run = place.run(&["taxpayer", SELLER]).ok();
    run.shows("未登记纳税人").shows("请先扫描").shows("基本信息：未接入该数据").shows("用电：未接入该数据");
}
