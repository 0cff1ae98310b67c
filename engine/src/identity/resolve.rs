//! From candidates to links: all evidence of a record for a taxpayer is put together, the best taxpayer wins, and the
//! second says how sure that is.

use std::collections::BTreeMap;

use assay_sql::uscc_is_valid;
use rayon::prelude::*;

use super::definition::Definition;
use super::explain;
use super::records::{Entry, Record, Register};
use super::score::{Evidence, Fact, Facts, Method, Written, by_name, by_number};
use super::tables::{Link, Part};

/// What speaks for one taxpayer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Case {
    /// By number.
    pub number: Option<Evidence>,
    /// By name, and which of the register's entries it was.
    pub name: Option<(Evidence, u32)>,
    /// Names were compared and had nothing in common.
    pub compared: bool,
}

/// A taxpayer that may be meant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub firm: u32,
    pub entry: Option<u32>,
    pub method: Method,
    pub score: f64,
    pub facts: Facts,
}

/// Links of the records `pairs` name. Pairs are (record, entry), sorted.
pub fn resolve(
    definition: &Definition,
    register: &Register,
    records: &[Record],
    pairs: &[(u32, u32)],
) -> Vec<Link> {
    let groups: Vec<&[(u32, u32)]> = pairs.chunk_by(|a, b| a.0 == b.0).collect();
    groups
        .into_par_iter()
        .flat_map_iter(|group| {
            let record = &records[group[0].0 as usize];
            let candidates = candidates(definition, register, record, group.iter().map(|(_, entry)| *entry));
            links(definition, register, record, &candidates)
        })
        .collect()
}

/// The taxpayers a record may mean, best first, doubts already taken off.
fn candidates(
    definition: &Definition,
    register: &Register,
    record: &Record,
    entries: impl Iterator<Item = u32>,
) -> Vec<Candidate> {
    let mut cases: BTreeMap<u32, Case> = BTreeMap::new();
    for at in entries {
        let entry = &register.entries[at as usize];
        let division = register.firms[entry.firm as usize].division;
        let case = cases.entry(entry.firm).or_default();
        weigh(definition, record, entry, at, division, case);
    }
    let other = record.number.as_deref().is_some_and(uscc_is_valid);
    let mut found: Vec<Candidate> =
        cases.into_iter().filter_map(|(firm, case)| together(definition, firm, case, other)).collect();
    // Equal scores by how they were found, then in the order of the register: the same input gives the same links.
    let tier = |c: &Candidate| c.method.tier(c.facts);
    found.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then_with(|| tier(a).cmp(&tier(b))).then(a.firm.cmp(&b.firm))
    });
    doubt(definition, &mut found);
    found.retain(|c| c.score >= definition.floor);
    found.truncate(definition.candidates);
    found
}

fn weigh(
    definition: &Definition,
    record: &Record,
    entry: &Entry,
    at: u32,
    division: Option<u32>,
    case: &mut Case,
) {
    if let (Some(a), Some(b)) = (&record.number, &entry.number)
        && let Some(evidence) = by_number(definition, a, b, entry.former)
        && case.number.is_none_or(|e| e.score < evidence.score)
    {
        case.number = Some(evidence);
    }
    let Some((text, name)) = &entry.name else { return };
    let register = Written { text, name };
    for (text, name) in &record.names {
        case.compared = true;
        if let Some(evidence) = by_name(definition, Written { text, name }, register, division, entry.former)
            && case.name.is_none_or(|(e, _)| e.score < evidence.score)
        {
            case.name = Some((evidence, at));
        }
    }
}

/// Number and name together: each is wrong on its own account, so both are wrong more rarely. `valid`: the record has a
/// valid credit code, which is somebody else's where it is not this firm's.
fn together(definition: &Definition, firm: u32, case: Case, valid: bool) -> Option<Candidate> {
    let entry = case.name.map(|(_, entry)| entry);
    match (case.number, case.name) {
        (None, None) => None,
        (Some(number), Some((name, _))) if name.score >= definition.floor => {
            let score = 1.0 - (1.0 - number.score) * (1.0 - name.score);
            let facts = number.facts.and(name.facts);
            let method = if number.score >= name.score { number.method } else { name.method };
            Some(Candidate { firm, entry, method, score, facts })
        }
        (Some(number), name) => {
            let differs = case.compared || name.is_some();
            let (score, facts) = if differs {
                (number.score * definition.id.name_differs, number.facts.with(Fact::NameDiffers))
            } else {
                (number.score, number.facts)
            };
            Some(Candidate { firm, entry, method: number.method, score, facts })
        }
        (None, Some((name, _))) if valid => {
            let (score, facts) =
                (name.score * definition.id.number_differs, name.facts.with(Fact::NumberDiffers));
            Some(Candidate { firm, entry, method: name.method, score, facts })
        }
        (None, Some((name, _))) => {
            Some(Candidate { firm, entry, method: name.method, score: name.score, facts: name.facts })
        }
    }
}

/// A second taxpayer found in the same or a stricter way, and nearly as well, takes the certainty from the first.
fn doubt(definition: &Definition, found: &mut [Candidate]) {
    let worth = &definition.ambiguous;
    let Some((best, others)) = found.split_first_mut() else { return };
    let rival = others
        .iter()
        .filter(|c| c.method.tier(c.facts) <= best.method.tier(best.facts))
        .map(|c| c.score)
        .next();
    let Some(rival) = rival else { return };
    let gap = best.score - rival;
    let off = ((worth.margin - gap) * worth.slope).max(0.0);
    best.score -= off;
    // The others cannot be likelier than the best of them.
    for other in others {
        other.score = other.score.min(best.score);
    }
}

fn links(
    definition: &Definition,
    register: &Register,
    record: &Record,
    candidates: &[Candidate],
) -> Vec<Link> {
    let numbered = (1..).zip(candidates);
    numbered
        .map(|(rank, candidate)| {
            let firm = &register.firms[candidate.firm as usize];
            let other = candidates.iter().find(|c| c.firm != candidate.firm);
            let (zh, en) = explain::by_name(definition, register, record, candidate, other);
            Link {
                part: Part::Names as i32,
                from_kind: record.id.kind.to_owned(),
                from_space: record.id.space.clone(),
                from_value: record.id.value.clone(),
                from_key: record.key,
                taxpayer_key: firm.key,
                taxpayer_id: firm.id.clone(),
                rank,
                method: candidate.method.code().to_owned(),
                score: candidate.score,
                support: candidate.facts.agreeing(),
                runner_up: other.map(|c| c.score),
                role: None,
                rows: record.rows,
                explanation_zh: zh,
                explanation_en: en,
                decided: "auto".to_owned(),
                at: 0,
            }
        })
        .collect()
}
