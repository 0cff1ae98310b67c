//! The e-tax bureau's workbook, clean and dirty: every defect is found and named, nothing clean is accused.

use serde_json::{Value, json};

use crate::support::{BUYER, Place, SELLER};
use crate::workbooks::{Sheet, workbook};

const LINES: &str = "序号,发票代码,发票号码,数电发票号码,销方识别号,销方名称,购方识别号,购买方名称,开票日期,税收分类编码,特定业务类型,货物或应税劳务名称,规格型号,单位,数量,单价,金额,税率,税额,价税合计,发票来源,发票票种,发票状态,是否正数发票,发票风险等级,开票人,备注";
const HEADS: &str = "序号,发票代码,发票号码,数电发票号码,销方识别号,销方名称,购方识别号,购买方名称,开票日期,金额,税额,价税合计,发票来源,发票票种,发票状态,是否正数发票,发票风险等级,开票人,备注";
/// The columns sheets by business share with the others, and their own.
const BUILDING: &str = "序号,发票代码,发票号码,数电发票号码,销方识别号,销方名称,购方识别号,购买方名称,开票日期,金额,税额,价税合计,发票来源,发票票种,发票状态,是否正数发票,土地增值税项目编号,建筑服务发生地,建筑项目名称,跨地市标志";
const RAILWAY: &str = "序号,发票代码,发票号码,数电发票号码,销方识别号,销方名称,购方识别号,购买方名称,开票日期,金额,税额,价税合计,发票来源,发票票种,发票状态,是否正数发票,出行人,身份证件号码,出发地,到达地,座位等级,备用一";
/// A citizen's number made up for tests, with a right check character.
const CITIZEN: &str = "11010519491231002X";

/// One invoice of the fixture and its lines: (goods, quantity, price, amount, rate, tax).
struct Invoice {
    code: &'static str,
    number: &'static str,
    digital: String,
    buyer: &'static str,
    buyer_name: &'static str,
    kind: &'static str,
    status: &'static str,
    positive: &'static str,
    remark: String,
    lines: Vec<(&'static str, &'static str, &'static str, f64, &'static str, f64)>,
}

fn digital(n: u32) -> String {
    format!("243120000001234{n:05}")
}

/// One line whose amount is a round number.
fn simple(n: u32, kind: &'static str, buyer: &'static str) -> Invoice {
    Invoice {
        code: "",
        number: "",
        digital: digital(n),
        buyer,
        buyer_name: "购买方有限公司",
        kind,
        status: "正常",
        positive: "是",
        remark: String::new(),
        lines: vec![("*软件*ERP", "2", "50.123456789012", 100.25, "13%", 13.03)],
    }
}

/// Twelve invoices: every kind and status, older and digital, red with both ways of naming the original.
fn invoices() -> Vec<Invoice> {
    let old = |code, number, kind| Invoice { code, number, digital: "--".into(), ..simple(0, kind, BUYER) };
    let mut all = vec![
        simple(1, "数电发票（普通发票）", ""),
        simple(2, "数电发票（增值税专用发票）", BUYER),
        old("031002000311", "01234567", "增值税电子普通发票"),
        old("3100204130", "12345678", "增值税专用发票"),
        old("3100204160", "22345678", "增值税普通发票"),
        simple(6, "机动车销售统一发票", "310115000000001"),
        simple(7, "数电发票（铁路电子客票）", "31011500000000123"),
        simple(8, "数电发票（普通发票）", "31011500000000123456"),
    ];
    all[0].lines.push(("*服务*不征税", "--", "--", 10.0, "不征税", 0.0));
    all[0].lines.push(("*出口*货物", "1", "5", 5.0, "0%", 0.0));
    all[0].lines.push(("*软件*ERP", "2", "50.123456789012", 100.25, "13%", 13.03));
    all[1].lines = vec![("*蔬菜*白菜", "1000", "0.5", 500.0, "免税", 0.0)];
    // Reversed in whole by number 9, in part by number 10; number 11 is void.
    all[1].status = "已红冲-全额";
    all[3].status = "已红冲-部分";
    let mut red = simple(9, "数电发票（增值税专用发票）", BUYER);
    red.positive = "否";
    red.remark = format!("被红冲蓝字数电票号码：{} 红字发票信息确认单编号：31010524031000123456", digital(2));
    red.lines = vec![("*蔬菜*白菜", "-1000", "0.5", -500.0, "免税", 0.0)];
    let mut part = old("3100204130", "12345679", "增值税专用发票");
    part.positive = "否";
    part.remark =
        "对应正数发票代码:3100204130 号码:12345678\n开具红字增值税专用发票信息表编号3101012403000001".into();
    part.lines = vec![("*软件*ERP", "-1", "50", -50.0, "13%", -6.5)];
    let mut void = simple(11, "数电发票（普通发票）", BUYER);
    void.status = "已作废";
    let mut void_red = simple(12, "数电发票（普通发票）", BUYER);
    (void_red.status, void_red.positive) = ("已作废", "否");
    void_red.lines = vec![("*软件*ERP", "-1", "1", -1.0, "***", 0.0)];
    all.extend([red, part, void, void_red]);
    all
}

