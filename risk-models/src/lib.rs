//! Peers, scorecards and ranking measures: arithmetic over plain slices and Arrow columns. Knows no tables, no files
//! and no indicators.

pub mod measures;
pub mod peers;
pub mod scorecard;
pub mod weigh;
