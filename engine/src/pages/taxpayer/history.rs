//! 执法与任务历史: cases of the authorities and tasks of the past, as tables and in one line of time.

use super::source::Source;
use crate::Result;
use crate::pages::figures::UNKNOWN;
use crate::pages::rows::{Rows, money, texts};
use crate::pages::section::{Block, Kind, Section, State, Table, col, word};
use assay_tasks::money_zh;

const CASES: &str = include_str!("../../../../sql/pages/cases.sql");

/// A task of the past or present, as the page's history shows it. Texts are ready to be read; empty is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PastTask {
    /// 任务编号.
    pub task_no: String,
    /// When it was issued, YYYY-MM-DD.
    pub opened_on: String,
    /// Its state.
    pub state_zh: String,
    /// 风险等级.
    pub grade_zh: String,
    /// The office it went to.
    pub office: String,
    /// What was suspected.
    pub indicators: String,
    /// 预估税款 in fen.
    pub estimated: Option<i128>,
    /// 核实结论; empty while there is none.
    pub conclusion_zh: String,
    /// What was recovered, in fen.
    pub recovered: Option<i128>,
    /// When it was closed, YYYY-MM-DD; empty while open.
    pub closed_on: String,
}

/// The section.
pub(super) async fn section(source: &Source<'_>, past: &[PastTask]) -> Result<Section> {
    let cases = source.rows(CASES).await?;
    let mut line = Block::new("timeline", "时间轴", timeline(&cases, past)?, State::NoRecord);
    line.table = (line.state == State::Filled).then(|| timeline_table(&line.rows));
    let blocks = vec![line, cases_block(source, cases).await?, tasks_block(past)?];
    Ok(Section { id: "history", zh: "执法与任务历史", blocks })
}

fn timeline_table(rows: &Rows) -> Table {
    Table::of(rows, &[col("day", "日期", Kind::Text), col("event", "事项", Kind::Text)])
}

/// What happened when, the newest first.
fn timeline(cases: &Rows, past: &[PastTask]) -> Result<Rows> {
    let mut events: Vec<(String, String)> = Vec::new();
    for row in 0..cases.len() {
        let kind = word("enforcement_case", "kind", &cases.text(row, "kind"));
        let case = format!("{kind}（案件{}）", cases.text(row, "case_no"));
        events.push((cases.text(row, "opened_on"), format!("{case}立案")));
        let closed = cases.text(row, "closed_on");
        if !closed.is_empty() {
            let conclusion = word("enforcement_case", "conclusion", &cases.text(row, "conclusion"));
            let sums = [("tax_recovered", "查补税款"), ("late_fee", "滞纳金"), ("fine", "罚款")];
            let sums = sums.into_iter().filter_map(|(column, zh)| {
                cases
                    .hundredths(row, column)
                    .filter(|fen| *fen != 0)
                    .map(|fen| format!("，{zh}{}", money_zh(fen)))
            });
            events.push((closed, format!("{case}结案，结论：{conclusion}{}", sums.collect::<String>())));
        }
    }
    for task in past {
        let estimated = task.estimated.map_or_else(String::new, |fen| format!("，预估税款{}", money_zh(fen)));
        let opened =
            format!("任务{}下达{}，{}风险{estimated}", task.task_no, to(&task.office), task.grade_zh);
        events.push((task.opened_on.clone(), opened));
        if !task.closed_on.is_empty() {
            let recovered = task.recovered.map_or_else(String::new, |fen| format!("，查补{}", money_zh(fen)));
            let closed = format!("任务{}办结，结论：{}{recovered}", task.task_no, known(&task.conclusion_zh));
            events.push((task.closed_on.clone(), closed));
        }
    }
    events.retain(|(day, _)| !day.is_empty());
    events.sort_by(|a, b| b.0.cmp(&a.0));
    let (days, what): (Vec<_>, Vec<_>) = events.into_iter().unzip();
    Rows::from_columns(vec![("day", texts(days)), ("event", texts(what))])
}

fn to(office: &str) -> String {
    if office.is_empty() { String::new() } else { format!("至{office}") }
}

