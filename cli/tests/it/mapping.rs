//! `assay mapping`: drafts that load or say what is missing, and what a mapping makes of a file before loading it.

use std::path::{Path, PathBuf};

use assay_datasets::schema::{Column, ColumnType, Table, catalog};
use serde_json::{Value, json};

use crate::support::{BUYER, Place, SELLER, gb18030, skipped};
use crate::workbooks::workbook;

/// A value that may stand in the column; the same for a key's column in no two rows.
fn value(table: &Table, column: &Column, row: usize) -> String {
    if column.party {
        return if row.is_multiple_of(2) { SELLER } else { BUYER }.to_owned();
    }
    match column.ty {
        ColumnType::Enum => column.values[row % column.values.len()].zh.clone(),
        ColumnType::Int | ColumnType::Count => (row + 1).to_string(),
        ColumnType::Bool => ["是", "否"][row % 2].to_owned(),
        ColumnType::Money => format!("{}.25", 1000 + row),
        ColumnType::Rate => "13%".to_owned(),
        ColumnType::Share => format!("0.{}", row + 1),
        ColumnType::Quantity => format!("{}.5", row + 1),
        ColumnType::Date => format!("2024-03-{:02}", row + 1),
        ColumnType::Timestamp => format!("2024-03-{:02} 10:11:12", row + 1),
        ColumnType::Period => "202403".to_owned(),
        ColumnType::Text if column.name.ends_with("invoice_id") => format!("2431200000012340000{row}"),
        ColumnType::Text if column.name.ends_with("name") => format!("名称{}", ["甲", "乙", "丙", "丁"][row]),
        ColumnType::Text => format!("{}{row}", &table.name[..2]),
    }
}

/// A file of the table under its Chinese names.
fn chinese(table: &Table) -> String {
    let header: Vec<&str> = table.columns.iter().map(|c| c.zh.as_str()).collect();
    let quoted = |texts: Vec<String>| texts.iter().map(|t| format!("\"{t}\"")).collect::<Vec<_>>().join(",");
    let mut lines = vec![quoted(header.iter().map(|h| (*h).to_owned()).collect())];
    for row in 0..4 {
        lines.push(quoted(table.columns.iter().map(|c| value(table, c, row)).collect()));
    }
    lines.join("\n") + "\n"
}

/// Tables whose Chinese names stand there once each, so that a header can have them.
fn with_distinct_names() -> impl Iterator<Item = &'static Table> {
    catalog().tables().iter().filter(|table| {
        let mut names: Vec<&str> = table.columns.iter().map(|c| c.zh.as_str()).collect();
        names.sort_unstable();
        names.windows(2).all(|w| w[0] != w[1])
    })
}

#[test]
fn the_draft_of_every_table_under_its_chinese_names_loads() {
    let place = Place::new();
    let mut tables = 0;
    for table in with_distinct_names() {
        let file = format!("{}.csv", table.name);
        place.file(&file, chinese(table));
        let draft = format!("draft_{}.toml", table.name);
        place.run(&["mapping", "infer", &file, "-o", &draft]).ok().says("the draft loads");
        let text = std::fs::read_to_string(place.path(&draft)).unwrap();
        assert!(
            text.contains(&format!("table = \"{}\"", table.name)),
            "{} was taken for another:\n{text}",
            table.name
        );
        assert!(text.contains("名称一致 same name"), "{text}");
        place.run(&["ingest", "all", "--mapping", &draft, &file]).ok();
        tables += 1;
    }
    assert!(tables > 30, "{tables}");
    assert_eq!(
        place.sql("select count(*), sum(rows_read), sum(rows_kept), sum(rows_rejected) from ingest_batch"),
        format!("{tables},{0},{0},0\n", tables * 4)
    );
}

