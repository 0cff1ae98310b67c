//! Policies: those that ship, and what the language means.

use assay_indicators::policy::{Policy, PolicyChange, Rulebook, check_policy, gaps, run_policy_tests};
use assay_indicators::{Catalogue, Problem, SourceFile};
use chrono::NaiveDate;

use super::support::session;

#[test]
fn shipped_policies_are_sound_and_wholly_tried() {
    let (book, problems) = Rulebook::load(None).unwrap();
    assert!(problems.is_empty(), "{problems:#?}");
    let (mut catalogue, problems) = Catalogue::load(None).unwrap();
    assert!(problems.is_empty(), "{problems:#?}");
    book.declare(&mut catalogue.features);
    let state = session().state();
    for entry in book.entries() {
        let problems = check_policy(&state, &catalogue.features, &book.parameters, entry);
        assert!(problems.is_empty(), "{problems:#?}");
        let gaps = gaps(&state, entry, &book.parameters);
        assert!(gaps.is_empty(), "{gaps:#?}");
    }
}

const PARAMETERS: &str = r#"
[line]
name = { zh = "线", en = "line" }
values = [
    { from = 2020-01-01, to = 2020-12-31, value = 100 },
    { from = 2021-01-01, value = 200 },
]
"#;

/// A policy with a closed limit, a yes-or-no condition, and whatever a test adds.
fn policy(head: &str, conditions: &str, tests: &str) -> String {
    format!(
        r#"
code = "Z01"
name = {{ zh = "试验政策", en = "Trial" }}
tax = "vat"
grain = "quarter"
relief_codes = ["0001011608"]
claim_lines = {{ zh = "申报表", en = "Return" }}
waivable = true
advice = {{ zh = "按规定办理", en = "Do it" }}
evidence = "SELECT 1 FROM invoice WHERE seller_key = $taxpayer_key AND period BETWEEN $from AND $to"
{head}
[facts]
sales = {{ expr = "trailing(sold_amount, 3)", unit = "money", zh = "销售额", en = "sales" }}
small = {{ expr = "vat_status = 'small_scale'", unit = "bool", zh = "小规模", en = "small" }}

[[versions]]
from = 2020-01-01
to = 2021-12-31
reviewer = "t"
reviewed_on = 2026-11-22
basis = [{{ doc = "某文", source = "V" }}]
conditions = [
    {{ name = "small", zh = "小规模纳税人", en = "small", holds = "small" }},
    {{ name = "line", zh = "不超过线", en = "below the line", value = "sales", op = "<=", limit = "$line * $months" }},
{conditions}
]
benefit = "sales * 0.025"
round = "cent"
{tests}
"#
    )
}

fn row(name: &str, period: i32, facts: &str, expected: &str) -> String {
    format!("\n[[tests]]\nname = \"{name}\"\nperiod = {period}\nfacts = {{ {facts} }}\n{expected}\n")
}

fn book(text: &str) -> (Rulebook, Vec<Problem>) {
    let files = vec![SourceFile::new("parameters.toml", PARAMETERS), SourceFile::new("Z01.toml", text)];
    Rulebook::from_files(vec![files])
}

/// Everything wrong with a policy, test rows included.
fn wrong(text: &str) -> Vec<Problem> {
    let (book, mut problems) = book(text);
    let (mut catalogue, _) = Catalogue::load(None).unwrap();
    book.declare(&mut catalogue.features);
    let state = session().state();
    for entry in book.entries() {
        problems.extend(check_policy(&state, &catalogue.features, &book.parameters, entry));
    }
    problems
}

