//! What a warehouse was loaded with before: which contents need no second load, and what their feeds meant.

use std::collections::HashMap;
use std::path::PathBuf;

use arrow::array::AsArray;

use super::Load;
use crate::Result;
use crate::ingest::feeds::FeedDefinitions;
use crate::ingest::select::Fingerprint;
use crate::ingest::{Input, system};
use crate::warehouse::{Commit, Warehouse, get_rows};

/// Feed, content hash and member of what was loaded → batch.
pub(in crate::ingest) type Loaded = HashMap<(String, String, String), String>;

impl Load {
    /// Of every file once. A query has none yet; its name and the time stand for it, so that every load of it is a
    /// batch of its own.
    pub(super) fn fingerprints(&self, inputs: &[Input]) -> Result<HashMap<PathBuf, Fingerprint>> {
        let mut prints: HashMap<PathBuf, Fingerprint> = HashMap::new();
        for input in inputs {
            if prints.contains_key(&input.path) {
                continue;
            }
            let print = if input.member.is_query() {
                Fingerprint::of_stream(&input.path, 0, format!("asked at {}", self.at))
            } else {
                Fingerprint::take(&input.path)?
            };
            prints.insert(input.path.clone(), print);
        }
        Ok(prints)
    }

    /// What the feeds meant when they were last loaded.
    pub(super) fn definitions(&mut self) -> Result<FeedDefinitions> {
        let base = self.tx()?.base().clone();
        let table = self.handle.block_on(self.warehouse.table(&base, system::FEED_DEFINITION))?;
        let files = table.map(|t| t.files).unwrap_or_default();
        FeedDefinitions::read(files.iter().map(|file| self.get(system::FEED_DEFINITION, file)))
    }

    /// What was loaded before.
    pub(super) fn loaded(&mut self) -> Result<Loaded> {
        let base = self.tx()?.base().clone();
        self.handle.block_on(loaded(&self.warehouse, &base))
    }

    /// Leaves out inputs whose very content was loaded by the same feed before, unless the feed means something else
    /// now and that was accepted: then the files are what the change is for.
    pub(super) fn skip_loaded(
        &self,
        inputs: Vec<Input>,
        prints: &HashMap<PathBuf, Fingerprint>,
        known: &Loaded,
        definitions: &FeedDefinitions,
    ) -> (Vec<Input>, Vec<(String, String)>) {
        let (mut fresh, mut skipped) = (Vec::new(), Vec::new());
        for input in inputs {
            let again = self.request.accept_mapping_change && definitions.changed(&input.feed);
            match known.get(&loaded_key(&input, &prints[&input.path].hash)) {
                Some(batch) if !again => skipped.push((input.label(), batch.clone())),
                _ => fresh.push(input),
            }
        }
        (fresh, skipped)
    }
}

/// What was loaded before, as of `commit`.
pub(in crate::ingest) async fn loaded(warehouse: &Warehouse, commit: &Commit) -> Result<Loaded> {
    let mut known = Loaded::new();
    let Some(table) = warehouse.table(commit, system::INGEST_FILE).await? else { return Ok(known) };
    for batch in get_rows(warehouse, &table.name, &table.files).await? {
        let text = |i: usize| batch.column(i).as_string::<i32>();
        for r in 0..batch.num_rows() {
            let key =
                (text(2).value(r).to_owned(), text(5).value(r).to_owned(), member_part(text(3).value(r)));
            known.insert(key, text(0).value(r).to_owned());
        }
    }
    Ok(known)
}

/// What an input is known by.
pub(in crate::ingest) fn loaded_key(input: &Input, hash: &str) -> (String, String, String) {
    (input.feed.name.clone(), hash.to_owned(), member_part(&input.label()))
}

/// The part of a label that tells members of one file apart: `!entry` or `[sheet]`, not the file's name, so that a
/// renamed copy of a loaded file is still known.
fn member_part(label: &str) -> String {
    match label.find(['!']).or_else(|| label.rfind(" [")) {
        Some(i) => label[i..].to_owned(),
        None => String::new(),
    }
}
