//! `assay policies refunds`: the night's queue of refunds of credit.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use assay_engine::ingest::Silent;
use assay_engine::ledger::offices_below;
use assay_engine::refunds::{Change, Proposal, Queue, REFUND_QUEUE, Suspicion, Suspicions, queue};
use assay_engine::warehouse::session::{self, Access};
use assay_engine::warehouse::{Warehouse, clock};
use assay_sql::OutputOptions;
use assay_tasks::ledger::Filter;
use chrono::NaiveDate;

use crate::args::{Cli, RefundProposal};
use crate::print;

/// Columns of the list on a screen; a file has all of them.
const SHOWN: &str = "application_no, taxpayer_id, taxpayer_name, office_code, amount, eligible, difference, proposal, reasons, change, clock, \
                     days_used, due_on, days_left, message_zh";
/// What an answer says of a suspicion that is none.
const EXCLUDED: &str = "排除";

/// Makes the queue of a day and shows it.
pub async fn run(
    cli: &Cli,
    as_of: Option<NaiveDate>,
    office: Option<&str>,
    only: Option<RefundProposal>,
    to: Option<&Path>,
) -> Result<()> {
    let warehouse = super::open(cli).await?;
    let day = as_of.unwrap_or_else(|| clock::now().date());
    let suspicions = suspicions(cli, &warehouse).await?;
    let made = queue(&warehouse, day, suspicions, &cli.session(), Arc::new(Silent)).await?;
    report(&made);
    let context = session::open(&warehouse, &warehouse.head().await?, Access::Open, &cli.session()).await?;
    let mut wanted = vec![format!("as_of = DATE '{day}'")];
    if let Some(office) = office {
        let codes = offices_below(&context, office).await?;
        let codes: Vec<String> = codes.iter().map(|code| format!("'{}'", code.replace('\'', "''"))).collect();
        wanted.push(format!("office_code IN ({})", codes.join(", ")));
    }
    if let Some(only) = only {
        wanted.push(format!("proposal = '{}'", proposal(only).word()));
    }
    let columns = if to.is_some() { "*" } else { SHOWN };
    // What is due first stands first; what stands still comes last.
    let sql = format!(
        "SELECT {columns} FROM {REFUND_QUEUE} WHERE {} ORDER BY proposal = 'decided', due_on NULLS LAST, application_no",
        wanted.join(" AND ")
    );
    let options = OutputOptions { table_rows: usize::MAX, cell_width: 100 };
    let stream = context.sql(&sql).await?.execute_stream().await?;
    match to {
        Some(path) => print::file(path, stream, cli.format, &options).await,
        None => print::stream(stream, cli.format, &options).await.map(|_| ()),
    }
}

fn proposal(only: RefundProposal) -> Proposal {
    match only {
        RefundProposal::Release => Proposal::Release,
        RefundProposal::Adjust => Proposal::Adjust,
        RefundProposal::Hold => Proposal::Hold,
        RefundProposal::Refuse => Proposal::Refuse,
        RefundProposal::Terminate => Proposal::Terminate,
        RefundProposal::CannotTell => Proposal::CannotTell,
        RefundProposal::Decided => Proposal::Decided,
    }
}

/// High suspicions of VAT in open tasks, but those an answer excluded. Without a ledger nobody has followed anything up.
async fn suspicions(cli: &Cli, warehouse: &Warehouse) -> Result<Suspicions> {
    let ledger = match super::tasks::open_ledger(cli, warehouse).await {
        Ok(ledger) => ledger,
        Err(_) if cli.ledger.is_none() => return Ok(Suspicions::default()),
        Err(error) => return Err(error),
    };
    let mut open = Vec::new();
    for one in ledger.tasks(&Filter::open()).await? {
        let suspected = one.items.iter().filter(|item| item.tax == "vat" && item.severity == "high");
        let suspected = suspected.filter(|item| !Suspicion::judges_refunds(&item.indicator));
        let standing =
            suspected.filter(|item| one.conclusions.get(&item.indicator).is_none_or(|said| said != EXCLUDED));
        open.extend(standing.map(|item| Suspicion {
            taxpayer_key: one.task.taxpayer_key,
            task_no: one.task.task_no.clone(),
            what: format!("{} {}", item.indicator, item.name_zh),
            as_of: item.as_of,
        }));
    }
    Ok(Suspicions { open, taken_in: ledger.taken_in().await? })
}

/// What the night brought, on stderr.
fn report(queue: &Queue) {
    let counts: Vec<String> = queue
        .counts()
        .iter()
        .map(|(proposal, n)| format!("{} {} ({})", print::count(*n), proposal.word(), proposal.zh()))
        .collect();
    let open = queue.rows.iter().filter(|row| row.proposal != Proposal::Decided).count();
    let overdue = queue.rows.iter().filter(|row| row.proposal != Proposal::Decided);
    let overdue = overdue.filter(|row| row.clock.is_some_and(|clock| clock.overdue())).count();
    print::error(&format!(
        "{}: {} applications under way, {} overdue: {}",
        queue.day,
        print::count(open),
        print::count(overdue),
        if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
    ));
    if let Some(previous) = queue.previous {
        let changes = [Change::New, Change::NewlyHeld, Change::NewlyReleased, Change::Changed, Change::Left];
        let told = changes.map(|change| {
            let n = queue.rows.iter().filter(|row| row.change == change).count();
            format!("{} {}", print::count(n), change.word().replace('_', " "))
        });
        print::error(&format!("  since {previous}: {}", told.join(", ")));
    }
    for warning in &queue.warnings {
        print::error(&format!("  {warning}"));
    }
    if !queue.changed {
        print::error("  as it was kept; nothing changed");
    }
}
