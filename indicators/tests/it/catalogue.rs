//! The shipped catalogue: it loads, it means something, its test rows come out, and a folder lies over it.

use std::fs;

use assay_indicators::{Catalogue, FeatureSource, check, list, show, test};

use super::support::session;

#[test]
fn the_shipped_catalogue_has_no_problem() {
    let (catalogue, mut problems) = Catalogue::load(None).unwrap();
    problems.extend(check(&session(), &catalogue));
    let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(text.is_empty(), "{}", text.join("\n"));
    assert!(catalogue.entries().len() >= 30, "{} indicators", catalogue.entries().len());
}

#[test]
fn every_shipped_test_row_passes() {
    let (catalogue, _) = Catalogue::load(None).unwrap();
    let reports = test(&session(), &catalogue);
    assert_eq!(reports.len(), catalogue.entries().len());
    for report in reports {
        assert_eq!(report.failed, 0, "{}: {:?}", report.code, report.differences);
        assert!(report.passed >= 2, "{}", report.code);
    }
}

#[test]
fn a_folder_replaces_and_adds() {
    let (shipped, _) = Catalogue::load(None).unwrap();
    let void = shipped.get("I05").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let own = void.source.text.replace("version = 1", "version = 7");
    fs::create_dir_all(folder.path().join("indicators/below")).unwrap();
    fs::write(folder.path().join("indicators/below/a.toml"), &own).unwrap();
    fs::write(folder.path().join("indicators/b.toml"), own.replace("\"I05\"", "\"Z99\"")).unwrap();
    fs::write(folder.path().join("indicators/c.txt"), "no definition").unwrap();
    let (catalogue, problems) = Catalogue::load(Some(folder.path())).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(catalogue.get("I05").unwrap().indicator.version, 7);
    assert_eq!(catalogue.entries().len(), shipped.entries().len() + 1);
    assert!(catalogue.get("Z99").unwrap().source.name.ends_with("b.toml"));
    let (none, _) = Catalogue::load(Some(&folder.path().join("missing"))).unwrap();
    assert_eq!(none.entries().len(), shipped.entries().len());
}

#[test]
fn a_folder_brings_profile_columns_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put(
        "features.toml",
        "own_wages = { source = \"own_staff\", unit = \"money\", zh = \"工资\", en = \"wages\" }\n\
         own_cases = { source = \"own_court\", unit = \"count\", zh = \"案件\", en = \"cases\" }\n\
         sold_n = { source = \"rollup_sold\", unit = \"count\", zh = \"自定\", en = \"renamed\" }\n",
    );
    put("monthly/own_staff.sql", "SELECT taxpayer_key, period, wages AS own_wages FROM payroll");
    put(
        "features/own_court.sql",
        "SELECT taxpayer_key, count(*) AS own_cases FROM court_case WHERE decided_on <= period_end($as_of) GROUP BY 1",
    );
    let (catalogue, problems) = Catalogue::load(Some(folder.path())).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    let of = |name: &str| catalogue.features.get(name).unwrap();
    assert_eq!(of("own_wages").source, FeatureSource::Monthly("own_staff".into()));
    assert_eq!(of("own_cases").source, FeatureSource::AsOf("own_court".into()));
    assert_eq!(of("sold_n").label.zh, "自定");
    assert!(catalogue.features.get("sold_amount").is_some());
    assert!(catalogue.features.sql("own_court", 202_503).unwrap().contains("period_end(202503)"));
    put("features.toml", "x = { source = \"nowhere\", unit = \"count\", zh = \"甲\", en = \"x\" }\n");
    let (_, problems) = Catalogue::load(Some(folder.path())).unwrap();
    assert!(
        problems[0].to_string().contains("add features/nowhere.sql or monthly/nowhere.sql"),
        "{problems:?}"
    );
}

#[test]
fn the_list_and_one_indicator_read_well() {
    let (catalogue, _) = Catalogue::load(None).unwrap();
    let void = list(&catalogue).into_iter().find(|summary| summary.code == "I05").unwrap();
    assert_eq!((void.name_zh.as_str(), void.tax.as_str()), ("作废率偏高", "vat"));
    assert_eq!(void.lines, ">= 10.0% [P]");
    let text = show(&catalogue, "I05").unwrap();
    for part in
        ["作废率偏高", "void_n / issued_n", "trailing(sold_void_n, 12)", "[P]", "fires on the line → true"]
    {
        assert!(text.contains(part), "{part} is missing from\n{text}");
    }
    assert!(show(&catalogue, "I00").is_none());
}
