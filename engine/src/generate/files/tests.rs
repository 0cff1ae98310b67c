//! Every format is read back by a reader that is not Assay's: what was written is what is there.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches};
use assay_datasets::schema::{ColumnType, Table, catalog};
use calamine::{Data, Reader, Xlsx, open_workbook};

use super::layout::{Layout, single};
use super::*;
use crate::generate::samples;

const ROWS: usize = 40;

/// Tables whose samples are in months by their own column and not by a date beside it.
fn tables() -> Vec<&'static Table> {
    catalog().tables().iter().collect()
}

/// Writes samples of all tables in one format; the layouts, and the files of each table in order.
fn written(options: &FileOptions, folder: &Path) -> (Vec<Layout>, HashMap<String, Vec<PathBuf>>, MemoryRows) {
    let mut rows = MemoryRows::default();
    for table in tables() {
        rows.add(&table.name, &samples::any(table, ROWS)).unwrap();
    }
    let written = write_files(&rows, folder, options).unwrap();
    let mut files: HashMap<String, Vec<PathBuf>> = HashMap::new();
    for file in written.files {
        for (table, n) in &file.rows {
            assert!(*n > 0, "{}", file.path.display());
            files.entry(table.clone()).or_default().push(file.path.clone());
        }
    }
    let Selection::Single(format) = options.selection else { panic!("one format") };
    (single(format, options), files, rows)
}

/// Cells of a file by an independent reader, `None` for a missing value.
type Cells = Vec<Vec<Option<String>>>;

fn check(options: &FileOptions, read: impl Fn(&Layout, &Path) -> Cells) {
    let folder = tempfile::tempdir().unwrap();
    let (layouts, files, rows) = written(options, folder.path());
    for layout in &layouts {
        let table = layout.table;
        let cells: Cells = files[&table.name].iter().flat_map(|path| read(layout, path)).collect();
        let expected: Vec<RecordBatch> = rows
            .parts()
            .iter()
            .filter(|part| part.table == table.name)
            .flat_map(|part| rows.rows(part).unwrap())
            .collect();
        let expected = concat_batches(&expected[0].schema(), &expected).unwrap();
        assert_eq!(cells.len(), expected.num_rows(), "{}", table.name);
        for (at, column) in table.columns.iter().enumerate() {
            let back: StringArray = cells.iter().map(|row| code(layout, at, row[at].as_deref())).collect();
            let back: ArrayRef = Arc::new(back);
            let back = cast(&back, &column.ty.arrow_type()).unwrap();
            assert_eq!(&back, expected.column(at), "{}.{}", table.name, column.name);
        }
    }
}

/// A Chinese label as the code it stands for.
fn code(layout: &Layout, at: usize, text: Option<&str>) -> Option<String> {
    let text = text?;
    let column = layout.columns[at].column?;
    let labelled =
        column.values.iter().find(|v| layout.columns[at].notation != layout::Notation::Plain && v.zh == text);
    Some(labelled.map_or(text, |v| v.code.as_str()).to_owned())
}

fn in_format(format: Format) -> FileOptions {
    FileOptions { selection: Selection::Single(format), ..FileOptions::default() }
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[test]
fn csv_comes_back_in_both_encodings() {
    let read = |codec: &'static encoding_rs::Encoding| {
        move |layout: &Layout, path: &Path| -> Cells {
            let (text, _, broken) = codec.decode(&std::fs::read(path).unwrap()).into_owned_parts();
            assert!(!broken);
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
            let names: Vec<String> = layout.columns.iter().map(|c| c.name.clone()).collect();
            assert_eq!(header, names);
            reader.records().map(|r| r.unwrap().iter().map(filled).collect()).collect()
        }
    };
    check(&in_format(Format::Csv), read(encoding_rs::UTF_8));
    let chinese =
        FileOptions { headers: Headers::Chinese, encoding: TextEncoding::Gb18030, ..in_format(Format::Csv) };
    check(&chinese, read(encoding_rs::GB18030));
}

