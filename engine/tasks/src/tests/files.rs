//! The files: read back with another library, and looked into where that library does not look.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Decimal128Type};
use calamine::{Data, Range, Reader, Xlsx, open_workbook};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::sample::{hits, merged};
use crate::{
    Begun, CONCLUSIONS, ExportedFile, HEADER_ROW, LIST_SHEET, Tasks, export_csv, export_parquet, export_xlsx,
    feedback_columns, list_columns,
};

/// The columns of a task list as published, in order.
const PRESCRIBED: &str = "序号|任务编号|批次|任务来源|推送单位|统一社会信用代码|纳税人名称|主管税务机关|主管税务所|\
    管理员|行业|状态|信用级别|风险等级|风险积分|命中指标数|税种|所属期起|所属期止|疑点编号|疑点名称|疑点描述|指标值|预警值|\
    偏离度|预估税款|数据来源|政策依据|核查建议|所需资料|应对方式|应对时限|下发日期|核实结论|排除原因码|情况说明|处理方式|\
    补缴税款|滞纳金|罚款|调减留抵|调减亏损|入库日期|应对人|完成日期|复核人|复核意见|延期原因";

fn exported() -> (tempfile::TempDir, Vec<ExportedFile>, Tasks) {
    let folder = tempfile::tempdir().unwrap();
    let tasks = merged(&hits());
    let files = export_xlsx(&tasks, &Begun::new(), folder.path()).unwrap();
    (folder, files, tasks)
}

fn sheet(path: &Path, name: &str) -> Range<Data> {
    let mut workbook: Xlsx<_> = open_workbook(path).unwrap();
    workbook.worksheet_range(name).unwrap()
}

fn part(path: &Path, name: &str) -> String {
    let mut archive = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

fn row_texts(range: &Range<Data>, row: u32) -> Vec<String> {
    let width = range.width();
    (0..width).map(|at| range.get((row as usize, at)).map(ToString::to_string).unwrap_or_default()).collect()
}

#[test]
fn one_workbook_per_office_and_one_for_the_unknown() {
    let (folder, files, tasks) = exported();
    let names: Vec<_> = files.iter().map(|file| file.path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "14403000200_第一税务所_202506.xlsx",
            "14403000300_第二税务所（办税服务厅）_202506.xlsx",
            "14403000900_名称未登记_202506.xlsx",
            "000000000_主管机关不明_202506.xlsx",
        ]
    );
    let counts: Vec<_> = files.iter().map(|file| file.tasks).collect();
    assert_eq!(counts, [12, 10, 2, 6]);
    assert_eq!(files.iter().map(|file| file.items).sum::<usize>(), tasks.items.len());
    // Nothing half-written and no temporary file stays.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
    let unknown = sheet(&files[3].path, LIST_SHEET);
    assert!(unknown.get((0, 0)).unwrap().to_string().contains("主管机关不明"));
    let guide = sheet(&files[3].path, "填表说明");
    assert!(guide.rows().any(|row| row[0] == "主管机关不明"));
    assert!(!sheet(&files[0].path, "填表说明").rows().any(|row| row[0] == "主管机关不明"));
}

#[test]
fn the_list_has_the_prescribed_columns_after_the_row_key() {
    let (_folder, files, tasks) = exported();
    let range = sheet(&files[0].path, LIST_SHEET);
    let headers = row_texts(&range, HEADER_ROW);
    assert_eq!(headers[0], "行标识");
    assert_eq!(headers[1..].join("|"), PRESCRIBED);
    let of_office = tasks.tasks.iter().filter(|task| task.office_code.as_deref() == Some("14403000200"));
    for (at, task) in (HEADER_ROW + 1..).zip(of_office) {
        let cells = row_texts(&range, at);
        assert_eq!(cells[0], task.row_key);
        assert_eq!(cells[2], task.task_no);
        assert_eq!(cells[6], task.taxpayer_id);
        assert!(cells[22].starts_with('①'), "{}", cells[22]);
        let amount = task.amount.map(|fen| fen as f64 / 100.0);
        assert_eq!(range.get((at as usize, 26)).and_then(calamine::DataType::as_f64), amount);
        assert!(cells[34..].iter().all(String::is_empty));
    }
    assert_eq!(range.height(), HEADER_ROW as usize + 1 + 12);
}

