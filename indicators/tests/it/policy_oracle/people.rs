//! Individual businesses halved, and disabled employees.

use super::draw::{Dice, Draw, Row, Value};
use super::logic::{Truth, WAN, at_least, at_most, both, either, plain, positive, quotient, share};
use super::{Asked, Rule, Said};

const FUND: &[(&str, Draw)] = &[
    ("kind", Draw::Words(&["enterprise", "enterprise", "partnership", "institution", "individual_business"])),
    ("staff", Draw::Reals(&[0.0, 12.5, 29.75, 30.0, 30.25, 33.0, 33.25, 100.0])),
    ("disabled", Draw::Reals(&[0.0, 0.25, 0.3, 0.333_333, 0.5, 0.999_999, 1.0, 1.000_001])),
    ("levied", Draw::Around(&[0, 3 * WAN])),
    ("reduced", Draw::From(reduced)),
];

pub const RULES: &[Rule] = &[
    Rule {
        code: "B18",
        part: None,
        periods: &[202_112, 202_212, 202_312, 202_712],
        outside: &[202_012, 202_812],
        documents: true,
        facts: &[
            ("kind", Draw::Words(&["individual_business", "individual_business", "enterprise"])),
            ("income", Draw::Around(&[3 * WAN, 9 * WAN, 30 * WAN, 50 * WAN, 100 * WAN, 200 * WAN])),
            ("tax", Draw::From(tax_of_return)),
            ("paid", Draw::Around(&[0, WAN])),
            ("reliefs", Draw::Around(&[0, WAN])),
            ("claimed", Draw::Claim),
        ],
        say: halved,
    },
    Rule {
        code: "B35",
        part: None,
        periods: &[201_605, 202_506, 202_712],
        outside: &[201_604, 202_801],
        documents: false,
        facts: &[
            ("then_credit", Draw::Words(&["A", "B", "A", "B", "M", "C", "D"])),
            ("disabled", Draw::Counts(&[0, 3, 4, 5, 9, 10, 10, 11, 25])),
            ("staff", Draw::From(staff)),
            ("least_persons", Draw::Counts(&[10, 10, 10, 5])),
            ("paid", Draw::Around(&[2 * WAN, 4 * WAN, 8 * WAN])),
            ("person_months", Draw::Counts(&[0, 5, 9, 10, 11, 25, 30])),
            ("year_tax", Draw::Around(&[50 * WAN])),
            ("year_months", Draw::Counts(&[0, 40, 60, 120])),
            ("year_claimed", Draw::Around(&[36 * WAN])),
            ("relief", Draw::Claim),
        ],
        say: disabled_employees,
    },
    Rule {
        code: "B38",
        part: Some("exempt"),
        periods: &[202_012, 202_312, 202_712],
        outside: &[201_912, 202_812],
        documents: false,
        facts: FUND,
        say: fund_of_thirty,
    },
    Rule {
        code: "B38",
        part: Some("tiers"),
        periods: &[202_012, 202_312, 202_712],
        outside: &[201_912, 202_812],
        documents: true,
        facts: FUND,
        say: fund_in_tiers,
    },
];

/// 个人所得税法 税率表二, computed band by band: fen of income to millionths of a fen of tax.
fn business_tax(income: i128) -> i128 {
    let bands = [(3, 50_000), (9, 100_000), (30, 200_000), (50, 300_000), (i128::MAX / WAN, 350_000)];
    let mut from = 0;
    let mut tax = 0;
    for (to, rate) in bands {
        tax += (income.min(to * WAN) - from).max(0) * rate;
        from = to * WAN;
    }
    tax
}

/// The tax of the return that shows this income.
fn tax_of_return(row: &Row, _: &Asked, _: &mut Dice) -> Value {
    row.fen("income").map_or(Value::Unknown, |income| Value::Fen(share(1, business_tax(income))))
}

/// 2021年12号 二, 2023年12号 一: half of the tax on income up to one million, from 2023 two. Without other reliefs.
fn halved(row: &Row, asked: &Asked) -> Said {
    let individual = row.is("kind", "individual_business");
    let cap = if asked.period <= 202_212 { 100 * WAN } else { 200 * WAN };
    let pays = either(positive(row.fen("paid")), positive(row.fen("reliefs")));
    let on_cap = |income: i128| share(1, business_tax(income.min(cap)));
    // The return may be known without the income it is of.
    let tax = row.fen("tax").map(|tax| row.fen("income").map_or_else(|| tax.min(on_cap(cap)), on_cap));
    Said {
        concerns: either(both(individual, pays), positive(row.fen("claimed"))),
        conditions: vec![plain(individual)],
        claimed: row.fen("claimed"),
        benefit: tax.map(|tax| share(tax, 500_000)),
    }
}

