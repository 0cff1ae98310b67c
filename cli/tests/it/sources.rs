//! Files as the sources send them: JSON, fixed-width text, Hive and Oracle exports. Each form with a clean file, of
//! which nothing is accused, and a dirty twin, of which every defect is found and named.

use crate::support::{BUYER, Place, SELLER, gb18030};

/// Columns of the small files made here, as their mappings call them.
const COLUMNS: &str = "invoice_id = '号码'\nissued_at = '日期'\nseller_id = '销方'\nbuyer_id = '购方'\nbuyer_name = '购方名称'\n\
     amount = '金额'\nstatus = { from = '状态', values = { '正常' = 'valid', '作废' = 'void' } }\n";

/// Writes `m.toml` with one feed for invoices.
pub fn mapping(place: &Place, keys: &str, columns: &str) {
    place.file(
        "m.toml",
        format!(
            "name = 'm'\nzh = '测试'\nen = 'test'\n[[feed]]\nname = 'feed'\ntable = 'invoice'\n{keys}\n[feed.columns]\n{columns}"
        ),
    );
}

pub fn load(place: &Place, file: &str) -> crate::support::Run {
    place.run(&["ingest", "all", file, "--mapping", "m.toml"])
}

/// Where and why rows were set aside, by row.
pub fn rejected(place: &Place) -> String {
    place.sql("select _row, column_name, rule from rejected_row order by _row")
}

/// What was loaded.
pub fn loaded(place: &Place) -> String {
    place.sql("select invoice_id, cast(issued_at as varchar), buyer_id, amount, status, _row from invoice order by 1")
}

/// Records read are kept, duplicate or rejected.
#[track_caller]
pub fn balanced(place: &Place, read: i64) {
    let query = "select sum(rows_read), sum(rows_kept + rows_duplicate + rows_rejected) from ingest_batch";
    assert_eq!(place.sql(query), format!("{read},{read}\n"));
}

fn object(id: &str, amount: &str) -> String {
    format!(
        "{{\"号码\":\"{id}\",\"日期\":\"2024-03-05 10:11:12\",\"销方\":{{\"识别号\":\"{SELLER}\"}},\
         \"购方\":\"{BUYER}\",\"购方名称\":\"新信商贸公司\",\"金额\":{amount},\"状态\":\"正常\"}}"
    )
}

fn json_mapping(place: &Place, keys: &str) {
    mapping(place, keys, &COLUMNS.replace("'销方'", "'销方.识别号'"));
}

#[test]
fn json_lines_clean_and_dirty() {
    let place = Place::new();
    json_mapping(&place, "");
    // Digits beyond a double's, an exponent, blank lines, a null.
    let clean = [
        object("A1", "9007199254740993.01"),
        String::new(),
        object("A2", "1.5e3"),
        object("A3", "-0.10").replace(&format!("\"{BUYER}\""), "null"),
    ];
    place.file("clean.jsonl", clean.join("\n"));
    let run = load(&place, "clean.jsonl").ok();
    assert!(!run.err.contains("repaired") && !run.err.contains("left out"), "{}", run.err);
    let at = "2024-03-05T10:11:12";
    assert_eq!(
        loaded(&place),
        format!(
            "A1,{at},{BUYER},9007199254740993.01,valid,1\nA2,{at},{BUYER},1500.00,valid,3\nA3,{at},,-0.10,valid,4\n"
        )
    );
    assert_eq!(place.number("select count(*) from repaired_value"), 0);

    let place = Place::new();
    json_mapping(&place, "");
    let foreign = gb18030(&place, &object("B8", "1")).unwrap_or_else(|| b"{\"\xff\":1}".to_vec());
    let mut dirty = [
        object("B1", "1"),
        object("B2", "1")[..40].to_owned(),
        "[1,2]".to_owned(),
        object("B4", "1").replace("\"金额\"", "\"号码\""),
        object("B5", "\"12元\""),
        object("B6", "1").replace("正常", "作 廢"),
        object("B7", "1").replace("正常", "已退回"),
    ]
    .join("\n")
    .into_bytes();
    dirty.push(b'\n');
    dirty.extend(foreign);
    dirty.extend(format!("\n{} x\n", object("B9", "1")).bytes());
    place.file("dirty.jsonl", dirty);
    let run = load(&place, "dirty.jsonl").code(3);
    assert_eq!(
        rejected(&place),
        "2,,json\n3,,json\n4,,json\n5,金额,type\n7,状态,code\n8,,encoding\n9,,json\n"
    );
    run.says("row 2: no valid JSON record (it ends too early)")
        .says("row 4: no valid JSON record (the key 号码 stands twice");
    assert_eq!(place.sql("select invoice_id, status from invoice order by 1"), "B1,valid\nB6,void\n");
    assert_eq!(
        place.sql("select _row, column_name, source_column, rule, before, after from repaired_value"),
        "6,status,状态,spelling,作 廢,void\n"
    );
    balanced(&place, 9);
}

