//! What is wrong with a definition, and where: the one error type of everything a person writes in TOML or SQL here.
//! Nothing stops at the first problem; loaders return what is good together with a list of these.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

/// One thing that is wrong in one definition file. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// Path of the file as a person would find it, e.g. `catalogue/void/I05-void-share.toml`.
    pub file: String,
    /// Line of the offending value, from 1.
    pub line: usize,
    /// Column of the offending value in characters, from 1.
    pub column: usize,
    /// What is wrong, naming the value.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}; {}", self.file, self.line, self.column, self.message, self.remedy)
    }
}

/// Many problems as one error, for callers that cannot go on with what is left.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Problems(pub Vec<Problem>);

/// A definition file in memory: its name and its text, which turns byte positions into lines.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Path shown in problems.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl SourceFile {
    /// A file under the name problems will show.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// A problem at a byte range of this file.
    pub fn problem(
        &self,
        at: &Range<usize>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Problem {
        let (line, column) = self.line_column(at.start);
        Problem { file: self.name.clone(), line, column, message: message.into(), remedy: remedy.into() }
    }

    /// Line and column (from 1) of a byte offset; an offset beyond the end is the end.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// The up to three known names nearest to a wrong one, nearest first, none farther than half its length.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = (wrong.chars().count() / 2).max(1);
    let mut scored: Vec<(usize, &str)> = known
        .into_iter()
        .map(|name| (edit_distance(wrong, name), name))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    scored.sort_unstable();
    scored.dedup();
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

/// A remedy that offers the nearest names, or says where the known ones are listed.
pub fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>, listed: &str) -> String {
    let near = nearest(wrong, known);
    if near.is_empty() {
        format!("use one of those in {listed}")
    } else {
        format!("did you mean {}?", near.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(" or "))
    }
}

/// Levenshtein distance in characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn positions_count_characters_not_bytes() {
        let file = SourceFile::new("a.toml", "名 = 1\n作废率 = 2\n");
        let at = file.text.find('2').unwrap();
        assert_eq!(file.line_column(at), (2, 7));
        assert_eq!(file.line_column(999), (3, 1));
    }

    #[test]
    fn nearest_names_come_first_and_far_ones_not_at_all() {
        assert_eq!(nearest("sold_viod_n", ["sold_void_n", "sold_n", "bought_n"]), ["sold_void_n", "sold_n"]);
        assert!(nearest("x", ["sold_void_n"]).is_empty());
        assert_eq!(edit_distance("kitten", "sitting"), 3);
    }
}
