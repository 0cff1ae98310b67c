//! Pages an officer reads: everything about one taxpayer (一户式), one task to carry along, one answer of a policy taken apart.
//!
//! Each page is one file without anything outside it, Chinese, made to be read on screen and printed on A4. Queries
//! stand in `sql/pages/`; what a page shows is plain data first, so that the same content is printed to a terminal or
//! written as JSON. Nothing here decides anything: scores, hits and findings are read as they are stored. Open tables
//! only: people, phones, addresses and devices appear by their keys.

pub(crate) mod canvas;
mod charts;
mod derivation;
pub(crate) mod figures;
pub(crate) mod render;
pub(crate) mod rows;
mod section;
mod task;
mod taxpayer;

pub use derivation::derivation_page;
pub use section::{Block, Section, State, Table};
pub use task::{SimilarCase, TaskEvent, TaskPage, TaskPageHeader, TaskPageItem, task_page};
pub use taxpayer::{PastTask, TaxpayerPage, taxpayer, taxpayer_page};

/// Style of all pages.
const STYLE: &str = include_str!("page.css");
