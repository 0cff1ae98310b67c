//! What policies found as of a month, in the words an officer reads, as the ledger takes it in. Which findings become part of a task, and of which, is
//! decided there.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use assay_indicators::policy::{Answer, Condition, Policy, Rulebook, Test, Version, fill_policy_evidence};
use assay_indicators::{Grain, period};
use assay_tasks::ledger::{BenefitFinding, Frame, Rules, Settled};
use assay_tasks::{ItemKind, TaskItem, basis_of, facts_zh, legal_basis, money_en, money_zh};
use datafusion::prelude::SessionContext;

use super::{fen, some, text, whole};
use crate::policy::{limb_tax_zh, load_rulebook};
use crate::scan::rows as rows_of;
use crate::warehouse::Warehouse;
use crate::{EngineError, Result};

const FINDINGS: &str = include_str!("../../../sql/ledger/findings.sql");
const SETTLED: &str = include_str!("../../../sql/ledger/settled.sql");

/// Findings of a month, and of those asked again with it, that somebody is to act upon, or to look at on occasion.
pub(super) async fn read(
    context: &SessionContext,
    warehouse: &Warehouse,
    as_of: i32,
    rules: &Rules,
) -> Result<Vec<BenefitFinding>> {
    let sql = FINDINGS
        .replace("$as_of", &as_of.to_string())
        .replace("$verify_from", &rules.benefits.verify_from.to_string())
        .replace("$remind_from", &rules.benefits.remind_from.to_string());
    let batches = rows_of(context, &sql).await?;
    if batches.iter().all(|batch| batch.num_rows() == 0) {
        return Ok(Vec::new());
    }
    let (book, _) = load_rulebook(Some(warehouse))?;
    let mut found: BTreeMap<(i64, String), Vec<Found>> = BTreeMap::new();
    for batch in &batches {
        let table = Columns::of(batch)?;
        for row in 0..batch.num_rows() {
            if let Some(one) = table.finding(row, &book)? {
                let item = &one.finding.item;
                found.entry((item.taxpayer_key, item.indicator.clone())).or_default().push(one);
            }
        }
    }
    Ok(found.into_values().filter_map(together).collect())
}

/// Findings that no longer hold by facts that came in late: taxpayer, code of the item, month that was asked again.
pub(super) async fn settled(context: &SessionContext, as_of: i32) -> Result<Vec<Settled>> {
    let mut found = Vec::new();
    for batch in rows_of(context, &SETTLED.replace("$as_of", &as_of.to_string())).await? {
        let (ids, policies, parts) = (text(&batch, 0), text(&batch, 1), text(&batch, 2));
        for (row, month) in whole(&batch, 3)?.into_iter().enumerate() {
            found.push(Settled {
                taxpayer_id: ids.value(row).to_owned(),
                indicator: code_of(policies.value(row), some(parts, row).as_deref()),
                as_of: i32::try_from(month.unwrap_or(0)).unwrap_or(0),
            });
        }
    }
    Ok(found)
}

/// What an item about a policy, or one of its limbs, goes by.
fn code_of(policy: &str, part: Option<&str>) -> String {
    part.map_or_else(|| policy.to_owned(), |part| format!("{policy}-{part}"))
}

/// A finding, its period, and what shows the rows behind it.
struct Found {
    finding: BenefitFinding,
    /// Last month of the period.
    at: i32,
    /// Months of the period.
    months: i32,
    evidence: String,
}

/// Several periods of one policy as one finding, the latest first; what is to be verified goes before what is to be told. Of a period
/// asked twice the later answer counts.
fn together(mut found: Vec<Found>) -> Option<BenefitFinding> {
    let rank = |one: &Found| match one.finding.item.kind {
        ItemKind::Verify => 0,
        ItemKind::Confirm => 2,
        _ => 1,
    };
    found.sort_by_key(|one| (one.at, one.finding.item.as_of));
    found.dedup_by(|later, kept| {
        let same = later.at == kept.at;
        if same {
            std::mem::swap(later, kept);
        }
        same
    });
    let from = found.iter().map(|one| period::add(one.at, 1 - one.months)).min()?;
    let to = found.iter().map(|one| one.at).max()?;
    let as_of = found.iter().map(|one| one.finding.item.as_of).max()?;
    found.sort_by_key(|one| (rank(one), std::cmp::Reverse(one.at)));
    let several = found.len() > 1;
    let mut rest = found.into_iter();
    let Found { mut finding, evidence, .. } = rest.next()?;
    let item = &mut finding.item;
    for Found { finding: other, .. } in rest {
        item.message_zh.push_str(&format!("；{}", other.item.message_zh));
        item.message_en.push_str(&format!("; {}", other.item.message_en));
        if other.item.kind == item.kind {
            item.amount = item.amount.zip(other.item.amount).map(|(one, other)| one + other);
        }
    }
    item.as_of = as_of;
    if several {
        item.evidence_sql = fill_policy_evidence(&evidence, item.taxpayer_key, (from, to));
    }
    Some(finding)
}

