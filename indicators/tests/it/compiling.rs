//! The compiled plan against a count by hand, on tables in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Decimal128Type, Field, Float64Type, Int64Type, Schema};
use assay_indicators::{CompileError, Profile, compile};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;

use super::collected::collect;
use super::support::{LINE, catalogue, definition, session};

/// One month of one taxpayer: invoices, voids, amount in fen (null = none stated).
type Month = (i64, Option<i64>, Option<i128>);

/// Taxpayers 1 to 12 with gaps, 13 without any month.
fn world() -> BTreeMap<i64, BTreeMap<i32, Month>> {
    let mut seed = 11_u64;
    let mut next = |limit: u64| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) % limit
    };
    let mut world: BTreeMap<i64, BTreeMap<i32, Month>> = (1..=13).map(|key| (key, BTreeMap::new())).collect();
    for key in 1..=12_i64 {
        for month in 0..36 {
            let period = assay_indicators::period::add(201801, month);
            if next(3) > 0 {
                let n = i64::try_from(next(50)).unwrap() + 1;
                let void = (next(5) > 0).then(|| i64::try_from(next(10)).unwrap());
                let amount = (next(6) > 0).then(|| i128::from(next(10_000_000)) - 2_000_000);
                world.get_mut(&key).unwrap().insert(period, (n, void, amount));
            }
        }
    }
    world
}

fn field(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, true)
}

fn register(ctx: &SessionContext, name: &str, batch: &RecordBatch) {
    // Two partitions and small batches, so that partial aggregates meet.
    let half = batch.num_rows() / 2;
    let parts = vec![vec![batch.slice(0, half)], vec![batch.slice(half, batch.num_rows() - half)]];
    ctx.register_table(name, Arc::new(MemTable::try_new(batch.schema(), parts).unwrap())).unwrap();
}

fn context(world: &BTreeMap<i64, BTreeMap<i32, Month>>) -> SessionContext {
    let ctx = session();
    let rows: Vec<(i64, i32, Month)> =
        world.iter().flat_map(|(key, months)| months.iter().map(|(p, m)| (*key, *p, *m))).collect();
    let money = |values: Vec<Option<i128>>| {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(28, 2).unwrap()) as ArrayRef
    };
    let amount = money(rows.iter().map(|r| r.2.2).collect());
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.0)));
    let periods: ArrayRef = Arc::new(Int32Array::from_iter_values(rows.iter().map(|r| r.1)));
    let sold = Schema::new(vec![
        field("taxpayer_key", DataType::Int64),
        field("period", DataType::Int32),
        field("sold_n", DataType::Int64),
        field("sold_void_n", DataType::Int64),
        field("sold_amount", DataType::Decimal128(28, 2)),
    ]);
    let n = Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.2.0)));
    let void = Arc::new(rows.iter().map(|r| r.2.1).collect::<Int64Array>());
    let columns = vec![Arc::clone(&keys), Arc::clone(&periods), n, void, Arc::clone(&amount)];
    register(&ctx, "rollup_sold", &RecordBatch::try_new(Arc::new(sold), columns).unwrap());
    let bought = Schema::new(vec![
        field("taxpayer_key", DataType::Int64),
        field("period", DataType::Int32),
        field("bought_amount", DataType::Decimal128(28, 2)),
    ]);
    let columns = vec![Arc::clone(&keys), Arc::clone(&periods), amount];
    register(&ctx, "rollup_bought", &RecordBatch::try_new(Arc::new(bought), columns).unwrap());
    let trade = Schema::new(vec![
        field("seller_key", DataType::Int64),
        field("period", DataType::Int32),
        field("buyer_key", DataType::Int64),
    ]);
    let buyers = Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| i64::from(r.1 % 7))));
    let trade = RecordBatch::try_new(Arc::new(trade), vec![keys, periods, buyers]);
    register(&ctx, "rollup_trade", &trade.unwrap());
    register(&ctx, "taxpayer", &taxpayers());
    ctx
}

/// Taxpayer 13 has no invoices; taxpayer 1 has an older registration that must not show.
fn taxpayers() -> RecordBatch {
    let schema = Schema::new(vec![
        field("taxpayer_id", DataType::Utf8),
        field("taxpayer_key", DataType::Int64),
        field("industry_code", DataType::Utf8),
        field("employees", DataType::Int32),
        field("registered_on", DataType::Date32),
        field("valid_to", DataType::Date32),
    ]);
    let keys: Vec<i64> = (1..=13).chain([1]).collect();
    RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(StringArray::from_iter_values(keys.iter().map(|k| format!("T{k}")))),
            Arc::new(Int64Array::from(keys.clone())),
            Arc::new(StringArray::from_iter_values(keys.iter().map(|k| format!("F51{k}")))),
            Arc::new(Int32Array::from_iter_values(keys.iter().map(|k| i32::try_from(*k).unwrap() * 10))),
            Arc::new(Date32Array::from_iter_values(keys.iter().map(|_| 17_000))),
            Arc::new(Date32Array::from_iter(
                keys.iter().enumerate().map(|(n, _)| (n == 13).then_some(18_000)),
            )),
        ],
    )
    .unwrap()
}

