//! Cutting delimited text into records: with quotation marks by the `csv` crate; without, as Hive and database
//! exports write it, line by line, with an escape character where one is stated and delimiters of any length.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{BufReader, Read};
use std::rc::Rc;

use super::Delimiter;
use crate::ingest::source::lines::{LONGEST, read_line};
use crate::ingest::source::{Cut, Member};
use crate::{EngineError, Result};

/// A stream of records.
pub(super) trait Records {
    /// The next one; `false` at the end.
    fn next(&mut self, record: &mut csv::ByteRecord) -> Result<bool>;

    /// Whether fields can be quoted, and so run over line ends.
    fn quoted(&self) -> bool {
        false
    }

    /// Called once after the end with the number of records delivered, the header not counted.
    fn end(&self, _shown: &str, _cut: &Cut, _read: i64) -> Result<()> {
        Ok(())
    }
}

/// The splitter for this delimiter and cut.
pub(super) fn records<'a>(
    member: &'a Member,
    input: Box<dyn Read + 'a>,
    delimiter: &Delimiter,
    cut: &Cut,
) -> Result<Box<dyn Records + 'a>> {
    let single = match delimiter.0[..] {
        [byte] => Some(byte),
        _ => None,
    };
    // Who states how characters are escaped, or uses a delimiter no data holds, does not quote.
    let bare = delimiter.is_control() || single.is_none() || cut.escape.is_some();
    let quote = cut.quote.unwrap_or(if bare { None } else { Some(b'"') });
    let split: Box<dyn Records + 'a> = match (quote, single) {
        (Some(_), None) => {
            return Err(EngineError::input(format!(
                "{}: quotation marks go with delimiters of one character only; remove quote from the mapping",
                member.display()
            )));
        }
        (Some(quote), Some(delimiter)) => Box::new(Quoted::new(member, input, delimiter, quote, cut.escape)),
        (None, _) => Box::new(Bare {
            member,
            input: BufReader::with_capacity(1 << 18, input),
            delimiter: delimiter.0.clone(),
            escape: cut.escape,
            line: Vec::new(),
            more: Vec::new(),
            field: Vec::new(),
            number: cut.skip_first as i64,
        }),
    };
    Ok(if cut.skip_last == 0 {
        split
    } else {
        Box::new(Held { inner: split, held: VecDeque::new(), hold: cut.skip_last, member })
    })
}

/// Passes bytes on until a record's share is used up, and remembers the last that was no line end.
struct Rationed<'a> {
    inner: Box<dyn Read + 'a>,
    left: Rc<Cell<usize>>,
    last: Rc<Cell<u8>>,
}

impl Read for Rationed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(std::io::Error::other("record too long"));
        }
        let n = self.inner.read(buffer)?;
        self.left.set(left.saturating_sub(n));
        if let Some(last) = buffer[..n].iter().rfind(|b| !b.is_ascii_whitespace()) {
            self.last.set(*last);
        }
        Ok(n)
    }
}

/// Text with quotation marks.
struct Quoted<'a> {
    member: &'a Member,
    reader: csv::Reader<Rationed<'a>>,
    left: Rc<Cell<usize>>,
    last: Rc<Cell<u8>>,
    quote: u8,
    /// Records delivered.
    count: u64,
    /// Line ends in the last field of the last of them.
    lines: usize,
}

impl<'a> Quoted<'a> {
    fn new(
        member: &'a Member,
        input: Box<dyn Read + 'a>,
        delimiter: u8,
        quote: u8,
        escape: Option<u8>,
    ) -> Self {
        let (left, last) = (Rc::new(Cell::new(LONGEST)), Rc::new(Cell::new(0)));
        let input = Rationed { inner: input, left: Rc::clone(&left), last: Rc::clone(&last) };
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .quote(quote)
            .escape(escape)
            .buffer_capacity(1 << 18)
            .from_reader(input);
        Self { member, reader, left, last, quote, count: 0, lines: 0 }
    }

    /// Only the last field of the last record can have swallowed the rest of the file.
    fn check_closed(&self) -> Result<()> {
        if self.lines == 0 || self.last.get() == self.quote {
            return Ok(());
        }
        Err(EngineError::input(format!(
            "{}: record {}: a quotation mark opens and is never closed; it swallows the {} lines to the end of the \
             file. Correct it, or state quote = \"\" in the mapping when marks are part of the values",
            self.member.display(),
            self.count,
            self.lines
        )))
    }
}

impl Records for Quoted<'_> {
    fn next(&mut self, record: &mut csv::ByteRecord) -> Result<bool> {
        self.left.set(LONGEST);
        let more = self.reader.read_byte_record(record).map_err(|e| match e.into_kind() {
            csv::ErrorKind::Io(_) if self.left.get() == 0 => EngineError::input(format!(
                "{}: record {} is longer than {} MiB: a quotation mark that opens there is never closed",
                self.member.display(),
                self.count + 1,
                LONGEST >> 20
            )),
            csv::ErrorKind::Io(e) => self.member.broken(&e),
            other => EngineError::input(format!("{}: {other:?}", self.member.display())),
        })?;
        if !more {
            self.check_closed()?;
            return Ok(false);
        }
        self.count += 1;
        let last = record.len().checked_sub(1).and_then(|i| record.get(i)).unwrap_or_default();
        self.lines = last.iter().filter(|b| **b == b'\n').count();
        Ok(true)
    }

    fn quoted(&self) -> bool {
        true
    }
}

