//! A month of a source as a whole: whether it arrived when it was due, has as many rows as the months before, and
//! looks like them.
//!
//! Distributions are compared by the population stability index, Σ (p − q) ln(p / q) over the bins, of a month against
//! the months before it pooled; 0.1 is usually called a shift and 0.25 a marked one. Nothing is said where too few
//! rows or months stand on one side.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate};

use super::catalogue::Rules;
use super::measure::{Measure, ROWS};
use super::rule::{Claim, Dimension, Severity};

/// Months a distribution is compared with.
const BEFORE: usize = 12;
/// Months a count is compared with, and how many there must be.
const COUNTED: usize = 6;
const COUNTED_LEAST: usize = 3;
/// Missing months in a row beyond which a month stands alone (a mistyped date, a feed begun anew) and none is missed.
const GAPS_MOST: usize = 12;
/// A batch over more months than this brings history, not a month.
const HISTORY_MONTHS: usize = 2;
/// So does one that comes later than this many days.
const HISTORY_DAYS: i64 = 366;

/// Rule of arrivals.
pub const ARRIVAL: &str = "T-01";
/// Rule of counts.
pub const COUNT: &str = "D-01";
/// Rule of missing months.
pub const GAP: &str = "D-02";

/// A month that is not as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Rule or distribution.
    pub rule: String,
    /// What it is about.
    pub dimension: Dimension,
    /// How much it matters.
    pub severity: Severity,
    /// Whether it says that something is wrong.
    pub claim: Claim,
    /// Table.
    pub table: String,
    /// Feed.
    pub source: String,
    /// Month; `None` where it is about the feed as such.
    pub period: Option<i32>,
    /// Batch, of an arrival.
    pub batch: Option<String>,
    /// What was found: days, relative change, index.
    pub value: f64,
    /// From where on it is noted.
    pub line: f64,
    /// In words.
    pub zh: String,
    /// In words.
    pub en: String,
}

/// How many months (or rows, of arrivals) were looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Rule or distribution.
    pub rule: String,
    /// Table.
    pub table: String,
    /// Feed.
    pub source: String,
    /// Month.
    pub period: i32,
    /// Looked at.
    pub checked: i64,
    /// Not as they should be.
    pub failed: i64,
    /// Cannot be told.
    pub unknown: i64,
}

/// One source of one table.
#[derive(Debug, Default)]
struct Series {
    months: BTreeMap<i32, Month>,
}

#[derive(Debug, Default)]
struct Month {
    rows: i64,
    /// Rows and arrival by batch.
    batches: BTreeMap<String, (i64, i64)>,
    /// By distribution: rows by bin.
    bins: BTreeMap<String, BTreeMap<String, i64>>,
}

/// Looks at every month of every source.
pub fn judge(measures: &[Measure], rules: &Rules) -> (Vec<Alert>, Vec<Tally>) {
    let watched: BTreeSet<&str> = rules.distributions.iter().map(|d| d.id.as_str()).collect();
    let mut series: BTreeMap<(&str, &str), Series> = BTreeMap::new();
    let mut spans: BTreeMap<(&str, &str), BTreeSet<i32>> = BTreeMap::new();
    for m in measures {
        let Some(period) = m.period else { continue };
        let bins = watched.contains(m.measure.as_str());
        if m.measure != ROWS && !bins {
            continue;
        }
        let month = series.entry((&m.table, &m.source)).or_default().months.entry(period).or_default();
        if bins {
            *month.bins.entry(m.measure.clone()).or_default().entry(m.part.clone()).or_default() += m.passed;
        } else {
            month.rows += m.passed;
            let batch = month.batches.entry(m.part.clone()).or_insert_with(|| (0, m.at.unwrap_or_default()));
            batch.0 += m.passed;
            spans.entry((&m.table, &m.part)).or_default().insert(period);
        }
    }
    let mut found = Found { alerts: Vec::new(), tallies: Vec::new() };
    for ((table, source), series) in &series {
        let history = |batch: &str| spans.get(&(*table, batch)).is_some_and(|s| s.len() > HISTORY_MONTHS);
        found.arrivals(rules, table, source, series, &history);
        found.counts(rules, table, source, series);
        found.distributions(rules, table, source, series);
    }
    (found.alerts, found.tallies)
}

