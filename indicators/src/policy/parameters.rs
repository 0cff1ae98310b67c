//! Dated parameters (起征点、税率、限额…) that policies share, read from `parameters.toml`: `$name` in an expression stands for
//! the value in force.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::definition::{Basis, Bilingual};
use crate::expression::Fault;
use crate::parse::{bilingual, date, number_text, read_basis};
use crate::problem::{Problem, SourceFile, did_you_mean};
use crate::reader::{Sink, TableReader};

/// A value with the days it holds.
#[derive(Debug, Clone)]
pub struct Dated {
    /// First day.
    pub from: NaiveDate,
    /// Last day; none: no end is known.
    pub to: Option<NaiveDate>,
    /// The number, as written.
    pub value: String,
    /// Where it stands in the law.
    pub basis: Option<Basis>,
}

/// A parameter and its values over time.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Name.
    pub label: Bilingual,
    /// Values, oldest first, none overlapping.
    pub values: Vec<Dated>,
}

/// All parameters by name.
#[derive(Debug, Clone, Default)]
pub struct Parameters(BTreeMap<String, Parameter>);

impl Parameters {
    /// Adds those of a file; one of the same name is replaced.
    pub(crate) fn read(&mut self, file: &SourceFile) -> Vec<Problem> {
        let mut sink = Sink::new(file);
        let document = sink.parse();
        let top = TableReader::new(document.get_ref(), 0..0, "parameters.toml");
        for (name, value) in top.entries() {
            let what = format!("parameter `{}`", name.value);
            let Some(table) = TableReader::of(value, &what, &mut sink) else { continue };
            if let Some(parameter) = read_parameter(table, &mut sink) {
                self.0.insert(name.value, parameter);
            }
        }
        sink.problems
    }

    /// Puts a number in place of the one in force on a day.
    pub(crate) fn replace(&mut self, name: &str, day: NaiveDate, value: &str) -> Result<(), String> {
        let remedy = did_you_mean(name, self.0.keys().map(String::as_str), "parameters.toml");
        let parameter =
            self.0.get_mut(name).ok_or_else(|| format!("unknown parameter `{name}`; {remedy}"))?;
        let holds = |dated: &&mut Dated| dated.from <= day && dated.to.is_none_or(|to| day <= to);
        let dated = parameter.values.iter_mut().find(holds);
        let dated = dated.ok_or_else(|| format!("parameter `{name}` has no value on {day} to be changed"))?;
        value.clone_into(&mut dated.value);
        Ok(())
    }

    /// An expression with the values in force on a day in place of `$names`; names of `given` take precedence.
    pub(crate) fn fill(&self, sql: &str, day: NaiveDate, given: &[(&str, String)]) -> Result<String, Fault> {
        let mut out = String::with_capacity(sql.len());
        let mut rest = sql;
        while let Some(at) = rest.find('$') {
            let (before, named) = rest.split_at(at);
            out.push_str(before);
            let end = named[1..]
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .map_or(named.len(), |n| n + 1);
            let (name, after) = (&named[1..end], &named[end..]);
            match given.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => out.push_str(value),
                None => out.push_str(self.value(name, day)?),
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// The value of a parameter on a day; none where there is none.
    #[must_use]
    pub fn on(&self, name: &str, day: NaiveDate) -> Option<&Dated> {
        let holds = |dated: &&Dated| dated.from <= day && dated.to.is_none_or(|to| day <= to);
        self.0.get(name)?.values.iter().find(holds)
    }

    fn value(&self, name: &str, day: NaiveDate) -> Result<&str, Fault> {
        if !self.0.contains_key(name) {
            let remedy = did_you_mean(name, self.0.keys().map(String::as_str), "parameters.toml");
            return Err(Fault::new(name, format!("unknown parameter `${name}`"), remedy));
        }
        self.on(name, day).map(|dated| dated.value.as_str()).ok_or_else(|| {
            let remedy = format!("add a value of `{name}` for that day to parameters.toml");
            Fault::new(name, format!("`${name}` has no value on {day}"), remedy)
        })
    }
}

fn read_parameter(mut t: TableReader<'_, '_>, s: &mut Sink<'_>) -> Option<Parameter> {
    let label = bilingual(&mut t, "name", s);
    let span = t.span().clone();
    let mut values: Vec<Dated> =
        t.tables("values", s).into_iter().filter_map(|table| read_dated(table, s)).collect();
    t.finish(s);
    values.sort_by_key(|dated| dated.from);
    for pair in values.windows(2) {
        if pair[0].to.is_none_or(|to| to >= pair[1].from) {
            let message = format!("two values on {}", pair[1].from);
            s.add(&span, message, "let the older one end the day before");
        }
    }
    Some(Parameter { label: label?, values })
}

fn read_dated(mut t: TableReader<'_, '_>, s: &mut Sink<'_>) -> Option<Dated> {
    let from = t.need("from", s).and_then(|_| date(&mut t, "from", s));
    let to = date(&mut t, "to", s);
    let value = t.need("value", s).and_then(|value| number_text(value, "value", s));
    let basis = t.tables("basis", s).into_iter().find_map(|b| read_basis(b, s));
    t.finish(s);
    Some(Dated { from: from?, to, value: value?.value, basis })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TEXT: &str = "[line]\nname = { zh = \"线\", en = \"line\" }\nvalues = [\n{ from = 2019-01-01, to = 2021-03-31, value = 100000 },\n\
        { from = 2021-04-01, value = 150000.5 },\n]\n";

    #[test]
    fn the_value_of_the_day_is_put_in() {
        let mut parameters = Parameters::default();
        assert!(parameters.read(&SourceFile::new("parameters.toml", TEXT)).is_empty());
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let fill = |text: &str, on: &str| parameters.fill(text, day(on), &[("months", "3".to_owned())]);
        assert_eq!(fill("x <= $line * $months", "2021-03-31").unwrap(), "x <= 100000 * 3");
        assert_eq!(fill("$line", "2021-04-01").unwrap(), "150000.5");
        assert!(fill("$line", "2018-12-31").unwrap_err().message.contains("no value on 2018-12-31"));
        assert!(fill("$lime", "2021-04-01").unwrap_err().remedy.contains("`line`"));
    }

    #[test]
    fn two_values_on_one_day_are_refused() {
        let text = TEXT.replace("to = 2021-03-31", "to = 2021-04-01");
        let problems = Parameters::default().read(&SourceFile::new("parameters.toml", text));
        assert!(problems[0].message.contains("two values on 2021-04-01"), "{problems:?}");
    }
}
