//! Identity: records that name a taxpayer without its number, linked to the register by scored, explained, reversible
//! links. Nothing is merged: a taxpayer keeps the key of its id, a record stays as it came, and whoever reads decides
//! from which score on a link counts.
//!
//! [`definition`] says where records come from and what an agreement is worth, [`records`] reads them and the register,
//! [`name`] takes names apart, [`block`] finds candidates, [`score`] and [`resolve`] judge them, [`shared_invoice`]
//! resolves anonymised codes, [`people`] links persons, [`contacts`] finds businesses registered twice, [`decision`]
//! keeps what people say, [`build`] puts it together.

pub mod block;
mod build;
mod contacts;
mod decision;
pub mod definition;
mod evaluate;
#[cfg(test)]
mod evaluation_tests;
mod explain;
pub mod id;
pub mod name;
mod people;
pub mod records;
pub mod resolve;
pub mod score;
mod shared_invoice;
mod tables;

pub use build::{BuildRequest, BuildSummary, PartSummary, build, link_names};
pub use decision::{Decision, decide};
pub use evaluate::{CUT_OFFS, Measure, Truth, measure, read_truth};
pub use tables::{BEST, DECISION, LINK, Link, RUN, best_link, links_of, specs};

/// The word lists names are read with; a change of them makes links stale.
fn word_lists() -> [&'static str; 3] {
    [
        include_str!("data/names.toml"),
        include_str!("data/former_regions.csv"),
        assay_datasets::codes::CodeList::Region.text(),
    ]
}
