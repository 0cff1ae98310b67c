//! One TOML file to one [`Indicator`], with everything wrong in its form. Whether its expressions mean
//! something is `check.rs`'s business.

use std::ops::Range;

use chrono::NaiveDate;
use toml::Spanned;
use toml::de::DeValue;

use crate::definition::{
    Basis, Bilingual, BilingualList, Fact, Grain, Indicator, Line, LineKind, Mark, Op, PeerFigure,
    PeerFigures, Severity, TestRow, TestValue, Unit, Verdict,
};
use crate::period;
use crate::problem::{Problem, SourceFile};
use crate::reader::{At, Sink, TableReader, a, as_string};

/// Units an indicator's own value may have.
pub(crate) const VALUE_UNITS: &[(&str, Unit)] = &[
    ("share", Unit::Share),
    ("ratio", Unit::Ratio),
    ("count", Unit::Count),
    ("money", Unit::Money),
    ("days", Unit::Days),
    ("score", Unit::Score),
];

/// Taxes an indicator may name.
pub(crate) const TAXES: &[(&str, &str)] = &[
    ("vat", "vat"),
    ("cit", "cit"),
    ("iit", "iit"),
    ("consumption", "consumption"),
    ("stamp", "stamp"),
    ("property", "property"),
    ("land_use", "land_use"),
    ("land_vat", "land_vat"),
    ("resource", "resource"),
    ("environment", "environment"),
    ("deed", "deed"),
    ("vehicle", "vehicle"),
    ("farmland", "farmland"),
    ("city_maintenance", "city_maintenance"),
    ("export", "export"),
    ("social", "social"),
    ("all", "all"),
];

/// Reads one definition file. The indicator is `None` when a part it cannot do without is missing or wrong;
/// the problems then say which.
pub fn parse(file: &SourceFile) -> (Option<Indicator>, Vec<Problem>) {
    let mut sink = Sink::new(file);
    let document = sink.parse();
    let mut top = TableReader::new(document.get_ref(), 0..0, "the definition");
    let indicator = indicator(&mut top, &mut sink);
    top.finish(&mut sink);
    (indicator, sink.problems)
}

fn indicator(t: &mut TableReader<'_, '_>, s: &mut Sink<'_>) -> Option<Indicator> {
    // Everything is read before the first `?`, so that one run reports every missing part.
    let code = t.string("code", s).inspect(|code| check_code(code, s));
    let version = t.need("version", s).and_then(|_| t.optional_integer("version", 1..=9999, s));
    let name = bilingual(t, "name", s);
    let tax = t.word("tax", TAXES, s);
    let family = t.string("family", s);
    let grain = t.word("grain", Grain::WORDS, s);
    let severity = t.word("severity", Severity::WORDS, s);
    let unit = t.word("unit", VALUE_UNITS, s);
    let applies = t.optional_string("applies", s);
    let value = t.string("value", s);
    let amount = t.optional_string("amount", s);
    let basis = t.tables("basis", s).into_iter().filter_map(|b| read_basis(b, s)).collect();
    let innocent = sentences(t, "innocent", s);
    let ask = sentences(t, "ask", s);
    let evidence = t.string("evidence", s);
    let notes = if t.get("notes").is_some() { bilingual(t, "notes", s) } else { None };
    let facts = facts(t, s);
    let message = messages(t, s);
    let lines: Vec<_> = t.tables("lines", s).into_iter().filter_map(|line| read_line(line, s)).collect();
    if t.get("lines").is_none() {
        s.add(
            &(0..0),
            "no [[lines]]",
            "add at least one line with `op`, `value` or `peer` or `z`, and `source`",
        );
    }
    let tests: Vec<_> = t.tables("tests", s).into_iter().filter_map(|test| read_test(test, s)).collect();
    let (message, message_spans) = message?;
    Some(Indicator {
        code: code?,
        version: i32::try_from(version?).ok()?,
        name: name?,
        tax: tax?.to_owned(),
        family: family?.value,
        grain: grain?,
        severity: severity?,
        unit: unit?,
        applies,
        value: value?,
        amount,
        basis,
        innocent: innocent?,
        ask: ask?,
        evidence: evidence?,
        notes,
        facts: facts?,
        message,
        message_spans,
        lines,
        tests,
        file: s.file.name.clone(),
    })
}

