//! Rows of `invoice` and `invoice_line`: sellers in order, each one's invoices by time and number.
//!
//! This is the hot path of large economies: texts are copied from memory or written into one buffer, and nothing is
//! allocated for a row.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Builder, Int32Builder, RecordBatch, StringBuilder, TimestampMillisecondBuilder,
    new_null_array,
};
use arrow::datatypes::SchemaRef;

use super::BATCH_ROWS;
use super::batch::schema;
use crate::economy::EconomyError;
use crate::economy::ids::put;
use crate::economy::imports::payment_books;
use crate::economy::invoices::{Buyer, Head, KINDS, Line, PREFERENCES, STATES, Seller, Sheet};
use crate::economy::model::World;
use crate::economy::{ids, names};

/// Writes the number of an invoice: year, region, system (1 digital, 2 paper), seller, month, ordinal.
pub(in crate::economy) fn invoice_id(
    world: &World,
    seller: u32,
    month: usize,
    ordinal: u32,
    paper: bool,
) -> [u8; 20] {
    let mut id = [b'0'; 20];
    let outside = (world.taxpayers()..world.taxpayers() + world.outsiders).contains(&seller);
    put(&mut id[..2], (world.period(month) / 100 % 100) as u64);
    put(&mut id[2..4], if outside { 98 } else { 99 });
    id[4] = if paper { b'2' } else { b'1' };
    put(&mut id[5..12], u64::from(seller));
    put(&mut id[12..14], month as u64 + 1);
    put(&mut id[14..], u64::from(ordinal));
    id
}

/// Digits as text.
pub(in crate::economy) fn digits(id: &[u8]) -> &str {
    std::str::from_utf8(id).unwrap_or_default()
}

/// Id and name of a buyer; both may use the buffer.
fn buyer<'a>(world: &'a World, buyer: Buyer, buffer: &'a mut String) -> (Option<&'a str>, &'a str) {
    buffer.clear();
    match buyer {
        Buyer::Party(party) => (Some(world.id(party)), world.name(party)),
        Buyer::Consumer => (None, "个人"),
        Buyer::Foreign(number) => {
            names::foreign(usize::from(number), buffer);
            (None, buffer)
        }
        Buyer::Person(person) => {
            ids::person_id(u64::from(person), world.birthplace(person), buffer);
            names::person(world.spec().seed, u64::from(person), buffer);
            let (id, name) = buffer.split_at(18);
            (Some(id), name)
        }
    }
}

/// Everything a party issues in a month.
fn issued(world: &World, party: u32, month: usize, sheet: &mut Sheet) {
    match world.house(party) {
        Some(house) => payment_books(world, house, month, None, sheet),
        None => Seller::new(world, party).month(month, sheet),
    }
}

/// Columns that fill up with the rows of one seller after the other.
trait Columns: Default {
    /// Rows so far.
    fn rows(&self) -> usize;
    /// The batch.
    fn finish(self, schema: &SchemaRef) -> Result<RecordBatch, EconomyError>;
}

/// Batches of what `append` writes of each seller's invoices of the month; it is given their positions to order.
fn batches<C: Columns>(
    table: &str,
    (world, month): (&World, usize),
    parties: Range<u32>,
    mut append: impl FnMut(&mut C, u32, &Sheet, &mut [usize]),
) -> Result<Vec<RecordBatch>, EconomyError> {
    let schema = schema(table)?;
    let mut batches = Vec::new();
    let mut columns = C::default();
    let (mut sheet, mut order) = (Sheet::default(), Vec::new());
    for party in parties {
        issued(world, party, month, &mut sheet);
        if sheet.heads.is_empty() {
            continue;
        }
        order.clear();
        order.extend(0..sheet.heads.len());
        append(&mut columns, party, &sheet, &mut order);
        if columns.rows() >= BATCH_ROWS {
            batches.push(std::mem::take(&mut columns).finish(&schema)?);
        }
    }
    if columns.rows() > 0 || batches.is_empty() {
        batches.push(columns.finish(&schema)?);
    }
    Ok(batches)
}

/// Rows of `invoice`.
pub(super) fn heads(
    world: &World,
    month: usize,
    parties: Range<u32>,
) -> Result<Vec<RecordBatch>, EconomyError> {
    batches("invoice", (world, month), parties, |columns: &mut HeadColumns, party, sheet, order| {
        order.sort_unstable_by_key(|index| (sheet.heads[*index].at, sheet.heads[*index].ordinal));
        let issuer = Issuer::of(world, party);
        for index in order.iter() {
            columns.append(world, party, month, &sheet.heads[*index], &issuer);
        }
    })
}

/// Person and device that issue a seller's invoices; unknown outside the province.
#[derive(Default)]
struct Issuer {
    known: Option<(String, String, String)>,
}

