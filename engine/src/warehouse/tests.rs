//! The warehouse's promises: a change of several tables shows at once or not at all, a killed one leaves no trace,
//! one writer at a time, and scans that know their order and skip what they need not read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, StringArray, new_null_array,
};
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

/// `taxpayer` as an assay had it that did not know the column yet, with one row.
async fn taxpayer_without(warehouse: &Warehouse, column: &str) -> TableSpec {
    let full = evolution::defined("taxpayer").unwrap();
    let fields: Vec<Field> =
        full.schema.fields().iter().filter(|f| f.name() != column).map(|f| f.as_ref().clone()).collect();
    let old = TableSpec { schema: Arc::new(Schema::new(fields)), ..full };
    let columns = old.schema.fields().iter().map(|f| -> ArrayRef {
        match f.data_type() {
            _ if f.is_nullable() => new_null_array(f.data_type(), 1),
            DataType::Utf8 => Arc::new(StringArray::from(vec!["91310115MA1K39423D"])),
            DataType::Int64 => Arc::new(Int64Array::from(vec![0])),
            DataType::Int32 => Arc::new(Int32Array::from(vec![0])),
            other => arrow::compute::cast(&Int64Array::from(vec![0]), other).unwrap(),
        }
    });
    let row = RecordBatch::try_new(Arc::clone(&old.schema), columns.collect()).unwrap();
    let mut transaction = warehouse.begin("test", &["taxpayer", "party"]).await.unwrap();
    let name = transaction.file_name();
    let unit = UnitKey { period: None, bucket: Some(0) };
    let encoded = encode_unit(&old.schema, &old.order, unit, &name, &[row], false).unwrap();
    transaction.add(&old, encoded).await.unwrap();
    let party = dictionary::PARTY.spec();
    let keys: ArrayRef = Arc::new(Int64Array::from(vec![0]));
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["91310115MA1K39423D"]));
    let entry = RecordBatch::try_new(Arc::clone(&party.schema), vec![keys, ids]).unwrap();
    transaction.append(&party, &[entry]).await.unwrap();
    transaction.commit(serde_json::Value::Null).await.unwrap();
    old
}

