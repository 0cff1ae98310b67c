//! How well a record fits a taxpayer: by number and by name. Every figure comes from the definition, every agreement
//! is kept as a fact, so that a link can say why it is one.

use rapidfuzz::distance::{indel, jaro_winkler, osa};

use super::definition::{Definition, NameWorth, SimilarWorth};
use super::id;
use super::name::{Agreement, Name, Place, confusable};

/// How a link was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// The same number, written differently.
    ExactId,
    /// A number the taxpayer had before, or that contains the same organisation code.
    OldNumber,
    /// The same name.
    ExactName,
    /// The same brand and trade.
    NormalName,
    /// A brand and trade that differ in a little.
    SimilarName,
    /// Invoices both sides hold.
    SharedInvoice,
    /// The same telephone, and more.
    Phone,
    /// The same address, and more.
    Address,
    /// What a person is in a firm.
    Role,
    /// A person decided it and the machine no longer finds it.
    Decision,
}

impl Method {
    /// Code as stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::ExactId => "exact_id",
            Self::OldNumber => "old_number",
            Self::ExactName => "exact_name",
            Self::NormalName => "normal_name",
            Self::SimilarName => "similar_name",
            Self::SharedInvoice => "shared_invoice",
            Self::Phone => "phone",
            Self::Address => "address",
            Self::Role => "role",
            Self::Decision => "decision",
        }
    }

    /// Methods of one tier compete: an equal name is not made doubtful by a similar one.
    pub(super) fn tier(self, facts: Facts) -> u8 {
        match self {
            Self::ExactId | Self::OldNumber => 0,
            Self::ExactName => 1,
            Self::NormalName if facts.has(Fact::Words) => 2,
            Self::NormalName if facts.same_form_and_place() => 3,
            Self::NormalName => 4,
            _ => 5,
        }
    }
}

/// One thing in which record and taxpayer agree or differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Fact {
    /// The number.
    Number = 1,
    /// Division and organisation code.
    OldNumber = 1 << 1,
    /// The organisation code only.
    Organisation = 1 << 2,
    /// The name, letter for letter.
    Name = 1 << 3,
    /// Brand and trade.
    Core = 1 << 4,
    /// The region.
    Region = 1 << 5,
    /// The legal form.
    Suffix = 1 << 6,
    /// The branch.
    Branch = 1 << 7,
    /// The taxpayer's earlier name or number it is.
    Former = 1 << 8,
    /// Differs: the region.
    RegionDiffers = 1 << 9,
    /// Differs: the legal form.
    SuffixDiffers = 1 << 10,
    /// Differs: the branch.
    BranchDiffers = 1 << 11,
    /// Differs: the name, though the number agrees.
    NameDiffers = 1 << 12,
    /// The region is missing on one side.
    RegionMissing = 1 << 13,
    /// Brand, trade, region, branch and the very words of the legal form agree; only their order or 市 differs.
    Words = 1 << 14,
    /// Differs: the number, and the record's is a valid one of somebody else.
    NumberDiffers = 1 << 15,
    /// The region of one side lies in that of the other, and nothing says that it is meant.
    RegionWithin = 1 << 16,
}

/// A set of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts(u32);

impl Facts {
    const AGREEING: u32 = 0b1111_1111;
    /// What keeps two equal cores from being one name in one place.
    const APART: [Fact; 4] =
        [Fact::RegionMissing, Fact::RegionWithin, Fact::RegionDiffers, Fact::BranchDiffers];

    /// With one more.
    pub fn with(self, fact: Fact) -> Self {
        Self(self.0 | fact as u32)
    }

    /// All facts of both.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the fact is among them.
    pub fn has(self, fact: Fact) -> bool {
        self.0 & fact as u32 != 0
    }

    /// Whether nothing sets the places and branches apart.
    fn same_place(self) -> bool {
        !Self::APART.iter().any(|fact| self.has(*fact))
    }

    /// Whether legal form, place and branch are the same: 有限公司 and 有限责任公司 are one form in law, 股份有限公司 is
    /// another, and so another firm may have that name.
    fn same_form_and_place(self) -> bool {
        self.has(Fact::Suffix) && self.same_place()
    }

    /// How many say that the two agree.
    pub fn agreeing(self) -> i64 {
        i64::from((self.0 & Self::AGREEING).count_ones())
    }
}