/// Four for each of the disabled, one off it, or any.
fn staff(row: &Row, _: &Asked, dice: &mut Dice) -> Value {
    let four = row.count("disabled").unwrap_or(10) * 4;
    Value::Count(match dice.below(6) {
        0 => four + 1,
        1 => (four - 1).max(0),
        2 => dice.one_of(&[12, 20, 36, 40, 41, 44, 45, 100]),
        _ => four,
    })
}

/// 财税〔2016〕52号 一, 二: a quarter of the staff and ten (five) disabled; four minimum wages each, from the tax of the month,
/// and then of earlier months of the year.
fn disabled_employees(row: &Row, _: &Asked) -> Said {
    let monthly_wages = |months: i64| i128::from(months) * 4 * 2_000 * 100;
    let (paid, relief) = (row.fen("paid"), row.fen("relief"));
    let disabled = row.count("disabled").map(i128::from);
    let month = paid.zip(row.count("person_months")).map(|(paid, n)| paid.max(0).min(monthly_wages(n)));
    let year = row.fen("year_tax").zip(row.count("year_months")).zip(row.fen("year_claimed"));
    let left = year.map(|((tax, months), claimed)| tax.min(monthly_wages(months)) - claimed);
    let beyond = relief.zip(month).is_some_and(|(relief, month)| relief > month + 100);
    Said {
        concerns: either(both(positive(disabled), positive(paid)), positive(relief)),
        conditions: vec![
            plain(row.word("then_credit").map(|rating| rating != "C" && rating != "D")),
            at_least(disabled.map(|n| n * 4), row.count("staff").map(i128::from)),
            at_least(disabled, row.count("least_persons").map(i128::from)),
        ],
        claimed: relief,
        benefit: if beyond {
            month.zip(left).zip(relief).map(|((month, left), relief)| month.max(left).min(relief))
        } else {
            month
        },
    }
}

/// All of the fund, a half or nine tenths of it, or none.
fn reduced(row: &Row, _: &Asked, dice: &mut Dice) -> Value {
    let levied = row.fen("levied").unwrap_or(3 * WAN);
    Value::Fen(match dice.below(6) {
        0 | 1 => levied,
        2 => levied / 9,
        3 => levied + dice.fen(300),
        4 => dice.fen(levied * 2),
        _ => 0,
    })
}

fn whole_fund(row: &Row) -> Option<i128> {
    row.fen("levied").zip(row.fen("reduced")).map(|(levied, reduced)| levied + reduced)
}

fn enterprise(row: &Row) -> Option<bool> {
    either(row.is("kind", "enterprise"), row.is("kind", "partnership"))
}

/// 2023年8号 二: nothing of an enterprise of up to thirty.
fn fund_of_thirty(row: &Row, _: &Asked) -> Said {
    let (levied, reduced, staff) = (row.fen("levied"), row.fen("reduced"), row.millionths("staff"));
    let limit: Truth = at_most(staff, Some(30_000_000));
    let exempted = both(positive(reduced), levied.map(|levied| levied == 0));
    Said {
        concerns: either(both(positive(levied), staff.map(|staff| staff <= 33_000_000)), exempted),
        conditions: vec![plain(enterprise(row)), limit],
        claimed: reduced,
        benefit: whole_fund(row),
    }
}

/// 2023年8号 一: half from one percent of disabled staff on, a tenth below it.
fn fund_in_tiers(row: &Row, _: &Asked) -> Said {
    let (staff, disabled) = (row.millionths("staff"), row.millionths("disabled"));
    let exempt = both(enterprise(row), staff.map(|staff| staff <= 30_000_000));
    let half = staff.zip(disabled).map(|(staff, disabled)| disabled * 100 >= staff);
    Said {
        concerns: both(positive(row.fen("levied")), Some(exempt != Some(true))),
        conditions: vec![plain(either(enterprise(row), row.is("kind", "institution")))],
        claimed: row.fen("reduced"),
        benefit: whole_fund(row).zip(half).map(|(fund, half)| quotient(fund * if half { 5 } else { 1 }, 10)),
    }
}