#[test]
fn every_answer_has_its_case() {
    let due = "small = true, sales = 300.00";
    let rows = [
        row("on the closed line", 202_003, &format!("{due}, relief = 7.50"), "answer = \"due_claimed\"\nbenefit = 7.50"),
        row("forgotten", 202_003, due, "answer = \"due_not_claimed\"\namount = 7.50"),
        row("too much", 202_003, &format!("{due}, relief = 10.00"), "answer = \"over_claimed\"\namount = 2.50"),
        row("too little", 202_003, &format!("{due}, relief = 5.00"), "answer = \"under_claimed\"\namount = 2.50"),
        row("a yuan off", 202_003, &format!("{due}, relief = 8.50"), "answer = \"due_claimed\""),
        row("one cent over", 202_003, "small = true, sales = 300.01, relief = 7.50", "answer = \"claimed_not_due\"\namount = 7.50\nfailed = [\"line\"]"),
        row("ten percent over", 202_003, "small = true, sales = 330.00", "answer = \"near_line\"\nfailed = [\"line\"]"),
        row("more than that", 202_003, "small = true, sales = 330.01", "answer = \"not_due\""),
        row("near, but for another reason too", 202_003, "small = false, sales = 310.00", "answer = \"not_due\""),
        row("the line of the next year", 202_103, "small = true, sales = 600.00", "answer = \"due_not_claimed\""),
        row("status not known", 202_003, "sales = 100.00", "answer = \"cannot_tell\"\nmissing = [\"small\"]"),
        row("one condition fails, another is not known", 202_003, "small = false, relief = 5.00", "answer = \"claimed_not_due\"\nfailed = [\"small\"]"),
        row("given up", 202_003, &format!("{due}, waived = true"), "answer = \"waived\""),
        row("given up and claimed", 202_003, &format!("{due}, waived = true, relief = 7.50"), "answer = \"claimed_not_due\""),
        row("worth nothing", 202_003, "small = true, sales = 0", "answer = \"not_due\"\nbenefit = 0"),
        row("worth nothing, and an earlier claim taken back", 202_003, "small = true, sales = 0, relief = -5.00", "answer = \"not_due\""),
        row("worth something, and an earlier claim taken back", 202_003, &format!("{due}, relief = -5.00"), "answer = \"due_not_claimed\"\namount = 7.50"),
        row("rounded half away from zero", 202_003, "small = true, sales = 250.20", "answer = \"due_not_claimed\"\nbenefit = 6.26"),
        row("before", 201_912, due, "answer = \"not_in_force\""),
        row("after", 202_203, due, "answer = \"not_in_force\""),
        "\n[[tests]]\nname = \"claims not known\"\nlike = \"forgotten\"\nperiod = 202003\nunknown = [\"relief\"]\nanswer = \"cannot_tell\"\nmissing = [\"relief\"]\n".to_owned(),
    ];
    let problems = wrong(&policy("", "", &rows.concat()));
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn documents_and_unsaid_boundaries_are_to_be_confirmed() {
    let due = "small = true, sales = 200.00";
    let paper = "    { name = \"contract\", zh = \"书面合同\", en = \"contract\", document = true },";
    let rows = [
        row(
            "claims",
            202_003,
            &format!("{due}, relief = 5.00"),
            "answer = \"to_be_confirmed\"\namount = 5.00",
        ),
        row(
            "claims more than it could be",
            202_003,
            &format!("{due}, relief = 9.00"),
            "answer = \"over_claimed\"",
        ),
        row(
            "a fact fails",
            202_003,
            "small = false, sales = 200.00, relief = 5.00",
            "answer = \"claimed_not_due\"",
        ),
    ];
    let problems = wrong(&policy("", paper, &rows.concat()));
    assert!(problems.is_empty(), "{problems:#?}");

    let unsaid = "    { name = \"floor\", zh = \"达到下限\", en = \"floor\", value = \"sales\", op = \">=\", limit = \"200\", equal_unsaid = true },";
    let rows = [
        row("on it", 202_003, due, "answer = \"to_be_confirmed\""),
        row("beside it", 202_003, "small = true, sales = 200.01", "answer = \"due_not_claimed\""),
    ];
    let problems = wrong(&policy("", unsaid, &rows.concat()));
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn whom_a_policy_does_not_concern_can_be_expected() {
    let due = "small = true, sales = 200.00";
    let scope = "concerns = \"sales > 100\"";
    let rows = [
        row("asked", 202_003, due, "answer = \"due_not_claimed\""),
        row("below", 202_003, "small = true, sales = 100.00", "answer = \"not_concerned\""),
        row("not known whether", 202_003, "small = true", "answer = \"not_concerned\""),
    ];
    let problems = wrong(&policy(scope, "", &rows.concat()));
    assert!(problems.is_empty(), "{problems:#?}");

    let rows = [
        row("asked all the same", 202_003, due, "answer = \"not_concerned\""),
        row("below", 202_003, "small = true, sales = 100.00", "answer = \"not_due\""),
        row("no version", 201_912, due, "answer = \"not_concerned\""),
    ];
    let problems = wrong(&policy(scope, "", &rows.concat()));
    let said = |message: &str| problems.iter().any(|p| p.message.contains(message));
    assert!(said("the answer is due_not_claimed") && said("expected not_concerned"), "{problems:#?}");
    assert!(said("the answer is not_concerned") && said("expected not_due"), "{problems:#?}");
    assert!(said("the answer is not_in_force, expected not_concerned"), "{problems:#?}");
}

#[test]
fn mistakes_are_told_with_place_and_remedy() {
    let text = policy(
        "concerns = \"smal\"",
        "    { name = \"both\", zh = \"条件\", en = \"c\", holds = \"small\", document = true },",
        "",
    );
    let problems = wrong(&text);
    let said = |message: &str| problems.iter().any(|p| p.message.contains(message) && p.line > 1);
    assert!(said("a condition without a test, or with several"), "{problems:#?}");
    assert!(said("unknown fact `smal`"), "{problems:#?}");
    let text = policy("", "", "").replace("$line", "$lime");
    let problems = wrong(&text);
    assert!(problems.iter().any(|p| p.remedy.contains("`line`")), "{problems:#?}");
    let text = policy(
        "",
        "",
        &row(
            "expects another",
            202_003,
            "small = true, sales = 1.00, relief = 900.00",
            "answer = \"waived\"",
        ),
    );
    let problems = wrong(&text);
    assert!(
        problems.iter().any(|p| p.message.contains("over_claimed") && p.message.contains("expected waived")),
        "{problems:#?}"
    );
}

#[test]
fn a_change_changes_what_it_names_and_nothing_else() {
    let row = row(
        "beyond the line",
        202_003,
        "small = true, sales = 450.00",
        "answer = \"due_not_claimed\"\nbenefit = 11.25",
    );
    let text = policy("", "", &row);
    let (book, problems) = book(&text);
    assert!(problems.is_empty(), "{problems:#?}");
    let state = session().state();
    let failed =
        |book: &Rulebook| run_policy_tests(&state, book.get("Z01").unwrap(), &book.parameters).failed;
    let day: NaiveDate = "2020-03-31".parse().unwrap();
    let changed = |text: &str| book.changed(&PolicyChange::parse("change.toml", text).unwrap(), day);
    assert_eq!(failed(&book), 1);
    assert_eq!(failed(&changed("[parameters]\nline = 150").unwrap()), 0);
    assert_eq!(failed(&changed("[policies.Z01]\nlimits = { line = \"450\" }").unwrap()), 0);
    assert_eq!(failed(&changed("[policies.Z01]\nconditions = { line = \"true\" }").unwrap()), 0);
    assert_eq!(failed(&changed("[policies.Z01]\nbenefit = \"1\"").unwrap()), 1);
    assert!(changed("[parameters]\nlime = 1").unwrap_err().contains("`line`"));
    assert!(changed("[policies.Z01]\nlimits = { small = \"1\" }").unwrap_err().contains("no limit"));
    assert!(PolicyChange::parse("change.toml", "").unwrap_err().contains("changes nothing"));
    let of = |book: &Rulebook| -> Policy { Policy::clone(&book.get("Z01").unwrap().policy) };
    assert_eq!(of(&book).versions[0].benefit.value, "sales * 0.025");
    let alone = book.with_version("Z01", 1, "2030-06-30".parse().unwrap()).unwrap();
    assert!(of(&alone).versions[0].in_force("2030-06-30".parse().unwrap()));
    assert!(book.with_version("Z01", 7, day).unwrap_err().contains("it has 1"));
}
