//! Numbers and keys of tasks: the task number with its check character, and the row key that a list carries back.

/// Stands for the office code in a task number when nobody knows who manages the taxpayer.
pub const UNKNOWN_OFFICE: &str = "000000000";

/// Highest sequence number: seven digits.
pub(super) const SEQUENCE_MAX: u32 = 9_999_999;

const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Task number: office code, as-of month (YYYYMM), type, seven-digit sequence, check character.
///
/// Characters of the office code other than letters and digits are left out, letters are upper case.
#[must_use]
pub fn task_no(office_code: Option<&str>, as_of: i32, task_type: &str, sequence: u32) -> String {
    let office = office_code.unwrap_or(UNKNOWN_OFFICE);
    let mut number: String = office.chars().filter(char::is_ascii_alphanumeric).collect();
    number.push_str(&format!("{as_of:06}{task_type}{sequence:07}"));
    number.make_ascii_uppercase();
    number.push(check_character(&number));
    number
}

/// Check character by ISO/IEC 7064 MOD 37,36 (hybrid): finds every single wrong character and nearly every swap.
///
/// With `p = 36`, each character of value `a` (0–9, then A = 10 … Z = 35) turns `p` into
/// `((p + a) mod 36, 36 when 0) × 2 mod 37`; the check character is the one with `(p + check) mod 36 = 1`.
/// Characters outside 0–9, A–Z do not count.
#[must_use]
pub fn check_character(number: &str) -> char {
    let values = number.bytes().filter_map(|byte| ALPHABET.iter().position(|known| *known == byte));
    let product = values.fold(36, |product, value| {
        let sum = (product + value) % 36;
        (if sum == 0 { 36 } else { sum }) * 2 % 37
    });
    char::from(ALPHABET[(37 - product) % 36])
}

/// Row key of a task: `R` and 24 hex digits, from taxpayer, as-of month and the set of indicators hit.
///
/// It does not depend on the sequence number, the office or the order of hits, so that a list made again from the same
/// facts carries the same keys. The leading letter keeps spreadsheets from reading the key as a number.
#[must_use]
pub fn row_key(taxpayer_id: &str, as_of: i32, indicators: &[&str]) -> String {
    let mut sorted = indicators.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let text = format!("assay.task.1\n{taxpayer_id}\n{as_of}\n{}", sorted.join("\n"));
    let hex = blake3::hash(text.as_bytes()).to_hex();
    format!("R{}", &hex.as_str()[..24])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_character_agrees_with_the_published_example() {
        // The Global Release Identifier A1-2425G-ABC1234002-M is the worked example of MOD 37,36.
        assert_eq!(check_character("A12425GABC1234002"), 'M');
    }

    #[test]
    fn every_single_wrong_character_is_found() {
        let number = task_no(Some("14403000200"), 202_506, "FX", 42);
        let (body, check) = number.split_at(number.len() - 1);
        for at in 0..body.len() {
            for wrong in ALPHABET.iter().map(|byte| char::from(*byte)) {
                let mut changed: Vec<char> = body.chars().collect();
                if changed[at] == wrong {
                    continue;
                }
                changed[at] = wrong;
                let changed: String = changed.into_iter().collect();
                assert_ne!(check_character(&changed).to_string(), check, "{changed}");
            }
        }
    }

    #[test]
    fn the_number_has_its_parts_in_order() {
        let number = task_no(None, 202_002, "FX", 7);
        assert_eq!(number.len(), 9 + 6 + 2 + 7 + 1);
        assert!(number.starts_with("000000000202002FX0000007"));
        assert!(task_no(Some("1-44-a"), 202_002, "FX", 7).starts_with("144A202002FX0000007"));
    }

    #[test]
    fn the_row_key_follows_the_set_not_the_order() {
        let key = row_key("E1", 202_002, &["I05", "N03"]);
        assert_eq!(key.len(), 25);
        assert_eq!(key, row_key("E1", 202_002, &["N03", "I05", "I05"]));
        assert_ne!(key, row_key("E2", 202_002, &["I05", "N03"]));
        assert_ne!(key, row_key("E1", 202_001, &["I05", "N03"]));
        assert_ne!(key, row_key("E1", 202_002, &["I05"]));
    }
}
