//! Aggregates against the same thing in plain SQL, for any number of partitions.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;

use crate::{failure, query, session, shown};

/// Trades of 40 sellers with up to 25 buyers, in seven partitions; with nulls, reversals and cents.
fn trades(context: &SessionContext) {
    let mut state = 7_u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let partitions = (0..7).map(|_| {
        let rows: Vec<(i64, Option<i64>, Option<i128>)> = (0..400)
            .map(|_| {
                let buyer = (next(20) > 0).then(|| next(25) as i64);
                let amount = (next(20) > 0).then(|| i128::from(next(10_000_000)) - 2_000_000);
                (next(40) as i64, buyer, amount)
            })
            .collect();
        let amounts: Decimal128Array = rows.iter().map(|row| row.2).collect();
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("seller", Arc::new(rows.iter().map(|row| Some(row.0)).collect::<Int64Array>())),
            ("buyer", Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>())),
            (
                "buyer_id",
                Arc::new(rows.iter().map(|row| row.1.map(|b| format!("E{b}"))).collect::<StringArray>()),
            ),
            ("amount", Arc::new(amounts.with_precision_and_scale(18, 2).unwrap())),
            (
                "ratio",
                Arc::new(rows.iter().map(|row| row.2.map(|a| a as f64 / 3.0)).collect::<Float64Array>()),
            ),
        ];
        RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, column)| (name, column, true)),
        )
        .unwrap()
    });
    let partitions: Vec<Vec<RecordBatch>> = partitions.map(|batch| vec![batch]).collect();
    let table = MemTable::try_new(partitions[0][0].schema(), partitions).unwrap();
    context.register_table("trade", Arc::new(table)).unwrap();
}

async fn over_trades(threads: usize, sql: &str) -> String {
    let context = session(threads);
    trades(&context);
    pretty_format_batches(&query(&context, sql).await).unwrap().to_string()
}

/// A count of disagreements is zero.
async fn agree(sql: &str) {
    for threads in [1, 4] {
        let table = over_trades(threads, sql).await;
        assert!(table.contains("| 40     | 0     |"), "{threads} threads\n{table}");
    }
}

#[tokio::test]
async fn top_sum_agrees_with_row_number() {
    agree(
        "WITH naive AS (
            SELECT seller, sum(total) AS top3 FROM (
                SELECT seller, sum(amount) AS total, row_number() OVER (PARTITION BY seller ORDER BY sum(amount) DESC) AS place
                FROM trade WHERE buyer IS NOT NULL AND amount IS NOT NULL GROUP BY seller, buyer)
            WHERE place <= 3 GROUP BY seller)
         SELECT count(*) AS groups, sum(CASE WHEN n.top3 = a.k AND n.top3 = a.t THEN 0 ELSE 1 END) AS wrong
         FROM naive n JOIN (SELECT seller, top_sum(buyer, amount, 3) AS k, top_sum(buyer_id, amount, 3) AS t
                            FROM trade GROUP BY seller) a USING (seller)",
    )
    .await;
}

#[tokio::test]
async fn hhi_agrees_with_shares() {
    agree(
        "WITH totals AS (
            SELECT seller, buyer, sum(amount)::double AS total FROM trade WHERE buyer IS NOT NULL GROUP BY seller, buyer
            HAVING sum(amount) > 0),
         naive AS (
            SELECT t.seller, sum(power(t.total / w.whole, 2)) AS hhi
            FROM totals t JOIN (SELECT seller, sum(total) AS whole FROM totals GROUP BY seller) w ON t.seller = w.seller
            GROUP BY t.seller)
         SELECT count(*) AS groups,
            sum(CASE WHEN abs(n.hhi - a.k) < 1e-12 AND abs(n.hhi - a.d) < 1e-12 AND a.k = a.t THEN 0 ELSE 1 END) AS wrong
         FROM naive n JOIN (SELECT seller, hhi(buyer, amount) AS k, hhi(buyer_id, amount) AS t, hhi(buyer, ratio) AS d
                            FROM trade GROUP BY seller) a USING (seller)",
    )
    .await;
}

#[tokio::test]
async fn checked_sum_agrees_with_sum() {
    agree(
        "SELECT count(*) AS groups, sum(CASE WHEN c = s THEN 0 ELSE 1 END) AS wrong
         FROM (SELECT seller, checked_sum(amount) AS c, sum(amount) AS s FROM trade GROUP BY seller)",
    )
    .await;
}

#[tokio::test]
async fn partitions_do_not_show() {
    for sql in [
        "SELECT seller, hhi(buyer, amount), hhi(buyer_id, ratio), top_sum(buyer, ratio, 4), top_sum(buyer, amount, 2),
            checked_sum(amount) FILTER (WHERE buyer > 3), hhi(buyer, amount) FILTER (WHERE amount > 0)
         FROM trade GROUP BY seller ORDER BY seller",
        "SELECT hhi(buyer, ratio), hhi(buyer_id, amount), top_sum(buyer, ratio, 4), checked_sum(amount) FROM trade",
    ] {
        let alone = over_trades(1, sql).await;
        for threads in [2, 3, 8] {
            assert_eq!(over_trades(threads, sql).await, alone, "{threads} partitions");
        }
    }
}

#[tokio::test]
async fn sorted_input_streams_with_the_same_result() {
    let hashed = "SELECT seller, hhi(buyer_id, amount) AS h, top_sum(buyer_id, amount, 3) AS t, checked_sum(amount) AS s
        FROM trade GROUP BY seller ORDER BY seller";
    let sorted = hashed.replace("FROM trade", "FROM (SELECT * FROM trade ORDER BY seller LIMIT 100000)");
    let plan = over_trades(1, &format!("EXPLAIN {sorted}")).await;
    assert!(plan.contains("ordering_mode=Sorted"), "{plan}");
    assert_eq!(over_trades(1, &sorted).await, over_trades(1, hashed).await);
}

