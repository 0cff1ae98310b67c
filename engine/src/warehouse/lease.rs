//! One writer at a time on an object store, where no system releases the lock of a process that died.
//!
//! The lock is one object, changed by conditional puts only: it names its holder and the time until which the holder
//! is believed alive, and the holder renews it in the background. Whoever finds it past that time takes it over
//! (conditional on the object being unchanged), and the former holder, should it live after all, finds its renewal
//! refused and does not commit. Clocks may differ by less than the time a lock lasts; where they differ by more, the
//! commit log still decides: whoever takes over appends to it before it touches anything (see `transaction`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{TimeZone, Utc};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, UpdateVersion};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::s3;
use crate::{EngineError, Result};

/// The lock's object.
const OBJECT: &str = "writer.lease";
/// How long a silent holder is believed alive, in seconds, unless `ASSAY_LEASE_SECONDS` says otherwise.
const SECONDS: u64 = 60;
/// How often taking the lock is tried again when another changes it at the same moment.
const ATTEMPTS: usize = 5;

/// What the object says.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
struct Note {
    /// Unique to one holding of the lock.
    holder: String,
    /// Machine and process, for people.
    host: String,
    process: u32,
    /// Milliseconds since 1970, UTC; past it the lock is free. 0: given back.
    until: i64,
}

/// The lock while it is held. Dropping it gives it back, if the store can still be reached.
#[derive(Debug)]
pub(super) struct Lease {
    shared: Arc<Shared>,
    renewal: JoinHandle<()>,
    released: AtomicBool,
}

#[derive(Debug)]
struct Shared {
    store: Arc<dyn ObjectStore>,
    location: String,
    note: Note,
    length: Duration,
    /// The object as we last wrote it; `None` once it is no longer ours.
    version: Mutex<Option<UpdateVersion>>,
}

impl Lease {
    /// Takes the lock of the warehouse at `location`.
    ///
    /// # Errors
    /// When another holds it, or the store cannot do conditional puts.
    pub async fn take(store: &Arc<dyn ObjectStore>, location: &str) -> Result<Self> {
        let seconds = std::env::var("ASSAY_LEASE_SECONDS").ok().and_then(|s| s.parse().ok());
        Self::take_for(store, location, Duration::from_secs(seconds.unwrap_or(SECONDS).max(1))).await
    }

    async fn take_for(store: &Arc<dyn ObjectStore>, location: &str, length: Duration) -> Result<Self> {
        let nanos = Utc::now().timestamp_nanos_opt().unwrap_or_default();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let note = Note {
            holder: format!("{nanos:016x}{:08x}", std::process::id()),
            host: if host.trim().is_empty() { "unknown host".into() } else { host.trim().to_owned() },
            process: std::process::id(),
            until: 0,
        };
        let shared = Arc::new(Shared {
            store: Arc::clone(store),
            location: location.to_owned(),
            note,
            length,
            version: Mutex::new(None),
        });
        for _ in 0..ATTEMPTS {
            if shared.try_take().await? {
                let renewal = tokio::spawn(renew_always(Arc::clone(&shared)));
                return Ok(Self { shared, renewal, released: AtomicBool::new(false) });
            }
        }
        Err(EngineError::Warehouse(format!(
            "other assay processes are taking turns writing to {location}; run the command again"
        )))
    }

    /// Makes sure that the lock is still ours and stays so for its whole length from now.
    ///
    /// # Errors
    /// When it was lost: whatever was going on must not be committed.
    pub async fn check(&self) -> Result<()> {
        match self.shared.renew().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(EngineError::Warehouse(format!(
                "the writer's lock of {} was lost: another process took over, as this one was silent for over {} s or \
                 the store gave it to both at once. Nothing was changed; run the command again",
                self.shared.location,
                self.shared.length.as_secs()
            ))),
            Err(error) => Err(s3::explain(&self.shared.location, &error)),
        }
    }

    /// Gives the lock back. What fails here lets it run out by itself.
    pub async fn release(&self) {
        self.renewal.abort();
        if !self.released.swap(true, Ordering::SeqCst) {
            self.shared.give_back().await;
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
        if self.released.swap(true, Ordering::SeqCst) {
            return;
        }
        let Ok(handle) = Handle::try_current() else { return };
        let shared = Arc::clone(&self.shared);
        let (sender, receiver) = std::sync::mpsc::channel();
        handle.spawn(async move {
            shared.give_back().await;
            let _ = sender.send(());
        });
        // The process may end right after this; one thread cannot wait for itself, though.
        if handle.runtime_flavor() == RuntimeFlavor::MultiThread {
            let _ = receiver.recv_timeout(Duration::from_secs(5));
        }
    }
}

impl Shared {
    fn path(&self) -> Path {
        Path::from(OBJECT)
    }

    fn held(&self) -> Note {
        let length = i64::try_from(self.length.as_millis()).unwrap_or(i64::MAX);
        Note { until: Utc::now().timestamp_millis().saturating_add(length), ..self.note.clone() }
    }

