//! Delimited text: UTF-8 (with or without BOM), GB18030 and UTF-16, any delimiter, with a header or one the mapping
//! states.
//!
//! Records are split by [`split`]; one with the wrong number of fields or with bytes that are no text is set aside
//! with its number, the rest goes on.

mod foreign;
mod split;

use std::borrow::Cow;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::sync::Arc;

use arrow::array::{ArrayRef, StringBuilder};
use encoding_rs_io::DecodeReaderBytesBuilder;

use self::foreign::Foreign;
use self::split::Records;
use super::header::{self, Search, Wanted};
use super::lines::read_line;
use super::shape::Skipped;
use super::{BATCH_ROWS, BadRecord, Member, RawBatch, ReadOptions, RecordSink, clean_header};
use crate::{EngineError, Result};

const SAMPLE: usize = 1 << 18;
/// Samples looked at for a byte that tells the encoding: 64 MiB.
const ASCII_SAMPLES: usize = 256;

/// A text encoding Assay reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, BOM or not.
    Utf8,
    /// GB18030, a superset of GBK and GB2312.
    Gb18030,
    /// UTF-16, little endian.
    Utf16Le,
    /// UTF-16, big endian.
    Utf16Be,
}

impl Encoding {
    /// Its name as mappings and the command line write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Gb18030 => "gb18030",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
        }
    }

    /// The encoding of that name (`gbk` and `gb2312` are read as GB18030).
    pub fn parse(name: &str) -> Result<Self> {
        match name.to_lowercase().as_str() {
            "utf-8" | "utf8" => Ok(Self::Utf8),
            "gb18030" | "gbk" | "gb2312" => Ok(Self::Gb18030),
            "utf-16" | "utf-16le" => Ok(Self::Utf16Le),
            "utf-16be" => Ok(Self::Utf16Be),
            _ => Err(EngineError::input(format!(
                "unknown encoding {name}; use utf-8, gb18030, utf-16le or utf-16be"
            ))),
        }
    }

    /// The bytes as text, unless they are none.
    pub(super) fn strict(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        if self == Self::Utf8 {
            return std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
        }
        self.codec().decode_without_bom_handling_and_without_replacement(bytes)
    }

    /// The bytes as text, with `\u{fffd}` for what is none.
    pub(super) fn lossy(self, bytes: &[u8]) -> Cow<'_, str> {
        self.codec().decode_without_bom_handling(bytes).0
    }

    fn codec(self) -> &'static encoding_rs::Encoding {
        match self {
            Self::Utf8 => encoding_rs::UTF_8,
            Self::Gb18030 => encoding_rs::GB18030,
            Self::Utf16Le => encoding_rs::UTF_16LE,
            Self::Utf16Be => encoding_rs::UTF_16BE,
        }
    }

    /// What the first bytes of a file look like.
    pub fn detect(sample: &[u8]) -> Self {
        match sample {
            [0xEF, 0xBB, 0xBF, ..] => return Self::Utf8,
            [0xFF, 0xFE, ..] => return Self::Utf16Le,
            [0xFE, 0xFF, ..] => return Self::Utf16Be,
            _ => {}
        }
        // Latin letters, digits and delimiters in UTF-16 have a zero in every other byte.
        let head = &sample[..sample.len().min(1024)];
        let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|b| **b == 0).count();
        let (even, odd) = (zeros(0), zeros(1));
        if odd > head.len() / 8 && odd > 4 * even {
            return Self::Utf16Le;
        }
        if even > head.len() / 8 && even > 4 * odd {
            return Self::Utf16Be;
        }
        match std::str::from_utf8(sample) {
            Ok(_) => Self::Utf8,
            // A character cut by the end of the sample is no evidence against UTF-8.
            Err(e) if e.error_len().is_none() => Self::Utf8,
            Err(_) if mostly_utf8(sample) => Self::Utf8,
            Err(_) => Self::Gb18030,
        }
    }
}

