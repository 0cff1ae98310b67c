//! `tasks plan`.

use anyhow::Result;
use assay_engine::ledger;

use super::list::hundredths;
use super::{Place, by};
use crate::args::Who;
use crate::print;

/// Shows what offices can do, and remembers it when asked to.
pub async fn run((cli, warehouse, ledger): Place<'_>, write: bool, left_out: bool, who: &Who) -> Result<()> {
    // Who only looks need not say who it is.
    let by = if write { by(who)? } else { ledger::by("") };
    let audits = ledger::open_audits(warehouse, &by, &cli.session()).await?;
    let plan = ledger.plan(&ledger::rules(warehouse)?, &audits, write, &by).await?;
    if left_out {
        let rows: Vec<Vec<String>> = plan
            .left_out
            .iter()
            .map(|one| {
                vec![
                    one.task_no.clone(),
                    one.taxpayer_id.clone(),
                    one.office_code.clone().unwrap_or_default(),
                    one.grade.clone(),
                    hundredths(i128::from(one.expected)),
                    one.zh.clone(),
                    one.en.clone(),
                ]
            })
            .collect();
        let header = ["task_no", "taxpayer_id", "office", "grade", "expected", "reason_zh", "reason"];
        print::rows(&header, &rows, cli.format).await?;
    } else {
        let number = |work: f64| format!("{work:.2}");
        let rows: Vec<Vec<String>> = plan
            .offices
            .iter()
            .map(|one| {
                vec![
                    one.office_code.clone(),
                    one.office_name.clone(),
                    one.capacity.map(number).unwrap_or_default(),
                    number(one.under_way),
                    number(one.planned),
                    one.taken.to_string(),
                    one.left_out.to_string(),
                    hundredths(one.expected),
                ]
            })
            .collect();
        let header = ["office", "name", "capacity", "under_way", "planned", "tasks", "left_out", "expected"];
        print::rows(&header, &rows, cli.format).await?;
    }
    let share = |part: i128, whole: i128| if whole > 0 { part as f64 / whole as f64 } else { 1.0 };
    print::error(&format!(
        "{} tasks taken{}, {} left out; expected to bring in {} yuan: at least {:.1} % of the best possible, {:.2} times what \
         taking them by rank would",
        print::count(plan.taken),
        match plan.musts {
            0 => String::new(),
            n => format!(
                " ({} of them requests and random checks, which are done in any case)",
                print::count(n)
            ),
        },
        print::count(plan.left_out.len()),
        hundredths(plan.expected),
        100.0 * share(plan.expected, plan.at_most),
        share(plan.expected, plan.by_rank)
    ));
    if write {
        print::error("remembered: assay tasks dispatch sends what is taken");
    }
    Ok(())
}
