//! Six taxes and two fees, cut from 2019 and halved from 2022 on, and the fees that are not levied at all.

use super::draw::{Dice, Draw, Row, Value};
use super::logic::{Truth, WAN, at_most, both, either, not, plain, positive, share};
use super::{Asked, Rule, Said};

const TAX: Draw = Draw::Around(&[0, WAN]);

const FACTS: &[(&str, Draw)] = &[
    ("vat_status", Draw::Words(&["small_scale", "small_scale", "small_scale", "general"])),
    ("by_status", Draw::From(by_status)),
    ("as_small", Draw::From(as_small)),
    ("company", Draw::Flag),
    ("restricted", Draw::Words(&["no", "no", "no", "yes"])),
    ("income", Draw::Around(&[300 * WAN, 50 * WAN])),
    ("employees", Draw::Reals(&[10.0, 10.0, 299.75, 300.0, 300.25, 330.0, 331.0])),
    ("assets", Draw::Around(&[5_000 * WAN, 1_000 * WAN, 100 * WAN])),
    ("micro", Draw::Flag),
    ("sales", Draw::Around(&[10 * WAN, 30 * WAN])),
    ("span", Draw::Counts(&[1, 3])),
    ("city_maintenance", TAX),
    ("education", TAX),
    ("local_education", TAX),
    ("resource", TAX),
    ("property", TAX),
    ("land_use", TAX),
    ("stamp", TAX),
    ("farmland", TAX),
    ("relief", Draw::Claim),
];

const FEES: &[(&str, Draw)] = &[
    ("sales", Draw::Around(&[10 * WAN, 30 * WAN])),
    ("span", Draw::Counts(&[1, 3])),
    ("education_base", TAX),
    ("education_due", TAX),
    ("local_base", TAX),
    ("local_due", TAX),
    ("relief", Draw::Around(&[0, WAN])),
];

const fn cut(part: &'static str) -> Rule {
    Rule {
        code: "B11",
        part: Some(part),
        periods: &[201_901, 202_112],
        outside: &[201_812, 202_201],
        documents: false,
        facts: FACTS,
        say: small_scale,
    }
}

const fn cut_2022(part: &'static str, say: fn(&Row, &Asked) -> Said) -> Rule {
    Rule { code: "B12", periods: &[202_201, 202_212], outside: &[202_112, 202_301], say, ..cut(part) }
}

const fn halved(part: &'static str, say: fn(&Row, &Asked) -> Said) -> Rule {
    Rule {
        code: "B13",
        periods: &[202_301, 202_412, 202_501, 202_712],
        outside: &[202_212, 202_801],
        say,
        ..cut(part)
    }
}

const fn fee(part: &'static str) -> Rule {
    Rule {
        code: "B10",
        periods: &[201_602, 202_612],
        outside: &[201_601],
        facts: FEES,
        say: not_levied,
        ..cut(part)
    }
}

pub const RULES: &[Rule] = &[
    fee("education"),
    fee("local_education"),
    cut("city_maintenance"),
    cut("education"),
    cut("local_education"),
    cut("resource"),
    cut("property"),
    cut("land_use"),
    cut("stamp"),
    cut("farmland"),
    cut_2022("city_maintenance", by_whom),
    cut_2022("education", by_whom),
    cut_2022("local_education", by_whom),
    cut_2022("resource", by_whom),
    cut_2022("property", by_whom),
    cut_2022("land_use", by_whom),
    cut_2022("stamp", by_whom),
    cut_2022("farmland", by_whom),
    cut_2022("city_maintenance_micro", by_size),
    cut_2022("education_micro", by_size),
    cut_2022("local_education_micro", by_size),
    cut_2022("resource_micro", by_size),
    cut_2022("property_micro", by_size),
    cut_2022("land_use_micro", by_size),
    cut_2022("stamp_micro", by_size),
    cut_2022("farmland_micro", by_size),
    halved("city_maintenance", by_whom),
    halved("education", by_whom),
    halved("local_education", by_whom),
    halved("resource", by_whom),
    halved("property", by_whom),
    halved("land_use", by_whom),
    halved("stamp", by_whom),
    halved("farmland", by_whom),
    halved("city_maintenance_micro", by_size),
    halved("education_micro", by_size),
    halved("local_education_micro", by_size),
    halved("resource_micro", by_size),
    halved("property_micro", by_size),
    halved("land_use_micro", by_size),
    halved("stamp_micro", by_size),
    halved("farmland_micro", by_size),
];

