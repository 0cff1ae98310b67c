//! Damage of the kinds files meet: by seed, so that a failure can be repeated.

use std::io::{Cursor, Read, Write};

use super::forms::{Form, Pack};

/// Small deterministic dice (splitmix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(name: &str, seed: u64) -> Self {
        let salt =
            name.bytes().fold(seed ^ 0x9e37_79b9, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        Self(salt)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`; 0 for 0.
    fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { (self.next() % n as u64) as usize }
    }
}

/// A damaged copy of the form's file.
pub(super) fn mutated(form: &Form, dice: &mut Dice) -> Vec<u8> {
    // Packed files are damaged inside as often as outside: a flipped byte of the outside mostly fails a checksum.
    let inside = form.pack != Pack::None && dice.below(2) == 0;
    if inside {
        match form.pack {
            Pack::Zip => return zip_inside(&form.bytes, dice),
            Pack::Gzip => {
                let mut plain = Vec::new();
                flate2::read::GzDecoder::new(&form.bytes[..]).read_to_end(&mut plain).unwrap();
                damage(&mut plain, dice);
                let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                packed.write_all(&plain).unwrap();
                return packed.finish().unwrap();
            }
            Pack::Zstd => {
                let mut plain = zstd::decode_all(&form.bytes[..]).unwrap();
                damage(&mut plain, dice);
                return zstd::encode_all(&plain[..], 1).unwrap();
            }
            Pack::None => {}
        }
    }
    let mut bytes = form.bytes.clone();
    damage(&mut bytes, dice);
    bytes
}

fn zip_inside(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let hit = dice.below(zip::ZipArchive::new(Cursor::new(bytes)).unwrap().len());
    edited(bytes, |i, name, content| {
        // The sheet and its texts are hit more often than the rest of a workbook.
        if i == hit || (name.contains("sheet1") && dice.below(2) == 0) {
            damage(content, dice);
        }
    })
}

/// An archive whose entries went through `edit`, which is told number and name.
pub(super) fn edited(bytes: &[u8], mut edit: impl FnMut(usize, &str, &mut Vec<u8>)) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i).unwrap();
        let name = entry.name().unwrap().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        edit(i, &name, &mut content);
        out.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        out.write_all(&content).unwrap();
    }
    out.finish().unwrap().into_inner()
}

fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(4) {
        if bytes.is_empty() {
            return;
        }
        match dice.below(14) {
            0 => bytes.truncate(dice.below(bytes.len())),
            1 | 2 => {
                for _ in 0..=dice.below(8) {
                    let at = dice.below(bytes.len());
                    bytes[at] ^= 1 << dice.below(8);
                }
            }
            3 | 4 => {
                const SIGNS: &[u8] = b"\"\n\r,;|\t{}[]:\\'\x00\x01\x1a\xff\x80*-.0 9eE<>&%";
                for _ in 0..=dice.below(4) {
                    let at = dice.below(bytes.len());
                    bytes[at] = SIGNS[dice.below(SIGNS.len())];
                }
            }
            5 => {
                let piece = PIECES[dice.below(PIECES.len())];
                let at = dice.below(bytes.len() + 1);
                bytes.splice(at..at, piece.iter().copied());
            }
            6 => {
                let range = some_range(bytes.len(), dice);
                bytes.drain(range);
            }
            7 => {
                let range = some_range(bytes.len(), dice);
                let piece = bytes[range].to_vec();
                let at = dice.below(bytes.len() + 1);
                bytes.splice(at..at, piece);
            }
            8 | 9 => lines(bytes, dice),
            10 => other_encoding(bytes, dice),
            11 => {
                for _ in 0..=dice.below(3) {
                    let at = dice.below(bytes.len() + 1);
                    bytes.insert(at, b'"');
                }
            }
            12 => {
                let range = some_range(bytes.len(), dice);
                bytes[range].fill(0);
            }
            _ => columns(bytes, dice),
        }
    }
}

const PIECES: &[&[u8]] = &[
    b"\xEF\xBB\xBF",
    b"\xFF\xFE",
    b"\xD7\xF7\xB7\xCF",
    "作废　".as_bytes(),
    "１２３４".as_bytes(),
    b"99999999999999999999999999999999999999999",
    b"1e999999999",
    b"\\N",
    b"\\\\",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"{\"a\":{\"b\":[1,{}]}}",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":",
    b"\r\n\r\n",
    b"PAR1",
    b"PK\x03\x04",
    b"<!ENTITY a \"&a;&a;\">",
    b"&#xFFFFFFFF;",
    b"\xFF\xFF\xFF\x7F",
    b"\x00\x00\x00\x80",
];

fn some_range(length: usize, dice: &mut Dice) -> std::ops::Range<usize> {
    let start = dice.below(length);
    let most = if dice.below(2) == 0 { 16 } else { length };
    start..(start + 1 + dice.below(most)).min(length)
}

/// Lines doubled, lost, exchanged.
fn lines(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    let (a, b) = (dice.below(lines.len()), dice.below(lines.len()));
    match dice.below(3) {
        0 => lines.insert(b, lines[a].clone()),
        1 => {
            lines.remove(a);
        }
        _ => lines.swap(a, b),
    }
    *bytes = lines.concat();
}

/// Two fields of a line (often the header) exchanged, or one lost.
fn columns(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    let at = if dice.below(2) == 0 { 0 } else { dice.below(lines.len()) };
    let delimiter =
        *[b',', 1, b'\t'].iter().max_by_key(|d| lines[at].iter().filter(|b| b == d).count()).unwrap();
    let mut fields: Vec<Vec<u8>> = lines[at].split(|b| *b == delimiter).map(<[u8]>::to_vec).collect();
    let (a, b) = (dice.below(fields.len()), dice.below(fields.len()));
    if dice.below(3) == 0 {
        fields.remove(a);
    } else {
        fields.swap(a, b);
    }
    lines[at] = fields.join(&delimiter);
    *bytes = lines.concat();
}

/// A stretch written in another encoding.
fn other_encoding(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let range = some_range(bytes.len(), dice);
    let text = match std::str::from_utf8(&bytes[range.clone()]) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::GB18030.decode(&bytes[range.clone()]).0.into_owned(),
    };
    let other: Vec<u8> = match dice.below(3) {
        0 => encoding_rs::GB18030.encode(&text).0.into_owned(),
        1 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        _ => text.into_bytes(),
    };
    bytes.splice(range, other);
}
