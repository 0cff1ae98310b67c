//! VAT of general taxpayers: refund of credit from 2019 to now, and the extra deduction of advanced manufacturing.

use super::draw::{Dice, Draw, Row, Value};
use super::logic::{Truth, WAN, all, at_least, both, either, not, plain, positive, quotient, share};
use super::{Asked, Rule, Said};

/// A month's credit that must have been added, and what of it is taken at the higher share.
const ADDED: i128 = 50 * WAN;
const HUNDRED_MILLION: i128 = 10_000 * WAN;

const REFUND: &[(&str, Draw)] = &[
    ("then_vat_status", Draw::Words(&["general", "general", "general", "small_scale"])),
    ("then_credit", Draw::Words(&["A", "B", "A", "B", "A", "B", "M", "C", "D"])),
    ("filed", Draw::Counts(&[1, 1, 1, 0])),
    ("kind", Draw::From(kind)),
    ("scope", Draw::From(scope)),
    ("open_months", Draw::Counts(&[2, 3, 4, 40, 40])),
    ("credit", Draw::Around(&[25 * WAN, ADDED, ADDED, 200 * WAN, HUNDRED_MILLION + 80 * WAN])),
    ("march", Draw::From(earlier)),
    ("year_end", Draw::From(earlier)),
    ("least", Draw::From(least)),
    ("fraud", Draw::Counts(&[0, 0, 0, 0, 0, 0, 1])),
    ("evasion", Draw::Counts(&[0, 0, 0, 0, 1, 2])),
    ("collected", Draw::From(collected)),
    ("ratio", Draw::Reals(&[1.0, 0.95, 0.5, 0.333_333, 0.123_457, 0.0])),
    // Only the rule of 2025 takes arrears off; the older ones do not ask.
    ("owed", Draw::From(owed)),
    ("claimed", Draw::Claim),
];

const fn refund(
    (code, part): (&'static str, Option<&'static str>),
    periods: &'static [i32],
    outside: &'static [i32],
    say: fn(&Row, &Asked) -> Said,
) -> Rule {
    Rule { code, part, periods, outside, documents: true, facts: REFUND, say }
}

pub const RULES: &[Rule] = &[
    refund(("B27", None), &[201_910, 202_203, 202_508], &[201_903, 202_509], sixty_percent),
    refund(("B28", Some("six")), &[202_204, 202_508], &[202_203, 202_509], whole_credit),
    refund(("B28", Some("seven")), &[202_207, 202_508], &[202_206, 202_509], whole_credit),
    refund(("B29", Some("ind4")), &[202_509, 202_612], &[202_508], four_industries),
    refund(("B29", Some("real_estate")), &[202_509, 202_612], &[202_508], developers),
    refund(("B29", Some("other")), &[202_509, 202_612], &[202_508], others),
    Rule {
        code: "B32",
        part: None,
        periods: &[202_301, 202_506, 202_712],
        outside: &[202_212, 202_801],
        documents: false,
        facts: &[
            ("then_vat_status", Draw::Words(&["general", "general", "general", "small_scale"])),
            ("filed", Draw::Counts(&[1, 1, 1, 0])),
            ("base", Draw::Around(&[40 * WAN])),
            ("room", Draw::Around(&[2 * WAN, 4 * WAN])),
            ("base_sum", Draw::Around(&[200 * WAN])),
            ("used_sum", Draw::Around(&[5 * WAN])),
            ("listed", Draw::Flag),
            ("high_tech", Draw::Flag),
            ("elsewhere", Draw::Seldom),
            ("claimed", Draw::Claim),
        ],
        say: advanced_manufacturing,
    },
];

fn kind(_: &Row, asked: &Asked, dice: &mut Dice) -> Value {
    let mine = asked.part.filter(|_| asked.code == "B29").unwrap_or("ind4");
    Value::Word(if dice.below(8) > 0 { mine } else { dice.one_of(&["ind4", "real_estate", "other"]) })
}

fn scope(_: &Row, asked: &Asked, dice: &mut Dice) -> Value {
    let mine = match asked.part {
        Some("six") => dice.one_of(&["six", "small"]),
        Some("seven") => "seven",
        _ => "none",
    };
    Value::Word(if dice.below(8) > 0 { mine } else { dice.one_of(&["six", "seven", "small", "none"]) })
}

