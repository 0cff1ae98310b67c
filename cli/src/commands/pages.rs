//! What the ledger knows, as pages show it: the page of a task, and a taxpayer's past tasks.

use anyhow::Result;
use assay_engine::pages::{
    PastTask, SimilarCase, TaskEvent, TaskPage, TaskPageHeader, TaskPageItem, task_page,
};
use assay_tasks::ledger::{Case, Filter, Ledger, State, Stored};
use assay_tasks::{TaskItem, date_text, grade_zh, industry_zh, quantity, told_zh, warning_line};

/// Closed cases on a page.
const SIMILAR: usize = 5;

/// The page of a task as HTML.
pub async fn task(ledger: &Ledger, one: &Stored) -> Result<String> {
    let no = &one.task.task_no;
    let events = ledger.history(no).await?.into_iter().map(|event| TaskEvent {
        what_zh: event.action_zh().to_owned(),
        when: event.at.get(..16).unwrap_or_default().replace('T', " "),
        who: event.who,
        note: event.note.unwrap_or_default(),
    });
    let answer = ledger.answer(no).await?.map(|(answer, _)| answer.told()).unwrap_or_default();
    let page = TaskPage {
        task: header(one),
        items: one
            .items
            .iter()
            .map(|it| item(it, one.task.period_to, one.conclusions.get(&it.indicator)))
            .collect(),
        events: events.collect(),
        answer: answer.into_iter().map(|(label, text)| (label.to_owned(), text)).collect(),
        similar: ledger.similar_cases(no, SIMILAR).await?.iter().map(similar).collect(),
    };
    Ok(task_page(&page)?)
}

fn header(one: &Stored) -> TaskPageHeader {
    let task = &one.task;
    let sent = one.state != State::Created;
    let day = |day: i32| if sent { date_text(day) } else { String::new() };
    let month = |month: i32| format!("{:04}-{:02}", month / 100, month % 100);
    TaskPageHeader {
        task_no: task.task_no.clone(),
        taxpayer_id: task.taxpayer_id.clone(),
        taxpayer_name: task.taxpayer_name.clone().unwrap_or_default(),
        office_path: task.office_path.clone().or_else(|| task.office_name.clone()).unwrap_or_default(),
        grade: task.grade.clone(),
        score: task.score,
        amount: task.amount,
        due_on: day(task.due_on),
        issued_on: day(task.issued_on),
        response: task.response.clone(),
        state_zh: one.state.zh().to_owned(),
        period: format!("{} 至 {}", month(task.period_from), month(task.period_to)),
        credit_rating: task.credit_rating.clone().unwrap_or_default(),
        industry: task.industry_code.as_deref().map(industry_zh).unwrap_or_default(),
        request: task.request_zh.clone().unwrap_or_default(),
    }
}

fn item(item: &TaskItem, latest: i32, said: Option<&String>) -> TaskPageItem {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let known = |number: f64| number.is_finite().then_some(number);
    TaskPageItem {
        no: item.item_no,
        code: item.indicator.clone(),
        name: item.name_zh.clone(),
        severity: item.severity.clone(),
        value: known(item.value),
        value_text: quantity(item.value, &item.unit),
        line: known(item.line),
        line_text: warning_line(&item.op, item.line, &item.unit, &item.line_kind, item.peer_n),
        deviation: item.deviation,
        amount: item.amount,
        points: item.points,
        message: told_zh(item, latest),
        facts: lines(&item.facts_zh),
        innocent: lines(&item.innocent_zh),
        ask: lines(&item.ask_zh),
        basis: lines(&item.basis_zh),
        evidence_sql: item.evidence_sql.clone(),
        answer_zh: said.cloned().unwrap_or_default(),
    }
}

fn similar(case: &Case) -> SimilarCase {
    let task = &case.stored.task;
    SimilarCase {
        task_no: task.task_no.clone(),
        taxpayer: task.taxpayer_name.clone().unwrap_or_else(|| task.taxpayer_id.clone()),
        shared: case.shared.join("、"),
        likeness: 100.0 * case.likeness,
        conclusion_zh: case.answer.conclusion().unwrap_or_default().to_owned(),
        recovered: case.answer.money("tax_recovered").map(i128::from),
        closed_on: super::cases::closed_on(case),
    }
}

/// The tasks of a taxpayer, the latest first.
pub async fn past(ledger: &Ledger, taxpayer_id: &str) -> Result<Vec<PastTask>> {
    let filter = Filter { id: Some(taxpayer_id.to_owned()), ..Filter::everything() };
    let mut found = ledger.tasks(&filter).await?;
    found.sort_by(|a, b| b.opened_at.cmp(&a.opened_at));
    let mut past = Vec::with_capacity(found.len());
    for one in found {
        let answer = ledger.answer(&one.task.task_no).await?.map(|(answer, _)| answer).unwrap_or_default();
        let names: Vec<&str> = one.items.iter().map(|item| item.name_zh.as_str()).collect();
        let day = |at: &str| at.get(..10).unwrap_or_default().to_owned();
        past.push(PastTask {
            task_no: one.task.task_no.clone(),
            opened_on: day(&one.opened_at),
            state_zh: one.state.zh().to_owned(),
            grade_zh: grade_zh(&one.task.grade).to_owned(),
            office: one.task.office_name.clone().or_else(|| one.task.office_code.clone()).unwrap_or_default(),
            indicators: if names.is_empty() { "随机抽取".to_owned() } else { names.join("、") },
            estimated: one.task.amount,
            conclusion_zh: answer.conclusion().unwrap_or_default().to_owned(),
            recovered: answer.money("tax_recovered").map(i128::from),
            closed_on: one.closed_at.as_deref().map(day).unwrap_or_default(),
        });
    }
    Ok(past)
}
