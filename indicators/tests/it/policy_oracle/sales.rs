//! VAT of small-scale taxpayers from 2019 to 2027, and of software.

use super::draw::{Dice, Draw, Row, Value};
use super::logic::{WAN, at_most, below, both, either, not, plain, positive, share};
use super::{Asked, Rule, Said};

const STATUS: Draw = Draw::Words(&["small_scale", "small_scale", "small_scale", "general"]);

const SMALL: &[(&str, Draw)] = &[
    ("then_vat_status", STATUS),
    ("filed", Draw::Counts(&[1, 1, 1, 0])),
    ("span", Draw::Counts(&[1, 3])),
    ("sales", Draw::Around(&[3 * WAN, 10 * WAN, 15 * WAN, 30 * WAN, 45 * WAN])),
    ("estate", Draw::Around(&[0, 5 * WAN])),
    ("loose", Draw::Around(&[8 * WAN, 30 * WAN])),
    ("leased", Draw::Around(&[0, 2 * WAN])),
    ("exempt_sales", Draw::ClaimOf(30_000)),
];

const REDUCED: &[(&str, Draw)] = &[
    ("then_vat_status", STATUS),
    ("region", Draw::From(region)),
    ("exempting", Draw::Known(exempting)),
    ("sales_3", Draw::Around(&[40 * WAN])),
    ("special", Draw::Around(&[0, 10 * WAN])),
    ("other_exempt", Draw::Around(&[0, 30 * WAN])),
    ("reduction", Draw::Around(&[0, WAN])),
    ("at_3", Draw::Around(&[0, 10 * WAN])),
    ("relief", Draw::From(about_two_percent)),
];

const fn small(code: &'static str, periods: &'static [i32], outside: &'static [i32]) -> Rule {
    Rule { code, part: None, periods, outside, documents: false, facts: SMALL, say: small_exempt }
}

const fn reduced(part: &'static str, periods: &'static [i32], outside: &'static [i32]) -> Rule {
    Rule {
        code: "B06",
        part: Some(part),
        periods,
        outside,
        documents: false,
        facts: REDUCED,
        say: hubei_or_not,
    }
}

pub const RULES: &[Rule] = &[
    small("B02", &[201_901, 202_103], &[201_812, 202_104]),
    small("B03", &[202_104, 202_212], &[202_103, 202_301]),
    small("B04", &[202_301, 202_503, 202_512], &[202_212, 202_601]),
    Rule {
        code: "B05",
        part: None,
        periods: &[202_601, 202_712],
        outside: &[202_512, 202_801],
        documents: false,
        facts: &[
            ("then_vat_status", STATUS),
            ("filed", Draw::Counts(&[1, 1, 1, 0])),
            ("span", Draw::Counts(&[1, 3])),
            ("sales", Draw::Around(&[10 * WAN, 30 * WAN])),
            ("loose", Draw::Around(&[8 * WAN, 30 * WAN])),
            ("given_up", Draw::Words(&["no", "no", "no", "yes"])),
            ("exempt_sales", Draw::ClaimOf(30_000)),
        ],
        say: threshold,
    },
    reduced("elsewhere", &[202_003, 202_203], &[202_002, 202_204]),
    reduced("hubei", &[202_003, 202_103, 202_104, 202_203], &[202_002, 202_204]),
    Rule {
        code: "B07",
        part: None,
        periods: &[202_204, 202_212],
        outside: &[202_203, 202_301],
        documents: false,
        facts: &[
            ("then_vat_status", STATUS),
            ("sales_3", Draw::Around(&[40 * WAN])),
            ("special", Draw::Around(&[0, 10 * WAN])),
            ("other_exempt", Draw::From(nothing_or_some)),
            ("relief", Draw::Around(&[0, WAN])),
        ],
        say: exempt_at_three,
    },
    Rule {
        code: "B08",
        part: None,
        periods: &[202_301, 202_303, 202_512],
        outside: &[202_212, 202_601],
        documents: false,
        facts: &[
            ("then_vat_status", STATUS),
            ("sales_3", Draw::Around(&[40 * WAN])),
            ("reduction", Draw::Around(&[0, WAN])),
            ("at_3", Draw::Around(&[0, 10 * WAN])),
            ("relief", Draw::From(about_two_percent)),
        ],
        say: one_percent,
    },
    Rule {
        code: "B09",
        part: None,
        periods: &[202_601, 202_712],
        outside: &[202_512, 202_801],
        documents: false,
        facts: &[
            ("then_vat_status", STATUS),
            ("sales_3", Draw::Around(&[40 * WAN])),
            ("estate", Draw::Around(&[0, 5 * WAN])),
            ("reduction", Draw::Around(&[0, WAN])),
            ("by_line", Draw::From(nothing_or_some)),
            ("given_up", Draw::Seldom),
            ("at_3", Draw::Around(&[0, 10 * WAN])),
            ("relief", Draw::From(about_two_percent)),
        ],
        say: one_percent_without_estate,
    },
    Rule {
        code: "B34",
        part: None,
        periods: &[201_101, 202_506, 202_601],
        outside: &[201_012],
        documents: false,
        facts: &[
            ("then_vat_status", Draw::Words(&["general", "general", "small_scale"])),
            ("certificate", Draw::Flag),
            ("sales", Draw::Around(&[100 * WAN])),
            ("paid", Draw::Around(&[3 * WAN, 5 * WAN])),
            ("relief", Draw::Claim),
        ],
        say: software,
    },
];

