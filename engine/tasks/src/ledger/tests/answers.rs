//! Answers coming back: what is taken, what is refused, and two at once.

use std::collections::HashMap;

use super::{Desk, Scan, by, by_on, desk};
use crate::columns::{Cell, Width, list_row};
use crate::feedback::feedback_columns;
use crate::ledger::returned::{Raw, ReturnedBook, ReturnedItem, ReturnedRow, read_book};
use crate::ledger::{By, Change, FileReport, Filter, Scope, State, Stored};
use crate::{evidence, list_columns};

/// A cell as a spreadsheet holds it.
fn raw(cell: &Cell) -> Raw {
    match cell {
        Cell::Empty => Raw::Empty,
        Cell::Text(text) => Raw::Text(text.clone()),
        Cell::Count(n) => Raw::Number(*n as f64),
        Cell::Hundredths(n) => Raw::Number(*n as f64 / 100.0),
        Cell::Share(share) => Raw::Number(*share),
        Cell::Month(month) => Raw::Text(crate::workbook::month_text(*month)),
        Cell::Date(day) => Raw::Day(crate::workbook::serial(*day)),
    }
}

/// A workbook as it was sent, nothing filled in.
fn book(tasks: &[Stored]) -> ReturnedBook {
    let mut items = HashMap::new();
    let rows = tasks.iter().enumerate().map(|(at, one)| {
        for item in &one.items {
            let key = (one.task.task_no.clone(), item.indicator.clone());
            let locked = evidence::cells(&one.task, item).iter().map(raw).collect();
            items.insert(key, ReturnedItem { row: 5 + items.len(), locked, conclusion: Raw::Empty });
        }
        ReturnedRow {
            row: at + 5,
            row_key: one.task.row_key.clone(),
            given: list_row(at + 1, &one.task, &one.items, Width::Sheet).iter().map(raw).collect(),
            feedback: vec![Raw::Empty; feedback_columns().len()],
        }
    });
    let rows = rows.collect();
    ReturnedBook { rows, items }
}

fn fill(row: &mut ReturnedRow, said: &[(&str, &str)]) {
    for (id, text) in said {
        let at = feedback_columns().iter().position(|column| column.id == *id).unwrap();
        row.feedback[at] = Raw::Text((*text).to_owned());
    }
}

/// A whole answer: nothing was wrong.
const EXCLUDED: [(&str, &str); 5] = [
    ("conclusion", "排除"),
    ("exclusion_reason", "03"),
    ("explanation", "季节性因素"),
    ("handler", "张三"),
    ("completed_on", "2025-07-18"),
];

async fn sent(desk: &Desk) -> Vec<Stored> {
    Scan::whole("run1").take_in(desk, &by("李四")).await;
    desk.dispatch(&by("李四")).await;
    desk.ledger.tasks(&Filter::open()).await.unwrap()
}

/// What a report says is missing of a task that was begun.
fn lacks_of(report: &FileReport, task_no: &str) -> Vec<String> {
    report.open.iter().find(|one| one.task_no == task_no).and_then(|one| one.begun.clone()).unwrap()
}

async fn take(desk: &Desk, digest: &str, book: &ReturnedBook, by: &By) -> FileReport {
    desk.ledger.take_book("a.xlsx", digest, book, &Scope::All, by).await.unwrap()
}

#[tokio::test]
async fn a_workbook_as_it_was_sent_changes_nothing() {
    let desk = desk().await;
    let tasks = sent(&desk).await;
    let mut rows = 0;
    for entry in std::fs::read_dir(desk.folder.path().join("out")).unwrap() {
        let path = entry.unwrap().path();
        let read = read_book(&path).unwrap();
        rows += read.rows.len();
        let report = desk.ledger.import(&path, &Scope::All, &by("王五")).await.unwrap();
        assert_eq!((report.blank, report.refused.as_slice()), (read.rows.len(), &[][..]), "{report:?}");
        assert_eq!(report.open.len(), read.rows.len());
    }
    assert_eq!(rows, tasks.len());
    assert_eq!(desk.ledger.tasks(&Filter::open()).await.unwrap().len(), tasks.len());
}

