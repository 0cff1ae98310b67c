//! Company names taken apart: region, core (brand and trade), legal form, branch; and the forms compared.
//!
//! 「临江市恒达钢材（集团）有限公司」 and 「恒達鋼材有限責任公司」 have the same core, 恒达钢材. A core is what is left when
//! width, case, traditional characters, punctuation, regions and legal forms are taken away. Whether two names mean one
//! taxpayer is not decided here (see [`super::score`]).

mod clean;
mod functions;
mod region;
#[cfg(test)]
mod tests;
mod words;

use std::sync::LazyLock;

pub use clean::clean;
pub use functions::register;
pub use region::{Agreement, Gazetteer, Place};
pub use words::{Suffix, confusable};

use clean::{CLOSE, OPEN, joined, marked};
use words::WORDS;

/// A name is stripped again until nothing more comes off; names are short, so this is never reached.
const PASSES: usize = 8;
/// Regions a name may begin with: province, city, county, township.
const PLACES: usize = 4;

/// A company name, taken apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Name {
    /// The whole name in half width, simplified, upper case, letters and digits only, without notes in brackets.
    pub clean: String,
    /// Brand and trade: [`Name::clean`] without regions, legal form and branch. Empty only when `clean` is.
    pub core: String,
    /// Regions named, from the widest to the narrowest as written.
    pub places: Vec<Place>,
    /// Class of the legal form.
    pub suffix: Option<Suffix>,
    /// The legal form as written: 有限公司 and 有限责任公司 are one class.
    pub form: Option<String>,
    /// What tells the branch from others of its head office (上海, 第二; 分 where nothing does); `None`: no branch.
    pub branch: Option<String>,
}

impl Name {
    /// The regions in short, from wide to narrow: 江苏南京.
    pub fn region(&self) -> String {
        self.places.iter().map(|p| p.short.as_str()).collect()
    }

    /// Core with the narrowest region before it: what remains of a name whose writer left out 市 or 县.
    pub fn regional_core(&self) -> Option<String> {
        self.places.last().map(|p| format!("{}{}", p.short, self.core))
    }
}

/// Takes names apart, knowing the regions of the country and those it was taught.
#[derive(Debug, Clone)]
pub struct NameParser {
    gazetteer: Gazetteer,
}

impl NameParser {
    /// A parser that knows the regions of `gazetteer`.
    pub fn new(gazetteer: Gazetteer) -> Self {
        Self { gazetteer }
    }

    /// The parser behind the SQL functions: GB/T 2260, abolished divisions included.
    pub fn shared() -> &'static Self {
        static PARSER: LazyLock<NameParser> =
            LazyLock::new(|| NameParser::new(Gazetteer::national().clone()));
        &PARSER
    }

    /// Takes a name apart. Never fails: what is no company name has itself as its core.
    pub fn parse(&self, text: &str) -> Name {
        let marked = marked(text);
        let mut name = Name::default();
        let mut rest = self.brackets(&marked, &mut name);
        for _ in 0..PASSES {
            let before = rest.len();
            rest = self.strip(rest, &mut name);
            if rest.len() == before {
                break;
            }
        }
        name.core = if rest.is_empty() { name.clean.clone() } else { rest };
        name
    }

    /// Text without brackets: a region in them is noted, a note dropped, anything else stays where it stood.
    fn brackets(&self, marked: &str, name: &mut Name) -> String {
        let mut text = String::with_capacity(marked.len());
        let mut inner: Option<String> = None;
        for c in marked.chars() {
            match (c, &mut inner) {
                (OPEN, Some(open)) => {
                    name.clean.push_str(open);
                    text.push_str(&std::mem::take(open));
                }
                (OPEN, None) => inner = Some(String::new()),
                (CLOSE, _) => {
                    if let Some(content) = inner.take() {
                        self.bracketed(&content, &mut text, name);
                    }
                }
                (c, Some(open)) => open.push(c),
                (c, None) => {
                    name.clean.push(c);
                    text.push(c);
                }
            }
        }
        // A bracket never closed.
        let open = inner.unwrap_or_default();
        name.clean.push_str(&open);
        text.push_str(&open);
        name.clean = joined(&name.clean);
        joined(&text)
    }

    fn bracketed(&self, content: &str, text: &mut String, name: &mut Name) {
        if WORDS.notes.contains(content) {
            return;
        }
        name.clean.push_str(content);
        // Before the name a bracket changes nothing: the region in it comes off like any other.
        let places = if text.is_empty() { Vec::new() } else { self.gazetteer.all(content) };
        if places.is_empty() {
            text.push_str(content);
        }
        name.places.extend(places);
    }

    /// One pass: branch, legal form, regions. Gives back the text unchanged where nothing comes off.
    fn strip(&self, text: String, name: &mut Name) -> String {
        let text = match self.branch(&text) {
            Some((head, branch)) => {
                name.branch.get_or_insert(branch);
                head
            }
            None => text,
        };
        let text = match WORDS.suffix_of(&text) {
            Some((suffix, end)) => {
                if name.suffix.is_none() {
                    name.suffix = Some(suffix);
                    name.form = Some(text[end..].to_owned());
                }
                text[..end].to_owned()
            }
            None => text,
        };
        self.regions(&text, name)
    }

    fn regions(&self, text: &str, name: &mut Name) -> String {
        let mut rest = text;
        let mut found = Vec::new();
        for _ in 0..PLACES {
            let Some((place, end)) = self.gazetteer.prefix(rest, !found.is_empty()) else { break };
            found.push(place);
            rest = &rest[end..];
        }
        // Regions before the name are wider than one in brackets amid it, whichever pass finds them.
        if !found.is_empty() {
            found.append(&mut name.places);
            name.places = found;
        }
        rest.to_owned()
    }

    /// Head office and branch: the name ends in the word of a branch, behind the legal form of the head office.
    fn branch(&self, text: &str) -> Option<(String, String)> {
        let word = WORDS.branch_of(text)?;
        let body = &text[..text.len() - word.len()];
        let head = WORDS.legal_end(body).filter(|end| *end >= 3 * 2);
        let (head, which) = match head {
            Some(end) => body.split_at(end),
            None if WORDS.is_sure_branch(word) => self.trailing_place(body)?,
            None => return None,
        };
        if head.is_empty() {
            return None;
        }
        let which = self.shortened(which);
        Some((head.to_owned(), if which.is_empty() { "分".to_owned() } else { which }))
    }

    /// Splits a region off the end: 恒达科技上海 → 恒达科技, 上海.
    fn trailing_place<'a>(&self, body: &'a str) -> Option<(&'a str, &'a str)> {
        let starts: Vec<usize> = body.char_indices().map(|(at, _)| at).skip(2).collect();
        let at = starts.into_iter().find(|at| self.gazetteer.whole(&body[*at..]).is_some());
        Some(body.split_at(at.unwrap_or(body.len())))
    }

    /// 上海市 and 上海 tell the same branch.
    fn shortened(&self, text: &str) -> String {
        let mut rest = text;
        let mut short = String::new();
        while let Some((place, end)) = self.gazetteer.place_prefix(rest) {
            short = place.short;
            rest = &rest[end..];
        }
        short.push_str(rest);
        short
    }
}
