//! One task as a page an officer carries along: what is suspected, what to look at, what to ask for, what it rests on,
//! how like cases ended, and the queries that return the evidence. A pure function of plain data.

use minijinja::{Value, context};

use super::charts;
use super::figures::{UNKNOWN, hundredths};
use super::render::render;
use crate::Result;
use assay_tasks::{NO_LEGAL_BASIS, money_zh};

/// The head of a task. Texts are ready to be read; empty is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskPageHeader {
    /// 任务编号.
    pub task_no: String,
    /// 纳税人识别号.
    pub taxpayer_id: String,
    /// 纳税人名称.
    pub taxpayer_name: String,
    /// Offices from the top down.
    pub office_path: String,
    /// `high`, `medium` or `low`.
    pub grade: String,
    /// 风险积分 in hundredths.
    pub score: i128,
    /// 预估税款 in fen.
    pub amount: Option<i128>,
    /// 应对时限, YYYY-MM-DD.
    pub due_on: String,
    /// 下发日期, YYYY-MM-DD.
    pub issued_on: String,
    /// 应对方式.
    pub response: String,
    /// State of the task.
    pub state_zh: String,
    /// 税款所属期.
    pub period: String,
    /// 纳税信用级别.
    pub credit_rating: String,
    /// 行业.
    pub industry: String,
    /// What is asked beside the suspicions: another office's question, how a random check is done; empty: nothing.
    pub request: String,
}

/// One suspicion. `value` and `line` draw the bar, their texts are what is read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskPageItem {
    /// Number within the task, from 1.
    pub no: i32,
    /// 疑点编号.
    pub code: String,
    /// 疑点名称.
    pub name: String,
    /// `high`, `medium` or `low`.
    pub severity: String,
    /// 指标值.
    pub value: Option<f64>,
    /// The same with its unit.
    pub value_text: String,
    /// 预警值.
    pub line: Option<f64>,
    /// The same with its sign and unit.
    pub line_text: String,
    /// 偏离度, relative to the line.
    pub deviation: Option<f64>,
    /// 预估税款 in fen.
    pub amount: Option<i128>,
    /// 积分 in hundredths.
    pub points: i128,
    /// 疑点描述.
    pub message: String,
    /// The facts it was computed from, a line each.
    pub facts: Vec<String>,
    /// 正当理由 to rule out.
    pub innocent: Vec<String>,
    /// 所需资料.
    pub ask: Vec<String>,
    /// 政策依据, ready made: rules only. Empty, or the line that says so, where there are none.
    pub basis: Vec<String>,
    /// Query that returns the evidence.
    pub evidence_sql: String,
    /// What was answered to it; empty while nothing was.
    pub answer_zh: String,
}

/// What happened to a task.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskEvent {
    /// When.
    pub when: String,
    /// Who did it.
    pub who: String,
    /// What.
    pub what_zh: String,
    /// Remark.
    pub note: String,
}

/// A closed task that is like this one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SimilarCase {
    /// 任务编号.
    pub task_no: String,
    /// Whom it was about.
    pub taxpayer: String,
    /// Indicators both have.
    pub shared: String,
    /// How alike, in percent.
    pub likeness: f64,
    /// 核实结论.
    pub conclusion_zh: String,
    /// What was recovered, in fen.
    pub recovered: Option<i128>,
    /// When it was closed.
    pub closed_on: String,
}

/// Everything a task's page shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskPage {
    /// Its head.
    pub task: TaskPageHeader,
    /// Suspicions, in order.
    pub items: Vec<TaskPageItem>,
    /// Its history, in order.
    pub events: Vec<TaskEvent>,
    /// The answer so far: label and text.
    pub answer: Vec<(String, String)>,
    /// The most similar closed cases, the most similar first.
    pub similar: Vec<SimilarCase>,
}

/// The page of a task as HTML: complete in itself.
///
/// # Errors
/// When the template cannot be filled or a bar drawn: a mistake in this crate.
pub fn task_page(page: &TaskPage) -> Result<String> {
    let task = &page.task;
    let items = page.items.iter().map(item).collect::<Result<Vec<Value>>>()?;
    render(
        include_str!("task.html"),
        context! {
            style => super::STYLE,
            task_no => task.task_no.clone(),
            taxpayer_id => task.taxpayer_id.clone(),
            name => if task.taxpayer_name.is_empty() { "未登记纳税人" } else { task.taxpayer_name.as_str() },
            grade => task.grade.clone(),
            grade_zh => assay_tasks::grade_zh(&task.grade),
            head => head(task),
            request => task.request.clone(),
            items,
            checks => checklist(&page.items, |item| &item.innocent),
            asks => checklist(&page.items, |item| &item.ask),
            events => page.events.iter().map(event).collect::<Vec<_>>(),
            answer => page.answer.clone(),
            similar => page.similar.iter().map(similar).collect::<Vec<_>>(),
        },
    )
}

fn known(text: &str) -> String {
    if text.is_empty() { UNKNOWN.to_owned() } else { text.to_owned() }
}

fn money(fen: Option<i128>) -> String {
    fen.map_or_else(|| UNKNOWN.to_owned(), money_zh)
}

/// How far beyond the line, relative to it: `38.4%`, from twice the line on `12.6倍`.
fn beyond(deviation: f64) -> String {
    match deviation {
        share if share < 1.0 => format!("{:.1}%", share * 100.0),
        times if times <= 1000.0 => format!("{times:.1}倍"),
        _ => "1000倍以上".to_owned(),
    }
}