fn region(_: &Row, asked: &Asked, dice: &mut Dice) -> Value {
    let (mine, other) = if asked.part == Some("hubei") { ("420100", "110000") } else { ("110000", "420100") };
    Value::Word(if dice.below(8) > 0 { mine } else { other })
}

/// Hubei, up to March 2021.
fn exempting(row: &Row, asked: &Asked, _: &mut Dice) -> Value {
    match row.word("region") {
        _ if asked.period > 202_103 => Value::Yes(false),
        Some(region) => Value::Yes(region.starts_with("42")),
        None => Value::Unknown,
    }
}

fn nothing_or_some(_: &Row, _: &Asked, dice: &mut Dice) -> Value {
    Value::Fen(if dice.below(3) > 0 { 0 } else { dice.fen(WAN) })
}

/// What is due depends on what is claimed: two percent of the sales, with or without those invoiced at three, or off it.
fn about_two_percent(row: &Row, _: &Asked, dice: &mut Dice) -> Value {
    let sales = row.fen("sales_3").unwrap_or(40 * WAN);
    let at_3 = row.fen("at_3").unwrap_or(0);
    let due = share(if dice.below(2) == 0 { sales } else { (sales - at_3).max(0) }, 20_000);
    Value::Fen(match dice.below(8) {
        0 | 1 => 0,
        2 => due + 101,
        3 => (due - 101).max(0),
        4 => (due - 100).max(0),
        5 => dice.fen(due * 2),
        _ => due,
    })
}

fn is_small(row: &Row) -> Option<bool> {
    row.is("then_vat_status", "small_scale")
}

fn filed(row: &Row) -> Option<bool> {
    row.count("filed").map(|filed| filed > 0)
}

/// 3 percent of sales, and 2 more of what of them is let.
fn at_levy_rates(sales: i128, leased: i128) -> i128 {
    share(1, sales * 30_000 + sales.min(leased) * 20_000)
}

/// 财税〔2019〕13号 一, 2021年11号, 2023年1号 and 19号: sales, or those without real estate sold, up to the line.
fn small_exempt(row: &Row, asked: &Asked) -> Said {
    let line = if (202_104..=202_212).contains(&asked.period) { 15 * WAN } else { 10 * WAN };
    let (estate, leased) = (row.fen("estate"), row.fen("leased"));
    let counted = row.fen("sales").zip(estate).map(|(sales, estate)| sales - estate);
    let claimed = |(exempt, leased): (i128, i128)| at_levy_rates(exempt.max(0), leased);
    let due =
        |((loose, estate), leased): ((i128, i128), i128)| at_levy_rates((loose - estate).max(0), leased);
    Said {
        concerns: filed(row),
        conditions: vec![
            plain(is_small(row)),
            at_most(counted, row.count("span").map(|span| line * i128::from(span))),
        ],
        claimed: row.fen("exempt_sales").zip(leased).map(claimed),
        benefit: row.fen("loose").zip(estate).zip(leased).map(due),
    }
}

/// 2026年10号 一: below the line, which is open; given up or not.
fn threshold(row: &Row, _: &Asked) -> Said {
    let exempt = row.fen("exempt_sales");
    Said {
        concerns: filed(row),
        conditions: vec![
            plain(is_small(row)),
            plain(either(row.is("given_up", "no"), positive(exempt))),
            below(row.fen("sales"), row.count("span").map(|span| 10 * WAN * i128::from(span))),
        ],
        claimed: exempt.map(|exempt| share(exempt.max(0), 30_000)),
        benefit: row.fen("loose").map(|loose| share(loose.max(0), 30_000)),
    }
}

/// Two of three percent of the sales, but not of what was invoiced at three, unless all of it was claimed.
fn two_of_three(sales: Option<i128>, claimed: Option<i128>, at_3: Option<i128>) -> Option<i128> {
    let (sales, claimed) = sales.zip(claimed)?;
    if (claimed + 100) * 100 >= sales * 2 {
        Some(share(sales, 20_000))
    } else {
        at_3.map(|at_3| share(sales - at_3, 20_000).max(claimed))
    }
}

