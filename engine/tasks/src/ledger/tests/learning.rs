//! What is learnt from answers: effect, draws, cases.

use std::collections::HashMap;

use assay_risk_models::rates::lift;

use super::{Desk, Scan, by, by_on, desk, offices};
use crate::ledger::answer::{Answer, Given};
use crate::ledger::draw::choose;
use crate::ledger::held::put_answer;
use crate::ledger::{Action, CaseQuery, DrawOrder, EffectBy, Filter, Frame, Kind, Stored, store};

/// Answers tasks: whether something was wrong, and what came of it in fen. None leaves a task as it is.
async fn answer_all(desk: &Desk, judge: impl Fn(&Stored) -> Option<(bool, i64)>, close: bool) {
    let by = by_on("张三", "2025-07-20");
    let mut tx = desk.ledger.begin().await.unwrap();
    let mut open = store::read(&mut tx, &Filter::open()).await.unwrap();
    store::read_items(&mut tx, &mut open).await.unwrap();
    for one in &mut open {
        let Some((guilty, recovered)) = judge(one) else { continue };
        let mut answer = Answer::default();
        let said = if guilty { "属实" } else { "排除" };
        answer.values.insert("conclusion", Given::Text(said.to_owned()));
        answer.values.insert("explanation", Given::Text("进项凭证缺失".to_owned()));
        answer.values.insert("tax_recovered", Given::Money(recovered));
        store::change(&mut tx, one, Action::Answer, &by, None).await.unwrap();
        let seen = one.items.iter().map(|item| item.indicator.clone()).collect();
        put_answer(&mut tx, (one, &seen), (&answer, true), "a.xlsx", &by).await.unwrap();
        if close {
            store::change(&mut tx, one, Action::Review, &by, None).await.unwrap();
            store::change(&mut tx, one, Action::Close, &by, None).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
}

async fn dispatched() -> Desk {
    let desk = desk().await;
    Scan::whole("run1").take_in(&desk, &by("李四")).await;
    desk.dispatch(&by("李四")).await;
    desk
}

#[tokio::test]
async fn effect_counts_what_was_answered() {
    let desk = dispatched().await;
    let tasks = desk.ledger.tasks(&Filter::open()).await.unwrap();
    let guilty = |one: &Stored| one.task.taxpayer_key % 3 == 0;
    answer_all(&desk, |one| Some((guilty(one), if guilty(one) { 50_000 } else { 0 })), false).await;
    let effects = desk.ledger.effect(EffectBy::Version).await.unwrap();
    let of = |code: &str, wanted: &dyn Fn(&Stored) -> bool| {
        let hit = |one: &&Stored| one.items.iter().any(|item| item.indicator == code) && wanted(one);
        tasks.iter().filter(hit).count() as u64
    };
    for effect in &effects {
        let code = effect.indicator.as_str();
        let (all, held) = (of(code, &|_| true), of(code, &guilty));
        assert_eq!((effect.hits, effect.answered, effect.confirmed), (all, all, held), "{code}");
        // Everything was answered; hits to come are uncertain all the same.
        let (rate, interval) = effect.rate.unwrap();
        assert!((rate - held as f64 / all as f64).abs() < 1e-12 && interval.contains(rate));
        assert!(interval.high - interval.low > 0.01, "{code}: {interval:?}");
        let (still, _) = effect.no_change.unwrap();
        assert!((still - (all - held) as f64 / all as f64).abs() < 1e-12);
        assert!(effect.lift.is_none(), "nobody was drawn");
    }
    // What a task brought in is shared among its hits, none of it lost or counted twice.
    let brought: f64 = effects
        .iter()
        .filter_map(|effect| {
            let estimates: i128 = tasks
                .iter()
                .flat_map(|one| &one.items)
                .filter(|item| item.indicator == effect.indicator)
                .filter_map(|item| item.amount)
                .sum();
            effect.accuracy.map(|ratio| ratio.value * estimates as f64)
        })
        .sum();
    let with_estimate = tasks.iter().filter(|one| guilty(one) && one.task.amount.is_some()).count();
    assert!((brought - 50_000.0 * with_estimate as f64).abs() < 1.0, "{brought}");
}

#[tokio::test]
async fn a_draw_is_recorded_and_visited() {
    let desk = dispatched().await;
    desk.ledger.renew_offices(&offices()).await.unwrap();
    desk.ledger
        .state_officers(
            &[("14403000200".into(), "甲".into()), ("14403000200".into(), "乙".into())],
            &by("李四"),
        )
        .await
        .unwrap();
    let with_task = desk.ledger.list(&Filter::open()).await.unwrap();
    let mut frame: Vec<Frame> = (0..200)
        .map(|at| Frame {
            taxpayer_id: format!("N{at:04}"),
            office_code: Some("14403000200".into()),
            ..Frame::default()
        })
        .collect();
    frame.extend(
        with_task.iter().map(|one| Frame { taxpayer_id: one.task.taxpayer_id.clone(), ..Frame::default() }),
    );
    let audits = HashMap::from([("N0001".to_owned(), "AJ1".to_owned())]);
    let order = DrawOrder {
        as_of: 202_506,
        seed: "2025",
        size: frame.len(),
        frame: "all",
        due_days: 30,
        audits: &audits,
    };
    let draw = desk.ledger.draw(&frame, &order, &by("李四")).await.unwrap();
    assert_eq!(
        (draw.drawn, draw.opened, draw.joined, draw.left_alone),
        (frame.len(), 199, with_task.len(), 1)
    );
    assert!(desk.ledger.draw(&frame, &order, &by("李四")).await.is_err(), "the seed was used");
    let drawn = desk.ledger.list(&Filter { kind: Some(Kind::Sample), ..Filter::open() }).await.unwrap();
    let officers: Vec<_> = drawn.iter().filter_map(|one| one.officer.as_deref()).collect();
    assert!(officers.contains(&"甲") && officers.contains(&"乙"));
    // Hits of a later scan join what was drawn.
    let made = desk.ledger.list(&Filter::open()).await.unwrap();
    assert!(made.iter().all(|one| one.sampled));
}

#[test]
fn the_lift_over_a_random_sample_is_unbiased() {
    // 20,000 taxpayers, one in twenty guilty; an indicator hits 400, of these 240 guilty: a lift of 12.
    let frame: Vec<Frame> =
        (0..20_000).map(|at| Frame { taxpayer_id: format!("T{at:05}"), ..Frame::default() }).collect();
    let guilty = |at: usize| at.is_multiple_of(20);
    let truth = 240.0 / 400.0 / 0.05;
    let lifts: Vec<f64> = (0..200)
        .map(|seed| {
            let drawn = choose(&frame, &format!("seed {seed}"), 1_000);
            let found = drawn.iter().filter(|at| guilty(**at)).count() as u64;
            lift(240, 400, found, drawn.len() as u64).unwrap().value
        })
        .collect();
    let mean = lifts.iter().sum::<f64>() / 200.0;
    let variance = lifts.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 199.0;
    let error = (variance / 200.0).sqrt();
    assert!((mean - truth).abs() < 2.5 * error, "{mean} for {truth}, standard error {error}");
}

#[tokio::test]
async fn a_closed_task_is_a_case() {
    let desk = dispatched().await;
    let tasks = desk.ledger.tasks(&Filter::open()).await.unwrap();
    let asked = tasks[0].task.task_no.clone();
    answer_all(&desk, |one| (one.task.task_no != asked).then_some((one.task.taxpayer_key % 2 == 0, 7)), true)
        .await;
    let like = desk.ledger.similar_cases(&asked, 5).await.unwrap();
    assert_eq!(like.len(), 5);
    assert!(like.windows(2).all(|pair| pair[0].likeness >= pair[1].likeness));
    assert!(like.iter().all(|case| !case.shared.is_empty() && case.likeness <= 1.0));
    // The one that shares most is no worse than any other by the shared suspicions alone.
    let found = desk
        .ledger
        .search_cases(&CaseQuery { text: Some("进项凭证".into()), ..CaseQuery::default() })
        .await
        .unwrap();
    assert_eq!(found.len(), tasks.len() - 1);
    let query =
        CaseQuery {
            indicator: Some("I05".into()), conclusion: Some("属实".into()), ..CaseQuery::default()
        };
    let narrow = desk.ledger.search_cases(&query).await.unwrap();
    let expected = tasks
        .iter()
        .filter(|one| one.task.task_no != asked && one.task.taxpayer_key % 2 == 0)
        .filter(|one| one.items.iter().any(|item| item.indicator == "I05"))
        .count();
    assert_eq!(narrow.len(), expected);
    let none = CaseQuery { text: Some("进项凭证 没有的词".into()), ..CaseQuery::default() };
    assert!(desk.ledger.search_cases(&none).await.unwrap().is_empty());
}