#[test]
fn a_draft_of_a_workbook_under_other_names() {
    let place = Place::new();
    let rows = |header: &[&str], rows: &[&[Value]]| {
        let mut all = vec![vec![json!("开票明细（2024年3月）")], Vec::new()];
        all.push(header.iter().map(|h| json!(h)).collect());
        all.extend(rows.iter().map(|r| r.to_vec()));
        all
    };
    let issued = rows(
        &[
            "发票号码",
            "开票日期",
            "销方税号",
            "购方 税号",
            "购买方名称",
            "不含税金额",
            "税额",
            "含税金额",
            "状态",
            "经办",
        ],
        &[
            &[
                json!("24312000000123400001"),
                json!("2024-03-05"),
                json!(SELLER),
                json!(BUYER),
                json!("乙公司"),
                json!(100.5),
                json!(13.07),
                json!(113.57),
                json!("正常发票"),
                json!("a"),
            ],
            &[
                json!("24312000000123400002"),
                json!("2024-03-06"),
                json!(SELLER),
                json!("--"),
                json!("--"),
                json!(-1),
                json!(-0.13),
                json!(-1.13),
                json!("红冲发票"),
                json!("b"),
            ],
            &[
                json!("合计"),
                Value::Null,
                Value::Null,
                Value::Null,
                Value::Null,
                json!(99.5),
                json!(12.94),
                json!(112.44),
            ],
        ],
    );
    let lines = rows(
        &["发票号码", "商品名称", "税收分类编码", "计量单位", "数量", "单价", "金额", "税率", "税额"],
        &[
            &[
                json!("24312000000123400001"),
                json!("*软件*ERP"),
                json!("3040201010000000000"),
                json!("套"),
                json!(2),
                json!(50.123456789),
                json!(100.5),
                json!("13%"),
                json!(13.07),
            ],
            &[
                json!("24312000000123400001"),
                json!("*蔬菜*白菜"),
                json!("1010115010100000000"),
                json!("斤"),
                json!(1),
                json!(0),
                json!(0),
                json!("免税"),
                json!(0),
            ],
        ],
    );
    if workbook(
        &place,
        "开票2024.xlsx",
        &[("主表", issued), ("明细", lines), ("说明", vec![vec![json!("无")]])],
    )
    .is_none()
    {
        return;
    }
    // The sheet of notes fits nothing, which is said.
    place
        .run(&["mapping", "infer", "开票2024.xlsx", "-o", "m.toml"])
        .code(3)
        .says("no table fits its columns (无)");
    let text = std::fs::read_to_string(place.path("m.toml")).unwrap();
    assert!(text.contains("files = [\"开票*.xlsx\"]") && text.contains("ignore = [\"经办\"]"), "{text}");
    let run = place.run(&["ingest", "all", "--mapping", "m.toml", "开票2024.xlsx"]).ok();
    assert!(!run.err.contains("rejected"), "{}", run.err);
    assert_eq!(
        place.sql("select invoice_id, buyer_id, amount, total, status, _row from invoice order by 1"),
        format!(
            "24312000000123400001,{BUYER},100.50,113.57,valid,4\n24312000000123400002,,-1.00,-1.13,red,5\n"
        )
    );
    assert_eq!(
        place.sql(
            "select line_no, goods_name, quantity, rate, period, seller_id from invoice_line order by 1"
        ),
        format!("1,*软件*ERP,2.00000000,0.1300,202403,{SELLER}\n2,*蔬菜*白菜,1.00000000,,202403,{SELLER}\n")
    );
}

#[test]
fn a_draft_says_what_is_missing() {
    let place = Place::new();
    place.file("a.csv", format!("开票日期,购方税号,金额\n2024-03-05,{BUYER},1.00\n"));
    let run = place.run(&["mapping", "infer", "a.csv", "--table", "invoice"]).code(3);
    run.says("required column seller_id of table invoice is not mapped")
        .says("required column status")
        .shows("# 缺少必填列 required but not found: seller_id")
        .shows("md5(concat_ws(");
    place.run(&["mapping", "infer", "a.csv", "--table", "invoces"]).code(1).says("did you mean invoice");
    place.run(&["mapping", "infer", "nothing.csv"]).code(1).says("nothing.csv");
}

