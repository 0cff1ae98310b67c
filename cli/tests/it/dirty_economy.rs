//! A dirty economy: a load, the quality rules and the links together find every entry of the ledger of planted
//! defects, and accuse no row that the ledger does not name.
//!
//! Accused is a row that a rule calls defective. A notice (`claim = "notice"`: an unusual price, a late rate) says that
//! right data can be so, and is no accusation. No rule, threshold or other test was made with the seeds used here.

use std::collections::{BTreeMap, BTreeSet};

use assay_engine::generate::dirt::KINDS;

use crate::ledger::{Defect, Twins, found, same_but};
use crate::links::CODED;
use crate::support::{Place, assay};

/// As the departments send it: nine formats, long enough that what a red invoice reverses would have to be on file.
const ECONOMY: [&str; 8] = ["--taxpayers", "400", "--start", "202301", "--months", "16", "--seed", "90817"];

/// The month after one, as YYYYMM.
fn next(period: i32) -> i32 {
    if period % 100 == 12 { period + 89 } else { period + 1 }
}

/// Where a quality rule must notice a defect, as `rule,file,row`: in its row, and of a missing return in the key of the
/// next one.
fn place_of(defect: &Defect, rule: &str) -> String {
    if defect.action != "removed" {
        return format!("{rule},{},{}", defect.file, defect.row);
    }
    let [taxpayer, period, form] = defect.key.split('|').collect::<Vec<_>>()[..] else {
        panic!("{} is no key of a return", defect.key)
    };
    format!("{rule},{taxpayer}|{}|{form},", next(period.parse().unwrap()))
}

fn failures(place: &Place, only: &str) -> BTreeSet<String> {
    let sql = format!(
        "select rule, case rule when 'Q-VAT-12' then row_key else _file end, \
         case rule when 'Q-VAT-12' then '' else cast(_row as varchar) end from quality_failure where {only}"
    );
    found(place, &sql)
}

/// Every planted defect that a rule must find is found in its row by that rule; other rows are not accused.
fn rules_agree(twins: &Twins) {
    twins.clean.run(&["quality"]).ok();
    assert_eq!(failures(&twins.clean, "claim = 'defect'"), BTreeSet::new(), "the clean twin is accused");
    twins.dirty.run(&["quality"]).ok();
    let (mut planted, mut entailed) = (BTreeSet::new(), BTreeSet::new());
    for defect in &twins.ledger {
        if let Some(rule) = defect.expected.strip_prefix("quality:") {
            planted.insert(place_of(defect, rule));
            entailed.extend(defect.also.split_whitespace().map(|rule| place_of(defect, rule)));
        }
    }
    let noticed = failures(&twins.dirty, "claim = 'notice'");
    let mut all = failures(&twins.dirty, "claim = 'defect'");
    all.extend(noticed.intersection(&planted).cloned());
    same_but("quality", &all, &planted, &entailed);
}

/// Precision and recall of the links against `truth`, a file in the place, at the default cut-off.
fn measured(place: &Place, truth: &str) -> (usize, f64, f64) {
    let out = place.run(&["links", "evaluate", truth, "--format", "csv"]).ok().out;
    let line = out.lines().find(|line| line.starts_with("0.90,")).unwrap_or_else(|| panic!("{out}"));
    let cells: Vec<&str> = line.split(',').collect();
    (cells[1].parse().unwrap(), cells[6].parse().unwrap(), cells[7].parse().unwrap())
}

/// The truth about hidden parties, by what stands in their place; every other record that was linked has no taxpayer.
fn truths(place: &Place) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(place.path("files/truth/identity_truth.csv")).unwrap();
    let mut by: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        by.entry(cells[3].to_owned()).or_default().push((cells[4].to_owned(), cells[5].to_owned()));
    }
    let known: BTreeSet<&String> = by.values().flatten().map(|(value, _)| value).collect();
    let others = found(
        place,
        "select distinct trim(from_value) from identity_link where from_kind in ('name', 'old_id', 'code')",
    );
    let others: Vec<&String> = others.iter().filter(|value| !known.contains(value)).collect();
    let mut truths = BTreeMap::new();
    for (kind, rows) in &by {
        let mut text = "value,taxpayer_id\n".to_owned();
        rows.iter().for_each(|(value, id)| text.push_str(&format!("{value},{id}\n")));
        others.iter().for_each(|value| text.push_str(&format!("{value},\n")));
        place.file(&format!("{kind}.csv"), text);
        truths.insert(kind.clone(), format!("{kind}.csv"));
    }
    truths
}

