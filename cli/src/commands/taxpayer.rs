//! `assay taxpayer`: everything about one taxpayer, as a page, on the terminal, or as JSON.

use anyhow::{Result, bail};
use assay_engine::pages::{Block, State, Table, TaxpayerPage, taxpayer};
use assay_sql::Format;

use crate::args::{Cli, TaxpayerArgs};
use crate::print;

/// Gathers all before anything is written: an unknown taxpayer leaves no file.
pub async fn run(cli: &Cli, args: &TaxpayerArgs) -> Result<()> {
    if args.report.is_none() && !matches!(cli.format, Format::Table | Format::Json) {
        bail!("a taxpayer is shown as --format table or json, or as a page with --report FILE");
    }
    let warehouse = super::open(cli).await?;
    let options = cli.session();
    // Without a ledger nobody has followed anything up.
    let past = match super::tasks::open_ledger(cli, &warehouse).await {
        Ok(ledger) => super::pages::past(&ledger, &args.id).await?,
        Err(_) if cli.ledger.is_none() => Vec::new(),
        Err(error) => return Err(error),
    };
    let page = taxpayer(&warehouse, &args.id, args.as_of, &past, &options).await?;
    if let Some(file) = &args.report {
        assay_tasks::write_text(file, &page.html()?)?;
        return print::line(&file.display().to_string());
    }
    if cli.format == Format::Json {
        return print::line(&page.json().await?);
    }
    show(cli, &page).await
}

async fn show(cli: &Cli, page: &TaxpayerPage) -> Result<()> {
    let name = page.name.as_deref().unwrap_or("未登记纳税人");
    print::line(&format!("{name} {}，截至{}", page.taxpayer_id, page.as_of))?;
    for (label, value) in &page.headline {
        print::line(&format!("{label}：{value}"))?;
    }
    for section in &page.sections {
        print::line(&format!("\n【{}】", section.zh))?;
        for block in &section.blocks {
            show_block(cli, block).await?;
        }
    }
    Ok(())
}

async fn show_block(cli: &Cli, block: &Block) -> Result<()> {
    if block.state != State::Filled {
        print::line(&format!("{}：{}", block.zh, block.state.zh()))?;
        return block.notes.iter().try_for_each(|note| print::line(note));
    }
    print::line(&format!("\n{}", block.zh))?;
    for (label, value) in &block.facts {
        print::line(&format!("  {label}：{value}"))?;
    }
    if let Some(table) = &block.table {
        print::rows(&table.header, &aligned(table), cli.format).await?;
    }
    block.notes.iter().try_for_each(|note| print::line(note))
}

/// The rows and the sums with numbers to the right, as the terminal has only text to show.
fn aligned(table: &Table) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = table.rows.iter().chain(&table.foot).cloned().collect();
    for (column, _) in table.text.iter().enumerate().filter(|(_, text)| !**text) {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let width = cells.map(|cell| cell.chars().count()).max().unwrap_or_default();
        for cell in rows.iter_mut().filter_map(|row| row.get_mut(column)) {
            *cell = format!("{cell:>width$}");
        }
    }
    rows
}
