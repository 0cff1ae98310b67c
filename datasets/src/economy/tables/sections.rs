//! The books cut into what each table prints, packed, and kept while their table is being written.
//!
//! Rows are asked for table by table and month by month, but books can only be walked firm by firm: opening credit
//! comes from the month before. Walking a firm again for every table and month would cost some two hundred walks.
//! So one walk serves all tables of a family ([`Families`]) for all months, and what they need of it is kept packed, in
//! blocks of firms. Only memory and time depend on this: a row is the same whether its block was kept or made again.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::items::{CitItem, StatementItem, late_fee};
use super::pack::{Names, Packed, Sink, Source, packed};
use super::totals::KeptTotals;
use crate::economy::books::{
    Arrear, BalanceBook, BankBook, CitBook, Claim, CustomsBook, IncomeBook, MonthBook, OtherTax, Payment,
    PlatformBook, PowerBook, Quota, StaffBook, Truth, VatBook,
};
use crate::economy::{Economy, Part};

/// Firms of a block.
const BLOCK: u32 = 4_096;
/// Packed bytes to keep at most.
const BUDGET: usize = 1_400_000_000;

/// What one table prints of one month, in the order in which the tables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Section {
    Vat,
    VatFirst,
    Quota,
    Cit,
    Statement,
    Staff,
    Power,
    Bank,
    Platform,
    OtherTax,
    Claim,
    Payment,
    Arrear,
    Import,
    Export,
    Truth,
}

/// Every section with the packed bytes it takes for a firm and month, as `tests/speed.rs` prints them, rounded up.
const SECTIONS: [(Section, usize); 16] = [
    (Section::Vat, 24),
    (Section::VatFirst, 2),
    (Section::Quota, 10),
    (Section::Cit, 25),
    (Section::Statement, 33),
    (Section::Staff, 18),
    (Section::Power, 12),
    (Section::Bank, 15),
    (Section::Platform, 2),
    (Section::OtherTax, 23),
    (Section::Claim, 8),
    (Section::Payment, 20),
    (Section::Arrear, 1),
    (Section::Import, 2),
    (Section::Export, 2),
    (Section::Truth, 11),
];

/// Sections made by one walk: as many neighbours as fit into memory. A small economy has one family, 1,000,000
/// taxpayers × 12 months have two.
#[derive(Debug, Default)]
struct Families(Vec<Vec<Section>>);

impl Families {
    /// For an economy of so many firms times months.
    fn cut(cells: usize, budget: usize) -> Self {
        let mut families: Vec<Vec<Section>> = Vec::new();
        let mut bytes = usize::MAX;
        for (section, size) in SECTIONS {
            bytes = bytes.saturating_add(size * cells);
            match families.last_mut().filter(|_| bytes <= budget) {
                Some(family) => family.push(section),
                None => {
                    families.push(vec![section]);
                    bytes = size * cells;
                }
            }
        }
        Self(families)
    }

    /// Number of the family with this section, and the section's place in it.
    fn find(&self, section: Section) -> Option<(usize, usize)> {
        let place = |family: &Vec<Section>| family.iter().position(|known| *known == section);
        self.0.iter().enumerate().find_map(|(number, family)| Some((number, place(family)?)))
    }
}

packed!(VatBook: small, days_late, taxable_sales, simple_sales, export_sales, exempt_sales, output_tax, input_tax,
    opening_credit, input_transfer_out, refundable_tax, deducted_tax, tax_payable, closing_credit, simple_tax,
    tax_reduction, tax_total, extra_deduction, uninvoiced_sales, invoiced_special_sales, invoiced_ordinary_sales,
    deducted_special_tax, deducted_customs_tax, deducted_agri_tax, deducted_transport_tax, deducted_other_tax,
    small_exempt_sales, small_sales_3pct, small_sales_5pct, refund_of_credit);
