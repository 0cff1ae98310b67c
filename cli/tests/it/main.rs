//! The `assay` binary as its users meet it: commands in, tables, messages and exit codes out.
//!
//! Every test works in a temporary folder with a warehouse of its own. Tests that need something the machine may
//! not have (the real data set, a command, the right to mount) say `SKIPPED` and why.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_files;
mod bad_rows;
mod bad_warehouse;
mod cross_audit;
mod cross_audit_oracle;
mod dbf;
mod demo;
mod dirty_economy;
mod einvoices;
mod etax;
mod evolution;
mod formats;
mod generate;
mod generate_files;
mod golden;
mod inbox;
mod indicators;
mod ledger;
mod links;
mod mapping;
mod misread;
mod nights;
mod object_store;
mod personal;
mod policies;
mod postgres;
mod quality;
mod reconcile;
mod refunds;
mod repairs;
mod sources;
mod support;
mod tasks;
mod taxpayer;
mod versions;
mod workbooks;
