//! Requests of other offices (协查) as tasks: they go to the seller's office like any task, and come back to the office that
//! asked, which sees them all the time. What is asked, and of whom, is decided by the cross-audit.

use super::error::Result;
use super::intake::fresh;
use super::rows::{all, word};
use super::store::{Kind, Stored, add};
use super::{By, Ledger, commit, patiently};
use crate::office::Tree;
use crate::{ItemKind, Task, TaskItem, row_key};

/// A letter to an office, and the documents it asks about.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Its number.
    pub request_no: String,
    /// Month of the cross-audit, YYYYMM.
    pub as_of: i32,
    /// The seller's office.
    pub to_office: Option<String>,
    /// The buyer's office, which asks.
    pub from_office: Option<String>,
    /// The seller.
    pub seller_key: i64,
    /// The seller's id.
    pub seller_id: String,
    /// The seller's name.
    pub seller_name: Option<String>,
    /// What is asked.
    pub message_zh: String,
    /// The same in English.
    pub message_en: String,
    /// Days to answer.
    pub days: i32,
    /// The documents.
    pub documents: Vec<Document>,
}

/// A document a letter asks about.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its number.
    pub invoice_id: String,
    /// Outcome of the cross-audit, in Chinese.
    pub outcome_zh: String,
    /// The same in English.
    pub outcome_en: String,
    /// Both copies, one fact a line.
    pub facts_zh: String,
    /// Tax claimed, fen.
    pub tax_claimed: Option<i128>,
    /// Tax of the document, fen; none when it is not there.
    pub tax_issued: Option<i128>,
    /// Query that returns both copies.
    pub evidence_sql: String,
}

impl Ledger {
    /// Takes letters in that the ledger does not know yet; how many.
    ///
    /// # Errors
    /// When the ledger cannot be written; nothing is taken in then.
    pub async fn open_letters(&self, letters: &[Letter], by: &By) -> Result<usize> {
        patiently(async || self.take_letters(letters, by).await).await
    }

    async fn take_letters(&self, letters: &[Letter], by: &By) -> Result<usize> {
        let mut tx = self.begin_in_turn().await?;
        let mut known = std::collections::BTreeSet::new();
        for row in
            all(&mut tx, "read letters", "SELECT task_no FROM task WHERE kind = 'assistance'", vec![]).await?
        {
            known.insert(word(&row, 0)?);
        }
        let tree = Tree::read(&mut tx).await?;
        let more: Vec<Stored> = letters
            .iter()
            .filter(|letter| !known.contains(&letter.request_no))
            .map(|letter| task_of(letter, &tree, by))
            .collect();
        add(&mut tx, &more, by, "交叉稽核").await?;
        commit(tx).await?;
        Ok(more.len())
    }
}

fn task_of(letter: &Letter, tree: &Tree, by: &By) -> Stored {
    let route = tree.route(letter.to_office.clone());
    let from = tree.route(letter.from_office.clone());
    let key = row_key(&letter.seller_id, letter.as_of, &[&letter.request_no]);
    let items: Vec<TaskItem> =
        letter.documents.iter().enumerate().map(|(at, one)| item(letter, at, one, &key)).collect();
    let amount = letter.documents.iter().filter_map(|one| one.tax_claimed).reduce(|a, b| a + b);
    let task = Task {
        task_no: letter.request_no.clone(),
        row_key: key,
        sequence: 0,
        as_of: letter.as_of,
        taxpayer_key: letter.seller_key,
        taxpayer_id: letter.seller_id.clone(),
        taxpayer_name: letter.seller_name.clone(),
        office_code: route.office_code,
        office_name: route.office_name,
        county_name: route.county_name,
        office_path: route.path,
        industry_code: None,
        taxpayer_status: None,
        credit_rating: None,
        grade: "medium".to_owned(),
        score: 0,
        hit_count: i64::try_from(items.len()).unwrap_or(i64::MAX),
        tax: "vat".to_owned(),
        period_from: letter.as_of,
        period_to: letter.as_of,
        suspicion_zh: letter.message_zh.clone(),
        suspicion_en: letter.message_en.clone(),
        request_zh: Some(letter.message_zh.clone()),
        amount,
        response: "调查核实".to_owned(),
        due_days: letter.days,
        due_on: 0,
        issued_on: 0,
        batch: format!("{}-XC", letter.as_of),
        source: "发票协查".to_owned(),
        pushed_by: from.office_name.or(from.office_code),
        status: "created".to_owned(),
    };
    let mut stored = fresh(task, items, Kind::Assistance, by);
    stored.from_office.clone_from(&letter.from_office);
    stored
}

fn item(letter: &Letter, at: usize, one: &Document, row_key: &str) -> TaskItem {
    let yuan = |fen: Option<i128>| fen.map_or(f64::NAN, |fen| fen as f64 / 100.0);
    TaskItem {
        task_no: letter.request_no.clone(),
        row_key: row_key.to_owned(),
        item_no: i32::try_from(at + 1).unwrap_or(i32::MAX),
        as_of: letter.as_of,
        taxpayer_key: letter.seller_key,
        taxpayer_id: letter.seller_id.clone(),
        kind: ItemKind::Hit,
        indicator: one.invoice_id.clone(),
        version: 1,
        name_zh: format!("稽核比对{}", one.outcome_zh),
        name_en: format!("cross-audit: {}", one.outcome_en),
        family: "assistance".to_owned(),
        tax: "vat".to_owned(),
        severity: "medium".to_owned(),
        unit: "money".to_owned(),
        value: yuan(one.tax_claimed),
        op: String::new(),
        line: yuan(one.tax_issued),
        line_kind: "absolute".to_owned(),
        line_source: "V".to_owned(),
        peer_group: None,
        peer_n: None,
        deviation: None,
        amount: one.tax_claimed,
        amount_counted: true,
        points: 0,
        message_zh: format!("凭证{}：稽核比对{}", one.invoice_id, one.outcome_zh),
        message_en: format!("document {}: {}", one.invoice_id, one.outcome_en),
        facts: "{}".to_owned(),
        facts_zh: one.facts_zh.clone(),
        note_zh: Some("指标值为购方申报抵扣的税额，预警值为开票方数据的税额（无此凭证的为空）。".to_owned()),
        innocent_zh: String::new(),
        ask_zh: "凭证存根联、记账凭证、合同及收付款记录".to_owned(),
        basis_zh: String::new(),
        evidence_sql: one.evidence_sql.clone(),
    }
}
