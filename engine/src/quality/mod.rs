//! Data quality: rules over the canonical tables, measured where data changed, every failing row kept.
//!
//! Rules are TOML (`datasets/quality/`, a warehouse's own in `definitions/quality/`). `pass` runs all row rules of a
//! table over a unit in one reading, `query` those between rows and tables, `months` looks at months as a whole,
//! `delivered` knows what feeds do not bring at all, `loads` what could not be read, `refresh` puts results into
//! `quality_*` tables in one commit, `report` makes a page of them. Repairing data is not done here.

mod catalogue;
mod check;
mod compile;
mod delivered;
mod failure;
mod loads;
mod measure;
mod months;
mod parse;
mod pass;
mod place;
mod query;
mod refresh;
pub mod report;
mod rule;
mod score;
mod stale;
pub mod tables;
mod template;
mod testrow;

pub use catalogue::{Rules, load_rules};
pub use check::check;
pub use query::sql as query_sql;
pub use refresh::{QualitySummary, refresh};
pub use rule::{Claim, Dimension, Kind, Owner, Rule, Severity, Window};
pub use score::{By, GRADES, grade, shown_sql as shown_score_sql, sql as score_sql};