pub(crate) fn check_code(code: &At<String>, s: &mut Sink<'_>) {
    let good = code.value.starts_with(|c: char| c.is_ascii_uppercase())
        && code.value.len() <= 16
        && code.value.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    if !good {
        s.add(&code.span, format!("`{}` is no code", code.value), "use capitals and digits, e.g. `I05`");
    }
}

/// Notes a Chinese text without a single Chinese character.
fn check_chinese(text: &At<String>, what: &str, s: &mut Sink<'_>) {
    if !text.value.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)) {
        s.add(&text.span, format!("{what} `{}` is not Chinese", text.value), "write the Chinese text here");
    }
}

pub(crate) fn pair(
    t: &mut TableReader<'_, '_>,
    what: &str,
    s: &mut Sink<'_>,
) -> Option<(At<String>, At<String>)> {
    let zh = t.string("zh", s).inspect(|zh| check_chinese(zh, what, s));
    let en = t.string("en", s);
    Some((zh?, en?))
}

pub(crate) fn bilingual(
    t: &mut TableReader<'_, '_>,
    key: &'static str,
    s: &mut Sink<'_>,
) -> Option<Bilingual> {
    let value = t.need(key, s)?;
    let mut inner = TableReader::of(value, key, s)?;
    let both = pair(&mut inner, key, s);
    inner.finish(s);
    both.map(|(zh, en)| Bilingual { zh: zh.value, en: en.value })
}

fn messages(t: &mut TableReader<'_, '_>, s: &mut Sink<'_>) -> Option<(Bilingual, [Range<usize>; 2])> {
    let value = t.need("message", s)?;
    let mut inner = TableReader::of(value, "[message]", s)?;
    let both = pair(&mut inner, "message", s);
    inner.finish(s);
    both.map(|(zh, en)| (Bilingual { zh: zh.value, en: en.value }, [zh.span, en.span]))
}

fn sentences(t: &mut TableReader<'_, '_>, key: &'static str, s: &mut Sink<'_>) -> Option<BilingualList> {
    let value = t.need(key, s)?;
    let mut inner = TableReader::of(value, key, s)?;
    let mut lists = [Vec::new(), Vec::new()];
    for (language, list) in ["zh", "en"].into_iter().zip(&mut lists) {
        let Some(value) = inner.need(language, s) else { continue };
        let Some(items) = value.get_ref().as_array() else {
            s.add(
                &value.span(),
                format!("`{key}.{language}` is {}", a(value.get_ref())),
                "write a list of texts",
            );
            continue;
        };
        for item in items {
            let Some(text) = as_string(item, key, s) else { continue };
            if language == "zh" {
                check_chinese(&text, key, s);
            }
            list.push(text.value);
        }
    }
    inner.finish(s);
    let [zh, en] = lists;
    if zh.len() != en.len() || zh.is_empty() {
        let message = format!("`{key}` has {} Chinese and {} English sentences", zh.len(), en.len());
        s.add(&value.span(), message, "write each sentence in both languages, at least one");
    }
    Some(BilingualList { zh, en })
}

pub(crate) fn read_basis(mut t: TableReader<'_, '_>, s: &mut Sink<'_>) -> Option<Basis> {
    let doc = t.string("doc", s);
    let article = t.optional_string("article", s).map(|text| text.value);
    let source = t.word("source", Mark::WORDS, s);
    t.finish(s);
    Some(Basis { doc: doc?.value, article, source: source? })
}

