//! Drafts of small files, end to end within the engine.
#![allow(clippy::unwrap_used, clippy::panic)]

use assay_datasets::mapping;

use super::names::{Synonyms, synonyms};
use super::*;

fn draft(name: &str, text: &str, table: Option<&str>) -> Draft {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    infer(&InferRequest { path, table: table.map(str::to_owned), sheet: None }).unwrap()
}

#[test]
fn the_synonyms_name_what_exists() {
    let read: Synonyms = toml::from_str(mapping::SYNONYMS).unwrap();
    assert_eq!(read.problems(), Vec::<String>::new());
    assert!(!synonyms().all_names().is_empty());
}

#[test]
fn a_list_of_issued_invoices() {
    let text = "导出时间：2024-04-01\n\n发票 号码,开票日期,购方税号,购方名称,金额（元）,税额,价税合计,发票状态\n\
        24312000000123456789,2024-03-05 10:11:12,91310115MA1K39423D,甲公司,100.00,13.00,113.00,正常\n\
        24312000000123456790,2024-03-06 10:11:12,91530000291993988P,乙公司,-7.50,-0.98,-8.48,红字发票\n";
    let found = draft("issued_20240401.csv", text, None);
    let column = |name: &str| found.guesses.iter().find(|g| g.column == name).map(|g| g.source.as_str());
    assert_eq!(found.guesses[0].table, "invoice");
    assert_eq!(column("invoice_id"), Some("发票号码"));
    assert_eq!(column("buyer_id"), Some("购方税号"));
    assert_eq!(column("amount"), Some("金额（元）"));
    assert!(found.text.contains("files = [\"issued_*.csv\"]"), "{}", found.text);
    assert!(found.text.contains("\"红字发票\" = \"red\""), "{}", found.text);
    // The list's own taxpayer is in no column: the draft says so.
    assert!(found.missing.iter().any(|m| m.contains("seller_id")), "{:?}", found.missing);
    assert!(found.text.contains("# 缺少必填列 required but not found: seller_id"), "{}", found.text);
}

#[test]
fn values_decide_between_names_that_are_alike() {
    let text = "日期,户号,电量,电费金额,纳税人识别号\n202403,0012,1500,1200.55,91310115MA1K39423D\n";
    let found = draft("power.csv", text, None);
    assert_eq!(found.guesses[0].table, "electricity", "{}", found.text);
    let period = found.guesses.iter().find(|g| g.column == "period");
    assert!(period.is_none_or(|p| p.source == "日期"));
}

#[test]
fn nothing_fits_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    std::fs::write(&path, "qq,ww\n1,2\n").unwrap();
    let error = infer(&InferRequest { path, table: None, sheet: None }).unwrap_err().to_string();
    assert!(error.contains("no table fits its columns (qq, ww); name one with --table"), "{error}");
}
