//! Policies written a second time, as plain functions over one taxpayer and period, and held against the compiled ones on random facts,
//! unknown ones and those on a boundary included.
//!
//! `ASSAY_ORACLE_ROWS` [default: 4000] is the number of taxpayers a policy, part and period; a million in all takes about 250 times as many.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    StringArray,
};
use arrow::datatypes::{Decimal128Type, Int8Type};
use assay_indicators::Unit;
use assay_indicators::policy::{Answer, Rulebook, Ruler};

use super::support::session;

mod rules;

/// A number that follows from a seed (SplitMix64).
pub struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

/// A fact of a row: nothing known, or a value. Money in fen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    Unknown,
    Yes(bool),
    Count(i64),
    Fen(i128),
    Real(f64),
    Word(&'static str),
}

/// One taxpayer and period.
#[derive(Debug, Default)]
pub struct Row(BTreeMap<&'static str, Value>);

impl Row {
    fn get(&self, name: &str) -> Value {
        *self.0.get(name).unwrap_or_else(|| panic!("no fact {name}"))
    }

    pub fn fen(&self, name: &str) -> Option<i128> {
        match self.get(name) {
            Value::Fen(fen) => Some(fen),
            Value::Unknown => None,
            other => panic!("{name} is {other:?}"),
        }
    }

    pub fn count(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Value::Count(n) => Some(n),
            Value::Unknown => None,
            other => panic!("{name} is {other:?}"),
        }
    }

    pub fn real(&self, name: &str) -> Option<f64> {
        match self.get(name) {
            Value::Real(x) => Some(x),
            Value::Unknown => None,
            other => panic!("{name} is {other:?}"),
        }
    }

    pub fn yes(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Value::Yes(flag) => Some(flag),
            Value::Unknown => None,
            other => panic!("{name} is {other:?}"),
        }
    }

    pub fn is(&self, name: &str, word: &str) -> Option<bool> {
        match self.get(name) {
            Value::Word(found) => Some(found == word),
            Value::Unknown => None,
            other => panic!("{name} is {other:?}"),
        }
    }
}

/// From what the values of a fact are drawn.
pub enum Draw {
    Flag,
    Words(&'static [&'static str]),
    Counts(&'static [i64]),
    /// Fen around these, on them, and anywhere below twice the largest.
    Around(&'static [i128]),
    Reals(&'static [f64]),
    /// What is due by the rule itself, a little more, a little less, nothing, or not known.
    Claim,
    /// The same where what is claimed is this share (in millionths) of the fact.
    ClaimOf(i128),
}

/// What a rule says of a row: each condition, whether it is nearly met where it is a limit, what is claimed, what it is worth.
pub struct Said {
    pub concerns: Option<bool>,
    /// Whether each condition holds, and whether it holds or nearly does.
    pub conditions: Vec<(Option<bool>, Option<bool>)>,
    pub claimed: Option<i128>,
    pub benefit: Option<i128>,
}

/// A policy as a plain function.
pub struct Rule {
    pub code: &'static str,
    pub part: Option<&'static str>,
    pub periods: &'static [i32],
    pub facts: &'static [(&'static str, Draw)],
    pub say: fn(&Row, i32) -> Said,
}

/// A condition without a limit.
pub fn plain(holds: Option<bool>) -> (Option<bool>, Option<bool>) {
    (holds, holds)
}

/// A limit in fen (or any other whole number): at or below.
pub fn at_most(value: Option<i128>, limit: Option<i128>) -> (Option<bool>, Option<bool>) {
    let pair = value.zip(limit);
    let holds = pair.map(|(v, l)| v <= l);
    (holds, pair.map(|(v, l)| v <= l || (v - l).abs() * 10 <= l.abs()))
}

/// A limit: strictly below.
pub fn below(value: Option<i128>, limit: Option<i128>) -> (Option<bool>, Option<bool>) {
    let pair = value.zip(limit);
    let holds = pair.map(|(v, l)| v < l);
    (holds, pair.map(|(v, l)| v < l || (v - l).abs() * 10 <= l.abs()))
}

/// Fen times a share in millionths, to the fen, half away from zero.
pub fn share(fen: i128, millionths: i128) -> i128 {
    let product = fen * millionths;
    (product.abs() + 500_000) / 1_000_000 * product.signum()
}

/// Three-valued: false where one is, else unknown where one is.
fn all(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut unknown = false;
    for truth in truths {
        match truth {
            Some(false) => return Some(false),
            Some(true) => {}
            None => unknown = true,
        }
    }
    (!unknown).then_some(true)
}

/// What the conditions, the claim and the benefit come to; the order of the cases is the README's table of answers.
fn answer(said: &Said, waived: bool) -> Option<Answer> {
    let tolerance = 100;
    let claims = said.claimed.map(|claimed| claimed > tolerance);
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
    Some(if claimed > benefit + tolerance {
        Answer::OverClaimed
    } else if claimed <= tolerance && benefit > claimed + tolerance {
        Answer::DueNotClaimed
    } else if benefit > claimed + tolerance {
        Answer::UnderClaimed
    } else if claimed > tolerance || benefit > tolerance {
        Answer::DueClaimed
    } else {
        Answer::NotDue
    })
}

