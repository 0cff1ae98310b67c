//! Peers, scorecards, ranking measures, rates and the allocation of tasks: arithmetic over plain slices and Arrow
//! columns. Knows no tables, no files and no indicators.

pub mod allocation;
pub mod measures;
pub mod peers;
pub mod rates;
pub mod scorecard;
pub mod weigh;
