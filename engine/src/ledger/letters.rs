//! Requests of the cross-audit to sellers' offices (协查), as the ledger takes them in.

use arrow::array::RecordBatch;
use assay_tasks::ledger::{Document, Letter};
use assay_tasks::{date_text, money_zh};
use datafusion::prelude::SessionContext;

use super::{days, fen, some, text, whole};
use crate::Result;
use crate::cross_audit::Outcomes;
use crate::scan::rows as rows_of;

const LETTERS: &str = include_str!("../../../sql/ledger/letters.sql");

/// All requests to offices.
pub(super) async fn read(context: &SessionContext) -> Result<Vec<Letter>> {
    let mut letters: Vec<Letter> = Vec::new();
    for batch in rows_of(context, LETTERS).await? {
        let batch = &batch;
        let (numbers, months) = (text(batch, 0), whole(batch, 1)?);
        let (keys, spans) = (whole(batch, 4)?, whole(batch, 9)?);
        let documents = documents(batch)?;
        for (row, document) in documents.into_iter().enumerate() {
            let number = numbers.value(row);
            if letters.last().is_none_or(|last| last.request_no != number) {
                letters.push(Letter {
                    request_no: number.to_owned(),
                    as_of: i32::try_from(months[row].unwrap_or(0)).unwrap_or(0),
                    to_office: some(text(batch, 2), row),
                    from_office: some(text(batch, 3), row),
                    seller_key: keys[row].unwrap_or(0),
                    seller_id: some(text(batch, 5), row).unwrap_or_default(),
                    seller_name: some(text(batch, 6), row),
                    message_zh: some(text(batch, 7), row).unwrap_or_default(),
                    message_en: some(text(batch, 8), row).unwrap_or_default(),
                    days: i32::try_from(spans[row].unwrap_or(0)).unwrap_or(0),
                    documents: Vec::new(),
                });
            }
            if let Some(letter) = letters.last_mut() {
                letter.documents.push(document);
            }
        }
    }
    Ok(letters)
}

/// The document of each row.
fn documents(batch: &RecordBatch) -> Result<Vec<Document>> {
    let outcomes = Outcomes::built_in()?;
    let (buyers, ids, codes) = (text(batch, 11), text(batch, 12), text(batch, 14));
    let (claimed, differs) = (whole(batch, 13)?, text(batch, 15));
    let (claim_days, issue_days) = (days(batch, 16)?, days(batch, 19)?);
    let (amounts, taxes) = (fen(batch, 17)?, fen(batch, 18)?);
    let (issued_amounts, issued_taxes) = (fen(batch, 22)?, fen(batch, 23)?);
    let parties = (text(batch, 20), text(batch, 21));
    let document = |row: usize| {
        let outcome = outcomes.get(codes.value(row));
        let copy = |day: Option<i32>, amount: Option<i128>, tax: Option<i128>| {
            let yuan = |fen: Option<i128>| fen.map_or_else(|| "不详".to_owned(), money_zh);
            format!(
                "开票日期{}，金额{}，税额{}",
                day.map_or_else(|| "不详".to_owned(), date_text),
                yuan(amount),
                yuan(tax)
            )
        };
        let mut facts = vec![
            format!("购方{}于{}申报抵扣", buyers.value(row), claimed[row].unwrap_or(0)),
            format!("抵扣联：{}", copy(claim_days[row], amounts[row], taxes[row])),
        ];
        if issued_taxes[row].is_some() || issue_days[row].is_some() {
            let issued = copy(issue_days[row], issued_amounts[row], issued_taxes[row]);
            let (seller, buyer) = (some(parties.0, row), some(parties.1, row));
            let party = |id: Option<String>| id.unwrap_or_else(|| "不详".to_owned());
            facts.push(format!("存根联：{issued}，销方{}，购方{}", party(seller), party(buyer)));
        } else {
            facts.push("存根联：无此凭证".to_owned());
        }
        if let Some(fields) = some(differs, row).filter(|fields| !fields.is_empty()) {
            facts.push(format!("不符项：{}", crate::cross_audit::fields_zh(&fields)));
        }
        Document {
            invoice_id: ids.value(row).to_owned(),
            outcome_zh: outcome.map_or_else(|| codes.value(row).to_owned(), |one| one.zh.clone()),
            outcome_en: outcome.map_or_else(|| codes.value(row).to_owned(), |one| one.en.clone()),
            facts_zh: facts.join("\n"),
            tax_claimed: taxes[row],
            tax_issued: issued_taxes[row],
            evidence_sql: format!(
                "SELECT * FROM claim_audit WHERE buyer_id = '{}' AND invoice_id = '{}'",
                buyers.value(row).replace('\'', "''"),
                ids.value(row).replace('\'', "''")
            ),
        }
    };
    Ok((0..batch.num_rows()).map(document).collect())
}
