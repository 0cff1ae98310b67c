//! A rule of the physical planner: where a few rows are crossed with many, the few stand on the side that is held. DataFusion gives out
//! a batch for each row it holds, so that a million taxpayers beside one row of a condition («is the table loaded at all») came as
//! a million batches of one row. It swaps sides by statistics, which our tables and what is made of them do not have.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::logical_expr::JoinType;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{CrossJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;

/// The rule after which it comes: partitions are laid out after both.
const AFTER: &str = "join_selection";

/// The rules of a session: DataFusion's own, and this one among them.
pub(crate) fn rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::default().rules;
    let place = rules.iter().position(|rule| rule.name() == AFTER).map_or(0, |place| place + 1);
    rules.insert(place, Arc::new(FewRowsFirst));
    rules
}

#[derive(Debug)]
struct FewRowsFirst;

impl PhysicalOptimizerRule for FewRowsFirst {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let swapped =
                match (node.downcast_ref::<CrossJoinExec>(), node.downcast_ref::<NestedLoopJoinExec>()) {
                    (Some(join), _) if fewer(join.right(), join.left()) => Some(join.swap_inputs()?),
                    (_, Some(join))
                        if *join.join_type() == JoinType::Inner && fewer(join.right(), join.left()) =>
                    {
                        Some(join.swap_inputs()?)
                    }
                    _ => None,
                };
            Ok(swapped.map_or_else(|| Transformed::no(node), Transformed::yes))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "few_rows_first"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether one plan surely has few rows, and the other more than that, for all that is known.
fn fewer(one: &Arc<dyn ExecutionPlan>, other: &Arc<dyn ExecutionPlan>) -> bool {
    at_most(one).is_some_and(|one| at_most(other).is_none_or(|other| one < other))
}

/// The most rows a plan can have, where its shape tells; only what does not grow with the data counts.
fn at_most(plan: &Arc<dyn ExecutionPlan>) -> Option<usize> {
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        let whole = !matches!(aggregate.mode(), AggregateMode::Partial);
        return (whole && aggregate.group_expr().is_true_no_grouping()).then_some(1);
    }
    if plan.is::<PlaceholderRowExec>() {
        return Some(1);
    }
    if let Some(limit) = plan.downcast_ref::<GlobalLimitExec>() {
        return limit.fetch();
    }
    if plan.is::<UnionExec>() {
        return plan.children().into_iter().map(at_most).sum();
    }
    if plan.is::<CrossJoinExec>() {
        return plan.children().into_iter().map(at_most).product();
    }
    let passes =
        plan.is::<ProjectionExec>() || plan.is::<FilterExec>() || plan.is::<CoalescePartitionsExec>();
    if passes { plan.children().first().and_then(|child| at_most(child)) } else { None }
}
