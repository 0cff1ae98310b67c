//! Policies as an analyst uses them: asked by a scan, held against what a generated economy has planted, explained, summed up,
//! changed for a look.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::Place;

fn rows(place: &Place, args: &[&str]) -> Vec<BTreeMap<String, String>> {
    let text = place.run(&[args, &["--format", "csv"]].concat()).ok().out;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

#[test]
fn policies_are_asked_explained_and_changed() {
    let place = Place::new();
    let generate = ["generate", "--taxpayers", "8000", "--start", "202401", "--months", "21", "--seed", "7"];
    place.run(&generate).ok();
    place.run(&["policies", "effect"]).code(1).says("assay policies answer");
    place.run(&["scan", "--as-of", "202509"]).ok();

    // The policies that are claimed wrongly or forgotten, of each several firms where it concerns many.
    let planted = planted_is_found(&place, "202509");
    assert!(planted.len() >= 15, "{planted:#?}");
    assert!(
        ["B04", "B08", "B10", "B13", "B17", "B23", "B39"].iter().all(|policy| planted[*policy] >= 12.0),
        "{planted:#?}"
    );

    // What was found goes to the offices, with the suspicions of the same taxpayer or alone; nobody is forgotten.
    place.run(&["tasks", "open", "--by", "李四"]).ok();
    let tasks = rows(&place, &["tasks", "list"]);
    let withheld = rows(&place, &["tasks", "withheld"]);
    let seen: BTreeSet<&str> = tasks.iter().chain(&withheld).map(|row| row["taxpayer_id"].as_str()).collect();
    let wrong = "select taxpayer_id, policy from policy_finding where answer = 'claimed_not_due' and amount >= 100 order by taxpayer_id";
    let wrong = rows(&place, &["sql", wrong]);
    assert!(
        wrong.len() > 5 && wrong.iter().all(|row| seen.contains(row["taxpayer_id"].as_str())),
        "{wrong:?}"
    );
    let alone = rows(&place, &["tasks", "list", "--kind", "benefit"]);
    assert!(!alone.is_empty() && alone.len() < tasks.len());
    let one =
        wrong.iter().find(|row| tasks.iter().any(|task| task["taxpayer_id"] == row["taxpayer_id"])).unwrap();
    place
        .run(&["tasks", "show", &one["taxpayer_id"]])
        .ok()
        .shows(&format!("{} 不应享而享", one["policy"]))
        .shows("申报享受");

    // Each answer adds up with the counts.
    let findings = place.sql("select count(*) from policy_finding where as_of = 202509");
    let counted =
        place.sql("select sum(taxpayers) from policy_count where as_of = 202509 and answer <> 'not_due'");
    assert_eq!(findings, counted);

    let due = "select min(taxpayer_id) from policy_finding where policy = 'B17' and answer = 'due_claimed'";
    let who = place.sql(due);
    let explained = place.run(&["policies", "explain", "B17", who.trim(), "202509"]).ok();
    explained
        .shows("结论：应享已享")
        .shows("【满足】应纳税所得额不超过300万元")
        .shows("cit_return")
        .shows("_row");
    place.run(&["policies", "explain", "B17", who.trim(), "202508"]).code(1).says("not the last month");
    place.run(&["policies", "explain", "B17", "nobody", "202509"]).code(1).says("no taxpayer nobody");
    place.run(&["policies", "explain", "B99", who.trim(), "202509"]).code(1).says("did you mean `B09`");

    let effect = rows(&place, &["policies", "effect", "--by", "size"]);
    assert!(effect.iter().any(|row| row["policy"] == "B17" && row["grp"].contains("微型")), "{effect:#?}");
    place.run(&["policies", "effect", "--as-of", "202508"]).code(1).says("asked: 202509");

    let page = place.path("why.html");
    place.run(&["policies", "explain", "B17", who.trim(), "202509", "--report", "why.html"]).ok();
    let page = std::fs::read_to_string(page).unwrap();
    for part in ["应享已享", "应纳税所得额不超过300万元", "满足", "行号", "cit_return"] {
        assert!(page.contains(part), "{part}");
    }

    // Small-scale taxpayers of Hubei are none of this province: who had the relief elsewhere has it no more.
    let differ = rows(&place, &["policies", "diff", "B06", "1", "3", "--as-of", "202509"]);
    let had = |row: &BTreeMap<String, String>| {
        row["before_answer"] == "due_claimed" && row["after_answer"].is_empty()
    };
    assert!(!differ.is_empty() && differ.iter().any(had), "{differ:#?}");
    let same = rows(&place, &["policies", "diff", "B06", "1", "1", "--as-of", "202509"]);
    assert!(same.is_empty(), "{same:#?}");

    // A higher limit lets some in and nobody out, and touches nothing.
    place.file("change.toml", "[policies.B17]\nlimits = { income = \"5000000\" }\n");
    let simulated = rows(&place, &["policies", "simulate", "change.toml", "--as-of", "202509"]);
    assert_eq!(simulated.len(), 1, "{simulated:#?}");
    let of = |name: &str| simulated[0][name].parse::<f64>().unwrap();
    assert!(
        simulated[0]["policy"] == "B17"
            && of("entering") > 0.0
            && of("leaving") == 0.0
            && of("revenue") < 0.0
    );
    assert!((of("revenue") - (of("due_before") - of("due_after"))).abs() < 0.005, "{simulated:#?}");
    place.file("bad.toml", "[policies.B17]\nlimits = { incom = \"1\" }\n");
    place.run(&["policies", "simulate", "bad.toml"]).code(1).says("`income`");
    assert_eq!(findings, place.sql("select count(*) from policy_finding where as_of = 202509"));

    // Asked again, the same.
    place.run(&["policies", "answer", "--as-of", "202509"]).ok();
    assert_eq!(findings, place.sql("select count(*) from policy_finding"));

    // In December the settlement of the year takes the place of the last prepayment: some put their claims right with it.
    place.run(&["policies", "answer", "--as-of", "202412"]).ok();
    let settled = planted_is_found(&place, "202412");
    assert!(["B17", "B23"].iter().all(|policy| settled[*policy] >= 10.0), "{settled:#?}");
    let right = "select count(*) > 0 from truth_relief as q where tax_code = 'cit' and period_type = 'Q' and period = 202412 and not exists
        (select 1 from truth_relief as y where y.taxpayer_id = q.taxpayer_id and y.period_type = 'Y' and y.period = q.period)";
    assert!(place.sql(right).contains("true"));

    spans_answer_as_months_do(&place);
}

/// Several months asked at once answer as each of them does, and answers of other policies and months stay.
fn spans_answer_as_months_do(place: &Place) {
    let said = |month: &str| {
        let sql = format!(
            "select period, policy, version, part, taxpayer_key, answer, claimed, benefit, amount, failed, missing, needs_reverify, facts
            from policy_finding where as_of = {month} and period = {month} and policy in ('B04', 'B10', 'B17')
            order by policy, version, taxpayer_key"
        );
        rows(place, &["sql", &sql])
    };
    let others = "select as_of, count(*) from policy_finding where policy not in ('B04', 'B10', 'B17') group by as_of order by as_of";
    let counts = "select as_of, period, policy, version, answer, taxpayers, amount from policy_count where as_of = 202509
        order by policy, version, answer";
    let (asked, kept, counted) = (said("202509"), place.sql(others), rows(place, &["sql", counts]));
    let answer = ["policies", "answer", "--only", "B04,B10,B17"];
    let span = [&answer[..], &["--from", "202507", "--to", "202509"]].concat();
    place.run(&span).ok().says("202507 to 202509");
    assert!(asked.len() > 100 && asked == said("202509"));
    assert_eq!(counted, rows(place, &["sql", counts]));
    assert_eq!(kept, place.sql(others));
    let august = said("202508");
    assert!(
        august.iter().any(|row| row["policy"] == "B10") && !august.iter().any(|row| row["policy"] == "B17")
    );

    place.run(&[&answer[..], &["--as-of", "202508"]].concat()).ok();
    assert_eq!(august, said("202508"));
    let quarter = "select distinct period from policy_finding where as_of = 202508 and policy = 'B17'";
    assert_eq!(rows(place, &["sql", quarter])[0]["period"], "202506");
    // Asked again, nobody stands there twice.
    place.run(&span).ok();
    assert_eq!(august, said("202508"));

    place
        .run(&["policies", "answer", "--from", "202509", "--to", "202507"])
        .code(1)
        .says("earlier month first");
    place.run(&["policies", "answer", "--only", "B99"]).code(1).says("did you mean `B09`");
    place.run(&["policies", "answer", "--from", "202509"]).code(2).says("--to");
}

/// Holds the answers of a month against what is planted: of every policy at least 98 percent is found, at least 98 percent of what is told was
/// planted, and all amounts are right to the cent. Comes to what is planted and can be told, by policy.
fn planted_is_found(place: &Place, as_of: &str) -> BTreeMap<String, f64> {
    let mut planted = BTreeMap::new();
    for row in rows(place, &["policies", "evaluate", "--as-of", as_of]) {
        let of = |name: &str| row[name].parse::<f64>().unwrap();
        assert!(of("found") >= 0.98 * (of("planted") - of("cannot_tell")), "{row:#?}");
        assert!(of("found") >= 0.98 * of("told"), "{row:#?}");
        assert!(of("exact") == of("found"), "{row:#?}");
        *planted.entry(row["policy"].clone()).or_default() += of("planted") - of("cannot_tell");
    }
    planted
}

#[test]
fn policies_of_ones_own_take_the_place_of_those_that_ship() {
    let place = Place::new();
    let shipped = place.run(&["policies", "show", "B34"]).ok().out;
    assert!(shipped.contains("财税〔2011〕100号"), "{shipped}");
    std::fs::create_dir_all(place.path("wh/definitions/policies")).unwrap();
    place.file("wh/definitions/policies/B34.toml", "code = \"B34\"\nname = 1\n");
    let run = place.run(&["policies", "check"]).code(1);
    run.says("B34.toml:2:").says("[[versions]]");
    place.run(&["policies", "coverage"]).code(1).says("B34.toml");
}

/// A taxpayer's prepayment of the third quarter, filed again on a day with other employees.
fn amended(place: &Place, taxpayer: &str, employees: u32, filed_on: &str) {
    let sql = format!(
        "select * exclude (taxpayer_key, filed_on, employees_avg, _source, _file, _row, _batch, _ingested_at) \
         from cit_return where taxpayer_id = '{taxpayer}' and period = 202409 and period_type = 'Q'"
    );
    let text = place.run(&["sql", "--format", "csv", &sql]).ok().out;
    let (header, row) = text.trim_end().split_once('\n').unwrap();
    assert!(!row.contains('\n'), "{text}");
    let file = format!("amended_{filed_on}.csv");
    place.file(&file, format!("{header},filed_on,employees_avg\n{row},{filed_on},{employees}\n"));
    place.run(&["ingest", "cit_return", &file]).ok();
}

#[test]
fn facts_that_come_in_late_reopen_what_they_touch() {
    let place = Place::new();
    let generate = ["generate", "--taxpayers", "1200", "--start", "202401", "--months", "12", "--seed", "7"];
    place.run(&generate).ok();
    for month in ["202406", "202409"] {
        place.run(&["policies", "answer", "--as-of", month]).ok();
    }
    // What was there when a month was asked is no late fact.
    let first = place.run(&["scan", "--as-of", "202412"]).ok();
    assert!(!first.err.contains("came in late"), "{}", first.err);
    let who = place.sql(
        "select min(taxpayer_id) from policy_finding as f where policy = 'B17' and as_of = 202409 and answer = 'due_claimed' \
         and claimed > 10000 and not exists (select 1 from enforcement_case as c where c.taxpayer_key = f.taxpayer_key)",
    );
    let who = who.trim();
    let others = format!(
        "select count(*), sum(taxpayer_key * period % 1000003), sum(amount), sum(benefit) from policy_finding where as_of <= 202409 and taxpayer_id <> '{who}'"
    );
    let before = place.sql(&others);

    // More employees than a small enterprise has: the relief of that quarter was claimed without title.
    amended(&place, who, 400, "2024-12-20");
    let again = place.run(&["scan", "--as-of", "202412"]).ok();
    again.says("facts about 202409 or before came in late");
    let changes = rows(&place, &["sql", "select * from policy_change order by policy"]);
    assert!(changes.iter().all(|row| row["taxpayer_id"] == who && row["as_of"] == "202409"), "{changes:#?}");
    let changed = changes.iter().find(|row| row["policy"] == "B17").unwrap();
    assert_eq!(
        (changed["answer_before"].as_str(), changed["answer"].as_str(), changed["found_as_of"].as_str()),
        ("due_claimed", "claimed_not_due", "202412")
    );
    assert_eq!(place.sql(&others), before);
    let same = place.run(&["scan", "--as-of", "202412"]).ok();
    assert!(same.err.contains("nothing changed") && !same.err.contains("came in late"), "{}", same.err);

    // It becomes part of the taxpayer's task, and leaves it when the return is put right.
    place.run(&["tasks", "open", "--by", "李四"]).ok();
    let shown = place.run(&["tasks", "show", who]).ok().out;
    assert!(shown.contains("B17 不应享而享") && shown.contains("从业人数不超过300人"), "{shown}");
    amended(&place, who, 20, "2024-12-28");
    place.run(&["scan", "--as-of", "202412"]).ok().says("came in late");
    place.run(&["tasks", "open", "--by", "李四"]).ok().says("no longer hold");
    place.run(&["tasks", "show", who]).ok().shows("后补资料：B17（202409）不再成立");
}
