//! Invoices and their lines arriving in either order: lines take parties and month from an invoice loaded earlier, and
//! lines that waited for their invoice are moved to it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;
use assay_datasets::schema::{Table, catalog};

use super::Load;
use crate::Result;
use crate::ingest::Input;
use crate::ingest::keying::Keyer;
use crate::ingest::lookup::{Lookup, NO_MONTH};
use crate::ingest::stage::Stage;
use crate::warehouse::{UnitFile, conform, read_unit};

impl Load {
    /// Files of stored rows that wait for invoices, when invoices arrive.
    pub(super) fn orphans(&mut self, inputs: &[Input]) -> Result<Vec<(&'static Table, Vec<UnitFile>)>> {
        let mut found = Vec::new();
        if !inputs.iter().any(|i| i.table.name == "invoice") {
            return Ok(found);
        }
        let base = self.tx()?.base().clone();
        for table in catalog().tables().iter().filter(|t| t.follows_invoice()) {
            let Some(stored) = self.handle.block_on(self.warehouse.table(&base, &table.name))? else {
                continue;
            };
            let files: Vec<UnitFile> =
                stored.files.into_iter().filter(|f| f.period == Some(NO_MONTH)).collect();
            if !files.is_empty() {
                found.push((table, files));
            }
        }
        Ok(found)
    }

    /// Moves stored rows whose invoice has come to where they now belong, as if they had arrived with it.
    pub(super) fn adopt(
        &mut self,
        table: &'static Table,
        files: &[UnitFile],
        lookup: &Lookup,
        keyer: &Keyer,
        stages: &mut BTreeMap<&str, Stage>,
    ) -> Result<()> {
        let config = self.warehouse.config().clone();
        for file in files {
            for batch in read_unit(self.get(&table.name, file)?, None)? {
                let Some(rows) = lookup.adopt(&batch, keyer, &config)? else { continue };
                let stage = match stages.entry(table.name.as_str()) {
                    Entry::Occupied(stage) => stage.into_mut(),
                    Entry::Vacant(place) => {
                        let summary = self.summaries.entry(table.name.clone()).or_default();
                        summary.table.clone_from(&table.name);
                        place.insert(self.stage(table)?)
                    }
                };
                let rows = conform(&rows, &stage.schema)?;
                // A row that arrives again is the newer one.
                let arrived = stage.arrived();
                let hashes = stage.hasher().hash(&rows)?;
                let older: BooleanArray = hashes.iter().map(|h| Some(!arrived.contains(h))).collect();
                stage.push(filter_record_batch(&rows, &older)?)?;
            }
        }
        Ok(())
    }

    /// Gives `lookup` the stored invoices its rows ask for.
    pub(super) fn find_stored(&mut self, lookup: &mut Lookup) -> Result<()> {
        let base = self.tx()?.base().clone();
        let Some(table) = self.handle.block_on(self.warehouse.table(&base, "invoice"))? else {
            return Ok(());
        };
        for file in &table.files {
            for batch in read_unit(self.get(&table.name, file)?, Some(&Lookup::COLUMNS))? {
                lookup.find(&batch)?;
            }
        }
        Ok(())
    }
}