packed!(CitBook: days_late, income, rd_expense, adjust_up, adjust_down, exempt_income, rd_super_deduction,
    accelerated_depreciation, loss_offset, taxable_income, rate_bp, tax_before_relief, tax_relief,
    small_profit_relief, high_tech_relief, region_relief, tax_due, employees_avg, assets_avg, wages, wages_disabled,
    entertainment, advertising, donations, commissions, assessed);
packed!(IncomeBook: revenue, cost, surcharges, selling_expense, admin_expense, rd_expense, finance_expense,
    asset_disposal_gain, operating_profit, non_operating_income, non_operating_expense, profit, income_tax,
    net_profit, depreciation, operating_cash_in);
packed!(BalanceBook: cash, receivables, prepayments, other_receivables, inventory, inventory_opening, fixed_assets,
    total_assets, payables, advance_receipts, other_payables, total_liabilities, paid_in_capital, equity);
packed!(StaffBook: persons, wages, zero_tax_persons, iit_withheld, labour_service_pay, dividends, annual_bonus,
    special_deductions, insured, insurance_base, insurance_paid, disabled, veterans, key_group);
packed!(PowerBook: kwh, meters, power_cost, water, water_cost, gas, gas_cost);
packed!(BankBook: inflow, outflow, inflow_count, private_inflow, private_outflow, round_trip);
packed!(PlatformBook: platform, orders, gross, refunded);
packed!(OtherTax: tax_code, item, base, rate_e8, tax, relief, tax_due);
packed!(Claim: policy, base, relief, days_late);
packed!(Payment: tax_code, kind, refund_kind, days_late, amount);
packed!(Arrear: tax_code, amount);
packed!(CustomsBook: items, value, duty, import_vat, good, refund_rate_bp, input_tax, refund);
packed!(Quota: invoice_limit, monthly, raises);
packed!(Truth: sales, purchases, wages);

/// Packs what a section has of one firm and month.
fn put_month(section: Section, books: &[MonthBook], at: usize, statements: u8, sink: &mut Sink) {
    let book = &books[at];
    let there = book.registered;
    // Nobody keeps accounts or pays wages in a firm that has vanished; what others report of it is in its books.
    let runs = there && !book.vanished;
    match section {
        Section::Vat => put_all(sink, book.vat.iter().filter(|_| there)),
        Section::VatFirst => put_all(sink, book.vat_first.iter().filter(|_| there)),
        Section::Quota => {
            put_all(sink, Some(&book.quota).into_iter().filter(|quota| there && quota.monthly > 0))
        }
        Section::Cit => put_all(sink, CitItem::of_month(book).iter().filter(|_| there)),
        Section::Statement => {
            let items = if runs { StatementItem::of_month(books, at, statements) } else { Vec::new() };
            put_all(sink, items.iter());
        }
        Section::Staff => {
            put_all(sink, Some(&book.staff).into_iter().filter(|staff| runs && has_staff(staff)))
        }
        Section::Power => {
            put_all(sink, Some(&book.power).into_iter().filter(|power| there && has_power(power)))
        }
        Section::Bank => put_all(sink, Some(&book.bank).into_iter().filter(|bank| there && has_flow(bank))),
        Section::Platform => put_all(sink, book.platform.iter().filter(|_| there)),
        Section::OtherTax => put_all(sink, book.other_taxes.iter().filter(|_| there)),
        Section::Claim => put_all(sink, book.claims.iter().filter(|_| there)),
        Section::Payment => {
            let paid = |payment: &&Payment| there && payment.amount != 0;
            let fees: Vec<Payment> =
                book.payments.iter().filter_map(|paid| late_fee(paid, book.period)).collect();
            put_all(sink, book.payments.iter().chain(&fees).filter(paid));
        }
        Section::Arrear => put_all(sink, book.arrears.iter().filter(|arrear| there && arrear.amount > 0)),
        Section::Import => put_all(sink, book.imports.iter().filter(|_| there)),
        Section::Export => put_all(sink, book.exports.iter().filter(|_| there)),
        Section::Truth => put_all(sink, Some(&book.truth).into_iter().filter(|_| runs)),
    }
    sink.flush();
}

