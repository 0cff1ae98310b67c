//! How much a file's column name says for a column of the dictionary: its own names, known synonyms, likeness.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use assay_datasets::mapping::SYNONYMS;
use assay_datasets::schema::{Column, Table, catalog};
use pinyin::ToPinyinMulti;
use rapidfuzz::fuzz;
use serde::Deserialize;

use crate::ingest::source::header::normal;

/// Letters from which on a name may have been cut: a DBF keeps ten, people fewer.
const CUT_NAME: usize = 7;

/// Names and words beside the dictionary's own.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Synonyms {
    /// What a taxpayer is called in a list of its own.
    pub own_party: Vec<String>,
    /// Words that tell totals.
    pub total_rows: Vec<String>,
    /// Texts for a missing value.
    pub missing: Vec<String>,
    columns: BTreeMap<String, Vec<String>>,
    values: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

/// The embedded list, read once. That it reads is kept by a test.
pub fn synonyms() -> &'static Synonyms {
    static SYNONYMS_READ: LazyLock<Synonyms> = LazyLock::new(|| toml::from_str(SYNONYMS).unwrap_or_default());
    &SYNONYMS_READ
}

impl Synonyms {
    fn of_column<'a>(&'a self, table: &str, column: &'a str) -> impl Iterator<Item = &'a str> {
        let own = self.columns.get(&format!("{table}.{column}"));
        own.into_iter().chain(self.columns.get(column)).flatten().map(String::as_str)
    }

    /// The code a source's word stands for in an enum column.
    pub fn code(&self, table: &Table, column: &Column, word: &str) -> Option<String> {
        let word = normal(word);
        let is = |text: &str| normal(text) == word;
        let named = column.values.iter().find(|v| is(&v.code) || is(&v.zh)).map(|v| v.code.clone());
        let listed = || {
            let codes = self.values.get(&format!("{}.{}", table.name, column.name))?;
            codes.iter().find(|(_, words)| words.iter().any(|w| is(w))).map(|(code, _)| code.clone())
        };
        named.or_else(listed)
    }

    /// Every name any column is known by.
    pub fn all_names(&self) -> Vec<&str> {
        let tables = catalog().tables().iter().flat_map(|t| &t.columns);
        let mut names: Vec<&str> = tables.flat_map(|c| [c.name.as_str(), c.zh.as_str()]).collect();
        names.extend(self.columns.values().flatten().chain(&self.own_party).map(String::as_str));
        names
    }

    /// Everything in the list that names a column or code which is not there.
    #[cfg(test)]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let known = |key: &str| match key.split_once('.') {
            Some((table, column)) => catalog().table(table).is_some_and(|t| t.column(column).is_some()),
            None => catalog().tables().iter().any(|t| t.column(key).is_some()),
        };
        problems.extend(self.columns.keys().filter(|k| !known(k)).map(|k| format!("no column {k}")));
        for (key, codes) in &self.values {
            let column = key.split_once('.').and_then(|(t, c)| catalog().table(t)?.column(c));
            let Some(column) = column else {
                problems.push(format!("no column {key}"));
                continue;
            };
            let unknown = codes.keys().filter(|c| !column.allows(c));
            problems.extend(unknown.map(|c| format!("{key} has no code {c}")));
        }
        problems
    }
}

/// How much `header` says for the column: 1 when it is one of its names, less by likeness; and why.
pub fn name_score(header: &str, table: &Table, column: &Column) -> (f64, &'static str) {
    let header = normal(header);
    if header.is_empty() {
        return (0.0, "");
    }
    let bare = without_brackets(&header);
    let mut best = (0.0, "");
    let mut take = |score: f64, why: &'static str| {
        if score > best.0 {
            best = (score, why);
        }
    };
    let own = [column.zh.as_str(), column.name.as_str()].map(|n| (n, 1.0, "名称一致 same name"));
    let listed = synonyms().of_column(&table.name, &column.name).map(|n| (n, 0.97, "同义词 a synonym"));
    for (name, whole, why) in own.into_iter().chain(listed) {
        let name = normal(name);
        if name == header {
            take(whole, why);
        } else if stands_for(&header, &name) {
            take(0.85, "拼音首字母 first letters of its pinyin");
        } else if without_brackets(&name) == bare {
            take(whole - 0.05, "名称一致（括号内除外） same name but for brackets");
        } else {
            take(likeness(&name, &header), "名称相近 similar name");
        }
    }
    if column.party && table.column("taxpayer_id").is_none() && is_own_party(&header) {
        take(0.6, "本企业标识 the list's own taxpayer");
    }
    best
}

fn is_own_party(header: &str) -> bool {
    synonyms().own_party.iter().any(|n| normal(n) == header || stands_for(header, n))
}

fn without_brackets(name: &str) -> String {
    let mut depth = 0_usize;
    name.chars()
        .filter(|c| {
            depth += usize::from(*c == '(');
            let inside = depth > 0;
            depth -= usize::from(*c == ')' && depth > 0);
            !inside
        })
        .collect()
}

/// Whether a name is letters that stand for words, as NSRSBH: one letter more or less is another name.
fn is_abbreviation(name: &str) -> bool {
    name.is_ascii() && (name.len() <= 4 || !name.contains(['a', 'e', 'i', 'o', 'u']))
}

/// Whether a field is called by the first letters of a Chinese name's pinyin, as older systems do: NSRSBH, HY_DM. DBF
/// keeps ten characters of it.
fn stands_for(header: &str, name: &str) -> bool {
    let letters: String = header.chars().filter(|c| *c != '_').collect();
    if letters.len() < 2 || !letters.bytes().all(|b| b.is_ascii_lowercase()) {
        return false;
    }
    let mut wanted = letters.chars();
    let mut name = name.chars();
    // Some characters are read in several ways: 行 begins with h or x.
    let begins = |c: char, letter: char| {
        c.to_pinyin_multi().is_some_and(|all| all.into_iter().any(|p| p.plain().starts_with(letter)))
    };
    loop {
        match (name.next(), wanted.next()) {
            (None, None) => return true,
            (Some(c), Some(letter)) if begins(c, letter) => {}
            // A long name may be cut.
            (Some(_), None) => return header.len() >= CUT_NAME,
            _ => return false,
        }
    }
}

/// Likeness of two different names: at most 0.8, and nothing below one half.
fn likeness(a: &str, b: &str) -> f64 {
    if is_abbreviation(a) || is_abbreviation(b) {
        return 0.0;
    }
    let ratio = fuzz::ratio(a.chars(), b.chars());
    // Older versions of the library count in hundredths.
    let ratio = if ratio > 1.0 { ratio / 100.0 } else { ratio };
    let contained = a.chars().count().min(b.chars().count()) >= 2 && (a.contains(b) || b.contains(a));
    let score = if contained { ratio.max(0.6) } else { ratio };
    if score < 0.5 { 0.0 } else { score * 0.8 }
}
