//! Cases of the past: court decisions and penalties, reminders, assessments and audits.

use arrow::array::RecordBatch;

use super::control::closed_on;
use super::rows::{Rows, push_digits};
use crate::economy::books::MonthBook;
use crate::economy::dice::Dice;
use crate::economy::model::Fate;
use crate::economy::schemes::{Role, SchemeKind};
use crate::economy::{Economy, EconomyError, Part};

/// Days before the economy from which cases are known.
const PAST: i64 = 1_095;

/// Rows of `court_case`: disputes of trade and labour, which honest firms have too; executions and penalties more
/// often of firms that ended badly or are rated low.
pub(super) fn court_cases(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("court_case")?;
    let world = economy.world();
    let (start, end) = (world.first_day(0), world.first_day(world.months()) - 1);
    let mut case_no = String::new();
    for index in part.firms.clone() {
        let firm = world.firm(index);
        let mut dice = economy.dice(u64::from(index) << 8 | 5, 0);
        let bad = matches!(firm.fate, Fate::Abnormal) || firm.rating >= 3;
        if !dice.chance(if bad { 0.12 } else { 0.012 }) {
            continue;
        }
        let kinds: &[(&str, &str)] = if bad {
            &[("执行", "执"), ("行政处罚", "罚"), ("买卖合同纠纷", "民初")]
        } else {
            &[("买卖合同纠纷", "民初"), ("劳动争议", "民初")]
        };
        let (kind, mark) = kinds[dice.below(kinds.len())];
        let earliest = (i64::from(start) - PAST).max(i64::from(firm.registered_on) + 90);
        let latest = i64::from(end.min(closed_on(economy, index).saturating_add(120)));
        if latest <= earliest {
            continue;
        }
        let decided = dice.between(earliest, latest) as i32;
        case_number(&mut case_no, decided, mark, index);
        let amount = (firm.annual as f64 / 12.0 * dice.range(0.05, 1.5)) as i64 / 100 * 100;
        rows.text(&case_no).text(world.id(index)).text(kind).date(decided).units(amount.max(100_000)).end();
    }
    rows.finish()
}

fn case_number(text: &mut String, day: i32, mark: &str, firm: u32) {
    text.clear();
    text.push('（');
    push_digits(text, year_of(day) as u64, 4);
    text.push_str("）示01");
    text.push_str(mark);
    push_digits(text, (u64::from(firm) * 7_368_787 + 17) % 10_000_000, 7);
    text.push('号');
}

fn year_of(day: i32) -> i32 {
    use chrono::{Datelike, NaiveDate};
    NaiveDate::from_num_days_from_ce_opt(day + 719_163).map_or(1970, |day| day.year())
}

/// A case being written.
struct Case {
    kind: &'static str,
    conclusion: Option<&'static str>,
    opened_on: i32,
    closed_on: Option<i32>,
    /// Tax recovered, late fee, fine, cents.
    money: [i64; 3],
}

/// Rows of `enforcement_case`: at most one from before the economy and one from its last months for each firm. Most
/// concern honest firms and found nothing or little; some firms in a scheme were caught, in the past or at last.
pub(super) fn enforcement_cases(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("enforcement_case")?;
    let world = economy.world();
    let mut case_no = String::new();
    for index in part.firms.clone() {
        let mut dice = economy.dice(u64::from(index) << 8 | 6, 0);
        let plan = economy.scheme(index).filter(|plan| plan.role != Role::Innocent);
        let past = past_case(economy, index, &mut dice, plan.is_some());
        let caught = plan.filter(|_| dice.chance(0.08)).and_then(|plan| {
            let end = usize::from(*plan.months.end()).min(world.months() - 1);
            caught_case(economy, index, &mut dice, plan.kind, end)
        });
        for (ordinal, case) in past.into_iter().chain(caught).enumerate() {
            case_no.clear();
            case_no.push_str("AJ");
            push_digits(&mut case_no, (u64::from(index) * 5_882_353 + 29) % 10_000_000, 7);
            push_digits(&mut case_no, ordinal as u64, 1);
            rows.text(&case_no).text(world.id(index)).text(case.kind).date(case.opened_on);
            match case.closed_on {
                Some(day) => rows.date(day),
                None => rows.nulls(1),
            };
            match case.conclusion {
                Some(conclusion) => rows.text(conclusion).all_units(case.money),
                None => rows.nulls(4),
            };
            rows.end();
        }
    }
    rows.finish()
}