#[tokio::test]
async fn an_answer_is_taken_once() {
    let desk = desk().await;
    let tasks = sent(&desk).await;
    let mut book = book(&tasks);
    fill(&mut book.rows[0], &EXCLUDED);
    let when = by_on("王五", "2025-07-20");
    let first = take(&desk, "1", &book, &when).await;
    assert_eq!((first.answered, first.refused.len(), first.blank), (1, 0, tasks.len() - 1), "{first:?}");
    // The same file, and the same rows in another file, change nothing.
    let again = take(&desk, "1", &book, &when).await;
    assert!(again.known && again.answered == 0);
    let copy = take(&desk, "2", &book, &when).await;
    assert_eq!((copy.answered, copy.unchanged), (0, 1));
    let no = &tasks[0].task.task_no;
    let history = desk.ledger.history(no).await.unwrap();
    assert_eq!(history.iter().map(|e| e.action.as_str()).collect::<Vec<_>>(), ["open", "dispatch", "answer"]);
    // Money that came in later is added; anything else is a contradiction.
    fill(&mut book.rows[0], &[("late_fee", "12.50")]);
    assert_eq!(take(&desk, "3", &book, &when).await.supplemented, 1);
    fill(&mut book.rows[0], &[("explanation", "另有原因")]);
    let other = take(&desk, "4", &book, &when).await;
    assert!(other.refused[0].zh.contains("已由张三反馈"), "{:?}", other.refused);
    let (answer, whole) = desk.ledger.answer(no).await.unwrap().unwrap();
    assert!(
        whole && answer.money("late_fee") == Some(1_250) && answer.text("explanation") == Some("季节性因素")
    );
}

#[tokio::test]
async fn a_changed_locked_cell_is_refused_by_name() {
    let desk = desk().await;
    let tasks = sent(&desk).await;
    let mut book = book(&tasks);
    for row in &mut book.rows[..3] {
        fill(row, &EXCLUDED);
    }
    let amount = list_columns().iter().position(|column| column.id == "amount").unwrap();
    let with_amount = book.rows.iter().position(|row| matches!(row.given[amount], Raw::Number(_))).unwrap();
    fill(&mut book.rows[with_amount], &EXCLUDED);
    book.rows[with_amount].given[amount] = Raw::Number(1.0);
    let report = take(&desk, "1", &book, &by_on("王五", "2025-07-20")).await;
    let refused: Vec<_> = report.refused.iter().map(|one| (one.row, one.column.as_str())).collect();
    assert_eq!(refused, [(Some(with_amount + 5), "预估税款")]);
    assert!(report.refused[0].zh.contains("原始表与汇总表数据不一致"), "{}", report.refused[0].zh);
    assert!(report.answered >= 2, "the others are taken");
    // Evidence is locked too.
    let key = book.items.keys().find(|(no, _)| *no == tasks[4].task.task_no).unwrap().clone();
    let item = book.items.get_mut(&key).unwrap();
    let facts = evidence::headers().position(|header| header == "疑点描述").unwrap();
    item.locked[facts] = Raw::Text("没有问题".to_owned());
    let place = item.row;
    fill(&mut book.rows[4], &EXCLUDED);
    let report = take(&desk, "2", &book, &by_on("王五", "2025-07-20")).await;
    let told: Vec<_> = report
        .refused
        .iter()
        .filter(|one| one.sheet == "疑点明细及证据")
        .map(|one| (one.row, one.column.as_str(), one.value.as_str()))
        .collect();
    assert_eq!(told, [(Some(place), "疑点描述", "没有问题")]);
}

