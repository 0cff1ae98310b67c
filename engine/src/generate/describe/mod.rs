//! Does a generated warehouse look like an economy? Counts, sizes and partners of firms, first digits, tax burdens by
//! industry against published ranges, corrections, and what schemes were planted: as tables, and as a page with
//! charts. It describes; what follows from a figure is for the reader.

mod charts;
mod page;
mod query;
mod sections;
mod tail;

use arrow::array::RecordBatch;
use assay_sql::SessionOptions;

pub use sections::Section;
pub use tail::Distribution;

use crate::Result;
use crate::warehouse::Warehouse;
use crate::warehouse::session::{self, Access};
use query::Statistics;

/// What is known beside the warehouse's own tables.
#[derive(Debug, Clone, Default)]
pub struct Background {
    /// Published VAT burdens.
    pub burdens: Vec<BurdenRange>,
    /// Labels of the planted schemes: `taxpayer_id`, `scheme`, `role`, `from_period`, `to_period`, `amount`.
    pub truth: Option<RecordBatch>,
}

/// Within which range an industry's VAT over its taxed sales is to lie.
#[derive(Debug, Clone, PartialEq)]
pub struct BurdenRange {
    /// Industry code as in `taxpayer.industry_code`.
    pub industry: String,
    /// Lowest, as a fraction.
    pub low: f64,
    /// Highest, as a fraction.
    pub high: f64,
}

/// A described warehouse.
#[derive(Debug, Clone)]
pub struct Description {
    /// Parts in the order they are shown.
    pub sections: Vec<Section>,
}

/// Reads the newest state of the warehouse.
///
/// # Errors
/// When a query fails.
pub async fn describe(
    warehouse: &Warehouse,
    background: &Background,
    options: &SessionOptions,
) -> Result<Description> {
    let commit = warehouse.head().await?;
    let context = session::open(warehouse, &commit, Access::Open, options).await?;
    let statistics = Statistics::collect(&context).await?;
    Ok(Description { sections: sections::sections(&statistics, background)? })
}

impl Description {
    /// The page, complete in itself: styles and charts are inside.
    ///
    /// # Errors
    /// When the template cannot be filled: a mistake in this crate.
    pub fn html(&self) -> Result<String> {
        page::render(self)
    }
}
