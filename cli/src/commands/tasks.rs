//! `assay tasks`.

use anyhow::{Result, bail};
use assay_engine::scan::{ExportFormat, evaluate, export, load_tasks};
use assay_engine::tasks::{Task, TaskItem, date_text, grade_zh};
use assay_sql::OutputOptions;

use crate::args::{Cli, ExportKind, Grade, TasksCommand};
use crate::print;

/// Lists, shows or exports tasks.
pub async fn run(cli: &Cli, command: &TasksCommand) -> Result<()> {
    let warehouse = super::open(cli).await?;
    match command {
        TasksCommand::List { as_of, grade, office } => {
            let (_, mut all) = load_tasks(&warehouse, *as_of, &cli.session()).await?;
            let wanted = grade.map(grade_name);
            all.tasks.retain(|t| {
                wanted.is_none_or(|g| t.grade == g)
                    && office.as_ref().is_none_or(|o| t.office_code.as_ref() == Some(o))
            });
            list(cli, &all.tasks).await
        }
        TasksCommand::Show { id, as_of } => {
            let (month, all) = load_tasks(&warehouse, *as_of, &cli.session()).await?;
            let Some(task) = all.tasks.iter().find(|t| &t.taxpayer_id == id || &t.task_no == id) else {
                bail!("no task of {id} in the scan as of {month}; all of them: assay tasks list");
            };
            let items: Vec<&TaskItem> = all.items.iter().filter(|i| i.task_no == task.task_no).collect();
            show(task, &items)
        }
        TasksCommand::Evaluate { as_of } => {
            let found = evaluate(&warehouse, *as_of, &cli.session()).await?;
            print::error(&format!("scan as of {}", found.as_of));
            let options = OutputOptions::default();
            for frame in [found.schemes, found.grades] {
                print::stream(frame.execute_stream().await?, cli.format, &options).await?;
            }
            Ok(())
        }
        TasksCommand::Export { to, kind, as_of } => {
            let (month, all) = load_tasks(&warehouse, *as_of, &cli.session()).await?;
            let format = match kind {
                ExportKind::Xlsx => ExportFormat::Xlsx,
                ExportKind::Csv => ExportFormat::Csv,
                ExportKind::Parquet => ExportFormat::Parquet,
            };
            let files = export(&all, month, to, format)?;
            for file in files {
                print::line(&format!("{}: {} tasks, {} hits", file.path.display(), file.tasks, file.items))?;
            }
            Ok(())
        }
    }
}

fn grade_name(grade: Grade) -> &'static str {
    match grade {
        Grade::High => "high",
        Grade::Medium => "medium",
        Grade::Low => "low",
    }
}

async fn list(cli: &Cli, tasks: &[Task]) -> Result<()> {
    let header = [
        "task_no",
        "taxpayer_id",
        "taxpayer_name",
        "office",
        "grade",
        "score",
        "hits",
        "estimated_tax",
        "due_on",
    ];
    let rows: Vec<Vec<String>> = tasks
        .iter()
        .map(|t| {
            vec![
                t.task_no.clone(),
                t.taxpayer_id.clone(),
                t.taxpayer_name.clone().unwrap_or_default(),
                t.office_name
                    .clone()
                    .or_else(|| t.office_code.clone())
                    .unwrap_or_else(|| "主管机关不明".into()),
                t.grade.clone(),
                hundredths(t.score),
                t.hit_count.to_string(),
                t.amount.map(hundredths).unwrap_or_default(),
                date_text(t.due_on),
            ]
        })
        .collect();
    print::rows(&header, &rows, cli.format).await
}

fn hundredths(value: i128) -> String {
    format!("{}{}.{:02}", if value < 0 { "-" } else { "" }, value.abs() / 100, value.abs() % 100)
}

fn show(task: &Task, items: &[&TaskItem]) -> Result<()> {
    print::line(&format!(
        "{} {} {}\n等级 {}，积分 {}，命中 {} 项；应对方式：{}；时限 {}",
        task.task_no,
        task.taxpayer_id,
        task.taxpayer_name.as_deref().unwrap_or_default(),
        grade_zh(&task.grade),
        hundredths(task.score),
        task.hit_count,
        task.response,
        date_text(task.due_on)
    ))?;
    for item in items {
        print::line(&format!(
            "\n{} {}（{}）\n  {}\n  {}\n  积分 {}\n  {}",
            item.indicator,
            item.name_zh,
            grade_zh(&item.severity),
            item.message_zh,
            item.message_en,
            hundredths(item.points),
            item.evidence_sql
        ))?;
    }
    Ok(())
}
