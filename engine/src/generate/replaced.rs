//! Versions that later ones of the same row replace: an economy makes both, a warehouse shows the last and keeps the
//! others in the table of replaced rows, as a load does.

use std::collections::BTreeMap;

use arrow::array::{RecordBatch, UInt64Array};
use assay_datasets::schema::Table;
use tokio::runtime::Handle;

use crate::Result;
use crate::ingest::records::replaced_rows;
use crate::ingest::system;
use crate::warehouse::{TableSpec, Transaction};

/// Rows of a table held before they are written as a file.
const ROWS_A_FILE: usize = 1 << 17;

/// A batch's rows, those that count apart from those replaced.
pub(super) struct Versions {
    pub newest: RecordBatch,
    pub replaced: Option<RecordBatch>,
}

/// Tells the versions of a key apart. An economy puts them one after the other, and all of them into one batch.
pub(super) fn versions(table: &Table, batch: &RecordBatch) -> Result<Versions> {
    let all = Versions { newest: batch.clone(), replaced: None };
    if table.version_by.is_none() || batch.num_rows() == 0 {
        return Ok(all);
    }
    let keys: Vec<_> = table.key.iter().filter_map(|k| batch.column_by_name(k)).cloned().collect();
    let (mut newest, mut earlier) = (Vec::new(), Vec::new());
    for same in arrow::compute::partition(&keys)?.ranges() {
        earlier.extend(same.start as u64..same.end as u64 - 1);
        newest.push(same.end as u64 - 1);
    }
    if earlier.is_empty() {
        return Ok(all);
    }
    let take = |rows: Vec<u64>| arrow::compute::take_record_batch(batch, &UInt64Array::from(rows));
    Ok(Versions { newest: take(newest)?, replaced: Some(take(earlier)?) })
}

/// Replaced rows on their way into the warehouse.
#[derive(Default)]
pub(super) struct Replaced {
    tables: BTreeMap<String, (TableSpec, Vec<RecordBatch>)>,
}

impl Replaced {
    /// Takes stored rows of `table`; writes a file when there are enough for one.
    pub fn take(
        &mut self,
        table: &Table,
        stored: &RecordBatch,
        batch: &str,
        at: i64,
        transaction: &mut Transaction,
        handle: &Handle,
    ) -> Result<()> {
        let (spec, held) =
            self.tables.entry(table.name.clone()).or_insert_with(|| (system::replaced(table), Vec::new()));
        held.push(replaced_rows(spec, stored, batch, at)?);
        if held.iter().map(RecordBatch::num_rows).sum::<usize>() >= ROWS_A_FILE {
            handle.block_on(transaction.append(spec, held))?;
            held.clear();
        }
        Ok(())
    }

    /// Writes what is held.
    pub fn finish(self, transaction: &mut Transaction, handle: &Handle) -> Result<()> {
        for (spec, held) in self.tables.into_values() {
            handle.block_on(transaction.append(&spec, &held))?;
        }
        Ok(())
    }
}
