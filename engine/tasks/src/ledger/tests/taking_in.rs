//! Taking scans in: one open task a taxpayer, and what opens none.

use std::collections::BTreeMap;

use super::{Scan, by, by_on, desk};
use crate::ItemKind;
use crate::ledger::{
    Action, BenefitFinding, Change, Exemption, Filter, Frame, Kind, Reason, Scope, Sending, State, store,
};
use crate::sample::{SampleHit, taxpayer_id};

fn hit(taxpayer: i64, indicator: &'static str, amount: Option<i128>) -> SampleHit {
    SampleHit { taxpayer, indicator, value: 0.5, amount, points: 3_200 }
}

/// Takes the only task through its life, to its end.
async fn close_all(desk: &super::Desk, day: &str) {
    let by = by_on("王五", day);
    desk.dispatch(&by).await;
    let mut tx = desk.ledger.begin().await.unwrap();
    for mut one in store::read(&mut tx, &Filter::open()).await.unwrap() {
        store::read_items(&mut tx, std::slice::from_mut(&mut one)).await.unwrap();
        for action in [Action::Answer, Action::Review, Action::Close] {
            store::change(&mut tx, &mut one, action, &by, None).await.unwrap();
        }
    }
    let told = "UPDATE task_item SET conclusion = '排除'";
    sqlx::query(told).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_scan_is_taken_in_once() {
    let desk = desk().await;
    let scan = Scan::whole("run1");
    let opened = scan.take_in(&desk, &by("李四")).await;
    let rated_a = opened.withheld.get(&Reason::Undisturbed).copied().unwrap_or(0);
    assert_eq!(opened.joined, 0);
    let tasks = desk.ledger.tasks(&Filter::open()).await.unwrap();
    assert_eq!(tasks.len(), opened.opened);
    let quiet: usize = scan
        .tasks
        .tasks
        .iter()
        .filter(|t| t.credit_rating.as_deref() == Some("A") && t.grade == "low")
        .map(|t| usize::try_from(t.hit_count).unwrap())
        .sum();
    assert_eq!(rated_a, quiet);
    assert!(quiet > 0, "the sample has such taxpayers");
    // What an officer reads is what the scan said, number and key included.
    for one in &tasks {
        let made = scan.tasks.tasks.iter().find(|t| t.task_no == one.task.task_no).unwrap();
        assert_eq!(one.task.suspicion_zh, made.suspicion_zh);
        assert_eq!(
            (&one.task.row_key, one.task.score, one.task.amount),
            (&made.row_key, made.score, made.amount)
        );
        let items: Vec<_> = scan.tasks.items.iter().filter(|i| i.task_no == made.task_no).cloned().collect();
        assert_eq!(one.items, items);
    }
    let again = scan.take_in(&desk, &by("李四")).await;
    assert!(again.known);
    assert_eq!(desk.ledger.tasks(&Filter::everything()).await.unwrap().len(), opened.opened);
}

#[tokio::test]
async fn hits_join_the_open_task() {
    let desk = desk().await;
    Scan::of("run1", &[hit(1, "I05", Some(10_000))]).take_in(&desk, &by("李四")).await;
    let first = desk.ledger.tasks(&Filter::open()).await.unwrap().remove(0);
    desk.dispatch(&by("李四")).await;
    let more = [hit(1, "I05", Some(10_000)), hit(1, "I12", Some(4_000))];
    let opened = Scan::of("run2", &more).take_in(&desk, &by("李四")).await;
    assert_eq!((opened.opened, opened.joined), (0, 1));
    let joined = desk.ledger.tasks(&Filter::open()).await.unwrap();
    assert_eq!(joined.len(), 1);
    let one = &joined[0];
    assert_eq!(one.task.task_no, first.task.task_no);
    assert_eq!(one.state, State::Dispatched);
    assert_eq!((one.items.len(), one.task.amount, one.task.score), (2, Some(14_000), 6_400));
    // A higher grade, and its days.
    assert_eq!((one.task.grade.as_str(), one.task.response.as_str()), ("high", "应对high"));
    assert!(one.task.suspicion_zh.contains("②"), "{}", one.task.suspicion_zh);
    // Nothing new joins nothing.
    assert_eq!(Scan::of("run3", &more).take_in(&desk, &by("李四")).await.joined, 0);
    let done: Vec<String> =
        desk.ledger.history(&one.task.task_no).await.unwrap().into_iter().map(|e| e.action).collect();
    assert_eq!(done, ["open", "dispatch", "join"]);
}

#[tokio::test]
async fn what_was_dealt_with_lately_opens_nothing_unless_it_grew() {
    let desk = desk().await;
    Scan::of("run1", &[hit(1, "I05", Some(10_000))]).take_in(&desk, &by("李四")).await;
    close_all(&desk, "2025-07-16").await;
    let withheld = |opened: &crate::ledger::Opened| opened.withheld.get(&Reason::CoolDown).copied();
    // I07 is of the same family; an unknown amount cannot show growth; 14,999 has not grown by half.
    for (run, indicator, amount) in
        [("run2", "I05", Some(10_000)), ("run3", "I07", Some(14_999)), ("run4", "I07", None)]
    {
        let opened =
            Scan::of(run, &[hit(1, indicator, amount)]).take_in(&desk, &by_on("李四", "2026-07-01")).await;
        assert_eq!((opened.opened, withheld(&opened)), (0, Some(1)), "{run}");
    }
    let detail = desk.ledger.withheld(None).await.unwrap().remove(0).detail;
    assert!(detail.contains("closed on 2025-07-16"), "{detail}");
    let grown =
        Scan::of("run5", &[hit(1, "I07", Some(15_000))]).take_in(&desk, &by_on("李四", "2026-07-01")).await;
    assert_eq!(grown.opened, 1);
    let one = desk.ledger.list(&Filter::open()).await.unwrap().remove(0);
    desk.ledger
        .change(&[one.task.task_no], &Change::Recall { why: "试".into() }, &Scope::All, &by("王五"))
        .await
        .unwrap();
    // Another family opens at once; the same after a year.
    let other =
        Scan::of("run6", &[hit(1, "I12", Some(5))]).take_in(&desk, &by_on("李四", "2025-08-01")).await;
    assert_eq!(other.opened, 1);
    close_all(&desk, "2025-08-02").await;
    let later =
        Scan::of("run7", &[hit(1, "I05", Some(1))]).take_in(&desk, &by_on("李四", "2026-07-17")).await;
    assert_eq!(later.opened, 1);
}

#[tokio::test]
async fn exempt_audited_and_answered_taxpayers_are_left_alone() {
    let desk = desk().await;
    let exemption = |family: Option<&str>, taxpayer: i64, until: &str| Exemption {
        exemption_no: 0,
        taxpayer_id: taxpayer_id(taxpayer),
        family: family.map(str::to_owned),
        owner: "王科长".into(),
        reason: "大企业".into(),
        from_on: "2025-01-01".into(),
        until_on: until.into(),
        stated_by: None,
        ended_by: None,
    };
    desk.ledger.exempt(&exemption(None, 1, "2025-12-31"), &by("王五")).await.unwrap();
    desk.ledger.exempt(&exemption(Some("void_and_red"), 2, "2025-12-31"), &by("王五")).await.unwrap();
    desk.ledger.exempt(&exemption(None, 3, "2025-07-15"), &by("王五")).await.unwrap();
    let past = desk.ledger.exempt(&exemption(None, 3, "2025-07-14"), &by("王五")).await.unwrap_err();
    assert!(past.to_string().contains("would never hold"), "{past}");
    let all: Vec<SampleHit> = [1, 2, 3, 4]
        .into_iter()
        .flat_map(|taxpayer| [hit(taxpayer, "I05", Some(1_000)), hit(taxpayer, "I12", Some(500))])
        .collect();
    let mut scan = Scan::of("run1", &all);
    scan.audits.insert(taxpayer_id(4), "AJ1".to_owned());
    let opened = scan.take_in(&desk, &by_on("李四", "2025-07-16")).await;
    let expected = BTreeMap::from([(Reason::Exempt, 3), (Reason::AuditOpen, 2)]);
    assert_eq!((opened.opened, opened.withheld), (2, expected));
    let tasks = desk.ledger.tasks(&Filter::open()).await.unwrap();
    let two = tasks.iter().find(|one| one.task.taxpayer_id == taxpayer_id(2)).unwrap();
    // What is left makes the task: points, amount and grade of one hit.
    assert_eq!((two.items.len(), two.task.amount, two.task.score), (1, Some(500), 3_200));
    assert_eq!((two.task.grade.as_str(), two.task.hit_count), ("medium", 1));
    assert!(!two.task.suspicion_zh.contains("作废率"), "{}", two.task.suspicion_zh);

    // While an answer waits for its review, further hits wait too.
    let no = two.task.task_no.clone();
    desk.dispatch(&by("李四")).await;
    let mut tx = desk.ledger.begin().await.unwrap();
    let mut one = store::read_by(&mut tx, "task_no", &[no]).await.unwrap().remove(0);
    store::change(&mut tx, &mut one, Action::Answer, &by("王五"), None).await.unwrap();
    tx.commit().await.unwrap();
    let opened = Scan::of("run2", &[hit(2, "I21", None)]).take_in(&desk, &by_on("李四", "2025-08-16")).await;
    assert_eq!(opened.withheld, BTreeMap::from([(Reason::InReview, 1)]));
}

fn finding(taxpayer: i64, policy: &str, kind: ItemKind, amount: i128) -> BenefitFinding {
    let mut item = crate::sample::merged(&[hit(taxpayer, "I05", Some(amount))]).items.remove(0);
    (item.kind, item.indicator, item.points) = (kind, policy.to_owned(), 0);
    item.family = format!("benefit_{policy}");
    item.severity = "low".to_owned();
    let office_code = Some("14403000200".to_owned());
    let taxpayer =
        Frame { taxpayer_key: taxpayer, taxpayer_id: taxpayer_id(taxpayer), office_code, ..Frame::default() };
    BenefitFinding { taxpayer, item }
}

#[tokio::test]
async fn what_policies_found_joins_the_task_of_the_taxpayer() {
    let desk = desk().await;
    let mut scan = Scan::of("run1", &[hit(1, "I05", Some(1_000))]);
    scan.findings = vec![
        finding(1, "B17", ItemKind::Verify, 700),
        finding(1, "B23", ItemKind::Remind, 90_000),
        finding(2, "B17", ItemKind::Remind, 500),
        finding(3, "B17", ItemKind::Verify, 800),
        finding(3, "B25", ItemKind::Confirm, 900),
        finding(4, "B25", ItemKind::Confirm, 900),
    ];
    let opened = scan.take_in(&desk, &by("李四")).await;
    assert_eq!(opened.opened, 3, "what only documents can tell makes no task: {opened:?}");
    let tasks = desk.ledger.tasks(&Filter::open()).await.unwrap();
    let of = |taxpayer: i64| tasks.iter().find(|t| t.task.taxpayer_id == taxpayer_id(taxpayer)).unwrap();
    let told = |taxpayer: i64| {
        let one = of(taxpayer);
        (one.kind, one.task.grade.as_str(), one.task.response.as_str(), one.items.len(), one.task.amount)
    };
    // What would be paid back, and what nobody knows yet, is no tax at stake.
    assert_eq!(
        told(1),
        (Kind::Risk, of(1).task.grade.as_str(), of(1).task.response.as_str(), 3, Some(1_700))
    );
    assert_eq!(told(2), (Kind::Benefit, "low", "应对remind", 1, None));
    assert_eq!(told(3), (Kind::Benefit, "medium", "应对verify", 2, Some(800)));
    // A hit of a later scan makes a suspicion of it; the same finding once more changes nothing.
    let mut next = Scan::of("run2", &[hit(2, "I12", Some(300))]);
    next.findings = vec![finding(2, "B17", ItemKind::Remind, 500), finding(3, "B17", ItemKind::Verify, 800)];
    let opened = next.take_in(&desk, &by("李四")).await;
    assert_eq!((opened.opened, opened.joined), (0, 1));
    let tasks = desk.ledger.tasks(&Filter::open()).await.unwrap();
    let two = tasks.iter().find(|t| t.task.taxpayer_id == taxpayer_id(2)).unwrap();
    assert_eq!((two.kind, two.items.len(), two.task.amount), (Kind::Risk, 2, Some(300)));
}

#[tokio::test]
async fn an_exemption_binds_tasks_that_were_opened_before() {
    let desk = desk().await;
    let hits: Vec<SampleHit> = [1, 2, 3]
        .into_iter()
        .flat_map(|taxpayer| [hit(taxpayer, "I05", Some(1_000)), hit(taxpayer, "I12", Some(500))])
        .collect();
    let scan = Scan::of("run1", &hits);
    scan.take_in(&desk, &by("李四")).await;
    let mut one = Exemption {
        exemption_no: 0,
        taxpayer_id: taxpayer_id(1),
        family: None,
        owner: "王科长".into(),
        reason: "大企业".into(),
        from_on: "2025-07-01".into(),
        until_on: "2025-12-31".into(),
        stated_by: None,
        ended_by: None,
    };
    desk.ledger.exempt(&one, &by("王五")).await.unwrap();
    assert_eq!(desk.ledger.exemptions().await.unwrap()[0].stated_by.as_deref(), Some("王五"));
    let twice = desk.ledger.exempt(&one, &by("王五")).await.unwrap_err().to_string();
    assert!(twice.contains("already"), "{twice}");
    (one.owner, one.taxpayer_id) = (" ".into(), taxpayer_id(3));
    let nobody = desk.ledger.exempt(&one, &by("王五")).await.unwrap_err().to_string();
    assert!(nobody.contains("--owner"), "{nobody}");
    let family = "void_and_red".to_owned();
    (one.owner, one.taxpayer_id, one.family) = ("王科长".into(), taxpayer_id(2), Some(family.clone()));
    desk.ledger.exempt(&one, &by("王五")).await.unwrap();

    let plan = desk.ledger.plan(&scan.rules, &scan.audits, false, &by("李四")).await.unwrap();
    let why: Vec<_> = plan.left_out.iter().filter(|one| one.zh.contains("免打扰")).collect();
    assert_eq!(why.len(), 1, "{:?}", plan.left_out);
    let out = desk.folder.path().join("out");
    let done = desk.ledger.dispatch(&out, &Scope::All, &Sending::default(), &by("李四")).await.unwrap();
    assert_eq!((done.sent, done.left_alone.len()), (2, 1));
    assert_eq!(done.left_alone[0].taxpayer_id, taxpayer_id(1));
    let tasks = desk.ledger.tasks(&Filter::open()).await.unwrap();
    let of = |taxpayer: i64| tasks.iter().find(|t| t.task.taxpayer_id == taxpayer_id(taxpayer)).unwrap();
    assert_eq!((of(1).state, of(1).items.len()), (State::Created, 2));
    assert!(of(2).items.iter().all(|item| item.family != family) && !of(2).items.is_empty());
    assert_eq!((of(2).state, of(3).items.len()), (State::Dispatched, 2));
}

#[tokio::test]
async fn an_audit_that_was_opened_since_stops_visits() {
    let desk = desk().await;
    let hit = |taxpayer| SampleHit { taxpayer, indicator: "I05", value: 0.9, amount: Some(9), points: 900 };
    let scan = Scan::of("run1", &[hit(1), hit(2)]);
    scan.take_in(&desk, &by("李四")).await;
    let mut sending = Sending::default();
    sending.audits.insert(taxpayer_id(1), "稽2025-7".to_owned());
    let plan = desk.ledger.plan(&scan.rules, &sending.audits, true, &by("李四")).await.unwrap();
    assert_eq!((plan.taken, plan.left_out.len()), (1, 1));
    assert_eq!(plan.left_out[0].zh, "已立案检查：案号稽2025-7");
    // A plan that knew of no audit does not send it either.
    desk.ledger.plan(&scan.rules, &scan.audits, true, &by("李四")).await.unwrap();
    let out = desk.folder.path().join("out");
    let done = desk.ledger.dispatch(&out, &Scope::All, &sending, &by("李四")).await.unwrap();
    assert_eq!((done.sent, done.left_alone.len(), done.under_audit.len()), (1, 1, 0));
    assert_eq!(done.left_alone[0].reason, Reason::AuditOpen);
    // Of one that is out already, whoever sends hears.
    sending.audits.insert(taxpayer_id(2), "稽2025-8".to_owned());
    let done = desk.ledger.dispatch(&out, &Scope::All, &sending, &by("李四")).await.unwrap();
    assert_eq!((done.sent, done.under_audit[0].taxpayer_id.clone()), (0, taxpayer_id(2)));
}

#[tokio::test]
async fn what_joined_of_another_month_says_which_and_points_stay_below_the_cap() {
    let desk = desk().await;
    let hit = |indicator, points| SampleHit { taxpayer: 1, indicator, value: 0.9, amount: Some(9), points };
    Scan::of("run1", &[hit("I05", 6000)]).take_in(&desk, &by("李四")).await;
    desk.dispatch(&by("李四")).await;
    let mut next = Scan::of("run2", &[hit("I21", 7000)]);
    for item in &mut next.tasks.items {
        item.as_of += 1;
    }
    assert_eq!(next.take_in(&desk, &by_on("李四", "2025-08-15")).await.joined, 1);
    let one = desk.ledger.tasks(&Filter::open()).await.unwrap().remove(0);
    assert_eq!(one.task.score, 10_000);
    assert_eq!(one.items.iter().map(|item| item.points).sum::<i128>(), 10_000);
    let month = |month: i32| format!("（数据截至{}年{}月）", month / 100, month % 100);
    let first = crate::sample::AS_OF;
    assert!(one.task.suspicion_zh.contains(&month(first)), "{}", one.task.suspicion_zh);
    assert!(!one.task.suspicion_zh.contains(&month(first + 1)), "{}", one.task.suspicion_zh);
    assert_eq!(one.task.period_to, first + 1);
}

#[tokio::test]
async fn what_was_withheld_is_taken_in_once_the_reason_is_gone() {
    let desk = desk().await;
    let mut scan = Scan::of("run1", &[hit(1, "I05", Some(9)), hit(2, "I05", Some(9))]);
    scan.audits.insert(taxpayer_id(1), "稽2025-7".to_owned());
    let first = scan.take_in(&desk, &by("李四")).await;
    assert_eq!((first.opened, first.withheld.get(&Reason::AuditOpen)), (1, Some(&1)));
    let same = scan.take_in(&desk, &by("李四")).await;
    assert_eq!((same.known, same.opened, same.withheld.get(&Reason::AuditOpen)), (true, 0, Some(&1)));
    scan.audits.clear();
    let later = scan.take_in(&desk, &by_on("李四", "2025-08-01")).await;
    assert_eq!((later.known, later.opened, later.withheld.len()), (true, 1, 0));
    assert_eq!(desk.ledger.list(&Filter::open()).await.unwrap().len(), 2);
    assert!(desk.ledger.withheld(None).await.unwrap().is_empty());
    let again = scan.take_in(&desk, &by_on("李四", "2025-08-02")).await;
    assert_eq!((again.known, again.opened, again.joined), (true, 0, 0));
}