/// The column of a fact of the n-th indicator.
fn fact<'b>(batch: &'b RecordBatch, profile: &Profile, indicator: usize, name: &str) -> &'b dyn Array {
    let compiled = &profile.layout.indicators[indicator];
    let index = compiled.definition.fact(name).unwrap().0;
    batch.column_by_name(&compiled.facts[index]).unwrap().as_ref()
}

fn ints(array: &dyn Array) -> Vec<Option<i64>> {
    array.as_primitive::<Int64Type>().iter().collect()
}

fn cents(array: &dyn Array) -> Vec<Option<i128>> {
    array.as_primitive::<Decimal128Type>().iter().collect()
}

fn doubles(array: &dyn Array) -> Vec<Option<f64>> {
    array.as_primitive::<Float64Type>().iter().collect()
}

const FACTS: &str = r#"
now = { expr = "sold_n", unit = "count", zh = "数", en = "n" }
before = { expr = "lag(sold_n, 2)", unit = "count", zh = "数", en = "n" }
year = { expr = "trailing(sold_n, 12)", unit = "count", zh = "数", en = "n" }
year_ago = { expr = "trailing(sold_n, 12, 12)", unit = "count", zh = "数", en = "n" }
top = { expr = "trailing_max(sold_amount, 6)", unit = "money", zh = "数", en = "n" }
least = { expr = "trailing_min(sold_amount, 6, 1)", unit = "money", zh = "数", en = "n" }
mean = { expr = "trailing_avg(sold_n, 12)", unit = "ratio", zh = "数", en = "n" }
busy = { expr = "months(sold_n >= 30 and sold_void_n > 2, 12)", unit = "count", zh = "数", en = "n" }
part = { expr = "trailing(sold_void_n, 12) / trailing(sold_n, 12)", unit = "share", zh = "数", en = "n" }
bought = { expr = "coalesce(trailing(bought_amount, 3), 0)", unit = "money", zh = "数", en = "n" }
case_sum = { expr = "trailing(case when sold_n >= 30 and sold_void_n > 2 then sold_amount * 0.5 end, 12)", unit = "money", zh = "数", en = "n" }
customers = { expr = "customers_12", unit = "count", zh = "数", en = "n" }
staff = { expr = "employees", unit = "count", zh = "数", en = "n" }
age = { expr = "as_of_date - registered_on", unit = "days", zh = "数", en = "n" }
"#;

fn facts_definition(code: &str, head: &str) -> String {
    let all = FACTS.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
    let used = all.map(|name| format!("0 * coalesce({name}, 0)")).collect::<Vec<_>>().join(" + ");
    definition(
        code,
        &format!(
            "value = \"void / total\"\namount = \"top * 0.13 - least / 3\"\napplies = \"year >= 100 or {used} > 1\"\n{head}"
        ),
        &format!(
            "{FACTS}\nvoid = {{ expr = \"trailing(sold_void_n, 12)\", unit = \"count\", zh = \"数\", en = \"n\" }}\ntotal = {{ expr = \"trailing(sold_n, 12)\", unit = \"count\", zh = \"数\", en = \"n\" }}"
        ),
        LINE,
    )
}

fn months(months: &BTreeMap<i32, Month>, from: i32, to: i32) -> impl Iterator<Item = &Month> {
    months.range(from..=to).map(|(_, month)| month)
}

/// A sum that is null when nothing was there to add.
fn total<T: std::iter::Sum<T>>(values: impl Iterator<Item = Option<T>>) -> Option<T> {
    let known: Vec<T> = values.flatten().collect();
    (!known.is_empty()).then(|| known.into_iter().sum())
}