#[test]
fn json_arrays_and_documents() {
    let list = format!("[{},\n {}, 7]", object("A1", "1.10"), object("A2", "2"));
    for (name, keys, text) in [
        ("array.json", "", format!("\u{feff}\n{list}\n")),
        ("array.txt", "", list.clone()),
        (
            "doc.dat",
            "format = 'json'\nrecords = 'data.list'",
            format!("{{\"code\":\"0\",\"data\":{{\"n\":2,\"list\":{list}}}}}"),
        ),
    ] {
        let place = Place::new();
        json_mapping(&place, keys);
        place.file(name, text);
        load(&place, name).code(3);
        assert_eq!(
            place.sql("select invoice_id, amount, _row from invoice order by 1"),
            "A1,1.10,1\nA2,2.00,2\n"
        );
        assert_eq!(rejected(&place), "3,,json\n", "{name}");
        balanced(&place, 3);
    }
    let place = Place::new();
    json_mapping(&place, "records = 'data.list'");
    let before = place.state();
    // A key that is not there, a file cut off, something after the end: each named, and nothing is loaded.
    place.file("other.json", "{\"data\":{\"rows\":[]}}");
    load(&place, "other.json").code(1).says("other.json").says("no key list; there are rows");
    place.file(
        "cut.json",
        format!("{{\"data\":{{\"list\":[{},\n{}", object("A1", "1"), &object("A2", "2")[..50]),
    );
    load(&place, "cut.json").code(1).says("cut.json ends too early, at line 2").says("after 1 records");
    place.file("twice.json", format!("{{\"data\":{{\"list\":{list}}}}}{{}}"));
    load(&place, "twice.json").code(1).says("twice.json: no JSON at line 2");
    place.file("pretty.json", "{\n \"a\": 1\n}\n");
    json_mapping(&place, "");
    load(&place, "pretty.json")
        .code(1)
        .says("none of the first 3 records is a JSON object")
        .says("state records");
    assert_eq!(place.state(), before);
}

/// Columns are read off the first records; what the mapping names is never lost, other keys are reported.
#[test]
fn a_json_object_in_place_of_a_value_is_no_missing_value() {
    let place = Place::new();
    json_mapping(&place, "");
    let named = object("A1", "1.00").replace("\"新信商贸公司\"", "{\"名\":\"新信\",\"类\":[1]}");
    let amount = object("A2", "{\"元\":1}");
    place.file("objects.jsonl", format!("{named}\n{amount}\n"));
    load(&place, "objects.jsonl").code(3).says("金额 is not an amount");
    assert_eq!(place.sql("select buyer_name from invoice"), "\"{\"\"名\"\":\"\"新信\"\",\"\"类\"\":[1]}\"\n");
    balanced(&place, 2);
}

