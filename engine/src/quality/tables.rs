//! The tables quality results lie in.

use arrow::datatypes::{DataType, Field, TimeUnit};

use crate::warehouse::TableSpec;

/// What was measured of what: one row a unit of data and rule, small.
pub const QUALITY_MEASURE: &str = "quality_measure";
/// One row a table, source, month and rule.
pub const QUALITY_SCORE: &str = "quality_score";
/// Every failing row.
pub const QUALITY_FAILURE: &str = "quality_failure";
/// Months late or unlike the months before.
pub const QUALITY_ALERT: &str = "quality_alert";
/// Scores as they were after each refresh that changed something.
pub const QUALITY_HISTORY: &str = "quality_history";
/// Personal values that led to a finding, in the vault.
pub const QUALITY_VALUE: &str = "vault/quality_value";

/// Every table a refresh may change.
pub const ALL: [&str; 6] =
    [QUALITY_MEASURE, QUALITY_SCORE, QUALITY_FAILURE, QUALITY_ALERT, QUALITY_HISTORY, QUALITY_VALUE];

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn count(name: &str) -> Field {
    Field::new(name, DataType::Int64, true)
}

fn number(name: &str) -> Field {
    Field::new(name, DataType::Float64, true)
}

fn month(name: &str) -> Field {
    Field::new(name, DataType::Int32, true)
}

fn instant(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Millisecond, None), true)
}

fn spec(name: &str, fields: Vec<Field>) -> TableSpec {
    TableSpec::appended(name, &[], fields)
}

/// `quality_measure`: `unit` is the fingerprint of what was measured (files and rules), `measure` a rule, a
/// distribution, or one of the words of `measure::Kind`.
pub fn measure() -> TableSpec {
    spec(
        QUALITY_MEASURE,
        vec![
            text("unit"),
            text("table_name"),
            month("period"),
            text("source"),
            text("measure"),
            text("part"),
            count("passed"),
            count("failed"),
            count("unknown"),
            instant("at"),
        ],
    )
}

/// `quality_score`: `period` is null for tables that are not kept by month.
pub fn score() -> TableSpec {
    spec(
        QUALITY_SCORE,
        vec![
            text("table_name"),
            text("source"),
            month("period"),
            text("rule"),
            text("dimension"),
            text("severity"),
            count("weight"),
            text("name_zh"),
            text("name_en"),
            text("owner"),
            count("checked"),
            count("failed"),
            count("unknown"),
            instant("measured_at"),
            text("claim"),
        ],
    )
}

/// `quality_failure`: `row_key` is the row's key in the order of the table's key columns, `|` between; `value` is that
/// of `column_name`, null where it is personal; `claim` is `defect` (the row is wrong) or `notice` (right rows can be so).
pub fn failure() -> TableSpec {
    spec(
        QUALITY_FAILURE,
        vec![
            text("failure_id"),
            text("rule"),
            text("dimension"),
            text("severity"),
            text("table_name"),
            month("period"),
            text("row_key"),
            text("taxpayer_id"),
            text("column_name"),
            text("value"),
            text("message_zh"),
            text("message_en"),
            text("unit"),
            instant("measured_at"),
            text("_source"),
            text("_file"),
            count("_row"),
            text("_batch"),
            text("claim"),
        ],
    )
}

/// `quality_alert`: a month of a source as a whole, or the source as such where `period` is null.
pub fn alert() -> TableSpec {
    spec(
        QUALITY_ALERT,
        vec![
            text("rule"),
            text("dimension"),
            text("severity"),
            text("table_name"),
            text("source"),
            month("period"),
            text("batch"),
            number("value"),
            number("line"),
            text("message_zh"),
            text("message_en"),
            instant("measured_at"),
            text("claim"),
        ],
    )
}

/// `quality_history`.
pub fn history() -> TableSpec {
    spec(
        QUALITY_HISTORY,
        vec![
            instant("measured_at"),
            text("table_name"),
            text("source"),
            text("dimension"),
            count("rules"),
            count("checked"),
            count("failed"),
            count("unknown"),
            number("score"),
        ],
    )
}

/// `vault/quality_value`.
pub fn value() -> TableSpec {
    spec(QUALITY_VALUE, vec![text("failure_id"), text("value"), text("unit")])
}

/// Tables that lie open.
pub fn open_specs() -> Vec<TableSpec> {
    vec![measure(), score(), failure(), alert(), history()]
}
