//! Which months must be compared again. A month is the month of issue its claims state; it depends on its claims, the documents of
//! that month, and on marks: documents of other months, claims that state another month, and lists of vouchers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type};

use super::bench::Bench;
use super::sql;
use super::tables::{CLAIM_AUDIT, CLAIM_TALLY, RED_AUDIT};
use crate::warehouse::{Commit, TableFiles, UnitFile, Warehouse};
use crate::{EngineError, Result};

/// Claims compared at a time (about 150 bytes each).
const CHUNK_CLAIMS: usize = 2 << 20;
/// Hex digits of a fingerprint.
const PRINT: usize = 16;
/// What outcomes are made from.
const READ: [&str; 4] = ["deduction_claim", "invoice", "risk_list", "vat_return"];

/// The months of a run.
pub(super) struct Months {
    /// Fingerprints of all months with claims: of claims and documents, and of marks.
    pub(super) prints: BTreeMap<i32, (String, String)>,
    /// Those to compare again, in pieces that fit in memory.
    pub(super) stale: Vec<Vec<i32>>,
    /// Files of those, and of months without claims.
    pub(super) old: Vec<(&'static str, UnitFile)>,
    /// Those that were compared before and are so again, or have no claims any more.
    pub(super) again: Vec<i32>,
}

/// Fingerprint of everything the tables of a commit are made from.
pub(super) async fn whole_print(warehouse: &Warehouse, commit: &Commit) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    sql::ALL.iter().for_each(|text| {
        hasher.update(text.as_bytes());
    });
    for name in READ {
        let files = warehouse.table(commit, name).await?.map(|t| t.files).unwrap_or_default();
        for file in files {
            hasher.update(name.as_bytes()).update(file.path.as_bytes()).update(&[0]);
        }
    }
    Ok(hasher.finalize().to_hex()[..PRINT].to_owned())
}

/// Whether the tables of a commit are up to date.
pub(super) async fn is_current(warehouse: &Warehouse, commit: &Commit, print: &str) -> Result<bool> {
    let made = warehouse.table(commit, RED_AUDIT).await?;
    Ok(made.is_some_and(|t| t.files.first().is_some_and(|file| file.made_from() == print)))
}

impl Months {
    /// Finds out what to do. Leaves `audit.held`, `audit.elsewhere`, `audit.stray` and `audit.listed` on the bench.
    pub(super) async fn look(warehouse: &Warehouse, commit: &Commit, bench: &Bench) -> Result<Self> {
        let claims = claims(bench).await?;
        let invoices = warehouse.table(commit, "invoice").await?.map(|t| t.files).unwrap_or_default();
        let contents = contents(&invoices, &claims);
        let held: BTreeSet<i32> = invoices.iter().filter(|f| f.rows > 0).filter_map(|f| f.period).collect();
        let held = Int32Array::from_iter_values(held);
        bench.keep_rows("held", &RecordBatch::try_from_iter([("period", Arc::new(held) as ArrayRef)])?)?;
        let tally = warehouse.table(commit, CLAIM_TALLY).await?;
        let stored = stored(tally.as_ref());
        let compared: BTreeSet<i32> = stored.keys().copied().collect();
        let content_stale =
            |month: &i32| stored.get(month).map(|(content, _)| content) != contents.get(month);
        let changed: Vec<i32> = contents.keys().copied().filter(content_stale).collect();
        strays(bench, &pieces(&changed, &claims), &kept(&contents, &changed)).await?;
        bench
            .keep(
                "elsewhere",
                &format!("{} WHERE invoice_id IN (SELECT invoice_id FROM audit.stray)", sql::DOCUMENT),
            )
            .await?;
        bench.keep("listed", sql::LISTED).await?;
        let marks = marks(&bench.rows(sql::MARK).await?)?;
        let prints: BTreeMap<i32, (String, String)> = contents
            .into_iter()
            .map(|(month, content)| {
                (month, (content, marks.get(&month).cloned().unwrap_or_else(|| digest(&[]))))
            })
            .collect();
        let stale: Vec<i32> = prints
            .iter()
            .filter(|(month, print)| stored.get(month) != Some(print))
            .map(|(month, _)| *month)
            .collect();
        let is_old = |file: &UnitFile| {
            let month = file.period.unwrap_or(0);
            stale.contains(&month) || !prints.contains_key(&month)
        };
        let mut old = Vec::new();
        for name in [CLAIM_TALLY, CLAIM_AUDIT] {
            let files = warehouse.table(commit, name).await?.map(|t| t.files).unwrap_or_default();
            old.extend(files.into_iter().filter(is_old).map(|file| (name, file)));
        }
        let gone = compared.iter().copied().filter(|month| !prints.contains_key(month));
        let again = stale.iter().copied().filter(|month| compared.contains(month)).chain(gone).collect();
        let stale = pieces(&stale, &claims);
        Ok(Self { prints, stale, old, again })
    }

    /// The name of a file of a month, whatever comes before.
    pub(super) fn file_name(&self, month: i32, transaction: &str) -> Result<String> {
        let (content, marks) = self
            .prints
            .get(&month)
            .ok_or_else(|| EngineError::internal(format!("the cross-audit has no month {month}")))?;
        Ok(format!("{transaction}_{content}{marks}"))
    }
}