/// A credit of before: around what leaves just enough added, or any. Never below nothing, nor is any credit.
fn earlier(row: &Row, _: &Asked, dice: &mut Dice) -> Value {
    let credit = row.fen("credit").unwrap_or(200 * WAN);
    let fen = match dice.below(9) {
        0 => credit - ADDED,
        1 => credit - ADDED - 1,
        2 => credit - ADDED + 1,
        3 => credit - ADDED * 9 / 10,
        4 => credit - ADDED * 9 / 10 + 1,
        5 => credit - HUNDRED_MILLION - dice.fen(3) + 1,
        6 => dice.fen(credit + WAN),
        _ => 0,
    };
    Value::Fen(fen.max(0))
}

/// The least of six months, the last of which is `credit`.
fn least(row: &Row, _: &Asked, dice: &mut Dice) -> Value {
    let credit = row.fen("credit").unwrap_or(200 * WAN);
    let march = row.fen("march").unwrap_or(0);
    let fen = match dice.below(8) {
        0 => 0,
        1 => 1,
        2 => march,
        3 => dice.fen(credit + 1),
        4 | 5 => march + 1,
        _ => credit,
    };
    Value::Fen(fen.min(credit))
}

fn owed(row: &Row, _: &Asked, dice: &mut Dice) -> Value {
    let credit = row.fen("credit").unwrap_or(200 * WAN);
    Value::Fen(match dice.below(6) {
        0 => dice.fen(credit + WAN),
        1 => credit,
        _ => 0,
    })
}

fn collected(_: &Row, _: &Asked, dice: &mut Dice) -> Value {
    Value::Fen(dice.one_of(&[0, 0, 0, 0, 0, 0, -100, 1, 500_000]))
}

/// 2019年39号 八（一）, 2022年14号 一, 2025年7号 二: A or B, no fraud in 36 months, not fined twice, no refund on collection.
fn standing(row: &Row) -> Vec<Truth> {
    vec![
        plain(row.is("then_vat_status", "general")),
        plain(either(row.is("then_credit", "A"), row.is("then_credit", "B"))),
        plain(row.count("fraud").map(|cases| cases == 0)),
        plain(row.count("evasion").map(|times| times < 2)),
        plain(row.fen("collected").map(|refunded| refunded <= 0)),
    ]
}

fn filed(row: &Row) -> Option<bool> {
    row.count("filed").map(|filed| filed > 0)
}

fn claims(row: &Row) -> Option<bool> {
    positive(row.fen("claimed"))
}

/// So many tenths of fen of credit, for the share of vouchers, to the fen.
fn tenths_of(tenths: Option<i128>, row: &Row) -> Option<i128> {
    tenths.zip(row.millionths("ratio")).map(|(tenths, ratio)| quotient(tenths * ratio, 10_000_000))
}

fn since(row: &Row, before: &str) -> Option<i128> {
    row.fen("credit").zip(row.fen(before)).map(|(credit, before)| credit - before)
}

/// 2025年20号 十: what is refunded is what is left of the credit when arrears of VAT are taken off.
fn less_owed(added: Option<i128>, row: &Row) -> Option<i128> {
    added.zip(row.fen("owed")).map(|(added, owed)| (added - owed).max(0))
}

/// Credit added since a day. No credit is below nothing, so that one below nine tenths of the line is neither enough nor near it.
fn enough_since(row: &Row, before: &str) -> Truth {
    match row.fen("credit") {
        Some(credit) if credit * 10 < ADDED * 9 => (Some(false), Some(false)),
        _ => at_least(since(row, before), Some(ADDED)),
    }
}

/// Whether who has little is worth asking: half of the line.
fn worth_asking(row: &Row) -> Option<bool> {
    row.fen("credit").map(|credit| credit * 2 >= ADDED)
}

/// 2019年39号 八: six months above March 2019, half a million at the end; 60 percent. From 2022 what 14号 and 21号 leave.
fn sixty_percent(row: &Row, _: &Asked) -> Said {
    let lowest = row.fen("least");
    let above = lowest.zip(row.fen("march")).map(|(least, march)| least > march);
    let mut conditions = standing(row);
    conditions.push(plain(both(positive(lowest), above)));
    conditions.push(enough_since(row, "march"));
    Said {
        concerns: both(
            either(both(filed(row), worth_asking(row)), claims(row)),
            Some(row.word("scope") == Some("none")),
        ),
        conditions,
        claimed: row.fen("claimed"),
        benefit: tenths_of(since(row, "march").map(|added| added.max(0) * 6), row),
    }
}