pub(crate) fn facts(t: &mut TableReader<'_, '_>, s: &mut Sink<'_>) -> Option<Vec<Fact>> {
    let value = t.need("facts", s)?;
    let table = TableReader::of(value, "[facts]", s)?;
    let mut facts = Vec::new();
    for (name, value) in table.entries() {
        let good = name.value.starts_with(|c: char| c.is_ascii_lowercase())
            && name.value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !good || ["value", "line", "amount", "as_of", "as_of_date"].contains(&name.value.as_str()) {
            let remedy = "use lower case, digits and `_`; value, line, amount and as_of are taken";
            s.add(&name.span, format!("`{}` cannot name a fact", name.value), remedy);
        }
        let what = format!("fact `{}`", name.value);
        let Some(mut inner) = TableReader::of(value, &what, s) else { continue };
        let expr = inner.string("expr", s);
        let unit = inner.word("unit", Unit::WORDS, s);
        let label = pair(&mut inner, &what, s);
        inner.finish(s);
        if let (Some(expr), Some(unit), Some((zh, en))) = (expr, unit, label) {
            facts.push(Fact { name, expr, unit, label: Bilingual { zh: zh.value, en: en.value } });
        }
    }
    if table.entries().is_empty() {
        s.add(table.span(), "[facts] is empty", "name the inputs of the value");
    }
    Some(facts)
}

fn read_line(mut t: TableReader<'_, '_>, s: &mut Sink<'_>) -> Option<Line> {
    let span = t.span().clone();
    let op = t.word("op", Op::WORDS, s);
    let value = t.optional_number("value", s);
    let peer = t.get("peer").is_some();
    let figure = t.optional_word("peer", PeerFigure::WORDS, s);
    let factor = t.optional_number("factor", s);
    let z = t.optional_number("z", s);
    let source = t.word("source", Mark::WORDS, s);
    let from = date(&mut t, "from", s);
    let to = date(&mut t, "to", s);
    let severity = t.optional_word("severity", Severity::WORDS, s);
    let min_peers = t.optional_integer("min_peers", 3..=1_000_000, s);
    t.finish(s);
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        s.add(&span, format!("the line runs from {from} to {to}"), "put the earlier date in `from`");
    }
    if let (Some(factor), false) = (&factor, peer) {
        s.add(&factor.span, "`factor` without `peer`", "add `peer` or leave the factor out");
    }
    let factor = factor.map_or(1.0, |f| f.value);
    let kind = match (value, peer, z) {
        (Some(value), false, None) => LineKind::Absolute(value.value),
        (None, true, None) => LineKind::Peer { figure: figure?, factor },
        (None, false, Some(z)) => LineKind::RobustZ(z.value),
        (None, false, None) => {
            s.add(&span, "a line without a value", "add one of `value = …`, `peer = \"p90\"` or `z = 3.5`");
            return None;
        }
        _ => {
            s.add(&span, "a line with several values", "keep one of `value`, `peer` and `z`");
            return None;
        }
    };
    if min_peers.is_some() && !kind.needs_peers() {
        s.add(&span, "`min_peers` on a line that needs no peers", "leave it out");
    }
    let min_peers = min_peers.and_then(|n| usize::try_from(n).ok());
    Some(Line { op: op?, kind, source: source?, from, to, severity, min_peers, span })
}

pub(crate) fn date(t: &mut TableReader<'_, '_>, key: &'static str, s: &mut Sink<'_>) -> Option<NaiveDate> {
    let value = t.get(key)?;
    let date = as_date(value);
    if date.is_none() {
        s.add(&value.span(), format!("`{key}` is no date"), "write it as 2020-01-31, without quotes");
    }
    date
}

pub(crate) fn as_date(value: &Spanned<DeValue<'_>>) -> Option<NaiveDate> {
    let written = value.get_ref().as_datetime().filter(|d| d.time.is_none())?.date?;
    NaiveDate::from_ymd_opt(i32::from(written.year), u32::from(written.month), u32::from(written.day))
}

