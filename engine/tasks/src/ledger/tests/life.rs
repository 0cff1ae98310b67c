//! A task's life: every pair of state and action, who sees what, and what a change must say.

use chrono::NaiveDate;

use super::{Scan, by, by_on, desk, offices};
use crate::ledger::{Action, Change, Filter, LedgerError, Scope, Sending, State, Stored, store};
use crate::sample;

/// The shortest way from a new task to a state.
fn way(to: State) -> &'static [Action] {
    match to {
        State::Created => &[],
        State::Dispatched => &[Action::Dispatch],
        State::InProgress => &[Action::Dispatch, Action::Start],
        State::Answered => &[Action::Dispatch, Action::Answer],
        State::Reviewed => &[Action::Dispatch, Action::Answer, Action::Review],
        State::Closed => &[Action::Dispatch, Action::Answer, Action::Review, Action::Close],
        State::Recalled => &[Action::Recall],
    }
}

#[tokio::test]
async fn every_pair_of_state_and_action_is_allowed_or_refused() {
    let desk = desk().await;
    Scan::whole("run1").take_in(&desk, &by("李四")).await;
    let mut tx = desk.ledger.begin().await.unwrap();
    let mut tasks = store::read(&mut tx, &Filter::open()).await.unwrap().into_iter();
    let mut allowed = 0;
    for state in State::ALL {
        let mut one: Stored = tasks.next().unwrap();
        for action in way(state) {
            store::change(&mut tx, &mut one, *action, &by("李四"), None).await.unwrap();
        }
        for action in Action::ALL {
            let mut tried = one.clone();
            // Undone afterwards, so that each action meets the state itself.
            sqlx::query("SAVEPOINT pair").execute(&mut *tx).await.unwrap();
            let done = store::change(&mut tx, &mut tried, action, &by("李四"), None).await;
            let no = one.task.task_no.clone();
            let stored = store::read_by(&mut tx, "task_no", &[no]).await.unwrap().remove(0);
            match (state.after(action), done) {
                (Some(next), Ok(())) => {
                    allowed += 1;
                    assert_eq!((stored.state, stored.revision), (next, one.revision + 1));
                    assert_eq!(stored.closed_at.is_some(), next.is_ended());
                }
                (None, Err(LedgerError::Refused { state: told, .. })) => {
                    assert_eq!((told, stored.state, stored.revision), (state, state, one.revision));
                }
                (expected, done) => panic!("{state:?} {action:?}: {expected:?}, but {done:?}"),
            }
            sqlx::query("ROLLBACK TO pair").execute(&mut *tx).await.unwrap();
        }
    }
    // 7 states and 13 actions; those allowed are counted, so that none is let in unnoticed.
    assert_eq!(allowed, 24);
}

#[tokio::test]
async fn an_office_sees_itself_and_what_is_below_it() {
    let desk = desk().await;
    Scan::whole("run1").take_in(&desk, &by("李四")).await;
    let seen = async |office: Option<&str>| {
        let scope = desk.ledger.scope(office).await.unwrap();
        let filter = Filter { scope, ..Filter::everything() };
        desk.ledger.list(&filter).await.unwrap().len()
    };
    let (all, city, county) =
        (seen(None).await, seen(Some("14403000000")).await, seen(Some("14403000100")).await);
    let (first, second) = (seen(Some("14403000200")).await, seen(Some("14403000300")).await);
    assert!(first > 0 && second > 0 && city < all, "tasks of no office are the top's business");
    assert_eq!((city, county), (first + second, first + second));
    let unknown = desk.ledger.scope(Some("14403000201")).await.unwrap_err().to_string();
    assert!(unknown.contains("no office 14403000201") && unknown.contains("14403000200"), "{unknown}");
    // Nor may it change what it does not see.
    let scope = desk.ledger.scope(Some("14403000300")).await.unwrap();
    let filter =
        Filter { scope: desk.ledger.scope(Some("14403000200")).await.unwrap(), ..Filter::everything() };
    let other = desk.ledger.list(&filter).await.unwrap().remove(0).task.task_no;
    let recall = Change::Recall { why: "误发".into() };
    let refused = desk.ledger.change(&[other], &recall, &scope, &by("王五")).await.unwrap_err();
    assert!(refused.to_string().contains("of this office"), "{refused}");
}

