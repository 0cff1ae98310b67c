//! Tasks and items back from the stored tables, in rank order whatever order the rows come in.

use std::collections::HashMap;

use arrow::array::{AsArray, RecordBatch};

use super::error::TaskError;
use super::model::{ItemKind, Task, TaskItem, Tasks};
use super::read::{Reader, optional, optional_text};

impl Tasks {
    /// Reads the tables `task` and `task_item` (of one scan, or of several: rank order is then by scan, sequence).
    ///
    /// # Errors
    /// A missing or wrongly typed column; an item whose task is not among the tasks.
    pub fn from_batches(tasks: &[RecordBatch], items: &[RecordBatch]) -> Result<Self, TaskError> {
        let mut read = Self { tasks: Vec::new(), items: Vec::new() };
        for batch in tasks {
            read_tasks(batch, &mut read.tasks)?;
        }
        for batch in items {
            read_items(batch, &mut read.items)?;
        }
        read.tasks.sort_by_key(|task| (task.as_of, task.sequence));
        let rank: HashMap<&str, usize> =
            read.tasks.iter().enumerate().map(|(at, task)| (task.task_no.as_str(), at)).collect();
        let orphans = read.items.iter().filter(|item| !rank.contains_key(item.task_no.as_str()));
        let problems: Vec<String> = orphans
            .take(20)
            .map(|item| {
                format!("task_item names task {}, which `task` does not have; read both whole", item.task_no)
            })
            .collect();
        if !problems.is_empty() {
            return Err(TaskError::Input(problems));
        }
        read.items.sort_by_key(|item| (rank.get(item.task_no.as_str()).copied(), item.item_no));
        Ok(read)
    }
}

fn read_tasks(batch: &RecordBatch, rows: &mut Vec<Task>) -> Result<(), TaskError> {
    let table = Reader::new("task", batch);
    let texts = |column| table.text(column);
    let (task_no, row_key, taxpayer_id) = (texts("task_no")?, texts("row_key")?, texts("taxpayer_id")?);
    let (taxpayer_name, office_code) = (texts("taxpayer_name")?, texts("office_code")?);
    let (office_name, county_name) = (texts("office_name")?, texts("county_name")?);
    let (office_path, industry_code) = (texts("office_path")?, texts("industry_code")?);
    let (taxpayer_status, credit_rating) = (texts("taxpayer_status")?, texts("credit_rating")?);
    let (grade, tax, response) = (texts("grade")?, texts("tax")?, texts("response")?);
    let (suspicion_zh, suspicion_en) = (texts("suspicion_zh")?, texts("suspicion_en")?);
    let (batch_no, source) = (texts("batch")?, texts("source")?);
    let (pushed_by, status) = (texts("pushed_by")?, texts("status")?);
    let (sequence, taxpayer_key) = (table.int64("sequence")?, table.int64("taxpayer_key")?);
    let (hit_count, as_of) = (table.int64("hit_count")?, table.int32("as_of")?);
    let (period_from, period_to) = (table.int32("period_from")?, table.int32("period_to")?);
    let (due_days, due_on) = (table.int32("due_days")?, table.date("due_on")?);
    let issued_on = table.date("issued_on")?;
    let (score, amount) = (table.hundredths("score")?, table.hundredths("amount")?);
    rows.extend((0..batch.num_rows()).map(|row| Task {
        task_no: task_no.value(row).to_owned(),
        row_key: row_key.value(row).to_owned(),
        sequence: sequence.value(row),
        as_of: as_of.value(row),
        taxpayer_key: taxpayer_key.value(row),
        taxpayer_id: taxpayer_id.value(row).to_owned(),
        taxpayer_name: optional_text(&taxpayer_name, row),
        office_code: optional_text(&office_code, row),
        office_name: optional_text(&office_name, row),
        county_name: optional_text(&county_name, row),
        office_path: optional_text(&office_path, row),
        industry_code: optional_text(&industry_code, row),
        taxpayer_status: optional_text(&taxpayer_status, row),
        credit_rating: optional_text(&credit_rating, row),
        grade: grade.value(row).to_owned(),
        score: score.value(row),
        hit_count: hit_count.value(row),
        tax: tax.value(row).to_owned(),
        period_from: period_from.value(row),
        period_to: period_to.value(row),
        suspicion_zh: suspicion_zh.value(row).to_owned(),
        request_zh: None,
        suspicion_en: suspicion_en.value(row).to_owned(),
        amount: optional(&amount, row),
        response: response.value(row).to_owned(),
        due_days: due_days.value(row),
        due_on: due_on.value(row),
        issued_on: issued_on.value(row),
        batch: batch_no.value(row).to_owned(),
        source: source.value(row).to_owned(),
        pushed_by: optional_text(&pushed_by, row),
        status: status.value(row).to_owned(),
    }));
    Ok(())
}