/// The attribute of the first element of a name.
fn attribute<'a>(xml: &'a str, element: &str, name: &str) -> Option<&'a str> {
    let tag = xml.split(&format!("<{element} ")).nth(1)?.split('>').next()?;
    tag.split(&format!("{name}=\"")).nth(1)?.split('"').next()
}

#[test]
fn only_the_feedback_columns_are_unlocked() {
    let (_folder, files, _tasks) = exported();
    let styles = part(&files[0].path, "xl/styles.xml");
    let formats = styles.split("<cellXfs").nth(1).unwrap().split("</cellXfs>").next().unwrap();
    let unlocked: BTreeSet<usize> = formats
        .split("<xf ")
        .skip(1)
        .enumerate()
        .filter(|(_, format)| format.contains("<protection locked=\"0\"/>"))
        .map(|(at, _)| at)
        .collect();
    assert!(!unlocked.is_empty());
    let xml = part(&files[0].path, "xl/worksheets/sheet1.xml");
    let mut feedback = 0;
    for cell in xml.split("<c ").skip(1) {
        let reference = cell.split("r=\"").nth(1).unwrap().split('"').next().unwrap();
        let style = cell.split('>').next().unwrap().split("s=\"").nth(1).unwrap().split('"').next().unwrap();
        let (column, row) = split_reference(reference);
        let is_feedback = column >= list_columns().len() && row > HEADER_ROW as usize;
        assert_eq!(unlocked.contains(&style.parse().unwrap()), is_feedback, "{reference}");
        feedback += usize::from(is_feedback);
    }
    assert_eq!(feedback, 12 * feedback_columns().len());
    // Locking says nothing before the sheet is protected; filters stay usable.
    assert_eq!(attribute(&xml, "sheetProtection", "sheet"), Some("1"));
    assert_eq!(attribute(&xml, "sheetProtection", "autoFilter"), Some("0"));
    for other in ["xl/worksheets/sheet2.xml", "xl/worksheets/sheet3.xml"] {
        assert_eq!(attribute(&part(&files[0].path, other), "sheetProtection", "sheet"), Some("1"));
    }
}

/// `AB12` as 0-based column and row.
fn split_reference(reference: &str) -> (usize, usize) {
    let letters: String = reference.chars().filter(char::is_ascii_uppercase).collect();
    let column = letters.bytes().fold(0, |number, byte| number * 26 + usize::from(byte - b'A') + 1);
    (column - 1, reference[letters.len()..].parse::<usize>().unwrap() - 1)
}

#[test]
fn the_header_stays_in_view_and_in_print() {
    let (_folder, files, _tasks) = exported();
    let xml = part(&files[0].path, "xl/worksheets/sheet1.xml");
    assert_eq!(attribute(&xml, "pane", "ySplit"), Some("4"));
    assert_eq!(attribute(&xml, "pane", "xSplit"), Some("8"));
    assert_eq!(attribute(&xml, "pane", "state"), Some("frozen"));
    assert_eq!(attribute(&xml, "autoFilter", "ref"), Some("A4:AW16"));
    assert_eq!(attribute(&xml, "pageSetup", "orientation"), Some("landscape"));
    assert_eq!(attribute(&xml, "pageSetup", "paperSize"), Some("9"));
    let names = part(&files[0].path, "xl/workbook.xml");
    assert!(names.contains("任务清单!$G:$H,任务清单!$3:$4"), "{names}");
}

#[test]
fn feedback_is_checked_while_it_is_entered() {
    let (_folder, files, _tasks) = exported();
    let xml = part(&files[0].path, "xl/worksheets/sheet1.xml");
    let rules: Vec<&str> = xml.split("<dataValidation ").skip(1).collect();
    assert_eq!(rules.len(), feedback_columns().len());
    assert!(rules[0].contains("type=\"list\"") && rules[0].contains(&CONCLUSIONS.join(",")));
    // AI is the first column after the 34 given ones, rows 5 to 16 hold the 12 tasks.
    assert!(rules[0].contains("sqref=\"AI5:AI16\""), "{}", rules[0]);
    let count = |kind: &str| rules.iter().filter(|rule| rule.contains(&format!("type=\"{kind}\""))).count();
    assert_eq!((count("list"), count("decimal"), count("date"), count("textLength")), (3, 5, 2, 5));
    // 2025-07-15 is day 45853: nothing is completed before it was issued.
    assert!(rules.iter().any(|rule| rule.contains("<formula1>45853</formula1>")));
}

