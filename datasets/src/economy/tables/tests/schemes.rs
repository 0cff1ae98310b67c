//! Schemes show in the tables they would show in.

use std::collections::{HashMap, HashSet};

use super::{economy, table};
use crate::economy::policies::policies;
use crate::economy::schemes::{Role, SchemeKind, SchemePlan};

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
fn at_least_ten_policies_are_claimed_and_most_wrongly_too() {
    let rows = table("benefit_claim");
    let claimed: HashSet<(&str, &str)> = (0..rows.len())
        .map(|row| (rows.text("tax_code", row).unwrap(), rows.text("relief_code", row).unwrap()))
        .collect();
    assert!(claimed.len() >= 10, "{claimed:?}");
    let ten_digits =
        claimed.iter().filter(|(_, code)| code.len() == 10 && code.bytes().all(|b| b.is_ascii_digit()));
    assert!(ten_digits.count() >= 8);
    let mut wrong = HashSet::new();
    let mut right = HashSet::new();
    for firm in 0..economy().world().taxpayers() {
        for claim in economy().books(firm).iter().flat_map(|book| &book.claims) {
            if claim.entitled { &mut right } else { &mut wrong }
                .insert(policies()[usize::from(claim.policy)].key);
        }
    }
    assert!(right.len() >= 10, "claimed rightly: {right:?}");
    assert!(wrong.len() >= 7, "claimed wrongly: {wrong:?}");
    // Some have no tax in the economy's months that a wrong claim could lower.
    let actors = actors(SchemeKind::WrongClaim, Role::Organiser);
    let claims_wrongly =
        |firm: u32| economy().books(firm).iter().flat_map(|book| book.claims.clone()).any(|c| !c.entitled);
    let acting = actors.iter().filter(|(firm, _)| claims_wrongly(*firm)).count();
    assert!(acting * 10 >= actors.len() * 8, "{acting} of {}", actors.len());
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
