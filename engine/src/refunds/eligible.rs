//! What may be refunded, asked of the policies: of each applicant in the month after its latest return, for the latest closing credit
//! counts (国家税务总局公告2025年第20号第十条), and the conditions must still hold when a hold ends (第八条).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use assay_indicators::period;
use assay_indicators::policy::Answer;
use assay_sql::session::SessionOptions;
use chrono::{Datelike, NaiveDate};

use super::facts::Application;
use crate::Result;
use crate::ingest::Progress;
use crate::policy::ask_as_of;
use crate::warehouse::Warehouse;

/// The policy on refunds of credit, and the first month of application it governs.
const POLICY: (&str, i32) = ("B29", 202_509);

/// What the policy says of an application. Money in fen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Eligible {
    /// Month of application asked about.
    pub month: i32,
    /// Limb of the policy; none where no answer was given.
    pub part: Option<String>,
    /// Word of the answer.
    pub answer: &'static str,
    /// What may be refunded; none where it cannot be told.
    pub amount: Option<i128>,
    /// Names of conditions that fail.
    pub failed: String,
    /// What is missing to tell.
    pub missing: String,
    /// Failed conditions in Chinese.
    pub failed_zh: String,
}

impl Eligible {
    fn unknown(month: i32, missing: &str) -> Self {
        Self { month, answer: Answer::CannotTell.as_str(), missing: missing.to_owned(), ..Self::default() }
    }
}

/// Code of the policy asked.
pub(super) fn policy() -> &'static str {
    POLICY.0
}

/// By number of application.
pub(super) async fn ask(
    warehouse: &Warehouse,
    applications: &[Application],
    day: NaiveDate,
    options: &SessionOptions,
    progress: Arc<dyn Progress>,
) -> Result<HashMap<String, Eligible>> {
    let mut found = HashMap::new();
    let mut months: BTreeMap<i32, Vec<&Application>> = BTreeMap::new();
    for one in applications.iter().filter(|one| one.decided_on.is_none()) {
        let month = period::add(one.latest.unwrap_or(one.period).max(one.period), 1);
        let missing = match one.latest {
            None => "增值税申报表(vat_return)",
            Some(latest) if latest < one.period => "所属期申报表(vat_return)",
            _ if month < POLICY.1 => "2025年9月以前的申请不在本清单判断范围",
            _ if month > day.year() * 100 + day.month() as i32 => "申报期在截止日之后(vat_return.filed_on)",
            _ => {
                months.entry(month).or_default().push(one);
                continue;
            }
        };
        found.insert(one.no.clone(), Eligible::unknown(month, missing));
    }
    for (month, asked) in months {
        let keys: HashSet<i64> = asked.iter().map(|one| one.taxpayer_key).collect();
        let summary = ask_as_of(warehouse, month, &[POLICY.0], options, Arc::clone(&progress)).await?;
        let mut answers: HashMap<i64, Eligible> = HashMap::new();
        for finding in summary.answered.findings.iter().filter(|finding| keys.contains(&finding.taxpayer_key))
        {
            let compiled = &summary.policies[finding.ruling];
            let failed: BTreeSet<&str> = finding.failed.split(',').filter(|name| !name.is_empty()).collect();
            let conditions = compiled.version().conditions.iter();
            let failed_zh =
                conditions.filter(|c| failed.contains(c.name.value.as_str())).map(|c| c.label.zh.as_str());
            let facts = compiled.policy.facts.iter();
            let lacking: Vec<&str> = finding.missing.split(',').filter(|name| !name.is_empty()).collect();
            let lacking =
                facts.filter(|f| lacking.contains(&f.name.value.as_str())).map(|f| f.label.zh.as_str());
            let eligible = Eligible {
                month,
                part: compiled.version().part.clone(),
                answer: finding.answer.as_str(),
                amount: amount(finding.answer, finding.benefit),
                failed: finding.failed.clone(),
                missing: lacking.collect::<Vec<_>>().join("、"),
                failed_zh: failed_zh.collect::<Vec<_>>().join("；"),
            };
            answers.entry(finding.taxpayer_key).or_insert(eligible);
        }
        for one in asked {
            // An application under way is always answered, unless the month has a return by now: of a day in the past.
            let nothing = || Eligible::unknown(month, "申请当月已有申报，无法还原当时结论");
            found.insert(one.no.clone(), answers.get(&one.taxpayer_key).cloned().unwrap_or_else(nothing));
        }
    }
    Ok(found)
}

/// What may be refunded by an answer, fen; none where it cannot be told.
fn amount(answer: Answer, benefit: Option<i128>) -> Option<i128> {
    match answer {
        Answer::CannotTell => None,
        Answer::ClaimedNotDue | Answer::NearLine | Answer::NotDue | Answer::Waived => Some(0),
        Answer::DueClaimed
        | Answer::DueNotClaimed
        | Answer::OverClaimed
        | Answer::UnderClaimed
        | Answer::ToBeConfirmed => benefit,
    }
}
