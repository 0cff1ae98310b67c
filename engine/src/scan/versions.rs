//! Versions of indicators are immutable: a scan records what every version it uses means, and refuses one that was used
//! before and meant something else. So a hit can always be read with the definition that made it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, TimeUnit};
use assay_indicators::{Catalogue, Layout};

use super::judge::{column, texts};
use crate::warehouse::{Commit, TableSpec, Warehouse, get_rows};
use crate::{EngineError, Result};

/// One row an indicator and version ever used by a scan.
pub(super) const INDICATOR_VERSION: &str = "indicator_version";

/// `indicator_version`: `meaning` is what decides verdicts (normalised TOML), `definition` the whole file.
pub(super) fn spec() -> TableSpec {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let number = |name: &str| Field::new(name, DataType::Int32, false);
    let at = Field::new("recorded_at", DataType::Timestamp(TimeUnit::Millisecond, None), false);
    let fields = vec![
        text("indicator"),
        number("version"),
        text("meaning_hash"),
        text("meaning"),
        text("definition"),
        number("first_as_of"),
        text("first_run"),
        at,
    ];
    TableSpec::appended(INDICATOR_VERSION, &[], fields)
}

type Version = (String, i32);

/// The versions a scan uses, held against those used before.
pub(super) struct Versions {
    /// Not used before.
    new: Vec<(Version, String, String)>,
}

impl Versions {
    /// # Errors
    /// When a version was used before with another meaning; all of them are named.
    pub(super) async fn check(
        warehouse: &Warehouse,
        head: &Commit,
        catalogue: &Catalogue,
        only: &[String],
    ) -> Result<Self> {
        let known = load(warehouse, head).await?;
        let (mut new, mut changed) = (Vec::new(), Vec::new());
        for entry in catalogue.entries() {
            let code = &entry.indicator.code.value;
            if !only.is_empty() && !only.contains(code) {
                continue;
            }
            let (version, meaning) = ((code.clone(), entry.indicator.version), entry.meaning());
            match known.get(&version) {
                None => new.push((version, meaning, entry.source.text.clone())),
                Some((hash, since)) if *hash != hash_of(&meaning) => changed.push(format!(
                    "{}: {code} version {} was used by the scan as of {since} and means something else now; raise its version to {}, or restore it \
                     (assay sql \"select definition from indicator_version where indicator = '{code}'\")",
                    entry.source.name,
                    version.1,
                    next_version(&known, code)
                )),
                Some(_) => {}
            }
        }
        if changed.is_empty() { Ok(Self { new }) } else { Err(EngineError::Definitions(changed)) }
    }

    /// Rows for the versions used for the first time, of indicators that were judged; `None` when there are none.
    pub(super) fn rows(&self, layout: &Layout, run: &str, at: i64) -> Result<Option<RecordBatch>> {
        let judged: BTreeSet<&str> =
            layout.indicators.iter().map(|one| one.definition.code.value.as_str()).collect();
        let new: Vec<_> = self.new.iter().filter(|((code, _), ..)| judged.contains(code.as_str())).collect();
        if new.is_empty() {
            return Ok(None);
        }
        let text = |of: &dyn Fn(&(Version, String, String)) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(new.iter().map(|one| of(one))))
        };
        let columns: Vec<ArrayRef> = vec![
            text(&|one| one.0.0.clone()),
            Arc::new(Int32Array::from_iter_values(new.iter().map(|one| one.0.1))),
            text(&|one| hash_of(&one.1)),
            text(&|one| one.1.clone()),
            text(&|one| one.2.clone()),
            Arc::new(Int32Array::from_value(layout.as_of, new.len())),
            text(&|_| run.to_owned()),
            Arc::new(TimestampMillisecondArray::from_value(at, new.len())),
        ];
        Ok(Some(RecordBatch::try_new(spec().schema, columns)?))
    }
}

/// Hash and first month of every version used.
async fn load(warehouse: &Warehouse, head: &Commit) -> Result<BTreeMap<Version, (String, i32)>> {
    let mut known = BTreeMap::new();
    let Some(table) = warehouse.table(head, INDICATOR_VERSION).await? else { return Ok(known) };
    for batch in get_rows(warehouse, INDICATOR_VERSION, &table.files).await? {
        let (codes, hashes) = (texts(&batch, "indicator")?, texts(&batch, "meaning_hash")?);
        let versions = column(&batch, "version")?.as_primitive::<Int32Type>();
        let since = column(&batch, "first_as_of")?.as_primitive::<Int32Type>();
        for row in 0..codes.len() {
            let version = (codes.value(row).to_owned(), versions.value(row));
            known.insert(version, (hashes.value(row).to_owned(), since.value(row)));
        }
    }
    Ok(known)
}

fn next_version(known: &BTreeMap<Version, (String, i32)>, code: &str) -> i32 {
    known.keys().filter(|(known, _)| known == code).map(|(_, version)| version + 1).max().unwrap_or(1)
}

fn hash_of(meaning: &str) -> String {
    blake3::hash(meaning.as_bytes()).to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::fmt::Write as _;

    use super::*;
    use crate::scan::load_catalogue;

    /// Whoever changes what a shipped indicator means raises its version: warehouses have used the one before. Run with
    /// ASSAY_LOCK_VERSIONS=1 to note new indicators and raised versions.
    #[test]
    fn shipped_versions_mean_what_they_meant() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../indicators/catalogue/versions.lock");
        let noted = std::fs::read_to_string(path).unwrap_or_default();
        let mut lock = String::new();
        for entry in load_catalogue(None).unwrap().entries() {
            let (code, version) = (&entry.indicator.code.value, entry.indicator.version);
            let line = format!("{code} {version} {}", hash_of(&entry.meaning()));
            let same = noted.lines().find(|known| known.starts_with(&format!("{code} {version} ")));
            assert!(same.is_none_or(|known| known == line), "{code} means something else: raise its version");
            writeln!(lock, "{line}").unwrap();
        }
        if std::env::var_os("ASSAY_LOCK_VERSIONS").is_some() {
            std::fs::write(path, &lock).unwrap();
        } else {
            assert!(
                noted == lock,
                "indicators were added, removed or raised: run this test with ASSAY_LOCK_VERSIONS=1"
            );
        }
    }
}
