//! Schemes show in the tables they would show in.

use std::collections::{HashMap, HashSet};

use arrow::array::AsArray;
use arrow::datatypes::{Decimal128Type, Int32Type};

use super::{economy, table};
use crate::economy::invoices::tax_on;
use crate::economy::policies::policies;
use crate::economy::schemes::{Role, SchemeKind, SchemePlan};
use crate::economy::{Economy, EconomySpec};

/// Firms that act in a scheme of this kind, with their plan.
fn actors(kind: SchemeKind, role: Role) -> Vec<(u32, &'static SchemePlan)> {
    let all = (0..economy().world().taxpayers()).filter_map(|firm| Some((firm, economy().scheme(firm)?)));
    let found: Vec<_> = all.filter(|(_, plan)| plan.kind == kind && plan.role == role).collect();
    assert!(!found.is_empty(), "no {kind:?} in this economy");
    found
}

fn acts(plan: &SchemePlan, period: i64) -> bool {
    plan.acts(economy().world().month_of(period as i32).unwrap())
}

/// Sums of a column by firm, over the months in which its scheme acts.
fn sums(name: &'static str, column: &str, actors: &[(u32, &'static SchemePlan)]) -> HashMap<u32, i64> {
    let rows = table(name);
    let plans: HashMap<u32, &SchemePlan> = actors.iter().copied().collect();
    let mut sums = HashMap::new();
    for row in 0..rows.len() {
        let firm = rows.firm(row);
        if plans.get(&firm).is_some_and(|plan| acts(plan, rows.get("period", row))) {
            *sums.entry(firm).or_default() += rows.number(column, row).unwrap_or_default();
        }
    }
    sums
}

#[test]
fn sales_off_the_books_show_on_platforms_and_private_accounts() {
    let actors = actors(SchemeKind::OffTheBooks, Role::Organiser);
    let platform = sums("platform_sales", "gross", &actors);
    let private = sums("bank_flow", "private_inflow", &actors);
    let inflow = sums("bank_flow", "inflow", &actors);
    for (firm, plan) in &actors {
        let books = economy().books(*firm);
        let acting = || books.iter().filter(|book| plan.acts(book.month));
        let declared: i64 = acting().map(|book| book.income.revenue).sum();
        let hidden: i64 = acting().map(|book| book.truth.hidden_sales).sum();
        assert!(hidden > 0, "firm {firm}");
        assert!(
            inflow[firm] * 10 > declared * 11,
            "firm {firm}: {} received, {declared} declared",
            inflow[firm]
        );
        let seen = platform.get(firm).copied().unwrap_or_default() + private[firm];
        assert!(seen * 10 > hidden * 6, "firm {firm}: {seen} of {hidden} hidden");
    }
    assert!(platform.len() * 3 > actors.len(), "few sell over a platform: {}", platform.len());
}

#[test]
fn fake_employees_are_paid_but_not_insured() {
    let actors = actors(SchemeKind::FakeEmployees, Role::Organiser);
    let paid = sums("payroll", "persons", &actors);
    let insured = sums("social_insurance", "persons", &actors);
    for (firm, _) in &actors {
        let (paid, insured) = (paid[firm], insured.get(firm).copied().unwrap_or_default());
        assert!(paid as f64 > 1.15 * insured as f64, "firm {firm}: {paid} {insured}");
    }
}

#[test]
fn wages_stand_against_the_base_of_insurance() {
    let actors = actors(SchemeKind::WagesAgainstInsurance, Role::Organiser);
    let wages = sums("payroll", "wages", &actors);
    let base = sums("social_insurance", "base", &actors);
    for (firm, _) in &actors {
        assert!(base[firm] as f64 <= 0.8 * wages[firm] as f64, "firm {firm}: {} {}", base[firm], wages[firm]);
    }
}

#[test]
fn mills_have_little_power_and_nobody() {
    let actors = actors(SchemeKind::InvoiceMill, Role::Organiser);
    let kwh = sums("electricity", "kwh", &actors);
    let persons = sums("social_insurance", "persons", &actors);
    let sales: HashMap<u32, i64> = actors
        .iter()
        .map(|(firm, plan)| {
            let months = (0..economy().world().months()).filter(|month| plan.acts(*month));
            (*firm, months.map(|month| economy().ledger().of(*firm, month).special).sum())
        })
        .collect();
    for (firm, plan) in &actors {
        let months = plan.months.end() - plan.months.start() + 1;
        // Ten thousand yuan of sales take tens to hundreds of kilowatt hours elsewhere.
        let kwh = kwh.get(firm).copied().unwrap_or_default() as f64 / 1e8;
        assert!(kwh / (sales[firm] as f64 / 1e6) < 5.0, "firm {firm}: {kwh} kWh for {}", sales[firm]);
        assert!(persons.get(firm).copied().unwrap_or_default() <= 3 * i64::from(months), "firm {firm}");
    }
}

