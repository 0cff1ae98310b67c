//! The set of policies: those that come with Assay with a warehouse's own over them, the parameters they share, and the
//! profile columns in which their claims and waivers stand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use chrono::NaiveDate;

use super::definition::{Policy, Version};
use super::parameters::Parameters;
use super::parse::parse;
use crate::catalogue::{ReadError, definition_files, embedded, fault_in, one_layer};
use crate::definition::{Bilingual, Unit};
use crate::expression::Fault;
use crate::features::{FeatureCatalogue, FeatureSource};
use crate::problem::{Problem, SourceFile};
use crate::reader::At;

/// File of parameters among the policies.
const PARAMETERS: &str = "parameters.toml";
/// Source of the columns `claim_CODE`: relief claimed a month under a relief code.
const CLAIMS: &str = "policy_claims";
/// Source of the columns `waived_POLICY`.
const WAIVERS: &str = "policy_waivers";

/// One policy with the file it came from.
#[derive(Debug, Clone)]
pub struct PolicyEntry {
    /// The definition.
    pub policy: Arc<Policy>,
    /// Its file.
    pub source: Arc<SourceFile>,
}

impl PolicyEntry {
    /// A problem in a part of this definition.
    pub(crate) fn problem(&self, part: &At<String>, fault: &Fault) -> Problem {
        // What the file does not say stands nowhere in it.
        let part = if part.span.is_empty() { &self.policy.code } else { part };
        fault_in(&self.source, part, fault)
    }

    /// The versions whose period of some months, ending with a month, they govern: in force on its last day; else, of a limb
    /// without one, the last that ended within it.
    #[must_use]
    pub fn versions(&self, first: NaiveDate, last: NaiveDate) -> Vec<&Version> {
        let mut parts: BTreeMap<&Option<String>, &Version> = BTreeMap::new();
        for version in &self.policy.versions {
            if version.in_force(last) {
                parts.insert(&version.part, version);
            }
        }
        for version in self.policy.versions.iter().filter(|v| v.to.is_some_and(|to| first <= to && to < last))
        {
            parts.entry(&version.part).or_insert(version);
        }
        let mut found: Vec<&Version> = parts.into_values().collect();
        found.sort_by_key(|version| version.number);
        found
    }
}

/// Policies by code, and the parameters they share.
#[derive(Debug, Clone, Default)]
pub struct Rulebook {
    entries: Vec<PolicyEntry>,
    /// Dated parameters.
    pub parameters: Parameters,
    texts: Vec<(String, String)>,
}

impl Rulebook {
    /// The embedded policies and those of a folder of definitions (`policies/`, where a known code replaces the embedded
    /// one). What is wrong is left out and returned as problems.
    ///
    /// # Errors
    /// Only when the folder or a file in it cannot be read.
    pub fn load(definitions: Option<&Path>) -> Result<(Self, Vec<Problem>), ReadError> {
        Ok(Self::from_files(definition_files(embedded::policies(), "policies", definitions, "policies")?))
    }

    /// A rulebook from layers of files, later ones over earlier ones; within one layer a code stands once.
    #[must_use]
    pub fn from_files(layers: Vec<Vec<SourceFile>>) -> (Self, Vec<Problem>) {
        let (mut book, mut problems) = (Self::default(), Vec::new());
        let mut all = BTreeMap::new();
        for layer in layers {
            let (parameters, policies): (Vec<SourceFile>, Vec<SourceFile>) =
                layer.into_iter().partition(|file| file.name.ends_with(PARAMETERS));
            for file in parameters {
                problems.extend(book.parameters.read(&file));
                book.texts.push((PARAMETERS.to_owned(), file.text));
            }
            let read = |file: SourceFile| {
                let (policy, wrong) = parse(&file);
                let entry = policy.map(|p| PolicyEntry { policy: Arc::new(p), source: Arc::new(file) });
                (entry, wrong)
            };
            let (here, wrong) = one_layer(policies, read, |entry| (&entry.policy.code, &entry.source));
            all.extend(here);
            problems.extend(wrong);
        }
        book.entries = all.into_values().collect();
        (book, problems)
    }

    /// All policies, by code.
    #[must_use]
    pub fn entries(&self) -> &[PolicyEntry] {
        &self.entries
    }

    /// A policy to be changed.
    pub(crate) fn entry_mut(&mut self, code: &str) -> Option<&mut PolicyEntry> {
        self.entries.iter_mut().find(|entry| entry.policy.code.value == code)
    }

    /// A policy by its code.
    #[must_use]
    pub fn get(&self, code: &str) -> Option<&PolicyEntry> {
        self.entries.iter().find(|entry| entry.policy.code.value == code)
    }

    /// Everything answers depend on, as (name, text) in a fixed order.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let policies = self.entries.iter().map(|e| (e.policy.code.value.as_str(), e.source.text.as_str()));
        self.texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).chain(policies)
    }

    /// Declares the profile columns of claims and waivers.
    pub fn declare(&self, features: &mut FeatureCatalogue) {
        let codes: BTreeSet<&str> =
            self.entries.iter().flat_map(|entry| relief_codes(&entry.policy)).collect();
        let column = |code: &&str| {
            let label = |text: &str| format!("{text}{code}");
            let label = Bilingual { zh: label("减免额："), en: label("relief claimed under ") };
            (claim_column(code), Unit::Money, label)
        };
        let sums: Vec<String> = codes
            .iter()
            .map(|code| {
                format!("sum(relief) FILTER (WHERE relief_code = '{code}') AS {}", claim_column(code))
            })
            .collect();
        let columns: Vec<_> = codes.iter().map(column).collect();
        if !columns.is_empty() {
            let sql = format!(
                "SELECT taxpayer_key, period, {} FROM benefit_claim GROUP BY taxpayer_key, period",
                sums.join(", ")
            );
            features.add(&FeatureSource::Monthly(CLAIMS.to_owned()), sql, columns);
        }
        let waivable: Vec<&Policy> =
            self.entries.iter().map(|e| e.policy.as_ref()).filter(|p| p.waivable).collect();
        if !waivable.is_empty() {
            let flags: Vec<String> = waivable
                .iter()
                .map(|p| format!("bool_or(policy_code = '{}') AS {}", p.code.value, waived_column(p)))
                .collect();
            let sql = format!(
                "SELECT taxpayer_key, {} FROM waiver WHERE from_on <= period_end($as_of) \
                 AND (to_on IS NULL OR to_on >= period_end($as_of)) GROUP BY taxpayer_key",
                flags.join(", ")
            );
            let column = |p: &&Policy| {
                let code = &p.code.value;
                let label = Bilingual { zh: format!("已放弃{code}"), en: format!("gave {code} up") };
                (waived_column(p), Unit::Bool, label)
            };
            let columns = waivable.iter().map(column).collect();
            features.add(&FeatureSource::AsOf(WAIVERS.to_owned()), sql, columns);
        }
    }
}

/// Relief codes a policy names anywhere.
fn relief_codes(policy: &Policy) -> impl Iterator<Item = &str> {
    let versions = policy.versions.iter().filter_map(|version| version.relief_codes.as_ref()).flatten();
    policy.relief_codes.iter().chain(versions).map(String::as_str)
}

/// The monthly column of a relief code.
pub(crate) fn claim_column(code: &str) -> String {
    let letters: String = code.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("claim_{}", letters.to_lowercase())
}

/// The column that says whether a policy was given up.
pub(crate) fn waived_column(policy: &Policy) -> String {
    format!("waived_{}", policy.code.value.to_lowercase())
}
