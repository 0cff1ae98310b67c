//! Peer groups and their exact figures: median, P10, P90 and MAD of a value in the smallest group with enough
//! members. Percentiles interpolate linearly between order statistics; a taxpayer is one of its own peers.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::scorecard::PeerRules;

/// By what a taxpayer's peers are chosen. Unknown parts leave it to a wider group.
#[derive(Debug, Clone, Copy)]
pub struct Traits<'a> {
    /// GB/T 4754 code: section letter, then digits.
    pub industry: Option<&'a str>,
    /// GB/T 2260 code.
    pub region: Option<&'a str>,
    /// Sales of twelve months, yuan.
    pub sales: Option<f64>,
}

/// The figures of one group for one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Members with a value.
    pub n: usize,
    /// Median.
    pub median: f64,
    /// 10th percentile.
    pub p10: f64,
    /// 90th percentile.
    pub p90: f64,
    /// Median of the absolute deviations from the median.
    pub mad: f64,
}

/// No group at a level.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Level {
    /// Group of each row, or [`NONE`].
    group: Vec<u32>,
    names: Vec<String>,
}

/// The groups every row belongs to, the most alike first: industry class × sales band × region, industry section,
/// all.
#[derive(Debug)]
pub struct PeerGroups {
    levels: Vec<Level>,
}

impl PeerGroups {
    /// Groups the rows. Group numbers depend only on the names, not on the order of rows.
    pub fn new<'a>(rows: impl IntoIterator<Item = Traits<'a>>, rules: &PeerRules) -> Self {
        let mut close = Vec::new();
        let mut section = Vec::new();
        for row in rows {
            close.push(close_name(&row, rules));
            section.push(row.industry.and_then(|code| code.get(..1)).map(|s| format!("industry {s}")));
        }
        let all = vec![Some("all".to_owned()); close.len()];
        Self { levels: [close, section, all].iter().map(|names| Level::new(names)).collect() }
    }

    /// The exact figures of every group at every level for one value a row; `None` and non-finite values are left
    /// out.
    ///
    /// # Panics
    /// Never; a row beyond those of [`Self::new`] belongs to no group.
    pub fn figures(&self, values: &[Option<f64>]) -> GroupFigures {
        GroupFigures { levels: self.levels.par_iter().map(|level| level.figures(values)).collect() }
    }

    /// The name and figures of the first group of a row, most alike first, with at least `min_peers` members that
    /// have a value.
    pub fn peers_of<'s>(
        &'s self,
        figures: &'s GroupFigures,
        row: usize,
        min_peers: usize,
    ) -> Option<(&'s str, &'s Figures)> {
        self.levels.iter().zip(&figures.levels).find_map(|(level, figures)| {
            let group = usize::try_from(*level.group.get(row)?).ok()?;
            let found = figures.get(group)?.as_ref().filter(|found| found.n >= min_peers)?;
            Some((level.names[group].as_str(), found))
        })
    }
}

/// Figures of all groups for one value.
#[derive(Debug)]
pub struct GroupFigures {
    levels: Vec<Vec<Option<Figures>>>,
}

fn close_name(row: &Traits<'_>, rules: &PeerRules) -> Option<String> {
    let class = row.industry?.get(..3)?;
    let region = row.region?.get(..rules.region_digits)?;
    let band = rules.band(row.sales?)?;
    Some(format!("industry {class}, sales {band}, region {region}"))
}

impl Level {
    fn new(names: &[Option<String>]) -> Self {
        let mut ids: BTreeMap<String, u32> = names.iter().flatten().map(|name| (name.clone(), 0)).collect();
        for (id, slot) in (0..).zip(ids.values_mut()) {
            *slot = id;
        }
        let group = names.iter().map(|name| name.as_ref().map_or(NONE, |name| ids[name])).collect();
        Self { group, names: ids.into_keys().collect() }
    }

    fn figures(&self, values: &[Option<f64>]) -> Vec<Option<Figures>> {
        let mut members: Vec<Vec<f64>> = vec![Vec::new(); self.names.len()];
        for (group, value) in self.group.iter().zip(values) {
            if let (Some(slot), Some(value)) = (members.get_mut(*group as usize), value)
                && value.is_finite()
            {
                slot.push(*value);
            }
        }
        members.into_par_iter().map(figures).collect()
    }
}

