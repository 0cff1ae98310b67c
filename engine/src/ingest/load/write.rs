//! The last part of a load: each unit that gained rows is merged with what is stored and written anew.

use ahash::AHashSet;
use arrow::array::RecordBatch;
use assay_datasets::schema::{PERIOD, PeriodSource, Table};
use rayon::prelude::*;

use super::{Load, table_spec};
use crate::Result;
use crate::ingest::merge::{self, Gatherer};
use crate::ingest::moved::{Homes, Moved};
use crate::ingest::stage::{KeyHash, Stage, UnitRows};
use crate::ingest::{records, system};
use crate::warehouse::{TableFiles, TableSpec, UnitEncoder, UnitFile, UnitKey, conform, read_unit};

/// Rows gathered at once when a unit is written: enough for the kernels, little beside the unit.
const GATHER_ROWS: usize = 1 << 16;

impl Load {
    /// Merges the staged rows of one table with its stored units and puts the changed ones.
    pub(super) fn write(&mut self, stage: &mut Stage) -> Result<()> {
        let base = self.tx()?.base().clone();
        let stored = self.handle.block_on(self.warehouse.table(&base, &stage.table.name))?;
        let homes = match key_decides_unit(stage.table) {
            true => None,
            false => Some(self.pool.install(|| stage.homes())?),
        };
        let stage: &Stage = stage;
        let mut units: Vec<UnitKey> = stage.unit_keys();
        let (moved, homes) = self.pool.install(|| self.moved(stage, homes, stored.as_ref(), &units))?;
        units.extend(moved.keys().copied());
        units.sort_unstable();
        units.dedup();
        self.progress.phase("write", units.len());
        let spec = table_spec(stage.table);
        let mut work = Vec::with_capacity(units.len());
        for unit in units {
            work.push((unit, [self.tx()?.file_name(), self.tx()?.file_name()]));
        }
        let this: &Self = self;
        let history = system::replaced(stage.table);
        let rewrite =
            Rewrite { stage, stored: stored.as_ref(), spec: &spec, history: &history, homes: homes.as_ref() };
        let outcomes: Vec<Result<UnitOutcome>> = this.pool.install(|| {
            work.into_par_iter()
                .map(|(unit, names)| this.write_unit(&rewrite, unit, &names, moved.get(&unit)))
                .collect()
        });
        let mut duplicates = Vec::new();
        for outcome in outcomes {
            duplicates.extend(self.take_outcome(&rewrite, outcome?)?);
        }
        let handle = self.handle.clone();
        handle.block_on(self.tx()?.append(&system::duplicate_row(), &duplicates))?;
        let summary = self.summaries.entry(stage.table.name.clone()).or_default();
        summary.kept = summary.read - summary.duplicate - summary.rejected_total();
        Ok(())
    }

    /// Notes a unit's files and figures; returns its duplicate rows.
    fn take_outcome(&mut self, rewrite: &Rewrite<'_>, outcome: UnitOutcome) -> Result<Option<RecordBatch>> {
        let Rewrite { spec, history, .. } = rewrite;
        let summary = self.summaries.entry(spec.name.clone()).or_default();
        summary.replaced += outcome.replaced.as_ref().map_or(0, |file| file.rows);
        summary.duplicate += outcome.duplicates.as_ref().map_or(0, RecordBatch::num_rows);
        summary.units += usize::from(outcome.changed);
        if outcome.changed {
            for old in outcome.old {
                self.tx()?.remove(spec, old)?;
            }
            if let Some(new) = outcome.new {
                self.tx()?.note_added(spec, new)?;
            }
        }
        if let Some(replaced) = outcome.replaced {
            self.tx()?.note_added(history, replaced)?;
        }
        Ok(outcome.duplicates)
    }

    /// Keys whose earlier version lies in another unit than the one now arriving, for units that are not read whole
    /// anyway (`rewritten`); for those, where keys live now, if they hold anything.
    fn moved(
        &self,
        stage: &Stage,
        homes: Option<Homes>,
        stored: Option<&TableFiles>,
        rewritten: &[UnitKey],
    ) -> Result<(Moved, Option<Homes>)> {
        let Some(homes) = homes else { return Ok((Moved::new(), None)) };
        let mut moved = homes.earlier();
        let files: &[UnitFile] = stored.map(|s| s.files.as_slice()).unwrap_or_default();
        let key_columns = stage.table.stored_key();
        let names: Vec<&str> = key_columns.iter().map(String::as_str).collect();
        let (whole, others): (Vec<&UnitFile>, Vec<&UnitFile>) =
            files.iter().partition(|f| rewritten.binary_search(&UnitKey::of(f)).is_ok());
        let found: Vec<Result<(UnitKey, AHashSet<KeyHash>)>> = others
            .into_par_iter()
            .map(|file| {
                let unit = UnitKey::of(file);
                let table = &stage.table.name;
                let batches = self.handle.block_on(crate::warehouse::get_columns(
                    &self.warehouse,
                    table,
                    file,
                    &names,
                ))?;
                let mut gone = AHashSet::new();
                for batch in batches {
                    gone.extend(homes.away(unit, &stage.hasher().hash_columns(&batch)?));
                }
                Ok((unit, gone))
            })
            .collect();
        for unit in found {
            let (unit, gone) = unit?;
            if !gone.is_empty() {
                moved.entry(unit).or_default().extend(gone);
            }
        }
        Ok((moved, (!whole.is_empty()).then_some(homes)))
    }

