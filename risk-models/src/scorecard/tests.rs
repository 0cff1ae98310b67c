//! Points, caps, gates and grades.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

fn hit(family: &str, severity: Grade, deviation: f64, yuan: Option<i128>) -> HitFigures<'_> {
    let amount = yuan.map(|yuan| yuan * 100);
    HitFigures { indicator: "Z99", family, severity, deviation, amount, held: None }
}

#[test]
fn one_hit_is_base_times_factors() {
    let card = Scorecard::embedded().unwrap();
    let points = |severity, deviation, yuan| card.raw_points(&hit("f", severity, deviation, yuan));
    assert_eq!(points(Grade::High, 0.0, Some(20_000)), 3000);
    assert_eq!(points(Grade::High, 1.0, Some(20_000)), 3750);
    assert_eq!(points(Grade::High, f64::INFINITY, Some(20_000)), 4500);
    assert_eq!(points(Grade::Medium, 0.0, None), 1800);
    assert_eq!(points(Grade::Low, 0.0, Some(9_999)), 720);
    assert_eq!(points(Grade::Low, 0.0, Some(100_000)), 1080);
    assert_eq!(points(Grade::Low, 0.0, Some(2_000_000)), 1260);
    assert_eq!(points(Grade::Low, 0.0, Some(-5)), 720);
}

#[test]
fn a_common_hit_says_less_and_a_rare_one_no_more() {
    let card = Scorecard::embedded().unwrap();
    let points = |hits, told| {
        let held = Some(HeldAgainst { told, hits });
        card.raw_points(&HitFigures { held, ..hit("f", Grade::High, 0.0, Some(20_000)) })
    };
    // A tenth is neutral whatever the number of firms; rarer is not worth more.
    assert_eq!([points(10, 100), points(1_000, 10_000), points(1, 10_000)], [3000, 3000, 3000]);
    // (97 + 3) / (170 + 30) = a half: one bit of log2(10).
    assert_eq!(points(97, 170), (3000.0 / 10_f64.log2()).round() as i64);
    assert_eq!([points(9_000, 10_000), points(10_000, 10_000)], [750, 750]);
    // One firm of one, and nobody known at all: hardly off the neutral share.
    assert_eq!(points(1, 1), (3000.0 * (4.0_f64 / 31.0).log10().abs()).round() as i64);
    assert_eq!(points(0, 0), 3000);
    let falling: Vec<i64> = (0..=100).map(|hits| points(hits * 10, 1_000)).collect();
    assert!(falling.windows(2).all(|pair| pair[0] >= pair[1]), "{falling:?}");
    let off = EMBEDDED.replace("enabled = true", "enabled = false");
    let off = Scorecard::parse(&off).unwrap();
    let held = Some(HeldAgainst { told: 100, hits: 100 });
    assert_eq!(off.raw_points(&HitFigures { held, ..hit("f", Grade::High, 0.0, Some(20_000)) }), 3000);
}

#[test]
fn families_are_capped_in_proportion_and_the_total_too() {
    let card = Scorecard::embedded().unwrap();
    let alike = [hit("void", Grade::High, 0.0, Some(20_000)); 3];
    let score = card.score(&alike, 1.0);
    assert_eq!((score.points.clone(), score.total), (vec![1500, 1500, 1500], 4500));
    assert_eq!((score.families, score.amount), (1, Some(2_000_000)));
    let many: Vec<HitFigures<'_>> = ["a", "b", "c", "d"]
        .into_iter()
        .flat_map(|family| [hit(family, Grade::High, 1.0, Some(20_000)), hit(family, Grade::Low, 0.3, None)])
        .collect();
    let score = card.score(&many, 1.0);
    assert_eq!((score.total, score.grade, score.families), (10_000, Some(Grade::High), 4));
    assert_eq!(score.points.iter().sum::<i64>(), 10_000);
}

#[test]
fn capping_is_exact_and_nearly_proportional() {
    assert_eq!(cap(&[1, 1, 1], 2), [1, 1, 0]);
    assert_eq!(cap(&[10, 20], 30), [10, 20]);
    let mut seed = 3_u64;
    for n in 1..40_usize {
        let points: Vec<i64> = (0..n)
            .map(|_| {
                seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1);
                i64::try_from(seed >> 50).unwrap()
            })
            .collect();
        let sum: i64 = points.iter().sum();
        let limit = sum / 3;
        let capped = cap(&points, limit);
        assert_eq!(capped.iter().sum::<i64>(), limit);
        for (p, c) in points.iter().zip(&capped) {
            let exact = *p as f64 * limit as f64 / sum as f64;
            assert!((*c as f64 - exact).abs() < 1.0);
        }
    }
}

