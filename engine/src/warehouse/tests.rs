//! The warehouse's promises: a change of several tables shows at once or not at all, a killed one leaves no trace,
//! one writer at a time, and scans that know their order and skip what they need not read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow::array::{AsArray, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use assay_sql::SessionOptions;

use super::session::{self, Access};
use super::*;

fn spec(name: &str) -> TableSpec {
    TableSpec {
        name: name.into(),
        schema: Arc::new(Schema::new(vec![
            Field::new("taxpayer_key", DataType::Int64, false),
            Field::new("period", DataType::Int32, false),
            Field::new("note", DataType::Utf8, true),
            Field::new("bucket", DataType::Int32, false),
        ])),
        partition_by: vec!["period".into(), "bucket".into()],
        order: vec!["taxpayer_key".into()],
    }
}

fn rows(spec: &TableSpec, period: i32, keys: std::ops::Range<i64>) -> RecordBatch {
    let n = keys.clone().count();
    RecordBatch::try_new(
        Arc::clone(&spec.schema),
        vec![
            Arc::new(Int64Array::from_iter_values(keys.clone())),
            Arc::new(Int32Array::from(vec![period; n])),
            Arc::new(StringArray::from_iter_values(keys.map(|k| format!("第{k}户")))),
            Arc::new(Int32Array::from(vec![0; n])),
        ],
    )
    .unwrap()
}

async fn put_unit(transaction: &mut Transaction, spec: &TableSpec, period: i32, keys: std::ops::Range<i64>) {
    let name = transaction.file_name();
    let unit = UnitKey { period: Some(period), bucket: Some(0) };
    let encoded =
        encode_unit(&spec.schema, &spec.order, unit, &name, &[rows(spec, period, keys)], false).unwrap();
    transaction.add(spec, encoded).await.unwrap();
}

async fn count(warehouse: &Warehouse, table: &str) -> usize {
    let head = warehouse.head().await.unwrap();
    warehouse.table(&head, table).await.unwrap().map_or(0, |t| t.rows())
}

async fn new_warehouse() -> (tempfile::TempDir, Warehouse) {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().join("wh").display().to_string();
    let warehouse = Warehouse::init(&location, 100).await.unwrap();
    (folder, warehouse)
}

fn parquet_files(warehouse: &Warehouse) -> usize {
    let pattern = warehouse.local_path().unwrap().join("**/*.parquet");
    let all = glob::glob(&pattern.display().to_string()).unwrap();
    all.filter(|p| !p.as_ref().unwrap().display().to_string().contains("_delta_log")).count()
}

#[tokio::test]
async fn several_tables_change_at_once() {
    let (_folder, warehouse) = new_warehouse().await;
    let (a, b) = (spec("a"), spec("vault/b"));
    let mut transaction = warehouse.begin("test", &["a", "vault/b"]).await.unwrap();
    put_unit(&mut transaction, &a, 202_001, 0..10).await;
    put_unit(&mut transaction, &b, 202_001, 0..3).await;
    assert_eq!((count(&warehouse, "a").await, count(&warehouse, "vault/b").await), (0, 0));
    let commit = transaction.commit(serde_json::Value::Null).await.unwrap();
    assert_eq!(commit.id, 1);
    assert_eq!((count(&warehouse, "a").await, count(&warehouse, "vault/b").await), (10, 3));
    // What went in comes out, null and Chinese text included.
    let head = warehouse.head().await.unwrap();
    let table = warehouse.table(&head, "a").await.unwrap().unwrap();
    let bytes = get(&warehouse, "a", &table.files[0]).await.unwrap();
    let read = read_unit(bytes, None).unwrap();
    assert_eq!(read[0].columns(), rows(&a, 202_001, 0..10).columns());
}

