//! What DataFusion 55.2 gets wrong and our session must not: pinned, so that an upgrade shows.

use arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::SessionContext;

use crate::{failure, query, session, shown};

/// Nullable columns: with required ones the bug does not show.
const INVOICES: &str = "CREATE TABLE invoice AS SELECT seller, status, amount::decimal(18,2) AS amount, tax::decimal(18,2) AS tax
    FROM (VALUES
        (1, 'void', '100.00', '13.00'),
        (1, 'valid', '200.00', '26.00'),
        (1, NULL, '50.00', NULL),
        (2, 'void', NULL, '1.00'),
        (2, 'void', '70.00', '9.10')) AS t(seller, status, amount, tax)";

/// The same CASE in several aggregates of one query (apache/datafusion #25369): the logical planner knows from the
/// guard that the branch is not null, the physical one does not, and their schemas are compared.
const REPEATED: [&str; 6] = [
    "SELECT sum(CASE WHEN tax > 1 AND amount > 0 THEN tax ELSE 0 END) AS a, max(CASE WHEN tax > 1 AND amount > 0 THEN tax ELSE 0 END) AS b FROM invoice",
    "SELECT seller, sum(CASE WHEN tax > 1 AND amount > 0 THEN tax ELSE 0 END) AS a, avg(CASE WHEN tax > 1 AND amount > 0 THEN tax ELSE 0 END) AS b FROM invoice GROUP BY seller ORDER BY seller",
    "SELECT seller, sum(x) AS a, count(*) FILTER (WHERE x > 10) AS b FROM (SELECT seller, CASE WHEN tax > 1 AND status = 'void' THEN tax ELSE 0 END AS x FROM invoice) GROUP BY seller ORDER BY seller",
    "SELECT sum(CASE WHEN (CASE WHEN tax > 1 AND amount < 150 THEN tax ELSE 0 END) BETWEEN 5 AND 20 THEN 1 ELSE 0 END) AS a FROM invoice",
    "SELECT seller, sum(tax) FILTER (WHERE status = 'void' AND amount > 0) AS a, count(*) FILTER (WHERE status = 'void' AND amount > 0) AS b FROM invoice GROUP BY seller ORDER BY seller",
    "SELECT seller, sum(CASE WHEN status = 'void' AND amount > 0 THEN tax END) AS a, max(CASE WHEN status = 'void' AND amount > 0 THEN tax END) AS b FROM invoice GROUP BY seller ORDER BY seller",
];