async fn shown(warehouse: &Warehouse, sql: &str) -> String {
    let head = warehouse.head().await.unwrap();
    let options = SessionOptions { threads: 1, ..SessionOptions::default() };
    let context = session::open(warehouse, &head, Access::Open, &options).await.unwrap();
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    let options = arrow::util::display::FormatOptions::default().with_null("null");
    arrow::util::pretty::pretty_format_batches_with_options(&batches, &options).unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canonical_table_gains_a_column() {
    let (folder, warehouse) = new_warehouse().await;
    let old = taxpayer_without(&warehouse, "region_code").await;
    let query = "SELECT taxpayer_id, region_code FROM taxpayer ORDER BY 1 NULLS LAST";
    let before = shown(&warehouse, query).await;
    assert!(before.contains("| 91310115MA1K39423D | null        |"), "{before}");
    let filtered = shown(&warehouse, "SELECT count(*) FROM taxpayer WHERE region_code = '310115'").await;
    assert!(filtered.contains("| 0 "), "{filtered}");

    let head = warehouse.head().await.unwrap();
    let version = head.tables["taxpayer"];
    let stored = table::open(&warehouse, "taxpayer", version).await.unwrap();
    assert_eq!(stored.schema, old.schema, "reading moves nothing forward");

    // A new row of the same unit: the old one is written again with it.
    let file = folder.path().join("new.csv");
    std::fs::write(&file, "taxpayer_id,name,region_code\n91530000291993988P,乙,530000\n").unwrap();
    let request = crate::ingest::IngestRequest {
        table: Some("taxpayer".into()),
        files: vec![file.display().to_string()],
        threads: 1,
        memory: 1 << 20,
        ..Default::default()
    };
    crate::ingest::ingest(&warehouse, request, Arc::new(crate::ingest::Silent)).await.unwrap();
    let after = shown(&warehouse, query).await;
    assert!(
        after.contains("| 91310115MA1K39423D | null        |")
            && after.contains("| 91530000291993988P | 530000      |"),
        "{after}"
    );
    let head = warehouse.head().await.unwrap();
    let stored = table::open(&warehouse, "taxpayer", head.tables["taxpayer"]).await.unwrap();
    assert_eq!(stored.schema, evolution::defined("taxpayer").unwrap().schema);
    assert_eq!(stored.meaning, evolution::meaning("taxpayer"));
    // The state before still reads as it was.
    assert_eq!(table::open(&warehouse, "taxpayer", version).await.unwrap().schema, old.schema);
}

#[tokio::test]
async fn a_killed_step_forward_is_taken_back() {
    let (_folder, warehouse) = new_warehouse().await;
    let old = taxpayer_without(&warehouse, "region_code").await;
    let full = evolution::defined("taxpayer").unwrap();
    let pinned = warehouse.head().await.unwrap().tables["taxpayer"];
    let mut killed = warehouse.begin("test", &["taxpayer"]).await.unwrap();
    let file = table::open(&warehouse, "taxpayer", pinned).await.unwrap().files.remove(0);
    killed.remove(&full, file).unwrap();
    killed.commit_logs_only().await.unwrap();
    drop(killed);
    warehouse.heal().await.unwrap();
    let head = warehouse.head().await.unwrap();
    let stored = table::open(&warehouse, "taxpayer", head.tables["taxpayer"]).await.unwrap();
    assert_eq!((stored.schema, stored.files.len()), (old.schema, 1));
}

#[tokio::test]
async fn a_definition_that_contradicts_what_is_stored_is_refused() {
    let (_folder, warehouse) = new_warehouse().await;
    let old = taxpayer_without(&warehouse, "region_code").await;
    let mut transaction = warehouse.begin("test", &["taxpayer"]).await.unwrap();
    let name = transaction.file_name();
    let fields: Vec<Field> = old
        .schema
        .fields()
        .iter()
        .map(|f| match f.name().as_str() {
            "employees" => Field::new("employees", DataType::Utf8, true),
            _ => f.as_ref().clone(),
        })
        .collect();
    let changed = TableSpec { schema: Arc::new(Schema::new(fields)), ..old };
    let unit = UnitKey { period: None, bucket: Some(1) };
    let encoded = encode_unit(&changed.schema, &changed.order, unit, &name, &[], false).unwrap();
    transaction.add(&changed, encoded).await.unwrap();
    let refused = transaction.commit(serde_json::Value::Null).await.unwrap_err().to_string();
    assert!(refused.contains("column employees is stored as Int32 and now defined as Utf8"), "{refused}");
    assert_eq!(warehouse.head().await.unwrap().id, 1);
}

/// As a rollup does when its SQL changes.
#[tokio::test]
async fn a_computed_table_that_is_replaced_takes_its_new_columns() {
    let (_folder, warehouse) = new_warehouse().await;
    let old = spec("rollup_x");
    let mut transaction = warehouse.begin("test", &["rollup_x"]).await.unwrap();
    put_unit(&mut transaction, &old, 202_001, 0..10).await;
    put_unit(&mut transaction, &old, 202_002, 0..10).await;
    transaction.commit(serde_json::Value::Null).await.unwrap();

    let fields: Vec<Field> = old.schema.fields().iter().map(|f| f.as_ref().clone()).collect();
    let renamed = fields.into_iter().map(|f| if f.name() == "note" { f.with_name("remark") } else { f });
    let new = TableSpec { schema: Arc::new(Schema::new(renamed.collect::<Vec<_>>())), ..old.clone() };
    let mut transaction = warehouse.begin("test", &["rollup_x"]).await.unwrap();
    let files = warehouse.table(transaction.base(), "rollup_x").await.unwrap().unwrap().files;
    for file in files {
        transaction.remove(&old, file).unwrap();
    }
    put_unit(&mut transaction, &new, 202_001, 0..4).await;
    transaction.commit(serde_json::Value::Null).await.unwrap();
    let head = warehouse.head().await.unwrap();
    let table = warehouse.table(&head, "rollup_x").await.unwrap().unwrap();
    assert_eq!((table.schema, table.files.len()), (Arc::clone(&new.schema), 1));
    let found = shown(&warehouse, "SELECT count(remark) FROM rollup_x").await;
    assert!(found.contains("| 4 "), "{found}");
}

#[tokio::test]
async fn small_files_of_many_loads_become_one() {
    let (_folder, warehouse) = new_warehouse().await;
    let fields = vec![Field::new("key", DataType::Int64, false), Field::new("note", DataType::Utf8, true)];
    let spec = TableSpec::appended("log", &["key"], fields);
    let mut states = Vec::new();
    for load in 0..70_i64 {
        // Later loads bring smaller keys: the united file is sorted, not only put together.
        let keys = Int64Array::from(vec![1_000 - load, 2_000 + load]);
        let notes = StringArray::from(vec![Some(format!("第{load}次")), None]);
        let rows =
            RecordBatch::try_new(Arc::clone(&spec.schema), vec![Arc::new(keys), Arc::new(notes)]).unwrap();
        let mut transaction = warehouse.begin("test", &["log"]).await.unwrap();
        transaction.append(&spec, &[rows]).await.unwrap();
        transaction.unite_small_files().await.unwrap();
        states.push(transaction.commit(serde_json::Value::Null).await.unwrap());
    }
    let again = Warehouse::open(&warehouse.local_path().unwrap().display().to_string()).await.unwrap();
    for (load, state) in states.iter().enumerate() {
        let table = again.table(state, "log").await.unwrap().unwrap();
        assert_eq!(table.rows(), 2 * (load + 1), "every state still opens");
        assert!(table.files.len() <= 33, "{}", table.files.len());
        // The rows of the last load stay the last ones.
        let newest = get(&again, "log", table.files.last().unwrap()).await.unwrap();
        let newest = read_unit(newest, None).unwrap()[0].column(0).as_primitive::<Int64Type>().value(0);
        assert_eq!(newest, 1_000 - i64::try_from(load).unwrap());
        let mut found = Vec::new();
        for file in &table.files {
            for batch in read_unit(get(&again, "log", file).await.unwrap(), None).unwrap() {
                let keys = batch.column(0).as_primitive::<Int64Type>().values().to_vec();
                assert!(keys.is_sorted(), "{keys:?}");
                let notes = batch.column(1).as_string::<i32>();
                for (row, key) in keys.iter().enumerate() {
                    let note = (*key <= 1_000).then(|| format!("第{}次", 1_000 - key));
                    assert_eq!(notes.is_valid(row).then(|| notes.value(row).to_owned()), note);
                }
                found.extend(keys);
            }
        }
        found.sort_unstable();
        let load = i64::try_from(load).unwrap();
        let expected: Vec<i64> = (1_000 - load..=1_000).chain(2_000..=2_000 + load).collect();
        assert_eq!(found, expected);
    }
}
