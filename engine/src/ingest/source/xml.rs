//! XML documents: one record for each element of a given path, its columns the texts of elements below it or below
//! the document element. Documents come alone, or many in a folder or archive.
//!
//! A document is read once, event by event; what is kept of it are the values asked for, until its end, as parts of
//! the whole (an invoice's number) may follow the records (its lines). A document that cannot be read to its end is
//! one bad record with its name. Elements nobody asked for are counted and named once; entities of a document's own
//! are not resolved.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringBuilder};
use encoding_rs_io::DecodeReaderBytesBuilder;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

use super::bundle::{Part, parts};
use super::shape::{Shape, Skipped};
use super::{BATCH_ROWS, BadRecord, FILE_COLUMN, Member, ROW_COLUMN, RawBatch, RecordSink};
use crate::{EngineError, Result};

/// Elements inside one another; real documents have a handful.
const DEPTH: usize = 64;
/// Bytes a document's declaration is looked for in.
const HEAD: usize = 512;
/// Unknown elements named in the message about them.
const NAMED: usize = 10;

/// Reads all documents of `member`; `record` is the path of the element that is one record.
pub(super) fn read(member: &Member, record: &str, shape: &Shape, sink: &mut dyn RecordSink) -> Result<()> {
    let paths = Paths::new(record, shape);
    let mut header: Vec<String> = paths.columns.clone();
    header.extend([FILE_COLUMN.to_owned(), ROW_COLUMN.to_owned()]);
    sink.header(&header)?;
    let mut rows = Rows::new(paths.columns.len(), sink);
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    for (number, part) in parts(member)?.iter().enumerate() {
        let number = i64::try_from(number + 1).unwrap_or(i64::MAX);
        if !is_document(&part.member.name) && !is_document(&part.name) {
            rows.sink.skipped(other_file(number, &part.name))?;
            continue;
        }
        let mut document = Document::new(&paths, &part.name);
        let outcome = document.read(part, &mut rows);
        for (path, n) in std::mem::take(&mut document.unknown) {
            *unknown.entry(path).or_default() += n;
        }
        match outcome {
            Ok(0) => rows.bad(&part.name, "xml", format!("no element {record}"))?,
            Ok(_) => {}
            Err(Broken::Engine(error)) => return Err(error),
            Err(Broken::Document(rule, reason)) => rows.bad(&part.name, rule, reason)?,
        }
    }
    report(member, &unknown);
    rows.emit()
}

fn is_document(name: &str) -> bool {
    name.to_lowercase().ends_with(".xml")
}

fn other_file(number: i64, name: &str) -> Skipped {
    let zh = format!("{name}不是XML文件");
    Skipped::new(number, "other_file", zh, format!("{name} is no XML file"))
}

fn report(member: &Member, unknown: &BTreeMap<String, usize>) {
    if unknown.is_empty() {
        return;
    }
    let named: Vec<String> = unknown.iter().take(NAMED).map(|(path, n)| format!("{path} ({n})")).collect();
    let more =
        if unknown.len() > NAMED { format!(" and {} more", unknown.len() - NAMED) } else { String::new() };
    tracing::warn!("{}: elements not mapped and left out: {}{more}", member.display(), named.join(", "));
}

/// Where a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// A column of the whole document.
    Whole(usize),
    /// A column of the record.
    Record(usize),
}

/// The paths a feed asks for, below the document element and joined by `/`.
struct Paths {
    /// Name of the document element.
    root: String,
    /// Path of the record below it; empty when the document is the record.
    record: String,
    columns: Vec<String>,
    targets: HashMap<String, Target>,
    ignore: Vec<String>,
}

impl Paths {
    fn new(record: &str, shape: &Shape) -> Self {
        let (root, record) = record.split_once('/').unwrap_or((record, ""));
        let own = |n: &&String| *n != FILE_COLUMN && *n != ROW_COLUMN && !shape.ignore.contains(n);
        let columns: Vec<String> = shape.wanted.names().iter().filter(own).cloned().collect();
        let mut targets = HashMap::new();
        for (i, column) in columns.iter().enumerate() {
            match column.strip_prefix('/') {
                Some(path) => targets.insert(path.to_owned(), Target::Whole(i)),
                None if record.is_empty() => targets.insert(column.clone(), Target::Record(i)),
                None => targets.insert(format!("{record}/{column}"), Target::Record(i)),
            };
        }
        let ignore = shape.ignore.iter().map(|p| p.trim_start_matches('/').to_owned()).collect();
        Self { root: root.to_owned(), record: record.to_owned(), columns, targets, ignore }
    }

    fn ignored(&self, path: &str) -> bool {
        let below =
            |p: &String| path.strip_prefix(p.as_str()).is_some_and(|r| r.is_empty() || r.starts_with('/'));
        self.ignore.iter().any(below)
    }
}

