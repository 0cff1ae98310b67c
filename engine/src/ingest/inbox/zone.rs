//! The landing zone as a place of files: a folder of this machine or a prefix of a bucket. It is read and nothing else.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::TryStreamExt;
use md5::{Digest, Md5};
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt};

use super::naming;
use crate::warehouse::s3;
use crate::{EngineError, Result};

/// Markers and manifests are small; what is larger is none.
const SMALL: u64 = 64 << 20;

/// A file as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Path inside the landing zone, with `/`.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// How long it has not changed; `None` when its time lies in the future.
    pub unchanged: Option<Duration>,
}

impl Arrival {
    /// The last part of its path.
    pub fn file_name(&self) -> &str {
        naming::file_name(&self.name)
    }
}

/// A landing zone.
pub enum Zone {
    /// A folder.
    Folder(PathBuf),
    /// A prefix of a bucket.
    Bucket {
        /// Rooted at the bucket.
        store: Arc<dyn ObjectStore>,
        /// Bucket.
        bucket: String,
        /// Prefix.
        prefix: StorePath,
    },
}

impl Zone {
    /// The zone at `place`.
    pub fn open(place: &str) -> Result<Self> {
        if s3::is_url(place) {
            let (url, prefix) = s3::parse(place)?;
            let bucket = url.host_str().unwrap_or_default().to_owned();
            return Ok(Self::Bucket { store: s3::bucket(&url)?, bucket, prefix });
        }
        let folder = PathBuf::from(place);
        if !folder.is_dir() {
            return Err(EngineError::input(format!(
                "{place} is no folder; --inbox names the folder into which files arrive, or s3://BUCKET/PREFIX"
            )));
        }
        Ok(Self::Folder(folder))
    }

    /// Whether it is a folder of this machine.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    /// Where a file lies on this machine.
    pub fn local(&self, name: &str) -> Option<PathBuf> {
        match self {
            Self::Folder(folder) => Some(folder.join(name)),
            Self::Bucket { .. } => None,
        }
    }

    /// What a load calls a file.
    pub fn address(&self, name: &str) -> String {
        match self {
            Self::Folder(folder) => folder.join(name).display().to_string(),
            Self::Bucket { bucket, .. } => format!("s3://{bucket}/{}", self.key(name)),
        }
    }

    fn key(&self, name: &str) -> StorePath {
        match self {
            Self::Folder(_) => StorePath::from(name),
            Self::Bucket { prefix, .. } => name.split('/').fold(prefix.clone(), |path, part| path.join(part)),
        }
    }

    /// Every file, subfolders included, but hidden ones.
    pub async fn list(&self) -> Result<Vec<Arrival>> {
        let mut found = Vec::new();
        match self {
            Self::Folder(folder) => walk(folder, "", SystemTime::now(), &mut found)?,
            Self::Bucket { store, bucket, prefix } => {
                let place = Some(prefix).filter(|p| !p.as_ref().is_empty());
                let explain = |e: object_store::Error| s3::explain(&format!("s3://{bucket}/{prefix}"), &e);
                let objects: Vec<_> = store.list(place).try_collect().await.map_err(explain)?;
                for object in objects {
                    let Some(parts) = object.location.prefix_match(prefix) else { continue };
                    let name = parts.map(|p| p.as_ref().to_owned()).collect::<Vec<_>>().join("/");
                    if !name.is_empty() && !naming::file_name(&name).starts_with('.') {
                        // An object appears whole: it has been complete for as long as it is there.
                        found.push(Arrival { name, size: object.size, unchanged: Some(Duration::MAX) });
                    }
                }
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The text of a marker or manifest.
    pub async fn text(&self, arrival: &Arrival) -> Result<String> {
        if arrival.size > SMALL {
            return Err(EngineError::input(format!(
                "{} is too large for a marker or manifest ({} bytes)",
                arrival.name, arrival.size
            )));
        }
        let bytes = match self {
            Self::Folder(folder) => {
                let path = folder.join(&arrival.name);
                std::fs::read(&path).map_err(EngineError::file(path))?
            }
            Self::Bucket { store, .. } => store.get(&self.key(&arrival.name)).await?.bytes().await?.to_vec(),
        };
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// MD5 of a file, hexadecimal, as senders put it beside their data. It shows damage on the way; it protects against
    /// nobody, and Assay uses it for nothing else.
    pub async fn md5(&self, arrival: &Arrival) -> Result<String> {
        let mut md5 = Md5::new();
        match self {
            Self::Folder(folder) => {
                let path = folder.join(&arrival.name);
                let mut file = std::fs::File::open(&path).map_err(EngineError::file(path.clone()))?;
                let mut piece = vec![0; 1 << 20];
                loop {
                    let n = file.read(&mut piece).map_err(EngineError::file(path.clone()))?;
                    if n == 0 {
                        break;
                    }
                    md5.update(&piece[..n]);
                }
            }
            Self::Bucket { store, .. } => {
                let mut body = store.get(&self.key(&arrival.name)).await?.into_stream();
                while let Some(piece) = body.try_next().await? {
                    md5.update(&piece);
                }
            }
        }
        Ok(md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

fn walk(folder: &Path, prefix: &str, now: SystemTime, found: &mut Vec<Arrival>) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(EngineError::file(folder))? {
        let entry = entry.map_err(EngineError::file(folder))?;
        let path = entry.path();
        let own = entry.file_name().to_string_lossy().into_owned();
        if own.starts_with('.') {
            continue;
        }
        let name = format!("{prefix}{own}");
        // A file that was moved away since the folder was listed has not arrived.
        let Ok(meta) = std::fs::metadata(&path) else { continue };
        if meta.is_dir() {
            walk(&path, &format!("{name}/"), now, found)?;
        } else if meta.is_file() {
            found.push(Arrival {
                name,
                size: meta.len(),
                unchanged: now.duration_since(changed(&meta)).ok(),
            });
        }
    }
    Ok(())
}

/// When the file last changed. Copying programs set a file's time to that of its original when they are done; when
/// that happened, the system's own note of the change tells.
fn changed(meta: &std::fs::Metadata) -> SystemTime {
    meta.modified().unwrap_or(SystemTime::UNIX_EPOCH).max(noted(meta))
}

#[cfg(unix)]
fn noted(meta: &std::fs::Metadata) -> SystemTime {
    use std::os::unix::fs::MetadataExt;
    let seconds = u64::try_from(meta.ctime()).unwrap_or_default();
    let nanos = u32::try_from(meta.ctime_nsec()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos)
}

#[cfg(not(unix))]
fn noted(_: &std::fs::Metadata) -> SystemTime {
    SystemTime::UNIX_EPOCH
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A message of RFC 1321, A.5, and a file read in several pieces.
    #[tokio::test]
    async fn checksums_are_those_senders_state() {
        let folder = tempfile::tempdir().unwrap();
        let zone = Zone::open(folder.path().to_str().unwrap()).unwrap();
        let of = async |bytes: &[u8]| {
            std::fs::write(folder.path().join("f"), bytes).unwrap();
            let arrival = Arrival { name: "f".into(), size: bytes.len() as u64, unchanged: None };
            zone.md5(&arrival).await.unwrap()
        };
        assert_eq!(of(b"message digest").await, "f96b697d7cb7938d525a2f31aaf161d0");
        assert_eq!(of(&vec![b'a'; 2 << 20]).await, "de89461b64701958984c95d1bfb0065a");
    }
}
