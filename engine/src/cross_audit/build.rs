//! Comparing the months that must be compared, and storing what comes out.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, TimestampMillisecondArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{Int64Type, Schema};
use assay_sql::session::SessionOptions;

use super::bench::Bench;
use super::months::{Months, is_current, whole_print};
use super::request::with;
use super::tables::{self, CLAIM_AUDIT, CLAIM_AUDIT_CHANGE, CLAIM_TALLY, RED_AUDIT};
use super::{AuditSummary, sql};
use crate::Result;
use crate::ingest::Progress;
use crate::warehouse::{
    TableSpec, Transaction, UnitKey, Warehouse, clock, conform, cut, encode, encode_unit,
};

const TABLES: [&str; 4] = [CLAIM_TALLY, CLAIM_AUDIT, CLAIM_AUDIT_CHANGE, RED_AUDIT];

pub(super) async fn refresh(
    warehouse: &Warehouse,
    options: &SessionOptions,
    progress: &dyn Progress,
) -> Result<AuditSummary> {
    // Looking needs no lock; only when something changed a transaction begins, and looks again.
    let head = warehouse.head().await?;
    let print = whole_print(warehouse, &head).await?;
    if !head.tables.contains_key("deduction_claim") || is_current(warehouse, &head, &print).await? {
        return Ok(AuditSummary::default());
    }
    let mut transaction = warehouse.begin("cross-audit", &TABLES).await?;
    let built = build(warehouse, &mut transaction, options, progress).await;
    let info = |summary: &AuditSummary| serde_json::json!({ "compared": summary.compared, "changed": summary.changed });
    transaction.finish(built, info).await
}

async fn build(
    warehouse: &Warehouse,
    transaction: &mut Transaction,
    options: &SessionOptions,
    progress: &dyn Progress,
) -> Result<AuditSummary> {
    let base = transaction.base().clone();
    let bench = Bench::open(warehouse, &base, options).await?;
    let months = Months::look(warehouse, &base, &bench).await?;
    progress.phase("cross-audit", months.stale.len() + 1);
    let compared = months.stale.iter().map(Vec::len).sum();
    let mut summary =
        AuditSummary { compared, kept: months.prints.len() - compared, ..AuditSummary::default() };
    let mut after = Vec::new();
    for piece in &months.stale {
        let (claims, findings) = compare(&bench, transaction, &months, piece).await?;
        summary.claims += claims;
        after.push(findings);
        progress.advance(1);
    }
    summary.changed = changes(&bench, transaction, &months.again, &after).await?;
    let specs = [tables::tally(), tables::audit()];
    for (name, file) in months.old {
        if let Some(spec) = specs.iter().find(|spec| spec.name == name) {
            transaction.remove(spec, file)?;
        }
    }
    reds(warehouse, transaction, &bench).await?;
    progress.advance(1);
    Ok(summary)
}

/// Compares the claims of some months; gives their number, and those that do not match.
async fn compare(
    bench: &Bench,
    transaction: &mut Transaction,
    months: &Months,
    piece: &[i32],
) -> Result<(usize, RecordBatch)> {
    bench.keep("claim", &sql::claims(piece)).await?;
    bench.view("document", &sql::all_documents(piece)).await?;
    let at_hand = sql::among("period", piece);
    let every = "SELECT period FROM audit.stray UNION SELECT period FROM audit.elsewhere UNION SELECT period FROM audit.claim";
    bench.keep("months", &format!("SELECT period, {at_hand} AS at_hand FROM ({every})")).await?;
    bench.keep("judged", sql::JUDGE).await?;
    let claims = count(&bench.rows("SELECT count(*) FROM audit.judged").await?);
    let tally = before_cut(&tables::tally(), &bench.rows(sql::TALLY).await?)?;
    put(transaction, &tables::tally(), months, &tally).await?;
    let findings = before_cut(&tables::audit(), &bench.rows(sql::FINDING).await?)?;
    put(transaction, &tables::audit(), months, &findings).await?;
    let named = ["period", "buyer_id", "invoice_id", "claimed_period", "outcome"]
        .map(|name| findings.schema().index_of(name));
    let named = named.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok((claims, findings.project(&named)?))
}

/// Records which findings appeared, changed or went in the months compared `again`; `after` are those of all months compared.
async fn changes(
    bench: &Bench,
    transaction: &mut Transaction,
    again: &[i32],
    after: &[RecordBatch],
) -> Result<usize> {
    if again.is_empty() {
        return Ok(0);
    }
    let schema = after.first().map_or_else(|| tables::audit().schema, RecordBatch::schema);
    bench.keep_rows("after", &concat_batches(&schema, after)?)?;
    let stored = format!(
        "SELECT period, buyer_id, invoice_id, claimed_period, outcome FROM claim_audit WHERE {}",
        sql::among("period", again)
    );
    bench.keep("before", &stored).await?;
    let sql = sql::CHANGE.replace("$known", &sql::among("n.period", again));
    let rows = bench.rows(&sql).await?;
    let now: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![clock::now_ms(); rows.num_rows()]));
    let spec = tables::change();
    let rows = with(&rows, vec![("compared_at", now)], &spec.schema)?;
    let changed = rows.num_rows();
    transaction.append(&spec, &[rows]).await?;
    Ok(changed)
}

/// Rows with the columns of a table, but for the bucket that cutting adds. A query without rows does not settle its types by itself.
fn before_cut(spec: &TableSpec, rows: &RecordBatch) -> Result<RecordBatch> {
    let fields = spec.schema.fields().iter().filter(|field| field.name() != "bucket");
    conform(rows, &Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>())))
}

async fn put(
    transaction: &mut Transaction,
    spec: &TableSpec,
    months: &Months,
    rows: &RecordBatch,
) -> Result<()> {
    let order: Vec<&str> = spec.order.iter().map(String::as_str).collect();
    let config = transaction.warehouse().config().clone();
    let units = cut(rows, &config, &order)?.units;
    for unit in encode(spec, units, |(month, _)| months.file_name(month, &transaction.file_name()))? {
        transaction.add(spec, unit).await?;
    }
    Ok(())
}

/// The run over reds. Its file carries the fingerprint of everything, so it is written even without rows.
async fn reds(warehouse: &Warehouse, transaction: &mut Transaction, bench: &Bench) -> Result<()> {
    let spec = tables::red();
    let base = transaction.base().clone();
    for file in warehouse.table(&base, RED_AUDIT).await?.map(|t| t.files).unwrap_or_default() {
        transaction.remove(&spec, file)?;
    }
    let rows = conform(&bench.rows(sql::RED).await?, &spec.schema)?;
    let print = whole_print(warehouse, &base).await?;
    let name = format!("{}_{print}", transaction.file_name());
    let encoded = encode_unit(&spec.schema, &spec.order, UnitKey::WHOLE, &name, &[rows], true)?;
    transaction.add(&spec, encoded).await
}

fn count(rows: &RecordBatch) -> usize {
    let counts = rows.column(0).as_primitive::<Int64Type>();
    counts.values().first().and_then(|n| usize::try_from(*n).ok()).unwrap_or(0)
}
