//! What people decide about links: confirmed and rejected ones, kept apart from what the machine finds so that they
//! outlast every build, and reversible: a later decision takes an earlier one back, nothing is deleted.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::{Int32Type, Int64Type};

use super::tables::{DECISION, LINK, Link, decision_spec, link_spec, links_of, scores};
use crate::warehouse::dictionary::{Dictionary, PERSON, TEXT};
use crate::warehouse::{Commit, Transaction, Warehouse, clock, get, get_rows, read_unit};
use crate::{EngineError, Result};

/// What somebody says of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is right.
    Confirm,
    /// It is wrong.
    Reject,
    /// An earlier decision no longer counts.
    Withdraw,
}

impl Decision {
    /// What the link then is.
    pub fn decided(self) -> &'static str {
        match self {
            Self::Confirm => "confirmed",
            Self::Reject => "rejected",
            Self::Withdraw => "auto",
        }
    }
}

/// The last decision of every link.
#[derive(Debug, Default)]
pub struct Decisions {
    last: HashMap<String, (i64, Link)>,
    next: i64,
}

impl Decisions {
    /// Reads what was decided up to a commit.
    pub async fn read(warehouse: &Warehouse, commit: &Commit) -> Result<Self> {
        let mut decisions = Self::default();
        let Some(table) = warehouse.table(commit, DECISION).await? else { return Ok(decisions) };
        for batch in get_rows(warehouse, DECISION, &table.files).await? {
            decisions.add(&batch)?;
        }
        Ok(decisions)
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        for (row, link) in links_of(&as_links(batch)?)?.into_iter().enumerate() {
            let seq = batch.column(0).as_primitive::<Int64Type>().value(row);
            self.next = self.next.max(seq + 1);
            let id = link.id();
            if self.last.get(&id).is_none_or(|(before, _)| *before < seq) {
                self.last.insert(id, (seq, link));
            }
        }
        Ok(())
    }

    /// What was decided of a link; `auto` where nothing was.
    pub fn of(&self, link_id: &str) -> &str {
        self.last.get(link_id).map_or("auto", |(_, link)| link.decided.as_str())
    }

    /// Decided links of one part.
    fn of_part(&self, part: i32) -> impl Iterator<Item = &Link> {
        self.last.values().map(|(_, link)| link).filter(move |l| l.part == part && l.decided != "auto")
    }

    /// Whether anything of a part was decided.
    pub fn any(&self, part: i32) -> bool {
        self.of_part(part).next().is_some()
    }

    /// Puts the decisions into newly found links: a confirmed one that is no longer found comes back, and each record's
    /// candidates are ranked anew. Links come ordered by record and stay so.
    pub fn apply(&self, part: i32, links: &mut Vec<Link>) {
        let known: HashMap<String, usize> = links.iter().enumerate().map(|(at, l)| (l.id(), at)).collect();
        let mut again: Vec<Link> = Vec::new();
        for decided in self.of_part(part) {
            match known.get(&decided.id()) {
                Some(at) => links[*at].decided.clone_from(&decided.decided),
                None if decided.decided == "confirmed" => again.push(decided.clone()),
                None => {}
            }
        }
        links.append(&mut again);
        links.sort_by(|a, b| a.record().cmp(&b.record()).then_with(|| order(a, b)));
        let mut rank = 0;
        for at in 0..links.len() {
            let same = at > 0 && links[at - 1].record() == links[at].record();
            rank = if same { rank + 1 } else { 1 };
            links[at].rank = rank;
        }
    }
}

/// Confirmed first, rejected last, between them by score and as the machine ranked them.
fn order(a: &Link, b: &Link) -> std::cmp::Ordering {
    let place = |l: &Link| match l.decided.as_str() {
        "confirmed" => 0,
        "rejected" => 2,
        _ => 1,
    };
    place(a)
        .cmp(&place(b))
        .then(b.score.total_cmp(&a.score))
        .then(a.rank.cmp(&b.rank))
        .then(a.taxpayer_key.cmp(&b.taxpayer_key))
}

