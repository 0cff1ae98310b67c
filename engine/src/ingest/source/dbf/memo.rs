//! Memo files: texts longer than a field, in blocks of a file beside the table (`.dbt`, `.fpt`).

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::ingest::source::{Member, PlainFile, members};
use crate::{EngineError, Result};

/// The longest text that is read.
const LONGEST: u64 = 16 << 20;

/// An open memo file.
pub(in crate::ingest::source) struct Memo {
    file: BufReader<File>,
    length: u64,
    block: u64,
    form: Form,
    buffer: Vec<u8>,
    /// Keeps an unpacked copy alive.
    _plain: PlainFile,
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// dBASE III: text to a Ctrl-Z.
    Ended,
    /// dBASE IV: eight bytes of head with a length that counts them.
    Counted,
    /// FoxPro: eight bytes of head, big endian.
    Fox,
}

/// Whether a file or archive entry of this name belongs to a table beside it.
pub fn is_memo(name: &str) -> bool {
    let lower = name.to_lowercase();
    lower.ends_with(".fpt") || lower.ends_with(".dbt")
}

impl Memo {
    /// Opens the memo file of `member`, which lies beside it or in the same archive.
    pub(super) fn open(member: &Member, version: u8) -> Result<Self> {
        let form = match version {
            0x83 | 0x03 => Form::Ended,
            0x8B | 0xCB => Form::Counted,
            _ => Form::Fox,
        };
        let plain = find(member)?.ok_or_else(|| {
            let ending = if form == Form::Fox { "fpt" } else { "dbt" };
            EngineError::input(format!(
                "{} keeps texts in a memo file, {}, which is not beside it; ask for both files",
                member.display(),
                Path::new(&member.name).with_extension(ending).display()
            ))
        })?;
        let mut file = BufReader::new(File::open(plain.path()).map_err(EngineError::file(plain.path()))?);
        let length = file.get_ref().metadata().map_err(EngineError::file(plain.path()))?.len();
        let mut head = [0_u8; 24];
        let n = file.by_ref().take(24).read(&mut head).map_err(EngineError::file(plain.path()))?;
        let stated = match form {
            Form::Ended => 512,
            Form::Counted if n >= 22 => u64::from(u16::from_le_bytes([head[20], head[21]])),
            Form::Fox if n >= 8 => u64::from(u16::from_be_bytes([head[6], head[7]])),
            Form::Counted | Form::Fox => {
                return Err(EngineError::input(format!(
                    "the memo file of {} is truncated; ask for it again",
                    member.display()
                )));
            }
        };
        let block = if stated == 0 { if form == Form::Fox { 1 } else { 512 } } else { stated };
        Ok(Self { file, length, block, form, buffer: Vec::new(), _plain: plain })
    }

    /// The text at block `number`, for `field`.
    pub(super) fn read(&mut self, field: &str, number: u32) -> Result<&[u8], (&'static str, String)> {
        let fault = |what: &str| ("memo", format!("{field}: block {number} {what}"));
        let start = u64::from(number) * self.block;
        if start >= self.length {
            return Err(fault("lies beyond the end of the memo file"));
        }
        self.file.seek(SeekFrom::Start(start)).map_err(|_| fault("cannot be read"))?;
        self.buffer.clear();
        if self.form == Form::Ended {
            let mut text = (&mut self.file).take(LONGEST);
            std::io::BufRead::read_until(&mut text, 0x1A, &mut self.buffer)
                .map_err(|_| fault("cannot be read"))?;
            if self.buffer.pop() != Some(0x1A) {
                return Err(fault("has no end"));
            }
            return Ok(&self.buffer);
        }
        let mut head = [0_u8; 8];
        self.file.read_exact(&mut head).map_err(|_| fault("is cut off"))?;
        let four = [head[4], head[5], head[6], head[7]];
        let length = match self.form {
            Form::Fox => u64::from(u32::from_be_bytes(four)),
            _ => u64::from(u32::from_le_bytes(four)).saturating_sub(8),
        };
        if length > LONGEST || start + 8 + length > self.length {
            return Err(fault("is longer than the memo file"));
        }
        (&mut self.file).take(length).read_to_end(&mut self.buffer).map_err(|_| fault("cannot be read"))?;
        Ok(&self.buffer)
    }
}

/// The memo file with the member's stem, whatever the case of its ending.
fn find(member: &Member) -> Result<Option<PlainFile>> {
    let stem = |name: &str| Path::new(name).with_extension("").display().to_string();
    let belongs = |name: &str| is_memo(name) && stem(name).eq_ignore_ascii_case(&stem(&member.name));
    if member.display().contains('!') {
        let entry = members(&member.path)?.into_iter().find(|m| belongs(&m.name));
        return entry.map(|m| m.plain_file()).transpose();
    }
    let folder = member.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(EngineError::file(folder))? {
        let path = entry.map_err(EngineError::file(folder))?.path();
        if path.file_name().is_some_and(|n| belongs(&n.to_string_lossy())) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found.into_iter().next().map(PlainFile::Own))
}
