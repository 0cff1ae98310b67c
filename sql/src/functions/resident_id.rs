//! `resident_id_valid(text) -> bool`: is this a well-formed citizen identity number (公民身份号码, GB 11643-1999)?
//!
//! Ingestion uses it to recognise personal numbers that must not stay in open files, so it is generous: a lower
//! case x is taken, and the division code is not looked up (divisions are abolished, numbers stay). Checked: 17
//! digits, a birth date that exists between 1800 and 2199, and the check character. Numbers of 15 digits, issued
//! until 1999, have no check character and are not recognised.

use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use super::period::days_of_month;
use super::{SECTION, by_column, documentation, text};

/// 2^(18-i) mod 11 for the 17 digits.
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
/// Check character by remainder.
const CHECKS: &[u8; 11] = b"10X98765432";

/// Is `number` a well-formed citizen identity number of 18 characters? Spaces count: trim first.
pub fn resident_id_is_valid(number: &str) -> bool {
    if !resident_id_is_plausible(number) {
        return false;
    }
    let number = number.as_bytes();
    let sum: u32 = WEIGHTS.iter().enumerate().map(|(at, weight)| u32::from(number[at] - b'0') * weight).sum();
    number[17].to_ascii_uppercase() == CHECKS[(sum % 11) as usize]
}

/// Is `number` one but for its check character? A mistyped one tells as much of a person.
pub fn resident_id_is_plausible(number: &str) -> bool {
    let number = number.as_bytes();
    if number.len() != 18 || !number[..17].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let digit = |at: usize| u32::from(number[at] - b'0');
    let year = digit(6) * 1000 + digit(7) * 100 + digit(8) * 10 + digit(9);
    let month = digit(10) * 10 + digit(11);
    let day = digit(12) * 10 + digit(13);
    if !(1800..2200).contains(&year) || !(1..=12).contains(&month) {
        return false;
    }
    let last = number[17].is_ascii_digit() || number[17].eq_ignore_ascii_case(&b'x');
    last && (1..=days_of_month(i64::from(year), i64::from(month))).contains(&i64::from(day))
}

/// The SQL function `resident_id_valid`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct ResidentIdValid {
    signature: Signature,
}

impl ResidentIdValid {
    /// The function, ready to register.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for ResidentIdValid {
    fn name(&self) -> &str {
        "resident_id_valid"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        text::coerce("resident_id_valid(number)", given)
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        by_column(&args, |columns| text::test(&columns[0], resident_id_is_valid))
    }

    documentation!(
        SECTION,
        "True when the text is a well-formed citizen identity number (GB 11643): digits, birth date and check character. Null for null.",
        "resident_id_valid(number)"
    );
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use chrono::NaiveDate;
    use proptest::prelude::*;

    /// ISO 7064 MOD 11-2 by its recursive definition, not by the table of weights.
    fn check_character(first: &str) -> char {
        let product =
            first.bytes().fold(0_u32, |product, digit| (product + u32::from(digit - b'0')) * 2 % 11);
        match (12 - product) % 11 {
            10 => 'X',
            digit => char::from_digit(digit, 10).unwrap(),
        }
    }

    #[test]
    fn examples_of_the_standard() {
        // The two numbers GB 11643-1999 prints as examples.
        assert!(resident_id_is_valid("11010519491231002X"));
        assert!(resident_id_is_valid("440524188001010014"));
        assert!(resident_id_is_valid("11010519491231002x"));
    }

    #[test]
    fn malformed_numbers_are_not() {
        for number in [
            "",
            "110105194912310021", // wrong check character
            "11010519491231002",  // 17
            "110105491231002",    // the old 15 digits
            "1101051949123100X2", // X inside
            "１1010519491231002", // full-width digit, 19 bytes
        ] {
            assert!(!resident_id_is_valid(number), "{number}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_calendar_and_definition(division in "[0-9]{6}", y in 1790_i32..2210, m in 0_u32..14, d in 0_u32..33, serial in "[0-9]{3}") {
            let head = format!("{division}{y:04}{m:02}{d:02}{serial}");
            let exists = NaiveDate::from_ymd_opt(y, m, d).is_some() && (1800..2200).contains(&y);
            let number = format!("{head}{}", check_character(&head));
            prop_assert_eq!(resident_id_is_valid(&number), exists);
        }

        #[test]
        fn never_fails(number in ".{0,24}") {
            resident_id_is_valid(&number);
        }
    }
}
