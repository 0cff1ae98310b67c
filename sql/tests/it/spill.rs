//! Memory is bounded: what does not fit goes to disk and comes back the same.

use assay_sql::{SessionOptions, new_session};
use datafusion::physical_plan::{ExecutionPlan, collect};

use crate::query;

/// Spilled bytes of a plan and everything below it.
fn spilled(plan: &dyn ExecutionPlan) -> usize {
    let own = plan.metrics().and_then(|metrics| metrics.spilled_bytes()).unwrap_or(0);
    own + plan.children().iter().map(|child| spilled(child.as_ref())).sum::<usize>()
}

#[tokio::test]
async fn large_aggregations_and_sorts_spill_to_the_named_directory() {
    let directory = tempfile::tempdir().unwrap();
    let small = new_session(&SessionOptions {
        threads: 2,
        memory_bytes: 64 << 20,
        spill_dir: Some(directory.path().join("made on the way")),
        batch_size: 8192,
        ..SessionOptions::default()
    })
    .unwrap();
    let sql = "SELECT g, top_sum(k, v, 2) AS t, hhi(k, v) AS h, checked_sum(v) AS c, count(*) AS n
        FROM (SELECT value % 300000 AS g, value % 11 AS k, (value % 1000)::decimal(18,2) AS v FROM range(1000000))
        GROUP BY g ORDER BY t DESC, g";
    let plan = small.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    let results = collect(std::sync::Arc::clone(&plan), small.task_ctx()).await.unwrap();
    assert!(spilled(plan.as_ref()) > 0, "nothing was spilled: the test needs more rows");
    let roomy =
        new_session(&SessionOptions { threads: 1, memory_bytes: 2 << 30, ..SessionOptions::default() })
            .unwrap();
    let expected = query(&roomy, sql).await;
    let schema = expected[0].schema();
    let one =
        |batches: &[arrow::array::RecordBatch]| arrow::compute::concat_batches(&schema, batches).unwrap();
    assert_eq!(one(&results), one(&expected));
    assert!(directory.path().join("made on the way").is_dir());
}