fn cents(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

impl Invoice {
    fn amount(&self) -> f64 {
        cents(self.lines.iter().map(|l| l.3).sum())
    }

    fn tax(&self) -> f64 {
        cents(self.lines.iter().map(|l| l.5).sum())
    }

    /// The columns all sheets begin with.
    fn begin(&self, number: usize) -> Vec<Value> {
        let day = format!("2024-03-{:02} 10:11:12", 1 + number % 28);
        [
            json!(number.to_string()),
            json!(self.code),
            json!(self.number),
            json!(self.digital),
            json!(SELLER),
            json!("销方有限公司"),
            json!(self.buyer),
            json!(self.buyer_name),
            json!(day),
        ]
        .into()
    }

    /// Source, kind, status, colour.
    fn state(&self) -> Vec<Value> {
        let source =
            if self.digital == "--" { "增值税发票管理系统" } else { "电子发票服务平台" };
        [json!(source), json!(self.kind), json!(self.status), json!(self.positive)].into()
    }

    fn end(&self) -> Vec<Value> {
        [json!("正常"), json!("张三"), json!(self.remark)].into()
    }

    fn head(&self, number: usize) -> Vec<Value> {
        let (amount, tax) = (self.amount(), self.tax());
        let money = vec![json!(amount), json!(tax), json!(cents(amount + tax))];
        [self.begin(number), money, self.state(), self.end()].concat()
    }

    fn line(&self, number: usize, line: usize, day: usize) -> Vec<Value> {
        let (goods, quantity, price, amount, rate, tax) = &self.lines[line];
        let mut begin = self.begin(day);
        begin[0] = json!(number.to_string());
        let middle = vec![
            json!("3040201010000000000"),
            json!(""),
            json!(goods),
            json!(""),
            json!("套"),
            json!(quantity),
            json!(price),
            json!(amount),
            json!(rate),
            json!(tax),
            json!(cents(amount + tax)),
        ];
        [begin, middle, self.state(), self.end()].concat()
    }
}

fn names(header: &str) -> Vec<Value> {
    header.split(',').map(|n| json!(n)).collect()
}

fn total(invoices: &[Invoice]) -> Vec<Value> {
    let mut row = vec![Value::Null; 19];
    let (amount, tax) = (invoices.iter().map(Invoice::amount).sum(), invoices.iter().map(Invoice::tax).sum());
    row[0] = json!("合计行");
    (row[9], row[10], row[11]) = (json!(cents(amount)), json!(cents(tax)), json!(cents(amount + tax)));
    row
}

/// The sheets of the clean workbook.
fn sheets() -> Vec<Sheet> {
    let invoices = invoices();
    let (mut lines, mut heads) = (vec![names(LINES)], vec![names(HEADS)]);
    for (i, invoice) in invoices.iter().enumerate() {
        heads.push(invoice.head(i + 1));
        for line in 0..invoice.lines.len() {
            lines.push(invoice.line(lines.len(), line, i + 1));
        }
    }
    heads.push(total(&invoices));
    let business = |invoice: &Invoice, own: &[&str]| {
        let mut row = invoice.head(1);
        row.truncate(16);
        row.extend(own.iter().map(|v| json!(v)));
        row
    };
    let building = vec![names(BUILDING), business(&invoices[1], &["TZ-1", "上海市浦东新区", "一号楼", "否"])];
    let railway = vec![
        names(RAILWAY),
        business(&invoices[6], &["李四光", CITIZEN, "上海虹桥", "北京南", "二等座", "--"]),
        business(&invoices[6], &["王五", "", "上海虹桥", "北京南", "", CITIZEN]),
    ];
    vec![("信息汇总表", lines), ("发票基础信息", heads), ("建筑服务", building), ("铁路电子客票", railway)]
}

const FILE: &str = "全量发票查询导出结果.xlsx";

fn load(place: &Place) -> crate::support::Run {
    place.run(&["ingest", "all", "--mapping", "etax_invoice", FILE])
}

#[test]
fn a_clean_export_loads_whole() {
    let place = Place::new();
    if workbook(&place, FILE, &sheets()).is_none() {
        return;
    }
    let run = load(&place).ok();
    assert!(!run.err.contains("rejected") && !run.err.contains("not mapped"), "{}", run.err);
    assert_eq!(
        place.sql("select table_name, rows_read, rows_kept, rows_duplicate from ingest_batch order by 1"),
        "invoice,12,12,0\ninvoice_attribute,13,13,0\ninvoice_line,15,15,0\n"
    );
    assert_eq!(
        place.sql(
            "select invoice_id, invoice_code, kind, status, original_invoice_id from invoice order by _row"
        ),
        "24312000000123400001,,e_ordinary,valid,\n\
         24312000000123400002,,e_special,reversed,\n\
         03100200031101234567,031002000311,e_ordinary,valid,\n\
         310020413012345678,3100204130,special,part_reversed,\n\
         310020416022345678,3100204160,ordinary,valid,\n\
         24312000000123400006,,vehicle,valid,\n\
         24312000000123400007,,passenger,valid,\n\
         24312000000123400008,,e_ordinary,valid,\n\
         24312000000123400009,,e_special,red,24312000000123400002\n\
         310020413012345679,3100204130,special,red,310020413012345678\n\
         24312000000123400011,,e_ordinary,void,\n\
         24312000000123400012,,e_ordinary,void,\n"
    );
    assert_eq!(
        place.sql("select issued_at, total, seller_id, buyer_id, _row, _file from invoice where invoice_no is null order by _row limit 1"),
        format!("2024-03-02T10:11:12,241.56,{SELLER},,2,{FILE} [发票基础信息]\n")
    );
    assert_eq!(
        place.sql("select line_no, quantity, unit_price, rate, tax, preference, period, buyer_id from invoice_line where invoice_id = '24312000000123400001' order by line_no"),
        "1,2.00000000,50.12345679,0.1300,13.03,,202403,\n2,,,,0.00,not_taxable,202403,\n3,1.00000000,5.00000000,0.0000,0.00,zero_rated,202403,\n4,2.00000000,50.12345679,0.1300,13.03,,202403,\n"
    );
    assert_eq!(
        place.sql("select preference, rate, count(*) from invoice_line where rate is null and preference is null or preference = 'exempt' group by 1, 2 order by 1"),
        "exempt,,2\n,,1\n"
    );
    // The total is no record; it was compared.
    assert_eq!(
        place.sql("select table_name, kind, _row, message_en from skipped_row"),
        "invoice,total,14,\"a total equal to its rows (金额, 税额, 价税合计)\"\n"
    );
    passengers_stay_in_the_vault(&place);
    // Loading again changes nothing.
    let before = place.state();
    load(&place).ok().says("already loaded");
    assert_eq!(place.state(), before);
}

fn passengers_stay_in_the_vault(place: &Place) {
    let query = "select business, item_no, name, value, sensitivity from invoice_attribute where business = '铁路电子客票' order by item_no, name";
    let open = place.sql(query);
    assert_eq!(
        open,
        "铁路电子客票,1,出发地,上海虹桥,open\n铁路电子客票,1,出行人,,personal\n铁路电子客票,1,到达地,北京南,open\n\
         铁路电子客票,1,座位等级,二等座,open\n铁路电子客票,1,身份证件号码,,personal\n\
         铁路电子客票,2,出发地,上海虹桥,open\n铁路电子客票,2,出行人,,personal\n铁路电子客票,2,到达地,北京南,open\n\
         铁路电子客票,2,备用一,,personal\n"
    );
    let clear = place.sql_personal(query);
    assert!(
        clear.contains("1,出行人,李四光,personal") && clear.contains("2,出行人,王五,personal"),
        "{clear}"
    );
    // A citizen's number is one in whatever column it stands.
    assert_eq!(clear.matches(CITIZEN).count(), 2, "{clear}");
    assert_eq!(
        place.sql("select name, value from invoice_attribute where business = '建筑服务' order by name"),
        "土地增值税项目编号,TZ-1\n建筑服务发生地,上海市浦东新区\n建筑项目名称,一号楼\n跨地市标志,否\n"
    );
    assert_eq!(place.sql("select distinct issuer_key is not null from invoice"), "true\n");
}

/// The clean workbook with a title, a header of bad habits, rows that are no records, and one defect a row.
fn dirty() -> Vec<Sheet> {
    let mut sheets = sheets();
    let heads = &mut sheets[1].1;
    let place = |name: &str| HEADS.split(',').position(|n| n == name).unwrap();
    // Rows 1 to 12 are the invoices. Each of these makes its row unfit.
    heads[1][place("发票票种")] = json!("数电发票（彩票）");
    heads[2][place("金额")] = json!("伍佰");
    heads[3][place("开票日期")] = json!("2024-13-05 10:11:12");
    heads[4][place("销方识别号")] = json!("91310115");
    heads[5][place("发票代码")] = json!("--");
    // 20 digits typed as a number lose the last ones.
    heads[6][place("数电发票号码")] = json!(24_312_000_000_123_400_006_f64);
    heads[7][place("发票状态")] = json!("处理中");
    heads[8][place("开票日期")] = json!("");
    // A copy, a header again, a blank row, a subtotal.
    let copy = heads[9].clone();
    heads.insert(10, copy);
    let header = heads[0].clone();
    heads.insert(11, header);
    heads.insert(12, vec![json!("  "), json!("\u{3000}")]);
    let last = heads.len() - 1;
    heads[last][place("金额")] = json!(99_999.99);
    // The columns the other way round, the names in all habits, two titles above.
    for row in heads.iter_mut() {
        row.resize(19, Value::Null);
        row[1..].reverse();
    }
    for (i, name) in heads[0].iter_mut().enumerate() {
        let text = name.as_str().unwrap();
        *name = json!(match i % 4 {
            0 => format!(" {text}*"),
            1 => text.chars().map(|c| format!("{c} ")).collect::<String>(),
            2 => format!("{text}："),
            _ => text
                .chars()
                .enumerate()
                .map(|(i, c)| if i == 2 { format!("\n{c}") } else { c.to_string() })
                .collect(),
        });
    }
    let again = heads[0].clone();
    heads[11] = again;
    heads.insert(0, vec![json!("全量发票查询导出结果")]);
    heads.insert(1, vec![Value::Null, json!("导出时间"), json!("2024-04-01")]);
    sheets
}

#[test]
fn every_defect_of_a_dirty_export_is_named_and_nothing_clean_accused() {
    let place = Place::new();
    if workbook(&place, FILE, &dirty()).is_none() {
        return;
    }
    let run = load(&place).code(3);
    assert_eq!(
        place.sql(
            "select _row, column_name, rule from rejected_row where table_name = 'invoice' order by _row"
        ),
        "4,发票票种,code\n5,金额,type\n6,开票日期,type\n7,销方识别号,taxpayer_id\n\
         8,\"数电发票号码, 发票号码, 发票代码\",missing\n9,\"数电发票号码, 发票号码, 发票代码\",lost_digits\n10,\"是否正数发票, 发票状态\",code\n11,开票日期,missing\n"
    );
    let values = place.sql_personal("select _row, value from rejected_row order by _row");
    for part in ["4,数电发票（彩票）", "5,伍佰", "7,91310115", "8,-- | 22345678 | --", "10,是 | 处理中"]
    {
        assert!(values.contains(part), "{part} in {values}");
    }
    assert_eq!(
        place.sql("select table_name, rows_read, rows_kept, rows_duplicate, rows_rejected from ingest_batch order by 1"),
        "invoice,13,4,1,8\ninvoice_attribute,13,13,0,0\ninvoice_line,15,15,0,0\n"
    );
    assert_eq!(place.sql("select _row, kept_row from duplicate_row"), "13,12\n");
    assert_eq!(
        place.sql("select invoice_id, _row from invoice order by _row"),
        "24312000000123400009,12\n310020413012345679,16\n24312000000123400011,17\n24312000000123400012,18\n"
    );
    assert_eq!(
        place.sql("select kind, _row from skipped_row order by _row"),
        "title,1\ntitle,2\nheader,14\nblank,15\ntotal_differs,19\n"
    );
    // Both figures, in both languages. The unreadable amount is in neither.
    run.says("金额: the total says 99999.99, its rows add up to");
    let said = place.sql("select message_zh from skipped_row where kind = 'total_differs'");
    assert!(said.contains("“金额”合计行为99999.99，各行之和为"), "{said}");
}

/// The clean workbook with its columns moved on by `by` places: 序号, where 合计行 stands, is no longer the first.
fn turned(by: usize) -> Vec<Sheet> {
    let mut sheets = sheets();
    for (_, rows) in &mut sheets {
        for row in rows.iter_mut() {
            row.resize(row.len().max(19), Value::Null);
            row.rotate_right(by);
        }
    }
    // A remark that is the word is no total.
    let remark = HEADS.split(',').position(|n| n == "备注").unwrap();
    sheets[1].1[1][(remark + by) % 19] = json!("合计");
    sheets
}

#[test]
fn a_total_is_recognised_wherever_its_word_stands() {
    // By one place the remarks come first, by ten money stands before the word, by eighteen the word is last.
    for by in [1, 10, 18] {
        let place = Place::new();
        if workbook(&place, FILE, &turned(by)).is_none() {
            return;
        }
        let run = load(&place).ok();
        assert!(!run.err.contains("rejected"), "{by}: {}", run.err);
        assert_eq!(
            place.sql(
                "select table_name, rows_read, rows_kept from ingest_batch where table_name = 'invoice'"
            ),
            "invoice,12,12\n",
            "{by}"
        );
        assert_eq!(place.sql("select table_name, kind, _row from skipped_row"), "invoice,total,14\n", "{by}");
    }
}

#[test]
fn a_total_that_differs_can_refuse_the_file() {
    let place = Place::new();
    let mapping = "name = 'm'\nzh = 'm'\nen = 'm'\n[[feed]]\nname = 'm.power'\ntable = 'electricity'\ntotal_rows = ['合计', '小计']\ntotal_differs = 'refuse'\n\
        [feed.columns]\ntaxpayer_id = '户名税号'\nperiod = '月份'\nmeter_no = '户号'\nkwh = '电量'\namount = '电费'\n";
    place.file("m.toml", mapping);
    let rows = |total: &str| {
        format!(
            "供电明细表\n户名税号,月份,户号,电量,电费\n{SELLER},202403,01,10,7.10\n小计,,,,7.10\n{BUYER},202403,02,10,1.05\n小 计：,,,,1.05\n合计,,,,{total}\n"
        )
    };
    place.file("bad.csv", rows("9.15"));
    let before = place.state();
    place
        .run(&["ingest", "all", "--mapping", "m.toml", "bad.csv"])
        .code(1)
        .says("row 7: 电费: the total says 9.15, its rows add up to 8.15");
    assert_eq!(place.state(), before);
    place.file("good.csv", rows("8.15"));
    place
        .run(&["ingest", "all", "--mapping", "m.toml", "good.csv"])
        .ok()
        .says("3 rows are no records: total");
    assert_eq!(
        place.sql("select meter_no, amount, _row from electricity order by 1"),
        "01,7.10,3\n02,1.05,5\n"
    );
}

#[test]
fn canonical_text_with_the_habits_of_headers() {
    let place = Place::new();
    let text = format!(
        "发票清单\n\nInvoice_ID*\tissued at：\tISSUED_AT\tseller_id\tbuyer_id\tａｍｏｕｎｔ\tstatus\n\
         A1\tx\t2024-03-05\t{SELLER}\t{BUYER}\t1.00\tvalid\n\t\t\t\t\t\t\n\
         Invoice_ID*\tissued at：\tISSUED_AT\tseller_id\tbuyer_id\tａｍｏｕｎｔ\tstatus\n\
         A2\tx\t2024-03-05\t{SELLER}\t{BUYER}\t2.00\tvalid\n"
    );
    place.file("a.txt", text);
    place.run(&["ingest", "invoice", "a.txt"]).ok();
    assert_eq!(place.sql("select invoice_id, amount from invoice order by 1"), "A1,1.00\nA2,2.00\n");
    assert_eq!(place.sql("select kind from skipped_row order by _row"), "title\nblank\nheader\n");
    // Two columns that read as one name are not guessed between.
    place.file(
        "b.csv",
        format!("invoice_id,issued_at,seller_id,a mount,amount：,status\nA3,2024-03-05,{SELLER},1,2,valid\n"),
    );
    place.run(&["ingest", "invoice", "b.csv"]).code(1).says("both read as amount; rename or remove one");
}
