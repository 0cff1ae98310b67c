//! The second writing: each policy as its text reads, without the rule language.

use super::{Draw, Row, Rule, Said, at_most, below, plain, share};

/// Ten thousand yuan, in fen.
const WAN: i128 = 1_000_000;

const MICRO: &[(&str, Draw)] = &[
    ("restricted", Draw::Words(&["no", "no", "no", "yes"])),
    ("taxable_income", Draw::Around(&[300 * WAN, 100 * WAN])),
    ("employees", Draw::Reals(&[10.0, 299.75, 300.0, 300.25, 330.0, 331.0])),
    ("assets", Draw::Around(&[5_000 * WAN])),
    ("claimed", Draw::Claim),
];

const SMALL: &[(&str, Draw)] = &[
    ("then_vat_status", Draw::Words(&["small_scale", "small_scale", "small_scale", "general"])),
    ("filed", Draw::Counts(&[1, 1, 1, 0])),
    ("span", Draw::Counts(&[1, 3])),
    ("sales", Draw::Around(&[3 * WAN, 10 * WAN, 15 * WAN, 30 * WAN, 45 * WAN])),
    ("estate", Draw::Around(&[0, 5 * WAN])),
    ("loose", Draw::Around(&[8 * WAN, 30 * WAN])),
    ("leased", Draw::Around(&[0, 2 * WAN])),
    ("exempt_sales", Draw::ClaimOf(30_000)),
];

const fn micro(code: &'static str, periods: &'static [i32]) -> Rule {
    Rule { code, part: None, periods, facts: MICRO, say: small_low_profit }
}

const fn small(code: &'static str, periods: &'static [i32]) -> Rule {
    Rule { code, part: None, periods, facts: SMALL, say: small_exempt }
}