/// 2023年1号 and 19号 二: two of three percent.
fn one_percent(row: &Row, _: &Asked) -> Said {
    let (sales, relief) = (row.fen("sales_3"), row.fen("relief"));
    Said {
        concerns: either(positive(sales), positive(relief)),
        conditions: vec![
            plain(is_small(row)),
            plain(either(positive(relief), row.fen("reduction").map(|reduction| reduction <= 0))),
        ],
        claimed: relief,
        benefit: two_of_three(sales, relief, row.fen("at_3")),
    }
}

/// 2020年13号 and 24号, 2021年7号 一, 2022年15号: the same, but exempt in Hubei up to March 2021.
fn hubei_or_not(row: &Row, asked: &Asked) -> Said {
    let in_hubei = row.word("region").map(|region| region.starts_with("42"));
    let other = row.fen("other_exempt");
    let exempt = both(Some(asked.period <= 202_103), in_hubei);
    let mut said = one_percent(row, asked);
    said.concerns = both(
        either(said.concerns, both(exempt, positive(other))),
        if asked.part == Some("hubei") { in_hubei } else { not(in_hubei) },
    );
    let exempting = asked.part == Some("hubei") && asked.period <= 202_103;
    if exempting {
        said.conditions.truncate(1);
        let plain_sales =
            row.fen("sales_3").zip(row.fen("special")).map(|(all, special)| (all - special).max(0));
        said.benefit = plain_sales.zip(other).map(|(plain, other)| share(plain + other.max(0), 30_000));
    }
    if exempt == Some(true) {
        said.claimed = other.map(|other| share(other.max(0), 30_000));
    }
    said.benefit = in_hubei.and(said.benefit);
    said
}

/// 2022年15号: all of three percent, but for special invoices. A code, or else the line of the return, shows the claim.
fn exempt_at_three(row: &Row, _: &Asked) -> Said {
    let (relief, other) = (row.fen("relief"), row.fen("other_exempt"));
    // In hundredths of a fen, rounded once.
    let claimed = match relief {
        Some(relief) if relief > 0 => Some(relief * 100),
        _ => other.map(|other| other.max(0) * 3),
    };
    let forgone = row.fen("sales_3").zip(row.fen("special")).map(|(all, special)| (all - special).max(0) * 3);
    Said {
        concerns: either(either(positive(row.fen("sales_3")), positive(other)), positive(relief)),
        conditions: vec![plain(is_small(row))],
        claimed: claimed.map(|claimed| share(claimed, 10_000)),
        benefit: forgone.zip(claimed).map(|(forgone, claimed)| share(forgone + claimed, 10_000)),
    }
}

/// 2026年10号 三（三）6: two of three percent, without real estate and land.
fn one_percent_without_estate(row: &Row, _: &Asked) -> Said {
    let (sales, relief, by_line) = (row.fen("sales_3"), row.fen("relief"), row.fen("by_line"));
    let claimed = relief.zip(by_line).map(|(relief, by_line)| relief.max(by_line));
    let net = sales.zip(row.fen("estate")).map(|(sales, estate)| sales - estate);
    let shows = either(positive(relief), positive(by_line));
    let whole = net.map(|net| net.max(0));
    let all = whole.zip(claimed).map(|(whole, claimed)| (claimed + 100) * 100 >= whole * 2);
    Said {
        concerns: either(positive(sales), positive(relief)),
        conditions: vec![
            plain(is_small(row)),
            plain(either(not(row.yes("given_up")), shows)),
            plain(either(shows, row.fen("reduction").map(|reduction| reduction <= 0))),
        ],
        claimed,
        benefit: if all == Some(true) {
            whole.map(|whole| share(whole, 20_000))
        } else {
            net.zip(claimed)
                .zip(row.fen("at_3"))
                .map(|((net, claimed), at_3)| share(net - at_3, 20_000).max(claimed))
        },
    }
}

/// 财税〔2011〕100号 一: what is paid beyond three percent of the sales.
fn software(row: &Row, _: &Asked) -> Said {
    let (sales, paid, relief) = (row.fen("sales"), row.fen("paid"), row.fen("relief"));
    Said {
        concerns: either(positive(sales), positive(relief)),
        conditions: vec![plain(row.is("then_vat_status", "general")), plain(row.yes("certificate"))],
        claimed: relief,
        benefit: sales.zip(paid).map(|(sales, paid)| {
            // Three percent of the sales to the hundredth of a fen, then the fen.
            let above = paid * 100 - sales * 3;
            share(above.max(0), 10_000)
        }),
    }
}
