//! An office's answer: reading its cells, and what must stand in it before a task counts as answered. Which columns there
//! are and what each accepts is said where the list is made.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use super::returned::Raw;
use crate::columns::Cell;
use crate::export::Filled;
use crate::feedback::{FeedbackColumn, FeedbackKind, MONEY_MAX, feedback_columns};

/// 结论 that say something was wrong.
pub(super) const TRUE: &str = "属实";
/// Only a part of the suspicions was.
pub(super) const PARTLY: &str = "部分属实";
/// Nothing was.
pub(super) const EXCLUDED: &str = "排除";

/// A value of a feedback column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Given {
    Text(String),
    /// Fen.
    Money(i64),
    /// Days since 1970-01-01.
    Day(i32),
}

/// A letter, digit or mark of Chinese input methods as the plain one.
fn narrow(c: char) -> char {
    match c {
        '！'..='～' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
        '\u{3000}' => ' ',
        other => other,
    }
}

/// Whether two names are one person's: blanks within a name, which align short ones, and wide letters do not tell people apart.
pub(super) fn same_person(one: &str, other: &str) -> bool {
    let plain = |name: &str| -> String {
        name.chars().filter(|c| !c.is_whitespace()).map(narrow).collect::<String>().to_lowercase()
    };
    plain(one) == plain(other)
}

/// What an office said of a task; columns it left blank are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub(super) values: BTreeMap<&'static str, Given>,
    /// What was found of single suspicions, by indicator: 属实 or 排除.
    pub(super) items: BTreeMap<String, String>,
}

/// A column that is still to be filled in, by its header.
pub type Missing = String;

/// Columns of the reviewer, which do not belong to the answer proper.
pub(super) const REVIEW: [&str; 2] = ["reviewer", "review_opinion"];
/// Columns that may be filled in after answering, when they were blank: money that comes in later.
const LATE: [&str; 6] = ["tax_recovered", "late_fee", "fine", "credit_reduced", "loss_reduced", "paid_on"];