impl Issuer {
    fn of(world: &World, party: u32) -> Self {
        // Purchase invoices are issued by the firm that buys from the farmer.
        let farmer = party.checked_sub(world.taxpayers() + world.outsiders);
        let firm = farmer.map_or(Some(party), |number| world.farmers.get(number as usize).copied());
        let known = firm
            .and_then(|firm| world.firms.get(firm as usize))
            .map(|firm| (world.person_name(firm.people[1]), world.ip(firm.device), world.mac(firm.device)));
        Self { known }
    }
}

#[derive(Default)]
struct HeadColumns {
    rows: usize,
    id: StringBuilder,
    code: StringBuilder,
    number: StringBuilder,
    kind: StringBuilder,
    at: TimestampMillisecondBuilder,
    period: Int32Builder,
    seller: [StringBuilder; 2],
    buyer: [StringBuilder; 2],
    money: [Decimal128Builder; 3],
    status: StringBuilder,
    original: StringBuilder,
    issuer: [StringBuilder; 3],
    remark: StringBuilder,
    claimed: Int32Builder,
    usage: StringBuilder,
    buffer: String,
}

impl HeadColumns {
    fn append(&mut self, world: &World, party: u32, month: usize, head: &Head, issuer: &Issuer) {
        let paper = head.paper();
        let id = invoice_id(world, party, month, head.ordinal, paper);
        self.rows += 1;
        self.id.append_value(digits(&id));
        self.code.append_option(paper.then(|| digits(&id[..12])));
        self.number.append_option(paper.then(|| digits(&id[12..])));
        self.kind.append_value(KINDS[usize::from(head.kind)]);
        self.at.append_value(head.at);
        self.period.append_value(world.period(month));
        self.seller[0].append_value(world.id(party));
        self.seller[1].append_value(world.name(party));
        let (buyer_id, buyer_name) = buyer(world, head.buyer, &mut self.buffer);
        self.buyer[0].append_option(buyer_id);
        self.buyer[1].append_value(buyer_name);
        for (column, cents) in self.money.iter_mut().zip([head.amount, head.tax, head.amount + head.tax]) {
            column.append_value(i128::from(cents));
        }
        self.status.append_value(STATES[usize::from(head.status)]);
        match head.original {
            Some((back, ordinal)) => {
                let original = invoice_id(world, party, usize::from(back), ordinal, paper);
                self.original.append_value(digits(&original));
                self.remark(party, head, digits(&original), paper);
            }
            None => {
                self.original.append_null();
                self.remark.append_null();
            }
        }
        let known = issuer.known.as_ref();
        self.issuer[0].append_option(known.map(|known| known.0.as_str()));
        self.issuer[1].append_option(known.map(|known| known.1.as_str()));
        self.issuer[2].append_option(known.map(|known| known.2.as_str()));
        let claimed = head.claimed.filter(|_| head.original.is_none());
        self.claimed.append_option(claimed.map(|claimed| world.period(usize::from(claimed))));
        self.usage.append_option(claimed.map(|_| "deduct"));
    }

    /// On a red invoice: what it reverses, and in the digital system the number of the confirmation.
    fn remark(&mut self, party: u32, head: &Head, original: &str, paper: bool) {
        if paper {
            let (code, number) = original.split_at(12);
            self.buffer.clear();
            for text in ["对应正数发票代码:", code, "号码:", number] {
                self.buffer.push_str(text);
            }
            self.remark.append_value(&self.buffer);
            return;
        }
        let mut confirmation = [b'0'; 20];
        put(
            &mut confirmation,
            9_900_000_000_000_000_000 + u64::from(party) * 1_000_000 + u64::from(head.ordinal),
        );
        self.buffer.clear();
        self.buffer.push_str("被红冲蓝字数电票号码：");
        self.buffer.push_str(original);
        self.buffer.push_str(" 红字发票信息确认单编号：");
        self.buffer.push_str(digits(&confirmation));
        self.remark.append_value(&self.buffer);
    }
}

impl Columns for HeadColumns {
    fn rows(&self) -> usize {
        self.rows
    }

    fn finish(mut self, schema: &SchemaRef) -> Result<RecordBatch, EconomyError> {
        let [seller_id, seller_name] = &mut self.seller;
        let [buyer_id, buyer_name] = &mut self.buyer;
        let [amount, tax, total] = &mut self.money;
        let [issuer, ip, mac] = &mut self.issuer;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.id.finish()),
            Arc::new(self.code.finish()),
            Arc::new(self.number.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.at.finish()),
            Arc::new(self.period.finish()),
            Arc::new(seller_id.finish()),
            Arc::new(seller_name.finish()),
            Arc::new(buyer_id.finish()),
            Arc::new(buyer_name.finish()),
            Arc::new(amount.finish().with_precision_and_scale(18, 2)?),
            Arc::new(tax.finish().with_precision_and_scale(18, 2)?),
            Arc::new(total.finish().with_precision_and_scale(18, 2)?),
            Arc::new(self.status.finish()),
            Arc::new(self.original.finish()),
            Arc::new(issuer.finish()),
            Arc::new(ip.finish()),
            Arc::new(mac.finish()),
            Arc::new(self.remark.finish()),
            Arc::new(self.claimed.finish()),
            Arc::new(self.usage.finish()),
        ];
        batch(schema, columns)
    }
}

