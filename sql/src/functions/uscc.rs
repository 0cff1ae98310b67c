//! `uscc_valid(text) -> bool`: is this a well-formed unified social credit code (统一社会信用代码, GB 32100-2015)?
//!
//! Checked: 18 characters of the standard's alphabet (digits and capitals without I O S V Z), digits where the
//! administrative division stands (3rd to 8th), and the check character. Not checked: whether the code was
//! issued, and the inner check character of the organisation code (GB 11714), which codes assigned before 2015
//! do not always keep.

use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use super::{SECTION, by_column, documentation, text};

const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
/// Not in the alphabet.
const NONE: u8 = u8::MAX;
/// Value of each byte as a character of a code.
const VALUES: [u8; 256] = values();
/// 3^i mod 31 for the 17 characters before the check character.
const WEIGHTS: [u32; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];

const fn values() -> [u8; 256] {
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        values[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values
}

/// Is `code` a well-formed unified social credit code? Case and spaces count: normalise first.
pub fn uscc_is_valid(code: &str) -> bool {
    let code = code.as_bytes();
    if code.len() != 18 || !code[2..8].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let mut sum = 0;
    for (&character, weight) in code.iter().zip(WEIGHTS) {
        let value = VALUES[usize::from(character)];
        if value == NONE {
            return false;
        }
        sum += u32::from(value) * weight;
    }
    u32::from(VALUES[usize::from(code[17])]) == (31 - sum % 31) % 31
}

/// The SQL function `uscc_valid`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct UsccValid {
    signature: Signature,
}

impl UsccValid {
    /// The function, ready to register.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for UsccValid {
    fn name(&self) -> &str {
        "uscc_valid"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        text::coerce("uscc_valid(code)", given)
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        by_column(&args, |columns| text::test(&columns[0], uscc_is_valid))
    }

    documentation!(
        SECTION,
        "True when the text is a well-formed unified social credit code (GB 32100): alphabet, division digits and check character. Null for null.",
        "uscc_valid(code)"
    );
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    /// The standard's formula, word for word: C18 = 31 - MOD(Σ Ci × 3^(i-1), 31), 31 written as 0.
    fn check_character(first: &str) -> char {
        let sum: u64 = first
            .chars()
            .enumerate()
            .map(|(i, c)| {
                let value = ALPHABET.iter().position(|a| char::from(*a) == c).unwrap() as u64;
                value * 3_u64.pow(i as u32)
            })
            .sum();
        char::from(ALPHABET[((31 - sum % 31) % 31) as usize])
    }

    #[test]
    fn weights_are_the_powers_of_three() {
        let powers: Vec<u32> = (0..17).map(|i| (3_u64.pow(i) % 31) as u32).collect();
        assert_eq!(WEIGHTS.to_vec(), powers);
    }

    #[test]
    fn published_codes_are_valid() {
        // Codes companies print on their own reports and websites.
        for code in ["91350100M000100Y43", "91110000600037341L", "91440300708461136T", "914403001922038216"] {
            assert!(uscc_is_valid(code), "{code}");
        }
    }

    #[test]
    fn malformed_codes_are_not() {
        for code in [
            "",
            "91350100M000100Y4",   // 17 characters
            "91350100M000100Y433", // 19
            "91350100M000100Y44",  // wrong check character
            "91350100m000100Y43",  // lower case
            "9135010OM000100Y43",  // letter O in the division
            " 1350100M000100Y43",  // blank
            "九1350100M00100Y43",  // 18 bytes, not ASCII
            "91350100I000100Y43",  // I is not in the alphabet
        ] {
            assert!(!uscc_is_valid(code), "{code}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_formula(head in "[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{9}", last in "[0-9A-HJ-NPQRTUWXY]") {
            let right = check_character(&head);
            let right_code = format!("{head}{right}");
            let code = format!("{head}{last}");
            prop_assert!(uscc_is_valid(&right_code));
            prop_assert_eq!(uscc_is_valid(&code), last.starts_with(right));
        }

        #[test]
        fn never_fails(code in ".{0,24}") {
            uscc_is_valid(&code);
        }
    }
}
