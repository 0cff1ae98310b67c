//! Merging: what a task is, whatever the order of the rows.

use std::collections::HashSet;

use crate::sample::{
    SampleHit, hit_batch, hits, merged, office_batch, options, score_batch, taxpayer_batch, taxpayer_id,
    texts,
};
use crate::{MergeInput, Task, TaskError, Tasks, check_character, merge};

fn hit(taxpayer: i64, indicator: &'static str, amount: Option<i128>, points: i128) -> SampleHit {
    SampleHit { taxpayer, indicator, value: 0.5, amount, points }
}

fn task_of(tasks: &Tasks, taxpayer: i64) -> &Task {
    tasks.tasks.iter().find(|task| task.taxpayer_key == taxpayer).unwrap()
}

#[test]
fn one_task_per_taxpayer_and_every_hit_kept() {
    let all = hits();
    let tasks = merged(&all);
    let ids: HashSet<_> = tasks.tasks.iter().map(|task| &task.taxpayer_id).collect();
    assert_eq!((tasks.tasks.len(), ids.len(), tasks.items.len()), (30, 30, all.len()));
    let keys: HashSet<_> = tasks.tasks.iter().map(|task| &task.row_key).collect();
    assert_eq!(keys.len(), 30);
    for task in &tasks.tasks {
        let items: Vec<_> = tasks.items.iter().filter(|item| item.task_no == task.task_no).collect();
        assert_eq!(i64::try_from(items.len()).unwrap(), task.hit_count);
        assert_eq!(items.iter().map(|item| item.points).sum::<i128>(), task.score);
        assert!(items.windows(2).all(|pair| pair[0].points >= pair[1].points));
        let (body, check) = task.task_no.split_at(task.task_no.len() - 1);
        assert_eq!(check_character(body).to_string(), check);
    }
}

#[test]
fn amounts_of_a_family_do_not_add_up() {
    // I05 and I07 are one family, I12 is another, I21 states no amount.
    let tasks = merged(&[
        hit(1, "I05", Some(10_000), 900),
        hit(1, "I07", Some(25_000), 800),
        hit(1, "I12", Some(4_000), 700),
        hit(1, "I21", None, 600),
        hit(2, "I21", None, 600),
    ]);
    assert_eq!(task_of(&tasks, 1).amount, Some(29_000));
    assert_eq!(task_of(&tasks, 2).amount, None);
    let counted: Vec<_> =
        tasks.items.iter().map(|item| (item.indicator.as_str(), item.amount_counted)).collect();
    assert_eq!(counted, [("I05", false), ("I07", true), ("I12", true), ("I21", false), ("I21", false)]);
    assert!(
        task_of(&tasks, 1).suspicion_zh.ends_with("预估税款合计290.00元（同类疑点取最大一项，不重复累加）。")
    );
    assert!(!task_of(&tasks, 2).suspicion_zh.contains("预估税款"));
    // What is known besides stands at the end, with what it did to the points.
    assert!(task_of(&tasks, 2).suspicion_zh.ends_with("另：纳税信用D级，积分已乘以1.44。"));
    assert!(
        task_of(&tasks, 2)
            .suspicion_en
            .ends_with("Known besides: credit rating D; points were multiplied by 1.44.")
    );
    assert!(!task_of(&tasks, 1).suspicion_zh.contains("另："));
}

#[test]
fn the_description_merges_all_hits_most_points_first() {
    let tasks = merged(&[hit(1, "I12", None, 700), hit(1, "I05", None, 900)]);
    let task = task_of(&tasks, 1);
    assert!(
        task.suspicion_zh.starts_with("①作废率偏高：近12个月开票1,842份，其中作废50.0%"),
        "{}",
        task.suspicion_zh
    );
    assert!(task.suspicion_zh.contains("；②开票金额突增："));
    assert!(
        task.suspicion_en.starts_with("(1) High share of voided invoices: The value is 50.0%; (2) Surge")
    );
    assert_eq!((task.period_from, task.period_to), (202_407, 202_506));
}

#[test]
fn rank_is_by_score_then_amount_then_id() {
    let tasks = merged(&[
        hit(1, "I05", None, 500),
        hit(2, "I05", Some(1), 500),
        hit(3, "I05", Some(2), 500),
        hit(4, "I05", Some(2), 500),
        hit(5, "I05", None, 501),
    ]);
    let order: Vec<_> = tasks.tasks.iter().map(|task| (task.sequence, task.taxpayer_key)).collect();
    assert_eq!(order, [(1, 5), (2, 3), (3, 4), (4, 2), (5, 1)]);
    assert!(taxpayer_id(3) < taxpayer_id(4));
}

#[test]
fn grade_decides_response_and_due_date() {
    let tasks = merged(&[hit(1, "I05", None, 6_100), hit(2, "I05", None, 3_100), hit(3, "I05", None, 900)]);
    let issued = tasks.tasks[0].issued_on;
    let of = |at: usize| {
        let task = &tasks.tasks[at];
        (task.grade.as_str(), task.response.as_str(), task.due_days, task.due_on - issued)
    };
    assert_eq!(of(0), ("high", "纳税评估", 7, 7));
    assert_eq!(of(1), ("medium", "税务约谈/调查核实", 30, 30));
    assert_eq!(of(2), ("low", "提示提醒", 90, 90));
}

