//! What a list of suspicions comes to: the amount that counts, the taxes, and the paragraph an officer reads. The same for a
//! fresh scan and for a task that suspicions joined or left.

use std::collections::BTreeMap;

use crate::TaskItem;
use crate::text::{circled, clause, month_zh, yuan, yuan_en};
use crate::workbook::month_text;

/// Which amounts count and their sum, of families and amounts in fen. Amounts of one family estimate the same tax in several
/// ways, so the largest counts, the first where they are equal. No sum: no amount is known.
pub(crate) fn count_amounts<'a>(
    suspicions: impl ExactSizeIterator<Item = (&'a str, Option<i128>)>,
) -> (Vec<bool>, Option<i128>) {
    let mut counted = vec![false; suspicions.len()];
    let mut largest: BTreeMap<&str, (usize, i128)> = BTreeMap::new();
    for (at, (family, amount)) in suspicions.enumerate() {
        let Some(amount) = amount else { continue };
        let best = largest.entry(family).or_insert((at, amount));
        if amount > best.1 {
            *best = (at, amount);
        }
    }
    for (at, _) in largest.values() {
        counted[*at] = true;
    }
    (counted, largest.values().map(|(_, amount)| *amount).reduce(|a, b| a + b))
}

/// What a suspicion says; of an earlier month than the task's latest it says which: «the last 12 months» are others then.
pub fn told_zh(item: &TaskItem, latest: i32) -> String {
    match item.as_of < latest {
        true => format!("{}（数据截至{}）", clause(&item.message_zh), month_zh(item.as_of)),
        false => item.message_zh.clone(),
    }
}

/// The same in English.
pub fn told_en(item: &TaskItem, latest: i32) -> String {
    match item.as_of < latest {
        true => format!("{} (as of {})", clause(&item.message_en), month_text(item.as_of)),
        false => item.message_en.clone(),
    }
}

/// Tax codes in the order given, none twice.
pub(crate) fn taxes<'a>(codes: impl Iterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = Vec::new();
    for code in codes {
        if !known.contains(&code) {
            known.push(code);
        }
    }
    known.join(",")
}

/// The Chinese paragraph, of names and messages; `known` is its last sentence, see [`known_zh`].
pub(crate) fn paragraph_zh<'a>(
    suspicions: impl Iterator<Item = (&'a str, &'a str)>,
    amount: Option<i128>,
    known: &str,
) -> String {
    let clause = |(at, (name, message))| format!("{}{name}：{}", circled(at + 1), clause(message));
    let mut paragraph = suspicions.enumerate().map(clause).collect::<Vec<_>>().join("；");
    paragraph.push('。');
    if let Some(amount) = amount {
        paragraph.push_str(&format!("预估税款合计{}（同类疑点取最大一项，不重复累加）。", yuan(amount)));
    }
    paragraph + known
}

/// The English paragraph, likewise.
pub(crate) fn paragraph_en<'a>(
    suspicions: impl Iterator<Item = (&'a str, &'a str)>,
    amount: Option<i128>,
    known: &str,
) -> String {
    let clause = |(at, (name, message))| format!("({}) {name}: {}", at + 1, clause(message));
    let mut paragraph = suspicions.enumerate().map(clause).collect::<Vec<_>>().join("; ");
    paragraph.push('.');
    if let Some(amount) = amount {
        let amount = yuan_en(amount);
        paragraph.push_str(&format!(" Estimated tax {amount} (the largest of each family, then summed)."));
    }
    paragraph + known
}

const KNOWN_ZH: [&str; 2] = ["另：", "，积分已乘以"];
const KNOWN_EN: [&str; 2] = [" Known besides: ", "; points were multiplied by "];

/// The sentence on what is known of a taxpayer beside its hits, and what their points were multiplied by for it.
pub(crate) fn known_zh(words: &str, factor: f64) -> String {
    let [opening, middle] = KNOWN_ZH;
    format!("{opening}{words}{middle}{factor:.2}。")
}

/// The same in English.
pub(crate) fn known_en(words: &str, factor: f64) -> String {
    let [opening, middle] = KNOWN_EN;
    format!("{opening}{words}{middle}{factor:.2}.")
}

/// The sentence of [`known_zh`] in a paragraph that was told before; empty when it has none.
pub(crate) fn kept_zh(paragraph: &str) -> &str {
    kept(paragraph, KNOWN_ZH)
}

/// The sentence of [`known_en`] likewise.
pub(crate) fn kept_en(paragraph: &str) -> &str {
    kept(paragraph, KNOWN_EN)
}

fn kept<'a>(paragraph: &'a str, [opening, middle]: [&str; 2]) -> &'a str {
    let sentence = paragraph.rfind(opening).map_or("", |at| &paragraph[at..]);
    if sentence.contains(middle) { sentence } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_besides_is_found_again() {
        let suspicions = [("名称", "另：有说明。"), ("其他", "消息")];
        let known = known_zh("D级纳税人", 1.25);
        let told = paragraph_zh(suspicions.into_iter(), Some(100), &known);
        assert_eq!(kept_zh(&told), known);
        assert_eq!(kept_zh(&paragraph_zh(suspicions.into_iter(), Some(100), "")), "");
        let known = known_en("rated D", 1.25);
        assert_eq!(kept_en(&paragraph_en([("name", "message.")].into_iter(), None, &known)), known);
    }

    #[test]
    fn the_first_of_equal_amounts_counts() {
        let found = [("a", Some(5)), ("a", Some(5)), ("b", None), ("c", Some(-3))];
        assert_eq!(count_amounts(found.into_iter()), (vec![true, false, false, true], Some(2)));
        assert_eq!(count_amounts([("b", None)].into_iter()), (vec![false], None));
    }
}