#[test]
fn json_keys_that_appear_late() {
    let place = Place::new();
    json_mapping(&place, "");
    let many = 33_000;
    let mut lines: Vec<String> = (0..many).map(|i| object(&format!("A{i:05}"), "1")).collect();
    lines.push(object("Z1", "1").replace("{\"号码\"", "{\"网点\":\"8\",\"号码\""));
    place.file("late.jsonl", lines.join("\n"));
    load(&place, "late.jsonl").ok().says("网点 (1 records, the first is 33001)");
    assert_eq!(place.number("select count(*) from invoice"), many + 1);
    // An optional column that only a late record has is there: the mapping names it.
    let place = Place::new();
    json_mapping(&place, "");
    let mut lines: Vec<String> =
        lines[..many as usize].iter().map(|l| l.replace(",\"购方名称\":\"新信商贸公司\"", "")).collect();
    lines.push(object("Z1", "1"));
    place.file("late.jsonl", lines.join("\n"));
    load(&place, "late.jsonl").ok();
    assert_eq!(place.sql("select buyer_name from invoice where invoice_id = 'Z1'"), "新信商贸公司\n");
}

const LAYOUT: &str = "layout = [{ name = '号码', start = 1, width = 8 }, { name = '日期', start = 9, width = 8 }, \
    { name = '销方', start = 17, width = 20 }, { name = '购方', start = 37, width = 20 }, { name = '购方名称', start = 57, width = 16 }, \
    { name = '金额', start = 73, width = 10 }, { name = '状态', start = 83, width = 4 }]";

/// A line of [`LAYOUT`] whose name takes `name_width` characters, blanks among them.
fn fixed(id: &str, amount: &str, name: &str, fill: usize, state: &str) -> String {
    format!("{id:<8}20240305{SELLER:<20}{BUYER:<20}{name}{}{amount:>10}{state}", " ".repeat(fill))
}

#[test]
fn fixed_width_in_bytes_of_gbk() {
    let place = Place::new();
    mapping(
        &place,
        &format!("{LAYOUT}\nencoding = 'gbk'\nskip_last = 1\ntrailer = {{ start = 3, width = 6 }}"),
        COLUMNS,
    );
    // Six characters are twelve bytes: four blanks fill the field.
    let line = |id: &str, amount: &str| fixed(id, amount, "新信商贸公司", 4, "正常");
    let clean = format!("{}\r\n{}\r\nTR000002\r\n", line("A1", "12.34"), line("A2", "-1"));
    let Some(bytes) = gb18030(&place, &clean) else { return };
    place.file("clean.txt", bytes);
    load(&place, "clean.txt").ok();
    assert_eq!(
        place.sql("select invoice_id, buyer_name, amount, status, _row from invoice order by 1"),
        "A1,新信商贸公司,12.34,valid,1\nA2,新信商贸公司,-1.00,valid,2\n"
    );
    assert_eq!(place.number("select count(*) from repaired_value"), 0);

    let place = Place::new();
    mapping(
        &place,
        &format!(
            "{LAYOUT}\nencoding = 'gbk'\nskip_first = 1\nskip_last = 1\ntrailer = {{ start = 3, width = 6 }}"
        ),
        COLUMNS,
    );
    let lines = [
        "HD".to_owned(),
        line("B1", "1.00"),
        line("B2", "1.00").replace("  ", " "),
        line("B3", "1.00") + "X",
        line("B4", "1.00") + "   ",
        // One blank too few and one too many: the length is right, but a field begins inside a character.
        fixed("B5", "1.00", "新信商贸公司 ", 4, "正常").replacen(" 20240305", "20240305", 1),
        line("B6", "1.0.0"),
        line("B7", "１．５"),
        "TR000007".to_owned(),
    ];
    place.file("dirty.txt", gb18030(&place, &lines.join("\n")).unwrap());
    let run = load(&place, "dirty.txt").code(3);
    assert_eq!(rejected(&place), "3,,length\n4,,length\n6,,encoding\n7,金额,type\n8,,length\n");
    run.says("the line's length is not the layout's (87 instead of 86 bytes)");
    balanced(&place, 7);
    // The trailer's count is verified, and a file without its end is refused.
    let before = place.state();
    place.file("short.txt", gb18030(&place, &lines[..4].join("\n")).unwrap());
    load(&place, "short.txt").code(1).says("short.txt: its last line states no number of records");
    place.file("lost.txt", gb18030(&place, &[&lines[..2], &lines[8..]].concat().join("\n")).unwrap());
    load(&place, "lost.txt").code(1).says("states 7 records, but there are 1");
    assert_eq!(place.state(), before);
}

