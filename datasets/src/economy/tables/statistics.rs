//! What statistics bureaus and planners publish: economic series by region, industrial chains.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use arrow::array::RecordBatch;
use chrono::{Datelike, NaiveDate};
use serde::Deserialize;

use super::customs::dollar_e4;
use super::rows::Rows;
use super::totals::{Measure, Totals, chain};
use crate::economy::dice::{mix, unit};
use crate::economy::{Economy, EconomyError, Part};

const FILE: &str = "clusters.toml";
const SOURCE: &str = include_str!("../../../economy/clusters.toml");

/// Rows of `economic_series` for the month of the part: what firms really did (`Truth`), with the error of a survey,
/// for each county, and summed up for city and province. Gross domestic product is that of a quarter, in its last
/// month, and only where the economy has the whole quarter; price index and exchange rate are the province's.
pub(super) fn economic_series(economy: &Economy, part: &Part) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("economic_series")?;
    let (world, totals) = (economy.world(), economy.cache.totals.of(economy)?);
    let Some(month) = part.period.and_then(|period| world.month_of(period)) else { return rows.finish() };
    let period = world.period(month);
    let quarter = (period % 100 % 3 == 0 && month >= 2).then_some(month.saturating_sub(2)..=month);
    let mut published: BTreeMap<(&str, &str), (i64, &str)> = BTreeMap::new();
    let series = [
        ("gdp", Measure::ValueAdded, quarter),
        ("industrial_output", Measure::Industry, Some(month..=month)),
        ("retail", Measure::Retail, Some(month..=month)),
    ];
    for (name, measure, months) in series {
        let Some(months) = months else { continue };
        for (region, value) in surveyed(economy, totals, measure, months) {
            published.insert((name, region), (value, "万元"));
        }
    }
    if let Some(province) = world.offices().first() {
        let seed = economy.spec().seed;
        let cpi = 10_030 + (unit(mix(seed, [90, period as u64, 1])) * 60.0) as i64 - 30;
        published.insert(("cpi", &province.region), (cpi * 1_000_000, "上年同月=100"));
        published.insert(("usd_cny", &province.region), (dollar_e4(seed, period) * 10_000, "元/美元"));
    }
    for ((name, region), (value, unit)) in published {
        rows.text(name).text(region).int(period).units(value).text(unit).end();
    }
    rows.finish()
}

/// A measure by region, in hundred-millionths of ten thousand yuan. The error, up to two per cent either way, is that
/// of a county's survey.
fn surveyed<'a>(
    economy: &'a Economy,
    totals: &Totals,
    measure: Measure,
    months: std::ops::RangeInclusive<usize>,
) -> BTreeMap<&'a str, i64> {
    let offices = economy.world().offices();
    let mut counted: BTreeMap<usize, i64> = BTreeMap::new();
    for office in 0..offices.len() {
        let sum: i64 = months.clone().map(|month| totals.measure(office, measure, month)).sum();
        let county = chain(economy.world(), office).find(|at| offices[*at].level <= 3);
        *counted.entry(county.unwrap_or(office)).or_default() += sum;
    }
    let mut regions: BTreeMap<&str, i64> = BTreeMap::new();
    for (county, sum) in counted.into_iter().filter(|(_, sum)| *sum > 0) {
        let error = unit(mix(economy.spec().seed, [county as u64, *months.end() as u64, measure as u64]));
        // Cents to full hundreds of yuan, so that sums of regions agree in print.
        let hundreds = (sum as f64 / 10_000.0 * (0.98 + 0.04 * error)).round() as i64;
        for above in chain(economy.world(), county) {
            *regions.entry(&offices[above].region).or_default() += hundreds * 1_000_000;
        }
    }
    regions
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    cluster: Vec<RawCluster>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCluster {
    name: String,
    source: String,
    from: String,
    to: Option<String>,
    members: Vec<RawMember>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMember {
    industry: Option<String>,
    goods: Option<String>,
}

/// A row of `industry_cluster`, in the order of its key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Member {
    cluster: String,
    industry: Option<String>,
    goods: Option<String>,
    from: i32,
    to: Option<i32>,
    source: String,
}

fn members(text: &str) -> Result<Vec<Member>, String> {
    let file: RawFile = toml::from_str(text).map_err(|error| error.to_string())?;
    let mut members = Vec::new();
    for cluster in file.cluster {
        let (from, to) = (day_of(&cluster.from)?, cluster.to.as_deref().map(day_of).transpose()?);
        for member in cluster.members {
            if member.industry.is_none() && member.goods.is_none() {
                return Err(format!(
                    "cluster `{}`: a member needs `industry`, `goods` or both",
                    cluster.name
                ));
            }
            let (cluster, source) = (cluster.name.clone(), cluster.source.clone());
            members.push(Member {
                cluster,
                industry: member.industry,
                goods: member.goods,
                from,
                to,
                source,
            });
        }
    }
    members.sort();
    Ok(members)
}

fn day_of(text: &str) -> Result<i32, String> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d");
    date.map(|day| day.num_days_from_ce() - 719_163)
        .map_err(|_| format!("`{text}` is no day; write YYYY-MM-DD"))
}

/// Rows of `industry_cluster`, as `datasets/economy/clusters.toml` has them.
pub(super) fn clusters() -> Result<Vec<RecordBatch>, EconomyError> {
    static MEMBERS: LazyLock<Result<Vec<Member>, String>> = LazyLock::new(|| members(SOURCE));
    let wrong = |problem: &String| EconomyError::Definition { file: FILE, problem: problem.clone() };
    let mut rows = Rows::of("industry_cluster")?;
    for member in MEMBERS.as_ref().map_err(wrong)? {
        rows.text(&member.cluster);
        for code in [&member.industry, &member.goods] {
            match code {
                Some(code) => rows.text(code),
                None => rows.nulls(1),
            };
        }
        rows.date(member.from).text(&member.source);
        match member.to {
            Some(to) => rows.date(to),
            None => rows.nulls(1),
        };
        rows.end();
    }
    rows.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_without_a_code_are_refused() {
        let text = "[[cluster]]\nname = \"x\"\nsource = \"y\"\nfrom = \"2025-01-01\"\nmembers = [{}]";
        assert!(members(text).is_err_and(|problem| problem.contains("needs `industry`")));
        assert!(members(SOURCE).is_ok_and(|members| members.len() > 10));
    }
}