/// Whether the sample is UTF-8 with some foreign bytes in it. Three-byte sequences tell: GB18030 text is hardly ever
/// valid as such (two-byte ones are, and prove nothing), and Chinese in UTF-8 is made of them.
fn mostly_utf8(sample: &[u8]) -> bool {
    let (mut chinese, mut broken) = (0_usize, 0_usize);
    for chunk in sample.utf8_chunks() {
        chinese += chunk.valid().chars().filter(|c| c.len_utf8() == 3).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    chinese > 2 * broken
}

/// What separates fields: one byte, or several as in `|+|`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delimiter(Vec<u8>);

impl Delimiter {
    /// From its name or itself: `comma`, `tab`, `pipe`, `semicolon`, `\\001`, `\\x01`, `^A`, or the very characters.
    pub fn parse(name: &str) -> Result<Self> {
        let named = match name {
            "tab" | "\\t" => Some(b'\t'),
            "comma" => Some(b','),
            "pipe" => Some(b'|'),
            "semicolon" => Some(b';'),
            _ => None,
        };
        let code = |digits: Option<&str>, radix| {
            digits.and_then(|d| u8::from_str_radix(d, radix).ok()).filter(|b| *b < 0x80)
        };
        let control = code(name.strip_prefix("\\x"), 16)
            .or_else(|| code(name.strip_prefix("\\u00"), 16))
            .or_else(|| code(name.strip_prefix('\\').filter(|d| d.len() == 3), 8))
            .or_else(|| match name.as_bytes() {
                [b'^', letter @ b'A'..=b'Z'] => Some(letter - b'@'),
                _ => None,
            });
        match named.or(control) {
            Some(0 | b'\r' | b'\n') => {}
            Some(byte) => return Ok(Self(vec![byte])),
            None if !name.is_empty() && name.len() <= 8 && !name.contains(['\r', '\n', '\0']) => {
                return Ok(Self(name.as_bytes().to_vec()));
            }
            None => {}
        }
        Err(EngineError::input(format!(
            "delimiter {name}: use one or a few characters, comma, tab, pipe, semicolon, or a code like \\001"
        )))
    }

    /// Whether it is a control character, which no data holds and needs no quotation marks around.
    pub fn is_control(&self) -> bool {
        matches!(self.0[..], [b] if b < b' ' && b != b'\t')
    }
}

/// A member opened, its encoding known.
pub(super) struct Opened {
    /// Its encoding.
    pub encoding: Encoding,
    sample: Vec<u8>,
    input: BufReader<Box<dyn Read + Send>>,
}

/// Opens `member` and finds out its encoding unless that is stated.
pub(super) fn open(member: &Member, stated: Option<Encoding>) -> Result<Opened> {
    let mut input = BufReader::with_capacity(SAMPLE, member.open()?);
    let mut sample = fill(&mut input).map_err(|e| member.broken(&e))?;
    if sample.is_empty() {
        return Err(EngineError::input(format!("{} is empty; ask for the file again", member.display())));
    }
    let encoding = match stated {
        Some(encoding) => encoding,
        None if sample.len() == SAMPLE && sample.is_ascii() => detect_further(member)?,
        None => Encoding::detect(&sample),
    };
    if encoding == Encoding::Utf8 && sample.starts_with(b"\xEF\xBB\xBF") {
        sample.drain(..3);
    }
    Ok(Opened { encoding, sample, input })
}

impl Opened {
    /// The first bytes as text.
    pub(super) fn head(&self) -> String {
        self.encoding.lossy(&self.sample[..self.sample.len().min(1 << 14)]).into_owned()
    }

    /// All bytes as they are.
    pub(super) fn raw(self) -> Box<dyn Read> {
        Box::new(Cursor::new(self.sample).chain(self.input))
    }

    /// All of it as UTF-8; bytes of UTF-8 itself are not checked.
    pub(super) fn decoded(self) -> Box<dyn Read> {
        if self.encoding == Encoding::Utf8 { self.raw() } else { self.replaced() }
    }

    /// All of it as UTF-8, with `\u{fffd}` for what is no text.
    pub(super) fn replaced(self) -> Box<dyn Read> {
        let mut decoder = DecodeReaderBytesBuilder::new();
        decoder.encoding(Some(self.encoding.codec())).bom_override(true);
        // A byte order mark decides, whatever was stated.
        if self.encoding == Encoding::Gb18030 && !self.sample.starts_with(b"\xEF\xBB\xBF") {
            return Box::new(decoder.build(Foreign::new(BufReader::new(self.raw()))));
        }
        Box::new(decoder.build(self.raw()))
    }
}

/// Reads `member` into `sink`.
pub(super) fn read(member: &Member, options: &ReadOptions, sink: &mut dyn RecordSink) -> Result<()> {
    let opened = open(member, options.encoding)?;
    let encoding = opened.encoding;
    let cut = &options.cut;
    let delimiter = match &options.delimiter {
        Some(stated) => stated.clone(),
        None => Delimiter(vec![detect_delimiter(&opened.head(), cut.skip_first, &options.shape.wanted)]),
    };
    let mut input: Box<dyn Read> = opened.decoded();
    if cut.skip_first > 0 {
        let mut lines = BufReader::new(input);
        for number in 1..=cut.skip_first {
            read_line(member, &mut lines, &mut Vec::new(), number as i64)?;
        }
        input = Box::new(lines);
    }
    let mut records = split::records(member, input, &delimiter, cut)?;
    let quoted = records.quoted();
    Split { member, options, encoding, replaced: encoding != Encoding::Utf8, quoted }.run(&mut *records, sink)
}

/// The encoding of a member whose first bytes are the same in most: told by the first that are not.
fn detect_further(member: &Member) -> Result<Encoding> {
    let mut input = BufReader::with_capacity(SAMPLE, member.open()?);
    for _ in 0..ASCII_SAMPLES {
        let sample = fill(&mut input).map_err(|e| member.broken(&e))?;
        if let Some(first) = sample.iter().position(|byte| !byte.is_ascii()) {
            return Ok(Encoding::detect(&sample[first..]));
        }
        if sample.is_empty() {
            break;
        }
    }
    Ok(Encoding::Utf8)
}

/// The first bytes, as many as the buffer holds: one `fill_buf` of a decompressor may give very few.
fn fill(input: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut sample = Vec::with_capacity(SAMPLE);
    while sample.len() < SAMPLE {
        let available = input.fill_buf()?;
        if available.is_empty() {
            break;
        }
        let take = available.len().min(SAMPLE - sample.len());
        sample.extend_from_slice(&available[..take]);
        input.consume(take);
    }
    Ok(sample)
}

fn detect_delimiter(head: &str, skip: usize, wanted: &Wanted) -> u8 {
    if let Some(delimiter) = header::delimiter(head, wanted) {
        return delimiter;
    }
    let first = head.lines().nth(skip).unwrap_or_default();
    let count = |d: char| first.matches(d).count();
    [('\u{1}', 1), ('\t', b'\t'), ('|', b'|'), (';', b';')]
        .into_iter()
        .filter(|(c, _)| count(*c) > count(','))
        .max_by_key(|(c, _)| count(*c))
        .map_or(b',', |(_, b)| b)
}

struct Split<'a> {
    member: &'a Member,
    options: &'a ReadOptions,
    encoding: Encoding,
    /// Whether the text was transcoded, so that broken bytes appear as U+FFFD.
    replaced: bool,
    /// Whether fields can be quoted.
    quoted: bool,
}

