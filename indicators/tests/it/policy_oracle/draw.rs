//! Random taxpayers: dense around the boundaries of a rule, with facts unknown in turn and claims below, on and above what is due.

use std::collections::BTreeMap;

use super::{Asked, Rule};

/// A number that follows from a seed (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// Fen from nothing to below `n`.
    pub fn fen(&mut self, n: i128) -> i128 {
        i128::from(self.below(u64::try_from(n).unwrap_or(0).max(1)))
    }

    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
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
    pub fn get(&self, name: &str) -> Value {
        *self.0.get(name).unwrap_or_else(|| panic!("no fact {name}"))
    }

    /// The same, unknown where the rule does not draw it.
    pub fn found(&self, name: &str) -> Value {
        self.0.get(name).copied().unwrap_or(Value::Unknown)
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

    /// A share or a mean in millionths, which all drawn ones are.
    pub fn millionths(&self, name: &str) -> Option<i128> {
        match self.get(name) {
            Value::Real(x) => Some((x * 1_000_000.0).round() as i128),
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

    pub fn word(&self, name: &str) -> Option<&'static str> {
        match self.get(name) {
            Value::Word(found) => Some(found),
            Value::Unknown => None,
            other => panic!("{name} is {other:?}"),
        }
    }

    pub fn is(&self, name: &str, word: &str) -> Option<bool> {
        self.word(name).map(|found| found == word)
    }
}

/// From what the values of a fact are drawn.
pub enum Draw {
    /// Yes in three of four.
    Flag,
    /// Yes in one of four.
    Seldom,
    Words(&'static [&'static str]),
    Counts(&'static [i64]),
    /// Fen around these, on them, and anywhere below twice the largest.
    Around(&'static [i128]),
    Reals(&'static [f64]),
    /// What follows from the facts drawn before it.
    From(fn(&Row, &Asked, &mut Dice) -> Value),
    /// The same for a fact that is never unknown.
    Known(fn(&Row, &Asked, &mut Dice) -> Value),
    /// What is due by the rule itself, a little more, a little less, far from it, nothing, or not known.
    Claim,
    /// The same where what is claimed is this share (in millionths) of the fact.
    ClaimOf(i128),
}

fn drawn(draw: &Draw, row: &Row, asked: &Asked, dice: &mut Dice) -> Value {
    match draw {
        Draw::Flag => Value::Yes(dice.below(4) > 0),
        Draw::Seldom => Value::Yes(dice.below(4) == 0),
        Draw::Words(words) => Value::Word(dice.one_of(words)),
        Draw::Counts(counts) => Value::Count(dice.one_of(counts)),
        Draw::Reals(reals) => Value::Real(dice.one_of(reals)),
        Draw::Around(edges) => {
            let edge = dice.one_of(edges);
            let far = dice.fen(edges.iter().max().unwrap() * 2);
            Value::Fen(match dice.below(9) {
                0 => edge,
                1 => (edge - 1).max(0),
                2 => edge + 1,
                3 => 0,
                4 => edge + edge / 10,
                5 => edge - edge / 10,
                _ => far,
            })
        }
        Draw::From(make) | Draw::Known(make) => make(row, asked, dice),
        Draw::Claim | Draw::ClaimOf(_) => Value::Unknown,
    }
}

/// Rows of a rule. Of three rows one has exactly one fact unknown, each in its turn; in the others every fact is so once in twelve.
pub fn rows(rule: &Rule, asked: &Asked, waivable: bool, n: usize, dice: &mut Dice) -> Vec<Row> {
    let facts = rule.facts;
    let mut rows = Vec::with_capacity(n);
    for number in 0..n {
        let blank = (number % 3 == 0).then_some(number / 3 % facts.len());
        let mut row = Row::default();
        for (place, (name, draw)) in facts.iter().enumerate() {
            let unknown = match blank {
                Some(blank) => blank == place,
                None => dice.below(12) == 0,
            };
            let value = drawn(draw, &row, asked, dice);
            let hidden = unknown && !matches!(draw, Draw::Known(_));
            row.0.insert(name, if hidden { Value::Unknown } else { value });
        }
        row.0.insert("waived", Value::Yes(waivable && dice.below(15) == 0));
        let due = (rule.say)(&row, asked).benefit.or_else(|| due_to_a_claimant(rule, asked, &mut row));
        for (place, (name, draw)) in facts.iter().enumerate() {
            let millionths = match draw {
                Draw::Claim => 1_000_000,
                Draw::ClaimOf(millionths) => *millionths,
                _ => continue,
            };
            let unknown = blank.map_or_else(|| dice.below(12) == 0, |blank| blank == place);
            let fact = claim(due.unwrap_or(100_000), dice) * 1_000_000 / millionths;
            row.0.insert(name, if unknown { Value::Unknown } else { Value::Fen(fact) });
        }
        rows.push(row);
    }
    rows
}

/// What is due to who claims something, where it depends on that.
fn due_to_a_claimant(rule: &Rule, asked: &Asked, row: &mut Row) -> Option<i128> {
    for (name, draw) in rule.facts {
        if matches!(draw, Draw::Claim | Draw::ClaimOf(_)) {
            row.0.insert(name, Value::Fen(200));
        }
    }
    (rule.say)(row, asked).benefit
}

/// Fen claimed by who is due `due`; the tolerance is a yuan.
fn claim(due: i128, dice: &mut Dice) -> i128 {
    match dice.below(10) {
        0 | 1 => 0,
        2 => due + 101,
        3 => due - 101,
        4 => due + 100,
        5 => due - 100,
        6 => due + due / 2 + 200,
        7 => due / 2,
        _ => due,
    }
}
