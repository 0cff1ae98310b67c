//! One module a command: it reads its arguments, calls the engine and prints.

mod cases;
mod cross_audit;
mod demo;
mod effect;
mod generate;
mod inbox;
mod indicators;
mod ingest;
mod links;
mod mapping;
mod pages;
mod policies;
mod quality;
mod refunds;
mod scan;
mod schema;
mod sql;
mod tasks;
mod taxpayer;
mod worth;

use std::process::ExitCode;

use anyhow::Result;
use assay_engine::warehouse::Warehouse;
use clap::CommandFactory;

use crate::args::{Cli, Command};
use crate::{print, settings};

/// Exit code when rows were rejected.
const REJECTED: u8 = 3;

/// Runs the command, and leaves nothing open behind it.
pub async fn run(cli: Cli) -> Result<ExitCode> {
    let done = command(&cli).await;
    tasks::close_ledgers().await;
    done
}

async fn command(cli: &Cli) -> Result<ExitCode> {
    match &cli.command {
        Command::Init { location, bucket_width } => {
            let warehouse = Warehouse::init(location, *bucket_width).await?;
            print::line(&format!("created an empty warehouse at {}", warehouse.url()))?;
        }
        Command::Ingest(args) => return ingest::run(cli, args).await,
        Command::Generate(args) => generate::run(cli, args).await?,
        Command::Quality(args) => return quality::run(cli, args).await,
        Command::Scan { as_of, only, force } => scan::run(cli, *as_of, only, *force).await?,
        Command::CrossAudit(command) => cross_audit::run(cli, command).await?,
        Command::Tasks(command) => return tasks::run(cli, command).await,
        Command::Cases(command) => cases::run(cli, command).await?,
        Command::Taxpayer(args) => taxpayer::run(cli, args).await?,
        Command::Indicators(command) => return indicators::run(cli, command).await,
        Command::Policies(command) => return policies::run(cli, command).await,
        Command::Links(command) => links::run(cli, command).await?,
        Command::Sql(args) => sql::run(cli, args).await?,
        Command::Schema { table, markdown } => schema::run(cli, table.as_deref(), *markdown).await?,
        Command::Mapping(command) => return mapping::run(cli, command).await,
        Command::Demo { location, seed } => demo::run(cli, location, *seed).await?,
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Cli::command(), "assay", &mut std::io::stdout());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The warehouse the arguments, environment or settings file name.
async fn open(cli: &Cli) -> Result<Warehouse> {
    Ok(Warehouse::open(&settings::warehouse(cli.warehouse.as_deref())?).await?)
}