#[test]
fn the_second_sheet_has_every_hit_with_its_evidence() {
    let (_folder, files, tasks) = exported();
    let range = sheet(&files[3].path, "疑点明细及证据");
    let headers = row_texts(&range, HEADER_ROW);
    let at = |name: &str| headers.iter().position(|header| header.starts_with(name)).unwrap();
    let numbers: BTreeSet<_> =
        tasks.tasks.iter().filter(|task| task.office_code.is_none()).map(|task| &task.task_no).collect();
    let items = tasks.items.iter().filter(|item| numbers.contains(&item.task_no));
    let mut rows = 0;
    for (row, item) in (HEADER_ROW + 1..).zip(items) {
        let cells = row_texts(&range, row);
        assert_eq!(cells[at("任务编号")], item.task_no);
        assert_eq!(cells[at("疑点编号")], item.indicator);
        assert_eq!(cells[at("证据查询")], item.evidence_sql);
        assert!(cells[at("计算依据")].contains("近12个月开票份数：1,8"));
        let legal = item.indicator == "I07" || item.indicator == "V03" || item.indicator == "N09";
        assert_eq!(cells[at("政策依据")] == "无法定依据，经验指标", !legal, "{}", item.indicator);
        rows += 1;
    }
    assert_eq!(range.height(), HEADER_ROW as usize + 1 + rows);
    assert_eq!(rows, files[3].items);
}

#[test]
fn names_never_become_formulas() {
    let (_folder, files, _tasks) = exported();
    for name in ["xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"] {
        assert!(!part(&files[3].path, name).contains("<f>"));
    }
    assert!(part(&files[3].path, "xl/sharedStrings.xml").contains("=HYPERLINK"));
}

#[test]
fn the_same_tasks_give_the_same_bytes() {
    let (_first, files, tasks) = exported();
    let second = tempfile::tempdir().unwrap();
    for (left, right) in files.iter().zip(export_xlsx(&tasks, &Begun::new(), second.path()).unwrap()) {
        assert_eq!(fs::read(&left.path).unwrap(), fs::read(right.path).unwrap());
    }
}

#[test]
fn no_tasks_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let none = Tasks { tasks: Vec::new(), items: Vec::new() };
    assert_eq!(export_xlsx(&none, &Begun::new(), folder.path()).unwrap(), []);
    let path = folder.path().join("list.parquet");
    export_parquet(&none, &path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    assert_eq!(reader.schema().fields().len(), list_columns().len());
}

#[test]
fn csv_opens_in_a_spreadsheet_and_keeps_every_field() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.csv");
    let tasks = merged(&hits());
    export_csv(&tasks, &path).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes[..3], [0xEF, 0xBB, 0xBF]);
    let mut reader = csv::Reader::from_reader(&bytes[3..]);
    let headers: Vec<_> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(headers, list_columns().iter().map(|column| column.zh).collect::<Vec<_>>());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 30);
    for (row, task) in rows.iter().zip(&tasks.tasks) {
        assert_eq!(&row[0], task.row_key);
        assert_eq!(&row[22], task.suspicion_zh);
        assert!(row.iter().all(|cell| !cell.contains('\n')));
        // An id of digits only would be rounded; one with a letter is left alone.
        let id = if task.taxpayer_id.ends_with('7') {
            format!("\t{}", task.taxpayer_id)
        } else {
            task.taxpayer_id.clone()
        };
        assert_eq!(&row[6], id);
    }
    assert!(rows.iter().any(|row| row[7].starts_with("\t=HYPERLINK")));
    let dates: BTreeSet<_> = rows.iter().map(|row| &row[33]).collect();
    assert_eq!(dates, BTreeSet::from(["2025-07-15"]));
}

#[test]
fn parquet_is_typed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.parquet");
    let tasks = merged(&hits());
    export_parquet(&tasks, &path).unwrap();
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap().build().unwrap();
    let batches: Vec<_> = reader.map(Result::unwrap).collect();
    assert_eq!(batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 30);
    let amounts = batches[0].column_by_name("amount").unwrap();
    assert_eq!(amounts.data_type(), &DataType::Decimal128(18, 2));
    let sum: i128 = amounts.as_primitive::<Decimal128Type>().iter().flatten().sum();
    assert_eq!(sum, tasks.tasks.iter().filter_map(|task| task.amount).sum::<i128>());
    assert_eq!(batches[0].column_by_name("due_on").unwrap().data_type(), &DataType::Date32);
    assert_eq!(batches[0].column_by_name("officer").unwrap().null_count(), 30);
}
