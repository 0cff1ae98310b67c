//! Generated data on their way out: an economy's rows as files the way departments send them, dirty on request, and
//! a description of a generated warehouse that shows whether it looks like an economy.
//!
//! The rows themselves come from `assay_datasets::economy`; nothing here draws a firm or an invoice.

pub mod describe;
pub mod dirt;
pub mod files;
pub mod warehouse;

pub use describe::{Background, BurdenRange, Description, describe};
pub use dirt::DirtOptions;
pub use warehouse::write_warehouse;
pub use files::{
    FileOptions, Format, Headers, MemoryRows, RowPart, Rows, Selection, TextEncoding, Written, write_files,
};