#[tokio::test]
async fn many_groups_skip_partial_aggregation() {
    let context = session(3);
    // A group a row: after the first rows DataFusion converts rows to states instead of aggregating them.
    query(&context, "SET datafusion.execution.skip_partial_aggregation_probe_rows_threshold = 100").await;
    let wrong = query(
        &context,
        "SELECT count(*) AS groups, sum(CASE WHEN t = v AND h = 1 AND c = v THEN 0 ELSE 1 END) AS wrong FROM (
            SELECT g, max(v) AS v, top_sum(k, v, 2) AS t, hhi(k, v) AS h, checked_sum(v) AS c FROM (
                SELECT value AS g, value % 7 AS k, (value + 1)::decimal(18,2) AS v FROM range(5000)) GROUP BY g)",
    )
    .await;
    let table = pretty_format_batches(&wrong).unwrap().to_string();
    assert!(table.contains("| 5000   | 0     |"), "{table}");
}

#[tokio::test]
async fn types_and_emptiness() {
    insta::assert_snapshot!(shown(
        "SELECT arrow_typeof(top_sum(k, m, 2)) AS dec, arrow_typeof(top_sum(k, d, 2)) AS dbl,
            arrow_typeof(top_sum(k, v, 2)) AS int, arrow_typeof(checked_sum(m)) AS sum, arrow_typeof(hhi(k, v)) AS hhi
         FROM (SELECT k, v, v::decimal(18,2) AS m, v::double AS d FROM (VALUES (1, 2)) AS t(k, v))"
    )
    .await, @r#"
        +-------------------+---------+-------+-------------------+---------+
        | dec               | dbl     | int   | sum               | hhi     |
        +-------------------+---------+-------+-------------------+---------+
        | Decimal128(28, 2) | Float64 | Int64 | Decimal128(28, 2) | Float64 |
        +-------------------+---------+-------+-------------------+---------+
        "#);
    insta::assert_snapshot!(shown(
        "SELECT 'no rows' AS case, hhi(k, v) AS hhi, top_sum(k, v, 2) AS top, checked_sum(v) AS sum FROM (VALUES (1, 2)) AS t(k, v) WHERE v > 5
         UNION ALL
         SELECT 'null amount', hhi(k, v), top_sum(k, v, 2), checked_sum(v) FROM (VALUES (NULL, 2), (1, NULL)) AS t(k, v) WHERE v IS NULL
         UNION ALL
         SELECT 'null key', hhi(k, v), top_sum(k, v, 2), checked_sum(v) FROM (VALUES (NULL, 2)) AS t(k, v)
         UNION ALL
         SELECT 'negative', hhi(k, v), top_sum(k, v, 2), checked_sum(v) FROM (VALUES (NULL, NULL), (1, -2)) AS t(k, v)
         ORDER BY case"
    )
    .await, @r#"
        +-------------+-----+-----+-----+
        | case        | hhi | top | sum |
        +-------------+-----+-----+-----+
        | negative    |     | -2  | -2  |
        | no rows     |     |     |     |
        | null amount |     |     |     |
        | null key    |     |     | 2   |
        +-------------+-----+-----+-----+
        "#);
}

#[tokio::test]
async fn keys_of_any_plain_type() {
    insta::assert_snapshot!(shown(
        "SELECT hhi(k, 1) AS int, hhi(b, 1) AS bool, hhi(m, 1) AS dec, hhi(DATE '2025-01-01', 1) AS day, hhi(u, 1) AS unsigned,
            hhi(d, 1) AS dict
         FROM (SELECT k, k > 1 AS b, k::decimal(5,1) AS m, arrow_cast(k, 'UInt64') AS u,
                arrow_cast(k::text, 'Dictionary(Int32, Utf8)') AS d FROM (VALUES (1), (2), (3), (4)) AS t(k))"
    )
    .await, @r#"
        +------+-------+------+-----+----------+------+
        | int  | bool  | dec  | day | unsigned | dict |
        +------+-------+------+-----+----------+------+
        | 0.25 | 0.625 | 0.25 | 1.0 | 0.25     | 0.25 |
        +------+-------+------+-----+----------+------+
        "#);
}

#[tokio::test]
async fn running_windows() {
    insta::assert_snapshot!(shown(
        "SELECT k, top_sum(k, v, 1) OVER (ORDER BY k) AS top, checked_sum(v) OVER (ORDER BY k) AS sum, hhi(k, v) OVER (ORDER BY k) AS hhi
         FROM (VALUES (1, 10), (2, 30), (3, 20)) AS t(k, v) ORDER BY k"
    )
    .await, @r#"
        +---+-----+-----+--------------------+
        | k | top | sum | hhi                |
        +---+-----+-----+--------------------+
        | 1 | 10  | 10  | 1.0                |
        | 2 | 30  | 40  | 0.625              |
        | 3 | 30  | 60  | 0.3888888888888889 |
        +---+-----+-----+--------------------+
        "#);
}

#[tokio::test]
async fn what_cannot_be_summed_is_said() {
    let error = failure("SELECT hhi(1, 'NaN'::double)").await;
    assert!(error.contains("not a finite number"), "{error}");
    let error = failure("SELECT top_sum(k, 9223372036854775807, 2) FROM (VALUES (1), (2)) AS t(k)").await;
    assert!(error.contains("does not fit a 64-bit integer"), "{error}");
}