/// Text without quotation marks: a record is a line, unless its end is escaped.
struct Bare<'a> {
    member: &'a Member,
    input: BufReader<Box<dyn Read + 'a>>,
    delimiter: Vec<u8>,
    escape: Option<u8>,
    line: Vec<u8>,
    more: Vec<u8>,
    field: Vec<u8>,
    number: i64,
}

impl Bare<'_> {
    fn line(&mut self) -> Result<bool> {
        self.number += 1;
        if !read_line(self.member, &mut self.input, &mut self.line, self.number)? {
            return Ok(false);
        }
        let Some(escape) = self.escape else { return Ok(true) };
        // An odd number of escape characters at the end escapes the line end.
        while self.line.iter().rev().take_while(|b| **b == escape).count() % 2 == 1 {
            self.number += 1;
            if !read_line(self.member, &mut self.input, &mut self.more, self.number)? {
                break;
            }
            self.line.push(b'\n');
            self.line.append(&mut self.more);
            if self.line.len() > LONGEST {
                return Err(EngineError::input(format!(
                    "{}: the record at line {} is longer than {} MiB; its line ends are escaped",
                    self.member.display(),
                    self.number,
                    LONGEST >> 20
                )));
            }
        }
        Ok(true)
    }
}

impl Records for Bare<'_> {
    fn next(&mut self, record: &mut csv::ByteRecord) -> Result<bool> {
        record.clear();
        loop {
            if !self.line()? {
                return Ok(false);
            }
            if !self.line.is_empty() {
                break;
            }
        }
        let (line, first) = (&self.line, self.delimiter[0]);
        let mut at = 0;
        self.field.clear();
        while at < line.len() {
            let rest = &line[at..];
            let plain =
                rest.iter().position(|b| *b == first || Some(*b) == self.escape).unwrap_or(rest.len());
            self.field.extend_from_slice(&rest[..plain]);
            let rest = &rest[plain..];
            at += plain;
            if rest.is_empty() {
                break;
            }
            if Some(rest[0]) == self.escape {
                at += unescape(rest, &self.delimiter, &mut self.field);
            } else if rest.starts_with(&self.delimiter) {
                record.push_field(&self.field);
                self.field.clear();
                at += self.delimiter.len();
            } else {
                self.field.push(rest[0]);
                at += 1;
            }
        }
        record.push_field(&self.field);
        Ok(true)
    }
}

/// Appends what the escape at the start of `rest` stands for; returns the bytes used. `\N` stays as it is: it is a
/// text for a missing value, which the mapping names.
fn unescape(rest: &[u8], delimiter: &[u8], field: &mut Vec<u8>) -> usize {
    let escape = rest[0];
    let Some(next) = rest.get(1) else {
        field.push(escape);
        return 1;
    };
    if rest[1..].starts_with(delimiter) {
        field.extend_from_slice(delimiter);
        return 1 + delimiter.len();
    }
    match next {
        b'n' => field.push(b'\n'),
        b'r' => field.push(b'\r'),
        b't' => field.push(b'\t'),
        b'\n' | b'"' | b'\'' => field.push(*next),
        same if *same == escape => field.push(escape),
        other => field.extend_from_slice(&[escape, *other]),
    }
    2
}

/// Keeps the last records back.
struct Held<'a> {
    inner: Box<dyn Records + 'a>,
    held: VecDeque<csv::ByteRecord>,
    hold: usize,
    member: &'a Member,
}

impl Records for Held<'_> {
    fn next(&mut self, record: &mut csv::ByteRecord) -> Result<bool> {
        while self.held.len() <= self.hold {
            let mut next = csv::ByteRecord::new();
            if !self.inner.next(&mut next)? {
                return Ok(false);
            }
            self.held.push_back(next);
        }
        if let Some(first) = self.held.pop_front() {
            *record = first;
        }
        Ok(true)
    }

    fn quoted(&self) -> bool {
        self.inner.quoted()
    }

    fn end(&self, shown: &str, cut: &Cut, read: i64) -> Result<()> {
        if self.held.len() < self.hold {
            return Err(EngineError::input(format!(
                "{} has fewer than the {} lines skip_last leaves out; ask for it again",
                self.member.display(),
                self.hold
            )));
        }
        let (Some(trailer), Some(last)) = (&cut.trailer, self.held.back()) else { return Ok(()) };
        let field = trailer.field.and_then(|f| last.get(f - 1)).unwrap_or_default();
        cut.verify(shown, &String::from_utf8_lossy(field), read)
    }
}