#[tokio::test]
async fn every_kind_of_fact_agrees_with_a_count_by_hand() {
    let world = world();
    let ctx = context(&world);
    let (catalogue, problems) = catalogue(&[facts_definition("X01", "")]);
    assert!(problems.is_empty(), "{problems:?}");
    let profile = compile(&ctx, &catalogue, &[], 202002).await.unwrap();
    let batch = collect(&profile).await;
    assert_eq!(batch.num_rows(), 13);
    let by_hand =
        |get: &dyn Fn(&BTreeMap<i32, Month>) -> Option<i64>| world.values().map(get).collect::<Vec<_>>();
    let of = |name: &str| fact(&batch, &profile, 0, name);
    assert_eq!(ints(of("now")), by_hand(&|m| m.get(&202002).map(|x| x.0)));
    assert_eq!(ints(of("before")), by_hand(&|m| m.get(&201912).map(|x| x.0)));
    assert_eq!(ints(of("year")), by_hand(&|m| total(months(m, 201903, 202002).map(|x| Some(x.0)))));
    assert_eq!(ints(of("year_ago")), by_hand(&|m| total(months(m, 201803, 201902).map(|x| Some(x.0)))));
    let busy = |m: &BTreeMap<i32, Month>| {
        months(m, 201903, 202002).filter(|x| x.0 >= 30 && x.1.is_some_and(|v| v > 2)).count() as i64
    };
    assert_eq!(ints(of("busy")), by_hand(&|m| Some(busy(m))));
    let money =
        |get: &dyn Fn(&BTreeMap<i32, Month>) -> Option<i128>| world.values().map(get).collect::<Vec<_>>();
    assert_eq!(cents(of("top")), money(&|m| months(m, 201909, 202002).filter_map(|x| x.2).max()));
    assert_eq!(cents(of("least")), money(&|m| months(m, 201908, 202001).filter_map(|x| x.2).min()));
    let bought = |m: &BTreeMap<i32, Month>| total(months(m, 201912, 202002).map(|x| x.2)).unwrap_or(0);
    assert_eq!(cents(of("bought")), money(&|m| Some(bought(m))));
    let case_sum = |m: &BTreeMap<i32, Month>| {
        let halves = months(m, 201903, 202002)
            .filter(|x| x.0 >= 30 && x.1.is_some_and(|v| v > 2))
            .map(|x| x.2.map(|cents| cents * 5));
        // Tenths of fen, rounded half away from zero.
        total(halves).map(|tenths| (tenths.abs() + 5) / 10 * tenths.signum())
    };
    assert_eq!(cents(of("case_sum")), money(&case_sum));
    let mean = |m: &BTreeMap<i32, Month>| {
        let n: Vec<i64> = months(m, 201903, 202002).map(|x| x.0).collect();
        (!n.is_empty()).then(|| n.iter().sum::<i64>() as f64 / n.len() as f64)
    };
    assert_eq!(doubles(of("mean")), world.values().map(mean).collect::<Vec<_>>());
    let part = |m: &BTreeMap<i32, Month>| {
        let void = total(months(m, 201903, 202002).map(|x| x.1))?;
        Some(void as f64 / total(months(m, 201903, 202002).map(|x| Some(x.0)))? as f64)
    };
    assert_eq!(doubles(of("part")), world.values().map(part).collect::<Vec<_>>());
    let customers = |m: &BTreeMap<i32, Month>| {
        let buyers: std::collections::BTreeSet<i32> = m.range(..=202002).map(|(p, _)| p % 7).collect();
        (!buyers.is_empty()).then_some(buyers.len() as i64)
    };
    assert_eq!(ints(of("customers")), by_hand(&customers));
    assert_eq!(ints(of("staff")), (1..=13).map(|k| Some(k * 10)).collect::<Vec<_>>());
    assert_eq!(ints(of("age")), vec![Some(18_321 - 17_000); 13]);
}

#[tokio::test]
async fn verdicts_are_three_valued_and_amounts_exact() {
    let world = world();
    let ctx = context(&world);
    let (catalogue, _) = catalogue(&[facts_definition("X01", "")]);
    let profile = compile(&ctx, &catalogue, &[], 202002).await.unwrap();
    let batch = collect(&profile).await;
    let compiled = &profile.layout.indicators[0];
    let column = |name: &str| batch.column_by_name(name).unwrap();
    let value = doubles(column(&compiled.value));
    assert_eq!(value, doubles(fact(&batch, &profile, 0, "part")));
    let amounts = cents(column(compiled.amount.as_ref().unwrap()));
    let (top, least) = (cents(fact(&batch, &profile, 0, "top")), cents(fact(&batch, &profile, 0, "least")));
    let mut known = 0;
    for ((amount, top), least) in amounts.iter().zip(&top).zip(&least) {
        let (Some(top), Some(least)) = (top, least) else {
            assert_eq!(*amount, None);
            continue;
        };
        // 0.13 top − least / 3, in fen; the division is cut at ten decimals, so only an exact half can differ.
        let exact = *top as f64 * 0.13 - *least as f64 / 3.0;
        assert!((amount.unwrap() as f64 - exact).abs() <= 0.5001, "{amount:?} {exact}");
        known += 1;
    }
    assert!(known > 5);
    assert_eq!(column(&compiled.amount.clone().unwrap()).data_type(), &DataType::Decimal128(18, 2));
    assert!(column(&compiled.applies).as_boolean().is_null(12) || value[12].is_none());
}