/// The parts of a decoding, owned.
trait Owned {
    fn into_owned_parts(self) -> (String, &'static encoding_rs::Encoding, bool);
}

impl Owned for (std::borrow::Cow<'_, str>, &'static encoding_rs::Encoding, bool) {
    fn into_owned_parts(self) -> (String, &'static encoding_rs::Encoding, bool) {
        (self.0.into_owned(), self.1, self.2)
    }
}

#[test]
fn hive_text_comes_back() {
    check(&in_format(Format::Hive), |_, path| {
        let text = std::fs::read_to_string(path).unwrap();
        let cell = |cell: &str| (cell != "\\N").then(|| cell.to_owned());
        text.lines().map(|line| line.split('\u{1}').map(cell).collect()).collect()
    });
}

#[test]
fn fixed_width_comes_back() {
    let options = FileOptions { encoding: TextEncoding::Gb18030, ..in_format(Format::Fixed) };
    check(&options, |layout, path| {
        let bytes = std::fs::read(path).unwrap();
        let line = |line: &[u8]| {
            let mut at = 0;
            let mut cells = Vec::new();
            for column in &layout.columns {
                let field = &line[at..at + column.width];
                at += column.width;
                cells.push(filled(encoding_rs::GB18030.decode(field).0.trim()));
            }
            assert_eq!(at, line.len());
            cells
        };
        bytes.strip_suffix(b"\n").unwrap().split(|b| *b == b'\n').map(line).collect()
    });
}

#[test]
fn json_comes_back() {
    let cells = |layout: &Layout, value: &serde_json::Value| -> Vec<Option<String>> {
        let object = value.as_object().unwrap();
        assert_eq!(object.len(), layout.columns.len());
        layout
            .columns
            .iter()
            .map(|column| match &object[&column.name] {
                serde_json::Value::Null => None,
                serde_json::Value::String(text) => Some(text.clone()),
                // Numbers of quantities have more digits than a double; their text is looked at raw below.
                other => Some(other.to_string()),
            })
            .collect()
    };
    let exact = |layout: &Layout, row: &str| -> Vec<Option<String>> {
        let raw: BTreeMap<String, &serde_json::value::RawValue> = serde_json::from_str(row).unwrap();
        let mut found = cells(layout, &serde_json::from_str(row).unwrap());
        for (cell, column) in found.iter_mut().zip(&layout.columns) {
            let number =
                column.column.is_some_and(|c| matches!(c.ty, ColumnType::Quantity | ColumnType::Money));
            if number && cell.is_some() {
                *cell = Some(raw[&column.name].get().to_owned());
            }
        }
        found
    };
    check(&in_format(Format::JsonLines), |layout, path| {
        std::fs::read_to_string(path).unwrap().lines().map(|line| exact(layout, line)).collect()
    });
    check(&in_format(Format::JsonArray), |layout, path| {
        let text = std::fs::read_to_string(path).unwrap();
        let rows: Vec<&serde_json::value::RawValue> = serde_json::from_str(&text).unwrap();
        rows.iter().map(|row| exact(layout, row.get())).collect()
    });
}

#[test]
fn dbf_comes_back() {
    check(&in_format(Format::Dbf), |layout, path| {
        let codec = dbase::encoding::EncodingRs::from(encoding_rs::GBK);
        let mut reader = dbase::ReaderBuilder::new().with_encoding(codec).open(path).unwrap();
        let mut rows = Vec::new();
        for record in reader.iter_records() {
            let record = record.unwrap();
            let cell = |column: &LayoutColumn| match record.get(&column.name).unwrap() {
                dbase::FieldValue::Character(text) => text.clone().filter(|t| !t.is_empty()),
                dbase::FieldValue::Numeric(number) => number
                    .map(|n| format!("{n:.6}"))
                    .map(|n| n.trim_end_matches('0').trim_end_matches('.').to_owned()),
                dbase::FieldValue::Date(day) => {
                    day.map(|d| format!("{:04}-{:02}-{:02}", d.year(), d.month(), d.day()))
                }
                dbase::FieldValue::Logical(value) => value.map(|v| v.to_string()),
                other => panic!("{other:?}"),
            };
            rows.push(layout.columns.iter().map(cell).collect());
        }
        rows
    });
}

#[test]
fn parquet_comes_back() {
    check(&in_format(Format::Parquet), |layout, path| {
        let file = std::fs::File::open(path).unwrap();
        let reader = ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file)
            .unwrap()
            .build()
            .unwrap();
        let mut rows = Vec::new();
        for batch in reader {
            let batch = batch.unwrap();
            let columns: Vec<ArrayRef> = (0..layout.columns.len())
                .map(|i| cast(batch.column(i), &arrow::datatypes::DataType::Utf8).unwrap())
                .collect();
            for row in 0..batch.num_rows() {
                let cell = |column: &ArrayRef| {
                    let text = column.as_any().downcast_ref::<StringArray>().unwrap();
                    text.is_valid(row).then(|| text.value(row).to_owned())
                };
                rows.push(columns.iter().map(cell).collect());
            }
        }
        rows
    });
}

