//! Generated data on their way out: an economy's rows as files the way departments send them, dirty on request, and
//! a description of a generated warehouse that shows whether it looks like an economy.
//!
//! The rows themselves come from `assay_datasets::economy`; nothing here draws a firm or an invoice.

pub mod describe;
pub mod dirt;
mod economy;
pub mod files;
mod replaced;
#[cfg(test)]
mod samples;
pub mod warehouse;

pub use describe::{Background, BurdenRange, Description, describe};
pub use dirt::{DirtOptions, TRUTH_FOLDER};
pub use economy::{EconomyRows, background};
pub use files::{
    FileOptions, Format, Headers, MemoryRows, RowPart, Rows, Selection, TextEncoding, Written, write_files,
};
pub use warehouse::write_warehouse;
