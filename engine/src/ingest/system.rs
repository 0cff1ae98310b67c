//! Tables Assay keeps about its own work: batches, files, rejected and duplicate rows, and what scans write.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use assay_datasets::schema::lineage_fields;

use crate::warehouse::TableSpec;
use crate::warehouse::dictionary::{PARTY, VAULT};

/// Rows that did not load.
pub const REJECTED_ROW: &str = "rejected_row";
/// Their values, in the vault.
pub const REJECTED_VALUE: &str = "vault/rejected_value";
/// Rows equal to one already loaded.
pub const DUPLICATE_ROW: &str = "duplicate_row";
/// One row a batch and table: what the load printed.
pub const INGEST_BATCH: &str = "ingest_batch";
/// One row a file loaded.
pub const INGEST_FILE: &str = "ingest_file";

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn count(name: &str) -> Field {
    Field::new(name, DataType::Int64, false)
}

fn instant(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Millisecond, None), false)
}

fn spec(name: &str, fields: Vec<Field>) -> TableSpec {
    TableSpec {
        name: name.into(),
        schema: Arc::new(Schema::new(fields)),
        partition_by: Vec::new(),
        order: Vec::new(),
    }
}

/// `rejected_row`.
pub fn rejected_row() -> TableSpec {
    let mut fields = vec![
        text("reject_id"),
        text("table_name"),
        text("column_name"),
        text("rule"),
        text("message_zh"),
        text("message_en"),
    ];
    fields.extend(lineage_fields());
    spec(REJECTED_ROW, fields)
}

/// `vault/rejected_value`.
pub fn rejected_value() -> TableSpec {
    spec(REJECTED_VALUE, vec![text("reject_id"), text("value"), text("record")])
}

/// `duplicate_row`: `row_key` is the key of the row kept, in the order of the table's key columns.
pub fn duplicate_row() -> TableSpec {
    let mut fields = vec![text("table_name"), text("row_key"), text("kept_file"), count("kept_row")];
    fields.extend(lineage_fields());
    spec(DUPLICATE_ROW, fields)
}

/// `ingest_batch`.
pub fn ingest_batch() -> TableSpec {
    spec(
        INGEST_BATCH,
        vec![
            text("batch"),
            text("table_name"),
            text("source"),
            count("files"),
            count("rows_read"),
            count("rows_kept"),
            count("rows_replaced"),
            count("rows_duplicate"),
            count("rows_rejected"),
            text("rejected_by_rule"),
            count("units_written"),
            Field::new("seconds", DataType::Float64, false),
            Field::new("rows_per_second", DataType::Float64, false),
            instant("ingested_at"),
        ],
    )
}

/// `ingest_file`.
pub fn ingest_file() -> TableSpec {
    spec(
        INGEST_FILE,
        vec![
            text("batch"),
            text("table_name"),
            text("source"),
            text("file"),
            count("bytes"),
            text("content_hash"),
            count("rows_read"),
            instant("ingested_at"),
        ],
    )
}

/// Tables that lie open.
pub fn open_specs() -> Vec<TableSpec> {
    let mut specs = vec![rejected_row(), duplicate_row(), ingest_batch(), ingest_file(), PARTY.spec()];
    specs.extend(crate::scan::specs());
    specs.extend(crate::quality::tables::open_specs());
    specs
}

/// Every table Assay keeps for itself.
pub fn all_specs() -> Vec<TableSpec> {
    let mut specs = open_specs();
    specs.push(rejected_value());
    specs.push(crate::quality::tables::value());
    specs.extend(VAULT.iter().map(|k| k.spec()));
    specs
}
