//! The shipped catalogue over the shipped rollups and features, on a few thousand made-up invoices.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray, new_null_array,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::pretty::pretty_format_batches;
use assay_datasets::schema::catalog;
use assay_indicators::{Catalogue, FeatureSource, arrow_type, compile, period};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;

use super::collected::collect;

const FIRMS: i64 = 40;
const INVOICES: usize = 12_000;

fn numbers() -> impl FnMut(u64) -> u64 {
    let mut seed = 99_u64;
    move |limit| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) % limit
    }
}

fn money(cents: Vec<i128>) -> ArrayRef {
    Arc::new(Decimal128Array::from(cents).with_precision_and_scale(18, 2).unwrap())
}

/// Sorted by seller and time as the warehouse has them.
fn invoices() -> RecordBatch {
    let mut next = numbers();
    let mut rows: Vec<(i64, i64, i64, i128, &str)> = (0..INVOICES)
        .map(|_| {
            let seller = i64::try_from(next(FIRMS as u64)).unwrap() + 1;
            let buyer = i64::try_from(next(FIRMS as u64 + 10)).unwrap() + 1;
            // 2018-01-01 to 2019-12-31, some at midnight sharp.
            let day = 1_514_764_800_000_i64 + i64::try_from(next(730)).unwrap() * 86_400_000;
            let time = if next(4) == 0 { 0 } else { i64::try_from(next(86_400_000)).unwrap() };
            let status = ["valid", "valid", "valid", "valid", "void", "red", "abnormal"][next(7) as usize];
            let amount = if next(6) == 0 { 100_000_000 } else { i128::from(next(50_000_000)) + 1 };
            (seller, day + time, buyer, if status == "red" { -amount } else { amount }, status)
        })
        .collect();
    rows.sort_unstable();
    let periods = rows.iter().map(|r| {
        let day = chrono::DateTime::from_timestamp_millis(r.1).unwrap().date_naive();
        period::of(day)
    });
    let tax: Vec<i128> = rows.iter().enumerate().map(|(n, r)| r.3 * [13, 9, 6, 3, 0][n % 5] / 100).collect();
    let texts = |get: &dyn Fn(usize) -> Option<String>| -> ArrayRef {
        Arc::new((0..rows.len()).map(get).collect::<StringArray>())
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("seller_key", Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.0)))),
        ("buyer_key", Arc::new(rows.iter().map(|r| (r.2 <= FIRMS).then_some(r.2)).collect::<Int64Array>())),
        ("period", Arc::new(Int32Array::from_iter_values(periods))),
        ("issued_at", Arc::new(TimestampMillisecondArray::from_iter_values(rows.iter().map(|r| r.1)))),
        ("amount", money(rows.iter().map(|r| r.3).collect())),
        ("tax", money(tax.clone())),
        ("total", money(rows.iter().zip(&tax).map(|(r, tax)| r.3 + tax).collect())),
        ("status", texts(&|n| Some(rows[n].4.to_owned()))),
        ("kind", texts(&|n| Some(["special", "ordinary"][n % 2].to_owned()))),
        ("original_invoice_id", texts(&|n| (rows[n].4 == "red" && n % 2 == 0).then(|| format!("F{n}")))),
        ("buyer_id", texts(&|n| (rows[n].2 <= FIRMS).then(|| format!("T{}", rows[n].2)))),
        ("invoice_id", texts(&|n| Some(format!("F{n}")))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap()
}

