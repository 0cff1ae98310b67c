//! `assay cross-audit`.

use anyhow::Result;
use assay_engine::cross_audit::{self, AuditSummary, Issued};
use assay_engine::warehouse::Warehouse;
use assay_engine::warehouse::session::{self, Access};
use assay_sql::OutputOptions;

use crate::args::{Cli, CrossAuditCommand, Finding};
use crate::print;
use crate::progress::progress;

/// Runs the command.
pub async fn run(cli: &Cli, command: &CrossAuditCommand) -> Result<()> {
    let warehouse = super::open(cli).await?;
    match command {
        CrossAuditCommand::Run { as_of } => compare(cli, &warehouse, *as_of).await,
        CrossAuditCommand::List { as_of, outcome, taxpayer, limit } => {
            let as_of = cross_audit::month(&warehouse, *as_of, &cli.session()).await?;
            let sql = findings(as_of, *outcome, taxpayer.as_deref());
            query(cli, &warehouse, &sql, *limit).await
        }
        CrossAuditCommand::Requests { as_of, to: Some(folder), .. } => {
            let as_of = cross_audit::month_of_requests(&warehouse, *as_of, &cli.session()).await?;
            for file in cross_audit::export(&warehouse, as_of, folder, &cli.session()).await? {
                print::line(&format!("{}: {} documents", file.path.display(), print::count(file.documents)))?;
            }
            Ok(())
        }
        CrossAuditCommand::Requests { as_of, to: None, limit } => {
            let as_of = cross_audit::month_of_requests(&warehouse, *as_of, &cli.session()).await?;
            let sql = format!(
                "SELECT request_no, addressee, to_office, from_office, seller_id, buyer_id, documents, amount, tax, outcomes, \
                 due_on, status, message_zh, message_en FROM {} WHERE as_of = {as_of} ORDER BY request_no",
                cross_audit::REQUEST
            );
            query(cli, &warehouse, &sql, *limit).await
        }
    }
}

async fn compare(cli: &Cli, warehouse: &Warehouse, as_of: Option<i32>) -> Result<()> {
    let options = cli.session();
    let as_of = cross_audit::month(warehouse, as_of, &options).await?;
    let audit = cross_audit::refresh(warehouse, &options, progress()).await?;
    let made = cross_audit::issue(warehouse, as_of, &options).await?;
    report(&audit, made);
    print::error(&format!("claims made by {as_of}, as of that month:"));
    let frame = cross_audit::outcomes(warehouse, as_of, &options).await?;
    print::stream(frame.execute_stream().await?, cli.format, &OutputOptions::default()).await?;
    let red = format!(
        "SELECT outcome, count(*) AS buyer_months, sum(reds) AS reds, sum(red_tax) AS red_tax, sum(shortfall) AS shortfall FROM {} \
         WHERE period <= {as_of} GROUP BY outcome ORDER BY outcome",
        cross_audit::RED_AUDIT
    );
    print::error("reds to documents claimed before, against what their buyers transferred out:");
    query(cli, warehouse, &red, usize::MAX).await
}

/// What was compared and asked, on stderr; nothing where nothing was.
pub fn report(audit: &AuditSummary, made: Issued) {
    if audit.compared > 0 {
        let changed = match audit.changed {
            0 => String::new(),
            n => format!("; {} findings appeared, changed or went", print::count(n)),
        };
        print::error(&format!(
            "cross-audit: {} claims of {} months compared, {} months as before{changed}",
            print::count(audit.claims),
            audit.compared,
            audit.kept
        ));
    }
    if made.letters > 0 {
        print::error(&format!(
            "requests to sellers' offices: {} new, about {} claims",
            print::count(made.letters),
            print::count(made.claims)
        ));
    }
}

/// Claims that do not match as of a month.
fn findings(as_of: i32, outcome: Option<Finding>, taxpayer: Option<&str>) -> String {
    let mut only = vec![format!("claimed_period <= {as_of}"), "as_of_outcome <> 'match'".to_owned()];
    if let Some(outcome) = outcome {
        only.push(format!("as_of_outcome = '{}'", outcome.code()));
    }
    if let Some(id) = taxpayer.map(|id| id.trim().to_uppercase().replace('\'', "''")) {
        only.push(format!("(buyer_id = '{id}' OR seller_id = '{id}' OR document_seller_id = '{id}')"));
    }
    format!(
        "SELECT as_of_outcome AS outcome, buyer_id, invoice_id, claimed_period, differs, \"unknown\", seller_id, issued_on, amount, tax, \
         document_status, document_issued_on, document_seller_id, document_seller_name, document_buyer_id, document_amount, document_tax, listed_on \
         FROM (SELECT *, CASE WHEN since <= {as_of} THEN outcome WHEN outcome = 'missing' THEN 'missing_pending' ELSE 'match' END \
         AS as_of_outcome FROM {}) WHERE {} ORDER BY tax DESC NULLS LAST, buyer_id, invoice_id, claimed_period",
        cross_audit::CLAIM_AUDIT,
        only.join(" AND ")
    )
}

async fn query(cli: &Cli, warehouse: &Warehouse, sql: &str, rows: usize) -> Result<()> {
    let commit = warehouse.head().await?;
    let context = session::open(warehouse, &commit, Access::Open, &cli.session()).await?;
    let options = OutputOptions { table_rows: rows, ..OutputOptions::default() };
    print::stream(context.sql(sql).await?.execute_stream().await?, cli.format, &options).await.map(|_| ())
}