    /// One attempt; `false` when another was faster.
    async fn try_take(&self) -> Result<bool> {
        let explain = |e: Error| s3::explain(&self.location, &e);
        let mode = match self.read().await.map_err(explain)? {
            None => PutMode::Create,
            Some((note, version)) => {
                if let Some(note) = note.filter(|n| n.until > Utc::now().timestamp_millis()) {
                    // A put that was answered by an error may have been done all the same.
                    if note.holder == self.note.holder {
                        *self.version.lock().await = Some(version);
                        return Ok(true);
                    }
                    return Err(self.busy(&note));
                }
                PutMode::Update(version)
            }
        };
        let body = serde_json::to_vec(&self.held())?;
        match self.store.put_opts(&self.path(), body.into(), mode.into()).await {
            Ok(_) => {}
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. }) => {
                return Ok(false);
            }
            Err(e) => return Err(explain(e)),
        }
        // Read back: a store that lets two conditional puts through at once keeps one of them.
        match self.read().await.map_err(explain)? {
            Some((Some(note), version)) if note.holder == self.note.holder => {
                *self.version.lock().await = Some(version);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn busy(&self, note: &Note) -> EngineError {
        let until = Utc.timestamp_millis_opt(note.until).single();
        let until = until.map(|t| t.format("%H:%M:%S UTC").to_string()).unwrap_or_default();
        EngineError::Warehouse(format!(
            "another assay process is writing to {} (process {} on {}); wait until it is done and run the command \
             again. If it was killed, its lock ends at {until}",
            self.location, note.process, note.host
        ))
    }

    /// The object as it is: its note (`None` when damaged) and version.
    async fn read(&self) -> Result<Option<(Option<Note>, UpdateVersion)>, Error> {
        match self.store.get(&self.path()).await {
            Ok(found) => {
                let version =
                    UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
                let body = found.bytes().await?;
                Ok(Some((serde_json::from_slice(&body).ok(), version)))
            }
            Err(Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Writes a new time; `false` when the object is no longer ours.
    async fn renew(&self) -> Result<bool, Error> {
        self.write(&self.held()).await
    }

    async fn give_back(&self) {
        // It runs out by itself when this fails.
        let _ = self.write(&Note { until: 0, ..self.note.clone() }).await;
        *self.version.lock().await = None;
    }

    async fn write(&self, note: &Note) -> Result<bool, Error> {
        let mut version = self.version.lock().await;
        for _ in 0..ATTEMPTS {
            let Some(known) = version.clone() else { return Ok(false) };
            let body = serde_json::to_vec(note).unwrap_or_default();
            match self.store.put_opts(&self.path(), body.into(), PutMode::Update(known).into()).await {
                Ok(put) => {
                    *version = Some(put.into());
                    return Ok(true);
                }
                Err(Error::Precondition { .. } | Error::AlreadyExists { .. } | Error::NotFound { .. }) => {
                    // An earlier renewal may have been done though it was answered by an error, or was cut off.
                    *version = match self.read().await? {
                        Some((Some(found), now)) if found.holder == self.note.holder && found.until > 0 => {
                            Some(now)
                        }
                        _ => None,
                    };
                }
                Err(e) => return Err(e),
            }
        }
        Ok(false)
    }
}

async fn renew_always(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(shared.length / 3).await;
        match shared.renew().await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!("the writer's lock of {} was taken over", shared.location);
                return;
            }
            // Reached again in time, it is still ours; otherwise the check before the commit finds out.
            Err(error) => tracing::warn!("renewing the writer's lock of {}: {error}", shared.location),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use object_store::memory::InMemory;

    use super::*;

    fn store() -> Arc<dyn ObjectStore> {
        Arc::new(InMemory::new())
    }

    #[tokio::test]
    async fn held_by_one_and_given_back() {
        let store = store();
        let first = Lease::take_for(&store, "s3://b/wh", Duration::from_secs(60)).await.unwrap();
        let refused = Lease::take_for(&store, "s3://b/wh", Duration::from_secs(60)).await.unwrap_err();
        assert!(refused.to_string().contains("another assay process is writing to s3://b/wh"), "{refused}");
        first.check().await.unwrap();
        first.release().await;
        let second = Lease::take_for(&store, "s3://b/wh", Duration::from_secs(60)).await.unwrap();
        assert!(first.check().await.is_err(), "given back is given back");
        second.check().await.unwrap();
    }

    #[tokio::test]
    async fn renewed_while_held_and_taken_over_when_silent() {
        let store = store();
        let length = Duration::from_millis(300);
        let first = Lease::take_for(&store, "s3://b/wh", length).await.unwrap();
        tokio::time::sleep(length * 3).await;
        assert!(Lease::take_for(&store, "s3://b/wh", length).await.is_err(), "it was renewed meanwhile");
        // As after kill -9: no more renewals.
        first.renewal.abort();
        tokio::time::sleep(length * 2).await;
        let second = Lease::take_for(&store, "s3://b/wh", Duration::from_secs(60)).await.unwrap();
        let lost = first.check().await.unwrap_err().to_string();
        assert!(lost.contains("was lost") && lost.contains("run the command again"), "{lost}");
        // What the former holder does on its way out leaves the new one's lock alone.
        first.release().await;
        second.check().await.unwrap();
    }

    #[tokio::test]
    async fn of_many_one_gets_it() {
        let store = store();
        let tries = (0..8).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { Lease::take_for(&store, "s3://b/wh", Duration::from_secs(60)).await })
        });
        let mut held = Vec::new();
        for attempt in tries.collect::<Vec<_>>() {
            held.extend(attempt.await.unwrap());
        }
        assert_eq!(held.len(), 1);
    }
}
