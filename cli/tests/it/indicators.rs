//! Writing an indicator of one's own, what it costs, and weights learnt from labels.

use crate::support::{Place, assay, invoice, invoices};

#[test]
fn a_new_indicator_passes_its_tests_and_is_explained() {
    let place = Place::new();
    place.file("a.csv", invoices(&[invoice("A", "2020-01-05", "1.00")]));
    place.run(&["ingest", "invoice", "a.csv"]).ok();
    let file = place.run(&["indicators", "new", "J01"]).ok().says("assay indicators test J01").out;
    let text = std::fs::read_to_string(place.path(file.trim())).unwrap();
    assert!(text.starts_with("# J01:") && text.contains("code = \"J01\""), "{text}");
    place.run(&["indicators", "check"]).ok().shows(" 0 problems");
    let passed = place.run(&["indicators", "test", "J01", "--format", "csv"]).ok();
    assert_eq!(passed.out, "code,passed,failed\nJ01,4,0\n");
    let explained = place.run(&["indicators", "explain", "J01", "--plan"]).ok();
    let explained = explained
        .shows("issued_n = ")
        .shows("pass rollup_sold: ")
        .shows("sum(sold_void_n), 201902 to 202001");
    // The one it is made after reads the same.
    explained.shows(" I05 ").shows("AggregateExec");
    place.run(&["indicators", "new", "J01"]).code(1).says("already defined");
    place.run(&["indicators", "new", "I05"]).code(1).says("already defined");
    place.run(&["indicators", "new", "mine"]).code(1).says("J01");
    place.run(&["indicators", "explain", "J02"]).code(1).says("no indicator `J02`").says("did you mean");
}

#[test]
fn columns_and_form_of_definitions_are_listed() {
    let place = Place::new();
    place.run(&["indicators", "features"]).ok().shows("sold_void_n").shows("开具作废份数");
    let schema = place.run(&["indicators", "schema"]).ok().out;
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(schema["properties"]["severity"]["enum"], serde_json::json!(["high", "medium", "low"]));
}

#[test]
fn tasks_are_held_against_labels_and_weights_learnt_from_them() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| assay(folder.path(), args);
    run(&["generate", "-w", "w", "--taxpayers", "300", "--months", "12", "--start", "202501"]).ok();
    run(&["-w", "w", "tasks", "evaluate"]).code(1).says("assay scan");
    run(&["-w", "w", "scan"]).ok();
    let found = run(&["-w", "w", "tasks", "evaluate", "--format", "csv"]).ok().out;
    let mills: Vec<&str> =
        found.lines().find(|line| line.starts_with("invoice_mill,")).unwrap().split(',').collect();
    assert!(mills[1].parse::<u32>().unwrap() > 0 && mills[3] == "1.0", "{found}");
    // Of those labelled under its name who have a task, and whose task is high.
    let number = |at: usize| mills[at].parse::<f64>().unwrap();
    assert!((number(10) - number(2) / (number(2) + number(8))).abs() < 1e-3, "{found}");
    assert!((number(11) - number(4) / (number(4) + number(9))).abs() < 1e-3, "{found}");
    assert!(found.contains("\ngrade,taxpayers,guilty,innocent,others,precision,recall\nhigh,"), "{found}");

    let before = run(&["-w", "w", "sql", "--format", "csv", "select sum(score) from score"]).ok().out;
    let shown = run(&["-w", "w", "indicators", "weigh", "--format", "csv"]).ok().out;
    assert!(shown.contains("code,name,guilty_hit,honest_hit,ratio,weight_now,weight_learnt\n"), "{shown}");
    let card = folder.path().join("w/definitions/scorecard.toml");
    assert!(!card.exists(), "weights are written when asked only");
    run(&["-w", "w", "indicators", "weigh", "--write"]).ok().says("scorecard.toml");
    assert!(std::fs::read_to_string(&card).unwrap().contains("\n[weights]\n"));
    run(&["-w", "w", "scan"]).ok();
    let after = run(&["-w", "w", "sql", "--format", "csv", "select sum(score) from score"]).ok().out;
    assert_ne!(before, after);
    std::fs::write(&card, std::fs::read_to_string(&card).unwrap() + "Z01 = 0.5\n").unwrap();
    run(&["-w", "w", "scan"]).code(1).says("scorecard.toml").says("Z01");
    // Elsewhere there are no labels.
    let place = Place::new();
    place.run(&["tasks", "evaluate"]).code(1).says("only a generated economy");
}

