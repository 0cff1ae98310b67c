//! Parties and months of rows that are parts of an invoice, taken from the invoice where their source leaves them out.
//!
//! A hash join by invoice number: the side that is built are the invoices of the same load, then the stored ones that
//! rows still ask for. Rows whose invoice is not among the former wait in a file, as reading all stored numbers for
//! every batch would cost a scan each. What a source states is never replaced. A row whose invoice is nowhere is kept
//! without parties, in month 0, and takes its place when the invoice is loaded.

use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io::{BufReader, BufWriter};
use std::path::PathBuf;
use std::sync::Arc;

use ahash::{AHashMap, AHashSet, RandomState};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray, StringBuilder,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::convert::Converted;
use super::keying::Keyer;
use crate::warehouse::Config;
use crate::{EngineError, Result};

/// Month of a row while nothing tells it.
pub const NO_MONTH: i32 = 0;
/// Column a waiting row's number in its file lies in.
const ROW: &str = "_row";
/// Column a waiting row's file lies in.
const FILE: &str = "_file";

/// What a row takes from its invoice: party keys and month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parties {
    seller: Option<u32>,
    buyer: Option<u32>,
    period: i32,
}

/// Invoices of a load, and the rows that wait for others. About 40 bytes an invoice of the load.
pub struct Lookup {
    active: bool,
    invoices: AHashMap<u128, Parties>,
    /// Invoices that waiting rows ask for.
    asked: AHashSet<u128>,
    halves: [RandomState; 2],
    folder: PathBuf,
    waiting: Vec<Waiting>,
    /// Rows whose invoice was found nowhere.
    pub alone: usize,
}

/// Waiting rows of one table, on disk.
struct Waiting {
    path: PathBuf,
    schema: SchemaRef,
    writer: StreamWriter<BufWriter<File>>,
    /// The input of each batch.
    inputs: Vec<usize>,
}