fn read_test(mut t: TableReader<'_, '_>, s: &mut Sink<'_>) -> Option<TestRow> {
    let span = t.span().clone();
    let name = t.string("name", s);
    let facts = t.need("facts", s).and_then(|value| test_facts(value, s));
    let peers = t.get("peers").and_then(|value| peer_figures(value, s));
    let as_of = t.optional_integer("as_of", 190_001..=299_912, s).and_then(|p| i32::try_from(p).ok());
    let value = t.optional_number("value", s);
    let amount = t.get("amount").and_then(|value| number_text(value, "amount", s));
    let verdict = t.need("hit", s).and_then(|value| verdict(value, s));
    t.finish(s);
    if as_of.is_some_and(|p| !period::is_period(p)) {
        s.add(&span, "`as_of` is no month", "write it as YYYYMM");
    }
    Some(TestRow { name: name?.value, facts: facts?, peers, as_of, value, amount, verdict: verdict?, span })
}

pub(crate) fn test_facts(
    value: &Spanned<DeValue<'_>>,
    s: &mut Sink<'_>,
) -> Option<Vec<(At<String>, At<TestValue>)>> {
    let table = TableReader::of(value, "facts of a test", s)?;
    let mut facts = Vec::new();
    for (name, value) in table.entries() {
        let read = match value.get_ref() {
            DeValue::String(text) => Some(TestValue::Text(text.to_string())),
            DeValue::Boolean(flag) => Some(TestValue::Bool(*flag)),
            DeValue::Datetime(_) => as_date(value).map(TestValue::Date),
            _ => number_text(value, &name.value, s).map(|n| TestValue::Number(n.value)),
        };
        if let Some(read) = read {
            facts.push((name, At::new(read, value.span())));
        }
    }
    Some(facts)
}

pub(crate) fn number_text(value: &Spanned<DeValue<'_>>, key: &str, s: &mut Sink<'_>) -> Option<At<String>> {
    let text = match value.get_ref() {
        DeValue::Integer(i) if i.radix() == 10 => Some(i.as_str().to_owned()),
        DeValue::Float(x) if x.as_str().parse().is_ok_and(f64::is_finite) => Some(x.as_str().to_owned()),
        _ => None,
    };
    if text.is_none() {
        s.add(
            &value.span(),
            format!("`{key}` is {}, not a finite number", a(value.get_ref())),
            "write a number",
        );
    }
    text.map(|text| At::new(text, value.span()))
}

fn peer_figures(value: &Spanned<DeValue<'_>>, s: &mut Sink<'_>) -> Option<PeerFigures> {
    let mut t = TableReader::of(value, "peers", s)?;
    let mut figure = |key| t.need(key, s).and_then(|_| t.optional_number(key, s)).map(|at| at.value);
    let (median, p10, p90, mad) = (figure("median"), figure("p10"), figure("p90"), figure("mad"));
    let n = t.need("n", s).and_then(|_| t.optional_integer("n", 1..=1_000_000_000, s));
    t.finish(s);
    Some(PeerFigures { median: median?, p10: p10?, p90: p90?, mad: mad?, n: usize::try_from(n?).ok()? })
}

fn verdict(value: &Spanned<DeValue<'_>>, s: &mut Sink<'_>) -> Option<Verdict> {
    let found = match value.get_ref() {
        DeValue::Boolean(true) => Some(Verdict::Hit),
        DeValue::Boolean(false) => Some(Verdict::Clear),
        DeValue::String(word) if word == "unknown" => Some(Verdict::Unknown),
        DeValue::String(word) if word == "not_applicable" => Some(Verdict::NotApplicable),
        _ => None,
    };
    if found.is_none() {
        s.add(
            &value.span(),
            "`hit` says nothing known",
            "write true, false, \"unknown\" or \"not_applicable\"",
        );
    }
    found
}
