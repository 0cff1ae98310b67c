//! Super-deduction of R&D from 2018: 75, 100 and 120 percent. In tax at 25 percent throughout.

use super::draw::{Dice, Draw, Row, Value};
use super::logic::{Truth, WAN, both, either, not, plain, positive, quotient, share};
use super::{Asked, Rule, Said};

const FACTS: &[(&str, Draw)] = &[
    ("method", Draw::Words(&["audit", "audit", "audit", "audit", "assessed"])),
    ("excluded", Draw::Words(&["no", "no", "no", "no", "yes"])),
    ("higher", Draw::Seldom),
    ("manufacturing", Draw::Flag),
    ("tech_sme", Draw::Flag),
    ("listed", Draw::Known(listed)),
    ("settled", Draw::Counts(&[1, 1, 0])),
    ("taxable_income", Draw::Around(&[0, 100 * WAN])),
    ("rd", Draw::Around(&[100 * WAN])),
    ("late_rd", Draw::From(last_quarter)),
    ("late_spent", Draw::Around(&[30 * WAN])),
    ("high_tech", Draw::Flag),
    ("equipment", Draw::Around(&[0, 40 * WAN])),
    ("deduction", Draw::From(deducted)),
    ("at_full", Draw::Known(at_full)),
];

const fn rule(
    code: &'static str,
    periods: &'static [i32],
    outside: &'static [i32],
    say: fn(&Row, &Asked) -> Said,
) -> Rule {
    Rule { code, part: None, periods, outside, documents: false, facts: FACTS, say }
}

pub const RULES: &[Rule] = &[
    rule("B19", &[201_812, 202_012, 202_112, 202_212], &[201_712, 202_312], seventy_five),
    rule("B20", &[202_112, 202_212], &[202_012, 202_312], manufacturer),
    rule("B21", &[202_212], &[202_112, 202_312], technology_sme),
    Rule { part: Some("rd"), ..rule("B22", &[202_212], &[202_112, 202_312], last_quarter_of_2022) },
    Rule {
        part: Some("equipment"),
        documents: true,
        ..rule("B22", &[202_212], &[202_112, 202_312], equipment_of_2022)
    },
    rule("B23", &[202_303, 202_412, 202_712], &[202_212], everyone),
    rule("B24", &[202_303, 202_712], &[202_212, 202_803], on_a_list),
];

/// Known to every rule but the ones that ask it of a list, which may not be loaded.
fn listed(_: &Row, asked: &Asked, dice: &mut Dice) -> Value {
    match dice.below(12) {
        0 => Value::Unknown,
        n if asked.code == "B24" => Value::Yes(n > 2),
        n => Value::Yes(n > 9),
    }
}

/// Nothing where the rule governs the whole year.
fn last_quarter(row: &Row, asked: &Asked, dice: &mut Dice) -> Value {
    let rd = row.fen("rd").unwrap_or(100 * WAN);
    Value::Fen(match dice.below(3) {
        _ if asked.period < 202_212 => 0,
        0 => quotient(rd, 4),
        1 => rd,
        _ => dice.fen(rd),
    })
}

/// Deducted at one of the rates there are, a yuan off it, or anything.
fn deducted(row: &Row, _: &Asked, dice: &mut Dice) -> Value {
    let rd = row.fen("rd").unwrap_or(100 * WAN);
    let late = row.fen("late_rd").unwrap_or(0);
    let mixed = share(rd - late, 750_000) + late;
    let at = dice.one_of(&[share(rd, 750_000), rd, rd, share(rd, 1_200_000), share(rd, 1_200_000), mixed, 0]);
    Value::Fen(match dice.below(10) {
        0 => at + 100,
        1 => at + 101,
        2 => (at - 101).max(0),
        3 => at + 404,
        4 => (at - 404).max(0),
        5 => dice.fen(rd * 2),
        _ => at,
    })
}