/// Every declared registration column, by its unit.
fn taxpayers(catalogue: &Catalogue) -> RecordBatch {
    let rows = usize::try_from(FIRMS).unwrap() + 2;
    let keys = Int64Array::from_iter_values((1..).take(rows));
    let mut columns: Vec<(String, ArrayRef)> = vec![
        (
            "taxpayer_id".into(),
            Arc::new(StringArray::from_iter_values(keys.values().iter().map(|k| format!("T{k}")))),
        ),
        ("taxpayer_key".into(), Arc::new(keys)),
        ("valid_to".into(), new_null_array(&DataType::Date32, rows)),
    ];
    for (name, feature) in catalogue.features.of_source(&FeatureSource::Registration) {
        let column: ArrayRef = match arrow_type(feature.unit) {
            DataType::Utf8 if name == "industry_code" => Arc::new(StringArray::from(vec!["F5111"; rows])),
            DataType::Utf8 if name == "region_code" => Arc::new(StringArray::from(vec!["440106"; rows])),
            DataType::Utf8 if name == "vat_status" => {
                Arc::new((0..rows).map(|n| Some(["general", "small_scale"][n % 2])).collect::<StringArray>())
            }
            DataType::Int64 => Arc::new(Int32Array::from(vec![3; rows])),
            DataType::Date32 => Arc::new(Date32Array::from(vec![17_800; rows])),
            other => new_null_array(&other, rows),
        };
        columns.push((name.to_owned(), column));
    }
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap()
}

/// The rows with every stored column of their table; those they do not state are null.
fn whole(table: &str, rows: &RecordBatch) -> RecordBatch {
    let stored = catalog().table(table).unwrap().stored_schema();
    let mut columns: Vec<(String, ArrayRef)> = rows
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .zip(rows.columns().iter().cloned())
        .collect();
    for field in stored.fields().iter().filter(|field| rows.column_by_name(field.name()).is_none()) {
        columns.push((field.name().clone(), new_null_array(field.data_type(), rows.num_rows())));
    }
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap()
}

fn register(ctx: &SessionContext, name: &str, batches: &[RecordBatch]) {
    let schema = batches[0].schema();
    let whole = concat_batches(&schema, batches).unwrap();
    let half = whole.num_rows() / 2;
    let parts = vec![vec![whole.slice(0, half)], vec![whole.slice(half, whole.num_rows() - half)]];
    ctx.register_table(name, Arc::new(MemTable::try_new(schema, parts).unwrap())).unwrap();
}

async fn context(catalogue: &Catalogue, threads: usize) -> SessionContext {
    let options = assay_sql::SessionOptions { threads, ..Default::default() };
    let ctx = assay_sql::new_session(&options).unwrap();
    register(&ctx, "invoice", &[whole("invoice", &invoices())]);
    register(&ctx, "taxpayer", &[whole("taxpayer", &taxpayers(catalogue))]);
    for table in catalog().tables().iter().filter(|t| !["invoice", "taxpayer"].contains(&t.name.as_str())) {
        register(&ctx, &table.name, &[RecordBatch::new_empty(table.stored_schema())]);
    }
    let parties = taxpayers(catalogue);
    let column = |name: &str| Arc::clone(parties.column_by_name(name).unwrap());
    let parties = [("party_key", column("taxpayer_key")), ("party_id", column("taxpayer_id"))];
    register(&ctx, "party", &[RecordBatch::try_from_iter(parties).unwrap()]);
    let schemas = ctx.catalog("datafusion").unwrap();
    schemas.register_schema(assay_sql::codes::SCHEMA, assay_sql::codes::schema().unwrap()).unwrap();
    let rollups =
        ["rollup_sold", "rollup_bought", "rollup_trade", "rollup_goods_sold", "rollup_goods_bought"];
    for name in rollups {
        let path = format!("{}/../sql/rollups/{name}.sql", env!("CARGO_MANIFEST_DIR"));
        register_query(&ctx, name, &std::fs::read_to_string(path).unwrap()).await;
    }
    register_query(&ctx, "claim_tally", CLAIM_TALLY).await;
    ctx
}

