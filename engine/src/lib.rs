//! Assay's engine: the warehouse, ingestion, rollups, scans and tasks.
//!
//! Data runs one way: [`ingest`] turns files into canonical tables of the [`warehouse`], [`rollup`] condenses
//! invoices by taxpayer and month, [`cross_audit`] holds deduction claims against them, [`quality`] measures how good the data is, [`scan`] judges every taxpayer by every indicator, [`tasks`] merges the
//! hits into one task per taxpayer. Nothing here prints or parses arguments: that is the command line's job.

pub mod cross_audit;
pub mod error;
pub mod generate;
pub mod identity;
pub mod ingest;
pub mod mapping;
pub mod quality;
pub mod rollup;
pub mod scan;
pub mod tasks;
pub mod warehouse;

pub use error::{EngineError, Result};
