//! Judging small profiles made by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    StringArray,
};
use arrow::datatypes::{Decimal128Type, Float64Type, Int64Type};
use assay_indicators::{Catalogue, CompiledIndicator, FeatureCatalogue, Layout, SIZE_COLUMN, SourceFile};
use assay_risk_models::scorecard::Scorecard;

use super::backtest::hold;
use super::judge::{Judgement, judge};
use super::standing::{Standing, Standings};
use super::tables::{Findings, hit_schema};

const DEFINITION: &str = r#"
code = "CODE"
version = 3
name = { zh = "作废率偏高", en = "voids" }
tax = "vat"
family = "FAMILY"
grain = "month"
severity = "medium"
unit = "share"
applies = "n > 0"
value = "tax / n"
amount = "tax"
innocent = { zh = ["季节"], en = ["season"] }
ask = { zh = ["合同"], en = ["contract"] }
evidence = "SELECT * FROM invoice WHERE seller_key = $taxpayer_key AND period = $as_of"
[facts]
n = { expr = "sold_n", unit = "count", zh = "份数", en = "issued" }
tax = { expr = "sold_void_tax", unit = "money", zh = "税额", en = "tax" }
[message]
zh = "开票{n}份，作废率{value}，{line}，税额{tax}。"
en = "{n} issued, {value}, {line}, {amount}."
"#;

const ABSOLUTE: &str = "[[lines]]\nop = \">=\"\nvalue = 0.5\nsource = \"P\"\nseverity = \"high\"\n[[lines]]\nop = \">=\"\nvalue = 0.1\nsource = \"D\"\n";
const PEER: &str = "[[lines]]\nop = \">\"\npeer = \"median\"\nfactor = 2.0\nmin_peers = 3\nsource = \"D\"\n";

/// Indicators as (code, family, lines), each reading the columns applies, value, amount, n and tax.
fn layout(indicators: &[(&str, &str, &str)]) -> Layout {
    let files = indicators
        .iter()
        .map(|(code, family, lines)| {
            let text = DEFINITION.replace("CODE", code).replace("FAMILY", family);
            SourceFile::new(*code, format!("{text}{lines}"))
        })
        .collect();
    let (catalogue, problems) = Catalogue::from_files(FeatureCatalogue::default(), vec![files]);
    assert!(problems.is_empty(), "{problems:?}");
    let compiled: Vec<CompiledIndicator> = catalogue
        .entries()
        .iter()
        .map(|entry| CompiledIndicator {
            definition: Arc::clone(&entry.indicator),
            as_of: 202002,
            lines: entry.indicator.lines.clone(),
            applies: "applies".into(),
            value: "value".into(),
            amount: Some("amount".into()),
            facts: vec!["n".into(), "tax".into()],
        })
        .collect();
    let needs_peers = compiled.iter().any(|c| c.lines.iter().any(|line| line.kind.needs_peers()));
    Layout { as_of: 202002, indicators: compiled, not_in_force: vec![], needs_peers, policies: vec![] }
}

/// (key, applies, value, tax in fen)
type Row = (i64, Option<bool>, Option<f64>, Option<i128>);

fn batch(rows: &[Row]) -> RecordBatch {
    let money = |precision| -> ArrayRef {
        let cents: Decimal128Array = rows.iter().map(|r| r.3).collect();
        Arc::new(cents.with_precision_and_scale(precision, 2).unwrap())
    };
    let texts = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; rows.len()])) };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("taxpayer_key", Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.0)))),
        ("taxpayer_id", Arc::new(StringArray::from_iter_values(rows.iter().map(|r| format!("E{}", r.0))))),
        ("industry_code", texts("F5111")),
        ("region_code", texts("440106")),
        (SIZE_COLUMN, money(28)),
        ("applies", Arc::new(rows.iter().map(|r| r.1).collect::<BooleanArray>())),
        ("value", Arc::new(rows.iter().map(|r| r.2).collect::<Float64Array>())),
        ("amount", money(18)),
        ("n", Arc::new(rows.iter().map(|r| r.1.map(|_| 1234)).collect::<Int64Array>())),
        ("tax", money(28)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap()
}

