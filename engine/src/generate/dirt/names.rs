//! Company names as other departments write them: another form of the same name, never another name.

use ferrous_opencc::{OpenCC, config::BuiltinConfig};

use crate::{EngineError, Result};

/// Ways to write a name differently.
const WAYS: usize = 6;
/// Legal forms of companies, longer ones first.
const FORMS: [&str; 3] = ["股份有限公司", "有限责任公司", "有限公司"];
/// Ends of the name of a place.
const PLACE_ENDS: [char; 4] = ['市', '县', '区', '省'];

/// The name, written in another way; `None` when no way changes it.
pub(super) fn variant(name: &str, draw: u64) -> Result<Option<String>> {
    let start = (draw % WAYS as u64) as usize;
    for way in (0..WAYS).map(|i| (start + i) % WAYS) {
        let written = match way {
            0 => form(name),
            1 => place_in_brackets(name),
            2 => without_place_end(name),
            3 => traditional(name)?,
            4 => Some(spaced(name)),
            _ => other_brackets(name),
        };
        if let Some(written) = written.filter(|w| w != name) {
            return Ok(Some(written));
        }
    }
    Ok(None)
}

/// 有限公司 for 有限责任公司 and the reverse.
fn form(name: &str) -> Option<String> {
    if let Some(stem) = name.strip_suffix("有限责任公司") {
        return Some(format!("{stem}有限公司"));
    }
    let stem = name.strip_suffix("有限公司")?;
    Some(match stem.strip_suffix("股份") {
        Some(stem) => format!("{stem}股份公司"),
        None => format!("{stem}有限责任公司"),
    })
}

/// Brackets of the other width.
fn other_brackets(name: &str) -> Option<String> {
    let swapped: String = name
        .chars()
        .map(|c| match c {
            '（' => '(',
            '）' => ')',
            '(' => '（',
            ')' => '）',
            other => other,
        })
        .collect();
    (swapped != name).then_some(swapped)
}

/// Where the name of the place at the beginning ends, in bytes: after its second character at the earliest.
fn place(name: &str) -> Option<usize> {
    let (at, end) = name.char_indices().take(6).filter(|(_, c)| PLACE_ENDS.contains(c)).last()?;
    let end = at + end.len_utf8();
    let rest = name.get(end..)?;
    (at >= 6 && rest.chars().count() >= 6).then_some(end)
}

/// 临江市恒达钢材有限公司 → 恒达钢材（临江市）有限公司. Companies only: what a partnership's name has in brackets is its form.
fn place_in_brackets(name: &str) -> Option<String> {
    let end = place(name)?;
    let (place, rest) = name.split_at(end);
    let form = FORMS.iter().find(|form| rest.ends_with(**form))?;
    let brand = rest.strip_suffix(form)?;
    Some(format!("{brand}（{place}）{form}"))
}

/// 临江市恒达钢材有限公司 → 临江恒达钢材有限公司.
fn without_place_end(name: &str) -> Option<String> {
    let end = place(name)?;
    let (place, rest) = name.split_at(end);
    Some(format!("{}{rest}", place.trim_end_matches(PLACE_ENDS)))
}

fn traditional(name: &str) -> Result<Option<String>> {
    static CONVERTER: std::sync::OnceLock<Option<OpenCC>> = std::sync::OnceLock::new();
    let converter = CONVERTER.get_or_init(|| OpenCC::from_config(BuiltinConfig::S2t).ok());
    let converter =
        converter.as_ref().ok_or_else(|| EngineError::internal("no table of traditional characters"))?;
    Ok(Some(converter.convert(name)))
}

/// A blank after the place or the second character.
fn spaced(name: &str) -> String {
    let at = place(name).or_else(|| name.char_indices().nth(2).map(|(at, _)| at)).unwrap_or(name.len());
    let (one, two) = name.split_at(at);
    format!("{one} {two}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_written_otherwise() {
        let name = "临江市恒达钢材有限公司";
        assert_eq!(form(name).unwrap(), "临江市恒达钢材有限责任公司");
        assert_eq!(place_in_brackets(name).unwrap(), "恒达钢材（临江市）有限公司");
        assert_eq!(
            place_in_brackets("临江市恒达钢材股份有限公司").unwrap(),
            "恒达钢材（临江市）股份有限公司"
        );
        assert_eq!(place_in_brackets("临江市恒达钢材合伙企业（有限合伙）"), None);
        assert_eq!(without_place_end(name).unwrap(), "临江恒达钢材有限公司");
        assert_eq!(traditional("云岭县盛华粮贸有限公司").unwrap().unwrap(), "雲嶺縣盛華糧貿有限公司");
        assert_eq!(spaced(name), "临江市 恒达钢材有限公司");
        for draw in 0..6 {
            assert_ne!(variant(name, draw).unwrap().unwrap(), name);
        }
    }
}
