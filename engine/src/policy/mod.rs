//! Preferential policies over a warehouse: who is due what, who claims what, and why. The language and its expressions live in
//! `assay-indicators`; tasks are made elsewhere.

mod answers;
mod derivation;
mod desk;
mod late;
mod reports;
mod simulate;
mod span;
mod store;
mod tables;

use assay_indicators::policy::{Rulebook, Version};
use assay_indicators::{Catalogue, Problem};
use assay_tasks::tax_zh;

pub use answers::{Answered, Count, Finding};
pub use derivation::{Derivation, Step, explain};
pub(crate) use derivation::{yuan, yuan_if_known};
pub use late::Reopened;
pub(crate) use late::reopen;
pub use reports::{Group, Months, by_truth, policy_effect};
pub use simulate::{diff, simulate};
pub use span::{Span, SpanRequest, SpanSummary, answer_span};
pub use store::{AnswerRequest, AnswerSummary, answer};
pub(crate) use store::{ask_as_of, put};
pub use tables::{POLICY_CHANGE, POLICY_COUNT, POLICY_FINDING, POLICY_RUN, specs};

use crate::scan::load_catalogue;
use crate::warehouse::Warehouse;
use crate::{EngineError, Result};

/// The policies of a warehouse: those that come with Assay, and its own over them; with the profile columns they read.
///
/// # Errors
/// All that is wrong in any definition, each with file, line and remedy.
pub fn load_rulebook(warehouse: Option<&Warehouse>) -> Result<(Rulebook, Catalogue)> {
    let (book, catalogue, problems) = read_rulebook(warehouse)?;
    if problems.is_empty() {
        Ok((book, catalogue))
    } else {
        Err(EngineError::Definitions(problems.iter().map(ToString::to_string).collect()))
    }
}

/// What the limb of a small enterprise by settlement ends with.
const MICRO: &str = "_micro";

/// The tax a limb is about, in Chinese, where it is about one.
pub(crate) fn limb_tax_zh(version: &Version) -> Option<&str> {
    let part = version.part.as_deref()?;
    let tax = part.strip_suffix(MICRO).unwrap_or(part);
    Some(tax_zh(tax)).filter(|zh| *zh != tax)
}

/// The policies that can be read, and what is wrong with the others.
///
/// # Errors
/// When a file cannot be read, or an indicator's definition is wrong.
pub fn read_rulebook(warehouse: Option<&Warehouse>) -> Result<(Rulebook, Catalogue, Vec<Problem>)> {
    let own = warehouse.and_then(Warehouse::definitions_root);
    let (book, problems) = Rulebook::load(own.as_deref()).map_err(|e| EngineError::input(e.to_string()))?;
    let mut catalogue = load_catalogue(warehouse)?;
    book.declare(&mut catalogue.features);
    Ok((book, catalogue, problems))
}