/// The columns of [`FINDINGS`].
struct Columns<'a> {
    batch: &'a RecordBatch,
    versions: Vec<Option<i64>>,
    periods: Vec<Option<i64>>,
    keys: Vec<Option<i64>>,
    /// Month asked.
    asked: Vec<Option<i64>>,
    /// Claimed, benefit, amount.
    money: [Vec<Option<i128>>; 3],
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self> {
        let money = |column| fen(batch, column);
        Ok(Self {
            batch,
            versions: whole(batch, 1)?,
            periods: whole(batch, 2)?,
            keys: whole(batch, 3)?,
            asked: whole(batch, 16)?,
            money: [money(6)?, money(7)?, money(8)?],
        })
    }

    fn text(&self, column: usize, row: usize) -> &'a str {
        text(self.batch, column).value(row)
    }

    /// The finding of a row; none of a version that is no longer defined: a definition was taken out since the policies were asked.
    fn finding(&self, row: usize, book: &Rulebook) -> Result<Option<Found>> {
        let code = self.text(0, row);
        let Some(policy) = book.get(code).map(|entry| &entry.policy) else { return Ok(None) };
        let number = self.versions[row].unwrap_or(0);
        let Some(version) = policy.versions.iter().find(|version| i64::from(version.number) == number) else {
            return Ok(None);
        };
        let answer = Answer::of_word(self.text(5, row));
        let answer = answer.ok_or_else(|| EngineError::internal("a finding with an answer nobody knows"))?;
        let at = i32::try_from(self.periods[row].unwrap_or(0)).unwrap_or(0);
        let key = self.keys[row].unwrap_or(0);
        let [claimed, benefit, amount] = [0, 1, 2].map(|n| self.money[n][row]);
        let said = Said { policy, version, answer, at, claimed, benefit, amount, failed: self.text(9, row) };
        let some = |column| some(text(self.batch, column), row);
        let id = self.text(4, row).to_owned();
        let facts = some(10).unwrap_or_else(|| "{}".to_owned());
        let facts_zh =
            facts_zh(&facts).map_err(|e| EngineError::internal(format!("facts of {code}: {e}")))?;
        let item = TaskItem {
            as_of: i32::try_from(self.asked[row].unwrap_or(0)).unwrap_or(0),
            taxpayer_key: key,
            taxpayer_id: id.clone(),
            facts,
            facts_zh,
            evidence_sql: fill_policy_evidence(
                &policy.evidence.value,
                key,
                (period::add(at, 1 - policy.months()), at),
            ),
            ..said.item()
        };
        let taxpayer = Frame {
            taxpayer_key: key,
            taxpayer_id: id,
            name: some(11),
            office_code: some(12),
            industry_code: some(13),
            status: some(14),
            credit_rating: some(15),
        };
        let finding = BenefitFinding { taxpayer, item };
        Ok(Some(Found { finding, at, months: policy.months(), evidence: policy.evidence.value.clone() }))
    }
}

/// A finding and the rule behind it.
struct Said<'a> {
    policy: &'a Policy,
    version: &'a Version,
    answer: Answer,
    /// Last month of the period.
    at: i32,
    claimed: Option<i128>,
    benefit: Option<i128>,
    amount: Option<i128>,
    /// Names of the conditions that fail, separated by commas.
    failed: &'a str,
}

