//! Canonical schemas, source mappings, code lists and the synthetic economy.
//!
//! What the data look like is defined here once, as data (TOML) turned into Arrow; nothing in this crate reads a
//! warehouse, and nothing above it defines a canonical column.

pub mod codes;
pub mod economy;
pub mod mapping;
pub mod quality;
pub mod repairs;
pub mod schema;
