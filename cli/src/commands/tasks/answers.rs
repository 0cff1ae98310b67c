//! What goes out to offices and comes back: `tasks dispatch`, `tasks export`, `tasks import`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use assay_engine::ledger::open_audits;
use assay_engine::scan::{ExportFormat, export as write_list};
use assay_tasks::ledger::{FileReport, Filter, Ledger, LeftAlone, RefusedRow, Sending};
use assay_tasks::{ExportedFile, Tasks};

use super::{Place, by};
use crate::args::{Cli, ExportKind, OfficeArg, Who};
use crate::commands::REJECTED;
use crate::print;

/// Rows told one by one on the screen; all of them go into a file when asked for.
const SHOWN: usize = 20;

/// Columns of what became of workbooks.
const IMPORTED: [&str; 12] = [
    "file",
    "answered",
    "partly",
    "supplemented",
    "reviewed",
    "unchanged",
    "blank",
    "repeated",
    "refused",
    "still_open",
    "not_in_file",
    "note",
];

/// Sends tasks and writes workbooks.
pub async fn dispatch(
    (cli, warehouse, ledger): Place<'_>,
    to: &Path,
    unplanned: bool,
    office: &OfficeArg,
    who: &Who,
) -> Result<()> {
    let (scope, by) = (ledger.scope(office.office.as_deref()).await?, by(who)?);
    let audits = open_audits(warehouse, &by, &cli.session()).await?;
    let done = ledger.dispatch(to, &scope, &Sending { unplanned, audits }, &by).await?;
    written(&done.files)?;
    let (sent, books) = (done.sent, done.files.len());
    match (sent, books) {
        (0, 0) => {}
        (0, _) => print::error(&format!("no task was waiting; {books} workbooks of what is out")),
        _ => print::error(&format!("{} tasks dispatched, {books} workbooks", print::count(sent))),
    }
    if done.unplanned > 0 {
        print::error(&format!(
            "{} tasks were opened after the last plan and wait: assay tasks plan --write, or dispatch --unplanned",
            print::count(done.unplanned)
        ));
    }
    let stays = |what: &str, one: &LeftAlone| {
        let (no, id, why) = (&one.task_no, &one.taxpayer_id, one.reason.zh());
        print::error(&format!("{what}: {no} {id} {why}：{}", one.detail));
    };
    done.left_alone.iter().take(SHOWN).for_each(|one| stays("not sent", one));
    more(done.left_alone.len(), "assay tasks plan --left-out");
    done.under_audit
        .iter()
        .take(SHOWN)
        .for_each(|one| stays("sent before, assay tasks recall takes it back", one));
    more(done.under_audit.len(), "enforcement_case, kind audit, not closed");
    let waits = done.unplanned + done.left_alone.len();
    if done.files.is_empty() && waits == 0 {
        print::error("nothing to send; tasks of a scan are taken in with: assay tasks open");
    }
    Ok(())
}

fn written(files: &[ExportedFile]) -> Result<()> {
    for file in files {
        print::line(&format!("{}: {} tasks, {} hits", file.path.display(), file.tasks, file.items))?;
    }
    Ok(())
}

/// Says that there are more than were told, and where they stand.
fn more(all: usize, place: &str) {
    if all > SHOWN {
        print::error(&format!("… and {} more; all of them: {place}", all - SHOWN));
    }
}

/// Writes workbooks of what is to be answered, or one list of what is open.
pub async fn export(
    ledger: &Ledger,
    to: &Path,
    kind: ExportKind,
    office: &OfficeArg,
    who: &Who,
) -> Result<()> {
    let scope = ledger.scope(office.office.as_deref()).await?;
    let files = match kind {
        ExportKind::Xlsx => ledger.send(to, &scope, &by(who)?).await?,
        ExportKind::Csv | ExportKind::Parquet => {
            let format =
                if matches!(kind, ExportKind::Csv) { ExportFormat::Csv } else { ExportFormat::Parquet };
            let open = ledger.tasks(&Filter { scope, ..Filter::open() }).await?;
            let as_of = open.iter().map(|one| one.task.as_of).max().unwrap_or(0);
            let list = Tasks::from_iter(open);
            if list.tasks.is_empty() { Vec::new() } else { write_list(&list, as_of, to, format)? }
        }
    };
    written(&files)?;
    if files.is_empty() {
        print::error("nothing to write; sent tasks alone go into workbooks: assay tasks dispatch --to DIR");
    }
    Ok(())
}