struct Found {
    alerts: Vec<Alert>,
    tallies: Vec<Tally>,
}

impl Found {
    fn arrivals(
        &mut self,
        rules: &Rules,
        table: &str,
        source: &str,
        series: &Series,
        history: &dyn Fn(&str) -> bool,
    ) {
        let Some(due_days) = rules.expectation(table).and_then(|e| e.due_days) else { return };
        for (&period, month) in &series.months {
            let Some(end) = month_end(period) else { continue };
            let mut tally = tally(ARRIVAL, table, source, period);
            for (batch, (rows, at)) in &month.batches {
                let Some(day) = DateTime::from_timestamp_millis(*at).map(|at| at.date_naive()) else {
                    continue;
                };
                let days = (day - end).num_days();
                if history(batch) || days > HISTORY_DAYS {
                    tally.unknown += rows;
                    continue;
                }
                tally.checked += rows;
                if days <= due_days {
                    continue;
                }
                tally.failed += rows;
                self.alerts.push(Alert {
                    rule: ARRIVAL.into(),
                    dimension: Dimension::Timeliness,
                    severity: Severity::Medium,
                    claim: Claim::Notice,
                    table: table.into(),
                    source: source.into(),
                    period: Some(period),
                    batch: Some(batch.clone()),
                    value: days as f64,
                    line: due_days as f64,
                    zh: format!("{period}的{rows}行在月末后{days}天才到（应在{due_days}天内）"),
                    en: format!(
                        "{rows} rows of {period} arrived {days} days after its end, due within {due_days}"
                    ),
                });
            }
            self.tallies.push(tally);
        }
    }

    fn counts(&mut self, rules: &Rules, table: &str, source: &str, series: &Series) {
        let Some(wanted) = rules.expectation(table) else { return };
        let mut before: Vec<i64> = Vec::new();
        let mut last: Option<i32> = None;
        for (&period, month) in &series.months {
            if let Some(last) = last {
                let gaps: Vec<i32> = std::iter::successors(Some(next(last)), |gap| Some(next(*gap)))
                    .take_while(|gap| *gap < period)
                    .take(GAPS_MOST + 1)
                    .collect();
                if gaps.len() <= GAPS_MOST {
                    for gap in gaps {
                        self.gap(table, source, gap, period);
                    }
                }
                let mut there = tally(GAP, table, source, period);
                there.checked = 1;
                self.tallies.push(there);
            }
            last = Some(period);
            let usual = median(&before[before.len().saturating_sub(COUNTED)..]);
            let mut tally = tally(COUNT, table, source, period);
            match usual {
                Some(usual) if before.len() >= COUNTED_LEAST && usual >= signed(wanted.min_rows) => {
                    tally.checked = 1;
                    let change = month.rows as f64 / usual as f64 - 1.0;
                    let most = 1.0 + wanted.count_change;
                    if change + 1.0 > most || change + 1.0 < most.recip() {
                        tally.failed = 1;
                        self.alerts.push(Alert {
                            rule: COUNT.into(),
                            dimension: Dimension::Drift,
                            severity: Severity::Low,
                            claim: Claim::Notice,
                            table: table.into(),
                            source: source.into(),
                            period: Some(period),
                            batch: None,
                            value: change,
                            line: wanted.count_change,
                            zh: format!(
                                "{period}有{}行，前几个月的中位数是{usual}行（{:+.0}%）",
                                month.rows,
                                change * 100.0
                            ),
                            en: format!(
                                "{period} has {} rows, the median of the months before is {usual} ({:+.0} %)",
                                month.rows,
                                change * 100.0
                            ),
                        });
                    }
                }
                _ => tally.unknown = 1,
            }
            self.tallies.push(tally);
            before.push(month.rows);
        }
    }

