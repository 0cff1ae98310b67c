//! Scalar functions: constants, columns, nulls, types, errors.

use crate::{failure, shown};

#[tokio::test]
async fn identities() {
    insta::assert_snapshot!(shown(
        "SELECT id, uscc_valid(id) AS uscc, uscc_valid(arrow_cast(id, 'Utf8View')) AS view,
            uscc_valid(arrow_cast(id, 'LargeUtf8')) AS large,
            uscc_valid(arrow_cast(id, 'Dictionary(Int32, Utf8)')) AS dict, resident_id_valid(id) AS resident
         FROM (VALUES ('91350100M000100Y43'), ('91350100M000100Y44'), (NULL), (''), ('E1'), ('11010519491231002X'))
            AS t(id)"
    )
    .await, @r#"
        +--------------------+-------+-------+-------+-------+----------+
        | id                 | uscc  | view  | large | dict  | resident |
        +--------------------+-------+-------+-------+-------+----------+
        | 91350100M000100Y43 | true  | true  | true  | true  | false    |
        | 91350100M000100Y44 | false | false | false | false | false    |
        |                    |       |       |       |       |          |
        |                    | false | false | false | false | false    |
        | E1                 | false | false | false | false | false    |
        | 11010519491231002X | false | false | false | false | true     |
        +--------------------+-------+-------+-------+-------+----------+
        "#);
}

#[tokio::test]
async fn period_arithmetic() {
    insta::assert_snapshot!(shown(
        "SELECT p, period_add(p, -11) AS a, period_diff(202506, p) AS d, period_start(p) AS first, period_end(p) AS last
         FROM (VALUES (202506), (202402), (202302), (202412), (202513), (NULL)) AS t(p)"
    )
    .await, @r#"
        +--------+--------+----+------------+------------+
        | p      | a      | d  | first      | last       |
        +--------+--------+----+------------+------------+
        | 202506 | 202407 | 0  | 2025-06-01 | 2025-06-30 |
        | 202402 | 202303 | 16 | 2024-02-01 | 2024-02-29 |
        | 202302 | 202203 | 28 | 2023-02-01 | 2023-02-28 |
        | 202412 | 202401 | 6  | 2024-12-01 | 2024-12-31 |
        | 202513 |        |    |            |            |
        |        |        |    |            |            |
        +--------+--------+----+------------+------------+
        "#);
}

#[tokio::test]
async fn periods_of_dates_and_timestamps_of_any_unit() {
    insta::assert_snapshot!(shown(
        "SELECT period_of(day) AS day, period_of(arrow_cast(day, 'Timestamp(s)')) AS s,
            period_of(arrow_cast(day, 'Timestamp(ms)')) AS ms, period_of(arrow_cast(day, 'Timestamp(µs)')) AS us,
            period_of(arrow_cast(day, 'Timestamp(ns)')) AS ns, period_of(arrow_cast(day, 'Date64')) AS d64
         FROM (VALUES (DATE '2025-06-30'), (DATE '1969-12-31'), (DATE '2024-02-29'), (NULL)) AS t(day)"
    )
    .await, @r#"
        +--------+--------+--------+--------+--------+--------+
        | day    | s      | ms     | us     | ns     | d64    |
        +--------+--------+--------+--------+--------+--------+
        | 202506 | 202506 | 202506 | 202506 | 202506 | 202506 |
        | 196912 | 196912 | 196912 | 196912 | 196912 | 196912 |
        | 202402 | 202402 | 202402 | 202402 | 202402 | 202402 |
        |        |        |        |        |        |        |
        +--------+--------+--------+--------+--------+--------+
        "#);
}

#[tokio::test]
async fn constants_are_folded_so_that_partitions_can_be_pruned() {
    let plan =
        shown("EXPLAIN SELECT * FROM (VALUES (202501)) AS t(period) WHERE period >= period_add(202506, -11)")
            .await;
    assert!(plan.contains("202407"), "{plan}");
    assert!(!plan.contains("period_add"), "{plan}");
}

#[tokio::test]
async fn order_by_day_is_order_by_period() {
    let session = crate::session(1);
    let plan = crate::query(
        &session,
        "EXPLAIN SELECT period_of(day) AS p FROM (SELECT day FROM (VALUES (DATE '2025-01-01'), (DATE '2024-01-01')) AS t(day) ORDER BY day LIMIT 10) ORDER BY p",
    )
    .await;
    let plan = arrow::util::pretty::pretty_format_batches(&plan).unwrap().to_string();
    let physical = plan.split("physical_plan").nth(1).unwrap();
    assert_eq!(physical.matches("SortExec").count(), 1, "{plan}");
}

#[tokio::test]
async fn benford() {
    insta::assert_snapshot!(shown(
        "SELECT round(benford_chi2(d1, 18, 12, 10, 8, 7, 6, 5, 5), 6) AS chi2
         FROM (VALUES (30), (0), (-1), (NULL)) AS t(d1)
         UNION ALL SELECT benford_chi2(0, 0, 0, 0, 0, 0, 0, 0, 0) ORDER BY chi2"
    )
    .await, @r#"
        +-----------+
        | chi2      |
        +-----------+
        | 0.091149  |
        | 30.696771 |
        |           |
        |           |
        |           |
        +-----------+
        "#);
}

#[tokio::test]
async fn benford_agrees_with_sql() {
    let difference = shown(
        "WITH counts AS (SELECT value AS n, value % 7 AS a, value % 11 AS b, value % 3 AS c FROM range(1, 500)),
         long AS (SELECT n, unnest(range(1, 10)) AS d FROM counts),
         naive AS (
            SELECT n, sum(power(seen - log10(1 + 1.0 / d) * total, 2) / (log10(1 + 1.0 / d) * total)) AS chi2
            FROM (SELECT n, d, CASE d WHEN 1 THEN a WHEN 2 THEN b WHEN 3 THEN c WHEN 4 THEN a ELSE 1 END AS seen,
                    a + b + c + a + 5 AS total
                  FROM long JOIN counts USING (n))
            GROUP BY n)
         SELECT count(*) AS wrong FROM naive JOIN counts USING (n)
         WHERE abs(chi2 - benford_chi2(a, b, c, a, 1, 1, 1, 1, 1)) > 1e-9 * (1 + chi2)",
    )
    .await;
    assert!(difference.contains("| 0     |"), "{difference}");
}

#[tokio::test]
async fn wrong_arguments_are_explained() {
    for (call, part) in [
        ("uscc_valid(5)", "takes text, not Int64"),
        ("uscc_valid('a', 'b')", "takes 1 arguments, not 2"),
        ("period_add('202506', 1)", "takes integers such as 202506"),
        ("period_add(202506)", "takes 2 arguments, not 1"),
        ("period_of('2025-06-01')", "cast it to date first"),
        ("benford_chi2(1, 2)", "takes 9 arguments, not 2"),
        ("benford_chi2(1, 2, 3, 'x', 5, 6, 7, 8, 9)", "the count of digit 4 must be a number"),
        ("top_sum(1, 2.0, 0)", "k must be a constant of 1 or more"),
        ("top_sum(1, 2.0, 'x')", "k must be a whole number"),
        ("hhi(1, 'x')", "the amount must be"),
        ("hhi([1], 2)", "the key must be a number or text"),
        ("hhi(DISTINCT 1, 2)", "does not take DISTINCT"),
        ("checked_sum(0.5)", "cast to decimal(18,2) first"),
    ] {
        let error = failure(&format!("SELECT {call}")).await;
        assert!(error.contains(part), "{call}: {error}");
    }
    let error = failure("SELECT top_sum(value, 1, value) FROM range(3)").await;
    assert!(error.contains("k must be a constant"), "{error}");
}

#[tokio::test]
async fn unicode_names_and_any_case() {
    insta::assert_snapshot!(shown(
        r#"SELECT T.税额 * 2 AS 两倍, Sum(t.税额) OVER () AS "合计 (元)", USCC_VALID('E1') AS ok
           FROM (VALUES (1), (2)) AS t(税额) WHERE 税额 > 0 ORDER BY 两倍"#
    )
    .await, @r#"
        +------+-----------+-------+
        | 两倍 | 合计 (元) | ok    |
        +------+-----------+-------+
        | 2    | 3         | false |
        | 4    | 3         | false |
        +------+-----------+-------+
        "#);
}

#[tokio::test]
async fn functions_are_listed() {
    let names = [
        "uscc_valid",
        "resident_id_valid",
        "period_add",
        "period_diff",
        "period_of",
        "period_start",
        "period_end",
        "benford_chi2",
        "hhi",
        "top_sum",
        "checked_sum",
    ];
    let listed = shown("SELECT DISTINCT routine_name, description FROM information_schema.routines").await;
    for name in names {
        let row = listed.lines().find(|line| line.starts_with(&format!("| {name} ")));
        let description = row.and_then(|row| row.split('|').nth(2)).map_or("", str::trim);
        assert!(!description.is_empty(), "{name} is not listed with a description");
    }
}