impl Said<'_> {
    /// The item, without what belongs to the taxpayer.
    fn item(&self) -> TaskItem {
        let (policy, version) = (self.policy, self.version);
        let kind = match self.answer {
            Answer::ClaimedNotDue | Answer::OverClaimed => ItemKind::Verify,
            Answer::ToBeConfirmed => ItemKind::Confirm,
            _ => ItemKind::Remind,
        };
        let part = version.part.as_ref();
        let limb = limb_tax_zh(version).map(|tax| format!("（{tax}）")).unwrap_or_default();
        let code = &policy.code.value;
        let yuan = |fen: Option<i128>| fen.map_or(f64::NAN, |fen| fen as f64 / 100.0);
        let basis: Vec<(String, String)> = version.basis.iter().map(basis_of).collect();
        let lines = |lines: Vec<String>| lines.join("\n");
        TaskItem {
            task_no: String::new(),
            row_key: String::new(),
            item_no: 0,
            as_of: 0,
            taxpayer_key: 0,
            taxpayer_id: String::new(),
            kind,
            indicator: code_of(code, part.map(String::as_str)),
            version: version.number,
            name_zh: format!("{}：{}{}", self.answer.zh(), policy.name.zh, limb),
            name_en: format!("{}: {}", self.answer.as_str().replace('_', " "), policy.name.en),
            family: format!("benefit_{code}"),
            tax: policy.tax.clone(),
            severity: if kind == ItemKind::Verify { "medium" } else { "low" }.to_owned(),
            unit: "money".to_owned(),
            value: yuan(self.claimed),
            op: "=".to_owned(),
            line: yuan(self.benefit),
            line_kind: "absolute".to_owned(),
            line_source: "V".to_owned(),
            peer_group: None,
            peer_n: None,
            deviation: None,
            amount: self.amount,
            amount_counted: false,
            points: 0,
            message_zh: self.message_zh(),
            message_en: self.message_en(),
            facts: String::new(),
            facts_zh: String::new(),
            note_zh: Some(self.note_zh()),
            innocent_zh: lines(self.papers().map(|one| format!("{}（凭资料核实）", one.label.zh)).collect()),
            ask_zh: lines(
                std::iter::once(policy.claim_lines.zh.clone())
                    .chain(version.documents.iter().map(|paper| paper.zh.clone()))
                    .collect(),
            ),
            basis_zh: legal_basis(&basis),
            evidence_sql: String::new(),
        }
    }

    /// Conditions only documents can tell.
    fn papers(&self) -> impl Iterator<Item = &Condition> {
        self.version.conditions.iter().filter(|condition| matches!(condition.test, Test::Document))
    }

    /// Labels of the conditions that fail.
    fn failing(&self, label: impl Fn(&Condition) -> String) -> Vec<String> {
        let failed: Vec<&str> = self.failed.split(',').collect();
        let of = |condition: &&Condition| failed.contains(&condition.name.value.as_str());
        self.version.conditions.iter().filter(of).map(label).collect()
    }

    fn message_zh(&self) -> String {
        let known = |fen: Option<i128>| fen.map_or_else(|| "金额不详".to_owned(), money_zh);
        let (claimed, benefit, amount) = (known(self.claimed), known(self.benefit), known(self.amount));
        let when = span_zh(self.policy.grain, self.at);
        match self.answer {
            Answer::ClaimedNotDue => {
                let failed = self.failing(|condition| condition.label.zh.clone()).join("、");
                // Who meets every condition and is not due gave the benefit up.
                let why = if failed.is_empty() {
                    "已声明放弃本项优惠".to_owned()
                } else {
                    format!("不符合条件：{failed}")
                };
                format!("{when}申报享受{claimed}，但{why}；涉及税款{amount}")
            }
            Answer::OverClaimed => format!("{when}申报享受{claimed}，按政策可享{benefit}，多享{amount}"),
            Answer::UnderClaimed => format!("{when}申报享受{claimed}，按政策可享{benefit}，少享{amount}"),
            Answer::ToBeConfirmed => {
                let papers: Vec<&str> = self.papers().map(|one| one.label.zh.as_str()).collect();
                format!("{when}申报享受{claimed}，表内条件均满足，须凭资料确认：{}", papers.join("、"))
            }
            _ => format!("{when}符合条件而未申报享受，按政策可享{benefit}"),
        }
    }

    fn message_en(&self) -> String {
        let known = |fen: Option<i128>| fen.map_or_else(|| "an unknown amount".to_owned(), money_en);
        let (claimed, benefit, amount) = (known(self.claimed), known(self.benefit), known(self.amount));
        let at = self.at;
        match self.answer {
            Answer::ClaimedNotDue => {
                let failed = self.failing(|condition| condition.label.en.clone()).join(", ");
                let why =
                    if failed.is_empty() { "gave it up".to_owned() } else { format!("fails: {failed}") };
                format!("claims {claimed} for the period to {at}, but {why}; tax concerned {amount}")
            }
            Answer::OverClaimed => {
                format!("claims {claimed} for the period to {at}; {benefit} is due, {amount} too much")
            }
            Answer::UnderClaimed => {
                format!("claims {claimed} for the period to {at}; {benefit} is due, {amount} too little")
            }
            Answer::ToBeConfirmed => {
                let papers: Vec<&str> = self.papers().map(|one| one.label.en.as_str()).collect();
                format!(
                    "claims {claimed} for the period to {at}; to be confirmed by documents: {}",
                    papers.join(", ")
                )
            }
            _ => format!("entitled to {benefit} for the period to {at} and does not claim it"),
        }
    }

    /// What to know when reading it: how certain the rule is, what the two figures are, what to advise.
    fn note_zh(&self) -> String {
        let unverified = period::end(self.at).is_some_and(|day| self.version.unverified(day));
        let warning = if unverified {
            "该政策版本在本所属期的有效性待复核，引用前请核对原文。"
        } else {
            ""
        };
        format!("{warning}指标值为已申报享受额，预警值为按政策应享额。{}", self.policy.advice.zh)
    }
}

/// A period as an officer reads it.
fn span_zh(grain: Grain, at: i32) -> String {
    let (year, month) = (at / 100, at % 100);
    match grain {
        Grain::Month => format!("{year}年{month}月"),
        Grain::Quarter => format!("{year}年第{}季度", (month + 2) / 3),
        Grain::Year => format!("{year}年度"),
    }
}
