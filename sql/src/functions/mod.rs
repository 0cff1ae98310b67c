//! The functions and aggregates tax work needs and SQL has not.
//!
//! Each lives in a file of its own with its documentation and tests. Sessions, schedulers and workers all call
//! [`register_all`], so that none of them can miss a function.

pub mod benford;
pub mod checked_sum;
pub mod code;
pub mod hhi;
mod keyed;
mod one_group;
pub mod period;
pub mod resident_id;
mod text;
pub mod top_sum;
mod totals;
pub mod uscc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{AggregateUDF, ColumnarValue, ScalarFunctionArgs, ScalarUDF};
use datafusion::prelude::SessionContext;

/// Every scalar function of the domain.
pub fn scalar_functions() -> Vec<ScalarUDF> {
    vec![
        ScalarUDF::from(uscc::UsccValid::new()),
        ScalarUDF::from(resident_id::ResidentIdValid::new()),
        ScalarUDF::from(period::PeriodAdd::new()),
        ScalarUDF::from(period::PeriodDiff::new()),
        ScalarUDF::from(period::PeriodOf::new()),
        ScalarUDF::from(period::PeriodStart::new()),
        ScalarUDF::from(period::PeriodEnd::new()),
        ScalarUDF::from(benford::BenfordChi2::new()),
        ScalarUDF::from(code::CodeValid::new()),
        ScalarUDF::from(code::CodeName::new()),
    ]
}

/// Every aggregate of the domain.
pub fn aggregate_functions() -> Vec<AggregateUDF> {
    vec![
        AggregateUDF::from(hhi::Hhi::new()),
        AggregateUDF::from(top_sum::TopSum::new()),
        AggregateUDF::from(checked_sum::CheckedSum::new()),
    ]
}

/// Registers every function and aggregate of the domain in `context`.
pub fn register_all(context: &SessionContext) {
    for function in scalar_functions() {
        context.register_udf(function);
    }
    for aggregate in aggregate_functions() {
        context.register_udaf(aggregate);
    }
}

/// Runs `kernel` over whole columns of equal length; where all arguments are constants, over one row, so that the
/// planner can fold the call.
fn by_column(
    args: &ScalarFunctionArgs,
    kernel: impl Fn(&[ArrayRef]) -> Result<ArrayRef>,
) -> Result<ColumnarValue> {
    let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
    let rows = if constant { 1 } else { args.number_rows };
    let columns = args.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<Vec<_>>>()?;
    let result = kernel(&columns)?;
    if constant {
        ScalarValue::try_from_array(&result, 0).map(ColumnarValue::Scalar)
    } else {
        Ok(ColumnarValue::Array(result))
    }
}

/// Says how a function is called when it was called with the wrong number of arguments.
fn check_count(usage: &str, given: &[DataType], wanted: usize) -> Result<()> {
    if given.len() != wanted {
        return plan_err!("{usage} takes {wanted} arguments, not {}", given.len());
    }
    Ok(())
}

/// A static documentation, shown by `information_schema.routines`.
macro_rules! documentation {
    ($section:expr, $description:expr, $syntax:expr) => {
        fn documentation(&self) -> Option<&datafusion::logical_expr::Documentation> {
            static TEXT: std::sync::LazyLock<datafusion::logical_expr::Documentation> =
                std::sync::LazyLock::new(|| {
                    datafusion::logical_expr::Documentation::builder($section, $description, $syntax).build()
                });
            Some(&TEXT)
        }
    };
}
use documentation;

/// The documentation section of all our functions.
const SECTION: datafusion::logical_expr::DocSection =
    datafusion::logical_expr::DocSection { include: true, label: "Tax Functions", description: None };

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn every_function_is_documented_and_registered_by_its_name() {
        let context = SessionContext::new();
        register_all(&context);
        let state = context.state();
        for function in scalar_functions() {
            assert!(state.scalar_functions().contains_key(function.name()), "{}", function.name());
            assert!(function.documentation().is_some(), "{}", function.name());
        }
        for function in aggregate_functions() {
            assert!(state.aggregate_functions().contains_key(function.name()), "{}", function.name());
            assert!(function.documentation().is_some(), "{}", function.name());
        }
    }
}
