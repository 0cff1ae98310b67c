//! What an indicator, or a change of it, would do before it is published: hits gained and lost, what it shares with
//! others, and how many tasks more or fewer each office would get. Judges one profile twice; stores nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, StringArray};
use assay_indicators::{Layout, Line, LineKind, Severity, line_text};
use assay_sql::session::SessionOptions;
use datafusion::prelude::SessionContext;
use serde::Serialize;

use super::judge::{Judgement, judge, keys, texts};
use super::judged::{Look, labels_by_key, look};
use super::labels::Labels;
use super::tasks::rows;
use crate::ingest::Progress;
use crate::warehouse::Warehouse;
use crate::{EngineError, Result};

/// Grades in the order they are shown.
const GRADES: [&str; 3] = ["high", "medium", "low"];

/// A change of an indicator that is not written down yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// The n-th line in force (from 0) is drawn elsewhere: the value of an absolute line, the factor of a peer line, the
    /// z of a robust one.
    Line(usize, f64),
    /// Hits are of another severity, whatever their line says.
    Severity(Severity),
}

impl Change {
    /// Reads `line=0.3`, `line.2=1.5` or `severity=low`.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            EngineError::input(format!(
                "--change {text} is not understood; write line=VALUE, line.2=VALUE for the second line, or severity=high, medium or low"
            ))
        };
        let (what, value) = text.split_once('=').ok_or_else(wrong)?;
        if what == "severity" {
            return [Severity::High, Severity::Medium, Severity::Low]
                .into_iter()
                .find(|severity| severity.to_string() == value)
                .map(Self::Severity)
                .ok_or_else(wrong);
        }
        let place = match what.strip_prefix("line").ok_or_else(wrong)? {
            "" => 1,
            rest => rest.strip_prefix('.').and_then(|n| n.parse::<usize>().ok()).ok_or_else(wrong)?,
        };
        let value = value.parse().ok().filter(|v: &f64| v.is_finite()).ok_or_else(wrong)?;
        Ok(Self::Line(place.checked_sub(1).ok_or_else(wrong)?, value))
    }

    fn apply(self, lines: &mut [Line], code: &str) -> Result<()> {
        match self {
            Self::Severity(severity) => lines.iter_mut().for_each(|line| line.severity = Some(severity)),
            Self::Line(place, to) => {
                let known = lines.len();
                let line = lines.get_mut(place).ok_or_else(|| {
                    EngineError::input(format!("{code} has {known} lines in force, no line {}", place + 1))
                })?;
                line.kind = match line.kind {
                    LineKind::Absolute(_) => LineKind::Absolute(to),
                    LineKind::Peer { figure, .. } => LineKind::Peer { figure, factor: to },
                    LineKind::RobustZ(_) => LineKind::RobustZ(to),
                };
            }
        }
        Ok(())
    }
}

/// What an indicator does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effect {
    /// Month it was judged at.
    pub as_of: i32,
    /// Code.
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// Its lines in force before; empty where the comparison is with its absence.
    pub lines_now: Vec<String>,
    /// Its lines after.
    pub lines_then: Vec<String>,
    /// Taxpayers hit before and after.
    pub hits: (usize, usize),
    /// Taxpayers hit only after.
    pub gained: usize,
    /// Taxpayers hit only before.
    pub lost: usize,
    /// Guilty among the labelled taxpayers hit, before and after; `None` without labels.
    pub labelled: Option<(Share, Share)>,
    /// Other indicators that hit the same taxpayers, most shared first.
    pub overlap: Vec<Overlap>,
    /// Tasks before and after, by grade.
    pub grades: [(&'static str, usize, usize); 3],
    /// Tasks before and after, by office, most first.
    pub offices: Vec<OfficeCost>,
}

/// How many of some labelled taxpayers are guilty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Labelled.
    pub labelled: usize,
    /// Guilty among them.
    pub guilty: usize,
}

/// What an indicator shares with another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overlap {
    /// The other's code.
    pub code: String,
    /// Its Chinese name.
    pub name_zh: String,
    /// Taxpayers both hit.
    pub shared: usize,
    /// Taxpayers the other hits.
    pub theirs: usize,
}

/// What it costs one office.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfficeCost {
    /// The office; empty where the register names none.
    pub office_code: String,
    /// Its name.
    pub office_name: String,
    /// Tasks before.
    pub now: usize,
    /// Tasks after.
    pub then: usize,
}

/// Judges a month with an indicator as it is and as it would be with `changes`; without changes, without it and with it.
///
/// # Errors
/// When there is no such indicator, it has no line in force, a change does not fit it, or a table cannot be read.
pub async fn effect(
    warehouse: &Warehouse,
    as_of: Option<i32>,
    code: &str,
    changes: &[Change],
    labels: Option<&Labels>,
    options: &SessionOptions,
    progress: Arc<dyn Progress>,
) -> Result<Effect> {
    let Look { as_of, card, context, judged } = look(warehouse, as_of, &[], options, progress).await?;
    let place = judged.layout.indicators.iter().position(|one| one.definition.code.value == code);
    let place = place.ok_or_else(|| match judged.layout.not_in_force.iter().any(|known| known == code) {
        true => EngineError::input(format!("{code} has no line in force at {as_of}; choose another --as-of")),
        false => EngineError::input(format!("no indicator {code}; all of them: assay indicators list")),
    })?;
    let other = with_lines(&judged.layout, place, changes)?;
    let judgement = judge(&other, &judged.profile, &card, judged.judgement.standings.clone())?;
    let (now, then) = match changes.is_empty() {
        true => ((&other, &judgement), (&judged.layout, &judged.judgement)),
        false => ((&judged.layout, &judged.judgement), (&other, &judgement)),
    };
    let (before, after) = (grades(now.1), grades(then.1));
    let hit = (now.1.taxpayers_hit(), then.1.taxpayers_hit());
    let mut effect = compare(as_of, place, (now.0, &hit.0), (then.0, &hit.1));
    effect.grades = GRADES.map(|grade| {
        let count = |of: &HashMap<i64, &str>| of.values().filter(|g| **g == grade).count();
        (grade, count(&before), count(&after))
    });
    effect.offices = offices(&context, &before, &after).await?;
    if let Some(labels) = labels {
        let keyed = labels_by_key(&judged.profile, labels)?;
        let share = |hit: &HashSet<i64>| {
            let known: Vec<bool> = hit.iter().filter_map(|key| keyed.get(key).copied()).collect();
            Share { labelled: known.len(), guilty: known.iter().filter(|guilty| **guilty).count() }
        };
        effect.labelled = Some((share(&hit.0[place]), share(&hit.1[place])));
    }
    Ok(effect)
}