fn put_all<'a, T: Packed + 'a>(sink: &mut Sink, items: impl Iterator<Item = &'a T> + Clone) {
    sink.count(items.clone().count());
    for item in items.take(255) {
        item.put(sink);
    }
}

fn has_staff(staff: &StaffBook) -> bool {
    staff.persons > 0 || staff.insured > 0 || staff.labour_service_pay > 0 || staff.dividends > 0
}

fn has_power(power: &PowerBook) -> bool {
    power.kwh > 0 || power.water > 0 || power.gas > 0
}

fn has_flow(bank: &BankBook) -> bool {
    bank.inflow != 0 || bank.outflow != 0
}

/// Packed records of one section and month, of the firms of a block in their order.
#[derive(Debug)]
struct Stream {
    bytes: Box<[u8]>,
    names: Names,
}

/// A block of firms: a stream for each section of its family and month.
#[derive(Debug)]
struct Block {
    streams: Vec<Stream>,
    months: usize,
}

impl Block {
    fn make(economy: &Economy, sections: &[Section], firms: Range<u32>) -> Self {
        let months = economy.world().months();
        let mut sinks: Vec<Sink> = (0..sections.len() * months).map(|_| Sink::default()).collect();
        for firm in firms {
            let books = economy.books(firm);
            let statements = StatementItem::rhythm(economy, firm);
            for (index, section) in sections.iter().enumerate() {
                for month in 0..months.min(books.len()) {
                    put_month(*section, &books, month, statements, &mut sinks[index * months + month]);
                }
            }
        }
        let streams = sinks.into_iter().map(|mut sink| Stream { bytes: sink.take(), names: sink.names });
        Self { streams: streams.collect(), months }
    }

    fn bytes(&self) -> usize {
        self.streams.iter().map(|stream| stream.bytes.len() + size_of::<Stream>()).sum()
    }

    fn stream(&self, place: usize, month: usize) -> Option<&Stream> {
        self.streams.get(place * self.months + month)
    }
}

type Slot = Arc<OnceLock<Block>>;

/// What is kept of an economy while its tables are written.
#[derive(Debug)]
pub(in crate::economy) struct Cache {
    /// Packed bytes to keep at most.
    pub(super) budget: usize,
    families: OnceLock<Families>,
    kept: Mutex<Kept>,
    /// Sums over all books.
    pub(super) totals: KeptTotals,
}

impl Default for Cache {
    fn default() -> Self {
        let (families, kept, totals) = (OnceLock::new(), Mutex::default(), KeptTotals::default());
        Self { budget: BUDGET, families, kept, totals }
    }
}

/// Blocks by family and number.
#[derive(Debug, Default)]
struct Kept {
    blocks: HashMap<(usize, u32), Slot>,
    bytes: usize,
}

impl Cache {
    fn slot(&self, family: usize, block: u32) -> Slot {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(kept.blocks.entry((family, block)).or_default())
    }

    /// Packed bytes kept now, by section.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> Vec<(Section, usize)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let families = self.families.get().into_iter().flat_map(|families| families.0.iter().enumerate());
        let sections =
            families.flat_map(|(family, all)| all.iter().enumerate().map(move |one| (family, one)));
        let of = |(family, (place, section)): (usize, (usize, &Section))| {
            let own = kept.blocks.iter().filter(|(key, _)| key.0 == family);
            let blocks = own.filter_map(|(_, slot)| slot.get());
            let streams =
                blocks.flat_map(|block| (0..block.months).filter_map(move |at| block.stream(place, at)));
            (*section, streams.map(|stream| stream.bytes.len()).sum())
        };
        sections.map(of).collect()
    }

    /// Counts a new block in, and lets blocks of other families go, or this one, where it is too much: of a family
    /// too large to keep, the blocks that came first stay, for all are asked for equally often.
    fn account(&self, family: usize, block: u32, bytes: usize) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += bytes;
        if kept.bytes <= self.budget {
            return;
        }
        kept.blocks.retain(|(of, _), _| *of == family);
        kept.bytes = kept.blocks.values().filter_map(|slot| slot.get()).map(Block::bytes).sum();
        if kept.bytes > self.budget {
            kept.blocks.remove(&(family, block));
            kept.bytes -= bytes.min(kept.bytes);
        }
    }
}

