//! The session and its functions through SQL, as everything else uses them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aggregates;
mod planner;
mod scalars;
mod spill;

use arrow::array::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use assay_sql::{SessionOptions, new_session};
use datafusion::prelude::SessionContext;

/// A session with this many partitions and small batches, so that small tables span several.
pub fn session(threads: usize) -> SessionContext {
    new_session(&SessionOptions { threads, batch_size: 64, ..SessionOptions::default() }).unwrap()
}

/// The rows of a query in a session with two partitions.
pub async fn rows(sql: &str) -> Vec<RecordBatch> {
    query(&session(2), sql).await
}

/// The rows of a query.
pub async fn query(session: &SessionContext, sql: &str) -> Vec<RecordBatch> {
    session.sql(sql).await.unwrap().collect().await.unwrap()
}

/// The result of a query as a table.
pub async fn shown(sql: &str) -> String {
    pretty_format_batches(&rows(sql).await).unwrap().to_string()
}

/// Why a query fails, in planning or in running.
pub async fn failure(sql: &str) -> String {
    match session(2).sql(sql).await {
        Ok(frame) => frame.collect().await.unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}