/// Decision rows in the columns of a link.
fn as_links(batch: &RecordBatch) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let schema = link_spec().schema;
    let decisions = batch.column_by_name("decision").map(|d| d.as_string::<i32>().clone());
    let decided: StringArray = decisions.iter().flatten().collect();
    let columns: Vec<ArrayRef> = schema
        .fields()
        .iter()
        .map(|field| match (field.name().as_str(), batch.column_by_name(field.name())) {
            ("decided", _) => Arc::new(decided.clone()) as ArrayRef,
            ("rank", _) => Arc::new(Int32Array::from_value(1, rows)),
            (_, Some(column)) => Arc::clone(column),
            ("support" | "rows", None) => Arc::new(Int64Array::from_value(0, rows)),
            ("explanation_zh", None) => {
                Arc::new(StringArray::from(vec!["经人工确认，本次未再匹配到"; rows]))
            }
            ("explanation_en", None) => {
                Arc::new(StringArray::from(vec!["confirmed by a person, no longer found by itself"; rows]))
            }
            ("run", None) => Arc::new(StringArray::from(vec![""; rows])),
            (_, None) => arrow::array::new_null_array(field.data_type(), rows),
        })
        .collect();
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// Decides about the link whose id begins with `link`; `by` and `why` go into the vault. Returns the link as it is then.
///
/// # Errors
/// When there is no such link or several, or the warehouse cannot be written.
pub async fn decide(
    warehouse: &Warehouse,
    link: &str,
    decision: Decision,
    by: &str,
    why: &str,
) -> Result<Link> {
    if by.trim().is_empty() || why.trim().is_empty() {
        return Err(EngineError::input(
            "a decision needs who decided (--by NAME) and the reason (--why TEXT)",
        ));
    }
    let mut transaction = warehouse.begin("links", &[LINK, DECISION, PERSON.table, TEXT.table]).await?;
    let decided = put(warehouse, &mut transaction, link, decision, by.trim(), why.trim()).await;
    let info = |made: &Link| serde_json::json!({ "link": made.id(), "decided": made.decided });
    transaction.finish(decided, info).await
}

async fn put(
    warehouse: &Warehouse,
    transaction: &mut Transaction,
    link: &str,
    decision: Decision,
    by: &str,
    why: &str,
) -> Result<Link> {
    let base = transaction.base().clone();
    let mut people = Dictionary::load(warehouse, &base, PERSON).await?;
    let mut reasons = Dictionary::load(warehouse, &base, TEXT).await?;
    let by_key = people.key(&Dictionary::join(&[Some(by), None]).unwrap_or_default())?;
    let why_key = reasons.key(why)?;
    let spec = link_spec();
    let Some(table) = warehouse.table(&base, LINK).await? else {
        return Err(EngineError::input("there are no links yet; run: assay links build"));
    };
    let mut found: Vec<(usize, Link)> = Vec::new();
    let mut units = Vec::with_capacity(table.files.len());
    for (at, file) in table.files.iter().enumerate() {
        let batches = read_unit(get(warehouse, LINK, file).await?, None)?;
        for batch in &batches {
            found.extend(matching(batch, link)?.into_iter().map(|l| (at, l)));
        }
        units.push(batches);
    }
    let (at, mut chosen) = only(link, found)?;
    chosen.decided = decision.decided().to_owned();
    let decisions = Decisions::read(warehouse, &base).await?;
    let row = decision_row(decisions.next, &chosen, by_key, why_key)?;
    transaction.append(&decision_spec(), &[row]).await?;
    people.save(transaction).await?;
    reasons.save(transaction).await?;
    let patched = patch(&units[at], &chosen)?;
    transaction.remove(&spec, table.files[at].clone())?;
    transaction.append(&spec, &patched).await?;
    Ok(chosen)
}

/// Links of a batch whose id begins so.
fn matching(batch: &RecordBatch, prefix: &str) -> Result<Vec<Link>> {
    let ids = batch.column(1).as_string::<i32>();
    let rows: Int64Array = ids
        .iter()
        .zip(0..)
        .filter(|(id, _)| id.is_some_and(|i| i.starts_with(prefix)))
        .map(|(_, at)| at)
        .collect();
    links_of(&arrow::compute::take_record_batch(batch, &rows)?)
}

fn only(link: &str, mut found: Vec<(usize, Link)>) -> Result<(usize, Link)> {
    match (found.len(), found.pop()) {
        (1, Some(one)) if !link.is_empty() => Ok(one),
        (0, _) => Err(EngineError::input(format!(
            "no link {link}; the ids of links stand in: assay links list (or: assay links show VALUE)"
        ))),
        (n, _) => {
            Err(EngineError::input(format!("{n} links have ids that begin with {link}; give more of it")))
        }
    }
}

