//! The catalogue as a person asks for it: a list, one indicator in full, what is wrong, how the tests stand.
//! Plain data and text; the command line lays it out.

use std::fmt::Write as _;

use datafusion::prelude::SessionContext;
use serde::Serialize;

use crate::catalogue::{Catalogue, Entry};
use crate::definition::{BilingualList, Line, LineKind, Unit};
use crate::message::{Language, number};
use crate::testrow::run_tests;

/// One line of `assay indicators list`.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Code.
    pub code: String,
    /// Version.
    pub version: i32,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Family.
    pub family: String,
    /// Severity.
    pub severity: String,
    /// Tax.
    pub tax: String,
    /// The lines with their source marks, e.g. `>= 10.0% [P]`.
    pub lines: String,
}

/// The whole catalogue, by code.
pub fn list(catalogue: &Catalogue) -> Vec<Summary> {
    catalogue
        .entries()
        .iter()
        .map(|entry| {
            let indicator = &entry.indicator;
            Summary {
                code: indicator.code.value.clone(),
                version: indicator.version,
                name_zh: indicator.name.zh.clone(),
                name_en: indicator.name.en.clone(),
                family: indicator.family.clone(),
                severity: indicator.severity.to_string(),
                tax: indicator.tax.clone(),
                lines: indicator
                    .lines
                    .iter()
                    .map(|line| line_text(line, indicator.unit))
                    .collect::<Vec<_>>()
                    .join("; "),
            }
        })
        .collect()
}

/// A line in short, e.g. `>= 1.5 × p90 of peers [D]`.
pub fn line_text(line: &Line, unit: Unit) -> String {
    let value = match line.kind {
        LineKind::Absolute(value) => number(value, unit, Language::En),
        LineKind::Peer { figure, factor: 1.0 } => format!("{figure} of peers"),
        LineKind::Peer { figure, factor } => format!("{factor} × {figure} of peers"),
        LineKind::RobustZ(z) => format!("robust z {z}"),
    };
    let mut text = format!("{} {value} [{}]", line.op, line.source);
    // Writing to a String cannot fail.
    if let Some(from) = line.from {
        let _ = write!(text, " from {from}");
    }
    if let Some(to) = line.to {
        let _ = write!(text, " to {to}");
    }
    if let Some(severity) = line.severity {
        let _ = write!(text, " ({severity})");
    }
    text
}

/// One indicator in full, as readable text; `None` when there is no such code.
pub fn show(catalogue: &Catalogue, code: &str) -> Option<String> {
    let Entry { indicator, source } = catalogue.get(code)?;
    let mut out = String::new();
    let mut row = |label: &str, text: &str| {
        let _ = writeln!(out, "{label:<10} {text}");
    };
    row(&indicator.code.value, &format!("{} · {}", indicator.name.zh, indicator.name.en));
    row(
        "",
        &format!(
            "version {}, {} · {} · {} · {}",
            indicator.version, indicator.tax, indicator.family, indicator.grain, indicator.severity
        ),
    );
    row("file", &source.name);
    row("applies", indicator.applies.as_ref().map_or("to everyone", |applies| applies.value.as_str()));
    row("value", &format!("{}   ({})", indicator.value.value, indicator.unit));
    if let Some(amount) = &indicator.amount {
        row("amount", &format!("{}   (yuan)", amount.value));
    }
    for line in &indicator.lines {
        row("line", &line_text(line, indicator.unit));
    }
    for fact in &indicator.facts {
        let text = format!(
            "{} = {}   ({}; {} · {})",
            fact.name.value, fact.expr.value, fact.unit, fact.label.zh, fact.label.en
        );
        row("fact", &text);
    }
    for basis in &indicator.basis {
        let article = basis.article.as_deref().unwrap_or("");
        row("basis", format!("{} {article} [{}]", basis.doc, basis.source).as_str());
    }
    row("message", &indicator.message.zh);
    row("", &indicator.message.en);
    if let Some(notes) = &indicator.notes {
        row("notes", &format!("{} · {}", notes.zh, notes.en));
    }
    sentences("innocent", &indicator.innocent, &mut row);
    sentences("ask", &indicator.ask, &mut row);
    row("evidence", &indicator.evidence.value);
    for test in &indicator.tests {
        row("test", &format!("{} → {}", test.name, test.verdict));
    }
    Some(out)
}

fn sentences(label: &str, list: &BilingualList, row: &mut impl FnMut(&str, &str)) {
    for (zh, en) in list.zh.iter().zip(&list.en) {
        row(label, &format!("{zh} · {en}"));
    }
}

/// How the test rows of one indicator stand.
#[derive(Debug, Clone, Serialize)]
pub struct TestSummary {
    /// Code.
    pub code: String,
    /// Rows that came out as written.
    pub passed: usize,
    /// Rows that did not.
    pub failed: usize,
    /// One sentence for each difference.
    pub differences: Vec<String>,
}

/// Runs all test rows of the catalogue.
pub fn test(ctx: &SessionContext, catalogue: &Catalogue) -> Vec<TestSummary> {
    let state = ctx.state();
    catalogue
        .entries()
        .iter()
        .map(|entry| {
            let report = run_tests(&state, entry);
            TestSummary {
                code: entry.indicator.code.value.clone(),
                passed: report.passed,
                failed: report.failed,
                differences: report.problems.iter().map(ToString::to_string).collect(),
            }
        })
        .collect()
}