impl Lookup {
    /// Columns of a stored invoice that are read.
    pub const COLUMNS: [&'static str; 4] = ["invoice_id", "seller_key", "buyer_key", "period"];

    /// Notes invoices only if `active`; waiting rows lie in `folder`.
    pub fn new(active: bool, folder: PathBuf) -> Self {
        // Fixed seeds, as everywhere in a load.
        let halves = [RandomState::with_seeds(51, 52, 53, 54), RandomState::with_seeds(61, 62, 63, 64)];
        let (invoices, asked) = (AHashMap::new(), AHashSet::new());
        Self { active, invoices, asked, halves, folder, waiting: Vec::new(), alone: 0 }
    }

    fn hash(&self, id: &str) -> u128 {
        let half = |state: &RandomState| {
            let mut hasher = state.build_hasher();
            hasher.write(id.as_bytes());
            hasher.finish()
        };
        (u128::from(half(&self.halves[0])) << 64) | u128::from(half(&self.halves[1]))
    }

    /// Notes invoices of this load (stored form); of several versions the last counts.
    pub fn note(&mut self, stored: &RecordBatch) -> Result<()> {
        if self.active {
            self.build(stored, |_, _| true)?;
        }
        Ok(())
    }

    /// Takes from stored invoices those that are asked for and not in this load.
    pub fn find(&mut self, stored: &RecordBatch) -> Result<()> {
        self.build(stored, |lookup, hash| {
            lookup.asked.contains(&hash) && !lookup.invoices.contains_key(&hash)
        })
    }

    fn build(&mut self, stored: &RecordBatch, wanted: impl Fn(&Self, u128) -> bool) -> Result<()> {
        let ids = column(stored, "invoice_id")?.as_string::<i32>();
        let key = |name: &str| Ok::<_, EngineError>(column(stored, name)?.as_primitive::<Int64Type>());
        let (sellers, buyers) = (key("seller_key")?, key("buyer_key")?);
        let periods = column(stored, "period")?.as_primitive::<Int32Type>();
        let key_at = |keys: &Int64Array, row: usize| {
            if keys.is_valid(row) { u32::try_from(keys.value(row)).ok() } else { None }
        };
        for row in 0..ids.len() {
            let hash = self.hash(ids.value(row));
            if wanted(self, hash) {
                let (seller, buyer) = (key_at(sellers, row), key_at(buyers, row));
                self.invoices.insert(hash, Parties { seller, buyer, period: periods.value(row) });
            }
        }
        Ok(())
    }

    /// Fills what is missing; `false` when the rows wait, because some of them name an invoice not seen yet.
    pub fn fill(&mut self, input: usize, converted: &mut Converted, keyer: &Keyer) -> Result<bool> {
        let lacking = lacking(&converted.batch)?;
        if !lacking.contains(&true) {
            return Ok(true);
        }
        let ids = column(&converted.batch, "invoice_id")?.as_string::<i32>().clone();
        let mut unseen = false;
        for row in (0..lacking.len()).filter(|r| lacking[*r]) {
            let hash = self.hash(ids.value(row));
            if !self.invoices.contains_key(&hash) {
                self.asked.insert(hash);
                unseen = true;
            }
        }
        if unseen {
            self.wait(input, converted)?;
            return Ok(false);
        }
        converted.batch = self.filled(&converted.batch, &lacking, keyer)?;
        Ok(true)
    }

    fn wait(&mut self, input: usize, converted: &Converted) -> Result<()> {
        let rows = converted.batch.num_rows();
        let mut fields: Vec<Field> =
            converted.batch.schema().fields().iter().map(|f| f.as_ref().clone()).collect();
        fields.push(Field::new(ROW, DataType::Int64, false));
        fields.push(Field::new(FILE, DataType::Utf8, true));
        let schema = Arc::new(Schema::new(fields));
        let place = match self.waiting.iter().position(|w| w.schema == schema) {
            Some(place) => place,
            None => {
                std::fs::create_dir_all(&self.folder).map_err(EngineError::file(&self.folder))?;
                let path = self.folder.join(format!("waiting-{}.arrow", self.waiting.len()));
                let file = File::create(&path).map_err(EngineError::file(&path))?;
                let writer = StreamWriter::try_new(BufWriter::new(file), &schema)?;
                let schema = Arc::clone(&schema);
                self.waiting.push(Waiting { path, schema, writer, inputs: Vec::new() });
                self.waiting.len() - 1
            }
        };
        let mut columns = converted.batch.columns().to_vec();
        columns.push(Arc::new(converted.rows.clone()));
        columns.push(match &converted.files {
            Some(files) => Arc::new(files.clone()),
            None => arrow::array::new_null_array(&DataType::Utf8, rows),
        });
        let waiting = &mut self.waiting[place];
        waiting.writer.write(&RecordBatch::try_new(schema, columns)?)?;
        waiting.inputs.push(input);
        Ok(())
    }

    /// Whether rows wait.
    pub fn holds(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Hands out the waiting rows, filled as far as can be, table by table in the order they came.
    pub fn release(
        &mut self,
        keyer: &mut Keyer,
        mut take: impl FnMut(usize, Converted, &mut Keyer) -> Result<()>,
    ) -> Result<()> {
        for mut waiting in std::mem::take(&mut self.waiting) {
            waiting.writer.finish()?;
            drop(waiting.writer);
            let file = File::open(&waiting.path).map_err(EngineError::file(&waiting.path))?;
            let reader = StreamReader::try_new(BufReader::new(file), None)?;
            for (input, batch) in waiting.inputs.iter().zip(reader) {
                let batch = batch?;
                let width = batch.num_columns() - 2;
                let rows = batch.column(width).as_primitive::<Int64Type>().clone();
                let files = batch.column(width + 1).as_string::<i32>().clone();
                let files = (files.null_count() == 0).then_some(files);
                let canonical = batch.project(&(0..width).collect::<Vec<_>>())?;
                let lacking = lacking(&canonical)?;
                let batch = self.filled(&canonical, &lacking, keyer)?;
                let read = batch.num_rows();
                take(
                    *input,
                    Converted { batch, rows, files, rejects: Vec::new(), repaired: None, read },
                    keyer,
                )?;
            }
            std::fs::remove_file(&waiting.path).map_err(EngineError::file(&waiting.path))?;
        }
        Ok(())
    }

    /// The rows with the missing columns of `lacking` ones filled; a month that stays unknown is [`NO_MONTH`].
    fn filled(&mut self, batch: &RecordBatch, lacking: &[bool], keyer: &Keyer) -> Result<RecordBatch> {
        let ids = column(batch, "invoice_id")?.as_string::<i32>();
        let found: Vec<Option<Parties>> = (0..ids.len())
            .map(|r| lacking[r].then(|| self.invoices.get(&self.hash(ids.value(r))).copied()).flatten())
            .collect();
        self.alone += (0..ids.len()).filter(|r| lacking[*r] && found[*r].is_none()).count();
        let seller =
            party(column(batch, "seller_id")?.as_string(), keyer, |r| found[r].and_then(|p| p.seller));
        let buyer = party(column(batch, "buyer_id")?.as_string(), keyer, |r| found[r].and_then(|p| p.buyer));
        let stated = column(batch, "period")?.as_primitive::<Int32Type>();
        let period: Int32Array = stated
            .iter()
            .zip(&found)
            .map(|(stated, found)| stated.or_else(|| found.map(|p| p.period)).or(Some(NO_MONTH)))
            .collect();
        replaced(
            batch,
            vec![
                ("seller_id", Arc::new(seller)),
                ("buyer_id", Arc::new(buyer)),
                ("period", Arc::new(period)),
            ],
        )
    }

    /// Stored rows of month [`NO_MONTH`] whose invoice has come, as they are now to be stored; `None` when there are
    /// none.
    pub fn adopt(&self, stored: &RecordBatch, keyer: &Keyer, config: &Config) -> Result<Option<RecordBatch>> {
        let ids = column(stored, "invoice_id")?.as_string::<i32>();
        let mut found: Vec<Option<Parties>> =
            ids.iter().map(|id| self.invoices.get(&self.hash(id.unwrap_or_default())).copied()).collect();
        let mask: BooleanArray = found.iter().map(|f| Some(f.is_some())).collect();
        found.retain(Option::is_some);
        if found.is_empty() {
            return Ok(None);
        }
        let rows = filter_record_batch(stored, &mask)?;
        let keys = |stated: &Int64Array, of: &dyn Fn(&Parties) -> Option<u32>| -> Int64Array {
            let taken = found.iter().map(|f| f.as_ref().and_then(of).map(i64::from));
            stated.iter().zip(taken).map(|(stated, taken)| stated.or(taken)).collect()
        };
        let key_column = |name: &str| Ok::<_, EngineError>(column(&rows, name)?.as_primitive::<Int64Type>());
        let seller_keys = keys(key_column("seller_key")?, &|p| p.seller);
        let buyer_keys = keys(key_column("buyer_key")?, &|p| p.buyer);
        let text = |name: &str, keys: &Int64Array| -> Result<ArrayRef> {
            let key = |r: usize| if keys.is_valid(r) { u32::try_from(keys.value(r)).ok() } else { None };
            Ok(Arc::new(party(column(&rows, name)?.as_string(), keyer, key)))
        };
        let (seller, buyer) = (text("seller_id", &seller_keys)?, text("buyer_id", &buyer_keys)?);
        let bucket: Int32Array = seller_keys.iter().map(|k| Some(config.bucket_of(k))).collect();
        let period: Int32Array = found.iter().map(|f| f.map(|p| p.period)).collect();
        replaced(
            &rows,
            vec![
                ("seller_id", seller),
                ("seller_key", Arc::new(seller_keys)),
                ("buyer_id", buyer),
                ("buyer_key", Arc::new(buyer_keys)),
                ("period", Arc::new(period)),
                ("bucket", Arc::new(bucket)),
            ],
        )
        .map(Some)
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| EngineError::internal(format!("no column {name} to look up by")))
}

/// Rows that need their invoice: no seller, or no month. A missing buyer alone is a consumer's purchase.
fn lacking(batch: &RecordBatch) -> Result<Vec<bool>> {
    let (seller, period) = (column(batch, "seller_id")?, column(batch, "period")?);
    Ok((0..batch.num_rows()).map(|r| seller.is_null(r) || period.is_null(r)).collect())
}

/// The stated ids, and where there is none that of the key.
fn party(stated: &StringArray, keyer: &Keyer, key: impl Fn(usize) -> Option<u32>) -> StringArray {
    let mut out = StringBuilder::with_capacity(stated.len(), stated.len() * 18);
    for row in 0..stated.len() {
        if stated.is_valid(row) {
            out.append_value(stated.value(row));
        } else {
            out.append_option(key(row).and_then(|k| keyer.party(i64::from(k))));
        }
    }
    out.finish()
}

fn replaced(batch: &RecordBatch, with: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    let mut columns = batch.columns().to_vec();
    for (name, array) in with {
        columns[batch.schema().index_of(name)?] = array;
    }
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}