/// All cells of a sheet as text.
fn sheet(book: &mut Xlsx<std::io::BufReader<std::fs::File>>, name: &str) -> Vec<Vec<String>> {
    let range = book.worksheet_range(name).unwrap();
    let text = |cell: &Data| match cell {
        Data::Empty => String::new(),
        other => other.to_string(),
    };
    range.rows().map(|row| row.iter().map(text).collect()).collect()
}

#[test]
fn lines_of_documents_are_not_asked_for_without_their_invoices() {
    let rows = samples::economy();
    let lines_only = |options: FileOptions| {
        let folder = tempfile::tempdir().unwrap();
        write_files(&rows, folder.path(), &FileOptions { tables: vec!["invoice_line".into()], ..options })
    };
    for options in [in_format(Format::Etax), in_format(Format::Einvoice), FileOptions::default()] {
        let error = lines_only(options).unwrap_err().to_string();
        assert!(error.contains("invoice and invoice_line together"), "{error}");
    }
    assert!(!lines_only(in_format(Format::Csv)).unwrap().files.is_empty());
}

#[test]
fn workbooks_hold_every_invoice_once_and_are_never_too_long() {
    let folder = tempfile::tempdir().unwrap();
    let rows = samples::economy();
    let options = FileOptions {
        tables: vec!["invoice".into(), "invoice_line".into()],
        lines_per_workbook: 500,
        ..in_format(Format::Etax)
    };
    let written = write_files(&rows, folder.path(), &options).unwrap();
    let (mut invoices, mut lines, mut vehicles) = (0, 0, 0);
    for file in &written.files {
        let mut book: Xlsx<_> = open_workbook(&file.path).unwrap();
        assert_eq!(book.sheet_names().len(), 8);
        let basic = sheet(&mut book, "发票基础信息");
        let summary = sheet(&mut book, "信息汇总表");
        assert_eq!((basic[0].len(), summary[0].len()), (19, 27));
        assert_eq!(&summary[0][8..12], ["开票日期", "税收分类编码", "特定业务类型", "货物或应税劳务名称"]);
        assert!(summary.len() <= 501, "{}", summary.len());
        let total = basic.last().unwrap();
        assert_eq!(total[0], "合计行");
        let sum: f64 = basic[1..basic.len() - 1].iter().map(|row| row[9].parse::<f64>().unwrap()).sum();
        assert!((sum - total[9].parse::<f64>().unwrap()).abs() < 1e-4);
        for row in &basic[1..basic.len() - 1] {
            let digital = row[13].starts_with("数电");
            assert_eq!(row[3] == "--", !digital, "{row:?}");
            assert_eq!(row[1].is_empty() && row[2].is_empty(), digital, "{row:?}");
            assert_eq!(row[15] == "否", row[9].starts_with('-'));
            assert_eq!(row[18].contains("号码"), row[15] == "否", "{row:?}");
            assert_eq!(row[8].len(), 19);
        }
        assert!(summary[1..].iter().all(|row| row[17] == "13%"));
        invoices += basic.len() - 2;
        lines += summary.len() - 1;
        vehicles += sheet(&mut book, "机动车销售统一发票").len() - 1;
        assert_eq!(file.rows[0].1, basic.len() - 2);
    }
    assert_eq!((invoices, lines), (samples::FIRMS * 48, samples::FIRMS * 96));
    assert!(vehicles > 0 && written.files.len() > 8);
    let none = written.files.iter().any(|file| file.path.extension().is_none_or(|e| e != "xlsx"));
    assert!(!none);
}