#[tokio::test]
async fn changes_say_why_and_all_or_none_happen() {
    let desk = desk().await;
    Scan::whole("run1").take_in(&desk, &by("李四")).await;
    desk.dispatch(&by("李四")).await;
    let tasks = desk.ledger.list(&Filter::open()).await.unwrap();
    let one = tasks.iter().find(|t| t.task.office_code.as_deref() == Some("14403000200")).unwrap();
    let no = vec![one.task.task_no.clone()];
    let change = async |what: Change| desk.ledger.change(&no, &what, &Scope::All, &by("王五")).await;
    let until = |day| NaiveDate::from_ymd_opt(2025, 12, day).unwrap();
    let said = change(Change::Extend { until: until(1), why: "  ".into() }).await.unwrap_err().to_string();
    assert!(said.contains("a reason is wanted"), "{said}");
    let later = change(Change::Extend { until: until(31), why: "企业停业".into() }).await.unwrap().remove(0);
    assert_eq!(crate::date_text(later.task.due_on), "2025-12-31");
    let said = change(Change::Extend { until: until(31), why: "再延".into() }).await.unwrap_err().to_string();
    assert!(said.contains("due on 2025-12-31 anyway"), "{said}");
    let to = Change::Transfer { to: "14403000300".into(), why: "迁移".into() };
    let moved = change(to.clone()).await.unwrap().remove(0);
    assert_eq!(moved.task.office_path.as_deref(), Some("局000000 › 局000100 › 局000300"));
    assert!(change(to).await.unwrap_err().to_string().contains("already"));
    // Of two tasks one cannot be reviewed, so neither is changed.
    let both: Vec<String> = tasks.iter().take(2).map(|t| t.task.task_no.clone()).collect();
    desk.ledger.change(&both[..1], &Change::Start, &Scope::All, &by("王五")).await.unwrap();
    let refused = desk.ledger.change(&both, &Change::Start, &Scope::All, &by("王五")).await.unwrap_err();
    assert!(refused.to_string().contains("possible now"), "{refused}");
    let states: Vec<State> = desk
        .ledger
        .list(&Filter::open())
        .await
        .unwrap()
        .iter()
        .filter(|t| both.contains(&t.task.task_no))
        .map(|t| t.state)
        .collect();
    assert!(states.contains(&State::InProgress) && states.contains(&State::Dispatched), "{states:?}");
    let notes: Vec<String> =
        desk.ledger.history(&no[0]).await.unwrap().into_iter().filter_map(|e| e.note).collect();
    assert!(notes.iter().any(|note| note.contains("14403000200 → 14403000300: 迁移")), "{notes:?}");
}

#[tokio::test]
async fn plans_keep_within_capacities_and_say_what_is_left_out() {
    let desk = desk().await;
    let scan = Scan::whole("run1");
    scan.take_in(&desk, &by("李四")).await;
    let plan = desk.ledger.plan(&scan.rules, &scan.audits, true, &by("李四")).await.unwrap();
    // The first office can take 4 standard tasks; the others have room.
    let first = plan.offices.iter().find(|o| o.office_code == "14403000200").unwrap();
    assert_eq!(first.capacity, Some(4.0));
    assert!(first.planned <= 4.0 && first.left_out > 0, "{first:?}");
    assert!(plan.left_out.iter().all(|one| one.office_code.as_deref() == Some("14403000200")));
    assert!(plan.left_out[0].zh.contains("局000200"), "{}", plan.left_out[0].zh);
    assert!(plan.expected >= plan.by_rank && plan.expected <= plan.at_most);
    // What is left out is not sent, and what is sent uses the capacity up.
    let sent = desk.dispatch(&by("李四")).await;
    assert_eq!(sent, plan.taken);
    let next =
        desk.ledger.plan(&scan.rules, &scan.audits, false, &by_on("李四", "2025-07-20")).await.unwrap();
    assert_eq!((next.taken, next.left_out.len()), (0, plan.left_out.len()));
    assert_eq!(offices().len(), 4);
}

#[tokio::test]
async fn sending_happens_whole_or_not_at_all() {
    let desk = desk().await;
    Scan::whole("run1").take_in(&desk, &by("李四")).await;
    let taken = desk.folder.path().join("taken");
    std::fs::write(&taken, "a file, no folder").unwrap();
    desk.ledger.dispatch(&taken, &Scope::All, &Sending::default(), &by("李四")).await.unwrap_err();
    let waiting = desk.ledger.list(&Filter::open()).await.unwrap();
    assert!(waiting.iter().all(|one| one.state == State::Created));
    // A file in a workbook's place is no workbook that may be written over.
    let all = waiting.len();
    assert_eq!(desk.dispatch(&by("李四")).await, all);
    let out = desk.folder.path().join("out");
    let first = std::fs::read_dir(&out).unwrap().next().unwrap().unwrap().path();
    let blank = std::fs::read(&first).unwrap();
    desk.ledger.send(&out, &Scope::All, &by("李四")).await.unwrap();
    assert_eq!(std::fs::read(&first).unwrap(), blank, "the same is written again");
    std::fs::write(&first, "mine").unwrap();
    let refused = desk.ledger.send(&out, &Scope::All, &by("李四")).await.unwrap_err().to_string();
    assert!(refused.contains("to another folder"), "{refused}");
    assert_eq!(std::fs::read(&first).unwrap(), b"mine");
    let left: Vec<_> = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{left:?}");
}

#[tokio::test]
async fn what_a_plan_did_not_weigh_waits_for_the_next() {
    let desk = desk().await;
    let hit =
        |taxpayer| sample::SampleHit { taxpayer, indicator: "I05", value: 0.9, amount: Some(9), points: 900 };
    let scan = Scan::of("run1", &[hit(1)]);
    scan.take_in(&desk, &by("李四")).await;
    desk.ledger.plan(&scan.rules, &scan.audits, true, &by("李四")).await.unwrap();
    Scan::of("run2", &[hit(2)]).take_in(&desk, &by("李四")).await;
    let out = desk.folder.path().join("out");
    let done = desk.ledger.dispatch(&out, &Scope::All, &Sending::default(), &by("李四")).await.unwrap();
    assert_eq!((done.sent, done.unplanned), (1, 1));
    let done = desk
        .ledger
        .dispatch(&out, &Scope::All, &Sending { unplanned: true, ..Sending::default() }, &by("李四"))
        .await
        .unwrap();
    assert_eq!((done.sent, done.unplanned), (1, 0));
}
