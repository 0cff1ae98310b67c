//! Innocent counterparties: honest firms that trade with the firms of a scheme while it acts. They bought real goods
//! from one that also sells shams, supplied one that hides its sales, or hold its invoices in good faith.
//!
//! Half the economy trades with somebody who cheats. So only the closest counterparties count: who was sent sham
//! invoices, and of the others the [`CLOSEST`] with the largest trade of each scheme firm, where that trade is
//! [`MATERIAL`] to one of the two in a month.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::Economy;
use super::invoices::{Buyer, Head, Seller, Sheet, state};
use super::model::World;
use super::schemes::{Role, SchemeKind, SchemePlan};

/// Of this many firms the trade with one scheme firm counts, sham invoices aside.
const CLOSEST: usize = 2;
/// Share of a firm's purchases or sales of a month from which trade with another is material to it: one in so many.
const MATERIAL: i64 = 20;

/// An honest firm's trade with the firms of a scheme.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DrawnIn {
    /// The honest firm.
    pub firm: u32,
    /// The scheme of the others.
    pub kind: SchemeKind,
    /// First and last month in which they traded while the scheme acted.
    pub months: (u16, u16),
    /// Amounts of all invoices between them in those months, either way and without void and red ones, cents.
    pub amount: i64,
}

/// Everyone drawn into a scheme, one entry a firm and scheme, in the order of schemes and firms.
pub(super) fn drawn_in(economy: &Economy) -> Vec<DrawnIn> {
    let world = economy.world();
    let mut trades: Vec<Trade> = sales_of_schemes(world);
    trades.extend(purchases_of_schemes(world));
    trades.par_sort_unstable_by_key(|trade| (trade.other, trade.firm, trade.month, trade.sold));
    let kind = |other: u32| world.scheme(other).map(|plan| plan.kind);
    let close: BTreeSet<(Option<SchemeKind>, u32)> = trades
        .par_chunk_by(|one, next| one.other == next.other)
        .flat_map_iter(|of| closest(economy, of))
        .map(|(other, firm)| (kind(other), firm))
        .collect();
    // Whoever is close to one firm of a scheme may trade with others of it too.
    let mut found: BTreeMap<(SchemeKind, u32), DrawnIn> = BTreeMap::new();
    for Trade { other, firm, month, amount, .. } in trades {
        let Some(kind) = kind(other).filter(|kind| close.contains(&(Some(*kind), firm))) else { continue };
        let one =
            found.entry((kind, firm)).or_insert(DrawnIn { firm, kind, months: (month, month), amount: 0 });
        one.months = (one.months.0.min(month), one.months.1.max(month));
        one.amount += amount;
    }
    found.into_values().collect()
}

/// What an honest firm and a scheme firm traded in a month, one way.
struct Trade {
    other: u32,
    firm: u32,
    month: u16,
    /// The honest firm was the seller.
    sold: bool,
    amount: i64,
    /// Sham invoices are among it.
    sham: bool,
}

/// The closest counterparties of one scheme firm, from all its trades in the order of firms: it and they.
fn closest(economy: &Economy, trades: &[Trade]) -> Vec<(u32, u32)> {
    let pairs = trades.chunk_by(|one, next| one.firm == next.firm);
    let (held, rest): (Vec<&[Trade]>, Vec<&[Trade]>) =
        pairs.partition(|pair| pair.iter().any(|trade| trade.sham));
    let mut rest: Vec<&[Trade]> =
        rest.into_iter().filter(|pair| pair.iter().any(|trade| material(economy, trade))).collect();
    let amount = |pair: &[Trade]| pair.iter().map(|trade| trade.amount).sum::<i64>();
    rest.sort_by_key(|pair| std::cmp::Reverse(amount(pair)));
    let closest = held.into_iter().chain(rest.into_iter().take(CLOSEST));
    closest.filter_map(|pair| pair.first()).map(|trade| (trade.other, trade.firm)).collect()
}

/// Whether a month's trade is material to one of the two.
fn material(economy: &Economy, trade: &Trade) -> bool {
    let sums = |firm: u32| economy.ledger().of(firm, usize::from(trade.month));
    let (seller, buyer) = if trade.sold { (trade.firm, trade.other) } else { (trade.other, trade.firm) };
    let (sold, bought) = (sums(seller), sums(buyer));
    let sales = sold.special + sold.other + sold.exempt;
    let purchases = bought.received_special + bought.received_other;
    trade.amount > 0 && trade.amount >= sales.min(purchases) / MATERIAL
}

