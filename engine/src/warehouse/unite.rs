//! Makes one file of many small ones. A landing zone loads hundreds of files a night, each load appends a file to a
//! dozen unpartitioned tables, and every later load and query has to open all of them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};

use super::table::{TableSpec, UnitFile};
use super::transaction::{Transaction, get_rows};
use super::unit::conform;
use crate::Result;

/// So many small files of a table become one.
const MANY: usize = 32;
/// Bytes below which a file is small.
const SMALL: u64 = 1 << 20;

impl Transaction {
    /// Replaces the small files of every unpartitioned table that this transaction only appended to by one file, where
    /// there are many. For tables whose files mean nothing by themselves (those of a scan's results each hold a month).
    pub async fn unite_small_files(&mut self) -> Result<()> {
        for spec in self.appended() {
            let Some(table) = self.warehouse().table(self.base(), &spec.name).await? else { continue };
            let small: Vec<UnitFile> = table.files.into_iter().filter(|file| file.size < SMALL).collect();
            // Another form of the table is brought forward by who knows how.
            if small.len() < MANY || table.schema != spec.schema {
                continue;
            }
            let rows = self.rows_of(&spec, &small).await?;
            // Older than what this transaction appends: whoever reads files in their order meets them first.
            self.put_first(&spec, &[rows]).await?;
            for file in small {
                self.remove(&spec, file)?;
            }
        }
        Ok(())
    }

    /// Rows of files, in the order of the table; in that of the files where it has none.
    async fn rows_of(&self, spec: &TableSpec, files: &[UnitFile]) -> Result<RecordBatch> {
        let batches = get_rows(self.warehouse(), &spec.name, files).await?;
        let batches: Vec<_> =
            batches.iter().map(|batch| conform(batch, &spec.schema)).collect::<Result<_>>()?;
        let rows = concat_batches(&spec.schema, &batches)?;
        if spec.order.is_empty() {
            return Ok(rows);
        }
        let key = |name: &String| {
            let values = Arc::clone(rows.column(spec.schema.index_of(name)?));
            Ok(SortColumn { values, options: None })
        };
        let keys = spec.order.iter().map(key).collect::<Result<Vec<_>>>()?;
        Ok(take_record_batch(&rows, &lexsort_to_indices(&keys, None)?)?)
    }
}
