//! Whether a policy means something: every expression of every version is planned and typed against the declared profile
//! columns, versions do not overlap, every test row is tried. Needs no warehouse.

use std::collections::BTreeSet;

use datafusion::execution::SessionState;

use super::definition::{RELIEF, Test, Version, WAIVED};
use super::parameters::Parameters;
use super::rulebook::PolicyEntry;
use super::ruling::{Ruler, facts_at};
use super::testrow::run_policy_tests;
use crate::check::{check_fact, evidence_faults};
use crate::expression::Fault;
use crate::features::FeatureCatalogue;
use crate::period;
use crate::problem::Problem;
use crate::reader::At;
use crate::verdict::facts_used;

/// Everything wrong with the meaning of one policy.
#[must_use]
pub fn check_policy(
    state: &SessionState,
    features: &FeatureCatalogue,
    parameters: &Parameters,
    entry: &PolicyEntry,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for version in &entry.policy.versions {
        check_version(state, features, parameters, (entry, version), &mut problems);
    }
    check_overlap(entry, &mut problems);
    check_use(entry, &mut problems);
    check_evidence(entry, &mut problems);
    problems.extend(run_policy_tests(state, entry, parameters).problems);
    problems.sort();
    problems.dedup();
    problems
}

fn check_version(
    state: &SessionState,
    features: &FeatureCatalogue,
    parameters: &Parameters,
    (entry, version): (&PolicyEntry, &Version),
    problems: &mut Vec<Problem>,
) {
    let at = period::span_end(period::of(version.from), entry.policy.grain);
    match facts_at(&entry.policy, version, parameters, at) {
        Err(faults) => problems.extend(faults.iter().map(|(part, fault)| entry.problem(part, fault))),
        Ok(facts) => {
            for fact in &facts {
                if let Err(faults) = check_fact(state, features, fact, at) {
                    problems.extend(faults.iter().map(|fault_at| entry.problem(&fact.expr, fault_at)));
                }
            }
        }
    }
    if let Err(faults) = Ruler::new(state, &entry.policy, version, parameters, at) {
        problems.extend(faults.iter().map(|(part, fault)| entry.problem(part, fault)));
    }
}

/// Of one limb only one version is in force on a day.
fn check_overlap(entry: &PolicyEntry, problems: &mut Vec<Problem>) {
    let versions = &entry.policy.versions;
    let not_over = |version: &Version, day| version.to.is_none_or(|to| day <= to);
    for (n, one) in versions.iter().enumerate() {
        for other in versions.iter().skip(n + 1).filter(|other| other.part == one.part) {
            if not_over(other, one.from) && not_over(one, other.from) {
                let part = At::new(format!("version {}", other.number), other.span.clone());
                let message =
                    format!("versions {} and {} are in force on the same day", one.number, other.number);
                problems.push(
                    entry.problem(&part, &Fault::new("", message, "give one a `to`, or each a `part`")),
                );
            }
        }
    }
}

fn check_use(entry: &PolicyEntry, problems: &mut Vec<Problem>) {
    let policy = &entry.policy;
    let mut texts: Vec<&str> = vec![&policy.claim.value];
    texts.extend(policy.concerns.as_ref().map(|text| text.value.as_str()));
    for version in &policy.versions {
        texts.push(&version.benefit.value);
        texts.extend(version.concerns.as_ref().map(|text| text.value.as_str()));
        for condition in &version.conditions {
            match &condition.test {
                Test::Holds(text) => texts.push(&text.value),
                Test::Limit { value, limit, .. } => {
                    texts.extend([value.value.as_str(), limit.value.as_str()])
                }
                Test::Document => {}
            }
        }
    }
    // Parameters are no SQL: any number will do to see which facts are named.
    let used: BTreeSet<String> =
        texts.iter().flat_map(|text| facts_used(&text.replace('$', "p_"), &policy.facts)).collect();
    for fact in &policy.facts {
        let name = &fact.name.value;
        if !used.contains(name) && ![RELIEF, WAIVED].contains(&name.as_str()) {
            let fault = Fault::new(
                "",
                "the fact is not used",
                "use it in a condition, the benefit or the claim, or remove it",
            );
            problems.push(entry.problem(&fact.name, &fault));
        }
    }
}

fn check_evidence(entry: &PolicyEntry, problems: &mut Vec<Problem>) {
    let evidence = &entry.policy.evidence;
    let filled = fill_evidence(&evidence.value, 1, (202_501, 202_512));
    let faults = evidence_faults(&evidence.value, &filled, "$taxpayer_key, $from and $to");
    problems.extend(faults.iter().map(|fault| entry.problem(evidence, fault)));
}

/// An evidence query with its parameters put in; months from and to.
#[must_use]
pub fn fill_evidence(sql: &str, taxpayer_key: i64, (from, to): (i32, i32)) -> String {
    sql.replace("$taxpayer_key", &taxpayer_key.to_string())
        .replace("$from", &from.to_string())
        .replace("$to", &to.to_string())
}
