//! `assay tasks`: a module each for what comes in, what is shown, what goes out and comes back, and what bounds the work.

mod answers;
mod limits;
mod list;
mod plan;

pub use list::hundredths;

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail};
use assay_engine::ledger::{self, DrawSize};
use assay_engine::scan::evaluate;
use assay_engine::warehouse::Warehouse;
use assay_sql::OutputOptions;
use assay_tasks::ledger::{Action, By, Change, Filter, Ledger, State};

use crate::args::{Cli, ExemptCommand, TaskArgs, TasksCommand, Who};
use crate::{print, settings};

/// Runs the command.
pub async fn run(cli: &Cli, command: &TasksCommand) -> Result<ExitCode> {
    let warehouse = super::open(cli).await?;
    if let TasksCommand::Evaluate { as_of } = command {
        return evaluation(cli, &warehouse, *as_of).await.map(|()| ExitCode::SUCCESS);
    }
    let make = matches!(
        command,
        TasksCommand::Open { .. }
            | TasksCommand::Draw { .. }
            | TasksCommand::Exempt(ExemptCommand::Add { .. })
    );
    let ledger = open_or_make(cli, &warehouse, make).await?;
    let place = (cli, &warehouse, &ledger);
    match command {
        TasksCommand::Open { as_of, who } => take_in(place, *as_of, who).await?,
        TasksCommand::Withheld { as_of } => list::withheld(cli, &ledger, *as_of).await?,
        TasksCommand::Draw { share, count, seed, as_of, who } => {
            draw(place, (*share, *count), seed, *as_of, who).await?;
        }
        TasksCommand::Capacity { from, who } => limits::capacity(place, from.as_deref(), who).await?,
        TasksCommand::Officers { from, who } => limits::officers(place, from.as_deref(), who).await?,
        TasksCommand::Draws { number } => list::draws(cli, &ledger, *number).await?,
        TasksCommand::Plan { write, left_out, who } => plan::run(place, *write, *left_out, who).await?,
        TasksCommand::Dispatch { to, unplanned, office, who } => {
            answers::dispatch(place, to, *unplanned, office, who).await?;
        }
        TasksCommand::Export { to, kind, office, who } => {
            answers::export(&ledger, to, *kind, office, who).await?;
        }
        TasksCommand::Import { paths, refused, office, who } => {
            return answers::import(cli, &ledger, paths, refused.as_deref(), office, who).await;
        }
        TasksCommand::List { grade, state, kind, office } => {
            list::list(cli, &ledger, (*grade, *state, *kind), office).await?;
        }
        TasksCommand::Show { id, report, office } => {
            list::show(cli, &ledger, id, report.as_deref(), office).await?;
        }
        TasksCommand::Exempt(command) => limits::exempt(place, command).await?,
        other => change(&ledger, other).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The ledger the arguments, environment or settings file name; else the one beside the warehouse.
pub async fn open_ledger(cli: &Cli, warehouse: &Warehouse) -> Result<Ledger> {
    open_or_make(cli, warehouse, false).await
}

async fn open_or_make(cli: &Cli, warehouse: &Warehouse, make: bool) -> Result<Ledger> {
    let stated = settings::ledger(cli.ledger.as_deref())?;
    let ledger = ledger::open(warehouse, stated.as_deref(), make).await?;
    OPENED.lock().unwrap_or_else(PoisonError::into_inner).push(ledger.clone());
    Ok(ledger)
}

/// Ledgers this command opened.
static OPENED: Mutex<Vec<Ledger>> = Mutex::new(Vec::new());

/// Closes the ledgers this command opened, whether it did what it should or failed.
pub async fn close_ledgers() {
    let opened = std::mem::take(&mut *OPENED.lock().unwrap_or_else(PoisonError::into_inner));
    for ledger in opened {
        ledger.close().await;
    }
}

/// Who does it, now: whoever is named, else the user of the process. What nobody answers for is not done: a review is by
/// another person than the answer, and both must have names.
///
/// # Errors
/// When nobody is named and the computer knows no user.
pub fn by(who: &Who) -> Result<By> {
    let stated = |name: String| Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    let blank = |text: &str| text.trim().is_empty();
    let of_environment = std::env::var("ASSAY_USER").is_ok_and(|name| blank(&name));
    if who.by.as_deref().is_some_and(blank) && !of_environment {
        bail!("--by is empty; name who does this, or leave it out");
    }
    let named = who.by.clone().and_then(stated);
    match named.or_else(|| whoami::username().ok().and_then(stated)) {
        Some(name) => Ok(ledger::by(&name)),
        None => bail!("nobody is named who does this: give --by NAME or set ASSAY_USER"),
    }
}

type Place<'a> = (&'a Cli, &'a Warehouse, &'a Ledger);

async fn take_in((cli, warehouse, ledger): Place<'_>, as_of: Option<i32>, who: &Who) -> Result<()> {
    let taken = ledger::take_in(warehouse, ledger, as_of, &by(who)?, &cli.session()).await?;
    let withheld: usize = taken.opened.withheld.values().sum();
    if taken.opened.known && taken.opened.opened + taken.opened.joined == 0 {
        let still = match withheld {
            0 => String::new(),
            n => format!("; {} hits stay withheld, see: assay tasks withheld", print::count(n)),
        };
        print::line(&format!("the scan as of {} was taken in before; nothing to do{still}", taken.as_of))?;
    } else {
        if taken.opened.known {
            print::error("the scan was taken in before; of what it withheld, the reason is gone in part");
        }
        print::line(&format!(
            "as of {}: {} tasks opened, {} open tasks joined by further hits, {} hits withheld",
            taken.as_of,
            print::count(taken.opened.opened),
            print::count(taken.opened.joined),
            print::count(withheld)
        ))?;
        if taken.opened.settled > 0 {
            let n = print::count(taken.opened.settled);
            print::error(&format!(
                "  {n} suspicions no longer hold by facts that came in late, and were taken out of tasks not sent yet"
            ));
        }
        for (no, code) in &taken.opened.settled_out {
            print::error(&format!(
                "  {code} of task {no}, which is out, no longer holds (后补资料，疑点不再成立): tell the office"
            ));
        }
        for (reason, n) in &taken.opened.withheld {
            print::error(&format!("  withheld: {} {} ({})", print::count(*n), reason.word(), reason.zh()));
        }
    }
    if taken.letters > 0 {
        print::line(&format!("{} requests of other offices (协查)", print::count(taken.letters)))?;
    }
    Ok(())
}

async fn draw(
    (cli, warehouse, ledger): Place<'_>,
    (share, count): (Option<f64>, Option<usize>),
    seed: &str,
    as_of: Option<i32>,
    who: &Who,
) -> Result<()> {
    let size = match (share, count) {
        (Some(share), _) if share > 0.0 && share <= 1.0 => DrawSize::Share(share),
        (Some(share), _) => {
            bail!("--share {share} is no share; write one above 0 and at most 1, such as 0.01")
        }
        (None, count) => DrawSize::Count(count.unwrap_or(0)),
    };
    let drawn = ledger::draw(warehouse, ledger, as_of, size, seed, &by(who)?, &cli.session()).await?;
    print::line(&format!(
        "draw {}: {} of {} taxpayers; {} tasks opened, {} had an open task, {} left alone (exempt or under audit)",
        drawn.draw_no,
        print::count(drawn.drawn),
        print::count(drawn.frame_size),
        print::count(drawn.opened),
        print::count(drawn.joined),
        print::count(drawn.left_alone)
    ))?;
    print::error(&format!("seed {seed}, frame {}", drawn.frame_digest));
    Ok(())
}

async fn evaluation(cli: &Cli, warehouse: &Warehouse, as_of: Option<i32>) -> Result<()> {
    let found = evaluate(warehouse, as_of, &cli.session()).await?;
    print::error(&format!("scan as of {}", found.as_of));
    for frame in [found.schemes, found.grades] {
        print::stream(frame.execute_stream().await?, cli.format, &OutputOptions::default()).await?;
    }
    Ok(())
}

/// The changes that are nothing but a change.
async fn change(ledger: &Ledger, command: &TasksCommand) -> Result<()> {
    let why = |why: &String| why.clone();
    let (args, action, what) = match command {
        TasksCommand::Start { tasks } => (tasks, Action::Start, Change::Start),
        TasksCommand::Extend { tasks, until, why: w } => {
            (tasks, Action::Extend, Change::Extend { until: *until, why: why(w) })
        }
        TasksCommand::Transfer { tasks, to, why: w } => {
            (tasks, Action::Transfer, Change::Transfer { to: to.clone(), why: why(w) })
        }
        TasksCommand::Recall { tasks, yes, why: w } => {
            if tasks.all && !yes {
                let n = numbers(ledger, tasks, Action::Recall).await?.len();
                bail!(
                    "{} tasks would be recalled, and a recalled task cannot be reopened; to do it, add --yes",
                    print::count(n)
                );
            }
            (tasks, Action::Recall, Change::Recall { why: why(w) })
        }
        TasksCommand::Return { tasks, why: w } => (tasks, Action::Return, Change::Return { why: why(w) }),
        TasksCommand::Review { tasks, opinion } => {
            (tasks, Action::Review, Change::Review { opinion: opinion.clone() })
        }
        TasksCommand::Close { tasks } => (tasks, Action::Close, Change::Close),
        _ => bail!("internal error: not a change"),
    };
    let scope = ledger.scope(args.office.office.as_deref()).await?;
    let (mut numbers, by) = (numbers(ledger, args, action).await?, by(&args.who)?);
    if args.all && action == Action::Review {
        let own = ledger.handled_by(&by.who).await?;
        let all = numbers.len();
        numbers.retain(|number| !own.contains(number));
        if numbers.len() < all {
            print::error(&format!(
                "{} tasks were handled by {} and are left for another reviewer",
                print::count(all - numbers.len()),
                by.who
            ));
        }
    }
    let changed = ledger.change(&numbers, &what, &scope, &by).await?;
    for one in changed.iter().filter(|_| !args.all) {
        print::line(&format!("{}: {} ({})", one.task.task_no, one.state.word(), one.state.zh()))?;
    }
    if args.all {
        print::line(&format!("{} tasks {}", print::count(changed.len()), action.done()))?;
    }
    Ok(())
}

/// The tasks named, or all whose state allows the action.
async fn numbers(ledger: &Ledger, args: &TaskArgs, action: Action) -> Result<Vec<String>> {
    if !args.all {
        return Ok(args.tasks.clone());
    }
    let scope = ledger.scope(args.office.office.as_deref()).await?;
    let states = State::ALL.into_iter().filter(|state| state.after(action).is_some()).collect();
    let mut found =
        ledger.list(&Filter { scope: scope.clone(), states: Some(states), ..Filter::everything() }).await?;
    found.retain(|one| scope.holds(one.task.office_code.as_deref()));
    Ok(found.into_iter().map(|one| one.task.task_no).collect())
}
