//! Assay's engine: the warehouse, ingestion, rollups, scans and tasks.
//!
//! Data runs one way: [`ingest`] turns files into canonical tables of the [`warehouse`], [`rollup`] condenses
//! invoices by taxpayer and month, [`cross_audit`] holds deduction claims against them, [`quality`] measures how good the data is,
//! [`scan`] judges every taxpayer by every indicator, [`ledger`] hands its tasks, one a taxpayer, to those who follow them up, [`pages`]
//! shows all there is about one taxpayer or one task, [`refunds`] keeps the queue of refunds of credit. Nothing here prints or parses arguments: that is the command line's job.

pub mod cross_audit;
pub mod error;
pub mod generate;
pub mod identity;
pub mod ingest;
pub mod ledger;
pub mod mapping;
pub mod pages;
pub mod policy;
pub mod quality;
pub mod refunds;
pub mod rollup;
pub mod scan;
pub mod warehouse;

pub use error::{EngineError, Result};
