//! A clean file of every form, the same invoices in each, with the mapping that reads it.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use assay_datasets::mapping::{self, Mapping};

/// How a file is packed.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Pack {
    None,
    Zip,
    Gzip,
    Zstd,
}

/// One form of file.
pub(super) struct Form {
    pub name: &'static str,
    /// The mapping's text.
    pub text: String,
    pub mapping: Mapping,
    pub bytes: Vec<u8>,
    pub pack: Pack,
    /// Files that must lie beside it.
    pub beside: Vec<(&'static str, Vec<u8>)>,
    /// Records that load.
    pub rows: usize,
    /// Records marked as deleted.
    pub deleted: usize,
    /// Counts the records of a file in another way than its reader does; `None` where that cannot be told.
    pub count: fn(&[u8]) -> Option<usize>,
}

const COLUMNS: [&str; 9] = ["号码", "日期", "销方", "购方", "购方名称", "金额", "价税", "状态", "备注"];
const ROWS: usize = 30;

/// The invoices, in the order of [`COLUMNS`].
fn invoices() -> Vec<[String; 9]> {
    (0..ROWS)
        .map(|i| {
            [
                format!("2440000000000000{:04}", i),
                format!("2024-03-{:02} 10:11:{:02}", i % 28 + 1, i),
                "91310115MA1K39423D".to_owned(),
                if i % 5 == 0 { String::new() } else { "91530000291993988P".to_owned() },
                format!("临江市新信商贸有限公司第{i}分店"),
                format!("{}.{:02}", 1000 + i * 37, i),
                format!("{}.{:02}", 1130 + i * 41, i),
                if i % 7 == 0 { "作废" } else { "正常" }.to_owned(),
                if i % 3 == 0 { String::new() } else { format!("第{i}批货物") },
            ]
        })
        .collect()
}

fn mapping_text(keys: &str, names: [&str; 9]) -> String {
    format!(
        "name = 'm'\nzh = '测试'\nen = 'test'\n[[feed]]\nname = 'fuzz'\ntable = 'invoice'\n{keys}\n[feed.columns]\n\
         invoice_id = '{}'\nissued_at = '{}'\nseller_id = '{}'\nbuyer_id = '{}'\nbuyer_name = '{}'\namount = '{}'\n\
         total = {{ sql = '\"{}\"' }}\nstatus = {{ from = '{}', values = {{ '正常' = 'valid', '作废' = 'void' }} }}\nremark = '{}'\n",
        names[0], names[1], names[2], names[3], names[4], names[5], names[6], names[7], names[8]
    )
}

fn form(name: &'static str, keys: &str, bytes: Vec<u8>, count: fn(&[u8]) -> Option<usize>) -> Form {
    form_named(name, keys, COLUMNS, bytes, count)
}

fn form_named(
    name: &'static str,
    keys: &str,
    names: [&str; 9],
    bytes: Vec<u8>,
    count: fn(&[u8]) -> Option<usize>,
) -> Form {
    let text = mapping_text(keys, names);
    let mapping = mapping::parse(name, &text).unwrap_or_else(|e| panic!("{}", e.join("\n")));
    Form { name, text, mapping, bytes, pack: Pack::None, beside: Vec::new(), rows: ROWS, deleted: 0, count }
}

fn unknown(_: &[u8]) -> Option<usize> {
    None
}

pub(super) fn forms() -> Vec<Form> {
    let csv = csv();
    let gb = |text: &str| encoding_rs::GB18030.encode(text).0.into_owned();
    let mut all = vec![
        form("plain.csv", "encoding = 'utf-8'\ndelimiter = ','", csv.clone().into_bytes(), csv_records),
        form("detected.csv", "", csv.clone().into_bytes(), unknown),
        form("gbk.csv", "", gb(&csv), unknown),
        form("quoted.csv", "", quoted().into_bytes(), unknown),
        form("hive.txt", HIVE, hive().into_bytes(), hive_records),
        form("pipes.txt", "delimiter = '|+|'", csv.replace(',', "|+|").into_bytes(), unknown),
        form(
            "report.csv",
            "skip_first = 2\nskip_last = 1\ntrailer = { field = 2 }",
            format!("导出报表\n\n{csv}合计,{ROWS},,,,,,,\n").into_bytes(),
            unknown,
        ),
        form_named("lines.jsonl", "", JSON_NAMES, json_lines().into_bytes(), json_records),
        form_named("array.json", "", JSON_NAMES, json_array().into_bytes(), unknown),
        form_named(
            "document.json",
            "records = 'data.list'",
            JSON_NAMES,
            format!("{{\"code\":0,\"data\":{{\"total\":30,\"list\":{}}},\"msg\":\"\"}}", json_array())
                .into_bytes(),
            unknown,
        ),
        form("fixed-gbk.txt", FIXED_BYTES, gb(&fixed(true)), fixed_records),
        form("fixed-chars.txt", FIXED_CHARS, fixed(false).into_bytes(), unknown),
        form_named("table.dbf", "", DBF_NAMES, dbf(), unknown),
        form("book.xlsx", "", xlsx(), unknown),
        form("columns.parquet", "", parquet(), unknown),
        form("packed.csv.gz", "", gzip(csv.as_bytes()), unknown),
        form("packed.csv.zst", "", zstd::encode_all(csv.as_bytes(), 1).unwrap(), unknown),
        form("packed.zip", "", zip_of(&[("a.csv", csv.as_bytes())]), unknown),
    ];
    let memo = memo_table();
    let mut with_memo = form_named("memo.dbf", "", DBF_NAMES, memo.0, unknown);
    with_memo.beside = vec![("memo.fpt", memo.1)];
    all.push(with_memo);
    for form in &mut all {
        form.pack = match form.name.rsplit('.').next() {
            Some("gz") => Pack::Gzip,
            Some("zst") => Pack::Zstd,
            Some("zip" | "xlsx") => Pack::Zip,
            _ => Pack::None,
        };
        if form.name.ends_with(".dbf") {
            (form.rows, form.deleted) = (ROWS - 1, 1);
        }
    }
    all
}

fn csv() -> String {
    let mut text = format!("{}\n", COLUMNS.join(","));
    for row in invoices() {
        text.push_str(&row.join(","));
        text.push('\n');
    }
    text
}

fn quoted() -> String {
    let quote = |fields: &[String]| fields.iter().map(|f| format!("\"{f}\"")).collect::<Vec<_>>().join(",");
    let mut text = format!("{}\n", COLUMNS.join(","));
    for mut row in invoices() {
        row[8].push_str("，“两行”\n与\"\"引号\"\",逗号");
        text.push_str(&quote(&row));
        text.push('\n');
    }
    text
}

/// Without quotation marks records are lines that are not empty, the first of them the header.
fn csv_records(bytes: &[u8]) -> Option<usize> {
    if bytes.contains(&b'"') {
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let lines = bytes.split(|b| *b == b'\n' || *b == b'\r').filter(|l| !l.is_empty()).count();
    lines.checked_sub(1)
}

const HIVE: &str = "encoding = 'utf-8'\ndelimiter = '\\001'\nescape = '\\'\n\
    header = ['号码','日期','销方','购方','购方名称','金额','价税','状态','备注']";

fn hive() -> String {
    let mut text = String::new();
    for row in invoices() {
        let fields: Vec<&str> = row.iter().map(|f| if f.is_empty() { "\\N" } else { f.as_str() }).collect();
        text.push_str(&fields.join("\u{1}"));
        text.push('\n');
    }
    text
}

/// With no escape but that of `\N`, every line that is not empty is a record.
fn hive_records(bytes: &[u8]) -> Option<usize> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let escapes = bytes.windows(2).any(|w| w[0] == b'\\' && w[1] != b'N') || bytes.last() == Some(&b'\\');
    if escapes {
        return None;
    }
    Some(bytes.split(|b| *b == b'\n').filter(|l| !matches!(l, [] | [b'\r'])).count())
}

const JSON_NAMES: [&str; 9] =
    ["号码", "日期", "销方.识别号", "购方.识别号", "购方.名称", "金额", "价税", "状态", "备注"];

fn json_object(row: &[String; 9]) -> String {
    let text = |t: &str| if t.is_empty() { "null".to_owned() } else { format!("\"{t}\"") };
    let mut object = String::from("{");
    let _ = write!(
        object,
        "\"号码\":{},\"日期\":{},\"销方\":{{\"识别号\":{}}},",
        text(&row[0]),
        text(&row[1]),
        text(&row[2])
    );
    let _ = write!(object, "\"购方\":{{\"识别号\":{},\"名称\":{}}},", text(&row[3]), text(&row[4]));
    let _ = write!(
        object,
        "\"金额\":{},\"价税\":{},\"状态\":{},\"备注\":{}}}",
        row[5],
        row[6],
        text(&row[7]),
        text(&row[8])
    );
    object
}

fn json_lines() -> String {
    invoices().iter().map(|row| json_object(row) + "\n").collect()
}

fn json_array() -> String {
    let objects: Vec<String> = invoices().iter().map(json_object).collect();
    format!("[{}]", objects.join(",\n"))
}

/// Lines that are not blank, where the file is still read as lines.
fn json_records(bytes: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(bytes).ok()?;
    // An array, a file marked as another encoding's, or one that ends in Ctrl-Z is read differently.
    if !text.trim_start().starts_with('{') || text.contains(['\u{1a}', '\0', '\u{feff}']) {
        return None;
    }
    Some(text.split('\n').filter(|l| !l.trim_matches(|c: char| c.is_ascii_whitespace()).is_empty()).count())
}

const WIDTHS: [usize; 9] = [20, 20, 20, 20, 40, 14, 14, 6, 24];
const FIXED_BYTES: &str = "encoding = 'gb18030'\nlayout = [\
    { name = '号码', start = 1, width = 20 }, { name = '日期', start = 21, width = 20 }, { name = '销方', start = 41, width = 20 },\
    { name = '购方', start = 61, width = 20 }, { name = '购方名称', start = 81, width = 40 }, { name = '金额', start = 121, width = 14 },\
    { name = '价税', start = 135, width = 14 }, { name = '状态', start = 149, width = 6 }, { name = '备注', start = 155, width = 24 }]";
const FIXED_CHARS: &str = "layout_unit = 'chars'\nskip_first = 1\nskip_last = 1\ntrailer = { start = 3, width = 6 }\nlayout = [\
    { name = '号码', start = 1, width = 20 }, { name = '日期', start = 21, width = 20 }, { name = '销方', start = 41, width = 20 },\
    { name = '购方', start = 61, width = 20 }, { name = '购方名称', start = 81, width = 40 }, { name = '金额', start = 121, width = 14 },\
    { name = '价税', start = 135, width = 14 }, { name = '状态', start = 149, width = 6 }, { name = '备注', start = 155, width = 24 }]";

/// Fields filled up to their widths, counted in bytes of GBK or in characters.
fn fixed(bytes: bool) -> String {
    let length = |text: &str| {
        if bytes {
            text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
        } else {
            text.chars().count()
        }
    };
    let mut text = if bytes { String::new() } else { "HD20240301\n".to_owned() };
    for row in invoices() {
        for (i, (field, width)) in row.iter().zip(WIDTHS).enumerate() {
            let fill = " ".repeat(width - length(field));
            // Amounts stand on the right.
            if i == 5 || i == 6 {
                text.push_str(&fill)
            }
            text.push_str(field);
            if i != 5 && i != 6 {
                text.push_str(&fill)
            }
        }
        text.push('\n');
    }
    if !bytes {
        let _ = writeln!(text, "TR{ROWS:06}");
    }
    text
}

fn fixed_records(bytes: &[u8]) -> Option<usize> {
    if bytes.contains(&0x1A) || bytes.starts_with(b"\xEF\xBB\xBF") {
        return None;
    }
    Some(bytes.split(|b| *b == b'\n').filter(|l| !matches!(l, [] | [b'\r'])).count())
}

const DBF_NAMES: [&str; 9] = ["FPHM", "KPRQ", "XFSBH", "GFSBH", "GFMC", "JE", "JSHJ", "FPZT", "BZ"];

/// Written by the `dbase` crate; one record is marked as deleted.
fn dbf() -> Vec<u8> {
    use dbase::{FieldName, FieldValue, Record, TableWriterBuilder};
    let name = |n: &str| FieldName::try_from(n).unwrap();
    let mut builder = TableWriterBuilder::with_encoding(dbase::encoding::EncodingRs::from(encoding_rs::GBK));
    for (i, field) in DBF_NAMES.iter().enumerate() {
        builder = match i {
            1 => builder.add_date_field(name(field)),
            5 | 6 => builder.add_numeric_field(name(field), 16, 2),
            _ => builder.add_character_field(name(field), WIDTHS[i] as u8),
        };
    }
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = builder.build_with_dest(&mut bytes);
    for row in invoices() {
        let mut record = Record::default();
        for (i, field) in DBF_NAMES.iter().enumerate() {
            let text = row[i].clone();
            let value = match i {
                1 => FieldValue::Date(Some(dbase::Date::new(text[8..10].parse().unwrap(), 3, 2024).unwrap())),
                5 | 6 => FieldValue::Numeric(text.parse().ok()),
                _ => FieldValue::Character((!text.is_empty()).then_some(text)),
            };
            record.insert((*field).to_owned(), value);
        }
        writer.write_record(&record).unwrap();
    }
    writer.finalize().unwrap();
    drop(writer);
    let mut bytes = bytes.into_inner();
    let width = usize::from(u16::from_le_bytes([bytes[10], bytes[11]]));
    let start = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[start + 3 * width] = b'*';
    bytes
}

/// A FoxPro table whose remarks lie in a memo file, made from the other: no library at hand writes memo files.
fn memo_table() -> (Vec<u8>, Vec<u8>) {
    let mut table = dbf();
    let width = usize::from(u16::from_le_bytes([table[10], table[11]]));
    let start = usize::from(u16::from_le_bytes([table[8], table[9]]));
    let remark = 32 + 32 * 8;
    (table[0], table[remark + 11]) = (0xF5, b'M');
    let mut memo = vec![0_u8; 512];
    memo[7] = 64;
    for i in 0..ROWS {
        let at = start + i * width + width - WIDTHS[8];
        let text = encoding_rs::GB18030.encode(&format!("第{i}批货物的说明")).0.into_owned();
        let block = memo.len() / 64;
        memo.extend(1_u32.to_be_bytes());
        memo.extend((text.len() as u32).to_be_bytes());
        memo.extend(text);
        memo.resize(memo.len().next_multiple_of(64), 0);
        table[at..at + WIDTHS[8]].copy_from_slice(format!("{block:>24}").as_bytes());
    }
    (table, memo)
}

fn xlsx() -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (i, name) in COLUMNS.iter().enumerate() {
        sheet.write_string(0, i as u16, *name).unwrap();
    }
    for (r, row) in invoices().iter().enumerate() {
        for (i, value) in row.iter().enumerate() {
            let (r, c) = (r as u32 + 1, i as u16);
            if i == 5 || i == 6 {
                sheet.write_number(r, c, value.parse::<f64>().unwrap()).unwrap();
            } else if !value.is_empty() {
                sheet.write_string(r, c, value).unwrap();
            }
        }
    }
    book.save_to_buffer().unwrap()
}

fn parquet() -> Vec<u8> {
    let rows = invoices();
    let columns = COLUMNS.iter().enumerate().map(|(i, name)| {
        let values: StringArray = rows.iter().map(|r| (!r[i].is_empty()).then(|| r[i].clone())).collect();
        (*name, Arc::new(values) as ArrayRef, true)
    });
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        out.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        out.write_all(bytes).unwrap();
    }
    out.finish().unwrap().into_inner()
}