pub const RULES: &[Rule] = &[
    small("B02", &[201_901, 202_103]),
    small("B03", &[202_104, 202_212]),
    small("B04", &[202_301, 202_503, 202_512]),
    Rule {
        code: "B05",
        part: None,
        periods: &[202_601, 202_712],
        facts: &[
            ("then_vat_status", Draw::Words(&["small_scale", "small_scale", "small_scale", "general"])),
            ("filed", Draw::Counts(&[1, 1, 1, 0])),
            ("span", Draw::Counts(&[1, 3])),
            ("sales", Draw::Around(&[10 * WAN, 30 * WAN])),
            ("loose", Draw::Around(&[8 * WAN, 30 * WAN])),
            ("given_up", Draw::Words(&["no", "no", "no", "yes"])),
            ("exempt_sales", Draw::ClaimOf(30_000)),
        ],
        say: threshold,
    },
    Rule {
        code: "B08",
        part: None,
        periods: &[202_303, 202_512],
        facts: &[
            ("then_vat_status", Draw::Words(&["small_scale", "small_scale", "small_scale", "general"])),
            ("sales_3", Draw::Around(&[40 * WAN])),
            ("reduction", Draw::Around(&[0, WAN])),
            ("at_3", Draw::Around(&[0, 10 * WAN])),
            ("relief", Draw::Around(&[0, 80 * WAN / 100, 20 * WAN / 100])),
        ],
        say: one_percent,
    },
    micro("B14", &[201_903, 202_012]),
    micro("B15", &[202_103, 202_112]),
    micro("B16", &[202_203, 202_212]),
    micro("B17", &[202_303, 202_512, 202_712]),
    Rule {
        code: "B34",
        part: None,
        periods: &[201_101, 202_506, 202_601],
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

/// Employees as hundredths of a person, which all drawn ones are.
fn hundredths(value: Option<f64>) -> Option<i128> {
    value.map(|x| (x * 100.0).round() as i128)
}

fn positive(value: Option<i128>) -> Option<bool> {
    value.map(|v| v > 0)
}

/// Three-valued.
fn either(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

/// 财税〔2019〕13号 二, 2021年12号, 2022年13号, 2023年6号 and 12号: what is left of 25 percent on the first million and on the rest.
fn small_low_profit(row: &Row, period: i32) -> Said {
    let (first, rest) = match period {
        201_901..=202_012 => (50_000, 100_000),
        202_101..=202_112 => (25_000, 100_000),
        202_201..=202_212 => (25_000, 50_000),
        _ => (50_000, 50_000),
    };
    let income = row.fen("taxable_income");
    let worth = |income: i128| {
        let income = income.max(0);
        let low = income.min(100 * WAN);
        // Millionths of a fen throughout, rounded once.
        share(1, income * 250_000 - low * first - (income - low) * rest)
    };
    Said {
        concerns: either(Some(income.is_some()), positive(row.fen("claimed"))),
        conditions: vec![
            plain(row.is("restricted", "no")),
            at_most(income, Some(300 * WAN)),
            at_most(hundredths(row.real("employees")), Some(30_000)),
            at_most(row.fen("assets"), Some(5_000 * WAN)),
        ],
        claimed: row.fen("claimed"),
        benefit: income.map(worth),
    }
}

fn filed(row: &Row) -> Option<bool> {
    row.count("filed").map(|filed| filed > 0)
}

/// 3 percent of sales, and 2 more of what of them is let.
fn at_levy_rates(sales: i128, leased: i128) -> i128 {
    share(1, sales * 30_000 + sales.min(leased) * 20_000)
}

/// 财税〔2019〕13号 一, 2021年11号, 2023年1号 and 19号: sales, or those without real estate sold, up to the line.
fn small_exempt(row: &Row, period: i32) -> Said {
    let line = if (202_104..=202_212).contains(&period) { 15 * WAN } else { 10 * WAN };
    let (estate, leased) = (row.fen("estate"), row.fen("leased"));
    let counted = row.fen("sales").zip(estate).map(|(sales, estate)| sales - estate);
    let claimed = |(exempt, leased): (i128, i128)| at_levy_rates(exempt.max(0), leased);
    let due =
        |((loose, estate), leased): ((i128, i128), i128)| at_levy_rates((loose - estate).max(0), leased);
    Said {
        concerns: filed(row),
        conditions: vec![
            plain(row.is("then_vat_status", "small_scale")),
            at_most(counted, row.count("span").map(|span| line * i128::from(span))),
        ],
        claimed: row.fen("exempt_sales").zip(leased).map(claimed),
        benefit: row.fen("loose").zip(estate).zip(leased).map(due),
    }
}

/// 2026年10号 一: below the line, which is open; given up or not.
fn threshold(row: &Row, _: i32) -> Said {
    let exempt = row.fen("exempt_sales");
    Said {
        concerns: filed(row),
        conditions: vec![
            plain(row.is("then_vat_status", "small_scale")),
            plain(either(row.is("given_up", "no"), positive(exempt))),
            below(row.fen("sales"), row.count("span").map(|span| 10 * WAN * i128::from(span))),
        ],
        claimed: exempt.map(|exempt| share(exempt.max(0), 30_000)),
        benefit: row.fen("loose").map(|loose| share(loose.max(0), 30_000)),
    }
}

/// 2023年1号 and 19号 二: two of three percent, but not of what was invoiced at three.
fn one_percent(row: &Row, _: i32) -> Said {
    let (sales, relief) = (row.fen("sales_3"), row.fen("relief"));
    let benefit = match (sales, relief) {
        (Some(sales), Some(relief)) if (relief + 100) * 100 >= sales * 2 => Some(share(sales, 20_000)),
        (Some(sales), Some(relief)) => row.fen("at_3").map(|at_3| share(sales - at_3, 20_000).max(relief)),
        _ => None,
    };
    Said {
        concerns: either(positive(sales), positive(relief)),
        conditions: vec![
            plain(row.is("then_vat_status", "small_scale")),
            plain(either(positive(relief), row.fen("reduction").map(|reduction| reduction <= 0))),
        ],
        claimed: relief,
        benefit,
    }
}

/// 财税〔2011〕100号 一: what is paid beyond three percent of the sales.
fn software(row: &Row, _: i32) -> Said {
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
