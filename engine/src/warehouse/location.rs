//! Where a warehouse lies: a local directory, or a prefix of a bucket that speaks S3.
//!
//! Turns what a person wrote into a store rooted at the warehouse, and brings the definitions of a remote warehouse
//! to this machine. Which keys a store is opened with is the environment's business (`AWS_…`), never an argument.

use std::path::PathBuf;
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::path::Path as StorePath;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt};
use tempfile::TempDir;
use url::Url;

use super::s3;
use crate::{EngineError, Result};

/// An opened place.
pub(super) struct Place {
    /// Ends with a slash, so that table folders can be joined to it.
    pub url: Url,
    /// Rooted at the warehouse.
    pub store: Arc<dyn ObjectStore>,
    /// The directory, when it is one.
    pub local: Option<PathBuf>,
}

/// Opens the place a person named.
///
/// # Errors
/// When it is of a kind Assay does not speak, or the store is not set up.
pub(super) fn connect(location: &str) -> Result<Place> {
    if s3::is_url(location) {
        let (url, prefix) = s3::parse(location)?;
        let bucket = s3::bucket(&url)?;
        let url = Url::parse(&format!("{}/", url.as_str().trim_end_matches('/')))
            .map_err(|e| EngineError::input(format!("{location}: {e}")))?;
        let store: Arc<dyn ObjectStore> =
            if prefix.as_ref().is_empty() { bucket } else { Arc::new(PrefixStore::new(bucket, prefix)) };
        return Ok(Place { url, store, local: None });
    }
    if location.contains("://") && !location.starts_with("file://") {
        return Err(EngineError::input(format!(
            "{location}: a warehouse lies in a directory or in an object store that speaks S3 (s3://bucket/prefix); \
             other stores are not built. Many of them have an S3 interface: name it in AWS_ENDPOINT_URL and use s3://"
        )));
    }
    let plain = location.strip_prefix("file://").unwrap_or(location);
    let path = std::path::absolute(plain).map_err(EngineError::file(plain))?;
    std::fs::create_dir_all(&path).map_err(EngineError::file(path.clone()))?;
    let url = Url::from_directory_path(&path)
        .map_err(|()| EngineError::input(format!("{} cannot be written as a URL", path.display())))?;
    let store = object_store::local::LocalFileSystem::new_with_prefix(&path)?;
    Ok(Place { url, store: Arc::new(store), local: Some(path) })
}

/// Copies `definitions/` of a remote warehouse into a folder of this machine that lives as long as the warehouse is
/// open. They are a handful of small files; those who read definitions read files.
pub(super) async fn fetch_definitions(store: &dyn ObjectStore) -> Result<Option<TempDir>> {
    let root = StorePath::from("definitions");
    let found: Vec<_> = store.list(Some(&root)).try_collect().await?;
    if found.is_empty() {
        return Ok(None);
    }
    let folder = tempfile::Builder::new().prefix("assay-definitions-").tempdir()?;
    for object in found {
        let Some(parts) = object.location.prefix_match(&root) else { continue };
        let path = parts.fold(folder.path().to_owned(), |path, part| path.join(part.as_ref()));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(EngineError::file(parent))?;
        }
        let body = store.get(&object.location).await?.bytes().await?;
        std::fs::write(&path, body).map_err(EngineError::file(&path))?;
    }
    Ok(Some(folder))
}
