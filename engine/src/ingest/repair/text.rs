//! What repairs do to one text.

use super::super::parse::is_blank;

/// Full-width letters, digits, signs and blanks as ASCII; `None` where there are none.
pub(super) fn half_width(text: &str) -> Option<String> {
    let wide = |c: char| matches!(c, '\u{ff01}'..='\u{ff5e}' | '\u{3000}');
    if text.is_ascii() || !text.contains(wide) {
        return None;
    }
    Some(text.chars().map(narrow).collect())
}

fn narrow(c: char) -> char {
    match c {
        '\u{3000}' => ' ',
        // The block repeats ASCII from ! to ~.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// A spelling without what does not matter in a code: blanks, width and case.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| !is_blank(*c)).map(narrow).flat_map(char::to_lowercase).collect()
}

/// Whether the bytes have a small letter. No early end: so the loop runs many bytes at a time.
pub(super) fn has_small(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, b| found | b.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_and_blanks() {
        assert_eq!(half_width("１２．５％").as_deref(), Some("12.5%"));
        assert_eq!(half_width("９１Ｘ\u{3000}ｚ").as_deref(), Some("91X z"));
        assert_eq!(half_width("2020年2月"), None);
        assert_eq!(half_width("A1"), None);
        assert_eq!(plain(" 作　废 "), "作废");
        assert_eq!(plain("ＶＡＬＩＤ"), "valid");
        assert!(has_small(b"91A0x") && !has_small("91甲A".as_bytes()));
    }
}