/// Takes answered workbooks back.
pub async fn import(
    cli: &Cli,
    ledger: &Ledger,
    paths: &[PathBuf],
    refused_to: Option<&Path>,
    office: &OfficeArg,
    who: &Who,
) -> Result<ExitCode> {
    let (scope, by) = (ledger.scope(office.office.as_deref()).await?, by(who)?);
    let (mut refused, mut open) = (Vec::new(), 0);
    let mut rows = Vec::new();
    let books = workbooks(paths)?;
    if let Some(path) = refused_to {
        // A place that cannot be written is known before anything is taken in.
        write_refused(path, &[])?;
    }
    for path in books {
        let report = match ledger.import(&path, &scope, &by).await {
            Ok(report) => report,
            Err(error) => {
                // What is in stays in, and is told.
                print::rows(&IMPORTED, &rows, cli.format).await?;
                return Err(error).with_context(|| {
                    format!("{} and what follows it is not taken in; import again", path.display())
                });
            }
        };
        rows.push(row(&report));
        open += report.open.len();
        partly(&report);
        refused.extend(report.refused);
    }
    print::rows(&IMPORTED, &rows, cli.format).await?;
    for one in refused.iter().take(SHOWN) {
        print::error(&told(one));
    }
    let shown = refused_to.map_or_else(|| "--refused FILE.csv".to_owned(), |path| path.display().to_string());
    more(refused.len(), &shown);
    if let Some(path) = refused_to {
        write_refused(path, &refused)?;
    }
    if open > 0 {
        print::error(&format!("{} tasks of these workbooks are still to be answered", print::count(open)));
    }
    Ok(if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(REJECTED) })
}

/// The workbooks named, and those in folders named and the folders in these, in order of name. Other files are told of.
fn workbooks(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let books = workbooks_in(path)?;
            if books.is_empty() {
                bail!("{} holds no .xlsx workbooks", path.display());
            }
            found.extend(books);
        } else if path.is_file() {
            found.push(path.clone());
        } else {
            bail!("{} is not there; name workbooks or folders of them", path.display());
        }
    }
    Ok(found)
}

fn workbooks_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let entry = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.map(|entry| entry.path()).with_context(|| format!("cannot read {}", folder.display()))
    };
    let mut all: Vec<PathBuf> = entries.map(entry).collect::<Result<_>>()?;
    all.sort();
    let mut books = Vec::new();
    for file in all {
        let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        // What spreadsheets leave beside an open workbook is no workbook.
        if name.starts_with("~$") || name.starts_with('.') {
            continue;
        }
        if file.is_dir() {
            books.extend(workbooks_in(&file)?);
        } else if name.ends_with(".xlsx") {
            books.push(file);
        } else if [".xls", ".csv", ".et", ".xlsm", ".ods"].iter().any(|end| name.ends_with(end)) {
            print::error(&format!("left out: {}（请另存为xlsx再回传; save it as xlsx)", file.display()));
        } else {
            print::error(&format!("left out: {} is no .xlsx workbook", file.display()));
        }
    }
    Ok(books)
}

fn row(report: &FileReport) -> Vec<String> {
    let returned = report.open.iter().filter(|one| one.begun.is_some()).count();
    let note = match (report.known, returned) {
        (false, _) => String::new(),
        (true, 0) => "taken in before".to_owned(),
        (true, n) => format!("taken in before; {n} to be mended or completed"),
    };
    let count = |n: usize| n.to_string();
    vec![
        report.file.clone(),
        count(report.answered),
        count(report.drafted),
        count(report.supplemented),
        count(report.reviewed),
        count(report.unchanged),
        count(report.blank),
        count(report.repeated),
        count(report.refused_rows),
        count(report.open.len()),
        count(report.absent.len()),
        note,
    ]
}

/// Tasks somebody began to answer, and what is missing; rows that were sent and are not in the file.
fn partly(report: &FileReport) {
    for (task_no, who) in report.absent.iter().take(SHOWN) {
        print::error(&format!("{}: {task_no} {who} 已下发待反馈，本文件中没有该行", report.file));
    }
    let begun = report.open.iter().filter_map(|one| Some((one, one.begun.as_ref()?)));
    for (one, missing) in begun.filter(|(_, missing)| !missing.is_empty()).take(SHOWN) {
        let (no, who) = (&one.task_no, &one.taxpayer);
        print::error(&format!("{}: {no} {who} 尚缺：{}", report.file, missing.join("、")));
    }
}

fn told(one: &RefusedRow) -> String {
    let place = match one.row {
        Some(row) => format!("{}，工作表「{}」第{row}行", one.file, one.sheet),
        None => one.file.clone(),
    };
    let whose = if one.taxpayer.is_empty() { String::new() } else { format!("（{}）", one.taxpayer) };
    let column = if one.column.is_empty() {
        String::new()
    } else {
        format!("，{}＝「{}」", one.column, one.value)
    };
    format!("refused: {place}{whose}{column}：{}（{}）", one.zh, one.en)
}

fn write_refused(path: &Path, refused: &[RefusedRow]) -> Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "file",
        "sheet",
        "row",
        "row_key",
        "task_no",
        "taxpayer",
        "column",
        "value",
        "problem_zh",
        "problem",
    ])?;
    for one in refused {
        let row = one.row.map(|row| row.to_string()).unwrap_or_default();
        writer.write_record([
            &one.file,
            &one.sheet,
            &row,
            &one.row_key,
            &one.task_no,
            &one.taxpayer,
            &one.column,
            &one.value,
            &one.zh,
            &one.en,
        ])?;
    }
    let text = String::from_utf8(writer.into_inner()?)?;
    // With a mark, so that a spreadsheet reads the Chinese.
    Ok(assay_tasks::write_text(path, &format!("\u{feff}{text}"))?)
}
