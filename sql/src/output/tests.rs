//! Each format over the same awkward result.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::sync::{Arc, Mutex};

use datafusion::prelude::SessionContext;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

const AWKWARD: &str = "SELECT * FROM (VALUES
    (1, 'a,\"b\"', '12345678901234567.89'::decimal(19,2), DATE '2025-06-01', TIMESTAMP '2025-06-01 12:30:00', true, 0.5),
    (2, NULL, NULL, NULL, NULL, NULL, NULL),
    (-30, '云南昆明贸易有限公司', '-0.01'::decimal(19,2), DATE '1999-12-31', TIMESTAMP '2025-06-01 00:00:00.001', false, 'NaN'::double)
) AS t(n, 名称, 税额, day, at, flag, ratio) ORDER BY day DESC NULLS LAST";

async fn written(sql: &str, format: Format, options: &OutputOptions) -> (u64, Vec<u8>) {
    let context = SessionContext::new();
    let stream = context.sql(sql).await.unwrap().execute_stream().await.unwrap();
    let mut out = Vec::new();
    let rows = write_stream(stream, format, options, &mut out).await.unwrap();
    (rows, out)
}

async fn text(sql: &str, format: Format) -> String {
    String::from_utf8(written(sql, format, &OutputOptions::default()).await.1).unwrap()
}

#[tokio::test]
async fn table_stands_straight() {
    insta::assert_snapshot!(text(AWKWARD, Format::Table).await, @r#"
          n  名称                                  税额  day         at                       flag   ratio
        ───  ────────────────────  ────────────────────  ──────────  ───────────────────────  ─────  ─────
          1  a,"b"                 12345678901234567.89  2025-06-01  2025-06-01T12:30:00      true     0.5
        -30  云南昆明贸易有限公司                 -0.01  1999-12-31  2025-06-01T00:00:00.001  false    NaN
          2  ∅                                        ∅  ∅           ∅                        ∅          ∅
        (3 rows)
        "#);
}

#[tokio::test]
async fn csv_is_quoted_and_null_is_empty() {
    insta::assert_snapshot!(text(AWKWARD, Format::Csv).await, @r#"
        n,名称,税额,day,at,flag,ratio
        1,"a,""b""",12345678901234567.89,2025-06-01,2025-06-01T12:30:00,true,0.5
        -30,云南昆明贸易有限公司,-0.01,1999-12-31,2025-06-01T00:00:00.001,false,NaN
        2,,,,,,
        "#);
}

#[tokio::test]
async fn json_keeps_every_digit() {
    let json = text(AWKWARD, Format::Json).await;
    insta::assert_snapshot!(json, @r#"
        [{"n":1,"名称":"a,\"b\"","税额":12345678901234567.89,"day":"2025-06-01","at":"2025-06-01T12:30:00","flag":true,"ratio":0.5},{"n":-30,"名称":"云南昆明贸易有限公司","税额":-0.01,"day":"1999-12-31","at":"2025-06-01T00:00:00.001","flag":false,"ratio":null},{"n":2,"名称":null,"税额":null,"day":null,"at":null,"flag":null,"ratio":null}]
        "#);
    let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(parsed.as_array().unwrap().len(), 3);
    assert!(parsed[1]["税额"].is_number() || parsed[1]["税额"].is_null());
}

#[tokio::test]
async fn no_rows_still_have_columns() {
    let sql = "SELECT 1 AS n, 'x' AS 名称 WHERE false";
    assert_eq!(text(sql, Format::Csv).await, "n,名称\n");
    assert_eq!(text(sql, Format::Json).await, "[]\n");
    assert_eq!(text(sql, Format::Table).await, "n  名称\n─  ────\n(0 rows)\n");
    let (rows, parquet) = written(sql, Format::Parquet, &OutputOptions::default()).await;
    assert_eq!(rows, 0);
    let reader = ParquetRecordBatchReaderBuilder::try_new(file(&parquet)).unwrap();
    assert_eq!(reader.schema().field(1).name(), "名称");
}

#[tokio::test]
async fn long_results_are_cut_but_counted() {
    let options = OutputOptions { table_rows: 2, ..OutputOptions::default() };
    let (rows, out) = written("SELECT value FROM range(1236)", Format::Table, &options).await;
    assert_eq!(rows, 1236);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text, "value\n─────\n    0\n    1\n… 1,234 more rows\n(1,236 rows)\n");
}

#[tokio::test]
async fn parquet_comes_back_as_it_was() {
    let context = SessionContext::new();
    let expected = context.sql(AWKWARD).await.unwrap().collect().await.unwrap();
    let expected = arrow::compute::concat_batches(&expected[0].schema(), &expected).unwrap();
    let (rows, parquet) = written(AWKWARD, Format::Parquet, &OutputOptions::default()).await;
    assert_eq!(rows, 3);
    let reader = ParquetRecordBatchReaderBuilder::try_new(file(&parquet)).unwrap();
    let compression = reader.metadata().row_group(0).column(0).compression();
    assert!(matches!(compression, Compression::ZSTD(_)), "{compression}");
    let batches: Vec<RecordBatch> = reader.build().unwrap().collect::<Result<_, _>>().unwrap();
    let shown =
        |batches: &[RecordBatch]| arrow::util::pretty::pretty_format_batches(batches).unwrap().to_string();
    assert_eq!(shown(&batches), shown(&[expected]));
}

#[tokio::test]
async fn a_closed_pipe_is_an_error_not_a_crash() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _bytes: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
    }
    for format in Format::ALL {
        let stream = SessionContext::new().sql("SELECT 1").await.unwrap().execute_stream().await.unwrap();
        assert!(write_stream(stream, format, &OutputOptions::default(), Closed).await.is_err(), "{format}");
    }
}

#[tokio::test]
async fn rows_are_written_as_they_come() {
    /// Counts the bytes that had arrived when the query produced its last batch.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);
    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let context = SessionContext::new();
    // The third batch fails: what came before must have been written.
    let sql = "SELECT 1 / (CASE WHEN value < 20000 THEN 1 ELSE 0 END) AS n FROM range(30000)";
    let stream = context.sql(sql).await.unwrap().execute_stream().await.unwrap();
    let out = Shared::default();
    let error = write_stream(stream, Format::Csv, &OutputOptions::default(), out.clone()).await.unwrap_err();
    assert!(error.to_string().contains("ivide by zero"), "{error}");
    assert!(out.0.lock().unwrap().len() > 2 * 8192);
}

#[test]
fn formats_are_read_by_name() {
    for format in Format::ALL {
        assert_eq!(format.name().to_uppercase().parse(), Ok(format));
    }
    assert!("xml".parse::<Format>().unwrap_err().contains("give table, csv, json or parquet"));
}

/// A Parquet file of these bytes; removed when closed.
fn file(parquet: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(parquet).unwrap();
    file
}
