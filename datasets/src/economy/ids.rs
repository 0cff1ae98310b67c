//! Identifiers with correct check characters that belong to nobody: they carry region codes that are not assigned.
//! Each is a function of a number, different for different numbers, written into a buffer without allocation.

const CREDIT_ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const CREDIT_WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
const ORGANISATION_WEIGHTS: [usize; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
const PERSON_WEIGHTS: [usize; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
/// Six characters of the credit alphabet.
const ORGANISATIONS: u64 = 31 * 31 * 31 * 31 * 31 * 31;
/// Birthdays of 45 years with 28 days a month, 998 numbers a day.
const PERSONS: u64 = 45 * 12 * 28 * 998;

/// A unified social credit code (GB 32100): `category` 1 enterprise, 2 individual business; six digits of region.
pub(super) fn credit_code(number: u64, category: u8, region: &str, out: &mut String) {
    // Multiplication by a number without a common factor scatters consecutive numbers and keeps them different.
    let mut rest = (number * 514_229_983 + 88_123_457) % ORGANISATIONS;
    let mut code = *b"90000000MA0000000X";
    code[1] = category;
    code[2..8].copy_from_slice(&region.as_bytes()[..6]);
    for digit in (10..16).rev() {
        code[digit] = CREDIT_ALPHABET[(rest % 31) as usize];
        rest /= 31;
    }
    code[16] = organisation_check(&code[8..16]);
    code[17] = credit_check(&code[..17]);
    out.extend(code.iter().map(|byte| char::from(*byte)));
}

/// The check character of the first 17 characters of a credit code.
fn credit_check(body: &[u8]) -> u8 {
    let value = |byte: &u8| CREDIT_ALPHABET.iter().position(|known| known == byte).unwrap_or(0);
    let sum: usize = body.iter().zip(CREDIT_WEIGHTS).map(|(byte, weight)| value(byte) * weight).sum();
    CREDIT_ALPHABET[(31 - sum % 31) % 31]
}

/// The check character of eight characters of an organisation code (GB 11714); letters count from A = 10 without
/// gaps, unlike in the credit code.
fn organisation_check(body: &[u8]) -> u8 {
    let value = |byte: &u8| usize::from(if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' + 10 });
    let sum: usize = body.iter().zip(ORGANISATION_WEIGHTS).map(|(byte, weight)| value(byte) * weight).sum();
    b"0X987654321"[sum % 11]
}

/// A citizen's identity number (GB 11643), another for each number below 15 million.
pub(super) fn person_id(number: u64, region: &str, out: &mut String) {
    let mut rest = (number * 7_368_787 + 1_299_709) % PERSONS;
    let mut take = |radix: u64| {
        let digit = rest % radix;
        rest /= radix;
        digit
    };
    let (serial, day, month, year) = (take(998) + 1, take(28) + 1, take(12) + 1, take(45) + 1958);
    let mut code = *b"000000000000000000";
    code[..6].copy_from_slice(&region.as_bytes()[..6]);
    put(&mut code[6..10], year);
    put(&mut code[10..12], month);
    put(&mut code[12..14], day);
    put(&mut code[14..17], serial);
    let digits = code[..17].iter().map(|byte| usize::from(byte - b'0'));
    let sum: usize = digits.zip(PERSON_WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    code[17] = b"10X98765432"[sum % 11];
    out.extend(code.iter().map(|byte| char::from(*byte)));
}

/// Writes a number with leading zeros over the whole slice.
pub(super) fn put(out: &mut [u8], mut number: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// A mobile number with prefix 140, which is given to machines, never to people.
pub(super) fn phone(number: u64, out: &mut String) {
    let mut digits = *b"14000000000";
    put(&mut digits[3..], (number * 7_919 + 10_037) % 100_000_000);
    out.extend(digits.iter().map(|byte| char::from(*byte)));
}

/// A locally administered hardware address.
pub(super) fn mac(number: u64, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let scattered = (number * 0x9E_3779_B97F + 0x12_3456_789A) & 0xFF_FFFF_FFFF;
    out.push_str("02");
    for byte in (0..5).rev() {
        let byte = (scattered >> (byte * 8)) as usize & 0xFF;
        out.push('-');
        out.push(char::from(HEX[byte >> 4]));
        out.push(char::from(HEX[byte & 15]));
    }
}

/// An address of the network reserved for benchmarks (198.18.0.0/15).
pub(super) fn ip(number: u64, out: &mut String) {
    use std::fmt::Write;
    let scattered = (number * 40_503 + 977) % (2 * 256 * 254);
    let (last, rest) = (scattered % 254 + 1, scattered / 254);
    // Writing into a String does not fail.
    let _ = write!(out, "198.{}.{}.{last}", 18 + rest / 256, rest % 256);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn check_characters_agree_with_published_codes() {
        for code in ["91310115MA1K39423D", "91530000291993988P"] {
            assert_eq!(code.as_bytes()[17], credit_check(&code.as_bytes()[..17]), "{code}");
        }
        assert_ne!(b'T', credit_check(b"91330106589876543"));
        assert_eq!(organisation_check(b"29199398"), b'8');
    }

    #[test]
    fn different_numbers_give_different_ids() {
        let texts = |write: fn(u64, &mut String)| {
            let of = |number| {
                let mut text = String::new();
                write(number, &mut text);
                text
            };
            (0..100_000).map(of).collect::<HashSet<String>>().len()
        };
        assert_eq!(texts(|n, out| credit_code(n, b'1', "990102", out)), 100_000);
        assert_eq!(texts(|n, out| person_id(n, "990102", out)), 100_000);
        assert_eq!(texts(phone), 100_000);
        assert_eq!(texts(mac), 100_000);
    }
}
