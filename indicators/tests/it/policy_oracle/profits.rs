//! Corporate income tax: small low-profit firms, and high-tech ones with their losses.

use super::draw::{Dice, Draw, Row, Value};
use super::logic::{Truth, WAN, at_least, at_most, both, either, plain, positive, share};
use super::{Asked, Rule, Said};

const MICRO: &[(&str, Draw)] = &[
    ("restricted", Draw::Words(&["no", "no", "no", "yes"])),
    ("taxable_income", Draw::Around(&[300 * WAN, 100 * WAN])),
    ("employees", Draw::Reals(&[10.0, 299.75, 300.0, 300.25, 330.0, 331.0])),
    ("assets", Draw::Around(&[5_000 * WAN])),
    ("other_rates", Draw::Known(other_relief)),
    ("claimed", Draw::Claim),
];

const fn micro(code: &'static str, periods: &'static [i32], outside: &'static [i32]) -> Rule {
    Rule { code, part: None, periods, outside, documents: false, facts: MICRO, say: small_low_profit }
}

pub const RULES: &[Rule] = &[
    micro("B14", &[201_903, 202_012], &[201_812, 202_103]),
    micro("B15", &[202_103, 202_112], &[202_012, 202_203]),
    micro("B16", &[202_203, 202_212], &[202_112, 202_303]),
    micro("B17", &[202_303, 202_512, 202_712], &[202_212, 202_803]),
    Rule {
        code: "B25",
        part: None,
        periods: &[201_603, 202_512],
        outside: &[201_512],
        documents: true,
        facts: &[
            ("certificate", Draw::Flag),
            ("age", Draw::Counts(&[0, 10, 11, 12, 13, 60, 60, 60])),
            ("research_revenue", Draw::Around(&[15_000 * WAN])),
            ("research_last", Draw::Around(&[5_000 * WAN, 20_000 * WAN])),
            ("research_expense", Draw::From(research_expense)),
            ("taxable_income", Draw::Around(&[100 * WAN])),
            ("small", Draw::From(other_relief)),
            ("region", Draw::From(other_relief)),
            ("claimed", Draw::Claim),
        ],
        say: high_tech,
    },
    Rule {
        code: "B25L",
        part: None,
        periods: &[201_812, 202_512],
        outside: &[201_712],
        documents: true,
        facts: &[
            ("recent", Draw::Around(&[0, 50 * WAN])),
            ("older", Draw::Around(&[20 * WAN])),
            ("offset_now", Draw::From(losses_offset)),
            ("left_over", Draw::Around(&[0, 10 * WAN])),
            ("income", Draw::Around(&[10 * WAN])),
            ("qualified", Draw::Flag),
            ("high_tech", Draw::Known(|_, _, dice| Value::Count(dice.one_of(&[0, 1])))),
        ],
        say: losses_of_ten_years,
    },
];

/// 财税〔2019〕13号 二, 2021年12号, 2022年13号, 2023年6号 and 12号: what is left of 25 percent on the first million and on the rest.
fn small_low_profit(row: &Row, asked: &Asked) -> Said {
    let (first, rest) = match asked.period {
        201_901..=202_012 => (50_000, 100_000),
        202_101..=202_112 => (25_000, 100_000),
        202_201..=202_212 => (25_000, 50_000),
        _ => (50_000, 50_000),
    };
    let (income, claimed) = (row.fen("taxable_income"), row.fen("claimed"));
    let worth = |(income, instead): (i128, i128)| {
        let income = income.max(0);
        let low = income.min(100 * WAN);
        // Millionths of a fen throughout, rounded once.
        share(1, income * 250_000 - low * first - (income - low) * rest - instead * 1_000_000).max(0)
    };
    Said {
        concerns: either(Some(income.is_some()), positive(claimed)),
        conditions: vec![
            plain(row.is("restricted", "no")),
            at_most(income, Some(300 * WAN)),
            at_most(row.millionths("employees"), Some(300_000_000)),
            at_most(row.fen("assets"), Some(5_000 * WAN)),
        ],
        claimed,
        benefit: income.zip(taken_instead(claimed, row.fen("other_rates"))).map(worth),
    }
}