fn known(text: &str) -> &str {
    if text.is_empty() { UNKNOWN } else { text }
}

/// The first of what is listed with 、, and of how many.
fn first_few(list: &str) -> String {
    const FEW: usize = 4;
    let all: Vec<&str> = list.split('、').collect();
    match all.get(..FEW) {
        Some(few) if all.len() > FEW => format!("{}等{}项", few.join("、"), all.len()),
        _ => list.to_owned(),
    }
}

async fn cases_block(source: &Source<'_>, rows: Rows) -> Result<Block> {
    let block = source.block_of("cases", "稽查、评估与提醒", "enforcement_case", rows).await?;
    Ok(block.table(&[
        col("case_no", "案件编号", Kind::Text),
        col("kind", "类型", Kind::Word("enforcement_case", "kind")),
        col("opened_on", "立案", Kind::Text),
        col("closed_on", "结案", Kind::Text),
        col("conclusion", "结论", Kind::Word("enforcement_case", "conclusion")),
        col("tax_recovered", "查补税款（元）", Kind::Yuan).total(),
        col("late_fee", "滞纳金（元）", Kind::Yuan).total(),
        col("fine", "罚款（元）", Kind::Yuan).total(),
    ]))
}

fn tasks_block(past: &[PastTask]) -> Result<Block> {
    let mut tasks: Vec<&PastTask> = past.iter().collect();
    tasks.sort_by(|a, b| b.opened_on.cmp(&a.opened_on));
    let column = |of: fn(&PastTask) -> &String| texts(tasks.iter().map(|task| of(task).clone()));
    let rows = Rows::from_columns(vec![
        ("task_no", column(|t| &t.task_no)),
        ("opened_on", column(|t| &t.opened_on)),
        ("state", column(|t| &t.state_zh)),
        ("grade", column(|t| &t.grade_zh)),
        ("office", column(|t| &t.office)),
        ("indicators", column(|t| &t.indicators)),
        ("indicators_zh", texts(tasks.iter().map(|t| first_few(&t.indicators)))),
        ("estimated", money(tasks.iter().map(|t| t.estimated))?),
        ("conclusion", column(|t| &t.conclusion_zh)),
        ("recovered", money(tasks.iter().map(|t| t.recovered))?),
        ("closed_on", column(|t| &t.closed_on)),
    ])?;
    Ok(Block::new("tasks", "任务", rows, State::NoRecord).table(&[
        col("task_no", "任务编号", Kind::Text),
        col("opened_on", "下达", Kind::Text),
        col("state", "状态", Kind::Text),
        col("grade", "等级", Kind::Text),
        col("indicators_zh", "疑点", Kind::Text),
        col("estimated", "预估税款（元）", Kind::Yuan),
        col("conclusion", "结论", Kind::Text),
        col("recovered", "查补（元）", Kind::Yuan),
        col("closed_on", "办结", Kind::Text),
    ]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_line_of_time_runs_backwards_through_tasks() {
        let task = |no: &str, opened: &str, closed: &str| PastTask {
            task_no: no.into(),
            opened_on: opened.into(),
            grade_zh: "高".into(),
            closed_on: closed.into(),
            recovered: Some(1_234_500),
            ..PastTask::default()
        };
        let past = [task("A", "2024-03-01", "2024-05-01"), task("B", "2025-03-01", "")];
        let rows = timeline(&Rows::none(), &past).unwrap();
        let days: Vec<String> = (0..rows.len()).map(|row| rows.text(row, "day")).collect();
        assert_eq!(days, ["2025-03-01", "2024-05-01", "2024-03-01"]);
        assert!(rows.text(1, "event").contains("查补12,345.00元"), "{}", rows.text(1, "event"));
        let block = tasks_block(&past).unwrap();
        assert_eq!(block.table.unwrap().rows[0][0], "B");
        assert_eq!(tasks_block(&[]).unwrap().state, State::NoRecord);
        assert_eq!(first_few("A、B、C、D"), "A、B、C、D");
        assert_eq!(first_few("A、B、C、D、E"), "A、B、C、D等5项");
    }
}
