//! One task per taxpayer: the hits of a scan merged, ranked, numbered and routed (扎口).
//!
//! Amounts of hits in one family estimate the same tax in several ways, so they do not add up: of each family the
//! largest counts, and a task's amount is the sum over families. The result depends on the content of the tables only,
//! not on the order of their rows or batches.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::RecordBatch;
use chrono::{Datelike, NaiveDate};

use super::error::TaskError;
use super::inputs::{Hit, Registration, Score, read_hits, read_registrations, read_scores};
use super::model::{ItemKind, Task, TaskItem, Tasks};
use super::number::{SEQUENCE_MAX, row_key, task_no};
use super::office::Tree;
use super::response::{GradeDays, ResponsePolicy};
use super::suspicions::{count_amounts, known_en, known_zh, paragraph_en, paragraph_zh, taxes};
use super::text::{IndicatorText, facts_zh};

/// Problems told at once; more would only repeat them.
const PROBLEMS_MAX: usize = 20;

/// What tasks are made from: stored tables of one scan and the texts of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct MergeInput<'a> {
    /// `hit`, of one as-of month.
    pub hits: &'a [RecordBatch],
    /// `score`, of the same scan; taxpayers without hits are left out.
    pub scores: &'a [RecordBatch],
    /// `taxpayer`, stored form; may lack taxpayers.
    pub taxpayers: &'a [RecordBatch],
    /// `office`, stored form; may be empty.
    pub offices: &'a [RecordBatch],
    /// Texts by indicator code; every indicator that hit must be there.
    pub texts: &'a BTreeMap<String, IndicatorText>,
}

/// How tasks are issued.
#[derive(Debug, Clone)]
pub struct TaskOptions {
    /// 下发日期; due dates count from it, registrations are those in force on it.
    pub issued_on: NaiveDate,
    /// 批次.
    pub batch: String,
    /// 推送单位, when known.
    pub pushed_by: Option<String>,
    /// First sequence number; one above the last given out for the same month and type, 1 for the first list.
    pub first_sequence: u32,
    /// Days to respond, by grade, from the scorecard.
    pub due_days: GradeDays,
    /// Type, source and 应对方式.
    pub policy: ResponsePolicy,
}

/// A taxpayer's hits, most points first, with its score.
struct Draft {
    hits: Vec<Hit>,
    /// For each hit, whether its amount counts.
    counted: Vec<bool>,
    score: Score,
    amount: Option<i128>,
}

/// Makes the tasks of one scan.
///
/// Rank, and with it the sequence number, is by score, then amount (unknown last), then taxpayer id.
///
/// # Errors
/// A missing or wrongly typed column; or [`TaskError::Input`] with every contradiction found: several as-of months,
/// hits without a score, a score that is not the sum of its hits, an indicator that hit twice or has no text.
pub fn merge(input: MergeInput<'_>, options: &TaskOptions) -> Result<Tasks, TaskError> {
    let mut problems = Vec::new();
    let hits = read_hits(input.hits)?;
    let scores = read_scores(input.scores, &mut problems)?;
    let keys: HashSet<i64> = hits.iter().map(|hit| hit.taxpayer_key).collect();
    let day = days(options.issued_on);
    let registrations = read_registrations(input.taxpayers, &keys, day)?;
    let offices = Tree::of_table(input.offices)?;
    check_hits(&hits, input.texts, &mut problems);
    let mut drafts = drafts(hits, &scores, &mut problems);
    if u64::from(options.first_sequence) + drafts.len() as u64 > u64::from(SEQUENCE_MAX) + 1 {
        let count = drafts.len();
        problems.push(format!("{count} tasks from number {} on exceed seven digits", options.first_sequence));
    }
    if !problems.is_empty() {
        problems.sort();
        problems.truncate(PROBLEMS_MAX);
        return Err(TaskError::Input(problems));
    }
    drafts.sort_by(|a, b| rank(a).cmp(&rank(b)));
    let mut tasks = Tasks { tasks: Vec::with_capacity(drafts.len()), items: Vec::new() };
    for (sequence, draft) in (options.first_sequence..).zip(&drafts) {
        let registration = registrations.get(&draft.hits[0].taxpayer_key).cloned().unwrap_or_default();
        let task = task(draft, sequence, registration, &offices, input.texts, options)?;
        for (at, hit) in draft.hits.iter().enumerate() {
            tasks.items.push(item(&task, at, hit, draft.counted[at], input.texts));
        }
        tasks.tasks.push(task);
    }
    Ok(tasks)
}

