//! `assay indicators effect`: what indicators were worth, by what officers said.

use anyhow::Result;
use assay_risk_models::rates::Ratio;
use assay_tasks::ledger::{EffectBy, Ledger};

use crate::args::EffectPeriod;
use crate::print;
use assay_sql::Format;

/// Shows the effect of all indicators, or of one.
pub async fn show(format: Format, ledger: &Ledger, code: Option<&str>, period: EffectPeriod) -> Result<()> {
    let by = match period {
        EffectPeriod::All => EffectBy::Version,
        EffectPeriod::Month => EffectBy::Month,
        EffectPeriod::Year => EffectBy::Year,
    };
    let mut effects = ledger.effect(by).await?;
    let any = !effects.is_empty();
    effects.retain(|one| code.is_none_or(|code| one.indicator == code));
    match code.filter(|_| effects.is_empty()) {
        Some(code) if any => {
            print::error(&format!("no task holds a hit of {code}; all codes: assay indicators list"));
        }
        _ if any => {}
        _ => print::error("no tasks in the ledger yet; those of a scan are taken in with: assay tasks open"),
    }
    let header = [
        "indicator",
        "name",
        "version",
        "period",
        "hits",
        "answered",
        "confirmed",
        "excluded",
        "rate",
        "rate_95",
        "excluded_rate",
        "excluded_95",
        "accuracy",
        "accuracy_95",
        "no_change",
        "no_change_95",
        "lift",
        "lift_95",
    ];
    let rows: Vec<Vec<String>> = effects
        .iter()
        .map(|one| {
            let mut row = vec![
                one.indicator.clone(),
                one.name_zh.clone(),
                one.version.to_string(),
                one.period.map(|period| period.to_string()).unwrap_or_default(),
                one.hits.to_string(),
                one.answered.to_string(),
                one.confirmed.to_string(),
                one.excluded.to_string(),
            ];
            let share = |share: Option<assay_tasks::ledger::Share>| {
                share.map(|(value, interval)| Ratio { value, interval: Some(interval) })
            };
            let figures =
                [share(one.rate), share(one.excluded_rate), one.accuracy, share(one.no_change), one.lift];
            for figure in figures {
                row.extend(told(figure));
            }
            row
        })
        .collect();
    print::rows(&header, &rows, format).await
}

/// A figure and its interval.
fn told(ratio: Option<Ratio>) -> [String; 2] {
    let Some(Ratio { value, interval }) = ratio else { return [String::new(), String::new()] };
    let interval = interval.map(|i| format!("{:.3}–{:.3}", i.low, i.high)).unwrap_or_default();
    [format!("{value:.3}"), interval]
}