#[tokio::test]
async fn equal_facts_and_windows_are_computed_once() {
    let ctx = context(&world());
    let (catalogue, _) =
        catalogue(&[facts_definition("X01", ""), facts_definition("X02", ""), facts_definition("X03", "")]);
    let profile = compile(&ctx, &catalogue, &[], 202002).await.unwrap();
    let [a, b, _] = profile.layout.indicators.as_slice() else { panic!("three indicators") };
    assert_eq!(a.facts, b.facts);
    let plans = profile.sources.iter().map(|source| source.frame.clone().into_optimized_plan().unwrap());
    let plan: String = plans.map(|plan| plan.display_indent().to_string() + "\n").collect();
    assert_eq!(plan.matches("TableScan: rollup_sold").count(), 1, "{plan}");
    assert_eq!(plan.matches("TableScan: rollup_bought").count(), 1, "{plan}");
    assert_eq!(plan.matches("TableScan: rollup_trade").count(), 1, "{plan}");
    // Sums over 12 months (invoices, voids, the case), over the 12 before, and over 3 months of purchases.
    let sums: usize =
        plan.lines().filter(|l| l.contains("Aggregate: groupBy")).map(|l| l.matches("sum(").count()).sum();
    assert_eq!(sums, 5, "{plan}");
}

#[tokio::test]
async fn coarser_grains_read_the_last_complete_span_and_lines_have_dates() {
    let world = world();
    let ctx = context(&world);
    let dated = "[[lines]]\nop = \">=\"\nvalue = 1.0\nsource = \"D\"\nfrom = 2019-01-01\nto = 2019-12-31\n";
    let facts = "n = { expr = \"trailing(sold_n, 3)\", unit = \"count\", zh = \"数\", en = \"n\" }\nc = { expr = \"customers_12\", unit = \"count\", zh = \"数\", en = \"n\" }";
    let value = "value = \"n + c\"\ngrain = \"quarter\"";
    let (catalogue, _) = catalogue(&[
        definition("Q01", value, facts, dated),
        definition("M01", "value = \"n + c\"", facts, dated),
    ]);
    let profile = compile(&ctx, &catalogue, &[], 202002).await.unwrap();
    assert_eq!(profile.layout.not_in_force, ["M01"]);
    assert_eq!(profile.layout.indicators[0].as_of, 201912);
    let batch = collect(&profile).await;
    let expected: Vec<Option<i64>> =
        world.values().map(|m| total(months(m, 201910, 201912).map(|x| Some(x.0)))).collect();
    assert_eq!(ints(fact(&batch, &profile, 0, "n")), expected);
    assert!(matches!(compile(&ctx, &catalogue, &[], 202013).await, Err(CompileError::NotAMonth(202013))));
    let unknown = compile(&ctx, &catalogue, &["Q02".to_owned()], 202002).await.unwrap_err().to_string();
    assert!(unknown.contains("Q02") && unknown.contains("`Q01`"), "{unknown}");
}

#[tokio::test]
async fn a_double_is_not_summed() {
    let ctx = context(&world());
    let facts = "n = { expr = \"trailing(sqrt(sold_n), 3)\", unit = \"ratio\", zh = \"数\", en = \"n\" }";
    let (catalogue, _) = catalogue(&[definition("X01", "value = \"n\"", facts, LINE)]);
    let error = compile(&ctx, &catalogue, &[], 202002).await.unwrap_err().to_string();
    assert!(error.contains("depends on the order of adding") && error.contains("DECIMAL"), "{error}");
}

#[tokio::test]
async fn hundreds_of_indicators_are_planned_quickly() {
    let ctx = context(&world());
    let texts: Vec<String> = (0..300)
        .map(|n| {
            let facts = format!(
                "a = {{ expr = \"trailing(sold_void_n, {})\", unit = \"count\", zh = \"数\", en = \"n\" }}\n\
                 b = {{ expr = \"trailing(sold_n + {n}, 12)\", unit = \"count\", zh = \"数\", en = \"n\" }}\n\
                 c = {{ expr = \"trailing(case when sold_n >= {n} and sold_void_n > 1 then sold_amount end, 12)\", unit = \"money\", zh = \"数\", en = \"n\" }}",
                n % 36 + 1
            );
            definition(&format!("X{n:03}"), "value = \"a / b\"\napplies = \"b > 0 and c > 0\"\namount = \"c * 0.13\"", &facts, LINE)
        })
        .collect();
    let (catalogue, problems) = catalogue(&texts);
    assert!(problems.is_empty());
    let start = Instant::now();
    let profile = compile(&ctx, &catalogue, &[], 202002).await.unwrap();
    let compiled = start.elapsed();
    let rows = collect(&profile).await.num_rows();
    println!("300 indicators: compiled in {compiled:?}, planned and run in {:?}", start.elapsed() - compiled);
    assert_eq!(rows, 13);
    // Generous: the machine may be busy. Without shared aggregates and API-built plans it takes minutes.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}