/// Why a document was not read to its end.
enum Broken {
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

fn faulty(reason: impl Into<String>) -> Broken {
    Broken::Document("xml", reason.into())
}

/// One document while it is read.
struct Document<'a> {
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
    unknown: BTreeMap<String, usize>,
}

impl<'a> Document<'a> {
    fn new(paths: &'a Paths, name: &'a str) -> Self {
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
    fn read(&mut self, part: &Part, rows: &mut Rows<'_>) -> Result<usize, Broken> {
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

/// The encoding a document says it has, by its mark or its declaration, and where that is said.
fn encoding_of(head: &[u8]) -> (&'static encoding_rs::Encoding, &'static str) {
    if let Some((codec, _)) = encoding_rs::Encoding::for_bom(head) {
        return (codec, "by its byte order mark");
    }
    let head = &head[..head.len().min(HEAD)];
    let declaration = head.split(|b| *b == b'>').next().unwrap_or_default();
    let text = String::from_utf8_lossy(declaration);
    let stated = text.split_once("encoding").and_then(|(_, rest)| {
        let rest = rest.trim_start().strip_prefix('=')?.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest[1..].split(quote).next()
    });
    match stated.and_then(|label| encoding_rs::Encoding::for_label(label.as_bytes())) {
        // GB18030 reads all that GBK and GB2312 have.
        Some(codec) if codec == encoding_rs::GBK => (encoding_rs::GB18030, "declared"),
        Some(codec) => (codec, "declared"),
        None => (encoding_rs::UTF_8, "no encoding declared"),
    }
}

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

/// Gathers records into batches.
struct Rows<'a> {
    sink: &'a mut dyn RecordSink,
    builders: Vec<StringBuilder>,
    files: StringBuilder,
    rows: Vec<i64>,
    bad: Vec<BadRecord>,
}

impl<'a> Rows<'a> {
    fn new(width: usize, sink: &'a mut dyn RecordSink) -> Self {
        let builders = (0..width).map(|_| StringBuilder::new()).collect();
        Self { sink, builders, files: StringBuilder::new(), rows: Vec::new(), bad: Vec::new() }
    }

    fn push(
        &mut self,
        whole: &[Option<String>],
        record: &[Option<String>],
        file: &str,
        row: i64,
    ) -> Result<()> {
        for ((builder, whole), own) in self.builders.iter_mut().zip(whole).zip(record) {
            builder.append_option(own.as_ref().or(whole.as_ref()));
        }
        self.files.append_value(file);
        self.rows.push(row);
        self.emit_full()
    }

    /// A document that is no record; its name stands in `record`, where readers of many files put it.
    fn bad(&mut self, file: &str, rule: &'static str, reason: String) -> Result<()> {
        let detail = if rule == "xml" { format!("{file}: {reason}") } else { reason };
        self.bad.push(BadRecord { row: 1, rule, detail, record: file.to_owned() });
        self.emit_full()
    }

    fn emit_full(&mut self) -> Result<()> {
        if self.rows.len() < BATCH_ROWS && self.bad.len() < BATCH_ROWS { Ok(()) } else { self.emit() }
    }

    fn emit(&mut self) -> Result<()> {
        if self.rows.is_empty() && self.bad.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        let mut columns: Vec<ArrayRef> =
            self.builders.iter_mut().map(|b| Arc::new(b.finish()) as ArrayRef).collect();
        columns.push(Arc::new(self.files.finish()));
        columns.push(Arc::new(Int64Array::from(rows.clone())));
        self.sink.batch(RawBatch { columns, rows, bad: std::mem::take(&mut self.bad) })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use arrow::array::{Array, AsArray};

    use super::*;

    /// What a reader delivered, as text.
    #[derive(Default)]
    struct Kept {
        header: Vec<String>,
        rows: Vec<String>,
        bad: Vec<String>,
        skipped: Vec<String>,
    }

    impl RecordSink for Kept {
        fn header(&mut self, columns: &[String]) -> Result<()> {
            self.header = columns.to_vec();
            Ok(())
        }

        fn batch(&mut self, batch: RawBatch) -> Result<()> {
            for row in 0..batch.rows.len() {
                let cells = batch.columns.iter().filter_map(|c| c.as_string_opt::<i32>());
                let cell = |c: &arrow::array::StringArray| {
                    if c.is_null(row) { "∅".into() } else { c.value(row).to_owned() }
                };
                self.rows.push(format!(
                    "{} {}",
                    batch.rows[row],
                    cells.map(cell).collect::<Vec<_>>().join("|")
                ));
            }
            self.bad.extend(batch.bad.into_iter().map(|b| format!("{} {} {}", b.row, b.rule, b.detail)));
            Ok(())
        }

        fn skipped(&mut self, row: Skipped) -> Result<()> {
            self.skipped.push(format!("{} {}", row.row, row.kind));
            Ok(())
        }
    }

    fn shape(names: &[&str]) -> Shape {
        Shape::of_names(names.iter().copied())
    }

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        folder
    }

    fn kept(files: &[(&str, &[u8])], record: &str, names: &[&str]) -> Kept {
        let folder = folder(files);
        let mut kept = Kept::default();
        read(&super::super::bundle(folder.path()).unwrap(), record, &shape(names), &mut kept).unwrap();
        kept
    }

    const TWO: &str = "<?xml version=\"1.0\"?><n:E xmlns:n=\"urn:x\"><n:D><n:I><n:A>1</n:A><n:B/></n:I>\
        <n:I><n:A><![CDATA[<2>]]>&amp;&#x4e2d;</n:A></n:I></n:D><n:T><n:No> 77 </n:No><n:X>y</n:X></n:T></n:E>";

    #[test]
    fn records_see_what_follows_them() {
        let found = kept(&[("a.xml", TWO.as_bytes())], "E/D/I", &["A", "B", "/T/No"]);
        assert_eq!(found.header, ["A", "B", "/T/No", "_file", "_row"]);
        assert_eq!(found.rows, ["1 1|∅|77|a.xml", "2 <2>&中|∅|77|a.xml"]);
        let whole = kept(&[("a.xml", TWO.as_bytes())], "E", &["T/No"]);
        assert_eq!(whole.rows, ["1 77|a.xml"]);
    }

    #[test]
    fn marks_and_declared_encodings() {
        let text = "<?xml version='1.0' encoding='GBK'?><E><N>软件</N></E>";
        let (gbk, _, _) = encoding_rs::GBK.encode(text);
        let bom = format!("\u{feff}{}", text.replace("GBK", "UTF-8"));
        let utf16: Vec<u8> = std::iter::once(0xfeff_u16)
            .chain("<E><N>软件</N></E>".encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        let files: [(&str, &[u8]); 4] =
            [("a.xml", &gbk), ("b.xml", bom.as_bytes()), ("c.xml", &utf16), ("d.xml", &gbk.replace_ascii())];
        let found = kept(&files, "E", &["N"]);
        assert_eq!(found.rows, ["1 软件|a.xml", "1 软件|b.xml", "1 软件|c.xml"]);
        assert_eq!(found.bad, ["1 encoding UTF-8 (declared)"]);
    }

    trait ReplaceAscii {
        fn replace_ascii(&self) -> Vec<u8>;
    }

    impl ReplaceAscii for std::borrow::Cow<'_, [u8]> {
        /// The same bytes under a wrong declaration.
        fn replace_ascii(&self) -> Vec<u8> {
            let place = self.windows(3).position(|w| w == b"GBK").unwrap();
            [&self[..place], b"UTF-8", &self[place + 3..]].concat()
        }
    }

    #[test]
    fn a_broken_document_is_one_bad_record_and_no_half_of_it_is_kept() {
        let files: [(&str, &[u8]); 8] = [
            ("1.xml", b"<E><N>1</N></E>"),
            ("2.xml", b"<E><N>1</N>"),
            ("3.xml", b"<E><N>1</M></E>"),
            ("4.xml", b"<F><N>1</N></F>"),
            ("5.xml", b"<E><N>1</N><N>2</N></E>"),
            ("6.xml", b"<E><N>&boom;</N></E>"),
            ("7.xml", b""),
            ("note.txt", b"x"),
        ];
        let found = kept(&files, "E", &["N"]);
        assert_eq!(found.rows, ["1 1|1.xml"]);
        let rules: Vec<&str> = found.bad.iter().map(|b| b.split(',').next().unwrap()).collect();
        assert_eq!(rules.len(), 6, "{:?}", found.bad);
        for (bad, part) in found.bad.iter().zip([
            "1 xml 2.xml: the document ends before its last element is closed",
            "1 xml 3.xml: ",
            "1 xml 4.xml: no element E",
            "1 xml 5.xml: element N stands twice",
            "1 xml 6.xml: unknown entity &boom;",
            "1 xml 7.xml: no element E",
        ]) {
            assert!(bad.starts_with(part), "{bad} does not begin with {part}");
        }
        assert_eq!(found.skipped, ["8 other_file"]);
    }

    #[test]
    fn several_documents_in_one_file() {
        let text = "<All><E><N>1</N></E><Other/><E><N>2</N></E></All>";
        let found = kept(&[("a.xml", text.as_bytes())], "E", &["N"]);
        assert_eq!(found.rows, ["1 1|a.xml", "1 2|a.xml"]);
        // What was complete before the fault stays, and the file is accused once.
        let found = kept(&[("a.xml", &text.as_bytes()[..text.len() - 4])], "E", &["N"]);
        assert_eq!((found.rows.len(), found.bad.len()), (2, 1));
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("<E>{}", "<a>".repeat(100_000));
        let found = kept(&[("a.xml", deep.as_bytes())], "E", &["N"]);
        assert!(found.bad[0].contains("elements more than 64 deep"), "{:?}", found.bad);
    }
}
