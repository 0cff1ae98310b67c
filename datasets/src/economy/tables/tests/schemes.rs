//! Schemes show in the tables they would show in.

use std::collections::{HashMap, HashSet};

use arrow::array::AsArray;
use arrow::datatypes::{Decimal128Type, Int32Type};

use super::{economy, table};
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

/// A row of the labels of reliefs: taxpayer, scheme, tax and code, period, relief.
type LabelledRelief = (u32, String, (String, String), i32, i64);

fn labelled_reliefs(economy: &Economy) -> Vec<LabelledRelief> {
    let truth = economy.truth_reliefs().unwrap();
    let text =
        |name: &str, row: usize| truth.column_by_name(name).unwrap().as_string::<i32>().value(row).to_owned();
    let world = economy.world();
    let firms: HashMap<&str, u32> = (0..world.taxpayers()).map(|firm| (world.id(firm), firm)).collect();
    let periods = truth.column_by_name("period").unwrap().as_primitive::<Int32Type>();
    let reliefs = truth.column_by_name("relief").unwrap().as_primitive::<Decimal128Type>();
    (0..truth.num_rows())
        .map(|row| {
            let code = (text("tax_code", row), text("relief_code", row));
            let relief = i64::try_from(reliefs.value(row)).unwrap();
            (firms[text("taxpayer_id", row).as_str()], text("scheme", row), code, periods.value(row), relief)
        })
        .collect()
}

#[test]
fn reliefs_are_claimed_or_forgone_as_the_labels_say_to_the_cent() {
    let rows = table("benefit_claim");
    let claimed: HashMap<(u32, &str, &str, i64), i64> = (0..rows.len())
        .map(|row| {
            let text = |column| rows.text(column, row).unwrap();
            let key = (rows.firm(row), text("tax_code"), text("relief_code"), rows.get("period", row));
            (key, rows.get("relief", row))
        })
        .collect();
    let (mut wrong, mut forgotten) = (HashSet::new(), HashSet::new());
    let labels = labelled_reliefs(economy());
    for (firm, scheme, (tax, code), period, relief) in &labels {
        let found = claimed.get(&(*firm, tax, code, i64::from(*period)));
        assert!(*relief > 0);
        if scheme == "wrong_claim" {
            assert_eq!(found, Some(relief), "firm {firm} {code} {period}");
            wrong.insert(code);
        } else {
            assert_eq!(found, None, "firm {firm} {code} {period} forgets what it claims");
            forgotten.insert(code);
        }
    }
    assert!(wrong.len() >= 10, "claimed wrongly: {wrong:?}");
    assert!(forgotten.len() >= 10, "forgotten: {forgotten:?}");
    // Every claim without title is labelled.
    let labelled: HashSet<(u32, i32)> = labels.iter().map(|label| (label.0, label.3)).collect();
    for firm in 0..economy().world().taxpayers() {
        for book in economy().books(firm).iter().filter(|book| book.claims.iter().any(|c| !c.entitled)) {
            assert!(labelled.contains(&(firm, book.period)), "firm {firm} {}", book.period);
        }
    }
    // And all those that are cast come to something.
    for kind in [SchemeKind::WrongClaim, SchemeKind::ForgottenClaim] {
        let role = if kind == SchemeKind::WrongClaim { Role::Organiser } else { Role::Innocent };
        let cast = actors(kind, role);
        let seen: HashSet<u32> = labels.iter().filter(|label| label.1 == kind.name()).map(|l| l.0).collect();
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
        for (firm, scheme, (_, code), ..) in labelled_reliefs(&economy) {
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