/// Columns in canonical order; a schema that has since grown at its end gets nulls there.
fn batch(schema: &SchemaRef, mut columns: Vec<ArrayRef>) -> Result<RecordBatch, EconomyError> {
    let rows = columns.first().map_or(0, |column| column.len());
    for field in schema.fields().iter().skip(columns.len()) {
        columns.push(new_null_array(field.data_type(), rows));
    }
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// Rows of `invoice_line`.
pub(super) fn lines(
    world: &World,
    month: usize,
    parties: Range<u32>,
) -> Result<Vec<RecordBatch>, EconomyError> {
    batches("invoice_line", (world, month), parties, |columns: &mut LineColumns, party, sheet, order| {
        // As invoice numbers sort: digital before paper, then by ordinal.
        order.sort_unstable_by_key(|index| (sheet.heads[*index].paper(), sheet.heads[*index].ordinal));
        for index in order.iter() {
            let head = &sheet.heads[*index];
            columns.append(world, party, month, head, sheet.lines_of(head));
        }
    })
}

#[derive(Default)]
struct LineColumns {
    rows: usize,
    id: StringBuilder,
    number: Int32Builder,
    period: Int32Builder,
    seller: StringBuilder,
    buyer: StringBuilder,
    code: StringBuilder,
    name: StringBuilder,
    spec: StringBuilder,
    unit: StringBuilder,
    quantity: Decimal128Builder,
    price: Decimal128Builder,
    amount: Decimal128Builder,
    rate: Decimal128Builder,
    tax: Decimal128Builder,
    preference: StringBuilder,
    buffer: String,
}

impl LineColumns {
    fn append(&mut self, world: &World, party: u32, month: usize, head: &Head, lines: &[Line]) {
        let id = invoice_id(world, party, month, head.ordinal, head.paper());
        let (id, seller) = (digits(&id), world.id(party));
        for (number, line) in (1..).zip(lines) {
            let good = world.good(line.industry, line.good);
            self.rows += 1;
            self.id.append_value(id);
            self.number.append_value(number);
            self.period.append_value(world.period(month));
            self.seller.append_value(seller);
            self.buyer.append_option(buyer(world, head.buyer, &mut self.buffer).0);
            self.code.append_value(&good.code);
            self.name.append_value(&good.name);
            self.spec.append_option(good.specs.get(usize::from(line.spec)));
            self.unit.append_option((!good.unit.is_empty()).then_some(good.unit.as_str()));
            self.quantity.append_value(i128::from(line.quantity_e8));
            self.price.append_value(unit_price_e8(line));
            self.amount.append_value(i128::from(line.amount));
            // The form shows no rate for exempt sales.
            self.rate.append_option((line.preference != 1).then_some(i128::from(line.rate_bp)));
            self.tax.append_value(i128::from(line.tax));
            self.preference.append_value(PREFERENCES[usize::from(line.preference)]);
        }
    }
}

impl Columns for LineColumns {
    fn rows(&self) -> usize {
        self.rows
    }

    fn finish(mut self, schema: &SchemaRef) -> Result<RecordBatch, EconomyError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.id.finish()),
            Arc::new(self.number.finish()),
            Arc::new(self.period.finish()),
            Arc::new(self.seller.finish()),
            Arc::new(self.buyer.finish()),
            Arc::new(self.code.finish()),
            Arc::new(self.name.finish()),
            Arc::new(self.spec.finish()),
            Arc::new(self.unit.finish()),
            Arc::new(self.quantity.finish().with_precision_and_scale(24, 8)?),
            Arc::new(self.price.finish().with_precision_and_scale(24, 8)?),
            Arc::new(self.amount.finish().with_precision_and_scale(18, 2)?),
            Arc::new(self.rate.finish().with_precision_and_scale(6, 4)?),
            Arc::new(self.tax.finish().with_precision_and_scale(18, 2)?),
            Arc::new(self.preference.finish()),
        ];
        batch(schema, columns)
    }
}

/// Yuan a unit with eight decimals: amount over quantity, rounded.
fn unit_price_e8(line: &Line) -> i128 {
    // Cents × 10^6 = yuan × 10^8; the quantity carries another 10^8.
    let scaled = i128::from(line.amount) * 1_000_000 * 100_000_000;
    let quantity = i128::from(line.quantity_e8);
    let half = quantity.abs() / 2 * scaled.signum();
    (scaled + half) / quantity
}
