//! Showing tasks: `tasks list`, `tasks show`, `tasks withheld`.

use std::path::Path;

use anyhow::{Result, bail};
use assay_sql::Format;
use assay_tasks::ledger::{Filter, Kind, Ledger, State, Stored};
use assay_tasks::{date_text, grade_zh};

use crate::args::{Cli, Grade, KindArg, OfficeArg, StateArg};
use crate::print;

/// Closed cases shown with a task.
const SIMILAR: usize = 5;

/// The tasks that fit.
pub async fn list(
    cli: &Cli,
    ledger: &Ledger,
    (grade, state, kind): (Option<Grade>, Option<StateArg>, Option<KindArg>),
    office: &OfficeArg,
) -> Result<()> {
    let scope = ledger.scope(office.office.as_deref()).await?;
    let states = state.map(|state| vec![state_of(state)]).or_else(|| Filter::open().states);
    let grade = grade.map(|grade| grade_name(grade).to_owned());
    let filter = Filter { scope, states, grade, kind: kind.map(kind_of), id: None };
    let found = ledger.list(&filter).await?;
    if found.is_empty() {
        let all = ledger.list(&Filter::everything()).await?.len();
        print::error(&match all {
            0 => "no tasks yet; those of a scan are taken in with: assay tasks open".to_owned(),
            n => format!("none of the {} tasks is such a one", print::count(n)),
        });
    }
    let header = [
        "task_no",
        "state",
        "taxpayer_id",
        "taxpayer_name",
        "office",
        "grade",
        "score",
        "hits",
        "estimated_tax",
        "due_on",
    ];
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    print::rows(&header, &rows, cli.format).await
}

fn row(one: &Stored) -> Vec<String> {
    let task = &one.task;
    vec![
        task.task_no.clone(),
        one.state.word().to_owned(),
        task.taxpayer_id.clone(),
        task.taxpayer_name.clone().unwrap_or_default(),
        office(one),
        task.grade.clone(),
        hundredths(task.score),
        task.hit_count.to_string(),
        task.amount.map(hundredths).unwrap_or_default(),
        due(one),
    ]
}

/// Whether its days run, or ran: those of one that was recalled before it was sent never did.
fn sent(one: &Stored) -> bool {
    one.state != State::Created && one.task.issued_on != 0
}

/// The last day; none before a task is sent.
fn due(one: &Stored) -> String {
    if sent(one) { date_text(one.task.due_on) } else { String::new() }
}

fn office(one: &Stored) -> String {
    let known = one.task.office_name.clone().or_else(|| one.task.office_code.clone());
    known.unwrap_or_else(|| "主管机关不明".into())
}

/// One task, or the open one of a taxpayer.
pub async fn show(
    cli: &Cli,
    ledger: &Ledger,
    id: &str,
    report: Option<&Path>,
    office: &OfficeArg,
) -> Result<()> {
    let scope = ledger.scope(office.office.as_deref()).await?;
    let filter = Filter { scope, id: Some(id.to_owned()), ..Filter::everything() };
    let mut found = ledger.tasks(&filter).await?;
    // The open task before those that ended, the latest of these first.
    found.sort_by(|a, b| {
        let order = |one: &Stored| (one.state.is_ended(), std::cmp::Reverse(one.opened_at.clone()));
        order(a).cmp(&order(b))
    });
    let Some(one) = found.first() else {
        bail!(
            "no task of {id}; open ones: assay tasks list; those of a scan are taken in with: assay tasks open"
        );
    };
    if let Some(path) = report {
        let html = super::super::pages::task(ledger, one).await?;
        assay_tasks::write_text(path, &html)?;
        return print::line(&path.display().to_string());
    }
    if cli.format == Format::Json {
        return print::line(&json(ledger, one).await?);
    }
    told(ledger, one).await?;
    if found.len() > 1 {
        let others: Vec<&str> = found[1..].iter().map(|other| other.task.task_no.as_str()).collect();
        print::error(&format!("earlier tasks of the taxpayer: {}", others.join(", ")));
    }
    Ok(())
}

/// Everything about a task as one JSON object.
async fn json(ledger: &Ledger, one: &Stored) -> Result<String> {
    let no = &one.task.task_no;
    let answer = ledger.answer(no).await?;
    let told = |label_and_text: Vec<(&str, String)>| -> serde_json::Map<String, serde_json::Value> {
        label_and_text.into_iter().map(|(label, text)| (label.to_owned(), text.into())).collect()
    };
    let whole = answer.as_ref().map(|(_, whole)| *whole);
    let object = serde_json::json!({
        "task": one.task,
        "kind": one.kind.word(),
        "state": one.state.word(),
        "from_office": one.from_office,
        "officer": one.officer,
        "items": one.items,
        "conclusions": one.conclusions,
        "answer": answer.map(|(answer, _)| told(answer.told())),
        "answer_is_whole": whole,
        "history": ledger.history(no).await?,
    });
    Ok(serde_json::to_string_pretty(&object)?)
}

