//! Finds UTF-8 in text that is said to be GB18030. Any two bytes beyond ASCII are some character there, so that a UTF-8
//! word with an even number of Chinese characters would be read, without a fault, as half as many others more.

use std::io::{BufRead, Read, Result};

/// Longest piece looked at as one line.
const LINE_MAX: u64 = 1 << 20;
/// No character of GB18030 begins with it: what is decoded shows that something is wrong.
const BROKEN: u8 = 0xFF;

/// Passes bytes on, but breaks lines that are UTF-8.
pub(super) struct Foreign<R> {
    input: R,
    line: Vec<u8>,
    at: usize,
}

impl<R: BufRead> Foreign<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, line: Vec::new(), at: 0 }
    }
}

impl<R: BufRead> Read for Foreign<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.at == self.line.len() {
            self.line.clear();
            self.at = 0;
            (&mut self.input).take(LINE_MAX).read_until(b'\n', &mut self.line)?;
            if let Some(place) = utf8(&self.line) {
                self.line[place] = BROKEN;
            }
        }
        let n = buffer.len().min(self.line.len() - self.at);
        buffer[..n].copy_from_slice(&self.line[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

/// Where a line's UTF-8 begins: all beyond ASCII is well-formed, and two Chinese characters (three bytes each, U+4000 to
/// U+9FFF) are among it. GB18030 text of that form would have to avoid nine tenths of its characters.
fn utf8(line: &[u8]) -> Option<usize> {
    let first = line.iter().position(|byte| !byte.is_ascii())?;
    let text = std::str::from_utf8(&line[first..]).ok()?;
    let chinese = text.chars().filter(|c| ('\u{4000}'..='\u{9fff}').contains(c)).count();
    (chinese >= 2).then_some(first)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn passed(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        Foreign::new(bytes).read_to_end(&mut out).unwrap();
        encoding_rs::GB18030.decode(&out).0.into_owned()
    }

    #[test]
    fn utf8_lines_are_broken_and_others_pass() {
        let gb = |text: &str| encoding_rs::GB18030.encode(text).0.into_owned();
        let mut bytes = gb("号码,名称\n1,东湖钢材有限公司\n");
        bytes.extend("2,东湖钢材公司\n3,王明\n".as_bytes());
        bytes.extend(gb("4,瑜芳\n5,联通\n6,plain\n7,镕喆"));
        let lines: Vec<String> = passed(&bytes).lines().map(str::to_owned).collect();
        assert!(lines[2].contains('\u{fffd}') && lines[3].contains('\u{fffd}'), "{lines:?}");
        assert_eq!([&lines[1], &lines[4], &lines[5]], ["1,东湖钢材有限公司", "4,瑜芳", "5,联通"]);
        assert_eq!(lines[6..], ["6,plain", "7,镕喆"]);
    }
}