fn read_items(batch: &RecordBatch, rows: &mut Vec<TaskItem>) -> Result<(), TaskError> {
    let table = Reader::new("task_item", batch);
    let texts = |column| table.text(column);
    let (task_no, row_key, taxpayer_id) = (texts("task_no")?, texts("row_key")?, texts("taxpayer_id")?);
    let (indicator, name_zh, name_en) = (texts("indicator")?, texts("name_zh")?, texts("name_en")?);
    let (family, tax, severity, unit) = (texts("family")?, texts("tax")?, texts("severity")?, texts("unit")?);
    let (op, line_kind, line_source) = (texts("op")?, texts("line_kind")?, texts("line_source")?);
    let (peer_group, facts, facts_zh) = (texts("peer_group")?, texts("facts")?, texts("facts_zh")?);
    let (message_zh, message_en) = (texts("message_zh")?, texts("message_en")?);
    let (innocent_zh, ask_zh, basis_zh) = (texts("innocent_zh")?, texts("ask_zh")?, texts("basis_zh")?);
    let (note_zh, evidence_sql) = (texts("note_zh")?, texts("evidence_sql")?);
    let (item_no, as_of, version) = (table.int32("item_no")?, table.int32("as_of")?, table.int32("version")?);
    let (taxpayer_key, peer_n) = (table.int64("taxpayer_key")?, table.int64("peer_n")?);
    let (value, line) = (table.float64("value")?, table.float64("line")?);
    let deviation = table.float64("deviation")?;
    let (amount, points) = (table.hundredths("amount")?, table.hundredths("points")?);
    let amount_counted = table.boolean("amount_counted")?;
    let amount_counted = amount_counted.as_boolean();
    rows.extend((0..batch.num_rows()).map(|row| TaskItem {
        task_no: task_no.value(row).to_owned(),
        row_key: row_key.value(row).to_owned(),
        item_no: item_no.value(row),
        as_of: as_of.value(row),
        taxpayer_key: taxpayer_key.value(row),
        taxpayer_id: taxpayer_id.value(row).to_owned(),
        kind: ItemKind::Hit,
        indicator: indicator.value(row).to_owned(),
        version: version.value(row),
        name_zh: name_zh.value(row).to_owned(),
        name_en: name_en.value(row).to_owned(),
        family: family.value(row).to_owned(),
        tax: tax.value(row).to_owned(),
        severity: severity.value(row).to_owned(),
        unit: unit.value(row).to_owned(),
        value: value.value(row),
        op: op.value(row).to_owned(),
        line: line.value(row),
        line_kind: line_kind.value(row).to_owned(),
        line_source: line_source.value(row).to_owned(),
        peer_group: optional_text(&peer_group, row),
        peer_n: optional(&peer_n, row),
        deviation: optional(&deviation, row),
        amount: optional(&amount, row),
        amount_counted: amount_counted.value(row),
        points: points.value(row),
        message_zh: message_zh.value(row).to_owned(),
        message_en: message_en.value(row).to_owned(),
        facts: facts.value(row).to_owned(),
        facts_zh: facts_zh.value(row).to_owned(),
        note_zh: optional_text(&note_zh, row),
        innocent_zh: innocent_zh.value(row).to_owned(),
        ask_zh: ask_zh.value(row).to_owned(),
        basis_zh: basis_zh.value(row).to_owned(),
        evidence_sql: evidence_sql.value(row).to_owned(),
    }));
    Ok(())
}
