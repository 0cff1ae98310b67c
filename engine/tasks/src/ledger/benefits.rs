//! What policies found, as tasks: who claims what is not due is to be verified, who does not claim what is due is to be reminded. One task a
//! taxpayer as ever: findings join the hits of the same scan. What is due to whom is decided elsewhere.

use std::collections::{BTreeMap, HashMap};

use super::draw::Frame;
use super::error::Result;
use super::intake::{Intake, TASK_TYPE};
use super::retell::retell;
use super::state::{Action, State};
use super::store::{Kind, Stored, change, put_items};
use super::{By, Tx};
use crate::office::Tree;
use crate::{ItemKind, Task, TaskItem, Tasks, row_key, task_no};

/// A finding and its taxpayer.
#[derive(Debug, Clone)]
pub struct BenefitFinding {
    /// Whom it is about.
    pub taxpayer: Frame,
    /// What was found. Task number, row key and number within the task are filled in when it becomes part of one.
    pub item: TaskItem,
}

/// A finding that no longer holds, by facts that came in late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Whom it was about.
    pub taxpayer_id: String,
    /// Code of its item.
    pub indicator: String,
    /// Month that was asked again.
    pub as_of: i32,
}

/// Takes what no longer holds out of tasks that are not sent; one with nothing left is recalled. Of tasks that are out: number and code.
pub(super) async fn settle(
    tx: &mut Tx,
    open: &mut HashMap<String, Stored>,
    settled: &[Settled],
    by: &By,
) -> Result<(usize, Vec<(String, String)>)> {
    let (mut taken_out, mut out) = (0, Vec::new());
    for gone in settled {
        let Some(one) = open.get_mut(&gone.taxpayer_id) else { continue };
        let is_it = |item: &TaskItem| item.indicator == gone.indicator && item.as_of == gone.as_of;
        if !one.items.iter().any(is_it) {
            continue;
        }
        if one.state != State::Created {
            out.push((one.task.task_no.clone(), gone.indicator.clone()));
            continue;
        }
        taken_out += 1;
        let note = format!("后补资料：{}（{}）不再成立", gone.indicator, gone.as_of);
        if one.items.len() == 1 && one.kind == Kind::Benefit {
            change(tx, one, Action::Recall, by, Some(&note)).await?;
            open.remove(&gone.taxpayer_id);
            continue;
        }
        one.items.retain(|item| !is_it(item));
        retell(&mut one.task, &mut one.items);
        put_items(tx, one, by).await?;
        change(tx, one, Action::Settle, by, Some(&note)).await?;
    }
    Ok((taken_out, out))
}

/// The candidates of a scan with what policies found: in the task of their taxpayer, else in one of their own, after all others and the
/// largest amounts first.
pub(super) fn with_findings(intake: &Intake<'_>, tree: &Tree) -> Tasks {
    let mut findings: BTreeMap<&str, Vec<&BenefitFinding>> = BTreeMap::new();
    for one in intake.findings {
        findings.entry(one.taxpayer.taxpayer_id.as_str()).or_default().push(one);
    }
    let mut all = Tasks { tasks: Vec::new(), items: Vec::new() };
    let mut rest = intake.candidates.items.as_slice();
    for task in &intake.candidates.tasks {
        let n = rest.iter().take_while(|item| item.task_no == task.task_no).count();
        let (items, later) = rest.split_at(n);
        rest = later;
        let mut items = items.to_vec();
        let mut task = task.clone();
        if let Some(more) = findings.remove(task.taxpayer_id.as_str()) {
            items.extend(more.into_iter().map(|one| one.item.clone()));
            retell(&mut task, &mut items);
        }
        all.tasks.push(task);
        all.items.extend(items);
    }
    // What only a document can confirm makes no task of its own.
    findings.retain(|_, found| found.iter().any(|one| one.item.kind != ItemKind::Confirm));
    let mut own: Vec<Vec<&BenefitFinding>> = findings.into_values().collect();
    let stake = |found: &[&BenefitFinding]| found.iter().filter_map(|one| one.item.amount).sum::<i128>();
    own.sort_by_key(|found| std::cmp::Reverse(stake(found)));
    let mut next = intake.candidates.tasks.iter().map(|task| task.sequence).max().unwrap_or(0);
    for found in own {
        next += 1;
        let (task, items) = own_task(&found, next, intake, tree);
        all.tasks.push(task);
        all.items.extend(items);
    }
    all
}

fn own_task(
    found: &[&BenefitFinding],
    sequence: i64,
    intake: &Intake<'_>,
    tree: &Tree,
) -> (Task, Vec<TaskItem>) {
    let who = &found[0].taxpayer;
    let route = tree.route(who.office_code.clone());
    let codes: Vec<&str> = found.iter().map(|one| one.item.indicator.as_str()).collect();
    let number = u32::try_from(sequence).unwrap_or(u32::MAX);
    let mut items: Vec<TaskItem> = found.iter().map(|one| one.item.clone()).collect();
    let grade = grade_of(&items);
    let mut task = Task {
        task_no: task_no(route.office_code.as_deref(), intake.as_of, TASK_TYPE, number),
        row_key: row_key(&who.taxpayer_id, intake.as_of, &codes),
        sequence,
        as_of: intake.as_of,
        taxpayer_key: who.taxpayer_key,
        taxpayer_id: who.taxpayer_id.clone(),
        taxpayer_name: who.name.clone(),
        office_code: route.office_code,
        office_name: route.office_name,
        county_name: route.county_name,
        office_path: route.path,
        industry_code: who.industry_code.clone(),
        taxpayer_status: who.status.clone(),
        credit_rating: who.credit_rating.clone(),
        grade: grade.to_owned(),
        score: 0,
        hit_count: 0,
        tax: String::new(),
        period_from: crate::months_before(intake.as_of, 11),
        period_to: intake.as_of,
        suspicion_zh: String::new(),
        suspicion_en: String::new(),
        request_zh: None,
        amount: None,
        response: response_of(&items, intake),
        due_days: (intake.days_of)(grade),
        due_on: 0,
        issued_on: 0,
        batch: format!("{}-YH", intake.as_of),
        source: "税费优惠政策比对".to_owned(),
        pushed_by: None,
        status: State::Created.word().to_owned(),
    };
    retell(&mut task, &mut items);
    (task, items)
}

/// The grade of a task without hits: what was claimed and is not due is looked into, the rest is a reminder.
pub(super) fn grade_of(items: &[TaskItem]) -> &'static str {
    if items.iter().any(|item| item.kind == ItemKind::Verify) { "medium" } else { "low" }
}

/// 应对方式 of a task without hits.
pub(super) fn response_of(items: &[TaskItem], intake: &Intake<'_>) -> String {
    (intake.response_of)(if grade_of(items) == "medium" { "verify" } else { "remind" })
}
