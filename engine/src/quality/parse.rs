//! Reads rule files: every problem of a file is noted, what is right is kept.
//!
//! Knows the keys of a rule, not whether its SQL fits the table (`check`).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use assay_datasets::schema::{Table, catalog};
use assay_indicators::{At, Problem, Sink, SourceFile, TableReader, as_string};

use super::rule::{
    Bins, Both, Claim, Dimension, Distribution, Expectation, Kind, Owner, Rule, Severity, Window,
};
use super::template::Template;
use super::testrow;

/// What one file says.
#[derive(Debug, Default)]
pub struct Parsed {
    /// Rules, one for each table it concerns.
    pub rules: Vec<Rule>,
    /// Distributions to watch.
    pub distributions: Vec<Distribution>,
    /// What is expected of a table's months.
    pub months: Vec<(&'static str, Expectation)>,
    /// Ids switched off.
    pub off: Vec<At<String>>,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
}

const DIMENSIONS: [(&str, Dimension); 4] = [
    ("completeness", Dimension::Completeness),
    ("validity", Dimension::Validity),
    ("uniqueness", Dimension::Uniqueness),
    ("consistency", Dimension::Consistency),
];
const SEVERITIES: [(&str, Severity); 3] =
    [("high", Severity::High), ("medium", Severity::Medium), ("low", Severity::Low)];
const CLAIMS: [(&str, Claim); 2] = [("defect", Claim::Defect), ("notice", Claim::Notice)];
const OWNERS: [(&str, Owner); 5] = [
    ("source", Owner::Source),
    ("registration", Owner::Registration),
    ("invoices", Owner::Invoices),
    ("filings", Owner::Filings),
    ("data", Owner::Data),
];
const WINDOWS: [(&str, Window); 2] = [("month", Window::Month), ("all", Window::All)];

/// Reads one file.
pub fn parse(file: &Arc<SourceFile>) -> Parsed {
    let mut sink = Sink::new(file);
    let root = sink.parse();
    let mut parsed = Parsed::default();
    let mut reader = TableReader::new(root.get_ref(), root.span(), "the file");
    let table = reader.optional_string("table", &mut sink).and_then(|name| find_table(&name, &mut sink));
    if let Some(month) = reader.get("month")
        && let Some(month) = TableReader::of(month, "month", &mut sink)
        && let Some(table) = table
    {
        parsed.months.push((table.name.as_str(), expectation(month, &mut sink)));
    }
    if let Some(off) = reader.get("off") {
        parsed.off = strings(off, "off", &mut sink);
    }
    for rule in reader.tables("rule", &mut sink) {
        rules(rule, file, table, &mut parsed.rules, &mut sink);
    }
    for item in reader.tables("distribution", &mut sink) {
        parsed.distributions.extend(distribution(item, file, table, &mut sink));
    }
    reader.finish(&mut sink);
    parsed.problems = sink.problems;
    parsed
}

fn find_table(name: &At<String>, sink: &mut Sink<'_>) -> Option<&'static Table> {
    let found = catalog().table(&name.value);
    if found.is_none() {
        let near = catalog().nearest(&name.value).join(", ");
        sink.add(&name.span, format!("no table `{}`", name.value), format!("did you mean {near}?"));
    }
    found
}

fn expectation(mut reader: TableReader<'_, '_>, sink: &mut Sink<'_>) -> Expectation {
    let due_days = reader.optional_integer("due_days", 0..=3660, sink);
    let mut found = Expectation { due_days, ..Expectation::default() };
    if let Some(change) = reader.optional_number("count_change", sink) {
        found.count_change = change.value;
    }
    if let Some(rows) = reader.optional_integer("min_rows", 1..=1_000_000_000, sink) {
        found.min_rows = rows.unsigned_abs();
    }
    reader.finish(sink);
    found
}

/// The texts of a list.
fn strings(value: &toml::Spanned<toml::de::DeValue<'_>>, key: &str, sink: &mut Sink<'_>) -> Vec<At<String>> {
    match value.get_ref().as_array() {
        Some(items) => items.iter().filter_map(|item| as_string(item, key, sink)).collect(),
        None => {
            sink.add(&value.span(), format!("`{key}` is no list"), format!("write {key} = [\"…\"]"));
            Vec::new()
        }
    }
}

/// Text in both languages under one key.
fn both(
    reader: &mut TableReader<'_, '_>,
    key: &'static str,
    sink: &mut Sink<'_>,
) -> Option<(At<String>, At<String>, Option<Owner>)> {
    let value = reader.need(key, sink)?;
    let mut inner = TableReader::of(value, key, sink)?;
    let zh = inner.string("zh", sink);
    let en = inner.string("en", sink);
    let by = inner.optional_word("by", &OWNERS, sink);
    inner.finish(sink);
    Some((zh?, en?, by))
}

fn template(text: &At<String>, sink: &mut Sink<'_>) -> Option<Template> {
    match Template::parse(&text.value) {
        Ok(template) => Some(template),
        Err(message) => {
            sink.add(&text.span, message, "close the brace");
            None
        }
    }
}

/// The span of a whole rule: tests behind it included, so that a changed test changes the fingerprint too little to
/// care about and a changed rule always does.
fn whole(file: &SourceFile, reader: &TableReader<'_, '_>) -> Range<usize> {
    let start = reader.span().start;
    let mut end = reader.span().end;
    for (_, value) in reader.entries() {
        end = end.max(value.span().end);
    }
    start..end.min(file.text.len())
}

fn rules(
    mut reader: TableReader<'_, '_>,
    file: &Arc<SourceFile>,
    table: Option<&'static Table>,
    found: &mut Vec<Rule>,
    sink: &mut Sink<'_>,
) {
    let span = whole(file, &reader);
    let at = reader.span().clone();
    let id = reader.string("id", sink);
    let dimension = reader.word("dimension", &DIMENSIONS, sink);
    let severity = reader.word("severity", &SEVERITIES, sink);
    let claim = reader.optional_word("claim", &CLAIMS, sink).unwrap_or_default();
    let zh = reader.string("zh", sink);
    let en = reader.string("en", sink);
    let each = reader.get("each").map(|v| strings(v, "each", sink));
    let except = reader.get("except").map(|v| strings(v, "except", sink)).unwrap_or_default();
    let when = reader.optional_string("when", sink);
    let window = reader.optional_word("by", &WINDOWS, sink);
    let kind = kind(&mut reader, &at, sink);
    let columns = reader.need("columns", sink).map(|v| strings(v, "columns", sink));
    let show = show(&mut reader, sink);
    let message = both(&mut reader, "message", sink)
        .and_then(|(zh, en, _)| Some([template(&zh, sink)?, template(&en, sink)?]));
    let fix = both(&mut reader, "fix", sink);
    let tests = testrow::read(&mut reader, sink);
    reader.finish(sink);
    let tables = match (table, each) {
        (Some(table), None) => vec![table],
        (None, Some(columns)) => having(&columns, &except, &at, sink),
        (Some(_), Some(_)) => {
            sink.add(&at, "`each` in a file with `table`", "move the rule to a file without `table`");
            return;
        }
        (None, None) => {
            sink.add(
                &at,
                "nothing says which table the rule is for",
                "add `table = …` at the top of the file, or `each = [\"column\"]`",
            );
            return;
        }
    };
    let (Some(id), Some(dimension), Some(severity), Some(zh), Some(en)) = (id, dimension, severity, zh, en)
    else {
        return;
    };
    let (Some(kind), Some(columns), Some(message), Some((fix_zh, fix_en, owner))) =
        (kind, columns, message, fix)
    else {
        return;
    };
    let Some(owner) = owner else {
        sink.add(
            &at,
            "`fix` does not say who acts",
            "add `by = \"source\"` (or registration, invoices, filings, data) to `fix`",
        );
        return;
    };
    for table in tables {
        let put = |text: &At<String>| At::new(text.value.replace("{table}", &table.name), text.span.clone());
        found.push(Rule {
            id: id.value.clone(),
            table,
            dimension,
            severity,
            claim,
            name: Both { zh: zh.value.clone(), en: en.value.clone() },
            when: when.as_ref().map(put),
            kind: match &kind {
                Kind::Row { ok } => Kind::Row { ok: put(ok) },
                Kind::Unique { columns } => Kind::Unique { columns: columns.clone() },
                Kind::Between { with, from, unknown, clear } => Kind::Between {
                    with: with.as_ref().map(put),
                    from: put(from),
                    unknown: unknown.clone(),
                    clear: clear.clone(),
                },
            },
            window: window.unwrap_or(Window::All),
            columns: columns.clone(),
            show: show.clone(),
            message: message.clone(),
            fix: Both { zh: fix_zh.value.clone(), en: fix_en.value.clone() },
            owner,
            tests: tests.clone(),
            source: Arc::clone(file),
            span: span.clone(),
        });
    }
}

/// The tables that have all of these columns in the open.
fn having(
    columns: &[At<String>],
    except: &[At<String>],
    at: &Range<usize>,
    sink: &mut Sink<'_>,
) -> Vec<&'static Table> {
    for name in except {
        find_table(name, sink);
    }
    let has = |table: &Table, name: &str| {
        table.column(name).is_some_and(|c| !c.always_personal())
            && !except.iter().any(|e| e.value == table.name)
    };
    let tables: Vec<&'static Table> =
        catalog().tables().iter().filter(|table| columns.iter().all(|c| has(table, &c.value))).collect();
    if tables.is_empty() {
        let names: Vec<&str> = columns.iter().map(|c| c.value.as_str()).collect();
        sink.add(at, format!("no table has all of {}", names.join(", ")), "correct `each`");
    }
    tables
}

fn kind(reader: &mut TableReader<'_, '_>, at: &Range<usize>, sink: &mut Sink<'_>) -> Option<Kind> {
    let ok = reader.optional_string("ok", sink);
    let unique = reader.get("unique").map(|v| strings(v, "unique", sink));
    let with = reader.optional_string("with", sink);
    let from = reader.optional_string("from", sink);
    let unknown = reader.optional_string("unknown", sink);
    let clear = reader.optional_string("clear", sink);
    match (ok, unique, from) {
        (Some(ok), None, None) => Some(Kind::Row { ok }),
        (None, Some(columns), None) => Some(Kind::Unique { columns }),
        (None, None, Some(from)) => Some(Kind::Between { with, from, unknown, clear }),
        _ => {
            sink.add(
                at,
                "the rule does not say how rows are judged",
                "give exactly one of `ok` (a condition), `unique` (columns), `from` (a query)",
            );
            None
        }
    }
}

fn show(reader: &mut TableReader<'_, '_>, sink: &mut Sink<'_>) -> BTreeMap<String, At<String>> {
    let Some(value) = reader.get("show") else { return BTreeMap::new() };
    let Some(inner) = TableReader::of(value, "show", sink) else { return BTreeMap::new() };
    let entries = inner.entries();
    entries
        .into_iter()
        .filter_map(|(name, value)| as_string(value, &name.value, sink).map(|v| (name.value, v)))
        .collect()
}

fn distribution(
    mut reader: TableReader<'_, '_>,
    file: &Arc<SourceFile>,
    table: Option<&'static Table>,
    sink: &mut Sink<'_>,
) -> Option<Distribution> {
    let span = whole(file, &reader);
    let at = reader.span().clone();
    let id = reader.string("id", sink);
    let zh = reader.string("zh", sink);
    let en = reader.string("en", sink);
    let column = reader.optional_string("column", sink);
    let number = reader.optional_string("number", sink);
    let warn = reader.optional_number("psi", sink).map_or(0.25, |w| w.value);
    let min_rows = reader.optional_integer("min_rows", 1..=1_000_000_000, sink).unwrap_or(500);
    reader.finish(sink);
    let bins = match (column, number) {
        (Some(column), None) => Bins::Column(column),
        (None, Some(number)) => Bins::Number(number),
        _ => {
            sink.add(&at, "the distribution has no values", "give exactly one of `column` and `number`");
            return None;
        }
    };
    let Some(table) = table else {
        sink.add(
            &at,
            "nothing says which table the distribution is of",
            "add `table = …` at the top of the file",
        );
        return None;
    };
    Some(Distribution {
        id: id?.value,
        table,
        name: Both { zh: zh?.value, en: en?.value },
        bins,
        warn,
        min_rows: min_rows.unsigned_abs(),
        source: Arc::clone(file),
        span,
    })
}