/// What the cross-audit leaves of no claims.
const CLAIM_TALLY: &str = "SELECT CAST(1 AS BIGINT) AS taxpayer_key, CAST(1 AS INT) AS period, CAST(1 AS INT) AS claimed_period, \
     '' AS outcome, CAST(1 AS INT) AS since, '' AS kind, CAST(1 AS BIGINT) AS n, CAST(1 AS DECIMAL(28, 2)) AS amount, \
     CAST(1 AS DECIMAL(28, 2)) AS tax WHERE false";

async fn register_query(ctx: &SessionContext, name: &str, sql: &str) {
    let frame = ctx.sql(sql).await.unwrap();
    let none = RecordBatch::new_empty(Arc::new(frame.schema().as_arrow().clone()));
    let rows = frame.collect().await.unwrap();
    register(ctx, name, if rows.is_empty() { std::slice::from_ref(&none) } else { &rows });
}

async fn profile(threads: usize) -> (RecordBatch, assay_indicators::Layout) {
    let (catalogue, problems) = Catalogue::load(None).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    let ctx = context(&catalogue, threads).await;
    let profile = compile(&ctx, &catalogue, &[], 201912).await.unwrap();
    (collect(&profile).await, profile.layout)
}

#[tokio::test]
async fn the_whole_catalogue_runs_in_one_pass() {
    let (batch, layout) = profile(2).await;
    assert_eq!(batch.num_rows(), usize::try_from(FIRMS).unwrap() + 2);
    let mut telling = 0;
    for compiled in &layout.indicators {
        let applies = batch.column_by_name(&compiled.applies).unwrap().as_boolean();
        let value = batch.column_by_name(&compiled.value).unwrap().as_primitive::<Float64Type>();
        assert!(value.iter().flatten().all(f64::is_finite), "{}", compiled.definition.code.value);
        telling += usize::from(applies.true_count() > 0 && value.null_count() < value.len());
    }
    // Uniform invoices show no scheme, so some indicators concern nobody; most must be able to tell.
    assert!(telling >= 30, "{telling} of {}", layout.indicators.len());
}

#[tokio::test]
async fn results_do_not_depend_on_the_number_of_threads() {
    let (one, _) = profile(1).await;
    for _ in 0..3 {
        let (many, _) = profile(4).await;
        assert_eq!(one.schema(), many.schema());
        for (n, field) in one.schema().fields().iter().enumerate() {
            let same = one.column(n).to_data() == many.column(n).to_data();
            let show =
                |batch: &RecordBatch| pretty_format_batches(&[batch.project(&[0, n]).unwrap()]).unwrap();
            assert!(same, "{}:\n{}\n{}", field.name(), show(&one), show(&many));
        }
    }
}

#[tokio::test]
async fn declared_features_are_what_the_queries_return() {
    let (catalogue, _) = Catalogue::load(None).unwrap();
    let ctx = context(&catalogue, 2).await;
    let names: Vec<String> = catalogue.features.names().map(str::to_owned).collect();
    for name in names {
        let feature = catalogue.features.get(&name).unwrap();
        let frame = match &feature.source {
            FeatureSource::Monthly(source) => match catalogue.features.monthly_sql(source) {
                Some(sql) => ctx.sql(sql).await.unwrap(),
                None => ctx.table(source.as_str()).await.unwrap(),
            },
            FeatureSource::AsOf(file) => {
                ctx.sql(&catalogue.features.sql(file, 201912).unwrap()).await.unwrap()
            }
            FeatureSource::Registration => continue,
        };
        // Types are settled by then only.
        let plan = frame.into_optimized_plan().unwrap();
        let found = plan.schema().field_with_unqualified_name(&name).unwrap().data_type().clone();
        let declared = arrow_type(feature.unit);
        let fits = found == declared
            || (declared.is_integer() && found.is_integer())
            // An estimate of tax has more decimals until it is a fact.
            || matches!((&declared, &found), (DataType::Decimal128(..), DataType::Decimal128(..)));
        assert!(fits, "{name} is declared {} ({declared}) and comes as {found}", feature.unit);
    }
}
