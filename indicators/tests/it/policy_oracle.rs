//! Policies written a second time, as plain functions over one taxpayer and period, and held against the compiled ones on random facts,
//! unknown ones and those on a boundary included.
//!
//! The functions are written from the texts of the law, not from the definitions. What is convention rather than law (whom a policy is asked
//! of, how near a line is near) follows the notes of the policy and the table of answers in the README.
//!
//! `ASSAY_ORACLE_ROWS` [default: 2000] is the number of taxpayers a policy, part and period; `ASSAY_ORACLE_POLICY` asks one policy
//! only, `ASSAY_ORACLE_DEFINITIONS` names a folder whose `policies/` take the place of the shipped ones.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    StringArray,
};
use arrow::datatypes::{Decimal128Type, Int8Type};
use assay_indicators::Unit;
use assay_indicators::policy::{Answer, PolicyEntry, Rulebook, Ruler, Version};

use self::draw::{Dice, Draw, Row, Value, rows};
use self::logic::{Truth, all};
use super::support::session;

mod credit;
mod draw;
mod local;
mod logic;
mod people;
mod profits;
mod research;
mod sales;

const RULES: &[&[Rule]] =
    &[sales::RULES, profits::RULES, research::RULES, credit::RULES, people::RULES, local::RULES];

/// What a rule is asked, beside the facts.
pub struct Asked {
    pub code: &'static str,
    pub part: Option<&'static str>,
    /// Last month of the period.
    pub period: i32,
}

/// What a rule says of a row: each condition, what is claimed, what it is worth.
pub struct Said {
    pub concerns: Option<bool>,
    pub conditions: Vec<Truth>,
    pub claimed: Option<i128>,
    pub benefit: Option<i128>,
}

/// A policy as a plain function.
pub struct Rule {
    pub code: &'static str,
    pub part: Option<&'static str>,
    /// Periods asked, the first and the last it is in force among them.
    pub periods: &'static [i32],
    /// The periods before and after it.
    pub outside: &'static [i32],
    /// Whether a person must look at documents before it can be said to be due.
    pub documents: bool,
    pub facts: &'static [(&'static str, Draw)],
    pub say: fn(&Row, &Asked) -> Said,
}

/// What a row comes to: answer, benefit and amount at stake.
type Outcome = (Option<Answer>, Option<i128>, Option<i128>);

const TOLERANCE: i128 = 100;

/// What the conditions, the claim and the benefit come to; the order of the cases is the README's table of answers.
fn answer(said: &Said, documents: bool, waived: bool) -> Option<Answer> {
    let claims = said.claimed.map(|claimed| claimed > TOLERANCE);
    match said.concerns {
        Some(true) => {}
        Some(false) => return None,
        None if claims != Some(true) => return None,
        None => {}
    }
    let (holds, nearly) =
        (all(said.conditions.iter().map(|c| c.0)), all(said.conditions.iter().map(|c| c.1)));
    if waived && claims == Some(true) {
        return Some(Answer::ClaimedNotDue);
    }
    if waived && holds != Some(false) {
        return Some(Answer::Waived);
    }
    if holds == Some(false) {
        return Some(match claims {
            Some(true) => Answer::ClaimedNotDue,
            _ if nearly == Some(true) => Answer::NearLine,
            None => Answer::CannotTell,
            Some(false) => Answer::NotDue,
        });
    }
    let (Some(true), Some(claimed), Some(benefit)) = (holds, said.claimed, said.benefit) else {
        return Some(Answer::CannotTell);
    };
    Some(if claimed > benefit + TOLERANCE {
        Answer::OverClaimed
    } else if claimed <= TOLERANCE && benefit <= TOLERANCE {
        Answer::NotDue
    } else if documents {
        Answer::ToBeConfirmed
    } else if claimed <= TOLERANCE && benefit > claimed + TOLERANCE {
        Answer::DueNotClaimed
    } else if benefit > claimed + TOLERANCE {
        Answer::UnderClaimed
    } else {
        Answer::DueClaimed
    })
}

/// Yuan at stake, in fen.
fn at_stake(said: &Said, answer: Option<Answer>) -> Option<i128> {
    let (claimed, benefit) = (said.claimed, said.benefit);
    match answer? {
        Answer::DueNotClaimed => benefit,
        Answer::ClaimedNotDue => claimed,
        Answer::OverClaimed => Some(claimed? - benefit?),
        Answer::UnderClaimed => Some(benefit? - claimed?),
        Answer::ToBeConfirmed => Some(claimed?.max(benefit?)),
        Answer::CannotTell => claimed.filter(|claimed| *claimed > TOLERANCE),
        _ => None,
    }
}

fn column(unit: Unit, values: &[Value]) -> ArrayRef {
    let wrong = |value: &Value| -> ! { panic!("{value:?} for unit {unit}") };
    match unit {
        Unit::Bool => Arc::new(BooleanArray::from_iter(values.iter().map(|v| match v {
            Value::Yes(flag) => Some(*flag),
            Value::Word(word) => Some(*word == "yes"),
            Value::Unknown => None,
            other => wrong(other),
        }))),
        Unit::Count | Unit::Days => Arc::new(Int64Array::from_iter(values.iter().map(|v| match v {
            Value::Count(n) => Some(*n),
            Value::Unknown => None,
            other => wrong(other),
        }))),
        Unit::Money => {
            let fen = values.iter().map(|v| match v {
                Value::Fen(fen) => Some(*fen),
                Value::Unknown => None,
                other => wrong(other),
            });
            Arc::new(Decimal128Array::from_iter(fen).with_precision_and_scale(28, 2).unwrap())
        }
        Unit::Text => Arc::new(StringArray::from_iter(values.iter().map(|v| match v {
            Value::Word(word) => Some(*word),
            Value::Unknown => None,
            other => wrong(other),
        }))),
        Unit::Share | Unit::Ratio | Unit::Score => {
            Arc::new(Float64Array::from_iter(values.iter().map(|v| match v {
                Value::Real(x) => Some(*x),
                Value::Unknown => None,
                other => wrong(other),
            })))
        }
        Unit::Date | Unit::Period => panic!("no oracle draws {unit}"),
    }
}

