//! MD5 (RFC 1321), for the checksum files that senders put beside their data. It shows damage on the way; it protects
//! against nobody, and Assay uses it for nothing else.

const SHIFTS: [u32; 16] = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];

/// A running digest.
pub struct Md5 {
    state: [u32; 4],
    table: [u32; 64],
    waiting: Vec<u8>,
    bytes: u64,
}

impl Md5 {
    /// Of nothing yet.
    pub fn new() -> Self {
        let mut table = [0; 64];
        for (i, entry) in (1_i32..).zip(table.iter_mut()) {
            // RFC 1321, 3.4: the integer part of 4294967296 times abs(sin(i)).
            *entry = (f64::from(i).sin().abs() * 4_294_967_296.0) as u32;
        }
        Self {
            state: [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476],
            table,
            waiting: Vec::with_capacity(64),
            bytes: 0,
        }
    }

    /// Takes more bytes.
    pub fn update(&mut self, mut data: &[u8]) {
        self.bytes = self.bytes.wrapping_add(data.len() as u64);
        if !self.waiting.is_empty() {
            let take = data.len().min(64 - self.waiting.len());
            self.waiting.extend_from_slice(&data[..take]);
            data = &data[take..];
            if self.waiting.len() < 64 {
                return;
            }
            let block = std::mem::take(&mut self.waiting);
            self.block(&block);
        }
        let mut blocks = data.chunks_exact(64);
        for block in &mut blocks {
            self.block(block);
        }
        self.waiting.extend_from_slice(blocks.remainder());
    }

    /// The digest, hexadecimal.
    pub fn finish(mut self) -> String {
        let bits = self.bytes.wrapping_mul(8);
        let mut tail = vec![0x80];
        while !(self.waiting.len() + tail.len() + 8).is_multiple_of(64) {
            tail.push(0);
        }
        tail.extend_from_slice(&bits.to_le_bytes());
        self.update(&tail);
        self.state.iter().flat_map(|word| word.to_le_bytes()).map(|b| format!("{b:02x}")).collect()
    }

    fn block(&mut self, block: &[u8]) {
        let mut words = [0_u32; 16];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
            *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        let [mut a, mut b, mut c, mut d] = self.state;
        for i in 0..64 {
            let (mixed, word) = match i / 16 {
                0 => ((b & c) | (!b & d), i),
                1 => ((d & b) | (!d & c), (5 * i + 1) % 16),
                2 => (b ^ c ^ d, (3 * i + 5) % 16),
                _ => (c ^ (b | !d), (7 * i) % 16),
            };
            let sum = a.wrapping_add(mixed).wrapping_add(self.table[i]).wrapping_add(words[word]);
            (a, d, c, b) = (d, c, b, b.wrapping_add(sum.rotate_left(SHIFTS[i / 16 * 4 + i % 4])));
        }
        for (state, word) in self.state.iter_mut().zip([a, b, c, d]) {
            *state = state.wrapping_add(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn md5(text: &str) -> String {
        let mut md5 = Md5::new();
        // In uneven pieces, as files come.
        for piece in text.as_bytes().chunks(7) {
            md5.update(piece);
        }
        md5.finish()
    }

    /// The test suite of RFC 1321, A.5.
    #[test]
    fn the_rfc_s_own_examples() {
        assert_eq!(md5(""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(md5("a"), "0cc175b9c0f1b6a831c399e269772661");
        assert_eq!(md5("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
        assert_eq!(md5("abcdefghijklmnopqrstuvwxyz"), "c3fcd3d76192e4007dfb496cca67e13b");
        let long = "12345678901234567890123456789012345678901234567890123456789012345678901234567890";
        assert_eq!(md5(long), "57edf4a22be3c955ac49da2e2107b67a");
        let mut whole = Md5::new();
        whole.update(long.as_bytes());
        assert_eq!(whole.finish(), "57edf4a22be3c955ac49da2e2107b67a");
    }
}
