//! `definitions/inbox.toml`: which files of a landing zone are what, and when they are complete.
//!
//! ```toml
//! complete = "stable:60s"                 # unless a rule says otherwise
//!
//! [[rule]]
//! files = "invoices_{date}_{seq}.csv*"    # see `naming`
//! mapping = "etax"                        # or none: headers as in the dictionary, `table` says which
//! table = "invoice"
//! complete = "done-file"                  # stable:60s, done-file, manifest
//! sequence = "running"                    # {seq} runs on over days; otherwise it starts anew with each {date}
//! together = true                         # many small files in one load; otherwise each is a load of its own
//! late = "load"                           # a file older than ones loaded before; otherwise "hold": say so and leave it
//! ```

use std::collections::HashSet;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::naming::{self, Name};
use super::zone::Arrival;
use crate::ingest::select;
use crate::warehouse::Warehouse;
use crate::{EngineError, Result};

/// Endings of files that say something about another file.
pub(super) const MARKERS: [&str; 3] = [".ok", ".done", ".md5"];
/// Endings under which programs write what is not complete.
pub(super) const PARTIAL: [&str; 5] = [".tmp", ".part", ".partial", ".filepart", ".crdownload"];
/// How long a file must have lain unchanged when nothing is said.
const STABLE: Duration = Duration::from_secs(60);

/// When a file is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Complete {
    /// It has not changed for so long.
    Stable(Duration),
    /// `FILE.ok`, `FILE.done` or `FILE.md5` stands beside it; the last with its checksum.
    DoneFile,
    /// A manifest beside it names it, with size and checksum if it gives them.
    Manifest(Name),
}

/// Files of one kind.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Their names.
    pub name: Name,
    /// Mapping; `None`: the dictionary's own headers.
    pub mapping: Option<String>,
    /// Table.
    pub table: Option<String>,
    /// Feed of the mapping.
    pub feed: Option<String>,
    /// When one is complete; `None`: as for all.
    pub complete: Option<Complete>,
    /// Whether `{seq}` runs on over days.
    pub running: bool,
    /// Whether files that follow each other are loaded in one load.
    pub together: bool,
    /// Whether a file is loaded although later ones are.
    pub late: bool,
}

/// All rules of a landing zone.
#[derive(Debug, Clone)]
pub struct Rules {
    /// In order; the first that takes a file counts.
    pub rules: Vec<Rule>,
    /// For files whose rule does not say.
    pub complete: Complete,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    complete: Option<Spanned<String>>,
    manifest: Option<Spanned<String>>,
    #[serde(default)]
    rule: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    files: Spanned<String>,
    mapping: Option<Spanned<String>>,
    table: Option<Spanned<String>>,
    feed: Option<String>,
    complete: Option<Spanned<String>>,
    manifest: Option<Spanned<String>>,
    sequence: Option<Spanned<String>>,
    #[serde(default)]
    together: bool,
    late: Option<Spanned<String>>,
}

impl Rules {
    /// The warehouse's rules, or none. `complete` from the command line counts before the file's.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load(warehouse: &Warehouse, complete: Option<&str>) -> Result<Self> {
        let mut rules = match warehouse.definition_file("inbox.toml") {
            None => Self { rules: Vec::new(), complete: Complete::Stable(STABLE) },
            Some(path) => {
                let text = std::fs::read_to_string(&path).map_err(EngineError::file(&path))?;
                let (rules, mut problems) = parse(&path.display().to_string(), &text);
                for rule in &rules.rules {
                    if let Some(name) = &rule.mapping
                        && let Err(error) = select::find_mapping(warehouse, name)
                    {
                        problems.push(format!("{}: rule {}: {error}", path.display(), rule.name));
                    }
                }
                if !problems.is_empty() {
                    return Err(EngineError::Definitions(problems));
                }
                rules
            }
        };
        if let Some(stated) = complete {
            rules.complete =
                completeness(stated, None).map_err(|e| EngineError::input(format!("--complete {e}")))?;
        }
        Ok(rules)
    }

    /// When files under `rule` are complete.
    pub fn complete<'a>(&'a self, rule: Option<&'a Rule>) -> &'a Complete {
        rule.and_then(|r| r.complete.as_ref()).unwrap_or(&self.complete)
    }

    /// Which files only say something about others: markers of a file that is there, and manifests.
    pub fn markers(&self, arrivals: &[Arrival]) -> Result<Vec<bool>> {
        let names: Vec<&str> = arrivals.iter().map(|a| a.name.as_str()).collect();
        let is_mark = |name: &str| MARKERS.iter().any(|m| strip_ending(name, m).is_some());
        let marked: HashSet<&str> =
            names.iter().filter(|n| !is_mark(n)).flat_map(|n| [*n, stem(n)]).collect();
        let mut found: Vec<bool> = names
            .iter()
            .map(|name| {
                naming::file_name(name) == "inbox.toml"
                    || MARKERS.iter().filter_map(|m| strip_ending(name, m)).any(|base| marked.contains(base))
            })
            .collect();
        let all = self.rules.iter().filter_map(|r| r.complete.as_ref()).chain([&self.complete]);
        for complete in all {
            let Complete::Manifest(manifest) = complete else { continue };
            for (found, matched) in found.iter_mut().zip(manifest.read(&names)?) {
                *found |= matched.is_some();
            }
        }
        Ok(found)
    }
}

