//! Policies for `list` and `show`: what is in force when, under which text.

use chrono::NaiveDate;

use super::definition::{Test, Version};
use super::rulebook::{PolicyEntry, Rulebook};

/// Whether a version holds on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 有效
    InForce,
    /// 尚未生效
    NotYet,
    /// 已到期
    Expired,
    /// 待复核: whether it still holds is not known.
    NeedsReverify,
}

impl Status {
    /// Of a version on a day.
    #[must_use]
    pub fn of(version: &Version, day: NaiveDate) -> Self {
        match () {
            () if day < version.from => Self::NotYet,
            () if version.to.is_some_and(|to| to < day) => Self::Expired,
            () if version.unverified(day) => Self::NeedsReverify,
            () => Self::InForce,
        }
    }

    /// The word of listings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InForce => "in_force",
            Self::NotYet => "not_yet",
            Self::Expired => "expired",
            Self::NeedsReverify => "needs_reverify",
        }
    }
}

/// A version of a policy in a listing.
#[derive(Debug, Clone)]
pub struct PolicySummary {
    /// Code.
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Tax.
    pub tax: String,
    /// Version.
    pub version: i32,
    /// Limb, where there are several.
    pub part: Option<String>,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: Option<NaiveDate>,
    /// On the day asked.
    pub status: Status,
    /// Conditions.
    pub conditions: usize,
    /// Test rows of the policy.
    pub tests: usize,
    /// Legal texts.
    pub basis: String,
}

/// All versions, by code.
#[must_use]
pub fn list_policies(book: &Rulebook, day: NaiveDate) -> Vec<PolicySummary> {
    book.entries()
        .iter()
        .flat_map(|entry| entry.policy.versions.iter().map(|v| summary(entry, v, day)))
        .collect()
}

fn summary(entry: &PolicyEntry, version: &Version, day: NaiveDate) -> PolicySummary {
    let policy = &entry.policy;
    PolicySummary {
        code: policy.code.value.clone(),
        name_zh: policy.name.zh.clone(),
        name_en: policy.name.en.clone(),
        tax: policy.tax.clone(),
        version: version.number,
        part: version.part.clone(),
        from: version.from,
        to: version.to,
        status: Status::of(version, day),
        conditions: version.conditions.len(),
        tests: policy.tests.len(),
        basis: basis_text(version),
    }
}

/// The legal texts of a version on one line.
pub(crate) fn basis_text(version: &Version) -> String {
    let one = |basis: &crate::definition::Basis| {
        format!("{}{}", basis.doc, basis.article.as_deref().map(|a| format!(" {a}")).unwrap_or_default())
    };
    version.basis.iter().map(one).collect::<Vec<_>>().join("；")
}

/// A policy as a reader sees it: its file, with what each version says in words.
#[must_use]
pub fn show_policy(entry: &PolicyEntry, day: NaiveDate) -> String {
    let policy = &entry.policy;
    let mut out = format!("{} {} / {}\n", policy.code.value, policy.name.zh, policy.name.en);
    let codes = if policy.relief_codes.is_empty() {
        "无减免性质代码".to_owned()
    } else {
        policy.relief_codes.join("、")
    };
    out.push_str(&format!(
        "税种 {} · 按{} · {codes} · {}\n",
        policy.tax, policy.grain, policy.claim_lines.zh
    ));
    for version in &policy.versions {
        let to = version.to.map_or_else(|| "长期".to_owned(), |to| to.to_string());
        let part = version.part.as_deref().map(|part| format!(" [{part}]")).unwrap_or_default();
        out.push_str(&format!(
            "\n版本{}{part} {} 至 {to}（{}）\n  依据：{}\n",
            version.number,
            version.from,
            Status::of(version, day).as_str(),
            basis_text(version)
        ));
        if let Some(phrase) = &version.phrase {
            out.push_str(&format!("  原文：「{phrase}」\n"));
        }
        for (label, text) in [("延续依据", &version.kept_by), ("终止依据", &version.ended_by)] {
            if let Some(text) = text {
                out.push_str(&format!("  {label}：{text}\n"));
            }
        }
        for condition in &version.conditions {
            let test = match &condition.test {
                Test::Holds(sql) => sql.value.clone(),
                Test::Limit { value, op, limit, .. } => format!("{} {op} {}", value.value, limit.value),
                Test::Document => "人工核实资料".to_owned(),
            };
            out.push_str(&format!("  条件 {}：{}（{test}）\n", condition.name.value, condition.label.zh));
        }
        out.push_str(&format!("  优惠额：{}\n", version.benefit.value));
    }
    out
}