#[test]
fn amounts_of_a_family_do_not_add_up() {
    let card = Scorecard::embedded().unwrap();
    let hits = [
        hit("void", Grade::Low, 0.0, Some(100)),
        hit("void", Grade::Low, 0.0, Some(300)),
        hit("peers", Grade::Low, 0.0, Some(50)),
        hit("peers", Grade::Low, 0.0, None),
    ];
    assert_eq!(card.score(&hits, 1.0).amount, Some(35_000));
    assert_eq!(card.score(&hits[3..], 1.0).amount, None);
    assert_eq!(
        card.score(&[], 1.0),
        Score { points: vec![], total: 0, grade: None, families: 0, amount: None }
    );
}

#[test]
fn grades_begin_on_their_lines() {
    let card = Scorecard::embedded().unwrap();
    let GradeLines { high, medium, low } = card.grades;
    let grades = [high, high - 0.01, medium, medium - 0.01, low].map(|line| card.grade(centipoints(line)));
    let [high, medium, least] = [Grade::High, Grade::Medium, Grade::Low].map(Some);
    assert_eq!(grades, [high, medium, medium, least, least]);
    assert_eq!(card.grade(centipoints(low) - 1), None);
}

#[test]
fn a_later_class_counts_beside_an_earlier_one_only() {
    let card = Scorecard::embedded().unwrap();
    let of = |indicator| HitFigures { indicator, ..hit(indicator, Grade::Low, 0.0, None) };
    let points = |codes: &[&'static str]| {
        let hits: Vec<HitFigures<'_>> = codes.iter().map(|code| of(code)).collect();
        card.score(&hits, 1.0).points.iter().map(|points| *points > 0).collect::<Vec<_>>()
    };
    assert_eq!(points(&["C59", "V38"]), [false, true]);
    assert_eq!(points(&["C03"]), [false]);
    assert_eq!(points(&["C03", "C59"]), [false, true]);
    assert_eq!(points(&["C22", "C03", "C59"]), [true, true, true]);
}

#[test]
fn standing_multiplies_every_hit_and_the_points_still_add_up() {
    let card = Scorecard::embedded().unwrap();
    let rule = card.standing().unwrap();
    let known = Known { credit_rating: Some("D"), offended: true, under_way: Some("audit") };
    assert!((rule.factor(&known) - 1.2 * 1.2 * 0.6).abs() < 1e-12);
    assert_eq!(
        rule.factor(&Known { credit_rating: Some("B"), under_way: Some("reminder"), ..Known::default() }),
        1.0
    );
    let hits = [hit("a", Grade::Medium, 0.0, Some(20_000)), hit("b", Grade::Low, 0.5, None)];
    let (plain, worse) = (card.score(&hits, 1.0), card.score(&hits, 1.44));
    let expected: Vec<i64> = plain.points.iter().map(|p| (*p as f64 * 1.44).round() as i64).collect();
    assert_eq!((worse.points.clone(), worse.total), (expected.clone(), expected.iter().sum()));
    let without = EMBEDDED.replace("[standing]", "[unknown]");
    assert!(Scorecard::parse(&without).is_err());
    assert!(Scorecard::parse(&EMBEDDED.replace("factor = 1.2", "factor = -1.0")).is_err());
}

#[test]
fn weights_multiply_and_default_to_one() {
    let card = Scorecard::embedded().unwrap();
    let plain = card.raw_points(&hit("f", Grade::High, 0.0, None));
    let of = |code: &str| {
        let card = card.with_weights([(code.to_owned(), 0.5)].into());
        card.raw_points(&hit("f", Grade::High, 0.0, None))
    };
    assert_eq!((of("Z99"), of("Z98")), (plain / 2, plain));
}

#[test]
fn senseless_figures_are_all_named() {
    let text = EMBEDDED
        .replace("half_at = 1.0", "half_at = 0.0")
        .replace("[grades]\nhigh = ", "[grades]\nhigh = 0.0 #")
        .replace("neutral_share = 0.10", "neutral_share = 1.0");
    let error = Scorecard::parse(&text).unwrap_err().to_string();
    for part in ["half_at", "grades.high", "neutral_share"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(Scorecard::parse("version = 1\nbogus = 2").is_err());
}