/// Deducts just the whole of its R&D, as the facts are gathered; nothing if one is not known.
fn at_full(row: &Row, asked: &Asked, _: &mut Dice) -> Value {
    let Some((deduction, rd)) = row.fen("deduction").zip(row.fen("rd")) else { return Value::Unknown };
    let asks = asked.code == "B21" || asked.period < 202_201;
    Value::Yes(asks && deduction > 0 && (deduction - rd).abs() <= 100)
}

/// 财税〔2015〕119号 一 to 四: taxed by its accounts, no excluded industry.
fn basics(row: &Row) -> Vec<Truth> {
    vec![plain(row.is("method", "audit")), plain(row.is("excluded", "no"))]
}

/// Whether no rate at all is open to it, so that all of a deduction is without title.
fn barred(row: &Row) -> Option<bool> {
    not(both(row.is("method", "audit"), row.is("excluded", "no")))
}

fn settled(row: &Row) -> Option<bool> {
    row.count("settled").map(|settled| settled == 1)
}

/// Settled with R&D, or deducts something.
fn in_the_year(row: &Row) -> Option<bool> {
    either(both(settled(row), positive(row.fen("rd"))), positive(row.fen("deduction")))
}

/// A quarter of so many millionths of a fen of deduction, in tax, to the fen.
fn in_tax(millionths: i128) -> i128 {
    quotient(millionths, 4_000_000)
}

const ONE: i128 = 1_000_000;
const THREE_QUARTERS: i128 = 750_000;

/// 财税〔2018〕99号: 75 percent; of 2022 the first three quarters, to which what is deducted counts first.
fn seventy_five(row: &Row, asked: &Asked) -> Said {
    let (rd, deduction) = (row.fen("rd"), row.fen("deduction"));
    let early = match asked.period {
        ..=202_012 => rd,
        _ => rd.zip(row.fen("late_rd")).map(|(rd, late)| rd - late),
    };
    let worth = early.map(|early| early * THREE_QUARTERS);
    let claimed = if asked.period == 202_212 {
        deduction.zip(worth).map(|(deduction, worth)| (deduction * ONE).min(worth))
    } else {
        deduction.map(|deduction| deduction * ONE)
    };
    Said {
        concerns: both(not(row.yes("higher")), in_the_year(row)),
        conditions: basics(row),
        claimed: claimed.map(in_tax),
        benefit: worth.map(in_tax),
    }
}

/// Of a deduction that this rate is claimed for: all of who is entitled to it or to none, else what exceeds `without`.
fn beyond(row: &Row, whole: Option<bool>, without: Option<i128>) -> Option<i128> {
    let deduction = row.fen("deduction")? * ONE;
    if either(whole, barred(row)) == Some(true) {
        return Some(deduction);
    }
    without.map(|without| (deduction - without).max(0))
}

/// 2021年13号 一: manufacturers, 100 percent, in 2021 and 2022.
fn manufacturer(row: &Row, _: &Asked) -> Said {
    let (rd, manufacturing) = (row.fen("rd"), row.yes("manufacturing"));
    let mut conditions = basics(row);
    conditions.push(plain(manufacturing));
    Said {
        concerns: either(both(Some(manufacturing == Some(true)), in_the_year(row)), row.yes("at_full")),
        conditions,
        claimed: beyond(row, manufacturing, rd.map(|rd| rd * THREE_QUARTERS)).map(in_tax),
        benefit: rd.map(|rd| in_tax(rd * ONE)),
    }
}

/// 2022年16号 一: registered technology SMEs, 100 percent, in 2022. Others had that for the last quarter.
fn technology_sme(row: &Row, _: &Asked) -> Said {
    let (rd, registered) = (row.fen("rd"), row.yes("tech_sme"));
    let others = rd.zip(row.fen("late_rd")).map(|(rd, late)| (rd - late) * THREE_QUARTERS + late * ONE);
    let mut conditions = basics(row);
    conditions.push(plain(registered));
    let asked_of_it = either(both(Some(registered == Some(true)), in_the_year(row)), row.yes("at_full"));
    Said {
        concerns: both(Some(row.yes("manufacturing") != Some(true)), asked_of_it),
        conditions,
        claimed: beyond(row, Some(registered == Some(true)), others).map(in_tax),
        benefit: rd.map(|rd| in_tax(rd * ONE)),
    }
}

