//! The labels: who plays which part in which scheme, when, and how much it comes to.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use rayon::prelude::*;

use super::books::ReliefTruth;
use super::drawn_in::drawn_in;
use super::invoices::{Buyer, Seller, Sheet, state};
use super::model::World;
use super::policies::{Policy, policies};
use super::schemes::{Role, SchemeKind, SchemePlan};
use super::{Economy, EconomyError, books};

/// A row: who, in which scheme, as what, in which months, and the cents that belong to it.
struct Part {
    firm: u32,
    kind: SchemeKind,
    role: Role,
    months: (u16, u16),
    amount: Option<i64>,
}

/// One row a part played: see [`Economy::truth`]. By scheme; those who were drawn into it follow those who were cast.
pub(super) fn truth(economy: &Economy) -> Result<RecordBatch, EconomyError> {
    let world = economy.world();
    let mut parts: Vec<(u32, &SchemePlan)> =
        (0..world.taxpayers()).filter_map(|firm| world.scheme(firm).map(|plan| (firm, plan))).collect();
    parts.sort_by_key(|(firm, plan)| (plan.kind, plan.group, *firm));
    // A claim that was never made, or made no difference, is none.
    let shows: Vec<bool> = parts.par_iter().map(|(firm, plan)| shows(economy, *firm, plan)).collect();
    let mut shows = shows.into_iter();
    parts.retain(|_| shows.next().unwrap_or_default());
    let mut parts: Vec<Part> = parts
        .par_iter()
        .map(|(firm, plan)| Part {
            firm: *firm,
            kind: plan.kind,
            role: plan.role,
            months: months(world, *firm, plan),
            amount: amount(economy, *firm, plan),
        })
        .collect();
    parts.extend(drawn_in(economy).into_iter().map(|one| Part {
        firm: one.firm,
        kind: one.kind,
        role: Role::Innocent,
        months: one.months,
        amount: Some(one.amount),
    }));
    parts.sort_by_key(|part| part.kind);
    let fields = [
        ("taxpayer_id", DataType::Utf8, false),
        ("scheme", DataType::Utf8, false),
        ("role", DataType::Utf8, false),
        ("from_period", DataType::Int32, false),
        ("to_period", DataType::Int32, false),
        ("amount", DataType::Decimal128(18, 2), true),
    ];
    let schema = Schema::new(fields.map(|(name, ty, nullable)| Field::new(name, ty, nullable)).to_vec());
    let cents = parts.iter().map(|part| part.amount.map(i128::from));
    let period = |month: u16| Some(world.period(usize::from(month)));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(parts.iter().map(|part| Some(world.id(part.firm))).collect::<StringArray>()),
        Arc::new(parts.iter().map(|part| Some(part.kind.name())).collect::<StringArray>()),
        Arc::new(parts.iter().map(|part| Some(part.role.name())).collect::<StringArray>()),
        Arc::new(parts.iter().map(|part| period(part.months.0)).collect::<Int32Array>()),
        Arc::new(parts.iter().map(|part| period(part.months.1)).collect::<Int32Array>()),
        Arc::new(cents.collect::<Decimal128Array>().with_precision_and_scale(18, 2)?),
    ];
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}

/// First and last month of a part: of two firms that follow each other, each has its own.
fn months(world: &World, firm: u32, plan: &SchemePlan) -> (u16, u16) {
    let (first, last) = (*plan.months.start(), *plan.months.end());
    match plan.kind {
        SchemeKind::DeregisterAndReturn => {
            let firm = world.firm(firm);
            (first.max(firm.opens), last.min(firm.closes))
        }
        _ => (first, last),
    }
}

/// Whether a part is to be seen in what the firm filed; only that of claims may come to nothing.
fn shows(economy: &Economy, firm: u32, plan: &SchemePlan) -> bool {
    plan.policy.is_none() || books::walk(economy, firm).iter().any(|book| !book.reliefs.is_empty())
}

/// A claimant, its plan, the month, and what was claimed or forgone in it.
type Labelled<'a> = (u32, &'a SchemePlan, i32, ReliefTruth);

