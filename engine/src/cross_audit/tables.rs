//! The tables of the cross-audit.

use arrow::datatypes::{DataType, Field, TimeUnit};

use crate::warehouse::TableSpec;

/// Claims by buyer, month and outcome.
pub const CLAIM_TALLY: &str = "claim_tally";
/// Claims that do not match, with both sides.
pub const CLAIM_AUDIT: &str = "claim_audit";
/// Findings that appeared, changed or went when months were compared again.
pub const CLAIM_AUDIT_CHANGE: &str = "claim_audit_change";
/// Reds and what their buyers transferred out.
pub const RED_AUDIT: &str = "red_audit";
/// Requests to sellers' offices (协查), one row a letter.
pub const REQUEST: &str = "assistance_request";
/// The documents a request asks about.
pub const REQUEST_ITEM: &str = "assistance_item";

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn month(name: &str) -> Field {
    Field::new(name, DataType::Int32, true)
}

fn count(name: &str) -> Field {
    Field::new(name, DataType::Int64, true)
}

fn day(name: &str) -> Field {
    Field::new(name, DataType::Date32, true)
}

fn money(name: &str) -> Field {
    Field::new(name, DataType::Decimal128(18, 2), true)
}

fn sum(name: &str) -> Field {
    Field::new(name, DataType::Decimal128(28, 2), true)
}

/// A table kept in units by the month of issue that claims state (0: they state none) and range of buyers.
fn units(name: &str, order: &[&str], fields: Vec<Field>) -> TableSpec {
    let unit = [("period", DataType::Int32), ("bucket", DataType::Int32), ("taxpayer_key", DataType::Int64)];
    let mut all: Vec<Field> = unit.into_iter().map(|(name, kind)| Field::new(name, kind, false)).collect();
    all.extend(fields);
    let mut spec = TableSpec::appended(name, order, all);
    spec.partition_by = vec!["period".into(), "bucket".into()];
    spec
}

/// `claim_tally`: one row a month stated, buyer, month claimed, outcome, month it holds from (`since`) and kind of document
/// (`special`, `customs`, `other`; null: there is none).
pub(super) fn tally() -> TableSpec {
    let fields = vec![
        month("claimed_period"),
        text("outcome"),
        month("since"),
        text("kind"),
        count("n"),
        sum("amount"),
        sum("tax"),
    ];
    units(CLAIM_TALLY, &["taxpayer_key", "claimed_period", "outcome", "since", "kind"], fields)
}

/// `claim_audit`: one row a claim that does not match. What the buyer states, then what the document says; `differs` and `unknown` name
/// compared fields, apart by commas.
pub(super) fn audit() -> TableSpec {
    let fields = vec![
        text("buyer_id"),
        text("invoice_id"),
        month("claimed_period"),
        text("outcome"),
        month("since"),
        text("differs"),
        text("unknown"),
        Field::new("seller_key", DataType::Int64, true),
        text("seller_id"),
        day("issued_on"),
        money("amount"),
        money("tax"),
        text("document_kind"),
        month("document_period"),
        text("document_status"),
        day("document_issued_on"),
        text("document_seller_id"),
        text("document_seller_name"),
        text("document_buyer_id"),
        money("document_amount"),
        money("document_tax"),
        day("listed_on"),
    ];
    units(CLAIM_AUDIT, &["taxpayer_key", "invoice_id", "claimed_period"], fields)
}

/// `claim_audit_change`: findings that appeared, changed or went; null outcomes stand for match, or for no claim.
pub(super) fn change() -> TableSpec {
    let fields = vec![
        month("period"),
        text("buyer_id"),
        text("invoice_id"),
        month("claimed_period"),
        text("outcome_before"),
        text("outcome_after"),
        Field::new("compared_at", DataType::Timestamp(TimeUnit::Millisecond, None), false),
    ];
    TableSpec::appended(CLAIM_AUDIT_CHANGE, &[], fields)
}

/// `red_audit`: one row a buyer and month in which it is to transfer out the tax of reds to documents it claimed.
pub(super) fn red() -> TableSpec {
    let fields = vec![
        Field::new("taxpayer_key", DataType::Int64, false),
        text("taxpayer_id"),
        month("period"),
        count("reds"),
        sum("red_tax"),
        money("transferred_out"),
        text("outcome"),
        sum("shortfall"),
    ];
    TableSpec::appended(RED_AUDIT, &["taxpayer_key"], fields)
}

/// `assistance_request`: `addressee` is `office` (the seller's), `customs`, or `outside` (the seller is in no register held here).
pub(super) fn request() -> TableSpec {
    let fields = vec![
        Field::new("as_of", DataType::Int32, false),
        text("request_no"),
        text("addressee"),
        text("to_office"),
        text("from_office"),
        text("seller_id"),
        text("seller_name"),
        text("buyer_id"),
        text("buyer_name"),
        count("documents"),
        sum("amount"),
        sum("tax"),
        text("outcomes"),
        text("message_zh"),
        text("message_en"),
        day("issued_on"),
        day("due_on"),
        text("status"),
    ];
    TableSpec::appended(REQUEST, &["as_of"], fields)
}

/// `assistance_item`: the claims of a request; with buyer, document and month claimed they name a row of `claim_audit`.
pub(super) fn item() -> TableSpec {
    let fields = vec![
        Field::new("as_of", DataType::Int32, false),
        text("request_no"),
        count("item_no"),
        text("buyer_id"),
        text("invoice_id"),
        month("claimed_period"),
        text("outcome"),
        text("differs"),
        text("seller_id"),
        day("issued_on"),
        money("amount"),
        money("tax"),
        text("document_status"),
        day("document_issued_on"),
        text("document_seller_id"),
        text("document_buyer_id"),
        money("document_amount"),
        money("document_tax"),
    ];
    TableSpec::appended(REQUEST_ITEM, &["as_of"], fields)
}

/// All of them.
pub(crate) fn specs() -> Vec<TableSpec> {
    vec![tally(), audit(), change(), red(), request(), item()]
}
