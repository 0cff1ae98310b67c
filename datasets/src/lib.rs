//! Canonical schemas, source mappings, code lists, the calendar of working days and the synthetic economy.
//!
//! What the data look like is defined here once, as data (TOML) turned into Arrow; nothing in this crate reads a
//! warehouse, and nothing above it defines a canonical column.

pub mod calendar;
pub mod codes;
pub mod economy;
pub mod mapping;
pub mod quality;
pub mod repairs;
pub mod schema;