/// How well two things fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// How it was found.
    pub method: Method,
    /// 0 to 1.
    pub score: f64,
    /// Why.
    pub facts: Facts,
}

/// By number; both in their normal form. `same_text`: the record's number is the register's letter for letter.
pub fn by_number(definition: &Definition, record: &str, register: &str, former: bool) -> Option<Evidence> {
    let worth = &definition.id;
    if record == register && !record.is_empty() {
        let facts = Facts::default().with(Fact::Number);
        return Some(if former {
            Evidence { method: Method::OldNumber, score: worth.former, facts: facts.with(Fact::Former) }
        } else {
            Evidence { method: Method::ExactId, score: worth.exact, facts }
        });
    }
    let organisation = id::organisation(record)?;
    if Some(organisation) != id::organisation(register) {
        return None;
    }
    let facts = Facts::default().with(Fact::Organisation);
    let both = id::old_number(record).zip(id::old_number(register));
    Some(if both.is_some_and(|(a, b)| a == b) {
        Evidence { method: Method::OldNumber, score: worth.old_number, facts: facts.with(Fact::OldNumber) }
    } else {
        Evidence { method: Method::OldNumber, score: worth.organisation, facts }
    })
}

/// A name as written and taken apart.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    /// As it stands in the record or register.
    pub text: &'a str,
    /// Taken apart.
    pub name: &'a Name,
}

/// By name. `division` is the register's division code; `None` when the names have too little in common.
pub fn by_name(
    definition: &Definition,
    record: Written<'_>,
    register: Written<'_>,
    division: Option<u32>,
    former: bool,
) -> Option<Evidence> {
    let worth = &definition.name;
    let (a, b) = (record.name, register.name);
    if a.clean.is_empty() || b.clean.is_empty() {
        return None;
    }
    let mut facts = if former { Facts::default().with(Fact::Former) } else { Facts::default() };
    let off = if former { worth.former } else { 0.0 };
    if a.clean == b.clean {
        let same = record.text.trim() == register.text.trim();
        facts = facts.with(Fact::Name).with(Fact::Core).with(Fact::Suffix).with(Fact::Branch);
        if !b.places.is_empty() {
            facts = facts.with(Fact::Region);
        }
        let score = if same { worth.exact } else { worth.exact_form };
        return Some(Evidence { method: Method::ExactName, score: score - off, facts });
    }
    let same_core =
        a.core == b.core || placed(&a.core, &b.core, &b.places) || placed(&b.core, &a.core, &a.places);
    let (method, base) = if same_core {
        facts = facts.with(Fact::Core);
        (Method::NormalName, worth.normal)
    } else {
        (Method::SimilarName, similar(&definition.similar, &a.core, &b.core)?)
    };
    let off = off
        + region(definition, method, a, b, division, &mut facts)
        + suffix(worth, a, b, &mut facts)
        + branch(worth, a, b, &mut facts)
        + short_core(worth, a, facts);
    let words = same_core && a.form == b.form && facts.same_place();
    let facts = if words { facts.with(Fact::Words) } else { facts };
    Some(Evidence { method, score: (base - off).max(0.0), facts })
}

/// Whether `longer` is `shorter` with regions before it that the parser could not know to be such.
fn placed(longer: &str, shorter: &str, places: &[Place]) -> bool {
    let Some(mut before) = longer.strip_suffix(shorter).filter(|before| !before.is_empty()) else {
        return false;
    };
    while !before.is_empty() {
        let Some(rest) = places.iter().find_map(|p| before.strip_prefix(p.short.as_str())) else {
            return false;
        };
        before = rest.trim_start_matches(['省', '市', '县', '区']);
    }
    true
}

