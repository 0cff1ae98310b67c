//! Why a link is one, in Chinese and in English beside it. Only links that are kept get their words.

use std::fmt::Write;

use super::definition::Definition;
use super::records::{Record, Register};
use super::resolve::Candidate;
use super::score::{Fact, Method};

/// What is said of each fact.
const SAID: [(Fact, &str, &str); 12] = [
    (Fact::OldNumber, "行政区划与组织机构代码一致", "division and organisation code agree"),
    (Fact::Organisation, "组织机构代码一致", "organisation code agrees"),
    (Fact::Former, "为该户变更前的登记内容", "it is what the register said before a change"),
    (Fact::Region, "地区一致", "region agrees"),
    (Fact::RegionMissing, "一方未写地区", "one side names no region"),
    (Fact::RegionWithin, "一方地区在另一方地区之内", "the region of one side lies in that of the other"),
    (Fact::RegionDiffers, "地区不一致", "region differs"),
    (Fact::Suffix, "组织形式一致", "legal form agrees"),
    (Fact::SuffixDiffers, "组织形式不同", "legal form differs"),
    (Fact::BranchDiffers, "分支机构不一致", "branch differs"),
    (
        Fact::NumberDiffers,
        "但记录中的统一社会信用代码属于另一主体",
        "but the record's credit code is another's",
    ),
    (Fact::NameDiffers, "但名称不同", "but the names differ"),
];

/// Explanation of a link by number or name.
pub(super) fn by_name(
    definition: &Definition,
    register: &Register,
    record: &Record,
    candidate: &Candidate,
    other: Option<&Candidate>,
) -> (String, String) {
    let firm = &register.firms[candidate.firm as usize];
    let (mut zh, mut en) = found(register, record, candidate, &firm.id);
    for (fact, chinese, english) in SAID {
        if candidate.facts.has(fact) {
            // Writing to a string cannot fail.
            let _ = write!(zh, "；{chinese}");
            let _ = write!(en, "; {english}");
        }
    }
    if let Some(other) = other {
        let (id, score) = (&register.firms[other.firm as usize].id, other.score);
        let tier = |c: &Candidate| c.method.tier(c.facts);
        let near = (candidate.score - other.score).abs() < definition.ambiguous.margin
            && tier(other) <= tier(candidate);
        let (doubt_zh, doubt_en) = if near { ("，难以区分", ", hard to tell apart") } else { ("", "") };
        let _ = write!(zh, "；另有候选{id}（{score:.2}）{doubt_zh}");
        let _ = write!(en, "; another candidate is {id} ({score:.2}){doubt_en}");
    }
    (zh, en)
}

/// The main finding.
fn found(register: &Register, record: &Record, candidate: &Candidate, id: &str) -> (String, String) {
    let value = &record.id.value;
    let entry = candidate.entry.and_then(|e| register.entries[e as usize].name.as_ref());
    let written = record.names.first().map_or(value.as_str(), |(text, _)| text);
    let (known, core) = entry.map_or(("", ""), |(text, name)| (text.as_str(), name.core.as_str()));
    match candidate.method {
        Method::ExactId => {
            (format!("号码{value}即登记号码{id}"), format!("number {value} is the registered {id}"))
        }
        Method::OldNumber => (
            format!("旧号码{value}对应登记号码{id}"),
            format!("old number {value} belongs to the registered {id}"),
        ),
        Method::ExactName => {
            (format!("名称“{written}”与登记名称一致"), format!("the name {written} is the registered one"))
        }
        Method::NormalName => (
            format!("名称“{written}”与“{known}”去除地区和组织形式后同为“{core}”"),
            format!("{written} and {known} are both {core} without region and legal form"),
        ),
        _ => (format!("名称“{written}”与“{known}”相近"), format!("{written} is like {known}")),
    }
}