impl Split<'_> {
    fn run(&self, records: &mut dyn Records, sink: &mut dyn RecordSink) -> Result<()> {
        let cut = &self.options.cut;
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let first = number(cut.skip_first);
        let mut record = csv::ByteRecord::new();
        let (place, mut early) = self.find_header(records)?;
        let header = match place {
            Some(place) if cut.header.is_empty() => {
                let cells: Vec<_> = early[place].iter().map(String::from_utf8_lossy).collect();
                let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
                header::refuse_data(&self.member.display(), &self.options.shape.wanted, &cells)?;
                self.header(&early[place])?
            }
            _ => clean_header(&self.member.display(), cut.header.clone())?,
        };
        let above = place.map_or(0, |p| p + 1);
        for title in 1..above {
            sink.skipped(Skipped::title(first + number(title)))?;
        }
        sink.header(&header)?;
        let width = header.len();
        let mut row = first + number(above);
        // Rows read while looking for the header and standing below it come first.
        let mut early = early.drain(above..);
        loop {
            let mut builders: Vec<StringBuilder> =
                (0..width).map(|_| StringBuilder::with_capacity(BATCH_ROWS, BATCH_ROWS * 12)).collect();
            let mut rows = Vec::with_capacity(BATCH_ROWS);
            let mut bad = Vec::new();
            while rows.len() < BATCH_ROWS && bad.len() < BATCH_ROWS {
                if let Some(next) = early.next() {
                    record = next;
                } else if !records.next(&mut record)? {
                    break;
                }
                row += 1;
                match self.text(&record, width) {
                    Ok(text) => {
                        append(&mut builders, &record, text);
                        rows.push(row);
                    }
                    Err((rule, detail)) => {
                        let lossy: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
                        bad.push(BadRecord { row, rule, detail, record: lossy.join(",") });
                    }
                }
            }
            if rows.is_empty() && bad.is_empty() {
                return records.end(&self.member.display(), cut, row - first - number(above));
            }
            let columns = builders.into_iter().map(|mut b| Arc::new(b.finish()) as ArrayRef).collect();
            sink.batch(RawBatch { columns, rows, bad })?;
        }
    }

    /// The first rows of the file, and which of them is the header; `None` where the mapping states one that does not
    /// stand in the file.
    fn find_header(&self, records: &mut dyn Records) -> Result<(Option<usize>, Vec<csv::ByteRecord>)> {
        let stated = &self.options.cut.header;
        let mut search = Search::new(&self.options.shape.wanted);
        let mut early: Vec<csv::ByteRecord> = Vec::new();
        let mut record = csv::ByteRecord::new();
        while records.next(&mut record)? {
            let cells: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
            let over = !stated.is_empty() || search.offer(cells.iter().map(AsRef::as_ref));
            early.push(record.clone());
            if over {
                break;
            }
        }
        let Some(top) = early.first() else {
            let shown = self.member.display();
            return Err(EngineError::input(format!("{shown} is empty; ask for the file again")));
        };
        if stated.is_empty() {
            return Ok((Some(search.found().unwrap_or(0)), early));
        }
        let same =
            top.len() == stated.len() && top.iter().zip(stated).all(|(r, s)| r.trim_ascii() == s.as_bytes());
        Ok((same.then_some(0), early))
    }

    fn header(&self, record: &csv::ByteRecord) -> Result<Vec<String>> {
        let mut names = Vec::with_capacity(record.len());
        for field in record {
            let name =
                std::str::from_utf8(field).ok().filter(|n| !n.contains('\u{fffd}') && !n.contains('\0'));
            let Some(name) = name else {
                return Err(self.no_text());
            };
            names.push(name.to_owned());
        }
        clean_header(&self.member.display(), names)
    }

    /// The header cannot be read as text: what was tried, and what to give.
    fn no_text(&self) -> EngineError {
        let (shown, name) = (self.member.display(), self.encoding.name());
        EngineError::input(if self.options.encoding.is_some() {
            format!(
                "{shown}: the header is not {name} text, the encoding stated; leave it out to have it detected, or state \
                 another (--encoding utf-8, gb18030, utf-16le, utf-16be)（表头不是所指定的{name}编码）"
            )
        } else {
            format!(
                "{shown}: the header is no text: utf-8, utf-16le, utf-16be and gb18030 were tried and {name} came nearest; \
                 the file may be encrypted, broken or of another kind: ask for it again as CSV in UTF-8 or GB18030, or state \
                 its encoding if you know it (--encoding gb18030)（已尝试各种编码，均不是文本）"
            )
        })
    }

    /// The record's fields as one string (`Ok`), or why it is set aside.
    fn text<'r>(&self, record: &'r csv::ByteRecord, width: usize) -> Result<&'r str, (&'static str, String)> {
        let Ok(text) = std::str::from_utf8(record.as_slice()) else {
            return Err(("encoding", self.encoding.name().to_owned()));
        };
        if self.replaced && text.contains('\u{fffd}') {
            return Err(("encoding", self.encoding.name().to_owned()));
        }
        if record.len() != width {
            return Err(self.wrong_width(record, text, width));
        }
        Ok(text)
    }

    /// A record with too many or too few fields; one that runs over line ends has an unclosed quotation mark.
    fn wrong_width(&self, record: &csv::ByteRecord, text: &str, width: usize) -> (&'static str, String) {
        let lines = text.matches('\n').count() + 1;
        if lines > 1 && self.quoted {
            return ("quote", format!("{lines} lines, {} fields instead of {width}", record.len()));
        }
        ("fields", format!("{} instead of {width}", record.len()))
    }
}

fn append(builders: &mut [StringBuilder], record: &csv::ByteRecord, text: &str) {
    for (i, builder) in builders.iter_mut().enumerate() {
        // Field ends are character ends: the delimiter is ASCII and `text` was checked as a whole.
        let field = record.range(i).and_then(|r| text.get(r)).unwrap_or_default();
        builder.append_value(field);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn delimiters_by_any_name() {
        for (name, bytes) in [
            ("\\001", &b"\x01"[..]),
            ("\\x01", b"\x01"),
            ("\\u0001", b"\x01"),
            ("^A", b"\x01"),
            ("\u{1}", b"\x01"),
            ("tab", b"\t"),
            ("\\t", b"\t"),
            ("|+|", b"|+|"),
            ("^", b"^"),
        ] {
            assert_eq!(Delimiter::parse(name).unwrap().0, bytes, "{name:?}");
        }
        for bad in ["", "\\012", "\\x00", "a long delimiter"] {
            assert!(Delimiter::parse(bad).is_err(), "{bad:?}");
        }
    }
}
