//! Object stores that speak S3: one client a bucket, set up from the environment, and the handlers by which the
//! Delta library reaches the same client.
//!
//! The Delta library comes without handlers for `s3://`; ours hand it the store Assay itself uses and its default
//! log store, whose commits are conditional puts (`If-None-Match`). A store that ignores the condition is of no use
//! here, as two writers would overwrite each other's commits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use deltalake_core::logstore::{
    LogStore, LogStoreFactory, ObjectStoreFactory, ObjectStoreRef, StorageConfig, default_logstore,
    logstore_factories, object_store_factories,
};
use deltalake_core::{DeltaResult, DeltaTableError};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as StorePath;
use object_store::{ClientConfigKey, ObjectStore, RetryConfig};
use url::Url;

use crate::{EngineError, Result};

/// How an object store is set up, for messages.
pub(crate) const SETUP: &str = "an object store is set up by AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, \
     for a server without TLS, AWS_ALLOW_HTTP=true";

/// Whether `location` names an object of an S3 store.
pub(crate) fn is_url(location: &str) -> bool {
    location.starts_with("s3://")
}

/// The URL and the path inside the bucket.
pub(crate) fn parse(location: &str) -> Result<(Url, StorePath)> {
    let wrong = |why: String| {
        EngineError::input(format!("{location}: {why}; an object store's address is s3://BUCKET/PREFIX"))
    };
    let url = Url::parse(location).map_err(|e| wrong(e.to_string()))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("no bucket".into()));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(EngineError::input(format!(
            "s3://{}…: an address holds no keys and no options; {SETUP}",
            url.host_str().unwrap_or_default()
        )));
    }
    let path = StorePath::from_url_path(url.path()).map_err(|e| wrong(e.to_string()))?;
    Ok((url, path))
}

/// The client of the URL's bucket, rooted at the bucket; made once a process.
pub(crate) fn bucket(url: &Url) -> Result<Arc<dyn ObjectStore>> {
    static CLIENTS: OnceLock<Mutex<HashMap<String, Arc<dyn ObjectStore>>>> = OnceLock::new();
    register();
    let name = url.host_str().unwrap_or_default().to_owned();
    let clients = CLIENTS.get_or_init(Mutex::default);
    let mut clients = clients.lock().map_err(|_| EngineError::internal("the list of stores is broken"))?;
    if let Some(client) = clients.get(&name) {
        return Ok(Arc::clone(client));
    }
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(&name).with_retry(RetryConfig {
        max_retries: 6,
        retry_timeout: Duration::from_secs(60),
        ..RetryConfig::default()
    });
    // A unit has up to a few hundred megabytes; half a minute, the default, is short for a slow line.
    if std::env::var_os("AWS_TIMEOUT").is_none() {
        builder = builder.with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), "600 seconds");
    }
    let client: Arc<dyn ObjectStore> = Arc::new(
        builder
            .build()
            .map_err(|e| EngineError::input(format!("s3://{name} cannot be used: {e}; {SETUP}")))?,
    );
    clients.insert(name, Arc::clone(&client));
    Ok(client)
}

/// An error of the store, with what to do about it.
pub(crate) fn explain(location: &str, error: &object_store::Error) -> EngineError {
    use object_store::Error;
    let what = match error {
        Error::NotFound { .. } => "there is no such bucket or object".to_owned(),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            "the store refuses these keys here".to_owned()
        }
        Error::NotImplemented { .. } => {
            "the store has no conditional put (If-None-Match), without which two writers could overwrite each other"
                .to_owned()
        }
        other if other.to_string().contains("NoSuchBucket") => "there is no such bucket".to_owned(),
        other => format!("the store cannot be reached or does not answer rightly ({})", short(other)),
    };
    EngineError::Warehouse(format!("{location}: {what}; {SETUP}"))
}

/// The first line of a store's error: the rest is its own retries.
fn short(error: &object_store::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(300).collect()
}

/// Gives the Delta library our handlers for `s3://`, once.
fn register() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        if let Ok(scheme) = Url::parse("s3://") {
            object_store_factories().insert(scheme.clone(), Arc::new(Handlers));
            logstore_factories().insert(scheme, Arc::new(Handlers));
        }
    });
}

struct Handlers;

impl ObjectStoreFactory for Handlers {
    fn parse_url_opts(&self, url: &Url, _: &StorageConfig) -> DeltaResult<(ObjectStoreRef, StorePath)> {
        let store = bucket(url).map_err(|e| DeltaTableError::Generic(e.to_string()))?;
        let path =
            StorePath::from_url_path(url.path()).map_err(|e| DeltaTableError::Generic(e.to_string()))?;
        Ok((store, path))
    }
}

impl LogStoreFactory for Handlers {
    fn with_options(
        &self,
        prefixed: ObjectStoreRef,
        root: ObjectStoreRef,
        location: &Url,
        options: &StorageConfig,
    ) -> DeltaResult<Arc<dyn LogStore>> {
        Ok(default_logstore(prefixed, root, location, options))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_is_a_bucket_and_a_prefix() {
        let (url, path) = parse("s3://tax/warehouses/2026").unwrap();
        assert_eq!((url.host_str(), path.as_ref()), (Some("tax"), "warehouses/2026"));
        assert_eq!(parse("s3://tax/").unwrap().1.as_ref(), "");
        assert!(parse("s3:///x").unwrap_err().to_string().contains("s3://BUCKET/PREFIX"));
        let refused = parse("s3://key:secret@tax/x").unwrap_err().to_string();
        assert!(refused.contains("AWS_ACCESS_KEY_ID") && !refused.contains("secret@"), "{refused}");
    }
}
