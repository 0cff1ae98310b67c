//! Delimited text: UTF-8 (with or without BOM), GB18030 and UTF-16, any of `,` tab `|` `;`.
//!
//! Records are split by the `csv` crate; a record with the wrong number of fields or with bytes that are no text
//! is set aside with its number, the rest goes on.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use arrow::array::{ArrayRef, StringBuilder};
use encoding_rs_io::DecodeReaderBytesBuilder;

use super::header::{self, Search, Wanted};
use super::shape::Skipped;
use super::{BATCH_ROWS, BadRecord, Member, RawBatch, ReadOptions, RecordSink, clean_header};
use crate::{EngineError, Result};

const SAMPLE: usize = 1 << 18;

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

/// Reads `member` into `sink`.
pub(super) fn read(member: &Member, options: &ReadOptions, sink: &mut dyn RecordSink) -> Result<()> {
    let mut input = BufReader::with_capacity(SAMPLE, member.open()?);
    let sample = fill(&mut input).map_err(|e| member.broken(&e))?;
    if sample.is_empty() {
        return Err(EngineError::input(format!("{} is empty; ask for the file again", member.display())));
    }
    let encoding = options.encoding.unwrap_or_else(|| Encoding::detect(&sample));
    let delimiter =
        options.delimiter.unwrap_or_else(|| detect_delimiter(&sample, encoding, &options.shape.wanted));
    let input = std::io::Cursor::new(sample).chain(input);
    let decoded: Box<dyn Read> = if encoding == Encoding::Utf8 {
        Box::new(input)
    } else {
        let codec = Some(encoding.codec());
        Box::new(DecodeReaderBytesBuilder::new().encoding(codec).bom_override(true).build(input))
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .buffer_capacity(1 << 18)
        .from_reader(decoded);
    Split { member, encoding, replaced: encoding != Encoding::Utf8 }.run(
        &mut reader,
        &options.shape.wanted,
        sink,
    )
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

fn detect_delimiter(sample: &[u8], encoding: Encoding, wanted: &Wanted) -> u8 {
    let (text, _, _) = encoding.codec().decode(&sample[..sample.len().min(1 << 14)]);
    if let Some(delimiter) = header::delimiter(&text, wanted) {
        return delimiter;
    }
    let first = text.lines().next().unwrap_or_default();
    let count = |d: char| first.matches(d).count();
    [('\t', b'\t'), ('|', b'|'), (';', b';')]
        .into_iter()
        .filter(|(c, _)| count(*c) > count(','))
        .max_by_key(|(c, _)| count(*c))
        .map_or(b',', |(_, b)| b)
}

struct Split<'a> {
    member: &'a Member,
    encoding: Encoding,
    /// Whether the text was transcoded, so that broken bytes appear as U+FFFD.
    replaced: bool,
}

impl Split<'_> {
    fn run<R: Read>(
        &self,
        reader: &mut csv::Reader<R>,
        wanted: &Wanted,
        sink: &mut dyn RecordSink,
    ) -> Result<()> {
        let mut record = csv::ByteRecord::new();
        let (place, mut early) = self.find_header(reader, wanted)?;
        let header = self.header(&early[place])?;
        for title in 1..=place {
            sink.skipped(Skipped::title(i64::try_from(title).unwrap_or(i64::MAX)))?;
        }
        sink.header(&header)?;
        let width = header.len();
        let mut row = i64::try_from(place + 1).unwrap_or(i64::MAX);
        // Rows read while looking for the header and standing below it come first.
        let mut early = early.drain(place + 1..);
        loop {
            let mut builders: Vec<StringBuilder> =
                (0..width).map(|_| StringBuilder::with_capacity(BATCH_ROWS, BATCH_ROWS * 12)).collect();
            let mut rows = Vec::with_capacity(BATCH_ROWS);
            let mut bad = Vec::new();
            while rows.len() < BATCH_ROWS && bad.len() < BATCH_ROWS {
                if let Some(next) = early.next() {
                    record = next;
                } else if !self.next(reader, &mut record)? {
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
                return Ok(());
            }
            let columns = builders.into_iter().map(|mut b| Arc::new(b.finish()) as ArrayRef).collect();
            sink.batch(RawBatch { columns, rows, bad })?;
        }
    }

    fn next<R: Read>(&self, reader: &mut csv::Reader<R>, record: &mut csv::ByteRecord) -> Result<bool> {
        reader.read_byte_record(record).map_err(|e| match e.into_kind() {
            csv::ErrorKind::Io(e) => self.member.broken(&e),
            other => EngineError::input(format!("{}: {other:?}", self.member.display())),
        })
    }

    /// The first rows of the file, and which of them is the header.
    fn find_header<R: Read>(
        &self,
        reader: &mut csv::Reader<R>,
        wanted: &Wanted,
    ) -> Result<(usize, Vec<csv::ByteRecord>)> {
        let mut search = Search::new(wanted);
        let mut early: Vec<csv::ByteRecord> = Vec::new();
        let mut record = csv::ByteRecord::new();
        while self.next(reader, &mut record)? {
            let cells: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
            let over = search.offer(cells.iter().map(AsRef::as_ref));
            early.push(record.clone());
            if over {
                break;
            }
        }
        if early.is_empty() {
            let shown = self.member.display();
            return Err(EngineError::input(format!("{shown} is empty; ask for the file again")));
        }
        Ok((search.found().unwrap_or(0), early))
    }

    fn header(&self, record: &csv::ByteRecord) -> Result<Vec<String>> {
        let mut names = Vec::with_capacity(record.len());
        for field in record {
            let name =
                std::str::from_utf8(field).ok().filter(|n| !n.contains('\u{fffd}') && !n.contains('\0'));
            let Some(name) = name else {
                return Err(EngineError::input(format!(
                    "{}: the header is not {} text; leave the encoding out to have it detected, or state the right one \
                     (--encoding gb18030, utf-8, utf-16le)",
                    self.member.display(),
                    self.encoding.name()
                )));
            };
            names.push(name.to_owned());
        }
        clean_header(&self.member.display(), names)
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
            return Err(("fields", format!("{} instead of {width}", record.len())));
        }
        Ok(text)
    }
}

fn append(builders: &mut [StringBuilder], record: &csv::ByteRecord, text: &str) {
    for (i, builder) in builders.iter_mut().enumerate() {
        // Field ends are character ends: the delimiter is ASCII and `text` was checked as a whole.
        let field = record.range(i).and_then(|r| text.get(r)).unwrap_or_default();
        builder.append_value(field);
    }
}
