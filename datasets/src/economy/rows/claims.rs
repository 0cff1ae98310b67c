//! Rows of `deduction_claim`: what buyers claim, by buyer and invoice. A part reads the invoices of all sellers, but
//! makes only those to its own buyers.

use std::ops::Range;

use arrow::array::{RecordBatch, StringBuilder};
use rayon::prelude::*;

use super::BATCH_ROWS;
use super::batch::Batch;
use super::invoices::{digits, invoice_id};
use crate::economy::EconomyError;
use crate::economy::imports::payment_books;
use crate::economy::invoices::{Buyer, Head, Seller, Sheet};
use crate::economy::model::World;

const DAY_MS: i64 = 86_400_000;

struct Claim {
    buyer: u32,
    seller: u32,
    id: [u8; 20],
    claimed: u16,
    day: i32,
    amount: i64,
    tax: i64,
}

/// Rows of the buyers in `firms`, all months.
pub(super) fn claims(world: &World, firms: Range<u32>) -> Result<Vec<RecordBatch>, EconomyError> {
    let sellers = (0..world.parties()).into_par_iter();
    let mut claims: Vec<Claim> =
        sellers.flat_map_iter(|seller| claimed_from(world, seller, &firms)).collect();
    claims.par_sort_unstable_by_key(|claim| (claim.buyer, claim.id));
    if claims.is_empty() {
        return Ok(vec![batch(world, &[])?]);
    }
    claims.chunks(BATCH_ROWS).map(|rows| batch(world, rows)).collect()
}

fn claimed_from(world: &World, seller: u32, firms: &Range<u32>) -> Vec<Claim> {
    let house = world.house(seller);
    let wanted = |party: u32| firms.contains(&party);
    let source = house.is_none().then(|| Seller::new(world, seller).only_to(&wanted));
    let mut sheet = Sheet::default();
    let mut found = Vec::new();
    for month in 0..world.months() {
        match (&source, house) {
            (Some(source), _) => source.month(month, &mut sheet),
            (None, Some(house)) => payment_books(world, house, month, Some(firms), &mut sheet),
            (None, None) => continue,
        }
        let claim = |head: &Head| match (head.buyer, head.claimed) {
            (Buyer::Party(buyer), Some(claimed)) => Some(Claim {
                buyer,
                seller,
                id: invoice_id(world, seller, month, head.ordinal, head.paper()),
                claimed,
                day: head.at.div_euclid(DAY_MS) as i32,
                amount: head.amount,
                tax: head.tax,
            }),
            _ => None,
        };
        found.extend(sheet.heads.iter().filter_map(claim));
    }
    found
}

fn batch(world: &World, claims: &[Claim]) -> Result<RecordBatch, EconomyError> {
    let mut table = Batch::of("deduction_claim", claims.len())?;
    let rows = || claims.iter();
    let mut ids = StringBuilder::with_capacity(claims.len(), claims.len() * 20);
    rows().for_each(|claim| ids.append_value(digits(&claim.id)));
    table.set("invoice_id", ids.finish())?;
    table.text("buyer_id", rows().map(|claim| Some(world.id(claim.buyer))))?;
    table.int("claimed_period", rows().map(|claim| Some(world.period(usize::from(claim.claimed)))))?;
    table.text("seller_id", rows().map(|claim| Some(world.id(claim.seller))))?;
    table.date("issued_on", rows().map(|claim| Some(claim.day)))?;
    table.money("amount", rows().map(|claim| Some(claim.amount)))?;
    table.money("tax", rows().map(|claim| Some(claim.tax)))?;
    table.text("use", rows().map(|_| Some("deduct")))?;
    Ok(table.finish()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::compute::concat_batches;

    use super::*;
    use crate::economy::{Economy, EconomySpec};

    /// An economy that is large is written in parts, by ranges of buyers.
    #[test]
    fn parts_are_the_whole() {
        let economy = Economy::build(&EconomySpec::demo(7)).unwrap();
        let world = economy.world();
        let (half, all) = (world.taxpayers() / 2, world.taxpayers());
        let whole = claims(world, 0..all).unwrap();
        let parts = [claims(world, 0..half).unwrap(), claims(world, half..all).unwrap()].concat();
        let schema = whole[0].schema();
        let (whole, parts) =
            (concat_batches(&schema, &whole).unwrap(), concat_batches(&schema, &parts).unwrap());
        assert!(whole.num_rows() > 1000);
        assert_eq!(parts, whole);
    }
}
