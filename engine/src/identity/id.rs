//! Numbers of taxpayers as they are written in records: their forms, and what an old number has in common with the
//! unified social credit code that replaced it (GB 32100: organisation code at places 9 to 17, division before it).

use unicode_normalization::UnicodeNormalization;

/// The form of a taxpayer number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// 18 characters: unified social credit code.
    Credit,
    /// 15 characters: division and organisation code, used until 2015. Also 17: with two more at the end.
    Old,
    /// 9 characters: an organisation code alone (GB 11714).
    Organisation,
    /// Anything else: a code some source made up.
    Code,
}

/// A number in capitals and half width, without blanks, dashes and what else people put between its characters.
pub fn normal_id(text: &str) -> String {
    text.nfkc().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// The form of a number given as [`normal_id`] gives it.
pub fn form(id: &str) -> Form {
    let alphanumeric = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    match id.len() {
        18 if alphanumeric(id) && digits(&id[2..8]) => Form::Credit,
        15 | 17 if alphanumeric(id) && digits(&id[..6]) => Form::Old,
        9 if alphanumeric(id) && id.bytes().filter(u8::is_ascii_digit).count() >= 5 => Form::Organisation,
        _ => Form::Code,
    }
}

/// The 15 characters an old number and a credit code share: division and organisation code.
pub fn old_number(id: &str) -> Option<&str> {
    match form(id) {
        Form::Credit => Some(&id[2..17]),
        Form::Old => Some(&id[..15]),
        _ => None,
    }
}

/// The organisation code in a number: 9 characters.
pub fn organisation(id: &str) -> Option<&str> {
    match form(id) {
        Form::Credit => Some(&id[8..17]),
        Form::Old => Some(&id[6..15]),
        Form::Organisation => Some(id),
        Form::Code => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_old_number_is_part_of_the_new_one() {
        let credit = "91310115MA1K39423D";
        let old = "310115MA1K39423";
        assert_eq!((form(credit), form(old)), (Form::Credit, Form::Old));
        assert_eq!(old_number(credit), Some(old));
        assert_eq!(old_number(old), Some(old));
        assert_eq!(organisation(credit), Some("MA1K39423"));
        // The two characters a 17-character number has more say which registration it was.
        assert_eq!(old_number("310115MA1K3942301"), Some(old));
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        assert_eq!(normal_id(" 9131 0115-ma1k39423d　"), "91310115MA1K39423D");
        assert_eq!(normal_id("９１３１０１１５ＭＡ１Ｋ３９４２３Ｄ"), "91310115MA1K39423D");
        assert_eq!(form(&normal_id("70029156-8")), Form::Organisation);
        for code in ["C06972", "E2", "", "恒达钢材有限公司", "张三"] {
            assert_eq!(form(&normal_id(code)), Form::Code, "{code}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_form(text in "\\PC{0,20}") {
            let id = normal_id(&text);
            prop_assert_eq!(normal_id(&id), id.clone());
            old_number(&id);
            organisation(&id);
        }
    }
}