fn drawn(draw: &Draw, dice: &mut Dice) -> Value {
    // One in twelve is not known.
    if dice.below(12) == 0 {
        return Value::Unknown;
    }
    match draw {
        Draw::Flag => Value::Yes(dice.below(4) > 0),
        Draw::Words(words) => Value::Word(dice.one_of(words)),
        Draw::Counts(counts) => Value::Count(dice.one_of(counts)),
        Draw::Reals(reals) => Value::Real(dice.one_of(reals)),
        Draw::Around(edges) => {
            let edge = dice.one_of(edges);
            let far = i128::from(dice.below(u64::try_from(edges.iter().max().unwrap() * 2).unwrap().max(1)));
            Value::Fen(match dice.below(8) {
                0 => edge,
                1 => edge - 1,
                2 => edge + 1,
                3 => 0,
                4 => edge + edge / 10,
                _ => far,
            })
        }
        Draw::Claim | Draw::ClaimOf(_) => Value::Unknown,
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

/// Rows of a rule: drawn, and claims made of what the rule itself says is due.
fn rows(rule: &Rule, (period, waivable): (i32, bool), n: usize, dice: &mut Dice) -> Vec<Row> {
    let mut rows = Vec::with_capacity(n);
    for _ in 0..n {
        let mut row = Row::default();
        for (name, draw) in rule.facts {
            row.0.insert(name, drawn(draw, dice));
        }
        row.0.insert("waived", Value::Yes(waivable && dice.below(15) == 0));
        let due = (rule.say)(&row, period).benefit;
        for (name, draw) in rule.facts {
            let millionths = match draw {
                Draw::Claim => 1_000_000,
                Draw::ClaimOf(millionths) => *millionths,
                _ => continue,
            };
            let claim = match (dice.below(8), due) {
                (0, _) => None,
                (1 | 2, _) | (_, None) => Some(0),
                (3, Some(due)) => Some(due + 101),
                (4, Some(due)) => Some(due - 101),
                (5, Some(due)) => Some(due + 100),
                (_, Some(due)) => Some(due),
            };
            let fact = claim.map(|claim| claim * 1_000_000 / millionths);
            row.0.insert(name, fact.map_or(Value::Unknown, Value::Fen));
        }
        rows.push(row);
    }
    rows
}

fn held_against(book: &Rulebook, rule: &Rule, n: usize, dice: &mut Dice) -> BTreeMap<&'static str, usize> {
    let state = session().state();
    let entry = book.get(rule.code).unwrap_or_else(|| panic!("no policy {}", rule.code));
    let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
    for &period in rule.periods {
        let last = assay_indicators::period::end(period).unwrap();
        let version =
            entry.policy.versions.iter().find(|v| v.in_force(last) && v.part.as_deref() == rule.part);
        let version = version.unwrap_or_else(|| panic!("{} has no version in {period}", rule.code));
        let ruler = Ruler::new(&state, &entry.policy, version, &book.parameters, period).unwrap();
        let rows = rows(rule, (period, entry.policy.waivable), n, dice);
        let columns: Vec<ArrayRef> = entry
            .policy
            .facts
            .iter()
            .map(|fact| {
                let name = fact.name.value.as_str();
                let values: Vec<Value> =
                    rows.iter().map(|row| *row.0.get(name).unwrap_or(&Value::Unknown)).collect();
                column(fact.unit, &values)
            })
            .collect();
        let ruled = ruler.rule(&RecordBatch::try_new(Arc::clone(&ruler.schema), columns).unwrap()).unwrap();
        let codes = ruled.answer.as_primitive::<Int8Type>();
        let benefits = ruled.benefit.as_primitive::<Decimal128Type>();
        for (at, row) in rows.iter().enumerate() {
            let said = (rule.say)(row, period);
            let expected = answer(&said, row.yes("waived") == Some(true));
            let found = if codes.is_valid(at) { Answer::of(codes.value(at)) } else { None };
            let about = || format!("{} {:?} in {period}: {row:?}", rule.code, rule.part);
            assert_eq!(found, expected, "{}", about());
            let benefit = benefits.is_valid(at).then(|| benefits.value(at));
            assert_eq!(benefit, said.benefit, "benefit of {}", about());
            *seen.entry(expected.map_or("none", Answer::as_str)).or_default() += 1;
        }
    }
    seen
}

#[test]
fn compiled_policies_agree_with_plain_functions() {
    let n = std::env::var("ASSAY_ORACLE_ROWS").ok().and_then(|n| n.parse().ok()).unwrap_or(4000);
    let (book, problems) = Rulebook::load(None).unwrap();
    assert!(problems.is_empty(), "{problems:#?}");
    let mut dice = Dice(20_261_122);
    let mut compared = 0;
    for rule in rules::RULES {
        let seen = held_against(&book, rule, n, &mut dice);
        compared += seen.values().sum::<usize>();
        // Rows that never come to the interesting answers would prove little.
        for answer in ["due_claimed", "due_not_claimed", "claimed_not_due", "cannot_tell"] {
            assert!(
                seen.contains_key(answer),
                "{} {:?} never comes to {answer}: {seen:?}",
                rule.code,
                rule.part
            );
        }
    }
    println!("{compared} taxpayer-periods agree");
}
