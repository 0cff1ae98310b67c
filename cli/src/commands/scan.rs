//! `assay scan`.

use anyhow::Result;
use assay_engine::policy::Reopened;
use assay_engine::scan::{ScanRequest, ScanSummary, scan};

use crate::args::Cli;
use crate::print;
use crate::progress::progress;

/// Scans and prints what was found.
pub async fn run(cli: &Cli, as_of: Option<i32>, only: &[String], force: bool) -> Result<()> {
    let warehouse = super::open(cli).await?;
    let request = ScanRequest { as_of, only: only.to_vec(), force, session: cli.session() };
    report(&scan(&warehouse, &request, progress()).await?)
}

/// Prints a scan's summary.
pub fn report(summary: &ScanSummary) -> Result<()> {
    for (name, units) in summary.rollups.built.iter().filter(|(_, n)| *n > 0) {
        print::error(&format!("{name}: {units} units built"));
    }
    super::cross_audit::report(&summary.audit, summary.requests);
    if !summary.not_in_force.is_empty() {
        print::error(&format!("no line in force in {}: {}", summary.as_of, summary.not_in_force.join(", ")));
    }
    let [high, medium, low] = summary.tasks;
    print::line(&format!(
        "as of {}: {} taxpayers, {} indicators, {} hits; tasks: {} high (高), {} medium (中), {} low (低)",
        summary.as_of,
        print::count(summary.taxpayers),
        summary.indicators,
        print::count(summary.hits),
        print::count(high),
        print::count(medium),
        print::count(low)
    ))?;
    asked_again(&summary.reopened);
    let state = if summary.up_to_date { "nothing changed since this scan was run" } else { "done" };
    print::error(&format!(
        "scan {}: {state} in {:.2} s (rollups {:.2} s)",
        summary.run, summary.seconds, summary.rollup_seconds
    ));
    Ok(())
}

/// Months whose policies were asked again.
pub fn asked_again(reopened: &[Reopened]) {
    for Reopened { as_of, changed } in reopened {
        print::error(&format!(
            "facts about {as_of} or before came in late: policies asked again, {} answers changed (policy_change)",
            print::count(*changed)
        ));
    }
}