#[test]
fn power_and_output_part() {
    let ratio = |kind| {
        let actors = actors(kind, Role::Organiser);
        let kwh = sums("electricity", "kwh", &actors);
        let ratios: Vec<f64> = actors
            .iter()
            .map(|(firm, plan)| {
                let books = economy().books(*firm);
                let revenue: i64 =
                    books.iter().filter(|book| plan.acts(book.month)).map(|book| book.income.revenue).sum();
                let usual = economy().world().industry(*firm).kwh * revenue as f64 / 1e6;
                kwh.get(firm).copied().unwrap_or_default() as f64 / 1e8 / usual.max(1.0)
            })
            .collect();
        ratios
    };
    assert!(ratio(SchemeKind::PowerWithoutOutput).iter().all(|ratio| *ratio > 1.15));
    assert!(ratio(SchemeKind::OutputWithoutPower).iter().all(|ratio| *ratio < 0.8));
}

#[test]
fn circulating_exports_come_back_under_the_same_code() {
    let actors = actors(SchemeKind::CirculatingExports, Role::Organiser);
    let rows = table("customs_declaration");
    for (firm, _) in &actors {
        let codes = |direction: &str| -> HashSet<&str> {
            let own = (0..rows.len()).filter(|row| rows.firm(*row) == *firm);
            own.filter(|row| rows.text("direction", *row) == Some(direction))
                .filter_map(|row| rows.text("hs_code", row))
                .collect()
        };
        assert!(!codes("export").is_empty(), "firm {firm} exports nothing");
    }
    let refunds = sums("export_refund", "refund", &actors);
    assert!(actors.iter().all(|(firm, _)| refunds.get(firm).is_some_and(|refund| *refund > 0)));
}

#[test]
fn at_least_ten_policies_are_claimed() {
    let rows = table("benefit_claim");
    let claimed: HashSet<(&str, &str)> = (0..rows.len())
        .map(|row| (rows.text("tax_code", row).unwrap(), rows.text("relief_code", row).unwrap()))
        .collect();
    assert!(claimed.len() >= 12, "{claimed:?}");
    let ten_digits =
        claimed.iter().filter(|(_, code)| code.len() == 10 && code.bytes().all(|b| b.is_ascii_digit()));
    assert!(ten_digits.count() >= 9);
    let books = (0..economy().world().taxpayers()).flat_map(|firm| economy().books(firm));
    let rightly: HashSet<&str> = books
        .flat_map(|book| book.claims)
        .filter(|claim| claim.entitled)
        .map(|claim| policies()[usize::from(claim.policy)].key)
        .collect();
    assert!(rightly.len() >= 12, "{rightly:?}");
}

/// A row of the labels of reliefs.
struct Label {
    firm: u32,
    scheme: String,
    policy: String,
    tax: String,
    code: String,
    period: i32,
    period_type: String,
    relief: i64,
}

fn labelled_reliefs(economy: &Economy) -> Vec<Label> {
    let truth = economy.truth_reliefs().unwrap();
    let text =
        |name: &str, row: usize| truth.column_by_name(name).unwrap().as_string::<i32>().value(row).to_owned();
    let world = economy.world();
    let firms: HashMap<&str, u32> = (0..world.taxpayers()).map(|firm| (world.id(firm), firm)).collect();
    let periods = truth.column_by_name("period").unwrap().as_primitive::<Int32Type>();
    let reliefs = truth.column_by_name("relief").unwrap().as_primitive::<Decimal128Type>();
    (0..truth.num_rows())
        .map(|row| Label {
            firm: firms[text("taxpayer_id", row).as_str()],
            scheme: text("scheme", row),
            policy: text("policy", row),
            tax: text("tax_code", row),
            code: text("relief_code", row),
            period: periods.value(row),
            period_type: text("period_type", row),
            relief: i64::try_from(reliefs.value(row)).unwrap(),
        })
        .collect()
}

