//! Wrong definitions: everything is said at once, with place and remedy.

use assay_indicators::{Problem, check};

use super::support::{LINE, catalogue, definition, session};

fn all_problems(text: &str) -> Vec<Problem> {
    let (catalogue, mut problems) = catalogue(&[text.to_owned()]);
    problems.extend(check(&session(), &catalogue));
    problems
}

fn assert_problem(problems: &[Problem], line: &str, text: &str, message: &str, remedy: &str) {
    let at = text.lines().position(|l| l.contains(line)).expect("the line is in the text") + 1;
    let found =
        problems.iter().any(|p| p.line == at && p.message.contains(message) && p.remedy.contains(remedy));
    assert!(found, "no `{message}` / `{remedy}` at line {at} in\n{problems:#?}");
}

#[test]
fn the_form_is_checked_in_one_go() {
    let text = r#"
code = "i5"
version = 1
name = { zh = "voids", en = "Voids" }
tax = "vatt"
grain = "month"
severity = "medium"
unit = "share"
colour = "red"
value = "a / b"
innocent = { zh = [], en = [] }
ask = { zh = ["合同", "流水"], en = ["contract"] }
evidence = "SELECT 1"
[facts]
a = { expr = "sold_n", unit = "number", zh = "份数", en = "n" }
b = { expr = "sold_n", unit = "count", zh = "份数" }
[message]
zh = "值{value}"
en = "{value}"
[[lines]]
op = "=>"
value = 0.1
source = "P"
[[lines]]
op = ">="
source = "X"
from = 2020-01-01
to = 2019-01-01
[[tests]]
name = "t"
facts = { a = 1 }
hit = "maybe"
"#;
    let problems = all_problems(text);
    assert_problem(&problems, "code = \"i5\"", text, "no code", "capitals");
    assert_problem(&problems, "zh = \"voids\"", text, "not Chinese", "Chinese");
    assert_problem(&problems, "tax = \"vatt\"", text, "`vatt`", "`vat`");
    assert_problem(&problems, "colour", text, "unknown key `colour`", "");
    assert_problem(&problems, "innocent", text, "0 Chinese", "both languages");
    assert_problem(&problems, "ask", text, "2 Chinese and 1 English", "both languages");
    assert_problem(&problems, "a = { expr", text, "`number`", "`count`");
    assert_problem(&problems, "b = { expr", text, "`en` is missing", "add");
    assert_problem(&problems, "op = \"=>\"", text, "`=>`", "`>=`");
    assert_problem(&problems, "source = \"X\"", text, "`X`", "`V`");
    assert!(problems.iter().any(|p| p.message.contains("without a value")), "{problems:#?}");
    assert!(problems.iter().any(|p| p.message.contains("2020-01-01 to 2019-01-01")), "{problems:#?}");
    assert_problem(&problems, "hit = \"maybe\"", text, "nothing known", "not_applicable");
    assert!(problems.iter().any(|p| p.message.contains("`family` is missing")), "{problems:#?}");
}

#[test]
fn the_meaning_is_checked_in_one_go() {
    let facts = r#"
typo = { expr = "trailing(sold_viod_n, 12)", unit = "count", zh = "数", en = "n" }
two = { expr = "trailing(sold_amount - bought_amount, 12)", unit = "money", zh = "数", en = "n" }
nested = { expr = "trailing(lag(sold_n, 1), 3)", unit = "count", zh = "数", en = "n" }
text = { expr = "sold_n +", unit = "count", zh = "数", en = "n" }
float = { expr = "sqrt(sold_n)", unit = "count", zh = "数", en = "n" }
numbers = { expr = "trailing(sold_n, many)", unit = "count", zh = "数", en = "n" }
idle = { expr = "sold_n", unit = "count", zh = "数", en = "n" }
good = { expr = "sold_n", unit = "count", zh = "数", en = "n" }
"#;
    let head = "value = \"good + missing + typo + two + nested + text + float + numbers\"\napplies = \"good\"\namount = \"sqrt(good)\"";
    let tail = format!("{LINE}[[tests]]\nname = \"t\"\nfacts = {{ good = 1 }}\nhit = false\n");
    let text = definition("X01", head, facts, &tail)
        .replace("zh = \"值{value}，{line}\"", "zh = \"值{valu}，{amount\"");
    let problems = all_problems(&text);
    assert_problem(&problems, "typo = ", &text, "unknown profile column `sold_viod_n`", "`sold_void_n`");
    assert_problem(&problems, "two = ", &text, "two tables", "one window for each");
    assert_problem(&problems, "nested = ", &text, "a window inside a window", "one");
    assert_problem(&problems, "text = ", &text, "not a SQL expression", "correct");
    assert_problem(&problems, "float = ", &text, "unit `count`", "ratio");
    assert_problem(&problems, "numbers = ", &text, "whole numbers", "trailing(expression, months)");
    assert_problem(&problems, "idle = ", &text, "not used", "remove");
    assert_problem(&problems, "value = \"good", &text, "unknown fact `missing`", "");
    assert_problem(&problems, "applies = ", &text, "not to a condition", "comparison");
    assert_problem(&problems, "amount = ", &text, "not to an exact amount", "doubles");
    assert_problem(&problems, "zh = \"值", &text, "brace", "close");
    assert!(problems.iter().any(|p| p.message.contains("no test row that fires")), "{problems:#?}");
    // The column points at the wrong word, not at the beginning of the expression.
    let typo = problems.iter().find(|p| p.message.contains("sold_viod_n")).unwrap();
    let line = text.lines().nth(typo.line - 1).unwrap();
    assert!(line.chars().skip(typo.column - 1).collect::<String>().starts_with("sold_viod_n"));
}

#[test]
fn failing_test_rows_say_what_came_out() {
    let tests = r#"
[[tests]]
name = "wrong verdict"
facts = { n = 3 }
hit = false
[[tests]]
name = "wrong value"
facts = { n = 3 }
value = 4.0
amount = 2.99
hit = true
[[tests]]
name = "strange fact"
facts = { m = 3 }
hit = true
[[tests]]
name = "right"
facts = { n = 0 }
value = 0
amount = 0
hit = false
"#;
    let facts = "n = { expr = \"sold_n\", unit = \"count\", zh = \"数\", en = \"n\" }";
    let text = definition("X01", "value = \"n\"\namount = \"n * 1.00\"", facts, &format!("{LINE}{tests}"));
    let problems = all_problems(&text);
    let said: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(problems.len(), 4, "{said:#?}");
    assert!(said.iter().any(|m| m.contains("the verdict is true (value 3") && m.contains("wrong verdict")));
    assert!(said.iter().any(|m| m.contains("the value is 3, expected 4")));
    assert!(said.iter().any(|m| m.contains("the amount is 3.00 yuan, expected 2.99")));
    assert!(said.iter().any(|m| m.contains("unknown fact `m`")));
}

#[test]
fn a_code_stands_once_in_a_layer() {
    let facts = "n = { expr = \"sold_n\", unit = \"count\", zh = \"数\", en = \"n\" }";
    let text = definition("X01", "value = \"n\"", facts, LINE);
    let (catalogue, problems) = catalogue(&[text.clone(), text]);
    assert_eq!(catalogue.entries().len(), 1);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("already in 0.toml") && problems[0].file == "1.toml");
}

#[test]
fn broken_toml_is_a_problem_with_a_place() {
    let (_, problems) = catalogue(&["code = \"X01\nversion = 1\n".to_owned()]);
    assert!(problems.iter().any(|p| p.line == 1 && p.message.contains("not valid TOML")), "{problems:#?}");
}
