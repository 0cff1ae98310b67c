//! Reliefs: what a firm claims follows from its own books.

use super::support::*;
use crate::economy::calendar::year_of;
use crate::economy::certificates::{certificates, high_tech};
use crate::economy::law::{Size, half};
use crate::economy::model::FirmKind;
use crate::economy::policies::{policies, position};

/// Firms that claim as they should, with their books.
fn honest() -> impl Iterator<Item = (u32, Vec<crate::economy::books::MonthBook>)> {
    let world = DEMO.world();
    let claims_right = |firm: &u32| world.scheme(*firm).is_none_or(|plan| plan.policy.is_none());
    (0..world.taxpayers()).filter(claims_right).map(|firm| (firm, DEMO.books(firm)))
}

#[test]
fn small_taxes_are_halved_waived_or_paid_in_full() {
    let (mut halved, mut waived, mut full) = (0, 0, 0);
    for (firm, books) in honest() {
        let small = !DEMO.world().firm(firm).general;
        for tax in books.iter().flat_map(|book| &book.other_taxes) {
            let fee = matches!(tax.tax_code, "education" | "local_education");
            assert_eq!(tax.tax_due, tax.tax - tax.relief);
            match tax.relief {
                relief if relief == half(tax.tax) => halved += 1,
                relief if relief == tax.tax && fee => waived += 1,
                relief => {
                    assert!(relief == 0 && !small, "firm {firm} {tax:?}");
                    full += 1;
                }
            }
        }
    }
    assert!(halved > 100 && waived > 100 && full > 100, "{halved} {waived} {full}");
}

#[test]
fn companies_are_small_from_july_by_the_settlement_of_the_year_before() {
    let (mut small, mut large) = (0, 0);
    for (firm, books) in honest() {
        let own = DEMO.world().firm(firm);
        let founded = year_of(own.registered_on) <= 2025;
        let Some(year) = books.iter().find_map(|book| book.cit_year.filter(|_| book.period == 202_512))
        else {
            continue;
        };
        let size = Size { income: year.taxable_income, people: year.employees_avg, assets: year.assets_avg };
        let company = own.general && own.kind == FirmKind::Enterprise && founded;
        for book in books.iter().filter(|book| company && book.period >= 202_607) {
            for tax in book.other_taxes.iter().filter(|tax| tax.tax_code == "city_maintenance") {
                let due = if size.is_small() { half(tax.tax) } else { 0 };
                assert_eq!(tax.relief, due, "firm {firm} {}", book.period);
                *if size.is_small() { &mut small } else { &mut large } += 1;
            }
        }
    }
    assert!(small > 50 && large > 50, "{small} {large}");
}

#[test]
fn the_reduced_rate_is_taken_with_a_certificate_in_force() {
    let world = DEMO.world();
    let policy = position("high_tech", "cit");
    let mut seen = 0;
    for firm in 0..world.taxpayers() {
        let held = certificates(world, firm);
        for book in DEMO.books(firm) {
            for claim in book.claims.iter().filter(|claim| Some(claim.policy) == policy) {
                assert_eq!(
                    claim.entitled,
                    high_tech(&held, world, book.month),
                    "firm {firm} {}",
                    book.period
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 5, "{seen} under {}", policies()[usize::from(policy.unwrap())].zh);
}
