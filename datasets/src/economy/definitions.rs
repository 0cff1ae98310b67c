//! Reads `datasets/economy/*.toml` (embedded): industries with their input-output table, goods, burdens in print,
//! and the rates and strengths of schemes.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::EconomyError;
use super::calendar::Rhythm;
use super::industries::{Document, Farm, Good, Industry};

const INDUSTRIES: &str = include_str!("../../economy/industries.toml");
const GOODS: &str = include_str!("../../economy/goods.toml");
const BURDEN: &str = include_str!("../../economy/burden.toml");
const SCHEMES: &str = include_str!("../../economy/schemes.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoodFile {
    good: Vec<GoodEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoodEntry {
    key: String,
    code: String,
    name: String,
    #[serde(default)]
    specs: Vec<String>,
    #[serde(default)]
    unit: String,
    price: f64,
    rate: i64,
    #[serde(default)]
    hs: String,
    #[serde(default)]
    exempt: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IndustryFile {
    season: HashMap<String, Season>,
    industry: Vec<IndustryEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Season {
    months: [f64; 12],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IndustryEntry {
    code: String,
    trades: Vec<String>,
    goods: Vec<String>,
    weight: f64,
    consumers: f64,
    exports: f64,
    burden: f64,
    wages: f64,
    kwh: f64,
    water: f64,
    gas: f64,
    stock: f64,
    fixed_assets: f64,
    lines: f64,
    season: String,
    #[serde(default)]
    shop: bool,
    #[serde(default)]
    document: Document,
    #[serde(default)]
    farm: Option<FarmEntry>,
    inputs: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FarmEntry {
    good: String,
    share: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BurdenFile {
    industry: Vec<BurdenEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BurdenEntry {
    code: String,
    published: (f64, f64),
    #[serde(default, rename = "ours")]
    _ours: bool,
}

/// Rate and strength of a scheme.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SchemeEntry {
    /// As in `truth.scheme`.
    pub name: String,
    /// Instances per 1,000 taxpayers; at least one is cast.
    pub rate: f64,
    /// Fewest and most members of an instance who organise it.
    pub members: (usize, usize),
    /// Members who use it, per instance.
    #[serde(default)]
    pub users: usize,
    /// How strongly it acts: drawn between the two. The meaning depends on the scheme.
    pub strength: (f64, f64),
    /// How many months it acts; 0: to the end.
    pub months: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SchemeFile {
    scheme: Vec<SchemeEntry>,
}

fn read<T: DeserializeOwned>(file: &'static str, text: &str) -> Result<T, EconomyError> {
    toml::from_str(text).map_err(|error| EconomyError::Definition { file, problem: error.to_string() })
}

/// All schemes in the order of the file.
pub(super) fn schemes() -> Result<Vec<SchemeEntry>, EconomyError> {
    Ok(read::<SchemeFile>("schemes.toml", SCHEMES)?.scheme)
}

/// All industries, complete.
pub(super) fn industries() -> Result<Vec<Industry>, EconomyError> {
    let goods: GoodFile = read("goods.toml", GOODS)?;
    let file: IndustryFile = read("industries.toml", INDUSTRIES)?;
    let burdens: BurdenFile = read("burden.toml", BURDEN)?;
    let goods: HashMap<&str, Good> =
        goods.good.iter().map(|entry| (entry.key.as_str(), good(entry))).collect();
    let index: HashMap<&str, u8> = (0u8..).zip(&file.industry).map(|(i, e)| (e.code.as_str(), i)).collect();
    let mut problems = Vec::new();
    let mut found = Vec::new();
    for entry in &file.industry {
        match industry(entry, &goods, &index, &file.season, &burdens) {
            Ok(industry) => found.push(industry),
            Err(problem) => problems.push(format!("industry {}: {problem}", entry.code)),
        }
    }
    if !problems.is_empty() {
        return Err(EconomyError::Definition { file: "industries.toml", problem: problems.join("; ") });
    }
    let rates: Vec<f64> = found.iter().map(|industry: &Industry| industry.rate_bp as f64).collect();
    for (industry, entry) in found.iter_mut().zip(&file.industry) {
        industry.purchases = purchases(industry, entry.burden, &rates);
    }
    Ok(found)
}

/// What must be bought, with the inputs' rates, for the tax paid to come to the burden aimed at. A twentieth of
/// input tax is not deducted: it comes from small sellers, without a special invoice, or is never claimed.
fn purchases(industry: &Industry, burden: f64, rates: &[f64]) -> f64 {
    let bought: f64 = industry.inputs.iter().map(|(index, share)| rates[usize::from(*index)] * share).sum();
    let farm = industry.farm.as_ref().map_or(0.0, |farm| farm.share);
    let input = bought * (1.0 - farm) + 900.0 * farm;
    let exempt = industry.goods.iter().all(|good| good.exempt);
    let output = if exempt { 450.0 } else { industry.rate_bp as f64 };
    ((output - burden * 100.0) / (input * 0.95)).clamp(0.12, 0.978)
}

fn good(entry: &GoodEntry) -> Good {
    Good {
        code: entry.code.clone(),
        name: entry.name.clone(),
        specs: entry.specs.clone(),
        unit: entry.unit.clone(),
        price: (entry.price * 100.0).round() as i64,
        rate_bp: entry.rate * 100,
        exempt: entry.exempt,
        hs_code: entry.hs.clone(),
    }
}

fn industry(
    entry: &IndustryEntry,
    goods: &HashMap<&str, Good>,
    index: &HashMap<&str, u8>,
    seasons: &HashMap<String, Season>,
    burdens: &BurdenFile,
) -> Result<Industry, String> {
    let sold: Option<Vec<Good>> = entry.goods.iter().map(|key| goods.get(key.as_str()).cloned()).collect();
    let sold = sold.filter(|goods| !goods.is_empty());
    let sold = sold.ok_or("one of `goods` is no key in goods.toml, or there are none; add it there")?;
    let inputs: Option<Vec<(u8, f64)>> =
        entry.inputs.iter().map(|(code, share)| index.get(code.as_str()).map(|i| (*i, *share))).collect();
    let inputs = inputs.ok_or("one of `inputs` is no industry of this file; correct its code")?;
    let total: f64 = inputs.iter().map(|(_, share)| share).sum();
    if (total - 1.0).abs() > 1e-6 {
        return Err(format!("`inputs` add up to {total}; they must add up to 1"));
    }
    let farm = match &entry.farm {
        None => None,
        Some(farm) => {
            let good = goods.get(farm.good.as_str()).cloned();
            let good = good.ok_or("`farm.good` is no key in goods.toml; add it there")?;
            Some(Farm { good, share: farm.share })
        }
    };
    let season = seasons.get(&entry.season).ok_or("`season` names none of [season.…]; add it")?;
    let burden = burdens.industry.iter().find(|burden| burden.code == entry.code);
    let burden = burden.ok_or("it has no entry in burden.toml; add one")?;
    let rate_bp = sold[0].rate_bp;
    // The rate fell from 17 to 13 percent since the figures were printed; value added did not.
    let fell = if rate_bp == 1300 { 13.0 / 17.0 } else { 1.0 };
    Ok(Industry {
        code: entry.code.clone(),
        trades: entry.trades.clone(),
        rate_bp,
        weight: entry.weight,
        consumers: entry.consumers,
        exports: entry.exports,
        purchases: 0.0,
        wages: entry.wages,
        kwh: entry.kwh,
        water: entry.water,
        gas: entry.gas,
        stock_months: entry.stock,
        fixed_assets: entry.fixed_assets,
        burden_bp: (
            (burden.published.0 * 50.0 * fell) as i64,
            (burden.published.1 * 150.0 * fell).round() as i64,
        ),
        lines: entry.lines,
        season: season.months,
        rhythm: if entry.shop { Rhythm::Shop } else { Rhythm::Office },
        document: entry.document,
        goods: sold,
        farm,
        inputs,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn industries_read_and_make_sense() {
        for industry in industries().unwrap() {
            let year: f64 = industry.season.iter().sum();
            assert!((year - 12.0).abs() < 0.8, "{}: {year}", industry.code);
            assert!((0.1..0.98).contains(&industry.purchases), "{}: {}", industry.code, industry.purchases);
            assert!(industry.burden_bp.0 < industry.burden_bp.1, "{}", industry.code);
            for good in &industry.goods {
                assert!(
                    good.code.len() == 19 && good.name.starts_with('*') && good.price > 0,
                    "{}",
                    good.name
                );
            }
        }
    }

    #[test]
    fn schemes_read() {
        assert!(schemes().unwrap().len() >= 20);
    }
}