#[test]
fn fixed_width_in_characters() {
    let place = Place::new();
    mapping(&place, &format!("{LAYOUT}\nlayout_unit = 'chars'"), COLUMNS);
    let line = |id: &str| fixed(id, "1.00", "新信商贸公司", 10, "正常") + "  ";
    place.file("a.txt", format!("{}\n{}\n", line("A1"), line("A2").replace("新信", "新")));
    load(&place, "a.txt").code(3).says("(85 instead of 86 characters)");
    assert_eq!(place.sql("select invoice_id, buyer_name from invoice"), "A1,新信商贸公司\n");
    assert_eq!(rejected(&place), "2,,length\n");
}

#[test]
fn hive_exports() {
    let header = "header = ['号码','日期','销方','购方','购方名称','金额','状态']";
    let row = |id: &str, buyer: &str, name: &str, amount: &str| {
        [id, "20240305101112", SELLER, buyer, name, amount, "正常"].join("\u{1}")
    };
    let place = Place::new();
    mapping(&place, &format!("delimiter = '\\001'\nescape = '\\'\n{header}"), COLUMNS);
    // Quotation marks are data, a delimiter and a line end are escaped, \N is a missing value.
    let clean = [
        row("A1", "\\N", "\"新信\"商贸", "1.00"),
        row("A2", BUYER, "甲\\\u{1}乙", "2.00"),
        row("A3", BUYER, "甲\\\n乙", "3.00"),
    ];
    place.file("000000_0", clean.join("\n"));
    load(&place, "000000_0").ok();
    assert_eq!(
        place.sql("select invoice_id, cast(issued_at as varchar), buyer_id, replace(replace(buyer_name, chr(1), '^A'), chr(10), '^J') from invoice order by 1"),
        format!(
            "A1,2024-03-05T10:11:12,,\"\"\"新信\"\"商贸\"\nA2,2024-03-05T10:11:12,{BUYER},甲^A乙\nA3,2024-03-05T10:11:12,{BUYER},甲^J乙\n"
        )
    );
    assert_eq!(place.number("select count(*) from repaired_value"), 0);

    let place = Place::new();
    mapping(
        &place,
        &format!("delimiter = '\\001'\nescape = '\\'\nnulls = ['\\N', 'NULL', '--']\n{header}"),
        COLUMNS,
    );
    let dirty = [
        row("B1", "--", "NULL", "1.00"),
        row("B2", BUYER, "甲\u{1}乙", "1.00"),
        row("B3", BUYER, "甲", "\\N"),
        row("B4", BUYER, "甲", "1,0,0x"),
        row("B5", BUYER, "甲", "1.00").replace("20240305", "20240230"),
    ];
    place.file("dirty", dirty.join("\n"));
    load(&place, "dirty").code(3).says("row 2: wrong number of fields (8 instead of 7)");
    assert_eq!(rejected(&place), "2,,fields\n3,金额,missing\n4,金额,type\n5,日期,type\n");
    assert_eq!(place.sql("select invoice_id, buyer_id, buyer_name from invoice"), "B1,,\n");
    balanced(&place, 5);
}

