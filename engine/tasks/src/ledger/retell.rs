//! A task told again from its suspicions, when some were taken out or joined: amounts, score, taxes, months and the
//! paragraph that an officer reads. What says the same for a fresh scan is the merge.

use std::collections::BTreeMap;

use crate::text::{circled, clause, yuan, yuan_en};
use crate::{Task, TaskItem};

/// Puts suspicions in order (most points first), numbers them, and makes the task's sums and texts follow from them.
/// Grade and days stay as they are.
pub(super) fn retell(task: &mut Task, items: &mut [TaskItem]) {
    items.sort_by(|a, b| {
        b.points
            .cmp(&a.points)
            .then_with(|| b.amount.cmp(&a.amount))
            .then_with(|| a.indicator.cmp(&b.indicator))
    });
    let largest = largest_of_families(items);
    for (at, item) in items.iter_mut().enumerate() {
        item.item_no = i32::try_from(at + 1).unwrap_or(i32::MAX);
        item.task_no.clone_from(&task.task_no);
        item.row_key.clone_from(&task.row_key);
        item.amount_counted = largest.get(item.family.as_str()).is_some_and(|(first, _)| *first == at);
    }
    task.hit_count = i64::try_from(items.len()).unwrap_or(i64::MAX);
    task.score = items.iter().map(|item| item.points).sum();
    task.amount = (!largest.is_empty()).then(|| largest.values().map(|(_, amount)| amount).sum());
    let mut taxes: Vec<&str> = Vec::new();
    for item in items.iter() {
        if !taxes.contains(&item.tax.as_str()) {
            taxes.push(&item.tax);
        }
    }
    task.tax = taxes.join(",");
    task.period_to = items.iter().map(|item| item.as_of).max().unwrap_or(task.period_to);
    task.suspicion_zh = suspicion_zh(task, items);
    task.suspicion_en = suspicion_en(task, items);
}

/// The place and amount of the largest suspicion of each family, the first where they are equal.
fn largest_of_families(items: &[TaskItem]) -> BTreeMap<String, (usize, i128)> {
    let mut largest: BTreeMap<String, (usize, i128)> = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        let Some(amount) = item.amount else { continue };
        let best = largest.entry(item.family.clone()).or_insert((at, amount));
        if amount > best.1 {
            *best = (at, amount);
        }
    }
    largest
}

fn suspicion_zh(task: &Task, items: &[TaskItem]) -> String {
    let clauses = items
        .iter()
        .enumerate()
        .map(|(at, item)| format!("{}{}：{}", circled(at + 1), item.name_zh, clause(&item.message_zh)));
    let mut paragraph = clauses.collect::<Vec<_>>().join("；");
    paragraph.push('。');
    if let Some(amount) = task.amount {
        paragraph.push_str(&format!("预估税款合计{}（同类疑点取最大一项，不重复累加）。", yuan(amount)));
    }
    paragraph
}

fn suspicion_en(task: &Task, items: &[TaskItem]) -> String {
    let clauses = items
        .iter()
        .enumerate()
        .map(|(at, item)| format!("({}) {}: {}", at + 1, item.name_en, clause(&item.message_en)));
    let mut paragraph = clauses.collect::<Vec<_>>().join("; ");
    paragraph.push('.');
    if let Some(amount) = task.amount {
        let amount = yuan_en(amount);
        paragraph.push_str(&format!(" Estimated tax {amount} (the largest of each family, then summed)."));
    }
    paragraph
}