    fn gap(&mut self, table: &str, source: &str, gap: i32, after: i32) {
        let mut tally = tally(GAP, table, source, gap);
        (tally.checked, tally.failed) = (1, 1);
        self.tallies.push(tally);
        self.alerts.push(Alert {
            rule: GAP.into(),
            dimension: Dimension::Completeness,
            severity: Severity::Medium,
            claim: Claim::Notice,
            table: table.into(),
            source: source.into(),
            period: Some(gap),
            batch: None,
            value: 0.0,
            line: 1.0,
            zh: format!("没有{gap}的数据，而其前后月份（如{after}）都有"),
            en: format!("nothing of {gap}, though there are months before and after it, such as {after}"),
        });
    }

    fn distributions(&mut self, rules: &Rules, table: &str, source: &str, series: &Series) {
        let months: Vec<(&i32, &Month)> = series.months.iter().collect();
        for distribution in rules.distributions.iter().filter(|d| d.table.name == table) {
            for (at, (period, month)) in months.iter().enumerate() {
                let mut before: BTreeMap<&str, i64> = BTreeMap::new();
                for (_, earlier) in &months[at.saturating_sub(BEFORE)..at] {
                    for (bin, rows) in earlier.bins.get(&distribution.id).into_iter().flatten() {
                        *before.entry(bin).or_default() += rows;
                    }
                }
                let now: BTreeMap<&str, i64> = month
                    .bins
                    .get(&distribution.id)
                    .into_iter()
                    .flatten()
                    .map(|(bin, rows)| (bin.as_str(), *rows))
                    .collect();
                let mut tally = tally(&distribution.id, table, source, **period);
                let enough = signed(distribution.min_rows);
                if now.values().sum::<i64>() < enough || before.values().sum::<i64>() < enough {
                    tally.unknown = 1;
                    self.tallies.push(tally);
                    continue;
                }
                tally.checked = 1;
                let (index, bin) = stability(&before, &now);
                if index > distribution.warn {
                    tally.failed = 1;
                    self.alerts.push(Alert {
                        rule: distribution.id.clone(),
                        dimension: Dimension::Drift,
                        severity: Severity::Low,
                        claim: Claim::Notice,
                        table: table.into(),
                        source: source.into(),
                        period: Some(**period),
                        batch: None,
                        value: index,
                        line: distribution.warn,
                        zh: format!(
                            "{period}的{}与此前月份不同（PSI {index:.2}，界限{}），变化最大的是“{bin}”",
                            distribution.name.zh, distribution.warn
                        ),
                        en: format!(
                            "{} of {period} is unlike the months before (PSI {index:.2}, line {}), most of all {bin}",
                            distribution.name.en, distribution.warn
                        ),
                    });
                }
                self.tallies.push(tally);
            }
        }
    }
}

fn tally(rule: &str, table: &str, source: &str, period: i32) -> Tally {
    Tally {
        rule: rule.into(),
        table: table.into(),
        source: source.into(),
        period,
        checked: 0,
        failed: 0,
        unknown: 0,
    }
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The population stability index and the bin that adds most to it. Half a row in every bin keeps an empty one finite.
fn stability<'b>(before: &BTreeMap<&'b str, i64>, now: &BTreeMap<&'b str, i64>) -> (f64, &'b str) {
    let bins: BTreeSet<&str> = before.keys().chain(now.keys()).copied().collect();
    let share = |counts: &BTreeMap<&str, i64>, bin: &str| {
        let all: i64 = counts.values().sum();
        (counts.get(bin).copied().unwrap_or_default() as f64 + 0.5) / (all as f64 + 0.5 * bins.len() as f64)
    };
    let (mut index, mut most) = (0.0, (0.0, ""));
    for bin in &bins {
        let (p, q) = (share(now, bin), share(before, bin));
        let part = (p - q) * (p / q).ln();
        index += part;
        if part > most.0 {
            most = (part, *bin);
        }
    }
    (index, most.1)
}