#[test]
fn oracle_exports() {
    let place = Place::new();
    mapping(&place, "padded = true", COLUMNS);
    let row = |id: &str, day: &str| format!("\"{id}\",\"{day}\",\"{SELLER}\",,\"甲公司      \",.5,\"正常\"");
    let header = "\"号码\",\"日期\",\"销方\",\"购方\",\"购方名称\",\"金额\",\"状态\"";
    let clean = [
        header.to_owned(),
        row("A1", "05-MAR-24"),
        row("A2", "05-3月 -24"),
        row("A3", "05-3月 -24 10.11.12.000000 下午"),
        row("A4", "20240305101112"),
    ];
    place.file("clean.csv", clean.join("\r\n"));
    load(&place, "clean.csv").ok();
    assert_eq!(
        place
            .sql("select invoice_id, cast(issued_at as varchar), amount, buyer_name from invoice order by 1"),
        "A1,2024-03-05T00:00:00,0.50,甲公司\nA2,2024-03-05T00:00:00,0.50,甲公司\nA3,2024-03-05T22:11:12,0.50,甲公司\n\
         A4,2024-03-05T10:11:12,0.50,甲公司\n"
    );
    // Padding is the file's way of writing here, and no repair.
    assert_eq!(place.number("select count(*) from repaired_value"), 0);

    // A day and a month in figures can be read in two ways: only as the mapping says.
    let place = Place::new();
    mapping(&place, "", COLUMNS);
    place.file(
        "dirty.csv",
        [header, &row("B1", "05/03/2024"), &row("B2", "31-4月 -24"), &row("B3", "05-MAR-24")].join("\n"),
    );
    load(&place, "dirty.csv").code(3);
    assert_eq!(rejected(&place), "2,日期,type\n3,日期,type\n");
    let place = Place::new();
    mapping(&place, "", &COLUMNS.replace("'日期'", "{ from = '日期', date_format = '%d/%m/%Y' }"));
    place.file("dated.csv", [header, &row("C1", "05/03/2024"), &row("C2", "05-MAR-24")].join("\n"));
    load(&place, "dated.csv").code(3);
    assert_eq!(
        place.sql("select invoice_id, cast(issued_at as varchar) from invoice"),
        "C1,2024-03-05T00:00:00\n"
    );
    assert_eq!(rejected(&place), "3,日期,type\n");
}

#[test]
fn delimiters_of_several_characters_and_reports_with_head_and_tail() {
    let place = Place::new();
    mapping(&place, "delimiter = '|+|'\nskip_first = 2\nskip_last = 1\ntrailer = { field = 2 }", COLUMNS);
    let head = "导出报表\n\n号码|+|日期|+|销方|+|购方|+|购方名称|+|金额|+|状态\n";
    let row = |id: &str| format!("{id}|+|2024-03-05|+|{SELLER}|+||+|甲|乙+丙|+|1.00|+|正常\n");
    place.file("a.txt", format!("{head}{}{}合计|+|2\n", row("A1"), row("A2")));
    load(&place, "a.txt").ok();
    assert_eq!(
        place.sql("select invoice_id, buyer_name, _row from invoice order by 1"),
        "A1,甲|乙+丙,4\nA2,甲|乙+丙,5\n"
    );
    place.file("b.txt", format!("{head}{}合计|+|2\n", row("B1")));
    load(&place, "b.txt").code(1).says("b.txt: its last line states 2 records, but there are 1");
}

#[test]
fn a_quotation_mark_that_is_never_closed() {
    let place = Place::new();
    let header = "invoice_id,issued_at,seller_id,amount,status,remark";
    let row = |id: &str, remark: &str| format!("{id},2024-03-05,{SELLER},1.00,valid,{remark}");
    // It swallows the rest of the file: that is no bad row, but a bad file.
    let rows = [header.to_owned(), row("A1", ""), row("A2", "\"甲"), row("A3", ""), row("A4", "")];
    place.file("open.csv", rows.join("\n") + "\n");
    let before = place.state();
    place
        .run(&["ingest", "invoice", "open.csv"])
        .code(1)
        .says("open.csv: record 3: a quotation mark opens and is never closed");
    assert_eq!(place.state(), before);
    // Closed again by another stray one, it costs the rows between, and says how many.
    let rows = [header.to_owned(), row("A1", ""), row("\"A2", ""), row("A3\"", ""), row("A4", "")];
    place.file("paired.csv", rows.join("\n") + "\n");
    place.run(&["ingest", "invoice", "paired.csv"]).code(3).says("row 3: invoice_id contains a line break");
    assert_eq!(place.sql("select invoice_id from invoice order by 1"), "A1\nA4\n");
}