#[test]
fn no_table_is_claimed_without_grounds_and_names_can_be_given() {
    let place = Place::new();
    place.file("a.csv", format!("XH,NSRSBH,AA,BB,YDL\n1,{SELLER},x,y,1500.25\n"));
    let run = place.run(&["mapping", "infer", "a.csv", "-o", "a.toml"]).code(3);
    run.says("nearest are: ").says("name one with --table").says("no draft was written");
    assert!(!place.path("a.toml").exists());
    // Without a header there is nothing to draft from; which keys give one is said.
    place.file("b.txt", format!("{SELLER}\u{1}202501\u{1}13950.80\u{1}13950.80\n"));
    let run = place.run(&["mapping", "infer", "b.txt"]).code(1);
    run.says("没有表头").says("header = [").says("layout = [");
    place.file("c.txt", format!("{SELLER}{:<20}202501    13950.80\n", "Jia"));
    place.run(&["mapping", "infer", "c.txt"]).code(1).says("no header");
    place.file(
        "p.csv",
        format!("户号,纳税人识别号,用电月份,用电量,电费金额\n001,{SELLER},2024-03,1500.5,1200.25\n"),
    );
    let run = place.run(&["mapping", "infer", "p.csv", "--name", "power_2024"]).ok();
    run.shows("name = \"power_2024\"").shows("name = \"power_2024.electricity\"");
    place.run(&["mapping", "infer", "p.csv", "--name", "a/b"]).code(1).says("use letters, digits");
}

#[test]
fn gb18030_and_xml_are_drafted_too() {
    let place = Place::new();
    let text = format!("户号,纳税人识别号,用电月份,用电量,电费金额\n001,{SELLER},2024-03,1500.5,1200.25\n");
    if let Some(bytes) = gb18030(&place, &text) {
        place.file("power.csv", bytes);
        place.run(&["mapping", "infer", "power.csv", "-o", "p.toml"]).ok();
        place.run(&["ingest", "all", "--mapping", "p.toml", "power.csv"]).ok();
        assert_eq!(
            place.sql("select meter_no, period, kwh, amount from electricity"),
            "001,202403,1500.50000000,1200.25\n"
        );
    }
    let xml = |n: u32| {
        format!(
            "<Bill><Head><invoice_id>2431200000012340000{n}</invoice_id><issued_at>2024-03-05</issued_at><seller_id>{SELLER}</seller_id><amount>3.00</amount><status>valid</status></Head>\
             <Items><Item><goods_name>甲</goods_name><amount>1.00</amount></Item><Item><goods_name>乙</goods_name><amount>2.00</amount></Item></Items></Bill>"
        )
    };
    std::fs::create_dir(place.path("bills")).unwrap();
    place.file("bills/1.xml", xml(1));
    place.file("bills/2.xml", xml(2));
    place.run(&["mapping", "infer", "bills", "-o", "x.toml"]).ok();
    place.run(&["ingest", "all", "--mapping", "x.toml", "bills"]).ok();
    assert_eq!(
        place.sql("select invoice_id, line_no, goods_name, amount, period from invoice_line order by 1, 2"),
        "24312000000123400001,1,甲,1.00,202403\n24312000000123400001,2,乙,2.00,202403\n\
         24312000000123400002,1,甲,1.00,202403\n24312000000123400002,2,乙,2.00,202403\n"
    );
}

#[test]
fn check_shows_before_and_after_and_what_is_rejected() {
    let place = Place::new();
    let mapping = "name = 'm'\nzh = '用电'\nen = 'm'\n[[feed]]\nname = 'm.power'\ntable = 'electricity'\ntotal_rows = ['合计']\n\
        [feed.columns]\ntaxpayer_id = '税号'\nperiod = '月份'\nmeter_no = '户号'\nkwh = { sql = \"replace(电量, '度', '')\" }\namount = '电费'\n";
    place.file("m.toml", mapping);
    let mut text = "供电明细\n税号,月份,户号,电量,电费,备注\n".to_owned();
    for n in 1..=12 {
        text += &format!("{SELLER},2024年{n}月,0{n},{n}00度,\"1,0{n:02}.50\",x\n");
    }
    text += &format!("{SELLER},2024年13月,013,1度,1,x\n合计,,,,12085.00,\n");
    place.file("a.csv", text);
    let before = place.state();
    let run = place.run(&["--format", "csv", "mapping", "check", "m.toml", "a.csv"]).code(3);
    let run = run
        .says("a.csv → electricity (m.power): 13 records, 12 load, 1 rejected, 2 rows are no records")
        .says("columns not mapped: 备注")
        .says("row 1: 表头之前的标题行 / a title above the header")
        .says("row 16: 合计行，与明细相符（电费）")
        .shows("row,source,before,column,after\n")
        .shows("3,月份,2024年1月,period,202401\n")
        .shows("3,电量,100度,kwh,100.00000000\n")
        .shows("12,电费,\"1,010.50\",amount,1010.50\n")
        .shows(",15,月份,2024年13月,type,");
    assert!(!run.out.contains("\n13,"), "ten rows, no more:\n{}", run.out);
    assert_eq!(place.state(), before);
    // A mapping that is wrong is told whole; one that does not suit the file says which column is missing.
    place.file("bad.toml", mapping.replace("kwh", "kwhh").replace("amount", "amout"));
    place
        .run(&["mapping", "check", "bad.toml", "a.csv"])
        .code(1)
        .says("has no column kwhh")
        .says("has no column amout");
    place.file("b.csv", "税号,月份,户号\n1,2,3\n");
    let run = place
        .run(&["mapping", "check", "m.toml", "b.csv"])
        .code(3)
        .says("missing column 电量, 电费 (needed by");
    assert!(!run.err.contains("Schema error") && !run.err.contains("Valid fields"), "{}", run.err);
}

