//! Precision and recall on a made-up register of 20,000 companies with a known truth.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, HashMap};

use assay_sql::session::SessionOptions;

use self::economy::{Economy, economy};
use super::definition::{Definition, EMBEDDED, parse};
use super::{Measure, Truth, link_names, measure};

mod economy;

async fn best(definition: &Definition, economy: &Economy, threads: usize) -> HashMap<String, (String, f64)> {
    let options = SessionOptions { threads, ..SessionOptions::default() };
    let (links, _) = link_names(definition, &economy.register, &economy.records, &options).await.unwrap();
    links.into_iter().filter(|l| l.rank == 1).map(|l| (l.from_value, (l.taxpayer_id, l.score))).collect()
}

/// What went wrong, by way of writing, with examples.
fn faults(economy: &Economy, best: &HashMap<String, (String, f64)>, cut_off: f64) -> String {
    let mut by_way: BTreeMap<&str, (usize, usize, usize, Vec<String>)> = BTreeMap::new();
    for (record, real) in &economy.truth {
        let entry = by_way.entry(economy.ways[record]).or_default();
        entry.0 += 1;
        let linked = best.get(record);
        let name =
            |id: &String| economy.register.firms.iter().find(|f| &f.id == id).and_then(|f| f.name.clone());
        let said = linked.map(|(id, score)| format!("{} {score:.3}", name(id).unwrap_or_default()));
        let kept = linked.filter(|(_, score)| *score >= cut_off).map(|(id, _)| id);
        match (kept, real) {
            (Some(kept), real) if Some(kept) != real.as_ref() => {
                entry.1 += 1;
                entry.3.push(format!("WRONG {record} → {said:?}"));
            }
            (None, Some(_)) => {
                entry.2 += 1;
                entry.3.push(format!("missed {record} → {said:?}"));
            }
            _ => {}
        }
    }
    let mut text = String::new();
    for (way, (n, wrong, missed, mut examples)) in by_way {
        examples.sort();
        examples.truncate(8);
        text.push_str(&format!(
            "{way}: {n} records, {wrong} wrong, {missed} missed\n  {}\n",
            examples.join("\n  ")
        ));
    }
    text
}

#[tokio::test]
async fn precision_and_recall_on_twenty_thousand_companies() {
    let definition = parse("links.toml", EMBEDDED).unwrap();
    let economy = economy(20, 20_000, 20_000);
    let best = best(&definition, &economy, 2).await;
    let measured = measure(&economy.truth, &best);
    let at = |cut_off: f64| measured.iter().find(|m| (m.cut_off - cut_off).abs() < 1e-9).unwrap();
    let table: Vec<String> = measured
        .iter()
        .map(|m| {
            format!(
                "{:.2}: precision {:.4} recall {:.4} wrong {}",
                m.cut_off,
                m.precision(),
                m.recall(),
                m.wrong
            )
        })
        .collect();
    let shown = format!("{}\n{}", table.join("\n"), faults(&economy, &best, definition.cut_off));
    if let Ok(path) = std::env::var("ASSAY_LINKS_REPORT") {
        std::fs::write(path, &shown).unwrap();
    }
    let default = at(definition.cut_off);
    assert!(default.precision() >= 0.99 && default.recall() >= 0.95, "{shown}");
    // A stricter cut-off is never less precise in what it keeps, and keeps less.
    assert!(measured.windows(2).all(|w| w[0].right + w[0].wrong >= w[1].right + w[1].wrong), "{shown}");
}

#[tokio::test]
async fn the_same_input_gives_the_same_links_on_any_number_of_threads() {
    let definition = parse("links.toml", EMBEDDED).unwrap();
    let economy = economy(7, 1_500, 1_500);
    let mut found = Vec::new();
    for threads in [1, 3] {
        let options = SessionOptions { threads, ..SessionOptions::default() };
        found.push(link_names(&definition, &economy.register, &economy.records, &options).await.unwrap());
    }
    assert!(!found[0].0.is_empty());
    assert_eq!(found[0], found[1]);
}

#[test]
fn measures_count_right_wrong_and_missed() {
    let truth: Truth = [("a", Some("1")), ("b", Some("2")), ("c", Some("3")), ("d", None)]
        .into_iter()
        .map(|(r, t)| (r.to_owned(), t.map(str::to_owned)))
        .collect();
    let best = [("a", ("1", 0.99)), ("b", ("9", 0.91)), ("d", ("3", 0.6))]
        .into_iter()
        .map(|(r, (t, s))| (r.to_owned(), (t.to_owned(), s)))
        .collect();
    let measured = measure(&truth, &best);
    let row = |m: &Measure| (m.cut_off, m.right, m.wrong);
    assert_eq!(measured.iter().map(row).next(), Some((0.5, 1, 2)));
    let default = measured.iter().find(|m| m.cut_off == 0.9).unwrap();
    assert_eq!((default.precision(), default.recall()), (0.5, 1.0 / 3.0));
    assert_eq!((default.known, default.foreign), (3, 1));
}
