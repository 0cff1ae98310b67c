//! Books: they agree with the invoices, with themselves, and from month to month; honest ones declare what is true.

use std::collections::HashMap;

use super::support::*;
use crate::economy::books::MonthBook;
use crate::economy::ledger::FirmMonth;
use crate::economy::schemes::{Role, SchemeKind};

/// The ledger, added up from generated rows without any of its code.
fn oracle() -> HashMap<(String, i32), FirmMonth> {
    let (heads, lines) = (table(&DEMO, "invoice"), table(&DEMO, "invoice_line"));
    let mut exempt: HashMap<String, (i64, i64, i64)> = HashMap::new();
    let (ids, preferences) = (words(&lines, "invoice_id"), words(&lines, "preference"));
    let (amounts, taxes) = (cents(&lines, "amount"), cents(&lines, "tax"));
    for row in 0..ids.len() {
        let sums = exempt.entry(ids[row].clone()).or_default();
        if preferences[row] == "none" {
            *sums = (sums.0 + amounts[row], sums.1 + taxes[row], sums.2);
        } else {
            sums.2 += amounts[row];
        }
    }
    let mut sums: HashMap<(String, i32), FirmMonth> = HashMap::new();
    let (ids, kinds, status) = (words(&heads, "invoice_id"), words(&heads, "kind"), words(&heads, "status"));
    let (sellers, buyers) = (words(&heads, "seller_id"), texts(&heads, "buyer_id"));
    let (periods, claimed) = (ints(&heads, "period"), ints(&heads, "deducted_period"));
    let (amounts, taxes) = (cents(&heads, "amount"), cents(&heads, "tax"));
    let originals = texts(&heads, "original_invoice_id");
    let claims: HashMap<&String, bool> = ids.iter().zip(claimed.iter().map(Option::is_some)).collect();
    for row in 0..ids.len() {
        let period = periods[row].unwrap();
        // Payment books of customs are in the books of the importer alone.
        if kinds[row] == "customs" {
            continue;
        }
        let special = kinds[row].ends_with("special") || kinds[row] == "vehicle";
        let deductible = special || kinds[row] == "toll";
        let void = status[row] == "void";
        if !void {
            let own = sums.entry((sellers[row].clone(), period)).or_default();
            let (taxed, tax, free) = exempt[&ids[row]];
            if special {
                own.special += amounts[row];
                own.special_tax += taxes[row];
            } else {
                own.other += taxed;
                own.other_tax += tax;
                own.exempt += free;
            }
        }
        let Some(buyer) = &buyers[row] else { continue };
        let own = sums.entry((buyer.clone(), period)).or_default();
        if !void && deductible {
            own.received_special += amounts[row];
        } else if !void {
            own.received_other += amounts[row] + taxes[row];
        }
        if originals[row].as_ref().is_some_and(|original| claims[original]) {
            own.red_tax -= taxes[row];
        }
        if let Some(claimed) = claimed[row] {
            sums.entry((buyer.clone(), claimed)).or_default().claimed_tax += taxes[row];
        }
    }
    sums
}

#[test]
fn the_ledger_is_the_sum_of_the_rows() {
    let oracle = oracle();
    let world = DEMO.world();
    let mut busy = 0;
    for firm in 0..world.taxpayers() {
        for month in 0..world.months() {
            let found = DEMO.ledger().of(firm, month);
            let key = (world.id(firm).to_owned(), world.period(month));
            assert_eq!(*found, oracle.get(&key).copied().unwrap_or_default(), "{key:?}");
            busy += usize::from(found.special > 0);
        }
    }
    assert!(busy > 1_000, "{busy}");
}

fn all() -> impl Iterator<Item = (u32, Vec<MonthBook>)> {
    (0..DEMO.world().taxpayers()).map(|firm| (firm, DEMO.books(firm)))
}

#[test]
fn balance_sheets_balance() {
    for (firm, books) in all() {
        for book in books.iter().filter(|book| book.registered && !book.vanished) {
            let sheet = book.balance;
            assert_eq!(sheet.total_assets, sheet.total_liabilities + sheet.equity, "{firm} {}", book.period);
            let assets = sheet.cash + sheet.receivables + sheet.prepayments + sheet.other_receivables;
            assert_eq!(
                sheet.total_assets,
                assets + sheet.inventory + sheet.fixed_assets,
                "{firm} {}",
                book.period
            );
            assert!(sheet.cash > 0 && sheet.inventory >= 0 && sheet.fixed_assets >= 0, "{firm} {sheet:?}");
            let income = book.income;
            let profit = income.operating_profit + income.non_operating_income - income.non_operating_expense;
            assert_eq!(income.profit, profit);
        }
    }
}

#[test]
fn returns_compute_and_carry_their_credit_on() {
    let mut credits = 0;
    for (firm, books) in all() {
        let mut credit = 0;
        for vat in books.iter().filter_map(|book| book.vat).filter(|vat| !vat.small) {
            assert_eq!(vat.opening_credit, credit, "{firm}");
            let parts = vat.deducted_special_tax
                + vat.deducted_customs_tax
                + vat.deducted_agri_tax
                + vat.deducted_transport_tax
                + vat.deducted_other_tax;
            assert_eq!(vat.input_tax, parts);
            let available = vat.input_tax + vat.opening_credit - vat.input_transfer_out - vat.refundable_tax;
            assert_eq!(vat.closing_credit, available - vat.deducted_tax);
            assert_eq!(vat.tax_payable, vat.output_tax - vat.deducted_tax);
            assert!(vat.closing_credit >= 0 && vat.tax_payable >= 0, "{firm} {vat:?}");
            credit = vat.closing_credit;
            credits += usize::from(credit > 0);
        }
    }
    assert!(credits > 100, "{credits}");
}

