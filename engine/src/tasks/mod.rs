//! Tasks: from the hits and scores of one scan to one task per taxpayer, and to the workbook an office fills in.
//!
//! [`merge()`] folds all hits of a taxpayer into one graded, numbered, routed [`Task`] and keeps each hit as a
//! [`TaskItem`]; [`export_xlsx`], [`export_csv`] and [`export_parquet`] write the list. Everything an officer reads is
//! copied into the task when it is made, so that a later change of the catalogue does not change a list already sent.
//! Scoring, storing and reading the lists that come back are not done here.

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
mod text;
mod words;
mod workbook;

/// What every workbook that goes to an office is made with.
pub(crate) mod book {
    pub(crate) use super::columns::Cell;
    pub(crate) use super::export::UNKNOWN_NAME;
    pub(crate) use super::files::{free_path, safe_name, write_whole};
    pub(crate) use super::sheet::{Formats, margins, page_setup, protect, row_height};
    pub(crate) use super::workbook::{column_number, row_number, write_cell};
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use columns::{Cell, Column, KEY_COLUMN, Width, list_columns, list_row};
pub use error::TaskError;
pub use export::{ExportedFile, date_text, export_csv, export_parquet, export_xlsx};
pub use feedback::{
    CONCLUSIONS, EXCLUSION_REASONS, FeedbackColumn, FeedbackKind, HANDLINGS, feedback_columns,
};
pub(crate) use files::write_text;
pub(crate) use merge::days;
pub use merge::{MergeInput, TaskOptions, merge};
pub use model::{Task, TaskItem, Tasks};
pub use number::{UNKNOWN_OFFICE, check_character, row_key, task_no};
pub use response::{GradeDays, RESPONSE_POLICY, ResponsePolicy};
pub use text::IndicatorText;
pub(crate) use text::{yuan as money_zh, yuan_en as money_en};
pub use words::grade as grade_zh;
pub use workbook::{HEADER_ROW, LIST_SHEET};
