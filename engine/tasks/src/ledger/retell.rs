//! A task told again from its suspicions, when some were taken out or joined: amounts, score, taxes, months and the
//! paragraph that an officer reads. What says the same for a fresh scan is the merge.

use crate::suspicions::{
    count_amounts, kept_en, kept_zh, paragraph_en, paragraph_zh, taxes, told_en, told_zh,
};
use crate::{Task, TaskItem};

/// Puts suspicions in order (most points first), numbers them, and makes the task's sums and texts follow from them.
/// Grade and days stay as they are, and so does what is known of the taxpayer besides.
pub(super) fn retell(task: &mut Task, items: &mut [TaskItem]) {
    items.sort_by(|a, b| {
        b.points
            .cmp(&a.points)
            .then_with(|| b.amount.cmp(&a.amount))
            .then_with(|| a.indicator.cmp(&b.indicator))
    });
    let (counted, amount) = count_amounts(items.iter().map(|item| (item.family.as_str(), item.at_stake())));
    for (at, item) in items.iter_mut().enumerate() {
        item.item_no = i32::try_from(at + 1).unwrap_or(i32::MAX);
        item.task_no.clone_from(&task.task_no);
        item.row_key.clone_from(&task.row_key);
        item.amount_counted = counted[at];
    }
    task.hit_count = i64::try_from(items.len()).unwrap_or(i64::MAX);
    task.score = items.iter().map(|item| item.points).sum();
    task.amount = amount;
    task.tax = taxes(items.iter().map(|item| item.tax.as_str()));
    task.period_to = items.iter().map(|item| item.as_of).max().unwrap_or(task.period_to);
    let latest = task.period_to;
    let told: Vec<(String, String)> =
        items.iter().map(|item| (told_zh(item, latest), told_en(item, latest))).collect();
    let zh = items.iter().zip(&told).map(|(item, (zh, _))| (item.name_zh.as_str(), zh.as_str()));
    task.suspicion_zh = paragraph_zh(zh, amount, kept_zh(&task.suspicion_zh));
    let en = items.iter().zip(&told).map(|(item, (_, en))| (item.name_en.as_str(), en.as_str()));
    task.suspicion_en = paragraph_en(en, amount, kept_en(&task.suspicion_en));
}