#[test]
fn honest_firms_declare_what_they_sold() {
    let world = DEMO.world();
    for (firm, books) in all() {
        if world.scheme(firm).is_some_and(|plan| plan.role != Role::Innocent) {
            continue;
        }
        for book in &books {
            let truth = book.truth;
            assert_eq!((truth.hidden_sales, truth.sham_sales, truth.sham_purchases), (0, 0, 0));
            let Some(vat) = book.vat.filter(|vat| !vat.small) else { continue };
            let sums = DEMO.ledger().of(firm, book.month);
            assert_eq!(vat.taxable_sales, sums.special + sums.other + vat.uninvoiced_sales, "{firm}");
            assert_eq!(vat.deducted_special_tax, sums.claimed_tax);
            assert!(book.staff.insurance_base * 10 >= book.staff.wages * 7, "{firm} {:?}", book.staff);
        }
    }
}

#[test]
fn late_filings_corrections_refunds_and_arrears_happen() {
    let (mut late, mut corrected, mut refunds, mut arrears, mut returns) = (0, 0, 0, 0, 0);
    for (_, books) in all() {
        for book in books {
            returns += usize::from(book.vat.is_some());
            late += usize::from(book.vat.is_some_and(|vat| vat.days_late > 0));
            corrected += usize::from(book.vat_first.is_some());
            refunds += book.payments.iter().filter(|payment| payment.kind == "refund").count();
            arrears += book.arrears.len();
        }
    }
    assert!(
        late > 10 && corrected > 2 && refunds > 10 && arrears > 10,
        "{late} {corrected} {refunds} {arrears}"
    );
    assert!(late * 10 < returns, "{late} of {returns} late");
}

fn with(kind: SchemeKind, role: Role) -> Vec<(u32, Vec<MonthBook>)> {
    let plays = |firm: &u32| DEMO.scheme(*firm).is_some_and(|plan| plan.kind == kind && plan.role == role);
    (0..DEMO.world().taxpayers()).filter(plays).map(|firm| (firm, DEMO.books(firm))).collect()
}

/// The books of the months in which the firm's scheme acts.
fn acting(firm: u32, books: &[MonthBook]) -> &[MonthBook] {
    let months = &DEMO.scheme(firm).unwrap().months;
    &books[usize::from(*months.start())..=usize::from(*months.end())]
}

#[test]
fn schemes_show_in_the_books_they_touch() {
    let sum = |books: &[MonthBook], of: fn(&MonthBook) -> i64| books.iter().map(of).sum::<i64>();
    for (firm, books) in with(SchemeKind::OffTheBooks, Role::Organiser) {
        assert!(sum(&books, |book| book.truth.hidden_sales) > 0, "{firm}");
        let acting = acting(firm, &books);
        let bank = sum(acting, |book| book.bank.inflow);
        let declared = sum(acting, |book| book.income.revenue);
        assert!(bank > declared * 11 / 10, "{firm}: {bank} {declared}");
    }
    for (firm, books) in with(SchemeKind::FakeEmployees, Role::Organiser) {
        let inflated = |book: &MonthBook| book.staff.persons >= book.staff.insured * 14 / 10;
        assert!(acting(firm, &books).iter().all(inflated), "{firm}");
    }
    for (firm, books) in with(SchemeKind::WagesAgainstInsurance, Role::Organiser) {
        let short = |book: &MonthBook| book.staff.insurance_base * 10 <= book.staff.wages * 6;
        assert!(acting(firm, &books).iter().all(short), "{firm}");
    }
    for (firm, books) in with(SchemeKind::InvoiceMill, Role::Organiser) {
        assert!(books.iter().all(|book| book.power.kwh < 100 && book.staff.persons == 0), "{firm}");
        assert!(sum(&books, |book| book.truth.sham_sales) > 0);
    }
    for (firm, books) in with(SchemeKind::IdleCreditRefundPurchases, Role::Organiser) {
        assert!(books.iter().filter_map(|book| book.vat).any(|vat| vat.refund_of_credit > 0), "{firm}");
    }
    for (firm, books) in with(SchemeKind::CirculatingExports, Role::Organiser) {
        let circulated =
            books.iter().flat_map(|book| &book.exports).any(|declaration| declaration.circulated);
        assert!(circulated, "{firm}");
        assert!(
            books.iter().flat_map(|book| &book.exports).any(|declaration| declaration.refund > 0),
            "{firm}"
        );
    }
    for (firm, books) in with(SchemeKind::InflatedFarmPurchases, Role::Organiser) {
        let farm = books.iter().filter_map(|book| book.vat).map(|vat| vat.deducted_agri_tax).sum::<i64>();
        let input = books.iter().filter_map(|book| book.vat).map(|vat| vat.input_tax).sum::<i64>();
        assert!(farm * 2 > input, "{firm}: {farm} of {input}");
    }
}
