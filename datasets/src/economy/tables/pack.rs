//! Books packed into few bytes: most figures of most firms are zero or small. A record is a run of numbers; every
//! eight numbers have a byte that says which of them are not zero, and those follow as variable-length integers.
//!
//! This is for memory only, within one process; nothing of it is ever written to disk.

/// Texts of fixed vocabularies (tax codes, items), kept once and packed as numbers.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<&'static str>);

impl Names {
    fn number(&mut self, name: &'static str) -> i64 {
        // By address, which is quick; a text that lies at two addresses is only kept twice.
        let found = self.0.iter().position(|known| std::ptr::eq(*known, name));
        let index = found.unwrap_or_else(|| {
            self.0.push(name);
            self.0.len() - 1
        });
        index as i64
    }

    fn name(&self, number: i64) -> &'static str {
        usize::try_from(number).ok().and_then(|index| self.0.get(index)).copied().unwrap_or_default()
    }
}

/// Takes numbers and packs them.
#[derive(Debug, Default)]
pub(super) struct Sink {
    /// Packed records, one after the other.
    bytes: Vec<u8>,
    pending: [i64; 8],
    filled: usize,
    /// Texts seen.
    pub(super) names: Names,
}

impl Sink {
    /// Adds a number.
    pub(super) fn push(&mut self, value: i64) {
        self.pending[self.filled] = value;
        self.filled += 1;
        if self.filled == 8 {
            self.flush();
        }
    }

    /// Adds a text.
    pub(super) fn push_name(&mut self, name: &'static str) {
        let number = self.names.number(name);
        self.push(number);
    }

    /// Ends a run of numbers: the next one begins on a byte of its own.
    pub(super) fn flush(&mut self) {
        if self.filled == 0 {
            return;
        }
        // A byte for the mask, then at most ten for each number.
        let (mut buffer, mut length) = ([0u8; 1 + 8 * 10], 1);
        for (bit, value) in self.pending[..self.filled].iter().enumerate().filter(|(_, value)| **value != 0) {
            buffer[0] |= 1 << bit;
            let mut rest = ((value << 1) ^ (value >> 63)) as u64;
            while rest >= 0x80 {
                buffer[length] = rest as u8 | 0x80;
                rest >>= 7;
                length += 1;
            }
            buffer[length] = rest as u8;
            length += 1;
        }
        self.bytes.extend_from_slice(&buffer[..length]);
        self.filled = 0;
    }

    /// How many items of a list follow; at most 255 are kept.
    pub(super) fn count(&mut self, items: usize) {
        self.bytes.push(items.min(255) as u8);
    }

    /// What was packed since the last call.
    pub(super) fn take(&mut self) -> Box<[u8]> {
        self.flush();
        std::mem::take(&mut self.bytes).into_boxed_slice()
    }
}

/// Gives packed numbers back in the order in which they were pushed. Past the end it gives zeros.
#[derive(Debug)]
pub(super) struct Source<'a> {
    bytes: &'a [u8],
    names: &'a Names,
    mask: u8,
    left: u8,
}

impl<'a> Source<'a> {
    /// Reads what [`Sink::take`] gave.
    pub(super) fn new(bytes: &'a [u8], names: &'a Names) -> Self {
        Self { bytes, names, mask: 0, left: 0 }
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }

    /// The next number.
    pub(super) fn pull(&mut self) -> i64 {
        if self.left == 0 {
            self.mask = self.byte();
            self.left = 8;
        }
        let set = self.mask & 1 == 1;
        self.mask >>= 1;
        self.left -= 1;
        if !set {
            return 0;
        }
        let (mut value, mut shift) = (0u64, 0);
        loop {
            let byte = self.byte();
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 || shift > 63 {
                break;
            }
        }
        (value >> 1) as i64 ^ -((value & 1) as i64)
    }

    /// The next text.
    pub(super) fn pull_name(&mut self) -> &'static str {
        let number = self.pull();
        self.names.name(number)
    }

    /// Ends a run, like [`Sink::flush`].
    pub(super) fn align(&mut self) {
        self.left = 0;
    }

    /// How many items follow.
    pub(super) fn count(&mut self) -> usize {
        usize::from(self.byte())
    }
}

/// What can be packed as a run of numbers.
pub(super) trait Packed: Sized {
    /// Pushes all numbers.
    fn put(&self, sink: &mut Sink);
    /// Pulls them in the same order.
    fn take(source: &mut Source<'_>) -> Self;
}

macro_rules! packed_numbers {
    ($($type:ty),*) => {$(
        impl Packed for $type {
            fn put(&self, sink: &mut Sink) {
                sink.push(*self as i64);
            }
            fn take(source: &mut Source<'_>) -> Self {
                source.pull() as $type
            }
        }
    )*};
}

packed_numbers!(i64, i32, u8);

impl Packed for bool {
    fn put(&self, sink: &mut Sink) {
        sink.push(i64::from(*self));
    }
    fn take(source: &mut Source<'_>) -> Self {
        source.pull() != 0
    }
}

impl Packed for &'static str {
    fn put(&self, sink: &mut Sink) {
        sink.push_name(self);
    }
    fn take(source: &mut Source<'_>) -> Self {
        source.pull_name()
    }
}

impl Packed for Option<&'static str> {
    fn put(&self, sink: &mut Sink) {
        sink.push_name(self.unwrap_or_default());
    }
    fn take(source: &mut Source<'_>) -> Self {
        Some(source.pull_name()).filter(|name| !name.is_empty())
    }
}

/// Implements [`Packed`] for a struct, field by field. Fields left out are not needed by any table and come back as
/// their default.
macro_rules! packed {
    ($type:ty: $($field:ident),* $(,)?) => {
        impl $crate::economy::tables::pack::Packed for $type {
            fn put(&self, sink: &mut $crate::economy::tables::pack::Sink) {
                $($crate::economy::tables::pack::Packed::put(&self.$field, sink);)*
            }
            #[allow(clippy::needless_update)]
            fn take(source: &mut $crate::economy::tables::pack::Source<'_>) -> Self {
                $(let $field = $crate::economy::tables::pack::Packed::take(source);)*
                Self { $($field,)* ..Self::default() }
            }
        }
    };
}

pub(super) use packed;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Default)]
    struct Sample {
        money: i64,
        days: i32,
        yes: bool,
        word: &'static str,
        maybe: Option<&'static str>,
        more: [i64; 0],
    }

    packed!(Sample: money, days, yes, word, maybe);

    #[test]
    fn records_come_back() {
        let values = [0, 1, -1, 63, 64, -65, i64::MAX, i64::MIN, 123_456_789_012];
        let samples: Vec<Sample> = values
            .iter()
            .map(|money| Sample {
                money: *money,
                days: (*money % 1_000) as i32,
                yes: money % 2 == 0,
                word: ["", "vat", "cit"][money.rem_euclid(3) as usize],
                maybe: [None, Some("export")][money.rem_euclid(2) as usize],
                more: [],
            })
            .collect();
        let mut sink = Sink::default();
        for sample in &samples {
            sink.count(1);
            sample.put(&mut sink);
            sink.flush();
        }
        let bytes = sink.take();
        let mut source = Source::new(&bytes, &sink.names);
        for sample in &samples {
            assert_eq!(source.count(), 1);
            assert_eq!(&Sample::take(&mut source), sample);
            source.align();
        }
        assert!(source.bytes.is_empty());
    }

    #[test]
    fn zeros_take_a_bit_each() {
        let mut sink = Sink::default();
        for _ in 0..80 {
            sink.push(0);
        }
        assert_eq!(sink.take().len(), 10);
    }
}