/// Reliefs as filed, by taxpayer, tax, code, period and kind of period: those with details, those that stand in a line of a return alone,
/// and those of settlements of income tax; a deduction as the tax at 25 percent it saves.
fn filed_reliefs() -> HashMap<(u32, String, String, i64, String), i64> {
    let mut filed = HashMap::new();
    let rows = table("benefit_claim");
    for row in 0..rows.len() {
        let (tax, code) = (rows.text("tax_code", row).unwrap(), rows.text("relief_code", row).unwrap());
        let kind = if tax == "cit" { "Q" } else { "M" };
        let key = (rows.firm(row), tax.to_owned(), code.to_owned(), rows.get("period", row), kind.to_owned());
        filed.insert(key, rows.get("relief", row));
    }
    let mut line = |firm, tax: &str, code: &str, period, kind: &str, relief: i64| {
        if relief > 0 {
            filed.insert((firm, tax.to_owned(), code.to_owned(), period, kind.to_owned()), relief);
        }
    };
    let rows = table("cit_return");
    for row in (0..rows.len()).filter(|row| rows.text("period_type", *row) == Some("Y")) {
        for code in ["small_profit_relief", "high_tech_relief", "region_relief", "rd_super_deduction"] {
            let share = if code == "rd_super_deduction" { 2_500 } else { 10_000 };
            let relief = tax_on(rows.get(code, row), share);
            line(rows.firm(row), "cit", code, rows.get("period", row), "Y", relief);
        }
    }
    let rows = table("vat_return");
    for row in (0..rows.len()).filter(|row| rows.text("form", *row) == Some("small")) {
        let relief = tax_on(rows.get("small_exempt_sales", row), 300);
        line(rows.firm(row), "vat", "small_exempt_sales", rows.get("period", row), "M", relief);
    }
    filed
}

#[test]
fn reliefs_are_claimed_or_forgone_as_the_labels_say_to_the_cent() {
    let filed = filed_reliefs();
    let (mut wrong, mut forgotten) = (HashSet::new(), HashSet::new());
    let labels = labelled_reliefs(economy());
    for Label { firm, scheme, policy, tax, code, period, period_type, relief } in &labels {
        let key = (*firm, tax.clone(), code.clone(), i64::from(*period), period_type.clone());
        assert!(*relief > 100, "{key:?}");
        if policy == "rd_listed" && scheme == "wrong_claim" {
            // Of 120 percent of research 100 are due.
            assert!((filed[&key] - 6 * relief).abs() <= 6, "{key:?}");
        } else if scheme == "wrong_claim" {
            assert_eq!(filed.get(&key), Some(relief), "{key:?}");
            wrong.insert(code);
        } else {
            assert_eq!(filed.get(&key), None, "{key:?} forgets what it claims");
            forgotten.insert(code);
        }
    }
    assert!(wrong.len() >= 10, "claimed wrongly: {wrong:?}");
    assert!(forgotten.len() >= 10, "forgotten: {forgotten:?}");
    // Every claim without title is labelled.
    let labelled: HashSet<(u32, i32)> = labels.iter().map(|label| (label.firm, label.period)).collect();
    for firm in 0..economy().world().taxpayers() {
        for book in economy()
            .books(firm)
            .iter()
            .filter(|book| book.claims.iter().any(|c| !c.entitled && c.relief > 100))
        {
            assert!(labelled.contains(&(firm, book.period)), "firm {firm} {}", book.period);
        }
    }
    // And all those that are cast come to something.
    for kind in [SchemeKind::WrongClaim, SchemeKind::ForgottenClaim] {
        let role = if kind == SchemeKind::WrongClaim { Role::Organiser } else { Role::Innocent };
        let cast = actors(kind, role);
        let seen: HashSet<u32> =
            labels.iter().filter(|label| label.scheme == kind.name()).map(|l| l.firm).collect();
        assert!(seen.len() * 10 >= cast.len() * 8, "{kind:?}: {} of {}", seen.len(), cast.len());
    }
}

#[test]
fn labels_of_claims_are_of_firms_that_claim_or_forget() {
    for seed in [11, 12, 13] {
        let spec = EconomySpec { seed, taxpayers: 1_500, ..EconomySpec::default() };
        let economy = Economy::build(&spec).unwrap();
        let mut seen: HashMap<String, HashSet<u32>> = HashMap::new();
        let mut codes: HashMap<String, HashSet<String>> = HashMap::new();
        for Label { firm, scheme, code, .. } in labelled_reliefs(&economy) {
            seen.entry(scheme.clone()).or_default().insert(firm);
            codes.entry(scheme).or_default().insert(code);
        }
        let truth = economy.truth().unwrap();
        let schemes = truth.column_by_name("scheme").unwrap().as_string::<i32>();
        for scheme in ["wrong_claim", "forgotten_claim"] {
            let labels = schemes.iter().filter(|name| *name == Some(scheme)).count();
            assert_eq!(labels, seen[scheme].len(), "seed {seed} {scheme}");
            assert!(labels >= 6 && codes[scheme].len() >= 6, "seed {seed} {scheme}: {:?}", codes[scheme]);
        }
    }
}

#[test]
fn lists_name_those_who_vanished_and_no_others() {
    let rows = table("risk_list");
    let ids: HashSet<&str> = (0..rows.len())
        .filter(|row| rows.text("list", *row) == Some("非正常户"))
        .map(|row| rows.text("subject_id", row).unwrap())
        .collect();
    for id in ids {
        let firm = super::firm(id);
        assert_eq!(economy().world().firm(firm).fate, crate::economy::model::Fate::Abnormal);
    }
}