/// 2022年14号 一 to 三 and 21号 一: all of the credit, small firms and six industries, then seven more.
fn whole_credit(row: &Row, asked: &Asked) -> Said {
    let (credit, found) = (row.fen("credit"), row.word("scope"));
    let mine = match (asked.part, found) {
        (Some("six"), None) => claims(row),
        (Some("six"), Some(scope)) => Some(scope == "six" || scope == "small"),
        _ => Some(found == Some("seven")),
    };
    let mut conditions = standing(row);
    conditions.push(plain(positive(credit)));
    let worth = tenths_of(credit.map(|credit| credit.max(0) * 10), row);
    Said {
        concerns: both(either(both(filed(row), positive(credit)), claims(row)), mine),
        conditions,
        claimed: row.fen("claimed"),
        benefit: worth.filter(|_| found.is_some() || asked.part == Some("seven")),
    }
}

/// 2025年7号: who is asked of a refund at all.
fn since_september(row: &Row) -> Option<bool> {
    let worth = either(row.is("kind", "ind4"), worth_asking(row));
    either(all([filed(row), positive(row.fen("credit")), worth].into_iter()), claims(row))
}

/// 2025年7号 一（一）: all of the credit, month by month; sales of three months at least tell the industry.
fn four_industries(row: &Row, _: &Asked) -> Said {
    let credit = row.fen("credit");
    let mut conditions = standing(row);
    conditions.push(at_least(row.count("open_months").map(i128::from), Some(3)));
    conditions.push(plain(positive(credit)));
    Said {
        concerns: both(since_september(row), Some(row.word("kind") == Some("ind4"))),
        conditions,
        claimed: row.fen("claimed"),
        benefit: tenths_of(less_owed(credit, row).map(|credit| credit * 10), row),
    }
}

/// 2025年7号 一（三）: 60 percent of the first hundred million added since the last December, 30 of the rest.
fn sixty_then_thirty(row: &Row) -> Option<i128> {
    let added = less_owed(since(row, "year_end"), row);
    let low = added.map(|added| added.min(HUNDRED_MILLION));
    tenths_of(added.zip(low).map(|(added, low)| low * 6 + (added - low) * 3), row)
}

fn others(row: &Row, _: &Asked) -> Said {
    let kind = row.word("kind");
    let mut conditions = standing(row);
    conditions.push(plain(positive(row.fen("least"))));
    conditions.push(enough_since(row, "year_end"));
    Said {
        concerns: both(since_september(row), kind.map_or_else(|| claims(row), |kind| Some(kind == "other"))),
        conditions,
        claimed: row.fen("claimed"),
        benefit: sixty_then_thirty(row).filter(|_| kind.is_some()),
    }
}

/// 2025年7号 一（二）: 60 percent of what a developer added since March 2019, six months running; else as the others.
fn developers(row: &Row, _: &Asked) -> Said {
    let lowest = row.fen("least");
    let running = positive(lowest);
    let above = lowest.zip(row.fen("march")).map(|(least, march)| least > march);
    let (old, new) = (enough_since(row, "march"), enough_since(row, "year_end"));
    let by = |old, new| both(running, either(both(above, old), new));
    let mut conditions = standing(row);
    conditions.push(plain(running));
    conditions.push((by(old.0, new.0), by(old.1, new.1)));
    let since_march = both(above, since(row, "march").map(|added| added >= ADDED));
    Said {
        concerns: both(since_september(row), Some(row.word("kind") == Some("real_estate"))),
        conditions,
        claimed: row.fen("claimed"),
        benefit: match since_march {
            Some(true) => tenths_of(less_owed(since(row, "march"), row).map(|added| added * 6), row),
            Some(false) => sixty_then_thirty(row),
            None => None,
        },
    }
}

/// 2023年43号 一 to 七: five percent of the month's input, down to no tax; what earlier months left is caught up.
fn advanced_manufacturing(row: &Row, _: &Asked) -> Said {
    let (claimed, room) = (row.fen("claimed"), row.fen("room"));
    let (month, left) = (
        row.fen("base").map(|base| base * 5),
        row.fen("base_sum").zip(row.fen("used_sum")).map(|(base, used)| base * 5 - used * 100),
    );
    // Hundredths of a fen, rounded once.
    let catches_up = claimed.zip(month).map(|(claimed, month)| claimed * 100 > month + 10_000);
    let hundredths = if catches_up == Some(true) {
        claimed.zip(room).zip(month.zip(left)).map(|((claimed, room), (month, left))| {
            (claimed * 100).min(room.max(0) * 100).min(month.max(left))
        })
    } else {
        month.zip(room).map(|(month, room)| month.min(room * 100).max(0))
    };
    Said {
        concerns: both(either(both(filed(row), row.yes("listed")), claims(row)), not(row.yes("elsewhere"))),
        conditions: vec![
            plain(row.is("then_vat_status", "general")),
            plain(row.yes("listed")),
            plain(row.yes("high_tech")),
        ],
        claimed,
        benefit: hundredths.map(|hundredths| share(hundredths, 10_000)),
    }
}