#[tokio::test]
async fn half_filled_repeated_and_foreign_rows() {
    let desk = desk().await;
    let tasks = sent(&desk).await;
    let mut book = book(&tasks);
    fill(&mut book.rows[0], &[("handler", "张三")]);
    fill(&mut book.rows[1], &EXCLUDED);
    let mut same = book.rows[1].clone();
    same.row = 900;
    let mut other = book.rows[2].clone();
    other.row = 901;
    fill(&mut book.rows[2], &EXCLUDED);
    fill(&mut other, &[("conclusion", "属实")]);
    let mut foreign = book.rows[3].clone();
    (foreign.row, foreign.row_key) = (902, "R000".to_owned());
    fill(&mut book.rows[4], &[("conclusion", "也许"), ("fine", "-3")]);
    fill(
        &mut book.rows[5],
        &[("conclusion", "排除"), ("completed_on", "2025-07-01"), ("handler", "甲"), ("reviewer", "甲")],
    );
    book.rows.extend([same, other, foreign]);
    let report = take(&desk, "1", &book, &by_on("王五", "2025-07-20")).await;
    assert_eq!((report.answered, report.drafted, report.repeated), (1, 1, 1), "{report:?}");
    let columns: Vec<_> = report.refused.iter().map(|one| (one.row.unwrap(), one.column.as_str())).collect();
    let expected =
        [(7, ""), (9, "核实结论"), (9, "罚款"), (10, "完成日期"), (10, "复核人"), (901, ""), (902, "")];
    assert_eq!(columns, expected);
    let begun = report.open.iter().find(|one| one.task_no == tasks[0].task.task_no).unwrap();
    assert_eq!(begun.begun.as_deref().unwrap(), ["核实结论", "情况说明", "完成日期"]);
    // What was refused is not told as left blank.
    let refused = report.open.iter().find(|one| one.task_no == tasks[4].task.task_no).unwrap();
    assert_eq!(refused.begun, None);
    let state = |no: &str, all: &[Stored]| all.iter().find(|one| one.task.task_no == no).map(|one| one.state);
    let now = desk.ledger.list(&Filter::everything()).await.unwrap();
    assert_eq!(state(&tasks[0].task.task_no, &now), Some(State::InProgress));
    assert_eq!(state(&tasks[1].task.task_no, &now), Some(State::Answered));
    assert_eq!(state(&tasks[2].task.task_no, &now), Some(State::Dispatched));
}

#[tokio::test]
async fn what_was_returned_must_be_mended() {
    let desk = desk().await;
    let tasks = sent(&desk).await;
    let (mut book, when) = (book(&tasks), by_on("王五", "2025-07-20"));
    fill(&mut book.rows[0], &EXCLUDED);
    take(&desk, "1", &book, &when).await;
    let no = vec![tasks[0].task.task_no.clone()];
    let own = desk.ledger.change(&no, &Change::Review { opinion: None }, &Scope::All, &by("张三")).await;
    assert!(own.unwrap_err().to_string().contains("another person must"));
    let back = Change::Return { why: "说明不清".into() };
    desk.ledger.change(&no, &back, &Scope::All, &by("赵六")).await.unwrap();
    let again = take(&desk, "2", &book, &when).await;
    assert_eq!((again.answered, again.unchanged), (0, 1), "the same once more is no answer");
    fill(
        &mut book.rows[0],
        &[("explanation", "附台账核对"), ("reviewer", "赵六"), ("review_opinion", "同意")],
    );
    let mended = take(&desk, "3", &book, &when).await;
    assert_eq!((mended.answered, mended.reviewed), (1, 1));
    let closed = desk.ledger.change(&no, &Change::Close, &Scope::All, &by("赵六")).await.unwrap();
    assert_eq!(closed[0].state, State::Closed);
    // Whoever took the workbook in vouches for the review it tells of.
    let reviews: Vec<(String, String)> = desk
        .ledger
        .history(&no[0])
        .await
        .unwrap()
        .into_iter()
        .filter(|event| event.action == "review")
        .map(|event| (event.who, event.note.unwrap_or_default()))
        .collect();
    assert_eq!(reviews, [("王五".to_owned(), "复核人赵六：同意（a.xlsx）".to_owned())]);
}

