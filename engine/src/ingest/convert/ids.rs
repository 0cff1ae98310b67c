//! What ids and numbers look like, and what they look like no more when a spreadsheet has had them.

use assay_sql::{resident_id_is_valid, uscc_is_valid};

/// Whether a number stands in exponent form, as spreadsheets write long ones: `2.4312E+19`.
pub fn has_lost_digits(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let long = exponent.strip_prefix('+').is_some_and(|e| digits(e) && e.parse().is_ok_and(|e: u32| e >= 10));
    long && whole.len() == 1 && digits(whole) && digits(decimals)
}

/// An id a taxpayer can have: 15 to 20 capitals and digits; in a register (`strict`) an 18-character one must also
/// pass the check of GB 32100 or, for a person, of GB 11643.
pub fn is_taxpayer_id(id: &str, strict: bool) -> bool {
    let plausible =
        (15..=20).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    plausible && (!strict || id.len() != 18 || uscc_is_valid(id) || resident_id_is_valid(id))
}
