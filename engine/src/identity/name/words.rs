//! The word lists of names (`data/names.toml`), read once.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde::Deserialize;

const SOURCE: &str = include_str!("../data/names.toml");

/// A legal form: position in the list of classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suffix(usize);

impl Suffix {
    /// Code of the class, e.g. `limited`.
    pub fn class(self) -> &'static str {
        &WORDS.classes[self.0].class
    }

    /// Chinese name of the class.
    pub fn zh(self) -> &'static str {
        &WORDS.classes[self.0].zh
    }

    /// Whether names of the two forms may be one firm.
    pub fn same_family(self, other: Self) -> bool {
        WORDS.classes[self.0].family == WORDS.classes[other.0].family
    }
}

/// Whether one of the characters is easily written for the other.
pub fn confusable(a: char, b: char) -> bool {
    match (WORDS.groups.get(&a), WORDS.groups.get(&b)) {
        (Some(a), Some(b)) => a.iter().any(|group| b.contains(group)),
        _ => false,
    }
}

#[derive(Deserialize)]
struct Class {
    class: String,
    family: String,
    zh: String,
    words: Vec<String>,
}

#[derive(Deserialize)]
struct List {
    words: Vec<String>,
    #[serde(default)]
    sure: Vec<String>,
}

#[derive(Deserialize)]
struct NoRegion {
    before: Vec<String>,
    after: Vec<String>,
}

#[derive(Deserialize)]
struct Confusable {
    groups: Vec<String>,
}

#[derive(Deserialize)]
struct File {
    suffix: Vec<Class>,
    keep: List,
    branch: List,
    note: List,
    no_region: NoRegion,
    confusable: Confusable,
}

/// The lists, ready to ask. Longer words come first.
pub(super) struct Words {
    classes: Vec<Class>,
    suffixes: Vec<(String, Suffix)>,
    keep: Vec<String>,
    branches: Vec<String>,
    sure: HashSet<String>,
    legal: Vec<String>,
    pub(super) notes: HashSet<String>,
    pub(super) no_region_before: Vec<String>,
    pub(super) no_region_after: Vec<String>,
    groups: HashMap<char, Vec<usize>>,
}

/// Characters the name of a firm keeps when its legal form comes off: a brand of one character is none.
const LEAST_CORE: usize = 2;

/// The embedded lists. That they read is kept by a test; were they damaged, names would only lose their forms.
pub(super) static WORDS: LazyLock<Words> = LazyLock::new(|| Words::parse(SOURCE).unwrap_or_default());

impl Default for Words {
    fn default() -> Self {
        Self::of(File {
            suffix: Vec::new(),
            keep: List { words: Vec::new(), sure: Vec::new() },
            branch: List { words: Vec::new(), sure: Vec::new() },
            note: List { words: Vec::new(), sure: Vec::new() },
            no_region: NoRegion { before: Vec::new(), after: Vec::new() },
            confusable: Confusable { groups: Vec::new() },
        })
    }
}

impl Words {
    pub(super) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text).map(Self::of)
    }

    fn of(file: File) -> Self {
        let mut suffixes: Vec<(String, Suffix)> = Vec::new();
        for (at, class) in file.suffix.iter().enumerate() {
            suffixes.extend(class.words.iter().map(|w| (w.clone(), Suffix(at))));
        }
        suffixes.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        let company = |class: &&Class| class.family != "individual";
        let mut legal: Vec<String> = file
            .suffix
            .iter()
            .filter(company)
            .flat_map(|c| c.words.clone())
            .filter(|w| !w.is_ascii())
            .collect();
        let longest_first =
            |words: &mut Vec<String>| words.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        // Behind 恒达厂 may stand a branch; behind a mistyped 有限公 anything.
        legal.retain(|w| w.ends_with('司') || w.ends_with('厂') || w.ends_with('社') || w.ends_with("集团"));
        longest_first(&mut legal);
        let mut branches = file.branch.words;
        longest_first(&mut branches);
        let mut keep = file.keep.words;
        longest_first(&mut keep);
        let mut groups: HashMap<char, Vec<usize>> = HashMap::new();
        for (at, group) in file.confusable.groups.iter().enumerate() {
            for c in group.chars() {
                groups.entry(c).or_default().push(at);
            }
        }
        Self {
            classes: file.suffix,
            suffixes,
            keep,
            branches,
            sure: file.branch.sure.into_iter().collect(),
            legal,
            notes: file.note.words.into_iter().collect(),
            no_region_before: file.no_region.before,
            no_region_after: file.no_region.after,
            groups,
        }
    }

    /// Legal form at the end of a text, and where it begins.
    pub(super) fn suffix_of(&self, text: &str) -> Option<(Suffix, usize)> {
        if self.keep.iter().any(|k| text.ends_with(k.as_str())) {
            return None;
        }
        let (word, suffix) = self.suffixes.iter().find(|(word, _)| {
            text.strip_suffix(word.as_str()).is_some_and(|head| head.chars().count() >= LEAST_CORE)
        })?;
        Some((*suffix, text.len() - word.len()))
    }

    /// Word of a branch at the end of a text.
    pub(super) fn branch_of(&self, text: &str) -> Option<&str> {
        self.branches.iter().map(String::as_str).find(|w| text.ends_with(w))
    }

    pub(super) fn is_sure_branch(&self, word: &str) -> bool {
        self.sure.contains(word)
    }

    /// Where the first legal form in a text ends: of several that begin at one place, the longest.
    pub(super) fn legal_end(&self, text: &str) -> Option<usize> {
        let found = self.legal.iter().filter_map(|w| text.find(w.as_str()).map(|at| (at, at + w.len())));
        found.min_by_key(|(start, end)| (*start, std::cmp::Reverse(*end))).map(|(_, end)| end)
    }
}
