//! Tasks: from the hits and scores of one scan to one task per taxpayer, and to the workbook an office fills in.
//!
//! [`merge()`] folds all hits of a taxpayer into one graded, numbered, routed [`Task`] and keeps each hit as a
//! [`TaskItem`]; [`export_xlsx`], [`export_csv`] and [`export_parquet`] write the list. Everything an officer reads is
//! copied into the task when it is made, so that a later change of the catalogue does not change a list already sent.
//! [`ledger`] is what becomes of tasks
//! afterwards. Scoring is not done here, and no warehouse is known.

pub mod ledger;

mod columns;
mod error;
mod evidence;
mod export;
mod feedback;
mod files;
mod guide;
mod inputs;
mod merge;
mod model;
mod model_read;
mod number;
mod office;
mod read;
mod response;
mod sheet;
mod suspicions;
mod text;
mod words;
mod workbook;

/// What every workbook that goes to an office is made with.
pub mod book {
    pub use super::columns::Cell;
    pub use super::export::UNKNOWN_NAME;
    pub use super::files::{free_path, safe_name, write_whole};
    pub use super::sheet::{Formats, margins, page_setup, protect, row_height};
    pub use super::workbook::{column_number, row_number, write_cell};
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use columns::{Cell, Column, KEY_COLUMN, Width, list_columns, list_row};
pub use error::TaskError;
pub use export::{Begun, ExportedFile, Filled, date_text, export_csv, export_parquet, export_xlsx};
pub use feedback::{
    CONCLUSIONS, EXCLUSION_REASONS, FeedbackColumn, FeedbackKind, HANDLINGS, feedback_columns,
};
pub use files::write_text;
pub use merge::days;
pub(crate) use merge::months_before;
pub use merge::{MergeInput, TaskOptions, merge};
pub use model::{ItemKind, Task, TaskItem, Tasks};
pub use number::{UNKNOWN_OFFICE, check_character, row_key, task_no};
pub use response::{GradeDays, RESPONSE_POLICY, ResponsePolicy};
pub use suspicions::{told_en, told_zh};
pub use text::IndicatorText;
pub use text::{NO_LEGAL_BASIS, basis_of, facts_zh, legal_basis, month_zh, quantity, warning_line};
pub use text::{yuan as money_zh, yuan_en as money_en};
pub use words::grade as grade_zh;
pub use words::{industry as industry_zh, line_source as line_source_zh, tax as tax_zh};
pub use workbook::{HEADER_ROW, LIST_SHEET};