/// Hidden parties are linked to who they are, and nobody to anybody else.
#[track_caller]
fn links_agree(place: &Place, least: usize) {
    place.run(&["links", "build"]).ok();
    let truths = truths(place);
    assert_eq!(truths.keys().collect::<Vec<_>>(), ["name", "old_number"]);
    for (kind, truth) in &truths {
        let (records, precision, recall) = measured(place, truth);
        let faults = || place.run(&["links", "evaluate", truth, "--errors", "12"]).out;
        assert!(records >= least, "{kind}: only {records} records");
        assert!(precision >= 0.99 && recall >= 0.95, "{kind}: {precision} {recall}\n{}", faults());
    }
}

#[test]
fn the_whole_ledger_is_found_and_nothing_else() {
    let twins = Twins::generate(&ECONOMY, &[], "0.15");
    let planted: BTreeSet<&str> = twins.ledger.iter().map(|d| d.kind.as_str()).collect();
    let missing: Vec<&str> = KINDS.iter().map(|k| k.name).filter(|kind| !planted.contains(kind)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "kinds that were not planted");
    twins.loads_agree();
    rules_agree(&twins);
    links_agree(&twins.dirty, 1);
}

/// Every fourth firm gives its invoices with a code in place of the other party, as both sides of some of them do: each
/// code that meets a firm is resolved.
fn codes_agree(place: &Place) {
    let ours = "(select taxpayer_key as k from taxpayer where taxpayer_key % 4 = 0)";
    let code = |letter: &str, party: &str| format!("'{letter}' || substr(md5('{letter}' || {party}), 1, 10)");
    let (buyer, seller) = (code("B", "buyer_id"), code("S", "seller_id"));
    let copies = |own: &str, code: &str, other: &str| {
        format!(
            "select {own}_id as 企业, right(coalesce(invoice_no, invoice_id), 8) as 号码, cast(issued_at as date) as 日期, \
             {code} as 代码, total as 合计 from invoice join {ours} o on o.k = {own}_key \
             where status in ('valid', 'reversed') and {other}_id is not null and not starts_with({other}_id, 'NP')"
        )
    };
    let both = format!(
        "invoice join {ours} a on a.k = seller_key join {ours} b on b.k = buyer_key where status in ('valid', 'reversed')"
    );
    let queries = [
        (
            "register.csv",
            "select taxpayer_id, name, region_code from taxpayer where taxpayer_key % 4 = 0".into(),
        ),
        ("issued.csv", copies("seller", &buyer, "buyer")),
        ("received.csv", copies("buyer", &seller, "seller")),
        (
            "codes.csv",
            format!(
                "select distinct {buyer} as value, buyer_id as taxpayer_id from {both} \
                 union all select distinct {seller}, seller_id from {both}"
            ),
        ),
    ];
    let coded = Place::new();
    let file = |name: &str| coded.path(name).display().to_string();
    for (name, query) in &queries {
        place.run(&["sql", "--format", "csv", query, "-o", &file(name)]).ok();
    }
    coded.file("coded.toml", CODED);
    coded.run(&["ingest", "taxpayer", "register.csv"]).ok();
    coded.run(&["ingest", "all", "--mapping", "coded.toml", "issued.csv", "received.csv"]).ok();
    coded.run(&["links", "build"]).ok();
    let (codes, precision, recall) = measured(&coded, "codes.csv");
    assert!(codes > 1000 && precision >= 0.99 && recall >= 0.95, "{codes} codes: {precision} {recall}");
}

/// Enough hidden parties to tell 0.94 from 0.96, and enough firms that brands are used by several.
#[test]
fn hidden_parties_of_a_large_economy_are_found() {
    let place = Place::new();
    let economy = ["--taxpayers", "20000", "--months", "8", "--seed", "77003", "--dirty", "0.2"];
    let tables = ["office", "taxpayer", "registration_change", "invoice"];
    let listed = tables.join(",");
    let mut args = vec!["generate", "--files", "files", "--as", "csv", "--tables", &listed];
    args.extend(economy);
    assay(&place.path(""), &args).ok();
    for table in tables {
        let months = if table == "invoice" { "_*" } else { "" };
        let run = place.run(&["ingest", table, &format!("files/{table}{months}.csv")]);
        assert!([0, 3].contains(&run.code), "{table}: {}", run.err);
    }
    links_agree(&place, 200);
    codes_agree(&place);
}