/// One row a relief wrongly claimed or forgone in a return: see [`Economy::truth_reliefs`].
pub(super) fn reliefs(economy: &Economy) -> Result<RecordBatch, EconomyError> {
    let world = economy.world();
    let claimants: Vec<(u32, &SchemePlan)> = (0..world.taxpayers())
        .filter_map(|firm| world.scheme(firm).filter(|plan| plan.policy.is_some()).map(|plan| (firm, plan)))
        .collect();
    let rows: Vec<Labelled> = claimants
        .par_iter()
        .flat_map_iter(|(firm, plan)| {
            let books = books::walk(economy, *firm).into_iter();
            books.flat_map(move |book| {
                book.reliefs.into_iter().map(move |relief| (*firm, *plan, book.period, relief))
            })
        })
        .collect();
    let policy = |row: &Labelled| policies().get(usize::from(row.3.policy));
    let texts = |of: &dyn Fn(&Labelled) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<StringArray>())
    };
    let money = |of: fn(&ReliefTruth) -> i64| -> Result<ArrayRef, EconomyError> {
        let cents = rows.iter().map(|row| Some(i128::from(of(&row.3)))).collect::<Decimal128Array>();
        Ok(Arc::new(cents.with_precision_and_scale(18, 2)?))
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("taxpayer_id", texts(&|row| Some(world.id(row.0).to_owned()))),
        ("scheme", texts(&|row| Some(row.1.kind.name().to_owned()))),
        ("policy_code", texts(&|row| Some(policy(row)?.number(row.2).to_owned()))),
        ("policy", texts(&|row| Some(policy(row)?.key.to_owned()))),
        ("tax_code", texts(&|row| Some(policy(row)?.tax_code.to_owned()))),
        ("relief_code", texts(&|row| Some(policy(row)?.relief_code.to_owned()))),
        ("period", Arc::new(rows.iter().map(|row| Some(row.2)).collect::<Int32Array>())),
        ("period_type", texts(&|row| Some(period_type(policy(row)?, row.3.settled).to_owned()))),
        ("base", money(|truth| truth.base)?),
        ("relief", money(|truth| truth.relief)?),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, false)),
    )?)
}

/// `M`, `Q` or `Y`: what is relieved is declared by the month (by who files by the quarter, for its last month), income tax by the quarter.
fn period_type(policy: &Policy, settled: bool) -> &'static str {
    match policy.tax_code {
        _ if settled => "Y",
        "cit" => "Q",
        _ => "M",
    }
}

/// Cents; `None` for look-alikes and for who forgets a claim.
fn amount(economy: &Economy, firm: u32, plan: &SchemePlan) -> Option<i64> {
    if plan.role == Role::Innocent {
        return None;
    }
    let world = economy.world();
    match plan.kind {
        SchemeKind::GoodsSwitch => return Some(switched(world, firm)),
        // The debts left behind, for both.
        SchemeKind::DeregisterAndReturn => {
            return plan.members.first().map(|first| books::at_stake(economy, *first));
        }
        _ => {}
    }
    let sold = || sham(world, firm, |_| true);
    let bought = || {
        let sellers = plan.members.iter().filter(|member| **member != firm);
        sellers.map(|seller| sham(world, *seller, |buyer| buyer == firm)).sum()
    };
    // Who organises mostly sells; who uses mostly buys.
    let planned: i64 = match plan.role {
        Role::Organiser => Some(sold()).filter(|sum| *sum != 0).unwrap_or_else(bought),
        _ => Some(bought()).filter(|sum| *sum != 0).unwrap_or_else(sold),
    };
    Some(if planned == 0 { books::at_stake(economy, firm) } else { planned })
}

/// Sales under the name of goods that the firm does not deal in.
fn switched(world: &World, firm: u32) -> i64 {
    let seller = Seller::new(world, firm);
    let mut sheet = Sheet::default();
    let mut sum = 0;
    for month in 0..world.months() {
        seller.month(month, &mut sheet);
        for head in sheet.heads.iter().filter(|head| !matches!(head.status, state::RED | state::VOID)) {
            let lines = sheet.lines_of(head).iter().filter(|line| line.industry == world.switched);
            sum += lines.map(|line| line.amount).sum::<i64>();
        }
    }
    sum
}

/// Planned sham sales of a firm to certain buyers, reversed and voided ones too, in all months.
fn sham(world: &World, firm: u32, to: impl Fn(u32) -> bool) -> i64 {
    let seller = Seller::new(world, firm);
    let mut sheet = Sheet::default();
    let mut sum = 0;
    for month in 0..world.months() {
        seller.month(month, &mut sheet);
        let counts = |buyer: Buyer| match buyer {
            Buyer::Party(party) => to(party),
            _ => to(u32::MAX),
        };
        let planned = sheet.heads.iter().filter(|head| head.sham && head.status != state::RED);
        sum += planned.filter(|head| counts(head.buyer)).map(|head| head.amount).sum::<i64>();
    }
    sum
}