/// The name without its last ending.
pub(super) fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The name without an ending, upper or lower case.
pub(super) fn strip_ending<'a>(name: &'a str, ending: &str) -> Option<&'a str> {
    let at = name.len().checked_sub(ending.len())?;
    let tail = name.get(at..)?;
    tail.eq_ignore_ascii_case(ending).then(|| &name[..at])
}

fn completeness(text: &str, manifest: Option<&str>) -> std::result::Result<Complete, String> {
    if let Some(duration) = text.strip_prefix("stable:") {
        let (digits, scale) = match duration.strip_suffix(['s', 'm', 'h']) {
            Some(digits) if duration.ends_with('m') => (digits, 60),
            Some(digits) if duration.ends_with('h') => (digits, 3600),
            Some(digits) => (digits, 1),
            None => (duration, 1),
        };
        let seconds: u64 = digits
            .trim()
            .parse()
            .map_err(|_| format!("{text}: write a time like stable:60s or stable:5m"))?;
        return Ok(Complete::Stable(Duration::from_secs(seconds.saturating_mul(scale))));
    }
    match text {
        "done-file" => Ok(Complete::DoneFile),
        "manifest" => Name::parse(manifest.unwrap_or("manifest*")).map(Complete::Manifest),
        _ => Err(format!("{text}: known are stable:60s, done-file and manifest")),
    }
}

fn parse(file: &str, text: &str) -> (Rules, Vec<String>) {
    let line = |offset: usize| text.get(..offset).map_or(1, |t| t.matches('\n').count() + 1);
    let mut problems = Vec::new();
    let mut rules = Rules { rules: Vec::new(), complete: Complete::Stable(STABLE) };
    let raw: RawFile = match toml::from_str(text) {
        Ok(raw) => raw,
        Err(e) => {
            let at = e.span().map_or(1, |s| line(s.start));
            problems.push(format!("{file}:{at}: {}", e.message()));
            return (rules, problems);
        }
    };
    let mut complete = |stated: &Option<Spanned<String>>, manifest: &Option<Spanned<String>>| {
        let stated = stated.as_ref()?;
        match completeness(stated.get_ref(), manifest.as_ref().map(|m| m.get_ref().as_str())) {
            Ok(complete) => Some(complete),
            Err(problem) => {
                problems.push(format!("{file}:{}: complete = {problem}", line(stated.span().start)));
                None
            }
        }
    };
    if let Some(stated) = complete(&raw.complete, &raw.manifest) {
        rules.complete = stated;
    }
    let completes: Vec<_> = raw.rule.iter().map(|r| complete(&r.complete, &r.manifest)).collect();
    for (raw, complete) in raw.rule.into_iter().zip(completes) {
        let at = line(raw.files.span().start);
        let name = match Name::parse(raw.files.get_ref()) {
            Ok(name) => name,
            Err(problem) => {
                problems.push(format!("{file}:{at}: files = {problem}"));
                continue;
            }
        };
        if raw.mapping.is_none() && raw.table.is_none() {
            problems.push(format!(
                "{file}:{at}: rule {name}: give mapping, or table (headers as in the dictionary), or both"
            ));
        }
        if let Some(table) = &raw.table
            && let Err(error) = select::find_table(table.get_ref())
        {
            problems.push(format!("{file}:{}: rule {name}: {error}", line(table.span().start)));
        }
        let running = match raw.sequence.as_ref().map(|s| s.get_ref().as_str()) {
            Some("running") => true,
            None | Some("daily") => false,
            Some(other) => {
                problems.push(format!(
                    "{file}:{at}: rule {name}: sequence = {other}; known are running and daily"
                ));
                false
            }
        };
        let late = match raw.late.as_ref().map(|s| s.get_ref().as_str()) {
            Some("load") => true,
            None | Some("hold") => false,
            Some(other) => {
                problems.push(format!("{file}:{at}: rule {name}: late = {other}; known are hold and load"));
                false
            }
        };
        let text = |spanned: Option<Spanned<String>>| spanned.map(Spanned::into_inner);
        rules.rules.push(Rule {
            name,
            mapping: text(raw.mapping),
            table: text(raw.table),
            feed: raw.feed,
            complete,
            running,
            together: raw.together,
            late,
        });
    }
    (rules, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_named_at_once() {
        let text = "complete = 'soon'\n[[rule]]\nfiles = 'a_{day}.csv'\ntable = 'invoice'\n[[rule]]\nfiles = 'b.csv'\n\
                    [[rule]]\nfiles = 'c.csv'\ntable = 'invoize'\ncomplete = 'stable:soon'\nsequence = 'odd'\n";
        let all = parse("inbox.toml", text).1.join("\n");
        for part in [
            "inbox.toml:1: complete = soon: known are stable:60s",
            "inbox.toml:3: files = a_{day}.csv: no place {day}",
            "inbox.toml:6: rule b.csv: give mapping, or table",
            "inbox.toml:9: rule c.csv: no table invoize; did you mean invoice",
            "inbox.toml:10: complete = stable:soon: write a time",
            "sequence = odd; known are running",
        ] {
            assert!(all.contains(part), "{part}\n{all}");
        }
    }

    #[test]
    fn times_are_written_in_words() {
        assert_eq!(completeness("stable:5m", None), Ok(Complete::Stable(Duration::from_secs(300))));
        assert_eq!(completeness("stable:0s", None), Ok(Complete::Stable(Duration::ZERO)));
    }
}
