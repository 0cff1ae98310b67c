//! The domain's functions, row by row through whole columns, and its aggregates through whole queries.
//!
//! Run with `cargo bench -p assay-benches --bench kernels`. Rows a second are what to look at.

// A bench that cannot set up its input has nothing to measure: it stops.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Field};
use assay_benches::{Numbers, codes, invoices, register};
use assay_sql::functions::scalar_functions;
use assay_sql::{SessionOptions, new_session};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};
use datafusion::prelude::SessionContext;

const ROWS: usize = 8192;
const THREADS: usize = 2;

fn scalar(name: &str) -> ScalarUDF {
    scalar_functions().into_iter().find(|function| function.name() == name).unwrap()
}

/// Measures a function over one batch of columns.
fn bench_scalar(criterion: &mut Criterion, name: &str, columns: &[ArrayRef], returns: DataType) {
    let function = scalar(name);
    let arg_fields: Vec<_> =
        columns.iter().map(|column| Arc::new(Field::new("arg", column.data_type().clone(), true))).collect();
    let return_field = Arc::new(Field::new("result", returns, true));
    let config_options = Arc::new(ConfigOptions::default());
    let mut group = criterion.benchmark_group("scalar");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let args = ScalarFunctionArgs {
                args: columns.iter().map(|column| ColumnarValue::Array(Arc::clone(column))).collect(),
                arg_fields: arg_fields.clone(),
                number_rows: ROWS,
                return_field: Arc::clone(&return_field),
                config_options: Arc::clone(&config_options),
            };
            black_box(function.invoke_with_args(args).unwrap())
        });
    });
    group.finish();
}

fn scalars(criterion: &mut Criterion) {
    bench_scalar(criterion, "uscc_valid", &[codes(ROWS)], DataType::Boolean);
    let invoices = invoices(1, 1000).unwrap();
    let issued = Arc::clone(invoices[0].column_by_name("issued_at").unwrap());
    bench_scalar(criterion, "period_of", &[issued], DataType::Int32);
    let mut numbers = Numbers::new(3);
    let digits: Vec<ArrayRef> = (0..9)
        .map(|_| {
            let counts = (0..ROWS).map(|_| numbers.below(500) as f64);
            Arc::new(Float64Array::from_iter_values(counts)) as ArrayRef
        })
        .collect();
    bench_scalar(criterion, "benford_chi2", &digits, DataType::Float64);
}

fn aggregates(criterion: &mut Criterion) {
    let batches: Vec<RecordBatch> = invoices(32, 2000).unwrap();
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let context: SessionContext =
        new_session(&SessionOptions { threads: THREADS, ..SessionOptions::default() }).unwrap();
    register(&context, "invoice", &batches, THREADS).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).build().unwrap();

    let mut group = criterion.benchmark_group("aggregate");
    group
        .throughput(Throughput::Elements(rows as u64))
        .sample_size(10)
        .measurement_time(Duration::from_secs(3));
    for (name, measure) in [
        ("sum", "sum(amount)"),
        ("checked_sum", "checked_sum(amount)"),
        ("hhi_int_keys", "hhi(buyer_key, amount)"),
        ("hhi_text_keys", "hhi(buyer_id, amount)"),
        ("top_sum", "top_sum(buyer_key, amount, 3)"),
    ] {
        let sql = format!("SELECT seller_key, {measure} FROM invoice GROUP BY seller_key");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    let result = context.sql(&sql).await.unwrap().collect().await.unwrap();
                    assert_eq!(result.iter().map(RecordBatch::num_rows).sum::<usize>(), 2000);
                    black_box(result)
                })
            });
        });
    }
    // The same as two levels of plain SQL: what the aggregate saves.
    let sql = "SELECT seller_key, sum(total) FROM (
            SELECT seller_key, total, row_number() OVER (PARTITION BY seller_key ORDER BY total DESC) AS place
            FROM (SELECT seller_key, buyer_key, sum(amount) AS total FROM invoice GROUP BY seller_key, buyer_key))
        WHERE place <= 3 GROUP BY seller_key";
    group.bench_function("top_sum_in_plain_sql", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async { black_box(context.sql(sql).await.unwrap().collect().await.unwrap()) })
        });
    });
    group.finish();
}

criterion_group!(kernels, scalars, aggregates);
criterion_main!(kernels);