fn median(rows: &[i64]) -> Option<i64> {
    let mut sorted = rows.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

fn next(period: i32) -> i32 {
    if period % 100 >= 12 { (period / 100 + 1) * 100 + 1 } else { period + 1 }
}

/// The last day of a month.
fn month_end(period: i32) -> Option<NaiveDate> {
    let after = next(period);
    let month = u32::try_from(after % 100).ok()?;
    NaiveDate::from_ymd_opt(after / 100, month, 1)?.checked_sub_days(Days::new(1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn rows(period: i32, batch: &str, n: i64, at: &str) -> Measure {
        let at = NaiveDate::parse_from_str(at, "%Y-%m-%d").unwrap().and_hms_opt(0, 0, 0).unwrap();
        Measure {
            unit: String::new(),
            table: "invoice".into(),
            period: Some(period),
            source: "feed".into(),
            measure: ROWS.into(),
            part: batch.into(),
            passed: n,
            failed: 0,
            unknown: 0,
            at: Some(at.and_utc().timestamp_millis()),
        }
    }

    fn rules() -> Rules {
        let file =
            assay_indicators::SourceFile::new("t.toml", "table = 'invoice'\nmonth = { due_days = 30 }\n");
        let (rules, problems) = Rules::from_layers(vec![vec![file]]);
        assert_eq!(problems, []);
        rules
    }

    #[test]
    fn late_months_are_noted_and_history_is_not() {
        let measures = [
            // Three months in one batch: history.
            rows(202_401, "a", 500, "2024-09-01"),
            rows(202_402, "a", 500, "2024-09-01"),
            rows(202_403, "a", 500, "2024-09-01"),
            // In time, and ten rows late.
            rows(202_404, "b", 500, "2024-05-20"),
            rows(202_404, "c", 10, "2024-06-20"),
            // Years later: history too.
            rows(202_405, "d", 500, "2026-01-01"),
        ];
        let (alerts, tallies) = judge(&measures, &rules());
        let late: Vec<_> = alerts.iter().filter(|a| a.rule == ARRIVAL).collect();
        assert_eq!(late.len(), 1);
        assert_eq!(
            (late[0].period, late[0].batch.as_deref(), late[0].value),
            (Some(202_404), Some("c"), 51.0)
        );
        let of = |period| tallies.iter().find(|t| t.rule == ARRIVAL && t.period == period).unwrap();
        assert_eq!((of(202_404).checked, of(202_404).failed), (510, 10));
        assert_eq!((of(202_401).checked, of(202_401).unknown), (0, 500));
        assert_eq!(of(202_405).unknown, 500);
    }

    #[test]
    fn counts_and_missing_months_are_noted() {
        let day = "2024-01-01";
        let measures: Vec<Measure> =
            [(202_301, 1000), (202_302, 1100), (202_303, 900), (202_304, 400), (202_306, 1000)]
                .into_iter()
                .map(|(period, n)| rows(period, "a", n, day))
                .collect();
        let (alerts, _) = judge(&measures, &rules());
        let found: Vec<_> = alerts.iter().map(|a| (a.rule.as_str(), a.period)).collect();
        assert_eq!(found, [(COUNT, Some(202_304)), (GAP, Some(202_305))]);
        // One row of 1993 makes no thirty years of missing months.
        let day = "2023-02-10";
        let (alerts, _) = judge(&[rows(199_301, "a", 1, day), rows(202_301, "a", 900, day)], &rules());
        assert!(alerts.is_empty(), "{alerts:?}");
    }

    #[test]
    fn the_index_is_that_of_the_books() {
        let before = BTreeMap::from([("a", 5000), ("b", 5000)]);
        let same = BTreeMap::from([("a", 500), ("b", 500)]);
        assert!(stability(&before, &same).0 < 1e-5);
        // (0.7 - 0.5) ln(0.7 / 0.5) + (0.3 - 0.5) ln(0.3 / 0.5) = 0.1695
        let other = BTreeMap::from([("a", 70_000), ("b", 30_000)]);
        let before = BTreeMap::from([("a", 50_000), ("b", 50_000)]);
        let (index, bin) = stability(&before, &other);
        assert!((index - 0.1695).abs() < 1e-3, "{index}");
        assert_eq!(bin, "b");
        assert_eq!(month_end(202_402), NaiveDate::from_ymd_opt(2024, 2, 29));
        assert_eq!(next(202_312), 202_401);
    }
}
