//! Preferential policies (税收优惠): the language, its versions in time, and the expressions that answer who is due what and who
//! claims what. Reading facts and storing answers is the engine's.

mod change;
mod check;
mod coverage;
mod definition;
mod describe;
mod parameters;
mod parse;
mod rulebook;
mod ruling;
mod testrow;

pub use change::PolicyChange;
pub use check::{check_policy, fill_evidence as fill_policy_evidence};
pub use coverage::{Gap, gaps};
pub use definition::{
    Answer, Condition, Expected, Policy, PolicyTest, RELIEF, Rounding, Test, Version, WAIVED,
};
pub use describe::{PolicySummary, Status, list_policies, show_policy};
pub use parameters::{Dated, Parameter, Parameters};
pub(crate) use parse::days;
pub use rulebook::{PolicyEntry, Rulebook};
pub(crate) use ruling::facts_at;
pub use ruling::{Ruled, Ruler};
pub use testrow::run_policy_tests;