/// The version of a rule's part in force over a period.
fn version<'a>(entry: &'a PolicyEntry, rule: &Rule, period: i32) -> Option<&'a Version> {
    let last = assay_indicators::period::end(period).unwrap();
    let first = assay_indicators::period::add(period, 1 - entry.policy.months());
    let first = assay_indicators::period::start(first).unwrap();
    entry.versions(first, last).into_iter().find(|version| version.part.as_deref() == rule.part)
}

/// What the compiled policy makes of the rows.
fn compiled(book: &Rulebook, entry: &PolicyEntry, rule: &Rule, period: i32, rows: &[Row]) -> Vec<Outcome> {
    let found = version(entry, rule, period);
    let version = found.unwrap_or_else(|| panic!("{} {:?} has no version in {period}", rule.code, rule.part));
    let ruler = Ruler::new(&session().state(), &entry.policy, version, &book.parameters, period).unwrap();
    let facts = entry.policy.facts.iter();
    let columns: Vec<ArrayRef> = facts
        .map(|fact| {
            let values: Vec<Value> = rows.iter().map(|row| row.found(fact.name.value.as_str())).collect();
            column(fact.unit, &values)
        })
        .collect();
    let facts = RecordBatch::try_new(Arc::clone(&ruler.schema), columns).unwrap();
    let ruled = ruler.rule(&facts).unwrap();
    let codes = ruled.answer.as_primitive::<Int8Type>();
    // Only they are ruled in a scan.
    let concerned = ruler.concerned(&facts).unwrap();
    assert!((0..rows.len()).all(|at| concerned.value(at) == codes.is_valid(at)), "{} {period}", rule.code);
    let money = |column: &ArrayRef, at: usize| {
        let column = column.as_primitive::<Decimal128Type>();
        column.is_valid(at).then(|| column.value(at))
    };
    let outcome = |at: usize| {
        let answer = if codes.is_valid(at) { Answer::of(codes.value(at)) } else { None };
        (answer, money(&ruled.benefit, at), money(&ruled.amount, at))
    };
    (0..rows.len()).map(outcome).collect()
}

/// What comparing a rule found: how often each answer was come to, and where the two writings differ.
#[derive(Default)]
struct Held {
    seen: BTreeMap<&'static str, usize>,
    differ: Vec<String>,
}

impl Held {
    fn compared(&self) -> usize {
        self.seen.values().sum()
    }
}

fn held_against(book: &Rulebook, rule: &Rule, n: usize, dice: &mut Dice) -> Held {
    let entry = book.get(rule.code).unwrap_or_else(|| panic!("no policy {}", rule.code));
    let mut held = Held::default();
    let about = |period: i32| format!("{} {:?} in {period}", rule.code, rule.part);
    for &period in rule.outside {
        if version(entry, rule, period).is_some() {
            held.differ.push(format!("{} is in force", about(period)));
        }
    }
    for &period in rule.periods {
        let asked = Asked { code: rule.code, part: rule.part, period };
        let rows = rows(rule, &asked, entry.policy.waivable, n, dice);
        let outcomes = compiled(book, entry, rule, period, &rows);
        for (row, found) in rows.iter().zip(outcomes) {
            let said = (rule.say)(row, &asked);
            let expected = answer(&said, rule.documents, row.yes("waived") == Some(true));
            let expected = (expected, said.benefit, at_stake(&said, expected));
            if found != expected {
                let about = about(period);
                held.differ.push(format!("{about}: compiled {found:?}, by the law {expected:?}: {row:?}"));
            }
            *held.seen.entry(expected.0.map_or("none", Answer::as_str)).or_default() += 1;
        }
    }
    held
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
fn compiled_policies_agree_with_plain_functions() {
    let n = setting("ASSAY_ORACLE_ROWS").and_then(|n| n.parse().ok()).unwrap_or(2000);
    let only = setting("ASSAY_ORACLE_POLICY");
    let definitions = setting("ASSAY_ORACLE_DEFINITIONS");
    let (book, problems) = Rulebook::load(definitions.as_deref().map(Path::new)).unwrap();
    assert!(problems.is_empty(), "{problems:#?}");
    let mut dice = Dice(20_261_122);
    let mut compared: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    let rules = RULES.iter().flat_map(|rules| rules.iter());
    for rule in rules.filter(|rule| only.as_deref().is_none_or(|only| only == rule.code)) {
        let started = Instant::now();
        let held = held_against(&book, rule, n, &mut dice);
        *compared.entry(rule.code).or_default() += held.compared();
        let (name, seconds) = (format!("{} {}", rule.code, rule.part.unwrap_or("-")), started.elapsed());
        println!("{name} in {seconds:.1?}: {:?}, {} differ", held.seen, held.differ.len());
        wrong.extend(held.differ.into_iter().take(3));
        // Rows that never come to the interesting answers would prove little.
        let interesting: &[&str] = if rule.documents {
            &["to_be_confirmed", "cannot_tell"]
        } else {
            &["due_claimed", "due_not_claimed", "claimed_not_due", "under_claimed", "cannot_tell"]
        };
        let never = interesting.iter().filter(|answer| !held.seen.contains_key(**answer));
        wrong.extend(never.map(|answer| format!("{name} never comes to {answer}")));
    }
    let total: usize = compared.values().sum();
    println!("{total} taxpayer-periods of {} policies: {compared:?}", compared.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