fn is_micro_part(asked: &Asked) -> bool {
    asked.part.is_some_and(|part| part.ends_with("_micro"))
}

fn by_status(_: &Row, asked: &Asked, dice: &mut Dice) -> Value {
    Value::Yes((dice.below(5) > 0) != is_micro_part(asked))
}

fn as_small(_: &Row, asked: &Asked, dice: &mut Dice) -> Value {
    let seldom = if is_micro_part(asked) { 12 } else { 3 };
    Value::Fen(if dice.below(seldom) == 0 { 1 + dice.fen(WAN) } else { 0 })
}

/// What of the tax of a part is due before halving.
fn due(row: &Row, asked: &Asked) -> Option<i128> {
    let part = asked.part.unwrap();
    row.fen(part.strip_suffix("_micro").unwrap_or(part))
}

/// 财税〔2016〕12号 一: the two fees are not levied up to 100,000 a month; that relief is asked first.
fn above_the_fee_line(row: &Row) -> Option<bool> {
    row.fen("sales").zip(row.count("span")).map(|(sales, span)| sales > 10 * WAN * i128::from(span))
}

fn left_to_exemption(row: &Row, asked: &Asked) -> Option<bool> {
    let fee = asked.part.is_some_and(|part| part.contains("education"));
    let exempt = fee && above_the_fee_line(row) == Some(false);
    both(Some(exempt), not(positive(row.fen("relief"))))
}

fn cut_by_half(row: &Row, asked: &Asked, concerns: Option<bool>, mut conditions: Vec<Truth>) -> Said {
    let tax = due(row, asked);
    conditions.push(plain(positive(tax)));
    Said {
        concerns: both(concerns, not(left_to_exemption(row, asked))),
        conditions,
        claimed: row.fen("relief"),
        benefit: tax.map(|tax| share(tax, 500_000)),
    }
}

/// 财税〔2019〕13号 三, 四: small-scale taxpayers, up to half, which the provinces took.
fn small_scale(row: &Row, asked: &Asked) -> Said {
    let small = row.is("vat_status", "small_scale");
    let may = both(Some(small != Some(false)), positive(due(row, asked)));
    cut_by_half(row, asked, either(may, positive(row.fen("relief"))), vec![plain(small)])
}

/// Who is small-scale, an individual business, or claims as one; the others go by size.
fn goes_by_status(row: &Row) -> Option<bool> {
    either(row.yes("by_status"), positive(row.fen("as_small")))
}

fn has_tax(row: &Row, asked: &Asked) -> Option<bool> {
    either(positive(due(row, asked)), positive(row.fen("relief")))
}

/// 2022年10号 一, 2023年12号 二: small-scale taxpayers and individual businesses; small low-profit firms, whatever code they put.
fn by_whom(row: &Row, asked: &Asked) -> Said {
    let concerns = both(Some(goes_by_status(row) != Some(false)), has_tax(row, asked));
    cut_by_half(row, asked, concerns, vec![plain(either(row.yes("by_status"), row.yes("micro")))])
}

/// 2022年10号 一, 2023年12号 二, 五: small low-profit firms, new ones by staff and assets.
fn by_size(row: &Row, asked: &Asked) -> Said {
    let concerns = both(Some(goes_by_status(row) == Some(false)), has_tax(row, asked));
    let conditions = vec![
        plain(row.yes("company")),
        plain(row.is("restricted", "no")),
        at_most(row.fen("income"), Some(300 * WAN)),
        at_most(row.millionths("employees"), Some(300_000_000)),
        at_most(row.fen("assets"), Some(5_000 * WAN)),
    ];
    cut_by_half(row, asked, concerns, conditions)
}

/// 财税〔2016〕12号 一: up to 100,000 a month, closed; whoever pays.
fn not_levied(row: &Row, asked: &Asked) -> Said {
    let local = asked.part == Some("local_education");
    let (base, owed) = if local { ("local_base", "local_due") } else { ("education_base", "education_due") };
    let relief = row.fen("relief");
    let line = row.count("span").map(|span| 10 * WAN * i128::from(span));
    Said {
        concerns: either(positive(row.fen(base)), positive(relief)),
        conditions: vec![at_most(row.fen("sales"), line)],
        claimed: relief,
        benefit: row.fen(owed).zip(relief).map(|(owed, relief)| owed + relief),
    }
}
