//! External risk lists.

use arrow::array::RecordBatch;

use super::control::closed_on;
use super::due::workday_from;
use super::rows::Rows;
use crate::economy::model::Fate;
use crate::economy::schemes::{Role, SchemeKind};
use crate::economy::{Economy, EconomyError};

/// Days after a firm vanished on which the office noticed: three months of returns that did not come.
const NOTICED: i32 = 75;

/// A row: list, subject, kind, first and last day, reason.
type Entry = (&'static str, String, &'static str, i32, Option<i32>, &'static str);

/// Rows of `risk_list`, in the order of its key: taxpayers who vanished (some of them, honest, came back), and mills
/// among them. Lists know of a firm only after the economy's own tables show that it is gone.
pub(super) fn risk_list(economy: &Economy) -> Result<Vec<RecordBatch>, EconomyError> {
    let world = economy.world();
    let end = world.first_day(world.months());
    let mut entries: Vec<Entry> = Vec::new();
    for index in 0..world.taxpayers() {
        let firm = world.firm(index);
        if firm.fate != Fate::Abnormal {
            continue;
        }
        let gone = closed_on(economy, index);
        let listed = workday_from(gone.saturating_add(NOTICED).min(i32::MAX / 2))?;
        if listed >= end {
            continue;
        }
        let id = || world.id(index).to_owned();
        let mut dice = economy.dice(u64::from(index) << 8 | 7, 0);
        let plan = economy.scheme(index).filter(|plan| plan.role != Role::Innocent);
        let back = (plan.is_none() && dice.chance(0.15)).then(|| listed + dice.between(20, 120) as i32);
        let back = back.filter(|day| *day < end);
        entries.push(("非正常户", id(), "taxpayer", listed, back, "未按规定申报且无法联系"));
        let runs_mill = plan.is_some_and(|plan| {
            let kind = matches!(plan.kind, SchemeKind::InvoiceMill | SchemeKind::AbnormalUpstream);
            kind && plan.role == Role::Organiser
        });
        if runs_mill || dice.chance(0.3) {
            let reason = if runs_mill { "虚开发票后走逃" } else { "查无下落" };
            let day = listed + dice.between(5, 30) as i32;
            if day < end {
                entries.push(("走逃失联", id(), "taxpayer", day, None, reason));
            }
            let fraud = day + 60;
            if runs_mill && fraud < end {
                entries.push(("重大违法", id(), "taxpayer", fraud, None, "虚开增值税专用发票"));
            }
        }
    }
    entries.sort();
    // One person may have run several mills found on one day.
    entries.dedup_by(|one, two| (one.0, &one.1, one.3) == (two.0, &two.1, two.3));
    let mut rows = Rows::of("risk_list")?;
    for (list, subject, kind, listed, delisted, reason) in entries {
        rows.text(list).text(&subject).date(listed).text(kind);
        match delisted {
            Some(day) => rows.date(day),
            None => rows.nulls(1),
        };
        rows.text(reason).end();
    }
    rows.finish()
}
