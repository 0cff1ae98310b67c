//! Shared helpers of the benches: reproducible inputs, and nothing that is measured.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use datafusion::common::Result;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;

/// A small generator of reproducible numbers (SplitMix64); quality enough for bench inputs.
#[derive(Debug, Clone)]
pub struct Numbers(u64);

impl Numbers {
    /// The sequence of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 up to, not including, `end`.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// Codes of 18 characters, shaped as unified social credit codes; about one in 31 has the right check character.
pub fn codes(rows: usize) -> ArrayRef {
    const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    let mut numbers = Numbers::new(1);
    let codes = (0..rows).map(|_| {
        let division = 530_000 + numbers.below(3000);
        let tail: String = (0..10).map(|_| char::from(ALPHABET[numbers.below(31) as usize])).collect();
        format!("91{division}{tail}")
    });
    Arc::new(StringArray::from_iter_values(codes))
}

/// Invoices in `batches` batches of 8192 rows: `seller_key`, `buyer_key`, `buyer_id`, `issued_at`, `amount`.
/// Each of the `sellers` has about 50 buyers; sellers come in no order.
///
/// # Errors
/// When the columns do not make a batch, which would be a mistake here.
pub fn invoices(batches: usize, sellers: u64) -> Result<Vec<RecordBatch>> {
    const ROWS: usize = 8192;
    let mut numbers = Numbers::new(2);
    (0..batches)
        .map(|_| {
            let sellers: Vec<i64> = (0..ROWS).map(|_| numbers.below(sellers) as i64).collect();
            let buyers: Vec<i64> =
                sellers.iter().map(|seller| seller * 7 + numbers.below(50) as i64).collect();
            let ids = buyers.iter().map(|buyer| format!("9153{buyer:014}"));
            // 2025 in milliseconds, to the minute.
            let times: Vec<i64> =
                (0..ROWS).map(|_| 1_735_689_600_000 + 60_000 * numbers.below(525_600) as i64).collect();
            let amounts =
                Decimal128Array::from_iter_values((0..ROWS).map(|_| i128::from(numbers.below(10_000_000))));
            let columns: Vec<(&str, ArrayRef)> = vec![
                ("seller_key", Arc::new(Int64Array::from(sellers))),
                ("buyer_id", Arc::new(StringArray::from_iter_values(ids))),
                ("buyer_key", Arc::new(Int64Array::from(buyers))),
                ("issued_at", Arc::new(TimestampMillisecondArray::from(times))),
                ("amount", Arc::new(amounts.with_precision_and_scale(18, 2)?)),
            ];
            Ok(RecordBatch::try_from_iter(columns)?)
        })
        .collect()
}

/// Registers batches as a table in memory, one partition a thread of `threads`.
///
/// # Errors
/// When the batches differ in schema.
pub fn register(context: &SessionContext, name: &str, batches: &[RecordBatch], threads: usize) -> Result<()> {
    let Some(first) = batches.first() else {
        return Ok(());
    };
    let size = batches.len().div_ceil(threads.max(1));
    let partitions = batches.chunks(size).map(<[RecordBatch]>::to_vec).collect();
    context.register_table(name, Arc::new(MemTable::try_new(first.schema(), partitions)?))?;
    Ok(())
}