fn rank(draft: &Draft) -> (Reverse<i128>, Reverse<Option<i128>>, &str) {
    (Reverse(draft.score.score), Reverse(draft.amount), &draft.hits[0].taxpayer_id)
}

/// Checks what each hit needs beside its score: a text, readable facts, the one as-of month.
fn check_hits(hits: &[Hit], texts: &BTreeMap<String, IndicatorText>, problems: &mut Vec<String>) {
    let used: HashSet<&str> = hits.iter().map(|hit| hit.indicator.as_str()).collect();
    for code in used.into_iter().filter(|code| !texts.contains_key(*code)) {
        problems.push(format!("indicator {code} hit but has no text; pass the catalogue the scan ran with"));
    }
    for hit in hits {
        let (id, code) = (&hit.taxpayer_id, &hit.indicator);
        if id.is_empty() {
            problems.push(format!("indicator {code}: taxpayer key {} has no id", hit.taxpayer_key));
        }
        if let Err(wrong) = facts_zh(&hit.facts) {
            problems.push(format!("taxpayer {id}, indicator {code}: `facts` cannot be read: {wrong}"));
        }
    }
    let mut months: Vec<i32> = hits.iter().map(|hit| hit.as_of).collect();
    months.sort_unstable();
    months.dedup();
    if months.len() > 1 {
        problems.push(format!("hits of several as-of months {months:?}; pass one month at a time"));
    }
}

/// Groups hits by taxpayer and checks each group against its score.
fn drafts(hits: Vec<Hit>, scores: &HashMap<i64, Score>, problems: &mut Vec<String>) -> Vec<Draft> {
    let mut groups: BTreeMap<i64, Vec<Hit>> = BTreeMap::new();
    for hit in hits {
        groups.entry(hit.taxpayer_key).or_default().push(hit);
    }
    let mut drafts = Vec::with_capacity(groups.len());
    for (key, mut hits) in groups {
        hits.sort_by(|a, b| {
            let order = |hit: &Hit| (Reverse(hit.points), Reverse(hit.amount));
            order(a).cmp(&order(b)).then_with(|| a.indicator.cmp(&b.indicator))
        });
        let Some(score) = scores.get(&key) else {
            problems.push(format!("taxpayer {} has hits but no row in `score`", hits[0].taxpayer_id));
            continue;
        };
        check_group(&hits, score, problems);
        let (counted, amount) = count_amounts(hits.iter().map(|hit| (hit.family.as_str(), hit.amount)));
        drafts.push(Draft { hits, counted, score: score.clone(), amount });
    }
    drafts
}

fn check_group(hits: &[Hit], score: &Score, problems: &mut Vec<String>) {
    let id = &hits[0].taxpayer_id;
    let points: i128 = hits.iter().map(|hit| hit.points).sum();
    if points != score.score || i64::try_from(hits.len()) != Ok(score.hits) || hits[0].as_of != score.as_of {
        let (count, expected, whole) = (hits.len(), score.hits, score.score);
        problems.push(format!(
            "taxpayer {id}: {count} hits with {points} centipoints, but its score says {expected} and {whole}; \
             pass hits and scores of the same scan"
        ));
    }
    let mut seen = HashSet::new();
    for hit in hits.iter().filter(|hit| !seen.insert(hit.indicator.as_str())) {
        problems.push(format!("taxpayer {id}: indicator {} hit twice in one scan", hit.indicator));
    }
}

