//! Identifiers with correct check characters that belong to nobody: they carry region codes that are not assigned.

use super::rng::Rng;

const CREDIT_ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const CREDIT_WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
const ORGANISATION_WEIGHTS: [usize; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
const PERSON_WEIGHTS: [usize; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/// A unified social credit code (GB 32100): `category` 1 enterprise, 2 individual business.
pub(super) fn credit_code(rng: &mut Rng, category: char, region: &str) -> String {
    let organisation = organisation_code(rng);
    let body = format!("9{category}{region}{organisation}");
    let check = credit_check(&body);
    format!("{body}{check}")
}

/// The check character of the first 17 characters of a credit code; characters outside the alphabet count as 0.
fn credit_check(body: &str) -> char {
    let value = |byte: u8| CREDIT_ALPHABET.iter().position(|known| *known == byte).unwrap_or(0);
    let sum: usize = body.bytes().zip(CREDIT_WEIGHTS).map(|(byte, weight)| value(byte) * weight).sum();
    char::from(CREDIT_ALPHABET[(31 - sum % 31) % 31])
}

/// An organisation code (GB 11714), as given out since 2015: `MA` and six characters, then the check character.
fn organisation_code(rng: &mut Rng) -> String {
    let mut code = String::from("MA");
    code.extend((0..6).map(|_| char::from(*rng.pick(CREDIT_ALPHABET))));
    code.push(organisation_check(&code));
    code
}

/// The check character of eight characters; here letters count from A = 10 without gaps, unlike in the credit code.
fn organisation_check(body: &str) -> char {
    let value = |byte: u8| usize::from(if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' + 10 });
    let sum: usize = body.bytes().zip(ORGANISATION_WEIGHTS).map(|(byte, weight)| value(byte) * weight).sum();
    ['0', 'X', '9', '8', '7', '6', '5', '4', '3', '2', '1'][sum % 11]
}

/// A citizen's identity number (GB 11643).
pub(super) fn person_id(rng: &mut Rng, region: &str) -> String {
    let (year, month, day) = (rng.between(1962, 1998), rng.between(1, 12), rng.between(1, 28));
    let body = format!("{region}{year:04}{month:02}{day:02}{:03}", rng.between(1, 999));
    let digits = body.bytes().map(|byte| usize::from(byte - b'0'));
    let sum: usize = digits.zip(PERSON_WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    let check = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'][sum % 11];
    format!("{body}{check}")
}

/// A mobile number with prefix 140, which is given to machines, never to people.
pub(super) fn phone(rng: &mut Rng) -> String {
    format!("140{:08}", rng.below(100_000_000))
}

/// A locally administered hardware address.
pub(super) fn mac(rng: &mut Rng) -> String {
    let bytes: Vec<String> = (0..5).map(|_| format!("{:02X}", rng.below(256))).collect();
    format!("02-{}", bytes.join("-"))
}

/// An address of the network reserved for benchmarks (198.18.0.0/15).
pub(super) fn ip(rng: &mut Rng) -> String {
    format!("198.{}.{}.{}", rng.between(18, 19), rng.below(256), rng.between(1, 254))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn check_characters_agree_with_published_codes() {
        for code in ["91310115MA1K39423D", "91530000291993988P"] {
            assert_eq!(code.chars().last().unwrap(), credit_check(&code[..17]), "{code}");
        }
        assert_ne!('T', credit_check("91330106589876543"));
    }

    #[test]
    fn organisation_codes_check() {
        assert_eq!(organisation_check("29199398"), '8');
        let mut rng = Rng::stream(1, 1);
        for _ in 0..100 {
            let code = organisation_code(&mut rng);
            assert!(code.len() == 9 && code.ends_with(organisation_check(&code[..8])), "{code}");
        }
    }

    #[test]
    fn person_ids_have_eighteen_characters() {
        let mut rng = Rng::stream(1, 1);
        assert!((0..100).all(|_| person_id(&mut rng, "990102").len() == 18));
    }
}