const ROWS: [Row; 7] = [
    (5, Some(true), Some(0.1), Some(130_000)),
    (1, Some(true), Some(0.6), Some(20_000_000)),
    (2, Some(true), Some(0.05), None),
    (3, Some(false), Some(0.9), None),
    (4, None, Some(0.9), Some(5)),
    (6, Some(true), None, None),
    (7, Some(true), Some(0.2), None),
];

/// Result tables of a judgement.
#[derive(Debug)]
struct Found {
    hits: RecordBatch,
    scores: RecordBatch,
    indicators: RecordBatch,
}

fn tables(layout: &Layout, judgement: &Judgement) -> Found {
    let findings = Findings::of(layout, judgement).unwrap();
    let hits: Vec<RecordBatch> = findings.hits().flat_map(Result::unwrap).collect();
    Found {
        hits: arrow::compute::concat_batches(&hit_schema(), &hits).unwrap(),
        scores: findings.scores(&findings.all()).unwrap(),
        indicators: findings.indicators().unwrap(),
    }
}

/// Judges and makes the tables.
fn judged<const N: usize>(layout: &Layout, profile: &[RecordBatch; N]) -> Found {
    tables(layout, &judge(layout, profile, &card(), Standings::new()).unwrap())
}

fn card() -> Scorecard {
    Scorecard::embedded().unwrap()
}

fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Vec<&'a str> {
    batch.column_by_name(name).unwrap().as_string::<i32>().iter().map(|t| t.unwrap_or("null")).collect()
}

fn ints(batch: &RecordBatch, name: &str) -> Vec<i64> {
    batch.column_by_name(name).unwrap().as_primitive::<Int64Type>().values().to_vec()
}

fn cents(batch: &RecordBatch, name: &str) -> Vec<Option<i128>> {
    batch.column_by_name(name).unwrap().as_primitive::<Decimal128Type>().iter().collect()
}