/// Reduced rates do not stack: what else was taken counts for who does not claim this one. Where that is not known it must be nothing.
fn taken_instead(claimed: Option<i128>, others: Option<i128>) -> Option<i128> {
    match positive(claimed) {
        Some(true) => Some(0),
        Some(false) => others,
        None => others.filter(|others| *others == 0),
    }
}

/// R&D of three years at one of the three shares of their sales, or off it.
fn research_expense(row: &Row, _: &Asked, dice: &mut Dice) -> Value {
    let revenue = row.fen("research_revenue").unwrap_or(15_000 * WAN);
    let at = revenue * dice.one_of(&[3, 4, 5, 5, 6, 6]) / 100;
    Value::Fen(match dice.below(6) {
        0 => (at - 1).max(0),
        1 => at + 1,
        2 => at - at / 10,
        3 => dice.fen(revenue / 10),
        _ => at,
    })
}

fn other_relief(row: &Row, _: &Asked, dice: &mut Dice) -> Value {
    let tenth = row.fen("taxable_income").unwrap_or(0) / 10;
    Value::Fen(match dice.below(8) {
        0 => tenth,
        1 => dice.fen(tenth * 2),
        _ => 0,
    })
}

/// 国科发火〔2016〕32号 十一（五）: 5 percent up to 50 million of sales in the last year, 4 up to 200 million, else 3.
fn enough_research(row: &Row) -> Truth {
    let years = row.fen("research_expense").zip(row.fen("research_revenue")).zip(row.fen("research_last"));
    match years {
        Some(((expense, revenue), last)) => {
            let percent = match last {
                _ if last <= 5_000 * WAN => 5,
                _ if last <= 20_000 * WAN => 4,
                _ => 3,
            };
            at_least(Some(expense * 100), Some(revenue * percent))
        }
        // Who was certified met it then, so far as the years do not tell otherwise.
        None => plain(row.yes("certificate").filter(|certified| *certified)),
    }
}

/// 企业所得税法 二十八: 15 percent instead of 25. Another reduction of the rate is given up for it, or taken instead.
fn high_tech(row: &Row, _: &Asked) -> Said {
    let (income, claimed) = (row.fen("taxable_income"), row.fen("claimed"));
    let (certificate, claims) = (row.yes("certificate"), positive(claimed));
    let others = row.fen("small").zip(row.fen("region")).map(|(small, region)| small + region);
    let instead = taken_instead(claimed, others);
    Said {
        concerns: both(either(certificate, claims), either(positive(income), claims)),
        conditions: vec![
            plain(certificate),
            at_least(row.count("age").map(i128::from), Some(12)),
            enough_research(row),
            plain(either(claimed.map(|claimed| claimed == 0), Some(row.fen("small").unwrap_or(0) == 0))),
        ],
        claimed,
        benefit: income
            .zip(instead)
            .map(|(income, instead)| share(income.max(0) - 10 * instead, 100_000).max(0)),
    }
}

fn losses_offset(row: &Row, _: &Asked, dice: &mut Dice) -> Value {
    let (recent, older) = (row.fen("recent").unwrap_or(50 * WAN), row.fen("older").unwrap_or(20 * WAN));
    Value::Fen(match dice.below(7) {
        0 => 0,
        1 => recent,
        2 => recent + 1,
        3 => recent + older,
        4 => recent + older + 1_000,
        _ => recent + dice.fen(older * 2),
    })
}

/// 财税〔2018〕76号 一: what is offset beyond the losses of five years must be of the five before, which only some may carry.
fn losses_of_ten_years(row: &Row, _: &Asked) -> Said {
    let (offset, recent, left) = (row.fen("offset_now"), row.fen("recent"), row.fen("left_over"));
    let rate = if row.count("high_tech") == Some(1) { 150_000 } else { 250_000 };
    let aged = offset.zip(recent).map(|(offset, recent)| offset - recent);
    let open = left.zip(row.fen("income")).map(|(left, income)| left.min(income));
    let used = aged.zip(row.fen("older")).map(|(aged, older)| aged.max(0).min(older));
    Said {
        concerns: either(positive(aged), positive(left)),
        conditions: vec![plain(row.yes("qualified"))],
        claimed: if offset == Some(0) { Some(0) } else { aged.map(|aged| share(aged.max(0), rate)) },
        benefit: open.zip(used).map(|(open, used)| share(open.max(used), rate)),
    }
}