/// What the regions take off.
fn region(
    definition: &Definition,
    method: Method,
    a: &Name,
    b: &Name,
    division: Option<u32>,
    facts: &mut Facts,
) -> f64 {
    let worth = &definition.name;
    let missing =
        if method == Method::SimilarName { definition.similar.region_missing } else { worth.region_missing };
    let mut unknown = || {
        *facts = facts.with(Fact::RegionMissing);
        missing
    };
    match (a.places.last(), b.places.last()) {
        // Neither names a region, as firms registered with the state do not; or the brand begins with one.
        (None, None) => 0.0,
        (None, Some(place)) if a.core.starts_with(place.short.as_str()) => {
            *facts = facts.with(Fact::Region);
            0.0
        }
        (None, Some(_)) => unknown(),
        (Some(place), None) => match division.map(|d| place.agrees_with_code(d)) {
            Some(Agreement::Agree) => {
                *facts = facts.with(Fact::Region);
                0.0
            }
            Some(Agreement::Conflict) => {
                *facts = facts.with(Fact::RegionDiffers);
                worth.region_code_differs
            }
            _ => unknown(),
        },
        (Some(x), Some(y)) => match x.agrees(y) {
            Agreement::Agree if share_a_place(a, b) => {
                *facts = facts.with(Fact::Region);
                0.0
            }
            Agreement::Agree => {
                *facts = facts.with(Fact::RegionWithin);
                worth.region_within
            }
            Agreement::Conflict => {
                *facts = facts.with(Fact::RegionDiffers);
                worth.region_conflict
            }
            Agreement::Unknown => unlisted(worth, a, b, division, facts),
        },
    }
}

/// Whether both names give one region of the same name, whatever else they give: 江苏南京 and 南京, but not 江苏 and 南京.
fn share_a_place(a: &Name, b: &Name) -> bool {
    a.places.iter().any(|x| b.places.iter().any(|y| x.short == y.short))
}

/// Regions of which at least one is on no list.
fn unlisted(worth: &NameWorth, a: &Name, b: &Name, division: Option<u32>, facts: &mut Facts) -> f64 {
    let shared = share_a_place(a, b);
    let listed = a.places.last().zip(division).map(|(p, d)| p.agrees_with_code(d));
    if shared || listed == Some(Agreement::Agree) {
        *facts = facts.with(Fact::Region);
        return 0.0;
    }
    *facts = facts.with(Fact::RegionDiffers);
    worth.region_conflict
}

fn suffix(worth: &NameWorth, a: &Name, b: &Name, facts: &mut Facts) -> f64 {
    match (a.suffix, b.suffix) {
        (None, None) => 0.0,
        (Some(x), Some(y)) if x == y => {
            *facts = facts.with(Fact::Suffix);
            0.0
        }
        (Some(x), Some(y)) => {
            *facts = facts.with(Fact::SuffixDiffers);
            if x.same_family(y) { worth.suffix_differs } else { worth.suffix_family }
        }
        _ => worth.suffix_missing,
    }
}

fn branch(worth: &NameWorth, a: &Name, b: &Name, facts: &mut Facts) -> f64 {
    if a.branch == b.branch {
        if a.branch.is_some() {
            *facts = facts.with(Fact::Branch);
        }
        return 0.0;
    }
    *facts = facts.with(Fact::BranchDiffers);
    worth.branch_differs
}

fn short_core(worth: &NameWorth, a: &Name, facts: Facts) -> f64 {
    let short = facts.has(Fact::RegionMissing) && a.core.chars().count() <= worth.short_core;
    if short { worth.short_core_penalty } else { 0.0 }
}

/// Score of two cores that are not equal; `None` below what is worth a look.
fn similar(worth: &SimilarWorth, a: &str, b: &str) -> Option<f64> {
    let (x, y): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let shorter = x.len().min(y.len());
    let distance = osa::distance(x.iter().copied(), y.iter().copied());
    if distance == 1 && shorter >= 2 {
        let score = one_edit(worth, &x, &y);
        return Some(if shorter <= 3 { score - worth.short } else { score });
    }
    if shorter >= 4 && (a.contains(b) || b.contains(a)) {
        return Some(worth.contained);
    }
    let jaro = jaro_winkler::similarity(x.iter().copied(), y.iter().copied());
    let indel = indel::normalized_similarity(x.iter().copied(), y.iter().copied());
    let likeness = f64::midpoint(jaro, indel);
    (likeness >= worth.least).then_some(likeness * worth.scale)
}