#[tokio::test]
async fn a_transaction_killed_after_its_delta_commits_leaves_no_trace() {
    let (_folder, warehouse) = new_warehouse().await;
    let (a, b) = (spec("a"), spec("b"));
    let mut first = warehouse.begin("test", &["a"]).await.unwrap();
    put_unit(&mut first, &a, 202_001, 0..10).await;
    first.commit(serde_json::Value::Null).await.unwrap();

    // Everything a commit does but the last step, then nothing: as after kill -9.
    let mut killed = warehouse.begin("test", &["a", "b"]).await.unwrap();
    put_unit(&mut killed, &a, 202_002, 0..5).await;
    put_unit(&mut killed, &b, 202_002, 0..5).await;
    let old = warehouse.table(killed.base(), "a").await.unwrap().unwrap().files.remove(0);
    killed.remove(&a, old).unwrap();
    killed.commit_logs_only().await.unwrap();
    drop(killed);
    assert_eq!(
        (count(&warehouse, "a").await, count(&warehouse, "b").await),
        (10, 0),
        "readers see the state before"
    );

    let mut next = warehouse.begin("test", &["a", "b"]).await.unwrap();
    assert_eq!(parquet_files(&warehouse), 1, "files of the killed run are gone");
    put_unit(&mut next, &b, 202_003, 0..7).await;
    next.commit(serde_json::Value::Null).await.unwrap();
    assert_eq!((count(&warehouse, "a").await, count(&warehouse, "b").await), (10, 7));
    // Any other reader of the Delta logs sees the same.
    let head = warehouse.head().await.unwrap();
    for name in ["a", "b"] {
        let pinned = warehouse.table(&head, name).await.unwrap().unwrap();
        let newest = table::roll_back(&warehouse, name, Some(pinned.version)).await.unwrap();
        assert_eq!(newest.version(), Some(pinned.version), "{name}: the log stands where the warehouse says");
    }
    assert!(!warehouse.local_path().unwrap().join("pending").read_dir().unwrap().any(|_| true));
}

#[tokio::test]
async fn one_writer_at_a_time() {
    let (_folder, warehouse) = new_warehouse().await;
    let first = warehouse.begin("test", &["a"]).await.unwrap();
    let refused = warehouse.begin("test", &["a"]).await.unwrap_err().to_string();
    assert!(refused.contains("another assay process is writing"), "{refused}");
    drop(first);
    warehouse.begin("test", &["a"]).await.unwrap();
}

#[tokio::test]
async fn a_newer_format_and_a_second_init_are_refused() {
    let (_folder, warehouse) = new_warehouse().await;
    let location = warehouse.local_path().unwrap().display().to_string();
    assert!(
        Warehouse::init(&location, 100).await.unwrap_err().to_string().contains("already is a warehouse")
    );
    std::fs::write(format!("{location}/assay.json"), r#"{"format": 99, "colour": "new"}"#).unwrap();
    let refused = Warehouse::open(&location).await.unwrap_err().to_string();
    assert!(refused.contains("format 99") && refused.contains("use a newer assay"), "{refused}");
}

#[tokio::test]
async fn scans_know_their_order_and_skip_files() {
    let (_folder, warehouse) = new_warehouse().await;
    let a = spec("a");
    let mut transaction = warehouse.begin("test", &["a"]).await.unwrap();
    for period in [202_001, 202_002, 202_003, 202_004, 202_005] {
        put_unit(&mut transaction, &a, period, 0..50).await;
    }
    transaction.commit(serde_json::Value::Null).await.unwrap();
    let head = warehouse.head().await.unwrap();
    let options = SessionOptions { threads: 2, ..SessionOptions::default() };
    let context = session::open(&warehouse, &head, Access::Open, &options).await.unwrap();
    let plan = async |sql: &str| {
        let frame = context.sql(&format!("EXPLAIN {sql}")).await.unwrap();
        let batches = frame.collect().await.unwrap();
        arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
    };
    let grouped = plan("SELECT period, taxpayer_key, count(*) FROM a GROUP BY 1, 2").await;
    assert!(grouped.contains("ordering_mode=Sorted"), "{grouped}");
    let one = plan("SELECT note FROM a WHERE period = 202003").await;
    assert!(
        one.contains("period=202003") && !one.contains("period=202002") && !one.contains("period=202004"),
        "{one}"
    );
    let none = plan("SELECT note FROM a WHERE taxpayer_key > 1000").await;
    assert!(none.contains("EmptyExec"), "{none}");
    let found =
        context.sql("SELECT count(*) FROM a WHERE taxpayer_key = 7").await.unwrap().collect().await.unwrap();
    assert_eq!(found[0].column(0).as_primitive::<Int64Type>().value(0), 5);
}