#[tokio::test]
async fn an_answer_says_nothing_of_suspicions_it_could_not_see() {
    let desk = desk().await;
    let tasks = sent(&desk).await;
    let one = tasks.iter().find(|one| one.items.len() == 1).unwrap();
    let mut book = book(std::slice::from_ref(one));
    fill(&mut book.rows[0], &EXCLUDED);
    let other = if one.items[0].indicator == "I21" { "I12" } else { "I21" };
    let more = crate::sample::SampleHit {
        taxpayer: one.task.taxpayer_key,
        indicator: other,
        value: 0.9,
        amount: Some(5),
        points: 900,
    };
    let joined = Scan::of("run2", &[more]).take_in(&desk, &by("李四")).await;
    assert_eq!(joined.joined, 1);
    // The answer is kept and the task stays open: somebody has to look at what joined.
    let report = take(&desk, "1", &book, &by_on("王五", "2025-07-20")).await;
    assert_eq!((report.answered, report.drafted, report.refused.len()), (0, 1, 0), "{report:?}");
    assert!(lacks_of(&report, &one.task.task_no).join("；").contains(other), "{:?}", report.open);
    let filter = Filter { id: Some(one.task.task_no.clone()), ..Filter::everything() };
    let now = desk.ledger.tasks(&filter).await.unwrap().remove(0);
    assert_eq!((now.items.len(), now.conclusions.len(), now.state), (2, 0, State::InProgress));
    // It travels with the next workbook. Sent back as it is it says nothing of what joined, which wants its own conclusion.
    let out = desk.folder.path().join("again");
    let when = by_on("王五", "2025-07-21");
    desk.ledger.send(&out, &Scope::All, &by("李四")).await.unwrap();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&out).unwrap() {
        let path = entry.unwrap().path();
        let report = desk.ledger.import(&path, &Scope::All, &when).await.unwrap();
        assert_eq!((report.refused.len(), report.answered), (0, 0), "{report:?}");
        let mut read = read_book(&path).unwrap();
        let mine = |row: &ReturnedRow| row.row_key == one.task.row_key;
        if read.rows.iter().any(mine) {
            assert_eq!(report.unchanged, 1, "{report:?}");
            assert_eq!(lacks_of(&report, &one.task.task_no), [format!("该疑点核实结论（{other}）")]);
            read.rows.retain(mine);
            found.push(read);
        }
    }
    let mut again = found.remove(0);
    // Something else said of the task does not answer it either.
    fill(&mut again.rows[0], &[("explanation", "季节性因素，附台账")]);
    let report = take(&desk, "2", &again, &when).await;
    assert_eq!((report.answered, report.drafted), (0, 1), "{report:?}");
    let report = take(&desk, "3", &again, &when).await;
    assert_eq!((report.answered, report.unchanged), (0, 1), "{report:?}");
    let key = (one.task.task_no.clone(), other.to_owned());
    again.items.get_mut(&key).unwrap().conclusion = Raw::Text("排除".to_owned());
    let report = take(&desk, "4", &again, &when).await;
    assert_eq!(report.answered, 1, "{report:?}");
    let now = desk.ledger.tasks(&filter).await.unwrap().remove(0);
    assert_eq!((now.conclusions.len(), now.state), (2, State::Answered));
}

#[tokio::test]
async fn of_two_at_once_one_wins_and_the_other_is_told() {
    let desk = desk().await;
    let tasks = sent(&desk).await;
    let place = desk.folder.path().join("ledger.db").display().to_string();
    let mut running = Vec::new();
    for officer in 0..4 {
        let mut book = book(&tasks);
        for row in &mut book.rows {
            fill(row, &EXCLUDED);
            fill(row, &[("handler", &format!("officer {officer}"))]);
        }
        let ledger = crate::ledger::Ledger::open(&place).await.unwrap();
        running.push(tokio::spawn(async move {
            let by = by_on(&format!("officer {officer}"), "2025-07-20");
            ledger.take_book("a.xlsx", &officer.to_string(), &book, &Scope::All, &by).await.unwrap()
        }));
    }
    let mut reports = Vec::new();
    for one in running {
        reports.push(one.await.unwrap());
    }
    let answered: usize = reports.iter().map(|report| report.answered).sum();
    assert_eq!(answered, tasks.len());
    let told = reports.iter().flat_map(|report| &report.refused).count();
    assert_eq!(told, 3 * tasks.len());
    assert!(reports.iter().flat_map(|report| &report.refused).all(|one| one.zh.contains("officer")));
}