/// Whether the trade of this kind of scheme draws in honest suppliers, and honest customers.
fn draws(kind: SchemeKind) -> (bool, bool) {
    use SchemeKind as K;
    match kind {
        K::InvoiceMill
        | K::CircularInvoicing
        | K::PassThroughChain
        | K::GoodsSwitch
        | K::OutputWithoutPower
        | K::TakeoverSurge
        | K::VoidAfterDeduction
        | K::RedAcrossYears
        | K::IdleCreditRefundPurchases
        | K::CirculatingExports
        | K::AbnormalUpstream => (true, true),
        // What they sell secretly has no invoice, and those who buy with one know nothing of it.
        K::OffTheBooks | K::PowerWithoutOutput => (true, false),
        // Farmers are no taxpayers; the others cheat in their own returns and payrolls, or with their own parts.
        _ => (false, false),
    }
}

/// The plan of a firm that is guilty of a scheme that lies in its trade.
fn plan(world: &World, firm: u32) -> Option<&SchemePlan> {
    world.scheme(firm).filter(|plan| plan.role != Role::Innocent && draws(plan.kind) != (false, false))
}

/// A registered taxpayer that is guilty of nothing.
fn honest(world: &World, party: u32) -> bool {
    party < world.taxpayers() && world.scheme(party).is_none_or(|plan| plan.role == Role::Innocent)
}

fn sales_of_schemes(world: &World) -> Vec<Trade> {
    let sellers = (0..world.taxpayers()).into_par_iter();
    let sellers = sellers.filter_map(|firm| plan(world, firm).map(|plan| (firm, plan)));
    let sellers = sellers.filter(|(_, plan)| draws(plan.kind).1);
    sellers
        .flat_map_iter(|(other, plan)| {
            let mut trades = Vec::new();
            sold(world, other, plan.months.clone(), &|party| honest(world, party), |month, firm, head| {
                let (amount, sham) = (head.amount, head.sham);
                trades.push(Trade { other, firm, month, sold: false, amount, sham });
            });
            summed(trades)
        })
        .collect()
}

fn purchases_of_schemes(world: &World) -> Vec<Trade> {
    let buys = |buyer: &u32| plan(world, *buyer).is_some_and(|plan| draws(plan.kind).0);
    let sellers = (0..world.taxpayers()).into_par_iter().filter(|firm| honest(world, *firm));
    sellers
        .flat_map_iter(|firm| {
            let planned = world.flows.of(firm).iter().flat_map(|flow| &flow.buyers);
            let buyers = world.links.buyers(firm).iter().chain(planned).filter(|buyer| buys(buyer));
            let acting = buyers.filter_map(|buyer| plan(world, *buyer)).map(|plan| plan.months.clone());
            // Most sell to nobody of a scheme.
            let months =
                acting.reduce(|one, next| *one.start().min(next.start())..=*one.end().max(next.end()));
            let mut trades = Vec::new();
            let Some(months) = months else { return trades };
            sold(world, firm, months, &|party| buys(&party), |month, other, head| {
                if plan(world, other).is_some_and(|plan| plan.months.contains(&month)) {
                    trades.push(Trade {
                        other,
                        firm,
                        month,
                        sold: true,
                        amount: head.amount,
                        sham: head.sham,
                    });
                }
            });
            summed(trades)
        })
        .collect()
}

/// Shows what a seller sold to certain parties: month, buyer, invoice; neither void nor red ones.
fn sold(
    world: &World,
    seller: u32,
    months: std::ops::RangeInclusive<u16>,
    wanted: &dyn Fn(u32) -> bool,
    mut show: impl FnMut(u16, u32, &Head),
) {
    let seller = Seller::new(world, seller).only_to(wanted);
    let mut sheet = Sheet::default();
    for month in months {
        seller.month(usize::from(month), &mut sheet);
        for head in sheet.heads.iter().filter(|head| !matches!(head.status, state::VOID | state::RED)) {
            if let Buyer::Party(buyer) = head.buyer {
                show(month, buyer, head);
            }
        }
    }
}

/// One entry a pair of firms and month.
fn summed(mut trades: Vec<Trade>) -> Vec<Trade> {
    trades.sort_by_key(|trade| (trade.other, trade.firm, trade.month));
    trades.dedup_by(|next, one| {
        let same = (next.other, next.firm, next.month) == (one.other, one.firm, one.month);
        if same {
            one.amount += next.amount;
            one.sham |= next.sham;
        }
        same
    });
    trades
}
