//! What documents nobody knows yet are made of, for drafting a mapping.

use std::collections::BTreeMap;
use std::io::Read;

use quick_xml::events::Event;
use quick_xml::reader::Reader;

use super::super::Member;
use super::super::bundle::{Part, parts};
use super::document::{Broken, faulty};
use super::encoding::encoding_of;
use super::{DEPTH, is_document};
use crate::{EngineError, Result};

/// Documents looked at to learn what they are made of.
const LOOKED_AT: usize = 50;

/// What records the documents of `member` may be read as: paths of record elements, each with the paths of its
/// columns. The document element is one; an element that holds others and stands several times in a document is
/// another.
///
/// # Errors
/// When none of the first documents can be read.
pub fn discover(member: &Member) -> Result<Vec<(String, Vec<String>)>> {
    let mut root = String::new();
    // Path below the document element → most often in one document, and whether it has a text of its own.
    let mut seen: BTreeMap<String, (usize, bool)> = BTreeMap::new();
    let documents = parts(member)?;
    for part in documents.iter().filter(|p| is_document(&p.member.name)).take(LOOKED_AT) {
        // One that cannot be read teaches nothing.
        if let Ok((name, elements)) = elements(part) {
            root = name;
            for (path, (n, text)) in elements {
                let known = seen.entry(path).or_default();
                *known = (known.0.max(n), known.1 || text);
            }
        }
    }
    if root.is_empty() {
        return Err(EngineError::input(format!("{}: no readable XML document in it", member.display())));
    }
    let below = |path: &str, top: &str| path.strip_prefix(top).is_some_and(|r| r.starts_with('/'));
    let holds = |path: &str| seen.keys().any(|other| below(other, path));
    let repeated: Vec<&String> =
        seen.iter().filter(|(path, (n, _))| *n > 1 && holds(path)).map(|(path, _)| path).collect();
    let tops: Vec<&String> =
        repeated.iter().copied().filter(|p| !repeated.iter().any(|other| below(p, other))).collect();
    let leaf = |path: &str, text: bool| text && !holds(path);
    let single: Vec<&String> = seen
        .iter()
        .filter(|(path, (_, text))| leaf(path, *text) && !tops.iter().any(|t| below(path, t)))
        .map(|(path, _)| path)
        .collect();
    let mut found = vec![(root.clone(), single.iter().map(|p| (*p).clone()).collect())];
    for top in tops {
        let inner = seen.iter().filter(|(path, (n, text))| *n > 0 && leaf(path, *text) && below(path, top));
        let mut columns: Vec<String> = inner.map(|(path, _)| path[top.len() + 1..].to_owned()).collect();
        columns.extend(single.iter().map(|p| format!("/{p}")));
        found.push((format!("{root}/{top}"), columns));
    }
    Ok(found)
}

type Elements = BTreeMap<String, (usize, bool)>;

/// The document element's name, and how often each path stands below it and whether with a text.
fn elements(part: &Part) -> Result<(String, Elements), Broken> {
    let mut bytes = Vec::new();
    let opened = part.member.open()?;
    opened.take(1 << 20).read_to_end(&mut bytes).map_err(|e| faulty(e.to_string()))?;
    let (text, _, _) = encoding_of(&bytes).0.decode(&bytes);
    let mut reader = Reader::from_str(&text);
    let (mut root, mut path, mut found) = (String::new(), Vec::<String>::new(), Elements::new());
    loop {
        match reader.read_event().map_err(|e| faulty(e.to_string()))? {
            Event::Start(element) => {
                path.push(element.local_name().as_ref().to_owned());
                if path.len() > DEPTH {
                    return Err(faulty("too deep"));
                }
                match path.get(1..).filter(|p| !p.is_empty()) {
                    None => root.clone_from(&path[0]),
                    Some(below) => found.entry(below.join("/")).or_default().0 += 1,
                }
            }
            Event::End(_) => {
                path.pop();
            }
            Event::Empty(element) => {
                let name = element.local_name();
                let below: Vec<&str> =
                    path.iter().skip(1).map(String::as_str).chain([name.as_ref()]).collect();
                found.entry(below.join("/")).or_default().0 += 1;
            }
            Event::Text(text) if path.len() > 1 && !text.xml10_content().trim().is_empty() => {
                found.entry(path[1..].join("/")).or_default().1 = true;
            }
            Event::CData(_) if path.len() > 1 => found.entry(path[1..].join("/")).or_default().1 = true,
            Event::Eof => return Ok((root, found)),
            _ => {}
        }
    }
}
