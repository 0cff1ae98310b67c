//! One TOML file to one [`Policy`], with everything wrong in its form. Whether its expressions mean something is
//! `check.rs`'s business.

use chrono::NaiveDate;
use toml::Spanned;
use toml::de::DeValue;

use super::definition::{
    Answer, Condition, Expected, Policy, PolicyTest, RELIEF, Rounding, Test, Version, WAIVED,
};
use crate::definition::{Bilingual, Fact, Grain, Op, Unit};
use crate::parse::{TAXES, bilingual, check_code, date, facts, number_text, read_basis, test_facts};
use crate::period;
use crate::problem::{Problem, SourceFile};
use crate::reader::{At, Sink, TableReader, a, as_string};

/// Taxes and fees a policy may name beside those of indicators.
const FEES: &[(&str, &str)] =
    &[("education", "education"), ("local", "local"), ("disabled_fund", "disabled_fund")];

/// Reads one definition file. The policy is `None` when a part it cannot do without is missing or wrong.
pub fn parse(file: &SourceFile) -> (Option<Policy>, Vec<Problem>) {
    let mut sink = Sink::new(file);
    let document = sink.parse();
    let mut top = TableReader::new(document.get_ref(), 0..0, "the policy");
    let policy = policy(&mut top, &mut sink);
    top.finish(&mut sink);
    (policy, sink.problems)
}

fn policy(t: &mut TableReader<'_, '_>, s: &mut Sink<'_>) -> Option<Policy> {
    // Everything is read before the first `?`, so that one run reports every missing part.
    let code = t.string("code", s).inspect(|code| check_code(code, s));
    let name = bilingual(t, "name", s);
    let taxes: Vec<(&str, &str)> = TAXES.iter().chain(FEES).copied().collect();
    let tax = t.word("tax", &taxes, s);
    let grain = t.word("grain", Grain::WORDS, s);
    let relief_codes = texts(t, "relief_codes", s);
    let claim_lines = bilingual(t, "claim_lines", s);
    let claim = t.optional_string("claim", s).unwrap_or_else(|| At::new(RELIEF.to_owned(), 0..0));
    let concerns = t.optional_string("concerns", s);
    let group = t.optional_string("group", s).map(|text| text.value);
    let waivable = flag(t, "waivable", s);
    let tolerance = t.get("tolerance").and_then(|value| number_text(value, "tolerance", s));
    let advice = bilingual(t, "advice", s);
    let evidence = t.string("evidence", s);
    let notes = if t.get("notes").is_some() { bilingual(t, "notes", s) } else { None };
    let facts = facts(t, s);
    let versions: Vec<Version> = read_versions(t, s);
    let tests: Vec<PolicyTest> = read_tests(t, s);
    if versions.is_empty() {
        s.add(&(0..0), "no [[versions]]", "add at least one with `from`, `conditions` and `benefit`");
    }
    let (code, grain) = (code?, grain?);
    let mut facts = facts?;
    facts.push(built_in(RELIEF, Unit::Money, "已申报减免额", "relief claimed"));
    facts.push(built_in(WAIVED, Unit::Bool, "已放弃优惠", "gave the benefit up"));
    Some(Policy {
        code,
        name: name?,
        tax: tax?.to_owned(),
        grain,
        relief_codes,
        claim_lines: claim_lines?,
        claim,
        concerns,
        group,
        waivable: waivable.unwrap_or(false),
        tolerance: tolerance.unwrap_or_else(|| At::new("1".to_owned(), 0..0)),
        advice: advice?,
        evidence: evidence?,
        notes,
        facts,
        versions,
        tests,
    })
}

/// Its expression depends on the version and is made when a period is compiled.
fn built_in(name: &str, unit: Unit, zh: &str, en: &str) -> Fact {
    Fact {
        name: At::new(name.to_owned(), 0..0),
        expr: At::new(String::new(), 0..0),
        unit,
        label: Bilingual { zh: zh.to_owned(), en: en.to_owned() },
    }
}