#[test]
fn departments_split_invoices_between_workbooks_and_documents() {
    let folder = tempfile::tempdir().unwrap();
    let rows = samples::economy();
    let options = FileOptions { documents_per_archive: 30, ..FileOptions::default() };
    let written = write_files(&rows, folder.path(), &options).unwrap();
    let mut seen = std::collections::HashSet::new();
    let (mut documents, mut lines) = (0, 0);
    for file in written.files.iter().filter(|f| f.path.extension().is_some_and(|e| e == "zip")) {
        let mut archive = zip::ZipArchive::new(std::fs::File::open(&file.path).unwrap()).unwrap();
        assert!(archive.len() <= 30);
        for i in 0..archive.len() {
            let mut entry = archive.by_index(i).unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let (mut number, mut parts, mut total, mut path) = (String::new(), 0, 0.0, Vec::new());
            let mut line_sum = 0.0;
            let mut reader = quick_xml::Reader::from_str(&text);
            loop {
                match reader.read_event().unwrap() {
                    quick_xml::events::Event::Start(e) => {
                        path.push(e.name().as_ref().to_owned());
                        parts += usize::from(path.last().is_some_and(|p| p == "IssuItemInformation"));
                    }
                    quick_xml::events::Event::End(_) => drop(path.pop()),
                    quick_xml::events::Event::Text(e) => {
                        let value = e.to_string();
                        match path.last().map(String::as_str) {
                            Some("InvoiceNumber") => number = value,
                            Some("TotalAmWithoutTax") => total = value.parse().unwrap(),
                            Some("Amount") => line_sum += value.parse::<f64>().unwrap(),
                            _ => {}
                        }
                    }
                    quick_xml::events::Event::Eof => break,
                    _ => {}
                }
            }
            assert!(path.is_empty());
            assert!((total - line_sum).abs() < 0.005, "{number}: {total} {line_sum}");
            assert!(seen.insert(number.clone()), "{number} twice");
            documents += 1;
            lines += parts;
        }
    }
    assert!(documents > 50, "{documents}");
    assert_eq!(lines, documents * 2);
    for file in written.files.iter().filter(|f| f.path.extension().is_some_and(|e| e == "xlsx")) {
        let mut book: Xlsx<_> = open_workbook(&file.path).unwrap();
        for row in &sheet(&mut book, "发票基础信息")[1..] {
            if row[0] != "合计行" {
                let number = if row[3] == "--" { format!("{}{}", row[1], row[2]) } else { row[3].clone() };
                assert!(seen.insert(number.clone()), "{number} twice");
            }
        }
    }
    assert_eq!(seen.len(), samples::FIRMS * 48);
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let bytes = |threads: usize, dirt: Option<DirtOptions>| {
        let folder = tempfile::tempdir().unwrap();
        let rows = samples::economy();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let options = FileOptions { dirt, ..FileOptions::default() };
        let written = pool.install(|| write_files(&rows, folder.path(), &options)).unwrap();
        let ledger = written.defects.iter().map(|(path, _)| path.clone());
        let all = written.files.iter().map(|f| f.path.clone()).chain(ledger);
        all.map(|path| (path.file_name().unwrap().to_owned(), blake3::hash(&std::fs::read(&path).unwrap())))
            .collect::<Vec<_>>()
    };
    let dirt = Some(DirtOptions { rate: 0.05, seed: 3 });
    for dirt in [None, dirt] {
        assert_eq!(bytes(1, dirt), bytes(3, dirt));
    }
}

#[test]
fn the_mapping_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = MemoryRows::default();
    for table in tables() {
        if !table.name.starts_with("invoice_") && table.name != "invoice" {
            rows.add(&table.name, &samples::any(table, ROWS)).unwrap();
        }
    }
    let written = write_files(&rows, folder.path(), &FileOptions::default()).unwrap();
    let path = written.mapping.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let mapping: toml::Table = text.parse().unwrap();
    let feeds = mapping["feed"].as_array().unwrap();
    assert!(feeds.len() > 30, "{}", feeds.len());
    // Every file is taken by exactly one feed.
    for file in &written.files {
        let name = file.path.file_name().unwrap().to_string_lossy().into_owned();
        let takes = |feed: &&toml::Value| {
            let patterns = feed["files"].as_array().unwrap();
            patterns.iter().any(|p| glob::Pattern::new(p.as_str().unwrap()).unwrap().matches(&name))
        };
        let table = &file.rows[0].0;
        let feeds: Vec<&str> =
            feeds.iter().filter(takes).map(|feed| feed["table"].as_str().unwrap()).collect();
        assert_eq!(feeds, [table.as_str()], "{name}");
    }
}