/// What is deducted beyond 75 percent of the first three quarters, in millionths of a fen; nothing of who has 100 percent all year.
fn for_last_quarter(row: &Row) -> Option<i128> {
    if row.yes("higher") == Some(true) {
        return Some(0);
    }
    let first = row.fen("rd").zip(row.fen("late_rd")).map(|(rd, late)| (rd - late) * THREE_QUARTERS);
    row.fen("deduction").zip(first).map(|(deduction, first)| (deduction * ONE - first).max(0))
}

/// 2022年28号 二: the last quarter at 100 percent, as spent or by months, whichever the taxpayer takes.
fn last_quarter_of_2022(row: &Row, _: &Asked) -> Said {
    let (late, deduction) = (row.fen("late_rd"), row.fen("deduction"));
    // By months only: what was spent may have been more, so that beyond it nothing can be said.
    let by_months = row.fen("late_spent").is_none();
    let within =
        row.fen("rd").zip(late).zip(deduction).map(|((rd, late), deduction)| {
            deduction * ONE <= (rd - late) * THREE_QUARTERS + (late + 400) * ONE
        });
    Said {
        concerns: both(not(row.yes("higher")), in_the_year(row)),
        conditions: basics(row),
        claimed: for_last_quarter(row).map(in_tax),
        benefit: late.filter(|_| !by_months || within == Some(true)).map(|late| in_tax(late * ONE)),
    }
}

/// 2022年28号 一: equipment of high-tech firms once more; what was claimed for R&D says nothing of it.
fn equipment_of_2022(row: &Row, _: &Asked) -> Said {
    let (equipment, claimed) = (row.fen("equipment"), for_last_quarter(row).map(in_tax));
    Said {
        concerns: both(row.yes("high_tech"), positive(equipment)),
        conditions: Vec::new(),
        claimed,
        benefit: equipment.zip(claimed).map(|(equipment, claimed)| in_tax(equipment * ONE).max(claimed)),
    }
}

/// Deducts just 120 percent, and more than 100.
fn at_120(row: &Row) -> bool {
    let pair = row.fen("deduction").zip(row.fen("rd"));
    pair.is_some_and(|(deduction, rd)| deduction > rd + 100 && (deduction * 10 - rd * 12).abs() <= 1_000)
}

/// What is forgone before the year is settled: nothing where there is no tax to pay yet.
fn so_far(row: &Row, worth: Option<i128>) -> Option<i128> {
    let income = row.fen("taxable_income");
    let now = either(either(positive(row.fen("deduction")), settled(row)), positive(income));
    match now {
        Some(true) => worth,
        Some(false) => Some(0),
        None => None,
    }
}

/// 2023年7号 一: everyone, 100 percent, without end; who is on a list, or deducts as if, has 120.
fn everyone(row: &Row, _: &Asked) -> Said {
    let (rd, deduction) = (row.fen("rd"), row.fen("deduction"));
    let elsewhere = row.yes("listed") == Some(true) || at_120(row);
    Said {
        concerns: both(either(positive(rd), positive(deduction)), Some(!elsewhere)),
        conditions: basics(row),
        claimed: deduction.map(|deduction| in_tax(deduction * ONE)),
        benefit: so_far(row, rd.map(|rd| in_tax(rd * ONE))),
    }
}

/// 2023年44号 一: integrated circuits and machine tools on a list, 120 percent.
fn on_a_list(row: &Row, _: &Asked) -> Said {
    let (rd, listed) = (row.fen("rd"), row.yes("listed"));
    let mut conditions = basics(row);
    conditions.push(plain(listed));
    let active = either(positive(rd), positive(row.fen("deduction")));
    Said {
        concerns: either(both(Some(listed == Some(true)), active), Some(at_120(row))),
        conditions,
        claimed: beyond(row, Some(listed == Some(true)), rd.map(|rd| rd * ONE)).map(in_tax),
        benefit: so_far(row, rd.map(|rd| in_tax(rd * 1_200_000))),
    }
}
