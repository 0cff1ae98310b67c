//! The head of a DBF file: how many records, how wide, which fields.

use std::io::Read;

use super::value::{Field, Kind};
use crate::ingest::source::text::Encoding;
use crate::{EngineError, Result};

/// The head of a file.
pub(super) struct Header {
    /// First byte: which system wrote the file.
    pub version: u8,
    /// Records, deleted ones among them.
    pub records: u32,
    /// Offset of the first record.
    pub start: u16,
    /// Bytes of a record with its deletion mark.
    pub width: u16,
    /// Encoding, where the file states a code page that Chinese systems use.
    pub encoding: Option<Encoding>,
    /// Field descriptors, 32 bytes each.
    descriptors: Vec<[u8; 32]>,
}

impl Header {
    /// Reads up to the end of the field descriptors.
    pub(super) fn read(shown: &str, file: &mut impl Read) -> Result<Self> {
        let damaged = |what: &str| {
            EngineError::input(format!("{shown} cannot be read as DBF ({what}); ask for the file again"))
        };
        let mut head = [0_u8; 32];
        file.read_exact(&mut head).map_err(|_| damaged("it is shorter than a header"))?;
        let half = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        let version = head[0];
        if !matches!(version, 0x02 | 0x03 | 0x30..=0x32 | 0x43 | 0x63 | 0x83 | 0x8B | 0xCB | 0xF5 | 0xFB) {
            return Err(damaged(&format!("first byte {version:#04x} is no known version")));
        }
        if head[15] != 0 {
            return Err(EngineError::input(format!("{shown} is encrypted; have it exported without")));
        }
        let records = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let (start, width) = (half(8), half(10));
        if start < 33 || width < 2 {
            return Err(damaged("its header states no fields"));
        }
        let mut descriptors = Vec::new();
        while 32 * (descriptors.len() + 2) <= usize::from(start) {
            let mut field = [0_u8; 32];
            file.read_exact(&mut field[..1]).map_err(|_| damaged("it ends in the header"))?;
            if field[0] == 0x0D {
                break;
            }
            file.read_exact(&mut field[1..]).map_err(|_| damaged("it ends in the header"))?;
            descriptors.push(field);
        }
        if descriptors.is_empty() {
            return Err(damaged("its header states no fields"));
        }
        let encoding = match head[29] {
            0x4D | 0x7A => Some(Encoding::Gb18030),
            0xF0 => Some(Encoding::Utf8),
            _ => None,
        };
        Ok(Self { version, records, start, width, encoding, descriptors })
    }

    /// Whether the file holds the records its header states, no fewer and no more.
    pub(super) fn check_length(&self, shown: &str, length: u64) -> Result<()> {
        let body = length.saturating_sub(u64::from(self.start));
        let found = body / u64::from(self.width);
        let stated = u64::from(self.records);
        if found == stated {
            return Ok(());
        }
        Err(EngineError::input(format!(
            "{shown}: its header states {stated} records, but the file holds {found}; {}, ask for it again",
            if found < stated { "it is truncated" } else { "it was not closed when it was copied" }
        )))
    }

    /// The fields that hold values, with their places in a record.
    pub(super) fn fields(&self, shown: &str, encoding: Encoding) -> Result<Vec<Field>> {
        let mut fields = Vec::with_capacity(self.descriptors.len());
        let mut at = 1_usize;
        for descriptor in &self.descriptors {
            let end = descriptor[..11].iter().position(|b| *b == 0).unwrap_or(11);
            let Some(name) = encoding.strict(&descriptor[..end]) else {
                return Err(EngineError::input(format!(
                    "{shown}: the name of field {} is not {} text; state the encoding (--encoding gb18030, utf-8)",
                    fields.len() + 1,
                    encoding.name()
                )));
            };
            // Long character fields keep the high byte of their width where others keep their decimals.
            let letter = descriptor[11];
            let width = match letter {
                b'C' => usize::from(descriptor[16]) + 256 * usize::from(descriptor[17]),
                _ => usize::from(descriptor[16]),
            };
            match Kind::of(letter, width, self.version) {
                Some(kind) => fields.push(Field { name: name.trim().to_owned(), kind, at, width }),
                // FoxPro's flags for null values are no field of anybody's.
                None if letter == b'0' => {}
                None => tracing::warn!(
                    "{shown}: field {name} is of the binary type {} and left out",
                    letter as char
                ),
            }
            at += width;
        }
        if at != usize::from(self.width) {
            return Err(EngineError::input(format!(
                "{shown}: its fields take {at} bytes, its records {}; the header is damaged, ask for the file again",
                self.width
            )));
        }
        Ok(fields)
    }
}