#[test]
fn tasks_go_to_the_office_that_manages_the_taxpayer_now() {
    let tasks = merged(&hits());
    let route = |key| {
        let task = task_of(&tasks, key);
        (task.office_code.as_deref(), task.office_name.as_deref(), task.county_name.as_deref())
    };
    let county = Some("国家税务总局深圳市福田区税务局");
    // Firm 0 moved; its earlier registration names the second office.
    assert_eq!(route(0), (Some("14403000200"), Some("第一税务所"), county));
    assert_eq!(route(12), (Some("14403000300"), Some("第二税务所（办税服务厅）"), county));
    assert_eq!(route(22), (Some("14403000900"), None, None));
    assert_eq!(route(24), (None, None, None));
    assert!(task_of(&tasks, 0).task_no.starts_with("14403000200202506FX"));
    assert!(task_of(&tasks, 24).task_no.starts_with("000000000202506FX"));
    // Firm 29 is not registered: unknown, not invented.
    let unregistered = task_of(&tasks, 29);
    assert_eq!((&unregistered.taxpayer_name, &unregistered.taxpayer_status), (&None, &None));
    assert_eq!(
        task_of(&tasks, 0).office_path.as_deref(),
        Some("国家税务总局深圳市税务局 › 国家税务总局深圳市福田区税务局 › 第一税务所")
    );
}

#[test]
fn the_order_of_rows_and_batches_does_not_matter() {
    let all = hits();
    let expected = merged(&all);
    let mut reversed = all.clone();
    reversed.reverse();
    let (left, right) = reversed.split_at(17);
    let texts = texts();
    let offices = office_batch();
    let input = MergeInput {
        hits: &[hit_batch(left), hit_batch(right)],
        scores: &[score_batch(&all)],
        taxpayers: &[taxpayer_batch().slice(10, 20), taxpayer_batch().slice(0, 10)],
        offices: &[offices.slice(2, 2), offices.slice(0, 2)],
        texts: &texts,
    };
    assert_eq!(merge(input, &options()).unwrap(), expected);
}

#[test]
fn numbering_goes_on_where_the_last_list_ended() {
    let all = hits();
    let texts = texts();
    let tables = (hit_batch(&all), score_batch(&all), taxpayer_batch(), office_batch());
    let input = MergeInput {
        hits: &[tables.0],
        scores: &[tables.1],
        taxpayers: &[tables.2],
        offices: &[tables.3],
        texts: &texts,
    };
    let mut options = options();
    options.first_sequence = 9_999_970;
    let tasks = merge(input, &options).unwrap();
    assert!(tasks.tasks[29].task_no.contains("FX9999999"));
    // The key of a row does not change with its number.
    assert_eq!(tasks.tasks[7].row_key, merged(&all).tasks[7].row_key);
    options.first_sequence += 1;
    assert!(matches!(merge(input, &options), Err(TaskError::Input(_))));
}

#[test]
fn every_contradiction_is_told_at_once() {
    let all = [hit(1, "I05", None, 900), hit(2, "I05", None, 800), hit(3, "I05", None, 100)];
    let twice = [all[0].clone(), all[0].clone(), all[1].clone(), all[2].clone()];
    let mut scored = all[..2].to_vec();
    scored[1].points += 1;
    let mut texts = texts();
    texts.remove("I05");
    let input = MergeInput {
        hits: &[hit_batch(&twice)],
        scores: &[score_batch(&scored)],
        taxpayers: &[],
        offices: &[],
        texts: &texts,
    };
    let TaskError::Input(problems) = merge(input, &options()).unwrap_err() else { panic!("another error") };
    let told = |part: &str| problems.iter().filter(|problem| problem.contains(part)).count();
    assert_eq!(told("has no text"), 1, "{problems:?}");
    assert_eq!(told("hit twice"), 1, "{problems:?}");
    assert_eq!(told("no row in `score`"), 1, "{problems:?}");
    // Firm 1 has two hits of one scored, firm 2 another sum.
    assert_eq!(told("of the same scan"), 2, "{problems:?}");
}

#[test]
fn a_missing_column_is_named() {
    let all = hits();
    let hits = hit_batch(&all).project(&[0, 1, 2, 3]).unwrap();
    let texts = texts();
    let input = MergeInput { hits: &[hits], scores: &[], taxpayers: &[], offices: &[], texts: &texts };
    let error = merge(input, &options()).unwrap_err().to_string();
    assert!(error.contains("`hit`") && error.contains("`version`"), "{error}");
}

#[test]
fn stored_tasks_come_back_as_they_were() {
    let tasks = merged(&hits());
    let (task_batch, item_batch) = (tasks.task_batch().unwrap(), tasks.item_batch().unwrap());
    let half = item_batch.num_rows() / 2;
    // Rows may come back in another order.
    let items = [item_batch.slice(half, item_batch.num_rows() - half), item_batch.slice(0, half)];
    let read = Tasks::from_batches(&[task_batch.slice(9, 21), task_batch.slice(0, 9)], &items).unwrap();
    assert_eq!(read, tasks);
    let orphaned = Tasks::from_batches(&[task_batch.slice(0, 9)], &items);
    assert!(matches!(orphaned, Err(TaskError::Input(_))));
}
