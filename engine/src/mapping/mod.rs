//! Mappings as things to look at, try and draft: finding them, showing what one makes of a file's first rows
//! ([`check()`]), and writing a first draft for a file nobody described yet ([`infer()`]).
//!
//! What a mapping means is `assay_datasets::mapping`; applying one is `ingest`.

mod assign;
mod check;
mod draft;
mod evidence;
mod infer;
mod names;
mod rows;
mod sample;
#[cfg(test)]
mod tests;

pub use check::{FeedPreview, PreviewCell, check};
pub use infer::{Draft, Guess, InferRequest, infer};

use assay_datasets::mapping::EMBEDDED;

use crate::Result;
use crate::ingest::select::mapping_text;
use crate::warehouse::Warehouse;

/// A mapping that can be named.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// `assay`, or the file it stands in.
    pub place: String,
    /// Its text.
    pub text: String,
}

/// Every mapping that can be named: the warehouse's own, then those that come with Assay.
///
/// # Errors
/// When a file of the warehouse cannot be read.
pub fn known(warehouse: Option<&Warehouse>) -> Result<Vec<Known>> {
    let mut found = Vec::new();
    if let Some(folder) = warehouse.and_then(|w| w.definitions("mappings")) {
        let mut files: Vec<_> =
            std::fs::read_dir(&folder)?.filter_map(|e| e.ok().map(|e| e.path())).collect();
        files.sort();
        for path in files.into_iter().filter(|p| p.extension().is_some_and(|e| e == "toml")) {
            let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let text = std::fs::read_to_string(&path)?;
            found.push(Known { name, place: path.display().to_string(), text });
        }
    }
    for (name, text) in EMBEDDED {
        if !found.iter().any(|k| k.name == *name) {
            found.push(Known { name: (*name).into(), place: "assay".into(), text: (*text).into() });
        }
    }
    Ok(found)
}

/// The mapping of that name or path: where it stands, and its text.
///
/// # Errors
/// When there is none.
pub fn text(warehouse: Option<&Warehouse>, name: &str) -> Result<(String, String)> {
    mapping_text(warehouse.and_then(|w| w.definitions("mappings")).as_deref(), name)
}
