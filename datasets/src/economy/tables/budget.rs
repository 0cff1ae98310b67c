//! Where revenue goes: budget account and level of each tax, and its split between the levels of government, as
//! `datasets/economy/taxes.toml` says.

use std::sync::LazyLock;

use arrow::array::RecordBatch;
use chrono::{Datelike, NaiveDate};
use serde::Deserialize;

use super::rows::Rows;
use crate::economy::EconomyError;
use crate::economy::model::World;

const FILE: &str = "taxes.toml";
const SOURCE: &str = include_str!("../../../economy/taxes.toml");
/// Millionths: the unit of a `share`.
const WHOLE: i64 = 1_000_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    tax: Vec<RawTax>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTax {
    code: String,
    account: String,
    level: String,
    split: String,
    splits: Vec<RawSplit>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSplit {
    from: String,
    central: f64,
    province: f64,
    city: f64,
    county: f64,
}

/// A tax, fee or surcharge.
#[derive(Debug)]
pub(super) struct Tax {
    /// As in `tax_payment.tax_code`.
    pub code: String,
    /// 预算科目.
    pub account: String,
    /// 预算级次: `central`, `local` or `shared`.
    pub level: String,
    /// Code of the split.
    pub split: String,
    versions: Vec<Version>,
}

/// How revenue is split from a day on.
#[derive(Debug)]
struct Version {
    /// First day, days since 1970.
    from: i32,
    /// By level in the order of their names, in millionths.
    shares: [(&'static str, i64); 4],
}

/// All taxes by code.
#[derive(Debug)]
pub(super) struct Taxes(Vec<Tax>);

impl Taxes {
    /// The embedded ones.
    ///
    /// # Errors
    /// `taxes.toml` is wrong.
    pub(super) fn embedded() -> Result<&'static Self, EconomyError> {
        static TAXES: LazyLock<Result<Taxes, String>> = LazyLock::new(|| Taxes::parse(SOURCE));
        let wrong = |problem: &String| EconomyError::Definition { file: FILE, problem: problem.clone() };
        TAXES.as_ref().map_err(wrong)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: RawFile = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut taxes = file.tax.into_iter().map(tax).collect::<Result<Vec<_>, _>>()?;
        taxes.sort_by(|one, two| one.code.cmp(&two.code));
        match taxes.windows(2).find(|pair| pair[0].code == pair[1].code) {
            Some(pair) => Err(format!("tax `{}` stands twice; leave one", pair[0].code)),
            None => Ok(Self(taxes)),
        }
    }

    /// In the order of their codes.
    pub(super) fn all(&self) -> &[Tax] {
        &self.0
    }

    /// Position of the tax with this code.
    pub(super) fn position(&self, code: &str) -> Option<usize> {
        self.0.binary_search_by(|tax| tax.code.as_str().cmp(code)).ok()
    }

    /// The tax with this code.
    pub(super) fn get(&self, code: &str) -> Option<&Tax> {
        self.0.get(self.position(code)?)
    }
}

fn tax(raw: RawTax) -> Result<Tax, String> {
    if !["central", "local", "shared"].contains(&raw.level.as_str()) {
        return Err(format!("tax `{}`: level `{}`; write central, local or shared", raw.code, raw.level));
    }
    let mut versions = Vec::new();
    for split in &raw.splits {
        let from = NaiveDate::parse_from_str(&split.from, "%Y-%m-%d")
            .map_err(|_| format!("tax `{}`: `{}` is no day; write YYYY-MM-DD", raw.code, split.from))?;
        let millionths = |share: f64| (share * WHOLE as f64).round() as i64;
        let shares = [
            ("central", millionths(split.central)),
            ("city", millionths(split.city)),
            ("county", millionths(split.county)),
            ("province", millionths(split.province)),
        ];
        if shares.iter().map(|(_, share)| share).sum::<i64>() != WHOLE {
            return Err(format!("tax `{}` from {}: the shares must add up to 1", raw.code, split.from));
        }
        versions.push(Version { from: from.num_days_from_ce() - 719_163, shares });
    }
    if versions.is_empty() || versions.windows(2).any(|pair| pair[0].from >= pair[1].from) {
        return Err(format!("tax `{}`: give at least one split, the oldest first", raw.code));
    }
    Ok(Tax { code: raw.code, account: raw.account, level: raw.level, split: raw.split, versions })
}

/// Rows of `budget_split`: every tax in every county, shares of the levels adding up to one in each version.
pub(super) fn budget_splits(world: &World) -> Result<Vec<RecordBatch>, EconomyError> {
    let mut rows = Rows::of("budget_split")?;
    let regions = counties(world);
    for tax in Taxes::embedded()?.all() {
        for region in &regions {
            for level in 0..4 {
                for (index, version) in tax.versions.iter().enumerate() {
                    let (name, share) = version.shares[level];
                    rows.text(&tax.code).text(region).text(name).date(version.from).units(share);
                    match tax.versions.get(index + 1) {
                        Some(next) => rows.date(next.from - 1),
                        None => rows.nulls(1),
                    };
                    rows.end();
                }
            }
        }
    }
    rows.finish()
}

/// Region codes of the counties, ascending.
pub(super) fn counties(world: &World) -> Vec<&str> {
    let mut regions: Vec<&str> = world
        .offices()
        .iter()
        .filter(|office| office.level == 3)
        .map(|office| office.region.as_str())
        .collect();
    regions.sort_unstable();
    regions.dedup();
    regions
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn all_taxes_of_the_returns_are_there() {
        let taxes = Taxes::embedded().unwrap();
        let column = crate::schema::catalog().table("other_tax_return").unwrap().column("tax_code").unwrap();
        let declared = column.values.iter().map(|value| value.code.as_str());
        for code in declared.chain(["vat", "cit", "iit"]) {
            assert_eq!(taxes.get(code).unwrap().code, code);
        }
        assert!(taxes.get("customs").is_none());
    }

    #[test]
    fn wrong_definitions_are_named() {
        let tax = |level: &str, central: f64| {
            let split = format!(
                "{{ from = \"2020-01-01\", central = {central:?}, province = 0.0, city = 0.0, county = 0.5 }}"
            );
            format!(
                "[[tax]]\ncode = \"vat\"\naccount = \"1\"\nlevel = \"{level}\"\nsplit = \"1\"\nsplits = [{split}]"
            )
        };
        assert!(Taxes::parse(&tax("shared", 0.5)).is_ok());
        assert!(Taxes::parse(&tax("shared", 0.6)).unwrap_err().contains("add up to 1"));
        assert!(Taxes::parse(&tax("ours", 0.5)).unwrap_err().contains("central, local or shared"));
        let twice = format!("{0}\n{0}", tax("shared", 0.5));
        assert!(Taxes::parse(&twice).unwrap_err().contains("stands twice"));
    }
}
