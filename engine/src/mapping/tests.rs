//! Drafts of small files, end to end within the engine.
#![allow(clippy::unwrap_used, clippy::panic)]

use assay_datasets::mapping;

use super::names::{Synonyms, synonyms};
use super::*;

fn draft(name: &str, text: &str, table: Option<&str>) -> Draft {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    infer(&InferRequest { path, table: table.map(str::to_owned), sheet: None, name: None }).unwrap()
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
fn fields_called_by_first_letters_are_known() {
    // 税款所属期, 用电量, 电费 and 纳税人识别号, of which a DBF keeps ten letters at most; 户号.
    let text = "NSRSBH,HH,SSQ,YDL,DFJE\n91310115MA1K39423D,0012,202403,1500,1200.55\n";
    let found = draft("dl.csv", text, Some("electricity"));
    let column = |name: &str| found.guesses.iter().find(|g| g.column == name).map(|g| g.source.as_str());
    for (name, source) in
        [("taxpayer_id", "NSRSBH"), ("meter_no", "HH"), ("period", "SSQ"), ("kwh", "YDL"), ("amount", "DFJE")]
    {
        assert_eq!(column(name), Some(source), "{name}: {}", found.text);
    }
}

#[test]
fn nothing_fits_is_said() {
    let found = draft("x.csv", "qq,ww\n1,2\n", None);
    assert_eq!(found.text, "");
    let said = &found.missing[0];
    assert!(said.contains("no table fits its columns (qq, ww); name one with --table"), "{said}");
}

#[test]
fn a_table_is_not_claimed_for_a_few_columns() {
    // Two of five columns could be a taxpayer's: the nearest tables are named, and nothing is drafted.
    let text = "XH,NSRSBH,AA,BB,YDL\n1,91310115MA1K39423D,x1,y1,1500.25\n2,91530000291993988P,x2,y2,13.50\n";
    let found = draft("power.csv", text, None);
    assert!(found.text.is_empty() && found.guesses.is_empty(), "{}", found.text);
    let said = &found.missing[0];
    assert!(said.contains("nearest are: ") && said.contains("of 5 columns"), "{said}");
    assert!(said.contains("e.g. --table "), "{said}");
    // The table named decides.
    let found = draft("power.csv", text, Some("electricity"));
    assert!(
        found.guesses.iter().any(|g| g.column == "taxpayer_id" && g.source == "NSRSBH"),
        "{}",
        found.text
    );
    assert!(found.missing.iter().any(|m| m.contains("meter_no")), "{:?}", found.missing);
}

#[test]
fn weak_guesses_are_questions() {
    // The name only begins like the column's, and whole numbers may be anything.
    let text =
        "户号,纳税人识别号,用电月份,用电量,电费其他应缴补缴合计\n001,91310115MA1K39423D,202403,1500.5,1200\n";
    let found = draft("power.csv", text, Some("electricity"));
    let asked: Vec<&str> = found.questions.iter().map(|g| g.column.as_str()).collect();
    assert_eq!(asked, ["amount"], "{}", found.text);
    assert!(
        found.guesses.iter().all(|g| g.column != "amount" && g.confidence >= 0.59),
        "{:?}",
        found.guesses
    );
    assert!(found.text.contains("\n# amount = \"电费其他应缴补缴合计\"\n"), "{}", found.text);
    assert_eq!(found.missing, Vec::<String>::new());
    // The very same name is mapped though its values are short.
    let text = "invoice_id,seller_id,issued_at,amount,status\nA1,91310115MA1K39423D,2024-03-05,1.00,valid\n";
    let found = draft("i.csv", text, None);
    assert!(found.guesses.iter().any(|g| g.column == "invoice_id"), "{}", found.text);
    // An abbreviation that differs by a letter is another name, and decimals are no code.
    let text = "NSRSBH,YDL\n91310115MA1K39423D,1500.25\n";
    let found = draft("a.csv", text, Some("taxpayer"));
    assert!(found.guesses.iter().all(|g| g.column != "industry_code"), "{:?}", found.guesses);
}

#[test]
fn drafts_of_different_files_have_different_names() {
    use super::draft::mapping_name;
    let name = |file: &str| mapping_name(std::path::Path::new(file), "invoice");
    let (bought, sold) = (name("附件2_进项发票信息.gbk.csv"), name("附件2_销项发票信息.gbk.csv"));
    assert_ne!(bought, sold);
    for made in [&bought, &sold] {
        assert!(made.starts_with("invoice_") && made.len() == 14 && made.is_ascii(), "{made}");
    }
    assert_eq!(name("issued_20240401.csv"), "issued");
    assert_eq!(name("issued_gbk.utf8.csv"), "issued");
    assert_eq!(name("202404.csv"), "invoice");
    assert_ne!(name("in1.csv"), name("in2.csv"));
    assert_ne!(name("附件1.csv"), name("附件2.csv"));
    assert!(name("power 用电.xlsx").starts_with("power_invoice_"));
    // The same month after month: the digits of a date make no other mapping.
    assert_eq!(name("开票明细202401.xlsx"), name("开票明细202402.xlsx"));
    let request = InferRequest { path: "x.csv".into(), table: None, sheet: None, name: Some("a b".into()) };
    assert!(infer(&request).unwrap_err().to_string().contains("--name"));
}

/// Columns found by name: table, then source by column.
fn columns(draft: &Draft) -> (String, std::collections::BTreeMap<String, String>) {
    let table = draft.guesses.first().map(|g| g.table.clone()).unwrap_or_default();
    (table, draft.guesses.iter().map(|g| (g.column.clone(), g.source.clone())).collect())
}

#[test]
fn amounts_are_told_apart_by_adding_up() {
    // 税金 is no listed name, and alike to both others.
    let rows = ["100.00,13.00,113.00", "50.00,3.00,53.00", "-7.50,-0.98,-8.48", "20.00,2.60,22.60"];
    let lines: Vec<String> = rows
        .iter()
        .enumerate()
        .map(|(n, amounts)| {
            format!("2431200000012345678{n},2024-03-05 10:11:12,91310115MA1K39423D,91530000291993988P,{amounts},正常")
        })
        .collect();
    let text = format!(
        "票据编号,开具时间,卖方税号,买方税号,不含税金额,税金,含税合计,票据状态\n{}\n",
        lines.join("\n")
    );
    let (table, found) = columns(&draft("other.csv", &text, None));
    assert_eq!(table, "invoice");
    for (column, source) in [("amount", "不含税金额"), ("tax", "税金"), ("total", "含税合计")] {
        assert_eq!(found.get(column).map(String::as_str), Some(source), "{column}: {found:?}");
    }
}

#[test]
fn a_table_whose_key_repeats_is_none_of_the_file() {
    // Every column could be an invoice's, but one number stands in several rows: these are lines.
    let mut text =
        "发票号码,开票日期,销方识别号,购方识别号,货物或应税劳务名称,数量,单价,金额,税率,税额,价税合计\n"
            .to_owned();
    for n in 0..12 {
        text += &format!(
            "2431200000012345670{},2024-03-05,91310115MA1K39423D,91530000291993988P,*钢材*螺纹钢,{n},10.00,{n}00.00,13%,{}.00,{}.00\n",
            n / 4,
            n * 13,
            n * 113
        );
    }
    assert_eq!(columns(&draft("lines.csv", &text, None)).0, "invoice_line");
}

#[test]
fn a_sure_column_is_not_given_up_for_two_doubtful_ones() {
    let text = "数电发票号码,开票日期,销方识别号,购方识别号,金额,税额,价税合计,出行日期\n\
        24312000000123456789,2024-03-05 10:11:12,91310115MA1K39423D,91530000291993988P,100.00,9.00,109.00,2024-03-01\n\
        24312000000123456790,2024-03-06 10:11:12,91310115MA1K39423D,91530000291993988P,50.00,4.50,54.50,2024-03-02\n\
        24312000000123456791,2024-03-07 10:11:12,91310115MA1K39423D,91530000291993988P,20.00,1.80,21.80,2024-03-03\n";
    let (_, found) = columns(&draft("train.csv", text, Some("invoice")));
    assert_eq!(found.get("issued_at").map(String::as_str), Some("开票日期"));
}

#[test]
fn records_below_a_document_are_found() {
    let record = |n: u32| {
        format!(
            "{{\"发票号码\":\"2431200000012345678{n}\",\"开票日期\":\"2024-03-05 10:11:12\",\"销方识别号\":\"91310115MA1K39423D\",\
             \"购方识别号\":\"91530000291993988P\",\"金额\":1{n}.00,\"发票状态\":\"正常\"}}"
        )
    };
    let text = format!("{{\"code\":0,\"data\":{{\"list\":[{},{},{}]}}}}", record(1), record(2), record(3));
    let found = draft("reply.json", &text, None);
    assert!(found.text.contains("records = \"data.list\""), "{}", found.text);
    assert_eq!(columns(&found).0, "invoice");
}

#[test]
fn the_only_taxpayer_of_a_list_is_its_own() {
    let text = "NSRSBH,FPHM,KPRQ,JE,SE\n91310115MA1K39423D,24312000000123456789,2024-03-05,100.00,13.00\n\
        91310115MA1K39423D,24312000000123456790,2024-03-06,50.00,6.50\n91310115MA1K39423D,24312000000123456791,2024-03-07,10.00,1.30\n";
    let (table, found) = columns(&draft("fp.csv", text, None));
    assert_eq!((table.as_str(), found.len()), ("invoice", 5), "{found:?}");
}
