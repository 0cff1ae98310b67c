//! One document, read event by event.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};

use encoding_rs_io::DecodeReaderBytesBuilder;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

use super::super::bundle::Part;
use super::DEPTH;
use super::encoding::encoding_of;
use super::paths::{Paths, Target};
use super::rows::Rows;
use crate::{EngineError, Result};

/// Why a document was not read to its end.
pub(super) enum Broken {
    /// The document is at fault: rule and reason.
    Document(&'static str, String),
    /// The load is.
    Engine(EngineError),
}

impl From<EngineError> for Broken {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

pub(super) fn faulty(reason: impl Into<String>) -> Broken {
    Broken::Document("xml", reason.into())
}

/// One document while it is read.
pub(super) struct Document<'a> {
    paths: &'a Paths,
    name: &'a str,
    /// Path below the document element, and the length it had before each open element.
    path: String,
    open: Vec<usize>,
    /// Open elements above (and without) the document element.
    outside: usize,
    inside: bool,
    target: Option<Target>,
    text: String,
    whole: Vec<Option<String>>,
    current: Option<Vec<Option<String>>>,
    records: Vec<Vec<Option<String>>>,
    found: usize,
    /// Elements nobody asked for, and how often each stands.
    pub unknown: BTreeMap<String, usize>,
}

impl<'a> Document<'a> {
    pub fn new(paths: &'a Paths, name: &'a str) -> Self {
        Self {
            paths,
            name,
            path: String::new(),
            open: Vec::new(),
            outside: 0,
            inside: false,
            target: None,
            text: String::new(),
            whole: vec![None; paths.columns.len()],
            current: None,
            records: Vec::new(),
            found: 0,
            unknown: BTreeMap::new(),
        }
    }

    /// Reads to the end; returns how many document elements there were. The records of a document element that is
    /// the file's root are delivered at the end of the file, so that a broken file delivers none.
    pub fn read(&mut self, part: &Part, rows: &mut Rows<'_>) -> Result<usize, Broken> {
        let damaged = |e: EngineError| faulty(e.to_string());
        let mut input = BufReader::with_capacity(1 << 14, part.member.open().map_err(damaged)?);
        let (codec, declared) = encoding_of(input.fill_buf().map_err(|e| damaged(part.member.broken(&e)))?);
        let transcoded = codec != encoding_rs::UTF_8;
        let decoded: Box<dyn Read> = if transcoded {
            Box::new(DecodeReaderBytesBuilder::new().encoding(Some(codec)).bom_override(true).build(input))
        } else {
            Box::new(input)
        };
        let mut reader = Reader::from_reader(BufReader::with_capacity(1 << 14, decoded));
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            let event = reader.read_event_into(&mut buffer).map_err(|e| match e {
                quick_xml::Error::Encoding(_) => {
                    Broken::Document("encoding", format!("{} ({declared})", codec.name()))
                }
                quick_xml::Error::Io(e) => damaged(part.member.broken(&e)),
                other => faulty(other.to_string()),
            });
            let event = event.map_err(|b| self.at(b, reader.buffer_position()))?;
            let over = matches!(event, Event::Eof);
            self.event(event, rows).map_err(|b| self.at(b, reader.buffer_position()))?;
            if transcoded && self.text.contains('\u{fffd}') {
                return Err(Broken::Document("encoding", format!("{} ({declared})", codec.name())));
            }
            if over {
                return Ok(self.found);
            }
        }
    }

    /// A fault with its place in the (decoded) document.
    fn at(&self, broken: Broken, byte: u64) -> Broken {
        match broken {
            Broken::Document("xml", reason) => faulty(format!("{reason}, at byte {byte}")),
            other => other,
        }
    }

    fn event(&mut self, event: Event<'_>, rows: &mut Rows<'_>) -> Result<(), Broken> {
        match event {
            Event::Start(element) => self.start(&element),
            Event::Empty(element) => {
                self.start(&element)?;
                self.end(rows)
            }
            Event::End(_) => self.end(rows),
            Event::Text(text) => self.add(&text.xml10_content()),
            Event::CData(text) => self.add(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let text = resolve(&reference)?;
                self.add(&text)
            }
            Event::Eof if self.inside || self.outside > 0 => {
                Err(faulty("the document ends before its last element is closed"))
            }
            Event::Eof => Ok(self.deliver(rows)?),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => Ok(()),
        }
    }

    fn add(&mut self, text: &str) -> Result<(), Broken> {
        if self.inside {
            self.text.push_str(text);
        } else if self.outside == 0 && !text.trim().is_empty() {
            return Err(faulty("text outside the document"));
        }
        Ok(())
    }

    fn start(&mut self, element: &BytesStart<'_>) -> Result<(), Broken> {
        let name = element.local_name();
        let name: &str = name.as_ref();
        self.text.clear();
        if !self.inside {
            if name == self.paths.root {
                self.inside = true;
                self.found += 1;
                self.whole.iter_mut().for_each(|v| *v = None);
            } else {
                self.outside += 1;
            }
        } else {
            self.open.push(self.path.len());
            if !self.path.is_empty() {
                self.path.push('/');
            }
            self.path.push_str(name);
        }
        if self.open.len() + self.outside > DEPTH {
            return Err(faulty(format!("elements more than {DEPTH} deep")));
        }
        if self.inside && self.path == self.paths.record {
            self.current = Some(vec![None; self.paths.columns.len()]);
        }
        self.target = self.paths.targets.get(&self.path).copied().filter(|_| self.inside);
        Ok(())
    }

    fn end(&mut self, rows: &mut Rows<'_>) -> Result<(), Broken> {
        if !self.inside {
            self.outside = self.outside.saturating_sub(1);
            return Ok(());
        }
        self.value()?;
        if self.path == self.paths.record {
            self.records.extend(self.current.take());
        }
        match self.open.pop() {
            Some(length) => {
                self.path.truncate(length);
                Ok(())
            }
            None => {
                self.inside = false;
                // One of several in a file: what is complete is not held back.
                if self.outside > 0 { Ok(self.deliver(rows)?) } else { Ok(()) }
            }
        }
    }

    /// The text of the element that ends, where it goes.
    fn value(&mut self) -> Result<(), Broken> {
        let target = self.target.take();
        let text = self.text.trim();
        if text.is_empty() {
            return Ok(());
        }
        let place = match target {
            None => {
                if !self.paths.ignored(&self.path) {
                    *self.unknown.entry(self.path.clone()).or_default() += 1;
                }
                None
            }
            Some(Target::Whole(i)) => Some(&mut self.whole[i]),
            Some(Target::Record(i)) => self.current.as_mut().map(|r| &mut r[i]),
        };
        if let Some(place) = place {
            if place.is_some() {
                return Err(faulty(format!("element {} stands twice", self.path)));
            }
            *place = Some(text.to_owned());
        }
        self.text.clear();
        Ok(())
    }

    fn deliver(&mut self, rows: &mut Rows<'_>) -> Result<()> {
        for (number, record) in std::mem::take(&mut self.records).into_iter().enumerate() {
            rows.push(&self.whole, &record, self.name, i64::try_from(number + 1).unwrap_or(i64::MAX))?;
        }
        Ok(())
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, Broken> {
    if let Some(c) = reference.resolve_char_ref().map_err(|e| faulty(e.to_string()))? {
        return Ok(c.to_string());
    }
    let name = reference.xml10_content();
    let known = quick_xml::escape::resolve_xml_entity(&name);
    known.map(str::to_owned).ok_or_else(|| faulty(format!("unknown entity &{name};")))
}
