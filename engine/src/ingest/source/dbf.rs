//! DBF: dBASE III to IV, FoxPro and Visual FoxPro, with their memo files.
//!
//! Records are read here and not by the `dbase` crate (which writes the files of our tests), because the tax figures
//! in them must keep their digits, undecodable text must be found, and deleted records counted: the crate turns
//! numbers into doubles, replaces bytes it cannot decode, and passes over deleted records in silence.

mod header;
mod memo;
mod value;

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

pub use self::memo::is_memo;

use self::header::Header;
use self::memo::Memo;
use super::batch::Batches;
use super::shape::Skipped;
use super::text::Encoding;
use super::{BadRecord, Member, ReadOptions, RecordSink, clean_header};
use crate::{EngineError, Result};

/// Bytes of records looked at to find out an encoding the file does not state.
const SAMPLE: u64 = 1 << 18;

/// Reads `member` into `sink`; `_row` is the record's number in the file, deleted ones counted.
pub(super) fn read(member: &Member, options: &ReadOptions, sink: &mut dyn RecordSink) -> Result<()> {
    let plain = member.plain_file()?;
    let shown = member.display();
    let mut file =
        BufReader::with_capacity(1 << 18, File::open(plain.path()).map_err(EngineError::file(plain.path()))?);
    let length = file.get_ref().metadata().map_err(EngineError::file(plain.path()))?.len();
    let header = Header::read(&shown, &mut file)?;
    header.check_length(&shown, length)?;
    let encoding = match options.encoding.or(header.encoding) {
        Some(known) => known,
        None => detect(plain.path(), &header)?,
    };
    let fields = header.fields(&shown, encoding)?;
    let names = fields.iter().map(|f| f.name.clone()).collect();
    let mut memo = match fields.iter().any(|f| f.is_memo()) {
        true => Some(Memo::open(member, header.version)?),
        false => None,
    };
    let mut batches = Batches::new(sink, &clean_header(&shown, names)?)?;
    file.seek(SeekFrom::Start(u64::from(header.start))).map_err(|e| member.broken(&e))?;
    let mut record = vec![0_u8; usize::from(header.width)];
    let mut texts: Vec<Option<String>> = vec![None; fields.len()];
    for number in 1..=i64::from(header.records) {
        file.read_exact(&mut record).map_err(|e| member.broken(&e))?;
        match record[0] {
            b' ' => {}
            b'*' => {
                batches.skipped(Skipped::new(
                    number,
                    "deleted",
                    "源系统已标记删除的记录",
                    "marked as deleted by its system",
                ))?;
                continue;
            }
            mark => {
                let detail = format!("mark {mark:#04x} is neither blank nor *");
                batches.bad(bad(number, "mark", detail, encoding, &record))?;
                continue;
            }
        }
        let mut fault = None;
        for (text, field) in texts.iter_mut().zip(&fields) {
            match field.text(&record, encoding, memo.as_mut()) {
                Ok(value) => *text = value,
                Err(found) => {
                    fault = Some(found);
                    break;
                }
            }
        }
        match fault {
            None => batches.row(number, texts.iter().map(Option::as_deref))?,
            Some((rule, detail)) => batches.bad(bad(number, rule, detail, encoding, &record))?,
        }
    }
    batches.finish()
}

fn bad(row: i64, rule: &'static str, detail: String, encoding: Encoding, record: &[u8]) -> BadRecord {
    BadRecord { row, rule, detail, record: encoding.lossy(record).into_owned() }
}

/// What the bytes of the records look like; Chinese systems rarely state their code page.
fn detect(path: &Path, header: &Header) -> Result<Encoding> {
    let mut file = File::open(path).map_err(EngineError::file(path))?;
    file.seek(SeekFrom::Start(u64::from(header.start))).map_err(EngineError::file(path))?;
    let mut sample = Vec::new();
    file.take(SAMPLE).read_to_end(&mut sample).map_err(EngineError::file(path))?;
    // Binary fields have zeros, which must not pass for UTF-16.
    Ok(match Encoding::detect(&sample) {
        Encoding::Utf8 => Encoding::Utf8,
        _ => Encoding::Gb18030,
    })
}