fn task(
    draft: &Draft,
    sequence: u32,
    registration: Registration,
    offices: &Tree,
    texts: &BTreeMap<String, IndicatorText>,
    options: &TaskOptions,
) -> Result<Task, TaskError> {
    let (first, score, policy) = (&draft.hits[0], &draft.score, &options.policy);
    let bad_grade = || {
        TaskError::Input(vec![format!("grade `{}` in `score`; high, medium or low is expected", score.grade)])
    };
    let due_days = options.due_days.of(&score.grade).ok_or_else(bad_grade)?;
    let response = policy.response_of(&score.grade).ok_or_else(bad_grade)?.to_owned();
    let route = offices.route(registration.office_code);
    let codes: Vec<&str> = draft.hits.iter().map(|hit| hit.indicator.as_str()).collect();
    let months = codes.iter().map(|code| texts.get(*code).and_then(|text| text.months));
    let months = months.map(|months| months.unwrap_or(policy.period_months)).max();
    let (suspicion_zh, suspicion_en) = suspicion(draft, texts);
    Ok(Task {
        task_no: task_no(route.office_code.as_deref(), first.as_of, &policy.task_type, sequence),
        row_key: row_key(&first.taxpayer_id, first.as_of, &codes),
        sequence: i64::from(sequence),
        as_of: first.as_of,
        taxpayer_key: first.taxpayer_key,
        taxpayer_id: first.taxpayer_id.clone(),
        taxpayer_name: registration.name,
        office_code: route.office_code,
        office_name: route.office_name,
        county_name: route.county_name,
        office_path: route.path,
        industry_code: registration.industry_code,
        taxpayer_status: registration.status,
        credit_rating: registration.credit_rating,
        grade: score.grade.clone(),
        score: score.score,
        hit_count: score.hits,
        tax: taxes(draft.hits.iter().map(|hit| hit.tax.as_str())),
        period_from: months_before(first.as_of, months.unwrap_or(1).max(1) - 1),
        period_to: first.as_of,
        suspicion_zh,
        request_zh: None,
        suspicion_en,
        amount: draft.amount,
        response,
        due_days,
        due_on: days(options.issued_on) + due_days,
        issued_on: days(options.issued_on),
        batch: options.batch.clone(),
        source: policy.source.clone(),
        pushed_by: options.pushed_by.clone(),
        status: "created".to_owned(),
    })
}

/// The paragraphs in Chinese and English.
fn suspicion(draft: &Draft, texts: &BTreeMap<String, IndicatorText>) -> (String, String) {
    let text = |hit: &Hit| texts.get(&hit.indicator);
    let known = draft.score.standing.as_ref();
    let known_zh = known.map_or_else(String::new, |known| known_zh(&known.zh, known.factor));
    let known_en = known.map_or_else(String::new, |known| known_en(&known.en, known.factor));
    let zh = draft
        .hits
        .iter()
        .map(|hit| (text(hit).map_or(hit.indicator.as_str(), |text| &text.name_zh), hit.message_zh.as_str()));
    let en = draft
        .hits
        .iter()
        .map(|hit| (text(hit).map_or(hit.indicator.as_str(), |text| &text.name_en), hit.message_en.as_str()));
    (paragraph_zh(zh, draft.amount, &known_zh), paragraph_en(en, draft.amount, &known_en))
}

fn item(
    task: &Task,
    at: usize,
    hit: &Hit,
    amount_counted: bool,
    texts: &BTreeMap<String, IndicatorText>,
) -> TaskItem {
    let text = texts.get(&hit.indicator).cloned().unwrap_or_default();
    TaskItem {
        task_no: task.task_no.clone(),
        row_key: task.row_key.clone(),
        item_no: i32::try_from(at + 1).unwrap_or(i32::MAX),
        as_of: hit.as_of,
        taxpayer_key: hit.taxpayer_key,
        taxpayer_id: hit.taxpayer_id.clone(),
        kind: ItemKind::Hit,
        indicator: hit.indicator.clone(),
        version: hit.version,
        family: hit.family.clone(),
        tax: hit.tax.clone(),
        severity: hit.severity.clone(),
        value: hit.value,
        op: hit.op.clone(),
        line: hit.line,
        line_kind: hit.line_kind.clone(),
        line_source: hit.line_source.clone(),
        peer_group: hit.peer_group.clone(),
        peer_n: hit.peer_n,
        deviation: hit.deviation,
        amount: hit.amount,
        amount_counted,
        points: hit.points,
        message_zh: hit.message_zh.clone(),
        message_en: hit.message_en.clone(),
        facts: hit.facts.clone(),
        // Checked before: facts that cannot be read stop the merge.
        facts_zh: facts_zh(&hit.facts).unwrap_or_default(),
        innocent_zh: text.innocent_zh.join("\n"),
        ask_zh: text.ask_zh.join("\n"),
        basis_zh: text.basis_zh(),
        evidence_sql: hit.evidence_sql.clone(),
        note_zh: text.note_zh,
        name_zh: text.name_zh,
        name_en: text.name_en,
        unit: text.unit,
    }
}

/// Days since 1970-01-01.
pub fn days(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - NaiveDate::default().num_days_from_ce()
}

/// The month some months before a month (YYYYMM).
pub(crate) fn months_before(period: i32, months: u32) -> i32 {
    let count = period / 100 * 12 + period % 100 - 1 - i32::try_from(months).unwrap_or(0);
    count.div_euclid(12) * 100 + count.rem_euclid(12) + 1
}