#[tokio::test]
async fn repeated_case_over_nullable_columns_is_right() {
    let context = session(2);
    query(&context, INVOICES).await;
    let mut results = String::new();
    for sql in REPEATED {
        let rows = query(&context, sql).await;
        results.push_str(&pretty_format_batches(&rows).unwrap().to_string());
        results.push('\n');
    }
    insta::assert_snapshot!(results, @r#"
        +-------+-------+
        | a     | b     |
        +-------+-------+
        | 48.10 | 26.00 |
        +-------+-------+
        +--------+-------+-----------+
        | seller | a     | b         |
        +--------+-------+-----------+
        | 1      | 39.00 | 13.000000 |
        | 2      | 9.10  | 4.550000  |
        +--------+-------+-----------+
        +--------+-------+---+
        | seller | a     | b |
        +--------+-------+---+
        | 1      | 13.00 | 1 |
        | 2      | 9.10  | 0 |
        +--------+-------+---+
        +---+
        | a |
        +---+
        | 2 |
        +---+
        +--------+-------+---+
        | seller | a     | b |
        +--------+-------+---+
        | 1      | 13.00 | 1 |
        | 2      | 9.10  | 1 |
        +--------+-------+---+
        +--------+-------+-------+
        | seller | a     | b     |
        +--------+-------+-------+
        | 1      | 13.00 | 13.00 |
        | 2      | 9.10  | 9.10  |
        +--------+-------+-------+
        "#);
}

/// Shows when the setting is no longer needed: then take it out of the session.
#[tokio::test]
async fn plain_datafusion_still_refuses_it() {
    let context = SessionContext::new();
    query(&context, INVOICES).await;
    let refused = async |sql: &str| match context.sql(sql).await {
        Ok(frame) => frame.collect().await.is_err(),
        Err(_) => true,
    };
    let mut count = 0;
    for sql in REPEATED {
        count += usize::from(refused(sql).await);
    }
    assert!(
        count >= 3,
        "{count} refused: DataFusion plans repeated CASE now, skip_physical_aggregate_schema_check can go"
    );
}

#[tokio::test]
async fn money_sums_exactly() {
    insta::assert_snapshot!(shown(
        "SELECT arrow_typeof(sum(m)) AS type, sum(m) AS total, checked_sum(m) AS checked
         FROM (SELECT '9999999999999999.99'::decimal(18,2) AS m FROM range(1000)
               UNION ALL SELECT '0.01'::decimal(18,2) FROM range(1000))"
    )
    .await, @r#"
        +-------------------+-------------------------+-------------------------+
        | type              | total                   | checked                 |
        +-------------------+-------------------------+-------------------------+
        | Decimal128(28, 2) | 10000000000000000000.00 | 10000000000000000000.00 |
        +-------------------+-------------------------+-------------------------+
        "#);
}

/// Plain `sum` wraps; `checked_sum` says so. Should `sum` begin to fail, `checked_sum` has done its work.
#[tokio::test]
async fn overflow_is_an_error_not_a_negative_number() {
    let nines = format!("SELECT arrow_cast('{}', 'Decimal128(38, 0)') AS m FROM range(3)", "9".repeat(38));
    let wrapped = shown(&format!("SELECT sum(m) < 0 AS wrapped FROM ({nines})")).await;
    assert!(wrapped.contains("true"), "sum no longer wraps: {wrapped}");
    for grouping in ["", "GROUP BY m"] {
        let error = failure(&format!("SELECT checked_sum(m) FROM ({nines}) {grouping}")).await;
        assert!(error.contains("does not fit decimal(38,0)"), "{error}");
    }
}

#[tokio::test]
async fn settings_are_as_decided() {
    insta::assert_snapshot!(shown(
        "SELECT name, value FROM information_schema.df_settings WHERE name IN (
            'datafusion.execution.target_partitions', 'datafusion.execution.batch_size',
            'datafusion.execution.skip_physical_aggregate_schema_check', 'datafusion.execution.spill_compression',
            'datafusion.sql_parser.parse_float_as_decimal', 'datafusion.sql_parser.enable_ident_normalization',
            'datafusion.execution.parquet.pushdown_filters', 'datafusion.execution.parquet.pruning',
            'datafusion.execution.parquet.enable_page_index', 'datafusion.execution.parquet.bloom_filter_on_read',
            'datafusion.execution.parquet.compression', 'datafusion.execution.parquet.statistics_enabled')
         ORDER BY name"
    )
    .await, @r#"
        +-----------------------------------------------------------+-----------+
        | name                                                      | value     |
        +-----------------------------------------------------------+-----------+
        | datafusion.execution.batch_size                           | 64        |
        | datafusion.execution.parquet.bloom_filter_on_read         | true      |
        | datafusion.execution.parquet.compression                  | zstd(1)   |
        | datafusion.execution.parquet.enable_page_index            | true      |
        | datafusion.execution.parquet.pruning                      | true      |
        | datafusion.execution.parquet.pushdown_filters             | false     |
        | datafusion.execution.parquet.statistics_enabled           | page      |
        | datafusion.execution.skip_physical_aggregate_schema_check | true      |
        | datafusion.execution.spill_compression                    | lz4_frame |
        | datafusion.execution.target_partitions                    | 2         |
        | datafusion.sql_parser.enable_ident_normalization          | true      |
        | datafusion.sql_parser.parse_float_as_decimal              | false     |
        +-----------------------------------------------------------+-----------+
        "#);
}

/// Which side of a cross join is held: the first child of the operator. A million rows on it come out as a million batches.
#[tokio::test]
async fn few_rows_crossed_with_many_stand_on_the_side_that_is_held() {
    let context = session(2);
    query(&context, "CREATE TABLE firm AS SELECT value AS firm FROM generate_series(1, 5000)").await;
    // Nothing is known of how many rows these are.
    let firm = "(SELECT firm, count(*) AS c FROM firm WHERE firm > 0 GROUP BY firm) AS firm";
    let one = "(SELECT count(*) AS n FROM firm) AS loaded";
    let few = "(SELECT 0 AS back UNION ALL SELECT 1 UNION ALL SELECT 2) AS m";
    for (sql, sum) in [
        (format!("SELECT sum(firm + n) FROM {firm} CROSS JOIN {one}"), "37502500"),
        (format!("SELECT sum(firm + n) FROM {one} CROSS JOIN {firm}"), "37502500"),
        (format!("SELECT sum(firm * back) FROM {firm} CROSS JOIN {few}"), "37507500"),
        (format!("SELECT sum(firm * back + n) FROM {firm} CROSS JOIN {one} CROSS JOIN {few}"), "112507500"),
        (format!("SELECT sum(firm) FROM {firm} JOIN {one} ON firm * 2 > n"), "9376250"),
    ] {
        let found = pretty_format_batches(&query(&context, &sql).await).unwrap().to_string();
        assert!(found.contains(sum), "{sql}: {found}");
        let plan = context.sql(&sql).await.unwrap().create_physical_plan().await.unwrap();
        let plan = datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string();
        let lines: Vec<&str> = plan.lines().collect();
        let deep = |line: &str| line.len() - line.trim_start().len();
        for (at, join) in lines.iter().enumerate().filter(|(_, line)| line.contains("JoinExec")) {
            let mut below = lines[at + 1..].iter().take_while(|line| deep(line) > deep(join));
            let held: Vec<&str> = {
                let first = deep(lines[at + 1]);
                let mut held = vec![*below.next().unwrap()];
                held.extend(below.take_while(|line| deep(line) > first).copied());
                held
            };
            let few =
                held.iter().any(|line| line.contains("AggregateExec") || line.contains("PlaceholderRowExec"));
            assert!(few, "{sql}\n{plan}");
        }
    }
}