impl Answer {
    /// The text of a column.
    #[must_use]
    pub fn text(&self, id: &str) -> Option<&str> {
        match self.values.get(id) {
            Some(Given::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Fen of a column.
    #[must_use]
    pub fn money(&self, id: &str) -> Option<i64> {
        match self.values.get(id) {
            Some(Given::Money(fen)) => Some(*fen),
            _ => None,
        }
    }

    /// The day of a column, days since 1970-01-01.
    #[must_use]
    pub fn day(&self, id: &str) -> Option<i32> {
        match self.values.get(id) {
            Some(Given::Day(day)) => Some(*day),
            _ => None,
        }
    }

    /// 核实结论.
    #[must_use]
    pub fn conclusion(&self) -> Option<&str> {
        self.text("conclusion")
    }

    /// Header and text of every column that says something, in the order of the list.
    #[must_use]
    pub fn told(&self) -> Vec<(&'static str, String)> {
        let said = |column: &FeedbackColumn| {
            let text = match self.values.get(column.id)? {
                Given::Text(text) => text.clone(),
                Given::Money(fen) => crate::money_zh(i128::from(*fen)),
                Given::Day(day) => crate::date_text(*day),
            };
            Some((column.zh, text))
        };
        feedback_columns().iter().filter_map(said).collect()
    }

    /// The cells it fills in.
    pub(super) fn filled(&self) -> Filled {
        let cell = |column: &FeedbackColumn| match self.values.get(column.id) {
            Some(Given::Text(text)) => Cell::Text(text.clone()),
            Some(Given::Money(fen)) => Cell::Hundredths(i128::from(*fen)),
            Some(Given::Day(day)) => Cell::Date(*day),
            None => Cell::Empty,
        };
        Filled {
            cells: feedback_columns().iter().map(cell).collect(),
            items: self.items.clone(),
            ..Filled::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.items.is_empty()
    }

    /// The answer proper, without what the reviewer wrote.
    pub(super) fn without_review(&self) -> Self {
        let mut proper = self.clone();
        proper.values.retain(|id, _| !REVIEW.contains(id));
        proper
    }

    /// Whether `later` only fills in money and days that were blank here.
    pub(super) fn is_supplemented_by(&self, later: &Self) -> bool {
        let (before, after) = (self.without_review(), later.without_review());
        let kept = before.values.iter().all(|(id, value)| after.values.get(id) == Some(value));
        let added = after.values.keys().filter(|id| !before.values.contains_key(*id));
        kept && before.items == after.items && added.into_iter().all(|id| LATE.contains(id))
    }

    /// Headers of what is still missing for the answer to be whole. `indicators` are the task's suspicions, `since` those among
    /// them that joined after the task was answered in part: what was said of the others does not go for them. `due_on` is
    /// its last day.
    #[must_use]
    pub fn missing(&self, indicators: &[&str], since: &[&str], due_on: i32) -> Vec<Missing> {
        let conclusion = self.conclusion();
        let mut wanted = vec!["conclusion", "explanation", "handler", "completed_on"];
        if matches!(conclusion, Some(EXCLUDED | PARTLY)) {
            wanted.push("exclusion_reason");
        }
        if matches!(conclusion, Some(TRUE | PARTLY)) {
            wanted.push("handling");
        }
        if self.day("completed_on").is_some_and(|day| day > due_on) {
            wanted.push("delay_reason");
        }
        let missing = |id: &&str| !self.values.contains_key(id);
        let header =
            |id: &str| feedback_columns().iter().find(|column| column.id == id).map(|c| c.zh.to_owned());
        let mut found: Vec<Missing> = feedback_columns()
            .iter()
            .map(|column| column.id)
            .filter(|id| wanted.contains(id) && missing(id))
            .filter_map(header)
            .collect();
        let each = conclusion == Some(PARTLY) && indicators.len() > 1;
        let wanted = if each { indicators } else { since };
        let open: Vec<&str> =
            wanted.iter().filter(|code| !self.items.contains_key(**code)).copied().collect();
        if !open.is_empty() {
            found.push(format!("{}（{}）", crate::evidence::ITEM_CONCLUSION, open.join("、")));
        }
        found
    }

    /// What contradicts itself in an answer: Chinese and English.
    pub(super) fn contradictions(
        &self,
        indicators: &[&str],
        issued_on: i32,
        today: NaiveDate,
    ) -> Vec<(&'static str, String, String)> {
        let mut found = Vec::new();
        let mut say = |id: &'static str, zh: &str, en: &str| found.push((id, zh.to_owned(), en.to_owned()));
        if let Some(day) = self.day("completed_on") {
            if day < issued_on {
                say("completed_on", "完成日期早于下发日期", "completed before it was issued");
            }
            if day > crate::days(today) {
                say("completed_on", "完成日期晚于今天", "completed after today");
            }
        }
        if self.day("paid_on").is_some_and(|day| day > crate::days(today)) {
            say("paid_on", "入库日期晚于今天", "paid after today");
        }
        if let (Some(handler), Some(reviewer)) = (self.text("handler"), self.text("reviewer"))
            && same_person(handler, reviewer)
        {
            say("reviewer", "复核人与应对人为同一人", "the reviewer is the handler");
        }
        let recovered = self.money("tax_recovered").unwrap_or(0);
        if self.conclusion() == Some(EXCLUDED) && recovered > 0 {
            say("tax_recovered", "结论为排除，却填有补缴税款", "excluded, yet tax was recovered");
        }
        let held = |word: &str| self.items.values().any(|said| said == word);
        let held_all = indicators.iter().all(|code| self.items.contains_key(*code));
        if self.conclusion() == Some(EXCLUDED) && held(TRUE) {
            say("conclusion", "结论为排除，却有疑点填为属实", "excluded, yet a suspicion is confirmed");
        }
        if self.conclusion() == Some(TRUE) && !self.items.is_empty() && !held(TRUE) {
            say("conclusion", "结论为属实，却没有疑点填为属实", "confirmed, yet no suspicion is");
        } else if self.conclusion() == Some(TRUE) && held(EXCLUDED) {
            say(
                "conclusion",
                "结论为属实，却有疑点填为排除；请改为「部分属实」",
                "confirmed, yet a suspicion is excluded; write 部分属实",
            );
        }
        if self.conclusion() == Some(PARTLY) && !self.items.is_empty() && held_all && !held(EXCLUDED) {
            say(
                "conclusion",
                "结论为部分属实，却没有疑点填为排除；请改为「属实」",
                "confirmed in part, yet no suspicion is excluded; write 属实",
            );
        }
        if self.conclusion() == Some(TRUE) && self.text("exclusion_reason").is_some() {
            say(
                "exclusion_reason",
                "结论为属实，却填有排除原因码；有疑点排除的请填「部分属实」",
                "confirmed, yet a reason to exclude is given; write 部分属实 where a suspicion is excluded",
            );
        }
        if self.conclusion() == Some(EXCLUDED) && self.text("handling").is_some() {
            say("handling", "结论为排除，却填有处理方式", "excluded, yet handled");
        }
        found
    }
}

/// Reads a cell of a feedback column; none when it is blank.
///
/// # Errors
/// What is wrong with it and what to write, in Chinese and English.
pub(super) fn read(column: &FeedbackColumn, raw: &Raw) -> Result<Option<Given>, (String, String)> {
    if raw.is_blank() {
        return Ok(None);
    }
    let raw = &half_width(raw);
    if let Raw::Unusable(_) = raw {
        return Err((
            "是公式且没有可用的计算结果；请粘贴为数值或文字".to_owned(),
            "a formula without a usable result; paste it as a value".to_owned(),
        ));
    }
    match column.kind {
        FeedbackKind::List(words) => {
            let text = raw.text();
            // A code alone, or its beginning, is what people type.
            let found = words.iter().find(|word| **word == text).or_else(|| {
                words.iter().find(|word| word.split(' ').next() == Some(text.as_str()) && word.contains(' '))
            });
            found.map(|word| Some(Given::Text((*word).to_owned()))).ok_or_else(|| {
                (
                    format!("请填写下列之一：{}", words.join("、")),
                    format!("write one of: {}", words.join(", ")),
                )
            })
        }
        FeedbackKind::Text(most) => {
            let text = raw.text();
            match text.chars().count() <= most as usize {
                true => Ok(Some(Given::Text(text))),
                false => Err((format!("不超过{most}个字"), format!("at most {most} characters"))),
            }
        }
        FeedbackKind::Money => money(raw).map(|fen| Some(Given::Money(fen))).ok_or_else(|| {
            (
                format!("请填写金额（元），不为负数，至多两位小数，不超过{MONEY_MAX:.2}；不写「万」"),
                format!("write yuan, not negative, at most two decimals, at most {MONEY_MAX:.2}"),
            )
        }),
        FeedbackKind::Date | FeedbackKind::DateSinceIssue => {
            day(raw).map(|day| Some(Given::Day(day))).ok_or_else(|| {
                (
                    "请填写2000年以后的日期，格式如2026-12-01".to_owned(),
                    "write a date since 2000, such as 2026-12-01".to_owned(),
                )
            })
        }
    }
}

/// A text with the digits and marks of Chinese input methods as the plain ones: `１２３．５` is a number.
fn half_width(raw: &Raw) -> Raw {
    match raw {
        // Sentences keep their marks.
        Raw::Text(text) if text.chars().any(|c| matches!(c, '０'..='９')) => {
            let said = text.trim();
            let number = said.chars().map(narrow).collect::<String>();
            let figures = number.chars().filter(|c| !c.is_whitespace());
            match figures.clone().all(|c| c.is_ascii_digit() || ".,-/+年月日元¥￥".contains(c)) {
                true => Raw::Text(number),
                false => raw.clone(),
            }
        }
        other => other.clone(),
    }
}

/// Yuan of a cell as fen.
fn money(raw: &Raw) -> Option<i64> {
    let yuan = match raw {
        Raw::Number(number) | Raw::Day(number) => *number,
        Raw::Text(text) => {
            let plain = text.trim().replace([',', '，', '￥', '¥'], "");
            plain.strip_suffix('元').unwrap_or(&plain).trim().parse().ok()?
        }
        Raw::Empty | Raw::Unusable(_) => return None,
    };
    let fen = (yuan * 100.0).round();
    // Large amounts have no more than fifteen digits.
    let exact = (yuan * 100.0 - fen).abs() <= f64::max(1e-6, fen.abs() * 1e-15);
    // A sheet's numbers hold their fen exactly up to this size.
    ((0.0..=MONEY_MAX).contains(&yuan) && exact).then_some(fen as i64)
}

/// A day of a cell: a date, or a text as people write dates.
fn day(raw: &Raw) -> Option<i32> {
    let date = match raw {
        Raw::Number(serial) | Raw::Day(serial) => {
            let days = u64::try_from(serial.floor() as i64 - 25_569).ok()?;
            NaiveDate::default().checked_add_days(Days::new(days))?
        }
        Raw::Text(text) => {
            let text = text.trim().replace(['年', '月', '/', '.'], "-").replace('日', "");
            NaiveDate::parse_from_str(&text, "%Y-%m-%d")
                .or_else(|_| NaiveDate::parse_from_str(&text, "%Y%m%d"))
                .ok()?
        }
        Raw::Empty | Raw::Unusable(_) => return None,
    };
    let since = NaiveDate::from_ymd_opt(2000, 1, 1)?;
    let until = NaiveDate::from_ymd_opt(2100, 1, 1)?;
    (date >= since && date < until).then(|| crate::days(date))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text(text: &str) -> Raw {
        Raw::Text(text.to_owned())
    }

    fn column(id: &str) -> &'static FeedbackColumn {
        feedback_columns().iter().find(|column| column.id == id).unwrap()
    }

    #[test]
    fn blanks_and_wide_letters_make_no_other_person() {
        for (one, other) in [("王伟", "王　伟"), ("王6", "王 ６"), ("Li Si", "lisi")] {
            assert!(same_person(one, other), "{one} {other}");
        }
        assert!(!same_person("王伟", "王维"));
    }

    #[test]
    fn money_is_read_as_people_write_it() {
        assert_eq!(money(&Raw::Number(1234.56)), Some(123_456));
        assert_eq!(money(&text("1,234.50元")), Some(123_450));
        assert_eq!(money(&Raw::Number(0.1 + 0.2)), Some(30));
        let typed = read(column("tax_recovered"), &text("１，２３４．５０元")).unwrap();
        assert_eq!(typed, Some(Given::Money(123_450)));
        assert_eq!(money(&Raw::Number(9_999_999_999_999.98)), Some(999_999_999_999_998));
        assert_eq!(money(&Raw::Number(1e-7)), None);
        for wrong in [Raw::Number(-1.0), Raw::Number(1.234), text("约三万"), Raw::Number(1e15)] {
            assert_eq!(money(&wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn days_are_read_as_people_write_them() {
        let wanted = Some(crate::days(NaiveDate::from_ymd_opt(2026, 12, 1).unwrap()));
        for said in ["2026-12-01", "2026/12/1", "2026年12月1日", "20261201"] {
            assert_eq!(day(&text(said)), wanted, "{said}");
        }
        let typed = read(column("paid_on"), &text("２０２６－１２－０１")).unwrap();
        assert_eq!(typed, wanted.map(Given::Day));
        assert_eq!(day(&Raw::Day(46_357.4)), wanted);
        assert_eq!(day(&text("1999-01-01")), None);
        assert_eq!(day(&Raw::Number(-3.0)), None);
    }

    #[test]
    fn a_code_stands_for_its_words() {
        let found = read(column("exclusion_reason"), &text("03")).unwrap();
        assert_eq!(found, Some(Given::Text("03 行业或季节特点".to_owned())));
        assert!(read(column("conclusion"), &text("也许")).is_err());
        assert_eq!(read(column("conclusion"), &text("  ")).unwrap(), None);
    }

    #[test]
    fn an_answer_says_what_it_lacks() {
        let mut answer = Answer::default();
        assert_eq!(answer.missing(&["I05"], &[], 0), ["核实结论", "情况说明", "应对人", "完成日期"]);
        for (id, said) in [("conclusion", PARTLY), ("explanation", "…"), ("handler", "张三")] {
            answer.values.insert(id, Given::Text(said.to_owned()));
        }
        answer.values.insert("completed_on", Given::Day(20_000));
        let missing = answer.missing(&["I05", "I07"], &[], 19_999);
        assert_eq!(missing, ["排除原因码", "处理方式", "延期原因", "该疑点核实结论（I05、I07）"]);
        assert_eq!(answer.missing(&["I05"], &[], 20_000), ["排除原因码", "处理方式"]);
        answer.values.insert("conclusion", Given::Text(TRUE.to_owned()));
        answer.values.insert("handling", Given::Text("补税".to_owned()));
        assert_eq!(answer.missing(&["I05", "I07"], &["I07"], 20_000), ["该疑点核实结论（I07）"]);
        answer.items.insert("I07".to_owned(), TRUE.to_owned());
        assert!(answer.missing(&["I05", "I07"], &["I07"], 20_000).is_empty());
    }

    #[test]
    fn an_answer_that_contradicts_itself_says_where() {
        let said = |conclusion: &str, more: &[(&'static str, &str)], items: &[(&str, &str)]| {
            let mut answer = Answer::default();
            for (id, text) in [("conclusion", conclusion)].iter().chain(more) {
                answer.values.insert(id, Given::Text((*text).to_owned()));
            }
            answer.items = items.iter().map(|(code, word)| ((*code).into(), (*word).into())).collect();
            let day = NaiveDate::from_ymd_opt(2026, 12, 1).unwrap();
            let found = answer.contradictions(&["I05", "I07"], 0, day);
            found.into_iter().map(|(id, _, _)| id).collect::<Vec<_>>()
        };
        assert_eq!(said(TRUE, &[("exclusion_reason", "03 行业或季节特点")], &[]), ["exclusion_reason"]);
        assert_eq!(said(EXCLUDED, &[("handling", "补税")], &[]), ["handling"]);
        assert_eq!(said(TRUE, &[], &[("I05", TRUE), ("I07", EXCLUDED)]), ["conclusion"]);
        assert_eq!(said(PARTLY, &[], &[("I05", TRUE), ("I07", TRUE)]), ["conclusion"]);
        assert_eq!(said(PARTLY, &[], &[("I05", TRUE)]), Vec::<&str>::new());
        assert_eq!(said(PARTLY, &[], &[("I05", TRUE), ("I07", EXCLUDED)]), Vec::<&str>::new());
    }
}
