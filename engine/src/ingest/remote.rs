//! Input files in an object store: listed by pattern, brought to this machine as they are needed for a load, and gone
//! when it ends. Readers and fingerprints then see files like any other.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::TryStreamExt;
use glob::{MatchOptions, Pattern};
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use url::Url;

use crate::warehouse::s3;
use crate::{EngineError, Result};

/// Files brought here; they are removed when this is dropped.
pub struct Fetched {
    folder: Option<TempDir>,
}

impl Fetched {
    /// An error with the object's address where it names our copy.
    pub fn explain(&self, error: EngineError) -> EngineError {
        let Some(folder) = &self.folder else { return error };
        let root = format!("{}/", folder.path().display());
        match error {
            EngineError::Input(message) => EngineError::Input(message.replace(&root, "s3://")),
            EngineError::File { path, source } => EngineError::File {
                path: PathBuf::from(path.display().to_string().replace(&root, "s3://")),
                source,
            },
            other => other,
        }
    }
}

/// Replaces every `s3://` address or pattern in `files` by the copies of what it names.
pub async fn fetch(files: &mut Vec<String>) -> Result<Fetched> {
    if !files.iter().any(|f| s3::is_url(f)) {
        return Ok(Fetched { folder: None });
    }
    let folder = tempfile::Builder::new().prefix("assay-inputs-").tempdir()?;
    let mut here = Vec::with_capacity(files.len());
    for name in std::mem::take(files) {
        if !s3::is_url(&name) {
            here.push(name);
            continue;
        }
        let (bucket, objects) = list(&name).await?;
        if objects.is_empty() {
            return Err(EngineError::input(format!("{name}: no such object")));
        }
        for object in objects {
            let root = folder.path().join(&bucket.name);
            let path = copy(&bucket.store, &object, &root)
                .await
                .map_err(|e| s3::explain(&format!("s3://{}/{object}", bucket.name), &e))?;
            here.push(path.display().to_string());
        }
    }
    *files = here;
    Ok(Fetched { folder: Some(folder) })
}

/// A bucket and its client.
pub struct Bucket {
    /// Name.
    pub name: String,
    /// Rooted at the bucket.
    pub store: Arc<dyn ObjectStore>,
}

/// The objects an address or pattern names, in order; `*` and `?` stay within one folder, `**` does not.
pub async fn list(name: &str) -> Result<(Bucket, Vec<StorePath>)> {
    let rest = name.strip_prefix("s3://").unwrap_or(name);
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let wrong =
        |why: String| EngineError::input(format!("{name}: {why}; write s3://BUCKET/KEY or a pattern"));
    if key.is_empty() {
        return Err(wrong("no object".into()));
    }
    // Not the whole as a URL: `?` and `#` are part of keys and patterns here.
    let url = Url::parse(&format!("s3://{bucket}")).map_err(|e| wrong(e.to_string()))?;
    let (url, _) = s3::parse(url.as_str())?;
    let bucket = Bucket { name: bucket.to_owned(), store: s3::bucket(&url)? };
    let explain = |e: object_store::Error| s3::explain(name, &e);
    let is_pattern = key.contains(['*', '?', '[']);
    let objects = if is_pattern {
        matching(&bucket.store, key).await.map_err(wrong)?.map_err(explain)?
    } else {
        Vec::new()
    };
    if !objects.is_empty() {
        return Ok((bucket, objects));
    }
    // A key may have the characters of a pattern in its name.
    let exact = StorePath::parse(key).map_err(|e| wrong(e.to_string()))?;
    match bucket.store.head(&exact).await {
        Ok(_) => Ok((bucket, vec![exact])),
        Err(object_store::Error::NotFound { .. }) => Ok((bucket, Vec::new())),
        Err(e) => Err(explain(e)),
    }
}

type Listed = std::result::Result<Vec<StorePath>, object_store::Error>;

/// The objects whose keys match, in order; the outer error says what is wrong with the pattern.
async fn matching(store: &Arc<dyn ObjectStore>, key: &str) -> std::result::Result<Listed, String> {
    let pattern = Pattern::new(key).map_err(|e| e.to_string())?;
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    // What stands before the first pattern narrows the listing.
    let fixed: Vec<&str> = key.split('/').take_while(|part| !part.contains(['*', '?', '['])).collect();
    let prefix = StorePath::parse(fixed.join("/")).map_err(|e| e.to_string())?;
    let prefix = Some(prefix).filter(|p| !p.as_ref().is_empty());
    let found: std::result::Result<Vec<_>, _> = store.list(prefix.as_ref()).try_collect().await;
    Ok(found.map(|found| {
        let keys = found.into_iter().map(|o| o.location);
        let mut objects: Vec<StorePath> =
            keys.filter(|k| pattern.matches_with(k.as_ref(), options)).collect();
        objects.sort();
        objects
    }))
}

/// Streams an object into a file under `root`, at the place it has in its bucket.
async fn copy(
    store: &Arc<dyn ObjectStore>,
    object: &StorePath,
    root: &Path,
) -> Result<PathBuf, object_store::Error> {
    let local = |e: std::io::Error| object_store::Error::Generic { store: "local copy", source: Box::new(e) };
    let path = object.parts().fold(root.to_owned(), |path, part| path.join(part.as_ref()));
    if let Some(parent) = path.parent() {
        tokio::fs::create_dir_all(parent).await.map_err(local)?;
    }
    let mut file = tokio::fs::File::create(&path).await.map_err(local)?;
    let mut body = store.get(object).await?.into_stream();
    while let Some(piece) = body.try_next().await? {
        file.write_all(&piece).await.map_err(local)?;
    }
    file.flush().await.map_err(local)?;
    Ok(path)
}
