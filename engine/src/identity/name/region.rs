//! Regions in names: the divisions of GB/T 2260, abolished ones included, and places learned from the warehouse.

use std::collections::HashMap;
use std::sync::LazyLock;

use assay_datasets::codes::CodeList;

use super::words::WORDS;

/// Names that divisions and zones had before those of the code list.
const FORMER: &str = include_str!("../data/former_regions.csv");
/// What ends the name of a division.
const ENDS: [&str; 12] =
    ["自治区", "自治州", "自治县", "自治旗", "特别行政区", "地区", "林区", "省", "市", "县", "旗", "盟"];
/// Peoples in the names of autonomous divisions; the short name ends before the first of them.
const PEOPLES: [&str; 37] = [
    "壮族",
    "回族",
    "维吾尔",
    "藏族",
    "羌族",
    "朝鲜族",
    "土家族",
    "苗族",
    "彝族",
    "布依族",
    "侗族",
    "哈尼族",
    "傣族",
    "白族",
    "景颇族",
    "傈僳族",
    "蒙古",
    "柯尔克孜",
    "哈萨克",
    "满族",
    "达斡尔族",
    "畲族",
    "瑶族",
    "各族",
    "仫佬族",
    "毛南族",
    "黎族",
    "水族",
    "纳西族",
    "拉祜族",
    "佤族",
    "独龙族",
    "裕固族",
    "土族",
    "撒拉族",
    "锡伯",
    "塔吉克",
];
/// Characters that must follow a region written without 省 or 市: brand and trade. 大同 in 大同科技 is a brand.
const AFTER_SHORT: usize = 4;
/// Characters that must follow a region written in full: a brand.
const AFTER_FULL: usize = 2;

/// A region named in a company's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name without 省, 市, 县.
    pub short: String,
    /// Division codes the name may mean, six digits; none for a place not on any list.
    pub codes: Vec<u32>,
}

/// How two regions stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// One lies in the other, or they are the same.
    Agree,
    /// They lie apart.
    Conflict,
    /// At least one is not known well enough to tell.
    Unknown,
}

impl Place {
    /// Whether one of the places lies in the other.
    pub fn agrees(&self, other: &Self) -> Agreement {
        if self.short == other.short {
            return Agreement::Agree;
        }
        if self.codes.is_empty() || other.codes.is_empty() {
            return Agreement::Unknown;
        }
        let within = self.codes.iter().any(|a| other.codes.iter().any(|b| one_in_other(*a, *b)));
        if within { Agreement::Agree } else { Agreement::Conflict }
    }

    /// Whether the place lies in the division `code`, or the division in the place.
    pub fn agrees_with_code(&self, code: u32) -> Agreement {
        if self.codes.is_empty() {
            return Agreement::Unknown;
        }
        if self.codes.iter().any(|a| one_in_other(*a, code)) { Agreement::Agree } else { Agreement::Conflict }
    }
}

fn one_in_other(a: u32, b: u32) -> bool {
    let width = |code: u32| match code {
        code if code.is_multiple_of(10_000) => 10_000,
        code if code.is_multiple_of(100) => 100,
        _ => 1,
    };
    let wider = width(a).max(width(b));
    a / wider == b / wider
}

#[derive(Debug, Clone)]
struct Entry {
    short: String,
    codes: Vec<u32>,
    /// Characters that must follow.
    after: usize,
}

/// Names of regions, in full and in short.
#[derive(Debug, Clone, Default)]
pub struct Gazetteer {
    entries: HashMap<String, Entry>,
    /// Short name → every division that has it: 朝阳 is a city of Liaoning and a district of Beijing.
    by_short: HashMap<String, Vec<u32>>,
    longest: usize,
}