/// The claims that state a month.
#[derive(Default)]
struct Stated {
    claims: usize,
    /// How many came with which load. A claim changes by another load only, and a load is named by its content.
    loads: Vec<String>,
}

/// The claims of each month stated.
async fn claims(bench: &Bench) -> Result<BTreeMap<i32, Stated>> {
    let rows = bench
        .rows(
            "SELECT coalesce(period_of(issued_on), 0), _batch, count(*) FROM deduction_claim GROUP BY 1, 2 ORDER BY 1, 2",
        )
        .await?;
    let months = cast(rows.column(0), &DataType::Int32)?;
    let loads = cast(rows.column(1), &DataType::Utf8)?;
    let counts = rows.column(2).as_primitive::<Int64Type>();
    let mut stated: BTreeMap<i32, Stated> = BTreeMap::new();
    let rows =
        months.as_primitive::<Int32Type>().values().iter().zip(loads.as_string::<i32>()).zip(counts.values());
    for ((month, load), n) in rows {
        let month = stated.entry(*month).or_default();
        month.claims += usize::try_from(*n).unwrap_or(0);
        month.loads.push(format!("{} {n}", load.unwrap_or_default()));
    }
    Ok(stated)
}

fn contents(invoices: &[UnitFile], claims: &BTreeMap<i32, Stated>) -> BTreeMap<i32, String> {
    let print = |month: i32, stated: &Stated| {
        let mut parts: Vec<String> = sql::ALL.iter().map(|text| (*text).to_owned()).collect();
        parts.extend(stated.loads.iter().cloned());
        // What states no month is missing by the month claimed: it depends on which months are held.
        let mine = invoices.iter().filter(|f| month == 0 || f.period == Some(month));
        parts.extend(mine.map(|f| f.path.clone()));
        digest(&parts)
    };
    claims.iter().map(|(month, stated)| (*month, print(*month, stated))).collect()
}

/// Both fingerprints of the months compared before.
fn stored(tally: Option<&TableFiles>) -> BTreeMap<i32, (String, String)> {
    let files = tally.map(|t| t.files.as_slice()).unwrap_or_default();
    let print = |file: &UnitFile| {
        let (content, marks) = file.made_from().split_at_checked(PRINT)?;
        Some((file.period?, (content.to_owned(), marks.to_owned())))
    };
    files.iter().filter_map(print).collect()
}

fn kept(contents: &BTreeMap<i32, String>, changed: &[i32]) -> Vec<i32> {
    contents.keys().copied().filter(|month| !changed.contains(month)).collect()
}

/// Leaves `audit.stray` on the bench: found anew for changed months, read from `claim_audit` for the others.
async fn strays(bench: &Bench, changed: &[Vec<i32>], kept: &[i32]) -> Result<()> {
    let mut found: Vec<RecordBatch> = Vec::new();
    let stored = format!(
        "SELECT CAST(period AS INT) AS period, CAST(invoice_id AS VARCHAR) AS invoice_id, taxpayer_key AS buyer_key, claimed_period \
         FROM claim_audit WHERE {} AND (document_period IS DISTINCT FROM period) AND outcome <> 'withdrawn'",
        sql::among("period", kept)
    );
    let rows = bench.rows(&stored).await?;
    let schema = rows.schema();
    found.push(rows);
    for months in changed {
        bench.keep("claim", &sql::claims(months)).await?;
        bench.view("document", &sql::documents(months)).await?;
        found.push(crate::warehouse::conform(&bench.rows(sql::STRAY).await?, &schema)?);
    }
    bench.keep_rows("stray", &arrow::compute::concat_batches(&schema, &found)?)
}

/// Fingerprint of the marks of each month; rows come in order.
fn marks(rows: &RecordBatch) -> Result<BTreeMap<i32, String>> {
    let months = cast(rows.column(0), &DataType::Int32)?;
    let months = months.as_primitive::<Int32Type>();
    let facts = cast(rows.column(1), &DataType::Utf8)?;
    let mut by_month: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for (month, fact) in months.iter().zip(facts.as_string::<i32>()) {
        by_month.entry(month.unwrap_or(0)).or_default().push(fact.unwrap_or_default().to_owned());
    }
    Ok(by_month.into_iter().map(|(month, facts)| (month, digest(&facts))).collect())
}

fn digest(parts: &[String]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes()).update(&[0]);
    }
    hasher.finalize().to_hex()[..PRINT].to_owned()
}

/// Months in order, together up to the claims that fit in memory.
fn pieces(months: &[i32], claims: &BTreeMap<i32, Stated>) -> Vec<Vec<i32>> {
    let mut pieces: Vec<Vec<i32>> = Vec::new();
    let mut room = 0;
    for month in months {
        let n = claims.get(month).map_or(0, |stated| stated.claims);
        match pieces.last_mut() {
            Some(piece) if n <= room => {
                piece.push(*month);
                room -= n;
            }
            _ => {
                pieces.push(vec![*month]);
                room = CHUNK_CLAIMS.saturating_sub(n);
            }
        }
    }
    pieces
}
