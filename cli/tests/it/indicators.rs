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
    assert!(found.contains("\ngrade,taxpayers,guilty,innocent,others,precision\nhigh,"), "{found}");

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
