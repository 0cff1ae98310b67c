//! Fixed-width text: fields at stated places of a line, counted in bytes (as mainframes and GBK exports do) or in
//! characters. Blanks that fill a field are the format's and not the value's.

use std::borrow::Cow;
use std::io::Read;

use assay_datasets::mapping::LayoutUnit;

use super::batch::Batches;
use super::lines::Lines;
use super::text::{self, Encoding};
use super::{BadRecord, Cut, Member, ReadOptions, RecordSink, clean_header};
use crate::{EngineError, Result};

/// Reads `member` into `sink`; `_row` is the line's number.
pub(super) fn read(member: &Member, options: &ReadOptions, sink: &mut dyn RecordSink) -> Result<()> {
    let cut = &options.cut;
    let shown = member.display();
    if cut.layout.is_empty() {
        return Err(EngineError::input(format!(
            "{shown}: fixed-width text needs a layout in the mapping: layout = [{{ name, start, width }}, …]"
        )));
    }
    let opened = text::open(member, options.encoding)?;
    let bytes = cut.unit == LayoutUnit::Bytes;
    if bytes && matches!(opened.encoding, Encoding::Utf16Le | Encoding::Utf16Be) {
        return Err(EngineError::input(format!(
            "{shown} is {}; state layout_unit = \"chars\" in the mapping",
            opened.encoding.name()
        )));
    }
    let encoding = opened.encoding;
    // Bytes are counted before anything is decoded, characters after.
    let input: Box<dyn Read> = if bytes { opened.raw() } else { opened.decoded() };
    let mut lines = Lines::new(member, input, cut.skip_first, cut.skip_last)?;
    let cutter = Cutter { cut, encoding, bytes, length: length(cut) };
    let header = clean_header(&shown, cut.layout.iter().map(|f| f.name.clone()).collect())?;
    let mut batches = Batches::new(sink, &header)?;
    let mut read = 0;
    while let Some((number, line)) = lines.next()? {
        if line.is_empty() {
            continue;
        }
        read += 1;
        match cutter.cut(line) {
            Ok(fields) => {
                let values = fields.iter().map(|f| if f.is_empty() { None } else { Some(f.as_ref()) });
                batches.row(number, values)?;
            }
            Err((rule, detail)) => {
                let record = cutter.lossy(line).into_owned();
                batches.bad(BadRecord { row: number, rule, detail, record })?;
            }
        }
    }
    let rest = lines.rest()?;
    if let (Some(trailer), Some(line)) = (&cut.trailer, rest.back()) {
        let (start, width) = (trailer.start.unwrap_or(1), trailer.width.unwrap_or(1));
        let stated = cutter.field(line, start, width).unwrap_or_default();
        cut.verify(&shown, &stated, read)?;
    }
    batches.finish()
}

/// Bytes or characters of a whole line.
fn length(cut: &Cut) -> usize {
    cut.layout.iter().map(|f| f.start + f.width - 1).max().unwrap_or(0)
}

struct Cutter<'a> {
    cut: &'a Cut,
    encoding: Encoding,
    bytes: bool,
    length: usize,
}

type Fault = (&'static str, String);

impl Cutter<'_> {
    /// The fields of a line, without their fill; or why it has none.
    fn cut<'l>(&self, line: &'l [u8]) -> Result<Vec<Cow<'l, str>>, Fault> {
        if self.bytes {
            self.check_length(line.len(), line.get(self.length..).unwrap_or_default())?;
            let cut = |start: usize, width: usize| {
                let field = line.get(start - 1..start - 1 + width).unwrap_or_default();
                self.encoding.strict(field.trim_ascii_space()).ok_or_else(|| self.no_text())
            };
            return self.cut.layout.iter().map(|f| cut(f.start, f.width)).collect();
        }
        let text = std::str::from_utf8(line).ok().filter(|t| !t.contains('\u{fffd}'));
        let text = text.ok_or_else(|| self.no_text())?;
        let mut places: Vec<usize> = text.char_indices().map(|(i, _)| i).collect();
        places.push(text.len());
        let count = places.len() - 1;
        let beyond = places.get(self.length).map_or("", |i| &text[*i..]);
        self.check_length(count, beyond.as_bytes())?;
        let fields = self.cut.layout.iter();
        Ok(fields
            .map(|f| {
                Cow::Borrowed(text[places[f.start - 1]..places[f.start - 1 + f.width]].trim_matches(' '))
            })
            .collect())
    }

    /// One field, where the line has it.
    fn field(&self, line: &[u8], start: usize, width: usize) -> Option<String> {
        if self.bytes {
            let end = line.len().min(start - 1 + width);
            return self.encoding.strict(line.get(start - 1..end)?).map(Cow::into_owned);
        }
        let text = std::str::from_utf8(line).ok()?;
        Some(text.chars().skip(start - 1).take(width).collect())
    }

    fn check_length(&self, found: usize, beyond: &[u8]) -> Result<(), Fault> {
        if found == self.length || (found > self.length && beyond.iter().all(|b| *b == b' ')) {
            return Ok(());
        }
        let unit = if self.bytes { "bytes" } else { "characters" };
        Err(("length", format!("{found} instead of {} {unit}", self.length)))
    }

    fn no_text(&self) -> Fault {
        ("encoding", self.encoding.name().to_owned())
    }

    fn lossy<'l>(&self, line: &'l [u8]) -> Cow<'l, str> {
        if self.bytes { self.encoding.lossy(line) } else { String::from_utf8_lossy(line) }
    }
}

trait TrimSpace {
    fn trim_ascii_space(&self) -> &[u8];
}

impl TrimSpace for [u8] {
    /// Spaces only: in GB18030 no part of a longer character is one.
    fn trim_ascii_space(&self) -> &[u8] {
        let start = self.iter().position(|b| *b != b' ').unwrap_or(self.len());
        let end = self.iter().rposition(|b| *b != b' ').map_or(start, |i| i + 1);
        &self[start..end]
    }
}