impl Gazetteer {
    /// The divisions of the country.
    pub fn national() -> &'static Self {
        static NATIONAL: LazyLock<Gazetteer> = LazyLock::new(|| {
            let mut gazetteer = Gazetteer::default();
            let codes = CodeList::Region.codes();
            // 市辖区, 县: what holds divisions together is no place.
            let places = codes.iter().filter(|code| codes.field(code, "kind") != Some("collective"));
            let listed = places.filter_map(|code| Some((code, codes.field(code, "name")?)));
            let former = FORMER.lines().skip(1).filter_map(|line| line.split_once(','));
            for (code, name) in listed.chain(former) {
                if let Ok(code) = code.parse() {
                    gazetteer.add(name, code);
                }
            }
            gazetteer
        });
        &NATIONAL
    }

    /// Adds a division. Provinces and prefectures are also known by their short names; a county's is too often a
    /// brand (和平, 太和, 长安).
    pub fn add(&mut self, name: &str, code: u32) {
        let short = short_name(name);
        self.insert(name, &short, code, AFTER_FULL);
        let all = self.by_short.entry(short.clone()).or_default();
        if !all.contains(&code) {
            all.push(code);
        }
        if code.is_multiple_of(100) && short.chars().count() >= 2 {
            self.insert(&short, &short, code, AFTER_SHORT);
        }
    }

    /// Learns the places an office's name begins with: 国家税务总局临江市东湖区税务局, 990102. `code` is that of the last.
    pub fn learn_office(&mut self, office: &str, code: u32) {
        let name = office.strip_prefix("国家税务总局").unwrap_or(office);
        let Some(end) = name.find("税务") else { return };
        let mut rest = &name[..end];
        let mut found = Vec::new();
        while let Some(at) = place_end(rest) {
            found.push(&rest[..at]);
            rest = &rest[at..];
        }
        if !rest.is_empty() {
            return;
        }
        let mut code = code;
        for place in found.into_iter().rev() {
            self.add(place, code);
            code = if code.is_multiple_of(100) { code / 10_000 * 10_000 } else { code / 100 * 100 };
        }
    }

    fn insert(&mut self, name: &str, short: &str, code: u32, after: usize) {
        self.longest = self.longest.max(name.chars().count());
        let entry = self.entries.entry(name.to_owned()).or_insert_with(|| Entry {
            short: short.to_owned(),
            codes: Vec::new(),
            after,
        });
        if !entry.codes.contains(&code) {
            entry.codes.push(code);
        }
        entry.after = entry.after.min(after);
    }

    /// The region that is the whole text, in full or in short.
    pub fn whole(&self, text: &str) -> Option<Place> {
        if let Some(entry) = self.entries.get(text) {
            return Some(self.place(text, entry));
        }
        // In brackets a county's short name is a region after all: 恒达钢材（昆山）有限公司.
        ["市", "县", "区", "省"]
            .iter()
            .find_map(|end| self.entries.get(&format!("{text}{end}")))
            .map(|e| self.place(text, e))
    }

    /// The regions a text consists of: 临江市东湖区. Empty where anything else is in it.
    pub(super) fn all(&self, text: &str) -> Vec<Place> {
        let mut places = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let generic = |end| (Place { short: short_name(&rest[..end]), codes: Vec::new() }, end);
            let found = self
                .whole(rest)
                .map(|place| (place, rest.len()))
                .or_else(|| self.place_prefix(rest))
                .or_else(|| generic_end(rest).map(generic));
            let Some((place, end)) = found else { return Vec::new() };
            places.push(place);
            rest = &rest[end..];
        }
        places
    }

    /// A region at the beginning of a name and where it ends, if enough of the name remains. `amid`: another region
    /// stands before it, so that a township may follow.
    pub fn prefix(&self, text: &str, amid: bool) -> Option<(Place, usize)> {
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let remaining = |chars: usize| ends.len() - chars;
        for chars in (2..=self.longest.min(ends.len().saturating_sub(1))).rev() {
            let end = ends[chars];
            if let Some(entry) = self.entries.get(&text[..end])
                && remaining(chars) >= entry.after
                && !WORDS.no_region_after.iter().any(|w| follows(text, end, w))
            {
                return Some((self.place(&text[..end], entry), end));
            }
        }
        let end = generic_end(text).or_else(|| if amid { township_end(text) } else { None })?;
        let left = text[end..].chars().count();
        (left >= AFTER_SHORT).then(|| (Place { short: short_name(&text[..end]), codes: Vec::new() }, end))
    }

    /// A short name may mean any division that has it.
    fn place(&self, written: &str, entry: &Entry) -> Place {
        let all = if written == entry.short { self.by_short.get(written) } else { None };
        Place { short: entry.short.clone(), codes: all.unwrap_or(&entry.codes).clone() }
    }

    /// A listed region at the beginning of a text, whatever follows.
    pub(super) fn place_prefix(&self, text: &str) -> Option<(Place, usize)> {
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let longest = self.longest.min(ends.len() - 1);
        (2..=longest).rev().find_map(|chars| {
            let written = &text[..ends[chars]];
            self.entries.get(written).map(|entry| (self.place(written, entry), ends[chars]))
        })
    }
}

/// Whether `word` lies across the end of a region: 恒达市|政工程 has 市政 across it.
fn follows(text: &str, end: usize, word: &str) -> bool {
    let Some(first) = word.chars().next() else { return false };
    let start = end.saturating_sub(first.len_utf8());
    text.get(start..).is_some_and(|rest| rest.starts_with(word))
}

/// Where a region not on the list ends: two or three characters and 省, 市, 县 or 区.
fn generic_end(text: &str) -> Option<usize> {
    let end = place_end(text)?;
    let region = &text[..end];
    let han = region.chars().all(|c| u32::from(c) >= 0x3400);
    let listed = WORDS.no_region_before.iter().any(|w| region.ends_with(w.as_str()))
        || WORDS.no_region_after.iter().any(|w| follows(text, end, w));
    (han && !listed).then_some(end)
}

/// The same where only regions can stand, as in the name of an office.
fn place_end(text: &str) -> Option<usize> {
    let (at, c) = text.char_indices().skip(2).take(2).find(|(_, c)| ['省', '市', '县', '区'].contains(c))?;
    Some(at + c.len_utf8())
}

/// 佛堂镇, 城关乡: only behind a region.
fn township_end(text: &str) -> Option<usize> {
    let (at, c) = text.char_indices().skip(2).take(2).find(|(_, c)| ['镇', '乡'].contains(c))?;
    Some(at + c.len_utf8())
}

/// 内蒙古自治区 → 内蒙古, 恩施土家族苗族自治州 → 恩施, 东湖区 → 东湖. What is too short stays: 赵县, 城区.
fn short_name(name: &str) -> String {
    if name.contains("自治") {
        let cut = PEOPLES.iter().filter_map(|p| name.find(p)).filter(|at| *at >= 6).min();
        if let Some(cut) = cut {
            return name[..cut].to_owned();
        }
    }
    let ends = ENDS.iter().copied().chain(["区", "镇", "乡"]);
    let short = ends.filter_map(|end| name.strip_suffix(end)).min_by_key(|s| s.len());
    match short {
        Some(short) if short.chars().count() >= 2 => short.to_owned(),
        _ => name.to_owned(),
    }
}