fn one_edit(worth: &SimilarWorth, x: &[char], y: &[char]) -> f64 {
    let equal = x.iter().zip(y).take_while(|(a, b)| a == b).count();
    let slip = if equal < worth.brand { worth.slip - worth.brand_penalty } else { worth.slip };
    if x.len() != y.len() {
        return slip;
    }
    let mut differing = x.iter().zip(y).filter(|(a, b)| a != b);
    match (differing.next(), differing.next()) {
        // Two exchanged.
        (Some(_), Some(_)) => slip,
        (Some((a, b)), None) if confusable(*a, *b) => worth.confused,
        _ if x.len() >= worth.long => worth.replaced_long,
        _ => worth.replaced,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::identity::definition::{EMBEDDED, parse};
    use crate::identity::name::NameParser;
    use proptest::prelude::*;

    fn judged(record: &str, register: &str, division: Option<u32>) -> Option<(Method, f64)> {
        let definition = parse("links.toml", EMBEDDED).unwrap();
        let parser = NameParser::shared();
        let (a, b) = (parser.parse(record), parser.parse(register));
        let written = |text, name| Written { text, name };
        let found = by_name(&definition, written(record, &a), written(register, &b), division, false);
        found.map(|e| (e.method, (e.score * 10_000.0).round() / 10_000.0))
    }

    #[test]
    fn what_a_name_differs_in_costs_its_worth() {
        let register = "南京市恒达钢材贸易有限公司";
        let is = |record: &str, method, score| {
            assert_eq!(judged(record, register, Some(320_100)), Some((method, score)), "{record}")
        };
        is("南京市恒达钢材贸易有限公司", Method::ExactName, 1.0);
        is("南京市恒达钢材贸易有限公司（已注销）", Method::ExactName, 0.99);
        is("南京恒达钢材贸易有限责任公司", Method::NormalName, 0.98);
        is("南京恒达钢材贸易股份有限公司", Method::NormalName, 0.95);
        is("恒达钢材贸易有限公司", Method::NormalName, 0.95);
        is("南京恒达钢材贸易", Method::NormalName, 0.96);
        is("南京恒达钢材贸易经营部", Method::NormalName, 0.73);
        is("苏州恒达钢材贸易有限公司", Method::NormalName, 0.53);
        is("南京恒达钢材贸易有限公司苏州分公司", Method::NormalName, 0.53);
        is("南京恒达钢贸材易有限公司", Method::SimilarName, 0.94);
        is("南京恒大钢材贸易有限公司", Method::SimilarName, 0.93);
        is("南京恒瑞钢材贸易有限公司", Method::SimilarName, 0.82);
        // A brand that gained a character is another brand.
        is("南京恒盛达钢材贸易有限公司", Method::SimilarName, 0.89);
        assert_eq!(judged("南京瑞源五金店", register, None), None);
    }

    #[test]
    fn a_province_is_not_its_city() {
        let of = |record: &str| judged(record, "南京市恒达钢材贸易有限公司", Some(320_100)).unwrap().1;
        assert_eq!(of("江苏恒达钢材贸易有限公司"), 0.88);
        assert_eq!(of("江苏省南京市恒达钢材贸易有限公司"), 0.98);
    }

    #[test]
    fn the_registers_division_stands_in_for_a_region_its_name_lacks() {
        let of = |division| judged("南京恒达钢材贸易有限公司", "恒达钢材贸易有限公司", division).unwrap().1;
        assert_eq!((of(Some(320_102)), of(None), of(Some(330_100))), (0.98, 0.95, 0.88));
    }

    #[test]
    fn numbers_by_what_they_share() {
        let definition = parse("links.toml", EMBEDDED).unwrap();
        let of = |record: &str, former| {
            by_number(&definition, record, "91310115MA1K39423D", former).map(|e| (e.method, e.score))
        };
        assert_eq!(of("91310115MA1K39423D", false), Some((Method::ExactId, 0.999)));
        assert_eq!(of("91310115MA1K39423D", true), Some((Method::OldNumber, 0.99)));
        assert_eq!(of("310115MA1K39423", false), Some((Method::OldNumber, 0.99)));
        assert_eq!(of("320500MA1K39423", false), Some((Method::OldNumber, 0.95)));
        assert_eq!(of("MA1K39423", false), Some((Method::OldNumber, 0.95)));
        assert_eq!(of("310115MA1K39424", false), None);
        assert_eq!(of("C06972", false), None);
    }

    proptest! {
        #[test]
        fn scores_are_shares_whatever_the_texts(a in "\\PC{0,16}", b in "\\PC{0,16}") {
            for (x, y) in [(&a, &b), (&b, &a), (&a, &a)] {
                if let Some((_, score)) = judged(x, y, None) {
                    prop_assert!((0.0..=1.0).contains(&score));
                }
            }
        }
    }
}