fn flag(t: &mut TableReader<'_, '_>, key: &'static str, s: &mut Sink<'_>) -> Option<bool> {
    let value = t.get(key)?;
    let found = value.get_ref().as_bool();
    if found.is_none() {
        s.add(&value.span(), format!("`{key}` is {}", a(value.get_ref())), "write true or false");
    }
    found
}

fn texts(t: &mut TableReader<'_, '_>, key: &'static str, s: &mut Sink<'_>) -> Vec<String> {
    let Some(value) = t.get(key) else { return Vec::new() };
    list_of_texts(value, key, s).unwrap_or_default()
}

fn list_of_texts(value: &Spanned<DeValue<'_>>, key: &str, s: &mut Sink<'_>) -> Option<Vec<String>> {
    let Some(items) = value.get_ref().as_array() else {
        s.add(&value.span(), format!("`{key}` is {}", a(value.get_ref())), "write a list of texts");
        return None;
    };
    Some(items.iter().filter_map(|item| as_string(item, key, s)).map(|text| text.value).collect())
}

fn read_versions(t: &mut TableReader<'_, '_>, s: &mut Sink<'_>) -> Vec<Version> {
    let tables = t.tables("versions", s);
    let read = |(n, table)| read_version(i32::try_from(n).unwrap_or(i32::MAX).saturating_add(1), table, s);
    tables.into_iter().enumerate().filter_map(read).collect()
}

fn read_version(number: i32, mut t: TableReader<'_, '_>, s: &mut Sink<'_>) -> Option<Version> {
    let span = t.span().clone();
    let from = t.need("from", s).and_then(|_| date(&mut t, "from", s));
    let to = date(&mut t, "to", s);
    let needs_reverify = date(&mut t, "needs_reverify", s);
    let part = t.optional_string("part", s).map(|text| text.value);
    let basis: Vec<_> = t.tables("basis", s).into_iter().filter_map(|b| read_basis(b, s)).collect();
    let phrase = t.optional_string("phrase", s).map(|text| text.value);
    let reviewer = t.string("reviewer", s).map(|text| text.value);
    let reviewed_on = t.need("reviewed_on", s).and_then(|_| date(&mut t, "reviewed_on", s));
    let ended_by = t.optional_string("ended_by", s).map(|text| text.value);
    let kept_by = t.optional_string("kept_by", s).map(|text| text.value);
    let concerns = t.optional_string("concerns", s);
    let relief_codes = t.get("relief_codes").and_then(|value| list_of_texts(value, "relief_codes", s));
    let conditions: Vec<_> =
        t.tables("conditions", s).into_iter().filter_map(|table| read_condition(table, s)).collect();
    let benefit = t.string("benefit", s);
    let rounding = t.word("round", Rounding::WORDS, s);
    let documents = t.tables("documents", s).into_iter().filter_map(|table| both(table, s)).collect();
    t.finish(s);
    if basis.is_empty() {
        s.add(&span, "a version without `basis`", "name the document and its source mark");
    }
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        s.add(&span, format!("the version runs from {from} to {to}"), "put the earlier date in `from`");
    }
    Some(Version {
        number,
        part,
        from: from?,
        to,
        needs_reverify,
        basis,
        phrase,
        reviewer: reviewer?,
        reviewed_on: reviewed_on?,
        ended_by,
        kept_by,
        concerns,
        relief_codes,
        conditions,
        benefit: benefit?,
        rounding: rounding?,
        documents,
        span,
    })
}

fn both(mut t: TableReader<'_, '_>, s: &mut Sink<'_>) -> Option<Bilingual> {
    let (zh, en) = (t.string("zh", s), t.string("en", s));
    t.finish(s);
    Some(Bilingual { zh: zh?.value, en: en?.value })
}