fn past_case(economy: &Economy, index: u32, dice: &mut Dice, schemer: bool) -> Option<Case> {
    let firm = economy.world().firm(index);
    let rate = match (schemer, firm.rating) {
        (true, _) => 0.12,
        (false, 3..) => 0.08,
        _ => 0.012,
    };
    let start = i64::from(economy.world().first_day(0));
    let earliest = (start - PAST).max(i64::from(firm.registered_on) + 180);
    if !dice.chance(rate) || earliest >= start - 30 {
        return None;
    }
    let opened_on = dice.between(earliest, start - 30) as i32;
    let kind = ["reminder", "assessment", "assessment", "audit"][dice.below(4)];
    let found = dice.chance(if schemer { 0.6 } else { 0.3 });
    let tax = if found { (firm.annual as f64 * dice.range(0.0005, 0.004)) as i64 } else { 0 };
    let fine = if kind == "audit" { tax / 2 } else { 0 };
    let conclusion = match (found, kind) {
        (false, _) => "no_issue",
        (true, "audit") => "evasion",
        (true, _) => "self_corrected",
    };
    let days = dice.between(20, 160);
    // 0.05 per cent a day (税收征收管理法 article 32), for the year the tax was late at least.
    let late_fee = tax * 5 * (365 + days) / 10_000;
    let closed_on = Some(opened_on + days as i32);
    Some(Case { kind, conclusion: Some(conclusion), opened_on, closed_on, money: [tax, late_fee, fine] })
}

fn caught_case(
    economy: &Economy,
    index: u32,
    dice: &mut Dice,
    kind: SchemeKind,
    month: usize,
) -> Option<Case> {
    let world = economy.world();
    let opened_on = world.first_day(month + 1) + dice.between(10, 60) as i32;
    let end = world.first_day(world.months());
    if opened_on >= end {
        return None;
    }
    let days = dice.between(30, 150) as i32;
    if opened_on + days >= end {
        return Some(Case { kind: "audit", conclusion: None, opened_on, closed_on: None, money: [0; 3] });
    }
    let books = economy.books(index);
    // What was not declared, and the tax on invoices without goods behind them, issued or used.
    let sham = |book: &MonthBook| book.truth.sham_sales.max(book.truth.sham_purchases);
    let rate = world.industry(index).rate_bp;
    let tax = |book: &MonthBook| book.truth.vat_gap + sham(book).max(0) / 10_000 * rate;
    let tax: i64 = books.iter().take(month + 1).map(tax).sum();
    let conclusion = match kind {
        SchemeKind::InvoiceMill | SchemeKind::CircularInvoicing | SchemeKind::PassThroughChain => {
            "false_invoicing"
        }
        SchemeKind::CirculatingExports | SchemeKind::IdleCreditRefundPurchases => "refund_fraud",
        SchemeKind::ForgottenClaim => "no_issue",
        SchemeKind::WrongClaim | SchemeKind::WagesAgainstInsurance => "self_corrected",
        _ => "evasion",
    };
    let late_fee = tax * 5 * i64::from(days) / 10_000;
    let fine = if conclusion == "self_corrected" { 0 } else { tax / 2 };
    let closed_on = Some(opened_on + days);
    Some(Case {
        kind: "audit",
        conclusion: Some(conclusion),
        opened_on,
        closed_on,
        money: [tax, late_fee, fine],
    })
}
