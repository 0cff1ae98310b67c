//! One field of a DBF record as exact text.

use chrono::{NaiveDate, TimeDelta};

use super::memo::Memo;
use crate::ingest::source::text::Encoding;

/// A field's place in the record and its type.
pub(super) struct Field {
    /// Its name: ten characters at most, so often cut short.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// Offset in the record.
    pub at: usize,
    /// Bytes.
    pub width: usize,
}

/// Types of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text, and numbers and days, which are written as text.
    Text,
    /// One letter.
    Logical,
    /// Eight digits; blank or zero is missing.
    Day,
    /// Julian day and milliseconds.
    Instant,
    /// 32 bits.
    Integer,
    /// 64 bits, in ten-thousandths.
    Currency,
    /// A double.
    Double,
    /// A block of the memo file, its number in digits or in four bytes.
    Memo,
}

impl Kind {
    /// The type a descriptor states; `None` for what holds no text.
    pub(super) fn of(letter: u8, width: usize, version: u8) -> Option<Self> {
        let fox = (0x30..=0x32).contains(&version);
        match letter {
            b'C' | b'N' | b'F' => Some(Self::Text),
            b'L' if width == 1 => Some(Self::Logical),
            b'D' if width == 8 => Some(Self::Day),
            b'T' if width == 8 => Some(Self::Instant),
            b'I' if width == 4 => Some(Self::Integer),
            b'Y' if width == 8 => Some(Self::Currency),
            b'B' if width == 8 && fox => Some(Self::Double),
            b'M' => Some(Self::Memo),
            _ => None,
        }
    }
}

type Fault = (&'static str, String);

impl Field {
    /// Whether values lie in the memo file.
    pub(super) fn is_memo(&self) -> bool {
        self.kind == Kind::Memo
    }

    /// The value as text; `None` where it is missing.
    pub(super) fn text(
        &self,
        record: &[u8],
        encoding: Encoding,
        memo: Option<&mut Memo>,
    ) -> Result<Option<String>, Fault> {
        let bytes = record.get(self.at..self.at + self.width).unwrap_or_default();
        let decoded = |bytes: &[u8]| {
            let text = encoding.strict(bytes).ok_or_else(|| ("encoding", encoding.name().to_owned()))?;
            Ok((!text.is_empty()).then(|| text.into_owned()))
        };
        match self.kind {
            Kind::Text => decoded(unpadded(bytes)),
            Kind::Logical => match bytes {
                b"T" | b"t" | b"Y" | b"y" | b"1" => Ok(Some("true".to_owned())),
                b"F" | b"f" | b"N" | b"n" | b"0" => Ok(Some("false".to_owned())),
                b" " | b"?" | b"\0" => Ok(None),
                other => decoded(other),
            },
            Kind::Day => match unpadded(bytes) {
                b"00000000" => Ok(None),
                day => decoded(day),
            },
            Kind::Instant => self.instant(bytes),
            Kind::Integer => Ok(bytes.try_into().ok().map(|b| i32::from_le_bytes(b).to_string())),
            Kind::Currency => Ok(bytes.try_into().ok().map(|b| currency(i64::from_le_bytes(b)))),
            Kind::Double => Ok(bytes.try_into().ok().map(|b| f64::from_le_bytes(b).to_string())),
            Kind::Memo => {
                let Some(block) = self.block(bytes)? else { return Ok(None) };
                let Some(memo) = memo else { return Ok(None) };
                decoded(unpadded(memo.read(&self.name, block)?))
            }
        }
    }

    fn instant(&self, bytes: &[u8]) -> Result<Option<String>, Fault> {
        if bytes.iter().all(|b| *b == 0 || *b == b' ') {
            return Ok(None);
        }
        let number = |at: usize| {
            let four = bytes.get(at..at + 4).and_then(|b| b.try_into().ok());
            four.map_or(0, u32::from_le_bytes)
        };
        // Day 1721425 of the Julian count is the first of year 1.
        let day = i32::try_from(number(0)).ok().and_then(|d| d.checked_sub(1_721_425));
        let day = day.and_then(NaiveDate::from_num_days_from_ce_opt);
        let instant = day
            .and_then(|d| d.and_hms_opt(0, 0, 0))
            .and_then(|d| d.checked_add_signed(TimeDelta::milliseconds(i64::from(number(4)))));
        match instant.filter(|_| number(4) < 86_400_000) {
            Some(instant) => Ok(Some(instant.format("%Y-%m-%d %H:%M:%S%.3f").to_string())),
            None => Err(("instant", self.name.clone())),
        }
    }

    /// The memo block a value points to.
    fn block(&self, bytes: &[u8]) -> Result<Option<u32>, Fault> {
        if self.width == 4 {
            let block = bytes.try_into().ok().map(u32::from_le_bytes);
            return Ok(block.filter(|b| *b != 0));
        }
        let digits = unpadded(bytes).trim_ascii();
        if digits.is_empty() {
            return Ok(None);
        }
        let block = std::str::from_utf8(digits).ok().and_then(|d| d.parse::<u32>().ok());
        block
            .map(|b| (b != 0).then_some(b))
            .ok_or_else(|| ("memo", format!("{} points to no block", self.name)))
    }
}

/// Without the blanks and zeros a field is filled up with.
fn unpadded(bytes: &[u8]) -> &[u8] {
    let fill = |b: &u8| *b == b' ' || *b == 0;
    let start = bytes.iter().position(|b| !fill(b)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|b| !fill(b)).map_or(start, |i| i + 1);
    &bytes[start..end]
}

/// Ten-thousandths as text, without zeros that say nothing.
fn currency(value: i64) -> String {
    let (sign, value) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    let text = format!("{sign}{}.{:04}", value / 10_000, value % 10_000);
    let kept = text.trim_end_matches('0');
    kept.strip_suffix('.').unwrap_or(kept).to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn field(kind: Kind, width: usize) -> Field {
        Field { name: "F".to_owned(), kind, at: 0, width }
    }

    fn text(kind: Kind, bytes: &[u8]) -> Result<Option<String>, Fault> {
        field(kind, bytes.len()).text(bytes, Encoding::Gb18030, None)
    }

    #[test]
    fn values_keep_their_digits() {
        assert_eq!(text(Kind::Text, b"  1234567890123456.10").unwrap().unwrap(), "1234567890123456.10");
        assert_eq!(
            text(Kind::Currency, &12_345_678_901_234_i64.to_le_bytes()).unwrap().unwrap(),
            "1234567890.1234"
        );
        assert_eq!(text(Kind::Currency, &(-5000_i64).to_le_bytes()).unwrap().unwrap(), "-0.5");
        assert_eq!(text(Kind::Logical, b"t").unwrap().unwrap(), "true");
        assert_eq!(text(Kind::Logical, b"?").unwrap(), None);
        assert_eq!(text(Kind::Day, b"        ").unwrap(), None);
        let mut instant = 2_459_000_u32.to_le_bytes().to_vec();
        instant.extend(3_661_500_u32.to_le_bytes());
        assert_eq!(text(Kind::Instant, &instant).unwrap().unwrap(), "2020-05-30 01:01:01.500");
        assert_eq!(text(Kind::Text, &[0xFF, 0xFF]).unwrap_err().0, "encoding");
        instant[7] = 0xFF;
        assert_eq!(text(Kind::Instant, &instant).unwrap_err().0, "instant");
    }
}
