//! What if: a rulebook with a parameter, a date, a condition or a benefit changed, or with one version of a policy in place of the one in
//! force. Nothing in force is touched.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::Deserialize;

use super::definition::{Policy, Test, Version};
use super::rulebook::Rulebook;
use crate::problem::did_you_mean;
use crate::reader::At;

/// Changes, as written in a TOML file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyChange {
    /// Parameters with the number that takes the place of the one in force.
    #[serde(default)]
    parameters: BTreeMap<String, toml::Value>,
    /// Policies, by code.
    #[serde(default)]
    policies: BTreeMap<String, VersionChange>,
}

/// What changes in the versions of a policy in force on a day.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionChange {
    from: Option<toml::value::Datetime>,
    to: Option<toml::value::Datetime>,
    benefit: Option<String>,
    /// Of a condition with a limit: the other limit.
    #[serde(default)]
    limits: BTreeMap<String, String>,
    /// Of a condition: the expression that takes its place.
    #[serde(default)]
    conditions: BTreeMap<String, String>,
}

impl PolicyChange {
    /// Reads a file of changes; `name` is how messages call it.
    ///
    /// # Errors
    /// What is wrong, with the line.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let change: Self =
            toml::from_str(text).map_err(|error| format!("{name}: {}", error.to_string().trim_end()))?;
        if change.parameters.is_empty() && change.policies.is_empty() {
            return Err(format!("{name} changes nothing; write [parameters] or [policies.CODE]"));
        }
        Ok(change)
    }
}

impl Rulebook {
    /// The rulebook as it would be with changes, for periods about a day.
    ///
    /// # Errors
    /// A parameter, policy or condition nobody defined, or a value that is none.
    pub fn changed(&self, change: &PolicyChange, day: NaiveDate) -> Result<Self, String> {
        let mut book = self.clone();
        for (name, value) in &change.parameters {
            let number = match value {
                toml::Value::Integer(n) => n.to_string(),
                toml::Value::Float(x) if x.is_finite() => x.to_string(),
                other => return Err(format!("parameter `{name}`: {other} is no number")),
            };
            book.parameters.replace(name, day, &number)?;
        }
        for (code, change) in &change.policies {
            book.edit(code, |policy| {
                let mut in_force: Vec<&mut Version> =
                    policy.versions.iter_mut().filter(|version| version.in_force(day)).collect();
                if in_force.is_empty() {
                    return Err(format!("{code} has no version in force on {day} to be changed"));
                }
                in_force.iter_mut().try_for_each(|version| apply(code, version, change))
            })?;
        }
        Ok(book)
    }

    /// The rulebook with one version of a policy in place of those in force, whenever it was in force itself: with the parameters of
    /// its own time.
    ///
    /// # Errors
    /// No such policy or version.
    pub fn with_version(&self, code: &str, number: i32, day: NaiveDate) -> Result<Self, String> {
        let mut book = self.clone();
        let parameters = self.parameters.clone();
        book.edit(code, |policy| {
            let known: Vec<String> = policy.versions.iter().map(|v| v.number.to_string()).collect();
            policy.versions.retain(|version| version.number == number);
            let Some(version) = policy.versions.first_mut() else {
                return Err(format!("{code} has no version {number}; it has {}", known.join(", ")));
            };
            let then = day.max(version.from).min(version.to.unwrap_or(NaiveDate::MAX));
            (version.from, version.to) = (NaiveDate::MIN, None);
            let own = [("months", "$months".to_owned()), ("months_in_force", "$months".to_owned())];
            for text in texts(policy) {
                text.value = parameters.fill(&text.value, then, &own).map_err(|fault| fault.message)?;
            }
            Ok(())
        })?;
        Ok(book)
    }

    fn edit(
        &mut self,
        code: &str,
        edit: impl FnOnce(&mut Policy) -> Result<(), String>,
    ) -> Result<(), String> {
        let known: Vec<String> = self.entries().iter().map(|entry| entry.policy.code.value.clone()).collect();
        let Some(entry) = self.entry_mut(code) else {
            let remedy = did_you_mean(code, known.iter().map(String::as_str), "`assay policies list`");
            return Err(format!("no policy `{code}`; {remedy}"));
        };
        let mut policy = Policy::clone(&entry.policy);
        edit(&mut policy)?;
        entry.policy = Arc::new(policy);
        Ok(())
    }
}

/// Every expression of a policy.
fn texts(policy: &mut Policy) -> Vec<&mut At<String>> {
    let mut all: Vec<&mut At<String>> = policy.facts.iter_mut().map(|fact| &mut fact.expr).collect();
    for version in &mut policy.versions {
        all.push(&mut version.benefit);
        all.extend(version.concerns.as_mut());
        for condition in &mut version.conditions {
            match &mut condition.test {
                Test::Holds(text) => all.push(text),
                Test::Limit { value, limit, .. } => all.extend([value, limit]),
                Test::Document => {}
            }
        }
    }
    all
}

fn apply(code: &str, version: &mut Version, change: &VersionChange) -> Result<(), String> {
    let new = |text: &String| At::new(text.clone(), 0..0);
    if let Some(from) = &change.from {
        version.from = day(code, "from", from)?;
    }
    if let Some(to) = &change.to {
        version.to = Some(day(code, "to", to)?);
    }
    if let Some(benefit) = &change.benefit {
        version.benefit = new(benefit);
    }
    for (name, text) in change.limits.iter().chain(&change.conditions) {
        let known: Vec<String> = version.conditions.iter().map(|c| c.name.value.clone()).collect();
        let Some(condition) = version.conditions.iter_mut().find(|c| c.name.value == *name) else {
            let remedy = did_you_mean(name, known.iter().map(String::as_str), "the policy's conditions");
            return Err(format!("{code} has no condition `{name}`; {remedy}"));
        };
        match &mut condition.test {
            Test::Limit { limit, .. } if change.limits.contains_key(name) => *limit = new(text),
            _ if change.limits.contains_key(name) => {
                return Err(format!("condition `{name}` of {code} has no limit; put it under `conditions`"));
            }
            test => *test = Test::Holds(new(text)),
        }
    }
    Ok(())
}

fn day(code: &str, key: &str, value: &toml::value::Datetime) -> Result<NaiveDate, String> {
    let date = value.date.filter(|_| value.time.is_none());
    let found =
        date.and_then(|d| NaiveDate::from_ymd_opt(i32::from(d.year), u32::from(d.month), u32::from(d.day)));
    found.ok_or_else(|| format!("`{key}` of {code} is no date; write it as 2020-01-31, without quotes"))
}
