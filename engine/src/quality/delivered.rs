//! What feeds do not deliver at all. A rule that asks for such a column fails in every row of the feed alike: that is
//! one finding about the feed, not one about each of its rows.
//!
//! A load notes the columns of each file in `ingest_file`. So it is known by feed and batch, and never changes for rows
//! that are stored.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use assay_datasets::schema::{PERIOD, Table};

use super::catalogue::Rules;
use super::measure::{Measure, UNDELIVERED};
use super::months::Alert;
use crate::Result;
use crate::ingest::system::INGEST_FILE;
use crate::warehouse::{Commit, Warehouse, get_rows};

/// By table, feed and batch: the columns its files had; `None` where a file was loaded without noting them.
#[derive(Debug, Default)]
pub struct Delivered(BTreeMap<(String, String, String), Option<BTreeSet<String>>>);

impl Delivered {
    /// What all loads noted.
    pub async fn load(warehouse: &Warehouse, commit: &Commit) -> Result<Self> {
        let mut found = Self::default();
        let Some(table) = warehouse.table(commit, INGEST_FILE).await? else { return Ok(found) };
        for batch in get_rows(warehouse, INGEST_FILE, &table.files).await? {
            let schema = batch.schema();
            let text = |name: &str| Ok::<_, crate::EngineError>(batch.column(schema.index_of(name)?));
            let (batches, tables, sources) = (text("batch")?, text("table_name")?, text("source")?);
            let columns = batch.column_by_name("columns").map(AsArray::as_string::<i32>);
            for row in 0..batch.num_rows() {
                let of = |array: &dyn Array| array.as_string::<i32>().value(row).to_owned();
                let columns = columns.filter(|c| c.is_valid(row)).map(|c| c.value(row));
                found.note((of(tables), of(sources), of(batches)), columns);
            }
        }
        Ok(found)
    }

    fn note(&mut self, key: (String, String, String), columns: Option<&str>) {
        let known = self.0.entry(key).or_insert_with(|| Some(BTreeSet::new()));
        match (known.as_mut(), columns) {
            (Some(known), Some(columns)) => known.extend(columns.split(',').map(str::to_owned)),
            _ => *known = None,
        }
    }

    /// The columns of `table` that a feed's batch does not bring; none where that is not known.
    fn lacking<'t>(&self, table: &'t Table, source: &str, batch: &str) -> BTreeSet<&'t str> {
        let key = (table.name.clone(), source.to_owned(), batch.to_owned());
        let Some(Some(brought)) = self.0.get(&key) else { return BTreeSet::new() };
        let made = |name: &str| {
            // A load finds these itself: the month in a date or an invoice, the parties in an invoice.
            name == PERIOD || (table.follows_invoice() && matches!(name, "seller_id" | "buyer_id"))
        };
        let columns = table.columns.iter().map(|c| c.name.as_str());
        columns.filter(|name| !brought.contains(*name) && !made(name)).collect()
    }

    /// Whether nothing that the stored columns `reads` come from is brought, so that a condition over them says the same
    /// of every row; the missing columns then, in the dictionary's order.
    pub fn missing<'t>(&self, table: &'t Table, source: &str, batch: &str, reads: &[String]) -> Vec<&'t str> {
        let lacking = self.lacking(table, source, batch);
        if lacking.is_empty() || reads.is_empty() {
            return Vec::new();
        }
        let mut missing = Vec::new();
        for stored in reads {
            let mut behind = table.columns.iter().filter(|c| {
                c.name == *stored
                    || c.party_key().as_ref() == Some(stored)
                    || c.personal.as_ref().is_some_and(|p| p.key_column == *stored)
            });
            let Some(first) = behind.next() else { return Vec::new() };
            let all = std::iter::once(first).chain(behind);
            for column in all {
                if !lacking.contains(column.name.as_str()) {
                    return Vec::new();
                }
                missing.push(column.name.as_str());
            }
        }
        missing.dedup();
        missing
    }
}

/// Of one table: what its feeds' batches leave rules without.
#[derive(Debug, Default)]
pub struct Void(BTreeMap<(String, String), Vec<(usize, String)>>);