#[test]
fn mappings_are_listed_and_shown() {
    let place = Place::new();
    place
        .run(&["--format", "csv", "mapping", "list"])
        .ok()
        .shows("cumcm2020c,assay,\"invoice, taxpayer\",")
        .shows("etax_invoice,assay,\"invoice, invoice_attribute, invoice_line\",")
        .shows("einvoice_xml,assay,");
    place.run(&["mapping", "show", "etax_invoice"]).ok().shows("sheet = \"发票基础信息\"");
    place.run(&["mapping", "show", "nonesuch"]).code(1).says("no mapping nonesuch; known are cumcm2020c");
    // The warehouse's own come first, and no warehouse is needed for the others.
    std::fs::write(place.path("wh/definitions/mappings/ours.toml"), "name = 'ours'\nzh = '本局'\nen = ''\n[[feed]]\nname = 'o'\ntable = 'workday'\n[feed.columns]\nday = 'd'\nis_workday = 'w'\n").unwrap();
    place.run(&["--format", "csv", "mapping", "list"]).ok().shows("ours,").shows(",workday,本局\n");
    crate::support::assay(&place.path(""), &["mapping", "list"]).ok().shows("einvoice_xml");
}

/// A file of the real data set, when it is there.
fn real(name: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("ASSAY_REAL_DATA") {
        Some(stated) => PathBuf::from(stated),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/cumcm2020c"),
    };
    let path = folder.join(name);
    if !path.is_file() {
        skipped(&format!("real data set not found at {} (ASSAY_REAL_DATA names it)", folder.display()));
        return None;
    }
    Some(path)
}

#[test]
fn the_real_set_is_drafted() {
    for (name, party, valid, void) in [
        ("附件2_销项发票信息.gbk.csv", "seller_id", 301_773, 27_317),
        ("附件2_进项发票信息.gbk.csv", "buyer_id", 373_381, 17_113),
    ] {
        let Some(path) = real(name) else { return };
        let place = Place::new();
        let file = path.display().to_string();
        place.run(&["mapping", "infer", &file, "-o", "m.toml"]).ok();
        let text = std::fs::read_to_string(place.path("m.toml")).unwrap();
        assert!(text.contains(&format!("{party} = \"企业代号\"")), "{text}");
        assert!(text.contains("anonymised_ids = true"), "{text}");
        place.run(&["ingest", "all", "--mapping", "m.toml", &file]).ok();
        // The same rows the hand-made mapping keeps; it tells red ones from valid ones by their sign.
        assert_eq!(
            place.sql("select status, count(*) from invoice group by 1 order by 1"),
            format!("valid,{valid}\nvoid,{void}\n")
        );
    }
    let Some(book) = real("附件1_123家有信贷记录企业.xlsx") else { return };
    let place = Place::new();
    let file = book.display().to_string();
    place.run(&["mapping", "infer", &file, "-o", "m.toml"]).ok();
    place.run(&["ingest", "all", "--mapping", "m.toml", &file]).ok();
    assert_eq!(
        place.sql("select table_name, rows_read, rows_rejected from ingest_batch order by 1"),
        "invoice,373431,0\ntaxpayer,123,0\n"
    );
}