/// The layout with the changed indicator; without changes, with one that has no line to cross.
fn with_lines(layout: &Layout, place: usize, changes: &[Change]) -> Result<Layout> {
    let mut layout = layout.clone();
    let compiled = &mut layout.indicators[place];
    if changes.is_empty() {
        compiled.lines.clear();
    }
    for change in changes {
        change.apply(&mut compiled.lines, &compiled.definition.code.value)?;
    }
    Ok(layout)
}

/// Grade of everybody who gets a task.
fn grades(judgement: &Judgement) -> HashMap<i64, &'static str> {
    let graded =
        judgement.scored.iter().filter_map(|one| Some((one.taxpayer_key, one.score.grade?.as_str())));
    graded.collect()
}

/// A layout, and who is hit by each of its indicators.
type Side<'a> = (&'a Layout, &'a [HashSet<i64>]);

/// Hits and what they share with others; grades and offices are still to be filled in.
fn compare(as_of: i32, place: usize, now: Side<'_>, then: Side<'_>) -> Effect {
    let (mine_before, mine) = (&now.1[place], &then.1[place]);
    let names = then.0.indicators.iter().map(|one| &one.definition);
    let others = names.zip(then.1).enumerate().filter(|(n, _)| *n != place);
    let mut overlap: Vec<Overlap> = others
        .map(|(_, (definition, theirs))| Overlap {
            code: definition.code.value.clone(),
            name_zh: definition.name.zh.clone(),
            shared: mine.intersection(theirs).count(),
            theirs: theirs.len(),
        })
        .filter(|one| one.shared > 0)
        .collect();
    overlap.sort_by(|a, b| b.shared.cmp(&a.shared).then_with(|| a.code.cmp(&b.code)));
    let lines = |layout: &Layout| {
        let compiled = &layout.indicators[place];
        compiled.lines.iter().map(|line| line_text(line, compiled.definition.unit)).collect()
    };
    let definition = &then.0.indicators[place].definition;
    Effect {
        as_of,
        code: definition.code.value.clone(),
        name_zh: definition.name.zh.clone(),
        lines_now: lines(now.0),
        lines_then: lines(then.0),
        hits: (mine_before.len(), mine.len()),
        gained: mine.difference(mine_before).count(),
        lost: mine_before.difference(mine).count(),
        labelled: None,
        overlap,
        grades: GRADES.map(|grade| (grade, 0, 0)),
        offices: Vec::new(),
    }
}

/// Tasks of each office before and after, most first.
async fn offices(
    context: &SessionContext,
    before: &HashMap<i64, &str>,
    after: &HashMap<i64, &str>,
) -> Result<Vec<OfficeCost>> {
    let managed = rows(
        context,
        "SELECT t.taxpayer_key, t.office_code, o.name FROM taxpayer AS t LEFT JOIN office AS o ON o.office_code = t.office_code \
         WHERE t.valid_to IS NULL",
    )
    .await?;
    let mut costs: BTreeMap<String, OfficeCost> = BTreeMap::new();
    for batch in &managed {
        let (codes, names) = (texts(batch, "office_code")?, texts(batch, "name")?);
        for (row, key) in keys(batch)?.values().iter().enumerate() {
            let (now, then) = (before.contains_key(key), after.contains_key(key));
            if !now && !then {
                continue;
            }
            let of = |column: &StringArray| column.is_valid(row).then(|| column.value(row).to_owned());
            let code = of(codes).unwrap_or_default();
            let cost = costs.entry(code.clone()).or_insert_with(|| OfficeCost {
                office_code: code,
                office_name: of(names).unwrap_or_default(),
                now: 0,
                then: 0,
            });
            cost.now += usize::from(now);
            cost.then += usize::from(then);
        }
    }
    let mut costs: Vec<OfficeCost> = costs.into_values().collect();
    costs.sort_by(|a, b| b.then.cmp(&a.then).then_with(|| a.office_code.cmp(&b.office_code)));
    Ok(costs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn changes_are_read_or_refused() {
        assert_eq!(Change::parse("line=0.3").unwrap(), Change::Line(0, 0.3));
        assert_eq!(Change::parse("line.2=-1").unwrap(), Change::Line(1, -1.0));
        assert_eq!(Change::parse("severity=low").unwrap(), Change::Severity(Severity::Low));
        for wrong in ["line", "line=", "line.0=1", "line.x=1", "lines=1", "line=nan", "severity=grave", "=3"]
        {
            assert!(Change::parse(wrong).is_err(), "{wrong}");
        }
    }
}