/// Calls `row` with each firm of the part and each item the section has of it in the month of the part, in order.
/// Nothing is called for a month the economy does not have.
pub(super) fn each<T: Packed>(economy: &Economy, part: &Part, section: Section, mut row: impl FnMut(u32, T)) {
    each_firm(economy, part, section, |firm, items| {
        for item in items.drain(..) {
            row(firm, item);
        }
    });
}

/// Calls `rows` with each firm of the part that has items of this section in the month of the part, and these items.
pub(super) fn each_firm<T: Packed>(
    economy: &Economy,
    part: &Part,
    section: Section,
    mut rows: impl FnMut(u32, &mut Vec<T>),
) {
    let Some(month) = part.period.and_then(|period| economy.world().month_of(period)) else { return };
    let taxpayers = economy.world().taxpayers();
    let firms = part.firms.start..part.firms.end.min(taxpayers);
    for block in firms.start / BLOCK..firms.end.div_ceil(BLOCK) {
        each_of_block(economy, section, (block, month), |firm, items| {
            if firms.contains(&firm) {
                rows(firm, items);
            }
        });
    }
}

/// Number of blocks of an economy.
pub(super) fn blocks(economy: &Economy) -> u32 {
    economy.world().taxpayers().div_ceil(BLOCK)
}

/// Like [`each_firm`], for the firms of a block and a month by index.
pub(super) fn each_of_block<T: Packed>(
    economy: &Economy,
    section: Section,
    (block, month): (u32, usize),
    mut rows: impl FnMut(u32, &mut Vec<T>),
) {
    let families = economy.cache.families.get_or_init(|| {
        Families::cut(economy.world().taxpayers() as usize * economy.world().months(), economy.cache.budget)
    });
    let Some((family, place)) = families.find(section) else { return };
    let members = block * BLOCK..((block + 1) * BLOCK).min(economy.world().taxpayers());
    let slot = kept_block(economy, (family, &families.0[family]), block, members.clone());
    let Some(stream) = slot.get().and_then(|kept| kept.stream(place, month)) else { return };
    let mut source = Source::new(&stream.bytes, &stream.names);
    let mut items = Vec::new();
    for firm in members {
        items.clear();
        items.extend((0..source.count()).map(|_| T::take(&mut source)));
        source.align();
        if !items.is_empty() {
            rows(firm, &mut items);
        }
    }
}

fn kept_block(
    economy: &Economy,
    (family, sections): (usize, &[Section]),
    block: u32,
    members: Range<u32>,
) -> Slot {
    let slot = economy.cache.slot(family, block);
    let mut made = None;
    slot.get_or_init(|| {
        let block = Block::make(economy, sections, members);
        made = Some(block.bytes());
        block
    });
    if let Some(bytes) = made {
        economy.cache.account(family, block, bytes);
    }
    slot
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn families_fit_into_memory() {
        let counts =
            [300 * 12, 1_000_000 * 12, 3_000_000 * 12].map(|cells| Families::cut(cells, BUDGET).0.len());
        assert_eq!(counts, [1, 2, 7]);
        for (index, (section, _)) in SECTIONS.iter().enumerate() {
            assert_eq!(*section as usize, index);
            assert!(Families::cut(36_000_000, BUDGET).find(*section).is_some());
        }
    }
}