/// The exact figures of a set of finite values in any order; `None` of an empty one.
pub fn figures(mut values: Vec<f64>) -> Option<Figures> {
    if values.is_empty() {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    let median = percentile(&values, 0.5);
    let (p10, p90) = (percentile(&values, 0.1), percentile(&values, 0.9));
    let n = values.len();
    for value in &mut values {
        *value = (*value - median).abs();
    }
    values.sort_unstable_by(f64::total_cmp);
    Some(Figures { n, median, p10, p90, mad: percentile(&values, 0.5) })
}

/// A percentile of sorted, non-empty values: linear between the two nearest order statistics.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let part = position - below as f64;
    if part == 0.0 { sorted[below] } else { sorted[below] + part * (sorted[above] - sorted[below]) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::scorecard::Scorecard;

    fn rules() -> PeerRules {
        Scorecard::embedded().unwrap().peers
    }

    /// Percentile by counting: the value v such that the piecewise linear rank function is `share`.
    fn naive_percentile(values: &[f64], share: f64) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let n = sorted.len();
        for i in 0..n {
            let (low, high) = (i as f64, (i + 1) as f64);
            let at = share * (n - 1) as f64;
            if at >= low && at < high {
                let next = if i + 1 < n { sorted[i + 1] } else { sorted[i] };
                return sorted[i] * (high - at) + next * (at - low);
            }
        }
        sorted[n - 1]
    }

    #[test]
    fn figures_agree_with_a_naive_count() {
        let mut seed = 42_u64;
        for n in 1..80_usize {
            let values: Vec<f64> = (0..n)
                .map(|_| {
                    seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1);
                    ((seed >> 40) % 1000) as f64 / 7.0 - 50.0
                })
                .collect();
            let got = figures(values.clone()).unwrap();
            let median = naive_percentile(&values, 0.5);
            let deviations: Vec<f64> = values.iter().map(|v| (v - median).abs()).collect();
            for (got, expected) in [
                (got.median, median),
                (got.p10, naive_percentile(&values, 0.1)),
                (got.p90, naive_percentile(&values, 0.9)),
                (got.mad, naive_percentile(&deviations, 0.5)),
            ] {
                assert!((got - expected).abs() < 1e-9, "{n}: {got} {expected}");
            }
            assert_eq!(got.n, n);
        }
    }

    #[test]
    fn known_figures() {
        let got = figures(vec![5.0, 1.0, 4.0, 2.0, 3.0]).unwrap();
        assert_eq!((got.median, got.mad, got.n), (3.0, 1.0, 5));
        assert!((got.p10 - 1.4).abs() < 1e-12 && (got.p90 - 4.6).abs() < 1e-12);
        assert_eq!(figures(vec![]), None);
    }

    #[test]
    fn the_first_group_with_enough_members_is_used() {
        let shop = |sales| Traits { industry: Some("F5111"), region: Some("440106"), sales: Some(sales) };
        let other = Traits { industry: Some("F5211"), region: Some("110101"), sales: None };
        let mine = Traits { industry: Some("B0610"), region: Some("140101"), sales: Some(1.0) };
        let rows = [shop(600_000.0), shop(700_000.0), shop(6e7), other, mine];
        let groups = PeerGroups::new(rows, &rules());
        let figures = groups.figures(&[Some(1.0), Some(3.0), Some(5.0), Some(7.0), Some(100.0)]);
        let of =
            |row, min| groups.peers_of(&figures, row, min).map(|(name, f)| (name.to_owned(), f.n, f.median));
        assert_eq!(of(0, 2), Some(("industry F51, sales 500000+, region 4401".into(), 2, 2.0)));
        assert_eq!(of(0, 3), Some(("industry F".into(), 4, 4.0)));
        assert_eq!(of(3, 2), Some(("industry F".into(), 4, 4.0)));
        assert_eq!(of(4, 2), Some(("all".into(), 5, 5.0)));
        assert_eq!(of(4, 6), None);
    }

    #[test]
    fn members_without_a_finite_value_do_not_count() {
        let row = Traits { industry: None, region: None, sales: None };
        let groups = PeerGroups::new([row; 4], &rules());
        let figures = groups.figures(&[Some(1.0), None, Some(f64::NAN), Some(2.0)]);
        assert_eq!(groups.peers_of(&figures, 1, 1).unwrap().1.n, 2);
        assert_eq!(groups.peers_of(&figures, 1, 3), None);
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let rows: Vec<Traits<'_>> = ["F5111", "B0610", "F5211", "C1311"]
            .map(|industry| Traits { industry: Some(industry), region: Some("440106"), sales: Some(1.0) })
            .to_vec();
        let values = [Some(0.1), Some(0.7), Some(0.2), Some(0.3)];
        let forward = PeerGroups::new(rows.clone(), &rules());
        let backward = PeerGroups::new(rows.into_iter().rev(), &rules());
        let reversed: Vec<_> = values.iter().rev().copied().collect();
        let (a, b) = (forward.figures(&values), backward.figures(&reversed));
        for row in 0..4 {
            assert_eq!(forward.peers_of(&a, row, 2), backward.peers_of(&b, 3 - row, 2));
        }
    }
}