fn decision_row(seq: i64, link: &Link, by_key: i64, why_key: i64) -> Result<RecordBatch> {
    let text = |t: &str| -> ArrayRef { Arc::new(StringArray::from(vec![t])) };
    let number = |n: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![n])) };
    let columns: Vec<ArrayRef> = vec![
        number(seq),
        text(&link.id()),
        text(&link.decided),
        number(by_key),
        number(why_key),
        Arc::new(Int32Array::from(vec![link.part])),
        text(&link.from_kind),
        text(&link.from_space),
        text(&link.from_value),
        Arc::new(Int64Array::from(vec![link.from_key])),
        number(link.taxpayer_key),
        text(&link.taxpayer_id),
        text(&link.method),
        scores(std::iter::once(Some(link.score)))?,
        Arc::new(TimestampMillisecondArray::from(vec![clock::now_ms()])),
    ];
    Ok(RecordBatch::try_new(decision_spec().schema, columns)?)
}

/// The rows with `chosen` decided and the candidates of its record ranked anew; only two columns are written again.
fn patch(batches: &[RecordBatch], chosen: &Link) -> Result<Vec<RecordBatch>> {
    let id = chosen.id();
    let mut siblings: Vec<Link> = Vec::new();
    for batch in batches {
        siblings.extend(siblings_of(batch, chosen)?);
    }
    let other = siblings.iter().find(|l| l.decided == "confirmed" && l.id() != id);
    if let Some(other) = other.filter(|_| chosen.decided == "confirmed" && chosen.from_kind != "person") {
        return Err(EngineError::input(format!(
            "{} is already confirmed to be {} (link {}); reject or reset that link first",
            chosen.from_value,
            other.taxpayer_id,
            other.id()
        )));
    }
    for link in siblings.iter_mut().filter(|l| l.id() == id) {
        link.decided.clone_from(&chosen.decided);
    }
    siblings.sort_by(order);
    let mut ranks: HashMap<String, i32> = siblings.iter().map(Link::id).zip(1..).collect();
    if chosen.from_kind == "person" {
        // The firms of a person are no alternatives.
        ranks.clear();
    }
    batches.iter().map(|batch| patched(batch, &id, &chosen.decided, &ranks)).collect()
}

fn siblings_of(batch: &RecordBatch, chosen: &Link) -> Result<Vec<Link>> {
    let column = |at: usize| batch.column(at).as_string::<i32>();
    let (kinds, spaces, values) = (column(2), column(3), column(4));
    let same = |r: &usize| (kinds.value(*r), spaces.value(*r), values.value(*r)) == chosen.record();
    let rows: Vec<i64> = (0..batch.num_rows()).filter(same).filter_map(|r| i64::try_from(r).ok()).collect();
    links_of(&arrow::compute::take_record_batch(batch, &Int64Array::from(rows))?)
}

fn patched(
    batch: &RecordBatch,
    id: &str,
    decided: &str,
    ranks: &HashMap<String, i32>,
) -> Result<RecordBatch> {
    let schema = batch.schema();
    let ids = batch.column(1).as_string::<i32>();
    let (rank_at, decided_at) = (schema.index_of("rank")?, schema.index_of("decided")?);
    let before = batch.column(rank_at).as_primitive::<Int32Type>();
    let rank: Int32Array = (0..ids.len())
        .map(|r| Some(ranks.get(ids.value(r)).copied().unwrap_or_else(|| before.value(r))))
        .collect();
    let was = batch.column(decided_at).as_string::<i32>();
    let now: StringArray =
        (0..ids.len()).map(|r| Some(if ids.value(r) == id { decided } else { was.value(r) })).collect();
    let mut columns = batch.columns().to_vec();
    columns[rank_at] = Arc::new(rank);
    columns[decided_at] = Arc::new(now);
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// Puts decisions into rows that are not ranked against each other.
pub(super) fn mark(batches: &[RecordBatch], decisions: &Decisions) -> Result<Vec<RecordBatch>> {
    let mark = |batch: &RecordBatch| {
        let at = batch.schema().index_of("decided")?;
        let ids = batch.column(1).as_string::<i32>();
        let decided: StringArray = ids.iter().map(|id| id.map(|id| decisions.of(id))).collect();
        let mut columns = batch.columns().to_vec();
        columns[at] = Arc::new(decided);
        Ok(RecordBatch::try_new(batch.schema(), columns)?)
    };
    batches.iter().map(mark).collect()
}
