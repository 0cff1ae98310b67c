//! Invoices of a month with their lines, for formats that hold both: the workbook of the e-tax bureau and XML.
//!
//! Parts of `invoice` and `invoice_line` are cut differently, but name their sellers in the same order. So they are
//! merged seller by seller, and no month need fit in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{concat_batches, take, take_record_batch};
use arrow::datatypes::{Field, Int32Type, Schema};

use super::{RowPart, Rows};
use crate::{EngineError, Result};

/// Prefix of the invoice's columns beside those of its lines.
pub(super) const INVOICE: &str = "invoice.";

/// Some invoices and all their lines, both in the order of the invoices.
pub(super) struct Group {
    /// Rows of `invoice`.
    pub invoices: RecordBatch,
    /// Rows of `invoice_line`, with the columns of their invoice as `invoice.<name>`.
    pub lines: RecordBatch,
    /// Where the lines of each invoice begin, and after the last one where they end.
    pub starts: Vec<usize>,
}

impl Group {
    /// The invoices `from..to` with their lines.
    pub fn slice(&self, from: usize, to: usize) -> Self {
        let (first, last) = (self.starts[from], self.starts[to]);
        Self {
            invoices: self.invoices.slice(from, to - from),
            lines: self.lines.slice(first, last - first),
            starts: self.starts[from..=to].iter().map(|at| at - first).collect(),
        }
    }

    /// The invoices of these rows, in this order, with their lines.
    pub fn take(&self, rows: &[usize]) -> Result<Self> {
        let number = |i: usize| u32::try_from(i).unwrap_or(u32::MAX);
        let mut lines = Vec::new();
        let mut starts = vec![0];
        for row in rows {
            lines.extend((self.starts[*row]..self.starts[*row + 1]).map(number));
            starts.push(lines.len());
        }
        let invoices = UInt32Array::from_iter_values(rows.iter().copied().map(number));
        Ok(Self {
            invoices: take_record_batch(&self.invoices, &invoices)?,
            lines: take_record_batch(&self.lines, &UInt32Array::from(lines))?,
            starts,
        })
    }
}

/// Calls `each` with the invoices of one month, in order, group by group.
pub(super) fn groups(
    source: &dyn Rows,
    invoices: &[&RowPart],
    lines: &[&RowPart],
    mut each: impl FnMut(Group) -> Result<()>,
) -> Result<()> {
    let mut lines = Lines { source, parts: lines.to_vec().into(), batches: VecDeque::new() };
    let mut carried: Option<RecordBatch> = None;
    for part in invoices {
        for batch in source.rows(part)? {
            let batch = match carried.take() {
                Some(rest) => concat_batches(&batch.schema(), [&rest, &batch])?,
                None => batch,
            };
            // The last seller may go on in the next batch, and so may the lines of all its invoices.
            let whole = last_run(&batch)?;
            carried = Some(batch.slice(whole, batch.num_rows() - whole));
            if whole > 0 {
                each(lines.join(&batch.slice(0, whole))?)?;
            }
        }
    }
    if let Some(rest) = carried.filter(|rest| rest.num_rows() > 0) {
        each(lines.join(&rest)?)?;
    }
    match lines.seller()? {
        None => Ok(()),
        Some(seller) => Err(EngineError::internal(format!(
            "invoice_line names the seller {seller} where invoice does not: lines without invoices, or another order"
        ))),
    }
}

/// Where the run of equal sellers begins that ends the batch.
fn last_run(batch: &RecordBatch) -> Result<usize> {
    let sellers = text(batch, "seller_id")?;
    let Some(last) = sellers.len().checked_sub(1) else { return Ok(0) };
    let same = |row: &usize| sellers.value(*row) == sellers.value(last);
    Ok((0..=last).rev().take_while(same).last().unwrap_or(last))
}

/// Lines not yet handed out.
struct Lines<'a> {
    source: &'a dyn Rows,
    parts: VecDeque<&'a RowPart>,
    batches: VecDeque<RecordBatch>,
}

