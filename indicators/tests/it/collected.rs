//! A profile put together in memory, by taxpayer key.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use assay_indicators::Profile;
use datafusion::prelude::{DataFrame, col};

async fn rows(frame: &DataFrame) -> RecordBatch {
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let batches = frame.clone().collect().await.unwrap();
    concat_batches(&batches.first().map_or(schema, RecordBatch::schema), &batches).unwrap()
}

fn keys(batch: &RecordBatch) -> Vec<Option<i64>> {
    batch.column_by_name("taxpayer_key").unwrap().as_primitive::<Int64Type>().iter().collect()
}

pub async fn collect(profile: &Profile) -> RecordBatch {
    let taxpayers = profile.taxpayers.clone().sort_by(vec![col("taxpayer_key")]).unwrap();
    let taxpayers = rows(&taxpayers).await;
    let mut sources = Vec::new();
    for source in &profile.sources {
        let found = rows(&source.frame).await;
        let stands: HashMap<Option<i64>, u32> = keys(&found).into_iter().zip(0..).collect();
        assert_eq!(stands.len(), found.num_rows(), "{} has one row a taxpayer", source.name);
        let at: UInt32Array = keys(&taxpayers).iter().map(|key| stands.get(key).copied()).collect();
        sources.push((found, at));
    }
    let inputs = profile.evaluation.inputs(&taxpayers, &sources).unwrap();
    profile.evaluation.evaluate(&inputs, |_| true).unwrap()
}