async fn told(ledger: &Ledger, one: &Stored) -> Result<()> {
    let task = &one.task;
    let due = match (sent(one), one.state) {
        (true, _) => date_text(task.due_on),
        (false, State::Recalled) => "未下发".to_owned(),
        (false, _) => "下发后起算".to_owned(),
    };
    print::line(&format!(
        "{} {} {}\n{}；状态 {}；等级 {}，积分 {}，命中 {} 项；应对方式：{}；时限 {due}",
        task.task_no,
        task.taxpayer_id,
        task.taxpayer_name.as_deref().unwrap_or_default(),
        task.office_path.clone().unwrap_or_else(|| office(one)),
        one.state.zh(),
        grade_zh(&task.grade),
        hundredths(task.score),
        task.hit_count,
        task.response,
    ))?;
    // Items say all there is of a suspicion; what a letter asks, and what a draw asks of whom, they do not.
    if let Some(request) = &task.request_zh {
        print::line(&format!("\n{request}"))?;
    }
    if one.kind != Kind::Risk {
        print::line(&task.suspicion_en)?;
    }
    for item in &one.items {
        print::line(&format!(
            "\n{} {}（{}）{}\n  {}\n  {}\n  积分 {}\n  {}",
            item.indicator,
            item.name_zh,
            grade_zh(&item.severity),
            one.conclusions.get(&item.indicator).map(|said| format!(" — {said}")).unwrap_or_default(),
            assay_tasks::told_zh(item, task.period_to),
            assay_tasks::told_en(item, task.period_to),
            hundredths(item.points),
            item.evidence_sql
        ))?;
    }
    if let Some((answer, whole)) = ledger.answer(&task.task_no).await? {
        print::line(if whole { "\n反馈" } else { "\n反馈（未完）" })?;
        for (header, text) in answer.told() {
            print::line(&format!("  {header}：{text}"))?;
        }
    }
    print::line("\n经过")?;
    for event in ledger.history(&task.task_no).await? {
        let note = event.note.as_deref().map(|note| format!("：{note}")).unwrap_or_default();
        print::line(&format!("  {} {} {}{note}", event.at, event.who, event.action_zh()))?;
    }
    let similar = ledger.similar_cases(&task.task_no, SIMILAR).await?;
    if !similar.is_empty() {
        print::line("\n相似案例")?;
    }
    for case in similar {
        print::line(&format!("  {}", super::super::cases::line(&case)))?;
    }
    Ok(())
}

/// All random draws, or whom one of them chose.
pub async fn draws(cli: &Cli, ledger: &Ledger, number: Option<i64>) -> Result<()> {
    if let Some(number) = number {
        let rows: Vec<Vec<String>> = ledger
            .drawn(number)
            .await?
            .into_iter()
            .map(|one| {
                vec![
                    one.place.to_string(),
                    one.taxpayer_id,
                    one.office_code.unwrap_or_default(),
                    one.officer.unwrap_or_default(),
                    one.task_no.unwrap_or_default(),
                    one.note.unwrap_or_default(),
                ]
            })
            .collect();
        let header = ["place", "taxpayer_id", "office", "officer", "task_no", "note"];
        return print::rows(&header, &rows, cli.format).await;
    }
    let rows: Vec<Vec<String>> = ledger
        .draws()
        .await?
        .into_iter()
        .map(|one| {
            vec![
                one.draw_no.to_string(),
                one.as_of.to_string(),
                one.seed,
                one.size.to_string(),
                one.frame_size.to_string(),
                one.frame_digest,
                one.frame,
                one.method,
                one.who,
                one.at,
            ]
        })
        .collect();
    let header =
        ["draw", "as_of", "seed", "drawn", "frame_size", "frame_digest", "frame", "method", "who", "at"];
    print::rows(&header, &rows, cli.format).await
}

/// Hits that became no task.
pub async fn withheld(cli: &Cli, ledger: &Ledger, as_of: Option<i32>) -> Result<()> {
    let rows: Vec<Vec<String>> = ledger
        .withheld(as_of)
        .await?
        .into_iter()
        .map(|one| {
            let (word, zh) = (one.reason.word().to_owned(), one.reason.zh().to_owned());
            vec![one.taxpayer_id, one.indicator, word, zh, one.detail]
        })
        .collect();
    print::rows(&["taxpayer_id", "indicator", "reason", "reason_zh", "detail"], &rows, cli.format).await
}

/// Hundredths as a decimal number.
pub fn hundredths(value: i128) -> String {
    format!("{}{}.{:02}", if value < 0 { "-" } else { "" }, value.abs() / 100, value.abs() % 100)
}

fn grade_name(grade: Grade) -> &'static str {
    match grade {
        Grade::High => "high",
        Grade::Medium => "medium",
        Grade::Low => "low",
    }
}

fn state_of(state: StateArg) -> State {
    match state {
        StateArg::Created => State::Created,
        StateArg::Dispatched => State::Dispatched,
        StateArg::InProgress => State::InProgress,
        StateArg::Answered => State::Answered,
        StateArg::Reviewed => State::Reviewed,
        StateArg::Closed => State::Closed,
        StateArg::Recalled => State::Recalled,
    }
}

fn kind_of(kind: KindArg) -> Kind {
    match kind {
        KindArg::Risk => Kind::Risk,
        KindArg::Sample => Kind::Sample,
        KindArg::Assistance => Kind::Assistance,
        KindArg::Benefit => Kind::Benefit,
    }
}
