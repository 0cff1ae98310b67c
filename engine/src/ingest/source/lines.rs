//! Lines of a text with their numbers, none longer than can be held; the last ones can be kept back.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};

use super::Member;
use crate::{EngineError, Result};

/// The longest record that is read. A longer one is a file whose line ends or quotation marks are lost.
pub(super) const LONGEST: usize = 64 << 20;

/// Reads on to the next line end; `line` then has the line without it. `false` at the end of the input.
pub(super) fn read_line(
    member: &Member,
    input: &mut impl BufRead,
    line: &mut Vec<u8>,
    number: i64,
) -> Result<bool> {
    line.clear();
    let n = input.take(LONGEST as u64 + 1).read_until(b'\n', line).map_err(|e| member.broken(&e))?;
    if n > LONGEST {
        return Err(EngineError::input(format!(
            "{}: line {number} is longer than {} MiB; the file has lost its line ends, ask for it again",
            member.display(),
            LONGEST >> 20
        )));
    }
    trim_end(line);
    Ok(n > 0)
}

/// Takes the line end off.
pub(super) fn trim_end(line: &mut Vec<u8>) {
    for end in [b'\n', b'\r'] {
        if line.last() == Some(&end) {
            line.pop();
        }
    }
}

/// Lines after `skip_first`, without the last `skip_last`.
pub(super) struct Lines<'a> {
    member: &'a Member,
    input: BufReader<Box<dyn Read + 'a>>,
    /// Number of the line last read from the input.
    read: i64,
    held: VecDeque<Vec<u8>>,
    hold: usize,
    current: Vec<u8>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(
        member: &'a Member,
        input: Box<dyn Read + 'a>,
        skip_first: usize,
        hold: usize,
    ) -> Result<Self> {
        let input = BufReader::with_capacity(1 << 18, input);
        let mut lines = Self { member, input, read: 0, held: VecDeque::new(), hold, current: Vec::new() };
        for _ in 0..skip_first {
            let mut line = Vec::new();
            if !lines.read(&mut line)? {
                return Err(EngineError::input(format!(
                    "{} has fewer than the {skip_first} lines skip_first leaves out; ask for it again",
                    member.display()
                )));
            }
        }
        Ok(lines)
    }

    fn read(&mut self, line: &mut Vec<u8>) -> Result<bool> {
        self.read += 1;
        if read_line(self.member, &mut self.input, line, self.read)? {
            return Ok(true);
        }
        self.read -= 1;
        Ok(false)
    }

    /// The next line and its number.
    pub(super) fn next(&mut self) -> Result<Option<(i64, &[u8])>> {
        while self.held.len() <= self.hold {
            let mut line = if self.hold == 0 { std::mem::take(&mut self.current) } else { Vec::new() };
            let more = self.read(&mut line)?;
            // Ctrl-Z ended files of old systems; it is no line.
            if !more || (line == [0x1A] && self.at_end()?) {
                return Ok(None);
            }
            self.held.push_back(line);
        }
        self.current = self.held.pop_front().unwrap_or_default();
        Ok(Some((self.read - self.held.len() as i64, &self.current)))
    }

    fn at_end(&mut self) -> Result<bool> {
        Ok(self.input.fill_buf().map_err(|e| self.member.broken(&e))?.is_empty())
    }

    /// The lines kept back, once [`Self::next`] gave `None`.
    ///
    /// # Errors
    /// When there were fewer.
    pub(super) fn rest(&self) -> Result<&VecDeque<Vec<u8>>> {
        if self.held.len() < self.hold {
            return Err(EngineError::input(format!(
                "{} has fewer than the {} lines skip_last leaves out; ask for it again",
                self.member.display(),
                self.hold
            )));
        }
        Ok(&self.held)
    }
}