    fn write_unit(
        &self,
        rewrite: &Rewrite,
        unit: UnitKey,
        [name, replaced_name]: &[String; 2],
        moved: Option<&AHashSet<KeyHash>>,
    ) -> Result<UnitOutcome> {
        let Rewrite { stage, stored, spec, homes, .. } = rewrite;
        let old: Vec<UnitFile> = stored
            .map(|s| s.files.iter().filter(|f| UnitKey::of(f) == unit).cloned().collect())
            .unwrap_or_default();
        let mut input = UnitRows { batches: Vec::new(), rows: Vec::new(), hashes: Vec::new() };
        for file in &old {
            for batch in read_unit(self.get(&spec.name, file)?, None)? {
                input.push(&conform(&batch, &stage.schema)?, stage)?;
            }
        }
        let stored_rows = input.rows.len();
        let mut gone = moved.cloned().unwrap_or_default();
        if let Some(homes) = homes {
            gone.extend(homes.away(unit, &input.hashes));
        }
        input.extend(stage.rows(unit)?);
        let merged = merge::merge(stage.table, &input, stored_rows, Some(&gone).filter(|g| !g.is_empty()))?;
        let duplicates = records::duplicate_rows(stage.table, &input, &merged, self.at)?;
        let replaced = self.put_replaced(rewrite, &input.batches, &merged.replaced, replaced_name)?;
        let mut outcome = UnitOutcome { old, new: None, duplicates, replaced, changed: merged.changed };
        if merged.changed && !merged.order.is_empty() {
            let gatherer = Gatherer::new(&stage.merging, &input.batches, merged.order.len());
            let mut encoder = UnitEncoder::new(&stage.merging, &spec.order, unit, name, false)?;
            for rows in merged.order.chunks(GATHER_ROWS) {
                encoder.push(&gatherer.rows(rows)?)?;
            }
            // The input is as large as the unit; encoded bytes are a fraction of it.
            drop((gatherer, input));
            let encoded = encoder.finish()?;
            let put = crate::warehouse::put(&self.warehouse, &spec.name, encoded);
            outcome.new = Some(self.handle.block_on(put)?);
        }
        self.progress.advance(1);
        Ok(outcome)
    }

    /// Puts a file of the versions that others replace.
    fn put_replaced(
        &self,
        rewrite: &Rewrite<'_>,
        batches: &[RecordBatch],
        replaced: &[(usize, usize)],
        name: &str,
    ) -> Result<Option<UnitFile>> {
        if replaced.is_empty() {
            return Ok(None);
        }
        let Rewrite { stage, history, .. } = rewrite;
        let gatherer = Gatherer::new(&stage.merging, batches, replaced.len());
        let mut encoder = UnitEncoder::new(&history.schema, &history.order, UnitKey::WHOLE, name, false)?;
        for rows in replaced.chunks(GATHER_ROWS) {
            encoder.push(&records::replaced_rows(history, &gatherer.rows(rows)?, &self.batch, self.at)?)?;
        }
        let put = crate::warehouse::put(&self.warehouse, &history.name, encoder.finish()?);
        Ok(Some(self.handle.block_on(put)?))
    }
}

/// What the units of one table are rewritten from.
struct Rewrite<'a> {
    stage: &'a Stage,
    stored: Option<&'a TableFiles>,
    spec: &'a TableSpec,
    /// Where versions go that others replace.
    history: &'a TableSpec,
    homes: Option<&'a Homes>,
}

struct UnitOutcome {
    old: Vec<UnitFile>,
    new: Option<UnitFile>,
    duplicates: Option<RecordBatch>,
    replaced: Option<UnitFile>,
    changed: bool,
}

/// Whether rows of one key always lie in one unit, because the key has what the unit follows from.
fn key_decides_unit(table: &Table) -> bool {
    let in_key = |column: &str| table.key.iter().any(|k| k == column);
    let month = match &table.period {
        None => true,
        Some(PeriodSource::Column) => in_key(PERIOD),
        Some(PeriodSource::Derived(column)) => in_key(column),
    };
    month && table.bucket_by.as_deref().is_none_or(in_key)
}
