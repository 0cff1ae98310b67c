//! What is written loads: through the project's own readers every row comes back as it was.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::util::display::array_value_to_string;
use assay_datasets::schema::{Table, catalog};
use assay_sql::SessionOptions;

use super::*;
use crate::generate::samples;
use crate::ingest::{IngestRequest, IngestSummary, Silent, ingest};
use crate::warehouse::Warehouse;
use crate::warehouse::session::{self, Access};

/// Invoices, their lines and what follows from them are tested by their own formats.
fn tables() -> Vec<&'static Table> {
    catalog()
        .tables()
        .iter()
        .filter(|t| !["invoice", "invoice_line", "invoice_attribute"].contains(&t.name.as_str()))
        .collect()
}

pub(super) async fn load(warehouse: &Warehouse, written: &Written, table: Option<&str>) -> IngestSummary {
    let mapping = written.mapping.as_ref().map(|path| path.display().to_string());
    let of_table = |file: &&WrittenFile| table.is_none_or(|t| file.rows.iter().any(|(name, _)| name == t));
    let request = IngestRequest {
        table: table.filter(|_| mapping.is_none()).map(str::to_owned),
        files: written.files.iter().filter(of_table).map(|f| f.path.display().to_string()).collect(),
        mapping,
        threads: 2,
        memory: 1 << 28,
        ..IngestRequest::default()
    };
    ingest(warehouse, request, Arc::new(Silent)).await.unwrap()
}

/// Rows of a table as text, sorted, personal data in clear.
async fn stored(warehouse: &Warehouse, table: &Table) -> Vec<String> {
    let commit = warehouse.head().await.unwrap();
    let context =
        session::open(warehouse, &commit, Access::Personal, &SessionOptions::default()).await.unwrap();
    let columns: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    let query = format!("SELECT \"{}\" FROM {}", columns.join("\", \""), table.name);
    let batches = context.sql(&query).await.unwrap().collect().await.unwrap();
    let mut rows: Vec<String> = batches.iter().flat_map(|batch| texts(table, batch)).collect();
    rows.sort();
    rows
}

fn texts(table: &Table, batch: &RecordBatch) -> Vec<String> {
    let columns: Vec<_> = table
        .columns
        .iter()
        .zip(batch.columns())
        .map(|(column, array)| cast(array, &column.ty.arrow_type()).unwrap())
        .collect();
    (0..batch.num_rows())
        .map(|row| {
            let cell = |array: &arrow::array::ArrayRef| match array.is_null(row) {
                true => "∅".to_owned(),
                false => array_value_to_string(array, row).unwrap(),
            };
            columns.iter().map(cell).collect::<Vec<_>>().join(" | ")
        })
        .collect()
}

async fn comes_back(options: &FileOptions) {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = MemoryRows::default();
    for table in tables() {
        rows.add(&table.name, &samples::any(table, 40)).unwrap();
    }
    let written = write_files(&rows, &folder.path().join("files"), options).unwrap();
    let warehouse = Warehouse::init(&folder.path().join("wh").display().to_string(), 1 << 18).await.unwrap();
    if written.mapping.is_some() {
        let summary = load(&warehouse, &written, None).await;
        assert!(summary.examples.is_empty(), "{options:?}: {:#?}", summary.examples);
    } else {
        for table in tables() {
            let summary = load(&warehouse, &written, Some(&table.name)).await;
            assert!(summary.examples.is_empty(), "{options:?}: {:#?}", summary.examples);
        }
    }
    for table in tables() {
        let batches: Vec<RecordBatch> = rows
            .parts()
            .iter()
            .filter(|part| part.table == table.name)
            .flat_map(|part| rows.rows(part).unwrap())
            .collect();
        let expected = concat_batches(&batches[0].schema(), &batches).unwrap();
        let mut expected = texts(table, &expected);
        expected.sort();
        assert_eq!(stored(&warehouse, table).await, expected, "{} {:?}", table.name, options.selection);
    }
    nothing_repaired(&warehouse, folder.path()).await;
}

/// Clean files need no repair.
async fn nothing_repaired(warehouse: &Warehouse, _: &Path) {
    let commit = warehouse.head().await.unwrap();
    let context =
        session::open(warehouse, &commit, Access::Personal, &SessionOptions::default()).await.unwrap();
    for table in ["repaired_value", "rejected_row", "duplicate_row"] {
        let found =
            context.sql(&format!("SELECT * FROM {table} LIMIT 5")).await.unwrap().collect().await.unwrap();
        let shown = arrow::util::pretty::pretty_format_batches(&found).unwrap();
        assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), 0, "{table}\n{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_comes_back_from_every_format() {
    for format in [
        Format::Csv,
        Format::Parquet,
        Format::JsonLines,
        Format::JsonArray,
        Format::Fixed,
        Format::Hive,
        Format::Dbf,
    ] {
        let options = FileOptions { selection: Selection::Single(format), ..FileOptions::default() };
        comes_back(&options).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_comes_back_in_chinese_and_from_the_departments() {
    let chinese = FileOptions {
        selection: Selection::Single(Format::Csv),
        headers: Headers::Chinese,
        encoding: TextEncoding::Gb18030,
        ..FileOptions::default()
    };
    comes_back(&chinese).await;
    let fixed = FileOptions { selection: Selection::Single(Format::Fixed), ..chinese };
    comes_back(&fixed).await;
    comes_back(&FileOptions::default()).await;
}
