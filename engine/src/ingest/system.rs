//! Tables Assay keeps about its own work: batches, files, rejected and duplicate rows, and what scans write.

use arrow::datatypes::{DataType, Field, TimeUnit};
use assay_datasets::schema::{Table, catalog, lineage_fields};

use crate::warehouse::TableSpec;
use crate::warehouse::dictionary::{PARTY, VAULT};

/// Rows that did not load.
pub const REJECTED_ROW: &str = "rejected_row";
/// Their values, in the vault.
pub const REJECTED_VALUE: &str = "vault/rejected_value";
/// Cells that were repaired.
pub const REPAIRED_VALUE: &str = "repaired_value";
/// Their texts where these may be personal data, in the vault.
pub const REPAIRED_CLEAR: &str = "vault/repaired_value";
/// Rows equal to one already loaded.
pub const DUPLICATE_ROW: &str = "duplicate_row";
/// Rows of files that are no records: titles, totals, headers again, blank rows.
pub const SKIPPED_ROW: &str = "skipped_row";
/// One row a batch and table: what the load printed.
pub const INGEST_BATCH: &str = "ingest_batch";
/// One row a file loaded.
pub const INGEST_FILE: &str = "ingest_file";
/// One row a feed, and one more whenever its definition changed: what it meant.
pub const FEED_DEFINITION: &str = "feed_definition";

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
    TableSpec::appended(name, &[], fields)
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

/// `repaired_value`: a row for each cell and rule, in the order they were applied. `column_name` is the canonical
/// column (several, where they read one column of the file), `source_column` the file's; `before` is what the rule
/// found, `after` what it left, null for a missing value. Both are null where they lie in the vault.
pub fn repaired_value() -> TableSpec {
    let mut fields = vec![
        text("repair_id"),
        text("table_name"),
        text("column_name"),
        text("source_column"),
        text("rule"),
        text("before"),
        text("after"),
    ];
    fields.extend(lineage_fields());
    spec(REPAIRED_VALUE, fields)
}

/// `vault/repaired_value`.
pub fn repaired_clear() -> TableSpec {
    spec(REPAIRED_CLEAR, vec![text("repair_id"), text("before"), text("after")])
}

/// `duplicate_row`: `row_key` is the key of the row kept, in the order of the table's key columns.
pub fn duplicate_row() -> TableSpec {
    let mut fields = vec![text("table_name"), text("row_key"), text("kept_file"), count("kept_row")];
    fields.extend(lineage_fields());
    spec(DUPLICATE_ROW, fields)
}

/// `skipped_row`: `kind` is `title`, `header`, `blank`, `total`, `total_differs`, `empty` or `other_file`.
pub fn skipped_row() -> TableSpec {
    let mut fields = vec![text("table_name"), text("kind"), text("message_zh"), text("message_en")];
    fields.extend(lineage_fields());
    spec(SKIPPED_ROW, fields)
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

/// `ingest_file`: `columns` are the canonical columns for which the file delivers anything, apart by commas; null where
/// nobody noted it.
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
            text("columns"),
        ],
    )
}

/// Folder of the tables of replaced versions, and their schema in SQL.
pub const REPLACED: &str = "replaced/";
/// Batch with which the version came that replaced the row.
pub const REPLACED_BY: &str = "replaced_by";
/// When that was.
pub const REPLACED_AT: &str = "replaced_at";

/// `replaced/TABLE`: versions of a canonical table's rows that later ones replaced, as they were stored or would have
/// been, in the order of their replacement.
pub fn replaced(table: &Table) -> TableSpec {
    let stored = table.stored_schema();
    let mut fields: Vec<Field> =
        stored.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
    fields.extend([text(REPLACED_BY), instant(REPLACED_AT)]);
    spec(&format!("{REPLACED}{}", table.name), fields)
}

/// Labels of a synthetic economy.
pub const TRUTH: &str = "truth";

/// `truth`: what was planted in a synthetic economy. Roles are `organiser`, `user` and `innocent` (an honest
/// counterparty of the scheme, or an honest firm that only looks like one); `amount` is the money without tax that
/// belongs to it.
pub fn truth() -> TableSpec {
    let period = |name: &str| Field::new(name, DataType::Int32, true);
    spec(
        TRUTH,
        vec![
            text("taxpayer_id"),
            text("scheme"),
            text("role"),
            period("from_period"),
            period("to_period"),
            Field::new("amount", DataType::Decimal128(18, 2), true),
        ],
    )
}

/// Labels of the reliefs in a synthetic economy.
pub const TRUTH_RELIEF: &str = "truth_relief";

/// `truth_relief`: reliefs wrongly claimed (`scheme` `wrong_claim`) or forgone (`forgotten_claim`), by taxpayer, policy,
/// tax and return (`period`, and `period_type` `M`, `Q` or `Y`); `base` and `relief` are to the cent those of
/// `benefit_claim` or of the line of the return, or what would stand there.
pub fn truth_relief() -> TableSpec {
    let money = |name: &str| Field::new(name, DataType::Decimal128(18, 2), true);
    spec(
        TRUTH_RELIEF,
        vec![
            text("taxpayer_id"),
            text("scheme"),
            text("policy_code"),
            text("policy"),
            text("tax_code"),
            text("relief_code"),
            Field::new("period", DataType::Int32, true),
            text("period_type"),
            money("base"),
            money("relief"),
        ],
    )
}

/// `feed_definition`: `definition` is the feed as its mapping has it (normalised TOML), without what only says how its
/// files are found and read; `previous_hash` is null for the first.
pub fn feed_definition() -> TableSpec {
    spec(
        FEED_DEFINITION,
        vec![
            text("source"),
            text("table_name"),
            text("definition_hash"),
            text("previous_hash"),
            text("definition"),
            text("batch"),
            instant("ingested_at"),
        ],
    )
}

/// Tables that lie open.
pub fn open_specs() -> Vec<TableSpec> {
    let mut specs = vec![
        rejected_row(),
        repaired_value(),
        duplicate_row(),
        skipped_row(),
        ingest_batch(),
        ingest_file(),
        feed_definition(),
        truth(),
        truth_relief(),
        PARTY.spec(),
    ];
    specs.extend(crate::scan::specs());
    specs.extend(crate::policy::specs());
    specs.extend(crate::refunds::specs());
    specs.extend(crate::rollup::goods_specs());
    specs.extend(crate::cross_audit::specs());
    specs.extend(crate::identity::specs());
    specs.extend(crate::quality::tables::open_specs());
    specs
}

/// Every table Assay keeps for itself.
pub fn all_specs() -> Vec<TableSpec> {
    let mut specs = open_specs();
    specs.push(rejected_value());
    specs.push(repaired_clear());
    specs.push(crate::quality::tables::value());
    specs.extend(VAULT.iter().map(|k| k.spec()));
    specs.extend(catalog().tables().iter().map(replaced));
    specs
}