/// What a change would do is what it does once it is written down.
#[test]
fn a_change_is_judged_before_it_is_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| assay(folder.path(), &[&["-w", "w"], args].concat());
    run(&["generate", "--taxpayers", "300", "--months", "12", "--start", "202501"]).ok();
    run(&["scan"]).ok();
    let of = |sql: &str| {
        run(&["sql", "--format", "csv", sql]).ok().out.lines().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let hits = "select count(*) from hit where indicator = 'I05'";
    let tasks = "select count(*) from task";
    let seen = |args: &[&str]| {
        let out = run(&[&["indicators", "backtest", "I05", "--format", "json"], args].concat()).ok().out;
        serde_json::from_str::<serde_json::Value>(&out).unwrap()
    };
    let total = |effect: &serde_json::Value, side: usize| {
        effect["grades"].as_array().unwrap().iter().map(|g| g[side].as_u64().unwrap()).sum::<u64>()
    };
    // Against its absence.
    let effect = seen(&[]);
    assert_eq!((effect["hits"][0].as_u64(), effect["hits"][1].as_u64()), (Some(0), Some(of(hits))));
    assert_eq!(total(&effect, 2), of(tasks));
    let effect = seen(&["--change", "line=0.02"]);
    assert_eq!((effect["hits"][0].as_u64(), total(&effect, 1)), (Some(of(hits)), of(tasks)));
    assert!(effect["gained"].as_u64() > Some(0) && effect["lost"] == 0, "{effect}");
    let offices =
        effect["offices"].as_array().unwrap().iter().map(|o| o["then"].as_u64().unwrap()).sum::<u64>();
    assert_eq!(offices, total(&effect, 2));

    let file =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../indicators/catalogue/A1-invoices/I05-void-share.toml");
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.find("[[lines]]").unwrap();
    let line = text[lines..].find("value = 0.1\n").unwrap() + lines;
    let own = folder.path().join("w/definitions/indicators");
    std::fs::create_dir_all(&own).unwrap();
    let changed = format!("{}value = 0.02\n{}", &text[..line], &text[line + "value = 0.1\n".len()..]);
    // A version that was used means what it meant.
    let (before, run_of) = (of(hits), "select count(*) from scan_run");
    std::fs::write(own.join("I05.toml"), &changed).unwrap();
    run(&["scan"])
        .code(1)
        .says("I05 version 1 was used by the scan as of 202512")
        .says("raise its version to 2");
    assert_eq!((of(hits), of(run_of)), (before, 1));
    // What it only says may change.
    std::fs::write(own.join("I05.toml"), text.replace("作废率偏高", "作废率高")).unwrap();
    run(&["scan"]).ok();
    std::fs::write(own.join("I05.toml"), changed.replace("version = 1\n", "version = 2\n")).unwrap();
    run(&["scan"]).ok();
    assert_eq!(of("select count(*) from indicator_version where indicator = 'I05'"), 2);
    assert_eq!((effect["hits"][1].as_u64(), total(&effect, 2)), (Some(of(hits)), of(tasks)));

    run(&["indicators", "backtest", "I05", "--change", "line.9=1"]).code(1).says("no line 9");
    run(&["indicators", "backtest", "I05", "--change", "lime=1"]).code(1).says("write line=VALUE");
    run(&["indicators", "backtest", "I00"]).code(1).says("no indicator I00");
    run(&["indicators", "backtest"]).code(1).says("--labels");
}