impl Void {
    /// Whether every feed brings what rules ask for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Rules that can judge nothing in a feed's batch, with the columns they miss.
    pub fn of(&self, source: &str, batch: &str) -> &[(usize, String)] {
        self.0.get(&(source.to_owned(), batch.to_owned())).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Delivered {
    /// What the batches of a table leave its rules without; `judged_by` are the columns of each rule's condition.
    pub fn void(&self, table: &Table, judged_by: &[Vec<String>]) -> Void {
        let mut void = Void::default();
        for (_, source, batch) in self.0.keys().filter(|(name, _, _)| *name == table.name) {
            let missing = judged_by.iter().enumerate().filter_map(|(rule, reads)| {
                let missing = self.missing(table, source, batch, reads);
                (!missing.is_empty()).then(|| (rule, missing.join(",")))
            });
            let missing: Vec<_> = missing.collect();
            if !missing.is_empty() {
                void.0.insert((source.clone(), batch.clone()), missing);
            }
        }
        void
    }
}

/// One alert a feed and rule that can judge nothing in it.
pub fn alerts(measures: &[Measure], rules: &Rules) -> Vec<Alert> {
    let mut found: BTreeMap<(&str, &str, &str), i64> = BTreeMap::new();
    for m in measures.iter().filter(|m| m.measure == UNDELIVERED) {
        *found.entry((&m.table, &m.source, &m.part)).or_default() += m.failed;
    }
    found
        .into_iter()
        .filter_map(|((table, source, part), rows)| alert(rules, table, source, part, rows))
        .collect()
}

fn alert(rules: &Rules, table: &str, source: &str, part: &str, rows: i64) -> Option<Alert> {
    let (id, columns) = part.split_once(' ')?;
    let rule = rules.rules.iter().find(|r| r.id == id && r.table.name == table)?;
    let named = columns.split(',').map(|name| match rule.table.column(name) {
        Some(column) => format!("{}（{name}）", column.zh),
        None => name.to_owned(),
    });
    let named: Vec<String> = named.collect();
    Some(Alert {
        rule: id.to_owned(),
        dimension: rule.dimension,
        severity: rule.severity,
        claim: rule.claim,
        table: table.to_owned(),
        source: source.to_owned(),
        period: None,
        batch: None,
        value: rows as f64,
        line: 0.0,
        zh: format!("该来源不提供{}，{rows}行都不符合“{}”", named.join("、"), rule.name.zh),
        en: format!(
            "the feed does not bring {}: {rows} rows fail “{}”",
            columns.replace(',', ", "),
            rule.name.en
        ),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use assay_datasets::schema::catalog;

    fn noted(table: &str, columns: &[Option<&str>]) -> Delivered {
        let mut delivered = Delivered::default();
        for columns in columns {
            delivered.note((table.into(), "feed".into(), "b1".into()), *columns);
        }
        delivered
    }

    fn missing(table: &str, columns: &[Option<&str>], reads: &[&str]) -> Vec<&'static str> {
        let reads: Vec<String> = reads.iter().map(|r| (*r).to_owned()).collect();
        noted(table, columns).missing(catalog().table(table).unwrap(), "feed", "b1", &reads)
    }

    #[test]
    fn a_column_is_missing_when_no_file_of_the_batch_has_it() {
        assert_eq!(missing("invoice", &[Some("invoice_id,amount")], &["kind"]), ["kind"]);
        assert!(missing("invoice", &[Some("invoice_id"), Some("invoice_id,kind")], &["kind"]).is_empty());
        // Of a file loaded before columns were noted nothing is known.
        assert!(missing("invoice", &[Some("invoice_id"), None], &["kind"]).is_empty());
        assert!(missing("invoice", &[], &["kind"]).is_empty());
    }

    #[test]
    fn a_condition_with_something_to_judge_is_no_matter_of_the_feed() {
        let brought = [Some("invoice_id,amount,issued_at")];
        assert!(missing("invoice", &brought, &["amount", "tax"]).is_empty());
        assert!(missing("invoice", &brought, &["period"]).is_empty());
        assert!(missing("invoice", &brought, &["_ingested_at"]).is_empty());
        assert!(missing("invoice", &brought, &[]).is_empty());
    }

    #[test]
    fn a_key_of_the_vault_stands_for_its_columns() {
        let both = ["legal_rep_name", "legal_rep_id"];
        assert_eq!(missing("taxpayer", &[Some("taxpayer_id,name")], &["legal_rep_key"]), both);
        assert!(missing("taxpayer", &[Some("taxpayer_id,legal_rep_name")], &["legal_rep_key"]).is_empty());
    }

    #[test]
    fn what_a_load_finds_itself_is_not_missing() {
        assert!(missing("invoice_line", &[Some("invoice_id,line_no")], &["seller_key"]).is_empty());
        assert_eq!(missing("invoice", &[Some("invoice_id")], &["seller_key"]), ["seller_id"]);
    }
}