#[test]
fn the_most_severe_line_crossed_is_the_hit() {
    let layout = layout(&[("A1", "f", ABSOLUTE)]);
    let found = judged(&layout, &[batch(&ROWS)]);
    assert_eq!(ints(&found.hits, "taxpayer_key"), [1, 5, 7]);
    assert_eq!(texts(&found.hits, "taxpayer_id"), ["E1", "E5", "E7"]);
    assert_eq!(texts(&found.hits, "severity"), ["high", "medium", "medium"]);
    assert_eq!(texts(&found.hits, "line_source"), ["P", "D", "D"]);
    let all = &found.hits;
    let line = all.column_by_name("line").unwrap().as_primitive::<Float64Type>();
    assert_eq!(line.values().to_vec(), [0.5, 0.1, 0.1]);
    assert_eq!(cents(&found.hits, "amount"), [Some(20_000_000), Some(130_000), None]);
    let tally = &found.indicators;
    assert_eq!(
        (
            ints(tally, "applicable"),
            ints(tally, "hits"),
            ints(tally, "unknown"),
            ints(tally, "not_applicable")
        ),
        (vec![4], vec![3], vec![2], vec![1])
    );
    assert_eq!(texts(tally, "missing_facts"), [r#"{"n":1,"tax":1}"#]);
}

#[test]
fn a_hit_explains_itself() {
    let layout = layout(&[("A1", "f", ABSOLUTE)]);
    let found = judged(&layout, &[batch(&ROWS)]);
    assert_eq!(
        texts(&found.hits, "message_zh"),
        [
            "开票1,234份，作废率60.0%，超过预警线50.0%，税额20.00万元。",
            "开票1,234份，作废率10.0%，达到预警线10.0%，税额1,300.00元。",
            "开票1,234份，作废率20.0%，超过预警线10.0%，税额不详。",
        ]
    );
    assert_eq!(
        texts(&found.hits, "message_en")[1],
        "1,234 issued, 10.0%, at the warning line of 10.0%, 1,300.00 yuan."
    );
    assert_eq!(
        texts(&found.hits, "evidence_sql")[0],
        "SELECT * FROM invoice WHERE seller_key = 1 AND period = 202002"
    );
    let all = &found.hits;
    let facts = texts(all, "facts")[1];
    let parsed: serde_json::Value = serde_json::from_str(facts).unwrap();
    assert_eq!(parsed["n"]["value"], 1234);
    assert_eq!(parsed["tax"]["zh"], "税额");
    assert!(facts.contains("\"value\":1300.00}"), "{facts}");
}

#[test]
fn points_of_hits_add_up_to_the_score() {
    let layout =
        layout(&[("A1", "f", ABSOLUTE), ("A2", "f", ABSOLUTE), ("A3", "g", ABSOLUTE), ("A4", "g", ABSOLUTE)]);
    let found = judged(&layout, &[batch(&ROWS)]);
    assert_eq!(texts(&found.hits, "indicator")[..4], ["A1", "A2", "A3", "A4"]);
    let (keys, points) = (ints(&found.hits, "taxpayer_key"), cents(&found.hits, "points"));
    let scores = cents(&found.scores, "score");
    for (key, score) in ints(&found.scores, "taxpayer_key").iter().zip(scores) {
        let sum: i128 = keys.iter().zip(&points).filter(|(k, _)| *k == key).filter_map(|(_, p)| *p).sum();
        assert_eq!(Some(sum), score);
    }
    // Taxpayer 1: two families at their cap of 45.
    assert_eq!(cents(&found.scores, "score")[0], Some(9_000));
    assert_eq!(texts(&found.scores, "grade")[0], "high");
    assert_eq!((ints(&found.scores, "hits")[0], ints(&found.scores, "families")[0]), (4, 2));
    assert_eq!(cents(&found.scores, "amount")[0], Some(40_000_000));
}

#[test]
fn a_line_that_most_cross_says_little_unless_it_is_law() {
    // 40 firms: one beyond the graver line, 35 more beyond the milder one. Tax of 20,000 yuan: factor 1.
    let rows: Vec<Row> = (0..40)
        .map(|k| {
            (k, Some(true), Some([0.5, 0.1, 0.0][usize::from(k > 0) + usize::from(k > 35)]), Some(2_000_000))
        })
        .collect();
    let law = ABSOLUTE.replace("\"P\"", "\"V\"").replace("\"D\"", "\"K\"");
    let found = judged(&layout(&[("A1", "f", ABSOLUTE), ("A2", "g", &law)]), &[batch(&rows)]);
    let points = cents(&found.hits, "points");
    let (ours, of_law): (Vec<_>, Vec<_>) = points.chunks(2).map(|pair| (pair[0], pair[1])).unzip();
    assert_eq!((ours.len(), of_law[0], of_law[1]), (36, Some(3_000), Some(1_800)));
    // (1 + 3) / (40 + 30) is under the neutral tenth; (36 + 3) / 70 tells a quarter of what a tenth does.
    assert_eq!(ours[0], Some(3_000));
    assert!(
        ours[1..].iter().all(|p| *p == Some((1_800.0 * -(39.0_f64 / 70.0).log10()).round() as i128)),
        "{ours:?}"
    );
    assert_eq!(cents(&found.scores, "score")[0], Some(6_000));
}

#[test]
fn peer_lines_take_the_group_with_enough_members_and_are_unknown_without() {
    let rows: Vec<Row> = (1..=5)
        .map(|k| (k, Some(true), Some([0.1, 0.1, 0.2, 0.3, 0.5][k as usize - 1]), Some(100)))
        .collect();
    let found = judged(&layout(&[("P1", "f", PEER)]), &[batch(&rows)]);
    assert_eq!(ints(&found.hits, "taxpayer_key"), [5]);
    assert_eq!(texts(&found.hits, "line_kind"), ["peer_median"]);
    assert_eq!(texts(&found.hits, "peer_group"), ["industry F51, sales 0+, region 4401"]);
    assert_eq!(ints(&found.hits, "peer_n"), [5]);
    assert_eq!(
        texts(&found.hits, "message_zh")[0],
        "开票1,234份，作废率50.0%，高于同业中位数的2倍（40.0%，同业5户），税额1.00元。"
    );
    let few = judged(&layout(&[("P1", "f", PEER)]), &[batch(&rows[..2])]);
    assert_eq!((ints(&few.indicators, "unknown"), few.hits.num_rows()), (vec![2], 0));
    assert_eq!(texts(&few.indicators, "missing_facts"), [r#"{"peers":2}"#]);
}

#[test]
fn batches_and_their_order_do_not_show() {
    let indicators = [("A1", "f", ABSOLUTE), ("P1", "g", PEER)];
    let layout = layout(&indicators);
    let one = judged(&layout, &[batch(&ROWS)]);
    let (first, rest) = ROWS.split_at(3);
    let many = judged(&layout, &[batch(rest), batch(&[]), batch(first)]);
    assert_eq!(one.hits, many.hits);
    assert_eq!(one.scores, many.scores);
    assert_eq!(one.indicators, many.indicators);
    let nothing = judged::<0>(&layout, &[]);
    assert_eq!((nothing.hits.num_rows(), nothing.indicators.num_rows()), (0, 2));
}

#[test]
fn what_is_known_of_a_taxpayer_multiplies_its_points_and_is_told() {
    let layout = layout(&[("A1", "f", ABSOLUTE)]);
    let plain = judged(&layout, &[batch(&ROWS)]);
    let key = ints(&plain.scores, "taxpayer_key")[0];
    let standing = Standing { factor: 0.5, zh: "税务稽查在办".into(), en: "audit under way".into() };
    let known = Standings::from([(key, standing)]);
    let known = tables(&layout, &judge(&layout, &[batch(&ROWS)], &card(), known).unwrap());
    let points = |of: &Found| of.scores["score"].as_primitive::<Decimal128Type>().values().to_vec();
    let (before, after) = (points(&plain), points(&known));
    assert_eq!((after[0], &after[1..]), ((before[0] + 1) / 2, &before[1..]));
    assert_eq!(known.scores["standing_zh"].as_string::<i32>().value(0), "税务稽查在办");
    assert!(
        known.scores["standing_factor"].is_valid(0)
            && known.scores["standing_factor"].null_count() == after.len() - 1
    );
}

#[test]
fn a_taxpayer_registered_twice_is_refused() {
    let twice = [ROWS[0], ROWS[0]];
    let error = judge(&layout(&[("A1", "f", ABSOLUTE)]), &[batch(&twice)], &card(), Standings::new())
        .unwrap_err()
        .to_string();
    assert!(error.contains("taxpayer_key 5") && error.contains("valid_to"), "{error}");
}

#[test]
fn a_backtest_counts_labels_and_ranks_unknown_lowest() {
    let layout = layout(&[("A1", "f", ABSOLUTE)]);
    let batches = [batch(&ROWS)];
    let judgement = judge(&layout, &batches, &card(), Standings::new()).unwrap();
    // 99 is not in the profile; 3 is not concerned; 6 is unknown.
    let labels = HashMap::from([(1, true), (7, true), (2, false), (3, false), (6, true), (99, true)]);
    let rows = hold(&layout, &batches, &judgement, &labels).unwrap();
    let indicator = &rows[0];
    assert_eq!((indicator.labelled, indicator.positives, indicator.known), (5, 3, 3));
    assert_eq!((indicator.hits, indicator.true_hits, indicator.precision), (2, 2, Some(1.0)));
    assert!((indicator.lift.unwrap() - 5.0 / 3.0).abs() < 1e-12);
    // Positives 0.6, 0.2, unknown against negatives 0.05 and unknown: 2 + 2 + 0.5 of 6 pairs.
    assert!((indicator.auc.unwrap() - 4.5 / 6.0).abs() < 1e-12);
    let score = &rows[1];
    assert_eq!((score.code.as_str(), score.known, score.hits), ("score", 5, 2));
    // Scored 1 and 7 above all; 6 ties with both negatives at 0: 2 + 2 + 1 of 6 pairs.
    assert!((score.auc.unwrap() - 5.0 / 6.0).abs() < 1e-12);
}