impl Lines<'_> {
    fn front(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            while self.batches.front().is_some_and(|b| b.num_rows() == 0) {
                self.batches.pop_front();
            }
            if let Some(batch) = self.batches.front() {
                return Ok(Some(batch.clone()));
            }
            let Some(part) = self.parts.pop_front() else { return Ok(None) };
            self.batches.extend(self.source.rows(part)?);
        }
    }

    /// The seller whose lines come next.
    fn seller(&mut self) -> Result<Option<String>> {
        let Some(batch) = self.front()? else { return Ok(None) };
        Ok(Some(text(&batch, "seller_id")?.value(0).to_owned()))
    }

    /// The next lines, as long as they are this seller's.
    fn of(&mut self, seller: &str, taken: &mut Vec<RecordBatch>) -> Result<()> {
        while let Some(batch) = self.front()? {
            let sellers = text(&batch, "seller_id")?;
            let same = (0..sellers.len()).take_while(|row| sellers.value(*row) == seller).count();
            if same == 0 {
                return Ok(());
            }
            taken.push(batch.slice(0, same));
            self.batches[0] = batch.slice(same, batch.num_rows() - same);
        }
        Ok(())
    }

    /// The invoices with their lines in their order.
    fn join(&mut self, invoices: &RecordBatch) -> Result<Group> {
        let sellers = text(invoices, "seller_id")?;
        let mut taken = Vec::new();
        for row in 0..sellers.len() {
            if row == 0 || sellers.value(row) != sellers.value(row - 1) {
                self.of(sellers.value(row), &mut taken)?;
            }
        }
        let lines = match taken.first() {
            Some(first) => concat_batches(&first.schema(), &taken)?,
            None => RecordBatch::new_empty(line_schema()?),
        };
        join(invoices, &lines)
    }
}

fn line_schema() -> Result<Arc<Schema>> {
    let table = assay_datasets::schema::catalog().table("invoice_line");
    Ok(table.ok_or_else(|| EngineError::internal("no table invoice_line"))?.canonical_schema())
}

fn join(invoices: &RecordBatch, lines: &RecordBatch) -> Result<Group> {
    let ids = text(invoices, "invoice_id")?;
    let rows: HashMap<&str, u32> = ids.iter().flatten().zip(0_u32..).collect();
    let of = text(lines, "invoice_id")?;
    let numbers = lines.column(lines.schema().index_of("line_no")?).as_primitive::<Int32Type>();
    let mut order = Vec::with_capacity(lines.num_rows());
    for row in 0..lines.num_rows() {
        let invoice = rows.get(of.value(row)).ok_or_else(|| {
            EngineError::internal(format!("invoice_line of {} has no invoice beside it", of.value(row)))
        })?;
        order.push((*invoice, numbers.value(row), u32::try_from(row).unwrap_or(u32::MAX)));
    }
    order.sort_unstable();
    let mut starts = vec![0; invoices.num_rows() + 1];
    for (invoice, _, _) in &order {
        starts[*invoice as usize + 1] += 1;
    }
    for i in 1..starts.len() {
        starts[i] += starts[i - 1];
    }
    let lines =
        take_record_batch(lines, &UInt32Array::from_iter_values(order.iter().map(|(_, _, row)| *row)))?;
    let invoice_rows = UInt32Array::from_iter_values(order.iter().map(|(invoice, _, _)| *invoice));
    Ok(Group { invoices: invoices.clone(), lines: beside(&lines, invoices, &invoice_rows)?, starts })
}

/// The lines with the columns of their invoices beside their own.
fn beside(lines: &RecordBatch, invoices: &RecordBatch, rows: &UInt32Array) -> Result<RecordBatch> {
    let mut fields: Vec<Field> = lines.schema().fields().iter().map(|f| f.as_ref().clone()).collect();
    let mut columns = lines.columns().to_vec();
    for (field, column) in invoices.schema().fields().iter().zip(invoices.columns()) {
        let name = format!("{INVOICE}{}", field.name());
        fields.push(field.as_ref().clone().with_name(name).with_nullable(true));
        columns.push(take(column, rows, None)?);
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// The batch with one more column.
pub(super) fn with_column(batch: &RecordBatch, name: &str, column: ArrayRef) -> Result<RecordBatch> {
    let mut fields: Vec<Field> = batch.schema().fields().iter().map(|f| f.as_ref().clone()).collect();
    fields.push(Field::new(name, column.data_type().clone(), true));
    let mut columns = batch.columns().to_vec();
    columns.push(column);
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// A text column of a batch.
pub(crate) fn text<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_string_opt::<i32>())
        .ok_or_else(|| EngineError::internal(format!("the rows have no text column {name}")))
}
