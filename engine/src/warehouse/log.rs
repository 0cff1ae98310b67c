//! The warehouse's commit log: `commits/<n>.json`, each naming the Delta version of every table.
//! A commit is one conditional put, so it happens whole or not at all.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use serde::{Deserialize, Serialize};

use crate::{EngineError, Result};

/// One state of the whole warehouse.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Commit {
    /// 1, 2, 3 …; 0 is the empty warehouse.
    pub id: u64,
    /// When, Asia/Shanghai local time.
    pub at: String,
    /// What was done: `ingest`, `rollup`, `scan`, `recover`.
    pub operation: String,
    /// The transaction that wrote it.
    pub transaction: String,
    /// Version of Assay.
    pub code: String,
    /// Table name → Delta version.
    pub tables: BTreeMap<String, u64>,
    /// What the operation wants to remember (batch, as-of period, definition hash).
    #[serde(default)]
    pub info: serde_json::Value,
}

fn path(id: u64) -> Path {
    Path::from(format!("commits/{id:020}.json"))
}

pub(super) async fn newest(store: &dyn ObjectStore) -> Result<Commit> {
    let mut newest: Option<Path> = None;
    let mut listing = store.list(Some(&Path::from("commits")));
    while let Some(found) = listing.try_next().await? {
        let is_commit = found.location.filename().is_some_and(|f| f.len() == 25 && f.ends_with(".json"));
        if is_commit && newest.as_ref().is_none_or(|n| n < &found.location) {
            newest = Some(found.location);
        }
    }
    match newest {
        None => Ok(Commit::default()),
        Some(location) => open(store, &location).await,
    }
}

/// The commit of a number; 0 is the empty warehouse.
pub(super) async fn read(store: &dyn ObjectStore, id: u64) -> Result<Commit> {
    if id == 0 { Ok(Commit::default()) } else { open(store, &path(id)).await }
}

async fn open(store: &dyn ObjectStore, location: &Path) -> Result<Commit> {
    let body = store.get(location).await?.bytes().await?;
    serde_json::from_slice(&body)
        .map_err(|e| EngineError::Warehouse(format!("{location} is damaged ({e}); restore it from a backup")))
}

/// Appends `commit`, or fails because another took its number.
pub(super) async fn append(store: &dyn ObjectStore, commit: &Commit) -> Result<()> {
    if try_append(store, commit).await? {
        return Ok(());
    }
    Err(EngineError::Warehouse(
        "another assay process committed meanwhile; nothing was changed, run the command again".into(),
    ))
}

/// Appends `commit`; `false` when another took its number.
pub(super) async fn try_append(store: &dyn ObjectStore, commit: &Commit) -> Result<bool> {
    let body = serde_json::to_vec_pretty(commit)?;
    match store.put_opts(&path(commit.id), body.into(), PutMode::Create.into()).await {
        Ok(_) => Ok(true),
        Err(object_store::Error::AlreadyExists { .. }) => {
            // A put that a store answers with an error is tried again, and may have been done the first time.
            let body = store.get(&path(commit.id)).await?.bytes().await?;
            let found: Commit = serde_json::from_slice(&body)?;
            Ok(found.transaction == commit.transaction)
        }
        Err(e) => Err(e.into()),
    }
}