fn read_condition(mut t: TableReader<'_, '_>, s: &mut Sink<'_>) -> Option<Condition> {
    let span = t.span().clone();
    let name = t.string("name", s);
    let (zh, en) = (t.string("zh", s), t.string("en", s));
    let holds = t.optional_string("holds", s);
    let value = t.optional_string("value", s);
    let op = t.optional_word("op", Op::WORDS, s);
    let limit = t.optional_string("limit", s);
    let equal_unsaid = flag(&mut t, "equal_unsaid", s).unwrap_or(false);
    let document = flag(&mut t, "document", s).unwrap_or(false);
    t.finish(s);
    let test = match (holds, value, op, limit, document) {
        (Some(holds), None, None, None, false) => Test::Holds(holds),
        (None, Some(value), Some(op), Some(limit), false) => Test::Limit { value, op, limit, equal_unsaid },
        (None, None, None, None, true) => Test::Document,
        _ => {
            let remedy = "write `holds = …`, or `value`, `op` and `limit`, or `document = true`";
            s.add(&span, "a condition without a test, or with several", remedy);
            return None;
        }
    };
    Some(Condition { name: name?, test, label: Bilingual { zh: zh?.value, en: en?.value } })
}

/// Test rows; one `like` another starts with that row's facts.
fn read_tests(t: &mut TableReader<'_, '_>, s: &mut Sink<'_>) -> Vec<PolicyTest> {
    let mut tests: Vec<PolicyTest> = Vec::new();
    for mut table in t.tables("tests", s) {
        let like = table.optional_string("like", s);
        let Some(mut test) = read_test(table, s) else { continue };
        if let Some(like) = like {
            match tests.iter().find(|known| known.name == like.value) {
                Some(first) => inherit(&mut test, first),
                None => {
                    let remedy = "name a row that stands above";
                    s.add(&like.span, format!("no test row `{}`", like.value), remedy);
                }
            }
        }
        tests.push(test);
    }
    tests
}

fn inherit(test: &mut PolicyTest, first: &PolicyTest) {
    let own = |name: &str| {
        test.facts.iter().any(|(own, _)| own.value == name) || test.unknown.iter().any(|u| u == name)
    };
    let more: Vec<_> = first.facts.iter().filter(|(name, _)| !own(&name.value)).cloned().collect();
    test.facts.extend(more);
}

fn read_test(mut t: TableReader<'_, '_>, s: &mut Sink<'_>) -> Option<PolicyTest> {
    let span = t.span().clone();
    let name = t.string("name", s);
    let month = t.need("period", s).and_then(|_| t.optional_integer("period", 190_001..=299_912, s));
    let month = month.and_then(|month| i32::try_from(month).ok());
    let part = t.optional_string("part", s).map(|text| text.value);
    let facts = match t.get("facts") {
        Some(value) => test_facts(value, s),
        None => Some(Vec::new()),
    };
    let unknown = texts(&mut t, "unknown", s);
    let answer = t.string("answer", s);
    let benefit = t.get("benefit").and_then(|value| number_text(value, "benefit", s));
    let amount = t.get("amount").and_then(|value| number_text(value, "amount", s));
    let failed = t.get("failed").and_then(|value| list_of_texts(value, "failed", s));
    let missing = t.get("missing").and_then(|value| list_of_texts(value, "missing", s));
    t.finish(s);
    if month.is_some_and(|month| !period::is_period(month)) {
        s.add(&span, "`period` is no month", "write the last month of the period as YYYYMM");
    }
    let answer = read_answer(&answer?, s)?;
    let name = name?.value;
    Some(PolicyTest {
        name,
        period: month?,
        part,
        facts: facts?,
        unknown,
        answer,
        benefit,
        amount,
        failed,
        missing,
        span,
    })
}

fn read_answer(text: &At<String>, s: &mut Sink<'_>) -> Option<Expected> {
    let found = Expected::of_word(&text.value);
    if found.is_none() {
        let answers = Answer::ALL.iter().map(|answer| answer.as_str());
        let words: Vec<&str> = answers.chain(Expected::WORDS.iter().map(|(word, _)| *word)).collect();
        s.add(
            &text.span,
            format!("`answer` is `{}`", text.value),
            format!("write one of {}", words.join(", ")),
        );
    }
    found
}

/// The first and last day of a period of some months that ends with a month.
pub(crate) fn days(period: i32, months: i32) -> Option<(NaiveDate, NaiveDate)> {
    Some((period::start(period::add(period, 1 - months))?, period::end(period)?))
}