/// Label and value of the head.
fn head(task: &TaskPageHeader) -> Vec<(&'static str, String)> {
    vec![
        ("任务编号", known(&task.task_no)),
        ("纳税人识别号", known(&task.taxpayer_id)),
        ("状态", known(&task.state_zh)),
        ("应对方式", known(&task.response)),
        ("下发日期", known(&task.issued_on)),
        ("应对时限", known(&task.due_on)),
        ("风险积分", hundredths(task.score)),
        ("预估税款", money(task.amount)),
        ("税款所属期", known(&task.period)),
        ("行业", known(&task.industry)),
        ("纳税信用级别", known(&task.credit_rating)),
        ("主管税务机关", known(&task.office_path)),
    ]
}

fn item(item: &TaskPageItem) -> Result<Value> {
    let bar = match (item.value, item.line) {
        (Some(value), Some(line)) => charts::against(value, line)?,
        _ => None,
    };
    let basis: Vec<String> = item.basis.iter().filter(|line| *line != NO_LEGAL_BASIS).cloned().collect();
    Ok(context! {
        no => item.no,
        code => item.code.clone(),
        name => item.name.clone(),
        severity => item.severity.clone(),
        severity_zh => assay_tasks::grade_zh(&item.severity),
        bar,
        value => known(&item.value_text),
        line => known(&item.line_text),
        deviation => item.deviation.filter(|d| *d >= 0.000_5).map(beyond),
        amount => item.amount.map(money_zh),
        points => hundredths(item.points),
        message => item.message.clone(),
        facts => item.facts.clone(),
        basis,
        no_basis => NO_LEGAL_BASIS,
        sql => item.evidence_sql.clone(),
        answer => item.answer_zh.clone(),
    })
}

/// Lines of all items, each once, with the numbers of the items it stands at.
fn checklist(items: &[TaskPageItem], of: fn(&TaskPageItem) -> &Vec<String>) -> Vec<(String, String)> {
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for item in items {
        for line in of(item) {
            let no = item.no.to_string();
            match lines.iter_mut().find(|(text, _)| text == line) {
                Some((_, numbers)) if numbers.contains(&no) => {}
                Some((_, numbers)) => numbers.push(no),
                None => lines.push((line.clone(), vec![no])),
            }
        }
    }
    lines.into_iter().map(|(text, numbers)| (text, numbers.join("、"))).collect()
}

fn event(event: &TaskEvent) -> Value {
    context! { when => known(&event.when), who => known(&event.who), what => known(&event.what_zh), note => event.note.clone() }
}

fn similar(case: &SimilarCase) -> Value {
    context! {
        task_no => case.task_no.clone(),
        taxpayer => known(&case.taxpayer),
        shared => known(&case.shared),
        likeness => format!("{:.0}%", case.likeness),
        conclusion => known(&case.conclusion_zh),
        recovered => money(case.recovered),
        closed_on => known(&case.closed_on),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn suspected(no: i32, ask: &[&str]) -> TaskPageItem {
        TaskPageItem {
            no,
            code: "I05".into(),
            name: "作废率偏高 <b>".into(),
            severity: "medium".into(),
            value: Some(0.25),
            value_text: "25.0%".into(),
            line: Some(0.1),
            line_text: "≥10.0%".into(),
            points: 1_250,
            ask: ask.iter().map(|text| (*text).to_owned()).collect(),
            evidence_sql: "SELECT 1 WHERE 1 < 2".into(),
            ..TaskPageItem::default()
        }
    }

    #[test]
    fn values_are_escaped_and_bars_drawn() {
        let task = TaskPageHeader {
            taxpayer_name: "甲&乙<script>".into(),
            grade: "high".into(),
            ..Default::default()
        };
        let mut item = suspected(1, &["合同"]);
        let task = TaskPageHeader { request: "双随机<第1次>".into(), ..task };
        item.basis = vec!["发票管理办法<第二十二条>".into()];
        item.amount = Some(123_450);
        let page = task_page(&TaskPage { task, items: vec![item], ..TaskPage::default() }).unwrap();
        assert!(!page.contains("<script>") && page.contains("甲&amp;乙&lt;script&gt;"), "{page}");
        assert!(page.contains("双随机&lt;第1次&gt;"), "{page}");
        assert!(page.contains("作废率偏高 &lt;b&gt;") && page.contains("1 &lt; 2"), "{page}");
        assert!(page.contains("发票管理办法&lt;第二十二条&gt;") && page.contains("政策依据"));
        assert!(page.contains("<svg") && page.contains("1,234.50元") && page.contains("高风险"));
    }

    #[test]
    fn what_is_empty_is_said() {
        let page = task_page(&TaskPage::default()).unwrap();
        for said in ["没有疑点", "尚无反馈", "没有处理记录", "没有相似的已办结案例", "未登记纳税人"]
        {
            assert!(page.contains(said), "{said} is not said: {page}");
        }
    }

    #[test]
    fn experience_is_never_a_legal_basis() {
        let mut one = suspected(1, &[]);
        one.basis = vec![NO_LEGAL_BASIS.to_owned()];
        let page =
            task_page(&TaskPage { items: vec![one, suspected(2, &[])], ..TaskPage::default() }).unwrap();
        assert!(!page.contains("政策依据"), "{page}");
        assert_eq!(page.matches(NO_LEGAL_BASIS).count(), 2);
    }

    #[test]
    fn what_several_items_ask_for_is_asked_once() {
        let items = [suspected(1, &["合同", "账簿"]), suspected(3, &["合同"])];
        let asked = checklist(&items, |item| &item.ask);
        assert_eq!(asked, [("合同".to_owned(), "1、3".to_owned()), ("账簿".to_owned(), "1".to_owned())]);
    }
}
